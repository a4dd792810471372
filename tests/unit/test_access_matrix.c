// SPDX-License-Identifier: BSD-2-Clause
/*
 * All that the standards let be combined, library against virtual card, in full and printed as
 * tables: PACE by mapping, domain parameters, cipher and password; chip authentication by group and
 * cipher; active authentication by key, digest and trailer, and how chips answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <cardring/error.h>
#include "eid/ca.h"
#include "eid/chip.h"
#include "simsession.h"

static const char *const mapping_names[] = { [SIM_GM] = "GM", [SIM_IM] = "IM", [SIM_CAM] = "CAM" };
static const enum cr_secret_type passwords[] = { CR_SECRET_MRZ, CR_SECRET_CAN, CR_SECRET_PIN, CR_SECRET_PUK };
static const char password_letters[] = "MCPU";

/* Each password in turn; what worked, by its letter. */
static void pace_cell(const struct sim_pace_offer *offer, char out[8])
{
	struct simsession *x = simsession_new();
	struct cr_security_infos infos;
	struct sim_element static_key = { .len = 0 };
	struct sim_buf set;
	size_t n = 0;

	simsession_offer(x, offer, &set, &infos);
	assert_true(infos.pace[0].usable);
	if (offer->mapping == SIM_CAM) {
		EVP_PKEY *key = sim_key_new(sim_domain_name(offer->domain), false);

		assert_true(sim_group_of_key(key, &x->card.prof.ca_group, &x->card.prof.ca_key, &static_key));
		EVP_PKEY_free(key);
	}
	for (size_t i = 0; i < sizeof(passwords) / sizeof(*passwords); i++) {
		struct cr_secret secret;
		struct cr_cam cam;

		simsession_secret(&secret, passwords[i]);
		simsession_reset(x);
		assert_int_equal(simsession_pace(x, &infos, &secret, &cam), 0);
		assert_int_equal(simsession_talk(x), 0);
		assert_int_equal(cam.data_len > 0, offer->mapping == SIM_CAM);
		if (offer->mapping == SIM_CAM) {
			assert_int_equal(cr_cam_verify(&cam, static_key.p, static_key.len), 0);
			/* the mapping key itself is a point too, and no proof */
			assert_int_equal(cr_cam_verify(&cam, cam.mapping_key, cam.mapping_key_len), CR_E_CRYPTO);
		}
		out[n++] = password_letters[i];
	}
	out[n] = '\0';
	sim_buf_free(&set);
	simsession_free(x);
}

static void pace_works_in_every_combination(void **state)
{
	char cell[8];
	int runs = 0;

	print_message("# PACE: %-5s%-19s%-8s%-8s%-8s%-8s\n", "", "domain", "3des", "aes128", "aes192", "aes256");
	for (enum sim_mapping m = SIM_GM; m <= SIM_CAM; m++) {
		for (unsigned int id = 0; id <= 18; id++) {
			const char *name = sim_domain_name(id);
			struct cr_domain domain;

			assert_int_equal(cr_domain_by_id((int)id, &domain), name != NULL);
			if (!name)
				continue;
			/* table 4: no integrated mapping with secp224r1; chip authentication mapping on curves */
			if ((m == SIM_IM && id == 10) || !sim_pace_arc(m, sim_domain_is_curve(name)))
				continue;
			print_message("# PACE: %-4s %2u %-16s", mapping_names[m], id, domain.name);
			for (enum sim_cipher c = SIM_3DES; c <= SIM_AES256; c++) {
				const struct sim_pace_offer offer = { c, id, m, NULL };

				if (m == SIM_CAM && c == SIM_3DES) {
					strcpy(cell, "-");
				} else {
					pace_cell(&offer, cell);
					assert_string_equal(cell, password_letters);
					runs += 4;
				}
				print_message("%-8s", cell);
			}
			print_message("\n");
		}
	}
	print_message("# PACE: %d combinations (M: MRZ, C: CAN, P: PIN, U: PUK)\n", runs);
	assert_int_equal(runs, 4 * (4 * (14 + 13) + 3 * 11));
}

