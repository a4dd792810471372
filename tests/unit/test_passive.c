// SPDX-License-Identifier: BSD-2-Clause
/* Passive authentication against a state that the test makes itself, right and wrong in every part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "eid/checks.h"
#include "eid/lds.h"
#include "testpki.h"
#include "trust/passive.h"
#include "trust/store.h"

static uint8_t dg1[] = "\x61\x5b\x5f\x1f\x58"
	"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10";
static uint8_t dg2[] = "\x75\x04some", dg14[] = "\x6e\x03" "two";
static uint8_t com[] = {
	0x60, 0x15, 0x5f, 0x01, 0x04, '0', '1', '0', '7', 0x5f, 0x36, 0x06, '0', '4', '0', '0', '0', '0',
	0x5c, 0x03, 0x61, 0x75, 0x6e,
};
static const struct pki_dg dgs[] = {
	{ 1, dg1, sizeof(dg1) - 1 }, { 2, dg2, sizeof(dg2) - 1 }, { 14, dg14, sizeof(dg14) - 1 },
};

/* One state: its authority trusted, its signer's security object. */
struct state {
	EVP_PKEY *ca_key, *key;
	X509 *ca, *signer;
	cr_trust_t *trust;
	struct pki_sod spec;
	uint8_t *sod;
	size_t len;
};

static void make_signer(struct state *s, const struct pki_cert *c)
{
	X509_free(s->signer);
	s->signer = pki_make(c);
	assert_non_null(s->signer);
	s->spec.signer = s->signer;
	s->spec.key = s->key;
}

static void make_sod(struct state *s)
{
	free(s->sod);
	s->sod = pki_make_sod(&s->spec, dgs, 3, &s->len);
	assert_true(s->len > 100);
}

static struct pki_cert signer_of(struct state *s)
{
	return (struct pki_cert){ .country = "UT", .name = "DS", .issuer = s->ca, .key = s->key, .issuer_key = s->ca_key };
}

static void make_state(struct state *s, const char *ca_kind, const char *kind, const char *md, bool pss, bool explicit_params)
{
	struct pki_cert c = { .country = "UT", .name = "CSCA", .ca = true, .md = md, .pss = pss };

	memset(s, 0, sizeof(*s));
	s->ca_key = c.key = pki_key(ca_kind, explicit_params);
	s->key = pki_key(kind, explicit_params);
	assert_non_null(s->ca_key);
	assert_non_null(s->key);
	s->ca = pki_make(&c);
	assert_int_equal(cr_trust_new(&s->trust), 0);
	assert_int_equal(cr_trust_add_cert(s->trust, s->ca), 1);
	c = signer_of(s);
	c.md = md;
	c.pss = pss;
	make_signer(s, &c);
	s->spec.md = md;
	s->spec.pss = pss;
	make_sod(s);
}

static void free_state(struct state *s)
{
	EVP_PKEY_free(s->ca_key);
	EVP_PKEY_free(s->key);
	X509_free(s->ca);
	X509_free(s->signer);
	cr_trust_free(s->trust);
	free(s->sod);
}

static struct cr_file files[5];

static void clear(struct cr_inspection *insp)
{
	free(insp->checks);
	free(insp->reasons);
	free(insp->passive.issuer);
	free(insp->passive.signer);
	free(insp->passive.digest);
	memset(insp, 0, sizeof(*insp));
}

static void run(struct cr_inspection *insp, const uint8_t *sod, size_t len, const cr_trust_t *trust)
{
	memset(insp, 0, sizeof(*insp));
	files[0] = (struct cr_file){ .fid = CR_FID_SOD, .data = (uint8_t *)sod, .len = len };
	files[1] = (struct cr_file){ .fid = CR_FID_DG(1), .data = dg1, .len = sizeof(dg1) - 1 };
	files[2] = (struct cr_file){ .fid = CR_FID_DG(2), .data = dg2, .len = sizeof(dg2) - 1 };
	files[3] = (struct cr_file){ .fid = CR_FID_DG(14), .data = dg14, .len = sizeof(dg14) - 1 };
	files[4] = (struct cr_file){ .fid = CR_FID_COM, .data = com, .len = sizeof(com) };
	insp->files = files;
	insp->n_files = 5;
	assert_int_equal(cr_passive_authenticate(insp, trust, NOW), 0);
}

static const char *detail(struct cr_inspection *insp, enum cr_check_id id)
{
	size_t i;

	assert_int_equal(cr_checks_complete(insp), 0);
	for (i = 0; i < insp->n_checks; i++) {
		if (!strcmp(insp->checks[i].name, cr_check_name(id)))
			return insp->checks[i].detail;
	}
	return "";
}

