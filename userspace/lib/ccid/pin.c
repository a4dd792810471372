// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
#include <cardring/error.h>
#include "ccid/pin.h"
#include "iso7816/apdu.h"
#include "iso7816/sw.h"

enum { INS_VERIFY = 0x20, INS_CHANGE = 0x24 };
enum { BYTES = 0x80, RIGHT = 0x04 };		/* bmFormatString */
enum { LENGTH_BYTES = 0x10 };			/* bmPINLengthFormat */
enum { CONFIRM = 0x01, OLD_TOO = 0x02 };	/* bConfirmPIN */
enum { KEY_PRESSED = 0x02 };			/* bEntryValidationCondition; some firmware takes no other */
enum { ENGLISH = 0x0409 };
/* table 6.2-2 */
enum { PIN_TIMEOUT = 0xf0, PIN_CANCELLED = 0xef };
/* PC/SC part 10, 2.5.2 */
enum { SW_TIMEOUT = 0x6400, SW_CANCELED = 0x6401, SW_MISMATCH = 0x6402, SW_LENGTH = 0x6403 };

static struct cr_pin_format format(enum cr_pin_encoding encoding, uint8_t block, uint8_t min, uint8_t max)
{
	return (struct cr_pin_format){ .encoding = encoding, .min = min, .max = max, .block = block, .pad = 0xff };
}

struct cr_pin_format cr_pin_format_padded(uint8_t min, uint8_t max)
{
	return format(CR_PIN_ASCII, 8, min, max);
}

struct cr_pin_format cr_pin_format_plain(uint8_t min, uint8_t max)
{
	return format(CR_PIN_ASCII, 0, min, max);
}

struct cr_pin_format cr_pin_format_bcd(uint8_t min, uint8_t max)
{
	return format(CR_PIN_BCD, 8, min, max);
}

struct cr_pin_format cr_pin_format_iso9564_2(uint8_t min, uint8_t max)
{
	struct cr_pin_format f = format(CR_PIN_BCD, 7, min, max);

	f.head[0] = 0x2f;
	f.head_len = 1;
	f.length_bits = 4;
	f.length_at = 4;
	return f;
}

/* ---- from a request ---- */

static bool block_fits(const struct cr_pin_format *f)
{
	unsigned int bits = f->encoding == CR_PIN_BCD ? 4 : 8;

	if (!f->block)		/* nothing follows it, or stands before it, that would have to be told where it is */
		return !f->head_len && !f->length_bits && !f->right;
	return f->block <= 15 && f->max * bits <= f->block * 8U;
}

static bool length_fits(const struct cr_pin_format *f)
{
	if (!f->length_bits)
		return !f->length_at;
	return f->length_bits <= 8 && !(f->max >> f->length_bits) &&
	       f->length_at + f->length_bits <= f->head_len * 8 && (f->length_at < 16 || f->length_at % 8 == 0);
}

static bool format_is_valid(const struct cr_pin_format *f)
{
	return (f->encoding == CR_PIN_BINARY || f->encoding == CR_PIN_BCD || f->encoding == CR_PIN_ASCII) &&
	       f->min && f->min <= f->max && f->max <= CR_PIN_DIGITS_MAX && f->head_len <= CR_PIN_HEAD_MAX &&
	       block_fits(f) && length_fits(f);
}

/* The data field of one PIN as the host knows it. */
static size_t put_block(const struct cr_pin_format *f, uint8_t *to)
{
	memcpy(to, f->head, f->head_len);
	memset(to + f->head_len, f->pad, f->block);
	return (size_t)f->head_len + f->block;
}

