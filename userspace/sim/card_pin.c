// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
#include "card_pin.h"

#define LEAST	4
#define TRIES	3
#define BLOCK	8

enum { PADDED, PLAIN, FORMAT_2, BCD, BINARY };		/* references 81 to 85 */

void sim_pins_init(struct sim_pins *p)
{
	for (unsigned int i = 0; i < SIM_PINS; i++) {
		struct sim_pin *pin = &p->pin[i];

		*pin = (struct sim_pin){ .n = i == PLAIN ? 6 : 4, .tries = TRIES };
		for (unsigned int k = 0; k < pin->n; k++)
			pin->digit[k] = k + 1;
	}
}

void sim_pins_reset(struct sim_pins *p)
{
	for (unsigned int i = 0; i < SIM_PINS; i++)
		p->pin[i].verified = false;
}

/* The data as units, a nibble or a byte each. */
struct units { const uint8_t *data; size_t n; bool nibbles; };

static unsigned int unit(const struct units *u, size_t i)
{
	return !u->nibbles ? u->data[i] : i % 2 ? u->data[i / 2] & 15 : u->data[i / 2] >> 4;
}

/* All units from one to another are that. */
static bool filled(const struct units *u, size_t from, size_t to, unsigned int with)
{
	for (; from < to; from++)
		if (unit(u, from) != with)
			return false;
	return true;
}

static bool take_digits(const struct units *u, size_t from, size_t n, unsigned int zero, struct sim_pin *out)
{
	if (n < LEAST || n > SIM_PIN_MAX || from + n > u->n)
		return false;
	out->n = n;
	for (size_t i = 0; i < n; i++) {
		unsigned int x = unit(u, from + i);

		if (x < zero || x > zero + 9)
			return false;
		out->digit[i] = x - zero;
	}
	return true;
}

/* Data of the right length. false: of a wrong form. */
static bool parse(unsigned int format, const uint8_t *data, size_t len, struct sim_pin *out)
{
	bool nibbles = format == FORMAT_2 || format == BCD;
	const struct units u = { data, nibbles ? 2 * len : len, nibbles };
	unsigned int filling = nibbles ? 15 : 255;
	size_t n = 0, from = 0;

	switch (format) {
	case PLAIN:
		return take_digits(&u, 0, len, '0', out);
	case FORMAT_2:
		n = unit(&u, 1);
		return unit(&u, 0) == 2 && take_digits(&u, 2, n, 0, out) && filled(&u, 2 + n, u.n, filling);
	case BINARY:
		while (from < u.n && unit(&u, from) == filling)
			from++;
		return take_digits(&u, from, u.n - from, 0, out);
	default:
		while (n < u.n && unit(&u, n) != filling)
			n++;
		return take_digits(&u, 0, n, format == PADDED ? '0' : 0, out) && filled(&u, n, u.n, filling);
	}
}

static uint16_t left(const struct sim_pin *pin)
{
	return pin->tries ? 0x63C0 | pin->tries : 0x6983;
}

static uint16_t verify(struct sim_pin *pin, const struct sim_pin *typed)
{
	if (!pin->tries)
		return 0x6983;
	if (typed->n == pin->n && !memcmp(typed->digit, pin->digit, pin->n)) {
		pin->tries = TRIES;
		pin->verified = true;
		return 0x9000;
	}
	pin->verified = false;
	pin->tries--;
	return 0x63C0 | pin->tries;
}

static uint16_t change(struct sim_pin *pin, unsigned int format, bool new_only, const uint8_t *data, size_t lc)
{
	struct sim_pin old, new;
	size_t half = new_only ? 0 : lc / 2;
	uint16_t sw;

	if (format == PLAIN ? lc < LEAST || lc > SIM_PIN_MAX : lc != (new_only ? BLOCK : 2 * BLOCK))
		return 0x6700;
	if ((!new_only && !parse(format, data, half, &old)) || !parse(format, data + half, lc - half, &new))
		return 0x6A80;
	if (new_only && !pin->verified)
		return 0x6982;
	sw = new_only ? 0x9000 : verify(pin, &old);
	if (sw == 0x9000) {
		pin->n = new.n;
		memcpy(pin->digit, new.digit, new.n);
	}
	return sw;
}

uint16_t sim_pins_command(struct sim_pins *p, const uint8_t header[4], const uint8_t *data, size_t lc, size_t le)
{
	unsigned int format = header[3] - 0x81U;
	bool changes = header[1] == 0x24, new_only = changes && header[2] == 1;
	struct sim_pin *pin, typed;

	if (header[2] && !new_only)
		return 0x6A86;
	if (format >= SIM_PINS)
		return 0x6A88;
	if (le)
		return 0x6700;
	pin = &p->pin[format];
	if (changes)	/* two of no fixed length have no place in one command */
		return format == PLAIN && !new_only ? 0x6A86 : change(pin, format, new_only, data, lc);
	if (!lc)
		return pin->verified ? 0x9000 : left(pin);
	if (format == PLAIN ? lc < LEAST || lc > SIM_PIN_MAX : lc != BLOCK)
		return 0x6700;
	return parse(format, data, lc, &typed) ? verify(pin, &typed) : 0x6A80;
}
