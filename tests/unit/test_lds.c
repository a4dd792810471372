// SPDX-License-Identifier: BSD-2-Clause
/* EF.COM, DG1, DG2, dates and text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "eid/checks.h"
#include "eid/lds.h"
#include "eid/lds_text.h"
#include "eid/mrz.h"
#include "iso7816/tlv.h"

#define NOW	1790000000	/* 2026-09-21 */

static void tags_and_numbers_are_each_others_inverse(void **state)
{
	unsigned int n, tag, count = 0;

	(void)state;
	assert_int_equal(cr_lds_dg_tag(0), 0);
	assert_int_equal(cr_lds_dg_tag(17), 0);
	assert_int_equal(cr_lds_dg_tag(2), 0x75);
	assert_int_equal(cr_lds_dg_tag(3), 0x63);
	assert_int_equal(cr_lds_dg_tag(4), 0x76);
	for (n = 1; n <= 16; n++)
		assert_int_equal(cr_lds_dg_number(cr_lds_dg_tag(n)), n);
	for (tag = 0; tag < 256; tag++)
		count += cr_lds_dg_number((uint8_t)tag) != 0;
	assert_int_equal(count, 16);
}

static const uint8_t com[] = {
	0x60, 0x18, 0x5f, 0x01, 0x04, '0', '1', '0', '7', 0x5f, 0x36, 0x06, '0', '4', '0', '0', '0', '0',
	0x5c, 0x06, 0x61, 0x75, 0x63, 0x6d, 0x6e, 0x6f,
};

static void com_lists_the_groups(void **state)
{
	uint8_t copy[sizeof(com) + 1];
	uint32_t dgs;
	size_t n;

	(void)state;
	assert_int_equal(cr_lds_com(com, sizeof(com), &dgs), 0);
	assert_int_equal(dgs, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 13 | 1 << 14 | 1 << 15);
	for (n = 0; n < sizeof(com); n++) {
		uint8_t *exact = malloc(n + 1);

		memcpy(exact, com, n);
		assert_int_equal(cr_lds_com(exact, n, &dgs), CR_E_MALFORMED);
		assert_int_equal(dgs, 0);
		free(exact);
	}
	/* TR-03105-5.1, LDS_A: another tag, a length too small or too big, a version or the list missing */
	memcpy(copy, com, sizeof(com));
	copy[sizeof(com)] = 0;
	assert_int_equal(cr_lds_com(copy, sizeof(com) + 1, &dgs), CR_E_MALFORMED);
#define REFUSED(at, with) do { \
		memcpy(copy, com, sizeof(com)); copy[at] = with; \
		assert_int_equal(cr_lds_com(copy, sizeof(com), &dgs), CR_E_MALFORMED); \
	} while (0)
	REFUSED(0, 0x61);
	REFUSED(1, 0x17);
	REFUSED(1, 0x19);
	REFUSED(3, 0x02);	/* no LDS version */
	REFUSED(10, 0x37);	/* no Unicode version */
	REFUSED(5, 'A');
	REFUSED(18, 0x5d);	/* no list */
	REFUSED(20, 0x62);	/* a tag that is no group's */
}

static const char vn[] =
	"IDVNM2010000016079201000001<<?0101018M3101019VNM<<<<<<<<<<<?NGUYEN<<VAN<AN<<<<<<<<<<<<<<<<";

static size_t build_dg1(uint8_t *out, const char *zone)
{
	struct cr_buf b;
	size_t outer, n;

	cr_buf_init(&b);
	outer = cr_tlv_begin(&b, 0x61);
	cr_tlv_put(&b, 0x5f1f, zone, strlen(zone));
	cr_tlv_end(&b, outer);
	n = b.len;
	memcpy(out, b.data, n);
	cr_buf_free(&b);
	return n;
}

static void complete_td1(char *z)
{
	char all[64];

	z[14] = cr_mrz_check_digit(z + 5, 9);
	z[29] = z[29] == '?' ? '4' : z[29];
	z[36] = cr_mrz_check_digit(z + 30, 6);
	z[44] = cr_mrz_check_digit(z + 38, 6);
	memcpy(all, z + 5, 25);
	memcpy(all + 25, z + 30, 7);
	memcpy(all + 32, z + 38, 7);
	memcpy(all + 39, z + 48, 11);
	z[59] = cr_mrz_check_digit(all, 50);
}

