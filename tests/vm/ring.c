// SPDX-License-Identifier: BSD-2-Clause
/* The rings of /dev/cardringN: submission, chains, completions, backpressure, and what tells of them. */
#include <sys/eventfd.h>
#include <sys/time.h>
#include "node.h"

static struct reader shared;	/* one slot, extended APDUs */

static int plug_shared(void **state)
{
	plug(&shared, &(struct vreader_config){ 0 });
	return 0;
}

static int unplug_shared(void **state)
{
	unplug(&shared);
	return 0;
}

static struct cardring_sqe expect(struct cardring_sqe sqe, uint16_t sw, uint16_t flags)
{
	sqe.flags = flags | CARDRING_SQE_EXPECT_SW;
	sqe.sw = sw;
	sqe.sw_mask = 0xFFFF;
	return sqe;
}

static void push_ud(struct node *n, struct cardring_sqe sqe, uint64_t user_data)
{
	sqe.user_data = user_data;
	push(n, &sqe);
}

static void linked_batch_breaks_at_a_wrong_status_word(void **state)
{
	struct cardring_cqe c;
	uint64_t from = 0;
	struct node n;

	node_card(&n, &shared);
	seen(&shared, PC_XFR_BLOCK, &from);
	push_ud(&n, expect(sqe_read(&n, 0, 0, 20), 0x9000, CARDRING_SQE_LINK), 1);
	push_ud(&n, expect(sqe_sw(&n, 0, 2, 0x6A82), 0x9000, CARDRING_SQE_LINK), 2);
	push_ud(&n, expect(sqe_read(&n, 0, 4, 20), 0x9000, CARDRING_SQE_LINK), 3);
	push_ud(&n, sqe_read(&n, 0, 6, 20), 4);		/* the chain's last */
	push_ud(&n, sqe_read(&n, 0, 8, 30), 5);		/* the next chain */
	memset(node_buf(&n, 3), 0, 16);
	assert_int_equal(enter(&n, 5, 5, NODE_MS), 5);

	c = reap(&n);
	assert_int_equal(c.user_data, 1);
	assert_int_equal(c.result, 22);
	assert_int_equal(c.sw, 0x9000);
	c = reap(&n);
	assert_int_equal(c.user_data, 2);
	assert_int_equal(c.result, -EBADMSG);
	assert_int_equal(c.sw, 0x6A82);
	assert_int_equal(c.bytes, 2);
	assert_memory_equal(node_buf(&n, 3), "\x6A\x82", 2);
	for (uint64_t ud = 3; ud <= 4; ud++) {
		c = reap(&n);
		assert_int_equal(c.user_data, ud);
		assert_int_equal(c.result, -ECANCELED);
		assert_int_equal(c.bytes, 0);
	}
	c = reap(&n);
	assert_int_equal(c.user_data, 5);
	assert_int_equal(c.result, 32);
	/* and what was cancelled never reached the card */
	if (!by_sim())
		assert_int_equal(seen(&shared, PC_XFR_BLOCK, &from), 3);
	node_close(&n);
}

static void linked_batch_breaks_at_any_error(void **state)
{
	struct cardring_sqe bad;
	struct node n;

	node_card(&n, &shared);
	bad = sqe_op(CARDRING_OP_NOP, 0);
	bad.flags = CARDRING_SQE_LINK;
	bad.resv[2] = 1;
	push_ud(&n, bad, 1);
	push_ud(&n, sqe_read(&n, 0, 0, 20), 2);
	assert_int_equal(enter(&n, 2, 2, NODE_MS), 2);
	assert_int_equal(reap(&n).result, -EINVAL);
	assert_int_equal(reap(&n).result, -ECANCELED);

	fault(&shared, "error value=0xFE");
	push_ud(&n, expect(sqe_read(&n, 0, 0, 20), 0x9000, CARDRING_SQE_LINK), 3);
	push_ud(&n, sqe_read(&n, 0, 2, 20), 4);
	assert_int_equal(enter(&n, 2, 2, NODE_MS), 2);
	assert_int_equal(reap(&n).result, -EREMOTEIO);
	assert_int_equal(reap(&n).result, -ECANCELED);
	works(&n, 0);
	node_close(&n);
}

