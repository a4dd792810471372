// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "eid/kdf.h"
#include "eid/pace.h"
#include "eid/secret.h"
#include "iso7816/sw.h"
#include "iso7816/tlv.h"

enum { START, SET_AT, NONCE, MAPPING, AGREEMENT, TOKEN, DONE, BROKEN };

/* Dynamic authentication data, TR-03110-3, B.1 */
#define DO_DYNAMIC	0x7c
#define DO_PUBLIC_KEY	0x7f49

#define NONCE_MAX	64

struct cr_pace {
	int state;
	struct cr_pace_info info;
	bool name_curve;
	enum cr_secret_type password;
	uint8_t k_pi[CR_KEY_MAX];
	uint8_t nonce[NONCE_MAX];
	size_t nonce_len;
	struct cr_ecdh *ecdh;
	uint8_t mine[CR_POINT_MAX], theirs[CR_POINT_MAX];
	size_t point_len;
	const struct cr_rng *rng;
	struct cr_sm sm;
	struct cr_buf cmd;		/* data field of the command that was given out */
};

int cr_pace_new(const struct cr_pace_info *info, bool name_curve, const struct cr_secret *secret,
		const struct cr_rng *rng, struct cr_pace **out)
{
	const struct cr_curve *curve = cr_curve_by_id((unsigned int)info->parameter_id);
	uint8_t pi[CR_PACE_SECRET_MAX];
	struct cr_pace *p;
	size_t len = 0;
	int err;

	*out = NULL;
	if (!curve || !info->protocol.ecdh || info->mapping != CR_GM)
		return CR_E_UNSUPPORTED;
	p = calloc(1, sizeof(*p));
	if (!p)
		return CR_E_NOMEM;
	cr_buf_init(&p->cmd);
	p->info = *info;
	p->name_curve = name_curve;
	p->password = secret->type;
	p->rng = rng;
	err = cr_secret_pace(secret, pi, &len);
	if (!err)
		err = cr_kdf(info->protocol.cipher, CR_KDF_PI, pi, len, p->k_pi);
	OPENSSL_cleanse(pi, sizeof(pi));
	if (!err)
		err = cr_ecdh_new(curve, &p->ecdh);
	if (err) {
		cr_pace_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void cr_pace_free(struct cr_pace *p)
{
	if (!p)
		return;
	cr_ecdh_free(p->ecdh);
	cr_buf_free(&p->cmd);
	OPENSSL_cleanse(p, sizeof(*p));
	free(p);
}

int cr_pace_session(const struct cr_pace *p, struct cr_sm *sm)
{
	if (p->state != DONE)
		return CR_E_INVALID;
	*sm = p->sm;
	return 0;
}

/*
 * B.1: MSE:Set AT, 80 mechanism, 83 password, 84 domain parameters; no Le, or German documents
 * refuse.
 */
static int set_at(struct cr_pace *p, struct cr_capdu *cmd)
{
	cr_tlv_put(&p->cmd, 0x80, p->info.protocol.oid, sizeof(p->info.protocol.oid));
	cr_tlv_put_u8(&p->cmd, 0x83, p->password == CR_SECRET_CAN ? 0x02 : 0x01);
	if (p->name_curve)
		cr_tlv_put_u8(&p->cmd, 0x84, (uint8_t)p->info.parameter_id);
	if (p->cmd.err)
		return p->cmd.err;
	*cmd = (struct cr_capdu){
		.ins = 0x22, .p1 = 0xc1, .p2 = 0xa4, .data = p->cmd.data, .lc = p->cmd.len
	};
	return 1;
}

/*
 * GENERAL AUTHENTICATE with one object, or none (tag 0); all but the last of the chain have CLA 10.
 */
static int general_authenticate(struct cr_pace *p, uint32_t tag, const uint8_t *value, size_t len,
				struct cr_capdu *cmd)
{
	size_t mark;

	cr_buf_free(&p->cmd);
	mark = cr_tlv_begin(&p->cmd, DO_DYNAMIC);
	if (tag)
		cr_tlv_put(&p->cmd, tag, value, len);
	if (cr_tlv_end(&p->cmd, mark))
		return p->cmd.err;
	*cmd = (struct cr_capdu){ .cla = p->state == TOKEN ? 0x00 : 0x10,
				  .ins = 0x86,
				  .data = p->cmd.data,
				  .lc = p->cmd.len,
				  .le = CR_APDU_MAX_SHORT_LE };
	return 1;
}

/* The object of this tag in 7C. */
static int dynamic(const uint8_t *rsp, size_t len, uint32_t tag, struct cr_tlv *out)
{
	struct cr_tlv outer;

	if (cr_tlv_parse_all(rsp, len, &outer) || outer.tag != DO_DYNAMIC ||
	    cr_tlv_find(outer.val, outer.len, tag, out))
		return CR_E_CARD_PROTOCOL;
	return 0;
}

/* 4.4.3.3: s = D(K_pi, z); then the terminal's key pair for the mapping. */
static int got_nonce(struct cr_pace *p, const struct cr_tlv *z, struct cr_capdu *cmd)
{
	enum cr_cipher c = p->info.protocol.cipher;
	int err;

	if (!z->len || z->len > NONCE_MAX || z->len % cr_cipher_block(c))
		return CR_E_CARD_PROTOCOL;
	err = cr_cbc_decrypt(c, p->k_pi, NULL, z->val, z->len, p->nonce);
	p->nonce_len = z->len;
	if (!err)
		err = cr_ecdh_generate(p->ecdh, p->rng);
	if (!err)
		err = cr_ecdh_public(p->ecdh, p->mine, &p->point_len);
	return err ? err : general_authenticate(p, 0x81, p->mine, p->point_len, cmd);
}

/* 4.4.3.3.1: the mapped generator; then the ephemeral key pair over it. */
static int got_mapping(struct cr_pace *p, const struct cr_tlv *peer, struct cr_capdu *cmd)
{
	int err = cr_ecdh_map(p->ecdh, p->nonce, p->nonce_len, peer->val, peer->len);

	OPENSSL_cleanse(p->nonce, sizeof(p->nonce));
	if (!err)
		err = cr_ecdh_generate(p->ecdh, p->rng);
	if (!err)
		err = cr_ecdh_public(p->ecdh, p->mine, &p->point_len);
	return err ? err : general_authenticate(p, 0x83, p->mine, p->point_len, cmd);
}

int cr_pace_token(enum cr_cipher cipher, const uint8_t *k_mac, const uint8_t oid[10],
		  const uint8_t *point, size_t len, uint8_t token[CR_MAC_LEN])
{
	uint8_t *pad;
	struct cr_buf b;
	size_t mark;
	int err;

	cr_buf_init(&b);
	mark = cr_tlv_begin(&b, DO_PUBLIC_KEY);
	cr_tlv_put(&b, 0x06, oid, 10);
	cr_tlv_put(&b, 0x86, point, len);
	cr_tlv_end(&b, mark);
	if (cipher == CR_3DES) {	/* CMAC pads by itself, the retail MAC does not */
		size_t n = b.len;

		pad = cr_buf_room(&b, cr_padded_len(n, 8) - n);
		if (pad)
			cr_pad(b.data, n, 8);
	}
	err = b.err ? b.err : cr_mac(cipher, k_mac, b.data, b.len, token);
	cr_buf_free(&b);
	return err;
}

/* 4.4.3.2: the public keys differ; K = the x-coordinate; the token over the card's public key. */
static int got_public_key(struct cr_pace *p, const struct cr_tlv *peer, struct cr_capdu *cmd)
{
	uint8_t z[CR_FIELD_MAX], token[CR_MAC_LEN];
	size_t z_len;
	int err;

	if (peer->len != p->point_len)
		return CR_E_CRYPTO;
	if (!memcmp(peer->val, p->mine, p->point_len))
		return CR_E_CARD_PROTOCOL;
	memcpy(p->theirs, peer->val, peer->len);
	err = cr_ecdh_agree(p->ecdh, peer->val, peer->len, z, &z_len);
	if (!err)
		err = cr_sm_derive(&p->sm, p->info.protocol.cipher, z, z_len);
	OPENSSL_cleanse(z, sizeof(z));
	if (!err)
		err = cr_pace_token(p->sm.cipher, p->sm.k_mac, p->info.protocol.oid, p->theirs,
				    p->point_len, token);
	return err ? err : general_authenticate(p, 0x85, token, sizeof(token), cmd);
}

static int got_token(struct cr_pace *p, const struct cr_tlv *got)
{
	uint8_t want[CR_MAC_LEN];
	int err = cr_pace_token(p->sm.cipher, p->sm.k_mac, p->info.protocol.oid, p->mine,
				p->point_len, want);

	if (err)
		return err;
	if (got->len != CR_MAC_LEN || CRYPTO_memcmp(got->val, want, CR_MAC_LEN))
		return CR_E_CARD_PROTOCOL;
	return 0;
}

/* B.14.1: 63xx is what a wrong password is told by; chips in the field say 6982 or 6983 as well. */
static int token_refused(uint16_t sw)
{
	if (sw >> 8 == 0x63 || sw == CR_SW_SECURITY_STATUS || sw == CR_SW_AUTH_BLOCKED)
		return CR_E_ACCESS_REFUSED;
	return CR_E_CARD_STATUS;
}

static int advance(struct cr_pace *p, const uint8_t *rsp, size_t len, uint16_t sw,
		   struct cr_capdu *cmd)
{
	/* what each answer carries, by state */
	static const uint8_t tag[] = {
		[NONCE] = 0x80, [MAPPING] = 0x82, [AGREEMENT] = 0x84, [TOKEN] = 0x86
	};
	struct cr_tlv object;
	int err;

	switch (p->state) {
	case START:
		p->state = SET_AT;
		return set_at(p, cmd);
	case SET_AT:
		/* B.11.1: 63Cx warns that tries are few; the run decides */
		if (sw != CR_SW_OK && sw >> 8 != 0x63)
			return CR_E_CARD_STATUS;
		p->state = NONCE;
		return general_authenticate(p, 0, NULL, 0, cmd);
	case NONCE:
	case MAPPING:
	case AGREEMENT:
	case TOKEN:
		if (sw != CR_SW_OK)
			return p->state == TOKEN ? token_refused(sw) : CR_E_CARD_STATUS;
		err = dynamic(rsp, len, tag[p->state], &object);
		if (err)
			return err;
		break;
	default:
		return CR_E_INTERNAL;
	}
	switch (p->state++) {
	case NONCE:
		return got_nonce(p, &object, cmd);
	case MAPPING:
		return got_mapping(p, &object, cmd);
	case AGREEMENT:
		return got_public_key(p, &object, cmd);
	}
	return got_token(p, &object);
}

int cr_pace_step(struct cr_pace *p, const uint8_t *rsp, size_t len, uint16_t sw,
		 struct cr_capdu *cmd)
{
	int r = advance(p, rsp, len, sw, cmd);

	if (r < 0) {
		p->state = BROKEN;
		cr_sm_wipe(&p->sm);
	}
	return r;
}
