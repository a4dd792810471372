// SPDX-License-Identifier: BSD-2-Clause
/* CCID messages and descriptors, CCID 1.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <cardring/error.h>
#include "ccid/descriptor.h"
#include "ccid/message.h"
#include "vreader.h"
#include "hex.h"

/* ---- messages ---- */

static void opcodes_are_messages(void **state)
{
	static const struct { uint8_t op, type, answer, params; } t[] = {
		{ CARDRING_OP_NOP, 0, 0, 0 }, { CARDRING_OP_ABORT, 0, 0, 0 },
		{ CARDRING_OP_XFER, PC_XFR_BLOCK, RDR_DATA_BLOCK, 3 },
		{ CARDRING_OP_POWER_ON, PC_ICC_POWER_ON, RDR_DATA_BLOCK, 1 },
		{ CARDRING_OP_POWER_OFF, PC_ICC_POWER_OFF, RDR_SLOT_STATUS, 0 },
		{ CARDRING_OP_SLOT_STATUS, PC_GET_SLOT_STATUS, RDR_SLOT_STATUS, 0 },
		{ CARDRING_OP_GET_PARAMS, PC_GET_PARAMETERS, RDR_PARAMETERS, 0 },
		{ CARDRING_OP_RESET_PARAMS, PC_RESET_PARAMETERS, RDR_PARAMETERS, 0 },
		{ CARDRING_OP_SET_PARAMS, PC_SET_PARAMETERS, RDR_PARAMETERS, 1 },
		{ CARDRING_OP_SECURE, PC_SECURE, RDR_DATA_BLOCK, 3 },
		{ CARDRING_OP_ESCAPE, PC_ESCAPE, RDR_ESCAPE, 0 },
		{ CARDRING_OP_ICC_CLOCK, PC_ICC_CLOCK, RDR_SLOT_STATUS, 1 },
		{ CARDRING_OP_T0_APDU, PC_T0_APDU, RDR_SLOT_STATUS, 3 },
		{ CARDRING_OP_MECHANICAL, PC_MECHANICAL, RDR_SLOT_STATUS, 1 },
		{ CARDRING_OP_SET_RATE_CLOCK, PC_SET_RATE_CLOCK, RDR_RATE_CLOCK, 0 },
	};

	assert_int_equal(sizeof(t) / sizeof(t[0]), CARDRING_OP__COUNT);
	for (size_t i = 0; i < CARDRING_OP__COUNT; i++) {
		const struct cr_ccid_command *c = cr_ccid_command(t[i].op);

		assert_int_equal(c->type, t[i].type);
		assert_int_equal(c->answer, t[i].answer);
		assert_int_equal(c->params, t[i].params);
	}
	assert_null(cr_ccid_command(CARDRING_OP__COUNT));
	assert_null(cr_ccid_command(255));
}

static void header_is_little_endian(void **state)
{
	const uint8_t param[3] = { 7, 8, 9 };
	struct cr_ccid_header h;
	uint8_t raw[CR_CCID_HDR];

	cr_ccid_put_header(raw, PC_XFR_BLOCK, 0x04030201, 5, 6, param);
	assert_memory_equal(raw, "\x6F\1\2\3\4\5\6\7\x8\x9", sizeof(raw));
	cr_ccid_put_header(raw, PC_XFR_BLOCK, 0, 5, 6, NULL);
	assert_memory_equal(raw, "\x6F\0\0\0\0\5\6\0\0\0", sizeof(raw));
	cr_ccid_get_header((const uint8_t *)"\x80\1\2\3\x84\5\6\7\x8\x9", &h);
	assert_int_equal(h.type, 0x80);
	assert_int_equal(h.len, 0x84030201);
	assert_int_equal(h.slot, 5);
	assert_int_equal(h.seq, 6);
	assert_int_equal(h.status, 7);
	assert_int_equal(h.error, 8);
	assert_int_equal(h.param, 9);
}

static void answer_is_of_its_command(void **state)
{
	static const struct { uint8_t type, status; uint32_t len; bool fits; } t[] = {
		{ RDR_DATA_BLOCK, 0x00, 5, true }, { RDR_DATA_BLOCK, 0x40, 0, true }, { RDR_DATA_BLOCK, 0x80, 0, true },
		{ RDR_DATA_BLOCK, 0xC0, 0, false },	/* reserved */
		{ RDR_SLOT_STATUS, 0x00, 0, false }, { RDR_SLOT_STATUS, 0x42, 0, true },
		{ RDR_SLOT_STATUS, 0x42, 1, false }, { RDR_SLOT_STATUS, 0x80, 0, true },
		{ RDR_PARAMETERS, 0x00, 7, false }, { RDR_NOTIFY_SLOT_CHANGE, 0x40, 0, false },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct cr_ccid_header h = { .type = t[i].type, .status = t[i].status, .len = t[i].len };

		assert_int_equal(cr_ccid_answers(cr_ccid_command(CARDRING_OP_XFER), &h), t[i].fits);
	}
}

