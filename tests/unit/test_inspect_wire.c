// SPDX-License-Identifier: BSD-2-Clause
/* Whole inspections over the wire: its faults, and how many commands and batches they take. */
#include "wirecard.h"

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
		assert_true(c.flipped);
		/* it is seen wherever it is: asked again, refused, or not believed */
		assert_true(err || c.resets || insp->verdict != CR_GENUINE);
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

static void count_calls(void *arg, const char *name, size_t got, size_t total)
{
	assert_true(got && got <= total);
	if (got == total)
		++*(unsigned int *)arg;
	assert_true(!strcmp(name, "EF.COM") || !strcmp(name, "EF.SOD") || !strncmp(name, "DG", 2));
}

/*
 * Two batches for EF.CardAccess and two for EF.COM, which teach that short identifiers work; two for
 * EF.SOD with DG14; two for all groups, however many; and what is longer than a batch.
 */
static void files_share_their_batches(void **state)
{
	static const struct { const char *name; unsigned int most; } all[] = { { "an", 8 }, { "eac", 8 }, { "full", 13 } };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		for (int watched = 0; watched < 2; watched++) {
			struct cr_inspect_opts opts = { .trust = trust, .verify = true };
			struct cr_inspection *insp;
			unsigned int whole = 0, files = 0;
			struct cr_secret secret;
			struct cr_card c;

			insert(&c, all[i].name);
			secret_of(all[i].name, true, &secret);
			opts.secret = &secret;
			opts.progress = watched ? count_calls : NULL;
			opts.progress_arg = &whole;
			assert_int_equal(cr_inspect(&c, &opts, &insp), 0);
			assert_int_equal(insp->verdict, CR_GENUINE);
			assert_int_equal(c.resets, 0);
			for (size_t k = 0; k < insp->n_files; k++)
				files += insp->files[k].data != NULL;
			if (watched) {
				/* told of each file's end, and often enough on the way there */
				assert_int_equal(whole, files);
				assert_true(c.longest_batch <= 32);
			} else if (c.read_batches > all[i].most) {
				fail_msg("%s: %u batches", all[i].name, c.read_batches);
			}
			cr_inspection_free(insp);
			sim_card_free(c.sim);
		}
	}
}

/* A card that falters on the way is read on alone: whole, and once more at most. */
static void what_fails_in_a_shared_batch_is_read_alone(void **state)
{
	struct cr_inspection *insp, *truth;
	unsigned int rounds = 0, alone = 0;
	struct cr_secret secret;
	struct cr_card c;

	secret_of("full", true, &secret);
	insert(&c, "full");
	assert_int_equal(verify(&c, &secret, &truth), 0);
	sim_card_free(c.sim);
	for (unsigned int at = 20; at <= truth->exchange.commands; at += 17) {
		insert(&c, "full");
		c.flip_at = at;
		assert_int_equal(verify(&c, &secret, &insp), 0);
		assert_true(c.flipped);
		assert_true(c.resets >= 1 && c.resets <= 2);
		assert_int_equal(insp->n_files, truth->n_files);
		for (size_t i = 0; i < insp->n_files; i++) {
			const struct cr_file *f = &insp->files[i], *t = file(truth, f->fid);

			assert_non_null(t);
			/* fingerprints and irises share none; what is read alone and has a wrong MAC is not asked for again */
			if (!f->data && (f->fid == CR_FID_DG(3) || f->fid == CR_FID_DG(4)) && f->err == CR_E_SM) {
				alone++;
				continue;
			}
			assert_non_null(f->data);
			assert_int_equal(f->len, t->len);
			assert_memory_equal(f->data, t->data, f->len);
		}
		rounds++;
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
	assert_true(rounds >= 20 && alone * 4 < rounds);
	/* a group that is not there, before others in the batch */
	insert(&c, "full");
	lose(&c, CR_FID_DG(5));
	assert_int_equal(verify(&c, &secret, &insp), 0);
	assert_int_equal(file(insp, CR_FID_DG(5))->sw, 0x6a82);
	assert_int_equal(insp->passive.dg[5], CR_DG_UNREAD);
	assert_int_equal(insp->passive.dg[16], CR_DG_MATCH);
	assert_string_equal(check(insp, "read")->detail, "DG5 (6A82)");
	cr_inspection_free(insp);
	sim_card_free(c.sim);
	cr_inspection_free(truth);
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
		cmocka_unit_test(a_card_taken_out_is_said_to_be_gone),
		cmocka_unit_test(a_changed_bit_never_gives_other_data),
		cmocka_unit_test(a_chip_that_falls_silent_is_asked_for_less),
		cmocka_unit_test(a_card_takes_hardly_more_commands_than_it_must),
		cmocka_unit_test(files_share_their_batches),
		cmocka_unit_test(what_fails_in_a_shared_batch_is_read_alone),
		cmocka_unit_test(no_card_fails_over_short_identifiers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
