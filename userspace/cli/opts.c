// SPDX-License-Identifier: BSD-2-Clause
/*
 * Options: one table for the parser and the help. A secret is overwritten in argv once it is copied,
 * so that other users do not see it in the list of processes for longer than need be.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "cli.h"

enum kind { FLAG, STRING, SECRET, NUMBER, LIST };

struct option {
	const char *name, *value;
	enum kind kind;
	size_t at;
	unsigned int where;
	long min, max;
	const char *text;	/* msgid */
};

#define AT(field) offsetof(struct cli, field)

static const struct option options[] = {
	{ "reader", "READER", STRING, AT(reader), CLI_FOR_READER, 0, 0,
	  N_("the reader: its number in \"cardring list\", a part of its name, its path, or sim:CARD") },
	{ "backend", "NAME", STRING, AT(backend), CLI_FOR_READER | CLI_FOR_LIST, 0, 0,
	  N_("readers of this one alone: kernel (the module), usb (libusb), pcsc (pcscd) or sim (else CARDRING_BACKEND, else the first three)") },
	{ "wait", "SECONDS", NUMBER, AT(wait), CLI_FOR_CARD, 0, 86400,
	  N_("how long to wait for a card (0)") },
	{ "can", "CAN", SECRET, AT(can), CLI_FOR_SECRET, 0, 0,
	  N_("the six digits printed on the card; - reads them from standard input") },
	{ "id-number", "NUMBER", SECRET, AT(id_number), CLI_FOR_SECRET, 0, 0,
	  N_("the 12-digit identity number of a Vietnamese card, whose last six digits are its CAN") },
	{ "mrz", "MRZ", SECRET, AT(mrz), CLI_FOR_SECRET, 0, 0,
	  N_("the machine readable zone, all lines of it; - reads it from standard input") },
	{ "pin", "PIN", SECRET, AT(pin), CLI_FOR_SECRET, 0, 0,
	  N_("the holder's own PIN, for cards that open with it; --can beside it is used if the card asks for that first") },
	{ "puk", "PUK", SECRET, AT(puk), CLI_FOR_SECRET, 0, 0,
	  N_("the ten-digit PUK of such a card") },
	{ "doc", "NUMBER", SECRET, AT(doc), CLI_FOR_SECRET, 0, 0,
	  N_("instead of the MRZ: the document number,") },
	{ "dob", "DATE", SECRET, AT(dob), CLI_FOR_SECRET, 0, 0,
	  N_("the date of birth (YYYY-MM-DD or YYMMDD),") },
	{ "exp", "DATE", SECRET, AT(exp), CLI_FOR_SECRET, 0, 0, N_("and the date of expiry") },
	{ "trust", "DIR", LIST, AT(trust), CLI_FOR_VERIFY | CLI_FOR_TRUST, 0, 0,
	  N_("a folder of trusted issuers' certificates (verify: instead of the usual ones; may be repeated)") },
	{ "root", "FILE", LIST, AT(root), CLI_FOR_TRUST, 0, 0,
	  N_("the authority of who signed the master lists, from a place that you trust; may be repeated") },
	{ "terminal", "FILE", STRING, AT(terminal), CLI_FOR_VERIFY, 0, 0,
	  N_("the card verifiable certificates of this terminal, for fingerprints and irises that a state lets it read,") },
	{ "terminal-key", "KEY", STRING, AT(terminal_key), CLI_FOR_VERIFY, 0, 0,
	  N_("and its private key: a file, or a pkcs11: URI") },
	{ "procedure", "advanced|standard", STRING, AT(procedure), CLI_FOR_VERIFY, 0, 0,
	  N_("the inspection procedure: standard leaves out what chip and terminal prove by their keys (advanced, where the chip has some)") },
	{ "need", "WHAT", STRING, AT(need), CLI_FOR_SECRET, 0, 0,
	  N_("read no more than that: identity, portrait, all, or numbers of data groups, as in identity,2") },
	{ "out", "DIR", STRING, AT(out), CLI_FOR_SECRET, 0, 0,
	  N_("write the data groups and the pictures into this folder") },
	{ "portrait", "FILE", STRING, AT(portrait), CLI_FOR_SECRET, 0, 0,
	  N_("write the portrait into this file, as PNG") },
	{ "picture", "auto|kitty|sixel", STRING, AT(picture), CLI_FOR_SECRET, 0, 0,
	  N_("show the portrait in the terminal, by kitty's protocol or in sixels") },
	{ "log", "FILE", STRING, AT(log), CLI_FOR_VERIFY, 0, 0,
	  N_("write all checks and their results as a log of BSI TR-03135 (XML), which holds nothing about the person") },
	{ "from", "DIR", STRING, AT(from), CLI_FOR_VERIFY, 0, 0,
	  N_("verify what --out wrote into this folder, without the card") },
	{ "trace", NULL, FLAG, AT(trace), CLI_FOR_CARD, 0, 0,
	  N_("show each command's header and status word, never content") },
	{ "ref", "HEX", STRING, AT(ref), CLI_FOR_PIN, 0, 0,
	  N_("which PIN: P2 of the card's VERIFY command, such as 81") },
	{ "aid", "HEX", STRING, AT(aid), CLI_FOR_PIN, 0, 0,
	  N_("the application that has it, which is selected before") },
	{ "format", "NAME", STRING, AT(format), CLI_FOR_PIN, 0, 0,
	  N_("how the card wants it: ascii (padded), plain (ASCII, nothing else), bcd or iso9564-2 (ascii)") },
	{ "digits", "MIN-MAX", STRING, AT(digits), CLI_FOR_PIN, 0, 0,
	  N_("how many digits it may have (4-8)") },
	{ "block", "BYTES", NUMBER, AT(block), CLI_FOR_PIN, 1, 15,
	  N_("what it is padded to, with ascii and bcd (8)") },
	{ "pad", "HEX", STRING, AT(pad), CLI_FOR_PIN, 0, 0, N_("and with what (FF)") },
	{ "timeout", "SECONDS", NUMBER, AT(timeout), CLI_FOR_PIN, 1, 255,
	  N_("how long the reader waits for each PIN (30)") },
	{ "new-only", NULL, FLAG, AT(new_only), CLI_FOR_PIN, 0, 0,
	  N_("change: the card wants the new PIN alone") },
	{ "interval", "SECONDS", NUMBER, AT(interval), CLI_FOR_STAT, 1, 86400,
	  N_("how long from one look to the next (1)") },
	{ "count", "N", NUMBER, AT(count), CLI_FOR_STAT, 1, 1000000000,
	  N_("how many looks (until Ctrl-C; 1 where the output is no terminal and --interval is not given)") },
	{ "vscard", "SOCKET", STRING, AT(vscard), CLI_FOR_SERVE, 0, 0,
	  N_("into QEMU's usb-ccid reader, through this socket of its ccid-card-passthru") },
	{ "vpcd", "PORT", NUMBER, AT(vpcd), CLI_FOR_SERVE, 1, 65535,
	  N_("into the virtual reader under pcscd (Debian's vsmartcard-vpcd) that listens on this port, 35963") },
	{ "usbip", NULL, FLAG, AT(usbip), CLI_FOR_SERVE, 0, 0,
	  N_("in a virtual USB reader of this machine (root; needs vhci_hcd)") },
	{ "as", "FILE:NAME", STRING, AT(as), CLI_FOR_SERVE, 0, 0,
	  N_("the virtual reader is one of a table of real ones, such as tests/data/readers.tsv") },
	{ "level", "LEVEL", STRING, AT(level), CLI_FOR_SERVE, 0, 0,
	  N_("the virtual reader's exchange level: tpdu, short or extended (extended)") },
	{ "protocol", "0|1", NUMBER, AT(protocol), CLI_FOR_SERVE, 0, 1,
	  N_("at level tpdu, the card's protocol: T=0 or T=1 (0)") },
	{ "slots", "N", NUMBER, AT(slots), CLI_FOR_SERVE, 1, 32, N_("its slots, each with a card (1)") },
	{ "busy-slots", "N", NUMBER, AT(busy), CLI_FOR_SERVE, 1, 32,
	  N_("how many of them work at once (1)") },
	{ "readers", "N", NUMBER, AT(readers), CLI_FOR_SERVE, 1, 120, N_("how many such readers (1)") },
	{ "serial", "TEXT", STRING, AT(serial), CLI_FOR_SERVE, 0, 0, N_("its serial number") },
	{ "max-message", "BYTES", NUMBER, AT(max_message), CLI_FOR_SERVE, 64, 65554,
	  N_("its longest message") },
	{ "latency", "US", NUMBER, AT(latency), CLI_FOR_SERVE, 0, 10000000,
	  N_("microseconds it takes over each command (0)") },
	{ "timing", "RATE", STRING, AT(timing), CLI_FOR_SERVE, 0, 0,
	  N_("its cards take the time of contactless ones: 106, 212, 424 or 848 kbit/s") },
	{ "no-interrupt", NULL, FLAG, AT(no_interrupt), CLI_FOR_SERVE, 0, 0,
	  N_("it does not report card changes: they must be polled for") },
	{ "pinpad", NULL, FLAG, AT(pinpad), CLI_FOR_SERVE, 0, 0,
	  N_("it has a keypad and a display; the line \"keys 1234E\" on standard input types a PIN") },
	{ "force", NULL, FLAG, AT(force), CLI_FOR_DRIVER, 0, 0,
	  N_("take readers from PC/SC programs that use a card, which then fail") },
	{ "json", NULL, FLAG, AT(json), CLI_FOR_ALL, 0, 0, N_("one JSON object instead of text") },
	{ "lang", "vi|en", STRING, AT(lang), CLI_FOR_ALL, 0, 0,
	  N_("the language (else what the locale says)") },
	{ "help", NULL, FLAG, AT(help), CLI_FOR_ALL, 0, 0, N_("this help") },
	{ "version", NULL, FLAG, AT(version), CLI_FOR_ALL, 0, 0, N_("the version") },
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static const char *no_such_option(const struct cli *c, const char *name)
{
	const char *names[N_OPTIONS + 1];
	size_t n = 0;

	for (size_t i = 0; i < N_OPTIONS; i++)
		if (!c->cmd || options[i].where & c->cmd->options)
			names[n++] = options[i].name;
	names[n] = NULL;
	return cli_nearest(name, names);
}

static const struct option *find(const char *name, size_t len)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (strlen(options[i].name) == len && !memcmp(options[i].name, name, len))
			return &options[i];
	return NULL;
}

