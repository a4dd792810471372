// SPDX-License-Identifier: BSD-2-Clause
/* The device side of USB/IP; the test plays vhci_hcd. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "usbip.h"

enum { OUT, IN };
struct ret { uint32_t command, seqnum, len; int32_t status; const uint8_t *data; };

static struct vreader *reader[2];
static struct usbip_dev *dev;
static uint32_t seqnum;
static uint8_t answer[140000];

static void be32(uint8_t *p, uint32_t x)
{
	p[0] = x >> 24; p[1] = x >> 16; p[2] = x >> 8; p[3] = x;
}

static uint32_t from_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* CMD_SUBMIT; its seqnum. */
static uint32_t submit(unsigned int ep, int dir, uint32_t flags, const void *data, uint32_t len, const uint8_t *setup)
{
	static uint8_t m[70000];

	memset(m, 0, 48);
	be32(m, 1);
	be32(m + 4, ++seqnum);
	be32(m + 8, 0x10001);
	be32(m + 12, dir);
	be32(m + 16, ep);
	be32(m + 20, flags);
	be32(m + 24, len);
	if (setup)
		memcpy(m + 40, setup, 8);
	if (dir == OUT && len)
		memcpy(m + 48, data, len);
	assert_int_equal(usbip_dev_feed(dev, m, 48 + (dir == OUT ? len : 0), 1), 0);
	return seqnum;
}

static void unlink_urb(uint32_t victim)
{
	uint8_t m[48] = { 0 };

	be32(m, 2);
	be32(m + 4, ++seqnum);
	be32(m + 20, victim);
	assert_int_equal(usbip_dev_feed(dev, m, 48, 1), 0);
}

/* The next answer, or command 0. Only answers to IN URBs carry data. */
static struct ret next(bool in)
{
	struct ret r = { 0 };
	const uint8_t *p;
	size_t len, n = 48;

	p = usbip_dev_pending(dev, &len);
	if (len < 48)
		return r;
	r = (struct ret){ from_be32(p), from_be32(p + 4), 0, from_be32(p + 20), answer };
	r.len = r.command == 3 ? from_be32(p + 24) : 0;
	for (int i = 8; i < 20; i++)
		assert_int_equal(p[i], 0);
	if (in)
		n += r.len;
	assert_true(len >= n);
	memcpy(answer, p + 48, n - 48);
	usbip_dev_sent(dev, n);
	return r;
}

/* seq 0: of what was said last */
static void expect_ret(struct ret r, uint32_t command, uint32_t seq, int status, uint32_t len)
{
	assert_int_equal(r.command, command);
	assert_int_equal(r.seqnum, seq ? seq : seqnum);
	assert_int_equal(r.status, status);
	assert_int_equal(r.len, len);
}

static int control(uint8_t type, uint8_t request, uint16_t value, uint16_t index, uint16_t len)
{
	const uint8_t s[8] = { type, request, value, value >> 8, index, index >> 8, len, len >> 8 };
	uint32_t seq = submit(0, type >> 7, 0, NULL, len, s);
	struct ret r = next(type >> 7);

	assert_int_equal(r.command, 3);
	assert_int_equal(r.seqnum, seq);
	return r.status ? r.status : (int)r.len;
}

static void begin(const struct vreader_config *c, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		assert_non_null(reader[i] = vreader_new(&c[i]));
	dev = usbip_dev_new(reader, n);
	assert_non_null(dev);
	assert_int_equal(control(0x00, 9, 1, 0, 0), 0);
}

static void end(unsigned int n)
{
	usbip_dev_free(dev);
	for (unsigned int i = 0; i < n; i++)
		vreader_free(reader[i]);
}

static const struct vreader_config plain[2];
static const uint8_t status_cmd[10] = { PC_GET_SLOT_STATUS };