static void chain_names_one_slot_and_no_abort(void **state)
{
	const struct vreader_config c = { .slots = 2, .busy_slots = 2 };
	struct cardring_sqe sqe;
	struct reader rd;
	struct node n;

	plug(&rd, &c);
	node_card(&n, &rd);
	assert_int_equal(node_claim(&n, 1, 0), 0);
	power_on(&n, 1);
	sqe = sqe_read(&n, 0, 0, 20);
	sqe.flags = CARDRING_SQE_LINK;
	push(&n, &sqe);
	sqe = sqe_read(&n, 1, 2, 20);
	sqe.flags = CARDRING_SQE_LINK;
	push(&n, &sqe);
	sqe = sqe_read(&n, 0, 4, 20);
	push(&n, &sqe);
	assert_int_equal(enter(&n, 3, 3, NODE_MS), 3);
	assert_int_equal(reap(&n).result, 22);
	assert_int_equal(reap(&n).result, -EINVAL);
	assert_int_equal(reap(&n).result, -ECANCELED);

	sqe = sqe_op(CARDRING_OP_ABORT, 0);
	sqe.flags = CARDRING_SQE_LINK;
	push(&n, &sqe);
	sqe = sqe_read(&n, 0, 4, 20);
	push(&n, &sqe);
	assert_int_equal(enter(&n, 2, 2, NODE_MS), 2);
	assert_int_equal(reap(&n).result, -EINVAL);
	assert_int_equal(reap(&n).result, -ECANCELED);
	works(&n, 1);
	node_close(&n);
	unplug(&rd);
}

/* LINK reaches no further than the ENTER it was submitted by. */
static void chain_ends_with_its_enter(void **state)
{
	struct node n;

	node_card(&n, &shared);
	push_ud(&n, expect(sqe_sw(&n, 0, 0, 0x6A82), 0x9000, CARDRING_SQE_LINK), 1);
	push_ud(&n, sqe_read(&n, 0, 2, 20), 2);
	assert_int_equal(enter(&n, 1, 1, NODE_MS), 1);
	assert_int_equal(reap(&n).result, -EBADMSG);
	assert_int_equal(enter(&n, 1, 1, NODE_MS), 1);
	assert_int_equal(reap(&n).result, 22);
	node_close(&n);
}

static void expected_status_word_counts_under_its_mask(void **state)
{
	static const struct { uint16_t came, sw, mask; int result; } t[] = {
		{ 0x6110, 0x6100, 0xFF00, 2 }, { 0x6110, 0x6100, 0xFFFF, -EBADMSG },
		{ 0x6A82, 0x9000, 0x0000, -EBADMSG }, { 0x6A82, 0x0000, 0x0000, 2 }, { 0x9000, 0x9000, 0xFFFF, 2 }, { 0x9001, 0x9000, 0x0001, -EBADMSG },
	};
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct node n;

	node_card(&n, &shared);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		sqe = sqe_sw(&n, 0, 0, t[i].came);
		sqe.flags = CARDRING_SQE_EXPECT_SW;
		sqe.sw = t[i].sw;
		sqe.sw_mask = t[i].mask;
		c = run(&n, &sqe);
		assert_int_equal(c.result, t[i].result);
		assert_int_equal(c.sw, t[i].came);
	}
	node_close(&n);
}

static unsigned long slept(void)
{
	unsigned long n = 0;
	char line[128];
	FILE *f = fopen("/proc/thread-self/status", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) && sscanf(line, "voluntary_ctxt_switches: %lu", &n) != 1)
		;
	fclose(f);
	return n;
}

