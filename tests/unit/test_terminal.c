// SPDX-License-Identifier: BSD-2-Clause
/* An inspection system's own certificates and key: taken apart, chained, and used for signatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <cardring/error.h>
#include "eid/terminal.h"
#include "issue.h"

static char dir[] = "/tmp/cardring-terminal-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[2][100];
	static int k;

	k = !k;
	snprintf(path[k], sizeof(path[k]), "%s/%s", dir, name);
	return path[k];
}

static void save(const char *name, const void *p, size_t len)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void save_key(const char *name, const EVP_PKEY *key)
{
	FILE *f = fopen(path_of(name), "w");

	assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
}

static void holder(struct sim_holder *h, const char *name, const char *key, uint8_t scheme, uint8_t chat)
{
	const struct sim_holder_spec spec = { name, key, scheme, chat, -10, 10 };

	assert_int_equal(sim_holder_new(&spec, h), 0);
}

static cr_terminal_t *load(const struct sim_buf *certs, const EVP_PKEY *key, int expect)
{
	cr_terminal_t *t;

	save("certs", certs->p, certs->len);
	save_key("key.pem", key);
	assert_int_equal(cr_terminal_new(&t), 0);
	assert_int_equal(cr_terminal_add_certificates(t, path_of("certs")), 0);
	assert_int_equal(cr_terminal_set_key(t, path_of("key.pem"), NULL, NULL), expect);
	return t;
}

/* Root, document verifier and terminal of every scheme; what the terminal signs stands with the other side. */
static void every_scheme_signs(void **state)
{
	static const struct { const char *key; uint8_t scheme; const char *name; } schemes[] = {
		{ "RSA-2048", 1, "TA v1 RSA SHA-1" }, { "RSA-2048", 2, "TA v1 RSA SHA-256" },
		{ "RSA-2048", 3, "TA v1 RSA-PSS SHA-1" }, { "RSA-2048", 4, "TA v1 RSA-PSS SHA-256" },
		{ "RSA-2048", 5, "TA v1 RSA SHA-512" }, { "RSA-2048", 6, "TA v1 RSA-PSS SHA-512" },
		{ "prime192v1", 1, "TA v1 ECDSA SHA-1" }, { "secp224r1", 2, "TA v1 ECDSA SHA-224" },
		{ "brainpoolP256r1", 3, "TA v1 ECDSA SHA-256" }, { "brainpoolP384r1", 4, "TA v1 ECDSA SHA-384" },
		{ "brainpoolP512r1", 5, "TA v1 ECDSA SHA-512" }, { "secp521r1", 5, "TA v1 ECDSA SHA-512" },
	};
	const struct cr_cvc_name authority = { "UTCVCA00001", 11 };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		const struct cr_cvc *chain[CR_CVC_CHAIN_MAX];
		struct sim_holder root, dv, is, checked;
		struct sim_buf b = { 0 };
		cr_terminal_t *t;
		uint8_t *sig;
		size_t len;

		holder(&root, "UTCVCA00001", schemes[i].key, schemes[i].scheme, 0xc3);
		holder(&dv, "UTDV00001", schemes[i].key, schemes[i].scheme, 0x82);
		holder(&is, "UTIS00001", schemes[i].key, schemes[i].scheme, 0x03);
		assert_true(sim_cvc_issue(&is, &dv, &b));	/* their order in the file is no matter */
		assert_true(sim_cvc_issue(&dv, &root, &b));
		t = load(&b, is.key, 0);
		assert_int_equal(cr_terminal_chain(t, &authority, 1, chain), 2);
		assert_int_equal(chain[0]->role, CR_CVC_DV_DOMESTIC);
		assert_int_equal(chain[0]->rights, CR_CVC_READ_DG4);
		assert_int_equal(chain[1]->role, CR_CVC_TERMINAL);
		assert_int_equal(chain[1]->rights, CR_CVC_READ_DG3 | CR_CVC_READ_DG4);
		assert_string_equal(chain[1]->algorithm->names[0], schemes[i].name);
		/* the body and the signature lie side by side, as they are sent */
		assert_ptr_equal(chain[0]->body + chain[0]->body_len, chain[0]->signature);
		assert_true(sim_cvc_check(chain[0]->body, chain[0]->body_len + chain[0]->signature_len, &root,
					  &checked));
		sim_holder_clear(&checked);
		for (int k = 0; k < 5; k++) {		/* now and then a number is shorter */
			assert_int_equal(cr_terminal_sign(t, chain[1]->algorithm, b.p, 100, &sig, &len), 0);
			assert_true(sim_holder_signed(&is, b.p, 100, sig, len));
			sig[len / 2] ^= 1;
			assert_false(sim_holder_signed(&is, b.p, 100, sig, len));
			free(sig);
		}
		cr_terminal_free(t);
		sim_buf_free(&b);
		sim_holder_clear(&root);
		sim_holder_clear(&dv);
		sim_holder_clear(&is);
	}
}

