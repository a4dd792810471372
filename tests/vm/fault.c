// SPDX-License-Identifier: BSD-2-Clause
/* What becomes of a command whose reader misbehaves: deadlines, aborts, malformed answers, halts, resets. */
#include "node.h"

static struct reader shared;	/* one slot, extended APDUs */

static int plug_shared(void **state)
{
	plug(&shared, &(struct vreader_config){ .extension_ms = 60000 });
	return 0;
}

static int unplug_shared(void **state)
{
	unplug(&shared);
	return 0;
}

/* The card is powered again where the fault cost it its power, and then it works. */
static void recovers(struct node *n, uint8_t slot)
{
	struct cardring_sqe sqe = sqe_read(n, slot, 0, 10);

	if (run(n, &sqe).result == -ENOMEDIUM)
		power_on(n, slot);
	works(n, slot);
	works(n, slot);
}

static void malformed_answer_spoils_one_command(void **state)
{
	static const struct { const char *line; int result, or; } t[] = {
		{ "type", -EPROTO, 0 }, { "type value=0x81", -EPROTO, 0 }, { "type value=0x50", -EPROTO, 0 },
		{ "status value=0xC0", -EPROTO, 0 },
		{ "truncate", -EPROTO, 0 }, { "truncate bytes=1", -EPROTO, 0 }, { "truncate bytes=9", -EPROTO, 0 },
		{ "truncate bytes=10", -EPROTO, 0 }, { "truncate bytes=311", -EPROTO, 0 },
		{ "length delta=1", -EPROTO, 0 }, { "length delta=-1", -EPROTO, 0 }, { "length delta=100000", -EPROTO, 0 },
		{ "length delta=-303", -EPROTO, 0 }, { "length delta=210", -EPROTO, 0 },
		{ "split", -EPROTO, 0 }, { "split bytes=1", -EPROTO, 0 }, { "split bytes=64", -EPROTO, 0 },
		{ "junk", -EPROTO, -ETIMEDOUT }, { "junk bytes=3", -EPROTO, 0 }, { "junk bytes=2000", -EPROTO, -ETIMEDOUT },
		{ "wrongseq", -ETIMEDOUT, 0 }, { "wrongseq value=255", -ETIMEDOUT, 0 },
		{ "wrongslot", -ETIMEDOUT, 0 }, { "wrongslot value=200", -ETIMEDOUT, 0 },
		{ "zlp", 302, 0 }, { "twice", 302, 0 }, { "delay ms=50", 302, 0 },
		{ "error value=0xFE", -EREMOTEIO, 0 }, { "error value=0xC0", -EREMOTEIO, 0 },
	};
	struct node n;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct cardring_sqe sqe;
		struct cardring_cqe c;

		node_card(&n, &shared);
		fault(&shared, t[i].line);
		sqe = sqe_read(&n, 0, 0, 300);
		sqe.deadline_ms = 150;
		c = run(&n, &sqe);
		if (c.result != t[i].result && (!t[i].or || c.result != t[i].or))
			fail_msg("%s: result %d", t[i].line, c.result);
		if (c.result == -EREMOTEIO)
			assert_int_equal(c.status, 0x40);
		recovers(&n, 0);
		if (counter(&shared, "resets"))
			fail_msg("%s: the reader was reset", t[i].line);
		node_close(&n);
	}
}

