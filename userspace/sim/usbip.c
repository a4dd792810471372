// SPDX-License-Identifier: BSD-2-Clause
/*
 * The device side of USB/IP: URBs in and out (Documentation/usb/usbip_protocol.rst). All fields are big-endian;
 * every header has 48 bytes.
 *
 * An OUT URB is offered to its reader at once, and waits only where the endpoint does not take it. An IN URB
 * waits in its endpoint's queue and is filled packet by packet, as a host controller would fill it, so that
 * short packets, zero-length packets and babble are what they are on a real bus (USB 2.0, 5.8.3 and 8.7.4).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "usbip_int.h"

#define HDR			48
#define CMD_SUBMIT		1
#define CMD_UNLINK		2
#define RET_SUBMIT		3
#define RET_UNLINK		4
#define DIR_IN			1
#define URB_SHORT_NOT_OK	0x0001
#define URB_ZERO_PACKET		0x0040
#define MAX_TRANSFER		(4u << 20)

struct urb {
	struct urb *next;
	uint32_t seqnum, flags, len, got;
	uint8_t setup[8];
	uint8_t data[];
};

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void put_be32(uint8_t *p, uint32_t x)
{
	p[0] = x >> 24; p[1] = x >> 16; p[2] = x >> 8; p[3] = x;
}

int usbip_function_of(const struct usbip_dev *d, unsigned int number, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (d->fn[i].number == number)
			return i;
	return -1;
}

/* What it asks for; where one before it has that, the first that none before it has. */
static unsigned int interface_number(const struct usbip_dev *d, unsigned int fn)
{
	unsigned int wanted = vreader_cfg(d->fn[fn].reader)->interface_number, number = 0;

	if (usbip_function_of(d, wanted, fn) < 0)
		return wanted;
	while (usbip_function_of(d, number, fn) >= 0)
		number++;
	return number;
}

struct usbip_dev *usbip_dev_new(struct vreader *const *readers, unsigned int n)
{
	struct usbip_dev *d;

	if (!n || n > USBIP_MAX_FUNCTIONS)
		return NULL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->functions = n;
	for (unsigned int i = 0; i < n; i++) {
		d->fn[i].reader = readers[i];
		d->fn[i].number = interface_number(d, i);
		if (d->fn[i].number >= USBIP_MAX_INTERFACES) {
			free(d);
			return NULL;
		}
	}
	return d;
}

void usbip_dev_free(struct usbip_dev *d)
{
	if (!d)
		return;
	for (unsigned int i = 0; i < d->functions; i++)
		for (int ep = 0; ep < 3; ep++)
			while (d->fn[i].queue[ep]) {
				struct urb *u = d->fn[i].queue[ep];

				d->fn[i].queue[ep] = u->next;
				free(u);
			}
	free(d->in);
	free(d->out);
	free(d);
}

int usbip_ep_number(const struct usbip_dev *d, unsigned int fn, enum vreader_ep ep)
{
	const struct vreader_config *c = vreader_cfg(d->fn[fn].reader);

	if (ep == VREADER_INTERRUPT ? c->no_interrupt : c->no_bulk)
		return -1;
	return 3 * fn + 1 + ep;
}

bool usbip_ep_find(const struct usbip_dev *d, uint8_t address, unsigned int *fn, enum vreader_ep *ep)
{
	unsigned int n = address & 0x0F;

	if (!n || (n - 1) / 3 >= d->functions)
		return false;
	*fn = (n - 1) / 3;
	*ep = (n - 1) % 3;
	return usbip_ep_number(d, *fn, *ep) > 0 && (address >> 7) == (*ep != VREADER_BULK_OUT);
}

/* ---- answers ---- */

static uint8_t *reserve(uint8_t **buf, size_t *room, size_t need)
{
	uint8_t *p;

	if (need <= *room)
		return *buf;
	need += need / 2;
	p = realloc(*buf, need);
	if (p) {
		*buf = p;
		*room = need;
	}
	return p;
}

static void reply(struct usbip_dev *d, uint32_t command, uint32_t seqnum, int status, uint32_t actual,
		  const uint8_t *data, size_t len)
{
	uint8_t *p;

	if (!reserve(&d->out, &d->out_room, d->out_len + HDR + len)) {
		d->broken = true;
		return;
	}
	p = d->out + d->out_len;
	memset(p, 0, HDR);	/* devid, direction and ep are zero in answers */
	put_be32(p, command);
	put_be32(p + 4, seqnum);
	put_be32(p + 20, status);
	if (command == RET_SUBMIT)
		put_be32(p + 24, actual);
	if (len)
		memcpy(p + HDR, data, len);
	d->out_len += HDR + len;
}

