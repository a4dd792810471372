// SPDX-License-Identifier: BSD-2-Clause
/*
 * Does a broken reader cost its neighbours anything? Sixteen virtual readers; thirteen are read from all the time by
 * one event loop, which drives two of the other three as well. In every other run these three are broken: the
 * first never answers a command, the second answers rubbish, the third is unplugged and plugged in ten times a
 * second, with a program that opens it each time. What is measured is the thirteen's turnaround, at the devices.
 *
 *   isolation [--ms N] [--repeat N] [--each] [--json FILE]
 *
 * --each: each of the three alone as well, and the third with less and less of what is done with it.
 *
 * "isolation drive MS NODE..." and "isolation chase SERIAL" are its other two processes. Each completion of the
 * thirteen is checked as tests/bench/scale.c does. Needs root, vhci_hcd and cardring.ko loaded.
 */
#include <getopt.h>
#include <pthread.h>
#include "many.h"

#define READERS		16
#define BROKEN		3
#define MAX_GAPS	4000000u
#define CHASED		"chased"
#define LATENCY_US	5000	/* as a card takes it; without it, what is measured is who gets the CPU */

static void sleep_ms(unsigned int ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

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

/* Opens the reader with that serial number whenever there is one, and reads from it until it is gone. */
static void __attribute__((noreturn)) chase(const char *serial)
{
	const struct cr_ring_params params = { .entries = BATCH, .buffers = 2 * BATCH, .buf_size = BYTES + 2 };
	struct cr_reader_info *list;
	struct cardring_info info;
	bool unpowered;

	for (;;) {
		struct driven d = { 0 };
		int n = cr_reader_list(&list), i = 0;

		while (i < n && strcmp(list[i].dev.serial, serial))
			i++;
		if (i < n && !cr_backend_kernel.open(list[i].path, &params, &d.ring, &info)) {
			d.node = "the chased reader";
			unpowered = true;
			if (!d.ring->ops->claim(d.ring, 0, 0))
				for (;;) {
					if (d.pushed == d.reaped)
						push_patiently(&d, unpowered);
					unpowered = false;
					if (!reap_anything(&d, &unpowered) || cr_ring_submit(d.ring, 1, 1000) == -ENODEV)
						break;
				}
			cr_ring_close(d.ring);
		}
		if (n >= 0)
			free(list);
		sleep_ms(5);
	}
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
} modes[] = {
	{ "none", 0 },
	{ "all", HANGS | JUNK | REPLUGGED },
	{ "none again", 0 },				/* how far two runs of the same are apart */
	{ "hang", HANGS },
	{ "junk", JUNK },
	{ "replug", REPLUGGED },
	{ "replug, never opened", REPLUGGED | CLOSED },
	{ "replug, not cardring's", REPLUGGED | CLOSED | FOREIGN },
};
#define MODES	(sizeof(modes) / sizeof(modes[0]))
#define FIGURE	2

static json_t *measure(unsigned int ms, const struct mode *m, uint32_t *gaps)
{
	char *argv[] = { "/proc/self/exe", "chase", CHASED, NULL };
	uint64_t from[READERS], end;
	unsigned long times = 0;
	pthread_t thread;
	struct driver d;
	pid_t chaser = 0;
	size_t n = 0;

	/* Fifteen are attached for good; the third of the broken ones comes and goes. */
	d = driver_on_nodes("isolation", ms + 500, READERS - 1);
	driver_tell(&d);
	driver_hear(&d, "ready");
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
	for (end = now_ns() + ms * 1000000ULL; now_ns() < end;) {
		sleep_ms(20);
		n = collect(gaps, n, from, true);
	}
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
	return json_pack("{ss sI sI sI sI sI}", "broken", m->name, "commands", (json_int_t)n,
			 "p50_ns", (json_int_t)quantile(gaps, n, 0.5), "p99_ns", (json_int_t)quantile(gaps, n, 0.99),
			 "max_ns", (json_int_t)gaps[n - 1], "unplugged", (json_int_t)times);
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

	if (argc == 3 && !strcmp(argv[1], "chase"))
		chase(argv[2]);
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
