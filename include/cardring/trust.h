/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trust: the certificates of issuing states (CSCA), from a folder.
 */
#ifndef CARDRING_TRUST_H
#define CARDRING_TRUST_H

#include <stddef.h>
#include <cardring/error.h>

typedef struct cr_trust cr_trust_t;

int cr_trust_new(cr_trust_t **out);
void cr_trust_free(cr_trust_t *trust);
/*
 * Every certificate (DER or PEM; *.cer *.crt *.pem *.der) and revocation list (*.crl) of a folder, not of its
 * sub-folders. Files that do not parse are skipped and counted. Certificates added, or a negative enum cr_error
 * (CR_E_NOT_FOUND: no such folder).
 */
int cr_trust_add_dir(cr_trust_t *trust, const char *dir, size_t *skipped);
size_t cr_trust_count(const cr_trust_t *trust);

#endif
