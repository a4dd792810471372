/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index of a trust store: which files of the folder are in it, what they are, and where they
 * came from. A text that people can read:
 *
 *	cardring-trust-store 2
 *	FILE <tab> KIND <tab> UNTIL <tab> SHA-256 <tab> SOURCE <tab> NAME
 *
 * a line each (1 where there is no defect list); lines that begin with # are comments. UNTIL (a date) and NAME are for people: what
 * counts stands in the file, whose SHA-256 this is. No I/O.
 */
#ifndef CR_TRUST_INDEX_H
#define CR_TRUST_INDEX_H

#include <stddef.h>
#include "cert.h"

#define CR_INDEX_NAME	"index.txt"
#define CR_INDEX_MAX	65536		/* files */

struct cr_index_entry {
	char file[80];
	enum cr_cert_kind kind;
	char until[11], sha256[65];
	char *source, *name;
};

struct cr_index {
	struct cr_index_entry *e;
	size_t n;
};

/*
 * 0; CR_E_MALFORMED with the line it is at; CR_E_UNSUPPORTED: a store of a later cardring;
 * CR_E_NOMEM.
 */
int cr_index_parse(const char *text, size_t len, struct cr_index *out, unsigned int *line);
/* Sorted by file name. *text is for the caller to free. 0 or CR_E_NOMEM. */
int cr_index_format(struct cr_index *index, char **text, size_t *len);
/* source and name are copied, without what ends a field. 0, CR_E_TOO_LONG, CR_E_NOMEM. */
int cr_index_add(struct cr_index *index, const char *file, const struct cr_cert_info *info,
		 const char *source, const char *name);
/* By file name, in an index as it was parsed. NULL: it is not there. */
const struct cr_index_entry *cr_index_find(const struct cr_index *index, const char *file);
void cr_index_remove(struct cr_index *index, size_t i);
void cr_index_clear(struct cr_index *index);

#endif
