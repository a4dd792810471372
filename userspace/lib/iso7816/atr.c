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
		}
		if (r->has[2])
			out->wi = r->byte[2];
	}
}

int cr_atr_parse(const uint8_t *atr, size_t len, struct cr_atr *out)
{
	bool tck = false;
	struct round r;
	size_t at = 2;
	uint8_t y, x = 0;

	memset(out, 0, sizeof(*out));
	out->fi_di = 0x11;
	out->wi = 10;
	if (len < 2 || len > CR_ATR_MAX || (atr[0] != 0x3b && atr[0] != 0x3f))
		return CR_E_MALFORMED;
	out->inverse = atr[0] == 0x3f;
	y = atr[1] >> 4;
	for (unsigned int n = 1; y; n++) {
		uint8_t t;

		if (take_round(atr, len, &at, y, &r))
			return CR_E_MALFORMED;
		use_round(out, n, &r);
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
