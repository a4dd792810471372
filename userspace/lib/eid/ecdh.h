/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Elliptic curve Diffie-Hellman on the standardized domain parameters (ICAO 9303-11, 9.5.1), with
 * any generator: PACE's generic mapping makes one. Points go in and out uncompressed
 * (TR-03111, 3.2.1).
 */
#ifndef CR_EID_ECDH_H
#define CR_EID_ECDH_H

#include "eid/crypto.h"

#define CR_FIELD_MAX	66			/* secp521r1 */
#define CR_POINT_MAX	(1 + 2 * CR_FIELD_MAX)

struct cr_curve {
	unsigned int id;	/* standardized domain parameters, 8 to 18 */
	int nid;		/* OpenSSL's */
	size_t field_len;	/* of a coordinate, bytes */
	const char *name;	/* "brainpoolP256r1" */
};
/* NULL: not one of the eleven elliptic curves. */
const struct cr_curve *cr_curve_by_id(unsigned int id);
const struct cr_curve *cr_curve_by_nid(int nid);

struct cr_ecdh;			/* a curve, a generator, and an ephemeral key pair */

int cr_ecdh_new(const struct cr_curve *curve, struct cr_ecdh **out);
void cr_ecdh_free(struct cr_ecdh *e);	/* wipes; NULL is fine */
/* A fresh key pair for the present generator. */
int cr_ecdh_generate(struct cr_ecdh *e, const struct cr_rng *rng);
/* Its public key, 04 || x || y; *len is 1 + 2 * field_len. */
int cr_ecdh_public(const struct cr_ecdh *e, uint8_t out[CR_POINT_MAX], size_t *len);
/*
 * ICAO 9303-11, 4.4.3.3.1: generator := s * G + d * peer; the key pair is gone afterwards.
 * CR_E_CRYPTO: peer is no point of the curve, or the generator would be the point at infinity.
 */
int cr_ecdh_map(struct cr_ecdh *e, const uint8_t *nonce, size_t nonce_len, const uint8_t *peer,
		size_t peer_len);
/* The shared secret: the x-coordinate of d * peer, as field_len octets (TR-03111, 4.3.2.1). */
int cr_ecdh_agree(const struct cr_ecdh *e, const uint8_t *peer, size_t peer_len,
		  uint8_t z[CR_FIELD_MAX], size_t *z_len);

#endif
