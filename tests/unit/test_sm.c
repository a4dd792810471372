// SPDX-License-Identifier: BSD-2-Clause
/*
 * Secure messaging: the exchange of ICAO 9303-11, appendix D.4, and everything that must be
 * refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <cardring/error.h>
#include "eid/sm.h"
#include "hex.h"

static void appendix_d(struct cr_sm *sm)
{
	uint8_t enc[16], mac[16], ssc[8];

	hex(enc, "979EC13B1CBFE9DCD01AB0FED307EAE5");
	hex(mac, "F1CB1F1FB5ADF208806B89DC579DC1F8");
	hex(ssc, "887022120C06C226");
	cr_sm_init(sm, CR_3DES, enc, mac, ssc);
}

static void aes(struct cr_sm *sm, enum cr_cipher c)
{
	uint8_t k[32];

	for (int i = 0; i < 32; i++)
		k[i] = (uint8_t)(i * 5 + 1);
	cr_sm_init(sm, c, k, k, NULL);
}

static const struct cr_capdu select_com = { .ins = 0xa4, .p1 = 2, .p2 = 0x0c,
					    .data = (const uint8_t *)"\x01\x1e", .lc = 2 };
static const struct cr_capdu read_4 = { .ins = 0xb0, .le = 4 };
static const struct cr_capdu read_18 = { .ins = 0xb0, .p2 = 4, .le = 0x12 };

static const char *const d4_command[] = {
	"0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800",
	"0CB000000D9701048E08ED6705417E96BA5500",
	"0CB000040D9701128E082EA28A70F3C7B53500",
};
static const char *const d4_response[] = {
	"990290008E08FA855A5D4C50A8ED9000",
	"8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000",
	"871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000",
};
static const char *const d4_data[] = { "", "60145F01", "04303130365F36063034303030305C026175" };
static const struct cr_capdu *const d4_plain[] = { &select_com, &read_4, &read_18 };

static void the_exchange_of_appendix_d(void **state)
{
	struct cr_sm sm;
	struct cr_sm_exchange ex;

	appendix_d(&sm);
	for (int i = 0; i < 3; i++) {
		uint8_t buf[300], rsp[300], data[64];
		size_t len = sizeof(buf), n = sizeof(data);
		uint16_t sw;

		assert_int_equal(cr_sm_protect(&sm, d4_plain[i], buf, &len, &ex), 0);
		assert_hex(buf, len, d4_command[i]);
		len = hex(rsp, d4_response[i]);
		assert_int_equal(cr_sm_unprotect(&sm, &ex, rsp, len, data, &n, &sw), 0);
		assert_int_equal(sw, 0x9000);
		assert_hex(data, n, d4_data[i]);
		assert_int_equal(cr_sm_response_len(&sm, false, n), len);
	}
}

static void commands_are_made_ahead_and_given_back(void **state)
{
	struct cr_sm sm;
	struct cr_sm_exchange ex[3], again;
	uint8_t buf[3][300], rsp[300], data[64];
	size_t len[3], n;
	uint16_t sw;

	appendix_d(&sm);
	for (int i = 0; i < 3; i++) {
		len[i] = sizeof(buf[i]);
		assert_int_equal(cr_sm_protect(&sm, d4_plain[i], buf[i], &len[i], &ex[i]), 0);
		assert_hex(buf[i], len[i], d4_command[i]);
	}
	for (int i = 0; i < 3; i++) {
		n = sizeof(data);
		assert_int_equal(cr_sm_unprotect(&sm, &ex[i], rsp, hex(rsp, d4_response[i]), data,
						 &n, &sw),
				 0);
		assert_hex(data, n, d4_data[i]);
	}
	cr_sm_rewind(&sm, &ex[1]);	/* as if the second had never been sent */
	len[1] = sizeof(buf[1]);
	assert_int_equal(cr_sm_protect(&sm, &read_4, buf[1], &len[1], &again), 0);
	assert_hex(buf[1], len[1], d4_command[1]);
	assert_memory_equal(&again, &ex[1], sizeof(again));
}

