// SPDX-License-Identifier: BSD-2-Clause
/*
 * T=1 against the strict card (userspace/sim/t1.c), block by block: the scenarios of ISO/IEC 7816-3:2006,
 * annex A. A scenario is the blocks on the line, the interface device's first and then in turns:
 *
 *   I(N(S),M)  R(N(R))  S(WTX?2) a request  S(WTX=2) its response
 *   ...x       arrives damaged
 *   ...-       does not arrive: nothing comes back
 *   mute       the card says nothing
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <cardring/error.h>
#include "ccid/t1.h"
#include "hex.h"
#include "t1.h"

#define MAX	700

/* ---- the card's application: P1-P2 bytes of answer, and 9000 ---- */

static struct {
	unsigned int executed;
	uint8_t cmd[MAX];
	size_t len;
} app;

static size_t execute(void *arg, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	size_t n = (size_t)cmd[2] << 8 | cmd[3];

	app.executed++;
	assert_true(len <= MAX && n + 2 <= size);
	memcpy(app.cmd, cmd, len);
	app.len = len;
	for (size_t i = 0; i < n; i++)
		rsp[i] = (uint8_t)(i * 7);
	rsp[n] = 0x90;
	rsp[n + 1] = 0;
	return n + 2;
}

static void command(uint8_t *cmd, size_t len, size_t answer)
{
	for (size_t i = 0; i < len; i++)
		cmd[i] = (uint8_t)i;
	cmd[2] = (uint8_t)(answer >> 8);
	cmd[3] = (uint8_t)answer;
}

static void assert_answer(const uint8_t *rsp, size_t len, size_t answer)
{
	assert_int_equal(len, answer + 2);
	for (size_t i = 0; i < answer; i++)
		assert_int_equal(rsp[i], (uint8_t)(i * 7));
	assert_memory_equal(rsp + answer, "\x90\0", 2);
}

/* ---- the line ---- */

struct apdu {
	size_t len, answer;	/* bytes of the command, and of the answer's data */
	size_t room;		/* for the answer; 0: enough */
	int result;
	unsigned int drop_after, abort_after;	/* exchanges, after which the program forgets it, or breaks it off */
};

struct scenario {
	struct sim_t1_config card;
	uint8_t ifsd;		/* to be told to the card; 0: the reader has done that */
	const char *line;
	struct apdu apdus[4];
	unsigned int executed;
};

static void name_block(char *out, const uint8_t *b)
{
	static const char *const types[4] = { "RESYNCH", "IFS", "ABORT", "WTX" };

	if (!(b[1] & 0x80))
		sprintf(out, "I(%d,%d)", b[1] >> 6 & 1, b[1] >> 5 & 1);
	else if (!(b[1] & 0x40))
		sprintf(out, "R(%d)", b[1] >> 4 & 1);
	else if (b[2])
		sprintf(out, "S(%s%c%d)", types[b[1] & 3], b[1] & 0x20 ? '=' : '?', b[3]);
	else
		sprintf(out, "S(%s%c)", types[b[1] & 3], b[1] & 0x20 ? '=' : '?');
}

/* Compares with the next word of the line; what happens to the block: 0, 'x' or '-'. */
static char on_line(const char **line, const uint8_t *block)
{
	char got[32] = "mute", want[32], mark = 0;
	int used = 0;

	if (block)
		name_block(got, block);
	if (sscanf(*line, " %31s%n", want, &used) != 1)
		fail_msg("%s, but the scenario is over", got);
	if (strchr("x-", want[strlen(want) - 1])) {
		mark = want[strlen(want) - 1];
		want[strlen(want) - 1] = 0;
	}
	if (strcmp(got, want))
		fail_msg("%s instead of:%s", got, *line);
	*line += used;
	return mark;
}

/* One block to the card and its answer back. */
static int exchange(struct cr_t1 *t, struct sim_t1 *card, const char **line)
{
	uint8_t out[CR_T1_BLOCK_MAX], in[SIM_T1_BLOCK_MAX];
	size_t n = cr_t1_block(t, out), len;
	char mark = on_line(line, out);

	if (mark == '-')
		return cr_t1_no_answer(t, CR_E_CARD_MUTE);
	if (mark == 'x')
		out[n - 1] ^= 0x10;
	len = sim_t1_block(card, out, n, in);
	mark = on_line(line, len ? in : NULL);
	if (!len || mark == '-')
		return cr_t1_no_answer(t, CR_E_CARD_MUTE);
	if (mark == 'x')
		in[len / 2] ^= 0x01;
	return cr_t1_answer(t, in, len);
}

static void play(const struct scenario *s)
{
	const struct cr_t1_params params = { .ifsc = s->card.ifsc ? s->card.ifsc : 254, .ifsd = s->ifsd,
					     .inf_max = 254, .crc = s->card.crc };
	struct sim_t1 *card = sim_t1_new(&s->card, execute, NULL);
	const char *line = s->line, *rest;
	struct cr_t1 t;

	memset(&app, 0, sizeof(app));
	cr_t1_reset(&t, &params);
	for (const struct apdu *a = s->apdus; a->len; a++) {
		uint8_t cmd[MAX], rsp[MAX];
		unsigned int n = 0;
		int rc;

		command(cmd, a->len, a->answer);
		rc = cr_t1_begin(&t, cmd, a->len, rsp, a->room ? a->room : MAX);
		if (rc) {
			assert_int_equal(rc, a->result);
			continue;
		}
		for (rc = 1; rc > 0;) {
			rc = exchange(&t, card, &line);
			n++;
			if (n == a->drop_after)
				break;
			if (n == a->abort_after)
				assert_int_equal(cr_t1_abort(&t, CR_E_CANCELED), 1);
		}
		if (n == a->drop_after)
			continue;
		assert_int_equal(rc, a->result);
		if (rc)
			continue;
		assert_answer(rsp, t.len, a->answer);
		assert_int_equal(app.len, a->len);
		assert_memory_equal(app.cmd, cmd, a->len);
	}
	for (rest = line; *rest == ' '; rest++)
		;
	assert_string_equal(rest, "");
	assert_int_equal(app.executed, s->executed);
	sim_t1_free(card);
}

