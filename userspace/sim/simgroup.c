/* SPDX-License-Identifier: BSD-2-Clause */
#include "simgroup.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/objects.h>
#include <openssl/params.h>

const char *sim_domain_name(unsigned int id)
{
	static const char *const names[] = {
		"dh_1024_160", "dh_2048_224", "dh_2048_256", NULL, NULL, NULL, NULL, NULL, "prime192v1", "brainpoolP192r1",
		"secp224r1", "brainpoolP224r1", "prime256v1", "brainpoolP256r1", "brainpoolP320r1", "secp384r1",
		"brainpoolP384r1", "brainpoolP512r1", "secp521r1",
	};

	return id < sizeof(names) / sizeof(names[0]) ? names[id] : NULL;
}

static int curve_nid(const char *name)
{
	int nid = EC_curve_nist2nid(name);
	EC_GROUP *g;

	if (nid == NID_undef)
		nid = OBJ_sn2nid(name);
	g = nid != NID_undef ? EC_GROUP_new_by_curve_name(nid) : NULL;
	EC_GROUP_free(g);
	return g ? nid : NID_undef;
}

bool sim_domain_is_curve(const char *name)
{
	return curve_nid(name) != NID_undef;
}

static bool number_out(const BIGNUM *n, struct sim_element *out)
{
	if (BN_num_bytes(n) > SIM_ELEMENT_MAX)
		return false;
	out->len = (size_t)BN_bn2bin(n, out->p);
	return out->len > 0;
}

static bool point_out(const struct sim_group *g, const EC_POINT *pt, struct sim_element *out)
{
	out->len = EC_POINT_point2oct(g->ec, pt, POINT_CONVERSION_UNCOMPRESSED, out->p, sizeof(out->p), NULL);
	return out->len > 1;
}

static bool open_field(struct sim_group *g, const char *name)
{
	bool x942 = !strncmp(name, "dh_", 3);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, x942 ? "DHX" : "DH", NULL);
	BIGNUM *generator = NULL;
	EVP_PKEY *key = NULL;
	bool ok;

	ok = ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
	     EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEY_PARAMETERS, params) == 1 &&
	     EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_P, &g->p) &&
	     EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_Q, &g->order) &&
	     EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_G, &generator) && number_out(generator, &g->generator);
	BN_free(generator);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

bool sim_group_open(struct sim_group *g, const char *name)
{
	int nid = curve_nid(name);
	bool ok;

	memset(g, 0, sizeof(*g));
	if (nid == NID_undef) {
		ok = open_field(g, name);
	} else {
		g->ec = EC_GROUP_new_by_curve_name(nid);
		g->p = BN_new();
		ok = g->ec && g->p && EC_GROUP_get_curve(g->ec, g->p, NULL, NULL, NULL) &&
		     (g->order = BN_dup(EC_GROUP_get0_order(g->ec))) &&
		     point_out(g, EC_GROUP_get0_generator(g->ec), &g->generator);
	}
	if (ok)
		g->field_len = ((size_t)BN_num_bits(g->p) + 7) / 8;
	return ok && g->field_len <= SIM_ELEMENT_MAX;
}

bool sim_group_known(const char *name)
{
	struct sim_group g;
	bool ok = sim_group_open(&g, name);

	sim_group_close(&g);
	return ok;
}

void sim_group_close(struct sim_group *g)
{
	EC_GROUP_free(g->ec);
	BN_free(g->p);
	BN_free(g->order);
	OPENSSL_cleanse(g, sizeof(*g));
}

static void put_number(struct sim_buf *b, const uint8_t *p, size_t len)
{
	struct sim_buf n = { 0 };

	if (*p & 0x80)
		sim_buf_byte(&n, 0);
	sim_buf_put(&n, p, len);
	sim_ber_wrap(b, 0x02, &n);
}

static void put_bn(struct sim_buf *b, const BIGNUM *v)
{
	struct sim_element e;

	if (number_out(v, &e))
		put_number(b, e.p, e.len);
}

