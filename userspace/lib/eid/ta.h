/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Terminal authentication, the terminal's side: TR-03110-3, B.3. Version 1 (TR-03110-1, 3.5) after chip
 * authentication, under its session; version 2 (TR-03110-2, 3.3) before it, under PACE's.
 *
 *	for each certificate, from the authority that the chip knows down to the terminal's own
 *		MSE:Set DST               ->  <- 9000
 *		PSO:Verify Certificate    ->  <- 9000
 *	MSE:Set AT                        ->  <- 9000	version 2: with the key of chip authentication
 *	GET CHALLENGE                     ->  <- r
 *	EXTERNAL AUTHENTICATE             ->  <- 9000
 */
#ifndef CR_EID_TA_H
#define CR_EID_TA_H

#include "eid/group.h"
#include "eid/terminal.h"
#include "iso7816/apdu.h"
#include "iso7816/buf.h"

/* What ties the signature to the chip and to its session. */
struct cr_ta_binding {
	uint8_t chip[CR_FIELD_MAX];	/* ID_PICC: of PACE or BAC, A.2.2.3 */
	size_t chip_len;
	uint8_t ephemeral[CR_FIELD_MAX];	/* the terminal's key of chip authentication, compressed */
	size_t ephemeral_len;
	const uint8_t *auxiliary;	/* version 2: auxiliary data, the object 67 whole (A.7.5); NULL */
	size_t auxiliary_len;
};

struct cr_ta {			/* free with cr_ta_clear */
	int state, version;
	const cr_terminal_t *terminal;
	struct cr_ta_binding binding;
	const struct cr_cvc *chain[CR_CVC_CHAIN_MAX];
	size_t n, at;
	struct cr_buf cmd;
	uint8_t *sig;
	size_t sig_len;
};

/*
 * version: 1 or 2. What binding->auxiliary points to lives until the end. 0; CR_E_NOT_FOUND: no way from
 * these authorities to the terminal's certificate.
 */
int cr_ta_init(struct cr_ta *ta, int version, const cr_terminal_t *terminal,
	       const struct cr_cvc_name *authorities, size_t n, const struct cr_ta_binding *binding);
/*
 * As cr_pace_step. 1: send *cmd; 0: the chip took the terminal for what its certificates say.
 * CR_E_ACCESS_REFUSED: it did not; CR_E_CARD_PROTOCOL, CR_E_CRYPTO, CR_E_NOMEM.
 */
int cr_ta_step(struct cr_ta *ta, const uint8_t *rsp, size_t len, uint16_t sw, struct cr_capdu *cmd);
/* What all certificates of the chain grant: CR_CVC_READ_*. */
uint8_t cr_ta_rights(const struct cr_ta *ta);
const char *cr_ta_name(const struct cr_ta *ta);	/* "TA v1 ECDSA SHA-256" */
void cr_ta_clear(struct cr_ta *ta);

/* A.2.2.3, Comp: the x-coordinate; of a number its SHA-1. 0 or CR_E_CRYPTO. */
int cr_ta_compress(bool ec, const uint8_t *public_key, size_t len, uint8_t out[CR_FIELD_MAX],
		   size_t *out_len);

#endif