static void answer_longer_than_its_buffer_is_emsgsize(void **state)
{
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct node n;

	node_card(&n, &shared);
	for (uint32_t cap = 1; cap < 600; cap += 97) {
		sqe = sqe_read(&n, 0, 0, 3000);
		sqe.rx_len = cap;
		memset(node_buf(&n, 2), 0xEE, 8);
		c = run(&n, &sqe);
		assert_int_equal(c.result, -EMSGSIZE);
		assert_int_equal(c.bytes, cap);
		for (uint32_t j = 0; j < cap; j++)
			assert_int_equal(node_buf(&n, 1)[j], vcard_echo_byte(j));
		works(&n, 0);
	}
	/* more than any buffer here takes: the next one stays as it was */
	sqe = sqe_read(&n, 0, 0, 20000);
	memset(node_buf(&n, 2) - CARDRING_HDR_ROOM, 0xEE, n.hdr->buf_stride);
	c = run(&n, &sqe);
	assert_int_equal(c.result, -EMSGSIZE);
	for (uint32_t j = 0; j < n.hdr->buf_stride; j++)
		assert_int_equal(node_buf(&n, 2)[(int)j - CARDRING_HDR_ROOM], 0xEE);
	works(&n, 0);
	/* not wanted: the status word all the same */
	sqe = sqe_read(&n, 0, 0, 3000);
	sqe.rx_buf = CARDRING_NO_BUF;
	sqe.flags = CARDRING_SQE_EXPECT_SW;
	sqe.sw = 0x9000;
	sqe.sw_mask = 0xFFFF;
	c = run(&n, &sqe);
	assert_int_equal(c.result, 0);
	assert_int_equal(c.sw, 0x9000);
	works(&n, 0);
	node_close(&n);
}

static void message_longer_than_declared_is_refused(void **state)
{
	const struct vreader_config cfg = { .level = VREADER_SHORT };
	struct cardring_sqe sqe;
	struct reader rd;
	struct node n;

	plug(&rd, &cfg);
	node_card(&n, &rd);
	for (unsigned int more = 1; more < 3000; more += 700) {
		char line[40];

		snprintf(line, sizeof(line), "oversize bytes=%u", more);
		fault(&rd, line);
		sqe = sqe_apdu(&n, 0, 0, "\0\xB0\0\0\x10", 5);
		sqe.deadline_ms = 150;
		assert_int_equal(run(&n, &sqe).result, -EPROTO);
		sqe = sqe_apdu(&n, 0, 0, "\0\xB0\0\0\x10", 5);
		assert_int_equal(run(&n, &sqe).result, 18);
	}
	/* a command longer than the reader takes does not go out */
	sqe.tx_len = 262;
	assert_int_equal(run(&n, &sqe).result, -EMSGSIZE);
	node_close(&n);
	unplug(&rd);
}

static void hung_command_ends_at_its_deadline(void **state)
{
	static const unsigned int deadlines[] = { 1, 50, 300 };
	unsigned long long timeouts = counter(&shared, "timeouts");
	struct cardring_sqe sqe;
	struct node n;
	uint64_t begin;

	node_card(&n, &shared);
	for (size_t i = 0; i < 3; i++) {
		fault(&shared, "hang");
		sqe = sqe_read(&n, 0, 0, 10);
		sqe.deadline_ms = deadlines[i];
		begin = now_ms();
		assert_int_equal(run(&n, &sqe).result, -ETIMEDOUT);
		assert_in_range(now_ms() - begin, deadlines[i], deadlines[i] + 2000);
		works(&n, 0);	/* its power too: no reset was needed */
	}
	if (by_module())
		assert_int_equal(counter(&shared, "timeouts"), timeouts + 3);
	/* what is linked behind does not run, what is behind that does */
	fault(&shared, "hang");
	sqe.flags = CARDRING_SQE_LINK;
	sqe.deadline_ms = 50;
	push(&n, &sqe);
	sqe.flags = 0;
	push(&n, &sqe);
	sqe = sqe_read(&n, 0, 0, 10);
	push(&n, &sqe);
	assert_int_equal(enter(&n, 3, 3, NODE_MS), 3);
	assert_int_equal(reap(&n).result, -ETIMEDOUT);
	assert_int_equal(reap(&n).result, -ECANCELED);
	assert_int_equal(reap(&n).result, 12);
	node_close(&n);
}

