/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chip authentication, the card's side: ICAO 9303-11, 6.2; TR-03110-2, 3.4; TR-03110-3, B.2.
 *
 * Version 1: the card proves nothing by its answer: it switches to keys that only the private key gives. A copy with
 * another key answers alike, and the next command's MAC is wrong. Version 2, after terminal authentication version 2:
 * with a nonce in the keys, and a token that proves them.
 */
#include "simcard.h"

#include <stdio.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#define ID_CA		"0.4.0.127.0.7.2.2.3"
#define NONCE_LEN	8	/* TR-03110-3, B.2.2 */

/* The key that is in use. */
static enum sim_cipher cipher_of(const struct sim_card *card)
{
	return card->ca_other ? card->ca_other->cipher : card->prof.ca_cipher;
}

static const struct sim_group *group_of(const struct sim_card *card)
{
	return card->ca_other ? &card->ca_other->group : &card->prof.ca_group;
}

static void protocol(const struct sim_card *card, char text[32])
{
	snprintf(text, 32, ID_CA ".%d.%d", group_of(card)->ec ? 2 : 1, cipher_of(card));
}

/* The key that is meant comes into use; false: there is none such. */
static bool refer(struct sim_card *card, const struct sim_tlv *t)
{
	int id = 0;

	card->ca_other = NULL;
	if (sim_lax("ca-data"))
		return true;
	if (!t->tag)
		return card->prof.ca_key_id < 0;
	/* an unsigned number in the shortest form */
	if (!t->len || t->len > 3 || (t->len > 1 && !t->value[0]))
		return false;
	for (size_t i = 0; i < t->len; i++)
		id = id << 8 | t->value[i];
	for (unsigned int i = 0; i < card->prof.n_ca_other; i++)
		if (card->prof.ca_other[i].id == id)
			card->ca_other = &card->prof.ca_other[i];
	return card->ca_other || id == card->prof.ca_key_id;
}

/* nonce: of version 2; NULL. */
static uint16_t agree(struct sim_card *card, const uint8_t *pub, size_t len, const uint8_t *nonce, struct sim_sm *next)
{
	const BIGNUM *key = card->ca_other ? card->ca_other->key : card->prof.ca_key;
	const struct sim_group *g = group_of(card);
	struct sim_element theirs, k;
	uint8_t z[SIM_ELEMENT_MAX + NONCE_LEN];
	uint16_t sw = SW_INTERNAL;
	size_t z_len = g->field_len;

	if (!sim_group_valid(g, pub, len)) {
		if (!sim_lax("point"))
			return SW_DATA;
		pub = g->generator.p;
		len = g->generator.len;
	}
	memcpy(theirs.p, pub, len);
	theirs.len = len;
	memset(next, 0, sizeof(*next));
	next->cipher = cipher_of(card);
	if (nonce) {
		memcpy(z + z_len, nonce, NONCE_LEN);
		z_len += NONCE_LEN;
	}
	if (sim_group_power(g, &theirs, key, &k) && sim_group_secret(g, &k, z) &&
	    sim_kdf(next->cipher, z, z_len, 1, next->enc) && sim_kdf(next->cipher, z, z_len, 2, next->mac)) {
		card->work.field_bits = (unsigned int)BN_num_bits(g->p);
		card->work.scalar_bits += card->work.field_bits;
		next->active = true;
		card->chip_authenticated = true;
		sim_compress(g, &theirs, card->terminal_id, &card->terminal_id_len);
		sw = SW_OK;
	}
	OPENSSL_cleanse(&k, sizeof(k));
	OPENSSL_cleanse(z, sizeof(z));
	return sw;
}

static bool has_3des(const struct sim_card *card)
{
	bool has = card->prof.ca_cipher == SIM_3DES;

	for (unsigned int i = 0; i < card->prof.n_ca_other; i++)
		has |= card->prof.ca_other[i].cipher == SIM_3DES;
	return has;
}

