// SPDX-License-Identifier: BSD-2-Clause
/* Readers that are reset, sleep, and wake: what was under way ends, and no claim outlives its card's power. */
#include <linux/usbdevice_fs.h>
#include "node.h"

static void usb_attr(const struct reader *rd, const char *file, char *out, size_t size)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/%s", rd->name, file);
	f = fopen(path, "re");
	assert_non_null(f);
	if (!fgets(out, size, f))
		out[0] = 0;
	out[strcspn(out, "\n")] = 0;
	fclose(f);
}

static long put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	long r;

	if (fd < 0)
		return -errno;
	r = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static long put_usb(const struct reader *rd, const char *file, const char *text)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/%s", rd->name, file);
	return put(path, text);
}

static int usbfs(const struct reader *rd)
{
	char bus[8], dev[8], path[64];
	int fd;

	usb_attr(rd, "busnum", bus, sizeof(bus));
	usb_attr(rd, "devnum", dev, sizeof(dev));
	snprintf(path, sizeof(path), "/dev/bus/usb/%03d/%03d", atoi(bus), atoi(dev));
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void busy_with_a_queue(struct node *n)
{
	struct cardring_sqe sqe = sqe_wait(n, 0, 0, 20000);

	sqe.deadline_ms = 60000;
	sqe.user_data = 1;
	push(n, &sqe);
	sqe.user_data = 2;
	push(n, &sqe);
	assert_int_equal(enter(n, 2, 0, 0), 2);
	sleep_ms(30);
	assert_int_equal(unread(n), 0);
}

/* What is in flight ends with -ESHUTDOWN, what is queued with -ENOMEDIUM, and so does what follows until POWER_ON. */
static void was_reset(struct node *n)
{
	struct cardring_cqe c;
	struct cardring_sqe sqe;

	c = reap(n);
	assert_int_equal(c.user_data, 1);
	assert_int_equal(c.result, -ESHUTDOWN);
	c = reap(n);
	assert_int_equal(c.user_data, 2);
	assert_int_equal(c.result, -ENOMEDIUM);
	expect_event(n, CARDRING_EVENT_RESET);
	sqe = sqe_read(n, 0, 0, 10);
	assert_int_equal(run(n, &sqe).result, -ENOMEDIUM);
	assert_int_equal(node_slot(n, 0).state, CARDRING_SLOT_PRESENT);
	power_on(n, 0);
	works(n, 0);
}

static void reset_ends_what_is_in_flight(void **state)
{
	struct reader rd;
	struct node n;
	int fd;

	plug(&rd, &(struct vreader_config){ .extension_ms = 60000 });
	fd = usbfs(&rd);
	for (unsigned int i = 0; i < 3; i++) {
		node_card(&n, &rd);
		busy_with_a_queue(&n);
		assert_int_equal(ioctl(fd, USBDEVFS_RESET), 0);
		was_reset(&n);
		assert_int_equal(counter(&rd, "resets"), i + 1);
		/* the claim is still this file's, and notifications still come */
		assert_int_equal(node_slot(&n, 0).mine, 1);
		fault(&rd, "remove");
		do
			assert_int_equal(next_event(&n, NODE_MS).flags, CARDRING_CQE_EVENT);
		while (n.event[n.events_read - 1].result != CARDRING_EVENT_CARD_OUT);
		node_close(&n);
	}
	/* while nobody has it open, too */
	assert_int_equal(ioctl(fd, USBDEVFS_RESET), 0);
	node_card(&n, &rd);
	works(&n, 0);
	node_close(&n);
	close(fd);
	unplug(&rd);
}

/* A reset that the reader does not survive is the reader's going. */
static void failed_reset_is_the_end_of_the_reader(void **state)
{
	struct cardring_cqe c;
	struct reader rd;
	struct node n;
	int fd;

	plug(&rd, &(struct vreader_config){ .extension_ms = 60000 });
	node_card(&n, &rd);
	busy_with_a_queue(&n);
	fault(&rd, "failreset");
	fd = usbfs(&rd);
	assert_int_not_equal(ioctl(fd, USBDEVFS_RESET), 0);
	close(fd);
	c = reap(&n);
	assert_true(c.result == -ESHUTDOWN || c.result == -ENODEV);
	reap(&n);
	for (uint64_t end = now_ms() + NODE_MS; next_event(&n, NODE_MS).result != CARDRING_EVENT_GONE;)
		assert_true(now_ms() < end);
	node_close(&n);
	unplug(&rd);
}

static void deauthorized_reader_is_gone(void **state)
{
	struct reader rd;
	struct node n;

	plug(&rd, &(struct vreader_config){ .extension_ms = 60000 });
	node_card(&n, &rd);
	busy_with_a_queue(&n);
	assert_int_equal(put_usb(&rd, "authorized", "0"), 0);
	assert_int_equal(reap(&n).result, -ENODEV);
	assert_int_equal(reap(&n).result, -ENODEV);
	expect_event(&n, CARDRING_EVENT_GONE);
	assert_int_equal(put_usb(&rd, "authorized", "1"), 0);
	wait_bound(&rd);
	node_close(&n);
	node_card(&n, &rd);
	works(&n, 0);
	node_close(&n);
	unplug(&rd);
}

static void wait_runtime(const struct reader *rd, const char *want)
{
	uint64_t end = now_ms() + NODE_MS;
	char text[32];

	do {
		usb_attr(rd, "power/runtime_status", text, sizeof(text));
		if (now_ms() > end)
			fail_msg("runtime status %s, not %s", text, want);
		sleep_ms(10);
	} while (strcmp(text, want));
}

static void reader_sleeps_while_no_file_is_open(void **state)
{
	struct reader rd;
	struct node n;
	char text[32];

	plug(&rd, &(struct vreader_config){ 0 });
	assert_int_equal(put_usb(&rd, "power/autosuspend_delay_ms", "50"), 0);
	assert_int_equal(put_usb(&rd, "power/control", "auto"), 0);
	for (unsigned int i = 0; i < 3; i++) {
		wait_runtime(&rd, "suspended");
		node_card(&n, &rd);
		works(&n, 0);
		sleep_ms(200);
		usb_attr(&rd, "power/runtime_status", text, sizeof(text));
		assert_string_equal(text, "active");
		works(&n, 0);
		/* the card that a closed file leaves is off before the reader sleeps */
		node_close(&n);
	}
	wait_runtime(&rd, "suspended");
	/* unplugged in its sleep */
	unplug(&rd);
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		NODE_TEST(reset_ends_what_is_in_flight),
		NODE_TEST(failed_reset_is_the_end_of_the_reader),
		NODE_TEST(deauthorized_reader_is_gone),
		NODE_TEST(reader_sleeps_while_no_file_is_open),
	};

	return run_group(t, NULL, NULL);
}

int main(int argc, char **argv)
{
	return node_main("power", argc, argv, tests);
}
