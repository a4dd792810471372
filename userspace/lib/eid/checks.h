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
	CR_CHECK_TERMINAL_AUTHENTICATION, /* "terminal-authentication": only where it was to open DG3 or DG4 */
	CR_CHECK_COUNT
};
const char *cr_check_name(enum cr_check_id id);

/* Records a check once; a later, worse result replaces it. detail may be NULL; printf-style. */
int cr_check_set(struct cr_inspection *insp, enum cr_check_id id, enum cr_result result,
		 const char *detail, ...)
	__attribute__((format(printf, 4, 5)));
/* The recorded result; CR_UNDETERMINED when it was never recorded. */
enum cr_result cr_check_get(const struct cr_inspection *insp, enum cr_check_id id);
/*
 * Known defects (TR-03135-1, 5.8.2), as bits 1U << CR_DEFECT_... in insp->defects: each changes results
 * as the table in defects.c says. Those that name another certificate or state to check with (5.8.2.1.2,
 * 5.8.2.2.4, 5.8.2.2.5) have done so when the checks are recorded.
 */
enum cr_defect {
	CR_DEFECT_SIGNER_REVOKED,		/* status 0, 2, 3, 4: not trusted */
	CR_DEFECT_SIGNER_DOUBTED,		/* status 1, 5, 32 and on: trust not determined */
	CR_DEFECT_SIGNER_MISCODED,		/* 5.8.2.3.4 */
	CR_DEFECT_CA_KEYS_COMPROMISED,
	CR_DEFECT_AA_KEYS_COMPROMISED,
	CR_DEFECT_CA_FAILURE,			/* CA_AA_failure: both of these */
	CR_DEFECT_AA_FAILURE,
	CR_DEFECT_PACE_CAM_FAILURE,
	CR_DEFECT_SIGNER_VALIDITY,		/* CSCA_DS_validity: both of these */
	CR_DEFECT_ISSUER_VALIDITY,
	CR_DEFECT_SOD_MALFORMED,
	CR_DEFECT_CARD_SECURITY_MALFORMED,
	CR_DEFECT_COM_SOD,
	CR_DEFECT_COUNT
};
/* What a check found, as these defects have it. hashes: of CR_CHECK_DG_HASHES. */
enum cr_result cr_defects_change(uint32_t defects, enum cr_check_id id, enum cr_result found,
				 enum cr_result hashes);
/* Changes what was recorded so far by insp->defects; as often as one likes. */
void cr_checks_apply_defects(struct cr_inspection *insp);
/* Adds to the reasons what the lists say, and which lists; after cr_checks_judge. 0 or CR_E_NOMEM. */
int cr_defects_tell(struct cr_inspection *insp);

/* Fills verdict and reasons from the checks and dg statuses. */
int cr_checks_judge(struct cr_inspection *insp);

#endif
