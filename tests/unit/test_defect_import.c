// SPDX-License-Identifier: BSD-2-Clause
/* Defect lists: whose are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>
#include "testdefect.h"
#include "trust/import.h"

/* A list that revokes ds, signed as sign says (content and type are put in); or plain, where sign is NULL. */
static uint8_t *make_file(struct pki_list *sign, size_t *len)
{
	const struct dfl_known known[] = { KNOWN("1.1", code3) };
	const struct dfl_entry e = { .ds = ds, .known = known, .n = 1 };
	const struct dfl l = { .entries = &e, .n = 1 };
	struct cr_buf b;
	uint8_t *file;

	cr_buf_init(&b);
	dfl_put(&b, &l);
	if (sign) {
		sign->content = &b;
		sign->content_type = ID_DEFECT_LIST;
		file = pki_make_list(sign, len);
	} else {
		file = malloc(b.len);
		memcpy(file, b.data, b.len);
		*len = b.len;
	}
	cr_buf_free(&b);
	return file;
}

static struct pki_list by_lister(void)
{
	return (struct pki_list){ .signer = lister, .key = list_key, .description = "Internal", .signed_at = -3600 };
}

/* Against this root (NULL: none), and then against the store. The index is empty. */
static int import(struct cr_import *im, X509 *root, const cr_trust_t *store, const uint8_t *data, size_t len)
{
	struct cr_index none = { 0 };
	cr_trust_t *roots = store_of(root), *empty = store_of(NULL);
	int r;

	cr_import_init(im, roots, NOW);
	r = cr_import_file(im, "file", data, len);
	assert_int_equal(!r, !im->why[0]);
	if (!r)
		assert_int_equal(cr_import_finish(im, &none, store ? store : empty), 0);
	cr_trust_free(roots);
	cr_trust_free(empty);
	im->roots = NULL;
	return r;
}

#define REFUSED(root, data, len, text) do { \
		struct cr_import im_; \
		assert_true(import(&im_, root, NULL, data, len) < 0); \
		if (!strstr(im_.why, text)) \
			fail_msg("\"%s\" is not in \"%s\"", text, im_.why); \
		assert_int_equal(im_.n_found, 0); \
		cr_import_clear(&im_); \
	} while (0)

/* OpenSSL's own command says the same of it. */
static void openssl_verifies(const uint8_t *data, size_t len)
{
	char path[] = "/tmp/cr-dfl-XXXXXX", root[] = "/tmp/cr-dfl-XXXXXX", command[256];
	int fd = mkstemp(path), root_fd = mkstemp(root);
	FILE *f = fdopen(fd, "w"), *g = fdopen(root_fd, "w");

	assert_int_equal(fwrite(data, 1, len, f), len);
	PEM_write_X509(g, ca);
	fclose(f);
	fclose(g);
	snprintf(command, sizeof(command),
		 "openssl cms -verify -binary -inform DER -in %s -CAfile %s -purpose any -no_check_time -out /dev/null 2>/dev/null",
		 path, root);
	assert_int_equal(system(command), 0);
	remove(path);
	remove(root);
}

static void a_signed_list_is_taken_by_its_root(void **state)
{
	struct pki_list s = by_lister();
	struct cr_defect_list *list;
	struct cr_import im;
	char why[160];
	uint8_t *file;
	size_t len, i;

	(void)state;
	for (i = 0; i < 4; i++) {
		s.skid = i & 1;
		s.pem = i & 2;
		file = make_file(&s, &len);
		assert_int_equal(import(&im, ca, NULL, file, len), 0);
		assert_int_equal(im.n_add, 1);
		assert_int_equal(im.n_skips, 0);
		assert_int_equal(im.add[0].info.kind, CR_CERT_DEFECTS);
		assert_string_equal(im.add[0].info.state, "UT");
		assert_string_equal(im.add[0].name, "CN=DFL,O=Test,C=UT");
		assert_int_equal(strncmp(im.add[0].file, "UT-dfl-2026-09-21-", 18), 0);
		assert_string_equal(im.add[0].file + strlen(im.add[0].file) - 4, ".dfl");
		assert_string_equal(im.add[0].info.from, "2026-09-21T13:13:20Z");
		cr_import_clear(&im);
		if (!s.pem) {
			openssl_verifies(file, len);
			assert_int_equal(cr_defect_list_read(file, len, &list, why), 0);
			assert_string_equal(list->description, "Internal");
			assert_string_equal(list->issuer, "CN=CSCA,O=Test,C=UT");
			assert_int_equal(list->dfl.n, 1);
			cr_defect_list_free(list);
		}
		free(file);
	}
}