#define PLAY(...)	play(&(const struct scenario){ __VA_ARGS__ })
/* Most scenarios are one short command. */
#define ONE(line_)	PLAY(.line = line_, .apdus = { { 5, 1 } }, .executed = 1)

/* ---- A.2: no errors ---- */

static void scenario_1_i_blocks_alternate(void **state)
{
	PLAY(.line = "I(0,0) I(0,0) I(1,0) I(1,0) I(0,0) I(0,0)", .apdus = { { 5, 1 }, { 6, 2 }, { 4, 0 } },
	     .executed = 3);
}

static void scenario_2_the_card_asks_for_time(void **state)
{
	PLAY(.card = { .wtx = 2 }, .line = "I(0,0) S(WTX?2) S(WTX=2) I(0,0)", .apdus = { { 5, 1 } }, .executed = 1);
	PLAY(.card = { .wtx = 1, .wtx_times = 3 }, .apdus = { { 5, 1 } }, .executed = 1,
	     .line = "I(0,0) S(WTX?1) S(WTX=1) S(WTX?1) S(WTX=1) S(WTX?1) S(WTX=1) I(0,0)");
}

static void scenario_3_the_card_tells_its_ifsc(void **state)
{
	PLAY(.card = { .ask_ifsc = 121 }, .line = "I(0,0) S(IFS?121) S(IFS=121) I(0,0)", .apdus = { { 5, 1 } },
	     .executed = 1);
	/* and it holds from then on: 5 bytes a block before, 8 after */
	PLAY(.card = { .ifsc = 5, .ask_ifsc = 8 }, .apdus = { { 21, 1 } }, .executed = 1,
	     .line = "I(0,1) S(IFS?8) S(IFS=8) R(1) I(1,1) R(0) I(0,0) I(0,0)");
}

static void scenario_4_the_device_tells_its_ifsd(void **state)
{
	PLAY(.ifsd = 254, .line = "S(IFS?254) S(IFS=254) I(0,0) I(0,0) I(1,0) I(1,0)",
	     .apdus = { { 5, 252 }, { 5, 1 } }, .executed = 2);
}

static void scenario_5_a_command_is_chained(void **state)
{
	PLAY(.card = { .ifsc = 5 }, .line = "I(0,1) R(1) I(1,1) R(0) I(0,0) I(0,0)", .apdus = { { 12, 1 } },
	     .executed = 1);
}

static void scenario_6_an_answer_is_chained(void **state)
{
	PLAY(.line = "I(0,0) I(0,1) R(1) I(1,0) I(1,0) I(0,0)", .apdus = { { 5, 40 }, { 5, 1 } }, .executed = 2);
}

/* ---- A.3.1: I-blocks ---- */

static void scenario_8_a_damaged_command_is_sent_again(void **state)
{
	ONE("I(0,0)x R(0) I(0,0) I(0,0)");
}

static void scenario_9_a_damaged_answer_is_asked_for_again(void **state)
{
	ONE("I(0,0) I(0,0)x R(0) I(0,0)");
}

static void scenario_10_command_and_request_are_damaged(void **state)
{
	ONE("I(0,0)x R(0)x R(0) R(0) I(0,0) I(0,0)");
}

static void scenario_11_answer_and_request_are_damaged(void **state)
{
	ONE("I(0,0) I(0,0)x R(0)x R(1) R(0) I(0,0)");
}

static void scenario_12_answer_and_two_requests_are_damaged(void **state)
{
	ONE("I(0,0) I(0,0)x R(0)x R(1)x R(0) I(0,0)");
}

static void scenario_13_answer_and_three_requests_are_damaged(void **state)
{
	ONE("I(0,0) I(0,0)x R(0)x R(1)x R(0)x R(1) R(0) I(0,0)");
}

/* ---- A.3.2 and A.3.3: S(WTX), S(IFS) ---- */

#define WTX(line_)	PLAY(.card = { .wtx = 2 }, .line = line_, .apdus = { { 5, 1 } }, .executed = 1)
#define IFS(line_)	PLAY(.card = { .ask_ifsc = 121 }, .line = line_, .apdus = { { 5, 1 } }, .executed = 1)

static void scenario_14_a_damaged_wtx_request_is_asked_for_again(void **state)
{
	WTX("I(0,0) S(WTX?2)x R(0) S(WTX?2) S(WTX=2) I(0,0)");
}

static void scenario_15_a_damaged_wtx_response_or_request_for_it(void **state)
{
	WTX("I(0,0) S(WTX?2) S(WTX=2)x S(WTX?2) S(WTX=2) I(0,0)");
	WTX("I(0,0) S(WTX?2)x R(0)x S(WTX?2) S(WTX=2) I(0,0)");
	WTX("I(0,0) S(WTX?2) S(WTX=2) I(0,0)x R(0) I(0,0)");
}

