// SPDX-License-Identifier: BSD-2-Clause
/*
 * A virtual reader with two threads. One waits for what the kernel sends, in recv(2) alone: between an answer and the
 * next command it asks the system for nothing else, so that a turnaround measured here is the host's. The other has
 * one poll(2) over all else: a timer for what is to come, an eventfd by which other threads say that they changed
 * something, and the socket while it is full. The lock is held whenever the device is touched, never while waiting.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "steady.h"
#include "usbip.h"

struct vreader_usb {
	struct usbip_dev *dev;
	struct vreader *reader[USBIP_MAX_FUNCTIONS];
	unsigned int readers;
	int sock, wake, timer, port;
	unsigned int devid;
	struct usbip_vhci_device device;
	uint64_t armed;
	pthread_t listening, attending;
	bool running, stop, gone;
	pthread_mutex_t lock;
	struct steady clock;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void wake(struct vreader_usb *u)
{
	const uint64_t one = 1;

	if (write(u->wake, &one, sizeof(one)) < 0)
		return;		/* full: it is awake as it is */
}

static void arm(struct vreader_usb *u)
{
	uint64_t next = usbip_dev_next(u->dev);
	struct itimerspec t = { 0 };

	if (next == u->armed)
		return;
	u->armed = next;
	if (next != VREADER_NEVER) {
		t.it_value.tv_sec = next / 1000000000ULL;
		t.it_value.tv_nsec = next % 1000000000ULL;
		if (!next)
			t.it_value.tv_nsec = 1;
	}
	timerfd_settime(u->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

/* Sends what the socket takes. false: the kernel's end is gone. */
static bool flush(struct vreader_usb *u)
{
	const uint8_t *data;
	size_t len;
	ssize_t n;

	while ((data = usbip_dev_pending(u->dev, &len)) && len) {
		n = send(u->sock, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		usbip_dev_sent(u->dev, n);
	}
	return true;
}

/* After either thread touched the device, with the lock held. *full: the socket takes no more now. false: the end. */
static bool settle(struct vreader_usb *u, bool *full)
{
	size_t left;
	bool ok;

	/* before, not after: on one CPU the host goes on within send(2) */
	usbip_dev_ready(u->dev, steady_ns(&u->clock));
	/* what was answered before the cable is drawn still arrives */
	ok = flush(u) && !u->stop && !u->gone && !usbip_dev_unplugged(u->dev);
	arm(u);
	usbip_dev_pending(u->dev, &left);
	*full = left > 0;
	return ok;
}

/* The kernel takes the end of the stream for the device's unplugging; the other thread ends, too. */
static void hang_up(struct vreader_usb *u)
{
	pthread_mutex_lock(&u->lock);
	u->gone = true;
	shutdown(u->sock, SHUT_RDWR);
	pthread_mutex_unlock(&u->lock);
	wake(u);
}

static void *listen_to_kernel(void *arg)
{
	struct vreader_usb *u = arg;
	uint8_t buf[16384];
	bool ok = true, full;

	while (ok) {
		ssize_t n = recv(u->sock, buf, sizeof(buf), 0);

		if (n < 0 && errno == EINTR)
			continue;
		pthread_mutex_lock(&u->lock);
		ok = n > 0 && usbip_dev_feed(u->dev, buf, n, steady_ns(&u->clock)) == 0 && settle(u, &full);
		pthread_mutex_unlock(&u->lock);
		if (ok && full)
			wake(u);
	}
	hang_up(u);
	return NULL;
}

static void *attend(void *arg)
{
	struct vreader_usb *u = arg;
	uint64_t count;
	bool ok = true, full = false;

	while (ok) {
		struct pollfd p[] = {
			{ .fd = u->wake, .events = POLLIN },
			{ .fd = u->timer, .events = POLLIN },
			{ .fd = full ? u->sock : -1, .events = POLLOUT },
		};

		if (poll(p, 3, -1) < 0 && errno != EINTR)
			break;
		pthread_mutex_lock(&u->lock);
		if (p[0].revents && read(u->wake, &count, sizeof(count)) < 0)
			ok = errno == EAGAIN;
		if (p[1].revents && read(u->timer, &count, sizeof(count)) > 0)
			u->armed = VREADER_NEVER;
		usbip_dev_tick(u->dev, steady_ns(&u->clock));
		ok = settle(u, &full) && ok;
		pthread_mutex_unlock(&u->lock);
	}
	hang_up(u);
	return NULL;
}

static void destroy(struct vreader_usb *u)
{
	usbip_dev_free(u->dev);
	for (unsigned int i = 0; i < u->readers; i++)
		vreader_free(u->reader[i]);
	if (u->sock >= 0)
		close(u->sock);
	if (u->wake >= 0)
		close(u->wake);
	if (u->timer >= 0)
		close(u->timer);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

/* Gives one end of a socket pair to the kernel and starts the threads on the other. 0 or -errno. */
static int start(struct vreader_usb *u, enum vreader_speed speed)
{
	int pair[2], err;

	u->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	u->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (u->wake < 0 || u->timer < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	u->sock = pair[0];
	u->devid = (now_ns() / 1000 & 0x7FFFFFFF) | 1;
	u->port = usbip_vhci_attach(pair[1], speed, u->devid);
	close(pair[1]);		/* the kernel has a reference of its own */
	if (u->port < 0)
		return u->port;
	err = pthread_create(&u->listening, NULL, listen_to_kernel, u);
	if (err)
		return -err;
	err = pthread_create(&u->attending, NULL, attend, u);
	if (err) {
		hang_up(u);
		pthread_join(u->listening, NULL);
		return -err;
	}
	u->running = true;
	return 0;
}

struct vreader_usb *vreader_attach_composite(const struct vreader_config *cfgs, unsigned int n)
{
	struct vreader_usb *u = calloc(1, sizeof(*u));
	int err = -ENOMEM;

	if (!u)
		return NULL;
	u->sock = u->wake = u->timer = u->port = -1;
	u->armed = VREADER_NEVER;
	pthread_mutex_init(&u->lock, NULL);
	while (u->readers < n && u->readers < USBIP_MAX_FUNCTIONS) {
		u->reader[u->readers] = vreader_new(&cfgs[u->readers]);
		if (!u->reader[u->readers]) {
			/* the cards are ours all the same */
			for (unsigned int i = u->readers + 1; i < n; i++)
				for (unsigned int k = 0; cfgs[i].cards && k < (cfgs[i].slots ? cfgs[i].slots : 1); k++)
					vcard_free(cfgs[i].cards[k]);
			goto fail;
		}
		u->readers++;
	}
	u->dev = usbip_dev_new(u->reader, u->readers);
	if (!u->dev)
		goto fail;
	err = start(u, cfgs[0].speed);
	if (err)
		goto fail;
	return u;
fail:
	destroy(u);
	errno = -err;
	return NULL;
}

struct vreader_usb *vreader_attach(const struct vreader_config *cfg)
{
	return vreader_attach_composite(cfg, 1);
}

int vreader_usb_fault(struct vreader_usb *u, const char *line)
{
	unsigned int i = 0;
	int used = 0, err;

	if (sscanf(line, " if=%u %n", &i, &used) == 1 && used)
		line += used;
	if (i >= u->readers)
		return -1;
	pthread_mutex_lock(&u->lock);
	err = vreader_fault(u->reader[i], line, steady_ns(&u->clock), NULL);
	pthread_mutex_unlock(&u->lock);
	wake(u);
	return err;
}

void vreader_usb_insert(struct vreader_usb *u, unsigned int interface, unsigned int slot, struct vcard *card)
{
	if (interface >= u->readers) {
		vcard_free(card);
		return;
	}
	pthread_mutex_lock(&u->lock);
	vreader_insert(u->reader[interface], slot, card, steady_ns(&u->clock));
	pthread_mutex_unlock(&u->lock);
	wake(u);
}

size_t vreader_usb_stamps(struct vreader_usb *u, unsigned int interface, struct vreader_stamp *out, size_t max,
			  uint64_t *total)
{
	size_t n = 0;

	*total = 0;
	if (interface >= u->readers)
		return 0;
	pthread_mutex_lock(&u->lock);
	n = vreader_stamps(u->reader[interface], out, max, total);
	pthread_mutex_unlock(&u->lock);
	return n;
}

int vreader_usb_port(const struct vreader_usb *u)
{
	return u->port;
}

int vreader_usb_wait(struct vreader_usb *u, char *name, size_t size, unsigned int ms)
{
	const struct timespec tick = { .tv_nsec = 5000000 };
	uint64_t end = now_ns() + ms * VREADER_MS;
	char path[96];

	while (usbip_vhci_device(u->port, u->devid, &u->device) < 0 ||
	       (snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s:1.0/bInterfaceClass",
			u->device.name),
		access(path, F_OK) < 0)) {
		if (now_ns() > end || vreader_usb_gone(u))
			return -1;
		nanosleep(&tick, NULL);
	}
	snprintf(name, size, "%s", u->device.name);
	return 0;
}

bool vreader_usb_gone(struct vreader_usb *u)
{
	bool gone;

	pthread_mutex_lock(&u->lock);
	gone = u->gone;
	pthread_mutex_unlock(&u->lock);
	return gone;
}

void vreader_detach(struct vreader_usb *u)
{
	if (!u)
		return;
	if (u->running) {
		if (!u->device.name[0])
			usbip_vhci_device(u->port, u->devid, &u->device);
		pthread_mutex_lock(&u->lock);
		u->stop = true;
		pthread_mutex_unlock(&u->lock);
		wake(u);
		pthread_join(u->listening, NULL);
		pthread_join(u->attending, NULL);
		usbip_vhci_wait_free(u->port, u->devid, &u->device, 10000);
	}
	destroy(u);
}
