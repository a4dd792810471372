// SPDX-License-Identifier: BSD-2-Clause
/* From the printed document to what PACE and BAC derive keys from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "eid/mrz.h"
#include "eid/secret.h"

static const char *why;

static void refused(int err)
{
	assert_int_equal(err, CR_E_INVALID);
	assert_non_null(why);
	assert_true(strlen(why) > 10);
	why = NULL;
}

static void a_can_has_six_digits(void **state)
{
	struct cr_secret s;
	uint8_t pi[CR_PACE_SECRET_MAX];
	size_t len;

	assert_int_equal(cr_secret_from_can(&s, "012345", &why), 0);
	assert_int_equal(s.type, CR_SECRET_CAN);
	assert_int_equal(cr_secret_pace(&s, pi, &len), 0);
	assert_int_equal(len, 6);
	assert_memory_equal(pi, "012345", 6);
	refused(cr_secret_from_can(&s, "12345", &why));
	refused(cr_secret_from_can(&s, "1234567", &why));
	refused(cr_secret_from_can(&s, "12345a", &why));
	refused(cr_secret_from_can(&s, "", &why));
	refused(cr_secret_from_can(&s, NULL, &why));
	assert_int_equal(s.type, CR_SECRET_NONE);
	assert_int_equal(cr_secret_from_can(&s, "12", NULL), CR_E_INVALID);
}

static void the_can_of_a_vietnamese_card_ends_its_number(void **state)
{
	struct cr_secret s;

	assert_int_equal(cr_secret_from_id_number(&s, "001090123456", &why), 0);
	assert_int_equal(s.type, CR_SECRET_CAN);
	assert_string_equal(s.can, "123456");
	refused(cr_secret_from_id_number(&s, "00109012345", &why));
	refused(cr_secret_from_id_number(&s, "0010901234567", &why));
	refused(cr_secret_from_id_number(&s, "00109012345x", &why));
	refused(cr_secret_from_id_number(&s, "000090123456", &why));
	refused(cr_secret_from_id_number(&s, "001990123456", &why));
	refused(cr_secret_from_id_number(&s, NULL, &why));
}

static void info(const char *number, const char *birth, const char *expiry, const char *want)
{
	struct cr_secret s;
	char out[CR_MRZ_INFO_MAX + 1];

	assert_int_equal(cr_secret_from_fields(&s, number, birth, expiry, &why), 0);
	assert_int_equal(cr_secret_mrz_info(&s, out), 0);
	assert_string_equal(out, want);
}

/* ICAO 9303-11, D.2: document numbers shorter and longer than nine */
static void the_mrz_information_of_appendix_d(void **state)
{
	info("L898902C", "690806", "940623", "L898902C<369080619406236");
	info("L898902C<", "1969-08-06", "1994-06-23", "L898902C<369080619406236");
	info(" l898902c ", "690806", "940623", "L898902C<369080619406236");
	info("D23145890734", "340712", "950712", "D23145890734934071279507122");
	info("T22000129", "640812", "101031", "T22000129364081251010318");
}

static void what_cannot_be_a_field_is_refused(void **state)
{
	struct cr_secret s;

	refused(cr_secret_from_fields(&s, "", "690806", "940623", &why));
	refused(cr_secret_from_fields(&s, "<<<", "690806", "940623", &why));
	refused(cr_secret_from_fields(&s, "AB-12", "690806", "940623", &why));
	refused(cr_secret_from_fields(&s, "A1234567890123456789012", "690806", "940623", &why));
	refused(cr_secret_from_fields(&s, "A1", "691306", "940623", &why));
	refused(cr_secret_from_fields(&s, "A1", "690431", "940623", &why));
	refused(cr_secret_from_fields(&s, "A1", "69-8-06", "940623", &why));
	refused(cr_secret_from_fields(&s, "A1", "690806", "94062", &why));
	refused(cr_secret_from_fields(&s, "A1", "690806", "94<<<<", &why));
	refused(cr_secret_from_fields(&s, "A1", "690806", NULL, &why));
	refused(cr_secret_from_fields(&s, NULL, "690806", "940623", &why));
	assert_int_equal(cr_secret_from_fields(&s, "A1", "69<<<<", "940623", &why), 0);
}

