/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CR_DESCRIPTOR_H
#define CR_DESCRIPTOR_H

#include <linux/types.h>

#define CR_DESC_LEN		54	/* CCID 1.1, table 5.1-1 */
#define CR_DESC_TYPE		0x21
#define CR_DESC_TYPE_VENDOR	0xff	/* on an interface of the vendor's class */

#define CR_MESSAGE_MIN		32	/* less carries no APDU: refused */
#define CR_MESSAGE_MAX		(128 * 1024)

#define CR_VOLTAGE_5V		BIT(0)	/* bVoltageSupport */
#define CR_VOLTAGE_3V		BIT(1)
#define CR_VOLTAGE_1V8		BIT(2)
#define CR_VOLTAGES		GENMASK(2, 0)
#define CR_FEATURE_AUTO_VOLTAGE	BIT(3)	/* dwFeatures */

/**
 * struct cr_desc - what is used of the CCID class descriptor
 * @raw: the descriptor as the reader gave it
 * @slots: bMaxSlotIndex + 1, bounded to CARDRING_MAX_SLOTS
 * @busy_slots: bMaxCCIDBusySlots, 1 for 0, bounded to @slots
 * @voltages: bVoltageSupport, CR_VOLTAGE_*, 5 V for none
 * @features: dwFeatures
 * @level: enum cardring_level
 * @max_message: dwMaxCCIDMessageLength, bounded to CR_MESSAGE_MAX
 * @pin_support: bPINSupport; 0: no keypad
 */
struct cr_desc {
	u8 raw[CR_DESC_LEN];
	unsigned int slots;
	unsigned int busy_slots;
	u8 voltages;
	u32 features;
	u32 level;
	u32 max_message;
	u8 pin_support;
};

const u8 *cr_desc_find(const u8 *extra, int len, bool vendor);
int cr_desc_parse(const u8 *raw, struct cr_desc *desc);

#endif /* CR_DESCRIPTOR_H */
