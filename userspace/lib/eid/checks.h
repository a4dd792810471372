/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks of an inspection, their names, and the one table from their results to the verdict
 * (BSI TR-03135-1 for the results; DESIGN.md for the verdicts). No I/O.
 */
#ifndef CR_EID_CHECKS_H
#define CR_EID_CHECKS_H

#include <cardring/eid.h>

enum cr_check_id {
	CR_CHECK_ACCESS,		/* "access": BAC or PACE */
	CR_CHECK_CARD_ACCESS_AUTHENTIC,	/* "card-access-authentic": EF.CardAccess agrees with DG14 */
	CR_CHECK_READ,			/* "read": every file that was wanted and listed */
	CR_CHECK_SOD_PARSE,		/* "pa.sod": CMS and LDSSecurityObject parse */
	CR_CHECK_SOD_SIGNATURE,		/* "pa.signature" */
	CR_CHECK_SIGNER_CHAIN,		/* "pa.chain": document signer to a trusted CSCA */
	CR_CHECK_SIGNER_VALIDITY,	/* "pa.validity" */
	CR_CHECK_SIGNER_REVOCATION,	/* "pa.revocation" */
	CR_CHECK_SIGNING_TIME,		/* "pa.signing-time": the signer's key was in use then */
	CR_CHECK_SIGNER_DOCUMENT_TYPE,	/* "pa.document-type": the signer may sign such documents */
	CR_CHECK_DIGEST,		/* "pa.digest": none of the digests is SHA-1 */
	CR_CHECK_DG_HASHES,		/* "pa.hashes" */
	CR_CHECK_COM_SOD,		/* "pa.com-sod": EF.COM and SOD list the same */
	CR_CHECK_MRZ_CONSISTENT,	/* "mrz": DG1's check digits, DG13 against DG1, DG2 parses */
	CR_CHECK_CHIP_AUTHENTICATION,	/* "chip-authentication" */
	CR_CHECK_DOCUMENT_VALIDITY,	/* "document-validity": date of expiry */
	CR_CHECK_COUNT
};
const char *cr_check_name(enum cr_check_id id);

/* Records a check once; a later, worse result replaces it. detail may be NULL; printf-style. */
int cr_check_set(struct cr_inspection *insp, enum cr_check_id id, enum cr_result result,
		 const char *detail, ...)
	__attribute__((format(printf, 4, 5)));
/* The recorded result; CR_UNDETERMINED when it was never recorded. */
enum cr_result cr_check_get(const struct cr_inspection *insp, enum cr_check_id id);
/* Fills verdict and reasons from the checks and dg statuses. */
int cr_checks_judge(struct cr_inspection *insp);

#endif
