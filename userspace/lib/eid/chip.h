/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the chip is the one that the data were issued for: chip or active authentication, run
 * over a session.
 */
#ifndef CR_EID_CHIP_H
#define CR_EID_CHIP_H

#include <cardring/eid.h>
#include "eid/pace.h"
#include "eid/security_info.h"
#include "eid/session.h"

struct cr_chip_proof {
	enum cr_result result;
	const char *protocol;	/* "CA v1 ECDH AES-128", "AA RSA"; NULL */
	const char *detail;	/* never NULL */
	bool spoilt;		/* the session is gone or in no defined state: open the card anew */
	uint8_t ephemeral[CR_FIELD_MAX];	/* of chip authentication, for terminal authentication */
	size_t ephemeral_len;
};

/*
 * Both: 0 with out filled, whatever came of it; negative where nothing could be found out for a
 * reason that is not the chip's answer (it was taken out, no memory). After chip authentication the
 * session goes on under the new keys.
 */
int cr_chip_authenticate(struct cr_session *s, const struct cr_ca_info *info,
			 const struct cr_ca_key *key, struct cr_chip_proof *out);
int cr_chip_active(struct cr_session *s, const uint8_t *dg15, size_t len, const char *digest,
		   struct cr_chip_proof *out);	/* digest: what DG14 names (aa.h); NULL */

/*
 * PACE with chip authentication mapping: whether one of the keys in EF.CardSecurity is that of the chip
 * that PACE was run with. *tied: DG14 (dg14 NULL: none) has the same key. No I/O.
 */
enum cr_mapped {
	CR_MAPPED_NOTHING = 0,	/* the chip showed nothing, or there is no key to compare it with */
	CR_MAPPED_FAILED,	/* it fits none of the keys of its parameters */
	CR_MAPPED_FITS,
};
enum cr_mapped cr_chip_mapped(const struct cr_cam *cam, const struct cr_security_infos *security,
			      const struct cr_security_infos *dg14, bool *tied);

/* Whether one of the keys in EF.CardSecurity stands in DG14 as well. */
bool cr_chip_tied(const struct cr_security_infos *security, const struct cr_security_infos *dg14);

/* What no second try and no other conclusion helps against. */
bool cr_chip_fatal(int err);

#endif
