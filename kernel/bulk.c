// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bulk endpoints: one URB out for each slot, one in for the reader.
 *
 * Bulk-in is posted while any slot waits for an answer, and an answer is
 * given to its slot by bSlot and bSeq. Where nobody else's answer can come,
 * it is posted on the buffer of the program itself, so that the host
 * controller's DMA is the only one to move the payload: with one command in
 * flight, no command given up whose answer may be late, and no other file
 * that has a slot or could get one meanwhile (a reader of one slot, or all of
 * them claimed by that file). Else it is posted on a private buffer, and exec.c
 * copies.
 *
 * A long command leaves from the program's buffer likewise, behind a header in
 * private memory; what the program changes there meanwhile is only its own
 * command. A short one is copied behind the header.
 *
 * A message in the program's buffer is shared memory the moment it arrives.
 * Its header is copied once to private memory, and may be forged by then: what
 * it says is believed of this command alone. Where the message ends, the bus
 * says, by a short packet: one that fills the program's buffer to its end is
 * read on, into the private one, whatever its dwLength. Else a program could
 * leave the rest of its answer behind as the first one of whoever is next.
 */
#include <linux/string.h>

#include "reader.h"
#include "trace.h"

/* The answer may come into the very buffer that is still being sent. */
static bool tx_in_place(const struct cr_req *req, const u8 *payload)
{
	return req->rx && payload >= req->rx &&
	       payload < req->rx + req->ctx->arena.stride;
}

/*
 * The payload goes from where the program put it, if the host controller can
 * take the ten bytes before it from somewhere else; EHCI and older ones want
 * every part but the last to be whole packets.
 */
static void tx_prepare(struct cr_slot *s, const u8 *payload, u32 len)
{
	struct cr_reader *r = s->reader;
	struct urb *urb = s->tx_urb;
	bool gather = r->gather && len >= CR_GATHER_MIN &&
		      !tx_in_place(s->cur, payload);

	urb->transfer_buffer_length = CR_HDR + len;
	urb->transfer_buffer = gather ? NULL : s->tx_buf;
	urb->sg = gather ? s->tx_sg : NULL;
	urb->num_sgs = gather ? ARRAY_SIZE(s->tx_sg) : 0;
	if (gather)
		sg_set_buf(&s->tx_sg[1], payload, len);
	else if (len)
		memcpy(s->tx_buf + CR_HDR, payload, len);
}

/* It may have been a PIN. */
static void tx_wipe(struct cr_slot *s)
{
	if (!s->tx_urb->num_sgs)
		memzero_explicit(s->tx_buf + CR_HDR,
				 s->tx_urb->transfer_buffer_length - CR_HDR);
}

/**
 * cr_tx_submit - send a message
 * @s: the slot; its URB is not in use, and the header is in its buffer
 * @payload: what follows the header, in the arena; it stays there until the URB
 *	comes back
 * @len: bytes of it
 *
 * A message that fills its last packet is not followed by an empty one: as
 * every CCID host does it, and dwLength tells the reader.
 *
 * Return: 0 or the error of usb_submit_urb().
 */
int cr_tx_submit(struct cr_slot *s, const u8 *payload, u32 len)
{
	struct cr_reader *r = s->reader;
	int err;

	lockdep_assert_held(&r->lock);
	if (r->stopped)
		return -ESHUTDOWN;
	tx_prepare(s, payload, len);
	s->tx_busy = true;
	err = usb_submit_urb(s->tx_urb, GFP_ATOMIC);
	if (err) {
		s->tx_busy = false;
		tx_wipe(s);
		return err;
	}
	r->count.bytes_tx += len;
	if (!s->tx_urb->num_sgs)
		r->count.bytes_tx_copied += len;
	return 0;
}

static void tx_failed(struct cr_slot *s, int status)
{
	switch (status) {
	case -ENOENT:		/* killed by the worker */
	case -ECONNRESET:
	case -ENODEV:		/* disconnect() is on its way */
	case -ESHUTDOWN:
		return;
	case -EPIPE:
		cr_halted_out(s);
		return;
	default:
		cr_stop(s, -EIO, CR_SETTLE_MS);
	}
}

/**
 * cr_tx_complete - completion handler of bulk-out
 * @urb: the slot's
 */
void cr_tx_complete(struct urb *urb)
{
	struct cr_slot *s = urb->context;
	struct cr_reader *r = s->reader;
	unsigned long flags;

	spin_lock_irqsave(&r->lock, flags);
	s->tx_busy = false;
	tx_wipe(s);
	if (s->answered)
		cr_finish(s, s->answer);
	else if (urb->status)
		tx_failed(s, urb->status);
	cr_kick(r);
	spin_unlock_irqrestore(&r->lock, flags);
}

static bool rx_in_sync(const struct cr_reader *r)
{
	unsigned int i;

	for (i = 0; i < r->desc.slots; i++)
		if (r->slot[i].unsync)
			return false;
	return true;
}