static void abort_ends_the_command_and_what_is_behind_it(void **state)
{
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct node n;

	node_card(&n, &shared);
	sqe = sqe_op(CARDRING_OP_ABORT, 0);
	assert_int_equal(run(&n, &sqe).result, -EALREADY);
	for (unsigned int hang = 0; hang < 2; hang++) {
		unsigned int canceled = 0, aborted = 0, after = 0;

		if (hang)
			fault(&shared, "hang");
		sqe = sqe_wait(&n, 0, 0, 30000);
		sqe.deadline_ms = 60000;
		sqe.flags = CARDRING_SQE_LINK;
		push(&n, &sqe);
		for (unsigned int i = 0; i < 3; i++) {
			sqe = sqe_read(&n, 0, 2, 10);
			push(&n, &sqe);
		}
		assert_int_equal(enter(&n, 4, 0, 0), 4);
		sleep_ms(20);
		assert_int_equal(unread(&n), 0);
		sqe = sqe_op(CARDRING_OP_ABORT, 0);
		sqe.user_data = 99;
		push(&n, &sqe);
		/* what is behind the ABORT is no part of the chain that it ended */
		sqe = sqe_op(CARDRING_OP_NOP, 0);
		sqe.user_data = 100;
		push(&n, &sqe);
		assert_int_equal(enter(&n, 2, 6, NODE_MS), 2);
		for (unsigned int i = 0; i < 6; i++) {
			c = reap(&n);
			aborted += c.user_data == 99 && c.result == 0;
			canceled += c.user_data == 0 && c.result == -ECANCELED;
			after += c.user_data == 100 && c.result == 0;
		}
		assert_int_equal(aborted, 1);
		assert_int_equal(canceled, 4);
		assert_int_equal(after, 1);
		works(&n, 0);
	}
	/* of what waits alone, too: while the reader is being told, the queue waits */
	fault(&shared, "clear");
	node_close(&n);
}

/* A program's ABORT and late answers, and readers that know only half of the protocol for it, or nothing. */
static void reader_is_told_of_an_abort_as_far_as_it_listens(void **state)
{
	static const struct { const char *more; unsigned int resets; } t[] = {
		{ "late ms=0", 0 }, { "late ms=30", 0 },
		{ "muteabort", 1 }, { "stallabort", 1 }, { "ignoreabort", 1 }, { "refuseabort", 1 },
	};
	struct cardring_sqe sqe;
	struct node n;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unsigned long long resets = counter(&shared, "resets");
		uint64_t begin;

		node_card(&n, &shared);
		if (strncmp(t[i].more, "late", 4))
			fault(&shared, "hang");
		fault(&shared, t[i].more);
		sqe = sqe_read(&n, 0, 0, 10);
		sqe.deadline_ms = 60;
		begin = now_ms();
		assert_int_equal(run(&n, &sqe).result, -ETIMEDOUT);
		assert_true(now_ms() - begin < 1500);
		if (t[i].resets)
			expect_event(&n, CARDRING_EVENT_RESET);
		recovers(&n, 0);
		assert_int_equal(counter(&shared, "resets") - resets, t[i].resets);
		node_close(&n);
	}
}

/* A reader that knows no abort but gives its answer in the end needs no reset. */
static void answer_that_comes_while_the_abort_is_not_heard_will_do(void **state)
{
	unsigned long long resets = counter(&shared, "resets");
	static const char *const deaf[] = { "refuseabort", "stallabort" };
	struct cardring_sqe sqe;
	struct node n;

	for (size_t i = 0; i < 2; i++) {
		node_card(&n, &shared);
		fault(&shared, "delay ms=300");
		fault(&shared, deaf[i]);
		sqe = sqe_read(&n, 0, 0, 10);
		sqe.deadline_ms = 60;
		assert_int_equal(run(&n, &sqe).result, -ETIMEDOUT);
		works(&n, 0);
		node_close(&n);
	}
	assert_int_equal(counter(&shared, "resets"), resets);

	/* one that heard the half on the control pipe refuses everything until it hears the other, or is reset */
	node_card(&n, &shared);
	fault(&shared, "delay ms=300");
	fault(&shared, "muteabort");
	sqe = sqe_read(&n, 0, 0, 10);
	sqe.deadline_ms = 60;
	assert_int_equal(run(&n, &sqe).result, -ETIMEDOUT);
	expect_event(&n, CARDRING_EVENT_RESET);
	recovers(&n, 0);
	node_close(&n);
}

