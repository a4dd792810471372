// SPDX-License-Identifier: BSD-2-Clause
/* What a trust store takes of the files that states and the ICAO PKD give out, and what it leaves out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>
#include "testlist.h"
#include "trust/import.h"
#include "trust/ldif.h"
#include "trust/masterlist.h"

/* One state that gives lists out, and others that stand in them. */
static EVP_PKEY *ca_key, *list_key, *de_key, *fr_key, *ds_key;
static X509 *ca, *lister, *de, *fr, *ds;

static X509 *authority(const char *country, EVP_PKEY *key)
{
	struct pki_cert c = { .country = country, .name = "CSCA", .ca = true, .key = key };

	return pki_make(&c);
}

static int setup(void **state)
{
	struct pki_cert c;

	(void)state;
	ca_key = pki_key("P-256", false);
	list_key = pki_key("P-256", false);
	de_key = pki_key("P-256", false);
	fr_key = pki_key("brainpoolP256r1", true);
	ds_key = pki_key("P-256", false);
	ca = authority("VN", ca_key);
	de = authority("DE", de_key);
	fr = authority("FR", fr_key);
	c = (struct pki_cert){ .country = "VN", .name = "List", .issuer = ca, .key = list_key, .issuer_key = ca_key,
			       .eku = "critical,2.23.136.1.1.3" };
	lister = pki_make(&c);
	c = (struct pki_cert){ .country = "DE", .name = "DS", .issuer = de, .key = ds_key, .issuer_key = de_key };
	ds = pki_make(&c);
	return !ca || !lister || !de || !fr || !ds;
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(list_key);
	EVP_PKEY_free(de_key);
	EVP_PKEY_free(fr_key);
	EVP_PKEY_free(ds_key);
	X509_free(ca);
	X509_free(lister);
	X509_free(de);
	X509_free(fr);
	X509_free(ds);
	return 0;
}

static cr_trust_t *roots_of(X509 *root)
{
	cr_trust_t *t;

	assert_int_equal(cr_trust_new(&t), 0);
	if (root)
		assert_int_equal(cr_trust_add_cert(t, root), 1);
	return t;
}

static struct pki_list list_of_two(void)
{
	static X509 *two[2];

	two[0] = de;
	two[1] = fr;
	return (struct pki_list){ .signer = lister, .key = list_key, .certs = two, .n = 2 };
}

/* The file alone, against this root (may be NULL). */
static int take(struct cr_import *im, X509 *root, const uint8_t *data, size_t len)
{
	cr_trust_t *roots = roots_of(root);
	int r;

	cr_import_init(im, roots, NOW);
	r = cr_import_file(im, "file", data, len);
	cr_trust_free(roots);
	im->roots = NULL;
	assert_true(!r || im->why[0]);
	return r;
}

static void finish(struct cr_import *im, const cr_trust_t *store)
{
	struct cr_index none = { 0 };
	cr_trust_t *empty = roots_of(NULL);

	assert_int_equal(cr_import_finish(im, &none, store ? store : empty), 0);
	cr_trust_free(empty);
}

#define SKIPPED(im, i, text) do { \
		assert_true((im)->n_skips > (i)); \
		if (!strstr((im)->skips[i].why, text)) \
			fail_msg("\"%s\" is not in \"%s\"", text, (im)->skips[i].why); \
	} while (0)

/* Refused as a whole, and nothing of it found. */
#define REFUSED(root, data, len, text) do { \
		struct cr_import im_; \
		assert_true(take(&im_, root, data, len) < 0); \
		if (!strstr(im_.why, text)) \
			fail_msg("\"%s\" is not in \"%s\"", text, im_.why); \
		assert_int_equal(im_.n_found, 0); \
		cr_import_clear(&im_); \
	} while (0)

static void a_master_list_is_taken_by_its_root(void **state)
{
	struct pki_list l = list_of_two();
	struct cr_import im;
	uint8_t *der;
	size_t len, i;

	(void)state;
	for (i = 0; i < 4; i++) {
		l.skid = i & 1;
		l.pem = i & 2;
		der = pki_make_list(&l, &len);
		assert_int_equal(take(&im, ca, der, len), 0);
		assert_int_equal(im.lists, 1);
		finish(&im, NULL);
		assert_int_equal(im.n_add, 2);
		assert_int_equal(im.n_skips, 0);
		assert_string_equal(im.add[0].info.state, "DE");
		assert_int_equal(im.add[0].info.kind, CR_CERT_CSCA);
		assert_string_equal(im.add[1].info.state, "FR");
		assert_string_equal(im.sources[im.add[1].source], "file");
		assert_int_equal(strncmp(im.add[0].file, "DE-", 3), 0);
		cr_import_clear(&im);
		free(der);
	}
}

