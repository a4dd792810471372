// SPDX-License-Identifier: BSD-2-Clause
/* The card's side of vpcd's protocol; the test plays the reader that listens. */
#include "simterm.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#define WAIT_MS	10000

static int listener = -1;
static unsigned int port;
static volatile int stop, insert;

static int listens(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	if (simterm_setup(state))
		return -1;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&a, sizeof(a)) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&a, &len))
		return -1;
	port = ntohs(a.sin_port);
	return 0;
}

static int ends(void **state)
{
	close(listener);
	return simterm_teardown(state);
}

static void *card(void *arg)
{
	return (void *)(long)sim_vpcd_serve("an", port, &stop, &insert);
}

static int accepted(void)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	return accept(listener, NULL, NULL);
}

static void begin(pthread_t *thread)
{
	stop = 0;
	insert = 1;
	assert_int_equal(pthread_create(thread, NULL, card, NULL), 0);
}

static long end(pthread_t thread)
{
	void *err;

	stop = 1;
	pthread_join(thread, &err);
	return (long)err;
}

static void give(int fd, const void *p, size_t len)
{
	const uint8_t head[2] = { (uint8_t)(len >> 8), (uint8_t)len };

	assert_int_equal(send(fd, head, 2, 0), 2);
	assert_int_equal(send(fd, p, len, 0), len);
}

static void order(int fd, uint8_t byte)
{
	give(fd, &byte, 1);
}

static size_t taken(int fd, uint8_t *to, size_t size)
{
	uint8_t head[2];
	size_t len;

	assert_int_equal(recv(fd, head, 2, MSG_WAITALL), 2);
	len = (size_t)(head[0] << 8 | head[1]);
	assert_true(len <= size);
	assert_int_equal(recv(fd, to, len, MSG_WAITALL), len);
	return len;
}

static bool hangs_up(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t byte;

	return poll(&p, 1, WAIT_MS) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

static void atr_then_power_then_apdus(void **state)
{
	static const uint8_t select[] = { 0, 0xA4, 4, 0x0C, 7, 0xA0, 0, 0, 2, 0x47, 0x10, 1 };
	uint8_t atr[64], again[64], rsp[300];
	pthread_t thread;
	size_t n;
	int fd;

	begin(&thread);
	fd = accepted();
	/* pcscd asks for the ATR to see whether there is a card */
	order(fd, 4);
	n = taken(fd, atr, sizeof(atr));
	assert_true(n > 2);
	assert_int_equal(atr[0], 0x3B);
	order(fd, 1);
	order(fd, 4);
	assert_int_equal(taken(fd, again, sizeof(again)), n);
	assert_memory_equal(again, atr, n);
	give(fd, select, sizeof(select));
	assert_int_equal(taken(fd, rsp, sizeof(rsp)), 2);
	assert_memory_equal(rsp, "\x90\0", 2);
	/* in pieces */
	assert_int_equal(send(fd, "\0", 1, 0), 1);
	usleep(20000);
	assert_int_equal(send(fd, "\x0C", 1, 0), 1);
	usleep(20000);
	for (size_t i = 0; i < sizeof(select); i++)
		assert_int_equal(send(fd, select + i, 1, 0), 1);
	assert_int_equal(taken(fd, rsp, sizeof(rsp)), 2);
	order(fd, 2);
	order(fd, 0);
	order(fd, 4);
	assert_int_equal(taken(fd, again, sizeof(again)), n);
	assert_int_equal(end(thread), 0);
	assert_true(hangs_up(fd));
	close(fd);
}

/* The connection is the card: it goes and comes. */
static void card_is_taken_out_and_put_back(void **state)
{
	pthread_t thread;
	uint8_t atr[64];
	int fd;

	begin(&thread);
	for (unsigned int i = 0; i < 3; i++) {
		fd = accepted();
		order(fd, 4);
		assert_true(taken(fd, atr, sizeof(atr)) > 2);
		insert = 0;
		assert_true(hangs_up(fd));
		close(fd);
		insert = 1;
	}
	assert_int_equal(end(thread), 0);
}

static void reader_that_hangs_up_ends_it(void **state)
{
	pthread_t thread;
	void *err;

	begin(&thread);
	close(accepted());
	pthread_join(thread, &err);
	assert_int_equal((long)err, 0);
}

static void what_is_no_vpcd_is_hung_up_on(void **state)
{
	static const struct { const char *bytes; size_t n; } bad[] = {
		{ "\0\0", 2 }, { "\0\1\3", 3 }, { "\0\1\xFF", 3 },
	};
	pthread_t thread;
	void *err;
	int fd;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(&thread);
		fd = accepted();
		assert_int_equal(send(fd, bad[i].bytes, bad[i].n, 0), bad[i].n);
		assert_true(hangs_up(fd));
		pthread_join(thread, &err);
		assert_int_equal((long)err, CR_E_READER_FAILED);
		close(fd);
	}
}

static void longest_message_is_taken(void **state)
{
	static uint8_t apdu[65535];
	pthread_t thread;
	uint8_t rsp[300];
	int fd;

	begin(&thread);
	fd = accepted();
	order(fd, 1);
	memcpy(apdu, "\0\xA4\4\x0C\0\xFF\xFF", 7);
	give(fd, apdu, sizeof(apdu));
	assert_int_equal(taken(fd, rsp, sizeof(rsp)), 2);
	assert_int_not_equal(rsp[0], 0x90);
	assert_int_equal(end(thread), 0);
	close(fd);
}

static void no_such_card_says_so(void **state)
{
	static const volatile int no, yes = 1;

	assert_int_equal(sim_vpcd_serve("nobody", port, &no, &yes), CR_E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(atr_then_power_then_apdus),
		cmocka_unit_test(card_is_taken_out_and_put_back),
		cmocka_unit_test(reader_that_hangs_up_ends_it),
		cmocka_unit_test(what_is_no_vpcd_is_hung_up_on),
		cmocka_unit_test(longest_message_is_taken),
		cmocka_unit_test(no_such_card_says_so),
	};

	return cmocka_run_group_tests(tests, listens, ends);
}
