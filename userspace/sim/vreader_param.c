// SPDX-License-Identifier: BSD-2-Clause
/* The virtual reader: protocol data structures (CCID 1.1, 6.1.7 and 6.2.3). */
#include <string.h>
#include "vreader_int.h"

void vreader_params_default(struct vslot *s)
{
	/* bmFindexDindex, bmTCCKST0, bGuardTimeT0, bWaitingIntegerT0, bClockStop */
	static const uint8_t t0[7] = { 0x11, 0x00, 0x00, 0x0A, 0x00 };
	/* bmFindexDindex, bmTCCKST1, bGuardTimeT1, bmWaitingIntegersT1, bClockStop, bIFSC, bNadValue */
	static const uint8_t t1[7] = { 0x11, 0x10, 0x00, 0x4D, 0x00, 0x20, 0x00 };

	memcpy(s->params[0], t0, 7);
	memcpy(s->params[1], t1, 7);
	s->protocol = 0;
	s->rate_clock = 4000 | (uint64_t)10752 << 32;
}

/* ISO/IEC 7816-3, 8.2: the interface bytes that matter to the structures, and the first offered protocol. */
void vreader_params_from_atr(struct vslot *s, const uint8_t *atr, size_t len)
{
	size_t i = 2;
	uint8_t y;
	bool first = true;

	vreader_params_default(s);
	if (len < 2)
		return;
	y = atr[1] >> 4;
	for (unsigned int round = 1; y && round < 8; round++) {
		if (y & 1 && i < len) {
			if (round == 1)
				s->params[0][0] = s->params[1][0] = atr[i];
			else if (s->protocol == 1 && round == 3)
				s->params[1][5] = atr[i];	/* IFSC */
			i++;
		}
		if (y & 2 && i < len) {
			if (round == 3 && s->protocol == 1)
				s->params[1][3] = atr[i];	/* BWI, CWI */
			i++;
		}
		if (y & 4 && i < len) {
			if (round == 1)
				s->params[0][2] = s->params[1][2] = atr[i];
			else if (round == 2)
				s->params[0][3] = atr[i];	/* WI */
			i++;
		}
		if (!(y & 8) || i >= len)
			return;
		if (first && (atr[i] & 0x0F) < 2)
			s->protocol = atr[i] & 0x0F;
		first = false;
		y = atr[i++] >> 4;
	}
}

static int bad_find_dind(uint8_t fd)
{
	/* ISO/IEC 7816-3, tables 7 and 8: RFU values */
	static const uint16_t fi = 0x3E7F, di = 0x03FE;

	return !(fi >> (fd >> 4) & 1) || !(di >> (fd & 15) & 1);
}

/* CCID 1.1, 6.1.7, PC_to_RDR_SetParameters: bError is the offset of the offending byte. */
int vreader_params_check(unsigned int protocol, const uint8_t *d)
{
	if (bad_find_dind(d[0]))
		return 10;
	if (protocol == 0 ? d[1] & ~0x02 : (d[1] & 0xFC) != 0x10)
		return 11;
	if (d[4] > 3)
		return 14;
	if (protocol == 0)
		return 0;
	if (d[3] >> 4 > 9)
		return 13;	/* BWI above 9 is RFU: ISO/IEC 7816-3, 11.4.3 */
	if (d[5] == 0 || d[5] == 0xFF)
		return 15;
	if (d[6] & 0x88)
		return 16;
	return 0;
}

/*
 * CCID 1.1, 5.1: a reader without a list (bNumDataRatesSupported) has every rate up to dwMaxDataRate, else those of its
 * list alone, which is rounded.
 */
bool vreader_has_rate(const struct vreader *v, uint8_t fi_di)
{
	/* ISO/IEC 7816-3, tables 7 and 8 */
	static const uint16_t fi[16] = { 372, 372, 558, 744, 1116, 1488, 1860, 0, 0, 512, 768, 1024, 1536, 2048 };
	static const uint8_t di[16] = { 0, 1, 2, 4, 8, 16, 32, 64, 12, 20 };
	uint8_t d[54] = { 0 };
	uint64_t rate;

	vreader_class_desc(v, d, sizeof(d));
	rate = (uint64_t)get_le32(d + 10) * 1000 * di[fi_di & 15] / fi[fi_di >> 4];
	if (!v->cfg.nrates)
		return rate <= get_le32(d + 23);
	for (unsigned int i = 0; i < v->cfg.nrates; i++)
		if (rate * 100 <= v->cfg.rates[i] * 101ULL && rate * 100 >= v->cfg.rates[i] * 99ULL)
			return true;
	return false;
}
