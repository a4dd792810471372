/* SPDX-License-Identifier: BSD-2-Clause */
/* A state for tests: issuers, document signers, security objects, each of them as wrong as the test wants it. */
#ifndef CR_TEST_PKI_H
#define CR_TEST_PKI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include "iso7816/tlv.h"

#define NOW	1790000000L	/* 2026-09-21 */
#define YEAR	(365L * 86400)

/* "P-256", "brainpoolP384r1", "RSA", ...; explicit: the curve written out. */
static inline EVP_PKEY *pki_key(const char *kind, bool explicit_params)
{
	EVP_PKEY *key;

	key = !strcmp(kind, "RSA") ? EVP_RSA_gen(2048) : EVP_EC_gen(kind);
	if (key && explicit_params)
		EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT);
	return key;
}

struct pki_cert {
	const char *country, *name;		/* subject */
	X509 *issuer;				/* NULL: itself */
	EVP_PKEY *key, *issuer_key;
	const char *issuer_name;		/* instead of the issuer's own */
	const char *md;				/* "SHA256" */
	bool pss, ca, no_akid, critical;
	const ASN1_OCTET_STRING *skid;		/* instead of the key's own */
	const char *usage, *eku;
	long from, to;				/* relative to NOW; 0: one year before, ten after */
	long serial;
};

static inline void pki_name(X509_NAME *n, const char *country, const char *name)
{
	X509_NAME_add_entry_by_txt(n, "C", MBSTRING_UTF8, (const unsigned char *)country, -1, -1, 0);
	X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8, (const unsigned char *)"Test", -1, -1, 0);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
}

static inline void pki_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (e)
		X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

static inline void pki_sign(X509 *x, EVP_PKEY *key, const char *md, bool pss)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;

	EVP_DigestSignInit(ctx, &pctx, EVP_get_digestbyname(md), NULL, key);
	if (pss) {
		EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST);
	}
	X509_sign_ctx(x, ctx);
	EVP_MD_CTX_free(ctx);
}

static inline X509 *pki_make(const struct pki_cert *c)
{
	static long serial = 100;
	X509 *x = X509_new(), *issuer = c->issuer ? c->issuer : x;
	X509_NAME *n = X509_NAME_new();

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), c->serial ? c->serial : ++serial);
	ASN1_TIME_set(X509_getm_notBefore(x), NOW + (c->from ? c->from : -YEAR));
	ASN1_TIME_set(X509_getm_notAfter(x), NOW + (c->to ? c->to : 10 * YEAR));
	pki_name(n, c->country, c->name);
	X509_set_subject_name(x, n);
	if (c->issuer_name) {
		X509_NAME_free(n);
		n = X509_NAME_new();
		pki_name(n, c->country, c->issuer_name);
		X509_set_issuer_name(x, n);
	} else {
		X509_set_issuer_name(x, X509_get_subject_name(issuer));
	}
	X509_NAME_free(n);
	X509_set_pubkey(x, c->key);
	if (c->skid)
		X509_add1_ext_i2d(x, NID_subject_key_identifier, (void *)c->skid, 0, 0);
	else
		pki_ext(x, issuer, NID_subject_key_identifier, "hash");
	if (!c->no_akid)
		pki_ext(x, issuer, NID_authority_key_identifier, "keyid:always");
	if (c->ca)
		pki_ext(x, issuer, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
	if (!c->usage || *c->usage)
		pki_ext(x, issuer, NID_key_usage, c->usage ? c->usage :
			c->ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
	if (c->eku)
		pki_ext(x, issuer, NID_ext_key_usage, c->eku);
	if (c->critical) {
		ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();
		ASN1_OBJECT *o = OBJ_txt2obj("1.2.3.4.5", 1);
		X509_EXTENSION *e;

		ASN1_OCTET_STRING_set(v, (const unsigned char *)"\x05\x00", 2);
		e = X509_EXTENSION_create_by_OBJ(NULL, o, 1, v);
		X509_add_ext(x, e, -1);
		X509_EXTENSION_free(e);
		ASN1_OBJECT_free(o);
		ASN1_OCTET_STRING_free(v);
	}
	pki_sign(x, c->issuer_key ? c->issuer_key : c->key, c->md ? c->md : "SHA256", c->pss);
	return x;
}

/* A list of the issuer; revoked may be NULL, reason (RFC 5280, 5.3.1) 0. from, to relative to NOW. */
static inline X509_CRL *pki_crl_for(X509 *issuer, EVP_PKEY *key, const X509 *revoked, long reason, long from, long to)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_new();
	ASN1_ENUMERATED *e = ASN1_ENUMERATED_new();
	X509_REVOKED *r;

	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer));
	ASN1_TIME_set(t, NOW + from);
	X509_CRL_set1_lastUpdate(crl, t);
	if (revoked) {
		r = X509_REVOKED_new();
		X509_REVOKED_set_serialNumber(r, (ASN1_INTEGER *)X509_get0_serialNumber(revoked));
		X509_REVOKED_set_revocationDate(r, t);
		ASN1_ENUMERATED_set(e, reason);
		if (reason)
			X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, e, 0, 0);
		X509_CRL_add0_revoked(crl, r);
	}
	ASN1_TIME_set(t, NOW + to);
	X509_CRL_set1_nextUpdate(crl, t);
	ASN1_TIME_free(t);
	ASN1_ENUMERATED_free(e);
	X509_CRL_sort(crl);
	X509_CRL_sign(crl, key, EVP_sha256());
	return crl;
}