static void the_counter_carries(void **state)
{
	struct cr_sm sm;
	struct cr_sm_exchange ex;
	uint8_t buf[300], before[16];
	size_t len = sizeof(buf);

	aes(&sm, CR_AES128);
	memset(sm.ssc + 8, 0xff, 8);
	sm.ssc[15] = 0xfe;
	memcpy(before, sm.ssc, 16);
	assert_int_equal(cr_sm_protect(&sm, &read_4, buf, &len, &ex), 0);
	assert_hex(sm.ssc, 16, "00000000000000010000000000000000");
	cr_sm_rewind(&sm, &ex);
	assert_memory_equal(sm.ssc, before, 16);
}

/* A refused answer never gives data, and each bit of it counts. */
static void every_bit_of_an_answer_counts(void **state)
{
	struct cr_sm sm;
	struct cr_sm_exchange ex;
	uint8_t buf[300], rsp[300], data[64];
	size_t len = sizeof(buf), n, rsp_len;
	uint16_t sw;

	appendix_d(&sm);
	cr_sm_protect(&sm, &select_com, buf, &len, &ex);
	len = sizeof(buf);
	cr_sm_protect(&sm, &read_4, buf, &len, &ex);
	rsp_len = hex(rsp, d4_response[1]);
	for (size_t bit = 0; bit < rsp_len * 8; bit++) {
		rsp[bit / 8] ^= 1 << bit % 8;
		n = sizeof(data);
		assert_int_equal(cr_sm_unprotect(&sm, &ex, rsp, rsp_len, data, &n, &sw), CR_E_SM);
		rsp[bit / 8] ^= 1 << bit % 8;
	}
	for (size_t cut = 0; cut < rsp_len; cut++) {
		n = sizeof(data);
		assert_int_equal(cr_sm_unprotect(&sm, &ex, rsp, cut, data, &n, &sw), CR_E_SM);
	}
	n = sizeof(data);
	assert_int_equal(cr_sm_unprotect(&sm, &ex, rsp, rsp_len, data, &n, &sw), 0);
	n = 3;
	assert_int_equal(cr_sm_unprotect(&sm, &ex, rsp, rsp_len, data, &n, &sw), CR_E_TOO_LONG);
}

/* The card's side, to make answers whose MAC is right and whose form is not. */
static size_t answer(const struct cr_sm *sm, const struct cr_sm_exchange *ex,
		     const uint8_t *objects, size_t len, uint16_t sw, uint8_t *rsp)
{
	size_t block = cr_cipher_block(sm->cipher), n;
	uint8_t buf[600];

	memcpy(buf, ex->ssc, block);
	memcpy(buf + block, objects, len);
	n = block + cr_pad(buf + block, len, block);
	memcpy(rsp, objects, len);
	rsp[len] = 0x8e;
	rsp[len + 1] = 8;
	assert_int_equal(cr_mac(sm->cipher, sm->k_mac, buf, n, rsp + len + 2), 0);
	rsp[len + 10] = (uint8_t)(sw >> 8);
	rsp[len + 11] = (uint8_t)sw;
	return len + 12;
}

