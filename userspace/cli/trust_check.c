// SPDX-License-Identifier: BSD-2-Clause
/* "cardring trust check": what is wrong with a trust store, and what will be soon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "trust.h"
#include "trust/chain.h"
#include "trust/sigalg.h"
#include "trust/store.h"

#define SOON	(90 * 86400L)

struct findings {
	const struct cli *c;
	const struct cli_store *s;
	cr_trust_t *trust;
	json_t *problems, *notes;
	size_t n_problems, n_notes;
};

/* text: a msgid. */
static void find(struct findings *f, bool problem, const char *code, const char *text, const char *file)
{
	if (problem)
		f->n_problems++;
	else
		f->n_notes++;
	if (f->c->json)
		json_array_append_new(problem ? f->problems : f->notes,
				      json_pack("{s:s, s:o, s:o}", "code", code, "file", cli_json_string(file),
						"text", cli_json_string(_(text))));
	else
		cli_row(file, _(text), 4);
}

/* ---- the folder against its index ---- */

static bool stranger(void *arg, const char *name)
{
	find(arg, true, "not-in-index", N_("not in the index, and so not trusted: import it, or remove it"), name);
	return false;
}

static void check_files(struct findings *f)
{
	const struct cr_folder *folder = &f->s->folder;

	for (size_t i = 0; i < folder->index.n; i++) {
		const char *file = folder->index.e[i].file;

		switch (f->s->states[i]) {
		case CR_FOLDER_GOOD:
			break;
		case CR_FOLDER_MISSING:
			find(f, true, "missing", N_("in the index, and not there"), file);
			break;
		case CR_FOLDER_OTHER:
			find(f, true, "damaged", N_("not what was imported: its SHA-256 is another one"), file);
			break;
		case CR_FOLDER_UNREADABLE:
			find(f, true, "unreadable", N_("it cannot be read"), file);
			break;
		}
	}
	for (size_t i = 0; i < f->s->n_bad; i++)
		find(f, true, "malformed", N_("no certificate and no list, or it is damaged"), f->s->bad[i]);
	if (folder->indexed)
		cr_folder_strangers(folder, stranger, f);
}

/* ---- the certificates ---- */

static void check_validity(struct findings *f, const struct cli_stored *x)
{
	time_t now = time(NULL), soon = now + SOON;
	const ASN1_TIME *until = X509_get0_notAfter(x->cert);

	if (X509_cmp_time(until, &now) < 0)
		find(f, false, "expired", N_("it has expired"), x->file);
	else if (X509_cmp_time(until, &soon) < 0)
		find(f, false, "expires-soon", N_("it expires within 90 days"), x->file);
}

/* Its issuer's certificate, if it is here, has to have signed it. */
static void check_issuer(struct findings *f, const struct cli_stored *x)
{
	bool claimed = false;

	for (size_t i = 0; i < f->s->n; i++) {
		X509 *ca = f->s->all[i].cert;

		if (!ca || X509_NAME_cmp(X509_get_subject_name(ca), X509_get_issuer_name(x->cert)) ||
		    cr_cert_same_key_id(x->cert, ca) == 0 || !X509_get0_pubkey(ca) ||
		    !cr_cert_is_authority(ca, true))
			continue;
		if (cr_x509_signed_by(x->cert, X509_get0_pubkey(ca)) == 1)
			return;
		claimed |= ca == x->cert || cr_cert_same_key_id(x->cert, ca) == 1;
	}
	if (claimed)
		find(f, true, "broken-link", N_("it names an issuer that is here and did not sign it"), x->file);
	else if (x->info.kind == CR_CERT_LINK)
		find(f, false, "link-without-issuer", N_("a link certificate whose issuer is not here"), x->file);
	else
		find(f, true, "signer-without-issuer", N_("a signer whose issuer is not here"), x->file);
}

static void check_crl(struct findings *f, const struct cli_stored *x)
{
	time_t now = time(NULL);
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(x->crl);

	if (!cr_crl_is_trusted(x->crl, f->trust))
		find(f, true, "orphaned-list", N_("a revocation list that no authority here signed"), x->file);
	else if (!next || X509_cmp_time(next, &now) < 0)
		find(f, false, "list-out-of-date", N_("a revocation list that is out of date"), x->file);
}

static void check_list(struct findings *f, const struct cli_stored *x)
{
	switch (cr_defect_list_state(x->list, f->trust, time(NULL))) {
	case CR_LIST_SIGNED:
		break;
	case CR_LIST_PLAIN:
		find(f, false, "list-unsigned", N_("a defect list that nobody signed"), x->file);
		break;
	case CR_LIST_EXPIRED:
		find(f, false, "list-out-of-date",
		     N_("a defect list whose signer has expired: it spares nothing any more"), x->file);
		break;
	case CR_LIST_REVOKED:
		find(f, true, "list-revoked", N_("a defect list whose signer was revoked: it does not count"), x->file);
		break;
	}
}

static int check_all(struct findings *f)
{
	int err = cr_trust_new(&f->trust);

	for (size_t i = 0; i < f->s->n && err >= 0; i++) {
		if (f->s->all[i].cert)
			err = cr_trust_add_cert(f->trust, f->s->all[i].cert);
		else if (f->s->all[i].crl)
			err = cr_trust_add_crl(f->trust, f->s->all[i].crl);
	}
	if (err < 0)
		return cli_fail_err(f->c, err, NULL, NULL);
	check_files(f);
	for (size_t i = 0; i < f->s->n; i++) {
		const struct cli_stored *x = &f->s->all[i];

		if (x->crl)
			check_crl(f, x);
		if (x->list)
			check_list(f, x);
		if (!x->cert)
			continue;
		check_validity(f, x);
		if (x->info.kind != CR_CERT_CSCA)
			check_issuer(f, x);
	}
	return 0;
}

static int show(struct findings *f)
{
	int rc = 0;

	if (f->c->json)
		rc = cli_json_print(json_pack("{s:s, s:I, s:O, s:O}", "trust", f->s->path, "files",
					      (json_int_t)f->s->n, "problems", f->problems, "notes", f->notes));
	else
		printf(_("%zu problems and %zu notes on %zu certificates and lists\n"), f->n_problems, f->n_notes,
		       f->s->n);
	return rc ? rc : f->n_problems ? CLI_ERROR : 0;
}

int cli_trust_check(const struct cli *c)
{
	struct cli_store s;
	struct findings f = { .c = c, .s = &s, .problems = json_array(), .notes = json_array() };
	int rc = cli_store_open(c, &s);

	if (!rc)
		rc = check_all(&f);
	if (!rc)
		rc = show(&f);
	json_decref(f.problems);
	json_decref(f.notes);
	cr_trust_free(f.trust);
	cli_store_close(&s);
	return rc;
}
