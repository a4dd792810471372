// SPDX-License-Identifier: BSD-2-Clause
/* The quantiles of "cardring stat", from the module's buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "../../userspace/cli/times.c"

static void quantile_of_nothing_is_none(void **state)
{
	const struct times t = { 0 };

	assert_true(times_quantile(&t, 0.5) < 0);
}

static void quantile_lies_in_its_bucket(void **state)
{
	struct times t = { 0 };

	/* kernel/kunit/histogram.c: bucket 36 is 1024 to 1279, 12 is 16 to 19 */
	t.count[36] = 100;
	assert_true(times_quantile(&t, 0.001) >= 1024 && times_quantile(&t, 1) <= 1280);
	assert_true(times_quantile(&t, 0.5) == 1152);
	t.count[12] = 300;
	assert_true(times_quantile(&t, 0.5) >= 16 && times_quantile(&t, 0.5) < 20);
	assert_true(times_quantile(&t, 0.99) > 1024);
	memset(&t, 0, sizeof(t));
	t.count[TIMES_BUCKETS - 1] = 1;
	assert_true(times_quantile(&t, 0.01) > 1.75 * (1 << 20) && times_quantile(&t, 1) == 1 << 21);
}

static void times_since_are_the_difference(void **state)
{
	struct times a = { 0 }, b, d;

	a.count[3] = 5;
	b = a;
	b.count[3] = 7;
	b.count[40] = 1;
	assert_true(times_since(&b, &a, &d));
	assert_int_equal(d.count[3], 2);
	assert_int_equal(d.count[40], 1);
	/* another reader under the same number */
	assert_false(times_since(&a, &b, &d));
}

static void file_that_is_short_is_none(void **state)
{
	char name[] = "/tmp/timesXXXXXX";
	int fd = mkstemp(name);
	struct times t;
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	for (unsigned int i = 0; i < TIMES_BUCKETS - 1; i++)
		fprintf(f, "%u ", i);
	fflush(f);
	assert_false(times_read(name, &t));
	fprintf(f, "79\n");
	fclose(f);
	assert_true(times_read(name, &t));
	assert_int_equal(t.count[79], 79);
	unlink(name);
	assert_false(times_read(name, &t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantile_of_nothing_is_none),
		cmocka_unit_test(quantile_lies_in_its_bucket),
		cmocka_unit_test(times_since_are_the_difference),
		cmocka_unit_test(file_that_is_short_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
