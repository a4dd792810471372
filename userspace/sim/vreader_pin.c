// SPDX-License-Identifier: BSD-2-Clause
/*
 * The virtual reader's keypad: PC_to_RDR_Secure (CCID 1.1, 6.1.11). Keys are pressed by lines of text ("keys 1234E"); a
 * reader that is asked for a PIN takes them, or those that come until its time runs out. It checks all of the structure
 * before it asks the user, and what is wrong is told by its offset.
 */
#include <stdlib.h>
#include <string.h>
#include "vreader_int.h"

enum { VERIFY = 0, MODIFY = 1 };
enum { BINARY = 0, BCD = 1, ASCII = 2 };

#define DEFAULT_S	30
#define LARGEST		PIN_DIGITS	/* that it takes in wPINMaxExtraDigit */

/* Where fields are in abData; what follows the messages has no fixed place. */
struct layout {
	bool modify;
	unsigned int at_old, at_new, digits, confirm, condition, messages, language, prologue, apdu;
};

static struct layout layout(const uint8_t *d, size_t len)
{
	struct layout l = { .modify = d[0] == MODIFY, .digits = 5, .condition = 7 };

	if (l.modify)
		l = (struct layout){ .modify = true, .at_old = 5, .at_new = 6, .digits = 7, .confirm = 9, .condition = 10 };
	l.messages = l.condition + 1;
	l.language = l.messages + 1;
	l.prologue = l.language + 3;	/* behind bMsgIndex1 */
	if (l.modify && len > l.messages)
		l.prologue += !!d[l.messages] + (d[l.messages] >= 3);
	l.apdu = l.prologue + 3;
	return l;
}

/* In bits from the first byte of the command's data field. */
struct place { unsigned int start, bits, length_at, length_bits; };

static struct place place(const uint8_t *d, unsigned int offset, size_t lc)
{
	struct place p = { .start = offset * 8, .length_at = offset * 8, .length_bits = d[3] >> 4 };

	p.start += (d[2] >> 3 & 15) * (d[2] & 0x80 ? 8 : 1);
	p.length_at += (d[4] & 15) * (d[4] & 0x10 ? 8 : 1);
	p.bits = d[3] & 15 ? (d[3] & 15) * 8 : lc * 8 > p.start ? lc * 8 - p.start : 0;
	return p;
}

static unsigned int digit_bits(const uint8_t *d)
{
	return (d[2] & 3) == BCD ? 4 : 8;
}

/* 0: the command has no data field until the PIN makes one. */
static size_t data_len(const uint8_t *apdu, size_t len)
{
	return len > 4 ? apdu[4] : 0;
}

/* One PIN's place at this offset, whose own field stands at where. */
static int check_place(const uint8_t *d, const struct layout *l, unsigned int offset, unsigned int where, size_t lc)
{
	struct place p = place(d, offset, lc);

	if (!lc)		/* what has no data field has no places in it */
		return offset ? (int)where : d[2] & 0x7C ? 2 : d[3] ? 3 : d[4] ? 4 : 0;
	if (offset >= lc)
		return where;
	if (p.start + p.bits > lc * 8)
		return 3;
	if (d[l->digits] * digit_bits(d) > p.bits)
		return l->digits;
	if (p.length_bits ? p.length_at + p.length_bits > lc * 8 || p.length_bits > 8 ||
	    d[l->digits] >> p.length_bits : d[4])
		return 4;
	return 0;
}

static int check_apdu(const struct vreader *v, const uint8_t *d, const struct layout *l, size_t len)
{
	const uint8_t *apdu = d + l->apdu;
	size_t n = len - l->apdu, lc = data_len(apdu, n);
	bool both = l->modify && d[l->confirm] & 2;
	int bad;

	if (n < 4 || (n > 4 && n != 5 + lc) || n + CCID_HDR > v->cfg.max_message)
		return l->apdu;
	/* nobody knows where the second begins when the first has no end */
	if (both && !lc)
		return 3;
	bad = both || !l->modify ? check_place(d, l, l->modify ? d[l->at_old] : 0, l->at_old, lc) : 0;
	if (!bad && l->modify)
		bad = check_place(d, l, d[l->at_new], l->at_new, lc);
	return bad;
}

