/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Card verifiable certificates (TR-03110-3, C.1, D.3): taken apart, and put in the order in which a
 * chip wants them. Whether their signatures stand is for the chip to say. No I/O.
 */
#ifndef CR_EID_CVC_H
#define CR_EID_CVC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CR_CVC_NAME_MAX	16	/* of a certificate's holder, of the authority that signed it */

struct cr_cvc_name {
	uint8_t text[CR_CVC_NAME_MAX];
	size_t len;
};

enum cr_cvc_role { CR_CVC_TERMINAL = 0, CR_CVC_DV_FOREIGN = 1, CR_CVC_DV_DOMESTIC = 2, CR_CVC_CVCA = 3 };
#define CR_CVC_READ_DG3	0x01
#define CR_CVC_READ_DG4	0x02

/* id-TA-RSA-*, id-TA-ECDSA-*: TR-03110-3, A.6.4. */
struct cr_cvc_algorithm {
	uint8_t oid[10];
	bool ec, pss;
	const char *digest;		/* "SHA256" */
	const char *names[2];		/* by version: "TA v1 ECDSA SHA-256", "TA v2 ECDSA SHA-256" */
};

struct cr_cvc {				/* all points into the bytes that were parsed */
	const uint8_t *body, *signature;	/* the objects 7F4E and 5F37, whole */
	size_t body_len, signature_len;
	struct cr_cvc_name authority, holder;
	const struct cr_cvc_algorithm *algorithm;	/* of the key in it */
	const uint8_t *key;		/* a point, or a modulus without leading zeroes */
	size_t key_len;
	const uint8_t *template;	/* the object 7F4C, whole: of what kind the holder is, and its rights */
	size_t template_len;
	enum cr_cvc_role role;
	uint8_t rights;			/* CR_CVC_READ_* */
};

/*
 * The certificate at p, of an inspection system or what is above one. *total: its bytes; others may
 * follow. 0, CR_E_MALFORMED, or CR_E_UNSUPPORTED: of another kind of terminal, or an unknown algorithm.
 */
int cr_cvc_parse(const uint8_t *p, size_t n, struct cr_cvc *out, size_t *total);

bool cr_cvc_same_name(const struct cr_cvc_name *a, const struct cr_cvc_name *b);

#define CR_CVC_MAX		32	/* certificates to choose from */
#define CR_CVC_CHAIN_MAX	8
/*
 * The shortest way from one of these authorities down to the terminal's own certificate: indices into
 * all, the first to be shown to the chip first. Of several certificates of one holder the one that an
 * authority leads to is taken, of equals the first. Their count, at most CR_CVC_CHAIN_MAX; 0: there is no
 * way, or n is more than CR_CVC_MAX.
 */
size_t cr_cvc_chain(const struct cr_cvc *all, size_t n, size_t terminal,
		    const struct cr_cvc_name *authorities, size_t n_authorities,
		    size_t chain[CR_CVC_CHAIN_MAX]);

/*
 * EF.CVCA (A.6.2.2): one or two authorities, 42 each, and zeroes. Their count, or CR_E_MALFORMED.
 */
int cr_cvca_parse(const uint8_t *p, size_t n, struct cr_cvc_name out[2]);

#endif
