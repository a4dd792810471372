// SPDX-License-Identifier: BSD-2-Clause
/* Active authentication with chips made here: RSA by ISO/IEC 9796-2, ECDSA plain and in DER. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <cardring/error.h>
#include "eid/aa.h"
#include "iso7816/tlv.h"
#include "hex.h"

static int verify(const struct cr_aa *aa, const uint8_t *sig, size_t len)
{
	bool other;
	int err = cr_aa_verify(aa, sig, len, NULL, &other);

	assert_false(other);
	return err;
}

static struct cr_aa *terminal(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	struct cr_aa *aa;
	struct cr_buf b;
	int n = i2d_PUBKEY(key, &der);

	assert_true(n > 0);
	cr_buf_init(&b);
	cr_tlv_put(&b, 0x6f, der, (size_t)n);
	assert_int_equal(cr_aa_new(b.data, b.len, NULL, &aa), 0);
	for (size_t cut = 0; cut < b.len; cut++) {
		struct cr_aa *none;

		assert_int_equal(cr_aa_new(b.data, cut, NULL, &none), CR_E_MALFORMED);
	}
	cr_buf_free(&b);
	OPENSSL_free(der);
	return aa;
}

/* The chip's side of ISO/IEC 9796-2, scheme 1. trailer 0: BC. */
static void sign_rsa(EVP_PKEY *key, const char *digest, uint8_t trailer, const uint8_t *m2,
		     bool complement, uint8_t *sig, size_t n)
{
	uint8_t f[CR_AA_MAX], md[64];
	unsigned int h;
	size_t t = trailer ? 2 : 1, out = n;
	EVP_MD_CTX *md_ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx;

	memset(f, 0x5c, n);
	f[0] = 0x6a;
	h = (unsigned int)EVP_MD_get_size(EVP_get_digestbyname(digest));
	assert_int_equal(EVP_DigestInit(md_ctx, EVP_get_digestbyname(digest)), 1);
	EVP_DigestUpdate(md_ctx, f + 1, n - 1 - h - t);
	EVP_DigestUpdate(md_ctx, m2, CR_AA_NONCE);
	EVP_DigestFinal(md_ctx, md, &h);
	EVP_MD_CTX_free(md_ctx);
	memcpy(f + n - t - h, md, h);
	f[n - 1] = trailer ? 0xcc : 0xbc;
	if (trailer)
		f[n - 2] = trailer;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	assert_int_equal(EVP_PKEY_decrypt(ctx, sig, &out, f, n), 1);
	EVP_PKEY_CTX_free(ctx);
	assert_int_equal(out, n);
	if (complement) {	/* the smaller of s and n - s is as good */
		BIGNUM *mod = NULL, *s = BN_bin2bn(sig, (int)n, NULL);

		EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &mod);
		BN_sub(s, mod, s);
		BN_bn2binpad(s, sig, (int)n);
		BN_free(mod);
		BN_free(s);
	}
}

