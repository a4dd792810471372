// SPDX-License-Identifier: BSD-2-Clause
/*
 * What --out writes beside the files, and "cardring verify --from" reads again: how access was got and
 * whether the chip proved itself, which nobody can find out later without it, and which files could
 * not be read. It holds nothing about the person. Nothing in it is signed: it says what this folder's
 * owner saw, and to nobody else does it prove anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli.h"
#include "eid/checks.h"
#include "eid/lds.h"
#include "trust/folder.h"

#define MAX_RECORD	65536
#define MAX_FILES	64	/* EF.COM, EF.SOD, sixteen data groups, and what says nothing about the person */

/* What only the chip can answer. */
static bool by_chip(enum cr_check_id id)
{
	switch (id) {
	case CR_CHECK_APPLICATION:
	case CR_CHECK_BAC:
	case CR_CHECK_PACE:
	case CR_CHECK_PLAIN:
	case CR_CHECK_AA:
	case CR_CHECK_CA:
	case CR_CHECK_PACE_CAM:
	case CR_CHECK_TERMINAL_AUTHENTICATION:
	case CR_CHECK_CARD_ACCESS_AUTHENTIC:
	case CR_CHECK_READ:
		return true;
	default:
		return false;
	}
}

/* CR_CHECK_COUNT: none of them. */
static enum cr_check_id recorded(const char *name)
{
	int id = 0;

	while (id < CR_CHECK_COUNT && (!by_chip((enum cr_check_id)id) || strcmp(name, cr_check_name((enum cr_check_id)id))))
		id++;
	return (enum cr_check_id)id;
}

static json_t *checks(const struct cr_inspection *in)
{
	json_t *list = json_array();

	for (size_t i = 0; i < in->n_checks; i++) {
		const struct cr_check *c = &in->checks[i];

		if (recorded(c->name) != CR_CHECK_COUNT)
			json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", c->name, "result",
					      cr_result_name(c->found), "detail", cli_json_string(c->detail)));
	}
	return list;
}

/* What the chip answered: defect lists are those of whoever judges it later. */
static enum cr_result chip_found(const struct cr_inspection *in)
{
	for (size_t i = 0; i < in->n_checks; i++)
		if (in->checks[i].defect && !strcmp(in->checks[i].name, cr_check_name(CR_CHECK_CHIP_AUTHENTICATION)))
			return in->checks[i].found;
	return in->chip_authentication;
}

char *cli_record_text(const struct cr_inspection *in)
{
	json_t *j = json_object(), *files = json_array(), *chip = json_object();
	char now[24], *text;
	time_t t = time(NULL);
	struct tm tm;

	strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	for (size_t i = 0; i < in->n_files; i++) {
		const struct cr_file *f = &in->files[i];

		json_array_append_new(files, json_pack("{s:s, s:b, s:b, s:i}", "name", f->name, "read", f->data != NULL,
						       "locked", f->err == CR_E_ACCESS_REFUSED, "status_word", f->sw));
	}
	json_object_set_new(chip, "status", json_string(cr_result_name(chip_found(in))));
	json_object_set_new(chip, "protocol", cli_json_string(in->chip_protocol));
	json_object_set_new(chip, "proved", json_boolean(in->chip_proved));
	json_object_set_new(j, "cardring", json_integer(1));
	json_object_set_new(j, "time", json_string(now));
	json_object_set_new(j, "need", json_integer(in->need));
	json_object_set_new(j, "procedure", json_string(cr_procedure_name(in->procedure)));
	json_object_set_new(j, "access", cli_json_access(&in->access));
	json_object_set_new(j, "chip_authentication", chip);
	json_object_set_new(j, "checks", checks(in));
	json_object_set_new(j, "files", files);
	text = json_dumps(j, JSON_INDENT(2));
	json_decref(j);
	return text;
}

/* ---- read again ---- */

static int result_of(const char *name)
{
	for (int r = CR_SUCCESSFUL; r <= CR_ABORTED; r++)
		if (name && !strcmp(cr_result_name((enum cr_result)r), name))
			return r;
	return -1;
}

