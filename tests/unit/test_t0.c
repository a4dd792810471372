// SPDX-License-Identifier: BSD-2-Clause
/* APDUs over T=0, ISO/IEC 7816-3:2006, 12.2. A script is what is sent and what the card answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <cardring/error.h>
#include "ccid/t0.h"
#include "hex.h"

#define HEX_MAX	600

struct step { const char *send, *answer; };

/* Runs an APDU through the script; its R-APDU must be rsp. */
static void run(const char *apdu, const struct step *steps, const char *rsp)
{
	uint8_t cmd[HEX_MAX], want[HEX_MAX], answer[HEX_MAX], out[CR_T0_TPDU_MAX], got[700];
	struct cr_t0 t;
	size_t n, len;
	int more;

	assert_int_equal(cr_t0_begin(&t, cmd, hex(cmd, apdu), got, sizeof(got)), 0);
	do {
		assert_non_null(steps->send);
		n = cr_t0_tpdu(&t, out);
		len = hex(want, steps->send);
		assert_int_equal(n, len);
		assert_memory_equal(out, want, len);
		more = cr_t0_answer(&t, answer, hex(answer, steps->answer));
		steps++;
	} while (more == 1);
	assert_int_equal(more, 0);
	assert_null(steps->send);
	len = hex(want, rsp);
	assert_int_equal(t.len, len);
	assert_memory_equal(got, want, len);
}

#define RUN(apdu, rsp, ...)	run(apdu, (const struct step[]){ __VA_ARGS__, { NULL, NULL } }, rsp)

static void case_1_sends_p3_zero(void **state)
{
	RUN("00 44 00 00", "9000", { "00 44 00 00 00", "9000" });
	RUN("00 44 00 00", "6a86", { "00 44 00 00 00", "6a86" });
}

static void case_2_gives_data_at_once(void **state)
{
	RUN("00 b0 00 00 03", "010203 9000", { "00 b0 00 00 03", "010203 9000" });
	RUN("00 b0 00 00 00", "6982", { "00 b0 00 00 00", "6982" });
	RUN("00 b0 00 00 03", "0102 6282", { "00 b0 00 00 03", "0102 6282" });
}

static void a_wrong_le_is_corrected_once(void **state)
{
	RUN("00 b0 00 00 00", "0102 9000", { "00 b0 00 00 00", "6c02" }, { "00 b0 00 00 02", "0102 9000" });
	/* what goes beyond Ne is cut off */
	RUN("00 b0 00 00 01", "01 9000", { "00 b0 00 00 01", "6c02" }, { "00 b0 00 00 02", "0102 9000" });
}

static void case_3_has_no_answer_but_a_status(void **state)
{
	RUN("00 a4 04 0c 02 3f00", "9000", { "00 a4 04 0c 02 3f00", "9000" });
	/* there would be data, but nobody asked */
	RUN("00 a4 04 0c 02 3f00", "6105", { "00 a4 04 0c 02 3f00", "6105" });
}

static void case_4_fetches_what_is_there(void **state)
{
	RUN("0c b0 00 00 02 97 01 00", "aabb 9000",
	    { "0c b0 00 00 02 97 01", "6102" }, { "00 c0 00 00 02", "aabb 9000" });
	/* in pieces, on a channel */
	RUN("0d b0 00 00 01 97 00", "aabbcc 9000", { "0d b0 00 00 01 97", "6102" },
	    { "01 c0 00 00 02", "aabb 6101" }, { "01 c0 00 00 01", "cc 9000" });
	/* no more than was asked for */
	RUN("00 a4 04 00 01 aa 02", "0102 6103", { "00 a4 04 00 01 aa", "6105" },
	    { "00 c0 00 00 02", "0102 6103" });
	/* 256 bytes wait */
	RUN("00 88 00 00 01 aa 00", "6f00", { "00 88 00 00 01 aa", "6100" }, { "00 c0 00 00 00", "6f00" });
	RUN("00 88 00 00 01 aa 00", "ab 9000", { "00 88 00 00 01 aa", "6102" },
	    { "00 c0 00 00 02", "6c01" }, { "00 c0 00 00 01", "ab 9000" });
	/* refused, or a warning without data */
	RUN("00 88 00 00 01 aa 00", "6985", { "00 88 00 00 01 aa", "6985" });
	RUN("00 88 00 00 01 aa 00", "6283", { "00 88 00 00 01 aa", "6283" });
}

static void case_4_done_without_a_count_is_asked_for_its_answer(void **state)
{
	RUN("00 88 00 00 01 aa 02", "0102 9000", { "00 88 00 00 01 aa", "9000" },
	    { "00 c0 00 00 02", "0102 9000" });
	/* and where there is none, it was done all the same */
	RUN("00 88 00 00 01 aa 02", "9000", { "00 88 00 00 01 aa", "9000" }, { "00 c0 00 00 02", "6985" });
}

