// SPDX-License-Identifier: BSD-2-Clause
/* PC/SC's rings: waiting, over a kernel in which the time goes by at once; connections, over a pcscd that is a script. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "reader/pcsc_int.h"

static int fails_with;		/* 0: woken */
static bool had_an_end;		/* without one, a wait is begun again behind a signal's handler */

/* In place of the C library's: of what is called here, futexes alone go through it. */
long syscall(long number, ...)
{
	const struct timespec *until;
	va_list ap;

	assert_int_equal(number, SYS_futex);
	va_start(ap, number);
	va_arg(ap, uint32_t *);
	va_arg(ap, int);
	va_arg(ap, uint32_t);
	until = va_arg(ap, const struct timespec *);
	va_end(ap);
	had_an_end = until && until->tv_sec >= 0 && until->tv_sec < INT32_MAX;
	errno = fails_with;
	return fails_with ? -1 : 0;
}

static struct { const void *p; size_t n; } wiped[16];
static unsigned int wipes;

/* In place of the C library's too: it notes what was wiped. */
void explicit_bzero(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ volatile("" ::: "memory");
	wiped[wipes % 16].p = p;
	wiped[wipes++ % 16].n = n;
}

static bool was_wiped(const void *p, size_t n)
{
	for (unsigned int i = 0; i < 16; i++)
		if (wiped[i].p == p && wiped[i].n >= n)
			return true;
	return false;
}

static int sleeps(uint64_t until, int how)
{
	struct pcsc_ring r = { .lock = PTHREAD_MUTEX_INITIALIZER };
	int rc;

	fails_with = how;
	had_an_end = false;
	pthread_mutex_lock(&r.lock);
	rc = cr_pcsc_sleep(&r, &r.changes, until);
	pthread_mutex_unlock(&r.lock);
	assert_int_equal(r.sleepers, 0);
	assert_true(had_an_end);
	return rc;
}

static void only_the_end_that_was_asked_for_is_one(void **state)
{
	const uint64_t now = cr_pcsc_now(), minute = 60 * 1000 * PCSC_MS;

	assert_int_equal(sleeps(now + minute, ETIMEDOUT), -ETIME);
	assert_int_equal(sleeps(now + 24 * 60 * minute, ETIMEDOUT), 0);
	assert_int_equal(sleeps(PCSC_NEVER, ETIMEDOUT), 0);
	assert_int_equal(sleeps(PCSC_NEVER, EINTR), -EINTR);
	assert_int_equal(sleeps(PCSC_NEVER, EAGAIN), 0);
	assert_int_equal(sleeps(PCSC_NEVER, 0), 0);
}

/* ---- connections ---- */

/*
 * pcscd, as pcsc-lite is (1.9 and 2, winscard.c): a connection powers a card that is not powered; where that fails of one
 * that was before, it goes on without an ATR, and calls the card in use.
 */
static struct {
	unsigned int failures;		/* so many power-ups fail */
	bool in_use;
	unsigned long has;		/* protocols of the card */
	unsigned long protocol, known;	/* the one agreed on; those that the ATR it has offers */
	bool shared;			/* by another program */
	unsigned int handles, resets;
	bool breaks;			/* in the middle of a response: the second command of it gets no answer */
	unsigned int commands;
} pcscd;

static bool power_up(void)
{
	pcscd.known = pcscd.protocol = 0;
	if (pcscd.failures) {
		pcscd.failures--;
		return false;
	}
	pcscd.known = pcscd.has;
	return true;
}

static long agree(unsigned long protocols, unsigned long *protocol)
{
	if (!pcscd.protocol && protocols & pcscd.known)
		pcscd.protocol = protocols & pcscd.known & PCSC_T1 ? PCSC_T1 : PCSC_T0;
	*protocol = pcscd.protocol;
	return pcscd.protocol & protocols ? 0 : PCSC_E_PROTO_MISMATCH;
}

static long fake_establish(unsigned long scope, const void *a, const void *b, long *ctx)
{
	*ctx = 1;
	return 0;
}

