/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Diffie-Hellman for PACE and chip authentication, over elliptic curves and over prime fields alike
 * (ICAO 9303-11, 9.5), with any generator: PACE makes one. Public keys go in and out as data objects
 * have them: points uncompressed (TR-03111, 3.2.1), numbers of a prime field unsigned and without
 * leading zeroes (9303-11, 9.4.1).
 */
#ifndef CR_EID_GROUP_H
#define CR_EID_GROUP_H

#include "eid/crypto.h"
#include "iso7816/tlv.h"

#define CR_FIELD_MAX	512		/* 4096 bits */
#define CR_ELEMENT_MAX	512		/* a public key: of a prime field; points are shorter */

struct cr_domain {		/* domain parameters */
	int id;			/* standardized, 0 to 2 and 8 to 18; -1: explicit and not one of them */
	bool ec;		/* else a prime field */
	bool no_order;		/* explicit prime field after PKCS #3, which leaves out the order */
	unsigned int bits;	/* of the field's prime */
	int nid;		/* of a standardized curve, OpenSSL's */
	const char *name;	/* "brainpoolP256r1"; never NULL */
	const uint8_t *der;	/* id -1: the parameters, in the bytes that were parsed: they have to live on */
	size_t der_len;
};

/* False: not a standardized one. */
bool cr_domain_by_id(int id, struct cr_domain *out);
/*
 * An AlgorithmIdentifier's algorithm and parameters: a number, a curve's name, or explicit ones
 * (TR-03110-3, A.2.1). Explicit ones that are a standardized set in full become that. Whether others
 * are sound is found out by cr_group_new. False: of no kind that is known, or malformed.
 */
bool cr_domain_parse(const struct cr_tlv *algorithm, const struct cr_tlv *parameters,
		     struct cr_domain *out);
bool cr_domain_same(const struct cr_domain *a, const struct cr_domain *b);
/* How many bits of security it gives (NIST SP 800-57-1, table 2): what is taken for stronger. */
unsigned int cr_domain_strength(const struct cr_domain *d);
/* Bytes of a coordinate, a shared secret. */
size_t cr_domain_field_len(const struct cr_domain *d);
/* The most bytes that a public key has. */
size_t cr_domain_element_len(const struct cr_domain *d);

struct cr_group;		/* domain parameters, a generator, and an ephemeral key pair */

/*
 * 0; CR_E_UNSUPPORTED: explicit parameters that are not sound (order not prime, generator of another
 * order, curve singular, anomalous or of small embedding degree, too small, cofactor not 1);
 * CR_E_NOMEM; CR_E_CRYPTO.
 */
int cr_group_new(const struct cr_domain *domain, struct cr_group **out);
void cr_group_free(struct cr_group *g);		/* wipes; NULL is fine */
unsigned int cr_group_bits(const struct cr_group *g);	/* of the field's prime */
/* A fresh key pair for the present generator. */
int cr_group_generate(struct cr_group *g, const struct cr_rng *rng);
/* Its public key. CR_E_INVALID without one. */
int cr_group_public(const struct cr_group *g, uint8_t out[CR_ELEMENT_MAX], size_t *len);

/*
 * All below: CR_E_CRYPTO where peer is no element, not of the generator's order, or the neutral one
 * (point at infinity, 1); and where the result would be neutral.
 */

/* 9303-11, 4.4.3.3.1: generator := s * G + d * peer; the key pair is gone afterwards. */
int cr_group_map_generic(struct cr_group *g, const uint8_t *nonce, size_t nonce_len,
			 const uint8_t *peer, size_t peer_len);
/*
 * 4.4.3.3.2: generator := f(random mod p): on a curve by the encoding of appendix B, which needs p = 3
 * modulo 4 (CR_E_UNSUPPORTED: secp224r1); in a prime field the cofactor's power.
 */
int cr_group_map_integrated(struct cr_group *g, const uint8_t *random, size_t len);
/* The shared secret: the x-coordinate, or the number, as field_len octets. */
int cr_group_agree(const struct cr_group *g, const uint8_t *peer, size_t peer_len,
		   uint8_t z[CR_FIELD_MAX], size_t *z_len);
/*
 * scalar * element == product? Without a key pair. 0; CR_E_CRYPTO: no, or the scalar is not in
 * [1, order - 1].
 */
int cr_group_is_product(const struct cr_group *g, const uint8_t *scalar, size_t scalar_len,
			const uint8_t *element, size_t element_len, const uint8_t *product,
			size_t product_len);

#endif
