/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual CCID reader: a pure state machine (CCID 1.1), without I/O and without a clock of its own.
 *
 * In go control requests and bulk-OUT transfers, out come bulk-IN transfers and interrupt messages;
 * time is what the caller says it is (nanoseconds, any epoch). It behaves at the exchange level it
 * declares and is strict: what CCID 1.1 calls an error is answered as that error. Where it does wrong,
 * it was told to (vreader_fault). usbip.h puts it on a USB bus.
 *
 * No global state; one vreader must be used by one thread at a time.
 */
#ifndef CARDRING_VREADER_H
#define CARDRING_VREADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "timing.h"

#define VREADER_MAX_SLOTS	32
#define VREADER_NEVER		UINT64_MAX
#define VREADER_MS		1000000ULL	/* ns */
#define CCID_HDR		10		/* CCID 1.1, 6: every message's header */

/* CCID 1.1, 6.1 and 6.2: bMessageType */
enum ccid_message {
	PC_SET_PARAMETERS	= 0x61,
	PC_ICC_POWER_ON		= 0x62,
	PC_ICC_POWER_OFF	= 0x63,
	PC_GET_SLOT_STATUS	= 0x65,
	PC_SECURE		= 0x69,
	PC_T0_APDU		= 0x6A,
	PC_ESCAPE		= 0x6B,
	PC_GET_PARAMETERS	= 0x6C,
	PC_RESET_PARAMETERS	= 0x6D,
	PC_ICC_CLOCK		= 0x6E,
	PC_XFR_BLOCK		= 0x6F,
	PC_MECHANICAL		= 0x71,
	PC_ABORT		= 0x72,
	PC_SET_RATE_CLOCK	= 0x73,
	RDR_DATA_BLOCK		= 0x80,
	RDR_SLOT_STATUS		= 0x81,
	RDR_PARAMETERS		= 0x82,
	RDR_ESCAPE		= 0x83,
	RDR_RATE_CLOCK		= 0x84,
	RDR_NOTIFY_SLOT_CHANGE	= 0x50,		/* 6.3 */
	RDR_HARDWARE_ERROR	= 0x51,
};

/* CCID 1.1, 6.2.6: bError; 1 to 127 are the offset of the field that is wrong */
enum ccid_error {
	CCID_E_UNSUPPORTED	= 0x00,
	CCID_E_LENGTH		= 0x01,
	CCID_E_SLOT		= 0x05,
	CCID_E_PARAM0		= 0x07,
	CCID_E_PARAM1		= 0x08,
	CCID_E_OPERATION	= 0x0A,		/* Secure: bPINOperation */
	CCID_E_SLOT_BUSY	= 0xE0,
	CCID_E_PIN_CANCELLED	= 0xEF,
	CCID_E_PIN_TIMEOUT	= 0xF0,
	CCID_E_PROTOCOL		= 0xF6,
	CCID_E_OVERRUN		= 0xFC,
	CCID_E_ICC_MUTE		= 0xFE,
	CCID_E_ABORTED		= 0xFF,
};

/*
 * Exchange level: the values of dwFeatures bits 16 to 18 and of enum cardring_level. Character level is declared, not
 * spoken: XfrBlock is unsupported there.
 */
enum vreader_level { VREADER_CHARACTER = 0, VREADER_TPDU = 1, VREADER_SHORT = 2, VREADER_EXTENDED = 4 };
enum vreader_speed { VREADER_HIGH_SPEED, VREADER_FULL_SPEED, VREADER_SUPER_SPEED };

/* ---- cards ---- */

/*
 * A card as a slot sees it. exchange: one APDU, or, where the reader works at TPDU level, a T=0 TPDU or a T=1 block;
 * *wait_ms: how long the card takes over it (0 unless set). Returns the response's length. work: what that exchange
 * had the chip do, for the reader's timing model; NULL: this card computes nothing.
 */
struct vcard;
struct vcard_ops {
	const uint8_t *(*power_on)(struct vcard *card, size_t *len);
	void (*power_off)(struct vcard *card);
	size_t (*exchange)(struct vcard *card, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size,
			   unsigned int *wait_ms);
	void (*free)(struct vcard *card);
	struct card_work (*work)(const struct vcard *card);
	/*
	 * TPDU level: the protocol and rate (Fi/Di) that the card hears; a reader set to others gets nothing through.
	 * NULL: T=0 at the default rate.
	 */
	void (*line)(const struct vcard *card, unsigned int *protocol, uint8_t *fi_di);
};
struct vcard { const struct vcard_ops *ops; };

