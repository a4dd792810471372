/* SPDX-License-Identifier: BSD-2-Clause */
/* READ BINARY of the current file in blocks: how much at once, and what a card says to that. */
#ifndef CR_EID_BLOCKS_H
#define CR_EID_BLOCKS_H

#include "eid/files.h"

#define CR_BLOCKS_TOLD	32	/* commands of a batch where somebody watches the progress */

/* How much one READ BINARY asks for at this moment. */
size_t cr_block_size(const struct cr_session *s, bool odd);
/*
 * For next time, when reading has lost the session: less a command. False: it was the least already.
 */
bool cr_block_shrink(struct cr_session *s);

/* READ BINARY of n bytes at offset, its response data to be placed. oset: where DO54 is built. */
void cr_read_command(const struct cr_session *s, struct cr_message *m, size_t offset, size_t n,
		     uint8_t oset[8]);
/* The enum cr_error of a status word that is no success. */
int cr_read_error(uint16_t sw);
/* A batch of READ BINARYs, of one file or of several. */
struct cr_blocks {
	struct cr_message *m;
	struct ask *ask;
	size_t n, most;
	size_t done;		/* after sending: how many were answered */
	uint8_t *bytes;
	size_t room;
};
/* For so many commands at most. 0, CR_E_NOMEM; to be freed in each case. */
int cr_blocks_new(struct cr_blocks *b, size_t most);
void cr_blocks_free(struct cr_blocks *b);	/* wipes */
/*
 * Commands from r->len on to total, as far as the batch has room; r->data has room for the file.
 * by_sfi: r is not the current file, and becomes it with the first of them; not beyond offset 255.
 */
int cr_blocks_add(const struct cr_session *s, struct cr_blocks *b, struct cr_file_request *r,
		  size_t total, bool by_sfi);
/* Sends them once; each file's len and sw go as far as its answers. 0, or an error as of cr_file_read. */
int cr_blocks_send(struct cr_session *s, struct cr_blocks *b);

/*
 * Reads the current file on from r->len to total; r->data has room for it, r->sw is the last status
 * word. 0, or an error as of cr_file_read.
 */
int cr_read_rest(struct cr_session *s, struct cr_file_request *r, size_t total);

#endif
