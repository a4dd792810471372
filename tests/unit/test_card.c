// SPDX-License-Identifier: BSD-2-Clause
/* A card's life in a slot: opening, what readers say of themselves, cards that go, finding readers. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "cardrig.h"
#include "reader/card_int.h"

/* ---- opening ---- */

static void opening_powers_and_closing_powers_off(void **state)
{
	cr_card_t *card;
	size_t n;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	card = open_card(0);
	assert_int_equal(rig.power_ons, 1);
	assert_memory_equal(cr_card_atr(card, &n), atr_t0, sizeof(atr_t0));
	assert_int_equal(n, sizeof(atr_t0));
	cr_card_close(card);
	assert_int_equal(rig.power_offs, 1);
	cr_card_close(NULL);
}

static void an_empty_slot_is_said_and_can_be_waited_for(void **state)
{
	struct cr_reader_info info;
	cr_card_t *card;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	cr_softreader_card(rig.reader, 0, false);
	open_card(CR_E_NO_CARD);
	assert_int_equal(cr_reader_find("script:", &info), 0);
	assert_int_equal(cr_card_open(&info, 0, 50, &card), CR_E_NO_CARD);
	assert_int_equal(rig.power_ons, 0);
}

static void *insert_later(void *arg)
{
	usleep(60000);
	cr_softreader_card(rig.reader, 0, true);
	return NULL;
}

static void a_card_put_in_while_waiting_is_taken(void **state)
{
	struct cr_reader_info info;
	cr_card_t *card;
	pthread_t thread;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	cr_softreader_card(rig.reader, 0, false);
	assert_int_equal(cr_reader_find("script:", &info), 0);
	assert_int_equal(pthread_create(&thread, NULL, insert_later, NULL), 0);
	assert_int_equal(cr_card_open(&info, 0, 10000, &card), 0);
	pthread_join(thread, NULL);
	cr_card_close(card);
}

static void a_card_that_is_mute_once_is_powered_again(void **state)
{
	cr_card_t *card;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	rig.mute_power_ons = 1;
	card = open_card(0);
	assert_int_equal(rig.power_ons, 2);
	cr_card_close(card);
	rig.mute_power_ons = 2;
	open_card(CR_E_CARD_MUTE);
}

static void a_claimed_slot_is_busy(void **state)
{
	cr_card_t *card;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	card = open_card(0);
	open_card(CR_E_READER_BUSY);
	cr_card_close(card);
	cr_card_close(open_card(0));
}

static void a_card_of_no_protocol_of_ours_is_refused(void **state)
{
	static const uint8_t atr_t14[] = { 0x3b, 0x80, 0x0e, 0x8e };

	rig_make(CARDRING_LEVEL_TPDU);
	rig.atr = atr_t14;
	rig.atr_len = sizeof(atr_t14);
	open_card(CR_E_READER_UNFIT);
	rig_make(CARDRING_LEVEL_TPDU);
	rig.atr_len = 1;
	open_card(CR_E_CARD_PROTOCOL);
	rig_make(CARDRING_LEVEL_CHARACTER);
	open_card(CR_E_READER_UNFIT);
}

/* CCID 1.1, 6.1.7: a reader that does nothing by itself is told what the ATR says. */
static void a_reader_without_automatics_is_told_the_parameters(void **state)
{
	/* TA1 95 (negotiable: not used without PPS), TB1, TC1 05 */
	static const uint8_t atr[] = { 0x3f, 0x70, 0x95, 0x00, 0x05 };
	cr_card_t *card;

	rig_make(CARDRING_LEVEL_TPDU);
	rig.features = 0x38;
	rig.atr = atr;
	rig.atr_len = sizeof(atr);
	card = open_card(0);
	assert_int_equal(rig.set_params, 1);
	assert_int_equal(rig.protocol, 0);
	assert_memory_equal(rig.params, "\x11\x02\x05\x0a\x00", 5);
	cr_card_close(card);
	rig_make(CARDRING_LEVEL_TPDU);
	cr_card_close(open_card(0));
	assert_int_equal(rig.set_params, 0);
}

static size_t answer_mute_at_t1(const uint8_t *cmd, size_t len, uint8_t *rsp, size_t room)
{
	return 0;
}

