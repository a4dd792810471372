// SPDX-License-Identifier: GPL-2.0-only
/*
 * One command on the bus: from a request to a message, from the reader's
 * answer to a result.
 *
 * The header is built in the slot's private buffer, never in the arena, whose
 * header room the program could rewrite under the host controller (an XFER
 * would become an Escape). The answer's header is private too by the time it
 * comes here (bulk.c); of its payload this module reads two bytes, once each:
 * the status word.
 */
#include "reader.h"
#include "trace.h"

/**
 * cr_bus_errno - what a USB core error is to a program
 * @err: of usb_submit_urb() or an URB's status
 *
 * Return: an errno of the ABI.
 */
int cr_bus_errno(int err)
{
	switch (err) {
	case -ENOENT:		/* endpoints are disabled before disconnect() */
	case -ENODEV:
	case -ESHUTDOWN:
		return -ENODEV;
	case -EHOSTUNREACH:
		return -ESHUTDOWN;
	default:
		return -EIO;
	}
}

/* bPowerSelect: 1 is 5 V, 2 is 3 V, 3 is 1.8 V (CCID 1.1, 6.1.1) */
static u8 exec_next_voltage(struct cr_req *req)
{
	u8 select = fls(req->voltages);

	if (select)
		req->voltages &= ~BIT(select - 1);
	return select;
}

static void exec_voltage(struct cr_slot *s, struct cr_req *req)
{
	const struct cr_desc *desc = &s->reader->desc;

	req->voltages = 0;
	if (req->param[0] || desc->features & CR_FEATURE_AUTO_VOLTAGE)
		return;
	/* bVoltageSupport has its bits in bPowerSelect's order. */
	req->voltages = desc->voltages;
	req->param[0] = exec_next_voltage(req);
}

/* The caller arms bulk-in: a message may just be being taken apart. */
static int exec_send(struct cr_slot *s, struct cr_req *req)
{
	s->seq++;
	trace_cardring_submit(s->reader->index, s->index, s->seq, req->op,
			      req->tx_len);
	cr_header_build(s->tx_buf, cr_command(req->op)->type, req->tx_len,
			s->index, s->seq, req->param);
	return cr_tx_submit(s, req->tx, req->tx_len);
}

static bool exec_for_card(const struct cr_req *req)
{
	return req->ctx && cr_command(req->op)->needs_card;
}

static void exec_count_time(struct cr_histogram *h, ktime_t from, ktime_t to)
{
	h->count[cr_histogram_bucket(max_t(s64, ktime_us_delta(to, from), 0))]++;
}

/**
 * cr_exec - send a request's command
 * @s: its slot, idle
 * @req: the request, off the queue
 *
 * Where that fails at once, the request is completed and the slot still idle.
 */
void cr_exec(struct cr_slot *s, struct cr_req *req)
{
	struct cr_reader *r = s->reader;
	unsigned long deadline = msecs_to_jiffies(req->deadline_ms) + 1;
	int err;

	lockdep_assert_held(&r->lock);
	memset(&req->cqe, 0, sizeof(req->cqe));
	s->cur = req;
	s->phase = CR_COMMAND;
	s->answered = false;
	s->stop = 0;
	s->late = -ETIMEDOUT;
	s->notified = false;
	r->busy++;
	if (req->ctx)
		r->count.commands++;
	if (req->op == CARDRING_OP_POWER_ON) {
		s->powered = true;
		exec_voltage(s, req);
	}

	req->start = ktime_get();
	if (s->heard && exec_for_card(req))
		exec_count_time(&r->count.turnaround_us, s->heard, req->start);
	s->heard = 0;
	s->hard_deadline = jiffies + deadline * CARDRING_EXTENSION_CAP;
	cr_set_deadline(s, jiffies + deadline);
	err = exec_send(s, req);
	if (err)
		cr_finish(s, cr_bus_errno(err));
	else
		cr_rx_arm(r);
}

/* The card wants more time (CCID 1.1, 6.2.6): up to the hard cap. */
static void exec_extend(struct cr_slot *s, const struct cr_header *header)
{
	struct cr_req *req = s->cur;
	unsigned long deadline;

	req->cqe.flags |= CARDRING_CQE_EXTENDED;
	req->cqe.status = header->status;
	req->cqe.error = header->error;
	/* A card that was taken out gets no more time. */
	if (s->late != -ETIMEDOUT || s->stop)
		return;
	deadline = jiffies + msecs_to_jiffies(req->deadline_ms) + 1;
	if (time_after(deadline, s->hard_deadline))
		deadline = s->hard_deadline;
	cr_set_deadline(s, deadline);
}

