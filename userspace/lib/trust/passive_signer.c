/* SPDX-License-Identifier: BSD-2-Clause */
/* Who signed EF.SOD: by its own word, or by that of a defect list. No I/O. */
#include <string.h>
#include <cardring/error.h>
#include "passive_signer.h"

/* TR-03135-1, 5.8.2.2.4: whom EF.SOD should have named. NULL: no list says, or nobody has it. */
static X509 *corrected_signer(const struct cr_sod *sod, const cr_trust_t *trust,
			      const struct cr_defect_set *defects, time_t now)
{
	const struct cr_known_defect *k =
		cr_defect_set_find(defects, CR_KNOWN_WRONG_SIGNER_IDENTIFIER);
	X509 *cert;
	int i;

	for (i = 0; k && i < sk_X509_num(sod->certs); i++) {
		cert = sk_X509_value(sod->certs, i);
		if (cr_signer_id_names(&k->corrected, cert) && X509_up_ref(cert))
			return cert;
	}
	return k ? cr_trust_find_signer(trust, &k->corrected, now) : NULL;
}

/* Nobody that EF.SOD names is there: a list knows of that name, or of a certificate in EF.SOD. */
static int find_misnamed_signer(struct cr_sod *sod, const cr_trust_t *trust, time_t now,
				const struct cr_signer_id *id)
{
	struct cr_defect_set defects;
	int err = cr_defects_for(trust, NULL, id, now, &defects), i;

	if (!err)
		sod->signer = corrected_signer(sod, trust, &defects, now);
	cr_defect_set_clear(&defects);
	for (i = 0; !err && !sod->signer && i < sk_X509_num(sod->certs); i++) {
		err = cr_defects_for(trust, sk_X509_value(sod->certs, i), NULL, now, &defects);
		if (!err)
			sod->signer = corrected_signer(sod, trust, &defects, now);
		cr_defect_set_clear(&defects);
	}
	return err;
}

int cr_passive_find_signer(struct cr_inspection *insp, struct cr_sod *sod, const cr_trust_t *trust,
			   time_t now, struct cr_defect_set *defects)
{
	const struct cr_known_defect *k;
	struct cr_signer_id id;
	int err = CR_OK;

	memset(defects, 0, sizeof(*defects));
	cr_signer_id_of(sod->si, &id);
	cr_sod_find_signer(sod, trust, now);
	if (!sod->signer)
		err = find_misnamed_signer(sod, trust, now, &id);
	if (!err)
		err = cr_defects_for(trust, sod->signer, &id, now, defects);
	if (!err)
		err = cr_defect_set_record(defects, insp);
	k = cr_defect_set_find(defects, CR_KNOWN_CERT_REPLACED);
	if (!err && k) {
		X509_free(sod->signer);
		sod->signer = k->replacement;
		X509_up_ref(sod->signer);
	}
	return err;
}
