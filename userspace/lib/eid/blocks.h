/* SPDX-License-Identifier: BSD-2-Clause */
/* READ BINARY of the current file in blocks: how much at once, and what a card says to that. */
#ifndef CR_EID_BLOCKS_H
#define CR_EID_BLOCKS_H

#include "eid/files.h"

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
/*
 * Reads the current file on from r->len to total; r->data has room for it, r->sw is the last status
 * word. 0, or an error as of cr_file_read.
 */
int cr_read_rest(struct cr_session *s, struct cr_file_request *r, size_t total);

#endif
