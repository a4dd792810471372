// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bulk transfers: one out for each slot, one in for the reader. Bulk-in is posted while any slot waits for an
 * answer, which is given to its slot by bSlot and bSeq. Where the reader takes one command at a time, it is posted on
 * the program's own buffer; where answers of several slots may come, or a late one, on a private one.
 *
 * A long command leaves from the program's buffer, its header in the room before it. What is short, or does not begin
 * where its buffer does, is copied behind a header.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "usb_int.h"

#define DIRECT_MIN	512	/* bytes: what is shorter is faster copied */
#define SETTLE_MS	200	/* bus errors: is it being unplugged? */
#define DROPS_MAX	64	/* stray messages in a row */

int cr_usb_submit(struct usb_reader *r, struct libusb_transfer *t)
{
	int err;

	if (r->stopped)
		return r->lost ? -ENODEV : -ESHUTDOWN;
	err = libusb_submit_transfer(t);
	if (!err) {
		r->outstanding++;
		return 0;
	}
	if (err != LIBUSB_ERROR_NO_DEVICE)
		return -EIO;
	cr_usb_lost(r);
	return -ENODEV;
}

/* ---- out ---- */

static bool tx_in_use(const struct usb_reader *r, const uint8_t *buffer)
{
	for (unsigned int i = 0; i < r->itf.desc.slots; i++) {
		const struct usb_slot *s = &r->slot[i];

		if (s->tx_busy && s->tx_shared && s->tx->buffer == buffer)
			return true;
	}
	return false;
}

static uint8_t *private_tx(struct usb_slot *s, size_t size)
{
	uint8_t *p;

	if (size <= s->tx_size)
		return s->tx_buf;
	p = malloc(size);
	if (!p)
		return NULL;
	if (s->tx_buf)
		explicit_bzero(s->tx_buf, s->tx_size);
	free(s->tx_buf);
	s->tx_buf = p;
	s->tx_size = size;
	return p;
}

static int tx_send(struct usb_slot *s, uint8_t *buffer, size_t len, bool shared)
{
	int err;

	s->tx->buffer = buffer;
	s->tx->length = (int)len;
	s->tx_shared = shared;
	err = cr_usb_submit(s->reader, s->tx);
	s->tx_busy = !err;
	s->tx_canceled = false;
	return err;
}

int cr_usb_tx(struct usb_slot *s, const struct usb_req *req)
{
	const struct cardring_sqe *sqe = &req->sqe;
	uint8_t *payload = sqe->tx_len ? cr_ring_payload(&req->ring->mem.ring, sqe->tx_buf) + sqe->tx_off : NULL;
	uint8_t *buffer;
	bool direct;

	/* a buffer that is sent from while bulk-in lies in it would lose the command to a stray answer */
	direct = sqe->tx_len >= DIRECT_MIN && !sqe->tx_off && sqe->rx_buf != sqe->tx_buf &&
		 !tx_in_use(s->reader, payload - CR_CCID_HDR);
	buffer = direct ? payload - CR_CCID_HDR :
		 private_tx(s, CR_CCID_HDR + (sqe->tx_len > DIRECT_MIN ? sqe->tx_len : DIRECT_MIN));
	if (!buffer)
		return -EIO;
	cr_ccid_put_header(buffer, cr_ccid_command(sqe->opcode)->type, sqe->tx_len, s->index, s->seq, sqe->param);
	if (payload && !direct)
		memcpy(buffer + CR_CCID_HDR, payload, sqe->tx_len);
	return tx_send(s, buffer, CR_CCID_HDR + sqe->tx_len, direct);
}

int cr_usb_tx_abort(struct usb_slot *s)
{
	uint8_t *buffer = private_tx(s, CR_CCID_HDR + DIRECT_MIN);

	if (!buffer)
		return -EIO;
	cr_ccid_put_header(buffer, CR_CCID_ABORT, 0, s->index, s->seq, NULL);
	return tx_send(s, buffer, CR_CCID_HDR, false);
}

void cr_usb_tx_cancel(struct usb_slot *s)
{
	if (s->tx_busy && !s->tx_canceled)
		s->tx_canceled = !libusb_cancel_transfer(s->tx);
}

static void tx_failed(struct usb_slot *s, enum libusb_transfer_status status)
{
	switch (status) {
	case LIBUSB_TRANSFER_NO_DEVICE:
		cr_usb_lost(s->reader);
		break;
	case LIBUSB_TRANSFER_CANCELLED:
		if (!s->tx_canceled)
			cr_usb_cut(s->reader);
		break;
	case LIBUSB_TRANSFER_STALL:
		cr_usb_halted_out(s);
		break;
	default:
		cr_usb_stop(s, -EIO, SETTLE_MS);
	}
}

