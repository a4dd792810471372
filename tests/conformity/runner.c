/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the cases, several at a time, each in processes of its own: one that makes its card, one that inspects it, and
 * where it is to be refused one more that inspects it with the check taken away that it stands on.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cardring/error.h>
#include "conformity.h"

enum status { PASSED, FAILED, DEVIATES, NOT_APPLICABLE, STATUSES };

/* Of a line, through a pipe: fits into one write. */
struct result {
	unsigned int at;		/* of lines */
	enum status status;
	bool proved;			/* it was seen to fail without its check */
	char text[1000];
};

static struct {
	const char *tables, *dir, *keys;	/* where the tables are; where the cards are made; where keys are kept, NULL */
	const char *table;		/* where the sums go, as Markdown; NULL */
	long jobs;
	bool verbose, usb;
	char **only;			/* ids, or how they begin */
	int n_only;
} opt = { .tables = "tests/conformity", .dir = "build/conformity/run" };

static struct conf_plan plan;
static struct conf_case **lines;	/* of all cases, in the plan's order */

/* ---- one case, in its process ---- */

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* Until the module has a reader, or has none; ten seconds at most. */
static bool wait_for_reader(bool there)
{
	for (int i = 0; i < 200; i++) {
		glob_t found;
		int err = glob("/dev/cardring[0-9]*", 0, NULL, &found);

		if (!err)
			globfree(&found);
		if (!err == there)
			return true;
		usleep(50 * 1000);
	}
	return false;
}

static pid_t start_reader(const struct conf_case *kase, const char *dir)
{
	pid_t pid = fork();

	if (!pid)
		conf_serve(kase, dir);
	if (pid > 0 && !wait_for_reader(true))
		fprintf(stderr, "%s: the module has no reader\n", kase->at[CONF_ID]);
	return pid;
}

static void stop_reader(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGTERM);
	wait_for(pid);
	wait_for_reader(false);
}

static int run_inspection(const struct conf_case *kase, const char *dir, const char *off, struct conf_outcome *out)
{
	pid_t pid, reader = 0;

	fflush(NULL);
	if (opt.usb)
		reader = start_reader(kase, dir);
	pid = fork();
	if (!pid)
		conf_inspect(kase, dir, off, opt.usb);
	if (pid > 0)
		conf_outcome_read(dir, *off, wait_for(pid), out);
	stop_reader(reader);
	return pid < 0 ? -1 : 0;
}

/* Twice where a rule of the trace compares two; they must end alike. */
static int inspect(const struct conf_case *kase, const char *dir, struct conf_outcome *out)
{
	char trace[512], first[520];
	struct conf_outcome before;
	int err = run_inspection(kase, dir, "", out);

	if (err || !conf_trace_wants_second(kase->at[CONF_TRACE]))
		return err;
	before = *out;
	snprintf(trace, sizeof(trace), "%s/trace", dir);
	snprintf(first, sizeof(first), "%s" CONF_FIRST, trace);
	if (rename(trace, first))
		return -1;
	err = run_inspection(kase, dir, "", out);
	if (before.kind != out->kind)
		out->kind = CONF_BROKEN;
	return err;
}

static bool is_expected(const struct conf_case *kase, const struct conf_outcome *o)
{
	if (o->kind == CONF_BROKEN)
		return false;
	return kase->expected == CONF_EITHER || (kase->expected == CONF_SUCCESSFUL) == (o->kind == CONF_OK);
}

