// SPDX-License-Identifier: BSD-2-Clause
/* "cardring stat": what each reader has done, from the module's counters, and how fast it does it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "cli.h"
#include "times.h"

#define SLICE_MS	200	/* a wait is cut into these, so that Ctrl-C ends it */
#define LEFT		6	/* columns before the first counter */
#define LEAST		6	/* of a counter: what brief() needs */

static const struct { const char *attr, *key, *label; } counters[] = {
	{ "commands", "commands", N_("commands") },
	{ "bytes_tx", "bytes_sent", N_("sent") },
	{ "bytes_rx", "bytes_received", N_("received") },
	{ "bytes_copied", "bytes_copied", N_("copied") },
	{ "zero_copy", "zero_copy", N_("zero-copy") },
	{ "timeouts", "timeouts", N_("timeouts") },
	{ "errors", "errors", N_("errors") },
	{ "resets", "resets", N_("resets") },
	{ "strays", "strays", N_("strays") },
};

#define N	(sizeof(counters) / sizeof(counters[0]))

static const struct { const char *attr, *label; } measured[] = {
	{ "turnaround_us", N_("turnaround") },
	{ "answer_us", N_("answers") },
};

#define M	(sizeof(measured) / sizeof(measured[0]))

struct stat_reader {
	const struct cr_reader_info *slot;	/* its first; in the look's list */
	unsigned int slots;
	uint64_t value[N];
	struct times times[M];
};

struct look {
	struct timespec at;
	struct cr_reader_info *list;
	struct stat_reader *r;
	size_t n;
};

/* "cardring0" */
static const char *node(const struct stat_reader *r)
{
	const char *slash = strrchr(r->slot->path, '/');

	return slash ? slash + 1 : r->slot->path;
}

static bool read_counters(struct stat_reader *r)
{
	char path[256];
	bool ok = true;
	FILE *f;

	for (size_t i = 0; i < M && ok; i++) {
		snprintf(path, sizeof(path), "/sys/class/cardring/%s/%s", node(r), measured[i].attr);
		ok = times_read(path, &r->times[i]);
	}

	for (size_t i = 0; i < N && ok; i++) {
		snprintf(path, sizeof(path), "/sys/class/cardring/%s/%s", node(r), counters[i].attr);
		f = fopen(path, "re");
		ok = f && fscanf(f, "%" SCNu64, &r->value[i]) == 1;
		if (f)
			fclose(f);
	}
	return ok;
}

static void look_free(struct look *l)
{
	free(l->list);
	free(l->r);
	*l = (struct look){ 0 };
}

/* The count of slots, or a negative enum cr_error. A reader that goes meanwhile is left out. */
static int look(struct look *l)
{
	struct stat_reader *r;
	int n;

	*l = (struct look){ 0 };
	n = cr_reader_list(&l->list);
	clock_gettime(CLOCK_MONOTONIC, &l->at);
	if (n <= 0)
		return n;
	l->r = calloc((size_t)n, sizeof(*l->r));
	if (!l->r)
		return CR_E_NOMEM;
	for (int i = 0; i < n; i++) {
		r = l->n ? &l->r[l->n - 1] : NULL;
		if (r && !strcmp(r->slot->path, l->list[i].path)) {
			r->slots++;
			continue;
		}
		r = &l->r[l->n];
		r->slot = &l->list[i];
		r->slots = 1;
		l->n += read_counters(r);
	}
	return n;
}

static double seconds(const struct look *now, const struct look *old)
{
	return (double)(now->at.tv_sec - old->at.tv_sec) + (double)(now->at.tv_nsec - old->at.tv_nsec) / 1e9;
}

/* The same reader a look earlier; NULL: there was none, or it is another one under its number. */
static const struct stat_reader *before(const struct look *old, const struct stat_reader *r)
{
	const struct stat_reader *was;

	for (size_t i = 0; i < old->n; i++) {
		was = &old->r[i];
		if (strcmp(was->slot->path, r->slot->path) || was->slot->dev.busnum != r->slot->dev.busnum ||
		    was->slot->dev.devnum != r->slot->dev.devnum)
			continue;
		for (size_t k = 0; k < N; k++)
			if (r->value[k] < was->value[k])
				return NULL;
		return was;
	}
	return NULL;
}

/* The times since the look before, where there was one; else all. */
static const struct times *recent(const struct stat_reader *r, const struct stat_reader *was, size_t i,
				  struct times *buf)
{
	return was && times_since(&r->times[i], &was->times[i], buf) ? buf : &r->times[i];
}

/* ---- as objects ---- */

static json_t *quantile_json(const struct times *t, double p)
{
	double us = times_quantile(t, p);

	return us < 0 ? json_null() : json_real(us);
}

