// SPDX-License-Identifier: BSD-2-Clause
/* Cards that come and go: no command reaches another card, and programs are told. */
#include "node.h"

static struct reader shared;	/* one slot, extended APDUs, a keypad */

static int plug_shared(void **state)
{
	plug(&shared, &(struct vreader_config){ .pin_support = 3 });
	return 0;
}

static int unplug_shared(void **state)
{
	unplug(&shared);
	return 0;
}

static void wait_state(struct node *n, unsigned int slot, enum cardring_slot_state state)
{
	uint64_t end = now_ms() + NODE_MS;

	while (node_slot(n, slot).state != state) {
		assert_true(now_ms() < end);
		sleep_ms(5);
	}
}

/* After the card of slot 0 changed: nothing reaches it before it is powered. */
static void stale_until_powered(struct node *n, struct reader *rd)
{
	static const uint8_t ops[] = { CARDRING_OP_XFER, CARDRING_OP_SECURE, CARDRING_OP_GET_PARAMS,
				       CARDRING_OP_RESET_PARAMS, CARDRING_OP_SET_PARAMS, CARDRING_OP_ICC_CLOCK,
				       CARDRING_OP_T0_APDU, CARDRING_OP_SET_RATE_CLOCK };
	static const uint8_t types[] = { PC_XFR_BLOCK, PC_SECURE, PC_GET_PARAMETERS, PC_RESET_PARAMETERS,
					 PC_SET_PARAMETERS, PC_ICC_CLOCK, PC_T0_APDU, PC_SET_RATE_CLOCK };
	struct cardring_sqe sqe;
	uint64_t from = 0;

	seen(rd, 0, &from);
	for (size_t i = 0; i < sizeof(ops); i++) {
		if (by_sim() && ops[i] == CARDRING_OP_SECURE)
			continue;	/* a reader without a keypad has no such command */
		sqe = sqe_op(ops[i], 0);
		assert_int_equal(run(n, &sqe).result, -ENOMEDIUM);
	}
	for (size_t i = 0; i < sizeof(types); i++) {
		uint64_t at = from;

		assert_int_equal(seen(rd, types[i], &at), 0);
	}
	/* these need none */
	sqe = sqe_op(CARDRING_OP_NOP, 0);
	assert_int_equal(run(n, &sqe).result, 0);
	sqe = sqe_op(CARDRING_OP_SLOT_STATUS, 0);
	assert_int_equal(run(n, &sqe).result, 0);
}

static void card_pulled_between_two_commands(void **state)
{
	struct cardring_slot s;
	struct cardring_cqe c;
	uint64_t generation;
	struct node n;

	node_card(&n, &shared);
	works(&n, 0);
	generation = node_slot(&n, 0).generation;
	assert_int_equal(node_slot(&n, 0).state, CARDRING_SLOT_POWERED);
	fault(&shared, "remove");
	expect_event(&n, CARDRING_EVENT_CARD_OUT);
	assert_int_equal(node_slot(&n, 0).state, CARDRING_SLOT_EMPTY);
	stale_until_powered(&n, &shared);
	c = run_op(&n, CARDRING_OP_POWER_ON, 0);
	assert_int_equal(c.result, -ENOMEDIUM);
	assert_int_equal(c.status & 3, 2);

	fault(&shared, "insert");
	expect_event(&n, CARDRING_EVENT_CARD_IN);
	s = node_slot(&n, 0);
	assert_int_equal(s.state, CARDRING_SLOT_PRESENT);
	assert_int_equal(s.generation, generation + 1);
	stale_until_powered(&n, &shared);
	power_on(&n, 0);
	works(&n, 0);
	assert_int_equal(next_event(&n, 0).flags, 0);
	node_close(&n);
}

