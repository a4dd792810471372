/* SPDX-License-Identifier: BSD-2-Clause */
#include "simcrypto.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static const struct {
	const char *name;
	size_t key, block;
} ciphers[] = {
	[SIM_3DES] = { "3des", 16, 8 },
	[SIM_AES128] = { "aes128", 16, 16 },
	[SIM_AES192] = { "aes192", 24, 16 },
	[SIM_AES256] = { "aes256", 32, 16 },
};

size_t sim_key_len(enum sim_cipher c)
{
	return ciphers[c].key;
}

size_t sim_block_len(enum sim_cipher c)
{
	return ciphers[c].block;
}

const char *sim_cipher_name(enum sim_cipher c)
{
	return ciphers[c].name;
}

bool sim_cipher_from_name(const char *name, enum sim_cipher *out)
{
	for (enum sim_cipher c = SIM_3DES; c <= SIM_AES256; c++) {
		if (!strcmp(name, ciphers[c].name)) {
			*out = c;
			return true;
		}
	}
	return false;
}

bool sim_kdf(enum sim_cipher c, const uint8_t *secret, size_t len, uint32_t counter, uint8_t *key)
{
	const uint8_t cnt[4] = { counter >> 24, counter >> 16, counter >> 8, counter };
	const EVP_MD *md = c >= SIM_AES192 ? EVP_sha256() : EVP_sha1();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t h[EVP_MAX_MD_SIZE];
	bool ok;

	ok = ctx && EVP_DigestInit_ex(ctx, md, NULL) && EVP_DigestUpdate(ctx, secret, len) &&
	     EVP_DigestUpdate(ctx, cnt, sizeof(cnt)) && EVP_DigestFinal_ex(ctx, h, NULL);
	EVP_MD_CTX_free(ctx);
	if (ok)
		memcpy(key, h, ciphers[c].key);
	/* 9.7.2: parity bits of a DES key, odd */
	for (size_t i = 0; ok && c == SIM_3DES && i < 16; i++) {
		uint8_t v = key[i] & 0xfe;

		key[i] = v | !__builtin_parity(v);
	}
	OPENSSL_cleanse(h, sizeof(h));
	return ok;
}

static bool run(const EVP_CIPHER *type, bool encrypt, const uint8_t *key, const uint8_t *iv, const uint8_t *in,
		size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool ok;

	ok = ctx && type && len <= 0x100000 && EVP_CipherInit_ex2(ctx, type, key, iv, encrypt, NULL) &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) && EVP_CipherUpdate(ctx, out, &n, in, (int)len) &&
	     (size_t)n == len;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

bool sim_cbc(enum sim_cipher c, bool encrypt, const uint8_t *key, const uint8_t *iv, const uint8_t *in, size_t len,
	     uint8_t *out)
{
	static const uint8_t zero[SIM_BLOCK_MAX];
	const EVP_CIPHER *type = c == SIM_3DES ? EVP_des_ede_cbc() : c == SIM_AES128 ? EVP_aes_128_cbc() :
				 c == SIM_AES192 ? EVP_aes_192_cbc() : EVP_aes_256_cbc();

	return run(type, encrypt, key, iv ? iv : zero, in, len, out);
}

bool sim_encrypt_block(enum sim_cipher c, const uint8_t *key, const uint8_t *in, uint8_t *out)
{
	return sim_cbc(c, true, key, NULL, in, ciphers[c].block, out);
}

/* Single DES: the three keys of EDE3 alike (single DES itself is in OpenSSL's legacy provider). */
static bool des_cbc(bool encrypt, const uint8_t *key8, const uint8_t *iv, const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t k[24];
	bool ok;

	for (int i = 0; i < 3; i++)
		memcpy(k + 8 * i, key8, 8);
	ok = run(EVP_des_ede3_cbc(), encrypt, k, iv, in, len, out);
	OPENSSL_cleanse(k, sizeof(k));
	return ok;
}

static bool retail_mac(const uint8_t *key, const uint8_t *in, size_t len, uint8_t mac[8])
{
	static const uint8_t zero[8];
	uint8_t h[8] = { 0 };

	if (len == 0 || len % 8)
		return false;
	for (size_t i = 0; i < len; i += 8) {
		if (!des_cbc(true, key, h, in + i, 8, h))
			return false;
	}
	return des_cbc(false, key + 8, zero, h, 8, h) && des_cbc(true, key, zero, h, 8, mac);
}

bool sim_mac(enum sim_cipher c, const uint8_t *key, const uint8_t *in, size_t len, uint8_t mac[8])
{
	char name[12] = "AES-128-CBC";
	OSSL_PARAM params[2];
	EVP_MAC_CTX *ctx;
	EVP_MAC *alg;
	uint8_t full[16];
	size_t n = 0;
	bool ok;

	if (c == SIM_3DES)
		return retail_mac(key, in, len, mac);
	memcpy(name + 4, c == SIM_AES128 ? "128" : c == SIM_AES192 ? "192" : "256", 3);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0);
	params[1] = OSSL_PARAM_construct_end();
	alg = EVP_MAC_fetch(NULL, "CMAC", NULL);
	ctx = EVP_MAC_CTX_new(alg);
	ok = ctx && EVP_MAC_init(ctx, key, ciphers[c].key, params) && EVP_MAC_update(ctx, in, len) &&
	     EVP_MAC_final(ctx, full, &n, sizeof(full)) && n == 16;
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(alg);
	if (ok)
		memcpy(mac, full, 8);
	return ok;
}

int sim_pace_arc(enum sim_mapping m, bool curve)
{
	static const int arcs[][2] = { [SIM_GM] = { 1, 2 }, [SIM_IM] = { 3, 4 }, [SIM_CAM] = { 0, 6 } };

	return arcs[m][curve];
}