static json_t *times_json(const struct stat_reader *r, const struct stat_reader *was)
{
	json_t *j = json_object();
	struct times buf;

	for (size_t i = 0; i < M; i++) {
		const struct times *t = recent(r, was, i, &buf);

		json_object_set_new(j, measured[i].attr, json_pack("{s:o, s:o}", "p50", quantile_json(t, 0.5),
								   "p99", quantile_json(t, 0.99)));
	}
	return j;
}

static json_t *reader_json(const struct stat_reader *r, const struct stat_reader *was, double s)
{
	json_t *j = json_object(), *slots = json_array(), *rates = was ? json_object() : json_null();

	json_object_set_new(j, "name", cli_json_string(r->slot->dev.name));
	json_object_set_new(j, "serial", cli_json_string(r->slot->dev.serial));
	json_object_set_new(j, "path", cli_json_string(r->slot->path));
	for (unsigned int i = 0; i < r->slots; i++)
		json_array_append_new(slots, json_pack("{s:i, s:s}", "slot", (int)r->slot[i].slot,
						       "state", cli_slot_state(&r->slot[i])));
	json_object_set_new(j, "slots", slots);
	for (size_t i = 0; i < N; i++) {
		json_object_set_new(j, counters[i].key, json_integer((json_int_t)r->value[i]));
		if (was)
			json_object_set_new(rates, counters[i].key,
					    json_real((double)(r->value[i] - was->value[i]) / s));
	}
	json_object_set_new(j, "per_second", rates);
	json_object_set_new(j, "times", times_json(r, NULL));
	json_object_set_new(j, "recent_times", was ? times_json(r, was) : json_null());
	return j;
}

/* A line each, as monitor's are: what reads them need not find an object's end. */
static int print_json(const struct look *now, const struct look *old)
{
	json_t *j = json_object(), *list = json_array();
	double s = seconds(now, old);
	time_t t = time(NULL);
	char text[40], *line;
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &tm);
	json_object_set_new(j, "time", json_string(text));
	json_object_set_new(j, "seconds", old->at.tv_sec || old->at.tv_nsec ? json_real(s) : json_null());
	for (size_t i = 0; i < now->n; i++)
		json_array_append_new(list, reader_json(&now->r[i], before(old, &now->r[i]), s));
	json_object_set_new(j, "readers", list);
	line = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(j);
	if (!line)
		return CR_E_NOMEM;
	puts(line);
	free(line);
	return 0;
}

/* ---- as a table ---- */

/* At most LEAST characters. */
static void brief(char *out, size_t size, double v)
{
	static const char units[] = "kMGTPE";
	size_t u = 0;

	if (v < 10 && v != (double)(int)v) {
		snprintf(out, size, "%.1f", v);
	} else if (v < 999999.5) {
		snprintf(out, size, "%.0f", v);
	} else {
		for (v /= 1000; v >= 999.5 && units[u + 1]; u++)
			v /= 1000;
		snprintf(out, size, "%.*f%c", v < 99.95, v, units[u]);
	}
}

static void cell(size_t i, const char *text)
{
	size_t width = cli_width(_(counters[i].label)), w = cli_width(text);

	width = width < LEAST ? LEAST : width;
	printf("%*s%s", (int)(1 + (w < width ? width - w : 0)), "", text);
}

static void row(const char *left, const uint64_t *value, const uint64_t *was, double s)
{
	size_t w = cli_width(left);
	char text[32];

	printf("%s%*s", left, w < LEFT ? (int)(LEFT - w) : 0, "");
	for (size_t i = 0; i < N; i++) {
		brief(text, sizeof(text), was ? (double)(value[i] - was[i]) / s : (double)value[i]);
		cell(i, text);
	}
	printf("\n");
}

static void duration(char *out, size_t size, double us)
{
	if (us < 9999.5)
		snprintf(out, size, "%.0f us", us);
	else
		snprintf(out, size, "%.0f ms", us / 1000);
}

static bool has_times(const struct stat_reader *r)
{
	for (size_t i = 0; i < M; i++)
		if (times_quantile(&r->times[i], 0.5) >= 0)
			return true;
	return false;
}

/* What the host takes from an answer to the next command, and reader and card from a command to its answer. */
static void times_row(const struct stat_reader *r, const struct stat_reader *was)
{
	const char *between = "";
	char p50[32], p99[32];
	struct times buf;

	printf("%*s", LEFT + 1, "");
	for (size_t i = 0; i < M; i++) {
		const struct times *t = recent(r, was, i, &buf);
		double us = times_quantile(t, 0.5);

		printf("%s%s: ", between, _(measured[i].label));
		between = "; ";
		if (us < 0) {
			printf("%s", _("none"));
			continue;
		}
		duration(p50, sizeof(p50), us);
		duration(p99, sizeof(p99), times_quantile(t, 0.99));
		printf("p50 %s, p99 %s", p50, p99);
	}
	printf("\n");
}

