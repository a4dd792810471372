// SPDX-License-Identifier: BSD-2-Clause
/* The multiplicative group of a prime field: its subgroup of prime order. */
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <cardring/error.h>
#include "eid/group_int.h"

#define P_BITS_MIN	1024
#define P_BITS_MAX	(8 * CR_FIELD_MAX)
#define Q_BITS_MIN	160

/* RFC 5114, 2.1 to 2.3, from OpenSSL. Numbers that are not wanted: NULL. */
static bool standardized(int id, BIGNUM **p, BIGNUM **q, BIGNUM **generator)
{
	static const char *const names[] = { "dh_1024_160", "dh_2048_224", "dh_2048_256" };
	OSSL_PARAM params[2];
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key = NULL;
	bool ok;

	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)names[id], 0);
	params[1] = OSSL_PARAM_construct_end();
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "DHX", NULL);
	ok = ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
	     EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEY_PARAMETERS, params) == 1 &&
	     EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_P, p) &&
	     (!q || EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_Q, q)) &&
	     EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_G, generator);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static bool positive(const uint8_t **at, size_t *left, const uint8_t **v, size_t *len)
{
	struct cr_tlv t;

	if (cr_tlv_next(at, left, &t) != 1 || t.tag != 0x02 || !t.len || t.val[0] & 0x80)
		return false;
	while (t.len > 1 && !*t.val) {
		t.val++;
		t.len--;
	}
	*v = t.val;
	*len = t.len;
	return t.len <= CR_FIELD_MAX && *t.val;
}

bool cr_dh_numbers(const uint8_t *der, size_t len, bool pkcs3, struct dh_numbers *out)
{
	const uint8_t *at;
	struct cr_tlv seq;
	size_t left;

	memset(out, 0, sizeof(*out));
	if (cr_tlv_parse_all(der, len, &seq) || seq.tag != 0x30)
		return false;
	at = seq.val;
	left = seq.len;
	return positive(&at, &left, &out->p, &out->p_len) &&
	       positive(&at, &left, &out->g, &out->g_len) &&
	       (pkcs3 || positive(&at, &left, &out->q, &out->q_len));
}

static bool same_number(const BIGNUM *n, const uint8_t *p, size_t len)
{
	uint8_t buf[CR_FIELD_MAX];

	return (size_t)BN_num_bytes(n) == len && BN_bn2bin(n, buf) == (int)len &&
	       !memcmp(buf, p, len);
}

int cr_dh_recognize(const struct dh_numbers *n)
{
	int found = -1;

	for (int id = 0; id <= 2 && found < 0; id++) {
		BIGNUM *p = NULL, *q = NULL, *g = NULL;

		if (standardized(id, &p, &q, &g) && same_number(p, n->p, n->p_len) &&
		    same_number(g, n->g, n->g_len) && (!n->q || same_number(q, n->q, n->q_len)))
			found = id;
		BN_free(p);
		BN_free(q);
		BN_free(g);
	}
	return found;
}

/* p and q prime, q divides p - 1, g of order q. */
static bool sound(const struct cr_group *g, const BIGNUM *generator)
{
	BIGNUM *r = BN_new(), *p1 = BN_dup(g->p);
	bool ok = r && p1 && BN_num_bits(g->p) >= P_BITS_MIN && BN_num_bits(g->p) <= P_BITS_MAX &&
		  BN_num_bits(g->order) >= Q_BITS_MIN && BN_is_odd(g->p) && BN_sub_word(p1, 1) &&
		  BN_mod(r, p1, g->order, g->bn) && BN_is_zero(r) && BN_cmp(generator, p1) < 0 &&
		  !BN_is_one(generator) && BN_check_prime(g->order, g->bn, NULL) == 1 &&
		  BN_check_prime(g->p, g->bn, NULL) == 1 &&
		  BN_mod_exp(r, generator, g->order, g->p, g->bn) && BN_is_one(r);

	BN_free(r);
	BN_free(p1);
	return ok;
}

