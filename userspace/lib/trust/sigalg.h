/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which signature algorithms are taken, and the one that OpenSSL does not know: ECDSA in the plain
 * format of BSI TR-03111, 5.2.1 (r || s), which early documents use. No I/O.
 */
#ifndef CR_TRUST_SIGALG_H
#define CR_TRUST_SIGALG_H

#include <stdbool.h>
#include <openssl/x509.h>

/*
 * ICAO 9303-12, 4.4: SHA-224 to SHA-512; SHA-1 for documents of before. "SHA-256"; NULL: not taken
 * (MD5).
 */
const char *cr_digest_name(int nid);
/*
 * The digest that a signature algorithm names; NID_undef where it names none (rsaEncryption); -1:
 * not taken.
 */
int cr_sigalg_digest(const X509_ALGOR *alg);

bool cr_sigalg_is_plain_ecdsa(const X509_ALGOR *alg);
/* r || s to the DER that OpenSSL wants, in place. 0, CR_E_MALFORMED or CR_E_NOMEM. */
int cr_sig_plain_to_der(ASN1_OCTET_STRING *sig);

/*
 * 1: the signature of cert is by key; 0: it is not; CR_E_UNSUPPORTED: an algorithm that is not
 * taken.
 */
int cr_x509_signed_by(X509 *cert, EVP_PKEY *key);
/* The same for a revocation list. */
int cr_crl_signed_by(X509_CRL *crl, EVP_PKEY *key);

#endif
