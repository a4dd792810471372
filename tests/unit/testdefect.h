/* SPDX-License-Identifier: BSD-2-Clause */
/* Defect lists for tests (BSI TR-03129-2, 7): the content; pki_make_list() signs it. After <cmocka.h>. */
#ifndef CR_TEST_DEFECT_H
#define CR_TEST_DEFECT_H

#include "testlist.h"
#include "trust/store.h"

#define ID_DEFECT_LIST	"0.4.0.127.0.7.3.1.5"
#define EKU_DEFECT_LIST	"0.4.0.127.0.7.3.11.2.1.2"

struct dfl_known {
	const char *oid;		/* below id-DefectList: "1.1"; with more dots than one: as it is */
	const uint8_t *parameter;	/* DER; NULL: none */
	size_t len;
	const char *description;	/* version 2 */
};

struct dfl_entry {
	X509 *ds;			/* by issuer and serial number */
	bool skid;			/* by key identifier instead */
	bool nameless;			/* by neither */
	bool hash;			/* and by this */
	const struct dfl_known *known;
	size_t n;
	const char *description;	/* version 2 */
};

struct dfl {
	int version;			/* 0, 1 */
	int hash_nid;			/* NID_sha256 where 0 */
	bool implicit;			/* [0] and [1] without what they replace */
	const struct dfl_entry *entries;
	size_t n;
};

static inline void dfl_oid(struct cr_buf *b, const char *text)
{
	char full[128];
	ASN1_OBJECT *oid;
	const char *dot = strchr(text, '.');

	snprintf(full, sizeof(full), "%s%s", dot && strchr(dot + 1, '.') ? "" : ID_DEFECT_LIST ".", text);
	oid = OBJ_txt2obj(full, 1);
	cr_tlv_put(b, 0x06, OBJ_get0_data(oid), OBJ_length(oid));
	ASN1_OBJECT_free(oid);
}

static inline void dfl_put_known(struct cr_buf *b, const struct dfl *l, const struct dfl_known *k)
{
	size_t outer = 0, seq = 0, m;

	if (l->version)
		outer = cr_tlv_begin(b, 0xa0);
	if (!l->version || !l->implicit)
		seq = cr_tlv_begin(b, 0x30);
	dfl_oid(b, k->oid);
	if (k->parameter && !l->version)
		cr_buf_put(b, k->parameter, k->len);
	else if (k->parameter)
		cr_tlv_put(b, 0xa0, k->parameter, k->len);
	if (k->description && l->implicit) {
		cr_tlv_put(b, 0x81, k->description, strlen(k->description));
	} else if (k->description) {
		m = cr_tlv_begin(b, 0xa1);
		cr_tlv_put(b, 0x0c, k->description, strlen(k->description));
		cr_tlv_end(b, m);
	}
	if (!l->version || !l->implicit)
		cr_tlv_end(b, seq);
	if (l->version)
		cr_tlv_end(b, outer);
}

static inline void dfl_put_id(struct cr_buf *b, X509 *ds, bool skid)
{
	const ASN1_OCTET_STRING *key_id = X509_get0_subject_key_id(ds);
	unsigned char *der = NULL;
	size_t m;
	int n;

	if (skid) {
		cr_tlv_put(b, 0x80, ASN1_STRING_get0_data(key_id), (size_t)ASN1_STRING_length(key_id));
		return;
	}
	m = cr_tlv_begin(b, 0x30);
	n = i2d_X509_NAME(X509_get_issuer_name(ds), &der);
	cr_buf_put(b, der, (size_t)n);
	OPENSSL_free(der);
	der = NULL;
	n = i2d_ASN1_INTEGER(X509_get_serialNumber(ds), &der);
	cr_buf_put(b, der, (size_t)n);
	OPENSSL_free(der);
	cr_tlv_end(b, m);
}

/* The DefectList; cr_buf_free(). */
static inline void dfl_put(struct cr_buf *b, const struct dfl *l)
{
	const int nid = l->hash_nid ? l->hash_nid : NID_sha256;
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int md_len;
	size_t seq, set, one, known, i, k;

	seq = cr_tlv_begin(b, 0x30);
	cr_tlv_put_u8(b, 0x02, (uint8_t)l->version);
	cr_tlv_put(b, 0x06, OBJ_get0_data(OBJ_nid2obj(nid)), OBJ_length(OBJ_nid2obj(nid)));
	set = cr_tlv_begin(b, 0x31);
	for (i = 0; i < l->n; i++) {
		const struct dfl_entry *e = &l->entries[i];

		one = cr_tlv_begin(b, 0x30);
		if (!e->nameless)
			dfl_put_id(b, e->ds, e->skid);
		if (e->hash) {
			X509_digest(e->ds, EVP_get_digestbynid(nid), md, &md_len);
			cr_tlv_put(b, 0x04, md, md_len);
		}
		known = cr_tlv_begin(b, 0x31);
		for (k = 0; k < e->n; k++)
			dfl_put_known(b, l, &e->known[k]);
		cr_tlv_end(b, known);
		if (e->description)
			cr_tlv_put(b, 0x0c, e->description, strlen(e->description));
		cr_tlv_end(b, one);
	}
	cr_tlv_end(b, set);
	cr_tlv_end(b, seq);
}

/* ---- an issuer, its signer of lists, and two document signers ---- */

static EVP_PKEY *ca_key, *list_key, *ds_key, *other_key;
static X509 *ca, *lister, *ds, *other;

static inline int setup(void **state)
{
	struct pki_cert c = { .country = "UT", .name = "CSCA", .ca = true };

	(void)state;
	ca_key = c.key = pki_key("P-256", false);
	list_key = pki_key("P-256", false);
	ds_key = pki_key("P-256", false);
	other_key = pki_key("P-256", false);
	ca = pki_make(&c);
	c = (struct pki_cert){ .country = "UT", .name = "DFL", .issuer = ca, .key = list_key, .issuer_key = ca_key,
			       .eku = EKU_DEFECT_LIST };
	lister = pki_make(&c);
	c = (struct pki_cert){ .country = "UT", .name = "DS", .issuer = ca, .key = ds_key, .issuer_key = ca_key };
	ds = pki_make(&c);
	c.key = other_key;
	c.name = "DS 2";
	other = pki_make(&c);
	return !ca || !lister || !ds || !other;
}

static inline int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(list_key);
	EVP_PKEY_free(ds_key);
	EVP_PKEY_free(other_key);
	X509_free(ca);
	X509_free(lister);
	X509_free(ds);
	X509_free(other);
	return 0;
}

static inline cr_trust_t *store_of(X509 *cert)
{
	cr_trust_t *t;

	assert_int_equal(cr_trust_new(&t), 0);
	if (cert)
		assert_int_equal(cr_trust_add_cert(t, cert), 1);
	return t;
}

static const uint8_t code0[] = { 0x0a, 1, 0 }, code1[] = { 0x0a, 1, 1 }, code2[] = { 0x0a, 1, 2 },
	code3[] = { 0x0a, 1, 3 }, code4[] = { 0x0a, 1, 4 }, code5[] = { 0x0a, 1, 5 }, code6[] = { 0x0a, 1, 6 },
	code9[] = { 0x0a, 1, 9 }, code40[] = { 0x0a, 1, 40 };
static const uint8_t groups[] = { 0x31, 6, 2, 1, 2, 2, 1, 11 }, discrepancy[] = { 0x30, 7, 0x31, 3, 2, 1, 15, 0x31, 0 };

#define KNOWN(id, value)	{ .oid = id, .parameter = value, .len = sizeof(value) }

#endif