static bool rx_sole_owner(const struct cr_reader *r, const struct cr_ctx *ctx)
{
	unsigned int i;

	if (r->desc.slots == 1)
		return true;
	for (i = 0; i < r->desc.slots; i++)
		if (r->slot[i].owner != ctx)
			return false;
	return true;
}

/* The slot whose program may get the next message without a copy. */
static struct cr_slot *rx_direct(struct cr_reader *r)
{
	struct cr_slot *s;
	unsigned int i;

	if (r->busy != 1 || !rx_in_sync(r))
		return NULL;
	for (i = 0; i < r->desc.slots; i++) {
		s = &r->slot[i];
		if (s->phase == CR_COMMAND)
			return s->cur->rx && !s->stop &&
			       rx_sole_owner(r, s->cur->ctx) ? s : NULL;
	}
	return NULL;
}

/* Choose where the next message goes. */
static void rx_aim(struct cr_reader *r)
{
	struct cr_rx *rx = &r->rx;
	struct cr_slot *s = rx_direct(r);
	u32 room;

	rx->direct = NULL;
	rx->dst = rx->buf;
	rx->room = rx->size;
	if (!s)
		return;

	room = roundup(s->cur->rx_cap + CR_HDR, r->packet);
	if (room > s->cur->ctx->arena.stride)
		return;
	rx->direct = s;
	rx->dst = s->cur->rx;
	rx->room = min(room, rx->size);
}

static bool rx_wanted(const struct cr_reader *r)
{
	unsigned int i;

	for (i = 0; i < r->desc.slots; i++) {
		const struct cr_slot *s = &r->slot[i];

		/* Answered, all that is left is its own URB: nothing comes. */
		if ((s->phase == CR_COMMAND && !s->answered) ||
		    s->phase == CR_ABORTING)
			return true;
	}
	return false;
}

/**
 * cr_rx_arm - post bulk-in if an answer is waited for and it is not posted
 * @r: the reader
 */
void cr_rx_arm(struct cr_reader *r)
{
	struct cr_rx *rx = &r->rx;
	int err;

	lockdep_assert_held(&r->lock);
	if (rx->posted || rx->hold || r->stopped || !rx_wanted(r))
		return;

	if (!rx->have)
		rx_aim(r);
	if (rx->have < rx->room) {
		rx->urb->transfer_buffer = rx->dst + rx->have;
		rx->urb->transfer_buffer_length = rx->room - rx->have;
	} else {
		/* Longer than the program's buffer: the rest is dropped. */
		rx->urb->transfer_buffer = rx->buf;
		rx->urb->transfer_buffer_length = rx->size - rx->have;
	}

	rx->posted = true;
	err = usb_submit_urb(rx->urb, GFP_ATOMIC);
	if (err) {
		rx->posted = false;
		cr_stop_all(r, cr_bus_errno(err), CR_SETTLE_MS);
	}
}

/**
 * cr_rx_wipe - forget the answers that are still in the private buffer
 * @r: the reader
 *
 * Where another slot's is on its way, that is left to who gives that one back.
 */
void cr_rx_wipe(struct cr_reader *r)
{
	struct cr_rx *rx = &r->rx;

	lockdep_assert_held(&r->lock);
	if (rx->posted || rx->have)
		return;
	memzero_explicit(rx->buf, rx->used);
	rx->used = 0;
}

static void rx_note_used(struct cr_reader *r, const struct urb *urb)
{
	struct cr_rx *rx = &r->rx;
	const u8 *data = urb->transfer_buffer;

	if (data >= rx->buf && data < rx->buf + rx->size)
		rx->used = max_t(u32, rx->used,
				 data - rx->buf + urb->actual_length);
}

/**
 * cr_rx_reset - forget what was received of the current message
 * @r: the reader; bulk-in is not posted
 */
void cr_rx_reset(struct cr_reader *r)
{
	r->rx.have = 0;
	r->rx.header_known = false;
	r->rx.direct = NULL;
}

/*
 * A reader that is being told of an abort still sends: an old answer, or its
 * rest, which may take long where the host does not fetch it in time.
 */
static void rx_alive(struct cr_reader *r)
{
	unsigned int i;

	for (i = 0; i < r->desc.slots; i++)
		if (r->slot[i].phase == CR_ABORTING)
			cr_abort_more_time(&r->slot[i]);
}

/* A message that nobody waits for: a late answer, or noise. */
static void rx_stray(struct cr_reader *r)
{
	rx_alive(r);
	r->count.strays++;
	if (++r->rx.drops > CR_DROPS) {
		r->rx.drops = 0;
		cr_stop_all(r, -EPROTO, 0);
	}
}

/* No message at all. Blame the only command in flight, if it is one. */
static void rx_bad(struct cr_reader *r)
{
	struct cr_slot *s, *culprit = NULL;
	unsigned int i, waiting = 0;

	for (i = 0; i < r->desc.slots; i++) {
		s = &r->slot[i];
		if (s->phase != CR_COMMAND || s->answered)
			continue;
		waiting++;
		if (!r->rx.header_known || r->rx.header.slot == i)
			culprit = s;
	}
	if (!culprit || (waiting > 1 && !r->rx.header_known)) {
		rx_stray(r);
		return;
	}
	/* More of it may follow: until the answer to an abort. */
	cr_stop(culprit, -EPROTO, 0);
}

