// SPDX-License-Identifier: BSD-2-Clause
/* The machine readable zone: ICAO's specimens, and every way to get one character wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <cardring/error.h>
#include "eid/mrz.h"
#include "eid/mrz_checks.h"

/* ICAO 9303-4, appendix B; 9303-5, appendix B; 9303-6, appendix B. */
static const char td3[] =
	"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\n"
	"L898902C36UTO7408122F1204159ZE184226B<<<<<10";
static const char td1[] =
	"I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<";
static const char td2[] =
	"I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6";

static int parse(const char *s, struct cr_mrz *m)
{
	const char *why = "unset";
	int err = cr_mrz_parse(s, strlen(s), m, &why);

	if (err)
		assert_non_null(why);
	else
		assert_null(why);
	return err;
}

static void check_digits_are_those_of_the_standard(void **state)
{
	(void)state;
	/* ICAO 9303-3, 4.9 */
	assert_int_equal(cr_mrz_check_digit("520727", 6), '3');
	assert_int_equal(cr_mrz_check_digit("AB2134<<<", 9), '5');
	assert_int_equal(cr_mrz_check_digit("HA672242<658022549601086<<<<<<<<<<<<<<0", 39), '8');
	assert_int_equal(cr_mrz_check_digit("", 0), '0');
	assert_int_equal(cr_mrz_check_digit("a", 1), 0);
	assert_int_equal(cr_mrz_check_digit("A B", 3), 0);
}

static void the_specimens_parse(void **state)
{
	static const char *const all[] = { td1, td2, td3 };
	static const char *const formats[] = { "TD1", "TD2", "TD3" };
	struct cr_mrz m;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(parse(all[i], &m), CR_OK);
		assert_string_equal(m.format, formats[i]);
		assert_string_equal(m.code, i == 2 ? "P" : "I");
		assert_string_equal(m.issuing_state, "UTO");
		assert_string_equal(m.nationality, "UTO");
		assert_string_equal(m.document_number, i == 2 ? "L898902C3" : "D23145890");
		assert_string_equal(m.date_of_birth, "740812");
		assert_string_equal(m.date_of_expiry, "120415");
		assert_int_equal(m.sex, 'F');
		assert_string_equal(m.primary, "ERIKSSON");
		assert_string_equal(m.secondary, "ANNA MARIA");
		assert_string_equal(m.optional1, i == 2 ? "ZE184226B" : "");
		assert_string_equal(m.optional2, "");
	}
}

static char final(const char *zone, int td)
{
	char all[90];
	size_t n = 0;
#define ADD(at, len) (memcpy(all + n, zone + (at), len), n += (len))
	if (td == 1)
		ADD(5, 25), ADD(30, 7), ADD(38, 7), ADD(48, 11);
	else if (td == 2)
		ADD(36, 10), ADD(49, 7), ADD(57, 14);
	else
		ADD(44, 10), ADD(57, 7), ADD(65, 22);
	return cr_mrz_check_digit(all, n);
}

static void long_numbers_continue_in_the_optional_data(void **state)
{
	/* ICAO 9303-5, 4.2.2.1 note j; 9303-6 likewise: D23145890734, check digit 9 */
	char one[] = "I<UTOD23145890<7349<<<<<<<<<<<3407127M9507122UTO<<<<<<<<<<<2STEVENSON<<PETER<JOHN<<<<<<<<<";
	char two[] = "I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<D23145890<UTO3407127M95071227349<<<8";
	struct cr_mrz m;

	(void)state;
	assert_int_equal(parse(one, &m), CR_OK);
	assert_string_equal(m.document_number, "D23145890734");
	assert_string_equal(m.optional1, "");
	assert_int_equal(parse(two, &m), CR_OK);
	assert_string_equal(m.document_number, "D23145890734");

	/* what follows the number is still optional data */
	memcpy(one + 15, "7349<XYZ1", 9);
	one[59] = final(one, 1);
	assert_int_equal(parse(one, &m), CR_OK);
	assert_string_equal(m.optional1, "XYZ1");
	one[18] = '8';		/* the number's own check digit */
	one[59] = final(one, 1);
	assert_int_equal(parse(one, &m), CR_E_MALFORMED);
	memset(one + 15, '<', 15);	/* filler and no continuation */
	one[59] = final(one, 1);
	assert_int_equal(parse(one, &m), CR_E_MALFORMED);
}