#define EXPECT(insp, id, want) do { \
		if (cr_check_get(insp, id) != (want)) \
			fail_msg("%s: %s, not %s (%s)", cr_check_name(id), cr_result_name(cr_check_get(insp, id)), \
				 cr_result_name(want), detail(insp, id)); \
	} while (0)

/* The state's object, judged; only the named check is not successful. */
static void expect_state(struct state *s, enum cr_check_id id, enum cr_result want, enum cr_result status)
{
	static const enum cr_check_id all[] = {
		CR_CHECK_SOD_HASH_LIST, CR_CHECK_SOD_SIGNATURE_SECTION, CR_CHECK_SOD_SIGNATURE,
		CR_CHECK_SIGNER_CHAIN, CR_CHECK_SIGNER_VALIDITY, CR_CHECK_DG_HASHES, CR_CHECK_COM_SOD,
	};
	struct cr_inspection insp;
	size_t i;

	run(&insp, s->sod, s->len, s->trust);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		EXPECT(&insp, all[i], all[i] == id ? want : CR_SUCCESSFUL);
	assert_int_equal(insp.passive.status, status);
	clear(&insp);
}

static void genuine(struct state *s)
{
	expect_state(s, CR_CHECK_COUNT, 0, CR_SUCCESSFUL);
}

static void every_algorithm_of_real_issuers_verifies(void **state)
{
	static const struct { const char *ca, *ds, *md; bool pss, explicit_params; } all[] = {
		{ "RSA", "RSA", "SHA1", false, false },
		{ "RSA", "RSA", "SHA224", false, false },
		{ "RSA", "RSA", "SHA256", false, false },
		{ "RSA", "RSA", "SHA512", false, false },
		{ "RSA", "RSA", "SHA1", true, false },
		{ "RSA", "RSA", "SHA256", true, false },
		{ "RSA", "RSA", "SHA512", true, false },
		{ "P-256", "P-256", "SHA1", false, false },
		{ "P-256", "P-256", "SHA256", false, false },
		{ "P-384", "P-256", "SHA384", false, false },
		{ "P-521", "P-384", "SHA512", false, false },
		{ "P-224", "P-224", "SHA224", false, false },
		{ "brainpoolP256r1", "brainpoolP256r1", "SHA256", false, false },
		{ "brainpoolP384r1", "brainpoolP384r1", "SHA384", false, false },
		{ "brainpoolP512r1", "brainpoolP320r1", "SHA512", false, false },
		{ "P-256", "P-256", "SHA256", false, true },
		{ "brainpoolP384r1", "brainpoolP256r1", "SHA256", false, true },
		{ "RSA", "P-256", "SHA256", false, false },
		{ "P-256", "RSA", "SHA256", false, false },
	};
	static const char *const names[][2] = {
		{ "SHA1", "SHA-1" }, { "SHA224", "SHA-224" }, { "SHA256", "SHA-256" }, { "SHA384", "SHA-384" },
		{ "SHA512", "SHA-512" },
	};
	struct cr_inspection insp;
	struct state s;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		make_state(&s, all[i].ca, all[i].ds, all[i].md, all[i].pss, all[i].explicit_params);
		genuine(&s);
		run(&insp, s.sod, s.len, s.trust);
		for (k = 0; k < 5; k++) {
			if (!strcmp(names[k][0], all[i].md))
				assert_string_equal(insp.passive.digest, names[k][1]);
		}
		assert_string_equal(insp.passive.issuer, "CN=CSCA,O=Test,C=UT");
		assert_string_equal(insp.passive.signer, "CN=DS,O=Test,C=UT");
		assert_int_equal(insp.passive.dg[1], CR_DG_MATCH);
		assert_int_equal(insp.passive.dg[3], CR_DG_ABSENT);
		assert_int_equal(insp.passive.dg[14], CR_DG_MATCH);
		EXPECT(&insp, CR_CHECK_SIGNER_REVOCATION, CR_UNDETERMINED);
		clear(&insp);
		free_state(&s);
	}
}

static void variants_of_the_object_are_taken(void **state)
{
	struct cr_inspection insp;
	struct state s;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	s.spec.v1_info = true;
	make_sod(&s);
	genuine(&s);
	s.spec.skid = true;
	make_sod(&s);
	genuine(&s);
	s.spec.content_type = "1.3.27.1.1.1";
	make_sod(&s);
	genuine(&s);
	run(&insp, s.sod, s.len, s.trust);
	assert_non_null(strstr(detail(&insp, CR_CHECK_SOD_PARSE), "1.3.27.1.1.1"));
	clear(&insp);
	s.spec.content_type = "1.2.528.1.1006.1.20.1";
	make_sod(&s);
	genuine(&s);
	s.spec.content_type = "1.2.840.113549.1.7.1";
	make_sod(&s);
	genuine(&s);
	free_state(&s);
}

