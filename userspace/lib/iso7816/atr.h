/* SPDX-License-Identifier: BSD-2-Clause */
/* The answer to reset (ISO/IEC 7816-3:2006, 8.2). No I/O. */
#ifndef CR_ISO7816_ATR_H
#define CR_ISO7816_ATR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CR_ATR_MAX	33	/* TS and 32 characters */

struct cr_atr {
	bool inverse;		/* convention, by TS */
	uint16_t protocols;	/* bit n: T=n is offered, n < 15; none named means T=0 */
	uint8_t first;		/* the first offered: what the card speaks without PPS */
	bool specific;		/* TA2: the card speaks this and nothing else */
	uint8_t specific_protocol;
	uint8_t fi_di;		/* TA1, 0x11 if absent */
	uint8_t guard;		/* TC1: N, 0 if absent */
	uint8_t wi;		/* TC2: waiting time integer of T=0, 10 if absent */
	const uint8_t *historical;	/* into the caller's bytes; NULL if none */
	size_t historical_len;
};

/* 0 or CR_E_MALFORMED: no TS, cut short, longer than 33 bytes, bytes behind the end, or TCK wrong. */
int cr_atr_parse(const uint8_t *atr, size_t len, struct cr_atr *out);

#endif
