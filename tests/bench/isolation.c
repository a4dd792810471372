// SPDX-License-Identifier: BSD-2-Clause
/*
 * Does a broken reader cost its neighbours anything? Sixteen virtual readers; thirteen are read from all the time by
 * one event loop, which drives two of the other three as well. In every other run these three are broken: the
 * first never answers a command, the second answers rubbish, the third is unplugged and plugged in ten times a
 * second, with a program that opens it each time. What is measured is the thirteen's turnaround, at the devices.
 *
 *   isolation [--ms N] [--repeat N] [--each] [--json FILE]
 *
 * --each: each of the three alone as well, the third with less and less of what is done with it, and all without
 * the precedence that the thirteen have else (give_precedence()).
 *
 * "isolation drive MS NODE..." and "isolation chase" are its other two processes. Each completion of the
 * thirteen is checked as tests/bench/scale.c does. Needs root, vhci_hcd and cardring.ko loaded.
 */
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <sys/inotify.h>
#include "many.h"

#define READERS		16
#define BROKEN		3
#define MAX_GAPS	4000000u
#define CHASED		"chased"
#define LATENCY_US	5000	/* as a card takes it; without it, what is measured is who gets the CPU */

/* ---- the programs ---- */

/* Takes whatever comes; false once the reader is gone. */
static bool reap_anything(struct driven *d, bool *unpowered)
{
	const struct cardring_cqe *cqe;

	while ((cqe = cr_ring_peek(d->ring))) {
		if (cqe->flags & CARDRING_CQE_EVENT) {
			if (cqe->result == CARDRING_EVENT_GONE)
				return false;
		} else {
			d->reaped++;
			*unpowered |= cqe->result == -ENOMEDIUM;
		}
		cr_ring_seen(d->ring);
	}
	return true;
}

/* One command, given up after 100 ms; before it the card is powered where it has to be. */
static void push_patiently(struct driven *d, bool power)
{
	static const uint8_t apdu[] = { 0, 0xB0, 0, 0, BYTES };
	struct cardring_sqe *sqe;
	int n;

	if (power && (sqe = cr_ring_sqe(d->ring))) {
		sqe->opcode = CARDRING_OP_POWER_ON;
		sqe->rx_buf = BATCH;
		sqe->deadline_ms = 100;
		d->pushed++;
	}
	memcpy(cr_ring_payload(d->ring, 0), apdu, sizeof(apdu));
	sqe = cr_ring_sqe(d->ring);
	if (!sqe)
		die("%s: the submission ring is full", d->node);
	sqe->opcode = CARDRING_OP_XFER;
	sqe->tx_len = sizeof(apdu);
	sqe->rx_buf = BATCH + 1;
	sqe->deadline_ms = 100;
	d->pushed++;
	n = cr_ring_submit(d->ring, 0, 0);
	if (n < 0 && n != -EINTR && n != -ENODEV)
		die("%s: ENTER: %s", d->node, strerror(-n));
}

/* Readers 0 and 1 may be as broken as they like; the others may not. */
static int drive(unsigned int ms, char **nodes, unsigned int n)
{
	static struct driven d[READERS];
	struct epoll_event ev[READERS];
	int epoll = drive_begin(d, nodes, n), ready;
	uint64_t end, retry[2] = { 0, 0 };
	bool unpowered[2] = { false, false };

	end = now_ns() + ms * 1000000ULL;
	for (unsigned int i = 2; i < n; i++)
		push_batch(&d[i]);
	while (now_ns() < end) {
		for (unsigned int i = 0; i < 2; i++)
			if (d[i].reaped == d[i].pushed && now_ns() > retry[i]) {
				push_patiently(&d[i], unpowered[i]);
				unpowered[i] = false;
				retry[i] = now_ns() + 10000000;
			}
		ready = epoll_wait(epoll, ev, READERS, 10);
		for (int i = 0; i < ready; i++) {
			struct driven *one = ev[i].data.ptr;

			if (one < &d[2]) {
				if (!reap_anything(one, &unpowered[one - d]))
					die("%s: gone", one->node);
				continue;
			}
			reap(one);
			if (one->reaped == one->pushed)
				push_batch(one);
		}
	}
	for (unsigned int i = 2; i < n; i++)
		while (d[i].reaped != d[i].pushed) {
			enter(&d[i], 1, 20000);
			reap(&d[i]);
		}
	say("over");
	for (unsigned int i = 0; i < n; i++)
		cr_ring_close(d[i].ring);
	return 0;
}