static void add_raw(X509 *x, const char *oid, const void *der, size_t len)
{
	ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
	X509_EXTENSION *e;

	ASN1_OCTET_STRING_set(v, der, (int)len);
	e = X509_EXTENSION_create_by_OBJ(NULL, o, 0, v);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	ASN1_OBJECT_free(o);
	ASN1_OCTET_STRING_free(v);
}

/* The signer, with one extension more. */
static void make_signer_with(struct state *s, const char *oid, const void *der, size_t len)
{
	struct pki_cert c = signer_of(s);

	make_signer(s, &c);
	add_raw(s->signer, oid, der, len);
	pki_sign(s->signer, s->ca_key, "SHA256", false);
	make_sod(s);
}

/* ICAO 9303-12, 7.1.1.6. */
static void a_signer_signs_documents_of_its_types(void **state)
{
	static const struct { const char *der; size_t len; enum cr_result want; } all[] = {
		{ "\x30\x08\x02\x01\x00\x31\x03\x13\x01P", 10, CR_SUCCESSFUL },
		{ "\x30\x09\x02\x01\x00\x31\x04\x13\x02P<", 11, CR_SUCCESSFUL },
		{ "\x30\x0c\x02\x01\x00\x31\x07\x13\x02ID\x13\x01P", 14, CR_SUCCESSFUL },
		{ "\x30\x09\x02\x01\x00\x31\x04\x13\x02ID", 11, CR_FAILED },
		{ "\x30\x09\x02\x01\x00\x31\x04\x13\x02PD", 11, CR_FAILED },
		{ "\x30\x05\x02\x01\x00\x31\x00", 7, CR_FAILED },
		{ "\x30\x03\x02\x01\x00", 5, CR_UNDETERMINED },
		{ "\x30\x0a\x02\x01\x00\x31\x05\x13\x03PAS", 12, CR_UNDETERMINED },
		{ "\x31\x00", 2, CR_UNDETERMINED },
		{ "\x30\x82", 2, CR_UNDETERMINED },
	};
	struct cr_inspection insp;
	struct state s;
	size_t i;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	run(&insp, s.sod, s.len, s.trust);
	EXPECT(&insp, CR_CHECK_SIGNER_DOCUMENT_TYPE, CR_NOT_SUPPORTED);
	clear(&insp);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		make_signer_with(&s, "2.23.136.1.1.6.2", all[i].der, all[i].len);
		genuine(&s);
		run(&insp, s.sod, s.len, s.trust);
		EXPECT(&insp, CR_CHECK_SIGNER_DOCUMENT_TYPE, all[i].want);
		clear(&insp);
	}
	/* a document that does not say of which type it is, to a signer that has a list */
	run(&insp, s.sod, s.len, s.trust);
	clear(&insp);
	insp.files = files;
	insp.n_files = 5;
	files[1].err = CR_E_CARD_STATUS;
	assert_int_equal(cr_passive_authenticate(&insp, s.trust, NOW), 0);
	EXPECT(&insp, CR_CHECK_SIGNER_DOCUMENT_TYPE, CR_UNDETERMINED);
	clear(&insp);
	free_state(&s);
}

/* privateKeyUsagePeriod against signingTime, which is when the test runs. */
static void a_key_signs_while_it_is_in_use(void **state)
{
	static const struct { int from, to; enum cr_result want; const char *why; } all[] = {
		{ -30, 30, CR_SUCCESSFUL, "" }, { -90, -60, CR_FAILED, "out of use" }, { 30, 60, CR_FAILED, "came into use" },
		{ 0, 30, CR_SUCCESSFUL, "" }, { -9, -2, CR_FAILED, "out of use" }, { 0, -30, CR_FAILED, "out of use" },
	};
	struct cr_inspection insp;
	struct state s;
	char der[64];
	time_t now = time(NULL), t;
	struct tm tm;
	size_t i, n;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	s.spec.no_attr = true;		/* which id-data alone may */
	s.spec.content_type = "1.2.840.113549.1.7.1";
	make_sod(&s);
	genuine(&s);
	run(&insp, s.sod, s.len, s.trust);
	EXPECT(&insp, CR_CHECK_SIGNING_TIME, CR_NOT_SUPPORTED);
	clear(&insp);
	s.spec.no_attr = false;
	s.spec.content_type = NULL;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		n = 2;
		if (all[i].from) {
			t = now + all[i].from * 86400;
			der[n++] = (char)0x80;
			der[n++] = 15;
			n += strftime(der + n, 20, "%Y%m%d%H%M%SZ", gmtime_r(&t, &tm));
		}
		t = now + all[i].to * 86400;
		der[n++] = (char)0x81;
		der[n++] = 15;
		n += strftime(der + n, 20, "%Y%m%d%H%M%SZ", gmtime_r(&t, &tm));
		der[0] = 0x30;
		der[1] = (char)(n - 2);
		make_signer_with(&s, "2.5.29.16", der, n);
		genuine(&s);
		run(&insp, s.sod, s.len, s.trust);
		EXPECT(&insp, CR_CHECK_SIGNING_TIME, all[i].want);
		assert_non_null(strstr(detail(&insp, CR_CHECK_SIGNING_TIME), all[i].why));
		clear(&insp);
	}
	free_state(&s);
}

