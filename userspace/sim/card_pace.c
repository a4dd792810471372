/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PACE with generic mapping over elliptic curves, the card's side: ICAO 9303-11, 4.4; TR-03110-3, B.1, B.14.
 *
 *   MSE:Set AT                 which PACE, which password
 *   GENERAL AUTHENTICATE  1    the nonce, encrypted under the password
 *                         2    the nonce becomes a generator nobody chose
 *                         3    key agreement with it
 *                         4    tokens prove that both had the same nonce
 *
 * A step out of turn, or any other command in between, throws the whole attempt away.
 */
#include "simcard.h"

#include <stdio.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define PACE_ECDH_GM	"0.4.0.127.0.7.2.2.4.2"

void sim_pace_reset(struct sim_card *card)
{
	struct sim_pace *p = &card->pace;

	EC_POINT_clear_free(p->generator);
	EC_POINT_clear_free(p->own);
	EC_POINT_free(p->theirs);
	EC_GROUP_free(p->group);
	OPENSSL_cleanse(p, sizeof(*p));
}

static const struct sim_pace_info *find_info(const struct sim_card *card, const struct sim_tlv *oid, int domain,
					     char text[32], uint16_t *sw)
{
	/* ICAO 9303-11, 4.4.4.1: to be named where there is more than one set */
	*sw = SW_NO_REFERENCE;
	for (unsigned int i = 1; i < card->prof.n_pace && domain < 0; i++) {
		if (card->prof.pace_info[i].domain != card->prof.pace_info[0].domain)
			return NULL;
	}
	*sw = SW_DATA;
	for (unsigned int i = 0; i < card->prof.n_pace; i++) {
		const struct sim_pace_info *info = &card->prof.pace_info[i];
		struct sim_buf b = { 0 };
		bool same;

		snprintf(text, 32, PACE_ECDH_GM ".%d", info->cipher);
		same = sim_ber_oid(&b, text, true) && b.len == oid->len && !memcmp(b.p, oid->value, b.len);
		sim_buf_free(&b);
		if (!same)
			continue;
		if (domain < 0 || info->domain == (unsigned int)domain)
			return info;
		*sw = SW_NO_REFERENCE;	/* the protocol is there, the parameters are not */
	}
	return NULL;
}

/* TR-03110-3, B.14.1: 80 OID, 83 password, [7F4C], [84 domain parameters]. */
uint16_t sim_pace_set_at(struct sim_card *card, const struct sim_apdu *a)
{
	struct sim_tlv t, oid = { 0 }, pwd = { 0 }, dom = { 0 };
	struct sim_pace *p = &card->pace;
	uint16_t sw;

	if (!card->prof.pace)
		return SW_P1P2;
	for (size_t off = 0; off < a->lc; off += t.total) {
		if (!sim_ber_get(a->data + off, a->lc - off, &t))
			return SW_DATA;
		if (t.tag == 0x80 && !oid.tag && !pwd.tag)
			oid = t;
		else if (t.tag == 0x83 && oid.tag && !pwd.tag && t.len == 1)
			pwd = t;
		else if (t.tag == 0x84 && pwd.tag && !dom.tag && t.len == 1)
			dom = t;
		else
			return SW_DATA;
	}
	if (!oid.tag || !pwd.tag)
		return SW_DATA;
	p->info = find_info(card, &oid, dom.tag ? dom.value[0] : -1, p->oid, &sw);
	if (!p->info)
		goto refuse;
	sw = SW_NO_REFERENCE;
	if (!(pwd.value[0] == 1 && card->prof.mrz[0]) && !(pwd.value[0] == 2 && card->prof.can[0]))
		goto refuse;
	p->password = pwd.value[0];
	p->group = EC_GROUP_new_by_curve_name(sim_domain_nid(p->info->domain));
	sw = SW_INTERNAL;
	if (!p->group)
		goto refuse;
	p->step = PACE_NONCE;
	return SW_OK;
refuse:
	sim_pace_reset(card);
	return sw;
}

/* 9.7.3: K-pi from the MRZ information's hash or the CAN's digits. */
static bool password_key(const struct sim_card *card, uint8_t key[SIM_KEY_MAX])
{
	const struct sim_pace *p = &card->pace;
	uint8_t h[EVP_MAX_MD_SIZE];
	char info[64];
	size_t n;
	bool ok;

	if (p->password == 2)
		return sim_kdf(p->info->cipher, (const uint8_t *)card->prof.can, strlen(card->prof.can), 3, key);
	n = sim_mrz_information(card->prof.mrz, info);
	ok = n && EVP_Digest(info, n, h, NULL, EVP_sha1(), NULL) && sim_kdf(p->info->cipher, h, 20, 3, key);
	OPENSSL_cleanse(info, sizeof(info));
	OPENSSL_cleanse(h, sizeof(h));
	return ok;
}

static void answer(struct sim_buf *out, uint32_t tag, const uint8_t *value, size_t len)
{
	struct sim_buf in = { 0 };

	sim_ber_put(&in, tag, value, len);
	sim_ber_wrap(out, 0x7c, &in);
}

