// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
#include "ccid/message.h"

/* CCID 1.1, 6.1: what is sent, what answers it, and how much of the header is the command's own */
#define CARD	.needs_card = true
static const struct cr_ccid_command commands[CARDRING_OP__COUNT] = {
	[CARDRING_OP_XFER]	     = { 0x6F, 0x80, 3, .payload = true, CARD, .has_sw = true },
	[CARDRING_OP_POWER_ON]	     = { 0x62, 0x80, 1 },
	[CARDRING_OP_POWER_OFF]	     = { 0x63, 0x81, 0 },
	[CARDRING_OP_SLOT_STATUS]    = { 0x65, 0x81, 0 },
	[CARDRING_OP_GET_PARAMS]     = { 0x6C, 0x82, 0, CARD },
	[CARDRING_OP_RESET_PARAMS]   = { 0x6D, 0x82, 0, CARD },
	[CARDRING_OP_SET_PARAMS]     = { 0x61, 0x82, 1, .payload = true, CARD },
	[CARDRING_OP_SECURE]	     = { 0x69, 0x80, 3, .payload = true, CARD, .has_sw = true },
	[CARDRING_OP_ESCAPE]	     = { 0x6B, 0x83, 0, .payload = true },
	[CARDRING_OP_ICC_CLOCK]	     = { 0x6E, 0x81, 1, CARD },
	[CARDRING_OP_T0_APDU]	     = { 0x6A, 0x81, 3, CARD },
	[CARDRING_OP_MECHANICAL]     = { 0x71, 0x81, 1 },
	[CARDRING_OP_SET_RATE_CLOCK] = { 0x73, 0x84, 0, .payload = true, CARD },
	/* NOP and ABORT send nothing of their own */
};

const struct cr_ccid_command *cr_ccid_command(unsigned int op)
{
	return op < CARDRING_OP__COUNT ? &commands[op] : NULL;
}

void cr_ccid_put_header(uint8_t *to, uint8_t type, uint32_t len, uint8_t slot, uint8_t seq, const uint8_t *param)
{
	const uint8_t head[7] = { type, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16),
				  (uint8_t)(len >> 24), slot, seq };

	memcpy(to, head, sizeof(head));
	if (param)
		memcpy(to + sizeof(head), param, 3);
	else
		memset(to + sizeof(head), 0, 3);
}

void cr_ccid_get_header(const uint8_t *from, struct cr_ccid_header *h)
{
	*h = (struct cr_ccid_header) {
		.type = from[0],
		.len = from[1] | (uint32_t)from[2] << 8 | (uint32_t)from[3] << 16 | (uint32_t)from[4] << 24,
		.slot = from[5], .seq = from[6], .status = from[7], .error = from[8], .param = from[9],
	};
}

bool cr_ccid_answers(const struct cr_ccid_command *c, const struct cr_ccid_header *h)
{
	unsigned int verdict = cr_ccid_verdict(h->status);

	if (verdict > CR_CCID_EXTENSION)
		return false;	/* 6.2.6: reserved */
	return h->type == c->answer ||
	       (h->type == CR_CCID_SLOT_STATUS && verdict != CR_CCID_OK && !h->len);
}

enum cr_ccid_extent cr_ccid_extent(size_t have, size_t last, uint32_t len, size_t packet, size_t limit)
{
	size_t whole = CR_CCID_HDR + (size_t)len;

	if (whole > limit || have > whole)
		return CR_CCID_BROKEN;
	if (have == whole)
		return CR_CCID_WHOLE;
	/* USB 2.0, 5.8.3: a transfer goes on only behind a full packet */
	return last && last % packet == 0 ? CR_CCID_PART : CR_CCID_BROKEN;
}
