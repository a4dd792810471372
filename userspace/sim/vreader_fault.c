// SPDX-License-Identifier: BSD-2-Clause
/*
 * The virtual reader: faults and events, one a line of text.
 *
 *   NAME [COUNT] [key=value ...]
 *
 * A fault waits for its occasion: COUNT commands (1; 0: every one until "clear") that match slot= (any) and
 * on= (xfr), after letting after= of them pass. Several faults may meet one command.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vreader_int.h"

const char vreader_fault_help[] =
"NAME [COUNT] [slot=N] [after=N] [on=xfr|secure|power|poweroff|status|params|setparams|escape|clock|any] [key=value]\n"
"the answer to a command (COUNT of them, 1; 0: all):\n"
"  hang                     none\n"
"  delay ms=N               after N ms\n"
"  extend times=N ms=M      N time extensions, M ms apart, then the answer (times=0: no end of them)\n"
"  late ms=N                none; once the command is aborted, it comes N ms after the abort's answer\n"
"  twice                    two times\n"
"  wrongseq [value=N]       bSeq + N (1)\n"
"  wrongslot [value=N]      bSlot + N (1)\n"
"  type [value=N]           bMessageType N (0x99)\n"
"  status value=N           bStatus N\n"
"  error [value=N]          failed, bError N (0xFE)\n"
"  sw [value=N]             status word N (0x6F00)\n"
"  length delta=N           dwLength too long or too short by N\n"
"  truncate [bytes=N]       only the first N bytes (5)\n"
"  oversize [bytes=N]       N bytes (1) longer than dwMaxCCIDMessageLength\n"
"  junk [bytes=N]           N bytes (16) that are no message\n"
"  split [bytes=N]          in transfers of N bytes (7)\n"
"  zlp                      behind a zero-length packet\n"
"  stallin [value=1]        bulk-IN halts, the answer is lost (value=1: comes once the halt is cleared)\n"
"  remove after=|on=...     the card goes while the command runs [notify=0] [hang=1]\n"
"  unplug after=|on=...     the reader goes while the command runs\n"
"other occasions (COUNT of them):\n"
"  stallout, nakout         bulk-OUT transfers that halt the endpoint, or are never taken\n"
"  refuseabort, muteabort   PC_to_RDR_Abort refused, or not answered\n"
"  stallabort, ignoreabort  control ABORT stalls, or has no effect\n"
"  stallint, interror       interrupt transfers that halt the endpoint, or fail on the bus\n"
"  stallctl                 control requests that stall\n"
"  failreset                GET_DESCRIPTOR(device) stalls (COUNT 0 unless given): a reset fails\n"
"now:\n"
"  remove, insert           the card [slot=0] [notify=0]\n"
"  unplug                   the reader\n"
"  keys KEYS                on the keypad, for the PIN asked for now or next: digits, E enter, C cancel, B back\n"
"  hwerror [value=N]        RDR_to_PC_HardwareError, code N (1) [slot=0]\n"
"  intraw HEX, inraw HEX    these bytes on the interrupt or bulk-IN endpoint\n"
"  latency value=N          every answer after N us\n"
"  clear                    forget all faults, and keys that nobody took\n";

static const char *const names[FAULT_KINDS] = {
	[FAULT_HANG] = "hang", [FAULT_DELAY] = "delay", [FAULT_EXTEND] = "extend", [FAULT_WRONGSEQ] = "wrongseq",
	[FAULT_WRONGSLOT] = "wrongslot", [FAULT_TWICE] = "twice", [FAULT_LATE] = "late",
	[FAULT_TRUNCATE] = "truncate", [FAULT_LENGTH] = "length", [FAULT_TYPE] = "type",
	[FAULT_OVERSIZE] = "oversize", [FAULT_STALLIN] = "stallin", [FAULT_ZLP] = "zlp", [FAULT_SPLIT] = "split",
	[FAULT_SW] = "sw", [FAULT_ERROR] = "error", [FAULT_STATUS] = "status", [FAULT_REMOVE] = "remove",
	[FAULT_UNPLUG] = "unplug", [FAULT_JUNK] = "junk", [FAULT_STALLOUT] = "stallout",
	[FAULT_NAKOUT] = "nakout", [FAULT_REFUSEABORT] = "refuseabort", [FAULT_MUTEABORT] = "muteabort",
	[FAULT_STALLABORT] = "stallabort", [FAULT_IGNOREABORT] = "ignoreabort", [FAULT_STALLINT] = "stallint",
	[FAULT_INTERROR] = "interror", [FAULT_STALLCTL] = "stallctl", [FAULT_FAILRESET] = "failreset",
};

static const struct { const char *name; int on; } occasions[] = {
	{ "xfr", -1 }, { "any", 0 }, { "power", PC_ICC_POWER_ON }, { "poweroff", PC_ICC_POWER_OFF },
	{ "status", PC_GET_SLOT_STATUS }, { "params", PC_GET_PARAMETERS }, { "resetparams", PC_RESET_PARAMETERS },
	{ "setparams", PC_SET_PARAMETERS }, { "escape", PC_ESCAPE }, { "clock", PC_ICC_CLOCK },
	{ "secure", PC_SECURE }, { "t0apdu", PC_T0_APDU }, { "rateclock", PC_SET_RATE_CLOCK },
};

/* ---- matching ---- */