static void dg1_of_a_vietnamese_card(void **state)
{
	struct cr_document doc = { 0 };
	struct cr_holder h = { 0 };
	uint8_t dg[128];
	char zone[91];
	size_t n, i;

	(void)state;
	strcpy(zone, vn);
	complete_td1(zone);
	n = build_dg1(dg, zone);
	assert_int_equal(cr_lds_dg1(dg, n, NOW, &doc, &h), 0);
	assert_string_equal(doc.type, "TD1");
	assert_string_equal(doc.code, "ID");
	assert_string_equal(doc.issuing_state, "VNM");
	assert_string_equal(doc.number, "201000001");
	assert_string_equal(doc.date_of_expiry, "2031-01-01");
	assert_int_equal(strlen(doc.mrz), 92);
	assert_int_equal(doc.mrz[30], '\n');
	assert_string_equal(h.id_number, "079201000001");
	assert_string_equal(h.date_of_birth, "2001-01-01");
	assert_string_equal(h.sex, "M");
	assert_string_equal(h.full_name, "NGUYEN VAN AN");
	assert_string_equal(h.primary_identifier, "NGUYEN");
	assert_string_equal(h.secondary_identifier, "VAN AN");
	assert_string_equal(h.nationality, "VNM");
	assert_null(doc.date_of_issue);
	/* and again over what is there: nothing leaks */
	assert_int_equal(cr_lds_dg1(dg, n, NOW, &doc, &h), 0);
	cr_lds_document_clear(&doc);
	cr_lds_holder_clear(&h);

	for (i = 0; i < n; i++) {
		uint8_t *exact = malloc(i + 1);

		memcpy(exact, dg, i);
		assert_int_equal(cr_lds_dg1(exact, i, NOW, &doc, &h), CR_E_MALFORMED);
		free(exact);
	}
	dg[0] = 0x62;
	assert_int_equal(cr_lds_dg1(dg, n, NOW, &doc, &h), CR_E_MALFORMED);
	dg[0] = 0x61;
	dg[3] = 0x1e;
	assert_int_equal(cr_lds_dg1(dg, n, NOW, &doc, &h), CR_E_MALFORMED);
	assert_null(doc.type);
}

static void check_date(char *got, const char *want)
{
	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
	free(got);
}

/* The parser of zones skips white space, which typed zones have; in a file it would be shown. */
static void dg1_has_no_white_space(void **state)
{
	static const char white[] = " \t\r\n";
	struct cr_document doc = { 0 };
	struct cr_holder h = { 0 };
	uint8_t dg[128];
	char zone[91];
	size_t n, i;

	(void)state;
	strcpy(zone, vn);
	complete_td1(zone);
	for (i = 0; i < 4; i++) {
		n = build_dg1(dg, zone);
		memmove(dg + 6 + 30, dg + 5 + 30, n - 35);
		dg[5 + 30] = (uint8_t)white[i];
		dg[1]++;
		dg[4]++;
		assert_int_equal(cr_lds_dg1(dg, n + 1, NOW, &doc, &h), CR_E_MALFORMED);
		assert_null(doc.mrz);
	}
}