static void length_received_is_judged_against_the_header(void **state)
{
	static const struct { size_t have, last; uint32_t len; int extent; } t[] = {
		{ 10, 10, 0, CR_CCID_WHOLE }, { 12, 12, 2, CR_CCID_WHOLE }, { 11, 11, 2, CR_CCID_BROKEN },
		{ 13, 13, 2, CR_CCID_BROKEN }, { 64, 64, 100, CR_CCID_PART }, { 64, 0, 100, CR_CCID_BROKEN },
		{ 110, 46, 100, CR_CCID_WHOLE }, { 128, 64, 118, CR_CCID_WHOLE }, { 128, 64, 100, CR_CCID_BROKEN },
		{ 63, 63, 100, CR_CCID_BROKEN }, { 271, 15, 261, CR_CCID_WHOLE }, { 64, 64, 262, CR_CCID_BROKEN },
		{ 64, 64, 0xFFFFFFFF, CR_CCID_BROKEN }, { 64, 64, 0xFFFFFFF6, CR_CCID_BROKEN },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(cr_ccid_extent(t[i].have, t[i].last, t[i].len, 64, 271), t[i].extent);
}

/* ---- descriptors ---- */

#define DEVICE	"12 01 0002 00 00 00 40 0912 d0c1 0001 01 02 00 01 "
#define CONF(v)	"09 02 5D00 01 " v " 00 80 32 "
#define ITF(n, alt, class) "09 04 " n " " alt " 03 " class " 00 00 00 "
#define CCID(slot, message, busy) "36 21 1001 " slot " 07" CCID_REST(message, busy)
#define CCID_REST(message, busy) \
	" 03000000 A00F0000 A00F0000 00 802A0000 802A0000 00 FE000000 00000000 00000000 " \
	"BA040400 " message " FF FF 0000 00 " busy " "
#define OUT	"07 05 01 02 4000 00 "
#define IN	"07 05 82 02 4000 00 "
#define INTR	"07 05 83 03 0800 18 "

static int find(const char *text, uint8_t conf, int number, struct cr_ccid_interface *out)
{
	uint8_t raw[600];

	memset(out, 0, sizeof(*out));
	return cr_ccid_interface_find(raw, hex(raw, text), conf, number, out);
}

static void interface_is_found(void **state)
{
	struct cr_ccid_interface itf;

	assert_int_equal(find(DEVICE CONF("01") ITF("00", "00", "0B") CCID("00", "0F010000", "01") OUT IN INTR, 1, -1,
			      &itf), 0);
	assert_int_equal(itf.number, 0);
	assert_int_equal(itf.out, 0x01);
	assert_int_equal(itf.in, 0x82);
	assert_int_equal(itf.in_packet, 64);
	assert_int_equal(itf.interrupt, 0x83);
	assert_int_equal(itf.interrupt_packet, 8);
	assert_int_equal(itf.desc.slots, 1);
	assert_int_equal(itf.desc.max_message, 271);
	assert_int_equal(itf.desc.level, CARDRING_LEVEL_EXTENDED_APDU);
	assert_int_equal(itf.desc.features, 0x404BA);
	/* behind an endpoint; without an interrupt endpoint */
	assert_int_equal(find(DEVICE CONF("01") ITF("00", "00", "0B") OUT IN CCID("00", "0F010000", "01"), 1, 0, &itf),
			 0);
	assert_int_equal(itf.interrupt, 0);
}

static void right_interface_of_a_composite_is_found(void **state)
{
	static const char *const device = DEVICE
		CONF("01") ITF("00", "00", "0B") CCID("00", "0F010000", "01") OUT IN INTR
		CONF("02") ITF("00", "00", "03") INTR
			ITF("01", "00", "0B") OUT IN			/* no class descriptor */
			ITF("02", "00", "0B") CCID("01", "00040000", "02") "07 05 04 02 0002 00 07 05 85 02 0002 00 "
			ITF("02", "01", "0B") CCID("07", "00080000", "08") OUT IN;
	struct cr_ccid_interface itf;

	assert_int_equal(find(device, 2, -1, &itf), 0);
	assert_int_equal(itf.number, 2);
	assert_int_equal(itf.in, 0x85);
	assert_int_equal(itf.in_packet, 512);
	assert_int_equal(itf.desc.slots, 2);
	assert_int_equal(itf.desc.busy_slots, 2);
	assert_int_equal(find(device, 2, 2, &itf), 0);
	assert_int_equal(find(device, 2, 1, &itf), CR_E_UNSUPPORTED);
	assert_int_equal(find(device, 2, 0, &itf), CR_E_NOT_FOUND);	/* of another class */
	assert_int_equal(find(device, 1, 0, &itf), 0);
	assert_int_equal(find(device, 3, -1, &itf), CR_E_NOT_FOUND);
}

static void descriptor_is_bounded(void **state)
{
	struct cr_ccid_interface itf;

	/* bMaxCCIDBusySlots 0 means 1; more busy slots than slots; more slots than are served */
	assert_int_equal(find(CONF("01") ITF("00", "00", "0B") CCID("03", "0F010000", "00") OUT IN, 1, -1, &itf), 0);
	assert_int_equal(itf.desc.busy_slots, 1);
	assert_int_equal(find(CONF("01") ITF("00", "00", "0B") CCID("03", "0F010000", "FF") OUT IN, 1, -1, &itf), 0);
	assert_int_equal(itf.desc.busy_slots, 4);
	assert_int_equal(find(CONF("01") ITF("00", "00", "0B") CCID("FF", "FFFFFFFF", "FF") OUT IN, 1, -1, &itf), 0);
	assert_int_equal(itf.desc.slots, CARDRING_MAX_SLOTS);
	assert_int_equal(itf.desc.max_message, CR_CCID_MESSAGE_MAX);
	/* a reader that names no voltage means 5 V */
	assert_int_equal(itf.desc.voltages, CR_CCID_5V | CR_CCID_3V | CR_CCID_1V8);
	assert_int_equal(find(CONF("01") ITF("00", "00", "0B") "36 21 1001 00 F8" CCID_REST("0F010000", "01") OUT IN, 1, -1,
			      &itf), 0);
	assert_int_equal(itf.desc.voltages, CR_CCID_5V);
	/* messages that carry no APDU; no endpoints; packets of nothing */
	assert_int_equal(find(CONF("01") ITF("00", "00", "0B") CCID("00", "1F000000", "01") OUT IN, 1, -1, &itf),
			 CR_E_UNSUPPORTED);
	assert_int_equal(find(CONF("01") ITF("00", "00", "0B") CCID("00", "0F010000", "01") OUT, 1, -1, &itf),
			 CR_E_UNSUPPORTED);
	assert_int_equal(find(CONF("01") ITF("00", "00", "0B") CCID("00", "0F010000", "01") IN INTR, 1, -1, &itf),
			 CR_E_UNSUPPORTED);
	assert_int_equal(find(CONF("01") ITF("00", "00", "0B") CCID("00", "0F010000", "01") OUT
			      "07 05 82 02 0000 00", 1, -1, &itf), CR_E_UNSUPPORTED);
}

/* ---- whose class does not tell, and whose does too much ---- */

#define MADE_BY(vendor, product) "12 01 0002 00 00 00 40 " vendor product " 0001 01 02 00 01 "
#define GEMPLUS	MADE_BY("E608", "0222")		/* 08E6:2202 */

static void reader_of_the_vendors_class_is_found_where_it_is_known(void **state)
{
	static const char *const rest = CONF("01") ITF("00", "00", "FF") CCID("00", "0F010000", "01") OUT IN;
	struct cr_ccid_interface itf;
	char text[1200], *p;

	snprintf(text, sizeof(text), "%s%s", GEMPLUS, rest);
	assert_int_equal(find(text, 1, -1, &itf), 0);
	assert_int_equal(itf.desc.max_message, 271);
	/* of another maker's, the class says nothing */
	snprintf(text, sizeof(text), "%s%s", DEVICE, rest);
	assert_int_equal(find(text, 1, -1, &itf), CR_E_NOT_FOUND);
	/* the descriptor's type may be the vendor's there, and there alone; of this length */
	snprintf(text, sizeof(text), "%s%s", GEMPLUS, rest);
	p = strstr(text, "36 21 ");
	assert_non_null(p);
	memcpy(p, "36 FF", 5);
	assert_int_equal(find(text, 1, -1, &itf), 0);
	p = strstr(text, "09 04 00 00 03 FF");
	assert_non_null(p);
	memcpy(p, "09 04 00 00 03 0B", 17);
	assert_int_equal(find(text, 1, -1, &itf), CR_E_UNSUPPORTED);
	assert_true(cr_ccid_class(0x0B, 0, 0));
	assert_true(cr_ccid_class(0xFF, 0x413C, 0x2100));
	assert_false(cr_ccid_class(0xFF, 0x0C4B, 0x0300));	/* another protocol */
	assert_false(cr_ccid_class(0x03, 0x413C, 0x2100));
}

#define HID(n, sub, proto)	"09 04 " n " 00 02 03 " sub " " proto " 00 09 21 1101 00 01 22 2200 "
#define KEYS	"07 05 84 03 0800 0A "
#define HID_IN	"07 05 85 03 4000 02 "
#define HID_OUT	"07 05 05 03 4000 02 "
#define READER(n) ITF(n, "00", "0B") CCID("00", "000C0000", "01") OUT IN INTR

static bool token(const char *text)
{
	uint8_t raw[600];

	return cr_ccid_token(raw, hex(raw, text), 1);
}

static void token_is_a_reader_beside_fido(void **state)
{
	assert_true(token(DEVICE CONF("01") HID("00", "00", "00") HID_IN HID_OUT READER("01")));
	assert_true(token(DEVICE CONF("01") READER("00") HID("01", "00", "00") HID_OUT HID_IN));
	assert_true(token(DEVICE CONF("01") HID("00", "01", "01") KEYS HID("01", "00", "00") HID_IN HID_OUT READER("02")));
	/* what is in another configuration does not count */
	assert_false(token(DEVICE CONF("02") HID("00", "00", "00") HID_IN HID_OUT CONF("01") READER("00")));
}

static void reader_and_keyboard_with_a_slot_are_no_tokens(void **state)
{
	assert_false(token(DEVICE CONF("01") READER("00")));
	assert_false(token(DEVICE CONF("01") HID("00", "01", "01") KEYS READER("01")));
	/* a keyboard's keys for sound and power; one that takes reports too, as its lamps do; a mouse */
	assert_false(token(DEVICE CONF("01") HID("00", "01", "01") KEYS HID("01", "00", "00") KEYS READER("02")));
	assert_false(token(DEVICE CONF("01") HID("00", "01", "01") HID_IN HID_OUT READER("01")));
	assert_false(token(DEVICE CONF("01") HID("00", "00", "00") HID_IN HID("01", "01", "02") KEYS READER("02")));
	/* endpoints of the reader's are not those of the interface before it */
	assert_false(token(DEVICE CONF("01") HID("00", "00", "00") HID_IN ITF("01", "00", "0B") HID_OUT));
}

static void token_without_fido_is_known_by_its_maker(void **state)
{
	static const char *const device[] = {
		MADE_BY("5010", "0504") CONF("01"), MADE_BY("A020", "0841") CONF("01"), MADE_BY("A020", "1142") CONF("01"),
	};
	char text[1200];

	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "%s%s", device[i], HID("00", "01", "01") KEYS READER("01"));
		assert_int_equal(token(text), i < 2);	/* 20A0:4211 has a reader alone, and is not in the table */
		snprintf(text, sizeof(text), "%s%s", device[i], READER("00"));
		assert_false(token(text));
	}
}

