// SPDX-License-Identifier: BSD-2-Clause
/* The virtual reader as a state machine: each message, its errors (CCID 1.1), and each fault. */
#include "vreader_host.h"

/* ---- messages ---- */

static void card_is_powered_and_answers(void **state)
{
	struct vreader *v = reader(&(struct vreader_config){ 0 });

	put(v, PC_GET_SLOT_STATUS, 0, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 1, 0);
	assert_int_equal(rsp[9], 1);			/* clock stopped */
	put(v, PC_XFR_BLOCK, 0, 0, SELECT);
	expect(v, RDR_DATA_BLOCK, 0x41, CCID_E_ICC_MUTE);	/* not before it is powered */
	power(v, 0);
	assert_int_equal(xfr(v, 0, READ16), 28);
	assert_int_equal(rsp[10 + 15], vcard_echo_byte(15));
	assert_memory_equal(rsp + 26, "\x90\0", 2);
	assert_int_equal(xfr(v, 0, "\0\x01\0\0", 4), 12);
	assert_memory_equal(rsp + 10, "\x6D\0", 2);
	put(v, PC_ICC_POWER_OFF, 0, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 1, 0);
	put(v, PC_XFR_BLOCK, 0, 0, SELECT);
	expect(v, RDR_DATA_BLOCK, 0x41, CCID_E_ICC_MUTE);
	vreader_free(v);
}

static void empty_slot_and_absent_slot_are_told_apart(void **state)
{
	struct vreader *v = reader(&(struct vreader_config){ .slots = 3, .empty = 2, .mute = 4 });

	put(v, PC_GET_SLOT_STATUS, 1, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 2, 0);
	put(v, PC_ICC_POWER_ON, 1, 0, NULL, 0);
	expect(v, RDR_DATA_BLOCK, 0x42, CCID_E_ICC_MUTE);
	put(v, PC_GET_SLOT_STATUS, 3, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 0x42, CCID_E_SLOT);
	put(v, PC_GET_SLOT_STATUS, 2, 0, NULL, 0);
	assert_int_equal(get(v), -1);
	vreader_free(v);
}

static void malformed_messages_are_refused_by_field(void **state)
{
	static const struct { uint8_t type; uint32_t param; size_t len; unsigned int error; uint8_t reply; } t[] = {
		{ PC_ICC_POWER_ON, 4, 0, 7, RDR_DATA_BLOCK },
		{ PC_ICC_POWER_ON, 0x100, 0, 8, RDR_DATA_BLOCK },
		{ PC_ICC_POWER_ON, 0, 1, 1, RDR_DATA_BLOCK },
		{ PC_ICC_POWER_ON, 3, 0, 7, RDR_DATA_BLOCK },		/* 1.8 V: not in bVoltageSupport */
		{ PC_ICC_POWER_OFF, 1, 0, 7, RDR_SLOT_STATUS },
		{ PC_GET_SLOT_STATUS, 0x010000, 0, 8, RDR_SLOT_STATUS },
		{ PC_GET_SLOT_STATUS, 0, 2, 1, RDR_SLOT_STATUS },
		{ PC_XFR_BLOCK, 0x000400, 4, 8, RDR_DATA_BLOCK },
		{ PC_XFR_BLOCK, 0, 3, 1, RDR_DATA_BLOCK },
		{ PC_GET_PARAMETERS, 1, 0, 7, RDR_PARAMETERS },
		{ PC_SET_PARAMETERS, 2, 5, 7, RDR_PARAMETERS },
		{ PC_SET_PARAMETERS, 0, 7, 1, RDR_PARAMETERS },
		{ PC_SET_PARAMETERS, 0, 5, 10, RDR_PARAMETERS },	/* FI 0, DI 0 */
		{ PC_ICC_CLOCK, 0, 0, 0, RDR_SLOT_STATUS },
		{ PC_SECURE, 0, 0, 0, RDR_DATA_BLOCK },
		{ PC_MECHANICAL, 1, 0, 0, RDR_SLOT_STATUS },
		{ PC_SET_RATE_CLOCK, 0, 8, 0, RDR_RATE_CLOCK },
		{ 0x42, 0, 0, 0, RDR_SLOT_STATUS },
	};
	struct vreader *v = reader(&(struct vreader_config){ .voltage = 3 });
	static const uint8_t zero[16];

	power(v, 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		put(v, t[i].type, 0, t[i].param, zero, t[i].len);
		expect(v, t[i].reply, 0x40, t[i].error);
	}
	vreader_free(v);
}

