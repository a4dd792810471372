// SPDX-License-Identifier: BSD-2-Clause
/* An inspection system's key in a PKCS#11 token: SoftHSM's, where that is installed. */
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

#define PIN	"246810"

static char dir[] = "/tmp/cardring-token-XXXXXX";
static const char *module;

static void run(const char *format, ...)
{
	char cmd[600];
	va_list ap;

	va_start(ap, format);
	vsnprintf(cmd, sizeof(cmd), format, ap);
	va_end(ap);
	assert_int_equal(system(cmd), 0);
}

static void save(const char *name, const void *p, size_t len)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void import(EVP_PKEY *key, const char *label, int id)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/key.pem", dir);
	f = fopen(path, "w");
	assert_int_equal(PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	run("softhsm2-util --import %s --token border --label %s --id %02d --pin " PIN " >/dev/null", path, label, id);
	unlink(path);
}

static const char *uri(const char *label, const char *more)
{
	static char out[300];

	snprintf(out, sizeof(out), "pkcs11:token=border;object=%s?module-path=%s%s", label, module, more);
	return out;
}

struct asked {
	const char *pin;
	unsigned int times;
};

static bool ask(void *arg, const char *token, char *pin, size_t size)
{
	struct asked *a = arg;

	a->times++;
	assert_string_equal(token, "border");
	if (a->pin)
		snprintf(pin, size, "%s", a->pin);
	return a->pin != NULL;
}

static void holder(struct sim_holder *h, const char *name, const char *key, uint8_t scheme, uint8_t chat)
{
	const struct sim_holder_spec spec = { name, key, scheme, chat, -10, 10 };

	assert_int_equal(sim_holder_new(&spec, h), 0);
}

static cr_terminal_t *certificates(const struct sim_buf *b)
{
	cr_terminal_t *t;
	char path[100];

	save("certs", b->p, b->len);
	snprintf(path, sizeof(path), "%s/certs", dir);
	assert_int_equal(cr_terminal_new(&t), 0);
	assert_int_equal(cr_terminal_add_certificates(t, path), 0);
	return t;
}

static void every_scheme_signs_in_the_token(void **state)
{
	static const struct { const char *key; uint8_t scheme; } schemes[] = {
		{ "RSA-2048", 1 }, { "RSA-2048", 2 }, { "RSA-2048", 3 }, { "RSA-2048", 4 }, { "RSA-2048", 5 },
		{ "RSA-2048", 6 }, { "prime192v1", 1 }, { "secp224r1", 2 }, { "brainpoolP256r1", 3 },
		{ "brainpoolP384r1", 4 }, { "brainpoolP512r1", 5 }, { "secp521r1", 5 },
	};
	const struct cr_cvc_name authority = { "UTDV00001", 9 };

	if (!module)
		skip();
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		const struct cr_cvc *chain[CR_CVC_CHAIN_MAX];
		struct asked asked = { PIN, 0 };
		struct sim_holder dv, is, other;
		struct sim_buf b = { 0 };
		cr_terminal_t *t;
		char label[8];
		uint8_t *sig;
		size_t len;

		holder(&dv, "UTDV00001", schemes[i].key, schemes[i].scheme, 0x82);
		holder(&is, "UTIS00001", schemes[i].key, schemes[i].scheme, 0x03);
		holder(&other, "UTIS00002", schemes[i].key, schemes[i].scheme, 0x03);
		assert_true(sim_cvc_issue(&other, &dv, &b) && sim_cvc_issue(&is, &dv, &b));
		snprintf(label, sizeof(label), "k%zu", i);
		import(is.key, label, (int)i + 1);
		t = certificates(&b);
		assert_int_equal(cr_terminal_set_key(t, uri(label, ""), ask, &asked), 0);
		assert_int_equal(asked.times, 1);
		assert_string_equal(cr_terminal_own(t)->holder.text, "UTIS00001");
		assert_int_equal(cr_terminal_chain(t, &authority, 1, chain), 1);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(cr_terminal_sign(t, chain[0]->algorithm, b.p, 100, &sig, &len), 0);
			assert_true(sim_holder_signed(&is, b.p, 100, sig, len));
			sig[len / 2] ^= 1;
			assert_false(sim_holder_signed(&is, b.p, 100, sig, len));
			free(sig);
		}
		cr_terminal_free(t);
		sim_buf_free(&b);
		sim_holder_clear(&dv);
		sim_holder_clear(&is);
		sim_holder_clear(&other);
	}
}

