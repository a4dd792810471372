// SPDX-License-Identifier: BSD-2-Clause
/*
 * T=1. The rules named are those of ISO/IEC 7816-3:2006, 11.6.2 and 11.6.3.
 *
 * Two sequence bits run: N(S) of our I-blocks and N(S) of the card's. An I-block acknowledges the other
 * side's last I-block; within a chain an R-block does, naming the I-block that is wanted next.
 */
#include <string.h>
#include <cardring/error.h>
#include "ccid/t1.h"

#define TRIES		3	/* rules 6.4 and 7.4: of a block, of S(RESYNCH request) */
#define S_IFS_MAX	16	/* S(IFS request)s of a card in one APDU */
#define EMPTY_MAX	16	/* blocks of a chain with nothing in them, in one APDU */

/* 11.3.2.2, PCB */
enum {
	I_NS = 0x40, I_MORE = 0x20, I_RFU = 0x1f,
	R_BLOCK = 0x80, R_NR = 0x10, R_EDC = 0x01, R_OTHER = 0x02, R_RFU = 0x2c,
	S_BLOCK = 0xc0, S_RESPONSE = 0x20, S_RFU = 0x1c,
	S_RESYNCH = 0x00, S_IFS = 0x01, S_ABORT = 0x02, S_WTX = 0x03,
};

enum kind { I, R, S, INVALID };

struct block {
	enum kind kind;
	uint8_t pcb;
	const uint8_t *inf;
	size_t len;
};

/* ---- blocks ---- */

/* 11.3.4: ISO/IEC 13239, FCS of 16 bits, its first bit first. */
static uint16_t crc16(const uint8_t *p, size_t len)
{
	uint16_t crc = 0xffff;

	while (len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc & 1 ? (uint16_t)(crc >> 1 ^ 0x8408) : crc >> 1;
	}
	return (uint16_t)~crc;
}

static size_t epilogue(const struct cr_t1 *t, const uint8_t *p, size_t len, uint8_t out[2])
{
	uint16_t crc;

	if (t->params.crc) {
		crc = crc16(p, len);
		out[0] = (uint8_t)crc;
		out[1] = (uint8_t)(crc >> 8);
		return 2;
	}
	out[0] = 0;
	while (len--)
		out[0] ^= *p++;
	return 1;
}

size_t cr_t1_block(const struct cr_t1 *t, uint8_t out[CR_T1_BLOCK_MAX])
{
	size_t len = 0;

	out[0] = 0;	/* NAD: node addresses are not used */
	out[1] = t->pcb;
	if (!(t->pcb & R_BLOCK)) {
		len = t->chunk;
		memcpy(out + 3, t->cmd + t->sent, len);
	} else if ((t->pcb & S_BLOCK) == S_BLOCK && (t->pcb & 1)) {	/* IFS, WTX */
		out[3] = t->inf;
		len = 1;
	}
	out[2] = (uint8_t)len;
	return 3 + len + epilogue(t, out, 3 + len, out + 3 + len);
}

uint8_t cr_t1_bwi(const struct cr_t1 *t)
{
	return t->bwi;
}

/* Takes a block apart; *edc: its epilogue is wrong (or its length says nothing). */
static struct block parse(const struct cr_t1 *t, const uint8_t *p, size_t len, bool *edc)
{
	struct block b = { .kind = INVALID };
	size_t tail = t->params.crc ? 2 : 1;
	uint8_t check[2];

