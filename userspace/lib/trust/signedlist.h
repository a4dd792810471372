/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists that states sign: master lists (masterlist.c), defect lists (defectlist.c). No I/O. */
#ifndef CR_TRUST_SIGNEDLIST_H
#define CR_TRUST_SIGNEDLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <openssl/cms.h>
#include <openssl/x509.h>
#include "chain.h"
#include "store.h"

/* One kind of list, and what is said of one that is refused: static msgids. */
struct cr_signed_list_kind {
	const char *content_type;	/* eContentType, "2.23.136.1.1.2" */
	enum cr_chain_purpose purpose;	/* what its signer's certificate has to be for */
	const char *none, *too_much, *revoked;
};

struct cr_signed_list {
	CMS_ContentInfo *cms;
	CMS_SignerInfo *si;		/* the only one; in cms */
	STACK_OF(X509) *embedded;	/* may be NULL */
	X509 *signer;			/* once its certificate was found */
	const uint8_t *content;		/* in cms; once the signature was right */
	size_t len;
};

/* Does it say that it is one? Cheap: nothing is verified. */
bool cr_signed_list_is(const struct cr_signed_list_kind *kind, const uint8_t *data, size_t len);
/*
 * The signature, by the certificate in the list. 0, or an error with why (160 bytes, English):
 * CR_E_MALFORMED: it is none of this kind; CR_E_UNSUPPORTED: it has several signers, or algorithms
 * that are not taken; CR_E_NOT_FOUND: its signer's certificate is not there; CR_E_CRYPTO: the
 * signature is wrong; CR_E_NOMEM. Clear in each case. data need not stay.
 */
int cr_signed_list_open(const struct cr_signed_list_kind *kind, const uint8_t *data, size_t len,
			struct cr_signed_list *out, char *why);
/*
 * Its signer is one of this kind and leads to an authority in roots; each certificate on the way is
 * valid at now, and no revocation list in roots has it. 0, or an error with why: CR_E_NOT_FOUND: it
 * does not lead to a root; CR_E_CRYPTO: a certificate is wrong.
 */
int cr_signed_list_authorize(const struct cr_signed_list_kind *kind,
			     const struct cr_signed_list *list, const cr_trust_t *roots, time_t now,
			     char *why);
void cr_signed_list_clear(struct cr_signed_list *list);

#endif
