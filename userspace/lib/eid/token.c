// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <cardring/error.h>
#include "eid/token.h"
#include "iso7816/tlv.h"

#define PIN_MAX		256
#define SLOTS_MAX	64
#define PUBLIC_MAX	1100	/* a modulus of 8192 bits; a point in its OCTET STRING */
#define SIGNATURE_MAX	1024

struct cr_token {
	CK_FUNCTION_LIST **modules;	/* ends with NULL */
	CK_FUNCTION_LIST *one[2];	/* modules, where the URI names one */
	CK_FUNCTION_LIST *f;		/* that with the key */
	CK_SESSION_HANDLE session;
	bool opened;
	CK_OBJECT_HANDLE key;
	CK_KEY_TYPE type;
	uint8_t public_key[PUBLIC_MAX];	/* a modulus or a point; */
	size_t public_len;		/* 0: the token does not tell */
};

void cr_token_close(struct cr_token *t)
{
	if (!t)
		return;
	if (t->opened)
		t->f->C_CloseSession(t->session);
	if (t->one[0]) {
		p11_kit_module_finalize(t->one[0]);
		p11_kit_module_release(t->one[0]);
	} else if (t->modules) {
		p11_kit_modules_finalize_and_release(t->modules);
	}
	free(t);
}

static int load_modules(struct cr_token *t, P11KitUri *uri)
{
	const char *path = p11_kit_uri_get_module_path(uri);

	if (!path) {
		t->modules = p11_kit_modules_load_and_initialize(0);
		return t->modules && *t->modules ? 0 : CR_E_NO_SERVICE;
	}
	t->one[0] = p11_kit_module_load(path, 0);
	if (!t->one[0])
		return CR_E_NO_SERVICE;
	t->modules = t->one;
	if (p11_kit_module_initialize(t->one[0]) == CKR_OK)
		return 0;
	p11_kit_module_release(t->one[0]);
	t->one[0] = NULL;
	return CR_E_NO_SERVICE;
}

