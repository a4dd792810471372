/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/benchbus: a USB bus of one port, whose device is the program that has
 * it open. Device and host speak USB/IP (Documentation/usb/usbip_protocol.rst)
 * over one ioctl, which takes what the device answers and gives what the host
 * asks next. It has no threads: an answer is completed within the call.
 */
#ifndef BENCHBUS_H
#define BENCHBUS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The longest that one request may be: its header, and OUT data behind it. */
#define BENCHBUS_IN	(48 + 131072)

struct benchbus_exchange {
	__u64 out;	/* whole answers to the host: an address, */
	__u32 out_len;	/* and their bytes */
	__u32 in_size;	/* the room at in, BENCHBUS_IN or more */
	__u64 in;	/* where whole requests of the host go */
	__u32 in_len;	/* out: their bytes; 0: none came */
	__u32 ms;	/* how long to wait for one, at most */
};

/* 0, or -1 and errno: EINTR, EINVAL (too little room), EPROTO (no USB/IP), EFAULT. */
#define BENCHBUS_EXCHANGE	_IOWR('B', 0, struct benchbus_exchange)
/* The bus number: the device is "NUMBER-1" in sysfs. */
#define BENCHBUS_NUMBER		_IOR('B', 1, __u32)

#endif
