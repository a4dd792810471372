// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <cardring/error.h>
#include "eid/aa.h"
#include "iso7816/tlv.h"

struct cr_aa {
	EVP_PKEY *key;
	bool rsa;
	size_t sig_len;
	uint8_t nonce[CR_AA_NONCE];
};

int cr_aa_new(const uint8_t *dg15, size_t len, const struct cr_rng *rng, struct cr_aa **out)
{
	const uint8_t *p;
	struct cr_tlv dg;
	struct cr_aa *aa;
	int bits, err;

	*out = NULL;
	if (cr_tlv_parse_all(dg15, len, &dg) || dg.tag != 0x6f)
		return CR_E_MALFORMED;
	aa = calloc(1, sizeof(*aa));
	if (!aa)
		return CR_E_NOMEM;
	p = dg.val;
	aa->key = d2i_PUBKEY(NULL, &p, (long)dg.len);
	if (!aa->key || p != dg.val + dg.len) {
		err = CR_E_MALFORMED;
		goto fail;
	}
	bits = EVP_PKEY_get_bits(aa->key);
	aa->rsa = EVP_PKEY_is_a(aa->key, "RSA");
	if (aa->rsa ? bits < 1024 || bits > 4096 : !EVP_PKEY_is_a(aa->key, "EC") || bits < 160) {
		err = CR_E_UNSUPPORTED;
		goto fail;
	}
	aa->sig_len = ((size_t)bits + 7) / 8 * (aa->rsa ? 1 : 2);
	err = cr_random(rng, aa->nonce, sizeof(aa->nonce));
	if (err)
		goto fail;
	*out = aa;
	return 0;
fail:
	cr_aa_free(aa);
	return err;
}

void cr_aa_free(struct cr_aa *aa)
{
	if (!aa)
		return;
	EVP_PKEY_free(aa->key);
	free(aa);
}

const char *cr_aa_name(const struct cr_aa *aa)
{
	return aa->rsa ? "AA RSA" : "AA ECDSA";
}

size_t cr_aa_signature_len(const struct cr_aa *aa)
{
	return aa->sig_len;
}

bool cr_aa_is_whole(const struct cr_aa *aa, const uint8_t *sig, size_t len)
{
	struct cr_tlv t;

	return len >= aa->sig_len || (!aa->rsa && !cr_tlv_parse_all(sig, len, &t) && t.tag == 0x30);
}

void cr_aa_command(const struct cr_aa *aa, struct cr_capdu *cmd)
{
	*cmd = (struct cr_capdu){ .ins = 0x88, .data = aa->nonce, .lc = sizeof(aa->nonce),
				  .le = CR_APDU_MAX_SHORT_LE };
}

/* sig^e mod n; where that does not end in the nibble C, n minus it (ISO/IEC 9796-2, annex B). */
static int rsa_open(const struct cr_aa *aa, const uint8_t *sig, uint8_t *f)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, aa->key, NULL);
	BIGNUM *n = NULL, *x = NULL;
	size_t len = aa->sig_len;
	int err = CR_E_CRYPTO;

	if (!ctx || EVP_PKEY_encrypt_init(ctx) <= 0 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) <= 0 ||
	    EVP_PKEY_encrypt(ctx, f, &len, sig, aa->sig_len) <= 0 || len != aa->sig_len)
		goto out;
	err = 0;
	if ((f[len - 1] & 0x0f) != 0x0c) {
		x = BN_bin2bn(f, (int)len, NULL);
		if (!x || !EVP_PKEY_get_bn_param(aa->key, OSSL_PKEY_PARAM_RSA_N, &n) ||
		    !BN_sub(x, n, x) || BN_bn2binpad(x, f, (int)len) < 0)
			err = CR_E_CRYPTO;
	}
out:
	BN_free(n);
	BN_free(x);
	EVP_PKEY_CTX_free(ctx);
	return err;
}

/* ISO/IEC 10118-3's hash identifiers in the trailer; BC alone is SHA-1. */
static const char *trailer_digest(const uint8_t *f, size_t len, size_t *trailer)
{
	*trailer = 1;
	if (f[len - 1] == 0xbc)
		return "SHA1";
	*trailer = 2;
	if (f[len - 1] != 0xcc)
		return NULL;
	switch (f[len - 2]) {
	case 0x33: return "SHA1";
	case 0x34: return "SHA256";
	case 0x35: return "SHA512";
	case 0x36: return "SHA384";
	case 0x38: return "SHA224";
	}
	return NULL;
}