/* The first token that the URI fits; its information into *info. */
static int find_token(struct cr_token *t, P11KitUri *uri, CK_SLOT_ID *slot, CK_TOKEN_INFO *info)
{
	for (CK_FUNCTION_LIST **m = t->modules; *m; m++) {
		CK_SLOT_ID slots[SLOTS_MAX];
		CK_ULONG n = SLOTS_MAX;
		CK_INFO module;

		if ((*m)->C_GetInfo(&module) != CKR_OK || !p11_kit_uri_match_module_info(uri, &module) ||
		    (*m)->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
			continue;
		for (CK_ULONG i = 0; i < n; i++) {
			if ((*m)->C_GetTokenInfo(slots[i], info) != CKR_OK || !(info->flags & CKF_TOKEN_INITIALIZED) ||
			    !p11_kit_uri_match_token_info(uri, info))
				continue;
			t->f = *m;
			*slot = slots[i];
			return 0;
		}
	}
	return CR_E_NO_CARD;
}

/* pin-source: a path, or a file: URI (RFC 7512, 2.4); what is before the end of its first line. */
static int pin_of_file(const char *source, char pin[PIN_MAX])
{
	FILE *f;
	char *got;

	if (!strncmp(source, "file:", 5))
		source += strncmp(source, "file://", 7) ? 5 : 7;
	f = fopen(source, "re");
	if (!f)
		return CR_E_IO;
	setvbuf(f, NULL, _IONBF, 0);	/* no copy of it is left in memory that is not ours */
	got = fgets(pin, PIN_MAX, f);
	fclose(f);
	if (!got)
		return CR_E_IO;
	pin[strcspn(pin, "\r\n")] = '\0';
	return 0;
}

static int log_in(struct cr_token *t, P11KitUri *uri, const CK_TOKEN_INFO *info, cr_pin_fn ask, void *arg)
{
	const char *source = p11_kit_uri_get_pin_source(uri);
	char pin[PIN_MAX] = "", label[sizeof(info->label) + 1];
	size_t n = sizeof(info->label);
	CK_RV rv;
	int err = 0;

	if (!(info->flags & CKF_LOGIN_REQUIRED))
		return 0;
	if (info->flags & CKF_USER_PIN_LOCKED)
		return CR_E_PIN_BLOCKED;
	if (info->flags & CKF_PROTECTED_AUTHENTICATION_PATH) {	/* its own keypad */
		rv = t->f->C_Login(t->session, CKU_USER, NULL, 0);
	} else {
		while (n && info->label[n - 1] == ' ')
			n--;
		snprintf(label, sizeof(label), "%.*s", (int)n, (const char *)info->label);
		if (source)
			err = pin_of_file(source, pin);
		else if (!ask || !ask(arg, label, pin, sizeof(pin)))
			err = CR_E_ACCESS_REFUSED;
		rv = err ? CKR_OK : t->f->C_Login(t->session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin));
		OPENSSL_cleanse(pin, sizeof(pin));
	}
	if (err || rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return err;
	return rv == CKR_PIN_LOCKED ? CR_E_PIN_BLOCKED : CR_E_ACCESS_REFUSED;
}

/* How many there are with these attributes, as far as two; the first into *out. */
static int find(struct cr_token *t, CK_ATTRIBUTE *attrs, CK_ULONG n, CK_OBJECT_HANDLE *out)
{
	CK_OBJECT_HANDLE found[2];
	CK_ULONG count = 0;
	CK_RV rv = t->f->C_FindObjectsInit(t->session, attrs, n);

	if (rv == CKR_OK) {
		rv = t->f->C_FindObjects(t->session, found, 2, &count);
		t->f->C_FindObjectsFinal(t->session);
	}
	if (rv == CKR_OK && count)
		*out = found[0];
	return rv == CKR_OK ? (int)count : CR_E_CRYPTO;
}

static bool attribute(const struct cr_token *t, CK_OBJECT_HANDLE of, CK_ATTRIBUTE_TYPE type, void *out, size_t *len)
{
	CK_ATTRIBUTE a = { type, out, *len };

	if (t->f->C_GetAttributeValue(t->session, of, &a, 1) != CKR_OK || a.ulValueLen > *len)
		return false;
	*len = a.ulValueLen;
	return true;
}

/* A private key of a curve has no point: the public key beside it, which has its identifier, has. */
static void read_public(struct cr_token *t)
{
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	uint8_t id[256], *p = t->public_key;
	size_t id_len = sizeof(id), n = sizeof(t->public_key);
	CK_ATTRIBUTE attrs[2] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, id, 0 } };
	CK_OBJECT_HANDLE other;
	struct cr_tlv point;

	if (t->type == CKK_RSA) {
		if (!attribute(t, t->key, CKA_MODULUS, p, &n))
			return;
		for (; n > 1 && !*p; n--)
			memmove(p, p + 1, n - 1);
		t->public_len = n;
		return;
	}
	if (!attribute(t, t->key, CKA_ID, id, &id_len) || !id_len)
		return;
	attrs[1].ulValueLen = id_len;
	if (find(t, attrs, 2, &other) != 1 || !attribute(t, other, CKA_EC_POINT, p, &n))
		return;
	/* a DER OCTET STRING; some tokens leave that away */
	if (!cr_tlv_parse_all(p, n, &point) && point.tag == 0x04)
		memmove(p, point.val, n = point.len);
	t->public_len = n;
}

static int find_key(struct cr_token *t, P11KitUri *uri)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE *wanted, attrs[8] = { { CKA_CLASS, &class, sizeof(class) } };
	CK_ULONG n, k = 1;
	size_t len = sizeof(t->type);
	int count;

	wanted = p11_kit_uri_get_attributes(uri, &n);
	for (CK_ULONG i = 0; i < n && k < 8; i++) {
		if (wanted[i].type != CKA_CLASS)
			attrs[k++] = wanted[i];
		else if (wanted[i].ulValueLen == sizeof(class) && memcmp(wanted[i].pValue, &class, sizeof(class)) != 0)
			return CR_E_NO_CARD;
	}
	count = find(t, attrs, k, &t->key);
	if (count != 1)
		return count < 0 ? count : CR_E_NO_CARD;
	if (!attribute(t, t->key, CKA_KEY_TYPE, &t->type, &len) || (t->type != CKK_RSA && t->type != CKK_EC))
		return CR_E_NO_CARD;
	read_public(t);
	return 0;
}

