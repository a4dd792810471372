/* SPDX-License-Identifier: BSD-2-Clause */
/* What is trusted, inside the library. No I/O but in dir.c and folder.c. */
#ifndef CR_TRUST_STORE_H
#define CR_TRUST_STORE_H

#include <stdint.h>
#include <openssl/x509.h>
#include <cardring/trust.h>

#define CR_TRUST_MAX_CERTS	65536	/* the world's issuers are under a thousand, the signers some thirty */
#define CR_TRUST_MAX_CRLS	4096

struct cr_trust {
	STACK_OF(X509) *certs;
	STACK_OF(X509_CRL) *crls;
	uint32_t *table;	/* of the certificates: an open hash of their numbers from 1 */
	size_t size;
};

/* A copy of the reference is kept. 1: added; 0: was there; CR_E_NOMEM, CR_E_TOO_LONG. */
int cr_trust_add_cert(cr_trust_t *trust, X509 *cert);
int cr_trust_add_crl(cr_trust_t *trust, X509_CRL *crl);
/*
 * One certificate or list in DER, or any number of them in PEM. Certificates added, or
 * CR_E_MALFORMED when there was nothing in it that parses. The whole of a DER file has to be the
 * object.
 */
int cr_trust_add_bytes(cr_trust_t *trust, const unsigned char *data, size_t len);

#endif
