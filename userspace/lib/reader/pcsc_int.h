/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC/SC backend: readers that pcscd has, through its client library.
 *
 *   pcsc_lib.c     that library, loaded when it is first needed; its errors; calls that may hang
 *   pcsc_find.c    which readers pcscd has, and what they are; the backend's table
 *   pcsc_watch.c   readers and cards that come and go
 *   pcsc_card.c    connecting, power, APDUs: one call after the other
 *   pcsc_call.c    the thread that makes those calls for a ring, and the deadlines of its commands
 *   pcsc_queue.c   the commands that wait for it; what is in the slot
 *   pcsc_ring.c    the ring's calls
 *
 * PC/SC's calls block, without a deadline and with nothing to stop them (SCardCancel ends SCardGetStatusChange alone).
 * So no thread of a program is ever inside of one: a ring has a thread that makes them, the caller. A command whose
 * deadline passes, or that is aborted, is completed all the same; its call goes on to its end by itself, what it
 * brings is dropped, and the next command of the slot waits for that, no longer than its own deadline.
 *
 * What pcscd calls a reader is a slot; so each ring has one, slot 0. A claim is an exclusive connection: neither a
 * ring of this process nor another program gets between the commands of one, or at its card. (An empty slot gives no
 * such connection: there POWER_ON makes it, and meets -EBUSY if somebody was faster.) POWER_OFF ends the connection,
 * as PC/SC has no other way to take a card's power.
 *
 * Whatever the reader is, it takes APDUs: over T=0 the backend makes TPDUs of them.
 */
#ifndef CR_READER_PCSC_INT_H
#define CR_READER_PCSC_INT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include "reader/memring.h"

#define PCSC_MS		1000000ULL	/* ns */
#define PCSC_NEVER	UINT64_MAX

/* ---- what of PC/SC is used here (PC/SC part 5, as pcsc-lite has it), so that nothing of it need be installed ---- */

#define PCSC_ATR_MAX	33
#define PCSC_NAME_MAX	128		/* with its NUL */
#define PCSC_APDU_MAX	65548		/* command or response */
#define PCSC_INFINITE	0xffffffffUL

struct pcsc_state {			/* SCARD_READERSTATE */
	const char *reader;
	void *user;
	unsigned long current, event;	/* event: bits below, and a count of changes of the card in bits 16 to 31 */
	unsigned long atr_len;
	unsigned char atr[PCSC_ATR_MAX];
};

struct pcsc_pci {			/* SCARD_IO_REQUEST */
	unsigned long protocol, size;
};

enum {	/* pcsc_state */
	PCSC_STATE_IGNORE	= 0x0001,
	PCSC_STATE_UNKNOWN	= 0x0004,
	PCSC_STATE_UNAVAILABLE	= 0x0008,
	PCSC_STATE_PRESENT	= 0x0020,
	PCSC_STATE_EXCLUSIVE	= 0x0080,
	PCSC_STATE_INUSE	= 0x0100,
};

enum { PCSC_SHARE_EXCLUSIVE = 1, PCSC_SHARE_DIRECT = 3 };
enum { PCSC_T0 = 1, PCSC_T1 = 2 };
enum { PCSC_LEAVE_CARD = 0, PCSC_UNPOWER_CARD = 2 };

#define PCSC_E_CANCELLED		0x80100002L
#define PCSC_E_INVALID_HANDLE		0x80100003L
#define PCSC_E_INVALID_PARAMETER	0x80100004L
#define PCSC_E_NO_MEMORY		0x80100006L
#define PCSC_E_INSUFFICIENT_BUFFER	0x80100008L
#define PCSC_E_UNKNOWN_READER		0x80100009L
#define PCSC_E_TIMEOUT			0x8010000AL
#define PCSC_E_SHARING_VIOLATION	0x8010000BL
#define PCSC_E_NO_SMARTCARD		0x8010000CL
#define PCSC_E_PROTO_MISMATCH		0x8010000FL
#define PCSC_F_COMM_ERROR		0x80100013L

#define PCSC_E_NOT_TRANSACTED		0x80100016L
#define PCSC_E_READER_UNAVAILABLE	0x80100017L
#define PCSC_E_NO_SERVICE		0x8010001DL
#define PCSC_E_SERVICE_STOPPED		0x8010001EL
#define PCSC_E_NO_ACCESS		0x80100027L
#define PCSC_E_NO_READERS_AVAILABLE	0x8010002EL
#define PCSC_W_UNSUPPORTED_CARD		0x80100065L
#define PCSC_W_UNRESPONSIVE_CARD	0x80100066L
#define PCSC_W_UNPOWERED_CARD		0x80100067L
#define PCSC_W_RESET_CARD		0x80100068L
#define PCSC_W_REMOVED_CARD		0x80100069L
#define PCSC_W_SECURITY_VIOLATION	0x8010006AL

