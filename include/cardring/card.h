/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A card in a claimed slot: APDUs, one at a time or as a linked batch, over whatever exchange level
 * the reader has.
 */
#ifndef CARDRING_CARD_H
#define CARDRING_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cardring/reader.h>

typedef struct cr_card cr_card_t;

struct cr_exchange {		/* what went over the reader since the card was opened */
	uint64_t commands;	/* APDUs */
	uint64_t messages;	/* entries sent: at TPDU level GET RESPONSE and each T=1 block count too */
	uint64_t bytes_sent, bytes_received;
	uint64_t enters;	/* calls into the backend */
	uint64_t us;		/* time in commands, as the completions tell it */
};

/*
 * Opens the reader, claims the slot (waits claim_ms for another holder) and powers the card on.
 * wait_card_ms: how long to wait for a card when the slot is empty (0: CR_E_NO_CARD at once, -1: for ever).
 * A signal ends either wait with CR_E_CANCELED.
 */
int cr_card_open(const struct cr_reader_info *reader, int claim_ms, int wait_card_ms, cr_card_t **out);
void cr_card_close(cr_card_t *card);		/* powers off, releases, closes; NULL is fine */
/* Powers off and on: the card forgets its state. CR_E_CARD_GONE if it is not the card that was there. */
int cr_card_reset(cr_card_t *card);
const uint8_t *cr_card_atr(const cr_card_t *card, size_t *len);
const struct cr_reader_info *cr_card_reader(const cr_card_t *card);
void cr_card_exchange(const cr_card_t *card, struct cr_exchange *out);

/* Why an APDU can be no longer. */
enum cr_limit {
	CR_LIMIT_NONE,		/* ISO/IEC 7816-4, 5.1: there are no longer ones */
	CR_LIMIT_READER,	/* the length of its messages, or what a buffer of the driver's takes of a longer one */
	CR_LIMIT_LEVEL,		/* its exchange level, or T=0, carries short ones only */
	CR_LIMIT_CARD,		/* what the card says of itself; one that says nothing takes short ones */
};

/*
 * The longest APDUs that card, reader and driver take, in bytes of data. A longer command may still go, in pieces,
 * if the card has a way: command chaining, over T=0 ENVELOPE; cr_card_transmit tries it, and says CR_E_TOO_LONG where
 * there is none.
 */
struct cr_limits {
	size_t command, response;	/* Nc and Ne of one APDU, at most */
	enum cr_limit command_by, response_by;
	size_t message_command, message_response;	/* those that go as one message each, and so in one batch */
	bool extended;	/* extended length fields reach the card, and it says that it takes them */
	bool chaining;	/* it says that it has command chaining */
	bool told;	/* it told its lengths (cr_card_learn_limits) */
};
/* By what is known: the reader's descriptor, exchange level and protocol, the ATR's historical bytes. */
void cr_card_limits(const cr_card_t *card, struct cr_limits *out);
/*
 * Reads EF.ATR/INFO, if longer APDUs would reach the card at all; cr_card_limits then follows it. The card must be
 * fresh from power-on or reset: this selects files, plainly. 0, also where the card has no such file; else what
 * sending meets.
 */
int cr_card_learn_limits(cr_card_t *card);

/* Every APDU is shown to this (tests, --trace); NULL takes it off. sw 0: no answer. */
typedef void (*cr_trace_fn)(void *arg, const uint8_t *cmd, size_t cmd_len, const uint8_t *rsp, size_t rsp_len,
			    int err);
void cr_card_set_trace(cr_card_t *card, cr_trace_fn fn, void *arg);
/* Checked between messages: nonzero ends what is under way with CR_E_CANCELED (a signal handler sets it). */
void cr_card_set_cancel(cr_card_t *card, const volatile int *flag);
/* Deadline for each command in ms; default 10000 (chip cryptography with time extension is restarted). */
void cr_card_set_deadline(cr_card_t *card, unsigned int ms);
/* How the waits for this card's answers go, max_us in microseconds: see cr_ring_set_spin. 0 or CR_E_INVALID. */
int cr_card_set_spin(cr_card_t *card, enum cr_spin how, unsigned int max_us);

/*
 * One APDU. cmd: C-APDU as in ISO/IEC 7816-4, 5.1, short or extended. rsp: receives R-APDU, response data
 * and the status word; *rsp_len in: room, out: bytes. Any status word is success (0); the caller looks at it.
 */
int cr_card_transmit(cr_card_t *card, const uint8_t *cmd, size_t cmd_len, uint8_t *rsp, size_t *rsp_len);

struct cr_apdu {
	const uint8_t *cmd;	/* C-APDU */
	size_t cmd_len;
	uint8_t *rsp;		/* room for data and status word */
	size_t rsp_size;
	size_t rsp_len;		/* out: R-APDU bytes; 0: no answer */
	size_t rsp_expect;	/* R-APDU length if known beforehand (secure messaging tells), else 0;
				 * at TPDU level T=0 lets GET RESPONSE be queued in the same batch */
	uint16_t sw, sw_mask;	/* the batch goes on while (SW & sw_mask) == sw */
};

/*
 * A batch: n APDUs in order as linked entries, as many in flight as the ring takes. Stops after the first
 * whose status word differs from what it expects. *done: how many were answered (that one included).
 * 0 also when it stopped at a status word; negative enum cr_error when an exchange failed (then *done tells
 * how many were answered before).
 */
int cr_card_transmit_batch(cr_card_t *card, struct cr_apdu *apdus, size_t n, size_t *done);

#endif