/*
 * The built-in test card, which needs no files and no PKI. INS (CLA 00 to 0F, 80 to 8F):
 *   A4 SELECT          9000
 *   B0 READ BINARY     Le bytes of a 32,768-byte file: byte i is vcard_echo_byte(i); 6B00 beyond its end,
 *                      6282 where less is left than asked
 *   D6 UPDATE BINARY   9000 (nothing is kept)
 *   88 ECHO            the command's data, then 9000
 *   FE WAIT            takes P1P2 ms, then 9000 (with Le: and that much of the file)
 *   FC STATUS          the status word P1P2
 *   20 VERIFY, 24 CHANGE REFERENCE DATA        card_pin.h
 * else 6D00; another CLA 6E00; wrong length 6700. At TPDU level as ISO/IEC 7816-3, 10 wants it: data back
 * from ECHO is announced by 61xx and fetched by GET RESPONSE (C0).
 */
struct vcard *vcard_echo_new(enum vreader_level level);
uint8_t vcard_echo_byte(unsigned int offset);

/* The virtual identity card (sim.h): a sample's name or a folder. NULL and *err (enum cr_error) on failure. */
struct vcard *vcard_sim_new(const char *name, enum vreader_level level, int *err);
/* The same with contacts for a reader at TPDU level, on these terms (contact.h); historical bytes are the sample's. */
struct sim_contact_config;
struct vcard *vcard_sim_contact_new(const char *name, const struct sim_contact_config *cfg, int *err);
/* The built-in test card with contacts. NULL: out of memory. */
struct vcard *vcard_echo_contact_new(const struct sim_contact_config *cfg);
void vcard_free(struct vcard *card);

/* ---- the reader ---- */

/* Whether a message that fills its last packet is ended by a zero-length packet (USB 2.0, 5.8.3). */
enum vreader_zlp {
	VREADER_ZLP_AUTO,	/* yes, but not where it is dwMaxCCIDMessageLength long: the host expects no more */
	VREADER_ZLP_ALWAYS,
	VREADER_ZLP_NEVER,
};

/* What the interfaces of a device are that are no reader's: by form, they do nothing. */
enum vreader_beside {
	VREADER_BESIDE_VENDOR,	/* of the vendor's class, without endpoints */
	VREADER_BESIDE_FIDO,	/* HID as CTAP 2.1, 11.2.8.1 has it: the device is a security token */
	VREADER_BESIDE_KEYBOARD,/* HID, boot protocol */
};

/* Zeroes: the defaults in brackets. */
struct vreader_config {
	uint16_t vid, pid, bcd_device;	/* [1209:c1d0 0100] */
	const char *manufacturer;	/* ["cardring"]; "": none */
	const char *product;		/* ["Virtual Reader"]; "": none */
	const char *serial;		/* [none] */
	const char *interface;		/* [none] */
	uint8_t interface_number;	/* [0; the first that is free beside those before it in its device] */
	enum vreader_beside beside;	/* what fills gaps in the numbers; the device's first reader says it [vendor] */
	uint8_t interface_class, interface_subclass, interface_protocol; /* [0B 00 00] */
	enum vreader_speed speed;	/* [high] */
	unsigned int slots;		/* [1] */
	uint8_t busy_slots;		/* bMaxCCIDBusySlots [1]; commands at once that are taken */
	bool busy_slots_zero;		/* declare 0, as some firmware does; one is taken */
	enum vreader_level level;	/* [extended] */
	uint32_t max_message;		/* dwMaxCCIDMessageLength [271; extended: 65554] */
	uint32_t features;		/* dwFeatures without the level bits [automatic everything; TPDU: less] */
	uint32_t protocols;		/* dwProtocols [1: T=0; 3 at APDU level] */
	uint32_t mechanical;		/* dwMechanical */
	uint32_t max_ifsd;		/* [254] */
	uint8_t voltage;		/* bVoltageSupport [7]: 1: 5 V, 2: 3 V, 4: 1.8 V */
	uint8_t pin_support;		/* bPINSupport [no keypad]: 1: verification, 2: modification */
	uint16_t lcd_layout;		/* wLcdLayout [no display]: lines * 256 + columns */
	bool pin_extends;		/* it asks for time while the user types [it is silent] */
	const uint32_t *clocks, *rates;	/* GET_CLOCK_FREQUENCIES (kHz), GET_DATA_RATES (bit/s) [none: stalls] */
	unsigned int nclocks, nrates;
	bool no_bulk;			/* no bulk endpoints: an ICCD by control transfers, which are not served */
	bool no_interrupt;		/* no interrupt endpoint: card changes must be polled for */
	uint16_t bulk_packet;		/* wMaxPacketSize [full 64, high 512, super 1024] */
	uint8_t interrupt_interval;	/* bInterval [full 24, high and super 8] */
	enum vreader_zlp zlp;
	const uint8_t *class_desc;	/* the CCID class descriptor, any bytes [built from the above] */
	unsigned int class_desc_len;
	bool as_declared;		/* vid to bcd_device, level to voltage: as they are, zeroes too */
	unsigned int latency_us;	/* from command to answer [0] */
	struct timing timing;		/* the cards are contactless and take so long, on top of that [rate 0: no time] */
	unsigned int extension_ms;	/* time extension is sent so often while the card works [500] */
	struct vcard *const *cards;	/* one a slot, owned by the reader from vreader_new on [vcard_echo_new] */
	uint32_t empty;			/* bit a slot: starts without a card */
	uint32_t mute;			/* bit a slot: never answers anything (an unpopulated slot) */
	/* Every byte on the bulk and interrupt endpoints, as it goes over the bus [not told]. in: to the host. */
	void (*tap)(void *arg, const uint8_t *data, size_t len, bool in);
	void *tap_arg;
	bool abort_answers;		/* control ABORT makes the command in flight answer CMD_ABORTED [silent] */
	bool no_escape;			/* Escape is unsupported [answers the same bytes] */
};

