// SPDX-License-Identifier: BSD-2-Clause
/* Defect lists: each defect changes what TR-03135-1 says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>
#include "eid/checks.h"
#include "eid/lds.h"
#include "testdefect.h"
#include "trust/card_security.h"
#include "trust/defectlist.h"
#include "trust/passive.h"

static uint8_t dg1[] = "\x61\x5b\x5f\x1f\x58"
	"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10";
static uint8_t com[] = {
	0x60, 0x13, 0x5f, 0x01, 0x04, '0', '1', '0', '7', 0x5f, 0x36, 0x06, '0', '4', '0', '0', '0', '0', 0x5c, 0x01, 0x61,
};
static uint8_t com_more[] = {
	0x60, 0x14, 0x5f, 0x01, 0x04, '0', '1', '0', '7', 0x5f, 0x36, 0x06, '0', '4', '0', '0', '0', '0', 0x5c, 0x02, 0x61,
	0x75,
};
static const struct pki_dg dgs[] = { { 1, dg1, sizeof(dg1) - 1 } };

/* A document of one data group, and how its chip answered. */
struct document {
	struct pki_sod sod;
	const uint8_t *com;
	size_t com_len;
	const char *protocol;
	enum cr_result chip;
	bool break_signature;
	X509 *issuer;			/* in the store */
	X509_CRL *crl;
};

static struct document good(void)
{
	return (struct document){ .sod = { .signer = ds, .key = ds_key }, .com = com, .com_len = sizeof(com),
				  .protocol = "CA v1 ECDH AES-128", .chip = CR_SUCCESSFUL, .issuer = ca };
}

static void forget(struct cr_inspection *insp)
{
	free(insp->checks);
	free(insp->reasons);
	free(insp->passive.issuer);
	free(insp->passive.signer);
	free(insp->passive.digest);
	for (size_t i = 0; i < insp->n_listed; i++)
		free(insp->listed[i].list);
	free(insp->listed);
	memset(insp, 0, sizeof(*insp));
}

/* list may be NULL. */
static void inspect(struct cr_inspection *insp, const struct document *d, struct cr_defect_list *list)
{
	static struct cr_file files[3];
	cr_trust_t *trust = store_of(d->issuer);
	uint8_t *sod;
	size_t len;

	if (list)
		assert_int_equal(cr_trust_add_list(trust, list), 1);
	if (d->crl)
		assert_int_equal(cr_trust_add_crl(trust, d->crl), 1);
	sod = pki_make_sod(&d->sod, dgs, 1, &len);
	if (d->break_signature)
		sod[len - 3] ^= 1;
	memset(insp, 0, sizeof(*insp));
	files[0] = (struct cr_file){ .fid = CR_FID_SOD, .data = sod, .len = len };
	files[1] = (struct cr_file){ .fid = CR_FID_DG(1), .data = dg1, .len = sizeof(dg1) - 1 };
	files[2] = (struct cr_file){ .fid = CR_FID_COM, .data = (uint8_t *)d->com, .len = d->com_len };
	insp->files = files;
	insp->n_files = 3;
	insp->chip_protocol = d->protocol;
	if (d->protocol)
		cr_check_set(insp, *d->protocol == 'A' ? CR_CHECK_AA : *d->protocol == 'P' ? CR_CHECK_PACE_CAM : CR_CHECK_CA,
			     d->chip, NULL);
	assert_int_equal(cr_passive_authenticate(insp, trust, NOW), 0);
	assert_int_equal(cr_checks_judge(insp), 0);
	assert_int_equal(cr_defects_tell(insp), 0);
	cr_trust_free(trust);
	free(sod);
}

static struct cr_defect_list *plain(const struct dfl_known *known, size_t n, X509 *of)
{
	const struct dfl_entry e = { .ds = of, .known = known, .n = n };
	const struct dfl l = { .entries = &e, .n = 1 };
	struct cr_defect_list *list;
	struct cr_buf b;
	char why[160];

	cr_buf_init(&b);
	dfl_put(&b, &l);
	assert_int_equal(cr_defect_list_read(b.data, b.len, &list, why), 0);
	cr_buf_free(&b);
	return list;
}