static void card_swapped_between_two_notifications(void **state)
{
	uint64_t generation;
	struct node n;

	/* the second time, the reader has nothing more to tell of the time before the opening */
	for (unsigned int i = 0; i < 2; i++) {
		node_card(&n, &shared);
		generation = node_slot(&n, 0).generation;
		/* right after the opening, a notification may tell of that */
		sleep_ms(700);
		fault(&shared, "remove notify=0");
		fault(&shared, "insert");
		expect_event(&n, CARDRING_EVENT_CARD_OUT);
		expect_event(&n, CARDRING_EVENT_CARD_IN);
		assert_int_equal(node_slot(&n, 0).generation, generation + 1);
		stale_until_powered(&n, &shared);
		power_on(&n, 0);
		works(&n, 0);
		node_close(&n);
	}
}

/* Where no notification comes at all, the card's lost power gives it away. */
static void card_swapped_in_silence(void **state)
{
	struct cardring_sqe sqe;
	struct node n;

	node_card(&n, &shared);
	fault(&shared, "remove notify=0");
	fault(&shared, "insert notify=0");
	sqe = sqe_read(&n, 0, 0, 10);
	assert_int_equal(run(&n, &sqe).result, -EREMOTEIO);
	stale_until_powered(&n, &shared);
	power_on(&n, 0);
	works(&n, 0);
	node_close(&n);
}

static void card_pulled_during_a_command(void **state)
{
	static const char *const how[] = {
		"remove on=xfr", "remove on=xfr hang=1", "remove on=xfr notify=0", "remove on=xfr hang=1 notify=0",
	};
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct node n;
	uint64_t begin;

	for (size_t i = 0; i < 4; i++) {
		node_card(&n, &shared);
		fault(&shared, how[i]);
		sqe = sqe_read(&n, 0, 0, 10);
		sqe.deadline_ms = i == 3 ? 300 : 10000;
		sqe.user_data = 1;
		push(&n, &sqe);
		sqe = sqe_read(&n, 0, 2, 10);
		sqe.user_data = 2;
		push(&n, &sqe);
		/* all that is queued, also what needs no card */
		sqe = sqe_op(CARDRING_OP_NOP, 0);
		sqe.user_data = 3;
		push(&n, &sqe);
		begin = now_ms();
		assert_int_equal(enter(&n, 3, 3, NODE_MS), 3);
		c = reap(&n);
		assert_int_equal(c.user_data, 1);
		/* a hang without a word of the card is a hang */
		assert_int_equal(c.result, i == 3 ? -ETIMEDOUT : -ENOMEDIUM);
		for (uint64_t ud = 2; ud <= 3; ud++) {
			c = reap(&n);
			assert_int_equal(c.user_data, ud);
			assert_int_equal(c.result, -ENOMEDIUM);
		}
		assert_true(now_ms() - begin < 3000);
		wait_state(&n, 0, CARDRING_SLOT_EMPTY);
		fault(&shared, "insert");
		expect_event(&n, CARDRING_EVENT_CARD_OUT);
		expect_event(&n, CARDRING_EVENT_CARD_IN);
		power_on(&n, 0);
		works(&n, 0);
		node_close(&n);
	}
}

static void card_pulled_while_it_is_powered(void **state)
{
	struct cardring_sqe sqe;
	struct node n;

	for (unsigned int i = 0; i < 4; i++) {
		node_card(&n, &shared);
		fault(&shared, i & 1 ? "remove on=power" : "remove on=power hang=1");
		sqe = sqe_op(CARDRING_OP_POWER_ON, 0);
		assert_int_equal(run(&n, &sqe).result, -ENOMEDIUM);
		expect_event(&n, CARDRING_EVENT_CARD_OUT);
		stale_until_powered(&n, &shared);
		fault(&shared, "insert");
		expect_event(&n, CARDRING_EVENT_CARD_IN);
		power_on(&n, 0);
		works(&n, 0);
		node_close(&n);
	}
}

