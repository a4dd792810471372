// SPDX-License-Identifier: BSD-2-Clause
/* cardring: from the command line to the command. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include "cli.h"

const struct cli_command *cli_command(const char *name)
{
	for (const struct cli_command *cmd = cli_commands; cmd->name; cmd++)
		if (!strcmp(cmd->name, name))
			return cmd;
	return NULL;
}

/* Before the options are taken apart, since mistakes in them are told in this language too. */
static void look_ahead(struct cli *c, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--json"))
			c->json = true;
		else if (!strcmp(argv[i], "--lang") && i + 1 < argc)
			c->lang = argv[i + 1];
		else if (!strncmp(argv[i], "--lang=", 7))
			c->lang = argv[i] + 7;
	}
}

static int version(const struct cli *c)
{
	if (c->json)
		return cli_json_print(json_pack("{s:s, s:i}", "version", CLI_VERSION, "abi",
						CARDRING_ABI_VERSION));
	printf("cardring %s\n", CLI_VERSION);
	return CLI_OK;
}

static int run(struct cli *c, int argc, char **argv)
{
	const char *lang;
	int rc;

	look_ahead(c, argc, argv);
	lang = c->lang;
	if (!cli_i18n(lang)) {
		cli_i18n(NULL);
		return cli_fail(c, CLI_ERROR, "usage", NULL,
				_("There is no language \"%s\" here; --lang takes vi or en."), lang);
	}
	rc = cli_opts_parse(c, argc, argv);
	if (rc)
		return rc;
	if (c->version)
		return version(c);
	if (c->help || argc == 1)
		return cli_help(c, c->cmd);
	if (!c->cmd)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("Say what to do: \"cardring help\" lists the commands."));
	rc = c->cmd->options & (CLI_FOR_READER | CLI_FOR_LIST) ? cli_choose_backend(c) : 0;
	return rc ? rc : c->cmd->run(c);
}

int main(int argc, char **argv)
{
	struct cli c = { 0 };
	int rc;

	/* no core file holds a person's data, and no other process of the user looks into this one */
	prctl(PR_SET_DUMPABLE, 0);
	rc = run(&c, argc, argv);

	/* A result that did not reach its reader is none. */
	if (fflush(stdout) || ferror(stdout)) {
		cli_note(_("The output could not be written: %s"), strerror(errno));
		rc = rc ? rc : CLI_ERROR;
	}
	cli_opts_free(&c);
	return rc;
}
