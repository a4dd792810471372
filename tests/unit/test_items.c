// SPDX-License-Identifier: BSD-2-Clause
/* What the files beside DG1 and DG13 say: the examples of ICAO 9303-10, records built here, and bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include "eid/checks.h"
#include "eid/items.h"
#include "eid/lds.h"
#include "issue.h"
#include "iso7816/tlv.h"

static const uint8_t jpeg[] = { 0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xd9 };
static const uint8_t jp2[] = { 0xff, 0x4f, 0xff, 0x51, 0, 41, 0, 0 };

static const struct cr_item *item(const struct cr_items *all, unsigned int instance, const char *name, size_t nth)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->item[i].instance == instance && !strcmp(all->item[i].name, name) && !nth--)
			return &all->item[i];
	return NULL;
}

static void says(const struct cr_items *all, unsigned int instance, const char *name, const char *text)
{
	const struct cr_item *it = item(all, instance, name, 0);

	if (!it || !it->text || strcmp(it->text, text))
		fail_msg("%s of %u: %s, not %s", name, instance, it && it->text ? it->text : "nothing", text);
}

static int parse(uint16_t fid, const struct sim_buf *b, struct cr_items *out)
{
	uint8_t *exact = malloc(b->len ? b->len : 1);	/* so that a sanitizer sees what is read beyond */
	int err;

	memset(out, 0, sizeof(*out));
	if (b->len)
		memcpy(exact, b->p, b->len);
	err = cr_items_of_file(fid, exact, b->len, out);
	/* bytes are in the file: whoever shows them must not have lost it */
	for (size_t i = 0; i < out->n; i++) {
		if (!out->item[i].text) {
			assert_true(out->item[i].data >= exact &&
				    out->item[i].data + out->item[i].len <= exact + b->len);
			out->item[i].data = b->p + (out->item[i].data - exact);
		}
	}
	free(exact);
	return err;
}

static void refused(uint16_t fid, const struct sim_buf *b)
{
	struct cr_items got;

	assert_int_equal(parse(fid, b, &got), CR_E_MALFORMED);
	assert_int_equal(got.n, 0);
	cr_items_clear(&got);
}

/* Cut anywhere, with a byte too many, of indefinite length, and by another tag, it is no such file. */
static void nothing_but_the_whole_is_taken(uint16_t fid, const struct sim_buf *good)
{
	struct sim_buf b = { 0 };
	struct cr_items got;

	assert_int_equal(parse(fid, good, &got), 0);
	cr_items_clear(&got);
	for (size_t n = 0; n < good->len; n += n < 200 || n + 200 > good->len ? 1 : 97) {
		sim_buf_put(&b, good->p, n);
		refused(fid, &b);
		sim_buf_free(&b);
	}
	sim_buf_put(&b, good->p, good->len);
	sim_buf_byte(&b, 0);
	refused(fid, &b);
	sim_buf_free(&b);
	sim_buf_put(&b, good->p, good->len);
	b.p[0] ^= 0x01;
	refused(fid, &b);
	b.p[0] ^= 0x01;
	b.p[1] = 0x80;
	refused(fid, &b);
	sim_buf_free(&b);
}

/* ICAO 9303-10, 4.7.11: the example of the standard. */
static void dg11_of_the_standard(void **state)
{
	static const char example[] =
		"\x6b\x63\x5c\x0a\x5f\x0e\x5f\x11\x5f\x42\x5f\x12\x5f\x13"
		"\x5f\x0e\x0d" "SMITH<<JOHN<J" "\x5f\x11\x0a" "ANYTOWN<MN"
		"\x5f\x42\x17" "123 MAPLE RD<ANYTOWN<MN" "\x5f\x12\x0e" "1-612-555-1212"
		"\x5f\x13\x0c" "TRAVEL<AGENT";
	struct sim_buf b = { 0 };
	struct cr_items got;

	sim_buf_put(&b, example, sizeof(example) - 1);
	assert_int_equal(parse(CR_FID_DG(11), &b, &got), 0);
	assert_int_equal(got.n, 5);
	says(&got, 0, "full_name", "SMITH JOHN J");
	says(&got, 0, "place_of_birth", "ANYTOWN, MN");
	says(&got, 0, "permanent_address", "123 MAPLE RD, ANYTOWN, MN");
	says(&got, 0, "telephone", "1-612-555-1212");
	says(&got, 0, "profession", "TRAVEL AGENT");
	cr_items_clear(&got);
	nothing_but_the_whole_is_taken(CR_FID_DG(11), &b);
	sim_buf_free(&b);
}