/* Parameters that no standard lists; and what is not sound among them. */
static void parameters_of_the_issuers_own_work_too(void **state)
{
	static const struct { const char *name; enum sim_mapping mapping; int err; } rows[] = {
		{ "brainpoolP256t1", SIM_GM, 0 }, { "brainpoolP256t1", SIM_IM, 0 },
		{ "brainpoolP384t1", SIM_CAM, 0 }, { "secp256k1", SIM_GM, 0 },
		{ "secp256k1", SIM_IM, CR_E_CARD_STATUS },	/* a = 0: nothing to divide by, and the card says so first */
		{ "prime239v1", SIM_GM, 0 },
		{ "modp_2048", SIM_GM, 0 }, { "ffdhe2048", SIM_IM, 0 },
		{ "brainpoolP256r1", SIM_GM, 0 },		/* known ones, spelled out */
		{ "dh_2048_224", SIM_IM, 0 },
		{ "secp160r1", SIM_GM, CR_E_UNSUPPORTED },	/* too small */
		{ "wap-wsg-idm-ecid-wtls8", SIM_GM, CR_E_UNSUPPORTED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct sim_pace_offer offer = { SIM_AES128, 40, rows[i].mapping, rows[i].name };
		struct simsession *x = simsession_new();
		struct cr_security_infos infos;
		struct sim_element key;
		struct cr_secret secret;
		struct sim_buf set;
		int err;

		simsession_offer(x, &offer, &set, &infos);
		simsession_secret(&secret, CR_SECRET_CAN);
		if (rows[i].mapping == SIM_CAM) {
			EVP_PKEY *k = sim_key_new(rows[i].name, false);

			assert_true(sim_group_of_key(k, &x->card.prof.ca_group, &x->card.prof.ca_key, &key));
			EVP_PKEY_free(k);
		}
		err = simsession_pace(x, &infos, &secret, NULL);
		if (!err)
			err = simsession_talk(x);
		if (err != rows[i].err)
			fail_msg("%s, %s: %d, not %d", rows[i].name, mapping_names[rows[i].mapping], err, rows[i].err);
		sim_buf_free(&set);
		simsession_free(x);
	}
}

/* ---- Chip authentication ---- */

/* A session of AES-128, as any PACE before it leaves one. */
static void open_session(struct simsession *x)
{
	const uint8_t secret[16] = { 1, 2, 3 };
	struct cr_sm sm;

	assert_int_equal(cr_sm_derive(&sm, CR_AES128, secret, sizeof(secret)), 0);
	cr_session_secure(&x->s, &sm);
	x->card.sm.active = true;
	x->card.sm.cipher = SIM_AES128;
	memcpy(x->card.sm.enc, sm.k_enc, 16);
	memcpy(x->card.sm.mac, sm.k_mac, 16);
	memset(x->card.sm.ssc, 0, sizeof(x->card.sm.ssc));
	x->card.access = true;
}

static enum cr_result authenticate(EVP_PKEY *listed, EVP_PKEY *held, enum sim_cipher c, int key_id, int held_id)
{
	const struct sim_security security = { .ca_key = listed, .ca = c, .ca_key_id = key_id };
	struct simsession *x = simsession_new();
	struct cr_security_infos infos;
	const struct cr_ca_key *key;
	struct sim_buf set = { 0 };
	struct cr_chip_proof proof;
	struct sim_element public_key;
	struct cr_ca_info info;

	assert_int_equal(sim_write_security_infos(&security, &set), 0);
	assert_int_equal(cr_security_infos_parse(set.p, set.len, &infos), 0);
	assert_int_equal(cr_security_infos_ca(&infos, &info, &key), 0);
	assert_true(sim_group_of_key(held, &x->card.prof.ca_group, &x->card.prof.ca_key, &public_key));
	x->card.prof.ca = true;
	x->card.prof.ca_cipher = c;
	x->card.prof.ca_key_id = held_id;
	x->card.app = true;
	open_session(x);
	assert_int_equal(cr_chip_authenticate(&x->s, &info, key, &proof), 0);
	if (proof.result == CR_SUCCESSFUL)
		assert_int_equal(simsession_talk(x), 0);
	sim_buf_free(&set);
	simsession_free(x);
	return proof.result;
}

static void chip_authentication_works_with_every_group_and_cipher(void **state)
{
	/* the last two are written as PKCS #3 has them, without the order */
	static const char *const kinds[] = {
		"dh_1024_160", "dh_2048_224", "dh_2048_256", "prime192v1", "brainpoolP192r1", "secp224r1",
		"brainpoolP224r1", "prime256v1", "brainpoolP256r1", "brainpoolP320r1", "secp384r1", "brainpoolP384r1",
		"brainpoolP512r1", "secp521r1", "secp256k1", "modp_2048", "ffdhe3072",
	};

	print_message("# CA: %-17s%-8s%-8s%-8s%-8s\n", "", "3des", "aes128", "aes192", "aes256");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		EVP_PKEY *key = sim_key_new(kinds[i], i % 2), *other = sim_key_new(kinds[i], false);

		assert_non_null(key);
		assert_non_null(other);
		print_message("# CA: %-17s", kinds[i]);
		for (enum sim_cipher c = SIM_3DES; c <= SIM_AES256; c++) {
			int id = c % 2 ? -1 : 300;

			assert_int_equal(authenticate(key, key, c, id, id), CR_SUCCESSFUL);
			/* a copy: the data of one chip, the key of another */
			assert_int_equal(authenticate(key, other, c, id, id), CR_FAILED);
			print_message("%-8s", c == SIM_3DES ? "KAT" : "AT");
		}
		/* the key has another number */
		assert_int_equal(authenticate(key, key, SIM_AES128, 7, 8), CR_FAILED);
		print_message("\n");
		EVP_PKEY_free(key);
		EVP_PKEY_free(other);
	}
}

/* ---- Active authentication ---- */

struct aa_case {
	const char *kind, *digest;
	bool bc;
	enum sim_aa_habit habit;
	bool untold;		/* the card takes extended length, and does not say how long */
};

