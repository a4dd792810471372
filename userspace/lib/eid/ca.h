/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chip Authentication version 1 with DH or ECDH, the terminal's side: ICAO 9303-11, 6.2; TR-03110-3, B.2.
 *
 *	3DES:	MSE:Set KAT           ->  <- 9000
 *	AES:	MSE:Set AT            ->  <- 9000
 *		GENERAL AUTHENTICATE  ->  <- 7C 00
 *
 * Both under the session so far. The proof is not in these answers: a chip without the private key
 * cannot answer the next command under the new session.
 */
#ifndef CR_EID_CA_H
#define CR_EID_CA_H

#include "eid/security_info.h"
#include "eid/sm.h"

struct cr_ca;

/*
 * 0; CR_E_UNSUPPORTED: also domain parameters that are not sound; CR_E_NOMEM; CR_E_INTERNAL: what
 * this side needs for it did not work, random numbers for one; CR_E_CRYPTO: the chip's public key is no
 * element of its group, or of small order.
 */
int cr_ca_new(const struct cr_ca_info *info, const struct cr_ca_key *key, const struct cr_rng *rng,
	      struct cr_ca **out);
/*
 * As cr_pace_step. 1: send *cmd under the old session; 0: done, the next command goes under the new
 * one. CR_E_CARD_STATUS, CR_E_CARD_PROTOCOL.
 */
int cr_ca_step(struct cr_ca *ca, const uint8_t *rsp, size_t len, uint16_t sw, struct cr_capdu *cmd);
/* The terminal's ephemeral public key, as terminal authentication binds itself to it (ta.h). */
int cr_ca_compressed(const struct cr_ca *ca, uint8_t out[CR_FIELD_MAX], size_t *len);
int cr_ca_session(const struct cr_ca *ca, struct cr_sm *sm);	/* CR_E_INVALID before it is done */
void cr_ca_free(struct cr_ca *ca);				/* wipes; NULL is fine */

#endif