static void batch_goes_through_without_waking_the_program(void **state)
{
	struct cardring_sqe sqe;
	unsigned long before;
	struct node n;

	node_card(&n, &shared);
	fault(&shared, "latency value=2000");
	for (unsigned int i = 0; i < 32; i++) {
		sqe = expect(sqe_read(&n, 0, 0, 200), 0x9000, i < 31 ? CARDRING_SQE_LINK : 0);
		push(&n, &sqe);
	}
	before = slept();
	assert_int_equal(enter(&n, 32, 32, NODE_MS), 32);
	/* once for the batch; a wake-up for each would have been 32 (over libusb it is: the floor there) */
	if (by_module())
		assert_in_range(slept() - before, 1, 4);
	assert_int_equal(unread(&n), 32);
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(reap(&n).result, 202);
	fault(&shared, "latency value=0");
	node_close(&n);
}

static void entries_of_a_slot_run_in_order(void **state)
{
	struct node n;

	node_card(&n, &shared);
	for (unsigned int round = 0; round < 4; round++) {
		for (unsigned int i = 0; i < 10; i++)
			push_ud(&n, i % 3 ? sqe_op(CARDRING_OP_NOP, 0) : sqe_read(&n, 0, i, 20 + i), i);
		assert_int_equal(enter(&n, 10, 10, NODE_MS), 10);
		for (unsigned int i = 0; i < 10; i++) {
			struct cardring_cqe c = reap(&n);

			assert_int_equal(c.user_data, i);
			assert_int_equal(c.result, i % 3 ? 0 : 22 + (int)i);
		}
	}
	node_close(&n);
}

static unsigned int at_once(struct reader *rd, uint64_t from)
{
	struct vreader_stamp st[VREADER_STAMPS];
	unsigned int in_flight = 0, most = 0;
	uint64_t total;
	size_t have = vreader_usb_stamps(rd->usb, 0, st, VREADER_STAMPS, &total);

	for (size_t i = 0; i < have; i++) {
		if (total - have + i < from)
			continue;
		if (!st[i].in)
			in_flight++;
		else if (in_flight)
			in_flight--;
		most = in_flight > most ? in_flight : most;
	}
	return most;
}

static void slots_work_at_once_up_to_busy_slots(void **state)
{
	static const struct { unsigned int slots, busy; } t[] = { { 5, 3 }, { 4, 4 }, { 3, 1 } };

	for (size_t k = 0; k < 3; k++) {
		const struct vreader_config cfg = { .slots = t[k].slots, .busy_slots = t[k].busy,
						    .no_interrupt = true, .extension_ms = 10000 };
		unsigned int done[5] = { 0 };
		struct cardring_sqe sqe;
		struct reader rd;
		uint64_t from = 0;
		struct node n;

		plug(&rd, &cfg);
		node_open(&n, &rd);
		for (unsigned int i = 0; i < t[k].slots; i++) {
			assert_int_equal(node_claim(&n, i, 0), 0);
			power_on(&n, i);
		}
		seen(&rd, 0, &from);
		for (unsigned int i = 0; i < 2 * t[k].slots; i++) {
			sqe = sqe_wait(&n, i % t[k].slots, 0, 40);
			sqe.rx_buf = CARDRING_NO_BUF;
			push(&n, &sqe);
		}
		assert_int_equal(enter(&n, 2 * t[k].slots, 2 * t[k].slots, NODE_MS), 2 * t[k].slots);
		for (unsigned int i = 0; i < 2 * t[k].slots; i++) {
			struct cardring_cqe c = reap(&n);

			assert_int_equal(c.result, 0);
			assert_int_equal(c.sw, 0x9000);
			done[c.slot]++;
		}
		for (unsigned int i = 0; i < t[k].slots; i++)
			assert_int_equal(done[i], 2);
		assert_int_equal(at_once(&rd, from), t[k].busy);
		node_close(&n);
		unplug(&rd);
	}
}

