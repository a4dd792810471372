/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the virtual card lets pass on demand, one check at a time: in the build for the exam's own test alone, which shows
 * that each case fails when its check is gone (tests/conformity/card/lax.tsv). Everywhere else there is no such thing.
 */
#ifndef CARDRING_SIM_LAX_H
#define CARDRING_SIM_LAX_H

#ifdef SIM_LAX
#include <stdbool.h>
bool sim_lax(const char *what);
/* Names of checks that are gone from here on, with a plus between them; "": none. */
void sim_lax_set(const char *names);
#else
#define sim_lax(what)	false
#endif

#endif