static int take_number(struct cli *c, const struct option *o, const char *value)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(value, &end, 10);
	if (errno || end == value || *end || v < o->min || v > o->max)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("--%s takes a number from %ld to %ld."),
				o->name, o->min, o->max);
	*(long *)((char *)c + o->at) = v;
	return 0;
}

static int take_secret(struct cli *c, const struct option *o, char *value)
{
	char **to = (char **)((char *)c + o->at), *copy = strdup(value);

	memset(value, 'x', strlen(value));
	if (!copy)
		return cli_fail_err(c, CR_E_NOMEM, NULL, NULL);
	if (*to)
		OPENSSL_cleanse(*to, strlen(*to));
	free(*to);
	*to = copy;
	return 0;
}

static int take(struct cli *c, const struct option *o, char *value)
{
	void *to = (char *)c + o->at;
	struct cli_list *list = to;

	switch (o->kind) {
	case FLAG:
		*(bool *)to = true;
		return 0;
	case STRING:
		*(const char **)to = value;
		return 0;
	case SECRET:
		return take_secret(c, o, value);
	case NUMBER:
		return take_number(c, o, value);
	case LIST:
		if (list->n == sizeof(list->at) / sizeof(list->at[0]))
			return cli_fail(c, CLI_ERROR, "usage", NULL, _("--%s is given too often."), o->name);
		list->at[list->n++] = value;
		return 0;
	}
	return 0;
}

