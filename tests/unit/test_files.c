// SPDX-License-Identifier: BSD-2-Clause
/* Reading files in batches, plain and protected, from a card with habits of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "eid/blocks.h"
#include "eid/files.h"
#include "eid/limits.h"
#include "iso7816/tlv.h"

/* One file, secure messaging of the card's side, and what it does when it is asked for too much. */
struct card {
	uint8_t *file;
	size_t len;
	size_t max_le;		/* of plain response data */
	uint16_t too_much;	/* status word then; 0: fewer bytes with 9000; 1: silence */
	bool plain_error;	/* errors come without secure messaging, and end it */
	bool talkative;		/* answers SELECT with data though P2 asks for none */
	uint16_t sfi;		/* status word for a short identifier; 0: the file; 1: silence */
	bool sfi_other;		/* gives another file by it */
	bool sfi_passing;	/* gives the file, which does not become the current one */
	bool current;		/* a file is selected */
	uint32_t by_sfi;	/* READ BINARY with one that it met */
	uint16_t beyond;	/* status word for Le beyond the end, without data; 0: 6282 and data */
	bool secured;
	struct cr_sm sm;	/* the card's own counter */
	uint32_t commands, batches, extended;
	size_t break_mac_at;	/* command number whose answer has a wrong MAC; 0: none */
};

static void answer_plain(struct cr_apdu *a, const uint8_t *data, size_t n, uint16_t sw)
{
	assert_true(n + 2 <= a->rsp_size);
	if (n)
		memcpy(a->rsp, data, n);
	a->rsp[n] = (uint8_t)(sw >> 8);
	a->rsp[n + 1] = (uint8_t)sw;
	a->rsp_len = n + 2;
}

static void step(uint8_t *ssc, size_t n)
{
	while (n-- && !++ssc[n])
		;
}

/*
 * The protected command's plain form: the data field is decrypted, MACs are the business of
 * test_sm.c.
 */
static struct cr_capdu unwrap(struct card *c, const struct cr_apdu *a, uint8_t *data)
{
	struct cr_capdu outer, plain;
	struct cr_tlv t;
	const uint8_t *p;
	uint8_t iv[16] = { 0 };
	size_t n;

	assert_int_equal(cr_capdu_parse(a->cmd, a->cmd_len, &outer), 0);
	assert_int_equal(outer.cla, 0x0c);
	c->extended += outer.extended;
	plain = (struct cr_capdu){
		.ins = outer.ins, .p1 = outer.p1, .p2 = outer.p2, .extended = outer.extended
	};
	step(c->sm.ssc, cr_cipher_block(c->sm.cipher));
	for (p = outer.data, n = outer.lc; cr_tlv_next(&p, &n, &t) > 0;) {
		if (t.tag == 0x97)
			plain.le = t.len == 1 ? (t.val[0] ? t.val[0] : 256U)
					      : (size_t)t.val[0] << 8 | t.val[1];
		if (t.tag == 0x97 && !plain.le)
			plain.le = 65536;
		if (t.tag != 0x87 && t.tag != 0x85)
			continue;
		cr_cbc_encrypt(c->sm.cipher, c->sm.k_enc, NULL, c->sm.ssc, 16, iv);
		cr_cbc_decrypt(c->sm.cipher, c->sm.k_enc, iv, t.val + (t.tag == 0x87),
			       t.len - (t.tag == 0x87), data);
		assert_int_equal(cr_unpad(data, t.len - (t.tag == 0x87), 16, &plain.lc), 0);
		plain.data = data;
	}
	return plain;
}