static int check_prologue(const struct vreader *v, const struct vslot *s, const uint8_t *d, const struct layout *l,
			  size_t len)
{
	const uint8_t *p = d + l->prologue;

	if (v->cfg.level != VREADER_TPDU || s->protocol != 1)
		return p[0] || p[1] || p[2] ? (int)l->prologue : 0;
	/* ISO/IEC 7816-3, 11.3: an I-block with all of the command */
	return p[0] ? (int)l->prologue : p[1] & ~0x40 ? (int)l->prologue + 1 :
	       p[2] != len - l->apdu ? (int)l->prologue + 2 : 0;
}

/* The index of the first byte that is wrong, which is none of bPINOperation; 0: none is. */
static int check(const struct vreader *v, const struct vslot *s, const uint8_t *d, const struct layout *l, size_t len)
{
	unsigned int messages = d[l->messages];
	int bad;

	if ((d[2] & 3) > ASCII)
		return 2;
	if (d[4] & 0xE0)
		return 4;
	if (!d[l->digits] || d[l->digits] > LARGEST)
		return l->digits;
	if (d[l->digits + 1] > d[l->digits])
		return l->digits + 1;
	if (l->modify && d[l->confirm] > 3)
		return l->confirm;
	if (!d[l->condition] || d[l->condition] > 7)
		return l->condition;
	if (messages != 0xFF && messages > (v->cfg.lcd_layout ? l->modify ? 3 : 1 : 0))
		return l->messages;
	bad = check_apdu(v, d, l, len);
	return bad ? bad : check_prologue(v, s, d, l, len);
}

int vreader_pin_begin(struct vreader *v, struct vslot *s, const uint8_t *msg, size_t len)
{
	const uint8_t *d = msg + CCID_HDR;
	struct layout l;
	int bad;

	if (!len || d[0] > MODIFY || !(v->cfg.pin_support >> d[0] & 1))
		return CCID_E_OPERATION;
	l = layout(d, len);
	if (len < l.apdu + 4)
		return CCID_E_LENGTH;
	bad = check(v, s, d, &l, len);
	if (bad)
		return CCID_HDR + bad;
	s->pin = calloc(1, sizeof(*s->pin) + len);
	if (!s->pin)
		return CCID_E_OVERRUN;
	memcpy(s->pin->head, msg, CCID_HDR);
	memcpy(s->pin->data, d, len);
	s->pin->len = len;
	s->pin->entries = 1;
	if (l.modify)
		s->pin->entries += !!(d[l.confirm] & 1) + !!(d[l.confirm] & 2);
	s->pin->until = v->now + (d[1] ? d[1] : DEFAULT_S) * 1000 * VREADER_MS;
	return -1;
}

void vreader_pin_drop(struct vslot *s)
{
	if (!s->pin)
		return;
	memset(s->pin->digit, 0, sizeof(s->pin->digit));
	free(s->pin);
	s->pin = NULL;
}

/* ---- the user ---- */

bool vreader_pin_press(struct vreader *v, const char *keys)
{
	size_t n = strcspn(keys, " \t\r\n"), have = strlen(v->keys);

	if (!n || strspn(keys, "0123456789ECB") != n || have + n >= sizeof(v->keys))
		return false;
	memcpy(v->keys + have, keys, n);
	v->keys[have + n] = 0;
	return true;
}

static char take_key(struct vreader *v)
{
	char key = v->keys[0];

	if (key)
		memmove(v->keys, v->keys + 1, strlen(v->keys));
	return key;
}

/* PC/SC part 10, 2.5.2: what a reader says of its own in place of the card. NULL: the PINs are as they must be. */
static const uint8_t *verdict(const struct vpin *p, const struct layout *l)
{
	static const uint8_t differ[2] = { 0x64, 0x02 }, length[2] = { 0x64, 0x03 };
	unsigned int last = p->entries - 1;

	for (unsigned int i = 0; i < p->entries; i++)
		if (p->n[i] < p->data[l->digits + 1])
			return length;
	if (l->modify && p->data[l->confirm] & 1 &&
	    (p->n[last] != p->n[last - 1] || memcmp(p->digit[last], p->digit[last - 1], p->n[last])))
		return differ;
	return NULL;
}

