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
 * which signs the same key in DG14; one that a trusted issuer denies fails. excused: a defect list says that the
 * object is malformed, and it is undetermined where it fails by itself (TR-03135-1, 5.12.2.3.1). alone: nothing
 * else speaks for what is in it (chip authentication version 2), so that without a trusted issuer, or with a
 * revoked signer, it is CR_UNDETERMINED. why: 160 bytes. insp: records the CR_CHECK_CARD_SECURITY_* checks, which
 * tell more; NULL: nothing.
 */
enum cr_result cr_card_security_verify(struct cr_inspection *insp, const uint8_t *data, size_t len,
				       const cr_trust_t *trust, time_t now, bool excused, bool alone, char *why);

#endif
