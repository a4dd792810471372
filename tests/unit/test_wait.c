// SPDX-License-Identifier: BSD-2-Clause
/* How cr_ring_submit waits: which calls reach the backend, and that they mean what one ENTER means. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "cardrig.h"
#include "supplies.h"
#include "reader/wait.h"

/* A backend that notes its calls, and completes and returns what the test says. */
struct call { unsigned int to_submit, min_complete; int timeout_ms; };

static struct {
	struct cr_ring ring;
	struct cr_wait wait;
	struct cardring_ring_hdr hdr;
	struct cardring_sqe sq[4];
	struct cardring_cqe cq[8];
	struct call call[8];
	unsigned int calls;
	struct { unsigned int completes; int result; } will[8];	/* at its n-th call; result 0: what it takes */
} fake;

static void complete(unsigned int n)
{
	__atomic_fetch_add(&fake.hdr.cq_tail, n, __ATOMIC_RELEASE);
}

static int fake_enter(cr_ring_t *ring, unsigned int to_submit, unsigned int min_complete, int timeout_ms)
{
	unsigned int i = fake.calls++;

	assert_true(i < 8);
	fake.call[i] = (struct call){ to_submit, min_complete, timeout_ms };
	complete(fake.will[i].completes);
	if (fake.will[i].result)
		return fake.will[i].result;
	fake.hdr.sq_head += to_submit;
	return (int)to_submit;
}

static const struct cr_ring_ops fake_ops = { .enter = fake_enter };

static void fake_make(enum cr_spin how, unsigned int max_us)
{
	memset(&fake, 0, sizeof(fake));
	fake.ring = (struct cr_ring){ .ops = &fake_ops, .hdr = &fake.hdr, .sq = fake.sq, .cq = fake.cq, .sq_entries = 4,
				      .cq_entries = 8, .wait = &fake.wait };
	cr_wait_init(&fake.wait);
	assert_int_equal(cr_ring_set_spin(&fake.ring, how, max_us), 0);
}

static int submit(unsigned int entries, unsigned int min_complete, int timeout_ms)
{
	fake.calls = 0;
	while (entries--)
		assert_non_null(cr_ring_sqe(&fake.ring));
	return cr_ring_submit(&fake.ring, min_complete, timeout_ms);
}

static void called(unsigned int i, unsigned int to_submit, unsigned int min_complete, int timeout_ms)
{
	assert_true(i < fake.calls);
	assert_int_equal(fake.call[i].to_submit, to_submit);
	assert_int_equal(fake.call[i].min_complete, min_complete);
	assert_int_equal(fake.call[i].timeout_ms, timeout_ms);
}

