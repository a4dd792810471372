// SPDX-License-Identifier: BSD-2-Clause
/* Chip authentication: both command sequences, and a chip that has not got the key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <cardring/error.h>
#include "eid/ca.h"

static const uint8_t oid_ca[9] = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x03, 0x02 };

/* A chip's static key pair, and what DG14 says of it. */
static struct cr_group *chip(int domain, enum cr_cipher cipher, int key_id, struct cr_ca_info *info,
			     struct cr_ca_key *key)
{
	struct cr_group *e;

	*key = (struct cr_ca_key){ .ecdh = true, .key_id = key_id, .usable = true };
	assert_true(cr_domain_by_id(domain, &key->domain));
	assert_int_equal(cr_group_new(&key->domain, &e), 0);
	assert_int_equal(cr_group_generate(e, NULL), 0);
	*info = (struct cr_ca_info){ .version = 1, .key_id = key_id };
	info->protocol.ecdh = true;
	info->protocol.cipher = cipher;
	memcpy(info->protocol.oid, oid_ca, sizeof(oid_ca));
	info->protocol.oid[9] = (uint8_t)(cipher + 1);
	assert_int_equal(cr_group_public(e, key->public_key, &key->len), 0);
	return e;
}

static void chip_session(struct cr_group *e, enum cr_cipher cipher, const uint8_t *peer, size_t len,
			 struct cr_sm *sm)
{
	uint8_t z[CR_FIELD_MAX];
	size_t n;

	assert_int_equal(cr_group_agree(e, peer, len, z, &n), 0);
	assert_int_equal(cr_sm_derive(sm, cipher, z, n), 0);
}

static void aes_goes_by_general_authenticate(void **state)
{
	static const int ids[] = { 12, 13, 16, 18 };

	for (int cipher = CR_AES128; cipher <= CR_AES256; cipher++) {
		for (size_t i = 0; i < 4; i++) {
			struct cr_sm mine, theirs;
			struct cr_capdu cmd;
			struct cr_ca_info info;
			struct cr_ca_key key;
			struct cr_ca *ca;
			struct cr_group *e = chip(ids[i], (enum cr_cipher)cipher, -1, &info, &key);
			size_t n = key.len;

			assert_int_equal(cr_ca_new(&info, &key, NULL, &ca), 0);
			assert_int_equal(cr_ca_step(ca, NULL, 0, 0, &cmd), 1);
			assert_int_equal(cmd.ins, 0x22);
			assert_int_equal(cmd.p1, 0x41);
			assert_int_equal(cmd.p2, 0xa4);
			assert_int_equal(cmd.le, 0);
			assert_int_equal(cmd.lc, 12);
			assert_memory_equal(cmd.data, "\x80\x0a", 2);
			assert_memory_equal(cmd.data + 2, info.protocol.oid, 10);
			assert_int_equal(cr_ca_session(ca, &mine), CR_E_INVALID);
			assert_int_equal(cr_ca_step(ca, NULL, 0, 0x9000, &cmd), 1);
			assert_int_equal(cmd.cla, 0);
			assert_int_equal(cmd.ins, 0x86);
			assert_int_equal(cmd.le, 256);
			chip_session(e, (enum cr_cipher)cipher, cmd.data + cmd.lc - n, n, &theirs);
			assert_int_equal(cr_ca_step(ca, (const uint8_t *)"\x7c", 2, 0x9000, &cmd),
					 0);
			assert_int_equal(cr_ca_session(ca, &mine), 0);
			assert_memory_equal(mine.k_enc, theirs.k_enc, CR_KEY_MAX);
			assert_memory_equal(mine.k_mac, theirs.k_mac, CR_KEY_MAX);
			assert_memory_equal(mine.ssc, theirs.ssc, 16);
			cr_ca_free(ca);
			cr_group_free(e);
		}
	}
}

static void triple_des_goes_by_set_kat(void **state)
{
	struct cr_sm mine, theirs;
	struct cr_capdu cmd;
	struct cr_ca_info info;
	struct cr_ca_key key;
	struct cr_ca *ca;
	struct cr_group *e = chip(12, CR_3DES, 0x1234, &info, &key);

	assert_int_equal(cr_ca_new(&info, &key, NULL, &ca), 0);
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0, &cmd), 1);
	assert_int_equal(cmd.p2, 0xa6);
	assert_int_equal(cmd.le, 0);
	assert_int_equal(cmd.lc, 2 + 65 + 4);
	assert_memory_equal(cmd.data, "\x91\x41\x04", 3);
	assert_memory_equal(cmd.data + 67, "\x84\x02\x12\x34", 4);
	chip_session(e, CR_3DES, cmd.data + 2, 65, &theirs);
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0x9000, &cmd), 0);
	assert_int_equal(cr_ca_session(ca, &mine), 0);
	assert_memory_equal(mine.k_enc, theirs.k_enc, 16);
	cr_ca_free(ca);
	cr_group_free(e);
}

