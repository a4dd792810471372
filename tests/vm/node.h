/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the tests of what a ring promises: a virtual reader on vhci_hcd and its node, spoken to by ioctl and shared
 * memory alone, as include/uapi/cardring.h says it and without the library. Everything asserts (cmocka).
 *
 * The same tests are the conformance suite of the library's backends: "PROGRAM --backend usb" runs them over that
 * backend's rings (struct cr_ring_ops) instead; over PC/SC the virtual reader is driven by pcscd, and the simulator's
 * reader is the test card in this process. What a backend cannot do by its nature is not run over it: conform.tsv says
 * what, and why. Inside of a test, what only the module shows (counters, flags of its own) is told by by_module().
 */
#ifndef TESTS_VM_NODE_H
#define TESTS_VM_NODE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "../../include/uapi/cardring.h"
#include "reader.h"

/* ---- the node ---- */

struct node {
	int fd;				/* the module's; over a backend what poll(2) takes */
	cr_ring_t *ring;		/* over a backend */
	struct cardring_setup setup;
	uint8_t *map;
	struct cardring_ring_hdr *hdr;
	struct cardring_sqe *sq;
	struct cardring_cqe *cq;
	struct cardring_cqe event[128];	/* events met while completions were reaped */
	unsigned int events, events_read;
};

/* Nodes that are open: what a failed test leaves behind is closed before the next one. */
static struct { struct node *node; cr_ring_t *ring; int fd; uint8_t *map; size_t size; } opened[64];

/* What happens to the cards of the simulator: each that is open is a reader of its own. */
static void sim_fault(const char *line)
{
	bool remove = !strcmp(line, "remove");

	if (strcmp(line, "clear") && strcmp(line, "insert") && strncmp(line, "latency ", 8) && !remove)
		fail_msg("no such fault in the simulator: %s", line);
	if (!remove && strcmp(line, "insert"))
		return;
	for (unsigned int i = 0; i < sizeof(opened) / sizeof(opened[0]); i++)
		if (opened[i].node)
			cr_softreader_card(((struct softring *)opened[i].ring)->reader, 0, !remove);
}

static inline int node_open_fd(int index)
{
	uint64_t end = now_ms() + NODE_MS;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/cardring%d", index);
	while ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0 && errno == ENOENT && now_ms() < end)
		sleep_ms(2);
	return fd;
}

/* ioctl with the errno as its result */
static inline long ctl(int fd, unsigned long cmd, void *arg)
{
	int r = ioctl(fd, cmd, arg);

	return r < 0 ? -errno : r;
}

static inline void node_remember(struct node *n)
{
	for (unsigned int i = 0; i < sizeof(opened) / sizeof(opened[0]); i++)
		if (!opened[i].node) {
			opened[i].node = n;
			opened[i].ring = n->ring;
			opened[i].fd = n->fd;
			opened[i].map = n->map;
			opened[i].size = n->setup.map_size;
			break;
		}
}

static inline void node_setup(struct node *n, uint32_t entries, uint32_t buffers, uint32_t size)
{
	n->setup = (struct cardring_setup){ .entries = entries, .buffers = buffers, .buf_size = size };
	assert_int_equal(ctl(n->fd, CARDRING_IOC_SETUP, &n->setup), 0);
	n->map = mmap(NULL, n->setup.map_size, PROT_READ | PROT_WRITE, MAP_SHARED, n->fd, 0);
	assert_ptr_not_equal(n->map, MAP_FAILED);
	n->hdr = (void *)n->map;
	n->sq = (void *)(n->map + n->hdr->sq_off);
	n->cq = (void *)(n->map + n->hdr->cq_off);
	node_remember(n);
}

/* What the library opens for it; where the module has it, once its node is there. */
static inline void reader_path(const struct reader *rd, char *out, size_t size)
{
	int fd;

	if (by_sim()) {
		snprintf(out, size, "sim:echo");
		return;
	}
	if (by_pcscd()) {
		snprintf(out, size, "%s", rd->path);
		return;
	}
	if (!by_module()) {
		snprintf(out, size, "%s:%s:1.%u", over->name, rd->name, rd->interface);
		return;
	}
	snprintf(out, size, "/dev/cardring%d", rd->index);
	fd = node_open_fd(rd->index);
	if (fd >= 0)
		close(fd);
}

