// SPDX-License-Identifier: BSD-2-Clause
/* An inspection as a sheet for the person at the desk: the verdict first, then why, then who. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

#define COLUMN	36

static void heading(const char *text)
{
	if (cli_color())
		printf("\n\033[1m%s\033[0m\n", text);
	else
		printf("\n%s\n", text);
}

static void row(const char *label, const char *value)
{
	if (value && *value)
		cli_row(label, value, COLUMN);
}

/* ---- the verdict ---- */

struct verdict_words {
	const char *word, *means;	/* msgids */
	int color;			/* of the terminal's eight */
};

static const struct verdict_words verdicts[] = {
	[CR_GENUINE] = { N_("GENUINE"), N_("The issuing state signed these data, and nothing contradicts them."), 2 },
	[CR_UNPROVEN] = { N_("UNPROVEN"), N_("Nothing proves a forgery, but something is missing. Check the document in another way."), 3 },
	[CR_EXPIRED] = { N_("EXPIRED"), N_("The document or a certificate is past its date."), 3 },
	[CR_REVOKED] = { N_("REVOKED"), N_("The issuing state revoked the signature of this document."), 1 },
	[CR_FORGED] = { N_("FORGED"), N_("The data are not what the issuing state signed. Do not accept this document."), 1 },
	[CR_CLONED] = { N_("CLONED"), N_("The data are right, but the chip is a copy. Do not accept this document."), 1 },
};

static void verdict(const struct cr_inspection *in)
{
	const struct verdict_words *v = &verdicts[in->verdict];
	const char *word = _(v->word);
	bool foreign = strcmp(word, v->word);

	printf("\n  ");
	if (cli_color())
		printf("\033[1;7;3%dm %s \033[0m", v->color, word);
	else
		printf("%s", word);
	/* the word that --json and the manual have, too */
	if (foreign)
		printf("  (%s)", cr_verdict_name(in->verdict));
	printf("\n");
	cli_row("", _(v->means), 2);
}

static void reasons(const struct cr_inspection *in)
{
	char *text;

	if (!in->n_reasons)
		return;
	heading(_("Reasons"));
	for (size_t i = 0; i < in->n_reasons; i++) {
		text = cli_reason_text(&in->reasons[i]);
		if (text)
			cli_row("-", text, 4);
		free(text);
	}
}

/* ---- who ---- */

/* ISO 8601 as the language writes it: strftime's msgid is for whole dates only. */
static const char *date(const char *iso, char out[32])
{
	int y, m, d;

	if (!iso)
		return NULL;
	if (!strcmp(iso, "unlimited"))
		return _("unlimited");
	if (strlen(iso) == 10 && sscanf(iso, "%4d-%2d-%2d", &y, &m, &d) == 3) {
		/* the order of year (1), month (2) and day (3) is the translation's */
		snprintf(out, 32, _("%1$04d-%2$02d-%3$02d"), y, m, d);
		return out;
	}
	return iso;
}

static const char *sex(const char *s)
{
	if (!s)
		return NULL;
	return !strcmp(s, "M") ? _("male") : !strcmp(s, "F") ? _("female") : !strcmp(s, "X") ? _("unspecified") : s;
}

void cli_holder_text(const struct cr_inspection *in)
{
	const struct cr_holder *h = &in->holder;
	const struct cr_document *d = &in->document;
	char buf[32], name[256];

	heading(_("Holder"));
	row(_("Full name"), h->full_name);
	if (h->names_cut)
		cli_row("", _("The machine readable zone had no room for more of the name."), COLUMN);
	if (!h->full_name && h->primary_identifier) {
		snprintf(name, sizeof(name), "%s%s%s", h->primary_identifier, h->secondary_identifier ? ", " : "",
			 h->secondary_identifier ? h->secondary_identifier : "");
		row(_("Full name"), name);
	}
	row(_("Identity number"), h->id_number);
	row(_("Date of birth"), date(h->date_of_birth, buf));
	row(_("Sex"), sex(h->sex));
	row(_("Nationality"), h->nationality);
	row(_("Ethnic group"), h->ethnic_group);
	row(_("Religion"), h->religion);
	row(_("Place of origin"), h->place_of_origin);
	row(_("Place of residence"), h->place_of_residence);
	row(_("Personal identification"), h->personal_identification);
	row(_("Father's name"), h->father_name);
	row(_("Mother's name"), h->mother_name);
	row(_("Spouse's name"), h->spouse_name);
	row(_("Former identity number"), h->former_id_number);

	heading(_("Document"));
	row(_("Issuing state"), d->issuing_state);
	row(_("Document type"), !d->code ? NULL : d->code[0] == 'P' ? _("passport") : _("identity card"));
	row(_("Document number"), d->number);
	row(_("Date of issue"), date(d->date_of_issue, buf));
	row(_("Date of expiry"), date(d->date_of_expiry, buf));
}

/* ---- what else the files say ---- */

static void item(const struct cr_item *it)
{
	char text[160], buf[32];
	const char *word;

	if (it->text) {
		word = cli_item_word(it);
		row(cli_item_label(it->name), word == it->text ? date(word, buf) : word);
		return;
	}
	if (it->type)
		snprintf(text, sizeof(text), _("%s, %zu bytes"), it->type, it->len);
	else
		snprintf(text, sizeof(text), _("not readable as text, %zu bytes"), it->len);
	row(cli_item_label(it->name), text);
}