static void answer_protected(struct card *c, struct cr_apdu *a, const uint8_t *data, size_t n,
			     uint16_t sw, bool odd)
{
	uint8_t iv[16], mac[8], *x;
	struct cr_buf b, m;
	size_t padded = n ? cr_padded_len(n, 16) : 0;

	step(c->sm.ssc, 16);
	cr_buf_init(&b);
	if (n) {
		cr_tlv_put_header(&b, odd ? 0x85 : 0x87, padded + !odd);
		if (!odd)
			cr_buf_put_u8(&b, 1);
		x = cr_buf_room(&b, padded);
		memcpy(x, data, n);
		cr_pad(x, n, 16);
		cr_cbc_encrypt(c->sm.cipher, c->sm.k_enc, NULL, c->sm.ssc, 16, iv);
		cr_cbc_encrypt(c->sm.cipher, c->sm.k_enc, iv, x, padded, x);
	}
	cr_tlv_put(&b, 0x99, (const uint8_t[]){ (uint8_t)(sw >> 8), (uint8_t)sw }, 2);
	cr_buf_init(&m);
	cr_buf_put(&m, c->sm.ssc, 16);
	cr_buf_put(&m, b.data, b.len);
	x = cr_buf_room(&m, 16);
	cr_mac(c->sm.cipher, c->sm.k_mac, m.data, cr_pad(m.data, m.len - 16, 16), mac);
	if (c->commands == c->break_mac_at)
		mac[0] ^= 1;
	cr_tlv_put(&b, 0x8e, mac, 8);
	/* what does not fit into the command's own form cannot be sent at all */
	if (!(a->cmd[4] == 0 && a->cmd_len > 7))
		assert_true(b.len <= 256);
	answer_plain(a, b.data, b.len, sw);
	cr_buf_free(&b);
	cr_buf_free(&m);
}

static uint16_t respond(struct card *c, const struct cr_capdu *cmd, uint8_t *out, size_t *n)
{
	size_t offset = (size_t)cmd->p1 << 8 | cmd->p2, want = cmd->le;
	struct cr_tlv t;
	struct cr_buf b;

	*n = 0;
	if (cmd->ins == 0xa4) {
		assert_int_equal(cmd->p2, 0x0c);
		assert_int_equal(cmd->le, 0);
		if (cmd->p1 == 0)
			return 0x6d00;
		if (cmd->p1 == 2 && cmd->data[1] == 0x99)
			return 0x6a82;
		if (cmd->p1 == 2 && cmd->data[1] == 0x98)
			return 0x6982;
		c->current = cmd->p1 == 2;
		if (c->talkative)
			memcpy(out, "\x6f\x02\x84\x00", *n = 4);
		return 0x9000;
	}
	if (cmd->ins == 0xb1) {
		assert_int_equal(cr_tlv_parse_all(cmd->data, cmd->lc, &t), 0);
		assert_int_equal(t.tag, 0x54);
		offset = 0;
		for (size_t i = 0; i < t.len; i++)
			offset = offset << 8 | t.val[i];
		want -= cr_tlv_header_size(0x53, want);
	} else {
		assert_int_equal(cmd->ins, 0xb0);
	}
	if (cmd->ins == 0xb0 && offset & 0x8000) {
		c->by_sfi++;
		if (c->sfi)
			return c->sfi;
		if (cmd->p1 != 0x82)	/* DG2 is all that there is */
			return 0x6a82;
		offset &= 0xff;
		if (!c->sfi_passing)
			c->current = true;
		if (c->sfi_other) {
			memset(out, 0x31, *n = want);
			return 0x9000;
		}
	} else if (!c->current) {
		return 0x6986;
	}
	if (offset >= c->len)
		return 0x6b00;
	if (want > c->max_le && c->too_much)
		return c->too_much;
	if (offset + want > c->len && c->beyond)
		return c->beyond;
	*n = want;
	if (*n > c->max_le)
		*n = c->max_le;
	if (*n > c->len - offset)
		*n = c->len - offset;
	if (cmd->ins == 0xb1) {
		cr_buf_init_fixed(&b, out, 70000);
		cr_tlv_put(&b, 0x53, c->file + offset, *n);
		*n = b.len;
	} else {
		memcpy(out, c->file + offset, *n);
	}
	return offset + want > c->len ? 0x6282 : 0x9000;
}

