// SPDX-License-Identifier: BSD-2-Clause
/*
 * PACE against OpenPACE. Of mappings that is the generic one: its integrated mapping is a draft's (another encoding of
 * points, no R), and chip authentication mapping it does not have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <eac/eac.h>
#include <eac/pace.h>
#include <cardring/error.h>
#include "openpace.h"

#define CAN		"123456"

static EAC_CTX *openpace(const struct sim_buf *card_access)
{
	EAC_CTX *ctx = EAC_CTX_new();

	assert_non_null(ctx);
	assert_int_equal(EAC_CTX_init_ef_cardaccess(card_access->p, card_access->len, ctx), 1);
	assert_non_null(ctx->pace_ctx);
	return ctx;
}

static PACE_SEC *password(void)
{
	PACE_SEC *s = PACE_SEC_new(CAN, strlen(CAN), PACE_CAN);

	assert_non_null(s);
	return s;
}

/* ---- Our terminal, their chip ---- */

/* The answer to GENERAL AUTHENTICATE number step, 0 to 3. */
static size_t their_chip(EAC_CTX *chip, const PACE_SEC *pi, int step, const struct cr_capdu *cmd, uint8_t *rsp,
			 BUF_MEM **terminal_key)
{
	BUF_MEM *in, *out;
	size_t n;

	switch (step) {
	case 0:
		return object_out(0x80, PACE_STEP1_enc_nonce(chip, pi), rsp);
	case 1:
		in = object_in(cmd->data, cmd->lc, 0x81);
		out = PACE_STEP3A_generate_mapping_data(chip);
		assert_int_equal(PACE_STEP3A_map_generator(chip, in), 1);
		BUF_MEM_free(in);
		return object_out(0x82, out, rsp);
	case 2:
		*terminal_key = object_in(cmd->data, cmd->lc, 0x83);
		n = object_out(0x84, PACE_STEP3B_generate_ephemeral_key(chip), rsp);
		assert_int_equal(PACE_STEP3B_compute_shared_secret(chip, *terminal_key), 1);
		assert_int_equal(PACE_STEP3C_derive_keys(chip), 1);
		return n;
	}
	in = object_in(cmd->data, cmd->lc, 0x85);
	/* 0: wrong; the library's own answer to that is what the caller looks at */
	if (PACE_STEP3D_verify_authentication_token(chip, in) != 1)
		n = 0;
	else
		n = object_out(0x86, PACE_STEP3D_compute_authentication_token(chip, *terminal_key), rsp);
	BUF_MEM_free(in);
	return n;
}

/* 1: agreed; 0: the run says nothing. */
static int our_terminal(const struct sim_pace_offer *offer, const char *can)
{
	struct simsession *x = simsession_new();	/* for its EF.CardAccess */
	const struct cr_pace_info *info;
	struct cr_security_infos infos;
	BUF_MEM *terminal_key = NULL;
	PACE_SEC *pi = password();
	uint8_t rsp[ANSWER_MAX];
	struct cr_secret secret;
	struct cr_pace *pace;
	struct cr_capdu cmd;
	struct sim_buf set;
	size_t len = 0;
	struct cr_sm sm;
	bool ambiguous;
	EAC_CTX *chip;
	int r = 1, step;

	simsession_offer(x, offer, &set, &infos);
	info = cr_security_infos_pace(&infos, &ambiguous);
	assert_non_null(info);
	chip = openpace(&set);
	assert_int_equal(cr_secret_from_can(&secret, can, NULL), 0);
	assert_int_equal(cr_pace_new(info, false, &secret, NULL, &pace), 0);
	assert_int_equal(cr_pace_step(pace, NULL, 0, 0, &cmd), 1);
	for (step = 0; step < 4; step++) {
		assert_int_equal(cr_pace_step(pace, rsp, len, 0x9000, &cmd), 1);
		len = their_chip(chip, pi, step, &cmd, rsp, &terminal_key);
	}
	if (!len) {
		r = secret_cut(chip->pace_ctx->ka_ctx, &info->domain) ? 0 : -1;
		assert_int_equal(cr_pace_step(pace, rsp, 0, 0x6300, &cmd), CR_E_ACCESS_REFUSED);
	} else {
		assert_int_equal(cr_pace_step(pace, rsp, len, 0x9000, &cmd), 0);
		assert_int_equal(cr_pace_session(pace, &sm), 0);
		assert_true(same(chip->pace_ctx->ka_ctx->k_enc, sm.k_enc, offer->cipher));
		assert_true(same(chip->pace_ctx->ka_ctx->k_mac, sm.k_mac, offer->cipher));
	}
	BUF_MEM_free(terminal_key);
	cr_pace_free(pace);
	EAC_CTX_clear_free(chip);
	PACE_SEC_clear_free(pi);
	sim_buf_free(&set);
	simsession_free(x);
	return r;
}

/* ---- Their terminal, our chip ---- */

