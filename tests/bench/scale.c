// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many readers, one thread, one event loop.
 *
 *   scale [--ms N] [--repeat N] [--json FILE] READERS...
 *
 * For each number: so many virtual readers are attached, and a process of its own (this program once more, as
 * "scale drive MS NODE...") keeps one linked batch of READ BINARY in flight on each, for --ms (1000). Every completion
 * is checked: user_data must be the very next of its reader, and the data must be what the file holds at the offset
 * that belongs to that number. So a lost, doubled or misled completion ends the run with status 1.
 *
 * Needs root, vhci_hcd and cardring.ko loaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <jansson.h>
#include "reader/backend.h"
#include "usbip.h"
#include "bench.h"

#define MAX_READERS	120
#define BATCH		8
#define BYTES		240
#define CARD_FILE	32768

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "scale: ");
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

/* ---- the host: one loop ---- */

struct driven {
	cr_ring_t *ring;
	const char *node;
	uint64_t pushed, reaped;
};

static uint8_t card_file[CARD_FILE];

static unsigned int offset_of(uint64_t n)
{
	return n * 251 % (CARD_FILE - BYTES);
}

static void enter(struct driven *d, unsigned int min_complete, int timeout_ms)
{
	int n = cr_ring_submit(d->ring, min_complete, timeout_ms);

	if (n < 0 && n != -EINTR)
		die("%s: ENTER: %s", d->node, strerror(-n));
}

static const struct cardring_cqe *next_cqe(struct driven *d)
{
	const struct cardring_cqe *cqe;

	while ((cqe = cr_ring_peek(d->ring)) && cqe->flags & CARDRING_CQE_EVENT)
		cr_ring_seen(d->ring);
	return cqe;
}

/* Command n goes out of buffer n % BATCH and comes back into the one BATCH behind it. */
static void push_batch(struct driven *d)
{
	for (unsigned int i = 0; i < BATCH; i++) {
		unsigned int buf = d->pushed % BATCH, off = offset_of(d->pushed);
		const uint8_t apdu[] = { 0, 0xB0, off >> 8, off, BYTES };
		struct cardring_sqe *sqe = cr_ring_sqe(d->ring);

		if (!sqe)
			die("%s: the submission ring is full", d->node);
		memcpy(cr_ring_payload(d->ring, buf), apdu, sizeof(apdu));
		sqe->opcode = CARDRING_OP_XFER;
		sqe->flags = CARDRING_SQE_EXPECT_SW | (i + 1 < BATCH ? CARDRING_SQE_LINK : 0);
		sqe->sw = 0x9000;
		sqe->sw_mask = 0xFFFF;
		sqe->user_data = d->pushed++;
		sqe->tx_buf = buf;
		sqe->tx_len = sizeof(apdu);
		sqe->rx_buf = BATCH + buf;
	}
	enter(d, 0, 0);
}

static void reap(struct driven *d)
{
	const struct cardring_cqe *cqe;
	unsigned int buf;

	while ((cqe = next_cqe(d))) {
		buf = BATCH + d->reaped % BATCH;
		if (cqe->user_data != d->reaped)
			die("%s: completion %llu came where %llu was due", d->node, (long long)cqe->user_data,
			    (long long)d->reaped);
		if (cqe->result != BYTES + 2)
			die("%s: command %llu: result %d, bStatus %02x, bError %02x", d->node, (long long)d->reaped,
			    cqe->result, cqe->status, cqe->error);
		if (memcmp(cr_ring_payload(d->ring, buf), card_file + offset_of(d->reaped), BYTES))
			die("%s: command %llu brought the data of another", d->node, (long long)d->reaped);
		d->reaped++;
		cr_ring_seen(d->ring);
	}
}

static void driven_open(struct driven *d, const char *node, int epoll)
{
	const struct cr_ring_params params = { .entries = BATCH, .buffers = 2 * BATCH, .buf_size = BYTES + 2 };
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = d };
	const struct cardring_cqe *cqe;
	struct cardring_info info;
	struct cardring_sqe *sqe;
	int err = cr_backend_kernel.open(node, &params, &d->ring, &info);

	d->node = node;
	if (err)
		die("%s: %s", node, cr_strerror(err));
	err = d->ring->ops->claim(d->ring, 0, 5000);
	if (err)
		die("%s: claim: %s", node, strerror(-err));
	sqe = cr_ring_sqe(d->ring);
	sqe->opcode = CARDRING_OP_POWER_ON;
	sqe->rx_buf = 0;
	enter(d, 1, 5000);
	while (!(cqe = next_cqe(d)))
		enter(d, 1, 5000);
	if (cqe->result < 0)
		die("%s: power on: %s", node, strerror(-cqe->result));
	cr_ring_seen(d->ring);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, cr_ring_fd(d->ring), &ev))
		die("epoll: %s", strerror(errno));
}