/* One occasion that f fits: whether f strikes. Frees f when that was its last. */
static bool strike(struct fault **p)
{
	struct fault *f = *p;

	if (f->after) {
		f->after--;
		return false;
	}
	if (f->count && !--f->count) {
		*p = f->next;
		f->next = NULL;
		free(f);
	}
	return true;
}

static bool fits(const struct fault *f, const uint8_t *msg)
{
	if (f->kind >= FAULT_MESSAGE_KINDS || (f->slot >= 0 && f->slot != msg[5]))
		return false;
	return f->on == 0 || f->on == msg[0] || (f->on < 0 && (msg[0] == PC_XFR_BLOCK || msg[0] == PC_SECURE));
}

void vreader_faults_met(struct vreader *v, const uint8_t *msg, struct fault_set *out)
{
	memset(out, 0, sizeof(*out));
	for (struct fault **p = &v->faults; *p;) {
		struct fault *f = *p, copy = *f;

		if (fits(f, msg) && strike(p)) {
			out->met |= 1U << copy.kind;
			out->f[copy.kind] = copy;
		}
		if (*p == f)
			p = &f->next;
	}
}

bool vreader_fault_take(struct vreader *v, enum fault_kind kind, int slot)
{
	for (struct fault **p = &v->faults; *p; p = &(*p)->next)
		if ((*p)->kind == kind && (slot < 0 || (*p)->slot < 0 || (*p)->slot == slot))
			return strike(p);
	return false;
}

void vreader_faults_clear(struct vreader *v)
{
	while (v->faults) {
		struct fault *f = v->faults;

		v->faults = f->next;
		free(f);
	}
}

bool vreader_unplugged(const struct vreader *v)
{
	return v->unplugged;
}

bool vreader_ep0_stalls(struct vreader *v, bool get_device_descriptor)
{
	if (get_device_descriptor && vreader_fault_take(v, FAULT_FAILRESET, -1))
		return true;
	return vreader_fault_take(v, FAULT_STALLCTL, -1);
}

/* ---- events that happen now ---- */

static size_t unhex(const char *s, uint8_t *out, size_t max)
{
	size_t n = 0;
	unsigned int byte;
	int used;

	while (n < max && sscanf(s, " %2x%n", &byte, &used) == 1) {
		out[n++] = byte;
		s += used;
	}
	return n;
}

static void interrupt_raw(struct vreader *v, const uint8_t *data, size_t len)
{
	struct raw_int *r = calloc(1, sizeof(*r)), **p = &v->raw_int;

	if (!r)
		return;
	r->len = len < sizeof(r->data) ? len : sizeof(r->data);
	memcpy(r->data, data, r->len);
	while (*p)
		p = &(*p)->next;
	*p = r;
}

/* 1: name is no such event; -1: it cannot be that. */
static int event(struct vreader *v, const char *name, const char *rest, const struct fault *f)
{
	unsigned int slot = f->slot < 0 ? 0 : f->slot;
	uint8_t bytes[512];
	size_t n;

	if (!strcmp(name, "clear")) {
		vreader_faults_clear(v);
		v->keys[0] = 0;
	} else if (!strcmp(name, "remove") || !strcmp(name, "insert")) {
		vreader_set_present(v, slot, name[0] == 'i', f->notify);
		vreader_tick(v, v->now);
	} else if (!strcmp(name, "unplug")) {
		v->unplugged = true;
	} else if (!strcmp(name, "keys")) {
		if (!vreader_pin_press(v, rest + strspn(rest, " \t")))
			return -1;
		vreader_tick(v, v->now);
	} else if (!strcmp(name, "latency")) {
		v->cfg.latency_us = f->value < 0 ? 0 : f->value;
	} else if (!strcmp(name, "hwerror")) {
		/* CCID 1.1, 6.3.2: bSlot, bSeq, bHardwareErrorCode */
		const uint8_t msg[4] = { RDR_HARDWARE_ERROR, slot, v->slot[slot].seq, f->value < 0 ? 1 : f->value };

		interrupt_raw(v, msg, sizeof(msg));
	} else if (!strcmp(name, "intraw") || !strcmp(name, "inraw")) {
		n = unhex(rest, bytes, sizeof(bytes));
		if (name[2] == 't')
			interrupt_raw(v, bytes, n);
		else
			vreader_queue_raw(v, bytes, n, true, false);
	} else {
		return 1;
	}
	return 0;
}

