// SPDX-License-Identifier: BSD-2-Clause
/* A ring on a USB reader, and its calls (struct cr_ring_ops). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "usb_int.h"

#define LEARN_MS	1000	/* slot waits so long for a reader that was just opened */

static struct usb_ring *ring_of(cr_ring_t *ring)
{
	return (struct usb_ring *)ring;
}

static uint64_t until_ms(int timeout_ms)
{
	return timeout_ms < 0 ? USB_NEVER : cr_usb_now() + (uint64_t)timeout_ms * USB_MS;
}

void cr_usb_complete(struct usb_req *req)
{
	struct usb_ring *ring = req->ring;

	req->cqe.user_data = req->sqe.user_data;
	req->cqe.slot = req->sqe.slot;
	STAILQ_INSERT_HEAD(&ring->free, req, link);
	cr_memring_complete(&ring->mem, &req->cqe);
}

static void complete_with(struct usb_req *req, int result)
{
	req->cqe.result = result;
	cr_usb_complete(req);
}

/* ---- ENTER ---- */

static void take_abort(struct usb_slot *s, struct usb_req *req)
{
	bool had = !STAILQ_EMPTY(&s->queue);

	cr_usb_purge(s, -ECANCELED);
	if (s->phase == USB_COMMAND && s->cur != &s->own) {
		STAILQ_INSERT_TAIL(&s->aborts, req, link);
		cr_usb_stop(s, -ECANCELED, 0);
		return;
	}
	complete_with(req, had ? 0 : -EALREADY);
}

/* Why this ring may not use that slot; 0. */
static int refusal(const struct usb_ring *ring, unsigned int slot)
{
	const struct usb_reader *r = ring->reader;

	if (slot >= r->itf.desc.slots)
		return -EINVAL;
	if (r->slot[slot].owner != ring || r->slot[slot].leaving)
		return -EACCES;
	return r->gone ? -ENODEV : 0;
}

/* CCID 1.1, table 5.1-1: a reader without a keypad is not asked for one. */
static int unsupported(const struct usb_reader *r, const struct cardring_sqe *sqe)
{
	return sqe->opcode == CARDRING_OP_SECURE && !r->itf.desc.pin_support ? -EOPNOTSUPP : 0;
}

/* *broken: the entry before was linked to this one and refused. */
static void hand_over(struct usb_ring *ring, const struct cr_memring_entry *e, bool *broken)
{
	struct usb_req *req = STAILQ_FIRST(&ring->free);
	struct usb_slot *s;
	int err = refusal(ring, e->sqe.slot);

	STAILQ_REMOVE_HEAD(&ring->free, link);
	req->sqe = e->sqe;
	req->refused = e->refused ? e->refused : unsupported(ring->reader, &e->sqe);
	memset(&req->cqe, 0, sizeof(req->cqe));
	if (err) {
		err = *broken ? -ECANCELED : err;
		*broken = req->sqe.flags & CARDRING_SQE_LINK;
		complete_with(req, err);
		return;
	}
	*broken = false;
	s = &ring->reader->slot[e->sqe.slot];
	if (req->sqe.opcode == CARDRING_OP_ABORT && !req->refused)
		take_abort(s, req);
	else
		STAILQ_INSERT_TAIL(&s->queue, req, link);
}

static unsigned int submit(struct cr_memring *m, unsigned int want)
{
	struct usb_ring *ring = (struct usb_ring *)m;
	struct usb_reader *r = ring->reader;
	bool broken = false;
	uint32_t n, i;

	n = cr_memring_take(m, want, r->info.max_payload, ring->taken);
	for (i = 0; i < n; i++)
		hand_over(ring, &ring->taken[i], &broken);
	cr_usb_kick(r);
	cr_usb_rx_arm(r);
	cr_usb_sooner(r, cr_usb_next(r));
	return n;
}

static int wait_changed(struct cr_memring *m, uint64_t until)
{
	return cr_usb_wait(((struct usb_ring *)m)->reader, until);
}

static bool is_gone(const struct cr_memring *m)
{
	return ((const struct usb_ring *)m)->reader->gone;
}

static int usb_enter(cr_ring_t *cr, unsigned int to_submit, unsigned int min_complete, int timeout_ms)
{
	static const struct cr_memring_enter how = { .submit = submit, .wait = wait_changed, .gone = is_gone };
	struct usb_ring *ring = ring_of(cr);
	struct usb_reader *r = ring->reader;
	int n;

	if (timeout_ms < -1)
		return -EINVAL;
	pthread_mutex_lock(&r->lock);
	cr_usb_look(r);
	n = cr_memring_enter(&ring->mem, &how, to_submit, min_complete, timeout_ms ? until_ms(timeout_ms) : 0);
	cr_usb_leave(r);
	pthread_mutex_unlock(&r->lock);
	return n;
}

/* ---- the others ---- */

static int usb_claim(cr_ring_t *cr, unsigned int slot, int timeout_ms)
{
	struct usb_ring *ring = ring_of(cr);
	int err;

	if (slot >= ring->reader->itf.desc.slots || timeout_ms < -1)
		return -EINVAL;
	pthread_mutex_lock(&ring->reader->lock);
	err = cr_usb_claim(ring, slot, timeout_ms);
	cr_usb_leave(ring->reader);
	pthread_mutex_unlock(&ring->reader->lock);
	return err;
}

