// SPDX-License-Identifier: BSD-2-Clause
/*
 * PACE: the worked example of ICAO 9303-11, appendix G.1, byte for byte, and cards that break the
 * protocol.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "eid/kdf.h"
#include "eid/pace.h"
#include "eid/secret.h"
#include "hex.h"

static const struct cr_secret mrz = { .type = CR_SECRET_MRZ, .document_number = "T22000129",
				      .date_of_birth = "640812", .date_of_expiry = "101031" };
static const struct cr_pace_info g1_info = {
	.protocol = { .oid = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x04, 0x02, 0x02 },
		      .ecdh = true,
		      .cipher = CR_AES128 },
	.mapping = CR_GM,
	.version = 2,
	.parameter_id = 13,
};

/* The terminal's two private keys, in the order in which they are drawn. */
static int fixed(void *arg, uint8_t *out, size_t len)
{
	static const char *const keys[] = {
		"7F4EF07B9EA82FD78AD689B38D0BC78CF21F249D953BC46F4C6E19259C010F99",
		"A73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595",
	};
	int *drawn = arg;

	if (len != 32 || *drawn > 1)
		return CR_E_INTERNAL;
	hex(out, keys[(*drawn)++]);
	return 0;
}

#define MAP_IFD	"047ACF3EFC982EC45565A4B155129EFBC74650DCBFA6362D896FC70262E0C2CC5E" \
		"544552DCB6725218799115B55C9BAA6D9F6BC3A9618E70C25AF71777A9C4922D"
#define MAP_IC	"04824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F57" \
		"30D8C879AAA9C9F73991E61B58F4D52EB87A0A0C709A49DC63719363CCD13C54"
#define DH_IFD	"042DB7A64C0355044EC9DF190514C625CBA2CEA48754887122F3A5EF0D5EDD301C" \
		"3556F3B3B186DF10B857B58F6A7EB80F20BA5DC7BE1D43D9BF850149FBB36462"
#define DH_IC	"049E880F842905B8B3181F7AF7CAA9F0EFB743847F44A306D2D28C1D9EC65DF6DB" \
		"7764B22277A2EDDC3C265A9F018F9CB852E111B768B326904B59A0193776F094"

static const char *const commands[] = {
	"0022C1A40F800A04007F00070202040202830101",
	"10860000027C0000",
	"10860000457C438141" MAP_IFD "00",
	"10860000457C438341" DH_IFD "00",
	"008600000C7C0A8508C2B0BD78D94BA86600",
};
static const char *const answers[] = {
	"",
	"7C12801095A3A016522EE98D01E76CB6B98B42C3",
	"7C438241" MAP_IC,
	"7C438441" DH_IC,
	"7C0A86083ABB9674BCE93C08",
};

/* Runs to where answer number `to` is due; gives the command. */
static struct cr_pace *run_to(int to, const struct cr_rng *rng, struct cr_capdu *cmd)
{
	struct cr_pace *p;
	uint8_t rsp[300];
	size_t len = 0;

	assert_int_equal(cr_pace_new(&g1_info, false, &mrz, rng, &p), 0);
	for (int i = 0; i <= to; i++) {
		assert_int_equal(cr_pace_step(p, rsp, len, 0x9000, cmd), 1);
		len = hex(rsp, answers[i]);
	}
	return p;
}

static void the_example_of_appendix_g(void **state)
{
	int drawn = 0;
	const struct cr_rng rng = { fixed, &drawn };
	struct cr_capdu cmd;
	struct cr_pace *p;
	struct cr_sm sm;
	uint8_t buf[300], rsp[300];
	size_t len = 0;

	assert_int_equal(cr_pace_new(&g1_info, false, &mrz, &rng, &p), 0);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(cr_pace_step(p, rsp, len, 0x9000, &cmd), 1);
		len = sizeof(buf);
		assert_int_equal(cr_capdu_build(&cmd, buf, &len), 0);
		assert_hex(buf, len, commands[i]);
		assert_int_equal(cr_pace_session(p, &sm), CR_E_INVALID);
		len = hex(rsp, answers[i]);
	}
	assert_int_equal(cr_pace_step(p, rsp, len, 0x9000, &cmd), 0);
	assert_int_equal(cr_pace_session(p, &sm), 0);
	assert_hex(sm.k_enc, 16, "F5F0E35C0D7161EE6724EE513A0D9A7F");
	assert_hex(sm.k_mac, 16, "FE251C7858B356B24514B3BD5F4297D1");
	assert_hex(sm.ssc, 16, "00000000000000000000000000000000");
	cr_pace_free(p);
}

