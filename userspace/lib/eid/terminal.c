// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include "eid/terminal.h"
#include "eid/token.h"

#define FILE_LIMIT	65536	/* of certificates; one has less than 2 KiB */

struct cr_terminal {
	uint8_t *bytes[CR_CVC_MAX];	/* files, which the certificates point into */
	size_t n_bytes;
	struct cr_cvc certs[CR_CVC_MAX];
	size_t n_certs, own;
	EVP_PKEY *key;
	struct cr_token *token;		/* which has the key, if that is NULL */
};

int cr_terminal_new(cr_terminal_t **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : CR_E_NOMEM;
}

void cr_terminal_free(cr_terminal_t *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_bytes; i++)
		free(t->bytes[i]);
	EVP_PKEY_free(t->key);
	cr_token_close(t->token);
	free(t);
}

static int read_file(const char *path, uint8_t **data, size_t *len)
{
	FILE *f = fopen(path, "re");
	int err = CR_E_IO;

	*data = malloc(FILE_LIMIT);
	if (!*data)
		err = CR_E_NOMEM;
	else if (f) {
		*len = fread(*data, 1, FILE_LIMIT, f);
		err = ferror(f) ? CR_E_IO : *len == FILE_LIMIT ? CR_E_TOO_LONG : 0;
	}
	if (f)
		fclose(f);
	if (err) {
		free(*data);
		*data = NULL;
	}
	return err;
}

int cr_terminal_add_certificates(cr_terminal_t *t, const char *path)
{
	size_t len = 0, at = 0, total, before = t->n_certs;
	uint8_t *data;
	int err;

	if (t->n_bytes == CR_CVC_MAX)
		return CR_E_TOO_LONG;
	err = read_file(path, &data, &len);
	while (!err && at < len) {
		if (t->n_certs == CR_CVC_MAX) {
			err = CR_E_TOO_LONG;
			break;
		}
		err = cr_cvc_parse(data + at, len - at, &t->certs[t->n_certs], &total);
		if (!err) {
			t->n_certs++;
			at += total;
		}
	}
	if (!err && t->n_certs == before)
		err = CR_E_MALFORMED;
	if (err) {
		t->n_certs = before;
		free(data);
		return err;
	}
	t->bytes[t->n_bytes++] = data;
	return 0;
}

/* A file, be it named by a file: URI. */
static EVP_PKEY *load_key(const char *uri)
{
	OSSL_STORE_CTX *store;
	EVP_PKEY *key = NULL;

	ERR_set_mark();
	store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
	while (store && !key && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (!info)
			continue;
		if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	ERR_pop_to_mark();
	return key;
}

/* Whether the certificate is of this key. */
static bool is_of(const struct cr_cvc *cert, const EVP_PKEY *key)
{
	uint8_t buf[1024];
	BIGNUM *n = NULL;
	size_t len = 0;

	if (cert->algorithm->ec) {
		if (!EVP_PKEY_is_a(key, "EC") ||
		    !EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, buf, sizeof(buf),
						     &len))
			return false;
	} else {
		if (!EVP_PKEY_is_a(key, "RSA") ||
		    !EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n))
			return false;
		if ((size_t)BN_num_bytes(n) <= sizeof(buf))
			len = (size_t)BN_bn2bin(n, buf);
		BN_free(n);
	}
	return len == cert->key_len && !memcmp(buf, cert->key, len);
}

static int set_file(cr_terminal_t *t, const char *uri)
{
	EVP_PKEY *key = load_key(uri);

	if (!key)
		return CR_E_IO;
	if (EVP_PKEY_is_a(key, "EC"))
		EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
					       OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED);
	for (size_t i = 0; i < t->n_certs; i++) {
		if (t->certs[i].role == CR_CVC_TERMINAL && is_of(&t->certs[i], key)) {
			EVP_PKEY_free(t->key);
			cr_token_close(t->token);
			t->key = key;
			t->token = NULL;
			t->own = i;
			return 0;
		}
	}
	EVP_PKEY_free(key);
	return CR_E_NOT_FOUND;
}

