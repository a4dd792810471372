/* SPDX-License-Identifier: BSD-2-Clause */
/* What PACE and BAC make of the secret that is printed on the document. */
#ifndef CR_EID_SECRET_H
#define CR_EID_SECRET_H

#include <cardring/eid.h>

/* The longest document number: nine characters and the overflow of a TD1 (ICAO 9303-5, 4.2.4). */
#define CR_DOCUMENT_NUMBER_MAX	22
#define CR_MRZ_INFO_MAX		(CR_DOCUMENT_NUMBER_MAX + 1 + 7 + 7)

/*
 * ICAO 9303-11, 4.3.2: document number filled with '<' to nine, date of birth, date of expiry, a
 * check digit after each; out is terminated. 0, or CR_E_INVALID where secret is no MRZ secret.
 */
int cr_secret_mrz_info(const struct cr_secret *secret, char out[CR_MRZ_INFO_MAX + 1]);

#define CR_PACE_SECRET_MAX	20
/*
 * ICAO 9303-11, 9.7.3: f(pi), which PACE derives its key from: the digits of CAN, PIN or PUK, or SHA-1
 * of the MRZ information.
 */
int cr_secret_pace(const struct cr_secret *secret, uint8_t out[CR_PACE_SECRET_MAX], size_t *len);

/* K_seed of BAC, ICAO 9303-11, 4.3.2: the first 16 bytes of SHA-1 of the MRZ information. */
int cr_secret_bac_seed(const struct cr_secret *secret, uint8_t out[16]);

#endif
