/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Command and response APDUs (ISO/IEC 7816-3:2006, 12.1; 7816-4:2013, 5.1). No I/O. The library
 * builds commands with it, the virtual card takes them apart with it.
 */
#ifndef CR_ISO7816_APDU_H
#define CR_ISO7816_APDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CR_APDU_MAX_SHORT_LC	255
#define CR_APDU_MAX_SHORT_LE	256
#define CR_APDU_MAX_LC		65535
#define CR_APDU_MAX_LE		65536
/* The longest C-APDU: header, extended Lc, data, extended Le; the longest R-APDU: data, status word. */
#define CR_CAPDU_MAX		(4 + 3 + CR_APDU_MAX_LC + 2)
#define CR_RAPDU_MAX		(CR_APDU_MAX_LE + 2)

struct cr_capdu {
	uint8_t cla, ins, p1, p2;
	const uint8_t *data;
	size_t lc;		/* bytes of data; 0: no data */
	size_t le;		/* longest response data wanted; 0: none; 256 and 65536: Le bytes all zero */
	bool extended;		/* build: use the extended form even where the short one would do */
};

/* 1 to 4 (7816-3:2006, table 12): neither, response data, command data, both. */
unsigned int cr_capdu_case(const struct cr_capdu *apdu);
/* Bytes that the C-APDU takes; 0 if lc or le are beyond what an APDU can carry. */
size_t cr_capdu_size(const struct cr_capdu *apdu);
/*
 * Writes the C-APDU; the extended form is chosen where lc > 255 or le > 256. *len in: room, out: bytes.
 * 0, CR_E_INVALID (lc or le beyond an APDU) or CR_E_TOO_LONG (no room).
 */
int cr_capdu_build(const struct cr_capdu *apdu, uint8_t *out, size_t *len);
/* Takes a C-APDU apart; data points into buf. 0 or CR_E_MALFORMED: its lengths contradict each other. */
int cr_capdu_parse(const uint8_t *buf, size_t len, struct cr_capdu *out);

/* What the transport itself sends for a command (7816-3:2006, 12.2). */
#define CR_INS_GET_RESPONSE	0xc0
#define CR_INS_ENVELOPE		0xc2
/* The class for that: on the command's logical channel, but neither protected nor chained. */
uint8_t cr_capdu_transport_class(uint8_t cla);

/* The status word of an R-APDU; 0 if it is shorter than two bytes. */
uint16_t cr_rapdu_sw(const uint8_t *rsp, size_t len);

#endif
