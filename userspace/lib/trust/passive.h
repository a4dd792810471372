/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Passive authentication, ICAO 9303-11, 5.1 and 9303-12: EF.SOD, its signer, the chain to a trusted
 * issuer, and each data group's hash. No I/O.
 */
#ifndef CR_TRUST_PASSIVE_H
#define CR_TRUST_PASSIVE_H

#include <cardring/eid.h>
#include <cardring/trust.h>

/*
 * Judges insp->files (EF.SOD, EF.COM and the data groups read): fills insp->passive and records the
 * CR_CHECK_SOD_*, CR_CHECK_SIGNER_*, CR_CHECK_DG_HASHES and CR_CHECK_COM_SOD checks (eid/checks.h).
 * trust may be NULL. 0, or CR_E_NOMEM/CR_E_INTERNAL: what is wrong with the document is in the
 * checks.
 */
int cr_passive_authenticate(struct cr_inspection *insp, const cr_trust_t *trust, time_t now);

#endif
