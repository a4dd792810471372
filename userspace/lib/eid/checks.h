/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks of an inspection: one tree of single checks and of the results that combine them, and one
 * table from both to the verdict. No I/O.
 *
 * The model is that of BSI TR-03135-1, version 5.0.1: the names, the five results and how they combine
 * (3.6.2, 3.8). Clauses in the table of checks.c are of that version. What it has no check for and the
 * verdict stands on too is of our own, at the end of the tree and in none of its results.
 */
#ifndef CR_EID_CHECKS_H
#define CR_EID_CHECKS_H

#include <cardring/eid.h>

enum cr_check_id {	/* indented: what the one before combines; its name is in checks.c */
	CR_CHECK_DOCUMENT,
		CR_CHECK_ELECTRONIC,
			CR_CHECK_APPLICATIONS,
				CR_CHECK_APPLICATION,
			CR_CHECK_ACCESS,
				CR_CHECK_BAC,
				CR_CHECK_PACE,
				CR_CHECK_PLAIN,
			CR_CHECK_FILES,
				CR_CHECK_FILES_THERE,
					CR_CHECK_FILE_SOD,
					CR_CHECK_FILE_DG1,
					CR_CHECK_FILE_DG2,
				CR_CHECK_SYNTAX,
					CR_CHECK_SOD_PARSE,
						CR_CHECK_SOD_HASH_LIST,
						CR_CHECK_SOD_SIGNATURE_SECTION,
						CR_CHECK_SOD_CERTIFICATE,
					CR_CHECK_COM,
						CR_CHECK_COM_LDS_VERSION,
						CR_CHECK_COM_UNICODE_VERSION,
						CR_CHECK_COM_LIST,
					CR_CHECK_DG1,
						CR_CHECK_MRZ_FIRST,	/* in the order of enum cr_mrz_check */
						CR_CHECK_MRZ_LAST = CR_CHECK_MRZ_FIRST + 17,
					CR_CHECK_DG2,
						CR_CHECK_DG2_HEADER,
						CR_CHECK_DG2_IMAGE,
			CR_CHECK_CHIP_AUTHENTICATION,
				CR_CHECK_AA,
				CR_CHECK_CA,
				CR_CHECK_PACE_CAM,
			CR_CHECK_SIGNATURES,
				CR_CHECK_SOD_SIGNATURE,
					CR_CHECK_SOD_DIGEST,
					CR_CHECK_SOD_SIGNATURE_VALUE,
				CR_CHECK_CARD_SECURITY_SIGNATURE,
					CR_CHECK_CARD_SECURITY_DIGEST,
					CR_CHECK_CARD_SECURITY_SIGNATURE_VALUE,
			CR_CHECK_CERTIFICATES,
				CR_CHECK_SOD_SIGNER,
					CR_CHECK_SIGNER_CHAIN,
					CR_CHECK_SIGNER_VALIDITY,
						CR_CHECK_SIGNER_VALIDITY_SIGNER,
						CR_CHECK_SIGNER_VALIDITY_ISSUER,
					CR_CHECK_SIGNER_TRUSTED,
					CR_CHECK_SIGNER_NOT_SELF_SIGNED,
					CR_CHECK_SIGNER_SUBJECT,
					CR_CHECK_SIGNER_ISSUER,
				CR_CHECK_CARD_SECURITY_SIGNER,
					CR_CHECK_CARD_SECURITY_CHAIN,
					CR_CHECK_CARD_SECURITY_VALIDITY,
						CR_CHECK_CARD_SECURITY_VALIDITY_SIGNER,
						CR_CHECK_CARD_SECURITY_VALIDITY_ISSUER,
					CR_CHECK_CARD_SECURITY_TRUSTED,
					CR_CHECK_CARD_SECURITY_NOT_SELF_SIGNED,
					CR_CHECK_CARD_SECURITY_SUBJECT,
					CR_CHECK_CARD_SECURITY_ISSUER,
			CR_CHECK_INTEGRITY,
				CR_CHECK_COM_SOD,
				CR_CHECK_DG_HASHES,
			CR_CHECK_COUNTRY,
				CR_CHECK_SIGNER_COUNTRY,
					CR_CHECK_COUNTRY_ISSUER_MRZ,
					CR_CHECK_COUNTRY_SUBJECT_MRZ,
					CR_CHECK_COUNTRY_SUBJECT_ISSUER,
		CR_CHECK_COMBINED,
			CR_CHECK_DOCUMENT_VALIDITY,
			CR_CHECK_SIGNER_EXPIRY,
			CR_CHECK_PRINTED_ZONE,
	CR_CHECK_TERMINAL_AUTHENTICATION,
	CR_CHECK_CARD_ACCESS_AUTHENTIC,
	CR_CHECK_READ,
	CR_CHECK_SIGNER_REVOCATION,
	CR_CHECK_SIGNING_TIME,
	CR_CHECK_SIGNER_DOCUMENT_TYPE,
	CR_CHECK_DIGEST,
	CR_CHECK_MRZ_CONSISTENT,
	CR_CHECK_COUNT
};

