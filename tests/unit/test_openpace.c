// SPDX-License-Identifier: BSD-2-Clause
/*
 * PACE, chip and terminal authentication against OpenPACE (Debian's libeac), an implementation of others: our
 * terminal with its chip, its terminal with our virtual card, for all that both have. Of mappings
 * that is the generic one: its integrated mapping is a draft's (another encoding of points, no R), and
 * chip authentication mapping it does not have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <eac/ca.h>
#include <eac/eac.h>
#include <eac/pace.h>
#include <eac/ta.h>
#include <openssl/pem.h>
#include <cardring/error.h>
#include "eid/ca.h"
#include "eid/ta.h"
#include "issue.h"
#include "iso7816/tlv.h"
#include "simsession.h"

#define CAN		"123456"
#define ANSWER_MAX	1024

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

static BUF_MEM *buf_of(const uint8_t *p, size_t len)
{
	BUF_MEM *b = BUF_MEM_new();

	assert_true(b && BUF_MEM_grow(b, len) == len);
	memcpy(b->data, p, len);
	return b;
}

/* The one object in 7C of a command or an answer. */
static BUF_MEM *object_in(const uint8_t *p, size_t len, uint32_t tag)
{
	struct cr_tlv outer, t;

	assert_int_equal(cr_tlv_parse_all(p, len, &outer), 0);
	assert_int_equal(outer.tag, 0x7c);
	assert_int_equal(cr_tlv_find(outer.val, outer.len, tag, &t), 0);
	return buf_of(t.val, t.len);
}

/* Takes b; one object in 7C. */
static size_t object_out(uint32_t tag, BUF_MEM *b, uint8_t out[ANSWER_MAX])
{
	struct cr_buf buf;
	size_t mark, n;

	assert_non_null(b);
	cr_buf_init(&buf);
	mark = cr_tlv_begin(&buf, 0x7c);
	cr_tlv_put(&buf, tag, b->data, b->length);
	assert_int_equal(cr_tlv_end(&buf, mark), 0);
	assert_true(buf.len <= ANSWER_MAX);
	memcpy(out, buf.data, n = buf.len);
	cr_buf_free(&buf);
	BUF_MEM_free(b);
	return n;
}

/* Session keys; OpenPACE leaves the parity bits of DES keys as they come. */
static bool same(const BUF_MEM *theirs, const uint8_t *ours, enum sim_cipher c)
{
	const uint8_t mask = c == SIM_3DES ? 0xfe : 0xff;

	if (!theirs || theirs->length != sim_key_len(c))
		return false;
	for (size_t i = 0; i < theirs->length; i++) {
		if (((uint8_t)theirs->data[i] ^ ours[i]) & mask)
			return false;
	}
	return true;
}

/*
 * OpenPACE takes a shared secret of a prime field without its leading zeroes, against PKCS #3: once in
 * 256 runs both sides have other keys, and the run says nothing.
 */
static bool secret_cut(const KA_CTX *ka, const struct cr_domain *domain)
{
	return !domain->ec && ka->shared_secret && ka->shared_secret->length < cr_domain_field_len(domain);
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

/* ---- Terminal authentication ---- */

struct scheme {
	const char *key;
	uint8_t scheme;
};

static void holder(struct sim_holder *h, const char *name, const struct scheme *s, uint8_t chat)
{
	const struct sim_holder_spec spec = { name, s->key, s->scheme, chat, -10, 10 };

	assert_int_equal(sim_holder_new(&spec, h), 0);
}

/* From files, as it is used. */
static cr_terminal_t *inspection_system(const struct sim_buf *certs, EVP_PKEY *key)
{
	char dir[] = "/tmp/cardring-openpace-XXXXXX", path[64];
	cr_terminal_t *t;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(cr_terminal_new(&t), 0);
	snprintf(path, sizeof(path), "%s/certs", dir);
	f = fopen(path, "w");
	assert_true(f && fwrite(certs->p, 1, certs->len, f) == certs->len && !fclose(f));
	assert_int_equal(cr_terminal_add_certificates(t, path), 0);
	unlink(path);
	f = fopen(path, "w");
	assert_true(f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) && !fclose(f));
	assert_int_equal(cr_terminal_set_key(t, path, NULL, NULL), 0);
	unlink(path);
	rmdir(dir);
	return t;
}