#define PCSC_ATTR_ATR			0x00090303UL
#define PCSC_ATTR_CHANNEL_ID		0x00020110UL
/* PC/SC part 10, 2: which features there are; of them, properties of the reader */
#define PCSC_CTL_GET_FEATURES		(0x42000000UL + 3400)
#define PCSC_FEATURE_PROPERTIES		0x12
#define PCSC_PROPERTY_MAX_APDU_DATA	0x0A

struct pcsc_api {
	long (*establish)(unsigned long scope, const void *, const void *, long *ctx);
	long (*release)(long ctx);
	long (*list)(long ctx, const char *groups, char *readers, unsigned long *len);
	long (*status_change)(long ctx, unsigned long ms, struct pcsc_state *states, unsigned long n);
	long (*cancel)(long ctx);
	long (*connect)(long ctx, const char *reader, unsigned long share, unsigned long protocols, long *card,
			unsigned long *protocol);
	long (*reconnect)(long card, unsigned long share, unsigned long protocols, unsigned long how,
			  unsigned long *protocol);
	long (*disconnect)(long card, unsigned long how);
	long (*status)(long card, char *reader, unsigned long *reader_len, unsigned long *state,
		       unsigned long *protocol, unsigned char *atr, unsigned long *atr_len);
	long (*transmit)(long card, const struct pcsc_pci *send, const unsigned char *cmd, unsigned long len,
			 struct pcsc_pci *recv, unsigned char *rsp, unsigned long *rsp_len);
	long (*control)(long card, unsigned long code, const void *in, unsigned long in_len, void *out,
			unsigned long room, unsigned long *out_len);
	long (*attrib)(long card, unsigned long id, unsigned char *value, unsigned long *len);
};

/* ---- pcsc_lib.c ---- */

const struct pcsc_api *cr_pcsc(void);	/* NULL: libpcsclite is not installed */
/* Does pcscd run? (Asking it anything may start it, and then it takes the readers that libusb would have.) */
bool cr_pcscd_runs(void);
int cr_pcsc_errno(long rv);		/* -errno as cqe.result has it; 0 */
int cr_pcsc_error(long rv);		/* enum cr_error; 0 */
/*
 * run(arg) in a thread of its own, waited for so long. False: it has not ended by then; arg is the thread's, which
 * ends with drop(arg).
 */
bool cr_pcsc_errand(void (*run)(void *arg), void (*drop)(void *arg), void *arg, unsigned int ms);
/* A thread whose end nobody waits for. 0 or CR_E_NOMEM. */
int cr_pcsc_thread(void *(*run)(void *arg), void *arg);

/* ---- pcsc_find.c ---- */

/* What pcscd calls the reader at path, and what it is. 0 or enum cr_error. */
int cr_pcsc_resolve(const char *path, char name[PCSC_NAME_MAX], struct cardring_info *info);
/* Has its USB device left the bus? (pcscd knows it a moment later.) */
bool cr_pcsc_left(const struct cardring_info *info);

/* ---- pcsc_watch.c ---- */

/*
 * What a watcher's thread tells: the reader's state; NULL: there is no reader or no pcscd any more, of which err
 * (enum cr_error) is the reason. Where no one reader is watched, that something has changed.
 */
typedef void (*cr_pcsc_told_fn)(void *arg, const struct pcsc_state *state, int err);
struct pcsc_watch;
/* reader NULL: all of them, their number too, and pcscd itself. 0 or enum cr_error. */
int cr_pcsc_watch(const char *reader, cr_pcsc_told_fn told, void *arg, struct pcsc_watch **out);
void cr_pcsc_unwatch(struct pcsc_watch *w);	/* nothing is told from then on; NULL is fine */

/* ---- pcsc_card.c: one thread's, the caller's ---- */

struct pcsc_line {
	const struct pcsc_api *api;
	long ctx, card;
	bool has_ctx, connected;
	unsigned long protocol;
	bool knows_max, short_only;	/* the reader takes no extended APDU */
	char name[PCSC_NAME_MAX];
};

struct pcsc_call {
	uint8_t *rsp;			/* PCSC_APDU_MAX bytes */
	size_t len;			/* of what came, be it part of a response that failed */
	uint8_t status, error;		/* as a CCID reader would say it (CCID 1.1, 6.2.6) */
};