static inline X509_CRL *pki_crl(X509 *issuer, EVP_PKEY *key, const X509 *revoked, long from, long to)
{
	return pki_crl_for(issuer, key, revoked, 0, from, to);
}

/* Part of such a list: nid is that of the extension that says so. */
static inline X509_CRL *pki_crl_part(X509 *issuer, EVP_PKEY *key, int nid, long from, long to)
{
	X509_CRL *crl = pki_crl(issuer, key, NULL, from, to);
	ISSUING_DIST_POINT *point = ISSUING_DIST_POINT_new();
	ASN1_INTEGER *base = ASN1_INTEGER_new();

	ASN1_INTEGER_set(base, 1);
	point->onlyCA = 0xff;
	X509_CRL_add1_ext_i2d(crl, nid, nid == NID_delta_crl ? (void *)base : (void *)point, 1, 0);
	X509_CRL_sign(crl, key, EVP_sha256());
	ASN1_INTEGER_free(base);
	ISSUING_DIST_POINT_free(point);
	return crl;
}

struct pki_dg {
	int number;
	const uint8_t *data;
	size_t len;
};

struct pki_sod {
	X509 *signer;
	EVP_PKEY *key;
	STACK_OF(X509) *more;		/* further certificates */
	const char *md, *lds_md;	/* of the signature; of the groups, the same if NULL */
	const char *content_type;	/* "2.23.136.1.1.1" */
	int version;
	bool v1_info, pss, skid, no_cert, no_attr;
	int drop_hash, add_hash;	/* data group numbers */
	int short_hash;			/* this group's hash is a byte short */
	int trailing;			/* bytes after the LDSSecurityObject */
};

