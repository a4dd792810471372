// SPDX-License-Identifier: BSD-2-Clause
/*
 * vhci_hcd's sysfs files. All controllers' ports are listed in vhci_hcd.0/status, status.1, status.2 ...; all are
 * attached through vhci_hcd.0. A device is detached by closing its socket: the kernel takes the end of the stream
 * for an unplugged cable. A line of status:
 *
 *   hub port sta spd dev      sockfd local_busid
 *   hs  0000 004 000 00000000 000000 0-0
 *
 * sta: 4 free, 5 not yet addressed, 6 in use, 7 error (enum usbip_device_status).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "usbip.h"

#define VHCI	"/sys/devices/platform/vhci_hcd.0/"
#define FREE	4
#define USED	6

static int store(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

struct port { char hub[4]; int number, status; unsigned int devid; char name[32]; };

static const char *status_path(int controller, char *path, size_t size)
{
	snprintf(path, size, controller ? VHCI "status.%d" : VHCI "status", controller);
	return path;
}

static int controllers(void)
{
	char path[96];
	int n = 0;

	while (access(status_path(n, path, sizeof(path)), R_OK) == 0)
		n++;
	return n;
}

/* Whose file has that port: each has the same number of them, and the kernel takes a while to write one. */
static unsigned int controller_of(int port)
{
	int all = 0, n = controllers();
	FILE *f = fopen(VHCI "nports", "re");

	if (f && fscanf(f, "%d", &all) != 1)
		all = 0;
	if (f)
		fclose(f);
	return all && n && all >= n ? port / (all / n) : 0;
}

/*
 * Calls match for every port, from this controller's on, until it says yes; that port. 0, or -errno: -EBUSY where none
 * matched.
 */
static int find(bool (*match)(const struct port *p, int want), int want, unsigned int from, struct port *out)
{
	int n = controllers();
	char path[96], line[128];
	FILE *f;

	if (!n)
		return -errno;
	for (int i = 0; i < n; i++) {
		f = fopen(status_path((from + i) % n, path, sizeof(path)), "re");
		if (!f)
			return -errno;
		while (fgets(line, sizeof(line), f))
			if (sscanf(line, "%3s %d %d %*s %x %*s %31s", out->hub, &out->number, &out->status,
				   &out->devid, out->name) == 5 && match(out, want)) {
				fclose(f);
				return 0;
			}
		fclose(f);
	}
	return -EBUSY;
}

static bool free_port(const struct port *p, int want_super)
{
	return p->status == FREE && !strcmp(p->hub, want_super ? "ss" : "hs");
}

static bool this_port(const struct port *p, int number)
{
	return p->number == number;
}

int usbip_vhci_attach(int sockfd, enum vreader_speed speed, unsigned int devid)
{
	/* enum usb_device_speed: what the kernel calls them */
	static const int usb_speed[] = {
		[VREADER_HIGH_SPEED] = 3, [VREADER_FULL_SPEED] = 2, [VREADER_SUPER_SPEED] = 5,
	};
	static unsigned int turn;
	struct port p;
	char text[64];
	int err;

	/*
	 * A hub brings up one port after the other, the controllers' hubs do it at once: take turns. Somebody else
	 * may take the port between looking and asking: look again, as long as there are any.
	 */
	for (int tries = 0; tries < 1000; tries++) {
		err = find(free_port, speed == VREADER_SUPER_SPEED, __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED), &p);
		if (err)
			return err;
		snprintf(text, sizeof(text), "%d %d %u %d", p.number, sockfd, devid, usb_speed[speed]);
		err = store(VHCI "attach", text);
		if (!err)
			return p.number;
		if (err != -EBUSY)
			return err;
	}
	return -EBUSY;
}

int usbip_vhci_device(int port, unsigned int devid, struct usbip_vhci_device *dev)
{
	char path[96];
	struct port p;
	int err = find(this_port, port, controller_of(port), &p);
	FILE *f;

	dev->name[0] = 0;
	if (err)
		return err;
	if (p.status != USED || p.devid != devid || !strcmp(p.name, "0-0"))
		return -EAGAIN;
	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/devnum", p.name);
	f = fopen(path, "re");
	if (!f)
		return -EAGAIN;
	err = fscanf(f, "%d", &dev->devnum) == 1 ? 0 : -EAGAIN;
	fclose(f);
	if (!err)
		snprintf(dev->name, sizeof(dev->name), "%s", p.name);
	return err;
}

static bool same_device(const struct usbip_vhci_device *dev)
{
	char path[96];
	int devnum = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/devnum", dev->name);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fscanf(f, "%d", &devnum) != 1)
		devnum = 0;
	fclose(f);
	return devnum == dev->devnum;
}

int usbip_vhci_wait_free(int port, unsigned int devid, const struct usbip_vhci_device *dev, unsigned int wait_ms)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	unsigned int controller = controller_of(port);
	struct port p;
	int err;

	for (unsigned int i = 0; i <= wait_ms; i++) {
		err = find(this_port, port, controller, &p);
		if (err)
			return err;
		/* devid is shown of ports in use alone; another's there: ours is gone long since */
		if ((p.status == FREE || (p.status == USED && p.devid != devid)) &&
		    !(dev->name[0] && same_device(dev)))
			return 0;
		nanosleep(&ms, NULL);
	}
	return -ETIMEDOUT;
}
