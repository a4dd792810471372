// SPDX-License-Identifier: BSD-2-Clause
/*
 * Readers whose keypad is not what their descriptor says, or wants its structure otherwise than CCID 1.1 has it: facts
 * that the CCID project found with the readers at hand (libccid's comments; the names are those of its descriptor dumps).
 */
#include <string.h>
#include "ccid/pin.h"

enum {
	NO_KEYPAD	= 1 << 0,	/* there is none, for all that bPINSupport says */
	TELLS_THE_HOST	= 1 << 1,	/* what is typed comes through the keyboard too: no use of such a keypad */
	ONE_MESSAGE	= 1 << 2,	/* verification: neither none nor the reader's own */
	NO_MESSAGE	= 1 << 3,	/* verification: none */
	KEY_PRESSED	= 1 << 4,	/* of bEntryValidationCondition it takes 02 alone */
	ALL_INDEXES	= 1 << 5,	/* modification: bMsgIndex1 to 3 whatever bNumberMessage says */
	NONE_SHOWN	= 1 << 6,	/* modification: which is 0, and they too */
	THREE_MESSAGES	= 1 << 7,	/* modification: the card gets nothing sensible else */
	LEAST_FIRST	= 1 << 8,	/* wPINMaxExtraDigit the other way round */
};

static const struct quirk { uint16_t vendor, product; unsigned int is; } quirks[] = {
	{ 0x03f0, 0x0036, TELLS_THE_HOST },			/* HP_kus-0133 */
	{ 0x03f0, 0x1024, TELLS_THE_HOST },			/* HPUSBSmartCardKeyboard */
	{ 0x0bf8, 0x1017, TELLS_THE_HOST },			/* SmartCase_KB_SCR_eSIG */
	{ 0x0783, 0x0006, NO_KEYPAD },				/* LTC31v2 */
	{ 0x076b, 0x3a21, NO_KEYPAD },				/* HID_Aviator */
	{ 0x076b, 0x3031, NO_KEYPAD },				/* OMNIKEY 3x21 */
	{ 0x076b, 0x6632, NO_KEYPAD },				/* OMNIKEY 6121 */
	{ 0x046a, 0x00a7, NO_KEYPAD },				/* Cherry_SmartTerminal_XX44 */
	{ 0x0bf8, 0x1024, NO_KEYPAD },				/* Fujitsu_Smartcard_Reader_D323 */
	{ 0x08e6, 0x3478, ONE_MESSAGE | KEY_PRESSED | ALL_INDEXES },	/* GemPCPinpad */
	{ 0x0982, 0x0008, ONE_MESSAGE | KEY_PRESSED | ALL_INDEXES },	/* Vega-Alpha */
	{ 0x04e6, 0xe003, ALL_INDEXES | NONE_SHOWN },		/* SPR532 */
	{ 0x046a, 0x003e, ALL_INDEXES | NONE_SHOWN },		/* CherrySmartTerminalST2XXX */
	{ 0x046a, 0x0010, THREE_MESSAGES },			/* CherryXX44 */
	{ 0x413c, 0x2101, NO_MESSAGE },				/* DellSCRK */
	{ 0x413c, 0x2100, NO_MESSAGE | LEAST_FIRST },		/* DellSK-3106 */
};

static unsigned int of(uint16_t vendor, uint16_t product)
{
	for (size_t i = 0; i < sizeof(quirks) / sizeof(quirks[0]); i++)
		if (quirks[i].vendor == vendor && quirks[i].product == product)
			return quirks[i].is;
	return 0;
}

uint8_t cr_ccid_pin_support(uint8_t declared, uint16_t vendor, uint16_t product)
{
	return of(vendor, product) & (NO_KEYPAD | TELLS_THE_HOST) ? 0 : declared;
}

void cr_ccid_pin_mend(struct cr_ccid_pin *pin, uint16_t vendor, uint16_t product)
{
	unsigned int is = of(vendor, product);
	uint8_t least = pin->min;

	if (is & KEY_PRESSED)
		pin->validation = 0x02;
	if (is & LEAST_FIRST) {
		pin->min = pin->max;
		pin->max = least;
	}
	if (!pin->modify) {
		if (is & (ONE_MESSAGE | NO_MESSAGE))
			pin->messages = is & ONE_MESSAGE ? 1 : 0;
		return;
	}
	pin->all_indexes = is & ALL_INDEXES;
	if (is & THREE_MESSAGES)
		pin->messages = 3;
	if (is & NONE_SHOWN) {
		pin->messages = 0;
		memset(pin->message, 0, sizeof(pin->message));
	}
}
