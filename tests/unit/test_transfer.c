// SPDX-License-Identifier: BSD-2-Clause
/* APDUs and batches of them, at APDU level and as T=0 TPDUs: in order, bounded, and never twice. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "cardrig.h"

static uint16_t send(cr_card_t *card, const uint8_t *cmd, size_t len)
{
	uint8_t rsp[300];
	size_t n = sizeof(rsp);

	assert_int_equal(cr_card_transmit(card, cmd, len, rsp, &n), 0);
	return cr_rapdu_sw(rsp, n);
}

/* ---- batches ---- */

#define BATCH	150

static void batch_make(struct cr_apdu *apdus, uint8_t cmds[][5], uint8_t rsps[][8], size_t n)
{
	memset(apdus, 0, n * sizeof(*apdus));
	for (size_t i = 0; i < n; i++) {
		const uint8_t cmd[5] = { 0, 0x88, 0x90, 0x00, 4 };

		memcpy(cmds[i], cmd, 5);
		apdus[i] = (struct cr_apdu){ .cmd = cmds[i], .cmd_len = 5, .rsp = rsps[i], .rsp_size = 8,
					     .sw = 0x9000, .sw_mask = 0xffff };
	}
}

static void a_batch_longer_than_the_ring_goes_in_rounds(void **state)
{
	static const enum cardring_level levels[] = { CARDRING_LEVEL_TPDU, CARDRING_LEVEL_SHORT_APDU,
						      CARDRING_LEVEL_EXTENDED_APDU };

	for (size_t l = 0; l < 3; l++) {
		struct cr_apdu apdus[BATCH];
		uint8_t cmds[BATCH][5], rsps[BATCH][8];
		struct cr_exchange before, ex;
		cr_card_t *card;
		size_t done;

		rig_make(levels[l]);
		card = open_card(0);
		cr_card_exchange(card, &before);
		batch_make(apdus, cmds, rsps, BATCH);
		assert_int_equal(cr_card_transmit_batch(card, apdus, BATCH, &done), 0);
		assert_int_equal(done, BATCH);
		assert_int_equal(rig.commands, BATCH);
		for (size_t i = 0; i < BATCH; i++) {
			assert_int_equal(apdus[i].rsp_len, 6);
			assert_memory_equal(rsps[i], "\0\0\0\0\x90\0", 6);
		}
		cr_card_exchange(card, &ex);
		assert_int_equal(ex.commands, BATCH);
		assert_int_equal(ex.messages, BATCH);
		assert_int_equal(ex.bytes_sent, 5 * BATCH);
		assert_int_equal(ex.bytes_received, 6 * BATCH);
		/* few calls: 40 buffers or 12, one of them for all commands */
		assert_true(ex.enters - before.enters <= (l < 2 ? 4 : 14));
		cr_card_close(card);
	}
}

static void a_batch_stops_behind_the_first_other_status(void **state)
{
	for (size_t at = 0; at < BATCH; at += 13) {
		struct cr_apdu apdus[BATCH];
		uint8_t cmds[BATCH][5], rsps[BATCH][8];
		cr_card_t *card;
		size_t done;

		rig_make(CARDRING_LEVEL_SHORT_APDU);
		card = open_card(0);
		batch_make(apdus, cmds, rsps, BATCH);
		memcpy(cmds[at], "\0\x88\x6a\x82\x02", 5);
		assert_int_equal(cr_card_transmit_batch(card, apdus, BATCH, &done), 0);
		assert_int_equal(done, at + 1);
		assert_int_equal(rig.commands, at + 1);
		assert_int_equal(cr_rapdu_sw(apdus[at].rsp, apdus[at].rsp_len), 0x6a82);
		if (at + 1 < BATCH)
			assert_int_equal(apdus[at + 1].rsp_len, 0);
		/* the ring is as new */
		assert_int_equal(send(card, (const uint8_t *)"\0\x88\x90\0", 4), 0x9000);
		/* and a mask lets it pass */
		apdus[at].sw_mask = 0;
		assert_int_equal(cr_card_transmit_batch(card, apdus, BATCH, &done), 0);
		assert_int_equal(done, BATCH);
		cr_card_close(card);
	}
}

