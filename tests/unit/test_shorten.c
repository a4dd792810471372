// SPDX-License-Identifier: BSD-2-Clause
/* Extended APDUs as short ones. A script is what is sent and what the card answers; "[N]" stands for N bytes AB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <cardring/error.h>
#include "ccid/shorten.h"
#include "iso7816/atr.h"
#include "hex.h"

#define MAX	70000

struct step { const char *send, *answer; };

static size_t bytes(uint8_t *out, const char *s)
{
	size_t n = 0, count;
	char piece[200];
	int used;

	while (*s) {
		if (sscanf(s, "[%zu]%n", &count, &used) == 1) {
			memset(out + n, 0xab, count);
			n += count;
		} else {
			sscanf(s, "%199[^[]%n", piece, &used);
			n += hex(out + n, piece);
		}
		s += used;
	}
	return n;
}

static uint8_t cmd[MAX], want[MAX], answer[MAX], got[MAX];

static void run(const struct cr_short_terms *terms, const char *apdu, const struct step *steps, const char *rsp)
{
	uint8_t out[CR_SHORT_APDU_MAX];
	struct cr_shorten s;
	size_t len;
	int more;

	assert_int_equal(cr_shorten_begin(&s, cmd, bytes(cmd, apdu), got, sizeof(got), terms), 0);
	do {
		assert_non_null(steps->send);
		len = bytes(want, steps->send);
		assert_int_equal(cr_shorten_apdu(&s, out), len);
		assert_memory_equal(out, want, len);
		more = cr_shorten_answer(&s, answer, bytes(answer, steps->answer));
		steps++;
	} while (more == 1);
	assert_int_equal(more, 0);
	assert_null(steps->send);
	len = bytes(want, rsp);
	assert_int_equal(s.len, len);
	assert_memory_equal(got, want, len);
}

#define TERMS(caps, t0, c, r)	(&(const struct cr_short_terms){ caps, t0, c, r })
#define RUN(caps, t0, apdu, rsp, ...) \
	run(TERMS(caps, t0, 255, 256), apdu, (const struct step[]){ __VA_ARGS__, { NULL, NULL } }, rsp)
/* through messages that take 49 bytes of data to the card, and 52 from it */
#define RUN_SMALL(caps, t0, apdu, rsp, ...) \
	run(TERMS(caps, t0, 49, 52), apdu, (const struct step[]){ __VA_ARGS__, { NULL, NULL } }, rsp)
#define CHAINING	CR_ATR_COMMAND_CHAINING

static void what_is_short_but_for_its_form_goes_as_it_is(void **state)
{
	RUN(0, false, "00 b0 00 00 00 00 10", "[16] 9000", { "00 b0 00 00 10", "[16] 9000" });
	RUN(0, false, "00 d6 00 00 00 00 02 0102", "9000", { "00 d6 00 00 02 0102", "9000" });
	RUN(0, false, "00 88 00 00 00 00 02 0102 00 08", "[8] 9000", { "00 88 00 00 02 0102 08", "[8] 9000" });
	RUN(0, false, "00 b0 00 00 00 01 00", "[256] 9000", { "00 b0 00 00 00", "[256] 9000" });
}

static void a_long_answer_is_fetched(void **state)
{
	RUN(0, false, "00 b0 00 00 00 02 10", "[528] 6110", { "00 b0 00 00 00", "[256] 6100" },
	    { "00 c0 00 00 00", "[256] 6120" }, { "00 c0 00 00 10", "[16] 6110" });
	RUN(0, false, "00 b0 00 00 00 00 00", "[300] 9000", { "00 b0 00 00 00", "[256] 612c" },
	    { "00 c0 00 00 2c", "[44] 9000" });
	/* on a channel, of a protected command */
	RUN(0, false, "0d b0 00 00 00 00 01 aa 02 00", "[300] 6282", { "0d b0 00 00 01 aa 00", "[256] 6100" },
	    { "01 c0 00 00 00", "6c2c" }, { "01 c0 00 00 2c", "[44] 6282" });
	/* there is no more than that */
	RUN(0, false, "00 b0 00 00 00 02 10", "[100] 6282", { "00 b0 00 00 00", "[100] 6282" });
	RUN(0, false, "00 b0 00 00 00 02 10", "6b00", { "00 b0 00 00 00", "6b00" });
}

