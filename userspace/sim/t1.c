// SPDX-License-Identifier: BSD-2-Clause
/*
 * The card at T=1. It speaks only when spoken to, and remembers its last block: most of error handling is to say
 * that again, or, where there is none to repeat, which I-block it wants.
 */
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "t1.h"

#define CMD_ROOM	65544
#define RSP_ROOM	65538

/* What the last block of the card was. */
enum said { NOTHING, SAID_I, SAID_R, SAID_REQUEST, SAID_RESPONSE };
/* What waits behind an S(... request) of the card. */
enum pending { P_ACKNOWLEDGE, P_ANSWER, P_GIVE_BACK };

struct sim_t1 {
	struct sim_t1_config cfg;
	sim_apdu_fn apdu;
	void *arg;
	unsigned int ifsc, ifsd;
	unsigned int ours, theirs;	/* N(S) of our present or next I-block; of the one that must come */
	enum said said;
	bool i_out;		/* our last I-block is not acknowledged */
	enum pending pending;
	uint8_t last[SIM_T1_BLOCK_MAX];
	size_t last_len;
	unsigned int bad, asked;	/* blocks in a row that were no good; times that a request was made */
	unsigned int waits;		/* S(WTX request)s made for this answer */
	bool ifs_done;
	unsigned int in_blocks, out_blocks;	/* of this chain */
	uint8_t *cmd, *rsp;
	size_t cmd_len, rsp_len, rsp_off, piece;
};

static unsigned int edc_len(const struct sim_t1 *t)
{
	return t->cfg.crc ? 2 : 1;
}

/* ISO/IEC 13239, 4.2.5.2, by division: bits as they cross the line, the least significant of a byte first. */
static void edc(const struct sim_t1 *t, const uint8_t *p, size_t n, uint8_t *out)
{
	unsigned int rem = 0xFFFF;
	uint8_t lrc = 0;

	for (size_t i = 0; i < n; i++) {
		lrc ^= p[i];
		for (unsigned int bit = 0; bit < 8; bit++) {
			unsigned int in = p[i] >> bit & 1, top = rem >> 15 & 1;

			rem = (rem << 1 & 0xFFFF) ^ (in != top ? 0x1021 : 0);
		}
	}
	if (!t->cfg.crc) {
		out[0] = lrc;
		return;
	}
	out[0] = out[1] = 0;
	rem = ~rem;
	for (unsigned int bit = 0; bit < 16; bit++)	/* the highest coefficient crosses first */
		if (rem >> (15 - bit) & 1)
			out[bit / 8] |= 1U << bit % 8;
}

/* ---- speaking ---- */

static size_t say(struct sim_t1 *t, enum said what, uint8_t pcb, const uint8_t *inf, size_t n)
{
	t->said = what;
	t->last[0] = 0;
	t->last[1] = pcb;
	t->last[2] = n;
	if (n)
		memcpy(t->last + 3, inf, n);
	edc(t, t->last, 3 + n, t->last + 3 + n);
	t->last_len = 3 + n + edc_len(t);
	return t->last_len;
}

static size_t say_r(struct sim_t1 *t, unsigned int error)
{
	return say(t, SAID_R, 0x80 | t->theirs << 4 | error, NULL, 0);
}

static size_t request(struct sim_t1 *t, enum pending then, unsigned int type, unsigned int value)
{
	uint8_t inf = value;

	t->pending = then;
	t->asked = 1;
	return say(t, SAID_REQUEST, 0xC0 | type, &inf, type & 1);
}

static size_t again(struct sim_t1 *t)
{
	return t->last_len;
}

/* Rules 7.3 and 8: a request is made three times at most. */
static size_t request_again(struct sim_t1 *t)
{
	return t->asked++ < 3 ? again(t) : 0;
}

static size_t say_piece(struct sim_t1 *t)
{
	bool more = t->rsp_off + t->piece < t->rsp_len;

	t->i_out = true;
	return say(t, SAID_I, t->ours << 6 | more << 5, t->rsp + t->rsp_off, t->piece);
}

