// SPDX-License-Identifier: BSD-2-Clause
/*
 * The virtual card behind QEMU's usb-ccid and ccid-card-passthru: a client of the chardev's unix socket. The
 * reader works at TPDU level, so the card speaks T=0.
 *
 * A chardev with server=on takes one client at a time and another one after it. QEMU does not notice that a client
 * left: the card would stay in the reader, and a command for it would never be answered. So the card is taken out
 * before we go.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cardring/error.h>
#include "sim.h"
#include "vscard_wire.h"

#define CONNECT_MS	10000	/* QEMU makes the socket only once it runs */
#define POLL_MS		50	/* how soon a change of *stop or *insert is seen */

struct t0_card { struct sim_card *card; struct sim_t0 *t0; };

static const uint8_t *power_on(void *arg, size_t *len)
{
	struct t0_card *c = arg;

	sim_t0_reset(c->t0);
	return sim_card_power_on(c->card, true, len);
}

static void power_off(void *arg)
{
	sim_card_power_off(((struct t0_card *)arg)->card);
}

static size_t tpdu(void *arg, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	return sim_t0_tpdu(((struct t0_card *)arg)->t0, cmd, len, rsp, size);
}

/* A connected socket, or negative enum cr_error (0: stopped first). */
static int dial(const char *path, const volatile int *stop)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(a.sun_path))
		return CR_E_INVALID;
	memcpy(a.sun_path, path, strlen(path) + 1);
	for (int ms = 0; !*stop && ms < CONNECT_MS; ms += 50) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return CR_E_IO;
		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			return fd;
		err = errno;
		close(fd);
		errno = err;
		if (err != ENOENT && err != ECONNREFUSED && err != EAGAIN && err != EINTR)
			return CR_E_IO;
		nanosleep(&pause, NULL);
	}
	return *stop ? 0 : CR_E_TIMEOUT;
}

/* false: the socket is closed. */
static bool flush(struct vscard *v, int fd)
{
	const uint8_t *data;
	size_t len;
	ssize_t n;

	while ((data = vscard_pending(v, &len)) && len) {
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			vscard_sent(v, n);
	}
	return true;
}

static int serve(struct vscard *v, int fd, const volatile int *stop, const volatile int *insert)
{
	uint8_t buf[4096];
	ssize_t n;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		vscard_insert(v, *insert && !*stop);
		if (!flush(v, fd) || *stop)
			return 0;
		if (poll(&p, 1, POLL_MS) <= 0)
			continue;
		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		if (vscard_feed(v, buf, n) < 0)
			return CR_E_READER_FAILED;
	}
}

int vscard_serve(const struct vscard_card *card, const char *socket_path, const volatile int *stop,
		 const volatile int *insert)
{
	struct vscard *v = vscard_new(card);
	int fd, err;

	if (!v)
		return CR_E_NOMEM;
	err = fd = dial(socket_path, stop);
	if (fd > 0) {
		err = serve(v, fd, stop, insert);
		close(fd);
	}
	vscard_free(v);
	return err;
}

int sim_vscard_serve(const char *name, const char *socket_path, const volatile int *stop, const volatile int *insert)
{
	struct t0_card c = { 0 };
	const struct vscard_card card = { power_on, power_off, tpdu, &c };
	int err;

	err = sim_card_load(name, &c.card);
	if (err)
		return err;
	c.t0 = sim_t0_new(c.card);
	err = c.t0 ? vscard_serve(&card, socket_path, stop, insert) : CR_E_NOMEM;
	if (c.t0)
		sim_t0_free(c.t0);
	sim_card_free(c.card);
	return err;
}
