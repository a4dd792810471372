// SPDX-License-Identifier: BSD-2-Clause
/* BAC: the worked example of ICAO 9303-11, appendix D, and a card that breaks the protocol. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "eid/bac.h"
#include "eid/kdf.h"
#include "eid/secret.h"
#include "hex.h"

static const struct cr_secret eriksson = { .type = CR_SECRET_MRZ, .document_number = "L898902C",
					   .date_of_birth = "690806", .date_of_expiry = "940623" };

/* RND.IFD, then K.IFD */
static int fixed(void *arg, uint8_t *out, size_t len)
{
	if (len == 8)
		hex(out, "781723860C06C226");
	else if (len == 16)
		hex(out, "0B795240CB7049B01C19B33E32804F0B");
	else
		return CR_E_INTERNAL;
	return 0;
}
static const struct cr_rng rng = { fixed, NULL };

#define RND_IC		"4608F91988702212"
#define ANSWER "46B9342A41396CD7386BF5803104D7CEDC122B9132139BAF2EEDC94EE178534F2F2D235D074D7449"

static void to_authenticate(struct cr_bac *bac, struct cr_capdu *cmd)
{
	uint8_t rsp[8];

	assert_int_equal(cr_bac_init(bac, &eriksson, &rng), 0);
	assert_int_equal(cr_bac_step(bac, NULL, 0, 0, cmd), 1);
	assert_int_equal(cr_bac_step(bac, rsp, hex(rsp, RND_IC), 0x9000, cmd), 1);
}

static void the_example_of_appendix_d(void **state)
{
	struct cr_capdu cmd;
	struct cr_bac bac;
	uint8_t buf[64], rsp[64];
	size_t len = sizeof(buf);

	assert_int_equal(cr_bac_init(&bac, &eriksson, &rng), 0);
	assert_int_equal(cr_bac_step(&bac, NULL, 0, 0, &cmd), 1);
	assert_int_equal(cr_capdu_build(&cmd, buf, &len), 0);
	assert_hex(buf, len, "0084000008");
	assert_int_equal(cr_bac_step(&bac, rsp, hex(rsp, RND_IC), 0x9000, &cmd), 1);
	len = sizeof(buf);
	assert_int_equal(cr_capdu_build(&cmd, buf, &len), 0);
	assert_hex(buf, len,
		   "008200002872C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F2"
		   "5F1448EEA8AD90A728");
	assert_int_equal(cr_bac_step(&bac, rsp, hex(rsp, ANSWER), 0x9000, &cmd), 0);
	assert_int_equal(bac.sm.cipher, CR_3DES);
	assert_hex(bac.sm.k_enc, 16, "979EC13B1CBFE9DCD01AB0FED307EAE5");
	assert_hex(bac.sm.k_mac, 16, "F1CB1F1FB5ADF208806B89DC579DC1F8");
	assert_hex(bac.sm.ssc, 8, "887022120C06C226");
	cr_bac_wipe(&bac);
}

/* What the appendix lists between the commands. */
static void the_values_between_of_appendix_d(void **state)
{
	uint8_t seed[16], k_enc[CR_KEY_MAX], k_mac[CR_KEY_MAX], s[32], e[40], r[32];
	char info[CR_MRZ_INFO_MAX + 1];

	assert_int_equal(cr_secret_mrz_info(&eriksson, info), 0);
	assert_string_equal(info, "L898902C<369080619406236");
	assert_int_equal(cr_secret_bac_seed(&eriksson, seed), 0);
	assert_hex(seed, 16, "239AB9CB282DAF66231DC5A4DF6BFBAE");
	assert_int_equal(cr_kdf(CR_3DES, CR_KDF_ENC, seed, 16, k_enc), 0);
	assert_hex(k_enc, 16, "AB94FDECF2674FDFB9B391F85D7F76F2");
	assert_int_equal(cr_kdf(CR_3DES, CR_KDF_MAC, seed, 16, k_mac), 0);
	assert_hex(k_mac, 16, "7962D9ECE03D1ACD4C76089DCE131543");
	hex(s, "781723860C06C226" RND_IC "0B795240CB7049B01C19B33E32804F0B");
	assert_int_equal(cr_cbc_encrypt(CR_3DES, k_enc, NULL, s, 32, e), 0);
	assert_hex(e, 32, "72C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F2");
	assert_int_equal(cr_mac(CR_3DES, k_mac, e, cr_pad(e, 32, 8), seed), 0);
	assert_hex(seed, 8, "5F1448EEA8AD90A7");
	hex(e, ANSWER);
	assert_int_equal(cr_cbc_decrypt(CR_3DES, k_enc, NULL, e, 32, r), 0);
	assert_hex(r, 32, RND_IC "781723860C06C2260B4F80323EB3191CB04970CB4052790B");
	for (int i = 0; i < 16; i++)
		seed[i] = s[16 + i] ^ r[16 + i];
	assert_hex(seed, 16, "0036D272F5C350ACAC50C3F572D23600");
	assert_int_equal(cr_kdf(CR_3DES, CR_KDF_ENC, seed, 16, k_enc), 0);
	assert_hex(k_enc, 16, "979EC13B1CBFE9DCD01AB0FED307EAE5");
	assert_int_equal(cr_kdf(CR_3DES, CR_KDF_MAC, seed, 16, k_mac), 0);
	assert_hex(k_mac, 16, "F1CB1F1FB5ADF208806B89DC579DC1F8");
}

