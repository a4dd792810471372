/* SPDX-License-Identifier: BSD-2-Clause */
/* What known defects make of the results of checks: TR-03135-1 (5.0.1), 5.12.2. No I/O. */
#include "checks.h"

#define FOUND(r)	(1U << (r))
#define ANYTHING	(FOUND(CR_SUCCESSFUL) | FOUND(CR_FAILED) | FOUND(CR_UNDETERMINED) | \
			 FOUND(CR_NOT_SUPPORTED) | FOUND(CR_ABORTED))
#define PERFORMED	(ANYTHING & ~FOUND(CR_NOT_SUPPORTED))

#define REVOKED		"a defect list says that the signer's certificate is revoked"
#define DOUBTED		"a defect list casts doubt on the signer's documents"
#define MISCODED	"a defect list says that the signer's certificate is malformed"
#define COMPROMISED	"a defect list says that others have the keys of these chips"
#define FAILS		"a defect list says that genuine chips of this signer fail, too"
#define DATES		"a defect list says that a certificate's dates are wrong"
#define MALFORMED	"a defect list says that the issuer made the signature wrong"
#define LISTS_DIFFER	"a defect list says that these lists differ in genuine documents, too"

/* defect: it makes these findings of these checks into this. The first that applies counts. */
static const struct change {
	enum cr_defect defect;
	enum cr_check_id first, last;
	unsigned int found;
	enum cr_result to;
	const char *why;
} changes[] = {
	/* Table 5.145 */
	{ CR_DEFECT_SIGNER_REVOKED, CR_CHECK_SIGNER_TRUSTED, CR_CHECK_SIGNER_TRUSTED, ANYTHING, CR_FAILED, REVOKED },
	{ CR_DEFECT_SIGNER_DOUBTED, CR_CHECK_SIGNER_TRUSTED, CR_CHECK_SIGNER_TRUSTED,
	  ANYTHING & ~FOUND(CR_FAILED), CR_UNDETERMINED, DOUBTED },
	/* 5.12.2.3.4: what such a certificate says is no evidence for anything, nor against */
	{ CR_DEFECT_SIGNER_MISCODED, CR_CHECK_SIGNER_CHAIN, CR_CHECK_SIGNER_CHAIN, ANYTHING, CR_UNDETERMINED, MISCODED },
	{ CR_DEFECT_SIGNER_MISCODED, CR_CHECK_SIGNER_VALIDITY, CR_CHECK_SIGNER_ISSUER, FOUND(CR_FAILED),
	  CR_UNDETERMINED, MISCODED },
	/* 5.12.2.1.4, 5.12.2.1.5: whoever has the keys passes the check */
	{ CR_DEFECT_CA_KEYS_COMPROMISED, CR_CHECK_CA, CR_CHECK_PACE_CAM, PERFORMED, CR_FAILED, COMPROMISED },
	{ CR_DEFECT_AA_KEYS_COMPROMISED, CR_CHECK_AA, CR_CHECK_AA, PERFORMED, CR_FAILED, COMPROMISED },
	/* 5.12.2.1.6 */
	{ CR_DEFECT_CA_FAILURE, CR_CHECK_CA, CR_CHECK_CA, FOUND(CR_FAILED), CR_UNDETERMINED, FAILS },
	{ CR_DEFECT_AA_FAILURE, CR_CHECK_AA, CR_CHECK_AA, FOUND(CR_FAILED), CR_UNDETERMINED, FAILS },
	{ CR_DEFECT_PACE_CAM_FAILURE, CR_CHECK_PACE_CAM, CR_CHECK_PACE_CAM, FOUND(CR_FAILED), CR_UNDETERMINED, FAILS },
	/* 5.12.2.1.7, whatever the dates. 5.6.3.2.2 and 5.6.3.2.3 say not supported, which would hide that nobody knows */
	{ CR_DEFECT_SIGNER_VALIDITY, CR_CHECK_SIGNER_VALIDITY_SIGNER, CR_CHECK_SIGNER_VALIDITY_SIGNER, ANYTHING,
	  CR_UNDETERMINED, DATES },
	{ CR_DEFECT_ISSUER_VALIDITY, CR_CHECK_SIGNER_VALIDITY_ISSUER, CR_CHECK_SIGNER_VALIDITY_ISSUER, ANYTHING,
	  CR_UNDETERMINED, DATES },
	/* 5.12.2.2.2, 5.12.2.3.1 */
	{ CR_DEFECT_SOD_MALFORMED, CR_CHECK_SOD_DIGEST, CR_CHECK_SOD_SIGNATURE_VALUE, FOUND(CR_FAILED),
	  CR_UNDETERMINED, MALFORMED },
	{ CR_DEFECT_CARD_SECURITY_MALFORMED, CR_CHECK_CARD_SECURITY_DIGEST, CR_CHECK_CARD_SECURITY_SIGNATURE_VALUE,
	  FOUND(CR_FAILED), CR_UNDETERMINED, MALFORMED },
};

enum cr_result cr_defects_change(uint32_t defects, enum cr_check_id id, enum cr_result found,
				 enum cr_result hashes, const char **why)
{
	*why = NULL;
	/* 5.12.2.2.3: as far as the data can be verified by EF.SOD */
	if (id == CR_CHECK_COM_SOD && found == CR_FAILED && defects & 1U << CR_DEFECT_COM_SOD) {
		*why = LISTS_DIFFER;
		return hashes == CR_SUCCESSFUL ? CR_SUCCESSFUL : CR_UNDETERMINED;
	}
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const struct change *c = &changes[i];

		if (!(defects & 1U << c->defect) || id < c->first || id > c->last || !(c->found & FOUND(found)))
			continue;
		*why = c->to == found ? NULL : c->why;
		return c->to;
	}
	return found;
}
