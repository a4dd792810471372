// SPDX-License-Identifier: BSD-2-Clause
/*
 * The VSCard protocol, the card's side. The order that ccid-card-passthru wants: Init, its Init; ReaderAdd, its
 * Error (code 0: success); then ATR, which puts a card in, and CardRemove, which takes it out.
 *
 * What this door cannot do: the reader's power and reset do not reach the card. QEMU answers
 * PC_to_RDR_IccPowerOn itself from the ATR it was given, and has no message by which to pass on PowerOn or
 * PowerOff. So a card behind this door keeps its selected file and its secure messaging over a reset that a real
 * card would not survive; volatile state is lost only when the card is taken out and put in. A session that was
 * left open does not get in the next program's way: a strict card ends secure messaging at the first plain command
 * (ICAO 9303-11, 9.8), as real chips do. Behaviour at reset is tested through the USB/IP door.
 */
#include <stdlib.h>
#include <string.h>
#include "vscard_wire.h"

#define HDR		12
#define VERSION		2
#define READER		0		/* the only one there is */
#define UNDEFINED	0xFFFFFFFFu	/* as long as it is not added */
#define MAX_BODY	65600		/* an extended command and its header; QEMU's buffer has 64 KiB */

enum state { WAIT_INIT, WAIT_ADDED, READY };

struct vscard {
	struct vscard_card card;
	enum state state;
	bool in, shown;		/* where the card is, and where QEMU was told it is */
	uint8_t inbuf[HDR + MAX_BODY];
	size_t in_len;
	uint8_t *out;
	size_t out_off, out_len, out_room;
	uint8_t rsp[65538];
};

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void put_be32(uint8_t *p, uint32_t x)
{
	p[0] = x >> 24; p[1] = x >> 16; p[2] = x >> 8; p[3] = x;
}

static void message(struct vscard *v, enum vsc_type type, uint32_t reader, const void *body, size_t len)
{
	size_t need = v->out_len + HDR + len;
	uint8_t *p = v->out;

	if (need > v->out_room) {
		p = realloc(v->out, need * 2);
		if (!p)
			return;
		v->out = p;
		v->out_room = need * 2;
	}
	p += v->out_len;
	put_be32(p, type);
	put_be32(p + 4, reader);
	put_be32(p + 8, len);
	if (len)
		memcpy(p + HDR, body, len);
	v->out_len = need;
}

struct vscard *vscard_new(const struct vscard_card *card)
{
	/* magic, version, no capabilities */
	static const uint8_t init[12] = { 'V', 'S', 'C', 'D', 0, 0, 0, VERSION };
	struct vscard *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->card = *card;
	message(v, VSC_INIT, UNDEFINED, init, sizeof(init));
	return v;
}

void vscard_free(struct vscard *v)
{
	if (!v)
		return;
	if (v->shown)
		v->card.power_off(v->card.arg);
	free(v->out);
	free(v);
}

/* Tells QEMU where the card is, once it is ready to hear it. */
static void show(struct vscard *v)
{
	const uint8_t *atr;
	size_t len = 0;

	if (v->state != READY || v->in == v->shown)
		return;
	v->shown = v->in;
	if (v->in) {
		atr = v->card.power_on(v->card.arg, &len);
		message(v, VSC_ATR, READER, atr, len);
	} else {
		v->card.power_off(v->card.arg);
		message(v, VSC_CARD_REMOVE, READER, NULL, 0);
	}
}

void vscard_insert(struct vscard *v, bool in)
{
	v->in = in;
	show(v);
}

static int handle(struct vscard *v, uint32_t type, const uint8_t *body, size_t len)
{
	size_t n;

	switch (type) {
	case VSC_INIT:
		if (len < 8 || memcmp(body, "VSCD", 4))
			return -1;
		if (v->state == WAIT_INIT) {
			v->state = WAIT_ADDED;
			message(v, VSC_READER_ADD, UNDEFINED, "cardring", 9);
		}
		return 0;
	case VSC_ERROR:		/* the answer to ReaderAdd, ATR and CardRemove */
		if (len < 4)
			return -1;
		if (v->state != WAIT_ADDED)
			return 0;
		if (get_be32(body))
			return -1;
		v->state = READY;
		show(v);
		return 0;
	case VSC_APDU:
		/* A command that crosses a CardRemove on its way: QEMU has answered it with ICC_MUTE already. */
		if (!v->shown)
			return 0;
		n = v->card.tpdu(v->card.arg, body, len, v->rsp, sizeof(v->rsp));
		message(v, VSC_APDU, READER, v->rsp, n);
		return 0;
	case VSC_FLUSH:
		message(v, VSC_FLUSH_COMPLETE, READER, NULL, 0);
		return 0;
	default:
		return 0;
	}
}

int vscard_feed(struct vscard *v, const uint8_t *data, size_t len)
{
	while (len) {
		size_t need = HDR, take;

		if (v->in_len >= HDR)
			need += get_be32(v->inbuf + 8);
		if (need > sizeof(v->inbuf))
			return -1;
		take = need - v->in_len < len ? need - v->in_len : len;
		memcpy(v->inbuf + v->in_len, data, take);
		v->in_len += take;
		data += take;
		len -= take;
		if (v->in_len < HDR || v->in_len < HDR + (size_t)get_be32(v->inbuf + 8))
			continue;
		v->in_len = 0;
		if (handle(v, get_be32(v->inbuf), v->inbuf + HDR, get_be32(v->inbuf + 8)) < 0)
			return -1;
	}
	return 0;
}

const uint8_t *vscard_pending(struct vscard *v, size_t *len)
{
	*len = v->out_len - v->out_off;
	return v->out + v->out_off;
}

void vscard_sent(struct vscard *v, size_t n)
{
	v->out_off += n;
	if (v->out_off == v->out_len)
		v->out_off = v->out_len = 0;
}
