/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signed data. No I/O.
 *
 * OpenSSL's CMS does the cryptography (content digest against messageDigest, signature over the
 * signed attributes). What it leaves to its caller is here: that the algorithms are ones ICAO
 * takes, that the signed attributes are there and name the content's type, that nothing follows.
 */
#include <stdbool.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <cardring/error.h>
#include "eid/rule.h"
#include "sigalg.h"
#include "cms.h"

CMS_ContentInfo *cr_cms_parse(const uint8_t *data, size_t len)
{
	const unsigned char *p = data;
	CMS_ContentInfo *cms;

	cms = len <= CR_CMS_MAX ? d2i_CMS_ContentInfo(NULL, &p, (long)len) : NULL;
	if (cms && (p != data + len || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)) {
		CMS_ContentInfo_free(cms);
		cms = NULL;
	}
	return cms;
}

static X509 *find_signer(CMS_SignerInfo *si, STACK_OF(X509) *certs)
{
	int i;

	for (i = 0; i < sk_X509_num(certs); i++) {
		if (CR_RULE(signer_named, !CMS_SignerInfo_cert_cmp(si, sk_X509_value(certs, i))))
			return sk_X509_value(certs, i);
	}
	return NULL;
}

X509 *cr_cms_find_signer(CMS_SignerInfo *si, STACK_OF(X509) *certs, STACK_OF(X509) *more)
{
	X509 *signer = find_signer(si, certs);

	return signer ? signer : find_signer(si, more);
}

/*
 * RFC 5652, 5.3 and 11.1: signed attributes have to be there unless the content is id-data, and
 * name the content's type, or a signature over one thing could be shown for another.
 */
static const char *check_attributes(CMS_ContentInfo *cms, CMS_SignerInfo *si)
{
	const ASN1_OBJECT *type = CMS_get0_eContentType(cms), *said;

	if (CMS_signed_get_attr_count(si) < 1)
		return OBJ_obj2nid(type) == NID_pkcs7_data ? NULL
							   : "the signed attributes are missing";
	said = CMS_signed_get0_data_by_OBJ(si, OBJ_nid2obj(NID_pkcs9_contentType), -3,
					   V_ASN1_OBJECT);
	if (!said || OBJ_cmp(said, type))
		return "the signed attributes name another type of content";
	return NULL;
}

/* CMS computes one digest by digestAlgorithm: it and the signature's algorithm have to agree. */
static const char *check_algorithms(CMS_SignerInfo *si)
{
	X509_ALGOR *digest, *sig;
	int nid, named;

	CMS_SignerInfo_get0_algs(si, NULL, NULL, &digest, &sig);
	nid = OBJ_obj2nid(digest->algorithm);
	if (!CR_RULE(signature_digest, cr_digest_name(nid)))
		return "the signature's digest algorithm is not one of the SHA family";
	named = cr_sigalg_digest(sig);
	if (!CR_RULE(signature_algorithm, named >= 0))
		return "the signature algorithm is not one that documents may use";
	if (named > NID_undef && named != nid)
		return "the signature algorithm and the digest algorithm do not belong together";
	return NULL;
}

static bool is_usable(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	return key && (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS") ||
		       EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "DSA"));
}

int cr_cms_verify_by(CMS_ContentInfo *cms, CMS_SignerInfo *si, X509 *signer, const char **why)
{
	X509_ALGOR *sig;
	int err;

	*why = check_algorithms(si);
	if (!*why && !is_usable(signer))
		*why = "the signer's key cannot be used";
	if (*why) {
		ERR_clear_error();
		return CR_E_UNSUPPORTED;
	}
	*why = check_attributes(cms, si);
	if (*why)
		return CR_E_CRYPTO;
	CMS_SignerInfo_get0_algs(si, NULL, NULL, NULL, &sig);
	if (cr_sigalg_is_plain_ecdsa(sig)) {
		err = cr_sig_plain_to_der(CMS_SignerInfo_get0_signature(si));
		if (err) {
			*why = "the signature is not two numbers";
			return err == CR_E_NOMEM ? err : CR_E_CRYPTO;
		}
	}
	/*
	 * The certificate is fixed, so that CMS_verify does not choose another one of the same
	 * name.
	 */
	CMS_SignerInfo_set1_signer_cert(si, signer);
	if (!CR_RULE(cms_signature, CMS_verify(cms, NULL, NULL, NULL, NULL,
					       CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) == 1)) {
		ERR_clear_error();
		*why = "the signature does not verify";
		return CR_E_CRYPTO;
	}
	return CR_OK;
}

/* RFC 5652, 11.2. Without signed attributes the signature is over the content, and there is no digest beside it. */
static enum cr_result compare_digest(CMS_ContentInfo *cms, CMS_SignerInfo *si)
{
	ASN1_OCTET_STRING **content = CMS_get0_content(cms);
	unsigned char digest[EVP_MAX_MD_SIZE];
	const ASN1_OCTET_STRING *said;
	X509_ALGOR *algorithm;
	const EVP_MD *md;
	unsigned int len;

	said = CMS_signed_get0_data_by_OBJ(si, OBJ_nid2obj(NID_pkcs9_messageDigest), -3, V_ASN1_OCTET_STRING);
	if (!said)
		return CR_NOT_SUPPORTED;
	CMS_SignerInfo_get0_algs(si, NULL, NULL, &algorithm, NULL);
	md = CR_RULE(signature_digest, cr_digest_name(OBJ_obj2nid(algorithm->algorithm))) ?
	     EVP_get_digestbyobj(algorithm->algorithm) : NULL;
	if (!md || !content || !*content ||
	    !EVP_Digest(ASN1_STRING_get0_data(*content), (size_t)ASN1_STRING_length(*content), digest, &len, md, NULL))
		return CR_UNDETERMINED;
	return CR_RULE(message_digest, ASN1_STRING_length(said) == (int)len &&
		       !CRYPTO_memcmp(ASN1_STRING_get0_data(said), digest, len)) ? CR_SUCCESSFUL : CR_FAILED;
}

void cr_cms_apart(CMS_ContentInfo *cms, CMS_SignerInfo *si, int err, struct cr_cms_checks *out)
{
	out->digest = compare_digest(cms, si);
	out->signature = CR_UNDETERMINED;
	if (!err)
		out->signature = CR_SUCCESSFUL;
	if (err != CR_E_CRYPTO)
		return;
	out->signature = CR_FAILED;
	/* the content is another one: the attributes may be signed well */
	if (out->digest == CR_FAILED && !check_attributes(cms, si) &&
	    CMS_verify(cms, NULL, NULL, NULL, NULL,
		       CMS_NO_SIGNER_CERT_VERIFY | CMS_NO_CONTENT_VERIFY | CMS_BINARY) == 1)
		out->signature = CR_SUCCESSFUL;
	ERR_clear_error();
}

int cr_cms_verify(CMS_ContentInfo *cms, CMS_SignerInfo *si, STACK_OF(X509) *certs,
		  STACK_OF(X509) *more, X509 **signer, const char **why)
{
	*why = NULL;
	*signer = cr_cms_find_signer(si, certs, more);
	if (!*signer) {
		*why = "the signer's certificate is not there";
		return CR_E_NOT_FOUND;
	}
	X509_up_ref(*signer);
	return cr_cms_verify_by(cms, si, *signer, why);
}