static void judge(const struct conf_case *kase, const char *dir, struct result *r)
{
	const char *rules = kase->at[CONF_RULES];
	struct conf_outcome o, without;
	char trace[512], why[300];
	bool met;

	r->status = FAILED;
	snprintf(trace, sizeof(trace), "%s/trace", dir);
	if (inspect(kase, dir, &o)) {
		snprintf(r->text, sizeof(r->text), "%s", strerror(errno));
		return;
	}
	met = is_expected(kase, &o);
	snprintf(r->text, sizeof(r->text), "%s%s%s%s", o.text, *o.objected ? " [" : "", o.objected, *o.objected ? "]" : "");
	if (met && !conf_trace_check(kase->at[CONF_TRACE], trace, why, sizeof(why))) {
		met = false;
		snprintf(r->text, sizeof(r->text), "trace: %s (%s)", why, o.text);
	}
	if (o.kind == CONF_BROKEN)
		return;
	if (kase->deviates) {
		r->status = met ? FAILED : DEVIATES;
		if (met)
			snprintf(r->text, sizeof(r->text), "it is as the plan expects, and does not deviate: take that out of its table");
		return;
	}
	if (!met)
		return;
	r->status = PASSED;
	if (kase->expected != CONF_FAILED || !*rules || opt.usb)
		return;
	r->proved = !run_inspection(kase, dir, rules, &without) && without.kind == CONF_OK;
	if (!r->proved) {
		r->status = FAILED;
		snprintf(r->text, sizeof(r->text), "without %s it is refused still: %s%s%s%s", rules, without.text,
			 *without.objected ? " [" : "", without.objected, *without.objected ? "]" : "");
	}
}

static void run_case(unsigned int at, int fd)
{
	const struct conf_case *kase = lines[at];
	struct result r = { .at = at, .status = FAILED, .text = "its card could not be made" };
	char dir[256];

	snprintf(dir, sizeof(dir), "%s/%s", opt.dir, kase->at[CONF_ID]);
	if (!conf_card_make(kase, dir))
		judge(kase, dir, &r);
	_exit(write(fd, &r, sizeof(r)) != sizeof(r));
}

/* ---- all of them ---- */

static bool wanted(const char *id)
{
	if (!opt.n_only)
		return true;
	for (int i = 0; i < opt.n_only; i++)
		if (!strncmp(id, opt.only[i], strlen(opt.only[i])))
			return true;
	return false;
}

static struct result *results;	/* by line */
static pid_t *running;

static void report(const struct result *r)
{
	static const char *const words[] = { "ok", "not ok", "deviates", "not applicable" };
	const struct conf_case *kase = lines[r->at];

	printf("%s %s", words[r->status], kase->at[CONF_ID]);
	if (r->status == FAILED || (opt.verbose && r->status == PASSED))
		printf(": %s", r->text);
	else if (r->status == DEVIATES)
		printf(": %s (%s)", kase->reason, r->text);
	else if (r->status == NOT_APPLICABLE)
		printf(": %s", kase->reason);
	putchar('\n');
	fflush(stdout);
}

static void take_results(int fd)
{
	struct result r;

	while (read(fd, &r, sizeof(r)) == sizeof(r)) {
		running[r.at] = 0;
		results[r.at] = r;
		report(&r);
	}
}

static void reap(int fd)
{
	int status;
	pid_t pid = wait(&status);

	take_results(fd);
	for (size_t i = 0; i < plan.n_rows; i++) {
		if (pid <= 0 || running[i] != pid)
			continue;
		running[i] = 0;		/* and it left no word */
		snprintf(results[i].text, sizeof(results[i].text), "its process ended with status %x", (unsigned int)status);
		report(&results[i]);
	}
}

static void run_all(void)
{
	long n = 0;
	int fd[2];

	if (pipe2(fd, O_NONBLOCK | O_CLOEXEC)) {
		perror("pipe");
		exit(2);
	}
	for (unsigned int i = 0; i < plan.n_rows; i++) {
		const struct conf_case *kase = lines[i];

		results[i] = (struct result){ .at = i, .status = FAILED };
		if (!wanted(kase->at[CONF_ID]))
			continue;
		if (kase->not_applicable) {
			results[i].status = NOT_APPLICABLE;
			report(&results[i]);
			continue;
		}
		if (n == opt.jobs) {
			reap(fd[0]);
			n--;
		}
		fflush(NULL);
		running[i] = fork();
		if (!running[i])
			run_case(i, fd[1]);
		if (running[i] < 0) {
			perror("fork");
			exit(2);
		}
		n++;
	}
	for (; n > 0; n--)
		reap(fd[0]);
	close(fd[0]);
	close(fd[1]);
}

