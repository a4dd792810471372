/* SPDX-License-Identifier: BSD-2-Clause */
/* Basic access control, the card's side: ICAO 9303-11, 4.3. */
#include "simcard.h"

#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

uint16_t sim_get_challenge(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out)
{
	if (a->p1 || a->p2)
		return SW_P1P2;
	if (a->lc || a->le != 8)
		return SW_LENGTH;
	if (!card->app || (card->sm.active && !sim_lax("again")))
		return SW_CONDITIONS;
	if (sim_lax("challenge"))
		memset(card->challenge, 0, 8);
	else if (RAND_bytes(card->challenge, 8) != 1)
		return SW_INTERNAL;
	card->work.random_bytes += 8;
	card->challenged = true;
	sim_buf_put(out, card->challenge, 8);
	return SW_OK;
}

static bool base_keys(const struct sim_card *card, uint8_t enc[SIM_KEY_MAX], uint8_t mac[SIM_KEY_MAX])
{
	char info[64];
	uint8_t seed[EVP_MAX_MD_SIZE];
	size_t n = sim_mrz_information(card->prof.mrz, info);
	bool ok;

	ok = n && EVP_Digest(info, n, seed, NULL, EVP_sha1(), NULL) && sim_kdf(SIM_3DES, seed, 16, 1, enc) &&
	     sim_kdf(SIM_3DES, seed, 16, 2, mac);
	OPENSSL_cleanse(seed, sizeof(seed));
	OPENSSL_cleanse(info, sizeof(info));
	return ok;
}

/* 32 bytes and the 8 of method 2 padding behind them. */
static bool token_mac(const uint8_t *key, const uint8_t *cipher, uint8_t mac[8])
{
	uint8_t m[40] = { 0 };

	memcpy(m, cipher, 32);
	m[32] = 0x80;
	return sim_mac(SIM_3DES, key, m, sizeof(m), mac);
}

uint16_t sim_external_authenticate(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out,
				   struct sim_sm *next)
{
	uint8_t enc[SIM_KEY_MAX], mac[SIM_KEY_MAX], s[32], r[32], m[8], seed[16];
	bool challenged = card->challenged;
	uint16_t sw = SW_INTERNAL;

	card->challenged = false;	/* good for one try */
	if (a->p1 || a->p2)
		return SW_P1P2;
	if (a->lc != 40 || (!a->le_all && a->le != 40))
		return SW_LENGTH;
	if (!card->app || (!challenged && !sim_lax("bac")) || card->sm.active)
		return SW_CONDITIONS;
	if (!base_keys(card, enc, mac) || !token_mac(mac, a->data, m) ||
	    !sim_cbc(SIM_3DES, false, enc, NULL, a->data, 32, s))
		goto done;
	card->work.cipher_bytes += 40 + 32;
	/* S = RND.IFD | RND.IC | K.IFD */
	if (!sim_lax("bac") && (CRYPTO_memcmp(m, a->data + 32, 8) || CRYPTO_memcmp(s + 8, card->challenge, 8))) {
		card->failures++;
		sw = SW_AUTH_FAILED;
		goto done;
	}
	/* R = RND.IC | RND.IFD | K.IC */
	memcpy(r, card->challenge, 8);
	memcpy(r + 8, s, 8);
	if (RAND_bytes(r + 16, 16) != 1)
		goto done;
	for (int i = 0; i < 16; i++)
		seed[i] = s[16 + i] ^ r[16 + i];
	memset(next, 0, sizeof(*next));
	next->cipher = SIM_3DES;
	memcpy(next->ssc, card->challenge + 4, 4);
	memcpy(next->ssc + 4, s + 4, 4);
	if (!sim_kdf(SIM_3DES, seed, 16, 1, next->enc) || !sim_kdf(SIM_3DES, seed, 16, 2, next->mac) ||
	    !sim_cbc(SIM_3DES, true, enc, NULL, r, 32, r) || !token_mac(mac, r, m))
		goto done;
	card->work.random_bytes += 16;
	card->work.cipher_bytes += 32 + 40;
	next->active = true;
	card->chip_id_len = sim_mrz_information(card->prof.mrz, (char *)card->chip_id) - 14;	/* without the two dates */
	card->failures = 0;
	sim_buf_put(out, r, 32);
	sim_buf_put(out, m, 8);
	sw = SW_OK;
done:
	OPENSSL_cleanse(enc, sizeof(enc));
	OPENSSL_cleanse(mac, sizeof(mac));
	OPENSSL_cleanse(seed, sizeof(seed));
	OPENSSL_cleanse(s, sizeof(s));
	return sw;
}