void LIBUSB_CALL cr_usb_tx_done(struct libusb_transfer *t)
{
	struct usb_slot *s = t->user_data;
	struct usb_reader *r = s->reader;

	pthread_mutex_lock(&r->lock);
	r->outstanding--;
	s->tx_busy = false;
	if (t->status == LIBUSB_TRANSFER_COMPLETED)
		s->abort_waits = false;
	if (s->answered)
		cr_usb_finish(s, s->answer);
	else if (t->status != LIBUSB_TRANSFER_COMPLETED)
		tx_failed(s, t->status);
	cr_usb_kick(r);
	cr_usb_rx_arm(r);
	pthread_mutex_unlock(&r->lock);
}

/* ---- in ---- */

static bool in_sync(const struct usb_reader *r)
{
	for (unsigned int i = 0; i < r->itf.desc.slots; i++)
		if (r->slot[i].unsync)
			return false;
	return true;
}

/* The slot whose program may get the next message into its own buffer. */
static struct usb_slot *direct_slot(struct usb_reader *r)
{
	if (r->itf.desc.busy_slots > 1 || !in_sync(r))
		return NULL;
	for (unsigned int i = 0; i < r->itf.desc.slots; i++) {
		struct usb_slot *s = &r->slot[i];

		if (s->phase == USB_COMMAND)
			return s->stop || !s->cur->ring || s->cur->sqe.rx_buf == CARDRING_NO_BUF ||
			       cr_ccid_command(s->cur->sqe.opcode)->answer == CR_CCID_SLOT_STATUS ? NULL : s;
	}
	return NULL;
}

static void aim(struct usb_reader *r)
{
	size_t packet = r->itf.in_packet, room;
	struct usb_rx *rx = &r->rx;
	struct usb_slot *s = direct_slot(r);
	const struct cr_ring *ring;

	rx->direct = NULL;
	rx->dst = rx->buf;
	rx->room = rx->size;
	if (!s)
		return;
	ring = &s->cur->ring->mem.ring;
	room = CR_CCID_HDR + (s->cur->sqe.rx_len ? s->cur->sqe.rx_len : cr_ring_payload_size(ring));
	room = (room + packet - 1) / packet * packet;
	if (room > ring->buf_stride)
		return;
	rx->direct = s;
	rx->dst = cr_ring_payload((cr_ring_t *)ring, s->cur->sqe.rx_buf) - CR_CCID_HDR;
	rx->room = room < rx->size ? room : rx->size;
}

static bool wanted(const struct usb_reader *r)
{
	for (unsigned int i = 0; i < r->itf.desc.slots; i++) {
		const struct usb_slot *s = &r->slot[i];

		/* answered, all that is left is its own transfer: nothing comes */
		if ((s->phase == USB_COMMAND && !s->answered) || s->phase == USB_ABORTING)
			return true;
	}
	return false;
}

/* Posts bulk-in if an answer is waited for. */
void cr_usb_rx_arm(struct usb_reader *r)
{
	struct usb_rx *rx = &r->rx;
	int err;

	if (rx->posted || rx->hold || r->stopped || !wanted(r))
		return;
	if (!rx->have)
		aim(r);
	/* longer than the program's buffer: the rest is dropped */
	rx->transfer->buffer = rx->have < rx->room ? rx->dst + rx->have : rx->buf;
	rx->transfer->length = (int)(rx->have < rx->room ? rx->room - rx->have : rx->size);
	rx->canceled = false;
	err = cr_usb_submit(r, rx->transfer);
	rx->posted = !err;
	if (err)
		cr_usb_stop_all(r, err, SETTLE_MS);
}

void cr_usb_rx_cancel(struct usb_reader *r)
{
	if (r->rx.posted && !r->rx.canceled)
		r->rx.canceled = !libusb_cancel_transfer(r->rx.transfer);
}

/* Forgets what was received of the current message. */
void cr_usb_rx_reset(struct usb_reader *r)
{
	r->rx.have = 0;
	r->rx.header_known = false;
	r->rx.direct = NULL;
}

/* A reader that is being told of an abort still sends: an old answer, or its rest. */
static void alive(struct usb_reader *r)
{
	for (unsigned int i = 0; i < r->itf.desc.slots; i++)
		if (r->slot[i].phase == USB_ABORTING)
			cr_usb_abort_more_time(&r->slot[i]);
}

/* A message that nobody waits for: a late answer, or noise. */
static void stray(struct usb_reader *r)
{
	alive(r);
	if (++r->rx.drops > DROPS_MAX) {
		r->rx.drops = 0;
		cr_usb_stop_all(r, -EPROTO, 0);
	}
}

