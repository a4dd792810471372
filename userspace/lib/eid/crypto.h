/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The symmetric primitives of ICAO 9303-11, on OpenSSL's default provider alone: block ciphers in
 * CBC mode, the two MACs, padding, random bytes.
 */
#ifndef CR_EID_CRYPTO_H
#define CR_EID_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cr_cipher { CR_3DES, CR_AES128, CR_AES192, CR_AES256 };

#define CR_KEY_MAX	32
#define CR_BLOCK_MAX	16
#define CR_MAC_LEN	8

const char *cr_cipher_name(enum cr_cipher c);	/* "3DES", "AES-128", ... */
size_t cr_cipher_key_len(enum cr_cipher c);	/* 3DES: 16, two keys */
size_t cr_cipher_block(enum cr_cipher c);

/*
 * CBC without padding: len is a multiple of the block; iv NULL: zeroes. in == out is fine.
 * 0, CR_E_INVALID (length) or CR_E_CRYPTO.
 */
int cr_cbc_encrypt(enum cr_cipher c, const uint8_t *key, const uint8_t *iv, const uint8_t *in,
		   size_t len, uint8_t *out);
int cr_cbc_decrypt(enum cr_cipher c, const uint8_t *key, const uint8_t *iv, const uint8_t *in,
		   size_t len, uint8_t *out);

/*
 * ICAO 9303-11, 9.8.4: 3DES: retail MAC (ISO/IEC 9797-1 MAC algorithm 3, DES, zero IV) over data
 * that the caller padded to full blocks; AES: CMAC cut to its first eight bytes.
 */
int cr_mac(enum cr_cipher c, const uint8_t *key, const uint8_t *data, size_t len,
	   uint8_t mac[CR_MAC_LEN]);

/*
 * ISO/IEC 9797-1 padding method 2: appends 80 00.. to a full block; returns the padded length. buf
 * has room.
 */
size_t cr_pad(uint8_t *buf, size_t len, size_t block);
size_t cr_padded_len(size_t len, size_t block);
/* Takes it off: 0 and *len, or CR_E_MALFORMED. */
int cr_unpad(const uint8_t *buf, size_t padded, size_t block, size_t *len);

/*
 * Where a protocol gets random bytes. NULL is OpenSSL's generator; worked examples bring their own.
 */
struct cr_rng {
	int (*bytes)(void *arg, uint8_t *out, size_t len);	/* 0, or negative enum cr_error */
	void *arg;
};
int cr_random(const struct cr_rng *rng, uint8_t *out, size_t len);

#endif
