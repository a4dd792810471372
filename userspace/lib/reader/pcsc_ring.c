// SPDX-License-Identifier: BSD-2-Clause
/* A ring on a reader of PC/SC's, and its calls (struct cr_ring_ops). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "pcsc_int.h"

#define LEARN_MS	3000	/* what is in the slot is known by then */
#define CONNECT_MS	5000	/* pcscd powers the card meanwhile */
#define LOOK_TRIES	25	/* another program may just be asking the reader what it is */
#define LOOK_MS		10
#define AGAIN_MS	50	/* pcscd does not tell when a reader is free */
#define LEAVE_MS	3000
#define END_MS		3000

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, pcsc_ring) rings = LIST_HEAD_INITIALIZER(rings);

static struct pcsc_ring *ring_of(cr_ring_t *ring)
{
	return (struct pcsc_ring *)ring;
}

/* ---- ENTER ---- */

static uint64_t until_ms(int timeout_ms)
{
	return timeout_ms < 0 ? PCSC_NEVER : cr_pcsc_now() + (uint64_t)timeout_ms * PCSC_MS;
}

static int wait_changed(struct cr_memring *m, uint64_t until)
{
	struct pcsc_ring *r = (struct pcsc_ring *)m;

	return cr_pcsc_sleep(r, &r->changes, until);
}

static bool is_gone(const struct cr_memring *m)
{
	return ((const struct pcsc_ring *)m)->gone;
}

static int pcsc_enter(cr_ring_t *cr, unsigned int to_submit, unsigned int min_complete, int timeout_ms)
{
	static const struct cr_memring_enter how = { .submit = cr_pcsc_submit, .wait = wait_changed, .gone = is_gone };
	struct pcsc_ring *r = ring_of(cr);
	int n;

	if (timeout_ms < -1)
		return -EINVAL;
	pthread_mutex_lock(&r->lock);
	n = cr_memring_enter(&r->mem, &how, to_submit, min_complete, timeout_ms ? until_ms(timeout_ms) : 0);
	pthread_mutex_unlock(&r->lock);
	return n;
}

/* ---- claims ---- */

/* One connection, asked for and waited for. */
static int connect_once(struct pcsc_ring *r)
{
	uint64_t until = cr_pcsc_now() + CONNECT_MS * PCSC_MS;
	int err = 0;

	r->ask = PCSC_ASK_CONNECT;
	cr_pcsc_wake(&r->caller_word);
	while (r->ask == PCSC_ASK_CONNECT && !r->gone && err != -EINTR && cr_pcsc_now() < until)
		err = cr_pcsc_sleep(r, &r->changes, until);
	if (r->gone)
		err = -ENODEV;
	else if (r->ask == PCSC_ASK_ANSWERED)
		err = r->answer;
	else if (err != -EINTR)
		err = -EBUSY;
	r->ask = PCSC_ASK_NOTHING;
	return err;
}

static int claim(struct pcsc_ring *r, int timeout_ms)
{
	uint64_t slow = cr_pcsc_now() + CONNECT_MS * PCSC_MS, until = until_ms(timeout_ms), now;
	int err;

	if (r->gone)
		return -ENODEV;
	if (r->claimed)
		return -EALREADY;
	for (unsigned int tries = 0; r->present; tries++) {
		err = connect_once(r);
		if (err && cr_pcsc_unplugged(r))
			err = -ENODEV;
		now = cr_pcsc_now();
		if (err == -ENODEV || err == -EINTR || err == -EPERM || err == -ENOMEM)
			return err;
		/* a card that does not answer is POWER_ON's affair, and so is one that has just gone */
		if (err != -EBUSY)
			break;
		/* of a pcscd that hangs one try is enough */
		if (now >= until && (tries >= LOOK_TRIES || now >= slow))
			return -EBUSY;
		now += (now >= until ? LOOK_MS : AGAIN_MS) * PCSC_MS;
		while (cr_pcsc_now() < now && !r->gone) {
			if (cr_pcsc_sleep(r, &r->changes, now) == -EINTR)
				return -EINTR;
		}
	}
	if (r->gone)
		return -ENODEV;
	r->claimed = true;
	return 0;
}

static int pcsc_claim(cr_ring_t *cr, unsigned int slot, int timeout_ms)
{
	struct pcsc_ring *r = ring_of(cr);
	int err;

	if (slot || timeout_ms < -1)
		return -EINVAL;
	pthread_mutex_lock(&r->lock);
	err = claim(r, timeout_ms);
	pthread_mutex_unlock(&r->lock);
	return err;
}

