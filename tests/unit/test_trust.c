// SPDX-License-Identifier: BSD-2-Clause
/* The store of trusted issuers, and the chain from a document signer to one of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "testpki.h"
#include "trust/chain.h"
#include "trust/country.h"
#include "trust/sigalg.h"
#include "trust/signerid.h"
#include "trust/store.h"

static EVP_PKEY *ca_key, *ds_key, *other_key;
static X509 *ca;

static struct pki_cert authority(EVP_PKEY *key)
{
	return (struct pki_cert){ .country = "VN", .name = "CSCA", .ca = true, .key = key };
}

static struct pki_cert signer(void)
{
	return (struct pki_cert){ .country = "VN", .name = "DS", .issuer = ca, .key = ds_key, .issuer_key = ca_key };
}

static int setup(void **state)
{
	struct pki_cert c;

	(void)state;
	ca_key = pki_key("P-256", false);
	ds_key = pki_key("P-256", false);
	other_key = pki_key("P-256", false);
	c = authority(ca_key);
	ca = pki_make(&c);
	return !ca;
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(ds_key);
	EVP_PKEY_free(other_key);
	X509_free(ca);
	return 0;
}

/* Takes the certificates and lists over. */
static cr_trust_t *store(X509 *a, X509 *b, X509_CRL *crl)
{
	cr_trust_t *t;

	assert_int_equal(cr_trust_new(&t), 0);
	if (a)
		assert_true(cr_trust_add_cert(t, a) >= 0);
	if (b)
		assert_true(cr_trust_add_cert(t, b) >= 0);
	if (crl)
		assert_int_equal(cr_trust_add_crl(t, crl), 1);
	X509_CRL_free(crl);
	return t;
}

static enum cr_result chain(const struct pki_cert *c, const cr_trust_t *t, const char *why)
{
	struct cr_chain ch;
	X509 *x = pki_make(c);

	assert_non_null(x);
	cr_chain_build(x, NULL, t, NOW, &ch);
	if (why && !strstr(ch.why, why))
		fail_msg("\"%s\" is not in \"%s\"", why, ch.why);
	assert_true(ch.result == CR_SUCCESSFUL || ch.why[0]);
	assert_int_equal(ch.result == CR_SUCCESSFUL && !ch.anchored, 0);
	X509_free(x);
	return ch.result;
}

static void a_signer_leads_to_its_issuer(void **state)
{
	cr_trust_t *t = store(ca, NULL, NULL), *none = store(NULL, NULL, NULL);
	struct pki_cert c = signer();

	(void)state;
	assert_int_equal(chain(&c, t, NULL), CR_SUCCESSFUL);
	c.no_akid = true;	/* it leads there, and is not what 9303-12, 7.1.1 has */
	assert_int_equal(chain(&c, t, "does not identify the key"), CR_UNDETERMINED);
	assert_int_equal(chain(&c, none, "no trusted issuer certificate for CN=CSCA"), CR_UNDETERMINED);
	assert_int_equal(chain(&c, NULL, NULL), CR_UNDETERMINED);
	cr_trust_free(t);
	cr_trust_free(none);
}

/* The cases of chain.c's opening comment. */
static void an_impostor_is_told_from_a_new_key(void **state)
{
	struct pki_cert c = authority(other_key), d = signer();
	X509 *rogue = pki_make(&c), *copy, *stranger;
	cr_trust_t *t = store(ca, NULL, NULL), *listed;

	(void)state;
	/* name and key identifier of the trusted issuer, another key */
	c.skid = X509_get0_subject_key_id(ca);
	copy = pki_make(&c);
	d.issuer = copy;
	d.issuer_key = other_key;
	assert_int_equal(chain(&d, t, "whose key did not sign"), CR_FAILED);
	/* the name, and no key identifier */
	d.issuer = rogue;
	d.no_akid = true;
	assert_int_equal(chain(&d, t, "whose key did not sign"), CR_FAILED);
	/* the name, and another key's identifier: last year's list does not know this year's key */
	d.no_akid = false;
	assert_int_equal(chain(&d, t, "of other keys"), CR_UNDETERMINED);
	/* but where the issuer's list of today is by the old key, there was no new one */
	listed = store(ca, NULL, pki_crl(ca, ca_key, NULL, -86400, 86400));
	assert_int_equal(chain(&d, listed, "no other key"), CR_FAILED);
	/* unless the certificate is newer than the list */
	d.from = -3600;
	assert_int_equal(chain(&d, listed, "of other keys"), CR_UNDETERMINED);
	d.from = 0;
	cr_trust_free(listed);
	/* yesterday's list, and one that the impostor signed, show nothing */
	listed = store(ca, NULL, pki_crl(ca, ca_key, NULL, -86400 * 2, -86400));
	assert_int_equal(chain(&d, listed, "of other keys"), CR_UNDETERMINED);
	cr_trust_free(listed);
	listed = store(ca, NULL, pki_crl(ca, other_key, NULL, -86400, 86400));
	assert_int_equal(chain(&d, listed, "of other keys"), CR_UNDETERMINED);
	cr_trust_free(listed);
	/* the new key becomes known */
	listed = store(ca, rogue, NULL);
	assert_int_equal(chain(&d, listed, NULL), CR_SUCCESSFUL);
	cr_trust_free(listed);
	/* a name that nobody knows */
	c = authority(other_key);
	c.name = "Stranger";
	stranger = pki_make(&c);
	d.issuer = stranger;
	assert_int_equal(chain(&d, t, "no trusted issuer certificate for CN=Stranger"), CR_UNDETERMINED);
	/* signed by the trusted key under another name: TR-03105-5.1, LDS_H_54 */
	d = signer();
	d.issuer_name = "Stranger";
	assert_int_equal(chain(&d, t, "another issuer's name"), CR_UNDETERMINED);
	cr_trust_free(t);
	X509_free(rogue);
	X509_free(copy);
	X509_free(stranger);
}

