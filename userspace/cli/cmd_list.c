// SPDX-License-Identifier: BSD-2-Clause
/* "cardring list" and "cardring monitor": readers, their slots, who holds them; and their changes. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cardring/pin.h>
#include "cli.h"

#define LOOK_MS	2000	/* a reader that could not be opened does not tell of its cards */

static const char *level_text(unsigned int level)
{
	switch (level) {
	case CARDRING_LEVEL_CHARACTER:		return _("characters");
	case CARDRING_LEVEL_TPDU:		return _("TPDU");
	case CARDRING_LEVEL_SHORT_APDU:		return _("short APDU");
	case CARDRING_LEVEL_EXTENDED_APDU:	return _("extended APDU");
	}
	return _("unknown");
}

static void detail(const char *label, const char *value)
{
	char indented[64];

	snprintf(indented, sizeof(indented), "    %s", label);
	cli_row(indented, value, 24);
}

static void show_pinpad(const struct cr_reader_info *r)
{
	struct cr_pinpad pad;
	char text[64];

	cr_reader_pinpad(r, &pad);
	if (pad.verify || pad.modify)
		detail(_("keypad"), pad.verify && pad.modify ? _("verifies and changes PINs") :
		       pad.verify ? _("verifies PINs") : _("changes PINs"));
	if (pad.lines) {
		snprintf(text, sizeof(text), "%u x %u", pad.columns, pad.lines);
		detail(_("display"), text);
	}
}

static void show(const struct cli *c, const struct cr_reader_info *r, int index)
{
	char head[16], text[512];
	struct cli_blame blame;

	snprintf(head, sizeof(head), "%d", index);
	cli_row(head, r->name, 6);
	detail(_("card"), cli_slot_state_text(r));
	detail(_("exchange level"), level_text(r->dev.level));
	show_pinpad(r);
	if (r->dev.vendor) {
		snprintf(text, sizeof(text), "%04x:%04x", r->dev.vendor, r->dev.product);
		detail("USB", text);
	}
	if (r->dev.serial[0])
		detail(_("serial number"), r->dev.serial);
	snprintf(text, sizeof(text), "%s (%s)", r->path, r->backend);
	detail(_("path"), text);
	if (r->token)
		detail(_("security token"), _("left to its own programs; --reader names it"));
	cli_blame_reader(r, &blame);
	cli_blame_text(&blame, text, sizeof(text));
	if (*text)
		detail(_("held by"), text);
	if (!r->error)
		return;
	detail(_("error"), _(cr_strerror(r->error)));
	if (blame.kind != CLI_BLAME_NOBODY)
		cli_blame_remedy("", &blame, text, sizeof(text));
	else
		cli_remedy(c, text, sizeof(text), r->error, r);
	if (*text)
		detail(_("what to do"), text);
}

int cmd_list(struct cli *c)
{
	struct cr_reader_info *all = NULL;
	json_t *list;
	int n;

	if (c->n_args)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("\"cardring %s\" takes options only."), c->cmd->name);
	n = cr_reader_list(&all);
	if (n <= 0) {
		free(all);
		return cli_fail_no_reader(c, n, json_pack("{s:[]}", "readers"));
	}
	if (c->json) {
		list = json_array();
		for (int i = 0; i < n; i++)
			json_array_append_new(list, cli_json_reader(&all[i], i));
		free(all);
		return cli_json_print(json_pack("{s:o}", "readers", list));
	}
	for (int i = 0; i < n; i++)
		show(c, &all[i], i);
	free(all);
	return CLI_OK;
}

/* ---- monitor ---- */

struct view { struct cr_reader_info *r; int n; };

/* Not by the list's name: that gets a serial number when a reader of the same make comes beside it. */
static bool same(const struct cr_reader_info *a, const struct cr_reader_info *b)
{
	/* not known of a reader that does not open: udev may not have come to it yet */
	bool known = a->dev.devnum && b->dev.devnum;

	return !strcmp(a->path, b->path) && a->slot == b->slot &&
	       (!known || (a->dev.busnum == b->dev.busnum && a->dev.devnum == b->dev.devnum)) &&
	       !strcmp(a->dev.name, b->dev.name) && !strcmp(a->dev.serial, b->dev.serial);
}

