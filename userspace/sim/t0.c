/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card at T=0: ISO/IEC 7816-3, 10.3 and 12.2. A TPDU is a header of five bytes, the fifth being P3, and either
 * data to the card or data from it, never both. Procedure bytes are the transport's affair (a CCID reader at TPDU
 * level hides them), so what comes back is data and SW1-SW2.
 *
 *   in and out (case 4)    61xx, then GET RESPONSE brings xx bytes, and 61yy while there is more
 *   out (case 2)           P3 = what there is: data and 9000; else 6Cxx and no data
 *
 * A response not fetched is lost with the next command. There is no Le beside Lc, so the card cannot check it.
 *
 * A C-APDU that no TPDU carries comes in the data of ENVELOPE commands (12.2.4; 7816-4, 11.6.2), each piece answered by
 * 9000: it is executed when it is there by its own length fields. Without this a card could not say, as these do, that
 * it takes extended length.
 */
#include "simcard.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#define ROOM	65538

struct sim_t0 {
	struct sim_card *card;
	uint8_t *rsp;		/* ROOM */
	size_t off, len;	/* response data not fetched yet */
	uint16_t sw;		/* what ends it */
	uint8_t *env;		/* ROOM: a C-APDU in pieces */
	size_t env_len;
};

struct sim_t0 *sim_t0_new(struct sim_card *card)
{
	struct sim_t0 *t0 = calloc(1, sizeof(*t0));

	if (!t0)
		return NULL;
	t0->rsp = malloc(ROOM);
	t0->env = malloc(ROOM);
	if (!t0->rsp || !t0->env) {
		sim_t0_free(t0);
		return NULL;
	}
	t0->card = card;
	return t0;
}

void sim_t0_free(struct sim_t0 *t0)
{
	if (!t0)
		return;
	free(t0->rsp);
	free(t0->env);
	free(t0);
}

static void forget(struct sim_t0 *t0)
{
	t0->off = t0->len = 0;
	t0->sw = 0;
}

void sim_t0_reset(struct sim_t0 *t0)
{
	forget(t0);
	t0->env_len = 0;
}

static size_t status(uint8_t *rsp, size_t n, uint16_t sw)
{
	rsp[n] = sw >> 8;
	rsp[n + 1] = sw & 0xff;
	return n + 2;
}

static uint16_t more(size_t n)
{
	return 0x6100 | (n > 255 ? 0 : n);
}

/* ISO/IEC 7816-4, 11.5 (GET RESPONSE); 7816-3, 12.2.1 */
static size_t get_response(struct sim_t0 *t0, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	size_t left = t0->len - t0->off, p3;
	uint16_t sw;

	if (len != 5)
		return status(rsp, 0, SW_LENGTH);
	if (cmd[0] != 0x00)	/* it is the transport's, so never under secure messaging */
		return status(rsp, 0, SW_CLA);
	if (cmd[2] || cmd[3])
		return status(rsp, 0, SW_P1P2);
	if (!left)
		return status(rsp, 0, SW_CONDITIONS);
	p3 = cmd[4] ? cmd[4] : 256;
	if (p3 > left)
		return status(rsp, 0, 0x6c00 | left);
	if (p3 + 2 > size)
		return 0;
	memcpy(rsp, t0->rsp + t0->off, p3);
	t0->off += p3;
	left -= p3;
	sw = left ? more(left) : t0->sw;
	if (!left)
		forget(t0);
	return status(rsp, p3, sw);
}

/* Without secure messaging these bring data out and take none in. */
static bool outgoing(const uint8_t *cmd)
{
	return (cmd[0] & 0x0c) == 0 && (cmd[1] == 0xb0 || cmd[1] == 0x84);
}

/* n bytes of the answer are in t0->rsp, of a command that does not bring them out at once. */
static size_t keep(struct sim_t0 *t0, size_t n, uint8_t *rsp)
{
	if (n < 2)
		return 0;
	n -= 2;
	t0->sw = (uint16_t)(t0->rsp[n] << 8 | t0->rsp[n + 1]);
	if (!n)
		return status(rsp, 0, t0->sw);
	t0->len = n;
	return status(rsp, 0, more(n));
}

/* 7816-3, 12.1.3: is the C-APDU there, as far as its Lc tells? What may follow that is its Le. */
static bool whole(const uint8_t *c, size_t n)
{
	if (n < 7)
		return false;
	return n >= (c[4] ? 5u + c[4] : 7 + ((size_t)c[5] << 8 | c[6]));
}

static size_t envelope(struct sim_t0 *t0, const uint8_t *cmd, size_t len, uint8_t *rsp)
{
	size_t n = len - 5;

	forget(t0);
	if (cmd[0] != 0x00 || cmd[2] || cmd[3] || !n || n != cmd[4] || t0->env_len + n > ROOM) {
		t0->env_len = 0;
		return status(rsp, 0, cmd[0] ? SW_CLA : cmd[2] || cmd[3] ? SW_P1P2 : SW_LENGTH);
	}
	memcpy(t0->env + t0->env_len, cmd + 5, n);
	t0->env_len += n;
	if (!whole(t0->env, t0->env_len))
		return status(rsp, 0, SW_OK);
	n = sim_card_apdu(t0->card, t0->env, t0->env_len, t0->rsp, ROOM);
	OPENSSL_cleanse(t0->env, t0->env_len);
	t0->env_len = 0;
	return keep(t0, n, rsp);
}

size_t sim_t0_tpdu(struct sim_t0 *t0, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	struct sim_apdu a = { 0 };
	size_t n, p3;
	uint16_t sw;

	if (!t0->card->powered || size < 2)
		return 0;
	if (len >= 5 && cmd[1] == 0xc0)
		return get_response(t0, cmd, len, rsp, size);
	if (len >= 5 && cmd[1] == 0xc2)
		return envelope(t0, cmd, len, rsp);
	sim_t0_reset(t0);
	if (len < 5)
		return status(rsp, 0, SW_LENGTH);
	a.cla = cmd[0];
	a.ins = cmd[1];
	a.p1 = cmd[2];
	a.p2 = cmd[3];
	p3 = cmd[4];
	if (outgoing(cmd)) {
		if (len != 5)
			return status(rsp, 0, SW_LENGTH);
		a.le = p3 ? p3 : 256;
		a.le_all = !p3;
	} else {
		if (len != 5 + p3)
			return status(rsp, 0, SW_LENGTH);
		a.data = p3 ? cmd + 5 : NULL;
		a.lc = p3;
		a.le_implied = true;
		/* Under secure messaging and in the two authentications there is an answer to fetch. */
		if ((a.cla & 0x0c) || a.ins == 0x86 || a.ins == 0x82 || a.ins == 0xb1 || (a.ins == 0xa4 && a.p2 != 0x0c)) {
			a.le = 65536;
			a.le_all = true;
		}
	}
	n = sim_card_process(t0->card, &a, t0->rsp, ROOM);
	if (!outgoing(cmd))
		return keep(t0, n, rsp);
	if (n < 2)
		return 0;
	n -= 2;
	sw = (uint16_t)(t0->rsp[n] << 8 | t0->rsp[n + 1]);
	if (!n)
		return status(rsp, 0, sw);
	if (n < a.le)	/* READ BINARY and GET CHALLENGE can be asked again */
		return status(rsp, 0, 0x6c00 | n);
	if (n + 2 > size)
		return 0;
	memcpy(rsp, t0->rsp, n);
	return status(rsp, n, sw);
}
