// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
#include <cardring/error.h>
#include "iso7816/atr.h"

/* The interface bytes behind TDi-1, of round i (8.2.3). */
struct round {
	bool has[4];		/* TA, TB, TC, TD */
	uint8_t byte[4];
};

static int take_round(const uint8_t *atr, size_t len, size_t *at, uint8_t y, struct round *r)
{
	memset(r, 0, sizeof(*r));
	for (unsigned int i = 0; i < 4; i++) {
		if (!(y >> i & 1))
			continue;
		if (*at >= len)
			return CR_E_MALFORMED;
		r->has[i] = true;
		r->byte[i] = atr[(*at)++];
	}
	return 0;
}

static void use_round(struct cr_atr *out, unsigned int n, const struct round *r)
{
	if (n == 1) {
		if (r->has[0])
			out->fi_di = r->byte[0];
		if (r->has[2])
			out->guard = r->byte[2];
	} else if (n == 2) {
		if (r->has[0]) {
			out->specific = true;
			out->specific_protocol = r->byte[0] & 0x0f;
			out->implicit = r->byte[0] & 0x10;
		}
		if (r->has[2])
			out->wi = r->byte[2];
	}
}

/* 11.4.2 to 11.4.4: RFU values are as good as absent. */
static void use_t1_round(struct cr_atr *out, const struct round *r)
{
	if (r->has[0] && r->byte[0] && r->byte[0] != 0xff)
		out->ifsc = r->byte[0];
	if (r->has[1] && r->byte[1] >> 4 <= 9)
		out->bwi_cwi = r->byte[1];
	if (r->has[2])
		out->crc = r->byte[2] & 1;
}

int cr_atr_parse(const uint8_t *atr, size_t len, struct cr_atr *out)
{
	bool tck = false, t1_seen = false;
	uint8_t y, x = 0, t = 0;
	struct round r;
	size_t at = 2;

	memset(out, 0, sizeof(*out));
	out->fi_di = 0x11;
	out->wi = 10;
	out->ifsc = 32;
	out->bwi_cwi = 0x4d;
	if (len < 2 || len > CR_ATR_MAX || (atr[0] != 0x3b && atr[0] != 0x3f))
		return CR_E_MALFORMED;
	out->inverse = atr[0] == 0x3f;
	y = atr[1] >> 4;
	for (unsigned int n = 1; y; n++) {
		if (take_round(atr, len, &at, y, &r))
			return CR_E_MALFORMED;
		use_round(out, n, &r);
		if (n > 2 && t == 1 && !t1_seen) {
			t1_seen = true;
			use_t1_round(out, &r);
		}
		if (!r.has[3])
			break;
		t = r.byte[3] & 0x0f;
		y = r.byte[3] >> 4;
		if (t)
			tck = true;	/* 8.2.5 */
		if (t == 15)		/* global bytes follow, no protocol */
			continue;
		if (!out->protocols)
			out->first = t;
		out->protocols |= (uint16_t)(1U << t);
	}
	if (!out->protocols)
		out->protocols = 1;
	out->historical_len = atr[1] & 0x0f;
	if (at + out->historical_len + tck != len)
		return CR_E_MALFORMED;
	if (out->historical_len)
		out->historical = atr + at;
	for (size_t i = 1; tck && i < len; i++)
		x ^= atr[i];
	return x ? CR_E_MALFORMED : 0;
}

uint8_t cr_atr_capabilities(const struct cr_atr *atr)
{
	const uint8_t *h = atr->historical;
	size_t end = atr->historical_len, at = 1;

	/* 7816-4:2013, 12.1.1: COMPACT-TLV; behind 00 the last three bytes are the status */
	if (!end || (h[0] != 0x00 && h[0] != 0x80))
		return 0;
	if (h[0] == 0x00)
		end = end > 4 ? end - 3 : 1;
	while (at < end) {
		size_t len = h[at] & 0x0f;

		if (len > end - at - 1)
			return 0;
		if (h[at] == 0x73)
			return h[at + 3];
		at += 1 + len;
	}
	return 0;
}
