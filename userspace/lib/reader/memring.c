// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "ccid/descriptor.h"
#include "ccid/message.h"
#include "reader/backend.h"
#include "reader/memring.h"

#define PAGE	4096u

static uint32_t pages(uint32_t bytes)
{
	return (bytes + PAGE - 1) & ~(PAGE - 1);
}

static uint32_t power_of_two(uint32_t least)
{
	uint32_t n = 1;

	while (n < least)
		n *= 2;
	return n;
}

/* As the kernel's: powers of two below a page, whole pages above. */
static uint32_t stride(uint32_t payload, uint32_t packet)
{
	uint32_t least = payload + CR_CCID_HDR;

	if (least < packet)
		least = packet;
	if (least < 64)
		least = 64;
	return least > PAGE ? pages(least) : power_of_two(least);
}

int cr_memring_plan(const struct cr_ring_params *params, uint32_t max_payload, uint32_t packet,
		    struct cr_memring_plan *plan)
{
	uint32_t entries = params && params->entries ? params->entries : CARDRING_DEF_ENTRIES;
	uint32_t buffers = params && params->buffers ? params->buffers : CARDRING_DEF_BUFFERS;
	uint32_t size = params ? params->buf_size : 0;

	if (!size)
		size = max_payload < PAGE - CR_CCID_HDR ? max_payload : PAGE - CR_CCID_HDR;
	if (entries > CARDRING_MAX_ENTRIES || buffers > CARDRING_MAX_BUFFERS ||
	    size > CR_CCID_MESSAGE_MAX - CR_CCID_HDR)
		return CR_E_INVALID;
	plan->entries = power_of_two(entries);
	plan->buffers = buffers;
	plan->stride = stride(size, packet);
	plan->size = PAGE + pages(plan->entries * (uint32_t)sizeof(struct cardring_sqe)) +
		     pages(2 * plan->entries * (uint32_t)sizeof(struct cardring_cqe)) +
		     (((size_t)buffers * plan->stride + PAGE - 1) & ~(size_t)(PAGE - 1));
	return 0;
}

int cr_memring_init(struct cr_memring *m, const struct cr_ring_ops *ops, const struct cr_memring_plan *plan,
		    void *map)
{
	struct cardring_ring_hdr *hdr = map;

	memset(m, 0, sizeof(*m));
	m->evfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->evfd < 0)
		return CR_E_NOMEM;
	hdr->abi = CARDRING_ABI_VERSION;
	hdr->sq_entries = plan->entries;
	hdr->cq_entries = 2 * plan->entries;
	hdr->sq_off = PAGE;
	hdr->cq_off = hdr->sq_off + pages(plan->entries * (uint32_t)sizeof(struct cardring_sqe));
	hdr->arena_off = hdr->cq_off + pages(2 * plan->entries * (uint32_t)sizeof(struct cardring_cqe));
	hdr->buffers = plan->buffers;
	hdr->buf_stride = plan->stride;
	cr_ring_on(&m->ring, ops, map);
	return 0;
}

void cr_memring_free(struct cr_memring *m)
{
	if (m->evfd >= 0)
		close(m->evfd);
	m->evfd = -1;
}

uint32_t cr_memring_unread(const struct cr_memring *m)
{
	/* Pairs with cr_ring_seen's release: the program has done with the entry before we reuse it. */
	return m->cq_tail - __atomic_load_n(&m->ring.hdr->cq_head, __ATOMIC_ACQUIRE);
}

uint32_t cr_memring_room(const struct cr_memring *m)
{
	uint32_t used = cr_memring_unread(m);

	if (used > m->ring.cq_entries || m->inflight > m->ring.cq_entries - used)
		return 0;
	return m->ring.cq_entries - used - m->inflight;
}

/* ---- completions and events ---- */

static void post(struct cr_memring *m, const struct cardring_cqe *cqe)
{
	m->ring.cq[m->cq_tail & (m->ring.cq_entries - 1)] = *cqe;
	m->cq_tail++;
	/* Pairs with cr_ring_peek's acquire: the completion is whole before the program sees it. */
	__atomic_store_n(&m->ring.hdr->cq_tail, m->cq_tail, __ATOMIC_RELEASE);
	if (m->polled && !m->signalled)
		m->signalled = !eventfd_write(m->evfd, 1);
}

void cr_memring_complete(struct cr_memring *m, const struct cardring_cqe *cqe)
{
	m->inflight--;
	post(m, cqe);
}

