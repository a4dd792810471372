// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
#include <cardring/error.h>
#include "ccid/pps.h"

/* 7816-3, tables 7 and 8; 0: RFU */
static const uint16_t fi[16] = { 372, 372, 558, 744, 1116, 1488, 1860, 0, 0, 512, 768, 1024, 1536, 2048, 0, 0 };
static const uint8_t di[16] = { 0, 1, 2, 4, 8, 16, 32, 64, 12, 20 };

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void cr_reader_can_parse(struct cr_reader_can *out, const uint8_t descriptor[54], uint32_t features)
{
	out->features = features;
	out->protocols = le32(descriptor + 6) & 3;
	out->clock_khz = le32(descriptor + 10);
	out->max_rate = le32(descriptor + 23);
	out->max_ifsd = le32(descriptor + 28);
}

uint32_t cr_fi_di_rate(uint8_t fi_di, uint32_t clock_khz)
{
	uint32_t f = fi[fi_di >> 4], d = di[fi_di & 0x0f];

	return f && d ? (uint32_t)((uint64_t)clock_khz * 1000 * d / f) : 0;
}

/*
 * The highest rate that both can do: the card's F, and its D or the next lower one (9.2: any value between the
 * default and the one indicated may be proposed).
 */
static uint8_t best_rate(const struct cr_atr *atr, const struct cr_reader_can *can, uint32_t below)
{
	uint32_t best = cr_fi_di_rate(CR_FI_DI_DEFAULT, can->clock_khz);
	uint8_t choice = CR_FI_DI_DEFAULT, most = di[atr->fi_di & 0x0f];

	for (unsigned int d = 1; d < 16; d++) {
		uint8_t fi_di = (uint8_t)((atr->fi_di & 0xf0) | d);
		uint32_t rate = cr_fi_di_rate(fi_di, can->clock_khz);

		if (di[d] <= most && rate > best && rate <= can->max_rate && rate < below) {
			best = rate;
			choice = fi_di;
		}
	}
	return choice;
}

int cr_terms_choose(struct cr_terms *out, const struct cr_atr *atr, const struct cr_reader_can *can, uint32_t below)
{
	uint32_t both = atr->specific ? 1U << atr->specific_protocol : atr->protocols;
	uint8_t first = atr->specific ? atr->specific_protocol : atr->first;

	both &= can->protocols ? can->protocols : 3;
	memset(out, 0, sizeof(*out));
	out->fi_di = CR_FI_DI_DEFAULT;
	if (!(both & 3))
		return CR_E_READER_UNFIT;
	out->protocol = both >> first & 1 ? first : both & 1 ? 0 : 1;

	if (can->features & CR_FEATURE_NEGOTIATION) {
		out->ask_reader = !atr->specific && (both & 3) == 3;
		return 0;
	}
	if (atr->specific) {
		if (!atr->implicit)
			out->fi_di = atr->fi_di;
		out->tell_reader = !(can->features & CR_FEATURE_PARAMETERS);
		return 0;
	}
	if (can->features & CR_FEATURE_PARAMETERS && out->protocol == first)
		return 0;	/* and at what rate is its affair */
	out->tell_reader = true;
	if (can->features & (CR_FEATURE_BAUD | CR_FEATURE_PPS))
		out->fi_di = best_rate(atr, can, below);
	out->pps = !(can->features & CR_FEATURE_PPS) &&
		   (out->protocol != first || out->fi_di != CR_FI_DI_DEFAULT);
	return 0;
}

/* ---- PPS ---- */

size_t cr_pps_request(const struct cr_terms *terms, uint8_t out[CR_PPS_MAX])
{
	size_t n = 2;

	out[0] = 0xff;
	out[1] = terms->protocol;
	if (terms->fi_di != CR_FI_DI_DEFAULT) {
		out[1] |= 0x10;
		out[n++] = terms->fi_di;
	}
	out[n] = 0;
	for (size_t i = 0; i < n; i++)
		out[n] ^= out[i];
	return n + 1;
}

int cr_pps_confirm(struct cr_terms *terms, const uint8_t *rsp, size_t len)
{
	uint8_t x = 0;

	if (len < 3 || len > CR_PPS_MAX || rsp[0] != 0xff)
		return CR_E_CARD_PROTOCOL;
	for (size_t i = 0; i < len; i++)
		x ^= rsp[i];
	/* PPS2 and PPS3 were not asked for */
	if (x || (rsp[1] & 0xef) != terms->protocol || len != (rsp[1] & 0x10 ? 4 : 3))
		return CR_E_CARD_PROTOCOL;
	if (!(rsp[1] & 0x10))
		terms->fi_di = CR_FI_DI_DEFAULT;
	else if (rsp[2] != terms->fi_di || terms->fi_di == CR_FI_DI_DEFAULT)
		return CR_E_CARD_PROTOCOL;
	return 0;
}

/* ---- parameters ---- */

size_t cr_terms_parameters(const struct cr_terms *terms, const struct cr_atr *atr, uint8_t out[7])
{
	out[0] = terms->fi_di;
	out[1] = atr->inverse ? 0x02 : 0x00;
	out[2] = atr->guard;
	out[4] = 0;		/* the clock is not stopped */
	if (!terms->protocol) {
		out[3] = atr->wi;
		return 5;
	}
	out[1] |= 0x10 | (atr->crc ? 0x01 : 0x00);
	out[3] = atr->bwi_cwi;
	out[5] = atr->ifsc;
	out[6] = 0;		/* NAD */
	return 7;
}
