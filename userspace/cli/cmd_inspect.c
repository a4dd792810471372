// SPDX-License-Identifier: BSD-2-Clause
/* "cardring read" and "cardring verify". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include "trust.h"
#include "eid/inspect.h"
#include "eid/prepare.h"
#include "sim.h"

/* ---- whom to trust ---- */

static int trust_dir(const struct cli *c, cr_trust_t *trust, const char *dir, bool must)
{
	size_t skipped = 0;
	int n = cr_trust_add_dir(trust, dir, &skipped);

	if (n == CR_E_NOT_FOUND && !must)
		return 0;
	if (n == CR_E_MALFORMED)
		return cli_fail(c, CLI_ERROR, cli_error_code(n), NULL,
				_("The index of the trust store %s is damaged: \"cardring trust check\" says where."), dir);
	if (n < 0)
		return cli_store_fail(c, n, dir, NULL);
	if (skipped)
		cli_note(_("%zu files of %s are left out: \"cardring trust check\" says which, and why."), skipped, dir);
	if (!n && must)
		cli_note(_("There is no issuer's certificate in %s."), dir);
	return 0;
}

/* Sample issuers vouch for sample cards alone; on a real reader only who names their folder trusts them. */
static int load_trust(const struct cli *c, cr_trust_t *trust)
{
	static const char *const usual[] = { DATADIR "/trust", "/etc/cardring/trust" };
	const char *sim = sim_dir();
	char dir[3100];
	int rc = 0;

	if (c->trust.n) {
		for (size_t i = 0; i < c->trust.n && !rc; i++)
			rc = trust_dir(c, trust, c->trust.at[i], true);
	} else if (cli_is_sim(c->reader)) {
		snprintf(dir, sizeof(dir), "%s/trust", sim ? sim : "");
		rc = sim ? trust_dir(c, trust, dir, false) : 0;
	} else {
		for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]) && !rc; i++)
			rc = trust_dir(c, trust, usual[i], false);
	}
	return rc;
}

/* ---- what opens fingerprints and irises ---- */

/* What a PKCS#11 token's key can be lacking. */
static bool token_failed(const struct cli *c, int err, int *rc)
{
	switch (err) {
	case CR_E_INVALID:
		*rc = cli_fail(c, CLI_ERROR, "usage", NULL,
			       _("--terminal-key: not a PKCS#11 URI, or one with the PIN in it, where everybody could read it: give its file by pin-source, or leave it out and be asked."));
		return true;
	case CR_E_NO_SERVICE:
		*rc = cli_fail(c, CLI_ERROR, "not-found", NULL,
			       _("No PKCS#11 module can be loaded: install the token's, and have p11-kit know it (\"p11-kit list-modules\"), or name it by module-path in --terminal-key."));
		return true;
	case CR_E_NO_CARD:
		*rc = cli_fail(c, CLI_ERROR, "not-found", NULL,
			       _("No token has just one private key as --terminal-key names it: \"p11tool --list-privkeys --login\" shows which there are."));
		return true;
	case CR_E_ACCESS_REFUSED:
		*rc = cli_fail(c, CLI_ERROR, "access-refused", NULL, _("The token's PIN is wrong, or there was none."));
		return true;
	case CR_E_PIN_BLOCKED:
		*rc = cli_fail(c, CLI_ERROR, "access-refused", NULL,
			       _("The token's PIN is blocked: whoever administers the token can set a new one."));
		return true;
	case CR_E_IO:
		*rc = cli_fail(c, CLI_ERROR, "not-found", NULL, _("The file that pin-source names holds no PIN."));
		return true;
	}
	return false;
}

static int load_terminal(const struct cli *c, cr_terminal_t **out)
{
	int err, rc;

	if (!c->terminal != !c->terminal_key)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("--terminal and --terminal-key go together."));
	if (!c->terminal)
		return 0;
	if (cr_terminal_new(out))
		return cli_fail_err(c, CR_E_NOMEM, NULL, NULL);
	err = cr_terminal_add_certificates(*out, c->terminal);
	if (err == CR_E_IO)
		return cli_fail(c, CLI_ERROR, "not-found", NULL, _("%s cannot be read."), c->terminal);
	if (err == CR_E_MALFORMED || err == CR_E_UNSUPPORTED || err == CR_E_TOO_LONG)
		return cli_fail(c, CLI_ERROR, "terminal", NULL,
				_("%s does not hold card verifiable certificates of an inspection system."), c->terminal);
	if (!err)
		err = cr_terminal_set_key(*out, c->terminal_key, cli_ask_pin, NULL);
	if (!strncmp(c->terminal_key, "pkcs11:", 7) && token_failed(c, err, &rc))
		return rc;
	if (err == CR_E_IO)
		return cli_fail(c, CLI_ERROR, "not-found", NULL, _("There is no private key in %s."), c->terminal_key);
	if (err == CR_E_NOT_FOUND)
		return cli_fail(c, CLI_ERROR, "terminal", NULL, _("%s holds no certificate of that private key."),
				c->terminal);
	return err ? cli_fail_err(c, err, NULL, NULL) : 0;
}

