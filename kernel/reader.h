/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's nouns: reader, slot, request, and the open file's context.
 *
 * Locks, outermost first:
 *   cr_ctx.submit       one submitter of a file at a time; may sleep
 *   cr_reader.open_lock opening, closing and unplugging; may sleep
 *   cr_reader.lock      everything else that changes after probe; taken in
 *                       completion handlers, so with interrupts off
 * A field without a remark is set before anybody else sees the structure, or
 * belongs to cr_reader.lock where it says "lock".
 */
#ifndef CR_READER_H
#define CR_READER_H

#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/usb.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <uapi/cardring.h>

#include "arena.h"
#include "compat.h"
#include "descriptor.h"
#include "histogram.h"
#include "message.h"
#include "ring.h"

#define CR_STATUS_MS		1000	/* the module's own commands */
#define CR_POLL_MS		500	/* readers without interrupt endpoint */
#define CR_REMOVED_MS		100	/* for the answer to a removed card */
#define CR_SETTLE_MS		200	/* bus errors: is it being unplugged? */
#define CR_ABORT_CONTROL_MS	300
#define CR_ABORT_MS		700
#define CR_ABORT_CAP_MS		10000	/* while the reader still sends */
#define CR_RESET_MS		8000
#define CR_RESETS		3	/* in a row, without an answer */
#define CR_DROPS		64	/* stray messages in a row */
#define CR_GATHER_MIN		512	/* bytes: what is shorter is faster copied */
#define CR_FRESH_MS		500	/* the longest bInterval and some */

struct cr_ctx;
struct cr_reader;
struct cr_slot;

/**
 * struct cr_req - one command, from submission to completion
 *
 * Made at SETUP, as many as the completion ring has entries, so that having
 * one is having room for its completion.
 *
 * @node: in cr_ctx.free, in a chain being submitted, or in cr_slot.queue
 * @ctx: whose it is; NULL for the module's own
 * @user_data: of the entry
 * @tx: the payload to send, in the arena; NULL if none
 * @tx_len: its length in bytes
 * @rx: the buffer for the answer, header room first; NULL if not wanted
 * @rx_cap: payload bytes that may be put there
 * @deadline_ms: of the entry, or the default
 * @op: enum cardring_op, checked
 * @slot: of the entry
 * @flags: CARDRING_SQE_*
 * @sw: expected status word
 * @sw_mask: bits of it that count
 * @param: the message's specific bytes
 * @voltages: bPowerSelect values still to try, a bit each
 * @preset: error found at submission, reported in its turn; 0 if none
 * @start: when it went to the bus
 * @cqe: the completion being made
 */
struct cr_req {
	struct list_head node;
	struct cr_ctx *ctx;
	u64 user_data;
	const u8 *tx;
	u32 tx_len;
	u8 *rx;
	u32 rx_cap;
	u32 deadline_ms;
	u8 op;
	u8 slot;
	u16 flags;
	u16 sw;
	u16 sw_mask;
	u8 param[3];
	u8 voltages;
	int preset;
	ktime_t start;
	struct cardring_cqe cqe;
};

/**
 * enum cr_phase - what a slot's lane of the bus is doing
 * @CR_IDLE: nothing
 * @CR_COMMAND: cr_slot.cur is in flight
 * @CR_ABORTING: its command was given up; the reader is being told
 * @CR_RESETTING: the reader did not listen; a port reset is on its way
 */
enum cr_phase { CR_IDLE, CR_COMMAND, CR_ABORTING, CR_RESETTING };

#define CR_WANT_STATUS	BIT(0)		/* cr_slot.want */
#define CR_WANT_OFF	BIT(1)

