/* SPDX-License-Identifier: BSD-2-Clause */
/* What defect lists know of a document, among the reasons of its verdict. No I/O. */
#include <stdio.h>
#include <stdlib.h>
#include "checks.h"

static void describe(const struct cr_listed_defect *d, char *out, size_t size)
{
	char groups[100] = "", code[16] = "";
	size_t n = 0;
	int i;

	for (i = 1; i <= 16; i++) {
		if (d->groups & 1U << i)
			n += (size_t)snprintf(groups + n, sizeof(groups) - n, "%sDG%d",
					      n ? " " : " (", i);
	}
	if (d->code >= 0)
		snprintf(code, sizeof(code), " (%d)", d->code);
	snprintf(out, size, "%s%s%s%s%s%s%s; %s, %s", d->name ? d->name : d->oid, code, groups,
		 n ? ")" : "", *d->country ? " (" : "", d->country, *d->country ? ")" : "",
		 d->state, d->list ? d->list : d->fingerprint);
}

int cr_defects_tell(struct cr_inspection *insp)
{
	struct cr_reason *all = reallocarray(insp->reasons, insp->n_reasons + insp->n_listed + 1,
					     sizeof(*all));
	size_t i;

	if (!all)
		return CR_E_NOMEM;
	insp->reasons = all;
	for (i = 0; i < insp->n_listed; i++) {
		struct cr_reason *r = &all[insp->n_reasons++];

		r->code = insp->listed[i].counts ? "known-defect" : "known-defect-ignored";
		r->text = insp->listed[i].counts ?
			  "A defect list has the documents of this signer: %s" :
			  "A defect list that does not count any more has the documents of this signer: %s";
		describe(&insp->listed[i], r->detail, sizeof(r->detail));
	}
	return CR_OK;
}