/* The one certificate of a terminal that is of the token's key; where that is not told, the only one there is. */
static int set_token(cr_terminal_t *t, const char *uri, cr_pin_fn ask, void *arg)
{
	size_t own = CR_CVC_MAX, guessed = CR_CVC_MAX, guesses = 0;
	struct cr_token *token;
	int err = cr_token_open(uri, ask, arg, &token);

	if (err)
		return err;
	for (size_t i = t->n_certs; i-- > 0; ) {
		int is = t->certs[i].role == CR_CVC_TERMINAL ? cr_token_is_of(token, &t->certs[i]) : 0;

		if (is > 0) {
			own = i;
		} else if (is < 0) {
			guessed = i;
			guesses++;
		}
	}
	if (own == CR_CVC_MAX && guesses == 1)
		own = guessed;
	if (own == CR_CVC_MAX) {
		cr_token_close(token);
		return CR_E_NOT_FOUND;
	}
	EVP_PKEY_free(t->key);
	cr_token_close(t->token);
	t->key = NULL;
	t->token = token;
	t->own = own;
	return 0;
}

int cr_terminal_set_key(cr_terminal_t *t, const char *uri, cr_pin_fn ask, void *arg)
{
	if (!strncmp(uri, "pkcs11:", 7))
		return set_token(t, uri, ask, arg);
	return set_file(t, uri);
}

const struct cr_cvc *cr_terminal_own(const cr_terminal_t *t)
{
	return t->key || t->token ? &t->certs[t->own] : NULL;
}

size_t cr_terminal_chain(const cr_terminal_t *t, const struct cr_cvc_name *authorities, size_t n,
			 const struct cr_cvc *chain[CR_CVC_CHAIN_MAX])
{
	size_t at[CR_CVC_CHAIN_MAX], len;

	if (!cr_terminal_own(t))
		return 0;
	len = cr_cvc_chain(t->certs, t->n_certs, t->own, authorities, n, at);
	for (size_t i = 0; i < len; i++)
		chain[i] = &t->certs[at[i]];
	return len;
}

/* TR-03111, 5.2.1: r || s, each as long as the order. */
static int to_plain(const EVP_PKEY *key, uint8_t *sig, size_t der_len, size_t *len)
{
	size_t half = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
	const unsigned char *p = sig;
	ECDSA_SIG *es = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
	int err = CR_E_CRYPTO;

	if (es && 2 * half <= *len &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(es), sig, (int)half) == (int)half &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(es), sig + half, (int)half) == (int)half) {
		*len = 2 * half;
		err = 0;
	}
	ECDSA_SIG_free(es);
	return err;
}

static int sign(const cr_terminal_t *t, const struct cr_cvc_algorithm *a, const uint8_t *data,
		size_t len, uint8_t **sig, size_t *sig_len)
{
	/* room for the DER of a signature, which r || s may be longer or shorter than */
	size_t size = (size_t)EVP_PKEY_get_size(t->key) + 16, n = size;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pkey;
	int err = CR_E_CRYPTO;

	*sig = malloc(size);
	if (!*sig || !ctx) {
		err = CR_E_NOMEM;
		goto out;
	}
	if (EVP_DigestSignInit_ex(ctx, &pkey, a->digest, NULL, NULL, t->key, NULL) != 1)
		goto out;
	/* A.6.4.1.2: MGF1 and the salt's length by the digest */
	if (a->pss && (EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING) <= 0 ||
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, RSA_PSS_SALTLEN_DIGEST) <= 0))
		goto out;
	if (EVP_DigestSign(ctx, *sig, &n, data, len) != 1)
		goto out;
	*sig_len = size;
	err = a->ec ? to_plain(t->key, *sig, n, sig_len) : 0;
	if (!a->ec)
		*sig_len = n;
out:
	EVP_MD_CTX_free(ctx);
	if (err) {
		free(*sig);
		*sig = NULL;
	}
	return err;
}

int cr_terminal_sign(const cr_terminal_t *t, const struct cr_cvc_algorithm *a, const uint8_t *data,
		     size_t len, uint8_t **sig, size_t *sig_len)
{
	return t->token ? cr_token_sign(t->token, a, data, len, sig, sig_len) :
			  sign(t, a, data, len, sig, sig_len);
}
