/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the virtual reader. */
#ifndef CARDRING_VREADER_INT_H
#define CARDRING_VREADER_INT_H

#include "vreader.h"

#define APDU_MAX	65544	/* header 4, Lc 3, data 65535, Le 2 */
#define RSP_MAX		65538

/* What a command meets; several may meet one. */
enum fault_kind {
	FAULT_HANG, FAULT_DELAY, FAULT_EXTEND, FAULT_WRONGSEQ, FAULT_WRONGSLOT, FAULT_TWICE, FAULT_LATE,
	FAULT_TRUNCATE, FAULT_LENGTH, FAULT_TYPE, FAULT_OVERSIZE, FAULT_STALLIN, FAULT_ZLP, FAULT_SPLIT,
	FAULT_SW, FAULT_ERROR, FAULT_STATUS, FAULT_REMOVE, FAULT_UNPLUG, FAULT_JUNK,
	FAULT_MESSAGE_KINDS,
	/* these are not matched with a message, but with another occasion */
	FAULT_STALLOUT = FAULT_MESSAGE_KINDS, FAULT_NAKOUT, FAULT_REFUSEABORT, FAULT_MUTEABORT, FAULT_STALLABORT,
	FAULT_IGNOREABORT, FAULT_STALLINT, FAULT_INTERROR, FAULT_STALLCTL, FAULT_FAILRESET,
	FAULT_KINDS,
};

struct fault {
	struct fault *next;
	enum fault_kind kind;
	unsigned int count;	/* commands left; 0: for ever */
	unsigned int after;	/* commands to let pass first */
	int slot;		/* -1: any */
	int on;			/* bMessageType; 0: any command; -1: any that carries data to the card */
	long ms, times, bytes, value, delta;
	bool notify, hang;
};

/* The faults that one command met, by kind. */
struct fault_set {
	uint32_t met;
	struct fault f[FAULT_MESSAGE_KINDS];
};
static inline const struct fault *fault_met(const struct fault_set *s, enum fault_kind k)
{
	return s->met & 1U << k ? &s->f[k] : NULL;
}

/* A piece of the bulk-IN stream. */
struct chunk {
	struct chunk *next;
	size_t len, off;
	bool end;		/* a short or zero-length packet follows the last full one */
	bool stall;		/* no bytes: the endpoint halts here */
	uint8_t data[];
};

/* An answer that is to come. */
struct answer {
	struct answer *next;
	uint64_t due;
	unsigned int slot;
	bool late;		/* not the slot's command any more: keeps nothing busy */
	struct fault_set faults;
	size_t len;
	uint8_t msg[];
};

#define PIN_DIGITS	16

/* A PIN that is being typed, or two, or three. */
struct vpin {
	uint64_t until;		/* then the user has not typed in time */
	unsigned int entry, entries;
	uint8_t digit[3][PIN_DIGITS], n[3];
	struct fault_set faults;
	uint8_t head[CCID_HDR];	/* of the command */
	size_t len;
	uint8_t data[];		/* its abData */
};

struct vslot {
	struct vcard *card;
	bool present, powered, changed;
	uint8_t clock;		/* bClockStatus */
	uint8_t protocol;	/* bProtocolNum in force */
	uint8_t params[2][7];	/* T=0, T=1 */
	uint8_t wtx;		/* T=1: block waiting times that the card's last block asks for; 0: it does not */
	uint64_t rate_clock;	/* dwClockFrequency | dwDataRate << 32 */

	/* the command in flight */
	bool busy;
	uint8_t cmd, seq;
	struct answer *answer;	/* NULL: it hangs, or */
	struct vpin *pin;	/* waits for the user */
	uint64_t extend_at;	/* next time extension */
	uint64_t extend_every;
	long extend_left;	/* -1: for as long as the answer takes */
	uint64_t air_free;	/* timing model: no frame to the card before this */

	/* CCID 1.1, 5.3.1 and 6.1.13: both halves of an abort must come, with one bSeq */
	bool abort_control, abort_bulk;
	uint8_t abort_control_seq, abort_bulk_seq;

	/* chaining, CCID 1.1, 6.1.4 and 6.2.1 */
	uint8_t *chain_out;	/* command so far */
	size_t chain_out_len;
	uint8_t *chain_in;	/* response, chain_in_off of it sent */
	size_t chain_in_len, chain_in_off;
};

struct vreader {
	struct vreader_config cfg;
	struct vslot slot[VREADER_MAX_SLOTS];
	uint64_t now;

	uint8_t *out;		/* the bulk-OUT message being received */
	size_t out_len, out_room;

