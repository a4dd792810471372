/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An issuing state: country signing CA, document signer, revocation list, document security object.
 * Certificate profiles: ICAO 9303-12, 7.1; EF.SOD: ICAO 9303-10, 4.6.2.
 */
#include "issue.h"

#include <stdio.h>
#include <string.h>
#include <cardring/error.h>
#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/dsa.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define DAY		86400L
#define YEAR		(365L * DAY)
#define CSCA_LIFE	(15 * YEAR)
#define CSCA_USE	(5 * YEAR)
#define DS_LIFE		(10 * YEAR + 92 * DAY)
#define DS_USE		(92 * DAY)

#define OID_LDS_SECURITY_OBJECT	"2.23.136.1.1.1"
#define OID_SECURITY_OBJECT	"0.4.0.127.0.7.3.2.1"
#define OID_DOCUMENT_TYPES	"2.23.136.1.1.6.2"
#define OID_MASTER_LIST		"2.23.136.1.1.2"

/* FIPS 186-4, 4.2: a subgroup of 256 bits. Finding the domain parameters takes seconds. */
static EVP_PKEY *dsa_key(unsigned int bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
	EVP_PKEY *domain = NULL, *key = NULL;

	if (ctx && EVP_PKEY_paramgen_init(ctx) > 0 && EVP_PKEY_CTX_set_dsa_paramgen_bits(ctx, (int)bits) > 0 &&
	    EVP_PKEY_CTX_set_dsa_paramgen_q_bits(ctx, 256) > 0 && EVP_PKEY_paramgen(ctx, &domain) > 0) {
		EVP_PKEY_CTX_free(ctx);
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, domain, NULL);
		if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0 || EVP_PKEY_generate(ctx, &key) <= 0)
			key = NULL;
	}
	EVP_PKEY_free(domain);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

EVP_PKEY *sim_key_new(const char *kind, bool explicit_params)
{
	const char *encoding = explicit_params ? OSSL_PKEY_EC_ENCODING_EXPLICIT : OSSL_PKEY_EC_ENCODING_GROUP;
	OSSL_PARAM params[3];
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key = NULL;
	unsigned int bits;

	bool field = !strncmp(kind, "dh_", 3) || !strncmp(kind, "ffdhe", 5) || !strncmp(kind, "modp_", 5);

	if (sscanf(kind, "RSA-%u", &bits) == 1)
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
	if (sscanf(kind, "DSA-%u", &bits) == 1)
		return dsa_key(bits);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)kind, 0);
	params[1] = field ? OSSL_PARAM_construct_end()
			  : OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, (char *)encoding, 0);
	params[2] = OSSL_PARAM_construct_end();
	/* "DHX" writes its parameters as X9.42 does, "DH" as PKCS #3 */
	ctx = EVP_PKEY_CTX_new_from_name(NULL, !field ? "EC" : *kind == 'd' ? "DHX" : "DH", NULL);
	if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0 || EVP_PKEY_CTX_set_params(ctx, params) <= 0 ||
	    EVP_PKEY_generate(ctx, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool add_raw(X509 *x, const char *oid, struct sim_buf *der)
{
	ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *os = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext = NULL;
	bool ok;

	ok = obj && os && !der->failed && ASN1_OCTET_STRING_set(os, der->p, (int)der->len) &&
	     (ext = X509_EXTENSION_create_by_OBJ(NULL, obj, 0, os)) && X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(os);
	ASN1_OBJECT_free(obj);
	sim_buf_free(der);
	return ok;
}

static bool add_conf(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

/* 9303-12, 7.1.1.2: alternative names are a directory name with the state's three letters. */
static bool add_alt_name(X509 *x, const char *oid, const char *state)
{
	struct sim_buf a = { 0 }, b = { 0 };

	sim_ber_oid(&a, "2.5.4.7", false);
	sim_ber_str(&a, 0x13, state);
	sim_ber_wrap(&b, 0x30, &a);
	sim_ber_wrap(&a, 0x31, &b);
	sim_ber_wrap(&b, 0x30, &a);
	sim_ber_wrap(&a, 0xa4, &b);
	sim_ber_wrap(&b, 0x30, &a);
	return add_raw(x, oid, &b);
}

static bool put_time(struct sim_buf *b, uint32_t tag, time_t t)
{
	struct tm tm;
	char s[16];

	if (!gmtime_r(&t, &tm) || strftime(s, sizeof(s), "%Y%m%d%H%M%SZ", &tm) != 15)
		return false;
	sim_ber_str(b, tag, s);
	return true;
}

static bool add_key_usage_period(X509 *x, time_t from, time_t to)
{
	struct sim_buf a = { 0 }, b = { 0 };

	if (!put_time(&a, 0x80, from) || !put_time(&a, 0x81, to))
		return false;
	sim_ber_wrap(&b, 0x30, &a);
	return add_raw(x, "2.5.29.16", &b);
}

static bool add_document_types(X509 *x, const char *type)
{
	struct sim_buf a = { 0 }, b = { 0 }, set = { 0 };

	sim_ber_int(&a, 0);
	sim_ber_str(&set, 0x13, type);
	sim_ber_wrap(&a, 0x31, &set);
	sim_ber_wrap(&b, 0x30, &a);
	return add_raw(x, OID_DOCUMENT_TYPES, &b);
}

static bool set_serial(X509 *x)
{
	uint8_t r[16];
	BIGNUM *bn;
	bool ok;

	if (RAND_bytes(r, sizeof(r)) != 1)
		return false;
	r[0] = (r[0] & 0x3f) | 0x40;	/* positive, always sixteen octets */
	bn = BN_bin2bn(r, sizeof(r), NULL);
	ok = bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x));
	BN_free(bn);
	return ok;
}

