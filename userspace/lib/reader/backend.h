/* SPDX-License-Identifier: BSD-2-Clause */
/* Backends among themselves: who opens which path; what -errno of a ring's call means; what a ring is made of. */
#ifndef CR_READER_BACKEND_H
#define CR_READER_BACKEND_H

#include <cardring/reader.h>

/* The backend that opens this path; NULL: none. */
const struct cr_backend *cr_backend_of(const char *path);
/* enum cr_error for a -errno of claim, slot or enter. */
int cr_ring_error(int err);
/* A ring on a map whose header page is filled in: where everything is and how much of it. */
void cr_ring_on(cr_ring_t *ring, const struct cr_ring_ops *ops, void *map);

#endif
