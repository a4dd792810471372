/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signed data as states sign it: security objects (sod.c), master lists (masterlist.c). RFC 5652 as
 * ICAO 9303-10, 4.6.2.2 and 9303-12, 9 narrow it. No I/O.
 */
#ifndef CR_TRUST_CMS_H
#define CR_TRUST_CMS_H

#include <stdint.h>
#include <openssl/cms.h>
#include <openssl/x509.h>
#include <cardring/eid.h>

#define CR_CMS_MAX	(1 << 24)	/* bytes; all the world's issuers are under one million */

/* All of data as SignedData; NULL: it is something else. CMS_ContentInfo_free(). */
CMS_ContentInfo *cr_cms_parse(const uint8_t *data, size_t len);
/* The certificate that si names among certs, else in more (both may be NULL); borrowed. NULL: none. */
X509 *cr_cms_find_signer(CMS_SignerInfo *si, STACK_OF(X509) *certs, STACK_OF(X509) *more);
/*
 * Verifies signature and content with this certificate's key, whomever si names. 0, or an error with
 * *why (static): CR_E_UNSUPPORTED, CR_E_CRYPTO, CR_E_NOMEM, as below.
 */
int cr_cms_verify_by(CMS_ContentInfo *cms, CMS_SignerInfo *si, X509 *signer, const char **why);
/*
 * Finds the signer's certificate among certs, else in more (both may be NULL), and verifies
 * signature and content with its key. *signer is set once it is found, and to be freed. 0, or an
 * error with *why (static): CR_E_NOT_FOUND: no certificate; CR_E_UNSUPPORTED: an algorithm or key
 * that is not taken; CR_E_CRYPTO: the signature, or what it covers, is wrong; CR_E_NOMEM.
 */
int cr_cms_verify(CMS_ContentInfo *cms, CMS_SignerInfo *si, STACK_OF(X509) *certs,
		  STACK_OF(X509) *more, X509 **signer, const char **why);

/*
 * After cr_cms_verify, which said err: which of the two was wrong (TR-03135-1, 5.8.6.1). Both are about what
 * is signed: the digest of the content against that in the signed attributes, and the signature.
 */
struct cr_cms_checks {
	enum cr_result digest, signature;
};
void cr_cms_apart(CMS_ContentInfo *cms, CMS_SignerInfo *si, int err, struct cr_cms_checks *out);

#endif