static void length_that_differs_from_the_transfer_is_refused(void **state)
{
	struct vreader *v = reader(&(struct vreader_config){ 0 });
	uint8_t m[600] = { PC_GET_SLOT_STATUS, 5 };

	vreader_bulk_out(v, m, 12, false, now);		/* too short for its dwLength */
	assert_int_equal(get(v), 10);
	assert_int_equal(rsp[8], CCID_E_LENGTH);
	m[1] = 0;
	vreader_bulk_out(v, m, 12, false, now);		/* too long */
	assert_int_equal(get(v), 10);
	assert_int_equal(rsp[8], CCID_E_LENGTH);
	vreader_bulk_out(v, m, 7, false, now);		/* no header: nothing to answer */
	assert_int_equal(get(v), -1);
	vreader_bulk_out(v, m, 0, true, now);
	vreader_bulk_out(v, m, 10, false, now);		/* and no harm to the next */
	assert_int_equal(get(v), 10);
	assert_int_equal(rsp[8], 0);
	/* a message in two transfers, the first of full packets only */
	m[0] = PC_ESCAPE;
	m[1] = 540 & 0xFF;
	m[2] = 540 >> 8;
	vreader_bulk_out(v, m, 512, false, now);
	assert_int_equal(get(v), -1);
	vreader_bulk_out(v, m, 38, false, now);
	assert_int_equal(get(v), 550);
	assert_int_equal(rsp[0], RDR_ESCAPE);
	vreader_free(v);
}

static void parameters_are_read_set_and_reset(void **state)
{
	struct vreader *v = reader(&(struct vreader_config){ .level = VREADER_SHORT });
	static const uint8_t t0[5] = { 0x95, 0x00, 0x05, 0x0A, 0x03 };
	static const uint8_t t1[7] = { 0x18, 0x11, 0x00, 0x45, 0x00, 0xFE, 0x00 };
	static const struct { unsigned int at; uint8_t value, error; } bad[] = {
		{ 0, 0x7A, 10 }, { 0, 0x10, 10 }, { 1, 0x00, 11 }, { 1, 0x14, 11 }, { 3, 0xA0, 13 },
		{ 4, 4, 14 }, { 5, 0, 15 }, { 5, 0xFF, 15 }, { 6, 0x80, 16 },
	};
	uint8_t m[7];

	put(v, PC_GET_PARAMETERS, 0, 0, NULL, 0);
	expect(v, RDR_PARAMETERS, 0x41, CCID_E_ICC_MUTE);
	power(v, 0);
	put(v, PC_SET_PARAMETERS, 0, 1, t1, 7);
	assert_int_equal(get(v), 17);
	put(v, PC_GET_PARAMETERS, 0, 0, NULL, 0);
	assert_int_equal(get(v), 17);
	assert_int_equal(rsp[9], 1);
	assert_memory_equal(rsp + 10, t1, 7);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(m, t1, 7);
		m[bad[i].at] = bad[i].value;
		put(v, PC_SET_PARAMETERS, 0, 1, m, 7);
		expect(v, RDR_PARAMETERS, 0x40, bad[i].error);
	}
	put(v, PC_RESET_PARAMETERS, 0, 0, NULL, 0);
	assert_int_equal(get(v), 17);
	assert_memory_equal(rsp + 10, "\x11\x10\0\x4D\0\x20\0", 7);
	put(v, PC_SET_PARAMETERS, 0, 0, t0, 5);
	assert_int_equal(get(v), 15);
	assert_memory_equal(rsp + 10, t0, 5);
	vreader_free(v);
}