static void scenario_16_a_damaged_ifs_request_is_asked_for_again(void **state)
{
	IFS("I(0,0) S(IFS?121)x R(0) S(IFS?121) S(IFS=121) I(0,0)");
}

static void scenario_17_ifs_request_and_request_for_it_are_damaged(void **state)
{
	IFS("I(0,0) S(IFS?121)x R(0)x S(IFS?121) S(IFS=121) I(0,0)");
}

static void scenario_18_a_damaged_ifs_response_is_asked_for_again(void **state)
{
	IFS("I(0,0) S(IFS?121) S(IFS=121)x S(IFS?121) S(IFS=121) I(0,0)");
}

static void scenario_19_the_answer_behind_an_ifs_is_damaged(void **state)
{
	IFS("I(0,0) S(IFS?121) S(IFS=121) I(0,0)x R(0) I(0,0)");
}

static void scenario_20_the_answer_behind_an_ifs_and_its_request_are_damaged(void **state)
{
	IFS("I(0,0) S(IFS?121) S(IFS=121) I(0,0)x R(0)x R(1) R(0) I(0,0)");
}

/* Rule 7.3, the device's own request. */
static void a_damaged_ifsd_request_or_response_is_repeated(void **state)
{
	PLAY(.ifsd = 254, .line = "S(IFS?254)x R(0) S(IFS?254) S(IFS=254) I(0,0) I(0,0)", .apdus = { { 5, 1 } },
	     .executed = 1);
	PLAY(.ifsd = 254, .line = "S(IFS?254) S(IFS=254)x S(IFS?254) S(IFS=254) I(0,0) I(0,0)",
	     .apdus = { { 5, 1 } }, .executed = 1);
}

/* ---- A.3.4: chaining ---- */

#define CHAIN(line_)	PLAY(.card = { .ifsc = 5 }, .line = line_, .apdus = { { 12, 1 } }, .executed = 1)
#define ANSWER(line_)	PLAY(.line = line_, .apdus = { { 5, 40 } }, .executed = 1)

static void scenario_21_a_damaged_acknowledgement_is_asked_for_again(void **state)
{
	CHAIN("I(0,1) R(1)x R(0) R(1) I(1,1) R(0) I(0,0) I(0,0)");
	CHAIN("I(0,1)x R(0) I(0,1) R(1) I(1,1)x R(1) I(1,1) R(0) I(0,0)x R(0) I(0,0) I(0,0)");
}

static void scenario_22_acknowledgement_and_request_for_it_are_damaged(void **state)
{
	CHAIN("I(0,1) R(1)x R(0)x R(1) I(1,1) R(0) I(0,0) I(0,0)");
}

static void scenario_23_our_acknowledgement_is_damaged(void **state)
{
	ANSWER("I(0,0) I(0,1) R(1)x R(1) R(1) I(1,0)");
}

static void scenario_24_our_acknowledgement_and_its_request_are_damaged(void **state)
{
	ANSWER("I(0,0) I(0,1) R(1)x R(1)x R(1) I(1,0)");
	ANSWER("I(0,0) I(0,1)x R(0) I(0,1) R(1) I(1,0)x R(1) I(1,0)");
}

/* ---- A.3.5: a chain is broken off. Rule 9 ---- */

static void scenario_25_the_device_breaks_off_the_cards_chain(void **state)
{
	PLAY(.line = "I(0,0) I(0,1) S(ABORT?) S(ABORT=) I(1,0) I(1,0)",
	     .apdus = { { 5, 40, 10, CR_E_TOO_LONG }, { 5, 1 } }, .executed = 2);
	PLAY(.line = "I(0,0) I(0,1) S(ABORT?)x R(1) S(ABORT?) S(ABORT=)x S(ABORT?) S(ABORT=) I(1,0) I(1,0)",
	     .apdus = { { 5, 40, 10, CR_E_TOO_LONG }, { 5, 1 } }, .executed = 2);
}

static void scenario_26_the_card_breaks_off_its_chain(void **state)
{
	PLAY(.card = { .abort_response = 2 }, .executed = 2,
	     .line = "I(0,0) I(0,1) R(1) S(ABORT?) S(ABORT=) R(1) I(1,0) I(1,0)",
	     .apdus = { { 5, 40, 0, CR_E_CARD_PROTOCOL }, { 5, 1 } });
	PLAY(.card = { .abort_response = 2 }, .executed = 2,
	     .line = "I(0,0) I(0,1) R(1) S(ABORT?)x R(1) S(ABORT?) S(ABORT=)x S(ABORT?) S(ABORT=) R(1)x R(1) R(1) "
		     "I(1,0) I(1,0)",
	     .apdus = { { 5, 40, 0, CR_E_CARD_PROTOCOL }, { 5, 1 } });
}

static void scenario_27_the_card_breaks_off_the_devices_chain(void **state)
{
	PLAY(.card = { .ifsc = 5, .abort_command = 2 }, .executed = 1,
	     .line = "I(0,1) R(1) I(1,1) S(ABORT?) S(ABORT=) R(0) I(0,0) I(0,0)",
	     .apdus = { { 12, 1, 0, CR_E_CARD_PROTOCOL }, { 5, 1 } });
}

static void scenario_28_the_device_breaks_off_its_chain(void **state)
{
	PLAY(.card = { .ifsc = 5 }, .line = "I(0,1) R(1) S(ABORT?) S(ABORT=) I(1,0) I(0,0)", .executed = 1,
	     .apdus = { { 12, 1, 0, CR_E_CANCELED, 0, 1 }, { 5, 1 } });
}

