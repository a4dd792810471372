/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of certificates and lists, taken apart; import_judge.c judges them. No I/O. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <cardring/error.h>
#include "import.h"
#include "import_int.h"
#include "ldif.h"
#include "masterlist.h"

#define MAX_FOUND	262144	/* the PKD has some forty thousand */

void cr_import_init(struct cr_import *im, const cr_trust_t *roots, time_t now)
{
	memset(im, 0, sizeof(*im));
	im->roots = roots;
	im->now = now;
}

void cr_import_clear(struct cr_import *im)
{
	size_t i;

	for (i = 0; i < im->n_sources; i++)
		free(im->sources[i]);
	for (i = 0; i < im->n_found; i++) {
		X509_free(im->found[i].cert);
		X509_CRL_free(im->found[i].crl);
		cr_defect_list_free(im->found[i].list);
	}
	for (i = 0; i < im->n_skips; i++)
		free(im->skips[i].what);
	for (i = 0; i < im->n_add; i++) {
		OPENSSL_free(im->add[i].der);
		free(im->add[i].name);
	}
	free(im->sources);
	free(im->found);
	free(im->skips);
	free(im->add);
	free(im->drop);
	memset(im, 0, sizeof(*im));
}

static int refuse(struct cr_import *im, int err, const char *why)
{
	snprintf(im->why, sizeof(im->why), "%s", why);
	return err;
}

int cr_import_skip(struct cr_import *im, size_t source, char *what, const char *why)
{
	struct cr_import_skip *all;

	all = what ? reallocarray(im->skips, im->n_skips + 1, sizeof(*all)) : NULL;
	if (!all) {
		free(what);
		return CR_E_NOMEM;
	}
	im->skips = all;
	all[im->n_skips].what = what;
	all[im->n_skips].source = source;
	snprintf(all[im->n_skips].why, sizeof(all->why), "%s", why);
	im->n_skips++;
	return CR_OK;
}

/* Takes over what it has. */
static int found(struct cr_import *im, struct cr_import_found what)
{
	struct cr_import_found *all = NULL;
	int err = CR_E_TOO_LONG;

	if (im->n_found < MAX_FOUND) {
		all = reallocarray(im->found, im->n_found + 1, sizeof(*all));
		err = CR_E_NOMEM;
	}
	if (!all) {
		X509_free(what.cert);
		X509_CRL_free(what.crl);
		cr_defect_list_free(what.list);
		return err;
	}
	im->found = all;
	what.source = im->n_sources - 1;
	all[im->n_found++] = what;
	return CR_OK;
}

/* 1: it is one; 0: it is not, or not all of it. */
static int take_cert(struct cr_import *im, const uint8_t *data, size_t len, bool vouched)
{
	const unsigned char *p = data;
	X509 *cert = len <= 1 << 20 ? d2i_X509(NULL, &p, (long)len) : NULL;
	int err;

	if (!cert || p != data + len) {
		X509_free(cert);
		return 0;
	}
	err = found(im, (struct cr_import_found){ .cert = cert, .vouched = vouched });
	return err ? err : 1;
}

static int take_crl(struct cr_import *im, const uint8_t *data, size_t len)
{
	const unsigned char *p = data;
	X509_CRL *crl = len <= 1 << 24 ? d2i_X509_CRL(NULL, &p, (long)len) : NULL;
	int err;

	if (!crl || p != data + len) {
		X509_CRL_free(crl);
		return 0;
	}
	err = found(im, (struct cr_import_found){ .crl = crl });
	return err ? err : 1;
}

/* 1, or an error with im->why. */
static int take_master_list(struct cr_import *im, const uint8_t *data, size_t len)
{
	struct cr_master_list list;
	char why[160], *what;
	size_t i;
	X509 *cert;
	int err;

	if (!cr_trust_count(im->roots) && cr_master_list_is(data, len))
		return refuse(im, CR_E_NOT_FOUND,
			      "a master list needs --root: its signer's authority, from a place "
			      "that you trust");
	err = cr_master_list_verify(data, len, im->roots, im->now, &list, why);
	if (err)
		refuse(im, err, why);
	while (!err && (cert = sk_X509_shift(list.certs)))
		err = found(im, (struct cr_import_found){ .cert = cert, .vouched = true });
	for (i = 0; i < list.malformed && !err; i++) {
		what = NULL;
		if (asprintf(&what, "%s", list.signer ? list.signer : "") < 0)
			what = NULL;
		err = cr_import_skip(im, im->n_sources - 1, what,
				     "a certificate in the master list is malformed");
	}
	cr_master_list_clear(&list);
	im->lists += !err;
	return err ? err : 1;
}

