// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <cardring/error.h>
#include "eid/kdf.h"
#include "eid/rule.h"
#include "eid/sm.h"
#include "iso7816/tlv.h"

/* Data objects, ISO/IEC 7816-4, 10.2 */
#define DO_CRYPTOGRAM		0x87	/* padding indicator, then the cryptogram */
#define DO_CRYPTOGRAM_ODD	0x85	/* odd INS: the cryptogram alone */
#define DO_LE			0x97
#define DO_STATUS		0x99
#define DO_MAC			0x8e
#define PADDING_INDICATOR	0x01	/* ISO/IEC 9797-1 method 2 */

#define TRAILER_LEN	(4 + 2 + CR_MAC_LEN)	/* DO99 and DO8E */

void cr_sm_init(struct cr_sm *sm, enum cr_cipher cipher, const uint8_t *k_enc, const uint8_t *k_mac,
		const uint8_t *ssc)
{
	size_t n = cr_cipher_key_len(cipher);

	cr_sm_wipe(sm);
	sm->cipher = cipher;
	memcpy(sm->k_enc, k_enc, n);
	memcpy(sm->k_mac, k_mac, n);
	if (ssc)
		memcpy(sm->ssc, ssc, cr_cipher_block(cipher));
}

int cr_sm_derive(struct cr_sm *sm, enum cr_cipher cipher, const uint8_t *secret, size_t len)
{
	int err;

	cr_sm_wipe(sm);
	sm->cipher = cipher;
	err = cr_kdf(cipher, CR_KDF_ENC, secret, len, sm->k_enc);
	if (!err)
		err = cr_kdf(cipher, CR_KDF_MAC, secret, len, sm->k_mac);
	if (err)
		cr_sm_wipe(sm);
	return err;
}

void cr_sm_wipe(struct cr_sm *sm)
{
	OPENSSL_cleanse(sm, sizeof(*sm));
}

/* DO87 or DO85 around len bytes of plain data; nothing for none. */
static size_t cryptogram_len(const struct cr_sm *sm, bool odd, size_t len)
{
	size_t value;

	if (!len)
		return 0;
	value = cr_padded_len(len, cr_cipher_block(sm->cipher)) + !odd;
	return cr_tlv_header_size(DO_CRYPTOGRAM, value) + value;
}

size_t cr_sm_protected_max(size_t len)
{
	return 4 + 3 + 1 + 3 + 1 + cr_padded_len(len, CR_BLOCK_MAX) + 4 + 2 + CR_MAC_LEN + 2;
}

size_t cr_sm_response_len(const struct cr_sm *sm, bool odd, size_t len)
{
	return cryptogram_len(sm, odd, len) + TRAILER_LEN + 2;
}

size_t cr_sm_response_room(const struct cr_sm *sm, bool odd, size_t max)
{
	size_t block = cr_cipher_block(sm->cipher), len;

	if (max < TRAILER_LEN + 4 + block)
		return 0;
	len = (max - TRAILER_LEN) / block * block - 1;
	while (cryptogram_len(sm, odd, len) + TRAILER_LEN > max)
		len -= block;
	return len;
}

static void step(uint8_t *ssc, size_t n)
{
	while (n-- && !++ssc[n])
		;
}

static void step_back(uint8_t *ssc, size_t n)
{
	while (n-- && !ssc[n]--)
		;
}

void cr_sm_rewind(struct cr_sm *sm, const struct cr_sm_exchange *ex)
{
	size_t n = cr_cipher_block(sm->cipher);

	memcpy(sm->ssc, ex->ssc, n);
	step_back(sm->ssc, n);
	step_back(sm->ssc, n);
}

/* 9.8.6.1, 9.8.7.1: AES in CBC mode with IV = E(K_enc, SSC); 3DES with zero IV. */
static int iv_for(const struct cr_sm *sm, const uint8_t *ssc, uint8_t iv[CR_BLOCK_MAX])
{
	memset(iv, 0, CR_BLOCK_MAX);
	if (sm->cipher == CR_3DES)
		return 0;
	return cr_cbc_encrypt(sm->cipher, sm->k_enc, NULL, ssc, CR_BLOCK_MAX, iv);
}

