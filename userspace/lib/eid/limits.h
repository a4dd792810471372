/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of the master file, and how long APDUs may be by what EF.ATR/INFO says (ISO/IEC 7816-4, 12.7.1). */
#ifndef CR_EID_LIMITS_H
#define CR_EID_LIMITS_H

#include "eid/session.h"

/*
 * Data bytes at most, by the file's content: of a command and of a response. False where it does not say, or nothing
 * that allows more than short APDUs. No I/O.
 */
bool cr_limits_from_info(const uint8_t *data, size_t len, size_t *command, size_t *response);
/*
 * Whether the content keeps to ISO/IEC 7816-4 and ICAO 9303-10, 3.11.1: 7F66 holds two positive INTEGERs, and is
 * there where the card capabilities (47) say so. No I/O.
 */
bool cr_limits_info_sound(const uint8_t *data, size_t len);
/*
 * The same from a card fresh from reset; both 0 where it does not say. 0, or what sending meets.
 */
int cr_limits_read(struct cr_session *s, size_t *command, size_t *response, bool *sound);
/* cr_card_learn_limits, and whether the file is sound, if it was read. */
int cr_limits_learn(cr_card_t *card, bool *sound);
/* As cr_card_learn_limits, where the file was read whole for its own sake. No I/O. */
void cr_card_take_limits(cr_card_t *card, const uint8_t *info, size_t len);
/*
 * A file of the master file, outside of access control, whole: its end is where the card says. The
 * caller wipes and frees *data. 0; CR_E_NOT_FOUND, CR_E_ACCESS_REFUSED, CR_E_CARD_STATUS with the
 * status word; CR_E_TOO_LONG: longer than any such file is; or what sending meets. s reads nothing
 * under secure messaging.
 */
int cr_card_file_read(struct cr_session *s, uint16_t fid, uint8_t **data, size_t *len, uint16_t *sw);

#endif
