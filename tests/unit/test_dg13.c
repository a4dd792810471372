// SPDX-License-Identifier: BSD-2-Clause
/* DG13 of Vietnamese cards, as they are and as they should not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "eid/checks.h"
#include "eid/lds.h"
#include "eid/mrz.h"
#include "iso7816/tlv.h"

#define NOW	1790000000	/* 2026-09-21 */
#define UTF8	0x0c
#define PRINT	0x13

static void field(struct cr_buf *b, uint8_t n, uint32_t tag, const char *s)
{
	size_t m = cr_tlv_begin(b, 0x30);

	cr_tlv_put_u8(b, 0x02, n);
	if (s)
		cr_tlv_put(b, tag, s, strlen(s));
	cr_tlv_end(b, m);
}

static void wrapped(struct cr_buf *b, const char *s)
{
	size_t m = cr_tlv_begin(b, 0x30);

	if (s)
		cr_tlv_put(b, UTF8, s, strlen(s));
	cr_tlv_end(b, m);
}

struct card {
	struct cr_buf b;
	size_t dg, seq;
	struct cr_document doc;
	struct cr_holder h;
};

static void begin(struct card *c)
{
	memset(c, 0, sizeof(*c));
	cr_buf_init(&c->b);
	c->dg = cr_tlv_begin(&c->b, 0x6d);
	c->seq = cr_tlv_begin(&c->b, 0x30);
}

static int parse(struct card *c)
{
	if (c->seq)
		cr_tlv_end(&c->b, c->seq);
	cr_tlv_end(&c->b, c->dg);
	assert_int_equal(c->b.err, 0);
	return cr_lds_dg13(c->b.data, c->b.len, &c->doc, &c->h);
}

static void end(struct card *c)
{
	cr_buf_free(&c->b);
	cr_lds_document_clear(&c->doc);
	cr_lds_holder_clear(&c->h);
}

static const char long_place[] =
	"Số nhà 123, ngõ 456, đường Nguyễn Thị Minh Khai, khu phố 7, Phường Bến Nghé, Quận 1, Thành phố Hồ Chí Minh, "
	"Cộng hòa xã hội chủ nghĩa Việt Nam; tạm trú tại Phường Dịch Vọng Hậu, Quận Cầu Giấy, Thành phố Hà Nội, Việt Nam";

static void usual_fields(struct cr_buf *b, const char *birth)
{
	size_t m;

	field(b, 1, PRINT, "079201000001");
	field(b, 2, UTF8, "Nguyễn Văn Ân");
	field(b, 3, PRINT, birth);
	field(b, 4, UTF8, "Nam");
	field(b, 5, UTF8, "Việt Nam");
	field(b, 6, UTF8, "Kinh");
	field(b, 7, UTF8, "Không");
	field(b, 8, UTF8, "Bến Nghé, Quận 1, TP. Hồ Chí Minh");
	field(b, 9, UTF8, long_place);
	m = cr_tlv_begin(b, 0x30);
	cr_tlv_put_u8(b, 0x02, 10);
	cr_tlv_put(b, UTF8, "Nốt ruồi", strlen("Nốt ruồi"));
	cr_tlv_put(b, UTF8, "", 0);
	cr_tlv_put(b, UTF8, "Sẹo chấm", strlen("Sẹo chấm"));
	cr_tlv_end(b, m);
	field(b, 11, PRINT, "02/03/2021");
	field(b, 12, UTF8, "01/01/2031");
	m = cr_tlv_begin(b, 0x30);
	cr_tlv_put_u8(b, 0x02, 13);
	wrapped(b, "Nguyễn Văn Cha");
	wrapped(b, "Trần Thị Mẹ");
	cr_tlv_end(b, m);
	m = cr_tlv_begin(b, 0x30);
	cr_tlv_put_u8(b, 0x02, 14);
	wrapped(b, "Lê Thị Vợ");
	cr_tlv_end(b, m);
	field(b, 15, PRINT, "123456789");
	field(b, 16, PRINT, "0123456789ABCDEF");
}