static void slot_that_never_answers_leaves_its_neighbours_alone(void **state)
{
	const struct vreader_config cfg = { .slots = 3, .busy_slots = 3, .mute = 2 };
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct reader rd;
	struct node n;
	uint64_t begin;

	plug(&rd, &cfg);
	node_open(&n, &rd);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(node_claim(&n, i, 0), 0);
	/* while the dead slot is first asked for its state, and then while a program tries it */
	power_on(&n, 0);
	power_on(&n, 2);
	for (begin = now_ms(); node_slot(&n, 1).state != CARDRING_SLOT_DEAD;) {
		assert_true(now_ms() - begin < NODE_MS);
		works(&n, 0);
		works(&n, 2);
	}
	sqe = sqe_op(CARDRING_OP_POWER_ON, 1);
	sqe.deadline_ms = 200;
	sqe.user_data = 77;
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 0, 0), 1);
	for (begin = now_ms(), c.user_data = 0; c.user_data != 77;) {
		assert_true(now_ms() - begin < NODE_MS);
		sqe = sqe_read(&n, 0, 0, 50);
		push(&n, &sqe);
		sqe = sqe_read(&n, 2, 2, 60);
		push(&n, &sqe);
		assert_int_equal(enter(&n, 2, 2, NODE_MS), 2);
		for (unsigned int i = 0; i < 2; i++) {
			c = reap(&n);
			if (c.user_data == 77)
				break;
			assert_int_equal(c.result, c.slot ? 62 : 52);
		}
	}
	assert_int_equal(c.result, -ETIMEDOUT);
	while (node_slot(&n, 1).state != CARDRING_SLOT_DEAD && now_ms() - begin < NODE_MS)
		sleep_ms(20);
	assert_int_equal(node_slot(&n, 1).state, CARDRING_SLOT_DEAD);
	assert_int_equal(counter(&rd, "resets"), 0);
	node_close(&n);
	node_open(&n, &rd);
	assert_int_equal(node_claim(&n, 0, 0), 0);
	power_on(&n, 0);
	works(&n, 0);
	node_close(&n);
	unplug(&rd);
}

static void full_completion_ring_loses_nothing(void **state)
{
	struct cardring_cqe c;
	uint64_t taken = 0, got = 0;
	struct node n;

	fault(&shared, "clear");
	fault(&shared, "insert");
	node_open_sized(&n, &shared, 4, 4);
	assert_int_equal(n.hdr->cq_entries, 8);
	node_slot(&n, 0);
	assert_int_equal(node_claim(&n, 0, 0), 0);
	power_on(&n, 0);
	assert_int_equal(n.hdr->cq_stalled, 0);
	while (next_cqe(&n, &c))
		;
	forget_events(&n);

	/* eight completions fit; of twelve entries four stay where they are */
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < 4; i++)
			push_ud(&n, i & 1 ? sqe_op(CARDRING_OP_NOP, 0) : sqe_read(&n, 0, 0, 10), 100 + 4 * round + i);
		if (round < 2)
			assert_int_equal(enter(&n, 4, 4 * round + 4, NODE_MS), 4);
		else
			assert_int_equal(enter(&n, 4, 0, 0), -EAGAIN);
	}
	assert_int_equal(unread(&n), 8);
	assert_int_equal(n.hdr->sq_tail - n.hdr->sq_head, 4);
	assert_int_equal(n.hdr->cq_stalled, 1);

	/* events find no room either, and wait */
	fault(&shared, "remove");
	for (uint64_t end = now_ms() + NODE_MS; node_slot(&n, 0).state != CARDRING_SLOT_EMPTY;)
		assert_true(now_ms() < end);
	assert_int_equal(unread(&n), 8);
	for (taken = 100; taken < 108; taken++) {
		assert_true(next_cqe(&n, &c));
		assert_int_equal(c.user_data, taken);
		assert_true(c.result >= 0);
	}
	assert_false(next_cqe(&n, &c));
	/* room again: first the event, then the entries, none twice */
	assert_int_equal(enter(&n, 4, 5, NODE_MS), 4);
	assert_int_equal(n.hdr->cq_stalled, 0);
	assert_true(next_cqe(&n, &c));
	assert_int_equal(c.flags, CARDRING_CQE_EVENT);
	assert_int_equal(c.result, CARDRING_EVENT_CARD_OUT);
	for (got = 108; got < 112; got++) {
		c = reap(&n);
		assert_int_equal(c.user_data, got);
		assert_int_equal(c.result, got & 1 ? 0 : -ENOMEDIUM);
	}
	assert_int_equal(unread(&n), 0);
	fault(&shared, "insert");
	node_close(&n);
}