	*edc = true;
	if (len < 3 + tail || len != 3 + p[2] + tail)
		return b;
	epilogue(t, p, len - tail, check);
	if (memcmp(check, p + len - tail, tail))
		return b;
	*edc = false;
	if (p[0] || p[2] > t->ifsd)	/* LEN 255 is RFU, so it is too much in each case */
		return b;
	b.pcb = p[1];
	b.inf = p + 3;
	b.len = p[2];
	if (!(b.pcb & R_BLOCK)) {
		b.kind = b.pcb & I_RFU ? INVALID : I;
	} else if ((b.pcb & S_BLOCK) == R_BLOCK) {
		b.kind = b.pcb & R_RFU || (b.pcb & (R_EDC | R_OTHER)) == 3 || b.len ? INVALID : R;
	} else {
		bool with_value = b.pcb & 1;

		if (b.pcb & S_RFU || b.len != with_value || (with_value && !b.inf[0]) ||
		    ((b.pcb & 3) == S_IFS && b.inf[0] == 255))
			return b;
		b.kind = S;
	}
	return b;
}

/* ---- what is to be sent ---- */

static int send_i(struct cr_t1 *t, bool again)
{
	if (!again) {
		size_t left = t->cmd_len - t->sent;

		t->chunk = left < t->ifsc ? left : t->ifsc;
		if (t->chunk > t->params.inf_max)
			t->chunk = t->params.inf_max;
	}
	t->state = CR_T1_SEND;
	t->pcb = t->ns ? I_NS : 0;
	if (t->sent + t->chunk < t->cmd_len)
		t->pcb |= I_MORE;
	else
		t->executed = true;
	return 1;
}

static int send_r(struct cr_t1 *t, uint8_t error)
{
	t->pcb = (uint8_t)(R_BLOCK | (t->nr ? R_NR : 0) | error);
	return 1;
}

static int send_s(struct cr_t1 *t, uint8_t pcb, uint8_t inf)
{
	t->pcb = (uint8_t)(S_BLOCK | pcb);
	t->inf = inf;
	return 1;
}

static int request(struct cr_t1 *t, enum cr_t1_state state, uint8_t type, uint8_t inf)
{
	t->state = state;
	t->invalid = t->repeats = 0;
	return send_s(t, type, inf);
}

/* The command from its beginning; before it the card is told IFSD if it does not know. */
static int send_command(struct cr_t1 *t)
{
	t->sent = 0;
	t->executed = false;
	t->invalid = t->repeats = 0;
	if (t->params.ifsd && t->ifsd != t->params.ifsd)
		return request(t, CR_T1_IFS, S_IFS, t->params.ifsd);
	return send_i(t, false);
}

static int die(struct cr_t1 *t, int err)
{
	t->state = CR_T1_DEAD;
	t->err = err;
	return err;
}

static int end(struct cr_t1 *t, int err)
{
	t->state = CR_T1_IDLE;
	return err;
}

/* ---- error handling, 11.6.3 ---- */

static int resynchronise(struct cr_t1 *t, int why)
{
	if (!t->heard || t->restarted)	/* rule 7.4.1: a reset is what is left */
		return die(t, why);
	t->err = why;
	return request(t, CR_T1_RESYNCH, S_RESYNCH, 0);
}

/* No block without error came. */
static int invalid(struct cr_t1 *t, uint8_t error, int why)
{
	if (++t->invalid >= TRIES)
		return t->state == CR_T1_RESYNCH ? die(t, why) : resynchronise(t, why);
	switch (t->state) {
	case CR_T1_RESYNCH:
	case CR_T1_IFS:
	case CR_T1_ABORT:
		return 1;		/* rule 7.3: the request again */
	default:
		return send_r(t, error);	/* rules 7.1 and 7.2 */
	}
}

/* A good block came that gains nothing; what pcb says is sent again. */
static int repeat(struct cr_t1 *t)
{
	if (++t->repeats >= TRIES)
		return resynchronise(t, CR_E_CARD_PROTOCOL);
	return 1;
}

static int unexpected(struct cr_t1 *t)
{
	return invalid(t, R_OTHER, CR_E_CARD_PROTOCOL);
}

static int gained(struct cr_t1 *t)
{
	t->invalid = t->repeats = 0;
	return 1;
}

/* ---- what came ---- */