static void every_field_is_read(void **state)
{
	struct card c;

	(void)state;
	begin(&c);
	usual_fields(&c.b, "01/01/2001");
	c.doc.issuing_state = strdup("VNM");
	c.h.full_name = strdup("NGUYEN VAN AN");	/* as DG1 said it */
	assert_int_equal(parse(&c), 0);
	assert_string_equal(c.h.id_number, "079201000001");
	assert_string_equal(c.h.full_name, "Nguyễn Văn Ân");
	assert_string_equal(c.h.date_of_birth, "2001-01-01");
	assert_string_equal(c.h.sex, "M");
	assert_string_equal(c.h.nationality, "Việt Nam");
	assert_string_equal(c.h.ethnic_group, "Kinh");
	assert_string_equal(c.h.religion, "Không");
	assert_non_null(strstr(c.h.place_of_origin, "Quận 1"));
	assert_string_equal(c.h.place_of_residence, long_place);
	assert_string_equal(c.h.personal_identification, "Nốt ruồi; Sẹo chấm");
	assert_string_equal(c.doc.date_of_issue, "2021-03-02");
	assert_string_equal(c.doc.date_of_expiry, "2031-01-01");
	assert_string_equal(c.h.father_name, "Nguyễn Văn Cha");
	assert_string_equal(c.h.mother_name, "Trần Thị Mẹ");
	assert_string_equal(c.h.spouse_name, "Lê Thị Vợ");
	assert_string_equal(c.h.former_id_number, "123456789");
	end(&c);
}

static void the_former_number_goes_by_its_form(void **state)
{
	struct card c;

	(void)state;
	begin(&c);
	field(&c.b, 15, PRINT, "0123456789ABCDEF");
	field(&c.b, 16, PRINT, "987654321");
	assert_int_equal(parse(&c), 0);
	assert_string_equal(c.h.former_id_number, "987654321");
	end(&c);
	begin(&c);
	field(&c.b, 15, PRINT, "");
	field(&c.b, 16, PRINT, "12345678X");
	assert_int_equal(parse(&c), 0);
	assert_null(c.h.former_id_number);
	end(&c);
}

static void sex_and_expiry_are_made_stable(void **state)
{
	static const char *const sexes[][2] = {
		{ "Nam", "M" }, { "NAM", "M" }, { "Nữ", "F" }, { "NỮ", "F" }, { "Nữ", "F" }, { "Khác", NULL },
	};
	static const char *const expiries[][2] = {
		{ "Không thời hạn", "unlimited" }, { "KHÔNG THỜI HẠN", "unlimited" }, { "Không thời hạn", "unlimited" },
		{ "31/12/2040", "2040-12-31" }, { "?", NULL },
	};
	struct card c;
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++) {
		begin(&c);
		field(&c.b, 4, UTF8, sexes[i][0]);
		field(&c.b, 12, UTF8, i < 5 ? expiries[i][0] : "");
		assert_int_equal(parse(&c), 0);
		if (sexes[i][1])
			assert_string_equal(c.h.sex, sexes[i][1]);
		else
			assert_null(c.h.sex);
		if (i < 5 && expiries[i][1])
			assert_string_equal(c.doc.date_of_expiry, expiries[i][1]);
		else
			assert_null(c.doc.date_of_expiry);
		end(&c);
	}
}

static void odd_fields_are_taken_as_they_come(void **state)
{
	struct card c;
	size_t m, k;

	(void)state;
	begin(&c);
	field(&c.b, 99, UTF8, "unknown");			/* unknown, first */
	field(&c.b, 2, UTF8, "Trần Thị Bình");			/* not in order */
	field(&c.b, 2, UTF8, "");				/* repeated and empty: the one that says something stays */
	field(&c.b, 1, 0, NULL);				/* absent value */
	field(&c.b, 7, UTF8, "");
	field(&c.b, 3, PRINT, "1956");				/* partial */
	m = cr_tlv_begin(&c.b, 0x30);				/* parents in one more wrapping, father unknown */
	cr_tlv_put_u8(&c.b, 0x02, 13);
	wrapped(&c.b, NULL);
	wrapped(&c.b, "Phạm Thị Mẹ");
	cr_tlv_end(&c.b, m);
	m = cr_tlv_begin(&c.b, 0x30);				/* two spouses */
	cr_tlv_put_u8(&c.b, 0x02, 14);
	wrapped(&c.b, "Một");
	wrapped(&c.b, "Hai");
	cr_tlv_end(&c.b, m);
	m = cr_tlv_begin(&c.b, 0x30);				/* marks inside of a SET */
	cr_tlv_put_u8(&c.b, 0x02, 10);
	k = cr_tlv_begin(&c.b, 0x31);
	cr_tlv_put(&c.b, UTF8, "a", 1);
	cr_tlv_put(&c.b, UTF8, "b", 1);
	cr_tlv_end(&c.b, k);
	cr_tlv_end(&c.b, m);
	cr_tlv_put(&c.b, 0x04, "\x01\x02", 2);			/* something that is no field */
	assert_int_equal(parse(&c), 0);
	assert_string_equal(c.h.full_name, "Trần Thị Bình");
	assert_null(c.h.id_number);
	assert_null(c.h.religion);
	assert_string_equal(c.h.date_of_birth, "1956");
	assert_null(c.h.father_name);
	assert_string_equal(c.h.mother_name, "Phạm Thị Mẹ");
	assert_string_equal(c.h.spouse_name, "Một; Hai");
	assert_string_equal(c.h.personal_identification, "a; b");
	end(&c);
}

