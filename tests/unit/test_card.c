// SPDX-License-Identifier: BSD-2-Clause
/*
 * A card in a slot: opening, batches, errors, cards that go. The reader is a ring in memory over a
 * script of this file: it answers as each test says, and notes what reached it.
 */
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
#include <cardring/card.h>
#include "iso7816/apdu.h"
#include "reader/softring.h"

#define LOG_MAX	1024

static struct {
	cr_softreader_t *reader;
	enum cardring_level level;
	uint32_t features;
	const uint8_t *atr;
	size_t atr_len;
	unsigned int mute_power_ons;	/* so many power-ons fail first */
	unsigned int fail_at;		/* command number that ends with fail_result, fail_error */
	int fail_result;
	uint8_t fail_error;
	uint8_t chain_param;
	uint32_t max_payload;
	unsigned int commands, opens, power_ons, power_offs, set_params;
	uint8_t params[8], protocol;
	uint8_t log[LOG_MAX][8];	/* the first bytes of each command */
	size_t log_len[LOG_MAX];
	/* the answer to a command: returns its length; at most room */
	size_t (*answer)(const uint8_t *cmd, size_t len, uint8_t *rsp, size_t room);
} rig;

static const uint8_t atr_t0[] = { 0x3b, 0x00 };
static const uint8_t atr_t1[] = { 0x3b, 0x80, 0x01, 0x81 };

static size_t status(uint8_t *rsp, size_t n, uint16_t sw)
{
	rsp[n] = (uint8_t)(sw >> 8);
	rsp[n + 1] = (uint8_t)sw;
	return n + 2;
}

/* P1-P2 is the status word; Le bytes of P2 come before it. */
static size_t answer_plain(const uint8_t *cmd, size_t len, uint8_t *rsp, size_t room)
{
	struct cr_capdu a;
	size_t n;

	assert_int_equal(cr_capdu_parse(cmd, len, &a), 0);
	n = a.le;
	assert_true(n + 2 <= room);
	memset(rsp, a.p2, n);
	return status(rsp, n, (uint16_t)(a.p1 << 8 | a.p2));
}

static int exec(void *arg, struct cr_soft_cmd *cmd)
{
	switch (cmd->op) {
	case CARDRING_OP_POWER_ON:
		rig.power_ons++;
		if (rig.mute_power_ons) {
			rig.mute_power_ons--;
			cmd->status = 0x41;
			cmd->error = 0xfe;
			return -EREMOTEIO;
		}
		memcpy(cmd->rx, rig.atr, rig.atr_len);
		cmd->rx_len = rig.atr_len;
		return 0;
	case CARDRING_OP_POWER_OFF:
		rig.power_offs++;
		return 0;
	case CARDRING_OP_SET_PARAMS:
		rig.set_params++;
		rig.protocol = cmd->param[0];
		assert_true(cmd->tx_len <= sizeof(rig.params));
		memcpy(rig.params, cmd->tx, cmd->tx_len);
		return 0;
	case CARDRING_OP_XFER:
		break;
	default:
		fail_msg("opcode %d", cmd->op);
	}
	assert_true(rig.commands < LOG_MAX);
	rig.log_len[rig.commands] = cmd->tx_len;
	memcpy(rig.log[rig.commands], cmd->tx, cmd->tx_len < 8 ? cmd->tx_len : 8);
	if (++rig.commands == rig.fail_at) {
		cmd->status = rig.fail_error ? 0x40 : 0;
		cmd->error = rig.fail_error;
		return rig.fail_result;
	}
	cmd->rx_len = rig.answer(cmd->tx, cmd->tx_len, cmd->rx, cmd->rx_room);
	cmd->rparam = rig.chain_param;
	return 0;
}

/* Readers in front of it, of one make: as many as a test wants; the first with this error. */
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

static int script_list(struct cr_reader_info *out, size_t max)
{
	if (max) {
		memset(out, 0, sizeof(*out));
		strcpy(out->name, "Script reader");
		strcpy(out->path, "script:");
		strcpy(out->backend, "script");
		out->state = CARDRING_SLOT_PRESENT;
	}
	return 1;
}

static int script_owns(const char *path)
{
	return !strcmp(path, "script:");
}

static int script_open(const char *path, const struct cr_ring_params *params, cr_ring_t **ring,
		       struct cardring_info *info)
{
	rig.opens++;
	info->slots = 1;
	info->level = rig.level;
	info->features = rig.features;
	info->max_payload = rig.max_payload;
	return cr_softreader_open(rig.reader, params, ring);
}

static const struct cr_backend script_backend = {
	.name = "script", .only_by_name = 1, .list = script_list, .owns = script_owns, .open = script_open,
};

