/* SPDX-License-Identifier: BSD-2-Clause */
/* A folder of certificates and revocation lists: the I/O of the trust store. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "store.h"

#define MAX_FILE	(1 << 22)	/* the largest revocation lists are under a megabyte */

static bool is_wanted(const char *name)
{
	static const char *const endings[] = { ".cer", ".crt", ".pem", ".der", ".crl" };
	size_t len = strlen(name), i;

	if (name[0] == '.' || len < 5)
		return false;
	for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		if (!strcasecmp(name + len - 4, endings[i]))
			return true;
	}
	return false;
}

/* The whole of a regular file; NULL where it cannot be read or is none (a pipe would block). */
static unsigned char *read_all(int dir, const char *name, size_t *len)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	unsigned char *data = NULL;
	struct stat st;
	ssize_t r = -1;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= MAX_FILE)
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

int cr_trust_add_dir(cr_trust_t *trust, const char *dir, size_t *skipped)
{
	size_t unused, len;
	unsigned char *data;
	struct dirent *e;
	int added = 0, r;
	DIR *d;

	if (!skipped)
		skipped = &unused;
	*skipped = 0;
	d = opendir(dir);
	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? CR_E_NOT_FOUND : CR_E_IO;
	while ((e = readdir(d))) {
		if (!is_wanted(e->d_name))
			continue;
		data = read_all(dirfd(d), e->d_name, &len);
		r = data ? cr_trust_add_bytes(trust, data, len) : CR_E_MALFORMED;
		free(data);
		if (r == CR_E_NOMEM || r == CR_E_INTERNAL) {
			closedir(d);
			return r;
		}
		if (r < 0)
			++*skipped;
		else
			added += r;
	}
	closedir(d);
	return added;
}
