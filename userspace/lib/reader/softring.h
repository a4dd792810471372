/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring without a kernel: the ABI's rules (uapi/cardring.h) in memory, over a callback that runs
 * one command at a time. For backends in this process: the virtual card, tests.
 *
 * A softreader is what the rings on one reader share: its slots, who claimed them, what is in them.
 * Commands run inside of the ring's enter; cards may be put in and taken out from other threads.
 */
#ifndef CR_READER_SOFTRING_H
#define CR_READER_SOFTRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cardring/reader.h>

/* One command as a reader sees it. */
struct cr_soft_cmd {
	unsigned int slot;
	enum cardring_op op;		/* XFER, POWER_ON, POWER_OFF, ...; never NOP or ABORT */
	uint8_t param[3];
	const uint8_t *tx;
	size_t tx_len;
	uint8_t *rx;
	size_t rx_room;
	unsigned int deadline_ms;	/* never 0 */
	/* The answer: */
	size_t rx_len;			/* at most rx_room */
	uint8_t status, error, rparam;	/* bStatus, bError, the response's specific byte */
	bool extended;			/* the card asked for time extension */
};

struct cr_soft_ops {
	/*
	 * Runs a command. 0, or -errno as cqe.result has it (-EMSGSIZE when the response does not fit: then
	 * what does is in rx, and rx_len says how much; -EREMOTEIO with status and error set, -ETIMEDOUT, ...). Never called twice at once for one
	 * reader. Is called for slots with a card in them only, but for POWER_OFF and SLOT_STATUS.
	 */
	int (*exec)(void *arg, struct cr_soft_cmd *cmd);
	void (*destroy)(void *arg);	/* after the last ring and reference are gone; may be NULL */
};

typedef struct cr_softreader cr_softreader_t;

/*
 * dev: what the reader says of itself; slots (1 to CARDRING_MAX_SLOTS) and max_payload count here.
 * All slots begin empty. 0 or negative enum cr_error. The reference is the caller's; each ring
 * holds one of its own.
 */
int cr_softreader_new(const struct cardring_info *dev, const struct cr_soft_ops *ops, void *arg,
		      cr_softreader_t **out);
void cr_softreader_unref(cr_softreader_t *reader);	/* NULL is fine */
/* params may be NULL. 0 or negative enum cr_error. Its fd is readable while
 * completions are unread. */
int cr_softreader_open(cr_softreader_t *reader, const struct cr_ring_params *params, cr_ring_t **out);

/* What happens to a reader; from any thread but not from inside of exec. */
void cr_softreader_card(cr_softreader_t *reader, unsigned int slot, bool present);
void cr_softreader_reset(cr_softreader_t *reader);
void cr_softreader_gone(cr_softreader_t *reader);

#endif