static void levels_bound_what_a_message_may_carry(void **state)
{
	static uint8_t big[300] = { 0, 0x88, 0, 0, 0, 1, 0 };
	struct vreader *v = reader(&(struct vreader_config){ .level = VREADER_SHORT, .max_message = 400 });

	power(v, 0);
	put(v, PC_XFR_BLOCK, 0, 0, big, 262);
	expect(v, RDR_DATA_BLOCK, 0x40, CCID_E_LENGTH);
	put(v, PC_XFR_BLOCK, 0, 0x100, SELECT);
	expect(v, RDR_DATA_BLOCK, 0x40, CCID_E_PARAM1);
	assert_int_equal(xfr(v, 0, "\0\xB0\0\0\0", 5), 10 + 258);
	vreader_free(v);

	v = reader(&(struct vreader_config){ .level = VREADER_TPDU });
	power(v, 0);
	assert_int_equal(xfr(v, 0, "\0\x88\0\0\3abc", 8), 12);
	assert_memory_equal(rsp + 10, "\x61\x03", 2);
	assert_int_equal(xfr(v, 0, "\0\xC0\0\0\4", 5), 12);
	assert_memory_equal(rsp + 10, "\x6C\x03", 2);
	assert_int_equal(xfr(v, 0, "\0\xC0\0\0\3", 5), 15);
	assert_memory_equal(rsp + 10, "abc\x90\0", 5);
	vreader_free(v);
}

static void long_apdus_are_chained_both_ways(void **state)
{
	/* an echo of 1,000 bytes through messages of 271: CCID 1.1, 6.1.4 and 6.2.1 */
	struct vreader *v = reader(&(struct vreader_config){ .max_message = 271 });
	uint8_t cmd[7 + 1000 + 2] = { 0, 0x88, 0, 0, 0, 1000 >> 8, 1000 & 0xFF };
	uint8_t back[1100];
	size_t at = 0, len = 0;

	for (int i = 0; i < 1000; i++)
		cmd[7 + i] = i * 7;
	power(v, 0);
	for (uint32_t level = 1; at < sizeof(cmd); level = 3) {
		size_t n = sizeof(cmd) - at < 261 ? sizeof(cmd) - at : 261;

		put(v, PC_XFR_BLOCK, 0, (at + n == sizeof(cmd) ? 2 : level) << 8, cmd + at, n);
		at += n;
		if (at < sizeof(cmd)) {
			assert_int_equal(get(v), 10);
			assert_int_equal(rsp[9], 0x10);
		}
	}
	for (int part = 0;; part++) {
		long n = get(v);

		assert_true(n > 10);
		memcpy(back + len, rsp + 10, n - 10);
		len += n - 10;
		assert_int_equal(rsp[9], part == 0 ? 1 : len == 1002 ? 2 : 3);
		if (rsp[9] == 2)
			break;
		put(v, PC_XFR_BLOCK, 0, 0x1000, NULL, 0);
	}
	assert_memory_equal(back, cmd + 7, 1000);
	put(v, PC_XFR_BLOCK, 0, 0x1000, NULL, 0);
	expect(v, RDR_DATA_BLOCK, 0x40, CCID_E_PARAM1);	/* nothing is left */
	vreader_free(v);
}