static void a_master_list_of_somebody_else_is_refused(void **state)
{
	struct pki_list l = list_of_two();
	EVP_PKEY *key = pki_key("P-256", false);
	X509 *other = authority("VN", key);	/* the name of the root */
	struct pki_cert c = { .country = "VN", .name = "List", .issuer = ca, .key = list_key, .issuer_key = ca_key };
	uint8_t *der;
	size_t len;
	X509 *x;

	(void)state;
	der = pki_make_list(&l, &len);
	REFUSED(NULL, der, len, "needs --root");
	REFUSED(de, der, len, "no trusted issuer certificate for CN=CSCA");
	REFUSED(other, der, len, "of other keys");
	REFUSED(lister, der, len, "no trusted issuer certificate");	/* no authority */
	free(der);
	/* the right signer's name, number and certificate, somebody else's key */
	c.key = key;
	c.issuer_key = key;
	c.serial = ASN1_INTEGER_get(X509_get0_serialNumber(lister));
	x = pki_make(&c);
	l = (struct pki_list){ .signer = x, .key = key, .certs = l.certs, .n = 2, .no_cert = true, .more = lister };
	der = pki_make_list(&l, &len);
	REFUSED(ca, der, len, "signature does not verify");
	free(der);
	X509_free(x);
	l = list_of_two();
	c.key = list_key;
	c.issuer_key = ca_key;
	c.serial = 0;
	l.no_cert = true;
	der = pki_make_list(&l, &len);
	REFUSED(ca, der, len, "certificate is not there");
	free(der);
	l.no_cert = false;
	/* a signer of documents, and one whose time is over, and one of an authority that pretends */
	x = pki_make(&c);
	l.signer = x;
	der = pki_make_list(&l, &len);
	REFUSED(ca, der, len, "not for master lists");
	free(der);
	X509_free(x);
	c.eku = "critical,2.23.136.1.1.3";
	c.to = -3600;
	x = pki_make(&c);
	l.signer = x;
	der = pki_make_list(&l, &len);
	REFUSED(ca, der, len, "has expired");
	free(der);
	X509_free(x);
	c.to = 0;
	c.critical = true;
	x = pki_make(&c);
	l.signer = x;
	der = pki_make_list(&l, &len);
	REFUSED(ca, der, len, "critical extension");
	free(der);
	X509_free(x);
	c.critical = false;
	c.issuer = other;
	c.issuer_key = key;
	c.skid = X509_get0_subject_key_id(lister);
	x = pki_make(&c);
	l.signer = x;
	der = pki_make_list(&l, &len);
	REFUSED(ca, der, len, "of other keys");
	free(der);
	X509_free(x);
	X509_free(other);
	EVP_PKEY_free(key);
}

/* --root brings the root's revocation lists along, if they are given. */
static int take_beside(X509_CRL *crl, const uint8_t *data, size_t len, char *why)
{
	cr_trust_t *roots = roots_of(ca);
	struct cr_import im;
	int r;

	assert_int_equal(cr_trust_add_crl(roots, crl), 1);
	X509_CRL_free(crl);
	cr_import_init(&im, roots, NOW);
	r = cr_import_file(&im, "file", data, len);
	assert_int_equal(im.n_found, r ? 0 : 2);
	snprintf(why, 160, "%s", im.why);
	cr_import_clear(&im);
	cr_trust_free(roots);
	return r;
}

static void a_master_list_of_a_revoked_signer_is_refused(void **state)
{
	struct pki_list l = list_of_two();
	char why[160];
	uint8_t *der;
	size_t len;

	(void)state;
	der = pki_make_list(&l, &len);
	assert_int_equal(take_beside(pki_crl(ca, ca_key, lister, -86400, 86400), der, len, why), CR_E_CRYPTO);
	assert_non_null(strstr(why, "was revoked"));
	assert_int_equal(take_beside(pki_crl(ca, ca_key, ca, -86400, 86400), der, len, why), CR_E_CRYPTO);
	assert_non_null(strstr(why, "was revoked"));
	/* others are revoked, the list is of yesterday, or somebody else signed it */
	assert_int_equal(take_beside(pki_crl(ca, ca_key, ds, -86400, 86400), der, len, why), 0);
	assert_int_equal(take_beside(pki_crl(ca, ca_key, NULL, -86400 * 2, -86400), der, len, why), 0);
	assert_int_equal(take_beside(pki_crl(ca, list_key, lister, -86400, 86400), der, len, why), 0);
	assert_string_equal(why, "");
	free(der);
}