static void interfaces_have_their_numbers_and_gaps_are_filled(void **state)
{
	static const struct vreader_config c[2] = {
		{ .interface_number = 3, .manufacturer = "" },
		{ .interface_number = 1, .interface_class = 0xFF, .interface_subclass = 92, .no_bulk = true },
	};
	static const uint8_t interfaces[4][9] = {
		{ 9, 4, 0, 0, 0, 0xFF }, { 9, 4, 2, 0, 0, 0xFF }, { 9, 4, 3, 0, 3, 0x0B }, { 9, 4, 1, 0, 1, 0xFF, 92 },
	};
	unsigned int total, at, n = 0;

	begin(c, 2);
	assert_int_equal(control(0x80, 6, 0x100, 0, 18), 18);
	assert_memory_equal(answer + 14, "\0\2", 2);	/* no manufacturer, but a product */
	total = control(0x80, 6, 0x200, 0, 1000);
	assert_int_equal(total, 9 + 4 * 9 + 2 * 54 + 4 * 7);
	assert_int_equal(answer[4], 4);
	for (at = 0; at < total; at += answer[at])
		if (answer[at + 1] == 4)
			assert_memory_equal(answer + at, interfaces[n++], 9);
	assert_int_equal(n, 4);
	/* class requests go by the number: an abort of a slot that is there; to a gap there is nobody */
	assert_int_equal(control(0x21, 1, 0, 3, 0), 0);
	assert_int_equal(control(0x21, 1, 0, 1, 0), 0);
	assert_int_equal(control(0x21, 1, 0, 2, 0), -EPIPE);
	assert_int_equal(control(0x81, 10, 0, 2, 1), 1);
	assert_int_equal(control(0x01, 11, 0, 2, 0), 0);
	assert_int_equal(control(0x81, 10, 0, 4, 1), -EPIPE);
	end(2);
}

static void descriptors_are_whole_and_cut_to_length(void **state)
{
	static const struct vreader_config c[2] = {
		{ .vid = 0x1234, .pid = 0x5678, .serial = "é1", .speed = VREADER_FULL_SPEED },
		{ .no_interrupt = true, .interface = "SAM" },
	};
	unsigned int total, at;

	begin(c, 2);
	assert_int_equal(control(0x80, 6, 0x100, 0, 18), 18);
	assert_memory_equal(answer + 8, "\x34\x12\x78\x56", 4);
	assert_int_equal(control(0x80, 6, 0x100, 0, 8), 8);
	assert_int_equal(control(0x80, 6, 0x100, 0, 64), 18);
	assert_int_equal(control(0x80, 6, 0x200, 0, 9), 9);
	total = answer[2] | answer[3] << 8;
	assert_int_equal(total, 9 + 2 * (9 + 54) + 5 * 7);
	assert_int_equal(control(0x80, 6, 0x200, 0, 1000), total);
	for (at = 0; at < total; at += answer[at])
		assert_true(answer[at] >= 2);
	assert_int_equal(at, total);
	assert_int_equal(control(0x80, 6, 0x201, 0, 1000), -EPIPE);
	assert_int_equal(control(0x80, 6, 0x303, 0x409, 255), 6);
	assert_memory_equal(answer, "\x06\x03\xE9\0" "1\0", 6);
	assert_int_equal(control(0x80, 6, 0x305, 0x409, 255), 8);	/* the second interface's */
	assert_int_equal(control(0x80, 6, 0x304, 0x409, 255), -EPIPE);
	assert_int_equal(control(0x80, 6, 0xF00, 0, 5), -EPIPE);	/* BOS: a USB 2.0 device has none */
	assert_int_equal(control(0x80, 6, 0x600, 0, 10), -EPIPE);	/* qualifier: full speed only */
	end(2);
}

