// SPDX-License-Identifier: BSD-2-Clause
/* A trust store read, and shown: "cardring trust list" and "show". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "trust.h"
#include "trust/store.h"

/* ---- reading it ---- */

int cli_store_fail(const struct cli *c, int err, const char *path, const struct cr_folder *f)
{
	switch (err) {
	case CR_E_NOT_FOUND:
		return cli_fail(c, CLI_ERROR, "not-found", NULL, _("There is no folder %s of trusted issuers."), path);
	case CR_E_MALFORMED:
		return cli_fail(c, CLI_ERROR, "malformed", NULL,
				_("The index %s/%s is damaged at line %u: import into a new folder."), path,
				CR_INDEX_NAME, f->line);
	case CR_E_UNSUPPORTED:
		return cli_fail(c, CLI_ERROR, "unsupported", NULL,
				_("The trust store %s is that of a later cardring."), path);
	case CR_E_INVALID:
		return cli_fail(c, CLI_ERROR, "invalid", NULL,
				_("%s holds certificates and has no index: import them into a new folder, as in \"cardring trust import --trust NEW %s/*\"."),
				path, path);
	case CR_E_IO:
		return cli_fail(c, CLI_ERROR, "io", NULL, _("%s: %s"), path, strerror(errno));
	}
	return cli_fail_err(c, err, NULL, NULL);
}

/* One of the three; takes a reference. */
static int keep(struct cli_store *s, const char *file, const char *source, X509 *cert, X509_CRL *crl,
		struct cr_defect_list *list)
{
	struct cli_stored *all = reallocarray(s->all, s->n + 1, sizeof(*all)), *x;
	int err = 0;

	if (!all)
		return CR_E_NOMEM;
	s->all = all;
	x = &all[s->n++];
	memset(x, 0, sizeof(*x));
	if (cert && X509_up_ref(cert))
		x->cert = cert;
	if (crl && X509_CRL_up_ref(crl))
		x->crl = crl;
	x->file = strdup(file);
	x->source = source ? strdup(source) : NULL;
	if (list) {
		x->list = cr_defect_list_ref(list);
		x->info = list->info;
		x->subject = list->signer ? strdup(list->signer) : NULL;
		x->issuer = list->issuer ? strdup(list->issuer) : NULL;
		return !x->file ? CR_E_NOMEM : 0;
	}
	err = cert ? cr_cert_describe(cert, &x->info) : cr_crl_describe(crl, &x->info);
	x->subject = cert ? cr_name_text(X509_get_subject_name(cert)) : NULL;
	x->issuer = cr_name_text(cert ? X509_get_issuer_name(cert) : X509_CRL_get_issuer(crl));
	return err == CR_E_NOMEM || !x->file || !x->issuer ? CR_E_NOMEM : 0;
}

struct reading {
	struct cli_store *s;
	cr_trust_t *one;	/* what one file holds */
	size_t certs, crls, lists;	/* what the files before it held */
	int err;
};

/* What the file added to r->one. */
static void keep_new(struct reading *r, const char *file, const char *source)
{
	for (; !r->err && r->certs < (size_t)sk_X509_num(r->one->certs); r->certs++)
		r->err = keep(r->s, file, source, sk_X509_value(r->one->certs, (int)r->certs), NULL, NULL);
	for (; !r->err && r->crls < (size_t)sk_X509_CRL_num(r->one->crls); r->crls++)
		r->err = keep(r->s, file, source, NULL, sk_X509_CRL_value(r->one->crls, (int)r->crls), NULL);
	for (; !r->err && r->lists < r->one->n_lists; r->lists++)
		r->err = keep(r->s, file, source, NULL, NULL, r->one->lists[r->lists]);
}

static void indexed(void *arg, size_t entry, enum cr_folder_state state)
{
	struct reading *r = arg;
	const struct cr_index_entry *e = &r->s->folder.index.e[entry];

	r->s->states[entry] = state;
	keep_new(r, e->file, e->source);
}

static bool plain(void *arg, const char *name)
{
	struct reading *r = arg;
	struct cli_store *s = r->s;
	unsigned char *data;
	char **bad;
	size_t len;
	int err;

	data = cr_folder_read(s->folder.fd, name, 1 << 22, &len);
	err = data ? cr_trust_add_bytes(r->one, data, len) : CR_E_MALFORMED;
	free(data);
	if (err >= 0) {
		keep_new(r, name, NULL);
	} else if (err == CR_E_MALFORMED) {
		bad = reallocarray(s->bad, s->n_bad + 1, sizeof(*bad));
		if (bad)
			s->bad = bad;
		if (!bad || !(bad[s->n_bad] = strdup(name)))
			r->err = CR_E_NOMEM;
		else
			s->n_bad++;
	} else {
		r->err = err;
	}
	return r->err;
}

