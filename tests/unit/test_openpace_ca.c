// SPDX-License-Identifier: BSD-2-Clause
/*
 * Chip authentication against OpenPACE. (In what is printed T is our terminal and its chip, C its terminal and our
 * card; by cipher.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <eac/ca.h>
#include <eac/eac.h>
#include <cardring/error.h>
#include "eid/ca.h"
#include "issue.h"
#include "openpace.h"

/* ---- Chip authentication, version 1 ---- */

static int ca_protocol(bool ec, enum sim_cipher c)
{
	const int nids[2][4] = {
		{ NID_id_CA_DH_3DES_CBC_CBC, NID_id_CA_DH_AES_CBC_CMAC_128, NID_id_CA_DH_AES_CBC_CMAC_192,
		  NID_id_CA_DH_AES_CBC_CMAC_256 },
		{ NID_id_CA_ECDH_3DES_CBC_CBC, NID_id_CA_ECDH_AES_CBC_CMAC_128, NID_id_CA_ECDH_AES_CBC_CMAC_192,
		  NID_id_CA_ECDH_AES_CBC_CMAC_256 },
	};

	return nids[ec][c - SIM_3DES];
}

/* With a key pair of its own; *key its public half. */
static EAC_CTX *ca_side(bool ec, enum sim_cipher c, unsigned int id, BUF_MEM **key)
{
	EAC_CTX *ctx = EAC_CTX_new();
	KA_CTX *ka;

	assert_non_null(ctx);
	assert_int_equal(EAC_CTX_init_ca(ctx, ca_protocol(ec, c), (int)id), 1);
	ka = ctx->ca_ctx->ka_ctx;
	*key = ka->generate_key(ka->key, ctx->bn_ctx);
	assert_non_null(*key);
	return ctx;
}

/* Version 1 derives its keys without a nonce, and has no token: what step 6 says of that is no matter. */
static void ca_keys(EAC_CTX *ctx, const BUF_MEM *peer)
{
	BUF_MEM *no_token = buf_of((const uint8_t *)"\0\0\0\0\0\0\0\0", 8);

	assert_int_equal(CA_STEP4_compute_shared_secret(ctx, peer), 1);
	CA_STEP6_derive_keys(ctx, NULL, no_token);
	BUF_MEM_free(no_token);
}

static void info_of(struct cr_ca_info *info, bool ec, enum sim_cipher c)
{
	static const uint8_t oid[] = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x03 };

	*info = (struct cr_ca_info){ .version = 1, .key_id = -1 };
	memcpy(info->protocol.oid, oid, sizeof(oid));
	info->protocol.oid[8] = ec ? 2 : 1;
	info->protocol.oid[9] = (uint8_t)c;
	info->protocol.ecdh = ec;
	info->protocol.cipher = (enum cr_cipher)(CR_3DES + c - SIM_3DES);
}

static int our_terminal_ca(unsigned int id, enum sim_cipher c)
{
	struct cr_ca_key key = { .key_id = -1, .usable = true };
	BUF_MEM *static_key, *ephemeral;
	struct cr_ca_info info;
	struct cr_capdu cmd;
	struct cr_tlv dynamic;
	struct cr_ca *ca;
	struct cr_sm sm;
	EAC_CTX *chip;
	int r = 1;

	assert_true(cr_domain_by_id((int)id, &key.domain));
	key.ecdh = key.domain.ec;
	chip = ca_side(key.ecdh, c, id, &static_key);
	key.len = static_key->length;
	memcpy(key.public_key, static_key->data, key.len);
	info_of(&info, key.ecdh, c);
	assert_int_equal(cr_ca_new(&info, &key, NULL, &ca), 0);
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0, &cmd), 1);
	if (c == SIM_3DES) {
		assert_int_equal(cr_tlv_parse_all(cmd.data, cmd.lc, &dynamic), 0);
		assert_int_equal(dynamic.tag, 0x91);
		ephemeral = buf_of(dynamic.val, dynamic.len);
	} else {
		assert_int_equal(cr_ca_step(ca, NULL, 0, 0x9000, &cmd), 1);
		ephemeral = object_in(cmd.data, cmd.lc, 0x80);
	}
	ca_keys(chip, ephemeral);
	assert_int_equal(cr_ca_step(ca, (const uint8_t *)"\x7c", c == SIM_3DES ? 0 : 2, 0x9000, &cmd), 0);
	assert_int_equal(cr_ca_session(ca, &sm), 0);
	if (secret_cut(chip->ca_ctx->ka_ctx, &key.domain))
		r = 0;
	else if (!same(chip->ca_ctx->ka_ctx->k_enc, sm.k_enc, c) ||
		 !same(chip->ca_ctx->ka_ctx->k_mac, sm.k_mac, c))
		r = -1;
	BUF_MEM_free(static_key);
	BUF_MEM_free(ephemeral);
	cr_ca_free(ca);
	EAC_CTX_clear_free(chip);
	return r;
}