/* ---- the inspection ---- */

struct work {
	struct cr_secret secret;
	uint32_t need;
	cr_trust_t *trust;
	cr_terminal_t *terminal;
	struct cr_reader_info reader;
	struct cr_inspection *in;
	json_t *record;
	struct cli_saved saved;
	struct cli_portrait portrait;
	struct cli_fault fault;
};

static int exit_of(enum cr_verdict v)
{
	switch (v) {
	case CR_GENUINE:	return CLI_OK;
	case CR_UNPROVEN:	return CLI_UNPROVEN;
	case CR_EXPIRED:
	case CR_REVOKED:	return CLI_EXPIRED;
	case CR_FORGED:		return CLI_FORGED;
	case CR_CLONED:		return CLI_CLONED;
	}
	return CLI_ERROR;
}

/* The check that failed knows better why than the error's own sentence. */
static const char *access_detail(const struct cr_inspection *in)
{
	for (size_t i = 0; i < in->n_checks; i++)
		if (!strcmp(in->checks[i].name, "access") && in->checks[i].result != CR_SUCCESSFUL)
			return in->checks[i].detail;
	return "";
}

static int inspection_failed(const struct cli *c, int err, const struct work *w)
{
	const struct cr_inspection *in = w->in;
	json_t *extra = json_object();
	const char *why = in ? access_detail(in) : "";
	int rc;

	json_object_set_new(extra, "reader", cli_json_reader(&w->reader, -1));
	if (in) {
		json_object_set_new(extra, "access", cli_json_access(&in->access));
		json_object_set_new(extra, "exchange", cli_json_exchange(&in->exchange, in->ms));
	}
	if (err == CR_E_ACCESS_REFUSED && in && !in->access.tries)
		rc = cli_fail(c, CLI_REFUSED, cli_error_code(err), extra, "%s %s",
			      *why ? _(why) : _(cr_strerror(err)), _("Give --can, --id-number or --mrz."));
	else if (err == CR_E_ACCESS_REFUSED && in)
		rc = cli_fail(c, CLI_REFUSED, cli_error_code(err), extra,
			      ngettext("%s It was tried once; cards answer more slowly after each wrong try.",
				       "%s It was tried %u times; cards answer more slowly after each wrong try.",
				       in->access.tries), *why ? _(why) : _(cr_strerror(err)), in->access.tries);
	else if (err == CR_E_PIN_SUSPENDED || err == CR_E_PIN_BLOCKED)
		rc = cli_fail_err(c, err, &w->reader, extra);
	else if ((err == CR_E_UNSUPPORTED || err == CR_E_CARD_STATUS) && *why)
		rc = cli_fail(c, cli_error_exit(err), cli_error_code(err), extra, "%s", _(why));
	else
		rc = cli_fail_err(c, err, &w->reader, extra);
	return rc;
}

static enum cr_procedure procedure_of(const struct cli *c)
{
	return c->procedure && !strcmp(c->procedure, "standard") ? CR_PROCEDURE_STANDARD : CR_PROCEDURE_ADVANCED;
}

static int check_procedure(const struct cli *c)
{
	if (!c->procedure || !strcmp(c->procedure, "advanced") || !strcmp(c->procedure, "standard"))
		return 0;
	return cli_fail(c, CLI_ERROR, "usage", NULL, _("--procedure takes advanced or standard."));
}

static int inspect(const struct cli *c, struct work *w, bool verify)
{
	/* what is written is to be verified later: the chip is asked for its proof while it is here */
	struct cr_inspect_opts opts = { .secret = &w->secret, .trust = w->trust, .terminal = w->terminal,
					.procedure = procedure_of(c), .verify = verify || c->out, .need = w->need,
					.progress = cli_progress };
	cr_card_t *card = NULL;
	int rc, err;

	rc = cli_card_open(c, &w->reader, &card);
	if (rc)
		return rc;
	err = cr_inspect(card, &opts, &w->in);
	cli_progress_end();
	cr_card_close(card);
	cli_log_write(c, w->in, w->reader.name, &w->fault);
	if (!err)
		return 0;
	if (w->fault.code)	/* the card's matters more */
		cli_note("%s", w->fault.text ? w->fault.text : "");
	return inspection_failed(c, cli_canceled ? CR_E_CANCELED : cli_card_error(err, &w->reader), w);
}