/* ---- parsing ---- */

static bool number(const char *s, long *out)
{
	char *end;

	*out = strtol(s, &end, 0);
	return *s && !*end;
}

static bool option(struct fault *f, const char *key, const char *val)
{
	long n = 0;
	bool ok = number(val, &n);

	if (!strcmp(key, "on")) {
		for (size_t i = 0; i < sizeof(occasions) / sizeof(occasions[0]); i++)
			if (!strcmp(val, occasions[i].name)) {
				f->on = occasions[i].on;
				return true;
			}
		if (ok && n >= 0 && n < 256)
			f->on = n;
		return ok && n >= 0 && n < 256;
	}
	if (!ok)
		return false;
	if (!strcmp(key, "delta")) {
		f->delta = n;
		return true;
	}
	if (n < 0)
		return false;
	if (!strcmp(key, "slot") && n < VREADER_MAX_SLOTS)
		f->slot = n;
	else if (!strcmp(key, "after"))
		f->after = n;
	else if (!strcmp(key, "ms"))
		f->ms = n;
	else if (!strcmp(key, "times"))
		f->times = n;
	else if (!strcmp(key, "bytes") && n <= 1 << 20)
		f->bytes = n;
	else if (!strcmp(key, "value"))
		f->value = n;
	else if (!strcmp(key, "notify"))
		f->notify = n;
	else if (!strcmp(key, "hang"))
		f->hang = n;
	else
		return false;
	return true;
}

/* What a fault does where the line does not say. */
static void fill(struct fault *f)
{
	static const long value[FAULT_KINDS] = {
		[FAULT_WRONGSEQ] = 1, [FAULT_WRONGSLOT] = 1, [FAULT_TYPE] = 0x99, [FAULT_ERROR] = CCID_E_ICC_MUTE,
		[FAULT_SW] = 0x6F00,
	};
	static const long bytes[FAULT_KINDS] = {
		[FAULT_TRUNCATE] = 5, [FAULT_OVERSIZE] = 1, [FAULT_JUNK] = 16, [FAULT_SPLIT] = 7,
	};

	if (f->value < 0)
		f->value = value[f->kind];
	if (f->bytes < 0)
		f->bytes = bytes[f->kind];
	if (f->ms < 0)
		f->ms = f->kind == FAULT_EXTEND || f->kind == FAULT_DELAY ? 100 : 0;
	if (f->times < 0)
		f->times = 1;
	if (f->kind == FAULT_EXTEND && !f->ms)
		f->ms = 1;
}

int vreader_fault(struct vreader *v, const char *line, uint64_t now, const char **why)
{
	struct fault f = { .count = 1, .slot = -1, .on = -1, .ms = -1, .times = -1, .bytes = -1, .value = -1,
			   .delta = 1, .notify = true }, *copy, **p;
	char text[1200], *save, *word, *eq, *name;
	const char *rest, *dummy;
	bool occasion = false, counted = false;
	int kind;
	long n;

	why = why ? why : &dummy;
	v->now = now;
	snprintf(text, sizeof(text), "%s", line);
	name = strtok_r(text, " \t\r\n", &save);
	if (!name || name[0] == '#')
		return 0;
	rest = line + (name - text) + strlen(name);
	if (strcmp(name, "intraw") && strcmp(name, "inraw") && strcmp(name, "keys"))
		while ((word = strtok_r(NULL, " \t\r\n", &save))) {
			eq = strchr(word, '=');
			if (!eq) {
				*why = "COUNT must be a number, 0 or more";
				if (!number(word, &n) || n < 0)
					return -1;
				f.count = n;
				counted = occasion = true;
				continue;
			}
			*eq = 0;
			occasion |= !strcmp(word, "on") || !strcmp(word, "after");
			*why = "no such option, or not a value for it";
			if (!option(&f, word, eq + 1))
				return -1;
		}
	*why = "no such slot";
	if (f.slot >= (int)v->cfg.slots)
		return -1;
	/* "remove" and "unplug" are both: events, unless the line names an occasion */
	if (!occasion || (strcmp(name, "remove") && strcmp(name, "unplug"))) {
		*why = "keys are digits, E, C and B, 127 at most";
		kind = event(v, name, rest, &f);
		if (kind <= 0)
			return kind;
	}
	for (kind = 0; kind < FAULT_KINDS && strcmp(name, names[kind]); kind++)
		;
	*why = "no such fault";
	if (kind == FAULT_KINDS)
		return -1;
	f.kind = kind;
	if (kind == FAULT_FAILRESET && !counted)
		f.count = 0;
	fill(&f);
	*why = "bytes must not be 0";
	if (kind == FAULT_SPLIT && !f.bytes)
		return -1;
	*why = "out of memory";
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -1;
	*copy = f;
	for (p = &v->faults; *p; p = &(*p)->next)
		;
	*p = copy;
	return 0;
}