/* One change: of what check, to what. CR_CHECK_COUNT ends them. */
struct expected {
	enum cr_check_id id;
	enum cr_result to;
};

static const char *detail(const struct cr_inspection *insp, enum cr_check_id id)
{
	for (size_t i = 0; i < insp->n_checks; i++) {
		if (!strcmp(insp->checks[i].name, cr_check_name(id)))
			return insp->checks[i].detail;
	}
	return "";
}

static bool is_part_of(enum cr_check_id id, enum cr_check_id of)
{
	while (id != CR_CHECK_COUNT && id != of)
		id = cr_check_part_of(id);
	return id == of;
}

/*
 * With the list, of this document, just these single checks are others than without, or parts of these combined
 * results.
 */
static void changes(const struct document *d, struct cr_defect_list *list, const struct expected *expected)
{
	struct cr_inspection without, with;
	enum cr_result want;
	int id, k;

	inspect(&without, d, NULL);
	inspect(&with, d, list);
	for (id = 0; id < CR_CHECK_COUNT; id++) {
		bool free_to_change = !cr_check_is_single(id);

		want = cr_check_get(&without, id);
		for (k = 0; expected && expected[k].id != CR_CHECK_COUNT; k++) {
			if (expected[k].id == (enum cr_check_id)id)
				want = expected[k].to;
			else if (is_part_of(id, expected[k].id))
				free_to_change = true;
		}
		for (k = 0; expected && expected[k].id != CR_CHECK_COUNT; k++)
			free_to_change &= expected[k].id != (enum cr_check_id)id;
		if (!free_to_change && cr_check_get(&with, id) != want)
			fail_msg("%s: %s, not %s (without: %s): %s", cr_check_name(id),
				 cr_result_name(cr_check_get(&with, id)), cr_result_name(want),
				 cr_result_name(cr_check_get(&without, id)), detail(&with, id));
	}
	assert_int_equal(with.chip_authentication, cr_check_get(&with, CR_CHECK_CHIP_AUTHENTICATION));
	forget(&without);
	forget(&with);
}

#define END		{ CR_CHECK_COUNT, CR_SUCCESSFUL }

/* The defect, of ds, changes this; of another signer, nothing. */
static void one(const struct document *d, const char *oid, const uint8_t *parameter, size_t len,
		const struct expected *expected)
{
	const struct dfl_known k = { .oid = oid, .parameter = parameter, .len = len };
	struct cr_defect_list *mine = plain(&k, 1, ds), *others = plain(&k, 1, other);

	changes(d, mine, expected);
	changes(d, others, NULL);
	cr_defect_list_free(mine);
	cr_defect_list_free(others);
}

#define ONE(d, oid, value, ...) \
	one(d, oid, value, sizeof(value), (const struct expected[]){ __VA_ARGS__, END })
#define BARE(d, oid, ...) \
	one(d, oid, NULL, 0, (const struct expected[]){ __VA_ARGS__, END })
#define NOTHING(d, oid, value) \
	one(d, oid, value, sizeof(value), (const struct expected[]){ END })