/* Every digit of every position a check digit stands at: the only right one is the one that is there. */
static void every_wrong_check_digit_is_refused(void **state)
{
	static const struct { const char *zone; int td, at[6]; } all[] = {
		{ td1, 1, { 14, 36, 44, 59, -1 } },
		{ td2, 2, { 45, 55, 63, 71, -1 } },
		{ td3, 3, { 53, 63, 71, 86, 87, -1 } },
	};
	struct cr_mrz m;
	char zone[91];
	size_t i, k, n;
	char c, right;

	(void)state;
	for (i = 0; i < 3; i++) {
		for (n = 0, k = 0; all[i].zone[k]; k++) {
			if (all[i].zone[k] != '\n')
				zone[n++] = all[i].zone[k];
		}
		zone[n] = '\0';
		assert_int_equal(parse(zone, &m), CR_OK);
		for (k = 0; all[i].at[k] >= 0; k++) {
			right = zone[all[i].at[k]];
			for (c = '0'; c <= '9'; c++) {
				if (c == right)
					continue;
				zone[all[i].at[k]] = c;
				assert_int_equal(parse(zone, &m), CR_E_MALFORMED);
				/* and with the composite digit made to fit the lie */
				if (all[i].at[k] != (int)(2 * n / (all[i].td == 1 ? 3 : 2)) - 1) {
					char last = zone[all[i].td == 1 ? 59 : (int)n - 1];

					zone[all[i].td == 1 ? 59 : (int)n - 1] = final(zone, all[i].td);
					assert_int_equal(parse(zone, &m), CR_E_MALFORMED);
					zone[all[i].td == 1 ? 59 : (int)n - 1] = last;
				}
			}
			zone[all[i].at[k]] = right;
		}
	}
}

/* Any character of the checked fields changed to any other: refused, unless the sums happen to agree. */
static void changed_characters_are_refused(void **state)
{
	static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<";
	struct cr_mrz m;
	char zone[89];
	size_t i, k, refused = 0, tried = 0;

	(void)state;
	memcpy(zone, td3, 44);
	memcpy(zone + 44, td3 + 45, 45);
	for (i = 44; i < 88; i++) {
		char was = zone[i];

		for (k = 0; k < sizeof(alphabet) - 1; k++) {
			if (alphabet[k] == was)
				continue;
			zone[i] = alphabet[k];
			tried++;
			if (parse(zone, &m))
				refused++;
			/* nothing is left of a refused one */
			if (parse(zone, &m))
				assert_int_equal(m.document_number[0], 0);
		}
		zone[i] = was;
	}
	assert_true(refused * 100 > tried * 84);	/* 9 of 10 by the sums, more by the fields' alphabets */
}

static int with(const char *base, size_t at, const char *put, int td, int digit_at, int field_at)
{
	struct cr_mrz m;
	char zone[91];
	size_t i, n = 0;

	for (i = 0; base[i]; i++) {
		if (base[i] != '\n')
			zone[n++] = base[i];
	}
	zone[n] = '\0';
	memcpy(zone + at, put, strlen(put));
	if (digit_at)
		zone[digit_at] = cr_mrz_check_digit(zone + field_at, (size_t)(digit_at - field_at));
	zone[td == 1 ? 59 : n - 1] = final(zone, td);
	return parse(zone, &m);
}