/* Taken in silence once. */
static void sha1_is_told(void **state)
{
	static const struct { const char *cert, *sig, *lds, *why; } all[] = {
		{ "SHA256", "SHA256", "SHA256", "" }, { "SHA256", "SHA256", "SHA1", "over the data groups" },
		{ "SHA256", "SHA1", "SHA256", "under the signature" }, { "SHA1", "SHA256", "SHA256", "certificate" },
	};
	struct cr_inspection insp;
	struct pki_cert c;
	struct state s;
	size_t i;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	for (i = 0; i < 4; i++) {
		c = signer_of(&s);
		c.md = all[i].cert;
		make_signer(&s, &c);
		s.spec.md = all[i].sig;
		s.spec.lds_md = all[i].lds;
		make_sod(&s);
		genuine(&s);
		run(&insp, s.sod, s.len, s.trust);
		EXPECT(&insp, CR_CHECK_DIGEST, i ? CR_NOT_SUPPORTED : CR_SUCCESSFUL);
		assert_non_null(strstr(detail(&insp, CR_CHECK_DIGEST), all[i].why));
		clear(&insp);
	}
	free_state(&s);
}

static void malformed_objects_are_no_objects(void **state)
{
	struct cr_inspection insp;
	struct state s;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
#define NO_OBJECT(want) do { \
		make_sod(&s); \
		run(&insp, s.sod, s.len, s.trust); \
		EXPECT(&insp, CR_CHECK_SOD_PARSE, want); \
		EXPECT(&insp, CR_CHECK_SOD_SIGNATURE, CR_UNDETERMINED); \
		EXPECT(&insp, CR_CHECK_DG_HASHES, CR_UNDETERMINED); \
		assert_int_not_equal(insp.passive.status, CR_SUCCESSFUL); \
		clear(&insp); \
	} while (0)
	s.spec.content_type = "0.4.0.127.0.7.3.2.1";	/* EF.CardSecurity of the same signer */
	NO_OBJECT(CR_FAILED);
	s.spec.content_type = NULL;
	s.spec.version = 2;
	NO_OBJECT(CR_UNDETERMINED);
	s.spec.version = 0;
	s.spec.short_hash = 2;
	NO_OBJECT(CR_FAILED);
	s.spec.short_hash = 0;
	s.spec.add_hash = 1;		/* twice */
	NO_OBJECT(CR_FAILED);
	s.spec.add_hash = 17;
	NO_OBJECT(CR_FAILED);
	s.spec.add_hash = 255;		/* -1 */
	NO_OBJECT(CR_FAILED);
	s.spec.add_hash = 0;
	s.spec.trailing = 2;
	NO_OBJECT(CR_FAILED);
	free_state(&s);
	make_state(&s, "RSA", "RSA", "SHA256", false, false);
	s.spec.md = "MD5";
	NO_OBJECT(CR_UNDETERMINED);
	s.spec.lds_md = "SHA256";		/* only the signature's, and that of the list of digests */
	make_sod(&s);
	run(&insp, s.sod, s.len, s.trust);
	EXPECT(&insp, CR_CHECK_SOD_PARSE, CR_UNDETERMINED);
	EXPECT(&insp, CR_CHECK_SOD_SIGNATURE, CR_UNDETERMINED);
	EXPECT(&insp, CR_CHECK_DG_HASHES, CR_SUCCESSFUL);
	clear(&insp);
	free_state(&s);
	run(&insp, NULL, 0, NULL);
	EXPECT(&insp, CR_CHECK_SOD_PARSE, CR_UNDETERMINED);
	clear(&insp);
	run(&insp, (const uint8_t *)"", 0, NULL);
	EXPECT(&insp, CR_CHECK_SOD_PARSE, CR_FAILED);
	clear(&insp);
}

