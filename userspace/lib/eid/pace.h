/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PACE version 2 with ECDH and generic mapping, the terminal's side: ICAO 9303-11, 4.4; TR-03110-3,
 * A.3, B.1.
 *
 *	MSE:Set AT                ->  <- 9000
 *	GENERAL AUTHENTICATE      ->  <- 80 encrypted nonce
 *	  81 mapping public key   ->  <- 82 mapping public key
 *	  83 ephemeral public key ->  <- 84 ephemeral public key
 *	  85 token                ->  <- 86 token
 */
#ifndef CR_EID_PACE_H
#define CR_EID_PACE_H

#include <cardring/eid.h>
#include "eid/security_info.h"
#include "eid/sm.h"

struct cr_pace;

/*
 * info: of ECDH and generic mapping. name_curve: send the domain parameters' number (84), for the
 * object identifier alone does not tell. 0, CR_E_UNSUPPORTED, CR_E_INVALID (secret), CR_E_NOMEM,
 * CR_E_CRYPTO.
 */
int cr_pace_new(const struct cr_pace_info *info, bool name_curve, const struct cr_secret *secret,
		const struct cr_rng *rng, struct cr_pace **out);
/*
 * Takes the answer to the last command (none the first time) and gives the next. 1: send *cmd,
 * whose data lives until the next step; 0: done. CR_E_ACCESS_REFUSED: the card says that the
 * password is wrong; CR_E_CARD_STATUS: it refuses otherwise; CR_E_CARD_PROTOCOL: its answer breaks
 * the protocol, or it does not know the password itself; CR_E_CRYPTO: a point that is none.
 */
int cr_pace_step(struct cr_pace *pace, const uint8_t *rsp, size_t len, uint16_t sw,
		 struct cr_capdu *cmd);
/* The session of a finished run; CR_E_INVALID before. */
int cr_pace_session(const struct cr_pace *pace, struct cr_sm *sm);
void cr_pace_free(struct cr_pace *pace);	/* wipes; NULL is fine */

/*
 * ICAO 9303-11, 4.4.3.4: the authentication token for a public key: a MAC over 7F49 { 06 protocol,
 * 86 point }.
 */
int cr_pace_token(enum cr_cipher cipher, const uint8_t *k_mac, const uint8_t oid[10],
		  const uint8_t *point, size_t len, uint8_t token[CR_MAC_LEN]);

#endif
