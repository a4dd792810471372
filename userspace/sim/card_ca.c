/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chip authentication version 1, the card's side: ICAO 9303-11, 6.2; TR-03110-3, B.2.
 *
 * The card proves nothing by its answer: it switches to keys that only the private key gives. A copy with another
 * key answers alike, and the next command's MAC is wrong.
 */
#include "simcard.h"

#include <stdio.h>
#include <string.h>
#include <openssl/crypto.h>

#define ID_CA	"0.4.0.127.0.7.2.2.3"

static bool key_reference_right(const struct sim_card *card, const struct sim_tlv *t)
{
	int id = 0;

	if (sim_lax("ca-data"))
		return true;
	if (!t->tag)
		return card->prof.ca_key_id < 0;
	/* an unsigned number in the shortest form */
	if (!t->len || t->len > 3 || (t->len > 1 && !t->value[0]))
		return false;
	for (size_t i = 0; i < t->len; i++)
		id = id << 8 | t->value[i];
	return id == card->prof.ca_key_id;
}

static uint16_t agree(struct sim_card *card, const uint8_t *pub, size_t len, struct sim_sm *next)
{
	const struct sim_group *g = &card->prof.ca_group;
	struct sim_element theirs, k;
	uint8_t z[SIM_ELEMENT_MAX];
	uint16_t sw = SW_INTERNAL;

	if (!sim_group_valid(g, pub, len)) {
		if (!sim_lax("point"))
			return SW_DATA;
		pub = g->generator.p;
		len = g->generator.len;
	}
	memcpy(theirs.p, pub, len);
	theirs.len = len;
	memset(next, 0, sizeof(*next));
	next->cipher = card->prof.ca_cipher;
	if (sim_group_power(g, &theirs, card->prof.ca_key, &k) && sim_group_secret(g, &k, z) &&
	    sim_kdf(next->cipher, z, g->field_len, 1, next->enc) &&
	    sim_kdf(next->cipher, z, g->field_len, 2, next->mac)) {
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

/* B.2.1: the whole of it in one command; 3DES only. 91 ephemeral public key, [84 key]. */
uint16_t sim_ca_set_kat(struct sim_card *card, const struct sim_apdu *a, struct sim_sm *next)
{
	struct sim_tlv t, pub = { 0 }, ref = { 0 };

	if (card->prof.ca_cipher != SIM_3DES)
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
	if (!key_reference_right(card, &ref))
		return SW_NO_REFERENCE;
	return agree(card, pub.value, pub.len, next);
}

/* B.2.2: 80 OID, [84 key]. */
uint16_t sim_ca_set_at(struct sim_card *card, const struct sim_apdu *a)
{
	struct sim_tlv t, oid = { 0 }, ref = { 0 };
	struct sim_buf own = { 0 };
	char text[32];
	bool same;

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
	snprintf(text, sizeof(text), ID_CA ".%d.%d", card->prof.ca_group.ec ? 2 : 1, card->prof.ca_cipher);
	same = oid.tag && sim_ber_oid(&own, text, true) && own.len == oid.len && !memcmp(own.p, oid.value, own.len);
	sim_buf_free(&own);
	if (!same)
		return SW_DATA;
	if (!key_reference_right(card, &ref))
		return SW_NO_REFERENCE;
	card->ca_set = true;
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
	sw = agree(card, in.value, in.len, next);
	if (sw == SW_OK)
		sim_ber_put(out, 0x7c, NULL, 0);
	return sw;
}