static void fields_are_found_in_other_wrappings(void **state)
{
	struct card c;
	size_t m, k;

	(void)state;
	/* 6D { SEQUENCE { INTEGER version, OID, SET { fields } } } */
	begin(&c);
	cr_tlv_put_u8(&c.b, 0x02, 1);
	cr_tlv_put(&c.b, 0x06, "\x2a\x03", 2);
	m = cr_tlv_begin(&c.b, 0x31);
	usual_fields(&c.b, "01/01/2001");
	cr_tlv_end(&c.b, m);
	assert_int_equal(parse(&c), 0);
	assert_string_equal(c.h.id_number, "079201000001");
	assert_string_equal(c.h.mother_name, "Trần Thị Mẹ");
	end(&c);
	/* 6D { SEQUENCE { INTEGER version, SEQUENCE { fields } } } */
	begin(&c);
	cr_tlv_put_u8(&c.b, 0x02, 1);
	m = cr_tlv_begin(&c.b, 0x30);
	usual_fields(&c.b, "01/01/2001");
	cr_tlv_end(&c.b, m);
	assert_int_equal(parse(&c), 0);
	assert_string_equal(c.h.id_number, "079201000001");
	end(&c);
	/* parents as one SEQUENCE of two */
	begin(&c);
	m = cr_tlv_begin(&c.b, 0x30);
	cr_tlv_put_u8(&c.b, 0x02, 13);
	k = cr_tlv_begin(&c.b, 0x30);
	wrapped(&c.b, "Cha");
	wrapped(&c.b, "Mẹ");
	cr_tlv_end(&c.b, k);
	cr_tlv_end(&c.b, m);
	assert_int_equal(parse(&c), 0);
	assert_string_equal(c.h.father_name, "Cha");
	assert_string_equal(c.h.mother_name, "Mẹ");
	end(&c);
}

static void bad_text_makes_the_whole_malformed(void **state)
{
	static const char *const bad[] = { "\xc0\xaf", "\xe1\xba", "\x1b[31m", "\xed\xa0\x80", "\xff" };
	struct card c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(&c);
		usual_fields(&c.b, "01/01/2001");
		field(&c.b, 8, UTF8, bad[i]);
		assert_int_equal(parse(&c), CR_E_MALFORMED);
		assert_null(c.h.full_name);
		assert_null(c.doc.date_of_issue);
		end(&c);
	}
}

static void depth_has_an_end(void **state)
{
	struct card c;
	size_t m[2000], i, n;

	(void)state;
	for (n = 1; n <= 2000; n = n < 12 ? n + 1 : n * 3) {
		begin(&c);
		for (i = 0; i < n; i++)
			m[i] = cr_tlv_begin(&c.b, 0x30);
		field(&c.b, 2, UTF8, "x");
		while (i--)
			cr_tlv_end(&c.b, m[i]);
		assert_int_equal(parse(&c), n <= 5 ? 0 : CR_E_MALFORMED);
		end(&c);
		/* and within a field */
		begin(&c);
		m[0] = cr_tlv_begin(&c.b, 0x30);
		cr_tlv_put_u8(&c.b, 0x02, 9);
		for (i = 1; i < n; i++)
			m[i] = cr_tlv_begin(&c.b, 0x30);
		cr_tlv_put(&c.b, UTF8, "x", 1);
		while (i--)
			cr_tlv_end(&c.b, m[i]);
		assert_int_equal(parse(&c), n <= 7 ? 0 : CR_E_MALFORMED);
		end(&c);
	}
}