static void lists_and_hashes_have_to_agree(void **state)
{
	struct cr_inspection insp;
	struct state s;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	s.spec.add_hash = 10;			/* TR-03105-5.1, LDS_H_45 */
	make_sod(&s);
	expect_state(&s, CR_CHECK_COM_SOD, CR_FAILED, CR_SUCCESSFUL);
	run(&insp, s.sod, s.len, s.trust);
	assert_int_equal(insp.passive.dg[10], CR_DG_UNREAD);
	assert_string_equal(detail(&insp, CR_CHECK_COM_SOD), "DG10");
	clear(&insp);
	s.spec.add_hash = 0;
	s.spec.drop_hash = 14;			/* on the chip, and nobody signed it */
	make_sod(&s);
	run(&insp, s.sod, s.len, s.trust);
	EXPECT(&insp, CR_CHECK_DG_HASHES, CR_FAILED);
	EXPECT(&insp, CR_CHECK_COM_SOD, CR_FAILED);
	assert_int_equal(insp.passive.dg[14], CR_DG_UNHASHED);
	clear(&insp);
	free_state(&s);
}

static void what_was_not_read_is_not_proven(void **state)
{
	struct cr_inspection insp;
	struct state s;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	run(&insp, s.sod, s.len, s.trust);
	clear(&insp);
	insp.files = files;
	insp.n_files = 5;
	files[1].err = CR_E_CARD_STATUS;		/* DG1 */
	files[3].err = CR_E_CARD_STATUS;
	files[3].sw = 0x6982;
	files[4].err = CR_E_CARD_STATUS;		/* EF.COM */
	assert_int_equal(cr_passive_authenticate(&insp, s.trust, NOW), 0);
	EXPECT(&insp, CR_CHECK_DG_HASHES, CR_UNDETERMINED);
	EXPECT(&insp, CR_CHECK_COM_SOD, CR_NOT_SUPPORTED);
	assert_int_equal(insp.passive.dg[1], CR_DG_UNREAD);
	assert_int_equal(insp.passive.dg[2], CR_DG_MATCH);
	assert_int_equal(insp.passive.dg[14], CR_DG_LOCKED);
	clear(&insp);
	free_state(&s);
}

static void every_changed_byte_of_a_group_shows(void **state)
{
	uint8_t *const data[] = { dg1, dg2, dg14 };
	struct cr_inspection insp;
	struct state s;
	size_t i, k;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	for (i = 0; i < 3; i++) {
		for (k = 0; k < dgs[i].len; k++) {
			data[i][k] ^= 0x20;
			run(&insp, s.sod, s.len, s.trust);
			EXPECT(&insp, CR_CHECK_DG_HASHES, CR_FAILED);
			assert_int_equal(insp.passive.dg[dgs[i].number], CR_DG_MISMATCH);
			clear(&insp);
			data[i][k] ^= 0x20;
		}
	}
	genuine(&s);
	free_state(&s);
}

/* Flips each byte of the object: what it covers is then wrong somewhere, or the change had no meaning. */
static void every_changed_byte_of_the_object_shows(void **state)
{
	struct cr_inspection insp;
	struct state s;
	size_t i, meaningless = 0;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	for (i = 0; i < s.len; i++) {
		s.sod[i] ^= 0x01;
		run(&insp, s.sod, s.len, s.trust);
		if (insp.passive.status == CR_SUCCESSFUL)
			meaningless++;
		clear(&insp);
		s.sod[i] ^= 0x01;
	}
	/* versions and the list of digest algorithms, which nothing signs and nothing uses */
	assert_true(meaningless <= 20);
	free_state(&s);
}

static void a_truncated_object_is_never_right(void **state)
{
	struct cr_inspection insp;
	struct state s;
	uint8_t *copy;
	size_t n;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	for (n = 0; n < s.len; n++) {
		copy = malloc(n + 1);
		memcpy(copy, s.sod, n);
		run(&insp, copy, n, s.trust);
		EXPECT(&insp, CR_CHECK_SOD_PARSE, CR_FAILED);
		assert_int_equal(insp.passive.status, CR_FAILED);
		clear(&insp);
		/* and with an outer length that fits what is left */
		if (n > 4 && s.sod[1] == 0x82) {
			copy[2] = (uint8_t)((n - 4) >> 8);
			copy[3] = (uint8_t)(n - 4);
			run(&insp, copy, n, s.trust);
			EXPECT(&insp, CR_CHECK_SOD_PARSE, CR_FAILED);
			clear(&insp);
		}
		free(copy);
	}
	s.sod = realloc(s.sod, s.len + 1);
	s.sod[s.len] = 0;
	run(&insp, s.sod, s.len + 1, s.trust);
	EXPECT(&insp, CR_CHECK_SOD_PARSE, CR_FAILED);
	clear(&insp);
	free_state(&s);
}

