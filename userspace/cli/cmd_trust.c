// SPDX-License-Identifier: BSD-2-Clause
/* "cardring trust": what is imported into the store, and what is taken out. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "trust.h"
#include "trust/import.h"
#include "trust/store.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static unsigned char *read_file(const struct cli *c, const char *path, size_t *len, int *rc)
{
	unsigned char *data;

	errno = 0;
	data = cr_folder_read(AT_FDCWD, path, CR_IMPORT_MAX, len);
	if (!data)
		*rc = cli_fail(c, CLI_ERROR, "io", NULL, _("%s cannot be read: %s"), path,
			       errno ? strerror(errno) : _("it is empty, too long, or no file"));
	return data;
}

/* errno says why where it is CR_E_IO. */
static int write_failed(const struct cli *c, int err)
{
	if (err != CR_E_IO)
		return cli_fail_err(c, err, NULL, NULL);
	return cli_fail(c, CLI_ERROR, "io", NULL, _("%s cannot be written: %s"), c->trust.at[0], strerror(errno));
}

/* ---- import ---- */

static int load_roots(const struct cli *c, cr_trust_t *roots)
{
	unsigned char *data;
	size_t len;
	int rc = 0, n;

	for (size_t i = 0; i < c->root.n && !rc; i++) {
		data = read_file(c, c->root.at[i], &len, &rc);
		n = data ? cr_trust_add_bytes(roots, data, len) : 0;
		free(data);
		if (!rc && n < 0)
			rc = cli_fail(c, CLI_ERROR, cli_error_code(n), NULL, _("%s is no certificate, or it is damaged."),
				      c->root.at[i]);
	}
	return rc;
}

static int take_files(const struct cli *c, struct cr_import *im)
{
	unsigned char *data;
	char *why;
	size_t len;
	int rc = 0, err;

	for (size_t i = 1; i < c->n_args && !rc; i++) {
		data = read_file(c, c->args[i], &len, &rc);
		err = data ? cr_import_file(im, base_name(c->args[i]), data, len) : 0;
		free(data);
		if (rc || !err)
			continue;
		why = cli_detail_text(im->why);
		rc = cli_fail(c, CLI_ERROR, cli_error_code(err), NULL, _("%s is refused, and nothing was imported: %s."),
			      c->args[i], why ? why : "");
		free(why);
	}
	return rc;
}

static json_t *skips_json(const struct cr_import *im)
{
	json_t *list = json_array(), *j;
	char *why;

	for (size_t i = 0; i < im->n_skips; i++) {
		const struct cr_import_skip *s = &im->skips[i];

		why = cli_detail_text(s->why);
		j = json_object();
		json_object_set_new(j, "file", cli_json_string(im->sources[s->source]));
		json_object_set_new(j, "what", cli_json_string(s->what));
		json_object_set_new(j, "why", cli_json_string(why));
		json_array_append_new(list, j);
		free(why);
	}
	return list;
}

/* A list's times are those of its signature. */
static bool is_unsigned(const struct cr_import_add *a)
{
	return a->info.kind == CR_CERT_DEFECTS && !a->info.until[0];
}

static json_t *unsigned_json(const struct cr_import *im)
{
	json_t *list = json_array();

	for (size_t i = 0; i < im->n_add; i++)
		if (is_unsigned(&im->add[i]))
			json_array_append_new(list, cli_json_string(im->sources[im->add[i].source]));
	return list;
}

