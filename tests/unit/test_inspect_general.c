// SPDX-License-Identifier: BSD-2-Clause
/* Whole inspections by the general procedure (version 2), and what a proof is worth once its session is lost. */
#include "accessrig.h"

static void issue_2(const char *name, enum sim_flaw flaw, bool alone, const struct sim_holder *root)
{
	char mrz[89];
	const struct sim_person who = { .mrz = mrz };
	const struct sim_recipe r = {
		.name = name, .text = name, .issuer = &issuer, .person = &who, .can = "112233", .n_pace = 1,
		.pace = { { SIM_AES256, 14, SIM_GM, NULL } }, .ca_key = "brainpoolP320r1", .ca = SIM_AES256, .ca_key_id = 7,
		.dg3 = true, .cvca = root, .ta_2 = true, .no_ta_1 = alone, .portrait = 1, .flaw = flaw,
	};

	sim_mrz_td3(mrz, "UTO", "ROWAN<<ALEX", "C7654321", "UTO", "900101", 'F', "380101", "");
	assert_int_equal(sim_issue(dir, &r), 0);
}

/* An authority, and a terminal of its own in the folder: t.cvcert, t.pem. */
static cr_terminal_t *own_terminal(struct sim_holder *root)
{
	static const struct sim_holder_spec specs[] = { { "UTCVCA00009", "brainpoolP256r1", 3, 0xc3, -900, 900 },
							{ "UTDV00001", "brainpoolP256r1", 3, 0x83, -200, 200 },
							{ "UTIS00001", "brainpoolP256r1", 3, 0x03, -100, 100 } };
	struct sim_holder dv, is;
	struct sim_buf b = { 0 };
	cr_terminal_t *t;

	assert_int_equal(sim_holder_new(&specs[0], root), 0);
	assert_int_equal(sim_holder_new(&specs[1], &dv), 0);
	assert_int_equal(sim_holder_new(&specs[2], &is), 0);
	assert_true(sim_cvc_issue(&dv, root, &b) && sim_cvc_issue(&is, &dv, &b));
	write_bytes("t.cvcert", &b);
	write_key("t.pem", is.key);
	t = terminal("t.cvcert", "t.pem");
	sim_buf_free(&b);
	sim_holder_clear(&dv);
	sim_holder_clear(&is);
	return t;
}

static struct cr_inspection *inspect_2(struct cr_card *c, const cr_terminal_t *t, const cr_trust_t *of)
{
	struct cr_inspection *insp;
	struct cr_secret secret;
	const struct cr_inspect_opts opts = { .secret = &secret, .trust = of, .terminal = t, .verify = true };

	assert_int_equal(cr_secret_from_can(&secret, "112233", NULL), 0);
	assert_int_equal(cr_inspect(c, &opts, &insp), 0);
	return insp;
}

