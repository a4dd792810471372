/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * APDUs as shorter ones, for what carries no others: T=0 and readers for short APDUs, some of which have messages too
 * small even for those. Bytes in, bytes out.
 *
 * More data than one takes go by command chaining (ISO/IEC 7816-4:2013, 5.3.3) where the card says that it has it, over
 * T=0 else by ENVELOPE (7816-3:2006, 12.2.4; 7816-4, 11.6.2). Not chained is what is a link of a chain already, and
 * GENERAL AUTHENTICATE, whose chains are the steps of a protocol (TR-03110-3, B.1): a piece would be taken for a step.
 * A longer response is fetched by GET RESPONSE.
 */
#ifndef CR_CCID_SHORTEN_H
#define CR_CCID_SHORTEN_H

#include "iso7816/apdu.h"

#define CR_SHORT_APDU_MAX	(5 + CR_APDU_MAX_SHORT_LC + 1)

/* What there is to go by. */
struct cr_short_terms {
	uint8_t capabilities;		/* cr_atr_capabilities */
	bool t0;			/* the card is spoken to by T=0, and so ENVELOPE is a way */
	size_t command, response;	/* data of one message at most: up to 255 and 256 */
};

enum cr_shorten_way { CR_SHORTEN_WHOLE, CR_SHORTEN_CHAINING, CR_SHORTEN_ENVELOPE };

struct cr_shorten {
	enum cr_shorten_way way;
	struct cr_short_terms terms;
	struct cr_capdu apdu;	/* its data are the caller's */
	const uint8_t *out;	/* what is cut: the command's data, or all of it */
	size_t out_len, sent, part;
	uint8_t *rsp;
	size_t size, len;	/* room; bytes there */
	size_t left;		/* response data still wanted */
	bool fetching, corrected;
	size_t fetch;		/* Le of GET RESPONSE */
};

/*
 * Takes a C-APDU, which must stay where it is, and where its R-APDU is to go (size bytes, at least 2).
 * CR_E_MALFORMED: no APDU; CR_E_TOO_LONG: more data than one message takes, and there is no way, or a response that can
 * be fetched in no pieces, as Le alone says how much comes at once.
 */
int cr_shorten_begin(struct cr_shorten *s, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size,
		     const struct cr_short_terms *terms);
/* The short C-APDU to send now into out; its length. */
size_t cr_shorten_apdu(const struct cr_shorten *s, uint8_t out[CR_SHORT_APDU_MAX]);
/*
 * Its R-APDU. 1: another C-APDU is to be sent; 0: the whole R-APDU is there, s->len bytes; CR_E_CARD_PROTOCOL: it
 * makes no sense; CR_E_TOO_LONG: it does not fit.
 */
int cr_shorten_answer(struct cr_shorten *s, const uint8_t *rsp, size_t len);

#endif