static int their_terminal_ca(unsigned int id, enum sim_cipher c)
{
	EVP_PKEY *k = sim_key_new(sim_domain_name(id), false);
	struct simsession *x = simsession_new();
	struct sim_element public_key;
	BUF_MEM *static_key, *ephemeral;
	struct sim_apdu apdu = { 0 };
	struct cr_domain domain;
	struct cr_buf data;
	struct sim_sm next;
	EAC_CTX *terminal;
	int r = 1;

	assert_true(cr_domain_by_id((int)id, &domain));
	assert_true(sim_group_of_key(k, &x->card.prof.ca_group, &x->card.prof.ca_key, &public_key));
	x->card.prof.ca = true;
	x->card.prof.ca_cipher = c;
	x->card.access = x->card.sm.active = true;
	static_key = buf_of(public_key.p, public_key.len);
	terminal = ca_side(domain.ec, c, id, &ephemeral);
	ca_keys(terminal, static_key);

	cr_buf_init(&data);
	if (c == SIM_3DES) {
		cr_tlv_put(&data, 0x91, ephemeral->data, ephemeral->length);
		apdu.data = data.data;
		apdu.lc = data.len;
		assert_int_equal(sim_ca_set_kat(&x->card, &apdu, &next), 0x9000);
	} else {
		struct sim_buf out = { 0 };
		size_t mark = cr_tlv_begin(&data, 0x7c);

		cr_tlv_put(&data, 0x80, ephemeral->data, ephemeral->length);
		cr_tlv_end(&data, mark);
		apdu.data = data.data;
		apdu.lc = data.len;
		apdu.le_all = true;
		assert_int_equal(sim_ca_authenticate(&x->card, &apdu, &out, &next), 0x9000);
		sim_buf_free(&out);
	}
	if (secret_cut(terminal->ca_ctx->ka_ctx, &domain))
		r = 0;
	else if (!same(terminal->ca_ctx->ka_ctx->k_enc, next.enc, c) ||
		 !same(terminal->ca_ctx->ka_ctx->k_mac, next.mac, c))
		r = -1;
	cr_buf_free(&data);
	BUF_MEM_free(static_key);
	BUF_MEM_free(ephemeral);
	EAC_CTX_clear_free(terminal);
	simsession_free(x);
	EVP_PKEY_free(k);
	return r;
}

static void chip_authentication_agrees_with_openpace_in_both_directions(void **state)
{
	int runs = 0;

	for (unsigned int id = 0; id <= 18; id++) {
		struct cr_domain domain;

		if (!cr_domain_by_id((int)id, &domain))
			continue;
		print_message("# OpenPACE, CA %2u %-16s", id, domain.name);
		for (enum sim_cipher c = SIM_3DES; c <= SIM_AES256; c++) {
			int t = 0, k = 0;

			for (int i = 0; i < 4 && !t; i++)
				t = our_terminal_ca(id, c);
			for (int i = 0; i < 4 && !k; i++)
				k = their_terminal_ca(id, c);
			assert_int_equal(t, 1);
			assert_int_equal(k, 1);
			print_message(" TC ");
			runs += 2;
		}
		print_message("\n");
	}
	assert_int_equal(runs, 2 * 14 * 4);
}

/* ---- Chip authentication, version 2 ---- */

static int our_terminal_ca2(unsigned int id, enum sim_cipher c)
{
	struct cr_ca_key key = { .key_id = -1, .usable = true };
	BUF_MEM *static_key, *ephemeral, *nonce = NULL, *token = NULL;
	struct cr_ca_info info;
	struct cr_capdu cmd;
	struct cr_buf b;
	struct cr_ca *ca;
	struct cr_sm sm;
	EAC_CTX *chip;
	size_t mark;
	int r, err;

	assert_true(cr_domain_by_id((int)id, &key.domain));
	key.ecdh = key.domain.ec;
	chip = ca_side(key.ecdh, c, id, &static_key);
	memcpy(key.public_key, static_key->data, key.len = static_key->length);
	info_of(&info, key.ecdh, c);
	info.version = 2;
	assert_int_equal(cr_ca_begin(&info, &key.domain, NULL, &ca), 0);
	assert_int_equal(cr_ca_agree(ca, &key), 0);
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0, &cmd), 1);
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0x9000, &cmd), 1);
	ephemeral = object_in(cmd.data, cmd.lc, 0x80);
	assert_int_equal(CA_STEP4_compute_shared_secret(chip, ephemeral), 1);
	assert_int_equal(CA_STEP5_derive_keys(chip, ephemeral, &nonce, &token), 1);
	cr_buf_init(&b);
	mark = cr_tlv_begin(&b, 0x7c);
	cr_tlv_put(&b, 0x81, (const uint8_t *)nonce->data, nonce->length);
	cr_tlv_put(&b, 0x82, (const uint8_t *)token->data, token->length);
	assert_int_equal(cr_tlv_end(&b, mark), 0);
	err = cr_ca_step(ca, b.data, b.len, 0x9000, &cmd);
	if (secret_cut(chip->ca_ctx->ka_ctx, &key.domain)) {
		r = 0;
	} else {
		r = err ? -1 : 1;
		if (r == 1) {
			assert_int_equal(cr_ca_session(ca, &sm), 0);
			assert_true(same(chip->ca_ctx->ka_ctx->k_enc, sm.k_enc, c));
			assert_true(same(chip->ca_ctx->ka_ctx->k_mac, sm.k_mac, c));
		}
	}
	cr_buf_free(&b);
	BUF_MEM_free(static_key);
	BUF_MEM_free(ephemeral);
	BUF_MEM_free(nonce);
	BUF_MEM_free(token);
	cr_ca_free(ca);
	EAC_CTX_clear_free(chip);
	return r;
}

