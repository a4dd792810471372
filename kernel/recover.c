// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever did not go well: deadlines, aborts, halted pipes, a reader that
 * listens no more, one that is going to sleep or is pulled out.
 *
 * A command ends early in one place, the worker, whoever wants it ended
 * (the deadline's timer, a program's ABORT, a card taken out, a bus error):
 * cr_stop() notes why. The worker first takes the URBs back, so that nothing
 * is written into a program's buffer after its completion, then completes the
 * command, then tells the reader (CCID 1.1, 5.3.1): ABORT on the control pipe
 * and PC_to_RDR_Abort on bulk-out with the same bSeq, until the answer with
 * that bSeq has come. Answers of other slots keep coming in between. A reader
 * that still sends what nobody waits for, the rest of the old answer mostly, is
 * given more time for the one to the abort, CR_ABORT_CAP_MS at most.
 *
 * A reader that does not answer an abort is reset; one with more slots only
 * after two such in a row without any answer, so that one dead slot does not
 * take the others down. After CR_RESETS in vain the slot is left dead: POWER_ON
 * tries again.
 *
 * Bus errors wait for CR_SETTLE_MS before they are reported: mostly they are
 * the first that is seen of an unplug, and then the answer is -ENODEV.
 */
#include "reader.h"
#include "trace.h"

#define CR_REQ_ABORT	0x01	/* CCID 1.1, 5.3.1 */

static void recover_queue(struct cr_reader *r, unsigned int delay_ms)
{
	if (r->stopped)
		return;
	/* One that is pending runs sooner, and comes again for the rest. */
	if (delay_ms)
		queue_delayed_work(cr_wq, &r->recover,
				   msecs_to_jiffies(delay_ms) + 1);
	else
		mod_delayed_work(cr_wq, &r->recover, 0);
}

/**
 * cr_set_deadline - have cr_timer() run
 * @s: the slot
 * @deadline: at these jiffies
 *
 * A timer that is already due before is left alone and looks again when it
 * fires: most commands end without touching it.
 */
void cr_set_deadline(struct cr_slot *s, unsigned long deadline)
{
	s->deadline = deadline;
	if (!timer_pending(&s->timer) || time_after(s->timer.expires, deadline))
		mod_timer(&s->timer, deadline);
}

/**
 * cr_abort_more_time - wait for the answer to an abort from now on
 * @s: the slot, in CR_ABORTING
 */
void cr_abort_more_time(struct cr_slot *s)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(CR_ABORT_CONTROL_MS +
							    CR_ABORT_MS);

	lockdep_assert_held(&s->reader->lock);
	if (time_after(deadline, s->hard_deadline))
		deadline = s->hard_deadline;
	cr_set_deadline(s, deadline);
}

/**
 * cr_stop - have the command in flight ended
 * @s: the slot
 * @err: with this errno
 * @delay_ms: unless it ends by itself until then
 */
void cr_stop(struct cr_slot *s, int err, unsigned int delay_ms)
{
	unsigned long at = jiffies + msecs_to_jiffies(delay_ms);

	lockdep_assert_held(&s->reader->lock);
	if (s->phase != CR_COMMAND)
		return;
	if (s->stop && !time_before(at, s->stop_at))
		return;
	s->stop = err;
	s->stop_at = at;
	recover_queue(s->reader, delay_ms);
}

/**
 * cr_stop_all - have every command in flight ended
 * @r: the reader
 * @err: with this errno
 * @delay_ms: as in cr_stop()
 */
void cr_stop_all(struct cr_reader *r, int err, unsigned int delay_ms)
{
	unsigned int i;

	for (i = 0; i < r->desc.slots; i++)
		cr_stop(&r->slot[i], err, delay_ms);
	recover_queue(r, delay_ms);
}

/**
 * cr_halted_out - bulk-out was halted
 * @s: the slot whose message was refused
 */
void cr_halted_out(struct cr_slot *s)
{
	lockdep_assert_held(&s->reader->lock);
	s->reader->halted_out = true;
	s->abort_waits = s->phase == CR_ABORTING;
	cr_stop(s, -EIO, 0);
	recover_queue(s->reader, 0);
}

/**
 * cr_redirect - have bulk-in moved from a program's buffer to the private one
 * @r: the reader
 */
