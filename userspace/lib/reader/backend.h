/* SPDX-License-Identifier: BSD-2-Clause */
/* Backends among themselves: who opens which path; what -errno of a ring's call means; what a ring is made of. */
#ifndef CR_READER_BACKEND_H
#define CR_READER_BACKEND_H

#include <stdbool.h>
#include <cardring/reader.h>

/* The backend that opens this path; NULL: none. */
const struct cr_backend *cr_backend_of(const char *path);
/* The one backend that was chosen (cr_backend_use, CARDRING_BACKEND); NULL: all. */
const struct cr_backend *cr_backend_only(void);
/* Takes out of a list of all backends' readers what is there twice; how many are left (merge.c). */
size_t cr_reader_merge(struct cr_reader_info *list, size_t n);
/*
 * Is the device of that name in sysfs ("1-2", or an interface of it) a security token that CARDRING_TOKENS does not ask
 * for (usb_find.c)?
 */
bool cr_usb_token(const char *name);
/* The driver of an interface of that name, in the sysfs below root (""); false: none (usb_find.c). */
bool cr_usb_driver(const char *root, const char *name, char *driver, size_t size);
/*
 * Is the pcscd that programs speak to another one than this machine's (PCSCLITE_CSOCK_NAME)? Then its readers' places on
 * the bus say nothing here (pcsc_lib.c).
 */
bool cr_pcscd_elsewhere(void);
/* enum cr_error for a -errno of claim, slot or enter. */
int cr_ring_error(int err);
/* A ring on a map whose header page is filled in: where everything is and how much of it. */
void cr_ring_on(cr_ring_t *ring, const struct cr_ring_ops *ops, void *map);

#endif
