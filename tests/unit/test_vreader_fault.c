// SPDX-License-Identifier: BSD-2-Clause
/* The virtual reader's faults: each does what it says, as often as it was told, and nothing after. */
#include "vreader_host.h"

static struct vreader *powered(void)
{
	struct vreader *v = reader(&(struct vreader_config){ .slots = 2, .busy_slots = 2 });

	power(v, 0);
	power(v, 1);
	return v;
}

static void fine(struct vreader *v)
{
	assert_int_equal(xfr(v, 0, SELECT), 12);
	assert_int_equal(rsp[0], RDR_DATA_BLOCK);
	assert_int_equal(rsp[1], 2);
	assert_int_equal(rsp[5], 0);
	assert_int_equal(rsp[6], seq);
	assert_int_equal(rsp[7], 0);
	assert_memory_equal(rsp + 10, "\x90\0", 2);
	assert_int_equal(get(v), -1);
}

static void abort0(struct vreader *v)
{
	assert_int_equal(vreader_control(v, 0x21, 1, (seq + 1) << 8, 0, NULL, now), 0);
	put(v, PC_ABORT, 0, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 0, 0);
}

static void answer_is_changed_in_one_way(void **state)
{
	static const struct { const char *line; long len; int at, value; } t[] = {
		{ "wrongslot", 12, 5, 1 }, { "type", 12, 0, 0x99 }, { "type value=0x80", 12, 0, 0x80 },
		{ "status value=0x43", 12, 7, 0x43 }, { "sw", 12, 10, 0x6F }, { "sw value=0x6A82", 12, 11, 0x82 },
		{ "length delta=-1", 12, 1, 1 }, { "length delta=300", 12, 2, 302 >> 8 }, { "length delta=-3", 12, 4, 255 },
		{ "truncate", 5, 0, 0x80 }, { "truncate bytes=11", 11, 10, 0x90 }, { "truncate bytes=0", 0, 0, 0 },
		{ "oversize", 65555, 65554, 0xA5 }, { "junk bytes=9", 9, 0, 0x5A }, { "error", 10, 8, 0xFE },
		{ "error value=0xFB", 10, 7, 0x40 },
	};
	struct vreader *v = powered();

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		fault(v, t[i].line);
		put(v, PC_GET_SLOT_STATUS, 0, 0, NULL, 0);	/* the default is on=xfr: not this one */
		expect(v, RDR_SLOT_STATUS, 0, 0);
		assert_int_equal(xfr(v, 0, SELECT), t[i].len);
		if (t[i].len)
			assert_int_equal(rsp[t[i].at], t[i].value);
		fine(v);
	}
	fault(v, "wrongseq");
	xfr(v, 0, SELECT);
	assert_int_equal(rsp[6], (uint8_t)(seq + 1));
	fine(v);
	vreader_free(v);
}

static void strikes_when_and_where_it_was_told(void **state)
{
	struct vreader *v = powered();

	fault(v, "sw 2 after=1 slot=1");
	fine(v);
	for (int i = 0; i < 5; i++) {
		xfr(v, 1, SELECT);
		assert_int_equal(rsp[10], i == 1 || i == 2 ? 0x6F : 0x90);
	}
	fault(v, "error on=status");
	fine(v);
	put(v, PC_GET_SLOT_STATUS, 0, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 0x40, 0xFE);
	fault(v, "sw 0");
	for (int i = 0; i < 10; i++) {
		xfr(v, 0, SELECT);
		assert_int_equal(rsp[10], 0x6F);
	}
	fault(v, "clear");
	fine(v);
	vreader_free(v);
}

static void hang_ends_with_an_abort_only(void **state)
{
	struct vreader *v = powered();

	fault(v, "hang");
	assert_int_equal(xfr(v, 0, SELECT), -1);
	assert_int_equal(vreader_next(v), VREADER_NEVER);
	put(v, PC_ICC_POWER_OFF, 0, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 0x40, CCID_E_SLOT_BUSY);
	assert_int_equal(xfr(v, 1, SELECT), 12);	/* the other slot goes on */
	abort0(v);
	fine(v);
	vreader_free(v);
}