/* Opens it over the backend; enum cr_error. */
static inline int node_try(struct node *n, const struct reader *rd, const struct cr_ring_params *params)
{
	char path[128];
	int err;

	memset(n, 0, sizeof(*n));
	n->fd = -1;
	reader_path(rd, path, sizeof(path));
	err = over->open(path, params, &n->ring, NULL);
	if (err)
		return err;
	n->hdr = n->ring->hdr;
	n->map = (uint8_t *)n->hdr;
	n->sq = n->ring->sq;
	n->cq = n->ring->cq;
	n->setup.entries = n->ring->sq_entries;
	n->setup.buffers = n->ring->buffers;
	n->setup.buf_size = n->ring->buf_stride - CARDRING_HDR_ROOM;
	return 0;
}

static inline void node_open_sized(struct node *n, const struct reader *rd, uint32_t entries, uint32_t buffers)
{
	const struct cr_ring_params params = { .entries = entries, .buffers = buffers };
	int err;

	if (!by_module()) {
		err = node_try(n, rd, &params);
		if (err)
			fail_msg("%s: %s", rd->name, cr_strerror(err));
		node_remember(n);
		return;
	}
	memset(n, 0, sizeof(*n));
	n->fd = node_open_fd(rd->index);
	if (n->fd < 0)
		fail_msg("/dev/cardring%d: %s", rd->index, strerror(errno));
	node_setup(n, entries, buffers, 0);
}

static inline void node_open(struct node *n, const struct reader *rd)
{
	node_open_sized(n, rd, 0, 0);
}

/* For poll(2). */
static inline int node_fd(struct node *n)
{
	return n->ring ? cr_ring_fd(n->ring) : n->fd;
}

static inline void node_forget(struct node *n)
{
	for (unsigned int i = 0; i < sizeof(opened) / sizeof(opened[0]); i++)
		if (opened[i].node == n)
			opened[i].node = NULL;
}

static inline void node_close(struct node *n)
{
	node_forget(n);
	if (n->ring) {
		cr_ring_close(n->ring);
		n->ring = NULL;
		return;
	}
	munmap(n->map, n->setup.map_size);
	close(n->fd);
	n->fd = -1;
}

/* Behind each test: see NODE_TEST */
static inline int node_tidy(void **state)
{
	for (unsigned int i = 0; i < sizeof(opened) / sizeof(opened[0]); i++)
		if (opened[i].node) {
			opened[i].node = NULL;
			if (opened[i].ring) {
				cr_ring_close(opened[i].ring);
				continue;
			}
			munmap(opened[i].map, opened[i].size);
			close(opened[i].fd);
		}
	return 0;
}

#define NODE_TEST(f)	cmocka_unit_test_teardown(f, node_tidy)

static inline long node_claim(struct node *n, unsigned int slot, int timeout_ms)
{
	struct cardring_claim c = { .slot = slot, .timeout_ms = timeout_ms };

	if (n->ring)
		return cr_ring_claim(n->ring, slot, timeout_ms);
	return ctl(n->fd, CARDRING_IOC_CLAIM, &c);
}

static inline long node_release(struct node *n, unsigned int slot)
{
	struct cardring_claim c = { .slot = slot };

	if (n->ring)
		return cr_ring_release(n->ring, slot);
	return ctl(n->fd, CARDRING_IOC_RELEASE, &c);
}

static inline long node_ask_slot(struct node *n, struct cardring_slot *s)
{
	return n->ring ? n->ring->ops->slot(n->ring, s) : ctl(n->fd, CARDRING_IOC_SLOT, s);
}

static inline struct cardring_slot node_slot(struct node *n, unsigned int slot)
{
	struct cardring_slot s = { .slot = slot };

	assert_int_equal(node_ask_slot(n, &s), 0);
	return s;
}

static inline uint8_t *node_buf(struct node *n, unsigned int i)
{
	return n->map + n->hdr->arena_off + (size_t)i * n->hdr->buf_stride + CARDRING_HDR_ROOM;
}

static inline long enter(struct node *n, uint32_t submit, uint32_t complete, int timeout_ms)
{
	struct cardring_enter e = { .to_submit = submit, .min_complete = complete, .timeout_ms = timeout_ms };

	if (n->ring)
		return n->ring->ops->enter(n->ring, submit, complete, timeout_ms);
	return ctl(n->fd, CARDRING_IOC_ENTER, &e);
}

/* Puts an entry into the ring, which must have room. */
static inline void push(struct node *n, const struct cardring_sqe *sqe)
{
	uint32_t tail = n->hdr->sq_tail;

	assert_true(tail - __atomic_load_n(&n->hdr->sq_head, __ATOMIC_ACQUIRE) < n->setup.entries);
	n->sq[tail & (n->setup.entries - 1)] = *sqe;
	__atomic_store_n(&n->hdr->sq_tail, tail + 1, __ATOMIC_RELEASE);
}

static inline uint32_t unread(struct node *n)
{
	return __atomic_load_n(&n->hdr->cq_tail, __ATOMIC_ACQUIRE) - n->hdr->cq_head;
}

