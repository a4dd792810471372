/* SPDX-License-Identifier: BSD-2-Clause */
/* A trust store on the disk: see folder.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <cardring/error.h>
#include "defectlist.h"
#include "folder.h"

#define MAX_FILE	(1 << 24)	/* the largest revocation lists are under a megabyte */
#define MAX_INDEX	(1 << 25)
#define FEW		16		/* files that are synchronized one by one */

bool cr_folder_is_wanted(const char *name)
{
	static const char *const endings[] = { ".cer", ".crt", ".pem", ".der", ".crl", ".dfl" };
	size_t len = strlen(name), i;

	if (name[0] == '.' || len < 5)
		return false;
	for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		if (!strcasecmp(name + len - 4, endings[i]))
			return true;
	}
	return false;
}

unsigned char *cr_folder_read(int dir, const char *name, size_t max, size_t *len)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	unsigned char *data = NULL;
	struct stat st;
	ssize_t r = -1;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0 && (size_t)st.st_size <= max)
		data = malloc((size_t)st.st_size);
	for (*len = 0; data && *len < (size_t)st.st_size; *len += (size_t)r) {
		r = read(fd, data + *len, (size_t)st.st_size - *len);
		if (r < 0 && errno == EINTR)
			r = 0;
		else if (r <= 0)
			break;
	}
	close(fd);
	if (data && *len != (size_t)st.st_size) {
		free(data);
		data = NULL;
	}
	return data;
}

/* ---- Reading ---- */

static bool never(void *arg, const char *name)
{
	return true;
}

static int read_index(struct cr_folder *f)
{
	unsigned char *text;
	size_t len;
	int err;

	f->indexed = !faccessat(f->fd, CR_INDEX_NAME, F_OK, AT_SYMLINK_NOFOLLOW);
	if (!f->indexed)
		return errno == ENOENT ? CR_OK : CR_E_IO;
	errno = 0;
	text = cr_folder_read(f->fd, CR_INDEX_NAME, MAX_INDEX, &len);
	if (!text)	/* who may not read it is not told that it is damaged */
		return errno && errno != ENOENT ? CR_E_IO : CR_E_MALFORMED;
	err = cr_index_parse((const char *)text, len, &f->index, &f->line);
	free(text);
	return err == CR_E_TOO_LONG ? CR_E_MALFORMED : err;
}

int cr_folder_open(struct cr_folder *f, const char *path, bool write)
{
	int err;

	memset(f, 0, sizeof(*f));
	if (write && mkdir(path, 0755) && errno != EEXIST) {
		f->fd = -1;
		return CR_E_IO;
	}
	f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? CR_E_NOT_FOUND : CR_E_IO;
	while (write && flock(f->fd, LOCK_EX)) {
		if (errno != EINTR)
			return CR_E_IO;
	}
	err = read_index(f);
	if (!err && write && !f->indexed && cr_folder_strangers(f, never, NULL))
		err = CR_E_INVALID;
	return err;
}

void cr_folder_close(struct cr_folder *f)
{
	int saved = errno;	/* it says why there is nothing but to close it */

	if (f->fd >= 0)
		close(f->fd);		/* the lock goes with it */
	cr_index_clear(&f->index);
	memset(f, 0, sizeof(*f));
	f->fd = -1;
	errno = saved;
}

/* Whose it is was found out when it was imported. */
static int load_list(cr_trust_t *trust, const unsigned char *data, size_t len)
{
	struct cr_defect_list *list;
	char why[160];
	int r = cr_defect_list_read(data, len, &list, why);

	if (!r)
		r = cr_trust_add_list(trust, list);
	cr_defect_list_free(list);
	return r;
}

static enum cr_folder_state load_entry(const struct cr_folder *f, const struct cr_index_entry *e,
				       cr_trust_t *trust, bool lazy, int *err)
{
	unsigned char *data, md[EVP_MAX_MD_SIZE];
	char hex[65];
	size_t len, i;
	int r;

	data = cr_folder_read(f->fd, e->file, MAX_FILE, &len);
	if (!data)
		return faccessat(f->fd, e->file, F_OK, AT_SYMLINK_NOFOLLOW) && errno == ENOENT ?
		       CR_FOLDER_MISSING : CR_FOLDER_UNREADABLE;
	if (EVP_Digest(data, len, md, NULL, EVP_sha256(), NULL) != 1) {
		free(data);
		*err = CR_E_NOMEM;
		return CR_FOLDER_UNREADABLE;
	}
	for (i = 0; i < 32; i++)
		sprintf(hex + 2 * i, "%02x", md[i]);
	if (strcmp(hex, e->sha256))
		r = CR_E_MALFORMED;
	else if (lazy && e->kind == CR_CERT_SIGNER)
		r = cr_trust_add_signer(trust, data, len);
	else if (e->kind == CR_CERT_DEFECTS)
		r = load_list(trust, data, len);
	else
		r = cr_trust_add_bytes(trust, data, len);
	free(data);
	if (r == CR_E_NOMEM || r == CR_E_INTERNAL || r == CR_E_TOO_LONG)
		*err = r;
	return r < 0 ? CR_FOLDER_OTHER : CR_FOLDER_GOOD;
}

