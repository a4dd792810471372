// SPDX-License-Identifier: BSD-2-Clause
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <cardring/error.h>
#include "eid/kdf.h"

static int digest(const char *name, const uint8_t *data, size_t len, const uint8_t *tail,
		  size_t tail_len, uint8_t out[EVP_MAX_MD_SIZE])
{
	EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = md && ctx && EVP_DigestInit_ex2(ctx, md, NULL) &&
		 EVP_DigestUpdate(ctx, data, len) && EVP_DigestUpdate(ctx, tail, tail_len) &&
		 EVP_DigestFinal_ex(ctx, out, NULL);

	EVP_MD_CTX_free(ctx);
	EVP_MD_free(md);
	return ok ? 0 : CR_E_CRYPTO;
}

int cr_sha1(const uint8_t *data, size_t len, uint8_t out[20])
{
	uint8_t md[EVP_MAX_MD_SIZE];
	int err = digest("SHA1", data, len, NULL, 0, md);

	if (!err)
		memcpy(out, md, 20);
	OPENSSL_cleanse(md, sizeof(md));
	return err;
}

/* FIPS 46-3: the lowest bit of each byte makes the number of ones odd. */
static void set_des_parity(uint8_t *key, size_t len)
{
	for (size_t i = 0; i < len; i++)
		key[i] = (key[i] & 0xfe) | !__builtin_parity(key[i] & 0xfe);
}

int cr_kdf(enum cr_cipher cipher, enum cr_kdf counter, const uint8_t *secret, size_t len,
	   uint8_t key[CR_KEY_MAX])
{
	const uint8_t c[4] = { 0, 0, 0, (uint8_t)counter };
	/* 9.7.1.1, 9.7.1.2: SHA-1 for 3DES and AES-128, SHA-256 for the longer keys */
	bool sha1 = cipher == CR_3DES || cipher == CR_AES128;
	uint8_t md[EVP_MAX_MD_SIZE];
	int err = digest(sha1 ? "SHA1" : "SHA256", secret, len, c, sizeof(c), md);

	if (!err) {
		memcpy(key, md, cr_cipher_key_len(cipher));
		if (cipher == CR_3DES)
			set_des_parity(key, cr_cipher_key_len(cipher));
	}
	OPENSSL_cleanse(md, sizeof(md));
	return err;
}
