// SPDX-License-Identifier: BSD-2-Clause
/*
 * The virtual reader: what each PC_to_RDR message does (CCID 1.1, 6.1), and the class requests on the control
 * pipe (5.3). A command's effect happens when it arrives; its answer is made then and given when it is due.
 */
#include <stdlib.h>
#include <string.h>
#include "vreader_int.h"

static const struct result unsupported = { .error = CCID_E_UNSUPPORTED };

static struct result fail(int error)
{
	return (struct result){ .error = error };
}

uint8_t vreader_reply_type(uint8_t cmd)
{
	switch (cmd) {
	case PC_ICC_POWER_ON:
	case PC_XFR_BLOCK:
	case PC_SECURE:
		return RDR_DATA_BLOCK;
	case PC_GET_PARAMETERS:
	case PC_RESET_PARAMETERS:
	case PC_SET_PARAMETERS:
		return RDR_PARAMETERS;
	case PC_ESCAPE:
		return RDR_ESCAPE;
	case PC_SET_RATE_CLOCK:
		return RDR_RATE_CLOCK;
	default:
		return RDR_SLOT_STATUS;
	}
}

/* Ten bytes; bStatus from the slot's state now (6.2.6). Byte 9 is bClockStatus or 0: callers set others. */
size_t vreader_header(const struct vreader *v, uint8_t *msg, uint8_t type, unsigned int slot, uint8_t seq, size_t len,
		      int error)
{
	const struct vslot *s = slot < v->cfg.slots ? &v->slot[slot] : NULL;

	msg[0] = type;
	put_le32(msg + 1, len);
	msg[5] = slot;
	msg[6] = seq;
	msg[7] = !s || !s->present ? 2 : !s->powered;
	if (error >= 0)
		msg[7] |= 0x40;
	msg[8] = error >= 0 ? error : 0;
	msg[9] = type == RDR_SLOT_STATUS && s ? s->clock : 0;
	return CCID_HDR;
}

/* ---- the commands ---- */

static struct result power_on(struct vreader *v, struct vslot *s, const uint8_t *msg)
{
	struct result r = { .error = -1 };
	unsigned int select = msg[7];

	/* 6.1.1: 0 automatic, where dwFeatures has it; 1, 2, 3: 5, 3, 1.8 V, where bVoltageSupport has it */
	if (select > 3 || (select ? !(v->cfg.voltage >> (select - 1) & 1) : !(v->cfg.features & 0x08)))
		return fail(CCID_E_PARAM0);
	if (msg[8] || msg[9])
		return fail(CCID_E_PARAM1);
	if (!s->present)
		return fail(CCID_E_ICC_MUTE);
	vreader_power_off(v, s - v->slot);
	r.data = s->card->ops->power_on(s->card, &r.len);
	if (!r.data)
		return fail(CCID_E_ICC_MUTE);
	s->powered = true;
	s->clock = 0;
	vreader_params_from_atr(s, r.data, r.len);
	/* where the reader makes of the ATR what it says, by itself: it cannot for this card */
	if (v->cfg.level == VREADER_TPDU && v->cfg.features & 0x42 &&
	    !(v->cfg.protocols >> s->protocol & 1)) {
		vreader_power_off(v, s - v->slot);
		return fail(CCID_E_PROTOCOL);
	}
	if (v->cfg.level == VREADER_TPDU && !vreader_settle(v, s))
		return fail(CCID_E_ICC_MUTE);
	if (v->cfg.timing.rate)		/* the ATR's historical bytes are the ATS's: PC/SC part 3, 3.1.3.2.3.1 */
		r.card_ns = timing_activation_ns(&v->cfg.timing, r.len > 1 ? r.data[1] & 0x0F : 0);
	return r;
}

static struct result response_part(struct vreader *v, struct vslot *s, bool first)
{
	size_t left = s->chain_in_len - s->chain_in_off, most = v->cfg.max_message - CCID_HDR;
	struct result r = { .error = -1, .data = s->chain_in + s->chain_in_off };

