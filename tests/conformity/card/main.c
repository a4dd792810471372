// SPDX-License-Identifier: BSD-2-Clause
/*
 * card-exam [--table] [CASE...]: examines the virtual card, each case of cases.tsv or those named, one line each, and
 * then the units' table; --table: that alone, as README has it. Exit status 0: nothing failed.
 *
 * card-exam-lax is the same of a card that lets things pass: --lax=CHECK[+CHECK] takes those away; --self-test=FILE
 * goes through lax.tsv, where each case that stands behind a check must fail, and tells which refusals no line shows.
 */
#include "exam.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim.h"
#ifdef SIM_LAX
#include "lax.h"
#endif

#define MAX_CASES	500

static const struct asked *const units[] = { unit_files, unit_bac, unit_pace, unit_ca, unit_cvc, unit_ta, unit_aa };

struct row {
	char id[8], profile[40], meaning[160], plan[100], note[160];
};
static struct row rows[MAX_CASES];
static unsigned int n_rows;

static const struct {
	const char *unit, *what;
} titles[] = {
	{ "A", "selection of the application" }, { "B", "access conditions with BAC" },
	{ "C", "BAC, errors of secure messaging" }, { "D", "protected SELECT" }, { "E", "protected READ BINARY" },
	{ "H", "access conditions with EAC" }, { "I", "chip authentication" }, { "J", "certificate checks" },
	{ "K", "terminal authentication" }, { "L", "effective access" }, { "M", "what certificates change" },
	{ "N", "migration of algorithms" }, { "O", "access conditions with PACE" }, { "P", "PACE" },
	{ "Q", "EF.CardAccess" }, { "R", "active authentication" }, { "S", "EF.CardSecurity" }, { "T", "EF.ATR/INFO" },
};
#define UNITS	(sizeof(titles) / sizeof(titles[0]))

enum result { PASSED, FAILED, DEVIATES, NOT_APPLICABLE, RESULTS };
static unsigned int counts[UNITS + 1][RESULTS];
static bool quiet;

static bool field(char **p, char *out, size_t size)
{
	size_t n = strcspn(*p, "\t\n");

	if (n >= size)
		return false;
	memcpy(out, *p, n);
	out[n] = '\0';
	*p += n + !!(*p)[n];
	return true;
}

static void read_cases(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[600], *p;

	if (!f) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(2);
	}
	while (fgets(line, sizeof(line), f)) {
		struct row *r = &rows[n_rows];

		if (*line == '#' || *line == '\n')
			continue;
		p = line;
		MUST(n_rows < MAX_CASES);
		if (!field(&p, r->id, sizeof(r->id)) || !field(&p, r->profile, sizeof(r->profile)) ||
		    !field(&p, r->meaning, sizeof(r->meaning)) || !field(&p, r->plan, sizeof(r->plan)) ||
		    !field(&p, r->note, sizeof(r->note)) || !*r->plan) {
			fprintf(stderr, "%s: not a case: %s", path, line);
			exit(2);
		}
		n_rows++;
	}
	fclose(f);
}

static unsigned int unit_of(const char *id)
{
	unsigned int u = 0;

	while (u < UNITS && titles[u].unit[0] != id[0])
		u++;
	MUST(u < UNITS);
	return u;
}

/* One asking, by one way of access, of a card that has just been made. */
static void ask_once(const struct asked *a, const char *dir, enum access by, struct exam *x)
{
	char path[300];

	memset(x, 0, sizeof(*x));
	x->kit = a->kit;
	x->info = card_info(a->kit);
	x->by = by;
	if (x->info->ca)
		x->cvca = card_authority(a->kit);
	snprintf(path, sizeof(path), "%s/cards/%s", dir, x->info->name);
	MUST(sim_card_load(path, &x->p.card) == 0);
	a->ask(x, a->arg);
	sim_card_free(x->p.card);
}

/* All that there is to ask of a case: of each card, by each access. asked: whether there was anything. */
static bool ask(const char *id, const char *dir, char *why, size_t size, bool *asked)
{
	static struct exam x;

	*asked = false;
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
		for (const struct asked *a = units[u]; a->id; a++) {
			bool has_pace = card_info(a->kit)->pace;

			if (strcmp(a->id, id) != 0)
				continue;
			*asked = true;
			for (enum access by = BY_BAC; by <= BY_PACE; by++) {
				if (by == BY_PACE && (!a->twice || !has_pace))
					break;
				ask_once(a, dir, by, &x);
				if (x.failed) {
					snprintf(why, size, "%s card%s: %s", x.info->name,
						 a->twice ? by == BY_PACE ? ", PACE" : ", BAC" : "", x.why);
					return false;
				}
			}
		}
	}
	return true;
}

static enum result examine(const struct row *r, const char *dir)
{
	char why[300] = "";
	bool asked, right = ask(r->id, dir, why, sizeof(why), &asked);

