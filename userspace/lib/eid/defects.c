/* SPDX-License-Identifier: BSD-2-Clause */
/* What known defects make of the results of checks: TR-03135-1 (2.5), 5.8.2. No I/O. */
#include <string.h>
#include "checks.h"

#define FOUND(r)	(1U << (r))
#define ANYTHING	(FOUND(CR_SUCCESSFUL) | FOUND(CR_FAILED) | FOUND(CR_UNDETERMINED) | \
			 FOUND(CR_NOT_SUPPORTED) | FOUND(CR_ABORTED))
#define UNLESS_FAILED	(ANYTHING & ~FOUND(CR_FAILED))

/* defect: it makes these findings of this check into that. The first that applies counts. */
static const struct change {
	enum cr_defect defect;
	enum cr_check_id id;
	unsigned int found;
	enum cr_result to;
	const char *why;
} changes[] = {
	/*
	 * Table 5.54. What the signer is worth weighs on the check of its certificate and on that of
	 * the data; both are combined from checks, and of those one says it.
	 */
	{ CR_DEFECT_SIGNER_REVOKED, CR_CHECK_SIGNER_REVOCATION, ANYTHING, CR_FAILED,
	  "a defect list says that the signer's certificate is revoked" },
	{ CR_DEFECT_SIGNER_DOUBTED, CR_CHECK_SIGNER_REVOCATION, UNLESS_FAILED, CR_UNDETERMINED,
	  "a defect list casts doubt on the signer's documents" },
	{ CR_DEFECT_SIGNER_DOUBTED, CR_CHECK_SIGNER_CHAIN, UNLESS_FAILED, CR_UNDETERMINED,
	  "a defect list casts doubt on the signer's documents" },
	/* 5.8.2.3.4 */
	{ CR_DEFECT_SIGNER_MISCODED, CR_CHECK_SIGNER_CHAIN, ANYTHING, CR_UNDETERMINED,
	  "a defect list says that the signer's certificate is malformed" },
	/* 5.8.2.1.3, 5.8.2.1.4: whoever has the keys passes the check */
	{ CR_DEFECT_CA_KEYS_COMPROMISED, CR_CHECK_CHIP_AUTHENTICATION, ANYTHING, CR_FAILED,
	  "a defect list says that others have the keys of these chips" },
	{ CR_DEFECT_AA_KEYS_COMPROMISED, CR_CHECK_CHIP_AUTHENTICATION, ANYTHING, CR_FAILED,
	  "a defect list says that others have the keys of these chips" },
	/* 5.8.2.1.5 */
	{ CR_DEFECT_CA_FAILURE, CR_CHECK_CHIP_AUTHENTICATION, FOUND(CR_FAILED), CR_UNDETERMINED,
	  "a defect list says that genuine chips of this signer fail, too" },
	{ CR_DEFECT_AA_FAILURE, CR_CHECK_CHIP_AUTHENTICATION, FOUND(CR_FAILED), CR_UNDETERMINED,
	  "a defect list says that genuine chips of this signer fail, too" },
	{ CR_DEFECT_PACE_CAM_FAILURE, CR_CHECK_CHIP_AUTHENTICATION, FOUND(CR_FAILED), CR_UNDETERMINED,
	  "a defect list says that genuine chips of this signer fail, too" },
	/* 5.8.2.2.2 */
	{ CR_DEFECT_SOD_MALFORMED, CR_CHECK_SOD_SIGNATURE, FOUND(CR_FAILED), CR_UNDETERMINED,
	  "a defect list says that the issuer made the signature wrong" },
};

static const struct change *change_of(uint32_t defects, enum cr_check_id id, enum cr_result found)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		if (defects & 1U << changes[i].defect && changes[i].id == id &&
		    changes[i].found & FOUND(found))
			return &changes[i];
	}
	return NULL;
}

enum cr_result cr_defects_change(uint32_t defects, enum cr_check_id id, enum cr_result found,
				 enum cr_result hashes)
{
	const struct change *c = change_of(defects, id, found);

	/* 5.8.2.2.3: as far as the data can be verified by EF.SOD */
	if (id == CR_CHECK_COM_SOD && found == CR_FAILED && defects & 1U << CR_DEFECT_COM_SOD)
		return hashes == CR_SUCCESSFUL ? CR_SUCCESSFUL : CR_UNDETERMINED;
	return c ? c->to : found;
}

/* ---- An inspection ---- */

/* Those about ways to prove the chip count where it was proved that way, or by none. */
static uint32_t that_concern(const struct cr_inspection *insp)
{
	const uint32_t aa = 1U << CR_DEFECT_AA_KEYS_COMPROMISED | 1U << CR_DEFECT_AA_FAILURE;
	const uint32_t cam = 1U << CR_DEFECT_PACE_CAM_FAILURE, ca = 1U << CR_DEFECT_CA_FAILURE;
	const uint32_t keys = 1U << CR_DEFECT_CA_KEYS_COMPROMISED;
	const char *by = insp->chip_protocol;

	if (!by)
		return insp->defects;
	if (!strncmp(by, "AA", 2))
		return insp->defects & ~(ca | cam | keys);
	return insp->defects & ~aa & ~(strncmp(by, "PACE", 4) ? cam : ca);
}

void cr_checks_apply_defects(struct cr_inspection *insp)
{
	enum cr_result hashes = cr_check_get(insp, CR_CHECK_DG_HASHES), r;
	uint32_t defects = that_concern(insp);
	const struct change *change;
	struct cr_check *c;
	size_t i;
	int id;

	for (i = 0; i < insp->n_checks && defects; i++) {
		c = &insp->checks[i];
		for (id = 0; id < CR_CHECK_COUNT && strcmp(c->name, cr_check_name(id)); id++)
			;
		r = cr_defects_change(defects, id, c->found, hashes);
		if (r == c->found)
			continue;
		change = change_of(defects, id, c->found);
		c->result = r;
		c->defect = change ? change->why :
			    "a defect list says that these lists differ in genuine documents, too";
		if (id == CR_CHECK_CHIP_AUTHENTICATION)
			insp->chip_authentication = r;
	}
}
