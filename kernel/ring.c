// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two rings: memory that a program and the module write together.
 *
 * Each index has one writer. Indices run freely and are masked at use, so
 * full and empty differ. What the program writes (sq_tail, cq_head and the
 * submission entries) may be nonsense and may change between two reads: an
 * index is read once and bounded, an entry is copied once. What the module
 * writes it never reads back: its own copies are in struct cr_ring.
 */
#include <linux/align.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "ring.h"

/**
 * cr_ring_distance - how far one index is ahead of another
 * @ahead: the producer's index
 * @behind: the consumer's index
 * @entries: size of the ring
 *
 * Return: entries between them; @entries where the pair makes no sense, which
 * reads as "full" and so neither takes nor overwrites more than there is.
 */
u32 cr_ring_distance(u32 ahead, u32 behind, u32 entries)
{
	u32 distance = ahead - behind;

	return distance <= entries ? distance : entries;
}

/**
 * cr_ring_filled - submission entries that wait to be taken
 * @ring: the rings
 *
 * Return: their number, at most sq_entries.
 */
u32 cr_ring_filled(const struct cr_ring *ring)
{
	/* Pairs with the program's store-release of sq_tail. */
	u32 tail = smp_load_acquire(&ring->hdr->sq_tail);

	return cr_ring_distance(tail, ring->sq_head, ring->sq_entries);
}

/**
 * cr_ring_unread - completions that the program has not read
 * @ring: the rings
 *
 * Return: their number, at most cq_entries.
 */
u32 cr_ring_unread(const struct cr_ring *ring)
{
	/*
	 * Pairs with the program's store-release of cq_head: its reads of the
	 * entry come before the entry is written again.
	 */
	u32 head = smp_load_acquire(&ring->hdr->cq_head);

	return cr_ring_distance(ring->cq_tail, head, ring->cq_entries);
}

/**
 * cr_ring_take - copy one submission entry, reading each byte once
 * @ring: the rings
 * @index: free-running index of the entry
 * @sqe: the private copy
 */
void cr_ring_take(const struct cr_ring *ring, u32 index,
		  struct cardring_sqe *sqe)
{
	const u64 *from = (const u64 *)&ring->sq[index & (ring->sq_entries - 1)];
	u64 *to = (u64 *)sqe;
	unsigned int i;

	BUILD_BUG_ON(sizeof(*sqe) != 64);
	BUILD_BUG_ON(sizeof(struct cardring_cqe) != 32);
	for (i = 0; i < sizeof(*sqe) / sizeof(*to); i++)
		to[i] = READ_ONCE(from[i]);
}

/**
 * cr_ring_consumed - tell the program which entries it may write again
 * @ring: the rings
 * @head: the new sq_head
 */
void cr_ring_consumed(struct cr_ring *ring, u32 head)
{
	ring->sq_head = head;
	/* Pairs with the program's load-acquire of sq_head. */
	smp_store_release(&ring->hdr->sq_head, head);
}

/**
 * cr_ring_post - write one completion; the caller has reserved its place
 * @ring: the rings
 * @cqe: what to write
 */
void cr_ring_post(struct cr_ring *ring, const struct cardring_cqe *cqe)
{
	ring->cq[ring->cq_tail & (ring->cq_entries - 1)] = *cqe;
	ring->cq_tail++;
	/* Pairs with the program's load-acquire of cq_tail. */
	smp_store_release(&ring->hdr->cq_tail, ring->cq_tail);
}

/**
 * cr_ring_stall - tell the program that something waits for room
 * @ring: the rings
 * @stalled: whether it does
 */
void cr_ring_stall(struct cr_ring *ring, bool stalled)
{
	WRITE_ONCE(ring->hdr->cq_stalled, stalled);
}

static u32 ring_sq_bytes(u32 sq_entries)
{
	return PAGE_ALIGN(sq_entries * sizeof(struct cardring_sqe));
}

static u32 ring_cq_bytes(u32 sq_entries)
{
	return PAGE_ALIGN(2 * sq_entries * sizeof(struct cardring_cqe));
}

/**
 * cr_ring_bytes - memory of the header page and both rings
 * @sq_entries: a power of two, at most CARDRING_MAX_ENTRIES
 *
 * Return: bytes, whole pages.
 */
u32 cr_ring_bytes(u32 sq_entries)
{
	return PAGE_SIZE + ring_sq_bytes(sq_entries) + ring_cq_bytes(sq_entries);
}

/**
 * cr_ring_alloc - make the rings, zeroed, with all of the header that does not
 *	depend on the arena
 * @ring: the rings
 * @sq_entries: a power of two, at most CARDRING_MAX_ENTRIES
 *
 * Return: 0 or -ENOMEM.
 */
int cr_ring_alloc(struct cr_ring *ring, u32 sq_entries)
{
	u32 bytes = cr_ring_bytes(sq_entries);
	struct cardring_ring_hdr *hdr = vmalloc_user(bytes);

	if (!hdr)
		return -ENOMEM;

	hdr->abi = CARDRING_ABI_VERSION;
	hdr->sq_entries = sq_entries;
	hdr->cq_entries = 2 * sq_entries;
	hdr->sq_off = PAGE_SIZE;
	hdr->cq_off = PAGE_SIZE + ring_sq_bytes(sq_entries);

	ring->hdr = hdr;
	ring->sq = (void *)hdr + PAGE_SIZE;
	ring->cq = (void *)hdr + PAGE_SIZE + ring_sq_bytes(sq_entries);
	ring->sq_entries = sq_entries;
	ring->cq_entries = 2 * sq_entries;
	ring->bytes = bytes;
	ring->sq_head = 0;
	ring->cq_tail = 0;
	return 0;
}

/**
 * cr_ring_free - give the memory back; pages that are still mapped or pinned
 *	live until they no longer are
 * @ring: the rings, or zeros
 */
void cr_ring_free(struct cr_ring *ring)
{
	vfree(ring->hdr);
	ring->hdr = NULL;
}

/**
 * cr_ring_map - map header page and rings at a mapping's start
 * @ring: the rings
 * @vma: a mapping with room for them
 *
 * Return: 0 or -errno.
 */
int cr_ring_map(const struct cr_ring *ring, struct vm_area_struct *vma)
{
	u32 off;
	int err;

	for (off = 0; off < ring->bytes; off += PAGE_SIZE) {
		err = vm_insert_page(vma, vma->vm_start + off,
				     vmalloc_to_page((void *)ring->hdr + off));
		if (err)
			return err;
	}
	return 0;
}
