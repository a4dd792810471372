// SPDX-License-Identifier: BSD-2-Clause
/*
 * The virtual card under a real pcscd: a client of the virtual reader that Debian's vsmartcard-vpcd puts there, which
 * listens on a TCP port. The card is in the reader while the connection stands.
 *
 * Each message is its length, 16 bits big-endian, and so many bytes. From the reader: one byte is an order (0 power
 * off, 1 power on, 2 reset, 4 say your ATR), more than one an APDU. Only an ATR and the response to an APDU go back.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "sim.h"

#define CONNECT_MS	10000	/* pcscd listens only once it runs */
#define POLL_MS		50	/* how soon a change of *stop or *insert is seen */
#define MESSAGE_MAX	65535

enum { POWER_OFF = 0, POWER_ON = 1, RESET = 2, GET_ATR = 4 };

struct vpcd {
	struct sim_card *card;
	int fd;
	const volatile int *stop, *insert;
	uint8_t cmd[MESSAGE_MAX];
	struct { uint8_t head[2], rsp[65538]; };	/* one behind the other */
	uint8_t atr[64];
	size_t atr_len;
};

static bool ended(const struct vpcd *v)
{
	return *v->stop || !*v->insert;
}

static void pause_ms(long ms)
{
	const struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

/* A connected socket; 0: stopped first; negative enum cr_error. */
static int dial(unsigned int port, const volatile int *stop)
{
	const struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd, err;

	for (int ms = 0; !*stop && ms < CONNECT_MS; ms += 50) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return CR_E_IO;
		if (!connect(fd, (const struct sockaddr *)&a, sizeof(a)))
			return fd;
		err = errno;
		close(fd);
		errno = err;
		if (err != ECONNREFUSED && err != EINTR)
			return CR_E_IO;
		pause_ms(50);
	}
	return *stop ? 0 : CR_E_TIMEOUT;
}

/* Exactly so many bytes. 1; 0: told to end; CR_E_READER_GONE: the other side has closed. */
static int receive(const struct vpcd *v, uint8_t *to, size_t len)
{
	static const int at_once = 1;

	while (len) {
		struct pollfd p = { .fd = v->fd, .events = POLLIN };
		ssize_t n;

		if (ended(v))
			return 0;
		if (poll(&p, 1, POLL_MS) <= 0)
			continue;
		n = recv(v->fd, to, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return CR_E_READER_GONE;
		/* vpcd sends length and message apart, and the second only once the first is acknowledged */
		setsockopt(v->fd, IPPROTO_TCP, TCP_QUICKACK, &at_once, sizeof(at_once));
		to += n;
		len -= (size_t)n;
	}
	return 1;
}

/* What is in v->rsp. In one piece: else TCP has the reader wait for its own acknowledgment. */
static int give(struct vpcd *v, size_t len)
{
	size_t done = 0;

	v->head[0] = (uint8_t)(len >> 8);
	v->head[1] = (uint8_t)len;
	len += sizeof(v->head);
	while (done < len) {
		ssize_t n = send(v->fd, v->head + done, len - done, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return CR_E_READER_GONE;
		done += n > 0 ? (size_t)n : 0;
	}
	return 1;
}

static void power_on(struct vpcd *v)
{
	const uint8_t *atr = sim_card_power_on(v->card, false, &v->atr_len);

	memcpy(v->atr, atr, v->atr_len);
}

/* 1, or what ends it. */
static int obey(struct vpcd *v, size_t len)
{
	size_t n;

	if (len == 1) {
		switch (v->cmd[0]) {
		case POWER_OFF:
			sim_card_power_off(v->card);
			return 1;
		case POWER_ON:
		case RESET:
			power_on(v);
			return 1;
		case GET_ATR:
			memcpy(v->rsp, v->atr, v->atr_len);
			return give(v, v->atr_len);
		}
		return CR_E_READER_FAILED;
	}
	n = sim_card_apdu(v->card, v->cmd, len, v->rsp, sizeof(v->rsp));
	if (n > MESSAGE_MAX)
		return CR_E_TOO_LONG;	/* the length has 16 bits */
	return give(v, n);
}

/* Until it is told to end (0), or the reader is gone. */
static int serve(struct vpcd *v)
{
	uint8_t head[2];
	int more;

	power_on(v);	/* the ATR is asked for before power */
	sim_card_power_off(v->card);
	do {
		size_t len;

		more = receive(v, head, sizeof(head));
		len = (size_t)(head[0] << 8 | head[1]);
		if (more == 1 && !len)
			more = CR_E_READER_FAILED;
		if (more == 1)
			more = receive(v, v->cmd, len);
		if (more == 1)
			more = obey(v, len);
	} while (more == 1);
	sim_card_power_off(v->card);
	return more;
}

int sim_vpcd_serve(const char *name, unsigned int port, const volatile int *stop, const volatile int *insert)
{
	struct vpcd *v = calloc(1, sizeof(*v));
	int err;

	if (!v)
		return CR_E_NOMEM;
	v->stop = stop;
	v->insert = insert;
	err = sim_card_load(name, &v->card);
	while (!err && !*stop) {
		if (!*insert) {
			pause_ms(POLL_MS);
			continue;
		}
		err = v->fd = dial(port, stop);
		if (v->fd <= 0)
			break;
		err = serve(v);
		close(v->fd);
	}
	sim_card_free(v->card);
	explicit_bzero(v, sizeof(*v));
	free(v);
	return err == CR_E_READER_GONE ? 0 : err;
}
