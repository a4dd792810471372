// SPDX-License-Identifier: BSD-2-Clause
/*
 * Being told of changes. Readers come and go by udev; cards by the events that each reader's ring
 * brings, for which a small ring of ours is held open on every reader that the module drives. (A
 * reader of libusb's would be nobody else's meanwhile: of its cards no more is told than of those in
 * a reader that does not open.) Of pcscd's readers and cards pcscd tells. One epoll descriptor stands for all of them.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <libudev.h>
#include "reader/backend.h"
#include "reader/pcsc_int.h"

struct watched {
	struct watched *next;
	cr_ring_t *ring;
	char path[128];
	bool listed;		/* while the list is gone through */
};

struct cr_monitor {
	struct udev *udev;
	struct udev_monitor *mon;
	int epoll;
	struct watched *watched;
	struct pcsc_watch *pcsc;
	int pcsc_event;		/* eventfd: pcscd has told of something */
};

static int watch_fd(struct cr_monitor *m, int fd, void *what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = what };

	return epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &ev) ? CR_E_INTERNAL : 0;
}

static void unwatch(struct cr_monitor *m, struct watched **p)
{
	struct watched *w = *p;

	*p = w->next;
	epoll_ctl(m->epoll, EPOLL_CTL_DEL, cr_ring_fd(w->ring), NULL);
	cr_ring_close(w->ring);
	free(w);
}

/* A reader that does not open (no permission) is listed all the same, but its cards are not told of. */
static int watch(struct cr_monitor *m, const char *path)
{
	const struct cr_ring_params small = { .entries = 8, .buffers = 1, .buf_size = 64 };
	struct watched *w;

	for (w = m->watched; w; w = w->next) {
		if (!strcmp(w->path, path)) {
			w->listed = true;
			return 0;
		}
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return CR_E_NOMEM;
	snprintf(w->path, sizeof(w->path), "%s", path);
	w->listed = true;
	if (cr_backend_kernel.open(path, &small, &w->ring, NULL)) {
		free(w);
		return 0;
	}
	if (watch_fd(m, cr_ring_fd(w->ring), w)) {
		cr_ring_close(w->ring);
		free(w);
		return CR_E_INTERNAL;
	}
	w->next = m->watched;
	m->watched = w;
	return 0;
}

/* Opens what is new and closes what is gone. */
static int follow(struct cr_monitor *m)
{
	struct cr_reader_info *list;
	struct watched **p, *w;
	int n, err = 0;

	for (w = m->watched; w; w = w->next)
		w->listed = false;
	n = cr_reader_list(&list);
	if (n < 0)
		return n;
	for (int i = 0; i < n && !err; i++) {
		if (!strcmp(list[i].backend, cr_backend_kernel.name))
			err = watch(m, list[i].path);
	}
	free(list);
	for (p = &m->watched; *p;) {
		if ((*p)->listed)
			p = &(*p)->next;
		else
			unwatch(m, p);
	}
	return err;
}

static void pcsc_told(void *arg, const struct pcsc_state *state, int err)
{
	eventfd_write(((struct cr_monitor *)arg)->pcsc_event, 1);
}

/* Where pcscd's library is not installed there is nothing to be told of. */
static int watch_pcsc(struct cr_monitor *m)
{
	const struct cr_backend *only = cr_backend_only();
	int err;

	if (only && only != &cr_backend_pcsc)
		return 0;
	m->pcsc_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->pcsc_event < 0)
		return CR_E_INTERNAL;
	err = watch_fd(m, m->pcsc_event, &m->pcsc_event);
	if (!err)
		err = cr_pcsc_watch(NULL, pcsc_told, m, &m->pcsc);
	return err == CR_E_NO_SERVICE ? 0 : err;
}

int cr_monitor_open(cr_monitor_t **out)
{
	struct cr_monitor *m = calloc(1, sizeof(*m));
	int err = CR_E_INTERNAL;

	*out = NULL;
	if (!m)
		return CR_E_NOMEM;
	m->pcsc_event = -1;
	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	m->udev = udev_new();
	/* without udevd (containers, an initramfs) the kernel's own word is all there is */
	if (m->udev)
		m->mon = udev_monitor_new_from_netlink(m->udev, access("/run/udev/control", F_OK) ?
						       "kernel" : "udev");
	if (m->epoll < 0 || !m->mon ||
	    udev_monitor_filter_add_match_subsystem_devtype(m->mon, "cardring", NULL) < 0 ||
	    udev_monitor_filter_add_match_subsystem_devtype(m->mon, "usb", "usb_interface") < 0 ||
	    udev_monitor_enable_receiving(m->mon) < 0)
		goto fail;
	err = watch_fd(m, udev_monitor_get_fd(m->mon), NULL);
	if (!err)
		err = follow(m);
	if (!err)
		err = watch_pcsc(m);
	if (err)
		goto fail;
	*out = m;
	return 0;

fail:
	cr_monitor_close(m);
	return err;
}

int cr_monitor_fd(cr_monitor_t *m)
{
	return m->epoll;
}

static bool drain_udev(struct cr_monitor *m)
{
	struct udev_device *dev;
	bool any = false;

	/* the socket does not block */
	while ((dev = udev_monitor_receive_device(m->mon))) {
		udev_device_unref(dev);
		any = true;
	}
	return any;
}

/* Takes the events off; *gone: the reader was unplugged. */
static bool drain_ring(struct watched *w, bool *gone)
{
	const struct cardring_cqe *cqe;
	bool any = false;

	while ((cqe = cr_ring_peek(w->ring))) {
		*gone = *gone || cqe->result == CARDRING_EVENT_GONE;
		cr_ring_seen(w->ring);
		any = true;
	}
	/* what waited for room in the ring */
	if (cr_ring_submit(w->ring, 0, 0) == -ENODEV)
		*gone = true;
	return any || *gone;
}

int cr_monitor_read(cr_monitor_t *m)
{
	struct epoll_event ev[16];
	bool any = false, readers = false;
	eventfd_t told;
	int n = epoll_wait(m->epoll, ev, 16, 0), err;

	if (n < 0)
		return errno == EINTR ? 0 : CR_E_INTERNAL;
	for (int i = 0; i < n; i++) {
		struct watched *w = ev[i].data.ptr;
		bool gone = false;

		if (!w) {
			readers |= drain_udev(m);
		} else if (ev[i].data.ptr == &m->pcsc_event) {
			any |= !eventfd_read(m->pcsc_event, &told);
		} else {
			any |= drain_ring(w, &gone);
			readers |= gone;
		}
	}
	if (readers) {
		err = follow(m);
		if (err)
			return err;
	}
	return any || readers;
}

void cr_monitor_close(cr_monitor_t *m)
{
	if (!m)
		return;
	while (m->watched)
		unwatch(m, &m->watched);
	cr_pcsc_unwatch(m->pcsc);
	if (m->pcsc_event >= 0)
		close(m->pcsc_event);
	if (m->mon)
		udev_monitor_unref(m->mon);
	if (m->udev)
		udev_unref(m->udev);
	if (m->epoll >= 0)
		close(m->epoll);
	free(m);
}