/* BER: lengths without an end, and objects in each other, a thousand and fifty thousand deep. */
static void what_nests_or_does_not_end_is_no_object(void **state)
{
	static const size_t depths[] = { 20, 40, 1000, 15000 };
	struct cr_inspection insp;
	uint8_t *sod = calloc(1, 65536), *p;
	size_t i, k, len;

	(void)state;
	for (i = 0; i < 8; i++) {
		len = depths[i / 2] * 4;
		p = sod;
		*p++ = 0x77;
		*p++ = 0x82;
		*p++ = (uint8_t)(len >> 8);
		*p++ = (uint8_t)len;
		for (k = 0; k < depths[i / 2]; k++) {	/* begun and ended, or begun alone */
			p[2 * k] = i & 1 ? 0x24 : 0x30;
			p[2 * k + 1] = 0x80;
		}
		memset(p + len / 2, 0, len / 2);
		run(&insp, sod, len + 4, NULL);
		EXPECT(&insp, CR_CHECK_SOD_PARSE, CR_FAILED);
		clear(&insp);
		sod[1] = 0x81;
		sod[2] = 0xff;
		run(&insp, sod, len < 255 ? len + 3 : 258, NULL);
		EXPECT(&insp, CR_CHECK_SOD_PARSE, CR_FAILED);
		clear(&insp);
	}
	free(sod);
}

static void no_mutation_is_out_of_bounds_or_right(void **state)
{
	struct cr_inspection insp;
	struct state s;
	uint32_t x = 11;
	uint8_t *copy;
	size_t k;
	int round;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	for (round = 0; round < 5000; round++) {
		copy = malloc(s.len);
		memcpy(copy, s.sod, s.len);
		for (k = 0; k < 1 + (size_t)round % 3; k++) {
			x = x * 1664525u + 1013904223u;
			copy[(x >> 8) % s.len] = (uint8_t)(x >> 24);
		}
		run(&insp, copy, s.len, s.trust);
		clear(&insp);
		free(copy);
	}
	free_state(&s);
}

static void another_signer_is_not_the_signer(void **state)
{
	EVP_PKEY *key = pki_key("P-256", false);
	struct cr_inspection insp;
	struct state s;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	/* the signer's certificate, somebody else's key */
	{
		struct pki_cert c = signer_of(&s);
		X509 *mine;

		c.key = key;
		c.issuer_key = key;
		c.serial = ASN1_INTEGER_get(X509_get0_serialNumber(s.signer));
		mine = pki_make(&c);
		/* the object names issuer and serial of the true one, which is put in its place */
		s.spec.signer = mine;
		s.spec.key = key;
		s.spec.no_cert = true;
		s.spec.more = sk_X509_new_null();
		sk_X509_push(s.spec.more, s.signer);
		make_sod(&s);
		run(&insp, s.sod, s.len, s.trust);
		EXPECT(&insp, CR_CHECK_SOD_SIGNATURE, CR_FAILED);
		EXPECT(&insp, CR_CHECK_SIGNER_CHAIN, CR_SUCCESSFUL);
		assert_int_equal(insp.passive.status, CR_FAILED);
		clear(&insp);
		sk_X509_free(s.spec.more);
		s.spec.more = NULL;
		X509_free(mine);
	}
	/* no certificate at all, then the folder has it (TR-03135-1, 5.8.4.2.1) */
	s.spec = (struct pki_sod){ .signer = s.signer, .key = s.key, .no_cert = true };
	make_sod(&s);
	run(&insp, s.sod, s.len, s.trust);
	EXPECT(&insp, CR_CHECK_SOD_SIGNATURE, CR_UNDETERMINED);
	EXPECT(&insp, CR_CHECK_SIGNER_CHAIN, CR_UNDETERMINED);
	assert_int_equal(insp.passive.status, CR_UNDETERMINED);
	clear(&insp);
	assert_int_equal(cr_trust_add_cert(s.trust, s.signer), 1);
	genuine(&s);
	run(&insp, s.sod, s.len, s.trust);
	EXPECT(&insp, CR_CHECK_SOD_CERTIFICATE, CR_FAILED);
	EXPECT(&insp, CR_CHECK_SOD_PARSE, CR_FAILED);
	clear(&insp);
	free_state(&s);
	EVP_PKEY_free(key);
}