static void called_once(unsigned int to_submit, unsigned int min_complete, int timeout_ms)
{
	called(0, to_submit, min_complete, timeout_ms);
	assert_int_equal(fake.calls, 1);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void without_spinning_one_call_does_both(void **state)
{
	fake_make(CR_SPIN_OFF, 0);
	for (unsigned int i = 0; i < 4; i++) {	/* however short the waits are */
		assert_int_equal(submit(2, 2, -1), 2);
		called_once(2, 2, -1);
	}
	fake_make(CR_SPIN_AUTO, 0);		/* knows nothing yet */
	assert_int_equal(submit(2, 2, 70), 2);
	called_once(2, 2, 70);
	fake_make(CR_SPIN_ON, 0);
	fake.ring.wait = NULL;
	assert_int_equal(submit(2, 2, -1), 2);
	called_once(2, 2, -1);
	assert_int_equal(fake.ring.enters, 1);
}

static void calls_that_do_not_wait_are_passed_on(void **state)
{
	fake_make(CR_SPIN_ON, 0);
	assert_int_equal(submit(1, 0, -1), 1);
	called_once(1, 0, -1);
	assert_int_equal(submit(1, 1, 0), 1);
	called_once(1, 1, 0);
	fake.will[0].result = -EINVAL;
	assert_int_equal(submit(0, 1, -2), -EINVAL);
	called_once(0, 1, -2);
}

static void a_completion_that_is_seen_needs_no_second_call(void **state)
{
	fake_make(CR_SPIN_ON, 0);
	fake.will[0].completes = 3;
	assert_int_equal(submit(3, 3, -1), 3);
	called_once(3, 0, 0);
	assert_int_equal(fake.ring.enters, 1);
	/* and without entries none at all */
	assert_int_equal(submit(0, 3, -1), 0);
	assert_int_equal(fake.calls, 0);
	assert_int_equal(fake.ring.enters, 1);
}

static void *complete_later(void *arg)
{
	const struct timespec t = { .tv_nsec = 5000000 };

	for (int i = 0; i < 2; i++) {
		nanosleep(&t, NULL);
		complete(1);
	}
	return NULL;
}

static void what_another_cpu_completes_is_seen(void **state)
{
	pthread_t thread;

	fake_make(CR_SPIN_ON, CR_SPIN_MAX_US);
	/* the first of the two is an event: it counts like all others */
	fake.cq[0] = (struct cardring_cqe){ .flags = CARDRING_CQE_EVENT, .result = CARDRING_EVENT_CARD_IN };
	assert_int_equal(pthread_create(&thread, NULL, complete_later, NULL), 0);
	assert_int_equal(submit(1, 1, -1), 1);
	assert_int_equal(cr_ring_peek(&fake.ring)->flags, CARDRING_CQE_EVENT);
	cr_ring_seen(&fake.ring);
	assert_int_equal(submit(0, 1, -1), 0);
	assert_int_equal(fake.calls, 0);
	assert_int_equal(fake.ring.enters, 1);
	pthread_join(thread, NULL);
}

static void what_is_not_seen_is_slept_for(void **state)
{
	fake_make(CR_SPIN_ON, 100);
	fake.will[0].completes = 1;
	fake.will[1].completes = 1;
	assert_int_equal(submit(2, 2, -1), 2);
	called(0, 2, 0, 0);
	called(1, 0, 2, -1);
	assert_int_equal(fake.calls, 2);
	assert_int_equal(fake.ring.enters, 2);
	/* nothing to submit: one call */
	fake_make(CR_SPIN_ON, 100);
	assert_int_equal(submit(0, 1, -1), 0);
	called_once(0, 1, -1);
}

static void more_than_the_ring_holds_is_all_it_holds(void **state)
{
	fake_make(CR_SPIN_ON, 0);
	complete(8);
	assert_int_equal(submit(0, 100, -1), 0);
	assert_int_equal(fake.calls, 0);
	assert_int_equal(submit(0, UINT32_MAX, -1), 0);
	assert_int_equal(fake.calls, 0);
}

static void the_time_spun_is_part_of_the_timeout(void **state)
{
	uint64_t begin;

	fake_make(CR_SPIN_ON, 30000);
	fake.will[1].result = -ETIME;
	submit(1, 1, 10000);
	called(0, 1, 0, 0);
	assert_int_equal(fake.calls, 2);
	assert_in_range(fake.call[1].timeout_ms, 1, 9970);
	/* a timeout shorter than that, and never a call that does not wait */
	fake_make(CR_SPIN_ON, CR_SPIN_MAX_US);
	fake.will[0].result = -ETIME;
	begin = now_ms();
	assert_int_equal(submit(0, 1, 20), -ETIME);
	called_once(0, 1, 1);
	assert_in_range(now_ms() - begin, 19, CR_SPIN_MAX_US / 1000 - 1);
	/* under a millisecond nothing is taken off */
	fake_make(CR_SPIN_ON, 1);
	fake.will[0].result = -ETIME;
	assert_int_equal(submit(0, 1, 1), -ETIME);
	called_once(0, 1, 1);
}

static void results_are_those_of_one_call(void **state)
{
	static const int errors[] = { -ETIME, -EINTR, -ENODEV };

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		/* entries were taken: that is the result */
		fake_make(CR_SPIN_ON, 100);
		fake.will[1].result = errors[i];
		assert_int_equal(submit(1, 1, 100), 1);
		assert_int_equal(fake.calls, 2);
		/* none were to be taken */
		fake_make(CR_SPIN_ON, 100);
		fake.will[0].result = errors[i];
		assert_int_equal(submit(0, 1, 100), errors[i]);
		/* none could be */
		assert_int_equal(submit(1, 1, 100), errors[i]);
		called_once(1, 0, 0);
	}
}

