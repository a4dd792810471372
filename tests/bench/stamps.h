/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The figures of a row of gaps between answers and next commands; and how the card behind QEMU's reader
 * (stampcard.c), which sees them outside of the machine, tells them in band: two GET DATA of a class of its own,
 * answered with 32-bit numbers, the highest byte first:
 *
 *   80 CA 01 00 04    how many gaps there are so far. Any command but READ BINARY ends a row: between what is
 *                     before it and what comes after it there is no gap
 *   80 CA 01 01 Le    struct stamps, and begins anew
 */
#ifndef TESTS_BENCH_STAMPS_H
#define TESTS_BENCH_STAMPS_H

#include "bench.h"

#define MAX_GAPS	4000000u

/* The curve's points. */
static const double curve_at[] = {
	0, .01, .05, .1, .2, .3, .4, .5, .6, .7, .8, .9, .95, .98, .99, .995, .999, 1
};
enum { P50 = 7, P99 = 14, MAX = 17, CURVE_POINTS };

struct stamps {
	uint32_t gaps;
	uint32_t lost;		/* stamps that there was no room for */
	uint32_t others;	/* what came beside the commands asked for */
	uint32_t mean, curve[CURVE_POINTS];	/* ns */
};

/* Sorts the gaps, and fills all but lost and others. */
static inline void stamps_of(struct stamps *s, uint32_t *ns, size_t n)
{
	double sum = 0;

	qsort(ns, n, sizeof(*ns), compare_u32);
	for (size_t i = 0; i < n; i++)
		sum += ns[i];
	s->gaps = n;
	s->mean = n ? sum / n : 0;
	for (size_t i = 0; i < CURVE_POINTS; i++)
		s->curve[i] = n ? quantile(ns, n, curve_at[i]) : 0;
}

#endif
