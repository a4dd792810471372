// SPDX-License-Identifier: BSD-2-Clause
/* "cardring apdu": commands as hexadecimal digits, answers as they are. For engineers. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "cli.h"
#include "iso7816/apdu.h"
#include "iso7816/sw.h"

struct shell {
	const struct cli *c;
	struct cr_reader_info reader;
	cr_card_t *card;
	json_t *responses;
	uint8_t cmd[CR_CAPDU_MAX], rsp[CR_RAPDU_MAX];
	char line[4 * CR_CAPDU_MAX];	/* "00 ", and some room */
};

static int digit(char ch)
{
	return ch >= '0' && ch <= '9' ? ch - '0' : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 :
	       ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

/* What came before an error; NULL before there is a card. */
static json_t *so_far(struct shell *s)
{
	json_t *j;

	if (!s->card)
		return NULL;
	j = json_object();
	json_object_set_new(j, "reader", cli_json_reader(&s->reader, -1));
	json_object_set(j, "responses", s->responses);
	return j;
}

/* White space and colons between bytes are fine. 0 or an exit code after saying what is wrong. */
static int parse(struct shell *s, const char *text, size_t *len)
{
	const struct cli *c = s->c;
	struct cr_capdu apdu;
	int high, low;

	*len = 0;
	for (const char *p = text; *p; p++) {
		if (isspace((unsigned char)*p) || *p == ':')
			continue;
		high = digit(p[0]);
		low = high < 0 || !p[1] ? -1 : digit(p[1]);
		if (high < 0)
			return cli_fail(c, CLI_ERROR, "invalid-apdu", so_far(s),
					_("\"%c\" is no hexadecimal digit (character %zu of the command)."),
					isprint((unsigned char)*p) ? *p : '?', (size_t)(p - text) + 1);
		if (low < 0 && p[1] && !isspace((unsigned char)p[1]) && p[1] != ':')
			return cli_fail(c, CLI_ERROR, "invalid-apdu", so_far(s),
					_("\"%c\" is no hexadecimal digit (character %zu of the command)."),
					isprint((unsigned char)p[1]) ? p[1] : '?', (size_t)(p - text) + 2);
		if (low < 0)
			return cli_fail(c, CLI_ERROR, "invalid-apdu", so_far(s),
					_("A byte is two hexadecimal digits; one stands alone (character %zu)."),
					(size_t)(p - text) + 1);
		if (*len == sizeof(s->cmd))
			return cli_fail(c, CLI_ERROR, "invalid-apdu", so_far(s),
					_("The command is longer than any APDU."));
		s->cmd[(*len)++] = (uint8_t)(high << 4 | low);
		p++;
	}
	if (*len < 4)
		return cli_fail(c, CLI_ERROR, "invalid-apdu", so_far(s),
				_("A command APDU has at least four bytes: CLA INS P1 P2."));
	if (cr_capdu_parse(s->cmd, *len, &apdu))
		return cli_fail(c, CLI_ERROR, "invalid-apdu", so_far(s),
				_("The command's length does not fit its Lc and Le (ISO/IEC 7816-4, 5.1)."));
	return 0;
}

static void answer(struct shell *s, size_t cmd_len, size_t n)
{
	uint16_t sw = cr_rapdu_sw(s->rsp, n);
	char word[8];
	json_t *j;

	if (s->c->json) {
		snprintf(word, sizeof(word), "%04X", sw);
		j = json_object();
		json_object_set_new(j, "command", cli_json_hex(s->cmd, cmd_len));
		json_object_set_new(j, "data", cli_json_hex(s->rsp, n - 2));
		json_object_set_new(j, "status_word", json_string(word));
		json_object_set_new(j, "meaning", json_string(cr_sw_text(sw)));
		json_array_append_new(s->responses, j);
		return;
	}
	for (size_t i = 0; i + 2 < n; i++)
		printf("%02X", s->rsp[i]);
	printf("%s%04X  %s\n", n > 2 ? " " : "", sw, cr_sw_text(sw));
	fflush(stdout);
}

static json_t *limits(const struct shell *s, struct cr_limits *l)
{
	cr_card_limits(s->card, l);
	return cli_json_limits(l);
}

/* What would not have been: the most that goes through, in one APDU. */
static int too_long(struct shell *s)
{
	json_t *extra = so_far(s);
	struct cr_limits l;

	json_object_set_new(extra, "limits", limits(s, &l));
	return cli_fail(s->c, CLI_ERROR, cli_error_code(CR_E_TOO_LONG), extra,
			_("The command or its answer is too long for this card in this reader: "
			  "at most %zu bytes of data go to the card, and %zu come back, in one APDU."),
			l.command, l.response);
}

/* len bytes of s->cmd */
static int send(struct shell *s, size_t len)
{
	size_t n = sizeof(s->rsp);
	int err = cr_card_transmit(s->card, s->cmd, len, s->rsp, &n);

	if (!err && n < 2)
		err = CR_E_CARD_PROTOCOL;
	if (!err) {
		answer(s, len, n);
		return 0;
	}
	if (err == CR_E_TOO_LONG && !cli_canceled)
		return too_long(s);
	err = cli_canceled ? CR_E_CANCELED : cli_card_error(err, &s->reader);
	return cli_fail_err(s->c, err, &s->reader, so_far(s));
}

static int open_card(struct shell *s)
{
	size_t len;
	const uint8_t *atr;
	int rc = cli_card_open(s->c, &s->reader, &s->card);

	if (rc || s->c->json)
		return rc;
	atr = cr_card_atr(s->card, &len);
	fprintf(stderr, "ATR");
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, " %02X", atr[i]);
	fprintf(stderr, "\n");
	return 0;
}

