/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chip Authentication with DH or ECDH, the terminal's side: ICAO 9303-11, 6.2; TR-03110-2, 3.4;
 * TR-03110-3, B.2.
 *
 *	Version 1, 3DES:	MSE:Set KAT           ->  <- 9000
 *	Version 1, AES:		MSE:Set AT            ->  <- 9000
 *				GENERAL AUTHENTICATE  ->  <- 7C 00
 *	Version 2:		MSE:Set AT            ->  <- 9000
 *				GENERAL AUTHENTICATE  ->  <- 81 nonce, 82 token
 *
 * All under the session so far. In version 1 the proof is not in these answers: a chip without the
 * private key cannot answer the next command under the new session. In version 2 the token is one.
 */
#ifndef CR_EID_CA_H
#define CR_EID_CA_H

#include "eid/security_info.h"
#include "eid/sm.h"

struct cr_ca;

/*
 * In parameters that are known, with an ephemeral key of the terminal's, which version 2 shows to the
 * chip in terminal authentication, before the chip's key is read; then the chip's key. Errors as below;
 * CR_E_UNSUPPORTED for a key of other parameters, too.
 */
int cr_ca_begin(const struct cr_ca_info *info, const struct cr_domain *domain, const struct cr_rng *rng,
		struct cr_ca **out);
int cr_ca_agree(struct cr_ca *ca, const struct cr_ca_key *key);
/*
 * Both at once. 0; CR_E_UNSUPPORTED: also domain parameters that are not sound; CR_E_NOMEM; CR_E_INTERNAL: what
 * this side needs for it did not work, random numbers for one; CR_E_CRYPTO: the chip's public key is no
 * element of its group, or of small order.
 */
int cr_ca_new(const struct cr_ca_info *info, const struct cr_ca_key *key, const struct cr_rng *rng,
	      struct cr_ca **out);
/*
 * As cr_pace_step. 1: send *cmd under the old session; 0: done, the next command goes under the new
 * one. CR_E_CARD_STATUS, CR_E_CARD_PROTOCOL; CR_E_SM: the token of version 2 is not of these keys.
 */
int cr_ca_step(struct cr_ca *ca, const uint8_t *rsp, size_t len, uint16_t sw, struct cr_capdu *cmd);
/* The terminal's ephemeral public key, as terminal authentication binds itself to it (ta.h). */
int cr_ca_compressed(const struct cr_ca *ca, uint8_t out[CR_FIELD_MAX], size_t *len);
const char *cr_ca_name(const struct cr_ca_info *info);	/* "CA v1 ECDH AES-128" */
int cr_ca_session(const struct cr_ca *ca, struct cr_sm *sm);	/* CR_E_INVALID before it is done */
void cr_ca_free(struct cr_ca *ca);				/* wipes; NULL is fine */

#endif