/* TR-03110-3, A.2.1.2: ecPublicKey with ECParameters; dhpublicnumber with p, g, q. */
bool sim_group_write(const struct sim_group *g, struct sim_buf *out)
{
	struct sim_buf id = { 0 }, numbers = { 0 };
	unsigned char *der = NULL;
	EC_GROUP *copy;
	int len = 0;

	if (!g->ec) {
		sim_ber_oid(&id, "1.2.840.10046.2.1", false);
		put_bn(&numbers, g->p);
		put_number(&numbers, g->generator.p, g->generator.len);
		put_bn(&numbers, g->order);
		sim_ber_wrap(&id, 0x30, &numbers);
		sim_ber_wrap(out, 0x30, &id);
		return !out->failed;
	}
	copy = EC_GROUP_dup(g->ec);
	if (copy) {
		EC_GROUP_set_asn1_flag(copy, OPENSSL_EC_EXPLICIT_CURVE);
		len = i2d_ECPKParameters(copy, &der);
	}
	EC_GROUP_free(copy);
	sim_ber_oid(&id, "1.2.840.10045.2.1", false);
	if (len > 0)
		sim_buf_put(&id, der, (size_t)len);
	OPENSSL_free(der);
	sim_ber_wrap(out, 0x30, &id);
	return len > 0 && !out->failed;
}

static EC_POINT *point_in(const struct sim_group *g, const uint8_t *p, size_t len)
{
	EC_POINT *pt = EC_POINT_new(g->ec);

	if (pt && len == 1 + 2 * g->field_len && p[0] == 0x04 && EC_POINT_oct2point(g->ec, pt, p, len, NULL) == 1 &&
	    !EC_POINT_is_at_infinity(g->ec, pt))
		return pt;
	EC_POINT_free(pt);
	return NULL;
}

bool sim_group_valid(const struct sim_group *g, const uint8_t *p, size_t len)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *y = NULL, *r = BN_new();
	EC_POINT *pt;
	bool ok;

	if (g->ec) {
		pt = point_in(g, p, len);
		ok = pt != NULL;
		EC_POINT_free(pt);
	} else {
		/* the shortest form; not 0, 1 nor p or more; of the order of the subgroup */
		ok = ctx && r && len && len <= g->field_len && p[0] && (y = BN_bin2bn(p, (int)len, NULL)) &&
		     !BN_is_one(y) && BN_cmp(y, g->p) < 0 && BN_mod_exp(r, y, g->order, g->p, ctx) && BN_is_one(r);
	}
	BN_free(y);
	BN_free(r);
	BN_CTX_free(ctx);
	return ok;
}

BIGNUM *sim_group_scalar(const struct sim_group *g)
{
	BIGNUM *k = BN_secure_new();

	do {
		if (!k || BN_priv_rand_range(k, g->order) != 1) {
			BN_clear_free(k);
			return NULL;
		}
	} while (BN_is_zero(k));
	return k;
}

bool sim_group_power(const struct sim_group *g, const struct sim_element *base, const BIGNUM *k, struct sim_element *out)
{
	BN_CTX *ctx = BN_CTX_new();
	bool ok = false;

	if (g->ec) {
		EC_POINT *b = point_in(g, base->p, base->len), *r = EC_POINT_new(g->ec);

		ok = b && r && EC_POINT_mul(g->ec, r, NULL, b, k, ctx) == 1 && !EC_POINT_is_at_infinity(g->ec, r) &&
		     point_out(g, r, out);
		EC_POINT_free(b);
		EC_POINT_clear_free(r);
	} else {
		BIGNUM *b = BN_bin2bn(base->p, (int)base->len, NULL), *r = BN_new();

		ok = ctx && b && r && BN_mod_exp_mont_consttime(r, b, k, g->p, ctx, NULL) && !BN_is_one(r) &&
		     number_out(r, out);
		BN_free(b);
		BN_clear_free(r);
	}
	BN_CTX_free(ctx);
	return ok;
}

bool sim_group_combine(const struct sim_group *g, const struct sim_element *a, const struct sim_element *b,
		       struct sim_element *out)
{
	BN_CTX *ctx = BN_CTX_new();
	bool ok;

