/* SPDX-License-Identifier: BSD-2-Clause */
/* What is trusted, inside the library. No I/O but in dir.c and folder.c. */
#ifndef CR_TRUST_STORE_H
#define CR_TRUST_STORE_H

#include <stdint.h>
#include <openssl/cms.h>
#include <openssl/x509.h>
#include <cardring/trust.h>

#define CR_TRUST_MAX_CERTS	65536	/* the world's issuers: 1,000; their signers: 30,000 */
#define CR_TRUST_MAX_CRLS	4096
#define CR_TRUST_MAX_LISTS	256	/* defect lists */

struct cr_defect_list;
struct cr_signer_id;

struct cr_trust {
	STACK_OF(X509) *certs;
	STACK_OF(X509_CRL) *crls;
	uint32_t *table;	/* of the certificates: an open hash of their numbers from 1 */
	size_t size;
	/* signers as bytes: a store may have all the world's, and a document brings its own */
	struct cr_trust_signer {
		unsigned char *der;
		size_t len;
	} *signers;
	size_t n_signers;
	struct cr_defect_list **lists;	/* a reference to each */
	size_t n_lists;
};

/* A copy of the reference is kept. 1: added; 0: was there; CR_E_NOMEM, CR_E_TOO_LONG. */
int cr_trust_add_cert(cr_trust_t *trust, X509 *cert);
int cr_trust_add_crl(cr_trust_t *trust, X509_CRL *crl);
int cr_trust_add_list(cr_trust_t *trust, struct cr_defect_list *list);
/*
 * The DER of a certificate that signs documents, known to be one; copied. 0, CR_E_NOMEM,
 * CR_E_TOO_LONG.
 */
int cr_trust_add_signer(cr_trust_t *trust, const unsigned char *der, size_t len);
/* All but the first n. */
void cr_trust_forget_signers(cr_trust_t *trust, size_t n);
/* Whom id names among them, of several the one that is valid at now; for the caller to free. NULL: nobody. */
X509 *cr_trust_find_signer(const cr_trust_t *trust, const struct cr_signer_id *id, time_t now);
/*
 * One certificate or list in DER, or any number of them in PEM. Certificates added, or
 * CR_E_MALFORMED when there was nothing in it that parses. The whole of a DER file has to be the
 * object.
 */
int cr_trust_add_bytes(cr_trust_t *trust, const unsigned char *data, size_t len);

#endif
