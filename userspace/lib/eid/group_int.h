/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What group.c needs of the two kinds of group (group_ec.c, group_dh.c). An element is an EC_POINT or
 * a BIGNUM; functions that make one return it, or NULL.
 */
#ifndef CR_EID_GROUP_INT_H
#define CR_EID_GROUP_INT_H

#include <openssl/bn.h>
#include <openssl/ec.h>
#include "eid/group.h"

struct group_ops {
	/* Fills g's numbers and returns its generator; *err says why not. */
	void *(*setup)(struct cr_group *g, int *err);
	void *(*power)(const struct cr_group *g, const void *base, const BIGNUM *exponent);
	void *(*combine)(const struct cr_group *g, const void *a, const void *b);
	bool (*neutral)(const struct cr_group *g, const void *a);
	bool (*equal)(const struct cr_group *g, const void *a, const void *b);
	/* NULL also for what is not of the generator's order. */
	void *(*decode)(const struct cr_group *g, const uint8_t *p, size_t len);
	/* Bytes written; 0: failed. */
	size_t (*encode)(const struct cr_group *g, const void *a, uint8_t out[CR_ELEMENT_MAX]);
	bool (*secret)(const struct cr_group *g, const void *a, uint8_t z[CR_FIELD_MAX]);
	void *(*from_number)(const struct cr_group *g, const BIGNUM *t, int *err);
	void (*drop)(void *a);
};

struct cr_group {
	const struct group_ops *ops;
	struct cr_domain domain;
	size_t field_len;
	BIGNUM *p, *order;
	EC_GROUP *curve;	/* NULL: a prime field */
	BN_CTX *bn;
	void *generator;
	BIGNUM *d;		/* NULL: no key pair */
	void *q;
};

extern const struct group_ops cr_group_ec, cr_group_dh;

/* Explicit parameters: DomainParameters of X9.42 or PKCS #3 (TR-03110-3, A.2.1.2). False: malformed. */
struct dh_numbers {
	const uint8_t *p, *g, *q;	/* q NULL: PKCS #3 */
	size_t p_len, g_len, q_len;
};
bool cr_dh_numbers(const uint8_t *der, size_t len, bool pkcs3, struct dh_numbers *out);
/* The standardized set with this prime and generator, 0 to 2; -1. */
int cr_dh_recognize(const struct dh_numbers *n);

#endif
