// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <cardring/error.h>
#include "eid/ca.h"
#include "eid/pace.h"
#include "eid/ta.h"
#include "iso7816/sw.h"
#include "iso7816/tlv.h"

enum { START, SET_KAT, SET_AT, AUTHENTICATE, DONE, BROKEN };

#define NONCE_LEN	8	/* B.2.2 */

struct cr_ca {
	int state;
	struct cr_ca_info info;
	struct cr_domain domain;	/* what its parameters are in is the caller's */
	struct cr_group *group;
	uint8_t mine[CR_ELEMENT_MAX];
	size_t len;
	uint8_t z[CR_FIELD_MAX + NONCE_LEN];	/* the shared secret, and version 2's nonce behind it */
	size_t z_len;
	struct cr_sm sm;
	struct cr_buf cmd;
};

static int local(int err)
{
	return err == CR_E_CRYPTO ? CR_E_INTERNAL : err;
}

int cr_ca_begin(const struct cr_ca_info *info, const struct cr_domain *domain, const struct cr_rng *rng,
		struct cr_ca **out)
{
	struct cr_ca *ca;
	int err;

	*out = NULL;
	if (info->protocol.ecdh != domain->ec)
		return CR_E_UNSUPPORTED;
	ca = calloc(1, sizeof(*ca));
	if (!ca)
		return CR_E_NOMEM;
	cr_buf_init(&ca->cmd);
	ca->info = *info;
	ca->domain = *domain;
	err = cr_group_new(domain, &ca->group);
	if (!err)
		err = cr_group_generate(ca->group, rng);
	if (!err)
		err = cr_group_public(ca->group, ca->mine, &ca->len);
	if (err) {
		cr_ca_free(ca);
		return local(err);
	}
	*out = ca;
	return 0;
}

/*
 * CR_E_CRYPTO tells of the chip's key alone, and makes the chip a copy: what fails without it is this
 * computer's fault. Version 1 can compute everything before the card is asked.
 */
int cr_ca_agree(struct cr_ca *ca, const struct cr_ca_key *key)
{
	int err;

	if (!key->usable || !cr_domain_same(&key->domain, &ca->domain))
		return CR_E_UNSUPPORTED;
	err = cr_group_agree(ca->group, key->public_key, key->len, ca->z, &ca->z_len);
	if (!err && ca->info.version != 2)
		err = local(cr_sm_derive(&ca->sm, ca->info.protocol.cipher, ca->z, ca->z_len));
	return err;
}

int cr_ca_new(const struct cr_ca_info *info, const struct cr_ca_key *key, const struct cr_rng *rng,
	      struct cr_ca **out)
{
	int err;

	*out = NULL;
	if (!key->usable)
		return CR_E_UNSUPPORTED;
	err = cr_ca_begin(info, &key->domain, rng, out);
	if (!err)
		err = cr_ca_agree(*out, key);
	if (err) {
		cr_ca_free(*out);
		*out = NULL;
	}
	return err;
}

void cr_ca_free(struct cr_ca *ca)
{
	if (!ca)
		return;
	cr_group_free(ca->group);
	cr_buf_free(&ca->cmd);
	OPENSSL_cleanse(ca, sizeof(*ca));
	free(ca);
}

int cr_ca_compressed(const struct cr_ca *ca, uint8_t out[CR_FIELD_MAX], size_t *len)
{
	return cr_ta_compress(ca->info.protocol.ecdh, ca->mine, ca->len, out, len);
}

int cr_ca_session(const struct cr_ca *ca, struct cr_sm *sm)
{
	if (ca->state != DONE)
		return CR_E_INVALID;
	*sm = ca->sm;
	return 0;
}

const char *cr_ca_name(const struct cr_ca_info *info)
{
#define CIPHERS(which) { [CR_3DES] = which " 3DES", [CR_AES128] = which " AES-128", \
			 [CR_AES192] = which " AES-192", [CR_AES256] = which " AES-256" }
	static const char *const names[2][2][4] = {
		{ CIPHERS("CA v1 DH"), CIPHERS("CA v1 ECDH") },
		{ CIPHERS("CA v2 DH"), CIPHERS("CA v2 ECDH") },
	};
#undef CIPHERS

	return names[info->version == 2][info->protocol.ecdh][info->protocol.cipher];
}

