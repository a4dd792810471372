/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * APDUs over T=0 at TPDU level (ISO/IEC 7816-3:2006, 12.2; CCID 1.1, 3.2.1): bytes in, bytes out.
 *
 * A C-APDU becomes one TPDU or several: a response to a command with data is fetched by GET RESPONSE
 * (61xx), a command with the wrong Le is sent again (6Cxx). Procedure bytes are the reader's.
 */
#ifndef CR_CCID_T0_H
#define CR_CCID_T0_H

#include "iso7816/apdu.h"

#define CR_T0_TPDU_MAX		(5 + CR_APDU_MAX_SHORT_LC)
#define CR_T0_ANSWER_MAX	(CR_APDU_MAX_SHORT_LE + 2)

struct cr_t0 {
	struct cr_capdu apdu;	/* its data are the caller's */
	uint8_t *rsp;		/* the R-APDU being put together */
	size_t size, len;	/* room; bytes there, in the end with the status word */
	size_t left;		/* response data still wanted */
	size_t most;		/* that come in one TPDU: 256, unless the caller lowers it before the first */
	uint16_t sw;		/* of the last answer */
	bool fetching;		/* the TPDU to send is GET RESPONSE */
	bool asked;		/* it was asked for without 61xx (case 4S.2) */
	bool corrected;		/* and it is sent again, after 6Cxx */
	uint8_t p3;
};

/*
 * Takes a C-APDU, which must stay where it is, and where its R-APDU is to go (size bytes, at least 2).
 * CR_E_MALFORMED: no APDU; CR_E_TOO_LONG: more command data than T=0 carries in one TPDU.
 */
int cr_t0_begin(struct cr_t0 *t, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size);
/* The TPDU to send now into out; its length, at most CR_T0_TPDU_MAX. */
size_t cr_t0_tpdu(const struct cr_t0 *t, uint8_t out[CR_T0_TPDU_MAX]);
/* Does the answer to the TPDU to send now carry data? If not it is the status word alone. */
bool cr_t0_brings_data(const struct cr_t0 *t);
/*
 * What the reader answered. 1: another TPDU is to be sent; 0: the R-APDU is whole, t->len bytes;
 * CR_E_CARD_PROTOCOL: no answer to that TPDU; CR_E_TOO_LONG: it does not fit.
 */
int cr_t0_answer(struct cr_t0 *t, const uint8_t *rsp, size_t len);
/*
 * The status word that a card gives to the TPDU to send now, if its R-APDU is going to be the given
 * number of bytes with status word sw; 0 where that cannot be said.
 */
uint16_t cr_t0_foresee(const struct cr_t0 *t, size_t rsp_len, uint16_t sw);

#endif