static void errors_name_what_happened(void **state)
{
	static const struct { int result; uint8_t error; int want; } cases[] = {
		{ -ENOMEDIUM, 0, CR_E_CARD_GONE }, { -ENODEV, 0, CR_E_READER_GONE },
		{ -ETIMEDOUT, 0, CR_E_TIMEOUT }, { -EPROTO, 0, CR_E_READER_FAILED },
		{ -EIO, 0, CR_E_READER_FAILED }, { -ESHUTDOWN, 0, CR_E_READER_FAILED },
		{ -EREMOTEIO, 0xfe, CR_E_CARD_MUTE }, { -EREMOTEIO, 0xfd, CR_E_CARD_PROTOCOL },
		{ -EREMOTEIO, 0xfb, CR_E_READER_FAILED }, { -EREMOTEIO, 0xf6, CR_E_READER_UNFIT },
		{ -EREMOTEIO, 0xe0, CR_E_READER_BUSY }, { -EMSGSIZE, 0, CR_E_TOO_LONG },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct cr_apdu apdus[BATCH];
		uint8_t cmds[BATCH][5], rsps[BATCH][8];
		cr_card_t *card;
		size_t done;

		rig_make(CARDRING_LEVEL_EXTENDED_APDU);
		card = open_card(0);
		batch_make(apdus, cmds, rsps, BATCH);
		rig.fail_at = 20;
		rig.fail_result = cases[i].result;
		rig.fail_error = cases[i].error;
		assert_int_equal(cr_card_transmit_batch(card, apdus, BATCH, &done), cases[i].want);
		assert_int_equal(done, 19);
		assert_int_equal(rig.commands, 20);
		cr_card_close(card);
	}
}

static void a_response_is_never_longer_than_its_room(void **state)
{
	const uint8_t cmd[] = { 0, 0x88, 0x90, 0, 8 };
	uint8_t rsp[9];
	size_t n = sizeof(rsp);
	cr_card_t *card;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	card = open_card(0);
	assert_int_equal(cr_card_transmit(card, cmd, sizeof(cmd), rsp, &n), CR_E_TOO_LONG);
	assert_int_equal(n, 0);
	/* nor is a part of one taken for the whole */
	rig.chain_param = 1;
	n = sizeof(rsp);
	assert_int_equal(cr_card_transmit(card, (const uint8_t *)"\0\x88\x90\0", 4, rsp, &n), CR_E_TOO_LONG);
	cr_card_close(card);
}

static void what_is_no_apdu_is_not_sent(void **state)
{
	uint8_t cmd[300] = { 0, 0x88, 0x90, 0, 0, 1, 0 }, rsp[10];
	cr_card_t *card;
	size_t n = sizeof(rsp);

	rig_make(CARDRING_LEVEL_SHORT_APDU);
	card = open_card(0);
	assert_int_equal(cr_card_transmit(card, cmd, 3, rsp, &n), CR_E_MALFORMED);
	n = sizeof(rsp);
	assert_int_equal(cr_card_transmit(card, cmd, 7 + 256, rsp, &n), CR_E_TOO_LONG);	/* extended */
	assert_int_equal(rig.commands, 0);
	cr_card_close(card);
}

static unsigned int traced, traced_errors;
static void trace(void *arg, const uint8_t *cmd, size_t cmd_len, const uint8_t *rsp, size_t rsp_len, int err)
{
	traced++;
	traced_errors += err != 0;
	assert_int_equal(rsp_len != 0, err == 0);
}

static void the_trace_sees_every_apdu_once(void **state)
{
	struct cr_apdu apdus[BATCH];
	uint8_t cmds[BATCH][5], rsps[BATCH][8];
	cr_card_t *card;
	size_t done;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	card = open_card(0);
	batch_make(apdus, cmds, rsps, BATCH);
	traced = traced_errors = 0;
	cr_card_set_trace(card, trace, NULL);
	rig.fail_at = 101;
	rig.fail_result = -EIO;
	assert_int_equal(cr_card_transmit_batch(card, apdus, BATCH, &done), CR_E_READER_FAILED);
	assert_int_equal(traced, 101);
	assert_int_equal(traced_errors, 1);
	cr_card_close(card);
}

