// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include "eid/kdf.h"
#include "eid/ta.h"
#include "iso7816/sw.h"
#include "iso7816/tlv.h"

enum { START, SET_DST, VERIFY, SET_AT, CHALLENGE, AUTHENTICATE, DONE, BROKEN };

#define CHALLENGE_LEN	8
#define DO_NAME		0x83

int cr_ta_compress(bool ec, const uint8_t *public_key, size_t len, uint8_t out[CR_FIELD_MAX],
		   size_t *out_len)
{
	if (!ec) {
		*out_len = 20;
		return cr_sha1(public_key, len, out);
	}
	if (len < 3 || !(len & 1))
		return CR_E_CRYPTO;
	*out_len = (len - 1) / 2;
	memcpy(out, public_key + 1, *out_len);
	return 0;
}

int cr_ta_init(struct cr_ta *ta, int version, const cr_terminal_t *terminal,
	       const struct cr_cvc_name *authorities, size_t n, const struct cr_ta_binding *binding)
{
	memset(ta, 0, sizeof(*ta));
	ta->version = version;
	cr_buf_init(&ta->cmd);
	ta->terminal = terminal;
	ta->binding = *binding;
	ta->n = cr_terminal_chain(terminal, authorities, n, ta->chain);
	return ta->n ? 0 : CR_E_NOT_FOUND;
}

void cr_ta_clear(struct cr_ta *ta)
{
	cr_buf_free(&ta->cmd);
	free(ta->sig);
	memset(ta, 0, sizeof(*ta));
}

uint8_t cr_ta_rights(const struct cr_ta *ta)
{
	uint8_t rights = ta->n ? 0xff : 0;

	for (size_t i = 0; i < ta->n; i++)
		rights &= ta->chain[i]->rights;
	return rights;
}

const char *cr_ta_name(const struct cr_ta *ta)
{
	return ta->chain[ta->n - 1]->algorithm->names[ta->version - 1];
}

static int mse(struct cr_ta *ta, uint8_t p2, struct cr_capdu *cmd)
{
	if (ta->cmd.err)
		return ta->cmd.err;
	*cmd = (struct cr_capdu){
		.ins = 0x22, .p1 = 0x81, .p2 = p2, .data = ta->cmd.data, .lc = ta->cmd.len
	};
	return 1;
}

static int set_dst(struct cr_ta *ta, struct cr_capdu *cmd)
{
	const struct cr_cvc_name *by = &ta->chain[ta->at]->authority;

	cr_buf_free(&ta->cmd);
	cr_tlv_put(&ta->cmd, DO_NAME, by->text, by->len);
	return mse(ta, 0xb6, cmd);
}

/* B.14.1: 83 the terminal's key; version 2: 80 its algorithm, and 67 and 91, which will be signed. */
static int set_at(struct cr_ta *ta, struct cr_capdu *cmd)
{
	const struct cr_cvc *own = ta->chain[ta->n - 1];
	const struct cr_ta_binding *b = &ta->binding;

	cr_buf_free(&ta->cmd);
	if (ta->version == 2)
		cr_tlv_put(&ta->cmd, 0x80, own->algorithm->oid, sizeof(own->algorithm->oid));
	cr_tlv_put(&ta->cmd, DO_NAME, own->holder.text, own->holder.len);
	if (ta->version == 2) {
		cr_buf_put(&ta->cmd, b->auxiliary, b->auxiliary_len);
		cr_tlv_put(&ta->cmd, 0x91, b->ephemeral, b->ephemeral_len);
	}
	return mse(ta, 0xa4, cmd);
}

/* The certificate's body and signature, without what is around both. */
static int verify(struct cr_ta *ta, struct cr_capdu *cmd)
{
	const struct cr_cvc *c = ta->chain[ta->at++];

	cr_buf_free(&ta->cmd);
	cr_buf_put(&ta->cmd, c->body, c->body_len);
	if (cr_buf_put(&ta->cmd, c->signature, c->signature_len))
		return ta->cmd.err;
	*cmd = (struct cr_capdu){ .ins = 0x2a, .p2 = 0xbe, .data = ta->cmd.data, .lc = ta->cmd.len };
	return 1;
}

/* s = Sign(SK, ID_PICC || r || Comp(ephemeral key) || A_PCD); the last in version 2 alone */
static int authenticate(struct cr_ta *ta, const uint8_t *challenge, struct cr_capdu *cmd)
{
	struct cr_buf b;
	int err;

	cr_buf_init(&b);
	cr_buf_put(&b, ta->binding.chip, ta->binding.chip_len);
	cr_buf_put(&b, challenge, CHALLENGE_LEN);
	err = cr_buf_put(&b, ta->binding.ephemeral, ta->binding.ephemeral_len);
	if (!err && ta->version == 2)
		err = cr_buf_put(&b, ta->binding.auxiliary, ta->binding.auxiliary_len);
	if (!err)
		err = cr_terminal_sign(ta->terminal, ta->chain[ta->n - 1]->algorithm, b.data, b.len,
				       &ta->sig, &ta->sig_len);
	cr_buf_free(&b);
	if (err)
		return err;
	*cmd = (struct cr_capdu){ .ins = 0x82, .data = ta->sig, .lc = ta->sig_len };
	return 1;
}

static int advance(struct cr_ta *ta, const uint8_t *rsp, size_t len, uint16_t sw,
		   struct cr_capdu *cmd)
{
	if (ta->state != START && sw != CR_SW_OK)
		return CR_E_ACCESS_REFUSED;
	switch (ta->state) {
	case START:
	case VERIFY:
		if (ta->at < ta->n) {
			ta->state = SET_DST;
			return set_dst(ta, cmd);
		}
		ta->state = SET_AT;
		return set_at(ta, cmd);
	case SET_DST:
		ta->state = VERIFY;
		return verify(ta, cmd);
	case SET_AT:
		ta->state = CHALLENGE;
		*cmd = (struct cr_capdu){ .ins = 0x84, .le = CHALLENGE_LEN };
		return 1;
	case CHALLENGE:
		if (len != CHALLENGE_LEN)
			return CR_E_CARD_PROTOCOL;
		ta->state = AUTHENTICATE;
		return authenticate(ta, rsp, cmd);
	case AUTHENTICATE:
		ta->state = DONE;
		return 0;
	}
	return CR_E_INTERNAL;
}

int cr_ta_step(struct cr_ta *ta, const uint8_t *rsp, size_t len, uint16_t sw, struct cr_capdu *cmd)
{
	int r = advance(ta, rsp, len, sw, cmd);

	if (r < 0)
		ta->state = BROKEN;
	return r;
}
