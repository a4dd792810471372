// SPDX-License-Identifier: BSD-2-Clause
/* On what terms card and reader speak: worked ATRs against readers' descriptors (ISO/IEC 7816-3:2006, 8 and 9). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <cardring/error.h>
#include "ccid/pps.h"
#include "hex.h"

/* Without TCK; it is put behind where ends says so. */
#define T0_SLOW		"3b 02 14 50"
#define T0_FAST		"3b 12 95 14 50"		/* TA1 95: F 512, D 16 */
#define T0_FASTEST	"3b 12 97 14 50"		/* D 64 */
#define T1_FAST		"3b 91 95 81 31 fe 45 55"	/* TD1 81, TD2 31: IFSC FE, BWI 4, CWI 5; historical 55 */
#define T1_CRC		"3f d1 95 03 81 71 80 75 01 55"	/* inverse, TC1 03, IFSC 80, BWI 7, CRC */
#define BOTH		"3b 91 95 80 31 fe 45 55"	/* T=0 first */
#define SPECIFIC_T1	"3b 91 95 91 01 31 fe 45 55"	/* TA2 01 */
#define IMPLICIT_T1	"3b 91 95 91 11 31 fe 45 55"	/* TA2 11: at a rate of its own */
#define T14		"3b 81 0e 55"

static void atr_make(struct cr_atr *a, const char *text)
{
	static uint8_t bytes[40];	/* what a points to */
	size_t n = hex(bytes, text);

	if (strncmp(text + 3, "02", 2) && strncmp(text + 3, "12", 2)) {
		bytes[n] = 0;
		for (size_t i = 1; i < n; i++)
			bytes[n] ^= bytes[i];
		n++;
	}
	assert_int_equal(cr_atr_parse(bytes, n, a), 0);
}

/* 4 MHz, up to 344,086 bit/s; no automatics but the rate's change. */
static const struct cr_reader_can plain = { 0x38, 3, 4000, 344086, 254 };

static struct cr_terms choose(const char *atr, const struct cr_reader_can *can, bool modest)
{
	struct cr_terms t;
	struct cr_atr a;

	atr_make(&a, atr);
	assert_int_equal(cr_terms_choose(&t, &a, can, modest ? 0 : CR_RATE_ANY), 0);
	return t;
}

static void assert_terms(struct cr_terms t, unsigned int protocol, unsigned int fi_di, bool pps, bool tell)
{
	assert_int_equal(t.protocol, protocol);
	assert_int_equal(t.fi_di, fi_di);
	assert_int_equal(t.pps, pps);
	assert_int_equal(t.tell_reader, tell);
}

static void rates_are_those_of_the_tables(void **state)
{
	assert_int_equal(cr_fi_di_rate(0x11, 4000), 10752);
	assert_int_equal(cr_fi_di_rate(0x95, 4000), 125000);
	assert_int_equal(cr_fi_di_rate(0x18, 4000), 129032);
	assert_int_equal(cr_fi_di_rate(0x97, 4000), 500000);
	assert_int_equal(cr_fi_di_rate(0x01, 4000), 10752);
	assert_int_equal(cr_fi_di_rate(0x71, 4000), 0);
	assert_int_equal(cr_fi_di_rate(0x10, 4000), 0);
	assert_int_equal(cr_fi_di_rate(0x1a, 4000), 0);
	assert_int_equal(cr_fi_di_rate(0x97, 0xffffffff), (uint32_t)(0xffffffffULL * 1000 * 64 / 512));
}

static void the_highest_rate_of_both_is_proposed(void **state)
{
	struct cr_reader_can slow = plain;

	assert_terms(choose(T0_SLOW, &plain, false), 0, 0x11, false, true);
	assert_terms(choose(T0_FAST, &plain, false), 0, 0x95, true, true);
	/* 500,000 is too much: D 32, 250,000 */
	assert_terms(choose(T0_FASTEST, &plain, false), 0, 0x96, true, true);
	slow.max_rate = 125000;
	assert_terms(choose(T0_FASTEST, &slow, false), 0, 0x95, true, true);
	slow.max_rate = 124999;	/* D 12 is 93,750 */
	assert_terms(choose(T0_FASTEST, &slow, false), 0, 0x98, true, true);
	slow.max_rate = 10752;
	assert_terms(choose(T0_FASTEST, &slow, false), 0, 0x11, false, true);
	slow.max_rate = 0;
	assert_terms(choose(T0_FASTEST, &slow, false), 0, 0x11, false, true);
	/* one that does not change its rate with the parameters */
	slow = plain;
	slow.features = 0x18;
	assert_terms(choose(T0_FASTEST, &slow, false), 0, 0x11, false, true);
}

