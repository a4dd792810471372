// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whatever did not go well. Whoever wants a command ended (the deadline, an ABORT, a card taken out, a bus error)
 * notes why (cr_usb_stop); cr_usb_service, which runs behind every look at the events, takes its transfers back, so
 * that nothing is written into a program's buffer after its completion, completes it, and tells the reader (CCID
 * 1.1, 5.3.1): ABORT on the control pipe, then PC_to_RDR_Abort on bulk-out with the same bSeq, until the answer to
 * that has come; one that still sends what nobody waits for, the rest of the old answer mostly, is given more time,
 * USB_ABORT_CAP_MS at most. A reader that does not answer is reset; one with more slots after two such in a row without any
 * answer, so that one dead slot does not take the others down. After RESETS in vain the slot is left dead: POWER_ON
 * tries again.
 *
 * What blocks (clearing a halt, a reset) is a job for the helper.
 */
#include <errno.h>
#include <string.h>
#include "reader/backend.h"
#include "usb_int.h"

#define REQUEST_ABORT		0x01	/* CCID 1.1, 5.3.1 */
#define ABORT_CONTROL_MS	300
#define ABORT_MS		700
#define RESETS			3	/* in a row, without an answer */

/* ---- ending a command ---- */

/* Has the command in flight ended with this errno, unless it ends by itself until then. */
void cr_usb_stop(struct usb_slot *s, int err, unsigned int delay_ms)
{
	uint64_t at = cr_usb_now() + delay_ms * USB_MS;

	if (s->phase != USB_COMMAND || (s->stop && s->stop_at <= at))
		return;
	s->stop = err;
	s->stop_at = at;
	cr_usb_sooner(s->reader, at);
}

void cr_usb_stop_all(struct usb_reader *r, int err, unsigned int delay_ms)
{
	for (unsigned int i = 0; i < r->itf.desc.slots; i++)
		cr_usb_stop(&r->slot[i], err, delay_ms);
}

void cr_usb_halted_out(struct usb_slot *s)
{
	s->reader->halted_out = true;
	s->abort_waits = s->phase == USB_ABORTING;
	cr_usb_stop(s, -EIO, 0);
}

static void idle(struct usb_slot *s)
{
	s->phase = USB_IDLE;
	s->reader->busy--;
}

static void dead(struct usb_slot *s)
{
	idle(s);
	cr_usb_card_dead(s);
	s->learning = false;
}

/* One that a halted pipe would refuse waits until the halt is cleared. */
static void send_abort_message(struct usb_slot *s)
{
	s->abort_waits = s->reader->halted_out;
	if (!s->abort_waits && (s->tx_busy || cr_usb_tx_abort(s))) {
		s->expired = true;
		cr_usb_sooner(s->reader, 0);
	}
}

/* The control pipe has taken its half, or not: some firmwares refuse the one and know the other. */
void LIBUSB_CALL cr_usb_control_done(struct libusb_transfer *t)
{
	struct usb_slot *s = t->user_data;
	struct usb_reader *r = s->reader;

	pthread_mutex_lock(&r->lock);
	r->outstanding--;
	s->control_busy = false;
	if (t->status == LIBUSB_TRANSFER_NO_DEVICE)
		cr_usb_lost(r);
	if (s->phase == USB_ABORTING && s->seq == s->setup[3]) {
		s->abort_heard = t->status == LIBUSB_TRANSFER_COMPLETED;
		send_abort_message(s);
	}
	pthread_mutex_unlock(&r->lock);
}

void cr_usb_abort_more_time(struct usb_slot *s)
{
	uint64_t deadline = cr_usb_now() + (ABORT_CONTROL_MS + ABORT_MS) * USB_MS;

	s->deadline = deadline < s->hard_deadline ? deadline : s->hard_deadline;
}