static int batch(void *io, struct cr_apdu *apdus, size_t n, size_t *done)
{
	static uint8_t out[70000], data[70000];
	struct card *c = io;

	c->batches++;
	for (*done = 0; *done < n;) {
		struct cr_apdu *a = &apdus[*done];
		struct cr_capdu cmd;
		uint16_t sw;
		size_t len;

		c->commands++;
		if (c->secured)
			cmd = unwrap(c, a, data);
		else
			assert_int_equal(cr_capdu_parse(a->cmd, a->cmd_len, &cmd), 0);
		sw = respond(c, &cmd, out, &len);
		if (sw == 1)
			return CR_E_TIMEOUT;
		if (!c->secured || (c->plain_error && sw != 0x9000))
			answer_plain(a, out, len, sw);
		else
			answer_protected(c, a, out, len, sw, cmd.ins & 1);
		if (a->rsp_expect && sw == 0x9000 && c->too_much && !c->talkative)
			assert_int_equal(a->rsp_expect, a->rsp_len);
		++*done;
		if ((sw & a->sw_mask) != (a->sw & a->sw_mask))
			break;
	}
	return 0;
}

static void new_card(struct card *c, size_t value_len)
{
	struct cr_buf b;

	memset(c, 0, sizeof(*c));
	cr_buf_init(&b);
	cr_tlv_put_header(&b, 0x75, value_len);
	for (size_t i = 0; i < value_len; i++)
		cr_buf_put_u8(&b, (uint8_t)(i * 7 + i / 251));
	assert_int_equal(b.err, 0);
	c->file = malloc(b.len);
	memcpy(c->file, b.data, b.len);
	c->len = b.len;
	cr_buf_free(&b);
	c->max_le = 70000;
	c->too_much = 0x6700;
}

static void new_session(struct cr_session *s, struct card *c, bool secured, size_t max)
{
	static const uint8_t k[16] = { 1, 2, 3, 4 };

	memset(s, 0, sizeof(*s));
	s->batch = batch;
	s->io = c;
	s->max_response = max;
	s->block_max = SIZE_MAX;
	c->secured = secured;
	c->current = false;
	if (secured) {
		cr_sm_init(&c->sm, CR_AES128, k, k, NULL);
		cr_session_secure(s, &c->sm);
	}
}

static void read_ok(struct cr_session *s, struct card *c)
{
	struct cr_file_request r = { .fid = 0x0102 };

	assert_int_equal(cr_file_read(s, &r), 0);
	assert_int_equal(r.len, c->len);
	assert_memory_equal(r.data, c->file, c->len);
	free(r.data);
	if (s->secured)
		assert_memory_equal(s->sm.ssc, c->sm.ssc, 16);	/* both sides count alike */
}

static void files_of_every_length_are_read_in_two_batches(void **state)
{
	static const size_t lengths[] = { 0,	1,     2,     3,     4,	    17,	  127,
					  128,	222,   223,   224,   255,   256,  257,
					  1000, 20000, 32760, 32768, 33000, 40000 };
	static const size_t limits[] = { 256, 900, 65536 };

	for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
		for (size_t m = 0; m < 3; m++) {
			for (int secured = 0; secured < 2; secured++) {
				struct cr_session s;
				struct card c;

				new_card(&c, lengths[l]);
				new_session(&s, &c, secured, limits[m]);
				read_ok(&s, &c);
				assert_int_equal(c.batches, c.len > 5 ? 2 : 1);
				if (secured && m == 0)
					assert_int_equal(c.extended, 0);
				if (secured && m == 2 && lengths[l] == 20000)
					assert_int_equal(c.extended, 1);
				free(c.file);
			}
		}
	}
}

static void a_mebibyte_is_read_and_no_more(void **state)
{
	struct cr_file_request r = { .fid = 0x0102 };
	struct cr_session s;
	struct card c;

	new_card(&c, 1U << 20);
	new_session(&s, &c, true, 65536);
	read_ok(&s, &c);
	c.file[1] = 0x83;
	c.file[2] = 0x10;
	c.file[3] = 0x00;
	c.file[4] = 0x01;
	assert_int_equal(cr_file_read(&s, &r), CR_E_MALFORMED);
	assert_null(r.data);
	c.file[1] = 0x84;
	assert_int_equal(cr_file_read(&s, &r), CR_E_MALFORMED);
	c.file[1] = 0x80;
	assert_int_equal(cr_file_read(&s, &r), CR_E_MALFORMED);
	free(c.file);
}