static bool set_name(X509_NAME *n, const struct sim_issuer_spec *spec, const char *cn)
{
	return (!spec->country ||
		X509_NAME_add_entry_by_txt(n, "C", MBSTRING_ASC, (const uint8_t *)spec->country, -1, -1, 0)) &&
	       X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8, (const uint8_t *)spec->organization, -1, -1, 0) &&
	       X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const uint8_t *)cn, -1, -1, 0);
}

static bool sign_ctx(EVP_MD_CTX *ctx, EVP_PKEY *key, const char *md, bool pss)
{
	EVP_PKEY_CTX *pctx = NULL;

	if (!ctx || EVP_DigestSignInit_ex(ctx, &pctx, md, NULL, NULL, key, NULL) != 1)
		return false;
	return !pss || (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) > 0 &&
			EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) > 0);
}

enum role { CSCA, DOCUMENT_SIGNER, LIST_SIGNER };

/* ca NULL: the CSCA itself. */
static X509 *certify(const struct sim_issuer_spec *spec, enum role role, EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key,
		     time_t from)
{
	static const char *const names[] = { "CSCA %s", "%s Document Signer", "%s Master List Signer" };
	char cn[80], cdp[128];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	X509 *x = X509_new();
	X509 *issuer = ca ? ca : x;
	bool ok;

	snprintf(cn, sizeof(cn), names[role], spec->name);
	snprintf(cdp, sizeof(cdp), "URI:http://crl.example/%s.crl", spec->state);
	ok = x && ctx && X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
	     set_name(X509_get_subject_name(x), spec, cn) &&
	     X509_set_issuer_name(x, X509_get_subject_name(issuer)) &&
	     ASN1_TIME_set(X509_getm_notBefore(x), from) &&
	     ASN1_TIME_set(X509_getm_notAfter(x), from + (ca ? DS_LIFE : CSCA_LIFE)) && X509_set_pubkey(x, key) &&
	     add_conf(x, issuer, NID_subject_key_identifier, "hash") &&
	     add_conf(x, issuer, NID_authority_key_identifier, "keyid:always") &&
	     add_key_usage_period(x, from, from + (ca ? DS_USE : CSCA_USE)) &&
	     add_alt_name(x, "2.5.29.17", spec->state) && add_alt_name(x, "2.5.29.18", spec->state) &&
	     add_conf(x, issuer, NID_crl_distribution_points, cdp);
	if (role == DOCUMENT_SIGNER)
		ok = ok && add_conf(x, issuer, NID_key_usage, "critical,digitalSignature") &&
		     add_document_types(x, spec->document_type);
	else if (role == LIST_SIGNER)
		ok = ok && add_conf(x, issuer, NID_key_usage, "critical,digitalSignature") &&
		     add_conf(x, issuer, NID_ext_key_usage, "critical,2.23.136.1.1.3");
	else
		ok = ok && add_conf(x, issuer, NID_key_usage, "critical,keyCertSign,cRLSign") &&
		     add_conf(x, issuer, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
	ok = ok && sign_ctx(ctx, ca_key, spec->csca_md, spec->pss && !spec->pkcs1_certs) && X509_sign_ctx(x, ctx);
	EVP_MD_CTX_free(ctx);
	if (!ok) {
		X509_free(x);
		return NULL;
	}
	return x;
}

/* key is taken. */
static int add_signer(const struct sim_issuer *issuer, long ds_from, EVP_PKEY *key, struct sim_issuer *out)
{
	memset(out, 0, sizeof(*out));
	out->spec = issuer->spec;
	out->ds_key = key;
	if (EVP_PKEY_up_ref(issuer->csca_key))
		out->csca_key = issuer->csca_key;
	if (X509_up_ref(issuer->csca))
		out->csca = issuer->csca;
	if (out->csca_key && out->csca && key)
		out->ds = certify(out->spec, DOCUMENT_SIGNER, out->ds_key, out->csca, out->csca_key, time(NULL) + ds_from);
	if (!out->ds) {
		sim_issuer_free(out);
		return CR_E_CRYPTO;
	}
	return 0;
}

int sim_issuer_signer(const struct sim_issuer *issuer, long ds_from, struct sim_issuer *out)
{
	return add_signer(issuer, ds_from, sim_key_new(issuer->spec->ds_key, issuer->spec->explicit_params), out);
}

int sim_issuer_with(const struct sim_issuer_spec *spec, long csca_from, long ds_from, EVP_PKEY *csca_key, EVP_PKEY *ds_key,
		    struct sim_issuer *out)
{
	struct sim_issuer root = { .spec = spec, .csca_key = csca_key };
	int err = CR_E_CRYPTO;

	memset(out, 0, sizeof(*out));
	if (root.csca_key)
		root.csca = certify(spec, CSCA, root.csca_key, NULL, root.csca_key, time(NULL) + csca_from);
	if (root.csca)
		err = add_signer(&root, ds_from, ds_key, out);
	else
		EVP_PKEY_free(ds_key);
	sim_issuer_free(&root);
	return err;
}

int sim_issuer_new(const struct sim_issuer_spec *spec, long csca_from, long ds_from, struct sim_issuer *out)
{
	return sim_issuer_with(spec, csca_from, ds_from, sim_key_new(spec->csca_key, spec->explicit_params),
			       sim_key_new(spec->ds_key, spec->explicit_params), out);
}

void sim_issuer_free(struct sim_issuer *issuer)
{
	EVP_PKEY_free(issuer->csca_key);
	EVP_PKEY_free(issuer->ds_key);
	X509_free(issuer->csca);
	X509_free(issuer->ds);
	memset(issuer, 0, sizeof(*issuer));
}

static bool crl_extensions(X509_CRL *crl, X509 *ca)
{
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	X509_EXTENSION *aki;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, ca, NULL, NULL, crl, 0);
	aki = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
	ok = aki && number && ASN1_INTEGER_set(number, 1) && X509_CRL_add_ext(crl, aki, -1) &&
	     X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0);
	X509_EXTENSION_free(aki);
	ASN1_INTEGER_free(number);
	return ok;
}