/**
 * struct cr_slot - one slot of a reader
 * @reader: whose
 * @index: bSlot
 * @tx_urb: bulk-out
 * @tx_buf: what it sends, desc.max_message bytes; set once by cr_buffers(),
 *	under cr_reader.open_lock
 * @tx_sg: or, in two parts: the header, at the start of @tx_buf, and the
 *	program's buffer
 *
 * All else is under cr_reader.lock:
 *
 * @queue: requests of the claim's holder, in order
 * @aborts: ABORT requests that wait for the end of @cur
 * @linked: the request completed last was linked to the queue's first
 * @purge: with a card gone, what is queued behind @cur ends too
 * @phase: enum cr_phase
 * @cur: the request in flight; set in CR_COMMAND only
 * @own: the module's own request
 * @want: what the module itself wants to know or do: CR_WANT_*
 * @seq: bSeq of what was sent last
 * @given_up_seq: bSeq of the command that is being aborted
 * @given_up_answered: its answer came after all
 * @abort_heard: the control pipe took its half of the abort
 * @abort_waits: its message on bulk-out met a halt, and goes again behind that
 * @abort_refused: the reader does not take the other one
 * @given_up_own: it was the module's own
 * @tx_busy: @tx_urb belongs to the host controller
 * @tx_hold: the worker is killing @tx_urb: the USB core refuses it until then
 * @answered: the answer overtook the completion of @tx_urb
 * @answer: result to report then
 * @stop: errno that the worker shall end @cur with; 0: none
 * @stop_at: not before these jiffies
 * @expired: the timer ran out in CR_ABORTING or CR_RESETTING
 * @late: errno at the deadline, -ETIMEDOUT unless the card went
 * @deadline: jiffies
 * @hard_deadline: jiffies; time extensions end here, and so does an abort
 * @timer: fires at @deadline or before
 * @state: enum cardring_slot_state
 * @announced: state last told to programs (EMPTY, PRESENT), UNKNOWN: none
 * @learning: opened, and the reader has not said its state yet
 * @fresh: notifications were just turned on, until @fresh_until: the first one
 *	tells the state, not a change
 * @fresh_until: jiffies
 * @notified: the reader reported a change since @cur was sent: what the answer
 *	says of the card may be older
 * @unsync: a command was given up whose answer may still come
 * @recount: the reader slept: a card that is found there may be another
 * @generation: cards put in
 * @owner: file that holds the claim
 * @owner_pid: process that made it
 * @stale: the claim has not powered this card
 * @powered: POWER_ON was sent, whatever came of it, and no end of power is known
 * @leaving: the holder is giving it back
 * @claimants: struct cr_claimant, first come first served
 * @heard: when the holder's last command was answered; 0: nothing to measure
 *	the next one from
 */
struct cr_slot {
	struct cr_reader *reader;
	u8 index;
	struct urb *tx_urb;
	u8 *tx_buf;
	struct scatterlist tx_sg[2];

	struct list_head queue;
	struct list_head aborts;
	bool linked;
	bool purge;
	enum cr_phase phase;
	struct cr_req *cur;
	struct cr_req own;
	unsigned int want;
	u8 seq;
	u8 given_up_seq;
	bool given_up_answered;
	bool abort_heard;
	bool abort_waits;
	bool abort_refused;
	bool given_up_own;
	bool tx_busy;
	bool tx_hold;
	bool answered;
	int answer;
	int stop;
	unsigned long stop_at;
	bool expired;
	int late;
	unsigned long deadline;
	unsigned long hard_deadline;
	struct timer_list timer;

	u8 state;
	u8 announced;
	bool learning;
	bool fresh;
	unsigned long fresh_until;
	bool notified;
	bool unsync;
	bool recount;
	u64 generation;
	struct cr_ctx *owner;
	struct pid *owner_pid;
	bool stale;
	bool powered;
	bool leaving;
	struct list_head claimants;
	ktime_t heard;
};

/**
 * struct cr_rx - what comes from the reader, one message at a time
 * @urb: bulk-in; one for all slots
 * @buf: private buffer; set once by cr_buffers(), under cr_reader.open_lock
 * @size: its length, a multiple of the packet size
 *
 * All else is under cr_reader.lock:
 *
 * @posted: @urb belongs to the host controller
 * @hold: do not post it: the worker is killing it
 * @direct: slot whose program's buffer it goes to; NULL: to @buf
 * @dst: where the message begins
 * @room: bytes there
 * @have: bytes of the message received; what exceeds @room is only counted
 * @header_known: @header is that of this message
 * @header: its header, copied once to private memory and parsed there
 * @drops: stray messages in a row
 * @used: bytes of @buf that were written since it was wiped last
 */
struct cr_rx {
	struct urb *urb;
	u8 *buf;
	u32 size;
	bool posted;
	bool hold;
	struct cr_slot *direct;
	u8 *dst;
	u32 room;
	u32 have;
	bool header_known;
	struct cr_header header;
	unsigned int drops;
	u32 used;
};

/**
 * struct cr_counters - what a reader has done; cr_reader.lock
 * @commands: sent by programs
 * @bytes_tx: payload bytes sent
 * @bytes_tx_copied: of these, through the private buffer
 * @bytes_rx: payload bytes received
 * @bytes_copied: of these, through the private buffer
 * @zero_copy: answers that came straight into a program's buffer
 * @timeouts: deadlines that passed
 * @errors: commands that ended with a bus or protocol error
 * @resets: port resets
 * @strays: messages dropped that no command waited for
 * @answer_us: of commands for a card: from when they left until the answer
 * @turnaround_us: from an answer until the next command for that card left
 */