int cr_pcsc_connect(struct pcsc_line *l);		/* 0 or -errno */
void cr_pcsc_disconnect(struct pcsc_line *l, bool power_off);
int cr_pcsc_power_on(struct pcsc_line *l, struct pcsc_call *call);
int cr_pcsc_xfer(struct pcsc_line *l, const uint8_t *cmd, size_t len, struct pcsc_call *call);

/* ---- pcsc_call.c, pcsc_queue.c, pcsc_ring.c ---- */

struct pcsc_req {
	STAILQ_ENTRY(pcsc_req) link;
	struct cardring_sqe sqe;
	int refused;			/* -errno found when it was taken */
	struct cardring_cqe cqe;
};
STAILQ_HEAD(pcsc_reqs, pcsc_req);

/* A claim that waits for its connection. */
enum pcsc_ask { PCSC_ASK_NOTHING, PCSC_ASK_CONNECT, PCSC_ASK_ANSWERED };

struct pcsc_ring {
	struct cr_memring mem;		/* first: programs hold this */
	LIST_ENTRY(pcsc_ring) link;	/* pcsc_ring.c's list, and its lock */
	char name[PCSC_NAME_MAX];
	struct cardring_info info;
	struct cr_memring_entry *taken;	/* sq_entries of them */
	struct pcsc_req *reqs;		/* cq_entries of them */
	size_t map_size;
	struct pcsc_watch *watch;

	pthread_mutex_t lock;		/* all from here on */
	unsigned int refs;		/* the program's, and one of each thread */
	bool closing, gone;
	int gone_err;			/* why (enum cr_error) */
	bool learned;			/* what is in the slot */
	bool present;
	unsigned int count;		/* pcscd's, of changes of the card */
	uint64_t generation;
	bool claimed, powered;
	enum cardring_level level;	/* with the card that is powered */

	struct pcsc_reqs queue, free;
	struct pcsc_req *cur;		/* its call is under way, or waits for an earlier one to end */
	bool begun;
	uint64_t serial;		/* counts what was cur */
	uint64_t deadline;

	enum pcsc_ask ask;
	int answer;
	bool leave;			/* the connection is to end */
	bool calling;			/* the caller is inside of PC/SC */
	struct pcsc_line line;		/* the caller's, without the lock */
	uint8_t *tx, *rx;		/* as well */

	/* futexes */
	uint32_t changes, caller_word, keeper_word;
	unsigned int sleepers;
	uint64_t keeper_until;
};

/* pcsc_queue.c; with the lock held, but for the first */
uint64_t cr_pcsc_now(void);		/* ns */
/* Without the lock; 0 (for any reason, or none: look again), -ETIME or -EINTR. */
int cr_pcsc_sleep(struct pcsc_ring *r, uint32_t *word, uint64_t until);
void cr_pcsc_wake(uint32_t *word);
void cr_pcsc_changed(struct pcsc_ring *r);	/* whoever waits looks again */
void cr_pcsc_start(struct pcsc_ring *r);	/* whatever may start */
void cr_pcsc_finish(struct pcsc_ring *r, int result);	/* cur ends, what its call may still bring is dropped */
void cr_pcsc_purge(struct pcsc_ring *r, int err);	/* all that is queued */
void cr_pcsc_gone(struct pcsc_ring *r, int err);
/* pcscd has the card go before its reader, and a driver may know no better: is it the reader that was unplugged? Ends it. */
bool cr_pcsc_unplugged(struct pcsc_ring *r);
unsigned int cr_pcsc_submit(struct cr_memring *mem, unsigned int want);	/* a pcsc_ring's; how many were taken */
void cr_pcsc_told(void *ring, const struct pcsc_state *state, int err);	/* for its watch; takes the lock */

/* pcsc_ring.c */
void cr_pcsc_unref(struct pcsc_ring *r);	/* unlocks */
int cr_pcsc_ring_new(const char *name, const struct cardring_info *info, const struct cr_ring_params *params,
		     cr_ring_t **out);
/* What this process knows of a reader that it has claimed, and that is gone or not; false: there is none. */
bool cr_pcsc_mine(const char *name, bool gone, struct cr_reader_info *out);

/* pcsc_call.c */
int cr_pcsc_start_threads(struct pcsc_ring *r);	/* 0 or CR_E_NOMEM */
void cr_pcsc_sooner(struct pcsc_ring *r);	/* the keeper must look at the deadline */

#endif
