// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "eid/kdf.h"
#include "eid/pace.h"
#include "eid/rule.h"
#include "eid/secret.h"
#include "eid/ta.h"
#include "iso7816/sw.h"
#include "iso7816/tlv.h"

enum { START, SET_AT, NONCE, MAPPING, AGREEMENT, TOKEN, DONE, BROKEN };

/* Dynamic authentication data, TR-03110-3, B.1 */
#define DO_DYNAMIC	0x7c
#define DO_CAM_DATA	0x8a
#define DO_PUBLIC_KEY	0x7f49

#define AROUND_KEY	8	/* 7C and the object in it: tags and lengths */

struct cr_pace {
	int state;
	struct cr_pace_info info;
	const struct cr_pace_mapping *mapping;
	bool name_domain, resumed, not_taken;
	enum cr_secret_type password;
	const uint8_t *template;	/* NULL: no terminal authentication is announced */
	size_t template_len;
	struct cr_cvc_name authorities[2];
	size_t n_authorities;
	uint8_t k_pi[CR_KEY_MAX];
	struct cr_pace_map map;		/* its group goes on after the mapping */
	uint8_t mine[CR_ELEMENT_MAX], theirs[CR_ELEMENT_MAX];
	size_t mine_len, theirs_len;
	const struct cr_rng *rng;
	struct cr_sm sm;
	struct cr_cam cam;
	struct cr_buf cmd;		/* data field of the command that was given out */
};

