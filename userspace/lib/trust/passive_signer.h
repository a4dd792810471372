/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CR_TRUST_PASSIVE_SIGNER_H
#define CR_TRUST_PASSIVE_SIGNER_H

#include <cardring/eid.h>
#include "defectset.h"
#include "sod.h"

/*
 * Into sod->signer: the certificate that EF.SOD names, in it or in the store; the one that it should
 * have named, by a defect list (TR-03135-1, 5.8.2.2.4); or the one that a list puts in its place
 * (5.8.2.1.2). NULL: nobody's is there. Into defects: all that the store's lists know of that signer;
 * recorded in insp. trust may be NULL. 0, CR_E_NOMEM; clear defects in each case.
 */
int cr_passive_find_signer(struct cr_inspection *insp, struct cr_sod *sod, const cr_trust_t *trust,
			   time_t now, struct cr_defect_set *defects);

#endif