/* Table 5.145. */
static void a_revoked_signer_is_not_trusted(void **state)
{
	struct document d = good();
	const struct dfl_known k[] = { KNOWN("1.1", code3), KNOWN("1.1", code1) };
	struct cr_defect_list *list;
	struct cr_inspection insp;

	(void)state;
	ONE(&d, "1.1", code0, { CR_CHECK_SIGNER_TRUSTED, CR_FAILED });
	ONE(&d, "1.1", code2, { CR_CHECK_SIGNER_TRUSTED, CR_FAILED });
	ONE(&d, "1.1", code3, { CR_CHECK_SIGNER_TRUSTED, CR_FAILED });
	ONE(&d, "1.1", code4, { CR_CHECK_SIGNER_TRUSTED, CR_FAILED });
	ONE(&d, "1.1", code1, { CR_CHECK_SIGNER_TRUSTED, CR_UNDETERMINED });
	ONE(&d, "1.1", code5, { CR_CHECK_SIGNER_TRUSTED, CR_UNDETERMINED });
	ONE(&d, "1.1", code9, { CR_CHECK_SIGNER_TRUSTED, CR_UNDETERMINED });
	ONE(&d, "1.1", code40, { CR_CHECK_SIGNER_TRUSTED, CR_UNDETERMINED });
	/* a current list that does not have it says less than one that doubts it, or revokes it */
	d.crl = pki_crl(ca, ca_key, NULL, -86400, 86400);
	ONE(&d, "1.1", code1, { CR_CHECK_SIGNER_TRUSTED, CR_UNDETERMINED });
	ONE(&d, "1.1", code3, { CR_CHECK_SIGNER_TRUSTED, CR_FAILED });
	X509_CRL_free(d.crl);
	/* what is revoked stays so */
	d.crl = pki_crl(ca, ca_key, ds, -86400, 86400);
	NOTHING(&d, "1.1", code1);
	X509_CRL_free(d.crl);
	d.crl = NULL;
	list = plain(k, 2, ds);
	inspect(&insp, &d, list);
	assert_int_equal(insp.verdict, CR_REVOKED);
	assert_int_equal(insp.passive.status, CR_FAILED);
	assert_string_equal(insp.reasons[0].code, "signer-revoked");
	assert_non_null(strstr(insp.reasons[0].detail, "a defect list says"));
	assert_int_equal(insp.n_listed, 2);
	assert_string_equal(insp.reasons[insp.n_reasons - 2].code, "known-defect");
	assert_non_null(strstr(insp.reasons[insp.n_reasons - 2].detail, "id-CertRevoked (3); unsigned, "));
	forget(&insp);
	cr_defect_list_free(list);
}

/* 5.8.2.1.3 to 5.8.2.1.5. */
static void chips_whose_keys_are_known_prove_nothing(void **state)
{
	static const char *const protocols[] = { "CA v1 ECDH AES-128", "PACE-CAM AES-128", "AA ECDSA", NULL };
	/* whom a status code spares: bit 0 CA, 1 PACE-CAM, 2 AA */
	static const struct { const uint8_t *code; unsigned int spares; } codes[] = {
		{ code0, 1 }, { code1, 4 }, { code2, 5 }, { code3, 2 }, { code4, 3 }, { code5, 6 }, { code6, 7 }, { code9, 0 },
	};
	const struct expected failed[] = { { CR_CHECK_CHIP_AUTHENTICATION, CR_FAILED }, END },
		undetermined[] = { { CR_CHECK_CHIP_AUTHENTICATION, CR_UNDETERMINED }, END };
	struct document d = good();
	size_t i, k;

	(void)state;
	for (i = 0; i < 4; i++) {
		d.protocol = protocols[i];
		for (d.chip = CR_SUCCESSFUL; d.chip <= CR_ABORTED; d.chip++) {
			bool asked = i < 3 && d.chip != CR_NOT_SUPPORTED;

			one(&d, "1.3", NULL, 0, asked && i != 2 ? failed : NULL);
			one(&d, "1.4", NULL, 0, asked && i == 2 ? failed : NULL);
			for (k = 0; k < sizeof(codes) / sizeof(codes[0]); k++)
				one(&d, "1.5", codes[k].code, 3,
				    d.chip == CR_FAILED && i < 3 && codes[k].spares & 1U << i ?
				    undetermined : NULL);
		}
	}
	/* of the two, that which takes trust away */
	{
		const struct dfl_known both[] = { KNOWN("1.5", code6), { .oid = "1.3" } };
		struct cr_defect_list *list = plain(both, 2, ds);

		d = good();
		changes(&d, list, failed);
		d.chip = CR_FAILED;
		changes(&d, list, NULL);
		cr_defect_list_free(list);
	}
}