/* Field notes: 6700, 6B00, 6282, 6Cxx, or fewer bytes than asked for; found out once, remembered. */
static void a_card_that_takes_less_is_asked_for_less(void **state)
{
	static const uint16_t sws[] = { 0x6700, 0x6b00, 0x6282, 0x6cdf, 0x6f00, 0 };
	static const size_t max[] = { 0xdf, 0xa0, 0x60, 0x7f };

	for (size_t i = 0; i < sizeof(sws) / sizeof(*sws); i++) {
		for (size_t m = 0; m < 4; m++) {
			for (int secured = 0; secured < 2; secured++) {
				struct cr_session s;
				struct card c;
				uint32_t before;

				new_card(&c, 3000);
				c.max_le = max[m];
				c.too_much = sws[i];
				new_session(&s, &c, secured, 900);
				read_ok(&s, &c);
				assert_true(s.block_max <= max[m]);
				before = c.batches;
				read_ok(&s, &c);
				assert_int_equal(c.batches - before, 2);
				free(c.file);
			}
		}
	}
}

static void a_session_lost_to_size_can_begin_anew_with_less(void **state)
{
	for (int silent = 0; silent < 2; silent++) {
		struct cr_file_request r = { .fid = 0x0102 };
		struct cr_session s;
		struct card c;

		new_card(&c, 3000);
		c.max_le = 0xdf;
		c.too_much = silent ? 1 : 0x6700;
		c.plain_error = true;
		new_session(&s, &c, true, 900);
		assert_int_equal(cr_file_read(&s, &r), silent ? CR_E_TIMEOUT : CR_E_SM);
		if (!silent)
			assert_int_equal(r.sw, 0x6700);
		assert_true(s.lost);
		assert_int_equal(cr_file_read(&s, &r), CR_E_INVALID);	/* nothing more is sent */
		assert_true(cr_block_shrink(&s));
		cr_session_reset(&s);
		memset(c.sm.ssc, 0, 16);
		cr_session_secure(&s, &c.sm);
		read_ok(&s, &c);
		free(c.file);
	}
}

static void shrinking_ends(void **state)
{
	struct cr_session s;
	struct card c;
	int n = 0;

	new_card(&c, 100);
	new_session(&s, &c, true, 65536);
	while (cr_block_shrink(&s))
		n++;
	assert_int_equal(n, 3);
	free(c.file);
}

static void a_truncated_file_is_an_error(void **state)
{
	for (int secured = 0; secured < 2; secured++) {
		struct cr_file_request r = { .fid = 0x0102 };
		struct cr_session s;
		struct card c;

		new_card(&c, 3000);
		c.len = 1500;
		new_session(&s, &c, secured, 256);
		assert_true(cr_file_read(&s, &r) < 0);
		assert_null(r.data);
		assert_int_equal(r.len, 0);
		free(c.file);
	}
}

static void drip(struct cr_session *s, struct card *c)
{
	struct cr_file_request r = { .fid = 0x0102 };

	assert_int_equal(cr_file_read(s, &r), CR_E_CARD_PROTOCOL);
	assert_null(r.data);
}

static void a_card_that_drips_is_not_waited_for(void **state)
{
	struct cr_session s;
	struct card c;

	new_card(&c, 3000);
	c.max_le = 7;
	c.too_much = 0;
	new_session(&s, &c, true, 256);
	drip(&s, &c);
	c.max_le = 0;
	new_session(&s, &c, false, 256);
	c.file[0] = 0x75;
	assert_int_not_equal(cr_file_read(&s, &(struct cr_file_request){ .fid = 0x0102 }), 0);
	free(c.file);
}

static void a_wrong_mac_in_the_middle_ends_it(void **state)
{
	struct cr_file_request r = { .fid = 0x0102 };
	struct cr_session s;
	struct card c;

	new_card(&c, 3000);
	c.break_mac_at = 7;
	new_session(&s, &c, true, 256);
	assert_int_equal(cr_file_read(&s, &r), CR_E_SM);
	assert_int_equal(r.sw, 0x9000);
	assert_null(r.data);
	assert_true(s.lost);
	free(c.file);
}

