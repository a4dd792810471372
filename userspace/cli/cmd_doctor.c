// SPDX-License-Identifier: BSD-2-Clause
/* "cardring doctor": the whole way from this user to a card, a line a check, and what to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include "doctor.h"

static void show(const struct doctor_finding *f)
{
	static const char *const marks[] = { N_("ok"), N_("warning"), N_("wrong") };
	static const char *const colors[] = { "32", "33", "31" };
	const char *mark = _(marks[f->result]);
	char head[64];

	snprintf(head, sizeof(head), "%s", mark);
	if (cli_color())
		printf("\033[%sm", colors[f->result]);
	cli_row(head, f->text, 12);
	if (cli_color())
		printf("\033[m");
	if (*f->remedy)
		cli_row("", f->remedy, 12);
}

static json_t *as_json(const struct doctor_finding *f)
{
	json_t *j = json_pack("{s:s, s:s}", "name", f->name, "result", doctor_result_name(f->result));

	json_object_set_new(j, "text", cli_json_string(f->text));
	json_object_set_new(j, "remedy", cli_json_string(*f->remedy ? f->remedy : NULL));
	return j;
}

static bool examine(struct doctor *d)
{
	static const char *const trusted[] = { DATADIR "/trust", "/etc/cardring/trust" };
	const char *backend = getenv("CARDRING_BACKEND");
	struct cr_reader_info *list = NULL;
	bool readable, known;
	int n;

	doctor_module(d);
	doctor_signature(d);
	doctor_blacklist(d);
	doctor_udev(d);
	doctor_pcscd(d);
	doctor_readers(d);
	doctor_trust(d, trusted, sizeof(trusted) / sizeof(trusted[0]));
	known = !backend || !*backend || cli_use_backend(backend);
	doctor_environment(d, backend, known);
	n = cr_reader_list(&list);
	readable = doctor_card(d, list, n);
	free(list);
	return known && readable;
}

int cmd_doctor(struct cli *c)
{
	struct doctor *d;
	struct utsname u;
	json_t *list;
	bool readable;
	int rc;

	if (c->n_args)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("\"cardring %s\" takes options only."), c->cmd->name);
	d = calloc(1, sizeof(*d));
	if (!d)
		return cli_fail_err(c, CR_E_NOMEM, NULL, NULL);
	d->root = "";
	d->release = uname(&u) ? "?" : u.release;
	readable = examine(d);
	rc = readable ? CLI_OK : CLI_NO_READER;
	if (c->json) {
		list = json_array();
		for (size_t i = 0; i < d->n; i++)
			json_array_append_new(list, as_json(&d->finding[i]));
		if (cli_json_print(json_pack("{s:b, s:s, s:o}", "readable", readable, "kernel", d->release, "checks", list)))
			rc = CLI_ERROR;
	} else {
		for (size_t i = 0; i < d->n; i++)
			show(&d->finding[i]);
	}
	free(d);
	return rc;
}