const uint8_t *usbip_dev_pending(struct usbip_dev *d, size_t *len)
{
	*len = d->out_len - d->out_off;
	return d->out + d->out_off;
}

void usbip_dev_sent(struct usbip_dev *d, size_t n)
{
	d->out_off += n;
	if (d->out_off == d->out_len)
		d->out_off = d->out_len = 0;
}

/* Takes the oldest URB off a queue and completes it. */
static void complete_in(struct usbip_dev *d, struct urb **queue, int status)
{
	struct urb *u = *queue;

	*queue = u->next;
	if (!status && u->flags & URB_SHORT_NOT_OK && u->got < u->len)
		status = -EREMOTEIO;
	reply(d, RET_SUBMIT, u->seqnum, status, u->got, u->data, u->got);
	free(u);
}

/* ---- endpoints ---- */

static void pump_bulk_in(struct usbip_dev *d, struct usbip_function *f)
{
	struct urb **q = &f->queue[VREADER_BULK_IN];
	uint16_t packet = vreader_cfg(f->reader)->bulk_packet;
	const uint8_t *data;
	size_t n;

	while (*q) {
		struct urb *u = *q;

		switch (vreader_in_peek(f->reader, &data, &n)) {
		case VREADER_IN_NAK:
			return;
		case VREADER_IN_STALL:
			complete_in(d, q, -EPIPE);
			continue;
		case VREADER_IN_ERROR:
			complete_in(d, q, -EPROTO);
			continue;
		case VREADER_IN_PACKET:
			break;
		}
		if (n > u->len - u->got) {
			/* babble: the packet does not fit; it was not acknowledged, so it stays */
			complete_in(d, q, -EOVERFLOW);
			continue;
		}
		memcpy(u->data + u->got, data, n);
		u->got += n;
		vreader_in_ack(f->reader);
		if (n < packet || u->got == u->len)
			complete_in(d, q, 0);
	}
}

static void pump_interrupt(struct usbip_dev *d, struct usbip_function *f)
{
	struct urb **q = &f->queue[VREADER_INTERRUPT];
	uint8_t msg[64];
	size_t n;

	while (*q) {
		struct urb *u = *q;

		switch (vreader_interrupt(f->reader, msg, sizeof(msg), &n)) {
		case VREADER_IN_NAK:
			return;
		case VREADER_IN_STALL:
			complete_in(d, q, -EPIPE);
			break;
		case VREADER_IN_ERROR:
			complete_in(d, q, -EPROTO);
			break;
		case VREADER_IN_PACKET:
			u->got = n < u->len ? n : u->len;
			memcpy(u->data, msg, u->got);
			complete_in(d, q, n > u->len ? -EOVERFLOW : 0);
			break;
		}
	}
}

static void pump_bulk_out(struct usbip_dev *d, struct usbip_function *f)
{
	struct urb **q = &f->queue[VREADER_BULK_OUT];
	struct urb *u = *q;
	enum vreader_out r;

	/* An endpoint that took nothing goes on taking nothing, until it is halted or the URB is unlinked. */
	if (u && vreader_halted(f->reader, VREADER_BULK_OUT))
		while ((u = *q)) {
			*q = u->next;
			reply(d, RET_SUBMIT, u->seqnum, -EPIPE, 0, NULL, 0);
			free(u);
		}
	while ((u = *q) && !u->got) {
		bool zlp = u->flags & URB_ZERO_PACKET && u->len && u->len % vreader_cfg(f->reader)->bulk_packet == 0;

		r = vreader_bulk_out(f->reader, u->data, u->len, zlp, d->now);
		if (r == VREADER_OUT_NAK) {
			u->got = 1;	/* refused once: stays */
			return;
		}
		*q = u->next;
		reply(d, RET_SUBMIT, u->seqnum, r == VREADER_OUT_STALL ? -EPIPE : 0,
		      r == VREADER_OUT_STALL ? 0 : u->len, NULL, 0);
		free(u);
	}
}

static void pump(struct usbip_dev *d)
{
	for (unsigned int i = 0; i < d->functions; i++) {
		pump_bulk_out(d, &d->fn[i]);
		pump_bulk_in(d, &d->fn[i]);
		pump_interrupt(d, &d->fn[i]);
	}
}

/* ---- requests ---- */

