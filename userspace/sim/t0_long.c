// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include "t0_long.h"

#define CMD_ROOM	65544
#define RSP_ROOM	65538

struct sim_t0_long {
	sim_apdu_fn apdu;
	void *arg;
	bool chaining, envelope;
	uint8_t header[4];	/* of the chain under way */
	bool chained, enveloped;
	uint8_t *cmd, *rsp;
	size_t cmd_len, rsp_off, rsp_len;	/* of a response, data not fetched yet, and behind them the status word */
};

static size_t status(uint8_t *rsp, size_t n, unsigned int sw)
{
	rsp[n] = sw >> 8;
	rsp[n + 1] = sw;
	return n + 2;
}

static unsigned int more(size_t n)
{
	return 0x6100 | (n > 255 ? 0 : n);
}

static void forget(struct sim_t0_long *t)
{
	t->chained = t->enveloped = false;
	t->cmd_len = 0;
}

void sim_t0_long_reset(struct sim_t0_long *t)
{
	forget(t);
	t->rsp_off = t->rsp_len = 0;
}

static size_t get_response(struct sim_t0_long *t, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	size_t left = t->rsp_len - t->rsp_off, n = cmd[4] ? cmd[4] : 256;

	if (len != 5)
		return status(rsp, 0, 0x6700);
	if (cmd[0] & 0x1C || cmd[2] || cmd[3])
		return status(rsp, 0, cmd[2] || cmd[3] ? 0x6A86 : 0x6E00);
	if (!left)
		return status(rsp, 0, 0x6985);
	if (n > left)
		return status(rsp, 0, 0x6C00 | left);
	if (n + 2 > size)
		return 0;
	memcpy(rsp, t->rsp + t->rsp_off, n);
	t->rsp_off += n;
	left -= n;
	return status(rsp, n, left ? more(left) : (unsigned int)(t->rsp[t->rsp_len] << 8 | t->rsp[t->rsp_len + 1]));
}

/* Executes the C-APDU that is there. Data of an answer wait, unless the command takes none to the card. */
static size_t execute(struct sim_t0_long *t, bool outgoing, uint8_t *rsp, size_t size)
{
	size_t n = t->apdu(t->arg, t->cmd, t->cmd_len, t->rsp, RSP_ROOM);

	forget(t);
	if (n < 2)
		return 0;
	t->rsp_off = 0;
	t->rsp_len = n - 2;
	if (outgoing || n == 2) {
		t->rsp_len = 0;
		if (n > size)
			return 0;
		memcpy(rsp, t->rsp, n);
		return n;
	}
	return status(rsp, 0, more(t->rsp_len));
}

/* 7816-3:2006, 12.1.2 and .3: how long a C-APDU is that begins like this; 0: not known yet. */
static size_t whole(const uint8_t *c, size_t n)
{
	size_t lc;

	if (n < 7)
		return 0;
	lc = c[4] ? c[4] : (size_t)c[5] << 8 | c[6];
	return c[4] ? 5 + lc : 7 + lc;
}

static size_t take_envelope(struct sim_t0_long *t, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	size_t want, n = len - 5;

	if (cmd[2] || cmd[3])
		return status(rsp, 0, 0x6A86);
	if (!t->enveloped)
		forget(t);
	if (!n || t->cmd_len + n > CMD_ROOM) {
		forget(t);
		return status(rsp, 0, 0x6700);
	}
	t->enveloped = true;
	memcpy(t->cmd + t->cmd_len, cmd + 5, n);
	t->cmd_len += n;
	want = whole(t->cmd, t->cmd_len);
	if (!want || t->cmd_len < want)
		return status(rsp, 0, 0x9000);
	return execute(t, false, rsp, size);
}

static size_t take_chained(struct sim_t0_long *t, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	bool last = !(cmd[0] & 0x10);
	size_t n = len - 5;

	if (t->chained && (memcmp(t->header + 1, cmd + 1, 3) || t->header[0] != (cmd[0] & 0xEF))) {
		forget(t);
		return status(rsp, 0, 0x6883);
	}
	if (!t->chained) {
		forget(t);
		memcpy(t->header, cmd, 4);
		t->header[0] &= 0xEF;
		t->chained = true;
		t->cmd_len = 7;		/* header and extended Lc */
	}
	if (t->cmd_len + n > 7 + 65535) {
		forget(t);
		return status(rsp, 0, 0x6700);
	}
	memcpy(t->cmd + t->cmd_len, cmd + 5, n);
	t->cmd_len += n;
	if (!last)
		return status(rsp, 0, 0x9000);
	memcpy(t->cmd, t->header, 4);
	t->cmd[4] = 0;
	t->cmd[5] = (t->cmd_len - 7) >> 8;
	t->cmd[6] = t->cmd_len - 7;
	return execute(t, false, rsp, size);
}

size_t sim_t0_long_tpdu(struct sim_t0_long *t, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	bool with_data = len > 5;

	if (size < 2 || len < 5)
		return size < 2 ? 0 : status(rsp, 0, 0x6700);
	if (with_data && len != 5u + cmd[4])
		return status(rsp, 0, 0x6700);
	if (cmd[1] == 0xC0)
		return get_response(t, cmd, len, rsp, size);
	t->rsp_off = t->rsp_len = 0;
	if (cmd[1] == 0xC2 && t->envelope)
		return take_envelope(t, cmd, len, rsp, size);
	if (t->chaining && (cmd[0] & 0x10 || t->chained))
		return take_chained(t, cmd, len, rsp, size);
	forget(t);
	memcpy(t->cmd, cmd, len);
	/* P3 of zero without data: Le of 256 where data come out (READ BINARY), else there is none */
	t->cmd_len = len == 5 && !cmd[4] && cmd[1] != 0xB0 ? 4 : len;
	return execute(t, !with_data, rsp, size);
}

struct sim_t0_long *sim_t0_long_new(sim_apdu_fn apdu, void *arg, bool chaining, bool envelope)
{
	struct sim_t0_long *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->apdu = apdu;
	t->arg = arg;
	t->chaining = chaining;
	t->envelope = envelope;
	t->cmd = malloc(CMD_ROOM);
	t->rsp = malloc(RSP_ROOM);
	if (!t->cmd || !t->rsp) {
		sim_t0_long_free(t);
		return NULL;
	}
	return t;
}

void sim_t0_long_free(struct sim_t0_long *t)
{
	if (!t)
		return;
	free(t->cmd);
	free(t->rsp);
	free(t);
}