static void a_changed_master_list_is_refused(void **state)
{
	struct pki_list l = list_of_two();
	struct cr_import im;
	uint8_t *der, *copy;
	size_t len, n, taken = 0;

	(void)state;
	der = pki_make_list(&l, &len);
	for (n = 0; n < len; n += 3) {
		der[n] ^= 0x04;
		if (!take(&im, ca, der, len)) {
			/* what nobody signs: versions, the list of digests, the signer's own copy of a name */
			taken++;
			assert_int_equal(im.n_found, 2);
			assert_int_equal(X509_cmp(im.found[0].cert, de), 0);
			assert_int_equal(X509_cmp(im.found[1].cert, fr), 0);
		} else {
			assert_int_equal(im.n_found, 0);
		}
		cr_import_clear(&im);
		der[n] ^= 0x04;
	}
	assert_true(taken < 12);
	for (n = 0; n < len; n += 11) {
		copy = malloc(n + 1);
		memcpy(copy, der, n);
		REFUSED(ca, copy, n, "it is");
		free(copy);
	}
	copy = calloc(1, len + 1);
	memcpy(copy, der, len);
	REFUSED(ca, copy, len + 1, "damaged");
	free(copy);
	free(der);
}

static void what_is_no_master_list_is_none(void **state)
{
	struct pki_list l = list_of_two();
	uint8_t *der;
	size_t len;

	(void)state;
	l.content_type = "2.23.136.1.1.1";		/* a security object of the same signer */
	der = pki_make_list(&l, &len);
	REFUSED(ca, der, len, "it is no certificate");
	free(der);
	l.content_type = NULL;
	l.version = 1;
	der = pki_make_list(&l, &len);
	REFUSED(ca, der, len, "unknown version");
	free(der);
	l.version = 0;
	l.trailing = true;
	der = pki_make_list(&l, &len);
	REFUSED(ca, der, len, "content of the master list is malformed");
	free(der);
	REFUSED(ca, (const uint8_t *)"", 0, "it is no certificate");
	REFUSED(ca, (const uint8_t *)"Hello", 5, "it is no certificate");
}

/* A list that is signed rightly, and holds what it should not: the rest is taken, and each is told. */
static void what_does_not_fit_is_left_out_and_told(void **state)
{
	struct pki_cert nowhere = { .country = "1!", .name = "CSCA", .ca = true, .key = ca_key },
		critical = { .country = "SE", .name = "CSCA", .ca = true, .key = ca_key, .critical = true },
		leaf = { .country = "SE", .name = "Leaf", .issuer = fr, .key = ds_key, .issuer_key = ca_key },
		seal = { .country = "SE", .name = "Seal", .key = ca_key, .eku = "2.23.136.1.1.14.2" };
	X509 *certs[6] = { de, pki_make(&nowhere), pki_make(&critical), pki_make(&leaf), pki_make(&seal), de };
	struct pki_list l = { .signer = lister, .key = list_key, .certs = certs, .n = 6, .junk = true };
	struct cr_import im;
	uint8_t *der;
	size_t len, i;

	(void)state;
	der = pki_make_list(&l, &len);
	assert_int_equal(take(&im, ca, der, len), 0);
	finish(&im, NULL);
	assert_int_equal(im.n_add, 1);
	assert_int_equal(im.n_skips, 6);
	SKIPPED(&im, 0, "a certificate in the master list is malformed");
	SKIPPED(&im, 1, "names no state");
	SKIPPED(&im, 2, "critical extension");
	SKIPPED(&im, 3, "there twice");
	SKIPPED(&im, 4, "no authority in the store signed it");
	SKIPPED(&im, 5, "neither an authority nor a signer");
	for (i = 0; i < im.n_skips; i++)
		assert_true(im.skips[i].what[0]);
	cr_import_clear(&im);
	free(der);
	for (i = 1; i < 5; i++)
		X509_free(certs[i]);
}

static void a_link_certificate_leads_to_the_root(void **state)
{
	EVP_PKEY *new_key = pki_key("P-256", false);
	struct pki_cert c = { .country = "VN", .name = "CSCA", .ca = true, .key = new_key, .issuer = ca,
			      .issuer_key = ca_key };
	X509 *link = pki_make(&c), *signer;
	struct pki_list l = list_of_two();
	struct cr_import im;
	uint8_t *der;
	size_t len;

	(void)state;
	c = (struct pki_cert){ .country = "VN", .name = "List 2", .issuer = link, .key = list_key, .issuer_key = new_key,
			       .eku = "critical,2.23.136.1.1.3" };
	signer = pki_make(&c);
	l.signer = signer;
	der = pki_make_list(&l, &len);
	REFUSED(ca, der, len, "of other keys");
	free(der);
	l.more = link;
	der = pki_make_list(&l, &len);
	assert_int_equal(take(&im, ca, der, len), 0);
	assert_int_equal(im.n_found, 2);
	cr_import_clear(&im);
	free(der);
	X509_free(link);
	X509_free(signer);
	EVP_PKEY_free(new_key);
}

