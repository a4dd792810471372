// SPDX-License-Identifier: BSD-2-Clause
/*
 * Elliptic curves. All that are taken have cofactor 1: a point on the curve that is not the one at
 * infinity has the full order.
 */
#include <openssl/obj_mac.h>
#include <cardring/error.h>
#include "eid/group_int.h"
#include "eid/rule.h"

#define BITS_MIN	192
#define BITS_MAX	521
#define EMBEDDING_MIN	100	/* SEC 1, 3.1.1.2.1: p^k is not 1 modulo n for k below it */

/* What a state may choose for itself, an attacker may choose for it: EF.CardAccess is not signed. */
static bool sound(const EC_GROUP *c, const BIGNUM *p, const BIGNUM *n, BN_CTX *bn)
{
	BIGNUM *power = BN_new();
	bool ok = power && EC_GROUP_get_field_type(c) == NID_X9_62_prime_field &&
		  BN_num_bits(p) >= BITS_MIN && BN_num_bits(p) <= BITS_MAX &&
		  BN_num_bits(n) >= BITS_MIN - 1 && BN_is_one(EC_GROUP_get0_cofactor(c)) &&
		  BN_cmp(p, n) && BN_check_prime(p, bn, NULL) == 1 &&
		  BN_check_prime(n, bn, NULL) == 1 && EC_GROUP_check(c, bn) == 1 && BN_one(power);

	for (int k = 1; ok && k < EMBEDDING_MIN; k++)
		ok = BN_mod_mul(power, power, p, n, bn) && !BN_is_one(power);
	BN_free(power);
	return ok;
}

static void *setup(struct cr_group *g, int *err)
{
	const uint8_t *der = g->domain.der;

	g->p = BN_new();
	if (g->domain.id < 0)
		g->curve = d2i_ECPKParameters(NULL, &der, (long)g->domain.der_len);
	else
		g->curve = EC_GROUP_new_by_curve_name(g->domain.nid);
	if (!g->p || !g->curve || !EC_GROUP_get_curve(g->curve, g->p, NULL, NULL, g->bn))
		return NULL;
	g->order = BN_dup(EC_GROUP_get0_order(g->curve));
	if (!g->order)
		return NULL;
	if (g->domain.id < 0 && !sound(g->curve, g->p, g->order, g->bn)) {
		*err = CR_E_UNSUPPORTED;
		return NULL;
	}
	return EC_POINT_dup(EC_GROUP_get0_generator(g->curve), g->curve);
}

static void drop(void *a)
{
	EC_POINT_clear_free(a);
}

static void *power(const struct cr_group *g, const void *base, const BIGNUM *exponent)
{
	EC_POINT *r = EC_POINT_new(g->curve);

	if (r && EC_POINT_mul(g->curve, r, NULL, base, exponent, g->bn))
		return r;
	EC_POINT_clear_free(r);
	return NULL;
}

static void *combine(const struct cr_group *g, const void *a, const void *b)
{
	EC_POINT *r = EC_POINT_new(g->curve);

	if (r && EC_POINT_add(g->curve, r, a, b, g->bn))
		return r;
	EC_POINT_clear_free(r);
	return NULL;
}

static bool neutral(const struct cr_group *g, const void *a)
{
	return EC_POINT_is_at_infinity(g->curve, a);
}

static bool equal(const struct cr_group *g, const void *a, const void *b)
{
	return EC_POINT_cmp(g->curve, a, b, g->bn) == 0;
}

/* Uncompressed, on the curve, not at infinity (TR-03111, 3.2.1 and 4.3.1). */
static void *decode(const struct cr_group *g, const uint8_t *p, size_t len)
{
	EC_POINT *r;

	if (!CR_RULE(point_uncompressed, len == 1 + 2 * g->field_len && p[0] == 0x04))
		return NULL;
	r = EC_POINT_new(g->curve);
	if (r && EC_POINT_oct2point(g->curve, r, p, len, g->bn) &&
	    !EC_POINT_is_at_infinity(g->curve, r) && EC_POINT_is_on_curve(g->curve, r, g->bn) == 1)
		return r;
	EC_POINT_free(r);
	return NULL;
}

static size_t encode(const struct cr_group *g, const void *a, uint8_t out[CR_ELEMENT_MAX])
{
	return EC_POINT_point2oct(g->curve, a, POINT_CONVERSION_UNCOMPRESSED, out, CR_ELEMENT_MAX,
				  g->bn);
}

/* TR-03111, 4.3.2.1: the x-coordinate. */
static bool secret(const struct cr_group *g, const void *a, uint8_t z[CR_FIELD_MAX])
{
	BIGNUM *x = BN_secure_new();
	bool ok = x && EC_POINT_get_affine_coordinates(g->curve, a, x, NULL, g->bn) &&
		  BN_bn2binpad(x, z, (int)g->field_len) == (int)g->field_len;

	BN_clear_free(x);
	return ok;
}

