// SPDX-License-Identifier: BSD-2-Clause
/*
 * ENTER in memory. Entries are taken (copied, checked), then run in order, one after the other, so
 * each chain is decided before the next entry begins and every completion is there when ENTER
 * returns. What comes from outside of ENTER are events.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include "softring_int.h"

static uint32_t unread(const struct softring *r)
{
	/* Pairs with cr_ring_seen's release: the program has done with the entry before we reuse it. */
	return r->cq_tail - __atomic_load_n(&r->ring.hdr->cq_head, __ATOMIC_ACQUIRE);
}

/* Places in the completion ring that no completion to come has a right to. */
static uint32_t cq_room(const struct softring *r)
{
	uint32_t used = unread(r);

	if (used > r->ring.cq_entries || r->pending > r->ring.cq_entries - used)
		return 0;
	return r->ring.cq_entries - used - r->pending;
}

void cr_soft_complete(struct softring *r, const struct cardring_cqe *cqe)
{
	r->ring.cq[r->cq_tail & (r->ring.cq_entries - 1)] = *cqe;
	r->cq_tail++;
	/* Pairs with cr_ring_peek's acquire: the completion is whole before the program sees it. */
	__atomic_store_n(&r->ring.hdr->cq_tail, r->cq_tail, __ATOMIC_RELEASE);
	eventfd_write(r->evfd, 1);
}

void cr_soft_flush_events(struct softring *r)
{
	size_t n = 0;

	while (n < r->n_events && cq_room(r)) {
		if (r->events[n].result == CARDRING_EVENT_GONE && r->pending)
			break;		/* it is the last completion */
		cr_soft_complete(r, &r->events[n++]);
	}
	r->n_events -= n;
	if (n)
		memmove(r->events, r->events + n, r->n_events * sizeof(*r->events));
}

/* What the command carries and needs (CCID 1.1, 6.1). */
static bool has_payload(unsigned int op)
{
	return op == CARDRING_OP_XFER || op == CARDRING_OP_SET_PARAMS || op == CARDRING_OP_SECURE ||
	       op == CARDRING_OP_ESCAPE || op == CARDRING_OP_SET_RATE_CLOCK;
}

static bool has_status_word(unsigned int op)
{
	return op == CARDRING_OP_XFER || op == CARDRING_OP_SECURE;
}

static bool needs_power(unsigned int op)
{
	return op == CARDRING_OP_XFER || op == CARDRING_OP_SECURE || op == CARDRING_OP_GET_PARAMS ||
	       op == CARDRING_OP_SET_PARAMS || op == CARDRING_OP_RESET_PARAMS;
}

static int check(const struct softring *r, const struct cardring_sqe *sqe)
{
	size_t size = cr_ring_payload_size(&r->ring), i;

	if (sqe->opcode >= CARDRING_OP__COUNT)
		return -EOPNOTSUPP;
	if (sqe->flags & ~CARDRING_SQE_FLAGS || sqe->resv0 || sqe->slot >= r->reader->dev.slots ||
	    sqe->deadline_ms > CARDRING_MAX_DEADLINE_MS)
		return -EINVAL;
	for (i = 0; i < sizeof(sqe->resv) / sizeof(sqe->resv[0]); i++) {
		if (sqe->resv[i])
			return -EINVAL;
	}
	if (sqe->flags & CARDRING_SQE_EXPECT_SW && !has_status_word(sqe->opcode))
		return -EINVAL;
	if (sqe->opcode == CARDRING_OP_NOP || sqe->opcode == CARDRING_OP_ABORT)
		return 0;
	if (sqe->tx_len) {
		if (!has_payload(sqe->opcode))
			return -EINVAL;
		if (sqe->tx_buf >= r->ring.buffers || sqe->tx_off > size ||
		    sqe->tx_len > size - sqe->tx_off)
			return -EFAULT;
		if (sqe->tx_len > r->reader->dev.max_payload)
			return -EMSGSIZE;
	}
	if (sqe->rx_buf != CARDRING_NO_BUF && (sqe->rx_buf >= r->ring.buffers || sqe->rx_len > size))
		return -EFAULT;
	return 0;
}

static void finish(struct softring *r, struct soft_entry *e, struct cardring_cqe *cqe)
{
	cqe->user_data = e->sqe.user_data;
	cqe->slot = e->sqe.slot;
	e->done = true;
	r->pending--;
	cr_soft_complete(r, cqe);
}

static void finish_with(struct softring *r, struct soft_entry *e, int result)
{
	struct cardring_cqe cqe = { .result = result };

	finish(r, e, &cqe);
}

/* Ends what is queued on the slot and was not begun; the entry itself too. */
static void run_abort(struct softring *r, struct soft_entry *e)
{
	unsigned int i, dropped = 0;

	if (r->reader->slots[e->sqe.slot].owner != r) {
		finish_with(r, e, -EACCES);
		return;
	}
	for (i = 0; &r->queue[i] != e; i++) {
		if (!r->queue[i].done && r->queue[i].sqe.slot == e->sqe.slot) {
			finish_with(r, &r->queue[i], -ECANCELED);
			dropped++;
		}
	}
	finish_with(r, e, dropped ? 0 : -EALREADY);
}

