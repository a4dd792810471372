// SPDX-License-Identifier: BSD-2-Clause
/*
 * APDUs over every exchange level of the virtual reader, message by message: the library's side against reader and
 * card that share no code with it. The reader is as strict here as on the bus; there is no bus.
 */
#include <errno.h>
#include <unistd.h>
#include <cardring/card.h>
#include "vreader_host.h"
#include "contact.h"
#include "iso7816/apdu.h"
#include "reader/card_int.h"
#include "reader/softring.h"

static struct {
	struct vreader *v;
	cr_softreader_t *reader;
	struct cardring_info dev;
	unsigned int power_ons, xfers, level_used;
	unsigned int longest_ms;	/* deadline of any command to the card */
	unsigned int slow_us;		/* how long each takes */
} rig;

static const uint8_t message_of[CARDRING_OP__COUNT] = {
	[CARDRING_OP_XFER] = PC_XFR_BLOCK, [CARDRING_OP_POWER_ON] = PC_ICC_POWER_ON,
	[CARDRING_OP_POWER_OFF] = PC_ICC_POWER_OFF, [CARDRING_OP_SLOT_STATUS] = PC_GET_SLOT_STATUS,
	[CARDRING_OP_GET_PARAMS] = PC_GET_PARAMETERS, [CARDRING_OP_SET_PARAMS] = PC_SET_PARAMETERS,
};

static int exec(void *arg, struct cr_soft_cmd *cmd)
{
	size_t n;

	rig.power_ons += cmd->op == CARDRING_OP_POWER_ON;
	rig.xfers += cmd->op == CARDRING_OP_XFER;
	rig.level_used |= cmd->op == CARDRING_OP_XFER ? cmd->param[1] : 0;
	assert_true(message_of[cmd->op]);
	if (cmd->op == CARDRING_OP_XFER && cmd->deadline_ms > rig.longest_ms)
		rig.longest_ms = cmd->deadline_ms;
	if (rig.slow_us)
		usleep(rig.slow_us);
	assert_int_equal(put(rig.v, message_of[cmd->op], 0, cmd->param[0] | cmd->param[1] << 8 | cmd->param[2] << 16,
			     cmd->tx, cmd->tx_len), VREADER_OUT_TAKEN);
	n = (size_t)get(rig.v);
	assert_true(n >= 10);
	cmd->status = rsp[7];
	cmd->error = rsp[8];
	cmd->rparam = rsp[9];
	if (rsp[7] & 0x40)
		return -EREMOTEIO;
	if (n - 10 > cmd->rx_room)
		return -EMSGSIZE;
	cmd->rx_len = n - 10;
	memcpy(cmd->rx, rsp + 10, cmd->rx_len);
	return 0;
}

static int owns(const char *path)
{
	return !strcmp(path, "vreader:");
}

static int open_ring(const char *path, const struct cr_ring_params *params, cr_ring_t **ring,
		     struct cardring_info *info)
{
	*info = rig.dev;
	return cr_softreader_open(rig.reader, params, ring);
}

static struct cr_backend backend = { .name = "vreader", .only_by_name = 1, .owns = owns, .open = open_ring };

static void rig_make(struct vreader_config *c, struct vcard *card)
{
	static const struct cr_soft_ops ops = { .exec = exec };

	if (card)
		c->cards = &card;
	cr_softreader_unref(rig.reader);
	vreader_free(rig.v);
	memset(&rig, 0, sizeof(rig));
	rig.v = reader(c);
	vreader_class_desc(rig.v, rig.dev.descriptor, sizeof(rig.dev.descriptor));
	rig.dev.slots = rig.dev.busy_slots = 1;
	rig.dev.level = vreader_cfg(rig.v)->level;
	rig.dev.features = vreader_cfg(rig.v)->features;
	rig.dev.max_message = vreader_cfg(rig.v)->max_message;
	rig.dev.max_payload = rig.dev.max_message - 10;
	assert_int_equal(cr_softreader_new(&rig.dev, &ops, NULL, &rig.reader), 0);
	cr_softreader_card(rig.reader, 0, true);
}

static cr_card_t *open_card(int want)
{
	struct cr_reader_info info = { .path = "vreader:" };
	cr_card_t *card;

	info.dev = rig.dev;
	assert_int_equal(cr_card_open(&info, 0, 0, &card), want);
	return card;
}

