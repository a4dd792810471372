// SPDX-License-Identifier: BSD-2-Clause
/* Programs that mean harm or make mistakes: garbage in every call, every field and every shared byte. */
#include <linux/capability.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "node.h"

static struct reader shared;	/* two slots at once, short APDUs: small buffers */

static int plug_shared(void **state)
{
	plug(&shared, &(struct vreader_config){ .slots = 2, .busy_slots = 2, .level = VREADER_SHORT });
	return 0;
}

static int unplug_shared(void **state)
{
	unplug(&shared);
	return 0;
}

static uint32_t seed = 12345;	/* the same run every time */

static uint32_t any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static const uint32_t odd[] = { 0, 1, 2, 3, 7, 63, 64, 4095, 4096, 4097, 65535, 65536, 0x7FFFFFFF, 0x80000000,
				0x80000001, 0xFFFFFFF0, 0xFFFFFFFE, 0xFFFFFFFF };
#define ODDS	(sizeof(odd) / sizeof(odd[0]))

static const unsigned long calls[] = {
	CARDRING_IOC_INFO, CARDRING_IOC_SETUP, CARDRING_IOC_ENTER, CARDRING_IOC_CLAIM, CARDRING_IOC_RELEASE,
	CARDRING_IOC_SLOT, CARDRING_IOC_EVENTFD,
};
#define CALLS	(sizeof(calls) / sizeof(calls[0]))

static bool reads(unsigned long cmd)
{
	return cmd != CARDRING_IOC_INFO;
}

static void bad_pointers_are_efault(void **state)
{
	long page = sysconf(_SC_PAGESIZE);
	uint8_t *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct node n;

	fault(&shared, "clear");
	node_open(&n, &shared);
	assert_int_equal(mprotect(two + page, page, PROT_NONE), 0);
	for (size_t i = 0; i < CALLS; i++) {
		size_t size = _IOC_SIZE(calls[i]);
		void *const bad[] = { NULL, (void *)1, (void *)-1L, (void *)0xFFFF888000000000, two + page,
				      two + page - size + 1, two + page - 1 };

		for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
			assert_int_equal(ctl(n.fd, calls[i], bad[k]), -EFAULT);
	}
	/* what cannot be told to the caller has not happened */
	mprotect(two, page, PROT_READ);
	for (size_t i = 0; i < CALLS; i++)
		if (_IOC_DIR(calls[i]) == (_IOC_READ | _IOC_WRITE) && calls[i] != CARDRING_IOC_SETUP)
			assert_int_equal(ctl(n.fd, calls[i], two), -EFAULT);
	node_close(&n);
	n.fd = node_open_fd(shared.index);
	assert_int_equal(ctl(n.fd, CARDRING_IOC_SETUP, two), -EFAULT);
	node_setup(&n, 0, 0, 0);
	node_close(&n);
	munmap(two, 2 * page);
}