static int openssl_says(const struct state *s)
{
	char cmd[512], cms[64], ca[64];
	FILE *f;
	int r;

	snprintf(cms, sizeof(cms), "/tmp/cr-test-%d.cms", getpid());
	snprintf(ca, sizeof(ca), "/tmp/cr-test-%d.pem", getpid());
	f = fopen(cms, "wb");
	assert_non_null(f);
	assert_int_equal(s->sod[1], 0x82);
	fwrite(s->sod + 4, 1, s->len - 4, f);
	fclose(f);
	f = fopen(ca, "wb");
	assert_non_null(f);
	PEM_write_X509(f, s->ca);
	fclose(f);
	snprintf(cmd, sizeof(cmd), "openssl cms -verify -inform DER -in %s -CAfile %s -purpose any -attime %ld "
		 "-out /dev/null 2>/dev/null", cms, ca, NOW);
	r = system(cmd);
	unlink(cms);
	unlink(ca);
	return r;
}

static void the_openssl_command_agrees(void **state)
{
	struct cr_inspection insp;
	struct state s;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	genuine(&s);
	assert_int_equal(openssl_says(&s), 0);
	s.sod[s.len - 1] ^= 1;			/* the signature's last byte */
	run(&insp, s.sod, s.len, s.trust);
	EXPECT(&insp, CR_CHECK_SOD_SIGNATURE, CR_FAILED);
	clear(&insp);
	assert_int_not_equal(openssl_says(&s), 0);
	free_state(&s);
}

static void a_signer_signs_for_its_own_state(void **state)
{
	struct cr_inspection insp;
	struct state s;
	struct pki_cert c = { .country = "DE", .name = "CSCA", .ca = true };

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	X509_free(s.ca);
	c.key = s.ca_key;
	s.ca = pki_make(&c);
	cr_trust_add_cert(s.trust, s.ca);
	c = signer_of(&s);
	c.country = "DE";
	make_signer(&s, &c);
	make_sod(&s);
	run(&insp, s.sod, s.len, s.trust);
	EXPECT(&insp, CR_CHECK_SOD_SIGNATURE, CR_SUCCESSFUL);
	EXPECT(&insp, CR_CHECK_SIGNER_CHAIN, CR_SUCCESSFUL);
	EXPECT(&insp, CR_CHECK_COUNTRY_ISSUER_MRZ, CR_FAILED);
	EXPECT(&insp, CR_CHECK_COUNTRY_SUBJECT_MRZ, CR_FAILED);
	EXPECT(&insp, CR_CHECK_COUNTRY_SUBJECT_ISSUER, CR_SUCCESSFUL);
	assert_int_equal(insp.passive.status, CR_FAILED);
	assert_int_equal(cr_checks_judge(&insp), 0);
	assert_int_equal(insp.verdict, CR_FORGED);
	clear(&insp);
	free_state(&s);
}

static const struct cr_reason *reason(const struct cr_inspection *insp, const char *code)
{
	for (size_t i = 0; i < insp->n_reasons; i++)
		if (!strcmp(insp->reasons[i].code, code))
			return &insp->reasons[i];
	return NULL;
}

/* A signer that was traced to a trusted issuer is not said not to have been; proven it is not. */
static void a_signer_that_was_traced_is_told_from_a_strangers(void **state)
{
	static const char *const codes[] = { "issuer-unknown", "signer-form", "signer-state-unchecked", "signer-doubted" };
	enum { STRANGER, FORM, NO_DG1, DOUBTED, CASES };
	struct cr_inspection insp;
	struct pki_cert c;
	struct state s;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	for (int i = 0; i < CASES; i++) {
		c = signer_of(&s);
		c.no_akid = i == FORM;
		make_signer(&s, &c);
		make_sod(&s);
		run(&insp, s.sod, s.len, i == STRANGER ? NULL : s.trust);
		if (i == NO_DG1) {
			clear(&insp);
			insp.files = files;
			insp.n_files = 5;
			files[1].err = CR_E_CARD_STATUS;
			assert_int_equal(cr_passive_authenticate(&insp, s.trust, NOW), 0);
		}
		if (i == DOUBTED)
			insp.defects = 1U << CR_DEFECT_SIGNER_DOUBTED;
		assert_int_equal(cr_checks_judge(&insp), 0);
		assert_int_equal(insp.verdict, CR_UNPROVEN);
		for (int k = 0; k < CASES; k++)
			if (!reason(&insp, codes[k]) != (k != i))
				fail_msg("%d: %s", i, codes[k]);
		if (i == FORM)
			assert_string_equal(reason(&insp, codes[i])->detail,
					    "the signer's certificate does not identify the key that signed it");
		clear(&insp);
	}
	free_state(&s);
}

