// SPDX-License-Identifier: GPL-2.0-only
#include "suites.h"

#include "../ring.c"

#define SQ	8	/* and twice as many completions */
#define CQ	(2 * SQ)

static struct cr_ring *make_ring(struct kunit *test)
{
	struct cr_ring *ring = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, ring);
	KUNIT_ASSERT_EQ(test, cr_ring_alloc(ring, SQ), 0);
	return ring;
}

static int ring_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct cr_ring), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void ring_exit(struct kunit *test)
{
	cr_ring_free(test->priv);
}

static void distance_holds_across_the_wrap(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, cr_ring_distance(5, 5, SQ), 0U);
	KUNIT_EXPECT_EQ(test, cr_ring_distance(13, 5, SQ), 8U);
	KUNIT_EXPECT_EQ(test, cr_ring_distance(2, 0xfffffffe, SQ), 4U);
	KUNIT_EXPECT_EQ(test, cr_ring_distance(0, 0xfffffff8, SQ), 8U);
}

static void nonsense_distance_reads_as_full(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, cr_ring_distance(9, 0, SQ), 8U);
	KUNIT_EXPECT_EQ(test, cr_ring_distance(0, 1, SQ), 8U);
	KUNIT_EXPECT_EQ(test, cr_ring_distance(0x80000000, 0, SQ), 8U);
	KUNIT_EXPECT_EQ(test, cr_ring_distance(0, 0x80000000, SQ), 8U);
}

static void layout_is_whole_pages_one_behind_the_other(struct kunit *test)
{
	struct cr_ring *ring = make_ring(test);
	const struct cardring_ring_hdr *hdr = ring->hdr;

	KUNIT_EXPECT_EQ(test, hdr->abi, (u32)CARDRING_ABI_VERSION);
	KUNIT_EXPECT_EQ(test, hdr->sq_entries, (u32)SQ);
	KUNIT_EXPECT_EQ(test, hdr->cq_entries, (u32)CQ);
	KUNIT_EXPECT_EQ(test, hdr->sq_off, (u32)PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, hdr->cq_off, (u32)(2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, ring->bytes, (u32)(3 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, cr_ring_bytes(SQ), ring->bytes);
	KUNIT_EXPECT_EQ(test, cr_ring_bytes(CARDRING_MAX_ENTRIES),
			(u32)(PAGE_SIZE + CARDRING_MAX_ENTRIES * (64 + 2 * 32)));
}

static void filled_is_what_the_program_published(struct kunit *test)
{
	struct cr_ring *ring = make_ring(test);

	KUNIT_EXPECT_EQ(test, cr_ring_filled(ring), 0U);
	ring->hdr->sq_tail = 3;
	KUNIT_EXPECT_EQ(test, cr_ring_filled(ring), 3U);
	cr_ring_consumed(ring, 2);
	KUNIT_EXPECT_EQ(test, ring->hdr->sq_head, 2U);
	KUNIT_EXPECT_EQ(test, cr_ring_filled(ring), 1U);
	/* What a program writes to the module's index changes nothing. */
	ring->hdr->sq_head = 77;
	KUNIT_EXPECT_EQ(test, cr_ring_filled(ring), 1U);
	ring->hdr->sq_tail = 0xdeadbeef;
	KUNIT_EXPECT_EQ(test, cr_ring_filled(ring), (u32)SQ);
}

static void entry_is_taken_at_the_masked_index(struct kunit *test)
{
	struct cr_ring *ring = make_ring(test);
	struct cardring_sqe sqe;

	memset(&ring->sq[3], 0x5a, sizeof(ring->sq[3]));
	ring->sq[3].user_data = 0x0123456789abcdefULL;
	ring->sq[3].resv[4] = 0x11223344;
	cr_ring_take(ring, 3, &sqe);
	KUNIT_EXPECT_EQ(test, memcmp(&sqe, &ring->sq[3], sizeof(sqe)), 0);
	memset(&sqe, 0, sizeof(sqe));
	cr_ring_take(ring, 0xfffffff8 + 3, &sqe);
	KUNIT_EXPECT_EQ(test, memcmp(&sqe, &ring->sq[3], sizeof(sqe)), 0);
}

static void completions_are_posted_in_order(struct kunit *test)
{
	struct cr_ring *ring = make_ring(test);
	struct cardring_cqe cqe = { };
	u32 i;

	ring->cq_tail = 0xfffffffa;
	ring->hdr->cq_head = 0xfffffffa;
	for (i = 0; i < CQ; i++) {
		KUNIT_EXPECT_EQ(test, cr_ring_unread(ring), i);
		cqe.user_data = i;
		cr_ring_post(ring, &cqe);
		KUNIT_EXPECT_EQ(test, ring->hdr->cq_tail, 0xfffffffa + i + 1);
	}
	KUNIT_EXPECT_EQ(test, cr_ring_unread(ring), (u32)CQ);
	for (i = 0; i < CQ; i++)
		KUNIT_EXPECT_EQ(test, ring->cq[(0xfffffffa + i) % CQ].user_data, (u64)i);
}

static void nonsense_cq_head_reads_as_full(struct kunit *test)
{
	struct cr_ring *ring = make_ring(test);

	/* Ahead of everything that was ever posted. */
	ring->hdr->cq_head = 1;
	KUNIT_EXPECT_EQ(test, cr_ring_unread(ring), (u32)CQ);
	ring->hdr->cq_head = 0x80000000;
	KUNIT_EXPECT_EQ(test, cr_ring_unread(ring), (u32)CQ);
	ring->hdr->cq_head = 0;
	KUNIT_EXPECT_EQ(test, cr_ring_unread(ring), 0U);
}

static void rewritten_header_moves_no_completion(struct kunit *test)
{
	struct cr_ring *ring = make_ring(test);
	const struct cardring_cqe cqe = { .user_data = 42 };

	ring->hdr->cq_tail = 0x12345;
	ring->hdr->cq_off = 0xffffffff;
	ring->hdr->cq_entries = 0xffffffff;
	cr_ring_post(ring, &cqe);
	KUNIT_EXPECT_EQ(test, ring->cq[0].user_data, 42ULL);
	KUNIT_EXPECT_EQ(test, ring->hdr->cq_tail, 1U);
}

static void stall_is_shown(struct kunit *test)
{
	struct cr_ring *ring = make_ring(test);

	KUNIT_EXPECT_EQ(test, ring->hdr->cq_stalled, 0U);
	cr_ring_stall(ring, true);
	KUNIT_EXPECT_NE(test, ring->hdr->cq_stalled, 0U);
	cr_ring_stall(ring, false);
	KUNIT_EXPECT_EQ(test, ring->hdr->cq_stalled, 0U);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE(distance_holds_across_the_wrap),
	KUNIT_CASE(nonsense_distance_reads_as_full),
	KUNIT_CASE(layout_is_whole_pages_one_behind_the_other),
	KUNIT_CASE(filled_is_what_the_program_published),
	KUNIT_CASE(entry_is_taken_at_the_masked_index),
	KUNIT_CASE(completions_are_posted_in_order),
	KUNIT_CASE(nonsense_cq_head_reads_as_full),
	KUNIT_CASE(rewritten_header_moves_no_completion),
	KUNIT_CASE(stall_is_shown),
	{ }
};

struct kunit_suite cr_ring_suite = {
	.name = "cardring-ring",
	.init = ring_init,
	.exit = ring_exit,
	.test_cases = ring_cases,
};
