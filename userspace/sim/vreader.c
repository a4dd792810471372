// SPDX-License-Identifier: BSD-2-Clause
/*
 * The virtual reader: slots, message framing, the bulk-IN and interrupt queues, and time.
 * What each message means is in vreader_cmd.c; faults are in vreader_fault.c.
 *
 * A command lives in its slot from its arrival until its answer is queued: slot.busy, with the answer already
 * made but not yet due, or without one where it was told to hang. Nothing else has a timer.
 */
#include <stdlib.h>
#include <string.h>
#include "vreader_int.h"

static void declaration_defaults(struct vreader_config *c)
{
	c->vid = c->vid ? c->vid : 0x1209;
	c->pid = c->pid ? c->pid : 0xC1D0;
	c->bcd_device = c->bcd_device ? c->bcd_device : 0x0100;
	c->level = c->level ? c->level : VREADER_EXTENDED;
	if (!c->max_message)
		c->max_message = c->level == VREADER_EXTENDED ? 65554 : 271;
	/*
	 * CCID 1.1, 5.1: 02 parameters from the ATR, 08 voltage, 10 clock, 20 baud rate, 40 negotiation or
	 * 80 PPS, 400 IFSD exchange; a TPDU reader leaves the parameters to the host.
	 */
	if (!c->features)
		c->features = c->level == VREADER_TPDU ? 0x38 : 0x4BA;
	c->protocols = c->protocols ? c->protocols : c->level == VREADER_TPDU ? 1 : 3;
	c->max_ifsd = c->max_ifsd ? c->max_ifsd : 254;
	c->voltage = c->voltage ? c->voltage : 7;
}

static void config_defaults(struct vreader_config *c)
{
	static const uint16_t packet[] = {
		[VREADER_HIGH_SPEED] = 512, [VREADER_FULL_SPEED] = 64, [VREADER_SUPER_SPEED] = 1024,
	};

	c->manufacturer = c->manufacturer ? c->manufacturer : "cardring";
	c->product = c->product ? c->product : "Virtual Reader";
	c->interface_class = c->interface_class ? c->interface_class : 0x0B;
	c->slots = c->slots ? c->slots : 1;
	if (c->slots > VREADER_MAX_SLOTS)
		c->slots = VREADER_MAX_SLOTS;
	c->busy_slots = c->busy_slots && !c->busy_slots_zero ? c->busy_slots : 1;
	if (!c->as_declared)
		declaration_defaults(c);
	c->bulk_packet = c->bulk_packet ? c->bulk_packet : packet[c->speed];
	if (!c->interrupt_interval)
		c->interrupt_interval = c->speed == VREADER_FULL_SPEED ? 24 : 8;
	c->extension_ms = c->extension_ms ? c->extension_ms : 500;
}

struct vreader *vreader_new(const struct vreader_config *cfg)
{
	struct vreader *v = calloc(1, sizeof(*v));

	if (!v) {
		for (unsigned int i = 0; cfg->cards && i < (cfg->slots ? cfg->slots : 1); i++)
			vcard_free(cfg->cards[i]);
		return NULL;
	}
	v->cfg = *cfg;
	v->cfg.cards = NULL;
	config_defaults(&v->cfg);
	for (unsigned int i = 0; i < v->cfg.slots; i++)
		v->slot[i].card = cfg->cards ? cfg->cards[i] : vcard_echo_new(v->cfg.level);
	v->in_tail = &v->in;
	/* Room for a message that is too long by a packet, so that it can be told. */
	v->out_room = v->cfg.max_message + 1024;
	v->out = malloc(v->out_room);
	for (unsigned int i = 0; i < v->cfg.slots; i++) {
		if (!v->out || !v->slot[i].card) {
			vreader_free(v);
			return NULL;
		}
		v->slot[i].present = !(v->cfg.empty >> i & 1) && !vreader_slot_mute(v, i);
	}
	vreader_reset(v);
	return v;
}

void vreader_free(struct vreader *v)
{
	if (!v)
		return;
	vreader_reset(v);
	vreader_faults_clear(v);
	for (unsigned int i = 0; i < v->cfg.slots; i++)
		vcard_free(v->slot[i].card);
	free(v->out);
	free(v);
}