	/* 6.2.1, bChainParameter: 1 begins, 3 goes on, 2 ends, 0 is all */
	if (left > most)
		r.param = first ? 1 : 3;
	else
		r.param = first ? 0 : 2;
	r.len = left < most ? left : most;
	s->chain_in_off += r.len;
	return r;
}

static uint64_t card_time(const struct vreader *v, const struct vcard *card, size_t cmd_len, size_t rsp_len)
{
	struct card_work work = { 0 };

	if (!v->cfg.timing.rate)
		return 0;
	if (card->ops->work)
		work = card->ops->work(card);
	return timing_exchange_ns(&v->cfg.timing, cmd_len, rsp_len, &work);
}

static struct result exchange(struct vreader *v, struct vslot *s, const uint8_t *cmd, size_t len)
{
	struct result r;
	unsigned int wait_ms = 0;
	uint64_t card_ns;
	size_t n;

	free(s->chain_in);
	s->chain_in = NULL;
	n = s->card->ops->exchange(s->card, cmd, len, v->rsp, sizeof(v->rsp), &wait_ms);
	if (!n)
		return fail(CCID_E_ICC_MUTE);
	card_ns = card_time(v, s->card, len, n);
	if (v->cfg.level != VREADER_EXTENDED) {
		/* Below extended APDUs nothing is chained: what does not fit has overrun the reader. */
		size_t most = v->cfg.level == VREADER_TPDU && s->protocol ? 3 + 254 + 2 : 256 + 2;

		if (n > most || n + CCID_HDR > v->cfg.max_message)
			return fail(CCID_E_OVERRUN);
		return (struct result){ .error = -1, .data = v->rsp, .len = n, .wait_ms = wait_ms,
					.card_ns = card_ns };
	}
	s->chain_in = malloc(n);
	if (!s->chain_in)
		return fail(CCID_E_OVERRUN);
	memcpy(s->chain_in, v->rsp, n);
	s->chain_in_len = n;
	s->chain_in_off = 0;
	r = response_part(v, s, true);
	r.wait_ms = wait_ms;
	r.card_ns = card_ns;
	return r;
}

static bool chain_append(struct vslot *s, const uint8_t *data, size_t len)
{
	uint8_t *p;

	if (s->chain_out_len + len > APDU_MAX)
		return false;
	p = realloc(s->chain_out, s->chain_out_len + len + 1);
	if (!p)
		return false;
	memcpy(p + s->chain_out_len, data, len);
	s->chain_out = p;
	s->chain_out_len += len;
	return true;
}

static struct result tpdu(struct vreader *v, struct vslot *s, const uint8_t *data, size_t len, uint8_t bwi)
{
	struct result r;

	if (!vreader_line_hears(s, data, bwi))
		return fail(CCID_E_ICC_MUTE);
	r = exchange(v, s, data, len);
	if (r.error < 0)
		vreader_line_heard(s, r.data, r.len);
	return r;
}

/* 6.1.4: wLevelParameter, meant for extended APDU level; RFU, so 0, at the others but character level. */
static struct result xfr_block(struct vreader *v, struct vslot *s, const uint8_t *msg, size_t len)
{
	unsigned int level = msg[8] | msg[9] << 8;
	const uint8_t *data = msg + CCID_HDR;
	struct result r;

	if (v->cfg.level == VREADER_CHARACTER)
		return unsupported;
	if (!s->present || !s->powered)
		return fail(CCID_E_ICC_MUTE);
	if (v->cfg.level != VREADER_EXTENDED) {
		if (level)
			return fail(CCID_E_PARAM1);
		if (v->cfg.level == VREADER_TPDU && len >= 3 && len <= 261)
			return tpdu(v, s, data, len, msg[7]);
		if (len < 4 || len > 261)
			return fail(CCID_E_LENGTH);
		return exchange(v, s, data, len);
	}
	switch (level) {
	case 0x0000:	/* all of the APDU */
		free(s->chain_out);
		s->chain_out = NULL;
		s->chain_out_len = 0;
		if (len < 4)
			return fail(CCID_E_LENGTH);
		return exchange(v, s, data, len);
	case 0x0001:	/* begins */
		s->chain_out_len = 0;
		break;
	case 0x0002:	/* ends */
	case 0x0003:	/* goes on */
		if (!s->chain_out)
			return fail(CCID_E_PARAM1);
		break;
	case 0x0010:	/* nothing more to say: the rest of the response, please */
		if (len)
			return fail(CCID_E_LENGTH);
		if (!s->chain_in || s->chain_in_off == s->chain_in_len)
			return fail(CCID_E_PARAM1);
		return response_part(v, s, false);
	default:
		return fail(CCID_E_PARAM1);
	}
	if (!chain_append(s, data, len))
		return fail(CCID_E_OVERRUN);
	if (level != 2)
		return (struct result){ .error = -1, .param = 0x10 };
	r = s->chain_out_len < 4 ? fail(CCID_E_LENGTH) : exchange(v, s, s->chain_out, s->chain_out_len);
	free(s->chain_out);
	s->chain_out = NULL;
	s->chain_out_len = 0;
	return r;
}

