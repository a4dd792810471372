/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CCID messages (CCID 1.1, 6), for hosts that speak to a reader themselves: what each opcode of the ring is on the
 * bus, headers, and whether what came is an answer. Pure; kernel/message.c holds the same rules for the module.
 */
#ifndef CR_CCID_MESSAGE_H
#define CR_CCID_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uapi/cardring.h>

enum { CR_CCID_HDR = CARDRING_HDR_ROOM };

/* bMessageType of what does not belong to one opcode (6.1.13, 6.2, 6.3) */
enum {
	CR_CCID_ABORT		= 0x72,
	CR_CCID_SLOT_STATUS	= 0x81,
	CR_CCID_SLOT_CHANGE	= 0x50,
	CR_CCID_HARDWARE_ERROR	= 0x51,
};

/* bmICCStatus and bmCommandStatus, the two parts of bStatus (6.2.6) */
enum cr_ccid_icc { CR_ICC_ACTIVE, CR_ICC_INACTIVE, CR_ICC_ABSENT };
enum cr_ccid_verdict { CR_CCID_OK, CR_CCID_FAILED, CR_CCID_EXTENSION };
static inline unsigned int cr_ccid_icc(uint8_t status) { return status & 0x03; }
static inline unsigned int cr_ccid_verdict(uint8_t status) { return status >> 6; }

/* An opcode of the ring, on the bus. */
struct cr_ccid_command {
	uint8_t type;		/* bMessageType; 0: it sends nothing */
	uint8_t answer;		/* bMessageType of its answer */
	uint8_t params;		/* how many of the three message-specific bytes it has */
	bool payload;		/* abData may follow */
	bool needs_card;	/* refused until the claim has powered a card */
	bool has_sw;		/* its answer ends with a status word */
};
/* NULL: there is no such opcode. */
const struct cr_ccid_command *cr_ccid_command(unsigned int op);

struct cr_ccid_header {
	uint32_t len;		/* dwLength */
	uint8_t type, slot, seq, status, error, param;
};
/* param: the three message-specific bytes; NULL: zeroes */
void cr_ccid_put_header(uint8_t *to, uint8_t type, uint32_t len, uint8_t slot, uint8_t seq, const uint8_t *param);
void cr_ccid_get_header(const uint8_t *from, struct cr_ccid_header *h);

/* Is that an answer to this command? A failure may also come as a bare slot status, whatever the command was. */
bool cr_ccid_answers(const struct cr_ccid_command *c, const struct cr_ccid_header *h);

/*
 * What have bytes of a message are, header included, when the last transfer brought last of them and the header
 * says len: part of one, a whole one, or none. packet: wMaxPacketSize; limit: the longest message that is taken.
 */
enum cr_ccid_extent { CR_CCID_PART, CR_CCID_WHOLE, CR_CCID_BROKEN };
enum cr_ccid_extent cr_ccid_extent(size_t have, size_t last, uint32_t len, size_t packet, size_t limit);

#endif