/* One number again and again; 1 shows the generator as the public key. */
static int number(void *arg, uint8_t *out, size_t len)
{
	return hex(out, arg) == len ? 0 : CR_E_INTERNAL;
}

static void assert_public(struct cr_ecdh *e, const char *key, const char *want)
{
	const struct cr_rng rng = { number, (void *)key };
	uint8_t point[CR_POINT_MAX];
	size_t len;

	assert_int_equal(cr_ecdh_generate(e, &rng), 0);
	assert_int_equal(cr_ecdh_public(e, point, &len), 0);
	assert_hex(point, len, want);
}

#define ONE	"0000000000000000000000000000000000000000000000000000000000000001"
#define SHARED	"28768D20701247DAE81804C9E780EDE582A9996DB4A315020B2733197DB84925"

/* What the appendix lists between the commands, from the side of the terminal and of the chip. */
static void the_values_between_of_appendix_g(void **state)
{
	static const struct {
		const char *map_key, *map, *peer_map, *key, *public, *peer;
	} sides[] = {
		{ "7F4EF07B9EA82FD78AD689B38D0BC78CF21F249D953BC46F4C6E19259C010F99", MAP_IFD, MAP_IC,
		  "A73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595", DH_IFD, DH_IC },
		{ "498FF49756F2DC1587840041839A85982BE7761D14715FB091EFA7BCE9058560", MAP_IC, MAP_IFD,
		  "107CF58696EF6155053340FD633392BA81909DF7B9706F226F32086C7AFF974A", DH_IC, DH_IFD },
	};
	static const uint8_t zero[16];
	uint8_t k_pi[CR_KEY_MAX], s[32], peer[CR_POINT_MAX], z[CR_FIELD_MAX], token[CR_MAC_LEN], pi[32];
	struct cr_ecdh *e;
	struct cr_sm sm;
	size_t n, z_len;

	assert_int_equal(cr_secret_pace(&mrz, pi, &n), 0);
	assert_hex(pi, n, "7E2D2A41C74EA0B38CD36F863939BFA8E9032AAD");
	assert_int_equal(cr_kdf(CR_AES128, CR_KDF_PI, pi, n, k_pi), 0);
	assert_hex(k_pi, 16, "89DED1B26624EC1E634C1989302849DD");
	hex(s, "95A3A016522EE98D01E76CB6B98B42C3");
	assert_int_equal(cr_cbc_decrypt(CR_AES128, k_pi, NULL, s, 16, s), 0);
	assert_hex(s, 16, "3F00C4D39D153F2B2A214A078D899B22");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cr_ecdh_new(cr_curve_by_id(13), &e), 0);
		assert_public(e, sides[i].map_key, sides[i].map);
		n = hex(peer, sides[i].peer_map);
		/* with nothing for the nonce, the mapped generator is H */
		assert_int_equal(cr_ecdh_map(e, zero, 16, peer, n), 0);
		assert_public(e, ONE,
			      "0460332EF2450B5D247EF6D3868397D398852ED6E8CAF6FFEEF6BF85CA57057FD5"
			      "0840CA7415BAF3E43BD414D35AA4608B93A2CAF3A4E3EA4E82C9C13D03EB7181");
		cr_ecdh_free(e);
		assert_int_equal(cr_ecdh_new(cr_curve_by_id(13), &e), 0);
		assert_public(e, sides[i].map_key, sides[i].map);
		assert_int_equal(cr_ecdh_map(e, s, 16, peer, n), 0);
		assert_public(e, ONE,
			      "048CED63C91426D4F0EB1435E7CB1D74A46723A0AF21C89634F65A9AE87A9265E2"
			      "8C879506743F8611AC33645C5B985C80B5F09A0B83407C1B6A4D857AE76FE522");
		assert_public(e, sides[i].key, sides[i].public);
		n = hex(peer, sides[i].peer);
		assert_int_equal(cr_ecdh_agree(e, peer, n, z, &z_len), 0);
		assert_hex(z, z_len, SHARED);
		cr_ecdh_free(e);
	}
	assert_int_equal(cr_sm_derive(&sm, CR_AES128, z, z_len), 0);
	assert_hex(sm.k_enc, 16, "F5F0E35C0D7161EE6724EE513A0D9A7F");
	assert_hex(sm.k_mac, 16, "FE251C7858B356B24514B3BD5F4297D1");
	n = hex(peer, DH_IC);
	assert_int_equal(cr_pace_token(CR_AES128, sm.k_mac, g1_info.protocol.oid, peer, n, token), 0);
	assert_hex(token, 8, "C2B0BD78D94BA866");
	n = hex(peer, DH_IFD);
	assert_int_equal(cr_pace_token(CR_AES128, sm.k_mac, g1_info.protocol.oid, peer, n, token), 0);
	assert_hex(token, 8, "3ABB9674BCE93C08");
}