	if (!strncmp(r->note, "not applicable: ", 16)) {
		MUST(!asked);
		if (!quiet)
			printf("not applicable ISO7816_%s: %s\n", r->id, r->note + 16);
		return NOT_APPLICABLE;
	}
	if (!asked) {
		printf("not ok ISO7816_%s: nothing asks it\n", r->id);
		return FAILED;
	}
	if (!strncmp(r->note, "deviates: ", 10)) {
		if (right) {
			printf("not ok ISO7816_%s: it is said to deviate, and does not\n", r->id);
			return FAILED;
		}
		if (!quiet)
			printf("deviates ISO7816_%s: %s (%s)\n", r->id, r->note + 10, why);
		return DEVIATES;
	}
	if (!right)
		printf("not ok ISO7816_%s: %s\n", r->id, why);
	else if (!quiet)
		printf("ok ISO7816_%s %s\n", r->id, r->meaning);
	return right ? PASSED : FAILED;
}

static void table(void)
{
	printf("| unit | | cases | passed | deviates | not applicable | failed |\n"
	       "|---|---|---:|---:|---:|---:|---:|\n");
	for (size_t u = 0; u <= UNITS; u++) {
		unsigned int all = 0;

		for (int r = 0; r < RESULTS; r++) {
			all += counts[u][r];
			if (u < UNITS)
				counts[UNITS][r] += counts[u][r];
		}
		printf("| %s | %s | %u | %u | %u | %u | %u |\n", u < UNITS ? titles[u].unit : "all",
		       u < UNITS ? titles[u].what : "", all, counts[u][PASSED], counts[u][DEVIATES],
		       counts[u][NOT_APPLICABLE], counts[u][FAILED]);
	}
}

/* What is asked stands in the table of cases. */
static void all_listed(void)
{
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
		for (const struct asked *a = units[u]; a->id; a++) {
			unsigned int i = 0;

			while (i < n_rows && strcmp(rows[i].id, a->id) != 0)
				i++;
			if (i == n_rows) {
				fprintf(stderr, "%s is asked and not in cases.tsv\n", a->id);
				exit(2);
			}
		}
	}
}

static bool wanted(const char *id, char **names, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], id) || (!strncmp(names[i], "ISO7816_", 8) && !strcmp(names[i] + 8, id)))
			return true;
	return n == 0;
}

#ifdef SIM_LAX
/* Whether the plan has the card refuse something in it. */
static bool is_negative(const struct row *r)
{
	return strncmp(r->note, "not applicable: ", 16) != 0 &&
	       (strstr(r->plan, "error") || strstr(r->plan, "6300") || strstr(r->plan, "698"));
}

/* CHECK[+CHECK] TAB CASE...: with the checks gone each of the cases fails. */
static int self_test(const char *path, const char *dir)
{
	static bool shown[MAX_CASES];
	unsigned int bad = 0, negative = 0, seen = 0;
	char line[1200], why[300];
	FILE *f = fopen(path, "re");

	MUST(f);
	while (fgets(line, sizeof(line), f)) {
		char *save = NULL, *check = strtok_r(line, "\t\n", &save);
		unsigned int n = 0, wrong = 0;

		if (!check || *check == '#')
			continue;
		sim_lax_set(check);
		for (char *id = strtok_r(NULL, " \n", &save); id; id = strtok_r(NULL, " \n", &save), n++) {
			bool asked;

			if (ask(id, dir, why, sizeof(why), &asked) || !asked) {
				printf("not ok without %s: ISO7816_%s does not fail\n", check, id);
				wrong++;
			}
			for (unsigned int i = 0; i < n_rows; i++)
				shown[i] |= !strcmp(rows[i].id, id);
		}
		if (!wrong && n)
			printf("ok without %s: %u cases fail\n", check, n);
		bad += wrong + !n;
	}
	fclose(f);
	printf("refusals that no line of it shows:");
	for (unsigned int i = 0; i < n_rows; i++) {
		negative += is_negative(&rows[i]);
		seen += is_negative(&rows[i]) && shown[i];
		if (is_negative(&rows[i]) && !shown[i])
			printf(" %s", rows[i].id);
	}
	printf("\n%u of %u cases with a refusal were seen to fail without their check\n", seen, negative);
	return bad != 0;
}
#endif

int main(int argc, char **argv)
{
	const char *lax = NULL;
	char dir[] = "/tmp/card-exam-XXXXXX", cmd[64];
	const char *cases = "tests/conformity/card/cases.tsv";
	int opt = 1, status = 0;

	for (; opt < argc && !strncmp(argv[opt], "--", 2); opt++) {
		if (!strcmp(argv[opt], "--table")) {
			quiet = true;
		} else if (!strncmp(argv[opt], "--cases=", 8)) {
			cases = argv[opt] + 8;
#ifdef SIM_LAX
		} else if (!strncmp(argv[opt], "--lax=", 6)) {
			sim_lax_set(argv[opt] + 6);
		} else if (!strncmp(argv[opt], "--self-test=", 12)) {
			lax = argv[opt] + 12;
#endif
		} else {
			fprintf(stderr, "usage: %s [--table] [--cases=FILE] [CASE...]\n", argv[0]);
			return 2;
		}
	}
	read_cases(cases);
	all_listed();
	MUST(mkdtemp(dir));
	cards_issue(dir);
#ifdef SIM_LAX
	if (lax)
		status = self_test(lax, dir);
#endif
	for (unsigned int i = 0; i < n_rows && !lax; i++)
		if (wanted(rows[i].id, argv + opt, argc - opt))
			counts[unit_of(rows[i].id)][examine(&rows[i], dir)]++;
	if (!lax)
		table();
	pairs_drop();
	cards_drop();
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	MUST(system(cmd) == 0);
	return status || counts[UNITS][FAILED] != 0;
}