static void *explicit_numbers(struct cr_group *g, int *err)
{
	struct dh_numbers n;
	BIGNUM *generator;

	*err = CR_E_UNSUPPORTED;
	if (!cr_dh_numbers(g->domain.der, g->domain.der_len, g->domain.no_order, &n))
		return NULL;
	g->p = BN_bin2bn(n.p, (int)n.p_len, NULL);
	generator = BN_bin2bn(n.g, (int)n.g_len, NULL);
	if (n.q)
		g->order = BN_bin2bn(n.q, (int)n.q_len, NULL);
	else if (g->p)
		/* PKCS #3 leaves it out: known if p is a safe prime */
		g->order = BN_dup(g->p);
	if (!g->p || !g->order || !generator || (!n.q && !BN_rshift1(g->order, g->order)) ||
	    !sound(g, generator)) {
		BN_free(generator);
		return NULL;
	}
	return generator;
}

static void *setup(struct cr_group *g, int *err)
{
	BIGNUM *generator = NULL;

	if (g->domain.id < 0)
		return explicit_numbers(g, err);
	if (standardized(g->domain.id, &g->p, &g->order, &generator))
		return generator;
	BN_free(generator);
	return NULL;
}

static void drop(void *a)
{
	BN_clear_free(a);
}

static void *power(const struct cr_group *g, const void *base, const BIGNUM *exponent)
{
	BIGNUM *r = BN_secure_new();

	if (r && BN_mod_exp(r, base, exponent, g->p, g->bn))
		return r;
	BN_clear_free(r);
	return NULL;
}

static void *combine(const struct cr_group *g, const void *a, const void *b)
{
	BIGNUM *r = BN_secure_new();

	if (r && BN_mod_mul(r, a, b, g->p, g->bn))
		return r;
	BN_clear_free(r);
	return NULL;
}

static bool neutral(const struct cr_group *g, const void *a)
{
	return BN_is_one(a) || BN_is_zero(a);
}

static bool equal(const struct cr_group *g, const void *a, const void *b)
{
	return BN_cmp(a, b) == 0;
}

/* In [2, p - 2], and of order q: not one of the few that a subgroup of small order has. */
static void *decode(const struct cr_group *g, const uint8_t *p, size_t len)
{
	BIGNUM *y, *r = BN_new(), *last = BN_dup(g->p);

	y = len && len <= g->field_len ? BN_bin2bn(p, (int)len, NULL) : NULL;
	if (!y || !r || !last || !BN_sub_word(last, 1) || BN_is_zero(y) || BN_is_one(y) ||
	    BN_cmp(y, last) >= 0 || !BN_mod_exp(r, y, g->order, g->p, g->bn) || !BN_is_one(r)) {
		BN_free(y);
		y = NULL;
	}
	BN_free(r);
	BN_free(last);
	return y;
}

static size_t encode(const struct cr_group *g, const void *a, uint8_t out[CR_ELEMENT_MAX])
{
	int n = BN_bn2bin(a, out);

	return n > 0 ? (size_t)n : 0;
}

/* PKCS #3, 8.3: as long as the prime. */
static bool secret(const struct cr_group *g, const void *a, uint8_t z[CR_FIELD_MAX])
{
	return BN_bn2binpad(a, z, (int)g->field_len) == (int)g->field_len;
}

/* t^((p - 1) / q) */
static void *from_number(const struct cr_group *g, const BIGNUM *t, int *err)
{
	BIGNUM *e = BN_dup(g->p), *r = NULL;

	*err = CR_E_CRYPTO;
	if (e && BN_sub_word(e, 1) && BN_div(e, NULL, e, g->order, g->bn)) {
		BN_set_flags(e, BN_FLG_CONSTTIME);
		r = power(g, t, e);
	}
	BN_free(e);
	return r;
}

const struct group_ops cr_group_dh = {
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