/* A reader at TPDU level, and a card with contacts in it. */
static void rig_contact(const struct sim_contact_config *contact, uint32_t features, uint32_t protocols)
{
	struct vreader_config c = { .level = VREADER_TPDU, .features = features, .protocols = protocols };

	rig_make(&c, vcard_echo_contact_new(contact));
}

static void rig_level(enum vreader_level level, uint32_t max_message)
{
	struct vreader_config c = { .level = level, .max_message = max_message };

	rig_make(&c, NULL);
}

/* ---- what is sent ---- */

static int echo(cr_card_t *card, size_t n)
{
	static uint8_t data[66000], cmd[CR_CAPDU_MAX], got[CR_RAPDU_MAX];
	struct cr_capdu a = { .ins = 0x88, .data = data, .lc = n, .le = n };
	size_t len = sizeof(cmd), got_len = sizeof(got);
	int err;

	for (size_t i = 0; i < n; i++)
		data[i] = vcard_echo_byte((unsigned int)(i + 3 * n));
	assert_int_equal(cr_capdu_build(&a, cmd, &len), 0);
	err = cr_card_transmit(card, cmd, len, got, &got_len);
	if (!err) {
		assert_int_equal(got_len, n + 2);
		assert_memory_equal(got, data, n);
		assert_int_equal(cr_rapdu_sw(got, got_len), 0x9000);
	}
	return err;
}

static int read_file(cr_card_t *card, size_t n)
{
	static uint8_t cmd[16], got[CR_RAPDU_MAX];
	struct cr_capdu a = { .ins = 0xb0, .p2 = 7, .le = n };
	size_t len = sizeof(cmd), got_len = sizeof(got);
	int err;

	assert_int_equal(cr_capdu_build(&a, cmd, &len), 0);
	err = cr_card_transmit(card, cmd, len, got, &got_len);
	if (!err) {
		assert_int_equal(got_len, n + 2);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(got[i], vcard_echo_byte((unsigned int)i + 7));
		assert_int_equal(cr_rapdu_sw(got, got_len), 0x9000);
	}
	return err;
}

static void all_sizes(cr_card_t *card)
{
	static const size_t sizes[] = { 1, 2, 27, 28, 29, 30, 31, 32, 245, 249, 250, 254, 255, 256, 257, 300, 5000 };

	assert_int_equal(echo(card, 0), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_int_equal(echo(card, sizes[i]), 0);
		assert_int_equal(read_file(card, sizes[i]), 0);
	}
	assert_int_equal(echo(card, CR_APDU_MAX_LC), 0);
	assert_int_equal(read_file(card, 32761), 0);
}

/* Protocol and Fi/Di that the reader has in force. */
static void assert_parameters(unsigned int protocol, unsigned int fi_di)
{
	assert_int_equal(put(rig.v, PC_GET_PARAMETERS, 0, 0, NULL, 0), VREADER_OUT_TAKEN);
	assert_true(get(rig.v) > 10);
	assert_int_equal(rsp[9], protocol);
	assert_int_equal(rsp[10], fi_di);
}

/* ---- T=1 ---- */

static void t1_carries_apdus_of_every_size(void **state)
{
	static const struct sim_contact_config cards[] = {
		{ .ta1 = 0 },
		{ .t1 = { .ifsc = 5 } },
		{ .t1 = { .ifsc = 32, .crc = true } },
		{ .t1 = { .wtx = 7, .wtx_times = 2 } },
		{ .t1 = { .ask_ifsc = 33 } },
		{ .ta1 = 0x95, .t1 = { .wtx = 255 } },
		{ .ta1 = 0x95, .specific = true },
	};

	for (size_t i = 0; i < sizeof(cards) / sizeof(*cards); i++) {
		cr_card_t *card;

		rig_contact(&cards[i], 0x38, 3);
		card = open_card(0);
		all_sizes(card);
		assert_parameters(1, cards[i].ta1 ? cards[i].ta1 : 0x11);
		cr_card_close(card);
	}
}

static void t1_goes_through_readers_with_short_messages(void **state)
{
	struct vreader_config c = { .level = VREADER_TPDU, .protocols = 2, .max_message = 64, .max_ifsd = 40 };
	const struct sim_contact_config contact = { .ta1 = 0 };
	cr_card_t *card;

	rig_make(&c, vcard_echo_contact_new(&contact));
	card = open_card(0);
	all_sizes(card);
	cr_card_close(card);
	/* not one byte of a block's information would go through (nor would the parameters) */
	c.max_message = 15;
	c.features = 0x3a;
	c.cards = NULL;
	rig_make(&c, vcard_echo_contact_new(&contact));
	open_card(CR_E_READER_UNFIT);
}

