// SPDX-License-Identifier: BSD-2-Clause
/* The virtual card tells the truth: what it grants, and above all what it refuses. */
#include "simterm.h"
#include <sys/stat.h>
#include <openssl/evp.h>
#include "issue.h"
#include "simcard.h"
#include "simcrypto.h"

/* ---- its own primitives, against ICAO 9303-11, appendix D ---- */

static void primitives_give_the_worked_example_of_bac(void **state)
{
	uint8_t seed[16], key[32], want[64], buf[64], mac[8], kmac[32], rnd[32];
	uint8_t m[40] = { 0 };

	term_hex(seed, "239AB9CB282DAF66231DC5A4DF6BFBAE");
	assert_true(sim_kdf(SIM_3DES, seed, 16, 1, key));
	term_hex(want, "AB94FDECF2674FDFB9B391F85D7F76F2");
	assert_memory_equal(key, want, 16);
	assert_true(sim_kdf(SIM_3DES, seed, 16, 2, kmac));
	term_hex(want, "7962D9ECE03D1ACD4C76089DCE131543");
	assert_memory_equal(kmac, want, 16);
	term_hex(rnd, "781723860C06C226 4608F91988702212 0B795240CB7049B01C19B33E32804F0B");
	assert_true(sim_cbc(SIM_3DES, true, key, NULL, rnd, 32, buf));
	term_hex(want, "72C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F2");
	assert_memory_equal(buf, want, 32);
	memcpy(m, buf, 32);
	m[32] = 0x80;
	assert_true(sim_mac(SIM_3DES, kmac, m, 40, mac));
	term_hex(want, "5F1448EEA8AD90A7");
	assert_memory_equal(mac, want, 8);
}

static void mrz_information_is_that_of_the_worked_examples(void **state)
{
	char info[64];
	size_t n;

	n = sim_mrz_information("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C<3UTO6908061F9406236ZE184226B<<<<<14",
				info);
	assert_int_equal(n, 24);
	assert_memory_equal(info, "L898902C<369080619406236", 24);
	n = sim_mrz_information("I<UTOL898902C<3<<<<<<<<<<<<<<<6908061F9406236UTO<<<<<<<<<<<2ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
				info);
	assert_int_equal(n, 24);
	assert_memory_equal(info, "L898902C<369080619406236", 24);
	/* ICAO 9303-5, 4.2.2: a number of more than nine characters */
	n = sim_mrz_information("I<UTOD23145890<7349<<<<<<<<<<<3407127M9507122UTO<<<<<<<<<<<2STEVENSON<<PETER<JOHN<<<<<<<<<",
				info);
	assert_int_equal(n, 27);
	assert_memory_equal(info, "D23145890734934071279507122", 27);
}

/* ---- what is refused before access ---- */

struct row {
	const char *cmd;
	uint16_t sw;
};

static void run_rows(const char *card, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct term *t = term_new(card);
		uint16_t sw = term_plain(t, rows[i].cmd);

		if (sw != rows[i].sw)
			fail_msg("%s: %04X, not %04X", rows[i].cmd, sw, rows[i].sw);
		term_free(t);
	}
}

