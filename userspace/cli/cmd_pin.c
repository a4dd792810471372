// SPDX-License-Identifier: BSD-2-Clause
/* "cardring pin": a PIN typed on the reader's keypad, verified or changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cardring/pin.h>
#include "ccid/pin.h"
#include "cli.h"
#include "iso7816/apdu.h"
#include "iso7816/sw.h"

struct job {
	const struct cli *c;
	bool change;
	struct cr_pin_request request;
	uint8_t aid[16];
	size_t aid_len;
	struct cr_reader_info reader;
	cr_card_t *card;
};

/* ---- the options ---- */

/* Bytes in hexadecimal digits; 0: that is none, or more than there is room for. */
static size_t bytes(const char *text, uint8_t *out, size_t max)
{
	size_t n = strlen(text);
	unsigned int byte;

	if (n % 2 || n / 2 > max || strspn(text, "0123456789abcdefABCDEF") != n)
		return 0;
	for (size_t i = 0; i < n / 2; i++) {
		sscanf(text + 2 * i, "%2x", &byte);
		out[i] = (uint8_t)byte;
	}
	return n / 2;
}

static int take_format(struct job *j, uint8_t min, uint8_t max)
{
	static const struct { const char *name; struct cr_pin_format (*make)(uint8_t min, uint8_t max); } formats[] = {
		{ "ascii", cr_pin_format_padded }, { "plain", cr_pin_format_plain }, { "bcd", cr_pin_format_bcd },
		{ "iso9564-2", cr_pin_format_iso9564_2 },
	};
	const struct cli *c = j->c;
	size_t i = 0;

	if (c->format)
		while (i < sizeof(formats) / sizeof(formats[0]) && strcmp(c->format, formats[i].name))
			i++;
	if (i == sizeof(formats) / sizeof(formats[0]))
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("--format takes ascii, plain, bcd or iso9564-2."));
	if ((c->block || c->pad) && i != 0 && i != 2)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("--block and --pad are for --format ascii and bcd."));
	j->request.format = formats[i].make(min, max);
	if (c->block)
		j->request.format.block = (uint8_t)c->block;
	if (c->pad && bytes(c->pad, &j->request.format.pad, 1) != 1)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("--pad takes two hexadecimal digits."));
	return 0;
}

static int take_options(struct job *j)
{
	const struct cli *c = j->c;
	unsigned int min = 4, max = 8;
	struct cr_ccid_pin pin;
	char end;
	int rc;

	if (!c->ref)
		return cli_fail(c, CLI_ERROR, "usage", NULL,
				_("Say which PIN: --ref HEX, as the card's manual has it (P2 of VERIFY), such as 81."));
	if (bytes(c->ref, &j->request.reference, 1) != 1 || j->request.reference & 0x60)
		return cli_fail(c, CLI_ERROR, "usage", NULL,
				_("--ref takes two hexadecimal digits, 01 to 1F or 80 to 9F."));
	if (c->aid) {
		j->aid_len = bytes(c->aid, j->aid, sizeof(j->aid));
		if (j->aid_len < 5)
			return cli_fail(c, CLI_ERROR, "usage", NULL,
					_("--aid takes 5 to 16 bytes in hexadecimal digits."));
	}
	if (c->digits && (sscanf(c->digits, "%2u-%2u%c", &min, &max, &end) != 2 || !min || min > max ||
			  max > CR_PIN_DIGITS_MAX))
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("--digits takes MIN-MAX, such as 4-8, to %d."),
				CR_PIN_DIGITS_MAX);
	if (c->new_only && !j->change)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("--new-only is for \"cardring pin change\"."));
	j->request.new_only = c->new_only;
	j->request.timeout_s = (uint8_t)c->timeout;
	rc = take_format(j, (uint8_t)min, (uint8_t)max);
	if (rc || !cr_ccid_pin_plan(&pin, &j->request, j->change, false))
		return rc;
	return cli_fail(c, CLI_ERROR, "usage", NULL, j->request.format.block ?
			_("So many digits do not fit: --block must be larger, or --digits smaller.") :
			_("With --format plain, a PIN is changed with --new-only."));
}

/* ---- the card ---- */

static json_t *known(const struct job *j, const struct cr_pin_result *r)
{
	char reference[4], sw[8];
	json_t *pin = json_object(), *all = json_object();

	snprintf(reference, sizeof(reference), "%02X", j->request.reference);
	json_object_set_new(pin, "operation", json_string(j->change ? "change" : "verify"));
	json_object_set_new(pin, "reference", json_string(reference));
	json_object_set_new(pin, "result", r ? json_string(cr_pin_outcome_name(r->outcome)) : json_null());
	json_object_set_new(pin, "tries_left", r && r->tries >= 0 ? json_integer(r->tries) : json_null());
	snprintf(sw, sizeof(sw), "%04X", r ? r->sw : 0);
	json_object_set_new(pin, "status_word", r && r->sw ? json_string(sw) : json_null());
	json_object_set_new(all, "pin", pin);
	json_object_set_new(all, "reader", cli_json_reader(&j->reader, -1));
	return all;
}

static int failed(const struct job *j, int err)
{
	err = cli_canceled ? CR_E_CANCELED : cli_card_error(err, &j->reader);
	return cli_fail_err(j->c, err, &j->reader, known(j, NULL));
}

