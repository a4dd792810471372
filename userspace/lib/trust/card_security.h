/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EF.CardSecurity: SecurityInfos signed by a document signer (TR-03110-3, A.1.2.5; ICAO 9303-11,
 * 9.2.11). No I/O.
 */
#ifndef CR_TRUST_CARD_SECURITY_H
#define CR_TRUST_CARD_SECURITY_H

#include <time.h>
#include <cardring/eid.h>

/*
 * The SET OF SecurityInfo in it, allocated: free it. Nothing is verified. 0, CR_E_MALFORMED or
 * CR_E_NOMEM.
 */
int cr_card_security_infos(const uint8_t *data, size_t len, uint8_t **set, size_t *set_len);

/*
 * Whether its signature stands; the signer's certificate is in it, else in the store (which may be
 * NULL). A signer without a trusted issuer does not fail here: it does as the signer of EF.SOD,
 * which signs the same key in DG14; one that a trusted issuer denies fails. why: 160 bytes. Records the
 * CR_CHECK_CARD_SECURITY_* checks, which tell more.
 */
enum cr_result cr_card_security_check(struct cr_inspection *insp, const uint8_t *data, size_t len,
				      const cr_trust_t *trust, time_t now, char *why);

#endif
