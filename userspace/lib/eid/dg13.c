/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DG13 of a Vietnamese card. No I/O.
 *
 * No public document defines it; what cards hold is
 *
 *	6D { SEQUENCE { SEQUENCE { INTEGER field, value ... } ... } }
 *
 * (perhaps with other objects around the fields). It is read as BER and not searched for byte
 * patterns, so that a field may have any length, stand at any place, be repeated, empty, absent, or
 * unknown. What a field means is in one table, except the former identity number, which goes by its
 * form (nine digits), since cards and decoders put it at 15 or at 16. Nothing of a file that does
 * not parse is used.
 */
#include <stdlib.h>
#include <string.h>
#include "iso7816/tlv.h"
#include "lds.h"
#include "lds_text.h"

#define TAG_INTEGER	0x02
#define MAX_DEPTH	6	/* of containers around a field, and of a field's value */
#define MAX_VALUES	32	/* strings of one field; cards have up to ten */
/* Cards have sixteen; each may make what is joined be copied again. */
#define MAX_FIELDS	128

enum {
	FIELD_ID_NUMBER = 1, FIELD_NAME, FIELD_BIRTH, FIELD_SEX, FIELD_NATIONALITY,
	FIELD_ETHNIC_GROUP, FIELD_RELIGION, FIELD_ORIGIN, FIELD_RESIDENCE, FIELD_MARKS,
	FIELD_ISSUE, FIELD_EXPIRY, FIELD_PARENTS, FIELD_SPOUSE, FIELD_FORMER_NUMBER,
};

struct dg13 {
	struct cr_document doc;
	struct cr_holder holder;
	unsigned int fields;
};

static bool is_string(uint32_t tag)
{
	switch (tag) {
	case 0x0c:	/* UTF8String */
	case 0x12:	/* NumericString */
	case 0x13:	/* PrintableString */
	case 0x14:	/* T61String: no card is known to mean anything but UTF-8 by it */
	case 0x16:	/* IA5String */
	case 0x1a:	/* VisibleString */
		return true;
	}
	return false;
}

/* The strings of a field, in their order, however they are wrapped. */
struct values {
	char *text[MAX_VALUES];
	size_t n;
};

static void values_free(struct values *v)
{
	while (v->n)
		cr_text_free(v->text[--v->n]);
}

static int collect(const uint8_t *p, size_t n, unsigned int depth, struct values *v)
{
	struct cr_tlv t;
	size_t before;
	int r;

	while ((r = cr_tlv_next(&p, &n, &t)) > 0) {
		if (t.constructed) {
			if (!depth)
				return CR_E_MALFORMED;
			before = v->n;
			r = collect(t.val, t.len, depth - 1, v);
			if (r)
				return r;
			/*
			 * An empty one keeps its place: the mother stays second without a father.
			 */
			if (v->n == before && v->n < MAX_VALUES) {
				r = cr_text_new(NULL, 0, &v->text[v->n]);
				if (r)
					return r;
				v->n++;
			}
		} else if (is_string(t.tag) && v->n < MAX_VALUES) {
			r = cr_text_new(t.val, t.len, &v->text[v->n]);
			if (r)
				return r;
			v->n++;
		}
	}
	return r;
}

/* Takes the i-th string; the first one said stays when a field is repeated with nothing in it. */
static void take(char **to, struct values *v, size_t i)
{
	if (i >= v->n || !*v->text[i])
		return;
	cr_text_set(to, v->text[i]);
	v->text[i] = NULL;
}

static int join(char **to, struct values *v)
{
	size_t len = *to ? strlen(*to) + 3 : 1, i;
	char *s;

	for (i = 0; i < v->n; i++)
		len += strlen(v->text[i]) + 2;
	s = malloc(len);
	if (!s)
		return CR_E_NOMEM;
	s[0] = '\0';
	if (*to)
		strcpy(s, *to);
	len = strlen(s);
	for (i = 0; i < v->n; i++) {
		if (!*v->text[i])
			continue;
		if (len)
			len = (size_t)(stpcpy(s + len, "; ") - s);
		len = (size_t)(stpcpy(s + len, v->text[i]) - s);
	}
	cr_text_set(to, s);
	return CR_OK;
}

static void take_date(char **to, struct values *v)
{
	char *date = v->n ? cr_date_of_dmy(v->text[0]) : NULL;

	if (date)
		cr_text_set(to, date);
}

static int take_expiry(char **to, struct values *v)
{
	char folded[32];
	char *s;

	if (!v->n)
		return CR_OK;
	cr_text_fold(v->text[0], folded, sizeof(folded));
	/* "Không thời hạn", on older cards "Vô thời hạn": without an end. */
	if (strcmp(folded, "khong thoi han") && strcmp(folded, "vo thoi han")) {
		take_date(to, v);
		return CR_OK;
	}
	s = strdup("unlimited");
	if (!s)
		return CR_E_NOMEM;
	cr_text_set(to, s);
	return CR_OK;
}

static int take_sex(char **to, struct values *v)
{
	char folded[16];
	const char *sex = NULL;
	char *s;

	if (!v->n)
		return CR_OK;
	cr_text_fold(v->text[0], folded, sizeof(folded));
	if (!strcmp(folded, "nam"))
		sex = "M";
	else if (!strcmp(folded, "nu"))
		sex = "F";
	if (!sex)
		return CR_OK;
	s = strdup(sex);
	if (!s)
		return CR_E_NOMEM;
	cr_text_set(to, s);
	return CR_OK;
}

static bool is_digits(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789") == n;
}

