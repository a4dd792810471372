// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots: which command goes to the bus next.
 *
 * Each slot has a queue, filled by the one file that claims it, and at most
 * one command in flight (CCID 1.1, 6: one message per slot until its answer).
 * A reader takes at most bMaxCCIDBusySlots at once; slots get their turn one
 * after the other, so that a busy one starves none.
 *
 *             cr_exec()                    answer
 *   CR_IDLE ------------> CR_COMMAND -------------------> CR_IDLE
 *                             | deadline, ABORT, card out, bus error
 *                             v        answer to the abort
 *                        CR_ABORTING -------------------> CR_IDLE
 *                             | no answer
 *                             v        reset done
 *                        CR_RESETTING ------------------> CR_IDLE
 *
 * cr_kick() starts whatever may start. It runs where a command was added or
 * one ended, completion handlers included: the next command of a chain leaves
 * from there, and no program is woken in between.
 */
#include <linux/nospec.h>

#include "reader.h"

/* What a request taken from the queue does: a result at once, or this. */
#define RUN	1

/* End a request, and with it the chain that hung on its success. */
static void slot_end(struct cr_slot *s, struct cr_req *req, int result)
{
	bool link = req->flags & CARDRING_SQE_LINK;

	req->cqe.result = result;
	cr_complete(req);

	while (link && result < 0) {
		req = list_first_entry_or_null(&s->queue, struct cr_req, node);
		if (!req)
			break;
		list_del(&req->node);
		link = req->flags & CARDRING_SQE_LINK;
		req->cqe.result = -ECANCELED;
		cr_complete(req);
	}
	/* What it was linked to may have been purged. */
	s->linked = link && result >= 0 && !list_empty(&s->queue);
}

/* What the module learns from its own commands. */
static void slot_end_own(struct cr_slot *s, struct cr_req *req, int result)
{
	s->linked = false;
	if (req->op != CARDRING_OP_SLOT_STATUS)
		return;
	if (result == -ETIMEDOUT || result == -EPROTO || result == -EIO)
		cr_card_dead(s);
	s->learning = false;
}

static void slot_end_aborts(struct cr_slot *s, int result)
{
	struct cr_req *req;

	while ((req = list_first_entry_or_null(&s->aborts, struct cr_req, node))) {
		list_del(&req->node);
		req->cqe.result = result;
		cr_complete(req);
	}
}

/**
 * cr_finish - the command in flight has ended
 * @s: its slot, in CR_COMMAND
 * @result: cqe.result; the rest of the completion is filled in
 *
 * Leaves the slot idle; the caller kicks.
 */
void cr_finish(struct cr_slot *s, int result)
{
	struct cr_reader *r = s->reader;
	struct cr_req *req = s->cur;

	lockdep_assert_held(&r->lock);
	s->cur = NULL;
	s->phase = CR_IDLE;
	s->stop = 0;
	s->answered = false;
	r->busy--;

	if (result == -EIO || result == -EPROTO)
		r->count.errors++;
	else if (result == -ETIMEDOUT)
		r->count.timeouts++;

	if (req == &s->own)
		slot_end_own(s, req, result);
	else
		slot_end(s, req, result);
	slot_end_aborts(s, result == -ENODEV ? -ENODEV : 0);
	if (s->purge)
		cr_purge(s, -ENOMEDIUM);
	wake_up_all(&r->idle);
}

/**
 * cr_purge - complete all that is queued
 * @s: the slot
 * @err: with this errno
 *
 * The rest of the chain of the command in flight with it: what is queued later
 * is no part of that.
 */
void cr_purge(struct cr_slot *s, int err)
{
	struct cr_req *req;

	s->purge = false;
	s->linked = false;
	if (s->cur)
		s->cur->flags &= ~CARDRING_SQE_LINK;
	while ((req = list_first_entry_or_null(&s->queue, struct cr_req, node))) {
		list_del(&req->node);
		req->cqe.result = err;
		cr_complete(req);
	}
}

/**
 * cr_enqueue - add a request to its slot's queue; the caller kicks
 * @s: the slot, claimed by the request's file
 * @req: the request
 */
