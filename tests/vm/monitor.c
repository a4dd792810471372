// SPDX-License-Identifier: BSD-2-Clause
/* cr_monitor over real events: its descriptor wakes at each change, and is quiet without one. */
#include <cardring/reader.h>
#include "node.h"

/* How many slots the list has, and how many of them a card. */
struct seen { int slots, cards; };

static struct seen look(void)
{
	struct cr_reader_info *list;
	struct seen s = { .slots = cr_reader_list(&list) };

	assert_true(s.slots >= 0);
	for (int i = 0; i < s.slots; i++)
		s.cards += list[i].state == CARDRING_SLOT_PRESENT || list[i].state == CARDRING_SLOT_POWERED;
	free(list);
	return s;
}

/* As programs do it: sleeps on the descriptor alone, until the list says that. */
static void becomes(cr_monitor_t *m, int slots, int cards)
{
	struct pollfd p = { .fd = cr_monitor_fd(m), .events = POLLIN };
	struct seen s = look();
	int n;

	while (s.slots != slots || s.cards != cards) {
		if (poll(&p, 1, NODE_MS) != 1)
			fail_msg("%d slots, %d cards; wanted %d, %d, and nothing woke", s.slots, s.cards, slots, cards);
		while ((n = cr_monitor_read(m)) > 0)
			;
		assert_int_equal(n, 0);
		s = look();
	}
}

/* What is read is over: a gone reader's ring does not keep the descriptor readable. */
static void is_quiet(cr_monitor_t *m)
{
	struct pollfd p = { .fd = cr_monitor_fd(m), .events = POLLIN };
	unsigned int woken = 0;

	while (poll(&p, 1, 500) == 1) {
		assert_true(++woken < 100);
		while (cr_monitor_read(m) > 0)
			assert_true(++woken < 100);
	}
}

static void every_change_wakes(void **state)
{
	struct reader a, b;
	cr_monitor_t *m;

	assert_int_equal(cr_monitor_open(&m), 0);
	becomes(m, 0, 0);
	is_quiet(m);
	plug(&a, &(struct vreader_config){ 0 });
	becomes(m, 1, 1);
	fault(&a, "remove");
	becomes(m, 1, 0);
	plug(&b, &(struct vreader_config){ .slots = 2 });
	becomes(m, 3, 2);
	is_quiet(m);
	fault(&a, "insert");
	becomes(m, 3, 3);
	fault(&b, "remove slot=1");
	becomes(m, 3, 2);
	unplug(&a);
	becomes(m, 2, 1);
	is_quiet(m);
	fault(&b, "insert slot=1");
	becomes(m, 2, 2);
	unplug(&b);
	becomes(m, 0, 0);
	is_quiet(m);
	cr_monitor_close(m);
}

/* Both ends of two readers, and a new one in the place of the old, before the monitor is read. */
static void many_changes_at_once_are_one_waking(void **state)
{
	struct reader a, b;
	cr_monitor_t *m;

	plug(&a, &(struct vreader_config){ 0 });
	plug(&b, &(struct vreader_config){ 0 });
	assert_int_equal(cr_monitor_open(&m), 0);
	becomes(m, 2, 2);
	unplug(&a);
	unplug(&b);
	plug(&a, &(struct vreader_config){ 0 });
	fault(&a, "remove");
	becomes(m, 1, 0);
	fault(&a, "insert");
	becomes(m, 1, 1);
	is_quiet(m);
	/* more than a ring of it has room for, unread */
	for (int i = 0; i < 40; i++) {
		fault(&a, "remove");
		sleep_ms(5);
		fault(&a, "insert");
		sleep_ms(5);
	}
	fault(&a, "remove");
	becomes(m, 1, 0);
	is_quiet(m);
	fault(&a, "insert");
	becomes(m, 1, 1);
	cr_monitor_close(m);
	unplug(&a);
}

/* A monitor keeps no claim, and no module once it is closed. */
static void watching_is_in_nobodys_way(void **state)
{
	struct reader a;
	cr_monitor_t *m;
	struct node n;

	plug(&a, &(struct vreader_config){ 0 });
	assert_int_equal(cr_monitor_open(&m), 0);
	node_card(&n, &a);
	works(&n, 0);
	while (cr_monitor_read(m) > 0)
		;
	node_close(&n);
	cr_monitor_close(m);
	cr_monitor_close(NULL);
	unplug(&a);
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		NODE_TEST(every_change_wakes),
		NODE_TEST(many_changes_at_once_are_one_waking),
		NODE_TEST(watching_is_in_nobodys_way),
	};

	return run_group(t, NULL, NULL);
}

int main(int argc, char **argv)
{
	return node_main("monitor", argc, argv, tests);
}
