/* SPDX-License-Identifier: BSD-2-Clause */
#include "ber.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

void sim_buf_free(struct sim_buf *b)
{
	if (b->p) {
		OPENSSL_cleanse(b->p, b->cap);
		free(b->p);
	}
	memset(b, 0, sizeof(*b));
}

void sim_buf_put(struct sim_buf *b, const void *p, size_t len)
{
	if (b->failed || !len)
		return;
	if (len > b->cap - b->len) {
		size_t cap = b->cap ? b->cap : 256;
		uint8_t *n;

		while (cap - b->len < len)
			cap *= 2;
		n = malloc(cap);	/* no realloc: it leaves unwiped copies behind */
		if (!n) {
			b->failed = true;
			return;
		}
		if (b->p) {
			memcpy(n, b->p, b->len);
			OPENSSL_cleanse(b->p, b->cap);
			free(b->p);
		}
		b->p = n;
		b->cap = cap;
	}
	memcpy(b->p + b->len, p, len);
	b->len += len;
}

void sim_buf_byte(struct sim_buf *b, uint8_t v)
{
	sim_buf_put(b, &v, 1);
}

void sim_buf_be(struct sim_buf *b, uint64_t v, unsigned int bytes)
{
	while (bytes--)
		sim_buf_byte(b, (uint8_t)(v >> (8 * bytes)));
}

static void put_tag(struct sim_buf *b, uint32_t tag)
{
	sim_buf_be(b, tag, tag > 0xffff ? 3 : tag > 0xff ? 2 : 1);
}

static void put_len(struct sim_buf *b, size_t len)
{
	if (len < 0x80) {
		sim_buf_byte(b, (uint8_t)len);
	} else {
		unsigned int n = len > 0xffffff ? 4 : len > 0xffff ? 3 : len > 0xff ? 2 : 1;

		sim_buf_byte(b, 0x80 | n);
		sim_buf_be(b, len, n);
	}
}

void sim_ber_put(struct sim_buf *b, uint32_t tag, const void *value, size_t len)
{
	put_tag(b, tag);
	put_len(b, len);
	sim_buf_put(b, value, len);
}

void sim_ber_str(struct sim_buf *b, uint32_t tag, const char *value)
{
	sim_ber_put(b, tag, value, strlen(value));
}

void sim_ber_wrap(struct sim_buf *b, uint32_t tag, struct sim_buf *inner)
{
	if (inner->failed)
		b->failed = true;
	sim_ber_put(b, tag, inner->p, inner->len);
	sim_buf_free(inner);
}

static void put_arc(struct sim_buf *b, unsigned long v)
{
	uint8_t tmp[10];
	size_t n = 0;

	do {
		tmp[n++] = v & 0x7f;
		v >>= 7;
	} while (v);
	while (n--)
		sim_buf_byte(b, tmp[n] | (n ? 0x80 : 0));
}

bool sim_ber_oid(struct sim_buf *b, const char *dotted, bool without_tag)
{
	struct sim_buf v = { 0 };
	unsigned long first = 0;
	unsigned int arcs = 0;
	const char *s = dotted;

	for (;;) {
		char *end;
		unsigned long arc;

		if (*s < '0' || *s > '9')
			break;
		arc = strtoul(s, &end, 10);
		if (arcs == 0)
			first = arc;
		else
			put_arc(&v, arcs == 1 ? first * 40 + arc : arc);
		arcs++;
		if (*end == '\0') {
			if (arcs < 2 || v.failed)
				break;
			if (without_tag)
				sim_buf_put(b, v.p, v.len);
			else
				sim_ber_put(b, 0x06, v.p, v.len);
			sim_buf_free(&v);
			return true;
		}
		if (*end != '.')
			break;
		s = end + 1;
	}
	sim_buf_free(&v);
	return false;
}

void sim_ber_int(struct sim_buf *b, uint32_t v)
{
	struct sim_buf c = { 0 };
	unsigned int n = 1;

	while (n < 5 && (v >> (8 * n - 1)))	/* a leading zero where the top bit is set */
		n++;
	sim_buf_be(&c, v, n);
	sim_ber_wrap(b, 0x02, &c);
}

bool sim_ber_get(const uint8_t *p, size_t len, struct sim_tlv *out)
{
	size_t o = 0, l;

	if (len < 2)
		return false;
	out->tag = p[o++];
	if ((out->tag & 0x1f) == 0x1f) {
		do {
			if (o >= len || o > 2)
				return false;
			out->tag = out->tag << 8 | p[o];
		} while (p[o++] & 0x80);
	}
	if (o >= len)
		return false;
	l = p[o++];
	if (l >= 0x80) {
		size_t n = l & 0x7f;

		if (n == 0 || n > 4 || n > len - o)
			return false;
		for (l = 0; n; n--)
			l = l << 8 | p[o++];
	}
	if (l > len - o)
		return false;
	out->value = p + o;
	out->len = l;
	out->total = o + l;
	return true;
}