/* ---- single files ---- */

static uint8_t *der_of(X509 *x, X509_CRL *crl, size_t *len)
{
	unsigned char *p = NULL;
	uint8_t *copy;
	int n = x ? i2d_X509(x, &p) : i2d_X509_CRL(crl, &p);

	assert_true(n > 0);
	copy = malloc((size_t)n);
	memcpy(copy, p, (size_t)n);
	OPENSSL_free(p);
	*len = (size_t)n;
	return copy;
}

/* An authority signed it, and it is not as the standard has it: that is what is said. */
static void a_signer_that_only_deviates_is_told_from_a_strangers(void **state)
{
	struct pki_cert leaf = { .country = "DE", .name = "Leaf", .issuer = de, .key = ds_key, .issuer_key = de_key,
				 .no_akid = true };
	struct cr_import im;
	X509 *x = pki_make(&leaf);
	cr_trust_t *trusted = roots_of(de);
	uint8_t *der;
	size_t len;

	(void)state;
	der = der_of(x, NULL, &len);
	assert_int_equal(take(&im, NULL, der, len), 0);
	finish(&im, trusted);
	assert_int_equal(im.n_add, 0);
	SKIPPED(&im, 0, "the signer's certificate does not identify the key that signed it");
	cr_import_clear(&im);
	assert_int_equal(take(&im, NULL, der, len), 0);
	finish(&im, NULL);
	SKIPPED(&im, 0, "it is no authority, and no authority in the store signed it");
	cr_import_clear(&im);
	free(der);
	cr_trust_free(trusted);
	X509_free(x);
}

static void certificates_and_lists_are_taken_in_der_and_pem(void **state)
{
	X509_CRL *crl = pki_crl(de, de_key, NULL, -86400, 86400);
	BIO *bio = BIO_new(BIO_s_mem());
	struct cr_import im;
	uint8_t *der;
	size_t len, n;
	char *pem;

	(void)state;
	der = der_of(de, NULL, &len);
	assert_int_equal(take(&im, NULL, der, len), 0);
	finish(&im, NULL);
	assert_int_equal(im.n_add, 1);
	cr_import_clear(&im);
	for (n = 0; n < len; n++)
		REFUSED(NULL, der, n, "it is no certificate");
	free(der);
	PEM_write_bio_X509(bio, de);
	PEM_write_bio_X509(bio, ds);
	PEM_write_bio_X509_CRL(bio, crl);
	PEM_write_bio_PUBKEY(bio, de_key);
	len = (size_t)BIO_get_mem_data(bio, &pem);
	assert_int_equal(take(&im, NULL, (uint8_t *)pem, len), 0);
	finish(&im, NULL);
	assert_int_equal(im.n_add, 3);
	assert_int_equal(im.add[1].info.kind, CR_CERT_SIGNER);
	assert_int_equal(im.add[2].info.kind, CR_CERT_CRL);
	assert_int_equal(im.n_skips, 1);
	SKIPPED(&im, 0, "neither a certificate nor a list");
	cr_import_clear(&im);
	/* cut in the last block, or a letter in it gone wrong: nothing of it */
	assert_true(take(&im, NULL, (uint8_t *)pem, len - 30) < 0);
	cr_import_clear(&im);
	*strstr(pem, "MI") = '!';
	assert_true(take(&im, NULL, (uint8_t *)pem, len) < 0);
	cr_import_clear(&im);
	BIO_free(bio);
	X509_CRL_free(crl);
}

static void an_import_twice_is_one(void **state)
{
	struct pki_list l = list_of_two();
	struct cr_index index = { 0 };
	cr_trust_t *store = roots_of(NULL);
	struct cr_import im;
	uint8_t *der;
	size_t len, i;

	(void)state;
	der = pki_make_list(&l, &len);
	assert_int_equal(take(&im, ca, der, len), 0);
	finish(&im, NULL);
	for (i = 0; i < im.n_add; i++)
		assert_int_equal(cr_index_add(&index, im.add[i].file, &im.add[i].info, "x", im.add[i].name), 0);
	cr_import_clear(&im);
	cr_trust_add_cert(store, de);
	cr_trust_add_cert(store, fr);
	assert_int_equal(take(&im, ca, der, len), 0);
	assert_int_equal(cr_import_finish(&im, &index, store), 0);
	assert_int_equal(im.n_add, 0);
	assert_int_equal(im.known, 2);
	assert_int_equal(im.n_skips, 0);
	cr_import_clear(&im);
	cr_index_clear(&index);
	cr_trust_free(store);
	free(der);
}

