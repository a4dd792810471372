// SPDX-License-Identifier: BSD-2-Clause
/* The built-in test card (vreader.h says what it answers): deterministic, without files or keys. */
#include <stdlib.h>
#include <string.h>
#include "card_pin.h"
#include "contact.h"
#include "vreader.h"

#define FILE_SIZE 32768u

struct echo {
	struct vcard card;
	enum vreader_level level;
	uint8_t held[256];	/* TPDU level: what GET RESPONSE fetches */
	size_t held_len;
	struct sim_contact *contact;	/* NULL: T=0 alone, or APDUs */
	struct sim_pins pins;
};

uint8_t vcard_echo_byte(unsigned int offset)
{
	return offset ^ offset >> 8;
}

static size_t sw(uint8_t *rsp, size_t at, unsigned int word)
{
	rsp[at] = word >> 8;
	rsp[at + 1] = word;
	return at + 2;
}

static const uint8_t *echo_power_on(struct vcard *card, size_t *len)
{
	/* T=0 only; and as PC/SC part 3 does for contactless cards, T=0 and T=1, historical bytes "echo". */
	static const uint8_t t0[] = { 0x3B, 0x04, 'e', 'c', 'h', 'o' };
	static const uint8_t both[] = { 0x3B, 0x84, 0x80, 0x01, 'e', 'c', 'h', 'o', 0x05 ^ 'e' ^ 'c' ^ 'h' ^ 'o' };
	struct echo *e = (struct echo *)card;

	e->held_len = 0;
	sim_pins_reset(&e->pins);
	if (e->contact)
		return sim_contact_reset(e->contact, len);
	*len = e->level == VREADER_TPDU ? sizeof(t0) : sizeof(both);
	return e->level == VREADER_TPDU ? t0 : both;
}

static void echo_power_off(struct vcard *card)
{
	struct echo *e = (struct echo *)card;

	e->held_len = 0;
	sim_pins_reset(&e->pins);
}

/* ISO/IEC 7816-4, 5.1: lc, le (0: none), data. false: the lengths do not fit. */
static bool apdu_parse(const uint8_t *c, size_t n, size_t *lc, size_t *le, const uint8_t **data)
{
	bool extended = n >= 7 && !c[4];
	size_t head = extended ? 7 : 5;

	*lc = *le = 0;
	*data = NULL;
	if (n == 4)
		return true;
	if (n == 5 || (extended && n == 7)) {
		*le = extended ? c[5] << 8 | c[6] : c[4];
		if (!*le)
			*le = extended ? 65536 : 256;
		return true;
	}
	*lc = extended ? c[5] << 8 | c[6] : c[4];
	*data = c + head;
	if (!*lc || n < head + *lc)
		return false;
	n -= head + *lc;
	if (n == 0)
		return true;
	if (n != (extended ? 2 : 1))
		return false;
	c += head + *lc;
	*le = extended ? c[0] << 8 | c[1] : c[0];
	if (!*le)
		*le = extended ? 65536 : 256;
	return true;
}

static size_t read_file(size_t off, size_t le, uint8_t *rsp, size_t size)
{
	size_t n = le;

	if (off >= FILE_SIZE)
		return sw(rsp, 0, 0x6B00);
	if (n > FILE_SIZE - off)
		n = FILE_SIZE - off;
	if (n + 2 > size)
		n = size - 2;
	for (size_t i = 0; i < n; i++)
		rsp[i] = vcard_echo_byte(off + i);
	return sw(rsp, n, n < le && le != 256 && le != 65536 ? 0x6282 : 0x9000);
}

static size_t echo_apdu(struct echo *e, const uint8_t *c, size_t lc, size_t le, const uint8_t *data, uint8_t *rsp,
			size_t size, unsigned int *wait_ms)
{
	unsigned int p1p2 = c[2] << 8 | c[3];

	if (c[0] & 0x70)
		return sw(rsp, 0, 0x6E00);
	switch (c[1]) {
	case 0xA4:
	case 0xD6:
		return sw(rsp, 0, 0x9000);
	case 0xB0:
		return lc || !le ? sw(rsp, 0, 0x6700) : read_file(p1p2, le, rsp, size);
	case 0x88:
		if (lc + 2 > size)
			return sw(rsp, 0, 0x6700);
		if (lc)
			memcpy(rsp, data, lc);
		return sw(rsp, lc, 0x9000);
	case 0xFE:
		*wait_ms = p1p2;
		return le ? read_file(0, le, rsp, size) : sw(rsp, 0, 0x9000);
	case 0xFC:
		return sw(rsp, 0, p1p2);
	case 0x20:
	case 0x24:
		return sw(rsp, 0, sim_pins_command(&e->pins, c, data, lc, le));
	default:
		return sw(rsp, 0, 0x6D00);
	}
}

