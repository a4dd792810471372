/* SPDX-License-Identifier: BSD-2-Clause */
/* How much response data one APDU may carry: what the card says of itself. */
#ifndef CR_EID_LIMITS_H
#define CR_EID_LIMITS_H

#include "eid/session.h"

/* EF.ATR/INFO (ISO/IEC 7816-4, 12.7.1): the most response data; 0 if it does not say. No I/O. */
size_t cr_limits_from_info(const uint8_t *data, size_t len);
/*
 * Sets s->max_response: short, unless reader (reader_max) and card both say that they take more.
 * The card is fresh from reset. 0, or what sending meets.
 */
int cr_limits_learn(struct cr_session *s, size_t reader_max);

#endif
