/* SPDX-License-Identifier: BSD-2-Clause */
/* For who has the structure already, as PC/SC programs do. */
#ifndef CR_READER_PIN_INT_H
#define CR_READER_PIN_INT_H

#include "ccid/pin.h"
#include "reader/card_int.h"

/*
 * Has the reader do what the structure says. *sw: the card's status word, or 6400 to 6403 as PC/SC part 10 has them;
 * *word: whose it is. 0, or the enum cr_error of cr_card_pin_verify.
 */
int cr_card_pin_run(cr_card_t *card, const struct cr_ccid_pin *pin, uint16_t *sw, enum cr_ccid_pin_word *word);

#endif