/* ---- revocation lists ---- */

static void add_list(struct cr_import *im, X509_CRL *crl)
{
	size_t len;
	uint8_t *der = der_of(NULL, crl, &len);

	assert_int_equal(cr_import_file(im, "crl", der, len), 0);
	free(der);
}

static void revocation_lists_are_their_issuers_and_the_newest(void **state)
{
	X509_CRL *old = pki_crl(de, de_key, NULL, -86400 * 9, -86400 * 2), *new = pki_crl(de, de_key, ds, -86400, 86400),
		 *forged = pki_crl(de, fr_key, NULL, -3600, 86400), *orphan = pki_crl(ca, ca_key, NULL, -3600, 86400);
	cr_trust_t *store = roots_of(de);
	struct cr_index index = { 0 };
	struct cr_cert_info info;
	struct cr_import im;

	(void)state;
	cr_import_init(&im, NULL, NOW);
	add_list(&im, old);
	add_list(&im, new);
	add_list(&im, forged);		/* newer than all, and by another key */
	add_list(&im, orphan);
	finish(&im, store);
	assert_int_equal(im.n_add, 1);
	assert_int_equal(im.n_skips, 3);
	SKIPPED(&im, 0, "newer list");
	SKIPPED(&im, 1, "no authority in the store signed it");
	SKIPPED(&im, 2, "no authority in the store signed it");
	assert_string_equal(im.add[0].info.from, "2026-09-20T14:13:20Z");
	cr_import_clear(&im);
	/* the old one is in the store: the new one takes its place; and not the other way round */
	assert_int_equal(cr_crl_describe(old, &info), 0);
	assert_int_equal(cr_index_add(&index, "DE-crl-x.crl", &info, "x", "y"), 0);
	assert_int_equal(cr_trust_add_crl(store, old), 1);
	cr_import_init(&im, NULL, NOW);
	add_list(&im, new);
	assert_int_equal(cr_import_finish(&im, &index, store), 0);
	assert_int_equal(im.n_add, 1);
	assert_int_equal(im.n_drop, 1);
	assert_int_equal(im.drop[0], 0);
	cr_import_clear(&im);
	cr_trust_free(store);
	store = roots_of(de);
	assert_int_equal(cr_trust_add_crl(store, new), 1);
	cr_import_init(&im, NULL, NOW);
	add_list(&im, old);
	finish(&im, store);
	assert_int_equal(im.n_add + im.n_drop, 0);
	SKIPPED(&im, 0, "newer list");
	cr_import_clear(&im);
	cr_index_clear(&index);
	cr_trust_free(store);
	X509_CRL_free(old);
	X509_CRL_free(new);
	X509_CRL_free(forged);
	X509_CRL_free(orphan);
}

/* Part of a list, newer than the whole one, says nothing of who stands in the whole one alone. */
static void a_part_of_a_list_pushes_out_no_whole_one(void **state)
{
	static const int nids[] = { NID_delta_crl, NID_issuing_distribution_point };
	X509_CRL *whole = pki_crl(de, de_key, ds, -86400 * 2, 86400), *newer = pki_crl(de, de_key, ds, -3600, 86400);
	struct cr_import im;
	cr_trust_t *store;

	(void)state;
	for (size_t i = 0; i < sizeof(nids) / sizeof(nids[0]); i++) {
		X509_CRL *part = pki_crl_part(de, de_key, nids[i], -86400, 86400);
		struct cr_index index = { 0 };
		struct cr_cert_info info;

		store = roots_of(de);
		cr_import_init(&im, NULL, NOW);
		add_list(&im, part);
		add_list(&im, whole);
		finish(&im, store);
		assert_int_equal(im.n_add, 1);
		assert_string_equal(im.add[0].info.from, "2026-09-19T14:13:20Z");
		assert_int_equal(im.n_skips, 1);
		SKIPPED(&im, 0, "a part of a list");
		cr_import_clear(&im);
		/* nor does one that lies in the store; and it stays when a whole one comes */
		assert_int_equal(cr_crl_describe(part, &info), 0);
		assert_int_equal(cr_index_add(&index, "DE-crl-x.crl", &info, "x", "y"), 0);
		assert_int_equal(cr_trust_add_crl(store, part), 1);
		cr_import_init(&im, NULL, NOW);
		add_list(&im, whole);
		assert_int_equal(cr_import_finish(&im, &index, store), 0);
		assert_int_equal(im.n_add, 1);
		cr_import_clear(&im);
		cr_import_init(&im, NULL, NOW);
		add_list(&im, newer);
		assert_int_equal(cr_import_finish(&im, &index, store), 0);
		assert_int_equal(im.n_add, 1);
		assert_int_equal(im.n_drop, 0);
		cr_import_clear(&im);
		cr_index_clear(&index);
		cr_trust_free(store);
		X509_CRL_free(part);
	}
	X509_CRL_free(whole);
	X509_CRL_free(newer);
}