static size_t next_piece(struct sim_t1 *t)
{
	size_t left = t->rsp_len - t->rsp_off;

	t->piece = left > t->ifsd ? t->ifsd : left;
	t->out_blocks++;
	if (t->cfg.abort_response && t->out_blocks == t->cfg.abort_response && t->rsp_len > t->ifsd) {
		t->rsp_len = t->rsp_off = t->piece = 0;
		return request(t, P_GIVE_BACK, 2, 0);
	}
	return say_piece(t);
}

/* Within a chain of ours. */
static bool in_chain(const struct sim_t1 *t)
{
	return t->i_out && t->rsp_off + t->piece < t->rsp_len;
}

static void acknowledged(struct sim_t1 *t)
{
	if (t->i_out)
		t->ours ^= 1;
	t->i_out = false;
}

/* ---- listening ---- */

static size_t no_good(struct sim_t1 *t, bool by_edc)
{
	if (++t->bad > 3)	/* rule 7.4.3 */
		return 0;
	if (t->said == SAID_REQUEST)
		return request_again(t);
	if (t->said == SAID_R)	/* rule 7.2 */
		return again(t);
	return say_r(t, by_edc ? 1 : 2);
}

static size_t answer(struct sim_t1 *t)
{
	unsigned int times = t->cfg.wtx_times ? t->cfg.wtx_times : 1;

	if (t->cfg.wtx && t->waits < times) {
		t->waits++;
		return request(t, P_ANSWER, 3, t->cfg.wtx);
	}
	t->waits = 0;
	t->rsp_len = t->apdu(t->arg, t->cmd, t->cmd_len, t->rsp, RSP_ROOM);
	OPENSSL_cleanse(t->cmd, t->cmd_len);
	t->cmd_len = 0;
	t->rsp_off = 0;
	t->in_blocks = t->out_blocks = 0;
	return t->rsp_len ? next_piece(t) : 0;
}

static size_t hear_i(struct sim_t1 *t, const uint8_t *b)
{
	bool more = b[1] & 0x20;
	enum pending then = more ? P_ACKNOWLEDGE : P_ANSWER;

	if ((b[1] >> 6 & 1u) != t->theirs || in_chain(t) || t->said == SAID_REQUEST || t->cmd_len + b[2] > CMD_ROOM)
		return no_good(t, false);
	t->bad = 0;
	acknowledged(t);
	t->theirs ^= 1;
	t->rsp_len = t->rsp_off = 0;
	memcpy(t->cmd + t->cmd_len, b + 3, b[2]);
	t->cmd_len += b[2];
	t->in_blocks++;
	if (t->cfg.abort_command && t->in_blocks == t->cfg.abort_command && (more || t->in_blocks > 1)) {
		t->cmd_len = t->in_blocks = 0;
		return request(t, P_GIVE_BACK, 2, 0);
	}
	if (t->cfg.ask_ifsc && !t->ifs_done) {
		t->ifs_done = true;
		return request(t, then, 1, t->cfg.ask_ifsc);
	}
	if (more)
		return say_r(t, 0);
	return answer(t);
}

static size_t hear_r(struct sim_t1 *t, const uint8_t *b)
{
	unsigned int wanted = b[1] >> 4 & 1;

	if (t->said == SAID_REQUEST)
		return request_again(t);
	if (t->i_out && wanted == t->ours) {
		t->bad = 0;
		return say_piece(t);
	}
	if (in_chain(t)) {
		t->bad = 0;
		acknowledged(t);
		t->rsp_off += t->piece;
		return next_piece(t);
	}
	if (t->i_out)
		return no_good(t, false);	/* there is no such I-block of ours */
	t->bad = 0;
	if (t->said == SAID_R)
		return again(t);	/* rule 7.2 */
	return say_r(t, 0);		/* rule 7.6: its first block got lost; this is what we want */
}

static void start_anew(struct sim_t1 *t)
{
	t->ifsc = t->cfg.ifsc;
	t->ifsd = t->cfg.ifsd;
	t->ours = t->theirs = 0;
	t->said = NOTHING;
	t->i_out = false;
	t->last_len = 0;
	t->bad = t->waits = t->in_blocks = t->out_blocks = 0;
	OPENSSL_cleanse(t->cmd, t->cmd_len);
	OPENSSL_cleanse(t->rsp, t->rsp_len);
	t->cmd_len = t->rsp_len = t->rsp_off = t->piece = 0;
}

