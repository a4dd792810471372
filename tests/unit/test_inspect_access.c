// SPDX-License-Identifier: BSD-2-Clause
/* Whole inspections by what opens the card and how the chip proves itself. */
#include "accessrig.h"

static struct cr_inspection *inspect(struct cr_card *c, const char *name)
{
	struct cr_inspection *insp;
	struct cr_secret secret;

	if (!c->sim)
		insert(c, name);
	assert_int_equal(cr_secret_from_can(&secret, "112233", NULL), 0);
	assert_int_equal(verify(c, &secret, &insp), 0);
	return insp;
}

static void pace_alone_proves_a_chip_by_its_mapping(void **state)
{
	struct cr_card c = { 0 };
	struct cr_inspection *insp;

	issue("sound", SIM_SOUND, SIM_AES256);
	insp = inspect(&c, "sound");
	assert_int_equal(insp->verdict, CR_GENUINE);
	assert_string_equal(insp->access.mapping, "CAM");
	assert_string_equal(insp->access.curve, "brainpoolP320r1");
	assert_string_equal(insp->chip_protocol, "PACE-CAM AES-256");
	assert_int_equal(insp->chip_authentication, CR_SUCCESSFUL);
	assert_int_equal(cr_check_get(insp, CR_CHECK_CARD_ACCESS_AUTHENTIC), CR_SUCCESSFUL);
	assert_int_equal(c.pace_runs, 1);
	assert_int_equal(c.ca_runs, 0);
	cr_inspection_free(insp);
	sim_card_free(c.sim);
}