/* MAC over SSC || header, padded || objects, padded (9.8.4); a part that is empty is not padded. */
static int mac_over(const struct cr_sm *sm, const uint8_t *ssc, const uint8_t *header,
		    const uint8_t *objects, size_t len, uint8_t mac[CR_MAC_LEN])
{
	size_t block = cr_cipher_block(sm->cipher), n = block;
	uint8_t *buf = malloc(3 * block + len);
	int err;

	if (!buf)
		return CR_E_NOMEM;
	memcpy(buf, ssc, block);
	if (header) {
		memcpy(buf + n, header, 4);
		n += cr_pad(buf + n, 4, block);
	}
	if (len) {
		memcpy(buf + n, objects, len);
		n += cr_pad(buf + n, len, block);
	}
	err = cr_mac(sm->cipher, sm->k_mac, buf, n, mac);
	free(buf);
	return err;
}

/* Appends DO87 or DO85. */
static int put_cryptogram(const struct cr_sm *sm, const uint8_t *ssc, const struct cr_capdu *cmd,
			  struct cr_buf *out)
{
	bool odd = cmd->ins & 1;
	size_t padded = cr_padded_len(cmd->lc, cr_cipher_block(sm->cipher));
	uint8_t iv[CR_BLOCK_MAX], *p;
	int err = iv_for(sm, ssc, iv);

	if (err)
		return err;
	cr_tlv_put_header(out, odd ? DO_CRYPTOGRAM_ODD : DO_CRYPTOGRAM, padded + !odd);
	if (!odd)
		cr_buf_put_u8(out, PADDING_INDICATOR);
	p = cr_buf_room(out, padded);
	if (!p)
		return out->err;
	memcpy(p, cmd->data, cmd->lc);
	cr_pad(p, cmd->lc, cr_cipher_block(sm->cipher));
	return cr_cbc_encrypt(sm->cipher, sm->k_enc, iv, p, padded, p);
}

static int put_le(struct cr_buf *out, size_t le)
{
	const uint8_t two[2] = { (uint8_t)(le >> 8), (uint8_t)le };

	return le > 256 ? cr_tlv_put(out, DO_LE, two, 2) : cr_tlv_put_u8(out, DO_LE, two[1]);
}

/* The data field of the protected command: [DO87 or DO85], [DO97], DO8E. */
static int put_objects(const struct cr_sm *sm, const uint8_t *ssc, const uint8_t *header,
		       const struct cr_capdu *cmd, struct cr_buf *out)
{
	uint8_t mac[CR_MAC_LEN];
	int err = 0;

	if (cmd->lc)
		err = put_cryptogram(sm, ssc, cmd, out);
	if (!err && cmd->le)
		err = put_le(out, cmd->le);
	if (!err)
		err = mac_over(sm, ssc, header, out->data, out->len, mac);
	if (!err)
		err = cr_tlv_put(out, DO_MAC, mac, sizeof(mac));
	return err;
}

int cr_sm_protect(struct cr_sm *sm, const struct cr_capdu *cmd, uint8_t *out, size_t *len,
		  struct cr_sm_exchange *ex)
{
	/* 9.8.4: header authenticated; Le: what the protected answer needs */
	struct cr_capdu outer = {
		.cla = cmd->cla | 0x0c, .ins = cmd->ins, .p1 = cmd->p1, .p2 = cmd->p2
	};
	const uint8_t header[4] = { outer.cla, outer.ins, outer.p1, outer.p2 };
	size_t block = cr_cipher_block(sm->cipher);
	uint8_t ssc[CR_BLOCK_MAX];
	struct cr_buf objects;
	int err;

	if (cmd->lc > CR_APDU_MAX_LC || cmd->le > CR_APDU_MAX_LE)
		return CR_E_TOO_LONG;
	memcpy(ssc, sm->ssc, block);
	step(ssc, block);