/* ICAO 9303-10, 4.7.12 */
static void dg12_of_the_standard(void **state)
{
	static const char example[] =
		"\x6c\x45\x5c\x06\x5f\x19\x5f\x26\x5f\x1a" "\x5f\x19\x18" "UNITED STATES OF AMERICA"
		"\x5f\x26\x08" "20020531" "\xa0\x15\x02\x01\x01\x5f\x1a\x0f" "SMITH<<BRENDA<P";
	struct sim_buf b = { 0 };
	struct cr_items got;

	sim_buf_put(&b, example, sizeof(example) - 1);
	assert_int_equal(parse(CR_FID_DG(12), &b, &got), 0);
	says(&got, 0, "issuing_authority", "UNITED STATES OF AMERICA");
	says(&got, 0, "date_of_issue", "2002-05-31");
	says(&got, 0, "other_people", "SMITH BRENDA P");
	assert_true(item(&got, 0, "other_people", 0)->list);
	assert_false(item(&got, 0, "date_of_issue", 0)->list);
	cr_items_clear(&got);
	nothing_but_the_whole_is_taken(CR_FID_DG(12), &b);
	sim_buf_free(&b);
}

/* ICAO 9303-10, 4.7.16 */
static const char dg16[] =
	"\x70\x81\xa2\x02\x01\x02\xa1\x4c\x5f\x50\x08" "20020101" "\x5f\x51\x10" "SMITH<<CHARLES<R"
	"\x5f\x52\x0b" "19525551212" "\x5f\x53\x1d" "123 MAPLE RD<ANYTOWN<MN<55100"
	"\xa2\x4f\x5f\x50\x08" "20020315" "\x5f\x51\x0d" "BROWN<<MARY<J" "\x5f\x52\x0b" "14155551212"
	"\x5f\x53\x23" "49 REDWOOD LN<OCEAN BREEZE<CA<94000";

static void dg16_of_the_standard(void **state)
{
	struct sim_buf b = { 0 };
	struct cr_items got;

	sim_buf_put(&b, dg16, sizeof(dg16) - 1);
	assert_int_equal(parse(CR_FID_DG(16), &b, &got), 0);
	says(&got, 1, "name", "SMITH CHARLES R");
	says(&got, 1, "recorded", "2002-01-01");
	says(&got, 2, "name", "BROWN MARY J");
	says(&got, 2, "telephone", "14155551212");
	says(&got, 2, "address", "49 REDWOOD LN, OCEAN BREEZE, CA, 94000");
	assert_int_equal(got.n, 8);
	cr_items_clear(&got);
	nothing_but_the_whole_is_taken(CR_FID_DG(16), &b);
	b.p[5] = 3;		/* one more person than there are */
	refused(CR_FID_DG(16), &b);
	b.p[5] = 1;
	refused(CR_FID_DG(16), &b);
	b.p[5] = 2;
	b.p[6] = 0xa2;		/* the second twice */
	refused(CR_FID_DG(16), &b);
	sim_buf_free(&b);
}

/* DG11 with one field. */
static void one_field(struct sim_buf *b, uint32_t tag, const void *value, size_t len)
{
	struct sim_buf in = { 0 };

	sim_buf_free(b);
	sim_ber_put(&in, tag, value, len);
	sim_ber_wrap(b, 0x6b, &in);
}

static void dates_are_characters_or_bcd_and_known_in_part(void **state)
{
	static const struct { const char *bytes; size_t len; const char *text; } all[] = {
		{ "19740812", 8, "1974-08-12" }, { "\x19\x74\x08\x12", 4, "1974-08-12" }, { "19740800", 8, "1974-08" },
		{ "\x19\x74\x00\x00", 4, "1974" }, { "19740012", 8, "1974" }, { "19740230", 8, NULL },
		{ "19741301", 8, NULL }, { "\x19\x74\x0a\x12", 4, NULL }, { "1974081", 7, NULL }, { "", 0, NULL },
		{ "12081974", 8, NULL }, { "1974<<<<", 8, NULL }, { "+9740812", 8, NULL },
	};
	struct sim_buf b = { 0 };
	struct cr_items got;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct cr_item *it;

		one_field(&b, 0x5f2b, all[i].bytes, all[i].len);
		assert_int_equal(parse(CR_FID_DG(11), &b, &got), 0);
		it = item(&got, 0, "date_of_birth", 0);
		assert_non_null(it);
		if (all[i].text) {
			assert_string_equal(it->text, all[i].text);
		} else {	/* no date: its bytes, and that they are none */
			assert_null(it->text);
			assert_null(it->type);
			assert_int_equal(it->len, all[i].len);
		}
		cr_items_clear(&got);
	}
	sim_buf_free(&b);
}