static void unknown_calls_are_enotty(void **state)
{
	unsigned char arg[512] = { 0 };
	struct node n;

	node_open(&n, &shared);
	for (unsigned int nr = 7; nr < 256; nr++)
		assert_int_equal(ctl(n.fd, _IOWR(CARDRING_IOC_MAGIC, nr, struct cardring_info), arg), -ENOTTY);
	for (size_t i = 0; i < CALLS; i++) {
		assert_int_equal(ctl(n.fd, calls[i] ^ 1UL << 16, arg), -ENOTTY);	/* another size */
		assert_int_equal(ctl(n.fd, calls[i] ^ 1UL << 30, arg), -ENOTTY);	/* another direction */
		assert_int_equal(ctl(n.fd, calls[i] ^ 0x0100, arg), -ENOTTY);		/* another magic */
	}
	assert_int_equal(read(n.fd, arg, 10), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(write(n.fd, arg, 10), -1);
	assert_int_equal(errno, EINVAL);
	node_close(&n);
}

static void reserved_fields_must_be_zero(void **state)
{
	struct cardring_eventfd ev = { .fd = -1, .flags = 1 };
	struct cardring_claim c = { 0 };
	struct cardring_enter e = { 0 };
	struct cardring_setup s = { 0 };
	struct node n;
	int fd;

	fd = node_open_fd(shared.index);
	s.flags = 1;
	assert_int_equal(ctl(fd, CARDRING_IOC_SETUP, &s), -EINVAL);
	for (unsigned int i = 0; i < 2; i++) {
		s = (struct cardring_setup){ 0 };
		s.resv[i] = 1ULL << 63;
		assert_int_equal(ctl(fd, CARDRING_IOC_SETUP, &s), -EINVAL);
	}
	/* no rings yet */
	assert_int_equal(ctl(fd, CARDRING_IOC_ENTER, &e), -EINVAL);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), MAP_FAILED);
	close(fd);
	node_open(&n, &shared);
	s = (struct cardring_setup){ 0 };
	assert_int_equal(ctl(n.fd, CARDRING_IOC_SETUP, &s), -EBUSY);
	e.flags = 1;
	assert_int_equal(ctl(n.fd, CARDRING_IOC_ENTER, &e), -EINVAL);
	e = (struct cardring_enter){ .timeout_ms = -2 };
	assert_int_equal(ctl(n.fd, CARDRING_IOC_ENTER, &e), -EINVAL);
	c.flags = 1;
	assert_int_equal(ctl(n.fd, CARDRING_IOC_CLAIM, &c), -EINVAL);
	assert_int_equal(ctl(n.fd, CARDRING_IOC_RELEASE, &c), -EINVAL);
	c = (struct cardring_claim){ .resv = 1 };
	assert_int_equal(ctl(n.fd, CARDRING_IOC_CLAIM, &c), -EINVAL);
	assert_int_equal(ctl(n.fd, CARDRING_IOC_RELEASE, &c), -EINVAL);
	c = (struct cardring_claim){ .timeout_ms = -2 };
	assert_int_equal(ctl(n.fd, CARDRING_IOC_CLAIM, &c), -EINVAL);
	assert_int_equal(ctl(n.fd, CARDRING_IOC_EVENTFD, &ev), -EINVAL);
	ev = (struct cardring_eventfd){ .fd = -2 };
	assert_int_equal(ctl(n.fd, CARDRING_IOC_EVENTFD, &ev), -EINVAL);
	node_close(&n);
}

static void setup_is_bounded(void **state)
{
	struct cardring_setup s;
	struct node n;

	for (size_t i = 0; i < ODDS; i++)
		for (size_t j = 0; j < ODDS; j++) {
			uint32_t want[3] = { odd[i], odd[j], odd[any() % ODDS] };
			long r;

			n.fd = node_open_fd(shared.index);
			s = (struct cardring_setup){ .entries = want[0], .buffers = want[1], .buf_size = want[2] };
			r = ctl(n.fd, CARDRING_IOC_SETUP, &s);
			if (want[0] > CARDRING_MAX_ENTRIES || want[1] > CARDRING_MAX_BUFFERS)
				assert_int_equal(r, -EINVAL);
			if (r) {
				assert_true(r == -EINVAL || r == -ENOMEM);
			} else {
				assert_true(s.entries >= want[0] && (s.entries & (s.entries - 1)) == 0);
				assert_true(s.buf_size >= want[2] && s.buffers >= want[1]);
				assert_true(s.map_size >= (uint64_t)s.buffers * (s.buf_size + CARDRING_HDR_ROOM));
				assert_true(s.map_size <= 256u << 20);
			}
			close(n.fd);
		}
}

static void every_call_takes_garbage(void **state)
{
	struct node n;

	node_open(&n, &shared);
	for (unsigned int i = 0; i < 3000; i++) {
		unsigned long cmd = calls[i % CALLS];
		union {
			uint32_t w[128];
			struct cardring_enter e;
			struct cardring_claim c;
		} arg;
		long r;

		for (size_t k = 0; k < 128; k++)
			arg.w[k] = any() % 3 ? odd[any() % ODDS] : any();
		/* what may wait, does not wait long */
		if (cmd == CARDRING_IOC_ENTER)
			arg.e.timeout_ms = any() % 4 ? 0 : 1;
		if (cmd == CARDRING_IOC_CLAIM)
			arg.c.timeout_ms = 0;
		r = ctl(n.fd, cmd, &arg);
		assert_true(r >= -133);
		assert_true(reads(cmd) || r == 0);
	}
	node_close(&n);
	node_card(&n, &shared);
	works(&n, 0);
	node_close(&n);
}

