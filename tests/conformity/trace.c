/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that a card was sent, and what a case demands of them. README.md: how they are written. */
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "conformity.h"

#define ANEW	"anew "

static int fd = -1;

void conf_trace_open(const char *path)
{
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
}

static const char *command_name(const struct sim_apdu *a)
{
	switch (a->ins) {
	case 0xa4:	return a->p1 == 0x04 ? "SELECT-DF" : a->p1 == 0x00 ? "SELECT-MF" : "SELECT-EF";
	case 0xb0:
	case 0xb1:	return "READ";
	case 0x84:	return "GET-CHALLENGE";
	case 0x82:	return "EXTERNAL-AUTHENTICATE";
	case 0x88:	return "INTERNAL-AUTHENTICATE";
	case 0x86:	return "GENERAL-AUTHENTICATE";
	case 0x2a:	return "VERIFY-CERTIFICATE";
	case 0x22:
		switch (a->p1 << 8 | a->p2) {
		case 0xc1a4:	return "MSE-PACE";
		case 0x41a4:	return "MSE-CA";
		case 0x41a6:	return "MSE-KAT";
		case 0x81b6:	return "MSE-DST";
		case 0x81a4:	return "MSE-TA";
		}
		return "MSE";
	}
	return "UNKNOWN";
}

static void file_name(uint16_t fid, bool app, char out[16])
{
	switch (fid) {
	case 0x011e:	strcpy(out, "COM"); return;
	case 0x011d:	strcpy(out, app ? "SOD" : "CardSecurity"); return;
	case 0x011c:	strcpy(out, app ? "CVCA" : "CardAccess"); return;
	case 0x2f00:	strcpy(out, "DIR"); return;
	case 0x2f01:	strcpy(out, "INFO"); return;
	}
	if (fid >= 0x0101 && fid <= 0x0110)
		sprintf(out, "DG%u", fid & 0xffU);
	else
		sprintf(out, "%04X", fid);
}

/* Which file it is about, whether the chip has it or not. */
static void about_file(const struct sim_card *card, const struct sim_apdu *a, FILE *f)
{
	char name[16];

	if (a->ins == 0xa4 && a->p1 == 0x02 && a->lc == 2)
		file_name((uint16_t)(a->data[0] << 8 | a->data[1]), card->app, name);
	else if (a->ins == 0xb0 && a->p1 & 0x80)
		file_name(0x0100 | (a->p1 & 0x1f), card->app, name);
	else if ((a->ins == 0xb0 || a->ins == 0xb1) && card->ef)
		file_name(card->ef->fid, card->app, name);
	else
		return;
	fprintf(f, " %s", name);
}

void conf_trace_command(const struct sim_card *card, const struct sim_apdu *a, bool protected, const struct sim_buf *data,
			uint16_t sw)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	if (fd < 0)
		return;
	f = open_memstream(&text, &len);
	if (!f)
		abort();
	fprintf(f, "%s %s", protected ? "sm" : "plain", command_name(a));
	about_file(card, a, f);
	fprintf(f, " %02X%02X%02X%02X", a->cla, a->ins, a->p1, a->p2);
	if (a->lc)
		fprintf(f, " data=");
	for (size_t i = 0; i < a->lc; i++)
		fprintf(f, "%02X", a->data[i]);
	if (a->le)
		fprintf(f, " le=%zu", a->le);
	fprintf(f, " sw=%04X got=%zu\n", sw, data->len);
	fclose(f);
	if (write(fd, text, len) != (ssize_t)len)
		abort();
	free(text);
}

void conf_trace_refused(bool protected, const uint8_t *rsp, size_t len)
{
	if (fd >= 0 && len >= 2)
		dprintf(fd, "%s REFUSED sw=%02X%02X\n", protected ? "sm" : "plain", rsp[len - 2], rsp[len - 1]);
}

struct trace {
	char *lines[8192];
	size_t n;
};

static bool compile(const char *text, size_t len, regex_t *re, char *why, size_t size)
{
	char pattern[256];

	snprintf(pattern, sizeof(pattern), "%.*s", (int)len, text);
	if (!regcomp(re, pattern, REG_EXTENDED | REG_NOSUB))
		return true;
	snprintf(why, size, "not a pattern: %s", pattern);
	return false;
}