/* r := base^exponent mod p for a base that is secret. */
static bool secret_power(BIGNUM *r, const BIGNUM *base, BIGNUM *exponent, const struct cr_group *g)
{
	BN_set_flags(exponent, BN_FLG_CONSTTIME);
	return BN_mod_exp(r, base, exponent, g->p, g->bn);
}

/*
 * 9303-11, appendix B.2 (Brier et al.): the same steps for each t, but for the choice of one of two
 * points at the end.
 */
static bool encode_point(const struct cr_group *g, const BIGNUM *t, BIGNUM *x, BIGNUM *y)
{
	const BIGNUM *p = g->p;
	BN_CTX *bn = g->bn;
	BIGNUM *a, *b, *alpha, *sum, *x3, *h, *u, *e, *v;
	bool ok = false;

	BN_CTX_start(bn);
	a = BN_CTX_get(bn);
	b = BN_CTX_get(bn);
	alpha = BN_CTX_get(bn);
	sum = BN_CTX_get(bn);
	x3 = BN_CTX_get(bn);
	h = BN_CTX_get(bn);
	u = BN_CTX_get(bn);
	e = BN_CTX_get(bn);
	v = BN_CTX_get(bn);
	if (!v || !EC_GROUP_get_curve(g->curve, NULL, a, b, bn))
		goto out;
	/* alpha = -t^2; sum = alpha + alpha^2 */
	if (!BN_mod_sqr(alpha, t, p, bn) || !BN_sub(alpha, p, alpha) ||
	    !BN_nnmod(alpha, alpha, p, bn) || !BN_mod_sqr(sum, alpha, p, bn) ||
	    !BN_mod_add(sum, sum, alpha, p, bn))
		goto out;
	/* x2 = -b * (1 + sum) / (a * sum), into x; nothing for t = 0, 1, -1 and a = 0 */
	if (!BN_mod_mul(v, a, sum, p, bn) || BN_is_zero(v) || !BN_copy(e, p) || !BN_sub_word(e, 2) ||
	    !secret_power(v, v, e, g) || !BN_add_word(sum, 1) || !BN_mod_mul(v, v, sum, p, bn) ||
	    !BN_mod_mul(v, v, b, p, bn) || !BN_sub(x, p, v) || !BN_nnmod(x, x, p, bn))
		goto out;
	/* x3 = alpha * x2; h = x2^3 + a * x2 + b; u = t^3 * h */
	if (!BN_mod_mul(x3, alpha, x, p, bn) || !BN_mod_sqr(h, x, p, bn) ||
	    !BN_mod_add(h, h, a, p, bn) || !BN_mod_mul(h, h, x, p, bn) ||
	    !BN_mod_add(h, h, b, p, bn) || !BN_mod_sqr(u, t, p, bn) ||
	    !BN_mod_mul(u, u, t, p, bn) || !BN_mod_mul(u, u, h, p, bn))
		goto out;
	/* v = h^(p - 1 - (p + 1) / 4) */
	if (!BN_copy(e, p) || !BN_add_word(e, 1) || !BN_rshift(e, e, 2) || !BN_sub(e, p, e) ||
	    !BN_sub_word(e, 1) || !secret_power(v, h, e, g))
		goto out;
	/* v^2 * h = 1: (x2, v * h), else (x3, v * u) */
	if (!BN_mod_sqr(sum, v, p, bn) || !BN_mod_mul(sum, sum, h, p, bn))
		goto out;
	if (!BN_is_one(sum) && !BN_copy(x, x3))
		goto out;
	ok = BN_mod_mul(y, v, BN_is_one(sum) ? h : u, p, bn);
out:
	BN_CTX_end(bn);
	return ok;
}

static void *from_number(const struct cr_group *g, const BIGNUM *t, int *err)
{
	BIGNUM *x = BN_secure_new(), *y = BN_secure_new();
	EC_POINT *r = NULL;

	*err = CR_E_CRYPTO;
	if (BN_mod_word(g->p, 4) != 3)
		*err = CR_E_UNSUPPORTED;
	else if (x && y && encode_point(g, t, x, y))
		r = EC_POINT_new(g->curve);
	/* what is not on the curve is not set */
	if (r && !EC_POINT_set_affine_coordinates(g->curve, r, x, y, g->bn)) {
		EC_POINT_clear_free(r);
		r = NULL;
	}
	BN_clear_free(x);
	BN_clear_free(y);
	return r;
}

const struct group_ops cr_group_ec = {
	.setup = setup,
	.power = power,
	.combine = combine,
	.neutral = neutral,
	.equal = equal,
	.decode = decode,
	.encode = encode,
	.secret = secret,
	.from_number = from_number,
	.drop = drop,
};