/* ---- what came of it ---- */

struct sum {
	unsigned int cases, of[STATUSES], missing, negative, proved;
};

/* A case is as its worst line, and needs its checks if all of them do. */
static void add(struct sum *s, const struct conf_plan_case *c)
{
	static const int badness[] = { [FAILED] = 3, [DEVIATES] = 2, [PASSED] = 1, [NOT_APPLICABLE] = 0 };
	bool negative = false, proved = true;
	enum status worst = NOT_APPLICABLE;

	s->cases++;
	if (!c->row) {
		s->missing++;
		return;
	}
	for (const struct conf_case *k = c->row; k; k = k->next) {
		const struct result *r = &results[k->line];

		if (!wanted(k->at[CONF_ID]))
			continue;
		if (badness[r->status] > badness[worst])
			worst = r->status;
		if (r->status == PASSED && k->expected == CONF_FAILED) {
			negative = true;
			proved &= r->proved;
		}
	}
	s->of[worst]++;
	if (worst == PASSED && negative) {
		s->negative++;
		s->proved += proved;
	}
}

/* It, or a line of it. */
static bool wanted_case(const struct conf_plan_case *c)
{
	bool is = wanted(c->id);

	for (const struct conf_case *k = c->row; k && !is; k = k->next)
		is = wanted(k->at[CONF_ID]);
	return is;
}

static void print_sum(FILE *f, bool markdown, const char *name, const struct sum *s)
{
	fprintf(f, markdown ? "| %s | %u | %u | %u | %u | %u | %u | %u of %u |\n" :
			      "%-12s %5u %7u %9u %15u %7u %8u   %u of %u\n",
		name, s->cases, s->of[PASSED], s->of[DEVIATES], s->of[NOT_APPLICABLE], s->of[FAILED], s->missing, s->proved,
		s->negative);
}

static void print_sums(FILE *f, bool markdown)
{
	struct sum unit = { 0 }, defined = { 0 }, named = { 0 }, all = { 0 };
	unsigned int deleted = 0;

	fputs(markdown ? "| unit | cases | passed | deviates | not applicable | failed | missing | negative, seen to need their checks |\n"
			 "|---|---|---|---|---|---|---|---|\n" :
	      "\nunit         cases  passed  deviates  not applicable  failed  missing   negative, seen to need their checks\n", f);
	for (size_t i = 0; i < plan.n; i++) {
		const struct conf_plan_case *c = &plan.cases[i];

		if (!strcmp(c->source, "deleted")) {
			deleted++;
		} else if (wanted_case(c)) {
			add(&unit, c);
			add(!strcmp(c->source, "defined") ? &defined : &named, c);
			add(&all, c);
		}
		if (i + 1 < plan.n && !strcmp(c->unit, plan.cases[i + 1].unit))
			continue;
		if (unit.cases)
			print_sum(f, markdown, c->unit, &unit);
		memset(&unit, 0, sizeof(unit));
	}
	print_sum(f, markdown, "defined", &defined);
	print_sum(f, markdown, "named", &named);
	print_sum(f, markdown, "all", &all);
	fprintf(f, markdown ? "\nThe plan has deleted %u more.\n" : "the plan has deleted %u more\n", deleted);
}

static bool write_table(const char *path)
{
	FILE *f = fopen(path, "we");

	if (f)
		print_sums(f, true);
	if (f && !fclose(f))
		return true;
	perror(path);
	return false;
}

static void print_unproved(void)
{
	bool head = false;

	for (size_t i = 0; i < plan.n_rows; i++) {
		const struct conf_case *row = lines[i];

		if (!wanted(row->at[CONF_ID]) || !row->unproved || row->expected != CONF_FAILED)
			continue;
		if (!head)
			puts("\nNegative cases that could not be shown to need a check:");
		head = true;
		printf("%s: %s\n", row->at[CONF_ID], row->unproved);
	}
}