/* The READ BINARY behind a SELECT that failed is not sent, and the counter does not count it. */
static void what_was_not_sent_is_not_counted(void **state)
{
	for (int secured = 0; secured < 2; secured++) {
		struct cr_file_request missing = { .fid = 0x0199 }, locked = { .fid = 0x0198 };
		struct cr_session s;
		struct card c;

		new_card(&c, 300);
		new_session(&s, &c, secured, 256);
		assert_int_equal(cr_file_read(&s, &missing), CR_E_NOT_FOUND);
		assert_int_equal(missing.sw, 0x6a82);
		assert_int_equal(c.commands, 1);
		assert_int_equal(cr_file_read(&s, &locked), CR_E_ACCESS_REFUSED);
		assert_int_equal(locked.sw, 0x6982);
		read_ok(&s, &c);
		free(c.file);
	}
}

static void a_master_file_that_is_none_does_not_matter(void **state)
{
	static const uint8_t aid[] = { 0xa0, 0, 0, 2, 0x47, 0x10, 1 };
	struct cr_file_request r = {
		.fid = 0x011c, .select_mf = true, .aid = aid, .aid_len = sizeof(aid)
	};
	struct cr_session s;
	struct card c;

	new_card(&c, 20);
	new_session(&s, &c, false, 256);
	assert_int_equal(cr_file_read(&s, &r), 0);
	assert_int_equal(r.aid_sw, 0x9000);
	assert_int_equal(c.batches, 2);
	free(r.data);
	free(c.file);
}

static void an_answer_that_nobody_asked_for_does_not_matter(void **state)
{
	struct cr_session s;
	struct card c;

	new_card(&c, 1000);
	c.talkative = true;
	new_session(&s, &c, false, 256);
	read_ok(&s, &c);
	free(c.file);
}

/* ---- by short identifier ---- */

static struct cr_file_request dg2(void)
{
	return (struct cr_file_request){ .fid = 0x0102, .tag = 0x75, .least = 256 };
}

static void read_dg2(struct cr_session *s, struct card *c)
{
	struct cr_file_request r = dg2();

	assert_int_equal(cr_file_read(s, &r), 0);
	assert_int_equal(r.len, c->len);
	assert_memory_equal(r.data, c->file, c->len);
	free(r.data);
	if (s->secured)
		assert_memory_equal(s->sm.ssc, c->sm.ssc, 16);
}

/* As after cr_card_reset and access anew; what the session learnt stays. */
static void open_anew(struct cr_session *s, struct card *c)
{
	cr_session_reset(s);
	c->current = false;
	memset(c->sm.ssc, 0, 16);
	cr_session_secure(s, &c->sm);
}

static void a_short_identifier_saves_the_select(void **state)
{
	static const size_t lengths[] = { 0, 1, 3, 17, 222, 300, 3000, 40000 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		for (int secured = 0; secured < 2; secured++) {
			struct cr_session s;
			struct card c;
			size_t block = secured ? 223 : 256;

			new_card(&c, lengths[i]);
			new_session(&s, &c, secured, 256);
			read_dg2(&s, &c);
			assert_int_equal(s.sfi, CR_SFI_WORKS);
			assert_int_equal(c.by_sfi, 1);
			assert_int_equal(c.batches, c.len > 5 ? 2 : 1);
			if (c.len > 5 && c.len < 32000)
				assert_int_equal(c.commands, 1 + (c.len - 5 + block - 1) / block);
			free(c.file);
		}
	}
}

static void a_long_file_is_not_asked_for_its_header_alone(void **state)
{
	for (int secured = 0; secured < 2; secured++) {
		struct cr_session s;
		struct card c;
		size_t block = secured ? 223 : 256;

		new_card(&c, 3000);
		new_session(&s, &c, secured, 256);
		read_dg2(&s, &c);
		c.commands = c.batches = 0;
		read_dg2(&s, &c);
		assert_int_equal(c.commands, (c.len + block - 1) / block);
		assert_int_equal(c.batches, 2);
		free(c.file);
	}
}

