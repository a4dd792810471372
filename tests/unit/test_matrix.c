// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every signature algorithm, digest and form of curve that documents use: what we say of a security
 * object and of a master list, right and manipulated, and what the openssl command says of the same
 * files. The command verifies the content by "cms -verify"; the certificate of the signer by
 * "dgst -verify" over its own bytes, since its chains take no curve that is written out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include "eid/checks.h"
#include "eid/lds.h"
#include "issue.h"
#include "trust/import.h"
#include "trust/passive.h"
#include "trust/store.h"

static char dir[64];

static int setup(void **state)
{
	strcpy(dir, "/tmp/cr-matrix-XXXXXX");
	return !mkdtemp(dir);
}

static int teardown(void **state)
{
	char cmd[100];

	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd);
}

static void put(const char *name, const void *data, size_t len)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
}

enum { CONTENT = 1, CERTIFICATE = 2 };

/* What the command finds right of the signed data in dir/cms. */
static int openssl_says_of_content(void)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "cd %s; openssl cms -verify -noverify -binary -inform DER -in cms -out content 2>/dev/null",
		 dir);
	return system(cmd) ? 0 : CONTENT;
}

/*
 * And of its signer's certificate, under the authority in dir/ca.pub: SEQUENCE { tbs, algorithm, BIT
 * STRING }. The first object of depth 1 is what is signed, the third the signature.
 */
static int openssl_says_of_certificate(const char *md, bool pss)
{
	char cmd[1024];

	snprintf(cmd, sizeof(cmd),
		 "cd %s && openssl cms -cmsout -noout -inform DER -in cms -certsout s.pem 2>/dev/null &&\n"
		 "openssl x509 -in s.pem -outform DER -out s.der &&\n"
		 "set -- $(openssl asn1parse -inform DER -in s.der | sed -n 's/^ *\\([0-9]*\\):d=1 .*/\\1/p') &&\n"
		 "openssl asn1parse -inform DER -in s.der -strparse $1 -noout -out tbs &&\n"
		 "openssl asn1parse -inform DER -in s.der -strparse $3 -noout -out sig 2>/dev/null\n"
		 "openssl dgst -%s -verify ca.pub %s -signature sig tbs >/dev/null 2>&1", dir, md,
		 pss ? "-sigopt rsa_padding_mode:pss" : "");
	return system(cmd) ? 0 : CERTIFICATE;
}

/* Machine readable zone of Utopia, and its hash's place. */
static uint8_t dg1[93];

static int we_say(const uint8_t *sod, size_t len, const cr_trust_t *trust)
{
	struct cr_file files[] = {
		{ .fid = CR_FID_SOD, .data = (uint8_t *)sod, .len = len },
		{ .fid = CR_FID_DG(1), .data = dg1, .len = sizeof(dg1) },
	};
	struct cr_inspection insp = { .files = files, .n_files = 2 };
	int said;

	assert_int_equal(cr_passive_authenticate(&insp, trust, time(NULL)), 0);
	said = (cr_check_get(&insp, CR_CHECK_SOD_SIGNATURE) == CR_SUCCESSFUL ? CONTENT : 0) |
	       (cr_check_get(&insp, CR_CHECK_SIGNER_CHAIN) == CR_SUCCESSFUL ? CERTIFICATE : 0);
	/* and the whole of it is never better than its parts */
	assert_int_equal(insp.passive.status == CR_SUCCESSFUL, said == (CONTENT | CERTIFICATE));
	free(insp.checks);
	free(insp.passive.issuer);
	free(insp.passive.signer);
	free(insp.passive.digest);
	return said;
}

static int we_say_of_list(const uint8_t *list, size_t len, const cr_trust_t *trust)
{
	struct cr_import im;
	int said = 0;

	cr_import_init(&im, trust, time(NULL));
	if (!cr_import_file(&im, "list", list, len)) {
		assert_int_equal(im.n_found, 1);
		said = CONTENT | CERTIFICATE;
	}
	cr_import_clear(&im);
	return said;
}

static size_t place_of(const uint8_t *p, size_t n, const uint8_t *what, size_t len)
{
	const uint8_t *at = memmem(p, n, what, len);

	assert_non_null(at);
	return (size_t)(at - p);
}

/* The signed data alone: without the tag of EF.SOD. */
static void put_cms(const uint8_t *data, size_t len, bool is_sod)
{
	size_t head = !is_sod ? 0 : data[1] < 0x80 ? 2 : 2 + (data[1] & 0x7fu);

	put("cms", data + head, len - head);
}

/*
 * A bit of data changed at that place (SIZE_MAX: none): what both say of the part that it belongs
 * to, or of both parts. True: they agree, and it is what it has to be.
 */
static bool agree(uint8_t *data, size_t len, size_t at, int wrong, const struct sim_issuer_spec *spec,
		  const cr_trust_t *trust, bool is_sod)
{
	int parts = wrong ? wrong : CONTENT | CERTIFICATE, ours, theirs = 0;

	if (at < len)
		data[at] ^= 1;
	put_cms(data, len, is_sod);
	ours = (is_sod ? we_say(data, len, trust) : we_say_of_list(data, len, trust)) & parts;
	if (parts & CONTENT)
		theirs |= openssl_says_of_content();
	if (parts & CERTIFICATE)
		theirs |= openssl_says_of_certificate(spec->csca_md, spec->pss);
	if (at < len)
		data[at] ^= 1;
	if (ours != theirs || theirs != (parts & ~wrong))
		print_message("at %zu of %zu: we say %d, openssl %d\n", at, len, ours, theirs);
	return ours == theirs && theirs == (parts & ~wrong);
}

