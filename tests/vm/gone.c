// SPDX-License-Identifier: BSD-2-Clause
/* Readers that go: unplugged, unbound, or with their module wanted away, at every moment. */
#include <dirent.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include "node.h"

/* All that a file is promised once its reader is gone. */
static void is_gone(struct node *n, const struct reader *rd)
{
	struct cardring_info info;
	struct cardring_slot slot = { 0 };
	struct cardring_eventfd ev = { .fd = -1 };
	struct pollfd p = { .fd = node_fd(n), .events = POLLIN };
	uint64_t end = now_ms() + NODE_MS;
	struct node again;
	char path[32];

	do
		assert_true(poll(&p, 1, NODE_MS) == 1 && now_ms() < end);
	while (by_module() && !(p.revents & POLLHUP));
	expect_event(n, CARDRING_EVENT_GONE);
	assert_int_equal(unread(n), 0);		/* the last one */
	assert_int_equal(enter(n, 0, 1, -1), -ENODEV);
	assert_int_equal(enter(n, 1, 1, -1), -ENODEV);
	assert_int_equal(node_ask_slot(n, &slot), -ENODEV);
	assert_int_equal(node_claim(n, 0, -1), -ENODEV);
	assert_int_equal(node_release(n, 0), -ENODEV);
	assert_int_equal(poll(&p, 1, 0), 1);
	if (by_module()) {
		assert_int_equal(ctl(n->fd, CARDRING_IOC_INFO, &info), -ENODEV);
		assert_int_equal(ctl(n->fd, CARDRING_IOC_EVENTFD, &ev), -ENODEV);
		snprintf(path, sizeof(path), "/dev/cardring%d", rd->index);
		assert_int_equal(open(path, O_RDWR), -1);
	} else {
		assert_true(node_try(&again, rd, NULL) < 0);
	}
	/* memory is still there */
	assert_int_equal(n->hdr->abi, CARDRING_ABI_VERSION);
	node_buf(n, 0)[0] = 1;
	assert_int_equal(node_buf(n, 0)[0], 1);
}

static void unplug_in_mid_transfer(void **state)
{
	static const char *const how[] = { "unplug", "unplug on=xfr" };
	struct cardring_sqe sqe;
	struct reader rd, other;
	struct cardring_cqe c;
	struct node n, m;
	uint64_t begin;

	plug(&other, &(struct vreader_config){ 0 });
	node_card(&m, &other);
	for (size_t i = 0; i < 2; i++) {
		plug(&rd, &(struct vreader_config){ .extension_ms = 60000 });
		node_card(&n, &rd);
		if (i)
			fault(&rd, how[i]);
		sqe = sqe_wait(&n, 0, 0, 20000);
		sqe.deadline_ms = 60000;
		sqe.user_data = 1;
		push(&n, &sqe);
		sqe.flags = CARDRING_SQE_LINK;
		sqe.user_data = 2;
		push(&n, &sqe);
		sqe.flags = 0;
		sqe.user_data = 3;
		push(&n, &sqe);
		sqe.user_data = 4;
		push(&n, &sqe);
		assert_int_equal(enter(&n, 4, 0, 0), 4);
		begin = now_ms();
		if (!i) {
			sleep_ms(50);
			fault(&rd, how[i]);
		}
		for (unsigned int k = 1; k <= 4; k++) {
			c = reap(&n);
			assert_int_equal(c.user_data, k);
			/* the rest of a broken chain is cancelled, whatever broke it */
			if (c.result != -ENODEV && !(k == 3 && c.result == -ECANCELED))
				fail_msg("%u: %d", k, c.result);
		}
		assert_true(now_ms() - begin < 3000);
		is_gone(&n, &rd);
		works(&m, 0);
		node_close(&n);
		works(&m, 0);
		unplug(&rd);
	}
	node_close(&m);
	unplug(&other);
}

static void *waits_in_enter(void *arg)
{
	return (void *)enter(arg, 0, 50, -1);
}

static void *waits_for_claim(void *arg)
{
	return (void *)node_claim(arg, 0, -1);
}