/* A command to power the card that was taken out meanwhile may still power the one that came in its place. */
static void card_swapped_while_it_is_powered_is_off_in_the_end(void **state)
{
	struct cardring_sqe sqe = sqe_op(CARDRING_OP_POWER_ON, 0);
	uint64_t from = 0;
	struct node n;

	node_card(&n, &shared);
	assert_int_equal(run_op(&n, CARDRING_OP_POWER_OFF, 0).result, 0);
	seen(&shared, 0, &from);
	fault(&shared, "delay ms=60 on=power");
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 0, 0), 1);
	sleep_ms(15);
	fault(&shared, "remove");
	expect_event(&n, CARDRING_EVENT_CARD_OUT);
	fault(&shared, "insert");
	assert_true(reap(&n).result < 0);
	node_close(&n);
	assert_int_equal(seen(&shared, PC_ICC_POWER_OFF, &from), 1);
}

static void power_off_makes_the_claim_stale(void **state)
{
	struct node n;

	node_card(&n, &shared);
	assert_int_equal(run_op(&n, CARDRING_OP_POWER_OFF, 0).result, 0);
	assert_int_equal(node_slot(&n, 0).state, CARDRING_SLOT_PRESENT);
	stale_until_powered(&n, &shared);
	power_on(&n, 0);
	works(&n, 0);
	node_close(&n);
}

static void reader_without_interrupt_endpoint_is_polled(void **state)
{
	const struct vreader_config cfg = { .slots = 2, .no_interrupt = true, .pin_support = 3 };
	struct cardring_info info;
	uint64_t generation;
	struct reader rd;
	struct node n;

	plug(&rd, &cfg);
	node_card(&n, &rd);
	if (by_module()) {
		assert_int_equal(ctl(n.fd, CARDRING_IOC_INFO, &info), 0);
		assert_int_equal(info.has_interrupt, 0);
	}
	generation = node_slot(&n, 0).generation;
	for (unsigned int i = 1; i <= 2; i++) {
		fault(&rd, "remove");
		expect_event(&n, CARDRING_EVENT_CARD_OUT);
		stale_until_powered(&n, &rd);
		fault(&rd, "insert");
		expect_event(&n, CARDRING_EVENT_CARD_IN);
		assert_int_equal(node_slot(&n, 0).generation, generation + i);
		stale_until_powered(&n, &rd);
		power_on(&n, 0);
		works(&n, 0);
	}
	/* swapped between two polls */
	fault(&rd, "remove");
	fault(&rd, "insert");
	wait_state(&n, 0, CARDRING_SLOT_PRESENT);
	stale_until_powered(&n, &rd);
	node_close(&n);
	unplug(&rd);
}

static void every_file_is_told_of_every_slot(void **state)
{
	const struct vreader_config cfg = { .slots = 5, .empty = 0x12 };
	static const uint8_t states[] = { CARDRING_SLOT_PRESENT, CARDRING_SLOT_EMPTY, CARDRING_SLOT_PRESENT,
					  CARDRING_SLOT_PRESENT, CARDRING_SLOT_EMPTY };
	struct cardring_cqe c;
	struct reader rd;
	struct node n[2];

	plug(&rd, &cfg);
	node_open(&n[0], &rd);
	node_open(&n[1], &rd);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(node_slot(&n[i & 1], i).state, states[i]);
	sleep_ms(100);
	for (unsigned int i = 0; i < 2; i++) {
		while (next_event(&n[i], 0).result)
			;
		forget_events(&n[i]);
	}
	fault(&rd, "insert slot=4");
	fault(&rd, "remove slot=3");
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int got = 0;

		for (unsigned int k = 0; k < 2; k++) {
			c = next_event(&n[i], NODE_MS);
			assert_int_equal(c.user_data, 0);
			if (c.result == CARDRING_EVENT_CARD_IN && c.slot == 4)
				got |= 1;
			if (c.result == CARDRING_EVENT_CARD_OUT && c.slot == 3)
				got |= 2;
		}
		assert_int_equal(got, 3);
	}
	assert_int_equal(node_slot(&n[0], 4).state, CARDRING_SLOT_PRESENT);
	assert_int_equal(node_slot(&n[0], 4).generation, 1);
	assert_int_equal(node_slot(&n[0], 3).state, CARDRING_SLOT_EMPTY);
	node_close(&n[1]);
	node_close(&n[0]);
	unplug(&rd);
}

