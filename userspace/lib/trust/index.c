/* SPDX-License-Identifier: BSD-2-Clause */
/* A trust store's index. No I/O. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include "index.h"

static const char heading[] = "cardring-trust-store ";

#define VERSION		2	/* the first to know defect lists; without any, 1 is written */

/* A name that imports give: nothing leads out of the folder, nothing is hidden in it. */
static bool is_file_name(const char *s, enum cr_cert_kind kind)
{
	const char *ending = kind == CR_CERT_CRL ? ".crl" : kind == CR_CERT_DEFECTS ? ".dfl" : ".cer";
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

	return n > 4 && !s[n] && s[0] != '.' && s[0] != '-' &&
	       !strcmp(s + n - 4, ending);
}

/* What lies between s and the tab or the end; NUL-terminated in place. NULL: there is no field. */
static char *field(char **s)
{
	char *f = *s, *tab;

	if (!f)
		return NULL;
	tab = strchr(f, '\t');
	if (tab)
		*tab = '\0';
	*s = tab ? tab + 1 : NULL;
	return f;
}

static int parse_line(char *s, struct cr_index *out)
{
	char *file = field(&s), *kind = field(&s), *until = field(&s), *sha256 = field(&s);
	char *source = field(&s), *name = field(&s);
	struct cr_index_entry *e = &out->e[out->n];
	int k;

	if (!name || s || strlen(file) >= sizeof(e->file) || strlen(until) >= sizeof(e->until) ||
	    strlen(sha256) != 64 || sha256[strspn(sha256, "0123456789abcdef")])
		return CR_E_MALFORMED;
	k = cr_cert_kind_find(kind);
	if (k < 0 || !is_file_name(file, (enum cr_cert_kind)k))
		return CR_E_MALFORMED;
	memset(e, 0, sizeof(*e));
	e->kind = (enum cr_cert_kind)k;
	strcpy(e->file, file);
	strcpy(e->until, until);
	strcpy(e->sha256, sha256);
	e->source = strdup(source);
	e->name = strdup(name);
	if (!e->source || !e->name) {
		free(e->source);
		free(e->name);
		return CR_E_NOMEM;
	}
	out->n++;
	return CR_OK;
}

static int by_file(const void *a, const void *b)
{
	const struct cr_index_entry *x = a, *y = b;

	return strcmp(x->file, y->file);
}

static void sort(struct cr_index *index)
{
	if (index->n)
		qsort(index->e, index->n, sizeof(*index->e), by_file);
}

static bool has_twice(struct cr_index *index)
{
	size_t i;

	sort(index);
	for (i = 1; i < index->n; i++) {
		if (!strcmp(index->e[i - 1].file, index->e[i].file))
			return true;
	}
	return false;
}

static int parse(char *text, size_t len, struct cr_index *out, unsigned int *line)
{
	char *p, *next, *end = text + len;
	size_t lines = 1;
	long version;
	int err;

	if (memchr(text, '\0', len))
		return CR_E_MALFORMED;
	for (p = text; p < end; p++)
		lines += *p == '\n';
	if (lines > CR_INDEX_MAX + 64)
		return CR_E_TOO_LONG;
	out->e = calloc(lines, sizeof(*out->e));
	if (!out->e)
		return CR_E_NOMEM;
	for (p = text; p < end; p = next) {
		next = memchr(p, '\n', (size_t)(end - p));
		++*line;
		if (!next)			/* cut off */
			return CR_E_MALFORMED;
		*next++ = '\0';
		if (*line == 1) {
			if (strncmp(p, heading, sizeof(heading) - 1))
				return CR_E_MALFORMED;
			version = strtol(p + sizeof(heading) - 1, NULL, 10);
			if (version < 1 || version > VERSION)
				return version > VERSION ? CR_E_UNSUPPORTED : CR_E_MALFORMED;
		} else if (*p && *p != '#') {
			err = parse_line(p, out);
			if (err)
				return err;
		}
	}
	return *line && !has_twice(out) ? CR_OK : CR_E_MALFORMED;
}

int cr_index_parse(const char *text, size_t len, struct cr_index *out, unsigned int *line)
{
	char *copy = malloc(len + 1);
	int err;

	memset(out, 0, sizeof(*out));
	*line = 0;
	if (!copy)
		return CR_E_NOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	err = parse(copy, len, out, line);
	free(copy);
	if (err)
		cr_index_clear(out);
	return err;
}

int cr_index_format(struct cr_index *index, char **text, size_t *len)
{
	FILE *f = open_memstream(text, len);
	const struct cr_index_entry *e;
	int version = 1;
	bool bad;
	size_t i;

	if (!f)
		return CR_E_NOMEM;
	sort(index);
	for (i = 0; i < index->n; i++)
		version = index->e[i].kind == CR_CERT_DEFECTS ? VERSION : version;
	fprintf(f, "%s%d\n", heading, version);
	fprintf(f, "# What \"cardring verify --trust\" takes from this folder: the files named here,\n"
		"# where they have this SHA-256. \"cardring trust\" writes it; \"cardring trust check\"\n"
		"# compares it with the folder.\n"
		"# file\tkind\tuntil\tsha256\tsource\tname\n");
	for (i = 0; i < index->n; i++) {
		e = &index->e[i];
		fprintf(f, "%s\t%s\t%s\t%s\t%s\t%s\n", e->file, cr_cert_kind_name(e->kind),
			e->until, e->sha256, e->source, e->name);
	}
	bad = ferror(f);
	bad |= fclose(f) != 0;
	if (!bad)
		return CR_OK;
	free(*text);
	*text = NULL;
	return CR_E_NOMEM;
}

/* Without what ends a field or a line. */
static char *plain(const char *s)
{
	char *copy = strdup(s), *p;

	for (p = copy; p && *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
	return copy;
}

int cr_index_add(struct cr_index *index, const char *file, const struct cr_cert_info *info,
		 const char *source, const char *name)
{
	struct cr_index_entry *all, *e;

	if (index->n >= CR_INDEX_MAX)
		return CR_E_TOO_LONG;
	all = reallocarray(index->e, index->n + 1, sizeof(*all));
	if (!all)
		return CR_E_NOMEM;
	index->e = all;
	e = &all[index->n];
	memset(e, 0, sizeof(*e));
	snprintf(e->file, sizeof(e->file), "%s", file);
	e->kind = info->kind;
	snprintf(e->until, sizeof(e->until), "%.10s", info->until);
	strcpy(e->sha256, info->fingerprint);
	e->source = plain(source);
	e->name = plain(name);
	if (!e->source || !e->name) {
		free(e->source);
		free(e->name);
		return CR_E_NOMEM;
	}
	index->n++;
	return CR_OK;
}

const struct cr_index_entry *cr_index_find(const struct cr_index *index, const char *file)
{
	struct cr_index_entry key;

	if (!index->n || strlen(file) >= sizeof(key.file))
		return NULL;
	strcpy(key.file, file);
	return bsearch(&key, index->e, index->n, sizeof(key), by_file);
}

void cr_index_remove(struct cr_index *index, size_t i)
{
	free(index->e[i].source);
	free(index->e[i].name);
	index->e[i] = index->e[--index->n];
}

void cr_index_clear(struct cr_index *index)
{
	while (index->n)
		cr_index_remove(index, index->n - 1);
	free(index->e);
	memset(index, 0, sizeof(*index));
}