int cr_token_open(const char *uri, cr_pin_fn ask, void *arg, struct cr_token **out)
{
	struct cr_token *t = calloc(1, sizeof(*t));
	P11KitUri *parsed = p11_kit_uri_new();
	CK_TOKEN_INFO info;
	CK_SLOT_ID slot;
	int err = CR_E_NOMEM;

	*out = NULL;
	if (!t || !parsed)
		goto out;
	err = CR_E_INVALID;
	/* everybody can read a command line */
	if (p11_kit_uri_parse(uri, P11_KIT_URI_FOR_ANY, parsed) != P11_KIT_URI_OK ||
	    p11_kit_uri_any_unrecognized(parsed) || p11_kit_uri_get_pin_value(parsed))
		goto out;
	err = load_modules(t, parsed);
	if (!err)
		err = find_token(t, parsed, &slot, &info);
	if (err)
		goto out;
	err = CR_E_CRYPTO;
	if (t->f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &t->session) != CKR_OK)
		goto out;
	t->opened = true;
	err = log_in(t, parsed, &info, ask, arg);
	if (!err)
		err = find_key(t, parsed);
out:
	p11_kit_uri_free(parsed);
	if (err)
		cr_token_close(t);
	else
		*out = t;
	return err;
}

int cr_token_is_of(const struct cr_token *t, const struct cr_cvc *cert)
{
	if (cert->algorithm->ec != (t->type == CKK_EC))
		return 0;
	if (!t->public_len)
		return -1;
	return t->public_len == cert->key_len && !memcmp(t->public_key, cert->key, cert->key_len);
}

/* RSA: the token makes the digest, and what is around it (A.7.3.1: salt and MGF1 by the digest). */
static CK_MECHANISM rsa_mechanism(const struct cr_cvc_algorithm *a, CK_RSA_PKCS_PSS_PARAMS *pss)
{
	static const struct {
		const char *digest;
		CK_MECHANISM_TYPE pkcs, pss, hash;
		CK_RSA_PKCS_MGF_TYPE mgf;
		CK_ULONG len;
	} digests[] = {
		{ "SHA1", CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, CKM_SHA_1, CKG_MGF1_SHA1, 20 },
		{ "SHA256", CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32 },
		{ "SHA512", CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA512, 64 },
	};
	size_t i = 0;

	while (i < 2 && strcmp(digests[i].digest, a->digest) != 0)
		i++;
	if (!a->pss)
		return (CK_MECHANISM){ digests[i].pkcs, NULL, 0 };
	*pss = (CK_RSA_PKCS_PSS_PARAMS){ digests[i].hash, digests[i].mgf, digests[i].len };
	return (CK_MECHANISM){ digests[i].pss, pss, sizeof(*pss) };
}

int cr_token_sign(const struct cr_token *t, const struct cr_cvc_algorithm *a, const uint8_t *data, size_t len,
		  uint8_t **sig, size_t *sig_len)
{
	uint8_t digest[EVP_MAX_MD_SIZE], out[SIGNATURE_MAX];
	CK_ULONG n = sizeof(out);
	CK_RSA_PKCS_PSS_PARAMS pss;
	CK_MECHANISM m;

	if (a->ec) {	/* r || s comes as TR-03111, 5.2.1 has it */
		m = (CK_MECHANISM){ CKM_ECDSA, NULL, 0 };
		if (!EVP_Q_digest(NULL, a->digest, NULL, data, len, digest, &len))
			return CR_E_CRYPTO;
		data = digest;
	} else {
		m = rsa_mechanism(a, &pss);
	}
	if (t->f->C_SignInit(t->session, &m, t->key) != CKR_OK ||
	    t->f->C_Sign(t->session, (CK_BYTE *)(uintptr_t)data, len, out, &n) != CKR_OK)
		return CR_E_CRYPTO;
	*sig = malloc(n);
	if (!*sig)
		return CR_E_NOMEM;
	memcpy(*sig, out, n);
	*sig_len = n;
	return 0;
}