static struct result parameters(struct vslot *s)
{
	return (struct result){ .error = -1, .param = s->protocol, .data = s->params[s->protocol],
				.len = s->protocol ? 7 : 5 };
}

static struct result set_parameters(struct vreader *v, struct vslot *s, const uint8_t *msg, size_t len)
{
	unsigned int protocol = msg[7];
	int error;

	if (!s->present || !s->powered)
		return fail(CCID_E_ICC_MUTE);
	if (protocol > 1 || !(v->cfg.protocols >> protocol & 1))
		return fail(CCID_E_PARAM0);
	if (msg[8] || msg[9])
		return fail(CCID_E_PARAM1);
	if (len != (protocol ? 7 : 5))
		return fail(CCID_E_LENGTH);
	error = vreader_params_check(protocol, msg + CCID_HDR);
	if (error)
		return fail(error);
	if (v->cfg.level == VREADER_TPDU && v->cfg.features & 0xA0 && msg[CCID_HDR] != 0x11 &&
	    !vreader_has_rate(v, msg[CCID_HDR]))
		return fail(CCID_HDR);
	if (v->cfg.level == VREADER_TPDU && v->cfg.features & 0x80 && !vreader_pps(v, s, protocol, msg[CCID_HDR]))
		return fail(CCID_E_PROTOCOL);
	s->protocol = protocol;
	memcpy(s->params[protocol], msg + CCID_HDR, len);
	return parameters(s);
}

static struct result get_parameters(struct vslot *s, bool reset)
{
	if (!s->present || !s->powered)
		return fail(CCID_E_ICC_MUTE);
	if (reset) {
		uint8_t protocol = s->protocol;

		vreader_params_default(s);
		s->protocol = protocol;
	}
	return parameters(s);
}

static struct result icc_clock(struct vreader *v, struct vslot *s, const uint8_t *msg)
{
	if (!(v->cfg.features & 0x100))	/* 5.1: can stop the clock */
		return unsupported;
	if (msg[7] > 1)
		return fail(CCID_E_PARAM0);
	if (msg[8] || msg[9])
		return fail(CCID_E_PARAM1);
	if (!s->present || !s->powered)
		return fail(CCID_E_ICC_MUTE);
	s->clock = msg[7];	/* 0 restarts; 1 stops, in state L */
	return fail(-1);
}

static struct result set_rate_clock(struct vreader *v, struct vslot *s, const uint8_t *msg, size_t len)
{
	if (!v->cfg.nclocks && !v->cfg.nrates)
		return unsupported;
	if (len != 8)
		return fail(CCID_E_LENGTH);
	s->rate_clock = get_le32(msg + CCID_HDR) | (uint64_t)get_le32(msg + CCID_HDR + 4) << 32;
	put_le32(v->rsp, s->rate_clock);
	put_le32(v->rsp + 4, s->rate_clock >> 32);
	return (struct result){ .error = -1, .data = v->rsp, .len = 8 };
}

/* 6.1.11. Its answer comes when the user is through: vreader_pin_ends. */
static struct result secure(struct vreader *v, struct vslot *s, const uint8_t *msg, size_t len)
{
	if (!v->cfg.pin_support || v->cfg.level == VREADER_CHARACTER)
		return unsupported;
	if (msg[7])
		return fail(CCID_E_PARAM0);
	if (msg[8] || msg[9])
		return fail(CCID_E_PARAM1);
	if (!s->present || !s->powered)
		return fail(CCID_E_ICC_MUTE);
	return fail(vreader_pin_begin(v, s, msg, len));
}