/* ---- A.3.6: resynchronisation. Rule 6 ---- */

#define FORGOTTEN	.apdus = { { 5, 40, 0, 0, 1 }, { 6, 1 } }, .executed = 2

static void scenario_29_the_device_resynchronises(void **state)
{
	PLAY(.line = "I(0,0) I(0,1) S(RESYNCH?) S(RESYNCH=) I(0,0) I(0,0)", FORGOTTEN);
	/* IFSD is told anew, and IFSC is that of the ATR again */
	PLAY(.ifsd = 253, .card = { .ifsc = 5, .ask_ifsc = 6 }, .executed = 1,
	     .line = "S(IFS?253) S(IFS=253) I(0,1) S(IFS?6) S(IFS=6) R(1) S(RESYNCH?) S(RESYNCH=) "
		     "S(IFS?253) S(IFS=253) I(0,1) R(1) I(1,0) I(0,0)",
	     .apdus = { { 20, 1, 0, 0, 3 }, { 6, 200 } });
}

static void scenario_30_a_damaged_resynch_response_is_asked_for_again(void **state)
{
	PLAY(.line = "I(0,0) I(0,1) S(RESYNCH?) S(RESYNCH=)x S(RESYNCH?) S(RESYNCH=) I(0,0) I(0,0)", FORGOTTEN);
}

static void scenario_31_a_damaged_resynch_request_is_repeated(void **state)
{
	PLAY(.line = "I(0,0) I(0,1) S(RESYNCH?)x R(1) S(RESYNCH?) S(RESYNCH=) I(0,0) I(0,0)", FORGOTTEN);
}

static void scenario_32_a_damaged_resynch_request_and_what_it_gets(void **state)
{
	PLAY(.line = "I(0,0) I(0,1) S(RESYNCH?)x R(1)x S(RESYNCH?) S(RESYNCH=) I(0,0) I(0,0)", FORGOTTEN);
}

/* Rule 7.4.2. The card has said each time that it has not got the command: it is sent once more. */
static void scenario_33_three_tries_then_resynch_then_the_command(void **state)
{
	PLAY(.line = "I(0,0) I(0,0) I(1,0)x R(1) I(1,0)x R(1) I(1,0)x R(1) S(RESYNCH?) S(RESYNCH=) I(0,0) I(0,0)",
	     .apdus = { { 5, 1 }, { 5, 1 } }, .executed = 2);
	PLAY(.card = { .ifsc = 5 }, .apdus = { { 12, 1 } }, .executed = 1,
	     .line = "I(0,1) R(1) I(1,1)x R(1)x R(0)x R(1)x R(0)x R(1)x S(RESYNCH?) S(RESYNCH=) "
		     "I(0,1) R(1) I(1,1) R(0) I(0,0) I(0,0)");
}

/* It may have executed it: it is not sent again, and the program is told. */
static void scenario_34_what_may_have_been_executed_is_not_sent_again(void **state)
{
	PLAY(.line = "I(0,0) I(0,0) I(1,0) I(1,0)x R(1) I(1,0)x R(1) I(1,0)x S(RESYNCH?) S(RESYNCH=) I(0,0) I(0,0)",
	     .apdus = { { 5, 1 }, { 5, 1, 0, CR_E_CARD_PROTOCOL }, { 5, 1 } }, .executed = 3);
	PLAY(.line = "I(0,0) I(0,0) I(1,0) I(1,1) R(0)- R(0)- R(0)- S(RESYNCH?) S(RESYNCH=) I(0,0) I(0,0)",
	     .apdus = { { 5, 1 }, { 5, 40, 0, CR_E_CARD_MUTE }, { 5, 1 } }, .executed = 3);
}

static void scenario_35_when_resynch_fails_the_card_must_be_reset(void **state)
{
	PLAY(.line = "I(0,0) I(0,0) I(1,0) I(1,0)x R(1) I(1,0)x R(1) I(1,0)x "
		     "S(RESYNCH?) S(RESYNCH=)x S(RESYNCH?)- S(RESYNCH?)-",
	     .apdus = { { 5, 1 }, { 5, 1, 0, CR_E_CARD_MUTE }, { 5, 1, 0, CR_E_CARD_MUTE } }, .executed = 2);
}

/* Rules 7.4.1 and 7.6: of the first block there is nothing to resynchronise to. */
static void without_a_first_answer_the_card_must_be_reset(void **state)
{
	ONE("I(0,0)- R(0) R(0) I(0,0) I(0,0)");
	PLAY(.line = "I(0,0)- R(0)- R(0)-", .apdus = { { 5, 1, 0, CR_E_CARD_MUTE }, { 5, 1, 0, CR_E_CARD_MUTE } });
	PLAY(.line = "I(0,0) I(0,0)x R(0) I(0,0)x R(0) I(0,0)x", .executed = 1,
	     .apdus = { { 5, 1, 0, CR_E_CARD_PROTOCOL }, { 5, 1, 0, CR_E_CARD_PROTOCOL } });
	PLAY(.ifsd = 254, .line = "S(IFS?254)- S(IFS?254)x R(0)x S(IFS?254)-",
	     .apdus = { { 5, 1, 0, CR_E_CARD_MUTE } });
}

static void a_damaged_command_after_resynch_is_given_up(void **state)
{
	PLAY(.line = "I(0,0) I(0,0) I(1,0)x R(1) I(1,0)x R(1) I(1,0)x R(1) S(RESYNCH?) S(RESYNCH=) "
		     "I(0,0)x R(0) I(0,0)x R(0) I(0,0)x R(0)",
	     .apdus = { { 5, 1 }, { 5, 1, 0, CR_E_CARD_PROTOCOL }, { 5, 1, 0, CR_E_CARD_PROTOCOL } }, .executed = 1);
}

