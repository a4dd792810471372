// SPDX-License-Identifier: BSD-2-Clause
/*
 * A ring's two threads. The caller is the one that is inside of PC/SC: it makes the connection that a claim asks for,
 * runs one command after the other, each from where the last one ended, and ends the connection. The keeper sleeps
 * until a deadline that nobody else has kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ccid/message.h"
#include "pcsc_int.h"

#define SETTLE		(500 * PCSC_MS)	/* pcscd looks for cards every 400 ms where the driver does not tell */

/* ---- commands ---- */

/* What the answer is, in the completion of cur. */
static void fill(struct pcsc_ring *r, const struct pcsc_call *call, int err)
{
	struct pcsc_req *req = r->cur;
	const struct cardring_sqe *sqe = &req->sqe;
	struct cardring_cqe *cqe = &req->cqe;
	size_t room = sqe->rx_len ? sqe->rx_len : cr_ring_payload_size(&r->mem.ring), n = call->len;

	cqe->status = call->status;
	cqe->error = call->error;
	if (err) {
		cr_pcsc_finish(r, err);
		return;
	}
	if (sqe->opcode == CARDRING_OP_POWER_ON) {
		r->powered = true;
		r->level = r->line.protocol == PCSC_T0 || r->line.short_only ? CARDRING_LEVEL_SHORT_APDU :
			   CARDRING_LEVEL_EXTENDED_APDU;
	}
	if (cr_ccid_command(sqe->opcode)->has_sw && n >= 2)
		cqe->sw = (uint16_t)(call->rsp[n - 2] << 8 | call->rsp[n - 1]);
	if (sqe->rx_buf == CARDRING_NO_BUF) {
		n = 0;
	} else {
		memcpy(cr_ring_payload(&r->mem.ring, sqe->rx_buf), call->rsp, n < room ? n : room);
		cqe->flags |= n ? CARDRING_CQE_COPIED : 0;
	}
	cqe->bytes = (uint32_t)(n < room ? n : room);
	if (n > room)
		err = -EMSGSIZE;
	else if (sqe->flags & CARDRING_SQE_EXPECT_SW && (cqe->sw & sqe->sw_mask) != sqe->sw)
		err = -EBADMSG;
	else
		err = (int)n;
	cr_pcsc_finish(r, err);
}

static int call_out(struct pcsc_ring *r, enum cardring_op op, size_t len, struct pcsc_call *call)
{
	switch (op) {
	case CARDRING_OP_POWER_ON:
		return cr_pcsc_power_on(&r->line, call);
	case CARDRING_OP_POWER_OFF:
		cr_pcsc_disconnect(&r->line, true);
		return 0;
	default:
		return cr_pcsc_xfer(&r->line, r->tx, len, call);
	}
}

/* A failure may be all that is known yet of a card that was pulled: pcscd says so a moment later. */
static void settle(struct pcsc_ring *r, uint64_t mine)
{
	uint64_t until = cr_pcsc_now() + SETTLE;

	while (r->cur && r->serial == mine && !r->closing && cr_pcsc_now() < until)
		cr_pcsc_sleep(r, &r->changes, until);
}

static void run(struct pcsc_ring *r)
{
	const struct cardring_sqe *sqe = &r->cur->sqe;
	struct pcsc_call call = { .rsp = r->rx };
	enum cardring_op op = sqe->opcode;
	uint64_t mine = r->serial, begin;
	size_t len = sqe->tx_len;
	int err;

	r->begun = true;
	if (len)
		memcpy(r->tx, cr_ring_payload(&r->mem.ring, sqe->tx_buf) + sqe->tx_off, len);
	r->calling = true;
	pthread_mutex_unlock(&r->lock);
	begin = cr_pcsc_now();
	err = call_out(r, op, len, &call);
	begin = cr_pcsc_now() - begin;
	pthread_mutex_lock(&r->lock);
	r->calling = false;
	if (err && cr_pcsc_unplugged(r))
		err = -ENODEV;
	if (err == -EREMOTEIO || (err == -ENOMEDIUM && r->present))
		settle(r, mine);
	if (r->cur && r->serial == mine) {
		r->cur->cqe.time_us = (uint32_t)(begin / 1000);
		fill(r, &call, err);
		if (err == -ENODEV)
			cr_pcsc_gone(r, CR_E_READER_GONE);
		else if (err == -ENOMEDIUM)
			cr_pcsc_purge(r, -ENOMEDIUM);
	}
	explicit_bzero(r->tx, len);
	explicit_bzero(r->rx, call.len);
	cr_pcsc_start(r);
	cr_pcsc_changed(r);
}

/* ---- claims ---- */

static void begin_claim(struct pcsc_ring *r)
{
	int err;

	pthread_mutex_unlock(&r->lock);
	err = cr_pcsc_connect(&r->line);
	pthread_mutex_lock(&r->lock);
	if (r->ask == PCSC_ASK_CONNECT) {
		r->ask = PCSC_ASK_ANSWERED;
		r->answer = err;
	} else {
		r->leave = true;	/* nobody waits for it any more */
	}
	cr_pcsc_changed(r);
}

static void end_claim(struct pcsc_ring *r, bool powered)
{
	pthread_mutex_unlock(&r->lock);
	cr_pcsc_disconnect(&r->line, powered);
	pthread_mutex_lock(&r->lock);
	r->leave = false;
	cr_pcsc_changed(r);
}

static void *caller(void *arg)
{
	struct pcsc_ring *r = arg;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		if (r->leave)
			end_claim(r, r->line.connected);
		else if (r->closing)
			break;
		else if (r->ask == PCSC_ASK_CONNECT)
			begin_claim(r);
		else if (r->cur && !r->begun)
			run(r);
		else
			cr_pcsc_sleep(r, &r->caller_word, PCSC_NEVER);
	}
	pthread_mutex_unlock(&r->lock);
	cr_pcsc_disconnect(&r->line, true);
	if (r->line.has_ctx)
		r->line.api->release(r->line.ctx);
	pthread_mutex_lock(&r->lock);
	cr_pcsc_changed(r);
	cr_pcsc_unref(r);
	return NULL;
}

/* ---- deadlines ---- */

static void *keeper(void *arg)
{
	struct pcsc_ring *r = arg;

	pthread_mutex_lock(&r->lock);
	while (!r->closing) {
		if (r->cur && cr_pcsc_now() >= r->deadline) {
			cr_pcsc_finish(r, -ETIMEDOUT);
			cr_pcsc_start(r);
			cr_pcsc_changed(r);
			continue;
		}
		r->keeper_until = r->cur ? r->deadline : PCSC_NEVER;
		cr_pcsc_sleep(r, &r->keeper_word, r->keeper_until);
		r->keeper_until = 0;
	}
	cr_pcsc_changed(r);
	cr_pcsc_unref(r);
	return NULL;
}

void cr_pcsc_sooner(struct pcsc_ring *r)
{
	/* one that wakes too early finds nothing, and sleeps again */
	if (r->deadline < r->keeper_until)
		cr_pcsc_wake(&r->keeper_word);
}

int cr_pcsc_start_threads(struct pcsc_ring *r)
{
	int err;

	r->refs++;
	err = cr_pcsc_thread(caller, r);
	if (!err) {
		r->refs++;
		err = cr_pcsc_thread(keeper, r);
	}
	if (err)
		r->refs--;
	return err;
}