/* Reads from that reader until it is gone, if it is the one; a node may be gone before it is opened. */
static void chase_one(const char *path)
{
	const struct cr_ring_params params = { .entries = BATCH, .buffers = 2 * BATCH, .buf_size = BYTES + 2 };
	struct driven d = { .node = path };
	struct cardring_info info;
	bool unpowered = true;

	if (cr_backend_kernel.open(path, &params, &d.ring, &info))
		return;
	if (!strcmp(info.serial, CHASED) && !d.ring->ops->claim(d.ring, 0, 0))
		for (;;) {
			if (d.pushed == d.reaped)
				push_patiently(&d, unpowered);
			unpowered = false;
			if (!reap_anything(&d, &unpowered) || cr_ring_submit(d.ring, 1, 1000) == -ENODEV)
				break;
		}
	cr_ring_close(d.ring);
}

/* Each new node as it comes. Looking for it again and again would be a disturbance of its own. */
static void __attribute__((noreturn)) chase(void)
{
	char buf[4096] __attribute__((aligned(8))), path[300];
	const struct inotify_event *e;
	int fd = inotify_init1(IN_CLOEXEC);
	ssize_t n;

	if (fd < 0 || inotify_add_watch(fd, "/dev", IN_CREATE) < 0)
		die("inotify: %s", strerror(errno));
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (char *p = buf; p < buf + n; p += sizeof(*e) + e->len) {
			e = (const struct inotify_event *)p;
			snprintf(path, sizeof(path), "/dev/%s", e->len ? e->name : "");
			if (!strncmp(path, "/dev/cardring", 13))
				chase_one(path);
		}
	die("inotify: %s", strerror(errno));
}

/* ---- the readers ---- */

static bool replugging, foreign;

static void *replug(void *arg)
{
	/* A class descriptor that is none: cardring does not take it. */
	static const uint8_t none[] = { 2, 0x21 };
	const struct vreader_config cfg = {
		.level = VREADER_EXTENDED, .serial = CHASED,
		.class_desc = foreign ? none : NULL, .class_desc_len = foreign ? sizeof(none) : 0,
	};
	unsigned long *times = arg;

	while (__atomic_load_n(&replugging, __ATOMIC_ACQUIRE)) {
		struct vreader_usb *u = vreader_attach(&cfg);

		sleep_ms(50);
		vreader_detach(u);
		sleep_ms(50);
		++*times;
	}
	return NULL;
}

static size_t collect(uint32_t *gaps, size_t n, uint64_t *from, bool keep)
{
	static struct vreader_stamp st[VREADER_STAMPS];

	for (unsigned int r = BROKEN - 1; r < READERS - 1; r++) {
		uint64_t total, ready = 0;
		size_t have = vreader_usb_stamps(reader[r], 0, st, VREADER_STAMPS, &total);
		size_t fresh = total - from[r] < have ? total - from[r] : have;

		for (size_t i = have - fresh; keep && i < have; i++) {
			if (!st[i].in && ready && n < MAX_GAPS)
				gaps[n++] = st[i].ns - ready;
			ready = st[i].in ? st[i].ns : 0;
		}
		from[r] = total;
	}
	return n;
}

enum { HANGS = 1, JUNK = 2, REPLUGGED = 4, CLOSED = 8, FOREIGN = 16 };

/* What is broken. The first two are the figure; the others say which of the three it is. */
static const struct mode {
	const char *name;
	unsigned int broken;
	bool equal;		/* none has precedence */
} modes[] = {
	{ "none", 0, false },
	{ "all", HANGS | JUNK | REPLUGGED, false },
	{ "none again", 0, false },			/* how far two runs of the same are apart */
	{ "hang", HANGS, false },
	{ "junk", JUNK, false },
	{ "replug", REPLUGGED, false },
	{ "replug, never opened", REPLUGGED | CLOSED, false },
	{ "replug, not cardring's", REPLUGGED | CLOSED | FOREIGN, false },
	{ "none, equal", 0, true },
	{ "all, equal", HANGS | JUNK | REPLUGGED, true },
	{ "replug, not ours, equal", REPLUGGED | CLOSED | FOREIGN, true },
};
#define MODES	(sizeof(modes) / sizeof(modes[0]))
#define FIGURE	2

static void set_precedence(int tid, bool first)
{
	const struct sched_param p = { .sched_priority = first ? 10 : 0 };

	if (sched_setscheduler(tid, first ? SCHED_FIFO : SCHED_OTHER, &p) && errno != ESRCH)
		die("precedence: %s", strerror(errno));
}

/*
 * Fifteen readers, the host controller and the bus are threads here, and the host that finds a new device works on
 * the same one or two CPUs. What is asked is not who gets the CPU, but whether a reader waits for another in the
 * driver or on the bus: so the hardware of the fifteen and the program that drives them come before all else. What
 * comes later, the replugged reader's hardware and the program that opens it, does not.
 */
static void give_precedence(pid_t driver, bool first)
{
	char path[300], comm[32];
	struct dirent *e;
	DIR *d;
	FILE *f;

	set_precedence(driver, first);
	d = opendir("/proc/self/task");
	while (d && (e = readdir(d)))
		if (atoi(e->d_name) && atoi(e->d_name) != getpid())
			set_precedence(atoi(e->d_name), first);
	if (d)
		closedir(d);
	d = opendir("/proc");
	while (d && (e = readdir(d))) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		f = fopen(path, "re");
		if (f && fgets(comm, sizeof(comm), f) && (!strcmp(comm, "vhci_rx\n") || !strcmp(comm, "vhci_tx\n")))
			set_precedence(atoi(e->d_name), first);
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
}

