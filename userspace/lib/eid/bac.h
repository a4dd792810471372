/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Basic Access Control, the terminal's side: ICAO 9303-11, 4.3 and 9.7.2.
 *
 *	GET CHALLENGE          ->  <- RND.IC
 *	EXTERNAL AUTHENTICATE  ->  <- E(RND.IC || RND.IFD || K.IC), MAC
 */
#ifndef CR_EID_BAC_H
#define CR_EID_BAC_H

#include <cardring/eid.h>
#include "eid/sm.h"

struct cr_bac {			/* wipe with cr_bac_wipe */
	int state;
	uint8_t k_enc[CR_KEY_MAX], k_mac[CR_KEY_MAX];
	uint8_t rnd_ic[8], rnd_ifd[8], k_ifd[16];
	uint8_t data[40];	/* of the command that was given out */
	const struct cr_rng *rng;
	struct cr_sm sm;	/* when done */
};

int cr_bac_init(struct cr_bac *bac, const struct cr_secret *secret, const struct cr_rng *rng);
/*
 * Takes the answer to the last command (none the first time) and gives the next. 1: send *cmd,
 * whose data lives until the next step; 0: done, bac->sm holds the session; CR_E_ACCESS_REFUSED:
 * the card says the MRZ is wrong; CR_E_CARD_STATUS: it refuses otherwise; CR_E_CARD_PROTOCOL: its
 * answer breaks the protocol.
 */
int cr_bac_step(struct cr_bac *bac, const uint8_t *rsp, size_t len, uint16_t sw,
		struct cr_capdu *cmd);
void cr_bac_wipe(struct cr_bac *bac);

#endif
