/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks of a signer's certificate: TR-03135-1 (5.0.1), 5.6.2 and 5.6.3. No I/O. */
#ifndef CR_TRUST_SIGNER_H
#define CR_TRUST_SIGNER_H

#include "eid/checks.h"
#include "chain.h"

enum cr_signed_file { CR_SIGNED_SOD = 0, CR_SIGNED_CARD_SECURITY };

/*
 * Records the checks of the certificate that signed this file, but what it says of the country: those from
 * CR_CHECK_SIGNER_CHAIN or from CR_CHECK_CARD_SECURITY_CHAIN on. trust may be NULL; revocation: whether an
 * issuer revoked one of the chain. 0; CR_E_NOMEM.
 */
int cr_signer_check(struct cr_inspection *insp, enum cr_signed_file file, const struct cr_chain *chain,
		    enum cr_result revocation, time_t now);
/*
 * EF.SOD's signer against the issuing state in DG1, which has to be the signed one, and against its own
 * issuer: a state's signer signs for that state alone, or the trust in one was the trust in all. better: what its
 * issuer should have written there, by a defect list (5.12.2.2.5); NULL: none says. 0; CR_E_NOMEM.
 */
int cr_signer_check_country(struct cr_inspection *insp, const struct cr_chain *chain, const char *better, time_t now);
/* Against the date of expiry in insp->document, where DG1 is the signed one. 0; CR_E_NOMEM. */
int cr_signer_check_expiry(struct cr_inspection *insp, X509 *signer);

#endif