/* Copies, checks and counts entries; a chain is taken whole or, where it finds no room, left. */
static unsigned int take(struct softring *r, unsigned int to_submit)
{
	/* Pairs with cr_ring_submit's release: the entries are whole. */
	uint32_t tail = __atomic_load_n(&r->ring.hdr->sq_tail, __ATOMIC_ACQUIRE);
	uint32_t n = tail - r->sq_head, i, j, whole = 0;
	struct soft_entry *e;

	if (n > r->ring.sq_entries)
		n = r->ring.sq_entries;
	if (n > to_submit)
		n = to_submit;
	for (i = 0; i < n && i < cq_room(r); i++) {
		e = &r->queue[i];
		memset(e, 0, sizeof(*e));
		e->sqe = r->ring.sq[(r->sq_head + i) & (r->ring.sq_entries - 1)];
		e->linked = i && r->queue[i - 1].sqe.flags & CARDRING_SQE_LINK;
		e->refused = check(r, &e->sqe);
		if (e->linked && e->sqe.slot != r->queue[i - 1].sqe.slot)
			e->refused = -EINVAL;	/* a chain stays on one slot */
		if (i + 1 == n)
			e->sqe.flags &= ~CARDRING_SQE_LINK;	/* a chain is of one ENTER */
		if (e->sqe.slot < r->reader->dev.slots)
			e->epoch = r->reader->slots[e->sqe.slot].epoch;
		if (!(e->sqe.flags & CARDRING_SQE_LINK) || i + 1 == n)
			whole = i + 1;
	}
	r->sq_head += whole;
	/* Pairs with cr_ring_sqe's acquire: we have copied the entries before they are reused. */
	__atomic_store_n(&r->ring.hdr->sq_head, r->sq_head, __ATOMIC_RELEASE);
	r->queued = whole;
	r->pending = whole;
	for (j = 0; j < whole; j++) {
		e = &r->queue[j];
		if (e->sqe.opcode == CARDRING_OP_ABORT && !e->refused)
			run_abort(r, e);
	}
	return whole;
}

static int may_run(const struct softring *r, const struct soft_entry *e)
{
	const struct soft_slot *s;

	if (r->reader->gone)
		return -ENODEV;
	if (e->refused)
		return e->refused;
	s = &r->reader->slots[e->sqe.slot];
	if (s->owner != r)
		return -EACCES;
	if (s->epoch != e->epoch || (s->stale && e->sqe.opcode != CARDRING_OP_POWER_ON))
		return -ENOMEDIUM;
	if (!s->powered && needs_power(e->sqe.opcode))
		return -ENOMEDIUM;
	if (!s->present && e->sqe.opcode == CARDRING_OP_POWER_ON)
		return -ENOMEDIUM;
	return 0;
}

static void after_exec(struct softring *r, const struct soft_entry *e, const struct cr_soft_cmd *cmd,
		       struct cardring_cqe *cqe)
{
	struct soft_slot *s = &r->reader->slots[e->sqe.slot];

	if (r->reader->gone)
		cqe->result = -ENODEV;
	else if (s->epoch != e->epoch)
		cqe->result = -ENOMEDIUM;	/* whatever came is not to be trusted */
	cqe->status = cmd->status;
	cqe->error = cmd->error;
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
	if (has_status_word(cmd->op) && cmd->rx_len >= 2)
		cqe->sw = (uint16_t)(cmd->rx[cmd->rx_len - 2] << 8 | cmd->rx[cmd->rx_len - 1]);
	cqe->bytes = e->sqe.rx_buf == CARDRING_NO_BUF ? 0 : (uint32_t)cmd->rx_len;
	cqe->result = (int32_t)cqe->bytes;
	if (e->sqe.flags & CARDRING_SQE_EXPECT_SW && (cqe->sw & e->sqe.sw_mask) != e->sqe.sw)
		cqe->result = -EBADMSG;
}