/* CCID 1.1, 6.2.6: a reader that refuses the abort and says that the card wants more time has not let go of the command. */
static void time_extension_ends_no_abort(void **state)
{
	static const struct { const char *line; unsigned int resets; } t[] = {
		{ "extend times=4 ms=100", 0 }, { "extend times=0 ms=50", 1 },
	};
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct node n;

	for (size_t i = 0; i < 2; i++) {
		unsigned long long resets = counter(&shared, "resets");

		node_card(&n, &shared);
		fault(&shared, t[i].line);
		fault(&shared, "refuseabort");
		sqe = sqe_read(&n, 0, 0, 10);
		sqe.deadline_ms = 60000;
		push(&n, &sqe);
		assert_int_equal(enter(&n, 1, 0, 0), 1);
		sleep_ms(20);
		sqe = sqe_op(CARDRING_OP_ABORT, 0);
		sqe.user_data = 99;
		push(&n, &sqe);
		assert_int_equal(enter(&n, 1, 2, NODE_MS), 1);
		for (unsigned int k = 0; k < 2; k++) {
			c = reap(&n);
			assert_int_equal(c.result, c.user_data ? 0 : -ECANCELED);
		}
		if (t[i].resets) {
			expect_event(&n, CARDRING_EVENT_RESET);
			recovers(&n, 0);
		} else {
			works(&n, 0);
		}
		assert_int_equal(counter(&shared, "resets") - resets, t[i].resets);
		node_close(&n);
	}
}

/* Nor are many of them noise, which would cost the commands of other slots. */
static void time_extensions_of_an_aborted_command_cost_no_other_slot(void **state)
{
	const struct vreader_config cfg = { .slots = 2, .busy_slots = 2, .extension_ms = 60000 };
	static const int result[] = { -ECANCELED, 2, 0 };
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct reader rd;
	struct node n;

	plug(&rd, &cfg);
	node_card(&n, &rd);
	assert_int_equal(node_claim(&n, 1, 0), 0);
	power_on(&n, 1);
	fault(&rd, "extend times=100 ms=4 slot=0");
	fault(&rd, "refuseabort slot=0");
	sqe = sqe_read(&n, 0, 0, 10);
	sqe.deadline_ms = 60000;
	push(&n, &sqe);
	sqe = sqe_wait(&n, 1, 2, 800);
	sqe.deadline_ms = 60000;
	sqe.user_data = 1;
	push(&n, &sqe);
	assert_int_equal(enter(&n, 2, 0, 0), 2);
	sleep_ms(20);
	sqe = sqe_op(CARDRING_OP_ABORT, 0);
	sqe.user_data = 2;
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 3, NODE_MS), 1);
	for (unsigned int i = 0; i < 3; i++) {
		c = reap(&n);
		assert_true(c.user_data < 3);
		assert_int_equal(c.result, result[c.user_data]);
	}
	works(&n, 0);
	works(&n, 1);
	node_close(&n);
	unplug(&rd);
}

/* The bSeq of the last PC_to_RDR_Abort, once there is one since @from of the reader's messages. */
static uint8_t abort_seq(struct reader *rd, uint64_t from)
{
	struct vreader_stamp st[VREADER_STAMPS];
	uint64_t end = now_ms() + NODE_MS, total;

	for (; now_ms() < end; sleep_ms(2)) {
		size_t have = vreader_usb_stamps(rd->usb, 0, st, VREADER_STAMPS, &total);

		for (size_t i = have; i--;)
			if (total - have + i >= from && st[i].type == PC_ABORT)
				return st[i].seq;
	}
	fail_msg("no abort");
	return 0;
}

