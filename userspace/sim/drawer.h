/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Real readers for the virtual one to be: a table of what they say of themselves (tests/data/readers.tsv, whose
 * columns its head names and tests/data/readers.sh makes).
 */
#ifndef CARDRING_DRAWER_H
#define CARDRING_DRAWER_H

#include "vreader.h"

#define DRAWER_CLASS_DESC	54

struct drawer_interface {
	const char *name;		/* of its device; interfaces of one device stand together */
	struct vreader_config config;	/* what it declares, without cards */
	uint8_t class_desc[DRAWER_CLASS_DESC];
};

struct drawer {
	struct drawer_interface *interface;
	size_t n;
	char *text;			/* what the names point into */
	struct drawer_list { uint32_t *value; unsigned int n; } *list;
	size_t n_lists;
};

/*
 * Reads a table. 0; CR_E_NOT_FOUND (errno says why): no such file; CR_E_MALFORMED: *line is what it has wrong (1 up);
 * CR_E_NOMEM. The caller frees *out, and only after the readers made from it.
 */
int drawer_load(const char *file, struct drawer **out, unsigned int *line);
void drawer_free(struct drawer *d);
/* The device of interface at: how many interfaces it has, from at on. */
unsigned int drawer_device(const struct drawer *d, size_t at);
/* The first interface of the device of that name; d->n: there is none. */
size_t drawer_find(const struct drawer *d, const char *name);

#endif