void cr_redirect(struct cr_reader *r)
{
	if (r->redirect)
		return;
	r->redirect = true;
	recover_queue(r, 0);
}

/**
 * cr_timer - a slot's timer
 * @timer: its
 */
void cr_timer(struct timer_list *timer)
{
	struct cr_slot *s = container_of(timer, struct cr_slot, timer);
	struct cr_reader *r = s->reader;
	unsigned long flags;

	spin_lock_irqsave(&r->lock, flags);
	if (r->stopped || s->phase == CR_IDLE)
		goto unlock;
	if (time_before(jiffies, s->deadline)) {
		mod_timer(&s->timer, s->deadline);
		goto unlock;
	}
	trace_cardring_timeout(r->index, s->index, s->seq, s->phase);
	if (s->phase == CR_COMMAND) {
		cr_stop(s, s->late, 0);
	} else {
		s->expired = true;
		recover_queue(r, 0);
	}
unlock:
	spin_unlock_irqrestore(&r->lock, flags);
}

/*
 * Take bulk-in back. What it had received of a message is gone with @drop, for
 * a program that gets its buffer back now. Else the message goes on where it
 * began: a reader sends one at a time.
 */
static void recover_take_rx(struct cr_reader *r, bool drop)
{
	usb_kill_urb(r->rx.urb);
	spin_lock_irq(&r->lock);
	r->rx.hold = false;
	if (drop || !r->rx.have)
		cr_rx_reset(r);
	spin_unlock_irq(&r->lock);
}

/* Take bulk-out back. Where that ends the command, the next one waits. */
static void recover_take_tx(struct cr_slot *s)
	__must_hold(&s->reader->lock)
{
	struct cr_reader *r = s->reader;

	lockdep_assert_held(&r->lock);
	if (!s->tx_busy)
		return;
	s->tx_hold = true;
	spin_unlock_irq(&r->lock);
	usb_kill_urb(s->tx_urb);
	spin_lock_irq(&r->lock);
	s->tx_hold = false;
}

static void recover_redirect(struct cr_reader *r)
{
	bool redirect;

	spin_lock_irq(&r->lock);
	redirect = r->redirect;
	r->redirect = false;
	redirect = redirect && r->rx.posted && r->rx.direct;
	if (redirect)
		r->rx.hold = true;
	spin_unlock_irq(&r->lock);
	if (redirect)
		recover_take_rx(r, false);
}

/* A halt may be cleared only with no URB on the pipe. */
static void recover_empty_out(struct cr_reader *r)
	__must_hold(&r->lock)
{
	unsigned int i;

	for (i = 0; i < r->desc.slots; i++) {
		struct cr_slot *s = &r->slot[i];

		if (s->tx_busy) {
			s->abort_waits = s->phase == CR_ABORTING;
			cr_stop(s, -EIO, 0);
		}
		recover_take_tx(s);
	}
}

static void recover_abort_message(struct cr_slot *s)
{
	struct cr_reader *r = s->reader;

	lockdep_assert_held(&r->lock);
	s->abort_waits = false;
	cr_header_build(s->tx_buf, CR_PC_ABORT, 0, s->index, s->seq, NULL);
	if (s->tx_busy || cr_tx_submit(s, NULL, 0)) {
		s->expired = true;
		recover_queue(r, 0);
	}
}

static void recover_waiting_aborts(struct cr_reader *r)
{
	unsigned int i;

	for (i = 0; i < r->desc.slots; i++) {
		struct cr_slot *s = &r->slot[i];

		if (s->phase == CR_ABORTING && s->abort_waits)
			recover_abort_message(s);
	}
}

static void recover_pipes(struct cr_reader *r)
{
	bool in, out;

	spin_lock_irq(&r->lock);
	in = r->halted_in;
	out = r->halted_out;
	r->halted_in = false;
	if (out)
		recover_empty_out(r);
	spin_unlock_irq(&r->lock);

	if (in)
		usb_clear_halt(r->udev, r->pipe_in);
	if (out)
		usb_clear_halt(r->udev, r->pipe_out);

	spin_lock_irq(&r->lock);
	if (out) {
		r->halted_out = false;
		recover_waiting_aborts(r);
	}
	if (!r->halted_in)
		r->rx.hold = false;
	spin_unlock_irq(&r->lock);
}