/* -EAGAIN is told when min_complete are there, and not before: the whole call waits for them. */
static void without_room_the_whole_call_is_made(void **state)
{
	fake_make(CR_SPIN_ON, 100);
	fake.will[0].result = -EAGAIN;
	fake.will[1].result = -EAGAIN;
	assert_int_equal(submit(2, 1, 300), -EAGAIN);
	called(0, 2, 0, 0);
	called(1, 2, 1, 300);
	assert_int_equal(fake.calls, 2);
}

/* uapi: read completions, then ENTER. */
static void what_is_stalled_goes_on_in_enter(void **state)
{
	fake_make(CR_SPIN_ON, 0);
	complete(4);
	fake.hdr.cq_stalled = 1;
	assert_int_equal(submit(0, 1, -1), 0);
	called_once(0, 1, -1);
	assert_int_equal(submit(1, 1, -1), 1);
	called_once(1, 1, -1);
}

/* ---- AUTO ---- */

/* Each wait is as short as it can be, but nothing is there before it: after the first, does AUTO look? */
static bool looks(const char *from)
{
	bool any = false;

	fake_make(CR_SPIN_AUTO, 1000);
	fake.wait.supplies = from;
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(submit(1, 1, -1), 1);
		any |= fake.call[0].min_complete == 0;
	}
	return any;
}

static void auto_needs_mains_and_two_cpus(void **state)
{
	cpu_set_t was, one;
	int cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
	supplies_laptop("1", "Charging");
	if (CPU_COUNT(&was) > 1) {
		assert_true(looks(supplies));
		supplies_laptop("0", "Discharging");
		assert_false(looks(supplies));
		supplies_laptop("1", "Charging");
		assert_true(looks(supplies));
	}
	while (!CPU_ISSET(cpu, &was))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_false(looks(supplies));
	assert_int_equal(sched_setaffinity(0, sizeof(was), &was), 0);
}

/* Asked seldom, as files are read for it. */
static void mains_that_come_back_are_noticed(void **state)
{
	cpu_set_t was;
	unsigned int waits = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
	if (CPU_COUNT(&was) < 2)
		skip();
	supplies_laptop("0", "Discharging");
	assert_false(looks(supplies));
	supply("AC", "online", "1");
	do {
		assert_true(waits++ < 20000);
		assert_int_equal(submit(1, 1, -1), 1);
	} while (fake.call[0].min_complete);
	assert_true(waits > 1000);
	/* the program's own choice counts at once */
	supplies_laptop("0", "Discharging");
	assert_false(looks(supplies));
	assert_int_equal(cr_ring_set_spin(&fake.ring, CR_SPIN_ON, 0), 0);
	assert_int_equal(submit(1, 1, -1), 1);
	called(0, 1, 0, 0);
}

static void being_forced_needs_neither(void **state)
{
	cpu_set_t was, one;
	int cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
	while (!CPU_ISSET(cpu, &was))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	supplies_laptop("0", "Discharging");
	fake_make(CR_SPIN_ON, 0);
	fake.wait.supplies = supplies;
	fake.will[0].completes = 1;
	assert_int_equal(submit(1, 1, -1), 1);
	called_once(1, 0, 0);
	assert_int_equal(sched_setaffinity(0, sizeof(was), &was), 0);
}

