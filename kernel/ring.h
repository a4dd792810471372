/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CR_RING_H
#define CR_RING_H

#include <linux/mm_types.h>
#include <linux/types.h>

#include <uapi/cardring.h>

/**
 * struct cr_ring - both rings of a file, and the module's own copy of what
 *	counts
 * @hdr: the header page; shared, written by the program at any moment
 * @sq: submission entries; shared
 * @cq: completion entries; shared
 * @sq_entries: a power of two
 * @cq_entries: 2 * @sq_entries
 * @bytes: header page and both rings, whole pages
 * @sq_head: next entry to take; cr_ctx.submit
 * @cq_tail: next completion to write; cr_reader.lock
 */
struct cr_ring {
	struct cardring_ring_hdr *hdr;
	struct cardring_sqe *sq;
	struct cardring_cqe *cq;
	u32 sq_entries;
	u32 cq_entries;
	u32 bytes;
	u32 sq_head;
	u32 cq_tail;
};

u32 cr_ring_distance(u32 ahead, u32 behind, u32 entries);
u32 cr_ring_filled(const struct cr_ring *ring);
u32 cr_ring_unread(const struct cr_ring *ring);
void cr_ring_take(const struct cr_ring *ring, u32 index,
		  struct cardring_sqe *sqe);
void cr_ring_consumed(struct cr_ring *ring, u32 head);
void cr_ring_post(struct cr_ring *ring, const struct cardring_cqe *cqe);
void cr_ring_stall(struct cr_ring *ring, bool stalled);

u32 cr_ring_bytes(u32 sq_entries);
int cr_ring_alloc(struct cr_ring *ring, u32 sq_entries);
void cr_ring_free(struct cr_ring *ring);
int cr_ring_map(const struct cr_ring *ring, struct vm_area_struct *vma);

#endif /* CR_RING_H */