/* A field may be repeated, and what is joined grows with each: a mebibyte of them would be copied 50,000 times. */
static void fields_have_an_end(void **state)
{
	struct card c;
	int i, n;

	(void)state;
	for (n = 127; n <= 130; n++) {
		begin(&c);
		for (i = 0; i < n; i++)
			field(&c.b, i % 2 ? 10 : 100, UTF8, "x");
		assert_int_equal(parse(&c), n <= 128 ? 0 : CR_E_MALFORMED);
		end(&c);
	}
	begin(&c);
	for (i = 0; i < 100000; i++)
		field(&c.b, 10, UTF8, "x");
	assert_int_equal(parse(&c), CR_E_MALFORMED);
	end(&c);
}

static void other_states_and_other_files_are_told_apart(void **state)
{
	struct card c;

	(void)state;
	begin(&c);
	usual_fields(&c.b, "01/01/2001");
	c.doc.issuing_state = strdup("UTO");
	assert_int_equal(parse(&c), CR_E_UNSUPPORTED);
	end(&c);
	begin(&c);
	cr_tlv_put(&c.b, UTF8, "something", 9);
	assert_int_equal(parse(&c), CR_E_UNSUPPORTED);
	c.doc.issuing_state = strdup("VNM");
	assert_int_equal(cr_lds_dg13(c.b.data, c.b.len, &c.doc, &c.h), CR_E_MALFORMED);
	c.b.data[0] = 0x6c;
	assert_int_equal(cr_lds_dg13(c.b.data, c.b.len, &c.doc, &c.h), CR_E_MALFORMED);
	end(&c);
}

static void no_truncation_and_no_mutation_is_out_of_bounds(void **state)
{
	struct card c;
	uint32_t x = 3;
	uint8_t *copy;
	size_t n, k;
	int round;

	(void)state;
	begin(&c);
	usual_fields(&c.b, "01/01/2001");
	assert_int_equal(parse(&c), 0);
	for (n = 0; n < c.b.len; n++) {
		copy = malloc(n + 1);
		memcpy(copy, c.b.data, n);
		assert_int_equal(cr_lds_dg13(copy, n, &c.doc, &c.h), CR_E_MALFORMED);
		free(copy);
	}
	for (round = 0; round < 40000; round++) {
		copy = malloc(c.b.len);
		memcpy(copy, c.b.data, c.b.len);
		for (k = 0; k < 1 + (size_t)round % 4; k++) {
			x = x * 1664525u + 1013904223u;
			copy[(x >> 8) % c.b.len] = (uint8_t)(x >> 24);
		}
		cr_lds_dg13(copy, c.b.len, &c.doc, &c.h);
		free(copy);
	}
	end(&c);
}

/* ---- DG1 against DG13 ---- */

static size_t dg1(uint8_t *out, const char *id, const char *birth, char sex, const char *expiry)
{
	char z[91], all[64];

	strcpy(z, "IDVNM201000001?079201000001<<40101010M3101010VNM<<<<<<<<<<<?NGUYEN<<VAN<AN<<<<<<<<<<<<<<<<");
	memcpy(z + 15, id, 12);
	memcpy(z + 30, birth, 6);
	z[37] = sex;
	memcpy(z + 38, expiry, 6);
	z[14] = cr_mrz_check_digit(z + 5, 9);
	z[36] = cr_mrz_check_digit(z + 30, 6);
	z[44] = cr_mrz_check_digit(z + 38, 6);
	memcpy(all, z + 5, 25);
	memcpy(all + 25, z + 30, 7);
	memcpy(all + 32, z + 38, 7);
	memcpy(all + 39, z + 48, 11);
	z[59] = cr_mrz_check_digit(all, 50);
	memcpy(out, "\x61\x5d\x5f\x1f\x5a", 5);
	memcpy(out + 5, z, 90);
	return 95;
}

static enum cr_result consistency_of(const char *birth13, const char *id, const char *birth, char sex, const char *expiry,
				     const char *expiry13, int spoil)
{
	struct cr_inspection insp = { 0 };
	struct cr_file files[3] = { { .fid = CR_FID_DG(1) }, { .fid = CR_FID_DG(13) }, { .fid = CR_FID_DG(2) } };
	uint8_t two[] = { 0x75, 0x02, 0x7f, 0x61 };
	uint8_t one[128];
	enum cr_result r;
	struct card c;

	begin(&c);
	usual_fields(&c.b, birth13);
	field(&c.b, 12, UTF8, expiry13);
	parse(&c);
	files[0].data = one;
	files[0].len = dg1(one, id, birth, sex, expiry);
	files[1].data = c.b.data;
	files[1].len = c.b.len;
	if (spoil == 1)
		one[40]++;
	if (spoil == 2)
		files[1].len--;
	insp.files = files;
	insp.n_files = spoil == 3 ? 1 : 2;
	if (spoil == 5) {
		files[2].data = two;
		files[2].len = sizeof(two);
		insp.n_files = 3;
	}
	if (spoil == 4)
		files[0].err = CR_E_CARD_STATUS;
	assert_int_equal(cr_lds_consistency(&insp, NOW), 0);
	assert_int_equal(insp.n_checks, 1);
	r = cr_check_get(&insp, CR_CHECK_MRZ_CONSISTENT);
	if (r != CR_SUCCESSFUL)
		assert_true(insp.checks[0].detail[0]);
	free(insp.checks);
	end(&c);
	return r;
}

