/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DefectList, BSI TR-03129-2 (1.4.1), 7: what an issuer, or whoever inspects its documents, found to
 * be wrong with those that certain document signers signed. Versions 1 and 2; also what TR-03129
 * (1.10), A, has as parameters. The content alone: defectlist.h is about who signed it, and
 * defects.h, in eid, about what a defect changes. No I/O.
 */
#ifndef CR_TRUST_DEFECT_H
#define CR_TRUST_DEFECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/x509.h>
#include "signerid.h"

#define CR_DFL_MAX		65536	/* entries of one list: each is a document signer */
#define CR_DFL_ENTRY_MAX	64	/* of one entry */
#define CR_DFL_KNOWN_MAX	262144	/* of one list */

enum cr_known_type {
	/* an OID that is none of those below, or a parameter that cannot be understood */
	CR_KNOWN_NOT = 0,
	/* 7.3.1: authentication */
	CR_KNOWN_CERT_REVOKED,			/* code: StatusCode */
	CR_KNOWN_CERT_REPLACED,		/* replacement */
	CR_KNOWN_CHIP_AUTH_KEY_REVOKED,
	CR_KNOWN_ACTIVE_AUTH_KEY_REVOKED,
	CR_KNOWN_AUTHENTICATION_PROTOCOL_FAILURE,	/* code */
	CR_KNOWN_VALIDITY_PERIOD_INCORRECT,	/* code */
	/* 7.3.2: the ePassport application */
	CR_KNOWN_DG_MALFORMED,			/* groups */
	CR_KNOWN_SOD_INVALID,			/* code, or none */
	CR_KNOWN_COM_SOD_DISCREPANCY,		/* groups: as EF.COM has them, or none */
	CR_KNOWN_WRONG_SIGNER_IDENTIFIER,	/* corrected */
	CR_KNOWN_ISSUING_COUNTRY,		/* country */
	/* TR-03129 (1.10), A.2.3: the eID application */
	CR_KNOWN_EID_DG_MALFORMED,		/* groups */
	CR_KNOWN_EID_INTEGRITY,
	/* 7.3.3: the document */
	CR_KNOWN_CARD_SECURITY_MALFORMED,
	CR_KNOWN_CHIP_SECURITY_MALFORMED,
	CR_KNOWN_POWER_DOWN_REQUIRED,
	CR_KNOWN_DS_MALFORMED,			/* code */
	CR_KNOWN_TYPES
};

/* By the OID's place in the tree, so that what is not known has one too. */
enum cr_known_category {
	CR_KNOWN_OF_NOTHING = 0,	/* not below id-DefectList */
	CR_KNOWN_OF_AUTHENTICATION,
	CR_KNOWN_OF_EPASSPORT,
	CR_KNOWN_OF_EID,
	CR_KNOWN_OF_DOCUMENT,
};

struct cr_known_defect {
	enum cr_known_type type;
	enum cr_known_category category;
	const char *name;		/* "id-CertRevoked", by the OID; NULL: none that is known */
	char oid[64];			/* cut where it is longer */
	int code;			/* -1: none */
	uint32_t groups;		/* bit n: data group n, 1 to 16 */
	char country[4];		/* as it stands there; "" none */
	X509 *replacement;		/* owned; NULL */
	struct cr_signer_id corrected;	/* owned; empty: none */
};

struct cr_dfl_entry {
	struct cr_signer_id signer;	/* empty where only the hash names it (version 2) */
	uint8_t *hash;			/* of the certificate; NULL */
	size_t hash_len;
	struct cr_known_defect *known;
	size_t n_known;
	char *description;		/* NULL: none */
};

struct cr_dfl {
	const EVP_MD *md;		/* of the hashes; NULL: it is not known */
	struct cr_dfl_entry *all;
	size_t n, malformed;		/* and how many do not parse */
};

/*
 * A DefectList. 0, or an error with why (160 bytes, English): CR_E_MALFORMED; CR_E_UNSUPPORTED: of
 * an unknown version, or too long; CR_E_NOMEM. Clear in each case. data need not stay.
 */
int cr_dfl_parse(const uint8_t *data, size_t len, struct cr_dfl *out, char *why);
void cr_dfl_clear(struct cr_dfl *list);
/*
 * Is the entry about this document signer (7.1.1)? By the certificate, and where it is not there
 * (NULL) by who is said to have signed (NULL: nobody). All that the entry says of the signer has to
 * fit.
 */
bool cr_dfl_entry_is_of(const struct cr_dfl *list, const struct cr_dfl_entry *entry, X509 *cert,
		     const struct cr_signer_id *signed_by);

#endif