static void answers_of_another_form_are_refused(void **state)
{
	static const struct { const char *objects; uint16_t sw; int err; } cases[] = {
		{ "99029000", 0x9000, 0 },
		{ "99026A82", 0x6a82, 0 },
		{ "99026A82", 0x9000, CR_E_SM },		/* inner and outer differ */
		{ "99029000", 0x6982, CR_E_SM },
		{ "", 0x9000, CR_E_SM },			/* no DO99 */
		{ "990190", 0x9000, CR_E_SM },
		{ "9903900000", 0x9000, CR_E_SM },
		{ "9902900099029000", 0x9000, CR_E_SM },	/* twice */
		{ "8709019FF0EC34F99226518709019FF0EC34F992265199029000", 0x9000, CR_E_SM },
		{ "990290008709019FF0EC34F9922651", 0x9000, CR_E_SM },	/* order */
		{ "8509019FF0EC34F992265199029000", 0x9000, CR_E_SM },	/* DO85 to an even INS */
		{ "8709029FF0EC34F992265199029000", 0x9000, CR_E_SM },	/* padding indicator */
		{ "8708019FF0EC34F9922699029000", 0x9000, CR_E_SM },	/* no full block */
		{ "87010199029000", 0x9000, CR_E_SM },
		{ "870099029000", 0x9000, CR_E_SM },
		{ "81040102030499029000", 0x9000, CR_E_SM },	/* plain value */
		{ "8709019FF0EC34F992265099029000", 0x9000, CR_E_SM },	/* padding garbled */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct cr_sm sm;
		struct cr_sm_exchange ex;
		uint8_t buf[300], objects[100], rsp[200], data[64];
		size_t len = sizeof(buf), n = sizeof(data);
		uint16_t sw;

		appendix_d(&sm);
		cr_sm_protect(&sm, &read_4, buf, &len, &ex);
		len = answer(&sm, &ex, objects, hex(objects, cases[i].objects), cases[i].sw, rsp);
		assert_int_equal(cr_sm_unprotect(&sm, &ex, rsp, len, data, &n, &sw), cases[i].err);
		assert_int_equal(sw, cases[i].sw);
		/* something behind the MAC */
		if (!cases[i].err) {
			memmove(rsp + len, rsp + len - 2, 2);
			rsp[len - 2] = 0x99;
			rsp[len - 1] = 0;
			assert_int_equal(cr_sm_unprotect(&sm, &ex, rsp, len + 2, data, &n, &sw),
					 CR_E_SM);
		}
	}
}

/* Padding alone is a cryptogram of nothing: a command that has no room for data is answered with it. */
static void a_cryptogram_of_nothing_needs_no_room(void **state)
{
	for (int c = CR_3DES; c <= CR_AES256; c++) {
		struct cr_sm sm;
		struct cr_sm_exchange ex;
		uint8_t buf[300], objects[32] = { 0x87, 0, 0x01, 0x80 }, rsp[64], iv[16] = { 0 };
		size_t len = sizeof(buf), n = 0, block;
		uint16_t sw;

		aes(&sm, (enum cr_cipher)c);
		block = cr_cipher_block(sm.cipher);
		cr_sm_protect(&sm, &select_com, buf, &len, &ex);
		objects[1] = (uint8_t)(block + 1);
		if (c != CR_3DES)
			cr_cbc_encrypt(sm.cipher, sm.k_enc, NULL, ex.ssc, 16, iv);
		assert_int_equal(cr_cbc_encrypt(sm.cipher, sm.k_enc, iv, objects + 3, block, objects + 3), 0);
		memcpy(objects + 3 + block, "\x99\x02\x90\x00", 4);
		len = answer(&sm, &ex, objects, 3 + block + 4, 0x9000, rsp);
		assert_int_equal(cr_sm_unprotect(&sm, &ex, rsp, len, NULL, &n, &sw), 0);
		assert_int_equal(n, 0);
	}
}

static void a_plain_answer_is_refused_and_its_status_kept(void **state)
{
	struct cr_sm sm;
	struct cr_sm_exchange ex;
	uint8_t buf[300], data[8];
	size_t len = sizeof(buf), n = sizeof(data);
	uint16_t sw;

	appendix_d(&sm);
	cr_sm_protect(&sm, &read_4, buf, &len, &ex);
	assert_int_equal(cr_sm_unprotect(&sm, &ex, (const uint8_t *)"\x69\x88", 2, data, &n, &sw),
			 CR_E_SM);
	assert_int_equal(sw, 0x6988);
	assert_int_equal(cr_sm_unprotect(&sm, &ex, (const uint8_t *)"\x60\x14\x5f\x01\x90\x00", 6,
					 data, &n, &sw),
			 CR_E_SM);
	assert_int_equal(cr_sm_unprotect(&sm, &ex, NULL, 0, data, &n, &sw), CR_E_SM);
	assert_int_equal(sw, 0);
}