static enum cr_result prove(EVP_PKEY *listed, EVP_PKEY *held, const struct aa_case *c, bool secured, const char **detail)
{
	struct simsession *x = simsession_new();
	struct sim_buf dg15 = { 0 };
	struct cr_chip_proof proof;

	assert_int_equal(sim_write_dg15(listed, &dg15), 0);
	assert_int_equal(EVP_PKEY_up_ref(held), 1);
	x->card.prof.aa_key = held;
	snprintf(x->card.prof.aa_digest, sizeof(x->card.prof.aa_digest), "%s", c->digest);
	x->card.prof.aa_trailer_bc = c->bc;
	x->card.prof.aa_habit = c->habit;
	x->card.app = true;
	if (c->untold) {
		x->s.max_signature = x->s.max_response;
		x->s.max_response = 256;
	}
	if (secured)
		open_session(x);
	assert_int_equal(cr_chip_active(&x->s, dg15.p, dg15.len, NULL, &proof), 0);
	if (proof.result == CR_SUCCESSFUL)
		assert_int_equal(simsession_talk(x), 0);
	*detail = proof.detail;
	sim_buf_free(&dg15);
	simsession_free(x);
	return proof.result;
}

static void active_authentication_works_with_every_key_and_digest(void **state)
{
	static const char *const kinds[] = { "RSA-1024", "RSA-1536", "RSA-2048", "RSA-3072", "prime192v1", "secp224r1",
					     "prime256v1", "brainpoolP256r1", "brainpoolP320r1", "secp384r1",
					     "brainpoolP384r1", "brainpoolP512r1", "secp521r1" };
	static const char *const digests[] = { "SHA1", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512" };
	static const char *const trailers[] = { "BC", "33CC", "38CC", "34CC", "36CC", "35CC" };
	const char *detail;

	print_message("# AA: %-17s", "");
	for (size_t d = 0; d < 6; d++)
		print_message("%s%-4s ", digests[d], d ? "" : "/BC");
	print_message("\n");
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		EVP_PKEY *key = sim_key_new(kinds[k], k % 2), *other = sim_key_new(kinds[k], false);
		bool rsa = !strncmp(kinds[k], "RSA", 3);

		print_message("# AA: %-17s", kinds[k]);
		for (size_t d = 0; d < 6; d++) {
			const struct aa_case c = { kinds[k], digests[d], !d, SIM_AA_WHOLE, false };

			if (!d && !rsa) {
				print_message("%-9s", "-");
				continue;
			}
			for (int secured = 0; secured < 2; secured++) {
				assert_int_equal(prove(key, key, &c, secured, &detail), CR_SUCCESSFUL);
				assert_int_equal(prove(key, other, &c, secured, &detail), CR_FAILED);
			}
			print_message("%-9s", rsa ? trailers[d] : "r || s");
		}
		print_message("\n");
		EVP_PKEY_free(key);
		EVP_PKEY_free(other);
	}
}

static void answers_of_real_chips_are_asked_for_as_they_want_it(void **state)
{
	static const struct { struct aa_case c; enum cr_result want; } rows[] = {
		{ { "RSA-1024", "SHA1", true, SIM_AA_ALL, false }, CR_SUCCESSFUL },
		{ { "RSA-1024", "SHA256", false, SIM_AA_256, false }, CR_SUCCESSFUL },
		{ { "RSA-2048", "SHA256", false, SIM_AA_ALL, false }, CR_SUCCESSFUL },
		{ { "RSA-2048", "SHA256", false, SIM_AA_256, false }, CR_SUCCESSFUL },
		{ { "RSA-2048", "SHA256", false, SIM_AA_CUT, false }, CR_UNDETERMINED },
		{ { "RSA-1024", "SHA1", true, SIM_AA_CUT, false }, CR_UNDETERMINED },
		{ { "prime256v1", "SHA256", false, SIM_AA_ALL, false }, CR_SUCCESSFUL },
		{ { "prime256v1", "SHA256", false, SIM_AA_256, false }, CR_SUCCESSFUL },
		{ { "RSA-2048", "SHA256", false, SIM_AA_WHOLE, true }, CR_SUCCESSFUL },
		{ { "RSA-3072", "SHA256", false, SIM_AA_ALL, true }, CR_SUCCESSFUL },
		{ { "RSA-1024", "SHA1", true, SIM_AA_ALL, true }, CR_SUCCESSFUL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		EVP_PKEY *key = sim_key_new(rows[i].c.kind, false);

		for (int secured = 0; secured < 2; secured++) {
			const char *detail;
			enum cr_result r = prove(key, key, &rows[i].c, secured, &detail);

			if (r != rows[i].want)
				fail_msg("%s, habit %d, %s: %d (%s)", rows[i].c.kind, rows[i].c.habit,
					 secured ? "protected" : "plain", r, detail);
		}
		EVP_PKEY_free(key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pace_works_in_every_combination),
		cmocka_unit_test(parameters_of_the_issuers_own_work_too),
		cmocka_unit_test(chip_authentication_works_with_every_group_and_cipher),
		cmocka_unit_test(active_authentication_works_with_every_key_and_digest),
		cmocka_unit_test(answers_of_real_chips_are_asked_for_as_they_want_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
