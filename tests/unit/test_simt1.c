// SPDX-License-Identifier: BSD-2-Clause
/* The virtual card's side of T=1: what it refuses. Blocks are without their LRC, which is put behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "hex.h"
#include "t1.h"

static unsigned int executed;

static size_t app(void *arg, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	executed++;
	memset(rsp, 0xab, cmd[3]);
	memcpy(rsp + cmd[3], "\x90\0", 2);
	return cmd[3] + 2u;
}

static struct sim_t1 *card(const struct sim_t1_config *cfg)
{
	struct sim_t1 *t = sim_t1_new(cfg, app, NULL);

	assert_non_null(t);
	executed = 0;
	return t;
}

static size_t lrc(uint8_t *b, size_t n)
{
	b[n] = 0;
	for (size_t i = 0; i < n; i++)
		b[n] ^= b[i];
	return n + 1;
}

/* NULL: it says nothing. */
static void say(struct sim_t1 *t, const char *block, const char *answer)
{
	uint8_t in[300], out[SIM_T1_BLOCK_MAX], want[300];
	size_t n = sim_t1_block(t, in, lrc(in, hex(in, block)), out);

	if (!answer) {
		assert_int_equal(n, 0);
		return;
	}
	assert_int_equal(n, lrc(want, hex(want, answer)));
	assert_memory_equal(out, want, n);
}

#define COMMAND	"00 00 04 00 84 00 01"
#define ANSWER	"00 00 03 ab 90 00"

static void blocks_that_are_none_are_refused_and_nothing_is_executed(void **state)
{
	static const char *const wrong[] = {
		"00 40 04 00 84 00 01",		/* N(S) 1 */
		"21 00 04 00 84 00 01",		/* NAD */
		"00 01 04 00 84 00 01",		/* RFU in PCB */
		"00 00 06 00 84 00 01 00 00",	/* longer than its IFSC of 5 */
		"00 90 01 00",			/* an R-block with information */
		"00 a0 00",			/* RFU */
		"00 c3 01 01",			/* S(WTX request) of a device */
		"00 c1 01 00", "00 c1 01 ff",	/* S(IFS request) of no length */
		"00 c1 00",
		"00 c0 01 00",
		"00 c2 00",			/* there is nothing to break off */
		"00 e1 01 20", "00 e3 01 05",	/* responses that nobody asked for */
		"00 c7 00",
	};
	const struct sim_t1_config cfg = { .ifsc = 5 };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct sim_t1 *t = card(&cfg);

		say(t, wrong[i], "00 82 00");
		assert_int_equal(executed, 0);
		say(t, COMMAND, ANSWER);
		assert_int_equal(executed, 1);
		sim_t1_free(t);
	}
}

static void a_wrong_epilogue_or_length_is_told_as_such(void **state)
{
	static const char *const wrong[] = { "00 00 05 00 84 00 01", "00 00 03 00 84 00 01", "00" };
	const struct sim_t1_config cfg = { .ifsc = 5 };
	const uint8_t bad[] = { 0x00, 0x00, 0x04, 0x00, 0x84, 0x00, 0x01, 0x80 };
	uint8_t out[SIM_T1_BLOCK_MAX];
	struct sim_t1 *t;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		t = card(&cfg);
		say(t, wrong[i], "00 81 00");
		sim_t1_free(t);
	}
	t = card(&cfg);
	assert_int_equal(sim_t1_block(t, bad, sizeof(bad), out), 4);
	assert_hex(out, 4, "00 81 00 81");
	assert_int_equal(executed, 0);
	sim_t1_free(t);
}

static void a_response_must_be_to_what_it_asked(void **state)
{
	const struct sim_t1_config cfg = { .wtx = 5 };
	struct sim_t1 *t = card(&cfg);

	say(t, COMMAND, "00 c3 01 05");
	say(t, "00 e3 01 06", "00 c3 01 05");	/* another value: it asks again */
	say(t, "00 e1 01 05", "00 c3 01 05");	/* another kind; and that was three times */
	say(t, COMMAND, NULL);
	assert_int_equal(executed, 0);
	say(t, "00 e3 01 05", ANSWER);
	assert_int_equal(executed, 1);
	sim_t1_free(t);
}

static void after_three_bad_blocks_it_waits_for_a_good_one(void **state)
{
	const struct sim_t1_config cfg = { .ifsc = 5 };
	struct sim_t1 *t = card(&cfg);

	for (int i = 0; i < 3; i++)
		say(t, "00 40 04 00 84 00 01", "00 82 00");
	say(t, "00 40 04 00 84 00 01", NULL);
	say(t, COMMAND, ANSWER);
	sim_t1_free(t);
}

static void a_command_is_executed_once_however_often_its_answer_is_asked_for(void **state)
{
	const struct sim_t1_config cfg = { 0 };
	struct sim_t1 *t = card(&cfg);

	say(t, COMMAND, ANSWER);
	for (int i = 0; i < 5; i++)
		say(t, "00 80 00", ANSWER);
	say(t, COMMAND, "00 92 00");		/* the same N(S) again is no new command */
	assert_int_equal(executed, 1);
	say(t, "00 40 04 00 84 00 01", "00 40 03 ab 90 00");
	assert_int_equal(executed, 2);
	sim_t1_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_that_are_none_are_refused_and_nothing_is_executed),
		cmocka_unit_test(a_wrong_epilogue_or_length_is_told_as_such),
		cmocka_unit_test(a_response_must_be_to_what_it_asked),
		cmocka_unit_test(after_three_bad_blocks_it_waits_for_a_good_one),
		cmocka_unit_test(a_command_is_executed_once_however_often_its_answer_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
