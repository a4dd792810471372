// SPDX-License-Identifier: BSD-2-Clause
/*
 * PINs by the reader's keypad. The command that the host has is a template: it must reach the card by SECURE alone, for
 * sent as it is it would be a wrong PIN, and a try less.
 */
#include <errno.h>
#include <string.h>
#include "ccid/descriptor.h"
#include "iso7816/apdu.h"
#include "reader/backend.h"
#include "reader/pin_int.h"

#define ENTRY_S		60	/* where the reader chooses how long to wait; they have 15 to 60 */
#define SLACK_MS	15000	/* what readers take beside waiting: messages, beeps, a slow display */

void cr_reader_pinpad(const struct cr_reader_info *reader, struct cr_pinpad *out)
{
	const uint8_t *d = reader->dev.descriptor;
	uint8_t support = cr_ccid_pin_support(d[CR_CCID_PIN_SUPPORT_AT], reader->dev.vendor, reader->dev.product);

	*out = (struct cr_pinpad){
		.verify = support & CR_CCID_PIN_VERIFY, .modify = support & CR_CCID_PIN_MODIFY,
		.columns = d[CR_CCID_LCD_LAYOUT_AT], .lines = d[CR_CCID_LCD_LAYOUT_AT + 1],
	};
	if (!out->lines || !out->columns)
		out->lines = out->columns = 0;
}

static uint64_t patience_ms(const cr_card_t *card, const struct cr_ccid_pin *pin)
{
	unsigned int each = pin->timeout_s ? pin->timeout_s : ENTRY_S;

	return (uint64_t)each * cr_ccid_pin_entries(pin) * 1000 + SLACK_MS + card->deadline_ms;
}

/*
 * The message itself. 0: the reader's answer is in RX. 1: the user has not let it come to a command, and *sw says how.
 */
static int secure(cr_card_t *card, const struct cr_ccid_pin *pin, const uint8_t *prologue,
		  struct cardring_cqe *cqe, uint16_t *sw)
{
	uint8_t *to = cr_ring_payload(card->ring, CR_EXCHANGE_TX);
	size_t len;
	int err;

	if (cr_card_message_room(card) < CR_CCID_PIN_MAX - CR_CCID_PIN_APDU_MAX + pin->apdu_len)
		return CR_E_TOO_LONG;
	len = cr_ccid_pin_message(pin, prologue, to);
	err = cr_exchange_message(card, CARDRING_OP_SECURE, len, 0, 0, patience_ms(card, pin), cqe);
	if (cqe->result != -EREMOTEIO || err == CR_E_CANCELED || err == CR_E_TIMEOUT)
		return err;
	if (cr_ccid_pin_error(cqe->error, sw))
		return 1;
	/* table 6.2-2: not this command at all, or not with the value at that offset */
	return cqe->error < 0x80 ? CR_E_UNSUPPORTED : err;
}

/* ---- T=1: the reader is given a block's prologue, and makes the block (6.1.11, bTeoPrologue) ---- */

#define I_MORE		0x20	/* ISO/IEC 7816-3:2006, 11.3.2 */
#define NOT_I		0x80

static bool is_i_block(const uint8_t *block)
{
	return !(block[1] & NOT_I);
}

/* The I-block, once. As cr_t1_answer, or 2: the user has not let it come to that. */
static int secure_block(cr_card_t *card, const struct cr_ccid_pin *pin, const uint8_t *prologue, uint16_t *sw,
			enum cr_ccid_pin_word *word)
{
	const uint8_t *answer = cr_ring_payload(card->ring, CR_EXCHANGE_RX);
	struct cr_t1 *t = &card->t1;
	struct cardring_cqe cqe = { 0 };
	int err;

	if (prologue[1] & I_MORE)	/* a second block, the PIN's end in it: beyond what readers do */
		return CR_E_TOO_LONG;
	err = secure(card, pin, prologue, &cqe, sw);
	/* no block is that short: it is the reader's own word */
	if (!err && cqe.bytes == 2) {
		*sw = cr_rapdu_sw(answer, 2);
		err = 1;
	}
	if (err == 1 || err == CR_E_UNSUPPORTED || err == CR_E_TOO_LONG) {
		cr_t1_withdraw(t);
		*word = CR_CCID_PIN_BY_READER;
		return err == 1 ? 2 : err;
	}
	if (!err)
		return cr_t1_answer(t, answer, cqe.bytes);
	return cr_exchange_no_block(&cqe, err) ? cr_t1_no_answer(t, err) : err;
}