static int show_import(const struct cli *c, const struct cr_import *im, const struct cr_folder *f)
{
	size_t crls = 0, lists = 0, certs;
	json_t *j;
	char *why;

	for (size_t i = 0; i < im->n_add; i++) {
		crls += im->add[i].info.kind == CR_CERT_CRL;
		lists += im->add[i].info.kind == CR_CERT_DEFECTS;
	}
	certs = im->n_add - crls - lists;
	if (c->json) {
		j = json_object();
		json_object_set_new(j, "trust", cli_json_string(c->trust.at[0]));
		json_object_set_new(j, "certificates", json_integer((json_int_t)certs));
		json_object_set_new(j, "revocation_lists", json_integer((json_int_t)crls));
		json_object_set_new(j, "defect_lists", json_integer((json_int_t)lists));
		json_object_set_new(j, "unsigned", unsigned_json(im));
		json_object_set_new(j, "known", json_integer((json_int_t)im->known));
		json_object_set_new(j, "replaced", json_integer((json_int_t)im->n_drop));
		json_object_set_new(j, "master_lists", json_integer((json_int_t)im->lists));
		json_object_set_new(j, "skipped", skips_json(im));
		json_object_set_new(j, "files", json_integer((json_int_t)f->index.n));
		return cli_json_print(j);
	}
	for (size_t i = 0; i < im->n_skips; i++) {
		why = cli_detail_text(im->skips[i].why);
		cli_note(_("%s: left out: %s: %s"), im->sources[im->skips[i].source], im->skips[i].what,
			 why ? why : "");
		free(why);
	}
	for (size_t i = 0; i < im->n_add; i++)
		if (is_unsigned(&im->add[i]))
			cli_note(_("%s: a defect list that nobody signed: it counts because you name it."),
				 im->sources[im->add[i].source]);
	if (lists)
		printf(_("%zu defect lists are new in %s.\n"), lists, c->trust.at[0]);
	printf(_("%zu certificates and %zu revocation lists are new in %s; %zu were there, %zu lists were replaced, %zu things left out.\n"),
	       certs, crls, c->trust.at[0], im->known, im->n_drop, im->n_skips);
	return 0;
}

/* The files are judged before the folder is made or locked, and against it while it is. */
static int import_into(const struct cli *c, struct cr_import *im)
{
	const char *dir = c->trust.at[0];
	cr_trust_t *store = NULL;
	struct cr_folder f;
	int rc = 0, err;

	err = cr_folder_open(&f, dir, true);
	if (err)
		rc = cli_store_fail(c, err, dir, &f);
	if (!err)
		err = cr_trust_new(&store);
	if (!err)
		err = cr_folder_load(&f, store, true, NULL, NULL);
	if (!err)
		err = cr_import_finish(im, &f.index, store);
	if (!err) {
		errno = 0;
		err = cr_folder_commit(&f, im);
	}
	if (err == CR_E_TOO_LONG)
		rc = cli_fail(c, CLI_ERROR, cli_error_code(err), NULL,
			      _("That is more than the %d files that a trust store holds."), CR_INDEX_MAX);
	else if (err && !rc)
		rc = write_failed(c, err);
	if (!rc)
		rc = show_import(c, im, &f);
	cr_trust_free(store);
	cr_folder_close(&f);
	return rc;
}

static int import(const struct cli *c)
{
	struct cr_import im = { 0 };
	cr_trust_t *roots = NULL;
	int rc;

	if (c->n_args < 2)
		return cli_fail(c, CLI_ERROR, "usage", NULL,
				_("Name the files to import, as in \"cardring trust import --trust DIR list.ml\"."));
	if (cr_trust_new(&roots))
		return cli_fail_err(c, CR_E_NOMEM, NULL, NULL);
	rc = load_roots(c, roots);
	cr_import_init(&im, roots, time(NULL));
	if (!rc)
		rc = take_files(c, &im);
	if (!rc)
		rc = import_into(c, &im);
	cr_import_clear(&im);
	cr_trust_free(roots);
	return rc;
}

/* ---- remove ---- */

/* The entry that was typed, in f's order; an exit code where there is none, or more than one. */
static int find_entry(const struct cli *c, const struct cr_folder *f, const char *typed, size_t *entry)
{
	size_t n = 0, len = strlen(typed);

	for (size_t i = 0; i < f->index.n; i++) {
		const struct cr_index_entry *e = &f->index.e[i];

		if (strcmp(e->file, typed) && (len < 8 || strncasecmp(e->sha256, typed, len)))
			continue;
		*entry = i;
		n++;
	}
	if (n > 1)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("%s names %zu files: type more of the fingerprint."),
				typed, n);
	return n ? 0 : cli_fail(c, CLI_ERROR, "not-found", NULL,
				_("There is nothing named %s in %s."), typed, c->trust.at[0]);
}