/* People first, then pictures of them; at the end of the sheet what is for engineers. */
static const uint16_t told[] = { 0x010b, 0x010c, 0x0110, 0x0102, 0x0105, 0x0107, 0x0103, 0x0104 };
static const uint16_t technical[] = { 0x010e, 0x010f, 0x2f00, 0x2f01 };

static void contents(const struct cr_inspection *in, const uint16_t *fids, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		const struct cr_item *last = NULL;

		for (size_t i = 0; i < in->n_items; i++) {
			const struct cr_item *it = &in->items[i];

			if (it->fid != fids[k])
				continue;
			if (!last)
				heading(cli_file_title(it->fid));
			else if (last->instance != it->instance)
				printf("\n");
			item(it);
			last = it;
		}
	}
}

/* ---- how it was found out ---- */

static void check(const struct cr_check *c)
{
	const char *label = cli_check_label(c->name), *result = _(cr_result_name(c->result));
	char *detail, *value = NULL;
	int n;

	if (!label)
		return;
	detail = cli_detail_text(c->defect ? c->defect : c->detail);
	n = detail && *detail ? asprintf(&value, "%s (%s)", result, detail) : asprintf(&value, "%s", result);

	if (n >= 0)
		row(label, value);
	if (n >= 0)
		free(value);
	free(detail);
}

static void data_groups(const struct cr_inspection *in)
{
	static const enum cr_dg_status order[] = {
		CR_DG_MATCH, CR_DG_MISMATCH, CR_DG_UNHASHED, CR_DG_LOCKED, CR_DG_UNREAD,
		CR_DG_UNWANTED,
	};
	char text[512] = "";
	size_t n = 0;

	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
		bool any = false;

		for (int i = 1; i <= 16; i++) {
			if (in->passive.dg[i] != order[k] || n >= sizeof(text) - 16)
				continue;
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%sDG%d", any ? ", " : n ? "; " : "", i);
			any = true;
		}
		if (any && n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", _(cr_dg_status_name(order[k])));
		if (n >= sizeof(text))
			break;
	}
	row(_("Data groups"), text);
}

/* "PACE, GM, AES-128, brainpoolP256r1, with the CAN" */
static void access_row(const struct cr_access *a)
{
	const char *parts[] = { a->protocol, a->mapping, a->cipher, a->curve };
	char text[256];
	size_t n = 0;

	if (!a->protocol)
		return;
	if (!strcmp(a->protocol, "none")) {
		row(_("Access"), _("none needed: the chip is open to everybody"));
		return;
	}
	for (size_t i = 0; i < 4; i++)
		if (parts[i] && n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "", parts[i]);
	if (a->password && n < sizeof(text))
		snprintf(text + n, sizeof(text) - n, _(", with the %s"), a->password);
	row(_("Access"), text);
}

static void how(const struct cr_inspection *in, const struct cr_reader_info *r)
{
	const struct cr_exchange *x = &in->exchange;
	char text[256];

	if (!r)
		return;
	row(_("Reader"), r->name);
	snprintf(text, sizeof(text), _("%llu commands, %llu bytes sent, %llu received, %u ms"),
		 (unsigned long long)x->commands, (unsigned long long)x->bytes_sent,
		 (unsigned long long)x->bytes_received, in->ms);
	row(_("Exchange"), text);
}

static void unread(const struct cr_inspection *in)
{
	char text[160];

	for (size_t i = 0; i < in->n_files; i++) {
		const struct cr_file *f = &in->files[i];

		if (f->data && f->note)
			snprintf(text, sizeof(text), "%s", _(f->note));
		else if (f->data)
			snprintf(text, sizeof(text), _("%zu bytes"), f->len);
		else if (f->err == CR_E_ACCESS_REFUSED)
			snprintf(text, sizeof(text), "%s", _("locked"));
		else if (f->sw)
			snprintf(text, sizeof(text), _("could not be read (%04X)"), f->sw);
		else
			snprintf(text, sizeof(text), "%s", _("could not be read"));
		row(f->name, text);
	}
}

void cli_inspection_text(const struct cr_inspection *in, const struct cr_reader_info *r, bool verify)
{
	if (verify) {
		verdict(in);
		reasons(in);
	}
	cli_holder_text(in);
	contents(in, told, sizeof(told) / sizeof(told[0]));
	if (!verify) {
		heading(_("Files"));
		unread(in);
		contents(in, technical, sizeof(technical) / sizeof(technical[0]));
		heading(_("Reading"));
		access_row(&in->access);
		how(in, r);
		cli_row("", _("This was not verified: \"cardring verify\" says whether the document is genuine."), 2);
		return;
	}
	heading(_("Checks"));
	for (size_t i = 0; i < in->n_checks; i++)
		check(&in->checks[i]);
	data_groups(in);
	row(_("Issuer"), in->passive.issuer);
	row(_("Signer"), in->passive.signer);
	contents(in, technical, sizeof(technical) / sizeof(technical[0]));
	heading(_("Reading"));
	row(_("Inspection procedure"), _(cr_procedure_name(in->procedure)));
	access_row(&in->access);
	row(_("Chip authentication"), in->chip_protocol);
	row(_("Terminal authentication"), in->access.terminal_why ? _(in->access.terminal_why) : in->access.terminal);
	how(in, r);
}
