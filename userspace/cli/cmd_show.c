// SPDX-License-Identifier: BSD-2-Clause
/* "cardring show": one file of a card or of a trust store, in full. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include "show.h"
#include "trust/folder.h"

#define MAX_FILE	(1 << 24)

static json_t *take_apart(const uint8_t *data, size_t len)
{
	json_t *j = cli_show_file(data, len);

	if (!j)
		j = cli_show_certificate(data, len);
	if (!j)
		j = cli_show_signed(data, len);
	if (!j)
		j = cli_show_crl(data, len);
	if (!j)
		j = cli_show_defect_list(data, len);
	return j;
}

/* The first block of it. */
static json_t *take_pem(const uint8_t *data, size_t len)
{
	BIO *bio = BIO_new_mem_buf(data, (int)len);
	char *name, *header;
	unsigned char *der;
	json_t *j = NULL;
	long n;

	if (bio && PEM_read_bio(bio, &name, &header, &der, &n) == 1) {
		j = take_apart(der, (size_t)n);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)n);
	}
	BIO_free(bio);
	ERR_clear_error();
	return j;
}

/* A zone has more than one. */
static void lines(const char *label, const char *text)
{
	char *copy = strdup(text), *save = NULL, *line;

	for (line = copy ? strtok_r(copy, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		cli_row(label, line, 26);
		label = "";
	}
	free(copy);
}

/* Keys are the same in each language, and stand in the manual. */
static void print(const char *key, const json_t *v, unsigned int depth)
{
	char label[80], number[32];
	const char *name;
	const json_t *one;
	size_t i;

	snprintf(label, sizeof(label), "%*s%s", 2 * (int)depth, "", key);
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		cli_row(label, "", 26);
		json_object_foreach((json_t *)v, name, one)
			print(name, one, depth + 1);
		break;
	case JSON_ARRAY:
		json_array_foreach(v, i, one)
			print(key, one, depth);
		break;
	case JSON_INTEGER:
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(v));
		cli_row(label, number, 26);
		break;
	case JSON_STRING:
		lines(label, json_string_value(v));
		break;
	case JSON_TRUE:
		cli_row(label, _("yes"), 26);
		break;
	case JSON_FALSE:
		cli_row(label, _("no"), 26);
		break;
	default:
		break;
	}
}

int cmd_show(struct cli *c)
{
	static const char begin[] = "-----BEGIN ";
	const char *path, *name;
	unsigned char *data;
	json_t *j, *one;
	size_t len;

	if (c->n_args != 1)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("Name one file, as in \"cardring show card/EF.SOD.bin\"."));
	path = c->args[0];
	errno = 0;
	data = cr_folder_read(AT_FDCWD, path, MAX_FILE, &len);
	if (!data)
		return cli_fail(c, CLI_ERROR, "io", NULL, _("%s cannot be read: %s"), path,
				errno ? strerror(errno) : _("it is empty, too long, or no file"));
	j = memmem(data, len < 4096 ? len : 4096, begin, sizeof(begin) - 1) ? take_pem(data, len) :
	    take_apart(data, len);
	OPENSSL_cleanse(data, len);
	free(data);
	if (!j)
		return cli_fail(c, CLI_ERROR, "malformed", NULL,
				_("%s is no file of a card, certificate, list or signed data, or it is damaged."), path);
	if (c->json)
		return cli_json_print(j);
	json_object_foreach(j, name, one)
		print(name, one, 0);
	cli_row("", _("Nothing of this was verified."), 2);
	json_decref(j);
	return 0;
}