static void two_digit_years_are_placed(void **state)
{
	(void)state;
	check_date(cr_date_of_birth("260921", NOW), "2026-09-21");
	check_date(cr_date_of_birth("260923", NOW), "1926-09-23");
	check_date(cr_date_of_birth("270101", NOW), "1927-01-01");
	check_date(cr_date_of_birth("000229", NOW), "2000-02-29");
	check_date(cr_date_of_birth("7408<<", NOW), "1974-08");
	check_date(cr_date_of_birth("74<<<<", NOW), "1974");
	check_date(cr_date_of_birth("74<<12", NOW), "1974");
	check_date(cr_date_of_birth("740000", NOW), "1974");
	check_date(cr_date_of_birth("<<0812", NOW), NULL);
	check_date(cr_date_of_birth("", NOW), NULL);
	check_date(cr_date_of_expiry("310101", NOW), "2031-01-01");
	check_date(cr_date_of_expiry("120415", NOW), "2012-04-15");
	check_date(cr_date_of_expiry("991231", NOW), "2099-12-31");
	check_date(cr_date_of_expiry("", NOW), NULL);
	check_date(cr_date_of_dmy("01/02/1990"), "1990-02-01");
	check_date(cr_date_of_dmy("1-2-1990"), "1990-02-01");
	check_date(cr_date_of_dmy("02/1990"), "1990-02");
	check_date(cr_date_of_dmy("1990"), "1990");
	check_date(cr_date_of_dmy("00/00/1990"), "1990");
	check_date(cr_date_of_dmy("00/05/1990"), "1990-05");
	check_date(cr_date_of_dmy("29/02/2000"), "2000-02-29");
	check_date(cr_date_of_dmy("29/02/1900"), NULL);
	check_date(cr_date_of_dmy("32/01/1990"), NULL);
	check_date(cr_date_of_dmy("01/13/1990"), NULL);
	check_date(cr_date_of_dmy("01/01/90"), NULL);
	check_date(cr_date_of_dmy("1/1/1/1990"), NULL);
	check_date(cr_date_of_dmy("99999999999999999999"), NULL);
	check_date(cr_date_of_dmy("Không thời hạn"), NULL);
	check_date(cr_date_of_dmy(""), NULL);
}

static int text(const char *s, size_t n)
{
	char *t = NULL;
	int err = cr_text_new((const uint8_t *)s, n, &t);

	assert_true(err ? !t : t != NULL);
	free(t);
	return err;
}

static void text_is_well_formed_and_harmless(void **state)
{
	char folded[64], *t;

	(void)state;
	assert_int_equal(text("", 0), 0);
	assert_int_equal(text("Nguyễn Văn Ân", 17), 0);
	assert_int_equal(text("\xf0\x9f\x98\x80", 4), 0);
	assert_int_equal(text("\xc0\xaf", 2), CR_E_MALFORMED);		/* overlong */
	assert_int_equal(text("\xe0\x80\xaf", 3), CR_E_MALFORMED);
	assert_int_equal(text("\xf0\x80\x80\xaf", 4), CR_E_MALFORMED);
	assert_int_equal(text("\xed\xa0\x80", 3), CR_E_MALFORMED);	/* surrogate */
	assert_int_equal(text("\xf4\x90\x80\x80", 4), CR_E_MALFORMED);	/* beyond Unicode */
	assert_int_equal(text("\xe1\xba", 2), CR_E_MALFORMED);		/* cut short */
	assert_int_equal(text("\x80", 1), CR_E_MALFORMED);
	assert_int_equal(text("\xff", 1), CR_E_MALFORMED);
	assert_int_equal(text("a\0b", 3), CR_E_MALFORMED);
	assert_int_equal(text("\x1b[2J", 4), CR_E_MALFORMED);		/* what a terminal obeys */
	assert_int_equal(text("\xc2\x9b" "2J", 4), CR_E_MALFORMED);
	assert_int_equal(text("\xe2\x80\xae", 3), CR_E_MALFORMED);	/* right-to-left override */
	assert_int_equal(text("\xd8\x9c", 2), CR_E_MALFORMED);		/* Arabic letter mark: a direction, too */
	assert_int_equal(cr_text_new((const uint8_t *)" a\n b  ", 7, &t), 0);
	assert_string_equal(t, "a  b");
	free(t);
	cr_text_fold("Nữ NỮ Nữ", folded, sizeof(folded));
	assert_string_equal(folded, "nu nu nu");
	cr_text_fold("KHÔNG THỜI HẠN", folded, sizeof(folded));
	assert_string_equal(folded, "khong thoi han");
	cr_text_fold("Đỗ Thị Mỹ Linh ĂÂÊÔƠƯ ắằẳẵặ ỹ", folded, sizeof(folded));
	assert_string_equal(folded, "do thi my linh aaeoou aaaaa y");
	cr_text_fold("Đỗ Thị", folded, 4);
	assert_string_equal(folded, "do ");
}