static bool post_event(struct cr_memring *m, unsigned int slot, enum cardring_event event, uint8_t error)
{
	const struct cardring_cqe cqe = {
		.flags = CARDRING_CQE_EVENT, .result = event, .slot = (uint8_t)slot, .error = error,
	};

	if (!cr_memring_room(m))
		return false;
	post(m, &cqe);
	return true;
}

static bool flush_one(struct cr_memring *m, unsigned int slot, bool *pending, enum cardring_event event)
{
	if (*pending && !post_event(m, slot, event, event == CARDRING_EVENT_HARDWARE ? m->pending[slot].error : 0))
		return false;
	*pending = false;
	return true;
}

/* Of card-in and card-out, the one that came last is written last. */
static bool flush_slot(struct cr_memring *m, unsigned int slot)
{
	struct cr_memring_pending *p = &m->pending[slot];

	if (!flush_one(m, slot, &p->hardware, CARDRING_EVENT_HARDWARE))
		return false;
	if (!(p->out && p->in_last) && !flush_one(m, slot, &p->in, CARDRING_EVENT_CARD_IN))
		return false;
	return flush_one(m, slot, &p->out, CARDRING_EVENT_CARD_OUT) &&
	       flush_one(m, slot, &p->in, CARDRING_EVENT_CARD_IN);
}

static bool flush_all(struct cr_memring *m)
{
	if (!flush_one(m, 0, &m->pending_reset, CARDRING_EVENT_RESET))
		return false;
	while (m->pending_slots) {
		unsigned int slot = (unsigned int)__builtin_ctz(m->pending_slots);

		if (!flush_slot(m, slot))
			return false;
		m->pending_slots &= ~(1u << slot);
	}
	if (!m->pending_gone || m->inflight)
		return true;
	m->gone = flush_one(m, 0, &m->pending_gone, CARDRING_EVENT_GONE);
	return m->gone;
}

void cr_memring_flush(struct cr_memring *m)
{
	bool stalled = !flush_all(m) || m->starved;

	__atomic_store_n(&m->ring.hdr->cq_stalled, stalled, __ATOMIC_RELAXED);
}

void cr_memring_event(struct cr_memring *m, unsigned int slot, enum cardring_event event, uint8_t error)
{
	struct cr_memring_pending *p = &m->pending[slot];

	switch (event) {
	case CARDRING_EVENT_CARD_IN:
		p->in = p->in_last = true;
		break;
	case CARDRING_EVENT_CARD_OUT:
		p->out = true;
		p->in_last = false;
		break;
	case CARDRING_EVENT_HARDWARE:
		p->hardware = true;
		p->error = error;
		break;
	case CARDRING_EVENT_RESET:
		m->pending_reset = true;
		break;
	case CARDRING_EVENT_GONE:
		m->pending_gone = true;
		break;
	}
	if (event != CARDRING_EVENT_RESET && event != CARDRING_EVENT_GONE)
		m->pending_slots |= 1u << slot;
	cr_memring_flush(m);
}

int cr_memring_fd(struct cr_memring *m)
{
	m->polled = true;
	cr_memring_flush(m);
	if (cr_memring_unread(m) && !m->signalled)
		m->signalled = !eventfd_write(m->evfd, 1);
	return m->evfd;
}

void cr_memring_drained(struct cr_memring *m)
{
	eventfd_t seen;

	cr_memring_flush(m);
	if (!m->signalled || m->gone || cr_memring_unread(m))
		return;
	eventfd_read(m->evfd, &seen);
	m->signalled = false;
}

/* ---- entries ---- */

static int check_tx(const struct cr_memring *m, const struct cardring_sqe *sqe, uint32_t max_payload)
{
	uint32_t room = (uint32_t)cr_ring_payload_size(&m->ring);

	if (!sqe->tx_len)
		return 0;
	if (!cr_ccid_command(sqe->opcode)->payload)
		return -EINVAL;
	if (sqe->tx_buf >= m->ring.buffers || sqe->tx_off > room || sqe->tx_len > room - sqe->tx_off)
		return -EFAULT;
	return sqe->tx_len > max_payload ? -EMSGSIZE : 0;
}

static int check_rx(const struct cr_memring *m, const struct cardring_sqe *sqe)
{
	const struct cr_ccid_command *c = cr_ccid_command(sqe->opcode);

	/* what brings no payload, or none that is wanted, needs no buffer */
	if (!c->type || c->answer == CR_CCID_SLOT_STATUS || sqe->rx_buf == CARDRING_NO_BUF)
		return 0;
	return sqe->rx_buf >= m->ring.buffers || sqe->rx_len > cr_ring_payload_size(&m->ring) ? -EFAULT : 0;
}

