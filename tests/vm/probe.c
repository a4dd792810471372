// SPDX-License-Identifier: BSD-2-Clause
/* What is told of the readers that are taken; and that a station's worth of them fits. */
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "node.h"

static struct cardring_info info_of(int index)
{
	struct cardring_info info;
	int fd = node_open_fd(index);

	assert_true(fd >= 0);
	memset(&info, 0xEE, sizeof(info));
	assert_int_equal(ctl(fd, CARDRING_IOC_INFO, &info), 0);
	close(fd);
	return info;
}

static void info_and_sysfs_say_what_the_reader_is(void **state)
{
	const struct vreader_config cfg[2] = {
		{ .vid = 0x08E6, .pid = 0x3437, .bcd_device = 0x0203, .manufacturer = "Nhà máy", .product = "Đầu đọc",
		  .serial = "0042", .slots = 3, .busy_slots = 2, .level = VREADER_SHORT },
		{ .level = VREADER_EXTENDED, .no_interrupt = true },
	};
	static const struct { enum vreader_level level; const char *name; } levels[] = {
		{ VREADER_TPDU, "tpdu" }, { VREADER_SHORT, "short-apdu" }, { VREADER_EXTENDED, "extended-apdu" },
	};
	struct cardring_info info;
	struct reader rd;
	char text[128];
	int second;

	plug_unbound(&rd, cfg, 2);
	wait_bound(&rd);
	second = node_wait(rd.name, 1, NODE_MS);
	assert_true(second >= 0);
	info = info_of(rd.index);
	assert_int_equal(info.abi, CARDRING_ABI_VERSION);
	assert_int_equal(info.index, rd.index);
	assert_int_equal(info.vendor, 0x08E6);
	assert_int_equal(info.product, 0x3437);
	assert_int_equal(info.bcd_device, 0x0203);
	assert_int_equal(info.interface_number, 0);
	assert_int_equal(info.resv0 | info.flags | info.resv1, 0);
	assert_int_equal(info.slots, 3);
	assert_int_equal(info.busy_slots, 2);
	assert_int_equal(info.level, CARDRING_LEVEL_SHORT_APDU);
	assert_int_equal(info.max_message, 271);
	assert_int_equal(info.has_interrupt, 1);
	assert_int_equal(info.speed, 3);
	assert_true(info.busnum > 0 && info.devnum > 1);
	assert_string_equal(info.name, "Nhà máy Đầu đọc");
	assert_string_equal(info.serial, "0042");
	for (unsigned int i = 0; i < sizeof(info.resv2); i++)
		assert_int_equal(info.resv2[i], 0);
	info = info_of(second);
	assert_int_equal(info.interface_number, 1);
	assert_int_equal(info.level, CARDRING_LEVEL_EXTENDED_APDU);
	assert_int_equal(info.has_interrupt, 0);
	assert_int_equal(info.slots, 1);

	attr(rd.index, "name", text, sizeof(text));
	assert_string_equal(text, "Nhà máy Đầu đọc");
	attr(rd.index, "id", text, sizeof(text));
	assert_string_equal(text, "08e6:3437");
	attr(rd.index, "serial", text, sizeof(text));
	assert_string_equal(text, "0042");
	attr(rd.index, "level", text, sizeof(text));
	assert_string_equal(text, "short-apdu");
	attr(rd.index, "slots", text, sizeof(text));
	assert_string_equal(text, "3");
	attr(second, "interface_number", text, sizeof(text));
	assert_string_equal(text, "1");
	unplug(&rd);
	for (size_t i = 0; i < 3; i++) {
		plug(&rd, &(struct vreader_config){ .level = levels[i].level, .speed = i });
		attr(rd.index, "level", text, sizeof(text));
		assert_string_equal(text, levels[i].name);
		attr(rd.index, "serial", text, sizeof(text));
		assert_string_equal(text, "");
		unplug(&rd);
	}
}

