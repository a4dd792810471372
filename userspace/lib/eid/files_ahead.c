// SPDX-License-Identifier: BSD-2-Clause
/*
 * Several files in linked batches. A READ BINARY by short identifier makes its file the current one,
 * so one batch can go from file to file; the beginnings come first, since they tell the lengths.
 *
 * Nothing is adapted here: a card that does not answer as asked has its files read one by one from
 * there on (files.c), which finds out what it takes.
 */
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "eid/blocks.h"
#include "eid/files.h"
#include "iso7816/sw.h"
#include "iso7816/tlv.h"

#define HEADER_LEN	5	/* as in files.c */
#define FIRST_MAX	255	/* the offset that what comes by short identifier next has at most */
#define AHEAD_MAX	18	/* files */

struct begun {
	uint8_t data[FIRST_MAX];
	size_t asked, total;
};

static void drop(struct cr_file_request *r)
{
	if (r->data)
		OPENSSL_cleanse(r->data, r->len);
	free(r->data);
	r->data = NULL;
	r->len = 0;
}

/* The first bytes of one file: its length is known, and room for it made. */
static bool begin(struct cr_session *s, struct cr_file_request *r, const struct cr_message *m,
		  struct begun *b)
{
	size_t header_len, value_len;
	uint32_t tag;

	if (m->len && m->data[0] != r->tag)
		s->sfi = CR_SFI_REFUSED;	/* another file by it, as in files.c */
	else if (m->sw != CR_SW_OK && b->asked > HEADER_LEN)
		s->header_first = true;
	if (m->sw != CR_SW_OK || m->len != b->asked || m->data[0] != r->tag)
		return false;
	if (cr_tlv_header(m->data, m->len, &tag, &header_len, &value_len) ||
	    value_len > CR_FILE_MAX || header_len + value_len < m->len)
		return false;
	b->total = header_len + value_len;
	r->data = malloc(b->total);
	if (!r->data)
		return false;
	memcpy(r->data, m->data, m->len);
	r->len = m->len;
	r->sw = m->sw;
	return true;
}

/* As much of it as the file has for sure, in one answer. */
static size_t first_len(const struct cr_session *s, const struct cr_file_request *r)
{
	size_t block = cr_block_size(s, false), n = r->least < block ? r->least : block;

	n = n < FIRST_MAX ? n : FIRST_MAX;
	return s->header_first || n < HEADER_LEN ? HEADER_LEN : n;
}

/* *n: how many files were begun, from the first on. */
static int read_beginnings(struct cr_session *s, struct cr_file_request *r, struct begun *b, size_t *n)
{
	struct cr_message m[AHEAD_MAX];
	size_t wanted = *n, done;
	int err;

	for (size_t i = 0; i < wanted; i++) {
		b[i].asked = first_len(s, &r[i]);
		cr_read_command(s, &m[i], 0, b[i].asked, NULL);
		m[i].cmd.p1 = 0x80 | (r[i].fid & 0x1f);
		m[i].data = b[i].data;
	}
	err = cr_session_batch(s, m, wanted, &done);
	/* as files.c learns from it: short identifiers are known, so it was the length */
	if (err && !(err == CR_E_SM && done && m[done - 1].sw == CR_SW_OK))
		s->header_first = true;
	for (*n = 0; !err && *n < done; ++*n) {
		if (!begin(s, &r[*n], &m[*n], &b[*n]))
			break;
	}
	return err;
}

/* The first file from i on that is not whole. */
static size_t unfinished(const struct cr_file_request *r, const struct begun *b, size_t n, size_t i)
{
	while (i < n && r[i].len == b[i].total)
		i++;
	return i;
}

/* One batch, from file i on; current: whether i is the card's current file already. */
static int read_some(struct cr_session *s, struct cr_file_request *r, const struct begun *b, size_t n,
		     size_t i, bool current)
{
	struct cr_blocks blocks;
	int err = cr_blocks_new(&blocks, r->progress ? CR_BLOCKS_TOLD : SIZE_MAX);

	for (size_t k = i; !err && k < n && blocks.n < blocks.most; k++) {
		if (r[k].len < b[k].total)
			err = cr_blocks_add(s, &blocks, &r[k], b[k].total, k > i || !current);
	}
	if (!err)
		err = cr_blocks_send(s, &blocks);
	cr_blocks_free(&blocks);
	for (size_t k = i; !err && k < n; k++) {
		if (r[k].progress && r[k].len > b[k].asked)
			r[k].progress(r[k].progress_arg, r[k].len, b[k].total);
	}
	return err;
}

static int read_rests(struct cr_session *s, struct cr_file_request *r, const struct begun *b, size_t n)
{
	size_t i = unfinished(r, b, n, 0), before, next;
	bool current = false;
	int err;

	while (i < n) {
		before = r[i].len;
		err = read_some(s, r, b, n, i, current);
		if (err)
			return err;
		next = unfinished(r, b, n, i);
		/* a step back for the batch's end is none; a card that gave nothing is left to files.c */
		if (next == i && r[i].len == before)
			return 0;
		if (next < n && r[next].sw != CR_SW_OK)
			return 0;
		/* it is the current one if the batch ended within it */
		current = next < n && r[next].len > b[next].asked;
		i = next;
	}
	return 0;
}

int cr_files_read_ahead(struct cr_session *s, struct cr_file_request *r, size_t n)
{
	struct begun b[AHEAD_MAX] = { 0 };
	size_t begun = n < AHEAD_MAX ? n : AHEAD_MAX, block_max = s->block_max;
	int err;

	for (size_t i = 0; i < n; i++) {
		r[i].data = NULL;
		r[i].len = 0;
		r[i].sw = 0;
	}
	if (s->lost || s->one_by_one || s->sfi != CR_SFI_WORKS || n < 2)
		return 0;
	err = read_beginnings(s, r, b, &begun);
	if (!err)
		err = read_rests(s, r, b, begun);
	for (size_t i = 0; i < begun; i++) {
		if (r[i].len < b[i].total)
			drop(&r[i]);
	}
	OPENSSL_cleanse(b, sizeof(b));
	if (!s->lost) {
		/* what it gave less of than asked for shows again, to who reads the file alone */
		s->block_max = block_max;
		return err == CR_E_NOMEM ? err : 0;
	}
	s->one_by_one = true;
	/* silence, or an end to the session, where much was asked for; a wrong MAC is no matter of size */
	if (err != CR_E_SM && begun)
		cr_block_shrink(s);
	return err;
}
