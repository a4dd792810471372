// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every allocation fails once: in probing, opening, setting up, mapping, claiming, submitting. Needs a kernel with
 * fault injection; what is lost on an error path shows in its leak detector at the end of the run.
 */
#include "node.h"

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/*
 * Runs @step with its first allocation failing, its second, and so on, until it ran through without any that was
 * left to fail. @step returns 0 or -errno, and has undone everything when it returns. Returns how many failed.
 */
static unsigned int each_fails(long (*step)(void *), void *arg)
{
	unsigned int nth, failed = 0;

	for (nth = 1; nth < 400; nth++) {
		int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
		char text[16] = "";
		long r;

		assert_true(fd >= 0);
		snprintf(text, sizeof(text), "%u", nth);
		assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
		r = step(arg);
		memset(text, 0, sizeof(text));
		assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
		assert_int_equal(pwrite(fd, "0", 1, 0), 1);
		close(fd);
		if (atoi(text)) {
			assert_int_equal(r, 0);
			return failed;
		}
		/* an allocation may be one that can be done without */
		if (r && r != -ENOMEM && r != -ENODEV && r != -EFAULT)
			fail_msg("allocation %u: %ld", nth, r);
		failed += !!r;
	}
	fail_msg("no end of allocations");
	return 0;
}

static struct reader rd;

static long step_bind(void *arg)
{
	const char *itf = arg;
	int fd = open("/sys/bus/usb/drivers/cardring/bind", O_WRONLY | O_CLOEXEC);
	long r;

	if (fd < 0)
		return -errno;
	r = write(fd, itf, strlen(itf)) < 0 ? -errno : 0;
	close(fd);
	if (r)
		return r;
	fd = open("/sys/bus/usb/drivers/cardring/unbind", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		fd = open("/sys/bus/usb/drivers/cardring/unbind", O_WRONLY | O_CLOEXEC);
	if (write(fd, itf, strlen(itf)) < 0 && errno == ENOMEM)
		r = write(fd, itf, strlen(itf)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static long step_open(void *arg)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/cardring%d", rd.index);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static long step_setup(void *arg)
{
	struct cardring_setup s = { .entries = 128, .buffers = 8, .buf_size = *(uint32_t *)arg };
	int fd = node_open_fd(rd.index);
	long r = fd < 0 ? -errno : 0;
	void *map;

	if (!r)
		r = ctl(fd, CARDRING_IOC_SETUP, &s);
	if (!r) {
		map = mmap(NULL, s.map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			r = -errno;
		else
			munmap(map, s.map_size);
	} else if (fd >= 0) {
		/* what failed has left nothing behind: it can be done again */
		s = (struct cardring_setup){ 0 };
		if (ctl(fd, CARDRING_IOC_SETUP, &s))
			r = -EIO;
	}
	if (fd >= 0)
		close(fd);
	return r;
}

static long step_use(void *arg)
{
	struct node *n = arg;
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	long r = node_claim(n, 0, 0);

	if (r)
		return r;
	sqe = sqe_op(CARDRING_OP_POWER_ON, 0);
	push(n, &sqe);
	sqe = sqe_read(n, 0, 0, 50);
	push(n, &sqe);
	r = enter(n, 2, 2, NODE_MS);
	if (r == 2)
		r = 0;
	for (unsigned int i = 0; i < 2; i++) {
		c = reap(n);
		/* a URB that could not be sent is a bus that failed; the card is not powered then */
		if (c.result == -EIO || c.result == -ENOMEDIUM)
			r = -ENOMEM;
		else if (c.result < 0)
			r = c.result;
	}
	/* vhci_hcd lets go of a device for which it got no memory: a reader unplugged, at that very moment */
	if (vreader_usb_gone(rd.usb) || r == -ENODEV) {
		node_close(n);
		unplug(&rd);
		plug(&rd, &(struct vreader_config){ .slots = 2 });
		node_open(n, &rd);
		node_slot(n, 0);
		return -ENODEV;
	}
	if (node_release(n, 0))
		r = -EIO;
	return r;
}

static void probe_survives_every_failed_allocation(void **state)
{
	unsigned int failed;
	char itf[48];
	int fd;

	snprintf(itf, sizeof(itf), "%s:1.0", rd.name);
	fd = open("/sys/bus/usb/drivers/cardring/unbind", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0 && write(fd, itf, strlen(itf)) > 0);
	close(fd);
	failed = each_fails(step_bind, itf);
	print_message("%u failures\n", failed);
	assert_true(failed >= 8);
	put("/sys/bus/usb/drivers/cardring/bind", itf);
	wait_bound(&rd);
}

static void open_survives_every_failed_allocation(void **state)
{
	assert_true(each_fails(step_open, NULL) >= 1);
}

static void setup_survives_every_failed_allocation(void **state)
{
	uint32_t sizes[] = { 500, 4000, 20000 };
	unsigned int failed;

	for (size_t i = 0; i < 3; i++) {
		failed = each_fails(step_setup, &sizes[i]);
		print_message("buffers of %u: %u failures\n", sizes[i], failed);
		assert_true(failed >= 4);
	}
}

static void commands_survive_every_failed_allocation(void **state)
{
	struct node n;

	node_open(&n, &rd);
	node_slot(&n, 0);
	print_message("%u failures\n", each_fails(step_use, &n));
	assert_int_equal(node_claim(&n, 0, NODE_MS), 0);
	power_on(&n, 0);
	works(&n, 0);
	node_close(&n);
}

static int set_up(void **state)
{
	put("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	put("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	put("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	put("/sys/kernel/debug/failslab/verbose", "0");
	put("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	put("/sys/kernel/debug/fail_usercopy/verbose", "0");
	plug(&rd, &(struct vreader_config){ .slots = 2 });
	return 0;
}

static int tear_down(void **state)
{
	unplug(&rd);
	return 0;
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(probe_survives_every_failed_allocation),
		cmocka_unit_test(open_survives_every_failed_allocation),
		cmocka_unit_test(setup_survives_every_failed_allocation),
		cmocka_unit_test(commands_survive_every_failed_allocation),
	};

	return cmocka_run_group_tests(t, set_up, tear_down);
}

int main(int argc, char **argv)
{
	if (access("/proc/thread-self/fail-nth", W_OK) || access("/sys/kernel/debug/failslab", X_OK)) {
		fprintf(stderr, "alloc: this kernel has no fault injection\n");
		return 77;
	}
	return node_main("alloc", argc, argv, tests);
}