/* What the chip says to one command of ours. */
static uint16_t their_chip_ta(EAC_CTX *chip, const struct cr_ta_binding *binding, const struct cr_capdu *cmd,
			      uint8_t *rsp, size_t *len)
{
	BUF_MEM *b, *key, *id, *aux;
	struct cr_buf cert;
	uint16_t sw;
	size_t mark;

	*len = 0;
	switch (cmd->ins) {
	case 0x22:
		return 0x9000;
	case 0x2a:
		cr_buf_init(&cert);
		mark = cr_tlv_begin(&cert, 0x7f21);
		cr_buf_put(&cert, cmd->data, cmd->lc);
		assert_int_equal(cr_tlv_end(&cert, mark), 0);
		sw = TA_STEP2_import_certificate(chip, cert.data, cert.len) == 1 ? 0x9000 : 0x6300;
		cr_buf_free(&cert);
		return sw;
	case 0x84:
		b = TA_STEP4_get_nonce(chip);
		assert_true(b && b->length == 8);
		memcpy(rsp, b->data, *len = 8);
		BUF_MEM_free(b);
		return 0x9000;
	}
	assert_int_equal(cmd->ins, 0x82);
	b = buf_of(cmd->data, cmd->lc);
	key = buf_of(binding->ephemeral, binding->ephemeral_len);
	id = buf_of(binding->chip, binding->chip_len);
	aux = binding->auxiliary_len ? buf_of(binding->auxiliary, binding->auxiliary_len) : NULL;
	sw = TA_STEP6_verify(chip, key, id, aux, b) == 1 ? 0x9000 : 0x6300;
	if (aux)
		BUF_MEM_free(aux);
	BUF_MEM_free(b);
	BUF_MEM_free(key);
	BUF_MEM_free(id);
	return sw;
}

static int authenticate_to(EAC_CTX *chip, int version, const cr_terminal_t *t, const struct cr_ta_binding *ours,
			   const struct cr_ta_binding *theirs)
{
	const struct cr_cvc_name authority = { "UTCVCA00001", 11 };
	uint16_t sw = 0x9000;
	struct cr_capdu cmd;
	uint8_t rsp[8];
	struct cr_ta ta;
	size_t len = 0;
	int r;

	assert_int_equal(cr_ta_init(&ta, version, t, &authority, 1, ours), 0);
	while ((r = cr_ta_step(&ta, rsp, len, sw, &cmd)) == 1)
		sw = their_chip_ta(chip, theirs, &cmd, rsp, &len);
	cr_ta_clear(&ta);
	return r;
}

static const struct scheme schemes[] = {
	{ "RSA-2048", 1 }, { "RSA-2048", 2 }, { "RSA-2048", 3 }, { "RSA-2048", 4 }, { "RSA-2048", 5 },
	{ "RSA-2048", 6 }, { "prime192v1", 1 }, { "secp224r1", 2 }, { "brainpoolP256r1", 3 },
	{ "brainpoolP384r1", 4 }, { "brainpoolP512r1", 5 }, { "secp521r1", 5 },
};

/* Root, document verifier, inspection system. */
struct chain {
	struct sim_holder root, dv, is;
	struct sim_buf root_cert, certs;
};

static void chain_new(struct chain *c, const struct scheme *s)
{
	memset(c, 0, sizeof(*c));
	holder(&c->root, "UTCVCA00001", s, 0xc3);
	holder(&c->dv, "UTDVCA00001", s, 0x83);
	holder(&c->is, "UTISYS00001", s, 0x03);
	assert_true(sim_cvc_issue(&c->root, &c->root, &c->root_cert) && sim_cvc_issue(&c->dv, &c->root, &c->certs) &&
		    sim_cvc_issue(&c->is, &c->dv, &c->certs));
}

static void chain_free(struct chain *c)
{
	sim_buf_free(&c->certs);
	sim_buf_free(&c->root_cert);
	sim_holder_clear(&c->root);
	sim_holder_clear(&c->dv);
	sim_holder_clear(&c->is);
}