/* B.2.1: the whole of it in one command; 3DES only. 91 ephemeral public key, [84 key]. */
uint16_t sim_ca_set_kat(struct sim_card *card, const struct sim_apdu *a, struct sim_sm *next)
{
	struct sim_tlv t, pub = { 0 }, ref = { 0 };

	if (!has_3des(card) || sim_ta_precedes(card))
		return SW_P1P2;
	for (size_t off = 0; off < a->lc; off += t.total) {
		if (!sim_ber_get(a->data + off, a->lc - off, &t))
			return SW_DATA;
		if ((t.tag == 0x91 || sim_lax("ca-data")) && !pub.tag)
			pub = t;
		else if (t.tag == 0x84 && pub.tag && !ref.tag)
			ref = t;
		else
			return SW_DATA;
	}
	if (!pub.tag)
		return SW_DATA;
	if (!refer(card, &ref))
		return SW_NO_REFERENCE;
	if (cipher_of(card) != SIM_3DES)
		return SW_P1P2;
	return agree(card, pub.value, pub.len, NULL, next);
}

/* B.2.2: 80 OID, [84 key]. */
uint16_t sim_ca_set_at(struct sim_card *card, const struct sim_apdu *a)
{
	struct sim_tlv t, oid = { 0 }, ref = { 0 };
	struct sim_buf own = { 0 };
	char text[32];
	bool same, referred;

	card->ca_set = false;
	for (size_t off = 0; off < a->lc; off += t.total) {
		if (!sim_ber_get(a->data + off, a->lc - off, &t))
			return SW_DATA;
		if (t.tag == 0x80 && !oid.tag)
			oid = t;
		else if (t.tag == 0x84 && oid.tag && !ref.tag)
			ref = t;
		else
			return SW_DATA;
	}
	referred = refer(card, &ref);
	protocol(card, text);
	same = oid.tag && sim_ber_oid(&own, text, true) && own.len == oid.len && !memcmp(own.p, oid.value, own.len);
	sim_buf_free(&own);
	if (!same)
		return SW_DATA;
	if (!referred)
		return SW_NO_REFERENCE;
	card->ca_set = true;
	return SW_OK;
}

/*
 * TR-03110-2, 3.4.1, and the token of TR-03110-3, A.2.4: for the key that terminal authentication was for. What that
 * has granted is open from here on.
 */
static uint16_t second(struct sim_card *card, const struct sim_tlv *pub, struct sim_buf *out, struct sim_sm *next)
{
	const struct sim_group *g = group_of(card);
	uint8_t nonce[NONCE_LEN], token[8], compressed[SIM_ELEMENT_MAX];
	struct sim_buf objects = { 0 };
	struct sim_element theirs;
	char oid[32];
	size_t len;
	uint16_t sw;

	if (!sim_group_valid(g, pub->value, pub->len))
		return SW_DATA;
	memcpy(theirs.p, pub->value, theirs.len = pub->len);
	sim_compress(g, &theirs, compressed, &len);
	if (len != card->ta.ephemeral_len || memcmp(compressed, card->ta.ephemeral, len) != 0)
		return SW_AUTH_FAILED;
	if (RAND_bytes(nonce, sizeof(nonce)) != 1)
		return SW_INTERNAL;
	card->work.random_bytes += sizeof(nonce);
	protocol(card, oid);
	sw = agree(card, pub->value, pub->len, nonce, next);
	if (sw != SW_OK)
		return sw;
	if (!sim_token(next->cipher, next->mac, oid, g, &theirs, token, &card->work))
		return SW_INTERNAL;
	card->rights = card->ta.granted;
	sim_ber_put(&objects, 0x81, nonce, sizeof(nonce));
	sim_ber_put(&objects, 0x82, token, sizeof(token));
	sim_ber_wrap(out, 0x7c, &objects);
	return SW_OK;
}

uint16_t sim_ca_authenticate(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out,
			     struct sim_sm *next)
{
	struct sim_tlv outer, in;
	uint16_t sw;

	card->ca_set = false;
	if ((!card->access || !card->sm.active) && !sim_lax("ca-session"))
		return SW_SECURITY_STATUS;
	if (a->p1 || a->p2)
		return SW_P1P2;
	if (a->cla & 0x10)
		return SW_CHAINING;
	if (!a->lc || !a->le_all)
		return SW_LENGTH;
	if (!sim_ber_get(a->data, a->lc, &outer) || outer.tag != 0x7c || outer.total != a->lc ||
	    !sim_ber_get(outer.value, outer.len, &in) || (in.tag != 0x80 && !sim_lax("ca-data")) ||
	    in.total != outer.len)
		return SW_DATA;
	if (sim_ta_precedes(card))
		return second(card, &in, out, next);
	sw = agree(card, in.value, in.len, NULL, next);
	if (sw == SW_OK)
		sim_ber_put(out, 0x7c, NULL, 0);
	return sw;
}
