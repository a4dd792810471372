/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CR_MESSAGE_H
#define CR_MESSAGE_H

#include <linux/types.h>

#define CR_HDR			10	/* CCID 1.1, 6: every message's header */

#define CR_PC_ABORT		0x72
#define CR_RDR_DATA_BLOCK	0x80
#define CR_RDR_SLOT_STATUS	0x81
#define CR_RDR_PARAMETERS	0x82
#define CR_RDR_ESCAPE		0x83
#define CR_RDR_RATE_CLOCK	0x84
#define CR_RDR_SLOT_CHANGE	0x50
#define CR_RDR_HARDWARE_ERROR	0x51

/* bStatus, CCID 1.1, 6.2.6 */
#define CR_STATUS_ICC(status)		((status) & 3)
#define CR_ICC_ACTIVE			0
#define CR_ICC_INACTIVE			1
#define CR_ICC_ABSENT			2
#define CR_STATUS_COMMAND(status)	((status) >> 6)
#define CR_COMMAND_OK			0
#define CR_COMMAND_FAILED		1
#define CR_COMMAND_EXTENSION		2

/**
 * struct cr_command - what an opcode of the ABI is on the bus
 * @type: bMessageType of the command; 0: the opcode sends none
 * @answer: bMessageType of its answer
 * @params: how many of the message's three specific bytes it has
 * @payload: it may carry one
 * @needs_card: refused while no card was powered by the claim
 * @needs_rawio: needs CAP_SYS_RAWIO
 * @has_sw: its answer ends with a status word
 */
struct cr_command {
	u8 type;
	u8 answer;
	u8 params;
	bool payload : 1;
	bool needs_card : 1;
	bool needs_rawio : 1;
	bool has_sw : 1;
};

/**
 * struct cr_header - an answer's header, parsed
 * @len: dwLength
 * @type: bMessageType
 * @slot: bSlot
 * @seq: bSeq
 * @status: bStatus
 * @error: bError
 * @param: the specific byte
 */
struct cr_header {
	u32 len;
	u8 type;
	u8 slot;
	u8 seq;
	u8 status;
	u8 error;
	u8 param;
};

/**
 * enum cr_progress - what the bytes received so far are
 * @CR_MORE: a message that goes on in the next transfer
 * @CR_DONE: a whole message
 * @CR_BAD: no message
 */
enum cr_progress { CR_MORE, CR_DONE, CR_BAD };

const struct cr_command *cr_command(u8 opcode);
void cr_header_build(u8 *raw, u8 type, u32 len, u8 slot, u8 seq,
		     const u8 *param);
void cr_header_parse(const u8 *raw, struct cr_header *header);
bool cr_answer_fits(const struct cr_command *command,
		    const struct cr_header *header);
enum cr_progress cr_progress(u32 have, u32 last, u32 len, u32 packet, u32 limit);

#endif /* CR_MESSAGE_H */