/* What the reader reports of the line is no end, but a reason to ask again: 7816-3, 11.6.3. */
static void t1_goes_on_where_the_line_fails(void **state)
{
	static const char *const faults[] = {
		"error on=xfr value=0xfe", "error 2 on=xfr value=0xfd after=1", "error on=xfr value=0xfc after=2",
	};
	const struct sim_contact_config contact = { .ta1 = 0 };
	cr_card_t *card;

	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		rig_contact(&contact, 0x38, 3);
		card = open_card(0);
		assert_int_equal(echo(card, 100), 0);
		fault(rig.v, faults[i]);
		assert_int_equal(echo(card, 1000), 0);
		cr_card_close(card);
	}
}

static void t1_that_fails_for_good_is_an_error_and_a_reset_helps(void **state)
{
	const struct sim_contact_config contact = { .ta1 = 0x95 };
	cr_card_t *card;

	rig_contact(&contact, 0x38, 3);
	card = open_card(0);
	assert_int_equal(echo(card, 10), 0);
	fault(rig.v, "error 6 on=xfr value=0xfe");	/* three tries, three resynchronisations */
	assert_int_equal(echo(card, 10), CR_E_CARD_MUTE);
	assert_int_equal(echo(card, 10), CR_E_CARD_MUTE);
	assert_int_equal(cr_card_reset(card), 0);
	all_sizes(card);
	/* resynchronised: the command is lost, the next one is not */
	fault(rig.v, "error 3 on=xfr value=0xfe");
	assert_int_equal(echo(card, 10), CR_E_CARD_MUTE);
	assert_int_equal(echo(card, 10), 0);
	/* what says nothing of the line is no reason to try again */
	fault(rig.v, "error on=xfr value=0x05");
	assert_int_equal(echo(card, 10), CR_E_READER_FAILED);
	assert_int_equal(echo(card, 10), 0);
	cr_card_close(card);
}

/* Of a card that asks for time the host expects nothing before that is over. */
static void t1_waits_as_long_as_the_card_asked_for(void **state)
{
	const struct sim_contact_config contact = { .t1 = { .wtx = 20 } }, eternal = { .t1 = { .wtx = 255 } };
	const unsigned int bwt_ms = (960 * 372 << 4) / 4000;	/* 7816-3, 11.4.3: BWI 4, at 4 MHz */
	cr_card_t *card;

	rig_contact(&contact, 0x38, 3);
	card = open_card(0);
	cr_card_set_deadline(card, 1000);
	assert_int_equal(echo(card, 1), 0);
	assert_in_range(rig.longest_ms, 1000 + 20 * bwt_ms, 1000 + 20 * (bwt_ms + 1));
	cr_card_close(card);
	/* but no longer than the ring takes */
	rig_contact(&eternal, 0x38, 3);
	card = open_card(0);
	cr_card_set_deadline(card, 500000);
	assert_int_equal(echo(card, 1), 0);
	assert_int_equal(rig.longest_ms, CARDRING_MAX_DEADLINE_MS);
	cr_card_close(card);
}

/* As with time extension within one command: uapi/cardring.h, CARDRING_EXTENSION_CAP. */
static void t1_does_not_wait_for_ever(void **state)
{
	const struct sim_contact_config contact = { .t1 = { .wtx = 1, .wtx_times = 900 } };
	cr_card_t *card;

	rig_contact(&contact, 0x38, 3);
	card = open_card(0);
	cr_card_set_deadline(card, 1);
	rig.slow_us = 1000;
	assert_int_equal(echo(card, 1), CR_E_TIMEOUT);
	assert_in_range(rig.xfers, 2, CARDRING_EXTENSION_CAP + 2);
	/* the link is resynchronised, and then the card has its time */
	rig.slow_us = 0;
	cr_card_set_deadline(card, 10000);
	assert_int_equal(echo(card, 1), 0);
	cr_card_close(card);
}