static void long_data_are_chained_where_the_card_can(void **state)
{
	RUN(CHAINING, false, "00 d6 00 07 00 02 00 [512]", "9000", { "10 d6 00 07 ff [255]", "9000" },
	    { "10 d6 00 07 ff [255]", "9000" }, { "00 d6 00 07 02 [2]", "9000" });
	RUN(CHAINING, true, "0c 88 00 00 00 01 fe [510] 00 00", "[256] 9000", { "1c 88 00 00 ff [255]", "9000" },
	    { "0c 88 00 00 ff [255] 00", "[256] 9000" });
	/* Le goes with the last */
	RUN(CHAINING, false, "00 88 00 00 00 01 00 [256] 01 2c", "[300] 9000", { "10 88 00 00 ff [255]", "9000" },
	    { "00 88 00 00 01 [1] 00", "[256] 612c" }, { "00 c0 00 00 2c", "[44] 9000" });
	/* the card breaks it off */
	RUN(CHAINING, false, "00 d6 00 00 00 01 00 [256]", "6884", { "10 d6 00 00 ff [255]", "6884" });
}

static void over_t0_long_data_go_by_envelope(void **state)
{
	RUN(0, true, "01 d6 00 07 00 01 00 [256]", "9000", { "01 c2 00 00 ff 01 d6 00 07 00 01 00 [248]", "9000" },
	    { "01 c2 00 00 08 [8]", "9000" });
	RUN(0, true, "00 88 00 00 00 01 00 [256] 00 00", "[300] 9000",
	    { "00 c2 00 00 ff 00 88 00 00 00 01 00 [248]", "9000" },
	    { "00 c2 00 00 0a [8] 0000 00", "[256] 612c" }, { "00 c0 00 00 2c", "[44] 9000" });
	/* Le is never alone: the card has executed what it has whole by its Lc */
	RUN(0, true, "00 88 00 00 00 01 f7 [503] 00 04", "[4] 9000",
	    { "00 c2 00 00 ff 00 88 00 00 00 01 f7 [248]", "9000" }, { "00 c2 00 00 fd [253]", "9000" },
	    { "00 c2 00 00 04 [2] 0004 04", "[4] 9000" });
	/* it has none: the status word says so, and the rest stays here */
	RUN(0, true, "00 d6 00 00 00 01 00 [256]", "6d00", { "00 c2 00 00 ff 00 d6 00 00 00 01 00 [248]", "6d00" });
	/* the bit of chaining is not known in a proprietary class */
	RUN(CHAINING, true, "80 d6 00 00 00 01 00 [256]", "9000",
	    { "80 c2 00 00 ff 80 d6 00 00 00 01 00 [248]", "9000" }, { "80 c2 00 00 08 [8]", "9000" });
}

/* What is a link already, or GENERAL AUTHENTICATE, whose links are steps. */
static void what_is_chained_by_itself_is_not_cut_by_chaining(void **state)
{
	struct cr_shorten s;
	size_t n;

	RUN(CHAINING, true, "10 86 00 00 00 01 00 [256]", "9000", { "00 c2 00 00 ff 10 86 00 00 00 01 00 [248]", "9000" },
	    { "00 c2 00 00 08 [8]", "9000" });
	RUN(CHAINING, true, "00 86 00 00 00 01 00 [256]", "9000", { "00 c2 00 00 ff 00 86 00 00 00 01 00 [248]", "9000" },
	    { "00 c2 00 00 08 [8]", "9000" });
	RUN(CHAINING, true, "10 d6 00 00 00 01 00 [256]", "9000", { "00 c2 00 00 ff 10 d6 00 00 00 01 00 [248]", "9000" },
	    { "00 c2 00 00 08 [8]", "9000" });
	n = bytes(cmd, "00 86 00 00 00 01 00 [256]");
	assert_int_equal(cr_shorten_begin(&s, cmd, n, got, sizeof(got), TERMS(CHAINING, false, 255, 256)), CR_E_TOO_LONG);
}

/* A reader with messages of 64 bytes. */
static void small_messages_take_what_they_take(void **state)
{
	struct cr_shorten s;
	size_t n;

	RUN_SMALL(0, true, "00 d6 00 00 31 [49]", "9000", { "00 d6 00 00 31 [49]", "9000" });
	RUN_SMALL(CHAINING, true, "00 d6 00 00 32 [50]", "9000", { "10 d6 00 00 31 [49]", "9000" },
		  { "00 d6 00 00 01 [1]", "9000" });
	RUN_SMALL(CHAINING, false, "00 d6 00 00 32 [50]", "9000", { "10 d6 00 00 31 [49]", "9000" },
		  { "00 d6 00 00 01 [1]", "9000" });
	RUN_SMALL(CHAINING, true, "10 86 00 00 47 [71] 00", "[60] 9000", { "00 c2 00 00 31 10 86 00 00 47 [44]", "9000" },
		  { "00 c2 00 00 1c [27] 00 00", "613c" }, { "00 c0 00 00 34", "[52] 6108" },
		  { "00 c0 00 00 08", "[8] 9000" });
	RUN_SMALL(0, true, "00 b0 00 00 34", "[52] 9000", { "00 b0 00 00 34", "[52] 9000" });
	/* at T=0 it comes at once or not at all */
	n = bytes(cmd, "00 b0 00 00 35");
	assert_int_equal(cr_shorten_begin(&s, cmd, n, got, sizeof(got), TERMS(0, true, 49, 52)), CR_E_TOO_LONG);
	n = bytes(cmd, "00 b0 00 00 10");
	assert_int_equal(cr_shorten_begin(&s, cmd, n, got, sizeof(got), TERMS(0, true, 0, 52)), CR_E_TOO_LONG);
	assert_int_equal(cr_shorten_begin(&s, cmd, n, got, sizeof(got), TERMS(0, true, 49, 0)), CR_E_TOO_LONG);
}

