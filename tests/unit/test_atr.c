// SPDX-License-Identifier: BSD-2-Clause
/* The answer to reset, ISO/IEC 7816-3:2006, 8.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <cardring/error.h>
#include "iso7816/atr.h"

/* TCK makes the exclusive or of all but TS zero (8.2.5). */
static void seal(uint8_t *atr, size_t len)
{
	for (size_t i = 1; i < len - 1; i++)
		atr[len - 1] ^= atr[i];
}

static void the_shortest_offers_t0_by_default(void **state)
{
	const uint8_t atr[] = { 0x3b, 0x00 };
	struct cr_atr a;

	assert_int_equal(cr_atr_parse(atr, sizeof(atr), &a), 0);
	assert_int_equal(a.protocols, 1);
	assert_int_equal(a.first, 0);
	assert_int_equal(a.fi_di, 0x11);
	assert_int_equal(a.wi, 10);
	assert_false(a.inverse);
	assert_false(a.specific);
	assert_null(a.historical);
}

static void interface_bytes_are_told_apart(void **state)
{
	/* TA1 95, TC1 FF, TD1 80 (T=0, TD2), TD2 1F (T=15, TA3), TA3 C7, historical 2, TCK */
	uint8_t atr[] = { 0x3f, 0xd2, 0x95, 0xff, 0x80, 0x1f, 0xc7, 0x80, 0x31, 0 };
	struct cr_atr a;

	seal(atr, sizeof(atr));
	assert_int_equal(cr_atr_parse(atr, sizeof(atr), &a), 0);
	assert_true(a.inverse);
	assert_int_equal(a.protocols, 1);
	assert_int_equal(a.fi_di, 0x95);
	assert_int_equal(a.guard, 0xff);
	assert_false(a.specific);
	assert_int_equal(a.historical_len, 2);
	assert_ptr_equal(a.historical, atr + 7);
}

/* PC/SC part 3's ATR of a contactless card: both protocols, T=0 first. */
static void a_contactless_card_offers_both(void **state)
{
	const uint8_t atr[] = { 0x3b, 0x80, 0x80, 0x01, 0x01 };
	struct cr_atr a;

	assert_int_equal(cr_atr_parse(atr, sizeof(atr), &a), 0);
	assert_int_equal(a.protocols, 3);
	assert_int_equal(a.first, 0);
}

static void ta2_and_tc2_are_of_the_second_round(void **state)
{
	/* TD1 D1: TA2, TC2, TD2, T=1; TA2 01; TC2 0C; TD2 31: TA3, TB3, T=1 */
	uint8_t atr[] = { 0x3b, 0x80, 0xd1, 0x01, 0x0c, 0x31, 0xfe, 0x45, 0 };
	struct cr_atr a;

	seal(atr, sizeof(atr));
	assert_int_equal(cr_atr_parse(atr, sizeof(atr), &a), 0);
	assert_true(a.specific);
	assert_int_equal(a.specific_protocol, 1);
	assert_int_equal(a.first, 1);
	assert_int_equal(a.protocols, 2);
	assert_int_equal(a.wi, 0x0c);
}

static void t1_is_told_by_its_first_interface_bytes(void **state)
{
	/* TD1 81, TD2 B1: TA3 80, TB3 45, TD3 71 of T=1; TA4 10, TB4 11, TC4 01: not the first for T=1 */
	uint8_t later[] = { 0x3b, 0x80, 0x81, 0xb1, 0x80, 0x45, 0x71, 0x10, 0x11, 0x01, 0 };
	/* TD1 80 (T=0), TD2 71 (T=1): TA3 FE, TB3 95, TC3 01 */
	uint8_t both[] = { 0x3b, 0x80, 0x80, 0x71, 0xfe, 0x95, 0x01, 0 };
	/* RFU: IFSC FF, BWI A */
	uint8_t rfu[] = { 0x3b, 0x80, 0x81, 0x31, 0xff, 0xa5, 0 };
	const uint8_t none[] = { 0x3b, 0x80, 0x01, 0x81 };
	struct cr_atr a;

	seal(later, sizeof(later));
	assert_int_equal(cr_atr_parse(later, sizeof(later), &a), 0);
	assert_int_equal(a.ifsc, 0x80);
	assert_int_equal(a.bwi_cwi, 0x45);
	assert_false(a.crc);
	seal(both, sizeof(both));
	assert_int_equal(cr_atr_parse(both, sizeof(both), &a), 0);
	assert_int_equal(a.protocols, 3);
	assert_int_equal(a.ifsc, 0xfe);
	assert_int_equal(a.bwi_cwi, 0x95);
	assert_true(a.crc);
	seal(rfu, sizeof(rfu));
	assert_int_equal(cr_atr_parse(rfu, sizeof(rfu), &a), 0);
	assert_int_equal(a.ifsc, 32);
	assert_int_equal(a.bwi_cwi, 0x4d);
	assert_int_equal(cr_atr_parse(none, sizeof(none), &a), 0);
	assert_int_equal(a.ifsc, 32);
	assert_int_equal(a.bwi_cwi, 0x4d);
}

