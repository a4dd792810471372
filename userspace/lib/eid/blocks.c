// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many chips refuse a READ BINARY that asks for more than they like, or than is left, by one of
 * several status words, by fewer bytes than asked for, or by silence; nobody asks for more than is
 * left here, and what is too much is found out once and remembered.
 */
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "eid/blocks.h"
#include "iso7816/sw.h"
#include "iso7816/tlv.h"

#define BATCH_MAX	256	/* commands; bounds the memory of a batch */
#define SHORTEST	16	/* who gives fewer bytes at a time mocks us */
#define EVEN_MAX	0x7fff	/* the offset in P1-P2 has 15 bits */
#define SFI_OFFSET_MAX	0xff	/* and eight beside a short identifier */

/* What chips in the field take at most when they take less than they say. */
static const size_t steps[] = { 0xdf, 0xa0, 0x60 };

/* DO53 around n bytes, the answer to READ BINARY with odd INS (ISO/IEC 7816-4, 11.2.3). */
static size_t do53_len(size_t n)
{
	return cr_tlv_header_size(0x53, n) + n;
}

size_t cr_block_size(const struct cr_session *s, bool odd)
{
	size_t n = s->max_response;

	if (s->secured)
		n = cr_sm_response_room(&s->sm, odd, n);
	if (odd)
		n -= do53_len(n) - n;
	return n < s->block_max ? n : s->block_max;
}

bool cr_block_shrink(struct cr_session *s)
{
	size_t now = cr_block_size(s, false);

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		if (steps[i] < now) {
			s->block_max = steps[i];
			return true;
		}
	}
	return false;
}

int cr_read_error(uint16_t sw)
{
	switch (sw) {
	case CR_SW_FILE_NOT_FOUND:
	case CR_SW_REF_NOT_FOUND:
		return CR_E_NOT_FOUND;
	case CR_SW_SECURITY_STATUS:
	case CR_SW_CONDITIONS:
		return CR_E_ACCESS_REFUSED;
	}
	return CR_E_CARD_STATUS;
}

void cr_read_command(const struct cr_session *s, struct cr_message *m, size_t offset, size_t n,
		     uint8_t oset[8])
{
	size_t answer;

	memset(m, 0, sizeof(*m));
	if (offset <= EVEN_MAX) {
		m->cmd = (struct cr_capdu){
			.ins = 0xb0, .p1 = (uint8_t)(offset >> 8), .p2 = (uint8_t)offset, .le = n
		};
		answer = n;
	} else {
		/* odd INS: current file, offset in DO54, data in DO53 */
		bool wide = offset > 0xffff;
		struct cr_buf b;

		cr_buf_init_fixed(&b, oset, 8);
		cr_tlv_put_header(&b, 0x54, wide ? 3 : 2);
		if (wide)
			cr_buf_put_u8(&b, (uint8_t)(offset >> 16));
		cr_buf_put_u8(&b, (uint8_t)(offset >> 8));
		cr_buf_put_u8(&b, (uint8_t)offset);
		answer = do53_len(n);
		m->cmd = (struct cr_capdu){ .ins = 0xb1, .data = oset, .lc = b.len, .le = answer };
	}
	if (s->secured)
		answer = cr_sm_response_len(&s->sm, m->cmd.ins & 1, answer) - 2;
	m->cmd.extended = answer > CR_APDU_MAX_SHORT_LE;
	m->size = m->cmd.le;
	m->exact = true;
}

static bool asked_too_much(uint16_t sw)
{
	return sw == CR_SW_END_OF_FILE || sw == CR_SW_WRONG_LENGTH || sw == CR_SW_WRONG_P1P2 ||
	       sw == CR_SW_INCORRECT_P1P2 || sw >> 8 == CR_SW_WRONG_LE >> 8 || sw == CR_SW_UNKNOWN;
}

/* The file's bytes in an answer: inside of DO53 with odd INS. */
static int contents(const struct cr_message *m, const uint8_t **p, size_t *n)
{
	struct cr_tlv t;

	*p = m->data;
	*n = m->len;
	if (!(m->cmd.ins & 1))
		return 0;
	if (cr_tlv_parse_all(m->data, m->len, &t) || t.tag != 0x53)
		return CR_E_CARD_PROTOCOL;
	*p = t.val;
	*n = t.len;
	return 0;
}

/* One READ BINARY of a batch, and whose. */
struct ask {
	struct cr_file_request *r;
	size_t total;		/* of the file */
	uint8_t offset[8];	/* DO54 */
	size_t len;
};

