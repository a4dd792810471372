/* SPDX-License-Identifier: BSD-2-Clause */
/* The trusted certificates and revocation lists. No I/O. */
#include <stdlib.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "defectlist.h"
#include "signerid.h"
#include "store.h"

int cr_trust_new(cr_trust_t **out)
{
	cr_trust_t *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (!t)
		return CR_E_NOMEM;
	t->certs = sk_X509_new_null();
	t->crls = sk_X509_CRL_new_null();
	if (!t->certs || !t->crls) {
		cr_trust_free(t);
		return CR_E_NOMEM;
	}
	*out = t;
	return CR_OK;
}

void cr_trust_free(cr_trust_t *trust)
{
	if (!trust)
		return;
	sk_X509_pop_free(trust->certs, X509_free);
	sk_X509_CRL_pop_free(trust->crls, X509_CRL_free);
	cr_trust_forget_signers(trust, 0);
	free(trust->signers);
	while (trust->n_lists)
		cr_defect_list_free(trust->lists[--trust->n_lists]);
	free(trust->lists);
	free(trust->table);
	free(trust);
}

size_t cr_trust_count(const cr_trust_t *trust)
{
	return trust ? (size_t)sk_X509_num(trust->certs) + trust->n_signers : 0;
}

/* Where its number is, or the place for it. */
static uint32_t *place(const cr_trust_t *trust, X509 *cert)
{
	unsigned char md[EVP_MAX_MD_SIZE] = { 0 };
	uint32_t *at;
	size_t i;

	X509_digest(cert, EVP_sha256(), md, NULL);
	memcpy(&i, md, sizeof(i));
	for (;; i++) {
		at = &trust->table[i % trust->size];
		if (!*at || !X509_cmp(sk_X509_value(trust->certs, (int)*at - 1), cert))
			return at;
	}
}

/* Keeps half of the table free. */
static int make_room(cr_trust_t *trust)
{
	size_t n = (size_t)sk_X509_num(trust->certs), size = trust->size, i;
	uint32_t *old = trust->table;

	if (2 * n < size)
		return CR_OK;
	trust->table = calloc(size ? 4 * size : 64, sizeof(*trust->table));
	if (!trust->table) {
		trust->table = old;
		return CR_E_NOMEM;
	}
	trust->size = size ? 4 * size : 64;
	free(old);
	for (i = 0; i < n; i++)
		*place(trust, sk_X509_value(trust->certs, (int)i)) = (uint32_t)i + 1;
	return CR_OK;
}

int cr_trust_add_cert(cr_trust_t *trust, X509 *cert)
{
	int err = make_room(trust);

	if (err)
		return err;
	if (*place(trust, cert))
		return 0;
	if (sk_X509_num(trust->certs) >= CR_TRUST_MAX_CERTS)
		return CR_E_TOO_LONG;
	/* Decodes extensions and key now: the store is read by many threads later. */
	X509_check_purpose(cert, -1, 0);
	X509_get0_pubkey(cert);
	ERR_clear_error();
	if (!X509_up_ref(cert))
		return CR_E_INTERNAL;
	if (!sk_X509_push(trust->certs, cert)) {
		X509_free(cert);
		return CR_E_NOMEM;
	}
	*place(trust, cert) = (uint32_t)sk_X509_num(trust->certs);
	return 1;
}

int cr_trust_add_crl(cr_trust_t *trust, X509_CRL *crl)
{
	int i;

	for (i = 0; i < sk_X509_CRL_num(trust->crls); i++) {
		if (!X509_CRL_match(sk_X509_CRL_value(trust->crls, i), crl))
			return 0;
	}
	if (i >= CR_TRUST_MAX_CRLS)
		return CR_E_TOO_LONG;
	if (!X509_CRL_up_ref(crl))
		return CR_E_INTERNAL;
	if (!sk_X509_CRL_push(trust->crls, crl)) {
		X509_CRL_free(crl);
		return CR_E_NOMEM;
	}
	return 1;
}

int cr_trust_add_list(cr_trust_t *trust, struct cr_defect_list *list)
{
	struct cr_defect_list **all;
	size_t i;

	for (i = 0; i < trust->n_lists; i++) {
		if (!strcmp(trust->lists[i]->info.fingerprint, list->info.fingerprint))
			return 0;
	}
	if (i >= CR_TRUST_MAX_LISTS)
		return CR_E_TOO_LONG;
	all = reallocarray(trust->lists, i + 1, sizeof(*all));
	if (!all)
		return CR_E_NOMEM;
	trust->lists = all;
	all[trust->n_lists++] = cr_defect_list_ref(list);
	return 1;
}

