/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine readable zone: ICAO 9303-3 to -6. */
#ifndef CR_EID_MRZ_H
#define CR_EID_MRZ_H

#include <stdbool.h>
#include <stddef.h>

struct cr_mrz {			/* fillers taken off; dates as printed, YYMMDD */
	char format[4];		/* "TD1", "TD2", "TD3" */
	char code[3];
	char issuing_state[4];
	char document_number[32];	/* long TD1/TD2 numbers put together (ICAO 9303-5, 4.2.2) */
	char optional1[16], optional2[16];
	char nationality[4];
	char date_of_birth[7];	/* fillers or 00 where a part is unknown */
	char date_of_expiry[7];	/* empty where the document has none */
	char sex;		/* 'M', 'F', '<' */
	char primary[40], secondary[40];	/* names, fillers as spaces */
	bool names_cut;	/* they fill their field to the end: there may be more (9303-3, 4.6) */
};

/* ICAO 9303-3, 4.9: weights 7 3 1. The digit '0' to '9', or 0 for a character that no MRZ has. */
char cr_mrz_check_digit(const char *s, size_t len);
/*
 * text: n characters of A-Z 0-9 <, white space between lines ignored. 0, or CR_E_MALFORMED with
 * *why (static, may be NULL).
 */
int cr_mrz_parse(const char *text, size_t len, struct cr_mrz *out, const char **why);

#endif