static long fake_connect(long ctx, const char *reader, unsigned long share, unsigned long protocols, long *card,
			 unsigned long *protocol)
{
	long rv = 0;

	if (share != PCSC_SHARE_DIRECT) {
		if (!pcscd.in_use)
			power_up();
		pcscd.in_use = true;
		rv = agree(protocols, protocol);
		if (!rv && pcscd.shared)
			rv = PCSC_E_SHARING_VIOLATION;
	}
	*card = 2;
	pcscd.handles += !rv;
	return rv;
}

static long fake_reconnect(long card, unsigned long share, unsigned long protocols, unsigned long how,
			   unsigned long *protocol)
{
	assert_int_equal(share, PCSC_SHARE_EXCLUSIVE);
	assert_int_equal(how, PCSC_UNPOWER_CARD);
	pcscd.resets++;
	if (!power_up())
		return PCSC_W_UNRESPONSIVE_CARD;
	pcscd.in_use = true;
	return agree(protocols, protocol);
}

static long fake_disconnect(long card, unsigned long how)
{
	if (how == PCSC_UNPOWER_CARD)
		pcscd.in_use = false;
	pcscd.handles--;
	return 0;
}

static long fake_status_change(long ctx, unsigned long ms, struct pcsc_state *states, unsigned long n)
{
	states->event = PCSC_STATE_PRESENT | (pcscd.shared ? PCSC_STATE_INUSE : 0);
	return 0;
}

static long fake_attrib(long card, unsigned long id, unsigned char *value, unsigned long *len)
{
	static const unsigned char t1[] = { 0x3b, 0x80, 0x01, 0x81 }, other[] = { 0x3b, 0x80, 0x0e, 0x8e };

	assert_int_equal(id, PCSC_ATTR_ATR);
	*len = pcscd.known ? sizeof(t1) : 0;
	memcpy(value, pcscd.has & PCSC_T1 ? t1 : other, *len);
	return 0;
}

static long fake_status(long card, char *reader, unsigned long *reader_len, unsigned long *state,
			unsigned long *protocol, unsigned char *atr, unsigned long *atr_len)
{
	*atr_len = 0;
	return 0;
}

static long fake_control(long card, unsigned long code, const void *in, unsigned long in_len, void *out,
			 unsigned long room, unsigned long *out_len)
{
	return PCSC_E_NOT_TRANSACTED;
}

static long fake_transmit(long card, const struct pcsc_pci *send, const unsigned char *cmd, unsigned long len,
			  struct pcsc_pci *recv, unsigned char *rsp, unsigned long *rsp_len)
{
	if (send->protocol != pcscd.protocol)
		return PCSC_E_PROTO_MISMATCH;
	if (pcscd.breaks && pcscd.commands++)
		return PCSC_F_COMM_ERROR;
	if (pcscd.breaks)
		memcpy(rsp, "data\x61\x04", *rsp_len = 6);
	else
		memcpy(rsp, "\x90\x00", *rsp_len = 2);
	return 0;
}

static const struct pcsc_api fake = {
	.establish = fake_establish, .connect = fake_connect, .reconnect = fake_reconnect,
	.disconnect = fake_disconnect, .status_change = fake_status_change, .attrib = fake_attrib,
	.status = fake_status, .control = fake_control, .transmit = fake_transmit,
};

static struct pcsc_line line;
static struct pcsc_call call;
static uint8_t rsp[PCSC_APDU_MAX];

static void begin(unsigned long has)
{
	memset(&pcscd, 0, sizeof(pcscd));
	pcscd.has = has;
	line = (struct pcsc_line){ .api = &fake, .name = "reader" };
	call = (struct pcsc_call){ .rsp = rsp };
}

static void a_card_that_is_there_is_powered(void **state)
{
	begin(PCSC_T1);
	assert_int_equal(cr_pcsc_connect(&line), 0);
	assert_int_equal(pcscd.resets, 0);
	assert_int_equal(cr_pcsc_power_on(&line, &call), 0);
	assert_int_equal(call.len, 4);
	assert_int_equal(line.protocol, PCSC_T1);
}

static void one_power_up_that_fails_is_not_the_end(void **state)
{
	begin(PCSC_T1);
	pcscd.failures = 1;
	cr_pcsc_connect(&line);
	assert_int_equal(cr_pcsc_power_on(&line, &call), 0);
	assert_int_equal(call.len, 4);
	cr_pcsc_disconnect(&line, true);
	assert_int_equal(pcscd.handles, 0);
}