static void chained_and_proprietary_classes_fetch_on_their_channel(void **state)
{
	RUN("90 88 00 00 01 aa 01", "01 9000", { "90 88 00 00 01 aa", "6101" }, { "80 c0 00 00 01", "01 9000" });
	RUN("a0 88 00 00 01 aa 01", "01 9000", { "a0 88 00 00 01 aa", "6101" }, { "a0 c0 00 00 01", "01 9000" });
	RUN("63 88 00 00 01 aa 01", "01 9000", { "63 88 00 00 01 aa", "6101" }, { "43 c0 00 00 01", "01 9000" });
}

static void nonsense_from_the_card_ends_it(void **state)
{
	static const struct { const char *apdu, *a1, *a2; } cases[] = {
		{ "00 b0 00 00 02", "90", NULL },			/* no status word */
		{ "00 a4 04 0c 01 aa", "01 9000", NULL },		/* data to a command with data */
		{ "00 b0 00 00 02", "6c03", "6c03" },			/* corrected for ever */
		{ "00 88 00 00 01 aa 00", "6102", "6102" },		/* more and more of nothing */
	};
	uint8_t cmd[HEX_MAX], answer[HEX_MAX], got[300];
	struct cr_t0 t;
	int rc;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(cr_t0_begin(&t, cmd, hex(cmd, cases[i].apdu), got, sizeof(got)), 0);
		rc = cr_t0_answer(&t, answer, hex(answer, cases[i].a1));
		if (cases[i].a2) {
			assert_int_equal(rc, 1);
			rc = cr_t0_answer(&t, answer, hex(answer, cases[i].a2));
		}
		assert_int_equal(rc, CR_E_CARD_PROTOCOL);
	}
}

static void room_is_not_exceeded(void **state)
{
	const uint8_t cmd[] = { 0, 0xb0, 0, 0, 4 }, answer[] = { 1, 2, 3, 4, 0x90, 0 };
	uint8_t got[5];
	struct cr_t0 t;

	assert_int_equal(cr_t0_begin(&t, cmd, sizeof(cmd), got, sizeof(got)), 0);
	assert_int_equal(cr_t0_answer(&t, answer, sizeof(answer)), CR_E_TOO_LONG);
	assert_int_equal(cr_t0_begin(&t, cmd, sizeof(cmd), got, 1), CR_E_TOO_LONG);
}

static void what_t0_cannot_carry_is_refused(void **state)
{
	uint8_t cmd[7 + 256] = { 0, 0xd6, 0, 0, 0, 1, 0 }, got[10];
	struct cr_t0 t;

	assert_int_equal(cr_t0_begin(&t, cmd, sizeof(cmd), got, sizeof(got)), CR_E_TOO_LONG);
	assert_int_equal(cr_t0_begin(&t, cmd, 6, got, sizeof(got)), CR_E_MALFORMED);
	assert_int_equal(cr_t0_begin(&t, cmd, 3, got, sizeof(got)), CR_E_MALFORMED);
}

static void the_first_status_of_case_4_is_foreseen(void **state)
{
	uint8_t cmd[8], got[300];
	struct cr_t0 t;

	assert_int_equal(cr_t0_begin(&t, cmd, hex(cmd, "0c b0 00 00 02 9701 00"), got, sizeof(got)), 0);
	assert_int_equal(cr_t0_foresee(&t, 0x22, 0x9000), 0x6120);
	assert_int_equal(cr_t0_foresee(&t, 258, 0x9000), 0x6100);
	assert_int_equal(cr_t0_foresee(&t, 0, 0x9000), 0);
	assert_int_equal(cr_t0_begin(&t, cmd, hex(cmd, "00 b0 00 00 02"), got, sizeof(got)), 0);
	assert_int_equal(cr_t0_foresee(&t, 0, 0x9000), 0x9000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_1_sends_p3_zero),
		cmocka_unit_test(case_2_gives_data_at_once),
		cmocka_unit_test(a_wrong_le_is_corrected_once),
		cmocka_unit_test(case_3_has_no_answer_but_a_status),
		cmocka_unit_test(case_4_fetches_what_is_there),
		cmocka_unit_test(case_4_done_without_a_count_is_asked_for_its_answer),
		cmocka_unit_test(chained_and_proprietary_classes_fetch_on_their_channel),
		cmocka_unit_test(nonsense_from_the_card_ends_it),
		cmocka_unit_test(room_is_not_exceeded),
		cmocka_unit_test(what_t0_cannot_carry_is_refused),
		cmocka_unit_test(the_first_status_of_case_4_is_foreseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