int cr_folder_load(const struct cr_folder *f, cr_trust_t *trust, bool lazy,
		   void (*seen)(void *arg, size_t entry, enum cr_folder_state state), void *arg)
{
	enum cr_folder_state state;
	int err = CR_OK;
	size_t i;

	for (i = 0; i < f->index.n && !err; i++) {
		state = load_entry(f, &f->index.e[i], trust, lazy, &err);
		if (seen)
			seen(arg, i, state);
	}
	return err;
}

int cr_folder_strangers(const struct cr_folder *f, bool (*seen)(void *arg, const char *name),
			void *arg)
{
	int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), found = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return CR_E_IO;
	}
	while ((e = readdir(d))) {
		if (!cr_folder_is_wanted(e->d_name) || cr_index_find(&f->index, e->d_name))
			continue;
		found++;
		if (seen(arg, e->d_name))
			break;
	}
	closedir(d);
	return found;
}

/* ---- Writing ---- */

static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Whole under its name, or not at all. */
static int write_file(const struct cr_folder *f, const char *name, const void *data, size_t len,
		      bool sync)
{
	char tmp[100];
	int fd, bad, saved;

	snprintf(tmp, sizeof(tmp), ".%s.new", name);
	unlinkat(f->fd, tmp, 0);	/* of one that died: nobody else has the lock */
	fd = openat(f->fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return CR_E_IO;
	bad = write_all(fd, data, len) || (sync && fsync(fd));
	saved = errno;
	if (close(fd) && !bad) {
		bad = 1;
		saved = errno;
	}
	if (!bad && renameat(f->fd, tmp, f->fd, name)) {
		bad = 1;
		saved = errno;
	}
	if (bad) {
		unlinkat(f->fd, tmp, 0);
		errno = saved;
	}
	return bad ? CR_E_IO : CR_OK;
}

/* Of writers that died; whoever has the lock may. */
static void sweep(const struct cr_folder *f)
{
	int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	size_t n;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d))) {
		n = strlen(e->d_name);
		if (e->d_name[0] == '.' && n > 8 && !strcmp(e->d_name + n - 4, ".new"))
			unlinkat(f->fd, e->d_name, 0);
	}
	closedir(d);
}

/* *committed: it is the new one, even if the disk then failed. */
static int write_index(struct cr_folder *f, bool *committed)
{
	char *text = NULL;
	size_t len;
	int err = cr_index_format(&f->index, &text, &len);

	if (!err)
		err = write_file(f, CR_INDEX_NAME, text, len, true);
	*committed = !err;
	if (!err && fsync(f->fd))
		err = CR_E_IO;
	free(text);
	return err;
}

static int add_files(struct cr_folder *f, const struct cr_import *im, size_t *written)
{
	const struct cr_import_add *a;
	int err = CR_OK;

	for (*written = 0; *written < im->n_add && !err; ++*written) {
		a = &im->add[*written];
		err = write_file(f, a->file, a->der, (size_t)a->len, im->n_add <= FEW);
		if (!err)
			err = cr_index_add(&f->index, a->file, &a->info, im->sources[a->source],
					   a->name);
	}
	if (!err && im->n_add > FEW && syncfs(f->fd))
		err = CR_E_IO;
	return err;
}

static int replace_index(struct cr_folder *f, const size_t *entries, size_t n, bool *committed)
{
	char (*names)[80] = calloc(n + 1, sizeof(*names));
	size_t i;
	int err;

	*committed = false;
	if (!names)
		return CR_E_NOMEM;
	/* from behind: an entry taken out is replaced by the last one */
	for (i = n; i-- > 0;) {
		memcpy(names[i], f->index.e[entries[i]].file, sizeof(*names));
		cr_index_remove(&f->index, entries[i]);
	}
	err = write_index(f, committed);
	for (i = 0; i < n && *committed; i++)
		unlinkat(f->fd, names[i], 0);
	free(names);
	return err;
}

int cr_folder_remove(struct cr_folder *f, const size_t *entries, size_t n)
{
	bool committed;

	return replace_index(f, entries, n, &committed);
}

int cr_folder_commit(struct cr_folder *f, const struct cr_import *im)
{
	bool committed = false;
	size_t written, i;
	int err, saved;

	if (!im->n_add && !im->n_drop)
		return CR_OK;
	sweep(f);
	/* without one the files of an import that died would be a plain folder's, trusted */
	if (!f->indexed) {
		err = write_index(f, &f->indexed);
		if (err)
			return err;
	}
	err = add_files(f, im, &written);
	/* what is new lies behind the old entries, whose numbers stay */
	if (!err)
		err = replace_index(f, im->drop, im->n_drop, &committed);
	saved = errno;
	for (i = 0; !committed && i < written; i++)
		unlinkat(f->fd, im->add[i].file, 0);
	errno = saved;
	return err;
}
