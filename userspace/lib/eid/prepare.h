/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CR_EID_PREPARE_H
#define CR_EID_PREPARE_H

/*
 * Has OpenSSL load and seed what opening a card needs, so that no card waits for it. A program's
 * first inspection is the shorter for it, if this comes before its card is powered; nothing else
 * changes. Errors show where they matter.
 */
void cr_eid_prepare(void);

#endif