/* Commands without data whose three specific bytes are RFU: anything else in them is an error. */
static int bare(const uint8_t *msg, size_t len)
{
	return len ? CCID_E_LENGTH : msg[7] ? CCID_E_PARAM0 : msg[8] || msg[9] ? CCID_E_PARAM1 : -1;
}

static struct result run(struct vreader *v, unsigned int slot, const uint8_t *msg, size_t len)
{
	struct vslot *s = &v->slot[slot];
	int error = bare(msg, len);

	switch (msg[0]) {
	case PC_ICC_POWER_ON:
		return len ? fail(CCID_E_LENGTH) : power_on(v, s, msg);
	case PC_ICC_POWER_OFF:
		if (error < 0)
			vreader_power_off(v, slot);
		return fail(error);
	case PC_GET_SLOT_STATUS:
		return fail(error);
	case PC_XFR_BLOCK:
		return xfr_block(v, s, msg, len);
	case PC_GET_PARAMETERS:
	case PC_RESET_PARAMETERS:
		return error >= 0 ? fail(error) : get_parameters(s, msg[0] == PC_RESET_PARAMETERS);
	case PC_SET_PARAMETERS:
		return set_parameters(v, s, msg, len);
	case PC_ESCAPE:
		if (v->cfg.no_escape)
			return unsupported;
		return (struct result){ .error = -1, .data = msg + CCID_HDR, .len = len };
	case PC_ICC_CLOCK:
		return len ? fail(CCID_E_LENGTH) : icc_clock(v, s, msg);
	case PC_T0_APDU:
		if (v->cfg.level == VREADER_TPDU || !(v->cfg.protocols & 1))
			return unsupported;
		return len ? fail(CCID_E_LENGTH) : msg[7] > 3 ? fail(CCID_E_PARAM0) : fail(-1);
	case PC_SET_RATE_CLOCK:
		return set_rate_clock(v, s, msg, len);
	case PC_SECURE:
		return secure(v, s, msg, len);
	default:	/* Mechanical too: no motor */
		return unsupported;
	}
}

/* ---- answers ---- */

static void refuse(struct vreader *v, const uint8_t *msg, int error)
{
	uint8_t out[CCID_HDR];

	vreader_header(v, out, vreader_reply_type(msg[0]), msg[5], msg[6], 0, error);
	vreader_emit(v, out, sizeof(out), NULL);
}

static struct answer *answer_new(struct vreader *v, const uint8_t *msg, const struct result *r)
{
	size_t len = r->error < 0 ? r->len : 0;
	struct answer *a = calloc(1, sizeof(*a) + CCID_HDR + len);

	if (!a)
		return NULL;
	a->slot = msg[5];
	a->len = CCID_HDR + len;
	vreader_header(v, a->msg, vreader_reply_type(msg[0]), msg[5], msg[6], len, r->error);
	if (a->msg[0] != RDR_SLOT_STATUS)
		a->msg[9] = r->param;
	if (len)
		memcpy(a->msg + CCID_HDR, r->data, len);
	return a;
}

/*
 * How long the card takes over the command that has just come. The frames of one answer and of the next command keep
 * their distance: the host that is quicker waits for the rest of it.
 */
static uint64_t on_air(struct vreader *v, struct vslot *s, const struct result *r)
{
	uint64_t ns = r->card_ns;

	if (!ns)
		return 0;
	if (s->cmd != PC_ICC_POWER_ON && s->air_free > v->now)
		ns += s->air_free - v->now;
	s->air_free = v->now + ns + timing_guard_ns(&v->cfg.timing);
	v->stamp[(v->stamped - 1) % VREADER_STAMPS].card_ns = ns;	/* the command's own stamp */
	return ns;
}