/* T0_FAST's rates at 4 MHz, D from 16 down to 2; D 1 with F 512 is less than the default. */
static void refused_the_next_lower_rate_is_proposed(void **state)
{
	static const uint8_t fi_di[] = { 0x95, 0x98, 0x94, 0x93, 0x92, 0x11 };
	uint32_t below = CR_RATE_ANY;
	struct cr_terms t;
	struct cr_atr a;

	atr_make(&a, T0_FAST);
	for (size_t i = 0; i < sizeof(fi_di); i++) {
		assert_int_equal(cr_terms_choose(&t, &a, &plain, below), 0);
		assert_int_equal(t.fi_di, fi_di[i]);
		below = cr_fi_di_rate(t.fi_di, 4000);
	}
}

static void refused_it_stays_at_the_default(void **state)
{
	assert_terms(choose(T0_FAST, &plain, true), 0, 0x11, false, true);
	assert_terms(choose(T1_FAST, &plain, true), 1, 0x11, false, true);
}

static void the_protocol_is_one_that_both_speak(void **state)
{
	struct cr_reader_can t0 = plain, t1 = plain, silent = plain;
	struct cr_terms t;
	struct cr_atr a;

	t0.protocols = 1;
	t1.protocols = 2;
	silent.protocols = 0;
	assert_terms(choose(BOTH, &plain, false), 0, 0x95, true, true);
	assert_terms(choose(BOTH, &t1, false), 1, 0x95, true, true);
	assert_terms(choose(BOTH, &t1, true), 1, 0x11, true, true);	/* the protocol alone needs PPS */
	assert_terms(choose(T1_FAST, &silent, false), 1, 0x95, true, true);
	atr_make(&a, T1_FAST);
	assert_int_equal(cr_terms_choose(&t, &a, &t0, CR_RATE_ANY), CR_E_READER_UNFIT);
	atr_make(&a, T0_SLOW);
	assert_int_equal(cr_terms_choose(&t, &a, &t1, CR_RATE_ANY), CR_E_READER_UNFIT);
	atr_make(&a, T14);
	assert_int_equal(cr_terms_choose(&t, &a, &plain, CR_RATE_ANY), CR_E_READER_UNFIT);
}

static void in_specific_mode_nothing_is_negotiated(void **state)
{
	struct cr_reader_can t0 = plain;
	struct cr_terms t;
	struct cr_atr a;

	assert_terms(choose(SPECIFIC_T1, &plain, false), 1, 0x95, false, true);
	assert_terms(choose(IMPLICIT_T1, &plain, false), 1, 0x11, false, true);
	t0.protocols = 1;
	atr_make(&a, SPECIFIC_T1);
	assert_int_equal(cr_terms_choose(&t, &a, &t0, CR_RATE_ANY), CR_E_READER_UNFIT);
}

static void what_the_reader_does_is_left_to_it(void **state)
{
	struct cr_reader_can can = plain;

	can.features = 0x38 | CR_FEATURE_PARAMETERS;
	assert_terms(choose(T0_FAST, &can, false), 0, 0x11, false, false);
	assert_terms(choose(T1_FAST, &can, false), 1, 0x11, false, false);
	assert_terms(choose(SPECIFIC_T1, &can, false), 1, 0x95, false, false);
	/* but it does not know that it is to be the second protocol */
	can.protocols = 2;
	assert_terms(choose(BOTH, &can, false), 1, 0x95, true, true);
	/* PPS by the parameters that it is told */
	can = plain;
	can.features = 0x38 | CR_FEATURE_PPS;
	assert_terms(choose(T0_FAST, &can, false), 0, 0x95, false, true);
	/* as it likes; of a card with two protocols it must be asked which */
	can.features = 0x38 | CR_FEATURE_NEGOTIATION;
	assert_terms(choose(T0_FAST, &can, false), 0, 0x11, false, false);
	assert_false(choose(T1_FAST, &can, false).ask_reader);
	assert_true(choose(BOTH, &can, false).ask_reader);
}