static void a_signer_is_a_signer_of_documents(void **state)
{
	cr_trust_t *t = store(ca, NULL, NULL);
	struct pki_cert c = signer();

	(void)state;
	c.usage = "critical,keyEncipherment";
	assert_int_equal(chain(&c, t, "not for signatures"), CR_FAILED);
	c.usage = "";		/* 9303-12, 7.1.1: the extension is REQUIRED; early documents lack it */
	assert_int_equal(chain(&c, t, "does not say what its key is for"), CR_UNDETERMINED);
	c = signer();
	c.ca = true;
	c.usage = "critical,digitalSignature,keyCertSign";
	assert_int_equal(chain(&c, t, "authority"), CR_FAILED);
	c = signer();
	c.eku = "2.23.136.1.1.3";
	assert_int_equal(chain(&c, t, "not for documents"), CR_FAILED);
	c = signer();
	c.critical = true;
	assert_int_equal(chain(&c, t, "critical extension"), CR_FAILED);
	c = signer();
	c.md = "MD5";
	assert_int_equal(chain(&c, t, NULL), CR_UNDETERMINED);
	cr_trust_free(t);
}

/* ICAO 9303-12, 7.1.1: a document signer has no extended key usage, all others that a CSCA certifies have. */
static void keys_for_other_purposes_sign_no_documents(void **state)
{
	static const char *const others[] = {
		"2.23.136.1.1.3", "2.23.136.1.1.8",	/* master lists, deviation lists */
		"2.23.136.1.1.14.2",			/* visible digital seals: health certificates */
		"2.23.136.1.1.9.8.1",			/* entry and exit stamps */
		"2.23.136.1.1.10.2", "serverAuth", "clientAuth",
		"anyExtendedKeyUsage,2.23.136.1.1.14.2",
	};
	cr_trust_t *t = store(ca, NULL, NULL);
	struct pki_cert c = signer();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		c.eku = others[i];
		assert_int_equal(chain(&c, t, "not for documents"), CR_FAILED);
	}
	/* no purpose that anybody knows, nor that of documents */
	c.eku = "1.2.3.4";
	assert_int_equal(chain(&c, t, "other purposes"), CR_UNDETERMINED);
	c.eku = "anyExtendedKeyUsage";
	assert_int_equal(chain(&c, t, NULL), CR_SUCCESSFUL);
	cr_trust_free(t);
}

static void an_issuer_is_an_authority(void **state)
{
	struct pki_cert c = authority(ca_key), d = signer();
	cr_trust_t *t;
	X509 *x;

	(void)state;
	c.usage = "critical,cRLSign";
	x = pki_make(&c);
	t = store(x, NULL, NULL);
	assert_int_equal(chain(&d, t, "no trusted issuer"), CR_UNDETERMINED);
	cr_trust_free(t);
	X509_free(x);
	c = authority(ca_key);
	c.ca = false;
	x = pki_make(&c);
	t = store(x, NULL, NULL);
	assert_int_equal(chain(&d, t, "no trusted issuer"), CR_UNDETERMINED);
	cr_trust_free(t);
	X509_free(x);
	/* of the same name, for health certificates */
	c = authority(ca_key);
	c.eku = "2.23.136.1.1.14.1";
	x = pki_make(&c);
	t = store(x, NULL, NULL);
	assert_int_equal(chain(&d, t, "no trusted issuer"), CR_UNDETERMINED);
	cr_trust_free(t);
	X509_free(x);
	/* a purpose that says nothing of documents: one CSCA of the German master list has such a one */
	c.eku = "1.2.840.113533.7.74.3";
	x = pki_make(&c);
	t = store(x, NULL, NULL);
	assert_int_equal(chain(&d, t, NULL), CR_SUCCESSFUL);
	cr_trust_free(t);
	X509_free(x);
	c = authority(ca_key);
	c.critical = true;
	x = pki_make(&c);
	t = store(x, NULL, NULL);
	assert_int_equal(chain(&d, t, "critical extension"), CR_FAILED);
	cr_trust_free(t);
	X509_free(x);
}

/* The issuer's name in a signer of ca, as some issuers write it. */
static enum cr_result named(const cr_trust_t *t, const char *const parts[][2], int type, char *why)
{
	X509_NAME *n = X509_NAME_new();
	struct pki_cert d = signer();
	X509 *x = pki_make(&d);
	struct cr_chain ch;
	size_t i;