/* One cell: right, a hash changed, the signature changed, the signer's certificate changed. */
static bool cell(const struct sim_issuer_spec *spec)
{
	struct sim_dg dg = { 1, dg1, sizeof(dg1) };
	struct sim_buf sod = { 0 }, list = { 0 };
	const ASN1_BIT_STRING *sig;
	uint8_t hash[EVP_MAX_MD_SIZE];
	struct sim_issuer issuer;
	unsigned int n;
	cr_trust_t *trust;
	char path[128];
	FILE *f;
	size_t cert;
	bool good;

	assert_int_equal(sim_issuer_new(spec, -86400L * 30, -86400L * 2, &issuer), 0);
	assert_int_equal(sim_sod(&issuer, &dg, 1, &sod), 0);
	assert_int_equal(sim_master_list(&issuer, &issuer.csca, 1, &list), 0);
	assert_int_equal(cr_trust_new(&trust), 0);
	assert_int_equal(cr_trust_add_cert(trust, issuer.csca), 1);
	snprintf(path, sizeof(path), "%s/ca.pub", dir);
	f = fopen(path, "w");
	PEM_write_PUBKEY(f, issuer.csca_key);
	fclose(f);
	EVP_Digest(dg1, sizeof(dg1), hash, &n, EVP_get_digestbyname(spec->ds_md), NULL);
	X509_get0_signature(&sig, NULL, issuer.ds);
	cert = place_of(sod.p, sod.len, ASN1_STRING_get0_data(sig), (size_t)ASN1_STRING_length(sig)) +
	       (size_t)ASN1_STRING_length(sig) - 1;

	good = agree(sod.p, sod.len, SIZE_MAX, 0, spec, trust, true) &&
	       agree(sod.p, sod.len, place_of(sod.p, sod.len, hash, n), CONTENT, spec, trust, true) &&
	       agree(sod.p, sod.len, sod.len - 1, CONTENT, spec, trust, true) &&
	       agree(sod.p, sod.len, cert, CERTIFICATE, spec, trust, true) &&
	       agree(list.p, list.len, SIZE_MAX, 0, spec, trust, false) &&
	       agree(list.p, list.len, 200, CONTENT, spec, trust, false) &&
	       agree(list.p, list.len, list.len - 1, CONTENT, spec, trust, false);
	cr_trust_free(trust);
	sim_issuer_free(&issuer);
	sim_buf_free(&sod);
	sim_buf_free(&list);
	return good;
}

static void openssl_and_we_agree_on_every_algorithm(void **state)
{
	static const struct { const char *key; bool pss, explicit_params; } kinds[] = {
		{ "RSA-2048", false, false }, { "RSA-2048", true, false },
		{ "P-224", false, false }, { "P-224", false, true },
		{ "P-256", false, false }, { "P-256", false, true },
		{ "P-384", false, false }, { "P-384", false, true },
		{ "P-521", false, false }, { "P-521", false, true },
		{ "brainpoolP224r1", false, false }, { "brainpoolP224r1", false, true },
		{ "brainpoolP256r1", false, false }, { "brainpoolP256r1", false, true },
		{ "brainpoolP320r1", false, false }, { "brainpoolP320r1", false, true },
		{ "brainpoolP384r1", false, false }, { "brainpoolP384r1", false, true },
		{ "brainpoolP512r1", false, false }, { "brainpoolP512r1", false, true },
	};
	static const char *const digests[] = { "SHA1", "SHA224", "SHA256", "SHA384", "SHA512" };
	char line[128], mrz[89];
	size_t i, k, bad = 0;

	sim_mrz_td3(mrz, "UTO", "ERIKSSON<<ANNA<MARIA", "L898902C3", "UTO", "740812", 'F', "310415", "");
	memcpy(dg1, "\x61\x5b\x5f\x1f\x58", 5);
	memcpy(dg1 + 5, mrz, 88);
	print_message("%-16s %-9s %5s %7s %7s %7s %7s\n", "key", "form", "SHA-1", "SHA-224", "SHA-256", "SHA-384",
		      "SHA-512");
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int n = snprintf(line, sizeof(line), "%-16s %-9s", kinds[i].key, kinds[i].pss ? "PSS" :
				 kinds[i].key[0] == 'R' ? "PKCS#1" : kinds[i].explicit_params ? "explicit" : "named");

		for (k = 0; k < 5; k++) {
			struct sim_issuer_spec spec = {
				"UT", "UTO", "Utopia", "Utopia", kinds[i].key, kinds[i].key, digests[k], digests[k],
				kinds[i].explicit_params, kinds[i].pss, "P", NULL, false,
			};
			bool good = cell(&spec);

			bad += !good;
			n += snprintf(line + n, sizeof(line) - (size_t)n, " %*s", k ? 7 : 5, good ? "agree" : "DIFFER");
		}
		print_message("%s\n", line);
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssl_and_we_agree_on_every_algorithm),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