/* "cardring0  Name: powered", for the caller to free */
static char *head(const struct stat_reader *r)
{
	char *name = cli_clean(r->slot->dev.name), *out = NULL, card[96];
	unsigned int cards = 0;

	for (unsigned int i = 0; i < r->slots; i++)
		cards += r->slot[i].state == CARDRING_SLOT_PRESENT || r->slot[i].state == CARDRING_SLOT_POWERED;
	if (r->slots == 1)
		snprintf(card, sizeof(card), "%s", cli_slot_state_text(r->slot));
	else
		snprintf(card, sizeof(card), _("cards in %u of %u slots"), cards, r->slots);
	if (name && asprintf(&out, "%s  %s: %s", node(r), name, card) < 0)
		out = NULL;
	free(name);
	return out;
}

/* rows, columns: of the terminal, which it must not outgrow; 0: there is none */
static int print_table(const struct look *now, const struct look *old, size_t rows, size_t columns)
{
	double s = seconds(now, old);
	const struct stat_reader *was;
	size_t used = 1, need, left;
	char *text;

	printf("%*s", LEFT, "");
	for (size_t i = 0; i < N; i++)
		cell(i, _(counters[i].label));
	printf("\n");
	if (!now->n)
		printf("%s\n", _(cr_strerror(CR_E_NO_READER)));
	for (size_t i = 0; i < now->n; i++) {
		was = before(old, &now->r[i]);
		text = head(&now->r[i]);
		if (!text)
			return CR_E_NOMEM;
		left = now->n - i;
		need = 2 + !!was + has_times(&now->r[i]) + (columns ? cli_width(text) / columns : 0);
		/* two lines stay free: for how many more there are, and the cursor's */
		if (rows && i && used + need + 2 > rows) {
			free(text);
			printf(ngettext("and %zu more reader\n", "and %zu more readers\n", left), left);
			break;
		}
		used += need;
		printf("%s\n", text);
		free(text);
		row("", now->r[i].value, NULL, s);
		if (was)
			row(_("/s"), now->r[i].value, was->value, s);
		if (has_times(&now->r[i]))
			times_row(&now->r[i], was);
	}
	return 0;
}

static int print(const struct cli *c, const struct look *now, const struct look *old, bool live)
{
	const char *term = getenv("TERM");
	struct winsize ws = { 0 };
	int err;

	if (c->json) {
		err = print_json(now, old);
	} else {
		live = live && cli_columns() && term && strcmp(term, "dumb");
		if (live) {
			ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws);
			printf("\033[H\033[2J");
		}
		err = print_table(now, old, ws.ws_row, ws.ws_row ? cli_columns() : 0);
	}
	fflush(stdout);
	return err;
}

/* Until so many seconds after the look, or until Ctrl-C. */
static void wait_after(const struct look *l, long interval)
{
	struct timespec slice = { .tv_nsec = SLICE_MS * 1000000L };
	struct look now;
	double left;

	while (!cli_canceled) {
		clock_gettime(CLOCK_MONOTONIC, &now.at);
		left = (double)interval - seconds(&now, l);
		if (left <= 0)
			break;
		if (left < SLICE_MS / 1e3)
			slice.tv_nsec = (long)(left * 1e9);
		nanosleep(&slice, NULL);
	}
}

int cmd_stat(struct cli *c)
{
	/* without a word on it, a program that reads the output wants one */
	long count = c->count ? c->count : !cli_columns() && !c->interval ? 1 : 0;
	struct look old = { 0 }, now;
	int n, err = 0;

	if (c->n_args)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("\"cardring %s\" takes options only."), c->cmd->name);
	cr_backend_use(cr_backend_kernel.name);		/* it is the module that counts */
	cli_catch_signals();
	for (long i = 0; !cli_canceled && !ferror(stdout); i++) {
		n = look(&now);
		/* none to begin with is an error; none later: they were all unplugged */
		if (n <= 0 && !i) {
			look_free(&now);
			return cli_fail_no_reader(c, n, NULL);
		}
		err = n < 0 && n != CR_E_NO_READER && n != CR_E_NO_DRIVER ? n : print(c, &now, &old, count != 1);
		look_free(&old);
		old = now;
		if (err || i + 1 == count)
			break;
		wait_after(&now, c->interval ? c->interval : 1);
	}
	look_free(&old);
	return err ? cli_fail_err(c, err, NULL, NULL) : CLI_OK;
}
