/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is told of holder, document and persons to notify: DG11, DG12 and DG16 (ICAO 9303-10, 4.7.11,
 * 4.7.12 and 4.7.16). No I/O.
 *
 * One table a group says which tag is what. Objects stand side by side, in DG16 in one template a
 * person; other names and other people stand in a template A0 with their number, or bare, as some
 * issuers have them. What no table knows is left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "eid/items.h"
#include "eid/lds.h"
#include "eid/lds_text.h"
#include "iso7816/tlv.h"

#define TAG_COUNT	0x02
#define TAG_OTHERS	0xa0	/* DG11, DG12: names of others */
#define TAG_PERSON	0xa1	/* DG16: A1, A2, ... */
#define MAX_PERSONS	15	/* until AF */

/* What fillers mean in it: the parts of a name, of an address, or of a list. */
enum kind { TEXT, NAME, PLACE, NUMBERS, DATE, MOMENT, PICTURE };

struct field {
	uint32_t tag;
	enum kind kind;
	const char *name;
};

static const struct field holder[] = {
	{ 0x5f0e, NAME, "full_name" }, { 0x5f0f, NAME, "other_names" },
	{ 0x5f10, TEXT, "personal_number" }, { 0x5f2b, DATE, "date_of_birth" },
	{ 0x5f11, PLACE, "place_of_birth" }, { 0x5f42, PLACE, "permanent_address" },
	{ 0x5f12, TEXT, "telephone" }, { 0x5f13, TEXT, "profession" }, { 0x5f14, TEXT, "title" },
	{ 0x5f15, TEXT, "personal_summary" }, { 0x5f16, PICTURE, "proof_of_citizenship" },
	{ 0x5f17, NUMBERS, "other_documents" }, { 0x5f18, TEXT, "custody" }, { 0 }
};
static const struct field document[] = {
	{ 0x5f19, TEXT, "issuing_authority" }, { 0x5f26, DATE, "date_of_issue" },
	{ 0x5f1a, NAME, "other_people" }, { 0x5f1b, TEXT, "endorsements" },
	{ 0x5f1c, TEXT, "tax_exit_requirements" }, { 0x5f1d, PICTURE, "image_front" },
	{ 0x5f1e, PICTURE, "image_rear" }, { 0x5f55, MOMENT, "personalized" },
	{ 0x5f56, TEXT, "personalization_system" }, { 0 }
};
static const struct field person[] = {
	{ 0x5f50, DATE, "recorded" }, { 0x5f51, NAME, "name" }, { 0x5f52, TEXT, "telephone" },
	{ 0x5f53, PLACE, "address" }, { 0 }
};

struct reader {
	uint16_t fid;
	unsigned int instance;
	const struct field *fields;
	struct cr_items *out;
};

/* Runs of fillers become the separator. */
static char *without_fillers(const char *s, const char *separator)
{
	char *out = malloc(2 * strlen(s) + 1), *to = out;

	if (!out)
		return NULL;
	for (; *s; s++) {
		if (*s != '<')
			*to++ = *s;
		else if (to > out && s[1] && s[1] != '<')
			to = stpcpy(to, separator);
	}
	*to = '\0';
	return out;
}

/* Digits, written as characters or two to a byte (4.7.11: "ccyymmdd", BCD or characters). */
static bool digits_of(const struct cr_tlv *t, size_t n, char *out)
{
	if (t->len == n) {
		memcpy(out, t->val, n);
	} else if (t->len == n / 2) {
		for (size_t i = 0; i < n; i++)
			out[i] = (char)('0' + (t->val[i / 2] >> (i % 2 ? 0 : 4) & 0x0f));
	} else {
		return false;
	}
	out[n] = '\0';
	return strspn(out, "0123456789") == n;
}

/* "2002-05-31T09:30:00"; NULL where it is none. */
static char *moment_of(const char *digits)
{
	char date[9], *day, *s = NULL;
	unsigned int h, m, sec;

	snprintf(date, sizeof(date), "%.8s", digits);
	day = cr_date_of_ymd(date);
	if (day && strlen(day) == 10 && sscanf(digits + 8, "%2u%2u%2u", &h, &m, &sec) == 3 &&
	    h < 24 && m < 60 && sec < 61 && asprintf(&s, "%sT%02u:%02u:%02u", day, h, m, sec) < 0)
		s = NULL;
	free(day);
	return s;
}