/* What it still sends is the rest of an old answer: it listens, but is not through. That has an end too. */
static void reader_that_goes_on_sending_is_given_time_for_the_abort(void **state)
{
	unsigned long long resets;
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct reader rd;
	uint64_t from = 0, begin;
	struct node n;
	char line[64];
	uint8_t seq;

	plug(&rd, &(struct vreader_config){ 0 });
	resets = counter(&rd, "resets");
	node_card(&n, &rd);
	fault(&rd, "delay ms=1200");
	fault(&rd, "ignoreabort");
	fault(&rd, "muteabort");
	seen(&rd, 0, &from);
	sqe = sqe_read(&n, 0, 0, 10);
	sqe.deadline_ms = 60;
	assert_int_equal(run(&n, &sqe).result, -ETIMEDOUT);
	begin = now_ms();
	seq = abort_seq(&rd, from);
	while (now_ms() - begin < 1900) {
		fault(&rd, "inraw 5A 5A 5A 5A 5A 5A 5A");
		sleep_ms(50);
		enter(&n, 0, 0, 0);
	}
	snprintf(line, sizeof(line), "inraw 81 00 00 00 00 00 %02X 00 00 00", seq);
	fault(&rd, line);
	works(&n, 0);
	assert_int_equal(counter(&rd, "resets"), resets);

	/* no end of it */
	fault(&rd, "hang");
	fault(&rd, "ignoreabort 0");
	fault(&rd, "muteabort 0");
	assert_int_equal(run(&n, &sqe).result, -ETIMEDOUT);
	for (begin = now_ms(); counter(&rd, "resets") == resets && now_ms() - begin < 15000; sleep_ms(50)) {
		fault(&rd, "inraw 5A 5A 5A 5A 5A 5A 5A");
		enter(&n, 0, 0, 0);
		next_event(&n, 0);
	}
	assert_in_range(now_ms() - begin, 8000, 14000);
	fault(&rd, "clear");
	sqe = sqe_op(CARDRING_OP_POWER_ON, 0);
	/* what this test had it say behind the reset may cost one command, and in one way */
	c = run(&n, &sqe);
	assert_true(c.result >= 0 || c.result == -EPROTO);
	recovers(&n, 0);
	node_close(&n);
	unplug(&rd);
}

/* Four seconds of the rest of an old answer, then the one to the abort. */
struct late_abort { struct reader *rd; uint8_t seq; };

static void *answers_the_abort_late(void *arg)
{
	const struct late_abort *l = arg;
	char line[64];

	for (uint64_t begin = now_ms(); now_ms() - begin < 4000; sleep_ms(50))
		fault(l->rd, "inraw 5A 5A 5A 5A 5A 5A 5A");
	snprintf(line, sizeof(line), "inraw 81 00 00 00 00 00 %02X 00 00 00", l->seq);
	fault(l->rd, line);
	return NULL;
}

/* Whoever closes the file would leave the card powered, and a command that nobody ended. */
static void close_waits_for_an_abort_that_takes_long(void **state)
{
	struct cardring_sqe sqe;
	struct late_abort late;
	struct reader rd;
	pthread_t thread;
	uint64_t from = 0;
	struct node n;

	plug(&rd, &(struct vreader_config){ 0 });
	node_card(&n, &rd);
	fault(&rd, "delay ms=3500");
	fault(&rd, "ignoreabort");
	fault(&rd, "muteabort");
	seen(&rd, 0, &from);
	sqe = sqe_read(&n, 0, 0, 10);
	sqe.deadline_ms = 60;
	assert_int_equal(run(&n, &sqe).result, -ETIMEDOUT);
	late = (struct late_abort){ &rd, abort_seq(&rd, from) };
	assert_int_equal(pthread_create(&thread, NULL, answers_the_abort_late, &late), 0);
	node_close(&n);
	assert_int_equal(seen(&rd, PC_ICC_POWER_OFF, &from), 1);
	pthread_join(thread, NULL);
	node_card(&n, &rd);
	works(&n, 0);
	assert_int_equal(counter(&rd, "resets"), 0);
	node_close(&n);
	unplug(&rd);
}

static void halted_endpoints_are_cleared(void **state)
{
	static const struct { const char *line; int result; } t[] = {
		{ "stallin", -EIO }, { "stallin value=1", -EIO }, { "stallout", -EIO }, { "nakout", -ETIMEDOUT },
		/* the abort's message too, which goes once more: no reset, and the card keeps its power */
		{ "stallout 2", -EIO }, { "stallout 4", -EIO },
	};
	struct cardring_sqe sqe;
	struct node n;

	node_card(&n, &shared);
	for (unsigned int round = 0; round < 3; round++)
		for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
			fault(&shared, t[i].line);
			sqe = sqe_read(&n, 0, 0, 1000);
			sqe.deadline_ms = 150;
			assert_int_equal(run(&n, &sqe).result, t[i].result);
			works(&n, 0);
		}
	node_close(&n);
}