static void release(struct pcsc_ring *r)
{
	uint64_t until = cr_pcsc_now() + LEAVE_MS * PCSC_MS;

	if (r->cur)
		cr_pcsc_finish(r, -ECANCELED);
	cr_pcsc_purge(r, -ECANCELED);
	r->powered = r->claimed = false;
	r->leave = true;
	cr_pcsc_wake(&r->caller_word);
	/* behind a call that does not end, the connection ends when that does */
	while (r->leave && cr_pcsc_now() < until)
		cr_pcsc_sleep(r, &r->changes, until);
}

static int pcsc_release(cr_ring_t *cr, unsigned int slot)
{
	struct pcsc_ring *r = ring_of(cr);
	int err = 0;

	if (slot)
		return -EINVAL;
	pthread_mutex_lock(&r->lock);
	if (r->gone)
		err = -ENODEV;
	else if (!r->claimed)
		err = -EACCES;
	else
		release(r);
	pthread_mutex_unlock(&r->lock);
	return err;
}

/* ---- the others ---- */

static enum cardring_slot_state state(const struct pcsc_ring *r)
{
	return r->powered ? CARDRING_SLOT_POWERED : r->present ? CARDRING_SLOT_PRESENT : CARDRING_SLOT_EMPTY;
}

static int pcsc_slot(cr_ring_t *cr, struct cardring_slot *slot)
{
	struct pcsc_ring *r = ring_of(cr);
	struct cr_reader_info ignored;
	int err = 0;
	bool ours;

	if (slot->slot)
		return -EINVAL;
	ours = cr_pcsc_mine(r->name, false, &ignored);
	pthread_mutex_lock(&r->lock);
	*slot = (struct cardring_slot) {
		.state = state(r), .owner_pid = ours ? getpid() : 0, .mine = r->claimed,
		.generation = r->generation,
	};
	if (r->gone)
		err = -ENODEV;
	pthread_mutex_unlock(&r->lock);
	return err;
}

static unsigned int pcsc_level(cr_ring_t *cr, unsigned int slot)
{
	struct pcsc_ring *r = ring_of(cr);
	unsigned int level;

	pthread_mutex_lock(&r->lock);
	level = r->level;
	pthread_mutex_unlock(&r->lock);
	return level;
}

static int pcsc_fd(cr_ring_t *cr)
{
	struct pcsc_ring *r = ring_of(cr);
	int fd;

	pthread_mutex_lock(&r->lock);
	fd = cr_memring_fd(&r->mem);
	pthread_mutex_unlock(&r->lock);
	return fd;
}

static void pcsc_drained(cr_ring_t *cr)
{
	struct pcsc_ring *r = ring_of(cr);

	if (!r->mem.polled)
		return;
	pthread_mutex_lock(&r->lock);
	cr_memring_drained(&r->mem);
	pthread_mutex_unlock(&r->lock);
}

bool cr_pcsc_mine(const char *name, bool gone, struct cr_reader_info *out)
{
	struct pcsc_ring *r;
	bool found = false;

	pthread_mutex_lock(&list_lock);
	LIST_FOREACH(r, &rings, link) {
		if (strcmp(r->name, name))
			continue;
		pthread_mutex_lock(&r->lock);
		found = r->claimed && r->gone == gone;
		if (found) {
			out->dev = r->info;
			out->state = state(r);
			out->owner_pid = getpid();
		}
		pthread_mutex_unlock(&r->lock);
		if (found)
			break;
	}
	pthread_mutex_unlock(&list_lock);
	return found;
}

/* ---- life ---- */

static void apdu_free(uint8_t *apdu)
{
	if (apdu)
		explicit_bzero(apdu, PCSC_APDU_MAX);
	free(apdu);
}

