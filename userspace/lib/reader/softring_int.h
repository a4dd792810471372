/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What softreader.c (slots, claims, events) and softring.c (ENTER) share. All of it is guarded by
 * the reader's lock; the lock is let go while a command runs, and exec_lock keeps commands of
 * several rings apart. exec_lock is never waited for with the lock held.
 */
#ifndef CR_READER_SOFTRING_INT_H
#define CR_READER_SOFTRING_INT_H

#include <pthread.h>
#include <time.h>
#include "softring.h"

struct soft_slot {
	bool present, powered;
	bool stale;		/* the claim's card is gone: nothing but POWER_ON passes */
	uint32_t epoch;		/* counts what made claims stale: what was queued before it must not run */
	uint64_t generation;
	struct softring *owner;
};

struct cr_softreader {
	pthread_mutex_t lock, exec_lock;
	pthread_cond_t changed;	/* a claim given back, an event posted */
	unsigned int refs;
	struct cardring_info dev;
	const struct cr_soft_ops *ops;
	void *arg;
	bool gone;
	struct softring *rings;
	struct soft_slot slots[CARDRING_MAX_SLOTS];
};

/* An entry taken from the submission ring: the private copy that everything is decided on. */
struct soft_entry {
	struct cardring_sqe sqe;
	int refused;		/* -errno of an entry found malformed */
	uint32_t epoch;		/* of its slot when it was taken */
	bool linked;		/* the entry before links to it */
	bool done;
};

struct softring {
	struct cr_ring ring;	/* first: programs hold this */
	struct cr_softreader *reader;
	struct softring *next;
	int evfd;
	uint32_t sq_head, cq_tail;	/* ours; the header's are for the program */
	struct soft_entry *queue;	/* sq_entries of them */
	unsigned int queued;
	unsigned int pending;		/* of queue: not completed yet, each owns a place in the cq */
	struct cardring_cqe *events;	/* waiting for room in the completion ring */
	size_t n_events, events_size;
	uint8_t *scratch;		/* for responses that nobody wants */
	size_t map_size;
};

extern const struct cr_ring_ops cr_softring_ops;

/* Each with the lock held. */
void cr_soft_flush_events(struct softring *r);
void cr_soft_complete(struct softring *r, const struct cardring_cqe *cqe);
int cr_soft_exec(struct cr_softreader *reader, struct cr_soft_cmd *cmd);
int cr_soft_wait(struct cr_softreader *reader, const struct timespec *until);	/* until NULL: for ever */
void cr_soft_until(struct timespec *until, int timeout_ms);
void cr_softreader_unref_locked(struct cr_softreader *reader);	/* unlocks */

int cr_soft_claim(cr_ring_t *ring, unsigned int slot, int timeout_ms);
int cr_soft_release(cr_ring_t *ring, unsigned int slot);
int cr_soft_slot(cr_ring_t *ring, struct cardring_slot *slot);
void cr_soft_release_locked(struct softring *r, unsigned int slot);

#endif