static void hostile_entries_are_refused(void **state)
{
	static const struct { struct cardring_sqe sqe; int result; } t[] = {
		{ { .opcode = CARDRING_OP_XFER, .flags = 4 }, -EINVAL },
		{ { .opcode = CARDRING_OP_XFER, .flags = 0x8000 }, -EINVAL },
		{ { .opcode = CARDRING_OP_XFER, .resv0 = 1 }, -EINVAL },
		{ { .opcode = CARDRING_OP_XFER, .resv = { 0, 0, 0, 0, 1 } }, -EINVAL },
		{ { .opcode = CARDRING_OP_NOP, .resv = { 1 } }, -EINVAL },
		{ { .opcode = CARDRING_OP_XFER, .deadline_ms = CARDRING_MAX_DEADLINE_MS + 1 }, -EINVAL },
		{ { .opcode = CARDRING_OP_XFER, .deadline_ms = 0xFFFFFFFF }, -EINVAL },
		{ { .opcode = CARDRING_OP__COUNT }, -EOPNOTSUPP },
		{ { .opcode = 255 }, -EOPNOTSUPP },
		{ { .opcode = CARDRING_OP_XFER, .slot = 2 }, -EINVAL },
		{ { .opcode = CARDRING_OP_XFER, .slot = 255 }, -EINVAL },
		{ { .opcode = CARDRING_OP_XFER, .slot = 1 }, -EACCES },
		{ { .opcode = CARDRING_OP_XFER, .tx_len = 5, .tx_buf = 16 }, -EFAULT },
		{ { .opcode = CARDRING_OP_XFER, .tx_len = 5, .tx_buf = 0xFFFFFFFF }, -EFAULT },
		{ { .opcode = CARDRING_OP_XFER, .tx_len = 5, .tx_off = 502 }, -EFAULT },
		{ { .opcode = CARDRING_OP_XFER, .tx_len = 5, .tx_off = 0xFFFFFFFF }, -EFAULT },
		{ { .opcode = CARDRING_OP_XFER, .tx_len = 503 }, -EFAULT },
		{ { .opcode = CARDRING_OP_XFER, .tx_len = 0xFFFFFFFF }, -EFAULT },
		{ { .opcode = CARDRING_OP_XFER, .tx_len = 0xFFFFFFFF, .tx_off = 2 }, -EFAULT },
		{ { .opcode = CARDRING_OP_XFER, .tx_len = 0x80000000, .tx_off = 0x80000000 }, -EFAULT },
		{ { .opcode = CARDRING_OP_XFER, .tx_len = 262 }, -EMSGSIZE },
		{ { .opcode = CARDRING_OP_XFER, .rx_buf = 16 }, -EFAULT },
		{ { .opcode = CARDRING_OP_XFER, .rx_buf = 0x7FFFFFFF }, -EFAULT },
		{ { .opcode = CARDRING_OP_XFER, .rx_len = 503 }, -EFAULT },
		{ { .opcode = CARDRING_OP_XFER, .rx_len = 0xFFFFFFFF }, -EFAULT },
		{ { .opcode = CARDRING_OP_POWER_ON, .param = { 4 } }, -EINVAL },
		{ { .opcode = CARDRING_OP_POWER_ON, .param = { 0, 1 } }, -EINVAL },
		{ { .opcode = CARDRING_OP_POWER_ON, .tx_len = 1 }, -EINVAL },
		{ { .opcode = CARDRING_OP_POWER_OFF, .param = { 1 } }, -EINVAL },
		{ { .opcode = CARDRING_OP_SLOT_STATUS, .param = { 0, 0, 1 } }, -EINVAL },
		{ { .opcode = CARDRING_OP_SLOT_STATUS, .flags = CARDRING_SQE_EXPECT_SW }, -EINVAL },
		{ { .opcode = CARDRING_OP_NOP, .flags = CARDRING_SQE_EXPECT_SW }, -EINVAL },
		{ { .opcode = CARDRING_OP_T0_APDU, .flags = CARDRING_SQE_EXPECT_SW }, -EINVAL },
		{ { .opcode = CARDRING_OP_NOP, .tx_len = 1 }, -EINVAL },
		{ { .opcode = CARDRING_OP_ABORT, .param = { 1 } }, -EINVAL },
		{ { .opcode = CARDRING_OP_ABORT, .tx_len = 1 }, -EINVAL },
	};
	struct cardring_cqe c;
	struct node n;

	node_card(&n, &shared);
	assert_int_equal(n.setup.buf_size, 502);
	assert_int_equal(n.setup.buffers <= 16, 1);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct cardring_sqe sqe = t[i].sqe;

		sqe.user_data = 0xFEDCBA9876543210 + i;
		c = run(&n, &sqe);
		if (c.result != t[i].result)
			fail_msg("entry %zu: %d", i, c.result);
		assert_true(c.user_data == sqe.user_data);
		assert_int_equal(c.slot, sqe.slot);
	}
	works(&n, 0);
	/* the far end of the last buffer is in */
	memcpy(node_buf(&n, n.setup.buffers - 1) + 497, "\0\xB0\0\0\x40", 5);
	c = run(&n, &(struct cardring_sqe){ .opcode = CARDRING_OP_XFER, .tx_buf = n.setup.buffers - 1,
					    .tx_off = 497, .tx_len = 5, .rx_buf = n.setup.buffers - 1,
					    .rx_len = 502 });
	assert_int_equal(c.result, 66);
	node_close(&n);
}

