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
	bool implicit;		/* TA2, bit 5: and at a rate that no interface byte tells */
	uint8_t fi_di;		/* TA1, 0x11 if absent */
	uint8_t guard;		/* TC1: N, 0 if absent */
	uint8_t wi;		/* TC2: waiting time integer of T=0, 10 if absent */
	/* of T=1, by the first interface bytes for it (11.4); what holds where they are absent */
	uint8_t ifsc;		/* 1 to 254 */
	uint8_t bwi_cwi;
	bool crc;		/* the epilogue is a CRC, not an LRC */
	const uint8_t *historical;	/* into the caller's bytes; NULL if none */
	size_t historical_len;
};

/* 0 or CR_E_MALFORMED: no TS, cut short, longer than 33 bytes, bytes behind the end, or TCK wrong. */
int cr_atr_parse(const uint8_t *atr, size_t len, struct cr_atr *out);

/* The third byte of the card capabilities (7816-4:2013, table 119). */
#define CR_ATR_COMMAND_CHAINING	0x80
#define CR_ATR_EXTENDED		0x40	/* extended Lc and Le */
#define CR_ATR_EXTENDED_INFO	0x20	/* EF.ATR/INFO tells how long */
/* That byte out of the historical bytes; 0 where the card does not say. */
uint8_t cr_atr_capabilities(const struct cr_atr *atr);

#endif