static void a_cancel_ends_the_batch(void **state)
{
	struct cr_apdu apdus[BATCH];
	uint8_t cmds[BATCH][5], rsps[BATCH][8];
	volatile int stop = 1;
	cr_card_t *card;
	size_t done;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	card = open_card(0);
	batch_make(apdus, cmds, rsps, BATCH);
	cr_card_set_cancel(card, &stop);
	assert_int_equal(cr_card_transmit_batch(card, apdus, BATCH, &done), CR_E_CANCELED);
	assert_int_equal(done, 0);
	assert_int_equal(rig.commands, 0);
	stop = 0;
	assert_int_equal(send(card, cmds[0], 5), 0x9000);
	cr_card_close(card);
}

/* Somebody else ended it (or the reader did): nothing says that the card did not get it. */
static void what_was_canceled_is_not_sent_again(void **state)
{
	struct cr_apdu apdus[4];
	uint8_t cmds[4][5], rsps[4][8];
	cr_card_t *card;
	size_t done;

	for (unsigned int at = 1; at <= 2; at++) {
		rig_make(CARDRING_LEVEL_EXTENDED_APDU);
		card = open_card(0);
		batch_make(apdus, cmds, rsps, 4);
		rig.fail_at = at;
		rig.fail_result = -ECANCELED;
		assert_int_equal(cr_card_transmit_batch(card, apdus, 4, &done), CR_E_CANCELED);
		assert_int_equal(done, at - 1);
		assert_int_equal(rig.commands, at);
		cr_card_close(card);
	}
}

/* ---- T=0 in a batch ---- */

static unsigned int t0_pending, t0_really;	/* bytes that wait; what it really has */

/* INS 0x86 answers P2 bytes (t0_really, if set), fetched by GET RESPONSE; others as answer_plain. */
static size_t answer_t0(const uint8_t *cmd, size_t len, uint8_t *rsp, size_t room)
{
	size_t n;

	if (cmd[1] == 0xc0) {
		n = cmd[4] ? cmd[4] : 256;
		if (!t0_pending)
			return status(rsp, 0, 0x6985);
		if (n > t0_pending)
			return status(rsp, 0, (uint16_t)(0x6c00 | t0_pending));
		memset(rsp, 0x77, n);
		t0_pending -= (unsigned int)n;
		return status(rsp, n, t0_pending ? (uint16_t)(0x6100 | t0_pending) : 0x9000);
	}
	t0_pending = 0;
	if (cmd[1] != 0x86)
		return answer_plain(cmd, len, rsp, room);
	t0_pending = t0_really ? t0_really : cmd[3];
	return status(rsp, 0, (uint16_t)(0x6100 | (t0_pending & 0xff)));
}

static void both_tpdus_of_a_command_are_queued_when_its_length_is_known(void **state)
{
	static const uint8_t cmd[] = { 0, 0x86, 0, 4, 1, 0xaa, 0 };
	struct cr_apdu apdus[15];
	uint8_t rsps[15][16];
	struct cr_exchange before, ex;
	cr_card_t *card;
	size_t done;

	for (int known = 0; known < 2; known++) {
		rig_make(CARDRING_LEVEL_TPDU);
		rig.answer = answer_t0;
		t0_really = 0;
		card = open_card(0);
		cr_card_exchange(card, &before);
		for (size_t i = 0; i < 15; i++)
			apdus[i] = (struct cr_apdu){ .cmd = cmd, .cmd_len = sizeof(cmd), .rsp = rsps[i],
						     .rsp_size = 16, .sw = 0x9000, .sw_mask = 0xffff,
						     .rsp_expect = known ? 6 : 0 };
		assert_int_equal(cr_card_transmit_batch(card, apdus, 15, &done), 0);
		assert_int_equal(done, 15);
		for (size_t i = 0; i < 15; i++) {
			assert_int_equal(apdus[i].rsp_len, 6);
			assert_memory_equal(rsps[i], "\x77\x77\x77\x77\x90\0", 6);
		}
		cr_card_exchange(card, &ex);
		assert_int_equal(ex.commands, 15);
		assert_int_equal(ex.messages, 30);
		assert_int_equal(ex.enters - before.enters, known ? 1 : 30);
		cr_card_close(card);
	}
}

