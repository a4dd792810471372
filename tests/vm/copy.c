// SPDX-License-Identifier: BSD-2-Clause
/* Who moves the bytes: answers that come, and commands that go, without the module copying them; and where it must. */
#include "node.h"

static struct reader shared;	/* one slot, extended APDUs */
static bool gather;		/* the module may send from a program's buffer, as vhci_hcd lets it */

static int plug_shared(void **state)
{
	FILE *f = fopen("/sys/module/cardring/parameters/gather", "re");

	if (by_module()) {
		assert_non_null(f);
		gather = fgetc(f) == 'Y';
		fclose(f);
	}
	plug(&shared, &(struct vreader_config){ 0 });
	return 0;
}

static int unplug_shared(void **state)
{
	unplug(&shared);
	return 0;
}

/* INS 88 brings back what it was sent: len bytes, each other than the last time. */
static struct cardring_sqe sqe_echo(struct node *n, unsigned int buf, uint16_t len)
{
	static uint8_t salt;
	const uint8_t head[] = { 0, 0x88, 0, 0, 0, len >> 8, len };
	uint8_t *p = node_buf(n, buf);

	salt++;
	memcpy(p, head, sizeof(head));
	for (unsigned int i = 0; i < len; i++)
		p[sizeof(head) + i] = salt + i * 7;
	p[sizeof(head) + len] = p[sizeof(head) + len + 1] = 0;
	return (struct cardring_sqe){ .opcode = CARDRING_OP_XFER, .tx_buf = buf, .tx_len = sizeof(head) + len + 2,
				      .rx_buf = buf + 1 };
}

static void came_back(struct node *n, unsigned int buf, uint16_t len, struct cardring_cqe c)
{
	assert_int_equal(c.result, len + 2);
	assert_memory_equal(node_buf(n, buf + 1), node_buf(n, buf) + 7, len);
}

/* From 512 bytes on; what is shorter is copied, behind the header. */
static void commands_go_without_a_copy(void **state)
{
	static const uint16_t lengths[] = { 1, 502, 503, 504, 600, 1005, 1014, 1015, 2000, 4000, 4070 };
	unsigned long long copied, sent;
	struct cardring_sqe sqe;
	struct node n;

	node_card(&n, &shared);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		sent = counter(&shared, "bytes_tx");
		copied = counter(&shared, "bytes_tx_copied");
		sqe = sqe_echo(&n, 4, lengths[i]);
		came_back(&n, 4, lengths[i], run(&n, &sqe));
		if (by_module())
			assert_int_equal(counter(&shared, "bytes_tx") - sent, lengths[i] + 9);
		if (by_module())
			assert_int_equal(counter(&shared, "bytes_tx_copied") - copied,
				 gather && lengths[i] + 9 >= 512 ? 0 : lengths[i] + 9);
	}
	node_close(&n);
}

/* From anywhere in a buffer, and a long one after a short one after a long one. */
static void commands_go_from_where_they_are(void **state)
{
	struct cardring_sqe sqe;
	struct node n;

	node_card(&n, &shared);
	for (unsigned int i = 0; i < 60; i++) {
		uint16_t len = i % 3 ? 600 + 31 * i : 20 + i;

		sqe = sqe_echo(&n, 2, len);
		memmove(node_buf(&n, 2) + i, node_buf(&n, 2), sqe.tx_len);
		sqe.tx_off = i;
		assert_int_equal(run(&n, &sqe).result, len + 2);
		assert_memory_equal(node_buf(&n, 3), node_buf(&n, 2) + i + 7, len);
	}
	node_close(&n);
}

/* One buffer for both: the answer may come while the host controller still reads. */
static void command_whose_answer_comes_in_its_place_is_copied(void **state)
{
	unsigned long long copied = by_module() ? counter(&shared, "bytes_tx_copied") : 0;
	struct cardring_sqe sqe;
	uint8_t sent[3000];
	struct node n;

	node_card(&n, &shared);
	sqe = sqe_echo(&n, 2, sizeof(sent));
	memcpy(sent, node_buf(&n, 2) + 7, sizeof(sent));
	sqe.rx_buf = 2;
	assert_int_equal(run(&n, &sqe).result, sizeof(sent) + 2);
	assert_memory_equal(node_buf(&n, 2), sent, sizeof(sent));
	if (by_module())
		assert_int_equal(counter(&shared, "bytes_tx_copied") - copied, sqe.tx_len);
	node_close(&n);
}

