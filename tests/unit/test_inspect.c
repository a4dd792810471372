// SPDX-License-Identifier: BSD-2-Clause
/* Whole inspections of the sample cards. */
#include "wirecard.h"

static void every_sample_gets_its_verdict(void **state)
{
	static const struct { const char *name; enum cr_verdict verdict; } cases[] = {
		{ "an", CR_GENUINE }, { "old", CR_GENUINE }, { "bac", CR_GENUINE },
		{ "eac", CR_GENUINE }, { "tdes", CR_GENUINE }, { "cam", CR_GENUINE }, { "aa", CR_GENUINE },
		{ "forged", CR_FORGED },
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

/* Takes the file off the card. */
/* EF.CardAccess goes from beside the application; the one of that identifier in it is EF.CVCA. */
static void lose(struct cr_card *c, uint16_t fid)
{
	struct sim_profile *p = &c->sim->prof;

	for (unsigned int i = 0; i < p->n_files; i++) {
		if (p->files[i].fid != fid || (fid == 0x011c && p->files[i].in_app))
			continue;
		free(p->files[i].data);
		p->files[i] = p->files[--p->n_files];
		return;
	}
	fail_msg("no file %04X", fid);
}

/* EF.COM lists these groups and no others. */
static void list(struct cr_card *c, const char *tags)
{
	struct sim_profile *p = &c->sim->prof;
	size_t n = strlen(tags);

	for (unsigned int i = 0; i < p->n_files; i++) {
		if (p->files[i].fid != CR_FID_COM)
			continue;
		/* the list is the last object: shorter, it is the same file with two other lengths */
		p->files[i].data[1] = (uint8_t)(0x12 + n);
		p->files[i].data[0x13] = (uint8_t)n;
		memcpy(p->files[i].data + 0x14, tags, n);
		assert_true(0x14 + n <= p->files[i].len);
		p->files[i].len = 0x14 + n;
	}
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

static void only_what_is_needed_is_read(void **state)
{
	for (int with_verify = 0; with_verify < 2; with_verify++) {
		struct cr_inspect_opts opts = { .trust = trust, .verify = with_verify,
						.need = 1U << 1 };
		struct cr_inspection *insp;
		struct cr_secret secret;
		struct cr_card c;

		insert(&c, "an");
		secret_of("an", true, &secret);
		opts.secret = &secret;
		assert_int_equal(cr_inspect(&c, &opts, &insp), 0);
		assert_non_null(file(insp, CR_FID_DG(1)));
		assert_null(file(insp, CR_FID_DG(2)));
		assert_null(file(insp, CR_FID_DG(13)));
		assert_int_equal(!!file(insp, CR_FID_DG(14)), with_verify);
		assert_int_equal(!!file(insp, CR_FID_SOD), with_verify);
		assert_int_equal(!!insp->n_reasons || insp->n_checks > 1, with_verify);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

static void a_card_taken_out_is_said_to_be_gone(void **state)
{
	struct cr_secret secret;

	secret_of("an", true, &secret);
	for (unsigned int at = 1;; at += at < 40 ? 1 : 13) {
		struct cr_inspection *insp;
		struct cr_card c;
		int err;

		insert(&c, "an");
		c.gone_at = at;
		err = verify(&c, &secret, &insp);
		assert_int_equal(err, c.ex.commands < at ? 0 : CR_E_CARD_GONE);
		assert_int_equal(c.resets, 0);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
		if (!err)
			break;
	}
}

/*
 * Whoever changes one bit of one answer never gets more than the truth: an error, a verdict that
 * says so, or the same data from the card opened anew.
 */
static void a_changed_bit_never_gives_other_data(void **state)
{
	struct cr_inspection *truth;
	struct cr_secret secret;
	struct cr_card c;

	secret_of("an", true, &secret);
	insert(&c, "an");
	assert_int_equal(verify(&c, &secret, &truth), 0);
	sim_card_free(c.sim);
	for (unsigned int at = 1; at <= truth->exchange.commands; at += at < 45 ? 1 : 11) {
		struct cr_inspection *insp;
		int err;

		insert(&c, "an");
		c.flip_at = at;
		err = verify(&c, &secret, &insp);
		for (size_t i = 0; i < insp->n_files; i++) {
			const struct cr_file *f = &insp->files[i], *t = file(truth, f->fid);

			assert_non_null(t);
			if (!f->data)
				continue;
			assert_int_equal(f->len, t->len);
			assert_memory_equal(f->data, t->data, f->len);
		}
		if (!err && insp->verdict == CR_GENUINE)
			assert_int_equal(insp->n_files, truth->n_files);
		/* and nobody is called a copy for it */
		assert_int_not_equal(insp->verdict, CR_CLONED);
		assert_true(c.pace_runs <= 6);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
	cr_inspection_free(truth);
}

/* A chip that falls silent when asked for much: opened anew, asked for less, read to the end. */
static void a_chip_that_falls_silent_is_asked_for_less(void **state)
{
	static const size_t limits[] = { 200, 150 };

	for (int i = 0; i < 2; i++) {
		struct cr_inspection *insp;
		struct cr_secret secret;
		struct cr_card c;

		insert(&c, "an");
		c.silent_above = limits[i];
		secret_of("an", true, &secret);
		assert_int_equal(verify(&c, &secret, &insp), 0);
		assert_int_equal(insp->verdict, CR_GENUINE);
		assert_true(c.resets >= 1 && c.resets <= 3);
		assert_int_equal(insp->access.tries, c.resets + 1);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

/* Bytes of a file on the card; 0: not there. */
static size_t length(const struct cr_card *c, uint16_t fid)
{
	const struct sim_profile *p = &c->sim->prof;

	for (unsigned int i = 0; i < p->n_files; i++)
		if (p->files[i].fid == fid)
			return p->files[i].len;
	return 0;
}

/*
 * The least that the protocols allow with short APDUs: EF.CardAccess, five for PACE, SELECT of the
 * application, the signed files in answers of 223 bytes, two for chip authentication.
 */
static void a_card_takes_hardly_more_commands_than_it_must(void **state)
{
	static const uint16_t fids[] = { CR_FID_SOD, CR_FID_DG(1), CR_FID_DG(2), CR_FID_DG(13),
					 CR_FID_DG(14) };

	for (int extended = 0; extended < 2; extended++) {
		struct cr_inspection *insp;
		struct cr_secret secret;
		size_t least = 1 + 5 + 1 + 2;
		struct cr_card c;

		insert(&c, "an");
		c.max_response = extended ? 65536 : 256;
		secret_of("an", true, &secret);
		for (size_t i = 0; i < sizeof(fids) / sizeof(*fids); i++)
			least += (length(&c, fids[i]) + 222) / 223;
		assert_int_equal(verify(&c, &secret, &insp), 0);
		assert_int_equal(insp->verdict, CR_GENUINE);
		if (insp->exchange.commands * 100 > least * 108)
			fail_msg("%u commands, %zu are the least",
				 (unsigned int)insp->exchange.commands, least);
		/* EF.ATR/INFO, and EF.COM as the proof of chip authentication */
		assert_int_equal(c.selects, 1 + extended);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

/*
 * Whatever a card makes of short identifiers, with or without the end of its session, it is read
 * as one whose files are selected is, and asked by short identifier no more.
 */
static void no_card_fails_over_short_identifiers(void **state)
{
	static const char *const names[] = { "an", "bac", "eac", "tdes", "forged" };
	static const uint16_t sws[] = { 0x6700, 0x6982, 0x6a82, 0x6a86, 0x6b00, 0x6d00, 0x6f00 };
	enum { N = sizeof(sws) / sizeof(*sws), PASSING = N, OTHER, SILENT, WAYS };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		for (int way = 0; way < WAYS * 2; way++) {
			struct cr_inspection *insp;
			struct cr_secret secret;
			struct cr_card c;
			struct sim_profile *p;

			insert(&c, names[i]);
			p = &c.sim->prof;
			p->plain_errors = way >= WAYS;
			c.silent_to_sfi = way % WAYS == SILENT;
			if (way % WAYS == PASSING) {
				p->sfi = SIM_SFI_PASSING;
			} else if (way % WAYS == OTHER) {
				p->sfi = SIM_SFI_OTHER;
			} else if (way % WAYS < N) {
				p->sfi = SIM_SFI_REFUSED;
				p->sfi_sw = sws[way % WAYS];
			}
			secret_of(names[i], i & 1, &secret);
			assert_int_equal(verify(&c, &secret, &insp), 0);
			for (size_t k = 0; k < insp->n_files; k++) {
				const struct cr_file *f = &insp->files[k];

				if (f->fid != CR_FID_DG(3) && length(&c, f->fid))
					assert_int_equal(f->len, length(&c, f->fid));
			}
			if (length(&c, CR_FID_DG(14)))
				assert_int_equal(insp->verdict, i == 4 ? CR_FORGED : CR_GENUINE);
			/* EF.CardAccess, EF.COM; that it gives another shows at the next, or the one behind */
			assert_true(c.by_sfi <= (p->sfi == SIM_SFI_OTHER ? 4 : 2));
			/* and the one for DG14, where none is listed and none is there */
			assert_true(c.resets <= 1U + (p->plain_errors && !length(&c, CR_FID_DG(14))));
			assert_true(insp->access.tries <= c.resets + 1);
			cr_inspection_free(insp);
			sim_card_free(c.sim);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sample_gets_its_verdict),
		cmocka_unit_test(a_genuine_card_is_read_whole),
		cmocka_unit_test(a_copy_has_no_way_to_genuine),
		cmocka_unit_test(pace_that_was_left_out_is_seen),
		cmocka_unit_test(what_cannot_be_read_is_tried_once),
		cmocka_unit_test(locked_groups_are_marked_and_not_tried),
		cmocka_unit_test(a_wrong_secret_is_tried_once),
		cmocka_unit_test(a_card_without_pace_does_not_open_with_a_can),
		cmocka_unit_test(without_a_secret_nothing_is_tried),
		cmocka_unit_test(only_what_is_needed_is_read),
		cmocka_unit_test(a_card_taken_out_is_said_to_be_gone),
		cmocka_unit_test(a_changed_bit_never_gives_other_data),
		cmocka_unit_test(a_chip_that_falls_silent_is_asked_for_less),
		cmocka_unit_test(a_card_takes_hardly_more_commands_than_it_must),
		cmocka_unit_test(no_card_fails_over_short_identifiers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