static void t1_is_in_order_again_after_a_cancel(void **state)
{
	const struct sim_contact_config contact = { .ta1 = 0 };
	volatile int stop = 0;
	cr_card_t *card;

	rig_contact(&contact, 0x38, 3);
	card = open_card(0);
	cr_card_set_cancel(card, &stop);
	assert_int_equal(echo(card, 300), 0);
	stop = 1;
	assert_int_equal(echo(card, 300), CR_E_CANCELED);
	stop = 0;
	assert_int_equal(echo(card, 300), 0);
	cr_card_close(card);
}

static void a_batch_over_t1_stops_where_it_should(void **state)
{
	const struct sim_contact_config contact = { .ta1 = 0 };
	uint8_t cmds[5][4], rsps[5][8];
	struct cr_apdu apdus[5];
	struct cr_exchange before, ex;
	cr_card_t *card;
	size_t done;

	rig_contact(&contact, 0x38, 3);
	card = open_card(0);
	assert_int_equal(echo(card, 1), 0);
	for (size_t i = 0; i < 5; i++) {
		memcpy(cmds[i], i == 3 ? "\0\xfc\x6a\x82" : "\0\xfc\x90\0", 4);
		apdus[i] = (struct cr_apdu){ .cmd = cmds[i], .cmd_len = 4, .rsp = rsps[i], .rsp_size = 8,
					     .sw = 0x9000, .sw_mask = 0xffff };
	}
	cr_card_exchange(card, &before);
	assert_int_equal(cr_card_transmit_batch(card, apdus, 5, &done), 0);
	assert_int_equal(done, 4);
	assert_int_equal(apdus[4].rsp_len, 0);
	cr_card_exchange(card, &ex);
	assert_int_equal(ex.commands - before.commands, 4);
	assert_int_equal(ex.messages - before.messages, 4);
	assert_int_equal(ex.bytes_sent - before.bytes_sent, 4 * 8);
	assert_int_equal(ex.bytes_received - before.bytes_received, 4 * 6);
	assert_int_equal(cr_card_transmit_batch(card, &(struct cr_apdu){ .cmd = cmds[0], .cmd_len = 3, .rsp = rsps[0],
									   .rsp_size = 8 }, 1, &done),
			 CR_E_MALFORMED);
	cr_card_close(card);
}

/* ---- protocol and rate ---- */

/* Whatever the reader does by itself and whatever the card offers, they come to speak. */
static void card_and_reader_agree_whoever_has_to_do_it(void **state)
{
	static const uint32_t features[] = { 0x18, 0x38, 0x3a, 0x78, 0xb8, 0xba, 0xfa };
	static const struct sim_contact_config cards[] = {
		{ .ta1 = 0 }, { .ta1 = 0x95 }, { .ta1 = 0x18 }, { .t0_too = true }, { .t0_too = true, .ta1 = 0x95 },
		{ .specific = true, .ta1 = 0x95 }, { .specific = true },
	};

	for (size_t f = 0; f < sizeof(features) / sizeof(*features); f++) {
		for (size_t i = 0; i < sizeof(cards) / sizeof(*cards); i++) {
			for (uint32_t protocols = 2; protocols <= 3; protocols++) {
				cr_card_t *card;

				/* by itself this reader takes the first protocol, which it does not have */
				if (features[f] & 0x42 && protocols == 2 && cards[i].t0_too)
					continue;
				rig_contact(&cards[i], features[f], protocols);
				card = open_card(0);
				assert_int_equal(rig.power_ons, 1);
				assert_int_equal(echo(card, 200), 0);
				assert_int_equal(read_file(card, 250), 0);
				cr_card_close(card);
			}
		}
	}
}

static void the_best_rate_is_what_they_speak_at(void **state)
{
	const struct sim_contact_config t1 = { .ta1 = 0x95 }, both = { .t0_too = true, .ta1 = 0x96 };
	cr_card_t *card;

	rig_contact(&t1, 0x38, 3);
	card = open_card(0);
	assert_parameters(1, 0x95);
	cr_card_close(card);
	rig_contact(&both, 0x38, 3);
	card = open_card(0);
	assert_parameters(0, 0x96);
	assert_int_equal(echo(card, 200), 0);
	cr_card_close(card);
	rig_contact(&both, 0x38, 2);	/* the reader has no T=0 */
	card = open_card(0);
	assert_parameters(1, 0x96);
	all_sizes(card);
	cr_card_close(card);
}

