// SPDX-License-Identifier: BSD-2-Clause
/*
 * EVP_PKEY cannot take a generator of our own choosing, so keys are numbers and elements here.
 * Secret exponents are marked for constant time; each product on a curve is one EC_POINT_mul by a
 * single point, which OpenSSL does with a ladder and randomised projective coordinates.
 */
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <cardring/error.h>
#include "eid/group_int.h"

static void drop_key(struct cr_group *g)
{
	BN_clear_free(g->d);
	if (g->q)
		g->ops->drop(g->q);
	g->d = NULL;
	g->q = NULL;
}

int cr_group_new(const struct cr_domain *domain, struct cr_group **out)
{
	struct cr_group *g = calloc(1, sizeof(*g));
	int err = CR_E_CRYPTO;

	*out = NULL;
	if (!g)
		return CR_E_NOMEM;
	g->ops = domain->ec ? &cr_group_ec : &cr_group_dh;
	g->domain = *domain;
	g->bn = BN_CTX_secure_new();
	ERR_set_mark();
	if (g->bn)
		g->generator = g->ops->setup(g, &err);
	ERR_pop_to_mark();
	if (!g->generator) {
		cr_group_free(g);
		return err;
	}
	g->field_len = ((size_t)BN_num_bits(g->p) + 7) / 8;
	*out = g;
	return 0;
}

void cr_group_free(struct cr_group *g)
{
	if (!g)
		return;
	drop_key(g);
	if (g->generator)
		g->ops->drop(g->generator);
	EC_GROUP_free(g->curve);
	BN_free(g->p);
	BN_free(g->order);
	BN_CTX_free(g->bn);
	free(g);
}

unsigned int cr_group_bits(const struct cr_group *g)
{
	return (unsigned int)BN_num_bits(g->p);
}

/* A number in [1, order - 1] by rejection, so that it is uniform (TR-03111, 4.1.1). */
static int random_scalar(const struct cr_group *g, const struct cr_rng *rng, BIGNUM *d)
{
	int bits = BN_num_bits(g->order);
	size_t len = ((size_t)bits + 7) / 8;
	uint8_t buf[CR_FIELD_MAX];
	int err = CR_E_CRYPTO;

	for (int tries = 0; tries < 128; tries++) {
		err = cr_random(rng, buf, len);
		if (err)
			break;
		if (bits % 8)
			buf[0] &= (1 << bits % 8) - 1;
		err = CR_E_CRYPTO;
		if (!BN_bin2bn(buf, (int)len, d))
			break;
		if (!BN_is_zero(d) && BN_cmp(d, g->order) < 0) {
			err = 0;
			break;
		}
	}
	OPENSSL_cleanse(buf, sizeof(buf));
	return err;
}

int cr_group_generate(struct cr_group *g, const struct cr_rng *rng)
{
	int err = CR_E_CRYPTO;

	drop_key(g);
	g->d = BN_secure_new();
	if (g->d) {
		BN_set_flags(g->d, BN_FLG_CONSTTIME);
		err = random_scalar(g, rng, g->d);
	}
	if (!err) {
		g->q = g->ops->power(g, g->generator, g->d);
		err = g->q && !g->ops->neutral(g, g->q) ? 0 : CR_E_CRYPTO;
	}
	if (err)
		drop_key(g);
	return err;
}

int cr_group_public(const struct cr_group *g, uint8_t out[CR_ELEMENT_MAX], size_t *len)
{
	if (!g->q)
		return CR_E_INVALID;
	*len = g->ops->encode(g, g->q, out);
	return *len ? 0 : CR_E_CRYPTO;
}

static void set_generator(struct cr_group *g, void *to)
{
	g->ops->drop(g->generator);
	g->generator = to;
	drop_key(g);
}

int cr_group_map_generic(struct cr_group *g, const uint8_t *nonce, size_t nonce_len,
			 const uint8_t *peer, size_t peer_len)
{
	void *p = NULL, *h = NULL, *sg = NULL, *mapped = NULL;
	BIGNUM *s = BN_secure_new();
	int err = CR_E_CRYPTO;

	ERR_set_mark();
	if (!g->d || !s || !BN_bin2bn(nonce, (int)nonce_len, s))
		goto out;
	BN_set_flags(s, BN_FLG_CONSTTIME);
	p = g->ops->decode(g, peer, peer_len);
	if (!p)
		goto out;
	h = g->ops->power(g, p, g->d);
	if (!h || g->ops->neutral(g, h))
		goto out;
	sg = g->ops->power(g, g->generator, s);
	if (sg)
		mapped = g->ops->combine(g, sg, h);
	if (!mapped || g->ops->neutral(g, mapped))
		goto out;
	set_generator(g, mapped);
	mapped = NULL;
	err = 0;
out:
	BN_clear_free(s);
	if (p)
		g->ops->drop(p);
	if (h)
		g->ops->drop(h);
	if (sg)
		g->ops->drop(sg);
	if (mapped)
		g->ops->drop(mapped);
	ERR_pop_to_mark();
	return err;
}

int cr_group_map_integrated(struct cr_group *g, const uint8_t *random, size_t len)
{
	BIGNUM *t = BN_secure_new();
	void *mapped = NULL;
	int err = CR_E_CRYPTO;

	ERR_set_mark();
	if (t && BN_bin2bn(random, (int)len, t) && BN_nnmod(t, t, g->p, g->bn))
		mapped = g->ops->from_number(g, t, &err);
	if (mapped && !g->ops->neutral(g, mapped)) {
		set_generator(g, mapped);
		mapped = NULL;
		err = 0;
	}
	if (mapped)
		g->ops->drop(mapped);
	BN_clear_free(t);
	ERR_pop_to_mark();
	return err;
}

int cr_group_agree(const struct cr_group *g, const uint8_t *peer, size_t peer_len,
		   uint8_t z[CR_FIELD_MAX], size_t *z_len)
{
	void *p = NULL, *k = NULL;
	int err = CR_E_CRYPTO;

	ERR_set_mark();
	if (g->d)
		p = g->ops->decode(g, peer, peer_len);
	if (p)
		k = g->ops->power(g, p, g->d);
	if (k && !g->ops->neutral(g, k) && g->ops->secret(g, k, z)) {
		*z_len = g->field_len;
		err = 0;
	}
	if (p)
		g->ops->drop(p);
	if (k)
		g->ops->drop(k);
	ERR_pop_to_mark();
	return err;
}

int cr_group_is_product(const struct cr_group *g, const uint8_t *scalar, size_t scalar_len,
			const uint8_t *element, size_t element_len, const uint8_t *product,
			size_t product_len)
{
	BIGNUM *s = BN_secure_new();
	void *e = NULL, *p = NULL, *k = NULL;
	int err = CR_E_CRYPTO;

	ERR_set_mark();
	if (scalar_len <= CR_FIELD_MAX && s && BN_bin2bn(scalar, (int)scalar_len, s) &&
	    !BN_is_zero(s) && BN_cmp(s, g->order) < 0) {
		BN_set_flags(s, BN_FLG_CONSTTIME);
		e = g->ops->decode(g, element, element_len);
		p = g->ops->decode(g, product, product_len);
	}
	if (e && p)
		k = g->ops->power(g, e, s);
	if (k && g->ops->equal(g, k, p))
		err = 0;
	BN_clear_free(s);
	if (e)
		g->ops->drop(e);
	if (p)
		g->ops->drop(p);
	if (k)
		g->ops->drop(k);
	ERR_pop_to_mark();
	return err;
}