/* id-DateOfExpiry: the day to compare with (A.7.5.3). */
static const uint8_t auxiliary[] = { 0x67, 0x17, 0x73, 0x15, 0x06, 0x09, 0x04, 0x00, 0x7f, 0x00, 0x07, 0x03, 0x01,
				     0x04, 0x02, 0x53, 0x08, '2', '0', '2', '6', '1', '1', '2', '9' };

static void their_chip_takes_our_terminal(void **state)
{
	struct cr_ta_binding binding = { .chip_len = 32, .ephemeral_len = 32 }, other;

	memset(binding.chip, 0x31, 32);
	memset(binding.ephemeral, 0x42, 32);
	for (size_t i = 0; i < 2 * sizeof(schemes) / sizeof(*schemes); i++) {
		const int version = 1 + i % 2;
		struct chain c;
		cr_terminal_t *t;

		chain_new(&c, &schemes[i / 2]);
		t = inspection_system(&c.certs, c.is.key);
		binding.auxiliary = version == 2 ? auxiliary : NULL;
		binding.auxiliary_len = version == 2 ? sizeof(auxiliary) : 0;
		for (int bad = 0; bad < 2 + version; bad++) {
			EAC_CTX *chip = EAC_CTX_new();

			other = binding;
			if (bad == 1)
				other.chip[0] ^= 1;
			else if (bad == 2)
				other.ephemeral[31] ^= 1;
			else if (bad == 3)
				other.auxiliary_len = 0;
			assert_int_equal(EAC_CTX_init_ta(chip, NULL, 0, c.root_cert.p, c.root_cert.len), 1);
			TA_disable_checks(chip);	/* by their clock; the certificates' days are by ours */
			assert_int_equal(authenticate_to(chip, version, t, &binding, &other),
					 bad ? CR_E_ACCESS_REFUSED : 0);
			EAC_CTX_clear_free(chip);
		}
		cr_terminal_free(t);
		chain_free(&c);
	}
}

/* One command of version 2 to our card, in a session that PACE has announced it for. */
static uint16_t to_card(struct sim_card *card, uint8_t ins, uint8_t p2, const struct cr_buf *data, uint8_t nonce[8])
{
	struct sim_apdu a = { .ins = ins, .p1 = ins == 0x22 ? 0x81 : 0, .p2 = p2, .data = data->data, .lc = data->len };
	struct sim_buf out = { 0 };
	uint16_t sw;

	switch (ins) {
	case 0x22:
		return p2 == 0xb6 ? sim_ta_set_dst(card, &a, true) : sim_ta_set_at(card, &a, true);
	case 0x2a:
		return sim_ta_verify(card, &a, true);
	case 0x82:
		return sim_ta_authenticate(card, &a);
	}
	a.le = 8;
	sw = sim_ta_challenge(card, &a, &out);
	assert_int_equal(out.len, 8);
	memcpy(nonce, out.p, 8);
	sim_buf_free(&out);
	return sw;
}

/* The certificates, each by the key of the one before. */
static void show(struct sim_card *card, const struct chain *c)
{
	const char *const by[] = { c->root.name, c->dv.name };
	const uint8_t *p = c->certs.p;
	struct cr_buf b;
	struct cr_tlv t;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(cr_tlv_parse(p, c->certs.len - (size_t)(p - c->certs.p), &t), 0);
		cr_buf_init(&b);
		cr_tlv_put(&b, 0x83, (const uint8_t *)by[i], strlen(by[i]));
		assert_int_equal(to_card(card, 0x22, 0xb6, &b, NULL), 0x9000);
		cr_buf_free(&b);
		cr_buf_put(&b, t.val, t.len);
		assert_int_equal(to_card(card, 0x2a, 0xbe, &b, NULL), 0x9000);
		cr_buf_free(&b);
		p += t.total;
	}
}

/* OpenPACE leaves out leading zeroes of r and s, which TR-03111, 5.2.1 has at full length: it is asked until there are none. */
static BUF_MEM *full_signature(EAC_CTX *terminal, const EVP_PKEY *own, const BUF_MEM *key, const BUF_MEM *id,
			       const BUF_MEM *aux)
{
	size_t half = ((size_t)EVP_PKEY_get_bits(own) + 7) / 8;

	for (int i = 0; i < 200; i++) {
		BUF_MEM *sig = TA_STEP5_sign(terminal, key, id, aux);

		assert_non_null(sig);
		if (!EVP_PKEY_is_a(own, "EC") || sig->length == 2 * half)
			return sig;
		BUF_MEM_free(sig);
	}
	fail_msg("no signature of full length");
	return NULL;
}