static void hardware_errors_are_told(void **state)
{
	struct cardring_cqe c;
	struct node n;

	node_card(&n, &shared);
	fault(&shared, "hwerror value=1");
	c = next_event(&n, NODE_MS);
	assert_int_equal(c.result, CARDRING_EVENT_HARDWARE);
	assert_int_equal(c.error, 1);
	works(&n, 0);
	node_close(&n);
}

static void odd_notifications_do_no_harm(void **state)
{
	static const char *const odd[] = {
		"intraw 00", "intraw 50", "intraw 51", "intraw 51 00", "intraw 51 00 00", "intraw 51 FF 00 01",
		"intraw 50 FD", "intraw FF FF FF FF FF FF FF FF", "stallint", "interror", "stallint 3", "interror 3",
	};
	struct node n;

	node_card(&n, &shared);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		fault(&shared, odd[i]);
		sleep_ms(5);
		if (!strcmp(odd[i], "intraw 50 FD"))	/* "present, not changed" for it */
			assert_int_equal(node_slot(&n, 0).state, CARDRING_SLOT_POWERED);
		works(&n, 0);
	}
	/* and notifications still come */
	fault(&shared, "remove");
	expect_event(&n, CARDRING_EVENT_CARD_OUT);
	fault(&shared, "insert");
	expect_event(&n, CARDRING_EVENT_CARD_IN);
	node_close(&n);
}

static void voltages_are_tried_lowest_first(void **state)
{
	/* bVoltageSupport 1: 5 V, 2: 3 V, 4: 1.8 V; dwFeatures without 08, automatic voltage selection */
	static const struct { uint8_t voltage; unsigned int failing, sent; int good; } t[] = {
		{ 7, 0, 1, 1 }, { 7, 1, 2, 1 }, { 7, 2, 3, 1 }, { 7, 3, 3, 0 }, { 1, 0, 1, 1 }, { 1, 1, 1, 0 },
		{ 3, 1, 2, 1 },
	};
	struct cardring_sqe sqe = sqe_op(CARDRING_OP_POWER_ON, 0);
	struct reader rd;
	struct node n;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct vreader_config cfg = { .features = 0x4B2, .voltage = t[i].voltage };
		uint64_t from = 0;
		char line[40];
		int result;

		if (!i || t[i].voltage != t[i - 1].voltage)
			plug(&rd, &cfg);
		node_open(&n, &rd);
		node_slot(&n, 0);
		assert_int_equal(node_claim(&n, 0, 0), 0);
		seen(&rd, 0, &from);
		snprintf(line, sizeof(line), "error %u on=power", t[i].failing);
		if (t[i].failing)
			fault(&rd, line);
		sqe.rx_buf = 0;
		result = run(&n, &sqe).result;
		assert_int_equal(result, t[i].good ? 9 : -EREMOTEIO);
		assert_int_equal(seen(&rd, PC_ICC_POWER_ON, &from), t[i].sent);
		if (t[i].good)
			works(&n, 0);
		node_close(&n);
		if (i + 1 == sizeof(t) / sizeof(t[0]) || t[i].voltage != t[i + 1].voltage)
			unplug(&rd);
	}
}

