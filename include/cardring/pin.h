/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PINs typed on the reader's own keypad: the reader puts them into the command and gives that to the card. They never
 * pass through the host.
 */
#ifndef CARDRING_PIN_H
#define CARDRING_PIN_H

#include <stdbool.h>
#include <stdint.h>
#include <cardring/card.h>

/*
 * What a reader has for that, as its descriptor says (CCID 1.1, table 5.1-1, wLcdLayout and bPINSupport). A keypad that is
 * known to be none, or to give what is typed to the host as well, is not counted.
 */
struct cr_pinpad {
	bool verify, modify;		/* takes a PIN to be verified; a PIN, and one to replace it */
	unsigned int lines, columns;	/* characters of its display; 0: none */
};
void cr_reader_pinpad(const struct cr_reader_info *reader, struct cr_pinpad *out);

enum cr_pin_encoding {
	CR_PIN_BINARY	= 0,	/* a byte a digit, 00 to 09 */
	CR_PIN_BCD	= 1,	/* two digits a byte */
	CR_PIN_ASCII	= 2,	/* a byte a digit, 30 to 39 */
};

#define CR_PIN_DIGITS_MAX	15
#define CR_PIN_HEAD_MAX		15

/*
 * How a card wants its PIN in the command's data field: first head_len bytes that are always the same, then a block of
 * as many bytes whatever the PIN, filled with pad where there is no digit.
 */
struct cr_pin_format {
	enum cr_pin_encoding encoding;
	bool right;		/* the digits stand at the block's end, not at its beginning */
	uint8_t min, max;	/* digits that the reader takes, 1 to CR_PIN_DIGITS_MAX */
	uint8_t block;		/* bytes, to 15; 0: as many as the digits take, and Lc is what comes of that */
	uint8_t pad;
	uint8_t head[CR_PIN_HEAD_MAX];
	uint8_t head_len;
	uint8_t length_bits;	/* a field with the number of digits is so wide, to 8; 0: there is none */
	uint8_t length_at;	/* where in head it begins, in bits from its first; above 15, a multiple of 8 */
};

/*
 * The usual ones. ASCII, padded with FF to 8 bytes; ASCII and nothing else; BCD, padded with F to 8 bytes; format 2 of
 * ISO 9564-1, 8 bytes: 2, number of digits, digits, F. min and max: digits.
 */
struct cr_pin_format cr_pin_format_padded(uint8_t min, uint8_t max);
struct cr_pin_format cr_pin_format_plain(uint8_t min, uint8_t max);
struct cr_pin_format cr_pin_format_bcd(uint8_t min, uint8_t max);
struct cr_pin_format cr_pin_format_iso9564_2(uint8_t min, uint8_t max);

/* One PIN. ISO/IEC 7816-4, 11.5.6 (VERIFY) and 11.5.7 (CHANGE REFERENCE DATA). */
struct cr_pin_request {
	struct cr_pin_format format;
	uint8_t cla;		/* 00, or the logical channel, to 03; never protected: nobody could do that */
	uint8_t reference;	/* P2: bit 8 of the application alone, bits 5 to 1 its number */
	bool new_only;		/* modify: the card wants no old PIN in the command (P1 1) */
	uint8_t timeout_s;	/* how long the reader waits for the user, each PIN; 0: 30 */
	uint16_t language;	/* of the reader's messages (USB's LANGID); 0: 0409, English */
};

enum cr_pin_outcome {
	CR_PIN_OK = 0,
	CR_PIN_WRONG,		/* the card says no */
	CR_PIN_BLOCKED,		/* and will say no to the right one too */
	CR_PIN_TIMEOUT,		/* nobody typed it in time */
	CR_PIN_CANCELED,	/* by the reader's cancel key */
	CR_PIN_MISMATCH,	/* the new PIN and its repetition differ */
	CR_PIN_LENGTH,		/* fewer or more digits than there must be */
	CR_PIN_REFUSED,		/* the card refused the command for another reason: sw */
};
const char *cr_pin_outcome_name(enum cr_pin_outcome o);	/* "ok", "wrong", ...: stable */

/*
 * TIMEOUT, CANCELED, MISMATCH and LENGTH are the reader's word. Most readers give it in place of the card's response, as
 * 6400, 6401, 6402 and 6403 (PC/SC part 10, 2.5.2), which a card may say as well: then sw has it, and that nothing was
 * sent to the card is not certain.
 */
struct cr_pin_result {
	enum cr_pin_outcome outcome;
	int tries;		/* left, where the card says so; else -1 */
	uint16_t sw;		/* status word; 0 where it is sure that the command was not sent to the card */
};

/*
 * Has the reader ask for a PIN and the card verify it; or ask for the old one, the new one and the new one again, and
 * the card replace it. Returns when that is over: 0 and *out, or a negative enum cr_error:
 *   CR_E_UNSUPPORTED	the reader has no keypad, or not for this (nothing was sent), or refuses this format
 *   CR_E_INVALID	a field of the request is out of its bounds, or contradicts another (nothing was sent)
 *   CR_E_CANCELED	by cr_card_set_cancel's flag: the reader was told to stop
 *   CR_E_TIMEOUT	the reader has not answered long after it should have: it was told to stop
 * and those of cr_card_transmit. Where nothing was sent no try was used up; after the others that is not known. The trace
 * sees the command as the host knows it, the block full of pad.
 */
int cr_card_pin_verify(cr_card_t *card, const struct cr_pin_request *request, struct cr_pin_result *out);
int cr_card_pin_modify(cr_card_t *card, const struct cr_pin_request *request, struct cr_pin_result *out);

#endif