static bool any(const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n && !b[n - 1])
		n--;
	return n;
}

static int check(const struct cr_memring *m, const struct cardring_sqe *sqe, uint32_t max_payload)
{
	const struct cr_ccid_command *c = cr_ccid_command(sqe->opcode);
	int err;

	if (sqe->flags & ~CARDRING_SQE_FLAGS || sqe->resv0 || any(sqe->resv, sizeof(sqe->resv)) ||
	    sqe->deadline_ms > CARDRING_MAX_DEADLINE_MS)
		return -EINVAL;
	if (!c)
		return -EOPNOTSUPP;
	if (sqe->flags & CARDRING_SQE_EXPECT_SW && !c->has_sw)
		return -EINVAL;
	if (any(sqe->param + c->params, sizeof(sqe->param) - c->params) ||
	    (sqe->opcode == CARDRING_OP_POWER_ON && sqe->param[0] > 3))
		return -EINVAL;
	err = check_tx(m, sqe, max_payload);
	return err ? err : check_rx(m, sqe);
}

/* A chain stays on one slot, and has no ABORT; what breaks that fails in its turn, on the chain's slot. */
static void check_chain(const struct cr_memring_entry *before, struct cr_memring_entry *e)
{
	bool linked = before && before->sqe.flags & CARDRING_SQE_LINK;

	if (linked && e->sqe.slot != before->sqe.slot) {
		e->refused = -EINVAL;
		e->sqe.slot = before->sqe.slot;
	}
	if (e->sqe.opcode == CARDRING_OP_ABORT && (linked || e->sqe.flags & CARDRING_SQE_LINK))
		e->refused = -EINVAL;
}

uint32_t cr_memring_take(struct cr_memring *m, uint32_t want, uint32_t max_payload, struct cr_memring_entry *out)
{
	/* Pairs with cr_ring_submit's release: the entries are whole. */
	uint32_t tail = __atomic_load_n(&m->ring.hdr->sq_tail, __ATOMIC_ACQUIRE);
	uint32_t there = tail - m->sq_head, room, i, whole = 0;

	m->starved = false;
	cr_memring_flush(m);		/* events have waited longer */
	if (there > m->ring.sq_entries)
		there = m->ring.sq_entries;
	if (want > there)
		want = there;
	room = cr_memring_room(m);
	for (i = 0; i < want && i < room; i++) {
		struct cr_memring_entry *e = &out[i];

		e->sqe = m->ring.sq[(m->sq_head + i) & (m->ring.sq_entries - 1)];
		e->refused = check(m, &e->sqe, max_payload);
		check_chain(i ? e - 1 : NULL, e);
		if (i + 1 == want)
			e->sqe.flags &= (uint16_t)~CARDRING_SQE_LINK;	/* a chain is of one ENTER */
		if (!(e->sqe.flags & CARDRING_SQE_LINK))
			whole = i + 1;
	}
	m->inflight += whole;
	m->sq_head += whole;
	/* Pairs with cr_ring_sqe's acquire: the entries are copied before they are reused. */
	__atomic_store_n(&m->ring.hdr->sq_head, m->sq_head, __ATOMIC_RELEASE);
	m->starved = whole < want;
	cr_memring_flush(m);
	return whole;
}

int cr_memring_enter(struct cr_memring *m, const struct cr_memring_enter *how, unsigned int to_submit,
		     unsigned int min_complete, uint64_t until)
{
	uint32_t want = min_complete < m->ring.cq_entries ? min_complete : m->ring.cq_entries;
	unsigned int taken = 0;
	bool full = false;
	int err = 0;

	if (to_submit) {
		taken = how->gone(m) ? 0 : how->submit(m, to_submit);
		full = m->starved;
	}
	cr_memring_flush(m);
	while (!err && until && cr_memring_unread(m) < want && !how->gone(m))
		err = how->wait(m, until);
	if (how->gone(m)) {
		cr_memring_flush(m);
		err = to_submit || !want || cr_memring_unread(m) < want ? -ENODEV : 0;
	} else if (cr_memring_unread(m) >= want) {
		err = 0;	/* what came with the last change counts */
	}
	if (!err && full)
		err = -EAGAIN;
	cr_memring_drained(m);
	return taken ? (int)taken : err;
}