static struct cr_cvc cert(const char *of, const char *by)
{
	struct cr_cvc c = { 0 };

	memcpy(c.holder.text, of, c.holder.len = strlen(of));
	memcpy(c.authority.text, by, c.authority.len = strlen(by));
	return c;
}

static void a_chain_goes_from_what_the_chip_knows(void **state)
{
	struct cr_cvc all[CR_CVC_CHAIN_MAX + 2];
	const struct cr_cvc_name old = { "A1", 2 }, new = { "A2", 2 }, both[2] = { new, old };
	size_t chain[CR_CVC_CHAIN_MAX];
	char name[16], by[16];

	all[0] = cert("T", "D");
	all[1] = cert("A1", "A1");		/* self-signed: known or not, it is not shown */
	all[2] = cert("D", "A2");
	all[3] = cert("A2", "A2");
	all[4] = cert("A2", "A1");		/* the link */
	assert_int_equal(cr_cvc_chain(all, 5, 0, &new, 1, chain), 2);
	assert_int_equal(chain[0], 2);
	assert_int_equal(cr_cvc_chain(all, 5, 0, &old, 1, chain), 3);
	assert_int_equal(chain[0], 4);
	assert_int_equal(chain[1], 2);
	assert_int_equal(chain[2], 0);
	assert_int_equal(cr_cvc_chain(all, 5, 0, both, 2, chain), 2);
	assert_int_equal(cr_cvc_chain(all, 4, 0, &old, 1, chain), 0);
	assert_int_equal(cr_cvc_chain(all, 5, 0, both, 0, chain), 0);

	all[0] = cert("T", "D");		/* round in a ring */
	all[1] = cert("D", "E");
	all[2] = cert("E", "D");
	assert_int_equal(cr_cvc_chain(all, 3, 0, &old, 1, chain), 0);

	for (int i = 0; i < CR_CVC_CHAIN_MAX + 1; i++) {
		snprintf(name, sizeof(name), "N%d", i);
		snprintf(by, sizeof(by), "N%d", i + 1);
		all[i] = cert(name, by);
	}
	{
		struct cr_cvc_name last = all[CR_CVC_CHAIN_MAX - 1].authority;

		assert_int_equal(cr_cvc_chain(all, CR_CVC_CHAIN_MAX + 1, 0, &last, 1, chain), CR_CVC_CHAIN_MAX);
		last = all[CR_CVC_CHAIN_MAX].authority;
		assert_int_equal(cr_cvc_chain(all, CR_CVC_CHAIN_MAX + 1, 0, &last, 1, chain), 0);
	}
}

