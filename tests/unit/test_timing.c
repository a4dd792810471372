// SPDX-License-Identifier: BSD-2-Clause
/*
 * The contactless card's times. What is expected is worked from the numbers of ISO/IEC 14443, in periods of the carrier
 * (1/fc, fc = 13.56 MHz), beside each case.
 */
#include "simterm.h"
#include "timing.h"

static const struct card_work nothing;
static const struct timing_chip idle = { .point = { { 192, 1 }, { 224, 1 }, { 256, 1 }, { 384, 1 }, { 521, 1 } } };

/* Nanoseconds, cut: 1e9 / 13.56e6 = 25000 / 339. */
static uint64_t fc(uint64_t periods)
{
	return periods * 25000 / 339;
}

static struct timing air(unsigned int rate)
{
	struct timing t;

	assert_true(timing_init(&t, rate));
	assert_int_equal(t.frame, 256);
	t.chip = &idle;
	return t;
}

static void the_bit_rates_are_four(void **state)
{
	static const unsigned int none[] = { 0, 1, 105, 107, 318, 847, 1695, 3390, 6780 };
	struct timing t;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(timing_init(&t, none[i]));
}

static void short_exchange_is_two_frames_and_the_delay_between(void **state)
{
	static const struct { unsigned int rate, cmd, delay, rsp; } t[] = {
		/* 5 bytes in a block of 8: 1 + 72 bits; 2 bytes in a block of 5: 1 + 45 bits */
		{ 106, 73 * 128, 1172, 46 * 128 },
		/* from here on, 32 periods of the subcarrier before the answer: 512 */
		{ 212, 73 * 64, 1140, 46 * 64 + 512 },
		{ 424, 73 * 32, 1124, 46 * 32 + 512 },
		{ 848, 73 * 16, 1116, 46 * 16 + 512 },
	};

	for (size_t i = 0; i < 4; i++) {
		struct timing m = air(t[i].rate);

		assert_int_equal(timing_exchange_ns(&m, 5, 2, &nothing), fc(t[i].cmd + t[i].rsp) + fc(t[i].delay));
		assert_int_equal(timing_guard_ns(&m), 86430);	/* 1172 */
	}
	assert_int_equal(fc(9344 + 5888), 1123303);
}

static void what_exceeds_a_frame_is_chained_and_acknowledged(void **state)
{
	struct timing m = air(424);

	/*
	 * 258 bytes back: 253 in a frame of 256 (2305 bits, 74272), 1172 until R(ACK) of 3 bytes (28 bits, 896), 1124,
	 * 5 in a frame of 8 (73 bits, 2848). The command: 19 in a frame of 22 (199 bits, 6368).
	 */
	assert_int_equal(timing_exchange_ns(&m, 19, 258, &nothing), fc(6368 + 74272 + 1172 + 896 + 1124 + 2848) + fc(1124));
	assert_int_equal(fc(86680), 6392330);
	/* 253 bytes are one block, 254 are two; the other way, the acknowledgement is the card's */
	assert_int_equal(timing_exchange_ns(&m, 253, 253, &nothing), fc(73760 + 74272) + fc(1124));
	assert_int_equal(timing_exchange_ns(&m, 254, 2, &nothing),
			 fc(73760 + 1124 + (896 + 512) + 1172 + 37 * 32 + 46 * 32 + 512) + fc(1124));
	/* three blocks: two acknowledgements */
	m = air(106);
	assert_int_equal(timing_exchange_ns(&m, 4, 508, &nothing),
			 fc(64 * 128 + 2 * (2305 * 128 + 1172 + 28 * 128 + 1172) + 46 * 128) + fc(1172));
}

static void activation_is_request_select_rats_and_pps(void **state)
{
	struct timing m = air(106);

	/*
	 * 5 ms of field: 67800. REQA 8 bits, ATQA 19; SEL NVB 19, UID 46; SELECT 82, SAK 28; RATS 37, ATS of 11 bytes 100:
	 * 339 bits of 128, and 7 delays of 1172.
	 */
	assert_int_equal(timing_activation_ns(&m, 4), fc(67800 + 339 * 128 + 7 * 1172));
	assert_int_equal(fc(119396), 8805014);
	/* PPS: 46 bits, 28, and two delays; still at 106 kbit/s */
	m = air(848);
	assert_int_equal(timing_activation_ns(&m, 4), fc(119396 + 74 * 128 + 2 * 1172));
	assert_int_equal(timing_activation_ns(&m, 5) - timing_activation_ns(&m, 4), fc(9 * 128));
}

static void chip_works_in_the_delay_and_beyond(void **state)
{
	struct timing_chip chip = timing_chip_p71;
	struct timing m = air(106);

	m.chip = &chip;
	chip.command_ns = 86429;	/* a trifle less than the delay: it is over before the answer may begin */
	assert_int_equal(timing_exchange_ns(&m, 5, 2, &nothing), 1123303 + 86430);
	chip.command_ns = 1000000;
	assert_int_equal(timing_exchange_ns(&m, 5, 2, &nothing), 1123303 + 1000000);
}

