/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The libusb backend: what cardring.ko does, in the program itself, for readers that no module drives. The rules
 * are those of the ABI (uapi/cardring.h) and of kernel/: one command a slot, chains that go on in the completion of
 * the last transfer, deadlines with time extension, aborts on both pipes, resets that are bounded, claims that go
 * stale with their card. Only the bus is another.
 *
 *   usb_find.c     readers in sysfs, who holds them; the backend's table
 *   usb_reader.c   opening and closing a reader, and the thread that helps it
 *   usb_device.c   libusb's part in that
 *   usb_loop.c     who handles libusb's events, and waiting
 *   usb_ring.c     the ring's calls
 *   usb_slot.c     queues and claims: which command is next
 *   usb_exec.c     one command: from an entry to a message, from the answer to a completion
 *   usb_bulk.c     transfers
 *   usb_recover.c  whatever did not go well
 *   usb_card.c     what is in the slots, and how that is learned
 *
 * A reader is opened once a process, whatever the number of rings on it; another process finds it busy. It has a
 * libusb context of its own, so that no reader waits for another, and one lock for all that changes. The lock is
 * never held where something blocks, but for libusb_cancel_transfer.
 */
#ifndef CR_READER_USB_INT_H
#define CR_READER_USB_INT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <libusb-1.0/libusb.h>
#include "ccid/descriptor.h"
#include "ccid/message.h"
#include "reader/memring.h"

#define USB_MS		1000000ULL	/* ns */
#define USB_ABORT_CAP_MS 10000		/* while the reader still sends */
#define USB_NEVER	UINT64_MAX

struct usb_reader;
struct usb_ring;

/* One command, from the entry to its completion. */
struct usb_req {
	STAILQ_ENTRY(usb_req) link;
	struct usb_ring *ring;		/* whose it is; NULL: the backend's own */
	struct cardring_sqe sqe;
	int refused;			/* -errno found when it was taken */
	uint8_t voltages;		/* bits of bVoltageSupport still to try */
	uint64_t start;
	struct cardring_cqe cqe;
};
STAILQ_HEAD(usb_reqs, usb_req);

/* One that waits for a slot; on its stack. */
struct usb_claimant {
	TAILQ_ENTRY(usb_claimant) link;
	struct usb_ring *ring;
	int result;			/* -EINPROGRESS: still waits */
};

/*
 *             usb_exec()                    answer
 *   USB_IDLE ------------> USB_COMMAND -------------------> USB_IDLE
 *                              | deadline, ABORT, card out, bus error
 *                              v        answer to the abort
 *                         USB_ABORTING -------------------> USB_IDLE
 *                              | no answer
 *                              v        reset done
 *                         USB_RESETTING ------------------> USB_IDLE
 */
enum usb_phase { USB_IDLE, USB_COMMAND, USB_ABORTING, USB_RESETTING };

enum { USB_WANT_STATUS = 1, USB_WANT_OFF = 2 };

struct usb_slot {
	struct usb_reader *reader;
	uint8_t index;

	struct usb_reqs queue, aborts;	/* aborts wait for the end of cur */
	bool linked;			/* what completed last was linked to the queue's first */
	bool purge;			/* the card is gone: what is queued behind cur ends too */
	enum usb_phase phase;
	struct usb_req *cur;		/* in USB_COMMAND only */
	struct usb_req own;
	unsigned int want;		/* what the backend itself wants to do: USB_WANT_* */

	uint8_t seq;			/* bSeq of what was sent last */
	uint8_t given_up_seq;
	bool given_up_answered, given_up_own;
	bool abort_heard, abort_refused;
	bool abort_waits;		/* its message, until bulk-out's halt is cleared */
	bool expired;			/* the abort could not be sent, or had no answer in time */
	bool unsync;			/* the answer of a command that was given up may still come */

	struct libusb_transfer *tx, *control;
	bool tx_busy, tx_canceled, control_busy;
	bool tx_shared;			/* tx goes from the arena */
	uint8_t *tx_buf;
	size_t tx_size;
	uint8_t setup[LIBUSB_CONTROL_SETUP_SIZE];

	bool answered;			/* the answer overtook the end of tx */
	int answer;
	int stop;			/* -errno that cur shall end with; 0 */
	uint64_t stop_at;
	int late;			/* -errno at the deadline: -ETIMEDOUT unless the card went */
	uint64_t deadline, hard_deadline;