static int add_date(const struct reader *r, const struct field *f, const struct cr_tlv *t)
{
	char digits[16], *date = NULL;

	if (f->kind == DATE && digits_of(t, 8, digits))
		date = cr_date_of_ymd(digits);
	else if (f->kind == MOMENT && digits_of(t, 14, digits))
		date = moment_of(digits);
	explicit_bzero(digits, sizeof(digits));
	if (!date)
		return cr_items_add_bytes(r->out, r->fid, r->instance, f->name, t->val, t->len, NULL);
	return cr_items_add_text(r->out, r->fid, r->instance, f->name, date);
}

static int add_numbers(const struct reader *r, const struct field *f, const char *text)
{
	int err = 0;

	for (size_t n; *text && !err; text += n) {
		n = strspn(text, "< ");
		text += n;
		n = strcspn(text, "<");
		if (n)
			err = cr_items_add_text(r->out, r->fid, r->instance, f->name,
						strndup(text, n));
	}
	return err;
}

static int add_text(const struct reader *r, const struct field *f, const struct cr_tlv *t)
{
	char *text;
	int err = cr_text_new(t->val, t->len, &text);

	if (err == CR_E_MALFORMED)
		return cr_items_add_bytes(r->out, r->fid, r->instance, f->name, t->val, t->len, NULL);
	if (!err && *text) {
		if (f->kind == NUMBERS)
			err = add_numbers(r, f, text);
		else
			err = cr_items_add_text(r->out, r->fid, r->instance, f->name,
						without_fillers(text, f->kind == PLACE ? ", " : " "));
	}
	cr_text_free(text);
	return err;
}

static int add_picture(const struct reader *r, const struct field *f, const struct cr_tlv *t)
{
	const char *type = cr_image_type(t->val, t->len);

	return t->len ? cr_items_add_bytes(r->out, r->fid, r->instance, f->name, t->val, t->len,
					   type ? type : "application/octet-stream") : 0;
}

static int use(const struct reader *r, const struct cr_tlv *t)
{
	const struct field *f = r->fields;

	while (f->tag && f->tag != t->tag)
		f++;
	if (!f->tag)
		return 0;
	/* Names of others may be several; of all else the second would contradict the first. */
	if (f->tag != 0x5f0f && f->tag != 0x5f1a &&
	    cr_items_have(r->out, r->fid, r->instance, f->name))
		return CR_E_MALFORMED;
	switch (f->kind) {
	case DATE:
	case MOMENT:
		return add_date(r, f, t);
	case PICTURE:
		return add_picture(r, f, t);
	default:
		return add_text(r, f, t);
	}
}

static int read_fields(const struct reader *r, const uint8_t *p, size_t n, bool inside)
{
	struct cr_tlv t;
	int err;

	while ((err = cr_tlv_next(&p, &n, &t)) > 0) {
		if (t.tag == TAG_OTHERS && !inside)
			err = read_fields(r, t.val, t.len, true);
		else
			err = use(r, &t);
		if (err)
			return err;
	}
	return err;
}

/* 70 { 02 01 n, A1 { ... }, A2 { ... } ... } */
static int read_persons(struct reader *r, const uint8_t *p, size_t n)
{
	struct cr_tlv count, t;
	int err;

	if (cr_tlv_next(&p, &n, &count) <= 0 || count.tag != TAG_COUNT || count.len != 1 ||
	    count.val[0] > MAX_PERSONS)
		return CR_E_MALFORMED;
	while ((err = cr_tlv_next(&p, &n, &t)) > 0) {
		if (r->instance == count.val[0] || t.tag != TAG_PERSON + r->instance)
			return CR_E_MALFORMED;
		r->instance++;
		err = read_fields(r, t.val, t.len, true);
		if (err)
			return err;
	}
	return err || r->instance != count.val[0] ? CR_E_MALFORMED : 0;
}

int cr_items_details(uint16_t fid, const uint8_t *data, size_t len, struct cr_items *out)
{
	struct reader r = { .fid = fid, .out = out };
	struct cr_tlv dg;

	if (cr_tlv_parse_all(data, len, &dg) || dg.tag != cr_lds_file_tag(fid))
		return CR_E_MALFORMED;
	if (fid == CR_FID_DG(16)) {
		r.fields = person;
		return read_persons(&r, dg.val, dg.len);
	}
	r.fields = fid == CR_FID_DG(11) ? holder : document;
	return read_fields(&r, dg.val, dg.len, false);
}