/* The answer, when it is due; its time begins now. */
static void schedule(struct vreader *v, const uint8_t *msg, const struct result *r, const struct fault_set *faults)
{
	struct vslot *s = &v->slot[msg[5]];
	const struct fault *f = fault_met(faults, FAULT_REMOVE);
	struct answer *a = fault_met(faults, FAULT_HANG) || (f && f->hang) ? NULL : answer_new(v, msg, r);

	s->answer = a;
	s->extend_left = 0;
	if (f)	/* behind the answer, which may be made of what goes with the card */
		vreader_set_present(v, msg[5], false, f->notify);
	if (!a)
		return;
	a->faults = *faults;
	a->due = v->now + v->cfg.latency_us * 1000ULL + r->wait_ms * VREADER_MS + on_air(v, s, r);
	if ((f = fault_met(faults, FAULT_DELAY)))
		a->due += f->ms * VREADER_MS;
	if (fault_met(faults, FAULT_LATE))
		a->due = VREADER_NEVER;
	s->extend_every = v->cfg.extension_ms * VREADER_MS;
	if (r->wait_ms)
		s->extend_left = -1;
	if ((f = fault_met(faults, FAULT_EXTEND))) {
		s->extend_every = f->ms * VREADER_MS;
		s->extend_left = f->times > 0 ? f->times : -1;
		a->due = f->times > 0 ? a->due + (f->times + 1) * s->extend_every : VREADER_NEVER;
	}
	s->extend_at = v->now + s->extend_every;
}

/* Gives the slot its command, and the command its faults. */
static void start(struct vreader *v, const uint8_t *msg, size_t len)
{
	struct vslot *s = &v->slot[msg[5]];
	const struct fault *f;
	struct fault_set faults;
	struct result r;

	vreader_faults_met(v, msg, &faults);
	r = run(v, msg[5], msg, len);
	if ((f = fault_met(&faults, FAULT_ERROR))) {
		r.error = f->value;
		vreader_pin_drop(s);
	}
	s->busy = true;
	s->cmd = msg[0];
	s->seq = msg[6];
	s->extend_left = 0;
	if (fault_met(&faults, FAULT_UNPLUG)) {
		v->unplugged = true;
		return;
	}
	if (s->pin) {		/* the faults are for the answer */
		s->pin->faults = faults;
		s->extend_every = v->cfg.extension_ms * VREADER_MS;
		s->extend_at = v->now + s->extend_every;
		s->extend_left = v->cfg.pin_extends ? -1 : 0;
	} else {
		schedule(v, msg, &r, &faults);
	}
	vreader_tick(v, v->now);
}

void vreader_pin_ends(struct vreader *v, unsigned int slot, int error, const uint8_t *sw)
{
	struct vslot *s = &v->slot[slot];
	uint8_t command[PIN_COMMAND_MAX], head[CCID_HDR];
	struct fault_set faults = s->pin->faults;
	struct result r = fail(error);
	size_t n;

	memcpy(head, s->pin->head, sizeof(head));
	if (sw) {
		r = (struct result){ .error = -1, .data = sw, .len = 2 };
	} else if (error < 0) {
		n = vreader_pin_command(v, s, command);
		r = v->cfg.level == VREADER_TPDU ? tpdu(v, s, command, n, 0) : exchange(v, s, command, n);
		memset(command, 0, sizeof(command));
	}
	vreader_pin_drop(s);
	schedule(v, head, &r, &faults);
}

/* ---- abort: CCID 1.1, 5.3.1 and 6.1.13 ---- */

static void abort_done(struct vreader *v, unsigned int slot, uint8_t seq)
{
	struct vslot *s = &v->slot[slot];
	const struct fault *late = s->answer ? fault_met(&s->answer->faults, FAULT_LATE) : NULL;
	uint8_t msg[CCID_HDR];

	s->abort_control = s->abort_bulk = false;
	if (late) {
		s->answer->due = v->now + late->ms * VREADER_MS;
		s->answer->next = v->late;
		v->late = s->answer;
		s->answer = NULL;
	}
	vreader_slot_idle(s);
	vreader_header(v, msg, RDR_SLOT_STATUS, slot, seq, 0, -1);
	vreader_emit(v, msg, sizeof(msg), NULL);
	vreader_tick(v, v->now);
}

