/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of certificates and lists that were found: see import.h. No I/O. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <cardring/error.h>
#include "chain.h"
#include "import.h"
#include "import_int.h"

struct judge {
	struct cr_import *im;
	const struct cr_index *index;
	cr_trust_t *authorities;	/* of the store and of this import */
	const char **known;		/* fingerprints of the store, sorted, */
	size_t n_known;
	const char **taken;		/* and those of this import: an open hash */
	size_t size;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_known(const struct judge *j, const char *fingerprint)
{
	return j->n_known &&
	       bsearch(&fingerprint, j->known, j->n_known, sizeof(*j->known), by_text);
}

/* Where it is among those of this import, or the free place for it. */
static const char **place(struct judge *j, const char *fingerprint)
{
	char digits[9] = "";
	size_t at;

	memcpy(digits, fingerprint, 8);
	for (at = strtoul(digits, NULL, 16) % j->size; j->taken[at]; at = (at + 1) % j->size) {
		if (!strcmp(j->taken[at], fingerprint))
			break;
	}
	return &j->taken[at];
}

/* A name of it for people. */
static char *name_of(const struct cr_import_found *f)
{
	if (f->list)
		return strdup(f->list->signer ? f->list->signer : "unsigned");
	return cr_name_text(f->cert ? X509_get_subject_name(f->cert) : X509_CRL_get_issuer(f->crl));
}

static int der_of(const struct cr_import_found *f, unsigned char **der)
{
	if (f->cert)
		return i2d_X509(f->cert, der);
	if (f->crl)
		return i2d_X509_CRL(f->crl, der);
	*der = OPENSSL_memdup(f->list->der, f->list->len);
	return *der ? (int)f->list->len : 0;
}

/* It goes into the store. */
static int add(struct judge *j, const struct cr_import_found *f, const struct cr_cert_info *info)
{
	struct cr_import *im = j->im;
	struct cr_import_add *a = &im->add[im->n_add];	/* there is room for all */

	memset(a, 0, sizeof(*a));
	a->info = *info;
	a->source = f->source;
	a->name = name_of(f);
	a->len = der_of(f, &a->der);
	cr_cert_file_name(info, a->file);
	if (!a->name || a->len <= 0) {
		free(a->name);
		OPENSSL_free(a->der);
		return CR_E_NOMEM;
	}
	im->n_add++;
	*place(j, a->info.fingerprint) = a->info.fingerprint;
	return CR_OK;
}

static int skip(struct judge *j, const struct cr_import_found *f, const char *why)
{
	return cr_import_skip(j->im, f->source, name_of(f), why);
}

/* Why it cannot be in any store; NULL: it can. */
static const char *unfit(X509 *cert, const struct cr_cert_info *info)
{
	if (!info->state[0])
		return "it names no state";
	if (X509_get_extension_flags(cert) & EXFLAG_CRITICAL)
		return "it has a critical extension that is not known";
	if (!strcmp(info->key, "unusable"))
		return "its key cannot be used";
	return NULL;
}

/* Authorities first: signers and lists are judged by them. */
static int judge_authority(struct judge *j, const struct cr_import_found *f,
			   const struct cr_cert_info *info)
{
	int r;

	if (!f->vouched)
		return skip(j, f, "an authority in a file that nobody signed: import it by itself "
				  "if you trust it");
	r = cr_trust_add_cert(j->authorities, f->cert);
	return r < 0 ? r : add(j, f, info);
}

static int judge_signer(struct judge *j, const struct cr_import_found *f,
			const struct cr_cert_info *info)
{
	struct cr_chain chain;

	if (cr_cert_purpose(f->cert) == CR_PURPOSE_OTHER)
		return skip(j, f, "it is neither an authority nor a signer of documents");
	if (X509_cmp_time(X509_get0_notAfter(f->cert), &j->im->now) < 0)
		return skip(j, f, "it has expired");
	cr_chain_build(f->cert, NULL, j->authorities, j->im->now, &chain);
	if (chain.result != CR_SUCCESSFUL)
		return skip(j, f, chain.result == CR_FAILED || chain.anchored ? chain.why :
			    "it is no authority, and no authority in the store signed it");
	return add(j, f, info);
}

static int judge_certs(struct judge *j, bool authorities)
{
	struct cr_import *im = j->im;
	struct cr_cert_info info;
	const char *why;
	size_t i;
	int err = 0;

	for (i = 0; i < im->n_found && !err; i++) {
		struct cr_import_found *f = &im->found[i];

		if (!f->cert)
			continue;
		err = cr_cert_describe(f->cert, &info);
		if (err == CR_E_NOMEM)
			break;
		if ((info.kind != CR_CERT_SIGNER) != authorities) {
			err = 0;
			continue;
		}
		why = err ? "it is malformed" : unfit(f->cert, &info);
		if (is_known(j, info.fingerprint)) {
			im->known++;
			err = 0;
		} else if (why || *place(j, info.fingerprint)) {
			err = skip(j, f, why ? why : "it is there twice");
		} else {
			err = authorities ? judge_authority(j, f, &info)
					  : judge_signer(j, f, &info);
		}
	}
	return err;
}

/* ---- Revocation lists ---- */

/*
 * Whole lists of the same issuer and key: the later one says all that the earlier one said. A part
 * of a list (RFC 5280, 5.2.4, 5.2.5) does not.
 */
static bool is_same_series(X509_CRL *a, X509_CRL *b)
{
	struct cr_cert_info x, y;

	return cr_crl_is_complete(a) && cr_crl_is_complete(b) &&
	       !X509_NAME_cmp(X509_CRL_get_issuer(a), X509_CRL_get_issuer(b)) &&
	       !cr_crl_describe(a, &x) && !cr_crl_describe(b, &y) && !strcmp(x.key_id, y.key_id);
}

static int drop(struct judge *j, const char *fingerprint)
{
	struct cr_import *im = j->im;
	size_t i, k;

	for (i = 0; i < j->index->n; i++) {
		if (!strcmp(j->index->e[i].sha256, fingerprint))
			break;
	}
	for (k = 0; k < im->n_drop && im->drop[k] < i; k++)
		;
	if (i == j->index->n || (k < im->n_drop && im->drop[k] == i))
		return CR_OK;
	memmove(&im->drop[k + 1], &im->drop[k], (im->n_drop - k) * sizeof(*im->drop));
	im->drop[k] = i;
	im->n_drop++;
	return CR_OK;
}

/* Why it is left out; NULL: it is not. What it replaces is dropped. */
static const char *replaced(struct judge *j, size_t at, const cr_trust_t *store, int *err)
{
	struct cr_import *im = j->im;
	X509_CRL *crl = im->found[at].crl, *other;
	struct cr_cert_info info;
	size_t i;
	int k, cmp;

	for (i = 0; i < im->n_found; i++) {
		other = im->found[i].crl;
		if (!other || i == at || !is_same_series(crl, other) ||
		    !cr_crl_is_trusted(other, j->authorities))
			continue;
		cmp = ASN1_TIME_compare(X509_CRL_get0_lastUpdate(crl),
					X509_CRL_get0_lastUpdate(other));
		if (cmp < 0 || (!cmp && i < at))
			return "a newer list of the same key is there";
	}
	for (k = 0; k < sk_X509_CRL_num(store->crls) && !*err; k++) {
		other = sk_X509_CRL_value(store->crls, k);
		if (!is_same_series(crl, other))
			continue;
		if (ASN1_TIME_compare(X509_CRL_get0_lastUpdate(crl),
				      X509_CRL_get0_lastUpdate(other)) <= 0)
			return "a newer list of the same key is there";
		*err = cr_crl_describe(other, &info) ? CR_E_NOMEM : drop(j, info.fingerprint);
	}
	return NULL;
}

static int judge_crls(struct judge *j, const cr_trust_t *store)
{
	struct cr_import *im = j->im;
	struct cr_cert_info info;
	const char *why;
	size_t i;
	int err = 0;

	for (i = 0; i < im->n_found && !err; i++) {
		struct cr_import_found *f = &im->found[i];

		if (!f->crl)
			continue;
		err = cr_crl_describe(f->crl, &info);
		if (err == CR_E_NOMEM)
			break;
		why = NULL;
		if (err)
			why = "it is malformed";
		else if (!info.state[0])
			why = "it names no state";
		else if (!cr_crl_is_complete(f->crl))
			why = "it is a part of a list, or says what is not known";
		else if (!cr_crl_is_trusted(f->crl, j->authorities))
			why = "no authority in the store signed it";
		err = 0;
		if (!why && is_known(j, info.fingerprint)) {
			im->known++;
			continue;
		}
		if (!why)
			why = replaced(j, i, store, &err);
		if (!err)
			err = why ? skip(j, f, why) : add(j, f, &info);
	}
	return err;
}

/* ---- Defect lists ---- */

/*
 * Signed lists of the same certifier and with the same description ("Internal", "External", ...;
 * TR-03129 1.10, A.2 and C.1): each holds all that is known, and the later one counts. Signers change
 * every year or so.
 */
static bool is_same_list_series(const struct cr_defect_list *a, const struct cr_defect_list *b)
{
	return a->issuer && b->issuer && !strcmp(a->issuer, b->issuer) && a->info.from[0] &&
	       b->info.from[0] &&
	       !strcmp(a->description ? a->description : "", b->description ? b->description : "");
}

/* Why it is left out; NULL: it is not. What it replaces is dropped. */
static const char *list_replaced(struct judge *j, size_t at, const cr_trust_t *store, int *err)
{
	const struct cr_import *im = j->im;
	const struct cr_defect_list *list = im->found[at].list, *other;
	size_t i;
	int cmp;

	for (i = 0; i < im->n_found; i++) {
		other = im->found[i].list;
		if (!other || i == at || !is_same_list_series(list, other))
			continue;
		cmp = strcmp(list->info.from, other->info.from);
		if (cmp < 0 || (!cmp && i < at))
			return "a newer defect list of the same issuer is there";
	}
	for (i = 0; i < store->n_lists && !*err; i++) {
		other = store->lists[i];
		if (!is_same_list_series(list, other))
			continue;
		if (strcmp(list->info.from, other->info.from) <= 0)
			return "a newer defect list of the same issuer is there";
		*err = drop(j, other->info.fingerprint);
	}
	return NULL;
}

static int judge_lists(struct judge *j, const cr_trust_t *store)
{
	struct cr_import *im = j->im;
	const char *why;
	size_t i;
	int err = 0;

	for (i = 0; i < im->n_found && !err; i++) {
		struct cr_import_found *f = &im->found[i];

		if (!f->list)
			continue;
		if (is_known(j, f->list->info.fingerprint)) {
			im->known++;
			continue;
		}
		why = *place(j, f->list->info.fingerprint) ? "it is there twice" :
		      list_replaced(j, i, store, &err);
		if (!err)
			err = why ? skip(j, f, why) : add(j, f, &f->list->info);
	}
	return err;
}

static int prepare(struct judge *j, const cr_trust_t *store)
{
	struct cr_import *im = j->im;
	size_t i;
	X509 *cert;
	int k, err;

	j->size = 2 * im->n_found + 1;
	j->taken = calloc(j->size, sizeof(*j->taken));
	j->known = calloc(j->index->n + 1, sizeof(*j->known));
	im->add = calloc(im->n_found + 1, sizeof(*im->add));
	im->drop = calloc(j->index->n + 1, sizeof(*im->drop));
	if (!j->taken || !j->known || !im->add || !im->drop)
		return CR_E_NOMEM;
	for (i = 0; i < j->index->n; i++)
		j->known[j->n_known++] = j->index->e[i].sha256;
	qsort(j->known, j->n_known, sizeof(*j->known), by_text);
	err = cr_trust_new(&j->authorities);
	for (k = 0; !err && k < sk_X509_num(store->certs); k++) {
		cert = sk_X509_value(store->certs, k);
		if (!cr_cert_is_authority(cert, true))
			continue;
		err = cr_trust_add_cert(j->authorities, cert);
		err = err < 0 ? err : 0;
	}
	return err;
}

int cr_import_finish(struct cr_import *im, const struct cr_index *index, const cr_trust_t *store)
{
	struct judge j = { .im = im, .index = index };
	int err = prepare(&j, store);

	if (!err)
		err = judge_certs(&j, true);
	if (!err)
		err = judge_certs(&j, false);
	if (!err)
		err = judge_crls(&j, store);
	if (!err)
		err = judge_lists(&j, store);
	cr_trust_free(j.authorities);
	free(j.taken);
	free(j.known);
	ERR_clear_error();
	return err;
}
