// SPDX-License-Identifier: GPL-2.0-only
/*
 * CARDRING_IOC_ENTER, the only call on the hot path: entries out of the
 * submission ring, completions into the other.
 *
 * A request is taken from the file's free list before its entry is looked at;
 * there are as many as the completion ring has entries, less those that are
 * unread. So whatever becomes of the entry, its completion has room, and
 * where there is none the entry stays in the submission ring. Events have no
 * such reserve: they are noted a slot each, and written as soon as there is
 * room, which is before the next entry is taken.
 *
 * A chain is taken whole or not at all: its entries are copied one by one,
 * each once, and only with its last one in hand does it go to the slot.
 *
 * Who sleeps in ENTER is woken when enough completions are unread, not by each.
 */
#include <linux/capability.h>
#include <linux/eventfd.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "reader.h"
#include "trace.h"

#define ENTER_BATCH	64	/* entries handed over under one lock */

static u32 enter_room(const struct cr_ctx *ctx)
{
	u32 taken = cr_ring_unread(&ctx->ring) + ctx->inflight;

	return taken < ctx->ring.cq_entries ? ctx->ring.cq_entries - taken : 0;
}

/**
 * cr_ctx_notify - tell whoever waits for a file's completions
 * @ctx: the file
 */
void cr_ctx_notify(struct cr_ctx *ctx)
{
	lockdep_assert_held(&ctx->reader->lock);
	if (ctx->waiters && (ctx->reader->gone ||
			     cr_ring_unread(&ctx->ring) >= ctx->wake_at))
		wake_up_all(&ctx->wait);
	if (wq_has_sleeper(&ctx->poll_wait))
		wake_up_interruptible_poll(&ctx->poll_wait, ctx->reader->gone ?
					   EPOLLIN | EPOLLRDNORM | EPOLLHUP |
					   EPOLLERR : EPOLLIN | EPOLLRDNORM);
	if (ctx->eventfd)
		cr_eventfd_signal(ctx->eventfd);
}

/**
 * cr_complete - write a request's completion and take the request back
 * @req: off every list; of its cqe, all but @user_data and @slot is filled in
 */
void cr_complete(struct cr_req *req)
{
	struct cr_ctx *ctx = req->ctx;

	lockdep_assert_held(&ctx->reader->lock);
	req->cqe.user_data = req->user_data;
	req->cqe.slot = req->slot;
	cr_ring_post(&ctx->ring, &req->cqe);
	trace_cardring_complete(ctx->reader->index, req->slot, req->op,
				req->cqe.result, req->cqe.bytes,
				req->cqe.time_us);
	list_add(&req->node, &ctx->free);
	ctx->inflight--;
	cr_ctx_notify(ctx);
}

static bool enter_event(struct cr_ctx *ctx, u8 slot, enum cardring_event event,
			u8 error)
{
	struct cardring_cqe cqe = {
		.result = event,
		.flags = CARDRING_CQE_EVENT,
		.slot = slot,
		.error = error,
	};

	if (!enter_room(ctx))
		return false;
	cr_ring_post(&ctx->ring, &cqe);
	return true;
}

/* The events of one slot, the earlier of card-in and card-out first. */
static bool enter_slot_events(struct cr_ctx *ctx, u8 slot)
{
	struct cr_pending *p = &ctx->pending[slot];

	if (p->hardware) {
		if (!enter_event(ctx, slot, CARDRING_EVENT_HARDWARE, p->error))
			return false;
		p->hardware = false;
	}
	if (p->in && !(p->out && p->in_last)) {
		if (!enter_event(ctx, slot, CARDRING_EVENT_CARD_IN, 0))
			return false;
		p->in = false;
	}
	if (p->out) {
		if (!enter_event(ctx, slot, CARDRING_EVENT_CARD_OUT, 0))
			return false;
		p->out = false;
	}
	if (p->in) {
		if (!enter_event(ctx, slot, CARDRING_EVENT_CARD_IN, 0))
			return false;
		p->in = false;
	}
	return true;
}

static bool enter_all_events(struct cr_ctx *ctx)
{
	if (ctx->pending_reset) {
		if (!enter_event(ctx, 0, CARDRING_EVENT_RESET, 0))
			return false;
		ctx->pending_reset = false;
	}
	while (ctx->pending_slots) {
		u8 slot = __ffs(ctx->pending_slots);

		if (!enter_slot_events(ctx, slot))
			return false;
		ctx->pending_slots &= ~BIT(slot);
	}
	/* The last of all: what is being taken completes before. */
	if (ctx->pending_gone && !ctx->inflight) {
		if (!enter_event(ctx, 0, CARDRING_EVENT_GONE, 0))
			return false;
		ctx->pending_gone = false;
	}
	return true;
}

