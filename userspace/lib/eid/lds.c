/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The logical data structure: tags, EF.COM, and whether the groups agree with each other. No I/O.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "iso7816/tlv.h"
#include "checks.h"
#include "lds.h"
#include "lds_text.h"
#include "rule.h"

#define TAG_COM			0x60
#define TAG_SOD			0x77
#define TAG_LDS_VERSION		0x5f01
#define TAG_UNICODE_VERSION	0x5f36
#define TAG_LIST		0x5c

/* ICAO 9303-10, 4.6 and 4.7; DG3 is 63, DG2 is 75 and DG4 is 76: not in order. */
static const uint8_t dg_tags[17] = {
	0, 0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68,
	0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70,
};

uint8_t cr_lds_dg_tag(unsigned int n)
{
	return n < sizeof(dg_tags) ? dg_tags[n] : 0;
}

unsigned int cr_lds_dg_number(uint8_t tag)
{
	unsigned int n;

	for (n = 1; n < sizeof(dg_tags); n++) {
		if (dg_tags[n] == tag)
			return n;
	}
	return 0;
}

uint8_t cr_lds_file_tag(uint16_t fid)
{
	if (fid == CR_FID_COM)
		return TAG_COM;
	if (fid == CR_FID_SOD)
		return TAG_SOD;
	return fid >= CR_FID_DG(1) && fid <= CR_FID_DG(16) ? cr_lds_dg_tag(fid & 0xffU) : 0;
}

/* Two hashes and a signature, or a portrait and its header: more than a short answer carries. */
size_t cr_lds_file_least(uint16_t fid)
{
	return fid == CR_FID_SOD || fid == CR_FID_DG(2) ? 256 : 0;
}

/* ICAO 9303-10, 4.6.1: "aabb" (LDS) and "aabbcc" (Unicode), decimal digits. */
static bool is_version(const struct cr_tlv *t, size_t len)
{
	size_t i;

	if (t->len != len)
		return false;
	for (i = 0; i < len; i++) {
		if (t->val[i] < '0' || t->val[i] > '9')
			return false;
	}
	return true;
}

int cr_lds_com_check(const uint8_t *data, size_t len, uint32_t *dgs, struct cr_com_checks *out)
{
	struct cr_tlv com, t;
	unsigned int n;
	size_t i;
	bool lds, unicode;
	int err;

	*dgs = 0;
	*out = (struct cr_com_checks){ false, false, false };
	err = cr_tlv_parse_all(data, len, &com);
	if (err)
		return err;
	if (com.tag != TAG_COM)
		return CR_E_MALFORMED;
	/* Which versions these are matters little for what is listed: that they are there does not vary. */
	lds = !cr_tlv_find(com.val, com.len, TAG_LDS_VERSION, &t) && is_version(&t, 4);
	out->lds = lds && (!memcmp(t.val, "0107", 4) || !memcmp(t.val, "0108", 4));
	unicode = !cr_tlv_find(com.val, com.len, TAG_UNICODE_VERSION, &t) && is_version(&t, 6);
	out->unicode = unicode && !memcmp(t.val, "040000", 6);
	out->list = !cr_tlv_find(com.val, com.len, TAG_LIST, &t);
	for (i = 0; out->list && i < t.len; i++) {
		n = cr_lds_dg_number(t.val[i]);
		out->list = n;
		*dgs |= 1u << n;
	}
	if (lds && unicode && out->list)
		return CR_OK;
	*dgs = 0;
	return CR_E_MALFORMED;
}

int cr_lds_com(const uint8_t *data, size_t len, uint32_t *dgs)
{
	struct cr_com_checks unused;

	return cr_lds_com_check(data, len, dgs, &unused);
}

static const struct cr_file *find(const struct cr_inspection *insp, uint16_t fid)
{
	size_t i;

	for (i = 0; i < insp->n_files; i++) {
		if (insp->files[i].fid == fid && insp->files[i].data && !insp->files[i].err)
			return &insp->files[i];
	}
	return NULL;
}

/* A date may be known in part on one side: it agrees as far as both say it. */
static bool dates_agree(const char *a, const char *b)
{
	size_t n;

	if (!a || !b)
		return true;
	n = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
	return !strncmp(a, b, n);
}

/* Of birth: the zone has no century (ICAO 9303-3, 4.8), "1925-..." and "2025-..." may be one date. */
static bool births_agree(const char *zone, const char *group)
{
	return !zone || !group || strlen(zone) < 4 || strlen(group) < 4 || dates_agree(zone + 2, group + 2);
}

static bool texts_agree(const char *a, const char *b)
{
	return !a || !b || !strcmp(a, b);
}

/*
 * What both groups say; names are left alone, as transliteration (ICAO 9303-3, 6) has many right
 * answers.
 */
static const char *disagreement(const struct cr_document *d1, const struct cr_holder *h1,
				const struct cr_document *d13, const struct cr_holder *h13)
{
	if (!texts_agree(h1->id_number, h13->id_number))
		return "DG1 and DG13 have different identity numbers";
	if (!births_agree(h1->date_of_birth, h13->date_of_birth))
		return "DG1 and DG13 have different dates of birth";
	if (h1->sex && strcmp(h1->sex, "X") && !texts_agree(h1->sex, h13->sex))
		return "DG1 and DG13 have different sexes";
	if (d13->date_of_expiry && strcmp(d13->date_of_expiry, "unlimited") &&
	    !dates_agree(d1->date_of_expiry, d13->date_of_expiry))
		return "DG1 and DG13 have different dates of expiry";
	return NULL;
}

