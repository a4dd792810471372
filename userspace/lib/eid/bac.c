// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
#include <openssl/crypto.h>
#include "eid/bac.h"
#include "eid/kdf.h"
#include "eid/rule.h"
#include "eid/secret.h"
#include "iso7816/sw.h"

enum { START, CHALLENGE, AUTHENTICATE, DONE, BROKEN };

int cr_bac_init(struct cr_bac *bac, const struct cr_secret *secret, const struct cr_rng *rng)
{
	uint8_t seed[16];
	int err;

	memset(bac, 0, sizeof(*bac));
	bac->state = BROKEN;
	bac->rng = rng;
	err = cr_secret_bac_seed(secret, seed);
	if (!err)
		err = cr_kdf(CR_3DES, CR_KDF_ENC, seed, sizeof(seed), bac->k_enc);
	if (!err)
		err = cr_kdf(CR_3DES, CR_KDF_MAC, seed, sizeof(seed), bac->k_mac);
	OPENSSL_cleanse(seed, sizeof(seed));
	if (err)
		cr_bac_wipe(bac);
	else
		bac->state = START;
	return err;
}

void cr_bac_wipe(struct cr_bac *bac)
{
	OPENSSL_cleanse(bac, sizeof(*bac));
	bac->state = BROKEN;
}

static int token_mac(const struct cr_bac *bac, const uint8_t e[32], uint8_t mac[CR_MAC_LEN])
{
	uint8_t buf[40];

	memcpy(buf, e, 32);
	return cr_mac(CR_3DES, bac->k_mac, buf, cr_pad(buf, 32, 8), mac);
}

/* S = RND.IFD || RND.IC || K.IFD; E = E(K_enc, S), M = MAC(K_mac, E) */
static int authenticate(struct cr_bac *bac, struct cr_capdu *cmd)
{
	uint8_t s[32];
	int err = cr_random(bac->rng, bac->rnd_ifd, sizeof(bac->rnd_ifd));

	if (!err)
		err = cr_random(bac->rng, bac->k_ifd, sizeof(bac->k_ifd));
	if (err)
		return err;
	memcpy(s, bac->rnd_ifd, 8);
	memcpy(s + 8, bac->rnd_ic, 8);
	memcpy(s + 16, bac->k_ifd, 16);
	err = cr_cbc_encrypt(CR_3DES, bac->k_enc, NULL, s, sizeof(s), bac->data);
	OPENSSL_cleanse(s, sizeof(s));
	if (!err)
		err = token_mac(bac, bac->data, bac->data + 32);
	if (err)
		return err;
	*cmd = (struct cr_capdu){ .ins = 0x82, .data = bac->data, .lc = 40, .le = 40 };
	return 1;
}

/*
 * R = RND.IC || RND.IFD || K.IC; K_seed = K.IFD xor K.IC; SSC of the last halves of both numbers
 * (9.8.6.3)
 */
static int finish(struct cr_bac *bac, const uint8_t *rsp)
{
	uint8_t r[32], mac[CR_MAC_LEN], seed[16], ssc[8];
	int err = token_mac(bac, rsp, mac);

	if (err)
		return err;
	if (!CR_RULE(bac_mac, !CRYPTO_memcmp(mac, rsp + 32, CR_MAC_LEN)))
		return CR_E_CARD_PROTOCOL;
	err = cr_cbc_decrypt(CR_3DES, bac->k_enc, NULL, rsp, 32, r);
	if (!err && !CR_RULE(bac_challenges, !CRYPTO_memcmp(r, bac->rnd_ic, 8) &&
					     !CRYPTO_memcmp(r + 8, bac->rnd_ifd, 8)))
		err = CR_E_CARD_PROTOCOL;
	if (!err) {
		for (int i = 0; i < 16; i++)
			seed[i] = bac->k_ifd[i] ^ r[16 + i];
		memcpy(ssc, bac->rnd_ic + 4, 4);
		memcpy(ssc + 4, bac->rnd_ifd + 4, 4);
		err = cr_sm_derive(&bac->sm, CR_3DES, seed, sizeof(seed));
		memcpy(bac->sm.ssc, ssc, sizeof(ssc));
	}
	OPENSSL_cleanse(r, sizeof(r));
	OPENSSL_cleanse(seed, sizeof(seed));
	return err;
}

/*
 * ICAO leaves open what a chip answers to wrong keys: any error is that, but one which says that
 * the chip does not know the command.
 */
static int refusal(uint16_t sw)
{
	switch (sw) {
	case CR_SW_WRONG_LENGTH:
	case CR_SW_FUNC_UNSUPPORTED:
	case CR_SW_INCORRECT_P1P2:
	case CR_SW_INS_UNSUPPORTED:
	case CR_SW_CLA_UNSUPPORTED:
		return CR_E_CARD_STATUS;
	}
	return CR_E_ACCESS_REFUSED;
}

static int advance(struct cr_bac *bac, const uint8_t *rsp, size_t len, uint16_t sw,
		   struct cr_capdu *cmd)
{
	switch (bac->state) {
	case START:
		*cmd = (struct cr_capdu){ .ins = 0x84, .le = 8 };
		bac->state = CHALLENGE;
		return 1;
	case CHALLENGE:
		if (sw != CR_SW_OK)
			return CR_E_CARD_STATUS;
		if (len != 8)
			return CR_E_CARD_PROTOCOL;
		memcpy(bac->rnd_ic, rsp, 8);
		bac->state = AUTHENTICATE;
		return authenticate(bac, cmd);
	case AUTHENTICATE:
		if (!CR_RULE(bac_status, sw == CR_SW_OK))
			return refusal(sw);
		if (len != 40)
			return CR_E_CARD_PROTOCOL;
		bac->state = DONE;
		return finish(bac, rsp);
	}
	return CR_E_INTERNAL;
}

int cr_bac_step(struct cr_bac *bac, const uint8_t *rsp, size_t len, uint16_t sw,
		struct cr_capdu *cmd)
{
	int r = advance(bac, rsp, len, sw, cmd);

	if (r < 0)
		cr_bac_wipe(bac);
	return r;
}
