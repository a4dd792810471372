// SPDX-License-Identifier: BSD-2-Clause
/* Slots: whose they are, and which command goes to the bus next. */
#include <errno.h>
#include <string.h>
#include "usb_int.h"

#define STATUS_MS	1000	/* the backend's own commands */
#define SLOT_BUSY	0xE0	/* CCID 1.1, table 6.2-2 */
/* An abort that takes as long as it may, and the power-off behind it. */
#define LEAVE_MS	(USB_ABORT_CAP_MS + 3000)

/* ---- queues ---- */

/* Ends a command, and with it the chain that hung on its success. */
static void end(struct usb_slot *s, struct usb_req *req, int result)
{
	bool linked = req->sqe.flags & CARDRING_SQE_LINK;

	req->cqe.result = result;
	cr_usb_complete(req);
	while (linked && result < 0 && (req = STAILQ_FIRST(&s->queue))) {
		STAILQ_REMOVE_HEAD(&s->queue, link);
		linked = req->sqe.flags & CARDRING_SQE_LINK;
		req->cqe.result = -ECANCELED;
		cr_usb_complete(req);
	}
	/* what it was linked to may have been purged */
	s->linked = linked && result >= 0 && !STAILQ_EMPTY(&s->queue);
}

static void end_own(struct usb_slot *s, const struct usb_req *req, int result)
{
	s->linked = false;
	if (req->sqe.opcode != CARDRING_OP_SLOT_STATUS) {
		s->learning = false;
		return;
	}
	/* busy, and not with a command of ours: a program was killed in the middle of one */
	if (s->learning && result == -EREMOTEIO && req->cqe.error == SLOT_BUSY && !s->taken_over) {
		s->taken_over = true;
		s->want |= USB_WANT_STATUS;
		cr_usb_abort(s);
		return;
	}
	if (result == -ETIMEDOUT || result == -EPROTO || result == -EIO)
		cr_usb_card_dead(s);
	/* left on by a program that was killed: nobody else gets it like that */
	if (s->learning && !result && cr_ccid_icc(req->cqe.status) == CR_ICC_ACTIVE)
		s->want |= USB_WANT_OFF;	/* and what is in the slot is told behind that */
	else
		s->learning = false;
}

static void end_aborts(struct usb_slot *s, int result)
{
	struct usb_req *req;

	while ((req = STAILQ_FIRST(&s->aborts))) {
		STAILQ_REMOVE_HEAD(&s->aborts, link);
		req->cqe.result = result;
		cr_usb_complete(req);
	}
}

/* The command in flight has ended; the slot is idle, the caller kicks. */
void cr_usb_finish(struct usb_slot *s, int result)
{
	struct usb_req *req = s->cur;

	s->cur = NULL;
	s->phase = USB_IDLE;
	s->stop = 0;
	s->answered = false;
	s->reader->busy--;
	if (req == &s->own)
		end_own(s, req, result);
	else
		end(s, req, result);
	end_aborts(s, result == -ENODEV ? -ENODEV : 0);
	if (s->purge)
		cr_usb_purge(s, -ENOMEDIUM);
}

/* Ends all that is queued, the rest of the chain of the command in flight with it: what is queued later is no part of it. */
void cr_usb_purge(struct usb_slot *s, int err)
{
	struct usb_req *req;

	s->purge = false;
	s->linked = false;
	if (s->cur)
		s->cur->sqe.flags &= (uint16_t)~CARDRING_SQE_LINK;
	while ((req = STAILQ_FIRST(&s->queue))) {
		STAILQ_REMOVE_HEAD(&s->queue, link);
		req->cqe.result = err;
		cr_usb_complete(req);
	}
}

/* The backend's own command, if it wants one and no chain is under way. */
static struct usb_req *next_own(struct usb_slot *s)
{
	if (!s->want || s->linked)
		return NULL;
	s->own.sqe.opcode = s->want & USB_WANT_OFF ? CARDRING_OP_POWER_OFF : CARDRING_OP_SLOT_STATUS;
	s->want &= s->want & USB_WANT_OFF ? ~(unsigned int)USB_WANT_OFF : ~(unsigned int)USB_WANT_STATUS;
	return &s->own;
}

/* What needs no bus ends here; else it is sent. */
static void begin(struct usb_slot *s, struct usb_req *req)
{
	if (req->refused)
		end(s, req, req->refused);
	else if (req->sqe.opcode == CARDRING_OP_NOP)
		end(s, req, 0);
	else if (s->stale && cr_ccid_command(req->sqe.opcode)->needs_card)
		end(s, req, -ENOMEDIUM);
	else
		cr_usb_exec(s, req);
}