static void moments_have_a_time(void **state)
{
	static const struct { const char *digits, *text; } all[] = {
		{ "20250109103000", "2025-01-09T10:30:00" }, { "20250109240000", NULL }, { "20250109106000", NULL },
		{ "20250100103000", NULL },
	};
	struct sim_buf b = { 0 }, in = { 0 };
	struct cr_items got;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		sim_ber_str(&in, 0x5f55, all[i].digits);
		sim_ber_wrap(&b, 0x6c, &in);
		assert_int_equal(parse(CR_FID_DG(12), &b, &got), 0);
		if (all[i].text)
			says(&got, 0, "personalized", all[i].text);
		else
			assert_null(item(&got, 0, "personalized", 0)->text);
		cr_items_clear(&got);
		sim_buf_free(&b);
	}
}

static void texts_are_as_they_are_and_never_obeyed(void **state)
{
	struct sim_buf b = { 0 };
	struct cr_items got;

	one_field(&b, 0x5f0e, "NGUYỄN<<VĂN<ÂN", strlen("NGUYỄN<<VĂN<ÂN"));
	assert_int_equal(parse(CR_FID_DG(11), &b, &got), 0);
	says(&got, 0, "full_name", "NGUYỄN VĂN ÂN");
	cr_items_clear(&got);
	one_field(&b, 0x5f0e, "<<<", 3);
	assert_int_equal(parse(CR_FID_DG(11), &b, &got), 0);
	says(&got, 0, "full_name", "");
	cr_items_clear(&got);
	one_field(&b, 0x5f0e, "M\xfcLLER", 6);		/* Latin-1 */
	assert_int_equal(parse(CR_FID_DG(11), &b, &got), 0);
	assert_null(item(&got, 0, "full_name", 0)->text);
	cr_items_clear(&got);
	one_field(&b, 0x5f12, "\x1b[2J", 4);
	assert_int_equal(parse(CR_FID_DG(11), &b, &got), 0);
	assert_null(item(&got, 0, "telephone", 0)->text);
	cr_items_clear(&got);
	one_field(&b, 0x5f17, "A1<<B2<", 7);
	assert_int_equal(parse(CR_FID_DG(11), &b, &got), 0);
	assert_string_equal(item(&got, 0, "other_documents", 0)->text, "A1");
	assert_string_equal(item(&got, 0, "other_documents", 1)->text, "B2");
	assert_null(item(&got, 0, "other_documents", 2));
	cr_items_clear(&got);
	one_field(&b, 0x5f99, "?", 1);		/* a tag of no table */
	assert_int_equal(parse(CR_FID_DG(11), &b, &got), CR_E_MALFORMED);	/* 5F 99 goes on */
	one_field(&b, 0x5f3a, "?", 1);
	assert_int_equal(parse(CR_FID_DG(11), &b, &got), 0);
	assert_int_equal(got.n, 0);
	cr_items_clear(&got);
	sim_buf_free(&b);
}

static void a_field_stands_once_and_names_of_others_as_often_as_they_are(void **state)
{
	struct sim_buf b = { 0 }, in = { 0 }, more = { 0 };
	struct cr_items got;

	sim_ber_str(&in, 0x5f0f, "A<<B");	/* bare, as some have it */
	sim_ber_str(&more, 0x5f0f, "C<<D");
	sim_ber_str(&more, 0x5f0f, "E<<F");
	sim_ber_wrap(&in, 0xa0, &more);
	sim_ber_wrap(&b, 0x6b, &in);
	assert_int_equal(parse(CR_FID_DG(11), &b, &got), 0);
	assert_string_equal(item(&got, 0, "other_names", 2)->text, "E F");
	cr_items_clear(&got);
	sim_buf_free(&b);

	sim_ber_str(&in, 0x5f0e, "A<<B");
	sim_ber_str(&in, 0x5f0e, "C<<D");
	sim_ber_wrap(&b, 0x6b, &in);
	refused(CR_FID_DG(11), &b);
	sim_buf_free(&b);
}

/* More than any card says, and a thousand objects around nothing: an end, and no crash. */
static void masses_are_refused(void **state)
{
	static const uint16_t fids[] = {
		CR_FID_DG(2), CR_FID_DG(3), CR_FID_DG(4), CR_FID_DG(5), CR_FID_DG(7), CR_FID_DG(11), CR_FID_DG(12),
		CR_FID_DG(14), CR_FID_DG(15), CR_FID_DG(16), CR_FID_DIR, CR_FID_INFO,
	};
	struct sim_buf b = { 0 }, in = { 0 };
	struct cr_items got;

	for (int i = 0; i < 200000; i++)
		sim_ber_put(&in, 0x5f0f, "A", 1);
	sim_ber_wrap(&b, 0x6b, &in);
	refused(CR_FID_DG(11), &b);
	sim_buf_free(&b);

	for (size_t k = 0; k < sizeof(fids) / sizeof(fids[0]); k++) {
		uint8_t tag = cr_lds_file_tag(fids[k]);

		for (int i = 0; i < 1000; i++)
			sim_ber_wrap(&b, i % 3 ? 0xa0 : 0x30, &in), in = b, memset(&b, 0, sizeof(b));
		sim_ber_wrap(&b, tag ? tag : 0x61, &in);
		parse(fids[k], &b, &got);
		assert_null(item(&got, 1, "image", 0));
		cr_items_clear(&got);
		sim_buf_free(&b);
		/* and each level without an end */
		for (int i = 0; i < 1000; i++)
			sim_buf_put(&b, i ? "\xa0\x80" : (char[]){ (char)tag, (char)0x80 }, 2);
		assert_int_equal(parse(fids[k], &b, &got), CR_E_MALFORMED);
		cr_items_clear(&got);
		sim_buf_free(&b);
	}
}

