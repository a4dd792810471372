/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables: cases.tsv, which is the plan's list, and one a unit. A mistake in one is told with its line. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "conformity.h"

#define LINE_MAX_LEN	4096

static struct conf_plan *plan;

__attribute__((format(printf, 3, 4)))
static void mistake(const char *path, unsigned int line, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%u: ", path, line);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	plan->mistakes++;
}

/* How many; "-" is "". */
static size_t split(char *line, char **at, size_t max)
{
	size_t n = 0;
	char *p = line;

	line[strcspn(line, "\n")] = '\0';
	while (n < max) {
		char *tab = strchr(p, '\t');

		if (tab)
			*tab = '\0';
		at[n++] = strcmp(p, "-") ? p : p + 1;
		if (!tab)
			return n;
		p = tab + 1;
	}
	return max + 1;
}

static void unit_of(const char *id, char unit[16])
{
	const char *end = strrchr(id, '_');
	int n = end ? (int)(end - id) : 0;

	/* the number, and in few cases a letter */
	snprintf(unit, 16, "%.*s", n < 15 ? n : 15, id);
}

static FILE *open_table(const char *path, bool must)
{
	FILE *f = fopen(path, "re");

	if (f || (!must && errno == ENOENT))
		return f;
	perror(path);
	exit(2);
}

static void load_cases(const char *dir)
{
	char path[512], line[LINE_MAX_LEN], *at[3];
	unsigned int nr = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/cases.tsv", dir);
	f = open_table(path, true);
	while (fgets(line, sizeof(line), f)) {
		struct conf_plan_case *c;

		nr++;
		if (*line == '#')
			continue;
		if (split(line, at, 3) != 3) {
			mistake(path, nr, "three columns: id, source, expected");
			continue;
		}
		plan->cases = reallocarray(plan->cases, plan->n + 1, sizeof(*plan->cases));
		if (!plan->cases)
			abort();
		c = &plan->cases[plan->n++];
		memset(c, 0, sizeof(*c));
		snprintf(c->id, sizeof(c->id), "%s", at[0]);
		snprintf(c->source, sizeof(c->source), "%s", at[1]);
		snprintf(c->expected, sizeof(c->expected), "%s", at[2]);
		unit_of(c->id, c->unit);
	}
	fclose(f);
}

/* id: of one of its lines, ID or ID.VARIANT */
static struct conf_plan_case *find(const char *id)
{
	size_t n = strcspn(id, ".");

	for (size_t i = 0; i < plan->n; i++)
		if (strlen(plan->cases[i].id) == n && !memcmp(plan->cases[i].id, id, n))
			return &plan->cases[i];
	return NULL;
}

static void check_expected(const char *path, unsigned int nr, struct conf_case *row, const struct conf_plan_case *c)
{
	static const char *const names[] = { "successful", "failed", "either" };
	const char *text = row->at[CONF_EXPECTED];
	int i = 0;

	while (i < 3 && strcmp(text, names[i]))
		i++;
	if (i == 3) {
		mistake(path, nr, "expected is successful, failed or either");
		return;
	}
	row->expected = (enum conf_expected)i;
	/* what the plan's text says in so many words */
	if ((!strcmp(c->expected, "successful") || !strcmp(c->expected, "failed")) && strcmp(c->expected, text))
		mistake(path, nr, "the plan expects \"%s\"", c->expected);
}

static void check_standing(const char *path, unsigned int nr, struct conf_case *row)
{
	static const char na[] = "not applicable: ", dev[] = "deviates: ";
	const char *s = row->at[CONF_STANDING];

	row->not_applicable = !strncmp(s, na, strlen(na));
	row->deviates = !strncmp(s, dev, strlen(dev));
	if (row->not_applicable || row->deviates)
		row->reason = strchr(s, ':') + 2;
	else if (*s)
		mistake(path, nr, "standing is -, \"not applicable: REASON\" or \"deviates: REASON\"");
}

static void check_rules(const char *path, unsigned int nr, struct conf_case *row)
{
	const char *s = row->at[CONF_RULES];
	bool negative = row->expected == CONF_FAILED && !row->not_applicable && !row->deviates;

	if (!strncmp(s, "-: ", 3)) {
		row->unproved = s + 3;
		s = "";
		row->at[CONF_RULES] += strlen(row->at[CONF_RULES]);
	} else if (negative && !*s) {
		mistake(path, nr, "a negative case names the rules it stands on, or \"-: REASON\"");
	}
	for (; *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		if (!conf_rule_exists(s, n))
			mistake(path, nr, "there is no CR_RULE %.*s in the library", (int)n, s);
		s += n;
	}
}

static void check_differs(const char *path, unsigned int nr, const struct conf_case *row)
{
	for (const char *s = row->at[CONF_DIFFERS]; *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " "), name = strcspn(s, ":= ");

		if (s[name] != '=' && !conf_generator(s, name))
			mistake(path, nr, "there is no generator %.*s", (int)name, s);
		s += n;
	}
}

static void add_row(const char *path, unsigned int nr, const char *unit, char *line)
{
	struct conf_case row = { .unit = "" }, **end;
	size_t n = split(line, row.at, CONF_COLUMNS);
	struct conf_plan_case *c;

	if (n != CONF_COLUMNS) {
		mistake(path, nr, "%zu columns for %d: %s", n, CONF_COLUMNS, line);
		return;
	}
	c = find(row.at[CONF_ID]);
	if (!c || !strcmp(c->source, "deleted") || strcmp(c->unit, unit)) {
		mistake(path, nr, "%s is no case of this unit", row.at[CONF_ID]);
		return;
	}
	for (end = &c->row; *end; end = &(*end)->next) {
		if (!strcmp((*end)->at[CONF_ID], row.at[CONF_ID])) {
			mistake(path, nr, "%s twice", row.at[CONF_ID]);
			return;
		}
	}
	if (strchr(row.at[CONF_ID], '/')) {
		mistake(path, nr, "%s: its name is a folder's", row.at[CONF_ID]);
		return;
	}
	if (strcmp(c->source, row.at[CONF_SOURCE]))
		mistake(path, nr, "%s is %s", c->id, c->source);
	memcpy(row.unit, c->unit, sizeof(row.unit));
	check_expected(path, nr, &row, c);
	check_standing(path, nr, &row);
	check_rules(path, nr, &row);
	check_differs(path, nr, &row);
	*end = malloc(sizeof(row));
	if (!*end)
		abort();
	**end = row;
	plan->n_rows++;
}

static void load_unit(const char *dir, const char *unit)
{
	char path[512], line[LINE_MAX_LEN];
	unsigned int nr = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.tsv", dir, unit);
	f = open_table(path, false);
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		char *copy;

		nr++;
		if (*line == '#' || *line == '\n')
			continue;
		if (!strncmp(line, "id\t", 3))
			continue;	/* the columns' names */
		copy = strdup(line);	/* rows point into it, to the program's end */
		if (!copy)
			abort();
		add_row(path, nr, unit, copy);
	}
	fclose(f);
	for (size_t i = 0; i < plan->n; i++) {
		const struct conf_plan_case *c = &plan->cases[i];

		if (!strcmp(c->unit, unit) && !c->row && strcmp(c->source, "deleted"))
			mistake(path, nr, "%s is missing", c->id);
	}
}

void conf_plan_load(const char *dir, struct conf_plan *out)
{
	plan = out;
	memset(out, 0, sizeof(*out));
	load_cases(dir);
	for (size_t i = 0; i < plan->n; i++)
		if (!i || strcmp(plan->cases[i].unit, plan->cases[i - 1].unit))
			load_unit(dir, plan->cases[i].unit);
}