static void slots_are_busy_one_by_one_and_together(void **state)
{
	struct vreader *v = reader(&(struct vreader_config){ .slots = 3, .busy_slots = 2, .latency_us = 10000 });

	put(v, PC_GET_SLOT_STATUS, 0, 0, NULL, 0);
	put(v, PC_GET_SLOT_STATUS, 0, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 0x41, CCID_E_SLOT_BUSY);
	put(v, PC_GET_SLOT_STATUS, 1, 0, NULL, 0);
	assert_int_equal(get(v), -1);
	put(v, PC_GET_SLOT_STATUS, 2, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 0x41, CCID_E_SLOT_BUSY);	/* the third at once */
	assert_int_equal(vreader_next(v), now + 10 * MS);
	pass(v, 10);
	assert_int_equal(get(v), 10);
	assert_int_equal(get(v), 10);
	assert_int_equal(get(v), -1);
	assert_int_equal(vreader_next(v), VREADER_NEVER);
	vreader_free(v);
}

static void abort_needs_both_halves_with_one_seq(void **state)
{
	struct vreader *v = reader(&(struct vreader_config){ 0 });

	power(v, 0);
	fault(v, "hang");
	put(v, PC_XFR_BLOCK, 0, 0, SELECT);
	assert_int_equal(vreader_control(v, 0x21, 1, (seq + 1) << 8, 0, NULL, now), 0);
	put(v, PC_ABORT, 0, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 0, 0);
	assert_int_equal(xfr(v, 0, SELECT), 12);

	/* the bulk half first */
	fault(v, "hang");
	put(v, PC_XFR_BLOCK, 0, 0, SELECT);
	put(v, PC_ABORT, 0, 0, NULL, 0);
	assert_int_equal(get(v), -1);
	assert_int_equal(vreader_control(v, 0x21, 1, seq << 8, 0, NULL, now), 0);
	expect(v, RDR_SLOT_STATUS, 0, 0);

	/* the control half alone fails every command, until the other comes with its bSeq */
	assert_int_equal(vreader_control(v, 0x21, 1, 200 << 8, 0, NULL, now), 0);
	put(v, PC_XFR_BLOCK, 0, 0, SELECT);
	expect(v, RDR_DATA_BLOCK, 0x40, CCID_E_ABORTED);
	put(v, PC_ABORT, 0, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 0x40, CCID_E_ABORTED);
	seq = 199;
	put(v, PC_ABORT, 0, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 0, 0);
	assert_int_equal(xfr(v, 0, SELECT), 12);
	assert_int_equal(vreader_control(v, 0x21, 1, 1, 0, NULL, now), -1);	/* no such slot */
	vreader_free(v);
}

static void aborted_command_may_answer_that_it_was(void **state)
{
	struct vreader *v = reader(&(struct vreader_config){ .abort_answers = true });

	power(v, 0);
	fault(v, "hang");
	put(v, PC_XFR_BLOCK, 0, 0, SELECT);
	vreader_control(v, 0x21, 1, (seq + 1) << 8, 0, NULL, now);
	expect(v, RDR_DATA_BLOCK, 0x40, CCID_E_ABORTED);
	put(v, PC_ABORT, 0, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 0, 0);
	vreader_free(v);
}

static void clock_stops_where_the_reader_can(void **state)
{
	static const uint32_t khz[] = { 4000, 8000 }, bps[] = { 10752, 344086 };
	struct vreader *v = reader(&(struct vreader_config){ .features = 0x5BA, .clocks = khz, .nclocks = 2,
							     .rates = bps, .nrates = 2 });
	uint8_t d[16];

	power(v, 0);
	put(v, PC_ICC_CLOCK, 0, 1, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 0, 0);
	assert_int_equal(rsp[9], 1);
	assert_int_equal(vreader_control(v, 0xA1, 2, 0, 16, d, now), 8);
	assert_memory_equal(d, "\xA0\x0F\0\0\x40\x1F\0\0", 8);
	assert_int_equal(vreader_control(v, 0xA1, 3, 0, 4, d, now), 4);
	assert_int_equal(vreader_control(v, 0xA1, 4, 0, 4, d, now), -1);
	put(v, PC_SET_RATE_CLOCK, 0, 0, "\x40\x1F\0\0\0\x2A\0\0", 8);
	assert_int_equal(get(v), 18);
	vreader_free(v);
}

