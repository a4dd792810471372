/* SPDX-License-Identifier: BSD-2-Clause */
/* Backends among themselves: who opens which path; what -errno of a ring's call means. */
#ifndef CR_READER_BACKEND_H
#define CR_READER_BACKEND_H

#include <cardring/reader.h>

/* The backend that opens this path; NULL: none. */
const struct cr_backend *cr_backend_of(const char *path);
/* enum cr_error for a -errno of claim, slot or enter. */
int cr_ring_error(int err);

#endif