static bool is_for(const struct option *o, const struct cli *c)
{
	return o->where & (c->cmd->options | CLI_FOR_ALL);
}

static int not_for(const struct cli *c, const char *shown)
{
	return cli_fail(c, CLI_ERROR, "usage", NULL, _("\"cardring %s\" takes no option %s."), c->cmd->name, shown);
}

/* One option at argv[*i]. The name alone is ever shown: what follows = may be a secret. */
static int option(struct cli *c, int argc, char **argv, int *i, bool *early)
{
	char *arg = argv[*i], *name = arg + 2, *value;
	size_t len = strcspn(name, "=");
	const struct option *o;
	const char *near;
	char shown[40];

	if (!strcmp(arg, "-h")) {
		c->help = true;
		return 0;
	}
	snprintf(shown, sizeof(shown), "%.*s", (int)(arg[1] == '-' ? len + 2 : strcspn(arg, "=")), arg);
	o = arg[1] == '-' ? find(name, len) : NULL;
	if (o && c->cmd && !is_for(o, c))
		return not_for(c, shown);
	if (!o) {
		near = no_such_option(c, shown + strspn(shown, "-"));
		return near ? cli_fail(c, CLI_ERROR, "usage", NULL,
				       _("There is no option %s; did you mean --%s?"), shown, near) :
			      cli_fail(c, CLI_ERROR, "usage", NULL,
				       _("There is no option %s; \"cardring help\" lists them."), shown);
	}
	if (!c->cmd)
		early[o - options] = true;
	value = name[len] == '=' ? name + len + 1 : NULL;
	if (o->kind == FLAG && value)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("--%s takes no value."), o->name);
	if (o->kind != FLAG && !value) {
		if (*i + 1 >= argc)
			return cli_fail(c, CLI_ERROR, "usage", NULL, _("--%s needs a value: %s."), o->name,
					o->value);
		value = argv[++*i];
	}
	if (o->kind == STRING && !*value)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("--%s needs a value: %s."), o->name, o->value);
	return take(c, o, value);
}

