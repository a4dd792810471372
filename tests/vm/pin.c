// SPDX-License-Identifier: BSD-2-Clause
/*
 * SECURE: a command that lasts as long as a human, and then is as any other. Whoever types does it by "keys" (the
 * virtual reader's line of text); every byte on the bus is looked at.
 */
#include <pthread.h>
#include "node.h"

#define PIN	"83746925"
#define TAP_MAX	(1 << 16)

static struct {
	pthread_mutex_t lock;
	uint8_t bytes[TAP_MAX];
	size_t n;
} bus = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void tap(void *arg, const uint8_t *data, size_t len, bool in)
{
	pthread_mutex_lock(&bus.lock);
	if (bus.n + len <= sizeof(bus.bytes)) {
		memcpy(bus.bytes + bus.n, data, len);
		bus.n += len;
	} else {
		bus.n = sizeof(bus.bytes);
	}
	pthread_mutex_unlock(&bus.lock);
}

static struct reader shared;	/* one slot, extended APDUs, a keypad that says nothing while somebody types */

static int plug_shared(void **state)
{
	plug(&shared, &(struct vreader_config){ .pin_support = 3, .tap = tap });
	return 0;
}

static int unplug_shared(void **state)
{
	unplug(&shared);
	return 0;
}

/* PIN verification: 1 s or so many for the user, ASCII, 4 to 8 digits, padded with FF to 8 bytes; reference 81. */
static struct cardring_sqe sqe_pin(struct node *n, uint8_t slot, unsigned int buf, uint8_t timeout_s)
{
	static const uint8_t verify[] = { 0x00, 1, 0x82, 0x08, 0x00, 8, 4, 0x02, 0x00, 0x09, 0x04, 0, 0, 0, 0,
					  0x00, 0x20, 0x00, 0x81, 8, 255, 255, 255, 255, 255, 255, 255, 255 };
	struct cardring_sqe sqe = sqe_apdu(n, slot, buf, verify, sizeof(verify));

	node_buf(n, buf)[1] = timeout_s;
	sqe.opcode = CARDRING_OP_SECURE;
	sqe.deadline_ms = timeout_s * 1000 + 20000;
	return sqe;
}

static void typed(struct node *n, struct reader *rd, const char *keys, int result, uint16_t sw)
{
	struct cardring_sqe sqe = sqe_pin(n, 0, 0, 10);
	struct cardring_cqe c;
	char line[64];

	snprintf(line, sizeof(line), "keys %s", keys);
	fault(rd, line);
	c = run(n, &sqe);
	if (c.result != result || c.sw != sw)
		fail_msg("%s: %d, sw %04x, bError %02x", keys, c.result, c.sw, c.error);
}

static void the_card_s_word_comes_back_and_no_digit(void **state)
{
	struct node n;

	bus.n = 0;
	node_card(&n, &shared);
	typed(&n, &shared, "1234E", 2, 0x9000);
	typed(&n, &shared, PIN "E", 2, 0x63C2);
	typed(&n, &shared, "1234E", 2, 0x9000);
	works(&n, 0);
	node_close(&n);
	assert_true(bus.n > 100 && bus.n < sizeof(bus.bytes));
	assert_non_null(memmem(bus.bytes, bus.n, "\x63\xC2", 2));
	assert_null(memmem(bus.bytes, bus.n, "8374", 4));
	assert_null(memmem(bus.bytes, bus.n, "6925", 4));
}

static void it_lasts_as_long_as_the_user(void **state)
{
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct node n;

	node_card(&n, &shared);
	/* longer than any other command may take unless it says so */
	sqe = sqe_pin(&n, 0, 0, 30);
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 1, CARDRING_DEF_DEADLINE_MS + 1500), 1);
	assert_int_equal(unread(&n), 0);
	fault(&shared, "keys 1234E");
	c = reap(&n);
	assert_int_equal(c.result, 2);
	assert_int_equal(c.sw, 0x9000);
	assert_int_equal(c.flags & CARDRING_CQE_EXTENDED, 0);
	assert_true(c.time_us >= CARDRING_DEF_DEADLINE_MS * 1000);
	node_close(&n);
}