/* However the bytes are cut or lie, nothing beyond them is read (and valgrind and sanitizers would tell). */
static void cut_and_lying_descriptors_end_the_search(void **state)
{
	uint8_t raw[300];
	size_t n = hex(raw, DEVICE CONF("01") ITF("00", "00", "0B") CCID("00", "0F010000", "01") OUT IN);
	struct cr_ccid_interface itf;

	for (size_t i = 0; i < n; i++) {
		assert_int_not_equal(cr_ccid_interface_find(raw, i, 1, -1, &itf), 0);
		assert_false(cr_ccid_token(raw, i, 1));
	}
	for (size_t at = 18; at < n; at += raw[at]) {
		uint8_t was = raw[at];

		raw[at] = 0;
		assert_int_not_equal(cr_ccid_interface_find(raw, n, 1, -1, &itf), 0);
		raw[at] = 1;
		assert_int_not_equal(cr_ccid_interface_find(raw, n, 1, -1, &itf), 0);
		raw[at] = 255;
		assert_int_not_equal(cr_ccid_interface_find(raw, n, 1, -1, &itf), 0);
		raw[at] = was;
	}
	assert_int_equal(cr_ccid_interface_find(raw, n, 1, -1, &itf), 0);
	assert_int_equal(cr_ccid_interface_find(NULL, 0, 1, -1, &itf), CR_E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opcodes_are_messages),
		cmocka_unit_test(header_is_little_endian),
		cmocka_unit_test(answer_is_of_its_command),
		cmocka_unit_test(length_received_is_judged_against_the_header),
		cmocka_unit_test(interface_is_found),
		cmocka_unit_test(right_interface_of_a_composite_is_found),
		cmocka_unit_test(descriptor_is_bounded),
		cmocka_unit_test(reader_of_the_vendors_class_is_found_where_it_is_known),
		cmocka_unit_test(token_is_a_reader_beside_fido),
		cmocka_unit_test(reader_and_keyboard_with_a_slot_are_no_tokens),
		cmocka_unit_test(token_without_fido_is_known_by_its_maker),
		cmocka_unit_test(cut_and_lying_descriptors_end_the_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
