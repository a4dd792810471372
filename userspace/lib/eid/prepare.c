// SPDX-License-Identifier: BSD-2-Clause
#include <openssl/crypto.h>
#include "eid/group.h"
#include "eid/kdf.h"
#include "eid/prepare.h"

#define DOMAIN	13	/* brainpoolP256r1; what is loaded for it serves the others */

void cr_eid_prepare(void)
{
	uint8_t key[CR_KEY_MAX] = { 0 }, mac[CR_MAC_LEN], element[CR_ELEMENT_MAX], z[CR_FIELD_MAX] = { 0 };
	uint8_t block[CR_BLOCK_MAX] = { 0 };
	struct cr_domain domain;
	struct cr_group *g = NULL;
	size_t len;

	if (cr_domain_by_id(DOMAIN, &domain) && !cr_group_new(&domain, &g) &&
	    !cr_group_generate(g, NULL) && !cr_group_public(g, element, &len))
		cr_group_agree(g, element, len, z, &len);
	cr_group_free(g);
	/* the two that PACE and BAC lead to */
	for (int i = 0; i < 2; i++) {
		enum cr_cipher c = i ? CR_3DES : CR_AES128;

		if (!cr_kdf(c, CR_KDF_ENC, z, sizeof(z), key) &&
		    !cr_cbc_encrypt(c, key, NULL, block, sizeof(block), block))
			cr_mac(c, key, block, sizeof(block), mac);
	}
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(z, sizeof(z));
}