static void a_vietnamese_card_refuses(void **state)
{
	static const struct row rows[] = {
		{ "00A4000C", 0x6d00 },			/* master file */
		{ "00A4000C023F00", 0x6d00 },
		{ "00A40000023F0000", 0x6d00 },
		{ "00A4020C02011C", 0x9000 },
		{ "00A4020C02011C00", 0x6700 },		/* P2 = 0C and Le */
		{ "00A4020C02011E", 0x6a82 },		/* of the application, not selected */
		{ "00A4020C0201", 0x6700 },
		{ "00A4020C0101", 0x6700 },
		{ "00A4020802011C", 0x6a86 },
		{ "00A4080C02011C", 0x6a86 },
		{ "00A4000C02011C", 0x6a86 },
		{ SELECT_APP, 0x9000 },
		{ SELECT_APP "00", 0x6700 },
		{ "00A4040007A000000247100100", 0x9000 },
		{ "00A4040007A0000002471001", 0x6700 },	/* wants an answer and has no Le */
		{ "00A4040C07A0000002471002", 0x6a82 },
		{ "00A4040C06A00000024710", 0x6a82 },
		{ "00B0000000", 0x6986 },
		{ "00B09C0000", 0x9000 },		/* EF.CardAccess by SFI */
		{ "00B09E0000", 0x6a82 },
		{ "00B0800000", 0x6a86 },
		{ "00B0FC0000", 0x6a86 },
		{ "00B09C00", 0x6700 },
		{ "00B09CFF01", 0x6b00 },
		{ "00B09F0000", 0x6a86 },		/* 31 is no short identifier */
		{ "00B1001F03 540100 07", 0x6a86 },
		{ "00B0810000", 0x6a82 },		/* EF.ATR/INFO: this card has none */
		{ "00840000 08", 0x6d00 },		/* no BAC on this card */
		{ "008200002800", 0x6700 },
		{ "00860000 027C00 00", 0x6985 },
		{ "10860000 027C00 00", 0x6985 },
		{ "0022C1A4 00", 0x6700 },
		{ "0022C1A4 0F 800A04007F00070202040202830102", 0x9000 },
		{ "0022C1A4 0F 800A04007F00070202040202830102 00", 0x6700 },	/* Le */
		{ "0022C1A4 0F 800A04007F00070202040203830102", 0x6a80 },	/* AES-192: not offered */
		{ "0022C1A4 0F 800A04007F00070202040202830103", 0x6a88 },	/* PIN: none */
		{ "0022C1A4 0C 800A04007F00070202040202", 0x6a80 },		/* no password */
		{ "0022C1A4 0F 830102800A04007F00070202040202", 0x6a80 },	/* order */
		{ "0022C1A4 12 800A04007F00070202040202830102 84010C", 0x6a88 },	/* other curve */
		{ "0022C1A4 12 800A04007F00070202040202830102 84010D", 0x9000 },
		{ "002281B6 03 830102", 0x6a86 },
		{ "002241A4 0C 800A04007F00070202030202", 0x6982 },	/* chip authentication before access */
		{ "00D6000001 00", 0x6d00 },
		{ "80B0000000", 0x6e00 },
		{ "01B0000000", 0x6e00 },
		{ "04A4020C02011C", 0x6e00 },
		{ "1CA4020C02011C", 0x6884 },		/* chained under secure messaging */
		{ "0CB0000000", 0x6988 },		/* no session */
		{ "00A4", 0x6700 },
		{ "00A4020C05011C", 0x6700 },
		{ "00A4020C000000", 0x6700 },
	};

	run_rows("an", rows, sizeof(rows) / sizeof(rows[0]));
}

/* ISO/IEC 7816-4, 5.3.3, as the historical bytes say. */
static void data_chained_over_commands_are_one_commands(void **state)
{
	static const struct row rows[] = {
		{ "10A4020C0101", 0x9000 },
		{ "00A4020C011C", 0x9000 },
		{ "00B0000001", 0x9000 },		/* it is selected */
		{ "10A4020C0101", 0x9000 },
		{ "00B0000001", 0x6883 },		/* another command ends a chain */
		{ "00A4020C011C", 0x6700 },		/* and what it had is gone */
		{ "10A4020C0101", 0x9000 },
		{ "10A4000C0101", 0x6883 },		/* P1 too is the chain's */
		{ "10A4020C0101", 0x9000 },
		{ "10860000027C0000", 0x6883 },
		{ "10A4020C0101", 0x9000 },
		{ "0CA4020C011C", 0x6883 },
		{ "10A4020C", 0x6700 },			/* without data */
		{ "10A4020C010100", 0x6700 },		/* Le but for the last */
		{ "00A4020C02011C", 0x9000 },
	};
	struct term *t = term_new("an");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint16_t sw = term_plain(t, rows[i].cmd);

		if (sw != rows[i].sw)
			fail_msg("row %zu, %s: %04X, not %04X", i, rows[i].cmd, sw, rows[i].sw);
	}
	term_free(t);
}

static void a_passport_with_bac_refuses(void **state)
{
	static const struct row rows[] = {
		{ "00A4000C023F00", 0x9000 },
		{ "0084000008", 0x6985 },		/* application not selected */
		{ "00A4020C02011C", 0x6a82 },		/* no PACE, no EF.CardAccess */
		{ "0022C1A40F800A04007F00070202040202830102", 0x6d00 },
		{ "00B0000000 0000", 0x6700 },		/* extended length */
		{ "00A4020C 000002 011C", 0x6700 },
	};
	struct term *t = term_new("bac");

	run_rows("bac", rows, sizeof(rows) / sizeof(rows[0]));
	assert_int_equal(term_plain(t, SELECT_APP), 0x9000);
	assert_int_equal(term_plain(t, "00A4020C02011E"), 0x6982);
	assert_int_equal(term_plain(t, "00A4020C020101"), 0x6982);
	assert_int_equal(term_plain(t, "00A4020C02010E"), 0x6a82);
	assert_int_equal(term_plain(t, "00B09E0000"), 0x6982);
	assert_int_equal(term_plain(t, "0084000007"), 0x6700);
	assert_int_equal(term_plain(t, "0084000000"), 0x6700);
	assert_int_equal(term_plain(t, "0084010008"), 0x6a86);
	assert_int_equal(term_plain(t, "0084000008"), 0x9000);
	assert_int_equal(t->len, 8);
	/* The challenge is good for one try. */
	assert_int_equal(term_plain(t, "0082000028 0000000000000000000000000000000000000000000000000000000000000000"
				       "0000000000000000 28"), 0x6300);
	assert_int_equal(term_plain(t, "0082000028 0000000000000000000000000000000000000000000000000000000000000000"
				       "0000000000000000 28"), 0x6985);
	term_free(t);
}