/* The reader answers again, or will be left alone: the slot is free. */
static void recover_idle(struct cr_slot *s)
{
	s->phase = CR_IDLE;
	s->reader->busy--;
	wake_up_all(&s->reader->idle);
}

static void recover_dead(struct cr_slot *s)
{
	dev_warn(&s->reader->dev, "slot %u does not answer\n", s->index);
	recover_idle(s);
	cr_card_dead(s);
	s->learning = false;
}

static void recover_send_abort(struct cr_slot *s)
{
	struct cr_reader *r = s->reader;
	int err;
	u8 seq;

	lockdep_assert_held(&r->lock);
	seq = ++s->seq;
	s->hard_deadline = jiffies + msecs_to_jiffies(CR_ABORT_CAP_MS);
	cr_abort_more_time(s);
	cr_rx_arm(r);
	spin_unlock_irq(&r->lock);

	/*
	 * Some firmwares refuse the one and know the other: go on whatever
	 * the result.
	 */
	err = usb_control_msg(r->udev, usb_sndctrlpipe(r->udev, 0), CR_REQ_ABORT,
			      USB_DIR_OUT | USB_TYPE_CLASS | USB_RECIP_INTERFACE,
			      seq << 8 | s->index, r->interface_number, NULL, 0,
			      CR_ABORT_CONTROL_MS);

	spin_lock_irq(&r->lock);
	s->abort_heard = err >= 0;
	if (s->phase == CR_ABORTING && s->seq == seq)
		recover_abort_message(s);
}

/* Complete the command, then see what the reader must be told. */
static void recover_give_up(struct cr_slot *s)
{
	int err = s->stop;

	s->given_up_seq = s->seq;
	s->given_up_own = s->cur == &s->own;
	/* Where the answer itself went wrong, none is to come. */
	s->given_up_answered = err == -EIO || err == -EPROTO;
	s->abort_refused = false;
	s->unsync = true;
	cr_finish(s, err);
	if (err == -ENODEV)
		return;

	s->phase = CR_ABORTING;
	s->expired = false;
	s->abort_waits = false;
	s->reader->busy++;
	recover_send_abort(s);
}

static void recover_command(struct cr_slot *s)
{
	struct cr_reader *r = s->reader;
	bool direct;

	spin_lock_irq(&r->lock);
	if (s->phase != CR_COMMAND || !s->stop ||
	    time_before(jiffies, s->stop_at))
		goto unlock;
	direct = r->rx.direct == s;
	if (direct)
		r->rx.hold = true;
	recover_take_tx(s);
	if (direct) {
		spin_unlock_irq(&r->lock);
		recover_take_rx(r, true);
		spin_lock_irq(&r->lock);
	}

	/* Its answer may have come until here. */
	if (s->phase == CR_COMMAND && s->stop) {
		if (s->answered)
			cr_finish(s, s->answer);
		else
			recover_give_up(s);
	}
	cr_rx_arm(r);
unlock:
	spin_unlock_irq(&r->lock);
}

static bool recover_worth_reset(const struct cr_slot *s)
{
	const struct cr_reader *r = s->reader;

	return !s->given_up_own && r->reset_tries < CR_RESETS &&
	       r->failed_aborts >= min(r->desc.slots, 2u);
}

/* The abort itself, or the reset after it, ran out of time. */
static void recover_expired(struct cr_slot *s)
{
	struct cr_reader *r = s->reader;

	spin_lock_irq(&r->lock);
	if (!s->expired)
		goto unlock;
	s->expired = false;
	/* Answered since: what is being sent is the next command. */
	if (s->phase != CR_ABORTING && s->phase != CR_RESETTING)
		goto unlock;
	recover_take_tx(s);
	if (s->phase == CR_RESETTING) {
		recover_dead(s);
	} else if (s->phase == CR_ABORTING) {
		r->failed_aborts++;
		/*
		 * Having answered after all, a reader that knows no abort has
		 * nothing left to say; one that heard half of it refuses every
		 * command until it hears the rest (CCID 1.1, 5.3.1).
		 */
		if ((s->abort_heard || !s->given_up_answered) &&
		    recover_worth_reset(s)) {
			s->phase = CR_RESETTING;
			r->reset_tries++;
			cr_set_deadline(s, jiffies +
					msecs_to_jiffies(CR_RESET_MS));
			usb_queue_reset_device(r->intf);
		} else if (s->given_up_answered) {
			s->unsync = false;
			recover_idle(s);
		} else {
			recover_dead(s);
		}
	}
unlock:
	spin_unlock_irq(&r->lock);
}

