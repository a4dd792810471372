// SPDX-License-Identifier: BSD-2-Clause
/* The primitives against published vectors: ICAO 9303-11 appendices D and G, NIST SP 800-38B. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <cardring/error.h>
#include "eid/crypto.h"
#include "eid/kdf.h"
#include "hex.h"

/* ICAO 9303-11, appendix D.2 and D.3 */
static void kdf_makes_the_3des_keys_of_appendix_d(void **state)
{
	uint8_t seed[16], key[CR_KEY_MAX];

	hex(seed, "239AB9CB282DAF66231DC5A4DF6BFBAE");
	assert_int_equal(cr_kdf(CR_3DES, CR_KDF_ENC, seed, 16, key), 0);
	assert_hex(key, 16, "AB94FDECF2674FDFB9B391F85D7F76F2");
	assert_int_equal(cr_kdf(CR_3DES, CR_KDF_MAC, seed, 16, key), 0);
	assert_hex(key, 16, "7962D9ECE03D1ACD4C76089DCE131543");
	hex(seed, "0036D272F5C350ACAC50C3F572D23600");
	assert_int_equal(cr_kdf(CR_3DES, CR_KDF_ENC, seed, 16, key), 0);
	assert_hex(key, 16, "979EC13B1CBFE9DCD01AB0FED307EAE5");
}

/* Appendix G.1 */
static void kdf_makes_the_aes_keys_of_appendix_g(void **state)
{
	uint8_t k[32], key[CR_KEY_MAX];

	hex(k, "7E2D2A41C74EA0B38CD36F863939BFA8E9032AAD");
	assert_int_equal(cr_kdf(CR_AES128, CR_KDF_PI, k, 20, key), 0);
	assert_hex(key, 16, "89DED1B26624EC1E634C1989302849DD");
	hex(k, "28768D20701247DAE81804C9E780EDE582A9996DB4A315020B2733197DB84925");
	assert_int_equal(cr_kdf(CR_AES128, CR_KDF_MAC, k, 32, key), 0);
	assert_hex(key, 16, "FE251C7858B356B24514B3BD5F4297D1");
}

/* Appendix D.3 */
static void retail_mac_is_that_of_appendix_d(void **state)
{
	uint8_t key[16], data[40], mac[8];
	size_t n;

	hex(key, "7962D9ECE03D1ACD4C76089DCE131543");
	n = hex(data, "72C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F2");
	n = cr_pad(data, n, 8);
	assert_int_equal(n, 40);
	assert_int_equal(cr_mac(CR_3DES, key, data, n, mac), 0);
	assert_hex(mac, 8, "5F1448EEA8AD90A7");
	assert_int_equal(cr_mac(CR_3DES, key, data, 39, mac), CR_E_INVALID);
	assert_int_equal(cr_mac(CR_3DES, key, data, 0, mac), CR_E_INVALID);
}

/* The retail MAC works through its data in pieces: the same one whatever their border. */
static void retail_mac_chains_over_long_data(void **state)
{
	uint8_t key[16], data[1600], x[8] = { 0 }, inner[16], mac[8], want[8];

	hex(key, "7962D9ECE03D1ACD4C76089DCE131543");
	memcpy(inner, key, 8);
	memcpy(inner + 8, key, 8);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	for (size_t n = 8; n <= sizeof(data); n += 8) {
		size_t last = n - 8;

		memset(x, 0, 8);
		for (size_t off = 0; off < n; off += 8) {
			for (int i = 0; i < 8; i++)
				x[i] ^= data[off + (size_t)i];
			assert_int_equal(cr_cbc_encrypt(CR_3DES, off == last ? key : inner, NULL, x,
							8, x),
					 0);
		}
		memcpy(want, x, 8);
		assert_int_equal(cr_mac(CR_3DES, key, data, n, mac), 0);
		assert_memory_equal(mac, want, 8);
	}
}

/* NIST SP 800-38B, D.1 to D.3, cut to eight bytes */
static void cmac_is_that_of_nist(void **state)
{
	uint8_t key[32], data[64], mac[8];

	hex(data, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
		  "30c81c46a35ce411");
	hex(key, "2b7e151628aed2a6abf7158809cf4f3c");
	assert_int_equal(cr_mac(CR_AES128, key, data, 0, mac), 0);
	assert_hex(mac, 8, "bb1d6929e9593728");
	assert_int_equal(cr_mac(CR_AES128, key, data, 16, mac), 0);
	assert_hex(mac, 8, "070a16b46b4d4144");
	assert_int_equal(cr_mac(CR_AES128, key, data, 40, mac), 0);
	assert_hex(mac, 8, "dfa66747de9ae630");
	hex(key, "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b");
	assert_int_equal(cr_mac(CR_AES192, key, data, 40, mac), 0);
	assert_hex(mac, 8, "8a1de5be2eb31aad");
	hex(key, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
	assert_int_equal(cr_mac(CR_AES256, key, data, 40, mac), 0);
	assert_hex(mac, 8, "aaf3d8f1de5640c2");
}

static void padding_comes_off_only_where_it_was_put(void **state)
{
	uint8_t buf[48];
	size_t n;

	for (size_t len = 0; len <= 32; len++) {
		memset(buf, 0xaa, sizeof(buf));
		assert_int_equal(cr_pad(buf, len, 16), cr_padded_len(len, 16));
		assert_int_equal(cr_unpad(buf, cr_padded_len(len, 16), 16, &n), 0);
		assert_int_equal(n, len);
	}
	memset(buf, 0, sizeof(buf));
	assert_int_equal(cr_unpad(buf, 16, 16, &n), CR_E_MALFORMED);
	buf[15] = 0x80;		/* a whole block of zeroes after it: not padding */
	assert_int_equal(cr_unpad(buf, 32, 16, &n), CR_E_MALFORMED);
	assert_int_equal(cr_unpad(buf, 31, 16, &n), 0);
	assert_int_equal(cr_unpad(buf, 0, 16, &n), CR_E_MALFORMED);
	buf[15] = 0x81;
	assert_int_equal(cr_unpad(buf, 16, 16, &n), CR_E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kdf_makes_the_3des_keys_of_appendix_d),
		cmocka_unit_test(kdf_makes_the_aes_keys_of_appendix_g),
		cmocka_unit_test(retail_mac_is_that_of_appendix_d),
		cmocka_unit_test(retail_mac_chains_over_long_data),
		cmocka_unit_test(cmac_is_that_of_nist),
		cmocka_unit_test(padding_comes_off_only_where_it_was_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