static void unplug_wakes_whoever_waits(void **state)
{
	struct cardring_eventfd ev = { .fd = eventfd(0, EFD_CLOEXEC) };
	struct pollfd p[2] = { { .fd = ev.fd, .events = POLLIN }, { .events = POLLPRI } };
	struct reader rd;
	struct node n, m;
	pthread_t a, b;
	void *r;

	plug(&rd, &(struct vreader_config){ 0 });
	node_card(&n, &rd);
	node_open(&m, &rd);
	if (by_module())
		assert_int_equal(ctl(m.fd, CARDRING_IOC_EVENTFD, &ev), 0);
	else
		p[1].events = POLLIN;
	p[1].fd = node_fd(&m);
	pthread_create(&a, NULL, waits_in_enter, &n);
	pthread_create(&b, NULL, waits_for_claim, &m);
	sleep_ms(50);
	fault(&rd, "unplug");
	pthread_join(a, &r);
	assert_true((long)r == -ENODEV);
	pthread_join(b, &r);
	assert_true((long)r == -ENODEV);
	if (by_module()) {
		assert_int_equal(poll(p, 2, NODE_MS), 2);
		assert_int_equal(p[1].revents & POLLHUP, POLLHUP);
	} else {
		assert_int_equal(poll(p + 1, 1, NODE_MS), 1);
	}
	is_gone(&n, &rd);
	is_gone(&m, &rd);
	node_close(&n);
	node_close(&m);
	close(ev.fd);
	unplug(&rd);
}

