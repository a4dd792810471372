// SPDX-License-Identifier: GPL-2.0-only
/*
 * CCID messages (CCID 1.1, 6): ten bytes of header, then dwLength of payload.
 * Pure: bytes in, verdict out. Nothing here knows a device, a lock or a ring,
 * which is what lets KUnit hold each rule.
 */
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/string.h>

#include <uapi/cardring.h>

#include "compat.h"
#include "message.h"

static const struct cr_command commands[CARDRING_OP__COUNT] = {
	[CARDRING_OP_NOP] = { 0 },
	[CARDRING_OP_XFER] = {
		.type = 0x6f, .answer = CR_RDR_DATA_BLOCK, .params = 3,
		.payload = true, .needs_card = true, .has_sw = true,
	},
	[CARDRING_OP_POWER_ON] = {
		.type = 0x62, .answer = CR_RDR_DATA_BLOCK, .params = 1,
	},
	[CARDRING_OP_POWER_OFF] = {
		.type = 0x63, .answer = CR_RDR_SLOT_STATUS,
	},
	[CARDRING_OP_SLOT_STATUS] = {
		.type = 0x65, .answer = CR_RDR_SLOT_STATUS,
	},
	[CARDRING_OP_GET_PARAMS] = {
		.type = 0x6c, .answer = CR_RDR_PARAMETERS, .needs_card = true,
	},
	[CARDRING_OP_RESET_PARAMS] = {
		.type = 0x6d, .answer = CR_RDR_PARAMETERS, .needs_card = true,
	},
	[CARDRING_OP_SET_PARAMS] = {
		.type = 0x61, .answer = CR_RDR_PARAMETERS, .params = 1,
		.payload = true, .needs_card = true,
	},
	[CARDRING_OP_SECURE] = {
		.type = 0x69, .answer = CR_RDR_DATA_BLOCK, .params = 3,
		.payload = true, .needs_card = true, .has_sw = true,
	},
	[CARDRING_OP_ESCAPE] = {
		.type = 0x6b, .answer = CR_RDR_ESCAPE,
		.payload = true, .needs_rawio = true,
	},
	[CARDRING_OP_ICC_CLOCK] = {
		.type = 0x6e, .answer = CR_RDR_SLOT_STATUS, .params = 1,
		.needs_card = true,
	},
	[CARDRING_OP_T0_APDU] = {
		.type = 0x6a, .answer = CR_RDR_SLOT_STATUS, .params = 3,
		.needs_card = true,
	},
	[CARDRING_OP_MECHANICAL] = {
		.type = 0x71, .answer = CR_RDR_SLOT_STATUS, .params = 1,
		.needs_rawio = true,
	},
	[CARDRING_OP_SET_RATE_CLOCK] = {
		.type = 0x73, .answer = CR_RDR_RATE_CLOCK,
		.payload = true, .needs_card = true,
	},
	[CARDRING_OP_ABORT] = { 0 },
};

/**
 * cr_command - what an opcode means
 * @opcode: enum cardring_op, not yet checked
 *
 * Return: its row, or NULL for an opcode that is none.
 */
const struct cr_command *cr_command(u8 opcode)
{
	if (opcode >= CARDRING_OP__COUNT)
		return NULL;
	return &commands[array_index_nospec(opcode, CARDRING_OP__COUNT)];
}

/**
 * cr_header_build - write a command's header
 * @raw: CR_HDR bytes to write
 * @type: bMessageType
 * @len: dwLength
 * @slot: bSlot
 * @seq: bSeq
 * @param: the three specific bytes, NULL for zeros
 */
void cr_header_build(u8 *raw, u8 type, u32 len, u8 slot, u8 seq,
		     const u8 *param)
{
	raw[0] = type;
	put_unaligned_le32(len, raw + 1);
	raw[5] = slot;
	raw[6] = seq;
	if (param)
		memcpy(raw + 7, param, 3);
	else
		memset(raw + 7, 0, 3);
}

/**
 * cr_header_parse - read an answer's header
 * @raw: CR_HDR bytes, in memory that nobody else writes
 * @header: receives them
 */
void cr_header_parse(const u8 *raw, struct cr_header *header)
{
	header->type = raw[0];
	header->len = get_unaligned_le32(raw + 1);
	header->slot = raw[5];
	header->seq = raw[6];
	header->status = raw[7];
	header->error = raw[8];
	header->param = raw[9];
}

/**
 * cr_answer_fits - is this the kind of answer that the command has
 * @command: the command in flight
 * @header: the answer
 *
 * A failure may also come as a bare RDR_to_PC_SlotStatus: several firmwares
 * answer so whatever the command was.
 *
 * Return: whether it is.
 */
bool cr_answer_fits(const struct cr_command *command,
		    const struct cr_header *header)
{
	if (CR_STATUS_COMMAND(header->status) > CR_COMMAND_EXTENSION)
		return false;
	if (header->type == command->answer)
		return true;
	return header->type == CR_RDR_SLOT_STATUS && !header->len &&
	       CR_STATUS_COMMAND(header->status) != CR_COMMAND_OK;
}

/**
 * cr_progress - judge the length of what was received against dwLength
 * @have: bytes of the message received so far; at least CR_HDR
 * @last: bytes that the last transfer brought
 * @len: dwLength
 * @packet: wMaxPacketSize
 * @limit: the longest message, header included, that is taken
 *
 * A message ends with a short packet; one that fills its last packet may be
 * followed by an empty one, which never comes here.
 *
 * Return: enum cr_progress.
 */
enum cr_progress cr_progress(u32 have, u32 last, u32 len, u32 packet, u32 limit)
{
	if (len > limit - CR_HDR || have > CR_HDR + len)
		return CR_BAD;
	if (have == CR_HDR + len)
		return CR_DONE;
	return last && last % packet == 0 ? CR_MORE : CR_BAD;
}