static int their_terminal_ca2(unsigned int id, enum sim_cipher c)
{
	EVP_PKEY *k = sim_key_new(sim_domain_name(id), false);
	struct simsession *x = simsession_new();
	struct sim_element public_key, e;
	BUF_MEM *static_key, *ephemeral, *nonce, *token;
	struct sim_apdu apdu = { .le = 256, .le_all = true };
	struct sim_buf out = { 0 };
	struct sim_sm next = { 0 };
	uint8_t data[ANSWER_MAX];
	struct cr_domain domain;
	EAC_CTX *terminal;
	int r = 1;

	assert_true(cr_domain_by_id((int)id, &domain));
	assert_true(sim_group_of_key(k, &x->card.prof.ca_group, &x->card.prof.ca_key, &public_key));
	x->card.prof.ca = x->card.prof.ta_2 = x->card.ta.done = true;
	x->card.prof.ca_cipher = c;
	x->card.access = x->card.sm.active = true;
	static_key = buf_of(public_key.p, public_key.len);
	terminal = ca_side(domain.ec, c, id, &ephemeral);
	memcpy(e.p, ephemeral->data, e.len = ephemeral->length);
	sim_compress(&x->card.prof.ca_group, &e, x->card.ta.ephemeral, &x->card.ta.ephemeral_len);
	apdu.data = data;
	apdu.lc = object_out(0x80, buf_of((const uint8_t *)ephemeral->data, ephemeral->length), data);
	assert_int_equal(sim_ca_authenticate(&x->card, &apdu, &out, &next), 0x9000);
	nonce = object_in(out.p, out.len, 0x81);
	token = object_in(out.p, out.len, 0x82);
	assert_int_equal(CA_STEP4_compute_shared_secret(terminal, static_key), 1);
	if (CA_STEP6_derive_keys(terminal, nonce, token) != 1) {
		r = secret_cut(terminal->ca_ctx->ka_ctx, &domain) ? 0 : -1;
	} else {
		assert_true(same(terminal->ca_ctx->ka_ctx->k_enc, next.enc, c));
		assert_true(same(terminal->ca_ctx->ka_ctx->k_mac, next.mac, c));
	}
	sim_buf_free(&out);
	BUF_MEM_free(static_key);
	BUF_MEM_free(ephemeral);
	BUF_MEM_free(nonce);
	BUF_MEM_free(token);
	EAC_CTX_clear_free(terminal);
	simsession_free(x);
	EVP_PKEY_free(k);
	return r;
}

static void chip_authentication_2_agrees_with_openpace_in_both_directions(void **state)
{
	int runs = 0;

	for (unsigned int id = 0; id <= 18; id++) {
		struct cr_domain domain;

		if (!cr_domain_by_id((int)id, &domain))
			continue;
		print_message("# OpenPACE, CA v2 %2u %-16s", id, domain.name);
		for (enum sim_cipher c = SIM_3DES; c <= SIM_AES256; c++) {
			int t = 0, k = 0;

			for (int i = 0; i < 4 && !t; i++)
				t = our_terminal_ca2(id, c);
			for (int i = 0; i < 4 && !k; i++)
				k = their_terminal_ca2(id, c);
			assert_int_equal(t, 1);
			assert_int_equal(k, 1);
			print_message(" TC ");
			runs += 2;
		}
		print_message("\n");
	}
	assert_int_equal(runs, 2 * 14 * 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chip_authentication_agrees_with_openpace_in_both_directions),
		cmocka_unit_test(chip_authentication_2_agrees_with_openpace_in_both_directions),
	};
	int r;

	EAC_init();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	EAC_cleanup();
	return r;
}