/* ISO/IEC 7816-3, 10.3: P3 is Lc where data follows, else Le; an answer to data waits for GET RESPONSE. */
static size_t echo_tpdu(struct echo *e, const uint8_t *c, size_t n, uint8_t *rsp, size_t size, unsigned int *wait_ms)
{
	size_t len, p3 = n > 4 ? c[4] : 0, le = p3 ? p3 : 256;

	if (n > 5 && n != 5 + p3)
		return sw(rsp, 0, 0x6700);
	if (c[1] == 0xC0) {
		if (!e->held_len)
			return sw(rsp, 0, 0x6985);
		if (n > 5 || le > e->held_len)
			return sw(rsp, 0, 0x6C00 | (e->held_len & 0xFF));
		memcpy(rsp, e->held, le);
		memmove(e->held, e->held + le, e->held_len - le);
		e->held_len -= le;
		return sw(rsp, le, e->held_len ? 0x6100 | (e->held_len & 0xFF) : 0x9000);
	}
	e->held_len = 0;
	if (n > 5)
		len = echo_apdu(e, c, p3, 0, c + 5, rsp, size, wait_ms);
	else if (n == 5 && (c[1] == 0xB0 || (c[1] == 0xFE && p3)))
		len = echo_apdu(e, c, 0, le, NULL, rsp, size, wait_ms);
	else
		len = echo_apdu(e, c, 0, 0, NULL, rsp, size, wait_ms);
	if (n <= 5 || len <= 2)
		return len;
	e->held_len = len - 2;
	memcpy(e->held, rsp, e->held_len);
	return sw(rsp, 0, 0x6100 | (e->held_len & 0xFF));
}

static size_t whole_apdu(struct echo *e, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size,
			 unsigned int *wait_ms)
{
	const uint8_t *data;
	size_t lc, le;

	if (len < 4 || !apdu_parse(cmd, len, &lc, &le, &data))
		return sw(rsp, 0, 0x6700);
	return echo_apdu(e, cmd, lc, le, data, rsp, size, wait_ms);
}

static size_t echo_exchange(struct vcard *card, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size,
			    unsigned int *wait_ms)
{
	struct echo *e = (struct echo *)card;

	if (e->contact)
		return sim_contact_exchange(e->contact, cmd, len, rsp, size);
	if (e->level != VREADER_TPDU)
		return whole_apdu(e, cmd, len, rsp, size, wait_ms);
	return len < 4 ? sw(rsp, 0, 0x6700) : echo_tpdu(e, cmd, len, rsp, size, wait_ms);
}

static void echo_free(struct vcard *card)
{
	sim_contact_free(((struct echo *)card)->contact);
	free(card);
}

struct vcard *vcard_echo_new(enum vreader_level level)
{
	static const struct vcard_ops ops = { echo_power_on, echo_power_off, echo_exchange, echo_free, NULL, NULL };
	struct echo *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->card.ops = &ops;
	sim_pins_init(&e->pins);
	e->level = level;
	return &e->card;
}

/* ---- with contacts: how long a command takes is its protocol's to say ---- */

static size_t contact_apdu(void *arg, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	unsigned int wait_ms;

	return whole_apdu(arg, cmd, len, rsp, size, &wait_ms);
}

static void echo_line(const struct vcard *card, unsigned int *protocol, uint8_t *fi_di)
{
	sim_contact_line(((const struct echo *)card)->contact, protocol, fi_di);
}

struct vcard *vcard_echo_contact_new(const struct sim_contact_config *cfg)
{
	static const struct vcard_ops ops = { echo_power_on, echo_power_off, echo_exchange, echo_free, NULL, echo_line };
	struct echo *e = calloc(1, sizeof(*e));
	const struct sim_contact_app app = { .apdu = contact_apdu, .arg = e };

	if (!e)
		return NULL;
	e->card.ops = &ops;
	sim_pins_init(&e->pins);
	e->level = VREADER_TPDU;
	e->contact = sim_contact_new(cfg, &app);
	if (!e->contact) {
		free(e);
		return NULL;
	}
	return &e->card;
}
