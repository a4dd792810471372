/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SCardControl: what a reader can do beyond exchanging APDUs (PC/SC part 10), which is PINs by its own keypad.
 */
#ifndef CARDRING_IFD_CONTROL_H
#define CARDRING_IFD_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <cardring/card.h>

/*
 * card: NULL while none is powered. out: *out_len in: room, out: bytes. 0, CR_E_NOT_FOUND (no such code, or not of
 * this reader), CR_E_TOO_LONG (no room), CR_E_MALFORMED (in makes no sense), or that of cr_card_pin_verify.
 */
int ifd_control(const struct cr_reader_info *reader, cr_card_t *card, unsigned long code, const uint8_t *in,
		size_t in_len, uint8_t *out, size_t *out_len);

#endif
