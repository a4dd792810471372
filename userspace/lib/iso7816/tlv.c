// SPDX-License-Identifier: BSD-2-Clause
/* BER-TLV: the one parser, with its bounds, and the writer. */
#include <cardring/error.h>
#include "tlv.h"

int cr_tlv_header(const uint8_t *p, size_t n, uint32_t *tag, size_t *header, size_t *len)
{
	size_t i = 0, l, count;
	uint32_t t;

	if (n < 2)
		return CR_E_MALFORMED;
	t = p[i++];
	if ((t & 0x1f) == 0x1f) {	/* 7816-4:2013, 5.2.2.1: the number is in the bytes that follow */
		do {
			if (i >= n || i >= sizeof(t))
				return CR_E_MALFORMED;
			t = t << 8 | p[i];
		} while (p[i++] & 0x80);
	}
	if (i >= n)
		return CR_E_MALFORMED;
	l = p[i++];
	if (l & 0x80) {
		count = l & 0x7f;
		/* 0x80 is the indefinite length; 7816-4:2013, 5.2.2.2 stops at four bytes */
		if (count == 0 || count > 4 || count > n - i)
			return CR_E_MALFORMED;
		for (l = 0; count; count--)
			l = l << 8 | p[i++];
	}
	*tag = t;
	*header = i;
	*len = l;
	return 0;
}

int cr_tlv_parse(const uint8_t *p, size_t n, struct cr_tlv *out)
{
	size_t header, len;
	uint32_t tag;
	int err;

	err = cr_tlv_header(p, n, &tag, &header, &len);
	if (err)
		return err;
	if (len > n - header)
		return CR_E_MALFORMED;
	out->tag = tag;
	out->val = p + header;
	out->len = len;
	out->total = header + len;
	out->constructed = p[0] & 0x20;
	return 0;
}

int cr_tlv_parse_all(const uint8_t *p, size_t n, struct cr_tlv *out)
{
	int err = cr_tlv_parse(p, n, out);

	if (!err && out->total != n)
		err = CR_E_MALFORMED;
	return err;
}

int cr_tlv_next(const uint8_t **p, size_t *n, struct cr_tlv *out)
{
	int err;

	if (*n == 0)
		return 0;
	err = cr_tlv_parse(*p, *n, out);
	if (err)
		return err;
	*p += out->total;
	*n -= out->total;
	return 1;
}

int cr_tlv_next_padded(const uint8_t **p, size_t *n, struct cr_tlv *out)
{
	while (*n && (**p == 0x00 || **p == 0xff)) {
		(*p)++;
		(*n)--;
	}
	return cr_tlv_next(p, n, out);
}

int cr_tlv_find(const uint8_t *p, size_t n, uint32_t tag, struct cr_tlv *out)
{
	struct cr_tlv tlv;
	int r;

	while ((r = cr_tlv_next(&p, &n, &tlv)) > 0) {
		if (tlv.tag == tag) {
			*out = tlv;
			return 0;
		}
	}
	return r ? r : CR_E_NOT_FOUND;
}

int cr_tlv_find_path(const uint8_t *p, size_t n, const uint32_t *path, size_t depth,
		     struct cr_tlv *out)
{
	size_t i;
	int err = CR_E_INVALID;

	for (i = 0; i < depth; i++) {
		err = cr_tlv_find(p, n, path[i], out);
		if (err)
			return err;
		p = out->val;
		n = out->len;
	}
	return err;
}

static size_t tag_size(uint32_t tag)
{
	return tag > 0xffffff ? 4 : tag > 0xffff ? 3 : tag > 0xff ? 2 : 1;
}

static size_t length_size(size_t len)
{
	return len > 0xffffff ? 5 : len > 0xffff ? 4 : len > 0xff ? 3 : len > 0x7f ? 2 : 1;
}

size_t cr_tlv_header_size(uint32_t tag, size_t len)
{
	return tag_size(tag) + length_size(len);
}

static void write_length(uint8_t *p, size_t len)
{
	size_t size = length_size(len), i;

	if (size == 1) {
		*p = (uint8_t)len;
		return;
	}
	p[0] = (uint8_t)(0x80 | (size - 1));
	for (i = size - 1; i; i--, len >>= 8)
		p[i] = (uint8_t)len;
}

static int put_tag(struct cr_buf *b, uint32_t tag)
{
	size_t i = tag_size(tag);
	uint8_t *p = cr_buf_room(b, i);

	if (p) {
		for (; i; i--, tag >>= 8)
			p[i - 1] = (uint8_t)tag;
	}
	return b->err;
}

int cr_tlv_put_header(struct cr_buf *b, uint32_t tag, size_t len)
{
	uint8_t *p;

	if (len > UINT32_MAX && !b->err)
		b->err = CR_E_TOO_LONG;
	put_tag(b, tag);
	p = cr_buf_room(b, length_size(len));
	if (p)
		write_length(p, len);
	return b->err;
}

int cr_tlv_put(struct cr_buf *b, uint32_t tag, const void *val, size_t len)
{
	cr_tlv_put_header(b, tag, len);
	return cr_buf_put(b, val, len);
}

int cr_tlv_put_u8(struct cr_buf *b, uint32_t tag, uint8_t val)
{
	return cr_tlv_put(b, tag, &val, 1);
}

int cr_tlv_put_number(struct cr_buf *b, uint32_t tag, uint32_t n)
{
	const uint8_t be[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };
	size_t skip = 0;

	while (skip < 3 && !be[skip])
		skip++;
	return cr_tlv_put(b, tag, be + skip, sizeof(be) - skip);
}

size_t cr_tlv_begin(struct cr_buf *b, uint32_t tag)
{
	put_tag(b, tag);
	return b->len;
}

int cr_tlv_end(struct cr_buf *b, size_t mark)
{
	size_t len;
	uint8_t *p;

	if (b->err)
		return b->err;
	if (mark > b->len)
		return b->err = CR_E_INVALID;
	len = b->len - mark;
	if (len > UINT32_MAX)
		return b->err = CR_E_TOO_LONG;
	p = cr_buf_insert(b, mark, length_size(len));
	if (p)
		write_length(p, len);
	return b->err;
}
