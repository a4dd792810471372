// SPDX-License-Identifier: BSD-2-Clause
/* Errors: their codes, their exit codes, and the sentence that says what to do. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

const char *cli_error_code(int err)
{
	switch ((enum cr_error)err) {
	case CR_OK:			return "ok";
	case CR_E_INTERNAL:		return "internal";
	case CR_E_NOMEM:		return "no-memory";
	case CR_E_INVALID:		return "invalid";
	case CR_E_NO_READER:		return "no-reader";
	case CR_E_READER_GONE:		return "reader-gone";
	case CR_E_READER_BUSY:		return "reader-busy";
	case CR_E_READER_DENIED:	return "reader-denied";
	case CR_E_READER_FAILED:	return "reader-failed";
	case CR_E_NO_CARD:		return "no-card";
	case CR_E_CARD_GONE:		return "card-gone";
	case CR_E_CARD_MUTE:		return "card-mute";
	case CR_E_CARD_PROTOCOL:	return "card-protocol";
	case CR_E_CARD_STATUS:		return "card-status";
	case CR_E_TIMEOUT:		return "timeout";
	case CR_E_CANCELED:		return "canceled";
	case CR_E_TOO_LONG:		return "too-long";
	case CR_E_UNSUPPORTED:		return "unsupported";
	case CR_E_ACCESS_REFUSED:	return "access-refused";
	case CR_E_SM:			return "secure-messaging";
	case CR_E_MALFORMED:		return "malformed";
	case CR_E_NOT_FOUND:		return "not-found";
	case CR_E_CRYPTO:		return "crypto";
	case CR_E_NO_DRIVER:		return "no-driver";
	case CR_E_IO:			return "io";
	case CR_E_PIN_SUSPENDED:	return "pin-suspended";
	case CR_E_PIN_BLOCKED:		return "pin-blocked";
	case CR_E_NO_SERVICE:		return "no-service";
	case CR_E_READER_UNFIT:		return "reader-unfit";
	case CR_E_VERSION:		return "driver-version";
	}
	return "internal";
}

int cli_error_exit(int err)
{
	switch (err) {
	case CR_OK:
		return CLI_OK;
	case CR_E_NO_READER:
	case CR_E_NO_DRIVER:
	case CR_E_NO_SERVICE:
		return CLI_NO_READER;
	case CR_E_NO_CARD:
	case CR_E_CARD_GONE:
	case CR_E_CARD_MUTE:		/* no card that answers */
	case CR_E_READER_GONE:
		return CLI_NO_CARD;
	case CR_E_ACCESS_REFUSED:
	case CR_E_PIN_SUSPENDED:
	case CR_E_PIN_BLOCKED:
		return CLI_REFUSED;
	case CR_E_CANCELED:
		return CLI_CANCELED;
	default:
		return CLI_ERROR;
	}
}

void cli_note(const char *format, ...)
{
	char *s = NULL, *clean;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&s, format, ap) < 0)
		s = NULL;
	va_end(ap);
	clean = s ? cli_clean(s) : NULL;
	fflush(stdout);
	if (clean)
		fprintf(stderr, "cardring: %s\n", clean);
	free(clean);
	free(s);
}

static json_t *error_object(int exit, const char *code, const char *message)
{
	return json_pack("{s:s, s:i, s:o}", "code", code, "exit", exit, "message", cli_json_string(message));
}

static int fail(const struct cli *c, int exit, const char *code, json_t *extra, const char *message)
{
	json_t *j;

	cli_progress_end();
	if (!c->json) {
		cli_note("%s", message);
		json_decref(extra);
		return exit;
	}
	j = json_pack("{s:o}", "error", error_object(exit, code, message));
	if (extra)
		json_object_update(j, extra);
	json_decref(extra);
	cli_json_print(j);
	return exit;
}

int cli_fail(const struct cli *c, int exit, const char *code, json_t *extra, const char *format, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&s, format, ap) < 0)
		s = NULL;
	va_end(ap);
	exit = fail(c, exit, code, extra, s ? s : cr_strerror(CR_E_NOMEM));
	free(s);
	return exit;
}

void cli_fault(struct cli_fault *f, const char *code, const char *format, ...)
{
	char *s = NULL, *both;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&s, format, ap) < 0)
		s = NULL;
	va_end(ap);
	if (!f->code) {
		f->code = code;
		f->text = s;
	} else if (s) {
		if (asprintf(&both, "%s %s", f->text ? f->text : "", s) >= 0) {
			free(f->text);
			f->text = both;
		}
		free(s);
	}
}