	for (i = 0; parts[i][0]; i++)
		X509_NAME_add_entry_by_txt(n, parts[i][0], type, (const unsigned char *)parts[i][1], -1, -1, 0);
	X509_set_issuer_name(x, n);
	pki_sign(x, ca_key, "SHA256", false);
	cr_chain_build(x, NULL, t, NOW, &ch);
	strcpy(why, ch.why);
	X509_NAME_free(n);
	X509_free(x);
	return ch.result;
}

static void names_are_compared_as_real_issuers_write_them(void **state)
{
	static const char *const same[][2] = { { "C", "VN" }, { "O", "Test" }, { "CN", "CSCA" }, { NULL } },
		*const small[][2] = { { "C", "vn" }, { "O", "TEST" }, { "CN", "Csca" }, { NULL } },
		*const turned[][2] = { { "CN", "CSCA" }, { "O", "Test" }, { "C", "VN" }, { NULL } },
		*const twice[][2] = { { "C", "VN" }, { "CN", "CSCA" }, { "CN", "CSCA" }, { NULL } },
		*const other[][2] = { { "CN", "CSCA" }, { "O", "Tests" }, { "C", "VN" }, { NULL } },
		*const shorter[][2] = { { "C", "VN" }, { "CN", "CSCA" }, { NULL } };
	cr_trust_t *t = store(ca, NULL, NULL);
	char why[160];

	(void)state;
	assert_int_equal(named(t, same, MBSTRING_UTF8, why), CR_SUCCESSFUL);
	assert_string_equal(why, "");
	assert_int_equal(named(t, same, V_ASN1_T61STRING, why), CR_SUCCESSFUL);
	assert_non_null(strstr(why, "string types"));
	assert_int_equal(named(t, small, MBSTRING_UTF8, why), CR_SUCCESSFUL);
	assert_non_null(strstr(why, "letter case"));
	assert_int_equal(named(t, turned, MBSTRING_UTF8, why), CR_SUCCESSFUL);
	assert_non_null(strstr(why, "another order"));
	assert_int_equal(named(t, twice, MBSTRING_UTF8, why), CR_UNDETERMINED);
	assert_int_equal(named(t, other, MBSTRING_UTF8, why), CR_UNDETERMINED);
	assert_int_equal(named(t, shorter, MBSTRING_UTF8, why), CR_UNDETERMINED);
	cr_trust_free(t);
}

static X509 *with_constraints(const struct pki_cert *c, const char *constraints)
{
	X509 *x = pki_make(c);

	pki_ext(x, x, NID_basic_constraints, constraints);
	pki_sign(x, c->issuer_key ? c->issuer_key : c->key, "SHA256", false);
	return x;
}

/* Turkey's, Portugal's, Luxembourg's, Cameroon's: in the German master list of 2026. */
static void an_authority_that_does_not_say_so_is_one_where_it_is_trusted(void **state)
{
	struct pki_cert c = { .country = "VN", .name = "CSCA", .key = ca_key, .usage = "critical,keyCertSign,cRLSign" },
		link = { .country = "VN", .name = "CSCA 2", .key = other_key, .issuer = ca, .issuer_key = ca_key,
			 .usage = "critical,keyCertSign,cRLSign" }, d = signer();
	X509 *x = with_constraints(&c, "critical,CA:FALSE"), *embedded_ca, *y;
	STACK_OF(X509) *embedded = sk_X509_new_null();
	cr_trust_t *t = store(x, NULL, NULL);
	struct cr_chain ch;

	(void)state;
	assert_int_equal(chain(&d, t, "does not say that it is one of an authority"), CR_SUCCESSFUL);
	cr_trust_free(t);
	X509_free(x);
	/* without the right to sign certificates it is none */
	c.usage = "critical,digitalSignature";
	x = with_constraints(&c, "critical,CA:FALSE");
	t = store(x, NULL, NULL);
	assert_int_equal(chain(&d, t, NULL), CR_UNDETERMINED);
	cr_trust_free(t);
	X509_free(x);
	c.usage = "";
	x = with_constraints(&c, "critical,CA:FALSE");
	t = store(x, NULL, NULL);
	assert_int_equal(chain(&d, t, NULL), CR_UNDETERMINED);
	cr_trust_free(t);
	X509_free(x);
	/* nor is one that a document brings */
	embedded_ca = with_constraints(&link, "critical,CA:FALSE");
	d.issuer = embedded_ca;
	d.issuer_key = other_key;
	y = pki_make(&d);
	sk_X509_push(embedded, embedded_ca);
	t = store(ca, NULL, NULL);
	cr_chain_build(y, embedded, t, NOW, &ch);
	assert_int_equal(ch.result, CR_UNDETERMINED);
	cr_trust_free(t);
	sk_X509_free(embedded);
	X509_free(embedded_ca);
	X509_free(y);
}

