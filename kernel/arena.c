// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arena: buffers that the program sees through its map and the host
 * controller reaches by DMA.
 *
 * A buffer is physically contiguous, because a bulk transfer into it must be:
 * small ones share a page (a power of two each, no smaller than a packet and
 * than what the architecture's cache wants between two writers), larger ones
 * have pages of their own. The pieces are split pages, each with its own
 * reference count: what is still mapped or pinned outlives the arena safely.
 */
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "arena.h"
#include "message.h"

/**
 * cr_arena_stride - bytes from one buffer to the next
 * @payload: payload bytes that a buffer must take
 * @packet: wMaxPacketSize of bulk-in
 * @align: what DMA wants between two buffers, a power of two
 *
 * Return: the stride.
 */
u32 cr_arena_stride(u32 payload, u32 packet, u32 align)
{
	u32 least = max3(payload + CR_HDR, packet, align);

	if (least > PAGE_SIZE)
		return PAGE_ALIGN(least);
	return roundup_pow_of_two(least);
}

/**
 * cr_arena_bytes - memory that an arena takes
 * @buffers: number of buffers
 * @stride: of cr_arena_stride()
 *
 * Return: bytes, whole pages.
 */
u64 cr_arena_bytes(u32 buffers, u32 stride)
{
	return PAGE_ALIGN((u64)buffers * stride);
}

/**
 * cr_arena_alloc - make the buffers, zeroed
 * @arena: receives them
 * @buffers: number of buffers
 * @stride: of cr_arena_stride()
 *
 * Return: 0 or -ENOMEM.
 */
int cr_arena_alloc(struct cr_arena *arena, u32 buffers, u32 stride)
{
	arena->buffers = buffers;
	arena->stride = stride;
	arena->chunk_bytes = max_t(u32, stride, PAGE_SIZE);
	arena->chunks = 0;
	arena->chunk = kvcalloc(cr_arena_bytes(buffers, stride) / arena->chunk_bytes,
				sizeof(*arena->chunk), GFP_KERNEL);
	if (!arena->chunk)
		return -ENOMEM;

	while ((u64)arena->chunks * arena->chunk_bytes < (u64)buffers * stride) {
		u8 *chunk = alloc_pages_exact(arena->chunk_bytes,
					      GFP_KERNEL_ACCOUNT | __GFP_ZERO |
					      __GFP_NOWARN);

		if (!chunk) {
			cr_arena_free(arena);
			return -ENOMEM;
		}
		arena->chunk[arena->chunks++] = chunk;
	}
	return 0;
}

/**
 * cr_arena_free - give the buffers back
 * @arena: an arena, or zeros
 */
void cr_arena_free(struct cr_arena *arena)
{
	while (arena->chunks)
		free_pages_exact(arena->chunk[--arena->chunks],
				 arena->chunk_bytes);
	kvfree(arena->chunk);
	arena->chunk = NULL;
}

/**
 * cr_arena_buffer - where a buffer is
 * @arena: the arena
 * @index: less than its number of buffers
 *
 * Return: the buffer's first byte, header room included.
 */
u8 *cr_arena_buffer(const struct cr_arena *arena, u32 index)
{
	u32 per_chunk = arena->chunk_bytes / arena->stride;

	index = array_index_nospec(index, arena->buffers);
	return arena->chunk[index / per_chunk] +
	       index % per_chunk * arena->stride;
}

/**
 * cr_arena_map - map the buffers
 * @arena: the arena
 * @vma: a mapping with room for it
 * @addr: where in it the arena starts
 *
 * Return: 0 or -errno.
 */
int cr_arena_map(const struct cr_arena *arena, struct vm_area_struct *vma,
		 unsigned long addr)
{
	u32 i, off;
	int err;

	for (i = 0; i < arena->chunks; i++) {
		for (off = 0; off < arena->chunk_bytes; off += PAGE_SIZE) {
			err = vm_insert_page(vma, addr,
					     virt_to_page(arena->chunk[i] + off));
			if (err)
				return err;
			addr += PAGE_SIZE;
		}
	}
	return 0;
}
