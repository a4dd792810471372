// SPDX-License-Identifier: BSD-2-Clause
/* What is to be done in a slot: commands that wait for the one before them; what ends them; the card that comes and goes. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "ccid/message.h"
#include "pcsc_int.h"

#define LONGEST		(3600 * 1000 * PCSC_MS)
#define UNPLUG_MS	300
#define LOOK_MS		10

/* ---- waiting: on futexes, because a signal must end it ---- */

uint64_t cr_pcsc_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * PCSC_MS + (uint64_t)t.tv_nsec;
}

int cr_pcsc_sleep(struct pcsc_ring *r, uint32_t *word, uint64_t until)
{
	uint32_t was = __atomic_load_n(word, __ATOMIC_RELAXED);
	uint64_t now = cr_pcsc_now();
	bool cut = until > now + LONGEST;
	struct timespec t;
	long rc;

	/* always with an end: a wait without one is begun again behind a signal's handler */
	if (cut)
		until = now + LONGEST;
	t.tv_sec = (time_t)(until / (1000 * PCSC_MS));
	t.tv_nsec = (long)(until % (1000 * PCSC_MS));
	r->sleepers += word == &r->changes;
	pthread_mutex_unlock(&r->lock);
	rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, was, &t, NULL, FUTEX_BITSET_MATCH_ANY);
	if (rc)
		rc = errno == EINTR ? -EINTR : errno == ETIMEDOUT && !cut ? -ETIME : 0;
	pthread_mutex_lock(&r->lock);
	r->sleepers -= word == &r->changes;
	return (int)rc;
}

