// SPDX-License-Identifier: BSD-2-Clause
/* Between an answer and the next command the reader asks the system for one thing, once: to exchange the two. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include "kmod/benchbus.h"
#include "steady.h"
#include "usbip.h"
#include "bus.h"

#define LOOK_MS	100	/* between two looks at stop */

struct bus_reader {
	struct vreader *reader;
	struct usbip_dev *dev;
	int fd;
	char name[16];
	struct steady clock;
	pthread_t thread;
	pthread_mutex_t lock;	/* of dev, reader and clock */
	bool stop;		/* by lock */
	uint8_t in[BENCHBUS_IN];
};

static unsigned int wait_ms(const struct bus_reader *b, uint64_t now)
{
	uint64_t next = usbip_dev_next(b->dev);

	if (next == VREADER_NEVER || next > now + LOOK_MS * VREADER_MS)
		return LOOK_MS;
	return next > now ? (next - now) / VREADER_MS + 1 : 0;
}

static void *serve(void *arg)
{
	struct bus_reader *b = arg;
	struct benchbus_exchange x = { .in = (uintptr_t)b->in, .in_size = sizeof(b->in) };
	uint64_t now;
	size_t len;
	int err = 0;

	pthread_mutex_lock(&b->lock);
	while (!b->stop && !err) {
		x.out = (uintptr_t)usbip_dev_pending(b->dev, &len);
		x.out_len = len;
		now = steady_ns(&b->clock);
		x.ms = wait_ms(b, now);
		usbip_dev_ready(b->dev, now);
		pthread_mutex_unlock(&b->lock);
		err = ioctl(b->fd, BENCHBUS_EXCHANGE, &x) ? errno : 0;
		pthread_mutex_lock(&b->lock);
		if (err == EINTR)
			err = x.in_len = 0;
		if (err)
			break;
		usbip_dev_sent(b->dev, len);
		if (!x.in_len)
			usbip_dev_tick(b->dev, steady_ns(&b->clock));
		else if (usbip_dev_feed(b->dev, b->in, x.in_len, steady_ns(&b->clock)))
			err = EPROTO;
	}
	pthread_mutex_unlock(&b->lock);
	/* unplugged, that nobody waits for its answers */
	if (err)
		fprintf(stderr, "the reader on benchbus ends: %s\n", strerror(err));
	close(b->fd);
	return NULL;
}

static void bus_free(struct bus_reader *b)
{
	usbip_dev_free(b->dev);
	vreader_free(b->reader);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

struct bus_reader *bus_attach(const struct vreader_config *cfg)
{
	struct bus_reader *b = calloc(1, sizeof(*b));
	uint32_t number;
	int err;

	if (!b)
		return NULL;
	pthread_mutex_init(&b->lock, NULL);
	b->reader = vreader_new(cfg);
	b->dev = b->reader ? usbip_dev_new(&b->reader, 1) : NULL;
	b->fd = b->dev ? open("/dev/benchbus", O_RDWR | O_CLOEXEC) : -1;
	err = !b->dev ? ENOMEM : b->fd < 0 || ioctl(b->fd, BENCHBUS_NUMBER, &number) ? errno : 0;
	if (!err)
		err = pthread_create(&b->thread, NULL, serve, b);
	if (err) {
		if (b->fd >= 0)
			close(b->fd);
		bus_free(b);
		errno = err;
		return NULL;
	}
	snprintf(b->name, sizeof(b->name), "%u-1", number);
	return b;
}

const char *bus_name(const struct bus_reader *b)
{
	return b->name;
}

size_t bus_stamps(struct bus_reader *b, struct vreader_stamp *out, size_t max, uint64_t *total)
{
	size_t n;

	pthread_mutex_lock(&b->lock);
	n = vreader_stamps(b->reader, out, max, total);
	pthread_mutex_unlock(&b->lock);
	return n;
}

void bus_detach(struct bus_reader *b)
{
	const struct timespec look = { .tv_nsec = 5000000 };
	char path[64];

	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_mutex_unlock(&b->lock);
	pthread_join(b->thread, NULL);
	/* until then the next device there is mistaken for this one */
	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s", b->name);
	for (unsigned int waited = 0; waited < 10000 && !access(path, F_OK); waited += 5)
		nanosleep(&look, NULL);
	bus_free(b);
}