static void entries_of_random_bytes_do_no_harm(void **state)
{
	struct node n;

	node_card(&n, &shared);
	for (unsigned int i = 0; i < 3000; i++) {
		struct cardring_sqe sqe;
		uint32_t w[sizeof(sqe) / 4];

		for (size_t k = 0; k < sizeof(sqe) / 4; k++)
			w[k] = any() % 4 ? odd[any() % ODDS] : any();
		memcpy(&sqe, w, sizeof(sqe));
		if (any() % 2) {	/* further than the first check */
			sqe.opcode = any() % (CARDRING_OP__COUNT + 1);
			sqe.slot = any() % 3;
			sqe.flags &= 3;
			sqe.deadline_ms = 1 + any() % 20;
			sqe.resv0 = 0;
			memset(sqe.resv, 0, sizeof(sqe.resv));
			if (any() % 2) {
				sqe.tx_buf %= 16;
				sqe.tx_off %= 503;
				sqe.tx_len %= 300;
				sqe.rx_buf %= 16;
				sqe.rx_len %= 503;
				memset(sqe.param, 0, sizeof(sqe.param));
			}
		} else {
			sqe.deadline_ms %= 50;
		}
		sqe.user_data = i;
		push(&n, &sqe);
		assert_int_equal(enter(&n, 1, 1, NODE_MS), 1);
		assert_int_equal(reap(&n).user_data, i);
	}
	fault(&shared, "clear");
	power_on(&n, 0);
	works(&n, 0);
	node_close(&n);
}