static void put_apdu(struct cr_ccid_pin *out, const struct cr_pin_request *r, bool modify)
{
	size_t one = (size_t)r->format.head_len + r->format.block;
	uint8_t *a = out->apdu;

	a[0] = r->cla;
	a[1] = modify ? INS_CHANGE : INS_VERIFY;
	a[2] = modify && r->new_only;
	a[3] = r->reference;
	out->apdu_len = 4;
	if (!one)		/* the reader adds Lc with the digits */
		return;
	a[out->apdu_len++] = (uint8_t)(modify && !r->new_only ? 2 * one : one);
	out->apdu_len += put_block(&r->format, a + out->apdu_len);
	if (modify && !r->new_only)
		out->apdu_len += put_block(&r->format, a + out->apdu_len);
}

/* Readers with a display want to be told how many of their messages to show; those without, that it is none. */
static void put_messages(struct cr_ccid_pin *out, bool new_only)
{
	static const uint8_t old_new_again[3] = { 0, 1, 2 }, new_again[3] = { 1, 2, 0 };

	if (!out->modify) {
		out->messages = 1;
		return;
	}
	out->messages = new_only ? 2 : 3;
	memcpy(out->message, new_only ? new_again : old_new_again, sizeof(out->message));
}

int cr_ccid_pin_plan(struct cr_ccid_pin *out, const struct cr_pin_request *r, bool modify, bool display)
{
	const struct cr_pin_format *f = &r->format;

	memset(out, 0, sizeof(*out));
	/* in other classes it would be part of a chain, protected, or not these commands */
	if (!format_is_valid(f) || r->cla > 3 || r->reference & 0x60 || (r->new_only && !modify))
		return CR_E_INVALID;
	/* without a block, nobody can say where the second PIN begins */
	if (modify && !r->new_only && !f->block)
		return CR_E_INVALID;
	out->modify = modify;
	out->timeout_s = r->timeout_s ? r->timeout_s : 30;
	out->format = (uint8_t)(f->encoding | (f->right ? RIGHT : 0) | BYTES | f->head_len << 3);
	out->block = (uint8_t)(f->length_bits << 4 | f->block);
	if (f->length_bits)
		out->length = f->length_at < 16 ? f->length_at : (uint8_t)(LENGTH_BYTES | f->length_at / 8);
	out->min = f->min;
	out->max = f->max;
	out->validation = KEY_PRESSED;
	out->language = r->language ? r->language : ENGLISH;
	if (modify) {
		out->confirm = CONFIRM | (r->new_only ? 0 : OLD_TOO);
		out->at_new = r->new_only ? 0 : (uint8_t)(f->head_len + f->block);
	}
	if (display)
		put_messages(out, r->new_only);
	put_apdu(out, r, modify);
	return 0;
}

/* ---- from PC/SC's structures ---- */

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

int cr_ccid_pin_part10(struct cr_ccid_pin *out, const uint8_t *in, size_t len, bool modify)
{
	size_t head = modify ? CR_PART10_MODIFY : CR_PART10_VERIFY;
	const uint8_t *p = in;

	memset(out, 0, sizeof(*out));
	if (len < head + 4 || len - head > CR_CCID_PIN_APDU_MAX || le32(in + head - 4) != len - head)
		return CR_E_MALFORMED;
	out->modify = modify;
	out->timeout_s = p[0];
	/* p[1], bTimerOut2, has no place in CCID 1.1 */
	out->format = p[2];
	out->block = p[3];
	out->length = p[4];
	p += 5;
	if (modify) {
		out->at_old = *p++;
		out->at_new = *p++;
	}
	/* 0xXXYY, least at the top: the larger comes first */
	out->max = p[0];
	out->min = p[1];
	p += 2;
	if (modify)
		out->confirm = *p++;
	/* not one of 1 to 7 makes some firmware crash; programs leave it 0 */
	out->validation = *p && *p <= 7 ? *p : KEY_PRESSED;
	out->messages = p[1];
	out->language = le16(p + 2);
	p += 4;
	memcpy(out->message, p, modify ? 3 : 1);
	/* bTeoPrologue is what T=1 makes of it */
	if (out->confirm > (CONFIRM | OLD_TOO) || (out->messages > (modify ? 3 : 1) && out->messages != 0xff))
		return CR_E_MALFORMED;
	memcpy(out->apdu, in + head, len - head);
	out->apdu_len = len - head;
	return 0;
}

