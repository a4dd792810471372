/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VSCard protocol as QEMU's ccid-card-passthru speaks it (libcacard's vscard_common.h), from the card's side
 * and without I/O. A message: type, reader id, length, each 32 bits big-endian, then the body.
 */
#ifndef CARDRING_VSCARD_WIRE_H
#define CARDRING_VSCARD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vsc_type {
	VSC_INIT = 1, VSC_ERROR, VSC_READER_ADD, VSC_READER_REMOVE, VSC_ATR, VSC_CARD_REMOVE, VSC_APDU,
	VSC_FLUSH, VSC_FLUSH_COMPLETE,
};

/* The card behind it: called from vscard_feed and vscard_insert. */
struct vscard_card {
	const uint8_t *(*power_on)(void *arg, size_t *len);	/* cold reset; the ATR */
	void (*power_off)(void *arg);
	size_t (*tpdu)(void *arg, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size);
	void *arg;
};

struct vscard;
/* Has Init to send. */
struct vscard *vscard_new(const struct vscard_card *card);
void vscard_free(struct vscard *v);
/* Bytes from QEMU. 0, or -1: it is not VSCard, or QEMU refused the reader; hang up. */
int vscard_feed(struct vscard *v, const uint8_t *data, size_t len);
/* Puts the card in or takes it out; at any time, also before QEMU knows the reader. */
void vscard_insert(struct vscard *v, bool in);
/* Bytes for QEMU; vscard_sent takes n of them off. */
const uint8_t *vscard_pending(struct vscard *v, size_t *len);
void vscard_sent(struct vscard *v, size_t n);

/*
 * vscard.c, with I/O: a card as a client of QEMU's unix socket until *stop becomes nonzero or the socket closes.
 * *insert: 0 card out, 1 card in; both may change at any time (signals). 0, or negative enum cr_error.
 */
int vscard_serve(const struct vscard_card *card, const char *socket_path, const volatile int *stop,
		 const volatile int *insert);

#endif