void vcard_free(struct vcard *card)
{
	if (card)
		card->ops->free(card);
}

const struct vreader_config *vreader_cfg(const struct vreader *v)
{
	return &v->cfg;
}

/* ---- slots ---- */

bool vreader_slot_mute(const struct vreader *v, unsigned int slot)
{
	return v->cfg.mute >> slot & 1;
}

static void chain_drop(struct vslot *s)
{
	free(s->chain_out);
	free(s->chain_in);
	s->chain_out = s->chain_in = NULL;
	s->chain_out_len = s->chain_in_len = s->chain_in_off = 0;
}

void vreader_slot_idle(struct vslot *s)
{
	free(s->answer);
	s->answer = NULL;
	vreader_pin_drop(s);
	s->busy = false;
	s->extend_left = 0;
}

void vreader_power_off(struct vreader *v, unsigned int slot)
{
	struct vslot *s = &v->slot[slot];

	if (s->powered && s->card)
		s->card->ops->power_off(s->card);
	s->powered = false;
	s->wtx = 0;
	s->clock = 1;	/* CCID 1.1, 6.2.2: stopped in state L */
	chain_drop(s);
	vreader_params_default(s);
}

void vreader_set_present(struct vreader *v, unsigned int slot, bool present, bool notify)
{
	struct vslot *s = &v->slot[slot];

	if (s->present == present)
		return;
	if (!present)
		vreader_power_off(v, slot);
	s->present = present;
	if (notify)
		s->changed = true;
}

void vreader_insert(struct vreader *v, unsigned int slot, struct vcard *card, uint64_t now)
{
	if (slot >= v->cfg.slots) {
		vcard_free(card);
		return;
	}
	v->now = now;
	if (!card) {
		vreader_set_present(v, slot, false, true);
		return;
	}
	vreader_set_present(v, slot, false, true);
	vcard_free(v->slot[slot].card);
	v->slot[slot].card = card;
	vreader_set_present(v, slot, true, true);
}

void vreader_reset(struct vreader *v)
{
	for (unsigned int i = 0; i < v->cfg.slots; i++) {
		struct vslot *s = &v->slot[i];

		vreader_slot_idle(s);
		vreader_power_off(v, i);
		s->abort_control = s->abort_bulk = false;
		/* CCID 1.1, 6.3.1: after a reset the CCID tells of each card that is in */
		s->changed = s->present;
	}
	while (v->late) {
		struct answer *a = v->late;

		v->late = a->next;
		free(a);
	}
	while (v->raw_int) {
		struct raw_int *r = v->raw_int;

		v->raw_int = r->next;
		free(r);
	}
	vreader_in_flush(v);
	v->out_len = 0;
	memset(v->halted, 0, sizeof(v->halted));
}

/* ---- bulk-OUT ---- */

static void tap(const struct vreader *v, const uint8_t *data, size_t len, bool in)
{
	if (v->cfg.tap && len)
		v->cfg.tap(v->cfg.tap_arg, data, len, in);
}

enum vreader_out vreader_bulk_out(struct vreader *v, const uint8_t *data, size_t len, bool zlp, uint64_t now)
{
	bool ended = zlp || len % v->cfg.bulk_packet || !len;
	size_t need, take;

	v->now = now;
	tap(v, data, len, false);
	if (v->halted[VREADER_BULK_OUT])
		return VREADER_OUT_STALL;
	if (!v->out_len && len) {
		if (vreader_fault_take(v, FAULT_STALLOUT, -1)) {
			v->halted[VREADER_BULK_OUT] = true;
			return VREADER_OUT_STALL;
		}
		if (vreader_fault_take(v, FAULT_NAKOUT, -1))
			return VREADER_OUT_NAK;
	}
	if (!len && !v->out_len)
		return VREADER_OUT_TAKEN;	/* the zero-length packet behind a message already complete */

