// SPDX-License-Identifier: BSD-2-Clause
/* The pieces that JSON objects of several commands share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <cardring/pin.h>
#include "cli.h"

json_t *cli_json_string(const char *s)
{
	json_t *j;
	char *clean;

	if (!s)
		return json_null();
	j = json_string(s);	/* NULL where s is no UTF-8 */
	if (j)
		return j;
	clean = cli_clean(s);
	j = clean ? json_string(clean) : NULL;
	free(clean);
	return j;
}

json_t *cli_json_hex(const uint8_t *p, size_t n)
{
	char *s = malloc(2 * n + 1);
	json_t *j;

	if (!s)
		return NULL;
	for (size_t i = 0; i < n; i++)
		sprintf(s + 2 * i, "%02X", p[i]);
	s[2 * n] = '\0';
	j = json_string(s);
	OPENSSL_cleanse(s, 2 * n);
	free(s);
	return j;
}

int cli_json_print(json_t *object)
{
	int err = object ? json_dumpf(object, stdout, JSON_INDENT(2)) : -1;

	json_decref(object);
	if (err) {
		if (!ferror(stdout))	/* else main tells it */
			cli_note("%s", _(cr_strerror(CR_E_NOMEM)));
		return CLI_ERROR;
	}
	printf("\n");
	return CLI_OK;
}

static json_t *keypad(const struct cr_reader_info *r)
{
	struct cr_pinpad pad;

	cr_reader_pinpad(r, &pad);
	if (!pad.verify && !pad.modify)
		return json_null();
	return json_pack("{s:b, s:b}", "verify", pad.verify, "change", pad.modify);
}

static json_t *display(const struct cr_reader_info *r)
{
	struct cr_pinpad pad;

	cr_reader_pinpad(r, &pad);
	return pad.lines ? json_pack("{s:i, s:i}", "lines", pad.lines, "columns", pad.columns) : json_null();
}

json_t *cli_json_blame(const struct cli_blame *b)
{
	static const char *const kinds[] = {
		[CLI_BLAME_PROCESS] = "process", [CLI_BLAME_DRIVER] = "driver", [CLI_BLAME_HIDDEN] = "hidden",
	};
	char remedy[320];
	json_t *j;

	if (b->kind == CLI_BLAME_NOBODY)
		return json_null();
	cli_blame_remedy("", b, remedy, sizeof(remedy));
	j = json_pack("{s:s}", "kind", kinds[b->kind]);
	json_object_set_new(j, "pid", b->pid ? json_integer(b->pid) : json_null());
	json_object_set_new(j, "name", cli_json_string(*b->name ? b->name : NULL));
	json_object_set_new(j, "remedy", cli_json_string(remedy));
	return j;
}

json_t *cli_json_reader(const struct cr_reader_info *r, int index)
{
	struct cli_blame blame;
	json_t *j = json_object();
	char id[8];

	if (index >= 0)
		json_object_set_new(j, "index", json_integer(index));
	json_object_set_new(j, "name", cli_json_string(r->name));
	json_object_set_new(j, "backend", cli_json_string(r->backend));
	json_object_set_new(j, "path", cli_json_string(r->path));
	json_object_set_new(j, "slot", json_integer(r->slot));
	json_object_set_new(j, "state", cli_json_string(cli_slot_state(r)));
	json_object_set_new(j, "level", cli_json_string(cli_level(r->dev.level)));
	json_object_set_new(j, "keypad", keypad(r));
	json_object_set_new(j, "display", display(r));
	snprintf(id, sizeof(id), "%04x", r->dev.vendor);
	json_object_set_new(j, "vid", r->dev.vendor ? json_string(id) : json_null());
	snprintf(id, sizeof(id), "%04x", r->dev.product);
	json_object_set_new(j, "pid", r->dev.vendor ? json_string(id) : json_null());
	json_object_set_new(j, "serial", cli_json_string(r->dev.serial[0] ? r->dev.serial : NULL));
	json_object_set_new(j, "slots", json_integer(r->dev.slots));
	json_object_set_new(j, "security_token", json_boolean(r->token));
	cli_blame_reader(r, &blame);
	json_object_set_new(j, "holder", cli_json_blame(&blame));
	json_object_set_new(j, "error", r->error ? json_string(cli_error_code(r->error)) : json_null());
	return j;
}

json_t *cli_json_access(const struct cr_access *a)
{
	json_t *j = json_object();

	json_object_set_new(j, "protocol", cli_json_string(a->protocol));
	json_object_set_new(j, "mapping", cli_json_string(a->mapping));
	json_object_set_new(j, "cipher", cli_json_string(a->cipher));
	json_object_set_new(j, "curve", cli_json_string(a->curve));
	json_object_set_new(j, "password", cli_json_string(a->password));
	json_object_set_new(j, "tries", json_integer(a->tries));
	json_object_set_new(j, "terminal", cli_json_string(a->terminal));
	json_object_set_new(j, "terminal_refused", cli_json_string(a->terminal_why));
	return j;
}

json_t *cli_json_exchange(const struct cr_exchange *x, unsigned int ms)
{
	json_t *j = json_object();

	json_object_set_new(j, "commands", json_integer((json_int_t)x->commands));
	json_object_set_new(j, "messages", json_integer((json_int_t)x->messages));
	json_object_set_new(j, "bytes_sent", json_integer((json_int_t)x->bytes_sent));
	json_object_set_new(j, "bytes_received", json_integer((json_int_t)x->bytes_received));
	json_object_set_new(j, "enters", json_integer((json_int_t)x->enters));
	json_object_set_new(j, "card_us", json_integer((json_int_t)x->us));
	json_object_set_new(j, "ms", json_integer(ms));
	return j;
}

json_t *cli_json_limits(const struct cr_limits *l)
{
	static const char *const by[] = {
		[CR_LIMIT_NONE] = "standard", [CR_LIMIT_READER] = "reader", [CR_LIMIT_LEVEL] = "exchange level",
		[CR_LIMIT_CARD] = "card",
	};

	return json_pack("{s:I, s:s, s:I, s:s, s:b, s:b}", "command_data", (json_int_t)l->command, "command_by",
			 by[l->command_by], "response_data", (json_int_t)l->response, "response_by", by[l->response_by],
			 "extended", l->extended, "command_chaining", l->chaining);
}
