/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many readers, and the process that drives them: what tests/bench/scale.c and isolation.c share. The process says
 * "started"; a line of input, and it opens its readers and says "ready"; another line, and it drives them.
 */
#ifndef TESTS_BENCH_MANY_H
#define TESTS_BENCH_MANY_H

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <jansson.h>
#include "reader/backend.h"
#include "usbip.h"
#include "../vm/bound.h"
#include "driven.h"

#define BATCH		8

/* ---- the host: one loop ---- */

struct driven {
	cr_ring_t *ring;
	const char *node;
	uint8_t slot;
	uint64_t pushed, reaped;
	uint64_t copied;	/* bytes of answers whose completion says that they were */
};

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
		sqe->slot = d->slot;
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
		if (cqe->flags & CARDRING_CQE_COPIED)
			d->copied += cqe->bytes;
		d->reaped++;
		cr_ring_seen(d->ring);
	}
}

/* One batch, to its end. */
static inline void round_trip(struct driven *d)
{
	push_batch(d);
	while (d->reaped != d->pushed) {
		enter(d, 1, 20000);
		reap(d);
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
	err = d->ring->ops->claim(d->ring, d->slot, 5000);
	if (err)
		die("%s: claim: %s", node, strerror(-err));
	sqe = cr_ring_sqe(d->ring);
	sqe->opcode = CARDRING_OP_POWER_ON;
	sqe->slot = d->slot;
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

/* In the driving process: opens the readers when it is told to, and returns when it is told to drive them. */
static inline int drive_begin(struct driven *d, char **nodes, unsigned int n)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	card_file_fill();
	say_and_wait("started");
	for (unsigned int i = 0; i < n; i++)
		driven_open(&d[i], nodes[i], epoll);
	say_and_wait("ready");
	return epoll;
}

/* ---- the driving process, seen from outside ---- */

struct driver {
	pid_t pid;
	FILE *to, *from;
};

static inline void driver_hear(const struct driver *d, const char *word)
{
	char line[16];

	if (!fgets(line, sizeof(line), d->from) || strncmp(line, word, strlen(word)))
		die("the driving process ended where \"%s\" was due", word);
}

static inline void driver_tell(const struct driver *d)
{
	fprintf(d->to, "go\n");
	fflush(d->to);
}

/* program: beside this one. It has started, and opened nothing. */
static inline struct driver driver_start(const char *program, char *const argv[])
{
	char path[512], *slash;
	int in[2], out[2];
	struct driver d;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);

	if (n < 0 || pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		die("%s: %s", program, strerror(errno));
	path[n] = 0;
	slash = strrchr(path, '/');
	strcpy(slash + 1, program);
	d.pid = fork();
	if (d.pid < 0)
		die("fork: %s", strerror(errno));
	if (!d.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execv(path, argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	d.to = fdopen(in[1], "w");
	d.from = fdopen(out[0], "r");
	if (!d.to || !d.from)
		die("out of memory");
	driver_hear(&d, "started");
	return d;
}

static inline void driver_end(struct driver *d)
{
	int status;

	fclose(d->to);
	fclose(d->from);
	if (waitpid(d->pid, &status, 0) != d->pid || status)
		die("the driving process failed");
}

/* ---- the readers ---- */

static struct vreader_usb *reader[MAX_READERS];
static char usb_name[MAX_READERS][32], node[MAX_READERS][32];

static inline void wait_for_node(unsigned int i)
{
	int index = node_wait(usb_name[i], 0, 120000);

	if (index < 0)
		die("cardring did not take reader %u", i);
	snprintf(node[i], sizeof(node[i]), "/dev/cardring%d", index);
}

/* latency_us: of each answer. All that were attached before are kept. */
static inline void attach_up_to(unsigned int n, unsigned int latency_us)
{
	/* A pair that libccid knows too. */
	const struct vreader_config cfg = {
		.vid = 0x04E6, .pid = 0x5790, .manufacturer = "Identiv", .product = "uTrust 3700 F CL Reader",
		.level = VREADER_EXTENDED, .latency_us = latency_us,
	};
	static unsigned int have;
	unsigned int first = have;

	for (; have < n; have++) {
		reader[have] = vreader_attach(&cfg);
		if (!reader[have])
			die("reader %u: attach: %s", have, strerror(errno));
	}
	for (unsigned int i = first; i < n; i++) {
		if (vreader_usb_wait(reader[i], usb_name[i], sizeof(usb_name[i]), 120000))
			die("reader %u was not enumerated", i);
		wait_for_node(i);
	}
}

static inline void detach_all(void)
{
	for (unsigned int i = 0; i < MAX_READERS && reader[i]; i++)
		vreader_usb_fault(reader[i], "unplug");
	for (unsigned int i = 0; i < MAX_READERS && reader[i]; i++)
		vreader_detach(reader[i]);
}

/* A driving process on the first n readers. */
static inline struct driver driver_on_nodes(const char *program, unsigned int ms, unsigned int n)
{
	char text[16], *argv[MAX_READERS + 4] = { (char *)program, "drive", text };

	snprintf(text, sizeof(text), "%u", ms);
	for (unsigned int i = 0; i < n; i++)
		argv[3 + i] = node[i];
	return driver_start(program, argv);
}

#endif