static int use_field(struct dg13 *d, unsigned int field, struct values *v)
{
	struct cr_holder *h = &d->holder;

	switch (field) {
	case FIELD_ID_NUMBER:
		if (v->n && is_digits(v->text[0], 12))
			take(&h->id_number, v, 0);
		break;
	case FIELD_NAME:
		take(&h->full_name, v, 0);
		break;
	case FIELD_BIRTH:
		take_date(&h->date_of_birth, v);
		break;
	case FIELD_SEX:
		return take_sex(&h->sex, v);
	case FIELD_NATIONALITY:
		take(&h->nationality, v, 0);
		break;
	case FIELD_ETHNIC_GROUP:
		take(&h->ethnic_group, v, 0);
		break;
	case FIELD_RELIGION:
		take(&h->religion, v, 0);
		break;
	case FIELD_ORIGIN:
		take(&h->place_of_origin, v, 0);
		break;
	case FIELD_RESIDENCE:
		take(&h->place_of_residence, v, 0);
		break;
	case FIELD_MARKS:
		return join(&h->personal_identification, v);
	case FIELD_ISSUE:
		take_date(&d->doc.date_of_issue, v);
		break;
	case FIELD_EXPIRY:
		return take_expiry(&d->doc.date_of_expiry, v);
	case FIELD_PARENTS:
		take(&h->father_name, v, 0);
		take(&h->mother_name, v, 1);
		break;
	case FIELD_SPOUSE:
		return join(&h->spouse_name, v);
	default:
		if (field >= FIELD_FORMER_NUMBER && v->n && is_digits(v->text[0], 9))
			take(&h->former_id_number, v, 0);
		break;
	}
	return CR_OK;
}

static bool begins_with_integer(const struct cr_tlv *t)
{
	struct cr_tlv first;

	return t->constructed && !cr_tlv_parse(t->val, t->len, &first) && first.tag == TAG_INTEGER;
}

/* A field begins with its number, 1 to 127; what has other fields inside is a container. */
static bool is_field(const struct cr_tlv *t, unsigned int *field)
{
	struct cr_tlv number, value, inner;
	const uint8_t *p = t->val;
	size_t n = t->len;

	if (cr_tlv_next(&p, &n, &number) <= 0 || number.tag != TAG_INTEGER || number.len != 1 ||
	    !number.val[0] || number.val[0] > 0x7f)
		return false;
	*field = number.val[0];
	while (cr_tlv_next(&p, &n, &value) > 0) {
		if (begins_with_integer(&value))
			return false;
		if (value.constructed && !cr_tlv_parse(value.val, value.len, &inner) &&
		    begins_with_integer(&inner))
			return false;
	}
	return true;
}

static int walk(const uint8_t *p, size_t n, unsigned int depth, struct dg13 *d)
{
	struct values v = { .n = 0 };
	unsigned int field;
	struct cr_tlv t;
	int r;

	while ((r = cr_tlv_next(&p, &n, &t)) > 0) {
		if (!t.constructed)
			continue;
		if (is_field(&t, &field)) {
			if (d->fields++ == MAX_FIELDS)
				return CR_E_MALFORMED;
			r = collect(t.val, t.len, MAX_DEPTH, &v);
			if (!r)
				r = use_field(d, field, &v);
			values_free(&v);
		} else {
			r = depth ? walk(t.val, t.len, depth - 1, d) : CR_E_MALFORMED;
		}
		if (r)
			return r;
	}
	return r;
}

static void move(char **to, char **from)
{
	if (*from) {
		cr_text_set(to, *from);
		*from = NULL;
	}
}

static void move_all(struct dg13 *d, struct cr_document *doc, struct cr_holder *h)
{
	move(&doc->date_of_issue, &d->doc.date_of_issue);
	move(&doc->date_of_expiry, &d->doc.date_of_expiry);
	move(&h->id_number, &d->holder.id_number);
	move(&h->full_name, &d->holder.full_name);
	move(&h->date_of_birth, &d->holder.date_of_birth);
	move(&h->sex, &d->holder.sex);
	move(&h->nationality, &d->holder.nationality);
	move(&h->ethnic_group, &d->holder.ethnic_group);
	move(&h->religion, &d->holder.religion);
	move(&h->place_of_origin, &d->holder.place_of_origin);
	move(&h->place_of_residence, &d->holder.place_of_residence);
	move(&h->personal_identification, &d->holder.personal_identification);
	move(&h->father_name, &d->holder.father_name);
	move(&h->mother_name, &d->holder.mother_name);
	move(&h->spouse_name, &d->holder.spouse_name);
	move(&h->former_id_number, &d->holder.former_id_number);
}

int cr_lds_dg13(const uint8_t *data, size_t len, struct cr_document *doc, struct cr_holder *holder)
{
	struct dg13 d = { .fields = 0 };
	struct cr_tlv dg;
	int err;

	/* ICAO 9303-10, 4.7.13: its content is the issuing state's own affair. */
	if (doc->issuing_state && strcmp(doc->issuing_state, "VNM"))
		return CR_E_UNSUPPORTED;
	err = cr_tlv_parse_all(data, len, &dg);
	if (err)
		return err;
	if (dg.tag != cr_lds_dg_tag(13))
		return CR_E_MALFORMED;
	err = walk(dg.val, dg.len, MAX_DEPTH, &d);
	if (!err && !d.fields)
		err = doc->issuing_state ? CR_E_MALFORMED : CR_E_UNSUPPORTED;
	if (!err)
		move_all(&d, doc, holder);
	cr_lds_document_clear(&d.doc);
	cr_lds_holder_clear(&d.holder);
	return err;
}
