/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trust store on the disk: one file a certificate or list, and the index that says which of them
 * are in it.
 *
 * The index is the commit. Files are written whole and onto the disk before the index names them,
 * and removed after it does not name them any more; the index is replaced in one step. So whoever
 * reads finds the store of before or of after, whenever a writer dies or the current fails. Writers
 * wait for each other (a lock on the folder itself); readers wait for nobody.
 */
#ifndef CR_TRUST_FOLDER_H
#define CR_TRUST_FOLDER_H

#include <stdbool.h>
#include "import.h"
#include "index.h"
#include "store.h"

struct cr_folder {
	int fd;
	bool indexed;		/* false: a plain folder of certificates, or an empty one */
	struct cr_index index;
	unsigned int line;	/* of the index, where it is malformed */
};

/*
 * To read, or to write: then it is made (0755) where there is none, and locked until it is closed.
 * 0, or CR_E_NOT_FOUND: no such folder; CR_E_MALFORMED, CR_E_UNSUPPORTED: the index; CR_E_INVALID:
 * (to write) it holds certificates and has no index; CR_E_IO with errno; CR_E_NOMEM. Close it in
 * each case.
 */
int cr_folder_open(struct cr_folder *f, const char *path, bool write);
void cr_folder_close(struct cr_folder *f);
/*
 * The certificates and lists that the index names. state of an entry: whether its file was what the
 * index says. seen (may be NULL): called with each. 0, CR_E_NOMEM, CR_E_TOO_LONG.
 */
enum cr_folder_state { CR_FOLDER_GOOD, CR_FOLDER_MISSING, CR_FOLDER_OTHER, CR_FOLDER_UNREADABLE };
int cr_folder_load(const struct cr_folder *f, cr_trust_t *trust,
		   void (*seen)(void *arg, size_t entry, enum cr_folder_state state), void *arg);
/* Writes what is new, replaces the index, removes what it does not name any more. 0, CR_E_IO, CR_E_NOMEM. */
int cr_folder_commit(struct cr_folder *f, const struct cr_import *im);
/* Takes the entries out (ascending numbers). Errors as above. */
int cr_folder_remove(struct cr_folder *f, const size_t *entries, size_t n);
/* Files that look like certificates or lists and are not in the index, one by one; stops where seen is true. */
int cr_folder_strangers(const struct cr_folder *f, bool (*seen)(void *arg, const char *name), void *arg);

/* A name that a plain folder's certificates and lists have. */
bool cr_folder_is_wanted(const char *name);
/* The whole of a regular file of at most max bytes; NULL where it cannot be read or is none (a pipe would block). */
unsigned char *cr_folder_read(int dir, const char *name, size_t max, size_t *len);

#endif