/* 9303-12, 7.1.4. A sample's list serves as long as the certificates do. */
int sim_issuer_crl(const struct sim_issuer *issuer, const X509 *revoked, struct sim_buf *der)
{
	time_t now = time(NULL);
	ASN1_TIME *from = ASN1_TIME_set(NULL, now - DAY), *to = ASN1_TIME_set(NULL, now + CSCA_LIFE);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *rev = NULL;
	unsigned char *p = NULL;
	int len = -1;
	bool ok;

	ok = from && to && crl && X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
	     X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->csca)) &&
	     X509_CRL_set1_lastUpdate(crl, from) && X509_CRL_set1_nextUpdate(crl, to);
	if (ok && revoked) {
		rev = X509_REVOKED_new();
		ok = rev && X509_REVOKED_set_serialNumber(rev, (ASN1_INTEGER *)X509_get0_serialNumber(revoked)) &&
		     X509_REVOKED_set_revocationDate(rev, from) && X509_CRL_add0_revoked(crl, rev);
		if (!ok)
			X509_REVOKED_free(rev);
	}
	ok = ok && crl_extensions(crl, issuer->csca) &&
	     sign_ctx(ctx, issuer->csca_key, issuer->spec->csca_md, issuer->spec->pss && !issuer->spec->pkcs1_certs) &&
	     X509_CRL_sign_ctx(crl, ctx);
	if (ok)
		len = i2d_X509_CRL(crl, &p);
	if (len > 0)
		sim_buf_put(der, p, (size_t)len);
	OPENSSL_free(p);
	X509_CRL_free(crl);
	EVP_MD_CTX_free(ctx);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return len > 0 && !der->failed ? 0 : CR_E_CRYPTO;
}