/* ---- LDIF ---- */

static void put_value(FILE *f, const char *name, const uint8_t *der, size_t len, const char *eol)
{
	char *b64 = malloc(len * 2 + 8);
	int n = EVP_EncodeBlock((unsigned char *)b64, der, (int)len), i;

	fprintf(f, "%s:: ", name);
	for (i = 0; i < n; i += 60)
		fprintf(f, "%s%.60s%s", i ? " " : "", b64 + i, eol);
	free(b64);
}

static void put_cert(FILE *f, const char *name, X509 *x, X509_CRL *crl, const char *eol)
{
	size_t len;
	uint8_t *der = der_of(x, crl, &len);

	fprintf(f, "dn: cn=x,o=dsc,c=DE,dc=data,dc=download,dc=pkd,dc=icao,dc=int%spkdVersion: 1%s", eol, eol);
	put_value(f, name, der, len, eol);
	fprintf(f, "%s", eol);
	free(der);
}

static void the_pkds_ldif_is_taken(void **state)
{
	static const char *const eols[] = { "\n", "\r\n" };
	X509_CRL *crl = pki_crl(de, de_key, NULL, -86400, 86400);
	struct pki_list l = list_of_two();
	struct cr_import im;
	uint8_t *der;
	size_t len, n, i;
	char *text;
	FILE *f;

	(void)state;
	der = pki_make_list(&l, &len);
	for (i = 0; i < 2; i++) {
		f = open_memstream(&text, &n);
		fprintf(f, "version: 1%s%s# a comment that goes%s  on%s", eols[i], eols[i], eols[i], eols[i]);
		put_cert(f, "userCertificate;binary", ds, NULL, eols[i]);
		put_cert(f, "userCertificate;binary", ca, NULL, eols[i]);	/* an authority that nobody vouches for */
		put_cert(f, "certificateRevocationList;binary", NULL, crl, eols[i]);
		fprintf(f, "dn: o=ml%suserCertificate;binary:: MII!%s%s", eols[i], eols[i], eols[i]);
		fprintf(f, "dn: o=ml,c=VN%s", eols[i]);
		put_value(f, "pkdMasterListContent", der, len, eols[i]);
		fclose(f);
		assert_int_equal(take(&im, ca, (uint8_t *)text, n), 0);
		finish(&im, NULL);
		assert_int_equal(im.n_add, 4);
		assert_int_equal(im.n_skips, 2);
		SKIPPED(&im, 0, "it is malformed");
		assert_non_null(strstr(im.skips[0].what, "userCertificate, line "));
		SKIPPED(&im, 1, "nobody signed");
		cr_import_clear(&im);
		/* without a root that signed the list, the file is refused: it is what was asked for */
		assert_int_equal(take(&im, de, (uint8_t *)text, n), CR_E_NOT_FOUND);
		cr_import_clear(&im);
		/* cut in the middle of a value, or of a name */
		assert_true(take(&im, ca, (uint8_t *)text, n - 90) < 0);
		cr_import_clear(&im);
		free(text);
	}
	free(der);
	X509_CRL_free(crl);
}