static void a_can_and_an_ambiguous_curve_are_named(void **state)
{
	const struct cr_secret can = { .type = CR_SECRET_CAN, .can = "123456" };
	struct cr_capdu cmd;
	struct cr_pace *p;
	uint8_t buf[64];
	size_t len = sizeof(buf);

	assert_int_equal(cr_pace_new(&g1_info, true, &can, NULL, &p), 0);
	assert_int_equal(cr_pace_step(p, NULL, 0, 0, &cmd), 1);
	assert_int_equal(cr_capdu_build(&cmd, buf, &len), 0);
	assert_hex(buf, len, "0022C1A412800A04007F0007020204020283010284010D");
	cr_pace_free(p);
}

/* What step answers to this at that place of the run. */
static int outcome(int at, const char *answer, uint16_t sw)
{
	int drawn = 0, r;
	const struct cr_rng rng = { fixed, &drawn };
	struct cr_capdu cmd;
	struct cr_sm sm;
	struct cr_pace *p = run_to(at, &rng, &cmd);
	uint8_t rsp[300];
	size_t len = hex(rsp, answer);

	r = cr_pace_step(p, rsp, len, sw, &cmd);
	if (r < 0) {
		assert_int_equal(cr_pace_step(p, rsp, len, sw, &cmd), CR_E_INTERNAL);
		assert_int_equal(cr_pace_session(p, &sm), CR_E_INVALID);
	}
	cr_pace_free(p);
	return r;
}

static void a_wrong_password_is_told_from_a_broken_protocol(void **state)
{
	assert_int_equal(outcome(4, "", 0x6300), CR_E_ACCESS_REFUSED);
	assert_int_equal(outcome(4, "", 0x63c1), CR_E_ACCESS_REFUSED);
	assert_int_equal(outcome(4, "", 0x6982), CR_E_ACCESS_REFUSED);
	assert_int_equal(outcome(4, "", 0x6a80), CR_E_CARD_STATUS);
	assert_int_equal(outcome(0, "", 0x63c1), 1);		/* a warning that tries are few */
	assert_int_equal(outcome(0, "", 0x6a80), CR_E_CARD_STATUS);
	for (int at = 1; at < 4; at++) {
		assert_int_equal(outcome(at, answers[at], 0x9000), 1);
		assert_int_equal(outcome(at, "", 0x6300), CR_E_CARD_STATUS);
		assert_int_equal(outcome(at, "", 0x9000), CR_E_CARD_PROTOCOL);
		assert_int_equal(outcome(at, "7C00", 0x9000), CR_E_CARD_PROTOCOL);
		assert_int_equal(outcome(at, answers[at == 1 ? 2 : 1], 0x9000), CR_E_CARD_PROTOCOL);
	}
	assert_int_equal(outcome(1, "7C028000", 0x9000), CR_E_CARD_PROTOCOL);
	assert_int_equal(outcome(1, "7C11800F95A3A016522EE98D01E76CB6B98B42", 0x9000),
			 CR_E_CARD_PROTOCOL);
}

static void points_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"00",			/* at infinity */
		/* off the curve */
		"04824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F57"
		"30D8C879AAA9C9F73991E61B58F4D52EB87A0A0C709A49DC63719363CCD13C55",
		/* compressed */
		"02824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F57",
	};
	char answer[300];

	for (int at = 2; at < 4; at++) {
		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			size_t n = strlen(bad[i]) / 2;

			snprintf(answer, sizeof(answer), "7C%02zX%02X%02zX%s", n + 2,
				 at == 2 ? 0x82 : 0x84, n, bad[i]);
			assert_int_equal(outcome(at, answer, 0x9000), CR_E_CRYPTO);
		}
	}
}

/*
 * The card maps s * G + H to infinity only if it knows s and our mapping key's logarithm; but it
 * can send our own ephemeral key back, and make the two sides agree with itself.
 */
static void our_own_public_key_is_not_taken_back(void **state)
{
	assert_int_equal(outcome(3, "7C438441" DH_IFD, 0x9000), CR_E_CARD_PROTOCOL);
}

static void every_bit_of_the_cards_token_counts(void **state)
{
	char answer[32];

	for (int bit = 0; bit < 64; bit++) {
		unsigned long long token = 0x3abb9674bce93c08ULL ^ 1ULL << bit;

		snprintf(answer, sizeof(answer), "7C0A8608%016llX", token);
		assert_int_equal(outcome(4, answer, 0x9000), CR_E_CARD_PROTOCOL);
	}
	assert_int_equal(outcome(4, "7C0986073ABB9674BCE93C", 0x9000), CR_E_CARD_PROTOCOL);
	assert_int_equal(outcome(4, "7C0A8508C2B0BD78D94BA866", 0x9000),
			 CR_E_CARD_PROTOCOL); /* ours, reflected */
}