static void an_answer_to_another_command_is_refused(void **state)
{
	struct cr_sm sm;
	struct cr_sm_exchange ex[2];
	uint8_t buf[300], rsp[100], data[64];
	size_t len = sizeof(buf), n = sizeof(data);
	uint16_t sw;

	appendix_d(&sm);
	cr_sm_protect(&sm, &select_com, buf, &len, &ex[0]);
	len = sizeof(buf);
	cr_sm_protect(&sm, &read_4, buf, &len, &ex[1]);
	len = hex(rsp, d4_response[0]);
	assert_int_equal(cr_sm_unprotect(&sm, &ex[1], rsp, len, data, &n, &sw), CR_E_SM);
	assert_int_equal(cr_sm_unprotect(&sm, &ex[0], rsp, len, data, &n, &sw), 0);
}

/* What fits into a response of 256 bytes: 223 bytes with AES, 231 with 3DES. */
static void response_room_is_the_most_that_fits(void **state)
{
	static const enum cr_cipher ciphers[] = { CR_3DES, CR_AES128, CR_AES256 };
	struct cr_sm sm;

	aes(&sm, CR_AES128);
	assert_int_equal(cr_sm_response_room(&sm, false, 256), 223);
	appendix_d(&sm);
	assert_int_equal(cr_sm_response_room(&sm, false, 256), 231);
	for (int c = 0; c < 3; c++) {
		aes(&sm, ciphers[c]);
		for (size_t max = 64; max < 70000; max += max < 700 ? 1 : 977) {
			for (int odd = 0; odd < 2; odd++) {
				size_t n = cr_sm_response_room(&sm, odd, max);

				assert_true(cr_sm_response_len(&sm, odd, n) - 2 <= max);
				assert_true(cr_sm_response_len(&sm, odd, n + 1) - 2 > max);
			}
		}
	}
}

/* Round trip over our own card side: every cipher, odd and even INS, short and extended. */
static void long_commands_go_extended(void **state)
{
	static uint8_t data[70000], out[70000];
	struct cr_sm_exchange ex;
	struct cr_capdu cmd, outer;
	struct cr_sm sm;
	size_t len;

	for (int c = CR_3DES; c <= CR_AES256; c++) {
		for (size_t n = 0; n < 600; n++) {
			aes(&sm, (enum cr_cipher)c);
			cmd = (struct cr_capdu){ .ins = (uint8_t)(n & 1 ? 0xb1 : 0xb0),
						 .data = data,
						 .lc = n,
						 .le = n % 3 ? 200 : 0 };
			len = cr_sm_protected_max(n);
			assert_int_equal(cr_sm_protect(&sm, &cmd, out, &len, &ex), 0);
			assert_int_equal(cr_capdu_parse(out, len, &outer), 0);
			assert_int_equal(outer.cla, 0x0c);
			assert_int_equal(outer.extended, outer.lc > 255);
			assert_int_equal(outer.le, outer.extended ? 65536 : 256);
			assert_true(len <= cr_sm_protected_max(n));
			len--;
			assert_int_equal(cr_sm_protect(&sm, &cmd, out, &len, &ex), CR_E_TOO_LONG);
		}
	}
	aes(&sm, CR_AES128);
	cmd = (struct cr_capdu){ .ins = 0xb0, .le = 65536 };
	len = sizeof(out);
	assert_int_equal(cr_sm_protect(&sm, &cmd, out, &len, &ex), 0);
	assert_hex(out, 11, "0CB0000000000E97020000");
	cmd = (struct cr_capdu){ .ins = 0xd6, .data = data, .lc = 65535 };
	len = sizeof(out);
	assert_int_equal(cr_sm_protect(&sm, &cmd, out, &len, &ex), CR_E_TOO_LONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_exchange_of_appendix_d),
		cmocka_unit_test(commands_are_made_ahead_and_given_back),
		cmocka_unit_test(the_counter_carries),
		cmocka_unit_test(every_bit_of_an_answer_counts),
		cmocka_unit_test(answers_of_another_form_are_refused),
		cmocka_unit_test(a_cryptogram_of_nothing_needs_no_room),
		cmocka_unit_test(a_plain_answer_is_refused_and_its_status_kept),
		cmocka_unit_test(an_answer_to_another_command_is_refused),
		cmocka_unit_test(response_room_is_the_most_that_fits),
		cmocka_unit_test(long_commands_go_extended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
