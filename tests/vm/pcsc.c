// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is pcscd's alone: calls that nothing stops, a daemon that hangs or holds the reader for somebody else, T=0. The
 * virtual reader is driven by libccid under a pcscd that runs already.
 */
#include <cardring/card.h>
#include "iso7816/apdu.h"
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

static struct cardring_sqe long_one(struct node *n, unsigned int ms)
{
	struct cardring_sqe sqe = sqe_wait(n, 0, 0, ms);

	sqe.deadline_ms = 60000;
	return sqe;
}

static void deadline_passes_although_the_call_goes_on(void **state)
{
	struct cardring_sqe sqe;
	uint64_t begin;
	struct node n;

	node_card(&n, &shared);
	sqe = long_one(&n, 1500);
	sqe.deadline_ms = 200;
	begin = now_ms();
	assert_int_equal(run(&n, &sqe).result, -ETIMEDOUT);
	assert_in_range(now_ms() - begin, 200, 1200);
	/* one that does not wait as long as that */
	sqe = sqe_read(&n, 0, 2, 10);
	sqe.deadline_ms = 20;
	assert_int_equal(run(&n, &sqe).result, -ETIMEDOUT);
	/* and one that does: the first one's answer is not its own */
	works(&n, 0);
	assert_true(now_ms() - begin >= 1400);
	works(&n, 0);
	node_close(&n);
}

static void abort_ends_the_wait_and_not_the_call(void **state)
{
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	uint64_t begin;
	struct node n;

	node_card(&n, &shared);
	sqe = sqe_op(CARDRING_OP_ABORT, 0);
	assert_int_equal(run(&n, &sqe).result, -EALREADY);
	sqe = long_one(&n, 1500);
	push(&n, &sqe);
	push(&n, &sqe);
	assert_int_equal(enter(&n, 2, 0, 0), 2);
	sleep_ms(50);
	begin = now_ms();
	sqe = sqe_op(CARDRING_OP_ABORT, 0);
	sqe.user_data = 99;
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 3, NODE_MS), 1);
	for (unsigned int i = 0; i < 3; i++) {
		c = reap(&n);
		assert_int_equal(c.result, c.user_data ? 0 : -ECANCELED);
	}
	assert_true(now_ms() - begin < 1000);
	works(&n, 0);
	node_close(&n);
}

static void closing_does_not_wait_for_ever(void **state)
{
	struct cardring_sqe sqe;
	struct node n, m;
	uint64_t begin;

	node_card(&n, &shared);
	sqe = long_one(&n, 12000);
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 0, 0), 1);
	sleep_ms(50);
	begin = now_ms();
	node_close(&n);
	assert_true(now_ms() - begin < 9000);
	/* the card is whoever's comes next, once the call has ended */
	node_open(&m, &shared);
	assert_int_equal(node_claim(&m, 0, NODE_MS), 0);
	power_on(&m, 0);
	works(&m, 0);
	node_close(&m);
}

static void card_pulled_during_a_command(void **state)
{
	struct cardring_sqe sqe;
	struct node n;

	for (unsigned int i = 0; i < 2; i++) {
		node_card(&n, &shared);
		fault(&shared, "remove on=xfr");
		sqe = sqe_read(&n, 0, 0, 10);
		push(&n, &sqe);
		push(&n, &sqe);
		sqe = sqe_op(CARDRING_OP_NOP, 0);
		push(&n, &sqe);
		assert_int_equal(enter(&n, 3, 3, NODE_MS), 3);
		for (unsigned int k = 0; k < 3; k++)
			assert_int_equal(reap(&n).result, -ENOMEDIUM);
		fault(&shared, "insert");
		expect_event(&n, CARDRING_EVENT_CARD_OUT);
		expect_event(&n, CARDRING_EVENT_CARD_IN);
		sqe = sqe_read(&n, 0, 0, 10);
		assert_int_equal(run(&n, &sqe).result, -ENOMEDIUM);
		power_on(&n, 0);
		works(&n, 0);
		node_close(&n);
	}
}