/*
 * Version 2: the signature of version 1 with what the terminal sends beside it. OpenPACE signs RSA-PSS with the
 * longest salt there can be; A.7.3.1 has it as long as the digest, and our card holds it to that.
 */
static void our_chip_takes_their_terminal(void **state)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		const bool long_salt = *schemes[i].key == 'R' && schemes[i].scheme != 1 && schemes[i].scheme != 2 &&
				       schemes[i].scheme != 5;
		struct chain c;

		chain_new(&c, &schemes[i]);
		for (int bad = 0; bad < 4; bad++) {
			struct simsession *x = simsession_new();
			BUF_MEM *key = buf_of((const uint8_t *)"0123456789abcdef0123456789ABCDEF", 32), *id, *aux, *nonce, *sig;
			EAC_CTX *terminal = EAC_CTX_new();
			unsigned char *der = NULL;
			struct sim_buf own = { 0 }, oid = { 0 };
			struct cr_buf b;
			uint8_t r[8];
			int n = i2d_PrivateKey(c.is.key, &der);

			x->card.prof.cvca = c.root;
			assert_int_equal(EVP_PKEY_up_ref(c.root.key), 1);
			memcpy(x->card.prof.today, c.root.from, sizeof(c.root.from));
			assert_true(sim_group_open(&x->card.prof.ca_group, "brainpoolP256r1"));
			x->card.prof.ta_2 = x->card.ta.announced = x->card.access = true;
			memset(x->card.chip_id, 0x31, x->card.chip_id_len = 32);
			show(&x->card, &c);
			assert_true(sim_cvc_issue(&c.is, &c.dv, &own) && sim_holder_algorithm(&c.is, &oid));
			assert_int_equal(EAC_CTX_init_ta(terminal, der, (size_t)n, own.p, own.len), 1);
			OPENSSL_free(der);
			cr_buf_init(&b);
			cr_tlv_put(&b, 0x80, oid.p, oid.len);
			cr_tlv_put(&b, 0x83, (const uint8_t *)c.is.name, strlen(c.is.name));
			cr_buf_put(&b, auxiliary, sizeof(auxiliary));
			cr_tlv_put(&b, 0x91, (const uint8_t *)key->data, key->length);
			assert_int_equal(to_card(&x->card, 0x22, 0xa4, &b, NULL), 0x9000);
			cr_buf_free(&b);
			assert_int_equal(to_card(&x->card, 0x84, 0, &b, r), 0x9000);
			id = buf_of(x->card.chip_id, 32);
			aux = buf_of(auxiliary, sizeof(auxiliary));
			nonce = buf_of(r, 8);
			((bad == 1 ? key : bad == 2 ? id : aux)->data[4]) ^= bad != 0;
			assert_int_equal(TA_STEP4_set_nonce(terminal, nonce), 1);
			sig = full_signature(terminal, c.is.key, key, id, aux);
			cr_buf_put(&b, sig->data, sig->length);
			assert_int_equal(to_card(&x->card, 0x82, 0, &b, NULL), bad || long_salt ? 0x6300 : 0x9000);
			assert_int_equal(x->card.ta.done, !bad && !long_salt);
			cr_buf_free(&b);
			BUF_MEM_free(key);
			BUF_MEM_free(id);
			BUF_MEM_free(aux);
			BUF_MEM_free(nonce);
			BUF_MEM_free(sig);
			sim_buf_free(&own);
			sim_buf_free(&oid);
			EAC_CTX_clear_free(terminal);
			simsession_free(x);
		}
		chain_free(&c);
	}
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
		cmocka_unit_test(pace_agrees_with_openpace_in_both_directions),
		cmocka_unit_test(a_wrong_password_is_wrong_to_both),
		cmocka_unit_test(chip_authentication_agrees_with_openpace_in_both_directions),
		cmocka_unit_test(their_chip_takes_our_terminal),
		cmocka_unit_test(our_chip_takes_their_terminal),
		cmocka_unit_test(chip_authentication_2_agrees_with_openpace_in_both_directions),
	};
	int r;

	EAC_init();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	EAC_cleanup();
	return r;
}
