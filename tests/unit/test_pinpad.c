// SPDX-License-Identifier: BSD-2-Clause
/*
 * PINs by the reader's keypad, from the library's call to the card's status word: over the virtual reader and its card,
 * which share no code with the library, at each exchange level. Time is the reader's own; there is no bus.
 */
#include <errno.h>
#include <stdio.h>
#include <cardring/pin.h>
#include "vreader_host.h"
#include "contact.h"
#include "iso7816/apdu.h"
#include "reader/softring.h"

#define ALL_MAX	(1 << 16)

static struct {
	struct vreader *v;
	cr_softreader_t *reader;
	struct cardring_info dev;
	unsigned int secures, xfers, verify_xfers;
	unsigned int deadline_ms;		/* of the last SECURE */
	const uint8_t *instead;			/* of the next answer to SECURE, */
	size_t instead_len;
	uint8_t bus[ALL_MAX];			/* all that went over it */
	size_t bus_len;
	uint8_t traced[4096];
	size_t traced_len;
} rig;

static const uint8_t message_of[CARDRING_OP__COUNT] = {
	[CARDRING_OP_XFER] = PC_XFR_BLOCK, [CARDRING_OP_POWER_ON] = PC_ICC_POWER_ON,
	[CARDRING_OP_POWER_OFF] = PC_ICC_POWER_OFF, [CARDRING_OP_SLOT_STATUS] = PC_GET_SLOT_STATUS,
	[CARDRING_OP_GET_PARAMS] = PC_GET_PARAMETERS, [CARDRING_OP_SET_PARAMS] = PC_SET_PARAMETERS,
	[CARDRING_OP_SECURE] = PC_SECURE,
};

static void tap(void *arg, const uint8_t *data, size_t len, bool in)
{
	assert_true(rig.bus_len + len <= sizeof(rig.bus));
	memcpy(rig.bus + rig.bus_len, data, len);
	rig.bus_len += len;
}

/* An answer, for which the clock goes on as long as the deadline lets it. */
static long answer(unsigned int deadline_ms)
{
	uint64_t deadline = now + deadline_ms * MS, next;
	long n;

	for (;;) {
		n = get(rig.v);
		if (n >= 10 && rsp[7] >> 6 != 2)
			return n;
		if (n >= 10)
			deadline = now + deadline_ms * MS;	/* it asks for time */
		next = vreader_next(rig.v);
		if (n < 0 && next > deadline)
			return -1;
		if (n < 0)
			pass(rig.v, (unsigned int)((next - now + MS - 1) / MS));
	}
}