/* A card with two protocols, and a reader that has chosen by itself: it knows which. */
static void a_reader_that_negotiates_is_asked_what_it_chose(void **state)
{
	static const uint8_t both[] = { 0x3b, 0x80, 0x80, 0x01, 0x01 }, cmd[] = { 0, 0x88, 0x90, 0, 4 };

	for (uint8_t chosen = 0; chosen < 2; chosen++) {
		uint8_t rsp[16];
		size_t n = sizeof(rsp);
		cr_card_t *card;

		rig_make(CARDRING_LEVEL_TPDU);
		rig.features = 0x78;
		rig.atr = both;
		rig.atr_len = sizeof(both);
		rig.chosen = chosen;
		card = open_card(0);
		assert_int_equal(rig.set_params, 0);
		if (chosen)
			rig.answer = answer_mute_at_t1;
		assert_int_equal(cr_card_transmit(card, cmd, sizeof(cmd), rsp, &n), chosen ? CR_E_CARD_PROTOCOL : 0);
		/* a TPDU, or the first block: S(IFS request) */
		assert_memory_equal(rig.log[0], chosen ? "\x00\xc1\x01\xfe" : "\x00\x88\x90\x00", 4);
		cr_card_close(card);
	}
	rig_make(CARDRING_LEVEL_TPDU);
	rig.features = 0x78;
	rig.atr = both;
	rig.atr_len = sizeof(both);
	rig.chosen = 14;
	open_card(CR_E_READER_UNFIT);
}

/* ---- what readers say of themselves ---- */

static void limits_follow_whatever_the_reader_declares(void **state)
{
	static const uint32_t declared[] = { 0, 1, 2, 6, 54, 261, 262, 4086, 65544, 0xffffffff };
	struct cr_limits l;
	cr_card_t *card;

	for (size_t i = 0; i < sizeof(declared) / sizeof(declared[0]); i++) {
		for (unsigned int level = CARDRING_LEVEL_TPDU; level <= CARDRING_LEVEL_EXTENDED_APDU; level *= 2) {
			rig_make(level);
			rig.max_payload = declared[i];
			card = open_card(0);
			cr_card_limits(card, &l);
			assert_true(l.message_command < declared[i] || !l.message_command);
			assert_true(l.message_response < declared[i] || !l.message_response);
			assert_true(l.command <= CR_APDU_MAX_LC && l.response <= CR_APDU_MAX_LE);
			assert_true(l.message_command <= l.command && l.message_response <= l.response);
			if (level != CARDRING_LEVEL_EXTENDED_APDU)
				assert_true(l.command <= CR_APDU_MAX_SHORT_LC && l.response <= CR_APDU_MAX_SHORT_LE);
			cr_card_close(card);
		}
	}
}

/* Historical bytes: nothing of capabilities; extended length; that and command chaining. */
static const uint8_t atr_extended[] = { 0x3b, 0x05, 0x80, 0x73, 0x00, 0x00, 0x40 };
static const uint8_t atr_chains[] = { 0x3b, 0x05, 0x80, 0x73, 0x00, 0x00, 0xc0 };

/* SELECTs succeed, READ BINARY gives EF.ATR/INFO: commands of 1,024 bytes, responses of 2,050. */
static size_t answer_info(const uint8_t *cmd, size_t len, uint8_t *rsp, size_t room)
{
	static const uint8_t info[] = { 0x7f, 0x66, 0x08, 0x02, 0x02, 0x04, 0x00, 0x02, 0x02, 0x08, 0x02 };

	if (cmd[1] != 0xb0)
		return status(rsp, 0, 0x9000);
	memcpy(rsp, info, sizeof(info));
	return status(rsp, sizeof(info), 0x6282);
}

static size_t answer_no_info(const uint8_t *cmd, size_t len, uint8_t *rsp, size_t room)
{
	return status(rsp, 0, 0x6a82);
}