static void spoil(struct card *c, int way)
{
	static const uint16_t sws[] = { 0x6700, 0x6982, 0x6985, 0x6a81, 0x6a82, 0x6a86,
					0x6b00, 0x6d00, 0x6f00, 0x6c05 };

	if (way < 10)
		c->sfi = sws[way];
	c->sfi_other = way == 10;
	c->sfi_passing = way == 11;
}

#define WAYS	12

static void a_card_without_short_identifiers_is_asked_once(void **state)
{
	for (int way = 0; way < WAYS; way++) {
		for (int secured = 0; secured < 2; secured++) {
			struct cr_session s;
			struct card c;
			uint32_t before;

			new_card(&c, 3000);
			spoil(&c, way);
			new_session(&s, &c, secured, 256);
			read_dg2(&s, &c);
			assert_int_equal(s.sfi, CR_SFI_REFUSED);
			assert_true(s.block_max == SIZE_MAX);
			before = c.batches;
			read_dg2(&s, &c);
			assert_int_equal(c.by_sfi, 1);
			assert_int_equal(c.batches - before, 2);
			free(c.file);
		}
	}
}

/* A chip that ends secure messaging over it, or falls silent: one session, no more. */
static void a_short_identifier_costs_one_session_at_most(void **state)
{
	for (int way = 0; way < WAYS + 1; way++) {
		for (int known = 0; known < 2; known++) {
			struct cr_file_request r = dg2();
			struct cr_session s;
			struct card c;

			if (way == 10)
				continue;	/* another file: nothing is lost */
			new_card(&c, 3000);
			spoil(&c, way);
			if (way == WAYS)
				c.sfi = 1;
			c.plain_error = true;
			new_session(&s, &c, true, 256);
			if (known)		/* they worked under the master file */
				s.sfi = CR_SFI_WORKS;
			r.least = 0;
			assert_true(cr_file_read(&s, &r) < 0);
			assert_true(s.lost && r.again);
			assert_null(r.data);
			open_anew(&s, &c);
			read_dg2(&s, &c);
			read_dg2(&s, &c);
			assert_int_equal(c.by_sfi, 1);
			assert_true(s.block_max == SIZE_MAX);
			free(c.file);
		}
	}
}

static void a_first_block_that_is_too_long_is_no_matter_of_the_identifier(void **state)
{
	static const uint16_t sws[] = { 0x6700, 0x6b00, 0x6cdf, 0x6f00, 0 };

	for (size_t i = 0; i < sizeof(sws) / sizeof(*sws); i++) {
		struct cr_session s;
		struct card c;
		uint32_t before;

		new_card(&c, 3000);
		c.max_le = 0xa0;
		c.too_much = sws[i];
		new_session(&s, &c, true, 256);
		s.sfi = CR_SFI_WORKS;
		read_dg2(&s, &c);
		before = c.commands;
		read_dg2(&s, &c);
		assert_int_equal(s.sfi, CR_SFI_WORKS);
		assert_int_equal(c.by_sfi, 2);
		assert_true(c.commands - before <= 1 + (c.len + 0x9f) / 0xa0);
		free(c.file);
	}
}

static void a_first_block_that_loses_the_session_is_not_asked_for_again(void **state)
{
	for (int silent = 0; silent < 2; silent++) {
		struct cr_file_request r = dg2();
		struct cr_session s;
		struct card c;

		new_card(&c, 3000);
		c.max_le = 0xa0;
		c.too_much = silent ? 1 : 0x6700;
		c.plain_error = true;
		new_session(&s, &c, true, 256);
		s.sfi = CR_SFI_WORKS;
		assert_true(cr_file_read(&s, &r) < 0);
		assert_true(s.lost && r.again);
		open_anew(&s, &c);
		read_dg2(&s, &c);
		assert_int_equal(s.sfi, CR_SFI_WORKS);
		free(c.file);
	}
}