/*
 * An answer came to a slot that is being aborted. CCID 1.1, 6.1.13: that to the
 * abort says that the reader has let the command go. A reader that refuses the
 * abort goes on with the command: then its answer, late, does as well, which a
 * time extension is not (6.2.6).
 */
static bool rx_abort_ends(struct cr_slot *s, const struct cr_header *header)
{
	if (CR_STATUS_COMMAND(header->status) == CR_COMMAND_EXTENSION)
		return false;
	if (header->seq == s->seq) {
		if (CR_STATUS_COMMAND(header->status) == CR_COMMAND_OK)
			return true;
		s->abort_refused = true;
	} else if (header->seq == s->given_up_seq) {
		s->given_up_answered = true;
	}
	return s->abort_refused && s->given_up_answered;
}

/* The command given up goes on for now: no end of it, and no noise. */
static bool rx_goes_on(const struct cr_slot *s, const struct cr_header *header)
{
	return s->phase == CR_ABORTING && header->seq == s->given_up_seq &&
	       CR_STATUS_COMMAND(header->status) == CR_COMMAND_EXTENSION;
}

static void rx_message(struct cr_reader *r)
{
	const struct cr_header *header = &r->rx.header;
	struct cr_slot *s;

	if (header->slot >= r->desc.slots) {
		rx_stray(r);
		return;
	}
	s = &r->slot[header->slot];

	if (rx_goes_on(s, header))
		return;
	if (s->phase == CR_ABORTING && rx_abort_ends(s, header)) {
		s->phase = CR_IDLE;
		s->unsync = false;
		r->busy--;
		cr_card_status(s, CARDRING_OP_ABORT, header->status);
		wake_up_all(&r->idle);
	} else if (s->phase == CR_COMMAND && header->seq == s->seq &&
		   !s->answered) {
		s->unsync = false;
		cr_answer(s, header);
	} else {
		rx_stray(r);
		return;
	}
	r->rx.drops = 0;
	r->failed_aborts = 0;
	r->reset_tries = 0;
}

/* @open: no short packet was the last. */
static enum cr_progress rx_progress(const struct cr_reader *r, u32 len,
				    bool open)
{
	const struct cr_rx *rx = &r->rx;

	/* No message is longer than @size, whatever this one says. */
	if (rx->direct && open && rx->have < rx->size)
		return CR_MORE;
	if (!rx->header_known)
		return CR_BAD;
	if (rx->direct && rx->have < CR_HDR + (u64)rx->header.len)
		return CR_BAD;
	return cr_progress(rx->have, len, rx->header.len, r->packet,
			   r->desc.max_message);
}

static void rx_data(struct cr_reader *r, u32 len, bool open)
{
	struct cr_rx *rx = &r->rx;
	u8 raw[CR_HDR];

	rx->have += len;
	if (!rx->have)
		return;		/* the empty packet behind the last message */

	if (!rx->header_known && rx->have >= CR_HDR) {
		memcpy(raw, rx->dst, CR_HDR);
		barrier();	/* from here on, raw is all that is read */
		cr_header_parse(raw, &rx->header);
		rx->header_known = true;
	}

	switch (rx_progress(r, len, open)) {
	case CR_MORE:
		rx_alive(r);
		return;
	case CR_DONE:
		rx_message(r);
		break;
	case CR_BAD:
		rx_bad(r);
		break;
	}
	cr_rx_reset(r);
}

/* Not ended by a short packet: full, or killed between two packets. */
static bool rx_open(const struct cr_reader *r, const struct urb *urb)
{
	if (urb->status)
		return urb->actual_length % r->packet == 0;
	return urb->actual_length == urb->transfer_buffer_length;
}

/**
 * cr_rx_complete - completion handler of bulk-in
 * @urb: the reader's
 */
void cr_rx_complete(struct urb *urb)
{
	struct cr_reader *r = urb->context;
	unsigned long flags;

	spin_lock_irqsave(&r->lock, flags);
	r->rx.posted = false;
	rx_note_used(r, urb);
	switch (urb->status) {
	case -ENOENT:
	case -ECONNRESET:
		/* Killed; what had come by then counts. */
		if (!urb->actual_length)
			break;
		fallthrough;
	case 0:
		rx_data(r, urb->actual_length, rx_open(r, urb));
		break;
	case -ENODEV:
	case -ESHUTDOWN:
		/* disconnect() is on its way. */
		goto unlock;
	case -EPIPE:
		r->halted_in = true;
		cr_rx_reset(r);
		r->rx.hold = true;
		cr_stop_all(r, -EIO, 0);
		break;
	default:
		/* Often the first sign of an unplug: see if it is one. */
		cr_rx_reset(r);
		r->rx.hold = true;
		cr_stop_all(r, -EIO, CR_SETTLE_MS);
		break;
	}
	cr_kick(r);
	cr_rx_arm(r);
unlock:
	spin_unlock_irqrestore(&r->lock, flags);
}
