/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A byte buffer to build messages in: on the heap and growing, or over the caller's memory and
 * bounded. Errors stick: append what you like, then look once at err. Contents may be secret, so
 * nothing is left behind when it grows or is freed.
 */
#ifndef CR_ISO7816_BUF_H
#define CR_ISO7816_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cr_buf {
	uint8_t *data;
	size_t len, size;
	bool fixed;		/* over the caller's memory */
	int err;		/* 0, CR_E_NOMEM, or CR_E_TOO_LONG where a fixed buffer was full */
};

void cr_buf_init(struct cr_buf *b);				/* growing */
void cr_buf_init_fixed(struct cr_buf *b, void *mem, size_t size);
void cr_buf_free(struct cr_buf *b);	/* wipes what was written; frees if growing; b is empty after */

/* Each returns b->err: once it is set nothing is appended any more. src may be NULL when n is 0. */
int cr_buf_put(struct cr_buf *b, const void *src, size_t n);
int cr_buf_put_u8(struct cr_buf *b, uint8_t v);
/* Appends n bytes to be filled by the caller; NULL on error. Valid until the next append. */
uint8_t *cr_buf_room(struct cr_buf *b, size_t n);
/* Opens a gap of n bytes at pos, to be filled by the caller; NULL on error. */
uint8_t *cr_buf_insert(struct cr_buf *b, size_t pos, size_t n);

#endif
