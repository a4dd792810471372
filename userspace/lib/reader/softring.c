// SPDX-License-Identifier: BSD-2-Clause
/*
 * ENTER in memory. Entries are taken (copied, checked), then run in order, one after the other, so
 * each chain is decided before the next entry begins and every completion is there when ENTER
 * returns. What comes from outside of ENTER are events.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "ccid/descriptor.h"
#include "ccid/message.h"
#include "softring_int.h"

static void finish(struct softring *r, struct soft_entry *e, struct cardring_cqe *cqe)
{
	cqe->user_data = e->taken->sqe.user_data;
	cqe->slot = e->taken->sqe.slot;
	e->done = true;
	cr_memring_complete(&r->mem, cqe);
}

static void finish_with(struct softring *r, struct soft_entry *e, int result)
{
	struct cardring_cqe cqe = { .result = result };

	finish(r, e, &cqe);
}

static bool is_abort(const struct soft_entry *e)
{
	return e->taken->sqe.opcode == CARDRING_OP_ABORT && !e->taken->refused;
}

/* What this ring may not do on the slot. */
static int refusal(const struct softring *r, const struct cardring_sqe *sqe)
{
	if (sqe->slot >= r->reader->dev.slots)
		return -EINVAL;
	if (r->reader->slots[sqe->slot].owner != r)
		return -EACCES;
	return r->reader->gone ? -ENODEV : 0;
}

/* Ends what is queued on the slot and was not begun; the entry itself too. */
static void run_abort(struct softring *r, struct soft_entry *e)
{
	unsigned int slot = e->taken->sqe.slot, i, dropped = 0;
	int err = refusal(r, &e->taken->sqe);

	for (i = 0; !err && &r->queue[i] != e; i++) {
		if (!r->queue[i].done && r->queue[i].taken->sqe.slot == slot) {
			finish_with(r, &r->queue[i], -ECANCELED);
			dropped++;
		}
	}
	finish_with(r, e, err ? err : dropped ? 0 : -EALREADY);
}

static unsigned int take(struct softring *r, unsigned int to_submit)
{
	uint32_t n = cr_memring_take(&r->mem, to_submit, r->reader->dev.max_payload, r->taken), i;

	for (i = 0; i < n; i++) {
		struct cr_memring_entry *t = &r->taken[i];

		r->queue[i] = (struct soft_entry) {
			.taken = t, .linked = i && t[-1].sqe.flags & CARDRING_SQE_LINK,
			.epoch = t->sqe.slot < r->reader->dev.slots ? r->reader->slots[t->sqe.slot].epoch : 0,
		};
	}
	r->queued = n;
	for (i = 0; i < n; i++) {
		if (is_abort(&r->queue[i]))
			run_abort(r, &r->queue[i]);
	}
	return n;
}

static int may_run(const struct softring *r, const struct soft_entry *e)
{
	const struct cardring_sqe *sqe = &e->taken->sqe;
	const struct soft_slot *s;
	int err = refusal(r, sqe);

	if (err)
		return err;
	s = &r->reader->slots[sqe->slot];
	if (s->epoch != e->epoch)
		return -ENOMEDIUM;
	if (e->taken->refused)
		return e->taken->refused;
	if (sqe->opcode == CARDRING_OP_SECURE && !r->reader->dev.descriptor[CR_CCID_PIN_SUPPORT_AT])
		return -EOPNOTSUPP;
	if ((s->stale || !s->powered) && cr_ccid_command(sqe->opcode)->needs_card)
		return -ENOMEDIUM;
	if (!s->present && sqe->opcode == CARDRING_OP_POWER_ON)
		return -ENOMEDIUM;
	return 0;
}

static void after_exec(struct softring *r, const struct soft_entry *e, const struct cr_soft_cmd *cmd,
		       struct cardring_cqe *cqe)
{
	struct soft_slot *s = &r->reader->slots[e->taken->sqe.slot];

