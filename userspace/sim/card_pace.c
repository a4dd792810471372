/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PACE, the card's side: ICAO 9303-11, 4.4; TR-03110-3, B.1, B.14.
 *
 *   MSE:Set AT                 which PACE, which password
 *   GENERAL AUTHENTICATE  1    the nonce, encrypted under the password
 *                         2    the nonce becomes a generator nobody chose
 *                         3    key agreement with it
 *                         4    tokens prove that both had the same nonce; with chip authentication mapping also the
 *                              quotient of the key of step 2 and the static one
 *
 * A step out of turn, or any other command in between, throws the whole attempt away.
 *
 * A PIN has three tries (TR-03110-2, 3.3): with one left it is suspended, and goes on only within a session that the CAN
 * has opened; with none it is blocked. MSE:Set AT tells.
 */
#include "simcard.h"

#include <stdio.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define ID_PACE	"0.4.0.127.0.7.2.2.4"

enum { BY_MRZ = 1, BY_CAN, BY_PIN, BY_PUK };

void sim_pace_reset(struct sim_card *card)
{
	struct sim_pace *p = &card->pace;

	sim_group_close(&p->group);
	BN_clear_free(p->cam);
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

		snprintf(text, 32, ID_PACE ".%d.%d", sim_pace_arc(info->mapping, sim_domain_is_curve(info->group)),
			 info->cipher);
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

static const char *digits_of(const struct sim_profile *prof, uint8_t password)
{
	return password == BY_CAN ? prof->can : password == BY_PIN ? prof->pin : password == BY_PUK ? prof->puk : "";
}

/* C.1.5: of an inspection system, which uses the MRZ or the CAN (TR-03110-2, 2.3.2.1). */
static bool take_template(struct sim_pace *p, const struct sim_tlv *chat)
{
	struct sim_tlv oid, rights;

	if (!sim_ber_get(chat->value, chat->len, &oid) || !sim_is_id_is(&oid) ||
	    !sim_ber_get(chat->value + oid.total, chat->len - oid.total, &rights) || rights.tag != 0x53 ||
	    oid.total + rights.total != chat->len || rights.len != 1 || *rights.value >> 6)
		return false;
	p->chat = *rights.value & 0x3f;
	p->announced = true;
	return p->password == BY_MRZ || p->password == BY_CAN;
}

/* TR-03110-3, B.14.1: 80 OID, 83 password, [84 domain parameters], [7F4C]. */
uint16_t sim_pace_set_at(struct sim_card *card, const struct sim_apdu *a, bool protected)
{
	struct sim_tlv t, oid = { 0 }, pwd = { 0 }, dom = { 0 }, chat = { 0 };
	struct sim_pace *p = &card->pace;
	bool resumes;
	uint16_t sw;

	if (!card->prof.pace)
		return SW_P1P2;
	if (sim_lax("pace-at"))
		return SW_OK;
	for (size_t off = 0; off < a->lc; off += t.total) {
		if (!sim_ber_get(a->data + off, a->lc - off, &t))
			return SW_DATA;
		if (t.tag == 0x80 && !oid.tag && !pwd.tag)
			oid = t;
		else if (t.tag == 0x83 && oid.tag && !pwd.tag && t.len == 1)
			pwd = t;
		else if (t.tag == 0x84 && pwd.tag && !dom.tag && !chat.tag && t.len == 1)
			dom = t;
		else if (t.tag == 0x7f4c && pwd.tag && !chat.tag && card->prof.ta_2)
			chat = t;
		else
			return SW_DATA;
	}
	if (!oid.tag || !pwd.tag)
		return SW_DATA;
	p->password = pwd.value[0];
	if (chat.tag && !take_template(p, &chat))
		return SW_DATA;
	/* within a session: only to resume the PIN after the CAN */
	resumes = protected && p->password == BY_PIN && card->opened_by == BY_CAN;
	sw = SW_CONDITIONS;
	if (protected && !resumes && !sim_lax("again"))
		goto refuse;
	p->info = find_info(card, &oid, dom.tag ? dom.value[0] : -1, p->oid, &sw);
	if (!p->info)
		goto refuse;
	sw = SW_NO_REFERENCE;
	if (p->password == BY_MRZ ? !card->prof.mrz[0] : !*digits_of(&card->prof, p->password))
		goto refuse;
	sw = SW_INTERNAL;
	if (!sim_group_open(&p->group, p->info->group))
		goto refuse;
	if (p->password != BY_PIN || card->pin_tries == SIM_PIN_TRIES) {
		p->step = PACE_NONCE;
		return SW_OK;
	}
	/* B.11.1: a warning; what may not be tried is refused at the first step */
	sw = (uint16_t)(SW_TRIES + card->pin_tries);
	if (!card->pin_tries || (card->pin_tries == 1 && !resumes))
		goto refuse;
	p->step = PACE_NONCE;
	return sw;
refuse:
	sim_pace_reset(card);
	return sw;
}

/* 9.7.3: K-pi from the MRZ information's hash or the digits. */
static bool password_key(const struct sim_card *card, uint8_t key[SIM_KEY_MAX])
{
	const struct sim_pace *p = &card->pace;
	const char *digits = digits_of(&card->prof, p->password);
	uint8_t h[EVP_MAX_MD_SIZE];
	char info[64];
	size_t n;
	bool ok;

	if (*digits)
		return sim_kdf(p->info->cipher, (const uint8_t *)digits, strlen(digits), 3, key);
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
	uint8_t key[SIM_KEY_MAX], z[sizeof(p->nonce)];
	bool ok;

	/* 4.4.3.3.2: with integrated mapping as long as the cipher's key, in whole blocks */
	p->nonce_len = p->info->mapping == SIM_IM && sim_key_len(p->info->cipher) > 16 ? 32 : 16;
	ok = RAND_bytes(p->nonce, (int)p->nonce_len) == 1 && password_key(card, key) &&
	     sim_cbc(p->info->cipher, true, key, NULL, p->nonce, p->nonce_len, z);
	OPENSSL_cleanse(key, sizeof(key));
	if (!ok)
		return SW_INTERNAL;
	card->work.random_bytes += p->nonce_len;
	card->work.cipher_bytes += p->nonce_len;
	answer(out, 0x80, z, p->nonce_len);
	p->step = PACE_MAP;
	return SW_OK;
}

/* So many products by a scalar as long as the field, and one by a scalar of so many bits. */
static void works(struct sim_card *card, unsigned int full, unsigned int bits)
{
	card->work.field_bits = (unsigned int)BN_num_bits(card->pace.group.p);
	card->work.scalar_bits += full * card->work.field_bits + bits;
}

static BIGNUM *scalar(struct sim_card *card)
{
	card->work.random_bytes += card->pace.group.field_len;
	return sim_group_scalar(&card->pace.group);
}

/* 4.4.3.5.1: CA_IC = SK_IC^-1 * SK_Map,IC mod n */
static bool tie_to_static_key(struct sim_card *card, const BIGNUM *x)
{
	struct sim_pace *p = &card->pace;
	BN_CTX *ctx = BN_CTX_new();
	bool ok;

	p->cam = BN_new();
	ok = ctx && p->cam && card->prof.ca_key && BN_mod_inverse(p->cam, card->prof.ca_key, p->group.order, ctx) &&
	     BN_mod_mul(p->cam, p->cam, x, p->group.order, ctx);
	BN_CTX_free(ctx);
	return ok;
}

/* The terminal's public key, if it is one. */
static bool take_key(const struct sim_pace *p, const struct sim_tlv *in, struct sim_element *out)
{
	if (!sim_group_valid(&p->group, in->value, in->len)) {
		*out = p->group.generator;
		return sim_lax("point");
	}
	memcpy(out->p, in->value, in->len);
	out->len = in->len;
	return true;
}

/* 4.4.3.3.1: G' = s * G + H, where H is the agreed element of a first, throw-away agreement. */
static uint16_t map_generic(struct sim_card *card, const struct sim_tlv *in, struct sim_buf *out)
{
	struct sim_pace *p = &card->pace;
	BIGNUM *x = scalar(card), *s = BN_bin2bn(p->nonce, (int)p->nonce_len, NULL);
	struct sim_element theirs, own, h, sg;
	uint16_t sw = SW_INTERNAL;

	if (!take_key(p, in, &theirs)) {
		sw = SW_DATA;
		goto done;
	}
	if (!x || !s || !sim_group_power(&p->group, &p->group.generator, x, &own) ||
	    !sim_group_power(&p->group, &theirs, x, &h) || !sim_group_power(&p->group, &p->group.generator, s, &sg) ||
	    !sim_group_combine(&p->group, &sg, &h, &p->group.generator) ||
	    (p->info->mapping == SIM_CAM && !tie_to_static_key(card, x)))
		goto done;
	works(card, 2, 8 * (unsigned int)p->nonce_len);
	answer(out, 0x82, own.p, own.len);
	sw = SW_OK;
done:
	BN_clear_free(x);
	BN_clear_free(s);
	OPENSSL_cleanse(&h, sizeof(h));
	OPENSSL_cleanse(&sg, sizeof(sg));
	return sw;
}

static uint16_t map_integrated(struct sim_card *card, const struct sim_tlv *in, struct sim_buf *out)
{
	struct sim_pace *p = &card->pace;

	if (in->len != sim_key_len(p->info->cipher))
		return SW_DATA;
	if (!sim_group_integrated(&p->group, p->info->cipher, p->nonce, p->nonce_len, in->value))
		return SW_DATA;
	works(card, 1, 0);
	answer(out, 0x82, NULL, 0);
	return SW_OK;
}

static uint16_t step_map(struct sim_card *card, const struct sim_tlv *in, struct sim_buf *out)
{
	uint16_t sw = card->pace.info->mapping == SIM_IM ? map_integrated(card, in, out) : map_generic(card, in, out);

	if (sw == SW_OK)
		card->pace.step = PACE_AGREE;
	return sw;
}

static uint16_t step_agree(struct sim_card *card, const struct sim_tlv *in, struct sim_buf *out)
{
	struct sim_pace *p = &card->pace;
	uint8_t z[SIM_ELEMENT_MAX];
	struct sim_element k;
	BIGNUM *y = scalar(card);
	uint16_t sw = SW_INTERNAL;

	if (!take_key(p, in, &p->theirs)) {
		sw = SW_DATA;
		goto done;
	}
	if (!y || !sim_group_power(&p->group, &p->group.generator, y, &p->own) ||
	    !sim_group_power(&p->group, &p->theirs, y, &k) || !sim_group_secret(&p->group, &k, z))
		goto done;
	/* TR-03110-3, 3.2: the two public keys must differ. */
	if (p->own.len == p->theirs.len && !memcmp(p->own.p, p->theirs.p, p->own.len)) {
		sw = SW_DATA;
		goto done;
	}
	if (!sim_kdf(p->info->cipher, z, p->group.field_len, 1, p->enc) ||
	    !sim_kdf(p->info->cipher, z, p->group.field_len, 2, p->mac))
		goto done;
	works(card, 2, 0);
	answer(out, 0x84, p->own.p, p->own.len);
	p->step = PACE_TOKEN;
	sw = SW_OK;
done:
	BN_clear_free(y);
	OPENSSL_cleanse(&k, sizeof(k));
	OPENSSL_cleanse(z, sizeof(z));
	return sw;
}

bool sim_token(enum sim_cipher cipher, const uint8_t *k_mac, const char *oid, const struct sim_group *g,
	       const struct sim_element *key, uint8_t mac[8], struct card_work *work)
{
	struct sim_buf in = { 0 }, m = { 0 };
	bool ok;

	ok = sim_ber_oid(&in, oid, false);
	sim_ber_put(&in, g->ec ? 0x86 : 0x84, key->p, key->len);
	sim_ber_wrap(&m, 0x7f49, &in);
	if (cipher == SIM_3DES) {
		sim_buf_byte(&m, 0x80);
		while (m.len % 8)
			sim_buf_byte(&m, 0);
	}
	work->cipher_bytes += m.len;
	ok = ok && !m.failed && sim_mac(cipher, k_mac, m.p, m.len, mac);
	sim_buf_free(&m);
	return ok;
}

static bool token(const struct sim_pace *p, const struct sim_element *key, uint8_t mac[8], struct card_work *work)
{
	return sim_token(p->info->cipher, p->mac, p->oid, &p->group, key, mac, work);
}

/* 4.4.3.5.1: CA_IC, padded, encrypted with IV = E(K_enc, -1). */
static bool chip_authentication_data(const struct sim_pace *p, struct sim_buf *out)
{
	uint8_t ones[SIM_BLOCK_MAX], iv[SIM_BLOCK_MAX], data[SIM_ELEMENT_MAX + SIM_BLOCK_MAX] = { 0 };
	size_t len = ((size_t)BN_num_bits(p->group.order) + 7) / 8;
	bool ok;

	memset(ones, 0xff, sizeof(ones));
	ok = BN_bn2binpad(p->cam, data, (int)len) == (int)len && sim_encrypt_block(p->info->cipher, p->enc, ones, iv);
	data[len] = 0x80;
	len = (len / SIM_BLOCK_MAX + 1) * SIM_BLOCK_MAX;
	ok = ok && sim_cbc(p->info->cipher, true, p->enc, iv, data, len, data);
	if (ok)
		sim_ber_put(out, 0x8a, data, len);
	OPENSSL_cleanse(data, sizeof(data));
	return ok;
}

static uint16_t wrong_password(struct sim_card *card)
{
	card->failures++;
	if (card->pace.password != BY_PIN)
		return SW_AUTH_FAILED;
	card->pin_tries--;
	return (uint16_t)(SW_TRIES + card->pin_tries);
}

static uint16_t step_token(struct sim_card *card, const struct sim_tlv *in, struct sim_buf *out, struct sim_sm *next)
{
	struct sim_pace *p = &card->pace;
	struct sim_buf objects = { 0 };
	uint8_t want[8], own[8];

	if (in->len != 8)
		return SW_DATA;
	if (!token(p, &p->own, want, &card->work) || !token(p, &p->theirs, own, &card->work))
		return SW_INTERNAL;
	if (CRYPTO_memcmp(want, in->value, 8) && !sim_lax("token"))
		return wrong_password(card);
	card->failures = 0;
	if (p->password == BY_PIN)
		card->pin_tries = SIM_PIN_TRIES;
	sim_ber_put(&objects, 0x86, own, 8);
	if (p->info->mapping == SIM_CAM && !chip_authentication_data(p, &objects)) {
		sim_buf_free(&objects);
		return SW_INTERNAL;
	}
	if (p->announced) {		/* TR-03110-3, B.1.4 */
		sim_ber_str(&objects, 0x87, card->prof.cvca.name);
		if (card->prof.cvca_before.key)
			sim_ber_str(&objects, 0x88, card->prof.cvca_before.name);
	}
	card->ta.announced = p->announced;
	card->ta.chat = p->chat;
	sim_ber_wrap(out, 0x7c, &objects);
	memset(next, 0, sizeof(*next));
	next->cipher = p->info->cipher;
	memcpy(next->enc, p->enc, sizeof(next->enc));
	memcpy(next->mac, p->mac, sizeof(next->mac));
	next->active = true;
	card->opened_by = p->password;
	sim_compress(&p->group, &p->own, card->chip_id, &card->chip_id_len);
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
	if (sim_lax("pace"))
		return SW_OK;
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