/* 5.8.2.1.6 */
static void wrong_dates_are_neither_right_nor_wrong(void **state)
{
	struct pki_cert c = { .country = "UT", .name = "CSCA", .ca = true, .key = ca_key, .to = -3600 };
	struct document d = good();
	X509 *good_ds = ds, *old_ds, *old_ca = pki_make(&c);

	(void)state;
	ONE(&d, "1.6", code0, { CR_CHECK_SIGNER_VALIDITY, CR_UNDETERMINED });
	ONE(&d, "1.6", code1, { CR_CHECK_SIGNER_VALIDITY, CR_UNDETERMINED });
	ONE(&d, "1.6", code2, { CR_CHECK_SIGNER_VALIDITY, CR_UNDETERMINED });
	NOTHING(&d, "1.6", code9);
	c = (struct pki_cert){ .country = "UT", .name = "DS", .issuer = ca, .key = ds_key, .issuer_key = ca_key, .to = -3600 };
	ds = old_ds = pki_make(&c);
	d = good();
	ONE(&d, "1.6", code0, { CR_CHECK_SIGNER_VALIDITY, CR_FAILED });	/* the other's, and stays so */
	ONE(&d, "1.6", code1, { CR_CHECK_SIGNER_VALIDITY, CR_UNDETERMINED });
	ONE(&d, "1.6", code2, { CR_CHECK_SIGNER_VALIDITY, CR_UNDETERMINED });
	d.issuer = old_ca;
	ONE(&d, "1.6", code0, { CR_CHECK_SIGNER_VALIDITY, CR_FAILED });
	ONE(&d, "1.6", code1, { CR_CHECK_SIGNER_VALIDITY, CR_FAILED });
	ONE(&d, "1.6", code2, { CR_CHECK_SIGNER_VALIDITY, CR_UNDETERMINED });
	ds = good_ds;
	X509_free(old_ds);
	X509_free(old_ca);
}

/* 5.8.2.2.1 to 5.8.2.2.3 */
static void defects_of_the_application_spare_what_they_name(void **state)
{
	struct document d = good();

	(void)state;
	NOTHING(&d, "2.1", groups);
	NOTHING(&d, "2.2", code1);
	BARE(&d, "2.3", END);
	d.com = com_more;
	d.com_len = sizeof(com_more);
	/* the data that EF.SOD has are those that it has hashes of */
	BARE(&d, "2.3", { CR_CHECK_COM_SOD, CR_SUCCESSFUL });
	ONE(&d, "2.3", discrepancy, { CR_CHECK_COM_SOD, CR_SUCCESSFUL });
	BARE(&d, "2.2", END);
	dg1[sizeof(dg1) - 2] ^= 1;
	{
		/* signed as it is now, and read as it was */
		uint8_t other_dg[sizeof(dg1)];
		struct cr_inspection insp;
		const struct dfl_known k = { .oid = "2.3" };
		struct cr_defect_list *list = plain(&k, 1, ds);
		cr_trust_t *trust = store_of(ca);
		struct cr_file files[3];
		size_t len;
		uint8_t *sod = pki_make_sod(&d.sod, dgs, 1, &len);

		memcpy(other_dg, dg1, sizeof(dg1));
		other_dg[30] ^= 1;
		memset(&insp, 0, sizeof(insp));
		files[0] = (struct cr_file){ .fid = CR_FID_SOD, .data = sod, .len = len };
		files[1] = (struct cr_file){ .fid = CR_FID_DG(1), .data = other_dg, .len = sizeof(dg1) - 1 };
		files[2] = (struct cr_file){ .fid = CR_FID_COM, .data = com_more, .len = sizeof(com_more) };
		insp.files = files;
		insp.n_files = 3;
		assert_int_equal(cr_trust_add_list(trust, list), 1);
		assert_int_equal(cr_passive_authenticate(&insp, trust, NOW), 0);
		assert_int_equal(cr_check_get(&insp, CR_CHECK_DG_HASHES), CR_FAILED);
		assert_int_equal(cr_check_get(&insp, CR_CHECK_COM_SOD), CR_UNDETERMINED);
		forget(&insp);
		cr_trust_free(trust);
		cr_defect_list_free(list);
		free(sod);
	}
	dg1[sizeof(dg1) - 2] ^= 1;
	d = good();
	d.break_signature = true;
	BARE(&d, "2.2", { CR_CHECK_SOD_SIGNATURE, CR_UNDETERMINED });
	ONE(&d, "2.2", code4, { CR_CHECK_SOD_SIGNATURE, CR_UNDETERMINED });
	BARE(&d, "2.3", END);
}