static void start(struct usb_slot *s)
{
	struct usb_req *req;

	while (s->phase == USB_IDLE && !s->tx_busy) {
		req = next_own(s);
		if (req) {
			cr_usb_exec(s, req);
			continue;
		}
		req = STAILQ_FIRST(&s->queue);
		if (!req)
			return;
		STAILQ_REMOVE_HEAD(&s->queue, link);
		begin(s, req);
	}
}

/* Slots get their turn one after the other, so that a busy one starves none. */
void cr_usb_kick(struct usb_reader *r)
{
	for (unsigned int i = 0; i < r->itf.desc.slots; i++) {
		struct usb_slot *s = &r->slot[r->turn];

		if (r->stopped || r->halted_out || r->busy >= r->itf.desc.busy_slots)
			return;
		r->turn = (r->turn + 1) % r->itf.desc.slots;
		start(s);
	}
}

void cr_usb_slot_init(struct usb_reader *r, unsigned int index)
{
	struct usb_slot *s = &r->slot[index];

	s->reader = r;
	s->index = (uint8_t)index;
	/* not where a program that was killed began: its last answer may still be on its way */
	s->seq = (uint8_t)(cr_usb_now() >> 10);
	s->own.sqe.slot = s->index;
	s->own.sqe.deadline_ms = STATUS_MS;
	s->stale = true;
	STAILQ_INIT(&s->queue);
	STAILQ_INIT(&s->aborts);
	TAILQ_INIT(&s->claimants);
}

/* ---- claims: one ring's at a time, first come first served ---- */

static void grant(struct usb_slot *s, struct usb_ring *ring)
{
	s->owner = ring;
	s->stale = true;
	s->leaving = false;
}

static void settle(struct usb_slot *s, struct usb_claimant *c, int result)
{
	TAILQ_REMOVE(&s->claimants, c, link);
	c->result = result;
	cr_usb_wake(s->reader);
}

int cr_usb_claim(struct usb_ring *ring, unsigned int slot, int timeout_ms)
{
	struct usb_reader *r = ring->reader;
	struct usb_slot *s = &r->slot[slot];
	struct usb_claimant me = { .ring = ring, .result = -EINPROGRESS };
	uint64_t until = timeout_ms < 0 ? USB_NEVER : cr_usb_now() + (uint64_t)timeout_ms * USB_MS;
	int err = 0;

	if (r->gone)
		return -ENODEV;
	if (s->owner == ring)
		return s->leaving ? -EBUSY : -EALREADY;
	if (!s->owner) {
		grant(s, ring);
		return 0;
	}
	if (!timeout_ms)
		return -EBUSY;
	TAILQ_INSERT_TAIL(&s->claimants, &me, link);
	while (me.result == -EINPROGRESS && !err)
		err = cr_usb_wait(r, until);
	if (me.result != -EINPROGRESS)
		return me.result;
	TAILQ_REMOVE(&s->claimants, &me, link);
	return err == -EINTR ? -EINTR : -EBUSY;
}

void cr_usb_claimants_gone(struct usb_reader *r)
{
	struct usb_claimant *c;

	for (unsigned int i = 0; i < r->itf.desc.slots; i++)
		while ((c = TAILQ_FIRST(&r->slot[i].claimants)))
			settle(&r->slot[i], c, -ENODEV);
}

/* The ring's last command ends, and its card is powered off. */
static void leave(struct usb_slot *s)
{
	struct usb_reader *r = s->reader;
	uint64_t until;

	s->leaving = true;
	cr_usb_purge(s, -ECANCELED);
	if (s->cur != &s->own)
		cr_usb_stop(s, -ECANCELED, 0);
	cr_usb_service(r);
	while (s->cur && s->cur != &s->own)
		cr_usb_wait(r, USB_NEVER);
	s->stale = true;
	if (s->powered && s->state != CARDRING_SLOT_DEAD && !r->stopped) {
		s->want |= USB_WANT_OFF;
		cr_usb_kick(r);
		cr_usb_rx_arm(r);
	}
	until = cr_usb_now() + LEAVE_MS * USB_MS;
	while (!r->stopped && (s->phase != USB_IDLE || s->want & USB_WANT_OFF) && cr_usb_now() < until)
		cr_usb_wait(r, until);
}

int cr_usb_release(struct usb_ring *ring, unsigned int slot)
{
	struct usb_reader *r = ring->reader;
	struct usb_claimant *next;
	struct usb_slot *s;

	if (slot >= r->itf.desc.slots)
		return -EINVAL;
	s = &r->slot[slot];
	if (s->owner != ring || s->leaving)
		return -EACCES;
	leave(s);
	s->owner = NULL;
	s->leaving = false;
	s->stale = true;
	next = TAILQ_FIRST(&s->claimants);
	if (next) {
		grant(s, next->ring);
		settle(s, next, 0);
	}
	cr_usb_kick(r);
	cr_usb_rx_arm(r);
	return 0;
}