/**
 * cr_flush_events - write the events that wait, as far as there is room, and
 *	tell whoever waits for them
 * @ctx: the file, with rings
 */
void cr_flush_events(struct cr_ctx *ctx)
{
	u32 tail = ctx->ring.cq_tail;

	lockdep_assert_held(&ctx->reader->lock);
	cr_ring_stall(&ctx->ring, !enter_all_events(ctx) || ctx->starved);
	if (ctx->ring.cq_tail != tail)
		cr_ctx_notify(ctx);
}

/* Where an entry's payload is. */
static int enter_tx(struct cr_ctx *ctx, const struct cardring_sqe *sqe,
		    struct cr_req *req)
{
	const struct cr_arena *arena = &ctx->arena;
	u32 room = arena->stride - CR_HDR;

	req->tx = NULL;
	req->tx_len = sqe->tx_len;
	if (!sqe->tx_len)
		return 0;
	if (!cr_command(sqe->opcode)->payload)
		return -EINVAL;
	if (sqe->tx_buf >= arena->buffers || sqe->tx_off > room ||
	    sqe->tx_len > room - sqe->tx_off)
		return -EFAULT;
	if (sqe->tx_len > ctx->reader->desc.max_message - CR_HDR)
		return -EMSGSIZE;
	req->tx = cr_arena_buffer(arena, sqe->tx_buf) + CR_HDR + sqe->tx_off;
	return 0;
}

static int enter_rx(struct cr_ctx *ctx, const struct cardring_sqe *sqe,
		    struct cr_req *req)
{
	const struct cr_arena *arena = &ctx->arena;
	u32 room = arena->stride - CR_HDR;

	req->rx = NULL;
	req->rx_cap = 0;
	if (sqe->rx_buf == CARDRING_NO_BUF)
		return 0;
	if (sqe->rx_buf >= arena->buffers || sqe->rx_len > room)
		return -EFAULT;
	req->rx = cr_arena_buffer(arena, sqe->rx_buf);
	req->rx_cap = sqe->rx_len ?: room;
	return 0;
}

static int enter_params(const struct cardring_sqe *sqe,
			const struct cr_command *command)
{
	unsigned int i;

	for (i = command->params; i < sizeof(sqe->param); i++)
		if (sqe->param[i])
			return -EINVAL;
	if (sqe->opcode == CARDRING_OP_POWER_ON && sqe->param[0] > 3)
		return -EINVAL;
	return 0;
}

/* Check the private copy of an entry; all that is used of it goes to @req. */
static int enter_check(struct cr_ctx *ctx, const struct cardring_sqe *sqe,
		       struct cr_req *req)
{
	const struct cr_command *command = cr_command(sqe->opcode);
	int err;

	if (sqe->flags & ~CARDRING_SQE_FLAGS || sqe->resv0 ||
	    memchr_inv(sqe->resv, 0, sizeof(sqe->resv)) ||
	    sqe->deadline_ms > CARDRING_MAX_DEADLINE_MS)
		return -EINVAL;
	if (!command)
		return -EOPNOTSUPP;
	/* CCID 1.1, table 5.1-1: it has no keypad, and is not asked for one */
	if (sqe->opcode == CARDRING_OP_SECURE && !ctx->reader->desc.pin_support)
		return -EOPNOTSUPP;
	if (sqe->flags & CARDRING_SQE_EXPECT_SW && !command->has_sw)
		return -EINVAL;
	if (command->needs_rawio && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	err = enter_params(sqe, command) ?: enter_tx(ctx, sqe, req);
	/* What brings no payload, or none that is wanted, needs no buffer. */
	if (!err && command->type && command->answer != CR_RDR_SLOT_STATUS)
		err = enter_rx(ctx, sqe, req);
	return err;
}

/* A request of an entry; what is wrong with it is noted in preset. */
static void enter_prepare(struct cr_ctx *ctx, const struct cardring_sqe *sqe,
			  struct cr_req *req)
{
	memset(&req->cqe, 0, sizeof(req->cqe));
	req->user_data = sqe->user_data;
	req->op = sqe->opcode;
	req->slot = sqe->slot;
	req->flags = sqe->flags;
	req->sw = sqe->sw;
	req->sw_mask = sqe->sw_mask;
	req->deadline_ms = sqe->deadline_ms ?: CARDRING_DEF_DEADLINE_MS;
	memcpy(req->param, sqe->param, sizeof(req->param));
	req->voltages = 0;
	req->tx = NULL;
	req->tx_len = 0;
	req->rx = NULL;
	req->rx_cap = 0;
	req->preset = enter_check(ctx, sqe, req);
}

/* The slot this file may use, else NULL and the reason. */
static struct cr_slot *enter_slot(struct cr_ctx *ctx, u8 slot, int *err)
{
	struct cr_slot *s = cr_slot_get(ctx->reader, slot);

