// SPDX-License-Identifier: BSD-2-Clause
/* Whole inspections of the sample cards. */
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

/*
 * Takes the file off the card: EF.CardAccess from beside the application; the one of that identifier
 * in it is EF.CVCA.
 */
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
		assert_true(!insp->n_reasons);
		assert_int_equal(cr_check_get(insp, CR_CHECK_READ) == CR_SUCCESSFUL, with_verify);
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

static void insert_and_inspect(struct cr_card *c, const char *name, bool with_verify, uint32_t need,
			       struct cr_inspection **insp)
{
	struct cr_inspect_opts opts = { .trust = trust, .verify = with_verify, .need = need };
	struct cr_secret secret;

	if (name)
		insert(c, name);
	secret_of(c->sim->prof.name, true, &secret);
	opts.secret = &secret;
	assert_int_equal(cr_inspect(c, &opts, insp), 0);
}

static const struct cr_item *item(const struct cr_inspection *insp, uint16_t fid, unsigned int instance,
				  const char *name)
{
	for (size_t i = 0; i < insp->n_items; i++)
		if (insp->items[i].fid == fid && insp->items[i].instance == instance &&
		    !strcmp(insp->items[i].name, name))
			return &insp->items[i];
	return NULL;
}

static const struct cr_check *check(const struct cr_inspection *insp, const char *name)
{
	for (size_t i = 0; i < insp->n_checks; i++)
		if (!strcmp(insp->checks[i].name, name))
			return &insp->checks[i];
	return NULL;
}

