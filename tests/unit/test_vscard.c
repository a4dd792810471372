// SPDX-License-Identifier: BSD-2-Clause
/* The VSCard protocol from the card's side; the test plays QEMU's ccid-card-passthru. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "vreader.h"
#include "vscard_wire.h"

static struct vcard *card;
static unsigned int resets;

static const uint8_t *power_on(void *arg, size_t *len)
{
	resets++;
	return card->ops->power_on(card, len);
}

static void power_off(void *arg)
{
	card->ops->power_off(card);
}

static size_t tpdu(void *arg, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	unsigned int wait;

	return card->ops->exchange(card, cmd, len, rsp, size, &wait);
}

static int setup(void **state)
{
	const struct vscard_card c = { power_on, power_off, tpdu, NULL };

	resets = 0;
	card = vcard_echo_new(VREADER_TPDU);
	*state = vscard_new(&c);
	return !card || !*state;
}

static int teardown(void **state)
{
	vscard_free(*state);
	vcard_free(card);
	return 0;
}

static int feed(struct vscard *v, unsigned int type, const void *body, size_t len)
{
	uint8_t m[400] = { 0, 0, 0, type, 0, 0, 0, 0, 0, 0, len >> 8, len };

	if (len)
		memcpy(m + 12, body, len);
	return vscard_feed(v, m, 12 + len);
}

/* The next message must be of this type; its body and length. */
static const uint8_t *expect(struct vscard *v, unsigned int type, size_t *len)
{
	static uint8_t body[400];
	const uint8_t *p;
	size_t n;

	p = vscard_pending(v, &n);
	assert_true(n >= 12);
	assert_int_equal(p[3], type);
	*len = p[10] << 8 | p[11];
	assert_true(n >= 12 + *len);
	memcpy(body, p + 12, *len);
	vscard_sent(v, 12 + *len);
	return body;
}

static void expect_nothing(struct vscard *v)
{
	size_t n;

	vscard_pending(v, &n);
	assert_int_equal(n, 0);
}

#define INIT "VSCD\0\0\0\2\0\0\0\0", 12
#define OK "\0\0\0\0", 4

static void ready(struct vscard *v)
{
	size_t n;

	expect(v, VSC_INIT, &n);
	assert_int_equal(feed(v, VSC_INIT, INIT), 0);
	expect(v, VSC_READER_ADD, &n);
	assert_int_equal(feed(v, VSC_ERROR, OK), 0);
}

static void says_init_readeradd_atr_in_that_order(void **state)
{
	struct vscard *v = *state;
	const uint8_t *p;
	size_t n;

	vscard_insert(v, true);
	p = expect(v, VSC_INIT, &n);
	assert_int_equal(n, 12);
	assert_memory_equal(p, "VSCD\0\0\0\2", 8);
	expect_nothing(v);
	feed(v, VSC_INIT, INIT);
	expect(v, VSC_READER_ADD, &n);
	expect_nothing(v);
	feed(v, VSC_ERROR, OK);
	p = expect(v, VSC_ATR, &n);
	assert_int_equal(p[0], 0x3B);
	feed(v, VSC_ERROR, OK);
	expect_nothing(v);
	feed(v, VSC_INIT, INIT);	/* QEMU may say it again: the reader is there */
	expect_nothing(v);
}

static void answers_tpdus_whole_or_in_pieces(void **state)
{
	static const uint8_t m[] = { 0, 0, 0, VSC_APDU, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0xB0, 0, 0, 4 };
	struct vscard *v = *state;
	const uint8_t *p;
	size_t n;

	vscard_insert(v, true);
	ready(v);
	expect(v, VSC_ATR, &n);
	for (size_t i = 0; i < sizeof(m); i++) {
		expect_nothing(v);
		assert_int_equal(vscard_feed(v, m + i, 1), 0);
	}
	p = expect(v, VSC_APDU, &n);
	assert_int_equal(n, 6);
	assert_memory_equal(p, "\0\1\2\3\x90\0", 6);
	feed(v, VSC_APDU, "\0\x88\0\0\1x", 6);
	p = expect(v, VSC_APDU, &n);
	assert_memory_equal(p, "\x61\1", 2);
}

static void card_goes_and_comes_with_a_new_power_on(void **state)
{
	struct vscard *v = *state;
	size_t n;

	ready(v);
	expect_nothing(v);		/* no card yet */
	assert_int_equal(resets, 0);
	vscard_insert(v, true);
	expect(v, VSC_ATR, &n);
	vscard_insert(v, true);
	expect_nothing(v);
	vscard_insert(v, false);
	expect(v, VSC_CARD_REMOVE, &n);
	feed(v, VSC_APDU, "\0\xA4\0\0", 4);	/* crossed the removal on its way */
	expect_nothing(v);
	vscard_insert(v, true);
	expect(v, VSC_ATR, &n);
	assert_int_equal(resets, 2);
	feed(v, VSC_FLUSH, NULL, 0);
	expect(v, VSC_FLUSH_COMPLETE, &n);
}

static void nonsense_ends_the_connection(void **state)
{
	struct vscard *v = *state;
	static const uint8_t huge[12] = { 0, 0, 0, VSC_APDU, 0, 0, 0, 0, 0x7F };
	size_t n;

	assert_int_equal(feed(v, VSC_INIT, "SPICE\0\0\0", 8), -1);
	feed(v, VSC_INIT, INIT);
	assert_int_equal(feed(v, VSC_ERROR, "\0\0\0\1", 4), -1);	/* the reader is refused */
	assert_int_equal(vscard_feed(v, huge, 12), 0);
	assert_int_equal(vscard_feed(v, huge, 1), -1);
	expect(v, VSC_INIT, &n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(says_init_readeradd_atr_in_that_order, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_tpdus_whole_or_in_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(card_goes_and_comes_with_a_new_power_on, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense_ends_the_connection, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