/* 5.8.2.3, A.2.3, and what nobody knows. */
static void other_defects_change_what_the_guideline_says(void **state)
{
	struct document d = good();
	EVP_PKEY *key = pki_key("P-256", false);
	struct pki_cert c = { .country = "UT", .name = "CSCA", .ca = true, .key = key,
			      .skid = X509_get0_subject_key_id(ca) };
	X509 *impostor = pki_make(&c);

	(void)state;
	BARE(&d, "4.1", END);
	BARE(&d, "4.2", END);
	BARE(&d, "4.3", END);
	NOTHING(&d, "3.1", groups);
	BARE(&d, "3.2", END);
	BARE(&d, "3.77", END);
	BARE(&d, "5.1", END);
	BARE(&d, "1.2.3.4.5", END);
	ONE(&d, "4.4", code0, { CR_CHECK_SIGNER_CHAIN, CR_UNDETERMINED });
	BARE(&d, "1.77", { CR_CHECK_SIGNER_TRUSTED, CR_UNDETERMINED });
	BARE(&d, "2.77", { CR_CHECK_SIGNER_TRUSTED, CR_UNDETERMINED });
	BARE(&d, "4.77", { CR_CHECK_SIGNER_TRUSTED, CR_UNDETERMINED });
	BARE(&d, "1.5", { CR_CHECK_SIGNER_TRUSTED, CR_UNDETERMINED });	/* without its parameter */
	/* a chain that fails: a certificate that is known to be malformed is no evidence, doubts are none for it */
	d.issuer = impostor;
	ONE(&d, "4.4", code0, { CR_CHECK_SIGNER_CHAIN, CR_UNDETERMINED });
	BARE(&d, "1.77", END);
	X509_free(impostor);
	EVP_PKEY_free(key);
}

static uint8_t *parameter_of(X509 *cert, bool wrapped, size_t *len)
{
	unsigned char *der = NULL;
	struct cr_buf b;
	uint8_t *copy;
	int n = i2d_X509(cert, &der);

	cr_buf_init(&b);
	if (wrapped)
		cr_tlv_put(&b, 0x04, der, (size_t)n);
	else
		cr_buf_put(&b, der, (size_t)n);
	copy = malloc(b.len);
	memcpy(copy, b.data, b.len);
	*len = b.len;
	cr_buf_free(&b);
	OPENSSL_free(der);
	return copy;
}

#define TRUSTED_BY_ITSELF	{ CR_CHECK_SIGNER_TRUSTED, CR_SUCCESSFUL }, { CR_CHECK_SIGNER_NOT_SELF_SIGNED, CR_NOT_SUPPORTED }

