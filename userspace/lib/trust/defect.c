/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DefectList taken apart. No I/O.
 *
 * An entry that does not parse takes no other with it, and is counted. Of one that does, each known
 * defect is kept: one with an OID that is not known, or with a parameter that it must not be without
 * and that does not parse, as CR_KNOWN_NOT, which is never taken for good news.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <cardring/error.h>
#include "eid/lds_text.h"
#include "iso7816/tlv.h"
#include "defect.h"
#include "sigalg.h"

#define ID_DEFECT_LIST	"0.4.0.127.0.7.3.1.5"
#define DESCRIPTION_MAX	4096	/* bytes of a description that are kept */

/* ---- The parameters ---- */

/* ENUMERATED, as small as the guideline's are. */
static bool put_code(const struct cr_tlv *t, struct cr_known_defect *d)
{
	if (t->tag != 0x0a || !t->len || t->len > 4 || t->val[0] & 0x80)
		return false;
	d->code = 0;
	for (size_t i = 0; i < t->len; i++)
		d->code = d->code << 8 | t->val[i];
	return true;
}

/* SET OF INTEGER: data groups. */
static bool put_groups(const struct cr_tlv *t, struct cr_known_defect *d)
{
	const uint8_t *p = t->val;
	size_t n = t->len;
	struct cr_tlv one;
	int r;

	if (t->tag != 0x31)
		return false;
	while ((r = cr_tlv_next(&p, &n, &one)) == 1) {
		if (one.tag != 0x02 || one.len != 1 || one.val[0] & 0x80)
			return false;
		/* TR-03110-4 has twenty-two in the eID application, ICAO 9303-10 sixteen */
		if (one.val[0] && one.val[0] < 32)
			d->groups |= 1U << one.val[0];
	}
	return r == 0;
}

/* DataGroupDiscrepancy: as EF.COM has them, as EF.SOD has them. */
static bool put_discrepancy(const struct cr_tlv *t, struct cr_known_defect *d)
{
	struct cr_known_defect in_sod = { 0 };
	const uint8_t *p = t->val;
	struct cr_tlv com, sod;
	size_t n = t->len;

	return t->tag == 0x30 && cr_tlv_next(&p, &n, &com) == 1 && cr_tlv_next(&p, &n, &sod) == 1 &&
	       !n && put_groups(&com, d) && put_groups(&sod, &in_sod);
}

/* OCTET STRING around a certificate; before TR-03129-2 (1.4), the certificate. */
static bool put_replacement(const struct cr_tlv *t, struct cr_known_defect *d)
{
	bool wrapped = t->tag == 0x04;
	const unsigned char *p = wrapped ? t->val : t->val + t->len - t->total;
	const unsigned char *end = t->val + t->len;

	d->replacement = wrapped || t->tag == 0x30 ? d2i_X509(NULL, &p, end - p) : NULL;
	if (!d->replacement || p != end)
		return false;
	/* decodes extensions and key now: the store is read by many threads later */
	X509_check_purpose(d->replacement, -1, 0);
	return X509_get0_pubkey(d->replacement);
}

static bool put_corrected(const struct cr_tlv *t, struct cr_known_defect *d)
{
	return !cr_signer_id_parse(t->tag, t->val, t->len, &d->corrected);
}

static bool put_country(const struct cr_tlv *t, struct cr_known_defect *d)
{
	if (t->tag != 0x13 || t->len < 2 || t->len > 3)
		return false;
	for (size_t i = 0; i < t->len; i++) {
		if ((t->val[i] | 0x20) < 'a' || (t->val[i] | 0x20) > 'z')
			return false;
	}
	memcpy(d->country, t->val, t->len);
	return true;
}