/* The next completion or event, without waiting. */
static inline bool next_cqe(struct node *n, struct cardring_cqe *cqe)
{
	uint32_t head = n->hdr->cq_head;

	if (!unread(n))
		return false;
	*cqe = n->cq[head & (2 * n->setup.entries - 1)];
	__atomic_store_n(&n->hdr->cq_head, head + 1, __ATOMIC_RELEASE);
	if (n->ring && n->ring->ops->drained && !unread(n))
		n->ring->ops->drained(n->ring);		/* as cr_ring_seen does */
	if (cqe->flags & CARDRING_CQE_EVENT && n->events < 128)
		n->event[n->events++] = *cqe;
	if (cqe->flags & CARDRING_CQE_EVENT && cqe->result == CARDRING_EVENT_RESET)
		resets_told++;
	return true;
}

/* The next completion; events are put aside. */
static inline struct cardring_cqe reap(struct node *n)
{
	uint64_t end = now_ms() + NODE_MS;
	struct cardring_cqe cqe;

	for (;;) {
		if (next_cqe(n, &cqe)) {
			if (!(cqe.flags & CARDRING_CQE_EVENT))
				return cqe;
			continue;
		}
		if (now_ms() > end)
			fail_msg("no completion in %d s", NODE_MS / 1000);
		enter(n, 0, 1, 200);
	}
}

/* The next event, in order; other completions met meanwhile are lost. 0 if none comes within ms. */
static inline struct cardring_cqe next_event(struct node *n, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	struct cardring_cqe cqe;

	while (n->events_read == n->events) {
		if (next_cqe(n, &cqe))
			continue;
		if (now_ms() > end)
			return (struct cardring_cqe){ 0 };
		enter(n, 0, 1, 20);
	}
	return n->event[n->events_read++];
}

static inline void expect_event(struct node *n, enum cardring_event event)
{
	assert_int_equal(next_event(n, NODE_MS).result, event);
}

static inline void forget_events(struct node *n)
{
	n->events = n->events_read = 0;
}

/* Entries that most tests are made of. Answers of entry @buf come into buffer @buf + 1. */
static inline struct cardring_sqe sqe_op(uint8_t op, uint8_t slot)
{
	return (struct cardring_sqe){ .opcode = op, .slot = slot, .rx_buf = CARDRING_NO_BUF };
}

static inline struct cardring_sqe sqe_apdu(struct node *n, uint8_t slot, unsigned int buf, const void *apdu,
					   size_t len)
{
	memcpy(node_buf(n, buf), apdu, len);
	return (struct cardring_sqe){ .opcode = CARDRING_OP_XFER, .slot = slot, .tx_buf = buf, .tx_len = len,
				      .rx_buf = buf + 1 };
}

/* The test card's instructions, vreader.h */
static inline struct cardring_sqe sqe_read(struct node *n, uint8_t slot, unsigned int buf, uint16_t le)
{
	const uint8_t apdu[] = { 0, 0xB0, 0, 0, 0, le >> 8, le };

	return sqe_apdu(n, slot, buf, apdu, sizeof(apdu));
}

static inline struct cardring_sqe sqe_sw(struct node *n, uint8_t slot, unsigned int buf, uint16_t sw)
{
	const uint8_t apdu[] = { 0, 0xFC, sw >> 8, sw };

	return sqe_apdu(n, slot, buf, apdu, sizeof(apdu));
}

static inline struct cardring_sqe sqe_wait(struct node *n, uint8_t slot, unsigned int buf, uint16_t ms)
{
	const uint8_t apdu[] = { 0, 0xFE, ms >> 8, ms };

	return sqe_apdu(n, slot, buf, apdu, sizeof(apdu));
}

/* One entry, submitted, waited for. */
static inline struct cardring_cqe run(struct node *n, const struct cardring_sqe *sqe)
{
	push(n, sqe);
	assert_int_equal(enter(n, 1, 1, NODE_MS), 1);
	return reap(n);
}

static inline struct cardring_cqe run_op(struct node *n, uint8_t op, uint8_t slot)
{
	struct cardring_sqe sqe = sqe_op(op, slot);

	return run(n, &sqe);
}

static inline void power_on(struct node *n, uint8_t slot)
{
	struct cardring_sqe sqe = sqe_op(CARDRING_OP_POWER_ON, slot);
	struct cardring_cqe cqe;

	sqe.rx_buf = 0;
	cqe = run(n, &sqe);
	if (cqe.result < 6)
		fail_msg("power on: %d, bStatus %02x, bError %02x", cqe.result, cqe.status, cqe.error);
	assert_int_equal(node_buf(n, 0)[0], 0x3B);
}

