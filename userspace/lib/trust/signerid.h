/* SPDX-License-Identifier: BSD-2-Clause */
/* SignerIdentifier, RFC 5652, 5.3: by issuer and serial number, or by key identifier. No I/O. */
#ifndef CR_TRUST_SIGNERID_H
#define CR_TRUST_SIGNERID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/cms.h>
#include <openssl/x509.h>

struct cr_signer_id {
	X509_NAME *issuer;
	ASN1_INTEGER *serial;		/* both, or neither */
	ASN1_OCTET_STRING *key_id;
};

bool cr_signer_id_is_empty(const struct cr_signer_id *id);
/* tag 0x30 or 0xa0/0x80 with this value; out owns what it holds. 0, CR_E_MALFORMED, CR_E_NOMEM. */
int cr_signer_id_parse(uint32_t tag, const uint8_t *val, size_t len, struct cr_signer_id *out);
/* Whom si names; out borrows from it: not to be cleared. */
void cr_signer_id_of(CMS_SignerInfo *si, struct cr_signer_id *out);
bool cr_signer_id_same(const struct cr_signer_id *a, const struct cr_signer_id *b);
/* Does it name this certificate? An empty one names none. */
bool cr_signer_id_names(const struct cr_signer_id *id, X509 *cert);
void cr_signer_id_clear(struct cr_signer_id *id);

#endif