static void a_length_that_is_not_as_known_is_found_out(void **state)
{
	static const uint8_t cmd[] = { 0, 0x86, 0, 4, 1, 0xaa, 0 };
	struct cr_apdu apdus[3];
	uint8_t rsps[3][300];
	cr_card_t *card;
	size_t done;

	for (unsigned int really = 1; really <= 6; really++) {
		rig_make(CARDRING_LEVEL_TPDU);
		rig.answer = answer_t0;
		t0_really = really;
		card = open_card(0);
		for (size_t i = 0; i < 3; i++)
			apdus[i] = (struct cr_apdu){ .cmd = cmd, .cmd_len = sizeof(cmd), .rsp = rsps[i],
						     .rsp_size = 300, .sw = 0x9000, .sw_mask = 0xffff,
						     .rsp_expect = 6 };
		assert_int_equal(cr_card_transmit_batch(card, apdus, 3, &done), 0);
		assert_int_equal(done, 3);
		assert_int_equal(rig.commands, 6);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(apdus[i].rsp_len, really + 2);
		cr_card_close(card);
	}
	t0_really = 0;
}

/* 6Cxx to a command with any status wanted: the next one waits until it is whole. */
static size_t answer_wrong_le(const uint8_t *cmd, size_t len, uint8_t *rsp, size_t room)
{
	if (cmd[4] != 2)
		return status(rsp, 0, 0x6c02);
	memset(rsp, 0x55, 2);
	return status(rsp, 2, 0x9000);
}

static void a_command_is_whole_before_the_next_is_sent(void **state)
{
	static const uint8_t cmd[] = { 0, 0xb0, 0, 0, 4 };
	struct cr_apdu apdus[3];
	uint8_t rsps[3][16];
	cr_card_t *card;
	size_t done;

	for (int mask = 0; mask < 2; mask++) {
		rig_make(CARDRING_LEVEL_TPDU);
		rig.answer = answer_wrong_le;
		card = open_card(0);
		for (size_t i = 0; i < 3; i++)
			apdus[i] = (struct cr_apdu){ .cmd = cmd, .cmd_len = sizeof(cmd), .rsp = rsps[i],
						     .rsp_size = 16, .sw = 0x9000,
						     .sw_mask = mask ? 0xffff : 0 };
		assert_int_equal(cr_card_transmit_batch(card, apdus, 3, &done), 0);
		assert_int_equal(done, 3);
		assert_int_equal(rig.commands, 6);
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(rig.log[2 * i][4], 4);
			assert_int_equal(rig.log[2 * i + 1][4], 2);
			assert_memory_equal(rsps[i], "\x55\x55\x90\0", 4);
		}
		cr_card_close(card);
	}
}

/* 61xx and 6Cxx are never the end of a command that wants data, whatever the caller says it wants. */
static void a_command_is_whole_even_if_its_middle_is_what_is_wanted(void **state)
{
	static const uint8_t cmd[] = { 0, 0xb0, 0, 0, 4 };
	struct cr_apdu apdus[3];
	uint8_t rsps[3][16];
	cr_card_t *card;
	size_t done;

	rig_make(CARDRING_LEVEL_TPDU);
	rig.answer = answer_wrong_le;
	card = open_card(0);
	for (size_t i = 0; i < 3; i++)
		apdus[i] = (struct cr_apdu){ .cmd = cmd, .cmd_len = sizeof(cmd), .rsp = rsps[i],
					     .rsp_size = 16, .sw = 0x6c02, .sw_mask = 0xffff };
	assert_int_equal(cr_card_transmit_batch(card, apdus, 3, &done), 0);
	assert_int_equal(done, 1);
	assert_int_equal(rig.commands, 2);
	assert_memory_equal(rsps[0], "\x55\x55\x90\0", 4);
	cr_card_close(card);
}

/* ---- a card that chains, behind a reader for short APDUs ---- */

static size_t gathered, gets;