/* Each way in which the mapping's proof may be less than it seems. */
static void a_mapping_proves_only_the_chip_that_the_data_are_of(void **state)
{
	static const struct {
		enum sim_flaw flaw;
		enum sim_cipher ca;
		bool lost;		/* no EF.CardSecurity */
		enum cr_verdict verdict;
		const char *protocol, *detail;
		unsigned int pace, ca_runs;
	} rows[] = {
		/* the data of one chip in another: asked twice, for a bit may have gone wrong on the way */
		{ SIM_CLONED, SIM_AES256, false, CR_CLONED, "PACE-CAM AES-256",
		  "what the chip showed in PACE does not fit its key in EF.CardSecurity", 2, 0 },
		/* a genuine chip vouches for data that are not its own: it is asked for the key in DG14 as well */
		{ SIM_OTHERS_SECURITY, SIM_AES256, false, CR_CLONED, "CA v1 ECDH AES-256",
		  "the chip cannot answer under the keys agreed with its public key", 2, 2 },
		/* and it is the only use for that key, where DG14 offers no other proof */
		{ SIM_OTHERS_SECURITY, 0, false, CR_CLONED, "PACE-CAM AES-256", "the key that PACE proved is not in DG14", 1, 0 },
		{ SIM_UNSIGNED_SECURITY, SIM_AES256, false, CR_CLONED, "PACE-CAM AES-256",
		  "EF.CardSecurity: the signature does not verify", 1, 0 },
		{ SIM_SOUND, 0, false, CR_GENUINE, "PACE-CAM AES-256", "", 1, 0 },
		{ SIM_SOUND, SIM_AES256, true, CR_GENUINE, "CA v1 ECDH AES-256", "", 1, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cr_card c = { 0 };
		struct cr_inspection *insp;

		issue("flawed", rows[i].flaw, rows[i].ca);
		insert(&c, "flawed");
		if (rows[i].lost)
			lose_security(&c);
		insp = inspect(&c, "flawed");
		if (insp->verdict != rows[i].verdict || strcmp(insp->chip_protocol, rows[i].protocol) != 0 ||
		    strcmp(chip_detail(insp), rows[i].detail) != 0 || c.ca_runs < rows[i].ca_runs)
			fail_msg("%zu: %s, %s, %s, %u", i, cr_verdict_name(insp->verdict), insp->chip_protocol,
				 chip_detail(insp), c.ca_runs);
		assert_true(c.pace_runs <= rows[i].pace + 1);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

/* EF.CardSecurity's key becomes one of a kind that is not known, so that there is none to compare with. */
static void disguise_key(struct cr_card *c)
{
	static const uint8_t pk_ecdh[] = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x01, 0x02 };
	struct sim_profile *p = &c->sim->prof;
	uint8_t *at;

	for (unsigned int i = 0; i < p->n_files; i++) {
		if (!p->files[i].under_mf)
			continue;
		at = memmem(p->files[i].data, p->files[i].len, pk_ecdh, sizeof(pk_ecdh));
		assert_non_null(at);
		at[sizeof(pk_ecdh) - 1] = 9;
	}
}

static void replace_dg14(struct cr_card *c, const uint8_t *data, size_t len)
{
	struct sim_profile *p = &c->sim->prof;

	for (unsigned int i = 0; i < p->n_files; i++) {
		if (p->files[i].fid != CR_FID_DG(14))
			continue;
		assert_true(p->files[i].len >= len);
		memcpy(p->files[i].data, data, len);
		p->files[i].len = len;
	}
}

/* The chip shows something else the first time, and opens by BAC alone from then on. */
static void forget_pace(struct cr_card *c)
{
	assert_int_equal(BN_sub_word(c->sim->prof.ca_key, 1), 1);
	c->sim->prof.pace = false;
	c->on_reset = NULL;
}

/* Not to have been compared is no failure: the other proofs are taken, and without one it stays open. */
static void a_mapping_that_was_not_compared_accuses_nobody(void **state)
{
	/* a SET with nothing in it but what nobody knows: no key, no chip authentication */
	static const uint8_t no_key[] = { 0x6e, 0x0a, 0x31, 0x08, 0x30, 0x06, 0x06, 0x02, 0x2a, 0x03, 0x05, 0x00 };
	enum { OTHER_KIND, BAC_AFTERWARDS, WAYS };

	for (int i = 0; i < WAYS * 2; i++) {
		bool proves = i < WAYS;		/* by DG14's key, too */
		struct cr_card c = { 0 };
		struct cr_inspection *insp;
		struct cr_secret secret;

		issue("uncompared", SIM_SOUND, SIM_AES256);
		insert(&c, "uncompared");
		if (!proves)
			replace_dg14(&c, no_key, sizeof(no_key));
		if (i % WAYS == OTHER_KIND) {
			disguise_key(&c);
		} else {
			assert_int_equal(BN_add_word(c.sim->prof.ca_key, 1), 1);
			c.sim->prof.bac = true;
			c.on_reset = forget_pace;
		}
		assert_int_equal(cr_secret_from_mrz(&secret, c.sim->prof.mrz, NULL), 0);
		assert_int_equal(verify(&c, &secret, &insp), 0);
		if (insp->chip_authentication != (proves ? CR_SUCCESSFUL : CR_UNDETERMINED))
			fail_msg("%d: %d, %s, %s", i, insp->chip_authentication, insp->access.protocol,
				 chip_detail(insp));
		if (proves)
			assert_string_equal(insp->chip_protocol, "CA v1 ECDH AES-256");
		assert_int_equal(insp->passive.status != CR_FAILED, proves);	/* DG14 is signed */
		assert_int_equal(c.resets, i % WAYS == BAC_AFTERWARDS);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

/*
 * DG14's key is for PACE's mapping alone, as it says: opened by BAC the chip offers nothing, and is not accused of having
 * refused it; nor is it taken for genuine, as a copy would open like that.
 */
static void a_key_for_the_mapping_alone_accuses_nobody(void **state)
{
	for (int copy = 0; copy < 2; copy++) {
		struct cr_card c = { 0 };
		struct cr_inspection *insp;
		struct cr_secret secret;

		issue("bare", copy ? SIM_CLONED : SIM_SOUND, 0);
		insert(&c, "bare");
		c.sim->prof.pace = false;
		c.sim->prof.bac = true;
		assert_int_equal(cr_secret_from_mrz(&secret, c.sim->prof.mrz, NULL), 0);
		assert_int_equal(verify(&c, &secret, &insp), 0);
		assert_string_equal(insp->access.protocol, "BAC");
		assert_int_equal(insp->verdict, CR_UNPROVEN);
		assert_int_equal(insp->chip_authentication, CR_UNDETERMINED);
		assert_string_equal(chip_detail(insp), "PACE was run without the proof of the chip that DG14 offers");
		assert_int_equal(c.ca_runs, 0);
		assert_int_equal(c.resets, 0);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

/* DG14 says nothing of PACE, or is not there: EF.CardSecurity, which is signed as well, has what EF.CardAccess says. */
static void card_access_is_compared_with_card_security_where_dg14_is_silent(void **state)
{
	static const uint8_t silent[] = { 0x6e, 0x0a, 0x31, 0x08, 0x30, 0x06, 0x06, 0x02, 0x2a, 0x03, 0x05, 0x00 };

	for (int i = 0; i < 4; i++) {
		struct cr_card c = { 0 };
		struct cr_inspection *insp;

		issue("silent", SIM_SOUND, SIM_AES256);
		insert(&c, "silent");
		replace_dg14(&c, silent, sizeof(silent));
		for (unsigned int k = 0; k < c.sim->prof.n_files; k++) {
			struct sim_file *f = &c.sim->prof.files[k];

			if (f->fid == CR_FID_CARD_ACCESS && !f->in_app && i == 1)	/* GM's, which comes first, is left out */
				memmove(f->data + 2, f->data + 2 + 20, f->len - 22), f->data[1] -= 20, f->len -= 20;
			if (f->fid == CR_FID_CARD_ACCESS && !f->in_app && i == 2)	/* GM's cipher is another */
				f->data[2 + 2 + 2 + 9] = 2;
			if (i == 3 && f->under_mf)	/* its version changed after signing */
				((uint8_t *)memmem(f->data, f->len, "\x02\x01\x02\x02\x01", 5))[2] = 3;
		}
		insp = inspect(&c, "silent");
		if (cr_check_get(insp, CR_CHECK_CARD_ACCESS_AUTHENTIC) !=
		    (i == 0 ? CR_SUCCESSFUL : i == 2 ? CR_FAILED : CR_UNDETERMINED))
			fail_msg("%d: %s", i, cr_result_name(cr_check_get(insp, CR_CHECK_CARD_ACCESS_AUTHENTIC)));
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

/* DG14 offers the mapping's proof alone: a chip that opens without it has not offered none. */
static void a_mapping_that_was_not_taken_is_missed(void **state)
{
	static const uint8_t cam[] = { 0x6e, 0x16, 0x31, 0x14, 0x30, 0x12, 0x06, 0x0a, 0x04, 0x00, 0x7f, 0x00,
				       0x07, 0x02, 0x02, 0x04, 0x06, 0x04, 0x02, 0x01, 0x02, 0x02, 0x01, 0x0e };
	struct cr_card c = { 0 };
	struct cr_inspection *insp;
	struct cr_secret secret;

	issue("untaken", SIM_SOUND, SIM_AES256);
	insert(&c, "untaken");
	replace_dg14(&c, cam, sizeof(cam));
	c.sim->prof.pace = false;
	c.sim->prof.bac = true;
	assert_int_equal(cr_secret_from_mrz(&secret, c.sim->prof.mrz, NULL), 0);
	assert_int_equal(verify(&c, &secret, &insp), 0);
	assert_string_equal(insp->access.protocol, "BAC");
	assert_int_equal(cr_check_get(insp, CR_CHECK_PACE), CR_FAILED);
	assert_int_equal(cr_check_get(insp, CR_CHECK_BAC), CR_SUCCESSFUL);
	assert_int_equal(cr_check_get(insp, CR_CHECK_ACCESS), CR_SUCCESSFUL);
	assert_int_equal(insp->chip_authentication, CR_UNDETERMINED);
	assert_string_equal(chip_detail(insp), "PACE was run without the proof of the chip that DG14 offers");
	cr_inspection_free(insp);
	sim_card_free(c.sim);
}

/* The card says no to its own EF.CardAccess before any password: the next is taken, and no password tried twice. */
static void pace_that_the_card_does_not_take_gives_way_to_the_next(void **state)
{
	static const struct {
		unsigned int taken;	/* of GM and CAM, in this order */
		const char *can;
		int err;
		unsigned int runs, tries;
	} rows[] = {
		{ 2, "112233", 0, 1, 1 }, { 1, "112233", 0, 2, 1 }, { 0, "112233", CR_E_CARD_STATUS, 2, 0 },
		{ 2, "112234", CR_E_ACCESS_REFUSED, 1, 1 }, { 1, "112234", CR_E_ACCESS_REFUSED, 2, 1 },
	};

	issue("taken", SIM_SOUND, SIM_AES256);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cr_inspection *insp;
		struct cr_secret secret;
		struct cr_card c;

		insert(&c, "taken");
		c.sim->prof.n_pace = rows[i].taken;
		assert_int_equal(cr_secret_from_can(&secret, rows[i].can, NULL), 0);
		assert_int_equal(verify(&c, &secret, &insp), rows[i].err);
		assert_int_equal(c.pace_runs, rows[i].runs);
		assert_int_equal(insp->access.tries, rows[i].tries);
		if (!rows[i].err) {
			assert_string_equal(insp->access.mapping, rows[i].taken == 2 ? "CAM" : "GM");
			assert_int_equal(insp->verdict, CR_GENUINE);
		}
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pace_alone_proves_a_chip_by_its_mapping),
		cmocka_unit_test(a_mapping_proves_only_the_chip_that_the_data_are_of),
		cmocka_unit_test(a_mapping_that_was_not_compared_accuses_nobody),
		cmocka_unit_test(a_mapping_that_was_not_taken_is_missed),
		cmocka_unit_test(a_key_for_the_mapping_alone_accuses_nobody),
		cmocka_unit_test(card_access_is_compared_with_card_security_where_dg14_is_silent),
		cmocka_unit_test(pace_that_the_card_does_not_take_gives_way_to_the_next),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
