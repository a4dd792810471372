// SPDX-License-Identifier: BSD-2-Clause
/*
 * Terminal and chip authentication version 2: BSI's "Worked Example for Extended Access Control (EAC)",
 * version 1.0, with ECDH; and a chip that breaks the protocol.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <cardring/error.h>
#include "eid/ca.h"
#include "hex.h"
#include "simsession.h"

#define CARD_ACCESS \
	"3181C6300D060804007F00070202020201023012060A04007F000702020302020201020201013012060A04007F000702" \
	"0204020202010202010D301C060904007F000702020302300C060704007F0007010202010D020101302F060804007F00" \
	"07020206162368747470733A2F2F7777772E686A702D636F6E73756C74696E672E636F6D2F686F6D65303E060804007F" \
	"000702020831323012060A04007F00070202030202020102020102301C060904007F000702020302300C060704007F00" \
	"07010202010D020102"
#define PICC_KEY "7984674CF3B3A524BF929CE8A67FCF22173DA0BAD595EED6DEB72D22C542FA9D"
#define PICC_PUBLIC \
	"04A44EBE5451DF7AADB01E459B8C928A87746A57927C8C28A6775C97A7E1FE8D9A46FF4A1CC7E4D1389AEA19758E4F75" \
	"C28C598FD734AEBEB135337CF95BE12E94"
#define PCD_KEY "A6A4D255C5BF7A77EC3D0553DB74F693CF044E18C98364D4977A296108AF19BD"
#define PCD_X	"5A7A377FC9CAFC03AC7FF45441A8B2909D88EAB8E6B0173847AB49B949DF3799"
#define PCD_PUBLIC "04" PCD_X "A34EE57EC55268CF8B1C3EC489F8BF4CF4C68D3FD9670E89C0D5D3FFF1AAF89F"
#define ANSWER	"7C14 8108 4287B3072A3EDC60 8208 FF0117D68DEE8E72"
#define K_MAC	"78B5709E7ABEDB185B424D0EE3A82499"
#define K_ENC	"94ABCD271AB7D9A5590BA52CB518B831"
#define ID_PICC	"282CF38073036AFAC216AF135BD994DA0C357F10BD4C34AFEA1042B2EB0FD680"
#define TA_KEY \
	"043385B484E8E994C93F55ADF4A9C92DA3C063AC7D744E85D38EE070BF6FF8D7ABA2DE688724B27D6BAE2B1C8AE074C0" \
	"9BB8808CC83036B0692898711D3F6FC3213846E14B3154845084DFBC0EB70AE2BDEA8EEBD6796ACFA4C56F5703CE5A6E" \
	"FE0A266E43C3F71A1B7EEC60E5C6F0850DC4D3455F53282C9FBCA85DC947D13BEE"
#define TA_NONCE "547E4EAB03B235D2"
#define TA_SIGNATURE \
	"81A2D9E5891B86A0F01ADD0341C89D6E9EF3E20C223884F27B2F2040E9721C46C9C3CF7C0EE0A422263BA6F1EAFC693B" \
	"D8738F34760B5998584F58DD25B8D60D99D7C45957C2E2F10C0E5F91A8DC88BD7CFA33CBF784A9DA83C800324165179D" \
	"BE71C69B2C0FD811270E436C43278184DDB542142342DBF156E82D2A1BC19085"

static int pcd_key(void *arg, uint8_t *out, size_t len)
{
	assert_int_equal(len, 32);
	hex(out, PCD_KEY);
	return 0;
}

/* The example's chip authentication up to its answer, which *cmd asked for. */
static struct cr_ca *up_to_answer(struct cr_capdu *cmd)
{
	const struct cr_rng rng = { pcd_key, NULL };
	struct cr_security_infos infos;
	struct cr_ca_key key = { .ecdh = true, .key_id = 1, .usable = true, .len = 65 };
	struct cr_domain domain;
	struct cr_ca_info info;
	uint8_t set[256];
	struct cr_ca *ca;