	struct chunk *in, **in_tail;
	bool halted[3];
	struct answer *late;	/* answers that come after their command ended */

	struct raw_int { struct raw_int *next; size_t len; uint8_t data[32]; } *raw_int;
	struct fault *faults;
	bool unplugged;

	char keys[128];		/* pressed, and not yet taken */

	uint8_t rsp[RSP_MAX];
	uint64_t stamped, ready;	/* messages; and those of them that vreader_ready has seen */
	struct vreader_stamp stamp[VREADER_STAMPS];
};

static inline uint32_t get_le32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline void put_le32(uint8_t *p, uint32_t x)
{
	p[0] = x; p[1] = x >> 8; p[2] = x >> 16; p[3] = x >> 24;
}

/* vreader.c: the slots and the queues */
bool vreader_slot_mute(const struct vreader *v, unsigned int slot);
void vreader_set_present(struct vreader *v, unsigned int slot, bool present, bool notify);
void vreader_power_off(struct vreader *v, unsigned int slot);
void vreader_slot_idle(struct vslot *s);
void vreader_emit(struct vreader *v, const uint8_t *msg, size_t len, const struct fault_set *faults);
void vreader_in_flush(struct vreader *v);
void vreader_queue_raw(struct vreader *v, const uint8_t *data, size_t len, bool end, bool stall);
void vreader_stamp_msg(struct vreader *v, const uint8_t *msg, size_t len, bool in);
bool vreader_abort_control(struct vreader *v, uint8_t slot, uint8_t seq);

/* vreader_cmd.c: what one message does */
void vreader_message(struct vreader *v, const uint8_t *msg, size_t len);
size_t vreader_header(const struct vreader *v, uint8_t *msg, uint8_t type, unsigned int slot, uint8_t seq, size_t len,
		      int error);
uint8_t vreader_reply_type(uint8_t cmd);

/* What an answer is made of. error -1: success. */
struct result {
	int error;
	uint8_t param;		/* byte 9: bChainParameter, bClockStatus, bProtocolNum */
	const uint8_t *data;
	size_t len;
	unsigned int wait_ms;
	uint64_t card_ns;	/* by the timing model */
};
/* The user is through with the slot's PIN, or it timed out, or the card went. */
void vreader_pin_ends(struct vreader *v, unsigned int slot, int error, const uint8_t *sw);

/* vreader_pin.c: the keypad (CCID 1.1, 6.1.11) */
/* -1: the slot waits for the user; else the bError of what is wrong. */
int vreader_pin_begin(struct vreader *v, struct vslot *s, const uint8_t *msg, size_t len);
void vreader_pin_drop(struct vslot *s);
void vreader_pin_tick(struct vreader *v, unsigned int slot);
/* Keys: digits, E (enter), C (cancel), B (takes the last digit back). false: none of these, or too many. */
bool vreader_pin_press(struct vreader *v, const char *keys);
#define PIN_COMMAND_MAX	(3 + 5 + 255 + 2)
/* What the card is sent: an APDU, or a T=1 block around it; its length. */
size_t vreader_pin_command(const struct vreader *v, const struct vslot *s, uint8_t out[PIN_COMMAND_MAX]);

/* vreader_param.c: protocol data structures (CCID 1.1, 6.1.7 and 6.2.3) */
void vreader_params_default(struct vslot *s);
void vreader_params_from_atr(struct vslot *s, const uint8_t *atr, size_t len);
int vreader_params_check(unsigned int protocol, const uint8_t *data);	/* 0 or the bError */
bool vreader_has_rate(const struct vreader *v, uint8_t fi_di);	/* fi_di is none that is RFU */

/* vreader_line.c: TPDU level */
/* After power-on, what dwFeatures has the reader make of the ATR: all of it with PPS, all but the rate, or nothing. */
bool vreader_settle(struct vreader *v, struct vslot *s);
bool vreader_pps(struct vreader *v, struct vslot *s, unsigned int protocol, uint8_t fi_di);	/* false: it failed */
/*
 * Does this get through to the card, and its answer back? That is waited for as long as the card asked for (T=1,
 * S(WTX request)) only if bBWI says so.
 */
bool vreader_line_hears(struct vslot *s, const uint8_t *data, uint8_t bwi);
void vreader_line_heard(struct vslot *s, const uint8_t *data, size_t len);

/* vreader_fault.c */
void vreader_faults_met(struct vreader *v, const uint8_t *msg, struct fault_set *out);
bool vreader_fault_take(struct vreader *v, enum fault_kind kind, int slot);
void vreader_faults_clear(struct vreader *v);

#endif
