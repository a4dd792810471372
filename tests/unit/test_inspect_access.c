// SPDX-License-Identifier: BSD-2-Clause
/* Whole inspections by what opens the card and how the chip proves itself. */
#include "wirecard.h"
#include <sys/stat.h>
#include <openssl/pem.h>
#include "issue.h"

static struct sim_issuer issuer;

/* A passport of PACE with chip authentication mapping, with a flaw. */
static void issue(const char *name, enum sim_flaw flaw, enum sim_cipher ca)
{
	char mrz[89];
	const struct sim_person who = { .mrz = mrz };
	const struct sim_recipe r = {
		.name = name, .text = name, .issuer = &issuer, .person = &who, .can = "112233", .n_pace = 2,
		.pace = { { SIM_AES256, 14, SIM_GM, NULL }, { SIM_AES256, 14, SIM_CAM, NULL } },
		.ca_key = "brainpoolP320r1", .ca = ca, .ca_key_id = 1, .portrait = 1, .flaw = flaw,
		.quirks = "pin = 246802\npuk = 0123456789\n",
	};

	sim_mrz_td3(mrz, "UTO", "ROWAN<<ALEX", "C7654321", "UTO", "900101", 'F', "380101", "");
	assert_int_equal(sim_issue(dir, &r), 0);
}

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

static void lose_security(struct cr_card *c)
{
	struct sim_profile *p = &c->sim->prof;

	for (unsigned int i = 0; i < p->n_files; i++) {
		if (p->files[i].under_mf)
			p->files[i].fid = 0x0fff;
	}
}

static const char *chip_detail(const struct cr_inspection *insp)
{
	for (size_t i = 0; i < insp->n_checks; i++) {
		if (!strcmp(insp->checks[i].name, cr_check_name(CR_CHECK_CHIP_AUTHENTICATION)))
			return insp->checks[i].detail;
	}
	return "";
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

/* ---- PIN and PUK ---- */

static int open_by(struct cr_card *c, const char *pin, const char *can, const char **detail)
{
	struct cr_inspection *insp;
	struct cr_secret secret;
	static char why[160];
	int err;

	cr_card_reset(c);
	assert_int_equal(cr_secret_from_pin(&secret, pin, can, NULL), 0);
	err = verify(c, &secret, &insp);
	why[0] = '\0';
	for (size_t i = 0; i < insp->n_checks; i++) {
		if (!strcmp(insp->checks[i].name, cr_check_name(CR_CHECK_ACCESS)))
			memcpy(why, insp->checks[i].detail, sizeof(why));
	}
	*detail = why;
	if (!err) {
		assert_string_equal(insp->access.password, "PIN");
		assert_int_equal(insp->verdict, CR_GENUINE);
	}
	cr_inspection_free(insp);
	return err;
}

static void a_pins_last_try_is_not_used_without_the_can(void **state)
{
	static const struct {
		const char *pin, *can;
		int want;
		unsigned int left;
		const char *detail;
	} rows[] = {
		{ "246802", NULL, 0, 3, "" },
		{ "111111", NULL, CR_E_ACCESS_REFUSED, 2, "The PIN is wrong." },
		{ "246802", NULL, 0, 3, "" },
		{ "111111", NULL, CR_E_ACCESS_REFUSED, 2, "The PIN is wrong." },
		{ "111111", "112233", CR_E_ACCESS_REFUSED, 1, "The PIN is wrong." },
		/* suspended */
		{ "246802", NULL, CR_E_PIN_SUSPENDED, 1,
		  "The PIN was wrong before and has one try left; give the CAN together with it." },
		{ "111111", NULL, CR_E_PIN_SUSPENDED, 1,
		  "The PIN was wrong before and has one try left; give the CAN together with it." },
		{ "246802", "999999", CR_E_ACCESS_REFUSED, 1, "The CAN is not that of this card." },
		{ "246802", "112233", 0, 3, "" },
		{ "111111", NULL, CR_E_ACCESS_REFUSED, 2, "The PIN is wrong." },
		{ "111111", NULL, CR_E_ACCESS_REFUSED, 1, "The PIN is wrong." },
		{ "111111", "112233", CR_E_PIN_BLOCKED, 0,
		  "There were too many wrong tries: the card has blocked this PIN or PUK." },
		/* blocked */
		{ "246802", "112233", CR_E_PIN_BLOCKED, 0,
		  "There were too many wrong tries: the card has blocked this PIN or PUK." },
		{ "246802", NULL, CR_E_PIN_BLOCKED, 0,
		  "There were too many wrong tries: the card has blocked this PIN or PUK." },
	};
	const char *detail;
	struct cr_card c;

	issue("pin", SIM_SOUND, SIM_AES256);
	insert(&c, "pin");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int err = open_by(&c, rows[i].pin, rows[i].can, &detail);

		if (err != rows[i].want || c.sim->pin_tries != rows[i].left || strcmp(detail, rows[i].detail) != 0)
			fail_msg("%zu: %d, %u left: %s", i, err, c.sim->pin_tries, detail);
	}
	sim_card_free(c.sim);
}

static void the_puk_opens_a_session_and_no_data(void **state)
{
	struct cr_inspection *insp;
	struct cr_secret secret;
	struct cr_card c;

	insert(&c, "pin");
	assert_int_equal(cr_secret_from_puk(&secret, "0123456789", NULL), 0);
	assert_int_equal(verify(&c, &secret, &insp), 0);
	assert_string_equal(insp->access.password, "PUK");
	for (size_t i = 0; i < insp->n_files; i++)
		assert_null(insp->files[i].data);
	assert_int_equal(insp->verdict, CR_UNPROVEN);
	cr_inspection_free(insp);
	assert_int_equal(cr_secret_from_puk(&secret, "0123456780", NULL), 0);
	cr_card_reset(&c);
	assert_int_equal(verify(&c, &secret, &insp), CR_E_ACCESS_REFUSED);
	cr_inspection_free(insp);
	sim_card_free(c.sim);
}

