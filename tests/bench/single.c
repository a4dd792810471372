// SPDX-License-Identifier: BSD-2-Clause
/*
 * The cardring command, sending one command at a time: linked with --wrap=cr_card_transmit_batch, so that all else is
 * what it is in the command itself.
 */
#include "cardring/card.h"
#include "iso7816/apdu.h"

int __real_cr_card_transmit_batch(cr_card_t *card, struct cr_apdu *apdus, size_t n, size_t *done);
int __wrap_cr_card_transmit_batch(cr_card_t *card, struct cr_apdu *apdus, size_t n, size_t *done);

int __wrap_cr_card_transmit_batch(cr_card_t *card, struct cr_apdu *apdus, size_t n, size_t *done)
{
	size_t one;
	int err = 0;

	for (*done = 0; *done < n && !err;) {
		struct cr_apdu *a = &apdus[*done];

		err = __real_cr_card_transmit_batch(card, a, 1, &one);
		*done += one;
		if (!err && (cr_rapdu_sw(a->rsp, a->rsp_len) & a->sw_mask) != (a->sw & a->sw_mask))
			break;
	}
	return err;
}