const char *cr_check_name(enum cr_check_id id);		/* "pa.signature"; "unknown" */
const char *cr_check_guideline(enum cr_check_id id);	/* "SecurityFileCheck"; NULL: it has none */
const char *cr_check_clause(enum cr_check_id id);	/* "5.8.6.1", ...; NULL */
/* What it is a part of; CR_CHECK_COUNT: of nothing. */
enum cr_check_id cr_check_part_of(enum cr_check_id id);
/* It counts only where it was performed; others are undetermined where they were not. */
bool cr_check_is_optional(enum cr_check_id id);
/* False: a result that combines others, which nobody records. */
bool cr_check_is_single(enum cr_check_id id);

/*
 * Records a single check once; a later, worse result replaces it. detail may be NULL; printf-style.
 * 0; CR_E_INVALID: not a single check; CR_E_NOMEM.
 */
int cr_check_set(struct cr_inspection *insp, enum cr_check_id id, enum cr_result result,
		 const char *detail, ...)
	__attribute__((format(printf, 4, 5)));
/*
 * The result, of a single check after known defects have changed it, or combined; CR_UNDETERMINED where
 * nothing was recorded that it could be known by.
 */
enum cr_result cr_check_get(const struct cr_inspection *insp, enum cr_check_id id);
/*
 * Puts insp->checks in the tree's order, each with its result as of now, and adds the combined ones of which
 * any part was performed. Checks may be recorded and this be called once more afterwards. 0; CR_E_NOMEM.
 */
int cr_checks_complete(struct cr_inspection *insp);

/*
 * Known defects (TR-03135-1, 5.12.2), as bits 1U << CR_DEFECT_... in insp->defects, before the checks
 * are judged: each changes results as the table in defects.c says. Those that name another certificate or
 * state to check with (5.12.2.1.3, 5.12.2.2.4, 5.12.2.2.5) have done so when the checks are recorded.
 */
enum cr_defect {
	CR_DEFECT_SIGNER_REVOKED,		/* status 0, 2, 3, 4: not trusted */
	CR_DEFECT_SIGNER_DOUBTED,		/* status 1, 5, 32 and on: trust not determined */
	CR_DEFECT_SIGNER_MISCODED,		/* 5.12.2.3.4 */
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
/*
 * What a single check found, as these defects have it. hashes: of CR_CHECK_DG_HASHES. *why: a msgid; NULL: none
 * of them changes it.
 */
enum cr_result cr_defects_change(uint32_t defects, enum cr_check_id id, enum cr_result found,
				 enum cr_result hashes, const char **why);
/* Adds to the reasons what the lists say, and which lists; after cr_checks_judge. 0 or CR_E_NOMEM. */
int cr_defects_tell(struct cr_inspection *insp);

/* Completes the checks, and fills verdict and reasons from them and the dg statuses. 0; CR_E_NOMEM. */
int cr_checks_judge(struct cr_inspection *insp);

#endif