	if (g->ec) {
		EC_POINT *x = point_in(g, a->p, a->len), *y = point_in(g, b->p, b->len);

		ok = x && y && EC_POINT_add(g->ec, x, x, y, ctx) == 1 && !EC_POINT_is_at_infinity(g->ec, x) &&
		     point_out(g, x, out);
		EC_POINT_clear_free(x);
		EC_POINT_clear_free(y);
	} else {
		BIGNUM *x = BN_bin2bn(a->p, (int)a->len, NULL), *y = BN_bin2bn(b->p, (int)b->len, NULL);

		ok = ctx && x && y && BN_mod_mul(x, x, y, g->p, ctx) && !BN_is_one(x) && number_out(x, out);
		BN_clear_free(x);
		BN_clear_free(y);
	}
	BN_CTX_free(ctx);
	return ok;
}

bool sim_group_secret(const struct sim_group *g, const struct sim_element *e, uint8_t out[SIM_ELEMENT_MAX])
{
	if (g->ec) {
		if (e->len != 1 + 2 * g->field_len)
			return false;
		memcpy(out, e->p + 1, g->field_len);
		return true;
	}
	if (!e->len || e->len > g->field_len)
		return false;
	memset(out, 0, g->field_len - e->len);
	memcpy(out + g->field_len - e->len, e->p, e->len);
	return true;
}

/*
 * The encoding's definition (ICAO 9303-11, appendix B.1), step by step with inversions and square roots, where the
 * library takes the form without them: X1 = v, X2 = -b/a * (1 + 1/(alpha^2 + alpha)), X3 = alpha * X2; y is the root of
 * X2^3 + a X2 + b with a sign that the form without roots fixes.
 */
static bool encode_point(const struct sim_group *g, const BIGNUM *t, struct sim_element *out)
{
	BN_CTX *ctx = BN_CTX_new();
	EC_POINT *pt = EC_POINT_new(g->ec);
	BIGNUM *a, *b, *alpha, *d, *x, *h, *y, *half;
	bool ok, square;

	if (!ctx || !pt) {
		BN_CTX_free(ctx);
		EC_POINT_free(pt);
		return false;
	}
	BN_CTX_start(ctx);
	a = BN_CTX_get(ctx);
	b = BN_CTX_get(ctx);
	alpha = BN_CTX_get(ctx);
	d = BN_CTX_get(ctx);
	x = BN_CTX_get(ctx);
	h = BN_CTX_get(ctx);
	y = BN_CTX_get(ctx);
	half = BN_CTX_get(ctx);
	/* d = 1 / (alpha^2 + alpha) */
	ok = half && EC_GROUP_get_curve(g->ec, NULL, a, b, ctx) && BN_mod_word(g->p, 4) == 3 && BN_mod_sqr(alpha, t, g->p, ctx) &&
	     BN_mod_sub(alpha, BN_value_one(), alpha, g->p, ctx) && BN_mod_sub(alpha, alpha, BN_value_one(), g->p, ctx) &&
	     BN_mod_sqr(d, alpha, g->p, ctx) && BN_mod_add(d, d, alpha, g->p, ctx) && BN_mod_inverse(d, d, g->p, ctx);
	/* x = -b / a * (1 + d) */
	ok = ok && BN_mod_add(d, d, BN_value_one(), g->p, ctx) && BN_mod_inverse(x, a, g->p, ctx) &&
	     BN_mod_mul(x, x, b, g->p, ctx) && BN_mod_mul(x, x, d, g->p, ctx) && BN_sub(x, g->p, x) &&
	     BN_nnmod(x, x, g->p, ctx);
	/* h = x^3 + a x + b; a square? (Euler) */
	ok = ok && BN_mod_sqr(h, x, g->p, ctx) && BN_mod_add(h, h, a, g->p, ctx) && BN_mod_mul(h, h, x, g->p, ctx) &&
	     BN_mod_add(h, h, b, g->p, ctx) && BN_rshift1(half, g->p) && BN_mod_exp(d, h, half, g->p, ctx);
	square = ok && BN_is_one(d);
	/*
	 * h a square: its root that is a square itself, which is what h^((p + 1) / 4) is for p = 3 modulo 4. Else
	 * alpha * x, whose right side is -t^6 h: the root is t^3 times that of -h.
	 */
	if (ok && !square)
		ok = BN_mod_mul(x, x, alpha, g->p, ctx) && BN_sub(h, g->p, h);
	ok = ok && BN_mod_sqrt(y, h, g->p, ctx) && BN_mod_exp(d, y, half, g->p, ctx);
	if (ok && !BN_is_one(d))
		ok = BN_sub(y, g->p, y);
	if (ok && !square)
		ok = BN_mod_sqr(d, t, g->p, ctx) && BN_mod_mul(d, d, t, g->p, ctx) && BN_mod_mul(y, y, d, g->p, ctx) &&
		     (BN_mod_word(g->p, 8) == 3 || BN_sub(y, g->p, y));
	ok = ok && EC_POINT_set_affine_coordinates(g->ec, pt, x, y, ctx) && point_out(g, pt, out);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	EC_POINT_clear_free(pt);
	return ok;
}