static void rsa_chips_prove_themselves(void **state)
{
	static const struct {
		const char *digest; uint8_t trailer;
	} hashes[] = {
		{ "SHA1", 0 },	    { "SHA1", 0x33 },	{ "SHA256", 0x34 },
		{ "SHA512", 0x35 }, { "SHA384", 0x36 }, { "SHA224", 0x38 },
	};
	EVP_PKEY *key = EVP_RSA_gen(1024), *other = EVP_RSA_gen(1024);
	struct cr_aa *aa = terminal(key);
	struct cr_capdu cmd;
	uint8_t sig[128], wrong[8];

	cr_aa_command(aa, &cmd);
	assert_int_equal(cmd.ins, 0x88);
	assert_int_equal(cmd.lc, 8);
	assert_string_equal(cr_aa_name(aa), "AA RSA");
	for (size_t i = 0; i < 6; i++) {
		for (int complement = 0; complement < 2; complement++) {
			sign_rsa(key, hashes[i].digest, hashes[i].trailer, cmd.data, complement,
				 sig, 128);
			assert_int_equal(verify(aa, sig, 128), 0);
			sig[77] ^= 4;
			assert_int_equal(verify(aa, sig, 128), CR_E_CRYPTO);
			sig[77] ^= 4;
			assert_int_equal(verify(aa, sig, 127), CR_E_TOO_LONG);
		}
	}
	sign_rsa(other, "SHA256", 0x34, cmd.data, false, sig, 128);
	assert_int_equal(verify(aa, sig, 128), CR_E_CRYPTO);
	memcpy(wrong, cmd.data, 8);
	wrong[0] ^= 1;		/* what it signed for somebody else */
	sign_rsa(key, "SHA256", 0x34, wrong, false, sig, 128);
	assert_int_equal(verify(aa, sig, 128), CR_E_CRYPTO);
	sign_rsa(key, "SHA256", 0x36, cmd.data, false, sig,
		 128); /* the trailer names another digest */
	assert_int_equal(verify(aa, sig, 128), CR_E_CRYPTO);
	memset(sig, 0, sizeof(sig));
	assert_int_equal(verify(aa, sig, 128), CR_E_CRYPTO);
	memset(sig, 0xff, sizeof(sig));
	assert_int_equal(verify(aa, sig, 128), CR_E_CRYPTO);
	cr_aa_free(aa);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

static int fixed(void *arg, uint8_t *out, size_t len)
{
	return hex(out, arg) == len ? 0 : CR_E_INTERNAL;
}

/*
 * ICAO 9303-11, appendix E: our number and the block that the chip signs, as printed; its key is not
 * told, so that one of ours signs it.
 */
static void the_example_of_appendix_e(void **state)
{
	const struct cr_rng rng = { fixed, (void *)"F173589974BF40C6" };
	EVP_PKEY *key = EVP_RSA_gen(1024);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	unsigned char *der = NULL;
	uint8_t f[128], sig[128], buf[16];
	size_t n, len = sizeof(buf);
	struct cr_capdu cmd;
	struct cr_aa *aa;
	struct cr_buf b;

	cr_buf_init(&b);
	n = (size_t)i2d_PUBKEY(key, &der);
	cr_tlv_put(&b, 0x6f, der, n);
	assert_int_equal(cr_aa_new(b.data, b.len, &rng, &aa), 0);
	cr_aa_command(aa, &cmd);
	assert_int_equal(cr_capdu_build(&cmd, buf, &len), 0);
	assert_hex(buf, len, "0088000008F173589974BF40C600");
	assert_int_equal(hex(f, "6A9D2784A67F8E7C659973EA1AEA25D95B6C8F91E5002F369F0FBDCE8A3CEC1991B543F1696546C5524CF23A5303CD6C"
			     "98599F40B79F377B5F3A1406B3B4D8F96784D23AA88DB7E1032A405E69325FA91A6E86F5C71AEA978264C4A207446DAD"
			     "4E7292E2DCDA3024B47DA8C063AA1E6D22FBD976AB0FE73D94D2D9C6D88127BC"), sizeof(f));
	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	n = sizeof(sig);
	assert_int_equal(EVP_PKEY_decrypt(ctx, sig, &n, f, sizeof(f)), 1);
	assert_int_equal(verify(aa, sig, n), 0);
	cr_aa_free(aa);
	cr_buf_free(&b);
	OPENSSL_free(der);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static void ecdsa_chips_prove_themselves(void **state)
{
	static const char *const curves[] = { "P-256", "brainpoolP384r1", "P-521" };
	static const char *const digests[] = { "SHA1", "SHA224", "SHA256", "SHA384", "SHA512" };

	for (size_t c = 0; c < 3; c++) {
		EVP_PKEY *key = EVP_EC_gen(curves[c]), *other = EVP_EC_gen(curves[c]);
		struct cr_aa *aa = terminal(key);
		struct cr_capdu cmd;

		cr_aa_command(aa, &cmd);
		assert_string_equal(cr_aa_name(aa), "AA ECDSA");
		for (size_t d = 0; d < 5; d++) {
			for (int wrong = 0; wrong < 2; wrong++) {
				uint8_t der[200], plain[200];
				const uint8_t *p = der;
				size_t n = sizeof(der), half = cr_aa_signature_len(aa) / 2;
				EVP_MD_CTX *ctx = EVP_MD_CTX_new();
				ECDSA_SIG *es;

				EVP_DigestSignInit_ex(ctx, NULL, digests[d], NULL, NULL,
						      wrong ? other : key, NULL);
				assert_int_equal(EVP_DigestSign(ctx, der, &n, cmd.data, 8), 1);
				EVP_MD_CTX_free(ctx);
				es = d2i_ECDSA_SIG(NULL, &p, (long)n);
				BN_bn2binpad(ECDSA_SIG_get0_r(es), plain, (int)half);
				BN_bn2binpad(ECDSA_SIG_get0_s(es), plain + half, (int)half);
				ECDSA_SIG_free(es);
				assert_int_equal(verify(aa, plain, 2 * half),
						 wrong ? CR_E_CRYPTO : 0);
				/* what DG14 names, and what it should not */
				for (size_t k = 0; k < 5; k++) {
					bool named_other;

					assert_int_equal(cr_aa_verify(aa, plain, 2 * half, digests[k], &named_other),
							 wrong ? CR_E_CRYPTO : 0);
					assert_int_equal(named_other, !wrong && k != d);
				}
				if (n != 2 * half)
					assert_int_equal(verify(aa, der, n),
							 wrong ? CR_E_CRYPTO : 0);
				memset(plain, 0, sizeof(plain));
				assert_int_equal(verify(aa, plain, 2 * half), CR_E_CRYPTO);
				assert_int_equal(verify(aa, der, n / 2), CR_E_CRYPTO);
				assert_int_equal(verify(aa, NULL, 0), CR_E_TOO_LONG);
			}
		}
		cr_aa_free(aa);
		EVP_PKEY_free(key);
		EVP_PKEY_free(other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_appendix_e),
		cmocka_unit_test(rsa_chips_prove_themselves),
		cmocka_unit_test(ecdsa_chips_prove_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
