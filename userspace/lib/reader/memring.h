/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring in this process's own memory: the map as the kernel lays it out (uapi/cardring.h), and the ABI's rules on
 * taking entries, room for completions, and events. For the backends that run commands themselves (softring, usb, pcsc);
 * each embeds a struct cr_memring as its first member and calls these under its own lock.
 */
#ifndef CR_READER_MEMRING_H
#define CR_READER_MEMRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cardring/reader.h>

/* What SETUP settles. */
struct cr_memring_plan {
	uint32_t entries, buffers, stride;
	size_t size;		/* of the whole map */
};

/* Events of a slot that wait for room. */
struct cr_memring_pending { bool in, out, in_last, hardware; uint8_t error; };

struct cr_memring {
	struct cr_ring ring;		/* first: programs hold this */
	uint32_t sq_head, cq_tail;	/* ours; the header's are for the program */
	uint32_t inflight;		/* entries taken and not completed: each owns a place among the completions */
	bool starved;			/* entries were left for want of room */
	int evfd;
	bool polled, signalled;		/* somebody has asked for evfd; it is readable */
	bool gone;			/* GONE was written: evfd stays readable, as a node's does */
	uint32_t pending_slots;
	bool pending_reset, pending_gone;
	struct cr_memring_pending pending[CARDRING_MAX_SLOTS];
};

/*
 * Defaults and limits as CARDRING_IOC_SETUP has them. max_payload: the reader's; packet: the least that a buffer
 * takes. 0 or CR_E_INVALID.
 */
int cr_memring_plan(const struct cr_ring_params *params, uint32_t max_payload, uint32_t packet,
		    struct cr_memring_plan *plan);
/* map: plan->size zeroed bytes, the caller's. 0 or CR_E_NOMEM; then nothing is to be freed. */
int cr_memring_init(struct cr_memring *m, const struct cr_ring_ops *ops, const struct cr_memring_plan *plan,
		    void *map);
void cr_memring_free(struct cr_memring *m);	/* not the map */

uint32_t cr_memring_unread(const struct cr_memring *m);
/* Places that no completion to come has a right to. */
uint32_t cr_memring_room(const struct cr_memring *m);

/* An entry taken from the submission ring: the private copy on which everything is decided. */
struct cr_memring_entry {
	struct cardring_sqe sqe;
	int refused;		/* -errno of an entry found malformed, to be reported in its turn; 0 */
};
/*
 * Takes up to want entries, each chain whole or not at all, and counts them in flight. They are checked, but for
 * what depends on the slot. out: sq_entries of them. Returns how many; fewer than there are: no room (starved).
 */
uint32_t cr_memring_take(struct cr_memring *m, uint32_t want, uint32_t max_payload, struct cr_memring_entry *out);
/* The completion of an entry that was taken. */
void cr_memring_complete(struct cr_memring *m, const struct cardring_cqe *cqe);

/* What a backend whose commands run by themselves does in ENTER. m: its ring. */
struct cr_memring_enter {
	unsigned int (*submit)(struct cr_memring *m, unsigned int want);	/* takes entries and starts them: how many */
	int (*wait)(struct cr_memring *m, uint64_t until);	/* for something to change: 0, -ETIME, -EINTR; may unlock */
	bool (*gone)(const struct cr_memring *m);		/* the reader */
};
/* CARDRING_IOC_ENTER, under the ring's own lock. until: as wait takes it; 0: what is there will do. */
int cr_memring_enter(struct cr_memring *m, const struct cr_memring_enter *how, unsigned int to_submit,
		     unsigned int min_complete, uint64_t until);

/* Notes an event; it is written at once if there is room, else by a later flush. GONE is the last completion. */
void cr_memring_event(struct cr_memring *m, unsigned int slot, enum cardring_event event, uint8_t error);
void cr_memring_flush(struct cr_memring *m);

/* cr_ring_ops.fd: readable while completions are unread, from now on. */
int cr_memring_fd(struct cr_memring *m);
/* cr_ring_ops.drained, and wherever completions may have been read: makes it unreadable again. */
void cr_memring_drained(struct cr_memring *m);

#endif
