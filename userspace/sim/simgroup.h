/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual card's groups for Diffie-Hellman, apart from the library's: elements are strings of bytes, as they stand
 * in data objects (ICAO 9303-11, 9.4: points uncompressed, numbers without leading zeroes).
 */
#ifndef CARDRING_SIM_GROUP_H
#define CARDRING_SIM_GROUP_H

#include <openssl/evp.h>
#include "ber.h"
#include "simcrypto.h"

#define SIM_ELEMENT_MAX	512

struct sim_element {
	uint8_t p[SIM_ELEMENT_MAX];
	size_t len;
};

struct sim_group {
	EC_GROUP *ec;			/* NULL: a prime field */
	BIGNUM *p, *order;
	size_t field_len;
	struct sim_element generator;
};

/* OpenSSL's name of standardized domain parameters, 0 to 2 and 8 to 18 (ICAO 9303-11, 9.5.1); NULL. */
const char *sim_domain_name(unsigned int id);
bool sim_domain_is_curve(const char *name);
bool sim_group_known(const char *name);
/* By name, "brainpoolP256r1", "dh_2048_256", "modp_2048", ... False: unknown. Close in each case. */
bool sim_group_open(struct sim_group *g, const char *name);
void sim_group_close(struct sim_group *g);
/* Its AlgorithmIdentifier with explicit parameters. */
bool sim_group_write(const struct sim_group *g, struct sim_buf *out);

/* Whether it is an element of the right order, and not the neutral one. */
bool sim_group_valid(const struct sim_group *g, const uint8_t *p, size_t len);
BIGNUM *sim_group_scalar(const struct sim_group *g);
/* False also for the neutral one. */
bool sim_group_power(const struct sim_group *g, const struct sim_element *base, const BIGNUM *k, struct sim_element *out);
bool sim_group_combine(const struct sim_group *g, const struct sim_element *a, const struct sim_element *b,
		       struct sim_element *out);
/* Shared secret: x-coordinate, or the number, field_len bytes. */
bool sim_group_secret(const struct sim_group *g, const struct sim_element *e, uint8_t out[SIM_ELEMENT_MAX]);
/* ICAO 9303-11, 4.4.3.3.2, the whole of the integrated mapping: new generator from the nonces s and t. */
bool sim_group_integrated(struct sim_group *g, enum sim_cipher c, const uint8_t *s, size_t s_len, const uint8_t *t);

/* The compressed form of a public key: its x-coordinate, or SHA-1 of a number. */
bool sim_compress(const struct sim_group *g, const struct sim_element *e, uint8_t out[SIM_ELEMENT_MAX], size_t *len);

/* A private key's group, number and public element. Close and free in each case. */
bool sim_group_of_key(EVP_PKEY *key, struct sim_group *g, BIGNUM **secret, struct sim_element *public_key);

#endif
