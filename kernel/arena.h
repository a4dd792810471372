/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CR_ARENA_H
#define CR_ARENA_H

#include <linux/mm_types.h>
#include <linux/types.h>

#define CR_ARENA_MAX	(64UL << 20)	/* bytes a file, whatever its limits */

/**
 * struct cr_arena - a file's buffers; nothing changes once they are made
 * @chunk: kernel addresses of the physically contiguous pieces
 * @chunks: their number
 * @chunk_bytes: size of one: a page with several buffers, or one buffer
 * @buffers: number of buffers
 * @stride: bytes of one buffer
 */
struct cr_arena {
	u8 **chunk;
	u32 chunks;
	u32 chunk_bytes;
	u32 buffers;
	u32 stride;
};

u32 cr_arena_stride(u32 payload, u32 packet, u32 align);
u64 cr_arena_bytes(u32 buffers, u32 stride);
int cr_arena_alloc(struct cr_arena *arena, u32 buffers, u32 stride);
void cr_arena_free(struct cr_arena *arena);
u8 *cr_arena_buffer(const struct cr_arena *arena, u32 index);
int cr_arena_map(const struct cr_arena *arena, struct vm_area_struct *vma,
		 unsigned long addr);

#endif /* CR_ARENA_H */
