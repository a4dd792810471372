// SPDX-License-Identifier: BSD-2-Clause
/* A byte buffer to build messages in. */
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include "buf.h"

void cr_buf_init(struct cr_buf *b)
{
	memset(b, 0, sizeof(*b));
}

void cr_buf_init_fixed(struct cr_buf *b, void *mem, size_t size)
{
	memset(b, 0, sizeof(*b));
	b->data = mem;
	b->size = size;
	b->fixed = true;
}

void cr_buf_free(struct cr_buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->len);
	if (!b->fixed)
		free(b->data);
	memset(b, 0, sizeof(*b));
}

/* Not realloc(3): it would leave the old copy, maybe of a secret, behind in freed memory. */
static int buf_grow(struct cr_buf *b, size_t need)
{
	size_t size = b->size ? b->size : 64;
	uint8_t *data;

	while (size < need)
		size = size > SIZE_MAX / 2 ? need : size * 2;
	data = malloc(size);
	if (!data)
		return CR_E_NOMEM;
	if (b->data) {
		memcpy(data, b->data, b->len);
		explicit_bzero(b->data, b->len);
		free(b->data);
	}
	b->data = data;
	b->size = size;
	return 0;
}

uint8_t *cr_buf_insert(struct cr_buf *b, size_t pos, size_t n)
{
	if (b->err)
		return NULL;
	if (pos > b->len) {
		b->err = CR_E_INVALID;
		return NULL;
	}
	if (n > b->size - b->len) {
		if (b->fixed)
			b->err = CR_E_TOO_LONG;
		else if (n > SIZE_MAX - b->len)
			b->err = CR_E_NOMEM;
		else
			b->err = buf_grow(b, b->len + n);
		if (b->err)
			return NULL;
	}
	if (!b->data) {		/* nothing asked of an empty buffer: still not an error */
		static uint8_t none;

		return &none;
	}
	memmove(b->data + pos + n, b->data + pos, b->len - pos);
	b->len += n;
	return b->data + pos;
}

uint8_t *cr_buf_room(struct cr_buf *b, size_t n)
{
	return cr_buf_insert(b, b->len, n);
}

int cr_buf_put(struct cr_buf *b, const void *src, size_t n)
{
	uint8_t *p = cr_buf_room(b, n);

	if (p && n)
		memcpy(p, src, n);
	return b->err;
}

int cr_buf_put_u8(struct cr_buf *b, uint8_t v)
{
	return cr_buf_put(b, &v, 1);
}
