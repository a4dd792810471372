/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * USB devices that their descriptors do not tell apart, for the module and for
 * libusb's backend alike. Whoever includes this defines one of
 *
 *   CARDRING_READER(vendor, product)
 *	A reader that speaks CCID on an interface of the vendor's own class (FF),
 *	and describes it as CCID 1.1, 5.1 does; some with FF as the descriptor's
 *	type too. The class alone says nothing, so each device is named.
 *	Devices of this class whose descriptor names no version of CCID (REINER
 *	SCT cyberJack: bcdCCID 10.00) speak another protocol and are not here.
 *
 *   CARDRING_TOKEN(vendor, product)
 *	A security token that has a HID interface beside its CCID one as a
 *	keyboard with a card slot has, and none of FIDO's by which to know it.
 *	Product 0: all of the vendor's.
 *
 * The identities are those of real devices' descriptors (tests/data/readers.tsv).
 */

#ifndef CARDRING_READER
#define CARDRING_READER(vendor, product)
#endif
#ifndef CARDRING_TOKEN
#define CARDRING_TOKEN(vendor, product)
#endif

CARDRING_READER(0x046a, 0x003e)	/* Cherry SmartTerminal ST-2xxx */
CARDRING_READER(0x04e6, 0x5111)	/* SCM SCR331-DI */
CARDRING_READER(0x04e6, 0x511a)	/* SCM SCR3310, of NTT Communications */
CARDRING_READER(0x04e6, 0x5120)	/* SCM SCR331-DI, of NTT Communications */
CARDRING_READER(0x04e6, 0x5121)	/* SCM SDI010 */
CARDRING_READER(0x04e6, 0x512b)	/* SCM SDI011 */
CARDRING_READER(0x04e6, 0x512c)	/* SCM SDI011 */
CARDRING_READER(0x04e6, 0x5291)	/* SCM SCL010 */
CARDRING_READER(0x04e6, 0x5292)	/* SCM SCL01x */
CARDRING_READER(0x04e6, 0xe003)	/* SCM SPRx32 */
CARDRING_READER(0x076b, 0x532a)	/* OMNIKEY 5321 CLi */
CARDRING_READER(0x076b, 0x5340)	/* OMNIKEY 5021 CL */
CARDRING_READER(0x08e6, 0x1359)	/* Gemplus Token GEM USB COMBI-M */
CARDRING_READER(0x08e6, 0x2202)	/* Gemplus Gem e-Seal Pro */
CARDRING_READER(0x08e6, 0xace0)	/* Gemplus Token GEM USB COMBI */
CARDRING_READER(0x09be, 0x0002)	/* MySMART PAD V2.0 */
CARDRING_READER(0x1db2, 0x0600)	/* DUALi DE-ABCM6 */
CARDRING_READER(0x1db2, 0x0604)	/* DUALi DRAGON BT */
CARDRING_READER(0x413c, 0x2100)	/* Dell smart card keyboard SK-3106 */

CARDRING_TOKEN(0x1050, 0)	/* Yubico: with the one-time passwords' keyboard alone */
CARDRING_TOKEN(0x20a0, 0x4107)	/* GPF Crypto Stick */
CARDRING_TOKEN(0x20a0, 0x4108)	/* Nitrokey Pro */
CARDRING_TOKEN(0x20a0, 0x4109)	/* Nitrokey Storage */
CARDRING_TOKEN(0x316d, 0x4c4b)	/* Purism Librem Key */

#undef CARDRING_READER
#undef CARDRING_TOKEN
