/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CLOCK_MONOTONIC without a system call for each look, where the processor counts at a steady rate. Natively the vDSO
 * does as much; in User Mode Linux each look is a call of some microseconds, two of them in every turnaround that is
 * measured at a virtual reader.
 */
#ifndef SIM_STEADY_H
#define SIM_STEADY_H

#include <stdbool.h>
#include <stdint.h>

/* All zero to begin with. Whoever shares one between threads has a lock of his own. */
struct steady {
	bool none;			/* no such count here */
	uint64_t first_ns;		/* the system's clock, of the first look, */
	uint64_t first_count;		/* and the processor's count, which was so for certain */
	uint64_t first_width;		/* within so many */
	uint64_t synced, again;		/* counts: of the last look at the system's clock, and until the next */
	uint64_t last_ns;		/* what was given last: it never goes back */
	double rate;			/* ns a count; 0: not known yet */
};

/* Nanoseconds of CLOCK_MONOTONIC, off by no more than a thousandth of what passed since the last look, 50 ms ago at most. */
uint64_t steady_ns(struct steady *s);

#endif
