/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EF.SOD, and what is signed in it (ICAO 9303-10, 4.6.2; RFC 5652). An edit can name a part of it as it names a file:
 *
 *	LDS/30		the LDSSecurityObject; messageDigest and the signature follow
 *	DSC/30		what is signed of the signer's certificate; its signature and SignerInfo's sid follow
 *	Signer/30	the SignerInfo; its signature follows where a signed attribute was edited
 *	SOD		all of it, signed or not: nothing follows
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include "conformity.h"

#define SIGNED_DATA	"77/30/A0/30"
#define CONTENT		SIGNED_DATA "/30/A0/04"
#define CERTIFICATE	SIGNED_DATA "/A0/30"
#define SIGNER		SIGNED_DATA "/31.2/30"
#define ATTRIBUTES	SIGNER "/A0"
#define MESSAGE_DIGEST	ATTRIBUTES "/30{2A864886F70D010904}/31/04"

/* ---- signing: by what an AlgorithmIdentifier says ---- */

/* BSI TR-03111, 5.2.1.1: ecdsa-plain-signatures, 0.4.0.127.0.7.1.1.4.1.N */
static const uint8_t plain[] = { 0x06, 0x0a, 0x04, 0x00, 0x7f, 0x00, 0x07, 0x01, 0x01, 0x04, 0x01, 0x00 };
static const int plain_digests[] = { NID_undef, NID_sha1, NID_sha224, NID_sha256, NID_sha384, NID_sha512 };

static unsigned int plain_arc(const struct sim_tlv *alg)
{
	size_t n = sizeof(plain) - 1;

	return alg->len == sizeof(plain) && !memcmp(alg->value, plain, n) && alg->value[n] <= 5 ? alg->value[n] : 0;
}

/* r and s, each as long as the group's order. */
static bool put_plain(EVP_PKEY *key, const uint8_t *der, size_t len, struct sim_buf *out)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	int n = (EVP_PKEY_get_bits(key) + 7) / 8;
	uint8_t rs[132];
	bool ok = sig && n <= 66 && BN_bn2binpad(ECDSA_SIG_get0_r(sig), rs, n) == n &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), rs + n, n) == n;

	if (ok)
		sim_buf_put(out, rs, 2 * (size_t)n);
	ECDSA_SIG_free(sig);
	return ok;
}

/* RFC 4055, 3.1; the digest, SHA-1 where they leave it out, and how long the salt is. */
static int pss_parameters(const X509_ALGOR *alg, int *salt)
{
	RSA_PSS_PARAMS *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), alg->parameter);
	int nid = p && p->hashAlgorithm ? OBJ_obj2nid(p->hashAlgorithm->algorithm) : NID_sha1;

	*salt = p && p->saltLength ? (int)ASN1_INTEGER_get(p->saltLength) : 20;
	RSA_PSS_PARAMS_free(p);
	return nid;
}

/* usual: what rsaEncryption, which names no digest, is used with. */
static bool sign(EVP_PKEY *key, const struct sim_tlv *alg, int usual, const void *data, size_t len, struct sim_buf *out)
{
	const unsigned char *p = alg->value + alg->len - alg->total;
	X509_ALGOR *a = d2i_X509_ALGOR(NULL, &p, (long)alg->total);
	int nid = a ? OBJ_obj2nid(a->algorithm) : NID_undef, md = NID_undef, salt = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	uint8_t sig[1024];
	size_t n = sizeof(sig);
	bool ok;

	if (plain_arc(alg))
		md = plain_digests[plain_arc(alg)];
	else if (nid == NID_rsassaPss)
		md = pss_parameters(a, &salt);
	else if (nid == NID_rsaEncryption || !OBJ_find_sigid_algs(nid, &md, NULL))
		md = usual;
	ok = a && ctx && EVP_DigestSignInit(ctx, &pctx, EVP_get_digestbynid(md), NULL, key) == 1;
	if (ok && nid == NID_rsassaPss)
		ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) > 0 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, salt) > 0;
	ok = ok && EVP_DigestSign(ctx, sig, &n, data, len) == 1;
	if (ok && plain_arc(alg))
		ok = put_plain(key, sig, n, out);
	else if (ok)
		sim_buf_put(out, sig, n);
	EVP_MD_CTX_free(ctx);
	X509_ALGOR_free(a);
	return ok;
}