/* ---- access ---- */

static void secret_of(const char *card, struct cr_secret *s)
{
	struct sim_sample *list;
	int n = sim_list(&list), found = 0;

	for (int i = 0; i < n; i++) {
		if (strcmp(list[i].name, card))
			continue;
		found = 1;
		assert_int_equal(cr_secret_from_mrz(s, list[i].mrz, NULL), 0);
	}
	free(list);
	assert_true(found);
}

static void compare_file(struct term *t, const char *card, uint16_t fid)
{
	static uint8_t got[65536], want[65536];
	char path[256];
	size_t n, m;
	FILE *f;

	snprintf(path, sizeof(path), "%s/cards/%s/EF_%04X.bin", simterm_dir, card, fid);
	f = fopen(path, "r");
	assert_non_null(f);
	m = fread(want, 1, sizeof(want), f);
	fclose(f);
	n = term_read(t, fid, got, sizeof(got));
	assert_int_equal(n, m);
	assert_memory_equal(got, want, n);
}

static void pace_opens_by_can_and_by_mrz(void **state)
{
	struct cr_secret mrz;

	secret_of("an", &mrz);
	for (int by_mrz = 0; by_mrz < 2; by_mrz++) {
		struct term *t = term_new("an");

		assert_int_equal(by_mrz ? term_pace(t, &mrz) : term_pace_can(t, "123456"), 0x9000);
		assert_int_equal(term_apdu(t, SELECT_APP), 0x9000);
		compare_file(t, "an", 0x0101);
		compare_file(t, "an", 0x0102);
		compare_file(t, "an", 0x010d);
		compare_file(t, "an", 0x011d);
		compare_file(t, "an", 0x011e);
		term_free(t);
	}
}

static void bac_opens_by_mrz(void **state)
{
	struct term *t = term_new("bac");
	struct cr_secret mrz;

	secret_of("bac", &mrz);
	assert_int_equal(term_bac(t, &mrz), 0x9000);
	compare_file(t, "bac", 0x0101);
	compare_file(t, "bac", 0x011d);
	strcpy(mrz.date_of_birth, "740813");
	assert_int_equal(term_bac(t, &mrz), 0x6300);
	assert_int_equal(term_plain(t, "00B0810000"), 0x6982);
	term_free(t);
}

static void chip_authentication_changes_the_keys(void **state)
{
	static const char *const cards[] = { "an", "eac", "tdes" };

	for (size_t i = 0; i < 3; i++) {
		struct term *t = term_new(cards[i]);

		assert_int_equal(term_pace_can(t, i ? "314159" : "123456"), 0x9000);
		assert_int_equal(term_apdu(t, SELECT_APP), 0x9000);
		assert_int_equal(term_ca(t), 0);
		assert_int_equal(term_apdu(t, "00A4020C020101"), 0x9000);
		assert_int_equal(term_apdu(t, "00B0000004"), 0x9000);
		assert_true(t->card->chip_authenticated);
		term_free(t);
	}
}

static void a_copy_cannot_speak_after_chip_authentication(void **state)
{
	struct term *t = term_new("cloned");

	assert_int_equal(term_pace_can(t, "123456"), 0x9000);
	assert_int_equal(term_apdu(t, SELECT_APP), 0x9000);
	assert_int_equal(term_ca(t), 0);
	assert_int_equal(term_apdu(t, "00A4020C020101"), 0x6988);
	term_free(t);
}

static void wrong_can_is_6300_and_deselects(void **state)
{
	struct term *t = term_new("eac");

	assert_int_equal(term_plain(t, SELECT_APP), 0x9000);
	assert_int_equal(term_plain(t, "00A4000C"), 0x9000);
	assert_int_equal(term_pace_can(t, "314158"), 0x6300);
	assert_int_equal(t->card->failures, 1);
	assert_int_equal(term_plain(t, "0084000008"), 0x6985);
	assert_int_equal(term_plain(t, SELECT_APP), 0x9000);
	assert_int_equal(term_plain(t, "0084000008"), 0x9000);
	assert_int_equal(term_plain(t, "00A4000C"), 0x9000);
	assert_int_equal(term_pace_can(t, "314159"), 0x9000);
	assert_int_equal(t->card->failures, 0);
	term_free(t);
}

#define SET_AT	"0022C1A4 0F 800A04007F00070202040202830102"

