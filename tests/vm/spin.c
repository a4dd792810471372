// SPDX-License-Identifier: BSD-2-Clause
/*
 * The library's wait on a ring of the module: with spinning forced on nothing is lost, doubled or told otherwise, and
 * what it does not see it sleeps for. How often it calls is counted; how fast it is, is not looked at.
 */
#include <pthread.h>
#include <sys/eventfd.h>
#include <cardring/reader.h>
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

/* How waits go: the whole second that they may look for sees all that comes soon, the microsecond nothing. */
static const struct way { const char *name; enum cr_spin how; unsigned int max_us; } ways[] = {
	{ "off", CR_SPIN_OFF, 0 }, { "auto", CR_SPIN_AUTO, 0 }, { "in vain", CR_SPIN_ON, 1 },
	{ "on", CR_SPIN_ON, 0 }, { "seen", CR_SPIN_ON, CR_SPIN_MAX_US },
};
enum { OFF, AUTO, IN_VAIN, ON, SEEN, WAYS };

static cr_ring_t *ring;

static struct cardring_sqe *entry(uint8_t op, uint64_t user_data)
{
	struct cardring_sqe *sqe = cr_ring_sqe(ring);

	assert_non_null(sqe);
	sqe->opcode = op;
	sqe->user_data = user_data;
	sqe->rx_buf = CARDRING_NO_BUF;
	return sqe;
}

/* The test card's instructions, vreader.h: READ BINARY, and wait so many ms. */
static struct cardring_sqe *apdu(uint64_t user_data, uint8_t ins, uint16_t value)
{
	const uint8_t read[] = { 0, 0xB0, 0, 0, 0, value >> 8, value };
	const uint8_t wait[] = { 0, ins, value >> 8, value };
	struct cardring_sqe *sqe = entry(CARDRING_OP_XFER, user_data);

	sqe->tx_len = ins == 0xB0 ? sizeof(read) : sizeof(wait);
	memcpy(cr_ring_payload(ring, 0), ins == 0xB0 ? read : wait, sqe->tx_len);
	sqe->rx_buf = 1;
	sqe->deadline_ms = 60000;
	return sqe;
}

static void seen_all(void)
{
	while (cr_ring_peek(ring))
		cr_ring_seen(ring);
}

/* The next completion that is there; events are passed over. */
static bool next(struct cardring_cqe *out)
{
	const struct cardring_cqe *cqe;

	while ((cqe = cr_ring_peek(ring))) {
		*out = *cqe;
		cr_ring_seen(ring);
		if (!(out->flags & CARDRING_CQE_EVENT))
			return true;
	}
	return false;
}

static struct cardring_cqe wait_next(void)
{
	uint64_t end = now_ms() + NODE_MS;
	struct cardring_cqe cqe;

	while (!next(&cqe)) {
		assert_true(now_ms() < end);
		cr_ring_submit(ring, 1, 1000);
	}
	return cqe;
}

/* A ring with a claimed, powered card; nothing is left in it to be read. */
static void ring_card(const struct reader *rd, unsigned int entries)
{
	const struct cr_ring_params params = { .entries = entries, .buffers = 4 };
	char path[32];

	close(node_open_fd(rd->index));		/* waits for the node */
	snprintf(path, sizeof(path), "/dev/cardring%d", rd->index);
	assert_int_equal(cr_backend_kernel.open(path, &params, &ring, NULL), 0);
	assert_int_equal(cr_ring_claim(ring, 0, NODE_MS), 0);
	entry(CARDRING_OP_POWER_ON, 0);
	assert_int_equal(cr_ring_submit(ring, 1, NODE_MS), 1);
	assert_true(wait_next().result >= 0);
	sleep_ms(50);
	seen_all();
}

static void set(const struct way *way)
{
	print_message("# %s\n", way->name);
	assert_int_equal(cr_ring_set_spin(ring, way->how, way->max_us), 0);
}

/* Behind each test */
static int ring_tidy(void **state)
{
	cr_ring_close(ring);
	ring = NULL;
	return 0;
}

/* ---- nothing is lost ---- */

static void every_completion_comes_once_and_in_order(void **state)
{
	ring_card(&shared, 16);
	for (size_t w = 0; w < WAYS; w++) {
		uint64_t want = 0, sent = 0, entered;

		set(&ways[w]);
		for (unsigned int round = 0; round < 30; round++) {
			unsigned int n = 1 + round % 4;
			int rc;

			for (unsigned int i = 0; i < n; i++)
				apdu(sent++, 0xB0, 20 + round)->flags = i + 1 < n ? CARDRING_SQE_LINK : 0;
			entered = ring->enters;
			rc = cr_ring_submit(ring, n, NODE_MS);
			assert_int_equal(rc, n);
			/* the call that takes them, and at most one that sleeps */
			assert_in_range(ring->enters - entered, 1, ways[w].how == CR_SPIN_OFF ? 1 : 2);
			for (unsigned int i = 0; i < n; i++) {
				struct cardring_cqe cqe = wait_next();

				assert_int_equal(cqe.user_data, want++);
				assert_int_equal(cqe.result, 22 + round);
				assert_int_equal(cqe.sw, 0x9000);
			}
			for (unsigned int i = 0; i < 20 + round; i++)
				assert_int_equal(cr_ring_payload(ring, 1)[i], vcard_echo_byte(i));
		}
		assert_int_equal(want, sent);
		assert_null(cr_ring_peek(ring));
	}
}

