/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The general authentication procedure, for inspection systems: TR-03110-2, 2.3.4 and 2.3.5.
 *
 *	PACE, with the terminal's template                     pace.h
 *	terminal authentication version 2                      ta.h
 *	EF.CardSecurity read, its signature verified
 *	chip authentication version 2, by the key in it        ca.h
 *
 * It takes the place of both authentications in version 1, which go after the application is selected,
 * where EF.CardAccess announces it. What keeps it from being done is no error: the session goes on, and
 * what it would have opened stays locked.
 */
#ifndef CR_EID_GENERAL_H
#define CR_EID_GENERAL_H

#include <time.h>
#include "eid/access.h"
#include "eid/chip.h"
#include "eid/terminal.h"

struct cr_general {
	/* in; terminal NULL: not wanted */
	const cr_terminal_t *terminal;
	const cr_trust_t *trust;	/* for EF.CardSecurity; NULL */
	time_t now;
	/* of the last PACE */
	bool announced;			/* with the terminal's template */
	struct cr_cvc_name authorities[2];
	size_t n_authorities;
	/* what came of it */
	unsigned int failures;		/* in a row that cost the session; after two it is left */
	bool not_taken;			/* the chip's PACE does not take the template */
	const char *ta;			/* "TA v2 ECDSA SHA-256": done in this session, and with it the chip's; NULL */
	uint8_t rights;			/* CR_CVC_READ_*, if so */
	const char *why;		/* why the terminal was not let in: a msgid; NULL */
	bool refused;			/* the chip took its certificates or its signature not */
	bool asked;			/* chip authentication was begun: proof tells */
	struct cr_chip_proof proof;
	char detail[160];		/* of proof */
};

/* For a session that is opened anew: what was won in the last one is gone. */
void cr_general_restart(struct cr_general *g);
/*
 * Whether EF.CardAccess announces it and a terminal is there for it; for this kind of secret, as an
 * inspection system has no business with a PIN (2.3.2.1).
 */
bool cr_general_offered(const struct cr_card_access *ca, const struct cr_secret *secret);
/*
 * After PACE, under its session, which ends under the keys of chip authentication if that went well.
 * ca->security is filled. 0, whatever came of it, with the session in order; negative: it is lost, and the
 * card is to be opened anew.
 */
int cr_general_authenticate(struct cr_session *s, struct cr_card_access *ca);

#endif
