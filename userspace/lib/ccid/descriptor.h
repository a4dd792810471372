/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a reader says of itself: the CCID class descriptor (CCID 1.1, 5.1) and the endpoints of its interface, out of
 * the descriptors of its device. It is the firmware's word: every number is bounded here. Pure; kernel/descriptor.c
 * holds the same rules for the module.
 */
#ifndef CR_CCID_DESCRIPTOR_H
#define CR_CCID_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CR_CCID_CLASS = 0x0B, CR_CCID_CLASS_VENDOR = 0xFF };
enum { CR_CCID_DESC_LEN = 54, CR_CCID_MESSAGE_MIN = 32, CR_CCID_MESSAGE_MAX = 128 * 1024 };

/* bVoltageSupport; dwFeatures */
enum { CR_CCID_5V = 1, CR_CCID_3V = 2, CR_CCID_1V8 = 4, CR_CCID_VOLTAGES = 7 };
enum { CR_CCID_AUTO_VOLTAGE = 0x08 };
/* bPINSupport; where that and wLcdLayout are */
enum { CR_CCID_PIN_VERIFY = 1, CR_CCID_PIN_MODIFY = 2, CR_CCID_LCD_LAYOUT_AT = 50, CR_CCID_PIN_SUPPORT_AT = 52 };

struct cr_ccid_desc {
	uint8_t raw[CR_CCID_DESC_LEN];
	unsigned int slots;		/* 1 to CARDRING_MAX_SLOTS */
	unsigned int busy_slots;	/* 1 to slots; a firmware's 0 means 1 */
	uint8_t voltages;		/* CR_CCID_*V; 5 V for none */
	uint32_t features;
	uint32_t level;			/* enum cardring_level */
	uint32_t max_message;		/* dwMaxCCIDMessageLength, at most CR_CCID_MESSAGE_MAX */
	uint8_t pin_support;		/* bPINSupport, CR_CCID_PIN_*; 0: no keypad */
};
/* raw: CR_CCID_DESC_LEN bytes. 0, or CR_E_UNSUPPORTED where its messages carry no APDU. */
int cr_ccid_desc_parse(const uint8_t *raw, struct cr_ccid_desc *out);

struct cr_ccid_interface {
	struct cr_ccid_desc desc;
	uint8_t number;			/* bInterfaceNumber */
	uint8_t in, out, interrupt;	/* endpoint addresses; interrupt 0: there is none of use */
	uint16_t in_packet, interrupt_packet;
};
/* Is an interface of this class a reader's? CCID's is; the vendor's on the devices of uapi/cardring_unusual.h. */
bool cr_ccid_class(uint8_t class, uint16_t vendor, uint16_t product);
/*
 * An interface of such a class among a device's descriptors: the device's own, then each configuration's, as usbfs
 * and sysfs ("descriptors") give them. configuration: bConfigurationValue of the active one; number:
 * bInterfaceNumber, or -1 for the first that is of use. 0; CR_E_NOT_FOUND where there is none; CR_E_UNSUPPORTED where
 * what is there cannot be driven (no class descriptor, no bulk endpoints, no message size).
 */
int cr_ccid_interface_find(const uint8_t *descriptors, size_t len, uint8_t configuration, int number,
			   struct cr_ccid_interface *out);
/*
 * Is the device a security token, whose reader is left to the programs that own it unless it is asked for? One with
 * FIDO's HID interface (CTAP 2.1, 11.2.8.1: no boot protocol, interrupt endpoints of 64 bytes each way), or with any
 * and named in uapi/cardring_unusual.h. A keyboard with a card slot is none. The rule is kernel/token.c's.
 */
bool cr_ccid_token(const uint8_t *descriptors, size_t len, uint8_t configuration);

#endif