static void a_crc_holds_in_every_kind_of_block(void **state)
{
	PLAY(.card = { .ifsc = 5, .crc = true, .wtx = 3 }, .ifsd = 16, .executed = 1, .apdus = { { 12, 20 } },
	     .line = "S(IFS?16) S(IFS=16) I(0,1) R(1)x R(0) R(1) I(1,1)x R(1) I(1,1) R(0) I(0,0) S(WTX?3) S(WTX=3) "
		     "I(0,1)x R(0) I(0,1) R(1) I(1,0)");
}

/* CRC-16 as X.25 has it (ISO/IEC 13239): its check value is 906E for "123456789". */
static void the_crc_is_that_of_iso_13239(void **state)
{
	const struct cr_t1_params params = { .ifsc = 254, .ifsd = 254, .inf_max = 254, .crc = true };
	uint8_t out[CR_T1_BLOCK_MAX], rsp[8];
	struct cr_t1 t;

	cr_t1_reset(&t, &params);
	assert_int_equal(cr_t1_begin(&t, (const uint8_t *)"\0\1\2\3", 4, rsp, sizeof(rsp)), 0);
	assert_hex(out, cr_t1_block(&t, out), "00 c1 01 fe b1 ab");
}

static void a_command_is_cut_to_what_the_reader_takes(void **state)
{
	const struct cr_t1_params params = { .ifsc = 254, .inf_max = 55 };
	uint8_t cmd[MAX], out[CR_T1_BLOCK_MAX], rsp[8];
	struct cr_t1 t;

	command(cmd, 100, 0);
	cr_t1_reset(&t, &params);
	assert_int_equal(cr_t1_begin(&t, cmd, 100, rsp, sizeof(rsp)), 0);
	assert_int_equal(cr_t1_block(&t, out), 3 + 55 + 1);
	assert_int_equal(out[1], 0x20);
}

static void the_multiplier_is_for_the_next_block_alone(void **state)
{
	const struct sim_t1_config cfg = { .wtx = 9 };
	const struct cr_t1_params params = { .ifsc = 254, .inf_max = 254 };
	struct sim_t1 *card = sim_t1_new(&cfg, execute, NULL);
	const char *line = "I(0,0) S(WTX?9) S(WTX=9) I(0,0)x R(0) I(0,0)";
	uint8_t cmd[MAX], rsp[MAX];
	struct cr_t1 t;

	command(cmd, 5, 1);
	cr_t1_reset(&t, &params);
	assert_int_equal(cr_t1_begin(&t, cmd, 5, rsp, sizeof(rsp)), 0);
	assert_int_equal(cr_t1_bwi(&t), 0);
	assert_int_equal(exchange(&t, card, &line), 1);
	assert_int_equal(cr_t1_bwi(&t), 9);
	assert_int_equal(exchange(&t, card, &line), 1);
	assert_int_equal(cr_t1_bwi(&t), 0);
	assert_int_equal(exchange(&t, card, &line), 0);
	sim_t1_free(card);
}

/* ---- cards that no standard knows ---- */

/* Answers block number n (from 0); the block without its LRC into out: its length. */
typedef size_t (*hostile_fn)(unsigned int n, const uint8_t *in, uint8_t *out);

static size_t block(uint8_t *out, uint8_t nad, uint8_t pcb, size_t len)
{
	out[0] = nad;
	out[1] = pcb;
	out[2] = (uint8_t)len;
	memset(out + 3, 0x90, len);
	return 3 + len;
}

/* The R-APDU's length, or the error; the command has been sent whole in at most so many blocks. */
static int against(hostile_fn card, size_t cmd_len, size_t room, unsigned int most)
{
	const struct cr_t1_params params = { .ifsc = 32, .ifsd = 0, .inf_max = 254 };
	uint8_t cmd[MAX], out[CR_T1_BLOCK_MAX], in[600], *rsp = malloc(room);
	unsigned int n = 0;
	struct cr_t1 t;
	int rc;

	assert_non_null(rsp);
	command(cmd, cmd_len, 0);
	cr_t1_reset(&t, &params);
	t.heard = true;
	assert_int_equal(cr_t1_begin(&t, cmd, cmd_len, rsp, room), 0);
	do {
		size_t len;

		assert_true(n < most);
		cr_t1_block(&t, out);
		len = card(n++, out, in);
		in[len] = 0;
		for (size_t i = 0; i < len; i++)
			in[len] ^= in[i];
		rc = cr_t1_answer(&t, in, len + 1);
	} while (rc > 0);
	free(rsp);
	return rc ? rc : (int)t.len;
}

static size_t empty_last_block(unsigned int n, const uint8_t *in, uint8_t *out)
{
	return n == 0 ? block(out, 0, 0x20, 2) : block(out, 0, 0x40, 0);
}

static void scenario_7_the_last_block_of_a_chain_may_be_empty(void **state)
{
	assert_int_equal(against(empty_last_block, 5, 10, 2), 2);
}

/* Whatever it is asked, in resynchronisation too. */
#define ALWAYS(name, ...) \
	static size_t name(unsigned int n, const uint8_t *in, uint8_t *out) { return block(out, __VA_ARGS__); }
