// SPDX-License-Identifier: GPL-2.0-only
/*
 * Claims: a slot belongs to one open file at a time, first come first served.
 *
 * Giving a slot back (RELEASE, close, death of the process) ends what the file
 * has there, waits until the slot is idle, powers the card off, and only then
 * hands the slot to the first who waits. The waits are bounded by what
 * recover.c allows a command that is being ended.
 */
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/sched.h>

#include "reader.h"

/* An abort that takes as long as it may, and the power-off behind it. */
#define CR_LEAVE_MS	(CR_ABORT_CAP_MS + 3000)

/* One that waits for a slot; on its stack, in cr_slot.claimants */
struct cr_claimant {
	struct list_head node;
	struct cr_ctx *ctx;
	struct pid *pid;
	struct completion done;
	int result;		/* cr_reader.lock; -EINPROGRESS: still waits */
};

static void claim_grant(struct cr_slot *s, struct cr_ctx *ctx, struct pid *pid)
{
	s->owner = ctx;
	s->owner_pid = get_pid(pid);
	s->stale = true;
	s->leaving = false;
	s->heard = 0;
}

static int claim_wait(struct cr_slot *s, struct cr_claimant *claimant,
		      int timeout_ms)
{
	struct cr_reader *r = s->reader;
	ktime_t end = ktime_add_ms(ktime_get(), timeout_ms);
	long left = MAX_SCHEDULE_TIMEOUT;
	s64 ms = timeout_ms;
	int result;

	/* Ticks that came late count at once: the clock says when it is time. */
	do {
		if (timeout_ms >= 0)
			left = msecs_to_jiffies(ms) + 1;
		left = wait_for_completion_interruptible_timeout(&claimant->done,
								 left);
		ms = ktime_ms_delta(end, ktime_get());
	} while (!left && ms > 0);

	spin_lock_irq(&r->lock);
	result = claimant->result;
	if (result == -EINPROGRESS) {
		list_del(&claimant->node);
		result = left < 0 ? -EINTR : -EBUSY;
	}
	spin_unlock_irq(&r->lock);
	return result;
}

/**
 * cr_claim - CARDRING_IOC_CLAIM
 * @ctx: the file
 * @arg: checked, but for the slot's number
 *
 * Return: 0 or -errno of the ABI.
 */
int cr_claim(struct cr_ctx *ctx, const struct cardring_claim *arg)
{
	struct cr_reader *r = ctx->reader;
	struct cr_claimant claimant = { .ctx = ctx, .result = -EINPROGRESS };
	struct cr_slot *s;
	int err = 0;

	s = cr_slot_get(r, arg->slot);
	if (!s)
		return -EINVAL;
	init_completion(&claimant.done);
	claimant.pid = task_tgid(current);

	spin_lock_irq(&r->lock);
	if (r->gone)
		err = -ENODEV;
	else if (s->owner == ctx)
		err = s->leaving ? -EBUSY : -EALREADY;
	else if (!s->owner)
		claim_grant(s, ctx, claimant.pid);
	else if (!arg->timeout_ms)
		err = -EBUSY;
	else
		list_add_tail(&claimant.node, &s->claimants);
	if (err || s->owner == ctx)
		goto unlock;
	spin_unlock_irq(&r->lock);
	return claim_wait(s, &claimant, arg->timeout_ms);

unlock:
	spin_unlock_irq(&r->lock);
	return err;
}

static void claim_settle(struct cr_claimant *claimant, int result)
{
	list_del(&claimant->node);
	claimant->result = result;
	complete(&claimant->done);
}

/* Hand the slot on. Returns the last holder's pid, to put. */
static struct pid *claim_pass(struct cr_slot *s)
{
	struct pid *pid = s->owner_pid;
	struct cr_claimant *next;

	s->owner = NULL;
	s->owner_pid = NULL;
	s->leaving = false;
	s->stale = true;
	next = list_first_entry_or_null(&s->claimants, struct cr_claimant, node);
	if (next) {
		claim_grant(s, next->ctx, next->pid);
		claim_settle(next, 0);
	}
	return pid;
}

/**
 * cr_claimants_gone - nobody gets a slot any more
 * @r: the reader, gone
 */
void cr_claimants_gone(struct cr_reader *r)
{
	struct cr_claimant *claimant, *next;
	unsigned int i;

	for (i = 0; i < r->desc.slots; i++)
		list_for_each_entry_safe(claimant, next, &r->slot[i].claimants,
					 node)
			claim_settle(claimant, -ENODEV);
}

static bool claim_command_ended(struct cr_slot *s)
{
	bool ended;

	spin_lock_irq(&s->reader->lock);
	ended = !s->cur || s->cur == &s->own;
	spin_unlock_irq(&s->reader->lock);
	return ended;
}

static bool claim_idle(struct cr_slot *s)
{
	bool idle;

	spin_lock_irq(&s->reader->lock);
	idle = s->reader->stopped ||
	       (s->phase == CR_IDLE && !(s->want & CR_WANT_OFF));
	spin_unlock_irq(&s->reader->lock);
	return idle;
}

/* The file's last command ends, and its card is powered off. */
static void claim_leave(struct cr_slot *s)
	__must_hold(&s->reader->lock)
{
	struct cr_reader *r = s->reader;

	lockdep_assert_held(&r->lock);
	s->leaving = true;
	cr_purge(s, -ECANCELED);
	if (s->cur != &s->own)
		cr_stop(s, -ECANCELED, 0);
	spin_unlock_irq(&r->lock);
	/* The worker ends it, or disconnect() does. */
	wait_event(r->idle, claim_command_ended(s));

	spin_lock_irq(&r->lock);
	s->stale = true;
	if (s->powered && s->state != CARDRING_SLOT_DEAD && !r->stopped) {
		s->want |= CR_WANT_OFF;
		cr_kick(r);
	}
	spin_unlock_irq(&r->lock);
	wait_event_timeout(r->idle, claim_idle(s), msecs_to_jiffies(CR_LEAVE_MS));
	spin_lock_irq(&r->lock);
	cr_rx_wipe(r);
}

/**
 * cr_release - CARDRING_IOC_RELEASE, and each slot of a file that is closed
 * @ctx: the file
 * @slot: the slot's number
 *
 * Return: 0, -EINVAL or -EACCES.
 */
int cr_release(struct cr_ctx *ctx, unsigned int slot)
{
	struct cr_reader *r = ctx->reader;
	struct cr_slot *s = cr_slot_get(r, slot);
	struct pid *pid;

	if (!s)
		return -EINVAL;

	spin_lock_irq(&r->lock);
	if (s->owner != ctx || s->leaving) {
		spin_unlock_irq(&r->lock);
		return -EACCES;
	}
	claim_leave(s);
	pid = claim_pass(s);
	cr_kick(r);
	spin_unlock_irq(&r->lock);
	put_pid(pid);
	return 0;
}

/**
 * cr_release_all - a file is closed: give back every slot
 * @ctx: the file
 */
void cr_release_all(struct cr_ctx *ctx)
{
	unsigned int i;

	for (i = 0; i < ctx->reader->desc.slots; i++)
		cr_release(ctx, i);
}