/* A file that is shorter than any of its kind, on cards that take it in each way there is. */
static void a_file_shorter_than_it_can_be_is_read_all_the_same(void **state)
{
	static const uint16_t sws[] = { 0, 0x6b00, 0x6700, 0x6c40, 1 };

	for (size_t i = 0; i < sizeof(sws) / sizeof(*sws); i++) {
		struct cr_file_request r = dg2();
		struct cr_session s;
		struct card c;

		new_card(&c, 60);
		c.beyond = sws[i];
		new_session(&s, &c, true, 256);
		s.sfi = CR_SFI_WORKS;
		if (sws[i] == 1) {
			assert_int_equal(cr_file_read(&s, &r), CR_E_TIMEOUT);
			assert_true(r.again);
			open_anew(&s, &c);
		}
		read_dg2(&s, &c);
		assert_int_equal(s.sfi, CR_SFI_WORKS);
		free(c.file);
	}
}

static void a_file_that_is_not_there_does_not_speak_against_short_identifiers(void **state)
{
	struct cr_file_request missing = { .fid = 0x0199, .tag = 0x6e };
	struct cr_session s;
	struct card c;

	new_card(&c, 300);
	new_session(&s, &c, true, 256);
	read_dg2(&s, &c);
	assert_int_equal(cr_file_read(&s, &missing), CR_E_NOT_FOUND);
	assert_int_equal(missing.sw, 0x6a82);
	read_dg2(&s, &c);
	assert_int_equal(s.sfi, CR_SFI_WORKS);
	assert_int_equal(c.by_sfi, 3);
	free(c.file);
}

static void what_a_truncated_file_ends_with_is_no_size(void **state)
{
	for (uint8_t tag = 0; tag <= 0x75; tag += 0x75) {
		struct cr_file_request r = { .fid = 0x0102, .tag = tag };
		struct cr_session s;
		struct card c;

		new_card(&c, 3000);
		c.len = 5 + 3 * 223 + 20;
		new_session(&s, &c, true, 256);
		assert_true(cr_file_read(&s, &r) < 0);
		assert_false(s.lost);
		assert_true(s.block_max == SIZE_MAX);
		assert_true(c.commands <= 10);		/* and it is not read twice */
		free(c.file);
	}
}

static size_t told;

static void progress(void *arg, size_t got, size_t total)
{
	assert_true(got > *(size_t *)arg || !got);
	*(size_t *)arg = got;
	assert_true(got <= total);
	told++;
}

static void progress_is_told_on_the_way(void **state)
{
	size_t last = 0;
	struct cr_file_request r = { .fid = 0x0102, .progress = progress, .progress_arg = &last };
	struct cr_session s;
	struct card c;

	new_card(&c, 20000);
	new_session(&s, &c, true, 256);
	told = 0;
	assert_int_equal(cr_file_read(&s, &r), 0);
	assert_int_equal(last, c.len);
	assert_true(told >= 4);		/* its first bytes, then every 32 blocks of 223 */
	free(r.data);
	free(c.file);
}

static void info_of_the_card_bounds_extended_length(void **state)
{
	static const uint8_t info[] = { 0x43, 0x01, 0xb8, 0x7f, 0x66, 0x08, 0x02,
					0x02, 0x04, 0x00, 0x02, 0x02, 0x08, 0x02 };
	uint8_t bad[sizeof(info)];
	size_t command, response;

	assert_true(cr_limits_from_info(info, sizeof(info), &command, &response));
	assert_int_equal(command, 0x400 - 9);
	assert_int_equal(response, 0x800);
	for (size_t n = 0; n < sizeof(info); n++)
		assert_false(cr_limits_from_info(info, n, &command, &response));
	memcpy(bad, info, sizeof(bad));
	bad[12] = 0x80;		/* negative */
	assert_false(cr_limits_from_info(bad, sizeof(bad), &command, &response));
	bad[12] = 0x00;		/* less than a short answer */
	assert_false(cr_limits_from_info(bad, sizeof(bad), &command, &response));
	assert_int_equal(response, 0);
	memcpy(bad, info, sizeof(bad));
	bad[8] = 0x00;		/* less than a short command: short ones it takes all the same */
	assert_true(cr_limits_from_info(bad, sizeof(bad), &command, &response));
	assert_int_equal(command, 255);
}