static int show(const struct cli *c, const struct work *w, bool verify)
{
	json_t *j, *files;

	const struct cr_reader_info *reader = c->from ? NULL : &w->reader;

	if (!c->json) {
		cli_inspection_text(w->in, reader, verify);
		for (size_t i = 0; i < w->saved.n; i++)
			printf("%s%s\n", i ? "" : "\n", w->saved.names[i]);
		if (w->saved.n)
			printf(_("%zu files written; they are personal data.\n"), w->saved.n);
		if (c->portrait || c->picture)
			cli_portrait_show(c, &w->portrait);
		if (w->fault.code)
			cli_note("%s", w->fault.text ? w->fault.text : "");
		return 0;
	}
	j = cli_inspection_json(w->in, reader, verify);
	if (c->from)
		json_object_set_new(j, "from", cli_json_string(c->from));
	if (c->portrait)
		cli_portrait_json(&w->portrait, j);
	if (c->out) {
		files = json_array();
		for (size_t i = 0; i < w->saved.n; i++)
			json_array_append_new(files, cli_json_string(w->saved.names[i]));
		json_object_set_new(j, "written", files);
	}
	if (w->fault.code)
		json_object_set_new(j, "error", cli_fault_json(&w->fault));
	return cli_json_print(j);
}

/* Once it is shown. */
static int exit_of_work(const struct work *w, bool verify)
{
	return w->fault.code ? CLI_ERROR : verify ? exit_of(w->in->verdict) : CLI_OK;
}

/* Everything again but the card. */
static int inspect_again(const struct cli *c, struct work *w)
{
	int rc, err;

	if (c->reader || c->out || c->need || c->can || c->id_number || c->mrz || c->pin || c->puk || c->doc || c->dob ||
	    c->exp || c->terminal || c->terminal_key || c->procedure)
		return cli_fail(c, CLI_ERROR, "usage", NULL,
				_("--from takes no card: leave out its reader, its secret, --terminal, --procedure, --need and --out."));
	if (cr_trust_new(&w->trust))
		return cli_fail_err(c, CR_E_NOMEM, NULL, NULL);
	rc = load_trust(c, w->trust);
	if (!rc)
		rc = cli_record_load(c, c->from, &w->in, &w->record);
	if (rc)
		return rc;
	cr_eid_prepare();
	err = cr_inspect_again(w->in, w->trust, time(NULL));
	if (err)
		return cli_fail_err(c, err, NULL, NULL);
	cli_log_write(c, w->in, NULL, &w->fault);
	cli_portrait_make(c, w->in, &w->portrait, &w->fault);
	rc = show(c, w, true);
	return rc ? rc : exit_of_work(w, true);
}

static int work(const struct cli *c, struct work *w, bool verify)
{
	bool made = false, saved = false;
	int rc;

	if (c->n_args)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("\"cardring %s\" takes options only."), c->cmd->name);
	rc = cli_picture_check(c);
	if (!rc)
		rc = check_procedure(c);
	if (!rc && c->out && !c->from)
		rc = cli_save_prepare(c, &made);	/* the others may go into it */
	if (!rc)
		rc = cli_log_prepare(c);
	if (!rc)
		rc = cli_portrait_prepare(c);
	if (!rc && c->from)
		return inspect_again(c, w);
	if (!rc)
		rc = cli_need(c, &w->need);
	if (!rc)
		rc = cli_secret(c, &w->secret);
	if (!rc && verify && cr_trust_new(&w->trust))
		rc = cli_fail_err(c, CR_E_NOMEM, NULL, NULL);
	if (!rc && verify)
		rc = load_trust(c, w->trust);
	if (!rc && verify)
		rc = load_terminal(c, &w->terminal);
	if (!rc) {
		cr_eid_prepare();
		rc = inspect(c, w, verify);
	}
	if (!rc) {
		saved = c->out && cli_save(c, w->in, &w->saved, &w->fault);
		cli_portrait_make(c, w->in, &w->portrait, &w->fault);
		rc = show(c, w, verify);
	}
	if (made && !saved)
		rmdir(c->out);		/* stays if anything is in it */
	return rc ? rc : exit_of_work(w, verify);
}

static int run(const struct cli *c, bool verify)
{
	struct work w = { 0 };
	int rc = work(c, &w, verify);

	cr_inspection_free(w.in);
	json_decref(w.record);
	cr_trust_free(w.trust);
	cr_terminal_free(w.terminal);
	cli_saved_free(&w.saved);
	cli_portrait_free(&w.portrait);
	cli_fault_free(&w.fault);
	OPENSSL_cleanse(&w.secret, sizeof(w.secret));
	return rc;
}

int cmd_read(struct cli *c)
{
	return run(c, false);
}

int cmd_verify(struct cli *c)
{
	return run(c, true);
}
