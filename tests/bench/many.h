/* SPDX-License-Identifier: BSD-2-Clause */
/* Many readers and the process that drives them: what tests/bench/scale.c and isolation.c share. */
#ifndef TESTS_BENCH_MANY_H
#define TESTS_BENCH_MANY_H

#include <errno.h>
#include <fcntl.h>
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

static inline void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", program_invocation_short_name);
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

static inline unsigned int offset_of(uint64_t n)
{
	return n * 251 % (CARD_FILE - BYTES);
}

static inline void enter(struct driven *d, unsigned int min_complete, int timeout_ms)
{
	int n = cr_ring_submit(d->ring, min_complete, timeout_ms);

	if (n < 0 && n != -EINTR)
		die("%s: ENTER: %s", d->node, strerror(-n));
}

static inline const struct cardring_cqe *next_cqe(struct driven *d)
{
	const struct cardring_cqe *cqe;

	while ((cqe = cr_ring_peek(d->ring)) && cqe->flags & CARDRING_CQE_EVENT)
		cr_ring_seen(d->ring);
	return cqe;
}

/* Command n goes out of buffer n % BATCH and comes back into the one BATCH behind it. */
static inline void push_batch(struct driven *d)
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

static inline void reap(struct driven *d)
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

static inline void driven_open(struct driven *d, const char *node, int epoll)
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

/* ---- the readers ---- */

static struct vreader_usb *reader[MAX_READERS];
static char node[MAX_READERS][32];

static inline int node_of(const char *usb_name)
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

/* latency_us: of each answer */
static inline void attach_up_to(unsigned int n, unsigned int latency_us)
{
	const struct vreader_config cfg = { .level = VREADER_EXTENDED, .latency_us = latency_us };
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

static inline pid_t spawn(unsigned int n, unsigned int ms, FILE **to, FILE **from)
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

#endif