/* The caller sees to bulk-in: a message may just be being taken apart. */
static void send_abort(struct usb_slot *s)
{
	struct usb_reader *r = s->reader;

	s->seq++;
	s->abort_heard = false;
	s->hard_deadline = cr_usb_now() + USB_ABORT_CAP_MS * USB_MS;
	cr_usb_abort_more_time(s);
	if (s->control_busy) {		/* that of the last abort: let the other half do */
		send_abort_message(s);
		return;
	}
	libusb_fill_control_setup(s->setup, LIBUSB_ENDPOINT_OUT | LIBUSB_REQUEST_TYPE_CLASS |
				  LIBUSB_RECIPIENT_INTERFACE, REQUEST_ABORT, (uint16_t)(s->seq << 8 | s->index),
				  r->itf.number, 0);
	s->control->buffer = s->setup;
	s->control->length = sizeof(s->setup);
	s->control->timeout = ABORT_CONTROL_MS;
	s->control_busy = !cr_usb_submit(r, s->control);
	if (!s->control_busy)
		send_abort_message(s);
}

void cr_usb_abort(struct usb_slot *s)
{
	s->given_up_seq = s->seq;
	s->given_up_own = false;
	s->given_up_answered = s->abort_refused = false;
	s->unsync = true;
	s->phase = USB_ABORTING;
	s->expired = s->abort_waits = false;
	s->reader->busy++;
	send_abort(s);
}

static void send_waiting_aborts(struct usb_reader *r)
{
	for (unsigned int i = 0; i < r->itf.desc.slots; i++) {
		if (r->slot[i].phase == USB_ABORTING && r->slot[i].abort_waits)
			send_abort_message(&r->slot[i]);
	}
}

static void give_up(struct usb_slot *s)
{
	int err = s->stop;

	bool own = s->cur == &s->own;

	cr_usb_finish(s, err);
	if (err == -ENODEV || s->phase == USB_ABORTING)
		return;
	cr_usb_abort(s);
	s->given_up_own = own;
	/* where the answer itself went wrong, none is to come */
	s->given_up_answered = err == -EIO || err == -EPROTO;
}

/* Takes the transfers of a command back that is to end; completes it once they are. */
static void take_back(struct usb_slot *s)
{
	struct usb_reader *r = s->reader;
	bool direct = r->rx.posted && r->rx.direct == s;

	cr_usb_tx_cancel(s);
	if (direct)
		cr_usb_rx_cancel(r);
	if (s->tx_busy || direct)
		return;
	/* a message that had begun in the program's buffer is gone with it */
	if (r->rx.direct == s)
		cr_usb_rx_reset(r);
	if (s->answered)
		cr_usb_finish(s, s->answer);
	else
		give_up(s);
}

static bool worth_reset(const struct usb_slot *s)
{
	const struct usb_reader *r = s->reader;
	unsigned int enough = r->itf.desc.slots < 2 ? 1 : 2;

	return !s->given_up_own && r->reset_tries < RESETS && r->failed_aborts >= enough;
}

/* The abort was not answered in time. */
static void abort_failed(struct usb_slot *s)
{
	struct usb_reader *r = s->reader;

	s->expired = true;	/* its message is being taken back: more time would be for nothing */
	cr_usb_tx_cancel(s);
	if (s->tx_busy)
		return;
	s->expired = false;
	r->failed_aborts++;
	/*
	 * Having answered after all, a reader that knows no abort has nothing left to say; one that heard half of it
	 * refuses every command until it hears the rest (CCID 1.1, 5.3.1).
	 */
	if ((s->abort_heard || !s->given_up_answered) && worth_reset(s)) {
		s->phase = USB_RESETTING;
		r->reset_tries++;
		r->jobs |= USB_RESET;
	} else if (s->given_up_answered) {
		s->unsync = false;
		idle(s);
	} else {
		dead(s);
	}
}

/* ---- the end of all commands ---- */

