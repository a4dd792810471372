/* SPDX-License-Identifier: BSD-2-Clause */
/* LDIF, RFC 2849, as the ICAO PKD gives its certificates and lists out. No I/O. */
#ifndef CR_TRUST_LDIF_H
#define CR_TRUST_LDIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cr_ldif {
	const char *p, *end;
	unsigned int line, next; /* where the value read last begins; what follows it */
	uint8_t *buf;
	size_t size;
};

struct cr_ldif_value {
	char name[64];		/* without options: "userCertificate" of "userCertificate;binary"; cut */
	const uint8_t *data;	/* NULL where it is not base64, or by a URL; until the next call */
	size_t len;
	bool begins;		/* the first line of an entry: "dn" */
};

/* Is that what the bytes look like? */
bool cr_ldif_is(const uint8_t *data, size_t len);
/* data stays the caller's, and there, until cr_ldif_end(). */
void cr_ldif_begin(struct cr_ldif *l, const uint8_t *data, size_t len);
/* 1: *v is the next attribute's value; 0: the end; CR_E_MALFORMED: no attribute at l->line; CR_E_NOMEM. */
int cr_ldif_next(struct cr_ldif *l, struct cr_ldif_value *v);
void cr_ldif_end(struct cr_ldif *l);

#endif