/* ---- pictures ---- */

static void displayed_pictures(void **state)
{
	struct sim_buf b = { 0 }, in = { 0 };
	struct cr_items got;

	for (int dg = 5; dg <= 7; dg += 2) {
		sim_write_picture((unsigned int)dg, jpeg, sizeof(jpeg), &b);
		assert_int_equal(parse(CR_FID_DG(dg), &b, &got), 0);
		assert_string_equal(item(&got, 1, "image", 0)->type, "image/jpeg");
		assert_int_equal(item(&got, 1, "image", 0)->len, sizeof(jpeg));
		assert_memory_equal(item(&got, 1, "image", 0)->data, jpeg, sizeof(jpeg));
		cr_items_clear(&got);
		nothing_but_the_whole_is_taken(CR_FID_DG(dg), &b);
		b.p[4] = 2;	/* of which one is not there */
		refused(CR_FID_DG(dg), &b);
		b.p[4] = 0;
		refused(CR_FID_DG(dg), &b);
		sim_buf_free(&b);
	}
	/* the signature's tag in the portrait's group */
	sim_ber_int(&in, 1);
	sim_ber_put(&in, 0x5f43, jpeg, sizeof(jpeg));
	sim_ber_wrap(&b, 0x65, &in);
	refused(CR_FID_DG(5), &b);
	sim_buf_free(&b);
}

static void the_face_of_39794(void **state)
{
	const uint8_t *image;
	struct sim_buf b = { 0 };
	struct cr_items got;
	const char *type;
	size_t len;

	for (int i = 0; i < 2; i++) {
		sim_write_dg2_new(i ? jp2 : jpeg, i ? sizeof(jp2) : sizeof(jpeg), i, &b);
		assert_int_equal(cr_lds_dg2(b.p, b.len, &image, &len, &type), 0);
		assert_string_equal(type, i ? "image/jp2" : "image/jpeg");
		assert_int_equal(len, i ? sizeof(jp2) : sizeof(jpeg));
		assert_memory_equal(image, i ? jp2 : jpeg, len);
		assert_int_equal(parse(CR_FID_DG(2), &b, &got), 0);
		says(&got, 1, "format", "ISO/IEC 39794-5");
		says(&got, 1, "width", "360");
		says(&got, 1, "height", "480");
		assert_true(item(&got, 1, "width", 0)->number);
		assert_int_equal(item(&got, 1, "image", 0)->len, len);
		cr_items_clear(&got);
		nothing_but_the_whole_is_taken(CR_FID_DG(2), &b);
		sim_buf_free(&b);
	}
	sim_write_dg2_new((const uint8_t *)"GIF89a", 6, false, &b);
	assert_int_equal(cr_lds_dg2(b.p, b.len, &image, &len, &type), CR_E_MALFORMED);
	assert_null(image);
	refused(CR_FID_DG(2), &b);
	sim_buf_free(&b);
}

static void the_face_of_19794(void **state)
{
	struct sim_buf b = { 0 };
	struct cr_items got;

	sim_write_dg2(jpeg, sizeof(jpeg), false, &b);
	assert_int_equal(parse(CR_FID_DG(2), &b, &got), 0);
	says(&got, 1, "format", "ISO/IEC 19794-5");
	says(&got, 1, "width", "360");
	assert_memory_equal(item(&got, 1, "image", 0)->data, jpeg, sizeof(jpeg));
	assert_null(item(&got, 2, "format", 0));
	cr_items_clear(&got);
	nothing_but_the_whole_is_taken(CR_FID_DG(2), &b);
	sim_buf_free(&b);
	sim_write_dg2(jpeg, sizeof(jpeg), true, &b);
	refused(CR_FID_DG(2), &b);
	sim_buf_free(&b);
}