/* What is in flight has its place: entries are left, one whole chain at a time. */
static void chain_without_room_is_not_taken_in_part(void **state)
{
	struct cardring_cqe c;
	struct node n;

	fault(&shared, "clear");
	node_open_sized(&n, &shared, 4, 4);
	node_slot(&n, 0);
	assert_int_equal(node_claim(&n, 0, 0), 0);
	power_on(&n, 0);
	while (next_cqe(&n, &c))
		;
	for (unsigned int i = 0; i < 4; i++)
		push_ud(&n, sqe_op(CARDRING_OP_NOP, 0), i);
	assert_int_equal(enter(&n, 4, 4, NODE_MS), 4);
	for (unsigned int i = 4; i < 6; i++)
		push_ud(&n, sqe_op(CARDRING_OP_NOP, 0), i);
	assert_int_equal(enter(&n, 2, 6, NODE_MS), 2);
	/* room for two: the single one is taken, the chain of three not */
	push_ud(&n, sqe_op(CARDRING_OP_NOP, 0), 6);
	for (unsigned int i = 7; i < 10; i++) {
		struct cardring_sqe sqe = sqe_op(CARDRING_OP_NOP, 0);

		sqe.flags = i < 9 ? CARDRING_SQE_LINK : 0;
		push_ud(&n, sqe, i);
	}
	assert_int_equal(enter(&n, 4, 0, 0), 1);
	assert_int_equal(enter(&n, 3, 0, 0), -EAGAIN);
	assert_int_equal(n.hdr->sq_tail - n.hdr->sq_head, 3);
	for (unsigned int i = 0; i < 7; i++)
		assert_int_equal(reap(&n).user_data, i);
	assert_int_equal(enter(&n, 3, 3, NODE_MS), 3);
	for (unsigned int i = 7; i < 10; i++)
		assert_int_equal(reap(&n).user_data, i);
	node_close(&n);
}

static void on_alarm(int sig)
{
}

static void enter_waits_for_as_many_as_asked(void **state)
{
	const struct itimerval soon = { .it_value.tv_usec = 50000 };
	struct sigaction sa = { .sa_handler = on_alarm };
	struct cardring_sqe sqe;
	uint64_t begin;
	struct node n;

	node_card(&n, &shared);
	begin = now_ms();
	assert_int_equal(enter(&n, 0, 1, 60), -ETIME);
	assert_true(now_ms() - begin >= 55);
	assert_int_equal(enter(&n, 0, 1, 0), 0);
	assert_int_equal(enter(&n, 0, 0, -1), 0);
	/* something taken is the result, whatever becomes of the wait */
	sqe = sqe_wait(&n, 0, 0, 150);
	push(&n, &sqe);
	begin = now_ms();
	assert_int_equal(enter(&n, 1, 1, 20), 1);
	assert_true(now_ms() - begin < 140);
	assert_int_equal(unread(&n), 0);
	assert_int_equal(enter(&n, 0, 1, -1), 0);
	assert_true(now_ms() - begin >= 140);
	assert_int_equal(unread(&n), 1);
	assert_int_equal(reap(&n).result, 2);
	/* two wanted, one comes */
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 2, 300), 1);
	assert_int_equal(unread(&n), 1);
	reap(&n);

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(enter(&n, 0, 1, -1), -EINTR);
	/* more than there are entries is what there are */
	push(&n, &sqe);
	assert_int_equal(enter(&n, 0xFFFFFFFF, 1, NODE_MS), 1);
	reap(&n);
	node_close(&n);
}

