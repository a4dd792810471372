/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring: the one way by which commands reach readers, on every backend.
 * Entries and completions are those of the kernel's ABI (uapi/cardring.h),
 * whose rules on order, LINK, EXPECT_SW, buffers and results hold on every
 * backend alike. One thread at a time.
 */
#ifndef CARDRING_RING_H
#define CARDRING_RING_H

#include <stddef.h>
#include <stdint.h>
#include <uapi/cardring.h>

typedef struct cr_ring cr_ring_t;

/*
 * What a backend provides; cr_ring_* call it. The first member of each
 * backend's own ring is struct cr_ring.
 */
struct cr_ring_ops {
	/* As CARDRING_IOC_ENTER: entries taken, or -errno (not enum cr_error). */
	int (*enter)(cr_ring_t *ring, unsigned int to_submit, unsigned int min_complete, int timeout_ms);
	int (*claim)(cr_ring_t *ring, unsigned int slot, int timeout_ms);	/* 0 or -errno */
	int (*release)(cr_ring_t *ring, unsigned int slot);			/* 0 or -errno */
	int (*slot)(cr_ring_t *ring, struct cardring_slot *slot);		/* 0 or -errno */
	int (*fd)(cr_ring_t *ring);	/* for poll(2): readable when completions are unread; -1 if none */
	void (*close)(cr_ring_t *ring);	/* frees everything */
	void (*drained)(cr_ring_t *ring);	/* all completions were read: fd need not be readable; may be NULL */
	/* enum cardring_level that holds with the card that is powered; NULL: the reader's, whatever the card is */
	unsigned int (*level)(cr_ring_t *ring, unsigned int slot);
};

struct cr_ring {
	const struct cr_ring_ops *ops;
	struct cardring_ring_hdr *hdr;	/* header page, shared with the backend */
	struct cardring_sqe *sq;
	struct cardring_cqe *cq;
	uint8_t *arena;
	uint32_t sq_entries, cq_entries, buffers, buf_stride;
	uint32_t sq_tail;		/* filled, not yet published */
	uint32_t cq_head;
	uint64_t enters;		/* calls of enter */
	struct cr_wait *wait;		/* the backend's; NULL: completions come inside of enter alone */
};

/* The next free entry, zeroed, or NULL when the submission ring is full. Filled, then cr_ring_submit. */
struct cardring_sqe *cr_ring_sqe(cr_ring_t *ring);
/*
 * Publishes the filled entries and enters. Entries taken (>= 0) or -errno. timeout_ms -1: for ever. How it waits for
 * min_complete is chosen by cr_ring_set_spin; what it returns is the same.
 */
int cr_ring_submit(cr_ring_t *ring, unsigned int min_complete, int timeout_ms);

/*
 * A wait may look at the completion ring for a short while before it sleeps in the kernel: a completion that comes
 * within some tens of microseconds is then seen without a sleep and a wake-up. It takes a CPU meanwhile.
 */
enum cr_spin {
	CR_SPIN_AUTO = 0,	/* the default: where the waits of this ring show that it pays, and where there is something
				 * to spare: never if the thread has one CPU only, or the machine runs on its battery (which
				 * is looked up now and then). Time spent in vain is at most 1/32 of the time waited, and four
				 * times max_us; a card whose answers take 20 times max_us or more is never looked for */
	CR_SPIN_OFF = 1,	/* each wait sleeps at once */
	CR_SPIN_ON = 2,		/* each wait looks for max_us, whatever came of it before */
};
#define CR_SPIN_MAX_US	1000000U

/*
 * max_us: how long a wait looks at most, in microseconds, up to CR_SPIN_MAX_US; 0: 50, about what a sleep and a wake-up
 * cost. 0 or -EINVAL. Forgets what was learnt. A ring whose backend runs commands inside of the call (the virtual card's)
 * has nothing to look for, and takes every choice without effect. A signal that comes while a wait looks does not end it
 * (-EINTR tells of those that come while it sleeps): what must stop then sets a timeout.
 */
int cr_ring_set_spin(cr_ring_t *ring, enum cr_spin how, unsigned int max_us);
/* The oldest unread completion or NULL; stays valid until cr_ring_seen. */
const struct cardring_cqe *cr_ring_peek(cr_ring_t *ring);
void cr_ring_seen(cr_ring_t *ring);
/* Payload of a buffer, and how many bytes it takes. */
uint8_t *cr_ring_payload(cr_ring_t *ring, uint32_t buffer);
size_t cr_ring_payload_size(const cr_ring_t *ring);
int cr_ring_fd(cr_ring_t *ring);
/*
 * A slot for this ring alone, until it is released or the ring closed: without it no entry for the slot is taken. 0 or -errno as
 * CARDRING_IOC_CLAIM: -EBUSY if another holds it and has not let go in timeout_ms (0: at once, -1: for ever).
 */
int cr_ring_claim(cr_ring_t *ring, unsigned int slot, int timeout_ms);
/* Gives it back; its card is powered off. 0 or -errno: -EACCES if this ring does not have it. */
int cr_ring_release(cr_ring_t *ring, unsigned int slot);
void cr_ring_close(cr_ring_t *ring);	/* NULL is fine */

#endif
