// SPDX-License-Identifier: BSD-2-Clause
/*
 * Single DES lives in OpenSSL's legacy provider, which hosts often lack: the retail MAC's inner
 * cipher is two-key triple DES with both keys alike, which is the same permutation (E_k D_k E_k =
 * E_k).
 */
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <cardring/error.h>
#include "eid/crypto.h"

static const struct cipher {
	const char *name, *cbc, *cmac;
	size_t key_len, block;
} ciphers[] = {
	[CR_3DES]   = { "3DES", "DES-EDE-CBC", NULL, 16, 8 },
	[CR_AES128] = { "AES-128", "AES-128-CBC", "AES-128-CBC", 16, 16 },
	[CR_AES192] = { "AES-192", "AES-192-CBC", "AES-192-CBC", 24, 16 },
	[CR_AES256] = { "AES-256", "AES-256-CBC", "AES-256-CBC", 32, 16 },
};

const char *cr_cipher_name(enum cr_cipher c)
{
	return ciphers[c].name;
}

size_t cr_cipher_key_len(enum cr_cipher c)
{
	return ciphers[c].key_len;
}

size_t cr_cipher_block(enum cr_cipher c)
{
	return ciphers[c].block;
}

/* A context ready for CBC blocks, or NULL. */
static EVP_CIPHER_CTX *cbc_start(enum cr_cipher c, const uint8_t *key, const uint8_t *iv,
				 int encrypt)
{
	static const uint8_t zero[CR_BLOCK_MAX];
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, ciphers[c].cbc, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (!cipher || !ctx ||
	    !EVP_CipherInit_ex2(ctx, cipher, key, iv ? iv : zero, encrypt, NULL) ||
	    !EVP_CIPHER_CTX_set_padding(ctx, 0)) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_CIPHER_free(cipher);
	return ctx;
}

static int cbc(enum cr_cipher c, const uint8_t *key, const uint8_t *iv, const uint8_t *in,
	       size_t len, uint8_t *out, int encrypt)
{
	EVP_CIPHER_CTX *ctx;
	int n, err = CR_E_CRYPTO;

	if (len % ciphers[c].block || len > INT32_MAX)
		return CR_E_INVALID;
	ctx = cbc_start(c, key, iv, encrypt);
	if (ctx && EVP_CipherUpdate(ctx, out, &n, in, (int)len) && (size_t)n == len)
		err = 0;
	EVP_CIPHER_CTX_free(ctx);
	return err;
}

int cr_cbc_encrypt(enum cr_cipher c, const uint8_t *key, const uint8_t *iv, const uint8_t *in,
		   size_t len, uint8_t *out)
{
	return cbc(c, key, iv, in, len, out, 1);
}

int cr_cbc_decrypt(enum cr_cipher c, const uint8_t *key, const uint8_t *iv, const uint8_t *in,
		   size_t len, uint8_t *out)
{
	return cbc(c, key, iv, in, len, out, 0);
}

/*
 * ISO/IEC 9797-1, MAC algorithm 3: DES-CBC with the first key over all blocks, then the last block
 * decrypted with the second and encrypted with the first; which is two-key triple DES on that block.
 */
static int retail_mac(const uint8_t *key, const uint8_t *data, size_t len, uint8_t mac[CR_MAC_LEN])
{
	uint8_t inner[16], last[8], scratch[512];
	EVP_CIPHER_CTX *ctx = NULL;
	size_t head = len - 8, done, i;
	int n, err = CR_E_CRYPTO;

	if (!len || len % 8)
		return CR_E_INVALID;
	memcpy(inner, key, 8);
	memcpy(inner + 8, key, 8);
	memset(last, 0, sizeof(last));
	ctx = cbc_start(CR_3DES, inner, NULL, 1);
	if (!ctx)
		goto out;
	for (done = 0; done < head; done += (size_t)n) {
		size_t part = head - done < sizeof(scratch) ? head - done : sizeof(scratch);

		if (!EVP_CipherUpdate(ctx, scratch, &n, data + done, (int)part) ||
		    (size_t)n != part)
			goto out;
		memcpy(last, scratch + part - 8, 8);
	}
	for (i = 0; i < 8; i++)
		last[i] ^= data[head + i];
	err = cr_cbc_encrypt(CR_3DES, key, NULL, last, 8, mac);
out:
	EVP_CIPHER_CTX_free(ctx);
	OPENSSL_cleanse(inner, sizeof(inner));
	OPENSSL_cleanse(last, sizeof(last));
	OPENSSL_cleanse(scratch, sizeof(scratch));
	return err;
}

static int cmac(enum cr_cipher c, const uint8_t *key, const uint8_t *data, size_t len,
		uint8_t mac[CR_MAC_LEN])
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)ciphers[c].cmac, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *alg = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *ctx = alg ? EVP_MAC_CTX_new(alg) : NULL;
	uint8_t full[CR_BLOCK_MAX];
	size_t n;
	int err = CR_E_CRYPTO;

	if (ctx && EVP_MAC_init(ctx, key, ciphers[c].key_len, params) &&
	    EVP_MAC_update(ctx, data, len) && EVP_MAC_final(ctx, full, &n, sizeof(full)) &&
	    n == sizeof(full)) {
		memcpy(mac, full, CR_MAC_LEN);
		err = 0;
	}
	OPENSSL_cleanse(full, sizeof(full));
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(alg);
	return err;
}

int cr_mac(enum cr_cipher c, const uint8_t *key, const uint8_t *data, size_t len,
	   uint8_t mac[CR_MAC_LEN])
{
	return c == CR_3DES ? retail_mac(key, data, len, mac) : cmac(c, key, data, len, mac);
}

size_t cr_padded_len(size_t len, size_t block)
{
	return (len / block + 1) * block;
}

size_t cr_pad(uint8_t *buf, size_t len, size_t block)
{
	size_t padded = cr_padded_len(len, block);

	buf[len] = 0x80;
	memset(buf + len + 1, 0, padded - len - 1);
	return padded;
}

int cr_unpad(const uint8_t *buf, size_t padded, size_t block, size_t *len)
{
	size_t n = padded;

	while (n && padded - n < block && buf[n - 1] == 0)
		n--;
	if (!n || padded - n >= block || buf[n - 1] != 0x80)
		return CR_E_MALFORMED;
	*len = n - 1;
	return 0;
}

int cr_random(const struct cr_rng *rng, uint8_t *out, size_t len)
{
	if (rng)
		return rng->bytes(rng->arg, out, len);
	return RAND_priv_bytes(out, (int)len) == 1 ? 0 : CR_E_CRYPTO;
}
