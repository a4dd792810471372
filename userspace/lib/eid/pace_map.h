/* SPDX-License-Identifier: BSD-2-Clause */
/* What PACE's three mappings differ in: ICAO 9303-11, 4.4.3.3. */
#ifndef CR_EID_PACE_MAP_H
#define CR_EID_PACE_MAP_H

#include "eid/group.h"

#define CR_PACE_NONCE_MAX	64

struct cr_pace_map {		/* a mapping on its way */
	enum cr_cipher cipher;
	struct cr_group *group;
	uint8_t nonce[CR_PACE_NONCE_MAX];
	size_t nonce_len;
	uint8_t mine[CR_ELEMENT_MAX];	/* what the terminal gives: DO 81 */
	size_t mine_len;
};

struct cr_pace_mapping {
	const char *name;		/* "GM" */
	/* Fills mine. */
	int (*offer)(struct cr_pace_map *m, const struct cr_rng *rng);
	/* The generator from the nonce, mine, and what the chip gave, DO 82; len 0: nothing. */
	int (*finish)(struct cr_pace_map *m, const uint8_t *theirs, size_t len);
	bool proves_chip;		/* with the token comes encrypted chip authentication data */
};

enum cr_mapping { CR_GM, CR_IM, CR_CAM };
const struct cr_pace_mapping *cr_pace_mapping(enum cr_mapping m);

/*
 * 4.4.3.3.2: R(s, t), at least 64 bits longer than a field of so many bits. t: as long as the
 * cipher's key; s: whole blocks that are no shorter than it. CR_E_INVALID: s is of another length.
 */
#define CR_PACE_RANDOM_MAX	(CR_FIELD_MAX + 64)
int cr_pace_random(enum cr_cipher cipher, const uint8_t *s, size_t s_len, const uint8_t *t,
		   size_t field_bits, uint8_t out[CR_PACE_RANDOM_MAX], size_t *len);

#endif
