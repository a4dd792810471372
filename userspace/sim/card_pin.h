/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reference data of the built-in test card: VERIFY and CHANGE REFERENCE DATA (ISO/IEC 7816-4, 11.5.6 and 11.5.7), each
 * reference in a format that real cards have.
 *
 *   81  1234    ASCII, padded with FF to 8 bytes
 *   82  123456  ASCII, as many bytes as digits
 *   83  1234    format 2 of ISO 9564-1: 24 12 34 FF FF FF FF FF
 *   84  1234    BCD, padded with F to 8 bytes
 *   85  1234    binary, a byte a digit, at the end of 8 bytes, FF before them
 *
 * Three tries each, 4 to 8 digits. 63Cx: wrong, x tries are left; 6983: none; without data: 9000 if it was verified since
 * the reset, else 63Cx. Of a wrong form it is no try: 6700 length, 6A80. Other references 6A88. P1 1 of CHANGE REFERENCE
 * DATA brings the new one alone, and wants the old one verified (6982). What was changed lasts as long as the card.
 */
#ifndef CARDRING_SIM_CARD_PIN_H
#define CARDRING_SIM_CARD_PIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_PINS	5
#define SIM_PIN_MAX	8

struct sim_pins {
	struct sim_pin {
		uint8_t digit[SIM_PIN_MAX];
		unsigned int n, tries;
		bool verified;
	} pin[SIM_PINS];
};

void sim_pins_init(struct sim_pins *p);
void sim_pins_reset(struct sim_pins *p);	/* the card lost its power */
/* A command of INS 20 or 24: the status word. header: CLA to P2. */
uint16_t sim_pins_command(struct sim_pins *p, const uint8_t header[4], const uint8_t *data, size_t lc, size_t le);

#endif