struct vreader;
/* The strings and arrays of cfg must outlive it (cards: only the call). NULL: out of memory; the cards are freed. */
struct vreader *vreader_new(const struct vreader_config *cfg);
void vreader_free(struct vreader *v);
const struct vreader_config *vreader_cfg(const struct vreader *v);	/* defaults filled in */
/* The bus configured or reset the device: cards lose power, queues are empty, halts are cleared. */
void vreader_reset(struct vreader *v);
/* Puts this card in (the slot owns it from then on; the old one is freed), or NULL: takes it out and keeps it. */
void vreader_insert(struct vreader *v, unsigned int slot, struct vcard *card, uint64_t now);

/* CCID class descriptor (CCID 1.1, 5.1). Returns its length. */
size_t vreader_class_desc(const struct vreader *v, uint8_t *buf, size_t size);

/* A class request on the control pipe (5.3). Returns bytes put in data (IN), 0 (OUT), or -1: stall. */
int vreader_control(struct vreader *v, uint8_t request_type, uint8_t request, uint16_t value, uint16_t length,
		    uint8_t *data, uint64_t now);

enum vreader_out { VREADER_OUT_TAKEN, VREADER_OUT_STALL, VREADER_OUT_NAK };
/* One bulk-OUT transfer. zlp: ended by a zero-length packet. NAK: not taken, offer it again later (or never). */
enum vreader_out vreader_bulk_out(struct vreader *v, const uint8_t *data, size_t len, bool zlp, uint64_t now);

enum vreader_in {
	VREADER_IN_NAK,		/* nothing to send */
	VREADER_IN_PACKET,	/* one packet: *len bytes; short (or empty): ends the transfer */
	VREADER_IN_STALL,	/* the endpoint is halted until vreader_clear_halt */
	VREADER_IN_ERROR,	/* the transaction fails on the bus */
};
/* The packet that bulk-IN offers now, if any; vreader_in_ack takes it off. */
enum vreader_in vreader_in_peek(struct vreader *v, const uint8_t **data, size_t *len);
void vreader_in_ack(struct vreader *v);
/* The next interrupt message (at most size bytes are put in buf). A PACKET is taken off by the call. */
enum vreader_in vreader_interrupt(struct vreader *v, uint8_t *buf, size_t size, size_t *len);

enum vreader_ep { VREADER_BULK_OUT, VREADER_BULK_IN, VREADER_INTERRUPT };
void vreader_clear_halt(struct vreader *v, enum vreader_ep ep);
void vreader_set_halt(struct vreader *v, enum vreader_ep ep);
bool vreader_halted(const struct vreader *v, enum vreader_ep ep);

/* When vreader_tick has something to do; VREADER_NEVER. */
uint64_t vreader_next(const struct vreader *v);
void vreader_tick(struct vreader *v, uint64_t now);

/*
 * A fault, or an event, from one line of text (vreader_fault.c lists them; "help" in vreader_fault_help).
 * Returns 0, or -1 and *why (static text).
 */
int vreader_fault(struct vreader *v, const char *line, uint64_t now, const char **why);
extern const char vreader_fault_help[];
/* What the bus side has to do because of faults. */
bool vreader_unplugged(const struct vreader *v);	/* "unplug" came due */
bool vreader_ep0_stalls(struct vreader *v, bool get_device_descriptor);	/* consumes "stallctl" */

/* Times of messages, for benchmarks: the last VREADER_STAMPS of them. */
#define VREADER_STAMPS	1024
struct vreader_stamp {
	uint64_t ns;
	uint32_t len;		/* whole message */
	uint8_t type, slot, seq;
	bool in;		/* reader to host: when it was ready to be fetched (vreader_ready) */
	uint64_t card_ns;	/* host to reader: how long the timing model lets it take */
};
/* What a device needs to make an answer is not the host's: what was answered since the last call is ready from now on. */
void vreader_ready(struct vreader *v, uint64_t now);
/* Copies at most max, oldest first; *total: how many there ever were. */
size_t vreader_stamps(const struct vreader *v, struct vreader_stamp *out, size_t max, uint64_t *total);

#endif