static int by_state(const void *a, const void *b)
{
	const struct cli_stored *x = a, *y = b;
	int d = strcmp(x->info.state, y->info.state);

	if (!d)
		d = (x->cert == NULL) - (y->cert == NULL);
	if (!d)
		d = (x->list != NULL) - (y->list != NULL);
	if (!d)
		d = strcmp(x->info.until, y->info.until);
	return d ? d : strcmp(x->info.fingerprint, y->info.fingerprint);
}

static int read_all(struct cli_store *s)
{
	struct reading r = { .s = s };
	int err = cr_trust_new(&r.one);

	s->states = calloc(s->folder.index.n + 1, sizeof(*s->states));
	if (!err && !s->states)
		err = CR_E_NOMEM;
	if (!err && s->folder.indexed)
		err = cr_folder_load(&s->folder, r.one, false, indexed, &r);
	else if (!err && cr_folder_strangers(&s->folder, plain, &r) < 0)
		err = CR_E_IO;
	cr_trust_free(r.one);
	if (s->n)
		qsort(s->all, s->n, sizeof(*s->all), by_state);
	return err ? err : r.err;
}

int cli_store_open(const struct cli *c, struct cli_store *s)
{
	int err;

	memset(s, 0, sizeof(*s));
	s->path = c->trust.at[0];
	err = cr_folder_open(&s->folder, s->path, false);
	if (!err)
		err = read_all(s);
	return err ? cli_store_fail(c, err, s->path, &s->folder) : 0;
}

void cli_store_close(struct cli_store *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct cli_stored *x = &s->all[i];

		free(x->file);
		free(x->source);
		free(x->subject);
		free(x->issuer);
		X509_free(x->cert);
		X509_CRL_free(x->crl);
		cr_defect_list_free(x->list);
	}
	while (s->n_bad)
		free(s->bad[--s->n_bad]);
	free(s->bad);
	free(s->all);
	free(s->states);
	cr_folder_close(&s->folder);
	memset(s, 0, sizeof(*s));
}

bool cli_stored_is(const struct cli_stored *x, const char *typed, bool states)
{
	size_t n = strlen(typed);

	return !strcmp(x->file, typed) || (n >= 8 && !strncasecmp(x->info.fingerprint, typed, n)) ||
	       (states && n && !strcasecmp(x->info.state, typed));
}

/* ---- showing it ---- */

static int revoked(X509_CRL *crl)
{
	int n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));

	return n > 0 ? n : 0;		/* -1: there is no list in the list */
}

size_t cli_list_known(const struct cr_defect_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->dfl.n; i++)
		n += list->dfl.all[i].n_known;
	return n;
}

json_t *cli_stored_json(const struct cli_stored *x)
{
	const struct cr_cert_info *i = &x->info;
	json_t *j = json_object();

	json_object_set_new(j, "state", cli_json_string(i->state[0] ? i->state : NULL));
	json_object_set_new(j, "kind", json_string(cr_cert_kind_name(i->kind)));
	json_object_set_new(j, "subject", cli_json_string(x->subject));
	json_object_set_new(j, "issuer", cli_json_string(x->issuer));
	json_object_set_new(j, "serial", cli_json_string(i->serial[0] ? i->serial : NULL));
	json_object_set_new(j, "key_id", cli_json_string(i->key_id[0] ? i->key_id : NULL));
	json_object_set_new(j, "not_before", cli_json_string(i->from[0] ? i->from : NULL));
	json_object_set_new(j, "not_after", cli_json_string(i->until[0] ? i->until : NULL));
	json_object_set_new(j, "key", cli_json_string(i->key[0] ? i->key : NULL));
	json_object_set_new(j, "signature", cli_json_string(i->signature[0] ? i->signature : NULL));
	json_object_set_new(j, "fingerprint", json_string(i->fingerprint));
	if (x->list) {
		json_object_set_new(j, "signed", json_boolean(x->list->cert != NULL));
		json_object_set_new(j, "description", cli_json_string(x->list->description));
		json_object_set_new(j, "signers", json_integer((json_int_t)x->list->dfl.n));
		json_object_set_new(j, "defects", json_integer((json_int_t)cli_list_known(x->list)));
	} else if (x->cert) {
		json_object_set_new(j, "self_signed", json_boolean(i->kind == CR_CERT_CSCA));
	} else {
		json_object_set_new(j, "revoked", json_integer(revoked(x->crl)));
	}
	json_object_set_new(j, "source", cli_json_string(x->source));
	json_object_set_new(j, "file", cli_json_string(x->file));
	return j;
}

static const char *kind_text(enum cr_cert_kind kind)
{
	switch (kind) {
	case CR_CERT_CSCA:	return _("self-signed");
	case CR_CERT_LINK:	return _("link certificate");
	case CR_CERT_SIGNER:	return _("document signer");
	case CR_CERT_CRL:	return _("revocation list");
	case CR_CERT_DEFECTS:	return _("defect list");
	case CR_CERT_KINDS:	break;
	}
	return "";
}