static void a_list_of_somebody_else_is_refused(void **state)
{
	struct pki_cert c = { .country = "UT", .name = "DFL", .issuer = ca, .key = list_key, .issuer_key = ca_key };
	struct pki_list s = by_lister();
	struct cr_import im;
	uint8_t *file;
	size_t len, n;
	X509 *x;

	(void)state;
	file = make_file(&s, &len);
	REFUSED(NULL, file, len, "needs --root");
	REFUSED(other, file, len, "no trusted issuer certificate");
	for (n = 1; n < len; n += 7)
		REFUSED(ca, file, n, "it is no certificate");
	free(file);
	/* its signer's certificate has to be for that, unless it is what the user names */
	x = pki_make(&c);
	s.signer = x;
	file = make_file(&s, &len);
	REFUSED(ca, file, len, "not for defect lists");
	assert_int_equal(import(&im, x, NULL, file, len), 0);
	assert_int_equal(im.n_add, 1);
	cr_import_clear(&im);
	free(file);
	X509_free(x);
	c.eku = "critical,2.23.136.1.1.3";
	x = pki_make(&c);
	s.signer = x;
	file = make_file(&s, &len);
	REFUSED(ca, file, len, "not for defect lists");
	free(file);
	X509_free(x);
	c.eku = EKU_DEFECT_LIST;
	c.to = -3600;
	x = pki_make(&c);
	s.signer = x;
	file = make_file(&s, &len);
	REFUSED(ca, file, len, "has expired");
	REFUSED(x, file, len, "has expired");
	free(file);
	X509_free(x);
	s = by_lister();
	s.no_cert = true;
	file = make_file(&s, &len);
	REFUSED(ca, file, len, "certificate is not there");
	free(file);
	/* the signer's name, and another key */
	s = by_lister();
	s.key = other_key;
	c.to = 0;
	c.key = other_key;
	c.serial = ASN1_INTEGER_get(X509_get0_serialNumber(lister));
	x = pki_make(&c);
	s.signer = x;
	s.no_cert = true;
	s.more = lister;
	file = make_file(&s, &len);
	REFUSED(ca, file, len, "signature does not verify");
	free(file);
	X509_free(x);
}

/* Changed in any byte, it is refused, or says the same. */
static void a_changed_list_is_refused(void **state)
{
	struct pki_list s = by_lister();
	struct cr_defect_list *list;
	char why[160];
	size_t len, n, taken = 0;
	uint8_t *file;

	(void)state;
	file = make_file(&s, &len);
	for (n = 0; n < len; n++) {
		file[n] ^= 0x04;
		if (!cr_defect_list_read(file, len, &list, why)) {
			taken++;
			assert_int_equal(list->dfl.n, 1);
			assert_int_equal(list->dfl.all[0].known[0].code, 3);
			assert_true(cr_dfl_entry_is_of(&list->dfl, &list->dfl.all[0], ds, NULL));
			cr_defect_list_free(list);
		} else {
			assert_null(list);
		}
		file[n] ^= 0x04;
	}
	/* the certificate has a signature of its own, which whoever authorizes the list looks at */
	assert_true(taken < len / 2);
	free(file);
}