	assert_int_equal(cr_security_infos_parse(set, hex(set, CARD_ACCESS), &infos), 0);
	assert_true(infos.terminal_2);
	assert_int_equal(cr_security_infos_ca2(&infos, &info, &domain), 0);
	assert_int_equal(domain.id, 13);
	assert_int_equal(info.key_id, 1);	/* the other one is for privileged terminals alone */
	assert_int_equal(cr_ca_begin(&info, &domain, &rng, &ca), 0);
	assert_int_equal(cr_domain_by_id(13, &key.domain), true);
	assert_int_equal(hex(key.public_key, PICC_PUBLIC), 65);
	assert_int_equal(cr_ca_agree(ca, &key), 0);
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0, cmd), 1);
	assert_hex(cmd->data, cmd->lc, "800A04007F00070202030202 840101");
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0x9000, cmd), 1);
	return ca;
}

static void the_terminal_computes_the_worked_example(void **state)
{
	uint8_t rsp[32], compressed[CR_FIELD_MAX];
	struct cr_capdu cmd;
	struct cr_sm sm;
	size_t len;
	struct cr_ca *ca = up_to_answer(&cmd);

	assert_hex(cmd.data, cmd.lc, "7C43 8041" PCD_PUBLIC);
	assert_int_equal(cr_ca_compressed(ca, compressed, &len), 0);
	assert_hex(compressed, len, PCD_X);
	assert_int_equal(cr_ca_step(ca, rsp, hex(rsp, ANSWER), 0x9000, &cmd), 0);
	assert_int_equal(cr_ca_session(ca, &sm), 0);
	assert_hex(sm.k_enc, 16, K_ENC);
	assert_hex(sm.k_mac, 16, K_MAC);
	for (size_t i = 0; i < sizeof(sm.ssc); i++)
		assert_int_equal(sm.ssc[i], 0);
	cr_ca_free(ca);
}

static EVP_PKEY *public_key(const char *curve, const char *point)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;
	uint8_t q[200];

	assert_int_equal(OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, q, hex(q, point)), 1);
	params = OSSL_PARAM_BLD_to_param(b);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* A card in the middle of version 2: announced, terminal authentication's challenge given. */
static struct simsession *challenged(void)
{
	struct simsession *x = simsession_new();
	struct sim_card *c = &x->card;

	assert_true(sim_group_open(&c->prof.ca_group, "brainpoolP256r1"));
	assert_int_not_equal(BN_hex2bn(&c->prof.ca_key, PICC_KEY), 0);
	c->prof.ca = c->prof.ta_2 = true;
	c->prof.ca_cipher = SIM_AES128;
	c->prof.ca_key_id = 1;
	c->access = c->sm.active = true;
	c->ta.announced = c->ta.set = c->ta.challenged = true;
	c->chip_id_len = hex(c->chip_id, ID_PICC);
	hex(c->ta.challenge, TA_NONCE);
	c->ta.ephemeral_len = hex(c->ta.ephemeral, PCD_X);
	strcpy(c->ta.last.name, "DETESTATDE019");
	strcpy(c->ta.last.group, "brainpoolP512r1");
	c->ta.last.kind = 2;
	c->ta.last.scheme = 5;
	c->ta.last.key = public_key("brainpoolP512r1", TA_KEY);
	c->ta.granted = c->ta.chat = 3;
	return x;
}

static uint16_t general_authenticate(struct simsession *x, struct sim_buf *out, struct sim_sm *next)
{
	uint8_t data[80];
	struct sim_apdu a = { .ins = 0x86, .data = data, .lc = hex(data, "7C43 8041" PCD_PUBLIC), .le = 256, .le_all = true };

	return sim_ca_authenticate(&x->card, &a, out, next);
}