static void fingers(void **state)
{
	struct sim_buf b = { 0 };
	struct cr_items got;

	sim_write_dg3(&b);
	assert_int_equal(parse(CR_FID_DG(3), &b, &got), 0);
	says(&got, 1, "format", "ISO/IEC 19794-4");
	says(&got, 1, "position", "right index finger");
	says(&got, 2, "position", "left index finger");
	says(&got, 2, "width", "64");
	says(&got, 2, "quality", "80");
	assert_int_equal(item(&got, 2, "image", 0)->len, 64 * 64);
	assert_null(item(&got, 3, "format", 0));
	cr_items_clear(&got);
	nothing_but_the_whole_is_taken(CR_FID_DG(3), &b);
	sim_buf_free(&b);

	sim_write_fingers(3, SIM_WSQ, &b);
	assert_int_equal(parse(CR_FID_DG(3), &b, &got), 0);
	says(&got, 3, "position", "right thumb");
	assert_string_equal(item(&got, 3, "image", 0)->type, "image/x-wsq");
	assert_null(item(&got, 4, "format", 0));
	cr_items_clear(&got);
	sim_buf_free(&b);
	sim_write_fingers(2, SIM_JP2, &b);
	assert_int_equal(parse(CR_FID_DG(3), &b, &got), 0);
	assert_string_equal(item(&got, 2, "image", 0)->type, "image/jp2");
	cr_items_clear(&got);
	sim_buf_free(&b);
}

static void the_fingers_of_39794(void **state)
{
	static const struct { enum sim_image kind; const char *type; } kinds[] = {
		{ SIM_RAW, "image/x-portable-graymap" }, { SIM_WSQ, "image/x-wsq" }, { SIM_JP2, "image/jp2" },
	};
	struct sim_buf b = { 0 };
	struct cr_items got;
	uint8_t *p;

	for (size_t i = 0; i < 6; i++) {
		sim_write_fingers_new(kinds[i / 2].kind, i & 1, &b);
		assert_int_equal(parse(CR_FID_DG(3), &b, &got), 0);
		says(&got, 1, "format", "ISO/IEC 39794-4");
		says(&got, 1, "position", "right index finger");
		says(&got, 2, "position", "left index finger");
		assert_string_equal(item(&got, 2, "image", 0)->type, kinds[i / 2].type);
		if (!i)
			assert_int_equal(item(&got, 2, "image", 0)->len, 64 * 64);
		assert_null(item(&got, 1, "record", 0));
		assert_null(item(&got, 3, "format", 0));
		cr_items_clear(&got);
		nothing_but_the_whole_is_taken(CR_FID_DG(3), &b);
		sim_buf_free(&b);
	}
	/* without a position, without an image, or of another part of the standard */
	for (int i = 0; i < 3; i++) {
		sim_write_fingers_new(SIM_RAW, false, &b);
		p = i == 1 ? memmem(b.p, b.len, "\x83\x82", 2) : memmem(b.p, b.len, i ? "\x64\x82" : "\xa0\x03\x80\x01\x02", i ? 2 : 5);
		assert_non_null(p);
		*p = i == 2 ? 0x65 : 0xaf;
		refused(CR_FID_DG(3), &b);
		sim_buf_free(&b);
	}
}

static void eyes(void **state)
{
	struct sim_buf b = { 0 };
	struct cr_items got;

	sim_write_dg4(&b);
	assert_int_equal(parse(CR_FID_DG(4), &b, &got), 0);
	says(&got, 1, "format", "ISO/IEC 19794-6");
	says(&got, 1, "eye", "right eye");
	says(&got, 2, "eye", "left eye");
	says(&got, 2, "height", "48");
	assert_int_equal(item(&got, 1, "image", 0)->len, 64 * 48);
	cr_items_clear(&got);
	nothing_but_the_whole_is_taken(CR_FID_DG(4), &b);
	sim_buf_free(&b);

	sim_write_eyes(SIM_JP2, &b);
	assert_int_equal(parse(CR_FID_DG(4), &b, &got), 0);
	assert_string_equal(item(&got, 2, "image", 0)->type, "image/jp2");
	cr_items_clear(&got);
	sim_buf_free(&b);
}