/* ---- the message ---- */

size_t cr_ccid_pin_message(const struct cr_ccid_pin *pin, const uint8_t *prologue, uint8_t out[CR_CCID_PIN_MAX])
{
	uint8_t *p = out;

	*p++ = pin->modify;		/* bPINOperation */
	*p++ = pin->timeout_s;
	*p++ = pin->format;
	*p++ = pin->block;
	*p++ = pin->length;
	if (pin->modify) {
		*p++ = pin->at_old;
		*p++ = pin->at_new;
	}
	*p++ = pin->max;
	*p++ = pin->min;
	if (pin->modify)
		*p++ = pin->confirm;
	*p++ = pin->validation;
	*p++ = pin->messages;
	*p++ = (uint8_t)pin->language;
	*p++ = (uint8_t)(pin->language >> 8);
	*p++ = pin->message[0];
	/* bMsgIndex2 only with a message, bMsgIndex3 only with three (FF: the reader's own) */
	if (pin->modify && (pin->messages || pin->all_indexes))
		*p++ = pin->message[1];
	if (pin->modify && (pin->messages >= 3 || pin->all_indexes))
		*p++ = pin->message[2];
	memset(p, 0, 3);
	if (prologue)
		memcpy(p, prologue, 3);
	p += 3;
	memcpy(p, pin->apdu, pin->apdu_len);
	return (size_t)(p - out) + pin->apdu_len;
}

unsigned int cr_ccid_pin_entries(const struct cr_ccid_pin *pin)
{
	if (!pin->modify)
		return 1;
	return 1U + !!(pin->confirm & CONFIRM) + !!(pin->confirm & OLD_TOO);
}

/* ---- what came of it ---- */

bool cr_ccid_pin_error(uint8_t error, uint16_t *sw)
{
	if (error != PIN_TIMEOUT && error != PIN_CANCELLED)
		return false;
	*sw = error == PIN_TIMEOUT ? SW_TIMEOUT : SW_CANCELED;
	return true;
}

struct cr_pin_result cr_ccid_pin_result(uint16_t sw, enum cr_ccid_pin_word word)
{
	struct cr_pin_result r = { .outcome = CR_PIN_REFUSED, .tries = cr_sw_tries(sw), .sw = sw };

	if (sw == CR_SW_OK)
		r.outcome = CR_PIN_OK;
	else if (sw == CR_SW_AUTH_BLOCKED || !r.tries)
		r.outcome = CR_PIN_BLOCKED;
	else if (sw == CR_SW_AUTH_FAILED || r.tries > 0)
		r.outcome = CR_PIN_WRONG;
	if (r.outcome == CR_PIN_BLOCKED)
		r.tries = 0;
	if (word == CR_CCID_PIN_BY_CARD || sw < SW_TIMEOUT || sw > SW_LENGTH)
		return r;
	r.outcome = sw == SW_TIMEOUT ? CR_PIN_TIMEOUT : sw == SW_CANCELED ? CR_PIN_CANCELED :
		    sw == SW_MISMATCH ? CR_PIN_MISMATCH : CR_PIN_LENGTH;
	if (word == CR_CCID_PIN_BY_READER)
		r.sw = 0;
	return r;
}

const char *cr_pin_outcome_name(enum cr_pin_outcome o)
{
	static const char *const names[] = {
		[CR_PIN_OK] = "ok", [CR_PIN_WRONG] = "wrong", [CR_PIN_BLOCKED] = "blocked", [CR_PIN_TIMEOUT] = "timeout",
		[CR_PIN_CANCELED] = "canceled", [CR_PIN_MISMATCH] = "mismatch", [CR_PIN_LENGTH] = "length",
		[CR_PIN_REFUSED] = "refused",
	};

	return (unsigned int)o < sizeof(names) / sizeof(names[0]) ? names[o] : "refused";
}
