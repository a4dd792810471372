// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is in the slots, pieced together from interrupt notifications and from
 * the bStatus of every answer, and told to programs as events.
 *
 * The rule behind it: no command reaches a card that the claim did not power.
 * Whenever a card went, may have been changed, or lost its power, the claim is
 * stale, and what is queued ends with -ENOMEDIUM. In doubt it is stale: a
 * program that powers once too often loses a little time.
 */
#include "reader.h"
#include "trace.h"

static void card_tell(struct cr_slot *s, bool in)
{
	struct cr_ctx *ctx;

	trace_cardring_event(s->reader->index, s->index,
			     in ? CARDRING_EVENT_CARD_IN : CARDRING_EVENT_CARD_OUT);
	list_for_each_entry(ctx, &s->reader->ctxs, node) {
		struct cr_pending *pending = &ctx->pending[s->index];

		if (in)
			pending->in = true;
		else
			pending->out = true;
		pending->in_last = in;
		ctx->pending_slots |= BIT(s->index);
		cr_flush_events(ctx);
	}
}

static void card_announce(struct cr_slot *s, u8 state)
{
	u8 before = s->announced;

	s->announced = state;
	if (before == state)
		return;
	/* What a reader says first is no event: CARDRING_IOC_SLOT waits for it. */
	if (before == CARDRING_SLOT_UNKNOWN && s->learning)
		return;
	card_tell(s, state == CARDRING_SLOT_PRESENT);
}

/* End what was meant for the card, the command in flight after its answer. */
static void card_lost(struct cr_slot *s)
{
	unsigned long soon = jiffies + msecs_to_jiffies(CR_REMOVED_MS);

	s->stale = true;
	if (s->phase != CR_COMMAND) {
		cr_purge(s, -ENOMEDIUM);
		return;
	}
	s->purge = true;
	if (s->cur == &s->own)
		return;
	s->late = -ENOMEDIUM;
	if (time_before(soon, s->deadline))
		cr_set_deadline(s, soon);
}

static void card_out(struct cr_slot *s)
{
	/* A POWER_ON under way may still power the card that comes next. */
	if (!s->cur || s->cur->op != CARDRING_OP_POWER_ON)
		s->powered = false;
	if (s->state == CARDRING_SLOT_EMPTY)
		return;
	s->state = CARDRING_SLOT_EMPTY;
	card_lost(s);
	card_announce(s, CARDRING_SLOT_EMPTY);
}

static void card_in(struct cr_slot *s)
{
	s->state = CARDRING_SLOT_PRESENT;
	s->stale = true;
	if (s->recount || s->announced != CARDRING_SLOT_PRESENT)
		s->generation++;
	s->recount = false;
	card_announce(s, CARDRING_SLOT_PRESENT);
}

static bool card_there(const struct cr_slot *s)
{
	return s->state == CARDRING_SLOT_PRESENT ||
	       s->state == CARDRING_SLOT_POWERED;
}

/**
 * cr_card_present - the interrupt endpoint told of a slot
 * @s: the slot
 * @present: a card is in it
 * @changed: the reader's word that it was not so before
 *
 * Present and changed, where a card was known already, is another card (or the
 * same one put back): they may come and go between two notifications. Only the
 * first one after the endpoint was turned on tells of the past.
 */
void cr_card_present(struct cr_slot *s, bool present, bool changed)
{
	bool fresh = s->fresh && time_before(jiffies, s->fresh_until);

	lockdep_assert_held(&s->reader->lock);
	s->fresh = false;
	s->notified = true;
	if (!present) {
		card_out(s);
	} else if (!card_there(s)) {
		card_in(s);
	} else if (changed && !fresh) {
		card_out(s);
		card_in(s);
	}
}

/**
 * cr_card_status - an answer told of its slot
 * @s: the slot
 * @op: enum cardring_op of the command that was answered
 * @status: bStatus
 */
void cr_card_status(struct cr_slot *s, u8 op, u8 status)
{
	lockdep_assert_held(&s->reader->lock);
	if (s->notified) {
		/* Which of both is newer, nobody can tell: ask. */
		s->notified = false;
		s->want |= CR_WANT_STATUS;
		return;
	}
	if (CR_STATUS_ICC(status) == CR_ICC_ABSENT) {
		card_out(s);
		s->powered = false;
		return;
	}
	if (!card_there(s)) {
		card_in(s);
		return;
	}
	/*
	 * Some firmwares always say "inactive": believe it where it was asked
	 * for, or explains a failure.
	 */
	if (s->state == CARDRING_SLOT_POWERED &&
	    CR_STATUS_ICC(status) == CR_ICC_INACTIVE &&
	    (op == CARDRING_OP_SLOT_STATUS ||
	     CR_STATUS_COMMAND(status) == CR_COMMAND_FAILED)) {
		s->state = CARDRING_SLOT_PRESENT;
		s->stale = true;
	}
}

/**
 * cr_card_dead - the slot does not answer
 * @s: the slot
 *
 * Known dead already, it has nothing to lose: what is queued may be a POWER_ON
 * that tries it again.
 */
void cr_card_dead(struct cr_slot *s)
{
	if (s->state == CARDRING_SLOT_DEAD)
		return;
	s->state = CARDRING_SLOT_DEAD;
	card_lost(s);
}

/**
 * cr_card_unknown - the reader was reset, slept, or is gone
 * @s: the slot; nothing is in flight
 */
void cr_card_unknown(struct cr_slot *s)
{
	s->state = CARDRING_SLOT_UNKNOWN;
	s->powered = false;
	s->stale = true;
}

/**
 * cr_card_slept - the reader slept, and told of no card that came or went
 * @s: the slot; what is in it is unknown
 */
void cr_card_slept(struct cr_slot *s)
{
	lockdep_assert_held(&s->reader->lock);
	s->recount = true;
}

/**
 * cr_card_hardware - the reader reported a hardware error
 * @r: the reader
 * @slot: bSlot, less than desc.slots
 * @error: bHardwareErrorCode
 */
void cr_card_hardware(struct cr_reader *r, u8 slot, u8 error)
{
	struct cr_ctx *ctx;

	trace_cardring_event(r->index, slot, CARDRING_EVENT_HARDWARE);
	list_for_each_entry(ctx, &r->ctxs, node) {
		ctx->pending[slot].hardware = true;
		ctx->pending[slot].error = error;
		ctx->pending_slots |= BIT(slot);
		cr_flush_events(ctx);
	}
}

/**
 * cr_announce_reset - tell programs that the cards lost their power
 * @r: the reader
 */
void cr_announce_reset(struct cr_reader *r)
{
	struct cr_ctx *ctx;

	trace_cardring_event(r->index, 0, CARDRING_EVENT_RESET);
	list_for_each_entry(ctx, &r->ctxs, node) {
		ctx->pending_reset = true;
		cr_flush_events(ctx);
	}
}