static int select_application(const struct job *j)
{
	const struct cr_capdu a = { .ins = 0xa4, .p1 = 0x04, .p2 = 0x0c, .data = j->aid, .lc = j->aid_len };
	uint8_t cmd[5 + sizeof(j->aid)], rsp[CR_APDU_MAX_SHORT_LE + 2];
	size_t len = sizeof(cmd), n = sizeof(rsp);
	int err = cr_capdu_build(&a, cmd, &len);

	if (!err)
		err = cr_card_transmit(j->card, cmd, len, rsp, &n);
	if (err)
		return failed(j, err);
	if (cr_rapdu_sw(rsp, n) != CR_SW_OK)
		return cli_fail(j->c, CLI_ERROR, "not-found", known(j, NULL),
				_("The card has no application of that name (status word %04X)."), cr_rapdu_sw(rsp, n));
	return 0;
}

/* Before the user is asked for anything. */
static int check_keypad(const struct job *j)
{
	struct cr_pinpad pad;

	cr_reader_pinpad(cr_card_reader(j->card), &pad);
	if (j->change ? pad.modify : pad.verify)
		return 0;
	return cli_fail(j->c, CLI_ERROR, "no-keypad", known(j, NULL), pad.verify ?
			_("This card reader's keypad verifies PINs, but cannot change them.") :
			_("This card reader has no keypad on which a PIN is safe; \"cardring list\" shows which have one."));
}

static void tell_the_user(const struct job *j)
{
	if (j->c->json)
		return;
	if (!j->change)
		cli_note(_("Type the PIN on the card reader's keypad, then press its confirm key."));
	else if (j->request.new_only)
		cli_note(_("Type on the card reader's keypad: the new PIN, then the new PIN again; press its confirm key after each."));
	else
		cli_note(_("Type on the card reader's keypad: the old PIN, the new PIN, then the new PIN again; press its confirm key after each."));
}

/* ---- what came of it ---- */

static int refused(const struct job *j, const struct cr_pin_result *r)
{
	const struct cli *c = j->c;
	json_t *k = known(j, r);

	switch (r->outcome) {
	case CR_PIN_WRONG:
		if (r->tries < 0)
			return cli_fail(c, CLI_REFUSED, "pin-wrong", k, _("The PIN is wrong."));
		return cli_fail(c, CLI_REFUSED, "pin-wrong", k,
				ngettext("The PIN is wrong; %d try is left.", "The PIN is wrong; %d tries are left.",
					 (unsigned long)r->tries), r->tries);
	case CR_PIN_BLOCKED:
		return cli_fail(c, CLI_REFUSED, "pin-blocked", k,
				_("The PIN is blocked: it was typed wrongly too often. Who issued the card can help."));
	case CR_PIN_TIMEOUT:
		return cli_fail(c, CLI_ERROR, "pin-timeout", k, _("No PIN was typed in time."));
	case CR_PIN_CANCELED:
		return cli_fail(c, CLI_CANCELED, "pin-canceled", k, _("Canceled on the card reader's keypad."));
	case CR_PIN_MISMATCH:
		return cli_fail(c, CLI_ERROR, "pin-mismatch", k,
				_("The new PIN was not typed the same twice; the old one is still in force."));
	case CR_PIN_LENGTH:
		return cli_fail(c, CLI_ERROR, "pin-length", k, _("The PIN has too few or too many digits."));
	default:
		return cli_fail(c, CLI_ERROR, "card-status", k, _("The card refused the command: %s (status word %04X)."),
				cr_sw_text(r->sw), r->sw);
	}
}

static int run(struct job *j)
{
	struct cr_pin_result result;
	int err;

	tell_the_user(j);
	err = j->change ? cr_card_pin_modify(j->card, &j->request, &result) :
			  cr_card_pin_verify(j->card, &j->request, &result);
	if (err == CR_E_UNSUPPORTED)
		return cli_fail(j->c, CLI_ERROR, "unsupported", known(j, NULL),
				_("The card reader does not take PINs of this form."));
	if (err)
		return failed(j, err);
	if (result.outcome != CR_PIN_OK)
		return refused(j, &result);
	if (j->c->json)
		return cli_json_print(known(j, &result));
	printf("%s\n", j->change ? _("The PIN is changed.") : _("The PIN is right."));
	return CLI_OK;
}

int cmd_pin(struct cli *c)
{
	static const char *const names[] = { "verify", "change", NULL };
	struct job j = { .c = c };
	const char *action = c->n_args ? c->args[0] : "", *near;
	int rc;

	j.change = !strcmp(action, "change");
	if (!j.change && strcmp(action, "verify")) {
		near = cli_nearest(action, names);
		return near ? cli_fail(c, CLI_ERROR, "usage", NULL, _("There is no \"cardring %s %s\"; did you mean \"%s\"?"),
				       c->cmd->name, action, near) :
			      cli_fail(c, CLI_ERROR, "usage", NULL, _("Say what to do: cardring %s %s."), c->cmd->name,
				       c->cmd->args);
	}
	for (size_t i = 1; i < c->n_args; i++)	/* it may be a PIN: not to be shown, nor in the list of processes */
		memset(c->args[i], 'x', strlen(c->args[i]));
	if (c->n_args > 1)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("A PIN is typed on the card reader's keypad, never here."));
	rc = take_options(&j);
	if (!rc)
		rc = cli_card_open(c, &j.reader, &j.card);
	if (!rc)
		rc = check_keypad(&j);
	if (!rc && j.aid_len)
		rc = select_application(&j);
	if (!rc)
		rc = run(&j);
	cr_card_close(j.card);
	return rc;
}