static void capabilities_are_in_the_historical_bytes(void **state)
{
	static const struct { uint8_t hist[15]; uint8_t len, third; } cases[] = {
		{ { 0x80, 0x73, 0xc0, 0x01, 0xe0 }, 5, 0xe0 },
		{ { 0x80, 0x31, 0x81, 0x73, 0xc0, 0x01, 0x80 }, 7, 0x80 },
		{ { 0x00, 0x73, 0xc0, 0x01, 0x40, 0x05, 0x90, 0x00 }, 8, 0x40 },
		{ { 0x00, 0x73, 0xc0, 0x01, 0x05, 0x90, 0x00 }, 7, 0 },	/* it would be the status */
		{ { 0x80, 0x71, 0xc0 }, 3, 0 },
		{ { 0x80, 0x73, 0xc0, 0x01 }, 4, 0 },			/* cut short */
		{ { 0x80, 0x7f, 0x73, 0x01, 0x80 }, 5, 0 },
		{ { 0x10, 0x73, 0xc0, 0x01, 0xe0 }, 5, 0 },		/* a DIR reference */
		{ { 'e', 0x73, 0xc0, 0x01, 0xe0 }, 5, 0 },
		{ { 0 }, 1, 0 },
		{ { 0 }, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t atr[17] = { 0x3b, cases[i].len };
		struct cr_atr a;

		memcpy(atr + 2, cases[i].hist, cases[i].len);
		assert_int_equal(cr_atr_parse(atr, 2 + cases[i].len, &a), 0);
		assert_int_equal(cr_atr_capabilities(&a), cases[i].third);
	}
}

static void what_is_damaged_is_refused(void **state)
{
	const uint8_t good[] = { 0x3b, 0x88, 0x80, 0x01, 0x80, 0x31, 0x81, 0x65, 0x02, 0x03, 0x04, 0x05, 0 };
	uint8_t atr[40];
	struct cr_atr a;

	memcpy(atr, good, sizeof(good));
	seal(atr, sizeof(good));
	assert_int_equal(cr_atr_parse(atr, sizeof(good), &a), 0);
	for (size_t n = 0; n < sizeof(good); n++)
		assert_int_equal(cr_atr_parse(atr, n, &a), CR_E_MALFORMED);
	assert_int_equal(cr_atr_parse(atr, sizeof(good) + 1, &a), CR_E_MALFORMED);
	atr[6] ^= 1;
	assert_int_equal(cr_atr_parse(atr, sizeof(good), &a), CR_E_MALFORMED);
	atr[6] ^= 1;
	atr[0] = 0x3c;
	assert_int_equal(cr_atr_parse(atr, sizeof(good), &a), CR_E_MALFORMED);
	/* interface bytes without end */
	memset(atr, 0xf1, sizeof(atr));
	atr[0] = 0x3b;
	for (size_t n = 0; n <= sizeof(atr); n++)
		assert_int_equal(cr_atr_parse(atr, n, &a), CR_E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shortest_offers_t0_by_default),
		cmocka_unit_test(interface_bytes_are_told_apart),
		cmocka_unit_test(a_contactless_card_offers_both),
		cmocka_unit_test(ta2_and_tc2_are_of_the_second_round),
		cmocka_unit_test(t1_is_told_by_its_first_interface_bytes),
		cmocka_unit_test(capabilities_are_in_the_historical_bytes),
		cmocka_unit_test(what_is_damaged_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