static uint16_t step_nonce(struct sim_card *card, struct sim_buf *out)
{
	struct sim_pace *p = &card->pace;
	uint8_t key[SIM_KEY_MAX], z[16];
	bool ok;

	ok = RAND_bytes(p->nonce, sizeof(p->nonce)) == 1 && password_key(card, key) &&
	     sim_cbc(p->info->cipher, true, key, NULL, p->nonce, sizeof(z), z);
	OPENSSL_cleanse(key, sizeof(key));
	if (!ok)
		return SW_INTERNAL;
	card->work.random_bytes += sizeof(z);
	card->work.cipher_bytes += sizeof(z);
	answer(out, 0x80, z, sizeof(z));
	p->step = PACE_MAP;
	return SW_OK;
}

static size_t field_len(const EC_GROUP *g)
{
	return ((size_t)EC_GROUP_get_degree(g) + 7) / 8;
}

/* TR-03111, 3.2.1: uncompressed, on the curve, not the point at infinity. */
static EC_POINT *point_in(const EC_GROUP *g, const uint8_t *p, size_t len)
{
	EC_POINT *pt = EC_POINT_new(g);

	if (pt && len == 1 + 2 * field_len(g) && p[0] == 0x04 && EC_POINT_oct2point(g, pt, p, len, NULL) == 1 &&
	    !EC_POINT_is_at_infinity(g, pt))
		return pt;
	EC_POINT_free(pt);
	return NULL;
}

static size_t point_out(const EC_GROUP *g, const EC_POINT *pt, uint8_t out[256])
{
	return EC_POINT_point2oct(g, pt, POINT_CONVERSION_UNCOMPRESSED, out, 256, NULL);
}

static BIGNUM *random_scalar(const EC_GROUP *g, struct card_work *work)
{
	BIGNUM *k = BN_secure_new();

	work->random_bytes += field_len(g);
	do {
		if (!k || BN_priv_rand_range(k, EC_GROUP_get0_order(g)) != 1) {
			BN_clear_free(k);
			return NULL;
		}
	} while (BN_is_zero(k));
	return k;
}

/* So many products by a scalar as long as the field, and one by a scalar of so many bits. */
static void works(struct sim_card *card, unsigned int full, unsigned int bits)
{
	card->work.field_bits = EC_GROUP_get_degree(card->pace.group);
	card->work.scalar_bits += full * card->work.field_bits + bits;
}

/* 4.4.3.3.1: G' = s * G + H, where H is the agreed point of a first, throw-away agreement. */
static uint16_t step_map(struct sim_card *card, const struct sim_tlv *in, struct sim_buf *out)
{
	struct sim_pace *p = &card->pace;
	EC_POINT *theirs = point_in(p->group, in->value, in->len);
	EC_POINT *own = EC_POINT_new(p->group), *h = EC_POINT_new(p->group);
	BIGNUM *x = random_scalar(p->group, &card->work), *s = BN_bin2bn(p->nonce, sizeof(p->nonce), NULL);
	uint8_t pub[256];
	size_t n;
	uint16_t sw = SW_INTERNAL;

	p->generator = EC_POINT_new(p->group);
	if (!theirs) {
		sw = SW_DATA;
		goto done;
	}
	if (!own || !h || !x || !s || !p->generator || EC_POINT_mul(p->group, own, x, NULL, NULL, NULL) != 1 ||
	    EC_POINT_mul(p->group, h, NULL, theirs, x, NULL) != 1 ||
	    EC_POINT_mul(p->group, p->generator, s, NULL, NULL, NULL) != 1 ||
	    EC_POINT_add(p->group, p->generator, p->generator, h, NULL) != 1)
		goto done;
	if (EC_POINT_is_at_infinity(p->group, h) || EC_POINT_is_at_infinity(p->group, p->generator)) {
		sw = SW_DATA;
		goto done;
	}
	n = point_out(p->group, own, pub);
	if (!n)
		goto done;
	works(card, 2, 8 * sizeof(p->nonce));
	answer(out, 0x82, pub, n);
	p->step = PACE_AGREE;
	sw = SW_OK;
done:
	EC_POINT_free(theirs);
	EC_POINT_free(own);
	EC_POINT_clear_free(h);
	BN_clear_free(x);
	BN_clear_free(s);
	return sw;
}