/* No message at all: it is blamed on the only command in flight, or the one that its header names. */
static void broken(struct usb_reader *r)
{
	const struct usb_rx *rx = &r->rx;
	struct usb_slot *culprit = NULL;
	unsigned int waiting = 0;

	for (unsigned int i = 0; i < r->itf.desc.slots; i++) {
		struct usb_slot *s = &r->slot[i];

		if (s->phase != USB_COMMAND || s->answered)
			continue;
		waiting++;
		if (!rx->header_known || rx->header.slot == i)
			culprit = s;
	}
	if (culprit && (waiting == 1 || rx->header_known))
		cr_usb_stop(culprit, -EPROTO, 0);	/* more of it may follow: until the answer to an abort */
	else
		stray(r);
}

/*
 * CCID 1.1, 6.1.13: the answer to the abort says that the reader has let go of the command. One that refuses the
 * abort goes on with the command; then that one's late answer will do, which a time extension is not (6.2.6).
 */
static bool ends_abort(struct usb_slot *s, const struct cr_ccid_header *h)
{
	if (cr_ccid_verdict(h->status) == CR_CCID_EXTENSION)
		return false;
	if (h->seq == s->seq && cr_ccid_verdict(h->status) == CR_CCID_OK)
		return true;
	if (h->seq == s->seq)
		s->abort_refused = true;
	else if (h->seq == s->given_up_seq)
		s->given_up_answered = true;
	return s->abort_refused && s->given_up_answered;
}

/* The command given up goes on for now: no end of it, and no noise. */
static bool goes_on(const struct usb_slot *s, const struct cr_ccid_header *h)
{
	return s->phase == USB_ABORTING && h->seq == s->given_up_seq &&
	       cr_ccid_verdict(h->status) == CR_CCID_EXTENSION;
}

static void message(struct usb_reader *r)
{
	const struct cr_ccid_header *h = &r->rx.header;
	struct usb_slot *s = h->slot < r->itf.desc.slots ? &r->slot[h->slot] : NULL;

	if (s && goes_on(s, h))
		return;
	if (s && s->phase == USB_ABORTING && ends_abort(s, h)) {
		s->phase = USB_IDLE;
		s->unsync = false;
		r->busy--;
		cr_usb_card_status(s, CARDRING_OP_ABORT, h->status);
	} else if (s && s->phase == USB_COMMAND && h->seq == s->seq && !s->answered) {
		s->unsync = false;
		cr_usb_answer(s, h);
	} else {
		stray(r);
		return;
	}
	r->rx.drops = 0;
	r->failed_aborts = 0;
	r->reset_tries = 0;
}

static void received(struct usb_reader *r, size_t len)
{
	struct usb_rx *rx = &r->rx;
	enum cr_ccid_extent extent = CR_CCID_BROKEN;

	rx->have += len;
	if (!rx->have)
		return;		/* the empty packet behind the last message */
	if (!rx->header_known && rx->have >= CR_CCID_HDR) {
		cr_ccid_get_header(rx->dst, &rx->header);
		rx->header_known = true;
	}
	if (rx->header_known)
		extent = cr_ccid_extent(rx->have, len, rx->header.len, r->itf.in_packet, r->itf.desc.max_message);
	if (extent == CR_CCID_PART) {
		alive(r);
		return;
	}
	if (extent == CR_CCID_WHOLE)
		message(r);
	else
		broken(r);
	cr_usb_rx_reset(r);
}

static void rx_failed(struct usb_reader *r, enum libusb_transfer_status status, size_t len)
{
	switch (status) {
	case LIBUSB_TRANSFER_NO_DEVICE:
		cr_usb_lost(r);
		break;
	case LIBUSB_TRANSFER_CANCELLED:
		if (!r->rx.canceled) {
			cr_usb_cut(r);
			break;
		}
		/* what had come by then counts; of a message in part, the program gets its buffer back */
		if (len)
			received(r, len);
		if (r->rx.direct)
			cr_usb_rx_reset(r);
		break;
	case LIBUSB_TRANSFER_STALL:
		cr_usb_rx_reset(r);
		r->halted_in = r->rx.hold = true;
		cr_usb_stop_all(r, -EIO, 0);
		break;
	default:
		/* often the first sign of an unplug: see if it is one */
		cr_usb_rx_reset(r);
		r->rx.hold = true;
		r->rx.hold_until = cr_usb_now() + SETTLE_MS * USB_MS;
		cr_usb_stop_all(r, -EIO, SETTLE_MS);
	}
}

void LIBUSB_CALL cr_usb_rx_done(struct libusb_transfer *t)
{
	struct usb_reader *r = t->user_data;

	pthread_mutex_lock(&r->lock);
	r->outstanding--;
	r->rx.posted = false;
	if (t->status == LIBUSB_TRANSFER_COMPLETED)
		received(r, (size_t)t->actual_length);
	else
		rx_failed(r, t->status, (size_t)t->actual_length);
	cr_usb_kick(r);
	cr_usb_rx_arm(r);
	pthread_mutex_unlock(&r->lock);
}
