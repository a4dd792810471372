/* SPDX-License-Identifier: BSD-2-Clause */
/* For node.h: the virtual reader that a test plugs in, and the backend over which it is used. */
#ifndef TESTS_VM_READER_H
#define TESTS_VM_READER_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "../../include/uapi/cardring.h"
#include <cardring/reader.h>
#include "reader/softring_int.h"
#include "sim.h"
#include "usbip.h"
#include "bound.h"

#define NODE_MS	20000	/* whatever is waited for has happened by then, on a slow machine too */

/* ---- the backend ---- */

static const struct cr_backend *over;	/* NULL: none, the module itself */

static unsigned long long resets_told;	/* to whom reads events, since a reader was plugged in */

static inline bool by_module(void)
{
	return !over;
}

static inline bool by_pcscd(void)
{
	return over == &cr_backend_pcsc;
}

/* In this process, and no bus to watch. */
static inline bool by_sim(void)
{
	return over == &sim_backend;
}

/* Over libusb a reader that is open is one process's; else it is the claim that shuts others out. */
static inline bool open_is_exclusive(void)
{
	return over == &cr_backend_usb;
}

/* ---- the reader ---- */

/*
 * Every reader that is plugged in. What a failed test leaves behind is unplugged before the process ends: a file that
 * is closed by the end of its process waits for transfers that its reader, a thread of the same process, no longer ends.
 */
static struct vreader_usb *plugged[160];

static inline struct vreader_usb *attach(const struct vreader_config *c, unsigned int n)
{
	struct vreader_usb *usb = vreader_attach_composite(c, n);
	unsigned int i = 0;

	if (!usb)
		print_error("attach: %s\n", strerror(errno));
	assert_non_null(usb);
	while (plugged[i])
		assert_true(++i < sizeof(plugged) / sizeof(plugged[0]));
	plugged[i] = usb;
	return usb;
}

static inline void detach(struct vreader_usb *usb)
{
	for (unsigned int i = 0; i < sizeof(plugged) / sizeof(plugged[0]); i++)
		if (plugged[i] == usb)
			plugged[i] = NULL;
	vreader_detach(usb);
}

struct reader {
	struct vreader_usb *usb;
	char name[32];		/* "9-1" */
	unsigned int interface;
	int index;		/* N of /dev/cardringN, of that interface */
	char path[128];		/* over PC/SC */
};

static inline unsigned int bus_number(const struct reader *rd, const char *which)
{
	char path[320];
	unsigned int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/%s", rd->name, which);
	f = fopen(path, "re");
	if (f && fscanf(f, "%u", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

/* The path of the reader that pcscd has made of the device; false: none. */
static inline bool pcsc_path(struct reader *rd)
{
	unsigned int bus = bus_number(rd, "busnum"), device = bus_number(rd, "devnum");
	struct cr_reader_info list[32];
	int n = over->list(list, 32);

	for (int i = 0; i < n && i < 32; i++) {
		if (device && list[i].dev.devnum == device && list[i].dev.busnum == bus) {
			memcpy(rd->path, list[i].path, sizeof(rd->path));
			return true;
		}
	}
	return false;
}

/* Over a backend: 0 once the interface is there, or pcscd has it; else -1. */
static inline int bound_index(struct reader *rd)
{
	char path[320];

	if (by_pcscd())
		return pcsc_path(rd) ? 0 : -1;
	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s:1.%u/bInterfaceClass", rd->name, rd->interface);
	return access(path, R_OK);
}

static inline void wait_bound(struct reader *rd)
{
	uint64_t end = now_ms() + NODE_MS;

	if (by_module())
		rd->index = node_wait(rd->name, rd->interface, NODE_MS);
	while (!by_module() && (rd->index = bound_index(rd)) < 0 && now_ms() < end)
		sleep_ms(2);
	assert_true(rd->index >= 0);
}

/* Plugs in and waits for the bus, not for a driver. */
static inline void plug_unbound(struct reader *rd, const struct vreader_config *c, unsigned int n)
{
	memset(rd, 0, sizeof(*rd));
	rd->index = -1;
	resets_told = 0;
	if (by_sim())
		return;
	rd->usb = attach(c, n);
	assert_int_equal(vreader_usb_wait(rd->usb, rd->name, sizeof(rd->name), NODE_MS), 0);
}

/* Several devices, which the bus finds in about the time of one. */
static inline void plug_many(struct reader *rd, const struct vreader_config *c, unsigned int n)
{
	memset(rd, 0, n * sizeof(*rd));
	for (unsigned int i = 0; i < n; i++) {
		rd[i].index = -1;
		rd[i].usb = attach(&c[i], 1);
	}
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(vreader_usb_wait(rd[i].usb, rd[i].name, sizeof(rd[i].name), 3 * NODE_MS), 0);
}

static inline void plug(struct reader *rd, const struct vreader_config *c)
{
	plug_unbound(rd, c, 1);
	if (!by_sim())
		wait_bound(rd);
}

static inline void unplug(struct reader *rd)
{
	if (by_sim())
		return;
	detach(rd->usb);
	rd->usb = NULL;
}

static void sim_fault(const char *line);

static inline void fault(struct reader *rd, const char *line)
{
	if (by_sim())
		sim_fault(line);
	else if (vreader_usb_fault(rd->usb, line))
		fail_msg("no such fault: %s", line);
}

static inline void unplug_many(struct reader *rd, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		fault(&rd[i], "unplug");
	for (unsigned int i = 0; i < n; i++)
		unplug(&rd[i]);
}

/* An attribute of the node in sysfs. */
static inline void attr(int index, const char *name, char *out, size_t size)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/cardring/cardring%d/%s", index, name);
	f = fopen(path, "re");
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	if (!fgets(out, size, f))
		out[0] = 0;
	fclose(f);
	out[strcspn(out, "\n")] = 0;
}

/* "resets" everywhere, as far as the program was told of them; the other counters are the module's. */
static inline unsigned long long counter(const struct reader *rd, const char *name)
{
	char text[64];

	if (!by_module())
		return strcmp(name, "resets") ? 0 : resets_told;
	attr(rd->index, name, text, sizeof(text));
	return strtoull(text, NULL, 10);
}

/* Commands that reached the reader since @from of its messages had gone by; *@from moves on. */
static inline unsigned int seen(struct reader *rd, uint8_t type, uint64_t *from)
{
	struct vreader_stamp st[VREADER_STAMPS];
	unsigned int n = 0;
	uint64_t total;
	size_t have;

	if (by_sim())
		return 0;
	have = vreader_usb_stamps(rd->usb, 0, st, VREADER_STAMPS, &total);
	for (size_t i = 0; i < have; i++)
		if (total - have + i >= *from && st[i].type == type)
			n++;
	*from = total;
	return n;
}

#endif
