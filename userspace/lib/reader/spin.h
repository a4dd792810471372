/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a wait for completions should look at the ring for a while before it sleeps, learnt from the waits before
 * it. Durations in, a duration out: no clock, no ring.
 *
 * Looking is worth at most what a sleep and its wake-up cost, and so lasts at most that long (max_ns): then it is never
 * worse than twice the better choice. That alone would still be paid at each command of a card that takes milliseconds,
 * so
 *  - after a wait that was far beyond reach the next one sleeps at once. A real card's are, all of them: it is never
 *    looked for, nor is a probe made;
 *  - a wait within reach, but longer than max_ns, is found out by looking once in vain. Each time that this happens
 *    without a success in between, twice as many waits sleep before the next attempt, up to 1024;
 *  - what is spent in vain is paid from an account, into which 1/32 of the time waited flows. It begins with, and never
 *    holds more than, four times max_ns and an ENTER.
 *
 * So the time spent in vain, the second ENTER that it costs included, is over any stretch of waits at most 1/32 of the
 * time waited and four times what one attempt costs. (Where an attempt lasts longer than planned, because the program
 * lost its CPU meanwhile, the account is overdrawn and the next attempts wait until it is settled.)
 */
#ifndef CR_READER_SPIN_H
#define CR_READER_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#define CR_SPIN_ENTER_NS	1000	/* the ENTER that a vain attempt costs beyond the one that sleeps */
#define CR_SPIN_SHARE		32	/* in vain is at most one in so many */
#define CR_SPIN_BURST		4	/* attempts in vain that may come at once */
#define CR_SPIN_REACH		20	/* times max_ns: a sleep's own time included, nothing beyond it was worth a look */
#define CR_SPIN_SKIP_MAX	1024

struct cr_spin_policy {
	uint64_t max_ns;	/* how long one attempt may last */
	int64_t account_ns;
	bool beyond;		/* the last wait was out of reach */
	unsigned int backoff;	/* how many waits within reach the last vain attempt let sleep; 0 after a success */
	unsigned int skip;	/* how many of them are left */
};

/* Begins without knowledge: the first wait sleeps. */
void cr_spin_init(struct cr_spin_policy *p, uint64_t max_ns);
/* How long to look before sleeping, in ns; 0: sleep at once. */
uint64_t cr_spin_budget(const struct cr_spin_policy *p);
/* What a wait was like: slept from its beginning, or looked for so long with success, or in vain and then slept. In ns. */
void cr_spin_slept(struct cr_spin_policy *p, uint64_t waited_ns);
void cr_spin_hit(struct cr_spin_policy *p, uint64_t spun_ns);
void cr_spin_missed(struct cr_spin_policy *p, uint64_t spun_ns, uint64_t waited_ns);	/* waited: spun included */

#endif
