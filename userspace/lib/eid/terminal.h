/* SPDX-License-Identifier: BSD-2-Clause */
/* An inspection system's own certificates and key (cardring/eid.h), used. */
#ifndef CR_EID_TERMINAL_H
#define CR_EID_TERMINAL_H

#include <cardring/eid.h>
#include "eid/cvc.h"

/* The terminal's own certificate; NULL without a key. */
const struct cr_cvc *cr_terminal_own(const cr_terminal_t *t);
/* The chain to show to a chip that knows these authorities; its count; 0: there is none. */
size_t cr_terminal_chain(const cr_terminal_t *t, const struct cr_cvc_name *authorities, size_t n,
			 const struct cr_cvc *chain[CR_CVC_CHAIN_MAX]);
/*
 * The terminal's signature (RSA; ECDSA as r || s), allocated by malloc. 0, CR_E_CRYPTO, CR_E_NOMEM.
 */
int cr_terminal_sign(const cr_terminal_t *t, const struct cr_cvc_algorithm *algorithm,
		     const uint8_t *data, size_t len, uint8_t **sig, size_t *sig_len);

#endif