void cli_fault_err(struct cli_fault *f, int err)
{
	cli_fault(f, cli_error_code(err), "%s", _(cr_strerror(err)));
}

int cli_fault_end(const struct cli *c, struct cli_fault *f)
{
	int rc = f->code ? fail(c, CLI_ERROR, f->code, NULL, f->text ? f->text : cr_strerror(CR_E_NOMEM)) : 0;

	cli_fault_free(f);
	return rc;
}

void cli_fault_free(struct cli_fault *f)
{
	free(f->text);
	*f = (struct cli_fault) { 0 };
}

json_t *cli_fault_json(const struct cli_fault *f)
{
	return error_object(CLI_ERROR, f->code, f->text ? f->text : cr_strerror(CR_E_NOMEM));
}

/* Why no reader shows, or does not open, as far as this machine tells. */
static void held_by(char *out, size_t size, const struct cli_blame *b)
{
	char who[160], remedy[320];

	cli_blame_text(b, who, sizeof(who));
	cli_blame_remedy("", b, remedy, sizeof(remedy));
	snprintf(out, size, _("It is held by %s. %s"), who, remedy);
}

/* (Where it has others too, none has the name that was asked for: the error says that.) */
static void pcscd_has(char *out, size_t size)
{
	struct cr_reader_info *list;
	int n = cr_reader_list(&list), tokens = 0;

	if (n < 0)
		return;
	for (int i = 0; i < n; i++)
		tokens += list[i].token;
	free(list);
	if (!n)
		snprintf(out, size, _("pcscd has no reader."));
	else if (tokens == n)
		snprintf(out, size, _("pcscd has only a security token, which is left to its own programs: "
				      "--reader names it (see \"cardring list\")."));
}

static bool only_tokens(void)
{
	struct cli_interface all[CLI_MAX_INTERFACES];
	size_t n = cli_interfaces("", all, CLI_MAX_INTERFACES), tokens = 0;

	for (size_t i = 0; i < n; i++)
		tokens += all[i].token;
	return n && tokens == n;
}

static void no_reader(const struct cli *c, char *out, size_t size, int err)
{
	struct cli_blame blame;

	if (c->backend && !strcmp(c->backend, "pcsc")) {
		pcscd_has(out, size);
	} else if (c->backend && !strcmp(c->backend, "usb") && cli_module_loaded()) {
		snprintf(out, size, _("The module cardring drives the readers of this machine: "
				      "leave out --backend usb, or unload it."));
	} else if (only_tokens()) {
		snprintf(out, size, _("Only a security token is plugged in, which is left to its own programs: "
				      "--reader names it (see \"cardring list\")."));
	} else if (cli_blame_any(&blame)) {
		held_by(out, size, &blame);
	} else if (!cli_module_loaded()) {
		snprintf(out, size, _("The module cardring is not loaded: as root, "
				      "\"cardring driver load\"."));
	} else if (err == CR_E_NO_DRIVER) {
		snprintf(out, size, _("The module cardring is loaded but did not take the reader; "
				      "the kernel's log (dmesg) says why."));
	}
}

void cli_remedy(const struct cli *c, char *out, size_t size, int err, const struct cr_reader_info *r)
{
	struct cli_blame blame = { 0 };
	char node[128];

	out[0] = '\0';
	switch (err) {
	case CR_E_NO_READER:
	case CR_E_NO_DRIVER:
		no_reader(c, out, size, err);
		break;
	case CR_E_READER_DENIED:
		if (!r || !r->path[0])
			break;
		cli_reader_node(r, node, sizeof(node));
		cli_denied("", node, out, size);
		break;
	case CR_E_READER_BUSY:
		if (r)
			cli_blame_reader(r, &blame);
		if (blame.kind != CLI_BLAME_NOBODY)
			held_by(out, size, &blame);
		if (r && !strcmp(r->backend, "pcsc"))
			snprintf(out, size, _("It is a program that uses pcscd, which does not tell which one."));
		break;
	}
}

int cli_fail_err(const struct cli *c, int err, const struct cr_reader_info *reader, json_t *extra)
{
	char more[512], message[1024];

	cli_remedy(c, more, sizeof(more), err, reader);
	snprintf(message, sizeof(message), "%s%s%s", _(cr_strerror(err)), *more ? " " : "", more);
	return fail(c, cli_error_exit(err), cli_error_code(err), extra, message);
}

int cli_fail_no_reader(const struct cli *c, int n, json_t *extra)
{
	struct cr_reader_info first;

	/* the search for one says why there is none */
	if (n == 0)
		n = cr_reader_find(NULL, &first);
	return cli_fail_err(c, n < 0 ? n : CR_E_NO_READER, NULL, extra);
}