static void standard_requests_are_answered(void **state)
{
	begin(plain, 1);
	assert_int_equal(control(0x80, 8, 0, 0, 1), 1);
	assert_int_equal(answer[0], 1);
	assert_int_equal(control(0x81, 10, 0, 0, 1), 1);
	assert_int_equal(control(0x81, 10, 0, 1, 1), -EPIPE);
	assert_int_equal(control(0x01, 11, 0, 0, 0), 0);
	assert_int_equal(control(0x01, 11, 1, 0, 0), -EPIPE);
	assert_int_equal(control(0x00, 9, 2, 0, 0), -EPIPE);
	assert_int_equal(control(0x00, 3, 1, 0, 0), 0);			/* remote wakeup */
	assert_int_equal(control(0x80, 0, 0, 0, 2), 2);
	assert_int_equal(answer[0], 2);
	assert_int_equal(control(0x02, 3, 0, 0x82, 0), 0);		/* halt bulk-IN */
	assert_int_equal(control(0x82, 0, 0, 0x82, 2), 2);
	assert_int_equal(answer[0], 1);
	expect_ret((submit(2, IN, 0, NULL, 64, NULL), next(true)), 3, 0, -EPIPE, 0);
	assert_int_equal(control(0x02, 1, 0, 0x82, 0), 0);
	assert_int_equal(control(0x82, 0, 0, 0x02, 2), -EPIPE);		/* there is no OUT endpoint 2 */
	assert_int_equal(control(0x40, 1, 0, 0, 0), -EPIPE);		/* vendor */
	assert_int_equal(control(0xA1, 2, 0, 0, 4), -EPIPE);		/* no clock frequencies */
	assert_int_equal(control(0x21, 1, 0, 0, 0), 0);			/* ABORT slot 0 */
	assert_int_equal(control(0x21, 1, 0, 1, 0), -EPIPE);		/* no interface 1 */
	end(1);
}

static void superspeed_has_bos_and_companions(void **state)
{
	static const struct vreader_config c = { .speed = VREADER_SUPER_SPEED };

	begin(&c, 1);
	assert_int_equal(control(0x80, 6, 0x100, 0, 18), 18);
	assert_int_equal(answer[3], 3);
	assert_int_equal(answer[7], 9);
	assert_int_equal(control(0x80, 6, 0xF00, 0, 100), 22);
	assert_int_equal(control(0x80, 6, 0x200, 0, 1000), 9 + 9 + 54 + 3 * 13);
	end(1);
}

static void message_and_answer_pass(void **state)
{
	uint32_t in, out;
	uint8_t one[48 + 10] = { 0 };

	begin(plain, 1);
	in = submit(2, IN, 0, NULL, 512, NULL);		/* waiting before the command, as a driver may */
	assert_int_equal(next(true).command, 0);
	out = submit(1, OUT, 0, status_cmd, 10, NULL);
	expect_ret(next(false), 3, out, 0, 10);
	expect_ret(next(true), 3, in, 0, 10);
	assert_int_equal(answer[0], RDR_SLOT_STATUS);

	/* a request cut anywhere on its way is still one */
	be32(one, 1);
	be32(one + 4, ++seqnum);
	be32(one + 16, 1);
	be32(one + 24, 10);
	memcpy(one + 48, status_cmd, 10);
	for (size_t i = 0; i < sizeof(one); i++)
		assert_int_equal(usbip_dev_feed(dev, one + i, 1, 1), 0);
	expect_ret(next(false), 3, 0, 0, 10);
	expect_ret((submit(2, IN, 0x0001, NULL, 10, NULL), next(true)), 3, 0, 0, 10);
	submit(1, OUT, 0, status_cmd, 10, NULL);
	next(false);
	expect_ret((submit(2, IN, 0x0001, NULL, 11, NULL), next(true)), 3, 0, -EREMOTEIO, 10);
	end(1);
}

