/* SPDX-License-Identifier: BSD-2-Clause */
/* Signature algorithms. No I/O. */
#include <string.h>
#include <openssl/asn1t.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <cardring/error.h>
#include "eid/rule.h"
#include "sigalg.h"

/* BSI TR-03111, 5.2.1.1: ecdsa-plain-signatures, 0.4.0.127.0.7.1.1.4.1.n */
static const unsigned char plain_ecdsa[] = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x01, 0x01, 0x04, 0x01 };
static const int plain_digests[] = {
	NID_undef, NID_sha1, NID_sha224, NID_sha256, NID_sha384, NID_sha512,
};

const char *cr_digest_name(int nid)
{
	switch (nid) {
	case NID_sha1:		return "SHA-1";
	case NID_sha224:	return "SHA-224";
	case NID_sha256:	return "SHA-256";
	case NID_sha384:	return "SHA-384";
	case NID_sha512:	return "SHA-512";
	}
	return NULL;
}

/* The last arc, or 0. */
static unsigned int plain_arc(const X509_ALGOR *alg)
{
	const unsigned char *p;
	const ASN1_OBJECT *oid;
	size_t n;

	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	n = OBJ_length(oid);
	p = OBJ_get0_data(oid);
	if (n != sizeof(plain_ecdsa) + 1 || memcmp(p, plain_ecdsa, sizeof(plain_ecdsa)) ||
	    p[n - 1] > 5)
		return 0;
	return p[n - 1];
}

bool cr_sigalg_is_plain_ecdsa(const X509_ALGOR *alg)
{
	return plain_arc(alg);
}

/* RFC 4055, 3.1: the hash of RSASSA-PSS is in its parameters, SHA-1 where they leave it out. */
static int pss_digest(const X509_ALGOR *alg)
{
	RSA_PSS_PARAMS *pss;
	int nid = NID_sha1;

	pss = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), alg->parameter);
	if (!pss)
		return -1;
	if (pss->hashAlgorithm)
		nid = OBJ_obj2nid(pss->hashAlgorithm->algorithm);
	RSA_PSS_PARAMS_free(pss);
	return cr_digest_name(nid) ? nid : -1;
}

int cr_sigalg_digest(const X509_ALGOR *alg)
{
	int nid = OBJ_obj2nid(alg->algorithm), md, pk;

	if (plain_arc(alg))
		return plain_digests[plain_arc(alg)];
	switch (nid) {
	case NID_rsassaPss:
		return pss_digest(alg);
	case NID_rsaEncryption:
	case NID_X9_62_id_ecPublicKey:
		return NID_undef;
	}
	if (!OBJ_find_sigid_algs(nid, &md, &pk) || !cr_digest_name(md))
		return -1;
	return md;
}

int cr_sig_plain_to_der(ASN1_OCTET_STRING *sig)
{
	int n = ASN1_STRING_length(sig), len;
	const unsigned char *p = ASN1_STRING_get0_data(sig);
	unsigned char *der = NULL;
	ECDSA_SIG *s;
	BIGNUM *r_, *s_;

	if (n < 2 || n % 2 || n > 256)
		return CR_E_MALFORMED;
	s = ECDSA_SIG_new();
	r_ = BN_bin2bn(p, n / 2, NULL);
	s_ = BN_bin2bn(p + n / 2, n / 2, NULL);
	if (!s || !r_ || !s_ || !ECDSA_SIG_set0(s, r_, s_)) {
		BN_free(r_);
		BN_free(s_);
		ECDSA_SIG_free(s);
		return CR_E_NOMEM;
	}
	len = i2d_ECDSA_SIG(s, &der);
	ECDSA_SIG_free(s);
	if (len <= 0)
		return CR_E_NOMEM;
	ASN1_STRING_set0(sig, der, len);
	return CR_OK;
}

/*
 * The first object inside of a SEQUENCE, with its header: what is signed of a certificate or a
 * list.
 */
static bool to_be_signed(const unsigned char *der, int der_len, const unsigned char **tbs,
			 size_t *len)
{
	const unsigned char *p = der, *start;
	long n;
	int tag, class;

	if (ASN1_get_object(&p, &n, &tag, &class, der_len) != V_ASN1_CONSTRUCTED ||
	    tag != V_ASN1_SEQUENCE)
		return false;
	start = p;
	if (ASN1_get_object(&p, &n, &tag, &class, n) != V_ASN1_CONSTRUCTED ||
	    tag != V_ASN1_SEQUENCE)
		return false;
	*tbs = start;
	*len = (size_t)(p - start) + (size_t)n;
	return true;
}

static int plain_verify(const unsigned char *der, int der_len, const ASN1_BIT_STRING *sig,
			int digest, EVP_PKEY *key)
{
	ASN1_OCTET_STRING *copy = ASN1_OCTET_STRING_new();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const unsigned char *tbs;
	size_t len;
	int ok = 0;

	if (copy && ctx && EVP_PKEY_is_a(key, "EC") && to_be_signed(der, der_len, &tbs, &len) &&
	    ASN1_OCTET_STRING_set(copy, ASN1_STRING_get0_data(sig), ASN1_STRING_length(sig)) &&
	    !cr_sig_plain_to_der(copy) &&
	    EVP_DigestVerifyInit(ctx, NULL, EVP_get_digestbynid(digest), NULL, key) == 1)
		ok = EVP_DigestVerify(ctx, ASN1_STRING_get0_data(copy),
				      (size_t)ASN1_STRING_length(copy), tbs, len) == 1;
	EVP_MD_CTX_free(ctx);
	ASN1_OCTET_STRING_free(copy);
	return ok;
}

int cr_x509_signed_by(X509 *cert, EVP_PKEY *key)
{
	const ASN1_BIT_STRING *sig;
	const X509_ALGOR *alg;
	unsigned char *der = NULL;
	int digest, len, ok;

	X509_get0_signature(&sig, &alg, cert);
	/* RFC 5280, 4.1.1.2: what is signed says the same; 4.1.2.3. */
	if (!CR_RULE(certificate_algorithms, !X509_ALGOR_cmp(alg, X509_get0_tbs_sigalg(cert))))
		return 0;
	digest = cr_sigalg_digest(alg);
	if (!CR_RULE(certificate_digest, digest > 0))
		return CR_E_UNSUPPORTED;
	if (!plain_arc(alg)) {
		ok = X509_verify(cert, key) == 1;
	} else {
		len = i2d_X509(cert, &der);
		ok = len > 0 && plain_verify(der, len, sig, digest, key);
		OPENSSL_free(der);
	}
	ERR_clear_error();
	return CR_RULE(certificate_signature, ok);
}

int cr_crl_signed_by(X509_CRL *crl, EVP_PKEY *key)
{
	const ASN1_BIT_STRING *sig;
	const X509_ALGOR *alg;
	unsigned char *der = NULL;
	int digest, len, ok;

	X509_CRL_get0_signature(crl, &sig, &alg);
	digest = cr_sigalg_digest(alg);
	if (digest <= 0)
		return CR_E_UNSUPPORTED;
	if (!plain_arc(alg)) {
		ok = X509_CRL_verify(crl, key) == 1;
	} else {
		len = i2d_X509_CRL(crl, &der);
		ok = len > 0 && plain_verify(der, len, sig, digest, key);
		OPENSSL_free(der);
	}
	ERR_clear_error();
	return ok;
}