static void a_card_that_another_program_left_without_an_atr_is_powered(void **state)
{
	begin(PCSC_T1);
	pcscd.in_use = true;
	assert_int_equal(cr_pcsc_power_on(&line, &call), 0);
	assert_int_equal(call.len, 4);
}

static void a_card_that_does_not_answer_is_mute(void **state)
{
	begin(PCSC_T1);
	pcscd.failures = 100;
	assert_int_equal(cr_pcsc_power_on(&line, &call), -EREMOTEIO);
	assert_int_equal(call.error, 0xfe);
	assert_int_equal(pcscd.handles, 0);
	assert_false(pcscd.in_use);
}

static void a_card_of_another_protocol_is_said_to_be_that(void **state)
{
	begin(1 << 14);
	assert_int_equal(cr_pcsc_power_on(&line, &call), -EREMOTEIO);
	assert_int_equal(call.error, 0xf6);
	assert_int_equal(pcscd.handles, 0);
}

static void a_card_that_another_program_shares_is_not_reset(void **state)
{
	begin(PCSC_T1);
	pcscd.in_use = pcscd.shared = true;
	pcscd.protocol = 4;	/* SCARD_PROTOCOL_RAW */
	assert_int_equal(cr_pcsc_power_on(&line, &call), -EBUSY);
	assert_int_equal(pcscd.resets, 0);
	assert_int_equal(pcscd.handles, 0);
}

static void a_card_that_pcscd_has_powered_anew_is_another(void **state)
{
	static const uint8_t cmd[] = { 0, 0xa4, 0, 0 };

	begin(PCSC_T1);
	assert_int_equal(cr_pcsc_power_on(&line, &call), 0);
	assert_int_equal(cr_pcsc_xfer(&line, cmd, sizeof(cmd), &call), 0);
	pcscd.protocol = 0;
	assert_int_equal(cr_pcsc_xfer(&line, cmd, sizeof(cmd), &call), -ENOMEDIUM);
}

/* ---- what was said ---- */

/* call.len bytes are wiped behind the call (pcsc_call.c): whatever of the response has come, whole or not. */
static void a_response_that_breaks_off_is_known_for_the_wipe(void **state)
{
	static const uint8_t cmd[] = { 0, 0xb0, 0, 0, 8 };

	begin(PCSC_T0);
	memset(rsp, 0, sizeof(rsp));
	line.connected = true;
	line.protocol = pcscd.protocol = PCSC_T0;
	pcscd.breaks = true;
	assert_true(cr_pcsc_xfer(&line, cmd, sizeof(cmd), &call) < 0);
	assert_int_equal(pcscd.commands, 2);
	assert_memory_equal(rsp, "data", 5);
	assert_int_equal(call.len, 4);
}

static void what_a_ring_leaves_is_wiped(void **state)
{
	struct pcsc_ring *r = calloc(1, sizeof(*r));
	uint8_t *tx = malloc(PCSC_APDU_MAX), *rx = malloc(PCSC_APDU_MAX);

	assert_true(r && tx && rx);
	r->mem.evfd = -1;
	r->refs = 1;
	r->tx = tx;
	r->rx = rx;
	pthread_mutex_init(&r->lock, NULL);
	pthread_mutex_lock(&r->lock);
	memset(wiped, 0, sizeof(wiped));
	cr_pcsc_unref(r);
	assert_true(was_wiped(tx, PCSC_APDU_MAX));
	assert_true(was_wiped(rx, PCSC_APDU_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_end_that_was_asked_for_is_one),
		cmocka_unit_test(a_card_that_is_there_is_powered),
		cmocka_unit_test(one_power_up_that_fails_is_not_the_end),
		cmocka_unit_test(a_card_that_another_program_left_without_an_atr_is_powered),
		cmocka_unit_test(a_card_that_does_not_answer_is_mute),
		cmocka_unit_test(a_card_of_another_protocol_is_said_to_be_that),
		cmocka_unit_test(a_card_that_another_program_shares_is_not_reset),
		cmocka_unit_test(a_card_that_pcscd_has_powered_anew_is_another),
		cmocka_unit_test(a_response_that_breaks_off_is_known_for_the_wipe),
		cmocka_unit_test(what_a_ring_leaves_is_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
