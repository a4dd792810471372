/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * APDUs over T=1 at TPDU level (ISO/IEC 7816-3:2006, 11): bytes in, bytes out.
 *
 * A C-APDU becomes a chain of blocks, each of which the card answers with one block; the R-APDU is
 * put together from the card's. Timing and parity are the reader's, which says when no block came.
 * What went wrong is repaired as 11.6.3 has it: three tries, then resynchronisation, then an error.
 * A command that the card may have executed is never sent again.
 */
#ifndef CR_CCID_T1_H
#define CR_CCID_T1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CR_T1_IFS_DEFAULT	32	/* 11.4.2: what either side takes unless it says otherwise */
#define CR_T1_IFS_MAX		254
#define CR_T1_BLOCK_MAX		(3 + CR_T1_IFS_MAX + 2)
#define CR_T1_WTX_MAX		1000	/* time extensions in one APDU */

enum cr_t1_state {
	CR_T1_IDLE,
	CR_T1_RESYNCH,		/* S(RESYNCH request) is out */
	CR_T1_IFS,		/* S(IFS request) is out */
	CR_T1_SEND,		/* the command goes out: the last I-block is not acknowledged */
	CR_T1_RECEIVE,		/* within the card's chain */
	CR_T1_ABORT,		/* S(ABORT request) is out */
	CR_T1_ABORTED,		/* the card's was answered: it gives back the right to send */
	CR_T1_DEAD,		/* nothing but a reset helps */
};

struct cr_t1_params {
	uint8_t ifsc;		/* of the ATR: what the card takes before any S(IFS), and after S(RESYNCH) */
	uint8_t ifsd;		/* to be told to the card; 0: the reader itself has done it, and it is 254 */
	uint8_t inf_max;	/* what the reader takes in a block to the card, whatever the card does */
	bool crc;		/* the epilogue is a CRC */
};

struct cr_t1 {
	/* what holds until the card is reset */
	struct cr_t1_params params;
	uint8_t ifsc, ifsd;	/* now in force */
	bool heard;		/* a block without error came since the reset */
	uint8_t ns, nr;		/* N(S) of our I-block, N(S) of the card's next one */
	enum cr_t1_state state;

	/* one APDU */
	const uint8_t *cmd;
	size_t cmd_len, sent, chunk;	/* acknowledged; in the I-block that is out */
	uint8_t *rsp;
	size_t size, len;	/* room; bytes there */
	bool executed;		/* the card may have the whole command */
	bool restarted;
	int err;		/* what ends the APDU once the link is in order again; or why it is dead */
	unsigned int invalid;	/* blocks with errors, or none, one after the other */
	unsigned int repeats;	/* the card's requests to repeat without anything gained */
	unsigned int s_requests, empty;	/* the card's, in this APDU */

	/* the block to send now */
	uint8_t pcb, inf;	/* inf: of an S-block */
	uint8_t bwi;
};

void cr_t1_reset(struct cr_t1 *t, const struct cr_t1_params *params);	/* the card was reset */
/*
 * Takes a C-APDU, which must stay where it is, and where its R-APDU is to go (size bytes). After an APDU
 * that did not come to its end the link is resynchronised first. CR_E_MALFORMED: shorter than four bytes;
 * CR_E_TOO_LONG: size below 2; on a dead link the error that killed it.
 */
int cr_t1_begin(struct cr_t1 *t, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size);
/* The block to send now into out; its length. */
size_t cr_t1_block(const struct cr_t1 *t, uint8_t out[CR_T1_BLOCK_MAX]);
/* The multiplier of the block waiting time for it (bBWI, CCID 1.1, 6.1.4): 0 unless the card asked for time. */
uint8_t cr_t1_bwi(const struct cr_t1 *t);
/*
 * What came. 1: another block is to be sent; 0: the R-APDU is whole, t->len bytes. Else the APDU failed:
 * CR_E_CARD_PROTOCOL (cannot be repaired, or the card broke off), CR_E_CARD_MUTE (answers no more),
 * CR_E_TOO_LONG (the response does not fit; the rest was declined). Only on a dead link does the card
 * have to be reset.
 */
int cr_t1_answer(struct cr_t1 *t, const uint8_t *block, size_t len);
/* As cr_t1_answer, where the reader gave no block: why is CR_E_CARD_MUTE (no answer in time) or another. */
int cr_t1_no_answer(struct cr_t1 *t, int why);
/*
 * The I-block to send now was not sent, nor was any other of this APDU's: as if that had not begun. CR_E_INVALID: it is
 * no I-block with the whole command.
 */
int cr_t1_withdraw(struct cr_t1 *t);
/* Breaks off the chain under way, ours or the card's, for the reason err, in which it ends. CR_E_INVALID: no chain. */
int cr_t1_abort(struct cr_t1 *t, int err);

#endif