/* RFC 5280, 4.2.1.9: an authority of somebody else below one that allows none. */
static void path_lengths_are_kept(void **state)
{
	static const struct { const char *name, *constraints; enum cr_result want; } all[] = {
		{ "CSCA 2", "critical,CA:TRUE,pathlen:0", CR_SUCCESSFUL },	/* a link: the same organization */
		{ "Bank", "critical,CA:TRUE,pathlen:0", CR_FAILED },
		{ "Bank", "critical,CA:TRUE,pathlen:1", CR_SUCCESSFUL },
		{ "Bank", "critical,CA:TRUE", CR_SUCCESSFUL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct pki_cert top = { .country = "VN", .name = "CSCA", .key = ca_key,
					.usage = "critical,keyCertSign,cRLSign" },
			sub = { .country = "VN", .name = all[i].name, .ca = true, .key = other_key, .issuer_key = ca_key },
			d = signer();
		STACK_OF(X509) *embedded = sk_X509_new_null();
		X509_NAME *n = X509_NAME_new();
		X509 *root = with_constraints(&top, all[i].constraints), *x, *y;
		struct cr_chain ch;
		cr_trust_t *t;

		sub.issuer = root;
		x = pki_make(&sub);
		if (!strcmp(all[i].name, "Bank")) {
			X509_NAME_add_entry_by_txt(n, "C", MBSTRING_UTF8, (const unsigned char *)"VN", -1, -1, 0);
			X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8, (const unsigned char *)"Bank", -1, -1, 0);
			X509_set_subject_name(x, n);
			pki_sign(x, ca_key, "SHA256", false);
		}
		d.issuer = x;
		d.issuer_key = other_key;
		y = pki_make(&d);
		sk_X509_push(embedded, x);
		t = store(root, NULL, NULL);
		cr_chain_build(y, embedded, t, NOW, &ch);
		assert_int_equal(ch.result, all[i].want);
		cr_trust_free(t);
		sk_X509_free(embedded);
		X509_NAME_free(n);
		X509_free(root);
		X509_free(x);
		X509_free(y);
	}
}

static void link_certificates_lead_to_an_older_issuer(void **state)
{
	/* the new authority's key, certified by the trusted old one */
	struct pki_cert c = { .country = "VN", .name = "CSCA 2", .ca = true, .key = other_key, .issuer = ca,
			      .issuer_key = ca_key }, d = signer();
	X509 *link = pki_make(&c), *x, *bad;
	STACK_OF(X509) *embedded = sk_X509_new_null();
	cr_trust_t *t = store(ca, NULL, NULL);
	struct cr_chain ch;

	(void)state;
	d.issuer = link;
	d.issuer_key = other_key;
	x = pki_make(&d);
	sk_X509_push(embedded, link);
	cr_chain_build(x, embedded, t, NOW, &ch);
	assert_int_equal(ch.result, CR_SUCCESSFUL);
	assert_int_equal(ch.n, 3);
	assert_true(ch.cert[2] == ca);
	/* not without it */
	cr_chain_build(x, NULL, t, NOW, &ch);
	assert_int_equal(ch.result, CR_UNDETERMINED);
	cr_trust_free(t);
	/* only the link certificate is trusted: TR-03135-1, 5.6.4.3.3 */
	t = store(link, NULL, NULL);
	cr_chain_build(x, NULL, t, NOW, &ch);
	assert_int_equal(ch.result, CR_SUCCESSFUL);
	cr_trust_free(t);
	/* a link that the old key did not sign */
	c.issuer_key = ds_key;
	bad = pki_make(&c);
	sk_X509_set(embedded, 0, bad);
	t = store(ca, NULL, NULL);
	cr_chain_build(x, embedded, t, NOW, &ch);
	assert_int_equal(ch.result, CR_FAILED);
	cr_trust_free(t);
	X509_free(bad);
	X509_free(link);
	X509_free(x);
	sk_X509_free(embedded);
}

static void circles_have_an_end(void **state)
{
	struct pki_cert c = { .country = "VN", .name = "A", .ca = true, .key = ca_key, .issuer_key = ca_key,
			      .issuer_name = "A", .no_akid = true };
	STACK_OF(X509) *embedded = sk_X509_new_null();
	struct cr_chain ch;
	X509 *x;
	int i;

	(void)state;
	for (i = 0; i < 20; i++)
		sk_X509_push(embedded, pki_make(&c));
	c.ca = false;
	x = pki_make(&c);
	cr_chain_build(x, embedded, NULL, NOW, &ch);
	assert_int_equal(ch.result, CR_UNDETERMINED);
	assert_true(ch.n < CR_CHAIN_MAX);
	sk_X509_pop_free(embedded, X509_free);
	X509_free(x);
}

static void validity_is_that_of_the_moment(void **state)
{
	static const struct { long from, to; enum cr_result want; } all[] = {
		{ -YEAR, YEAR, CR_SUCCESSFUL }, { -YEAR, -60, CR_FAILED }, { 60, YEAR, CR_FAILED }, { -60, 60, CR_SUCCESSFUL },
	};
	char why[160];
	size_t i, k;

	(void)state;
	for (i = 0; i < 4; i++) {
		for (k = 0; k < 4; k++) {
			struct pki_cert c = authority(ca_key), d = signer();
			struct cr_chain ch;
			cr_trust_t *t;
			X509 *a, *x;

			c.from = all[i].from, c.to = all[i].to;
			a = pki_make(&c);
			d.from = all[k].from, d.to = all[k].to;
			d.issuer = a;
			x = pki_make(&d);
			t = store(a, NULL, NULL);
			cr_chain_build(x, NULL, t, NOW, &ch);
			assert_int_equal(ch.result, CR_SUCCESSFUL);
			assert_int_equal(cr_chain_validity(&ch, NOW, why),
					 all[i].want == CR_FAILED ? CR_FAILED : all[k].want);
			cr_chain_build(x, NULL, NULL, NOW, &ch);
			assert_int_equal(cr_chain_validity(&ch, NOW, why),
					 all[k].want == CR_FAILED ? CR_FAILED : CR_UNDETERMINED);
			cr_trust_free(t);
			X509_free(a);
			X509_free(x);
		}
	}
}