static void fields_have_their_own_alphabets(void **state)
{
	(void)state;
	assert_int_equal(with(td3, 57, "740812", 3, 63, 57), CR_OK);
	/* ICAO 9303-3, 4.8: parts of a date of birth may be unknown */
	assert_int_equal(with(td3, 57, "7408<<", 3, 63, 57), CR_OK);
	assert_int_equal(with(td3, 57, "74<<<<", 3, 63, 57), CR_OK);
	assert_int_equal(with(td3, 57, "<<0812", 3, 63, 57), CR_OK);
	assert_int_equal(with(td3, 57, "<<<<<<", 3, 63, 57), CR_OK);
	assert_int_equal(with(td3, 57, "740000", 3, 63, 57), CR_OK);
	assert_int_equal(with(td3, 57, "741312", 3, 63, 57), CR_E_MALFORMED);
	assert_int_equal(with(td3, 57, "740832", 3, 63, 57), CR_E_MALFORMED);
	assert_int_equal(with(td3, 57, "740230", 3, 63, 57), CR_E_MALFORMED);
	assert_int_equal(with(td3, 57, "74081<", 3, 63, 57), CR_E_MALFORMED);
	assert_int_equal(with(td3, 57, "7408A2", 3, 63, 57), CR_E_MALFORMED);
	assert_int_equal(with(td3, 65, "120431", 3, 71, 65), CR_E_MALFORMED);
	assert_int_equal(with(td3, 65, "1204<<", 3, 71, 65), CR_E_MALFORMED);
	assert_int_equal(with(td3, 65, "<<<<<<", 3, 71, 65), CR_OK);
	assert_int_equal(with(td3, 64, "X", 3, 0, 0), CR_E_MALFORMED);
	assert_int_equal(with(td3, 64, "<", 3, 0, 0), CR_OK);
	assert_int_equal(with(td3, 0, "V<", 3, 0, 0), CR_E_MALFORMED);
	assert_int_equal(with(td3, 0, "I<", 3, 0, 0), CR_E_MALFORMED);
	assert_int_equal(with(td3, 2, "U1O", 3, 0, 0), CR_E_MALFORMED);
	assert_int_equal(with(td3, 2, "D<<", 3, 0, 0), CR_OK);
	assert_int_equal(with(td3, 2, "<DE", 3, 0, 0), CR_E_MALFORMED);
	assert_int_equal(with(td3, 54, "12O", 3, 0, 0), CR_E_MALFORMED);
	assert_int_equal(with(td3, 5, "<", 3, 0, 0), CR_E_MALFORMED);
	assert_int_equal(with(td3, 5, "ER1", 3, 0, 0), CR_E_MALFORMED);
	/* no optional data: its check digit is 0 or a filler (9303-4, 4.2.2.2) */
	assert_int_equal(with(td3, 72, "<<<<<<<<<<<<<<0", 3, 0, 0), CR_OK);
	assert_int_equal(with(td3, 72, "<<<<<<<<<<<<<<<", 3, 0, 0), CR_OK);
	assert_int_equal(with(td3, 72, "<<<<<<<<<<<<<<1", 3, 0, 0), CR_E_MALFORMED);
	assert_int_equal(with(td3, 86, "<", 3, 0, 0), CR_E_MALFORMED);
}

static void lengths_and_characters_are_checked(void **state)
{
	struct cr_mrz m;
	char text[200];
	size_t n;

	(void)state;
	for (n = 0; n < strlen(td1); n++)
		assert_int_equal(cr_mrz_parse(td1, n, &m, NULL), CR_E_MALFORMED);
	memset(text, '<', sizeof(text));
	for (n = 0; n <= sizeof(text); n++)
		assert_int_equal(cr_mrz_parse(text, n, &m, NULL), CR_E_MALFORMED);
	memcpy(text, td1, sizeof(td1));
	text[7] = 'd';
	assert_int_equal(cr_mrz_parse(text, strlen(td1), &m, NULL), CR_E_MALFORMED);
	text[7] = '\0';
	assert_int_equal(cr_mrz_parse(text, strlen(td1), &m, NULL), CR_E_MALFORMED);
	text[7] = (char)0xc3;
	assert_int_equal(cr_mrz_parse(text, strlen(td1), &m, NULL), CR_E_MALFORMED);
}

static void names_may_lack_their_second_part(void **state)
{
	char zone[] = "I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ARKFREITH<<<<<<<<<<<<<<<<<<<<<";
	struct cr_mrz m;

	(void)state;
	assert_int_equal(parse(zone, &m), CR_OK);
	assert_string_equal(m.primary, "ARKFREITH");
	assert_string_equal(m.secondary, "");
	memcpy(zone + 60, "VAN<DER<MUELLEN<<A<<B<C<<<<<<<", 30);
	assert_int_equal(parse(zone, &m), CR_OK);
	assert_string_equal(m.primary, "VAN DER MUELLEN");
	assert_string_equal(m.secondary, "A B C");
	memset(zone + 60, 'A', 30);
	assert_int_equal(parse(zone, &m), CR_OK);
	assert_int_equal(strlen(m.primary), 30);
}

/* The same bytes each run: a specimen with a few of them changed. */
static void no_mutation_is_out_of_bounds(void **state)
{
	static const char *const seeds[] = { td1, td2, td3 };
	uint32_t x = 1;
	char text[128];
	struct cr_mrz m;
	int round, i;

	(void)state;
	for (round = 0; round < 200000; round++) {
		const char *seed = seeds[round % 3];
		size_t n = strlen(seed);

		memcpy(text, seed, n);
		for (i = 0; i < 1 + round % 4; i++) {
			x = x * 1664525u + 1013904223u;
			text[(x >> 8) % n] = (char)((x >> 24) & 1 ? (int)(x >> 16 & 0x7f) : '<');
		}
		cr_mrz_parse(text, n, &m, NULL);
	}
}

/* ---- one check at a time (TR-03135-1, 5.6.1) ---- */

