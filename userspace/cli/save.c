// SPDX-License-Identifier: BSD-2-Clause
/*
 * --out: the data groups, the portrait and the other pictures, and what the chip answered (record.c), as files, for their
 * owner alone: all of them or none. What another card left in the folder goes, so that two people's data never lie side
 * by side; nothing else in it is touched.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli.h"

#define MAX_SAVED	(sizeof(((struct cli_saved *)0)->names) / sizeof(char *))

static int failed(const struct cli *c, const char *path)
{
	return cli_fail(c, CLI_ERROR, "io", NULL, _("%s cannot be written: %s"), path, strerror(errno));
}

int cli_save_prepare(const struct cli *c, bool *made)
{
	struct stat st;

	*made = !mkdir(c->out, 0700);
	if (!*made && errno != EEXIST)
		return failed(c, c->out);
	if (stat(c->out, &st))
		return failed(c, c->out);
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return failed(c, c->out);
	}
	if (access(c->out, W_OK | X_OK))
		return failed(c, c->out);
	return 0;
}

#define PART	".part-"	/* and six letters or digits: a file that is not whole yet */

/* Into a file beside it, whose name is left in *tmp: 0, or -1 with nothing left. */
static int write_beside(const char *path, const uint8_t *data, size_t len, char **tmp)
{
	size_t off = 0;
	ssize_t n;
	int fd, saved;

	if (asprintf(tmp, "%s" PART "XXXXXX", path) < 0)
		return -1;
	fd = mkostemp(*tmp, O_CLOEXEC);		/* 0600 */
	if (fd < 0) {
		free(*tmp);
		return -1;
	}
	while (off < len) {
		n = write(fd, data + off, len - off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		off += (size_t)n;
	}
	saved = errno;
	if (!close(fd) && off == len)
		return 0;
	if (off < len)
		errno = saved;
	saved = errno;
	unlink(*tmp);
	free(*tmp);
	errno = saved;
	return -1;
}

/* The temporary file is gone, whatever came of it. */
static int done_with(char *tmp, int rc)
{
	int saved = errno;

	if (rc)
		unlink(tmp);
	free(tmp);
	errno = saved;
	return rc ? -1 : 0;
}

int cli_write_check(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat st;
	char *dir;
	int rc;

	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	if (!dir)
		return -1;
	rc = stat(dir, &st);
	if (!rc && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		rc = -1;
	}
	if (!rc)
		rc = access(dir, W_OK | X_OK);
	free(dir);
	return rc;
}

int cli_write_file(const char *path, const uint8_t *data, size_t len)
{
	char *tmp;

	return write_beside(path, data, len, &tmp) ? -1 : done_with(tmp, rename(tmp, path));
}

int cli_write_new_file(const char *path, const uint8_t *data, size_t len)
{
	char *tmp;
	int rc;

	if (write_beside(path, data, len, &tmp))
		return -1;
	rc = renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE);
	if (rc && (errno == EINVAL || errno == ENOSYS)) {	/* a file system that cannot */
		rc = link(tmp, path);
		if (!rc)
			unlink(tmp);
	}
	return done_with(tmp, rc);
}

/* False: fault says why. */
static bool add(const struct cli *c, struct cli_saved *saved, const char *name, const uint8_t *data,
		size_t len, struct cli_fault *fault)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", c->out, name) < 0) {
		cli_fault_err(fault, CR_E_NOMEM);
		return false;
	}
	if (cli_write_file(path, data, len)) {
		cli_fault(fault, "io", _("%s cannot be written: %s"), path, strerror(errno));
		free(path);
		return false;
	}
	if (saved->n < sizeof(saved->names) / sizeof(saved->names[0]))
		saved->names[saved->n++] = path;
	else
		free(path);	/* written, and not told of: there are too many */
	return true;
}

/* "DG7-image.jpg", "DG3-2-image.wsq": for the pictures beside the portrait. */
static const char *const kinds[][2] = {
	{ "image/jpeg", "jpg" }, { "image/jp2", "jp2" }, { "image/x-wsq", "wsq" }, { "image/png", "png" },
};

static const char *const pictures[] = {
	"image", "image_front", "image_rear", "proof_of_citizenship",
};

