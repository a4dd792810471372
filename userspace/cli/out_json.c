// SPDX-License-Identifier: BSD-2-Clause
/* An inspection as one JSON object. What the card lacks is null. */
#include <stdio.h>
#include <stdlib.h>
#include "cli.h"

static json_t *reasons(const struct cr_inspection *in)
{
	json_t *list = json_array(), *j;
	char *text;

	for (size_t i = 0; i < in->n_reasons; i++) {
		const struct cr_reason *r = &in->reasons[i];

		text = cli_reason_text(r);
		j = json_object();
		json_object_set_new(j, "code", cli_json_string(r->code));
		json_object_set_new(j, "text", cli_json_string(text));
		json_object_set_new(j, "detail", cli_json_string(r->detail[0] ? r->detail : NULL));
		json_array_append_new(list, j);
		free(text);
	}
	return list;
}

static json_t *checks(const struct cr_inspection *in)
{
	json_t *list = json_array(), *j;

	for (size_t i = 0; i < in->n_checks; i++) {
		const struct cr_check *c = &in->checks[i];

		j = json_object();
		json_object_set_new(j, "name", cli_json_string(c->name));
		json_object_set_new(j, "guideline", cli_json_string(c->guideline));
		json_object_set_new(j, "clause", cli_json_string(c->clause));
		json_object_set_new(j, "part_of", cli_json_string(c->part_of));
		json_object_set_new(j, "result", json_string(cr_result_name(c->result)));
		json_object_set_new(j, "detail", cli_json_string(c->detail[0] ? c->detail : NULL));
		if (c->defect) {
			json_object_set_new(j, "found", json_string(cr_result_name(c->found)));
			json_object_set_new(j, "defect", cli_json_string(c->defect));
		}
		json_array_append_new(list, j);
	}
	return list;
}