void cr_pcsc_wake(uint32_t *word)
{
	__atomic_add_fetch(word, 1, __ATOMIC_RELAXED);
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void cr_pcsc_changed(struct pcsc_ring *r)
{
	if (r->sleepers)
		cr_pcsc_wake(&r->changes);
}

/* ---- the queue ---- */

static void complete(struct pcsc_ring *r, struct pcsc_req *req, int result)
{
	req->cqe.result = result;
	req->cqe.user_data = req->sqe.user_data;
	req->cqe.slot = req->sqe.slot;
	STAILQ_INSERT_HEAD(&r->free, req, link);
	cr_memring_complete(&r->mem, &req->cqe);
}

/* Ends a command, and with it the chain that hung on its success. */
static void end(struct pcsc_ring *r, struct pcsc_req *req, int result)
{
	bool linked = req->sqe.flags & CARDRING_SQE_LINK;

	complete(r, req, result);
	while (linked && result < 0 && (req = STAILQ_FIRST(&r->queue))) {
		STAILQ_REMOVE_HEAD(&r->queue, link);
		linked = req->sqe.flags & CARDRING_SQE_LINK;
		complete(r, req, -ECANCELED);
	}
}

void cr_pcsc_finish(struct pcsc_ring *r, int result)
{
	struct pcsc_req *req = r->cur;

	r->cur = NULL;
	if (req->sqe.opcode == CARDRING_OP_POWER_OFF || result == -ENOMEDIUM)
		r->powered = false;
	end(r, req, result);
}

void cr_pcsc_purge(struct pcsc_ring *r, int err)
{
	struct pcsc_req *req;

	while ((req = STAILQ_FIRST(&r->queue))) {
		STAILQ_REMOVE_HEAD(&r->queue, link);
		complete(r, req, err);
	}
}

/* bmICCStatus (CCID 1.1, 6.2.6) */
static uint8_t icc(const struct pcsc_ring *r)
{
	return r->powered ? CR_ICC_ACTIVE : r->present ? CR_ICC_INACTIVE : CR_ICC_ABSENT;
}

/* What needs no call ends here: the result; else 1. */
static int without_call(const struct pcsc_ring *r, const struct pcsc_req *req)
{
	if (req->refused)
		return req->refused;
	if (req->sqe.opcode == CARDRING_OP_NOP || req->sqe.opcode == CARDRING_OP_SLOT_STATUS)
		return 0;
	if (!r->powered && cr_ccid_command(req->sqe.opcode)->needs_card)
		return -ENOMEDIUM;
	if (!r->present && req->sqe.opcode == CARDRING_OP_POWER_ON)
		return -ENOMEDIUM;
	switch (req->sqe.opcode) {
	case CARDRING_OP_POWER_ON:
	case CARDRING_OP_POWER_OFF:
		return 1;
	case CARDRING_OP_XFER:
		return req->sqe.param[1] || req->sqe.param[2] ? -EOPNOTSUPP : 1;
	}
	return -EOPNOTSUPP;
}

void cr_pcsc_start(struct pcsc_ring *r)
{
	struct pcsc_req *req;

	while (!r->cur && !r->gone && (req = STAILQ_FIRST(&r->queue))) {
		int result = without_call(r, req);
		uint32_t ms = req->sqe.deadline_ms ? req->sqe.deadline_ms : CARDRING_DEF_DEADLINE_MS;

		STAILQ_REMOVE_HEAD(&r->queue, link);
		if (result <= 0) {
			req->cqe.status = icc(r);
			end(r, req, result);
			continue;
		}
		r->cur = req;
		r->begun = false;
		r->serial++;
		r->deadline = cr_pcsc_now() + ms * PCSC_MS;
		cr_pcsc_sooner(r);
		if (!r->calling)
			cr_pcsc_wake(&r->caller_word);
	}
}

static void end_all(struct pcsc_ring *r, int err)
{
	if (r->cur) {
		/* the whole chain has the one reason */
		struct pcsc_req *req = r->cur;

		r->cur = NULL;
		req->cqe.status = icc(r);
		end(r, req, err);
	}
	cr_pcsc_purge(r, err);
}

void cr_pcsc_gone(struct pcsc_ring *r, int err)
{
	if (r->gone)
		return;
	r->gone = true;
	r->gone_err = err;
	r->powered = false;
	end_all(r, -ENODEV);
	cr_memring_event(&r->mem, 0, CARDRING_EVENT_GONE, 0);
	cr_pcsc_changed(r);
}

bool cr_pcsc_unplugged(struct pcsc_ring *r)
{
	if (!r->gone && !cr_pcsc_left(&r->info))
		return false;
	cr_pcsc_gone(r, CR_E_READER_GONE);
	return true;
}

/* A card that goes may be all that pcscd knows yet of a reader that does: the kernel lets go of that a moment later. */
static bool unplugged_soon(struct pcsc_ring *r)
{
	uint64_t until = cr_pcsc_now() + UNPLUG_MS * PCSC_MS;

	while (!cr_pcsc_unplugged(r)) {
		if (cr_pcsc_now() >= until)
			return false;
		cr_pcsc_sleep(r, &r->changes, cr_pcsc_now() + LOOK_MS * PCSC_MS);
	}
	return true;
}

/* ---- what is in the slot ---- */

static void card_out(struct pcsc_ring *r)
{
	r->present = false;
	r->powered = false;
	end_all(r, -ENOMEDIUM);
	cr_memring_event(&r->mem, 0, CARDRING_EVENT_CARD_OUT, 0);
}

static void card_in(struct pcsc_ring *r)
{
	r->present = true;
	r->generation++;
	cr_memring_event(&r->mem, 0, CARDRING_EVENT_CARD_IN, 0);
}

void cr_pcsc_told(void *arg, const struct pcsc_state *state, int err)
{
	struct pcsc_ring *r = arg;
	unsigned int count;
	bool present;

	pthread_mutex_lock(&r->lock);
	if (!state) {
		r->learned = true;
		cr_pcsc_gone(r, err);
		pthread_mutex_unlock(&r->lock);
		return;
	}
	present = state->event & PCSC_STATE_PRESENT;
	count = (unsigned int)(state->event >> 16 & 0xffff);
	if (!r->learned) {
		r->learned = true;
		r->present = present;
		r->generation = present;
	} else {
		/* the same state as before, but counted: one card for another */
		if (r->present && (!present || count != r->count) && !unplugged_soon(r))
			card_out(r);
		if (present && !r->present)
			card_in(r);
	}
	r->count = count;
	cr_pcsc_changed(r);
	pthread_mutex_unlock(&r->lock);
}

/* ---- what a program submits ---- */

static void take_abort(struct pcsc_ring *r, struct pcsc_req *req)
{
	bool had = r->cur || !STAILQ_EMPTY(&r->queue);

	if (r->cur)
		cr_pcsc_finish(r, -ECANCELED);
	cr_pcsc_purge(r, -ECANCELED);
	complete(r, req, had ? 0 : -EALREADY);
}

/* *broken: the entry before was linked to this one and refused. */
static void hand_over(struct pcsc_ring *r, const struct cr_memring_entry *e, bool *broken)
{
	struct pcsc_req *req = STAILQ_FIRST(&r->free);
	int err = e->sqe.slot ? -EINVAL : !r->claimed ? -EACCES : 0;

	STAILQ_REMOVE_HEAD(&r->free, link);
	req->sqe = e->sqe;
	req->refused = e->refused;
	memset(&req->cqe, 0, sizeof(req->cqe));
	if (err) {
		err = *broken ? -ECANCELED : err;
		*broken = req->sqe.flags & CARDRING_SQE_LINK;
		complete(r, req, err);
		return;
	}
	*broken = false;
	if (req->sqe.opcode == CARDRING_OP_ABORT && !req->refused)
		take_abort(r, req);
	else
		STAILQ_INSERT_TAIL(&r->queue, req, link);
}

unsigned int cr_pcsc_submit(struct cr_memring *m, unsigned int want)
{
	struct pcsc_ring *r = (struct pcsc_ring *)m;
	bool broken = false;
	uint32_t n, i;

	n = cr_memring_take(m, want, r->info.max_payload, r->taken);
	for (i = 0; i < n; i++)
		hand_over(r, &r->taken[i], &broken);
	cr_pcsc_start(r);
	return n;
}