static uint16_t step_agree(struct sim_card *card, const struct sim_tlv *in, struct sim_buf *out)
{
	struct sim_pace *p = &card->pace;
	EC_POINT *k = EC_POINT_new(p->group);
	BIGNUM *y = random_scalar(p->group, &card->work), *x = BN_new();
	uint8_t pub[256], z[128];
	size_t n, f = field_len(p->group);
	uint16_t sw = SW_INTERNAL;

	p->own = EC_POINT_new(p->group);
	p->theirs = point_in(p->group, in->value, in->len);
	if (!p->theirs) {
		sw = SW_DATA;
		goto done;
	}
	if (!k || !y || !x || !p->own || EC_POINT_mul(p->group, p->own, NULL, p->generator, y, NULL) != 1 ||
	    EC_POINT_mul(p->group, k, NULL, p->theirs, y, NULL) != 1)
		goto done;
	/* TR-03110-3, 3.2: the two public keys must differ. */
	if (EC_POINT_is_at_infinity(p->group, k) || EC_POINT_cmp(p->group, p->own, p->theirs, NULL) == 0) {
		sw = SW_DATA;
		goto done;
	}
	if (EC_POINT_get_affine_coordinates(p->group, k, x, NULL, NULL) != 1 || BN_bn2binpad(x, z, (int)f) < 0 ||
	    !sim_kdf(p->info->cipher, z, f, 1, p->enc) || !sim_kdf(p->info->cipher, z, f, 2, p->mac))
		goto done;
	n = point_out(p->group, p->own, pub);
	if (!n)
		goto done;
	works(card, 2, 0);
	answer(out, 0x84, pub, n);
	p->step = PACE_TOKEN;
	sw = SW_OK;
done:
	EC_POINT_clear_free(k);
	BN_clear_free(y);
	BN_clear_free(x);
	OPENSSL_cleanse(z, sizeof(z));
	return sw;
}

/* 4.4.3.4: MAC over the other side's public key as a data object 7F49 { OID, 86 point }. */
static bool token(const struct sim_pace *p, const EC_POINT *pt, uint8_t mac[8], struct card_work *work)
{
	struct sim_buf in = { 0 }, m = { 0 };
	uint8_t pub[256];
	size_t n = point_out(p->group, pt, pub);
	bool ok;

	ok = n && sim_ber_oid(&in, p->oid, false);
	sim_ber_put(&in, 0x86, pub, n);
	sim_ber_wrap(&m, 0x7f49, &in);
	if (p->info->cipher == SIM_3DES) {
		sim_buf_byte(&m, 0x80);
		while (m.len % 8)
			sim_buf_byte(&m, 0);
	}
	work->cipher_bytes += m.len;
	ok = ok && !m.failed && sim_mac(p->info->cipher, p->mac, m.p, m.len, mac);
	sim_buf_free(&m);
	return ok;
}

static uint16_t step_token(struct sim_card *card, const struct sim_tlv *in, struct sim_buf *out, struct sim_sm *next)
{
	struct sim_pace *p = &card->pace;
	uint8_t want[8], own[8];

	if (in->len != 8)
		return SW_DATA;
	if (!token(p, p->own, want, &card->work) || !token(p, p->theirs, own, &card->work))
		return SW_INTERNAL;
	if (CRYPTO_memcmp(want, in->value, 8)) {
		card->failures++;
		return SW_AUTH_FAILED;
	}
	card->failures = 0;
	answer(out, 0x86, own, 8);
	memset(next, 0, sizeof(*next));
	next->cipher = p->info->cipher;
	memcpy(next->enc, p->enc, sizeof(next->enc));
	memcpy(next->mac, p->mac, sizeof(next->mac));
	next->active = true;
	return SW_OK;
}

uint16_t sim_pace_authenticate(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out,
			       struct sim_sm *next)
{
	static const uint8_t tags[] = { [PACE_MAP] = 0x81, [PACE_AGREE] = 0x83, [PACE_TOKEN] = 0x85 };
	struct sim_pace *p = &card->pace;
	struct sim_tlv outer, in = { 0 };
	bool last = p->step == PACE_TOKEN;
	uint16_t sw;

	sw = SW_P1P2;
	if (a->p1 || a->p2)
		goto refuse;
	sw = SW_LENGTH;		/* there is always an answer: Le must be there */
	if (!a->lc || (!a->le_all && !a->le_implied))
		goto refuse;
	/* B.14.2: chained but for the last. */
	sw = last ? SW_LAST_OF_CHAIN : SW_CONDITIONS;
	if (!!(a->cla & 0x10) == last)
		goto refuse;
	sw = SW_DATA;
	if (!sim_ber_get(a->data, a->lc, &outer) || outer.tag != 0x7c || outer.total != a->lc)
		goto refuse;
	if (p->step == PACE_NONCE) {
		if (outer.len)
			goto refuse;
		sw = step_nonce(card, out);
	} else {
		if (!sim_ber_get(outer.value, outer.len, &in) || in.total != outer.len || in.tag != tags[p->step])
			goto refuse;
		if (p->step == PACE_MAP)
			sw = step_map(card, &in, out);
		else if (p->step == PACE_AGREE)
			sw = step_agree(card, &in, out);
		else
			sw = step_token(card, &in, out, next);
	}
	if (sw == SW_OK && !last)
		return SW_OK;
refuse:
	/*
	 * Done, or failed. After a failure the application is not selected any more: seen on real chips, and what a
	 * terminal falling back to BAC must allow for.
	 */
	if (sw != SW_OK) {
		card->app = false;
		card->ef = NULL;
	}
	sim_pace_reset(card);
	return sw;
}
