// SPDX-License-Identifier: BSD-2-Clause
/* Command and response APDUs. */
#include <string.h>
#include <cardring/error.h>
#include "apdu.h"

static bool is_extended(const struct cr_capdu *a)
{
	return a->lc > CR_APDU_MAX_SHORT_LC || a->le > CR_APDU_MAX_SHORT_LE ||
	       (a->extended && (a->lc || a->le));
}

unsigned int cr_capdu_case(const struct cr_capdu *apdu)
{
	return 1 + (apdu->lc ? 2 : 0) + (apdu->le ? 1 : 0);
}

size_t cr_capdu_size(const struct cr_capdu *apdu)
{
	bool ext = is_extended(apdu);
	size_t size = 4;

	if (apdu->lc > CR_APDU_MAX_LC || apdu->le > CR_APDU_MAX_LE)
		return 0;
	if (apdu->lc)
		size += (ext ? 3 : 1) + apdu->lc;
	if (apdu->le)
		size += ext ? (apdu->lc ? 2 : 3) : 1;
	return size;
}

int cr_capdu_build(const struct cr_capdu *apdu, uint8_t *out, size_t *len)
{
	size_t size = cr_capdu_size(apdu);
	bool ext = is_extended(apdu);
	uint8_t *p = out;

	if (!size || (apdu->lc && !apdu->data))
		return CR_E_INVALID;
	if (size > *len)
		return CR_E_TOO_LONG;
	*p++ = apdu->cla;
	*p++ = apdu->ins;
	*p++ = apdu->p1;
	*p++ = apdu->p2;
	if (ext)
		*p++ = 0;
	if (apdu->lc) {
		if (ext)
			*p++ = (uint8_t)(apdu->lc >> 8);
		*p++ = (uint8_t)apdu->lc;
		memmove(p, apdu->data, apdu->lc);
		p += apdu->lc;
	}
	if (apdu->le) {		/* 256 and 65536 are written as zero by the cut */
		if (ext)
			*p++ = (uint8_t)(apdu->le >> 8);
		*p++ = (uint8_t)apdu->le;
	}
	*len = size;
	return 0;
}

int cr_capdu_parse(const uint8_t *buf, size_t len, struct cr_capdu *out)
{
	size_t lc, head, lc_size, le_size;

	memset(out, 0, sizeof(*out));
	if (len < 4)
		return CR_E_MALFORMED;
	out->cla = buf[0];
	out->ins = buf[1];
	out->p1 = buf[2];
	out->p2 = buf[3];
	if (len == 4)					/* case 1 */
		return 0;
	if (len == 5) {					/* case 2S */
		out->le = buf[4] ? buf[4] : CR_APDU_MAX_SHORT_LE;
		return 0;
	}
	/* 7816-4:2013, 5.1: a first byte of zero, with more behind it, begins the extended form */
	out->extended = buf[4] == 0;
	if (out->extended && len < 7)
		return CR_E_MALFORMED;
	if (out->extended && len == 7) {		/* case 2E */
		out->le = (size_t)buf[5] << 8 | buf[6];
		if (!out->le)
			out->le = CR_APDU_MAX_LE;
		return 0;
	}
	lc = out->extended ? (size_t)buf[5] << 8 | buf[6] : buf[4];
	lc_size = out->extended ? 3 : 1;
	le_size = out->extended ? 2 : 1;
	head = 4 + lc_size;
	if (!lc || lc > len - head)
		return CR_E_MALFORMED;
	out->data = buf + head;
	out->lc = lc;
	if (len == head + lc)				/* case 3 */
		return 0;
	if (len != head + lc + le_size)
		return CR_E_MALFORMED;
	out->le = out->extended ? (size_t)buf[len - 2] << 8 | buf[len - 1] : buf[len - 1];
	if (!out->le)
		out->le = out->extended ? CR_APDU_MAX_LE : CR_APDU_MAX_SHORT_LE;
	return 0;					/* case 4 */
}

uint8_t cr_capdu_transport_class(uint8_t cla)
{
	if ((cla & 0xe0) == 0x40 || (cla & 0xe0) == 0x60)	/* 7816-4, 5.4.1: further channels */
		return cla & 0x4f;
	return cla & ~0x1c;
}

uint16_t cr_rapdu_sw(const uint8_t *rsp, size_t len)
{
	return len < 2 ? 0 : (uint16_t)(rsp[len - 2] << 8 | rsp[len - 1]);
}