/* Lines that match; *first, *last: which (n: none). */
static long count(const struct trace *t, const char *text, size_t len, size_t *first, size_t *last, char *why, size_t size)
{
	long found = 0;
	regex_t re;

	if (!compile(text, len, &re, why, size))
		return -1;
	*first = *last = t->n;
	for (size_t i = 0; i < t->n; i++) {
		if (regexec(&re, t->lines[i], 0, NULL, 0))
			continue;
		if (!found++)
			*first = i;
		*last = i;
	}
	regfree(&re);
	return found;
}

/* One rule, len bytes of text. */
static bool holds(const struct trace *t, const char *s, size_t len, char *why, size_t size)
{
	size_t first, last, first2, last2;
	const char *before = memmem(s, len, " << ", 4);
	unsigned int wanted;
	int skip = 0;
	long n;

	if (before) {		/* all of the left before any of the right, and both are there */
		n = count(t, s, (size_t)(before - s), &first, &last, why, size);
		if (n < 0 || count(t, before + 4, len - (size_t)(before + 4 - s), &first2, &last2, why, size) < 0)
			return false;
		snprintf(why, size, "%.*s: not in this order", (int)len, s);
		return n && first2 < t->n && last < first2;
	}
	if (*s == '!') {
		n = count(t, s + 1, len - 1, &first, &last, why, size);
		if (n > 0)
			snprintf(why, size, "%.*s: there it is: %.100s", (int)len, s, t->lines[first]);
		return n == 0;
	}
	if (sscanf(s, "%u x %n", &wanted, &skip) == 1 && skip) {
		n = count(t, s + skip, len - (size_t)skip, &first, &last, why, size);
		if (n >= 0 && n != (long)wanted)
			snprintf(why, size, "%.*s: %ld times", (int)len, s, n);
		return n == (long)wanted;
	}
	n = count(t, s, len, &first, &last, why, size);
	if (!n)
		snprintf(why, size, "%.*s: not there", (int)len, s);
	return n > 0;
}

static bool load(const char *path, struct trace *t)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	t->n = 0;
	if (!f)
		return false;
	while (t->n < sizeof(t->lines) / sizeof(t->lines[0]) && getline(&line, &room, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		t->lines[t->n++] = strdup(line);
	}
	free(line);
	fclose(f);
	return true;
}

static void forget(struct trace *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->lines[i]);
	t->n = 0;
}

/* What matches is in each of the two inspections, and nothing of it in both. */
static bool is_anew(const struct trace *t, const char *s, size_t len, const char *path, char *why, size_t size)
{
	static struct trace before;
	char name[600];
	regex_t re;
	size_t found = 0, same = 0;

	if (!compile(s, len, &re, why, size))
		return false;
	snprintf(name, sizeof(name), "%s" CONF_FIRST, path);
	load(name, &before);
	for (size_t i = 0; i < t->n; i++) {
		if (regexec(&re, t->lines[i], 0, NULL, 0))
			continue;
		found++;
		for (size_t k = 0; k < before.n; k++)
			same += !strcmp(t->lines[i], before.lines[k]);
	}
	snprintf(why, size, "%.*s: %zu in the second inspection, %zu of them as in the first, which had %zu lines", (int)len, s,
		 found, same, before.n);
	found = before.n ? found : 0;
	forget(&before);
	regfree(&re);
	return found && !same;
}

bool conf_trace_wants_second(const char *rules)
{
	return strstr(rules, ANEW);
}

bool conf_trace_check(const char *rules, const char *path, char *why, size_t size)
{
	static const char refused[] = "!REFUSED";	/* chapter 2.3: each command is one */
	bool allowed = false, ok = true;
	static struct trace t;
	const char *s, *end;

	if (!load(path, &t)) {
		snprintf(why, size, "no trace");
		return false;
	}
	for (s = rules; *s && ok; s = end + (*end ? 3 : 0)) {
		end = strstr(s, " ; ");
		if (!end)
			end = s + strlen(s);
		allowed |= !strncmp(s, "REFUSED", 7);
		if (!strncmp(s, ANEW, strlen(ANEW)))
			ok = is_anew(&t, s + strlen(ANEW), (size_t)(end - s) - strlen(ANEW), path, why, size);
		else
			ok = holds(&t, s, (size_t)(end - s), why, size);
	}
	if (ok && !allowed)
		ok = holds(&t, refused, strlen(refused), why, size);
	forget(&t);
	return ok;
}
