// SPDX-License-Identifier: GPL-2.0-only
#include "suites.h"

#include "../histogram.c"

static void every_time_has_a_bucket_no_wider_than_a_quarter(struct kunit *test)
{
	u64 us, first = 0;
	unsigned int last = 0, now;

	for (us = 0; us < 3000000; us++) {
		now = cr_histogram_bucket(us);
		if (now == last)
			continue;
		KUNIT_ASSERT_EQ(test, now, last + 1);
		/* the one that ends here: [first, us) */
		KUNIT_EXPECT_LE(test, us - first, first < 4 ? 1ULL : first / 4);
		last = now;
		first = us;
	}
	KUNIT_EXPECT_EQ(test, last, CR_BUCKETS - 1U);
	KUNIT_EXPECT_EQ(test, first, 7ULL << 18);
	KUNIT_EXPECT_EQ(test, cr_histogram_bucket(U64_MAX), CR_BUCKETS - 1U);
}

static void buckets_begin_where_programs_think(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, cr_histogram_bucket(0), 0U);
	KUNIT_EXPECT_EQ(test, cr_histogram_bucket(7), 7U);
	KUNIT_EXPECT_EQ(test, cr_histogram_bucket(8), 8U);
	KUNIT_EXPECT_EQ(test, cr_histogram_bucket(9), 8U);
	KUNIT_EXPECT_EQ(test, cr_histogram_bucket(10), 9U);
	KUNIT_EXPECT_EQ(test, cr_histogram_bucket(16), 12U);
	KUNIT_EXPECT_EQ(test, cr_histogram_bucket(1024), 36U);
	KUNIT_EXPECT_EQ(test, cr_histogram_bucket(1279), 36U);
	KUNIT_EXPECT_EQ(test, cr_histogram_bucket(1280), 37U);
}

static void fullest_histogram_fits_a_page(struct kunit *test)
{
	char *page = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct cr_histogram *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_NOT_NULL(test, h);
	memset(h, 0xff, sizeof(*h));
	KUNIT_EXPECT_EQ(test, cr_histogram_emit(page, h), 21L * CR_BUCKETS);
}

static struct kunit_case histogram_cases[] = {
	KUNIT_CASE(every_time_has_a_bucket_no_wider_than_a_quarter),
	KUNIT_CASE(buckets_begin_where_programs_think),
	KUNIT_CASE(fullest_histogram_fits_a_page),
	{ }
};

struct kunit_suite cr_histogram_suite = {
	.name = "cardring-histogram",
	.test_cases = histogram_cases,
};
