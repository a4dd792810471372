/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual card's own key derivation, ciphers and MACs (ICAO 9303-11, 9.7 and 9.8), apart from the library's. */
#ifndef CARDRING_SIM_CRYPTO_H
#define CARDRING_SIM_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/bn.h>
#include <openssl/ec.h>

enum sim_cipher { SIM_3DES = 1, SIM_AES128, SIM_AES192, SIM_AES256 };	/* last arc of the PACE and CA OIDs */

/* PACE's mappings; "gm", "im" and "cam" in a profile. */
enum sim_mapping { SIM_GM, SIM_IM, SIM_CAM };

#define SIM_KEY_MAX	32
#define SIM_BLOCK_MAX	16

size_t sim_key_len(enum sim_cipher c);
size_t sim_block_len(enum sim_cipher c);
const char *sim_cipher_name(enum sim_cipher c);	/* "3des", "aes128", ...: as in a profile */
bool sim_cipher_from_name(const char *name, enum sim_cipher *out);

/* ICAO 9303-11, 9.7.1: KDF(secret, counter). key takes SIM_KEY_MAX. All functions: false when OpenSSL fails. */
bool sim_kdf(enum sim_cipher c, const uint8_t *secret, size_t len, uint32_t counter, uint8_t *key);
/* CBC without padding; len a multiple of the block; iv NULL: zeroes; in and out may be the same. */
bool sim_cbc(enum sim_cipher c, bool encrypt, const uint8_t *key, const uint8_t *iv, const uint8_t *in, size_t len,
	     uint8_t *out);
/* One block, ECB: the IV of AES secure messaging. */
bool sim_encrypt_block(enum sim_cipher c, const uint8_t *key, const uint8_t *in, uint8_t *out);
/* Eight bytes. 3DES: ISO/IEC 9797-1 MAC algorithm 3 over whole blocks. AES: CMAC, cut. */
bool sim_mac(enum sim_cipher c, const uint8_t *key, const uint8_t *in, size_t len, uint8_t mac[8]);
/* The arc of id-PACE for it (TR-03110-3, A.1.1.1): 1 DH-GM, 2 ECDH-GM, 3 DH-IM, 4 ECDH-IM, 6 ECDH-CAM; 0: no such. */
int sim_pace_arc(enum sim_mapping m, bool curve);

#endif