static void rig_make(enum cardring_level level)
{
	static const struct cr_soft_ops ops = { .exec = exec };
	struct cardring_info dev = { .slots = 1, .busy_slots = 1, .max_payload = 65544 };

	cr_softreader_unref(rig.reader);
	memset(&rig, 0, sizeof(rig));
	rig.level = level;
	rig.features = 0xbe;
	rig.max_payload = 65544;
	rig.atr = atr_t0;
	rig.atr_len = sizeof(atr_t0);
	rig.answer = answer_plain;
	assert_int_equal(cr_softreader_new(&dev, &ops, NULL, &rig.reader), 0);
	cr_softreader_card(rig.reader, 0, true);
}

static cr_card_t *open_card(int want)
{
	struct cr_reader_info info;
	cr_card_t *card;

	assert_int_equal(cr_reader_find("script:", &info), 0);
	assert_int_equal(cr_card_open(&info, 0, 0, &card), want);
	assert_int_equal(card != NULL, want == 0);
	return card;
}

static uint16_t send(cr_card_t *card, const uint8_t *cmd, size_t len)
{
	uint8_t rsp[300];
	size_t n = sizeof(rsp);

	assert_int_equal(cr_card_transmit(card, cmd, len, rsp, &n), 0);
	return cr_rapdu_sw(rsp, n);
}

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

static void a_tpdu_reader_needs_a_card_with_t0(void **state)
{
	rig_make(CARDRING_LEVEL_TPDU);
	rig.atr = atr_t1;
	rig.atr_len = sizeof(atr_t1);
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
		{ -EREMOTEIO, 0xfb, CR_E_READER_FAILED }, { -EREMOTEIO, 0xf6, CR_E_UNSUPPORTED },
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
	size_t n = sizeof(rsp), most, least;

	rig_make(CARDRING_LEVEL_SHORT_APDU);
	card = open_card(0);
	assert_int_equal(cr_card_transmit(card, cmd, 3, rsp, &n), CR_E_MALFORMED);
	n = sizeof(rsp);
	assert_int_equal(cr_card_transmit(card, cmd, 7 + 256, rsp, &n), CR_E_TOO_LONG);	/* extended */
	assert_int_equal(rig.commands, 0);
	cr_card_limits(card, &most, &least);
	assert_int_equal(most, 255);
	assert_int_equal(least, 256);
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

/* ---- finding ---- */

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

	return err ? err : cr_backend_register(&script_backend);
}

static int teardown(void **state)
{
	cr_softreader_unref(rig.reader);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opening_powers_and_closing_powers_off),
		cmocka_unit_test(an_empty_slot_is_said_and_can_be_waited_for),
		cmocka_unit_test(a_card_put_in_while_waiting_is_taken),
		cmocka_unit_test(a_card_that_is_mute_once_is_powered_again),
		cmocka_unit_test(a_claimed_slot_is_busy),
		cmocka_unit_test(a_tpdu_reader_needs_a_card_with_t0),
		cmocka_unit_test(a_reader_without_automatics_is_told_the_parameters),
		cmocka_unit_test(a_batch_longer_than_the_ring_goes_in_rounds),
		cmocka_unit_test(a_batch_stops_behind_the_first_other_status),
		cmocka_unit_test(errors_name_what_happened),
		cmocka_unit_test(a_response_is_never_longer_than_its_room),
		cmocka_unit_test(what_is_no_apdu_is_not_sent),
		cmocka_unit_test(the_trace_sees_every_apdu_once),
		cmocka_unit_test(a_cancel_ends_the_batch),
		cmocka_unit_test(what_was_canceled_is_not_sent_again),
		cmocka_unit_test(limits_follow_whatever_the_reader_declares),
		cmocka_unit_test(a_reader_known_by_its_path_alone_gets_buffers_of_its_level),
		cmocka_unit_test(a_command_is_whole_even_if_its_middle_is_what_is_wanted),
		cmocka_unit_test(a_card_taken_out_stays_gone_until_opened_anew),
		cmocka_unit_test(another_card_is_not_taken_for_the_first),
		cmocka_unit_test(a_reader_unplugged_is_said_so),
		cmocka_unit_test(both_tpdus_of_a_command_are_queued_when_its_length_is_known),
		cmocka_unit_test(a_length_that_is_not_as_known_is_found_out),
		cmocka_unit_test(a_command_is_whole_before_the_next_is_sent),
		cmocka_unit_test(every_reader_of_a_crowd_is_listed_and_named),
		cmocka_unit_test(a_reader_that_is_denied_is_the_last_choice),
		cmocka_unit_test(readers_are_found_by_what_a_user_says),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