static void without_a_way_it_is_refused(void **state)
{
	static const struct { const char *apdu; uint8_t capabilities; int err; } cases[] = {
		{ "00 d6 00 00 00 01 00 [256]", 0, CR_E_TOO_LONG },
		{ "00 d6 00 00 00 01 00 [256]", CR_ATR_EXTENDED, CR_E_TOO_LONG },
		{ "80 d6 00 00 00 01 00 [256]", CHAINING, CR_E_TOO_LONG },
		{ "00 d6 00", 0, CR_E_MALFORMED },
		{ "00 d6 00 00 00 01 00 [255]", CHAINING, CR_E_MALFORMED },
	};
	struct cr_shorten s;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(cr_shorten_begin(&s, cmd, bytes(cmd, cases[i].apdu), got, sizeof(got),
						  TERMS(cases[i].capabilities, false, 255, 256)), cases[i].err);
	assert_int_equal(cr_shorten_begin(&s, cmd, bytes(cmd, "00 b0 00 00 00"), got, 1, TERMS(0, false, 255, 256)), CR_E_TOO_LONG);
}

static void nonsense_from_the_card_ends_it(void **state)
{
	static const struct { const char *apdu, *a1, *a2, *a3; int err; } cases[] = {
		{ "00 b0 00 00 00 02 00", "90", NULL, NULL, CR_E_CARD_PROTOCOL },
		{ "00 d6 00 00 00 01 00 [256]", "01 9000", NULL, NULL, CR_E_CARD_PROTOCOL },	/* in mid-chain */
		{ "00 b0 00 00 00 02 00", "6110", "6110", NULL, CR_E_CARD_PROTOCOL },	/* more of nothing */
		{ "00 b0 00 00 00 02 00", "[256] 6100", "[200] 9000", NULL, CR_E_TOO_LONG },
	};
	struct cr_shorten s;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int rc;

		assert_int_equal(cr_shorten_begin(&s, cmd, bytes(cmd, cases[i].apdu), got, 300, TERMS(CHAINING, false, 255, 256)), 0);
		rc = cr_shorten_answer(&s, answer, bytes(answer, cases[i].a1));
		if (cases[i].a2) {
			assert_int_equal(rc, 1);
			rc = cr_shorten_answer(&s, answer, bytes(answer, cases[i].a2));
		}
		assert_int_equal(rc, cases[i].err);
	}
}

/* One byte a time is slow, but comes to an end: that of Ne. */
static void an_answer_ends_where_it_was_to_end(void **state)
{
	uint8_t out[CR_SHORT_APDU_MAX];
	unsigned int steps = 0;
	struct cr_shorten s;

	assert_int_equal(cr_shorten_begin(&s, cmd, bytes(cmd, "00 b0 00 00 00 02 00"), got, sizeof(got), TERMS(0, false, 255, 256)), 0);
	bytes(answer, "ab 6100");
	do
		assert_true(cr_shorten_apdu(&s, out) && ++steps <= 512);
	while (cr_shorten_answer(&s, answer, 3) == 1);
	assert_int_equal(steps, 512);
	assert_int_equal(s.len, 514);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_short_but_for_its_form_goes_as_it_is),
		cmocka_unit_test(a_long_answer_is_fetched),
		cmocka_unit_test(long_data_are_chained_where_the_card_can),
		cmocka_unit_test(over_t0_long_data_go_by_envelope),
		cmocka_unit_test(what_is_chained_by_itself_is_not_cut_by_chaining),
		cmocka_unit_test(small_messages_take_what_they_take),
		cmocka_unit_test(without_a_way_it_is_refused),
		cmocka_unit_test(nonsense_from_the_card_ends_it),
		cmocka_unit_test(an_answer_ends_where_it_was_to_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
