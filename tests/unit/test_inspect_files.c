// SPDX-License-Identifier: BSD-2-Clause
/* Which files a whole inspection reads, and what it tells of them. */
#include "wirecard.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_needed_is_read),
		cmocka_unit_test(every_data_group_is_read_and_taken_apart),
		cmocka_unit_test(a_document_of_the_middle_size),
		cmocka_unit_test(what_was_not_asked_for_is_told),
		cmocka_unit_test(biometrics_are_asked_for_where_no_terminal_authentication_is_announced),
		cmocka_unit_test(what_is_signed_is_read_though_it_is_not_listed),
		cmocka_unit_test(the_cards_own_files_are_read_on_request),
		cmocka_unit_test(the_cards_lengths_are_read_once),
		cmocka_unit_test(groups_that_do_not_parse_are_named),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