static void pace_steps_out_of_turn_end_it(void **state)
{
	static const char *const wrong[] = {
		"00860000 027C00 00",				/* not chained */
		"10860000 027C00",				/* no Le */
		"10860000 047C028100 00",			/* step 2 first */
		"10860000 027C00 08",				/* short Le */
		"10860100 027C00 00",
		"10860000 037C0000 00",
		"00A4020C02011C",				/* something else in between */
	};
	struct term *t = term_new("an");

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(term_plain(t, SET_AT), 0x9000);
		term_plain(t, wrong[i]);
		assert_int_equal(term_plain(t, "10860000 027C00 00"), 0x6985);
	}
	/* A point that is none, and the one at infinity. */
	assert_int_equal(term_plain(t, SET_AT), 0x9000);
	assert_int_equal(term_plain(t, "10860000 027C00 00"), 0x9000);
	assert_int_equal(t->len, 20);
	assert_int_equal(term_plain(t, "10860000 057C03810100 00"), 0x6a80);
	assert_int_equal(term_plain(t, SET_AT), 0x9000);
	assert_int_equal(term_plain(t, "10860000 027C00 00"), 0x9000);
	assert_int_equal(term_plain(t, "10860000 457C438141 04"
				       "0101010101010101010101010101010101010101010101010101010101010101"
				       "0202020202020202020202020202020202020202020202020202020202020202 00"), 0x6a80);
	term_free(t);
}

/* Every cipher with every curve of the standard. */
static void pace_and_ca_work_with_all_domain_parameters(void **state)
{
	static const char *const curves[] = { "P-192", "brainpoolP192r1", "P-224", "brainpoolP224r1", "P-256",
		"brainpoolP256r1", "brainpoolP320r1", "P-384", "brainpoolP384r1", "brainpoolP512r1", "P-521" };
	static const struct sim_issuer_spec spec = { "UT", "UTO", "x", "x", "P-256", "P-256", "SHA256", "SHA256", false,
						     false, "P", NULL, false };
	struct sim_issuer issuer;
	char mrz[89], path[128];

	assert_int_equal(sim_issuer_new(&spec, -1000, -1000, &issuer), 0);
	sim_mrz_td3(mrz, "UTO", "X<<Y", "A1", "UTO", "900101", 'F', "350101", "");
	for (unsigned int domain = 8; domain <= 18; domain++) {
		for (enum sim_cipher c = SIM_3DES; c <= SIM_AES256; c++) {
			const struct sim_person who = { .mrz = mrz };
			const struct sim_recipe r = { .name = "any", .text = "any", .issuer = &issuer, .person = &who,
				.can = "000001", .n_pace = 1, .pace = { { c, domain, SIM_GM, NULL } }, .ca_key = curves[domain - 8],
				.ca = c, .ca_key_id = (int)domain };
			struct term *t;

			assert_int_equal(sim_issue(simterm_dir, &r), 0);
			t = term_new("any");
			assert_int_equal(term_pace_can(t, "000001"), 0x9000);
			assert_int_equal(term_apdu(t, SELECT_APP), 0x9000);
			assert_int_equal(term_ca(t), 0);
			compare_file(t, "any", 0x0101);
			term_free(t);
		}
	}
	sim_issuer_free(&issuer);
	snprintf(path, sizeof(path), "rm -r %s/cards/any", simterm_dir);
	assert_int_equal(system(path), 0);
}

/* ---- within a session ---- */

static struct term *opened(const char *card, const char *can)
{
	struct term *t = term_new(card);

	assert_int_equal(term_pace_can(t, can), 0x9000);
	assert_int_equal(term_apdu(t, SELECT_APP), 0x9000);
	return t;
}

static void refusals_within_a_session_keep_it(void **state)
{
	static const struct row rows[] = {
		{ "00A4020C020103", 0x6982 },		/* fingerprints: terminal authentication */
		{ "00A4020C020105", 0x6a82 },
		{ "00B0830001", 0x6982 },
		{ "00B1000303 540100 07", 0x6982 },	/* TR-03105-3.2, ISO7816_H_5 */
		{ "00B1010303 540100 07", 0x6982 },	/* ISO7816_H_11: by identifier */
		{ "00B1010503 540100 07", 0x6a82 },
		{ "00A4020C020101 00", 0x6700 },
		{ "00A4020C020101", 0x9000 },
		{ "00B00000DF", 0x6b00 },		/* DG1 is shorter: this profile answers 6B00 */
		{ "00B0000010", 0x9000 },
		{ "00B0000000", 0x9000 },		/* 00: what there is */
		{ "00B0100001", 0x6b00 },
		{ "00B00000", 0x6700 },
		{ "0022C1A4 0F 800A04007F00070202040204830102", 0x6985 },	/* PACE within PACE */
		{ "0084000008", 0x6985 },
		{ "00D6000001 00", 0x6d00 },
		{ "002241A4 0C 800A04007F00070202030204", 0x6a88 },	/* the key has a number */
		{ "002241A4 0F 800A04007F00070202030204 840103", 0x6a88 },
		{ "002241A4 0F 800A04007F00070202030202 840102", 0x6a80 },
		{ "002241A6 05 9103040000", 0x6a86 },	/* set KAT is for 3DES */
		{ "002241A4 0F 800A04007F00070202030204 840102", 0x9000 },
		{ "00860000 057C03800104 00", 0x6a80 },	/* no point */
		{ "00860000 057C03800104 00", 0x6985 },	/* and set anew for each try */
		{ "00A4020C020102", 0x9000 },
		{ "00B00000DF", 0x9000 },
		{ "00B00000E0", 0x6700 },		/* more than max_le */
	};
	struct term *t = opened("eac", "314159");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint16_t sw = term_apdu(t, rows[i].cmd);

		if (sw != rows[i].sw)
			fail_msg("%s: %04X, not %04X", rows[i].cmd, sw, rows[i].sw);
		assert_true(t->card->sm.active);
	}
	term_free(t);
}