/* When the next command is to be stopped that is not due yet. */
static void recover_again(struct cr_reader *r)
{
	unsigned int i;

	for (i = 0; i < r->desc.slots; i++) {
		struct cr_slot *s = &r->slot[i];

		if (s->phase == CR_COMMAND && s->stop)
			recover_queue(r, time_before(jiffies, s->stop_at) ?
				      jiffies_to_msecs(s->stop_at - jiffies) : 0);
	}
}

/**
 * cr_recover_work - the worker
 * @work: cr_reader.recover
 */
void cr_recover_work(struct work_struct *work)
{
	struct cr_reader *r = container_of(work, struct cr_reader, recover.work);
	unsigned int i;

	recover_pipes(r);
	recover_redirect(r);
	for (i = 0; i < r->desc.slots; i++) {
		recover_command(&r->slot[i]);
		recover_expired(&r->slot[i]);
	}

	spin_lock_irq(&r->lock);
	cr_kick(r);
	cr_rx_arm(r);
	recover_again(r);
	spin_unlock_irq(&r->lock);
}

/* With every URB back: nothing is in flight any more. */
static void recover_end_all(struct cr_reader *r, int err, int queued_err)
{
	unsigned int i;

	lockdep_assert_held(&r->lock);
	r->rx.hold = false;
	r->redirect = false;
	r->halted_in = false;
	r->halted_out = false;
	cr_rx_reset(r);
	for (i = 0; i < r->desc.slots; i++) {
		struct cr_slot *s = &r->slot[i];

		if (s->phase == CR_COMMAND)
			cr_finish(s, err);
		else if (s->phase != CR_IDLE)
			recover_idle(s);
		cr_purge(s, queued_err);
		s->want = 0;
		s->learning = false;
		s->unsync = false;
		s->expired = false;
		cr_card_unknown(s);
	}
	wake_up_all(&r->idle);
}

static void recover_stop_io(struct cr_reader *r)
{
	unsigned int i;

	spin_lock_irq(&r->lock);
	r->stopped = true;
	spin_unlock_irq(&r->lock);

	/* From here nothing submits and nothing queues the worker. */
	cancel_delayed_work_sync(&r->recover);
	cancel_delayed_work_sync(&r->poll);
	cancel_delayed_work_sync(&r->intr_retry);
	usb_kill_urb(r->intr_urb);
	usb_kill_urb(r->rx.urb);
	for (i = 0; i < r->desc.slots; i++) {
		usb_kill_urb(r->slot[i].tx_urb);
		timer_delete_sync(&r->slot[i].timer);
	}
}

/**
 * cr_quiesce - before suspend and reset: end all, submit nothing more
 * @r: the reader
 */
void cr_quiesce(struct cr_reader *r)
{
	recover_stop_io(r);
	spin_lock_irq(&r->lock);
	recover_end_all(r, -ESHUTDOWN, -ENOMEDIUM);
	spin_unlock_irq(&r->lock);
}

/**
 * cr_restart - after resume and reset: every card lost its power
 * @r: the reader
 * @slept: and may have been changed for another
 */
void cr_restart(struct cr_reader *r, bool slept)
{
	unsigned int i;

	spin_lock_irq(&r->lock);
	for (i = 0; slept && i < r->desc.slots; i++)
		cr_card_slept(&r->slot[i]);
	r->stopped = false;
	r->failed_aborts = 0;
	cr_announce_reset(r);
	cr_watch(r);
	spin_unlock_irq(&r->lock);
}

/**
 * cr_gone - the reader was unplugged: end all, for ever
 * @r: the reader; cr_reader.open_lock is held
 */
void cr_gone(struct cr_reader *r)
{
	struct cr_ctx *ctx;

	recover_stop_io(r);
	spin_lock_irq(&r->lock);
	r->gone = true;
	recover_end_all(r, -ENODEV, -ENODEV);
	cr_claimants_gone(r);
	list_for_each_entry(ctx, &r->ctxs, node) {
		ctx->pending_gone = true;
		cr_flush_events(ctx);
		cr_ctx_notify(ctx);	/* also of what has no room yet */
	}
	spin_unlock_irq(&r->lock);
}
