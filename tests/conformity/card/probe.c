// SPDX-License-Identifier: BSD-2-Clause
#include "probe.h"

#include <string.h>
#include "sim.h"

void probe_reset(struct probe *p)
{
	size_t n;

	sim_card_power_on(p->card, false, &n);
	memset(&p->sm, 0, sizeof(p->sm));
	p->tamper = 0;
}

void probe_keys(struct probe *p, enum cipher c, const void *secret, size_t n, const uint8_t *ssc)
{
	memset(&p->sm, 0, sizeof(p->sm));
	p->sm.cipher = c;
	kdf(c, secret, n, 1, p->sm.enc);
	kdf(c, secret, n, 2, p->sm.mac);
	if (ssc)
		memcpy(p->sm.ssc, ssc, block_len(c));
	p->sm.on = true;
}

static void count(uint8_t *ssc, size_t n)
{
	while (n-- > 0 && ++ssc[n] == 0)
		;
}

/* ICAO 9303-11, 9.8.7: the initial vector is zero with 3DES, the encrypted counter with AES. */
static const uint8_t *first_vector(const struct session *s, uint8_t iv[16])
{
	memset(iv, 0, 16);
	if (s->cipher == C_3DES)
		return iv;
	memcpy(iv, s->ssc, 16);
	cbc(s->cipher, true, s->enc, NULL, iv, 16);
	return iv;
}

static void transmit(struct probe *p, const struct blob *cmd, struct blob *rsp)
{
	rsp->n = sim_card_apdu(p->card, cmd->b, cmd->n, rsp->b, sizeof(rsp->b));
	p->data.n = 0;
	p->unsound = NULL;
	p->sw = 0;
	if (rsp->n >= 2)
		p->sw = (uint16_t)(rsp->b[rsp->n - 2] << 8 | rsp->b[rsp->n - 1]);
}

void probe_raw(struct probe *p, const void *cmd, size_t n)
{
	struct blob c = { 0 }, rsp;

	put(&c, cmd, n);
	transmit(p, &c, &rsp);
	p->plain = true;
	if (rsp.n > 2)
		put(&p->data, rsp.b, rsp.n - 2);
}

/* Lc, data, Le in the one form or the other; le 0: all zeroes. */
static void finish(struct blob *cmd, const void *data, size_t lc, int le, bool extended)
{
	if (lc && extended)
		put(cmd, (const uint8_t[]){ 0, (uint8_t)(lc >> 8), (uint8_t)lc }, 3);
	else if (lc)
		put_byte(cmd, (unsigned int)lc);
	put(cmd, data, lc);
	if (le == NO_LE)
		return;
	if (extended && !lc)
		put_byte(cmd, 0);
	if (extended)
		put_byte(cmd, (unsigned int)le >> 8);
	put_byte(cmd, (unsigned int)le);
}

static void protect(struct probe *p, const uint8_t header[4], const void *data, size_t lc, int le, struct blob *cmd)
{
	struct session *s = &p->sm;
	size_t block = block_len(s->cipher);
	struct blob body = { 0 }, x = { 0 }, m = { 0 };
	uint8_t mac[8], iv[16];

	count(s->ssc, block);
	if (lc && !(p->tamper & NO_BODY)) {
		bool odd = header[1] & 1;

		if (!odd)
			put_byte(&x, 1);
		put(&x, data, lc);
		put_byte(&x, 0x80);
		while ((x.n - !odd) % block)
			put_byte(&x, 0);
		cbc(s->cipher, true, s->enc, first_vector(s, iv), x.b + !odd, x.n - !odd);
		put_in(&body, odd ? 0x85 : 0x87, &x);
	}
	if (le > 256)
		put_do(&body, 0x97, (const uint8_t[]){ (uint8_t)(le >> 8), (uint8_t)le }, 2);
	else if (le != NO_LE)
		put_do(&body, 0x97, (const uint8_t[]){ (uint8_t)le }, 1);
	put(&m, s->ssc, block);
	if (p->tamper & BAD_COUNTER)
		count(m.b, block);
	put(&m, header, 4);
	pad(&m, block);
	if (body.n) {
		put(&m, body.b, body.n);
		pad(&m, block);
	}
	mac8(s->cipher, s->mac, m.b, m.n, mac);
	if (p->tamper & BAD_MAC)
		mac[7] ^= 1;
	if (!(p->tamper & NO_MAC))
		put_do(&body, 0x8e, mac, 8);
	put(cmd, header, 4);
	finish(cmd, body.b, body.n, 0, body.n > 255 || le == 0 || le > 200);
}

/* 87 or 85, 99, 8E, in this order and nothing else (ICAO 9303-11, 9.8.2). NULL: it is right. */
static const char *unprotect(struct probe *p, uint8_t ins, const struct blob *rsp)
{
	struct session *s = &p->sm;
	size_t block = block_len(s->cipher), off = 0, n;
	struct part body = { 0 }, status, mac;
	uint8_t own[8], iv[16];
	struct blob m = { 0 };

	if (!part_at(rsp->b, rsp->n - 2, &status))
		return "no data objects";
	if (status.tag == (ins & 1 ? 0x85U : 0x87U)) {
		body = status;
		off = body.total;
	}
	if (!part_at(rsp->b + off, rsp->n - 2 - off, &status) || status.tag != 0x99 || status.n != 2)
		return "no status in 99";
	off += status.total;
	if (!part_at(rsp->b + off, rsp->n - 2 - off, &mac) || mac.tag != 0x8e || mac.n != 8 ||
	    off + mac.total != rsp->n - 2)
		return "no checksum in 8E, or something after it";
	count(s->ssc, block);
	put(&m, s->ssc, block);
	put(&m, rsp->b, off);
	pad(&m, block);
	mac8(s->cipher, s->mac, m.b, m.n, own);
	if (memcmp(own, mac.p, 8) != 0)
		return "wrong checksum";
	if ((status.p[0] << 8 | status.p[1]) != p->sw)
		return "two status words";
	if (!body.tag)
		return NULL;
	n = body.n - !(ins & 1);
	if ((!(ins & 1) && body.p[0] != 1) || !n || n % block)
		return "malformed cryptogram";
	put(&p->data, body.p + !(ins & 1), n);
	cbc(s->cipher, false, s->enc, first_vector(s, iv), p->data.b, n);
	while (n && !p->data.b[n - 1])
		n--;
	if (!n || p->data.b[n - 1] != 0x80)
		return "wrong padding";
	p->data.n = n - 1;
	return NULL;
}

void probe_send(struct probe *p, uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2, const void *data, size_t lc, int le)
{
	const uint8_t header[4] = { cla, ins, p1, p2 };
	bool protected = (cla & 0x0c) == 0x0c && p->sm.on;
	struct blob cmd = { 0 }, rsp;

	if (protected) {
		protect(p, header, data, lc, le, &cmd);
	} else {
		put(&cmd, header, 4);
		finish(&cmd, data, lc, le, lc > 255 || le > 256);
	}
	transmit(p, &cmd, &rsp);
	p->tamper = 0;
	p->plain = !protected || rsp.n <= 2;
	if (!p->plain)
		p->unsound = unprotect(p, ins, &rsp);
	else if (rsp.n > 2)
		put(&p->data, rsp.b, rsp.n - 2);
}