static void a_printed_mrz_gives_its_fields(void **state)
{
	struct cr_secret s;
	char out[CR_MRZ_INFO_MAX + 1];

	assert_int_equal(cr_secret_from_mrz(&s,
					    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\n"
					    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
					    &why),
			 0);
	assert_int_equal(s.type, CR_SECRET_MRZ);
	assert_int_equal(cr_secret_mrz_info(&s, out), 0);
	assert_string_equal(out, "L898902C3674081221204159");
	/* a TD1 with a long number: ICAO 9303-11, D.2 */
	assert_int_equal(cr_secret_from_mrz(&s, "I<UTOD23145890<7349<<<<<<<<<<<"
					    "3407127M9507122UTO<<<<<<<<<<<2"
					    "STEVENSON<<PETER<JOHN<<<<<<<<<", &why), 0);
	assert_int_equal(cr_secret_mrz_info(&s, out), 0);
	assert_string_equal(out, "D23145890734934071279507122");
	refused(cr_secret_from_mrz(&s, "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"
				       "L898902C46UTO7408122F1204159ZE184226B<<<<<10", &why));
	refused(cr_secret_from_mrz(&s, "hello", &why));
	refused(cr_secret_from_mrz(&s, NULL, &why));
}

/* What the parser of zones takes opens the card, too: no end of validity, a birth in month 00 or <<. */
static void a_printed_mrz_with_unknown_dates_gives_its_fields(void **state)
{
	static const struct { const char *birth, *expiry, *want; } cases[] = {
		{ "740812", "<<<<<<", "L898902C36" "7408122" "<<<<<<0" },
		{ "740000", "120415", "L898902C36" "740000" "?" "1204159" },
		{ "74<<<<", "120415", "L898902C36" "74<<<<" "?" "1204159" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char zone[89], all[64], out[CR_MRZ_INFO_MAX + 1], want[32];
		struct cr_secret s;
		char *l = zone + 44;

		sprintf(zone, "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO%s?F%s?ZE184226B<<<<<1?",
			cases[i].birth, cases[i].expiry);
		l[19] = cr_mrz_check_digit(l + 13, 6);
		l[27] = cr_mrz_check_digit(l + 21, 6);
		memcpy(all, l, 10);
		memcpy(all + 10, l + 13, 7);
		memcpy(all + 17, l + 21, 22);
		l[43] = cr_mrz_check_digit(all, 39);
		strcpy(want, cases[i].want);
		if (strchr(want, '?'))
			*strchr(want, '?') = l[19];
		assert_int_equal(cr_secret_from_mrz(&s, zone, &why), 0);
		assert_int_equal(cr_secret_mrz_info(&s, out), 0);
		assert_string_equal(out, want);
	}
}

static void one_kind_of_secret_is_not_the_other(void **state)
{
	struct cr_secret s;
	uint8_t seed[16];
	char out[CR_MRZ_INFO_MAX + 1];

	assert_int_equal(cr_secret_from_can(&s, "123456", NULL), 0);
	assert_int_equal(cr_secret_mrz_info(&s, out), CR_E_INVALID);
	assert_int_equal(cr_secret_bac_seed(&s, seed), CR_E_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_can_has_six_digits),
		cmocka_unit_test(the_can_of_a_vietnamese_card_ends_its_number),
		cmocka_unit_test(the_mrz_information_of_appendix_d),
		cmocka_unit_test(what_cannot_be_a_field_is_refused),
		cmocka_unit_test(a_printed_mrz_gives_its_fields),
		cmocka_unit_test(a_printed_mrz_with_unknown_dates_gives_its_fields),
		cmocka_unit_test(one_kind_of_secret_is_not_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