static uint16_t fid_of(const char *name)
{
	int n, end = 0;

	if (!strcmp(name, "EF.COM"))
		return CR_FID_COM;
	if (!strcmp(name, "EF.SOD"))
		return CR_FID_SOD;
	if (!strcmp(name, "EF.CardSecurity"))
		return CR_FID_SAVED_SECURITY;
	return sscanf(name, "DG%2d%n", &n, &end) == 1 && !name[end] && n >= 1 && n <= 16 ? CR_FID_DG(n) : 0;
}

static const char *string_of(const json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

/*
 * Folders of before the protocols had checks of their own: what one of two results was of, the protocol
 * tells that is named beside it.
 */
static enum cr_check_id recorded_before(const struct cr_inspection *in, const char *name)
{
	const char *access = in->access.protocol ? in->access.protocol : "";
	const char *chip = in->chip_protocol ? in->chip_protocol : "";

	if (!strcmp(name, "access"))
		return !strcmp(access, "PACE") ? CR_CHECK_PACE : !strcmp(access, "BAC") ? CR_CHECK_BAC : CR_CHECK_PLAIN;
	if (!strcmp(name, "chip-authentication"))
		return !strncmp(chip, "PACE", 4) ? CR_CHECK_PACE_CAM : !strncmp(chip, "AA", 2) ? CR_CHECK_AA :
		       CR_CHECK_CA;
	return CR_CHECK_COUNT;
}

/* The check of a proof by EF.CardSecurity, which can be found out as far as that file goes. */
static enum cr_check_id proved_by(const struct cr_inspection *in)
{
	return in->chip_protocol && !strncmp(in->chip_protocol, "CA v2", 5) ? CR_CHECK_CA : CR_CHECK_PACE_CAM;
}

/* Folders of before have none: whoever wrote them took the advanced one where the chip had it, and did not say. */
static enum cr_procedure procedure_of(const char *name)
{
	for (int p = CR_PROCEDURE_ADVANCED; name && p <= CR_PROCEDURE_GENERAL; p++)
		if (!strcmp(cr_procedure_name((enum cr_procedure)p), name))
			return (enum cr_procedure)p;
	return CR_PROCEDURE_STANDARD;
}

static int load_checks(struct cr_inspection *in, const json_t *list)
{
	const char *name, *detail;
	enum cr_check_id id;
	const json_t *j;
	int r, err = 0;
	size_t i;

	json_array_foreach(list, i, j) {
		name = string_of(j, "name");
		detail = string_of(j, "detail");
		r = result_of(string_of(j, "result"));
		if (!name || r < 0)
			return CR_E_MALFORMED;
		id = recorded(name);
		if (id == CR_CHECK_COUNT)
			id = recorded_before(in, name);
		/* what can be found out is not believed */
		if (id != CR_CHECK_COUNT && !(in->chip_proved && id == proved_by(in)))
			err = cr_check_set(in, id, (enum cr_result)r, "%s", detail ? detail : "");
		if (err)
			return err;
	}
	return 0;
}

/* errno is set on CR_E_IO. */
static int load_file(struct cr_inspection *in, int dir, const json_t *j)
{
	const char *name = string_of(j, "name");
	struct cr_file *f = &in->files[in->n_files];
	char path[32];

	if (!name)
		return CR_E_MALFORMED;
	if (!fid_of(name))		/* of no weight: EF.DIR; and nothing that leads out of the folder */
		return 0;
	for (size_t i = 0; i < in->n_files; i++)
		if (in->files[i].fid == fid_of(name))
			return CR_E_MALFORMED;
	memset(f, 0, sizeof(*f));
	f->fid = fid_of(name);
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->sw = (uint16_t)json_integer_value(json_object_get(j, "status_word"));
	in->n_files++;
	if (!json_is_true(json_object_get(j, "read"))) {
		f->err = json_is_true(json_object_get(j, "locked")) ? CR_E_ACCESS_REFUSED : CR_E_CARD_STATUS;
		return 0;
	}
	snprintf(path, sizeof(path), "%s.bin", name);
	errno = ENOENT;
	f->data = cr_folder_read(dir, path, 1 << 24, &f->len);
	return f->data ? 0 : CR_E_IO;
}

static int load(struct cr_inspection *in, int dir, const json_t *j)
{
	const json_t *access = json_object_get(j, "access"), *files = json_object_get(j, "files"), *one;
	const json_t *chip = json_object_get(j, "chip_authentication");
	int r = result_of(string_of(chip, "status")), err;
	size_t i;

	if (json_integer_value(json_object_get(j, "cardring")) != 1 || r < 0 || !json_is_array(files) ||
	    json_array_size(files) > MAX_FILES || !json_is_array(json_object_get(j, "checks")))
		return CR_E_MALFORMED;
	in->need = (uint32_t)json_integer_value(json_object_get(j, "need"));	/* 0: all */
	in->chip_authentication = (enum cr_result)r;
	in->chip_protocol = string_of(chip, "protocol");
	in->procedure = procedure_of(string_of(j, "procedure"));
	in->chip_proved = json_is_true(json_object_get(chip, "proved"));
	/* by a key in EF.CardSecurity, with that alone: an older record does not tell, and has not the file either */
	if (in->chip_authentication == CR_SUCCESSFUL && in->chip_protocol &&
	    (!strncmp(in->chip_protocol, "PACE-CAM", 8) || !strncmp(in->chip_protocol, "CA v2", 5)))
		in->chip_proved = true;
	in->access = (struct cr_access){
		.protocol = string_of(access, "protocol"), .mapping = string_of(access, "mapping"),
		.cipher = string_of(access, "cipher"), .curve = string_of(access, "curve"),
		.password = string_of(access, "password"),
		.tries = (unsigned int)json_integer_value(json_object_get(access, "tries")),
		.terminal = string_of(access, "terminal"), .terminal_why = string_of(access, "terminal_refused"),
	};
	in->files = calloc(MAX_FILES, sizeof(*in->files));
	if (!in->files)
		return CR_E_NOMEM;
	err = load_checks(in, json_object_get(j, "checks"));
	json_array_foreach(files, i, one) {
		if (!err)
			err = load_file(in, dir, one);
	}
	return err;
}

static int load_dir(struct cr_inspection *in, int dir, json_t **record)
{
	unsigned char *text;
	size_t len;

	errno = ENOENT;
	text = cr_folder_read(dir, CLI_RECORD, MAX_RECORD, &len);
	if (!text)
		return CR_E_NOT_FOUND;
	*record = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	return *record ? load(in, dir, *record) : CR_E_MALFORMED;
}

int cli_record_load(const struct cli *c, const char *path, struct cr_inspection **in, json_t **record)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	*record = NULL;
	*in = NULL;
	if (dir < 0)
		return cli_fail(c, CLI_ERROR, "io", NULL, _("%s cannot be read: %s"), path, strerror(errno));
	*in = calloc(1, sizeof(**in));
	err = *in ? load_dir(*in, dir, record) : CR_E_NOMEM;
	close(dir);
	switch (err) {
	case 0:
		return 0;
	case CR_E_NOT_FOUND:
		return cli_fail(c, CLI_ERROR, "not-found", NULL,
				_("There is no %s in %s: \"cardring read --out\" writes it beside a card's files."),
				CLI_RECORD, path);
	case CR_E_MALFORMED:
		return cli_fail(c, CLI_ERROR, "malformed", NULL, _("%s/%s is damaged."), path, CLI_RECORD);
	case CR_E_IO:
		return cli_fail(c, CLI_ERROR, "io", NULL, _("A file that %s/%s names cannot be read: %s"), path,
				CLI_RECORD, strerror(errno));
	}
	return cli_fail_err(c, err, NULL, NULL);
}
