/* SPDX-License-Identifier: BSD-2-Clause */
/* A folder of certificates and revocation lists, with an index (folder.c) or plain, into the trust store. */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>
#include <cardring/error.h>
#include "folder.h"
#include "store.h"

#define MAX_FILE	(1 << 22)	/* the largest revocation lists are under a megabyte */
#define TRIES		4

/* All that looks like certificates. */
struct plain {
	const struct cr_folder *f;
	cr_trust_t *trust;
	size_t *skipped;
	int added, err;
};

static bool add_file(void *arg, const char *name)
{
	struct plain *p = arg;
	unsigned char *data;
	size_t len;
	int r;

	data = cr_folder_read(p->f->fd, name, MAX_FILE, &len);
	r = data ? cr_trust_add_bytes(p->trust, data, len) : CR_E_MALFORMED;
	free(data);
	if (r == CR_E_NOMEM || r == CR_E_INTERNAL)
		p->err = r;
	else if (r < 0)
		++*p->skipped;
	else
		p->added += r;
	return p->err;
}

static int add_plain(const struct cr_folder *f, cr_trust_t *trust, size_t *skipped)
{
	struct plain p = { .f = f, .trust = trust, .skipped = skipped };
	int r = cr_folder_strangers(f, add_file, &p);

	return r < 0 ? r : p.err ? p.err : p.added;
}

static void count(void *arg, size_t entry, enum cr_folder_state state)
{
	size_t *states = arg;

	states[state]++;
}

static bool another(void *arg, const char *name)
{
	++*(size_t *)arg;
	return false;
}

/*
 * Nothing keeps a writer out meanwhile: what it takes away between the index and the files is
 * missing, and the index then is another one.
 */
static int add_indexed(const char *dir, struct cr_folder *f, cr_trust_t *trust, size_t *skipped)
{
	size_t before = cr_trust_count(trust), states[4], strangers = 0;
	int tries, err;

	for (tries = 0; tries < TRIES; tries++) {
		states[CR_FOLDER_GOOD] = states[CR_FOLDER_MISSING] = 0;
		states[CR_FOLDER_OTHER] = states[CR_FOLDER_UNREADABLE] = 0;
		err = cr_folder_load(f, trust, count, states);
		if (err)
			return err;
		if (!states[CR_FOLDER_MISSING])
			break;
		cr_folder_close(f);
		err = cr_folder_open(f, dir, false);
		if (err)
			return err;
	}
	err = cr_folder_strangers(f, another, &strangers);
	*skipped = strangers + states[CR_FOLDER_MISSING] + states[CR_FOLDER_OTHER] +
		   states[CR_FOLDER_UNREADABLE];
	return err < 0 ? err : (int)(cr_trust_count(trust) - before);
}

int cr_trust_add_dir(cr_trust_t *trust, const char *dir, size_t *skipped)
{
	struct cr_folder f;
	size_t unused;
	int r;

	if (!skipped)
		skipped = &unused;
	*skipped = 0;
	r = cr_folder_open(&f, dir, false);
	if (!r)
		r = f.indexed ? add_indexed(dir, &f, trust, skipped) : add_plain(&f, trust, skipped);
	cr_folder_close(&f);
	return r;
}