void cr_enqueue(struct cr_slot *s, struct cr_req *req)
{
	list_add_tail(&req->node, &s->queue);
}

static int slot_admit(const struct cr_slot *s, const struct cr_req *req)
{
	if (req->preset)
		return req->preset;
	if (req->op == CARDRING_OP_NOP)
		return 0;
	if (s->stale && cr_command(req->op)->needs_card)
		return -ENOMEDIUM;
	return RUN;
}

/* The module's own command, if it wants one and no chain is being run. */
static struct cr_req *slot_own(struct cr_slot *s)
{
	struct cr_req *req = &s->own;

	if (s->linked || !s->want)
		return NULL;
	if (s->want & CR_WANT_OFF) {
		s->want &= ~CR_WANT_OFF;
		req->op = CARDRING_OP_POWER_OFF;
	} else {
		s->want &= ~CR_WANT_STATUS;
		req->op = CARDRING_OP_SLOT_STATUS;
	}
	return req;
}

/* Start what is next on an idle slot; what needs no bus ends here. */
static void slot_start(struct cr_slot *s)
{
	struct cr_req *req;
	int result;

	while (s->phase == CR_IDLE) {
		req = slot_own(s);
		if (req) {
			cr_exec(s, req);
			continue;
		}
		req = list_first_entry_or_null(&s->queue, struct cr_req, node);
		if (!req)
			return;
		list_del(&req->node);
		result = slot_admit(s, req);
		if (result == RUN)
			cr_exec(s, req);
		else
			slot_end(s, req, result);
	}
}

/*
 * Bulk-in lies in a buffer of another slot's command: of another file, which
 * must not see this slot's answers, or too small for the one to come. In the
 * middle of a message it is that message's, and the next one goes elsewhere.
 */
static bool slot_foreign(struct cr_slot *s)
{
	const struct cr_rx *rx = &s->reader->rx;
	const struct cr_req *req;

	if (!rx->posted || !rx->direct || !rx->direct->cur || rx->have)
		return false;
	req = list_first_entry_or_null(&s->queue, struct cr_req, node);
	if (!req)
		return s->want && rx->direct->cur->ctx != s->owner;
	return rx->direct->cur->ctx != s->owner || !req->rx ||
	       req->rx_cap > rx->room - CR_HDR;
}

/**
 * cr_kick - start every command that may start
 * @r: the reader
 *
 * Not from within cr_finish() or cr_exec(): those leave it to their callers.
 */
void cr_kick(struct cr_reader *r)
{
	unsigned int i;

	lockdep_assert_held(&r->lock);
	for (i = 0; i < r->desc.slots; i++) {
		struct cr_slot *s;

		if (r->stopped || r->halted_out ||
		    r->busy >= r->desc.busy_slots)
			break;
		s = &r->slot[r->turn];
		r->turn = (r->turn + 1) % r->desc.slots;
		/* The URB of a command given up comes back first. */
		if (s->phase != CR_IDLE || s->tx_busy || s->tx_hold)
			continue;
		if (slot_foreign(s))
			cr_redirect(r);
		else
			slot_start(s);
	}
}

/**
 * cr_slot_get - the slot that a program named
 * @r: the reader
 * @index: any number
 *
 * Return: the slot, or NULL where there is none.
 */
struct cr_slot *cr_slot_get(struct cr_reader *r, u32 index)
{
	if (index >= r->desc.slots)
		return NULL;
	return &r->slot[array_index_nospec(index, r->desc.slots)];
}

/**
 * cr_slot_init - make a slot idle, empty and unknown
 * @r: the reader
 * @index: the slot
 */
void cr_slot_init(struct cr_reader *r, unsigned int index)
{
	struct cr_slot *s = &r->slot[index];

	s->reader = r;
	s->index = index;
	s->own.slot = index;
	s->own.deadline_ms = CR_STATUS_MS;
	s->stale = true;
	INIT_LIST_HEAD(&s->queue);
	INIT_LIST_HEAD(&s->aborts);
	INIT_LIST_HEAD(&s->claimants);
	timer_setup(&s->timer, cr_timer, 0);
}