static void a_plain_command_ends_the_session(void **state)
{
	struct term *t = opened("an", "123456");

	assert_int_equal(term_apdu(t, "00A4020C020101"), 0x9000);
	assert_int_equal(term_plain(t, "00B0000001"), 0x6982);
	assert_int_equal(term_apdu(t, "00B0000001"), 0x6988);
	assert_false(t->card->access);
	term_free(t);
}

/* How to spoil a protected READ BINARY; each must end the session. */
static void spoilt_protection_ends_the_session(void **state)
{
	for (int how = 0; how < 9; how++) {
		struct term *t = opened("an", "123456");
		const struct cr_capdu read = { .ins = 0xb0, .p1 = 0x81, .le = 5 };
		struct cr_sm_exchange ex;
		uint8_t c[64], d[64];
		size_t n = sizeof(c);
		uint16_t sw, want = 0x6988;

		if (how == 8)		/* the counter runs ahead: a command is lost */
			assert_int_equal(cr_sm_protect(&t->sm, &read, c, &n, &ex), 0);
		n = sizeof(c);
		assert_int_equal(cr_sm_protect(&t->sm, &read, c, &n, &ex), 0);
		/* 0C B0 81 00 0D | 97 01 05 | 8E 08 ... | 00 */
		assert_int_equal(n, 19);
		switch (how) {
		case 0:
			c[17] ^= 1;			/* MAC */
			break;
		case 1:
			c[7]++;				/* Le */
			break;
		case 2:
			c[3]++;				/* P2 */
			break;
		case 3:					/* MAC object first */
			memcpy(d, c + 5, 3);
			memmove(c + 5, c + 8, 10);
			memcpy(c + 15, d, 3);
			break;
		case 4:					/* no MAC */
			c[4] = 3;
			c[8] = 0;
			n = 9;
			want = 0x6987;
			break;
		case 5:					/* nothing at all */
			c[4] = 0;
			n = 5;
			want = 0x6987;
			break;
		case 6:					/* unknown object */
			c[5] = 0x96;
			break;
		case 7:					/* no Le outside */
			n--;
			want = 0x6700;
			break;
		}
		sw = term_raw(t, c, n);
		if (sw != want)
			fail_msg("way %d: %04X, not %04X", how, sw, want);
		assert_int_equal(t->raw_len, 2);
		assert_false(t->card->sm.active);
		assert_false(t->card->access);
		term_free(t);
	}
}

static void a_command_cannot_be_replayed(void **state)
{
	struct term *t = opened("an", "123456");
	const struct cr_capdu read = { .ins = 0xb0, .p1 = 0x81, .le = 5 };
	struct cr_sm_exchange ex;
	uint8_t c[64];
	size_t n = sizeof(c);

	assert_int_equal(cr_sm_protect(&t->sm, &read, c, &n, &ex), 0);
	assert_int_equal(term_raw(t, c, n), 0x9000);
	assert_int_equal(term_raw(t, c, n), 0x6988);
	term_free(t);
}

/* ICAO 9303-11, 9.8: whatever is not well protected ends the session, also what the card has no means to read. */
static void an_extended_command_that_is_not_known_ends_the_session(void **state)
{
	struct term *t = opened("an", "123456");

	t->card->prof.extended = false;
	assert_int_equal(term_plain(t, "0CB08100 00000E 97020100 8E080102030405060708 0000"), 0x6700);
	assert_false(t->card->sm.active);
	assert_false(t->card->access);
	term_free(t);
}

/* A challenge is for the command that follows it, and so is the choice of chip authentication. */
static void what_was_begun_is_gone_after_another_command(void **state)
{
	struct term *t = term_new("bac");

	assert_int_equal(term_plain(t, SELECT_APP), 0x9000);
	assert_int_equal(term_plain(t, "0084000008"), 0x9000);
	assert_int_equal(term_plain(t, "00A4020C02011E"), 0x6982);
	assert_int_equal(term_plain(t, "0082000028 0000000000000000000000000000000000000000000000000000000000000000"
				       "0000000000000000 28"), 0x6985);
	term_free(t);
	t = opened("eac", "314159");
	assert_int_equal(term_apdu(t, "002241A4 0F 800A04007F00070202030204 840102"), 0x9000);
	assert_int_equal(term_apdu(t, "00A4020C02011E"), 0x9000);
	assert_int_equal(term_apdu(t, "00860000 057C03800104 00"), 0x6985);
	term_free(t);
}