static void card_changes_are_notified_once(void **state)
{
	struct vreader *v = reader(&(struct vreader_config){ .slots = 5, .empty = 8 });
	uint8_t m[16];
	size_t n;

	assert_int_equal(vreader_interrupt(v, m, sizeof(m), &n), VREADER_IN_PACKET);
	assert_int_equal(n, 3);
	assert_memory_equal(m, "\x50\x3F\x03", 3);
	assert_int_equal(vreader_interrupt(v, m, sizeof(m), &n), VREADER_IN_NAK);
	fault(v, "remove slot=1");
	fault(v, "insert slot=3");
	fault(v, "remove slot=4 notify=0");
	assert_int_equal(vreader_interrupt(v, m, sizeof(m), &n), VREADER_IN_PACKET);
	assert_memory_equal(m, "\x50\xD9\x00", 3);
	fault(v, "hwerror slot=2 value=1");
	assert_int_equal(vreader_interrupt(v, m, sizeof(m), &n), VREADER_IN_PACKET);
	assert_int_equal(n, 4);
	assert_memory_equal(m, "\x51\x02\x00\x01", 4);
	fault(v, "intraw 50 ff ff 77");
	assert_int_equal(vreader_interrupt(v, m, sizeof(m), &n), VREADER_IN_PACKET);
	assert_memory_equal(m, "\x50\xFF\xFF\x77", 4);
	fault(v, "interror");
	assert_int_equal(vreader_interrupt(v, m, sizeof(m), &n), VREADER_IN_ERROR);
	fault(v, "stallint");
	assert_int_equal(vreader_interrupt(v, m, sizeof(m), &n), VREADER_IN_STALL);
	assert_int_equal(vreader_interrupt(v, m, sizeof(m), &n), VREADER_IN_STALL);
	vreader_clear_halt(v, VREADER_INTERRUPT);
	assert_int_equal(vreader_interrupt(v, m, sizeof(m), &n), VREADER_IN_NAK);
	vreader_free(v);
}

static void reset_forgets_everything(void **state)
{
	struct vreader *v = reader(&(struct vreader_config){ 0 });

	power(v, 0);
	put(v, PC_XFR_BLOCK, 0, 0, SELECT);
	fault(v, "hang on=any");
	put(v, PC_GET_SLOT_STATUS, 0, 0, NULL, 0);
	vreader_reset(v);
	assert_int_equal(get(v), -1);
	put(v, PC_GET_SLOT_STATUS, 0, 0, NULL, 0);
	expect(v, RDR_SLOT_STATUS, 1, 0);
	vreader_free(v);
}

static void full_packets_end_with_an_empty_one(void **state)
{
	static const struct { enum vreader_zlp zlp; uint32_t max; int empty; } t[] = {
		{ VREADER_ZLP_AUTO, 271, 1 }, { VREADER_ZLP_AUTO, 64, 0 }, { VREADER_ZLP_NEVER, 271, 0 },
		{ VREADER_ZLP_ALWAYS, 64, 1 },
	};
	const uint8_t *p;
	size_t n;

	for (size_t i = 0; i < 4; i++) {
		struct vreader *v = reader(&(struct vreader_config){ .speed = VREADER_FULL_SPEED, .zlp = t[i].zlp,
								     .max_message = t[i].max });

		power(v, 0);
		put(v, PC_XFR_BLOCK, 0, 0, "\0\xB0\0\0\x34", 5);	/* 10 + 52 + 2 = 64 */
		assert_int_equal(vreader_in_peek(v, &p, &n), VREADER_IN_PACKET);
		assert_int_equal(n, 64);
		vreader_in_ack(v);
		assert_int_equal(vreader_in_peek(v, &p, &n), t[i].empty ? VREADER_IN_PACKET : VREADER_IN_NAK);
		vreader_free(v);
	}
}