static void submit_control(struct usbip_dev *d, uint32_t seqnum, uint32_t flags, const uint8_t *setup,
			   const uint8_t *out, uint32_t len, bool in)
{
	uint16_t want = setup[6] | setup[7] << 8;
	uint8_t *data = calloc(1, len + 1u);
	int n;

	if (!data) {
		d->broken = true;
		return;
	}
	/* The setup packet's direction and length rule; the URB's must agree with them. */
	if ((want && in != setup[0] >> 7) || want != len)
		n = -1;
	else
		n = usbip_control(d, setup, out, data, in ? len : 0);
	if (n < 0)
		reply(d, RET_SUBMIT, seqnum, -EPIPE, 0, NULL, 0);
	else if (in)
		reply(d, RET_SUBMIT, seqnum, flags & URB_SHORT_NOT_OK && (uint32_t)n < len ? -EREMOTEIO : 0, n, data, n);
	else
		reply(d, RET_SUBMIT, seqnum, 0, len, NULL, 0);
	free(data);
}

static void submit(struct usbip_dev *d, const uint8_t *h, const uint8_t *out, uint32_t len)
{
	bool in = get_be32(h + 12) == DIR_IN;
	uint32_t seqnum = get_be32(h + 4), flags = get_be32(h + 20), n = get_be32(h + 16);
	enum vreader_ep ep;
	unsigned int fn;
	struct urb *u, **p;

	if (n == 0) {
		submit_control(d, seqnum, flags, h + 40, out, len, in);
		return;
	}
	if (n > 15 || !d->configuration || !usbip_ep_find(d, n | (in ? 0x80 : 0), &fn, &ep)) {
		reply(d, RET_SUBMIT, seqnum, -EPIPE, 0, NULL, 0);
		return;
	}
	u = calloc(1, sizeof(*u) + len);
	if (!u) {
		d->broken = true;
		return;
	}
	u->seqnum = seqnum;
	u->flags = flags;
	u->len = len;
	if (!in && len)
		memcpy(u->data, out, len);
	for (p = &d->fn[fn].queue[ep]; *p; p = &(*p)->next)
		;
	*p = u;
}

static void unlink_urb(struct usbip_dev *d, uint32_t seqnum, uint32_t victim)
{
	for (unsigned int i = 0; i < d->functions; i++)
		for (int ep = 0; ep < 3; ep++)
			for (struct urb **p = &d->fn[i].queue[ep]; *p; p = &(*p)->next)
				if ((*p)->seqnum == victim) {
					struct urb *u = *p;

					*p = u->next;
					free(u);
					/* It never gets a RET_SUBMIT: this is its completion. */
					reply(d, RET_UNLINK, seqnum, -ECONNRESET, 0, NULL, 0);
					return;
				}
	reply(d, RET_UNLINK, seqnum, 0, 0, NULL, 0);	/* it was complete already */
}

/* One whole request at h, if there is one in len bytes: its size, 0 (not yet whole), or -1. */
static long request(struct usbip_dev *d, const uint8_t *h, size_t len)
{
	uint32_t command, body, transfer;

	if (len < HDR)
		return 0;
	command = get_be32(h);
	if (command == CMD_UNLINK) {
		unlink_urb(d, get_be32(h + 4), get_be32(h + 20));
		return HDR;
	}
	transfer = get_be32(h + 24);
	if (command != CMD_SUBMIT || transfer > MAX_TRANSFER || get_be32(h + 12) > DIR_IN)
		return -1;
	body = get_be32(h + 12) == DIR_IN ? 0 : transfer;
	if (len < HDR + (size_t)body)
		return 0;
	submit(d, h, h + HDR, transfer);
	pump(d);
	return HDR + body;
}

int usbip_dev_feed(struct usbip_dev *d, const uint8_t *data, size_t len, uint64_t now)
{
	size_t off = 0;
	long n;

	d->now = now;
	if (!reserve(&d->in, &d->in_room, d->in_len + len))
		return -1;
	memcpy(d->in + d->in_len, data, len);
	d->in_len += len;
	while ((n = request(d, d->in + off, d->in_len - off)) > 0)
		off += n;
	memmove(d->in, d->in + off, d->in_len - off);
	d->in_len -= off;
	return n < 0 || d->broken ? -1 : 0;
}

void usbip_dev_tick(struct usbip_dev *d, uint64_t now)
{
	d->now = now;
	for (unsigned int i = 0; i < d->functions; i++)
		vreader_tick(d->fn[i].reader, now);
	pump(d);
}

void usbip_dev_ready(struct usbip_dev *d, uint64_t now)
{
	for (unsigned int i = 0; i < d->functions; i++)
		vreader_ready(d->fn[i].reader, now);
}

uint64_t usbip_dev_next(const struct usbip_dev *d)
{
	uint64_t next = VREADER_NEVER, n;

	for (unsigned int i = 0; i < d->functions; i++) {
		n = vreader_next(d->fn[i].reader);
		next = n < next ? n : next;
	}
	return next;
}

bool usbip_dev_unplugged(const struct usbip_dev *d)
{
	for (unsigned int i = 0; i < d->functions; i++)
		if (vreader_unplugged(d->fn[i].reader))
			return true;
	return false;
}