/* ---- parts of EF.SOD ---- */

static int digest_of(const struct sim_tlv *alg)
{
	const unsigned char *p = alg->value;
	ASN1_OBJECT *oid = d2i_ASN1_OBJECT(NULL, &p, (long)alg->len);
	int nid = OBJ_obj2nid(oid);

	ASN1_OBJECT_free(oid);
	return nid;
}

/* RFC 5652, 5.4: what is signed of the attributes has the tag of a SET. */
static int sign_attributes(struct conf_card *c)
{
	struct sim_buf *sod = &c->draft->sod, set = { 0 }, sig = { 0 };
	struct sim_tlv attributes, alg, digest;
	int err = CR_E_CRYPTO;

	if (!conf_object(sod, ATTRIBUTES, &attributes) || !conf_object(sod, SIGNER "/30.3", &alg) ||
	    !conf_object(sod, SIGNER "/30.2", &digest))
		return CR_E_NOT_FOUND;
	sim_ber_put(&set, 0x31, attributes.value, attributes.len);
	if (sign(c->issuer.ds_key, &alg, digest_of(&digest), set.p, set.len, &sig))
		err = conf_object_put(sod, SIGNER "/04", sig.p, sig.len);
	sim_buf_free(&set);
	sim_buf_free(&sig);
	return err;
}

static int sign_content(struct conf_card *c)
{
	struct sim_buf *sod = &c->draft->sod;
	struct sim_tlv content, alg;
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned int n;
	int err;

	if (!conf_object(sod, CONTENT, &content) || !conf_object(sod, SIGNER "/30.2", &alg) ||
	    EVP_Digest(content.value, content.len, md, &n, EVP_get_digestbynid(digest_of(&alg)), NULL) != 1)
		return CR_E_CRYPTO;
	err = conf_object_put(sod, MESSAGE_DIGEST, md, n);
	return err ? err : sign_attributes(c);
}

/* issuerAndSerialNumber, of a certificate that has both. */
static int name_signer(struct conf_card *c)
{
	struct sim_buf *sod = &c->draft->sod, sid = { 0 };
	struct sim_tlv cert, part;
	unsigned char *name = NULL;
	const unsigned char *p;
	X509 *x;
	int n, err;

	if (!conf_object(sod, CERTIFICATE, &cert) || !conf_object(sod, CERTIFICATE "/30/02", &part))
		return 0;
	p = cert.value + cert.len - cert.total;
	x = d2i_X509(NULL, &p, (long)cert.total);
	ERR_clear_error();
	if (!x)
		return 0;
	n = i2d_X509_NAME(X509_get_issuer_name(x), &name);
	sim_buf_put(&sid, name, n > 0 ? (size_t)n : 0);
	sim_ber_put(&sid, 0x02, part.value, part.len);
	err = conf_object_put(sod, SIGNER "/30", sid.p, sid.len);
	sim_buf_free(&sid);
	OPENSSL_free(name);
	X509_free(x);
	return err;
}

/* cert: path of a certificate in a file. */
static int sign_certificate(struct sim_buf *file, const char *cert, EVP_PKEY *key)
{
	struct sim_buf bits = { 0 };
	struct sim_tlv tbs, alg;
	char path[100];
	int err = CR_E_CRYPTO;

	snprintf(path, sizeof(path), "%s/30", cert);
	if (!conf_object(file, path, &tbs))
		return CR_E_NOT_FOUND;
	snprintf(path, sizeof(path), "%s/30.2", cert);
	if (!conf_object(file, path, &alg))
		return CR_E_NOT_FOUND;
	sim_buf_byte(&bits, 0);		/* of a BIT STRING: no bits unused */
	snprintf(path, sizeof(path), "%s/03", cert);
	if (sign(key, &alg, NID_undef, tbs.value + tbs.len - tbs.total, tbs.total, &bits))
		err = conf_object_put(file, path, bits.p, bits.len);
	sim_buf_free(&bits);
	return err;
}

static const struct { const char *name, *at; } parts[] = {
	{ "LDS/", CONTENT }, { "DSC/", CERTIFICATE }, { "Signer/", SIGNED_DATA "/31.2" },
};

const char *conf_sod_part(const char *arg, const char **path)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strncmp(arg, parts[i].name, strlen(parts[i].name)))
			continue;
		*path = arg + strlen(parts[i].name);
		return parts[i].at;
	}
	return NULL;
}