/* The answer comes at exactly that time, and nothing before. */
static void answers_after(struct vreader *v, uint64_t ns)
{
	assert_int_equal(get(v), -1);
	assert_int_equal(vreader_next(v), now + ns);
	now += ns - 1;
	vreader_tick(v, now);
	assert_int_equal(get(v), -1);
	now++;
	vreader_tick(v, now);
	assert_true(get(v) >= 12);
}

/* test_timing.c has where the numbers come from; here, that they are kept. */
static void contactless_card_takes_its_time(void **state)
{
	struct vreader_config cfg = { .extension_ms = 1, .slots = 2, .busy_slots = 2 };
	struct vreader_stamp st[4];
	struct vreader *v;
	uint64_t total;

	assert_true(timing_init(&cfg.timing, 106));
	v = reader(&cfg);
	put(v, PC_GET_SLOT_STATUS, 0, 0, NULL, 0);		/* the reader's own business takes none */
	expect(v, RDR_SLOT_STATUS, 1, 0);
	put(v, PC_ICC_POWER_ON, 0, 0, NULL, 0);
	answers_after(v, 8805014);	/* ATS with four historical bytes; and no time extension, long as it takes */
	now += 86430;			/* 1172/fc, the distance between frames, has passed */
	put(v, PC_XFR_BLOCK, 0, 0, SELECT);
	answers_after(v, 1038348 + 500000);	/* 64 + 46 bits of 128/fc, and the chip */
	put(v, PC_XFR_BLOCK, 0, 0, SELECT);	/* at once: the reader waits */
	answers_after(v, 86430 + 1038348 + 500000);
	now += 86000;
	put(v, PC_XFR_BLOCK, 0, 0, SELECT);
	put(v, PC_ICC_POWER_ON, 1, 0, NULL, 0);	/* another slot is another field */
	answers_after(v, 430 + 1038348 + 500000);
	assert_int_equal(vreader_next(v) - now, 8805014 - (430 + 1038348 + 500000));

	/* a benchmark is told what was the card's */
	assert_int_equal(vreader_stamps(v, st, 4, &total), 4);
	assert_int_equal(st[0].in ? st[0].type : 0, RDR_DATA_BLOCK);
	assert_int_equal(st[1].card_ns, 430 + 1038348 + 500000);
	assert_int_equal(st[2].card_ns, 8805014);
	assert_int_equal(st[3].ns - st[1].ns, st[1].card_ns);
	assert_int_equal(st[3].card_ns, 0);
	vreader_free(v);
}

static void card_without_a_timing_model_answers_at_once(void **state)
{
	struct vreader *v = reader(&(struct vreader_config){ 0 });
	struct vreader_stamp st[4];
	uint64_t total;

	power(v, 0);
	assert_int_equal(xfr(v, 0, SELECT), 12);
	assert_int_equal(vreader_stamps(v, st, 4, &total), 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(st[i].card_ns, 0);
	vreader_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(card_is_powered_and_answers),
		cmocka_unit_test(empty_slot_and_absent_slot_are_told_apart),
		cmocka_unit_test(malformed_messages_are_refused_by_field),
		cmocka_unit_test(length_that_differs_from_the_transfer_is_refused),
		cmocka_unit_test(parameters_are_read_set_and_reset),
		cmocka_unit_test(levels_bound_what_a_message_may_carry),
		cmocka_unit_test(long_apdus_are_chained_both_ways),
		cmocka_unit_test(slots_are_busy_one_by_one_and_together),
		cmocka_unit_test(abort_needs_both_halves_with_one_seq),
		cmocka_unit_test(aborted_command_may_answer_that_it_was),
		cmocka_unit_test(clock_stops_where_the_reader_can),
		cmocka_unit_test(card_changes_are_notified_once),
		cmocka_unit_test(reset_forgets_everything),
		cmocka_unit_test(full_packets_end_with_an_empty_one),
		cmocka_unit_test(contactless_card_takes_its_time),
		cmocka_unit_test(card_without_a_timing_model_answers_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