/* Without line ends, with the character at one place another. -1: as it is. */
static size_t apart(const char *zone, int at, char c, enum cr_result out[CR_MRZ_CHECKS])
{
	char flat[100];
	size_t n = 0, did;

	for (const char *p = zone; *p; p++) {
		if (*p != '\n')
			flat[n++] = *p;
	}
	if (at >= 0)
		flat[at] = c;
	for (int i = 0; i < CR_MRZ_CHECKS; i++)
		out[i] = (enum cr_result)99;
	did = cr_mrz_check(flat, n, out);
	for (size_t i = 0; i < CR_MRZ_CHECKS; i++)
		assert_int_equal(out[i] == (enum cr_result)99, i >= did);
	return did;
}

static void each_check_of_a_zone_has_its_result(void **state)
{
	/* what is wrong, where, and which checks fail of it (bits) */
#define BIT(x)	(1U << CR_MRZ_##x)
	static const struct { const char *zone; int at; char c; unsigned int fail; } all[] = {
		{ td3, -1, 0, 0 }, { td1, -1, 0, 0 }, { td2, -1, 0, 0 },
		{ td3, 0, 'V', BIT(DOCUMENT_TYPE) },
		{ td3, 2, '1', BIT(ISSUER) | BIT(ISSUER_LISTED) }, { td3, 2, 'Q', BIT(ISSUER_LISTED) },
		{ td3, 5, '<', BIT(SURNAME) | BIT(GIVEN_NAME) },
		{ td3, 44 + 9, '7', BIT(DIGIT_DOCUMENT_NUMBER) | BIT(DIGIT_COMPOSITE) },
		{ td3, 44 + 10, '1', BIT(NATIONALITY) | BIT(NATIONALITY_LISTED) },
		{ td3, 44 + 10, 'Q', BIT(NATIONALITY_LISTED) },
		{ td3, 44 + 13, '8', BIT(DIGIT_DATE_OF_BIRTH) | BIT(DIGIT_COMPOSITE) },
		{ td3, 44 + 15, '9', BIT(DIGIT_DATE_OF_BIRTH) | BIT(DIGIT_COMPOSITE) | BIT(DATE_OF_BIRTH) },
		{ td3, 44 + 20, 'X', BIT(SEX) },
		{ td3, 44 + 23, '3', BIT(DIGIT_DATE_OF_EXPIRY) | BIT(DIGIT_COMPOSITE) | BIT(DATE_OF_EXPIRY) },
		{ td3, 44 + 28, 'Y', BIT(DIGIT_OPTIONAL_DATA) | BIT(DIGIT_COMPOSITE) },
		{ td3, 44 + 43, '1', BIT(DIGIT_COMPOSITE) },
		/* no character of a zone: never a check digit's, whatever the sum of nothing is */
		{ td3, 44 + 19, '\0', BIT(DIGIT_DATE_OF_BIRTH) | BIT(DIGIT_COMPOSITE) },
		{ td3, 44 + 43, '\0', BIT(DIGIT_COMPOSITE) },
		{ td3, 10, 'a', BIT(DIGIT_COMPOSITE) | BIT(SURNAME) | BIT(GIVEN_NAME) },
		{ td1, 14, '0', BIT(DIGIT_DOCUMENT_NUMBER) | BIT(DIGIT_COMPOSITE) },
		{ td2, 36 + 20, '?', BIT(SEX) | BIT(DIGIT_COMPOSITE) },
	};
	enum cr_result out[CR_MRZ_CHECKS];

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(apart(all[i].zone, all[i].at, all[i].c, out), CR_MRZ_CHECKS);
		for (int k = 0; k < CR_MRZ_CHECKS; k++) {
			if ((out[k] == CR_FAILED) != !!(all[i].fail & 1U << k))
				fail_msg("%zu: check %d: %d", i, k, out[k]);
		}
		/* a passport's alone */
		assert_int_equal(out[CR_MRZ_DIGIT_OPTIONAL_DATA] == CR_NOT_SUPPORTED, all[i].zone != td3);
	}
	assert_int_equal(apart("P<UTO", -1, 0, out), 1);
	assert_int_equal(out[CR_MRZ_LENGTH], CR_FAILED);
	assert_int_equal(cr_mrz_check("", 0, out), 1);
	/* a state's document for a foreigner is in order; whether it gives them to such, nobody here knows */
	assert_int_equal(apart(td3, 44 + 11, 'S', out), CR_MRZ_CHECKS);
	assert_int_equal(out[CR_MRZ_ISSUER_NATIONALITY], CR_NOT_SUPPORTED);
}

