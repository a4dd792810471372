// SPDX-License-Identifier: BSD-2-Clause
/* PC/SC's calls for one slot, one after the other: connection, power, APDUs. All of it blocks. */
#include <errno.h>
#include <string.h>
#include "ccid/t0.h"
#include "iso7816/atr.h"
#include "pcsc_int.h"

/* CCID 1.1, table 6.2-2 */
enum { ICC_MUTE = 0xfe, PROTOCOL_UNSUPPORTED = 0xf6 };

static bool is(long rv, long code)
{
	return (rv & 0xffffffffL) == code;
}

static int failed(struct pcsc_call *call, long rv)
{
	int err = cr_pcsc_errno(rv);

	if (err == -EREMOTEIO) {
		call->status = 0x40;
		call->error = is(rv, PCSC_E_PROTO_MISMATCH) || is(rv, PCSC_W_UNSUPPORTED_CARD) ?
			      PROTOCOL_UNSUPPORTED : ICC_MUTE;
	}
	return err;
}

static long context(struct pcsc_line *l)
{
	long rv = l->has_ctx ? 0 : l->api->establish(2, NULL, NULL, &l->ctx);

	l->has_ctx = !rv;
	return rv;
}

/* ---- connection ---- */

/* Any protocol first: which one it shall be is known once the card's ATR is. */
static long any_protocol(struct pcsc_line *l)
{
	static const unsigned long protocols[] = { PCSC_T0 | PCSC_T1, PCSC_T1, PCSC_T0 };
	long rv = PCSC_E_PROTO_MISMATCH;

	for (size_t i = 0; i < 3 && is(rv, PCSC_E_PROTO_MISMATCH); i++) {
		if (l->connected)
			rv = l->api->reconnect(l->card, PCSC_SHARE_EXCLUSIVE, protocols[i], PCSC_UNPOWER_CARD,
					       &l->protocol);
		else
			rv = l->api->connect(l->ctx, l->name, PCSC_SHARE_EXCLUSIVE, protocols[i], &l->card,
					     &l->protocol);
	}
	return rv;
}

static long connect_exclusive(struct pcsc_line *l)
{
	long rv = context(l);

	if (rv || l->connected)
		return rv;
	rv = any_protocol(l);
	l->connected = !rv;
	return rv;
}

/*
 * Where a power-up fails of a card that it had powered before, pcsc-lite (to 2 at least, SCardConnect) goes on without
 * an ATR and takes the card to be in use: no protocol is the card's then, in whatever connection, until one powers it
 * anew. That is a reconnect's to do, of a connection that asks for no protocol. It resets the card before it looks
 * whether another program has it too; that is asked first.
 */
static long connect_anew(struct pcsc_line *l)
{
	struct pcsc_state state = { .reader = l->name };
	long rv = l->api->status_change(l->ctx, 0, &state, 1);

	if (!rv && state.event & PCSC_STATE_INUSE)
		rv = PCSC_E_SHARING_VIOLATION;
	if (!rv)
		rv = l->api->connect(l->ctx, l->name, PCSC_SHARE_DIRECT, 0, &l->card, &l->protocol);
	if (rv)
		return rv;
	l->connected = true;
	rv = any_protocol(l);
	if (rv)
		cr_pcsc_disconnect(l, true);
	return rv;
}

/* For power-on, which is what a card that gives no connection is left to. */
static long connect_powered(struct pcsc_line *l)
{
	long rv = connect_exclusive(l);

	if (is(rv, PCSC_E_PROTO_MISMATCH) || is(rv, PCSC_W_UNRESPONSIVE_CARD))
		rv = connect_anew(l);
	return rv;
}

int cr_pcsc_connect(struct pcsc_line *l)
{
	return cr_pcsc_errno(connect_exclusive(l));
}

void cr_pcsc_disconnect(struct pcsc_line *l, bool power_off)
{
	if (l->connected)
		l->api->disconnect(l->card, power_off ? PCSC_UNPOWER_CARD : PCSC_LEAVE_CARD);
	l->connected = false;
}

/* ---- power ---- */

/*
 * From the driver, and only where that has none by SCardStatus: in pcsc-lite 1 that works on what all threads' contexts
 * share, without a lock, while the watcher waits in SCardGetStatusChange.
 */
static long get_atr(struct pcsc_line *l, struct pcsc_call *call)
{
	unsigned long state, protocol, len = PCSC_ATR_MAX, name_len = PCSC_NAME_MAX;
	char name[PCSC_NAME_MAX];
	long rv = l->api->attrib(l->card, PCSC_ATTR_ATR, call->rsp, &len);

	if (rv || !len) {
		len = PCSC_ATR_MAX;
		rv = l->api->status(l->card, name, &name_len, &state, &protocol, call->rsp, &len);
	}
	call->len = rv ? 0 : len;
	return rv;
}

/*
 * Cold, whatever was done with the card before. T=1 where the card has it: there extended APDUs pass, and answers come
 * whole. Where it fails after all, T=0 is left.
 */
