// SPDX-License-Identifier: GPL-2.0-only
#include "suites.h"

#include "../descriptor.h"

#include "../arena.c"

static void small_buffers_share_a_page(struct kunit *test)
{
	/* 261 bytes of short APDU and the header, a power of two */
	KUNIT_EXPECT_EQ(test, cr_arena_stride(261, 64, 1), 512U);
	KUNIT_EXPECT_EQ(test, cr_arena_stride(502, 64, 1), 512U);
	KUNIT_EXPECT_EQ(test, cr_arena_stride(503, 64, 1), 1024U);
	KUNIT_EXPECT_EQ(test, cr_arena_stride(PAGE_SIZE - CR_HDR, 512, 1), (u32)PAGE_SIZE);
}

static void buffer_is_no_smaller_than_packet_and_alignment(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, cr_arena_stride(1, 8, 1), 16U);
	KUNIT_EXPECT_EQ(test, cr_arena_stride(1, 1024, 1), 1024U);
	KUNIT_EXPECT_EQ(test, cr_arena_stride(1, 8, 128), 128U);
	/* A packet that is no power of two still fits. */
	KUNIT_EXPECT_EQ(test, cr_arena_stride(1, 1000, 1), 1024U);
}

static void large_buffers_are_whole_pages(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, cr_arena_stride(PAGE_SIZE, 512, 1), (u32)(2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, cr_arena_stride(65544, 512, 1), (u32)PAGE_ALIGN(65554));
	KUNIT_EXPECT_EQ(test, cr_arena_stride(CR_MESSAGE_MAX - CR_HDR, 512, 1),
			(u32)PAGE_ALIGN(CR_MESSAGE_MAX));
}

static void arena_is_whole_pages(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, cr_arena_bytes(1, 16), (u64)PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, cr_arena_bytes(9, 512), (u64)PAGE_ALIGN(9 * 512));
	/* Beyond 32 bits. */
	KUNIT_EXPECT_EQ(test, cr_arena_bytes(0x100000, 0x20000), 0x2000000000ULL);
}

/* Every buffer is zeroed, takes its stride, and overlaps none. */
static void try_arena(struct kunit *test, u32 buffers, u32 stride)
{
	struct cr_arena arena = { };
	u32 i, wrong = 0;

	KUNIT_ASSERT_EQ(test, cr_arena_alloc(&arena, buffers, stride), 0);
	KUNIT_EXPECT_EQ(test, (u64)arena.chunks * arena.chunk_bytes,
			cr_arena_bytes(buffers, stride));
	for (i = 0; i < buffers; i++) {
		u8 *buffer = cr_arena_buffer(&arena, i);

		wrong += !!memchr_inv(buffer, 0, stride);
		/* The map puts chunk behind chunk: an offset is i * stride. */
		wrong += buffer != arena.chunk[(u64)i * stride / arena.chunk_bytes] +
				   (u64)i * stride % arena.chunk_bytes;
		memset(buffer, i + 1, stride);
	}
	for (i = 0; i < buffers; i++)
		wrong += !!memchr_inv(cr_arena_buffer(&arena, i), i + 1, stride);
	KUNIT_EXPECT_EQ(test, wrong, 0U);

	cr_arena_free(&arena);
	KUNIT_EXPECT_NULL(test, arena.chunk);
	KUNIT_EXPECT_EQ(test, arena.chunks, 0U);
	cr_arena_free(&arena);
}

static void buffers_lie_where_the_map_shows_them(struct kunit *test)
{
	try_arena(test, 1, 16);
	try_arena(test, 16, 512);
	try_arena(test, 17, 512);
	try_arena(test, 3, PAGE_SIZE);
	try_arena(test, 5, 3 * PAGE_SIZE);
}

static void arena_that_was_never_made_is_freed(struct kunit *test)
{
	struct cr_arena arena = { };

	cr_arena_free(&arena);
	KUNIT_EXPECT_NULL(test, arena.chunk);
}

static struct kunit_case arena_cases[] = {
	KUNIT_CASE(small_buffers_share_a_page),
	KUNIT_CASE(buffer_is_no_smaller_than_packet_and_alignment),
	KUNIT_CASE(large_buffers_are_whole_pages),
	KUNIT_CASE(arena_is_whole_pages),
	KUNIT_CASE(buffers_lie_where_the_map_shows_them),
	KUNIT_CASE(arena_that_was_never_made_is_freed),
	{ }
};

struct kunit_suite cr_arena_suite = {
	.name = "cardring-arena",
	.test_cases = arena_cases,
};