/* The day after the signer's key came into use, which is when the document was issued. */
static bool set_signing_time(CMS_SignerInfo *si, const X509 *signer)
{
	struct tm tm;
	ASN1_TIME *t;
	bool ok;

	if (!ASN1_TIME_to_tm(X509_get0_notBefore(signer), &tm))
		return false;
	t = ASN1_TIME_set(NULL, timegm(&tm) + DAY);
	ok = t && CMS_signed_add1_attr_by_NID(si, NID_pkcs9_signingTime, ASN1_STRING_type(t), t, -1);
	ASN1_TIME_free(t);
	return ok;
}

static bool security_object(const struct sim_issuer *issuer, const struct sim_dg *dgs, size_t n, struct sim_buf *out)
{
	struct sim_buf so = { 0 }, a = { 0 }, list = { 0 };
	const EVP_MD *md = EVP_get_digestbyname(issuer->spec->lds_md ? issuer->spec->lds_md : issuer->spec->ds_md);
	char oid[64];

	if (!md || OBJ_obj2txt(oid, sizeof(oid), OBJ_nid2obj(EVP_MD_get_type(md)), 1) <= 0)
		return false;
	sim_ber_int(&so, 0);
	sim_ber_oid(&a, oid, false);
	sim_ber_put(&a, 0x05, NULL, 0);
	sim_ber_wrap(&so, 0x30, &a);
	for (size_t i = 0; i < n; i++) {
		uint8_t h[EVP_MAX_MD_SIZE];
		unsigned int len;

		if (!EVP_Digest(dgs[i].data, dgs[i].len, h, &len, md, NULL)) {
			sim_buf_free(&so);
			sim_buf_free(&list);
			return false;
		}
		sim_ber_int(&a, dgs[i].number);
		sim_ber_put(&a, 0x04, h, len);
		sim_ber_wrap(&list, 0x30, &a);
	}
	sim_ber_wrap(&so, 0x30, &list);
	sim_ber_wrap(out, 0x30, &so);
	return !out->failed;
}