bool vreader_abort_control(struct vreader *v, uint8_t slot, uint8_t seq)
{
	struct vslot *s = &v->slot[slot];

	if (slot >= v->cfg.slots || vreader_fault_take(v, FAULT_STALLABORT, slot))
		return false;
	if (vreader_fault_take(v, FAULT_IGNOREABORT, slot))
		return true;
	if (s->abort_bulk && s->abort_bulk_seq == seq) {
		abort_done(v, slot, seq);
		return true;
	}
	if (s->busy && v->cfg.abort_answers) {
		uint8_t msg[CCID_HDR];

		vreader_header(v, msg, vreader_reply_type(s->cmd), slot, s->seq, 0, CCID_E_ABORTED);
		vreader_emit(v, msg, sizeof(msg), NULL);
		vreader_slot_idle(s);
	}
	s->abort_control = true;
	s->abort_control_seq = seq;
	return true;
}

static void abort_bulk(struct vreader *v, const uint8_t *msg, size_t len)
{
	struct vslot *s = &v->slot[msg[5]];

	if (bare(msg, len) >= 0) {
		refuse(v, msg, bare(msg, len));
	} else if (vreader_fault_take(v, FAULT_MUTEABORT, msg[5])) {
		return;
	} else if (vreader_fault_take(v, FAULT_REFUSEABORT, msg[5])) {
		s->abort_control = false;
		refuse(v, msg, CCID_E_UNSUPPORTED);
	} else if (s->abort_control && s->abort_control_seq == msg[6]) {
		abort_done(v, msg[5], msg[6]);
	} else if (s->abort_control) {
		refuse(v, msg, CCID_E_ABORTED);	/* another bSeq: "fail all commands to that slot" */
	} else {
		s->abort_bulk = true;		/* the control half has not come yet */
		s->abort_bulk_seq = msg[6];
	}
}

/* ---- dispatch ---- */

void vreader_message(struct vreader *v, const uint8_t *msg, size_t len)
{
	unsigned int busy = 0;
	struct vslot *s;

	vreader_stamp_msg(v, msg, len, false);
	if (msg[5] >= v->cfg.slots) {
		refuse(v, msg, CCID_E_SLOT);
		return;
	}
	if (vreader_slot_mute(v, msg[5]))
		return;
	s = &v->slot[msg[5]];
	if (len > v->cfg.max_message || get_le32(msg + 1) != len - CCID_HDR) {
		refuse(v, msg, CCID_E_LENGTH);
		return;
	}
	if (msg[0] == PC_ABORT) {
		abort_bulk(v, msg, len - CCID_HDR);
		return;
	}
	s->abort_bulk = false;	/* 5.3.1: the abort must be the last message before the control request */
	if (s->abort_control) {
		refuse(v, msg, CCID_E_ABORTED);
		return;
	}
	for (unsigned int i = 0; i < v->cfg.slots; i++)
		busy += v->slot[i].busy;
	if (s->busy || busy >= v->cfg.busy_slots) {
		refuse(v, msg, CCID_E_SLOT_BUSY);
		return;
	}
	start(v, msg, len - CCID_HDR);
}

int vreader_control(struct vreader *v, uint8_t request_type, uint8_t request, uint16_t value, uint16_t length,
		    uint8_t *data, uint64_t now)
{
	const uint32_t *list = request == 2 ? v->cfg.clocks : v->cfg.rates;
	unsigned int n = request == 2 ? v->cfg.nclocks : v->cfg.nrates;
	unsigned int len = 0;

	v->now = now;
	if (request_type == 0x21 && request == 1 && !length)	/* 5.3.1 ABORT: bSeq, bSlot */
		return vreader_abort_control(v, value & 0xFF, value >> 8) ? 0 : -1;
	/* 5.3.2 GET_CLOCK_FREQUENCIES, 5.3.3 GET_DATA_RATES */
	if (request_type != 0xA1 || (request != 2 && request != 3) || value || !n)
		return -1;
	for (unsigned int i = 0; i < n && len + 4 <= length; i++, len += 4)
		put_le32(data + len, list[i]);
	return len;
}