	take = v->out_room - v->out_len < len ? v->out_room - v->out_len : len;
	memcpy(v->out + v->out_len, data, take);
	v->out_len += take;
	if (v->out_len < CCID_HDR) {
		if (ended)
			v->out_len = 0;	/* not even a header: there is nothing to answer to */
		return VREADER_OUT_TAKEN;
	}
	need = CCID_HDR + (size_t)get_le32(v->out + 1);
	if (!ended && v->out_len < need && take == len)
		return VREADER_OUT_TAKEN;	/* more to come */
	vreader_message(v, v->out, v->out_len);
	v->out_len = 0;
	return VREADER_OUT_TAKEN;
}

/* ---- bulk-IN ---- */

void vreader_in_flush(struct vreader *v)
{
	while (v->in) {
		struct chunk *c = v->in;

		v->in = c->next;
		free(c);
	}
	v->in_tail = &v->in;
}

void vreader_queue_raw(struct vreader *v, const uint8_t *data, size_t len, bool end, bool stall)
{
	struct chunk *c = calloc(1, sizeof(*c) + len);

	if (!c)
		return;
	tap(v, data, len, true);
	if (len)
		memcpy(c->data, data, len);
	c->len = len;
	c->end = end;
	c->stall = stall;
	*v->in_tail = c;
	v->in_tail = &c->next;
}

static bool ends_with_zlp(const struct vreader *v, size_t len)
{
	if (len % v->cfg.bulk_packet)
		return true;	/* a short packet it is */
	if (v->cfg.zlp == VREADER_ZLP_AUTO)
		return len != v->cfg.max_message;
	return v->cfg.zlp == VREADER_ZLP_ALWAYS;
}

/* Queues one message as the faults want it. */
void vreader_emit(struct vreader *v, const uint8_t *orig, size_t len, const struct fault_set *fs)
{
	static const struct fault_set none;
	const struct fault *f;
	size_t room = len, i;
	uint8_t *msg;

	fs = fs ? fs : &none;
	if ((f = fault_met(fs, FAULT_OVERSIZE)) && v->cfg.max_message + (size_t)f->bytes > room)
		room = v->cfg.max_message + f->bytes;
	if ((f = fault_met(fs, FAULT_JUNK)) && (size_t)f->bytes > room)
		room = f->bytes;
	msg = calloc(1, room);
	if (!msg)
		return;
	memcpy(msg, orig, len);

	if (fault_met(fs, FAULT_OVERSIZE)) {
		memset(msg + len, 0xA5, room - len);
		len = room;
		put_le32(msg + 1, len - CCID_HDR);
	}
	if ((f = fault_met(fs, FAULT_WRONGSEQ)))
		msg[6] += f->value;
	if ((f = fault_met(fs, FAULT_WRONGSLOT)))
		msg[5] += f->value;
	if ((f = fault_met(fs, FAULT_TYPE)))
		msg[0] = f->value;
	if ((f = fault_met(fs, FAULT_STATUS)))
		msg[7] = f->value;
	if ((f = fault_met(fs, FAULT_LENGTH)))
		put_le32(msg + 1, get_le32(msg + 1) + (uint32_t)f->delta);
	if ((f = fault_met(fs, FAULT_SW)) && len >= CCID_HDR + 2) {
		msg[len - 2] = f->value >> 8;
		msg[len - 1] = f->value;
	}
	if ((f = fault_met(fs, FAULT_TRUNCATE)) && (size_t)f->bytes < len)
		len = f->bytes;
	if ((f = fault_met(fs, FAULT_JUNK))) {
		len = f->bytes;
		for (i = 0; i < len; i++)
			msg[i] = 0x5A ^ i * 29;
	}

	vreader_stamp_msg(v, msg, len, true);
	if (fault_met(fs, FAULT_ZLP))
		vreader_queue_raw(v, NULL, 0, true, false);
	f = fault_met(fs, FAULT_STALLIN);
	if (f)
		vreader_queue_raw(v, NULL, 0, false, true);
	if (f && !f->value) {
		free(msg);
		return;		/* the answer is lost with the stall */
	}
	f = fault_met(fs, FAULT_SPLIT);
	if (f && f->bytes > 0)
		for (i = 0; i < len; i += f->bytes)
			vreader_queue_raw(v, msg + i, len - i < (size_t)f->bytes ? len - i : (size_t)f->bytes,
					  true, false);
	else
		vreader_queue_raw(v, msg, len, ends_with_zlp(v, len), false);
	free(msg);
}