static void refused_they_speak_at_the_default_rate(void **state)
{
	const struct sim_contact_config mute = { .ta1 = 0x95, .pps_mute = true };
	const struct sim_contact_config slow = { .ta1 = 0x95, .pps_default_rate = true };
	const struct sim_contact_config good = { .ta1 = 0x95 };
	cr_card_t *card;

	rig_contact(&mute, 0x38, 3);
	card = open_card(0);
	assert_int_equal(rig.power_ons, 2);
	assert_parameters(1, 0x11);
	all_sizes(card);
	cr_card_close(card);
	rig_contact(&slow, 0x38, 3);
	card = open_card(0);
	assert_int_equal(rig.power_ons, 1);
	assert_parameters(1, 0x11);
	all_sizes(card);
	cr_card_close(card);
	rig_contact(&good, 0x38, 3);
	fault(rig.v, "error on=setparams value=0x05");	/* the reader will not have it, and does not say what */
	card = open_card(0);
	assert_int_equal(rig.power_ons, 2);
	assert_parameters(1, 0x11);
	all_sizes(card);
	cr_card_close(card);
}

/* CCID 1.1, 5.1: with a list (GET_DATA_RATES) not every rate up to the highest; 6.1.7: it says so when it is told. */
static void a_rate_that_the_reader_has_not_is_followed_by_the_next_lower(void **state)
{
	/* that of Neowave's Weneo, but for one */
	static const uint32_t rates[] = { 9600, 10753, 19200, 38400, 62500, 115200, 125500 };
	const struct sim_contact_config cards[] = {
		{ .ta1 = 0x95 },		/* 125,000: there, as lists are rounded */
		{ .ta1 = 0x98 },		/* 93,750 is not; 62,500 */
		{ .ta1 = 0x93 },		/* 31,250, 15,625 and less are not */
		{ .t0_too = true, .ta1 = 0x98 },
	};
	static const struct { unsigned int fi_di, power_ons; } want[] = { { 0x95, 1 }, { 0x94, 2 }, { 0x11, 3 }, { 0x94, 2 } };

	for (size_t i = 0; i < sizeof(cards) / sizeof(*cards); i++) {
		struct vreader_config c = { .level = VREADER_TPDU, .features = 0x38, .protocols = 3, .rates = rates,
					    .nrates = sizeof(rates) / sizeof(*rates) };
		cr_card_t *card;

		rig_make(&c, vcard_echo_contact_new(&cards[i]));
		card = open_card(0);
		assert_parameters(!cards[i].t0_too, want[i].fi_di);
		assert_int_equal(rig.power_ons, want[i].power_ons);
		assert_int_equal(echo(card, 200), 0);
		cr_card_close(card);
	}
}

static void what_cannot_be_agreed_is_an_error(void **state)
{
	const struct sim_contact_config both_mute = { .t0_too = true, .pps_mute = true }, t1 = { .ta1 = 0x95 };
	const struct sim_contact_config d12 = { .ta1 = 0x18 };

	rig_contact(&both_mute, 0x38, 2);	/* to T=1 there is no way but PPS */
	open_card(CR_E_CARD_MUTE);
	rig_contact(&t1, 0x38, 1);
	open_card(CR_E_READER_UNFIT);
	rig_contact(&t1, 0x38, 3);
	fault(rig.v, "error 0 on=setparams value=0x05");
	open_card(CR_E_READER_FAILED);
	assert_int_equal(rig.power_ons, 2);
	/* a reader that will have no rate at all: D 12, 8, 4, 2, the default, and no more */
	rig_contact(&d12, 0x38, 3);
	fault(rig.v, "error 0 on=setparams value=10");
	open_card(CR_E_READER_FAILED);
	assert_int_equal(rig.power_ons, 5);
}

/* ---- T=0 ---- */

#define CHAINS	.hist = { 0x80, 0x73, 0x00, 0x00, 0x80 }, .hist_len = 5

static void long_commands_go_over_t0_as_the_card_takes_them(void **state)
{
	static const struct sim_contact_config cards[] = {
		{ .t0_too = true, .envelope = true },
		{ .t0_too = true, .chaining = true, CHAINS },
		{ .t0_too = true, .envelope = true, .chaining = true, CHAINS, .ta1 = 0x95 },
	};
	static const size_t sizes[] = { 0, 1, 255, 256, 257, 500, 501, 502, 503, 510, 511, 5000, CR_APDU_MAX_LC };

	for (size_t i = 0; i < sizeof(cards) / sizeof(*cards); i++) {
		cr_card_t *card;

		rig_contact(&cards[i], 0x38, 3);
		card = open_card(0);
		assert_parameters(0, cards[i].ta1 ? cards[i].ta1 : 0x11);
		for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++)
			assert_int_equal(echo(card, sizes[k]), 0);
		assert_int_equal(read_file(card, 256), 0);
		cr_card_close(card);
	}
}