static int from_arguments(struct shell *s)
{
	size_t len;
	int rc = 0;

	/* all are looked at before the first is sent */
	for (size_t i = 0; i < s->c->n_args && !rc; i++)
		rc = parse(s, s->c->args[i], &len);
	if (!rc)
		rc = open_card(s);
	for (size_t i = 0; i < s->c->n_args && !rc; i++) {
		rc = parse(s, s->c->args[i], &len);
		if (!rc)
			rc = send(s, len);
	}
	return rc;
}

/*
 * A line without its comment; *whole: it found room. False at the end. A NUL becomes a sign that is no
 * digit either: it ends no command.
 */
static bool next_line(struct shell *s, bool *whole)
{
	bool comment = false;
	size_t n = 0;
	int ch;

	while ((ch = getchar()) != EOF && ch != '\n') {
		comment |= ch == '#';
		if (comment)
			continue;
		*whole = n + 1 < sizeof(s->line);
		if (!*whole)
			return true;
		s->line[n++] = ch ? (char)ch : '?';
	}
	s->line[n] = '\0';
	return ch != EOF || n;
}

static int from_input(struct shell *s)
{
	bool whole = true;
	size_t len;
	int rc = open_card(s);

	/* a signal ends the reading in the middle of a line: that is no command */
	while (!rc && !cli_canceled && next_line(s, &whole) && !cli_canceled) {
		if (!whole) {
			rc = cli_fail(s->c, CLI_ERROR, "invalid-apdu", so_far(s), _("The command is longer than any APDU."));
			break;
		}
		if (!s->line[strspn(s->line, " \t\r")])
			continue;
		rc = parse(s, s->line, &len);
		if (!rc)
			rc = send(s, len);
	}
	if (!rc && cli_canceled)
		rc = cli_fail_err(s->c, CR_E_CANCELED, &s->reader, so_far(s));
	return rc;
}

int cmd_apdu(struct cli *c)
{
	struct shell *s = calloc(1, sizeof(*s));
	struct cr_limits l;
	const uint8_t *atr;
	size_t len;
	json_t *j;
	int rc;

	if (!s)
		return cli_fail_err(c, CR_E_NOMEM, NULL, NULL);
	s->c = c;
	s->responses = json_array();
	rc = c->n_args ? from_arguments(s) : from_input(s);
	if (!rc && c->json) {
		atr = cr_card_atr(s->card, &len);
		j = json_object();
		json_object_set_new(j, "atr", cli_json_hex(atr, len));
		json_object_set_new(j, "reader", cli_json_reader(&s->reader, -1));
		json_object_set_new(j, "limits", limits(s, &l));
		json_object_set(j, "responses", s->responses);
		rc = cli_json_print(j);
	}
	json_decref(s->responses);
	cr_card_close(s->card);
	OPENSSL_cleanse(s, sizeof(*s));
	free(s);
	return rc;
}