/* Gives a card a file of these bytes beside what it has. */
static void add_file(struct sim_profile *p, uint16_t fid, const char *text)
{
	struct sim_file *f = &p->files[p->n_files++];

	f->fid = fid;
	f->len = strlen(text);
	f->data = malloc(f->len);
	assert_non_null(f->data);
	memcpy(f->data, text, f->len);
}

/* ICAO 9303-10, 3.6: what a short identifier means depends on where one is. */
static void short_identifiers_name_the_files_of_the_place(void **state)
{
	static const struct { const char *cmd; uint8_t first; } rows[] = {
		{ "00B09E0005", 0x60 }, { "00B09D0005", 0x77 }, { "00B0810005", 0x61 }, { "00B0820005", 0x75 },
		{ "00B08D0005", 0x6d }, { "00B08E0005", 0x6e },
	};
	struct term *t = term_new("an");
	uint8_t fifth;

	add_file(&t->card->prof, 0x2f00, "directory");
	add_file(&t->card->prof, 0x2f01, "information");
	assert_int_equal(term_plain(t, "00B09E0009"), 0x9000);
	assert_memory_equal(t->data, "directory", 9);
	assert_int_equal(term_plain(t, "00B081000B"), 0x9000);
	assert_memory_equal(t->data, "information", 11);
	assert_int_equal(term_plain(t, "00B0000202"), 0x9000);	/* which is the current file now */
	assert_memory_equal(t->data, "fo", 2);
	assert_int_equal(term_plain(t, "00B09C0001"), 0x9000);
	assert_int_equal(t->data[0], 0x31);
	assert_int_equal(term_pace_can(t, "123456"), 0x9000);
	assert_int_equal(term_apdu(t, SELECT_APP), 0x9000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(term_apdu(t, rows[i].cmd), 0x9000);
		assert_int_equal(t->data[0], rows[i].first);
		fifth = t->data[4];
		assert_int_equal(term_apdu(t, "00B0000401"), 0x9000);
		assert_int_equal(t->data[0], fifth);
	}
	assert_int_equal(term_apdu(t, "00B0810501"), 0x9000);	/* P2 is the offset */
	assert_int_equal(t->data[0], 'I');
	assert_int_equal(term_apdu(t, "00B0850001"), 0x6a82);
	assert_int_equal(term_apdu(t, "00B09C0001"), 0x6a82);	/* not in the application */
	term_free(t);
}

static void what_a_short_identifier_does_not_open_is_not_made_current(void **state)
{
	struct term *t = term_new("an");

	assert_int_equal(term_plain(t, SELECT_APP), 0x9000);
	assert_int_equal(term_plain(t, "00B0810001"), 0x6982);
	assert_int_equal(term_plain(t, "00B0000001"), 0x6986);
	term_free(t);
}

/* What cards in the field make of a short identifier, for the library to be tried on. */
static void a_profile_can_spoil_short_identifiers(void **state)
{
	static const uint16_t sws[] = { 0x6700, 0x6982, 0x6a82, 0x6a86, 0x6b00, 0x6d00 };
	struct term *t = opened("an", "123456");
	struct sim_profile *p = &t->card->prof;

	p->sfi = SIM_SFI_REFUSED;
	for (size_t i = 0; i < sizeof(sws) / sizeof(*sws); i++) {
		p->sfi_sw = sws[i];
		assert_int_equal(term_apdu(t, "00B0820001"), sws[i]);
		assert_int_equal(term_apdu(t, "00B1000203 540100 07"), sws[i]);
		assert_true(t->card->sm.active);
	}
	assert_int_equal(term_apdu(t, "00A4020C020101"), 0x9000);
	assert_int_equal(term_apdu(t, "00B0000001"), 0x9000);
	p->sfi = SIM_SFI_PASSING;
	assert_int_equal(term_apdu(t, "00B0820001"), 0x9000);
	assert_int_equal(t->data[0], 0x75);
	assert_int_equal(term_apdu(t, "00B0000001"), 0x9000);
	assert_int_equal(t->data[0], 0x61);
	p->sfi = SIM_SFI_OTHER;
	assert_int_equal(term_apdu(t, "00B0820001"), 0x9000);
	assert_int_equal(t->data[0], 0x60);
	term_free(t);
}

static void a_profile_can_end_the_session_at_an_error(void **state)
{
	static const char *const wrong[] = { "00A4020C020105", "00B0850001", "00B0817001", "00D6000001 00" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct term *t = opened("an", "123456");

		t->card->prof.plain_errors = true;
		assert_int_equal(term_apdu(t, "00B08100FF"), 0x6282);	/* a warning is none */
		assert_true(t->card->sm.active);
		assert_true((term_apdu(t, wrong[i]) & 0xf000) == 0x6000);
		assert_int_equal(t->raw_len, 2);
		assert_false(t->card->sm.active || t->card->access);
		term_free(t);
	}
}