static const struct cr_reader_info *find(const struct view *v, const struct cr_reader_info *r)
{
	for (int i = 0; i < v->n; i++)
		if (same(&v->r[i], r))
			return &v->r[i];
	return NULL;
}

static bool has_card(const struct cr_reader_info *r)
{
	return r->state == CARDRING_SLOT_PRESENT || r->state == CARDRING_SLOT_POWERED;
}

enum what { READER_IN, READER_OUT, CARD_IN, CARD_OUT };
static const struct { const char *code, *text; } events[] = {
	[READER_IN] = { "reader-added", N_("reader added") },
	[READER_OUT] = { "reader-removed", N_("reader removed") },
	[CARD_IN] = { "card-inserted", N_("card inserted") },
	[CARD_OUT] = { "card-removed", N_("card removed") },
};

static void tell(const struct cli *c, enum what e, const struct cr_reader_info *r)
{
	char time_now[40], *name, *line;
	time_t now = time(NULL);
	struct tm tm;
	json_t *j;
	size_t w;

	localtime_r(&now, &tm);
	if (c->json) {
		strftime(time_now, sizeof(time_now), "%Y-%m-%dT%H:%M:%S%z", &tm);
		j = json_object();
		json_object_set_new(j, "event", json_string(events[e].code));
		json_object_set_new(j, "time", json_string(time_now));
		json_object_set_new(j, "reader", cli_json_reader(r, -1));
		line = json_dumps(j, JSON_COMPACT);
		if (line)
			puts(line);
		free(line);
		json_decref(j);
	} else {
		strftime(time_now, sizeof(time_now), "%H:%M:%S", &tm);
		name = cli_clean(r->name);
		w = cli_width(_(events[e].text));
		printf("%s  %s%*s  %s\n", time_now, _(events[e].text), w < 20 ? (int)(20 - w) : 0, "", name ? name : "");
		free(name);
	}
	fflush(stdout);
}

static void compare(const struct cli *c, const struct view *old, const struct view *now)
{
	const struct cr_reader_info *r, *was;

	for (int i = 0; i < old->n; i++)
		if (!find(now, &old->r[i]))
			tell(c, READER_OUT, &old->r[i]);
	for (int i = 0; i < now->n; i++) {
		r = &now->r[i];
		was = find(old, r);
		if (!was)
			tell(c, READER_IN, r);
		if (has_card(r) && (!was || !has_card(was)))
			tell(c, CARD_IN, r);
		if (was && has_card(was) && r->state == CARDRING_SLOT_EMPTY)
			tell(c, CARD_OUT, r);
	}
}

int cmd_monitor(struct cli *c)
{
	struct view old = { 0 }, now;
	cr_monitor_t *mon = NULL;
	int err = 0;

	if (c->n_args)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("\"cardring %s\" takes options only."), c->cmd->name);
	err = cr_monitor_open(&mon);
	if (err)
		return cli_fail_err(c, err, NULL, NULL);
	cli_catch_signals();
	while (!cli_canceled && !ferror(stdout)) {
		struct pollfd p = { .fd = cr_monitor_fd(mon), .events = POLLIN };

		now.r = NULL;
		now.n = cr_reader_list(&now.r);
		if (now.n < 0 && now.n != CR_E_NO_READER && now.n != CR_E_NO_DRIVER) {
			err = now.n;
			break;
		}
		if (now.n < 0)
			now.n = 0;
		compare(c, &old, &now);
		free(old.r);
		old = now;
		if (poll(&p, 1, LOOK_MS) > 0)
			while (!cli_canceled && cr_monitor_read(mon) > 0)
				;
	}
	free(old.r);
	cr_monitor_close(mon);
	return err ? cli_fail_err(c, err, NULL, NULL) : CLI_OK;
}