static int got_i(struct cr_t1 *t, const struct block *b)
{
	if ((b->pcb & I_NS) != (t->nr ? I_NS : 0))
		return unexpected(t);
	if (t->state == CR_T1_SEND) {
		if (t->sent + t->chunk < t->cmd_len)
			return unexpected(t);	/* in the middle of ours: rule 5 wants an R-block */
		t->ns ^= 1;			/* it acknowledges our last */
		t->state = CR_T1_RECEIVE;
	} else if (t->state != CR_T1_RECEIVE) {
		return unexpected(t);
	}
	gained(t);
	t->nr ^= 1;
	if (b->len > t->size - t->len) {
		if (b->pcb & I_MORE)
			return cr_t1_abort(t, CR_E_TOO_LONG);
		return end(t, CR_E_TOO_LONG);
	}
	memcpy(t->rsp + t->len, b->inf, b->len);
	t->len += b->len;
	if (b->pcb & I_MORE) {
		if (!b->len && ++t->empty > EMPTY_MAX)
			return cr_t1_abort(t, CR_E_CARD_PROTOCOL);
		return send_r(t, 0);
	}
	return end(t, t->len < 2 ? CR_E_CARD_PROTOCOL : 0);
}

static int got_r(struct cr_t1 *t, const struct block *b)
{
	uint8_t wanted = b->pcb & R_NR ? 1 : 0;

	switch (t->state) {
	case CR_T1_ABORTED:	/* rule 9: ours is the right to send, with what it wants next */
		t->ns = wanted;
		return end(t, CR_E_CARD_PROTOCOL);
	case CR_T1_SEND:
		if (wanted == t->ns) {	/* rule 7.1, the card's: it has not got it */
			t->executed = false;
			if (++t->repeats >= TRIES)
				return resynchronise(t, CR_E_CARD_PROTOCOL);
			t->invalid = 0;
			return send_i(t, true);
		}
		if (t->sent + t->chunk == t->cmd_len) {
			/* It has all, and wants our last block again: that asked for its answer. */
			t->invalid = 0;
			send_r(t, R_OTHER);
			return repeat(t);
		}
		gained(t);
		t->sent += t->chunk;
		t->ns ^= 1;
		return send_i(t, false);
	case CR_T1_RECEIVE:	/* rule 7.2, the card's: our acknowledgement did not arrive */
		t->invalid = 0;
		send_r(t, 0);
		return repeat(t);
	default:
		return unexpected(t);
	}
}

static int got_s_request(struct cr_t1 *t, const struct block *b)
{
	uint8_t type = b->pcb & 3;
	bool chain = t->state == CR_T1_RECEIVE || (t->state == CR_T1_SEND && t->cmd_len > t->chunk);

	if (t->state != CR_T1_SEND && t->state != CR_T1_RECEIVE && t->state != CR_T1_ABORTED)
		return unexpected(t);	/* ours is out: rule 7.3 */
	switch (type) {
	case S_WTX:
		if (++t->s_requests > CR_T1_WTX_MAX)
			return resynchronise(t, CR_E_CARD_PROTOCOL);
		t->bwi = b->inf[0];
		break;
	case S_IFS:
		t->s_requests += CR_T1_WTX_MAX / S_IFS_MAX;
		if (t->s_requests > CR_T1_WTX_MAX)
			return resynchronise(t, CR_E_CARD_PROTOCOL);
		t->ifsc = b->inf[0];
		break;
	case S_ABORT:
		if (t->state == CR_T1_ABORTED) {	/* our answer did not arrive */
			send_s(t, S_RESPONSE | S_ABORT, 0);
			return repeat(t);
		}
		if (!chain)
			return unexpected(t);
		t->state = CR_T1_ABORTED;
		t->repeats = 0;
		break;
	default:	/* rule 6.1: RESYNCH is for us to ask */
		return unexpected(t);
	}
	t->invalid = 0;
	return send_s(t, S_RESPONSE | type, b->len ? b->inf[0] : 0);
}