struct cr_counters {
	u64 commands;
	u64 bytes_tx;
	u64 bytes_tx_copied;
	u64 bytes_rx;
	u64 bytes_copied;
	u64 zero_copy;
	u64 timeouts;
	u64 errors;
	u64 resets;
	u64 strays;
	struct cr_histogram answer_us;
	struct cr_histogram turnaround_us;
};

/**
 * struct cr_reader - one CCID interface; lives until the last open file and
 *	the last sysfs user are gone, however early it is unplugged
 * @dev: the class device; its reference count is the reader's
 * @cdev: the node
 * @index: N of the node
 * @udev: the USB device, referenced
 * @intf: the interface; used by open files under @open_lock with !@gone
 * @interface_number: bInterfaceNumber
 * @desc: the class descriptor
 * @packet: wMaxPacketSize of bulk-in
 * @pipe_in: bulk-in
 * @pipe_out: bulk-out
 * @gather: the host controller takes a message in parts of any length
 * @name: manufacturer and product
 * @open_lock: see above
 * @opens: open files; @open_lock
 * @lock: see above
 * @gone: unplugged; written under @open_lock and @lock, read under either
 * @stopped: no URB may be submitted; lock
 * @active: a file is open: watch the slots; lock
 * @busy: slots not idle; lock
 * @turn: slot that is asked first for its next command; lock
 * @redirect: another file waits for bulk-in to leave a program's buffer; lock
 * @halted_in: clear bulk-in's halt; lock
 * @halted_out: clear bulk-out's halt, and send nothing until then; lock
 * @failed_aborts: in a row, no answer between; lock
 * @reset_tries: in a row, no answer between; lock
 * @rx: bulk-in
 * @ctxs: open files with rings; lock
 * @count: counters; lock
 * @idle: woken when a slot gets idle, its state is learned, or it is gone
 * @recover: the worker of recover.c
 * @poll: asks slots where nothing notifies
 * @intr_urb: interrupt-in; NULL: none
 * @intr_buf: its buffer
 * @intr_retry: posts it again after an error
 * @intr_halted: clear its halt first; lock
 * @intr_backoff: ms until it is posted again; lock
 * @slot: slots, desc.slots of them
 */
struct cr_reader {
	struct device dev;
	struct cdev cdev;
	int index;
	struct usb_device *udev;
	struct usb_interface *intf;
	u8 interface_number;
	struct cr_desc desc;
	u32 packet;
	unsigned int pipe_in;
	unsigned int pipe_out;
	bool gather;
	char name[128];

	struct mutex open_lock;	/* opening, closing, unplugging */
	unsigned int opens;

	spinlock_t lock;	/* all that changes after probe */
	bool gone;
	bool stopped;
	bool active;
	unsigned int busy;
	unsigned int turn;
	bool redirect;
	bool halted_in;
	bool halted_out;
	unsigned int failed_aborts;
	unsigned int reset_tries;
	struct cr_rx rx;
	struct list_head ctxs;
	struct cr_counters count;
	wait_queue_head_t idle;

	struct delayed_work recover;
	struct delayed_work poll;
	struct urb *intr_urb;
	u8 *intr_buf;
	struct delayed_work intr_retry;
	bool intr_halted;
	unsigned int intr_backoff;

	struct cr_slot slot[];
};

/**
 * struct cr_pending - events of a slot that wait for room in the ring
 * @in: CARD_IN
 * @out: CARD_OUT
 * @in_last: of both, CARD_IN is the later
 * @hardware: HARDWARE
 * @error: its code
 */
struct cr_pending {
	bool in : 1;
	bool out : 1;
	bool in_last : 1;
	bool hardware : 1;
	u8 error;
};

/**
 * struct cr_ctx - one open file
 * @reader: referenced
 * @submit: see above
 * @ready: rings and arena are there; set once, under @submit, with release
 * @ring: the rings
 * @arena: the buffers
 * @map_pages: of both; charged to @mm
 * @mm: who pays
 * @reqs: all requests
 *
 * All else is under cr_reader.lock:
 *
 * @node: in cr_reader.ctxs
 * @free: requests to take
 * @inflight: requests taken; each has a completion entry reserved
 * @wait: woken when @wake_at completions are unread
 * @waiters: sleeping in ENTER
 * @wake_at: the fewest that one of them waits for
 * @poll_wait: poll(2)
 * @eventfd: signalled at each completion; NULL: none
 * @starved: entries were left in the submission ring for want of room
 * @pending_slots: slots with something in @pending
 * @pending_reset: RESET waits for room
 * @pending_gone: GONE waits for room
 * @pending: a slot's events
 */
