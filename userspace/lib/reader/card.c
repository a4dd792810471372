// SPDX-License-Identifier: BSD-2-Clause
/* A card's life in a claimed slot: found, powered, told how to speak, powered off. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "ccid/pps.h"
#include "reader/backend.h"
#include "reader/card_int.h"
#include "iso7816/apdu.h"

#define DEADLINE_MS	10000
#define POWER_MS	5000
#define SHORT_PAYLOAD	(5 + CR_APDU_MAX_SHORT_LC + 1)	/* the longest short APDU */
#define SLICE_MS	200	/* how soon a wait sees that the user cancels */

/* CCID 1.1, table 6.2-2, bError */
enum { XFR_OVERRUN = 0xfc, XFR_PARITY_ERROR = 0xfd, ICC_MUTE = 0xfe, ICC_CLASS_UNSUPPORTED = 0xf5,
       ICC_PROTOCOL_UNSUPPORTED = 0xf6, BAD_ATR_TS = 0xf8, BAD_ATR_TCK = 0xf7, CMD_SLOT_BUSY = 0xe0 };

static int reader_error(const struct cardring_cqe *cqe)
{
	switch (cqe->error) {
	case ICC_MUTE:
		return CR_E_CARD_MUTE;
	case XFR_OVERRUN:
	case XFR_PARITY_ERROR:
	case BAD_ATR_TS:
	case BAD_ATR_TCK:
		return CR_E_CARD_PROTOCOL;
	case ICC_PROTOCOL_UNSUPPORTED:
	case ICC_CLASS_UNSUPPORTED:
		return CR_E_READER_UNFIT;
	case CMD_SLOT_BUSY:
		return CR_E_READER_BUSY;
	}
	return CR_E_READER_FAILED;
}

int cr_cqe_error(const struct cardring_cqe *cqe)
{
	if (cqe->result >= 0)
		return 0;
	if (cqe->result == -EREMOTEIO)
		return reader_error(cqe);
	return cr_ring_error(cqe->result);
}

int64_t cr_card_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool canceled(const cr_card_t *card)
{
	return card->cancel && *card->cancel;
}

static bool expired(const cr_card_t *card)
{
	return card->until && cr_card_now() >= card->until;
}

static int abort_slot(cr_card_t *card)
{
	struct cardring_sqe *sqe = cr_ring_sqe(card->ring);

	if (!sqe)
		return 0;
	sqe->opcode = CARDRING_OP_ABORT;
	sqe->slot = (uint8_t)card->reader.slot;
	sqe->user_data = UINT64_MAX;
	return 1;
}

int cr_card_reap(cr_card_t *card, size_t n, cr_done_fn done, void *arg)
{
	const struct cardring_cqe *cqe;
	uint64_t first = card->first_id;
	bool aborted = false;
	size_t got = 0;
	int err = 0;

	card->first_id += n;
	/* completions come in the order of the entries: one chain, one slot */
	while (got < n) {
		uint64_t enters = card->ring->enters;
		int rc;

		if (!aborted && (canceled(card) || expired(card)))
			aborted = abort_slot(card);
		rc = cr_ring_submit(card->ring, (unsigned int)(n - got), card->cancel || card->until ? SLICE_MS : -1);
		card->exchange.enters += card->ring->enters - enters;
		if (rc < 0 && rc != -ETIME && rc != -EINTR && rc != -EAGAIN && !cr_ring_peek(card->ring)) {
			const struct cardring_cqe lost = { .result = rc };

			/* an ENTER that fails has taken nothing: what is left is nobody's, and would fill the ring */
			card->ring->sq_tail = __atomic_load_n(&card->ring->hdr->sq_head, __ATOMIC_ACQUIRE);
			for (; got < n; got++) {
				rc = done(arg, got, &lost);
				err = err ? err : rc;
			}
			return err ? err : cr_ring_error(lost.result);
		}
		while ((cqe = cr_ring_peek(card->ring))) {
			/* events: what they tell, the results tell too */
			if (!(cqe->flags & CARDRING_CQE_EVENT) && cqe->user_data - first < n) {
				rc = done(arg, (size_t)(cqe->user_data - first), cqe);
				err = err ? err : rc;
				got++;
			}
			cr_ring_seen(card->ring);
		}
	}
	if (aborted)
		return canceled(card) ? CR_E_CANCELED : CR_E_TIMEOUT;
	return err;
}