/* ICAO 9303-10, tables 47, 49, 54 and 56 */
static void headers_that_say_something_else_than_the_group_holds(void **state)
{
	/* of dg: the header's object (tag, length) to find, and what its value becomes; NULL: its tag, which nobody knows */
	static const struct { unsigned int dg; const char *object, *value; size_t len; bool good; } all[] = {
		{ 3, "\x87\x02", "\x01\xff", 2, false }, { 3, "\x87\x02", NULL, 1, false },
		{ 3, "\x88\x02", "\x00\x09", 2, false }, { 3, "\x88\x02", NULL, 1, false },
		{ 3, "\x82\x01", "\xfe", 1, false }, { 3, "\x82\x01", "\x19", 1, false }, { 3, "\x82\x01", NULL, 1, false },
		{ 3, "\x82\x01", "\x00", 1, true }, { 3, "\x82\x01", "\x16", 1, true }, { 3, "\x88\x02", "\x04\x01", 2, true },
		{ 3, "\x81\x01", "\x10", 1, false },
		{ 4, "\x87\x02", "\x01\xff", 2, false }, { 4, "\x87\x02", NULL, 1, false },
		{ 4, "\x88\x02", "\x00\x0f", 2, false }, { 4, "\x88\x02", NULL, 1, false },
		{ 4, "\x82\x01", "\xfe", 1, false }, { 4, "\x82\x01", "\x05", 1, false }, { 4, "\x82\x01", NULL, 1, false },
		{ 4, "\x82\x01", "\x00", 1, true }, { 4, "\x88\x02", "\x00\x0b", 2, true },
	};
	struct sim_buf b = { 0 };
	struct cr_items got;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		uint8_t *p;

		if (all[i].dg == 3)
			sim_write_dg3(&b);
		else
			sim_write_dg4(&b);
		p = memmem(b.p, 64, all[i].object, 2);
		assert_non_null(p);
		if (all[i].value)
			memcpy(p + 2, all[i].value, all[i].len);
		else
			*p = 0x9e;
		if (all[i].good) {
			assert_int_equal(parse(CR_FID_DG(all[i].dg), &b, &got), 0);
			cr_items_clear(&got);
		} else {
			refused(CR_FID_DG(all[i].dg), &b);
		}
		sim_buf_free(&b);
	}
}

/* Where in it the record begins. */
static uint8_t *record(struct sim_buf *b, const char *magic)
{
	uint8_t *p = memmem(b->p, b->len, magic, 4);

	assert_non_null(p);
	return p;
}

static void lengths_inside_of_records_that_lie(void **state)
{
	/* offset in the record, how many bytes, as 00... or FF... */
	static const struct { unsigned int dg; size_t at, len; } all[] = {
		{ 3, 0, 3 }, { 3, 4, 3 }, { 3, 8, 6 }, { 3, 18, 1 }, { 3, 32, 4 },
		{ 4, 0, 3 }, { 4, 4, 3 }, { 4, 8, 4 }, { 4, 14, 1 }, { 4, 15, 2 }, { 4, 45 + 3 + 7, 4 },
	};
	struct sim_buf b = { 0 };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (int ones = 0; ones < 2; ones++) {
			if (all[i].dg == 3)
				sim_write_dg3(&b);
			else
				sim_write_dg4(&b);
			memset(record(&b, all[i].dg == 3 ? "FIR" : "IIR") + all[i].at, ones ? 0xff : 0x00, all[i].len);
			refused(CR_FID_DG(all[i].dg), &b);
			sim_buf_free(&b);
		}
	}
	/* 65,535 images of one eye, none of which has a byte */
	sim_write_dg4(&b);
	memset(record(&b, "IIR") + 45 + 1, 0xff, 2);
	refused(CR_FID_DG(4), &b);
	sim_buf_free(&b);
}

/* ICAO 9303-10, 4.7.3: no finger, and random bytes so that the hash says nothing. */
static void a_group_without_fingers(void **state)
{
	struct sim_buf b = { 0 }, in = { 0 }, group = { 0 };
	struct cr_items got;

	sim_ber_put(&in, 0x02, "\0", 1);
	sim_ber_put(&in, 0x53, "\x12\x34\x56\x78", 4);
	sim_ber_wrap(&group, 0x7f61, &in);
	sim_ber_wrap(&b, 0x63, &group);
	assert_int_equal(parse(CR_FID_DG(3), &b, &got), 0);
	assert_int_equal(got.n, 0);
	cr_items_clear(&got);
	b.p[0] = 0x75;		/* a document without a face there is not */
	refused(CR_FID_DG(2), &b);
	sim_buf_free(&b);
}

/* ---- protocols, and the master file ---- */

static void protocols_have_their_names(void **state)
{
	EVP_PKEY *key = sim_key_new("brainpoolP256r1", false);
	const struct sim_pace_offer pace = { SIM_AES128, 13, SIM_GM, NULL };
	const struct sim_security security = { .pace = &pace, .n_pace = 1, .ca_key = key, .ca = SIM_AES256, .ca_key_id = -1,
					      .ta = true };
	struct sim_buf b = { 0 };
	struct cr_items got;

	assert_int_equal(sim_write_dg14(&security, &b), 0);
	assert_int_equal(parse(CR_FID_DG(14), &b, &got), 0);
	assert_int_equal(got.n, 4);
	for (size_t i = 0; i < got.n; i++)
		assert_true(!strcmp(got.item[i].text, "id-PACE-ECDH-GM-AES-CBC-CMAC-128") ||
			    !strcmp(got.item[i].text, "id-CA-ECDH-AES-CBC-CMAC-256") ||
			    !strcmp(got.item[i].text, "id-PK-ECDH") || !strcmp(got.item[i].text, "id-TA"));
	cr_items_clear(&got);
	nothing_but_the_whole_is_taken(CR_FID_DG(14), &b);
	sim_buf_free(&b);

	assert_int_equal(sim_write_dg15(key, &b), 0);
	assert_int_equal(parse(CR_FID_DG(15), &b, &got), 0);
	says(&got, 0, "key", "EC, brainpoolP256r1");
	cr_items_clear(&got);
	nothing_but_the_whole_is_taken(CR_FID_DG(15), &b);
	sim_buf_free(&b);
	EVP_PKEY_free(key);
}

