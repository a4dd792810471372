// SPDX-License-Identifier: BSD-2-Clause
/* Unit R: active authentication (ICAO 9303-11, 6.1). */
#include "exam.h"

#include <string.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static const uint8_t nonce[9] = { 0x55, 0x66, 0x77, 0x88, 0x11, 0x22, 0x33, 0x44, 0x99 };

static void internal(struct exam *x, size_t n)
{
	probe_send(&x->p, 0x0c, 0x88, 0, 0, nonce, n, 0);
}

static void r_answers(struct exam *x, long access)
{
	x->by = (enum access)access;
	if (!open_app(x))
		return;
	internal(x, 8);
	if (want(x, OK | SM))
		must(x, x->p.data.n, "no signature");
}

static void r_length(struct exam *x, long n)
{
	if (!open_app(x))
		return;
	internal(x, (size_t)n);
	want(x, ERR | SM);
}

static EVP_PKEY *dg15_key(struct exam *x)
{
	struct blob file;
	struct part outer;
	const uint8_t *p;
	EVP_PKEY *key = NULL;

	if (!read_file(x, 0x010f, &file))
		return NULL;
	if (part_at(file.b, file.n, &outer) && outer.tag == 0x6f) {
		p = outer.p;
		key = d2i_PUBKEY(NULL, &p, (long)outer.n);
	}
	must(x, key, "no key in EF.DG15");
	return key;
}

/* ISO/IEC 9796-2, scheme 1, with SHA-256: 6A M1 H(M1 M2) 34 CC. */
static bool rsa_right(EVP_PKEY *key, const struct blob *sig)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	size_t n = (size_t)EVP_PKEY_get_size(key), len = n;
	uint8_t f[512], h[32];
	struct blob m = { 0 };
	bool ok;

	ok = sig->n == n && n <= sizeof(f) && EVP_PKEY_encrypt_init(ctx) > 0 &&
	     EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0 && EVP_PKEY_encrypt(ctx, f, &len, sig->b, n) > 0;
	EVP_PKEY_CTX_free(ctx);
	if (!ok || f[0] != 0x6a || f[n - 2] != 0x34 || f[n - 1] != 0xcc)
		return false;
	put(&m, f + 1, n - 1 - 34);
	put(&m, nonce, 8);
	digest("SHA256", m.b, m.n, h);
	return !memcmp(h, f + n - 34, 32);
}

static bool ecdsa_right(EVP_PKEY *key, const struct blob *sig)
{
	size_t half = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ECDSA_SIG *es = ECDSA_SIG_new();
	unsigned char *der = NULL;
	int n = 0;
	bool ok;

	ok = sig->n == 2 * half && ECDSA_SIG_set0(es, BN_bin2bn(sig->b, (int)half, NULL),
						  BN_bin2bn(sig->b + half, (int)half, NULL)) &&
	     (n = i2d_ECDSA_SIG(es, &der)) > 0 &&
	     EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
	     EVP_DigestVerify(ctx, der, (size_t)n, nonce, 8) == 1;
	OPENSSL_free(der);
	ECDSA_SIG_free(es);
	EVP_MD_CTX_free(ctx);
	return ok;
}

static void r_signature(struct exam *x, long arg)
{
	EVP_PKEY *key;

	if (!open_app(x))
		return;
	key = dg15_key(x);
	if (!key)
		return;
	internal(x, 8);
	if (want(x, OK | SM))
		must(x, (is_rsa(key) ? rsa_right : ecdsa_right)(key, &x->p.data), "the signature is wrong");
	EVP_PKEY_free(key);
}

const struct asked unit_aa[] = {
	{ "R_2", r_answers, BY_BAC, KIT_MAIN, false }, { "R_3", r_length, 4, KIT_MAIN, true },
	{ "R_4", r_length, 9, KIT_MAIN, true }, { "R_5", r_signature, 0, KIT_RSA, true },
	{ "R_6", r_signature, 0, KIT_MAIN, true }, { "R_7", r_answers, BY_PACE, KIT_MAIN, false },
	{ 0 }
};