static void map_is_one_shape_only(void **state)
{
	long page = sysconf(_SC_PAGESIZE);
	struct node n;
	uint8_t *p;

	node_open(&n, &shared);
	assert_ptr_equal(mmap(NULL, n.setup.map_size - page, PROT_READ, MAP_SHARED, n.fd, 0), MAP_FAILED);
	assert_ptr_equal(mmap(NULL, n.setup.map_size + page, PROT_READ, MAP_SHARED, n.fd, 0), MAP_FAILED);
	assert_ptr_equal(mmap(NULL, 1UL << 40, PROT_READ, MAP_SHARED, n.fd, 0), MAP_FAILED);
	assert_ptr_equal(mmap(NULL, n.setup.map_size, PROT_READ, MAP_SHARED, n.fd, page), MAP_FAILED);
	assert_ptr_equal(mmap(NULL, n.setup.map_size, PROT_READ, MAP_SHARED, n.fd, ~0UL << 12), MAP_FAILED);
	assert_ptr_equal(mmap(NULL, n.setup.map_size, PROT_READ, MAP_PRIVATE, n.fd, 0), MAP_FAILED);
	assert_ptr_equal(mmap(NULL, n.setup.map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, n.fd, 0), MAP_FAILED);
	assert_ptr_equal(mmap(NULL, n.setup.map_size, PROT_READ | PROT_EXEC, MAP_SHARED, n.fd, 0), MAP_FAILED);
	assert_int_equal(errno, EPERM);
	assert_int_equal(mprotect(n.map, page, PROT_READ | PROT_EXEC), -1);
	assert_int_equal(errno, EACCES);
	assert_ptr_equal(mremap(n.map, n.setup.map_size, n.setup.map_size + page, MREMAP_MAYMOVE), MAP_FAILED);
	/* a second map shows the same memory, a part of it may go, and it may move */
	p = mmap(NULL, n.setup.map_size, PROT_READ, MAP_SHARED, n.fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	node_buf(&n, 3)[7] = 0x77;
	assert_int_equal(p[node_buf(&n, 3) + 7 - n.map], 0x77);
	munmap(p, page);
	munmap(p + page, n.setup.map_size - page);
	assert_int_equal(node_claim(&n, 0, 0), 0);
	power_on(&n, 0);
	works(&n, 0);
	/* of a fresh file every byte but the header is zero */
	p = malloc(n.setup.map_size);
	node_close(&n);
	node_open(&n, &shared);
	memset(p, 0, n.setup.map_size);
	assert_memory_equal(n.map + n.hdr->arena_off, p, n.setup.map_size - n.hdr->arena_off);
	free(p);
	node_close(&n);
}

/* ---- scribbling ---- */

struct scribble { struct node *n; _Atomic bool stop; unsigned int mode; };

static void *scribble(void *arg)
{
	struct scribble *s = arg;
	struct cardring_ring_hdr *h = s->n->hdr;
	uint32_t x = 99, *w = (uint32_t *)s->n->map;
	size_t words = s->n->setup.map_size / 4;

	while (!s->stop) {
		for (unsigned int i = 0; i < 2000; i++) {
			x = x * 1664525 + 1013904223;
			switch (s->mode) {
			case 0:		/* everything */
				w[(x >> 4) % words] = x & 8 ? x : odd[x % ODDS];
				break;
			case 1:		/* the header page's indices, and what only the module writes */
				w[(x >> 8) % (sizeof(*h) / 4)] = x & 8 ? x >> 3 : odd[x % ODDS];
				break;
			case 2:		/* header room and payload of the buffers in use */
				w[(h->arena_off < s->n->setup.map_size - 4096 ? h->arena_off : 12288) / 4 +
				  (x >> 8) % 1024] = x;
				break;
			case 3:		/* the entries */
				w[1024 + (x >> 8) % 1024] = x & 8 ? x >> 20 : 0;
				break;
			}
		}
		sched_yield();
	}
	return NULL;
}

/*
 * One file's memory is written over by another thread while it works; the other file's commands, on the other slot
 * of the same reader, all go right. Indices are this thread's own copies: it cannot trust the shared ones.
 */
static void scribbling_spoils_ones_own_results_only(void **state)
{
	struct cardring_sqe sqe;
	struct node n, m;

	for (unsigned int mode = 0; mode < 4; mode++) {
		struct scribble s = { .n = &n, .mode = mode };
		struct cardring_ring_hdr at;
		uint64_t end, good = 0, from = 0;
		pthread_t thread;

		fault(&shared, "clear");
		node_open(&m, &shared);
		node_slot(&m, 1);
		assert_int_equal(node_claim(&m, 1, NODE_MS), 0);
		power_on(&m, 1);
		node_card(&n, &shared);
		at = *n.hdr;
		seen(&shared, 0, &from);
		assert_int_equal(pthread_create(&thread, NULL, scribble, &s), 0);
		for (end = now_ms() + 1500; now_ms() < end;) {
			struct cardring_sqe *sq = (void *)(n.map + at.sq_off);

			for (uint32_t i = 0; i < 8; i++) {
				sqe = (struct cardring_sqe){ .deadline_ms = 20, .tx_len = 5, .rx_buf = 1 };
				sqe.opcode = i & 1 ? CARDRING_OP_XFER : CARDRING_OP_POWER_ON;
				sqe.tx_len = i & 1 ? 5 : 0;
				sq[(at.sq_tail + i) & (at.sq_entries - 1)] = sqe;
			}
			memcpy(n.map + at.arena_off + CARDRING_HDR_ROOM, "\0\xB0\0\0\x40", 5);
			at.sq_tail += 8;
			__atomic_store_n(&n.hdr->sq_tail, at.sq_tail, __ATOMIC_RELEASE);
			enter(&n, 8, 0, 0);
			__atomic_store_n(&n.hdr->cq_head, n.hdr->cq_tail, __ATOMIC_RELEASE);

			sqe = sqe_apdu(&m, 1, 0, "\0\xB0\0\0\x64", 5);
			push(&m, &sqe);
			enter(&m, 1, 1, NODE_MS);
			assert_int_equal(reap(&m).result, 102);
			for (unsigned int i = 0; i < 100; i++)
				assert_int_equal(node_buf(&m, 1)[i], vcard_echo_byte(i));
			good++;
		}
		s.stop = true;
		pthread_join(thread, NULL);
		assert_true(good > 3);
		/* not one message that is none */
		for (unsigned int type = 0; type < 256; type++) {
			uint64_t same = from;

			if (type < PC_SET_PARAMETERS || (type > PC_SET_RATE_CLOCK && type < RDR_DATA_BLOCK))
				assert_int_equal(seen(&shared, type, &same), 0);
		}
		node_close(&n);
		node_close(&m);
		node_card(&n, &shared);
		works(&n, 0);
		node_close(&n);
	}
}

/* The last bSeq that went to the slot. */
static uint8_t last_seq(struct reader *rd, uint8_t slot)
{
	struct vreader_stamp st[VREADER_STAMPS];
	uint64_t total;
	size_t have = vreader_usb_stamps(rd->usb, 0, st, VREADER_STAMPS, &total);

	while (have--)
		if (!st[have].in && st[have].slot == slot)
			return st[have].seq;
	fail_msg("nothing was sent to slot %u", slot);
	return 0;
}

enum { FORGED = 502, REST = 200 };	/* dwLength that makes one packet, and what follows that packet */

/*
 * An answer that is longer than its buffer fills the buffer and goes on. In the program's memory its dwLength can be
 * made to say that it ends there; the rest, which the card was told to send, would be the next answer: here an ATR for
 * the command with this bSeq. (It is the reader that lies here, which leaves the same bytes there as a thread of the
 * program that writes them in time.)
 */
static void forge_next_answer(struct node *n, struct reader *rd, uint8_t slot, uint8_t seq)
{
	enum { LEN = FORGED + REST - 2 };
	const uint8_t apdu[] = { 0, 0x88, 0, 0, 0, LEN >> 8, LEN & 0xFF };
	const uint8_t forged[CARDRING_HDR_ROOM] = { RDR_DATA_BLOCK, REST - CARDRING_HDR_ROOM, 0, 0, 0, slot, seq };
	struct cardring_sqe sqe;
	uint8_t *p = node_buf(n, 0);

	memcpy(p, apdu, sizeof(apdu));
	memset(p + sizeof(apdu), 0x3B, LEN);
	memcpy(p + sizeof(apdu) + FORGED, forged, sizeof(forged));
	p[sizeof(apdu) + LEN] = p[sizeof(apdu) + LEN + 1] = 0;
	sqe = (struct cardring_sqe){ .opcode = CARDRING_OP_XFER, .tx_len = sizeof(apdu) + LEN + 2, .rx_buf = 1,
				     .rx_len = 1 };
	fault(rd, "length delta=-200");
	assert_true(run(n, &sqe).result < 0);
}

static struct cardring_cqe power(struct node *n, uint8_t slot, uint8_t *atr)
{
	struct cardring_sqe sqe = sqe_op(CARDRING_OP_POWER_ON, slot);
	struct cardring_cqe c;

	sqe.rx_buf = 0;
	c = run(n, &sqe);
	assert_in_range(c.result, 6, 33);
	memcpy(atr, node_buf(n, 0), c.result);
	return c;
}

static void answer_of_another_slot_cannot_be_forged(void **state)
{
	const struct vreader_config cfg = { .slots = 2, .busy_slots = 1 };
	uint8_t atr[33], again[33];
	struct reader rd;
	struct node n, m;

	plug(&rd, &cfg);
	node_open(&m, &rd);
	node_slot(&m, 1);
	assert_int_equal(node_claim(&m, 1, 0), 0);
	power(&m, 1, atr);
	node_card(&n, &rd);
	for (unsigned int i = 0; i < 3; i++) {
		int len;

		forge_next_answer(&n, &rd, 1, last_seq(&rd, 1) + 1);
		len = power(&m, 1, again).result;
		assert_memory_equal(again, atr, len);
		works(&m, 1);
		power_on(&n, 0);
		works(&n, 0);
	}
	assert_int_equal(counter(&rd, "resets"), 0);
	node_close(&n);
	node_close(&m);
	unplug(&rd);
}

static void answer_of_the_next_claimant_cannot_be_forged(void **state)
{
	const struct vreader_config cfg = { 0 };
	uint8_t atr[33], again[33];
	struct reader rd;
	struct node n, m;

	plug(&rd, &cfg);
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t from = 0;
		int len;

		node_card(&n, &rd);
		power(&n, 0, atr);
		node_open(&m, &rd);
		/* bStatus says that no card is there: none to power off, and the claimant's POWER_ON comes next */
		fault(&rd, "status value=2");
		forge_next_answer(&n, &rd, 0, last_seq(&rd, 0) + 2);
		node_close(&n);
		assert_int_equal(node_claim(&m, 0, NODE_MS), 0);
		seen(&rd, 0, &from);
		len = power(&m, 0, again).result;
		assert_memory_equal(again, atr, len);
		works(&m, 0);
		node_close(&m);
	}
	assert_int_equal(counter(&rd, "resets"), 0);
	unplug(&rd);
}