/*
 * ISO/IEC 9796-2, digital signature scheme 1 with partial recovery: 01 1 x, padding to a nibble A,
 * M1, H(M1 || M2), trailer; M2 is our number.
 */
static int verify_rsa(const struct cr_aa *aa, const uint8_t *sig)
{
	uint8_t f[CR_AA_MAX], md[EVP_MAX_MD_SIZE];
	size_t trailer, start = 0, end;
	unsigned int md_len = 0;
	EVP_MD_CTX *ctx = NULL;
	EVP_MD *alg = NULL;
	const char *name;
	int err = rsa_open(aa, sig, f);

	if (err)
		return err;
	err = CR_E_CRYPTO;
	name = trailer_digest(f, aa->sig_len, &trailer);
	if (!name || (f[0] & 0xe0) != 0x60)
		return err;
	while (start < aa->sig_len && (f[start] & 0x0f) != 0x0a) {
		if (start && f[start] != 0xbb)
			return err;
		start++;
	}
	start++;
	alg = EVP_MD_fetch(NULL, name, NULL);
	ctx = EVP_MD_CTX_new();
	if (!alg || !ctx)
		goto out;
	if (start + (size_t)EVP_MD_get_size(alg) + trailer > aa->sig_len)
		goto out;
	end = aa->sig_len - trailer - (size_t)EVP_MD_get_size(alg);
	if (EVP_DigestInit_ex2(ctx, alg, NULL) && EVP_DigestUpdate(ctx, f + start, end - start) &&
	    EVP_DigestUpdate(ctx, aa->nonce, sizeof(aa->nonce)) &&
	    EVP_DigestFinal_ex(ctx, md, &md_len) && !CRYPTO_memcmp(md, f + end, md_len))
		err = 0;
out:
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(alg);
	return err;
}

/*
 * TR-03111, 5.2.1: r || s to the DER that OpenSSL takes; chips that send DER are taken at their
 * word.
 */
static unsigned char *ecdsa_der(const struct cr_aa *aa, const uint8_t *sig, size_t len,
				int *der_len)
{
	unsigned char *der = NULL;
	ECDSA_SIG *es = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(sig, (int)len / 2, NULL);
	BIGNUM *s = BN_bin2bn(sig + len / 2, (int)(len - len / 2), NULL);

	*der_len = 0;
	if (len != aa->sig_len) {
		der = OPENSSL_memdup(sig, len);
		*der_len = (int)len;
	} else if (es && r && s && ECDSA_SIG_set0(es, r, s)) {
		r = s = NULL;
		*der_len = i2d_ECDSA_SIG(es, &der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(es);
	return der;
}

static bool stands_by(const struct cr_aa *aa, const char *digest, const unsigned char *der, int len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx &&
		  EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, aa->key, NULL) > 0 &&
		  EVP_DigestVerify(ctx, der, (size_t)len, aa->nonce, sizeof(aa->nonce)) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

/* The digest that DG14 names, else each: that one of them fits is proof as good. */
static int verify_ecdsa(const struct cr_aa *aa, const uint8_t *sig, size_t len, const char *digest,
			bool *other)
{
	static const char *const digests[] = { "SHA256", "SHA384", "SHA512", "SHA224", "SHA1" };
	int der_len, err = CR_E_CRYPTO;
	unsigned char *der = ecdsa_der(aa, sig, len, &der_len);

	if (der && digest && stands_by(aa, digest, der, der_len))
		err = 0;
	for (size_t i = 0; der && err && i < sizeof(digests) / sizeof(*digests); i++) {
		if (stands_by(aa, digests[i], der, der_len)) {
			*other = digest;
			err = 0;
		}
	}
	OPENSSL_free(der);
	return err;
}

int cr_aa_verify(const struct cr_aa *aa, const uint8_t *sig, size_t len, const char *digest, bool *other)
{
	*other = false;
	if (len > CR_AA_MAX)
		return CR_E_CRYPTO;
	if (aa->rsa && len != aa->sig_len)
		return len < aa->sig_len ? CR_E_TOO_LONG : CR_E_CRYPTO;
	if (aa->rsa)
		return verify_rsa(aa, sig);
	return len < 8 ? CR_E_TOO_LONG : verify_ecdsa(aa, sig, len, digest, other);
}