static int got_s_response(struct cr_t1 *t, const struct block *b)
{
	uint8_t type = b->pcb & 3;

	switch (t->state) {
	case CR_T1_RESYNCH:
		if (type != S_RESYNCH)
			return unexpected(t);
		/* rule 6.3: as after the answer to reset */
		t->ns = t->nr = 0;
		t->ifsc = t->params.ifsc;
		if (t->params.ifsd)
			t->ifsd = CR_T1_IFS_DEFAULT;
		if (t->executed)
			return end(t, t->err);
		t->restarted = t->err != 0;
		return send_command(t);
	case CR_T1_IFS:
		if (type != S_IFS || b->inf[0] != t->params.ifsd)
			return unexpected(t);
		t->ifsd = t->params.ifsd;
		gained(t);
		return send_i(t, false);
	case CR_T1_ABORT:
		if (type != S_ABORT)
			return unexpected(t);
		return end(t, t->err);
	default:
		return unexpected(t);
	}
}

int cr_t1_answer(struct cr_t1 *t, const uint8_t *block, size_t len)
{
	struct block b;
	bool edc;

	if (t->state == CR_T1_IDLE || t->state == CR_T1_DEAD)
		return CR_E_INVALID;
	t->bwi = 0;
	b = parse(t, block, len, &edc);
	if (b.kind != INVALID)
		t->heard = true;
	switch (b.kind) {
	case I:
		return got_i(t, &b);
	case R:
		return got_r(t, &b);
	case S:
		return b.pcb & S_RESPONSE ? got_s_response(t, &b) : got_s_request(t, &b);
	default:
		return invalid(t, edc ? R_EDC : R_OTHER, CR_E_CARD_PROTOCOL);
	}
}

int cr_t1_no_answer(struct cr_t1 *t, int why)
{
	if (t->state == CR_T1_IDLE || t->state == CR_T1_DEAD)
		return CR_E_INVALID;
	t->bwi = 0;
	return invalid(t, why == CR_E_CARD_MUTE ? R_OTHER : R_EDC, why);
}

int cr_t1_withdraw(struct cr_t1 *t)
{
	if (t->state != CR_T1_SEND || t->pcb & R_BLOCK || t->sent || t->chunk != t->cmd_len)
		return CR_E_INVALID;
	t->state = CR_T1_IDLE;		/* N(S) goes on with the card's acknowledgement only */
	return 0;
}

int cr_t1_abort(struct cr_t1 *t, int err)
{
	if (t->state != CR_T1_RECEIVE && (t->state != CR_T1_SEND || t->cmd_len <= t->chunk))
		return CR_E_INVALID;
	t->err = err;
	return request(t, CR_T1_ABORT, S_ABORT, 0);
}

/* ---- beginning ---- */

void cr_t1_reset(struct cr_t1 *t, const struct cr_t1_params *params)
{
	memset(t, 0, sizeof(*t));
	t->params = *params;
	t->ifsc = params->ifsc;
	t->ifsd = params->ifsd ? CR_T1_IFS_DEFAULT : CR_T1_IFS_MAX;
}

int cr_t1_begin(struct cr_t1 *t, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	bool in_order = t->state == CR_T1_IDLE;

	if (t->state == CR_T1_DEAD)
		return t->err;
	if (len < 4)
		return CR_E_MALFORMED;
	if (size < 2)
		return CR_E_TOO_LONG;
	t->cmd = cmd;
	t->cmd_len = len;
	t->rsp = rsp;
	t->size = size;
	t->len = 0;
	t->sent = t->chunk = 0;
	t->executed = t->restarted = false;
	t->err = 0;
	t->s_requests = t->empty = 0;
	t->bwi = 0;
	if (in_order || !t->heard)
		send_command(t);
	else
		request(t, CR_T1_RESYNCH, S_RESYNCH, 0);
	return 0;
}