static void each_may_be_what_limits(void **state)
{
	enum { NONE = CR_LIMIT_NONE, READER = CR_LIMIT_READER, LEVEL = CR_LIMIT_LEVEL, CARD = CR_LIMIT_CARD };
	static const struct {
		enum cardring_level level;
		uint32_t payload;
		const uint8_t *atr;
		bool info;
		size_t command, response, message_command, message_response;
		int command_by, response_by;
		unsigned int asked;	/* commands to learn it */
	} c[] = {
		/* nothing but the standard: the reader gives a long response in several messages */
		{ CARDRING_LEVEL_EXTENDED_APDU, 4086, atr_extended, false, 65535, 65536, 4077, 4084, NONE, NONE, 2 },
		/* a buffer: of the 4,086 bytes that it takes, and a reader that would give more in one message */
		{ CARDRING_LEVEL_EXTENDED_APDU, 65544, atr_extended, false, 65535, 4084, 4077, 4084, NONE, READER, 2 },
		{ CARDRING_LEVEL_EXTENDED_APDU, 4087, atr_extended, false, 65535, 4084, 4077, 4084, NONE, READER, 2 },
		/* the card: by its silence, by its historical bytes' silence, by EF.ATR/INFO */
		{ CARDRING_LEVEL_EXTENDED_APDU, 65544, atr_t0, false, 255, 256, 255, 256, CARD, CARD, 2 },
		{ CARDRING_LEVEL_EXTENDED_APDU, 65544, atr_t0, true, 1015, 2048, 1015, 2048, CARD, CARD, 3 },
		{ CARDRING_LEVEL_EXTENDED_APDU, 65544, atr_chains, true, 1015, 2048, 1015, 2048, CARD, CARD, 3 },
		/* the messages: of an APDU in several of them no more goes in one */
		{ CARDRING_LEVEL_EXTENDED_APDU, 261, atr_chains, true, 1015, 2048, 252, 259, CARD, CARD, 3 },
		{ CARDRING_LEVEL_EXTENDED_APDU, 261, atr_chains, false, 65535, 65536, 252, 259, NONE, NONE, 2 },
		{ CARDRING_LEVEL_SHORT_APDU, 54, atr_chains, true, 48, 52, 48, 52, READER, READER, 0 },
		{ CARDRING_LEVEL_TPDU, 54, atr_chains, true, 49, 52, 49, 52, READER, READER, 0 },
		/* the level, and T=0 */
		{ CARDRING_LEVEL_SHORT_APDU, 261, atr_chains, true, 255, 256, 255, 256, LEVEL, LEVEL, 0 },
		{ CARDRING_LEVEL_TPDU, 65544, atr_chains, true, 255, 256, 255, 256, LEVEL, LEVEL, 0 },
	};
	struct cr_limits l;
	cr_card_t *card;

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		rig_make(c[i].level);
		rig.max_payload = c[i].payload;
		rig.atr = c[i].atr;
		rig.atr_len = c[i].atr == atr_t0 ? sizeof(atr_t0) : sizeof(atr_chains);
		rig.answer = c[i].info ? answer_info : answer_no_info;
		card = open_card(0);
		assert_int_equal(cr_card_learn_limits(card), 0);
		cr_card_limits(card, &l);
		if (l.command != c[i].command || l.response != c[i].response ||
		    l.message_command != c[i].message_command || l.message_response != c[i].message_response)
			fail_msg("case %zu: %zu, %zu; %zu, %zu", i, l.command, l.response, l.message_command,
				 l.message_response);
		assert_int_equal(l.command_by, c[i].command_by);
		assert_int_equal(l.response_by, c[i].response_by);
		assert_int_equal(rig.commands, c[i].asked);
		assert_int_equal(l.told, c[i].asked == 3);
		assert_int_equal(l.chaining, c[i].atr == atr_chains);
		assert_int_equal(l.extended, l.response > 256);
		cr_card_close(card);
	}
}

static void buffers_of_memory_that_is_not_short_limit_nothing(void **state)
{
	struct cr_limits l;
	cr_card_t *card;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	script_backend.whole_messages = 1;
	rig.atr = atr_extended;
	rig.atr_len = sizeof(atr_extended);
	card = open_card(0);
	cr_card_limits(card, &l);
	assert_int_equal(l.command, CR_APDU_MAX_LC);
	assert_int_equal(l.response, CR_APDU_MAX_LE);
	assert_int_equal(l.message_command, CR_APDU_MAX_LC);
	assert_int_equal(l.message_response, CR_APDU_MAX_LE);
	assert_int_equal(l.response_by, CR_LIMIT_NONE);
	cr_card_close(card);
}

static void limits_that_cannot_be_learnt_for_the_cards_end_are_an_error(void **state)
{
	struct cr_limits l;
	cr_card_t *card;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	rig.atr = atr_extended;
	rig.atr_len = sizeof(atr_extended);
	rig.fail_at = 1;
	rig.fail_result = -ENOMEDIUM;
	card = open_card(0);
	assert_int_equal(cr_card_learn_limits(card), CR_E_CARD_GONE);
	cr_card_limits(card, &l);
	assert_false(l.told);
	cr_card_close(card);
}