static void time_extension_counts_while_somebody_types(void **state)
{
	const struct vreader_config cfg = { .pin_support = 1, .pin_extends = true, .extension_ms = 200 };
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct reader rd;
	struct node n;

	plug(&rd, &cfg);
	node_card(&n, &rd);
	sqe = sqe_pin(&n, 0, 0, 30);
	sqe.deadline_ms = 1000;
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 1, 2500), 1);
	assert_int_equal(unread(&n), 0);
	fault(&rd, "keys 1234E");
	c = reap(&n);
	assert_int_equal(c.result, 2);
	assert_true(c.flags & CARDRING_CQE_EXTENDED);
	node_close(&n);
	unplug(&rd);
}

static void timeout_and_cancel_are_the_reader_s_errors(void **state)
{
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct node n;

	node_card(&n, &shared);
	sqe = sqe_pin(&n, 0, 0, 1);
	c = run(&n, &sqe);
	assert_int_equal(c.result, -EREMOTEIO);
	assert_int_equal(c.error, 0xF0);		/* CCID 1.1, table 6.2-2 */
	fault(&shared, "keys 12C");
	c = run(&n, &sqe);
	assert_int_equal(c.result, -EREMOTEIO);
	assert_int_equal(c.error, 0xEF);
	typed(&n, &shared, "1234E", 2, 0x9000);
	works(&n, 0);
	node_close(&n);
}

static void abort_ends_it_while_somebody_types(void **state)
{
	struct cardring_sqe sqe, stop = sqe_op(CARDRING_OP_ABORT, 0);
	struct cardring_cqe c;
	struct node n;
	uint64_t begin;

	node_card(&n, &shared);
	for (unsigned int i = 0; i < 3; i++) {
		sqe = sqe_pin(&n, 0, 0, 60);
		sqe.user_data = 1;
		push(&n, &sqe);
		assert_int_equal(enter(&n, 1, 1, 100), 1);
		fault(&shared, "keys 12");
		stop.user_data = 2;
		push(&n, &stop);
		begin = now_ms();
		assert_int_equal(enter(&n, 1, 2, NODE_MS), 1);
		c = reap(&n);
		assert_int_equal(c.user_data, 1);
		assert_int_equal(c.result, -ECANCELED);
		c = reap(&n);
		assert_int_equal(c.user_data, 2);
		assert_int_equal(c.result, 0);
		assert_true(now_ms() - begin < 3000);
		works(&n, 0);
		/* what was typed before belongs to nobody */
		typed(&n, &shared, "1234E", 2, 0x9000);
	}
	node_close(&n);
}

static void closing_ends_it_while_somebody_types(void **state)
{
	struct cardring_sqe sqe;
	struct node n;
	uint64_t begin;

	node_card(&n, &shared);
	sqe = sqe_pin(&n, 0, 0, 60);
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 1, 100), 1);
	begin = now_ms();
	node_close(&n);
	node_card(&n, &shared);
	assert_true(now_ms() - begin < 5000);
	typed(&n, &shared, "1234E", 2, 0x9000);
	node_close(&n);
}

static void card_pulled_while_somebody_types(void **state)
{
	struct cardring_sqe sqe;
	struct node n;
	uint64_t begin;

	node_card(&n, &shared);
	sqe = sqe_pin(&n, 0, 0, 60);
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 1, 100), 1);
	begin = now_ms();
	fault(&shared, "remove");
	assert_int_equal(reap(&n).result, -ENOMEDIUM);
	assert_true(now_ms() - begin < 3000);
	fault(&shared, "insert");
	expect_event(&n, CARDRING_EVENT_CARD_OUT);
	expect_event(&n, CARDRING_EVENT_CARD_IN);
	power_on(&n, 0);
	typed(&n, &shared, "1234E", 2, 0x9000);
	node_close(&n);
}

static void reader_unplugged_while_somebody_types(void **state)
{
	const struct vreader_config cfg = { .pin_support = 3 };
	struct cardring_sqe sqe;
	struct reader rd;
	struct node n;
	uint64_t begin;

	plug(&rd, &cfg);
	node_card(&n, &rd);
	sqe = sqe_pin(&n, 0, 0, 60);
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 1, 100), 1);
	begin = now_ms();
	fault(&rd, "unplug");
	assert_int_equal(reap(&n).result, -ENODEV);
	assert_true(now_ms() - begin < 3000);
	node_close(&n);
	unplug(&rd);
}

