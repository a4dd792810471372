// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
#include <cardring/error.h>
#include "ccid/shorten.h"
#include "iso7816/atr.h"
#include "iso7816/sw.h"

#define CHAINED			0x10	/* 7816-4, 5.4.1: not the last of a chain */
#define INS_GENERAL_AUTHENTICATE	0x86
#define ENVELOPE_MIN		3	/* a piece of one, when Le is two bytes */

static void cut(struct cr_shorten *s)
{
	size_t left = s->out_len - s->sent;

	s->part = left < s->terms.command ? left : s->terms.command;
	/* The card sees by Lc that it has all, so Le must not come behind that by itself. */
	if (s->way == CR_SHORTEN_ENVELOPE && s->part < left && left - s->part <= 2)
		s->part -= 2;
}

static bool chains(const struct cr_shorten *s)
{
	/* in a proprietary class the bit may mean anything */
	return s->terms.capabilities & CR_ATR_COMMAND_CHAINING && !(s->apdu.cla & (0x80 | CHAINED)) &&
	       s->apdu.ins != INS_GENERAL_AUTHENTICATE;
}

/* Data that come out at once, in one message: as much as Le says. */
static bool at_once(const struct cr_shorten *s)
{
	return s->terms.t0 && !s->apdu.lc && s->apdu.le;
}

int cr_shorten_begin(struct cr_shorten *s, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size,
		     const struct cr_short_terms *terms)
{
	memset(s, 0, sizeof(*s));
	if (size < 2 || terms->command < ENVELOPE_MIN || !terms->response)
		return CR_E_TOO_LONG;
	if (cr_capdu_parse(cmd, len, &s->apdu))
		return CR_E_MALFORMED;
	s->terms = *terms;
	s->rsp = rsp;
	s->size = size;
	s->left = s->apdu.le;
	s->out = s->apdu.data;
	s->out_len = s->apdu.lc;
	if (s->apdu.lc <= terms->command) {
		s->way = CR_SHORTEN_WHOLE;
		if (at_once(s) && terms->response < CR_APDU_MAX_SHORT_LE && s->apdu.le > terms->response)
			return CR_E_TOO_LONG;
	} else if (chains(s)) {
		s->way = CR_SHORTEN_CHAINING;
	} else if (terms->t0) {
		s->way = CR_SHORTEN_ENVELOPE;
		s->out = cmd;
		s->out_len = len;
	} else {
		return CR_E_TOO_LONG;
	}
	cut(s);
	return 0;
}

static bool last(const struct cr_shorten *s)
{
	return s->sent + s->part == s->out_len;
}

size_t cr_shorten_apdu(const struct cr_shorten *s, uint8_t out[CR_SHORT_APDU_MAX])
{
	struct cr_capdu a = { .cla = s->apdu.cla, .ins = s->apdu.ins, .p1 = s->apdu.p1, .p2 = s->apdu.p2 };
	size_t len = CR_SHORT_APDU_MAX;

	if (s->fetching || s->way == CR_SHORTEN_ENVELOPE)
		a = (struct cr_capdu){ .cla = cr_capdu_transport_class(s->apdu.cla),
				       .ins = s->fetching ? CR_INS_GET_RESPONSE : CR_INS_ENVELOPE };
	if (s->fetching) {
		a.le = s->fetch;
	} else {
		a.data = s->part ? s->out + s->sent : NULL;
		a.lc = s->part;
		if (last(s))
			a.le = s->apdu.le < CR_APDU_MAX_SHORT_LE ? s->apdu.le : CR_APDU_MAX_SHORT_LE;
		else if (s->way == CR_SHORTEN_CHAINING)
			a.cla |= CHAINED;
	}
	return cr_capdu_build(&a, out, &len) ? 0 : len;
}

int cr_shorten_answer(struct cr_shorten *s, const uint8_t *rsp, size_t len)
{
	uint16_t sw;
	size_t n;

	if (len < 2)
		return CR_E_CARD_PROTOCOL;
	sw = cr_rapdu_sw(rsp, len);
	n = len - 2;
	if (!s->fetching && !last(s) && sw == CR_SW_OK) {
		if (n)
			return CR_E_CARD_PROTOCOL;
		s->sent += s->part;
		cut(s);
		return 1;
	}
	if (s->fetching && !n && sw >> 8 == CR_SW_WRONG_LE >> 8 && !s->corrected) {
		size_t there = sw & 0xff ? sw & 0xff : CR_APDU_MAX_SHORT_LE;

		s->corrected = true;
		s->fetch = there < s->terms.response ? there : s->terms.response;
		return 1;
	}
	if (n > s->left)
		n = s->left;
	if (s->len + n + 2 > s->size)
		return CR_E_TOO_LONG;
	if (n)
		memcpy(s->rsp + s->len, rsp, n);
	s->len += n;
	s->left -= n;
	if (sw >> 8 == CR_SW_MORE >> 8 && s->left && last(s)) {
		size_t there = sw & 0xff ? sw & 0xff : CR_APDU_MAX_SHORT_LE;

		if (s->fetching && !n)
			return CR_E_CARD_PROTOCOL;
		s->fetching = true;
		s->corrected = false;
		s->fetch = there < s->left ? there : s->left;
		if (s->fetch > s->terms.response)
			s->fetch = s->terms.response;
		return 1;
	}
	s->rsp[s->len] = (uint8_t)(sw >> 8);
	s->rsp[s->len + 1] = (uint8_t)sw;
	s->len += 2;
	return 0;
}
