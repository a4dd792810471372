/* SPDX-License-Identifier: BSD-2-Clause */
/* What a certificate or a revocation list is, in words. No I/O. */
#ifndef CR_TRUST_CERT_H
#define CR_TRUST_CERT_H

#include <stdbool.h>
#include <openssl/x509.h>

enum cr_cert_kind {
	CR_CERT_CSCA,		/* a state's authority, signed by itself */
	CR_CERT_LINK,		/* a state's authority, signed by another of its keys */
	CR_CERT_SIGNER,		/* of documents, or of something else */
	CR_CERT_CRL,
	CR_CERT_DEFECTS,	/* a defect list: defectlist.h */
	CR_CERT_KINDS
};
const char *cr_cert_kind_name(enum cr_cert_kind kind);	/* "csca", "link", "signer", "crl", "defects" */
int cr_cert_kind_find(const char *name);		/* -1: none */

/* All of it ASCII; hexadecimal digits are lower case. */
struct cr_cert_info {
	enum cr_cert_kind kind;
	char state[4];		/* "DE": the subject's country (a list's: its issuer's); "": none */
	char serial[44];	/* a list's: its number; "" where it has none */
	char key_id[68];	/* subject key identifier (a list's: authority's); "": none */
	char fingerprint[65];	/* SHA-256 of the DER */
	char key[64];		/* "EC brainpoolP256r1", "RSA 3072"; "" for a list */
	char signature[64];	/* "ecdsa-with-SHA256" */
	char from[24], until[24]; /* ISO 8601; a list's: this and next update; "": none */
};

/* 0, CR_E_MALFORMED or CR_E_NOMEM. */
int cr_cert_describe(X509 *cert, struct cr_cert_info *out);
int cr_crl_describe(X509_CRL *crl, struct cr_cert_info *out);
/* ISO 8601; "" where it is no time. */
void cr_cert_put_time(const ASN1_TIME *t, char out[24]);
/* RFC 2253, UTF-8, harmless on a terminal; for the caller to free. */
char *cr_name_text(const X509_NAME *name);
/* "DE-1f3c0a...-04d5-9b1e22ff0c1d.cer": what a store calls it. */
void cr_cert_file_name(const struct cr_cert_info *info, char out[80]);

/*
 * ICAO 9303-12, 7.1.1: an authority says so in basicConstraints and in keyUsage. Named deviations
 * are in cert.c. trusted: the user, or a list that he trusts, vouches for it as an authority.
 */
bool cr_cert_is_authority(X509 *cert, bool trusted);
/* What the extended key usage lets it sign documents: see cert.c. */
enum cr_cert_purpose { CR_PURPOSE_DOCUMENTS, CR_PURPOSE_UNKNOWN, CR_PURPOSE_OTHER };
enum cr_cert_purpose cr_cert_purpose(X509 *cert);
/* ICAO 9303-12, 7.1.1: extended key usage 2.23.136.1.1.3. */
bool cr_cert_signs_master_lists(X509 *cert);
/* BSI TR-03129-2, 7.2: extended key usage id-electronicDefectListSigningKey. */
bool cr_cert_signs_defect_lists(X509 *cert);
/* Which of the two said key identifiers: 1 the same, 0 another, -1 one of them says none. */
int cr_cert_same_key_id(X509 *cert, X509 *issuer);

#endif
