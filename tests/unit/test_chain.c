// SPDX-License-Identifier: BSD-2-Clause
/* APDUs in several messages, CCID 1.1, 6.1.4 and 6.2.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <cardring/error.h>
#include "ccid/chain.h"

static uint8_t cmd[256], rsp[256];

struct step { size_t send; uint16_t level; size_t answer; uint8_t param; };

/* Commands and answers are bytes that count up. */
static int run(size_t cmd_len, size_t size, size_t most, const struct step *steps, size_t n, size_t *len)
{
	struct cr_ccid_chain c;
	size_t sent = 0, got = 0;
	int more = 1;

	for (size_t i = 0; i < sizeof(cmd); i++)
		cmd[i] = (uint8_t)i;
	assert_int_equal(cr_ccid_chain_begin(&c, cmd, cmd_len, rsp, size, most), 0);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *data;
		uint8_t answer[256];
		uint16_t level;

		assert_int_equal(more, 1);
		assert_int_equal(cr_ccid_chain_message(&c, &data, &level), steps[i].send);
		assert_int_equal(level, steps[i].level);
		if (steps[i].send)
			assert_ptr_equal(data, cmd + sent);
		sent += steps[i].send;
		for (size_t k = 0; k < steps[i].answer; k++)
			answer[k] = (uint8_t)got++;
		more = cr_ccid_chain_answer(&c, answer, steps[i].answer, steps[i].param);
	}
	*len = c.len;
	return more;
}

#define RUN(result, bytes, cmd_len, size, most, ...) do { \
	const struct step steps[] = { __VA_ARGS__ }; \
	size_t len_; \
	assert_int_equal(run(cmd_len, size, most, steps, sizeof(steps) / sizeof(*steps), &len_), result); \
	if (!(result)) { \
		assert_int_equal(len_, bytes); \
		for (size_t i_ = 0; i_ < len_; i_++) \
			assert_int_equal(rsp[i_], i_); \
	} \
} while (0)

static void what_fits_is_one_message(void **state)
{
	RUN(0, 10, 50, 256, 50, { 50, 0, 10, 0 });
}

static void a_long_command_begins_goes_on_and_ends(void **state)
{
	RUN(0, 2, 51, 256, 50, { 50, 1, 0, 0x10 }, { 1, 2, 2, 0 });
	RUN(0, 2, 120, 256, 50, { 50, 1, 0, 0x10 }, { 50, 3, 0, 0x10 }, { 20, 2, 2, 0 });
}

static void a_long_response_is_asked_for(void **state)
{
	RUN(0, 52, 5, 256, 50, { 5, 0, 50, 1 }, { 0, 0x10, 2, 2 });
	RUN(0, 102, 60, 256, 50, { 50, 1, 0, 0x10 }, { 10, 2, 50, 1 }, { 0, 0x10, 50, 3 }, { 0, 0x10, 2, 2 });
}

static void what_is_out_of_order_is_the_readers_failure(void **state)
{
	RUN(CR_E_READER_FAILED, 0, 60, 256, 50, { 50, 1, 0, 0 });	/* an answer in the middle */
	RUN(CR_E_READER_FAILED, 0, 60, 256, 50, { 50, 1, 2, 0x10 });
	RUN(CR_E_READER_FAILED, 0, 5, 256, 50, { 5, 0, 0, 0x10 });	/* it wants more, and there is none */
	RUN(CR_E_READER_FAILED, 0, 5, 256, 50, { 5, 0, 9, 2 });		/* ends what did not begin */
	RUN(CR_E_READER_FAILED, 0, 5, 256, 50, { 5, 0, 9, 3 });
	RUN(CR_E_READER_FAILED, 0, 5, 256, 50, { 5, 0, 50, 1 }, { 0, 0x10, 9, 1 });
	RUN(CR_E_READER_FAILED, 0, 5, 256, 50, { 5, 0, 50, 1 }, { 0, 0x10, 9, 0 });
	RUN(CR_E_READER_FAILED, 0, 5, 256, 50, { 5, 0, 50, 0x77 });
	RUN(CR_E_CARD_PROTOCOL, 0, 5, 256, 50, { 5, 0, 1, 0 });
}

static void what_has_no_end_is_ended(void **state)
{
	struct cr_ccid_chain c;
	unsigned int steps = 0;
	int more;

	assert_int_equal(cr_ccid_chain_begin(&c, cmd, 5, rsp, 100, 50), 0);
	do
		assert_true(++steps < 200);
	while ((more = cr_ccid_chain_answer(&c, cmd, 1, steps == 1 ? 1 : 3)) == 1);
	assert_int_equal(more, CR_E_TOO_LONG);
	assert_int_equal(steps, 101);
	assert_int_equal(cr_ccid_chain_begin(&c, cmd, 5, rsp, 100, 50), 0);
	steps = 0;
	do
		assert_true(++steps < 50);
	while ((more = cr_ccid_chain_answer(&c, cmd, 0, steps == 1 ? 1 : 3)) == 1);
	assert_int_equal(more, CR_E_READER_FAILED);
}

static void without_room_nothing_is_begun(void **state)
{
	struct cr_ccid_chain c;

	assert_int_equal(cr_ccid_chain_begin(&c, cmd, 5, rsp, 100, 0), CR_E_TOO_LONG);
	assert_int_equal(cr_ccid_chain_begin(&c, cmd, 5, rsp, 1, 50), CR_E_TOO_LONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_one_message),
		cmocka_unit_test(a_long_command_begins_goes_on_and_ends),
		cmocka_unit_test(a_long_response_is_asked_for),
		cmocka_unit_test(what_is_out_of_order_is_the_readers_failure),
		cmocka_unit_test(what_has_no_end_is_ended),
		cmocka_unit_test(without_room_nothing_is_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
