// SPDX-License-Identifier: BSD-2-Clause
/* The virtual card behind T=0: GET RESPONSE, 6Cxx, and what a response that nobody fetched comes to. */
#include "simterm.h"

struct rig {
	struct sim_card *card;
	struct sim_t0 *t0;
	uint8_t rsp[70000];
	size_t len;
};

static struct rig *rig_new(const char *name)
{
	struct rig *r = calloc(1, sizeof(*r));
	size_t n;

	assert_non_null(r);
	assert_int_equal(sim_card_load(name, &r->card), 0);
	sim_card_power_on(r->card, true, &n);
	r->t0 = sim_t0_new(r->card);
	assert_non_null(r->t0);
	return r;
}

static void rig_free(struct rig *r)
{
	sim_t0_free(r->t0);
	sim_card_free(r->card);
	free(r);
}

static uint16_t tpdu(struct rig *r, const char *cmd)
{
	uint8_t c[300];

	r->len = sim_t0_tpdu(r->t0, c, term_hex(c, cmd), r->rsp, sizeof(r->rsp));
	assert_true(r->len >= 2);
	r->len -= 2;
	return (uint16_t)(r->rsp[r->len] << 8 | r->rsp[r->len + 1]);
}

static void reads_want_the_exact_length(void **state)
{
	struct rig *r = rig_new("an");
	char cmd[16];

	assert_int_equal(tpdu(r, "00A4020C02011C"), 0x9000);
	assert_int_equal(tpdu(r, "00B0000000"), 0x6c16);
	assert_int_equal(r->len, 0);
	snprintf(cmd, sizeof(cmd), "00B00000%02X", 0x16);
	assert_int_equal(tpdu(r, cmd), 0x9000);
	assert_int_equal(r->len, 0x16);
	assert_int_equal(tpdu(r, "00B0000017"), 0x6c16);
	assert_int_equal(tpdu(r, "00B0001402"), 0x9000);
	assert_int_equal(tpdu(r, "00B0001602"), 0x6b00);
	assert_int_equal(tpdu(r, "00B0000004 00"), 0x6700);
	rig_free(r);
}

static void answers_to_commands_with_data_are_fetched(void **state)
{
	struct rig *r = rig_new("an");

	assert_int_equal(tpdu(r, "0022C1A40F800A04007F00070202040202830102"), 0x9000);
	assert_int_equal(tpdu(r, "00C0000001"), 0x6985);
	assert_int_equal(tpdu(r, "0022C1A40F800A04007F00070202040202830102"), 0x9000);
	assert_int_equal(tpdu(r, "10860000027C00"), 0x6114);
	assert_int_equal(r->len, 0);
	assert_int_equal(tpdu(r, "0CC0000014"), 0x6e00);	/* never under secure messaging */
	assert_int_equal(tpdu(r, "10C0000014"), 0x6e00);
	assert_int_equal(tpdu(r, "00C0000114"), 0x6a86);
	assert_int_equal(tpdu(r, "00C0000000"), 0x6c14);	/* 256 are not there */
	assert_int_equal(tpdu(r, "00C0000015"), 0x6c14);
	assert_int_equal(tpdu(r, "00C0000004"), 0x6110);	/* a part, and how much is left */
	assert_int_equal(r->len, 4);
	assert_int_equal(r->rsp[0], 0x7c);
	assert_int_equal(tpdu(r, "00C0000010"), 0x9000);
	assert_int_equal(r->len, 16);
	assert_int_equal(tpdu(r, "00C0000010"), 0x6985);
	rig_free(r);
}

static void an_answer_not_fetched_is_lost(void **state)
{
	struct rig *r = rig_new("an");

	assert_int_equal(tpdu(r, "0022C1A40F800A04007F00070202040202830102"), 0x9000);
	assert_int_equal(tpdu(r, "10860000027C00"), 0x6114);
	assert_int_equal(tpdu(r, "00A4020C02011C"), 0x9000);
	assert_int_equal(tpdu(r, "00C0000014"), 0x6985);
	assert_int_equal(tpdu(r, "0022C1A40F800A04007F00070202040202830102"), 0x9000);
	assert_int_equal(tpdu(r, "10860000027C00"), 0x6114);
	sim_t0_reset(r->t0);
	assert_int_equal(tpdu(r, "00C0000014"), 0x6985);
	rig_free(r);
}

static void lengths_that_do_not_agree_are_refused(void **state)
{
	struct rig *r = rig_new("an");

	assert_int_equal(tpdu(r, "00A4020C"), 0x6700);
	assert_int_equal(tpdu(r, "00A4020C0201"), 0x6700);
	assert_int_equal(tpdu(r, "00A4020C02011C00"), 0x6700);	/* Le beside Lc: T=0 has none */
	assert_int_equal(tpdu(r, "00A4000C00"), 0x6d00);
	assert_int_equal(tpdu(r, "00A4040007A0000002471001"), 0x610b);	/* P2 = 00: file control information */
	assert_int_equal(tpdu(r, "00C000000B"), 0x9000);
	rig_free(r);
}

