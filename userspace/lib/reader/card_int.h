/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What these share: card.c (a card's life in a slot), protocol.c (how it is spoken to), limits.c (how long APDUs may
 * be), transfer.c (batches of APDUs) and exchange.c (one APDU, message by message).
 */
#ifndef CR_READER_CARD_INT_H
#define CR_READER_CARD_INT_H

#include <cardring/card.h>
#include <cardring/reader.h>
#include "ccid/shorten.h"
#include "ccid/t0.h"
#include "ccid/t1.h"
#include "iso7816/atr.h"

/* What messages to the card are. */
enum cr_speak { CR_SPEAK_APDU, CR_SPEAK_T0, CR_SPEAK_T1 };

struct cr_card {
	struct cr_reader_info reader;
	cr_ring_t *ring;
	bool claimed, powered;
	enum cr_speak speak;
	struct cr_t1 t1;
	unsigned int bwt_ms;	/* T=1: how long the card may take over a block */
	uint8_t capabilities;	/* cr_atr_capabilities */
	size_t told_command, told_response;	/* cr_card_told; 0: it did not say */
	uint8_t atr[CR_ATR_MAX];
	size_t atr_len;
	uint64_t first_id;	/* user_data of the first entry since the last reap */
	uint64_t generation;	/* of the slot when the card was powered first */
	unsigned int deadline_ms;
	const volatile int *cancel;
	int64_t until;		/* cr_card_now; what is under way then ends with CR_E_TIMEOUT. 0: none */
	cr_trace_fn trace;
	void *trace_arg;
	struct cr_exchange exchange;
};

int64_t cr_card_now(void);	/* ms, CLOCK_MONOTONIC */
/*
 * Sends and waits for n entries, whose user_data count up from first_id; each completion is given to
 * done with its number, in order. done's negative enum cr_error ends nothing; the first is returned,
 * after all have come. Ends what is under way when the user cancels.
 */
typedef int (*cr_done_fn)(void *arg, size_t i, const struct cardring_cqe *cqe);
int cr_card_reap(cr_card_t *card, size_t n, cr_done_fn done, void *arg);
/* One entry, sent and waited for: *cqe is its completion. 0, or the enum cr_error of the ring. */
int cr_card_run(cr_card_t *card, const struct cardring_sqe *sqe, struct cardring_cqe *cqe);
/*
 * Protocol and rate, after power-on. *below: CR_RATE_ANY at first. 1: the rate was refused; the card is to be powered
 * off and on before it is asked again, with what *below is now: each time less.
 */
int cr_card_agree(cr_card_t *card, uint32_t *below);

/* The card says that it takes so many bytes of data in a command, and gives so many in a response. */
void cr_card_told(cr_card_t *card, size_t command, size_t response);

/* The ring that a card on such a reader is spoken to over. */
void cr_card_params(const struct cr_backend *backend, const struct cardring_info *dev, struct cr_ring_params *params);

/* Buffers of a message at a time. */
#define CR_EXCHANGE_TX	0
#define CR_EXCHANGE_RX	1
/* Sends len bytes of the one as XFER or SECURE; the answer is in the other, *cqe its completion. 0 or enum cr_error. */
int cr_exchange_message(cr_card_t *card, enum cardring_op op, size_t len, uint8_t bwi, uint16_t level,
			uint64_t deadline_ms, struct cardring_cqe *cqe);
/* What block-level errors are to T=1: there was none (CCID 1.1, table 6.2-2). */
bool cr_exchange_no_block(const struct cardring_cqe *cqe, int err);

/* The longest payload of a message to this reader. */
size_t cr_card_message_room(const cr_card_t *card);
/* What messages at T=0 and to a reader for short APDUs carry. */
struct cr_short_terms cr_card_short_terms(const cr_card_t *card);
/* Is an APDU not for a chain of entries, as what follows its first message depends on the answer to that? */
bool cr_exchange_alone(const cr_card_t *card, const struct cr_apdu *a);
/* Such an APDU, from beginning to end. */
int cr_exchange_apdu(cr_card_t *card, struct cr_apdu *a);
/* The TPDUs of an APDU that are still to be sent, until its R-APDU is whole. */
int cr_exchange_t0(cr_card_t *card, struct cr_t0 *t);

/* enum cr_error of a completion; 0: it succeeded. */
int cr_cqe_error(const struct cardring_cqe *cqe);

#endif