static void transfers_end_as_on_a_bus(void **state)
{
	static uint8_t escape[10 + 1014] = { PC_ESCAPE, 1014 & 0xFF, 1014 >> 8 };

	begin(plain, 1);
	/* 1,024 bytes: two full packets and an empty one, which ends a larger transfer and outlives an exact one */
	submit(1, OUT, 0x0040, escape, sizeof(escape), NULL);
	expect_ret(next(false), 3, 0, 0, sizeof(escape));
	expect_ret((submit(2, IN, 0, NULL, 2048, NULL), next(true)), 3, 0, 0, 1024);
	submit(1, OUT, 0, escape, sizeof(escape), NULL);
	next(false);
	expect_ret((submit(2, IN, 0, NULL, 1024, NULL), next(true)), 3, 0, 0, 1024);
	expect_ret((submit(2, IN, 0, NULL, 1024, NULL), next(true)), 3, 0, 0, 0);
	/* babble: the second packet does not fit */
	submit(1, OUT, 0, escape, sizeof(escape), NULL);
	next(false);
	expect_ret((submit(2, IN, 0, NULL, 700, NULL), next(true)), 3, 0, -EOVERFLOW, 512);
	expect_ret((submit(2, IN, 0, NULL, 512, NULL), next(true)), 3, 0, 0, 512);
	expect_ret((submit(2, IN, 0, NULL, 512, NULL), next(true)), 3, 0, 0, 0);
	/* one message read by transfers of a packet each */
	submit(1, OUT, 0, escape, sizeof(escape), NULL);
	next(false);
	expect_ret((submit(2, IN, 0, NULL, 512, NULL), next(true)), 3, 0, 0, 512);
	expect_ret((submit(2, IN, 0, NULL, 512, NULL), next(true)), 3, 0, 0, 512);
	end(1);
}

static void without_empty_packet_a_larger_transfer_waits(void **state)
{
	static const struct vreader_config c = { .zlp = VREADER_ZLP_NEVER, .speed = VREADER_FULL_SPEED };
	static uint8_t escape[64] = { PC_ESCAPE, 54 };
	uint32_t in;

	begin(&c, 1);
	submit(1, OUT, 0x0040, escape, 64, NULL);
	next(false);
	in = submit(2, IN, 0, NULL, 128, NULL);
	assert_int_equal(next(true).command, 0);
	submit(1, OUT, 0, status_cmd, 10, NULL);
	next(false);
	expect_ret(next(true), 3, in, 0, 74);	/* and runs into the next message */
	end(1);
}

static void unlinked_urb_has_one_completion(void **state)
{
	uint32_t a, b;

	begin(plain, 1);
	a = submit(2, IN, 0, NULL, 512, NULL);
	b = submit(2, IN, 0, NULL, 512, NULL);
	unlink_urb(a);
	expect_ret(next(false), 4, 0, -ECONNRESET, 0);
	submit(1, OUT, 0, status_cmd, 10, NULL);
	expect_ret(next(false), 3, 0, 0, 10);
	expect_ret(next(true), 3, b, 0, 10);		/* the answer goes to the one that is left */
	unlink_urb(b);
	expect_ret(next(false), 4, 0, 0, 0);	/* it was complete */
	assert_int_equal(next(false).command, 0);
	end(1);
}

static void stalls_and_untaken_transfers(void **state)
{
	uint32_t out;

	begin(plain, 1);
	vreader_fault(reader[0], "stallout", 1, NULL);
	expect_ret((submit(1, OUT, 0, status_cmd, 10, NULL), next(false)), 3, 0, -EPIPE, 0);
	assert_int_equal(control(0x02, 1, 0, 0x01, 0), 0);
	vreader_fault(reader[0], "nakout", 1, NULL);
	out = submit(1, OUT, 0, status_cmd, 10, NULL);
	usbip_dev_tick(dev, 100);
	assert_int_equal(next(false).command, 0);
	unlink_urb(out);
	expect_ret(next(false), 4, 0, -ECONNRESET, 0);
	expect_ret((submit(1, OUT, 0, status_cmd, 10, NULL), next(false)), 3, 0, 0, 10);
	vreader_fault(reader[0], "stallctl", 1, NULL);
	assert_int_equal(control(0x80, 8, 0, 0, 1), -EPIPE);
	assert_int_equal(control(0x80, 8, 0, 0, 1), 1);
	end(1);
}