static void poll_tells_of_completions(void **state)
{
	struct pollfd p = { .events = POLLIN };
	struct cardring_sqe sqe;
	struct node n;

	node_card(&n, &shared);
	p.fd = node_fd(&n);
	assert_int_equal(poll(&p, 1, 0), 0);
	for (unsigned int i = 0; i < 3; i++) {
		sqe = sqe_wait(&n, 0, 0, 50);
		push(&n, &sqe);
		push(&n, &sqe);
		assert_int_equal(enter(&n, 2, 0, 0), 2);
		assert_int_equal(poll(&p, 1, 10), 0);
		assert_int_equal(poll(&p, 1, NODE_MS), 1);
		assert_int_equal(p.revents, POLLIN);
		/* for as long as one is unread, and no longer */
		while (unread(&n) < 2)
			sleep_ms(1);
		assert_int_equal(reap(&n).result, 2);
		assert_int_equal(poll(&p, 1, 0), 1);
		assert_int_equal(reap(&n).result, 2);
		assert_int_equal(poll(&p, 1, 0), 0);
	}
	/* of events too, without any call */
	fault(&shared, "remove");
	assert_int_equal(poll(&p, 1, NODE_MS), 1);
	expect_event(&n, CARDRING_EVENT_CARD_OUT);
	assert_int_equal(poll(&p, 1, 0), 0);
	fault(&shared, "insert");
	assert_int_equal(poll(&p, 1, NODE_MS), 1);
	expect_event(&n, CARDRING_EVENT_CARD_IN);
	node_close(&n);
}

/* A chain goes on, and its deadlines hold, although the program does nothing. */
static void batch_goes_on_while_the_program_is_away(void **state)
{
	struct cardring_sqe sqe;
	uint64_t end = now_ms() + NODE_MS;
	struct node n;

	node_card(&n, &shared);
	for (unsigned int i = 0; i < 20; i++) {
		sqe = sqe_read(&n, 0, 0, 200);
		sqe.flags = i < 19 ? CARDRING_SQE_LINK : 0;
		push(&n, &sqe);
	}
	assert_int_equal(enter(&n, 20, 0, 0), 20);
	while (unread(&n) < 20 && now_ms() < end)
		sleep_ms(2);
	assert_int_equal(unread(&n), 20);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(reap(&n).result, 202);
	/* (a driver under pcscd waits for one that hangs as long as it likes) */
	if (!by_pcscd())
		fault(&shared, "hang");
	sqe = by_pcscd() ? sqe_wait(&n, 0, 0, 1000) : sqe_read(&n, 0, 0, 10);
	sqe.deadline_ms = 100;
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 0, 0), 1);
	while (!unread(&n) && now_ms() < end)
		sleep_ms(2);
	assert_int_equal(reap(&n).result, -ETIMEDOUT);
	works(&n, 0);
	node_close(&n);
}

