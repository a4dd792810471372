// SPDX-License-Identifier: BSD-2-Clause
/* Whole inspections by what opens the card and how the chip proves itself. */
#include "wirecard.h"
#include <sys/stat.h>
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
		{ SIM_OTHERS_SECURITY, 0, false, CR_CLONED, "CA v1 ECDH 3DES", "the chip refused to authenticate", 2, 2 },
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

static int begin(void **state)
{
	static const struct sim_issuer_spec spec = { "UT", "UTO", "Utopia (sample)", "Utopia 3", "P-256", "P-256", "SHA256",
						     "SHA256", false, false, "P" };
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
		cmocka_unit_test(a_pins_last_try_is_not_used_without_the_can),
		cmocka_unit_test(the_puk_opens_a_session_and_no_data),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
