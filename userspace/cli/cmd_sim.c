// SPDX-License-Identifier: BSD-2-Clause
/* "cardring sim": the sample cards: made, listed, put into readers. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"
#include "sim.h"
#include "usbip.h"

static volatile int stop, insert = 1;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		insert = 0;
	else if (sig == SIGUSR2)
		insert = 1;
	else
		stop = 1;
}

static void catch_signals(void)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, SIGTERM, SIGINT };
	struct sigaction sa = { .sa_handler = on_signal };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &sa, NULL);
}

static int list(const struct cli *c)
{
	struct sim_sample *all = NULL;
	int n = sim_list(&all);
	json_t *array, *j;

	if (n < 0) {
		free(all);
		return n != CR_E_NOT_FOUND ? cli_fail_err(c, n, NULL, NULL) :
		       cli_fail(c, CLI_ERROR, "not-found", NULL,
				_("There are no sample cards here: \"cardring sim make DIR\" makes them, and CARDRING_SIM_DIR=DIR says where they are."));
	}
	if (!c->json) {
		for (int i = 0; i < n; i++) {
			printf("%-12s CAN %-8s %s\n", all[i].name, all[i].can[0] ? all[i].can : "-", all[i].text);
			printf("%-12s MRZ %s\n", "", all[i].mrz);
		}
		free(all);
		return CLI_OK;
	}
	array = json_array();
	for (int i = 0; i < n; i++) {
		j = json_object();
		json_object_set_new(j, "name", cli_json_string(all[i].name));
		json_object_set_new(j, "text", cli_json_string(all[i].text));
		json_object_set_new(j, "can", cli_json_string(all[i].can[0] ? all[i].can : NULL));
		json_object_set_new(j, "mrz", cli_json_string(all[i].mrz[0] ? all[i].mrz : NULL));
		json_array_append_new(array, j);
	}
	free(all);
	return cli_json_print(json_pack("{s:o}", "samples", array));
}

static int make(const struct cli *c)
{
	const char *dir = c->args[1];
	int err = sim_make(dir);

	if (err == CR_E_IO)
		return cli_fail(c, CLI_ERROR, "io", NULL, _("%s cannot be written: %s"), dir, strerror(errno));
	if (err)
		return cli_fail_err(c, err, NULL, NULL);
	if (c->json)
		return cli_json_print(json_pack("{s:o}", "made", cli_json_string(dir)));
	printf(_("The sample cards and their issuers are in %s.\n"), dir);
	return CLI_OK;
}

/* --as FILE:NAME. 0, or the exit code of what was told; *table is the caller's to free. */
static int load_reader(const struct cli *c, struct drawer **table, struct sim_usbip_options *opt)
{
	const char *name = strrchr(c->as, ':');
	unsigned int line;
	char *file;
	size_t at;
	int err;

	if (c->level || c->slots || c->busy || c->max_message || c->no_interrupt || c->pinpad)
		return cli_fail(c, CLI_ERROR, "usage", NULL,
				_("What kind of reader it is the table of --as says, not another option."));
	if (!name || name == c->as || !name[1])
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("--as takes FILE:NAME."));
	file = strndup(c->as, (size_t)(name++ - c->as));
	if (!file)
		return cli_fail_err(c, CR_E_NOMEM, NULL, NULL);
	err = drawer_load(file, table, &line);
	if (err == CR_E_NOT_FOUND)
		err = cli_fail(c, CLI_ERROR, "not-found", NULL, _("%s cannot be read: %s"), file, strerror(errno));
	else if (err == CR_E_MALFORMED)
		err = cli_fail(c, CLI_ERROR, "malformed", NULL, _("%s is no table of readers: line %u."), file, line);
	else if (err)
		err = cli_fail_err(c, err, NULL, NULL);
	else if ((at = drawer_find(*table, name)) == (*table)->n)
		err = cli_fail(c, CLI_ERROR, "not-found", NULL, _("There is no reader \"%s\" in %s."), name, file);
	else {
		opt->as = &(*table)->interface[at];
		opt->n_as = drawer_device(*table, at);
	}
	free(file);
	return err;
}