/*
 * A second implementation of the card, on the same primitives: every cipher and curve runs through.
 */
static void every_cipher_and_curve_runs_through(void **state)
{
	const struct cr_secret can = { .type = CR_SECRET_CAN, .can = "654321" };

	for (int c = CR_3DES; c <= CR_AES256; c++) {
		for (int id = 8; id <= 18; id++) {
			struct cr_pace_info info = g1_info;
			uint8_t nonce[16] = { 9, 8, 7 }, k_pi[CR_KEY_MAX], z[CR_FIELD_MAX];
			uint8_t point[CR_POINT_MAX], theirs[CR_POINT_MAX],
				rsp[300] = { 0x7c, 0x12, 0x80, 0x10 };
			size_t len = 20, n, zn, wide;
			struct cr_ecdh *card;
			struct cr_pace *p;
			struct cr_capdu cmd;
			struct cr_sm sm, chip;

			info.protocol.cipher = (enum cr_cipher)c;
			info.protocol.oid[9] = (uint8_t)(c + 1);
			info.parameter_id = id;
			assert_int_equal(cr_pace_new(&info, false, &can, NULL, &p), 0);
			assert_int_equal(cr_ecdh_new(cr_curve_by_id((unsigned int)id), &card), 0);
			assert_int_equal(cr_pace_step(p, NULL, 0, 0, &cmd), 1);
			assert_int_equal(cr_pace_step(p, NULL, 0, 0x9000, &cmd), 1);
			assert_int_equal(cr_kdf(info.protocol.cipher, CR_KDF_PI,
						(const uint8_t *)can.can, 6, k_pi),
					 0);
			assert_int_equal(cr_cbc_encrypt(info.protocol.cipher, k_pi, NULL, nonce, 16,
							rsp + 4),
					 0);
			for (int step = 0; step < 2; step++) {
				assert_int_equal(cr_pace_step(p, rsp, len, 0x9000, &cmd), 1);
				assert_int_equal(cr_ecdh_generate(card, NULL), 0);
				assert_int_equal(cr_ecdh_public(card, point, &n), 0);
				memcpy(theirs, cmd.data + cmd.lc - n, n);
				if (step)
					assert_int_equal(cr_ecdh_agree(card, theirs, n, z, &zn), 0);
				else
					assert_int_equal(cr_ecdh_map(card, nonce, 16, theirs, n),
							 0);
				wide = n > 127;
				len = 0;
				rsp[len++] = 0x7c;
				if (n + 2 + wide > 127)
					rsp[len++] = 0x81;
				rsp[len++] = (uint8_t)(n + 2 + wide);
				rsp[len++] = step ? 0x84 : 0x82;
				if (wide)
					rsp[len++] = 0x81;
				rsp[len++] = (uint8_t)n;
				memcpy(rsp + len, point, n);
				len += n;
			}
			assert_int_equal(cr_pace_step(p, rsp, len, 0x9000, &cmd), 1);
			assert_int_equal(cr_sm_derive(&chip, info.protocol.cipher, z, zn), 0);
			assert_int_equal(cr_pace_token(chip.cipher, chip.k_mac, info.protocol.oid,
						       point, n, z),
					 0);
			assert_memory_equal(cmd.data + 4, z, 8);
			memcpy(rsp, "\x7c\x0a\x86\x08", 4);
			assert_int_equal(cr_pace_token(chip.cipher, chip.k_mac, info.protocol.oid,
						       theirs, n, rsp + 4),
					 0);
			assert_int_equal(cr_pace_step(p, rsp, 12, 0x9000, &cmd), 0);
			assert_int_equal(cr_pace_session(p, &sm), 0);
			assert_memory_equal(sm.k_enc, chip.k_enc, cr_cipher_key_len(chip.cipher));
			cr_ecdh_free(card);
			cr_pace_free(p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_appendix_g),
		cmocka_unit_test(the_values_between_of_appendix_g),
		cmocka_unit_test(a_can_and_an_ambiguous_curve_are_named),
		cmocka_unit_test(a_wrong_password_is_told_from_a_broken_protocol),
		cmocka_unit_test(points_that_are_none_are_refused),
		cmocka_unit_test(our_own_public_key_is_not_taken_back),
		cmocka_unit_test(every_bit_of_the_cards_token_counts),
		cmocka_unit_test(every_cipher_and_curve_runs_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
