/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secure messaging, the card's side: ICAO 9303-11, 9.8.
 *
 * Command data objects in this order and no other: 87 (or 85 with an odd INS), 97, 8E. The counter goes up by one
 * before each command and before each response.
 */
#include "tap.h"

#include <string.h>
#include <openssl/crypto.h>

static void count(struct sim_sm *sm)
{
	for (size_t i = sim_block_len(sm->cipher); i-- > 0 && ++sm->ssc[i] == 0; )
		;
}

/* ISO/IEC 9797-1, padding method 2. */
static void pad(struct sim_buf *b, size_t block)
{
	sim_buf_byte(b, 0x80);
	while (b->len % block)
		sim_buf_byte(b, 0);
}

/* 9.8.7.2: the IV is zero with 3DES, the encrypted counter with AES. */
static bool crypt(const struct sim_sm *sm, bool encrypt, uint8_t *p, size_t len, struct card_work *work)
{
	uint8_t iv[SIM_BLOCK_MAX] = { 0 };

	work->cipher_bytes += len + (sm->cipher != SIM_3DES ? SIM_BLOCK_MAX : 0);
	if (sm->cipher != SIM_3DES && !sim_encrypt_block(sm->cipher, sm->enc, sm->ssc, iv))
		return false;
	return sim_cbc(sm->cipher, encrypt, sm->enc, iv, p, len, p);
}

static uint16_t decrypt(const struct sim_sm *sm, const struct sim_tlv *tlv, struct sim_buf *data,
			struct card_work *work)
{
	size_t block = sim_block_len(sm->cipher), n = tlv->len;
	const uint8_t *p = tlv->value;

	if (tlv->tag == 0x87) {
		if (n == 0 || p[0] != 0x01)	/* padding indicator */
			return SW_SM_INCORRECT;
		p++;
		n--;
	}
	if (n == 0 || n % block)
		return SW_SM_INCORRECT;
	sim_buf_put(data, p, n);
	if (data->failed || !crypt(sm, false, data->p, data->len, work))
		return SW_INTERNAL;
	while (n && data->p[n - 1] == 0 && data->len - n < block)
		n--;
	if (n == 0 || data->p[n - 1] != 0x80 || data->len - n >= block)
		return SW_SM_INCORRECT;
	data->len = n - 1;
	return SW_OK;
}

static bool mac_right(const struct sim_sm *sm, const struct sim_apdu *in, size_t covered, const uint8_t *mac,
		      struct card_work *work)
{
	size_t block = sim_block_len(sm->cipher);
	const uint8_t header[4] = { in->cla, in->ins, in->p1, in->p2 };
	struct sim_buf m = { 0 };
	uint8_t own[8];
	bool ok;

	sim_buf_put(&m, sm->ssc, block);
	sim_buf_put(&m, header, 4);
	pad(&m, block);
	if (covered) {
		sim_buf_put(&m, in->data, covered);
		pad(&m, block);
	}
	work->cipher_bytes += m.len;
	ok = !m.failed && sim_mac(sm->cipher, sm->mac, m.p, m.len, own) && !CRYPTO_memcmp(own, mac, 8);
	sim_buf_free(&m);
	return ok;
}

uint16_t sim_sm_unwrap(struct sim_sm *sm, const struct sim_apdu *in, struct sim_apdu *out, struct sim_buf *data,
		       struct card_work *work)
{
	struct sim_tlv body = { 0 }, le = { 0 }, mac = { 0 }, t;
	size_t off = 0, covered = 0;

	memset(out, 0, sizeof(*out));
	if (!in->lc)
		return SW_SM_MISSING;
	/* A protected command always asks for an answer, of whatever length: Le is 00, or 0000 when extended. */
	if (!in->le_all)
		return SW_LENGTH;
	while (off < in->lc) {
		if (mac.tag || !sim_ber_get(in->data + off, in->lc - off, &t))
			return SW_SM_INCORRECT;	/* nothing may follow 8E */
		switch (t.tag) {
		case 0x85:
		case 0x87:
			if (body.tag || le.tag || (t.tag == 0x85) != (in->ins & 1))
				return SW_SM_INCORRECT;
			body = t;
			break;
		case 0x97:
			if (le.tag || t.len < 1 || t.len > 2)
				return SW_SM_INCORRECT;
			le = t;
			break;
		case 0x8e:
			if (t.len != 8)
				return SW_SM_INCORRECT;
			mac = t;
			covered = off;
			break;
		default:
			return SW_SM_INCORRECT;
		}
		off += t.total;
	}
	if (!mac.tag && !sim_lax("no-mac"))
		return SW_SM_MISSING;

	count(sm);
	if (mac.tag && !mac_right(sm, in, covered, mac.value, work) && !sim_lax("mac"))
		return SW_SM_INCORRECT;

	out->cla = in->cla & ~0x0c;
	out->ins = in->ins;
	out->p1 = in->p1;
	out->p2 = in->p2;
	if (body.tag) {
		uint16_t sw = decrypt(sm, &body, data, work);

		if (sw != SW_OK)
			return sw;
		out->data = data->p;
		out->lc = data->len;
	}
	if (le.tag) {
		size_t n = le.len == 1 ? le.value[0] : (size_t)le.value[0] << 8 | le.value[1];

		out->le_all = n == 0;
		out->le = n ? n : le.len == 1 ? 256 : 65536;
		out->extended = le.len == 2;
	}
	return SW_OK;
}

bool sim_sm_wrap(struct sim_card *card, const struct sim_apdu *cmd, const struct sim_buf *data, uint16_t sw,
		 struct sim_buf *out)
{
	struct card_work *work = &card->work;
	struct sim_sm *sm = &card->sm;
	size_t block = sim_block_len(sm->cipher);
	const uint8_t status[2] = { sw >> 8, sw & 0xff };
	struct sim_buf c = { 0 }, m = { 0 };
	uint8_t mac[8];
	bool ok;

	count(sm);
	if (data->failed)
		return false;
	if (data->len) {
		sim_buf_put(&c, data->p, data->len);
		pad(&c, block);
		if (c.failed || !crypt(sm, true, c.p, c.len, work)) {
			sim_buf_free(&c);
			return false;
		}
		if (cmd->ins & 1) {
			sim_ber_put(out, 0x85, c.p, c.len);
		} else {
			struct sim_buf v = { 0 };

			sim_buf_byte(&v, 0x01);
			sim_buf_put(&v, c.p, c.len);
			sim_ber_wrap(out, 0x87, &v);
		}
		sim_buf_free(&c);
	}
	sim_ber_put(out, 0x99, status, 2);
	if (card->tap && card->tap->objects)
		card->tap->objects(card->tap->arg, card, cmd, out);
	sim_buf_put(&m, sm->ssc, block);
	sim_buf_put(&m, out->p, out->len);
	pad(&m, block);
	work->cipher_bytes += m.len;
	ok = !m.failed && !out->failed && sim_mac(sm->cipher, sm->mac, m.p, m.len, mac);
	sim_buf_free(&m);
	if (ok)
		sim_ber_put(out, 0x8e, mac, 8);
	return ok && !out->failed;
}