/* The header that the program writes into a buffer's header room is not what goes out. */
static void header_room_is_not_sent(void **state)
{
	struct cardring_sqe sqe;
	uint64_t from = 0;
	struct node n;

	node_card(&n, &shared);
	seen(&shared, 0, &from);
	memset(node_buf(&n, 0) - CARDRING_HDR_ROOM, PC_ESCAPE, CARDRING_HDR_ROOM);
	sqe = sqe_apdu(&n, 0, 0, "\0\xB0\0\0\x64", 5);
	assert_int_equal(run(&n, &sqe).result, 102);
	assert_int_equal(seen(&shared, PC_XFR_BLOCK, &from), 1);
	node_close(&n);
}

/* ---- privileges: each in a child, which gives up what it may not have ---- */

static int drop(int cap)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d))
		return -1;
	d[cap / 32].effective &= ~(1U << cap % 32);
	return syscall(SYS_capset, &h, d);
}

static void in_child(int (*run_it)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(run_it());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		fail_msg("in a child: line %d", WEXITSTATUS(status));
}

/* For children: cmocka's assertions are the parent's. The exit code is the line, where that fits in it. */
#define REQUIRE(x)	do { if (!(x)) { dprintf(2, "# line %d: %s\n", __LINE__, #x); return 1; } } while (0)