int cr_blocks_new(struct cr_blocks *b, size_t most)
{
	memset(b, 0, sizeof(*b));
	b->most = most < BATCH_MAX ? most : BATCH_MAX;
	b->m = calloc(b->most, sizeof(*b->m));
	b->ask = calloc(b->most, sizeof(*b->ask));
	return b->m && b->ask ? 0 : CR_E_NOMEM;
}

void cr_blocks_free(struct cr_blocks *b)
{
	if (b->bytes)
		OPENSSL_cleanse(b->bytes, b->room);
	free(b->bytes);
	free(b->m);
	free(b->ask);
}

int cr_blocks_add(const struct cr_session *s, struct cr_blocks *b, struct cr_file_request *r,
		  size_t total, bool by_sfi)
{
	size_t block = cr_block_size(s, false), odd_block = cr_block_size(s, true), at = r->len;

	if (!block || !odd_block || block > CR_APDU_MAX_LE || (by_sfi && at > SFI_OFFSET_MAX))
		return CR_E_INVALID;
	while (at < total && b->n < b->most) {
		size_t part = total - at < block ? total - at : block;
		struct ask *ask = &b->ask[b->n];
		struct cr_message *m = &b->m[b->n++];

		if (at > EVEN_MAX && part > odd_block)
			part = odd_block;
		cr_read_command(s, m, at, part, ask->offset);
		if (by_sfi && at == r->len)	/* ISO/IEC 7816-4, 11.2.2: and it is the current one then */
			m->cmd.p1 = 0x80 | (r->fid & 0x1f);
		ask->r = r;
		ask->total = total;
		ask->len = part;
		b->room += m->size;
		at += part;
	}
	return 0;
}

/* What an answer says of its file. 1: and the batch went on behind it. */
static int take_answer(struct cr_session *s, const struct cr_message *m, const struct ask *ask)
{
	struct cr_file_request *r = ask->r;
	const uint8_t *p;
	size_t got;

	r->sw = m->sw;
	if (m->sw != CR_SW_OK && m->sw != CR_SW_END_OF_FILE)
		return 0;
	if (contents(m, &p, &got) || got > ask->len)
		return CR_E_CARD_PROTOCOL;
	memcpy(r->data + r->len, p, got);
	r->len += got;
	if (m->sw == CR_SW_OK && got == ask->len)
		return 1;
	/* fewer than asked for: that is what it gives at a time */
	if (got >= SHORTEST && got < s->block_max && r->len < ask->total)
		s->block_max = got;
	else if (got && got < SHORTEST && r->len < ask->total)
		return CR_E_CARD_PROTOCOL;
	return 0;
}

int cr_blocks_send(struct cr_session *s, struct cr_blocks *b)
{
	uint8_t *to = b->bytes = malloc(b->room);
	size_t done = 0;
	int err, r = 1;

	if (!to)
		return CR_E_NOMEM;
	for (size_t i = 0; i < b->n; i++) {
		b->m[i].data = to;
		to += b->m[i].size;
	}
	err = cr_session_batch(s, b->m, b->n, &done);
	for (size_t i = 0; i < done && r == 1; i++)
		r = take_answer(s, &b->m[i], &b->ask[i]);
	b->done = done;
	return err || r >= 0 ? err : r;
}

/* Reads on from r->len; returns with r->len further on, or an error. total - r->len > 0. */
static int read_batch(struct cr_session *s, struct cr_file_request *r, size_t total)
{
	struct cr_blocks b;
	int err = cr_blocks_new(&b, r->progress ? CR_BLOCKS_TOLD : BATCH_MAX);

	if (!err)
		err = cr_blocks_add(s, &b, r, total, false);
	if (!err)
		err = cr_blocks_send(s, &b);
	cr_blocks_free(&b);
	return err;
}

int cr_read_rest(struct cr_session *s, struct cr_file_request *r, size_t total)
{
	while (r->len < total) {
		size_t before = r->len;
		int err = read_batch(s, r, total);

		if (err)
			return err;
		if (r->progress)
			r->progress(r->progress_arg, r->len, total);
		if (r->len > before)
			continue;
		/* no step forward: ask for less, or believe that there is no more */
		if (r->sw == CR_SW_OK || !asked_too_much(r->sw))
			return r->sw == CR_SW_OK ? CR_E_CARD_PROTOCOL : cr_read_error(r->sw);
		if (!cr_block_shrink(s))
			return r->sw == CR_SW_END_OF_FILE ? CR_E_CARD_PROTOCOL : CR_E_CARD_STATUS;
	}
	return 0;
}