static void a_list_of_a_revoked_signer_is_refused(void **state)
{
	struct pki_list s = by_lister();
	cr_trust_t *roots = store_of(ca);
	X509_CRL *crl = pki_crl(ca, ca_key, lister, -86400, 86400);
	struct cr_import im;
	uint8_t *file;
	size_t len;

	(void)state;
	file = make_file(&s, &len);
	assert_int_equal(cr_trust_add_crl(roots, crl), 1);
	cr_import_init(&im, roots, NOW);
	assert_int_equal(cr_import_file(&im, "file", file, len), CR_E_CRYPTO);
	assert_non_null(strstr(im.why, "was revoked"));
	cr_import_clear(&im);
	cr_trust_free(roots);
	X509_CRL_free(crl);
	free(file);
}

/* Bare DER, in a file of its own, and nowhere else. */
static void a_plain_list_is_taken_and_is_unsigned(void **state)
{
	struct cr_import im;
	uint8_t *file;
	size_t len;
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long n;

	(void)state;
	file = make_file(NULL, &len);
	assert_int_equal(import(&im, NULL, NULL, file, len), 0);
	assert_int_equal(im.n_add, 1);
	assert_string_equal(im.add[0].name, "unsigned");
	assert_string_equal(im.add[0].info.until, "");
	assert_int_equal(strncmp(im.add[0].file, "unsigned-dfl-", 13), 0);
	cr_import_clear(&im);
	PEM_write_bio(bio, "CMS", "", file, (long)len);
	n = BIO_get_mem_data(bio, &pem);
	REFUSED(ca, (uint8_t *)pem, (size_t)n, "it is not a signed master list");
	BIO_free(bio);
	free(file);
}

static struct cr_defect_list *list_of(struct pki_list *s)
{
	struct cr_defect_list *list;
	char why[160];
	uint8_t *file;
	size_t len;

	file = make_file(s, &len);
	assert_int_equal(cr_defect_list_read(file, len, &list, why), 0);
	free(file);
	return list;
}

static void a_newer_list_takes_the_place_of_an_older(void **state)
{
	struct pki_list s = by_lister();
	struct cr_defect_list *old;
	cr_trust_t *store = store_of(ca), *roots = store_of(ca);
	struct cr_index index = { 0 };
	struct cr_import im;
	uint8_t *file;
	size_t len;
	int i;

	(void)state;
	s.signed_at = -7200;
	old = list_of(&s);
	assert_int_equal(cr_trust_add_list(store, old), 1);
	assert_int_equal(cr_trust_add_list(store, old), 0);
	assert_int_equal(cr_index_add(&index, "UT-dfl-old.dfl", &old->info, "file", "name"), 0);
	for (i = 0; i < 4; i++) {
		s = by_lister();
		s.signed_at = i == 1 ? -86400 : -3600;
		s.description = i == 2 ? "External" : "Internal";
		file = make_file(i == 3 ? NULL : &s, &len);
		cr_import_init(&im, roots, NOW);
		assert_int_equal(cr_import_file(&im, "file", file, len), 0);
		assert_int_equal(cr_import_finish(&im, &index, store), 0);
		/* newer; older; of another kind; nobody's */
		assert_int_equal(im.n_add, i != 1);
		assert_int_equal(im.n_drop, i == 0);
		assert_int_equal(im.n_skips, i == 1);
		if (i == 1)
			assert_non_null(strstr(im.skips[0].why, "newer defect list"));
		cr_import_clear(&im);
		free(file);
	}
	cr_index_clear(&index);
	cr_defect_list_free(old);
	cr_trust_free(store);
	cr_trust_free(roots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signed_list_is_taken_by_its_root),
		cmocka_unit_test(a_list_of_somebody_else_is_refused),
		cmocka_unit_test(a_changed_list_is_refused),
		cmocka_unit_test(a_list_of_a_revoked_signer_is_refused),
		cmocka_unit_test(a_plain_list_is_taken_and_is_unsigned),
		cmocka_unit_test(a_newer_list_takes_the_place_of_an_older),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