enum vreader_in vreader_in_peek(struct vreader *v, const uint8_t **data, size_t *len)
{
	struct chunk *c = v->in;

	if (v->halted[VREADER_BULK_IN])
		return VREADER_IN_STALL;
	if (!c)
		return VREADER_IN_NAK;
	if (c->stall) {
		v->halted[VREADER_BULK_IN] = true;
		return VREADER_IN_STALL;
	}
	*data = c->data + c->off;
	*len = c->len - c->off < v->cfg.bulk_packet ? c->len - c->off : v->cfg.bulk_packet;
	return VREADER_IN_PACKET;
}

static void chunk_pop(struct vreader *v)
{
	struct chunk *c = v->in;

	v->in = c->next;
	if (!v->in)
		v->in_tail = &v->in;
	free(c);
}

void vreader_in_ack(struct vreader *v)
{
	struct chunk *c = v->in;
	size_t n;

	if (!c)
		return;
	n = c->len - c->off < v->cfg.bulk_packet ? c->len - c->off : v->cfg.bulk_packet;
	c->off += n;
	if (n < v->cfg.bulk_packet || (c->off == c->len && !c->end))
		chunk_pop(v);
}

/* ---- interrupt ---- */

enum vreader_in vreader_interrupt(struct vreader *v, uint8_t *buf, size_t size, size_t *len)
{
	unsigned int bytes = 1 + (v->cfg.slots * 2 + 7) / 8;
	uint8_t msg[1 + VREADER_MAX_SLOTS / 4] = { RDR_NOTIFY_SLOT_CHANGE };
	bool any = false;

	if (vreader_fault_take(v, FAULT_STALLINT, -1))
		v->halted[VREADER_INTERRUPT] = true;
	if (v->halted[VREADER_INTERRUPT])
		return VREADER_IN_STALL;
	if (vreader_fault_take(v, FAULT_INTERROR, -1))
		return VREADER_IN_ERROR;
	if (v->raw_int) {
		struct raw_int *r = v->raw_int;

		*len = r->len < size ? r->len : size;
		memcpy(buf, r->data, *len);
		tap(v, buf, *len, true);
		v->raw_int = r->next;
		free(r);
		return VREADER_IN_PACKET;
	}
	/* CCID 1.1, 6.3.1: two bits a slot: present, changed */
	for (unsigned int i = 0; i < v->cfg.slots; i++) {
		msg[1 + i / 4] |= (v->slot[i].present | v->slot[i].changed << 1) << i % 4 * 2;
		any |= v->slot[i].changed;
	}
	if (!any)
		return VREADER_IN_NAK;
	for (unsigned int i = 0; i < v->cfg.slots; i++)
		v->slot[i].changed = false;
	*len = bytes < size ? bytes : size;
	memcpy(buf, msg, *len);
	tap(v, buf, *len, true);
	return VREADER_IN_PACKET;
}

void vreader_clear_halt(struct vreader *v, enum vreader_ep ep)
{
	if (!v->halted[ep])
		return;
	v->halted[ep] = false;
	if (ep == VREADER_BULK_OUT)
		v->out_len = 0;
	/* The stalled transfer is over: its rest, if it had begun, is gone with it. */
	if (ep == VREADER_BULK_IN && v->in && (v->in->stall || v->in->off))
		chunk_pop(v);
}

void vreader_set_halt(struct vreader *v, enum vreader_ep ep)
{
	v->halted[ep] = true;
}

bool vreader_halted(const struct vreader *v, enum vreader_ep ep)
{
	return v->halted[ep];
}

/* ---- time ---- */

/* A command that needs its card answers ICC_MUTE where the card is no longer there. */
static bool needs_card(uint8_t cmd)
{
	return cmd != PC_GET_SLOT_STATUS && cmd != PC_ICC_POWER_OFF && cmd != PC_ESCAPE && cmd != PC_MECHANICAL;
}