/*
 * States publish one key in several certificates, such as links that end with the old key (RFC 4210, 4.4): one path
 * that is valid suffices (RFC 5280, 6.1), in whichever order the store has them.
 */
static void one_valid_certificate_of_a_key_is_enough(void **state)
{
	enum { PLAIN, LINK_REVOKED, KEY_COMPROMISED, SIGNER_REVOKED, BOTH_EXPIRED, CASES };
	static const struct { enum cr_result validity, revocation; } want[] = {
		[PLAIN] = { CR_SUCCESSFUL, CR_UNDETERMINED }, [LINK_REVOKED] = { CR_SUCCESSFUL, CR_SUCCESSFUL },
		[KEY_COMPROMISED] = { CR_FAILED, CR_FAILED }, [SIGNER_REVOKED] = { CR_SUCCESSFUL, CR_FAILED },
		[BOTH_EXPIRED] = { CR_FAILED, CR_UNDETERMINED },
	};
	struct pki_cert before = authority(other_key);
	X509 *old = pki_make(&before);
	char why[160];

	(void)state;
	for (int i = 0; i < 2 * CASES; i++) {
		struct pki_cert c = authority(ca_key), l = authority(ca_key), d = signer();
		X509 *own, *link, *x;
		X509_CRL *crl = NULL;
		struct cr_chain ch;
		cr_trust_t *t;

		c.to = i / 2 == BOTH_EXPIRED ? -86400 : YEAR;
		own = pki_make(&c);
		l.issuer = old;		/* the key before it signed the link */
		l.issuer_key = other_key;
		/* revoked, it would be valid for longer */
		l.to = i / 2 == LINK_REVOKED ? 2 * YEAR : i / 2 == BOTH_EXPIRED ? -2 * 86400 : -86400;
		link = pki_make(&l);
		d.issuer = own;
		x = pki_make(&d);
		if (i / 2 == LINK_REVOKED)
			crl = pki_crl(own, ca_key, link, -86400, 86400);
		if (i / 2 == KEY_COMPROMISED)
			crl = pki_crl_for(own, ca_key, link, 1, -86400, 86400);
		if (i / 2 == SIGNER_REVOKED)
			crl = pki_crl(own, ca_key, x, -86400, 86400);
		t = store(i % 2 ? link : own, i % 2 ? own : link, crl);
		cr_chain_build(x, NULL, t, NOW, &ch);
		assert_int_equal(ch.result, CR_SUCCESSFUL);
		if (cr_chain_validity(&ch, NOW, why) != want[i / 2].validity ||
		    cr_chain_revocation(&ch, t, NOW, why) != want[i / 2].revocation)
			fail_msg("%d: %s", i, why);
		assert_true(ch.cert[1] == (i / 2 == KEY_COMPROMISED ? link : own));
		cr_trust_free(t);
		X509_free(own);
		X509_free(link);
		X509_free(x);
	}
	X509_free(old);
}

/* A certificate of the store that is damaged, or says what is not known, spoils no other of its key. */
static void a_sound_certificate_of_a_key_goes_before_one_that_is_not(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct pki_cert c = authority(ca_key), b = authority(ca_key), d = signer();
		X509 *own, *bad, *x;
		struct cr_chain ch;
		cr_trust_t *t;

		own = pki_make(&c);
		b.to = 11 * YEAR;
		b.critical = i / 2;
		b.issuer_key = i / 2 ? ca_key : other_key;	/* says that it signed itself, and did not */
		bad = pki_make(&b);
		d.issuer = own;
		x = pki_make(&d);
		t = store(i % 2 ? bad : own, i % 2 ? own : bad, NULL);
		cr_chain_build(x, NULL, t, NOW, &ch);
		if (ch.result != CR_SUCCESSFUL)
			fail_msg("%d: %s", i, ch.why);
		assert_true(ch.cert[1] == own);
		cr_trust_free(t);
		X509_free(own);
		X509_free(bad);
		X509_free(x);
	}
}

