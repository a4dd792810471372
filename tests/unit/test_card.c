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
	open_card(CR_E_UNSUPPORTED);
	rig_make(CARDRING_LEVEL_TPDU);
	rig.atr_len = 1;
	open_card(CR_E_CARD_PROTOCOL);
	rig_make(CARDRING_LEVEL_CHARACTER);
	open_card(CR_E_UNSUPPORTED);
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
	open_card(CR_E_UNSUPPORTED);
}

/* ---- what readers say of themselves ---- */

static void limits_follow_whatever_the_reader_declares(void **state)
{
	static const uint32_t declared[] = { 0, 1, 2, 6, 54, 261, 262, 4086, 65544, 0xffffffff };
	cr_card_t *card;
	size_t cmd, rsp;

	for (size_t i = 0; i < sizeof(declared) / sizeof(declared[0]); i++) {
		for (unsigned int level = CARDRING_LEVEL_TPDU; level <= CARDRING_LEVEL_EXTENDED_APDU; level *= 2) {
			rig_make(level);
			rig.max_payload = declared[i];
			card = open_card(0);
			cr_card_limits(card, &cmd, &rsp);
			assert_true(cmd < declared[i] || !cmd);
			assert_true(rsp < declared[i] || !rsp);
			assert_true(cmd <= CR_APDU_MAX_LC && rsp <= CR_APDU_MAX_LE);
			if (level != CARDRING_LEVEL_EXTENDED_APDU)
				assert_true(cmd <= CR_APDU_MAX_SHORT_LC && rsp <= CR_APDU_MAX_SHORT_LE);
			cr_card_close(card);
		}
	}
}

/* The list knows nothing of this reader; its level shows when it is open. */
static void a_reader_known_by_its_path_alone_gets_buffers_of_its_level(void **state)
{
	cr_card_t *card;
	size_t cmd, rsp;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	card = open_card(0);
	cr_card_limits(card, &cmd, &rsp);
	assert_true(rsp > 2000);
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
		cmocka_unit_test(a_reader_known_by_its_path_alone_gets_buffers_of_its_level),
		cmocka_unit_test(a_card_taken_out_stays_gone_until_opened_anew),
		cmocka_unit_test(another_card_is_not_taken_for_the_first),
		cmocka_unit_test(a_reader_unplugged_is_said_so),
		cmocka_unit_test(readers_are_found_by_what_a_user_says),
		cmocka_unit_test(every_reader_of_a_crowd_is_listed_and_named),
		cmocka_unit_test(a_reader_that_is_denied_is_the_last_choice),
	};

	return cmocka_run_group_tests(tests, setup, rig_end);
}