static void version_2_goes_first_where_the_chip_announces_it(void **state)
{
	cr_terminal_t *t = terminal("terminal/certificates.cvcert", "terminal/key.pem");

	for (int way = 0; way < 4; way++) {
		struct cr_card c = { 0 };
		struct cr_inspection *insp;

		insert(&c, "eac2");
		c.max_response = way & 1 ? 65536 : 256;
		if (way & 2)		/* it does not take what it announces: version 1, and no password lost */
			c.sim->prof.ta_2 = false;
		insp = inspect_with(&c, "eac2", true, t);
		assert_null(insp->access.terminal_why);
		assert_string_equal(insp->access.terminal, way & 2 ? "TA v1 ECDSA SHA-256" : "TA v2 ECDSA SHA-256");
		assert_string_equal(insp->chip_protocol, way & 2 ? "CA v1 ECDH AES-128" : "CA v2 ECDH AES-128");
		assert_int_equal(insp->access.tries, 1);
		assert_int_equal(insp->chip_authentication, CR_SUCCESSFUL);
		assert_int_equal(insp->passive.dg[3], CR_DG_MATCH);
		assert_int_equal(insp->verdict, CR_GENUINE);
		assert_int_equal(c.resets, 0);
		assert_int_equal(c.ca_runs, 1);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
	cr_terminal_free(t);
}

/* What version 2 proves stands on EF.CardSecurity alone, and on the chip's own key. */
static void version_2_proves_only_the_chip_that_the_state_made(void **state)
{
	enum { SOUND, ALONE, COPY, UNSIGNED, NO_TRUST, LOST_FILE, ALONE_UNASKED, CASES };
	static const struct {
		enum sim_flaw flaw;
		bool alone;
		enum cr_verdict verdict;
		enum cr_result chip;
		const char *detail;
	} rows[] = {
		[SOUND] = { SIM_SOUND, false, CR_GENUINE, CR_SUCCESSFUL, "" },
		[ALONE] = { SIM_SOUND, true, CR_GENUINE, CR_SUCCESSFUL, "" },
		[COPY] = { SIM_CLONED, false, CR_CLONED, CR_FAILED,
			   "the chip cannot answer under the keys agreed with its public key" },
		[UNSIGNED] = { SIM_UNSIGNED_SECURITY, false, CR_CLONED, CR_FAILED,
			       "EF.CardSecurity: the signature does not verify" },
		[NO_TRUST] = { SIM_SOUND, true, CR_UNPROVEN, CR_UNDETERMINED, NULL },
		[LOST_FILE] = { SIM_SOUND, false, CR_UNPROVEN, CR_UNDETERMINED, "EF.CardSecurity could not be read" },
		[ALONE_UNASKED] = { SIM_SOUND, true, CR_UNPROVEN, CR_UNDETERMINED,
				    "the chip proves itself to inspection systems alone" },
	};
	struct sim_holder root;
	cr_terminal_t *t = own_terminal(&root);

	for (int i = 0; i < CASES; i++) {
		struct cr_card c = { 0 };
		struct cr_inspection *insp;
		bool open;

		issue_2("second", rows[i].flaw, rows[i].alone, &root);
		insert(&c, "second");
		if (i == LOST_FILE)
			lose_security(&c);
		insp = inspect_2(&c, i == ALONE_UNASKED ? NULL : t, i == NO_TRUST ? NULL : trust);
		if (insp->verdict != rows[i].verdict || insp->chip_authentication != rows[i].chip ||
		    (rows[i].detail && strcmp(chip_detail(insp), rows[i].detail) != 0))
			fail_msg("%d: %s, %s, %s", i, cr_verdict_name(insp->verdict), insp->chip_protocol, chip_detail(insp));
		open = i == SOUND || i == ALONE || i == NO_TRUST;
		assert_int_equal(insp->passive.dg[3], open ? CR_DG_MATCH : CR_DG_LOCKED);
		assert_int_equal(!!insp->access.terminal, open);
		assert_int_equal(!insp->access.terminal_why, open || i == ALONE_UNASKED);
		/* a copy is asked twice, and opened without it for what it says */
		assert_int_equal(c.resets, i == COPY ? 2 : 0);
		assert_int_equal(insp->passive.dg[2], CR_DG_MATCH);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
	}
	cr_terminal_free(t);
	sim_holder_clear(&root);
}

/* Files whose answers came with a wrong MAC. */
static unsigned int unread(const struct cr_inspection *insp)
{
	unsigned int n = 0;

	for (size_t i = 0; i < insp->n_files; i++)
		n += !insp->files[i].data && insp->files[i].err == CR_E_SM;
	return n;
}

/*
 * No answer, or a bit on the way, at each in turn: never a copy, and the terminal is let in again. The
 * fingerprints are there in the end, but where the bit was in a file that is read alone: that is not asked for
 * again. Only SELECT of the application ends it.
 */
static void version_2_outlives_a_fault_on_the_way(void **state)
{
	cr_terminal_t *t = terminal("terminal/certificates.cvcert", "terminal/key.pem");
	struct cr_inspection *whole, *insp;
	unsigned int ended = 0, genuine = 0;
	struct cr_card c = { 0 };

	whole = inspect_with(&c, "eac2", true, t);
	sim_card_free(c.sim);
	for (unsigned int at = 12; at < whole->exchange.commands; at += at < 60 ? 1 : 17) {
		for (int flip = 0; flip < 2; flip++) {
			struct cr_secret secret;
			const struct cr_inspect_opts opts = { .secret = &secret, .trust = trust, .terminal = t,
							      .verify = true };
			int err;

			memset(&c, 0, sizeof(c));
			insert(&c, "eac2");
			secret_of("eac2", true, &secret);
			if (flip)
				c.flip_at = at;
			else
				c.silent_at = at;
			err = cr_inspect(&c, &opts, &insp);
			if (err) {
				assert_int_equal(err, flip ? CR_E_SM : CR_E_TIMEOUT);
				ended++;
			} else if (!flip || insp->verdict == CR_GENUINE) {
				if (insp->verdict != CR_GENUINE || insp->passive.dg[3] != CR_DG_MATCH)
					fail_msg("%u, %d: %s", at, flip, chip_detail(insp));
				genuine += flip;
			} else {
				assert_int_equal(insp->verdict, CR_UNPROVEN);
				assert_true(unread(insp) > 0);
			}
			if (!err) {
				assert_null(insp->access.terminal_why);
				assert_string_equal(insp->access.terminal, "TA v2 ECDSA SHA-256");
			}
			assert_int_equal(c.flipped, flip);
			cr_inspection_free(insp);
			sim_card_free(c.sim);
		}
	}
	assert_int_equal(ended, 2);
	assert_true(genuine > 30);
	/* the last session lost: rights are won again */
	memset(&c, 0, sizeof(c));
	insert(&c, "eac2");
	c.silent_at = (unsigned int)whole->exchange.commands - 1;
	insp = inspect_with(&c, "eac2", true, t);
	assert_true(c.resets >= 1);
	assert_string_equal(insp->access.terminal, "TA v2 ECDSA SHA-256");
	assert_int_equal(insp->passive.dg[3], CR_DG_MATCH);
	assert_int_equal(insp->verdict, CR_GENUINE);
	cr_inspection_free(insp);
	sim_card_free(c.sim);
	cr_inspection_free(whole);
	cr_terminal_free(t);
}

/* An authority's new key: the chip takes the link, and from then on goes by both. */
static void a_link_makes_the_new_authority_the_chips(void **state)
{
	static const struct sim_holder_spec specs[] = { { "UTCVCA00009", "brainpoolP256r1", 3, 0xc3, -900, 900 },
							{ "UTCVCA00010", "brainpoolP384r1", 4, 0xc3, -100, 2000 },
							{ "UTDV00001", "brainpoolP384r1", 4, 0x83, -90, 200 },
							{ "UTIS00001", "brainpoolP384r1", 4, 0x03, -80, 100 } };
	struct sim_buf linked = { 0 }, bare = { 0 };
	struct sim_holder h[4];
	cr_terminal_t *with, *without;

	for (int k = 0; k < 4; k++)
		assert_int_equal(sim_holder_new(&specs[k], &h[k]), 0);
	assert_true(sim_cvc_issue(&h[1], &h[0], &linked));
	assert_true(sim_cvc_issue(&h[2], &h[1], &bare) && sim_cvc_issue(&h[3], &h[2], &bare));
	sim_buf_put(&linked, bare.p, bare.len);
	write_key("t.pem", h[3].key);
	write_bytes("t.cvcert", &linked);
	with = terminal("t.cvcert", "t.pem");
	write_bytes("t.cvcert", &bare);
	without = terminal("t.cvcert", "t.pem");
	issue_2("linked", SIM_SOUND, false, &h[0]);
	for (int version = 1; version <= 2; version++) {
		cr_terminal_t *const turns[] = { without, with, without, with };
		struct cr_card c = { 0 };
		size_t n;

		insert(&c, "linked");
		c.sim->prof.ta_2 = version == 2;
		for (int i = 0; i < 4; i++) {
			struct cr_inspection *insp = inspect_2(&c, turns[i], trust);

			if (!insp->access.terminal != !i)
				fail_msg("%d, %d: %s", version, i, insp->access.terminal_why);
			assert_int_equal(insp->passive.dg[3], i ? CR_DG_MATCH : CR_DG_LOCKED);
			assert_string_equal(c.sim->prof.cvca.name, i ? "UTCVCA00010" : "UTCVCA00009");
			assert_int_equal(!!c.sim->prof.cvca_before.key, !!i);
			cr_inspection_free(insp);
			sim_card_power_on(c.sim, false, &n);
		}
		sim_card_free(c.sim);
	}
	cr_terminal_free(with);
	cr_terminal_free(without);
	sim_buf_free(&linked);
	sim_buf_free(&bare);
	for (int k = 0; k < 4; k++)
		sim_holder_clear(&h[k]);
}

/* ---- What the chip proved in a session that was lost, and the data of the next ---- */

static struct sim_card *other_card;
static uint8_t back_at;		/* the other's first answer by this short identifier does not come either; 0: it stays */

static void change_cards(struct cr_card *c)
{
	struct sim_card *before = c->sim;

	c->sim = other_card;
	other_card = before;
	c->silent_once_to = back_at;
	if (!back_at)
		c->on_reset = NULL;
	back_at = 0;
}

static struct sim_card *load(const char *name)
{
	struct cr_card c;

	insert(&c, name);
	return c.sim;
}

/* The first answer of the file with this short identifier does not come, and the other card is in the place of c's. */
static struct cr_inspection *change_at(struct cr_card *c, uint8_t sfi, const cr_terminal_t *t)
{
	c->silent_once_to = sfi;
	c->on_reset = change_cards;
	return inspect_2(c, t, trust);
}

/*
 * Its proof stands on EF.CardSecurity alone, which EF.SOD knows nothing of: whoever has a genuine card of the same
 * state may lead one session to it, and others to a copy.
 */
static void version_2_proves_only_what_was_read_in_its_sessions(void **state)
{
	enum { PROVEN_THEN_NOT, NOT_THEN_PROVEN, REFUSED_THEN_PROVEN, NOT_IN_BETWEEN, BOTH_PROVEN, CASES };
	static const struct sim_holder_spec spec = { "UTCVCA00099", "brainpoolP256r1", 3, 0xc3, -900, 900 };
	struct sim_holder root, stranger;
	cr_terminal_t *t = own_terminal(&root);

	assert_int_equal(sim_holder_new(&spec, &stranger), 0);
	issue_2("original", SIM_SOUND, true, &root);
	issue_2("copy", SIM_CLONED, true, &root);
	for (int i = 0; i < CASES; i++) {
		const bool proven_first = i == PROVEN_THEN_NOT || i == NOT_IN_BETWEEN || i == BOTH_PROVEN;
		struct cr_card c = { 0 };
		struct cr_inspection *insp;

		insert(&c, proven_first ? "original" : "copy");
		other_card = load(i == PROVEN_THEN_NOT || i == NOT_IN_BETWEEN ? "copy" : "original");
		if (i == PROVEN_THEN_NOT)	/* from then on without the terminal's template */
			other_card->prof.ta_2 = false;
		if (i == NOT_THEN_PROVEN)	/* the terminal is let in, and there is no key to ask for */
			lose_security(&c);
		if (i == REFUSED_THEN_PROVEN)
			set_authority(&c, &stranger);
		if (i == NOT_IN_BETWEEN) {
			set_authority(&(struct cr_card){ .sim = other_card }, &stranger);
			back_at = 0x02;
		}
		/* EF.COM, which is the first; EF.SOD, before which the proof was noted; or DG2, with which a copy has told all */
		insp = change_at(&c, !proven_first ? 0x02 : i == NOT_IN_BETWEEN ? 0x1d : 0x1e, t);
		assert_int_equal(c.resets, i == NOT_IN_BETWEEN ? 2 : 1);
		if (insp->chip_authentication != (i == BOTH_PROVEN ? CR_SUCCESSFUL : CR_UNDETERMINED) ||
		    insp->verdict != (i == BOTH_PROVEN ? CR_GENUINE : CR_UNPROVEN))
			fail_msg("%d: %s, %s", i, cr_verdict_name(insp->verdict), chip_detail(insp));
		if (i == PROVEN_THEN_NOT)
			assert_string_equal(chip_detail(insp), "the session that the chip proved itself in was lost");
		if (i == NOT_IN_BETWEEN)
			assert_string_equal(chip_detail(insp), "not all was read in sessions that the chip proved itself in");
		cr_inspection_free(insp);
		sim_card_free(c.sim);
		sim_card_free(other_card);
	}
	cr_terminal_free(t);
	sim_holder_clear(&root);
	sim_holder_clear(&stranger);
}

enum tied { TIED_CA, TIED_MAPPING, TIED_AA, TIED_WAYS };

static void issue_tied(const char *name, enum tied way, const char *number)
{
	char mrz[89];
	const struct sim_person who = { .mrz = mrz };
	struct sim_recipe r = {
		.name = name, .text = name, .issuer = &issuer, .person = &who, .can = "112233", .n_pace = 1,
		.pace = { { SIM_AES256, 14, SIM_GM, NULL }, { SIM_AES256, 14, SIM_CAM, NULL } },
		.ca_key = "brainpoolP320r1", .ca = SIM_AES256, .ca_key_id = 1, .portrait = 1,
	};

	if (way == TIED_MAPPING)
		r.n_pace = 2;
	if (way == TIED_AA) {
		r.ca_key = NULL;
		r.ca = 0;
		r.aa_key = "brainpoolP256r1";
		r.aa = "sha256";
	}
	sim_mrz_td3(mrz, "UTO", "ROWAN<<ALEX", number, "UTO", "900101", 'F', "380101", "");
	assert_int_equal(sim_issue(dir, &r), 0);
}

/* The key of every other proof is in a group that EF.SOD has a hash of: the data of another chip do not go with it. */
static void a_proof_by_signed_data_is_that_of_their_chip(void **state)
{
	static const struct { const char *protocol; uint8_t lost; int dg; } rows[] = {
		[TIED_CA] = { "CA v1 ECDH AES-256", 0x1d, 14 },		/* EF.SOD */
		[TIED_MAPPING] = { "PACE-CAM AES-256", 0x1d, 14 },
		[TIED_AA] = { "AA ECDSA", 0x01, 1 },			/* EF.SOD was read, and goes with DG15 */
	};

	for (int way = 0; way < TIED_WAYS; way++) {
		struct cr_card c = { 0 };
		struct cr_inspection *insp;

		issue_tied("original", way, "C7654321");
		issue_tied("copy", way, "D1234567");
		insert(&c, "original");
		other_card = load("copy");
		insp = change_at(&c, rows[way].lost, NULL);
		assert_int_equal(c.resets, 1);
		assert_string_equal(insp->chip_protocol, rows[way].protocol);
		assert_int_equal(insp->chip_authentication, CR_SUCCESSFUL);
		assert_int_equal(insp->passive.dg[rows[way].dg], CR_DG_MISMATCH);
		assert_int_equal(insp->verdict, CR_FORGED);
		cr_inspection_free(insp);
		sim_card_free(c.sim);
		sim_card_free(other_card);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_2_goes_first_where_the_chip_announces_it),
		cmocka_unit_test(version_2_proves_only_the_chip_that_the_state_made),
		cmocka_unit_test(version_2_outlives_a_fault_on_the_way),
		cmocka_unit_test(version_2_proves_only_what_was_read_in_its_sessions),
		cmocka_unit_test(a_proof_by_signed_data_is_that_of_their_chip),
		cmocka_unit_test(a_link_makes_the_new_authority_the_chips),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
