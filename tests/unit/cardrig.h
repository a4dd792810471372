/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A card in a slot, for the tests of the library's reader side: the reader is a ring in memory over
 * a script. It answers as each test says, and notes what reached it. After <cmocka.h>.
 */
#ifndef TEST_CARDRIG_H
#define TEST_CARDRIG_H

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
	uint8_t chosen;			/* the protocol that the reader has negotiated */
	uint8_t log[LOG_MAX][8];	/* the first bytes of each command */
	size_t log_len[LOG_MAX];
	/* the answer to a command: returns its length; at most room */
	size_t (*answer)(const uint8_t *cmd, size_t len, uint8_t *rsp, size_t room);
} rig;

static const uint8_t atr_t0[] = { 0x3b, 0x00 };

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
	case CARDRING_OP_GET_PARAMS:
		cmd->rparam = rig.chosen;
		memset(cmd->rx, 0, 7);
		cmd->rx_len = rig.chosen ? 7 : 5;
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

/* Readers in front of it, of one make: as many as a test wants; the first with this error. */static int script_list(struct cr_reader_info *out, size_t max)
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

static struct cr_backend script_backend = {
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
	script_backend.whole_messages = 0;
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

static int rig_register(void **state)
{
	return cr_backend_register(&script_backend);
}

static int rig_end(void **state)
{
	cr_softreader_unref(rig.reader);
	return 0;
}

#endif