static void a_card_without_envelope_says_so_itself(void **state)
{
	const struct sim_contact_config contact = { .t0_too = true };
	static uint8_t cmd[7 + 256] = { 0, 0xd6, 0, 0, 0, 1, 0 };
	uint8_t got[10];
	size_t n = sizeof(got);
	cr_card_t *card;

	rig_contact(&contact, 0x38, 3);
	card = open_card(0);
	assert_int_equal(cr_card_transmit(card, cmd, sizeof(cmd), got, &n), 0);
	assert_int_equal(cr_rapdu_sw(got, n), 0x6d00);
	assert_int_equal(rig.xfers, 1);
	assert_int_equal(echo(card, 200), 0);
	cr_card_close(card);
}

/* One with messages of 64 bytes, as Elatec's TWN4: 49 bytes of data to the card, 52 from it. */
static void small_messages_carry_t0_in_pieces(void **state)
{
	static const struct sim_contact_config cards[] = {
		{ .t0_too = true, .envelope = true },
		{ .t0_too = true, .chaining = true, CHAINS },
	};

	for (size_t i = 0; i < sizeof(cards) / sizeof(*cards); i++) {
		struct vreader_config c = { .level = VREADER_TPDU, .features = 0x38, .protocols = 3, .max_message = 64 };
		struct cr_limits l;
		cr_card_t *card;

		rig_make(&c, vcard_echo_contact_new(&cards[i]));
		card = open_card(0);
		cr_card_limits(card, &l);
		assert_int_equal(l.message_command, 49);
		assert_int_equal(l.message_response, 52);
		assert_int_equal(l.command_by, CR_LIMIT_READER);
		assert_int_equal(l.chaining, cards[i].chaining);
		for (size_t n = 0; n < 320; n++)
			assert_int_equal(echo(card, n), 0);
		assert_int_equal(echo(card, 5000), 0);
		assert_int_equal(read_file(card, 52), 0);
		assert_int_equal(read_file(card, 53), CR_E_TOO_LONG);
		assert_int_equal(read_file(card, 52), 0);
		cr_card_close(card);
	}
}

/* ---- APDU levels ---- */

static void long_apdus_are_chained_in_short_messages(void **state)
{
	static const uint32_t max_message[] = { 64, 271, 300 };

	for (size_t i = 0; i < sizeof(max_message) / sizeof(*max_message); i++) {
		cr_card_t *card;

		rig_level(VREADER_EXTENDED, max_message[i]);
		card = open_card(0);
		assert_int_equal(echo(card, 40), 0);
		assert_int_equal(rig.level_used, 0);
		assert_int_equal(echo(card, 300), 0);
		assert_int_equal(read_file(card, 3000), 0);
		assert_int_equal(rig.level_used, 0x13);
		assert_int_equal(echo(card, CR_APDU_MAX_LC), 0);
		assert_int_equal(read_file(card, 32761), 0);
		cr_card_close(card);
	}
}

/* Where memory is not short, as over PC/SC, which knows no chaining of messages. */
static void long_apdus_go_whole_in_long_messages(void **state)
{
	cr_card_t *card;

	backend.whole_messages = 1;
	rig_level(VREADER_EXTENDED, 65554);
	card = open_card(0);
	assert_int_equal(echo(card, 40), 0);
	assert_int_equal(echo(card, 5000), 0);
	assert_int_equal(echo(card, CR_APDU_MAX_LC), 0);
	assert_int_equal(read_file(card, 32761), 0);
	assert_int_equal(rig.level_used, 0);
	cr_card_close(card);
	backend.whole_messages = 0;
}

/* Else a reader of long messages gives its response in one: no more of it than a buffer takes, as the limits say. */
static void a_response_is_no_longer_than_a_buffer(void **state)
{
	static const uint32_t max_message[] = { 4097, 65554 };
	struct cr_limits l;

	for (size_t i = 0; i < sizeof(max_message) / sizeof(*max_message); i++) {
		cr_card_t *card;

		rig_level(VREADER_EXTENDED, max_message[i]);
		card = open_card(0);
		card->capabilities |= CR_ATR_EXTENDED;
		cr_card_limits(card, &l);
		assert_int_equal(l.response, 4084);
		assert_int_equal(l.response_by, CR_LIMIT_READER);
		assert_int_equal(read_file(card, l.response), 0);
		assert_int_equal(read_file(card, l.response + 1), CR_E_TOO_LONG);
		assert_int_equal(echo(card, 300), 0);
		cr_card_close(card);
	}
}

