// SPDX-License-Identifier: BSD-2-Clause
/*
 * A file tells its length in its first bytes, so reading takes two batches: the header; then all
 * blocks (blocks.h).
 *
 * The header comes by READ BINARY with the short identifier, which also makes the file the current
 * one (ISO/IEC 7816-4, 11.2.2), so that no SELECT is spent. A chip may not know that, may mean
 * another file by it, or may end the session over it: then the file is selected as it always could
 * be, and so are all that follow. What a chip refuses by short identifier is not refused before
 * SELECT has been tried.
 */
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "eid/blocks.h"
#include "eid/files.h"
#include "eid/rule.h"
#include "iso7816/sw.h"
#include "iso7816/tlv.h"

#define HEADER_LEN	5	/* one byte of tag, at most four of length: 1 MiB takes three */
#define FIRST_MAX	256	/* the most that the first READ BINARY asks for */

/* A status word is an answer; all else means that the session is lost. */
bool cr_file_refused(const struct cr_session *s, int err)
{
	return !s->lost &&
	       (err == CR_E_NOT_FOUND || err == CR_E_ACCESS_REFUSED || err == CR_E_CARD_STATUS ||
		err == CR_E_MALFORMED || err == CR_E_CARD_PROTOCOL);
}

struct selection {
	struct cr_message m[4];
	size_t n;
	uint8_t fid[2];
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

/* The first bytes of a file. A card may give more than it is asked for; len counts what was asked. */
struct first {
	uint8_t data[FIRST_MAX];
	size_t asked, len;
};

static void first_command(const struct cr_session *s, struct cr_message *m, struct first *f,
			  size_t asked)
{
	f->asked = asked;
	cr_read_command(s, m, 0, asked, NULL);
	m->data = f->data;
	m->size = sizeof(f->data);
	m->exact = false;
}

static int first_answer(struct cr_file_request *r, const struct cr_message *m, struct first *f)
{
	/* 6282: the whole file is shorter than what was asked for */
	if (r->sw != CR_SW_OK && !(r->sw == CR_SW_END_OF_FILE && m->len))
		return cr_read_error(r->sw);
	f->len = m->len < f->asked ? m->len : f->asked;
	return 0;
}

/* SELECT what has to be, SELECT the file, and its first bytes. */
static int select_file(struct cr_session *s, struct cr_file_request *r, struct first *f)
{
	static const uint8_t mf[2] = { 0x3f, 0x00 };
	struct selection sel = { .fid = { (uint8_t)(r->fid >> 8), (uint8_t)r->fid } };
	size_t done, app = 0;
	int err;

	if (r->select_mf)
		add_select(&sel, 0x00, mf, sizeof(mf), true);
	if (r->aid) {
		app = sel.n;
		add_select(&sel, 0x04, r->aid, r->aid_len, CR_RULE_OFF(application_selected));
	}
	add_select(&sel, 0x02, sel.fid, sizeof(sel.fid), false);
	first_command(s, &sel.m[sel.n++], f, HEADER_LEN);

	err = cr_session_batch(s, sel.m, sel.n, &done);
	if (r->aid)
		r->aid_sw = sel.m[app].sw;
	if (done)
		r->sw = sel.m[done - 1].sw;
	if (err)
		return err;
	if (done < sel.n)
		return cr_read_error(r->sw);
	return first_answer(r, &sel.m[sel.n - 1], f);
}

/* The first bytes by the short identifier: ISO/IEC 7816-4, 11.2.2, bit 8 of P1. */
static int take_by_sfi(struct cr_session *s, struct cr_file_request *r, struct first *f)
{
	size_t asked = HEADER_LEN, block = cr_block_size(s, false), done;
	struct cr_message m;
	int err;

	if (s->sfi == CR_SFI_WORKS && !s->header_first && r->least > asked) {
		asked = r->least < block ? r->least : block;
		asked = asked < FIRST_MAX ? asked : FIRST_MAX;
	}
	first_command(s, &m, f, asked);
	m.cmd.p1 = 0x80 | (r->fid & 0x1f);
	err = cr_session_batch(s, &m, 1, &done);
	if (done)
		r->sw = m.sw;
	if (err)
		return err;
	err = first_answer(r, &m, f);
	if (err == CR_E_CARD_STATUS && f->asked > HEADER_LEN)
		s->header_first = true;
	else if (err == CR_E_CARD_STATUS || (!err && (!f->len || f->data[0] != r->tag)))
		s->sfi = CR_SFI_REFUSED;
	return err || s->sfi != CR_SFI_REFUSED ? err : CR_E_MALFORMED;
}

/* The object that begins with the first bytes, to its end; *reached: how far it came. */
static int read_object(struct cr_session *s, struct cr_file_request *r, const struct first *f,
		       size_t *reached)
{
	size_t header_len, value_len, total, block_max = s->block_max;
	uint32_t tag;
	int err;

	*reached = 0;
	if (cr_tlv_header(f->data, f->len, &tag, &header_len, &value_len) || value_len > CR_FILE_MAX)
		return CR_E_MALFORMED;
	total = header_len + value_len;
	r->data = malloc(total);
	if (!r->data)
		return CR_E_NOMEM;
	r->len = f->len < total ? f->len : total;
	memcpy(r->data, f->data, r->len);
	if (r->progress)
		r->progress(r->progress_arg, r->len, total);
	err = cr_read_rest(s, r, total);
	*reached = r->len;
	if (err && !s->lost)
		s->block_max = block_max;	/* a file that ends too early tells nothing of sizes */
	if (!CR_RULE(file_whole, !err)) {
		OPENSSL_cleanse(r->data, total);
		free(r->data);
		r->data = NULL;
		r->len = 0;
		return err;
	}
	return 0;
}

/* What a session that was lost on the way tells for the next time. */
static void learn_from_loss(struct cr_session *s, struct cr_file_request *r, const struct first *f,
			    size_t reached, int err)
{
	bool known = s->sfi == CR_SFI_WORKS;

	if (!reached && f->asked > HEADER_LEN && r->sw != CR_SW_FILE_NOT_FOUND) {
		/* short identifiers are known; a wrong MAC on a successful answer is no matter of size */
		r->again = !(err == CR_E_SM && r->sw == CR_SW_OK);
		if (r->again) {
			s->header_first = true;
			cr_block_shrink(s);
		}
	} else if (!reached || (reached <= f->len && (!known || r->sw == CR_SW_NO_CURRENT_EF))) {
		s->sfi = CR_SFI_REFUSED;
		r->again = true;
	}
}

/*
 * By short identifier. *ask: where that went wrong, so that SELECT has to tell whether the file or
 * the way to it was the matter.
 */
static int read_by_sfi(struct cr_session *s, struct cr_file_request *r, bool *ask)
{
	struct first f = { .len = 0 };
	size_t reached = 0;
	int err = take_by_sfi(s, r, &f);

	if (!err)
		err = read_object(s, r, &f, &reached);
	*ask = err && cr_file_refused(s, err) && reached <= f.len;
	if (!err)
		s->sfi = CR_SFI_WORKS;
	else if (s->lost)
		learn_from_loss(s, r, &f, reached, err);
	OPENSSL_cleanse(&f, sizeof(f));
	return err;
}

static int read_selected(struct cr_session *s, struct cr_file_request *r)
{
	struct first f = { .len = 0 };
	size_t reached;
	int err = select_file(s, r, &f);

	if (!err)
		err = read_object(s, r, &f, &reached);
	OPENSSL_cleanse(&f, sizeof(f));
	return err;
}

int cr_file_read(struct cr_session *s, struct cr_file_request *r)
{
	bool ask, header_first = s->header_first;
	int err;

	r->data = NULL;
	r->len = 0;
	r->sw = 0;
	r->aid_sw = 0;
	r->again = false;
	if (s->lost)
		return CR_E_INVALID;
	if (!r->tag || s->sfi == CR_SFI_REFUSED)
		return read_selected(s, r);
	err = read_by_sfi(s, r, &ask);
	if (!ask)
		return err;
	err = read_selected(s, r);
	if (!err && s->header_first == header_first)
		s->sfi = CR_SFI_REFUSED;
	return err;
}
