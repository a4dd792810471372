/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access to the eMRTD application the way real cards need it (ICAO 9303-11, 4.2): EF.CardAccess,
 * PACE, else BAC, else none; the application selected at the end.
 */
#ifndef CR_EID_ACCESS_H
#define CR_EID_ACCESS_H

#include <cardring/eid.h>
#include "eid/pace.h"
#include "eid/security_info.h"
#include "eid/session.h"

struct cr_general;

struct cr_card_access {		/* EF.CardAccess; kept when the card is opened again */
	bool looked;		/* for it */
	bool in_application;	/* found inside of the application, not under the master file */
	uint8_t *data;		/* NULL: the card has none */
	size_t len;
	bool malformed;
	struct cr_security_infos infos;
	bool pace, bac;		/* run this time, whatever came of it */
	bool no_application;	/* the card says that there is none */
	/* of the last PACE, where that was with chip authentication mapping: */
	struct cr_cam cam;
	uint8_t *security;	/* EF.CardSecurity; NULL: not read, or not there */
	size_t security_len;
	/* ID_PICC of this session, for terminal authentication: TR-03110-3, A.2.2.3 */
	uint8_t chip_id[CR_FIELD_MAX];
	size_t chip_id_len;
	struct cr_general *general;	/* the general authentication procedure, where there may be one; NULL */
};
void cr_card_access_free(struct cr_card_access *ca);

/*
 * The card is fresh from reset, the session plain. Fills access. why: a static English sentence,
 * what the matter was; set on error and where a fallback was taken, else untouched.
 *
 * 0; CR_E_ACCESS_REFUSED: wrong secret, or none and the card wants one; CR_E_PIN_SUSPENDED,
 * CR_E_PIN_BLOCKED: the PIN was not tried, or tried once too often; CR_E_UNSUPPORTED: no eMRTD
 * application, or no protocol in common for this kind of secret; CR_E_CARD_STATUS,
 * CR_E_CARD_PROTOCOL and what sending meets. Whatever happens, a secret is tried once: PACE
 * with other parameters only where the card did not take these before the secret, and BAC only if PACE did not find it wrong. A PIN's last try is used only where
 * its CAN was given too.
 */
int cr_access_open(struct cr_session *s, const struct cr_secret *secret, struct cr_card_access *ca,
		   struct cr_access *access, const char **why);

/*
 * Drives a protocol's state machine to its end: 0, or the negative error of the protocol or of
 * sending.
 */
typedef int (*cr_protocol_step)(void *state, const uint8_t *rsp, size_t len, uint16_t sw,
				struct cr_capdu *cmd);
int cr_protocol_run(struct cr_session *s, cr_protocol_step step, void *state);

extern const uint8_t cr_emrtd_aid[7];	/* A0000002471001 */

#endif