static void end_all(struct usb_reader *r, int err, int queued_err)
{
	r->rx.hold = r->halted_in = r->halted_out = false;
	r->jobs &= USB_RESET | USB_RECLAIM;
	cr_usb_rx_reset(r);
	for (unsigned int i = 0; i < r->itf.desc.slots; i++) {
		struct usb_slot *s = &r->slot[i];

		if (s->phase == USB_COMMAND)
			cr_usb_finish(s, err);
		else if (s->phase != USB_IDLE)
			idle(s);
		cr_usb_purge(s, queued_err);
		s->want = 0;
		s->learning = s->unsync = s->expired = false;
		cr_usb_card_unknown(s);
	}
}

void cr_usb_cancel_all(struct usb_reader *r)
{
	for (unsigned int i = 0; i < r->itf.desc.slots; i++) {
		struct usb_slot *s = &r->slot[i];

		if (s->tx_busy)
			libusb_cancel_transfer(s->tx);
		s->tx_canceled = true;
		if (s->control_busy)
			libusb_cancel_transfer(s->control);
	}
	if (r->rx.posted)
		libusb_cancel_transfer(r->rx.transfer);
	r->rx.canceled = true;
	if (r->interrupt_posted)
		libusb_cancel_transfer(r->interrupt);
}

void cr_usb_lost(struct usb_reader *r)
{
	if (r->lost)
		return;
	r->lost = r->stopped = true;
	cr_usb_cancel_all(r);
	cr_usb_sooner(r, 0);
}

void cr_usb_cut(struct usb_reader *r)
{
	if (r->stopped)
		return;
	r->stopped = true;
	r->jobs |= USB_RECLAIM;
	cr_usb_cancel_all(r);
	cr_usb_nudge(r);
}

static void gone(struct usb_reader *r)
{
	r->gone = true;
	r->jobs = 0;
	end_all(r, -ENODEV, -ENODEV);
	cr_usb_claimants_gone(r);
	cr_usb_announce(r, 0, CARDRING_EVENT_GONE, 0);
	cr_usb_wake(r);
}

/* ---- jobs ---- */

/* Its firmware, and every card's power, begin anew; so does whoever was in the middle of something. */
static void reset(struct usb_reader *r, bool reclaim)
{
	char driver[32];
	int err;

	pthread_mutex_lock(&r->lock);
	r->stopped = true;
	while (r->outstanding) {
		cr_usb_cancel_all(r);
		cr_usb_wait(r, cr_usb_now() + 100 * USB_MS);
	}
	if (!reclaim && !r->lost)
		end_all(r, -ESHUTDOWN, -ENOMEDIUM);
	pthread_mutex_unlock(&r->lock);

	if (reclaim) {
		err = libusb_release_interface(r->handle, r->itf.number);
		if (err != LIBUSB_ERROR_NO_DEVICE)
			err = libusb_claim_interface(r->handle, r->itf.number);
		if (!err && cr_usb_driver("", r->name, driver, sizeof(driver)) && strcmp(driver, "usbfs"))
			err = LIBUSB_ERROR_BUSY;	/* one of the kernel's drivers has taken it */
	} else {
		err = libusb_reset_device(r->handle);
	}

	pthread_mutex_lock(&r->lock);
	r->jobs &= ~(unsigned int)(USB_RESET | USB_RECLAIM);
	r->failed_aborts = 0;
	if (r->lost || err == LIBUSB_ERROR_NO_DEVICE || err == LIBUSB_ERROR_NOT_FOUND ||
	    err == LIBUSB_ERROR_BUSY) {
		r->lost = true;
	} else if (!r->closing) {
		if (reclaim)
			end_all(r, -ESHUTDOWN, -ENOMEDIUM);
		r->stopped = false;
		cr_usb_announce(r, 0, CARDRING_EVENT_RESET, 0);
		cr_usb_watch(r);
	}
	cr_usb_service(r);
	cr_usb_wake(r);
	pthread_mutex_unlock(&r->lock);
}