/* The list knows nothing of this reader; its level shows when it is open. */
static void a_reader_known_by_its_path_alone_gets_buffers_of_its_level(void **state)
{
	struct cr_limits l;
	cr_card_t *card;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	rig.atr = atr_extended;
	rig.atr_len = sizeof(atr_extended);
	card = open_card(0);
	cr_card_limits(card, &l);
	assert_true(l.message_response > 2000);
	cr_card_close(card);
	assert_int_equal(rig.power_ons, 1);
}

/* ---- the card goes ---- */

static void a_card_taken_out_stays_gone_until_opened_anew(void **state)
{
	uint8_t rsp[10];
	size_t n = sizeof(rsp);
	cr_card_t *card;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	card = open_card(0);
	cr_softreader_card(rig.reader, 0, false);
	assert_int_equal(cr_card_transmit(card, (const uint8_t *)"\0\x88\x90\0", 4, rsp, &n), CR_E_CARD_GONE);
	assert_int_equal(rig.commands, 0);
	cr_card_close(card);
}

static void another_card_is_not_taken_for_the_first(void **state)
{
	cr_card_t *card;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	card = open_card(0);
	assert_int_equal(cr_card_reset(card), 0);
	assert_int_equal(rig.power_ons, 2);
	cr_softreader_card(rig.reader, 0, false);
	cr_softreader_card(rig.reader, 0, true);
	assert_int_equal(cr_card_reset(card), CR_E_CARD_GONE);
	cr_card_close(card);
}

static void a_reader_unplugged_is_said_so(void **state)
{
	uint8_t rsp[10];
	size_t n = sizeof(rsp);
	cr_card_t *card;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	card = open_card(0);
	cr_softreader_gone(rig.reader);
	assert_int_equal(cr_card_transmit(card, (const uint8_t *)"\0\x88\x90\0", 4, rsp, &n), CR_E_READER_GONE);
	assert_int_equal(cr_card_reset(card), CR_E_READER_GONE);
	cr_card_close(card);
	open_card(CR_E_READER_GONE);
}

static int enter_of_nothing(cr_ring_t *ring, unsigned int to_submit, unsigned int min_complete, int timeout_ms)
{
	return -ENODEV;
}

/* A ring whose reader is gone takes no entry: however many are tried, each fails for that reason. */
static void a_reader_unplugged_is_said_so_however_often(void **state)
{
	const struct cr_ring_ops *ops;
	struct cr_ring_ops gone;
	uint8_t rsp[10];
	cr_card_t *card;

	for (unsigned int level = CARDRING_LEVEL_TPDU; level <= CARDRING_LEVEL_EXTENDED_APDU; level *= 2) {
		rig_make(level);
		card = open_card(0);
		ops = card->ring->ops;
		gone = *ops;
		gone.enter = enter_of_nothing;
		card->ring->ops = &gone;
		for (unsigned int i = 0; i < 70; i++) {
			size_t n = sizeof(rsp);

			assert_int_equal(cr_card_transmit(card, (const uint8_t *)"\0\x88\x90\0", 4, rsp, &n),
					 CR_E_READER_GONE);
		}
		assert_int_equal(cr_card_reset(card), CR_E_READER_GONE);
		card->ring->ops = ops;
		cr_card_close(card);
		assert_int_equal(rig.commands, 0);
	}
}

/* What one ENTER has left in the ring takes the room of the next round, and is none of its own. */
static void a_round_fits_what_is_free_of_the_ring(void **state)
{
	static const uint8_t cmd[] = { 0, 0x88, 0x90, 0 };
	struct cr_apdu apdus[70];
	struct cardring_sqe *sqe;
	uint8_t rsp[70][2];
	cr_card_t *card;
	size_t done;

	rig_make(CARDRING_LEVEL_TPDU);
	card = open_card(0);
	for (size_t i = 0; i < 70; i++)
		apdus[i] = (struct cr_apdu){ .cmd = cmd, .cmd_len = sizeof(cmd), .rsp = rsp[i], .rsp_size = 2,
					     .sw = 0x9000, .sw_mask = 0xffff };
	sqe = cr_ring_sqe(card->ring);
	sqe->opcode = CARDRING_OP_NOP;
	sqe->user_data = UINT64_MAX;
	assert_int_equal(cr_card_transmit_batch(card, apdus, 70, &done), 0);
	assert_int_equal(done, 70);
	cr_card_close(card);
}

/* ---- finding ---- */

static struct { size_t crowd; int denied; } others;

