/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A defect list as a file: signed (BSI TR-03129-2, 7.2; profile in TR-03129 1.10, C), or the bare DER
 * of a DefectList, which nobody signed: whoever runs the machine may write one for it. No I/O.
 */
#ifndef CR_TRUST_DEFECTLIST_H
#define CR_TRUST_DEFECTLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <openssl/x509.h>
#include "cert.h"
#include "defect.h"
#include "store.h"

struct cr_defect_list {
	unsigned int refs;
	struct cr_cert_info info;	/* from: when it was signed; until: to which its signer is valid */
	struct cr_dfl dfl;
	unsigned char *der;		/* the file */
	size_t len;
	/* all NULL in one that nobody signed */
	X509 *cert;			/* the signer's */
	STACK_OF(X509) *embedded;
	char *signer, *issuer;		/* names: the signer's, and who certified it */
	char *description;		/* id-ListContentDescription: "Internal"; NULL: it has none */
};

/* What it looks like. Cheap: nothing is verified. */
bool cr_defect_list_is_signed(const uint8_t *data, size_t len);
bool cr_defect_list_is_plain(const uint8_t *data, size_t len);
/*
 * Either of them; of a signed one the signature has to be right, whoever made it. *out has one
 * reference. 0, or an error with why (160 bytes, English): CR_E_MALFORMED, CR_E_UNSUPPORTED,
 * CR_E_NOT_FOUND: its signer's certificate is not there; CR_E_CRYPTO; CR_E_NOMEM.
 */
int cr_defect_list_read(const uint8_t *data, size_t len, struct cr_defect_list **out, char *why);
/*
 * Its signer may sign defect lists and leads to an authority in roots, or is itself in roots: then the
 * user vouches for it, and its certificate need not say what it is for. 0, CR_E_NOT_FOUND,
 * CR_E_CRYPTO. why as above.
 */
int cr_defect_list_authorize(const struct cr_defect_list *list, const cr_trust_t *roots, time_t now,
			     char *why);
struct cr_defect_list *cr_defect_list_ref(struct cr_defect_list *list);
void cr_defect_list_free(struct cr_defect_list *list);	/* one reference; NULL is fine */

/* How good it is at now, in a store that took it. */
enum cr_defect_list_state {
	CR_LIST_SIGNED = 0,
	CR_LIST_PLAIN,		/* nobody signed it */
	CR_LIST_EXPIRED,	/* its signer's certificate has expired, or is not valid yet */
	CR_LIST_REVOKED,	/* its signer's, or one above it, is in a revocation list of the store */
};
enum cr_defect_list_state cr_defect_list_state(const struct cr_defect_list *list,
					       const cr_trust_t *trust, time_t now);
const char *cr_defect_list_state_name(enum cr_defect_list_state state);	/* "signed", ... */
/*
 * Whether what it knows counts. A list that has expired still takes trust away, as an old revocation
 * list does, and spares nothing any more (7.2: a list without a valid signature is not used). One
 * whose signer was revoked is nobody's.
 */
bool cr_defect_list_counts(enum cr_defect_list_state state, enum cr_known_type type);

#endif