static void trouble_of_one_slot_leaves_the_other_usable(void **state)
{
	const struct vreader_config cfg = { .slots = 2, .busy_slots = 2, .extension_ms = 60000 };
	static const struct { const char *line; int result; bool both; } t[] = {
		{ "hang slot=0", -ETIMEDOUT, false }, { "truncate slot=0", -EPROTO, true },
		{ "type slot=0", -EPROTO, false }, { "wrongseq slot=0", -ETIMEDOUT, false },
		{ "stallin slot=0", -EIO, true }, { "split slot=0", -EPROTO, true },
	};
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct reader rd;
	struct node n;

	plug(&rd, &cfg);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		node_card(&n, &rd);
		assert_int_equal(node_claim(&n, 1, 0), 0);
		power_on(&n, 1);
		fault(&rd, t[i].line);
		sqe = sqe_wait(&n, 1, 2, 400);
		push(&n, &sqe);
		sqe = sqe_read(&n, 0, 0, 30);
		sqe.deadline_ms = 200;
		push(&n, &sqe);
		assert_int_equal(enter(&n, 2, 2, NODE_MS), 2);
		for (unsigned int k = 0; k < 2; k++) {
			c = reap(&n);
			if (c.slot == 0 && c.result != t[i].result && !(t[i].both && c.result == -ETIMEDOUT))
				fail_msg("%s: result %d", t[i].line, c.result);
			/* what hits the endpoint may hit both */
			if (c.slot == 1 && c.result != 2 && !(t[i].both && c.result == t[i].result))
				fail_msg("%s: the other slot: %d", t[i].line, c.result);
		}
		works(&n, 1);
		works(&n, 0);
		node_close(&n);
	}
	assert_int_equal(counter(&rd, "resets"), 0);
	unplug(&rd);
}

/*
 * Since @from of its messages the reader said nothing for longer than ms: on a machine that has other work its thread
 * did not run for as long, and the deadline that its next extension would have moved passed rightly.
 */
static bool reader_was_silent(struct reader *rd, uint64_t from, unsigned int ms)
{
	struct vreader_stamp st[VREADER_STAMPS];
	uint64_t total, last = 0, silence = 0;
	size_t have = vreader_usb_stamps(rd->usb, 0, st, VREADER_STAMPS, &total);

	for (size_t i = 0; i < have; i++) {
		if (total - have + i < from)
			continue;
		if (last && st[i].ns - last > silence)
			silence = st[i].ns - last;
		last = st[i].ns;
	}
	if (last && now_ms() * VREADER_MS > last + silence)
		silence = now_ms() * VREADER_MS - last;
	return silence > ms * VREADER_MS;
}

/* Runs it, after a line for the reader; once more where it ended before least_ms for that reason. *took: ms */
static struct cardring_cqe run_in_time(struct node *n, struct reader *rd, const char *line, const struct cardring_sqe *sqe,
				       unsigned int least_ms, uint64_t *took)
{
	struct cardring_cqe c;
	uint64_t begin, from = 0;

	for (unsigned int i = 0; i < 10; i++) {
		fault(rd, line);
		seen(rd, 0, &from);
		begin = now_ms();
		c = run(n, sqe);
		*took = now_ms() - begin;
		if (*took >= least_ms || !reader_was_silent(rd, from, sqe->deadline_ms / 4))
			break;
		recovers(n, sqe->slot);
	}
	return c;
}

