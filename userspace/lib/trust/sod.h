/* SPDX-License-Identifier: BSD-2-Clause */
/* EF.SOD, the document security object: ICAO 9303-10, 4.6.2. No I/O. */
#ifndef CR_TRUST_SOD_H
#define CR_TRUST_SOD_H

#include <openssl/cms.h>
#include <openssl/x509.h>
#include <cardring/eid.h>

struct cr_lds_security_object;

struct cr_sod {
	CMS_ContentInfo *cms;
	CMS_SignerInfo *si;			/* the only one */
	STACK_OF(X509) *certs;			/* in the object; may be NULL */
	X509 *signer;				/* after cr_sod_find_signer or cr_sod_verify */
	struct cr_lds_security_object *lds;
	const EVP_MD *md;
	const char *digest;			/* "SHA-256" */
	const ASN1_OCTET_STRING *hash[17];	/* by data group; NULL where not listed */
	const char *deviation;			/* from the standard, but taken; NULL */
	bool in_hash_list;			/* where it does not parse or has a flaw: there, and not around it */
	const char *flaw;			/* against the standard, and not taken (static); NULL */
};

/*
 * 0, or an error with *why (static): CR_E_MALFORMED: this is no security object; CR_E_UNSUPPORTED:
 * it may be one of a kind we do not know; CR_E_NOMEM. Clear in each case.
 */
int cr_sod_parse(const uint8_t *data, size_t len, struct cr_sod *sod, const char **why);
/* The signer's certificate in the object, else in the store (may be NULL), as of now, into sod->signer; NULL: none. */
void cr_sod_find_signer(struct cr_sod *sod, const cr_trust_t *trust, time_t now);
/*
 * Unless it was found before: finds the signer's certificate in the object, else in the store (may be NULL), and verifies the
 * signature with its key. 0, or an error with *why (static): CR_E_NOT_FOUND: no certificate;
 * CR_E_UNSUPPORTED: an algorithm or key that is not taken; CR_E_CRYPTO: the signature, or what it
 * covers, is wrong; CR_E_NOMEM.
 */
int cr_sod_verify(struct cr_sod *sod, const cr_trust_t *trust, time_t now, const char **why);
/* One of the certificates in it is that of its signer. */
bool cr_sod_has_signer(const struct cr_sod *sod);
void cr_sod_clear(struct cr_sod *sod);

#endif