static void print_missing(void)
{
	size_t n = 0;

	for (size_t i = 0; i < plan.n; i++) {
		const struct conf_plan_case *c = &plan.cases[i];

		n += !c->row && strcmp(c->source, "deleted") && wanted(c->id);
		if (i + 1 < plan.n && !strcmp(c->unit, plan.cases[i + 1].unit))
			continue;
		if (n)
			printf("skip %s: %zu cases have no line in a table\n", c->unit, n);
		n = 0;
	}
}

/* ---- the program ---- */

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	return remove(path);
}

static void prepare(void)
{
	char path[600];

	if (strlen(opt.dir) > 150) {
		fprintf(stderr, "%s: too long a name\n", opt.dir);
		exit(2);
	}
	nftw(opt.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	snprintf(path, sizeof(path), "%s%s", opt.keys ? opt.keys : opt.dir, opt.keys ? "" : "/keys");
	conf_keys_in(path);
	if (sim_make_dir(opt.dir) || sim_make_dir(path)) {
		perror(path);
		exit(2);
	}
}

static void usage(int rc)
{
	fputs("usage: conformity [options] [CASE or UNIT]...\n"
	      "  -t DIR        the tables (tests/conformity)\n"
	      "  -d DIR        where cards are made, and what came of each is left (build/conformity/run)\n"
	      "  -k DIR        where keys are that were made before, and are kept (new ones in each run)\n"
	      "  -j N          cases at a time (processors)\n"
	      "  -v            say why a case passed, and which checks said no\n"
	      "  --usb         cards in a virtual USB reader, which the module drives (root, vhci_hcd); one at a time, each once\n"
	      "  --table FILE  the sums as Markdown too\n"
	      "  --generators, --rules    what a table can name\n", rc ? stderr : stdout);
	exit(rc);
}

static void options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "table", required_argument, NULL, 'T' }, { "usb", no_argument, NULL, 'U' }, { "generators", no_argument, NULL, 'G' }, { "rules", no_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' }, { 0 }
	};
	int o;

	opt.jobs = sysconf(_SC_NPROCESSORS_ONLN);
	while ((o = getopt_long(argc, argv, "t:d:k:j:vh", names, NULL)) != -1) {
		switch (o) {
		case 't':	opt.tables = optarg; break;
		case 'd':	opt.dir = optarg; break;
		case 'k':	opt.keys = optarg; break;
		case 'j':	opt.jobs = atol(optarg); break;
		case 'v':	opt.verbose = true; break;
		case 'U':	opt.usb = true; opt.jobs = 1; break;
		case 'T':	opt.table = optarg; break;
		case 'G':	conf_generators_print(); exit(0);
		case 'R':	conf_rules_print(); exit(0);
		case 'h':	usage(0); break;
		default:	usage(2);
		}
	}
	if (opt.jobs < 1)
		usage(2);
	opt.only = argv + optind;
	opt.n_only = argc - optind;
}

static void number_lines(void)
{
	unsigned int n = 0;

	lines = calloc(plan.n_rows + 1, sizeof(lines[0]));
	if (!lines)
		abort();
	for (size_t i = 0; i < plan.n; i++) {
		for (struct conf_case *k = plan.cases[i].row; k; k = k->next) {
			k->line = n;
			lines[n++] = k;
		}
	}
}

int main(int argc, char **argv)
{
	unsigned int failed = 0;

	options(argc, argv);
	conf_plan_load(opt.tables, &plan);
	if (plan.mistakes)
		printf("not ok tables: %u mistakes\n", plan.mistakes);
	prepare();
	number_lines();
	results = calloc(plan.n_rows + 1, sizeof(*results));
	running = calloc(plan.n_rows + 1, sizeof(*running));
	if (!results || !running)
		abort();
	run_all();
	print_missing();
	print_sums(stdout, false);
	print_unproved();
	if (opt.table && !write_table(opt.table))
		return 2;
	for (size_t i = 0; i < plan.n_rows; i++)
		failed += wanted(lines[i]->at[CONF_ID]) && results[i].status == FAILED;
	return failed || plan.mistakes;
}