/* That the card in this slot answers as it should, through buffers 0 and 1. */
static inline void works(struct node *n, uint8_t slot)
{
	struct cardring_sqe sqe = sqe_read(n, slot, 0, 100);
	struct cardring_cqe cqe = run(n, &sqe);

	if (cqe.result != 102)
		fail_msg("reading: %d, bStatus %02x, bError %02x", cqe.result, cqe.status, cqe.error);
	assert_int_equal(cqe.sw, 0x9000);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(node_buf(n, 1)[i], vcard_echo_byte(i));
}

/* A claimed, powered card in slot 0 of a reader without faults. */
static inline void node_card(struct node *n, struct reader *rd)
{
	uint64_t end = now_ms() + NODE_MS;

	fault(rd, "clear");
	fault(rd, "insert");
	node_open(n, rd);
	/* pcscd takes a moment to see it */
	while (by_pcscd() && node_slot(n, 0).state != CARDRING_SLOT_PRESENT && now_ms() < end)
		sleep_ms(5);
	assert_int_equal(node_slot(n, 0).state, CARDRING_SLOT_PRESENT);
	assert_int_equal(node_claim(n, 0, 0), 0);
	power_on(n, 0);
	forget_events(n);
}

/* ---- a program's main ---- */

#define NOT_BY_NATURE	"tests/vm/conform.tsv"	/* PROGRAM.TEST, backends with commas, why */

static const char *program;

static void not_by_nature(void **state)
{
	skip();
}

static inline bool names(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; (p = strstr(p, name)); p += n)
		if ((p == list || p[-1] == ',') && (!p[n] || p[n] == ','))
			return true;
	return false;
}

/* Leaves out what the table says is not in the nature of the backend. Nonzero: the table is wrong. */
static inline int leave_out(struct CMUnitTest *t, size_t n)
{
	FILE *f = fopen(NOT_BY_NATURE, "re");
	char line[512], name[128], backends[64];
	int wrong = 0;
	size_t i;

	if (!f) {
		fprintf(stderr, "%s: %s: %s\n", program, NOT_BY_NATURE, strerror(errno));
		return 1;
	}
	while (fgets(line, sizeof(line), f)) {
		if (*line == '#' || sscanf(line, "%127[^\t]\t%63[^\t]", name, backends) != 2 ||
		    strncmp(name, program, strlen(program)) || name[strlen(program)] != '.')
			continue;
		for (i = 0; i < n && strcmp(t[i].name, name + strlen(program) + 1); i++)
			;
		if (i == n) {
			fprintf(stderr, "%s: no such test: %s\n", NOT_BY_NATURE, name);
			wrong = 1;
		} else if (over && names(backends, over->name)) {
			t[i].test_func = not_by_nature;
			t[i].setup_func = t[i].teardown_func = NULL;
		}
	}
	fclose(f);
	return wrong;
}

#define run_group(t, setup, teardown)	node_run(t, sizeof(t) / sizeof((t)[0]), setup, teardown)

static inline int node_run(const struct CMUnitTest *tests, size_t n, CMFixtureFunction setup,
			   CMFixtureFunction teardown)
{
	struct CMUnitTest t[64];

	if (n > sizeof(t) / sizeof(t[0]))
		return 1;
	memcpy(t, tests, n * sizeof(t[0]));
	if (leave_out(t, n))
		return 1;
	return _cmocka_run_group_tests("tests", t, n, setup, teardown);
}

static inline int node_main(const char *name, int argc, char **argv, int (*tests)(void))
{
	static const struct cr_backend *const backends[] = { &cr_backend_usb, &cr_backend_pcsc, &sim_backend };
	int failed;

	program = name;
	if (argc > 2 && !strcmp(argv[1], "--backend")) {
		for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
			if (!strcmp(argv[2], backends[i]->name))
				over = backends[i];
		argc = over ? argc - 2 : 0;
		argv += 2;
	}
	if (argc < 1) {
		fprintf(stderr, "usage: %s [--backend usb|pcsc|sim] [TEST]\n", name);
		return 2;
	}
	if (!by_sim() && (access("/sys/devices/platform/vhci_hcd.0/status", R_OK) ||
			  !access("/sys/module/cardring", F_OK) != by_module())) {
		fprintf(stderr, "%s: vhci_hcd must be loaded, and cardring %s\n", name, by_module() ? "too" : "not");
		return 77;
	}
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	failed = tests();
	for (unsigned int i = 0; i < sizeof(plugged) / sizeof(plugged[0]); i++)
		if (plugged[i])
			detach(plugged[i]);
	return failed;
}

#endif