static void the_card_takes_the_worked_example(void **state)
{
	uint8_t sig[128];
	const struct sim_apdu ea = { .ins = 0x82, .data = sig, .lc = sizeof(sig) };

	for (int bad = 0; bad < 6; bad++) {
		struct simsession *x = challenged();
		struct sim_card *c = &x->card;
		struct sim_buf out = { 0 };
		struct sim_sm next = { 0 };
		uint16_t sw;

		hex(sig, TA_SIGNATURE);
		switch (bad) {
		case 1: sig[100] ^= 1; break;
		case 2: c->chip_id[0] ^= 1; break;
		case 3: c->ta.challenge[7] ^= 1; break;
		case 4: c->ta.ephemeral[31] ^= 1; break;
		case 5: sim_buf_put(&c->ta.auxiliary, "\x67\x00", 2); break;
		}
		sw = sim_ta_authenticate(c, &ea);
		assert_int_equal(sw, bad ? 0x6300 : 0x9000);
		assert_int_equal(c->ta.done, !bad);
		assert_int_equal(c->rights, 0);		/* not before chip authentication */
		if (!bad) {
			c->ta.ephemeral[0] ^= 1;	/* another key than the one that was authenticated */
			assert_int_equal(general_authenticate(x, &out, &next), 0x6300);
			assert_false(next.active);
			c->ta.ephemeral[0] ^= 1;
			assert_int_equal(general_authenticate(x, &out, &next), 0x9000);
			assert_int_equal(c->rights, 3);
			assert_int_equal(out.len, 22);
			sim_buf_free(&out);
		}
		simsession_free(x);
	}
}

/* Both sides of this project, with the example's keys and the card's own nonce. */
static void terminal_and_card_agree(void **state)
{
	struct simsession *x = challenged();
	struct sim_buf out = { 0 };
	struct sim_sm next = { 0 };
	struct cr_capdu cmd;
	struct cr_sm sm;
	struct cr_ca *ca = up_to_answer(&cmd);

	x->card.ta.done = true;
	assert_int_equal(general_authenticate(x, &out, &next), 0x9000);
	assert_int_equal(cr_ca_step(ca, out.p, out.len, 0x9000, &cmd), 0);
	assert_int_equal(cr_ca_session(ca, &sm), 0);
	assert_memory_equal(sm.k_enc, next.enc, 16);
	assert_memory_equal(sm.k_mac, next.mac, 16);
	sim_buf_free(&out);
	cr_ca_free(ca);
	simsession_free(x);
}

static void an_answer_that_is_none_is_no_proof(void **state)
{
	static const struct { const char *answer; uint16_t sw; int err; } rows[] = {
		{ "7C14 8108 4287B3072A3EDC60 8208 FF0117D68DEE8E73", 0x9000, CR_E_SM },
		{ "7C14 8108 4287B3072A3EDC61 8208 FF0117D68DEE8E72", 0x9000, CR_E_SM },
		{ "7C0A 8108 4287B3072A3EDC60", 0x9000, CR_E_CARD_PROTOCOL },
		{ "7C0A 8208 FF0117D68DEE8E72", 0x9000, CR_E_CARD_PROTOCOL },
		{ "7C13 8107 4287B3072A3EDC 8208 FF0117D68DEE8E72", 0x9000, CR_E_CARD_PROTOCOL },
		{ "7C13 8108 4287B3072A3EDC60 8207 FF0117D68DEE8E", 0x9000, CR_E_CARD_PROTOCOL },
		{ "7C15 8109 4287B3072A3EDC6000 8208 FF0117D68DEE8E72", 0x9000, CR_E_CARD_PROTOCOL },
		{ "7C00", 0x9000, CR_E_CARD_PROTOCOL },
		{ "", 0x9000, CR_E_CARD_PROTOCOL },
		{ ANSWER, 0x6300, CR_E_CARD_STATUS },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cr_capdu cmd;
		struct cr_sm sm;
		uint8_t rsp[32];
		struct cr_ca *ca = up_to_answer(&cmd);

		assert_int_equal(cr_ca_step(ca, rsp, hex(rsp, rows[i].answer), rows[i].sw, &cmd), rows[i].err);
		assert_int_equal(cr_ca_session(ca, &sm), CR_E_INVALID);
		cr_ca_free(ca);
	}
}

