// SPDX-License-Identifier: BSD-2-Clause
/*
 * A file tells its length in its first bytes, so reading takes two batches: SELECT and the header;
 * then all blocks. Many chips refuse a READ BINARY that asks for more than they like, or than is
 * left, by one of several status words, by fewer bytes than asked for, or by silence; nobody asks
 * for more than is left here, and what is too much is found out once and remembered.
 */
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "eid/files.h"
#include "iso7816/sw.h"
#include "iso7816/tlv.h"

#define HEADER_LEN	5	/* one byte of tag, at most four of length: 1 MiB takes three */
#define BATCH_MAX	256	/* commands; bounds the memory of a batch */
#define TOLD_MAX	32	/* of those, where somebody watches the progress */
#define SHORTEST	16	/* who gives fewer bytes at a time mocks us */
#define EVEN_MAX	0x7fff	/* the offset in P1-P2 has 15 bits */

/* What chips in the field take at most when they take less than they say. */
static const size_t steps[] = { 0xdf, 0xa0, 0x60 };

/* DO53 around n bytes, the answer to READ BINARY with odd INS (ISO/IEC 7816-4, 11.2.3). */
static size_t do53_len(size_t n)
{
	return cr_tlv_header_size(0x53, n) + n;
}

size_t cr_file_block(const struct cr_session *s, bool odd)
{
	size_t n = s->max_response;

	if (s->secured)
		n = cr_sm_response_room(&s->sm, odd, n);
	if (odd)
		n -= do53_len(n) - n;
	return n < s->block_max ? n : s->block_max;
}

bool cr_file_shrink(struct cr_session *s)
{
	size_t now = cr_file_block(s, false);

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		if (steps[i] < now) {
			s->block_max = steps[i];
			return true;
		}
	}
	return false;
}

static int status_error(uint16_t sw)
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