/* One document verifier, certified by several authorities: the certificate is taken that leads to the chip's. */
static void of_several_certificates_the_one_that_leads_on_is_taken(void **state)
{
	const struct cr_cvc_name a = { "A1", 2 }, b = { "B1", 2 }, c = { "C1", 2 }, none = { "X1", 2 };
	size_t chain[CR_CVC_CHAIN_MAX];
	struct cr_cvc all[CR_CVC_MAX + 1];

	all[0] = cert("T", "D");
	all[1] = cert("D", "A1");
	all[2] = cert("D", "E");	/* leads nowhere */
	all[3] = cert("D", "B2");
	all[4] = cert("D", "C1");
	all[5] = cert("B2", "B1");	/* a link */
	assert_int_equal(cr_cvc_chain(all, 6, 0, &a, 1, chain), 2);
	assert_int_equal(chain[0], 1);
	assert_int_equal(cr_cvc_chain(all, 6, 0, &c, 1, chain), 2);
	assert_int_equal(chain[0], 4);
	assert_int_equal(chain[1], 0);
	assert_int_equal(cr_cvc_chain(all, 6, 0, &b, 1, chain), 3);
	assert_int_equal(chain[0], 5);
	assert_int_equal(chain[1], 3);
	assert_int_equal(chain[2], 0);
	assert_int_equal(cr_cvc_chain(all, 6, 0, &none, 1, chain), 0);
	/* their order is no matter */
	all[0] = cert("D", "A1");
	all[1] = cert("T", "D");
	assert_int_equal(cr_cvc_chain(all, 2, 1, &a, 1, chain), 2);
	assert_int_equal(chain[0], 0);
	assert_int_equal(chain[1], 1);

	/* so tangled that trying each way would not end: half certify the other half, and these them */
	all[0] = cert("T", "D");
	for (int i = 1; i < CR_CVC_MAX; i++)
		all[i] = i % 2 ? cert("D", "E") : cert("E", "D");
	assert_int_equal(cr_cvc_chain(all, CR_CVC_MAX, 0, &none, 1, chain), 0);
	all[CR_CVC_MAX - 1] = cert("E", "X1");
	assert_int_equal(cr_cvc_chain(all, CR_CVC_MAX, 0, &none, 1, chain), 3);
	assert_int_equal(chain[0], CR_CVC_MAX - 1);
	assert_int_equal(cr_cvc_chain(all, CR_CVC_MAX + 1, 0, &none, 1, chain), 0);
}

/* Each byte cut, each byte changed, from a buffer without a byte to spare. */
static void a_broken_certificate_is_none(void **state)
{
	struct sim_holder root;
	struct sim_buf b = { 0 };
	struct cr_cvc c;
	size_t total;
	uint8_t *copy;

	holder(&root, "UTCVCA00001", "brainpoolP256r1", 3, 0xc3);
	assert_true(sim_cvc_issue(&root, &root, &b));
	assert_int_equal(cr_cvc_parse(b.p, b.len, &c, &total), 0);
	assert_int_equal(total, b.len);
	assert_int_equal(c.role, CR_CVC_CVCA);
	assert_true(cr_cvc_same_name(&c.holder, &c.authority));
	for (size_t n = 0; n < b.len; n++) {
		copy = malloc(n + !n);
		memcpy(copy, b.p, n);
		assert_int_equal(cr_cvc_parse(copy, n, &c, &total), CR_E_MALFORMED);
		free(copy);
	}
	copy = malloc(b.len);
	for (size_t i = 0; i < b.len; i++) {
		static const uint8_t flips[] = { 0x01, 0x80, 0xff };

		for (size_t k = 0; k < sizeof(flips); k++) {
			struct sim_holder h;
			int err;

			memcpy(copy, b.p, b.len);
			copy[i] ^= flips[k];
			err = cr_cvc_parse(copy, b.len, &c, &total);
			assert_true(!err || err == CR_E_MALFORMED || err == CR_E_UNSUPPORTED);
			/* and the chip takes none of them */
			if (!err)
				assert_false(sim_cvc_check(c.body, c.body_len + c.signature_len, &root, &h));
		}
	}
	free(copy);
	sim_buf_free(&b);
	sim_holder_clear(&root);
}

