/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CR_EID_INSPECT_H
#define CR_EID_INSPECT_H

#include <cardring/eid.h>

/*
 * An inspection judged once more, without the card: insp has the files as they were read, and the
 * checks that only the chip can answer as they were recorded (access, card-access-authentic, read,
 * chip-authentication); all else is found out anew, against this trust store and at this time. One
 * that was not recorded is undetermined, and "read" and "chip-authentication" are no better than
 * the files that are there. 0, CR_E_NOMEM or CR_E_INTERNAL.
 */
int cr_inspect_again(struct cr_inspection *insp, const cr_trust_t *trust, time_t now);

#endif