static int run_t1(cr_card_t *card, const struct cr_ccid_pin *pin, uint16_t *sw, enum cr_ccid_pin_word *word)
{
	uint8_t rsp[CR_APDU_MAX_SHORT_LE + 2];
	struct cr_t1 *t = &card->t1;
	bool sent = false;
	int more = cr_t1_begin(t, pin->apdu, pin->apdu_len, rsp, sizeof(rsp));

	if (more)
		return more;
	do {
		uint8_t *block = cr_ring_payload(card->ring, CR_EXCHANGE_TX), prologue[3];
		size_t len = cr_t1_block(t, block);
		struct cardring_cqe cqe = { 0 };
		int err;

		if (is_i_block(block)) {
			if (sent)	/* the card has not got it, and the PIN is the reader's alone */
				return CR_E_CARD_PROTOCOL;
			sent = true;
			memcpy(prologue, block, sizeof(prologue));
			more = secure_block(card, pin, prologue, sw, word);
			continue;
		}
		err = cr_exchange_message(card, CARDRING_OP_XFER, len, cr_t1_bwi(t), 0,
					  card->deadline_ms + (uint64_t)cr_t1_bwi(t) * card->bwt_ms, &cqe);
		if (!err)
			more = cr_t1_answer(t, cr_ring_payload(card->ring, CR_EXCHANGE_RX), cqe.bytes);
		else if (cr_exchange_no_block(&cqe, err))
			more = cr_t1_no_answer(t, err);
		else
			return err;
	} while (more == 1);
	if (more == 2)
		return 0;
	if (!more)
		*sw = cr_rapdu_sw(rsp, t->len);
	return more;
}

/* ---- any other level: the reader is given the command, and answers with the response ---- */

static int run_apdu(cr_card_t *card, const struct cr_ccid_pin *pin, uint16_t *sw, enum cr_ccid_pin_word *word)
{
	struct cardring_cqe cqe = { 0 };
	int err = secure(card, pin, NULL, &cqe, sw);

	*word = err == 1 ? CR_CCID_PIN_BY_READER : CR_CCID_PIN_BY_EITHER;
	if (err)
		return err == 1 ? 0 : err;
	if (cqe.bytes < 2)
		return CR_E_CARD_PROTOCOL;
	*sw = cr_rapdu_sw(cr_ring_payload(card->ring, CR_EXCHANGE_RX), cqe.bytes);
	return 0;
}

int cr_card_pin_run(cr_card_t *card, const struct cr_ccid_pin *wanted, uint16_t *sw, enum cr_ccid_pin_word *word)
{
	struct cr_ccid_pin mended = *wanted, *pin = &mended;
	uint8_t answer[2];
	struct cr_pinpad pad;
	int err;

	cr_reader_pinpad(&card->reader, &pad);
	if (pin->modify ? !pad.modify : !pad.verify)
		return CR_E_UNSUPPORTED;
	cr_ccid_pin_mend(pin, card->reader.dev.vendor, card->reader.dev.product);
	*word = CR_CCID_PIN_BY_CARD;
	card->until = cr_card_now() + (int64_t)patience_ms(card, pin);
	err = card->speak == CR_SPEAK_T1 ? run_t1(card, pin, sw, word) : run_apdu(card, pin, sw, word);
	card->until = 0;
	card->exchange.commands++;
	if (card->trace) {
		answer[0] = err ? 0 : (uint8_t)(*sw >> 8);
		answer[1] = err ? 0 : (uint8_t)*sw;
		card->trace(card->trace_arg, pin->apdu, pin->apdu_len, answer, err ? 0 : sizeof(answer), err);
	}
	return err;
}

static int ask(cr_card_t *card, const struct cr_pin_request *request, bool modify, struct cr_pin_result *out)
{
	struct cr_ccid_pin pin;
	struct cr_pinpad pad;
	enum cr_ccid_pin_word word;
	uint16_t sw;
	int err;

	*out = (struct cr_pin_result){ .outcome = CR_PIN_REFUSED, .tries = -1 };
	cr_reader_pinpad(&card->reader, &pad);
	err = cr_ccid_pin_plan(&pin, request, modify, pad.lines);
	if (!err)
		err = cr_card_pin_run(card, &pin, &sw, &word);
	if (!err)
		*out = cr_ccid_pin_result(sw, word);
	return err;
}

int cr_card_pin_verify(cr_card_t *card, const struct cr_pin_request *request, struct cr_pin_result *out)
{
	return ask(card, request, false, out);
}

int cr_card_pin_modify(cr_card_t *card, const struct cr_pin_request *request, struct cr_pin_result *out)
{
	return ask(card, request, true, out);
}
