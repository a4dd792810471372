// SPDX-License-Identifier: BSD-2-Clause
/*
 * libusb's part of a reader: a context, and the device in it.
 *
 * libusb looks at every device of every bus whenever a context is made, which takes longer than all else about opening
 * a reader; and which device it is, sysfs has told already. So the device's node is opened here and handed over, a
 * context is made without that look where libusb can (1.0.27), and those of readers that were closed are used again.
 *
 * Such a device is in none of libusb's lists, and its hotplug events do not speak of it. That it was unplugged is seen
 * on its node, which libusb then no longer polls.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include "usb_int.h"

#define IDLE_MAX	8
#define NODE_TRIES	5	/* sysfs has a new device a moment before /dev has its node */
#define NODE_US		10000

/* ---- contexts ---- */

static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;
static libusb_context *idle[IDLE_MAX];
static unsigned int idle_n;
static pid_t idle_pid;		/* whose they are: libusb's thread does not follow a fork */

static int context_new(libusb_context **ctx)
{
	sigset_t all, before;
	int err;

	/* libusb may have a thread of its own; signals are the program's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
#if LIBUSB_API_VERSION >= 0x0100010A
	err = libusb_init_context(ctx, &(const struct libusb_init_option){
				  .option = LIBUSB_OPTION_NO_DEVICE_DISCOVERY }, 1);
#else
	err = libusb_init(ctx);		/* there the option would be every context's in this program */
#endif
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

static int context_get(libusb_context **ctx)
{
	*ctx = NULL;
	pthread_mutex_lock(&idle_lock);
	if (idle_n && idle_pid == getpid())
		*ctx = idle[--idle_n];
	pthread_mutex_unlock(&idle_lock);
	return *ctx ? 0 : context_new(ctx);
}

static void context_put(libusb_context *ctx)
{
	pthread_mutex_lock(&idle_lock);
	if (idle_pid != getpid()) {
		idle_pid = getpid();
		idle_n = 0;
	}
	if (idle_n < IDLE_MAX) {
		idle[idle_n++] = ctx;
		ctx = NULL;
	}
	pthread_mutex_unlock(&idle_lock);
	if (ctx)
		libusb_exit(ctx);
}

/* This library may be unloaded, and libusb with it: not under the feet of its thread. */
__attribute__((destructor))
static void contexts_exit(void)
{
	while (idle_n && idle_pid == getpid())
		libusb_exit(idle[--idle_n]);
}

/* ---- the device ---- */

/* Within libusb_handle_events: the thread that handles them looks at the mark behind that. */
static void LIBUSB_CALL node_closed(int fd, void *arg)
{
	struct usb_reader *r = arg;

	if (fd == r->node)
		r->unplugged = true;
}

static int open_node(const struct cardring_info *info)
{
	char path[64];
	int fd;

	cr_usb_node(info, path, sizeof(path));
	fd = open(path, O_RDWR | O_CLOEXEC);
	for (unsigned int i = 0; fd < 0 && errno == ENOENT && i < NODE_TRIES; i++) {
		usleep(NODE_US);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	return fd;
}

static int node_error(int err)
{
	switch (err) {
	case EACCES:
	case EPERM:
		return CR_E_READER_DENIED;
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return CR_E_READER_GONE;
	case ENOMEM:
		return CR_E_NOMEM;
	}
	return CR_E_READER_FAILED;
}

int cr_usb_device_open(struct usb_reader *r)
{
	int err;

	r->node = open_node(&r->info);
	if (r->node < 0)
		return node_error(errno);
	err = context_get(&r->ctx);
	if (err) {
		r->ctx = NULL;
		return cr_usb_error(err);
	}
	libusb_set_pollfd_notifiers(r->ctx, NULL, node_closed, r);
	return cr_usb_error(libusb_wrap_sys_device(r->ctx, r->node, &r->handle));
}

void cr_usb_device_close(struct usb_reader *r)
{
	if (r->ctx)
		libusb_set_pollfd_notifiers(r->ctx, NULL, NULL, NULL);
	if (r->handle)
		libusb_close(r->handle);
	if (r->ctx)
		context_put(r->ctx);
	if (r->node >= 0)
		close(r->node);
}