/* GENERAL AUTHENTICATE with this object; the object of the answer, or NULL. Takes in. */
static BUF_MEM *ask(struct simsession *x, bool last, uint32_t tag, BUF_MEM *in, uint32_t want, uint16_t *sw)
{
	uint8_t data[ANSWER_MAX] = { 0x7c, 0x00 }, rsp[ANSWER_MAX];
	struct cr_capdu cmd = { .cla = last ? 0 : 0x10, .ins = 0x86, .data = data, .lc = 2, .le = 65536 };
	size_t len = sizeof(rsp);

	if (tag)
		cmd.lc = object_out(tag, in, data);
	assert_int_equal(cr_session_send(&x->s, &cmd, rsp, &len, sw), 0);
	return *sw == 0x9000 ? object_in(rsp, len, want) : NULL;
}

static int their_terminal(const struct sim_pace_offer *offer, bool right)
{
	struct simsession *x = simsession_new();
	PACE_SEC *pi = right ? password() : PACE_SEC_new("654321", 6, PACE_CAN);
	struct cr_security_infos infos;
	BUF_MEM *answer, *chip_key;
	struct cr_buf at;
	struct cr_capdu cmd;
	struct sim_buf set;
	EAC_CTX *terminal;
	size_t none = 0;
	uint16_t sw;
	int r = 1;

	simsession_offer(x, offer, &set, &infos);
	terminal = openpace(&set);
	cr_buf_init(&at);
	cr_tlv_put(&at, 0x80, infos.pace[0].protocol.oid, 10);
	cr_tlv_put_u8(&at, 0x83, 2);
	cmd = (struct cr_capdu){ .ins = 0x22, .p1 = 0xc1, .p2 = 0xa4, .data = at.data, .lc = at.len };
	assert_int_equal(cr_session_send(&x->s, &cmd, NULL, &none, &sw), 0);
	assert_int_equal(sw, 0x9000);

	answer = ask(x, false, 0, NULL, 0x80, &sw);
	assert_int_equal(PACE_STEP2_dec_nonce(terminal, pi, answer), 1);
	BUF_MEM_free(answer);
	answer = ask(x, false, 0x81, PACE_STEP3A_generate_mapping_data(terminal), 0x82, &sw);
	assert_non_null(answer);
	assert_int_equal(PACE_STEP3A_map_generator(terminal, answer), 1);
	BUF_MEM_free(answer);
	chip_key = ask(x, false, 0x83, PACE_STEP3B_generate_ephemeral_key(terminal), 0x84, &sw);
	assert_non_null(chip_key);
	assert_int_equal(PACE_STEP3B_compute_shared_secret(terminal, chip_key), 1);
	assert_int_equal(PACE_STEP3C_derive_keys(terminal), 1);
	answer = ask(x, true, 0x85, PACE_STEP3D_compute_authentication_token(terminal, chip_key), 0x86, &sw);
	if (!answer) {
		assert_int_equal(sw, 0x6300);
		r = secret_cut(terminal->pace_ctx->ka_ctx, &infos.pace[0].domain) ? 0 : -1;
	} else {
		assert_int_equal(PACE_STEP3D_verify_authentication_token(terminal, answer), 1);
		assert_true(same(terminal->pace_ctx->ka_ctx->k_enc, x->card.sm.enc, offer->cipher));
		assert_true(same(terminal->pace_ctx->ka_ctx->k_mac, x->card.sm.mac, offer->cipher));
	}
	BUF_MEM_free(answer);
	BUF_MEM_free(chip_key);
	cr_buf_free(&at);
	EAC_CTX_clear_free(terminal);
	PACE_SEC_clear_free(pi);
	sim_buf_free(&set);
	simsession_free(x);
	return r;
}

static void pace_agrees_with_openpace_in_both_directions(void **state)
{
	int runs = 0;

	print_message("# OpenPACE (T: our terminal and its chip, C: its terminal and our card; by cipher)\n");
	for (unsigned int id = 0; id <= 18; id++) {
		struct cr_domain domain;

		if (!cr_domain_by_id((int)id, &domain))
			continue;
		print_message("# OpenPACE, PACE GM %2u %-16s", id, domain.name);
		for (enum sim_cipher c = SIM_3DES; c <= SIM_AES256; c++) {
			const struct sim_pace_offer offer = { c, id, SIM_GM, NULL };
			int t = 0, k = 0;

			for (int i = 0; i < 4 && !t; i++)
				t = our_terminal(&offer, CAN);
			for (int i = 0; i < 4 && !k; i++)
				k = their_terminal(&offer, true);
			assert_int_equal(t, 1);
			assert_int_equal(k, 1);
			print_message(" TC ");
			runs += 2;
		}
		print_message("\n");
	}
	assert_int_equal(runs, 2 * 14 * 4);
}

static void a_wrong_password_is_wrong_to_both(void **state)
{
	static const struct sim_pace_offer offers[] = {
		{ SIM_AES128, 13, SIM_GM, NULL }, { SIM_AES256, 2, SIM_GM, NULL }, { SIM_3DES, 8, SIM_GM, NULL },
	};

	for (size_t i = 0; i < sizeof(offers) / sizeof(*offers); i++) {
		assert_true(our_terminal(&offers[i], "654321") < 1);
		assert_true(their_terminal(&offers[i], false) < 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pace_agrees_with_openpace_in_both_directions),
		cmocka_unit_test(a_wrong_password_is_wrong_to_both),
	};
	int r;

	EAC_init();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	EAC_cleanup();
	return r;
}
