// SPDX-License-Identifier: BSD-2-Clause
/* Whole inspections with terminal authentication version 1: what it opens, and whom the chip refuses. */
#include "accessrig.h"

static void fingerprints_are_read_by_whom_the_authority_lets(void **state)
{
	cr_terminal_t *t = terminal("terminal/certificates.cvcert", "terminal/key.pem");

	for (int way = 0; way < 4; way++) {
		struct cr_card c = { 0 };
		struct cr_inspection *insp;

		insert(&c, "eac");
		c.max_response = way & 1 ? 65536 : 256;
		if (way & 2) {		/* by BAC: another name of the chip goes into the signature */
			c.sim->prof.pace = false;
			for (unsigned int i = 0; i < c.sim->prof.n_files; i++) {
				if (c.sim->prof.files[i].fid == 0x011c && !c.sim->prof.files[i].in_app)
					c.sim->prof.files[i].fid = 0x0fff;
			}
		}
		insp = inspect_with(&c, "eac", !(way & 2), t);
		assert_null(insp->access.terminal_why);
		assert_string_equal(insp->access.terminal, "TA v1 ECDSA SHA-256");
		assert_int_equal(cr_check_get(insp, CR_CHECK_TERMINAL_AUTHENTICATION), CR_SUCCESSFUL);
		assert_int_equal(cr_check_get(insp, way & 2 ? CR_CHECK_BAC : CR_CHECK_PACE), CR_SUCCESSFUL);
		assert_int_equal(insp->passive.dg[3], CR_DG_MATCH);
		assert_int_equal(insp->verdict, way & 2 ? CR_UNPROVEN : CR_GENUINE);	/* PACE was left out */
		assert_true(file(insp, CR_FID_DG(3))->len > 600);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
	cr_terminal_free(t);
}

static struct cr_inspection *inspect_need(struct cr_card *c, uint32_t need, const cr_terminal_t *t)
{
	struct cr_inspection *insp;
	struct cr_secret secret;
	const struct cr_inspect_opts opts = { .secret = &secret, .trust = trust, .terminal = t, .verify = true,
					      .need = need };

	secret_of("eac", true, &secret);
	assert_int_equal(cr_inspect(c, &opts, &insp), 0);
	return insp;
}

/* A card tells its terminals by their certificates: nobody shows them for nothing. */
static void a_terminal_is_shown_only_for_what_it_opens(void **state)
{
	cr_terminal_t *t = terminal("terminal/certificates.cvcert", "terminal/key.pem");
	const uint32_t needs[] = { CR_NEED_IDENTITY, 1U << 2, 1U << 3, CR_NEED_ALL };

	for (int i = 0; i < 4; i++) {
		bool wanted = needs[i] & 1U << 3, fingers = false;
		struct cr_inspection *insp;
		struct cr_card c;

		insert(&c, "eac");
		insp = inspect_need(&c, needs[i], t);
		assert_int_equal(!!insp->access.terminal, wanted);
		assert_null(insp->access.terminal_why);
		assert_int_equal(insp->passive.dg[3], wanted ? CR_DG_MATCH : CR_DG_UNWANTED);
		assert_int_equal(!!file(insp, CR_FID_DG(3)), wanted);
		for (size_t k = 0; k < insp->n_items; k++)
			fingers |= insp->items[k].fid == CR_FID_DG(3) && !strcmp(insp->items[k].name, "position");
		assert_int_equal(fingers, wanted);
		assert_int_equal(insp->verdict, CR_GENUINE);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
	cr_terminal_free(t);
}

static void refuse_ca(struct cr_card *c)
{
	c->sim->prof.ca = false;
}

/* A session that is lost takes the terminal's rights with it: they are won again, or nothing is asked for. */
static void rights_end_with_their_session(void **state)
{
	static const unsigned int back[] = { 0, 1, 2, 9, 30 };	/* DG3, which is the last, and what is before */
	cr_terminal_t *t = terminal("terminal/certificates.cvcert", "terminal/key.pem");
	struct cr_inspection *whole, *insp;
	struct cr_card c = { 0 };

	whole = inspect_with(&c, "eac", true, t);
	sim_card_free(c.sim);
	for (size_t i = 0; i < 2 * sizeof(back) / sizeof(*back); i++) {
		const bool refused = i % 2;

		insert(&c, "eac");
		c.silent_at = (unsigned int)whole->exchange.commands - back[i / 2];
		c.on_reset = refused ? refuse_ca : NULL;
		insp = inspect_with(&c, "eac", true, t);
		assert_true(c.resets >= 1);
		assert_int_equal(insp->verdict, CR_GENUINE);
		assert_int_equal(insp->chip_authentication, CR_SUCCESSFUL);
		assert_int_equal(insp->passive.dg[3], refused ? CR_DG_LOCKED : CR_DG_MATCH);
		if (refused) {
			assert_null(insp->access.terminal);
			assert_string_equal(insp->access.terminal_why,
					    "The terminal needs chip authentication first.");
			assert_int_equal(file(insp, CR_FID_DG(3))->err, CR_E_ACCESS_REFUSED);
			assert_int_not_equal(file(insp, CR_FID_DG(3))->sw, 0x6982);	/* it was not asked */
		} else {
			assert_string_equal(insp->access.terminal, "TA v1 ECDSA SHA-256");
			assert_null(insp->access.terminal_why);
		}
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
	/* lost for good: nobody says that the terminal is in */
	insert(&c, "eac");
	c.flip_at = (unsigned int)whole->exchange.commands;
	insp = inspect_with(&c, "eac", true, t);
	assert_null(file(insp, CR_FID_DG(3))->data);
	assert_null(insp->access.terminal);
	assert_string_equal(insp->access.terminal_why, "The session that the terminal was let into was lost.");
	cr_inspection_free(insp);
	sim_card_free(c.sim);
	cr_inspection_free(whole);
	cr_terminal_free(t);
}

/* Their certificates and signatures do not fit into a short command. */
static void terminals_with_long_keys_are_let_in(void **state)
{
	static const struct { const char *key; uint8_t scheme; const char *name; } kinds[] = {
		{ "RSA-2048", 2, "TA v1 RSA SHA-256" }, { "RSA-3072", 6, "TA v1 RSA-PSS SHA-512" },
		{ "secp521r1", 5, "TA v1 ECDSA SHA-512" },
	};

	for (int way = 0; way < 6; way++) {
		const char *key = kinds[way / 2].key;
		const uint8_t scheme = kinds[way / 2].scheme;
		const struct sim_holder_spec specs[] = { { "UTCVCA00009", key, scheme, 0xc3, -900, 900 },
							 { "UTDV00001", key, scheme, 0x43, -200, 200 },
							 { "UTIS00001", key, scheme, 0x01, -100, 100 } };
		struct sim_holder h[3];
		struct sim_buf b = { 0 };
		struct cr_card c = { 0 };
		struct cr_inspection *insp;
		cr_terminal_t *t;

		for (int k = 0; k < 3; k++)
			assert_int_equal(sim_holder_new(&specs[k], &h[k]), 0);
		assert_true(sim_cvc_issue(&h[1], &h[0], &b) && sim_cvc_issue(&h[2], &h[1], &b));
		write_bytes("t.cvcert", &b);
		write_key("t.pem", h[2].key);
		t = terminal("t.cvcert", "t.pem");
		insert(&c, "eac");
		c.max_response = way & 1 ? 65536 : 256;
		set_authority(&c, &h[0]);
		insp = inspect_with(&c, "eac", true, t);
		assert_string_equal(insp->access.terminal, kinds[way / 2].name);
		assert_int_equal(insp->passive.dg[3], CR_DG_MATCH);
		assert_int_equal(insp->verdict, CR_GENUINE);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
		cr_terminal_free(t);
		sim_buf_free(&b);
		for (int k = 0; k < 3; k++)
			sim_holder_clear(&h[k]);
	}
}

/* No terminal of another state opens its fingerprints; where chip authentication is not to be had, the other one is. */
static void the_vietnamese_card_is_as_the_field_notes_have_it(void **state)
{
	cr_terminal_t *t = terminal("terminal/certificates.cvcert", "terminal/key.pem");

	for (int without = 0; without < 2; without++) {
		struct cr_card c = { 0 };
		struct cr_inspection *insp;

		insert(&c, "cccd");
		assert_false(c.sim->prof.mf || c.sim->prof.bac);
		for (unsigned int i = 0; without && i < c.sim->prof.n_files; i++) {
			if (c.sim->prof.files[i].fid == CR_FID_DG(14))
				c.sim->prof.files[i].fid = 0x0fff;
		}
		insp = inspect_with(&c, "cccd", true, t);
		assert_string_equal(insp->access.password, "CAN");
		assert_int_equal(insp->chip_authentication, CR_SUCCESSFUL);
		for (unsigned int n = 1; !without && n <= 16; n++)
			assert_int_equal(insp->passive.dg[n], n == 3 ? CR_DG_LOCKED :
					 n < 3 || (n >= 13 && n <= 15) ? CR_DG_MATCH : CR_DG_ABSENT);
		if (without) {
			assert_string_equal(insp->chip_protocol, "AA ECDSA");
		} else {
			assert_string_equal(insp->chip_protocol, "CA v1 ECDH AES-128");
			assert_string_equal(insp->access.terminal_why,
					    "No certificate leads from the chip's authority to this terminal.");
			/* that state certified nobody here, which is nobody's fault */
			assert_int_equal(cr_check_get(insp, CR_CHECK_TERMINAL_AUTHENTICATION), CR_UNDETERMINED);
			assert_int_equal(cr_check_get(insp, CR_CHECK_COM_SOD), CR_SUCCESSFUL);
			assert_int_equal(insp->verdict, CR_GENUINE);
		}
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
	cr_terminal_free(t);
}

/* One that is too short for the scheme: a fault of this side, in the middle of it, and no end of the inspection. */
static void a_key_that_cannot_sign_leaves_fingerprints_locked(void **state)
{
	static const struct sim_holder_spec specs[] = { { "UTCVCA00009", "brainpoolP256r1", 3, 0xc3, -900, 900 },
							{ "UTDV00001", "brainpoolP256r1", 3, 0x43, -200, 200 },
							{ "UTIS00001", "RSA-1024", 6, 0x01, -100, 100 } };
	struct sim_holder h[3];
	struct sim_buf b = { 0 };
	struct cr_card c = { 0 };
	struct cr_inspection *insp;
	cr_terminal_t *t;

	for (int k = 0; k < 3; k++)
		assert_int_equal(sim_holder_new(&specs[k], &h[k]), 0);
	assert_true(sim_cvc_issue(&h[1], &h[0], &b) && sim_cvc_issue(&h[2], &h[1], &b));
	write_bytes("t.cvcert", &b);
	write_key("t.pem", h[2].key);
	t = terminal("t.cvcert", "t.pem");
	insert(&c, "eac");
	set_authority(&c, &h[0]);
	insp = inspect_with(&c, "eac", true, t);
	assert_null(insp->access.terminal);
	assert_string_equal(insp->access.terminal_why, "The terminal's key could not sign.");
	assert_int_equal(cr_check_get(insp, CR_CHECK_TERMINAL_AUTHENTICATION), CR_UNDETERMINED);
	assert_int_equal(insp->passive.dg[3], CR_DG_LOCKED);
	assert_int_equal(insp->passive.dg[2], CR_DG_MATCH);
	assert_int_equal(insp->verdict, CR_GENUINE);
	assert_int_equal(c.resets, 0);
	cr_inspection_free(insp);
	sim_card_free(c.sim);
	cr_terminal_free(t);
	sim_buf_free(&b);
	for (int k = 0; k < 3; k++)
		sim_holder_clear(&h[k]);
}

/*
 * What a chip does not take leaves fingerprints locked, and the rest as it is; but who gave certificates wanted
 * fingerprints, so that the document is not genuine to him. Certificates that give no right are in order.
 */
static void a_terminal_without_the_right_certificates_is_refused(void **state)
{
	enum { STRANGER, NO_DV, EXPIRED, NO_RIGHT, DV_WITHOUT, FORGED, CASES };
	static const char *const why[] = {
		[STRANGER] = "No certificate leads from the chip's authority to this terminal.",
		[NO_DV] = "No certificate leads from the chip's authority to this terminal.",
		[EXPIRED] = "The chip did not accept the terminal's certificates or signature.",
		[FORGED] = "The chip did not accept the terminal's certificates or signature.",
	};
	static const struct sim_holder_spec root_spec = { "UTCVCA00009", "brainpoolP320r1", 4, 0xc3, -900, 900 };
	struct sim_holder root, dv, is;
	struct sim_buf b = { 0 };

	assert_int_equal(sim_holder_new(&root_spec, &root), 0);
	for (int i = 0; i < CASES; i++) {
		const struct sim_holder_spec dv_spec = { "UTDV00001", "brainpoolP320r1", 4, i == DV_WITHOUT ? 0x80 : 0x83,
							 -200, 200 };
		const struct sim_holder_spec is_spec = { "UTIS00001", "brainpoolP320r1", 4, i == NO_RIGHT ? 0x02 : 0x03,
							 i == EXPIRED ? -1500 : -100, i == EXPIRED ? -1000 : 100 };
		struct cr_card c = { 0 };
		struct cr_inspection *insp;
		cr_terminal_t *t;

		assert_int_equal(sim_holder_new(&dv_spec, &dv), 0);
		assert_int_equal(sim_holder_new(&is_spec, &is), 0);
		if (i != NO_DV)
			assert_true(sim_cvc_issue(&dv, &root, &b));
		assert_true(sim_cvc_issue(&is, &dv, &b));
		if (i == FORGED)
			b.p[b.len - 1] ^= 1;
		write_bytes("t.cvcert", &b);
		sim_buf_free(&b);
		write_key("t.pem", is.key);
		t = terminal("t.cvcert", "t.pem");
		insert(&c, "eac");
		if (i != STRANGER)
			set_authority(&c, &root);
		insp = inspect_with(&c, "eac", true, t);
		assert_int_equal(insp->verdict, why[i] ? CR_UNPROVEN : CR_GENUINE);
		assert_int_equal(cr_check_get(insp, CR_CHECK_TERMINAL_AUTHENTICATION),
				 why[i] ? CR_FAILED : CR_SUCCESSFUL);
		assert_int_equal(insp->passive.dg[3], CR_DG_LOCKED);
		if (why[i]) {
			assert_string_equal(insp->reasons[0].code, "terminal-authentication-failed");
			assert_string_equal(insp->reasons[0].detail, why[i]);
			assert_null(insp->access.terminal);
			assert_string_equal(insp->access.terminal_why, why[i]);
		} else {
			assert_non_null(insp->access.terminal);	/* taken, and not let to DG3 */
		}
		cr_inspection_free(insp);
		sim_card_free(c.sim);
		cr_terminal_free(t);
		sim_holder_clear(&dv);
		sim_holder_clear(&is);
	}
	sim_holder_clear(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fingerprints_are_read_by_whom_the_authority_lets),
		cmocka_unit_test(a_terminal_is_shown_only_for_what_it_opens),
		cmocka_unit_test(rights_end_with_their_session),
		cmocka_unit_test(a_key_that_cannot_sign_leaves_fingerprints_locked),
		cmocka_unit_test(terminals_with_long_keys_are_let_in),
		cmocka_unit_test(the_vietnamese_card_is_as_the_field_notes_have_it),
		cmocka_unit_test(a_terminal_without_the_right_certificates_is_refused),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