ALWAYS(wrong_sequence, 0, 0x40, 2)
ALWAYS(node_address, 0x21, 0x00, 2)
ALWAYS(len_255, 0, 0x00, 255)
ALWAYS(rfu_in_i, 0, 0x10, 2)
ALWAYS(r_with_data, 0, 0x80, 1)
ALWAYS(r_with_both_errors, 0, 0x83, 0)
ALWAYS(r_rfu, 0, 0xa0, 0)
ALWAYS(s_of_no_kind, 0, 0xc4, 0)
ALWAYS(wtx_without_value, 0, 0xc3, 0)
ALWAYS(ifs_of_two_bytes, 0, 0xc1, 2)
ALWAYS(resynch_by_the_card, 0, 0xc0, 0)
ALWAYS(abort_of_nothing, 0, 0xc2, 0)
ALWAYS(response_to_nothing, 0, 0xe2, 0)
ALWAYS(never_received, 0, 0x80, 0)
ALWAYS(always_received, 0, 0x90, 0)

static size_t wrong_lrc(unsigned int n, const uint8_t *in, uint8_t *out)
{
	block(out, 0, 0, 2);
	out[5] = 0x55;		/* the LRC is behind that byte */
	return 6;
}

static size_t longer_than_it_says(unsigned int n, const uint8_t *in, uint8_t *out)
{
	return block(out, 0, 0, 2) + 1;
}

static size_t nothing_at_all(unsigned int n, const uint8_t *in, uint8_t *out)
{
	return 0;
}

static size_t ifs_zero(unsigned int n, const uint8_t *in, uint8_t *out)
{
	block(out, 0, 0xc1, 1);
	out[3] = 0;
	return 4;
}

static size_t ifs_255(unsigned int n, const uint8_t *in, uint8_t *out)
{
	ifs_zero(n, in, out);
	out[3] = 255;
	return 4;
}

static size_t answer_in_the_middle(unsigned int n, const uint8_t *in, uint8_t *out)
{
	return block(out, 0, 0x00, 2);
}

static void blocks_that_are_none_end_in_an_error(void **state)
{
	static const hostile_fn cards[] = {
		wrong_sequence, node_address, len_255, rfu_in_i, r_with_data, r_with_both_errors, r_rfu,
		s_of_no_kind, wtx_without_value, ifs_of_two_bytes, resynch_by_the_card, abort_of_nothing,
		response_to_nothing, never_received, always_received, wrong_lrc, longer_than_it_says,
		nothing_at_all, ifs_zero, ifs_255,
	};

	/* three tries and three resynchronisations */
	for (size_t i = 0; i < sizeof(cards) / sizeof(*cards); i++)
		assert_int_equal(against(cards[i], 5, 300, 7), CR_E_CARD_PROTOCOL);
	assert_int_equal(against(answer_in_the_middle, 40, 300, 7), CR_E_CARD_PROTOCOL);
}

static void a_block_longer_than_ifsd_is_refused(void **state)
{
	const struct cr_t1_params params = { .ifsc = 32, .ifsd = 32, .inf_max = 254 };
	uint8_t cmd[5], out[CR_T1_BLOCK_MAX], rsp[300];
	struct cr_t1 t;
	size_t len;

	command(cmd, 5, 0);
	cr_t1_reset(&t, &params);
	assert_int_equal(cr_t1_begin(&t, cmd, 5, rsp, sizeof(rsp)), 0);
	len = block(out, 0, 0x00, CR_T1_IFS_DEFAULT + 1);
	out[len] = 0;
	for (size_t i = 0; i < len; i++)
		out[len] ^= out[i];
	assert_int_equal(cr_t1_answer(&t, out, len + 1), 1);
	assert_int_equal(cr_t1_block(&t, out), 4);
	assert_int_equal(out[1], 0x82);
}

/* There is no chain to break off: it is asked for its answer, not told that it may. */
/* The reader's user cancels before anything is sent: the link is as it was. */
static void what_was_not_sent_can_be_withdrawn(void **state)
{
	const struct cr_t1_params params = { .ifsc = 32, .ifsd = 254, .inf_max = 254 };
	const uint8_t ifs[] = { 0x00, 0xe1, 0x01, 0xfe, 0x1e }, answer[] = { 0x00, 0x00, 0x02, 0x90, 0x00, 0x92 };
	uint8_t block[CR_T1_BLOCK_MAX], cmd[40], rsp[8];
	struct cr_t1 t;

	command(cmd, sizeof(cmd), 0);
	cr_t1_reset(&t, &params);
	assert_int_equal(cr_t1_begin(&t, cmd, 5, rsp, sizeof(rsp)), 0);
	assert_int_equal(cr_t1_withdraw(&t), CR_E_INVALID);	/* S(IFS request) is to be sent */
	assert_int_equal(cr_t1_answer(&t, ifs, sizeof(ifs)), 1);
	cr_t1_block(&t, block);
	assert_int_equal(block[1], 0x00);
	assert_int_equal(cr_t1_withdraw(&t), 0);
	assert_int_equal(cr_t1_withdraw(&t), CR_E_INVALID);
	/* the same N(S), and nothing to be put in order before */
	assert_int_equal(cr_t1_begin(&t, cmd, 5, rsp, sizeof(rsp)), 0);
	cr_t1_block(&t, block);
	assert_int_equal(block[1], 0x00);
	assert_int_equal(cr_t1_answer(&t, answer, sizeof(answer)), 0);
	/* the first of two is not the whole command */
	assert_int_equal(cr_t1_begin(&t, cmd, sizeof(cmd), rsp, sizeof(rsp)), 0);
	assert_int_equal(cr_t1_withdraw(&t), CR_E_INVALID);
}