static int usb_release(cr_ring_t *cr, unsigned int slot)
{
	struct usb_ring *ring = ring_of(cr);
	int err;

	pthread_mutex_lock(&ring->reader->lock);
	err = ring->reader->gone ? -ENODEV : cr_usb_release(ring, slot);
	cr_usb_leave(ring->reader);
	pthread_mutex_unlock(&ring->reader->lock);
	return err;
}

static int usb_slot(cr_ring_t *cr, struct cardring_slot *slot)
{
	struct usb_ring *ring = ring_of(cr);
	struct usb_reader *r = ring->reader;
	uint64_t until = until_ms(LEARN_MS);
	const struct usb_slot *s;
	int err = 0;

	if (slot->slot >= r->itf.desc.slots)
		return -EINVAL;
	s = &r->slot[slot->slot];
	pthread_mutex_lock(&r->lock);
	cr_usb_look(r);
	while (s->learning && !r->gone && cr_usb_now() < until)
		cr_usb_wait(r, until);
	*slot = (struct cardring_slot) {
		.slot = s->index, .state = s->state, .owner_pid = s->owner ? getpid() : 0,
		.mine = s->owner == ring, .generation = s->generation,
	};
	if (r->gone)
		err = -ENODEV;
	cr_usb_leave(r);
	pthread_mutex_unlock(&r->lock);
	return err;
}

static int usb_fd(cr_ring_t *cr)
{
	struct usb_ring *ring = ring_of(cr);
	struct usb_reader *r = ring->reader;
	int fd;

	pthread_mutex_lock(&r->lock);
	r->polled += !ring->mem.polled;
	fd = cr_memring_fd(&ring->mem);
	cr_usb_leave(r);
	pthread_mutex_unlock(&r->lock);
	return fd;
}

static void usb_drained(cr_ring_t *cr)
{
	struct usb_ring *ring = ring_of(cr);

	if (!ring->mem.polled)
		return;
	pthread_mutex_lock(&ring->reader->lock);
	cr_memring_drained(&ring->mem);
	pthread_mutex_unlock(&ring->reader->lock);
}

static void free_map(struct usb_ring *ring, void *map)
{
	explicit_bzero(map, ring->map_size);
	if (ring->device_memory)
		libusb_dev_mem_free(ring->reader->handle, map, ring->map_size);
	else
		munmap(map, ring->map_size);
}

static void ring_free(struct usb_ring *ring)
{
	cr_memring_free(&ring->mem);
	free(ring->taken);
	free(ring->reqs);
	free(ring);
}

static void usb_close(cr_ring_t *cr)
{
	struct usb_ring *ring = ring_of(cr);
	struct usb_reader *r = ring->reader;

	pthread_mutex_lock(&r->lock);
	for (unsigned int i = 0; i < r->itf.desc.slots; i++)
		cr_usb_release(ring, i);
	LIST_REMOVE(ring, link);
	r->polled -= ring->mem.polled;
	pthread_mutex_unlock(&r->lock);
	free_map(ring, cr->hdr);
	cr_usb_close(r);
	ring_free(ring);
}

static const struct cr_ring_ops usb_ops = {
	.enter = usb_enter,
	.claim = usb_claim,
	.release = usb_release,
	.slot = usb_slot,
	.fd = usb_fd,
	.close = usb_close,
	.drained = usb_drained,
};

/* The kernel's own memory, if it gives as much in one piece; else this process's. */
static void *make_map(struct usb_ring *ring)
{
	void *map = libusb_dev_mem_alloc(ring->reader->handle, ring->map_size);

	ring->device_memory = map;
	if (map)
		return map;
	map = mmap(NULL, ring->map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return map == MAP_FAILED ? NULL : map;
}

static int init(struct usb_ring *ring, const struct cr_memring_plan *plan)
{
	void *map;
	int err;

	ring->taken = calloc(plan->entries, sizeof(*ring->taken));
	ring->reqs = calloc(2 * plan->entries, sizeof(*ring->reqs));
	if (!ring->taken || !ring->reqs)
		return CR_E_NOMEM;
	for (uint32_t i = 0; i < 2 * plan->entries; i++) {
		ring->reqs[i].ring = ring;
		STAILQ_INSERT_TAIL(&ring->free, &ring->reqs[i], link);
	}
	ring->map_size = plan->size;
	map = make_map(ring);
	if (!map)
		return CR_E_NOMEM;
	err = cr_memring_init(&ring->mem, &usb_ops, plan, map);
	if (err)
		free_map(ring, map);
	return err;
}

int cr_usb_ring_new(struct usb_reader *r, const struct cr_ring_params *params, cr_ring_t **out)
{
	struct cr_memring_plan plan;
	struct usb_ring *ring;
	int err = cr_memring_plan(params, r->info.max_payload, r->itf.in_packet, &plan);

	if (err)
		return err;
	ring = calloc(1, sizeof(*ring));
	if (!ring)
		return CR_E_NOMEM;
	ring->reader = r;
	ring->mem.evfd = -1;
	STAILQ_INIT(&ring->free);
	err = init(ring, &plan);
	if (!err) {
		pthread_mutex_lock(&r->lock);
		if (r->gone)
			err = CR_E_READER_GONE;
		else
			LIST_INSERT_HEAD(&r->rings, ring, link);
		pthread_mutex_unlock(&r->lock);
		if (err)
			free_map(ring, ring->mem.ring.hdr);
	}
	if (err) {
		ring_free(ring);
		return err;
	}
	*out = &ring->mem.ring;
	return 0;
}