static int take_one(void *arg, size_t i, const struct cardring_cqe *cqe)
{
	*(struct cardring_cqe *)arg = *cqe;
	return 0;
}

int cr_card_run(cr_card_t *card, const struct cardring_sqe *sqe, struct cardring_cqe *cqe)
{
	struct cardring_sqe *to = cr_ring_sqe(card->ring);

	if (!to)
		return CR_E_INTERNAL;
	*to = *sqe;
	to->slot = (uint8_t)card->reader.slot;
	to->user_data = card->first_id;
	return cr_card_reap(card, 1, take_one, cqe);
}

/* ---- power ---- */

static int power_off(cr_card_t *card)
{
	const struct cardring_sqe off = { .opcode = CARDRING_OP_POWER_OFF, .deadline_ms = POWER_MS,
					  .rx_buf = CARDRING_NO_BUF };
	struct cardring_cqe cqe;
	int err = cr_card_run(card, &off, &cqe);

	card->powered = false;
	return err ? err : cr_cqe_error(&cqe);
}

static int power_on(cr_card_t *card)
{
	const struct cardring_sqe on = { .opcode = CARDRING_OP_POWER_ON, .deadline_ms = POWER_MS,
					 .rx_buf = 0 };
	struct cardring_cqe cqe;
	int err = cr_card_run(card, &on, &cqe);

	if (!err)
		err = cr_cqe_error(&cqe);
	if (err)
		return err;
	if (cqe.bytes > CR_ATR_MAX)
		return CR_E_CARD_PROTOCOL;
	memcpy(card->atr, cr_ring_payload(card->ring, 0), cqe.bytes);
	card->atr_len = cqe.bytes;
	card->powered = true;
	return 0;
}

static int start(cr_card_t *card)
{
	uint32_t below = CR_RATE_ANY;
	int err = power_on(card);

	if (err == CR_E_CARD_MUTE && !power_off(card))
		err = power_on(card);	/* a card that was just put in may need it */
	if (!err)
		err = cr_card_agree(card, &below);
	while (err > 0) {
		err = power_off(card);
		if (!err)
			err = power_on(card);
		if (!err)
			err = cr_card_agree(card, &below);
	}
	return err;
}

/* ---- open and close ---- */

static int slot_state(cr_card_t *card, struct cardring_slot *slot)
{
	memset(slot, 0, sizeof(*slot));
	slot->slot = card->reader.slot;
	return cr_ring_error(card->ring->ops->slot(card->ring, slot));
}

/* Until the next event, a slice of time, or until. */
static int wait_event(cr_card_t *card, int64_t until)
{
	int64_t left = until < 0 ? SLICE_MS : until - cr_card_now();
	int rc;

	if (canceled(card))
		return CR_E_CANCELED;
	if (left <= 0)
		return CR_E_NO_CARD;
	rc = cr_ring_submit(card->ring, 1, left < SLICE_MS ? (int)left : SLICE_MS);
	while (cr_ring_peek(card->ring))
		cr_ring_seen(card->ring);
	return rc < 0 && rc != -ETIME ? cr_ring_error(rc) : 0;
}

static int wait_card(cr_card_t *card, int wait_ms)
{
	int64_t until = wait_ms < 0 ? -1 : cr_card_now() + wait_ms;
	struct cardring_slot slot;
	int err;

	for (;;) {
		err = slot_state(card, &slot);
		if (err)
			return err;
		card->generation = slot.generation;
		if (slot.state == CARDRING_SLOT_EMPTY) {
			err = wait_event(card, until);
		} else {
			err = start(card);
			if (err != CR_E_CARD_GONE)
				return err;
			err = wait_event(card, until);	/* taken out in that moment */
		}
		if (err)
			return err;
	}
}

#define LONG_PAYLOAD	(4096 - CARDRING_HDR_ROOM)

/*
 * Buffers: short messages are small, and so can be many, to keep a whole batch in flight; long ones
 * are 4 KiB. Either way 120 readers of one program stay below the usual 8 MiB of locked memory, which twelve of 64 KiB
 * a reader would fill with ten, in pieces of 128 KiB that a kernel does not always have: readers that give an answer
 * longer than 4 KiB in one message are few, and the limits say what they are held to (cr_card_limits). Memory that is
 * the process's own is not locked, and is there once it is written to.
 */