static void an_abort_of_nothing_is_no_block(void **state)
{
	const struct cr_t1_params params = { .ifsc = 32, .inf_max = 254 };
	const uint8_t abort_request[] = { 0x00, 0xc2, 0x00, 0xc2 };
	uint8_t cmd[5], out[CR_T1_BLOCK_MAX], rsp[300];
	struct cr_t1 t;

	command(cmd, 5, 0);
	cr_t1_reset(&t, &params);
	assert_int_equal(cr_t1_begin(&t, cmd, 5, rsp, sizeof(rsp)), 0);
	assert_int_equal(cr_t1_answer(&t, abort_request, 4), 1);
	assert_hex(out, cr_t1_block(&t, out), "00 82 00 82");
}

static size_t endless_wtx(unsigned int n, const uint8_t *in, uint8_t *out)
{
	block(out, 0, 0xc3, 1);
	return 4;
}

static size_t endless_ifs(unsigned int n, const uint8_t *in, uint8_t *out)
{
	block(out, 0, 0xc1, 1);
	return 4;
}

static size_t endless_chain(unsigned int n, const uint8_t *in, uint8_t *out)
{
	if (in[1] == 0xc2)
		return block(out, 0, 0xe2, 0);
	return block(out, 0, n & 1 ? 0x60 : 0x20, 1);
}

static size_t endless_chain_of_nothing(unsigned int n, const uint8_t *in, uint8_t *out)
{
	if (in[1] == 0xc2)
		return block(out, 0, 0xe2, 0);
	return block(out, 0, n & 1 ? 0x60 : 0x20, 0);
}

static size_t endless_chain_that_is_not_to_be_stopped(unsigned int n, const uint8_t *in, uint8_t *out)
{
	return block(out, 0, n & 1 ? 0x60 : 0x20, 1);
}

static void what_has_no_end_is_ended(void **state)
{
	assert_int_equal(against(endless_wtx, 5, 300, CR_T1_WTX_MAX + 5), CR_E_CARD_PROTOCOL);
	assert_int_equal(against(endless_ifs, 5, 300, 25), CR_E_CARD_PROTOCOL);
	assert_int_equal(against(endless_chain, 5, 300, 303), CR_E_TOO_LONG);
	assert_int_equal(against(endless_chain_of_nothing, 5, 300, 20), CR_E_CARD_PROTOCOL);
	assert_int_equal(against(endless_chain_that_is_not_to_be_stopped, 5, 300, 310), CR_E_CARD_PROTOCOL);
}

static size_t one_byte(unsigned int n, const uint8_t *in, uint8_t *out)
{
	return block(out, 0, 0x00, 1);
}

static size_t much(unsigned int n, const uint8_t *in, uint8_t *out)
{
	return block(out, 0, 0x00, 20);
}

static void an_answer_without_status_word_is_none(void **state)
{
	assert_int_equal(against(one_byte, 5, 300, 1), CR_E_CARD_PROTOCOL);
}

static void room_is_not_exceeded(void **state)
{
	assert_int_equal(against(much, 5, 20, 1), 20);
	assert_int_equal(against(much, 5, 19, 1), CR_E_TOO_LONG);
}

static void what_is_no_apdu_is_not_begun(void **state)
{
	const struct cr_t1_params params = { .ifsc = 32, .inf_max = 254 };
	uint8_t b[8] = { 0 };
	struct cr_t1 t;

	cr_t1_reset(&t, &params);
	assert_int_equal(cr_t1_begin(&t, b, 3, b, 8), CR_E_MALFORMED);
	assert_int_equal(cr_t1_begin(&t, b, 4, b, 1), CR_E_TOO_LONG);
	assert_int_equal(cr_t1_answer(&t, b, 4), CR_E_INVALID);
	assert_int_equal(cr_t1_no_answer(&t, CR_E_CARD_MUTE), CR_E_INVALID);
	assert_int_equal(cr_t1_abort(&t, CR_E_CANCELED), CR_E_INVALID);
}

/* ---- a bad line ---- */

/*
 * Blocks damaged and lost at random: an answer is the right one, a command is never executed twice, and all comes
 * to an end.
 */
