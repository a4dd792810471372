/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the fields of a zone are, and what each of them may be: for mrz.c and mrz_checks.c. */
#ifndef CR_EID_MRZ_INT_H
#define CR_EID_MRZ_INT_H

#include "mrz.h"

#define CR_MRZ_FORMATS	3
#define CR_MRZ_MAX	90	/* characters, of the longest */

struct cr_mrz_span {
	unsigned char at, len;
};

struct cr_mrz_layout {
	char name[4];
	unsigned char line, lines;
	struct cr_mrz_span code, state, number, birth, sex, expiry, nationality, optional1, optional2,
		names;
	bool optional1_checked;
	/* What the composite check digit covers, check digits and fillers included. */
	struct cr_mrz_span composite[4];
};

extern const struct cr_mrz_layout cr_mrz_layouts[CR_MRZ_FORMATS];

/* zone: as long as its layout; characters of the MRZ's alphabet, but where it says otherwise. */
bool cr_mrz_digit_matches(const char *zone, struct cr_mrz_span f, unsigned char at);
bool cr_mrz_composite_matches(const char *zone, const struct cr_mrz_layout *l);
bool cr_mrz_optional_matches(const char *zone, const struct cr_mrz_layout *l);
bool cr_mrz_all_fillers(const char *s, size_t len);
bool cr_mrz_is_code(const char *zone, const struct cr_mrz_layout *l);
bool cr_mrz_is_country(const char *s);
bool cr_mrz_is_date(const char *s, bool may_be_partial);
/* Fill their part of out; what is wrong (static) or NULL. *taken: characters of the optional data. */
const char *cr_mrz_read_number(const char *zone, const struct cr_mrz_layout *l, struct cr_mrz *out,
			       unsigned int *taken);
bool cr_mrz_read_names(const char *s, size_t len, struct cr_mrz *out);

#endif
