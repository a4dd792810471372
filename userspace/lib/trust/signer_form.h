/* SPDX-License-Identifier: BSD-2-Clause */
/* The form of a document signer's certificate, ICAO 9303-12, 7.1.1. No I/O. */
#ifndef CR_TRUST_SIGNER_FORM_H
#define CR_TRUST_SIGNER_FORM_H

#include <openssl/x509.h>

/* What is against the profile in it, of what keeps nobody from verifying it: a constant text; NULL: nothing. */
const char *cr_signer_form(X509 *signer);

#endif