static int escapes_without_rawio(void)
{
	struct cardring_sqe sqe;
	struct cardring_cqe c;
	struct node n;

	/* the reader's thread is the parent's: nothing here may touch shared.usb */
	node_open(&n, &shared);
	node_slot(&n, 0);
	REQUIRE(!node_claim(&n, 0, NODE_MS));
	power_on(&n, 0);
	REQUIRE(!drop(CAP_SYS_RAWIO));
	sqe = sqe_apdu(&n, 0, 0, "vendor", 6);
	sqe.opcode = CARDRING_OP_ESCAPE;
	c = run(&n, &sqe);
	REQUIRE(c.result == -EPERM);
	sqe = sqe_op(CARDRING_OP_MECHANICAL, 0);
	c = run(&n, &sqe);
	REQUIRE(c.result == -EPERM);
	sqe = sqe_apdu(&n, 0, 0, "\0\xB0\0\0\x64", 5);
	c = run(&n, &sqe);
	REQUIRE(c.result == 102);
	node_close(&n);
	return 0;
}

static void vendor_messages_need_rawio(void **state)
{
	struct cardring_sqe sqe;
	struct node n;

	in_child(escapes_without_rawio);
	node_card(&n, &shared);
	sqe = sqe_apdu(&n, 0, 0, "vendor", 6);
	sqe.opcode = CARDRING_OP_ESCAPE;
	assert_int_equal(run(&n, &sqe).result, 6);
	assert_memory_equal(node_buf(&n, 1), "vendor", 6);
	sqe = sqe_op(CARDRING_OP_MECHANICAL, 0);
	sqe.param[0] = 1;
	assert_int_equal(run(&n, &sqe).result, -EREMOTEIO);	/* the reader has no motor, and was asked */
	node_close(&n);
}