static json_t *measure(unsigned int ms, const struct mode *m, uint32_t *gaps)
{
	char *argv[] = { "/proc/self/exe", "chase", NULL };
	uint64_t from[READERS], end;
	unsigned long times = 0;
	pthread_t thread;
	struct machine a, b;
	struct driver d;
	pid_t chaser = 0;
	size_t n = 0;

	/* Fifteen are attached for good; the third of the broken ones comes and goes. */
	d = driver_on_nodes("isolation", ms + 500, READERS - 1);
	driver_tell(&d);
	driver_hear(&d, "ready");
	give_precedence(d.pid, !m->equal);
	if ((m->broken & HANGS && vreader_usb_fault(reader[0], "hang 0 on=xfr")) ||
	    (m->broken & JUNK && vreader_usb_fault(reader[1], "junk 0 on=xfr")))
		die("no such fault");
	if (m->broken & REPLUGGED) {
		replugging = true;
		foreign = m->broken & FOREIGN;
		if (pthread_create(&thread, NULL, replug, &times))
			die("no thread");
	}
	if (m->broken & REPLUGGED && !(m->broken & CLOSED)) {
		chaser = fork();
		if (!chaser) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			execv(argv[0], argv);
			_exit(127);
		}
	}
	driver_tell(&d);
	sleep_ms(250);
	collect(gaps, 0, from, false);
	a = machine_now();
	for (end = now_ns() + ms * 1000000ULL; now_ns() < end;) {
		sleep_ms(20);
		n = collect(gaps, n, from, true);
	}
	b = machine_now();
	driver_hear(&d, "over");
	driver_end(&d);
	if (m->broken & REPLUGGED) {
		__atomic_store_n(&replugging, false, __ATOMIC_RELEASE);
		pthread_join(thread, NULL);
	}
	if (chaser) {
		kill(chaser, SIGTERM);
		waitpid(chaser, NULL, 0);
	}
	vreader_usb_fault(reader[0], "clear");
	vreader_usb_fault(reader[1], "clear");
	if (!n)
		die("no turnaround was seen");
	qsort(gaps, n, sizeof(*gaps), compare_u32);
	printf("thirteen readers, broken beside them: %-23s p50 %8.1f us  p99 %8.1f us  max %9.1f us (%zu commands, %lu times unplugged)\n",
	       m->name, quantile(gaps, n, 0.5) / 1e3, quantile(gaps, n, 0.99) / 1e3, gaps[n - 1] / 1e3, n, times);
	fflush(stdout);
	return json_pack("{ss sb sI sI sI sI sI sf}", "broken", m->name, "precedence", !m->equal, "commands", (json_int_t)n,
			 "p50_ns", (json_int_t)quantile(gaps, n, 0.5), "p99_ns", (json_int_t)quantile(gaps, n, 0.99),
			 "max_ns", (json_int_t)gaps[n - 1], "unplugged", (json_int_t)times,
			 "busy", (b.busy_us - a.busy_us) * 1e3 / (b.ns - a.ns));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ms", 1, NULL, 'm' }, { "repeat", 1, NULL, 'r' }, { "json", 1, NULL, 'j' }, { "each", 0, NULL, 'e' },
		{ 0 },
	};
	unsigned int ms = 1000, repeat = 1, count = FIGURE;
	uint32_t *gaps = malloc(MAX_GAPS * sizeof(*gaps));
	json_t *runs = json_array(), *run;
	const char *file = NULL;
	int o;

	if (argc == 2 && !strcmp(argv[1], "chase"))
		chase();
	if (argc == 3 + READERS - 1 && !strcmp(argv[1], "drive"))
		return drive(strtoul(argv[2], NULL, 10), argv + 3, READERS - 1);
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (o) {
		case 'm': ms = strtoul(optarg, NULL, 10); break;
		case 'r': repeat = strtoul(optarg, NULL, 10); break;
		case 'j': file = optarg; break;
		case 'e': count = MODES; break;
		default: return 2;
		}
	if (!gaps || !runs)
		die("out of memory");
	attach_up_to(READERS - 1, LATENCY_US);
	for (unsigned int r = 0; r < repeat; r++)
		for (unsigned int i = 0; i < count; i++) {
			run = measure(ms, &modes[i], gaps);
			json_object_set_new(run, "repetition", json_integer(r));
			json_array_append_new(runs, run);
		}
	if (file && json_dump_file(runs, file, JSON_INDENT(1)))
		die("cannot write %s", file);
	detach_all();
	json_decref(runs);
	free(gaps);
	return 0;
}
