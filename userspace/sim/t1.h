/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card's side of T=1 (ISO/IEC 7816-3:2006, 11), strict: one block in, one block out. It refuses what a real
 * card refuses, and after three blocks in a row that it cannot take says nothing more until a good one comes.
 */
#ifndef CARDRING_SIM_T1_H
#define CARDRING_SIM_T1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_T1_BLOCK_MAX	(3 + 254 + 2)

/* What the card does of its own accord. Zeroes: nothing. */
struct sim_t1_config {
	uint8_t ifsc;		/* in its ATR [254] */
	uint8_t ifsd;		/* what it sends at most before an S(IFS) [32] */
	bool crc;		/* the epilogue is a CRC, not an LRC */
	uint8_t wtx;		/* before each answer it asks for so many block waiting times, */
	unsigned int wtx_times;	/* so often [1] */
	uint8_t ask_ifsc;	/* upon the first I-block it asks for this IFSC */
	unsigned int abort_command, abort_response;	/* upon the so many'th block of a chain it breaks it off */
};

/* Executes a C-APDU: the R-APDU's length; 0: no answer, for ever. */
typedef size_t (*sim_apdu_fn)(void *arg, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size);

struct sim_t1;
struct sim_t1 *sim_t1_new(const struct sim_t1_config *cfg, sim_apdu_fn apdu, void *arg);	/* NULL: out of memory */
void sim_t1_free(struct sim_t1 *t1);	/* NULL is fine */
void sim_t1_reset(struct sim_t1 *t1);
/* A block from the interface device; the card's, whose length is returned. 0: none. */
size_t sim_t1_block(struct sim_t1 *t1, const uint8_t *in, size_t len, uint8_t out[SIM_T1_BLOCK_MAX]);

#endif