/* The level that holds is told once the card is powered: no APDU is extended over T=0. */
static void t0_card_takes_short_apdus(void **state)
{
	static const uint8_t echo[] = { 0, 0x88, 0, 0, 4, 'a', 'b', 'c', 'd', 0 };
	struct cardring_sqe sqe;
	struct reader rd;
	struct node n;

	plug(&rd, &(struct vreader_config){ .level = VREADER_TPDU });
	node_card(&n, &rd);
	assert_int_equal(n.ring->ops->level(n.ring, 0), CARDRING_LEVEL_SHORT_APDU);
	sqe = sqe_apdu(&n, 0, 0, echo, sizeof(echo));
	assert_int_equal(run(&n, &sqe).result, 6);
	assert_memory_equal(node_buf(&n, 1), "abcd\x90\0", 6);
	sqe = sqe_apdu(&n, 0, 0, "\0\xB0\0\0\0", 5);
	assert_int_equal(run(&n, &sqe).result, 258);
	memset(node_buf(&n, 0), 0, 400);
	memcpy(node_buf(&n, 0), "\0\x88\0\0\0\1\x2C", 7);	/* 300 bytes */
	sqe = sqe_read(&n, 0, 2, 10);
	sqe.tx_buf = 0;
	sqe.tx_len = 7 + 300;
	assert_int_equal(run(&n, &sqe).result, -EMSGSIZE);
	node_close(&n);
	unplug(&rd);

	node_card(&n, &shared);
	assert_int_equal(n.ring->ops->level(n.ring, 0), CARDRING_LEVEL_EXTENDED_APDU);
	node_close(&n);
}

/* Longer than a message of most readers: pcscd takes and gives APDUs whole, and so do a card's buffers. */
static void long_apdus_go_whole(void **state)
{
	static uint8_t cmd[7 + 5000 + 2], rsp[CR_RAPDU_MAX];
	struct cr_reader_info r;
	size_t n = sizeof(rsp);
	cr_card_t *card;

	fault(&shared, "clear");
	fault(&shared, "insert");
	assert_int_equal(cr_reader_find(shared.path, &r), 0);
	assert_int_equal(cr_card_open(&r, NODE_MS, NODE_MS, &card), 0);
	/* READ BINARY */
	assert_int_equal(cr_card_transmit(card, (const uint8_t *)"\0\xB0\0\0\0\x13\x88", 7, rsp, &n), 0);
	assert_int_equal(n, 5002);
	for (unsigned int i = 0; i < 5000; i++)
		assert_int_equal(rsp[i], vcard_echo_byte(i));
	/* an echo */
	memcpy(cmd, "\0\x88\0\0\0\x13\x88", 7);
	for (unsigned int i = 0; i < 5000; i++)
		cmd[7 + i] = (uint8_t)(i >> 3);
	n = sizeof(rsp);
	assert_int_equal(cr_card_transmit(card, cmd, sizeof(cmd), rsp, &n), 0);
	assert_int_equal(n, 5002);
	assert_memory_equal(rsp, cmd + 7, 5000);
	cr_card_close(card);
}

/* How often a reader is in the list of all backends; *one: the last. */
static unsigned int listed(const struct reader *rd, struct cr_reader_info *one)
{
	unsigned int bus = bus_number(rd, "busnum"), device = bus_number(rd, "devnum"), times = 0;
	struct cr_reader_info *list;
	int n = cr_reader_list(&list);

	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		if (list[i].dev.busnum != bus || list[i].dev.devnum != device)
			continue;
		*one = list[i];
		times++;
	}
	free(list);
	return times;
}

