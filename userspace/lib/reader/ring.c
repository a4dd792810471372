// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ring as programs use it. All that is shared with the backend (kernel or softring) are four
 * indices in the header page; each has one writer.
 */
#include <string.h>
#include "reader/backend.h"
#include "reader/wait.h"

void cr_ring_on(cr_ring_t *ring, const struct cr_ring_ops *ops, void *map)
{
	struct cardring_ring_hdr *hdr = map;
	uint8_t *base = map;

	*ring = (struct cr_ring) {
		.ops = ops,
		.hdr = hdr,
		.sq = (struct cardring_sqe *)(base + hdr->sq_off),
		.cq = (struct cardring_cqe *)(base + hdr->cq_off),
		.arena = base + hdr->arena_off,
		.sq_entries = hdr->sq_entries,
		.cq_entries = hdr->cq_entries,
		.buffers = hdr->buffers,
		.buf_stride = hdr->buf_stride,
	};
}

struct cardring_sqe *cr_ring_sqe(cr_ring_t *ring)
{
	struct cardring_sqe *sqe;
	/* Pairs with the backend's release of sq_head: it has done with the entry before we reuse it. */
	uint32_t head = __atomic_load_n(&ring->hdr->sq_head, __ATOMIC_ACQUIRE);

	if (ring->sq_tail - head >= ring->sq_entries)
		return NULL;
	sqe = &ring->sq[ring->sq_tail & (ring->sq_entries - 1)];
	memset(sqe, 0, sizeof(*sqe));
	ring->sq_tail++;
	return sqe;
}

int cr_ring_submit(cr_ring_t *ring, unsigned int min_complete, int timeout_ms)
{
	uint32_t head = __atomic_load_n(&ring->hdr->sq_head, __ATOMIC_RELAXED);

	/* Pairs with the backend's acquire of sq_tail: entries are whole before it sees them. */
	__atomic_store_n(&ring->hdr->sq_tail, ring->sq_tail, __ATOMIC_RELEASE);
	return cr_wait_enter(ring, ring->sq_tail - head, min_complete, timeout_ms);
}

const struct cardring_cqe *cr_ring_peek(cr_ring_t *ring)
{
	/* Pairs with the backend's release of cq_tail: the completion is whole before we read it. */
	uint32_t tail = __atomic_load_n(&ring->hdr->cq_tail, __ATOMIC_ACQUIRE);

	if (tail == ring->cq_head)
		return NULL;
	return &ring->cq[ring->cq_head & (ring->cq_entries - 1)];
}

void cr_ring_seen(cr_ring_t *ring)
{
	ring->cq_head++;
	/* Pairs with the backend's acquire of cq_head: we have read it before it is overwritten. */
	__atomic_store_n(&ring->hdr->cq_head, ring->cq_head, __ATOMIC_RELEASE);
	if (ring->ops->drained && ring->cq_head == __atomic_load_n(&ring->hdr->cq_tail, __ATOMIC_RELAXED))
		ring->ops->drained(ring);
}

uint8_t *cr_ring_payload(cr_ring_t *ring, uint32_t buffer)
{
	if (buffer >= ring->buffers)
		return NULL;
	return ring->arena + (size_t)buffer * ring->buf_stride + CARDRING_HDR_ROOM;
}

size_t cr_ring_payload_size(const cr_ring_t *ring)
{
	return ring->buf_stride - CARDRING_HDR_ROOM;
}

int cr_ring_fd(cr_ring_t *ring)
{
	return ring->ops->fd(ring);
}

int cr_ring_claim(cr_ring_t *ring, unsigned int slot, int timeout_ms)
{
	return ring->ops->claim(ring, slot, timeout_ms);
}

int cr_ring_release(cr_ring_t *ring, unsigned int slot)
{
	return ring->ops->release(ring, slot);
}

void cr_ring_close(cr_ring_t *ring)
{
	if (ring)
		ring->ops->close(ring);
}