/* TR-03105-5.1, unit LDS_K */
static void info_that_breaks_its_definition_is_told(void **state)
{
	static const struct { const char *bytes; size_t len; bool sound; } all[] = {
		{ "", 0, true },
		{ "\x43\x01\xb8", 3, true },
		{ "\x7f\x66\x08\x02\x02\x07\x80\x02\x02\x07\x80", 11, true },
		{ "\x47\x03\x94\x21\xe0\x7f\x66\x0a\x02\x03\x01\x00\x00\x02\x03\x01\x00\x00", 18, true },
		{ "\x7f\x66\x04\x02\x02\x07\x80", 7, false },
		{ "\x7f\x66\x08\x02\x02\x07\x80\x04\x02\x07\x80", 11, false },
		{ "\x7f\x66\x08\x02\x02\x87\x80\x02\x02\x07\x80", 11, false },
		/* 7F66 is optional, but where it is announced (ISO/IEC 7816-4, card capabilities) */
		{ "\x7f\x65\x08\x02\x02\x07\x80\x02\x02\x07\x80", 11, true },
		{ "\x47\x03\x94\x21\xc0\x7f\x65\x08\x02\x02\x07\x80\x02\x02\x07\x80", 16, true },
		{ "\x47\x03\x94\x21\xe0\x7f\x65\x08\x02\x02\x07\x80\x02\x02\x07\x80", 16, false },
		{ "\x47\x03\x94\x21\xe0\0\0\xff", 8, false },
		/* the old card's ATR, and what was cut where reading ended */
		{ "\x80\x77\xc1\x02", 4, true }, { "\x47\x03\x94\x21\xe0\x7f\x66\x08\x02", 9, true },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_int_equal(cr_limits_info_sound((const uint8_t *)all[i].bytes, all[i].len), all[i].sound);
}

/* Four bytes of all ones: more than any APDU. */
static void what_info_says_beyond_any_apdu_is_cut(void **state)
{
	static const uint8_t info[] = { 0x7f, 0x66, 0x0c, 0x02, 0x04, 0x7f, 0xff, 0xff, 0xff,
					0x02, 0x04, 0x7f, 0xff, 0xff, 0xff };
	size_t command, response;

	assert_true(cr_limits_from_info(info, sizeof(info), &command, &response));
	assert_int_equal(command, 65535);
	assert_int_equal(response, 65536);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_every_length_are_read_in_two_batches),
		cmocka_unit_test(a_mebibyte_is_read_and_no_more),
		cmocka_unit_test(a_card_that_takes_less_is_asked_for_less),
		cmocka_unit_test(a_session_lost_to_size_can_begin_anew_with_less),
		cmocka_unit_test(shrinking_ends),
		cmocka_unit_test(a_truncated_file_is_an_error),
		cmocka_unit_test(a_card_that_drips_is_not_waited_for),
		cmocka_unit_test(a_wrong_mac_in_the_middle_ends_it),
		cmocka_unit_test(what_was_not_sent_is_not_counted),
		cmocka_unit_test(a_master_file_that_is_none_does_not_matter),
		cmocka_unit_test(an_answer_that_nobody_asked_for_does_not_matter),
		cmocka_unit_test(a_short_identifier_saves_the_select),
		cmocka_unit_test(a_long_file_is_not_asked_for_its_header_alone),
		cmocka_unit_test(a_card_without_short_identifiers_is_asked_once),
		cmocka_unit_test(a_short_identifier_costs_one_session_at_most),
		cmocka_unit_test(a_first_block_that_is_too_long_is_no_matter_of_the_identifier),
		cmocka_unit_test(a_first_block_that_loses_the_session_is_not_asked_for_again),
		cmocka_unit_test(a_file_shorter_than_it_can_be_is_read_all_the_same),
		cmocka_unit_test(a_file_that_is_not_there_does_not_speak_against_short_identifiers),
		cmocka_unit_test(what_a_truncated_file_ends_with_is_no_size),
		cmocka_unit_test(progress_is_told_on_the_way),
		cmocka_unit_test(info_of_the_card_bounds_extended_length),
		cmocka_unit_test(info_that_breaks_its_definition_is_told),
		cmocka_unit_test(what_info_says_beyond_any_apdu_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