	cr_buf_init(&objects);
	err = put_objects(sm, ssc, header, cmd, &objects);
	if (!err) {
		outer.data = objects.data;
		outer.lc = objects.len;
		outer.extended = cmd->extended || cmd->le > CR_APDU_MAX_SHORT_LE ||
				 objects.len > CR_APDU_MAX_SHORT_LC;
		outer.le = outer.extended ? CR_APDU_MAX_LE : CR_APDU_MAX_SHORT_LE;
		err = cr_capdu_build(&outer, out, len);
	}
	cr_buf_free(&objects);
	if (err)
		return err == CR_E_INVALID ? CR_E_TOO_LONG : err;
	step(ssc, block);
	memset(ex, 0, sizeof(*ex));
	memcpy(ex->ssc, ssc, block);
	ex->odd = cmd->ins & 1;
	memcpy(sm->ssc, ssc, block);
	return 0;
}

static int decrypt(const struct cr_sm *sm, const struct cr_sm_exchange *ex, const struct cr_tlv *o,
		   uint8_t *data, size_t *room)
{
	const uint8_t *in = o->val;
	size_t n = o->len, block = cr_cipher_block(sm->cipher), plain;
	uint8_t iv[CR_BLOCK_MAX], *buf;
	int err;

	if (!ex->odd) {
		if (!n || in[0] != PADDING_INDICATOR)
			return CR_E_SM;
		in++;
		n--;
	}
	if (!n || n % block)
		return CR_E_SM;
	buf = malloc(n);
	if (!buf)
		return CR_E_NOMEM;
	err = iv_for(sm, ex->ssc, iv);
	if (!err)
		err = cr_cbc_decrypt(sm->cipher, sm->k_enc, iv, in, n, buf);
	if (!err && cr_unpad(buf, n, block, &plain))
		err = CR_E_SM;
	if (!err && plain > *room)
		err = CR_E_TOO_LONG;
	if (!err) {
		if (plain)	/* there may be no room, and no data then */
			memcpy(data, buf, plain);
		*room = plain;
	}
	OPENSSL_cleanse(buf, n);
	free(buf);
	return err;
}

enum { CRYPTOGRAM, STATUS, MAC, OBJECTS };

/* 9.8.4: [DO87 or DO85], DO99, DO8E in this order, and nothing else. covered: how much the MAC is over. */
static int response_objects(const uint8_t *rsp, size_t len, bool odd, struct cr_tlv o[OBJECTS], size_t *covered)
{
	const uint32_t tags[OBJECTS] = { odd ? DO_CRYPTOGRAM_ODD : DO_CRYPTOGRAM, DO_STATUS, DO_MAC };
	const uint8_t *p = rsp;
	int next = CRYPTOGRAM;

	*covered = len;
	while (len) {
		size_t at = (size_t)(p - rsp);
		struct cr_tlv t;

		if (cr_tlv_next(&p, &len, &t) != 1)
			return CR_E_SM;
		while (next < OBJECTS && t.tag != tags[next])
			next++;
		if (next == OBJECTS)
			return CR_E_SM;
		if (next == MAC)
			*covered = at;
		o[next++] = t;
	}
	return 0;
}

int cr_sm_unprotect(const struct cr_sm *sm, const struct cr_sm_exchange *ex, const uint8_t *rsp,
		    size_t rsp_len, uint8_t *data, size_t *data_len, uint16_t *sw)
{
	struct cr_tlv o[OBJECTS] = { { 0 } };
	uint8_t want[CR_MAC_LEN];
	size_t covered;
	int err;

	*sw = cr_rapdu_sw(rsp, rsp_len);
	if (rsp_len < 2 || response_objects(rsp, rsp_len - 2, ex->odd, o, &covered))
		return CR_E_SM;
	err = mac_over(sm, ex->ssc, NULL, rsp, covered, want);
	if (err)
		return err;
	if (!CR_RULE(sm_mac, o[MAC].len == CR_MAC_LEN && !CRYPTO_memcmp(want, o[MAC].val, CR_MAC_LEN)))
		return CR_E_SM;
	if (!CR_RULE(sm_status, o[STATUS].len == 2 && cr_rapdu_sw(o[STATUS].val, 2) == *sw))
		return CR_E_SM;
	if (!o[CRYPTOGRAM].tag) {
		*data_len = 0;
		return 0;
	}
	return decrypt(sm, ex, &o[CRYPTOGRAM], data, data_len);
}