static const struct kind {
	const char *oid, *name;		/* below id-DefectList */
	enum cr_known_type type;
	/* NULL: there is none, and what stands there is nobody's business */
	bool (*parameter)(const struct cr_tlv *t, struct cr_known_defect *d);
	bool optional;
} kinds[] = {
	{ "1.1", "id-CertRevoked", CR_KNOWN_CERT_REVOKED, put_code, false },
	{ "1.2", "id-CertReplaced", CR_KNOWN_CERT_REPLACED, put_replacement, false },
	{ "1.3", "id-ChipAuthKeyRevoked", CR_KNOWN_CHIP_AUTH_KEY_REVOKED, NULL, false },
	{ "1.4", "id-ActiveAuthKeyRevoked", CR_KNOWN_ACTIVE_AUTH_KEY_REVOKED, NULL, false },
	{ "1.5", "id-AuthenticationProtocolFailure", CR_KNOWN_AUTHENTICATION_PROTOCOL_FAILURE,
	  put_code, false },
	{ "1.6", "id-ValidityPeriodIncorrect", CR_KNOWN_VALIDITY_PERIOD_INCORRECT, put_code, false },
	{ "2.1", "id-ePassportDGMalformed", CR_KNOWN_DG_MALFORMED, put_groups, false },
	{ "2.2", "id-SODInvalid", CR_KNOWN_SOD_INVALID, put_code, true },
	{ "2.3", "id-COMSODDiscrepancy", CR_KNOWN_COM_SOD_DISCREPANCY, put_discrepancy, true },
	{ "2.4", "id-sodWrongSignerIdentifier", CR_KNOWN_WRONG_SIGNER_IDENTIFIER, put_corrected,
	  false },
	{ "2.5", "id-IssuingCountryDefect", CR_KNOWN_ISSUING_COUNTRY, put_country, false },
	{ "3.1", "id-eIDDGMalformed", CR_KNOWN_EID_DG_MALFORMED, put_groups, false },
	{ "3.2", "id-eIDIntegrity", CR_KNOWN_EID_INTEGRITY, NULL, false },
	/* a corrected object, which is not used: the rule is about the one that was read */
	{ "4.1", "id-CardSecurityMalformed", CR_KNOWN_CARD_SECURITY_MALFORMED, NULL, false },
	{ "4.2", "id-ChipSecurityMalformed", CR_KNOWN_CHIP_SECURITY_MALFORMED, NULL, false },
	{ "4.3", "id-PowerDownReq", CR_KNOWN_POWER_DOWN_REQUIRED, NULL, false },
	{ "4.4", "id-DSMalformed", CR_KNOWN_DS_MALFORMED, put_code, false },
};

/* ---- KnownDefect ---- */

static void put_oid(const struct cr_tlv *t, struct cr_known_defect *d)
{
	const unsigned char *p = t->val + t->len - t->total;
	ASN1_OBJECT *oid = d2i_ASN1_OBJECT(NULL, &p, (long)t->total);
	static const char root[] = ID_DEFECT_LIST ".";

	if (oid)
		OBJ_obj2txt(d->oid, sizeof(d->oid), oid, 1);
	ASN1_OBJECT_free(oid);
	if (strncmp(d->oid, root, sizeof(root) - 1))
		return;
	switch (atoi(d->oid + sizeof(root) - 1)) {
	case 1:		d->category = CR_KNOWN_OF_AUTHENTICATION; break;
	case 2:		d->category = CR_KNOWN_OF_EPASSPORT; break;
	case 3:		d->category = CR_KNOWN_OF_EID; break;
	case 4:		d->category = CR_KNOWN_OF_DOCUMENT; break;
	}
}

static const struct kind *kind_of(const struct cr_known_defect *d)
{
	for (size_t i = 0; d->category && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(d->oid + sizeof(ID_DEFECT_LIST), kinds[i].oid))
			return &kinds[i];
	}
	return NULL;
}

/* parameter: NULL where there is none. */
static void put_parameter(const struct cr_tlv *parameter, struct cr_known_defect *d)
{
	const struct kind *k = kind_of(d);

	if (!k)
		return;
	d->name = k->name;
	if (!k->parameter || (k->optional && !parameter) || (parameter && k->parameter(parameter, d)))
		d->type = k->type;
}

/* The first and only object in a context tag; what is there, where the tag is implicit. */
static bool unwrap(const struct cr_tlv *outer, struct cr_tlv *inner)
{
	return !cr_tlv_parse_all(outer->val, outer->len, inner);
}

/*
 * KnownDefect, or KnownDefectV2: { OID, [0] parameters OPTIONAL, [1] description OPTIONAL }. p, n:
 * what is in the SEQUENCE.
 */