/* ---- Terminal authentication ---- */

static void write_bytes(const char *name, const struct sim_buf *b)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(b->p, 1, b->len, f), b->len);
	fclose(f);
}

static cr_terminal_t *terminal(const char *certs, const char *key)
{
	cr_terminal_t *t;
	char path[128];

	assert_int_equal(cr_terminal_new(&t), 0);
	snprintf(path, sizeof(path), "%s/%s", dir, certs);
	assert_int_equal(cr_terminal_add_certificates(t, path), 0);
	snprintf(path, sizeof(path), "%s/%s", dir, key);
	assert_int_equal(cr_terminal_set_key(t, path, NULL, NULL), 0);
	return t;
}

static struct cr_inspection *inspect_with(struct cr_card *c, const char *name, bool can, const cr_terminal_t *t)
{
	struct cr_inspection *insp;
	struct cr_secret secret;
	const struct cr_inspect_opts opts = { .secret = &secret, .trust = trust, .terminal = t, .verify = true };

	if (!c->sim)
		insert(c, name);
	secret_of(name, can, &secret);
	assert_int_equal(cr_inspect(c, &opts, &insp), 0);
	return insp;
}

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

static void write_key(const char *name, EVP_PKEY *key)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
}

/* Instead of the card's own; a name as long. */
static void set_authority(struct cr_card *c, const struct sim_holder *root)
{
	struct sim_profile *p = &c->sim->prof;

	sim_holder_clear(&p->cvca);
	p->cvca = *root;
	assert_int_equal(EVP_PKEY_up_ref(root->key), 1);
	memcpy(p->today, root->from, sizeof(p->today));
	for (unsigned int k = 0; k < p->n_files; k++) {
		if (p->files[k].in_app)
			memcpy(p->files[k].data + 2, root->name, strlen(root->name));
	}
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

/* ---- The general authentication procedure ---- */

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

/* A bit on the way, at each answer in turn: never a copy, and the fingerprints are there in the end. */
static void version_2_outlives_a_fault_on_the_way(void **state)
{
	cr_terminal_t *t = terminal("terminal/certificates.cvcert", "terminal/key.pem");
	struct cr_inspection *whole, *insp;
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
			if (!err && (insp->verdict == CR_CLONED || insp->verdict == CR_FORGED))
				fail_msg("%u, %d: %s", at, flip, chip_detail(insp));
			if (!err && insp->chip_authentication == CR_SUCCESSFUL && !insp->access.terminal_why)
				assert_string_equal(insp->access.terminal, "TA v2 ECDSA SHA-256");
			cr_inspection_free(insp);
			sim_card_free(c.sim);
		}
	}
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

static int begin(void **state)
{
	static const struct sim_issuer_spec spec = { "UT", "UTO", "Utopia (sample)", "Utopia 3", "P-256", "P-256", "SHA256",
						     "SHA256", false, false, "P", NULL, false };
	unsigned char *der = NULL;
	struct sim_buf crl = { 0 };
	char path[100];
	size_t skipped;
	FILE *f;
	int n;

	if (setup(state) || sim_issuer_new(&spec, -100000, -90000, &issuer))
		return -1;
	n = i2d_X509(issuer.csca, &der);
	snprintf(path, sizeof(path), "%s/own", dir);
	if (n <= 0 || mkdir(path, 0755) || sim_issuer_crl(&issuer, NULL, &crl))
		return -1;
	snprintf(path, sizeof(path), "%s/own/UTO-3.cer", dir);
	f = fopen(path, "w");
	if (!f || fwrite(der, 1, (size_t)n, f) != (size_t)n || fclose(f))
		return -1;
	snprintf(path, sizeof(path), "%s/own/UTO-3.crl", dir);
	f = fopen(path, "w");
	if (!f || fwrite(crl.p, 1, crl.len, f) != crl.len || fclose(f))
		return -1;
	OPENSSL_free(der);
	sim_buf_free(&crl);
	snprintf(path, sizeof(path), "%s/own", dir);
	return cr_trust_add_dir(trust, path, &skipped) > 0 ? 0 : -1;
}

static int end(void **state)
{
	sim_issuer_free(&issuer);
	return teardown(state);
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
		cmocka_unit_test(a_pins_last_try_is_not_used_without_the_can),
		cmocka_unit_test(fingerprints_are_read_by_whom_the_authority_lets),
		cmocka_unit_test(a_terminal_is_shown_only_for_what_it_opens),
		cmocka_unit_test(rights_end_with_their_session),
		cmocka_unit_test(a_key_that_cannot_sign_leaves_fingerprints_locked),
		cmocka_unit_test(terminals_with_long_keys_are_let_in),
		cmocka_unit_test(the_vietnamese_card_is_as_the_field_notes_have_it),
		cmocka_unit_test(a_terminal_without_the_right_certificates_is_refused),
		cmocka_unit_test(version_2_goes_first_where_the_chip_announces_it),
		cmocka_unit_test(version_2_proves_only_the_chip_that_the_state_made),
		cmocka_unit_test(version_2_outlives_a_fault_on_the_way),
		cmocka_unit_test(version_2_proves_only_what_was_read_in_its_sessions),
		cmocka_unit_test(a_proof_by_signed_data_is_that_of_their_chip),
		cmocka_unit_test(a_link_makes_the_new_authority_the_chips),
		cmocka_unit_test(the_puk_opens_a_session_and_no_data),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