/* One key. true: it was the last. */
static bool press(struct vreader *v, unsigned int slot, char key)
{
	struct vpin *p = v->slot[slot].pin;
	const struct layout l = layout(p->data, p->len);
	const uint8_t *sw;

	switch (key) {
	case 'C':
		vreader_pin_ends(v, slot, CCID_E_PIN_CANCELLED, NULL);
		return true;
	case 'B':
		p->n[p->entry] -= p->n[p->entry] > 0;
		return false;
	case 'E':
		p->until = v->now + (p->data[1] ? p->data[1] : DEFAULT_S) * 1000 * VREADER_MS;
		if (++p->entry < p->entries)
			return false;
		sw = verdict(p, &l);
		vreader_pin_ends(v, slot, -1, sw);
		return true;
	default:		/* what is more than the most it does not take */
		if (p->n[p->entry] < p->data[l.digits])
			p->digit[p->entry][p->n[p->entry]++] = key - '0';
		return false;
	}
}

void vreader_pin_tick(struct vreader *v, unsigned int slot)
{
	struct vslot *s = &v->slot[slot];
	char key;

	if (!s->present) {
		vreader_pin_ends(v, slot, CCID_E_ICC_MUTE, NULL);
		return;
	}
	while ((key = take_key(v)))
		if (press(v, slot, key))
			return;
	if (s->pin->until <= v->now)
		vreader_pin_ends(v, slot, CCID_E_PIN_TIMEOUT, NULL);
}

/* ---- the command ---- */

static void put_bits(uint8_t *to, unsigned int at, unsigned int bits, unsigned int value)
{
	while (bits--) {
		uint8_t mask = 0x80 >> at % 8;

		to[at / 8] = value >> bits & 1 ? to[at / 8] | mask : to[at / 8] & ~mask;
		at++;
	}
}

static void put_pin(uint8_t *data, size_t lc, const uint8_t *d, unsigned int offset, const uint8_t *digit, unsigned int n)
{
	const struct place p = place(d, offset, lc);
	unsigned int bits = digit_bits(d), at = p.start;

	if (d[2] & 4)		/* right */
		at += p.bits - n * bits;
	for (unsigned int i = 0; i < n; i++, at += bits)
		put_bits(data, at, bits, (d[2] & 3) == ASCII ? 0x30 + digit[i] : digit[i]);
	if (p.length_bits)
		put_bits(data, p.length_at, p.length_bits, n);
}

/* The epilogue: LRC or, by bmTCCKST1, the CRC of ISO/IEC 13239. */
static size_t close_block(uint8_t *block, size_t n, bool crc)
{
	uint8_t lrc = 0;
	uint16_t c = 0xFFFF;

	for (size_t i = 0; i < n; i++) {
		lrc ^= block[i];
		c ^= block[i];
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x8408 : c >> 1;
	}
	if (!crc) {
		block[n] = lrc;
		return n + 1;
	}
	c = ~c;
	block[n] = c;
	block[n + 1] = c >> 8;
	return n + 2;
}

size_t vreader_pin_command(const struct vreader *v, const struct vslot *s, uint8_t out[PIN_COMMAND_MAX])
{
	bool t1 = v->cfg.level == VREADER_TPDU && s->protocol == 1;
	const struct vpin *p = s->pin;
	const uint8_t *d = p->data;
	const struct layout l = layout(d, p->len);
	size_t n = p->len - l.apdu, lc = data_len(d + l.apdu, n);
	uint8_t *apdu = out + (t1 ? 3 : 0);
	unsigned int next = 0;

	memcpy(apdu, d + l.apdu, n);
	if (!lc) {		/* the digits alone, the last byte of BCD filled with F */
		lc = (p->n[0] * digit_bits(d) + 7) / 8;
		memset(apdu + 5, 0xFF, lc);
		apdu[4] = lc;
		n = 5 + lc;
	}
	if (l.modify && d[l.confirm] & 2) {
		put_pin(apdu + 5, lc, d, d[l.at_old], p->digit[next], p->n[next]);
		next++;
	}
	put_pin(apdu + 5, lc, d, l.modify ? d[l.at_new] : 0, p->digit[next], p->n[next]);
	if (!t1)
		return n;
	memcpy(out, d + l.prologue, 2);
	out[2] = n;
	return close_block(out, 3 + n, s->params[1][1] & 1);
}