/* 5.8.2.1.2: a certificate of a key that signs nothing here, and one that nobody signed in its place. */
static void a_replaced_certificate_is_not_used_any_more(void **state)
{
	struct pki_cert wrong = { .country = "UT", .name = "DS", .issuer = ca, .key = other_key, .issuer_key = other_key },
		right = { .country = "UT", .name = "DS", .key = ds_key };
	X509 *malformed = pki_make(&wrong), *replacement, *saved = ds;
	struct document d = good();
	const struct expected cured[] = {
		{ CR_CHECK_SOD_SIGNATURE, CR_SUCCESSFUL }, { CR_CHECK_SIGNER_CHAIN, CR_SUCCESSFUL },
		{ CR_CHECK_SIGNER_VALIDITY, CR_SUCCESSFUL }, TRUSTED_BY_ITSELF,
		{ CR_CHECK_SIGNER_COUNTRY, CR_SUCCESSFUL }, END };
	const struct expected foreign[] = {
		{ CR_CHECK_SOD_SIGNATURE, CR_SUCCESSFUL }, { CR_CHECK_SIGNER_CHAIN, CR_SUCCESSFUL },
		{ CR_CHECK_SIGNER_VALIDITY, CR_SUCCESSFUL }, TRUSTED_BY_ITSELF,
		{ CR_CHECK_SIGNER_COUNTRY, CR_FAILED }, END };
	const struct expected expired[] = {
		{ CR_CHECK_SOD_SIGNATURE, CR_SUCCESSFUL }, { CR_CHECK_SIGNER_CHAIN, CR_SUCCESSFUL },
		{ CR_CHECK_SIGNER_VALIDITY, CR_FAILED }, { CR_CHECK_SIGNING_TIME, CR_FAILED }, TRUSTED_BY_ITSELF,
		{ CR_CHECK_SIGNER_COUNTRY, CR_SUCCESSFUL }, END };
	struct cr_inspection insp;
	uint8_t *p;
	size_t len, i;

	(void)state;
	/* EF.SOD names the malformed one, and its signature is by ds_key */
	d.sod.signer = ds = malformed;
	X509_set_pubkey(malformed, ds_key);
	inspect(&insp, &d, NULL);
	assert_int_equal(cr_check_get(&insp, CR_CHECK_SIGNER_CHAIN), CR_FAILED);
	forget(&insp);
	for (i = 0; i < 4; i++) {
		right.country = i == 2 ? "DE" : "UT";
		right.to = i == 3 ? -3600 : 0;
		replacement = pki_make(&right);
		p = parameter_of(replacement, i != 1, &len);
		one(&d, "1.2", p, len, i == 2 ? foreign : i == 3 ? expired : cured);
		free(p);
		X509_free(replacement);
	}
	/* a replacement of another key: the signature is wrong, whatever the certificate in EF.SOD says */
	right = (struct pki_cert){ .country = "UT", .name = "DS", .key = other_key };
	replacement = pki_make(&right);
	p = parameter_of(replacement, true, &len);
	one(&d, "1.2", p, len, (const struct expected[]){
		{ CR_CHECK_SOD_SIGNATURE, CR_FAILED }, { CR_CHECK_SIGNER_CHAIN, CR_SUCCESSFUL },
		{ CR_CHECK_SIGNER_VALIDITY, CR_SUCCESSFUL }, TRUSTED_BY_ITSELF,
		{ CR_CHECK_SIGNER_COUNTRY, CR_SUCCESSFUL }, END });
	free(p);
	X509_free(replacement);
	X509_free(malformed);
	ds = saved;
}

/* 5.8.2.2.4: EF.SOD names a certificate that is not there. */
static void a_wrong_signer_identifier_is_corrected(void **state)
{
	struct pki_cert c = { .country = "UT", .name = "DS", .issuer = ca, .key = ds_key, .issuer_key = ca_key };
	const struct expected cured[] = {
		{ CR_CHECK_SOD_SIGNATURE, CR_SUCCESSFUL }, { CR_CHECK_SIGNER_CHAIN, CR_SUCCESSFUL },
		{ CR_CHECK_SOD_SIGNER, CR_SUCCESSFUL }, { CR_CHECK_SIGNER_COUNTRY, CR_SUCCESSFUL },
		{ CR_CHECK_SIGNER_EXPIRY, CR_NOT_SUPPORTED }, { CR_CHECK_SIGNING_TIME, CR_SUCCESSFUL },
		{ CR_CHECK_SIGNER_DOCUMENT_TYPE, CR_NOT_SUPPORTED }, END };
	X509 *named = pki_make(&c), *saved = ds;
	struct document d = good();
	struct cr_buf by_name, by_key;

	(void)state;
	cr_buf_init(&by_name);
	cr_buf_init(&by_key);
	dfl_put_id(&by_name, ds, false);
	dfl_put_id(&by_key, ds, true);
	d.sod.more = sk_X509_new_null();
	sk_X509_push(d.sod.more, ds);
	d.sod.no_cert = true;
	d.sod.signer = named;
	/* the list has it by the certificate in EF.SOD, or by what EF.SOD names */
	one(&d, "2.4", by_name.data, by_name.len, cured);
	one(&d, "2.4", by_key.data, by_key.len, cured);
	ds = named;
	one(&d, "2.4", by_name.data, by_name.len, cured);
	ds = saved;
	/* a certificate that is nowhere */
	cr_buf_free(&by_name);
	cr_buf_init(&by_name);
	dfl_put_id(&by_name, other, false);
	one(&d, "2.4", by_name.data, by_name.len, NULL);
	sk_X509_free(d.sod.more);
	cr_buf_free(&by_name);
	cr_buf_free(&by_key);
	X509_free(named);
}

