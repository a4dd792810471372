// SPDX-License-Identifier: BSD-2-Clause
#include "own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

void own_die(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s failed\n", file, line, what);
	ERR_print_errors_fp(stderr);
	exit(2);
}

/* ---- bytes ---- */

void put(struct blob *to, const void *p, size_t n)
{
	MUST(to->n + n <= sizeof(to->b));
	if (n)
		memcpy(to->b + to->n, p, n);
	to->n += n;
}

void put_byte(struct blob *to, unsigned int v)
{
	const uint8_t b = (uint8_t)v;

	put(to, &b, 1);
}

void put_do(struct blob *to, unsigned int tag, const void *p, size_t n)
{
	if (tag > 0xff)
		put_byte(to, tag >> 8);
	put_byte(to, tag);
	if (n > 0xff)
		put_byte(to, 0x82);
	else if (n > 0x7f)
		put_byte(to, 0x81);
	if (n > 0xff)
		put_byte(to, (unsigned int)(n >> 8));
	put_byte(to, (unsigned int)n);
	put(to, p, n);
}

void put_in(struct blob *to, unsigned int tag, const struct blob *value)
{
	put_do(to, tag, value->b, value->n);
}

bool part_at(const uint8_t *p, size_t n, struct part *out)
{
	size_t h = 1, k = 0;

	if (n < 2)
		return false;
	out->tag = p[0];
	if ((p[0] & 0x1f) == 0x1f)
		out->tag = out->tag << 8 | p[h++];
	if (h >= n)
		return false;
	out->n = p[h++];
	if (out->n > 0x7f) {
		k = out->n & 0x7f;
		if (k < 1 || k > 2 || h + k > n)
			return false;
		for (out->n = 0; k; k--)
			out->n = out->n << 8 | p[h++];
	}
	out->p = p + h;
	out->total = h + out->n;
	return out->total <= n;
}

bool part_of(const uint8_t *p, size_t n, unsigned int tag, struct part *out)
{
	for (size_t off = 0; off < n && part_at(p + off, n - off, out); off += out->total)
		if (out->tag == tag)
			return true;
	return false;
}

/* ---- ciphers ---- */

size_t key_len(enum cipher c)
{
	return c == C_AES192 ? 24 : c == C_AES256 ? 32 : 16;
}

size_t block_len(enum cipher c)
{
	return c == C_3DES ? 8 : 16;
}

void digest(const char *md, const void *p, size_t n, uint8_t *out)
{
	MUST(EVP_Digest(p, n, out, NULL, EVP_get_digestbyname(md), NULL));
}

void kdf(enum cipher c, const void *secret, size_t n, unsigned int counter, uint8_t key[32])
{
	uint8_t h[EVP_MAX_MD_SIZE];
	struct blob m = { 0 };

	put(&m, secret, n);
	put(&m, (const uint8_t[]){ 0, 0, 0, (uint8_t)counter }, 4);
	digest(c == C_AES192 || c == C_AES256 ? "SHA256" : "SHA1", m.b, m.n, h);
	memcpy(key, h, key_len(c));
}

static void run_cipher(const char *name, bool encrypt, const uint8_t *key, const uint8_t *iv, uint8_t *p, size_t n)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	static const uint8_t zeroes[16];
	int len = 0;

	MUST(cipher && ctx && EVP_CipherInit_ex2(ctx, cipher, key, iv ? iv : zeroes, encrypt, NULL));
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	MUST(EVP_CipherUpdate(ctx, p, &len, p, (int)n) && (size_t)len == n);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
}

/* Three single keys as one of DES-EDE3. */
static void three(uint8_t out[24], const uint8_t *a, const uint8_t *b, const uint8_t *c)
{
	memcpy(out, a, 8);
	memcpy(out + 8, b, 8);
	memcpy(out + 16, c, 8);
}

void cbc(enum cipher c, bool encrypt, const uint8_t *key, const uint8_t *iv, uint8_t *p, size_t n)
{
	static const char *const names[] = { NULL, "DES-EDE3-CBC", "AES-128-CBC", "AES-192-CBC", "AES-256-CBC" };
	uint8_t k[32];

	if (c == C_3DES)
		three(k, key, key + 8, key);
	else
		memcpy(k, key, key_len(c));
	run_cipher(names[c], encrypt, k, iv, p, n);
}

static void cmac(enum cipher c, const uint8_t *key, const uint8_t *p, size_t n, uint8_t out[16])
{
	static const char *const names[] = { NULL, NULL, "AES-128-CBC", "AES-192-CBC", "AES-256-CBC" };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	OSSL_PARAM params[2] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)names[c], 0),
				 OSSL_PARAM_construct_end() };
	size_t len;

	MUST(ctx && EVP_MAC_init(ctx, key, key_len(c), params) && EVP_MAC_update(ctx, p, n) &&
	     EVP_MAC_final(ctx, out, &len, 16));
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
}

void mac8(enum cipher c, const uint8_t *key, const uint8_t *p, size_t n, uint8_t out[8])
{
	uint8_t k[24], x[16] = { 0 };

	if (c != C_3DES) {
		cmac(c, key, p, n, x);
		memcpy(out, x, 8);
		return;
	}
	/* single DES is DES-EDE3 with one key three times; the last block under both */
	MUST(n && n % 8 == 0);
	for (; n; n -= 8, p += 8) {
		for (int i = 0; i < 8; i++)
			x[i] ^= p[i];
		three(k, key, n > 8 ? key : key + 8, key);
		run_cipher("DES-EDE3-CBC", true, k, NULL, x, 8);
	}
	memcpy(out, x, 8);
}

