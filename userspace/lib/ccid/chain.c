// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
#include <cardring/error.h>
#include "ccid/chain.h"

#define EMPTY_MAX	16

/* wLevelParameter and bChainParameter have the same values. */
enum { ALL = 0x00, BEGINS = 0x01, ENDS = 0x02, GOES_ON = 0x03, NEXT = 0x10 };

static void cut(struct cr_ccid_chain *c)
{
	size_t left = c->cmd_len - c->sent;

	c->part = left < c->most ? left : c->most;
}

int cr_ccid_chain_begin(struct cr_ccid_chain *c, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size,
			size_t most)
{
	memset(c, 0, sizeof(*c));
	if (!most || size < 2)
		return CR_E_TOO_LONG;
	c->cmd = cmd;
	c->cmd_len = len;
	c->rsp = rsp;
	c->size = size;
	c->most = most;
	cut(c);
	return 0;
}

static bool last(const struct cr_ccid_chain *c)
{
	return c->sent + c->part == c->cmd_len;
}

size_t cr_ccid_chain_message(const struct cr_ccid_chain *c, const uint8_t **data, uint16_t *level)
{
	*data = c->cmd + c->sent;
	if (c->begun) {
		*level = NEXT;
		return 0;
	}
	if (last(c))
		*level = c->sent ? ENDS : ALL;
	else
		*level = c->sent ? GOES_ON : BEGINS;
	return c->part;
}

int cr_ccid_chain_answer(struct cr_ccid_chain *c, const uint8_t *data, size_t len, uint8_t param)
{
	if (!last(c)) {		/* 6.2.1: nothing, and the next part is wanted */
		if (param != NEXT || len)
			return CR_E_READER_FAILED;
		c->sent += c->part;
		cut(c);
		return 1;
	}
	if (c->begun ? param != ENDS && param != GOES_ON : param != ALL && param != BEGINS)
		return CR_E_READER_FAILED;
	if (len > c->size - c->len)
		return CR_E_TOO_LONG;
	if (len)
		memcpy(c->rsp + c->len, data, len);
	c->len += len;
	if (param == BEGINS || param == GOES_ON) {
		if (!len && ++c->empty > EMPTY_MAX)
			return CR_E_READER_FAILED;
		c->begun = true;
		return 1;
	}
	return c->len < 2 ? CR_E_CARD_PROTOCOL : 0;
}
