/* SPDX-License-Identifier: BSD-2-Clause */
/* Key derivation, ICAO 9303-11, 9.7.1. */
#ifndef CR_EID_KDF_H
#define CR_EID_KDF_H

#include "eid/crypto.h"

enum cr_kdf { CR_KDF_ENC = 1, CR_KDF_MAC = 2, CR_KDF_PI = 3 };

/* KDF(K, c): a key of cr_cipher_key_len(cipher) bytes, DES parity set for 3DES. 0 or CR_E_CRYPTO. */
int cr_kdf(enum cr_cipher cipher, enum cr_kdf counter, const uint8_t *secret, size_t len,
	   uint8_t key[CR_KEY_MAX]);
int cr_sha1(const uint8_t *data, size_t len, uint8_t digest[20]);

#endif