/* Of signers that documents do not bring, too. */
static void the_signer_that_is_valid_is_found(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct pki_cert d = signer(), e = signer();
		X509 *valid, *other, *found;
		struct cr_signer_id id = { 0 };
		cr_trust_t *t = store(ca, NULL, NULL);

		d.to = YEAR;
		e.to = i / 2 ? 86400 : -86400;
		valid = pki_make(&d);
		other = pki_make(&e);
		for (int k = 0; k < 2; k++) {
			unsigned char *der = NULL;
			int n = i2d_X509(k == i % 2 ? valid : other, &der);

			assert_int_equal(cr_trust_add_signer(t, der, (size_t)n), 0);
			OPENSSL_free(der);
		}
		id.key_id = (ASN1_OCTET_STRING *)X509_get0_subject_key_id(valid);
		found = cr_trust_find_signer(t, &id, NOW);
		assert_non_null(found);
		assert_int_equal(X509_cmp(found, valid), 0);
		X509_free(found);
		id = (struct cr_signer_id){ .issuer = X509_get_issuer_name(other), .serial = X509_get_serialNumber(other) };
		found = cr_trust_find_signer(t, &id, NOW);
		assert_non_null(found);
		assert_int_equal(X509_cmp(found, other), 0);
		X509_free(found);
		cr_trust_free(t);
		X509_free(valid);
		X509_free(other);
	}
}

static enum cr_result revocation(X509 *x, X509_CRL *crl)
{
	cr_trust_t *t = store(ca, NULL, crl);
	struct cr_chain ch;
	enum cr_result r;
	char why[160];

	cr_chain_build(x, NULL, t, NOW, &ch);
	assert_int_equal(ch.result, CR_SUCCESSFUL);
	r = cr_chain_revocation(&ch, t, NOW, why);
	assert_true(r == CR_SUCCESSFUL || why[0]);
	cr_trust_free(t);
	return r;
}

static void revoked_signers_are_found(void **state)
{
	struct pki_cert d = signer();
	X509 *x = pki_make(&d), *other = pki_make(&d);

	(void)state;
	assert_int_equal(revocation(x, NULL), CR_UNDETERMINED);
	assert_int_equal(revocation(x, pki_crl(ca, ca_key, NULL, -86400, 86400)), CR_SUCCESSFUL);
	assert_int_equal(revocation(x, pki_crl(ca, ca_key, other, -86400, 86400)), CR_SUCCESSFUL);
	assert_int_equal(revocation(x, pki_crl(ca, ca_key, x, -86400, 86400)), CR_FAILED);
	assert_int_equal(revocation(x, pki_crl(ca, ca_key, ca, -86400, 86400)), CR_FAILED);
	/* an old list still says who was revoked, and no longer who was not */
	assert_int_equal(revocation(x, pki_crl(ca, ca_key, x, -86400 * 2, -86400)), CR_FAILED);
	assert_int_equal(revocation(x, pki_crl(ca, ca_key, NULL, -86400 * 2, -86400)), CR_UNDETERMINED);
	assert_int_equal(revocation(x, pki_crl(ca, ca_key, NULL, 86400, 86400 * 2)), CR_UNDETERMINED);
	/* a list that the issuer did not sign revokes nobody */
	assert_int_equal(revocation(x, pki_crl(ca, other_key, x, -86400, 86400)), CR_UNDETERMINED);
	X509_free(x);
	X509_free(other);
}

/* ca's name as some issuers write it: its parts turned round. */
static X509_NAME *turned_name(void)
{
	X509_NAME *n = X509_NAME_new();

	for (int i = X509_NAME_entry_count(X509_get_subject_name(ca)); i-- > 0;)
		X509_NAME_add_entry(n, X509_NAME_get_entry(X509_get_subject_name(ca), i), -1, 0);
	return n;
}

/* A list of ca under that name. */
static X509_CRL *turned_list(EVP_PKEY *key, const X509 *revoked, long from, long to)
{
	X509_CRL *crl = pki_crl(ca, key, revoked, from, to);
	X509_NAME *n = turned_name();

	X509_CRL_set_issuer_name(crl, n);
	X509_CRL_sign(crl, key, EVP_sha256());
	X509_NAME_free(n);
	return crl;
}

static void revoked_signers_are_found_under_a_name_in_another_order(void **state)
{
	struct pki_cert d = signer(), c = authority(other_key);
	X509 *x = pki_make(&d), *straight = pki_make(&d), *rogue = pki_make(&c);
	X509_NAME *n = turned_name();
	cr_trust_t *t;

	(void)state;
	assert_int_not_equal(X509_NAME_cmp(n, X509_get_subject_name(ca)), 0);
	X509_set_issuer_name(x, n);
	pki_sign(x, ca_key, "SHA256", false);
	/* the signer's issuer in another order than the list's, the list's than the authority's */
	assert_int_equal(revocation(x, pki_crl(ca, ca_key, x, -86400, 86400)), CR_FAILED);
	assert_int_equal(revocation(x, pki_crl(ca, ca_key, NULL, -86400, 86400)), CR_SUCCESSFUL);
	assert_int_equal(revocation(x, turned_list(ca_key, x, -86400, 86400)), CR_FAILED);
	assert_int_equal(revocation(x, turned_list(ca_key, NULL, -86400, 86400)), CR_SUCCESSFUL);
	assert_int_equal(revocation(straight, turned_list(ca_key, straight, -86400, 86400)), CR_FAILED);
	assert_int_equal(revocation(x, turned_list(other_key, x, -86400, 86400)), CR_UNDETERMINED);
	/* and such a list shows who had no other key */
	d.issuer = rogue;
	d.issuer_key = other_key;
	t = store(ca, NULL, turned_list(ca_key, NULL, -86400, 86400));
	assert_int_equal(chain(&d, t, "no other key"), CR_FAILED);
	cr_trust_free(t);
	t = store(ca, NULL, turned_list(other_key, NULL, -86400, 86400));
	assert_int_equal(chain(&d, t, "of other keys"), CR_UNDETERMINED);
	cr_trust_free(t);
	X509_NAME_free(n);
	X509_free(x);
	X509_free(straight);
	X509_free(rogue);
}