/* Says "ready"; at a line of input drives until MS are over; then the commands of each reader, and its own time. */
static int drive(unsigned int ms, char **nodes, unsigned int n)
{
	static struct driven d[MAX_READERS];
	struct epoll_event ev[MAX_READERS];
	int epoll = epoll_create1(EPOLL_CLOEXEC), ready;
	unsigned int busy = 0;
	uint64_t end, waits = 0;
	struct rusage a, b;
	char line[16];

	for (unsigned int i = 0; i < CARD_FILE; i++)
		card_file[i] = vcard_echo_byte(i);
	for (unsigned int i = 0; i < n; i++)
		driven_open(&d[i], nodes[i], epoll);
	printf("ready\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	getrusage(RUSAGE_SELF, &a);
	end = now_ns() + ms * 1000000ULL;
	for (; busy < n; busy++)
		push_batch(&d[busy]);
	while (busy) {
		ready = epoll_wait(epoll, ev, MAX_READERS, 20000);
		waits++;
		if (!ready)
			die("no completion in 20 s, %u readers have commands in flight", busy);
		for (int i = 0; i < ready; i++) {
			struct driven *one = ev[i].data.ptr;

			reap(one);
			if (one->reaped != one->pushed)
				continue;
			if (now_ns() < end)
				push_batch(one);
			else
				busy--;
		}
	}
	getrusage(RUSAGE_SELF, &b);
	/* A completion too many would be here by now, or come with one more round. */
	for (unsigned int i = 0; i < n; i++) {
		push_batch(&d[i]);
		while (d[i].reaped != d[i].pushed) {
			enter(&d[i], 1, 20000);
			reap(&d[i]);
		}
		if (next_cqe(&d[i]))
			die("%s: a completion that belongs to nothing", nodes[i]);
		printf("%llu ", (unsigned long long)d[i].reaped - BATCH);
	}
	printf("\n%llu %llu\n", (unsigned long long)(usec(&b.ru_utime) + usec(&b.ru_stime) - usec(&a.ru_utime) -
						     usec(&a.ru_stime)), (unsigned long long)waits);
	for (unsigned int i = 0; i < n; i++)
		cr_ring_close(d[i].ring);
	return 0;
}

/* ---- the readers, and what is measured ---- */

static struct vreader_usb *reader[MAX_READERS];
static char node[MAX_READERS][32];

static int node_of(const char *usb_name)
{
	char path[128];
	struct dirent *e;
	int index = -1;
	DIR *d;

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s:1.0/cardring", usb_name);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (sscanf(e->d_name, "cardring%d", &index) == 1)
			break;
	if (d)
		closedir(d);
	return index;
}

static void attach_up_to(unsigned int n)
{
	static const struct vreader_config cfg = { .level = VREADER_EXTENDED };
	static unsigned int have;
	const struct timespec tick = { .tv_nsec = 5000000 };
	uint64_t end = now_ns() + 120000000000ULL;
	unsigned int first = have;
	char name[32];
	int index;

	for (; have < n; have++) {
		reader[have] = vreader_attach(&cfg);
		if (!reader[have])
			die("reader %u: attach: %s", have, strerror(errno));
	}
	for (unsigned int i = first; i < n; i++) {
		if (vreader_usb_wait(reader[i], name, sizeof(name), 120000))
			die("reader %u was not enumerated", i);
		while ((index = node_of(name)) < 0) {
			if (now_ns() > end)
				die("cardring did not take reader %u", i);
			nanosleep(&tick, NULL);
		}
		snprintf(node[i], sizeof(node[i]), "/dev/cardring%d", index);
	}
}

static uint64_t available_kb(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kb = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static pid_t spawn(unsigned int n, unsigned int ms, FILE **to, FILE **from)
{
	char program[] = "/proc/self/exe", text[16], *argv[MAX_READERS + 4] = { program, "drive", text };
	int in[2], out[2];
	pid_t pid;

	snprintf(text, sizeof(text), "%u", ms);
	for (unsigned int i = 0; i < n; i++)
		argv[3 + i] = node[i];
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execv(program, argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	*to = fdopen(in[1], "w");
	*from = fdopen(out[0], "r");
	if (!*to || !*from)
		die("out of memory");
	return pid;
}

static json_t *measure(unsigned int n, unsigned int ms)
{
	uint64_t before = available_kb(), busy_kb;
	unsigned long long own, waits;
	uint32_t each[MAX_READERS];
	struct machine a, b;
	uint64_t sum = 0;
	FILE *to, *from;
	char line[4096];
	pid_t pid = spawn(n, ms, &to, &from);
	double per;
	int status;

	if (!fgets(line, sizeof(line), from))
		die("the driving process ended");
	busy_kb = before - available_kb();
	a = b = machine_now();
	fprintf(to, "go\n");
	fflush(to);
	for (unsigned int i = 0; i < n; i++) {
		if (fscanf(from, "%u", &each[i]) != 1)
			die("the driving process ended");
		if (!i)
			b = machine_now();
		sum += each[i];
	}
	if (fscanf(from, "%llu %llu", &own, &waits) != 2)
		die("the driving process ended");
	fclose(to);
	fclose(from);
	if (waitpid(pid, &status, 0) != pid || status)
		die("the driving process failed");
	qsort(each, n, sizeof(each[0]), compare_u32);
	per = 1.0 / (sum + BATCH * n);
	return json_pack("{si sI sf sf sf sf sf sI sI sI}", "readers", n, "commands", (json_int_t)sum,
			 "seconds", (b.ns - a.ns) / 1e9, "commands_per_second", (sum + BATCH * n) / ((b.ns - a.ns) / 1e9),
			 "cpu_us_per_command", (b.busy_us - a.busy_us - (int64_t)(b.mine_us - a.mine_us)) * per,
			 "client_us_per_command", own * per, "waits_per_command", waits * per,
			 "slowest_reader", (json_int_t)each[0], "median_reader", (json_int_t)each[n / 2],
			 "kb_of_all_when_open", (json_int_t)busy_kb);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ms", 1, NULL, 'm' }, { "repeat", 1, NULL, 'r' }, { "json", 1, NULL, 'j' }, { 0 },
	};
	unsigned int ms = 1000, repeat = 1, n;
	const char *file = NULL;
	json_t *runs, *run;
	int o, rc = 0;

	if (argc > 3 && !strcmp(argv[1], "drive"))
		return drive(strtoul(argv[2], NULL, 10), argv + 3, argc - 3 < MAX_READERS ? argc - 3 : MAX_READERS);
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (o) {
		case 'm': ms = strtoul(optarg, NULL, 10); break;
		case 'r': repeat = strtoul(optarg, NULL, 10); break;
		case 'j': file = optarg; break;
		default: return 2;
		}
	runs = json_array();
	for (; optind < argc; optind++) {
		n = strtoul(argv[optind], NULL, 10);
		if (!n || n > MAX_READERS)
			die("1 to %u readers, rising", MAX_READERS);
		attach_up_to(n);
		for (unsigned int r = 0; r < repeat; r++) {
			run = measure(n, ms);
			json_array_append_new(runs, run);
			printf("%3u readers: %8.0f commands/s, CPU %7.1f us (client %6.1f), slowest/median reader %.3f, %lld kB\n", n,
			       json_number_value(json_object_get(run, "commands_per_second")),
			       json_number_value(json_object_get(run, "cpu_us_per_command")),
			       json_number_value(json_object_get(run, "client_us_per_command")),
			       json_number_value(json_object_get(run, "slowest_reader")) /
			       json_number_value(json_object_get(run, "median_reader")),
			       (long long)json_integer_value(json_object_get(run, "kb_of_all_when_open")));
			fflush(stdout);
		}
	}
	if (file && json_dump_file(runs, file, JSON_INDENT(1))) {
		fprintf(stderr, "scale: cannot write %s\n", file);
		rc = 1;
	}
	for (unsigned int i = 0; i < MAX_READERS && reader[i]; i++)
		vreader_usb_fault(reader[i], "unplug");
	for (unsigned int i = 0; i < MAX_READERS && reader[i]; i++)
		vreader_detach(reader[i]);
	json_decref(runs);
	return rc;
}
