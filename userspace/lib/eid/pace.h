/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PACE version 2, the terminal's side: ICAO 9303-11, 4.4; TR-03110-3, A.3, B.1. One course for all
 * mappings (pace_map.h) and groups (group.h):
 *
 *	MSE:Set AT                ->  <- 9000
 *	GENERAL AUTHENTICATE      ->  <- 80 encrypted nonce
 *	  81 mapping data         ->  <- 82 mapping data, none with integrated mapping
 *	  83 ephemeral public key ->  <- 84 ephemeral public key
 *	  85 token                ->  <- 86 token, 8A encrypted chip authentication data (CAM)
 */
#ifndef CR_EID_PACE_H
#define CR_EID_PACE_H

#include <cardring/eid.h>
#include "eid/cvc.h"
#include "eid/security_info.h"
#include "eid/sm.h"

struct cr_pace;

/*
 * info: a usable one; what its domain points to lives until the next call. name_domain: send the
 * domain parameters' number (84), for the object identifier alone does not tell. 0, CR_E_UNSUPPORTED
 * (also explicit parameters that are not sound), CR_E_INVALID (secret), CR_E_NOMEM, CR_E_CRYPTO.
 */
int cr_pace_new(const struct cr_pace_info *info, bool name_domain, const struct cr_secret *secret,
		const struct cr_rng *rng, struct cr_pace **out);
/* A PIN's last try is wanted: it goes under the session that the CAN has opened (TR-03110-2, 3.3). */
void cr_pace_resume(struct cr_pace *pace);
/*
 * Terminal authentication version 2 is to follow (TR-03110-3, B.1): template, the terminal's object 7F4C,
 * goes with MSE:Set AT, and lives until that step.
 */
void cr_pace_announce(struct cr_pace *pace, const uint8_t *template, size_t len);
/* Of a finished run that was announced so: the authorities that the chip goes by, the newest first. */
size_t cr_pace_authorities(const struct cr_pace *pace, struct cr_cvc_name out[2]);
/*
 * Takes the answer to the last command (none the first time) and gives the next. 1: send *cmd,
 * whose data lives until the next step; 0: done.
 *
 * CR_E_ACCESS_REFUSED: the card says that the password is wrong; CR_E_PIN_SUSPENDED: it wants the
 * CAN before the PIN's last try, which was not used; CR_E_PIN_BLOCKED: there is no try left;
 * CR_E_CARD_STATUS: it refuses otherwise; CR_E_CARD_PROTOCOL: its answer breaks the protocol, or it
 * does not know the password itself; CR_E_CRYPTO: what should be a public key is none.
 */
int cr_pace_step(struct cr_pace *pace, const uint8_t *rsp, size_t len, uint16_t sw,
		 struct cr_capdu *cmd);
/*
 * Whether the run ended in CR_E_CARD_STATUS because the card does not take the protocol or its
 * parameters (MSE:Set AT: 6A80, 6A88): no password was tried.
 */
bool cr_pace_not_taken(const struct cr_pace *pace);
/* The session of a finished run; CR_E_INVALID before. */
int cr_pace_session(const struct cr_pace *pace, struct cr_sm *sm);
void cr_pace_free(struct cr_pace *pace);	/* wipes; NULL is fine */

/* The chip's ephemeral public key of a finished run, compressed: ID_PICC (ta.h). */
int cr_pace_chip_id(const struct cr_pace *pace, uint8_t out[CR_FIELD_MAX], size_t *len);

/*
 * Chip authentication mapping, 4.4.3.5: what the chip said of its mapping key. With the static key,
 * which has to be found in EF.CardSecurity and to be of the same domain, it is a proof:
 * CA_IC * PK_IC is the mapping key.
 */
struct cr_cam {
	struct cr_domain domain;
	uint8_t mapping_key[CR_ELEMENT_MAX];
	size_t mapping_key_len;
	uint8_t data[CR_FIELD_MAX];	/* CA_IC */
	size_t data_len;		/* 0: no such mapping was used */
};
/* Of a finished run. */
void cr_pace_cam(const struct cr_pace *pace, struct cr_cam *cam);
/* 0; CR_E_CRYPTO: no proof for this key; CR_E_NOMEM, CR_E_UNSUPPORTED. */
int cr_cam_verify(const struct cr_cam *cam, const uint8_t *key, size_t len);

/*
 * ICAO 9303-11, 4.4.3.4: the authentication token for a public key: a MAC over 7F49 { 06 protocol,
 * 86 point or 84 number }.
 */
int cr_pace_token(const struct cr_protocol_oid *protocol, const uint8_t *k_mac,
		  const uint8_t *public_key, size_t len, uint8_t token[CR_MAC_LEN]);

#endif