static int serve_usbip(const struct cli *c, const char *card)
{
	struct sim_usbip_options opt = {
		.reader = { .slots = (unsigned int)c->slots, .busy_slots = (uint8_t)c->busy, .serial = c->serial,
			    .max_message = (uint32_t)c->max_message, .latency_us = (unsigned int)c->latency,
			    .no_interrupt = c->no_interrupt, .pin_support = c->pinpad ? 3 : 0,
			    .lcd_layout = c->pinpad ? 0x0210 : 0 },
		.readers = (unsigned int)c->readers, .protocol = (unsigned int)c->protocol,
		.reply = c->json ? NULL : stdout,
	};
	struct drawer *table = NULL;
	int rc = 0;

	if (c->level) {
		opt.reader.level = vreader_level_parse(c->level);
		if (!opt.reader.level)
			return cli_fail(c, CLI_ERROR, "usage", NULL, _("--level takes tpdu, short or extended."));
	}
	if (c->protocol && opt.reader.level != VREADER_TPDU)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("--protocol is for --level tpdu."));
	if (c->timing) {
		if (strlen(c->timing) != 3 || strspn(c->timing, "0123456789") != 3 ||
		    !timing_init(&opt.reader.timing, (unsigned int)atoi(c->timing)))
			return cli_fail(c, CLI_ERROR, "usage", NULL, _("--timing takes 106, 212, 424 or 848 (kbit/s)."));
		if (opt.reader.level == VREADER_TPDU)
			return cli_fail(c, CLI_ERROR, "usage", NULL,
					_("--timing is of contactless cards, which have no --level tpdu."));
	}
	if (c->as)
		rc = load_reader(c, &table, &opt);
	if (!rc)
		rc = sim_usbip_serve(card, &opt, STDIN_FILENO, &stop);
	drawer_free(table);
	return rc;
}

static int serve(const struct cli *c)
{
	const char *card = c->args[1];
	int err;

	if (!!c->vscard + c->usbip + !!c->vpcd != 1)
		return cli_fail(c, CLI_ERROR, "usage", NULL,
				_("Say where the card goes: --vscard SOCKET, --vpcd PORT or --usbip."));
	if (c->timing && !c->usbip)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("--timing needs --usbip: no other reader keeps it."));
	catch_signals();
	if (c->vscard)
		err = sim_vscard_serve(card, c->vscard, &stop, &insert);
	else if (c->vpcd)
		err = sim_vpcd_serve(card, (unsigned int)c->vpcd, &stop, &insert);
	else
		err = serve_usbip(c, card);
	if (err >= 0)	/* a usage error has been told */
		return err;
	if (err == CR_E_NOT_FOUND)
		return cli_fail(c, CLI_ERROR, "not-found", NULL,
				_("There is no sample card \"%s\"; \"cardring sim list\" lists them."), card);
	if (err == CR_E_NO_DRIVER)
		return cli_fail(c, CLI_ERROR, "no-vhci", NULL,
				_("The module vhci_hcd is not loaded: as root, \"modprobe vhci_hcd\"."));
	if (err == CR_E_READER_DENIED)
		return cli_fail(c, CLI_ERROR, "not-root", NULL, _("Only root may plug in virtual readers."));
	if (err == CR_E_IO || err == CR_E_TIMEOUT)
		return cli_fail(c, CLI_ERROR, cli_error_code(err), NULL, _("The card could not be put in: %s"),
				err == CR_E_TIMEOUT ? _("nobody listens on the socket") : strerror(errno));
	return cli_fail_err(c, err, NULL, NULL);
}

int cmd_sim(struct cli *c)
{
	static const struct { const char *name; size_t args; int (*run)(const struct cli *c); } actions[] = {
		{ "list", 1, list }, { "make", 2, make }, { "serve", 2, serve },
	};
	static const char *const names[] = { "list", "make", "serve", NULL };
	const char *action = c->n_args ? c->args[0] : "", *near;

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(action, actions[i].name))
			continue;
		if (c->n_args == actions[i].args)
			return actions[i].run(c);
		return cli_fail(c, CLI_ERROR, "usage", NULL, c->n_args < actions[i].args ?
				_("Something is missing; see \"cardring help %s\".") :
				_("That is too much; see \"cardring help %s\"."), c->cmd->name);
	}
	near = cli_nearest(action, names);
	return near ? cli_fail(c, CLI_ERROR, "usage", NULL, _("There is no \"cardring %s %s\"; did you mean \"%s\"?"),
			       c->cmd->name, action, near) :
		      cli_fail(c, CLI_ERROR, "usage", NULL, _("Say what to do: cardring %s %s."), c->cmd->name,
			       c->cmd->args);
}