static int others_list(struct cr_reader_info *out, size_t max)
{
	for (size_t i = 0; i < others.crowd && i < max; i++) {
		memset(&out[i], 0, sizeof(out[i]));
		memset(out[i].name, 'n', sizeof(out[i].name) - 1);
		snprintf(out[i].path, sizeof(out[i].path), "other:%zu", i);
		strcpy(out[i].backend, "others");
		out[i].slot = (unsigned int)i % 32;
		out[i].dev.slots = 32;
		memset(out[i].dev.serial, 's', sizeof(out[i].dev.serial) - 1);
		out[i].state = i ? CARDRING_SLOT_EMPTY : CARDRING_SLOT_UNKNOWN;
		out[i].error = i ? 0 : others.denied;
	}
	return (int)others.crowd;
}

static int others_owns(const char *path)
{
	return !strncmp(path, "other:", 6);
}

static const struct cr_backend others_backend = {
	.name = "others", .list = others_list, .owns = others_owns,
};

static void readers_are_found_by_what_a_user_says(void **state)
{
	struct cr_reader_info info;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	assert_int_equal(cr_reader_find("script reader", &info), 0);
	assert_string_equal(info.path, "script:");
	assert_int_equal(cr_reader_find("READ", &info), 0);
	assert_int_equal(cr_reader_find("no such reader", &info), CR_E_NO_READER);
	assert_int_equal(cr_reader_find("99", &info), CR_E_NO_READER);
	assert_int_equal(cr_reader_find("", &info), CR_E_NO_READER);
	/* a virtual reader is never taken unasked */
	if (!cr_reader_find(NULL, &info))
		assert_string_not_equal(info.backend, "script");
}

static void every_reader_of_a_crowd_is_listed_and_named(void **state)
{
	struct cr_reader_info *list, info;
	int n;

	others.crowd = 200;
	n = cr_reader_list(&list);
	assert_true(n >= 200);
	for (int i = 0; i < n; i++) {
		assert_true(strlen(list[i].name) < sizeof(list[i].name));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(list[i].name, list[j].name);
	}
	assert_int_equal(cr_reader_find(list[n - 2].name, &info), 0);
	assert_string_equal(info.path, list[n - 2].path);
	free(list);
	others.crowd = 0;
}

/* One that must not be opened is no choice where there is another. */
static void a_reader_that_is_denied_is_the_last_choice(void **state)
{
	struct cr_reader_info info;

	others.denied = CR_E_READER_DENIED;
	others.crowd = 2;
	assert_int_equal(cr_reader_find(NULL, &info), 0);
	assert_string_equal(info.path, "other:1");
	others.crowd = 1;
	assert_int_equal(cr_reader_find(NULL, &info), 0);
	assert_string_equal(info.path, "other:0");
	others.crowd = 0;
}

static int setup(void **state)
{
	int err = cr_backend_register(&others_backend);

	return err ? err : rig_register(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opening_powers_and_closing_powers_off),
		cmocka_unit_test(an_empty_slot_is_said_and_can_be_waited_for),
		cmocka_unit_test(a_card_put_in_while_waiting_is_taken),
		cmocka_unit_test(a_card_that_is_mute_once_is_powered_again),
		cmocka_unit_test(a_claimed_slot_is_busy),
		cmocka_unit_test(a_card_of_no_protocol_of_ours_is_refused),
		cmocka_unit_test(a_reader_without_automatics_is_told_the_parameters),
		cmocka_unit_test(a_reader_that_negotiates_is_asked_what_it_chose),
		cmocka_unit_test(limits_follow_whatever_the_reader_declares),
		cmocka_unit_test(each_may_be_what_limits),
		cmocka_unit_test(buffers_of_memory_that_is_not_short_limit_nothing),
		cmocka_unit_test(limits_that_cannot_be_learnt_for_the_cards_end_are_an_error),
		cmocka_unit_test(a_reader_known_by_its_path_alone_gets_buffers_of_its_level),
		cmocka_unit_test(a_card_taken_out_stays_gone_until_opened_anew),
		cmocka_unit_test(another_card_is_not_taken_for_the_first),
		cmocka_unit_test(a_reader_unplugged_is_said_so),
		cmocka_unit_test(a_reader_unplugged_is_said_so_however_often),
		cmocka_unit_test(a_round_fits_what_is_free_of_the_ring),
		cmocka_unit_test(readers_are_found_by_what_a_user_says),
		cmocka_unit_test(every_reader_of_a_crowd_is_listed_and_named),
		cmocka_unit_test(a_reader_that_is_denied_is_the_last_choice),
	};

	return cmocka_run_group_tests(tests, setup, rig_end);
}