static bool is_over(const struct cr_cert_info *i)
{
	char now[24];
	time_t t = time(NULL);
	struct tm tm;

	/* ISO 8601 in UTC compares as text */
	strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return i->until[0] && strcmp(i->until, now) < 0;
}

static void list_text(const struct cli_store *s)
{
	size_t states = 0, certs = 0, crls = 0, lists = 0, n;
	char line[1024], until[12];

	for (size_t i = 0; i < s->n; i++) {
		const struct cli_stored *x = &s->all[i];
		const char *name = x->subject ? x->subject : x->issuer ? x->issuer : _("nobody signed it");

		if (!i || strcmp(x->info.state, s->all[i - 1].info.state)) {
			for (n = i; n < s->n && !strcmp(s->all[n].info.state, x->info.state); n++)
				;
			printf("%s%s (%zu)\n", i ? "\n" : "", x->info.state[0] ? x->info.state : "-", n - i);
			states += x->info.state[0] != '\0';
		}
		certs += x->cert != NULL;
		crls += x->crl != NULL;
		lists += x->list != NULL;
		snprintf(line, sizeof(line), "%.12s  %s%s%s%s  %s", x->info.fingerprint, kind_text(x->info.kind),
			 x->info.key[0] ? ", " : "", x->info.key, is_over(&x->info) ? _(", EXPIRED") : "", name);
		snprintf(until, sizeof(until), "%.10s", x->info.until[0] ? x->info.until : "-");
		cli_row(until, line, 14);
	}
	if (s->n)
		printf("\n");
	printf(_("%zu certificates of %zu states, %zu revocation lists\n"), certs, states, crls);
	if (lists)
		printf(_("%zu defect lists\n"), lists);
}

int cli_trust_list(const struct cli *c)
{
	struct cli_store s;
	json_t *all;
	int rc = cli_store_open(c, &s);

	if (!rc && c->json) {
		all = json_array();
		for (size_t i = 0; i < s.n; i++)
			if (!s.all[i].crl)
				json_array_append_new(all, cli_stored_json(&s.all[i]));
		rc = cli_json_print(all);
	} else if (!rc) {
		list_text(&s);
	}
	cli_store_close(&s);
	return rc;
}

static void row(const char *label, const char *value)
{
	if (value && *value)
		cli_row(label, value, 26);
}

static void show_list_text(const struct cr_defect_list *l)
{
	char number[48];

	row(_("Signed"), l->cert ? _("yes") : _("no: it counts because somebody named its file"));
	row(_("Description"), l->description);
	snprintf(number, sizeof(number), "%zu", l->dfl.n);
	row(_("Document signers"), number);
	snprintf(number, sizeof(number), "%zu", cli_list_known(l));
	row(_("Defects"), number);
}

static void show_text(const struct cli_stored *x)
{
	const struct cr_cert_info *i = &x->info;
	char number[24], until[64];

	printf("%s\n", x->file);
	row(_("State"), i->state);
	row(_("Kind"), kind_text(i->kind));
	row(x->list ? _("Signer") : _("Subject"), x->subject);
	row(_("Issuer"), x->issuer);
	row(x->crl ? _("Number") : _("Serial number"), i->serial);
	row(_("Key identifier"), i->key_id);
	row(x->crl ? _("This update") : x->list ? _("Signing time") : _("Valid from"), i->from);
	snprintf(until, sizeof(until), "%s%s", i->until, is_over(i) ? _(", EXPIRED") : "");
	row(x->crl ? _("Next update") : x->list ? _("Signer valid until") : _("Valid until"), until);
	row(_("Key"), i->key);
	row(_("Signature"), i->signature);
	row("SHA-256", i->fingerprint);
	if (x->crl) {
		snprintf(number, sizeof(number), "%d", revoked(x->crl));
		row(_("Revoked"), number);
	}
	if (x->list)
		show_list_text(x->list);
	row(_("Source"), x->source);
}

int cli_trust_show(const struct cli *c)
{
	struct cli_store s;
	json_t *all = NULL;
	int rc = cli_store_open(c, &s);
	size_t n = 0;

	if (!rc && c->json)
		all = json_array();
	for (size_t k = 1; k < c->n_args && !rc; k++) {
		size_t before = n;

		for (size_t i = 0; i < s.n; i++) {
			if (!cli_stored_is(&s.all[i], c->args[k], true))
				continue;
			if (n++ && !c->json)
				printf("\n");
			if (c->json)
				json_array_append_new(all, cli_stored_json(&s.all[i]));
			else
				show_text(&s.all[i]);
		}
		if (n == before)
			rc = cli_fail(c, CLI_ERROR, "not-found", NULL, _("There is nothing named %s in %s."),
				      c->args[k], s.path);
	}
	if (!rc && c->json)
		rc = cli_json_print(all);
	else
		json_decref(all);
	cli_store_close(&s);
	return rc;
}