/* Whatever an entry says: its own result, and the next one runs. */
static void malformed_entries_are_refused_one_by_one(void **state)
{
	struct cardring_sqe good, sqe;
	struct node n;

	node_card(&n, &shared);
	good = sqe_read(&n, 0, 0, 20);
#define REFUSED(error, field) do { sqe = good; field; assert_int_equal(run(&n, &sqe).result, error); works(&n, 0); } while (0)
	REFUSED(-EINVAL, sqe.flags = 4);
	REFUSED(-EINVAL, sqe.resv0 = 1);
	REFUSED(-EINVAL, sqe.resv[0] = 1);
	REFUSED(-EINVAL, sqe.resv[4] = 0x80000000);
	REFUSED(-EINVAL, sqe.deadline_ms = CARDRING_MAX_DEADLINE_MS + 1);
	REFUSED(-EINVAL, sqe.slot = 1);
	REFUSED(-EOPNOTSUPP, sqe.opcode = CARDRING_OP__COUNT);
	REFUSED(-EOPNOTSUPP, sqe.opcode = 255);
	REFUSED(-EFAULT, sqe.tx_buf = n.hdr->buffers);
	REFUSED(-EFAULT, sqe.tx_off = n.setup.buf_size + 1);
	REFUSED(-EFAULT, sqe.tx_off = 0xFFFFFFFF);
	REFUSED(-EFAULT, sqe.tx_len = n.setup.buf_size + 1);
	REFUSED(-EFAULT, sqe.tx_len = 0xFFFFFFFF);
	REFUSED(-EFAULT, sqe.rx_buf = n.hdr->buffers);
	REFUSED(-EFAULT, sqe.rx_len = n.setup.buf_size + 1);
	good = sqe_op(CARDRING_OP_SLOT_STATUS, 0);
	REFUSED(-EINVAL, sqe.flags = CARDRING_SQE_EXPECT_SW);
	REFUSED(-EINVAL, sqe.tx_len = 1);
	REFUSED(-EINVAL, sqe.param[0] = 1);
	REFUSED(-EINVAL, sqe.param[2] = 1);
	REFUSED(0, sqe.rx_buf = 99);		/* it has no payload to put there */
	good = sqe_op(CARDRING_OP_POWER_ON, 0);
	REFUSED(-EINVAL, sqe.param[0] = 4);
	REFUSED(-EINVAL, sqe.param[1] = 1);
	node_close(&n);
}

static void poll_and_eventfd_tell_of_completions(void **state)
{
	struct cardring_eventfd ev = { .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	struct pollfd p[2] = { { .events = POLLIN }, { .fd = ev.fd, .events = POLLIN } };
	struct cardring_sqe sqe;
	uint64_t count;
	struct node n;

	node_card(&n, &shared);
	p[0].fd = n.fd;
	assert_int_equal(poll(p, 1, 0), 0);
	assert_int_equal(ctl(n.fd, CARDRING_IOC_EVENTFD, &ev), 0);
	sqe = sqe_wait(&n, 0, 0, 50);
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 0, 0), 1);
	assert_int_equal(poll(p, 2, 10), 0);
	assert_int_equal(poll(p, 1, NODE_MS), 1);
	assert_int_equal(p[0].revents, POLLIN);
	assert_int_equal(poll(p, 2, NODE_MS), 2);
	assert_int_equal(read(ev.fd, &count, sizeof(count)), 8);
	assert_int_equal(count, 1);
	reap(&n);
	assert_int_equal(poll(p, 2, 0), 0);

	/* the eventfd counts, an event is told too */
	push(&n, &sqe);
	push(&n, &sqe);
	assert_int_equal(enter(&n, 2, 2, NODE_MS), 2);
	assert_int_equal(read(ev.fd, &count, sizeof(count)), 8);
	assert_int_equal(count, 2);
	fault(&shared, "remove");
	assert_int_equal(poll(p + 1, 1, NODE_MS), 1);
	fault(&shared, "insert");

	ev.fd = -1;
	assert_int_equal(ctl(n.fd, CARDRING_IOC_EVENTFD, &ev), 0);
	for (unsigned int i = 0; i < 2; i++)
		reap(&n);
	sleep_ms(100);
	if (read(p[1].fd, &count, sizeof(count)) < 0)
		assert_int_equal(errno, EAGAIN);
	power_on(&n, 0);
	works(&n, 0);
	assert_int_equal(poll(p + 1, 1, 0), 0);
	close(p[1].fd);
	/* an eventfd that is closed by the program is held by the file */
	ev.fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(ctl(n.fd, CARDRING_IOC_EVENTFD, &ev), 0);
	close(ev.fd);
	works(&n, 0);
	ev.fd = n.fd;
	assert_int_equal(ctl(n.fd, CARDRING_IOC_EVENTFD, &ev), -EINVAL);
	ev.fd = 9999;
	assert_int_equal(ctl(n.fd, CARDRING_IOC_EVENTFD, &ev), -EBADF);
	node_close(&n);
}