static void files_of_the_master_file(void **state)
{
	struct sim_buf b = { 0 };
	struct cr_items got;

	sim_write_dir(&b);
	sim_ber_put(&b, 0x61, "\x4f\x05\xd2\x76\x00\x01\x24", 7);
	sim_buf_put(&b, "\0\0\xff\xff", 4);	/* the file is larger than its objects */
	assert_int_equal(parse(CR_FID_DIR, &b, &got), 0);
	says(&got, 1, "aid", "A0000002471001");
	says(&got, 1, "application", "eMRTD");
	says(&got, 1, "label", "eMRTD");
	says(&got, 2, "aid", "D276000124");
	assert_null(item(&got, 2, "application", 0));
	cr_items_clear(&got);
	b.len = 8;
	refused(CR_FID_DIR, &b);
	sim_buf_free(&b);
	sim_ber_put(&b, 0x61, "\x50\x01X", 3);	/* an application without an identifier */
	refused(CR_FID_DIR, &b);
	sim_buf_free(&b);

	sim_write_info(2048, 65538, &b);
	assert_int_equal(parse(CR_FID_INFO, &b, &got), 0);
	says(&got, 0, "max_command", "2048");
	says(&got, 0, "max_response", "65538");
	says(&got, 0, "capabilities", "9421C0");
	cr_items_clear(&got);
	b.p[b.len - 5] = 0x04;	/* no INTEGER */
	refused(CR_FID_INFO, &b);
	sim_buf_free(&b);
}

static void files_without_a_parser_say_nothing(void **state)
{
	struct sim_buf b = { 0 };
	struct cr_items got;

	sim_write_raw(6, &b);
	assert_int_equal(parse(CR_FID_DG(6), &b, &got), 0);
	assert_int_equal(got.n, 0);
	cr_items_clear(&got);
	sim_buf_free(&b);
}

/* ---- who says it best ---- */

static void understand(struct cr_inspection *insp, uint16_t fid, struct sim_buf *file)
{
	struct sim_buf dg1 = { 0 };
	char mrz[89];

	sim_mrz_td3(mrz, "UTO", "LINDQVIST<<EMMA<SOFIA", "U7654321A", "UTO", "740812", 'F', "310228", "");
	sim_write_dg1(mrz, &dg1);
	insp->files = calloc(2, sizeof(*insp->files));
	insp->n_files = 2;
	insp->files[0] = (struct cr_file){ .fid = CR_FID_DG(1), .data = dg1.p, .len = dg1.len };
	insp->files[1] = (struct cr_file){ .fid = fid, .data = file->p, .len = file->len };
	assert_int_equal(cr_lds_understand(insp, 1790000000), 0);
}

static void forget(struct cr_inspection *insp)
{
	struct cr_items items = { .item = insp->items, .n = insp->n_items };

	cr_items_clear(&items);
	cr_lds_document_clear(&insp->document);
	cr_lds_holder_clear(&insp->holder);
	free(insp->files[0].data);
	free(insp->files);
	free(insp->checks);
}

static void details_say_it_better_where_they_say_it(void **state)
{
	static const struct { const char *name, *birth, *name_then, *birth_then; enum cr_result agree; } all[] = {
		{ "LINDQVIST<<ÉMMA<SOFIA", "19740812", "LINDQVIST ÉMMA SOFIA", "1974-08-12", CR_SUCCESSFUL },
		{ "<<<", "18740812", "LINDQVIST EMMA SOFIA", "1874-08-12", CR_SUCCESSFUL },
		{ "", "19740000", "LINDQVIST EMMA SOFIA", "1974-08-12", CR_SUCCESSFUL },
		{ "\xff", "nonsense", "LINDQVIST EMMA SOFIA", "1974-08-12", CR_SUCCESSFUL },
		{ "LINDQVIST", "19740813", "LINDQVIST", "1974-08-13", CR_FAILED },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct cr_inspection insp = { 0 };
		struct sim_buf b = { 0 }, in = { 0 };

		sim_ber_str(&in, 0x5f0e, all[i].name);
		sim_ber_str(&in, 0x5f2b, all[i].birth);
		sim_ber_wrap(&b, 0x6b, &in);
		understand(&insp, CR_FID_DG(11), &b);
		assert_string_equal(insp.holder.full_name, all[i].name_then);
		assert_string_equal(insp.holder.date_of_birth, all[i].birth_then);
		assert_int_equal(cr_lds_consistency(&insp, 1790000000), 0);
		assert_int_equal(cr_check_get(&insp, CR_CHECK_MRZ_CONSISTENT), all[i].agree);
		forget(&insp);
		sim_buf_free(&b);
	}
}

