/* SPDX-License-Identifier: BSD-2-Clause */
/* How cr_ring_submit waits on a ring whose completions come while nobody is inside of enter. */
#ifndef CR_READER_WAIT_H
#define CR_READER_WAIT_H

#include <stdint.h>
#include <cardring/ring.h>
#include "reader/spin.h"

struct cr_wait {
	enum cr_spin how;
	struct cr_spin_policy policy;
	const char *supplies;		/* cr_on_battery's */
	uint64_t checked_ns;		/* when the machine had a CPU and power to spare; 0: not known */
	unsigned int rest;		/* it had not: so many waits sleep before it is asked again */
};

/* As a ring begins: CR_SPIN_AUTO, and 50 us at most. */
void cr_wait_init(struct cr_wait *w);
/* All of cr_ring_submit but publishing the entries. */
int cr_wait_enter(cr_ring_t *ring, unsigned int to_submit, unsigned int min_complete, int timeout_ms);

#endif
