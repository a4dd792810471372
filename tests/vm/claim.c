// SPDX-License-Identifier: BSD-2-Clause
/* Claims: a slot is one file's, and is given back whatever becomes of its holder. */
#include <pthread.h>
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

/*
 * A process of its own, made while this one has no node open, that opens the shared reader, claims slot 0 with @timeout_ms, writes the result as a long to
 * its pipe, does what @then says, and ends when told to by the other pipe or a signal.
 */
enum then { THEN_WAIT, THEN_HANG };
struct other { pid_t pid; int from, to; };

static struct other other_claims(int timeout_ms, enum then then)
{
	int from[2], to[2];
	struct other o;

	assert_int_equal(pipe(from), 0);
	assert_int_equal(pipe(to), 0);
	o.pid = fork();
	if (!o.pid) {
		/* the reader's thread stays with the parent: nothing here may touch shared.usb */
		struct cardring_setup setup = { 0 };
		struct cardring_sqe sqe;
		struct node n = { 0 };
		long r;
		char c;

		close(from[0]);
		close(to[1]);
		if (by_module()) {
			n.fd = node_open_fd(shared.index);
			r = ctl(n.fd, CARDRING_IOC_SETUP, &setup);
		} else {
			r = node_try(&n, &shared, NULL);
			r = r == CR_E_READER_BUSY ? -EBUSY : r ? -EIO : 0;
		}
		if (!r)
			r = node_claim(&n, 0, timeout_ms);
		if (!r && then == THEN_HANG) {
			if (by_module()) {
				n.setup = setup;
				n.map = mmap(NULL, setup.map_size, PROT_READ | PROT_WRITE, MAP_SHARED, n.fd, 0);
				n.hdr = (void *)n.map;
				n.sq = (void *)(n.map + n.hdr->sq_off);
				n.cq = (void *)(n.map + n.hdr->cq_off);
			}
			sqe = sqe_op(CARDRING_OP_POWER_ON, 0);
			push(&n, &sqe);
			enter(&n, 1, 1, NODE_MS);
			sqe = sqe_read(&n, 0, 0, 10);
			sqe.deadline_ms = CARDRING_MAX_DEADLINE_MS;
			push(&n, &sqe);
			push(&n, &sqe);
			r = enter(&n, 2, 0, 0) == 2 ? 0 : -EIO;
		}
		if (write(from[1], &r, sizeof(r)) != sizeof(r))
			_exit(1);
		if (then == THEN_HANG)
			enter(&n, 0, 10, -1);
		r = read(to[0], &c, 1);
		if (n.ring)
			cr_ring_close(n.ring);
		_exit(r < 0);
	}
	assert_true(o.pid > 0);
	close(from[1]);
	close(to[0]);
	o.from = from[0];
	o.to = to[1];
	return o;
}

static long other_result(struct other *o)
{
	struct pollfd p = { .fd = o->from, .events = POLLIN };
	long r;

	assert_int_equal(poll(&p, 1, NODE_MS), 1);
	assert_int_equal(read(o->from, &r, sizeof(r)), sizeof(r));
	return r;
}

/* Ends it, by its own exit or by SIGKILL. */
static void other_end(struct other *o, bool kill_it)
{
	int status;

	if (kill_it)
		kill(o->pid, SIGKILL);
	else
		assert_int_equal(write(o->to, "x", 1), 1);
	close(o->to);
	assert_int_equal(waitpid(o->pid, &status, 0), o->pid);
	close(o->from);
}