static void a_completion_that_is_there_needs_no_call(void **state)
{
	ring_card(&shared, 16);
	for (size_t w = 0; w < WAYS; w++) {
		struct pollfd p = { .fd = cr_ring_fd(ring), .events = POLLIN };
		bool looks = ways[w].how == CR_SPIN_ON;
		struct cardring_cqe cqe;
		uint64_t entered;

		set(&ways[w]);
		apdu(7, 0xB0, 20);
		assert_int_equal(cr_ring_submit(ring, 0, 0), 1);
		assert_int_equal(poll(&p, 1, NODE_MS), 1);
		entered = ring->enters;
		assert_int_equal(cr_ring_submit(ring, 1, NODE_MS), 0);
		assert_int_equal(ring->enters - entered, looks ? 0 : 1);
		assert_true(next(&cqe));
		assert_int_equal(cqe.user_data, 7);
	}
}

static void what_is_not_seen_is_slept_for(void **state)
{
	uint64_t entered;

	ring_card(&shared, 16);
	set(&ways[IN_VAIN]);
	apdu(1, 0xFE, 300);
	entered = ring->enters;
	assert_int_equal(cr_ring_submit(ring, 1, NODE_MS), 1);
	assert_int_equal(ring->enters - entered, 2);
	assert_int_equal(wait_next().user_data, 1);
}

static void what_comes_while_it_looks_is_seen(void **state)
{
	unsigned int tries = 0;
	uint64_t entered;

	ring_card(&shared, 16);
	set(&ways[SEEN]);
	do {	/* a machine that stands still for a second must not fail this */
		assert_true(tries++ < 20);
		apdu(tries, 0xFE, 30);
		entered = ring->enters;
		assert_int_equal(cr_ring_submit(ring, 1, NODE_MS), 1);
		assert_int_equal(wait_next().user_data, tries);
	} while (ring->enters - entered != 1);
}

/* The latency is the reader's, so this holds on every machine. */
static void a_card_that_takes_milliseconds_is_never_looked_for(void **state)
{
	ring_card(&shared, 16);
	set(&ways[AUTO]);
	fault(&shared, "latency value=3000");
	for (unsigned int i = 0; i < 50; i++) {
		uint64_t entered = ring->enters;

		apdu(i, 0xB0, 20);
		assert_int_equal(cr_ring_submit(ring, 1, NODE_MS), 1);
		assert_int_equal(ring->enters - entered, 1);
		assert_int_equal(wait_next().user_data, i);
	}
	fault(&shared, "latency value=0");
}

/* A completion ring without room: what is told, and that all of it comes once there is room. */
static void backpressure_is_told_as_without_spinning(void **state)
{
	ring_card(&shared, 4);
	for (size_t w = 0; w < WAYS; w++) {
		struct cardring_cqe cqe;

		set(&ways[w]);
		for (uint64_t i = 0; i < 8; i++) {
			entry(CARDRING_OP_NOP, i);
			if (i % 4 == 3)
				assert_int_equal(cr_ring_submit(ring, i + 1, NODE_MS), 4);
		}
		entry(CARDRING_OP_NOP, 8);
		entry(CARDRING_OP_NOP, 9);
		assert_int_equal(cr_ring_submit(ring, 1, 1000), -EAGAIN);
		assert_true(next(&cqe));
		assert_int_equal(cqe.user_data, 0);
		assert_int_equal(cr_ring_submit(ring, 8, NODE_MS), 1);	/* there is room for one of the two */
		for (uint64_t i = 1; i < 9; i++) {
			assert_true(next(&cqe));
			assert_int_equal(cqe.user_data, i);
		}
		assert_int_equal(cr_ring_submit(ring, 1, NODE_MS), 1);
		assert_true(next(&cqe));
		assert_int_equal(cqe.user_data, 9);
		assert_null(cr_ring_peek(ring));
	}
}

/* ---- what else ends a wait ---- */

static void timeouts_are_kept(void **state)
{
	ring_card(&shared, 16);
	for (size_t w = 0; w < WAYS; w++) {
		uint64_t begin, took;

		set(&ways[w]);
		for (unsigned int ms = 1; ms <= 301; ms += 100) {
			begin = now_ms();
			assert_int_equal(cr_ring_submit(ring, 1, (int)ms), -ETIME);
			took = now_ms() - begin;
			/* timers of the kernel go by jiffies, of 10 ms at most */
			assert_in_range(took, ms > 11 ? ms - 11 : 0, NODE_MS);
			/* with an entry under way it is taken all the same */
			apdu(ms, 0xFE, 600);
			assert_int_equal(cr_ring_submit(ring, 1, (int)ms), 1);
			assert_int_equal(wait_next().user_data, ms);
		}
	}
}

