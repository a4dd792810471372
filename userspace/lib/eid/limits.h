/* SPDX-License-Identifier: BSD-2-Clause */
/* How long APDUs may be by what the card says in EF.ATR/INFO (ISO/IEC 7816-4, 12.7.1). */
#ifndef CR_EID_LIMITS_H
#define CR_EID_LIMITS_H

#include "eid/session.h"

/*
 * Data bytes at most, by the file's content: of a command and of a response. False where it does not say, or nothing
 * that allows more than short APDUs. No I/O.
 */
bool cr_limits_from_info(const uint8_t *data, size_t len, size_t *command, size_t *response);
/*
 * The same from a card fresh from reset; both 0 where it does not say. 0, or what sending meets.
 */
int cr_limits_read(struct cr_session *s, size_t *command, size_t *response);

#endif