void cr_usb_job(struct usb_reader *r)
{
	unsigned int jobs;

	pthread_mutex_lock(&r->lock);
	jobs = r->jobs;
	pthread_mutex_unlock(&r->lock);
	if (jobs & (USB_RESET | USB_RECLAIM)) {
		reset(r, jobs & USB_RECLAIM);
		return;
	}
	if (jobs & USB_CLEAR_IN)
		libusb_clear_halt(r->handle, r->itf.in);
	if (jobs & USB_CLEAR_OUT)
		libusb_clear_halt(r->handle, r->itf.out);
	if (jobs & USB_CLEAR_INTERRUPT)
		libusb_clear_halt(r->handle, r->itf.interrupt);

	pthread_mutex_lock(&r->lock);
	r->jobs &= ~jobs;
	if (jobs & USB_CLEAR_IN)
		r->halted_in = r->rx.hold = false;
	if (jobs & USB_CLEAR_OUT) {
		r->halted_out = false;
		send_waiting_aborts(r);
	}
	cr_usb_service(r);
	cr_usb_wake(r);
	cr_usb_sooner(r, cr_usb_next(r));
	pthread_mutex_unlock(&r->lock);
}

/* ---- time ---- */

static void service_slot(struct usb_slot *s, uint64_t now)
{
	/* too late is what had not come when events were looked at behind the deadline: this process may have slept */
	bool late = s->reader->looked >= s->deadline;

	if (s->phase == USB_COMMAND) {
		if (late)
			cr_usb_stop(s, s->late, 0);
		if (s->stop && now >= s->stop_at)
			take_back(s);
	} else if (s->phase == USB_ABORTING && (s->expired || late)) {
		abort_failed(s);
	}
}

/* A halt may be cleared only with no transfer on the pipe. */
static void service_pipes(struct usb_reader *r, uint64_t now)
{
	bool busy = false;

	if (r->halted_in)
		r->jobs |= USB_CLEAR_IN;
	else if (r->rx.hold && now >= r->rx.hold_until)
		r->rx.hold = false;
	if (!r->halted_out)
		return;
	for (unsigned int i = 0; i < r->itf.desc.slots; i++) {
		struct usb_slot *s = &r->slot[i];

		if (!s->tx_busy)
			continue;
		busy = true;
		s->abort_waits = s->phase == USB_ABORTING;
		cr_usb_stop(s, -EIO, 0);
		cr_usb_tx_cancel(s);
	}
	if (!busy)
		r->jobs |= USB_CLEAR_OUT;
}

void cr_usb_service(struct usb_reader *r)
{
	uint64_t now = cr_usb_now();

	if (r->gone)
		return;
	if (r->lost && !r->outstanding)
		gone(r);
	if (r->stopped)
		return;
	for (unsigned int i = 0; i < r->itf.desc.slots; i++)
		service_slot(&r->slot[i], now);
	service_pipes(r, now);
	cr_usb_watch_service(r, now);
	cr_usb_kick(r);
	cr_usb_rx_arm(r);
	if (r->jobs)
		cr_usb_nudge(r);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t cr_usb_next(const struct usb_reader *r)
{
	uint64_t next = sooner(r->interrupt_at, r->poll_at);

	if (r->gone)
		return USB_NEVER;
	if (r->lost)
		return r->outstanding ? USB_NEVER : 0;
	if (r->stopped)
		return USB_NEVER;
	if (r->rx.hold && !r->halted_in)
		next = sooner(next, r->rx.hold_until);
	for (unsigned int i = 0; i < r->itf.desc.slots; i++) {
		const struct usb_slot *s = &r->slot[i];
		bool taking = s->tx_busy && s->tx_canceled;

		/* what waits for a transfer that was canceled waits for no clock */
		if (s->phase == USB_COMMAND && s->stop)
			next = taking || (r->rx.direct == s && r->rx.canceled) ? next : sooner(next, s->stop_at);
		else if (s->phase == USB_COMMAND)
			next = sooner(next, s->deadline);
		else if (s->phase == USB_ABORTING && !taking)
			next = s->expired ? 0 : sooner(next, s->deadline);
	}
	return next;
}