/* 5.8.2.2.5 */
static void a_wrong_country_is_corrected(void **state)
{
	static const uint8_t ut[] = { 0x13, 2, 'U', 'T' }, de[] = { 0x13, 2, 'D', 'E' };
	struct pki_cert c = { .country = "XX", .name = "CSCA", .ca = true, .key = ca_key };
	X509 *odd_ca = pki_make(&c), *odd_ds, *saved = ds;
	struct document d;

	(void)state;
	c = (struct pki_cert){ .country = "XX", .name = "DS", .issuer = odd_ca, .key = ds_key, .issuer_key = ca_key };
	ds = odd_ds = pki_make(&c);
	d = good();
	d.issuer = odd_ca;
	ONE(&d, "2.5", ut, { CR_CHECK_COUNTRY_ISSUER_MRZ, CR_SUCCESSFUL });
	NOTHING(&d, "2.5", de);
	ds = saved;
	d = good();
	ONE(&d, "2.5", de, { CR_CHECK_COUNTRY_ISSUER_MRZ, CR_FAILED });
	X509_free(odd_ds);
	X509_free(odd_ca);
}

static enum cr_result verdict_on(const uint8_t *file, size_t len, const cr_trust_t *of, bool excused)
{
	char why[160];

	return cr_card_security_verify(NULL, file, len, of, NOW, excused, false, why);
}

/* 5.8.2.3.1: the object may be wrong, and its signer is not excused. */
static void a_malformed_card_security_is_excused_for_itself(void **state)
{
	struct pki_sod spec = { .signer = ds, .key = ds_key, .content_type = "0.4.0.127.0.7.3.2.1" };
	EVP_PKEY *key = pki_key("P-256", false);
	struct pki_cert c = { .country = "UT", .name = "CSCA", .ca = true, .key = key,
			      .skid = X509_get0_subject_key_id(ca) };
	X509 *impostor = pki_make(&c);
	cr_trust_t *good_trust = store_of(ca), *bad_trust = store_of(impostor);
	struct cr_tlv t;
	uint8_t *file, *p;
	size_t len;
	int excused;

	(void)state;
	file = pki_make_sod(&spec, dgs, 1, &len);
	assert_int_equal(cr_tlv_parse_all(file, len, &t), 0);
	p = file + (t.val - file);
	for (excused = 0; excused < 2; excused++) {
		enum cr_result wrong = excused ? CR_UNDETERMINED : CR_FAILED;

		assert_int_equal(verdict_on(p, t.len, good_trust, excused), CR_SUCCESSFUL);
		assert_int_equal(verdict_on(p, t.len, bad_trust, excused), CR_FAILED);
		assert_int_equal(verdict_on(p, t.len - 1, good_trust, excused), wrong);
		p[t.len - 3] ^= 1;
		assert_int_equal(verdict_on(p, t.len, good_trust, excused), wrong);
		p[t.len - 3] ^= 1;
	}
	cr_trust_free(good_trust);
	cr_trust_free(bad_trust);
	X509_free(impostor);
	EVP_PKEY_free(key);
	free(file);
}

/* ---- lists that are not as good as they were ---- */

static struct cr_defect_list *signed_by(X509 *signer, const struct dfl_known *known, size_t n)
{
	const struct dfl_entry e = { .ds = ds, .known = known, .n = n };
	const struct dfl l = { .entries = &e, .n = 1 };
	struct pki_list s = { .signer = signer, .key = list_key, .content_type = ID_DEFECT_LIST };
	struct cr_defect_list *list;
	struct cr_buf b;
	char why[160];
	uint8_t *file;
	size_t len;

	cr_buf_init(&b);
	dfl_put(&b, &l);
	s.content = &b;
	file = pki_make_list(&s, &len);
	assert_int_equal(cr_defect_list_read(file, len, &list, why), 0);
	cr_buf_free(&b);
	free(file);
	return list;
}