static void a_descriptor_tells_what_the_reader_can(void **state)
{
	uint8_t d[54] = { 0 };
	struct cr_reader_can can;

	hex(d + 6, "03 00 01 00  a0 0f 00 00  40 1f 00 00  00  00 2a 00 00  16 40 05 00");
	hex(d + 28, "fe 00 00 00");
	cr_reader_can_parse(&can, d, 0x38);
	assert_int_equal(can.features, 0x38);
	assert_int_equal(can.protocols, 3);
	assert_int_equal(can.clock_khz, 4000);
	assert_int_equal(can.max_rate, 344086);
	assert_int_equal(can.max_ifsd, 254);
}

/* ---- PPS ---- */

static int confirm(struct cr_terms *t, const char *answer)
{
	uint8_t b[16];
	size_t n = hex(b, answer);

	return cr_pps_confirm(t, b, n);
}

static void pps_is_asked_and_confirmed(void **state)
{
	struct cr_terms fast = { .protocol = 1, .fi_di = 0x95 }, switched = { .protocol = 1, .fi_di = 0x11 };
	uint8_t b[CR_PPS_MAX];

	assert_hex(b, cr_pps_request(&fast, b), "ff 11 95 7b");
	assert_int_equal(confirm(&fast, "ff 11 95 7b"), 0);
	assert_int_equal(fast.fi_di, 0x95);
	assert_hex(b, cr_pps_request(&switched, b), "ff 01 fe");
	assert_int_equal(confirm(&switched, "ff 01 fe"), 0);
	/* 9.3: without PPS1 in it, the default rate holds */
	assert_int_equal(confirm(&fast, "ff 01 fe"), 0);
	assert_int_equal(fast.fi_di, 0x11);
}

static void any_other_answer_to_pps_is_a_failure(void **state)
{
	static const char *const wrong[] = {
		"", "ff", "ff 11", "ff 11 95", "ff 11 95 7a", "fe 11 95 7a", "ff 10 95 7a", "ff 11 94 7a",
		"ff 31 95 00 5b", "ff 91 95 fb", "ff 01 95 6b", "ff 11 ee", "ff 11 95 7b 00", "ff 00 ff",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct cr_terms t = { .protocol = 1, .fi_di = 0x95 };

		assert_int_equal(confirm(&t, wrong[i]), CR_E_CARD_PROTOCOL);
	}
}

/* ---- parameters: CCID 1.1, 6.1.7 ---- */

static void parameters(const char *atr, const struct cr_terms *t, const char *want)
{
	struct cr_atr a;
	uint8_t b[7];

	atr_make(&a, atr);
	assert_hex(b, cr_terms_parameters(t, &a, b), want);
}

static void parameters_are_what_the_atr_says(void **state)
{
	const struct cr_terms t0 = { .protocol = 0, .fi_di = 0x11 }, t1 = { .protocol = 1, .fi_di = 0x95 };

	parameters(T0_FAST, &t0, "11 00 00 0a 00");
	parameters(T1_FAST, &t1, "95 10 00 45 00 fe 00");
	parameters(T1_CRC, &t1, "95 13 03 75 00 80 00");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_those_of_the_tables),
		cmocka_unit_test(the_highest_rate_of_both_is_proposed),
		cmocka_unit_test(refused_the_next_lower_rate_is_proposed),
		cmocka_unit_test(refused_it_stays_at_the_default),
		cmocka_unit_test(the_protocol_is_one_that_both_speak),
		cmocka_unit_test(in_specific_mode_nothing_is_negotiated),
		cmocka_unit_test(what_the_reader_does_is_left_to_it),
		cmocka_unit_test(a_descriptor_tells_what_the_reader_can),
		cmocka_unit_test(pps_is_asked_and_confirmed),
		cmocka_unit_test(any_other_answer_to_pps_is_a_failure),
		cmocka_unit_test(parameters_are_what_the_atr_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