/* 75 { 7F61 { 02 01 01, 7F60 { A1 {}, 5F2E FAC... } } } */
static size_t build_dg2(uint8_t *out, uint32_t tag, unsigned int points, const uint8_t *image, size_t image_len,
			int record_lie, int block_lie)
{
	struct cr_buf b;
	size_t m[4], n;
	uint32_t block = (uint32_t)(20 + 8 * points + 12 + image_len), record = 14 + block;
	uint8_t head[14] = "FAC\0" "010\0", info[32] = { 0 };

	record += (uint32_t)record_lie;
	block += (uint32_t)block_lie;
	cr_buf_init(&b);
	m[0] = cr_tlv_begin(&b, 0x75);
	m[1] = cr_tlv_begin(&b, 0x7f61);
	cr_tlv_put_u8(&b, 0x02, 1);
	m[2] = cr_tlv_begin(&b, 0x7f60);
	cr_tlv_put(&b, 0xa1, "\x81\x01\x02", 3);
	m[3] = cr_tlv_begin(&b, tag);
	head[8] = (uint8_t)(record >> 24), head[9] = (uint8_t)(record >> 16);
	head[10] = (uint8_t)(record >> 8), head[11] = (uint8_t)record;
	head[13] = 1;
	cr_buf_put(&b, head, 14);
	info[0] = (uint8_t)(block >> 24), info[1] = (uint8_t)(block >> 16);
	info[2] = (uint8_t)(block >> 8), info[3] = (uint8_t)block;
	info[4] = (uint8_t)(points >> 8), info[5] = (uint8_t)points;
	cr_buf_put(&b, info, 20);
	for (; points; points--)
		cr_buf_put(&b, "\1\2\3\4\5\6\7\x8", 8);
	cr_buf_put(&b, info + 20, 12);
	cr_buf_put(&b, image, image_len);
	for (n = 4; n; n--)
		cr_tlv_end(&b, m[n - 1]);
	n = b.len;
	memcpy(out, b.data, n);
	cr_buf_free(&b);
	return n;
}

static const uint8_t jpeg[] = { 0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xd9 };
static const uint8_t jp2[] = { 0, 0, 0, 0x0c, 'j', 'P', ' ', ' ', 0x0d, 0x0a, 0x87, 0x0a, 1 };

static void dg2_finds_the_portrait(void **state)
{
	static const unsigned int points[] = { 0, 1, 30 };
	const uint8_t *image;
	const char *type;
	uint8_t dg[1024];
	size_t n, i, len;

	(void)state;
	for (i = 0; i < 6; i++) {
		n = build_dg2(dg, i % 2 ? 0x7f2e : 0x5f2e, points[i % 3], jpeg, sizeof(jpeg), 0, 0);
		assert_int_equal(cr_lds_dg2(dg, n, &image, &len, &type), 0);
		assert_string_equal(type, "image/jpeg");
		assert_int_equal(len, sizeof(jpeg));
		assert_memory_equal(image, jpeg, len);
	}
	n = build_dg2(dg, 0x5f2e, 2, jp2, sizeof(jp2), 0, 0);
	assert_int_equal(cr_lds_dg2(dg, n, &image, &len, &type), 0);
	assert_string_equal(type, "image/jp2");
}