	uint8_t state, announced;	/* enum cardring_slot_state */
	bool taken_over;		/* what a program before this one had begun there was ended, once */
	bool learning;			/* it has not said its state since it was opened */
	bool fresh;			/* the first notification tells the past, until fresh_until */
	uint64_t fresh_until;
	bool notified;			/* since cur was sent: what its answer says of the card may be older */
	uint64_t generation;

	struct usb_ring *owner;
	bool stale, powered, leaving;
	TAILQ_HEAD(, usb_claimant) claimants;
};

/* Bulk-in: one message at a time, for all slots. */
struct usb_rx {
	struct libusb_transfer *transfer;
	uint8_t *buf;
	size_t size;
	bool posted, canceled;
	bool hold;			/* until bulk-in's halt is cleared, or an error's time has gone by: */
	uint64_t hold_until;
	struct usb_slot *direct;	/* it goes into this one's program's buffer */
	uint8_t *dst;
	size_t room, have;		/* what exceeds room is only counted */
	bool header_known;
	struct cr_ccid_header header;
	unsigned int drops;		/* stray messages in a row */
};

/* What blocks, and so is done by the helper, without the lock. */
enum { USB_CLEAR_IN = 1, USB_CLEAR_OUT = 2, USB_CLEAR_INTERRUPT = 4, USB_RESET = 8, USB_RECLAIM = 16 };

struct usb_reader {
	LIST_ENTRY(usb_reader) link;	/* usb_reader.c's list, and its lock: */
	unsigned int refs;
	bool settling;			/* being opened or closed */

	char name[64];			/* of the interface in sysfs: "1-2:1.0" */
	struct cr_ccid_interface itf;
	struct cardring_info info;
	libusb_context *ctx;
	libusb_device_handle *handle;
	int node;			/* of usbfs, under handle; -1 */
	bool unplugged;			/* as the thread saw that handled events last; looked at behind that */
	bool module;			/* cardring.ko was there before us, and did not have it */
	pthread_t helper;
	bool helped;			/* helper runs */

	pthread_mutex_t lock;		/* all from here on */
	bool gone;
	bool lost;			/* the bus says so; gone when every transfer is back */
	bool stopped;			/* nothing may be submitted */
	bool closing, quit;
	unsigned int outstanding;	/* transfers that libusb has */
	unsigned int busy;		/* slots not idle */
	unsigned int turn;		/* slot that is asked first */
	bool halted_in, halted_out;
	unsigned int failed_aborts, reset_tries;	/* in a row, no answer between */
	unsigned int jobs;		/* USB_CLEAR_IN, ... */
	struct usb_rx rx;
	struct libusb_transfer *interrupt;
	uint8_t *interrupt_buf;
	bool interrupt_posted;
	unsigned int interrupt_backoff;	/* ms */
	uint64_t interrupt_at, poll_at;	/* when to try again, to ask; USB_NEVER */
	LIST_HEAD(, usb_ring) rings;

	/* usb_loop.c */
	bool pumping;			/* a thread handles libusb's events */
	bool helper_pumps;		/* it is the helper */
	uint64_t pump_until;
	uint64_t looked;		/* when the last look at the events began */
	uint64_t pumped;		/* when a program's thread did so last */
	unsigned int wanting;		/* program's threads that wait, or would handle events */
	unsigned int polled;		/* rings with a descriptor that somebody polls */
	uint32_t changes;		/* futex: something may have come */
	unsigned int sleepers;
	uint32_t nudges;		/* futex of the helper */
	bool napping;

	struct usb_slot slot[];
};

struct usb_ring {
	struct cr_memring mem;		/* first: programs hold this */
	struct usb_reader *reader;
	LIST_ENTRY(usb_ring) link;
	struct cr_memring_entry *taken;	/* sq_entries of them */
	struct usb_req *reqs;		/* cq_entries of them */
	struct usb_reqs free;
	size_t map_size;
	bool device_memory;		/* the map is usbfs's: transfers from and into it are not copied */
};

/* usb_find.c */

/* Its name in sysfs and what it is, of a path. 0 or enum cr_error. */
int cr_usb_resolve(const char *path, char *name, size_t size, struct cr_ccid_interface *itf,
		   struct cardring_info *info);
/* Is cardring.ko loaded? */
bool cr_usb_module(void);
/* The path of a device's usbfs node. */
void cr_usb_node(const struct cardring_info *info, char *out, size_t size);

/* usb_reader.c */

/* A reference. 0 or enum cr_error. */
int cr_usb_open(const char *path, struct usb_reader **out);
void cr_usb_close(struct usb_reader *r);
/* What is in its slots, if this process has it open: true, and at most max of them. */
bool cr_usb_peek(const char *name, struct cardring_slot *slots, unsigned int max);
int cr_usb_error(int libusb);		/* enum cr_error */