static void deliver(struct vreader *v, struct answer *a, bool gone)
{
	if (gone) {
		uint8_t mute[CCID_HDR];

		vreader_header(v, mute, a->msg[0], a->slot, a->msg[6], 0, CCID_E_ICC_MUTE);
		vreader_emit(v, mute, sizeof(mute), &a->faults);
	} else {
		vreader_emit(v, a->msg, a->len, &a->faults);
		if (fault_met(&a->faults, FAULT_TWICE))
			vreader_emit(v, a->msg, a->len, &a->faults);
	}
	free(a);
}

static void slot_tick(struct vreader *v, unsigned int i)
{
	struct vslot *s = &v->slot[i];
	struct answer *a;

	if (!s->busy)
		return;
	if (s->pin)
		vreader_pin_tick(v, i);
	a = s->answer;
	while (s->extend_left && s->extend_at <= v->now && (!a || s->extend_at < a->due)) {
		uint8_t msg[CCID_HDR];

		/* CCID 1.1, 6.2.6: bmCommandStatus 2, bError the multiplier of the waiting time */
		vreader_header(v, msg, vreader_reply_type(s->cmd), i, s->seq, 0, -1);
		msg[7] |= 0x80;
		msg[8] = 1;
		vreader_emit(v, msg, sizeof(msg), NULL);
		s->extend_at += s->extend_every;
		if (s->extend_left > 0)
			s->extend_left--;
	}
	if (a && a->due <= v->now) {
		s->answer = NULL;
		vreader_slot_idle(s);
		deliver(v, a, !s->present && needs_card(s->cmd));
	}
}

void vreader_tick(struct vreader *v, uint64_t now)
{
	v->now = now;
	for (unsigned int i = 0; i < v->cfg.slots; i++)
		slot_tick(v, i);
	for (struct answer **p = &v->late; *p;) {
		struct answer *a = *p;

		if (a->due > now) {
			p = &a->next;
			continue;
		}
		*p = a->next;
		deliver(v, a, false);
	}
}

uint64_t vreader_next(const struct vreader *v)
{
	uint64_t next = VREADER_NEVER;

	for (unsigned int i = 0; i < v->cfg.slots; i++) {
		const struct vslot *s = &v->slot[i];

		if (!s->busy)
			continue;
		if (s->answer && s->answer->due < next)
			next = s->answer->due;
		if (s->pin && s->pin->until < next)
			next = s->pin->until;
		if (s->extend_left && s->extend_at < next)
			next = s->extend_at;
	}
	for (const struct answer *a = v->late; a; a = a->next)
		if (a->due < next)
			next = a->due;
	return next;
}

/* ---- stamps ---- */

void vreader_stamp_msg(struct vreader *v, const uint8_t *msg, size_t len, bool in)
{
	struct vreader_stamp *st = &v->stamp[v->stamped++ % VREADER_STAMPS];

	*st = (struct vreader_stamp){ .ns = v->now, .len = len, .in = in };
	if (len >= CCID_HDR) {
		st->type = msg[0];
		st->slot = msg[5];
		st->seq = msg[6];
	}
}

void vreader_ready(struct vreader *v, uint64_t now)
{
	if (v->stamped - v->ready > VREADER_STAMPS)
		v->ready = v->stamped - VREADER_STAMPS;
	for (; v->ready < v->stamped; v->ready++) {
		struct vreader_stamp *st = &v->stamp[v->ready % VREADER_STAMPS];

		if (st->in)
			st->ns = now;
	}
}

size_t vreader_stamps(const struct vreader *v, struct vreader_stamp *out, size_t max, uint64_t *total)
{
	size_t have = v->stamped < VREADER_STAMPS ? v->stamped : VREADER_STAMPS;
	size_t n = have < max ? have : max;

	for (size_t i = 0; i < n; i++)
		out[i] = v->stamp[(v->stamped - n + i) % VREADER_STAMPS];
	*total = v->stamped;
	return n;
}
