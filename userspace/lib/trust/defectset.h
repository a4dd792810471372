/* SPDX-License-Identifier: BSD-2-Clause */
/* What the trust store's defect lists know of the documents of one signer. No I/O. */
#ifndef CR_TRUST_DEFECTSET_H
#define CR_TRUST_DEFECTSET_H

#include <cardring/eid.h>
#include "defectlist.h"

struct cr_defect_found {	/* borrowed from the trust store */
	const struct cr_known_defect *known;
	const struct cr_defect_list *list;
	enum cr_defect_list_state state;
	bool counts;
};

struct cr_defect_set {
	struct cr_defect_found *all;
	size_t n;
};

/*
 * All defects of the signer with this certificate (NULL: it is not there), or whom signed_by names
 * (NULL: nobody); in the order of the lists. trust may be NULL. 0 or CR_E_NOMEM; clear in each case.
 */
int cr_defects_for(const cr_trust_t *trust, X509 *cert, const struct cr_signer_id *signed_by, time_t now,
		   struct cr_defect_set *out);
/* The first of this type that counts; NULL: none. */
const struct cr_known_defect *cr_defect_set_find(const struct cr_defect_set *set,
						 enum cr_known_type type);
/* Those that count and change results of checks, as bits 1U << enum cr_defect (eid/checks.h). */
uint32_t cr_defect_set_bits(const struct cr_defect_set *set);
/* Into insp->defects and insp->listed. 0 or CR_E_NOMEM. */
int cr_defect_set_record(const struct cr_defect_set *set, struct cr_inspection *insp);
void cr_defect_set_clear(struct cr_defect_set *set);

#endif