static void delay_and_extension_take_their_time(void **state)
{
	struct vreader *v = powered();

	fault(v, "delay ms=70");
	assert_int_equal(xfr(v, 0, SELECT), -1);
	pass(v, 69);
	assert_int_equal(get(v), -1);
	pass(v, 1);
	assert_int_equal(get(v), 12);

	fault(v, "extend times=3 ms=20");
	assert_int_equal(xfr(v, 0, SELECT), -1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vreader_next(v), now + 20 * MS);
		pass(v, 20);
		expect(v, RDR_DATA_BLOCK, 0x80, 1);
	}
	pass(v, 20);
	assert_int_equal(get(v), 12);
	assert_int_equal(rsp[7], 0);
	fine(v);

	fault(v, "extend times=0 ms=10");
	assert_int_equal(xfr(v, 0, SELECT), -1);
	pass(v, 1000);
	for (int i = 0; i < 100; i++)
		expect(v, RDR_DATA_BLOCK, 0x80, 1);
	abort0(v);
	assert_int_equal(vreader_next(v), VREADER_NEVER);

	/* a card that is slow of its own accord */
	assert_int_equal(xfr(v, 0, "\0\xFE\x05\x14", 4), -1);	/* 1,300 ms; an extension each 500 */
	pass(v, 1299);
	assert_int_equal(get(v), 10);
	assert_int_equal(get(v), 10);
	assert_int_equal(get(v), -1);
	pass(v, 1);
	assert_int_equal(get(v), 12);
	vreader_free(v);
}

static void answer_comes_twice_or_late(void **state)
{
	struct vreader *v = powered();
	uint8_t first;

	fault(v, "twice");
	assert_int_equal(xfr(v, 0, SELECT), 12);
	assert_int_equal(get(v), 12);
	assert_int_equal(rsp[6], seq);

	fault(v, "late ms=30");
	assert_int_equal(xfr(v, 0, READ16), -1);
	first = seq;
	abort0(v);
	fine(v);
	pass(v, 30);
	assert_int_equal(get(v), 28);
	assert_int_equal(rsp[6], first);
	assert_int_equal(vreader_next(v), VREADER_NEVER);
	vreader_free(v);
}

static void endpoints_halt(void **state)
{
	struct vreader *v = powered();

	fault(v, "stallin");
	assert_int_equal(xfr(v, 0, SELECT), -2);
	assert_int_equal(get(v), -2);
	vreader_clear_halt(v, VREADER_BULK_IN);
	fine(v);
	fault(v, "stallin value=1");
	assert_int_equal(xfr(v, 0, SELECT), -2);
	vreader_clear_halt(v, VREADER_BULK_IN);
	assert_int_equal(get(v), 12);
	fault(v, "stallout");
	assert_int_equal(put(v, PC_XFR_BLOCK, 0, 0, SELECT), VREADER_OUT_STALL);
	assert_int_equal(put(v, PC_XFR_BLOCK, 0, 0, SELECT), VREADER_OUT_STALL);
	vreader_clear_halt(v, VREADER_BULK_OUT);
	fault(v, "nakout");
	assert_int_equal(put(v, PC_XFR_BLOCK, 0, 0, SELECT), VREADER_OUT_NAK);
	fine(v);
	vreader_free(v);
}

static void transfers_are_odd(void **state)
{
	struct vreader *v = powered();
	uint8_t all[64];
	long len = 0, n;

	fault(v, "zlp");
	assert_int_equal(xfr(v, 0, SELECT), 0);
	assert_int_equal(get(v), 12);
	fault(v, "split bytes=9");
	n = xfr(v, 0, READ16);
	for (; n > 0; n = get(v)) {
		assert_in_range(n, 1, 9);
		memcpy(all + len, rsp, n);
		len += n;
	}
	assert_int_equal(len, 28);
	assert_int_equal(all[6], seq);
	assert_memory_equal(all + 26, "\x90\0", 2);
	fault(v, "inraw 80 01 02");
	assert_int_equal(get(v), 3);
	fine(v);
	vreader_free(v);
}

static void card_goes_while_a_command_runs(void **state)
{
	struct vreader *v = powered();
	uint8_t m[8];
	size_t n;

	vreader_interrupt(v, m, sizeof(m), &n);
	fault(v, "remove after=1");
	fine(v);
	assert_int_equal(xfr(v, 0, SELECT), 10);
	assert_int_equal(rsp[7], 0x42);
	assert_int_equal(rsp[8], CCID_E_ICC_MUTE);
	assert_int_equal(vreader_interrupt(v, m, sizeof(m), &n), VREADER_IN_PACKET);
	assert_int_equal(m[1], 0x06);
	fault(v, "insert");
	put(v, PC_XFR_BLOCK, 0, 0, SELECT);
	expect(v, RDR_DATA_BLOCK, 0x41, CCID_E_ICC_MUTE);	/* put back is not powered */
	power(v, 0);
	vreader_interrupt(v, m, sizeof(m), &n);

	fault(v, "remove on=xfr notify=0 hang=1");
	assert_int_equal(xfr(v, 0, SELECT), -1);
	assert_int_equal(vreader_interrupt(v, m, sizeof(m), &n), VREADER_IN_NAK);
	vreader_reset(v);

	fault(v, "insert");
	power(v, 0);
	fault(v, "delay ms=50");
	assert_int_equal(xfr(v, 0, SELECT), -1);
	fault(v, "remove");
	pass(v, 50);
	expect(v, RDR_DATA_BLOCK, 0x42, CCID_E_ICC_MUTE);
	vreader_free(v);
}

