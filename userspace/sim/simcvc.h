/* SPDX-License-Identifier: BSD-2-Clause */
/* Card verifiable certificates (TR-03110-3, C.1, D.3) as the virtual card checks them, and their issuing. */
#ifndef CARDRING_SIM_CVC_H
#define CARDRING_SIM_CVC_H

#include <openssl/evp.h>
#include "ber.h"
#include "simgroup.h"

/* Whoever a certificate is of: its name, key and rights. Clear it. */
struct sim_holder {
	char name[17];
	uint8_t kind, scheme;		/* last arcs of id-TA: 1 RSA, 2 ECDSA; and the digest */
	EVP_PKEY *key;
	char group[24];			/* of an elliptic curve's key */
	uint8_t chat;			/* role in the upper two bits, 3 CVCA, 2 and 1 DV, 0 terminal; rights below */
	char from[7], to[7];		/* YYMMDD */
};
void sim_holder_clear(struct sim_holder *h);

/*
 * The certificate's body 7F4E and signature 5F37, side by side, by the key of issuer, or by its own where issuer is NULL.
 * False: not one, or another's, or its signature does not stand.
 */
bool sim_cvc_check(const uint8_t *p, size_t len, const struct sim_holder *issuer, struct sim_holder *out);
/* Whether it is 06 id-IS: inspection systems. */
bool sim_is_id_is(const struct sim_tlv *oid);
/* id-TA-*, of h's key: the value alone. */
bool sim_holder_algorithm(const struct sim_holder *h, struct sim_buf *out);
/* The signature of data by h: RSA, or ECDSA as r || s. */
bool sim_holder_signed(const struct sim_holder *h, const uint8_t *data, size_t len, const uint8_t *sig, size_t sig_len);

/* A new certificate, 7F21, for h, whose key has its private half, as has issuer's; issuer == h: self-signed. */
bool sim_cvc_issue(const struct sim_holder *h, const struct sim_holder *issuer, struct sim_buf *out);

#endif
