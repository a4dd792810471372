// SPDX-License-Identifier: BSD-2-Clause
/*
 * EVP_PKEY cannot take a generator of our own choosing, so keys are numbers and points here.
 * Scalars are marked for constant time; each product is one EC_POINT_mul by a single point, which
 * OpenSSL does with a ladder and randomised projective coordinates. All eleven curves have cofactor
 * 1: a point on the curve that is not the one at infinity has the full order.
 */
#include <stdlib.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <cardring/error.h>
#include "eid/ecdh.h"

static const struct cr_curve curves[] = {
	{  8, NID_X9_62_prime192v1, 24, "secp192r1" },
	{  9, NID_brainpoolP192r1,  24, "brainpoolP192r1" },
	{ 10, NID_secp224r1,        28, "secp224r1" },
	{ 11, NID_brainpoolP224r1,  28, "brainpoolP224r1" },
	{ 12, NID_X9_62_prime256v1, 32, "secp256r1" },
	{ 13, NID_brainpoolP256r1,  32, "brainpoolP256r1" },
	{ 14, NID_brainpoolP320r1,  40, "brainpoolP320r1" },
	{ 15, NID_secp384r1,        48, "secp384r1" },
	{ 16, NID_brainpoolP384r1,  48, "brainpoolP384r1" },
	{ 17, NID_brainpoolP512r1,  64, "brainpoolP512r1" },
	{ 18, NID_secp521r1,        66, "secp521r1" },
};

const struct cr_curve *cr_curve_by_id(unsigned int id)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++)
		if (curves[i].id == id)
			return &curves[i];
	return NULL;
}

const struct cr_curve *cr_curve_by_nid(int nid)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++)
		if (curves[i].nid == nid)
			return &curves[i];
	return NULL;
}

struct cr_ecdh {
	const struct cr_curve *curve;
	EC_GROUP *group;
	EC_POINT *generator;
	BIGNUM *d;		/* NULL: no key pair */
	EC_POINT *q;
	BN_CTX *bn;
};

static void drop_key(struct cr_ecdh *e)
{
	BN_clear_free(e->d);
	EC_POINT_clear_free(e->q);
	e->d = NULL;
	e->q = NULL;
}

int cr_ecdh_new(const struct cr_curve *curve, struct cr_ecdh **out)
{
	struct cr_ecdh *e = calloc(1, sizeof(*e));

	*out = NULL;
	if (!e)
		return CR_E_NOMEM;
	e->curve = curve;
	e->group = EC_GROUP_new_by_curve_name(curve->nid);
	e->bn = BN_CTX_secure_new();
	if (e->group && e->bn)
		e->generator = EC_POINT_dup(EC_GROUP_get0_generator(e->group), e->group);
	if (!e->generator) {
		cr_ecdh_free(e);
		return CR_E_CRYPTO;
	}
	*out = e;
	return 0;
}

void cr_ecdh_free(struct cr_ecdh *e)
{
	if (!e)
		return;
	drop_key(e);
	EC_POINT_clear_free(e->generator);
	EC_GROUP_free(e->group);
	BN_CTX_free(e->bn);
	free(e);
}

/* A number in [1, n - 1] by rejection, so that it is uniform (TR-03111, 4.1.1). */
static int random_scalar(const struct cr_ecdh *e, const struct cr_rng *rng, BIGNUM *d)
{
	const BIGNUM *n = EC_GROUP_get0_order(e->group);
	int bits = BN_num_bits(n);
	size_t len = ((size_t)bits + 7) / 8;
	uint8_t buf[CR_FIELD_MAX];
	int err = CR_E_CRYPTO;

	for (int tries = 0; tries < 128; tries++) {
		err = cr_random(rng, buf, len);
		if (err)
			break;
		if (bits % 8)
			buf[0] &= (1 << bits % 8) - 1;
		if (!BN_bin2bn(buf, (int)len, d)) {
			err = CR_E_CRYPTO;
			break;
		}
		if (!BN_is_zero(d) && BN_cmp(d, n) < 0)
			break;
		err = CR_E_CRYPTO;
	}
	OPENSSL_cleanse(buf, sizeof(buf));
	return err;
}