/* The key in EF.CardSecurity, against what EF.CardAccess said of it. */
static void a_key_of_other_parameters_is_not_taken(void **state)
{
	struct cr_ca_key key = { .ecdh = true, .key_id = 1, .usable = true, .len = 65 };
	struct cr_ca_info info = { .version = 2, .key_id = 1, .protocol = { .ecdh = true, .cipher = CR_AES128 } };
	struct cr_domain domain;
	struct cr_capdu cmd;
	struct cr_ca *ca;

	assert_true(cr_domain_by_id(13, &domain));
	assert_true(cr_domain_by_id(12, &key.domain));
	hex(key.public_key, PICC_PUBLIC);
	assert_int_equal(cr_ca_begin(&info, &domain, NULL, &ca), 0);
	assert_int_equal(cr_ca_agree(ca, &key), CR_E_UNSUPPORTED);
	key.domain = domain;
	key.public_key[64] ^= 1;
	assert_int_equal(cr_ca_agree(ca, &key), CR_E_CRYPTO);
	/* and without any there are no keys to be had */
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0, &cmd), 1);
	assert_int_equal(cr_ca_step(ca, NULL, 0, 0x9000, &cmd), 1);
	assert_int_equal(cr_ca_step(ca, (const uint8_t *)"\x7c", 2, 0x9000, &cmd), CR_E_INVALID);
	cr_ca_free(ca);
	info.protocol.ecdh = false;
	assert_int_equal(cr_ca_begin(&info, &domain, NULL, &ca), CR_E_UNSUPPORTED);
	assert_null(ca);
}

/* Nothing there is signed: no parameters but the standard's own, and both infos of one number. */
static void of_card_access_only_standardized_parameters_are_taken(void **state)
{
	struct cr_security_infos si = { .n_ca = 1, .n_ca_parameters = 1 };
	struct cr_ca_info *ca = &si.ca[0], info;
	struct cr_ca_parameters *p = &si.ca_parameters[0];
	struct cr_domain domain;

	*ca = (struct cr_ca_info){ .version = 2, .key_id = 1, .protocol = { .ecdh = true, .cipher = CR_AES128 } };
	*p = (struct cr_ca_parameters){ .ecdh = true, .key_id = 1, .known = true };
	assert_true(cr_domain_by_id(13, &p->domain));
	assert_int_equal(cr_security_infos_ca2(&si, &info, &domain), 0);
	p->domain.id = -1;
	assert_int_equal(cr_security_infos_ca2(&si, &info, &domain), CR_E_UNSUPPORTED);
	p->domain.id = 13;
	p->key_id = 2;
	assert_int_equal(cr_security_infos_ca2(&si, &info, &domain), CR_E_UNSUPPORTED);
	p->key_id = 1;
	p->known = false;
	assert_int_equal(cr_security_infos_ca2(&si, &info, &domain), CR_E_UNSUPPORTED);
	p->known = true;
	p->ecdh = false;
	assert_int_equal(cr_security_infos_ca2(&si, &info, &domain), CR_E_UNSUPPORTED);
	p->ecdh = true;
	/* of two the longer key of the cipher, then the stronger group */
	si.ca[1] = *ca;
	si.ca[1].key_id = 2;
	si.ca_parameters[1] = *p;
	si.ca_parameters[1].key_id = 2;
	assert_true(cr_domain_by_id(16, &si.ca_parameters[1].domain));
	si.n_ca = si.n_ca_parameters = 2;
	assert_int_equal(cr_security_infos_ca2(&si, &info, &domain), 0);
	assert_int_equal(info.key_id, 2);
	ca->protocol.cipher = CR_AES256;
	assert_int_equal(cr_security_infos_ca2(&si, &info, &domain), 0);
	assert_int_equal(info.key_id, 1);
	assert_int_equal(domain.id, 13);
	ca->version = si.ca[1].version = 1;
	assert_int_equal(cr_security_infos_ca2(&si, &info, &domain), CR_E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_terminal_computes_the_worked_example),
		cmocka_unit_test(the_card_takes_the_worked_example),
		cmocka_unit_test(terminal_and_card_agree),
		cmocka_unit_test(an_answer_that_is_none_is_no_proof),
		cmocka_unit_test(a_key_of_other_parameters_is_not_taken),
		cmocka_unit_test(of_card_access_only_standardized_parameters_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
