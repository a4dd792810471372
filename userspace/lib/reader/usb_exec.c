// SPDX-License-Identifier: BSD-2-Clause
/* One command: sent, given more time, answered, judged. */
#include <errno.h>
#include <string.h>
#include "usb_int.h"

/* The lowest voltage that is left to try. bPowerSelect 1 is 5 V, 2 is 3 V, 3 is 1.8 V (CCID 1.1, 6.1.1). */
static uint8_t next_voltage(struct usb_req *req)
{
	static const struct { uint8_t bit, select; } lowest_first[] = {
		{ CR_CCID_1V8, 3 }, { CR_CCID_3V, 2 }, { CR_CCID_5V, 1 },
	};

	for (unsigned int i = 0; i < 3; i++) {
		if (req->voltages & lowest_first[i].bit) {
			req->voltages &= (uint8_t)~lowest_first[i].bit;
			return lowest_first[i].select;
		}
	}
	return 0;
}

static void choose_voltage(const struct usb_slot *s, struct usb_req *req)
{
	const struct cr_ccid_desc *desc = &s->reader->itf.desc;

	req->voltages = 0;
	if (req->sqe.param[0] || desc->features & CR_CCID_AUTO_VOLTAGE)
		return;
	req->voltages = desc->voltages;
	req->sqe.param[0] = next_voltage(req);
}

static uint64_t deadline_ns(const struct usb_req *req)
{
	return (req->sqe.deadline_ms ? req->sqe.deadline_ms : CARDRING_DEF_DEADLINE_MS) * USB_MS;
}

/* Sends a command on an idle slot. Where that fails at once it is completed, and the slot idle as before. */
void cr_usb_exec(struct usb_slot *s, struct usb_req *req)
{
	int err;

	memset(&req->cqe, 0, sizeof(req->cqe));
	s->cur = req;
	s->phase = USB_COMMAND;
	s->answered = false;
	s->stop = 0;
	s->late = -ETIMEDOUT;
	s->notified = false;
	s->reader->busy++;
	if (req->sqe.opcode == CARDRING_OP_POWER_ON) {
		s->powered = true;
		choose_voltage(s, req);
	}
	req->start = cr_usb_now();
	s->hard_deadline = req->start + deadline_ns(req) * CARDRING_EXTENSION_CAP;
	s->deadline = req->start + deadline_ns(req);
	s->seq++;
	err = cr_usb_tx(s, req);
	if (err)
		cr_usb_finish(s, err);
}

/* CCID 1.1, 6.2.6: the card wants more time. A card that was taken out gets none. */
static void extend(struct usb_slot *s, const struct cr_ccid_header *h)
{
	struct usb_req *req = s->cur;
	uint64_t deadline = cr_usb_now() + deadline_ns(req);

	req->cqe.flags |= CARDRING_CQE_EXTENDED;
	req->cqe.status = h->status;
	req->cqe.error = h->error;
	if (s->late == -ETIMEDOUT && !s->stop)
		s->deadline = deadline < s->hard_deadline ? deadline : s->hard_deadline;
}

/* Brings the payload to where the program wants it, where it may be already. Its length or -EMSGSIZE. */
static int take_payload(struct usb_slot *s, const struct cr_ccid_header *h)
{
	const struct usb_rx *rx = &s->reader->rx;
	const uint8_t *data = rx->dst + CR_CCID_HDR;
	uint32_t there = h->len, room;
	struct usb_req *req = s->cur;
	uint8_t *to;

	if (there > rx->room - CR_CCID_HDR)
		there = (uint32_t)(rx->room - CR_CCID_HDR);
	if (there == h->len && there >= 2 && cr_ccid_command(req->sqe.opcode)->has_sw)
		req->cqe.sw = (uint16_t)(data[there - 2] << 8 | data[there - 1]);
	/* what has no payload in its answer does not say where to put one */
	if (!req->ring || req->sqe.rx_buf == CARDRING_NO_BUF ||
	    cr_ccid_command(req->sqe.opcode)->answer == CR_CCID_SLOT_STATUS)
		return 0;
	room = req->sqe.rx_len ? req->sqe.rx_len : (uint32_t)cr_ring_payload_size(&req->ring->mem.ring);
	req->cqe.bytes = there < room ? there : room;
	if (rx->direct != s && req->cqe.bytes) {
		to = cr_ring_payload(&req->ring->mem.ring, req->sqe.rx_buf);
		memcpy(to, data, req->cqe.bytes);
		req->cqe.flags |= CARDRING_CQE_COPIED;
	}
	return h->len > room ? -EMSGSIZE : (int)h->len;
}

/* Did the command achieve what it was for, beyond being answered? */
static int judge(struct usb_slot *s, const struct usb_req *req, int result)
{
	if (result >= 0 && req->sqe.flags & CARDRING_SQE_EXPECT_SW && (req->cqe.sw & req->sqe.sw_mask) != req->sqe.sw)
		return -EBADMSG;
	if (result < 0 && result != -EMSGSIZE)
		return result;
	if (req->sqe.opcode == CARDRING_OP_POWER_ON) {
		/* powered, and pulled since: of no use */
		if (s->late != -ETIMEDOUT)
			return s->late;
		s->state = CARDRING_SLOT_POWERED;
		s->stale = false;
	} else if (req->sqe.opcode == CARDRING_OP_POWER_OFF) {
		s->powered = false;
		s->stale = true;
		if (s->state == CARDRING_SLOT_POWERED)
			s->state = CARDRING_SLOT_PRESENT;
	}
	return result;
}

static void ended(struct usb_slot *s, int result)
{
	if (!s->tx_busy) {
		cr_usb_finish(s, result);
		return;
	}
	/* the transfer that carried the command is still to come back */
	s->answered = true;
	s->answer = result;
}

/* An answer to the command in flight; its payload is where the reader's rx says. */
void cr_usb_answer(struct usb_slot *s, const struct cr_ccid_header *h)
{
	struct usb_req *req = s->cur;
	int result;

	if (!cr_ccid_answers(cr_ccid_command(req->sqe.opcode), h)) {
		ended(s, -EPROTO);
		return;
	}
	if (cr_ccid_verdict(h->status) == CR_CCID_EXTENSION) {
		extend(s, h);
		return;
	}
	req->cqe.status = h->status;
	req->cqe.error = h->error;
	req->cqe.param = h->param;
	req->cqe.time_us = (uint32_t)((cr_usb_now() - req->start) / 1000);
	cr_usb_card_status(s, req->sqe.opcode, h->status);
	if (cr_ccid_verdict(h->status) == CR_CCID_OK) {
		result = take_payload(s, h);
	} else if (cr_ccid_icc(h->status) == CR_ICC_ABSENT) {
		result = -ENOMEDIUM;
	} else {
		result = -EREMOTEIO;
		if (req->voltages && !s->tx_busy && !s->stop) {
			req->sqe.param[0] = next_voltage(req);
			s->seq++;
			result = cr_usb_tx(s, req);
			if (!result)
				return;
		}
	}
	ended(s, judge(s, req, result));
}