/* A copy has DG14 and not the private key: whatever it answers, its session is another one. */
static void a_chip_with_another_key_has_another_session(void **state)
{
	static const struct cr_capdu select_com = { .ins = 0xa4, .p1 = 2, .p2 = 0x0c,
						    .data = (const uint8_t *)"\x01\x1e", .lc = 2 };
	struct cr_sm mine, theirs;
	struct cr_sm_exchange ex;
	struct cr_capdu cmd;
	struct cr_ca_info info, other_info;
	struct cr_ca_key key, other_key;
	struct cr_ca *ca;
	struct cr_group *e = chip(13, CR_AES128, -1, &info, &key);
	struct cr_group *copy = chip(13, CR_AES128, -1, &other_info, &other_key);
	uint8_t buf[64], rsp[16] = { 0x99, 0x02, 0x90, 0x00, 0x8e, 0x08 }, over[32] = { 0 };
	size_t len = sizeof(buf), none = 0;
	uint16_t sw;

	assert_int_equal(cr_ca_new(&info, &key, NULL, &ca), 0);
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0, &cmd), 1);
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0x9000, &cmd), 1);
	chip_session(copy, CR_AES128, cmd.data + cmd.lc - 65, 65, &theirs);
	assert_int_equal(cr_ca_step(ca, (const uint8_t *)"\x7c", 2, 0x9000, &cmd), 0);
	assert_int_equal(cr_ca_session(ca, &mine), 0);
	assert_int_equal(cr_sm_protect(&mine, &select_com, buf, &len, &ex), 0);
	memcpy(over, ex.ssc, 16);
	memcpy(over + 16, rsp, 4);
	cr_pad(over + 16, 4, 16);
	assert_int_equal(cr_mac(CR_AES128, theirs.k_mac, over, 32, rsp + 6), 0);
	rsp[14] = 0x90;
	assert_int_equal(cr_sm_unprotect(&mine, &ex, rsp, 16, NULL, &none, &sw), CR_E_SM);
	assert_int_equal(cr_mac(CR_AES128, mine.k_mac, over, 32, rsp + 6), 0);
	assert_int_equal(cr_sm_unprotect(&mine, &ex, rsp, 16, NULL, &none, &sw), 0);
	cr_ca_free(ca);
	cr_group_free(e);
	cr_group_free(copy);
}

static void refusals_and_bad_keys(void **state)
{
	struct cr_capdu cmd;
	struct cr_sm sm;
	struct cr_ca_info info;
	struct cr_ca_key key;
	struct cr_ca *ca;
	struct cr_group *e = chip(13, CR_AES128, 3, &info, &key);

	assert_int_equal(cr_ca_new(&info, &key, NULL, &ca), 0);
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0, &cmd), 1);
	assert_memory_equal(cmd.data + 12, "\x84\x01\x03", 3);
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0x6a80, &cmd), CR_E_CARD_STATUS);
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0x9000, &cmd), CR_E_INTERNAL);
	assert_int_equal(cr_ca_session(ca, &sm), CR_E_INVALID);
	cr_ca_free(ca);

	assert_int_equal(cr_ca_new(&info, &key, NULL, &ca), 0);
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0, &cmd), 1);
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0x9000, &cmd), 1);
	assert_int_equal(cr_ca_step(ca, (const uint8_t *)"\x7d", 2, 0x9000, &cmd),
			 CR_E_CARD_PROTOCOL);
	cr_ca_free(ca);

	key.public_key[64] ^= 1;
	assert_int_equal(cr_ca_new(&info, &key, NULL, &ca), CR_E_CRYPTO);
	key.public_key[64] ^= 1;
	key.len = 1;
	key.public_key[0] = 0;
	assert_int_equal(cr_ca_new(&info, &key, NULL, &ca), CR_E_CRYPTO);
	key.usable = false;
	assert_int_equal(cr_ca_new(&info, &key, NULL, &ca), CR_E_UNSUPPORTED);
	cr_group_free(e);
}

static int broken_rng(void *arg, uint8_t *out, size_t len)
{
	return CR_E_CRYPTO;
}

/* Without random numbers nothing is known of the chip's key, be it right or wrong. */
static void a_fault_on_this_side_is_not_the_keys(void **state)
{
	const struct cr_rng rng = { broken_rng, NULL };
	struct cr_ca_info info;
	struct cr_ca_key key;
	struct cr_ca *ca;
	struct cr_group *e = chip(13, CR_AES128, 3, &info, &key);

	for (int wrong = 0; wrong < 2; wrong++) {
		key.public_key[64] ^= wrong;
		assert_int_equal(cr_ca_new(&info, &key, &rng, &ca), CR_E_INTERNAL);
		assert_null(ca);
	}
	assert_int_equal(cr_ca_new(&info, &key, NULL, &ca), CR_E_CRYPTO);
	cr_group_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aes_goes_by_general_authenticate),
		cmocka_unit_test(triple_des_goes_by_set_kat),
		cmocka_unit_test(a_chip_with_another_key_has_another_session),
		cmocka_unit_test(refusals_and_bad_keys),
		cmocka_unit_test(a_fault_on_this_side_is_not_the_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
