// SPDX-License-Identifier: BSD-2-Clause
/*
 * The device's side of tests/bench/turnaround.c on xHCI: the built-in test card in QEMU's own reader, which measures
 * the time from its answer to a READ BINARY until the next READ BINARY reaches it. Outside of the machine, with the
 * host's clock: the guest's may stand still or jump. stamps.h says how the figures come to the guest.
 *
 *   stampcard SOCKET      of QEMU's ccid-card-passthru; SIGUSR1 takes the card out, SIGUSR2 puts it in
 *
 * Ends with the socket, or at SIGTERM.
 */
#include <signal.h>
#include <stdbool.h>
#include <cardring/error.h>
#include "vreader.h"
#include "vscard_wire.h"
#include "stamps.h"

static volatile int stop, insert = 1;

static struct vcard *echo;
static uint32_t gaps[MAX_GAPS], count, lost, others;
static uint64_t answered;	/* when the answer to a READ BINARY was ready; 0: it was another command */

static void on_signal(int sig)
{
	if (sig == SIGTERM || sig == SIGINT)
		stop = 1;
	else
		insert = sig == SIGUSR2;
}

static const uint8_t *power_on(void *arg, size_t *len)
{
	answered = 0;
	return echo->ops->power_on(echo, len);
}

static void power_off(void *arg)
{
	echo->ops->power_off(echo);
}

static size_t put_be32(uint8_t *p, uint32_t x)
{
	p[0] = x >> 24; p[1] = x >> 16; p[2] = x >> 8; p[3] = x;
	return sizeof(x);
}

static size_t report(uint8_t *rsp)
{
	struct stamps s = { .lost = lost, .others = others };
	uint32_t *words = (uint32_t *)&s;
	size_t n = 0;

	stamps_of(&s, gaps, count);
	for (size_t i = 0; i < sizeof(s) / sizeof(*words); i++)
		n += put_be32(rsp + n, words[i]);
	count = lost = others = 0;
	return n;
}

static size_t status(uint8_t *rsp, size_t n, unsigned int sw)
{
	rsp[n] = sw >> 8;
	rsp[n + 1] = sw;
	return n + 2;
}

static size_t get_data(const uint8_t *cmd, uint8_t *rsp)
{
	size_t want = cmd[3] ? sizeof(struct stamps) : sizeof(count);

	if (cmd[2] != 1 || cmd[3] > 1)	/* ISO/IEC 7816-4, 5.6 */
		return status(rsp, 0, 0x6A86);
	if (cmd[4] != want)		/* ISO/IEC 7816-3, 12.2.1: case 2 */
		return status(rsp, 0, 0x6C00 | want);
	return status(rsp, cmd[3] ? report(rsp) : put_be32(rsp, count + lost), 0x9000);
}

static size_t tpdu(void *arg, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	uint64_t now = now_ns(), gap = now - answered;
	bool read = len == 5 && cmd[1] == 0xB0;
	unsigned int wait_ms = 0;
	size_t n;

	if (answered && read) {
		if (count < MAX_GAPS)
			gaps[count++] = gap < UINT32_MAX ? gap : UINT32_MAX;
		else
			lost++;
	}
	answered = 0;
	if (len == 5 && cmd[0] == 0x80 && cmd[1] == 0xCA)
		return get_data(cmd, rsp);
	n = echo->ops->exchange(echo, cmd, len, rsp, size, &wait_ms);
	if (read)
		answered = now_ns();
	else
		others++;
	return n;
}

int main(int argc, char **argv)
{
	static const struct vscard_card card = { power_on, power_off, tpdu, NULL };
	struct sigaction act = { .sa_handler = on_signal };
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: stampcard SOCKET\n");
		return 2;
	}
	echo = vcard_echo_new(VREADER_TPDU);
	if (!echo) {
		fprintf(stderr, "stampcard: out of memory\n");
		return 1;
	}
	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGUSR2, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	err = vscard_serve(&card, argv[1], &stop, &insert);
	vcard_free(echo);
	if (err)
		fprintf(stderr, "stampcard: %s\n", cr_strerror(err));
	return err != 0;
}
