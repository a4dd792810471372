// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watching the slots, while at least one file is open: by the interrupt
 * endpoint (CCID 1.1, 6.3), or, where a reader has none, by asking each idle
 * slot twice a second. When the first file is opened, each slot is asked once.
 */
#include "reader.h"

#define CR_BACKOFF_MIN_MS	8
#define CR_BACKOFF_MAX_MS	1024

static void watch_intr_failed(struct cr_reader *r)
{
	if (r->stopped || !r->active)
		return;
	queue_delayed_work(cr_wq, &r->intr_retry,
			   msecs_to_jiffies(r->intr_backoff));
	r->intr_backoff = min(2 * r->intr_backoff, CR_BACKOFF_MAX_MS);
}

/* Post interrupt-in unless the reader rests. */
static void watch_intr_post(struct cr_reader *r)
{
	lockdep_assert_held(&r->lock);
	if (r->stopped || !r->active)
		return;
	if (usb_submit_urb(r->intr_urb, GFP_ATOMIC))
		watch_intr_failed(r);
}

/* CCID 1.1, 6.3.1: two bits a slot, present and changed. */
static void watch_slot_change(struct cr_reader *r, const u8 *data, u32 len)
{
	unsigned int i;

	for (i = 0; i < r->desc.slots && 1 + i / 4 < len; i++) {
		u8 bits = data[1 + i / 4] >> (i % 4 * 2);

		/* Slots that are not there are reported unchanged and empty. */
		cr_card_present(&r->slot[i], bits & 1, bits & 2);
	}
}

/**
 * cr_intr_complete - completion handler of interrupt-in
 * @urb: the reader's
 */
void cr_intr_complete(struct urb *urb)
{
	struct cr_reader *r = urb->context;
	const u8 *data = r->intr_buf;
	u32 len = urb->actual_length;
	unsigned long flags;

	spin_lock_irqsave(&r->lock, flags);
	switch (urb->status) {
	case 0:
		r->intr_backoff = CR_BACKOFF_MIN_MS;
		if (len >= 2 && data[0] == CR_RDR_SLOT_CHANGE) {
			watch_slot_change(r, data, len);
			cr_kick(r);
		} else if (len >= 4 && data[0] == CR_RDR_HARDWARE_ERROR &&
			   data[1] < r->desc.slots) {
			cr_card_hardware(r, data[1], data[3]);
		}
		watch_intr_post(r);
		break;
	case -ENOENT:
	case -ECONNRESET:
	case -ENODEV:
	case -ESHUTDOWN:
		break;
	case -EPIPE:
		r->intr_halted = true;
		fallthrough;
	default:
		watch_intr_failed(r);
	}
	spin_unlock_irqrestore(&r->lock, flags);
}

/**
 * cr_intr_retry - worker: post interrupt-in again after an error
 * @work: cr_reader.intr_retry
 */
void cr_intr_retry(struct work_struct *work)
{
	struct cr_reader *r = container_of(work, struct cr_reader,
					   intr_retry.work);
	bool halted;

	spin_lock_irq(&r->lock);
	halted = r->intr_halted;
	r->intr_halted = false;
	spin_unlock_irq(&r->lock);
	if (halted)
		usb_clear_halt(r->udev, r->intr_urb->pipe);

	spin_lock_irq(&r->lock);
	watch_intr_post(r);
	spin_unlock_irq(&r->lock);
}

/* A slot known dead would hold up the others each time. */
static bool watch_worth_asking(const struct cr_slot *s)
{
	return s->state != CARDRING_SLOT_DEAD || s->reader->desc.slots == 1;
}

/**
 * cr_poll_work - worker: ask the slots that are idle
 * @work: cr_reader.poll
 */
void cr_poll_work(struct work_struct *work)
{
	struct cr_reader *r = container_of(work, struct cr_reader, poll.work);
	unsigned int i;

	spin_lock_irq(&r->lock);
	if (r->stopped || !r->active)
		goto unlock;
	for (i = 0; i < r->desc.slots; i++) {
		struct cr_slot *s = &r->slot[i];

		if (s->phase == CR_IDLE && list_empty(&s->queue) &&
		    watch_worth_asking(s))
			s->want |= CR_WANT_STATUS;
	}
	cr_kick(r);
	queue_delayed_work(cr_wq, &r->poll, msecs_to_jiffies(CR_POLL_MS));
unlock:
	spin_unlock_irq(&r->lock);
}

/**
 * cr_watch - ask all slots, and from then on be told of changes
 * @r: the reader; nothing happens while it rests, or with no file open
 */
void cr_watch(struct cr_reader *r)
{
	unsigned int i;

	lockdep_assert_held(&r->lock);
	if (r->stopped || !r->active)
		return;
	for (i = 0; i < r->desc.slots; i++) {
		struct cr_slot *s = &r->slot[i];

		s->fresh = true;
		s->fresh_until = jiffies + msecs_to_jiffies(CR_FRESH_MS);
		if (watch_worth_asking(s)) {
			s->learning = true;
			s->want |= CR_WANT_STATUS;
		}
	}
	r->intr_backoff = CR_BACKOFF_MIN_MS;
	if (r->intr_urb)
		watch_intr_post(r);
	else
		queue_delayed_work(cr_wq, &r->poll,
				   msecs_to_jiffies(CR_POLL_MS));
	cr_kick(r);
}

/**
 * cr_watch_start - a first file was opened
 * @r: the reader, awake; cr_reader.open_lock is held
 */
void cr_watch_start(struct cr_reader *r)
{
	unsigned int i;

	spin_lock_irq(&r->lock);
	r->active = true;
	/* Nobody watched since the last close: another card may be there. */
	for (i = 0; i < r->desc.slots; i++) {
		struct cr_slot *s = &r->slot[i];

		s->announced = CARDRING_SLOT_UNKNOWN;
		if (s->state != CARDRING_SLOT_DEAD)
			cr_card_unknown(s);
	}
	cr_watch(r);
	spin_unlock_irq(&r->lock);
}

/**
 * cr_watch_stop - the last file was closed
 * @r: the reader; cr_reader.open_lock is held
 */
void cr_watch_stop(struct cr_reader *r)
{
	spin_lock_irq(&r->lock);
	r->active = false;
	spin_unlock_irq(&r->lock);
	cancel_delayed_work_sync(&r->poll);
	cancel_delayed_work_sync(&r->intr_retry);
	usb_kill_urb(r->intr_urb);
}