void cr_card_params(const struct cr_backend *backend, const struct cardring_info *dev, struct cr_ring_params *params)
{
	params->entries = 64;
	if (dev->level != CARDRING_LEVEL_EXTENDED_APDU) {
		params->buffers = 40;
		params->buf_size = SHORT_PAYLOAD;
		return;
	}
	params->buffers = 12;
	params->buf_size = LONG_PAYLOAD;
	if (backend->whole_messages && dev->max_payload > LONG_PAYLOAD)
		params->buf_size = dev->max_payload < CR_CAPDU_MAX ? dev->max_payload : CR_CAPDU_MAX;
}

static int open_claim(cr_card_t *card, const struct cr_backend *backend, int claim_ms)
{
	struct cr_ring_params guess, params;
	int err;

	cr_card_params(backend, &card->reader.dev, &guess);
	err = backend->open(card->reader.path, &guess, &card->ring, &card->reader.dev);
	if (err)
		return err;
	cr_card_params(backend, &card->reader.dev, &params);
	if (params.buf_size != guess.buf_size) {	/* no list had it: its level shows now */
		cr_ring_close(card->ring);
		card->ring = NULL;
		err = backend->open(card->reader.path, &params, &card->ring, &card->reader.dev);
		if (err)
			return err;
	}
	err = cr_ring_error(cr_ring_claim(card->ring, card->reader.slot, claim_ms));
	card->claimed = !err;
	return err;
}

int cr_card_open(const struct cr_reader_info *reader, int claim_ms, int wait_card_ms, cr_card_t **out)
{
	const struct cr_backend *backend = cr_backend_of(reader->path);
	cr_card_t *card;
	int err;

	*out = NULL;
	if (!backend)
		return CR_E_NO_READER;
	card = calloc(1, sizeof(*card));
	if (!card)
		return CR_E_NOMEM;
	card->reader = *reader;
	card->deadline_ms = DEADLINE_MS;
	err = open_claim(card, backend, claim_ms);
	if (!err)
		err = wait_card(card, wait_card_ms);
	if (err) {
		cr_card_close(card);
		return err;
	}
	*out = card;
	return 0;
}

void cr_card_close(cr_card_t *card)
{
	if (!card)
		return;
	card->cancel = NULL;
	if (card->powered)
		power_off(card);
	if (card->ring) {
		if (card->claimed)
			cr_ring_release(card->ring, card->reader.slot);
		/* the arena held what the card said */
		explicit_bzero(card->ring->arena, (size_t)card->ring->buffers * card->ring->buf_stride);
		cr_ring_close(card->ring);
	}
	explicit_bzero(card, sizeof(*card));
	free(card);
}

int cr_card_reset(cr_card_t *card)
{
	struct cardring_slot slot;
	int err = power_off(card);

	if (!err || err == CR_E_CARD_MUTE || err == CR_E_READER_FAILED)
		err = start(card);
	if (err)
		return err;
	err = slot_state(card, &slot);
	if (!err && slot.generation != card->generation) {
		power_off(card);
		return CR_E_CARD_GONE;	/* there is a card, but who says that it is the same one? */
	}
	return err;
}

/* ---- what it is ---- */

const uint8_t *cr_card_atr(const cr_card_t *card, size_t *len)
{
	*len = card->atr_len;
	return card->atr;
}

const struct cr_reader_info *cr_card_reader(const cr_card_t *card)
{
	return &card->reader;
}

void cr_card_exchange(const cr_card_t *card, struct cr_exchange *out)
{
	*out = card->exchange;
}

void cr_card_set_trace(cr_card_t *card, cr_trace_fn fn, void *arg)
{
	card->trace = fn;
	card->trace_arg = arg;
}

void cr_card_set_cancel(cr_card_t *card, const volatile int *flag)
{
	card->cancel = flag;
}

void cr_card_set_deadline(cr_card_t *card, unsigned int ms)
{
	card->deadline_ms = ms;
}

int cr_card_set_spin(cr_card_t *card, enum cr_spin how, unsigned int max_us)
{
	return cr_ring_set_spin(card->ring, how, max_us) ? CR_E_INVALID : 0;
}