/* What is known to fit goes as one chain of entries, even where its Le would allow more. */
static void what_is_known_to_fit_stays_in_one_batch(void **state)
{
	static const uint8_t cmd[] = { 0, 0x88, 0, 0, 0, 0, 4, 1, 2, 3, 4, 0, 0 };
	uint8_t rsps[8][64];
	struct cr_apdu apdus[8];
	struct cr_exchange before, ex;
	cr_card_t *card;
	size_t done;

	for (int known = 0; known < 2; known++) {
		rig_level(VREADER_EXTENDED, 271);
		card = open_card(0);
		for (size_t i = 0; i < 8; i++)
			apdus[i] = (struct cr_apdu){ .cmd = cmd, .cmd_len = sizeof(cmd), .rsp = rsps[i],
						     .rsp_size = 64, .sw = 0x9000, .sw_mask = 0xffff,
						     .rsp_expect = known ? 6 : 0 };
		cr_card_exchange(card, &before);
		assert_int_equal(cr_card_transmit_batch(card, apdus, 8, &done), 0);
		assert_int_equal(done, 8);
		cr_card_exchange(card, &ex);
		assert_int_equal(ex.messages - before.messages, 8);
		assert_int_equal(ex.enters - before.enters, known ? 1 : 8);
		for (size_t i = 0; i < 8; i++)
			assert_memory_equal(rsps[i], "\1\2\3\4\x90\0", 6);
		cr_card_close(card);
	}
}

static void extended_apdus_go_through_short_readers_as_far_as_they_can(void **state)
{
	static const uint8_t extended[] = { 0, 0xb0, 0, 7, 0, 0, 20 };
	uint8_t got[300];
	size_t n = sizeof(got);
	cr_card_t *card;

	rig_level(VREADER_SHORT, 0);
	card = open_card(0);
	assert_int_equal(cr_card_transmit(card, extended, sizeof(extended), got, &n), 0);
	assert_int_equal(n, 22);
	assert_int_equal(echo(card, 255), 0);
	assert_int_equal(echo(card, 256), CR_E_TOO_LONG);	/* the card does not say that it chains */
	cr_card_close(card);
}

static int setup(void **state)
{
	return cr_backend_register(&backend);
}

static int teardown(void **state)
{
	cr_softreader_unref(rig.reader);
	vreader_free(rig.v);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t1_carries_apdus_of_every_size),
		cmocka_unit_test(t1_goes_through_readers_with_short_messages),
		cmocka_unit_test(t1_goes_on_where_the_line_fails),
		cmocka_unit_test(t1_that_fails_for_good_is_an_error_and_a_reset_helps),
		cmocka_unit_test(t1_waits_as_long_as_the_card_asked_for),
		cmocka_unit_test(t1_does_not_wait_for_ever),
		cmocka_unit_test(t1_is_in_order_again_after_a_cancel),
		cmocka_unit_test(a_batch_over_t1_stops_where_it_should),
		cmocka_unit_test(card_and_reader_agree_whoever_has_to_do_it),
		cmocka_unit_test(the_best_rate_is_what_they_speak_at),
		cmocka_unit_test(refused_they_speak_at_the_default_rate),
		cmocka_unit_test(a_rate_that_the_reader_has_not_is_followed_by_the_next_lower),
		cmocka_unit_test(what_cannot_be_agreed_is_an_error),
		cmocka_unit_test(long_commands_go_over_t0_as_the_card_takes_them),
		cmocka_unit_test(a_card_without_envelope_says_so_itself),
		cmocka_unit_test(small_messages_carry_t0_in_pieces),
		cmocka_unit_test(long_apdus_are_chained_in_short_messages),
		cmocka_unit_test(long_apdus_go_whole_in_long_messages),
		cmocka_unit_test(a_response_is_no_longer_than_a_buffer),
		cmocka_unit_test(what_is_known_to_fit_stays_in_one_batch),
		cmocka_unit_test(extended_apdus_go_through_short_readers_as_far_as_they_can),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