static void every_interface_of_a_composite_device_works(void **state)
{
	const struct vreader_config cfg[3] = { { 0 }, { .level = VREADER_SHORT }, { .speed = 0 } };
	struct reader rd, one;
	struct node n[3];

	plug_unbound(&rd, cfg, 3);
	for (unsigned int i = 0; i < 3; i++) {
		one = rd;
		one.index = node_wait(rd.name, i, NODE_MS);
		assert_true(one.index >= 0);
		node_open(&n[i], &one);
		node_slot(&n[i], 0);
		assert_int_equal(node_claim(&n[i], 0, 0), 0);
		power_on(&n[i], 0);
	}
	works(&n[0], 0);
	works(&n[2], 0);
	/* a command given up on one interface is none of the others' business: ABORT names the interface */
	fault(&rd, "if=2 hang");
	{
		struct cardring_sqe sqe = sqe_read(&n[2], 0, 0, 10);

		sqe.deadline_ms = 50;
		assert_int_equal(run(&n[2], &sqe).result, -ETIMEDOUT);
	}
	works(&n[2], 0);
	works(&n[0], 0);
	for (unsigned int i = 0; i < 3; i++)
		node_close(&n[i]);
	unplug(&rd);
}

/* The sum of a histogram, and of what is in buckets from on. */
static unsigned long long times(const struct reader *rd, const char *name, unsigned int from)
{
	unsigned long long n, sum = 0;
	unsigned int i = 0;
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/cardring/cardring%d/%s", rd->index, name);
	f = fopen(path, "re");
	assert_non_null(f);
	for (; fscanf(f, "%llu", &n) == 1; i++)
		sum += i >= from ? n : 0;
	fclose(f);
	assert_int_equal(i, 80);
	return sum;
}

static void times_are_sorted_into_buckets(void **state)
{
	struct cardring_sqe sqe;
	struct reader rd;
	struct node n;

	plug(&rd, &(struct vreader_config){ 0 });
	node_card(&n, &rd);
	fault(&rd, "latency value=20000");
	sqe = sqe_read(&n, 0, 0, 10);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(run(&n, &sqe).result, 12);
	/* 20 ms and more: bucket 53 begins at 20,480 us, 52 at 16,384 */
	assert_int_equal(times(&rd, "answer_us", 0), 5);
	assert_int_equal(times(&rd, "answer_us", 52), 5);
	/* the first one's is from power-on */
	assert_int_equal(times(&rd, "turnaround_us", 0), 5);
	sleep_ms(50);
	assert_int_equal(run(&n, &sqe).result, 12);
	assert_true(times(&rd, "turnaround_us", 57) >= 1);	/* from 40,960 us */
	/* what is not for the card is measured by neither */
	assert_int_equal(run_op(&n, CARDRING_OP_SLOT_STATUS, 0).result, 0);
	power_on(&n, 0);
	assert_int_equal(times(&rd, "answer_us", 0), 6);
	assert_int_equal(times(&rd, "turnaround_us", 0), 6);
	/* nor is the time in which nobody held the card */
	assert_int_equal(node_release(&n, 0), 0);
	assert_int_equal(node_claim(&n, 0, 0), 0);
	power_on(&n, 0);
	assert_int_equal(times(&rd, "turnaround_us", 0), 6);
	node_close(&n);
	unplug(&rd);
}

static void counters_count(void **state)
{
	static const char *const names[] = { "commands", "bytes_tx", "bytes_tx_copied", "bytes_rx", "bytes_copied", "zero_copy", "timeouts",
					     "errors", "resets", "strays" };
	struct cardring_sqe sqe;
	struct reader rd;
	struct node n;

	plug(&rd, &(struct vreader_config){ 0 });
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(counter(&rd, names[i]), 0);
	node_card(&n, &rd);
	for (unsigned int i = 0; i < 3; i++)
		works(&n, 0);
	assert_int_equal(counter(&rd, "commands"), 4);
	assert_int_equal(counter(&rd, "bytes_tx"), 3 * 7);
	assert_int_equal(counter(&rd, "bytes_rx"), 9 + 3 * 102);
	assert_int_equal(counter(&rd, "zero_copy"), 4);
	sqe = sqe_read(&n, 0, 0, 10);
	fault(&rd, "type");
	run(&n, &sqe);
	assert_int_equal(counter(&rd, "errors"), 1);
	fault(&rd, "twice");
	run(&n, &sqe);
	works(&n, 0);
	assert_true(counter(&rd, "strays") >= 1);
	node_close(&n);
	unplug(&rd);
}