int conf_sod_sign(struct conf_card *c, const char *arg)
{
	int err;

	if (*arg == 'L')
		return sign_content(c);
	if (*arg == 'S')
		return strncmp(arg, "Signer/30/A0", 12) ? 0 : sign_attributes(c);
	err = sign_certificate(&c->draft->sod, CERTIFICATE, c->issuer.csca_key);
	return err ? err : name_signer(c);
}

/* ---- generators ---- */

/* "RSA-SHA256", OpenSSL's short name. Without it SignerInfo says rsaEncryption, and names the digest beside it. */
static int signature_algorithm(struct conf_card *c, const char *arg)
{
	struct sim_buf value = { 0 };
	char oid[64];
	int err;

	if (OBJ_obj2txt(oid, sizeof(oid), OBJ_nid2obj(OBJ_sn2nid(arg)), 1) <= 0)
		return CR_E_MALFORMED;
	sim_ber_oid(&value, oid, false);
	sim_ber_put(&value, 0x05, NULL, 0);
	err = conf_object_put(&c->draft->sod, SIGNER "/30.3", value.p, value.len);
	sim_buf_free(&value);
	return err ? err : sign_attributes(c);
}
CONF_GENERATOR(signature_algorithm, "NAME: SignerInfo's signatureAlgorithm, an RSA one, and the signature",
	       .files = signature_algorithm);

static unsigned int arc_of(const char *md)
{
	int nid = EVP_MD_get_type(EVP_get_digestbyname(md));
	unsigned int i = 5;

	while (i && plain_digests[i] != nid)
		i--;
	return i;
}

static void put_plain_oid(const char *md, struct sim_buf *out)
{
	sim_buf_put(out, plain, sizeof(plain) - 1);
	sim_buf_byte(out, (uint8_t)arc_of(md));
}

static int plain_certificate(const char *md, X509 **x, EVP_PKEY *key)
{
	struct sim_buf der = { 0 }, alg = { 0 };
	unsigned char *p = NULL;
	const unsigned char *q;
	int n = i2d_X509(*x, &p), err;

	sim_buf_put(&der, p, n > 0 ? (size_t)n : 0);
	OPENSSL_free(p);
	put_plain_oid(md, &alg);
	err = conf_object_put(&der, "30/30/30", alg.p, alg.len);
	if (!err)
		err = conf_object_put(&der, "30/30.2", alg.p, alg.len);
	if (!err)
		err = sign_certificate(&der, "30", key);
	if (!err) {
		X509_free(*x);
		q = der.p;
		*x = d2i_X509(NULL, &q, (long)der.len);
		err = *x ? 0 : CR_E_CRYPTO;
	}
	sim_buf_free(&der);
	sim_buf_free(&alg);
	return err;
}

static int plain_issuer(struct conf_card *c, const char *arg)
{
	int err = conf_issuer(c);

	if (!err)
		err = plain_certificate(c->spec.csca_md, &c->issuer.csca, c->issuer.csca_key);
	return err ? err : plain_certificate(c->spec.csca_md, &c->issuer.ds, c->issuer.csca_key);
}

static int plain_sod(struct conf_card *c, const char *arg)
{
	struct sim_buf alg = { 0 };
	int err;

	put_plain_oid(c->spec.ds_md, &alg);
	err = conf_object_put(&c->draft->sod, SIGNER "/30.3", alg.p, alg.len);
	sim_buf_free(&alg);
	return err ? err : sign_attributes(c);
}
CONF_GENERATOR(plain_ecdsa, "CSCA, signer and EF.SOD: ecdsa-plain-signatures, BSI's object identifiers",
	       .recipe = plain_issuer, .files = plain_sod);

static int signer_in_trust(struct conf_card *c, const char *arg)
{
	unsigned char *der = NULL;
	int n = i2d_X509(c->issuer.ds, &der), err = CR_E_CRYPTO;
	char path[512];

	snprintf(path, sizeof(path), "%s/trust/signer.cer", c->dir);
	if (n > 0)
		err = sim_write_file(path, der, (size_t)n, 0644);
	OPENSSL_free(der);
	return err;
}
CONF_GENERATOR(signer_in_trust, "the inspection system has the signer's certificate", .folder = signer_in_trust);

