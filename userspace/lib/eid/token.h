/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A private key in a PKCS#11 token (a smart card, an HSM, a file that SoftHSM keeps), named by a URI (RFC
 * 7512) and found through p11-kit, which knows the modules that this system has configured.
 */
#ifndef CR_EID_TOKEN_H
#define CR_EID_TOKEN_H

#include <cardring/eid.h>
#include "eid/cvc.h"

struct cr_token;

/*
 * The key; the token stays open. One PIN is tried, once. 0; CR_E_INVALID: no PKCS#11 URI, or one with the PIN
 * in it; CR_E_NO_SERVICE: no module is configured, or the one that the URI names cannot be loaded;
 * CR_E_NO_CARD: no such token, or no such private key in it, or several; CR_E_ACCESS_REFUSED: the PIN is
 * wrong, or there was none; CR_E_PIN_BLOCKED; CR_E_IO: the PIN's file cannot be read; CR_E_CRYPTO: the token
 * failed; CR_E_NOMEM.
 */
int cr_token_open(const char *uri, cr_pin_fn ask, void *arg, struct cr_token **out);
void cr_token_close(struct cr_token *t);	/* NULL is fine */

/* Whether the certificate is of this key: 1, 0; -1: the token does not tell. */
int cr_token_is_of(const struct cr_token *t, const struct cr_cvc *cert);
/* As cr_terminal_sign. */
int cr_token_sign(const struct cr_token *t, const struct cr_cvc_algorithm *a, const uint8_t *data, size_t len,
		  uint8_t **sig, size_t *sig_len);

#endif