static const char *suffix(const char *type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i][0], type))
			return kinds[i][1];
	return NULL;
}

/* Whether it is kept apart: pictures that can be named, but the portrait, which has its own name. */
static bool picture_name(const struct cr_inspection *in, const struct cr_item *it, char *out, size_t size)
{
	const char *end = it->text || !it->type || it->data == in->portrait ? NULL : suffix(it->type);

	if (!end)
		return false;
	if (it->instance)
		snprintf(out, size, "%s-%u-%s.%s", cli_file_name(in, it->fid), it->instance, it->name, end);
	else
		snprintf(out, size, "%s-%s.%s", cli_file_name(in, it->fid), it->name, end);
	return true;
}

static bool is_picture(const char *name)
{
	unsigned int dg, n;
	char rest[64];

	if (sscanf(name, "DG%2u-%3u-%63s", &dg, &n, rest) != 3 && sscanf(name, "DG%2u-%63s", &dg, rest) != 2)
		return false;
	for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			size_t len = strlen(pictures[i]);

			if (!strncmp(rest, pictures[i], len) && rest[len] == '.' &&
			    !strcmp(rest + len + 1, kinds[k][1]))
				return true;
		}
	return false;
}

static bool is_saved(const char *name)
{
	static const char *const others[] = {
		"EF.COM.bin", "EF.SOD.bin", "EF.DIR.bin", "EF.ATR_INFO.bin", "EF.CardSecurity.bin", "portrait.jpg",
		"portrait.jp2",
		CLI_RECORD,
	};
	char group[16];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(others[i], name))
			return true;
	for (int i = 1; i <= 16; i++) {
		snprintf(group, sizeof(group), "DG%d.bin", i);
		if (!strcmp(group, name))
			return true;
	}
	return is_picture(name);
}

/* What write_beside left behind when it was killed: "DG2.bin.part-a1B2c3". */
static bool is_half_written(const char *name)
{
	const size_t tail = strlen(PART) + 6;
	size_t n = strlen(name), end = n > tail ? n - tail : 0;
	char whole[256];

	if (!end || strncmp(name + end, PART, strlen(PART)) || end >= sizeof(whole))
		return false;
	for (size_t i = n - 6; i < n; i++)
		if (!isalnum((unsigned char)name[i]))
			return false;
	memcpy(whole, name, end);
	whole[end] = '\0';
	return is_saved(whole);
}

static void remove_old(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (is_saved(e->d_name) || is_half_written(e->d_name))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

bool cli_save(const struct cli *c, const struct cr_inspection *in, struct cli_saved *saved, struct cli_fault *fault)
{
	char name[64], *text;
	bool ok = true;

	remove_old(c->out);
	for (size_t i = 0; i < in->n_files && ok && saved->n < 24; i++) {
		const struct cr_file *f = &in->files[i];

		if (!f->data)
			continue;
		snprintf(name, sizeof(name), "%s.bin", f->name);
		if (strchr(name, '/'))
			*strchr(name, '/') = '_';	/* EF.ATR/INFO */
		ok = add(c, saved, name, f->data, f->len, fault);
	}
	if (ok && in->portrait)
		ok = add(c, saved, in->portrait_type && !strcmp(in->portrait_type, "image/jp2") ?
			 "portrait.jp2" : "portrait.jpg", in->portrait, in->portrait_len, fault);
	for (size_t i = 0; i < in->n_items && ok && saved->n < MAX_SAVED; i++) {
		if (picture_name(in, &in->items[i], name, sizeof(name)))
			ok = add(c, saved, name, in->items[i].data, in->items[i].len, fault);
	}
	if (ok) {
		text = cli_record_text(in);
		ok = text && add(c, saved, CLI_RECORD, (const uint8_t *)text, strlen(text), fault);
		if (!text)
			cli_fault_err(fault, CR_E_NOMEM);
		free(text);
	}
	if (ok)
		return true;
	remove_old(c->out);	/* half a card is of use to nobody */
	cli_saved_free(saved);
	return false;
}

void cli_saved_free(struct cli_saved *saved)
{
	while (saved->n)
		free(saved->names[--saved->n]);
}