/* The LDSSecurityObject's DER. */
static inline void pki_lds(struct cr_buf *b, const struct pki_sod *s, const struct pki_dg *dgs, size_t n)
{
	const EVP_MD *md = EVP_get_digestbyname(s->lds_md ? s->lds_md : s->md ? s->md : "SHA256");
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t seq = cr_tlv_begin(b, 0x30), m, k, i, len = (size_t)EVP_MD_get_size(md);
	ASN1_OBJECT *oid = OBJ_nid2obj(EVP_MD_get_type(md));

	cr_tlv_put_u8(b, 0x02, (uint8_t)(s->version ? s->version : s->v1_info));
	m = cr_tlv_begin(b, 0x30);
	cr_tlv_put(b, 0x06, OBJ_get0_data(oid), OBJ_length(oid));
	cr_tlv_end(b, m);
	m = cr_tlv_begin(b, 0x30);
	for (i = 0; i < n; i++) {
		if (dgs[i].number == s->drop_hash)
			continue;
		EVP_Digest(dgs[i].data, dgs[i].len, digest, NULL, md, NULL);
		k = cr_tlv_begin(b, 0x30);
		cr_tlv_put_u8(b, 0x02, (uint8_t)dgs[i].number);
		cr_tlv_put(b, 0x04, digest, len - (dgs[i].number == s->short_hash));
		cr_tlv_end(b, k);
	}
	if (s->add_hash) {
		k = cr_tlv_begin(b, 0x30);
		cr_tlv_put_u8(b, 0x02, (uint8_t)s->add_hash);
		memset(digest, 7, len);
		cr_tlv_put(b, 0x04, digest, len);
		cr_tlv_end(b, k);
	}
	cr_tlv_end(b, m);
	if (s->v1_info) {
		m = cr_tlv_begin(b, 0x30);
		cr_tlv_put(b, 0x13, "0108", 4);
		cr_tlv_put(b, 0x13, "040000", 6);
		cr_tlv_end(b, m);
	}
	cr_tlv_end(b, seq);
	for (i = 0; i < (size_t)s->trailing; i++)
		cr_buf_put_u8(b, 0);
}

/* EF.SOD, tag and all; free(). */
static inline uint8_t *pki_make_sod(const struct pki_sod *s, const struct pki_dg *dgs, size_t n, size_t *len)
{
	const EVP_MD *md = EVP_get_digestbyname(s->md ? s->md : "SHA256");
	ASN1_OBJECT *type = OBJ_txt2obj(s->content_type ? s->content_type : "2.23.136.1.1.1", 1);
	unsigned int flags = CMS_BINARY | CMS_NOSMIMECAP | (s->skid ? CMS_USE_KEYID : 0) |
			     (s->no_attr ? CMS_NOATTR : 0);
	CMS_ContentInfo *cms;
	CMS_SignerInfo *si;
	struct cr_buf lds, out;
	unsigned char *der = NULL;
	uint8_t *copy;
	BIO *bio;
	int i, l;

	cr_buf_init(&lds);
	pki_lds(&lds, s, dgs, n);
	bio = BIO_new_mem_buf(lds.data, (int)lds.len);
	cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_PARTIAL | CMS_BINARY);
	CMS_set_detached(cms, 0);
	CMS_set1_eContentType(cms, type);
	si = CMS_add1_signer(cms, s->signer, s->key, md, flags | CMS_NOCERTS | (s->pss ? CMS_KEY_PARAM : 0));
	if (s->pss) {
		EVP_PKEY_CTX_set_rsa_padding(CMS_SignerInfo_get0_pkey_ctx(si), RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(CMS_SignerInfo_get0_pkey_ctx(si), RSA_PSS_SALTLEN_DIGEST);
	}
	if (!s->no_cert)
		CMS_add1_cert(cms, s->signer);
	for (i = 0; i < sk_X509_num(s->more); i++)
		CMS_add1_cert(cms, sk_X509_value(s->more, i));
	CMS_final(cms, bio, NULL, CMS_BINARY);
	l = i2d_CMS_ContentInfo(cms, &der);
	cr_buf_init(&out);
	cr_tlv_put(&out, 0x77, der, l > 0 ? (size_t)l : 0);
	*len = out.len;
	copy = malloc(out.len);
	memcpy(copy, out.data, out.len);
	cr_buf_free(&out);
	cr_buf_free(&lds);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(bio);
	ASN1_OBJECT_free(type);
	return copy;
}

#endif