static int by_number(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

/* Ascending, each once. */
static size_t distinct(size_t *entries, size_t n)
{
	size_t kept = 0;

	qsort(entries, n, sizeof(*entries), by_number);
	for (size_t i = 0; i < n; i++) {
		if (!kept || entries[kept - 1] != entries[i])
			entries[kept++] = entries[i];
	}
	return kept;
}

static int remove_from(const struct cli *c, struct cr_folder *f)
{
	size_t *entries = calloc(c->n_args, sizeof(*entries)), n = 0;
	json_t *names = json_array();
	int rc = entries && names ? 0 : cli_fail_err(c, CR_E_NOMEM, NULL, NULL), err;

	for (size_t k = 1; k < c->n_args && !rc; k++)
		rc = find_entry(c, f, c->args[k], &entries[n++]);
	if (!rc) {
		n = distinct(entries, n);
		for (size_t i = 0; i < n; i++)
			json_array_append_new(names, cli_json_string(f->index.e[entries[i]].file));
		err = cr_folder_remove(f, entries, n);
		if (err)
			rc = write_failed(c, err);
	}
	if (!rc && c->json) {
		rc = cli_json_print(json_pack("{s:O}", "removed", names));
	} else if (!rc) {
		for (size_t i = 0; i < n; i++)
			printf("%s\n", json_string_value(json_array_get(names, i)));
		printf(_("%zu files were taken out of %s.\n"), n, c->trust.at[0]);
	}
	json_decref(names);
	free(entries);
	return rc;
}

static int take_out(const struct cli *c)
{
	struct cr_folder f;
	int rc, err;

	if (c->n_args < 2)
		return cli_fail(c, CLI_ERROR, "usage", NULL,
				_("Name what to take out: a file of the store, or the beginning of a fingerprint."));
	/* not made where it is missing */
	err = cr_folder_open(&f, c->trust.at[0], false);
	if (!err) {
		cr_folder_close(&f);
		err = cr_folder_open(&f, c->trust.at[0], true);
	}
	rc = err ? cli_store_fail(c, err, c->trust.at[0], &f) : remove_from(c, &f);
	cr_folder_close(&f);
	return rc;
}

int cmd_trust(struct cli *c)
{
	static const char *const actions[] = { "import", "list", "show", "remove", "check", NULL };
	const char *action = c->n_args ? c->args[0] : "", *near;
	bool names = !strcmp(action, "import") || !strcmp(action, "show") || !strcmp(action, "remove");
	size_t i = 0;

	while (actions[i] && strcmp(actions[i], action))
		i++;
	near = cli_nearest(action, actions);
	if (!actions[i] && near)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("\"cardring trust\" cannot %s; did you mean \"%s\"?"),
				action, near);
	if (!actions[i])
		return cli_fail(c, CLI_ERROR, "usage", NULL,
				_("Say what to do with the trust store: import, list, show, remove or check."));
	if (!names && c->n_args > 1)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("That is too much; see \"cardring help %s\"."), "trust");
	if (c->trust.n != 1)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("Name the folder of the trust store, once: --trust DIR."));
	if (c->root.n && strcmp(action, "import"))
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("--root is for import alone."));
	switch (i) {
	case 0:		return import(c);
	case 1:		return cli_trust_list(c);
	case 2:
		if (c->n_args > 1)
			return cli_trust_show(c);
		return cli_fail(c, CLI_ERROR, "usage", NULL,
				_("Name what to show: a file of the store, the beginning of a fingerprint, or a state."));
	case 3:		return take_out(c);
	default:	return cli_trust_check(c);
	}
}
