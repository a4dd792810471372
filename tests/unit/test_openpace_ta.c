// SPDX-License-Identifier: BSD-2-Clause
/* Terminal authentication against OpenPACE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <eac/eac.h>
#include <eac/ta.h>
#include <openssl/pem.h>
#include <cardring/error.h>
#include "eid/ta.h"
#include "issue.h"
#include "openpace.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(their_chip_takes_our_terminal),
		cmocka_unit_test(our_chip_takes_their_terminal),
	};
	int r;

	EAC_init();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	EAC_cleanup();
	return r;
}
