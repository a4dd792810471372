/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the USB/IP device. */
#ifndef CARDRING_USBIP_INT_H
#define CARDRING_USBIP_INT_H

#include "usbip.h"

struct usbip_function {
	struct vreader *reader;
	uint8_t number;			/* bInterfaceNumber */
	struct urb *queue[3];		/* by enum vreader_ep: URBs that wait, oldest first */
};

struct usbip_dev {
	struct usbip_function fn[USBIP_MAX_FUNCTIONS];
	unsigned int functions;
	uint8_t configuration;
	bool remote_wakeup;
	uint64_t now;

	uint8_t *in;			/* from the host, not yet whole */
	size_t in_len, in_room;
	uint8_t *out;			/* to the host */
	size_t out_off, out_len, out_room;
	bool broken;			/* out of memory: hang up */
};

/* A device's endpoint number (1 up) for a function's endpoint; -1 if it has none. */
int usbip_ep_number(const struct usbip_dev *d, unsigned int fn, enum vreader_ep ep);
/* Which of the first n functions has that interface number; -1: none. */
int usbip_function_of(const struct usbip_dev *d, unsigned int number, unsigned int n);
/* The other way round: an endpoint address (bit 7: IN). false: no such endpoint. */
bool usbip_ep_find(const struct usbip_dev *d, uint8_t address, unsigned int *fn, enum vreader_ep *ep);

/* usbip_ctrl.c: one control transfer. Bytes in data (IN), 0 (OUT), or -1: stall. */
int usbip_control(struct usbip_dev *d, const uint8_t setup[8], const uint8_t *out, uint8_t *data, size_t size);

#endif