static void reader_goes(void **state)
{
	struct vreader *v = powered();

	fault(v, "unplug on=power");
	fine(v);
	assert_false(vreader_unplugged(v));
	put(v, PC_ICC_POWER_ON, 0, 0, NULL, 0);
	assert_true(vreader_unplugged(v));
	vreader_free(v);
	v = powered();
	fault(v, "unplug");
	assert_true(vreader_unplugged(v));
	vreader_free(v);
}

static void abort_itself_fails(void **state)
{
	struct vreader *v = powered();

	fault(v, "hang");
	xfr(v, 0, SELECT);
	fault(v, "stallabort");
	assert_int_equal(vreader_control(v, 0x21, 1, 0, 0, NULL, now), -1);
	fault(v, "ignoreabort");
	assert_int_equal(vreader_control(v, 0x21, 1, (seq + 1) << 8, 0, NULL, now), 0);
	put(v, PC_ABORT, 0, 0, NULL, 0);
	assert_int_equal(get(v), -1);			/* waits for the control half */
	fault(v, "muteabort");
	vreader_control(v, 0x21, 1, (seq + 1) << 8, 0, NULL, now);
	put(v, PC_ABORT, 0, 0, NULL, 0);
	assert_int_equal(get(v), -1);
	fault(v, "refuseabort");
	put(v, PC_ABORT, 0, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 0x40, 0);
	abort0(v);
	fine(v);
	vreader_free(v);
}

static void control_pipe_fails(void **state)
{
	struct vreader *v = powered();

	assert_false(vreader_ep0_stalls(v, true));
	fault(v, "failreset");
	assert_false(vreader_ep0_stalls(v, false));
	for (int i = 0; i < 20; i++)
		assert_true(vreader_ep0_stalls(v, true));
	fault(v, "clear");
	fault(v, "failreset 1");
	assert_true(vreader_ep0_stalls(v, true));
	assert_false(vreader_ep0_stalls(v, true));
	fault(v, "stallctl");
	assert_true(vreader_ep0_stalls(v, false));
	assert_false(vreader_ep0_stalls(v, false));
	vreader_free(v);
}

static void nonsense_is_refused(void **state)
{
	static const char *const lines[] = {
		"nothing", "hang x", "hang -1", "hang slot=2", "hang slot=99", "hang foo=1", "hang on=foo", "delay ms=",
		"delay ms=-1", "split bytes=0", "oversize bytes=99999999", "remove slot=7", "hwerror slot=31",
	};
	struct vreader *v = powered();
	const char *why;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		why = NULL;
		assert_int_equal(vreader_fault(v, lines[i], now, &why), -1);
		assert_non_null(why);
	}
	fault(v, "");
	fault(v, "# a comment");
	fine(v);
	vreader_free(v);
}

static void messages_are_stamped(void **state)
{
	struct vreader *v = powered();
	struct vreader_stamp s[8];
	uint64_t total, before;

	vreader_stamps(v, s, 0, &before);
	fault(v, "delay ms=3");
	xfr(v, 0, SELECT);
	pass(v, 3);
	get(v);
	assert_int_equal(vreader_stamps(v, s, 2, &total), 2);
	assert_int_equal(total, before + 2);
	assert_true(!s[0].in && s[0].type == PC_XFR_BLOCK && s[0].len == 14 && s[0].seq == seq);
	assert_true(s[1].in && s[1].type == RDR_DATA_BLOCK && s[1].len == 12);
	assert_int_equal(s[1].ns - s[0].ns, 3 * MS);
	/* what the device needs to make an answer is not the host's */
	vreader_ready(v, s[1].ns + 7);
	vreader_ready(v, s[1].ns + 9);
	assert_int_equal(vreader_stamps(v, s + 2, 2, &total), 2);
	assert_int_equal(s[2].ns, s[0].ns);
	assert_int_equal(s[3].ns, s[1].ns + 7);
	for (int i = 0; i < 3000; i++)
		fine(v);
	assert_int_equal(vreader_stamps(v, s, 8, &total), 8);
	vreader_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_is_changed_in_one_way),
		cmocka_unit_test(strikes_when_and_where_it_was_told),
		cmocka_unit_test(hang_ends_with_an_abort_only),
		cmocka_unit_test(delay_and_extension_take_their_time),
		cmocka_unit_test(answer_comes_twice_or_late),
		cmocka_unit_test(endpoints_halt),
		cmocka_unit_test(transfers_are_odd),
		cmocka_unit_test(card_goes_while_a_command_runs),
		cmocka_unit_test(reader_goes),
		cmocka_unit_test(abort_itself_fails),
		cmocka_unit_test(control_pipe_fails),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(messages_are_stamped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