	if (r->reader->gone)
		cqe->result = -ENODEV;
	else if (s->epoch != e->epoch)
		cqe->result = -ENOMEDIUM;	/* whatever came is not to be trusted */
	cqe->status = cmd->status;
	cqe->error = cmd->error;
	/* what fits of it is there */
	if (cqe->result == -EMSGSIZE && e->taken->sqe.rx_buf != CARDRING_NO_BUF)
		cqe->bytes = (uint32_t)cmd->rx_len;
	if (cqe->result < 0)
		return;
	if (cmd->op == CARDRING_OP_POWER_ON) {
		s->powered = true;
		s->stale = false;
	} else if (cmd->op == CARDRING_OP_POWER_OFF) {
		s->powered = false;
	}
	cqe->param = cmd->rparam;
	if (cmd->extended)
		cqe->flags |= CARDRING_CQE_EXTENDED;
	if (cr_ccid_command(cmd->op)->has_sw && cmd->rx_len >= 2)
		cqe->sw = (uint16_t)(cmd->rx[cmd->rx_len - 2] << 8 | cmd->rx[cmd->rx_len - 1]);
	cqe->bytes = e->taken->sqe.rx_buf == CARDRING_NO_BUF ? 0 : (uint32_t)cmd->rx_len;
	cqe->result = (int32_t)cqe->bytes;
	if (e->taken->sqe.flags & CARDRING_SQE_EXPECT_SW && (cqe->sw & e->taken->sqe.sw_mask) != e->taken->sqe.sw)
		cqe->result = -EBADMSG;
}

/* Returns the result. */
static int run(struct softring *r, struct soft_entry *e)
{
	const struct cardring_sqe *sqe = &e->taken->sqe;
	struct cr_soft_cmd cmd = { .slot = sqe->slot, .op = sqe->opcode };
	struct cardring_cqe cqe = { 0 };
	struct timespec t0, t1;

	cqe.result = may_run(r, e);
	if (cqe.result || sqe->opcode == CARDRING_OP_NOP) {
		if (sqe->slot < r->reader->dev.slots && !r->reader->slots[sqe->slot].present)
			cqe.status = CR_ICC_ABSENT;
		finish(r, e, &cqe);
		return cqe.result;
	}
	memcpy(cmd.param, sqe->param, sizeof(cmd.param));
	if (sqe->tx_len) {
		cmd.tx = cr_ring_payload(&r->mem.ring, sqe->tx_buf) + sqe->tx_off;
		cmd.tx_len = sqe->tx_len;
	}
	if (sqe->rx_buf == CARDRING_NO_BUF) {
		cmd.rx = r->scratch;
		cmd.rx_room = r->reader->dev.max_payload;
	} else {
		cmd.rx = cr_ring_payload(&r->mem.ring, sqe->rx_buf);
		cmd.rx_room = sqe->rx_len ? sqe->rx_len : cr_ring_payload_size(&r->mem.ring);
	}
	cmd.deadline_ms = sqe->deadline_ms ? sqe->deadline_ms : CARDRING_DEF_DEADLINE_MS;
	clock_gettime(CLOCK_MONOTONIC, &t0);
	cqe.result = cr_soft_exec(r->reader, &cmd);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	cqe.time_us = (uint32_t)((t1.tv_sec - t0.tv_sec) * 1000000 + (t1.tv_nsec - t0.tv_nsec) / 1000);
	if (!cqe.result && cmd.rx_len > cmd.rx_room)
		cqe.result = -EMSGSIZE;
	after_exec(r, e, &cmd, &cqe);
	finish(r, e, &cqe);
	return cqe.result;
}

static void run_all(struct softring *r)
{
	bool broken = false;
	unsigned int i;

	for (i = 0; i < r->queued; i++) {
		struct soft_entry *e = &r->queue[i];

		if (!e->linked)
			broken = false;
		if (e->done)		/* an ABORT, or what it dropped */
			broken = !is_abort(e);
		else if (broken)
			finish_with(r, e, -ECANCELED);
		else
			broken = run(r, e) < 0;
	}
	r->queued = 0;
}