/* RFC 5280, 4.2.1.3: a key that may not sign lists does not. */
static void lists_are_signed_by_keys_for_lists(void **state)
{
	struct pki_cert c = authority(ca_key), d = signer();
	struct cr_chain ch;
	char why[160];
	cr_trust_t *t;
	X509 *a, *x;

	(void)state;
	c.usage = "critical,keyCertSign";
	a = pki_make(&c);
	x = pki_make(&d);
	t = store(a, NULL, pki_crl(a, ca_key, x, -86400, 86400));
	cr_chain_build(x, NULL, t, NOW, &ch);
	assert_int_equal(ch.result, CR_SUCCESSFUL);
	assert_int_equal(cr_chain_revocation(&ch, t, NOW, why), CR_UNDETERMINED);
	assert_non_null(strstr(why, "no revocation list"));
	cr_trust_free(t);
	X509_free(a);
	X509_free(x);
}

static void countries_are_compared(void **state)
{
	(void)state;
	assert_int_equal(cr_country_compare("VNM", "VN"), CR_COUNTRY_SAME);
	assert_int_equal(cr_country_compare("VNM", "vn"), CR_COUNTRY_SAME);
	assert_int_equal(cr_country_compare("VNM", "DE"), CR_COUNTRY_DIFFERENT);
	assert_int_equal(cr_country_compare("D", "DE"), CR_COUNTRY_SAME);
	assert_int_equal(cr_country_compare("D", "VN"), CR_COUNTRY_DIFFERENT);
	assert_int_equal(cr_country_compare("AFG", "AF"), CR_COUNTRY_SAME);
	assert_int_equal(cr_country_compare("ZWE", "ZW"), CR_COUNTRY_SAME);
	assert_int_equal(cr_country_compare("RKS", "KS"), CR_COUNTRY_SAME);
	assert_int_equal(cr_country_compare("HKG", "CN"), CR_COUNTRY_SAME);
	assert_int_equal(cr_country_compare("HKG", "HK"), CR_COUNTRY_SAME);
	assert_int_equal(cr_country_compare("UTO", "UT"), CR_COUNTRY_SAME);
	assert_int_equal(cr_country_compare("XYZ", "XY"), CR_COUNTRY_UNKNOWN);
	assert_int_equal(cr_country_compare("", "VN"), CR_COUNTRY_UNKNOWN);
	assert_int_equal(cr_country_compare("VNM", ""), CR_COUNTRY_DIFFERENT);
	assert_int_equal(cr_country_compare("VNM", "VNM"), CR_COUNTRY_DIFFERENT);
}

/* BSI TR-03111, 5.2.1: the certificate's algorithm is exchanged for the plain one before it is signed. */
static void plain_ecdsa_signatures_verify(void **state)
{
	struct pki_cert d = signer();
	X509 *x = pki_make(&d), *y;
	ASN1_OBJECT *plain = OBJ_txt2obj("0.4.0.127.0.7.1.1.4.1.3", 1);
	unsigned char *der = NULL, raw[64], *tbs, *out;
	const unsigned char *p;
	struct cr_buf b, c;
	size_t m, n = 0;
	ECDSA_SIG *sig;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char der_sig[80];
	size_t sig_len = sizeof(der_sig);
	struct cr_tlv outer, t;
	const uint8_t *q;
	int len, i;

	(void)state;
	/* the to-be-signed part with its algorithm replaced: SEQUENCE { OID ecdsa-with-SHA256 } is its third object */
	len = i2d_X509(x, &der);
	assert_int_equal(cr_tlv_parse_all(der, (size_t)len, &outer), 0);
	assert_int_equal(cr_tlv_parse(outer.val, outer.len, &t), 0);
	q = t.val;
	n = t.len;
	cr_buf_init(&b);
	m = cr_tlv_begin(&b, 0x30);
	for (i = 0; cr_tlv_next(&q, &n, &t) > 0; i++) {
		if (i == 2) {
			size_t k = cr_tlv_begin(&b, 0x30);

			cr_tlv_put(&b, 0x06, OBJ_get0_data(plain), OBJ_length(plain));
			cr_tlv_end(&b, k);
		} else {
			cr_buf_put(&b, t.val - (t.total - t.len), t.total);
		}
	}
	cr_tlv_end(&b, m);
	tbs = b.data;
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, ca_key), 1);
	assert_int_equal(EVP_DigestSign(ctx, der_sig, &sig_len, tbs, b.len), 1);
	p = der_sig;
	sig = d2i_ECDSA_SIG(NULL, &p, (long)sig_len);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32);
	for (i = 0; i < 2; i++) {
		cr_buf_init(&c);
		m = cr_tlv_begin(&c, 0x30);
		cr_buf_put(&c, b.data, b.len);
		{
			size_t k = cr_tlv_begin(&c, 0x30);

			cr_tlv_put(&c, 0x06, OBJ_get0_data(plain), OBJ_length(plain));
			cr_tlv_end(&c, k);
		}
		cr_tlv_put_header(&c, 0x03, 65);
		cr_buf_put_u8(&c, 0);
		cr_buf_put(&c, raw, 64);
		cr_tlv_end(&c, m);
		out = c.data;
		p = out;
		y = d2i_X509(NULL, &p, (long)c.len);
		assert_non_null(y);
		assert_int_equal(cr_x509_signed_by(y, ca_key), !i);
		assert_int_equal(cr_x509_signed_by(y, other_key), 0);
		raw[63] ^= 1;
		X509_free(y);
		cr_buf_free(&c);
	}
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	cr_buf_free(&b);
	OPENSSL_free(der);
	ASN1_OBJECT_free(plain);
	X509_free(x);
}