/* What active authentication stands on, it looks at itself; after chip authentication nobody does. */
static void a_key_that_nobody_needed_has_its_form_too(void **state)
{
	static const enum cr_result chip[] = { CR_SUCCESSFUL, CR_UNDETERMINED };
	struct sim_buf b = { 0 };

	for (size_t i = 0; i < sizeof(chip) / sizeof(chip[0]); i++) {
		struct cr_inspection insp = { 0 };

		cr_check_set(&insp, CR_CHECK_CA, chip[i], NULL);
		sim_ber_str(&b, 0x70, "no key");
		understand(&insp, CR_FID_DG(15), &b);
		assert_string_equal(insp.files[1].note, "DG15 is malformed");
		assert_int_equal(cr_lds_consistency(&insp, 1790000000), 0);
		assert_int_equal(cr_check_get(&insp, CR_CHECK_MRZ_CONSISTENT), i ? CR_SUCCESSFUL : CR_FAILED);
		forget(&insp);
		sim_buf_free(&b);
	}
}

/* ---- all of it ---- */

static void no_mutation_is_out_of_bounds(void **state)
{
	static const uint16_t fids[] = {
		CR_FID_DG(2), CR_FID_DG(2), CR_FID_DG(3), CR_FID_DG(4), CR_FID_DG(5), CR_FID_DG(16), CR_FID_DIR, CR_FID_INFO,
		CR_FID_DG(3),
	};
	enum { N = sizeof(fids) / sizeof(fids[0]) };
	struct sim_buf seed[N] = { { 0 } }, b = { 0 };
	uint32_t x = 7;

	sim_write_dg2(jpeg, sizeof(jpeg), false, &seed[0]);
	sim_write_dg2_new(jpeg, sizeof(jpeg), false, &seed[1]);
	sim_write_dg3(&seed[2]);
	sim_write_dg4(&seed[3]);
	sim_write_picture(5, jpeg, sizeof(jpeg), &seed[4]);
	sim_buf_put(&seed[5], dg16, sizeof(dg16) - 1);
	sim_write_dir(&seed[6]);
	sim_write_info(2048, 65538, &seed[7]);
	sim_write_fingers_new(SIM_RAW, true, &seed[8]);
	for (int round = 0; round < 40000; round++) {
		const struct sim_buf *s = &seed[round % N];
		size_t head = s->len < 160 ? s->len : 160;	/* where lengths are */
		struct cr_items got;

		sim_buf_put(&b, s->p, s->len);
		for (int k = 0; k < 1 + round % 3; k++) {
			x = x * 1664525u + 1013904223u;
			b.p[(x >> 8) % head] = (uint8_t)(x >> 24);
		}
		parse(fids[round % N], &b, &got);
		cr_items_clear(&got);
		sim_buf_free(&b);
	}
	for (int i = 0; i < N; i++)
		sim_buf_free(&seed[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dg11_of_the_standard),
		cmocka_unit_test(dg12_of_the_standard),
		cmocka_unit_test(dg16_of_the_standard),
		cmocka_unit_test(dates_are_characters_or_bcd_and_known_in_part),
		cmocka_unit_test(moments_have_a_time),
		cmocka_unit_test(texts_are_as_they_are_and_never_obeyed),
		cmocka_unit_test(a_field_stands_once_and_names_of_others_as_often_as_they_are),
		cmocka_unit_test(masses_are_refused),
		cmocka_unit_test(displayed_pictures),
		cmocka_unit_test(the_face_of_39794),
		cmocka_unit_test(the_face_of_19794),
		cmocka_unit_test(fingers),
		cmocka_unit_test(the_fingers_of_39794),
		cmocka_unit_test(eyes),
		cmocka_unit_test(headers_that_say_something_else_than_the_group_holds),
		cmocka_unit_test(lengths_inside_of_records_that_lie),
		cmocka_unit_test(a_group_without_fingers),
		cmocka_unit_test(protocols_have_their_names),
		cmocka_unit_test(files_of_the_master_file),
		cmocka_unit_test(files_without_a_parser_say_nothing),
		cmocka_unit_test(details_say_it_better_where_they_say_it),
		cmocka_unit_test(a_key_that_nobody_needed_has_its_form_too),
		cmocka_unit_test(no_mutation_is_out_of_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