static int soft_enter(cr_ring_t *ring, unsigned int to_submit, unsigned int min_complete,
		      int timeout_ms)
{
	struct softring *r = (struct softring *)ring;
	struct cr_softreader *reader = r->reader;
	struct timespec until;
	unsigned int taken;
	bool full;
	int result = 0;

	if (timeout_ms < -1)
		return -EINVAL;
	if (min_complete > r->mem.ring.cq_entries)
		min_complete = r->mem.ring.cq_entries;
	if (timeout_ms > 0)
		cr_soft_until(&until, timeout_ms);
	pthread_mutex_lock(&reader->lock);
	taken = take(r, to_submit);
	full = r->mem.starved;
	run_all(r);
	cr_memring_flush(&r->mem);
	while (!result && timeout_ms && cr_memring_unread(&r->mem) < min_complete) {
		if (reader->gone)
			break;
		if (cr_soft_wait(reader, timeout_ms < 0 ? NULL : &until) == ETIMEDOUT)
			result = -ETIME;
	}
	if (!result && reader->gone && (!min_complete || cr_memring_unread(&r->mem) < min_complete))
		result = -ENODEV;
	if (!result && full)
		result = -EAGAIN;
	cr_memring_drained(&r->mem);
	pthread_mutex_unlock(&reader->lock);
	return taken ? (int)taken : result;
}

static int soft_fd(cr_ring_t *ring)
{
	struct softring *r = (struct softring *)ring;
	int fd;

	pthread_mutex_lock(&r->reader->lock);
	fd = cr_memring_fd(&r->mem);
	pthread_mutex_unlock(&r->reader->lock);
	return fd;
}

static void soft_drained(cr_ring_t *ring)
{
	struct softring *r = (struct softring *)ring;

	if (!r->mem.polled)
		return;
	pthread_mutex_lock(&r->reader->lock);
	cr_memring_drained(&r->mem);
	pthread_mutex_unlock(&r->reader->lock);
}

static void soft_free(struct softring *r)
{
	if (r->mem.ring.hdr) {
		explicit_bzero(r->mem.ring.hdr, r->map_size);
		munmap(r->mem.ring.hdr, r->map_size);
	}
	if (r->scratch)
		explicit_bzero(r->scratch, r->reader->dev.max_payload);
	free(r->scratch);
	free(r->taken);
	free(r->queue);
	cr_memring_free(&r->mem);
	free(r);
}

static void soft_close(cr_ring_t *ring)
{
	struct softring *r = (struct softring *)ring, **p;
	struct cr_softreader *reader = r->reader;
	unsigned int i;

	pthread_mutex_lock(&reader->lock);
	for (i = 0; i < reader->dev.slots; i++) {
		if (reader->slots[i].owner == r)
			cr_soft_release_locked(r, i);
	}
	for (p = &reader->rings; *p != r; p = &(*p)->next)
		;
	*p = r->next;
	soft_free(r);
	cr_softreader_unref_locked(reader);
}

const struct cr_ring_ops cr_softring_ops = {
	.enter = soft_enter,
	.claim = cr_soft_claim,
	.release = cr_soft_release,
	.slot = cr_soft_slot,
	.fd = soft_fd,
	.close = soft_close,
	.drained = soft_drained,
};

static int soft_alloc(struct softring *r, const struct cr_memring_plan *plan)
{
	void *map;
	int err;

	r->taken = calloc(plan->entries, sizeof(*r->taken));
	r->queue = calloc(plan->entries, sizeof(*r->queue));
	r->scratch = malloc(r->reader->dev.max_payload);
	if (!r->taken || !r->queue || !r->scratch)
		return CR_E_NOMEM;
	map = mmap(NULL, plan->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return CR_E_NOMEM;
	r->map_size = plan->size;
	err = cr_memring_init(&r->mem, &cr_softring_ops, plan, map);
	if (err)
		munmap(map, plan->size);
	return err;
}

int cr_softreader_open(cr_softreader_t *reader, const struct cr_ring_params *params, cr_ring_t **out)
{
	struct cr_memring_plan plan;
	struct softring *r;
	int err = cr_memring_plan(params, reader->dev.max_payload, 0, &plan);

	if (err)
		return err;
	r = calloc(1, sizeof(*r));
	if (!r)
		return CR_E_NOMEM;
	r->reader = reader;
	r->mem.evfd = -1;
	err = soft_alloc(r, &plan);
	if (err) {
		soft_free(r);
		return err;
	}
	pthread_mutex_lock(&reader->lock);
	if (reader->gone) {
		err = CR_E_READER_GONE;
	} else {
		reader->refs++;
		r->next = reader->rings;
		reader->rings = r;
	}
	pthread_mutex_unlock(&reader->lock);
	if (err)
		soft_free(r);
	else
		*out = &r->mem.ring;
	return err;
}