static const char *item_text(const struct cr_inspection *insp, uint16_t fid, const char *name)
{
	for (size_t i = 0; i < insp->n_items; i++) {
		if (insp->items[i].fid == fid && !strcmp(insp->items[i].name, name))
			return insp->items[i].text;
	}
	return NULL;
}

/* Groups that say more, and that cr_lds_understand has taken apart. */
static const char *other_groups(const struct cr_inspection *insp, const struct cr_holder *h1)
{
	const char *birth = item_text(insp, CR_FID_DG(11), "date_of_birth");
	size_t i;

	for (i = 0; i < insp->n_files; i++) {
		uint16_t fid = insp->files[i].fid;

		/* DG1, DG2 and DG13 are looked at here; DG14 and DG15 by what proves the chip, if it takes them. */
		if (insp->files[i].note && fid >= CR_FID_DG(3) && fid <= CR_FID_DG(16) &&
		    fid != CR_FID_DG(13) && fid != CR_FID_DG(14) &&
		    (fid != CR_FID_DG(15) || cr_check_get(insp, CR_CHECK_CHIP_AUTHENTICATION) == CR_SUCCESSFUL))
			return insp->files[i].note;
	}
	if (!births_agree(h1->date_of_birth, birth))
		return "DG1 and DG11 have different dates of birth";
	return NULL;
}

int cr_lds_consistency(struct cr_inspection *insp, time_t now)
{
	const struct cr_file *dg1 = find(insp, CR_FID_DG(1)), *dg13 = find(insp, CR_FID_DG(13));
	const struct cr_file *dg2 = find(insp, CR_FID_DG(2));
	struct cr_document d1 = { 0 }, d13 = { 0 };
	struct cr_holder h1 = { 0 }, h13 = { 0 };
	const char *why = NULL, *type;
	const uint8_t *image;
	size_t image_len;
	int err, r;

	if (!dg1)
		return cr_check_set(insp, CR_CHECK_MRZ_CONSISTENT, CR_UNDETERMINED,
				    "DG1 was not read");
	err = cr_lds_dg1(dg1->data, dg1->len, now, &d1, &h1);
	if (!err && dg13) {
		r = 0;
		if (d1.issuing_state) {
			d13.issuing_state = strdup(d1.issuing_state);
			r = d13.issuing_state ? 0 : CR_E_NOMEM;
		}
		if (!r)
			r = cr_lds_dg13(dg13->data, dg13->len, &d13, &h13);
		if (r == CR_E_MALFORMED)
			why = "DG13 is malformed";
		else if (r == CR_E_NOMEM)
			err = r;
		else if (!r)
			why = disagreement(&d1, &h1, &d13, &h13);
	}
	if (!err && !why)
		why = other_groups(insp, &h1);
	if (dg2 && !why &&
	    !CR_RULE(dg2_portrait, !cr_lds_dg2(dg2->data, dg2->len, &image, &image_len, &type)))
		why = "DG2 is malformed or holds no portrait";
	else if (dg2 && !why && !CR_RULE_OFF(dg2_portrait))
		why = cr_lds_dg2_objection(dg2->data, dg2->len);
	cr_lds_document_clear(&d1);
	cr_lds_document_clear(&d13);
	cr_lds_holder_clear(&h1);
	cr_lds_holder_clear(&h13);
	if (err == CR_E_NOMEM)
		return err;
	if (err)
		why = "DG1 is malformed or a check digit is wrong";
	return cr_check_set(insp, CR_CHECK_MRZ_CONSISTENT, why ? CR_FAILED : CR_SUCCESSFUL, "%s",
			    why ? why : "");
}

int cr_lds_validity(struct cr_inspection *insp, time_t now)
{
	const char *expiry = insp->document.date_of_expiry;
	char today[16];
	struct tm tm;

	/* The day where the clerk is. */
	if (!expiry || !localtime_r(&now, &tm) || !strftime(today, sizeof(today), "%Y-%m-%d", &tm))
		return cr_check_set(insp, CR_CHECK_DOCUMENT_VALIDITY,
				    CR_RULE(expiry_known, false) ? CR_NOT_SUPPORTED : CR_UNDETERMINED,
				    "The document's date of expiry is not known");
	if (!strcmp(expiry, "unlimited"))
		return cr_check_set(insp, CR_CHECK_DOCUMENT_VALIDITY, CR_SUCCESSFUL, NULL);
	/* Partial dates are compared as far as they go: "2030" is through all of 2030. */
	if (strncmp(expiry, today, strlen(expiry)) < 0)
		return cr_check_set(insp, CR_CHECK_DOCUMENT_VALIDITY, CR_FAILED, NULL);
	return cr_check_set(insp, CR_CHECK_DOCUMENT_VALIDITY, CR_SUCCESSFUL, NULL);
}

void cr_lds_document_clear(struct cr_document *doc)
{
	char **const all[] = {
		&doc->type, &doc->code, &doc->issuing_state, &doc->number, &doc->date_of_issue,
		&doc->date_of_expiry, &doc->mrz,
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		cr_text_set(all[i], NULL);
}

void cr_lds_holder_clear(struct cr_holder *h)
{
	char **const all[] = {
		&h->id_number, &h->full_name, &h->date_of_birth, &h->sex, &h->nationality,
		&h->ethnic_group, &h->religion, &h->place_of_origin, &h->place_of_residence,
		&h->personal_identification, &h->father_name, &h->mother_name, &h->spouse_name,
		&h->former_id_number,
		&h->primary_identifier, &h->secondary_identifier,
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		cr_text_set(all[i], NULL);
}
