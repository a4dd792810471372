// SPDX-License-Identifier: BSD-2-Clause
/* The rule by which waits spin before they sleep: what it learns, and what it costs at most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "reader/spin.h"

#define US	1000ULL
#define MS	1000000ULL
#define MAX	(50 * US)

static struct cr_spin_policy p;

/* One wait for something that comes after so long, as the policy wants it; a sleep takes wake longer. Was it looked for? */
static bool wait_for(uint64_t after, uint64_t wake)
{
	uint64_t budget = cr_spin_budget(&p);

	if (!budget)
		cr_spin_slept(&p, after + wake);
	else if (after <= budget)
		cr_spin_hit(&p, after);
	else
		cr_spin_missed(&p, budget, after + wake);
	return budget;
}

static void the_first_wait_sleeps(void **state)
{
	cr_spin_init(&p, MAX);
	assert_int_equal(cr_spin_budget(&p), 0);
}

static void a_card_of_milliseconds_is_never_looked_for(void **state)
{
	cr_spin_init(&p, MAX);
	for (unsigned int i = 0; i < 20000; i++)
		assert_false(wait_for(MS + i * US, 10 * US));
}

static void what_comes_in_microseconds_is_looked_for(void **state)
{
	cr_spin_init(&p, MAX);
	assert_false(wait_for(30 * US, 10 * US));
	for (unsigned int i = 0; i < 20000; i++) {
		assert_int_equal(cr_spin_budget(&p), MAX);
		assert_true(wait_for(30 * US, 10 * US));
	}
}

/* Seen from a sleep it is far away, as waking up takes so long: an attempt finds out. */
static void a_slow_wake_up_does_not_hide_it(void **state)
{
	cr_spin_init(&p, MAX);
	assert_false(wait_for(30 * US, 400 * US));
	for (unsigned int i = 0; i < 100; i++)
		assert_true(wait_for(30 * US, 400 * US));
}

static void attempts_in_vain_grow_rare(void **state)
{
	unsigned int attempts = 0, last = 0, i;

	cr_spin_init(&p, MAX);
	for (i = 0; i < 100000; i++) {
		if (!wait_for(300 * US, 10 * US))
			continue;
		/* after the n-th, 2^(n-1) waits sleep, and never more than 1024 */
		if (attempts)
			assert_true(i - last - 1 >= (1U << (attempts < 11 ? attempts - 1 : 10)));
		attempts++;
		last = i;
	}
	assert_in_range(attempts, 90, 11 + 100000 / 1024);
}

static void a_success_makes_them_frequent_again(void **state)
{
	unsigned int slept = 0;

	cr_spin_init(&p, MAX);
	for (unsigned int i = 0; i < 20000; i++)
		wait_for(300 * US, 10 * US);
	while (!wait_for(30 * US, 10 * US))
		slept++;
	assert_in_range(slept, 0, 1024);
	assert_true(wait_for(30 * US, 10 * US));
	assert_true(wait_for(300 * US, 10 * US));
	assert_false(wait_for(30 * US, 10 * US));
	assert_true(wait_for(30 * US, 10 * US));
}

static void one_long_wait_among_short_ones_costs_one_attempt(void **state)
{
	unsigned int vain = 0, slept = 0;

	cr_spin_init(&p, MAX);
	wait_for(30 * US, 10 * US);
	for (unsigned int i = 0; i < 10000; i++) {
		bool is_long = i % 10 == 9, looked = wait_for(is_long ? 5 * MS : 30 * US, 10 * US);

		vain += looked && is_long;
		slept += !looked;
	}
	assert_in_range(vain, 900, 1000);
	assert_in_range(slept, 999, 1000);	/* the one behind it */
}

static uint64_t random64(void)
{
	static uint64_t x = 0x9E3779B97F4A7C15ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* Whoever chooses the waits, knowing what the policy will do. */
static uint64_t worst(unsigned int how, uint64_t budget, uint64_t max)
{
	switch (how) {
	case 0:		/* each attempt fails by a hair */
		return budget ? budget + 1 : 1;
	case 1:		/* as many attempts as there may be: a success undoes each failure's backoff */
		return budget && random64() % 2 ? budget + 1 : 1;
	case 2:
		return random64() % (25 * max);
	case 3:
		return 1ULL << random64() % 40;
	}
	return random64() % (2 * max + 1);
}

static void in_vain_is_never_more_than_the_bound(void **state)
{
	static const uint64_t max[] = { 1, 999, MAX, 1000 * MS };

	for (unsigned int how = 0; how < 5; how++) {
		for (size_t m = 0; m < sizeof(max) / sizeof(max[0]); m++) {
			int64_t most = CR_SPIN_BURST * (int64_t)(max[m] + CR_SPIN_ENTER_NS), over = 0, lowest = 0;
			unsigned int vain = 0;

			cr_spin_init(&p, max[m]);
			for (unsigned int i = 0; i < 100000; i++) {
				uint64_t budget = cr_spin_budget(&p), after = worst(how, budget, max[m]);

				/* in vain, less the share of what was waited: over any stretch, not from the beginning only */
				if (budget && after > budget) {
					vain++;
					over += CR_SPIN_SHARE * (int64_t)(budget + CR_SPIN_ENTER_NS);
				}
				wait_for(after, 0);
				over -= (int64_t)after;
				lowest = over < lowest ? over : lowest;
				assert_true(over - lowest <= CR_SPIN_SHARE * most);
			}
			assert_true(vain > 0);
		}
	}
}

/* The program lost its CPU while it was looking. */
static void what_was_overdrawn_is_settled_first(void **state)
{
	const uint64_t spun = 10 * MS;
	uint64_t waited = 0;

	cr_spin_init(&p, MAX);
	wait_for(30 * US, 10 * US);
	assert_int_equal(cr_spin_budget(&p), MAX);
	cr_spin_missed(&p, spun, spun + 40 * US);
	while (!cr_spin_budget(&p)) {
		cr_spin_slept(&p, 40 * US);
		waited += 40 * US;
	}
	assert_true(waited / CR_SPIN_SHARE + CR_SPIN_BURST * (MAX + CR_SPIN_ENTER_NS) >= spun - spun / CR_SPIN_SHARE);
}

static void waits_of_any_length_are_understood(void **state)
{
	cr_spin_init(&p, MAX);
	for (unsigned int i = 0; i < 3; i++) {
		cr_spin_slept(&p, UINT64_MAX);
		assert_int_equal(cr_spin_budget(&p), 0);
		cr_spin_slept(&p, 0);
		assert_int_equal(cr_spin_budget(&p), MAX);
	}
	cr_spin_missed(&p, MAX, UINT64_MAX);
	cr_spin_slept(&p, 0);
	assert_int_equal(cr_spin_budget(&p), MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_wait_sleeps),
		cmocka_unit_test(a_card_of_milliseconds_is_never_looked_for),
		cmocka_unit_test(what_comes_in_microseconds_is_looked_for),
		cmocka_unit_test(a_slow_wake_up_does_not_hide_it),
		cmocka_unit_test(attempts_in_vain_grow_rare),
		cmocka_unit_test(a_success_makes_them_frequent_again),
		cmocka_unit_test(one_long_wait_among_short_ones_costs_one_attempt),
		cmocka_unit_test(in_vain_is_never_more_than_the_bound),
		cmocka_unit_test(what_was_overdrawn_is_settled_first),
		cmocka_unit_test(waits_of_any_length_are_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