/* Who has no rings yet may wait all the same. */
static void unplug_wakes_who_polls_a_bare_file(void **state)
{
	struct reader rd;
	struct pollfd p = { .events = POLLIN };
	uint64_t begin;
	pid_t pid;
	int status;

	plug(&rd, &(struct vreader_config){ 0 });
	p.fd = node_open_fd(rd.index);
	assert_true(p.fd >= 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	pid = fork();
	if (!pid)
		_exit(poll(&p, 1, NODE_MS) != 1 || !(p.revents & POLLHUP));
	sleep_ms(100);
	begin = now_ms();
	fault(&rd, "unplug");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(now_ms() - begin < NODE_MS / 2);	/* when its time is up, poll looks once more by itself */
	close(p.fd);
	unplug(&rd);
}

/* Nothing is lost either: the completion of everything taken comes, before GONE, even into a ring that was full. */
static void unplug_with_a_full_ring_keeps_every_completion(void **state)
{
	struct cardring_cqe c;
	struct reader rd;
	struct node n;

	plug(&rd, &(struct vreader_config){ 0 });
	node_open_sized(&n, &rd, 4, 4);
	node_slot(&n, 0);
	assert_int_equal(node_claim(&n, 0, 0), 0);
	sleep_ms(100);
	while (next_cqe(&n, &c))
		;
	forget_events(&n);
	for (uint64_t i = 0; i < 8; i++) {
		struct cardring_sqe sqe = sqe_op(CARDRING_OP_NOP, 0);

		sqe.user_data = i + 1;
		push(&n, &sqe);
		assert_int_equal(enter(&n, 1, 0, 0), 1);
	}
	assert_int_equal(unread(&n), 8);
	unplug(&rd);
	/* whoever is no driver takes a moment to see it */
	for (uint64_t end = now_ms() + NODE_MS; !by_module() && !n.hdr->cq_stalled && now_ms() < end;)
		sleep_ms(5);
	assert_int_equal(unread(&n), 8);
	assert_int_equal(n.hdr->cq_stalled, 1);
	for (uint64_t i = 0; i < 8; i++) {
		assert_true(next_cqe(&n, &c));
		assert_int_equal(c.user_data, i + 1);
	}
	is_gone(&n, &rd);
	node_close(&n);
}

/*
 * At every stage: opening, setting up, claiming, powering, commands, an abort, the release, the close. The later the
 * cable is drawn, the further the program has come; every result must be one of a reader that works or is gone.
 */
static void unplug_at_every_stage(void **state)
{
	enum { STAGES = 24 };
	struct vreader_config cfg[STAGES];
	struct reader all[STAGES];

	for (unsigned int i = 0; i < STAGES; i++)
		cfg[i] = (struct vreader_config){ .latency_us = 300, .no_interrupt = i & 1 };
	plug_many(all, cfg, STAGES);
	for (unsigned int delay = 0; delay < STAGES; delay++) {
		struct cardring_setup setup = { .entries = 16 };
		struct reader rd = all[delay];
		struct node n;
		unsigned int sent = 0, got = 0;
		struct cardring_cqe c;
		char line[64];

		memset(&n, 0, sizeof(n));
		wait_bound(&rd);
		/* the N-th message of any kind takes the reader away, or time does */
		snprintf(line, sizeof(line), "unplug on=any after=%u", delay / 2);
		fault(&rd, line);
		if (!by_module()) {
			const struct cr_ring_params params = { .entries = 16 };
			int err = node_try(&n, &rd, &params);

			if (err) {
				assert_true(err == CR_E_READER_GONE || err == CR_E_NO_READER);
				unplug(&rd);
				continue;
			}
		} else {
			n.fd = node_open_fd(rd.index);
			if (n.fd < 0) {
				assert_true(errno == ENODEV || errno == ENXIO);
				unplug(&rd);
				continue;
			}
			if (ctl(n.fd, CARDRING_IOC_SETUP, &setup) == 0) {
				n.setup = setup;
				n.map = mmap(NULL, setup.map_size, PROT_READ | PROT_WRITE, MAP_SHARED, n.fd, 0);
				assert_ptr_not_equal(n.map, MAP_FAILED);
				n.hdr = (void *)n.map;
				n.sq = (void *)(n.map + n.hdr->sq_off);
				n.cq = (void *)(n.map + n.hdr->cq_off);
			}
		}
		if (n.map) {
			node_claim(&n, 0, 0);
			for (unsigned int round = 0; round < 40 && !vreader_usb_gone(rd.usb); round++) {
				static const uint8_t ops[] = { CARDRING_OP_POWER_ON, CARDRING_OP_XFER,
							       CARDRING_OP_XFER, CARDRING_OP_GET_PARAMS };
				struct cardring_sqe sqe;
				long r;

				for (unsigned int i = 0; i < 4; i++) {
					sqe = sqe_read(&n, 0, 0, 20);
					sqe.opcode = ops[i];
					if (ops[i] != CARDRING_OP_XFER)
						sqe.tx_len = 0;
					sqe.deadline_ms = 500;
					push(&n, &sqe);
				}
				r = enter(&n, 4, 1, 100);
				assert_true(r > 0 || r == -ENODEV);
				sent += r > 0 ? r : 0;
				if (r != 4)
					break;
				while (next_cqe(&n, &c))
					got += !(c.flags & CARDRING_CQE_EVENT);
				if (round % 8 == 5) {
					node_release(&n, 0);
					node_claim(&n, 0, 0);
				}
				while (sent - got > 8 && enter(&n, 0, 1, 100) == 0)
					while (next_cqe(&n, &c))
						got += !(c.flags & CARDRING_CQE_EVENT);
			}
		}
		if (!vreader_usb_gone(rd.usb))
			fault(&rd, "unplug");
		if (n.map) {
			while (next_event(&n, NODE_MS).result != CARDRING_EVENT_GONE)
				if (!n.event[n.events_read - 1].result)
					fail_msg("no word of the reader's going");
			assert_int_equal(unread(&n), 0);
			if (by_module() && delay % 3)
				munmap(n.map, setup.map_size);
		}
		if (n.ring)
			cr_ring_close(n.ring);
		else
			close(n.fd);
		if (by_module() && n.map && delay % 3 == 0)
			munmap(n.map, setup.map_size);
		unplug(&rd);
	}
}

struct hammer { struct node *n; _Atomic bool stop; _Atomic unsigned int taken; };

static void *hammer(void *arg)
{
	struct hammer *h = arg;
	struct cardring_sqe nop = sqe_op(CARDRING_OP_NOP, 0);
	long r = 0;

	do {
		if (r != -EAGAIN)	/* then it is still there */
			push(h->n, &nop);
		r = enter(h->n, 1, 0, 0);
		if (r == 1)
			h->taken++;
		/* read at once: what matters is how many there are */
		__atomic_store_n(&h->n->hdr->cq_head, __atomic_load_n(&h->n->hdr->cq_tail, __ATOMIC_ACQUIRE),
				 __ATOMIC_RELEASE);
	} while (r == 1 || r == -EAGAIN);
	return (void *)r;
}

/* An entry that is being taken while the reader goes has its completion too, and GONE is behind it. */
static void every_entry_taken_is_completed(void **state)
{
	enum { ROUNDS = 12 };
	unsigned int rounds = by_pcscd() ? 3 : ROUNDS;	/* it takes seconds over each */
	struct vreader_config cfg[ROUNDS];
	struct reader all[ROUNDS];

	for (unsigned int i = 0; i < rounds; i++)
		cfg[i] = (struct vreader_config){ .empty = 1 };
	plug_many(all, cfg, rounds);
	for (unsigned int round = 0; round < rounds; round++) {
		struct reader rd = all[round];
		struct hammer h = { 0 };
		struct node n;
		pthread_t thread;
		void *r;

		wait_bound(&rd);
		node_open(&n, &rd);
		node_slot(&n, 0);
		assert_int_equal(node_claim(&n, 0, 0), 0);
		h.n = &n;
		pthread_create(&thread, NULL, hammer, &h);
		sleep_ms(1 + round);
		unplug(&rd);
		pthread_join(thread, &r);
		assert_true((long)r == -ENODEV);
		/* one event, GONE; its reader may have been quicker than this */
		assert_in_range(n.hdr->cq_tail - h.taken, 1, 3);
		node_close(&n);
	}
}

/* ---- bind and unbind, by sysfs ---- */

static long driver(const char *what, const char *interface)
{
	char path[64];
	long r;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/usb/drivers/cardring/%s", what);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	r = write(fd, interface, strlen(interface)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static void unbound_while_open_and_bound_again(void **state)
{
	struct cardring_sqe sqe;
	struct reader rd;
	char itf[48];
	struct node n, m;

	plug(&rd, &(struct vreader_config){ .extension_ms = 60000 });
	snprintf(itf, sizeof(itf), "%s:1.0", rd.name);
	for (unsigned int i = 0; i < 4; i++) {
		int index = rd.index;

		node_card(&n, &rd);
		sqe = sqe_wait(&n, 0, 0, 300);
		push(&n, &sqe);
		assert_int_equal(enter(&n, 1, 0, 0), 1);
		assert_int_equal(driver("unbind", itf), 0);
		assert_int_equal(reap(&n).result, -ENODEV);
		is_gone(&n, &(struct reader){ .index = index });
		assert_int_equal(driver("bind", itf), 0);
		wait_bound(&rd);
		assert_int_not_equal(rd.index, index);	/* N is held by the open file */
		if (i & 1)
			node_close(&n);
		/* the reader is still busy with the command of before, and says so, or gives its answer late */
		node_open(&m, &rd);
		assert_int_equal(node_claim(&m, 0, 0), 0);
		for (uint64_t end = now_ms() + NODE_MS; run_op(&m, CARDRING_OP_POWER_ON, 0).result < 0;) {
			assert_true(now_ms() < end);
			sleep_ms(50);
		}
		works(&m, 0);
		node_close(&m);
		if (!(i & 1))
			node_close(&n);
	}
	unplug(&rd);
}

static void module_stays_while_a_file_is_open(void **state)
{
	struct reader rd;
	struct node n;

	plug(&rd, &(struct vreader_config){ 0 });
	node_card(&n, &rd);
	assert_int_equal(syscall(SYS_delete_module, "cardring", O_NONBLOCK), -1);
	assert_int_equal(errno, EAGAIN);
	works(&n, 0);
	/* the reader's going does not free it */
	unplug(&rd);
	assert_int_equal(syscall(SYS_delete_module, "cardring", O_NONBLOCK), -1);
	assert_int_equal(errno, EAGAIN);
	is_gone(&n, &rd);
	/* nor does the descriptor, while the map is there */
	close(n.fd);
	node_forget(&n);
	assert_int_equal(syscall(SYS_delete_module, "cardring", O_NONBLOCK), -1);
	assert_int_equal(n.hdr->abi, CARDRING_ABI_VERSION);
	munmap(n.map, n.setup.map_size);
}

static unsigned int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void opened_again_and_again_it_leaves_nothing_open(void **state)
{
	unsigned int files = 0;
	struct reader rd;
	struct node n;

	plug(&rd, &(struct vreader_config){ 0 });
	for (unsigned int i = 0; i < 20; i++) {
		node_card(&n, &rd);
		works(&n, 0);
		node_close(&n);
		if (i == 1)	/* what a backend keeps for the next time it has by now */
			files = open_files();
	}
	assert_int_equal(open_files(), files);
	unplug(&rd);
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		NODE_TEST(unplug_in_mid_transfer),
		NODE_TEST(unplug_wakes_whoever_waits),
		NODE_TEST(unplug_wakes_who_polls_a_bare_file),
		NODE_TEST(unplug_with_a_full_ring_keeps_every_completion),
		NODE_TEST(unplug_at_every_stage),
		NODE_TEST(every_entry_taken_is_completed),
		NODE_TEST(unbound_while_open_and_bound_again),
		NODE_TEST(module_stays_while_a_file_is_open),
		NODE_TEST(opened_again_and_again_it_leaves_nothing_open),
	};

	return run_group(t, NULL, NULL);
}

int main(int argc, char **argv)
{
	return node_main("gone", argc, argv, tests);
}