static void every_command_reaches_the_reader(void **state)
{
	static const uint32_t clocks[] = { 4000, 8000 }, rates[] = { 9600, 115200 };
	const struct vreader_config cfg = { .features = 0x5BA, .clocks = clocks, .nclocks = 2, .rates = rates,
					    .nrates = 2, .pin_support = 1 };
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct reader rd;
	uint64_t from = 0;
	struct node n;

	plug(&rd, &cfg);
	node_card(&n, &rd);
	sqe = sqe_op(CARDRING_OP_GET_PARAMS, 0);
	sqe.rx_buf = 0;
	c = run(&n, &sqe);
	assert_true(c.result == 5 || c.result == 7);
	assert_int_equal(c.param, c.result == 7);
	/* the same back */
	sqe = sqe_op(CARDRING_OP_SET_PARAMS, 0);
	sqe.param[0] = c.param;
	sqe.tx_buf = 0;
	sqe.tx_len = c.result;
	sqe.rx_buf = 1;
	memset(node_buf(&n, 1), 0, 8);
	assert_int_equal(run(&n, &sqe).result, c.result);
	assert_memory_equal(node_buf(&n, 1), node_buf(&n, 0), c.result);
	sqe = sqe_op(CARDRING_OP_RESET_PARAMS, 0);
	sqe.rx_buf = 1;
	assert_true(run(&n, &sqe).result >= 5);
	sqe = sqe_op(CARDRING_OP_ICC_CLOCK, 0);
	sqe.param[0] = 1;
	c = run(&n, &sqe);
	assert_int_equal(c.result, 0);
	assert_int_equal(c.param, 1);		/* stopped */
	sqe.param[0] = 0;
	assert_int_equal(run(&n, &sqe).param, 0);
	sqe = sqe_op(CARDRING_OP_T0_APDU, 0);
	sqe.param[0] = 3;
	assert_int_equal(run(&n, &sqe).result, 0);
	sqe.param[0] = 4;
	c = run(&n, &sqe);
	assert_int_equal(c.result, -EREMOTEIO);
	assert_int_equal(c.status, 0x40);
	assert_int_equal(c.error, 7);		/* the offset of what is wrong */
	sqe = sqe_op(CARDRING_OP_SET_RATE_CLOCK, 0);
	memcpy(node_buf(&n, 0), "\x40\x1F\0\0\0\xC2\1\0", 8);
	sqe.tx_buf = 0;
	sqe.tx_len = 8;
	sqe.rx_buf = 1;
	assert_int_equal(run(&n, &sqe).result, 8);
	assert_memory_equal(node_buf(&n, 1), node_buf(&n, 0), 8);
	sqe = sqe_op(CARDRING_OP_SECURE, 0);
	seen(&rd, 0, &from);
	c = run(&n, &sqe);
	assert_int_equal(c.result, -EREMOTEIO);
	assert_int_equal(c.error, 10);		/* there is no bPINOperation */
	assert_int_equal(seen(&rd, PC_SECURE, &from), 1);
	/* wLevelParameter gets there: a command in two parts */
	sqe = sqe_apdu(&n, 0, 0, "\0\x88\0\0\4abcd", 5);
	sqe.param[1] = 1;
	c = run(&n, &sqe);
	assert_int_equal(c.result, 0);
	assert_int_equal(c.param, 0x10);	/* bChainParameter: go on */
	sqe.tx_off = 5;
	sqe.tx_len = 4;
	memcpy(node_buf(&n, 0) + 5, "abcd", 4);
	sqe.param[1] = 2;
	assert_int_equal(run(&n, &sqe).result, 6);
	assert_memory_equal(node_buf(&n, 1), "abcd\x90\0", 6);
	sqe = sqe_op(CARDRING_OP_POWER_ON, 0);
	sqe.param[0] = 2;
	assert_true(run(&n, &sqe).result >= 0);
	works(&n, 0);
	node_close(&n);
	unplug(&rd);
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		NODE_TEST(card_pulled_between_two_commands),
		NODE_TEST(card_swapped_between_two_notifications),
		NODE_TEST(card_swapped_in_silence),
		NODE_TEST(card_pulled_during_a_command),
		NODE_TEST(card_pulled_while_it_is_powered),
		NODE_TEST(card_swapped_while_it_is_powered_is_off_in_the_end),
		NODE_TEST(power_off_makes_the_claim_stale),
		NODE_TEST(reader_without_interrupt_endpoint_is_polled),
		NODE_TEST(every_file_is_told_of_every_slot),
		NODE_TEST(hardware_errors_are_told),
		NODE_TEST(odd_notifications_do_no_harm),
		NODE_TEST(voltages_are_tried_lowest_first),
		NODE_TEST(every_command_reaches_the_reader),
	};

	return run_group(t, plug_shared, unplug_shared);
}

int main(int argc, char **argv)
{
	return node_main("card", argc, argv, tests);
}