static unsigned long locked_kb(void)
{
	unsigned long n = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f) && sscanf(line, "VmLck: %lu", &n) != 1)
		;
	if (f)
		fclose(f);
	return n;
}

static int setup_within_a_limit(void)
{
	const struct rlimit lim = { 128 << 10, 128 << 10 };
	struct cardring_setup s = { .buffers = 64, .buf_size = 4000 };
	int fd = node_open_fd(shared.index), more[32];
	uint64_t size;
	unsigned int i;

	REQUIRE(fd >= 0 && !drop(CAP_IPC_LOCK) && !setrlimit(RLIMIT_MEMLOCK, &lim));
	REQUIRE(ctl(fd, CARDRING_IOC_SETUP, &s) == -ENOMEM);
	REQUIRE(locked_kb() == 0);
	s = (struct cardring_setup){ .entries = 8, .buffers = 4 };
	REQUIRE(ctl(fd, CARDRING_IOC_SETUP, &s) == 0);
	size = s.map_size;
	REQUIRE(locked_kb() == size >> 10);
	for (i = 0; i < 32; i++) {
		more[i] = node_open_fd(shared.index);
		s = (struct cardring_setup){ .entries = 8, .buffers = 4 };
		if (ctl(more[i], CARDRING_IOC_SETUP, &s) != 0)
			break;
	}
	REQUIRE(i < 32 && (i + 2) * size > lim.rlim_cur && (i + 1) * size <= lim.rlim_cur);
	for (unsigned int k = 0; k <= i; k++)
		close(more[k]);
	close(fd);
	REQUIRE(locked_kb() == 0);
	return 0;
}

static int setup_dies_with_it(void)
{
	struct cardring_setup s = { 0 };
	int fd = node_open_fd(shared.index);

	REQUIRE(ctl(fd, CARDRING_IOC_SETUP, &s) == 0 && locked_kb());
	return 0;	/* closed when the address space is gone already */
}

static void memory_is_charged_and_given_back(void **state)
{
	in_child(setup_within_a_limit);
	in_child(setup_dies_with_it);
	assert_int_equal(locked_kb(), 0);
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		NODE_TEST(bad_pointers_are_efault),
		NODE_TEST(unknown_calls_are_enotty),
		NODE_TEST(reserved_fields_must_be_zero),
		NODE_TEST(setup_is_bounded),
		NODE_TEST(every_call_takes_garbage),
		NODE_TEST(hostile_entries_are_refused),
		NODE_TEST(entries_of_random_bytes_do_no_harm),
		NODE_TEST(map_is_one_shape_only),
		NODE_TEST(scribbling_spoils_ones_own_results_only),
		NODE_TEST(answer_of_another_slot_cannot_be_forged),
		NODE_TEST(answer_of_the_next_claimant_cannot_be_forged),
		NODE_TEST(header_room_is_not_sent),
		NODE_TEST(vendor_messages_need_rawio),
		NODE_TEST(memory_is_charged_and_given_back),
	};

	return run_group(t, plug_shared, unplug_shared);
}

int main(int argc, char **argv)
{
	return node_main("hostile", argc, argv, tests);
}