	if (!s) {
		*err = -EINVAL;
		return NULL;
	}
	if (s->owner != ctx || s->leaving) {
		*err = -EACCES;
		return NULL;
	}
	return s;
}

static void enter_abort(struct cr_slot *s, struct cr_req *req)
{
	bool had = !list_empty(&s->queue);

	cr_purge(s, -ECANCELED);
	if (s->phase == CR_COMMAND && s->cur != &s->own) {
		list_add_tail(&req->node, &s->aborts);
		cr_stop(s, -ECANCELED, 0);
		return;
	}
	req->cqe.result = had ? 0 : -EALREADY;
	cr_complete(req);
}

/*
 * Hand one entry to its slot. *@refused: the one before was linked to it, and
 * its slot is not for this file.
 */
static void enter_hand(struct cr_ctx *ctx, struct cr_req *req, bool *refused)
{
	struct cr_slot *s;
	int err;

	s = enter_slot(ctx, req->slot, &err);
	if (s && ctx->reader->gone) {
		/* since its request was taken: nobody looks at the queue now */
		s = NULL;
		err = -ENODEV;
	}
	if (!s) {
		req->cqe.result = *refused ? -ECANCELED : err;
		*refused = req->flags & CARDRING_SQE_LINK;
		cr_complete(req);
	} else if (req->op == CARDRING_OP_ABORT && !req->preset) {
		enter_abort(s, req);
	} else {
		cr_enqueue(s, req);
	}
}

static void enter_commit(struct cr_ctx *ctx, struct list_head *batch)
{
	struct cr_reader *r = ctx->reader;
	struct cr_req *req, *next;
	bool refused = false;

	spin_lock_irq(&r->lock);
	list_for_each_entry_safe(req, next, batch, node) {
		list_del(&req->node);
		enter_hand(ctx, req, &refused);
	}
	if (r->gone)
		cr_flush_events(ctx);
	cr_kick(r);
	spin_unlock_irq(&r->lock);
}

/* Requests to fill, as many as there are entries to take and room for. */
static u32 enter_reserve(struct cr_ctx *ctx, u32 want, struct list_head *reqs)
{
	struct cr_reader *r = ctx->reader;
	u32 i, got;

	spin_lock_irq(&r->lock);
	ctx->starved = false;
	cr_flush_events(ctx);
	got = r->gone ? 0 : min(want, enter_room(ctx));
	for (i = 0; i < got; i++)
		list_move_tail(ctx->free.next, reqs);
	ctx->inflight += got;
	ctx->starved = got < want;
	cr_flush_events(ctx);
	spin_unlock_irq(&r->lock);
	return got;
}

static void enter_unreserve(struct cr_ctx *ctx, struct list_head *reqs, u32 n)
{
	if (!n)
		return;
	spin_lock_irq(&ctx->reader->lock);
	list_splice(reqs, &ctx->free);
	ctx->inflight -= n;
	if (ctx->reader->gone)
		cr_flush_events(ctx);
	spin_unlock_irq(&ctx->reader->lock);
}

/*
 * A chain may name one slot only and no ABORT. What breaks that rule ends with
 * -EINVAL in its turn, on the slot of the chain, as the rest does.
 */
static void enter_chain(const struct cr_req *before, struct cr_req *req)
{
	bool linked = before && before->flags & CARDRING_SQE_LINK;

	if (linked && req->slot != before->slot) {
		req->preset = -EINVAL;
		req->slot = before->slot;
	}
	if (req->op == CARDRING_OP_ABORT &&
	    (linked || req->flags & CARDRING_SQE_LINK))
		req->preset = -EINVAL;
}

/*
 * Take up to @want entries. Returns how many were taken; *@full says that the
 * ring had more and its completions no room.
 */
static u32 enter_submit(struct cr_ctx *ctx, u32 want, bool *full)
{
	struct cr_req *req, *before = NULL;
	struct cardring_sqe sqe;
	LIST_HEAD(reserve);
	LIST_HEAD(batch);
	u32 taken = 0, chain = 0, batched = 0, left;
	u32 head = ctx->ring.sq_head;
	bool last;

	want = min(want, cr_ring_filled(&ctx->ring));
	left = enter_reserve(ctx, want, &reserve);
	*full = left < want;

	while (left) {
		req = list_first_entry(&reserve, struct cr_req, node);
		left--;
		list_move_tail(&req->node, &batch);
		chain++;
		cr_ring_take(&ctx->ring, head + taken + chain - 1, &sqe);
		enter_prepare(ctx, &sqe, req);
		enter_chain(before, req);
		last = taken + chain == want;
		if (last)
			req->flags &= ~CARDRING_SQE_LINK;
		before = req;
		if (req->flags & CARDRING_SQE_LINK)
			continue;
		taken += chain;
		batched += chain;
		chain = 0;
		if (batched < ENTER_BATCH && left)
			continue;
		/* Entries are copied: the program may write them again. */
		cr_ring_consumed(&ctx->ring, head + taken);
		enter_commit(ctx, &batch);
		before = NULL;
		batched = 0;
	}

	/* No room for all of a chain: none of it was taken. */
	left = chain;
	while (chain--)
		list_move(batch.prev, &reserve);
	if (batched) {
		cr_ring_consumed(&ctx->ring, head + taken);
		enter_commit(ctx, &batch);
	}
	enter_unreserve(ctx, &reserve, left);
	return taken;
}

static bool enter_enough(struct cr_ctx *ctx, u32 want)
{
	bool enough;

	spin_lock_irq(&ctx->reader->lock);
	enough = cr_ring_unread(&ctx->ring) >= want || ctx->reader->gone;
	spin_unlock_irq(&ctx->reader->lock);
	return enough;
}

/* Returns 0 when @want completions are unread, or the reader is gone. */
static int enter_wait(struct cr_ctx *ctx, u32 want, s32 timeout_ms)
{
	struct cr_reader *r = ctx->reader;
	long left = timeout_ms < 0 ? MAX_SCHEDULE_TIMEOUT :
				     msecs_to_jiffies(timeout_ms);

	spin_lock_irq(&r->lock);
	ctx->wake_at = ctx->waiters++ ? min(ctx->wake_at, want) : want;
	spin_unlock_irq(&r->lock);

	left = wait_event_interruptible_timeout(ctx->wait,
						enter_enough(ctx, want), left);

	spin_lock_irq(&r->lock);
	ctx->waiters--;
	spin_unlock_irq(&r->lock);

	if (left < 0)
		return -EINTR;
	return left ? 0 : -ETIME;
}

static int enter_gone(struct cr_ctx *ctx, u32 want)
{
	struct cr_reader *r = ctx->reader;
	int err = 0;

	spin_lock_irq(&r->lock);
	if (r->gone) {
		cr_flush_events(ctx);
		if (!want || cr_ring_unread(&ctx->ring) < want)
			err = -ENODEV;
	}
	spin_unlock_irq(&r->lock);
	return err;
}

/**
 * cr_enter - CARDRING_IOC_ENTER
 * @ctx: the file, with rings
 * @arg: checked
 *
 * Return: entries taken, or -errno of the ABI.
 */
long cr_enter(struct cr_ctx *ctx, const struct cardring_enter *arg)
{
	u32 want = min(arg->min_complete, ctx->ring.cq_entries);
	bool full = false;
	u32 taken = 0;
	int err = 0;

	if (arg->to_submit) {
		if (mutex_lock_interruptible(&ctx->submit))
			return -EINTR;
		taken = enter_submit(ctx, arg->to_submit, &full);
		mutex_unlock(&ctx->submit);
	} else {
		spin_lock_irq(&ctx->reader->lock);
		cr_flush_events(ctx);
		spin_unlock_irq(&ctx->reader->lock);
	}

	if (want && arg->timeout_ms && !enter_enough(ctx, want))
		err = enter_wait(ctx, want, arg->timeout_ms);
	if (taken)
		return taken;
	err = err ?: enter_gone(ctx, arg->to_submit ? 0 : want);
	if (!err && full)
		err = -EAGAIN;
	return err;
}
