// SPDX-License-Identifier: BSD-2-Clause
#include <time.h>
#include "steady.h"

#define LEARN_NS	10000000ULL	/* to know the rate to a thousandth: a look takes microseconds */
#define LEARN_MAX_NS	1000000000ULL
#define SYNC_NS		50000000ULL
#define DRIFT_NS	1000000LL	/* more than the rate's error could be by then: the machine slept */

static uint64_t system_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

#ifdef __x86_64__
#include <cpuid.h>
#include <x86intrin.h>

/* The invariant TSC, CPUID 80000007h: the same rate in every state of the processor, and on each. */
static bool counts_steadily(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && d & 1U << 8;
}

static uint64_t count(void)
{
	return __rdtsc();
}
#else
static bool counts_steadily(void)
{
	return false;
}

static uint64_t count(void)
{
	return 0;
}
#endif

static uint64_t counted(const struct steady *s, uint64_t n)
{
	return s->first_ns + (int64_t)((int64_t)(n - s->first_count) * s->rate);
}

static void begin(struct steady *s, uint64_t ns, uint64_t n, uint64_t width)
{
	s->first_ns = ns;
	s->first_count = n;
	s->first_width = width;
	s->rate = 0;
}

/*
 * The system's clock, and the count of about that moment: between two that lie *width apart. Of some, the narrowest:
 * whoever loses the processor in between would learn a wrong rate.
 */
static uint64_t look_once(uint64_t *n, uint64_t *width)
{
	uint64_t ns = 0;

	*n = 0;
	*width = UINT64_MAX;
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t before = count(), now = system_ns(), after = count();

		if (after - before < *width) {
			*width = after - before;
			*n = before + *width / 2;
			ns = now;
		}
	}
	return ns;
}

/*
 * Did the count go on alone, or the clock? Known from what the rate says; and where there is none yet, from a pause too
 * long to learn from.
 */
static bool parted(const struct steady *s, uint64_t ns, uint64_t n, uint64_t width)
{
	int64_t drift = counted(s, n) - ns, most = DRIFT_NS + (int64_t)(width * s->rate);

	if (s->rate)
		return drift > most || drift < -most;
	return ns - s->first_ns > LEARN_MAX_NS || n <= s->first_count;
}

/* The rate is that of all the time since the first look. */
static uint64_t look(struct steady *s)
{
	uint64_t n, width, ns = look_once(&n, &width);

	if (!s->first_ns) {
		s->none = !counts_steadily();
		begin(s, ns, n, width);
	} else if (parted(s, ns, n, width)) {
		begin(s, ns, n, width);
	} else if (ns - s->first_ns >= LEARN_NS && width + s->first_width < (n - s->first_count) / 1000) {
		s->rate = (double)(ns - s->first_ns) / (n - s->first_count);
		s->again = SYNC_NS / s->rate;
		s->synced = n;
	}
	return ns;
}

uint64_t steady_ns(struct steady *s)
{
	uint64_t ns, n;

	if (s->none)
		return system_ns();
	n = count();
	ns = !s->rate || n - s->synced > s->again ? look(s) : counted(s, n);
	if (ns < s->last_ns)
		ns = s->last_ns;
	s->last_ns = ns;
	return ns;
}
