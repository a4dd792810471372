/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual CCID reader on a USB bus: the device side of USB/IP (Documentation/usb/usbip_protocol.rst) over a
 * socket pair whose other end is given to vhci_hcd. Needs root and vhci_hcd loaded; no network.
 */
#ifndef CARDRING_USBIP_H
#define CARDRING_USBIP_H

#include <stdio.h>
#include "drawer.h"
#include "vreader.h"

/* ---- the protocol, without I/O: bytes from the host in, bytes to the host out ---- */

#define USBIP_MAX_FUNCTIONS	5	/* readers in one device: three endpoints each, of 15 */
#define USBIP_MAX_INTERFACES	32	/* what Linux takes of one device */

struct usbip_dev;
/*
 * One USB device with n CCID interfaces, one a reader (n > 1: a composite device; the first names it). Where their
 * numbers leave gaps there are interfaces that do nothing. NULL: out of memory, or a number is beyond the maximum.
 */
struct usbip_dev *usbip_dev_new(struct vreader *const *readers, unsigned int n);
void usbip_dev_free(struct usbip_dev *d);	/* not the readers */
/* Bytes from the host. 0, or -1: not USB/IP; hang up. */
int usbip_dev_feed(struct usbip_dev *d, const uint8_t *data, size_t len, uint64_t now);
/* Moves time on, and completes what the readers now have something for. */
void usbip_dev_tick(struct usbip_dev *d, uint64_t now);
/* Bytes for the host; usbip_dev_sent takes n of them off. */
const uint8_t *usbip_dev_pending(struct usbip_dev *d, size_t *len);
void usbip_dev_sent(struct usbip_dev *d, size_t n);
/* What the readers answered since the last call is ready from now on, and about to be sent. */
void usbip_dev_ready(struct usbip_dev *d, uint64_t now);
uint64_t usbip_dev_next(const struct usbip_dev *d);	/* as vreader_next */
bool usbip_dev_unplugged(const struct usbip_dev *d);

/* ---- attached to vhci_hcd ---- */

/*
 * Gives sockfd to a free port of that speed. Its number, or -errno (-ENOENT: vhci_hcd is not loaded; -EBUSY: no
 * port is free). devid: any number, by which usbip_vhci_wait_free knows the device again.
 */
int usbip_vhci_attach(int sockfd, enum vreader_speed speed, unsigned int devid);
/* What the kernel made of it. -EAGAIN: nothing yet. */
struct usbip_vhci_device { char name[32]; int devnum; };	/* "9-1"; name[0] 0: unknown */
int usbip_vhci_device(int port, unsigned int devid, struct usbip_vhci_device *dev);
/*
 * Once the socket is closed: waits up to wait_ms until the kernel has let go of the port and of the device. The
 * port is free before the device is gone, and until then a new one there is mistaken for it. 0 or -errno.
 */
int usbip_vhci_wait_free(int port, unsigned int devid, const struct usbip_vhci_device *dev, unsigned int wait_ms);

/*
 * A reader with threads of its own. Every function may be called from any thread.
 * NULL and errno: see usbip_vhci_attach.
 */
struct vreader_usb;
struct vreader_usb *vreader_attach(const struct vreader_config *cfg);
struct vreader_usb *vreader_attach_composite(const struct vreader_config *cfgs, unsigned int n);
/* One line of vreader_fault.c, to the first interface's reader, or that of "if=N " before it. 0 or -1. */
int vreader_usb_fault(struct vreader_usb *u, const char *line);
/* As vreader_insert; NULL takes the card out. */
void vreader_usb_insert(struct vreader_usb *u, unsigned int interface, unsigned int slot, struct vcard *card);
size_t vreader_usb_stamps(struct vreader_usb *u, unsigned int interface, struct vreader_stamp *out, size_t max,
			  uint64_t *total);	/* CLOCK_MONOTONIC */
int vreader_usb_port(const struct vreader_usb *u);
/* Waits up to ms for the kernel to have enumerated it: "BUS-PORT" into name. 0 or -1. */
int vreader_usb_wait(struct vreader_usb *u, char *name, size_t size, unsigned int ms);
bool vreader_usb_gone(struct vreader_usb *u);	/* unplugged, or the kernel let go of it */
/* Unplugs, waits until the port is free, frees. */
void vreader_detach(struct vreader_usb *u);

/* ---- for "cardring sim serve CARD --usbip" ---- */

struct sim_usbip_options {
	struct vreader_config reader;	/* zeroes: the defaults of vreader.h */
	const struct drawer_interface *as; /* a real reader, then reader's serial and latency alone count; NULL */
	unsigned int n_as;		/* its interfaces */
	unsigned int readers;		/* how many such devices (1) */
	unsigned int protocol;		/* at TPDU level: of the cards, T=0 or T=1; that at a rate of F 512, D 16 */
	FILE *reply;			/* what to say to whom gives the commands; NULL: nothing */
};
/*
 * Serves card ("echo": the built-in test card; else a name for sim_card_load) in every slot until *stop becomes
 * nonzero, or the reader is unplugged. Faults (vreader_fault.c; "help" lists them) are read from control_fd,
 * one a line (-1: none; its end is not the end of serving); "dev=N " before one means that device.
 * 0 or negative enum cr_error.
 */
int sim_usbip_serve(const char *card, const struct sim_usbip_options *opt, int control_fd,
		    const volatile int *stop);
/* "tpdu", "short", "extended"; 0 if none of these. */
enum vreader_level vreader_level_parse(const char *s);

#endif
