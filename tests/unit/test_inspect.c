// SPDX-License-Identifier: BSD-2-Clause
/* Whole inspections of the sample cards: verdicts, access, the procedure, and the printed zone. */
#include "wirecard.h"

static void every_sample_gets_its_verdict(void **state)
{
	static const struct { const char *name; enum cr_verdict verdict; } cases[] = {
		{ "an", CR_GENUINE }, { "cccd", CR_GENUINE }, { "old", CR_GENUINE }, { "bac", CR_GENUINE },
		{ "eac", CR_GENUINE }, { "tdes", CR_GENUINE }, { "cam", CR_GENUINE }, { "aa", CR_GENUINE },
		{ "full", CR_GENUINE }, { "td2", CR_GENUINE }, { "forged", CR_FORGED },
		{ "badsod", CR_FORGED }, { "impostor", CR_FORGED }, { "resigned", CR_UNPROVEN },
		{ "cloned", CR_CLONED }, { "expired", CR_EXPIRED },
		{ "revoked", CR_REVOKED }, { "truncated", CR_UNPROVEN }, { "badtlv", CR_UNPROVEN },
		{ "lying", CR_UNPROVEN },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (int way = 0; way < 4; way++) {
			struct cr_inspection *insp;
			struct cr_secret secret;
			struct cr_card c;

			insert(&c, cases[i].name);
			c.max_response = way & 1 ? 65536 : 256;
			secret_of(cases[i].name, way & 2, &secret);
			assert_int_equal(verify(&c, &secret, &insp), 0);
			if (insp->verdict != cases[i].verdict)
				fail_msg("%s: %s", cases[i].name, cr_verdict_name(insp->verdict));
			assert_int_equal(insp->exchange.commands, c.ex.commands);
			assert_non_null(insp->access.protocol);
			cr_inspection_free(insp);
			sim_card_free(c.sim);
		}
	}
}

static void a_genuine_card_is_read_whole(void **state)
{
	struct cr_inspection *insp;
	struct cr_secret secret;
	struct cr_card c;

	insert(&c, "an");
	secret_of("an", true, &secret);
	assert_int_equal(verify(&c, &secret, &insp), 0);
	assert_string_equal(insp->access.protocol, "PACE");
	assert_string_equal(insp->access.mapping, "GM");
	assert_string_equal(insp->access.cipher, "AES-128");
	assert_string_equal(insp->access.curve, "brainpoolP256r1");
	assert_string_equal(insp->access.password, "CAN");
	assert_int_equal(insp->access.tries, 1);
	assert_string_equal(insp->chip_protocol, "CA v1 ECDH AES-128");
	assert_int_equal(insp->chip_authentication, CR_SUCCESSFUL);
	assert_int_equal(cr_check_get(insp, CR_CHECK_CARD_ACCESS_AUTHENTIC), CR_SUCCESSFUL);
	assert_non_null(insp->portrait);
	assert_true(insp->portrait >= file(insp, CR_FID_DG(2))->data);
	assert_non_null(insp->holder.full_name);
	assert_non_null(insp->document.number);
	assert_int_equal(c.resets, 0);
	cr_inspection_free(insp);
	sim_card_free(c.sim);
}