/* early: the options that stood before it. */
static int take_command(struct cli *c, const char *name, const bool *early)
{
	const char *names[16], *near;
	char shown[40];
	size_t n = 0;

	c->cmd = cli_command(name);
	for (size_t i = 0; i < N_OPTIONS && c->cmd; i++) {
		if (!early[i] || is_for(&options[i], c))
			continue;
		snprintf(shown, sizeof(shown), "--%s", options[i].name);
		return not_for(c, shown);
	}
	if (c->cmd)
		return 0;
	for (const struct cli_command *cmd = cli_commands; cmd->name; cmd++)
		names[n++] = cmd->name;
	names[n] = NULL;
	near = cli_nearest(name, names);
	return near ? cli_fail(c, CLI_ERROR, "usage", NULL,
			       _("There is no command \"%s\"; did you mean \"%s\"?"), name, near) :
		      cli_fail(c, CLI_ERROR, "usage", NULL,
			       _("There is no command \"%s\"; \"cardring help\" lists them."), name);
}

int cli_opts_parse(struct cli *c, int argc, char **argv)
{
	bool only_args = false, early[N_OPTIONS] = { false };
	int rc = 0;

	c->args = calloc((size_t)argc + 1, sizeof(*c->args));
	if (!c->args)
		return cli_fail_err(c, CR_E_NOMEM, NULL, NULL);
	for (int i = 1; i < argc && !rc; i++) {
		if (!only_args && !strcmp(argv[i], "--"))
			only_args = true;
		else if (!only_args && argv[i][0] == '-' && argv[i][1])
			rc = option(c, argc, argv, &i, early);
		else if (!c->cmd)
			rc = take_command(c, argv[i], early);
		else
			c->args[c->n_args++] = argv[i];
	}
	return rc;
}

void cli_opts_free(struct cli *c)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		char **p = (char **)((char *)c + options[i].at);

		if (options[i].kind != SECRET || !*p)
			continue;
		OPENSSL_cleanse(*p, strlen(*p));
		free(*p);
		*p = NULL;
	}
	free(c->args);
	c->args = NULL;
}

void cli_opts_help(unsigned int which)
{
	char head[64];

	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (!(options[i].where & which))
			continue;
		snprintf(head, sizeof(head), "--%s%s%s", options[i].name, options[i].value ? " " : "",
			 options[i].value ? options[i].value : "");
		cli_row(head, _(options[i].text), 24);
	}
}

/* Levenshtein's distance, bounded: names are short. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[32], up, left;
	size_t n = strlen(a), m = strlen(b);

	if (n >= 32 || m >= 32)
		return 99;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= n; i++) {
		up = row[0];
		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= m; j++) {
			left = row[j];
			row[j] = up + (a[i - 1] != b[j - 1]);
			if (left + 1 < row[j])
				row[j] = left + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			up = left;
		}
	}
	return row[m];
}

const char *cli_nearest(const char *typed, const char *const *names)
{
	const char *best = NULL;
	unsigned int d, least = 99;

	for (; *names; names++) {
		d = distance(typed, *names);
		/* the beginning of a name is near whatever is left to type */
		if (strlen(typed) > 1 && !strncmp(typed, *names, strlen(typed)))
			d = 1;
		if (d < least) {
			least = d;
			best = *names;
		}
	}
	return least <= 2 && 2 * least <= strlen(typed) ? best : NULL;
}