/* ICAO 9303-11, 4.4.4.1: 84 is required where there is more than one set of domain parameters. */
static void ambiguous_domain_parameters_have_to_be_named(void **state)
{
	struct term *t = term_new("an");
	struct sim_profile *p = &t->card->prof;

	p->pace_info[p->n_pace++] = (struct sim_pace_info){ .cipher = SIM_3DES, .domain = 12, .group = "prime256v1" };
	assert_int_equal(term_plain(t, "0022C1A4 0F 800A04007F00070202040202830102"), 0x6a88);
	assert_int_equal(term_plain(t, "0022C1A4 12 800A04007F00070202040202830102 84010D"), 0x9000);
	assert_int_equal(term_plain(t, "0022C1A4 12 800A04007F00070202040202830102 84010C"), 0x6a88);
	p->pace_info[p->n_pace - 1].domain = 13;
	assert_int_equal(term_plain(t, "0022C1A4 0F 800A04007F00070202040202830102"), 0x9000);
	term_free(t);
}

static void odd_read_reaches_beyond_32767(void **state)
{
	static uint8_t big[40000];
	struct term *t = opened("an", "123456");
	struct sim_file *f = NULL;

	for (unsigned int i = 0; i < t->card->prof.n_files; i++) {
		if (t->card->prof.files[i].fid == 0x0102)
			f = &t->card->prof.files[i];
	}
	assert_non_null(f);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7 + i / 256);
	free(f->data);
	f->data = malloc(sizeof(big));
	assert_non_null(f->data);
	memcpy(f->data, big, sizeof(big));
	f->len = sizeof(big);

	assert_int_equal(term_apdu(t, "00B1000204 54028000 12"), 0x9000);
	assert_int_equal(t->len, 0x12);
	assert_int_equal(t->data[0], 0x53);
	assert_int_equal(t->data[1], 0x10);
	assert_memory_equal(t->data + 2, big + 0x8000, 16);
	assert_int_equal(term_apdu(t, "00B1000005 5403009C30 00"), 0x9000);	/* current file, to its end */
	assert_int_equal(t->data[1], sizeof(big) - 0x9c30);
	term_free(t);
}

static void extended_reads_bring_a_file_at_once(void **state)
{
	struct term *t = opened("an", "123456");
	struct cr_capdu read = { .ins = 0xb0, .p1 = 0x82, .le = 65536 };

	assert_int_equal(term_send(t, &read), 0x9000);
	assert_true(t->len > 15000);
	assert_int_equal(t->data[0], 0x75);
	/* What does not fit the outer Le is refused: 256 bytes do not, with what is around them. */
	{
		struct cr_sm_exchange ex;
		uint8_t c[64];
		size_t n = sizeof(c);
		uint16_t sw;

		assert_int_equal(cr_sm_protect(&t->sm, &(struct cr_capdu){ .ins = 0xb0, .p1 = 0x82, .le = 231 }, c, &n,
					       &ex), 0);
		if (c[4]) {	/* short outside */
			assert_int_equal(term_raw(t, c, n), 0x6700);
			t->len = sizeof(t->data);
			assert_int_equal(cr_sm_unprotect(&t->sm, &ex, t->raw, t->raw_len, t->data, &t->len, &sw), 0);
		}
	}
	term_free(t);
}

static void power_forgets_everything(void **state)
{
	struct term *t = opened("an", "123456");
	uint8_t rsp[16];
	size_t n;

	sim_card_power_off(t->card);
	assert_int_equal(sim_card_apdu(t->card, (const uint8_t *)"\0\xb0\0\0\1", 5, rsp, sizeof(rsp)), 0);
	sim_card_power_on(t->card, false, &n);
	assert_int_equal(term_plain(t, "00B0810001"), 0x6a82);
	assert_int_equal(term_apdu(t, "00B0810001"), 0x6988);
	term_free(t);
}

static void atrs_are_what_pcsc_builds_and_t0_alone(void **state)
{
	struct term *t = term_new("an");
	const uint8_t *atr;
	uint8_t x = 0;
	size_t n;

	atr = sim_card_power_on(t->card, false, &n);
	assert_int_equal(atr[0], 0x3b);
	assert_int_equal(atr[1] & 0xf0, 0x80);
	assert_int_equal(atr[2], 0x80);
	assert_int_equal(atr[3], 0x01);
	for (size_t i = 1; i < n; i++)
		x ^= atr[i];
	assert_int_equal(x, 0);
	atr = sim_card_power_on(t->card, true, &n);
	assert_int_equal(atr[1] & 0xf0, 0);
	assert_int_equal(n, 2 + (atr[1] & 0x0f));
	term_free(t);
}

/* ---- profiles ---- */