static void dg2_refuses_lengths_that_lie(void **state)
{
	static const int lies[][2] = {
		{ 1, 0 }, { 0, 1 }, { 1, 1 }, { -1, 0 }, { 0, -(int)sizeof(jpeg) }, { 0, -45 }, { -46, 0 }, { -60, -60 },
		{ 0x7fffff00, 0x7fffff00 }, { -80, -80 },
	};
	const uint8_t *image;
	const char *type;
	uint8_t dg[1024];
	size_t n, i, len;

	(void)state;
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		n = build_dg2(dg, 0x5f2e, 0, jpeg, sizeof(jpeg), lies[i][0], lies[i][1]);
		assert_int_equal(cr_lds_dg2(dg, n, &image, &len, &type), CR_E_MALFORMED);
		assert_null(image);
	}
	n = build_dg2(dg, 0x5f2e, 0, jpeg, sizeof(jpeg), 0, 0);
	for (i = 0; i < n; i++) {
		uint8_t *exact = malloc(i + 1);

		memcpy(exact, dg, i);
		assert_int_equal(cr_lds_dg2(exact, i, &image, &len, &type), CR_E_MALFORMED);
		free(exact);
	}
	/* more feature points than there is room for */
	dg[n - sizeof(jpeg) - 12 - 16] = 0xff;
	assert_int_equal(cr_lds_dg2(dg, n, &image, &len, &type), CR_E_MALFORMED);
	/* no image that anybody can show */
	n = build_dg2(dg, 0x5f2e, 0, (const uint8_t *)"GIF89a......", 12, 0, 0);
	assert_int_equal(cr_lds_dg2(dg, n, &image, &len, &type), CR_E_MALFORMED);
}

static void no_mutation_is_out_of_bounds(void **state)
{
	struct cr_document doc = { 0 };
	struct cr_holder h = { 0 };
	uint8_t seed[3][1024], *copy;
	size_t len[3], n, k;
	const uint8_t *image;
	const char *type;
	char zone[91];
	uint32_t x = 7, dgs;
	int round;

	(void)state;
	strcpy(zone, vn);
	complete_td1(zone);
	memcpy(seed[0], com, len[0] = sizeof(com));
	len[1] = build_dg1(seed[1], zone);
	len[2] = build_dg2(seed[2], 0x5f2e, 3, jpeg, sizeof(jpeg), 0, 0);
	for (round = 0; round < 60000; round++) {
		n = len[round % 3];
		copy = malloc(n);
		memcpy(copy, seed[round % 3], n);
		for (k = 0; k < 1 + (size_t)round % 3; k++) {
			x = x * 1664525u + 1013904223u;
			copy[(x >> 8) % n] = (uint8_t)(x >> 24);
		}
		if (round % 5 == 0)
			n = x % n;
		cr_lds_com(copy, n, &dgs);
		cr_lds_dg1(copy, n, NOW, &doc, &h);
		if (!cr_lds_dg2(copy, n, &image, &k, &type)) {
			assert_true(image > copy && image + k <= copy + n);
		}
		free(copy);
	}
	cr_lds_document_clear(&doc);
	cr_lds_holder_clear(&h);
}

static void documents_are_valid_through_their_last_day(void **state)
{
	static const struct { char expiry[16]; enum cr_result want; } all[] = {
		{ "2026-09-21", CR_SUCCESSFUL }, { "2026-09-20", CR_FAILED }, { "2026-09-22", CR_SUCCESSFUL },
		{ "2026", CR_SUCCESSFUL }, { "2026-08", CR_FAILED }, { "2025", CR_FAILED }, { "unlimited", CR_SUCCESSFUL },
	};
	size_t i;

	(void)state;
	setenv("TZ", "Asia/Ho_Chi_Minh", 1);
	for (i = 0; i <= sizeof(all) / sizeof(all[0]); i++) {
		struct cr_inspection insp = { 0 };

		if (i < sizeof(all) / sizeof(all[0]))
			insp.document.date_of_expiry = (char *)all[i].expiry;
		assert_int_equal(cr_lds_validity(&insp, NOW), 0);
		assert_int_equal(cr_check_get(&insp, CR_CHECK_DOCUMENT_VALIDITY),
				 i < sizeof(all) / sizeof(all[0]) ? all[i].want : CR_UNDETERMINED);
		free(insp.checks);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_and_numbers_are_each_others_inverse),
		cmocka_unit_test(com_lists_the_groups),
		cmocka_unit_test(dg1_of_a_vietnamese_card),
		cmocka_unit_test(dg1_has_no_white_space),
		cmocka_unit_test(two_digit_years_are_placed),
		cmocka_unit_test(text_is_well_formed_and_harmless),
		cmocka_unit_test(dg2_finds_the_portrait),
		cmocka_unit_test(dg2_refuses_lengths_that_lie),
		cmocka_unit_test(no_mutation_is_out_of_bounds),
		cmocka_unit_test(documents_are_valid_through_their_last_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