/* What defect lists know of such documents. */
static json_t *defects(const struct cr_inspection *in)
{
	json_t *list = json_array(), *j, *groups;

	for (size_t i = 0; i < in->n_listed; i++) {
		const struct cr_listed_defect *d = &in->listed[i];

		groups = json_array();
		for (int n = 1; n <= 31; n++)
			if (d->groups & 1U << n)
				json_array_append_new(groups, json_integer(n));
		j = json_object();
		json_object_set_new(j, "name", cli_json_string(d->name));
		json_object_set_new(j, "oid", cli_json_string(d->oid));
		json_object_set_new(j, "code", d->code < 0 ? json_null() : json_integer(d->code));
		json_object_set_new(j, "data_groups", groups);
		json_object_set_new(j, "country", cli_json_string(d->country[0] ? d->country : NULL));
		json_object_set_new(j, "counts", json_boolean(d->counts));
		json_object_set_new(j, "list", json_pack("{s:o, s:s, s:s}", "signer", cli_json_string(d->list), "state",
							 d->state, "fingerprint", d->fingerprint));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *passive(const struct cr_passive *p)
{
	json_t *j = json_object(), *dgs = json_object();
	char number[12];

	json_object_set_new(j, "status", json_string(cr_result_name(p->status)));
	json_object_set_new(j, "issuer", cli_json_string(p->issuer));
	json_object_set_new(j, "signer", cli_json_string(p->signer));
	json_object_set_new(j, "digest", cli_json_string(p->digest));
	for (int i = 1; i <= 16; i++) {
		if (p->dg[i] == CR_DG_ABSENT)
			continue;
		snprintf(number, sizeof(number), "%d", i);
		json_object_set_new(dgs, number, json_string(cr_dg_status_name(p->dg[i])));
	}
	json_object_set_new(j, "data_groups", dgs);
	return j;
}

static json_t *holder(const struct cr_holder *h)
{
	json_t *j = json_object();

	json_object_set_new(j, "id_number", cli_json_string(h->id_number));
	json_object_set_new(j, "full_name", cli_json_string(h->full_name));
	json_object_set_new(j, "primary_identifier", cli_json_string(h->primary_identifier));
	json_object_set_new(j, "secondary_identifier", cli_json_string(h->secondary_identifier));
	json_object_set_new(j, "date_of_birth", cli_json_string(h->date_of_birth));
	json_object_set_new(j, "sex", cli_json_string(h->sex));
	json_object_set_new(j, "nationality", cli_json_string(h->nationality));
	json_object_set_new(j, "ethnic_group", cli_json_string(h->ethnic_group));
	json_object_set_new(j, "religion", cli_json_string(h->religion));
	json_object_set_new(j, "place_of_origin", cli_json_string(h->place_of_origin));
	json_object_set_new(j, "place_of_residence", cli_json_string(h->place_of_residence));
	json_object_set_new(j, "personal_identification", cli_json_string(h->personal_identification));
	json_object_set_new(j, "father_name", cli_json_string(h->father_name));
	json_object_set_new(j, "mother_name", cli_json_string(h->mother_name));
	json_object_set_new(j, "spouse_name", cli_json_string(h->spouse_name));
	json_object_set_new(j, "former_id_number", cli_json_string(h->former_id_number));
	json_object_set_new(j, "names_cut", json_boolean(h->names_cut));
	return j;
}

static json_t *document(const struct cr_document *d)
{
	json_t *j = json_object();

	json_object_set_new(j, "type", cli_json_string(d->type));
	json_object_set_new(j, "code", cli_json_string(d->code));
	json_object_set_new(j, "issuing_state", cli_json_string(d->issuing_state));
	json_object_set_new(j, "number", cli_json_string(d->number));
	json_object_set_new(j, "date_of_issue", cli_json_string(d->date_of_issue));
	json_object_set_new(j, "date_of_expiry", cli_json_string(d->date_of_expiry));
	json_object_set_new(j, "mrz", cli_json_string(d->mrz));
	return j;
}

static json_t *files(const struct cr_inspection *in)
{
	json_t *list = json_array(), *j;
	char sw[8];

	for (size_t i = 0; i < in->n_files; i++) {
		const struct cr_file *f = &in->files[i];

		snprintf(sw, sizeof(sw), "%04X", f->sw);
		j = json_object();
		json_object_set_new(j, "name", cli_json_string(f->name));
		json_object_set_new(j, "length", f->data ? json_integer((json_int_t)f->len) : json_null());
		json_object_set_new(j, "error", f->err ? json_string(cli_error_code(f->err)) : json_null());
		json_object_set_new(j, "status_word", f->err && f->sw ? json_string(sw) : json_null());
		json_object_set_new(j, "note", cli_json_string(f->note));
		json_array_append_new(list, j);
	}
	return list;
}

/* A text, a number, or what bytes there are. */
static json_t *item(const struct cr_item *it)
{
	json_t *j;

	if (it->text)
		return it->number ? json_integer(strtoll(it->text, NULL, 10)) : cli_json_string(it->text);
	j = json_object();
	json_object_set_new(j, "type", cli_json_string(it->type));
	json_object_set_new(j, "length", json_integer((json_int_t)it->len));
	return j;
}

/* Where it belongs: the object of its file, or of its finger, person, ... in the file's list. */
static json_t *place(json_t *all, const char *file, const struct cr_item *it)
{
	json_t *j = json_object_get(all, file), *list;

	if (!j) {
		j = json_object();
		json_object_set_new(all, file, j);
	}
	if (!it->instance)
		return j;
	list = json_object_get(j, "entries");
	if (!list) {
		list = json_array();
		json_object_set_new(j, "entries", list);
	}
	while (json_is_array(list) && json_array_size(list) < it->instance)
		if (json_array_append_new(list, json_object()))
			return NULL;
	return json_array_get(list, it->instance - 1);
}

static json_t *contents(const struct cr_inspection *in)
{
	json_t *all = json_object(), *to, *list;

	for (size_t i = 0; i < in->n_items; i++) {
		const struct cr_item *it = &in->items[i];

		to = place(all, cli_file_name(in, it->fid), it);
		if (!it->list) {
			json_object_set_new(to, it->name, item(it));
			continue;
		}
		list = json_object_get(to, it->name);
		if (!list) {
			list = json_array();
			json_object_set_new(to, it->name, list);
		}
		json_array_append_new(list, item(it));
	}
	return all;
}

static json_t *portrait(const struct cr_inspection *in)
{
	json_t *j;

	if (!in->portrait)
		return json_null();
	j = json_object();
	json_object_set_new(j, "type", cli_json_string(in->portrait_type));
	json_object_set_new(j, "length", json_integer((json_int_t)in->portrait_len));
	return j;
}

void cli_portrait_json(const struct cli_portrait *p, json_t *inspection)
{
	json_t *j = json_object_get(inspection, "portrait");

	if (!json_is_object(j)) {
		j = json_object();
		json_object_set_new(inspection, "portrait", j);
	}
	json_object_set_new(j, "png", cli_json_string(p->written));
	json_object_set_new(j, "error", cli_json_string(p->error ? _(p->error) : NULL));
	json_object_set_new(j, "damaged", json_boolean(p->picture.damaged));
	if (!p->error) {
		json_object_set_new(j, "width", json_integer(p->picture.width));
		json_object_set_new(j, "height", json_integer(p->picture.height));
	}
}

json_t *cli_inspection_json(const struct cr_inspection *in, const struct cr_reader_info *r, bool verify)
{
	json_t *j = json_object(), *chip;

	if (verify) {
		json_object_set_new(j, "verdict", json_string(cr_verdict_name(in->verdict)));
		json_object_set_new(j, "reasons", reasons(in));
		json_object_set_new(j, "procedure", json_string(cr_procedure_name(in->procedure)));
	}
	json_object_set_new(j, "access", cli_json_access(&in->access));
	if (verify) {
		json_object_set_new(j, "passive_authentication", passive(&in->passive));
		chip = json_object();
		json_object_set_new(chip, "status", json_string(cr_result_name(in->chip_authentication)));
		json_object_set_new(chip, "protocol", cli_json_string(in->chip_protocol));
		json_object_set_new(j, "chip_authentication", chip);
		json_object_set_new(j, "checks", checks(in));
		json_object_set_new(j, "defects", defects(in));
	}
	json_object_set_new(j, "holder", holder(&in->holder));
	json_object_set_new(j, "document", document(&in->document));
	json_object_set_new(j, "contents", contents(in));
	json_object_set_new(j, "portrait", portrait(in));
	json_object_set_new(j, "files", files(in));
	json_object_set_new(j, "reader", r ? cli_json_reader(r, -1) : json_null());
	json_object_set_new(j, "limits", r ? cli_json_limits(&in->limits) : json_null());
	json_object_set_new(j, "exchange", r ? cli_json_exchange(&in->exchange, in->ms) : json_null());
	return j;
}