static int exec(void *arg, struct cr_soft_cmd *cmd)
{
	long n;

	assert_true(message_of[cmd->op]);
	rig.xfers += cmd->op == CARDRING_OP_XFER;
	/* at TPDU level the instruction stands behind a T=1 prologue, or it does not */
	rig.verify_xfers += cmd->op == CARDRING_OP_XFER && cmd->tx_len > 8 &&
			    ((cmd->tx[1] & 0xFB) == 0x20 || (!(cmd->tx[1] & 0x80) && (cmd->tx[4] & 0xFB) == 0x20));
	if (cmd->op == CARDRING_OP_SECURE) {
		rig.secures++;
		rig.deadline_ms = cmd->deadline_ms;
	}
	assert_int_equal(put(rig.v, message_of[cmd->op], 0, cmd->param[0] | cmd->param[1] << 8 | cmd->param[2] << 16,
			     cmd->tx, cmd->tx_len), VREADER_OUT_TAKEN);
	n = answer(cmd->deadline_ms);
	if (n < 0)
		return -ETIMEDOUT;
	if (cmd->op == CARDRING_OP_SECURE && rig.instead) {
		memcpy(rsp + 10, rig.instead, rig.instead_len);
		n = 10 + (long)rig.instead_len;
		rig.instead = NULL;
	}
	cmd->status = rsp[7];
	cmd->error = rsp[8];
	cmd->rparam = rsp[9];
	if (rsp[7] & 0x40)
		return (rsp[7] & 3) == 2 ? -ENOMEDIUM : -EREMOTEIO;
	assert_true((size_t)n - 10 <= cmd->rx_room);
	cmd->rx_len = (size_t)n - 10;
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

static const struct cr_backend backend = { .name = "vreader", .only_by_name = 1, .owns = owns, .open = open_ring };

static void rig_make(struct vreader_config *c, struct vcard *card)
{
	static const struct cr_soft_ops ops = { .exec = exec };

	if (card)
		c->cards = &card;
	c->tap = tap;
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
	rig.dev.vendor = vreader_cfg(rig.v)->vid;
	rig.dev.product = vreader_cfg(rig.v)->pid;
	assert_int_equal(cr_softreader_new(&rig.dev, &ops, NULL, &rig.reader), 0);
	cr_softreader_card(rig.reader, 0, true);
}

static void traced(void *arg, const uint8_t *cmd, size_t cmd_len, const uint8_t *r, size_t rsp_len, int err)
{
	assert_true(rig.traced_len + cmd_len + rsp_len <= sizeof(rig.traced));
	memcpy(rig.traced + rig.traced_len, cmd, cmd_len);
	rig.traced_len += cmd_len;
	if (rsp_len)
		memcpy(rig.traced + rig.traced_len, r, rsp_len);
	rig.traced_len += rsp_len;
}

static cr_card_t *open_card(void)
{
	struct cr_reader_info info = { .path = "vreader:" };
	cr_card_t *card;

	info.dev = rig.dev;
	assert_int_equal(cr_card_open(&info, 0, 0, &card), 0);
	cr_card_set_trace(card, traced, NULL);
	return card;
}

/* Levels, and what the line to the card is at TPDU level. */
static const struct level {
	const char *name;
	enum vreader_level level;
	bool t1;
	struct sim_contact_config contact;
} levels[] = {
	{ "T=0", VREADER_TPDU, false, { .ta1 = 0 } },
	{ "T=1", VREADER_TPDU, true, { .ta1 = 0x95 } },
	{ "T=1, CRC", VREADER_TPDU, true, { .t1 = { .crc = true } } },
	{ "T=1, WTX", VREADER_TPDU, true, { .t1 = { .wtx = 5, .wtx_times = 2 } } },
	{ "T=1, the card tells its IFSC", VREADER_TPDU, true, { .t1 = { .ask_ifsc = 64 } } },
	{ "short APDU", VREADER_SHORT, false, { .ta1 = 0 } },
	{ "extended APDU", VREADER_EXTENDED, false, { .ta1 = 0 } },
};
#define LEVELS	(sizeof(levels) / sizeof(*levels))

static cr_card_t *pad_with(const struct level *l, uint8_t pin_support, uint16_t lcd)
{
	struct vreader_config c = { .level = l->level, .pin_support = pin_support, .lcd_layout = lcd,
				    .protocols = l->t1 ? 3 : 0 };

	rig_make(&c, l->t1 ? vcard_echo_contact_new(&l->contact) : NULL);
	return open_card();
}

static cr_card_t *pad(const struct level *l)
{
	return pad_with(l, 3, 0x0210);
}

static const struct cr_pin_request padded = { .reference = 0x81, .format = { .encoding = CR_PIN_ASCII, .min = 4,
					      .max = 8, .block = 8, .pad = 0xFF } };

static void keys(const char *k)
{
	char line[140];

	snprintf(line, sizeof(line), "keys %s", k);
	fault(rig.v, line);
}

static void expect_pin(cr_card_t *card, const struct cr_pin_request *r, bool modify, const char *k,
		       enum cr_pin_outcome outcome, int tries)
{
	struct cr_pin_result result;
	int err;

	if (*k)
		keys(k);
	err = modify ? cr_card_pin_modify(card, r, &result) : cr_card_pin_verify(card, r, &result);
	if (err)
		fail_msg("%s: error %d", k, err);
	if (result.outcome != outcome || result.tries != tries)
		fail_msg("%s: %s, %d tries, sw %04X", k, cr_pin_outcome_name(result.outcome), result.tries, result.sw);
}

/* That the card still answers as it should. */
static void works(cr_card_t *card)
{
	uint8_t got[64];
	size_t len = sizeof(got);

	assert_int_equal(cr_card_transmit(card, (const uint8_t *)"\0\xB0\0\0\x10", 5, got, &len), 0);
	assert_int_equal(len, 18);
	assert_int_equal(got[15], vcard_echo_byte(15));
}

/* ---- */

static void verification_at_each_level(void **state)
{
	for (size_t i = 0; i < LEVELS; i++) {
		cr_card_t *card = pad(&levels[i]);

		expect_pin(card, &padded, false, "1234E", CR_PIN_OK, -1);
		works(card);
		expect_pin(card, &padded, false, "9999E", CR_PIN_WRONG, 2);
		expect_pin(card, &padded, false, "12BB1234E", CR_PIN_OK, -1);	/* corrected */
		expect_pin(card, &padded, false, "1111E", CR_PIN_WRONG, 2);
		expect_pin(card, &padded, false, "2222E", CR_PIN_WRONG, 1);
		expect_pin(card, &padded, false, "3333E", CR_PIN_BLOCKED, 0);
		expect_pin(card, &padded, false, "1234E", CR_PIN_BLOCKED, 0);
		works(card);
		assert_int_equal(rig.secures, 7);
		assert_int_equal(rig.verify_xfers, 0);
		cr_card_close(card);
	}
}

static void each_format_reaches_the_card(void **state)
{
	struct cr_pin_request r = { .reference = 0x81 };

	for (size_t i = 0; i < LEVELS; i++) {
		cr_card_t *card = pad(&levels[i]);

		r.reference = 0x81;
		r.format = cr_pin_format_padded(4, 8);
		expect_pin(card, &r, false, "1234E", CR_PIN_OK, -1);
		r.reference = 0x82;
		r.format = cr_pin_format_plain(4, 8);
		expect_pin(card, &r, false, "123456E", CR_PIN_OK, -1);
		r.reference = 0x83;
		r.format = cr_pin_format_iso9564_2(4, 8);
		expect_pin(card, &r, false, "1234E", CR_PIN_OK, -1);
		expect_pin(card, &r, false, "12345E", CR_PIN_WRONG, 2);	/* an odd number of digits */
		r.reference = 0x84;
		r.format = cr_pin_format_bcd(4, 8);
		expect_pin(card, &r, false, "1234E", CR_PIN_OK, -1);
		r.reference = 0x85;
		r.format = (struct cr_pin_format){ .encoding = CR_PIN_BINARY, .right = true, .min = 4, .max = 8,
						   .block = 8, .pad = 0xFF };
		expect_pin(card, &r, false, "1234E", CR_PIN_OK, -1);
		cr_card_close(card);
	}
}

static void modification_at_each_level_and_in_each_format(void **state)
{
	struct cr_pin_request r = { .reference = 0x81 };

	for (size_t i = 0; i < LEVELS; i++) {
		cr_card_t *card = pad(&levels[i]);

		r.new_only = false;
		for (r.reference = 0x81; r.reference <= 0x84; r.reference++) {
			if (r.reference == 0x82)
				continue;
			r.format = r.reference == 0x81 ? cr_pin_format_padded(4, 8) :
				   r.reference == 0x83 ? cr_pin_format_iso9564_2(4, 8) : cr_pin_format_bcd(4, 8);
			expect_pin(card, &r, true, "1234E876543E876543E", CR_PIN_OK, -1);
			expect_pin(card, &r, false, "1234E", CR_PIN_WRONG, 2);
			expect_pin(card, &r, true, "1234E5555E5555E", CR_PIN_WRONG, 1);
			expect_pin(card, &r, true, "876543E5555E5556E", CR_PIN_MISMATCH, -1);
			expect_pin(card, &r, true, "876543E555E555E", CR_PIN_LENGTH, -1);
			expect_pin(card, &r, true, "876543E5555EC", CR_PIN_CANCELED, -1);
			expect_pin(card, &r, false, "876543E", CR_PIN_OK, -1);
		}
		/* the new one alone */
		r.reference = 0x82;
		r.format = cr_pin_format_plain(4, 8);
		r.new_only = true;
		expect_pin(card, &r, true, "7777E7777E", CR_PIN_REFUSED, -1);
		r.new_only = false;
		expect_pin(card, &r, false, "123456E", CR_PIN_OK, -1);
		r.new_only = true;
		expect_pin(card, &r, true, "7777E7777E", CR_PIN_OK, -1);
		r.new_only = false;
		expect_pin(card, &r, false, "7777E", CR_PIN_OK, -1);
		assert_int_equal(rig.verify_xfers, 0);
		works(card);
		cr_card_close(card);
	}
}

/* What the user does not let come to a command costs no try, and no resynchronisation. */
static void timeout_cancel_and_length_are_no_tries(void **state)
{
	struct cr_pin_request r = padded;

	r.timeout_s = 5;
	for (size_t i = 0; i < LEVELS; i++) {
		cr_card_t *card = pad(&levels[i]);
		unsigned int xfers;

		works(card);
		expect_pin(card, &r, false, "99C", CR_PIN_CANCELED, -1);
		expect_pin(card, &r, false, "99", CR_PIN_TIMEOUT, -1);
		expect_pin(card, &r, false, "", CR_PIN_TIMEOUT, -1);
		expect_pin(card, &r, false, "999E", CR_PIN_LENGTH, -1);
		xfers = rig.xfers;
		works(card);
		assert_int_equal(rig.xfers, xfers + 1 + (levels[i].contact.t1.wtx ? 2 : 0));
		expect_pin(card, &r, false, "9999E", CR_PIN_WRONG, 2);
		cr_card_close(card);
	}
}

static void the_deadline_is_longer_than_the_reader_waits(void **state)
{
	struct cr_pin_request r = padded;
	cr_card_t *card = pad(&levels[5]);

	expect_pin(card, &r, false, "", CR_PIN_TIMEOUT, -1);	/* 30 s */
	assert_in_range(rig.deadline_ms, 40000, 70000);
	r.timeout_s = 255;
	expect_pin(card, &r, false, "", CR_PIN_TIMEOUT, -1);
	assert_in_range(rig.deadline_ms, 265000, 300000);
	r.timeout_s = 60;
	expect_pin(card, &r, true, "1234E4321E", CR_PIN_TIMEOUT, -1);
	assert_in_range(rig.deadline_ms, 190000, 220000);
	cr_card_close(card);
}

static void a_reader_that_asks_for_time_meanwhile_is_given_it(void **state)
{
	struct vreader_config c = { .level = VREADER_SHORT, .pin_support = 3, .pin_extends = true };
	cr_card_t *card;

	rig_make(&c, NULL);
	card = open_card();
	expect_pin(card, &padded, false, "1234", CR_PIN_TIMEOUT, -1);
	expect_pin(card, &padded, false, "1234E", CR_PIN_OK, -1);
	cr_card_close(card);
}

static void without_a_keypad_nothing_is_sent(void **state)
{
	struct cr_pin_result result;

	for (size_t i = 0; i < LEVELS; i++) {
		cr_card_t *card = pad_with(&levels[i], 0, 0);
		size_t bus = rig.bus_len;

		assert_int_equal(cr_card_pin_verify(card, &padded, &result), CR_E_UNSUPPORTED);
		assert_int_equal(cr_card_pin_modify(card, &padded, &result), CR_E_UNSUPPORTED);
		assert_int_equal(rig.bus_len, bus);
		cr_card_close(card);
		/* it verifies alone */
		card = pad_with(&levels[i], 1, 0);
		expect_pin(card, &padded, false, "1234E", CR_PIN_OK, -1);
		bus = rig.bus_len;
		assert_int_equal(cr_card_pin_modify(card, &padded, &result), CR_E_UNSUPPORTED);
		assert_int_equal(rig.bus_len, bus);
		cr_card_close(card);
	}
}

static void a_bad_request_is_not_sent(void **state)
{
	cr_card_t *card = pad(&levels[1]);
	struct cr_pin_request r = padded;
	struct cr_pin_result result;
	size_t bus = rig.bus_len;

	r.format.min = 9;
	assert_int_equal(cr_card_pin_verify(card, &r, &result), CR_E_INVALID);
	assert_int_equal(rig.bus_len, bus);
	works(card);
	cr_card_close(card);
}

static void a_reader_that_refuses_the_format_says_so(void **state)
{
	struct cr_pin_result result;

	for (size_t i = 0; i < LEVELS; i++) {
		cr_card_t *card = pad(&levels[i]);

		fault(rig.v, "error value=15 on=secure");	/* the offset of wPINMaxExtraDigit */
		keys("1234E");
		assert_int_equal(cr_card_pin_verify(card, &padded, &result), CR_E_UNSUPPORTED);
		fault(rig.v, "clear");
		works(card);
		expect_pin(card, &padded, false, "1234E", CR_PIN_OK, -1);
		cr_card_close(card);
	}
}

static void the_card_s_own_64xx_is_not_the_user_s_doing(void **state)
{
	static const uint8_t block[] = { 0x00, 0x00, 0x02, 0x64, 0x01, 0x00 ^ 0x02 ^ 0x64 ^ 0x01 };
	cr_card_t *card = pad(&levels[1]);
	struct cr_pin_result result;

	keys("1234E");
	rig.instead = block;
	rig.instead_len = sizeof(block);
	assert_int_equal(cr_card_pin_verify(card, &padded, &result), 0);
	assert_int_equal(result.outcome, CR_PIN_REFUSED);
	assert_int_equal(result.sw, 0x6401);
	cr_card_close(card);
}

/* It looks the same whoever says it. Nobody says then that the card has not seen the command. */
static void a_64xx_in_place_of_a_response_may_be_the_card_s(void **state)
{
	static const uint8_t sw[] = { 0x64, 0x01 };
	struct cr_pin_result result;

	for (size_t i = 0; i < LEVELS; i++) {
		cr_card_t *card = pad(&levels[i]);

		keys("1234E");
		rig.instead = sw;
		rig.instead_len = sizeof(sw);
		assert_int_equal(cr_card_pin_verify(card, &padded, &result), 0);
		assert_int_equal(result.outcome, CR_PIN_CANCELED);
		/* over T=1 it would be in a block */
		assert_int_equal(result.sw, levels[i].t1 ? 0 : 0x6401);
		keys("9C");		/* the reader, in bError */
		assert_int_equal(cr_card_pin_verify(card, &padded, &result), 0);
		assert_int_equal(result.outcome, CR_PIN_CANCELED);
		assert_int_equal(result.sw, 0);
		cr_card_close(card);
	}
}

/* The card has not got the block: only the reader could send it again, for the host has no PIN to put into it. */
static void the_template_is_never_sent_as_a_command(void **state)
{
	static const uint8_t nak[] = { 0x00, 0x81, 0x00, 0x81 }, want_first[] = { 0x00, 0x82, 0x00, 0x82 },
			     broken[] = { 0x00, 0x00, 0x02, 0x90, 0x00, 0xFF };
	static const struct { const uint8_t *block; size_t len; } instead[] = {
		{ nak, sizeof(nak) }, { want_first, sizeof(want_first) }, { broken, sizeof(broken) }, { broken, 3 },
	};
	struct cr_pin_result result;

	for (size_t i = 0; i < sizeof(instead) / sizeof(*instead); i++) {
		cr_card_t *card = pad(&levels[1]);
		int err;

		keys("1234E");
		rig.instead = instead[i].block;
		rig.instead_len = instead[i].len;
		err = cr_card_pin_verify(card, &padded, &result);
		/* a broken answer is asked for again; the other two want what nobody can give */
		assert_int_equal(err, i < 2 ? CR_E_CARD_PROTOCOL : 0);
		assert_int_equal(rig.verify_xfers, 0);
		assert_int_equal(rig.secures, 1);
		works(card);
		expect_pin(card, &padded, false, "9999E", CR_PIN_WRONG, 2);
		cr_card_close(card);
	}
}

static void a_card_that_takes_shorter_blocks_is_told(void **state)
{
	static const struct level small = { "T=1, IFSC 8", VREADER_TPDU, true, { .t1 = { .ifsc = 8 } } };
	cr_card_t *card = pad(&small);
	struct cr_pin_result result;

	assert_int_equal(cr_card_pin_verify(card, &padded, &result), CR_E_TOO_LONG);
	assert_int_equal(rig.secures, 0);
	assert_int_equal(rig.verify_xfers, 0);
	works(card);
	cr_card_close(card);
}

static void host_s_cancel_ends_it(void **state)
{
	for (size_t i = 0; i < LEVELS; i++) {
		cr_card_t *card = pad(&levels[i]);
		struct cr_pin_result result;
		volatile int cancel = 1;

		cr_card_set_cancel(card, &cancel);
		assert_int_equal(cr_card_pin_verify(card, &padded, &result), CR_E_CANCELED);
		cancel = 0;
		works(card);
		expect_pin(card, &padded, false, "1234E", CR_PIN_OK, -1);
		cr_card_close(card);
	}
}

static void a_card_pulled_meanwhile_is_gone(void **state)
{
	for (size_t i = 0; i < LEVELS; i++) {
		cr_card_t *card = pad(&levels[i]);
		struct cr_pin_result result;

		fault(rig.v, "remove on=secure");
		keys("1234E");
		assert_int_equal(cr_card_pin_verify(card, &padded, &result), CR_E_CARD_GONE);
		cr_card_close(card);
	}
}

/* ---- the PIN stays in the reader ---- */

static bool holds(const uint8_t *p, size_t n, const void *what, size_t len)
{
	return n >= len && memmem(p, n, what, len);
}

/* Not four of its digits in a row, in any way that they could be written. */
static void assert_unseen(const uint8_t *p, size_t n, const char *pin)
{
	for (size_t i = 0; i + 4 <= strlen(pin); i++) {
		const char *d = pin + i;
		const uint8_t binary[4] = { d[0] - '0', d[1] - '0', d[2] - '0', d[3] - '0' };
		const uint8_t even[2] = { binary[0] << 4 | binary[1], binary[2] << 4 | binary[3] };

		assert_false(holds(p, n, d, 4));
		assert_false(holds(p, n, binary, 4));
		assert_false(holds(p, n, even, 2));
	}
}

static void no_digit_leaves_the_reader(void **state)
{
	static const char pin[] = "83746925";
	struct cr_pin_request r = { .reference = 0x81 };
	char typed[64];

	for (size_t i = 0; i < LEVELS; i++) {
		cr_card_t *card = pad(&levels[i]);

		for (r.reference = 0x81; r.reference <= 0x84; r.reference++) {
			r.format = r.reference == 0x81 ? cr_pin_format_padded(4, 8) :
				   r.reference == 0x82 ? cr_pin_format_plain(4, 8) :
				   r.reference == 0x83 ? cr_pin_format_iso9564_2(4, 8) : cr_pin_format_bcd(4, 8);
			snprintf(typed, sizeof(typed), "%sE", pin);
			expect_pin(card, &r, false, typed, CR_PIN_WRONG, 2);
			if (r.reference != 0x82) {
				snprintf(typed, sizeof(typed), "1234E%sE%sE", pin, pin);
				expect_pin(card, &r, true, typed, CR_PIN_OK, -1);
				snprintf(typed, sizeof(typed), "%sE", pin);
				expect_pin(card, &r, false, typed, CR_PIN_OK, -1);
			}
			snprintf(typed, sizeof(typed), "%sC", pin);
			expect_pin(card, &r, false, typed, CR_PIN_CANCELED, -1);
			expect_pin(card, &r, false, pin, CR_PIN_TIMEOUT, -1);
		}
		/* the scan sees what is there: the template and the status words */
		assert_true(holds(rig.bus, rig.bus_len, "\x00\x20\x00\x81", 4));
		assert_true(holds(rig.bus, rig.bus_len, "\x63\xC2", 2));
		assert_unseen(rig.bus, rig.bus_len, pin);
		assert_true(holds(rig.traced, rig.traced_len, "\x00\x20\x00\x81", 4));
		assert_unseen(rig.traced, rig.traced_len, pin);
		cr_card_close(card);
	}
}

/* What is typed on it comes to the host by the keyboard as well. */
static void a_keypad_that_tells_the_host_is_not_used(void **state)
{
	struct vreader_config c = { .vid = 0x03F0, .pid = 0x1024, .pin_support = 3 };
	struct cr_pin_result result;
	cr_card_t *card;
	size_t bus;

	rig_make(&c, NULL);
	card = open_card();
	bus = rig.bus_len;
	assert_int_equal(cr_card_pin_verify(card, &padded, &result), CR_E_UNSUPPORTED);
	assert_int_equal(rig.bus_len, bus);
	cr_card_close(card);
}

static void the_descriptor_tells_keypad_and_display(void **state)
{
	static const struct { uint8_t pin; uint16_t lcd; struct cr_pinpad want; } t[] = {
		{ 0, 0, { false, false, 0, 0 } }, { 1, 0, { true, false, 0, 0 } }, { 2, 0x0210, { false, true, 2, 16 } },
		{ 3, 0x0414, { true, true, 4, 20 } }, { 3, 0x0010, { true, true, 0, 0 } }, { 0xFC, 0x0200, { false, false, 0, 0 } },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct vreader_config c = { .pin_support = t[i].pin, .lcd_layout = t[i].lcd };
		struct cr_reader_info info = { 0 };
		struct cr_pinpad got;

		rig_make(&c, NULL);
		info.dev = rig.dev;
		cr_reader_pinpad(&info, &got);
		assert_int_equal(got.verify, t[i].want.verify);
		assert_int_equal(got.modify, t[i].want.modify);
		assert_int_equal(got.lines, t[i].want.lines);
		assert_int_equal(got.columns, t[i].want.columns);
	}
}

static int begin(void **state)
{
	return cr_backend_register(&backend);
}

static int end(void **state)
{
	cr_softreader_unref(rig.reader);
	vreader_free(rig.v);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verification_at_each_level),
		cmocka_unit_test(each_format_reaches_the_card),
		cmocka_unit_test(modification_at_each_level_and_in_each_format),
		cmocka_unit_test(timeout_cancel_and_length_are_no_tries),
		cmocka_unit_test(the_deadline_is_longer_than_the_reader_waits),
		cmocka_unit_test(a_reader_that_asks_for_time_meanwhile_is_given_it),
		cmocka_unit_test(without_a_keypad_nothing_is_sent),
		cmocka_unit_test(a_bad_request_is_not_sent),
		cmocka_unit_test(a_reader_that_refuses_the_format_says_so),
		cmocka_unit_test(the_card_s_own_64xx_is_not_the_user_s_doing),
		cmocka_unit_test(a_64xx_in_place_of_a_response_may_be_the_card_s),
		cmocka_unit_test(the_template_is_never_sent_as_a_command),
		cmocka_unit_test(a_card_that_takes_shorter_blocks_is_told),
		cmocka_unit_test(host_s_cancel_ends_it),
		cmocka_unit_test(a_card_pulled_meanwhile_is_gone),
		cmocka_unit_test(no_digit_leaves_the_reader),
		cmocka_unit_test(a_keypad_that_tells_the_host_is_not_used),
		cmocka_unit_test(the_descriptor_tells_keypad_and_display),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