/* Every character of every specimen, by every byte: no check reads beyond it, and what parses fails none but of lists. */
static void checks_and_parser_agree(void **state)
{
	static const char *const zones[] = { td3, td1, td2 };
	const unsigned int lists = BIT(ISSUER_LISTED) | BIT(NATIONALITY_LISTED);
	enum cr_result out[CR_MRZ_CHECKS];

	(void)state;
	for (size_t z = 0; z < 3; z++) {
		char flat[100];
		int n = 0;

		for (const char *p = zones[z]; *p; p++) {
			if (*p != '\n')
				flat[n++] = *p;
		}
		for (int at = 0; at < n; at++) {
			for (int c = 0; c < 256; c++) {
				struct cr_mrz m;
				char was = flat[at];
				unsigned int failed = 0;
				bool parses;

				if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
					continue;
				flat[at] = (char)c;
				cr_mrz_check(flat, (size_t)n, out);
				parses = !cr_mrz_parse(flat, (size_t)n, &m, NULL);
				flat[at] = was;
				for (int k = 0; k < CR_MRZ_CHECKS; k++)
					failed |= out[k] == CR_FAILED ? 1U << k : 0;
				assert_int_equal(parses, !(failed & ~lists));
			}
		}
	}
}

static void two_zones_are_compared_by_their_elements(void **state)
{
	static const char birth_unknown[] =
		"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO74<<<<6F1204159ZE184226B<<<<<10";
	static const struct { const char *a, *b; enum cr_result r; const char *what; } all[] = {
		{ td3, td3, CR_SUCCESSFUL, NULL },
		{ td3, "P<UTOERIKSSON<<ANNA<MARIE<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10", CR_FAILED,
		  "the name" },
		{ td3, "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122M1204159ZE184226B<<<<<10", CR_FAILED,
		  "the sex" },
		{ td3, "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36XXA7408122F1204159ZE184226B<<<<<10", CR_FAILED,
		  "the nationality" },
		{ td3, "PDUTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10", CR_FAILED,
		  "the document code" },
		{ td3, "P<VNMERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10", CR_FAILED,
		  "the issuing state" },
		{ td3, td1, CR_FAILED, "the document code" },
		{ td3, "P<UTO", CR_ABORTED, NULL }, { "", td3, CR_ABORTED, NULL },
	};
	const char *what;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(cr_mrz_compare(all[i].a, all[i].b, &what), all[i].r);
		assert_true(!what == !all[i].what);
		if (what)
			assert_string_equal(what, all[i].what);
	}
	/* what one of them fills up, it does not say: only the digits of the date, and the composite, are others */
	{
		char other[100], digit;
		size_t n = strlen(birth_unknown);

		memcpy(other, birth_unknown, n + 1);
		other[44 + 19] = cr_mrz_check_digit(other + 57, 6);
		for (digit = '0'; digit <= '9'; digit++) {
			struct cr_mrz m;

			other[n - 1] = digit;
			if (!cr_mrz_parse(other, n, &m, NULL))
				break;
		}
		assert_true(digit <= '9');
		assert_int_equal(cr_mrz_compare(td3, other, &what), CR_SUCCESSFUL);
	}
	/* the optional data alone */
	{
		char other[100];
		size_t n = 0;

		for (const char *p = td2; *p; p++) {
			if (*p != '\n')
				other[n++] = *p;
		}
		other[n] = '\0';
		other[36 + 28] = 'A';
		for (char d = '0'; d <= '9'; d++) {
			struct cr_mrz m;

			other[n - 1] = d;
			if (!cr_mrz_parse(other, n, &m, NULL))
				break;
		}
		assert_int_equal(cr_mrz_compare(td2, other, &what), CR_UNDETERMINED);
		assert_string_equal(what, "the optional data");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_check_of_a_zone_has_its_result),
		cmocka_unit_test(checks_and_parser_agree),
		cmocka_unit_test(two_zones_are_compared_by_their_elements),
		cmocka_unit_test(check_digits_are_those_of_the_standard),
		cmocka_unit_test(the_specimens_parse),
		cmocka_unit_test(long_numbers_continue_in_the_optional_data),
		cmocka_unit_test(every_wrong_check_digit_is_refused),
		cmocka_unit_test(changed_characters_are_refused),
		cmocka_unit_test(fields_have_their_own_alphabets),
		cmocka_unit_test(lengths_and_characters_are_checked),
		cmocka_unit_test(names_may_lack_their_second_part),
		cmocka_unit_test(no_mutation_is_out_of_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