/* All that a copy has is another's files: what it may try with them, and with its commands. */
static void a_copy_has_no_way_to_genuine(void **state)
{
	enum { AS_IT_IS, REFUSES, NO_DG14, UNLISTED, NO_COM, LITTLE_LISTED, NO_PACE, WAYS };
	static const enum cr_verdict want[WAYS] = {
		[AS_IT_IS] = CR_CLONED, [REFUSES] = CR_CLONED, [NO_DG14] = CR_UNPROVEN, [UNLISTED] = CR_UNPROVEN,
		[NO_COM] = CR_UNPROVEN, [LITTLE_LISTED] = CR_UNPROVEN, [NO_PACE] = CR_CLONED,
	};

	for (int way = 0; way < WAYS; way++) {
		struct cr_inspection *insp;
		struct cr_secret secret;
		struct cr_card c;

		insert(&c, "cloned");
		secret_of("cloned", way != NO_PACE, &secret);
		if (way == REFUSES)
			c.sim->prof.ca = false;
		if (way == NO_DG14 || way == UNLISTED || way == NO_COM || way == LITTLE_LISTED)
			lose(&c, CR_FID_DG(14));
		if (way == UNLISTED)
			list(&c, "\x61\x75\x6d");
		if (way == LITTLE_LISTED)
			list(&c, "\x61");
		if (way == NO_COM)
			lose(&c, CR_FID_COM);
		if (way == NO_PACE) {
			lose(&c, 0x011c);
			c.sim->prof.pace = false;
			c.sim->prof.bac = true;
		}
		assert_int_equal(verify(&c, &secret, &insp), 0);
		if (insp->verdict != want[way])
			fail_msg("way %d: %s", way, cr_verdict_name(insp->verdict));
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

/* Without EF.CardAccess the terminal takes BAC, which whoever listens can guess; DG14 tells. */
static void pace_that_was_left_out_is_seen(void **state)
{
	struct cr_inspection *insp;
	struct cr_secret secret;
	struct cr_card c;

	insert(&c, "eac");
	secret_of("eac", false, &secret);
	lose(&c, 0x011c);
	assert_int_equal(verify(&c, &secret, &insp), 0);
	assert_string_equal(insp->access.protocol, "BAC");
	assert_int_equal(insp->chip_authentication, CR_SUCCESSFUL);
	assert_int_equal(cr_check_get(insp, CR_CHECK_CARD_ACCESS_AUTHENTIC), CR_UNDETERMINED);
	assert_int_equal(insp->verdict, CR_UNPROVEN);
	assert_string_equal(insp->reasons[0].code, "card-access-unproven");
	cr_inspection_free(insp);
	sim_card_free(c.sim);
}

static void what_cannot_be_read_is_tried_once(void **state)
{
	struct cr_inspection *insp;
	struct cr_secret secret;
	struct cr_card c;
	int entries = 0;

	insert(&c, "old");
	secret_of("old", true, &secret);
	list(&c, "\x61\x75\x6f");	/* DG15, which is not there */
	assert_int_equal(verify(&c, &secret, &insp), 0);
	for (size_t i = 0; i < insp->n_files; i++)
		entries += insp->files[i].fid == CR_FID_DG(15);
	assert_int_equal(entries, 1);
	for (size_t i = 0; i < insp->n_checks; i++)
		if (!strcmp(insp->checks[i].name, "read"))
			assert_string_equal(insp->checks[i].detail, "DG15 (6A82)");
	cr_inspection_free(insp);
	sim_card_free(c.sim);
}

static void locked_groups_are_marked_and_not_tried(void **state)
{
	struct cr_inspection *insp;
	struct cr_secret secret;
	struct cr_card c;

	insert(&c, "eac");
	secret_of("eac", true, &secret);
	assert_int_equal(verify(&c, &secret, &insp), 0);
	assert_int_equal(file(insp, CR_FID_DG(3))->err, CR_E_ACCESS_REFUSED);
	assert_null(file(insp, CR_FID_DG(3))->data);
	assert_int_equal(insp->passive.dg[3], CR_DG_LOCKED);
	cr_inspection_free(insp);
	sim_card_free(c.sim);
}

/* One wrong secret, one try: a card counts them. */
static void a_wrong_secret_is_tried_once(void **state)
{
	static const char *const names[] = { "an", "eac", "bac" };

	for (int i = 0; i < 3; i++) {
		for (int can = 0; can < 2; can++) {
			struct cr_inspection *insp;
			struct cr_secret secret;
			struct cr_card c;

			if (can && !sample(names[i])->can[0])
				continue;
			insert(&c, names[i]);
			if (can)
				cr_secret_from_can(&secret, "999999", NULL);
			else
				cr_secret_from_fields(&secret, "X123", "700101", "300101", NULL);
			assert_int_equal(verify(&c, &secret, &insp), CR_E_ACCESS_REFUSED);
			assert_int_equal(insp->access.tries, 1);
			assert_null(insp->access.protocol);
			assert_int_equal(c.pace_runs + c.bac_runs, 1);
			assert_int_equal(cr_check_get(insp, CR_CHECK_ACCESS), CR_FAILED);
			assert_int_equal(insp->n_files, 0);
			cr_inspection_free(insp);
			sim_card_free(c.sim);
		}
	}
}

static void a_card_without_pace_does_not_open_with_a_can(void **state)
{
	struct cr_inspection *insp;
	struct cr_secret secret;
	struct cr_card c;

	insert(&c, "bac");
	cr_secret_from_can(&secret, "123456", NULL);
	assert_int_equal(verify(&c, &secret, &insp), CR_E_UNSUPPORTED);
	assert_int_equal(insp->access.tries, 0);
	assert_int_equal(c.bac_runs, 0);
	cr_inspection_free(insp);
	sim_card_free(c.sim);
}

static void without_a_secret_nothing_is_tried(void **state)
{
	static const char *const names[] = { "an", "bac" };

	for (int i = 0; i < 2; i++) {
		struct cr_inspection *insp;
		struct cr_card c;

		insert(&c, names[i]);
		assert_int_equal(verify(&c, NULL, &insp), CR_E_ACCESS_REFUSED);
		assert_int_equal(c.pace_runs + c.bac_runs, 0);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

/* TR-03110-1, 2.4: advanced where the chip has a key for it, unless standard is asked for. */
static void the_inspection_procedure_is_the_chip_s_or_as_asked_for(void **state)
{
	static const struct {
		const char *name;
		enum cr_procedure asked, used;
		enum cr_result aa, ca, cam;	/* CR_ABORTED: not performed */
		enum cr_verdict verdict;
	} all[] = {
		{ "an", CR_PROCEDURE_ADVANCED, CR_PROCEDURE_ADVANCED, CR_ABORTED, CR_SUCCESSFUL, CR_NOT_SUPPORTED, CR_GENUINE },
		{ "cccd", CR_PROCEDURE_ADVANCED, CR_PROCEDURE_ADVANCED, CR_ABORTED, CR_SUCCESSFUL, CR_NOT_SUPPORTED, CR_GENUINE },
		{ "cam", CR_PROCEDURE_ADVANCED, CR_PROCEDURE_ADVANCED, CR_ABORTED, CR_ABORTED, CR_SUCCESSFUL, CR_GENUINE },
		{ "aa", CR_PROCEDURE_ADVANCED, CR_PROCEDURE_STANDARD, CR_SUCCESSFUL, CR_NOT_SUPPORTED, CR_NOT_SUPPORTED,
		  CR_GENUINE },
		{ "old", CR_PROCEDURE_ADVANCED, CR_PROCEDURE_STANDARD, CR_NOT_SUPPORTED, CR_NOT_SUPPORTED, CR_NOT_SUPPORTED,
		  CR_GENUINE },
		{ "cloned", CR_PROCEDURE_ADVANCED, CR_PROCEDURE_ADVANCED, CR_ABORTED, CR_FAILED, CR_NOT_SUPPORTED, CR_CLONED },
		/* its key is not asked for the proof: another one may be, or nothing is proved */
		{ "an", CR_PROCEDURE_STANDARD, CR_PROCEDURE_STANDARD, CR_NOT_SUPPORTED, CR_UNDETERMINED, CR_NOT_SUPPORTED,
		  CR_UNPROVEN },
		{ "cccd", CR_PROCEDURE_STANDARD, CR_PROCEDURE_STANDARD, CR_SUCCESSFUL, CR_UNDETERMINED, CR_NOT_SUPPORTED,
		  CR_GENUINE },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct cr_inspect_opts opts = { .trust = trust, .verify = true, .procedure = all[i].asked };
		const enum cr_result want[] = { all[i].aa, all[i].ca, all[i].cam };
		struct cr_inspection *insp;
		struct cr_secret secret;
		struct cr_card c;

		insert(&c, all[i].name);
		secret_of(all[i].name, true, &secret);
		opts.secret = &secret;
		assert_int_equal(cr_inspect(&c, &opts, &insp), 0);
		assert_int_equal(insp->procedure, all[i].used);
		assert_int_equal(insp->verdict, all[i].verdict);
		for (int k = 0; k < 3; k++) {
			const struct cr_check *done = check(insp, cr_check_name(CR_CHECK_AA + k));

			if ((done ? done->result : CR_ABORTED) != want[k])
				fail_msg("%zu, %s: %s", i, cr_check_name(CR_CHECK_AA + k),
					 done ? cr_result_name(done->result) : "not performed");
		}
		/* DG14 before EF.SOD, and no data before it */
		assert_int_equal(insp->files[0].fid, CR_FID_COM);
		for (size_t k = 1; k < insp->n_files; k++) {
			bool sod = insp->files[k].fid == CR_FID_SOD, dg14 = insp->files[k].fid == CR_FID_DG(14);

			assert_true(sod ? k < 3 : dg14 ? k == 1 : k > 1);
		}
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

/* A zone that was altered where nothing but the names are: it opens the chip, and is not the chip's. */
static void a_printed_zone_is_the_chip_s(void **state)
{
	static const struct { const char *from, *to; enum cr_result r; enum cr_verdict verdict; } all[] = {
		{ "", "", CR_SUCCESSFUL, CR_GENUINE },
		{ "NGUYEN<<VAN<AN<", "NGUYEN<<VAN<BA<", CR_FAILED, CR_UNPROVEN },
		{ "3503074VNM", "3503074UTO", CR_FAILED, CR_UNPROVEN },
		{ "M3503074", "F3503074", CR_FAILED, CR_UNPROVEN },
	};
	const char *mrz = sample("an")->mrz;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct cr_inspection *insp;
		struct cr_secret secret;
		char printed[128];
		struct cr_card c;
		const char *why;
		char *at;

		snprintf(printed, sizeof(printed), "%s", mrz);
		at = strstr(printed, all[i].from);
		assert_non_null(at);
		memcpy(at, all[i].to, strlen(all[i].to));
		insert(&c, "an");
		assert_int_equal(cr_secret_from_mrz(&secret, printed, &why), 0);
		assert_int_equal(verify(&c, &secret, &insp), 0);
		assert_int_equal(insp->verdict, all[i].verdict);
		assert_int_equal(cr_check_get(insp, CR_CHECK_PRINTED_ZONE), all[i].r);
		assert_int_equal(cr_check_get(insp, CR_CHECK_COMBINED), all[i].r);
		if (insp->n_reasons)
			assert_string_equal(insp->reasons[0].code, "printed-zone-differs");
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
	/* with a CAN there is none */
	{
		struct cr_inspection *insp;
		struct cr_secret secret;
		struct cr_card c;

		insert(&c, "an");
		secret_of("an", true, &secret);
		assert_int_equal(verify(&c, &secret, &insp), 0);
		assert_null(check(insp, "printed-zone"));
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sample_gets_its_verdict),
		cmocka_unit_test(the_inspection_procedure_is_the_chip_s_or_as_asked_for),
		cmocka_unit_test(a_printed_zone_is_the_chip_s),
		cmocka_unit_test(a_genuine_card_is_read_whole),
		cmocka_unit_test(a_copy_has_no_way_to_genuine),
		cmocka_unit_test(pace_that_was_left_out_is_seen),
		cmocka_unit_test(what_cannot_be_read_is_tried_once),
		cmocka_unit_test(locked_groups_are_marked_and_not_tried),
		cmocka_unit_test(a_wrong_secret_is_tried_once),
		cmocka_unit_test(a_card_without_pace_does_not_open_with_a_can),
		cmocka_unit_test(without_a_secret_nothing_is_tried),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