static void put(const char *dir, const char *name, const void *data, size_t len)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	fwrite(data, 1, len, f);
	fclose(f);
}

static void a_folder_is_read_and_the_rest_counted(void **state)
{
	char dir[] = "/tmp/cr-trust-XXXXXX", cmd[128];
	struct pki_cert c = authority(other_key);
	X509 *second = pki_make(&c);
	X509_CRL *crl = pki_crl(ca, ca_key, NULL, -86400, 86400);
	unsigned char *der = NULL, *crl_der = NULL;
	size_t skipped = 9;
	cr_trust_t *t;
	BIO *pem = BIO_new(BIO_s_mem());
	char *p;
	long n;
	int len, crl_len;

	(void)state;
	assert_non_null(mkdtemp(dir));
	len = i2d_X509(ca, &der);
	crl_len = i2d_X509_CRL(crl, &crl_der);
	put(dir, "a.cer", der, (size_t)len);
	put(dir, "b.DER", der, (size_t)len);			/* the same again */
	put(dir, "c.crt", der, (size_t)len - 1);		/* cut short */
	put(dir, "d.cer", "", 0);
	put(dir, "e.pem", "-----BEGIN CERTIFICATE-----\nnot\n-----END CERTIFICATE-----\n", 58);
	put(dir, "f.txt", "notes", 5);				/* not looked at */
	put(dir, "g.crl", crl_der, (size_t)crl_len);
	PEM_write_bio_X509(pem, ca);
	PEM_write_bio_X509(pem, second);
	n = BIO_get_mem_data(pem, &p);
	put(dir, "h.pem", p, (size_t)n);
	snprintf(cmd, sizeof(cmd), "mkdir %s/sub.cer && mkfifo %s/pipe.cer && ln -s nowhere %s/link.cer", dir, dir, dir);
	assert_int_equal(system(cmd), 0);

	assert_int_equal(cr_trust_new(&t), 0);
	assert_int_equal(cr_trust_add_dir(t, dir, &skipped), 2);
	assert_int_equal(cr_trust_count(t), 2);
	assert_int_equal(sk_X509_CRL_num(t->crls), 1);
	assert_int_equal(skipped, 6);
	assert_int_equal(cr_trust_add_dir(t, dir, NULL), 0);
	assert_int_equal(cr_trust_add_dir(t, "/nonexistent", NULL), CR_E_NOT_FOUND);
	assert_int_equal(cr_trust_count(NULL), 0);
	cr_trust_free(t);
	cr_trust_free(NULL);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
	BIO_free(pem);
	OPENSSL_free(der);
	OPENSSL_free(crl_der);
	X509_free(second);
	X509_CRL_free(crl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signer_leads_to_its_issuer),
		cmocka_unit_test(an_impostor_is_told_from_a_new_key),
		cmocka_unit_test(a_signer_is_a_signer_of_documents),
		cmocka_unit_test(keys_for_other_purposes_sign_no_documents),
		cmocka_unit_test(an_issuer_is_an_authority),
		cmocka_unit_test(names_are_compared_as_real_issuers_write_them),
		cmocka_unit_test(an_authority_that_does_not_say_so_is_one_where_it_is_trusted),
		cmocka_unit_test(path_lengths_are_kept),
		cmocka_unit_test(link_certificates_lead_to_an_older_issuer),
		cmocka_unit_test(circles_have_an_end),
		cmocka_unit_test(validity_is_that_of_the_moment),
		cmocka_unit_test(one_valid_certificate_of_a_key_is_enough),
		cmocka_unit_test(a_sound_certificate_of_a_key_goes_before_one_that_is_not),
		cmocka_unit_test(the_signer_that_is_valid_is_found),
		cmocka_unit_test(revoked_signers_are_found),
		cmocka_unit_test(revoked_signers_are_found_under_a_name_in_another_order),
		cmocka_unit_test(lists_are_signed_by_keys_for_lists),
		cmocka_unit_test(countries_are_compared),
		cmocka_unit_test(plain_ecdsa_signatures_verify),
		cmocka_unit_test(a_folder_is_read_and_the_rest_counted),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