static void claim_held_by_another_ring(void **state)
{
	struct cardring_slot s;
	struct node n, m;
	uint64_t begin;

	fault(&shared, "clear");
	node_open(&m, &shared);
	assert_int_equal(node_claim(&m, 0, 0), 0);
	power_on(&m, 0);
	node_open(&n, &shared);
	assert_int_equal(node_claim(&n, 0, 0), -EBUSY);
	s = node_slot(&n, 0);
	assert_int_equal(s.owner_pid, getpid());
	assert_int_equal(s.mine, 0);
	begin = now_ms();
	assert_int_equal(node_claim(&n, 0, 100), -EBUSY);
	assert_true(now_ms() - begin >= 95);
	assert_int_equal(run_op(&n, CARDRING_OP_POWER_ON, 0).result, -EACCES);
	assert_int_equal(run_op(&n, CARDRING_OP_NOP, 0).result, -EACCES);
	assert_int_equal(run_op(&n, CARDRING_OP_ABORT, 0).result, -EACCES);
	assert_int_equal(node_release(&n, 0), -EACCES);
	works(&m, 0);
	assert_int_equal(node_release(&m, 0), 0);
	assert_int_equal(node_claim(&n, 0, NODE_MS), 0);
	s = node_slot(&n, 0);
	assert_int_equal(s.mine, 1);
	assert_int_equal(s.state, CARDRING_SLOT_PRESENT);	/* powered off behind the other */
	assert_int_equal(node_claim(&n, 0, 0), -EALREADY);
	assert_int_equal(node_claim(&n, 0, -1), -EALREADY);
	assert_int_equal(node_release(&n, 0), 0);
	assert_int_equal(node_slot(&n, 0).owner_pid, 0);
	assert_int_equal(node_release(&n, 0), -EACCES);
	assert_int_equal(node_claim(&n, 1, 0), -EINVAL);
	assert_int_equal(node_release(&n, 0xFFFFFFFF), -EINVAL);
	node_close(&n);
	node_close(&m);
}

struct waiting { struct node node; pthread_t thread; _Atomic int result; };

static void *claims_and_waits(void *arg)
{
	struct waiting *w = arg;

	w->result = node_claim(&w->node, 0, -1);
	return NULL;
}

static void claims_of_threads_are_granted_in_order(void **state)
{
	struct waiting w[4];
	struct node n;

	node_open(&n, &shared);
	assert_int_equal(node_claim(&n, 0, 0), 0);
	for (unsigned int i = 0; i < 4; i++) {
		node_open(&w[i].node, &shared);
		w[i].result = 1;
		pthread_create(&w[i].thread, NULL, claims_and_waits, &w[i]);
		sleep_ms(60);
	}
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(w[i].result, 1);
	node_close(&n);
	for (unsigned int i = 0; i < 4; i++) {
		pthread_join(w[i].thread, NULL);
		assert_int_equal(w[i].result, 0);
		sleep_ms(20);
		if (i < 3)
			assert_int_equal(w[i + 1].result, 1);
		node_close(&w[i].node);
	}
}

/* Each slot is held on its own; over libusb all of the reader is one process's. */
static void reader_in_use_by_another_process_is_busy(void **state)
{
	struct other o = other_claims(0, THEN_WAIT);
	struct node n;

	assert_int_equal(other_result(&o), 0);
	if (!open_is_exclusive()) {
		node_open(&n, &shared);
		assert_int_equal(node_claim(&n, 0, 0), -EBUSY);
		node_close(&n);
	} else {
		assert_int_equal(node_try(&n, &shared, NULL), CR_E_READER_BUSY);
	}
	other_end(&o, false);
	node_open(&n, &shared);
	assert_int_equal(node_claim(&n, 0, NODE_MS), 0);
	power_on(&n, 0);
	works(&n, 0);
	node_close(&n);
}

static void claim_held_by_another_process(void **state)
{
	struct cardring_slot s;
	struct other o;
	uint64_t begin;
	struct node n;

	fault(&shared, "clear");
	o = other_claims(0, THEN_WAIT);
	assert_int_equal(other_result(&o), 0);
	node_open(&n, &shared);
	assert_int_equal(node_claim(&n, 0, 0), -EBUSY);
	s = node_slot(&n, 0);
	assert_int_equal(s.owner_pid, o.pid);
	assert_int_equal(s.mine, 0);
	begin = now_ms();
	assert_int_equal(node_claim(&n, 0, 100), -EBUSY);
	assert_true(now_ms() - begin >= 95);
	assert_int_equal(run_op(&n, CARDRING_OP_POWER_ON, 0).result, -EACCES);
	assert_int_equal(run_op(&n, CARDRING_OP_NOP, 0).result, -EACCES);
	assert_int_equal(run_op(&n, CARDRING_OP_ABORT, 0).result, -EACCES);
	assert_int_equal(node_release(&n, 0), -EACCES);
	other_end(&o, false);
	assert_int_equal(node_claim(&n, 0, NODE_MS), 0);
	s = node_slot(&n, 0);
	assert_int_equal(s.owner_pid, getpid());
	assert_int_equal(s.mine, 1);
	assert_int_equal(node_claim(&n, 0, 0), -EALREADY);
	assert_int_equal(node_claim(&n, 0, -1), -EALREADY);
	assert_int_equal(node_release(&n, 0), 0);
	assert_int_equal(node_slot(&n, 0).owner_pid, 0);
	assert_int_equal(node_release(&n, 0), -EACCES);
	assert_int_equal(node_claim(&n, 1, 0), -EINVAL);
	assert_int_equal(node_release(&n, 0xFFFFFFFF), -EINVAL);
	node_close(&n);
}

