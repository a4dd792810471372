/* SPDX-License-Identifier: BSD-2-Clause */
/* What the machine can spare: CPUs to run on, and what it is powered by. */
#ifndef CR_READER_POWER_H
#define CR_READER_POWER_H

#include <stdbool.h>

#define CR_POWER_SUPPLIES	"/sys/class/power_supply"

/* How many CPUs the calling thread may run on; 1 where that cannot be told. */
unsigned int cr_cpus_usable(void);
/*
 * Does the machine run on its battery? supplies: CR_POWER_SUPPLIES, or a folder like it. True if a battery of the
 * machine itself is being discharged and no supply from outside is on line; false too where nothing is known.
 */
bool cr_on_battery(const char *supplies);

#endif
