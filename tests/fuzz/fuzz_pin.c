// SPDX-License-Identifier: BSD-2-Clause
/*
 * PIN structures: PC/SC's as programs give them, and what a keypad is told. The message of what is taken has room, and
 * the virtual reader takes it, or refuses it with the offset of a byte that is there, whatever is typed.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ccid/pin.h"
#include "vreader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pin_send(struct vreader *v, uint8_t type, const uint8_t *data, size_t len)
{
	uint8_t m[CCID_HDR + CR_CCID_PIN_MAX] = { type, (uint8_t)len, (uint8_t)(len >> 8) };

	if (len)
		memcpy(m + CCID_HDR, data, len);
	vreader_bulk_out(v, m, CCID_HDR + len, (CCID_HDR + len) % 512 == 0, 0);
}

/* bError of the answer, which is taken; -1: it succeeded; -2: there is none. */
static int pin_answer(struct vreader *v)
{
	const uint8_t *p;
	size_t n;
	int error = -2;

	while (vreader_in_peek(v, &p, &n) == VREADER_IN_PACKET) {
		if (n >= CCID_HDR)
			error = p[7] & 0x40 ? p[8] : -1;
		vreader_in_ack(v);
	}
	return error;
}

static void pin_ask(const uint8_t *message, size_t len, enum vreader_level level)
{
	const struct vreader_config c = { .level = level, .pin_support = 3, .lcd_layout = 0x0210 };
	struct vreader *v = vreader_new(&c);
	int error;

	if (!v)
		return;
	pin_send(v, PC_ICC_POWER_ON, NULL, 0);
	pin_answer(v);
	pin_send(v, PC_SECURE, message, len);
	error = pin_answer(v);
	if (error > 0 && error < 0x80 && (size_t)error > CCID_HDR + len)
		__builtin_trap();
	if (error == -2) {
		vreader_fault(v, "keys 1234567890123456789E12345678E12345678E", 0, NULL);
		/* the command may be one over which the card takes its time */
		while ((error = pin_answer(v)) == -2 && vreader_next(v) != VREADER_NEVER)
			vreader_tick(v, vreader_next(v));
		if (error == -2)
			__builtin_trap();
	}
	vreader_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[CR_CCID_PIN_MAX];
	struct cr_ccid_pin pin;
	size_t n;

	for (int modify = 0; modify < 2; modify++) {
		if (cr_ccid_pin_part10(&pin, data, size, modify))
			continue;
		n = cr_ccid_pin_message(&pin, NULL, out);
		if (n > sizeof(out) || memcmp(out + n - pin.apdu_len, data + size - pin.apdu_len, pin.apdu_len))
			__builtin_trap();
		pin_ask(out, n, VREADER_SHORT);
	}
	/* and as it is */
	pin_ask(data, size < CR_CCID_PIN_MAX ? size : CR_CCID_PIN_MAX, size & 1 ? VREADER_TPDU : VREADER_EXTENDED);
	return 0;
}