static int load_text(const char *text)
{
	struct sim_card *card;
	char dir[128], path[256];
	FILE *f;
	int err;

	snprintf(dir, sizeof(dir), "%s/profile-test", simterm_dir);
	mkdir(dir, 0700);
	snprintf(path, sizeof(path), "%s/profile", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	err = sim_card_load(dir, &card);
	sim_card_free(card);
	return err;
}

static void profiles_that_say_nothing_sensible_are_refused(void **state)
{
	char longline[1200];

	assert_int_equal(load_text("# nothing\n\n"), 0);
	assert_int_equal(load_text("can = 123456 # not secret\nmf = no"), 0);
	assert_int_equal(load_text("colour = red\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("can\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("can = 12345678901234567890\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("mrz = ABC\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("access = pace\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("access = bac\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("access = pace\npace = aes128 7\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("access = pace\npace = aes129 13\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("pace = aes128 13\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("max_le = 0\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("max_le = 99999999999999999999\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("atr = 3\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("sfi = 6A86\nerrors = plain\n"), 0);
	assert_int_equal(load_text("sfi = other\nerrors = protected\n"), 0);
	assert_int_equal(load_text("sfi = 9000\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("sfi = 6A\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("sfi = no\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("errors = none\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("ca = aes128\n"), CR_E_IO);
	assert_int_equal(load_text("access = pace\npace = aes128 13\npace = 3des 0 gm\npace = aes256 16 im\n"), 0);
	assert_int_equal(load_text("access = pace\npace = aes128 40 gm secp256k1\npace = aes192 41 im modp_2048\n"), 0);
	assert_int_equal(load_text("access = pace\npace = aes128 40\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("access = pace\npace = aes128 40 gm no-such-curve\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("access = pace\npace = aes128 13 dm\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("access = pace\npace = aes128 13 gm secp256k1 more\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("access = pace\npace = aes128 2 cam\n"), CR_E_MALFORMED);	/* no such protocol */
	assert_int_equal(load_text("access = pace\npace = 3des 13 cam\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("access = pace\npace = aes128 13 cam\n"), CR_E_IO);	/* without its key */
	assert_int_equal(load_text("pin = 123456\npuk = 1234567890\n"), 0);
	assert_int_equal(load_text("pin = 12x456\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("aa_answer = 256\n"), 0);
	assert_int_equal(load_text("aa_answer = some\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("aa = md5\n"), CR_E_MALFORMED);
	assert_int_equal(load_text("aa = sha256\n"), CR_E_IO);
	memset(longline, 'x', sizeof(longline));
	longline[0] = '#';
	longline[sizeof(longline) - 1] = '\0';
	assert_int_equal(load_text(longline), CR_E_MALFORMED);
	assert_int_equal(sim_card_load("no-such-card", &(struct sim_card *){ NULL }), CR_E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(primitives_give_the_worked_example_of_bac),
		cmocka_unit_test(mrz_information_is_that_of_the_worked_examples),
		cmocka_unit_test(a_vietnamese_card_refuses),
		cmocka_unit_test(data_chained_over_commands_are_one_commands),
		cmocka_unit_test(a_passport_with_bac_refuses),
		cmocka_unit_test(pace_opens_by_can_and_by_mrz),
		cmocka_unit_test(bac_opens_by_mrz),
		cmocka_unit_test(chip_authentication_changes_the_keys),
		cmocka_unit_test(a_copy_cannot_speak_after_chip_authentication),
		cmocka_unit_test(wrong_can_is_6300_and_deselects),
		cmocka_unit_test(pace_steps_out_of_turn_end_it),
		cmocka_unit_test(pace_and_ca_work_with_all_domain_parameters),
		cmocka_unit_test(refusals_within_a_session_keep_it),
		cmocka_unit_test(a_plain_command_ends_the_session),
		cmocka_unit_test(spoilt_protection_ends_the_session),
		cmocka_unit_test(a_command_cannot_be_replayed),
		cmocka_unit_test(an_extended_command_that_is_not_known_ends_the_session),
		cmocka_unit_test(what_was_begun_is_gone_after_another_command),
		cmocka_unit_test(short_identifiers_name_the_files_of_the_place),
		cmocka_unit_test(what_a_short_identifier_does_not_open_is_not_made_current),
		cmocka_unit_test(a_profile_can_spoil_short_identifiers),
		cmocka_unit_test(a_profile_can_end_the_session_at_an_error),
		cmocka_unit_test(ambiguous_domain_parameters_have_to_be_named),
		cmocka_unit_test(odd_read_reaches_beyond_32767),
		cmocka_unit_test(extended_reads_bring_a_file_at_once),
		cmocka_unit_test(power_forgets_everything),
		cmocka_unit_test(atrs_are_what_pcsc_builds_and_t0_alone),
		cmocka_unit_test(profiles_that_say_nothing_sensible_are_refused),
	};

	return cmocka_run_group_tests(tests, simterm_setup, simterm_teardown);
}
