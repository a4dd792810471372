/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Active authentication, ICAO 9303-11, 6.1: the chip signs a number of ours with the key whose
 * public half is in DG15. For chips that have no chip authentication. No I/O.
 */
#ifndef CR_EID_AA_H
#define CR_EID_AA_H

#include "eid/crypto.h"
#include "iso7816/apdu.h"

#define CR_AA_NONCE	8
#define CR_AA_MAX	512	/* the longest signature, RSA of 4096 bits */

struct cr_aa;

/*
 * dg15: the file, 6F. 0; CR_E_MALFORMED; CR_E_UNSUPPORTED: neither RSA of 1024 to 4096 bits nor an
 * elliptic curve; CR_E_NOMEM.
 */
int cr_aa_new(const uint8_t *dg15, size_t len, const struct cr_rng *rng, struct cr_aa **out);
void cr_aa_free(struct cr_aa *aa);		/* NULL is fine */
const char *cr_aa_name(const struct cr_aa *aa);	/* "AA RSA", "AA ECDSA" */
/* Bytes that it should have; what an ECDSA chip encodes in DER is longer. */
size_t cr_aa_signature_len(const struct cr_aa *aa);
/* Not cut: as long as that, or one that encodes its own length. */
bool cr_aa_is_whole(const struct cr_aa *aa, const uint8_t *sig, size_t len);
/* INTERNAL AUTHENTICATE with our number; the data lives as long as aa. */
void cr_aa_command(const struct cr_aa *aa, struct cr_capdu *cmd);
/*
 * digest: what an ECDSA chip's DG14 names, "SHA256"; NULL: nothing. *other: the signature stands by
 * another one, which proves as much. 0: the chip signed our number; CR_E_CRYPTO: it did not; CR_E_TOO_LONG: less came than a signature
 * of this key has, as from chips that cut long answers.
 */
int cr_aa_verify(const struct cr_aa *aa, const uint8_t *sig, size_t len, const char *digest, bool *other);

#endif