static void every_bit_of_the_answer_counts(void **state)
{
	struct cr_capdu cmd;
	struct cr_bac bac;
	uint8_t rsp[64];
	size_t len = hex(rsp, ANSWER);

	for (size_t bit = 0; bit < len * 8; bit++) {
		to_authenticate(&bac, &cmd);
		rsp[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(cr_bac_step(&bac, rsp, len, 0x9000, &cmd), CR_E_CARD_PROTOCOL);
		assert_int_equal(cr_bac_step(&bac, rsp, len, 0x9000, &cmd), CR_E_INTERNAL);
		rsp[bit / 8] ^= 1 << bit % 8;
	}
	to_authenticate(&bac, &cmd);
	assert_int_equal(cr_bac_step(&bac, rsp, len - 1, 0x9000, &cmd), CR_E_CARD_PROTOCOL);
}

/* Our own cryptogram sent back has a right MAC, and the numbers in the wrong order. */
static void a_card_that_sends_our_own_token_back_is_refused(void **state)
{
	struct cr_capdu cmd;
	struct cr_bac bac;
	uint8_t rsp[40];

	to_authenticate(&bac, &cmd);
	assert_int_equal(cmd.lc, 40);
	memcpy(rsp, cmd.data, 40);
	assert_int_equal(cr_bac_step(&bac, rsp, 40, 0x9000, &cmd), CR_E_CARD_PROTOCOL);
}

static void a_wrong_mrz_is_told_from_a_card_without_bac(void **state)
{
	static const struct {
		uint16_t sw; int err;
	} cases[] = {
		{ 0x6300, CR_E_ACCESS_REFUSED }, { 0x63c2, CR_E_ACCESS_REFUSED },
		{ 0x6982, CR_E_ACCESS_REFUSED }, { 0x6988, CR_E_ACCESS_REFUSED },
		{ 0x6985, CR_E_ACCESS_REFUSED }, { 0x6d00, CR_E_CARD_STATUS },
		{ 0x6700, CR_E_CARD_STATUS },	 { 0x6e00, CR_E_CARD_STATUS },
	};
	struct cr_capdu cmd;
	struct cr_bac bac;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		to_authenticate(&bac, &cmd);
		assert_int_equal(cr_bac_step(&bac, NULL, 0, cases[i].sw, &cmd), cases[i].err);
	}
	assert_int_equal(cr_bac_init(&bac, &eriksson, &rng), 0);
	assert_int_equal(cr_bac_step(&bac, NULL, 0, 0, &cmd), 1);
	assert_int_equal(cr_bac_step(&bac, NULL, 0, 0x6d00, &cmd), CR_E_CARD_STATUS);
	assert_int_equal(cr_bac_init(&bac, &eriksson, &rng), 0);
	assert_int_equal(cr_bac_step(&bac, NULL, 0, 0, &cmd), 1);
	assert_int_equal(cr_bac_step(&bac, cmd.data, 0, 0x9000, &cmd), CR_E_CARD_PROTOCOL);
}

static void a_can_opens_nothing_with_bac(void **state)
{
	const struct cr_secret can = { .type = CR_SECRET_CAN, .can = "123456" };
	struct cr_bac bac;

	assert_int_equal(cr_bac_init(&bac, &can, NULL), CR_E_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_appendix_d),
		cmocka_unit_test(the_values_between_of_appendix_d),
		cmocka_unit_test(every_bit_of_the_answer_counts),
		cmocka_unit_test(a_card_that_sends_our_own_token_back_is_refused),
		cmocka_unit_test(a_wrong_mrz_is_told_from_a_card_without_bac),
		cmocka_unit_test(a_can_opens_nothing_with_bac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