/* Returns the result. */
static int run(struct softring *r, struct soft_entry *e)
{
	const struct cardring_sqe *sqe = &e->sqe;
	struct cr_soft_cmd cmd = { .slot = sqe->slot, .op = sqe->opcode };
	struct cardring_cqe cqe = { 0 };
	struct timespec t0, t1;

	cqe.result = may_run(r, e);
	if (cqe.result || sqe->opcode == CARDRING_OP_NOP) {
		finish(r, e, &cqe);
		return cqe.result;
	}
	memcpy(cmd.param, sqe->param, sizeof(cmd.param));
	if (sqe->tx_len) {
		cmd.tx = cr_ring_payload(&r->ring, sqe->tx_buf) + sqe->tx_off;
		cmd.tx_len = sqe->tx_len;
	}
	if (sqe->rx_buf == CARDRING_NO_BUF) {
		cmd.rx = r->scratch;
		cmd.rx_room = r->reader->dev.max_payload;
	} else {
		cmd.rx = cr_ring_payload(&r->ring, sqe->rx_buf);
		cmd.rx_room = sqe->rx_len ? sqe->rx_len : cr_ring_payload_size(&r->ring);
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
			broken = e->sqe.opcode != CARDRING_OP_ABORT;
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
	bool stalled;
	int result = 0;
	eventfd_t seen;

	if (timeout_ms < -1)
		return -EINVAL;
	if (min_complete > r->ring.cq_entries)
		min_complete = r->ring.cq_entries;
	if (timeout_ms > 0)
		cr_soft_until(&until, timeout_ms);
	pthread_mutex_lock(&reader->lock);
	cr_soft_flush_events(r);
	taken = take(r, to_submit);
	stalled = taken < to_submit &&
		  __atomic_load_n(&r->ring.hdr->sq_tail, __ATOMIC_RELAXED) != r->sq_head;
	if (stalled && !taken)
		result = -EAGAIN;
	run_all(r);
	cr_soft_flush_events(r);
	while (!result && unread(r) < min_complete) {
		if (reader->gone)
			result = -ENODEV;
		else if (!timeout_ms)
			result = -ETIME;
		else if (cr_soft_wait(reader, timeout_ms < 0 ? NULL : &until) == ETIMEDOUT)
			result = -ETIME;
	}
	if (!unread(r))
		eventfd_read(r->evfd, &seen);
	r->ring.hdr->cq_stalled = stalled || r->n_events;
	pthread_mutex_unlock(&reader->lock);
	return taken ? (int)taken : result;
}

static int soft_fd(cr_ring_t *ring)
{
	return ((struct softring *)ring)->evfd;
}

static void soft_free(struct softring *r)
{
	if (r->ring.hdr) {
		explicit_bzero(r->ring.hdr, r->map_size);
		munmap(r->ring.hdr, r->map_size);
	}
	if (r->scratch)
		explicit_bzero(r->scratch, r->reader->dev.max_payload);
	free(r->scratch);
	free(r->queue);
	free(r->events);
	if (r->evfd >= 0)
		close(r->evfd);
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
};

/* The map as the kernel lays it out: header page, submission ring, completion ring, arena. */
static int make_map(struct softring *r, uint32_t entries, uint32_t buffers, uint32_t size)
{
	struct cardring_ring_hdr *hdr;
	uint32_t sq = 4096, cq, arena, stride;
	void *map;

	cq = sq + entries * (uint32_t)sizeof(struct cardring_sqe);
	arena = (cq + 2 * entries * (uint32_t)sizeof(struct cardring_cqe) + 4095) & ~4095U;
	stride = (CARDRING_HDR_ROOM + size + 63) & ~63U;
	r->map_size = arena + (size_t)buffers * stride;
	map = mmap(NULL, r->map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return CR_E_NOMEM;
	hdr = map;
	hdr->abi = CARDRING_ABI_VERSION;
	hdr->sq_entries = entries;
	hdr->cq_entries = 2 * entries;
	hdr->sq_off = sq;
	hdr->cq_off = cq;
	hdr->arena_off = arena;
	hdr->buffers = buffers;
	hdr->buf_stride = stride;
	r->ring = (struct cr_ring) {
		.ops = &cr_softring_ops,
		.hdr = hdr,
		.sq = (struct cardring_sqe *)((uint8_t *)map + sq),
		.cq = (struct cardring_cqe *)((uint8_t *)map + cq),
		.arena = (uint8_t *)map + arena,
		.sq_entries = entries,
		.cq_entries = 2 * entries,
		.buffers = buffers,
		.buf_stride = stride,
	};
	return 0;
}

int cr_softreader_open(cr_softreader_t *reader, const struct cr_ring_params *params, cr_ring_t **out)
{
	uint32_t want = params && params->entries ? params->entries : CARDRING_DEF_ENTRIES;
	uint32_t buffers = params && params->buffers ? params->buffers : CARDRING_DEF_BUFFERS;
	uint32_t size = params ? params->buf_size : 0, entries = 1;
	struct softring *r;
	int err;

	if (want > CARDRING_MAX_ENTRIES || buffers > CARDRING_MAX_BUFFERS || size > 1 << 20)
		return CR_E_INVALID;
	while (entries < want)
		entries *= 2;
	if (!size)
		size = reader->dev.max_payload < 4096 ? reader->dev.max_payload : 4096;
	r = calloc(1, sizeof(*r));
	if (!r)
		return CR_E_NOMEM;
	r->reader = reader;
	r->evfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->queue = calloc(entries, sizeof(*r->queue));
	r->scratch = malloc(reader->dev.max_payload);
	err = r->evfd < 0 || !r->queue || !r->scratch ? CR_E_NOMEM :
	      make_map(r, entries, buffers, size);
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
		*out = &r->ring;
	return err;
}