/* 10xx.. parts, then the last: their number of bytes comes back, of which 256 at once. */
static size_t answer_chaining(const uint8_t *cmd, size_t len, uint8_t *rsp, size_t room)
{
	size_t n = gathered;

	if (cmd[1] == 0xc0) {
		gets++;
		memset(rsp, 0x33, 256);
		gathered -= gathered < 256 ? gathered : 256;
		return status(rsp, cmd[4] ? cmd[4] : 256,
			      gathered ? (uint16_t)(0x6100 | (gathered > 255 ? 0 : gathered)) : 0x9000);
	}
	if (cmd[1] != 0xd6)
		return answer_plain(cmd, len, rsp, room);
	if (cmd[0] & 0x10) {
		gathered += cmd[4];
		return status(rsp, 0, 0x9000);
	}
	gathered = n += cmd[4];
	memset(rsp, 0x33, 256);
	gathered -= 256;
	return status(rsp, 256, (uint16_t)(0x6100 | (gathered > 255 ? 0 : gathered)));
}

static void a_long_command_is_chained_within_a_batch(void **state)
{
	static const uint8_t atr[] = { 0x3b, 0x05, 0x80, 0x73, 0x00, 0x00, 0x80 };
	static const uint8_t plain[] = { 0, 0x88, 0x90, 0x00, 4 };
	static uint8_t cmd[7 + 600 + 2] = { 0, 0xd6, 0, 0, 0, 600 >> 8, 600 & 0xff };
	static uint8_t rsps[5][700];
	struct cr_apdu apdus[5];
	struct cr_exchange before, ex;
	cr_card_t *card;
	size_t done;

	rig_make(CARDRING_LEVEL_SHORT_APDU);
	rig.atr = atr;
	rig.atr_len = sizeof(atr);
	rig.answer = answer_chaining;
	gathered = gets = 0;
	card = open_card(0);
	for (size_t i = 0; i < 5; i++)
		apdus[i] = (struct cr_apdu){ .cmd = i == 2 ? cmd : plain, .cmd_len = i == 2 ? sizeof(cmd) : 5,
					     .rsp = rsps[i], .rsp_size = 700, .sw = 0x9000, .sw_mask = 0xffff };
	cr_card_exchange(card, &before);
	assert_int_equal(cr_card_transmit_batch(card, apdus, 5, &done), 0);
	assert_int_equal(done, 5);
	cr_card_exchange(card, &ex);
	assert_int_equal(ex.commands - before.commands, 5);
	assert_int_equal(ex.messages - before.messages, 4 + 3 + 2);	/* 255, 255, 90; then 256 and 88 fetched */
	assert_int_equal(gets, 2);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(apdus[i].rsp_len, i == 2 ? 602 : 6);
		assert_int_equal(cr_rapdu_sw(apdus[i].rsp, apdus[i].rsp_len), 0x9000);
	}
	/* in order: two, the chain's five, two; and what is short stays linked */
	assert_int_equal(rig.log[2][0], 0x10);
	assert_int_equal(rig.log[4][0], 0x00);
	assert_int_equal(rig.log[6][1], 0xc0);
	assert_int_equal(rig.log[7][1], 0x88);
	assert_int_equal(ex.enters - before.enters, 1 + 5 + 1);
	cr_card_close(card);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_longer_than_the_ring_goes_in_rounds),
		cmocka_unit_test(a_batch_stops_behind_the_first_other_status),
		cmocka_unit_test(errors_name_what_happened),
		cmocka_unit_test(a_response_is_never_longer_than_its_room),
		cmocka_unit_test(what_is_no_apdu_is_not_sent),
		cmocka_unit_test(the_trace_sees_every_apdu_once),
		cmocka_unit_test(a_cancel_ends_the_batch),
		cmocka_unit_test(what_was_canceled_is_not_sent_again),
		cmocka_unit_test(both_tpdus_of_a_command_are_queued_when_its_length_is_known),
		cmocka_unit_test(a_length_that_is_not_as_known_is_found_out),
		cmocka_unit_test(a_command_is_whole_before_the_next_is_sent),
		cmocka_unit_test(a_command_is_whole_even_if_its_middle_is_what_is_wanted),
		cmocka_unit_test(a_long_command_is_chained_within_a_batch),
	};

	return cmocka_run_group_tests(tests, rig_register, rig_end);
}