int cr_trust_add_signer(cr_trust_t *trust, const unsigned char *der, size_t len)
{
	struct cr_trust_signer *all;
	unsigned char *copy;

	if (trust->n_signers >= CR_TRUST_MAX_CERTS)
		return CR_E_TOO_LONG;
	copy = malloc(len ? len : 1);
	all = copy ? reallocarray(trust->signers, trust->n_signers + 1, sizeof(*all)) : NULL;
	if (!all) {
		free(copy);
		return CR_E_NOMEM;
	}
	memcpy(copy, der, len);
	trust->signers = all;
	all[trust->n_signers].der = copy;
	all[trust->n_signers++].len = len;
	return CR_OK;
}

void cr_trust_forget_signers(cr_trust_t *trust, size_t n)
{
	while (trust->n_signers > n)
		free(trust->signers[--trust->n_signers].der);
}

/* Of two certificates that id names: the one that is valid at now; of equals, the one that ends later. */
static bool is_better(const X509 *a, const X509 *b, time_t now)
{
	bool valid[2];

	for (int i = 0; i < 2; i++) {
		const X509 *x = i ? b : a;

		valid[i] = X509_cmp_time(X509_get0_notBefore(x), &now) < 0 &&
			   X509_cmp_time(X509_get0_notAfter(x), &now) > 0;
	}
	return valid[0] != valid[1] ? valid[0] :
	       ASN1_TIME_compare(X509_get0_notAfter(a), X509_get0_notAfter(b)) == 1;
}

X509 *cr_trust_find_signer(const cr_trust_t *trust, const struct cr_signer_id *id, time_t now)
{
	unsigned char *needle = NULL;	/* what has to stand in the certificate */
	X509 *cert, *best = NULL;
	const unsigned char *p;
	size_t i;
	int n = 0;

	if (id->key_id)
		n = i2d_ASN1_OCTET_STRING(id->key_id, &needle);
	else if (id->serial)
		n = i2d_ASN1_INTEGER(id->serial, &needle);
	for (i = 0; n > 0 && i < trust->n_signers; i++) {
		p = trust->signers[i].der;
		if (!memmem(p, trust->signers[i].len, needle, (size_t)n))
			continue;
		cert = d2i_X509(NULL, &p, (long)trust->signers[i].len);
		if (cert && cr_signer_id_names(id, cert) && (!best || is_better(cert, best, now))) {
			X509_free(best);
			best = cert;
		} else {
			X509_free(cert);
		}
	}
	OPENSSL_free(needle);
	ERR_clear_error();
	return best;
}

/* *found counts what parsed. Certificates added, or an error of the store. */
static int add_der(cr_trust_t *trust, const unsigned char *data, size_t len, size_t *found)
{
	const unsigned char *p = data;
	X509_CRL *crl;
	X509 *cert;
	int r = 0;

	cert = d2i_X509(NULL, &p, (long)len);
	if (cert && p == data + len) {
		++*found;
		r = cr_trust_add_cert(trust, cert);
	}
	X509_free(cert);
	if (*found)
		return r;
	p = data;
	crl = d2i_X509_CRL(NULL, &p, (long)len);
	if (crl && p == data + len) {
		++*found;
		r = cr_trust_add_crl(trust, crl);
	}
	X509_CRL_free(crl);
	return r < 0 ? r : 0;
}

static int add_pem(cr_trust_t *trust, const unsigned char *data, size_t len, size_t *found)
{
	BIO *bio = BIO_new_mem_buf(data, (int)len);
	char *name, *header;
	unsigned char *der;
	int added = 0, r = 0;
	long n;

	if (!bio)
		return CR_E_NOMEM;
	while (r >= 0 && PEM_read_bio(bio, &name, &header, &der, &n) == 1) {
		size_t one = 0;

		if (!strcmp(name, PEM_STRING_X509) || !strcmp(name, PEM_STRING_X509_CRL)) {
			r = add_der(trust, der, (size_t)n, &one);
			if (r > 0)
				added += r;
		}
		*found += one;
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	BIO_free(bio);
	return r < 0 ? r : added;
}

int cr_trust_add_bytes(cr_trust_t *trust, const unsigned char *data, size_t len)
{
	static const char begin[] = "-----BEGIN ";
	size_t found = 0;
	int r;

	if (len > 1 << 24)
		return CR_E_TOO_LONG;
	if (memmem(data, len, begin, sizeof(begin) - 1))
		r = add_pem(trust, data, len, &found);
	else
		r = add_der(trust, data, len, &found);
	ERR_clear_error();
	return r ? r : found ? 0 : CR_E_MALFORMED;
}
