/* SPDX-License-Identifier: BSD-2-Clause */
/* DG1, the machine readable zone: ICAO 9303-10, 4.7.1. No I/O. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "iso7816/tlv.h"
#include "lds.h"
#include "lds_text.h"
#include "mrz.h"
#include "rule.h"

#define TAG_MRZ		0x5f1f

/* A copy; NULL for an empty text. *err is set when there is no memory. */
static char *copy(const char *s, int *err)
{
	char *c;

	if (!*s)
		return NULL;
	c = strdup(s);
	if (!c)
		*err = CR_E_NOMEM;
	return c;
}

/* What the parser of zones skips, for those who type them. */
static bool has_white_space(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] == ' ' || p[i] == '\t' || p[i] == '\r' || p[i] == '\n')
			return true;
	}
	return false;
}

/* The zone as read, one line a line. */
static char *lines(const uint8_t *p, size_t len, int *err)
{
	size_t width = len == 90 ? 30 : len / 2, i, n = 0;
	char *s = malloc(len + 4);

	if (!s) {
		*err = CR_E_NOMEM;
		return NULL;
	}
	for (i = 0; i < len; i++) {
		if (i && i % width == 0)
			s[n++] = '\n';
		s[n++] = (char)p[i];
	}
	s[n] = '\0';
	return s;
}

/*
 * The twelve digits of a Vietnamese card are the beginning of the optional data; the nine of the
 * document number are their end (Circular 07/2016/TT-BCA and the cards).
 */
static char *id_number(const struct cr_mrz *mrz, int *err)
{
	char number[13], *c;

	if (strcmp(mrz->issuing_state, "VNM") || strcmp(mrz->format, "TD1"))
		return NULL;
	if (strspn(mrz->optional1, "0123456789") != 12)
		return NULL;
	memcpy(number, mrz->optional1, 12);
	number[12] = '\0';
	c = copy(number, err);
	explicit_bzero(number, sizeof(number));
	return c;
}

static char *full_name(const struct cr_mrz *mrz, int *err)
{
	char name[sizeof(mrz->primary) + sizeof(mrz->secondary)], *c;

	strcpy(name, mrz->primary);
	if (mrz->secondary[0]) {
		strcat(name, " ");
		strcat(name, mrz->secondary);
	}
	c = copy(name, err);
	explicit_bzero(name, sizeof(name));
	return c;
}

int cr_lds_dg1(const uint8_t *data, size_t len, time_t now, struct cr_document *doc,
	       struct cr_holder *holder)
{
	static const char *const sexes[] = { "M", "F", "X" };
	struct cr_tlv dg, zone;
	struct cr_mrz mrz;
	int err;

	err = cr_tlv_parse_all(data, len, &dg);
	if (err)
		return err;
	if (!CR_RULE(dg1_form, dg.tag == cr_lds_dg_tag(1)))
		return CR_E_MALFORMED;
	err = cr_tlv_parse_all(dg.val, dg.len, &zone);
	if (err)
		return err;
	if (zone.tag != TAG_MRZ || has_white_space(zone.val, zone.len))
		return CR_E_MALFORMED;
	err = cr_mrz_parse((const char *)zone.val, zone.len, &mrz, NULL);
	if (err)
		return err;

	cr_text_set(&doc->type, copy(mrz.format, &err));
	cr_text_set(&doc->code, copy(mrz.code, &err));
	cr_text_set(&doc->issuing_state, copy(mrz.issuing_state, &err));
	cr_text_set(&doc->number, copy(mrz.document_number, &err));
	cr_text_set(&doc->mrz, lines(zone.val, zone.len, &err));
	cr_text_set(&doc->date_of_expiry, cr_date_of_expiry(mrz.date_of_expiry, now));
	cr_text_set(&holder->date_of_birth, cr_date_of_birth(mrz.date_of_birth, now));
	cr_text_set(&holder->sex, copy(sexes[mrz.sex == 'M' ? 0 : mrz.sex == 'F' ? 1 : 2], &err));
	cr_text_set(&holder->nationality, copy(mrz.nationality, &err));
	cr_text_set(&holder->primary_identifier, copy(mrz.primary, &err));
	cr_text_set(&holder->secondary_identifier, copy(mrz.secondary, &err));
	holder->names_cut = mrz.names_cut;
	cr_text_set(&holder->full_name, full_name(&mrz, &err));
	cr_text_set(&holder->id_number, id_number(&mrz, &err));
	explicit_bzero(&mrz, sizeof(mrz));
	return err;
}