static void claims_are_granted_in_order(void **state)
{
	struct other o[4], holder;
	struct pollfd p[4];

	holder = other_claims(0, THEN_WAIT);
	assert_int_equal(other_result(&holder), 0);
	for (unsigned int i = 0; i < 4; i++) {
		o[i] = other_claims(i & 1 ? -1 : NODE_MS, THEN_WAIT);
		p[i] = (struct pollfd){ .fd = o[i].from, .events = POLLIN };
		sleep_ms(60);
	}
	assert_int_equal(poll(p, 4, 50), 0);
	other_end(&holder, false);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(other_result(&o[i]), 0);
		if (i < 3)
			assert_int_equal(poll(p + i + 1, 3 - i, 20), 0);
		other_end(&o[i], i & 1);
	}
}

static void waiting_claim_can_be_interrupted_or_killed(void **state)
{
	const struct itimerval soon = { .it_value.tv_usec = 50000 };
	struct other o, waiting;
	struct node n;
	int status;
	pid_t pid;

	o = other_claims(0, THEN_WAIT);
	assert_int_equal(other_result(&o), 0);
	waiting = other_claims(-1, THEN_WAIT);
	pid = fork();
	if (!pid) {
		struct node m = { .fd = node_open_fd(shared.index) };

		signal(SIGALRM, SIG_DFL);
		setitimer(ITIMER_REAL, &soon, NULL);
		node_claim(&m, 0, -1);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
	sleep_ms(50);
	other_end(&waiting, true);
	/* those that are gone are not granted anything */
	other_end(&o, false);
	node_open(&n, &shared);
	assert_int_equal(node_claim(&n, 0, NODE_MS), 0);
	node_close(&n);
}

static void holder_killed_in_mid_command_gives_the_slot_back(void **state)
{
	struct cardring_sqe sqe;
	uint64_t from = 0, begin;
	struct other o;
	struct node n;

	for (unsigned int hang = 0; hang < 2; hang++) {
		fault(&shared, "clear");
		fault(&shared, hang ? "hang" : "delay ms=30000");
		o = other_claims(0, THEN_HANG);
		assert_int_equal(other_result(&o), 0);
		if (by_module()) {
			node_open(&n, &shared);
			assert_int_equal(node_claim(&n, 0, 0), -EBUSY);
			assert_int_equal(node_slot(&n, 0).state, CARDRING_SLOT_POWERED);
		} else {
			assert_int_equal(node_try(&n, &shared, NULL), CR_E_READER_BUSY);
		}
		seen(&shared, 0, &from);
		begin = now_ms();
		other_end(&o, true);
		/* who comes next puts the reader right, where no module does it */
		if (!by_module())
			node_open(&n, &shared);
		assert_int_equal(node_claim(&n, 0, NODE_MS), 0);
		assert_true(now_ms() - begin < 5000);
		/* its card is off before another file gets the slot, and no command of ours reaches it as it was */
		assert_int_equal(node_slot(&n, 0).state, CARDRING_SLOT_PRESENT);
		assert_int_equal(seen(&shared, PC_ICC_POWER_OFF, &from), 1);
		sqe = sqe_read(&n, 0, 0, 10);
		assert_int_equal(run(&n, &sqe).result, -ENOMEDIUM);
		power_on(&n, 0);
		works(&n, 0);
		node_close(&n);
	}
}

static void release_cancels_and_powers_off(void **state)
{
	struct cardring_sqe sqe;
	uint64_t from = 0;
	struct node n;

	node_card(&n, &shared);
	sqe = sqe_wait(&n, 0, 0, 30000);
	sqe.deadline_ms = 60000;
	push(&n, &sqe);
	push(&n, &sqe);
	push(&n, &sqe);
	assert_int_equal(enter(&n, 3, 0, 0), 3);
	sleep_ms(20);
	seen(&shared, 0, &from);
	assert_int_equal(node_release(&n, 0), 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(reap(&n).result, -ECANCELED);
	assert_int_equal(seen(&shared, PC_ICC_POWER_OFF, &from), 1);
	assert_int_equal(run_op(&n, CARDRING_OP_NOP, 0).result, -EACCES);
	/* claimed again by the same file: the card must be powered again */
	assert_int_equal(node_claim(&n, 0, 0), 0);
	sqe = sqe_read(&n, 0, 0, 10);
	assert_int_equal(run(&n, &sqe).result, -ENOMEDIUM);
	power_on(&n, 0);
	works(&n, 0);
	node_close(&n);
}

/* The answer may come in the very moment: nothing follows it, and the card is powered off at once. */
static void release_as_a_chain_is_answered(void **state)
{
	struct cardring_sqe sqe;
	uint64_t from = 0, begin;
	struct node n;

	node_card(&n, &shared);
	fault(&shared, "latency value=3000");
	for (useconds_t i = 0; i < 80; i++) {
		sqe = sqe_read(&n, 0, 0, 10);
		sqe.flags |= CARDRING_SQE_LINK;
		push(&n, &sqe);
		push(&n, &sqe);
		sqe.flags &= ~CARDRING_SQE_LINK;
		push(&n, &sqe);
		assert_int_equal(enter(&n, 3, 0, 0), 3);
		usleep(2000 + i * 25);
		seen(&shared, 0, &from);
		begin = now_ms();
		assert_int_equal(node_release(&n, 0), 0);
		assert_true(now_ms() - begin < 1000);
		/* pcscd does it once more by itself */
		assert_in_range(seen(&shared, PC_ICC_POWER_OFF, &from), 1, by_pcscd() ? 2 : 1);
		for (unsigned int k = 0; k < 3; k++)
			reap(&n);
		assert_int_equal(node_claim(&n, 0, 0), 0);
		power_on(&n, 0);
	}
	fault(&shared, "latency value=0");
	works(&n, 0);
	node_close(&n);
}

/* A descriptor that is closed is not the file: the map and a dup hold it. */
static void claim_lives_as_long_as_the_file(void **state)
{
	struct node n, m;
	int twin;

	node_card(&n, &shared);
	twin = dup(n.fd);
	close(n.fd);
	n.fd = twin;
	works(&n, 0);
	close(twin);
	node_forget(&n);
	node_open(&m, &shared);
	assert_int_equal(node_claim(&m, 0, 0), -EBUSY);
	munmap(n.map, n.setup.map_size);
	assert_int_equal(node_claim(&m, 0, NODE_MS), 0);
	node_close(&m);
}

/* A child has its parent's file and map; that is one file, and one claim. */
/* The claim is the file's, which another process may have by now: the number of the one that made it may be anybody's. */
static void holder_that_has_ended_is_not_named(void **state)
{
	int from[2], to[2], status;
	struct node n;
	pid_t pid;
	char c;

	assert_int_equal(pipe(from), 0);
	assert_int_equal(pipe(to), 0);
	pid = fork();
	if (!pid) {
		int fd = node_open_fd(shared.index);
		struct cardring_claim claim = { 0 };

		if (ctl(fd, CARDRING_IOC_CLAIM, &claim))
			_exit(1);
		if (fork())
			_exit(0);
		close(to[1]);
		if (write(from[1], "x", 1) != 1 || read(to[0], &c, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(from[1]);
	close(to[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(from[0], &c, 1), 1);
	node_open(&n, &shared);
	assert_int_equal(node_claim(&n, 0, 0), -EBUSY);
	assert_int_equal(node_slot(&n, 0).owner_pid, 0);
	close(to[1]);
	close(from[0]);
	assert_int_equal(node_claim(&n, 0, NODE_MS), 0);
	assert_int_equal(node_slot(&n, 0).owner_pid, getpid());
	node_close(&n);
}

static void forked_child_shares_the_file(void **state)
{
	struct cardring_sqe sqe;
	struct node n;
	int status;
	pid_t pid;

	node_card(&n, &shared);
	sqe = sqe_read(&n, 0, 0, 100);
	pid = fork();
	if (!pid) {
		push(&n, &sqe);
		if (enter(&n, 1, 1, NODE_MS) != 1)
			_exit(1);
		_exit(node_buf(&n, 1)[5] != vcard_echo_byte(5));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(reap(&n).result, 102);
	works(&n, 0);
	node_close(&n);
}

static void slots_are_claimed_one_by_one(void **state)
{
	const struct vreader_config cfg = { .slots = 3, .busy_slots = 3 };
	struct reader rd;
	struct node n[3];

	plug(&rd, &cfg);
	for (unsigned int i = 0; i < 3; i++) {
		node_open(&n[i], &rd);
		assert_int_equal(node_claim(&n[i], i, 0), 0);
		if (i)
			assert_int_equal(node_claim(&n[i], i - 1, 0), -EBUSY);
		power_on(&n[i], i);
	}
	for (unsigned int i = 0; i < 3; i++)
		works(&n[i], i);
	node_close(&n[1]);
	works(&n[0], 0);
	assert_int_equal(node_claim(&n[2], 1, NODE_MS), 0);
	power_on(&n[2], 1);
	works(&n[2], 2);
	works(&n[2], 1);
	node_close(&n[0]);
	node_close(&n[2]);
	unplug(&rd);
}

/* Each interface of CCID's class is a reader of its own, whoever has the others. */
static void interfaces_of_one_device_are_apart(void **state)
{
	const struct vreader_config cfg[2] = { { .extension_ms = 60000 }, { .slots = 2 } };
	struct reader rd[2];
	struct cardring_sqe sqe;
	struct node n[2];

	plug_unbound(&rd[0], cfg, 2);
	rd[1] = rd[0];
	rd[1].interface = 1;
	for (unsigned int i = 0; i < 2; i++) {
		wait_bound(&rd[i]);
		node_open(&n[i], &rd[i]);
		assert_int_equal(node_claim(&n[i], i, 0), 0);
		power_on(&n[i], i);
	}
	assert_int_equal(node_claim(&n[0], 1, 0), -EINVAL);
	sqe = sqe_wait(&n[0], 0, 0, 300);
	push(&n[0], &sqe);
	assert_int_equal(enter(&n[0], 1, 0, 0), 1);
	for (unsigned int i = 0; i < 5; i++)
		works(&n[1], 1);
	assert_int_equal(unread(&n[0]), 0);
	assert_int_equal(reap(&n[0]).result, 2);
	node_close(&n[0]);
	works(&n[1], 1);
	node_close(&n[1]);
	unplug(&rd[0]);
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		NODE_TEST(claim_held_by_another_ring),
		NODE_TEST(claims_of_threads_are_granted_in_order),
		NODE_TEST(reader_in_use_by_another_process_is_busy),
		NODE_TEST(claim_held_by_another_process),
		NODE_TEST(claims_are_granted_in_order),
		NODE_TEST(waiting_claim_can_be_interrupted_or_killed),
		NODE_TEST(holder_killed_in_mid_command_gives_the_slot_back),
		NODE_TEST(release_cancels_and_powers_off),
		NODE_TEST(release_as_a_chain_is_answered),
		NODE_TEST(claim_lives_as_long_as_the_file),
		NODE_TEST(holder_that_has_ended_is_not_named),
		NODE_TEST(forked_child_shares_the_file),
		NODE_TEST(slots_are_claimed_one_by_one),
		NODE_TEST(interfaces_of_one_device_are_apart),
	};

	return run_group(t, plug_shared, unplug_shared);
}

int main(int argc, char **argv)
{
	return node_main("claim", argc, argv, tests);
}