/* The sample that has all of them. */
static void every_data_group_is_read_and_taken_apart(void **state)
{
	static const struct { unsigned int dg, instance; const char *name, *text; } all[] = {
		{ 2, 1, "format", "ISO/IEC 39794-5" }, { 3, 2, "position", "left index finger" },
		{ 4, 1, "eye", "right eye" }, { 5, 1, "image", NULL }, { 7, 1, "image", NULL },
		{ 11, 0, "place_of_birth", "VALE, NORTHSHIRE, UTOPIA" }, { 11, 0, "other_names", "LUKE LUCIA" },
		{ 12, 0, "issuing_authority", "OFFICE OF SAMPLES VALE" },
		{ 12, 0, "personalized", "2025-01-09T10:30:00" }, { 14, 0, "protocols", "id-PK-ECDH" },
		{ 15, 0, "key", "EC, prime256v1" }, { 16, 2, "name", "BRØNN MARY J" },
	};

	for (int with_verify = 0; with_verify < 2; with_verify++) {
		struct cr_inspection *insp;
		struct cr_card c;

		insert_and_inspect(&c, "full", with_verify, 0, &insp);
		for (unsigned int n = 1; n <= 16; n++) {
			const struct cr_file *f = file(insp, CR_FID_DG(n));

			assert_non_null(f);
			assert_non_null(f->data);
			assert_null(f->note);
			if (with_verify)
				assert_int_equal(insp->passive.dg[n], CR_DG_MATCH);
		}
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			const struct cr_item *it = item(insp, CR_FID_DG(all[i].dg), all[i].instance, all[i].name);

			assert_non_null(it);
			if (all[i].text && strcmp(it->text, all[i].text) && strcmp(all[i].name, "protocols"))
				fail_msg("%s: %s", all[i].name, it->text);
		}
		/* who says it best: whole names in their letters, dates with their century */
		assert_string_equal(insp->holder.full_name, "ÄRKENSTÖNE LUCÍA MARÍA");
		assert_string_equal(insp->holder.primary_identifier, "ARKENSTONE");
		assert_string_equal(insp->holder.date_of_birth, "1925-03-09");
		assert_string_equal(insp->document.date_of_issue, "2025-01-10");
		assert_string_equal(insp->portrait_type, "image/jp2");
		assert_null(file(insp, 0x2f00));
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

static void a_document_of_the_middle_size(void **state)
{
	struct cr_inspection *insp;
	struct cr_card c;

	insert_and_inspect(&c, "td2", true, 0, &insp);
	assert_string_equal(insp->document.type, "TD2");
	assert_string_equal(insp->document.number, "X98765432101");
	assert_string_equal(insp->holder.date_of_birth, "1961-07");
	assert_string_equal(insp->holder.sex, "X");
	assert_true(insp->holder.names_cut);
	assert_string_equal(insp->holder.full_name, "PAPADOPOULOU WINTERSTEIN ALEXA");
	cr_inspection_free(insp);
	sim_card_free(c.sim);
}

/* A purpose takes its files; what was left out is told, and is no matter of suspicion. */
static void what_was_not_asked_for_is_told(void **state)
{
	static const struct { const char *name; uint32_t need; enum cr_verdict verdict; const char *detail; } all[] = {
		{ "an", CR_NEED_IDENTITY, CR_GENUINE, "not asked for: DG2" },
		{ "an", CR_NEED_PORTRAIT, CR_GENUINE, "not asked for: DG13" },
		{ "an", 1U << 2, CR_GENUINE, "not asked for: DG13" },	/* DG1 nonetheless */
		{ "an", CR_NEED_ALL, CR_GENUINE, "" },
		{ "eac", CR_NEED_IDENTITY, CR_GENUINE, "not asked for: DG2, DG3" },
		{ "forged", CR_NEED_PORTRAIT, CR_FORGED, "DG1" },
		{ "cloned", CR_NEED_IDENTITY, CR_CLONED, "not asked for: DG2" },
		{ "lying", CR_NEED_IDENTITY, CR_GENUINE, "not asked for: DG2" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct cr_inspection *insp;
		struct cr_card c;

		insert_and_inspect(&c, all[i].name, true, all[i].need, &insp);
		if (insp->verdict != all[i].verdict)
			fail_msg("%s, %x: %s", all[i].name, all[i].need, cr_verdict_name(insp->verdict));
		assert_string_equal(check(insp, "pa.hashes")->detail, all[i].detail);
		assert_int_equal(insp->passive.dg[1] != CR_DG_UNWANTED, true);
		for (unsigned int n = 2; n <= 13; n++)
			assert_int_equal(insp->passive.dg[n] == CR_DG_UNWANTED,
					 length(&c, CR_FID_DG(n)) && !(all[i].need & 1U << n));
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

/* DG14 announces terminal authentication: not one command for DG3. Where it does not, the chip is asked. */
static void biometrics_are_asked_for_where_no_terminal_authentication_is_announced(void **state)
{
	struct cr_inspection *insp;
	struct cr_card c;

	insert_and_inspect(&c, "full", true, 1U << 3, &insp);
	assert_non_null(file(insp, CR_FID_DG(3))->data);
	cr_inspection_free(insp);
	sim_card_free(c.sim);

	for (int plain = 0; plain < 2; plain++) {
		insert(&c, "full");
		c.sim->prof.biometrics_open = false;
		c.sim->prof.plain_errors = plain;
		insert_and_inspect(&c, NULL, true, 0, &insp);
		assert_int_equal(file(insp, CR_FID_DG(3))->err, CR_E_ACCESS_REFUSED);
		assert_int_equal(file(insp, CR_FID_DG(3))->sw, 0x6982);
		assert_int_equal(insp->passive.dg[3], CR_DG_LOCKED);
		assert_int_equal(insp->passive.dg[4], CR_DG_LOCKED);
		assert_int_equal(insp->passive.dg[16], CR_DG_MATCH);
		assert_int_equal(insp->verdict, CR_GENUINE);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
	insert_and_inspect(&c, "eac", true, 0, &insp);
	assert_int_equal(file(insp, CR_FID_DG(3))->err, CR_E_ACCESS_REFUSED);
	assert_int_equal(file(insp, CR_FID_DG(3))->sw, 0);	/* it was not asked */
	cr_inspection_free(insp);
	sim_card_free(c.sim);
}

/* Nobody hides a group by leaving it out of EF.COM, and without EF.COM nothing is guessed at. */
static void what_is_signed_is_read_though_it_is_not_listed(void **state)
{
	struct cr_inspection *insp;
	struct cr_card c;

	insert(&c, "an");
	list(&c, "\x61");
	insert_and_inspect(&c, NULL, true, 0, &insp);
	assert_int_equal(insp->passive.dg[2], CR_DG_MATCH);
	assert_int_equal(insp->passive.dg[13], CR_DG_MATCH);
	assert_int_equal(insp->chip_authentication, CR_SUCCESSFUL);
	assert_int_equal(cr_check_get(insp, CR_CHECK_COM_SOD), CR_FAILED);
	assert_int_equal(insp->verdict, CR_UNPROVEN);
	cr_inspection_free(insp);
	sim_card_free(c.sim);

	insert(&c, "an");
	lose(&c, CR_FID_COM);
	insert_and_inspect(&c, NULL, true, 0, &insp);
	assert_int_equal(insp->passive.dg[2], CR_DG_MATCH);
	assert_int_equal(insp->passive.dg[13], CR_DG_MATCH);
	assert_string_equal(check(insp, "read")->detail, "EF.COM (6A82)");
	assert_string_equal(check(insp, "pa.com-sod")->detail, "EF.COM was not read");
	assert_int_equal(insp->verdict, CR_UNPROVEN);
	/* EF.COM, twice; no group that EF.SOD does not name */
	assert_true(c.selects <= 12);
	cr_inspection_free(insp);
	sim_card_free(c.sim);
}

static void the_cards_own_files_are_read_on_request(void **state)
{
	static const uint32_t need = CR_NEED_ALL | CR_NEED_CARD;
	struct cr_inspection *insp;
	struct cr_card c;

	insert_and_inspect(&c, "full", true, need, &insp);
	assert_int_equal(insp->verdict, CR_GENUINE);
	assert_string_equal(item(insp, 0x2f00, 1, "application")->text, "eMRTD");
	assert_string_equal(item(insp, 0x2f01, 0, "max_response")->text, "8194");
	cr_inspection_free(insp);
	sim_card_free(c.sim);
	/* US and NZ passports: 6982 */
	for (int plain = 0; plain < 2; plain++) {
		insert(&c, "full");
		c.sim->prof.mf_files_locked = true;
		c.sim->prof.plain_errors = plain;
		insert_and_inspect(&c, NULL, true, need, &insp);
		assert_int_equal(insp->verdict, CR_GENUINE);
		assert_int_equal(file(insp, 0x2f00)->err, CR_E_ACCESS_REFUSED);
		assert_int_equal(file(insp, 0x2f00)->sw, 0x6982);
		assert_int_equal(cr_check_get(insp, CR_CHECK_READ), CR_SUCCESSFUL);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
	/* longer than one answer; and longer than any is */
	for (size_t size = 256; size <= 8448; size *= size == 256 ? 3 : 11) {
		insert(&c, "full");
		for (unsigned int i = 0; i < c.sim->prof.n_files; i++) {
			struct sim_file *f = &c.sim->prof.files[i];

			if (f->fid != 0x2f00)
				continue;
			f->data = realloc(f->data, size);
			memset(f->data + f->len, 0xff, size - f->len);
			f->len = size;
		}
		insert_and_inspect(&c, NULL, true, need, &insp);
		assert_int_equal(insp->verdict, CR_GENUINE);
		if (size > 4096) {
			assert_int_equal(file(insp, 0x2f00)->err, CR_E_TOO_LONG);
		} else {
			assert_int_equal(file(insp, 0x2f00)->len, size);
			assert_string_equal(item(insp, 0x2f00, 1, "application")->text, "eMRTD");
		}
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
	/* a card without them, and one without a master file */
	insert_and_inspect(&c, "bac", true, need, &insp);
	assert_int_equal(insp->verdict, CR_GENUINE);
	assert_null(file(insp, 0x2f00));
	cr_inspection_free(insp);
	sim_card_free(c.sim);
	insert_and_inspect(&c, "an", true, need, &insp);
	assert_int_equal(insp->verdict, CR_GENUINE);
	cr_inspection_free(insp);
	sim_card_free(c.sim);
}

/* It tells how long APDUs may be, and is shown: one reading is for both. */
static void the_cards_lengths_are_read_once(void **state)
{
	static const struct { size_t carried; uint32_t need; unsigned int times; size_t told; } all[] = {
		{ 256, 0, 0, 0 }, { 256, CR_NEED_ALL | CR_NEED_CARD, 1, 0 },
		{ 65536, 0, 1, 8192 }, { 65536, CR_NEED_ALL | CR_NEED_CARD, 1, 8192 },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct cr_inspection *insp;
		struct cr_card c;

		insert(&c, "full");
		c.max_response = all[i].carried;
		insert_and_inspect(&c, NULL, true, all[i].need, &insp);
		assert_int_equal(insp->verdict, CR_GENUINE);
		assert_int_equal(c.info_selects, all[i].times);
		assert_int_equal(c.told, all[i].told);
		assert_int_equal(insp->limits.told, all[i].told != 0);
		assert_int_equal(file(insp, 0x2f01) != NULL, (all[i].need & CR_NEED_CARD) != 0);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
}

/* Changes a file on the card; the hash is wrong then, and what is in it is still told. */
static void groups_that_do_not_parse_are_named(void **state)
{
	static const struct { unsigned int dg; const char *note; } all[] = {
		{ 3, "DG3 is malformed" }, { 4, "DG4 is malformed" }, { 5, "DG5 is malformed" }, { 7, "DG7 is malformed" },
		{ 11, "DG11 is malformed" }, { 12, "DG12 is malformed" }, { 16, "DG16 is malformed" },
		{ 2, "DG2 is malformed or holds no portrait" }, { 15, "DG15 is malformed" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct cr_inspection *insp;
		struct cr_card c;

		insert(&c, "full");
		for (unsigned int k = 0; k < c.sim->prof.n_files; k++) {
			struct sim_file *f = &c.sim->prof.files[k];
			struct sim_tlv t;

			if (f->fid != CR_FID_DG(all[i].dg))
				continue;
			assert_true(sim_ber_get(f->data, f->len, &t));
			memset((uint8_t *)t.value, 0x84, t.len);
		}
		insert_and_inspect(&c, NULL, true, 0, &insp);
		assert_string_equal(file(insp, CR_FID_DG(all[i].dg))->note, all[i].note);
		assert_null(item(insp, CR_FID_DG(all[i].dg), 0, "full_name"));
		if (all[i].dg != 15) {
			assert_int_equal(cr_check_get(insp, CR_CHECK_MRZ_CONSISTENT), CR_FAILED);
			assert_string_equal(check(insp, "mrz")->detail, all[i].note);
		}
		assert_int_equal(insp->verdict, CR_FORGED);
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
		cmocka_unit_test(only_what_is_needed_is_read),
		cmocka_unit_test(every_data_group_is_read_and_taken_apart),
		cmocka_unit_test(a_document_of_the_middle_size),
		cmocka_unit_test(what_was_not_asked_for_is_told),
		cmocka_unit_test(biometrics_are_asked_for_where_no_terminal_authentication_is_announced),
		cmocka_unit_test(what_is_signed_is_read_though_it_is_not_listed),
		cmocka_unit_test(the_cards_own_files_are_read_on_request),
		cmocka_unit_test(the_cards_lengths_are_read_once),
		cmocka_unit_test(groups_that_do_not_parse_are_named),
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