static void trace(const char *file, const char *text)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/%s", file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void tracepoints_fire_without_payload(void **state)
{
	static const char *const want[] = { "cardring_submit: ", "cardring_complete: ", "cardring_event: ",
					    "cardring_timeout: " };
	unsigned int seen_of[4] = { 0 };
	struct cardring_sqe sqe;
	char line[512];
	struct reader rd;
	struct node n;
	FILE *f;

	plug(&rd, &(struct vreader_config){ 0 });
	trace("trace", "\n");
	trace("events/cardring/enable", "1");
	node_card(&n, &rd);
	sqe = sqe_apdu(&n, 0, 0, "\0\x88\0\0\4SECR\4", 10);
	assert_int_equal(run(&n, &sqe).result, 6);
	fault(&rd, "hang");
	sqe.deadline_ms = 20;
	assert_int_equal(run(&n, &sqe).result, -ETIMEDOUT);
	fault(&rd, "remove");
	expect_event(&n, CARDRING_EVENT_CARD_OUT);
	node_close(&n);
	trace("events/cardring/enable", "0");
	f = fopen("/sys/kernel/tracing/trace", "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		for (unsigned int i = 0; i < 4; i++)
			seen_of[i] += !!strstr(line, want[i]);
		assert_null(strstr(line, "SECR"));
		assert_null(strstr(line, "53 45"));
	}
	fclose(f);
	for (unsigned int i = 0; i < 4; i++)
		assert_true(seen_of[i]);
	unplug(&rd);
}

/* What fits for 120 readers must fit for one of them in its share. */
enum { STATION = 120, LIMIT = 8 << 20, MANY = 30 };

static int opens_many(const struct reader *rd)
{
	const struct rlimit lim = { LIMIT / STATION * MANY, LIMIT / STATION * MANY };
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];
	struct cardring_setup s;
	int fd[MANY];

	if (syscall(SYS_capget, &h, d))
		return 1;
	d[0].effective &= ~(1U << CAP_IPC_LOCK);
	if (syscall(SYS_capset, &h, d) || setrlimit(RLIMIT_MEMLOCK, &lim))
		return 2;
	for (unsigned int i = 0; i < MANY; i++) {
		s = (struct cardring_setup){ 0 };
		fd[i] = node_open_fd(rd[i].index);
		if (fd[i] < 0 || ctl(fd[i], CARDRING_IOC_SETUP, &s))
			return 10 + i;
		if (s.map_size * STATION > LIMIT)
			return 3;
	}
	return 0;
}

static void a_station_of_readers_fits_the_usual_memory_limit(void **state)
{
	struct vreader_config cfg[MANY];
	struct reader rd[MANY];
	struct node n[MANY];
	int status;
	pid_t pid;

	for (unsigned int i = 0; i < MANY; i++)
		cfg[i] = (struct vreader_config){ .speed = i & 1 ? VREADER_SUPER_SPEED : VREADER_HIGH_SPEED };
	plug_many(rd, cfg, MANY);
	for (unsigned int i = 0; i < MANY; i++)
		wait_bound(&rd[i]);
	pid = fork();
	if (!pid)
		_exit(opens_many(rd));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(status, 0);
	/* all at work at once */
	for (unsigned int i = 0; i < MANY; i++)
		node_card(&n[i], &rd[i]);
	for (unsigned int i = 0; i < MANY; i++) {
		struct cardring_sqe sqe = sqe_wait(&n[i], 0, 0, 300);

		push(&n[i], &sqe);
		assert_int_equal(enter(&n[i], 1, 0, 0), 1);
	}
	for (unsigned int i = 0; i < MANY; i++)
		assert_int_equal(reap(&n[i]).result, 2);
	for (unsigned int i = 0; i < MANY; i++)
		fault(&rd[i], "unplug");
	for (unsigned int i = 0; i < MANY; i++) {
		expect_event(&n[i], CARDRING_EVENT_GONE);
		node_close(&n[i]);
		unplug(&rd[i]);
	}
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		NODE_TEST(info_and_sysfs_say_what_the_reader_is),
		NODE_TEST(every_interface_of_a_composite_device_works),
		NODE_TEST(counters_count),
		NODE_TEST(times_are_sorted_into_buckets),
		NODE_TEST(tracepoints_fire_without_payload),
		NODE_TEST(a_station_of_readers_fits_the_usual_memory_limit),
	};

	return run_group(t, NULL, NULL);
}

int main(int argc, char **argv)
{
	return node_main("probe", argc, argv, tests);
}
