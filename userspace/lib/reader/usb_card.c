// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is in the slots, pieced together from notifications (CCID 1.1, 6.3) and the bStatus of every answer. The rule
 * behind it: no command reaches a card that the claim did not power. Whenever a card went, may have been changed, or
 * lost its power, the claim is stale, and what is queued ends with -ENOMEDIUM. In doubt it is stale.
 *
 * A reader without an interrupt endpoint is asked, each idle slot twice a second.
 */
#include <errno.h>
#include "usb_int.h"

#define REMOVED_MS	100	/* for the answer to a removed card */
#define FRESH_MS	500	/* the longest bInterval and some */
#define POLL_MS		500
#define BACKOFF_MIN_MS	8
#define BACKOFF_MAX_MS	1024

/* To every ring. */
void cr_usb_announce(struct usb_reader *r, unsigned int slot, enum cardring_event event, uint8_t error)
{
	struct usb_ring *ring;

	LIST_FOREACH(ring, &r->rings, link)
		cr_memring_event(&ring->mem, slot, event, error);
}

static void announce(struct usb_slot *s, uint8_t state)
{
	uint8_t before = s->announced;

	s->announced = state;
	/* what a reader says first is no event: the slot's state is waited for */
	if (before == state || (before == CARDRING_SLOT_UNKNOWN && s->learning))
		return;
	cr_usb_announce(s->reader, s->index,
			state == CARDRING_SLOT_PRESENT ? CARDRING_EVENT_CARD_IN : CARDRING_EVENT_CARD_OUT, 0);
}

/* Ends what was meant for the card; the command in flight may still be answered. */
static void lost(struct usb_slot *s)
{
	uint64_t soon = cr_usb_now() + REMOVED_MS * USB_MS;

	s->stale = true;
	if (s->phase != USB_COMMAND) {
		cr_usb_purge(s, -ENOMEDIUM);
		return;
	}
	s->purge = true;
	if (s->cur == &s->own)
		return;
	s->late = -ENOMEDIUM;
	if (soon < s->deadline)
		s->deadline = soon;
}

static void card_out(struct usb_slot *s)
{
	/* a POWER_ON under way may still power the card that comes next */
	if (!s->cur || s->cur->sqe.opcode != CARDRING_OP_POWER_ON)
		s->powered = false;
	if (s->state == CARDRING_SLOT_EMPTY)
		return;
	s->state = CARDRING_SLOT_EMPTY;
	lost(s);
	announce(s, CARDRING_SLOT_EMPTY);
}

static void card_in(struct usb_slot *s)
{
	s->state = CARDRING_SLOT_PRESENT;
	s->stale = true;
	s->generation += s->announced != CARDRING_SLOT_PRESENT;
	announce(s, CARDRING_SLOT_PRESENT);
}

static bool there(const struct usb_slot *s)
{
	return s->state == CARDRING_SLOT_PRESENT || s->state == CARDRING_SLOT_POWERED;
}

/*
 * A notification. Present and changed, where a card was known already, is another card, or the same one put back:
 * both may happen between two notifications. Only the first one after the endpoint was turned on tells of the past.
 */
static void notified(struct usb_slot *s, bool present, bool changed)
{
	bool fresh = s->fresh && cr_usb_now() < s->fresh_until;

	s->fresh = false;
	s->notified = true;
	if (!present) {
		card_out(s);
	} else if (!there(s)) {
		card_in(s);
	} else if (changed && !fresh) {
		card_out(s);
		card_in(s);
	}
}

/* An answer told of its slot. */
void cr_usb_card_status(struct usb_slot *s, uint8_t op, uint8_t status)
{
	unsigned int icc = cr_ccid_icc(status);
	bool failed = cr_ccid_verdict(status) == CR_CCID_FAILED;

	if (s->notified) {
		/* which of both is newer, nobody can tell: ask */
		s->notified = false;
		s->want |= USB_WANT_STATUS;
	} else if (icc == CR_ICC_ABSENT) {
		card_out(s);
		s->powered = false;
	} else if (!there(s)) {
		card_in(s);
	} else if (icc == CR_ICC_INACTIVE && s->state == CARDRING_SLOT_POWERED &&
		   (op == CARDRING_OP_SLOT_STATUS || failed)) {
		/* some firmwares always say so: believed where it was asked for, or explains a failure */
		s->state = CARDRING_SLOT_PRESENT;
		s->stale = true;
	}
}

/* It does not answer. Known to be dead already, it has nothing to lose: what is queued may be a POWER_ON. */
void cr_usb_card_dead(struct usb_slot *s)
{
	if (s->state == CARDRING_SLOT_DEAD)
		return;
	s->state = CARDRING_SLOT_DEAD;
	lost(s);
}