static void time_extension_moves_the_deadline(void **state)
{
	const struct vreader_config cfg = { .extension_ms = 100 };
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct reader rd;
	struct node n;
	uint64_t took;

	plug(&rd, &cfg);
	node_card(&n, &rd);
	sqe = sqe_wait(&n, 0, 2, 900);
	sqe.deadline_ms = 300;
	c = run_in_time(&n, &rd, "clear", &sqe, 900, &took);
	assert_int_equal(c.result, 2);
	assert_true(took >= 900);
	assert_int_equal(c.flags & CARDRING_CQE_EXTENDED, CARDRING_CQE_EXTENDED);
	assert_int_equal(c.status, 0);
	works(&n, 0);

	/* without, the same is too late */
	node_close(&n);
	node_card(&n, &shared);
	sqe = sqe_wait(&n, 0, 0, 900);
	sqe.deadline_ms = 300;
	assert_int_equal(run(&n, &sqe).result, -ETIMEDOUT);
	works(&n, 0);
	node_close(&n);

	/* no end of them: the hard cap */
	node_card(&n, &rd);
	sqe = sqe_read(&n, 0, 2, 10);
	sqe.deadline_ms = 100;
	c = run_in_time(&n, &rd, "extend times=0 ms=5", &sqe, 100 * CARDRING_EXTENSION_CAP, &took);
	assert_int_equal(c.result, -ETIMEDOUT);
	assert_int_equal(c.flags & CARDRING_CQE_EXTENDED, CARDRING_CQE_EXTENDED);
	assert_in_range(took, 100 * CARDRING_EXTENSION_CAP, 100 * CARDRING_EXTENSION_CAP + 4000);
	recovers(&n, 0);
	node_close(&n);
	unplug(&rd);
}

/* A reader that is dead for good is reset so often, and then left alone; POWER_ON tries again. */
static void resets_of_a_dead_reader_are_bounded(void **state)
{
	struct cardring_sqe sqe = sqe_op(CARDRING_OP_POWER_ON, 0);
	uint64_t end = now_ms() + 3 * NODE_MS;
	struct reader rd;
	struct node n;
	int result;

	plug(&rd, &(struct vreader_config){ .mute = 1 });
	node_open(&n, &rd);
	assert_int_equal(node_claim(&n, 0, 0), 0);
	sqe.deadline_ms = 50;
	while (counter(&rd, "resets") < 3) {
		assert_true(now_ms() < end);
		/* queued when the reset came, or in flight to the dead reader */
		result = run(&n, &sqe).result;
		if (result != -ETIMEDOUT && result != -ENOMEDIUM)
			fail_msg("%d", result);
	}
	/* a last one, of which no reset follows: then the slot is said to be dead */
	do
		result = run(&n, &sqe).result;
	while (result == -ENOMEDIUM && now_ms() < end);
	assert_int_equal(result, -ETIMEDOUT);
	while (node_slot(&n, 0).state != CARDRING_SLOT_DEAD) {
		assert_true(now_ms() < end);
		sleep_ms(20);
	}
	sleep_ms(1500);
	assert_int_equal(counter(&rd, "resets"), 3);
	node_close(&n);
	unplug(&rd);
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		NODE_TEST(malformed_answer_spoils_one_command),
		NODE_TEST(answer_longer_than_its_buffer_is_emsgsize),
		NODE_TEST(message_longer_than_declared_is_refused),
		NODE_TEST(hung_command_ends_at_its_deadline),
		NODE_TEST(abort_ends_the_command_and_what_is_behind_it),
		NODE_TEST(reader_is_told_of_an_abort_as_far_as_it_listens),
		NODE_TEST(answer_that_comes_while_the_abort_is_not_heard_will_do),
		NODE_TEST(time_extension_ends_no_abort),
		NODE_TEST(time_extensions_of_an_aborted_command_cost_no_other_slot),
		NODE_TEST(reader_that_goes_on_sending_is_given_time_for_the_abort),
		NODE_TEST(close_waits_for_an_abort_that_takes_long),
		NODE_TEST(halted_endpoints_are_cleared),
		NODE_TEST(trouble_of_one_slot_leaves_the_other_usable),
		NODE_TEST(time_extension_moves_the_deadline),
		NODE_TEST(resets_of_a_dead_reader_are_bounded),
	};

	return run_group(t, plug_shared, unplug_shared);
}

int main(int argc, char **argv)
{
	return node_main("fault", argc, argv, tests);
}
