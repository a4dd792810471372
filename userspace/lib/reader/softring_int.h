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
#include "memring.h"
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

struct soft_entry {
	struct cr_memring_entry *taken;
	uint32_t epoch;		/* of its slot when it was taken */
	bool linked;		/* the entry before links to it */
	bool done;
};

struct softring {
	struct cr_memring mem;	/* first: programs hold this */
	struct cr_softreader *reader;
	struct softring *next;
	struct cr_memring_entry *taken;	/* sq_entries of them */
	struct soft_entry *queue;	/* as many */
	unsigned int queued;
	uint8_t *scratch;		/* for responses that nobody wants */
	size_t map_size;
};

extern const struct cr_ring_ops cr_softring_ops;

/* Each with the lock held. */
int cr_soft_exec(struct cr_softreader *reader, struct cr_soft_cmd *cmd);
int cr_soft_wait(struct cr_softreader *reader, const struct timespec *until);	/* until NULL: for ever */
void cr_soft_until(struct timespec *until, int timeout_ms);
void cr_softreader_unref_locked(struct cr_softreader *reader);	/* unlocks */

int cr_soft_claim(cr_ring_t *ring, unsigned int slot, int timeout_ms);
int cr_soft_release(cr_ring_t *ring, unsigned int slot);
int cr_soft_slot(cr_ring_t *ring, struct cardring_slot *slot);
void cr_soft_release_locked(struct softring *r, unsigned int slot);

#endif