static void an_expired_list_spares_nothing(void **state)
{
	struct pki_cert c = { .country = "UT", .name = "DFL", .issuer = ca, .key = list_key, .issuer_key = ca_key,
			      .eku = EKU_DEFECT_LIST, .to = -3600 };
	const struct dfl_known spares[] = { { .oid = "2.2" }, KNOWN("1.5", code6), KNOWN("1.6", code2), { .oid = "2.3" } },
		takes[] = { KNOWN("1.1", code3), { .oid = "1.3" }, { .oid = "1.4" } };
	X509 *old = pki_make(&c);
	struct cr_defect_list *list = signed_by(old, spares, 4);
	struct document d = good();
	struct cr_inspection insp;

	(void)state;
	d.break_signature = true;
	d.chip = CR_FAILED;
	d.com = com_more;
	d.com_len = sizeof(com_more);
	changes(&d, list, NULL);
	inspect(&insp, &d, list);
	assert_int_equal(insp.n_listed, 4);
	assert_string_equal(insp.listed[0].state, "expired");
	assert_false(insp.listed[0].counts);
	assert_string_equal(insp.reasons[insp.n_reasons - 1].code, "known-defect-ignored");
	assert_non_null(strstr(insp.reasons[insp.n_reasons - 1].detail, "expired, CN=DFL"));
	forget(&insp);
	cr_defect_list_free(list);
	/* and takes trust away, as an old revocation list does */
	list = signed_by(old, takes, 3);
	d = good();
	changes(&d, list, (const struct expected[]){ { CR_CHECK_SIGNER_TRUSTED, CR_FAILED },
						     { CR_CHECK_CHIP_AUTHENTICATION, CR_FAILED }, END });
	cr_defect_list_free(list);
	X509_free(old);
}

static void a_list_of_a_revoked_signer_does_not_count(void **state)
{
	const struct dfl_known known[] = { KNOWN("1.1", code3), { .oid = "1.3" } };
	struct cr_defect_list *list = signed_by(lister, known, 2);
	struct document d = good();
	struct cr_inspection insp;

	(void)state;
	changes(&d, list, (const struct expected[]){ { CR_CHECK_SIGNER_TRUSTED, CR_FAILED },
						     { CR_CHECK_CHIP_AUTHENTICATION, CR_FAILED }, END });
	inspect(&insp, &d, list);
	assert_string_equal(insp.listed[0].state, "signed");
	assert_string_equal(insp.listed[0].list, "CN=DFL,O=Test,C=UT");
	forget(&insp);
	d.crl = pki_crl(ca, ca_key, lister, -86400, 86400);
	changes(&d, list, NULL);
	inspect(&insp, &d, list);
	assert_string_equal(insp.listed[0].state, "revoked");
	forget(&insp);
	X509_CRL_free(d.crl);
	cr_defect_list_free(list);
}

/* Whoever signs defect lists signs no documents (TR-03129-2, 7.2; ICAO 9303-12, 7.1.1). */
static void a_signer_of_lists_signs_no_documents(void **state)
{
	struct document d = good();
	struct cr_inspection insp;

	(void)state;
	d.sod.signer = lister;
	d.sod.key = list_key;
	inspect(&insp, &d, NULL);
	assert_int_equal(cr_check_get(&insp, CR_CHECK_SIGNER_CHAIN), CR_FAILED);
	forget(&insp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_revoked_signer_is_not_trusted),
		cmocka_unit_test(chips_whose_keys_are_known_prove_nothing),
		cmocka_unit_test(wrong_dates_are_neither_right_nor_wrong),
		cmocka_unit_test(defects_of_the_application_spare_what_they_name),
		cmocka_unit_test(other_defects_change_what_the_guideline_says),
		cmocka_unit_test(a_replaced_certificate_is_not_used_any_more),
		cmocka_unit_test(a_wrong_signer_identifier_is_corrected),
		cmocka_unit_test(a_wrong_country_is_corrected),
		cmocka_unit_test(a_malformed_card_security_is_excused_for_itself),
		cmocka_unit_test(an_expired_list_spares_nothing),
		cmocka_unit_test(a_list_of_a_revoked_signer_does_not_count),
		cmocka_unit_test(a_signer_of_lists_signs_no_documents),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
