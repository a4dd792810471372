/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands to the card, plain or under secure messaging, in linked batches. The one file of
 * electronic identity that sends anything; through a function, so that tests put a script in a
 * card's place.
 */
#ifndef CR_EID_SESSION_H
#define CR_EID_SESSION_H

#include <cardring/card.h>
#include "eid/sm.h"

enum cr_sfi { CR_SFI_UNKNOWN, CR_SFI_WORKS, CR_SFI_REFUSED };

struct cr_session {
	/* cr_card_transmit_batch and its card, or a test's */
	int (*batch)(void *io, struct cr_apdu *apdus, size_t n, size_t *done);
	void *io;
	size_t max_response; /* response data that reader and card carry in one APDU; 256: short
				only */
	size_t max_signature; /* the same of a card that takes extended length without a word of how long; 0: as that */
	size_t block_max; /* what READ BINARY has been adapted down to, SIZE_MAX at first (blocks.h) */
	enum cr_sfi sfi;  /* READ BINARY by short identifier (files.h) */
	bool header_first; /* and asking for no more than a header by it */
	bool one_by_one;   /* files are not read ahead: that has lost a session */
	bool secured;
	struct cr_sm sm;
	bool lost; /* an exchange failed or secure messaging broke: nothing more before a reset */
	const struct cr_rng *rng;
};

struct cr_message {
	struct cr_capdu cmd;
	uint8_t *data;		/* room for response data; may be NULL with size 0 */
	size_t size;
	bool exact;		/* the answer, if it is 9000, has just size bytes of data */
	bool any_sw;		/* the batch goes on whatever the status word says */
	size_t len;		/* out */
	uint16_t sw;		/* out; 0: not answered */
};

/*
 * Sends n messages as one batch that stops behind the first answer that is not 9000. *done: how
 * many were answered. 0, or the enum cr_error of the exchange; CR_E_SM or CR_E_TOO_LONG of an
 * answer: it counts as done, its sw is the outer one. After an error the session is lost.
 */
int cr_session_batch(struct cr_session *s, struct cr_message *m, size_t n, size_t *done);
/* One command; *sw tells how it went. data may be NULL with *len 0. */
int cr_session_send(struct cr_session *s, const struct cr_capdu *cmd, uint8_t *data, size_t *len,
		    uint16_t *sw);

/* What follows goes under these keys. */
void cr_session_secure(struct cr_session *s, const struct cr_sm *sm);
/* Plain again, as after a reset of the card. What was learnt of the card stays. */
void cr_session_reset(struct cr_session *s);

#endif