/* The host controller still reads the buffer: its URB comes back before the completion does. */
static void long_command_that_is_never_taken_is_given_up(void **state)
{
	struct cardring_sqe sqe;
	struct node n;

	node_card(&n, &shared);
	for (unsigned int i = 0; i < 3; i++) {
		fault(&shared, i == 1 ? "stallout" : "nakout");
		sqe = sqe_echo(&n, 2, 3000);
		sqe.deadline_ms = 100;
		assert_int_equal(run(&n, &sqe).result, i == 1 ? -EIO : -ETIMEDOUT);
		memset(node_buf(&n, 2), 0xEE, n.setup.buf_size);
		fault(&shared, "clear");
		power_on(&n, 0);
		sqe = sqe_echo(&n, 2, 3000);
		came_back(&n, 2, 3000, run(&n, &sqe));
	}
	node_close(&n);
}

static void answers_come_without_a_copy(void **state)
{
	static const uint16_t lengths[] = { 1, 490, 499, 500, 501, 502, 503, 1012, 1014, 4000, 4084 };
	unsigned long long zero = counter(&shared, "zero_copy"), copied = counter(&shared, "bytes_copied");
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct node n;

	node_card(&n, &shared);
	/* into a buffer with room to spare, and into one that is filled to its end */
	for (size_t k = 0; k < 2 * sizeof(lengths) / sizeof(lengths[0]); k++) {
		size_t i = k / 2;

		sqe = sqe_read(&n, 0, 4, lengths[i]);
		sqe.rx_len = k & 1 ? lengths[i] + 2 : 0;
		memset(node_buf(&n, 5), 0xEE, n.setup.buf_size);
		memset(node_buf(&n, 6), 0xEE, n.setup.buf_size);
		c = run(&n, &sqe);
		assert_int_equal(c.result, lengths[i] + 2);
		assert_int_equal(c.bytes, lengths[i] + 2);
		assert_int_equal(c.flags, 0);
		for (unsigned int j = 0; j < lengths[i]; j++)
			assert_int_equal(node_buf(&n, 5)[j], vcard_echo_byte(j));
		assert_int_equal(node_buf(&n, 6)[0], 0xEE);
	}
	if (by_module())
		assert_true(counter(&shared, "zero_copy") - zero >= 2 * sizeof(lengths) / sizeof(lengths[0]));
	if (by_module())
		assert_int_equal(counter(&shared, "bytes_copied"), copied);
	node_close(&n);
}

/* Also where the reader takes one command at a time; in one process alone nobody is to be kept from anybody. */
static void copies_of_their_own(uint8_t busy_slots)
{
	const struct vreader_config cfg = { .slots = 2, .busy_slots = busy_slots };
	const uint16_t copied_flag = by_module() || busy_slots > 1 ? CARDRING_CQE_COPIED : 0;
	struct cardring_sqe a, b;
	struct cardring_cqe c;
	struct reader rd;
	struct node n, m;

	plug(&rd, &cfg);
	node_card(&n, &rd);
	/* alone, but the other slot is anyone's */
	a = sqe_read(&n, 0, 0, 300);
	c = run(&n, &a);
	assert_int_equal(c.result, 302);
	assert_int_equal(c.flags, copied_flag);
	/* both slots are mine */
	assert_int_equal(node_claim(&n, 1, 0), 0);
	c = run(&n, &a);
	assert_int_equal(c.result, 302);
	if (by_module())
		assert_int_equal(c.flags, 0);
	assert_int_equal(node_release(&n, 1), 0);

	node_open(&m, &rd);
	assert_int_equal(node_claim(&m, 1, 0), 0);
	power_on(&m, 1);
	for (unsigned int i = 0; i < 40; i++) {
		unsigned long long copied = counter(&rd, "bytes_copied");

		a = sqe_read(&n, 0, 0, 200 + i);
		b = sqe_apdu(&m, 1, 0, (uint8_t[]){ 0, 0xB0, 0x10, 0, 0, 1, i }, 7);
		push(&n, &a);
		push(&m, &b);
		assert_int_equal(enter(&n, 1, 0, 0), 1);
		assert_int_equal(enter(&m, 1, 0, 0), 1);
		c = reap(&n);
		assert_int_equal(c.result, 202 + i);
		assert_int_equal(c.flags, copied_flag);
		for (unsigned int j = 0; j < 200 + i; j++)
			assert_int_equal(node_buf(&n, 1)[j], vcard_echo_byte(j));
		c = reap(&m);
		assert_int_equal(c.result, 258 + i);
		assert_int_equal(c.flags, copied_flag);
		for (unsigned int j = 0; j < 256 + i; j++)
			assert_int_equal(node_buf(&m, 1)[j], vcard_echo_byte(0x1000 + j));
		if (by_module())
			assert_int_equal(counter(&rd, "bytes_copied") - copied, 460 + 2 * i);
	}
	node_close(&m);
	works(&n, 0);
	node_close(&n);
	unplug(&rd);
}

