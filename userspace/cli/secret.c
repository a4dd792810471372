// SPDX-License-Identifier: BSD-2-Clause
/* The secret printed on the card: from the options, standard input, or whoever sits at the terminal. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include "cli.h"

#define INPUT_MAX	200	/* a machine readable zone with its line ends, and room for mistakes */

/* So many signs are some lines of a zone, but not all: 30 and 60 of 90, 36 of 72, 44 of 88. */
static bool more_to_come(size_t signs)
{
	return signs == 30 || signs == 60 || signs == 36 || signs == 44;
}

/*
 * One line of standard input without its end, or all lines of one zone (mrz: nothing else is asked for, and
 * empty lines before it do not count). False: nothing came.
 */
static bool input(char *out, bool mrz)
{
	size_t n = 0, signs = 0;
	int ch;

	/* unbuffered: no copy of it is left in memory that is not ours */
	setvbuf(stdin, NULL, _IONBF, 0);
	while (n < INPUT_MAX - 1 && (ch = getchar()) != EOF) {
		if (ch == '\n' && !more_to_come(signs) && (signs || !mrz))
			break;
		out[n++] = (char)ch;
		signs += !isspace(ch);
	}
	/* what was typed beyond it is not for the shell that comes after */
	if (isatty(STDIN_FILENO))
		tcflush(STDIN_FILENO, TCIFLUSH);
	while (n && isspace((unsigned char)out[n - 1]))
		n--;
	out[n] = '\0';
	return n > 0;
}

/* The same, not shown at a terminal. */
static bool input_unseen(char *out)
{
	bool got, terminal = isatty(STDIN_FILENO);

	if (terminal && !cli_tty_begin(STDIN_FILENO, ECHO, true))
		return false;
	got = input(out, false);
	if (terminal) {
		cli_tty_end();
		fputc('\n', stderr);
	}
	return got;
}

/* What an option's "-" stands for. */
static void from_input(char *out, const char *prompt, bool mrz, bool unseen)
{
	if (isatty(STDIN_FILENO)) {
		fprintf(stderr, "%s ", prompt);
		fflush(stderr);
	}
	if (unseen)
		input_unseen(out);
	else
		input(out, mrz);
}

static int refused(const struct cli *c, const char *why)
{
	return cli_fail(c, CLI_ERROR, "invalid-secret", NULL, "%s", _(why ? why : cr_strerror(CR_E_INVALID)));
}

/* What is typed says by its form which of the three it is. */
static int from_typed(struct cr_secret *out, const char *typed, const char **why)
{
	size_t n = strlen(typed);

	if (n == 12)
		return cr_secret_from_id_number(out, typed, why);
	if (n > 12)
		return cr_secret_from_mrz(out, typed, why);
	return cr_secret_from_can(out, typed, why);
}

static int ask(const struct cli *c, struct cr_secret *out)
{
	char typed[INPUT_MAX];
	const char *why = NULL;
	int rc = 0;

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return 0;	/* nobody to ask: the card may be open to everybody */
	fprintf(stderr, "%s ", _("CAN (6 digits), identity number (12 digits) or MRZ:"));
	fflush(stderr);
	if (input(typed, false) && from_typed(out, typed, &why))
		rc = refused(c, why);
	OPENSSL_cleanse(typed, sizeof(typed));
	return rc;
}

typedef int (*from_fn)(struct cr_secret *out, const char *text, const char **why);

/* prompt is a msgid. */
static int from_option(const struct cli *c, struct cr_secret *out, from_fn from, const char *value, const char *prompt)
{
	char typed[INPUT_MAX] = "";
	const char *why = NULL;
	int err;

	if (!strcmp(value, "-")) {
		from_input(typed, _(prompt), from == cr_secret_from_mrz, from == cr_secret_from_puk);
		value = typed;
	}
	err = from(out, value, &why);
	OPENSSL_cleanse(typed, sizeof(typed));
	return err ? refused(c, why) : 0;
}

/* With a CAN for a card that wants it first; only one of them can come from standard input. */
static int from_pin(const struct cli *c, struct cr_secret *out)
{
	char typed[INPUT_MAX] = "";
	const char *pin = c->pin, *why = NULL;
	int err;

	if (!strcmp(pin, "-")) {
		from_input(typed, _("PIN:"), false, true);
		pin = typed;
	}
	err = cr_secret_from_pin(out, pin, c->can, &why);
	OPENSSL_cleanse(typed, sizeof(typed));
	return err ? refused(c, why) : 0;
}

bool cli_ask_pin(void *arg, const char *token, char *pin, size_t size)
{
	char typed[INPUT_MAX] = "", *label;
	bool got;

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	label = cli_clean(token);
	fprintf(stderr, _("PIN of the token %s:"), label ? label : "");
	fputc(' ', stderr);
	fflush(stderr);
	free(label);
	got = input_unseen(typed) && strlen(typed) < size;
	if (got)
		memcpy(pin, typed, strlen(typed) + 1);
	OPENSSL_cleanse(typed, sizeof(typed));
	return got;
}

int cli_secret(const struct cli *c, struct cr_secret *out)
{
	bool fields = c->doc || c->dob || c->exp;
	const char *why = NULL;

	memset(out, 0, sizeof(*out));
	if ((c->can && !c->pin) + !!c->id_number + !!c->mrz + !!c->pin + !!c->puk + fields > 1)
		return cli_fail(c, CLI_ERROR, "usage", NULL,
				_("Give one of --can, --id-number, --mrz, --pin, --puk, or --doc with --dob and --exp."));
	if (c->pin)
		return from_pin(c, out);
	if (c->puk)
		return from_option(c, out, cr_secret_from_puk, c->puk, N_("PUK:"));
	if (c->can)
		return from_option(c, out, cr_secret_from_can, c->can, N_("CAN (6 digits):"));
	if (c->id_number)
		return from_option(c, out, cr_secret_from_id_number, c->id_number, N_("Identity number (12 digits):"));
	if (c->mrz)
		return from_option(c, out, cr_secret_from_mrz, c->mrz, N_("MRZ (all lines):"));
	if (!fields)
		return ask(c, out);
	if (!c->doc || !c->dob || !c->exp)
		return cli_fail(c, CLI_ERROR, "usage", NULL,
				_("--doc, --dob and --exp go together: the card opens with all three."));
	return cr_secret_from_fields(out, c->doc, c->dob, c->exp, &why) ? refused(c, why) : 0;
}