static int parse_known(const uint8_t *p, size_t n, bool v2, struct cr_known_defect *d)
{
	struct cr_tlv oid, t, inner;
	bool has = false;

	d->code = -1;
	if (cr_tlv_next(&p, &n, &oid) != 1 || oid.tag != 0x06)
		return CR_E_MALFORMED;
	put_oid(&oid, d);
	if (!v2 && n)
		has = cr_tlv_next(&p, &n, &inner) == 1;
	while (v2 && n) {
		if (cr_tlv_next(&p, &n, &t) != 1)
			return CR_E_MALFORMED;
		/* the description is for people, and the defect's own description is kept */
		if (t.tag == 0xa0 && !has)
			has = unwrap(&t, &inner);
	}
	put_parameter(has ? &inner : NULL, d);
	return n ? CR_E_MALFORMED : 0;
}

/* VersionedKnownDefect: the module does not say how [0] tags a SEQUENCE, and both are told apart. */
static int parse_versioned(const struct cr_tlv *t, struct cr_known_defect *d)
{
	struct cr_tlv seq;

	if (t->tag == 0x30)
		return parse_known(t->val, t->len, false, d);
	if (t->tag != 0xa0)
		return CR_E_MALFORMED;
	if (unwrap(t, &seq) && seq.tag == 0x30)
		return parse_known(seq.val, seq.len, true, d);
	return parse_known(t->val, t->len, true, d);
}

static int parse_all_known(const struct cr_tlv *set, struct cr_dfl_entry *out, size_t *left)
{
	struct cr_known_defect *all;
	const uint8_t *p = set->val;
	size_t n = set->len;
	struct cr_tlv t;
	int r;

	while ((r = cr_tlv_next(&p, &n, &t)) == 1) {
		if (out->n_known == CR_DFL_ENTRY_MAX || !*left)
			return CR_E_TOO_LONG;
		all = reallocarray(out->known, out->n_known + 1, sizeof(*all));
		if (!all)
			return CR_E_NOMEM;
		--*left;
		out->known = all;
		memset(&all[out->n_known], 0, sizeof(*all));
		if (parse_versioned(&t, &all[out->n_known++]))
			return CR_E_MALFORMED;
	}
	return r < 0 || !out->n_known ? CR_E_MALFORMED : 0;
}

/* ---- Defect ---- */

static int put_hash(const struct cr_tlv *t, struct cr_dfl_entry *out)
{
	if (!t->len || t->len > EVP_MAX_MD_SIZE)
		return CR_E_MALFORMED;
	out->hash = malloc(t->len);
	if (!out->hash)
		return CR_E_NOMEM;
	memcpy(out->hash, t->val, t->len);
	out->hash_len = t->len;
	return 0;
}

/* { SignerIdentifier (version 2: OPTIONAL), hash OPTIONAL, SET OF KnownDefect, description OPTIONAL } */
static int parse_entry(const struct cr_tlv *entry, bool v2, struct cr_dfl_entry *out, size_t *left)
{
	const uint8_t *p = entry->val;
	size_t n = entry->len;
	struct cr_tlv t;
	int err;

	if (entry->tag != 0x30 || cr_tlv_next(&p, &n, &t) != 1)
		return CR_E_MALFORMED;
	if (t.tag == 0x30 || t.tag == 0x80 || t.tag == 0xa0) {
		err = cr_signer_id_parse(t.tag, t.val, t.len, &out->signer);
		if (err)
			return err;
		if (cr_tlv_next(&p, &n, &t) != 1)
			return CR_E_MALFORMED;
	}
	if (t.tag == 0x04) {
		err = put_hash(&t, out);
		if (err)
			return err;
		if (cr_tlv_next(&p, &n, &t) != 1)
			return CR_E_MALFORMED;
	}
	/* what names nobody is about nobody */
	if (t.tag != 0x31 || (cr_signer_id_is_empty(&out->signer) && !(v2 && out->hash)))
		return CR_E_MALFORMED;
	err = parse_all_known(&t, out, left);
	if (err || !n)
		return err;
	if (!v2 || cr_tlv_next(&p, &n, &t) != 1 || t.tag != 0x0c || n)
		return CR_E_MALFORMED;
	/* one that is no text is left out */
	err = t.len > DESCRIPTION_MAX ? 0 : cr_text_new(t.val, t.len, &out->description);
	return err == CR_E_NOMEM ? err : 0;
}