static void authorities_are_one_or_two_and_zeroes(void **state)
{
	static const struct { int expect; size_t len; uint8_t p[36]; } cases[] = {
		{ 1, 36, "\x42\x04UT01" }, { 2, 36, "\x42\x04UT02\x42\x04UT01" }, { 1, 6, "\x42\x04UT01" },
		{ CR_E_MALFORMED, 36, "" }, { CR_E_MALFORMED, 0, "" }, { CR_E_MALFORMED, 36, "\x43\x04UT01" },
		{ CR_E_MALFORMED, 36, "\x42\x04UT01\0\x42" }, { CR_E_MALFORMED, 36, "\x42\x00" },
		{ CR_E_MALFORMED, 5, "\x42\x04UT0" }, { CR_E_MALFORMED, 36, "\x42\x11""12345678901234567" },
		{ CR_E_MALFORMED, 36, "\x42\x02""12\x42\x02""34\x42\x02""56" },
	};
	struct cr_cvc_name names[2];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(cr_cvca_parse(cases[i].p, cases[i].len, names), cases[i].expect);
}

static void files_that_do_not_serve_are_told_apart(void **state)
{
	const struct cr_cvc_name authority = { "UTCVCA00001", 11 };
	const struct cr_cvc *chain[CR_CVC_CHAIN_MAX];
	struct sim_holder root, is, other;
	struct sim_buf b = { 0 }, many = { 0 };
	cr_terminal_t *t;

	holder(&root, "UTCVCA00001", "brainpoolP256r1", 3, 0xc3);
	holder(&is, "UTIS00001", "brainpoolP256r1", 3, 0x03);
	holder(&other, "UTIS00002", "brainpoolP256r1", 3, 0x03);
	assert_true(sim_cvc_issue(&is, &root, &b));
	t = load(&b, other.key, CR_E_NOT_FOUND);
	assert_int_equal(cr_terminal_chain(t, &authority, 1, chain), 0);	/* without a key there is no chain */
	assert_int_equal(cr_terminal_set_key(t, path_of("none.pem"), NULL, NULL), CR_E_IO);
	assert_int_equal(cr_terminal_set_key(t, path_of("certs"), NULL, NULL), CR_E_IO);
	assert_int_equal(cr_terminal_set_key(t, "pkcs11:no-such-token", NULL, NULL), CR_E_INVALID);
	assert_int_equal(cr_terminal_add_certificates(t, path_of("none")), CR_E_IO);
	assert_int_equal(cr_terminal_add_certificates(t, dir), CR_E_IO);
	save("bad", "", 0);
	assert_int_equal(cr_terminal_add_certificates(t, path_of("bad")), CR_E_MALFORMED);
	save("bad", b.p, b.len - 1);
	assert_int_equal(cr_terminal_add_certificates(t, path_of("bad")), CR_E_MALFORMED);
	for (int i = 0; i < 40; i++)
		sim_buf_put(&many, b.p, b.len);
	save("bad", many.p, many.len);
	assert_int_equal(cr_terminal_add_certificates(t, path_of("bad")), CR_E_TOO_LONG);
	/* what was there before stays as it was */
	save_key("key.pem", is.key);
	assert_int_equal(cr_terminal_set_key(t, path_of("key.pem"), NULL, NULL), 0);
	assert_int_equal(cr_terminal_chain(t, &authority, 1, chain), 1);
	cr_terminal_free(t);
	/* an authority's key is no terminal's */
	b.len = 0;
	assert_true(sim_cvc_issue(&root, &root, &b));
	t = load(&b, root.key, CR_E_NOT_FOUND);
	cr_terminal_free(t);
	cr_terminal_free(NULL);
	sim_buf_free(&b);
	sim_buf_free(&many);
	sim_holder_clear(&root);
	sim_holder_clear(&is);
	sim_holder_clear(&other);
}

static int begin(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int end(void **state)
{
	static const char *const names[] = { "certs", "key.pem", "bad" };

	for (size_t i = 0; i < 3; i++)
		unlink(path_of(names[i]));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_scheme_signs),
		cmocka_unit_test(a_chain_goes_from_what_the_chip_knows),
		cmocka_unit_test(of_several_certificates_the_one_that_leads_on_is_taken),
		cmocka_unit_test(a_broken_certificate_is_none),
		cmocka_unit_test(authorities_are_one_or_two_and_zeroes),
		cmocka_unit_test(files_that_do_not_serve_are_told_apart),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