static void events_end_a_wait(void **state)
{
	ring_card(&shared, 16);
	for (size_t w = 0; w < WAYS; w++) {
		static const struct { const char *line; enum cardring_event event; } t[] = {
			{ "remove", CARDRING_EVENT_CARD_OUT }, { "insert", CARDRING_EVENT_CARD_IN },
		};

		set(&ways[w]);
		for (size_t i = 0; i < 2; i++) {
			fault(&shared, t[i].line);
			assert_int_equal(cr_ring_submit(ring, 1, NODE_MS), 0);
			assert_non_null(cr_ring_peek(ring));
			assert_int_equal(cr_ring_peek(ring)->flags, CARDRING_CQE_EVENT);
			assert_int_equal(cr_ring_peek(ring)->result, t[i].event);
			cr_ring_seen(ring);
		}
	}
}

static void *unplug_later(void *arg)
{
	sleep_ms(60);
	fault(arg, "unplug");
	return NULL;
}

static void unplugging_ends_a_wait(void **state)
{
	static const size_t with[] = { OFF, IN_VAIN, SEEN };

	for (size_t w = 0; w < 3; w++) {
		bool gone = false, failed = false;
		struct reader rd;
		pthread_t thread;
		int rc = 0;

		plug(&rd, &(struct vreader_config){ .extension_ms = 60000 });
		ring_card(&rd, 16);
		set(&ways[with[w]]);
		apdu(1, 0xFE, 20000);
		assert_int_equal(pthread_create(&thread, NULL, unplug_later, &rd), 0);
		assert_int_equal(cr_ring_submit(ring, 1, NODE_MS), 1);
		/* the command's completion, GONE behind it, and then nothing to wait for */
		while (rc != -ENODEV) {
			const struct cardring_cqe *cqe;

			for (; (cqe = cr_ring_peek(ring)); cr_ring_seen(ring)) {
				assert_false(gone);
				if (cqe->flags & CARDRING_CQE_EVENT) {
					gone = cqe->result == CARDRING_EVENT_GONE;
					continue;
				}
				assert_int_equal(cqe->user_data, 1);
				assert_int_equal(cqe->result, -ENODEV);
				failed = true;
			}
			rc = cr_ring_submit(ring, 1, NODE_MS);
			assert_true(rc == 0 || rc == -ENODEV);
		}
		assert_true(failed && gone);
		apdu(2, 0xB0, 20);
		assert_int_equal(cr_ring_submit(ring, 1, -1), -ENODEV);
		pthread_join(thread, NULL);
		ring_tidy(NULL);
		unplug(&rd);
	}
}

/* ---- event loops ---- */

static void eventfd_and_poll_tell_of_what_was_seen_too(void **state)
{
	struct cardring_eventfd ev = { .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	struct pollfd p[2] = { { .fd = ev.fd, .events = POLLIN }, { .events = POLLIN } };
	eventfd_t count;

	ring_card(&shared, 16);
	p[1].fd = cr_ring_fd(ring);
	assert_int_equal(ctl(p[1].fd, CARDRING_IOC_EVENTFD, &ev), 0);
	for (size_t w = 0; w < WAYS; w++) {
		set(&ways[w]);
		assert_int_equal(poll(p, 2, 0), 0);
		for (unsigned int i = 0; i < 3; i++)
			apdu(i, 0xB0, 20);
		assert_int_equal(cr_ring_submit(ring, 3, NODE_MS), 3);
		/* the eventfd may be told of right after the completion can be seen */
		assert_int_equal(poll(p, 2, NODE_MS), 2);
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(wait_next().user_data, i);
		sleep_ms(20);
		assert_int_equal(eventfd_read(ev.fd, &count), 0);
		assert_in_range(count, 1, 3);
	}
	close(ev.fd);
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test_teardown(every_completion_comes_once_and_in_order, ring_tidy),
		cmocka_unit_test_teardown(a_completion_that_is_there_needs_no_call, ring_tidy),
		cmocka_unit_test_teardown(what_is_not_seen_is_slept_for, ring_tidy),
		cmocka_unit_test_teardown(what_comes_while_it_looks_is_seen, ring_tidy),
		cmocka_unit_test_teardown(a_card_that_takes_milliseconds_is_never_looked_for, ring_tidy),
		cmocka_unit_test_teardown(backpressure_is_told_as_without_spinning, ring_tidy),
		cmocka_unit_test_teardown(timeouts_are_kept, ring_tidy),
		cmocka_unit_test_teardown(events_end_a_wait, ring_tidy),
		cmocka_unit_test_teardown(unplugging_ends_a_wait, ring_tidy),
		cmocka_unit_test_teardown(eventfd_and_poll_tell_of_what_was_seen_too, ring_tidy),
	};

	return run_group(t, plug_shared, unplug_shared);
}

int main(int argc, char **argv)
{
	return node_main("spin", argc, argv, tests);
}