static void a_whole_session_runs_over_tpdus(void **state)
{
	struct rig *r = rig_new("an");
	struct cr_security_infos si;
	const struct cr_pace_info *info;
	struct cr_sm_exchange ex;
	struct cr_secret secret;
	struct cr_pace *pace;
	struct cr_capdu cmd;
	uint8_t c[600], data[1024];
	bool ambiguous;
	struct cr_sm sm;
	uint16_t sw = 0;
	size_t n;
	int err;

	assert_int_equal(tpdu(r, "00A4020C02011C"), 0x9000);
	assert_int_equal(tpdu(r, "00B0000016"), 0x9000);
	assert_int_equal(cr_security_infos_parse(r->rsp, r->len, &si), 0);
	info = cr_security_infos_pace(&si, &ambiguous);
	assert_int_equal(cr_secret_from_can(&secret, "123456", NULL), 0);
	assert_int_equal(cr_pace_new(info, true, &secret, NULL, &pace), 0);
	r->len = 0;
	for (err = cr_pace_step(pace, NULL, 0, 0, &cmd); err == 1; err = cr_pace_step(pace, r->rsp, r->len, sw, &cmd)) {
		cmd.le = 0;
		n = sizeof(c);
		assert_int_equal(cr_capdu_build(&cmd, c, &n), 0);
		n = sim_t0_tpdu(r->t0, c, n, r->rsp, sizeof(r->rsp));
		sw = (uint16_t)(r->rsp[n - 2] << 8 | r->rsp[n - 1]);
		r->len = n - 2;
		if (sw >> 8 == 0x61) {
			const uint8_t get[5] = { 0, 0xc0, 0, 0, sw & 0xff };

			n = sim_t0_tpdu(r->t0, get, 5, r->rsp, sizeof(r->rsp));
			sw = (uint16_t)(r->rsp[n - 2] << 8 | r->rsp[n - 1]);
			r->len = n - 2;
		}
	}
	assert_int_equal(err, 0);
	assert_int_equal(cr_pace_session(pace, &sm), 0);
	cr_pace_free(pace);

	n = sizeof(c);
	assert_int_equal(cr_sm_protect(&sm, &(struct cr_capdu){ .ins = 0xa4, .p1 = 4, .p2 = 0x0c, .lc = 7,
				       .data = (const uint8_t *)"\xa0\0\0\2\x47\x10\1" }, c, &n, &ex), 0);
	n = sim_t0_tpdu(r->t0, c, n - 1, r->rsp, sizeof(r->rsp));	/* without Le */
	assert_int_equal(n, 2);
	assert_int_equal(r->rsp[0], 0x61);
	{
		const uint8_t get[5] = { 0, 0xc0, 0, 0, r->rsp[1] };
		size_t len = sizeof(data);

		n = sim_t0_tpdu(r->t0, get, 5, r->rsp, sizeof(r->rsp));
		assert_int_equal(cr_sm_unprotect(&sm, &ex, r->rsp, n, data, &len, &sw), 0);
		assert_int_equal(sw, 0x9000);
	}
	rig_free(r);
}

static void a_card_without_power_is_mute(void **state)
{
	struct rig *r = rig_new("an");

	sim_card_power_off(r->card);
	assert_int_equal(sim_t0_tpdu(r->t0, (const uint8_t *)"\0\xb0\0\0\1", 5, r->rsp, sizeof(r->rsp)), 0);
	rig_free(r);
}

/* ISO/IEC 7816-3, 12.2.4: a C-APDU in pieces, executed when it is whole. */
static void what_no_tpdu_carries_comes_in_envelopes(void **state)
{
	struct rig *r = rig_new("an");

	assert_int_equal(tpdu(r, "00C2000003 00A402"), 0x9000);
	assert_int_equal(tpdu(r, "00C2000004 0C02011C"), 0x9000);
	assert_int_equal(tpdu(r, "00B0000000"), 0x6c16);	/* it is selected */
	assert_int_equal(tpdu(r, "0022C1A40F800A04007F00070202040202830102"), 0x9000);
	assert_int_equal(tpdu(r, "00C2000005 1086000002"), 0x9000);
	assert_int_equal(tpdu(r, "00C2000003 7C0000"), 0x6114);
	assert_int_equal(tpdu(r, "00C0000014"), 0x9000);
	/* in extended form: EF.CardAccess again */
	assert_int_equal(tpdu(r, "00C2000009 00A4020C000002011C"), 0x9000);
	assert_int_equal(tpdu(r, "00B0000000"), 0x6c16);
	/* interrupted, it is gone */
	assert_int_equal(tpdu(r, "00C2000003 00A402"), 0x9000);
	assert_int_equal(tpdu(r, "00B0000016"), 0x9000);
	assert_int_equal(tpdu(r, "00C2000007 00A4020C02011C"), 0x9000);
	assert_int_equal(tpdu(r, "00B0000016"), 0x9000);
	assert_int_equal(tpdu(r, "0CC2000003 00A402"), 0x6e00);
	assert_int_equal(tpdu(r, "00C2000103 00A402"), 0x6a86);
	assert_int_equal(tpdu(r, "00C2000000"), 0x6700);
	assert_int_equal(tpdu(r, "00C2000004 00A402"), 0x6700);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_want_the_exact_length),
		cmocka_unit_test(what_no_tpdu_carries_comes_in_envelopes),
		cmocka_unit_test(answers_to_commands_with_data_are_fetched),
		cmocka_unit_test(an_answer_not_fetched_is_lost),
		cmocka_unit_test(lengths_that_do_not_agree_are_refused),
		cmocka_unit_test(a_whole_session_runs_over_tpdus),
		cmocka_unit_test(a_card_without_power_is_mute),
	};

	return cmocka_run_group_tests(tests, simterm_setup, simterm_teardown);
}