static void ldif_is_read_as_rfc_2849_says(void **state)
{
	static const char text[] = "version: 1\n\ndn: c=DE\nname: va\n lue\n  two\nb64;x:: aGVs\n bG8=\nempty:\n"
				   "url:< file:///etc/passwd\n# com\n ment\n\r\ndn:: Yz1GUg==\nbad:: a\nlast: x";
	static const struct { const char *name, *value; unsigned int line; bool begins; } want[] = {
		{ "version", "1", 1, false }, { "dn", "c=DE", 3, true }, { "name", "value two", 4, false },
		{ "b64", "hello", 7, false }, { "empty", "", 9, false }, { "url", NULL, 10, false },
		{ "dn", "c=FR", 14, true }, { "bad", NULL, 15, false }, { "last", "x", 16, false },
	};
	static const char *const bad[] = { "dn: x\nno colon\n", "dn: x\n: none\n", "dn: x\na b: c\n", "dn: x\n\x01: c\n" };
	struct cr_ldif_value v;
	struct cr_ldif l;
	size_t i;
	int r;

	(void)state;
	cr_ldif_begin(&l, (const uint8_t *)text, sizeof(text) - 1);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_int_equal(cr_ldif_next(&l, &v), 1);
		assert_string_equal(v.name, want[i].name);
		assert_int_equal(l.line, want[i].line);
		assert_int_equal(v.begins, want[i].begins);
		assert_int_equal(!v.data, !want[i].value);
		if (v.data) {
			assert_int_equal(v.len, strlen(want[i].value));
			assert_memory_equal(v.data, want[i].value, v.len);
		}
	}
	assert_int_equal(cr_ldif_next(&l, &v), 0);
	cr_ldif_end(&l);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_ldif_begin(&l, (const uint8_t *)bad[i], strlen(bad[i]));
		assert_int_equal(cr_ldif_next(&l, &v), 1);
		r = cr_ldif_next(&l, &v);
		assert_int_equal(r, CR_E_MALFORMED);
		assert_int_equal(l.line, 2);
		cr_ldif_end(&l);
	}
	assert_true(cr_ldif_is((const uint8_t *)"version: 1\ndn: x\n", 17));
	assert_false(cr_ldif_is((const uint8_t *)"version: 1\nx: y\n", 16));
	assert_false(cr_ldif_is((const uint8_t *)"\0\0", 2));
}

/* ---- bad input ---- */

/* Lengths without end, a thousand objects inside each other, sizes that are not there: refused at once. */
static void what_nests_or_does_not_end_is_refused(void **state)
{
	static const uint8_t head[] = { 0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02,
					0xa0, 0x80 };
	uint8_t *deep = malloc(200000), *p = deep;
	time_t since = time(NULL);
	size_t i;

	(void)state;
	memcpy(p, head, sizeof(head));
	p += sizeof(head);
	for (i = 0; i < 50000; i++) {		/* indefinite, and never ended */
		*p++ = 0x30;
		*p++ = 0x80;
	}
	REFUSED(ca, deep, (size_t)(p - deep), "it is no certificate");
	memset(p, 0, 60000);			/* and ended */
	REFUSED(ca, deep, (size_t)(p - deep) + 60000, "it is no certificate");
	p = deep;
	for (i = 0; i < 1000; i++) {
		size_t left = (1000 - i) * 4;

		*p++ = 0x30;
		*p++ = 0x82;
		*p++ = (uint8_t)(left >> 8);
		*p++ = (uint8_t)left;
	}
	memset(p, 0, 4);
	REFUSED(ca, deep, 4004, "it is no certificate");
	memcpy(deep, "\x30\x84\xff\xff\xff\xff", 6);
	REFUSED(ca, deep, 200, "it is no certificate");
	assert_true(time(NULL) - since < 20);
	/* lines that go on and on, and names that do */
	memset(deep, ' ', 200000);
	memcpy(deep, "dn: x\nuserCertificate:: ", 24);
	for (i = 100; i < 199999; i += 2)
		deep[i] = '\n';
	REFUSED(ca, deep, 200000, "cut off");
	memset(deep, 'a', 200000);
	memcpy(deep, "dn: x\n", 6);
	REFUSED(ca, deep, 200000, "it is not LDIF");
	free(deep);
}