static void chip_time_is_the_sum_of_its_work(void **state)
{
	static const struct { unsigned int scalar, field; uint64_t us; } t[] = {
		{ 0, 0, 0 },
		{ 256, 256, 21580 },
		{ 640, 256, 53950 },		/* two and a half */
		{ 320, 320, 27400 },		/* half-way from 256 to 384 */
		{ 160, 160, 18160 },		/* not below the least */
		{ 521, 521, 59720 },
		{ 600, 600, 59720 },
	};
	struct timing_chip chip = timing_chip_p71;

	chip.command_ns = 0;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(timing_chip_ns(&chip, &(struct card_work){ .scalar_bits = t[i].scalar,
							.field_bits = t[i].field }), t[i].us * 1000);
	assert_int_equal(timing_chip_ns(&timing_chip_p71, &(struct card_work){ .cipher_bytes = 256, .random_bytes = 32,
									     .file_bytes = 200 }),
			 500000 + 256 * 7617 + 32 * 5000 + 200 * 50);
}

/* ---- what the card says of its work ---- */

static void assert_work(const struct term *t, const struct card_work *want)
{
	struct card_work w = sim_card_work(t->card);

	assert_int_equal(w.scalar_bits, want->scalar_bits);
	assert_int_equal(w.field_bits, want->field_bits);
	assert_int_equal(w.cipher_bytes, want->cipher_bytes);
	assert_int_equal(w.random_bytes, want->random_bytes);
	assert_int_equal(w.file_bytes, want->file_bytes);
}

static void card_counts_the_work_of_pace(void **state)
{
	static const struct card_work step[] = {
		{ 0 },							/* MSE:Set AT */
		{ .random_bytes = 16, .cipher_bytes = 16 },		/* the nonce, encrypted */
		{ .random_bytes = 32, .field_bits = 256, .scalar_bits = 256 + 256 + 128 },	/* x G, x Y, s G */
		{ .random_bytes = 32, .field_bits = 256, .scalar_bits = 256 + 256 },		/* y G', y Y' */
		/* two tokens over 7F49 4F, 06 of 10 bytes, 86 of 65: 3 + 12 + 67 */
		{ .cipher_bytes = 2 * 82 },
	};
	struct term *t = term_new("an");
	struct cr_security_infos si;
	const struct cr_pace_info *info;
	struct cr_secret secret;
	struct cr_pace *pace;
	struct cr_capdu cmd;
	unsigned int n = 0;
	bool ambiguous;
	uint16_t sw = 0;

	assert_int_equal(term_plain(t, "00B09C0016"), 0x9000);
	assert_work(t, &(struct card_work){ .file_bytes = 22 });
	assert_int_equal(cr_security_infos_parse(t->data, t->len, &si), 0);
	info = cr_security_infos_pace(&si, &ambiguous);
	assert_int_equal(cr_secret_from_can(&secret, "123456", NULL), 0);
	assert_int_equal(cr_pace_new(info, true, &secret, NULL, &pace), 0);
	while (cr_pace_step(pace, t->data, n ? t->len : 0, sw, &cmd) == 1) {
		sw = term_send(t, &cmd);
		assert_true(n < sizeof(step) / sizeof(step[0]));
		assert_work(t, &step[n++]);
	}
	assert_int_equal(n, sizeof(step) / sizeof(step[0]));
	cr_pace_free(pace);
	term_free(t);
}

static void card_counts_the_work_of_secure_messaging(void **state)
{
	struct term *t = term_new("an");

	assert_int_equal(term_pace_can(t, "123456"), 0x9000);
	assert_int_equal(term_apdu(t, SELECT_APP), 0x9000);
	/*
	 * Both MACs begin with the counter, 16. The command: its header, 16; DO'97', 16. The answer: the counter encrypted,
	 * 16, 223 bytes in 224; MAC of DO'87' and DO'99', 3 + 225 + 4 in 240.
	 */
	assert_int_equal(term_apdu(t, "00B08200DF"), 0x9000);
	assert_work(t, &(struct card_work){ .file_bytes = 223, .cipher_bytes = 48 + 16 + 224 + 256 });
	assert_int_equal(term_ca(t), 0);
	/*
	 * The command: counter 16, 69 bytes in 80; MAC: 16, header 16, DO'87' of 83 and DO'97' of 3 in 96. The answer:
	 * counter 16, 2 bytes in 16; MAC: 16, DO'87' of 19 and DO'99' of 4 in 32.
	 */
	assert_work(t, &(struct card_work){ .field_bits = 256, .scalar_bits = 256,
					   .cipher_bytes = 16 + 80 + 16 + 16 + 96 + 16 + 16 + 16 + 32 });
	/* A command that is not even one costs nothing but its time. */
	assert_int_equal(term_raw(t, (const uint8_t *)"\0", 1), 0x6700);
	assert_work(t, &(struct card_work){ 0 });
	term_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bit_rates_are_four),
		cmocka_unit_test(short_exchange_is_two_frames_and_the_delay_between),
		cmocka_unit_test(what_exceeds_a_frame_is_chained_and_acknowledged),
		cmocka_unit_test(activation_is_request_select_rats_and_pps),
		cmocka_unit_test(chip_works_in_the_delay_and_beyond),
		cmocka_unit_test(chip_time_is_the_sum_of_its_work),
		cmocka_unit_test(card_counts_the_work_of_pace),
		cmocka_unit_test(card_counts_the_work_of_secure_messaging),
	};

	return cmocka_run_group_tests(tests, simterm_setup, simterm_teardown);
}