/* What is wrong with a list that is taken all the same. */
static int tell_of_list(struct cr_import *im, const struct cr_defect_list *list)
{
	bool hashes = false;
	char *what;
	int err = 0;

	for (size_t i = 0; i < list->dfl.n; i++)
		hashes |= list->dfl.all[i].hash != NULL;
	if (list->dfl.malformed) {
		if (asprintf(&what, "%zu", list->dfl.malformed) < 0)
			what = NULL;
		err = cr_import_skip(im, im->n_sources - 1, what,
				     "so many entries of the defect list are malformed");
	}
	if (!err && hashes && !list->dfl.md)
		err = cr_import_skip(im, im->n_sources - 1, strdup("hash"),
				     "entries of the defect list that have a hash of an unknown algorithm");
	return err;
}

/* 1, or an error with im->why. */
static int take_defect_list(struct cr_import *im, const uint8_t *data, size_t len)
{
	struct cr_defect_list *list;
	char why[160];
	int err;

	if (!cr_trust_count(im->roots) && cr_defect_list_is_signed(data, len))
		return refuse(im, CR_E_NOT_FOUND,
			      "a defect list needs --root: its signer, or its signer's authority, from a "
			      "place that you trust");
	err = cr_defect_list_read(data, len, &list, why);
	if (!err && list->cert)
		err = cr_defect_list_authorize(list, im->roots, im->now, why);
	if (err) {
		cr_defect_list_free(list);
		return refuse(im, err, why);
	}
	err = tell_of_list(im, list);
	if (err)
		cr_defect_list_free(list);
	else
		err = found(im, (struct cr_import_found){ .list = list });
	return err ? err : 1;
}

/* Signed data in PEM. 1, or an error with im->why. */
static int take_signed_list(struct cr_import *im, const uint8_t *data, size_t len)
{
	return cr_defect_list_is_signed(data, len) ? take_defect_list(im, data, len) :
	       take_master_list(im, data, len);
}

static int take_der(struct cr_import *im, const uint8_t *data, size_t len)
{
	int r = 0;

	if (cr_master_list_is(data, len))
		r = take_master_list(im, data, len);
	else if (cr_defect_list_is_signed(data, len) || cr_defect_list_is_plain(data, len))
		r = take_defect_list(im, data, len);
	if (!r)
		r = take_cert(im, data, len, true);
	if (!r)
		r = take_crl(im, data, len);
	ERR_clear_error();
	return r;
}

