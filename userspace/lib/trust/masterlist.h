/* SPDX-License-Identifier: BSD-2-Clause */
/* CSCA master lists: ICAO 9303-12, 9. No I/O. */
#ifndef CR_TRUST_MASTERLIST_H
#define CR_TRUST_MASTERLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <openssl/x509.h>
#include "store.h"

#define CR_MASTER_LIST_MAX	4096	/* certificates in one */

struct cr_master_list {
	STACK_OF(X509) *certs;		/* those that parse, in the list's order */
	size_t malformed;		/* and how many do not */
	char *signer;			/* its name; "" until it is known */
};

/* Does it say that it is one? Cheap: nothing is verified. */
bool cr_master_list_is(const uint8_t *data, size_t len);
/*
 * A list whose signature is right, whose signer is one of master lists, and leads to an authority
 * in roots; each certificate on the way is valid at now, and no revocation list in roots has it. 0,
 * or an error with why (160 bytes, English): CR_E_MALFORMED: it is no master list; CR_E_UNSUPPORTED: of an unknown kind, or its
 * algorithms are not taken; CR_E_NOT_FOUND: its signer does not lead to a root; CR_E_CRYPTO: the
 * signature, or a certificate, is wrong; CR_E_NOMEM. Clear in each case.
 */
int cr_master_list_verify(const uint8_t *data, size_t len, const cr_trust_t *roots, time_t now,
			  struct cr_master_list *out, char *why);
/* Its content alone, out of the signature: errors and clearing as above. */
int cr_master_list_parse(const uint8_t *data, size_t len, struct cr_master_list *out, char *why);
void cr_master_list_clear(struct cr_master_list *list);

#endif