static int mse(struct cr_ca *ca, uint8_t p2, struct cr_capdu *cmd)
{
	if (ca->info.key_id >= 0)	/* 84: the private key, where DG14 gives it a number */
		cr_tlv_put_number(&ca->cmd, 0x84, (uint32_t)ca->info.key_id);
	if (ca->cmd.err)
		return ca->cmd.err;
	*cmd = (struct cr_capdu){
		.ins = 0x22, .p1 = 0x41, .p2 = p2, .data = ca->cmd.data, .lc = ca->cmd.len
	};
	return 1;
}

static int start(struct cr_ca *ca, struct cr_capdu *cmd)
{
	/* B.2: MSE:Set KAT is for 3DES in version 1 alone, and what every 3DES chip knows */
	if (ca->info.protocol.cipher == CR_3DES && ca->info.version != 2) {
		ca->state = SET_KAT;
		cr_tlv_put(&ca->cmd, 0x91, ca->mine, ca->len);
		return mse(ca, 0xa6, cmd);
	}
	ca->state = SET_AT;
	cr_tlv_put(&ca->cmd, 0x80, ca->info.protocol.oid, sizeof(ca->info.protocol.oid));
	return mse(ca, 0xa4, cmd);
}

static int authenticate(struct cr_ca *ca, struct cr_capdu *cmd)
{
	size_t mark;

	cr_buf_free(&ca->cmd);
	mark = cr_tlv_begin(&ca->cmd, 0x7c);
	cr_tlv_put(&ca->cmd, 0x80, ca->mine, ca->len);
	if (cr_tlv_end(&ca->cmd, mark))
		return ca->cmd.err;
	*cmd = (struct cr_capdu){ .ins = 0x86, .data = ca->cmd.data, .lc = ca->cmd.len,
				  .le = CR_APDU_MAX_SHORT_LE };
	ca->state = AUTHENTICATE;
	return 1;
}

/* TR-03110-2, 3.4.1: the keys with the chip's nonce, and its token over the terminal's public key. */
static int got_token(struct cr_ca *ca, const uint8_t *rsp, size_t len)
{
	struct cr_tlv dynamic, nonce, token;
	uint8_t want[CR_MAC_LEN];
	int err;

	if (!ca->z_len)
		return CR_E_INVALID;
	if (cr_tlv_parse_all(rsp, len, &dynamic) || dynamic.tag != 0x7c ||
	    cr_tlv_find(dynamic.val, dynamic.len, 0x81, &nonce) || nonce.len != NONCE_LEN ||
	    cr_tlv_find(dynamic.val, dynamic.len, 0x82, &token) || token.len != CR_MAC_LEN)
		return CR_E_CARD_PROTOCOL;
	memcpy(ca->z + ca->z_len, nonce.val, NONCE_LEN);
	err = cr_sm_derive(&ca->sm, ca->info.protocol.cipher, ca->z, ca->z_len + NONCE_LEN);
	if (!err)
		err = cr_pace_token(&ca->info.protocol, ca->sm.k_mac, ca->mine, ca->len, want);
	if (err)
		return local(err);
	return CRYPTO_memcmp(want, token.val, sizeof(want)) ? CR_E_SM : 0;
}

static int advance(struct cr_ca *ca, const uint8_t *rsp, size_t len, uint16_t sw,
		   struct cr_capdu *cmd)
{
	struct cr_tlv dynamic;

	if (ca->state == START)
		return start(ca, cmd);
	if (ca->state >= DONE)
		return CR_E_INTERNAL;
	if (sw != CR_SW_OK)
		return CR_E_CARD_STATUS;
	if (ca->state == SET_AT)
		return authenticate(ca, cmd);
	if (ca->info.version == 2) {
		int err = got_token(ca, rsp, len);

		if (!err)
			ca->state = DONE;
		return err;
	}
	/* version 1 has nothing to say in its answer; chips leave 7C 00 out or fill it */
	if (ca->state == AUTHENTICATE && len &&
	    (cr_tlv_parse_all(rsp, len, &dynamic) || dynamic.tag != 0x7c))
		return CR_E_CARD_PROTOCOL;
	ca->state = DONE;
	return 0;
}

int cr_ca_step(struct cr_ca *ca, const uint8_t *rsp, size_t len, uint16_t sw, struct cr_capdu *cmd)
{
	int r = advance(ca, rsp, len, sw, cmd);

	if (r < 0) {
		ca->state = BROKEN;
		cr_sm_wipe(&ca->sm);
	}
	return r;
}
