/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readers: finding them, being told of changes, opening one.
 */
#ifndef CARDRING_READER_H
#define CARDRING_READER_H

#include <stddef.h>
#include <stdint.h>
#include <cardring/error.h>
#include <cardring/ring.h>

/* One slot of one reader, as a list shows it. */
struct cr_reader_info {
	char name[160];		/* unique within a list: "Vendor Product [serial] slot N" where needed */
	char backend[16];	/* "kernel", "usb", "pcsc", "sim" */
	char path[128];		/* what the backend opens: "/dev/cardring0", "usb:1-2:1.0", "pcsc:NAME", "sim:an" */
	unsigned int slot;
	enum cardring_slot_state state;
	int owner_pid;		/* process that holds it, 0 if none */
	int error;		/* enum cr_error that opening it meets (e.g. CR_E_READER_DENIED), else 0 */
	int token;		/* a security token, left to its own programs: only taken where it is named */
	struct cardring_info dev;
};

struct cr_ring_params {		/* zeroes: the backend's defaults */
	unsigned int entries, buffers, buf_size;
};

/*
 * A backend: a source of readers. list: fills at most max, returns how many
 * there are (or a negative enum cr_error). open: a ring on the reader at path.
 * owns: does this backend open that path?
 */
struct cr_backend {
	const char *name;
	int only_by_name;	/* its readers are taken only when they are named (virtual ones) */
	int (*list)(struct cr_reader_info *out, size_t max);
	int (*owns)(const char *path);
	int (*open)(const char *path, const struct cr_ring_params *params, cr_ring_t **ring,
		    struct cardring_info *info);
	/* Its rings are this process's own memory, which is not short: a card's buffers take whatever its messages do. */
	int whole_messages;
};
extern const struct cr_backend cr_backend_kernel;
/*
 * Readers that no driver has, through libusb, in this process: what needs the module (CARDRING_OP_ESCAPE and
 * MECHANICAL need CAP_SYS_RAWIO there) is a question of the device's node here, and whoever may open that may all.
 * A reader is one process's as long as a ring is open on it: others meet CR_E_READER_BUSY. Not across fork(2).
 *
 * Security tokens (a reader beside FIDO's interface, or beside a keyboard's of the few named in
 * uapi/cardring_unusual.h) are listed as such without being asked anything; where the environment's CARDRING_TOKENS
 * is 1 they are readers as others are. (cardring.ko leaves them alone too: its parameter "tokens".)
 */
extern const struct cr_backend cr_backend_usb;
/*
 * Readers that pcscd has, through its client library, which is loaded when it is needed: a slot of theirs is a reader
 * here, and takes APDUs. A claim is an exclusive connection. CR_E_NO_SERVICE where pcscd does not answer; where it does
 * not run, it is started (by systemd) only if this backend is the one that was chosen. Security tokens are listed as
 * such, by the same rule as over libusb; one that another program has for itself is not known for one, as pcscd does not
 * tell then which device it is, unless the list is of all backends.
 */
extern const struct cr_backend cr_backend_pcsc;

/* Adds a backend (the virtual card's: userspace/sim); not thread-safe; at most 8. */
int cr_backend_register(const struct cr_backend *backend);
/*
 * From now on readers of this backend alone are listed and found, those that are taken only by name too. NULL: of
 * all, as in the beginning, where the environment's CARDRING_BACKEND does not name one. CR_E_INVALID: there is no
 * such backend. Not thread-safe.
 */
int cr_backend_use(const char *name);

/*
 * All readers of all backends, each once: one that cardring.ko drives is kernel's, one that no driver has is usb's, one
 * that pcscd has is pcsc's.
 * CR_E_INVALID: CARDRING_BACKEND names no backend. *out is an array for the caller to free(). Count or negative enum cr_error. */
int cr_reader_list(struct cr_reader_info **out);

/*
 * The reader that a user means: NULL: the first with a card in it, else the first, virtual ones and tokens left
 * out; an index of the list; "sim:CARD" or a path; else the part of a name (case-insensitive).
 * CR_E_NO_READER: none, or not the one named. CR_E_NO_DRIVER instead where there is none because the
 * USB bus shows CCID interfaces and no backend serves any of them.
 */
int cr_reader_find(const char *what, struct cr_reader_info *out);

/*
 * Changes of the list: readers plugged in and out, cards put in and taken out. An fd to poll for
 * reading, then cr_monitor_read until it returns 0. Virtual readers do not change.
 */
typedef struct cr_monitor cr_monitor_t;
int cr_monitor_open(cr_monitor_t **out);
int cr_monitor_fd(cr_monitor_t *mon);
int cr_monitor_read(cr_monitor_t *mon);	/* 1: cr_reader_list may say something new; 0: nothing to say;
					 * negative enum cr_error */
void cr_monitor_close(cr_monitor_t *mon);

#endif