static void on_any_line_a_command_is_executed_once_at_most(void **state)
{
	unsigned int good = 0, bad = 0, resets = 0;
	uint8_t cmd[MAX], rsp[MAX], out[CR_T1_BLOCK_MAX], in[SIM_T1_BLOCK_MAX];
	struct cr_t1 t;

	srand(7816);
	for (unsigned int run = 0; run < 3000; run++) {
		const struct sim_t1_config cfg = { .ifsc = (uint8_t)(5 + rand() % 250), .crc = rand() & 1,
						   .wtx = rand() & 1, .ask_ifsc = rand() & 1 ? 20 : 0 };
		const struct cr_t1_params params = { .ifsc = cfg.ifsc, .ifsd = rand() & 1 ? 254 : 0,
						     .inf_max = 254, .crc = cfg.crc };
		struct sim_t1 *card = sim_t1_new(&cfg, execute, NULL);
		int trouble = 2 + rand() % 20;

		cr_t1_reset(&t, &params);
		for (unsigned int k = 0; k < 6; k++) {
			size_t len = 4 + (size_t)rand() % 300, answer = (size_t)rand() % 300;
			unsigned int steps = 0;
			int rc;

			app.executed = 0;
			command(cmd, len, answer);
			rc = cr_t1_begin(&t, cmd, len, rsp, sizeof(rsp));
			if (!rc)
				rc = 1;
			while (rc > 0) {
				size_t n = cr_t1_block(&t, out);

				assert_true(++steps < 1000);
				if (rand() % trouble == 0)
					out[(size_t)rand() % n] ^= (uint8_t)(1 << rand() % 8);
				n = rand() % (4 * trouble) ? sim_t1_block(card, out, n, in) : 0;
				if (n && rand() % trouble == 0)
					in[(size_t)rand() % n] ^= (uint8_t)(1 << rand() % 8);
				rc = n ? cr_t1_answer(&t, in, n) : cr_t1_no_answer(&t, CR_E_CARD_MUTE);
			}
			assert_true(app.executed <= 1);
			if (rc == 0) {
				good++;
				assert_int_equal(app.executed, 1);
				assert_answer(rsp, t.len, answer);
			} else {
				bad++;
				assert_true(rc == CR_E_CARD_PROTOCOL || rc == CR_E_CARD_MUTE);
			}
			if (t.state == CR_T1_DEAD) {
				resets++;
				sim_t1_reset(card);
				cr_t1_reset(&t, &params);
			}
		}
		sim_t1_free(card);
	}
	/* it did go wrong, and did go right */
	assert_true(good > 10000 && bad > 500 && resets > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenario_1_i_blocks_alternate),
		cmocka_unit_test(scenario_2_the_card_asks_for_time),
		cmocka_unit_test(scenario_3_the_card_tells_its_ifsc),
		cmocka_unit_test(scenario_4_the_device_tells_its_ifsd),
		cmocka_unit_test(scenario_5_a_command_is_chained),
		cmocka_unit_test(scenario_6_an_answer_is_chained),
		cmocka_unit_test(scenario_7_the_last_block_of_a_chain_may_be_empty),
		cmocka_unit_test(scenario_8_a_damaged_command_is_sent_again),
		cmocka_unit_test(scenario_9_a_damaged_answer_is_asked_for_again),
		cmocka_unit_test(scenario_10_command_and_request_are_damaged),
		cmocka_unit_test(scenario_11_answer_and_request_are_damaged),
		cmocka_unit_test(scenario_12_answer_and_two_requests_are_damaged),
		cmocka_unit_test(scenario_13_answer_and_three_requests_are_damaged),
		cmocka_unit_test(scenario_14_a_damaged_wtx_request_is_asked_for_again),
		cmocka_unit_test(scenario_15_a_damaged_wtx_response_or_request_for_it),
		cmocka_unit_test(scenario_16_a_damaged_ifs_request_is_asked_for_again),
		cmocka_unit_test(scenario_17_ifs_request_and_request_for_it_are_damaged),
		cmocka_unit_test(scenario_18_a_damaged_ifs_response_is_asked_for_again),
		cmocka_unit_test(scenario_19_the_answer_behind_an_ifs_is_damaged),
		cmocka_unit_test(scenario_20_the_answer_behind_an_ifs_and_its_request_are_damaged),
		cmocka_unit_test(a_damaged_ifsd_request_or_response_is_repeated),
		cmocka_unit_test(scenario_21_a_damaged_acknowledgement_is_asked_for_again),
		cmocka_unit_test(scenario_22_acknowledgement_and_request_for_it_are_damaged),
		cmocka_unit_test(scenario_23_our_acknowledgement_is_damaged),
		cmocka_unit_test(scenario_24_our_acknowledgement_and_its_request_are_damaged),
		cmocka_unit_test(scenario_25_the_device_breaks_off_the_cards_chain),
		cmocka_unit_test(scenario_26_the_card_breaks_off_its_chain),
		cmocka_unit_test(scenario_27_the_card_breaks_off_the_devices_chain),
		cmocka_unit_test(scenario_28_the_device_breaks_off_its_chain),
		cmocka_unit_test(scenario_29_the_device_resynchronises),
		cmocka_unit_test(scenario_30_a_damaged_resynch_response_is_asked_for_again),
		cmocka_unit_test(scenario_31_a_damaged_resynch_request_is_repeated),
		cmocka_unit_test(scenario_32_a_damaged_resynch_request_and_what_it_gets),
		cmocka_unit_test(scenario_33_three_tries_then_resynch_then_the_command),
		cmocka_unit_test(scenario_34_what_may_have_been_executed_is_not_sent_again),
		cmocka_unit_test(scenario_35_when_resynch_fails_the_card_must_be_reset),
		cmocka_unit_test(without_a_first_answer_the_card_must_be_reset),
		cmocka_unit_test(a_damaged_command_after_resynch_is_given_up),
		cmocka_unit_test(a_crc_holds_in_every_kind_of_block),
		cmocka_unit_test(the_crc_is_that_of_iso_13239),
		cmocka_unit_test(a_command_is_cut_to_what_the_reader_takes),
		cmocka_unit_test(the_multiplier_is_for_the_next_block_alone),
		cmocka_unit_test(blocks_that_are_none_end_in_an_error),
		cmocka_unit_test(a_block_longer_than_ifsd_is_refused),
		cmocka_unit_test(what_was_not_sent_can_be_withdrawn),
		cmocka_unit_test(an_abort_of_nothing_is_no_block),
		cmocka_unit_test(what_has_no_end_is_ended),
		cmocka_unit_test(an_answer_without_status_word_is_none),
		cmocka_unit_test(room_is_not_exceeded),
		cmocka_unit_test(what_is_no_apdu_is_not_begun),
		cmocka_unit_test(on_any_line_a_command_is_executed_once_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