/* SignedData over content, by the document signer; frees nothing. */
static int signed_data(const struct sim_issuer *issuer, const char *content_type, const struct sim_buf *content,
		       struct sim_buf *out)
{
	const unsigned int flags = CMS_BINARY | CMS_NOSMIMECAP | CMS_PARTIAL;
	const EVP_MD *md = EVP_get_digestbyname(issuer->spec->ds_md);
	ASN1_OBJECT *type = OBJ_txt2obj(content_type, 1);
	CMS_ContentInfo *cms = NULL;
	CMS_SignerInfo *si;
	BIO *in = NULL;
	unsigned char *der = NULL;
	int len = -1;
	bool ok;

	ok = type && md && !content->failed && (in = BIO_new_mem_buf(content->p, (int)content->len)) &&
	     (cms = CMS_sign(NULL, NULL, NULL, NULL, flags)) && CMS_set1_eContentType(cms, type) &&
	     (si = CMS_add1_signer(cms, issuer->ds, issuer->ds_key, md,
				   flags | (issuer->spec->pss ? CMS_KEY_PARAM : 0)));
	if (ok && issuer->spec->pss)
		ok = EVP_PKEY_CTX_set_rsa_padding(CMS_SignerInfo_get0_pkey_ctx(si), RSA_PKCS1_PSS_PADDING) > 0;
	ok = ok && set_signing_time(si, issuer->ds) && CMS_final(cms, in, NULL, flags & ~CMS_PARTIAL);
	if (ok)
		len = i2d_CMS_ContentInfo(cms, &der);
	if (len > 0)
		sim_buf_put(out, der, (size_t)len);
	OPENSSL_free(der);
	BIO_free(in);
	CMS_ContentInfo_free(cms);
	ASN1_OBJECT_free(type);
	return len > 0 && !out->failed ? 0 : CR_E_CRYPTO;
}

int sim_sod(const struct sim_issuer *issuer, const struct sim_dg *dgs, size_t n, struct sim_buf *out)
{
	struct sim_buf so = { 0 }, cms = { 0 };
	int err = CR_E_CRYPTO;

	if (security_object(issuer, dgs, n, &so))
		err = signed_data(issuer, OID_LDS_SECURITY_OBJECT, &so, &cms);
	sim_ber_wrap(out, 0x77, &cms);
	sim_buf_free(&so);
	return err;
}

int sim_card_security(const struct sim_issuer *issuer, const struct sim_buf *infos, struct sim_buf *out)
{
	return signed_data(issuer, OID_SECURITY_OBJECT, infos, out);
}

/* CscaMasterList, 9303-12, 9. */
static bool master_list(X509 *const *certs, size_t n, struct sim_buf *out)
{
	struct sim_buf list = { 0 }, set = { 0 };
	unsigned char *der;
	int len;

	sim_ber_int(&list, 0);
	for (size_t i = 0; i < n; i++) {
		der = NULL;
		len = i2d_X509(certs[i], &der);
		if (len > 0)
			sim_buf_put(&set, der, (size_t)len);
		else
			set.failed = true;
		OPENSSL_free(der);
	}
	sim_ber_wrap(&list, 0x31, &set);
	sim_ber_wrap(out, 0x30, &list);
	return !out->failed;
}

int sim_master_list(const struct sim_issuer *issuer, X509 *const *certs, size_t n, struct sim_buf *out)
{
	struct sim_issuer lister = { .spec = issuer->spec };
	struct sim_buf list = { 0 };
	int err = CR_E_CRYPTO;

	lister.ds_key = sim_key_new(issuer->spec->ds_key, issuer->spec->explicit_params);
	if (lister.ds_key)
		lister.ds = certify(issuer->spec, LIST_SIGNER, lister.ds_key, issuer->csca, issuer->csca_key,
				    time(NULL) - 2 * DAY);
	if (lister.ds && master_list(certs, n, &list))
		err = signed_data(&lister, OID_MASTER_LIST, &list, out);
	sim_buf_free(&list);
	sim_issuer_free(&lister);
	return err;
}