static long power_up(struct pcsc_line *l, struct pcsc_call *call)
{
	struct cr_atr atr;
	bool t1, t0;
	long rv = get_atr(l, call);

	if (rv)
		return rv;
	t1 = t0 = true;
	if (!cr_atr_parse(call->rsp, call->len, &atr)) {
		t1 = atr.protocols >> 1 & 1;
		t0 = !atr.protocols || atr.protocols & 1;
	}
	rv = PCSC_E_PROTO_MISMATCH;
	if (t1)
		rv = l->api->reconnect(l->card, PCSC_SHARE_EXCLUSIVE, PCSC_T1, PCSC_UNPOWER_CARD, &l->protocol);
	if (t0 && (is(rv, PCSC_E_PROTO_MISMATCH) || is(rv, PCSC_W_UNRESPONSIVE_CARD)))
		rv = l->api->reconnect(l->card, PCSC_SHARE_EXCLUSIVE, PCSC_T0, PCSC_UNPOWER_CARD, &l->protocol);
	return rv ? rv : get_atr(l, call);
}

static uint32_t big_endian(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The value behind a tag in a list of tag, length, value; NULL. */
static const uint8_t *value_of(const uint8_t *list, size_t len, uint8_t tag, uint8_t value_len)
{
	for (size_t i = 0; i + 2 <= len && i + 2 + list[i + 1] <= len; i += 2 + (size_t)list[i + 1]) {
		if (list[i] == tag && list[i + 1] == value_len)
			return list + i + 2;
	}
	return NULL;
}

/* PC/SC part 10, 2.2 and 2.6.14; drivers that say nothing are taken to carry whatever APDU there is. */
static void learn_max(struct pcsc_line *l)
{
	uint8_t list[256];
	unsigned long len = 0, code;
	const uint8_t *v;

	l->knows_max = true;
	if (l->api->control(l->card, PCSC_CTL_GET_FEATURES, NULL, 0, list, sizeof(list), &len) || len > sizeof(list))
		return;
	v = value_of(list, len, PCSC_FEATURE_PROPERTIES, 4);
	if (!v)
		return;
	code = big_endian(v);
	len = 0;
	if (l->api->control(l->card, code, NULL, 0, list, sizeof(list), &len) || len > sizeof(list))
		return;
	v = value_of(list, len, PCSC_PROPERTY_MAX_APDU_DATA, 4);
	/* little-endian, as all of its numbers; 0: short APDUs */
	l->short_only = v && !(v[2] | v[3]) && (v[0] | v[1] << 8) <= 256;
}

int cr_pcsc_power_on(struct pcsc_line *l, struct pcsc_call *call)
{
	bool had = l->connected;
	long rv = connect_powered(l);

	if (!rv)
		rv = power_up(l, call);
	/* a connection from before the card was changed; or one that was left over */
	if (had && cr_pcsc_errno(rv) == -ENOMEDIUM) {
		cr_pcsc_disconnect(l, false);
		rv = connect_powered(l);
		if (!rv)
			rv = power_up(l, call);
	}
	if (rv) {
		cr_pcsc_disconnect(l, true);
		return failed(call, rv);
	}
	if (!l->knows_max)
		learn_max(l);
	return 0;
}

/* ---- APDUs ---- */

static long transmit(struct pcsc_line *l, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t room, size_t *n)
{
	const struct pcsc_pci pci = { l->protocol, sizeof(pci) };
	unsigned long got = room;
	long rv = l->api->transmit(l->card, &pci, cmd, len, NULL, rsp, &got);

	*n = rv ? 0 : got;
	/* of the protocol that it has agreed to: the card was powered anew meanwhile, or is another */
	return is(rv, PCSC_E_PROTO_MISMATCH) ? PCSC_W_RESET_CARD : rv;
}

/* PC/SC part 3: over T=0 a command goes without Le behind its data, and the response is fetched by the host. */
static int xfer_t0(struct pcsc_line *l, const uint8_t *cmd, size_t len, struct pcsc_call *call)
{
	uint8_t tpdu[CR_T0_TPDU_MAX], answer[CR_T0_ANSWER_MAX];
	struct cr_t0 t;
	size_t n;
	int more = cr_t0_begin(&t, cmd, len, call->rsp, PCSC_APDU_MAX), err = 0;

	if (more)
		return more == CR_E_TOO_LONG ? -EMSGSIZE : -EINVAL;
	do {
		long rv = transmit(l, tpdu, cr_t0_tpdu(&t, tpdu), answer, sizeof(answer), &n);

		if (rv)
			err = failed(call, rv);
		else
			more = cr_t0_answer(&t, answer, n);
	} while (!err && more > 0);
	explicit_bzero(tpdu, sizeof(tpdu));
	explicit_bzero(answer, sizeof(answer));
	if (!err && more)
		err = more == CR_E_TOO_LONG ? -EMSGSIZE : -EPROTO;
	call->len = t.len;	/* of one that broke off too: it is wiped */
	return err;
}

int cr_pcsc_xfer(struct pcsc_line *l, const uint8_t *cmd, size_t len, struct pcsc_call *call)
{
	long rv;

	if (!l->connected)
		return -ENOMEDIUM;
	if (l->protocol == PCSC_T0)
		return xfer_t0(l, cmd, len, call);
	rv = transmit(l, cmd, len, call->rsp, PCSC_APDU_MAX, &call->len);
	return rv ? failed(call, rv) : 0;
}