static void clear_entry(struct cr_dfl_entry *e)
{
	for (size_t i = 0; i < e->n_known; i++) {
		X509_free(e->known[i].replacement);
		cr_signer_id_clear(&e->known[i].corrected);
	}
	free(e->known);
	free(e->hash);
	free(e->description);
	cr_signer_id_clear(&e->signer);
	memset(e, 0, sizeof(*e));
}

/* ---- DefectList ---- */

static int parse_set(const struct cr_tlv *set, bool v2, struct cr_dfl *out)
{
	size_t n = set->len, left = CR_DFL_KNOWN_MAX, room = 0;
	const uint8_t *p = set->val;
	struct cr_dfl_entry *all;
	struct cr_tlv t;
	int r, err;

	while ((r = cr_tlv_next(&p, &n, &t)) == 1) {
		if (out->n + out->malformed >= CR_DFL_MAX)
			return CR_E_TOO_LONG;
		if (out->n == room) {
			room = room ? 2 * room : 16;
			all = reallocarray(out->all, room, sizeof(*all));
			if (!all)
				return CR_E_NOMEM;
			out->all = all;
		}
		memset(&out->all[out->n], 0, sizeof(*out->all));
		err = parse_entry(&t, v2, &out->all[out->n], &left);
		if (err)
			clear_entry(&out->all[out->n]);
		else
			out->n++;
		if (err == CR_E_NOMEM || err == CR_E_TOO_LONG)
			return err;
		out->malformed += err != 0;
	}
	return r;
}

static const EVP_MD *digest_of(const struct cr_tlv *t)
{
	const unsigned char *p = t->val + t->len - t->total;
	ASN1_OBJECT *oid = d2i_ASN1_OBJECT(NULL, &p, (long)t->total);
	int nid = OBJ_obj2nid(oid);

	ASN1_OBJECT_free(oid);
	return cr_digest_name(nid) ? EVP_get_digestbynid(nid) : NULL;
}

int cr_dfl_parse(const uint8_t *data, size_t len, struct cr_dfl *out, char *why)
{
	struct cr_tlv seq, version, digest, set;
	const uint8_t *p;
	size_t n;
	int err;

	memset(out, 0, sizeof(*out));
	snprintf(why, 160, "the content of the defect list is malformed");
	if (cr_tlv_parse_all(data, len, &seq) || seq.tag != 0x30)
		return CR_E_MALFORMED;
	p = seq.val;
	n = seq.len;
	if (cr_tlv_next(&p, &n, &version) != 1 || version.tag != 0x02 || !version.len ||
	    cr_tlv_next(&p, &n, &digest) != 1 || digest.tag != 0x06 ||
	    cr_tlv_next(&p, &n, &set) != 1 || set.tag != 0x31 || n)
		return CR_E_MALFORMED;
	if (version.len != 1 || version.val[0] > 1) {
		snprintf(why, 160, "the defect list is of an unknown version");
		return CR_E_UNSUPPORTED;
	}
	ERR_set_mark();
	out->md = digest_of(&digest);
	err = parse_set(&set, version.val[0] == 1, out);
	ERR_pop_to_mark();
	if (err == CR_E_TOO_LONG) {
		snprintf(why, 160, "the defect list has too many entries");
		return CR_E_UNSUPPORTED;
	}
	if (!err)
		why[0] = '\0';
	return err;
}

void cr_dfl_clear(struct cr_dfl *list)
{
	for (size_t i = 0; i < list->n; i++)
		clear_entry(&list->all[i]);
	free(list->all);
	memset(list, 0, sizeof(*list));
}

/* A hash of an algorithm that is not known fits nothing. */
static bool has_hash(const struct cr_dfl *list, const struct cr_dfl_entry *entry, X509 *cert)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	return list->md && X509_digest(cert, list->md, md, &n) == 1 && n == entry->hash_len &&
	       !memcmp(md, entry->hash, n);
}

bool cr_dfl_entry_is_of(const struct cr_dfl *list, const struct cr_dfl_entry *entry, X509 *cert,
		     const struct cr_signer_id *signed_by)
{
	bool named = cr_signer_id_is_empty(&entry->signer);

	if (!named && cert)
		named = cr_signer_id_names(&entry->signer, cert);
	if (!named && signed_by)
		named = cr_signer_id_same(&entry->signer, signed_by);
	return named && (!entry->hash || (cert && has_hash(list, entry, cert)));
}