/* Its reader was reset, or is gone; nothing is in flight. */
void cr_usb_card_unknown(struct usb_slot *s)
{
	s->state = CARDRING_SLOT_UNKNOWN;
	s->powered = false;
	s->stale = true;
}

/* ---- watching ---- */

static void interrupt_failed(struct usb_reader *r)
{
	r->interrupt_at = cr_usb_now() + r->interrupt_backoff * USB_MS;
	if (r->interrupt_backoff < BACKOFF_MAX_MS)
		r->interrupt_backoff *= 2;
}

static void post_interrupt(struct usb_reader *r)
{
	r->interrupt_at = USB_NEVER;
	if (r->interrupt_posted)
		return;
	r->interrupt->buffer = r->interrupt_buf;
	r->interrupt->length = r->itf.interrupt_packet;
	r->interrupt_posted = !cr_usb_submit(r, r->interrupt);
	if (!r->interrupt_posted && !r->stopped)
		interrupt_failed(r);
}

/* CCID 1.1, 6.3.1: two bits a slot, present and changed. Slots that are not there are told of as empty. */
static void slot_change(struct usb_reader *r, const uint8_t *data, unsigned int len)
{
	for (unsigned int i = 0; i < r->itf.desc.slots && 1 + i / 4 < len; i++) {
		unsigned int bits = data[1 + i / 4] >> i % 4 * 2;

		notified(&r->slot[i], bits & 1, bits & 2);
	}
}

static void notification(struct usb_reader *r, const uint8_t *data, unsigned int len)
{
	if (len >= 2 && data[0] == CR_CCID_SLOT_CHANGE)
		slot_change(r, data, len);
	else if (len >= 4 && data[0] == CR_CCID_HARDWARE_ERROR && data[1] < r->itf.desc.slots)
		cr_usb_announce(r, data[1], CARDRING_EVENT_HARDWARE, data[3]);
}

void LIBUSB_CALL cr_usb_interrupt_done(struct libusb_transfer *t)
{
	struct usb_reader *r = t->user_data;

	pthread_mutex_lock(&r->lock);
	r->outstanding--;
	r->interrupt_posted = false;
	switch (t->status) {
	case LIBUSB_TRANSFER_COMPLETED:
		r->interrupt_backoff = BACKOFF_MIN_MS;
		notification(r, r->interrupt_buf, (unsigned int)t->actual_length);
		post_interrupt(r);
		cr_usb_kick(r);
		cr_usb_rx_arm(r);
		break;
	case LIBUSB_TRANSFER_NO_DEVICE:
		cr_usb_lost(r);
		break;
	case LIBUSB_TRANSFER_CANCELLED:
		cr_usb_cut(r);		/* nothing to do if it was us */
		break;
	case LIBUSB_TRANSFER_STALL:
		r->jobs |= USB_CLEAR_INTERRUPT;
		interrupt_failed(r);
		break;
	default:
		interrupt_failed(r);
	}
	pthread_mutex_unlock(&r->lock);
}

/* A slot that is known to be dead would hold up the others each time. */
static bool worth_asking(const struct usb_slot *s)
{
	return s->state != CARDRING_SLOT_DEAD || s->reader->itf.desc.slots == 1;
}

void cr_usb_watch_service(struct usb_reader *r, uint64_t now)
{
	if (now >= r->interrupt_at && !(r->jobs & USB_CLEAR_INTERRUPT))
		post_interrupt(r);
	if (now < r->poll_at)
		return;
	r->poll_at = now + POLL_MS * USB_MS;
	for (unsigned int i = 0; i < r->itf.desc.slots; i++) {
		struct usb_slot *s = &r->slot[i];

		if (s->phase == USB_IDLE && STAILQ_EMPTY(&s->queue) && worth_asking(s))
			s->want |= USB_WANT_STATUS;
	}
}

/* Opened, or reset: every slot is asked, and from then on changes are told, or asked for. */
void cr_usb_watch(struct usb_reader *r)
{
	uint64_t now = cr_usb_now();

	for (unsigned int i = 0; i < r->itf.desc.slots; i++) {
		struct usb_slot *s = &r->slot[i];

		s->fresh = true;
		s->fresh_until = now + FRESH_MS * USB_MS;
		if (worth_asking(s)) {
			s->learning = true;
			s->want |= USB_WANT_STATUS;
		}
	}
	r->interrupt_backoff = BACKOFF_MIN_MS;
	if (r->interrupt)
		post_interrupt(r);
	else
		r->poll_at = now + POLL_MS * USB_MS;
	cr_usb_kick(r);
	cr_usb_rx_arm(r);
}