static void interrupt_waits_for_a_change(void **state)
{
	uint32_t in;

	begin(plain, 1);
	expect_ret((submit(3, IN, 0, NULL, 8, NULL), next(true)), 3, 0, 0, 2);
	assert_memory_equal(answer, "\x50\x03", 2);
	in = submit(3, IN, 0, NULL, 8, NULL);
	assert_int_equal(next(true).command, 0);
	vreader_fault(reader[0], "remove", 1, NULL);
	usbip_dev_tick(dev, 2);
	expect_ret(next(true), 3, in, 0, 2);
	assert_memory_equal(answer, "\x50\x02", 2);
	vreader_fault(reader[0], "interror", 1, NULL);
	expect_ret((submit(3, IN, 0, NULL, 8, NULL), next(true)), 3, 0, -EPROTO, 0);
	end(1);
}

static void interfaces_have_readers_of_their_own(void **state)
{
	begin(plain, 2);
	vreader_fault(reader[1], "error on=status", 1, NULL);
	submit(4, OUT, 0, status_cmd, 10, NULL);
	next(false);
	expect_ret((submit(5, IN, 0, NULL, 64, NULL), next(true)), 3, 0, 0, 10);
	assert_int_equal(answer[7], 0x41);
	submit(1, OUT, 0, status_cmd, 10, NULL);
	next(false);
	expect_ret((submit(2, IN, 0, NULL, 64, NULL), next(true)), 3, 0, 0, 10);
	assert_int_equal(answer[7], 0x01);
	expect_ret((submit(7, OUT, 0, status_cmd, 10, NULL), next(false)), 3, 0, -EPIPE, 0);
	end(2);
}

static void answers_come_when_due(void **state)
{
	uint32_t in;

	begin(plain, 1);
	vreader_fault(reader[0], "delay ms=5 on=any", 1, NULL);
	in = submit(2, IN, 0, NULL, 64, NULL);
	submit(1, OUT, 0, status_cmd, 10, NULL);
	next(false);
	assert_int_equal(usbip_dev_next(dev), 1 + 5 * VREADER_MS);
	usbip_dev_tick(dev, 5 * VREADER_MS);
	assert_int_equal(next(true).command, 0);
	usbip_dev_tick(dev, 1 + 5 * VREADER_MS);
	expect_ret(next(true), 3, in, 0, 10);
	assert_int_equal(usbip_dev_next(dev), VREADER_NEVER);
	end(1);
}

static void what_is_not_usbip_ends_the_connection(void **state)
{
	uint8_t m[48] = { 0 };

	begin(plain, 1);
	be32(m, 5);
	assert_int_equal(usbip_dev_feed(dev, m, 48, 1), -1);
	end(1);
	begin(plain, 1);
	be32(m, 1);
	be32(m + 24, 0x7FFFFFFF);
	assert_int_equal(usbip_dev_feed(dev, m, 48, 1), -1);
	end(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_are_whole_and_cut_to_length),
		cmocka_unit_test(interfaces_have_their_numbers_and_gaps_are_filled),
		cmocka_unit_test(standard_requests_are_answered),
		cmocka_unit_test(superspeed_has_bos_and_companions),
		cmocka_unit_test(message_and_answer_pass),
		cmocka_unit_test(transfers_end_as_on_a_bus),
		cmocka_unit_test(without_empty_packet_a_larger_transfer_waits),
		cmocka_unit_test(unlinked_urb_has_one_completion),
		cmocka_unit_test(stalls_and_untaken_transfers),
		cmocka_unit_test(interrupt_waits_for_a_change),
		cmocka_unit_test(interfaces_have_readers_of_their_own),
		cmocka_unit_test(answers_come_when_due),
		cmocka_unit_test(what_is_not_usbip_ends_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