/* The last two bytes of the payload at @data, each read once. */
static void exec_status_word(struct cr_req *req, const u8 *data, u32 len)
{
	if (!cr_command(req->op)->has_sw || len < 2)
		return;
	req->cqe.sw = READ_ONCE(data[len - 2]) << 8 | READ_ONCE(data[len - 1]);
}

/*
 * Bring the payload to where the program wants it, which with zero-copy it
 * already is. Return its length, or -EMSGSIZE.
 */
static int exec_payload(struct cr_slot *s, const struct cr_header *header)
{
	struct cr_reader *r = s->reader;
	struct cr_rx *rx = &r->rx;
	struct cr_req *req = s->cur;
	const u8 *data = rx->dst + CR_HDR;
	u32 there = min(header->len, rx->room - CR_HDR);

	r->count.bytes_rx += header->len;
	if (there == header->len)
		exec_status_word(req, data, there);
	if (!req->rx)
		return 0;

	req->cqe.bytes = min(there, req->rx_cap);
	if (rx->direct == s) {
		r->count.zero_copy++;
	} else if (req->cqe.bytes) {
		memcpy(req->rx + CR_HDR, data, req->cqe.bytes);
		req->cqe.flags |= CARDRING_CQE_COPIED;
		r->count.bytes_copied += req->cqe.bytes;
	}
	return header->len > req->cqe.bytes ? -EMSGSIZE : header->len;
}

static int exec_failed(const struct cr_header *header)
{
	if (CR_STATUS_ICC(header->status) == CR_ICC_ABSENT)
		return -ENOMEDIUM;
	return -EREMOTEIO;
}

/* Did the command achieve what it was for, beyond being answered? */
static int exec_judge(struct cr_slot *s, struct cr_req *req, int result)
{
	if (result >= 0 && req->flags & CARDRING_SQE_EXPECT_SW &&
	    (req->cqe.sw & req->sw_mask) != req->sw)
		return -EBADMSG;
	if (result < 0 && result != -EMSGSIZE)
		return result;

	switch (req->op) {
	case CARDRING_OP_POWER_ON:
		/* Powered, and pulled since: this ATR is of no use. */
		if (s->late != -ETIMEDOUT)
			return s->late;
		s->state = CARDRING_SLOT_POWERED;
		s->stale = false;
		break;
	case CARDRING_OP_POWER_OFF:
		s->powered = false;
		s->stale = true;
		if (s->state == CARDRING_SLOT_POWERED)
			s->state = CARDRING_SLOT_PRESENT;
		break;
	}
	return result;
}

/**
 * cr_answer - the reader answered the command in flight
 * @s: the slot, in CR_COMMAND, the answer's bSeq being its own
 * @header: the answer's header; the payload is where cr_rx says
 */
void cr_answer(struct cr_slot *s, const struct cr_header *header)
{
	struct cr_req *req = s->cur;
	ktime_t now;
	int result;

	if (!cr_answer_fits(cr_command(req->op), header)) {
		result = -EPROTO;
		goto finish;
	}
	if (CR_STATUS_COMMAND(header->status) == CR_COMMAND_EXTENSION) {
		exec_extend(s, header);
		return;
	}

	req->cqe.status = header->status;
	req->cqe.error = header->error;
	req->cqe.param = header->param;
	now = ktime_get();
	req->cqe.time_us = min_t(s64, ktime_us_delta(now, req->start), U32_MAX);
	if (exec_for_card(req))
		exec_count_time(&s->reader->count.answer_us, req->start, now);
	if (req->ctx)
		s->heard = now;
	cr_card_status(s, req->op, header->status);

	if (CR_STATUS_COMMAND(header->status) == CR_COMMAND_FAILED) {
		result = exec_failed(header);
		if (result == -EREMOTEIO && req->voltages && !s->tx_busy &&
		    !s->stop) {
			req->param[0] = exec_next_voltage(req);
			result = exec_send(s, req);
			if (!result)
				return;
			result = cr_bus_errno(result);
		}
	} else {
		result = exec_payload(s, header);
	}
	result = exec_judge(s, req, result);

finish:
	if (s->tx_busy) {
		/* The URB that carried the command is still to come back. */
		s->answered = true;
		s->answer = result;
		return;
	}
	cr_finish(s, result);
}
