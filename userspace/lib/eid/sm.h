/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secure messaging, ICAO 9303-11, 9.8.
 *
 * Protecting a command needs the keys and the counter, no response: any number of commands can be
 * made ahead. Each takes two steps of the counter, one for itself and one for its response, and
 * keeps the latter in its struct cr_sm_exchange. What was not sent is given back by cr_sm_rewind.
 */
#ifndef CR_EID_SM_H
#define CR_EID_SM_H

#include "eid/crypto.h"
#include "iso7816/apdu.h"

struct cr_sm {
	enum cr_cipher cipher;
	uint8_t k_enc[CR_KEY_MAX], k_mac[CR_KEY_MAX];
	uint8_t ssc[CR_BLOCK_MAX];	/* big-endian, of the cipher's block size */
};

struct cr_sm_exchange {		/* one command on its way */
	uint8_t ssc[CR_BLOCK_MAX];	/* of its response */
	bool odd;			/* odd INS: DO85 for DO87 */
};

/* ssc NULL: zero, as after PACE and chip authentication (9.8.6.3). */
void cr_sm_init(struct cr_sm *sm, enum cr_cipher cipher, const uint8_t *k_enc, const uint8_t *k_mac,
		const uint8_t *ssc);
/* Session keys from a shared secret, counter zero. */
int cr_sm_derive(struct cr_sm *sm, enum cr_cipher cipher, const uint8_t *secret, size_t len);
void cr_sm_wipe(struct cr_sm *sm);

/* The longest protected form of a command with len bytes of data. */
size_t cr_sm_protected_max(size_t len);
/* How long the R-APDU for len bytes of response data is, its status word included. */
size_t cr_sm_response_len(const struct cr_sm *sm, bool odd, size_t len);
/* The most response data that an R-APDU with max bytes of data field carries. */
size_t cr_sm_response_room(const struct cr_sm *sm, bool odd, size_t max);

/*
 * cmd to a C-APDU in out (*len in: room, out: bytes); the counter goes on by two. Extended length
 * where the protected data field or le needs it. 0, CR_E_TOO_LONG or CR_E_CRYPTO; the counter stays
 * on error.
 */
int cr_sm_protect(struct cr_sm *sm, const struct cr_capdu *cmd, uint8_t *out, size_t *len,
		  struct cr_sm_exchange *ex);
/* The counter back to before ex, the first command that was not sent. */
void cr_sm_rewind(struct cr_sm *sm, const struct cr_sm_exchange *ex);

/*
 * R-APDU to data (*data_len in: room, out: bytes) and *sw. CR_E_SM when the answer is not
 * protected, lacks an object, has one twice, out of order or unknown, when its MAC is wrong or the
 * inner status word differs from the outer: the session is over then. *sw is the outer status word
 * in each case, 0 if there is none.
 */
int cr_sm_unprotect(const struct cr_sm *sm, const struct cr_sm_exchange *ex, const uint8_t *rsp,
		    size_t rsp_len, uint8_t *data, size_t *data_len, uint16_t *sw);

#endif
