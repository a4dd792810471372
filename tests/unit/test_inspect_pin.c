// SPDX-License-Identifier: BSD-2-Clause
/* Whole inspections that a PIN or a PUK opens. */
#include "accessrig.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pins_last_try_is_not_used_without_the_can),
		cmocka_unit_test(the_puk_opens_a_session_and_no_data),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
