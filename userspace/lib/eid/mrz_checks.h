/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine readable zone taken apart: TR-03135-1 (5.0.1), 5.6.1, and two of them side by side, 5.10.4. No I/O. */
#ifndef CR_EID_MRZ_CHECKS_H
#define CR_EID_MRZ_CHECKS_H

#include <cardring/eid.h>

enum cr_mrz_check {	/* 5.6.1.2.1 and on */
	CR_MRZ_LENGTH,
	CR_MRZ_DIGIT_COMPOSITE,
	CR_MRZ_DIGIT_DOCUMENT_NUMBER,
	CR_MRZ_DIGIT_DATE_OF_EXPIRY,
	CR_MRZ_DIGIT_DATE_OF_BIRTH,
	CR_MRZ_DIGIT_OPTIONAL_DATA,
	CR_MRZ_ISSUER_NATIONALITY,
	CR_MRZ_DOCUMENT_TYPE,
	CR_MRZ_ISSUER,
	CR_MRZ_NATIONALITY,
	CR_MRZ_DATE_OF_BIRTH,
	CR_MRZ_DATE_OF_EXPIRY,
	CR_MRZ_SEX,
	CR_MRZ_DOCUMENT_NUMBER,
	CR_MRZ_SURNAME,
	CR_MRZ_GIVEN_NAME,
	CR_MRZ_ISSUER_LISTED,
	CR_MRZ_NATIONALITY_LISTED,
	CR_MRZ_CHECKS
};

/*
 * Each check of a zone as it is on a chip: len characters, without line ends. How many were performed: all, or
 * only the first where no format is so long.
 */
size_t cr_mrz_check(const char *zone, size_t len, enum cr_result out[CR_MRZ_CHECKS]);

/*
 * The printed zone against that of the chip, each whole and right by itself, white space ignored. *what (a
 * static English msgid): the first element that differs; NULL. CR_UNDETERMINED: it is of the optional data
 * alone; CR_ABORTED: one of them is no zone.
 */
enum cr_result cr_mrz_compare(const char *printed, const char *chip, const char **what);

#endif