int cr_pace_new(const struct cr_pace_info *info, bool name_domain, const struct cr_secret *secret,
		const struct cr_rng *rng, struct cr_pace **out)
{
	uint8_t pi[CR_PACE_SECRET_MAX];
	struct cr_pace *p;
	size_t len = 0;
	int err;

	*out = NULL;
	if (!info->usable)
		return CR_E_UNSUPPORTED;
	p = calloc(1, sizeof(*p));
	if (!p)
		return CR_E_NOMEM;
	cr_buf_init(&p->cmd);
	p->info = *info;
	p->mapping = cr_pace_mapping(info->mapping);
	p->name_domain = name_domain && info->parameter_id >= 0;
	p->password = secret->type;
	p->rng = rng;
	p->map.cipher = info->protocol.cipher;
	err = cr_secret_pace(secret, pi, &len);
	if (!err)
		err = cr_kdf(info->protocol.cipher, CR_KDF_PI, pi, len, p->k_pi);
	OPENSSL_cleanse(pi, sizeof(pi));
	if (!err)
		err = cr_group_new(&info->domain, &p->map.group);
	if (err) {
		cr_pace_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void cr_pace_resume(struct cr_pace *p)
{
	p->resumed = true;
}

void cr_pace_announce(struct cr_pace *p, const uint8_t *template, size_t len)
{
	p->template = template;
	p->template_len = len;
}

size_t cr_pace_authorities(const struct cr_pace *p, struct cr_cvc_name out[2])
{
	if (p->state != DONE)
		return 0;
	memcpy(out, p->authorities, sizeof(p->authorities));
	return p->n_authorities;
}

void cr_pace_free(struct cr_pace *p)
{
	if (!p)
		return;
	cr_group_free(p->map.group);
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

int cr_pace_chip_id(const struct cr_pace *p, uint8_t out[CR_FIELD_MAX], size_t *len)
{
	return p->state == DONE ? cr_ta_compress(p->info.protocol.ecdh, p->theirs, p->theirs_len, out, len)
				: CR_E_INVALID;
}

bool cr_pace_not_taken(const struct cr_pace *p)
{
	return p->not_taken;
}

void cr_pace_cam(const struct cr_pace *p, struct cr_cam *cam)
{
	memset(cam, 0, sizeof(*cam));
	if (p->state == DONE)
		*cam = p->cam;
}

int cr_cam_verify(const struct cr_cam *cam, const uint8_t *key, size_t len)
{
	struct cr_group *group;
	int err;

	if (!cam->data_len)
		return CR_E_CRYPTO;
	err = cr_group_new(&cam->domain, &group);
	if (!err)
		err = cr_group_is_product(group, cam->data, cam->data_len, key, len,
					  cam->mapping_key, cam->mapping_key_len);
	cr_group_free(group);
	return err;
}

/*
 * B.1: MSE:Set AT, 80 mechanism, 83 password, 84 domain parameters, 7F4C the terminal's template; no
 * Le, or German documents refuse.
 */
static int set_at(struct cr_pace *p, struct cr_capdu *cmd)
{
	/* B.1.1, table 8 */
	static const uint8_t reference[] = {
		[CR_SECRET_MRZ] = 0x01, [CR_SECRET_CAN] = 0x02, [CR_SECRET_PIN] = 0x03,
		[CR_SECRET_PUK] = 0x04,
	};

	cr_tlv_put(&p->cmd, 0x80, p->info.protocol.oid, sizeof(p->info.protocol.oid));
	cr_tlv_put_u8(&p->cmd, 0x83, reference[p->password]);
	if (p->name_domain)
		cr_tlv_put_number(&p->cmd, 0x84, (uint32_t)p->info.parameter_id);
	if (p->template)
		cr_buf_put(&p->cmd, p->template, p->template_len);
	if (p->cmd.err)
		return p->cmd.err;
	*cmd = (struct cr_capdu){
		.ins = 0x22, .p1 = 0xc1, .p2 = 0xa4, .data = p->cmd.data, .lc = p->cmd.len
	};
	return 1;
}

/*
 * GENERAL AUTHENTICATE with one object, or none (tag 0); all but the last of the chain have CLA 10.
 * answer: at most so many bytes of value come back.
 */
static int general_authenticate(struct cr_pace *p, uint32_t tag, const uint8_t *value, size_t len,
				size_t answer, struct cr_capdu *cmd)
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
				  .le = answer + AROUND_KEY > CR_APDU_MAX_SHORT_LE
						? CR_APDU_MAX_LE
						: CR_APDU_MAX_SHORT_LE };
	return 1;
}

/* The object of this tag in 7C. optional: without it *out is empty. */
static int dynamic(const uint8_t *rsp, size_t len, uint32_t tag, bool optional, struct cr_tlv *out)
{
	struct cr_tlv outer;
	int r;

	if (cr_tlv_parse_all(rsp, len, &outer) || !CR_RULE(pace_template, outer.tag == DO_DYNAMIC))
		return CR_E_CARD_PROTOCOL;
	while ((r = cr_tlv_next(&outer.val, &outer.len, out)) > 0) {
		if (optional ? out->tag == tag : CR_RULE(pace_tag, out->tag == tag))
			return 0;
	}
	memset(out, 0, sizeof(*out));
	return r || !optional ? CR_E_CARD_PROTOCOL : 0;
}

/* 4.4.3.3: s = D(K_pi, z); then what the terminal gives for the mapping. */
static int got_nonce(struct cr_pace *p, const struct cr_tlv *z, struct cr_capdu *cmd)
{
	enum cr_cipher c = p->info.protocol.cipher;
	int err;

	if (!z->len || z->len > CR_PACE_NONCE_MAX || z->len % cr_cipher_block(c))
		return CR_E_CARD_PROTOCOL;
	err = cr_cbc_decrypt(c, p->k_pi, NULL, z->val, z->len, p->map.nonce);
	p->map.nonce_len = z->len;
	if (!err)
		err = p->mapping->offer(&p->map, p->rng);
	return err ? err
		   : general_authenticate(p, 0x81, p->map.mine, p->map.mine_len,
					  cr_domain_element_len(&p->info.domain), cmd);
}

/* The mapped generator; then the ephemeral key pair over it. */
static int got_mapping(struct cr_pace *p, const struct cr_tlv *peer, struct cr_capdu *cmd)
{
	int err = p->mapping->finish(&p->map, peer->val, peer->len);

	OPENSSL_cleanse(p->map.nonce, sizeof(p->map.nonce));
	if (!err && p->mapping->proves_chip) {
		p->cam.domain = p->info.domain;
		p->cam.mapping_key_len = peer->len;
		memcpy(p->cam.mapping_key, peer->val, peer->len);
	}
	if (!err)
		err = cr_group_generate(p->map.group, p->rng);
	if (!err)
		err = cr_group_public(p->map.group, p->mine, &p->mine_len);
	return err ? err
		   : general_authenticate(p, 0x83, p->mine, p->mine_len,
					  cr_domain_element_len(&p->info.domain), cmd);
}

int cr_pace_token(const struct cr_protocol_oid *protocol, const uint8_t *k_mac,
		  const uint8_t *public_key, size_t len, uint8_t token[CR_MAC_LEN])
{
	uint8_t *pad;
	struct cr_buf b;
	size_t mark;
	int err;

	cr_buf_init(&b);
	mark = cr_tlv_begin(&b, DO_PUBLIC_KEY);
	cr_tlv_put(&b, 0x06, protocol->oid, sizeof(protocol->oid));
	cr_tlv_put(&b, protocol->ecdh ? 0x86 : 0x84, public_key, len);
	cr_tlv_end(&b, mark);
	if (protocol->cipher == CR_3DES) {	/* CMAC pads by itself, the retail MAC does not */
		size_t n = b.len;

		pad = cr_buf_room(&b, cr_padded_len(n, 8) - n);
		if (pad)
			cr_pad(b.data, n, 8);
	}
	err = b.err ? b.err : cr_mac(protocol->cipher, k_mac, b.data, b.len, token);
	cr_buf_free(&b);
	return err;
}

/* 4.4.3.2: the public keys differ; the token over the card's public key. */
static int got_public_key(struct cr_pace *p, const struct cr_tlv *peer, struct cr_capdu *cmd)
{
	uint8_t z[CR_FIELD_MAX], token[CR_MAC_LEN];
	size_t z_len;
	int err = cr_group_agree(p->map.group, peer->val, peer->len, z, &z_len);

	if (!err) {
		/* a number goes into the token without leading zeroes */
		size_t skip = 0;

		while (!p->info.protocol.ecdh && !peer->val[skip])
			skip++;
		p->theirs_len = peer->len - skip;
		memcpy(p->theirs, peer->val + skip, p->theirs_len);
		if (!CR_RULE(pace_keys_differ, p->theirs_len != p->mine_len ||
					       memcmp(p->theirs, p->mine, p->mine_len)))
			err = CR_E_CARD_PROTOCOL;
	}
	if (!err)
		err = cr_sm_derive(&p->sm, p->info.protocol.cipher, z, z_len);
	OPENSSL_cleanse(z, sizeof(z));
	if (!err)
		err = cr_pace_token(&p->info.protocol, p->sm.k_mac, p->theirs, p->theirs_len, token);
	return err ? err : general_authenticate(p, 0x85, token, sizeof(token), 0, cmd);
}

/* 4.4.3.5.2: IV = E(K_enc, -1), padded. a: NULL where there are none. */
static int take_cam_data(struct cr_pace *p, const struct cr_tlv *a)
{
	uint8_t ones[CR_BLOCK_MAX], iv[CR_BLOCK_MAX];
	enum cr_cipher c = p->sm.cipher;
	int err;

	if (!a || !a->len || a->len > sizeof(p->cam.data) || a->len % sizeof(iv))
		return CR_E_CARD_PROTOCOL;
	memset(ones, 0xff, sizeof(ones));
	err = cr_cbc_encrypt(c, p->sm.k_enc, NULL, ones, sizeof(ones), iv);
	if (!err)
		err = cr_cbc_decrypt(c, p->sm.k_enc, iv, a->val, a->len, p->cam.data);
	if (!err && (cr_unpad(p->cam.data, a->len, sizeof(iv), &p->cam.data_len) ||
		     !p->cam.data_len))
		err = CR_E_CARD_PROTOCOL;
	return err;
}

/* 4.4.5: chip authentication data MUST be there with that mapping, and MUST NOT be otherwise. */
static int look_for_cam_data(struct cr_pace *p, const uint8_t *rsp, size_t len)
{
	struct cr_tlv outer, cam;
	bool there;
	int err;

	if (cr_tlv_parse_all(rsp, len, &outer))
		return CR_E_CARD_PROTOCOL;
	there = !cr_tlv_find(outer.val, outer.len, DO_CAM_DATA, &cam);
	if (!p->mapping->proves_chip)
		return CR_RULE(pace_cam_unasked, !there) ? 0 : CR_E_CARD_PROTOCOL;
	err = take_cam_data(p, there ? &cam : NULL);
	return CR_RULE(pace_cam_data, !err) ? 0 : err;
}

/* B.1.4: 87 and 88, the authorities' names. The chip need not have them for this kind of terminal. */
static int take_authorities(struct cr_pace *p, const uint8_t *rsp, size_t len)
{
	struct cr_tlv t;

	for (uint32_t tag = 0x87; tag <= 0x88; tag++) {
		if (dynamic(rsp, len, tag, true, &t))
			return CR_E_CARD_PROTOCOL;
		if (!t.tag)
			continue;
		if (!t.len || t.len > CR_CVC_NAME_MAX)
			return CR_E_CARD_PROTOCOL;
		memcpy(p->authorities[p->n_authorities].text, t.val, t.len);
		p->authorities[p->n_authorities++].len = t.len;
	}
	return 0;
}

static int got_token(struct cr_pace *p, const struct cr_tlv *got, const uint8_t *rsp, size_t len)
{
	uint8_t want[CR_MAC_LEN];
	int err = cr_pace_token(&p->info.protocol, p->sm.k_mac, p->mine, p->mine_len, want);

	if (!err && !CR_RULE(pace_token, got->len == CR_MAC_LEN && !CRYPTO_memcmp(got->val, want, CR_MAC_LEN)))
		err = CR_E_CARD_PROTOCOL;
	if (!err)
		err = look_for_cam_data(p, rsp, len);
	if (!err && p->template)
		err = take_authorities(p, rsp, len);
	return err;
}

/* B.1.1, table 9: 63Cx says how many tries the PIN or PUK has; not so many that it can be tried. */
static int password_state(const struct cr_pace *p, uint16_t sw)
{
	int tries = cr_sw_tries(sw);
	bool pin = p->password == CR_SECRET_PIN;

	if (pin || p->password == CR_SECRET_PUK) {
		if (sw == CR_SW_AUTH_BLOCKED || tries == 0)
			return CR_E_PIN_BLOCKED;
		if (pin && tries == 1 && !p->resumed)
			return CR_E_PIN_SUSPENDED;
	}
	return sw == CR_SW_OK || tries >= 0 ? 0 : CR_E_CARD_STATUS;
}

/* B.1.5: 63xx is what a wrong password is told by; chips in the field say 6982 or 6983 as well. */
static int token_refused(const struct cr_pace *p, uint16_t sw)
{
	if (password_state(p, sw) == CR_E_PIN_BLOCKED)
		return CR_E_PIN_BLOCKED;
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
		err = password_state(p, sw);
		if (!CR_RULE(pace_status, !err)) {
			p->not_taken = err == CR_E_CARD_STATUS &&
				       (sw == CR_SW_WRONG_DATA || sw == CR_SW_REF_NOT_FOUND);
			return err;
		}
		p->state = NONCE;
		return general_authenticate(p, 0, NULL, 0, CR_PACE_NONCE_MAX, cmd);
	case NONCE:
	case MAPPING:
	case AGREEMENT:
	case TOKEN:
		if (!CR_RULE(pace_status, sw == CR_SW_OK))
			return p->state == TOKEN ? token_refused(p, sw) : CR_E_CARD_STATUS;
		/* 4.4.3.3.2: there are no mapping data of the chip with integrated mapping */
		err = dynamic(rsp, len, tag[p->state],
			      p->state == MAPPING && p->info.mapping == CR_IM, &object);
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
	return got_token(p, &object, rsp, len);
}

int cr_pace_step(struct cr_pace *p, const uint8_t *rsp, size_t len, uint16_t sw,
		 struct cr_capdu *cmd)
{
	int r = advance(p, rsp, len, sw, cmd);

	if (r < 0) {
		p->state = BROKEN;
		cr_sm_wipe(&p->sm);
		OPENSSL_cleanse(&p->cam, sizeof(p->cam));
	}
	return r;
}
