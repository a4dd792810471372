/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * cardring: USB smart-card readers (CCID) through shared rings.
 *
 * The whole contract between the module and programs. One node per CCID
 * interface: /dev/cardringN.
 *
 * A program's life with a reader
 * ------------------------------
 *  1. open(2) the node; CARDRING_IOC_INFO tells what the reader is.
 *  2. CARDRING_IOC_SETUP, once a file: makes the rings and the arena.
 *  3. mmap(2) offset 0, map_size bytes, PROT_READ|PROT_WRITE, MAP_SHARED.
 *  4. CARDRING_IOC_CLAIM takes a slot for this file alone.
 *  5. Fill submission entries, store-release sq_tail, CARDRING_IOC_ENTER.
 *  6. Load-acquire cq_tail, read completions, store-release cq_head.
 *  7. close(2), or the process's death, gives back everything: commands in
 *     flight are cancelled, cards this file powered are powered off before
 *     another file gets the slot.
 *
 * Memory map: header page (struct cardring_ring_hdr), then at the offsets it
 * names the submission ring, the completion ring and the arena of buffers.
 *
 * Buffers: buffer i starts at arena_off + i * buf_stride. Its first
 * CARDRING_HDR_ROOM bytes are room for the CCID message header and belong to
 * the module (their content is undefined for programs); the payload (the
 * message's abData) starts behind them and takes up to
 * buf_stride - CARDRING_HDR_ROOM bytes. Entries address payload only. A
 * buffer that an entry in flight names must not be touched until that entry
 * has completed; touching it spoils that entry's bytes and nothing else.
 *
 * Order: entries for one slot run in the order submitted, one at a time;
 * entries for different slots run at once, up to bMaxCCIDBusySlots.
 * CARDRING_OP_ABORT alone overtakes what is queued.
 *
 * Cards: a slot's card must be powered by this claim before XFER, SECURE and
 * the parameter commands are taken (-ENOMEDIUM else). When the card is taken
 * out, or the reader was reset or lost power, the claim goes stale: all that
 * is queued, whatever it is, and all that follows and needs a card completes
 * with -ENOMEDIUM until POWER_ON succeeds again. So no command reaches another
 * card by accident.
 *
 * Results (cqe.result): >= 0 payload bytes in the rx buffer, else -errno:
 *   -EINVAL      the entry is malformed (which field: see each)
 *   -EFAULT      a buffer index or range outside of the arena
 *   -EACCES      the slot is not claimed by this file
 *   -EPERM       ESCAPE, MECHANICAL or vendor messages without CAP_SYS_RAWIO
 *   -ENOMEDIUM   no card, or the claim is stale (see above)
 *   -ENODEV      the reader was unplugged or the driver unbound
 *   -ETIMEDOUT   the deadline passed; the command was aborted
 *   -ECANCELED   a linked entry before this one failed, or ABORT, or close
 *   -EBADMSG     EXPECT_SW: the status word differs (the response is in the
 *                buffer; sw holds what came; bytes is its length)
 *   -EPROTO      the reader answered with a malformed or unexpected message
 *   -EREMOTEIO   the reader reported failure: status and error are its
 *                bStatus and bError (CCID 1.1, 6.2.6)
 *   -EMSGSIZE    the response is longer than the rx buffer, or the command
 *                longer than the reader takes
 *   -EOPNOTSUPP  an opcode this reader or module does not have
 *   -EIO         the bus failed
 *   -ESHUTDOWN   the reader was suspended or reset while this was in flight
 */
#ifndef _UAPI_CARDRING_H
#define _UAPI_CARDRING_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define CARDRING_ABI_VERSION	1
#define CARDRING_HDR_ROOM	10	/* CCID 1.1, 6: every message's header */

/* Limits of SETUP; 0 in a field asks for the default. */
#define CARDRING_MAX_ENTRIES	4096
#define CARDRING_DEF_ENTRIES	64
#define CARDRING_MAX_BUFFERS	4096
#define CARDRING_DEF_BUFFERS	12
#define CARDRING_MAX_SLOTS	32	/* slots of one interface that are served */

#define CARDRING_MIN_DEADLINE_MS	1
#define CARDRING_DEF_DEADLINE_MS	5000	/* sqe.deadline_ms == 0 */
#define CARDRING_MAX_DEADLINE_MS	600000
/*
 * Time extension (bStatus 0x80): each restarts the deadline, until this
 * many times the deadline has gone by since the command began.
 */
#define CARDRING_EXTENSION_CAP		60

/**
 * enum cardring_op - what an entry asks for
 * @CARDRING_OP_NOP: nothing; completes in its turn (slot must be claimed)
 * @CARDRING_OP_XFER: PC_to_RDR_XfrBlock; param[0] bBWI, param[1..2]
 *	wLevelParameter, little-endian
 * @CARDRING_OP_POWER_ON: PC_to_RDR_IccPowerOn; param[0] bPowerSelect
 *	(0 automatic, 1 5 V, 2 3 V, 3 1.8 V); response: the ATR. With 0 on a
 *	reader without automatic voltage selection the module tries the
 *	voltages that the descriptor lists, lowest first (5 V if it lists none)
 * @CARDRING_OP_POWER_OFF: PC_to_RDR_IccPowerOff
 * @CARDRING_OP_SLOT_STATUS: PC_to_RDR_GetSlotStatus
 * @CARDRING_OP_GET_PARAMS: PC_to_RDR_GetParameters; response: the protocol
 *	data structure, cqe.param its bProtocolNum
 * @CARDRING_OP_RESET_PARAMS: PC_to_RDR_ResetParameters
 * @CARDRING_OP_SET_PARAMS: PC_to_RDR_SetParameters; param[0] bProtocolNum
 * @CARDRING_OP_SECURE: PC_to_RDR_Secure; param as in XFER. -EOPNOTSUPP where
 *	the reader has no keypad (bPINSupport 0). Who types a PIN takes longer
 *	than any card: set deadline_ms
 * @CARDRING_OP_ESCAPE: PC_to_RDR_Escape; needs CAP_SYS_RAWIO
 * @CARDRING_OP_ICC_CLOCK: PC_to_RDR_IccClock; param[0] bClockCommand
 * @CARDRING_OP_T0_APDU: PC_to_RDR_T0APDU; param[0] bmChanges,
 *	param[1] bClassGetResponse, param[2] bClassEnvelope
 * @CARDRING_OP_MECHANICAL: PC_to_RDR_Mechanical; param[0] bFunction; needs
 *	CAP_SYS_RAWIO
 * @CARDRING_OP_SET_RATE_CLOCK: PC_to_RDR_SetDataRateAndClockFrequency
 * @CARDRING_OP_ABORT: ends the command in flight on the slot and drops what
 *	this file has queued behind it (each completes with -ECANCELED);
 *	result 0, or -EALREADY if there was nothing. Overtakes the queue.
 * @CARDRING_OP__COUNT: how many there are; not part of the ABI
 */
enum cardring_op {
	CARDRING_OP_NOP			= 0,
	CARDRING_OP_XFER		= 1,
	CARDRING_OP_POWER_ON		= 2,
	CARDRING_OP_POWER_OFF		= 3,
	CARDRING_OP_SLOT_STATUS		= 4,
	CARDRING_OP_GET_PARAMS		= 5,
	CARDRING_OP_RESET_PARAMS	= 6,
	CARDRING_OP_SET_PARAMS		= 7,
	CARDRING_OP_SECURE		= 8,
	CARDRING_OP_ESCAPE		= 9,
	CARDRING_OP_ICC_CLOCK		= 10,
	CARDRING_OP_T0_APDU		= 11,
	CARDRING_OP_MECHANICAL		= 12,
	CARDRING_OP_SET_RATE_CLOCK	= 13,
	CARDRING_OP_ABORT		= 14,
	CARDRING_OP__COUNT
};

/*
 * sqe.flags
 * LINK: the next entry (same slot) starts only if this one succeeded; if not,
 * the rest of the chain completes with -ECANCELED. A chain ends with the
 * first entry without LINK, or the last one that an ENTER takes.
 * EXPECT_SW: success also needs (status word & sw_mask) == sw. XFER and SECURE
 * only (-EINVAL else).
 */
#define CARDRING_SQE_LINK	(1U << 0)
#define CARDRING_SQE_EXPECT_SW	(1U << 1)
#define CARDRING_SQE_FLAGS	(CARDRING_SQE_LINK | CARDRING_SQE_EXPECT_SW)

/**
 * struct cardring_sqe - one submission entry, 64 bytes, written by programs
 * @opcode: enum cardring_op
 * @slot: slot number, 0 up
 * @flags: CARDRING_SQE_*
 * @deadline_ms: from the start of this command to its response;
 *	0 for CARDRING_DEF_DEADLINE_MS
 * @user_data: comes back in the completion, untouched
 * @tx_buf: buffer that holds the payload to send
 * @tx_off: where in its payload area the payload starts, in bytes
 * @tx_len: payload length in bytes; 0 and tx_buf, tx_off ignored for commands
 *	without payload
 * @rx_buf: buffer for the response's payload (always from its beginning);
 *	CARDRING_NO_BUF for commands whose response payload is not wanted
 * @rx_len: at most so many payload bytes; 0 for all the buffer takes
 * @sw: expected status word, e.g. 0x9000
 * @sw_mask: bits of it that count, e.g. 0xffff
 * @param: the message's three specific bytes (enum cardring_op)
 * @resv0: must be zero
 * @resv: must be zero
 */
struct cardring_sqe {
	__u8	opcode;
	__u8	slot;
	__u16	flags;
	__u32	deadline_ms;
	__u64	user_data;
	__u32	tx_buf;
	__u32	tx_off;
	__u32	tx_len;
	__u32	rx_buf;
	__u32	rx_len;
	__u16	sw;
	__u16	sw_mask;
	__u8	param[3];
	__u8	resv0;
	__u32	resv[5];
};

#define CARDRING_NO_BUF		0xffffffffU

/*
 * cqe.flags
 * EVENT: no entry's completion; result is enum cardring_event, slot the slot,
 *	user_data 0.
 * COPIED: the response came through a private buffer (not zero-copy).
 * EXTENDED: the card asked for time extension at least once.
 */
#define CARDRING_CQE_EVENT	(1U << 0)
#define CARDRING_CQE_COPIED	(1U << 1)
#define CARDRING_CQE_EXTENDED	(1U << 2)

/**
 * struct cardring_cqe - one completion entry, 32 bytes, written by the module
 * @user_data: of the submission entry
 * @result: see "Results" above; for EVENT: enum cardring_event
 * @sw: the response's last two bytes (XFER, SECURE with 2 bytes or more),
 *	else 0
 * @status: bStatus of the reader's last answer (CCID 1.1, 6.2.6)
 * @error: bError of the reader's last answer
 * @flags: CARDRING_CQE_*
 * @bytes: payload bytes in the rx buffer, also where result is -EBADMSG
 * @param: the response's specific byte (bChainParameter, bClockStatus,
 *	bProtocolNum)
 * @slot: slot number
 * @resv: zero
 * @time_us: microseconds from submission to the bus until the response
 */
struct cardring_cqe {
	__u64	user_data;
	__s32	result;
	__u16	sw;
	__u8	status;
	__u8	error;
	__u32	flags;
	__u32	bytes;
	__u8	param;
	__u8	slot;
	__u16	resv;
	__u32	time_us;
};

/**
 * enum cardring_event - cqe.result where CARDRING_CQE_EVENT is set
 * @CARDRING_EVENT_CARD_IN: a card is in the slot
 * @CARDRING_EVENT_CARD_OUT: the slot is empty
 * @CARDRING_EVENT_HARDWARE: RDR_to_PC_HardwareError; cqe.error its code
 * @CARDRING_EVENT_RESET: the reader was reset or resumed: claims are stale
 * @CARDRING_EVENT_GONE: the reader was unplugged; the last completion
 */
enum cardring_event {
	CARDRING_EVENT_CARD_IN	= 1,
	CARDRING_EVENT_CARD_OUT	= 2,
	CARDRING_EVENT_HARDWARE	= 3,
	CARDRING_EVENT_RESET	= 4,
	CARDRING_EVENT_GONE	= 5,
};

/**
 * struct cardring_ring_hdr - the first page of the map
 * @abi: CARDRING_ABI_VERSION
 * @sq_entries: size of the submission ring, a power of two
 * @cq_entries: size of the completion ring, a power of two, 2 * sq_entries
 * @sq_off: offset of the submission ring in the map, in bytes
 * @cq_off: offset of the completion ring
 * @arena_off: offset of buffer 0
 * @buffers: number of buffers
 * @buf_stride: bytes from one buffer to the next
 * @resv: zero
 * @sq_head: consumed up to here; written by the module
 * @resv1: zero
 * @sq_tail: filled up to here; written by programs (store-release)
 * @resv2: zero
 * @cq_head: read up to here; written by programs (store-release)
 * @resv3: zero
 * @cq_tail: completed up to here; written by the module (store-release)
 * @cq_stalled: nonzero while submission waits for room in the completion ring
 *	or an event waits for it: read completions, then ENTER
 * @resv4: zero
 *
 * Indices run freely and are taken modulo the ring's size. The module keeps
 * its own copy of everything here but sq_tail and cq_head: what a program
 * writes elsewhere changes nothing but its own view.
 */
struct cardring_ring_hdr {
	__u32	abi;
	__u32	sq_entries;
	__u32	cq_entries;
	__u32	sq_off;
	__u32	cq_off;
	__u32	arena_off;
	__u32	buffers;
	__u32	buf_stride;
	__u32	resv[8];
	__u32	sq_head;
	__u32	resv1[15];
	__u32	sq_tail;
	__u32	resv2[15];
	__u32	cq_head;
	__u32	resv3[15];
	__u32	cq_tail;
	__u32	cq_stalled;
	__u32	resv4[14];
};

/* CCID 1.1, 5.1, dwFeatures bits 16 to 18; the exchange level. */
enum cardring_level {
	CARDRING_LEVEL_CHARACTER	= 0,
	CARDRING_LEVEL_TPDU		= 1,
	CARDRING_LEVEL_SHORT_APDU	= 2,
	CARDRING_LEVEL_EXTENDED_APDU	= 4,
};

/**
 * struct cardring_info - CARDRING_IOC_INFO
 * @abi: CARDRING_ABI_VERSION
 * @index: N of /dev/cardringN
 * @vendor: idVendor
 * @product: idProduct
 * @bcd_device: bcdDevice
 * @interface_number: bInterfaceNumber
 * @resv0: zero
 * @slots: number of slots served
 * @busy_slots: commands at once (bMaxCCIDBusySlots; a firmware's 0 means 1)
 * @level: enum cardring_level
 * @max_message: dwMaxCCIDMessageLength, header included, in bytes
 * @max_payload: the longest payload one message may carry, in bytes
 * @features: dwFeatures
 * @has_interrupt: the reader reports card changes; else they are polled for
 * @flags: zero
 * @speed: 1 low, 2 full, 3 high, 5 super, 6 super plus (enum usb_device_speed)
 * @resv1: zero
 * @busnum: USB bus
 * @devnum: USB device on it
 * @descriptor: the CCID class descriptor as read (CCID 1.1, table 5.1-1)
 * @resv2: zero
 * @name: "manufacturer product", UTF-8, NUL-terminated
 * @serial: iSerialNumber's string, may be empty
 */
struct cardring_info {
	__u32	abi;
	__u32	index;
	__u16	vendor;
	__u16	product;
	__u16	bcd_device;
	__u8	interface_number;
	__u8	resv0;
	__u32	slots;
	__u32	busy_slots;
	__u32	level;
	__u32	max_message;
	__u32	max_payload;
	__u32	features;
	__u32	has_interrupt;
	__u32	flags;
	__u32	speed;
	__u32	resv1;
	__u32	busnum;
	__u32	devnum;
	__u8	descriptor[54];
	__u8	resv2[10];
	char	name[128];
	char	serial[64];
};

/**
 * struct cardring_setup - CARDRING_IOC_SETUP, once a file (-EBUSY after)
 * @entries: in: submission entries wanted, rounded up to a power of two;
 *	out: what it is
 * @buffers: in: buffers wanted; out: what it is
 * @buf_size: in: payload bytes a buffer must take (0: max_payload, bounded to
 *	4 KiB); out: what it takes (buf_stride - CARDRING_HDR_ROOM)
 * @flags: must be zero
 * @map_size: out: bytes to mmap
 * @resv: must be zero
 *
 * The memory is pinned and charged to RLIMIT_MEMLOCK (-ENOMEM beyond it).
 */
struct cardring_setup {
	__u32	entries;
	__u32	buffers;
	__u32	buf_size;
	__u32	flags;
	__u64	map_size;
	__u64	resv[2];
};

/**
 * struct cardring_enter - CARDRING_IOC_ENTER; the only call on the hot path
 * @to_submit: take up to so many entries from the submission ring
 * @min_complete: then wait until so many completions are unread
 * @timeout_ms: wait at most so long; -1: for ever; 0: do not wait
 * @flags: must be zero
 *
 * -EINVAL before SETUP. Returns the number of entries taken (fewer than asked when the completion
 * ring has no room for their completions: none is ever lost). An entry found
 * malformed is taken, and its completion says so. Without anything taken:
 * -ETIME when the wait ran out, -EINTR on a signal, -EAGAIN when there was no
 * room, -ENODEV once the reader is gone and nothing is left to wait for.
 */
struct cardring_enter {
	__u32	to_submit;
	__u32	min_complete;
	__s32	timeout_ms;
	__u32	flags;
};

/**
 * struct cardring_claim - CARDRING_IOC_CLAIM, CARDRING_IOC_RELEASE
 * @slot: slot number
 * @timeout_ms: how long to wait for another holder; 0: -EBUSY at once;
 *	-1: for ever. Ignored by RELEASE
 * @flags: must be zero
 * @resv: must be zero
 *
 * CLAIM: -EALREADY if this file has it. RELEASE: -EACCES if it has not;
 * cancels what this file has in flight there and powers the card off.
 */
struct cardring_claim {
	__u32	slot;
	__s32	timeout_ms;
	__u32	flags;
	__u32	resv;
};

/* cardring_slot.state */
enum cardring_slot_state {
	CARDRING_SLOT_UNKNOWN	= 0,	/* the reader has not said yet */
	CARDRING_SLOT_EMPTY	= 1,
	CARDRING_SLOT_PRESENT	= 2,	/* a card, not powered */
	CARDRING_SLOT_POWERED	= 3,
	CARDRING_SLOT_DEAD	= 4,	/* does not answer */
};

/**
 * struct cardring_slot - CARDRING_IOC_SLOT: what is known of a slot
 * @slot: in: slot number
 * @state: out: enum cardring_slot_state; waits up to 1 s for a reader that was
 *	just opened to say it
 * @owner_pid: out: process that holds the claim, in the caller's pid
 *	namespace; 0 if none (or not visible, or it has ended)
 * @mine: out: 1 if this file holds it
 * @generation: out: counts the cards that were put in since the reader came;
 *	one that is found there at a first open(), or after the machine slept,
 *	counts too: nobody watched meanwhile, and it may be another
 * @resv: zero
 */
struct cardring_slot {
	__u32	slot;
	__u32	state;
	__s32	owner_pid;
	__u32	mine;
	__u64	generation;
	__u64	resv;
};

/**
 * struct cardring_eventfd - CARDRING_IOC_EVENTFD
 * @fd: eventfd(2) that is signalled at each completion and event; -1 takes it
 *	off
 * @flags: must be zero
 */
struct cardring_eventfd {
	__s32	fd;
	__u32	flags;
};

#define CARDRING_IOC_MAGIC	0xCC
#define CARDRING_IOC_INFO	_IOR(CARDRING_IOC_MAGIC, 0, struct cardring_info)
#define CARDRING_IOC_SETUP	_IOWR(CARDRING_IOC_MAGIC, 1, struct cardring_setup)
#define CARDRING_IOC_ENTER	_IOW(CARDRING_IOC_MAGIC, 2, struct cardring_enter)
#define CARDRING_IOC_CLAIM	_IOW(CARDRING_IOC_MAGIC, 3, struct cardring_claim)
#define CARDRING_IOC_RELEASE	_IOW(CARDRING_IOC_MAGIC, 4, struct cardring_claim)
#define CARDRING_IOC_SLOT	_IOWR(CARDRING_IOC_MAGIC, 5, struct cardring_slot)
#define CARDRING_IOC_EVENTFD	_IOW(CARDRING_IOC_MAGIC, 6, struct cardring_eventfd)

#endif /* _UAPI_CARDRING_H */