static int slow_enter(cr_ring_t *ring, unsigned int to_submit, unsigned int min_complete, int timeout_ms)
{
	const struct timespec t = { .tv_nsec = 2000000 };

	nanosleep(&t, NULL);
	return fake_enter(ring, to_submit, min_complete, timeout_ms);
}

static void auto_makes_one_call_where_answers_take_their_time(void **state)
{
	static const struct cr_ring_ops slow = { .enter = slow_enter };

	supplies_laptop("1", "Charging");
	fake_make(CR_SPIN_AUTO, 0);
	fake.wait.supplies = supplies;
	fake.ring.ops = &slow;
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(submit(1, 1, -1), 1);
		called_once(1, 1, -1);
	}
}

/* ---- what programs call ---- */

static void nonsense_is_refused(void **state)
{
	fake_make(CR_SPIN_OFF, 7);
	assert_int_equal(cr_ring_set_spin(&fake.ring, (enum cr_spin)3, 0), -EINVAL);
	assert_int_equal(cr_ring_set_spin(&fake.ring, (enum cr_spin)-1, 0), -EINVAL);
	assert_int_equal(cr_ring_set_spin(&fake.ring, CR_SPIN_ON, CR_SPIN_MAX_US + 1), -EINVAL);
	/* and changes nothing */
	assert_int_equal(fake.wait.how, CR_SPIN_OFF);
	assert_int_equal(fake.wait.policy.max_ns, 7000);
	assert_int_equal(cr_ring_set_spin(&fake.ring, CR_SPIN_ON, 0), 0);
	assert_int_equal(fake.wait.policy.max_ns, 50000);
}

static void a_ring_that_completes_inside_of_enter_never_spins(void **state)
{
	static const uint8_t cmd[] = { 0x00, 0xb0, 0x90, 0x00, 0x10 };
	struct cr_exchange before, after;
	uint8_t rsp[32];
	cr_card_t *card;
	size_t n;

	rig_make(CARDRING_LEVEL_EXTENDED_APDU);
	card = open_card(0);
	assert_int_equal(cr_card_set_spin(card, CR_SPIN_ON, 0), 0);
	assert_int_equal(cr_card_set_spin(card, (enum cr_spin)3, 0), CR_E_INVALID);
	for (unsigned int i = 0; i < 3; i++) {
		n = sizeof(rsp);
		cr_card_exchange(card, &before);
		assert_int_equal(cr_card_transmit(card, cmd, sizeof(cmd), rsp, &n), 0);
		assert_int_equal(n, 18);
		cr_card_exchange(card, &after);
		assert_int_equal(after.enters - before.enters, 1);
	}
	cr_card_close(card);
}

static int tidy(void **state)
{
	supplies_remove();
	return rig_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_spinning_one_call_does_both),
		cmocka_unit_test(calls_that_do_not_wait_are_passed_on),
		cmocka_unit_test(a_completion_that_is_seen_needs_no_second_call),
		cmocka_unit_test(what_another_cpu_completes_is_seen),
		cmocka_unit_test(what_is_not_seen_is_slept_for),
		cmocka_unit_test(more_than_the_ring_holds_is_all_it_holds),
		cmocka_unit_test(the_time_spun_is_part_of_the_timeout),
		cmocka_unit_test(results_are_those_of_one_call),
		cmocka_unit_test(without_room_the_whole_call_is_made),
		cmocka_unit_test(what_is_stalled_goes_on_in_enter),
		cmocka_unit_test(auto_needs_mains_and_two_cpus),
		cmocka_unit_test(mains_that_come_back_are_noticed),
		cmocka_unit_test(being_forced_needs_neither),
		cmocka_unit_test(auto_makes_one_call_where_answers_take_their_time),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(a_ring_that_completes_inside_of_enter_never_spins),
	};

	return cmocka_run_group_tests(tests, rig_register, tidy);
}
