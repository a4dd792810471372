/* SPDX-License-Identifier: BSD-2-Clause */
/* Key pairs for a key agreement: any, extreme ones, and ones whose public half a chip must refuse. */
#ifndef CARDEXAM_TWIST_H
#define CARDEXAM_TWIST_H

#include "own.h"

/* What is twisted in a run of a protocol: nothing, or the key; what else a unit twists stands between. */
enum key_twist {
	NONE,
	OTHER_SIZE = 0x80, ZERO_POINT, OFF_CURVE, BAD_FORM, ABOVE_PRIME, ZERO_NUMBER, SMALL_X, LARGE_X, SMALL_Y, LARGE_Y,
};

/* Our pair on a base, its public half twisted where it is to be. Returns the private half. */
BIGNUM *our_pair(const struct group *g, const struct elem *base, int twist, struct elem *out);

#endif
