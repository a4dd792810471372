// SPDX-License-Identifier: BSD-2-Clause
/* The virtual reader's clock: CLOCK_MONOTONIC, whether the processor's count is of use or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>
#include "steady.h"

#define NEAR_NS	1000000

static uint64_t system_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* It is looked at between two looks at the system's. */
static uint64_t is_right(struct steady *s)
{
	uint64_t before = system_ns(), ns = steady_ns(s), after = system_ns();

	assert_true(ns + NEAR_NS >= before);
	assert_true(ns <= after + NEAR_NS);
	return ns;
}

static void follow(struct steady *s, unsigned int ms)
{
	uint64_t end = system_ns() + ms * 1000000ULL, last = 0, ns;

	do {
		ns = is_right(s);
		assert_true(ns >= last);
		last = ns;
	} while (ns < end);
}

static void it_follows_the_system(void **state)
{
	struct steady s = { 0 };

	follow(&s, 150);
	assert_true(s.none || s.rate > 0);
}

/* A machine that slept, or was moved to another: the count has gone on alone, or back. */
static void it_begins_anew_where_they_part(void **state)
{
	static const int64_t by[] = { 5000000000000LL, -5000000000000LL, 100000000 };

	for (unsigned int i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
		struct steady s = { 0 };

		do
			follow(&s, 30);
		while (!s.none && !s.rate);
		s.first_count -= by[i];
		s.synced -= by[i];
		s.synced -= s.again;
		follow(&s, 100);
		assert_true(s.none || s.rate > 0);
	}
}

static void it_goes_without_a_count(void **state)
{
	struct steady s = { .none = true };

	follow(&s, 10);
	assert_true(s.rate == 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_follows_the_system),
		cmocka_unit_test(it_begins_anew_where_they_part),
		cmocka_unit_test(it_goes_without_a_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
