/* SPDX-License-Identifier: BSD-2-Clause */
/* What card.c (a card's life in a slot) and transfer.c (APDUs) share. */
#ifndef CR_READER_CARD_INT_H
#define CR_READER_CARD_INT_H

#include <cardring/card.h>
#include "iso7816/atr.h"

struct cr_card {
	struct cr_reader_info reader;
	cr_ring_t *ring;
	bool claimed, powered;
	bool t0;		/* TPDU level: APDUs go as T=0 TPDUs */
	uint8_t atr[CR_ATR_MAX];
	size_t atr_len;
	uint64_t first_id;	/* user_data of the first entry since the last reap */
	uint64_t generation;	/* of the slot when the card was powered first */
	unsigned int deadline_ms;
	const volatile int *cancel;
	cr_trace_fn trace;
	void *trace_arg;
	struct cr_exchange exchange;
};

/*
 * Sends and waits for n entries, whose user_data count up from first_id; each completion is given to
 * done with its number, in order. done's negative enum cr_error ends nothing; the first is returned,
 * after all have come. Ends what is under way when the user cancels.
 */
typedef int (*cr_done_fn)(void *arg, size_t i, const struct cardring_cqe *cqe);
int cr_card_reap(cr_card_t *card, size_t n, cr_done_fn done, void *arg);
/* One entry, sent and waited for: *cqe is its completion. 0, or the enum cr_error of the ring. */
int cr_card_run(cr_card_t *card, const struct cardring_sqe *sqe, struct cardring_cqe *cqe);
/* enum cr_error of a completion; 0: it succeeded. */
int cr_cqe_error(const struct cardring_cqe *cqe);

#endif