/* usb_device.c */

/* Sets r->node, ctx and handle, by r->info. 0 or enum cr_error; what it got until then is cr_usb_device_close's. */
int cr_usb_device_open(struct usb_reader *r);
void cr_usb_device_close(struct usb_reader *r);

/* usb_loop.c; all but now() with the lock held */

uint64_t cr_usb_now(void);		/* ns */
/* Waits until something may have come, or until then. 0, -ETIME or -EINTR. */
int cr_usb_wait(struct usb_reader *r, uint64_t until);
void cr_usb_wake(struct usb_reader *r);	/* who waits in it */
void cr_usb_look(struct usb_reader *r);	/* what has come since somebody looked, without waiting */
void cr_usb_leave(struct usb_reader *r);	/* behind each call of a program: who goes on? */
void cr_usb_nudge(struct usb_reader *r);	/* the helper has a job */
void cr_usb_sooner(struct usb_reader *r, uint64_t at);	/* whoever handles events must look then */
int cr_usb_pump(struct usb_reader *r, uint64_t until, bool helper);
void cr_usb_nap(struct usb_reader *r, uint64_t until);

/* usb_ring.c */
int cr_usb_ring_new(struct usb_reader *r, const struct cr_ring_params *params, cr_ring_t **out);
void cr_usb_complete(struct usb_req *req);	/* its cqe is filled in, but for what the entry says */

/* usb_slot.c */
void cr_usb_slot_init(struct usb_reader *r, unsigned int index);
void cr_usb_kick(struct usb_reader *r);		/* starts whatever may start */
void cr_usb_finish(struct usb_slot *s, int result);
void cr_usb_purge(struct usb_slot *s, int err);
int cr_usb_claim(struct usb_ring *ring, unsigned int slot, int timeout_ms);
int cr_usb_release(struct usb_ring *ring, unsigned int slot);
void cr_usb_claimants_gone(struct usb_reader *r);

/* usb_exec.c */
void cr_usb_exec(struct usb_slot *s, struct usb_req *req);
void cr_usb_answer(struct usb_slot *s, const struct cr_ccid_header *h);

/* usb_bulk.c */
int cr_usb_submit(struct usb_reader *r, struct libusb_transfer *t);	/* 0 or -errno of the ABI */
int cr_usb_tx(struct usb_slot *s, const struct usb_req *req);	/* header and payload of it; 0 or -errno */
int cr_usb_tx_abort(struct usb_slot *s);
void cr_usb_tx_cancel(struct usb_slot *s);
void cr_usb_rx_arm(struct usb_reader *r);
void cr_usb_rx_cancel(struct usb_reader *r);
void cr_usb_rx_reset(struct usb_reader *r);
void LIBUSB_CALL cr_usb_tx_done(struct libusb_transfer *t);
void LIBUSB_CALL cr_usb_rx_done(struct libusb_transfer *t);

/* usb_recover.c */
void cr_usb_stop(struct usb_slot *s, int err, unsigned int delay_ms);
void cr_usb_abort_more_time(struct usb_slot *s);	/* one that is being told of an abort */
void cr_usb_abort(struct usb_slot *s);		/* an idle slot, of which the reader says that it is not */
void cr_usb_stop_all(struct usb_reader *r, int err, unsigned int delay_ms);
void cr_usb_halted_out(struct usb_slot *s);
void cr_usb_lost(struct usb_reader *r);		/* the device is gone */
void cr_usb_cut(struct usb_reader *r);		/* somebody else took our transfers back */
void cr_usb_service(struct usb_reader *r);	/* what the clock brings, and what callbacks left to do */
uint64_t cr_usb_next(const struct usb_reader *r);	/* when it has something to do */
void cr_usb_job(struct usb_reader *r);		/* the helper's; without the lock */
void cr_usb_cancel_all(struct usb_reader *r);
void LIBUSB_CALL cr_usb_control_done(struct libusb_transfer *t);

/* usb_card.c */
void cr_usb_card_status(struct usb_slot *s, uint8_t op, uint8_t status);
void cr_usb_card_dead(struct usb_slot *s);
void cr_usb_card_unknown(struct usb_slot *s);
void cr_usb_announce(struct usb_reader *r, unsigned int slot, enum cardring_event event, uint8_t error);
void cr_usb_watch(struct usb_reader *r);
void cr_usb_watch_service(struct usb_reader *r, uint64_t now);
void LIBUSB_CALL cr_usb_interrupt_done(struct libusb_transfer *t);

#endif