int cr_ecdh_generate(struct cr_ecdh *e, const struct cr_rng *rng)
{
	int err = CR_E_CRYPTO;

	drop_key(e);
	e->d = BN_secure_new();
	e->q = EC_POINT_new(e->group);
	if (!e->d || !e->q)
		goto fail;
	BN_set_flags(e->d, BN_FLG_CONSTTIME);
	err = random_scalar(e, rng, e->d);
	if (err)
		goto fail;
	if (!EC_POINT_mul(e->group, e->q, NULL, e->generator, e->d, e->bn) ||
	    EC_POINT_is_at_infinity(e->group, e->q)) {
		err = CR_E_CRYPTO;
		goto fail;
	}
	return 0;
fail:
	drop_key(e);
	return err;
}

int cr_ecdh_public(const struct cr_ecdh *e, uint8_t out[CR_POINT_MAX], size_t *len)
{
	if (!e->q)
		return CR_E_INVALID;
	*len = EC_POINT_point2oct(e->group, e->q, POINT_CONVERSION_UNCOMPRESSED, out, CR_POINT_MAX,
				  e->bn);
	return *len == 1 + 2 * e->curve->field_len ? 0 : CR_E_CRYPTO;
}

/* The other side's point: uncompressed, on the curve, not at infinity (TR-03111, 3.2.1 and 4.3.1). */
static EC_POINT *peer_point(const struct cr_ecdh *e, const uint8_t *peer, size_t len)
{
	EC_POINT *p;

	if (len != 1 + 2 * e->curve->field_len || peer[0] != 0x04)
		return NULL;
	p = EC_POINT_new(e->group);
	if (p && (!EC_POINT_oct2point(e->group, p, peer, len, e->bn) ||
		  EC_POINT_is_at_infinity(e->group, p) ||
		  EC_POINT_is_on_curve(e->group, p, e->bn) != 1)) {
		EC_POINT_free(p);
		p = NULL;
	}
	return p;
}

int cr_ecdh_map(struct cr_ecdh *e, const uint8_t *nonce, size_t nonce_len, const uint8_t *peer,
		size_t peer_len)
{
	EC_POINT *p, *h, *g;
	BIGNUM *s = BN_secure_new();
	int err = CR_E_CRYPTO;

	p = peer_point(e, peer, peer_len);
	h = EC_POINT_new(e->group);
	g = EC_POINT_new(e->group);
	if (!e->d || !s || !p || !h || !g || !BN_bin2bn(nonce, (int)nonce_len, s))
		goto out;
	BN_set_flags(s, BN_FLG_CONSTTIME);
	if (!EC_POINT_mul(e->group, h, NULL, p, e->d, e->bn) ||
	    EC_POINT_is_at_infinity(e->group, h) ||
	    !EC_POINT_mul(e->group, g, NULL, e->generator, s, e->bn) ||
	    !EC_POINT_add(e->group, g, g, h, e->bn) || EC_POINT_is_at_infinity(e->group, g))
		goto out;
	EC_POINT_clear_free(e->generator);
	e->generator = g;
	g = NULL;
	drop_key(e);
	err = 0;
out:
	BN_clear_free(s);
	EC_POINT_free(p);
	EC_POINT_clear_free(h);
	EC_POINT_clear_free(g);
	return err;
}

int cr_ecdh_agree(const struct cr_ecdh *e, const uint8_t *peer, size_t peer_len,
		  uint8_t z[CR_FIELD_MAX], size_t *z_len)
{
	EC_POINT *p = peer_point(e, peer, peer_len), *k = EC_POINT_new(e->group);
	BIGNUM *x = BN_secure_new();
	int err = CR_E_CRYPTO;

	if (e->d && p && k && x && EC_POINT_mul(e->group, k, NULL, p, e->d, e->bn) &&
	    !EC_POINT_is_at_infinity(e->group, k) &&
	    EC_POINT_get_affine_coordinates(e->group, k, x, NULL, e->bn) &&
	    BN_bn2binpad(x, z, (int)e->curve->field_len) == (int)e->curve->field_len) {
		*z_len = e->curve->field_len;
		err = 0;
	}
	BN_clear_free(x);
	EC_POINT_free(p);
	EC_POINT_clear_free(k);
	return err;
}