static int take_pem(struct cr_import *im, const uint8_t *data, size_t len)
{
	BIO *bio = BIO_new_mem_buf(data, (int)len);
	unsigned int taken = 0;
	char *name, *header, *what;
	unsigned char *der;
	int r = 0, err = 0;
	long n;

	if (!bio)
		return CR_E_NOMEM;
	while (!err && PEM_read_bio(bio, &name, &header, &der, &n) == 1) {
		if (!strcmp(name, PEM_STRING_X509) || !strcmp(name, PEM_STRING_X509_OLD))
			r = take_cert(im, der, (size_t)n, true);
		else if (!strcmp(name, PEM_STRING_X509_CRL))
			r = take_crl(im, der, (size_t)n);
		else if (!strcmp(name, PEM_STRING_CMS) || !strcmp(name, PEM_STRING_PKCS7))
			r = take_signed_list(im, der, (size_t)n);
		else
			r = 2;
		err = r < 0 ? r : 0;
		taken += r == 1;
		if (r == 0)
			err = refuse(im, CR_E_MALFORMED,
				     "a certificate or list in it is malformed");
		if (r == 2) {
			what = strdup(name);
			err = cr_import_skip(im, im->n_sources - 1, what,
					     "it is neither a certificate nor a list");
		}
		OPENSSL_cleanse(der, (size_t)n);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	/* what begins and does not end is no file that was meant to be half */
	n = ERR_GET_REASON(ERR_peek_last_error());
	if (!err && n != PEM_R_NO_START_LINE)
		err = refuse(im, CR_E_MALFORMED, "a certificate or list in it is malformed");
	ERR_clear_error();
	BIO_free(bio);
	return err ? err : taken ? 1 : 0;
}

/* ICAO PKD: what the attributes are called. */
static int take_value(struct cr_import *im, const struct cr_ldif_value *v, bool *refused)
{
	static const char *const certs[] = { "userCertificate", "cACertificate" };
	static const char *const crls[] = { "certificateRevocationList",
					    "authorityRevocationList" };
	static const char *const lists[] = { "pkdMasterListContent", "CscaMasterListData" };
	int i, r;

	for (i = 0; i < 2; i++) {
		if (!strcasecmp(v->name, certs[i]))
			return v->data ? take_cert(im, v->data, v->len, false) : 0;
		if (!strcasecmp(v->name, crls[i]))
			return v->data ? take_crl(im, v->data, v->len) : 0;
		if (!strcasecmp(v->name, lists[i])) {
			r = v->data ? take_master_list(im, v->data, v->len) : 0;
			*refused = r < 0;
			return r;
		}
	}
	return CR_E_NOT_FOUND;
}

static int take_ldif(struct cr_import *im, const uint8_t *data, size_t len)
{
	size_t wanted = 0, refused_lists = 0, before = im->lists;
	bool refused;
	struct cr_ldif_value v;
	struct cr_ldif l;
	char *what;
	int r, err = 0;

	cr_ldif_begin(&l, data, len);
	while (!err && (r = cr_ldif_next(&l, &v)) != 0) {
		if (r < 0) {
			err = refuse(im, r, "it is not LDIF from some line on, or it is cut off");
			break;
		}
		refused = false;
		r = take_value(im, &v, &refused);
		ERR_clear_error();
		if (r == CR_E_NOMEM || r == CR_E_TOO_LONG)
			err = r;
		if (r == 1 || refused || r == 0)
			wanted++;
		if (r == 0 && l.p == l.end)
			err = refuse(im, CR_E_MALFORMED, "the LDIF is cut off");
		refused_lists += refused;
		if (err || (!refused && r != 0))
			continue;
		if (asprintf(&what, "%s, line %u", v.name, l.line) < 0)
			what = NULL;
		err = cr_import_skip(im, im->n_sources - 1, what, refused ? im->why :
				     "it is malformed");
	}
	cr_ldif_end(&l);
	if (!err && !wanted)
		err = refuse(im, CR_E_MALFORMED, "there is no certificate and no list in the LDIF");
	/* im->why is that of the last one */
	if (!err && refused_lists && before == im->lists)
		err = CR_E_NOT_FOUND;
	return err ? err : 1;
}

int cr_import_file(struct cr_import *im, const char *source, const uint8_t *data, size_t len)
{
	static const char begin[] = "-----BEGIN ";
	char **all, *copy = strdup(source);
	int r;

	im->why[0] = '\0';
	all = copy ? reallocarray(im->sources, im->n_sources + 1, sizeof(*all)) : NULL;
	if (!all) {
		free(copy);
		return CR_E_NOMEM;
	}
	im->sources = all;
	all[im->n_sources++] = copy;
	if (len > CR_IMPORT_MAX)
		return refuse(im, CR_E_TOO_LONG, "it is too long");
	if (len && data[0] == 0x30)
		r = take_der(im, data, len);
	else if (memmem(data, len < 4096 ? len : 4096, begin, sizeof(begin) - 1))
		r = take_pem(im, data, len);
	else if (cr_ldif_is(data, len))
		r = take_ldif(im, data, len);
	else
		r = 0;
	if (r == CR_E_NOMEM || r == CR_E_TOO_LONG)
		refuse(im, r, r == CR_E_NOMEM ? "there is not enough memory"
					      : "there is too much in it");
	return r < 0 ? r : r ? CR_OK :
	       refuse(im, CR_E_MALFORMED,
		      "it is no certificate, revocation list, master list, defect list or LDIF, or "
		      "it is damaged");
}