static void what_is_wrong_with_a_token_is_told_apart(void **state)
{
	struct asked right = { PIN, 0 }, wrong = { "135791", 0 }, nobody = { NULL, 0 };
	struct sim_holder root, is, other;
	struct sim_buf b = { 0 };
	cr_terminal_t *t;
	char more[200];

	if (!module)
		skip();
	holder(&root, "UTCVCA00001", "brainpoolP256r1", 3, 0xc3);
	holder(&is, "UTIS00001", "brainpoolP256r1", 3, 0x03);
	holder(&other, "UTIS00002", "brainpoolP256r1", 3, 0x03);
	assert_true(sim_cvc_issue(&is, &root, &b));
	import(is.key, "own", 41);
	import(other.key, "other", 42);
	import(is.key, "twice", 43);
	import(other.key, "twice", 44);
	t = certificates(&b);
	assert_int_equal(cr_terminal_set_key(t, uri("other", ""), ask, &right), CR_E_NOT_FOUND);
	assert_int_equal(cr_terminal_set_key(t, uri("none", ""), ask, &right), CR_E_NO_CARD);
	assert_int_equal(cr_terminal_set_key(t, uri("twice", ""), ask, &right), CR_E_NO_CARD);
	assert_int_equal(cr_terminal_set_key(t, uri("own;type=public", ""), ask, &right), CR_E_NO_CARD);
	assert_int_equal(cr_terminal_set_key(t, uri("own", ""), ask, &wrong), CR_E_ACCESS_REFUSED);
	assert_int_equal(wrong.times, 1);
	assert_int_equal(cr_terminal_set_key(t, uri("own", ""), ask, &nobody), CR_E_ACCESS_REFUSED);
	assert_int_equal(cr_terminal_set_key(t, uri("own", ""), NULL, NULL), CR_E_ACCESS_REFUSED);
	assert_int_equal(cr_terminal_set_key(t, uri("own", "&pin-value=" PIN), ask, &right), CR_E_INVALID);
	assert_int_equal(cr_terminal_set_key(t, "pkcs11:token=border;object=own;colour=red", ask, &right), CR_E_INVALID);
	assert_int_equal(cr_terminal_set_key(t, "pkcs11:%", ask, &right), CR_E_INVALID);
	assert_int_equal(cr_terminal_set_key(t, "pkcs11:object=own?module-path=/nonexistent.so", ask, &right),
			 CR_E_NO_SERVICE);
	snprintf(more, sizeof(more), "pkcs11:token=harbour;object=own?module-path=%s", module);
	assert_int_equal(cr_terminal_set_key(t, more, ask, &right), CR_E_NO_CARD);
	snprintf(more, sizeof(more), "&pin-source=%s/none", dir);
	assert_int_equal(cr_terminal_set_key(t, uri("own", more), ask, &right), CR_E_IO);
	assert_null(cr_terminal_own(t));
	save("pin", PIN "\r\n", strlen(PIN) + 2);
	right.times = 0;
	snprintf(more, sizeof(more), "&pin-source=file://%s/pin", dir);
	assert_int_equal(cr_terminal_set_key(t, uri("own", more), ask, &right), 0);
	assert_int_equal(right.times, 0);
	assert_non_null(cr_terminal_own(t));
	cr_terminal_free(t);
	sim_buf_free(&b);
	sim_holder_clear(&root);
	sim_holder_clear(&is);
	sim_holder_clear(&other);
}

static int begin(void **state)
{
	static const char *const places[] = {
		"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
	};
	char path[100], conf[150];

	if (!mkdtemp(dir))
		return -1;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places) && !module; i++)
		module = access(places[i], R_OK) ? NULL : places[i];
	if (!module)
		return 0;
	snprintf(conf, sizeof(conf), "directories.tokendir = %s/tokens\n", dir);
	save("conf", conf, strlen(conf));
	snprintf(path, sizeof(path), "%s/conf", dir);
	setenv("SOFTHSM2_CONF", path, 1);
	run("mkdir %s/tokens && softhsm2-util --init-token --free --label border --so-pin 0000 --pin " PIN " >/dev/null", dir);
	return 0;
}

static int end(void **state)
{
	run("rm -r %s", dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_scheme_signs_in_the_token),
		cmocka_unit_test(what_is_wrong_with_a_token_is_told_apart),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
