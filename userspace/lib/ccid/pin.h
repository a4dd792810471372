/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PC_to_RDR_Secure (CCID 1.1, 6.1.11): what the reader is told of a PIN that it is to ask for, and what came of it.
 * Bytes in, bytes out; no digit is ever among them.
 */
#ifndef CR_CCID_PIN_H
#define CR_CCID_PIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cardring/pin.h>

#define CR_CCID_PIN_APDU_MAX	(5 + 255)
#define CR_CCID_PIN_MAX		(20 + CR_CCID_PIN_APDU_MAX)	/* the longest abData */

/* PC/SC part 10, 2.5.2 and 2.5.3: what stands before the APDU. */
#define CR_PART10_VERIFY	19
#define CR_PART10_MODIFY	24

/* abPINDataStructure, and the APDU into which the PIN goes. */
struct cr_ccid_pin {
	bool modify;
	uint8_t timeout_s;		/* bTimeOut; 0: the reader's own */
	uint8_t format;			/* bmFormatString */
	uint8_t block;			/* bmPINBlockString */
	uint8_t length;			/* bmPINLengthFormat */
	uint8_t at_old, at_new;		/* modify: bInsertionOffsetOld, bInsertionOffsetNew */
	uint8_t min, max;		/* wPINMaxExtraDigit */
	uint8_t confirm;		/* modify: bConfirmPIN, 1: the new one twice, 2: the old one too */
	uint8_t validation;		/* bEntryValidationCondition */
	uint8_t messages;		/* bNumberMessage */
	uint16_t language;
	uint8_t message[3];		/* bMsgIndex */
	bool all_indexes;		/* modify: three of them, whatever messages says */
	uint8_t apdu[CR_CCID_PIN_APDU_MAX];
	size_t apdu_len;
};

/* Of a request. display: the reader has one. 0 or CR_E_INVALID. */
int cr_ccid_pin_plan(struct cr_ccid_pin *out, const struct cr_pin_request *request, bool modify, bool display);
/* Of PC/SC's PIN_VERIFY_STRUCTURE or PIN_MODIFY_STRUCTURE, little-endian. 0 or CR_E_MALFORMED. */
int cr_ccid_pin_part10(struct cr_ccid_pin *out, const uint8_t *in, size_t len, bool modify);
/* abData of the message: its length. prologue: T=1 at TPDU level, the block's NAD, PCB, LEN; NULL: zeroes. */
size_t cr_ccid_pin_message(const struct cr_ccid_pin *pin, const uint8_t *prologue, uint8_t out[CR_CCID_PIN_MAX]);
/* pin_quirks.c: what a reader's bPINSupport is worth; and a structure as that reader takes it. */
uint8_t cr_ccid_pin_support(uint8_t declared, uint16_t vendor, uint16_t product);
void cr_ccid_pin_mend(struct cr_ccid_pin *pin, uint16_t vendor, uint16_t product);
/* How many times the user types a PIN. */
unsigned int cr_ccid_pin_entries(const struct cr_ccid_pin *pin);

/*
 * What a failed answer's bError means, where that is the user's doing: true, and *sw as PC/SC part 10 has it, 6400
 * (time ran out) or 6401 (cancel key).
 */
bool cr_ccid_pin_error(uint8_t error, uint16_t *sw);
/* Whose word a status word is. 6400 to 6403 may be the reader's own (PC/SC part 10, 2.5.2). */
enum cr_ccid_pin_word {
	CR_CCID_PIN_BY_CARD,
	CR_CCID_PIN_BY_READER,		/* and the card has not been given the command */
	CR_CCID_PIN_BY_EITHER,		/* in place of a response: nothing tells */
};
struct cr_pin_result cr_ccid_pin_result(uint16_t sw, enum cr_ccid_pin_word word);

#endif