/* READ BINARY of n bytes at offset. oset: where DO54 is built. */
static void read_command(const struct cr_session *s, struct cr_message *m, size_t offset, size_t n,
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

struct selection {
	struct cr_message m[4];
	size_t n, app, file;	/* indices; app: 0 if no application is selected */
	uint8_t fid[2], header[256];
};

static void add_select(struct selection *sel, uint8_t p1, const uint8_t *data, size_t len, bool any)
{
	/* P2=0C: no answer wanted, and then no Le, or some chips refuse */
	sel->m[sel->n++] = (struct cr_message){
		.cmd = { .ins = 0xa4, .p1 = p1, .p2 = 0x0c, .data = data, .lc = len },
		.any_sw = any,
		.exact = true
	};
}

/* SELECT what has to be, SELECT the file, and its first bytes. *got of them. */
static int select_file(struct cr_session *s, struct cr_file_request *r, uint8_t header[HEADER_LEN],
		       size_t *got)
{
	static const uint8_t mf[2] = { 0x3f, 0x00 };
	struct selection sel = { .fid = { (uint8_t)(r->fid >> 8), (uint8_t)r->fid } };
	struct cr_message *last;
	size_t done, app = 0;
	int err;

	if (r->select_mf)
		add_select(&sel, 0x00, mf, sizeof(mf), true);
	if (r->aid) {
		app = sel.n;
		add_select(&sel, 0x04, r->aid, r->aid_len, false);
	}
	add_select(&sel, 0x02, sel.fid, sizeof(sel.fid), false);
	last = &sel.m[sel.n++];
	read_command(s, last, 0, HEADER_LEN, NULL);
	last->data = sel.header;
	last->size = sizeof(sel.header);
	last->exact = false;

	err = cr_session_batch(s, sel.m, sel.n, &done);
	if (r->aid)
		r->aid_sw = sel.m[app].sw;
	if (done)
		r->sw = sel.m[done - 1].sw;
	if (err)
		return err;
	if (done < sel.n)
		return status_error(r->sw);
	/* 6282: the whole file is shorter than what was asked for */
	if (r->sw != CR_SW_OK && !(r->sw == CR_SW_END_OF_FILE && last->len))
		return status_error(r->sw);
	*got = last->len < HEADER_LEN ? last->len : HEADER_LEN;
	memcpy(header, sel.header, *got);
	OPENSSL_cleanse(sel.header, sizeof(sel.header));
	return 0;
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

struct ask {
	uint8_t offset[8];	/* DO54 */
	size_t len;
};

/* Reads on from r->len; returns with r->len further on, or an error. total - r->len > 0. */
static int read_batch(struct cr_session *s, struct cr_file_request *r, size_t total)
{
	size_t block = cr_file_block(s, false), odd_block = cr_file_block(s, true), n = 0, done = 0,
	       at, room = 0, got, most = r->progress ? TOLD_MAX : BATCH_MAX;
	struct cr_message *m;
	uint8_t *bytes = NULL, *to;
	struct ask *ask;
	const uint8_t *p;
	int err = CR_E_NOMEM;

	if (!block || !odd_block || block > CR_APDU_MAX_LE)
		return CR_E_INVALID;
	m = calloc(most, sizeof(*m));
	ask = calloc(most, sizeof(*ask));
	if (!m || !ask)
		goto out;
	for (at = r->len; at < total && n < most; n++) {
		size_t part = total - at < block ? total - at : block;

		if (at > EVEN_MAX && part > odd_block)
			part = odd_block;
		read_command(s, &m[n], at, part, ask[n].offset);
		ask[n].len = part;
		room += m[n].size;
		at += part;
	}
	to = bytes = malloc(room);
	if (!bytes)
		goto out;
	for (size_t i = 0; i < n; i++) {
		m[i].data = to;
		to += m[i].size;
	}
	err = cr_session_batch(s, m, n, &done);
	for (size_t i = 0; i < done; i++) {
		r->sw = m[i].sw;
		if (m[i].sw != CR_SW_OK && m[i].sw != CR_SW_END_OF_FILE)
			break;
		if (contents(&m[i], &p, &got) || got > ask[i].len) {
			err = err ? err : CR_E_CARD_PROTOCOL;
			break;
		}
		memcpy(r->data + r->len, p, got);
		r->len += got;
		if (m[i].sw != CR_SW_OK || got < ask[i].len) {
			/* fewer than asked for: that is what it gives at a time */
			if (got >= SHORTEST && got < s->block_max && r->len < total)
				s->block_max = got;
			else if (got && got < SHORTEST && r->len < total)
				err = err ? err : CR_E_CARD_PROTOCOL;
			break;
		}
	}
out:
	if (bytes)
		OPENSSL_cleanse(bytes, room);
	free(bytes);
	free(m);
	free(ask);
	return err;
}

static int read_rest(struct cr_session *s, struct cr_file_request *r, size_t total)
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
			return r->sw == CR_SW_OK ? CR_E_CARD_PROTOCOL : status_error(r->sw);
		if (!cr_file_shrink(s))
			return r->sw == CR_SW_END_OF_FILE ? CR_E_CARD_PROTOCOL : CR_E_CARD_STATUS;
	}
	return 0;
}

int cr_file_read(struct cr_session *s, struct cr_file_request *r)
{
	uint8_t header[HEADER_LEN];
	size_t got, header_len, value_len, total;
	uint32_t tag;
	int err;

	r->data = NULL;
	r->len = 0;
	r->sw = 0;
	r->aid_sw = 0;
	err = select_file(s, r, header, &got);
	if (err)
		return err;
	if (cr_tlv_header(header, got, &tag, &header_len, &value_len) || value_len > CR_FILE_MAX)
		return CR_E_MALFORMED;
	total = header_len + value_len;
	r->data = malloc(total < HEADER_LEN ? HEADER_LEN : total);
	if (!r->data)
		return CR_E_NOMEM;
	r->len = got < total ? got : total;
	memcpy(r->data, header, r->len);
	if (r->progress)
		r->progress(r->progress_arg, r->len, total);
	err = read_rest(s, r, total);
	if (err) {
		OPENSSL_cleanse(r->data, total);
		free(r->data);
		r->data = NULL;
		r->len = 0;
	}
	return err;
}
