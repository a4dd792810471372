// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
#include <openssl/crypto.h>
#include <cardring/error.h>
#include "eid/pace_map.h"
#include "eid/rule.h"

/* ---- Generic: a key agreement, whose secret and the nonce make the generator ---- */

static int offer_key(struct cr_pace_map *m, const struct cr_rng *rng)
{
	int err = cr_group_generate(m->group, rng);

	return err ? err : cr_group_public(m->group, m->mine, &m->mine_len);
}

static int finish_generic(struct cr_pace_map *m, const uint8_t *theirs, size_t len)
{
	return cr_group_map_generic(m->group, m->nonce, m->nonce_len, theirs, len);
}

/* ---- Integrated: two nonces make it ---- */

/* Constants of 4.4.3.3.2, for blocks of 128 and of 256 bits. */
static const uint8_t c0[2][32] = {
	{ 0xa6, 0x68, 0x89, 0x2a, 0x7c, 0x41, 0xe3, 0xca, 0x73, 0x9f, 0x40, 0xb0, 0x57, 0xd8, 0x59, 0x04 },
	{ 0xd4, 0x63, 0xd6, 0x52, 0x34, 0x12, 0x4e, 0xf7, 0x89, 0x70, 0x54, 0x98, 0x6d, 0xca, 0x0a, 0x17,
	  0x4e, 0x28, 0xdf, 0x75, 0x8c, 0xba, 0xa0, 0x3f, 0x24, 0x06, 0x16, 0x41, 0x4d, 0x5a, 0x16, 0x76 },
};
static const uint8_t c1[2][32] = {
	{ 0xa4, 0xe1, 0x36, 0xac, 0x72, 0x5f, 0x73, 0x8b, 0x01, 0xc1, 0xf6, 0x02, 0x17, 0xc1, 0x88, 0xad },
	{ 0x54, 0xbd, 0x72, 0x55, 0xf0, 0xaa, 0xf8, 0x31, 0xbe, 0xc3, 0x42, 0x3f, 0xcf, 0x39, 0xd6, 0x9b,
	  0x6c, 0xbf, 0x06, 0x66, 0x77, 0xd0, 0xfa, 0xae, 0x5a, 0xad, 0xd9, 0x9d, 0xf8, 0xe5, 0x35, 0x17 },
};

int cr_pace_random(enum cr_cipher cipher, const uint8_t *s, size_t s_len, const uint8_t *t,
		   size_t field_bits, uint8_t out[CR_PACE_RANDOM_MAX], size_t *len)
{
	bool wide = cr_cipher_key_len(cipher) > 16;
	size_t l = wide ? 32 : 16, n = (field_bits + 64 + 8 * l - 1) / (8 * l);
	uint8_t k[32], next[32] = { 0 };
	int err;

	if (s_len != l || n * l > CR_PACE_RANDOM_MAX)
		return CR_E_INVALID;
	/* each k is cut to the cipher's key by being taken for one */
	err = cr_cbc_encrypt(cipher, t, NULL, s, l, k);
	for (size_t i = 0; i < n && !err; i++) {
		err = cr_cbc_encrypt(cipher, k, NULL, c1[wide], l, out + i * l);
		if (!err)
			err = cr_cbc_encrypt(cipher, k, NULL, c0[wide], l, next);
		memcpy(k, next, l);
	}
	OPENSSL_cleanse(k, sizeof(k));
	OPENSSL_cleanse(next, sizeof(next));
	*len = n * l;
	return err;
}

static int offer_nonce(struct cr_pace_map *m, const struct cr_rng *rng)
{
	m->mine_len = cr_cipher_key_len(m->cipher);
	return cr_random(rng, m->mine, m->mine_len);
}

static int finish_integrated(struct cr_pace_map *m, const uint8_t *theirs, size_t len)
{
	uint8_t r[CR_PACE_RANDOM_MAX];
	size_t n = 0;
	int err;

	if (!CR_RULE(pace_mapping_empty, !len))	/* 4.4.5.2.2 */
		return CR_E_CARD_PROTOCOL;
	err = cr_pace_random(m->cipher, m->nonce, m->nonce_len, m->mine, cr_group_bits(m->group), r,
			     &n);
	if (err == CR_E_INVALID)
		err = CR_E_CARD_PROTOCOL;	/* its nonce is of a wrong length */
	if (!err)
		err = cr_group_map_integrated(m->group, r, n);
	OPENSSL_cleanse(r, sizeof(r));
	return err;
}

/* ---- */

const struct cr_pace_mapping *cr_pace_mapping(enum cr_mapping m)
{
	static const struct cr_pace_mapping mappings[] = {
		[CR_GM] = { "GM", offer_key, finish_generic, false },
		[CR_IM] = { "IM", offer_nonce, finish_integrated, false },
		/* 4.4.3.3.3: generic, with a key of the chip's that it can tie to its static one */
		[CR_CAM] = { "CAM", offer_key, finish_generic, true },
	};

	return &mappings[m];
}
