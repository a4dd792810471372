/* SPDX-License-Identifier: BSD-2-Clause */
/* How much response data one APDU may carry: what the card says of itself. */
#ifndef CR_EID_LIMITS_H
#define CR_EID_LIMITS_H

#include "eid/session.h"

/* EF.ATR/INFO (ISO/IEC 7816-4, 12.7.1): the most response data; 0 if it does not say. No I/O. */
size_t cr_limits_from_info(const uint8_t *data, size_t len);
/*
 * A file of the master file, outside of access control, whole: its end is where the card says. The
 * caller wipes and frees *data. 0; CR_E_NOT_FOUND, CR_E_ACCESS_REFUSED, CR_E_CARD_STATUS with the
 * status word; CR_E_TOO_LONG: longer than any such file is; or what sending meets. s reads nothing
 * under secure messaging.
 */
int cr_card_file_read(struct cr_session *s, uint16_t fid, uint8_t **data, size_t *len, uint16_t *sw);
/*
 * Sets s->max_response: short, unless reader (reader_max) and card both say that they take more.
 * The card is fresh from reset. 0, or what sending meets.
 */
int cr_limits_learn(struct cr_session *s, size_t reader_max);

#endif