/* The index: what goes in comes out, and nothing else does. */
static void an_index_is_read_as_it_was_written(void **state)
{
	static const char *const bad[] = {
		"", "cardring-trust-store 1", "cardring-trust-store 0\n", "something else\n",
		"cardring-trust-store 1\nDE.cer\tcsca\n",
		"cardring-trust-store 1\n../../DE.cer\tcsca\t2030-01-01\t%s\ts\tn\n",
		"cardring-trust-store 1\n.DE.cer\tcsca\t2030-01-01\t%s\ts\tn\n",
		"cardring-trust-store 1\nDE.crl\tcsca\t2030-01-01\t%s\ts\tn\n",
		"cardring-trust-store 1\nDE.cer\tking\t2030-01-01\t%s\ts\tn\n",
		"cardring-trust-store 1\nDE.cer\tcsca\t2030-01-01\t%.63s\ts\tn\n",
		"cardring-trust-store 1\nDE.cer\tcsca\t2030-01-01\t%s\ts\tn\tmore\n",
		"cardring-trust-store 1\nDE.cer\tcsca\t2030-01-01\t%s\ts\tn",
		"cardring-trust-store 1\nDE.cer\tcsca\t2030-01-01\t%1$s\ts\tn\nDE.cer\tcsca\t2030-01-01\t%1$s\ts\tn\n",
	};
	static const char sha[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct cr_index index = { 0 }, back;
	struct cr_cert_info info;
	unsigned int line, at;
	char *text, one[600];
	size_t len, i;

	(void)state;
	assert_int_equal(cr_cert_describe(de, &info), 0);
	assert_int_equal(cr_index_add(&index, "DE-b.cer", &info, "a\tb\nc", "C\xc3\xb4ng"), 0);
	assert_int_equal(cr_cert_describe(fr, &info), 0);
	assert_int_equal(cr_index_add(&index, "DE-a.cer", &info, "", ""), 0);
	assert_int_equal(cr_index_format(&index, &text, &len), 0);
	assert_int_equal(cr_index_parse(text, len, &back, &line), 0);
	assert_int_equal(back.n, 2);
	assert_string_equal(back.e[0].file, "DE-a.cer");
	assert_string_equal(back.e[1].source, "a?b?c");
	assert_string_equal(back.e[1].name, "C\xc3\xb4ng");
	assert_string_equal(back.e[0].sha256, info.fingerprint);
	assert_non_null(cr_index_find(&back, "DE-b.cer"));
	assert_null(cr_index_find(&back, "DE-c.cer"));
	cr_index_clear(&back);
	for (i = 0, at = 1; i < len; i++) {	/* cut anywhere: at a line's end only is it one */
		if (!cr_index_parse(text, i, &back, &line)) {
			assert_true(text[i - 1] == '\n');
			cr_index_clear(&back);
		} else if (i) {
			assert_int_equal(line, at);	/* the line that is cut, by its number */
		}
		at += text[i] == '\n';
	}
	free(text);
	cr_index_clear(&index);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(one, sizeof(one), bad[i], sha);
		if (cr_index_parse(one, strlen(one), &back, &line) != CR_E_MALFORMED)
			fail_msg("taken: %s", one);
		assert_int_equal(back.n, 0);
	}
	assert_int_equal(cr_index_parse("cardring-trust-store 3\n", 23, &back, &line), CR_E_UNSUPPORTED);
	assert_int_equal(cr_index_parse("cardring-trust-store 1\n\0", 24, &back, &line), CR_E_MALFORMED);
}

/* An index with a defect list is one that an earlier cardring says it does not know. */
static void only_an_index_with_defect_lists_is_of_version_2(void **state)
{
	struct cr_cert_info info = { .kind = CR_CERT_CRL };
	struct cr_index index = { 0 }, back;
	unsigned int line;
	char *text;
	size_t len;
	int i;

	(void)state;
	memset(info.fingerprint, 'a', 64);
	for (i = 1; i <= 2; i++) {
		assert_int_equal(cr_index_add(&index, i == 1 ? "DE-a.crl" : "DE-a.dfl", &info, "s", "n"), 0);
		assert_int_equal(cr_index_format(&index, &text, &len), 0);
		assert_int_equal(text[strlen("cardring-trust-store ")], '0' + i);
		assert_int_equal(cr_index_parse(text, len, &back, &line), 0);
		assert_int_equal(back.n, i);
		cr_index_clear(&back);
		free(text);
		info.kind = CR_CERT_DEFECTS;
	}
	/* a list's file has a list's name, and no other has */
	assert_int_equal(cr_index_add(&index, "DE-b.cer", &info, "s", "n"), 0);
	assert_int_equal(cr_index_format(&index, &text, &len), 0);
	assert_int_equal(cr_index_parse(text, len, &back, &line), CR_E_MALFORMED);
	free(text);
	cr_index_clear(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_master_list_is_taken_by_its_root),
		cmocka_unit_test(a_master_list_of_somebody_else_is_refused),
		cmocka_unit_test(a_master_list_of_a_revoked_signer_is_refused),
		cmocka_unit_test(a_changed_master_list_is_refused),
		cmocka_unit_test(what_is_no_master_list_is_none),
		cmocka_unit_test(what_does_not_fit_is_left_out_and_told),
		cmocka_unit_test(only_an_index_with_defect_lists_is_of_version_2),
		cmocka_unit_test(a_link_certificate_leads_to_the_root),
		cmocka_unit_test(a_signer_that_only_deviates_is_told_from_a_strangers),
		cmocka_unit_test(certificates_and_lists_are_taken_in_der_and_pem),
		cmocka_unit_test(an_import_twice_is_one),
		cmocka_unit_test(revocation_lists_are_their_issuers_and_the_newest),
		cmocka_unit_test(a_part_of_a_list_pushes_out_no_whole_one),
		cmocka_unit_test(the_pkds_ldif_is_taken),
		cmocka_unit_test(ldif_is_read_as_rfc_2849_says),
		cmocka_unit_test(what_nests_or_does_not_end_is_refused),
		cmocka_unit_test(an_index_is_read_as_it_was_written),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