/* R(s, t) modulo p: k = E(t, s); then so often as it takes, x = E(k, c1) appended, k = E(k, c0). */
static BIGNUM *random_number(const struct sim_group *g, enum sim_cipher c, const uint8_t *s, size_t len, const uint8_t *t)
{
	static const char *const constants[2][2] = {
		{ "a668892a7c41e3ca739f40b057d85904", "a4e136ac725f738b01c1f60217c188ad" },
		{ "d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676",
		  "54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517" },
	};
	uint8_t k[SIM_KEY_MAX], con[2][SIM_KEY_MAX];
	struct sim_buf x = { 0 };
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *n = NULL;
	bool ok = ctx && len <= sizeof(k);

	for (int i = 0; ok && i < 2; i++) {
		ok = BN_hex2bn(&n, constants[len == 32][i]) && BN_bn2binpad(n, con[i], (int)len) == (int)len;
	}
	ok = ok && sim_cbc(c, true, t, NULL, s, len, k);
	while (ok && 8 * x.len < (size_t)BN_num_bits(g->p) + 64) {
		uint8_t part[SIM_KEY_MAX];

		ok = sim_cbc(c, true, k, NULL, con[1], len, part) && sim_cbc(c, true, k, NULL, con[0], len, k);
		sim_buf_put(&x, part, len);
		ok = ok && !x.failed;
	}
	if (!ok || !BN_bin2bn(x.p, (int)x.len, n) || !BN_nnmod(n, n, g->p, ctx)) {
		BN_clear_free(n);
		n = NULL;
	}
	sim_buf_free(&x);
	OPENSSL_cleanse(k, sizeof(k));
	BN_CTX_free(ctx);
	return n;
}

/* x^((p - 1) / order) */
static bool encode_number(const struct sim_group *g, const BIGNUM *x, struct sim_element *out)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *e = BN_dup(g->p), *r = BN_new();
	bool ok;

	ok = ctx && e && r && BN_sub_word(e, 1) && BN_div(e, NULL, e, g->order, ctx) &&
	     BN_mod_exp(r, x, e, g->p, ctx) && !BN_is_one(r) && number_out(r, out);
	BN_free(e);
	BN_clear_free(r);
	BN_CTX_free(ctx);
	return ok;
}

bool sim_group_integrated(struct sim_group *g, enum sim_cipher c, const uint8_t *s, size_t s_len, const uint8_t *t)
{
	BIGNUM *n = random_number(g, c, s, s_len, t);
	struct sim_element e;
	bool ok;

	ok = n && (g->ec ? encode_point(g, n, &e) : encode_number(g, n, &e));
	if (ok)
		g->generator = e;
	BN_clear_free(n);
	return ok;
}

bool sim_compress(const struct sim_group *g, const struct sim_element *e, uint8_t out[SIM_ELEMENT_MAX], size_t *len)
{
	*len = g->ec ? g->field_len : 20;
	if (g->ec)
		return sim_group_secret(g, e, out);
	return EVP_Digest(e->p, e->len, out, NULL, EVP_sha1(), NULL) == 1;
}

bool sim_group_of_key(EVP_PKEY *key, struct sim_group *g, BIGNUM **secret, struct sim_element *public_key)
{
	char name[64];

	*secret = NULL;
	memset(g, 0, sizeof(*g));
	return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof(name), NULL) &&
	       sim_group_open(g, name) && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, secret) &&
	       sim_group_power(g, &g->generator, *secret, public_key);
}