static void ring_free(struct pcsc_ring *r)
{
	if (r->mem.ring.hdr) {
		explicit_bzero(r->mem.ring.hdr, r->map_size);
		munmap(r->mem.ring.hdr, r->map_size);
	}
	cr_memring_free(&r->mem);
	free(r->taken);
	free(r->reqs);
	apdu_free(r->tx);
	apdu_free(r->rx);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void cr_pcsc_unref(struct pcsc_ring *r)
{
	unsigned int left = --r->refs;

	pthread_mutex_unlock(&r->lock);
	if (!left)
		ring_free(r);
}

/* The threads end; one that is inside of a call that does not end frees the ring when it does. */
static void shut_down(struct pcsc_ring *r)
{
	uint64_t until;

	cr_pcsc_unwatch(r->watch);
	pthread_mutex_lock(&r->lock);
	if (r->claimed && !r->gone)
		release(r);
	r->closing = true;
	cr_pcsc_wake(&r->caller_word);
	cr_pcsc_wake(&r->keeper_word);
	until = cr_pcsc_now() + END_MS * PCSC_MS;
	while (r->refs > 1 && cr_pcsc_now() < until)
		cr_pcsc_sleep(r, &r->changes, until);
	if (r->mem.ring.hdr)
		explicit_bzero(r->mem.ring.hdr, r->map_size);
	cr_pcsc_unref(r);
}

static void pcsc_close(cr_ring_t *cr)
{
	struct pcsc_ring *r = ring_of(cr);

	pthread_mutex_lock(&list_lock);
	LIST_REMOVE(r, link);
	pthread_mutex_unlock(&list_lock);
	shut_down(r);
}

static const struct cr_ring_ops pcsc_ops = {
	.enter = pcsc_enter,
	.claim = pcsc_claim,
	.release = pcsc_release,
	.slot = pcsc_slot,
	.fd = pcsc_fd,
	.close = pcsc_close,
	.drained = pcsc_drained,
	.level = pcsc_level,
};

static int init(struct pcsc_ring *r, const struct cr_memring_plan *plan)
{
	void *map;
	int err;

	r->taken = calloc(plan->entries, sizeof(*r->taken));
	r->reqs = calloc(2 * plan->entries, sizeof(*r->reqs));
	r->tx = malloc(PCSC_APDU_MAX);
	r->rx = malloc(PCSC_APDU_MAX);
	if (!r->taken || !r->reqs || !r->tx || !r->rx)
		return CR_E_NOMEM;
	for (uint32_t i = 0; i < 2 * plan->entries; i++)
		STAILQ_INSERT_TAIL(&r->free, &r->reqs[i], link);
	map = mmap(NULL, plan->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return CR_E_NOMEM;
	r->map_size = plan->size;
	err = cr_memring_init(&r->mem, &pcsc_ops, plan, map);
	if (err)
		munmap(map, plan->size);
	return err;
}

/* Waits until it is known what is in the slot. */
static int learn(struct pcsc_ring *r)
{
	uint64_t until = cr_pcsc_now() + LEARN_MS * PCSC_MS;
	int err = cr_pcsc_watch(r->name, cr_pcsc_told, r, &r->watch);

	if (err)
		return err;
	pthread_mutex_lock(&r->lock);
	while (!r->learned && cr_pcsc_now() < until)
		cr_pcsc_sleep(r, &r->changes, until);
	err = !r->learned ? CR_E_NO_SERVICE : r->gone ? r->gone_err : 0;
	pthread_mutex_unlock(&r->lock);
	return err;
}

int cr_pcsc_ring_new(const char *name, const struct cardring_info *info, const struct cr_ring_params *params,
		     cr_ring_t **out)
{
	struct cr_memring_plan plan;
	struct pcsc_ring *r;
	int err = cr_memring_plan(params, info->max_payload, 0, &plan);

	if (err)
		return err;
	r = calloc(1, sizeof(*r));
	if (!r)
		return CR_E_NOMEM;
	snprintf(r->name, sizeof(r->name), "%s", name);
	snprintf(r->line.name, sizeof(r->line.name), "%s", name);
	r->line.api = cr_pcsc();
	r->info = *info;
	r->level = info->level;
	r->mem.evfd = -1;
	r->refs = 1;
	pthread_mutex_init(&r->lock, NULL);
	STAILQ_INIT(&r->queue);
	STAILQ_INIT(&r->free);
	err = init(r, &plan);
	if (!err)
		err = cr_pcsc_start_threads(r);
	if (!err)
		err = learn(r);
	if (err) {
		shut_down(r);
		return err;
	}
	pthread_mutex_lock(&list_lock);
	LIST_INSERT_HEAD(&rings, r, link);
	pthread_mutex_unlock(&list_lock);
	*out = &r->mem.ring;
	return 0;
}