static size_t hear_request(struct sim_t1 *t, const uint8_t *b)
{
	switch (b[1] & 0x1F) {
	case 0:
		if (b[2])
			return no_good(t, false);
		start_anew(t);
		return say(t, SAID_RESPONSE, 0xE0, NULL, 0);
	case 1:
		if (b[2] != 1 || b[3] == 0 || b[3] == 255 || t->said == SAID_REQUEST)
			return no_good(t, false);
		t->bad = 0;
		acknowledged(t);
		t->ifsd = b[3];
		return say(t, SAID_RESPONSE, 0xE1, b + 3, 1);
	case 2:
		if (b[2] || (!in_chain(t) && !t->cmd_len && t->said != SAID_RESPONSE))
			return no_good(t, false);
		t->bad = 0;
		acknowledged(t);
		t->cmd_len = t->rsp_len = t->rsp_off = t->in_blocks = 0;
		return say(t, SAID_RESPONSE, 0xE2, NULL, 0);
	default:
		return no_good(t, false);
	}
}

static size_t hear_response(struct sim_t1 *t, const uint8_t *b)
{
	/* It must be the very thing that was asked for. */
	if (t->said != SAID_REQUEST || (b[1] & 0x1F) != (t->last[1] & 0x1F) || b[2] != t->last[2] ||
	    (b[2] && b[3] != t->last[3]))
		return no_good(t, false);
	t->bad = 0;
	if ((b[1] & 0x1F) == 1)
		t->ifsc = b[3];
	switch (t->pending) {
	case P_ANSWER:
		return answer(t);
	case P_GIVE_BACK:	/* rule 9 */
	case P_ACKNOWLEDGE:
	default:
		return say_r(t, 0);
	}
}

size_t sim_t1_block(struct sim_t1 *t, const uint8_t *in, size_t len, uint8_t out[SIM_T1_BLOCK_MAX])
{
	unsigned int tail = edc_len(t);
	uint8_t check[2];
	size_t n;

	if (len >= 3 + tail)
		edc(t, in, len - tail, check);
	if (len < 3 + tail || len != 3u + in[2] + tail || memcmp(check, in + len - tail, tail))
		n = no_good(t, true);
	else if (in[0] || in[2] > t->ifsc)
		n = no_good(t, false);
	else if (!(in[1] & 0x80))
		n = in[1] & 0x1F ? no_good(t, false) : hear_i(t, in);
	else if (!(in[1] & 0x40))
		n = in[1] & 0x2C || in[2] ? no_good(t, false) : hear_r(t, in);
	else
		n = in[1] & 0x20 ? hear_response(t, in) : hear_request(t, in);
	memcpy(out, t->last, n);
	return n;
}

/* ---- life ---- */

void sim_t1_reset(struct sim_t1 *t)
{
	start_anew(t);
	t->ifs_done = false;
}

struct sim_t1 *sim_t1_new(const struct sim_t1_config *cfg, sim_apdu_fn apdu, void *arg)
{
	struct sim_t1 *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->cfg = *cfg;
	t->cfg.ifsc = cfg->ifsc ? cfg->ifsc : 254;
	t->cfg.ifsd = cfg->ifsd ? cfg->ifsd : 32;
	t->apdu = apdu;
	t->arg = arg;
	t->cmd = malloc(CMD_ROOM);
	t->rsp = malloc(RSP_ROOM);
	if (!t->cmd || !t->rsp) {
		sim_t1_free(t);
		return NULL;
	}
	sim_t1_reset(t);
	return t;
}

void sim_t1_free(struct sim_t1 *t)
{
	if (!t)
		return;
	if (t->cmd && t->rsp)
		start_anew(t);
	free(t->cmd);
	free(t->rsp);
	OPENSSL_cleanse(t, sizeof(*t));
	free(t);
}