static void a_reader_that_never_says_a_word_is_given_up(void **state)
{
	struct cardring_sqe sqe;
	struct node n;

	node_card(&n, &shared);
	fault(&shared, "hang on=secure");
	sqe = sqe_pin(&n, 0, 0, 1);
	sqe.deadline_ms = 2000;
	assert_int_equal(run(&n, &sqe).result, -ETIMEDOUT);
	works(&n, 0);
	typed(&n, &shared, "1234E", 2, 0x9000);
	node_close(&n);
}

/* A chain goes on behind the right PIN, and not behind a wrong one. */
static void what_is_linked_to_it_waits_for_the_right_one(void **state)
{
	static const struct { const char *keys; int first, second; } t[] = {
		{ "keys 1234E", 2, 102 }, { "keys 4321E", -EBADMSG, -ECANCELED }, { "keys 1234C", -EREMOTEIO, -ECANCELED },
	};
	struct cardring_sqe sqe;
	struct node n;

	node_card(&n, &shared);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		fault(&shared, t[i].keys);
		sqe = sqe_pin(&n, 0, 0, 10);
		sqe.flags = CARDRING_SQE_LINK | CARDRING_SQE_EXPECT_SW;
		sqe.sw = 0x9000;
		sqe.sw_mask = 0xFFFF;
		push(&n, &sqe);
		sqe = sqe_read(&n, 0, 2, 100);
		push(&n, &sqe);
		assert_int_equal(enter(&n, 2, 2, NODE_MS), 2);
		assert_int_equal(reap(&n).result, t[i].first);
		assert_int_equal(reap(&n).result, t[i].second);
	}
	typed(&n, &shared, "1234E", 2, 0x9000);
	node_close(&n);
}

static void other_slots_work_while_somebody_types(void **state)
{
	const struct vreader_config cfg = { .pin_support = 1, .slots = 2, .busy_slots = 2 };
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct reader rd;
	struct node n, m;

	plug(&rd, &cfg);
	node_card(&n, &rd);
	node_open(&m, &rd);
	assert_int_equal(node_slot(&m, 1).state, CARDRING_SLOT_PRESENT);
	assert_int_equal(node_claim(&m, 1, 0), 0);
	power_on(&m, 1);
	sqe = sqe_pin(&n, 0, 0, 30);
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 1, 50), 1);
	for (unsigned int i = 0; i < 20; i++)
		works(&m, 1);
	fault(&rd, "keys 1234E");
	c = reap(&n);
	assert_int_equal(c.result, 2);
	assert_int_equal(c.sw, 0x9000);
	node_close(&m);
	node_close(&n);
	unplug(&rd);
}

static void without_a_keypad_nothing_is_sent(void **state)
{
	struct cardring_sqe sqe;
	struct reader rd;
	uint64_t from = 0;
	struct node n;

	plug(&rd, &(struct vreader_config){ 0 });
	node_card(&n, &rd);
	seen(&rd, 0, &from);
	sqe = sqe_pin(&n, 0, 0, 10);
	assert_int_equal(run(&n, &sqe).result, -EOPNOTSUPP);
	assert_int_equal(seen(&rd, PC_SECURE, &from), 0);
	works(&n, 0);
	node_close(&n);
	unplug(&rd);
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		NODE_TEST(the_card_s_word_comes_back_and_no_digit),
		NODE_TEST(it_lasts_as_long_as_the_user),
		NODE_TEST(time_extension_counts_while_somebody_types),
		NODE_TEST(timeout_and_cancel_are_the_reader_s_errors),
		NODE_TEST(abort_ends_it_while_somebody_types),
		NODE_TEST(closing_ends_it_while_somebody_types),
		NODE_TEST(card_pulled_while_somebody_types),
		NODE_TEST(reader_unplugged_while_somebody_types),
		NODE_TEST(a_reader_that_never_says_a_word_is_given_up),
		NODE_TEST(what_is_linked_to_it_waits_for_the_right_one),
		NODE_TEST(other_slots_work_while_somebody_types),
		NODE_TEST(without_a_keypad_nothing_is_sent),
	};

	return cmocka_run_group_tests(t, plug_shared, unplug_shared);
}

int main(int argc, char **argv)
{
	return node_main("pin", argc, argv, tests);
}
