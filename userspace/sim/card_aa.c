/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Active authentication, the card's side: ICAO 9303-11, 6.1. RSA: ISO/IEC 9796-2, scheme 1, with as much of a message of
 * the chip's own as fits; elliptic curves: ECDSA, r || s (TR-03111, 5.2.1).
 */
#include "simcard.h"

#include <string.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#define NONCE_LEN	8

/* ISO/IEC 10118-3's identifiers of the hash functions. */
static uint8_t trailer_of(const char *digest)
{
	return !strcmp(digest, "SHA256") ? 0x34 : !strcmp(digest, "SHA512") ? 0x35 : !strcmp(digest, "SHA384") ? 0x36 :
	       !strcmp(digest, "SHA224") ? 0x38 : 0x33;
}

/* 6A || M1 || H(M1 || M2) || trailer, to the private exponent. */
static bool sign_rsa(const struct sim_profile *prof, const uint8_t *nonce, struct sim_buf *out)
{
	const EVP_MD *md = EVP_get_digestbyname(prof->aa_digest);
	size_t n = (size_t)EVP_PKEY_get_size(prof->aa_key), h = (size_t)EVP_MD_get_size(md);
	size_t trailer = prof->aa_trailer_bc ? 1 : 2, len = n;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, prof->aa_key, NULL);
	EVP_MD_CTX *mdc = EVP_MD_CTX_new();
	uint8_t f[1024], sig[1024];
	bool ok;

	ok = ctx && mdc && n <= sizeof(f) && n > h + trailer + 1 &&
	     RAND_bytes(f + 1, (int)(n - 1 - h - trailer)) == 1 && EVP_DigestInit_ex(mdc, md, NULL) &&
	     EVP_DigestUpdate(mdc, f + 1, n - 1 - h - trailer) && EVP_DigestUpdate(mdc, nonce, NONCE_LEN) &&
	     EVP_DigestFinal_ex(mdc, f + n - trailer - h, NULL);
	if (ok) {
		f[0] = 0x6a;
		f[n - 1] = prof->aa_trailer_bc ? 0xbc : 0xcc;
		if (!prof->aa_trailer_bc)
			f[n - 2] = trailer_of(prof->aa_digest);
		ok = EVP_PKEY_decrypt_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0 &&
		     EVP_PKEY_decrypt(ctx, sig, &len, f, n) > 0;
	}
	if (ok)
		sim_buf_put(out, sig, len);
	EVP_MD_CTX_free(mdc);
	EVP_PKEY_CTX_free(ctx);
	return ok && !out->failed;
}

static bool sign_ecdsa(const struct sim_profile *prof, const uint8_t *nonce, struct sim_buf *out)
{
	size_t half = ((size_t)EVP_PKEY_get_bits(prof->aa_key) + 7) / 8, len = 256;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[256], plain[256];
	const uint8_t *p = der;
	ECDSA_SIG *sig = NULL;
	bool ok;

	ok = ctx && EVP_DigestSignInit_ex(ctx, NULL, prof->aa_digest, NULL, NULL, prof->aa_key, NULL) == 1 &&
	     EVP_DigestSign(ctx, der, &len, nonce, NONCE_LEN) == 1 && (sig = d2i_ECDSA_SIG(NULL, &p, (long)len)) &&
	     BN_bn2binpad(ECDSA_SIG_get0_r(sig), plain, (int)half) > 0 &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(sig), plain + half, (int)half) > 0;
	if (ok)
		sim_buf_put(out, plain, 2 * half);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	return ok && !out->failed;
}

uint16_t sim_internal_authenticate(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out)
{
	const struct sim_profile *prof = &card->prof;
	bool all = a->extended && a->le_all;

	if (a->p1 || a->p2)
		return SW_P1P2;
	if (a->lc != NONCE_LEN && sim_lax("aa"))
		return SW_OK;
	if (a->lc != NONCE_LEN || (!a->le && !a->le_implied))
		return SW_LENGTH;
	/* 6.1.2: after access control, where there is one */
	if ((prof->pace || prof->bac) && !card->access)
		return SW_SECURITY_STATUS;
	if (prof->aa_habit == SIM_AA_ALL && !all)
		return SW_LENGTH;
	if (prof->aa_habit == SIM_AA_256 && all)
		return SW_OK;
	if (!(EVP_PKEY_is_a(prof->aa_key, "RSA") ? sign_rsa : sign_ecdsa)(prof, a->data, out))
		return SW_INTERNAL;
	if (prof->aa_habit == SIM_AA_CUT)
		out->len /= 2;
	if (out->len > a->le && !a->le_implied) {
		sim_buf_free(out);
		return SW_LENGTH;
	}
	return SW_OK;
}