static void two_files_on_one_reader_get_copies_of_their_own(void **state)
{
	copies_of_their_own(2);
	copies_of_their_own(1);
}

/* Bulk-in lies in the buffer of a command that takes its time, when another file's command wants an answer. */
static void answer_of_another_file_does_not_come_into_ones_buffer(void **state)
{
	const struct vreader_config cfg = { .slots = 2, .busy_slots = 2, .extension_ms = 60000 };
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct reader rd;
	struct node n, m;

	plug(&rd, &cfg);
	node_card(&n, &rd);
	assert_int_equal(node_claim(&n, 1, 0), 0);
	node_open(&m, &rd);
	memset(node_buf(&n, 1) - CARDRING_HDR_ROOM, 0xEE, n.hdr->buf_stride);
	sqe = sqe_wait(&n, 0, 0, 600);
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 0, 0), 1);
	sleep_ms(20);
	assert_int_equal(node_release(&n, 1), 0);
	assert_int_equal(node_claim(&m, 1, 0), 0);
	power_on(&m, 1);
	works(&m, 1);
	assert_int_equal(unread(&n), 0);
	for (unsigned int i = 0; i < n.hdr->buf_stride; i++)
		assert_int_equal(node_buf(&n, 1)[(int)i - CARDRING_HDR_ROOM], 0xEE);
	c = reap(&n);
	assert_int_equal(c.result, 2);
	assert_int_equal(c.flags, CARDRING_CQE_COPIED);
	assert_memory_equal(node_buf(&n, 1), "\x90\0", 2);
	node_close(&m);
	node_close(&n);
	unplug(&rd);
}

/* Bulk-in lies in the small buffer of one slot's command when another slot's long answer comes: that one is whole. */
static void long_answer_of_one_slot_is_not_cut_by_anothers_buffer(void **state)
{
	const struct vreader_config cfg = { .slots = 2, .busy_slots = 2, .extension_ms = 60000 };
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct reader rd;
	struct node n;

	plug(&rd, &cfg);
	node_card(&n, &rd);
	assert_int_equal(node_claim(&n, 1, 0), 0);
	power_on(&n, 1);
	sqe = sqe_wait(&n, 0, 0, 400);
	sqe.rx_len = 2;
	push(&n, &sqe);
	assert_int_equal(enter(&n, 1, 0, 0), 1);
	sleep_ms(20);
	sqe = sqe_read(&n, 1, 2, 3000);
	c = run(&n, &sqe);
	assert_int_equal(c.slot, 1);
	assert_int_equal(c.result, 3002);
	assert_int_equal(c.bytes, 3002);
	assert_int_equal(c.sw, 0x9000);
	for (unsigned int i = 0; i < 3000; i++)
		assert_int_equal(node_buf(&n, 3)[i], vcard_echo_byte(i));
	c = reap(&n);
	assert_int_equal(c.slot, 0);
	assert_int_equal(c.result, 2);
	node_close(&n);
	unplug(&rd);
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		NODE_TEST(answers_come_without_a_copy),
		NODE_TEST(two_files_on_one_reader_get_copies_of_their_own),
		NODE_TEST(answer_of_another_file_does_not_come_into_ones_buffer),
		NODE_TEST(long_answer_of_one_slot_is_not_cut_by_anothers_buffer),
		NODE_TEST(commands_go_without_a_copy),
		NODE_TEST(commands_go_from_where_they_are),
		NODE_TEST(command_whose_answer_comes_in_its_place_is_copied),
		NODE_TEST(long_command_that_is_never_taken_is_given_up),
	};

	return run_group(t, plug_shared, unplug_shared);
}

int main(int argc, char **argv)
{
	return node_main("copy", argc, argv, tests);
}