/* An event that waited for room is written by ENTER: of that too the descriptor tells, to another thread perhaps. */
static void eventfd_tells_of_an_event_that_enter_writes(void **state)
{
	struct cardring_eventfd ev = { .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	struct pollfd p = { .fd = ev.fd, .events = POLLIN };
	struct cardring_cqe c;
	struct node n;

	fault(&shared, "clear");
	fault(&shared, "insert");
	node_open_sized(&n, &shared, 2, 2);
	node_slot(&n, 0);
	assert_int_equal(node_claim(&n, 0, 0), 0);
	sleep_ms(100);
	while (next_cqe(&n, &c))
		;
	for (unsigned int i = 0; i < 4; i++) {
		push_ud(&n, sqe_op(CARDRING_OP_NOP, 0), i);
		assert_int_equal(enter(&n, 1, 0, 0), 1);
	}
	assert_int_equal(unread(&n), 4);
	assert_int_equal(ctl(n.fd, CARDRING_IOC_EVENTFD, &ev), 0);
	fault(&shared, "remove");
	for (uint64_t end = now_ms() + NODE_MS; !__atomic_load_n(&n.hdr->cq_stalled, __ATOMIC_ACQUIRE); sleep_ms(2))
		assert_true(now_ms() < end);
	eventfd_read(ev.fd, &(eventfd_t){ 0 });
	for (unsigned int i = 0; i < 4; i++)
		assert_true(next_cqe(&n, &c));
	assert_int_equal(unread(&n), 0);
	assert_int_equal(poll(&p, 1, 20), 0);
	assert_int_equal(enter(&n, 0, 0, 0), 0);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(unread(&n), 1);
	expect_event(&n, CARDRING_EVENT_CARD_OUT);
	fault(&shared, "insert");
	node_close(&n);
	close(ev.fd);
}

static void indices_run_around(void **state)
{
	struct cardring_cqe c;
	struct node n;

	fault(&shared, "clear");
	node_open_sized(&n, &shared, 2, 2);
	node_slot(&n, 0);
	assert_int_equal(node_claim(&n, 0, 0), 0);
	for (uint64_t i = 0; i < 1000; i++) {
		push_ud(&n, sqe_op(CARDRING_OP_NOP, 0), i);
		assert_int_equal(enter(&n, 1, 0, 0), 1);
		do
			assert_true(next_cqe(&n, &c));
		while (c.flags & CARDRING_CQE_EVENT);
		assert_int_equal(c.user_data, i);
	}
	node_close(&n);
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		NODE_TEST(linked_batch_breaks_at_a_wrong_status_word),
		NODE_TEST(linked_batch_breaks_at_any_error),
		NODE_TEST(chain_names_one_slot_and_no_abort),
		NODE_TEST(chain_ends_with_its_enter),
		NODE_TEST(expected_status_word_counts_under_its_mask),
		NODE_TEST(batch_goes_through_without_waking_the_program),
		NODE_TEST(entries_of_a_slot_run_in_order),
		NODE_TEST(slots_work_at_once_up_to_busy_slots),
		NODE_TEST(slot_that_never_answers_leaves_its_neighbours_alone),
		NODE_TEST(full_completion_ring_loses_nothing),
		NODE_TEST(chain_without_room_is_not_taken_in_part),
		NODE_TEST(enter_waits_for_as_many_as_asked),
		NODE_TEST(poll_tells_of_completions),
		NODE_TEST(poll_and_eventfd_tell_of_completions),
		NODE_TEST(eventfd_tells_of_an_event_that_enter_writes),
		NODE_TEST(batch_goes_on_while_the_program_is_away),
		NODE_TEST(malformed_entries_are_refused_one_by_one),
		NODE_TEST(indices_run_around),
	};

	return run_group(t, plug_shared, unplug_shared);
}

int main(int argc, char **argv)
{
	return node_main("ring", argc, argv, tests);
}
