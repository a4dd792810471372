// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every allocation fails once: in probing, opening, setting up, mapping, claiming. Needs a kernel with fault injection;
 * what is lost on an error path shows in its leak detector at the end of the run.
 *
 * Submitting allocates in the host controller's driver alone, and vhci_hcd does not survive that: a URB for which it
 * gets no memory never ends. So no URB is submitted or taken back while allocations fail: a second file keeps the
 * reader awake.
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

static int nth_fd = -1;

/* Ends the failing, at the end of what is tested. Returns whether an allocation was still to fail. */
static bool disarm(void)
{
	char text[16] = "";
	/* the reading copies to the user, which may be what fails: it was still to fail, then */
	bool left = pread(nth_fd, text, sizeof(text) - 1, 0) <= 0 || atoi(text) != 0;

	assert_int_equal(pwrite(nth_fd, "0", 1, 0), 1);
	return left;
}

/*
 * Runs @step with its first allocation failing, its second, and so on, until it ran through without any that was
 * left to fail. @step returns 0 or -errno, says by disarm() to *@left when its allocations are over, and has undone
 * everything when it returns. Returns how many failed.
 */
static unsigned int each_fails(long (*step)(void *, bool *), void *arg)
{
	unsigned int nth, failed = 0;

	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	assert_true(nth_fd >= 0);
	for (nth = 1; nth < 400; nth++) {
		bool left = false;
		char text[16];
		long r;

		snprintf(text, sizeof(text), "%u", nth);
		assert_int_equal(pwrite(nth_fd, text, strlen(text), 0), (ssize_t)strlen(text));
		r = step(arg, &left);
		if (left) {
			assert_int_equal(r, 0);
			close(nth_fd);
			return failed;
		}
		/* an allocation may be one that can be done without; a failed copy is one of the user's memory */
		if (r && r != -ENOMEM && r != -EFAULT)
			fail_msg("allocation %u: %ld", nth, r);
		failed += !!r;
	}
	fail_msg("no end of allocations");
	return 0;
}

static struct reader rd;

static long step_bind(void *arg, bool *left)
{
	const char *itf = arg;
	int fd = open("/sys/bus/usb/drivers/cardring/bind", O_WRONLY | O_CLOEXEC);
	long r = fd < 0 ? -errno : 0;

	if (!r)
		r = write(fd, itf, strlen(itf)) < 0 ? -errno : 0;
	*left = disarm();
	if (fd >= 0)
		close(fd);
	if (!r)
		put("/sys/bus/usb/drivers/cardring/unbind", itf);
	return r;
}

static long step_open(void *arg, bool *left)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/cardring%d", rd.index);
	fd = open(path, O_RDWR | O_CLOEXEC);
	*left = disarm();
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static long step_setup(void *arg, bool *left)
{
	struct cardring_setup s = { .entries = 128, .buffers = 8, .buf_size = *(uint32_t *)arg };
	char path[32];
	void *map;
	long r;
	int fd;

	snprintf(path, sizeof(path), "/dev/cardring%d", rd.index);
	fd = open(path, O_RDWR | O_CLOEXEC);
	r = fd < 0 ? -errno : 0;
	if (!r)
		r = ctl(fd, CARDRING_IOC_SETUP, &s);
	if (!r) {
		map = mmap(NULL, s.map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		r = map == MAP_FAILED ? -errno : 0;
		*left = disarm();
		if (!r)
			munmap(map, s.map_size);
	} else {
		*left = disarm();
		/* what failed has left nothing behind: it can be done again */
		s = (struct cardring_setup){ 0 };
		if (fd >= 0 && ctl(fd, CARDRING_IOC_SETUP, &s))
			r = -EIO;
	}
	if (fd >= 0)
		close(fd);
	return r;
}

static long step_claim(void *arg, bool *left)
{
	struct node *n = arg;
	struct cardring_slot slot = { 0 };
	struct cardring_info info;
	long r = node_claim(n, 0, 0);

	if (!r)
		r = ctl(n->fd, CARDRING_IOC_SLOT, &slot);
	if (!r)
		r = ctl(n->fd, CARDRING_IOC_INFO, &info);
	*left = disarm();
	node_release(n, 0);
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
	assert_true(failed >= 8);
	put("/sys/bus/usb/drivers/cardring/bind", itf);
	wait_bound(&rd);
}

static void open_survives_every_failed_allocation(void **state)
{
	struct node n;

	node_open(&n, &rd);
	assert_true(each_fails(step_open, NULL) >= 1);
	node_close(&n);
}

static void setup_survives_every_failed_allocation(void **state)
{
	uint32_t sizes[] = { 500, 4000, 100000 };
	unsigned int failed;
	struct node n;

	node_open(&n, &rd);
	for (size_t i = 0; i < 3; i++) {
		failed = each_fails(step_setup, &sizes[i]);
		assert_true(failed >= (sizes[i] > 65536 ? 12 : 4));
	}
	node_close(&n);
}

static void claim_survives_every_failed_allocation(void **state)
{
	struct node n;

	node_open(&n, &rd);
	node_slot(&n, 0);
	assert_true(each_fails(step_claim, &n) >= 1);
	assert_int_equal(node_claim(&n, 0, NODE_MS), 0);
	power_on(&n, 0);
	works(&n, 0);
	node_close(&n);
}

/*
 * What fails: kmalloc (the kernel is booted so that this filter knows its caches), copies from and to the user, and the large blocks of pages that buffers are; not what the leak
 * detector allocates for itself, which it does not survive.
 */
static int set_up(void **state)
{
	put("/sys/kernel/debug/failslab/cache-filter", "Y");
	put("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	put("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	put("/sys/kernel/debug/fail_page_alloc/min-order", "4");
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
		NODE_TEST(probe_survives_every_failed_allocation),
		NODE_TEST(open_survives_every_failed_allocation),
		NODE_TEST(setup_survives_every_failed_allocation),
		NODE_TEST(claim_survives_every_failed_allocation),
	};

	return run_group(t, set_up, tear_down);
}

int main(int argc, char **argv)
{
	if (access("/proc/thread-self/fail-nth", W_OK) || access("/sys/kernel/debug/failslab", X_OK)) {
		fprintf(stderr, "alloc: this kernel has no fault injection\n");
		return 77;
	}
	return node_main("alloc", argc, argv, tests);
}
