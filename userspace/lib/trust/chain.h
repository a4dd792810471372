/* SPDX-License-Identifier: BSD-2-Clause */
/* From a document signer to a trusted issuer: ICAO 9303-12, TR-03135-1, 5.6.3. No I/O. */
#ifndef CR_TRUST_CHAIN_H
#define CR_TRUST_CHAIN_H

#include <time.h>
#include <openssl/x509.h>
#include <cardring/eid.h>
#include "store.h"

#define CR_CHAIN_MAX	5	/* signer, up to three links, trusted issuer */

struct cr_chain {
	X509 *cert[CR_CHAIN_MAX];	/* borrowed; [0] is the signer */
	int n;
	bool anchored;			/* the last one is of the trust store */
	bool claims_name;		/* a trusted issuer has the name it states, not the key */
	enum cr_result result;
	char why[160];			/* successful: a deviation that was taken, or "" */
};

/* What the signer's certificate has to be for. */
enum cr_chain_purpose { CR_CHAIN_DOCUMENT, CR_CHAIN_MASTER_LIST, CR_CHAIN_DEFECT_LIST };

/* embedded: the certificates of EF.SOD; it and trust may be NULL. Fills *chain. */
void cr_chain_build(X509 *signer, STACK_OF(X509) *embedded, const cr_trust_t *trust, time_t now,
		    struct cr_chain *chain);
void cr_chain_build_for(enum cr_chain_purpose purpose, X509 *signer, STACK_OF(X509) *embedded,
			const cr_trust_t *trust, time_t now, struct cr_chain *chain);
/* The signer's certificate at now, and those above it; both. why: 160 bytes. */
enum cr_result cr_chain_signer_validity(const struct cr_chain *chain, time_t now, char *why);
enum cr_result cr_chain_issuer_validity(const struct cr_chain *chain, time_t now, char *why);
enum cr_result cr_chain_validity(const struct cr_chain *chain, time_t now, char *why);
/* Each certificate of the chain in its issuer's revocation list. */
enum cr_result cr_chain_revocation(const struct cr_chain *chain, const cr_trust_t *trust,
				   time_t now, char *why);
/* An authority in trust signed the list. */
bool cr_crl_is_trusted(X509_CRL *crl, const cr_trust_t *trust);
/* It is no part of a list, none for indirect use, and says nothing critical that is not known. */
bool cr_crl_is_complete(X509_CRL *crl);

#endif