static int signer_key_id(struct conf_card *c, const char *arg)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(c->issuer.ds);
	struct sim_buf object = { 0 };
	uint8_t value[64];
	size_t n = id ? (size_t)ASN1_STRING_length(id) : 0;
	int err;

	if (!n || n > sizeof(value))
		return CR_E_NOT_FOUND;
	memcpy(value, ASN1_STRING_get0_data(id), n);
	if (!strcmp(arg, "wrong"))
		value[0] ^= 0xff;
	sim_ber_put(&object, 0x80, value, n);
	err = conf_object_swap(&c->draft->sod, SIGNER "/30", &object);
	sim_buf_free(&object);
	return err;
}
CONF_GENERATOR(signer_key_id, "SignerInfo names the signer by subjectKeyIdentifier; wrong: by another's",
	       .files = signer_key_id);

/* Until 2049 (RFC 5280, 4.1.2.5): "YYMMDDHHMMSSZ" becomes "20YYMMDDHHMMSSZ". */
static int general_times(struct conf_card *c, const char *arg)
{
	struct sim_buf *sod = &c->draft->sod, validity = { 0 };
	struct sim_tlv times, t;
	const uint8_t *p;
	char text[20];
	int err;

	if (!conf_object(sod, CERTIFICATE "/30/30.3", &times))
		return CR_E_NOT_FOUND;
	p = times.value;
	for (size_t n = times.len; n && sim_ber_get(p, n, &t); p += t.total, n -= t.total) {
		if (t.tag != 0x17 || t.len != 13)
			return CR_E_MALFORMED;
		snprintf(text, sizeof(text), "20%.13s", (const char *)t.value);
		sim_ber_str(&validity, 0x18, text);
	}
	err = conf_object_put(sod, CERTIFICATE "/30/30.3", validity.p, validity.len);
	sim_buf_free(&validity);
	return err ? err : conf_sod_sign(c, "DSC/");
}
CONF_GENERATOR(general_times, "the signer's validity is in GeneralizedTime before 2050", .files = general_times);

static int bad_byte(struct sim_buf *file, const char *path)
{
	struct sim_tlv t;

	if (!conf_object(file, path, &t) || !t.len)
		return CR_E_NOT_FOUND;
	file->p[t.value + t.len - 1 - file->p] ^= 0x01;
	return 0;
}

static int bad_signature(struct conf_card *c, const char *arg)
{
	if (!strcmp(arg, "SOD"))
		return bad_byte(&c->draft->sod, SIGNER "/04");
	if (!strcmp(arg, "DSC"))
		return bad_byte(&c->draft->sod, CERTIFICATE "/03");
	return strcmp(arg, "CardSecurity") ? CR_E_MALFORMED : bad_byte(&c->draft->card_security, "30/A0/30/31.2/30/04");
}
CONF_GENERATOR(bad_signature, "SOD, DSC, CardSecurity: its signature is wrong", .files = bad_signature);

static int unsigned_byte(struct conf_card *c, const char *arg)
{
	struct sim_buf *b = &c->draft->dg[atoi(arg) & 15];

	if (!b->len)
		return CR_E_NOT_FOUND;
	b->p[b->len - 1] ^= 0xff;
	return 0;
}
CONF_GENERATOR(unsigned_byte, "N: DGN's last byte is another than the one that was signed", .files = unsigned_byte);

/* The one that the signature has no part of: messageDigest's. */
static int other_digest(struct conf_card *c, const char *arg)
{
	const EVP_MD *md = EVP_get_digestbyname(arg);
	struct sim_buf value = { 0 };
	char oid[64];
	int err;

	if (!md || OBJ_obj2txt(oid, sizeof(oid), OBJ_nid2obj(EVP_MD_get_type(md)), 1) <= 0)
		return CR_E_MALFORMED;
	sim_ber_oid(&value, oid, false);
	err = conf_object_put(&c->draft->sod, SIGNER "/30.2", value.p, value.len);
	if (!err)
		err = conf_object_put(&c->draft->sod, SIGNED_DATA "/31/30", value.p, value.len);
	sim_buf_free(&value);
	return err ? err : sign_content(c);
}
CONF_GENERATOR(other_digest, "NAME: SignerInfo's digestAlgorithm; its signature keeps the digest that it has",
	       .files = other_digest);