struct cr_ctx {
	struct cr_reader *reader;
	struct mutex submit;	/* one submitter at a time */
	bool ready;
	struct cr_ring ring;
	struct cr_arena arena;
	unsigned long map_pages;
	struct mm_struct *mm;
	struct cr_req *reqs;

	struct list_head node;
	struct list_head free;
	u32 inflight;
	wait_queue_head_t wait;
	unsigned int waiters;
	u32 wake_at;
	wait_queue_head_t poll_wait;
	struct eventfd_ctx *eventfd;
	bool starved;
	u32 pending_slots;
	bool pending_reset;
	bool pending_gone;
	struct cr_pending pending[CARDRING_MAX_SLOTS];
};

/* main.c */
extern struct workqueue_struct *cr_wq;
extern struct class *cr_class;
extern dev_t cr_devt;
extern struct ida cr_ida;
#define CR_MINORS	BIT(16)

/* usb.c */
extern struct usb_driver cr_usb_driver;
int cr_buffers(struct cr_reader *r);

/* token.c */
bool cr_is_token(struct usb_device *udev);

/* sysfs.c */
extern const struct attribute_group *cr_groups[];
const char *cr_serial(const struct cr_reader *r);

/* file.c */
extern const struct file_operations cr_fops;

/* enter.c: submission, completion's way to the program */
long cr_enter(struct cr_ctx *ctx, const struct cardring_enter *arg);
void cr_complete(struct cr_req *req);
void cr_flush_events(struct cr_ctx *ctx);
void cr_ctx_notify(struct cr_ctx *ctx);

/* slot.c: queues and the order of commands */
struct cr_slot *cr_slot_get(struct cr_reader *r, u32 index);
void cr_kick(struct cr_reader *r);
void cr_enqueue(struct cr_slot *s, struct cr_req *req);
void cr_finish(struct cr_slot *s, int result);
void cr_purge(struct cr_slot *s, int err);
void cr_slot_init(struct cr_reader *r, unsigned int index);

/* exec.c: one command on the bus */
void cr_exec(struct cr_slot *s, struct cr_req *req);
void cr_answer(struct cr_slot *s, const struct cr_header *header);
int cr_bus_errno(int err);

/* bulk.c: URBs */
int cr_tx_submit(struct cr_slot *s, const u8 *payload, u32 len);
void cr_tx_complete(struct urb *urb);
void cr_rx_arm(struct cr_reader *r);
void cr_rx_complete(struct urb *urb);
void cr_rx_reset(struct cr_reader *r);
void cr_rx_wipe(struct cr_reader *r);

/* recover.c: whatever did not go well */
void cr_set_deadline(struct cr_slot *s, unsigned long deadline);
void cr_abort_more_time(struct cr_slot *s);
void cr_stop(struct cr_slot *s, int err, unsigned int delay_ms);
void cr_halted_out(struct cr_slot *s);
void cr_stop_all(struct cr_reader *r, int err, unsigned int delay_ms);
void cr_timer(struct timer_list *timer);
void cr_recover_work(struct work_struct *work);
void cr_quiesce(struct cr_reader *r);
void cr_restart(struct cr_reader *r, bool slept);
void cr_redirect(struct cr_reader *r);
void cr_gone(struct cr_reader *r);

/* card.c: what is in the slots */
void cr_card_status(struct cr_slot *s, u8 op, u8 status);
void cr_card_present(struct cr_slot *s, bool present, bool changed);
void cr_card_dead(struct cr_slot *s);
void cr_card_unknown(struct cr_slot *s);
void cr_card_slept(struct cr_slot *s);
void cr_card_hardware(struct cr_reader *r, u8 slot, u8 error);
void cr_announce_reset(struct cr_reader *r);

/* watch.c: how the module learns of it */
void cr_watch(struct cr_reader *r);
void cr_watch_start(struct cr_reader *r);
void cr_watch_stop(struct cr_reader *r);
void cr_poll_work(struct work_struct *work);
void cr_intr_retry(struct work_struct *work);
void cr_intr_complete(struct urb *urb);

/* claim.c */
int cr_claim(struct cr_ctx *ctx, const struct cardring_claim *arg);
int cr_release(struct cr_ctx *ctx, unsigned int slot);
void cr_release_all(struct cr_ctx *ctx);
void cr_claimants_gone(struct cr_reader *r);

#endif /* CR_READER_H */