void pad(struct blob *m, size_t block)
{
	put_byte(m, 0x80);
	while (m->n % block)
		put_byte(m, 0);
}

/* ---- groups ---- */

void group_open(struct group *g, const char *name)
{
	OSSL_PARAM params[2] = { OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end() };
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key = NULL;
	char group[32];

	memset(g, 0, sizeof(*g));
	if (strncmp(name, "dh_", 3) != 0) {
		MUST(g->ec = EC_GROUP_new_by_curve_name(OBJ_txt2nid(name)));
		MUST((g->p = BN_new()) && (g->q = BN_dup(EC_GROUP_get0_order(g->ec))) &&
		     EC_GROUP_get_curve(g->ec, g->p, NULL, NULL, NULL));
	} else {
		snprintf(group, sizeof(group), "%s", name);
		params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
		ctx = EVP_PKEY_CTX_new_from_name(NULL, "DHX", NULL);
		MUST(ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
		     EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEY_PARAMETERS, params) > 0);
		MUST(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_P, &g->p) &&
		     EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_Q, &g->q) &&
		     EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_G, &g->g));
		EVP_PKEY_free(key);
		EVP_PKEY_CTX_free(ctx);
	}
	g->field = (size_t)BN_num_bytes(g->p);
}

void group_close(struct group *g)
{
	EC_GROUP_free(g->ec);
	BN_free(g->p);
	BN_free(g->q);
	BN_free(g->g);
	memset(g, 0, sizeof(*g));
}

static void from_point(const struct group *g, const EC_POINT *p, struct elem *out)
{
	out->n = EC_POINT_point2oct(g->ec, p, POINT_CONVERSION_UNCOMPRESSED, out->b, sizeof(out->b), NULL);
	MUST(out->n);
}

static EC_POINT *to_point(const struct group *g, const struct elem *e)
{
	EC_POINT *p = EC_POINT_new(g->ec);

	MUST(p && EC_POINT_oct2point(g->ec, p, e->b, e->n, NULL));
	return p;
}

void elem_generator(const struct group *g, struct elem *out)
{
	if (g->ec)
		from_point(g, EC_GROUP_get0_generator(g->ec), out);
	else
		out->n = (size_t)BN_bn2bin(g->g, out->b);
}

BIGNUM *scalar(const struct group *g)
{
	BIGNUM *k = BN_new();

	do
		MUST(k && BN_priv_rand_range(k, g->q));
	while (BN_is_zero(k));
	return k;
}

void elem_times(const struct group *g, const struct elem *base, const BIGNUM *k, struct elem *out)
{
	BN_CTX *ctx = BN_CTX_new();

	if (g->ec) {
		EC_POINT *p = to_point(g, base);

		MUST(EC_POINT_mul(g->ec, p, NULL, p, k, ctx));
		from_point(g, p, out);
		EC_POINT_free(p);
	} else {
		BIGNUM *b = BN_bin2bn(base->b, (int)base->n, NULL);

		MUST(b && BN_mod_exp(b, b, k, g->p, ctx));
		out->n = (size_t)BN_bn2bin(b, out->b);
		BN_free(b);
	}
	BN_CTX_free(ctx);
}

void elem_and(const struct group *g, const struct elem *a, const struct elem *b, struct elem *out)
{
	BN_CTX *ctx = BN_CTX_new();

	if (g->ec) {
		EC_POINT *p = to_point(g, a), *q = to_point(g, b);

		MUST(EC_POINT_add(g->ec, p, p, q, ctx));
		from_point(g, p, out);
		EC_POINT_free(p);
		EC_POINT_free(q);
	} else {
		BIGNUM *x = BN_bin2bn(a->b, (int)a->n, NULL), *y = BN_bin2bn(b->b, (int)b->n, NULL);

		MUST(x && y && BN_mod_mul(x, x, y, g->p, ctx));
		out->n = (size_t)BN_bn2bin(x, out->b);
		BN_free(x);
		BN_free(y);
	}
	BN_CTX_free(ctx);
}

void elem_secret(const struct group *g, const struct elem *e, uint8_t *out)
{
	if (g->ec) {
		memcpy(out, e->b + 1, g->field);
	} else {
		memset(out, 0, g->field - e->n);
		memcpy(out + g->field - e->n, e->b, e->n);
	}
}

void elem_short(const struct group *g, const struct elem *e, struct blob *out)
{
	uint8_t h[20];

	if (g->ec) {
		put(out, e->b + 1, g->field);
		return;
	}
	digest("SHA1", e->b, e->n, h);
	put(out, h, sizeof(h));
}

/* ---- keys ---- */

EVP_PKEY *new_key(const char *kind)
{
	EVP_PKEY *key = strncmp(kind, "RSA-", 4) ? EVP_EC_gen(kind) : EVP_RSA_gen((unsigned int)atoi(kind + 4));

	MUST(key);
	return key;
}

bool is_rsa(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "RSA");
}

void sign(EVP_PKEY *key, const void *p, size_t n, struct blob *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[600], plain[600];
	size_t len = sizeof(sig), half;
	const uint8_t *at = sig;
	ECDSA_SIG *es;

	MUST(ctx && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
	     EVP_DigestSign(ctx, sig, &len, p, n) == 1);
	EVP_MD_CTX_free(ctx);
	if (is_rsa(key)) {
		put(out, sig, len);
		return;
	}
	half = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
	MUST(es = d2i_ECDSA_SIG(NULL, &at, (long)len));
	MUST(BN_bn2binpad(ECDSA_SIG_get0_r(es), plain, (int)half) > 0 &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(es), plain + half, (int)half) > 0);
	put(out, plain, 2 * half);
	ECDSA_SIG_free(es);
}
