/* SPDX-License-Identifier: BSD-2-Clause */
/* The inspection of a case: the command's own main(), as it is called for "cardring verify", and what it said. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <jansson.h>
#include "conformity.h"

#define SECONDS	60	/* the longest case: far below */

/* userspace/cli/main.c, under another name here. */
int cardring_main(int argc, char **argv);

/* Exit codes, cardring(1). */
enum { GENUINE = 0, ERROR = 1, NO_CARD = 4, REFUSED = 5, UNPROVEN = 10, CLONED = 13 };

static void redirect(int to, const char *path, int flags)
{
	int fd = open(path, flags | O_CREAT, 0600);

	if (fd < 0 || dup2(fd, to) < 0)
		_exit(126);
	close(fd);
}

static void outputs(const char *dir, const char *name, const char *suffix)
{
	char path[512];

	redirect(STDIN_FILENO, "/dev/null", O_RDONLY);
	snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffix);
	redirect(STDOUT_FILENO, path, O_WRONLY | O_TRUNC);
	snprintf(path, sizeof(path), "%s/%s%s.err", dir, name, suffix);
	redirect(STDERR_FILENO, path, O_WRONLY | O_TRUNC);
}

/* The arguments of a case, one a line, behind those that are there. */
static int read_args(const char *dir, char **argv, int argc, int max)
{
	char path[512], line[600];
	FILE *f;

	snprintf(path, sizeof(path), "%s/args", dir);
	f = fopen(path, "re");
	if (!f)
		_exit(126);
	while (argc < max && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		argv[argc++] = strdup(line);
	}
	fclose(f);
	return argc;
}

void conf_inspect(const struct conf_case *kase, const char *dir, const char *off, bool usb)
{
	const char *suffix = *off ? ".off" : "";
	char path[512], card[512] = "kernel";
	char *argv[32] = { "cardring", "verify", "--json", "--lang", "en", usb ? "--backend" : "--reader", card };

	alarm(SECONDS);
	if (!usb) {
		snprintf(path, sizeof(path), "%s/trace%s", dir, suffix);
		conf_card_tap(kase, path);
		snprintf(card, sizeof(card), "sim:%s/cards/card", dir);
	}
	snprintf(path, sizeof(path), "%s/objected%s", dir, suffix);
	conf_rules_off(off, path);
	outputs(dir, "out", suffix);
	_exit(cardring_main(read_args(dir, argv, 7, 31), argv));
}

void conf_serve(const struct conf_case *kase, const char *dir)
{
	char path[512], card[512];
	char *argv[] = { "cardring", "sim", "serve", card, "--usbip", NULL };

	snprintf(path, sizeof(path), "%s/trace", dir);
	conf_card_tap(kase, path);
	snprintf(card, sizeof(card), "%s/cards/card", dir);
	outputs(dir, "serve", "");
	_exit(cardring_main(5, argv));
}

static bool is_among(const char *code, const char *const *all)
{
	for (; *all; all++)
		if (!strcmp(code, *all))
			return true;
	return false;
}

static void read_objected(const char *dir, const char *suffix, struct conf_outcome *out)
{
	char path[512], line[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/objected%s", dir, suffix);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		size_t n = strlen(out->objected);

		line[strcspn(line, "\n")] = '\0';
		if (!strstr(out->objected, line))
			snprintf(out->objected + n, sizeof(out->objected) - n, "%s%s", n ? " " : "", line);
	}
	if (f)
		fclose(f);
}

static void describe(const json_t *j, struct conf_outcome *out)
{
	const json_t *reason;
	size_t i, n;

	snprintf(out->text, sizeof(out->text), "%s", json_string_value(json_object_get(j, "verdict")));
	json_array_foreach(json_object_get(j, "reasons"), i, reason) {
		n = strlen(out->text);
		snprintf(out->text + n, sizeof(out->text) - n, "%s%s", i ? ", " : ": ",
			 json_string_value(json_object_get(reason, "code")));
	}
}

/* Mistakes of the suite, or of nobody: no result of an inspection. */
static bool is_broken(int exit, const char *code)
{
	static const char *const card[] = {	/* what an inspection may end with, whatever the card did */
		"card-protocol", "card-status", "card-mute", "secure-messaging", "malformed", "crypto", "unsupported", "too-long",
		"access-refused", NULL
	};

	if (exit == REFUSED || (exit >= UNPROVEN && exit <= CLONED))
		return false;
	return (exit != ERROR && exit != NO_CARD) || !is_among(code, card);
}

void conf_outcome_read(const char *dir, bool off, int status, struct conf_outcome *out)
{
	const char *suffix = off ? ".off" : "", *code = "";
	char path[512];
	json_t *j, *e;

	memset(out, 0, sizeof(*out));
	out->kind = CONF_BROKEN;
	read_objected(dir, suffix, out);
	if (WIFSIGNALED(status)) {
		snprintf(out->text, sizeof(out->text), WTERMSIG(status) == SIGALRM ? "did not end in %d s" : "died of signal %d",
			 WTERMSIG(status) == SIGALRM ? SECONDS : WTERMSIG(status));
		return;
	}
	snprintf(path, sizeof(path), "%s/out%s", dir, suffix);
	j = json_load_file(path, JSON_DISABLE_EOF_CHECK, NULL);
	e = json_object_get(j, "error");
	if (e) {
		code = json_string_value(json_object_get(e, "code"));
		snprintf(out->text, sizeof(out->text), "%s: %s", code, json_string_value(json_object_get(e, "message")));
	} else if (j) {
		describe(j, out);
	} else {
		snprintf(out->text, sizeof(out->text), "exit %d, and no JSON", WEXITSTATUS(status));
	}
	if (j && WEXITSTATUS(status) == GENUINE)
		out->kind = CONF_OK;
	else if (j && !is_broken(WEXITSTATUS(status), code))
		out->kind = CONF_NOT_OK;
	json_decref(j);
}