static void reader_that_pcscd_has_is_listed_once(void **state)
{
	struct cr_reader_info r;
	struct node n;
	pid_t pid;
	int to[2];
	char c;

	assert_int_equal(listed(&shared, &r), 1);
	assert_string_equal(r.backend, "pcsc");
	assert_int_equal(r.error, 0);
	assert_int_equal(r.dev.vendor, 0x1209);
	/* held by this process */
	node_card(&n, &shared);
	assert_int_equal(listed(&shared, &r), 1);
	assert_int_equal(r.owner_pid, getpid());
	assert_int_equal(r.state, CARDRING_SLOT_POWERED);
	node_close(&n);
	/* and by another, when pcscd says nothing of where it is */
	assert_int_equal(pipe(to), 0);
	pid = fork();
	if (!pid) {
		memset(&n, 0, sizeof(n));
		if (node_try(&n, &shared, NULL) || node_claim(&n, 0, NODE_MS))
			_exit(1);
		if (write(to[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(to[0], &c, 1), 1);
	assert_int_equal(listed(&shared, &r), 1);
	assert_string_equal(r.backend, "pcsc");
	assert_int_equal(r.error, CR_E_READER_BUSY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(to[0]);
	close(to[1]);
	node_open(&n, &shared);
	assert_int_equal(node_claim(&n, 0, NODE_MS), 0);
	node_close(&n);
	assert_int_equal(listed(&shared, &r), 1);
	assert_int_equal(r.error, 0);
}

/* Its places on the bus are that machine's: on this one they are other devices', or nobody's. */
static void readers_of_another_machine_s_pcscd_have_no_place_here(void **state)
{
	struct cr_reader_info *list;
	bool found = false;
	int n;

	setenv("PCSCLITE_CSOCK_NAME", "/run/pcscd/pcscd.comm", 1);
	n = cr_reader_list(&list);
	unsetenv("PCSCLITE_CSOCK_NAME");
	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		if (strcmp(list[i].path, shared.path))
			continue;
		found = true;
		assert_int_equal(list[i].dev.busnum, 0);
		assert_int_equal(list[i].dev.devnum, 0);
		assert_int_equal(list[i].dev.vendor, 0);
		assert_int_equal(list[i].error, 0);
	}
	assert_true(found);
	free(list);
}

static void wait_state(const struct reader *rd, enum cardring_slot_state state)
{
	uint64_t end = now_ms() + NODE_MS;
	struct cr_reader_info r;

	while (listed(rd, &r) != 1 || r.state != state) {
		assert_true(now_ms() < end);
		sleep_ms(20);
	}
}

/* pcscd drives it as it does any reader; who does not name it does not mean it. */
static void token_is_used_only_when_it_is_named(void **state)
{
	struct reader token;
	struct cr_reader_info r;
	struct node n;

	plug_unbound(&token, &(struct vreader_config){ .interface_number = 1, .beside = VREADER_BESIDE_FIDO }, 1);
	token.interface = 1;
	wait_bound(&token);
	assert_int_equal(listed(&token, &r), 1);
	assert_string_equal(r.backend, "pcsc");
	assert_true(r.token);
	assert_int_equal(listed(&shared, &r), 1);
	assert_false(r.token);
	/* the other has no card, and would be the worse of the two */
	fault(&shared, "remove");
	wait_state(&shared, CARDRING_SLOT_EMPTY);
	wait_state(&token, CARDRING_SLOT_PRESENT);
	assert_int_equal(cr_reader_find(NULL, &r), 0);
	assert_string_equal(r.path, shared.path);
	assert_int_equal(cr_backend_use("pcsc"), 0);
	assert_int_equal(cr_reader_find(NULL, &r), 0);
	assert_string_equal(r.path, shared.path);
	assert_int_equal(cr_backend_use(NULL), 0);
	fault(&shared, "insert");
	assert_int_equal(cr_reader_find(token.path, &r), 0);
	node_card(&n, &token);
	works(&n, 0);
	/* held by this process */
	assert_int_equal(listed(&token, &r), 1);
	assert_true(r.token);
	node_close(&n);
	setenv("CARDRING_TOKENS", "1", 1);
	assert_int_equal(listed(&token, &r), 1);
	assert_false(r.token);
	unsetenv("CARDRING_TOKENS");
	unplug(&token);
}

static pid_t pcscd(void)
{
	FILE *f = fopen("/run/pcscd/pcscd.pid", "re");
	int pid = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	fclose(f);
	return pid;
}

static void pcscd_that_hangs_is_not_waited_for(void **state)
{
	struct cr_reader_info *list = NULL;
	struct cardring_sqe sqe;
	struct node n, m, other;
	uint64_t begin;

	node_card(&n, &shared);
	works(&n, 0);
	node_open(&other, &shared);
	kill(pcscd(), SIGSTOP);
	sqe = sqe_read(&n, 0, 0, 10);
	sqe.deadline_ms = 300;
	begin = now_ms();
	assert_int_equal(run(&n, &sqe).result, -ETIMEDOUT);
	assert_true(now_ms() - begin < 1500);
	/* a claim that waits for nobody waits for one answer of pcscd's, not for one a try */
	begin = now_ms();
	assert_int_equal(node_claim(&other, 0, 0), -EBUSY);
	assert_true(now_ms() - begin < 9000);
	node_close(&other);
	begin = now_ms();
	assert_int_equal(node_try(&m, &shared, NULL), CR_E_NO_SERVICE);
	assert_true(cr_reader_list(&list) >= 0);
	free(list);
	node_close(&n);
	assert_true(now_ms() - begin < 30000);
	kill(pcscd(), SIGCONT);
	node_open(&n, &shared);
	assert_int_equal(node_claim(&n, 0, NODE_MS), 0);
	power_on(&n, 0);
	works(&n, 0);
	node_close(&n);
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		NODE_TEST(deadline_passes_although_the_call_goes_on),
		NODE_TEST(abort_ends_the_wait_and_not_the_call),
		NODE_TEST(closing_does_not_wait_for_ever),
		NODE_TEST(card_pulled_during_a_command),
		NODE_TEST(t0_card_takes_short_apdus),
		NODE_TEST(long_apdus_go_whole),
		NODE_TEST(reader_that_pcscd_has_is_listed_once),
		NODE_TEST(readers_of_another_machine_s_pcscd_have_no_place_here),
		NODE_TEST(token_is_used_only_when_it_is_named),
		NODE_TEST(pcscd_that_hangs_is_not_waited_for),
	};

	return run_group(t, plug_shared, unplug_shared);
}

int main(int argc, char **argv)
{
	return node_main("pcsc", argc, argv, tests);
}