static enum cr_result consistency(const char *id, const char *birth, char sex, const char *expiry, const char *expiry13,
				  int spoil)
{
	return consistency_of("01/01/2001", id, birth, sex, expiry, expiry13, spoil);
}

/* The zone has no century (ICAO 9303-3, 4.8). */
static void holders_of_a_hundred_years_are_as_old_as_dg13_says(void **state)
{
	static const struct { const char *zone, *dg13; enum cr_result want; } rows[] = {
		{ "200315", "15/03/1920", CR_SUCCESSFUL }, { "200315", "16/03/1920", CR_FAILED },
		{ "200315", "15/03/2020", CR_SUCCESSFUL }, { "200315", "15/03/1921", CR_FAILED },
		{ "200315", "1920", CR_SUCCESSFUL }, { "200315", "1921", CR_FAILED },
		{ "20<<<<", "15/03/1920", CR_SUCCESSFUL }, { "<<<<<<", "15/03/1920", CR_SUCCESSFUL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (consistency_of(rows[i].dg13, "079201000001", rows[i].zone, 'M', "310101", "01/01/2031", 0) != rows[i].want)
			fail_msg("%s, %s", rows[i].zone, rows[i].dg13);
}

static void dg1_and_dg13_have_to_agree(void **state)
{
	(void)state;
	assert_int_equal(consistency("079201000001", "010101", 'M', "310101", "01/01/2031", 0), CR_SUCCESSFUL);
	assert_int_equal(consistency("079201000002", "010101", 'M', "310101", "01/01/2031", 0), CR_FAILED);
	assert_int_equal(consistency("079201000001", "020101", 'M', "310101", "01/01/2031", 0), CR_FAILED);
	assert_int_equal(consistency("079201000001", "010101", 'F', "310101", "01/01/2031", 0), CR_FAILED);
	assert_int_equal(consistency("079201000001", "010101", 'M', "310102", "01/01/2031", 0), CR_FAILED);
	assert_int_equal(consistency("079201000001", "01<<<<", '<', "310101", "01/01/2031", 0), CR_SUCCESSFUL);
	assert_int_equal(consistency("079201000001", "010101", 'M', "991231", "Không thời hạn", 0), CR_SUCCESSFUL);
	assert_int_equal(consistency("079201000001", "010101", 'M', "310101", "01/01/2031", 1), CR_FAILED);
	assert_int_equal(consistency("079201000001", "010101", 'M', "310101", "01/01/2031", 2), CR_FAILED);
	assert_int_equal(consistency("079201000001", "010101", 'M', "310101", "01/01/2031", 3), CR_SUCCESSFUL);
	assert_int_equal(consistency("079201000001", "010101", 'M', "310101", "01/01/2031", 4), CR_UNDETERMINED);
	assert_int_equal(consistency("079201000001", "010101", 'M', "310101", "01/01/2031", 5), CR_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_read),
		cmocka_unit_test(the_former_number_goes_by_its_form),
		cmocka_unit_test(sex_and_expiry_are_made_stable),
		cmocka_unit_test(odd_fields_are_taken_as_they_come),
		cmocka_unit_test(fields_are_found_in_other_wrappings),
		cmocka_unit_test(bad_text_makes_the_whole_malformed),
		cmocka_unit_test(depth_has_an_end),
		cmocka_unit_test(fields_have_an_end),
		cmocka_unit_test(other_states_and_other_files_are_told_apart),
		cmocka_unit_test(no_truncation_and_no_mutation_is_out_of_bounds),
		cmocka_unit_test(dg1_and_dg13_have_to_agree),
		cmocka_unit_test(holders_of_a_hundred_years_are_as_old_as_dg13_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
