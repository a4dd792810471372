// SPDX-License-Identifier: BSD-2-Clause
/* Waiting on a ring of PC/SC's, over a kernel in which the time goes by at once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "reader/pcsc_int.h"

static int fails_with;		/* 0: woken */
static bool had_an_end;		/* without one, a wait is begun again behind a signal's handler */

/* In place of the C library's: of what is called here, futexes alone go through it. */
long syscall(long number, ...)
{
	const struct timespec *until;
	va_list ap;

	assert_int_equal(number, SYS_futex);
	va_start(ap, number);
	va_arg(ap, uint32_t *);
	va_arg(ap, int);
	va_arg(ap, uint32_t);
	until = va_arg(ap, const struct timespec *);
	va_end(ap);
	had_an_end = until && until->tv_sec >= 0 && until->tv_sec < INT32_MAX;
	errno = fails_with;
	return fails_with ? -1 : 0;
}

static int sleeps(uint64_t until, int how)
{
	struct pcsc_ring r = { .lock = PTHREAD_MUTEX_INITIALIZER };
	int rc;

	fails_with = how;
	had_an_end = false;
	pthread_mutex_lock(&r.lock);
	rc = cr_pcsc_sleep(&r, &r.changes, until);
	pthread_mutex_unlock(&r.lock);
	assert_int_equal(r.sleepers, 0);
	assert_true(had_an_end);
	return rc;
}

static void only_the_end_that_was_asked_for_is_one(void **state)
{
	const uint64_t now = cr_pcsc_now(), minute = 60 * 1000 * PCSC_MS;

	assert_int_equal(sleeps(now + minute, ETIMEDOUT), -ETIME);
	assert_int_equal(sleeps(now + 24 * 60 * minute, ETIMEDOUT), 0);
	assert_int_equal(sleeps(PCSC_NEVER, ETIMEDOUT), 0);
	assert_int_equal(sleeps(PCSC_NEVER, EINTR), -EINTR);
	assert_int_equal(sleeps(PCSC_NEVER, EAGAIN), 0);
	assert_int_equal(sleeps(PCSC_NEVER, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_end_that_was_asked_for_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