/* A trusted authority of one state certifies a key under another state's name, and that key a signer. */
static void a_state_cannot_lend_its_name_to_another(void **state)
{
	struct cr_inspection insp;
	struct state s;
	struct pki_cert c = { .country = "DE", .name = "Else", .ca = true };
	EVP_PKEY *else_key = pki_key("P-256", false);
	X509 *else_ca, *lent;
	int own;

	(void)state;
	c.key = else_key;
	else_ca = pki_make(&c);
	for (own = 0; own < 2; own++) {
		make_state(&s, "P-256", "P-256", "SHA256", false, false);
		cr_trust_free(s.trust);
		assert_int_equal(cr_trust_new(&s.trust), 0);
		assert_int_equal(cr_trust_add_cert(s.trust, own ? s.ca : else_ca), 1);
		c = (struct pki_cert){ .country = "UT", .name = "CSCA 2", .ca = true, .key = s.key,
				       .issuer = own ? s.ca : else_ca, .issuer_key = own ? s.ca_key : else_key };
		lent = pki_make(&c);
		c = signer_of(&s);
		c.issuer = lent;
		c.issuer_key = s.key;
		make_signer(&s, &c);
		s.spec.more = sk_X509_new_null();
		sk_X509_push(s.spec.more, lent);
		make_sod(&s);
		run(&insp, s.sod, s.len, s.trust);
		EXPECT(&insp, CR_CHECK_SOD_SIGNATURE, CR_SUCCESSFUL);
		EXPECT(&insp, CR_CHECK_SIGNER_CHAIN, own ? CR_SUCCESSFUL : CR_FAILED);
		clear(&insp);
		sk_X509_pop_free(s.spec.more, X509_free);
		free_state(&s);
	}
	X509_free(else_ca);
	EVP_PKEY_free(else_key);
}

/* Whoever makes an object names its signer: U+009B is a terminal's control sequence, U+202E turns text round. */
static void names_of_signers_are_harmless(void **state)
{
	static const char *const names[] = { "a\xc2\x9b" "31mb", "a\xe2\x80\xae" "b", "a\x1b[31mb", "a\nb" };
	struct cr_inspection insp;
	struct pki_cert c;
	struct state s;
	size_t i;

	(void)state;
	make_state(&s, "P-256", "P-256", "SHA256", false, false);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		c = signer_of(&s);
		c.name = names[i];
		make_signer(&s, &c);
		make_sod(&s);
		run(&insp, s.sod, s.len, s.trust);
		EXPECT(&insp, CR_CHECK_SOD_SIGNATURE, CR_SUCCESSFUL);
		assert_non_null(insp.passive.signer);
		assert_true(strspn(insp.passive.signer, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789=,\\[]+ ") == strlen(insp.passive.signer));
		clear(&insp);
	}
	/* and still in its own letters */
	c = signer_of(&s);
	c.name = "B\xe1\xbb\x99 C\xc3\xb4ng an";
	make_signer(&s, &c);
	make_sod(&s);
	run(&insp, s.sod, s.len, s.trust);
	assert_non_null(strstr(insp.passive.signer, c.name));
	clear(&insp);
	free_state(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_algorithm_of_real_issuers_verifies),
		cmocka_unit_test(variants_of_the_object_are_taken),
		cmocka_unit_test(a_signer_signs_documents_of_its_types),
		cmocka_unit_test(a_key_signs_while_it_is_in_use),
		cmocka_unit_test(sha1_is_told),
		cmocka_unit_test(malformed_objects_are_no_objects),
		cmocka_unit_test(lists_and_hashes_have_to_agree),
		cmocka_unit_test(what_was_not_read_is_not_proven),
		cmocka_unit_test(every_changed_byte_of_a_group_shows),
		cmocka_unit_test(every_changed_byte_of_the_object_shows),
		cmocka_unit_test(a_truncated_object_is_never_right),
		cmocka_unit_test(what_nests_or_does_not_end_is_no_object),
		cmocka_unit_test(no_mutation_is_out_of_bounds_or_right),
		cmocka_unit_test(another_signer_is_not_the_signer),
		cmocka_unit_test(the_openssl_command_agrees),
		cmocka_unit_test(a_signer_that_was_traced_is_told_from_a_strangers),
		cmocka_unit_test(a_signer_signs_for_its_own_state),
		cmocka_unit_test(names_of_signers_are_harmless),
		cmocka_unit_test(a_state_cannot_lend_its_name_to_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
