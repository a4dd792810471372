// SPDX-License-Identifier: BSD-2-Clause
/* What a reader is told of a PIN (CCID 1.1, 6.1.11), and what its answer means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <cardring/error.h>
#include "ccid/pin.h"
#include "hex.h"

static void expect_message(const struct cr_pin_request *r, bool modify, bool display, const char *want)
{
	uint8_t out[CR_CCID_PIN_MAX], bytes[CR_CCID_PIN_MAX];
	struct cr_ccid_pin pin;
	size_t n = hex(bytes, want);

	assert_int_equal(cr_ccid_pin_plan(&pin, r, modify, display), 0);
	assert_int_equal(cr_ccid_pin_message(&pin, NULL, out), n);
	assert_memory_equal(out, bytes, n);
}

static void verification_in_each_format(void **state)
{
	struct cr_pin_request r = { .format = cr_pin_format_padded(4, 8), .reference = 0x81 };

	expect_message(&r, false, false, "00 1E 82 08 00 08 04 02 00 09 04 00 00 00 00 00 20 00 81 08 FF FF FF FF FF FF FF FF");
	r.format = cr_pin_format_plain(6, 15);
	expect_message(&r, false, false, "00 1E 82 00 00 0F 06 02 00 09 04 00 00 00 00 00 20 00 81");
	r.format = cr_pin_format_bcd(4, 8);
	expect_message(&r, false, false, "00 1E 81 08 00 08 04 02 00 09 04 00 00 00 00 00 20 00 81 08 FF FF FF FF FF FF FF FF");
	/* as the programs of cards with such PINs have it since the first of these readers: 89, 47, 04 */
	r.format = cr_pin_format_iso9564_2(4, 12);
	expect_message(&r, false, false, "00 1E 89 47 04 0C 04 02 00 09 04 00 00 00 00 00 20 00 81 08 2F FF FF FF FF FF FF FF");
	r.format = (struct cr_pin_format){ .encoding = CR_PIN_BINARY, .right = true, .min = 4, .max = 6, .block = 6,
					   .head = { 0xAA, 0, 0xBB }, .head_len = 3, .length_bits = 8, .length_at = 8 };
	r.cla = 1;
	r.timeout_s = 9;
	r.language = 0x042A;
	expect_message(&r, false, true, "00 09 9C 86 08 06 04 02 01 2A 04 00 00 00 00 01 20 00 81 09 AA 00 BB 00 00 00 00 00 00");
}

static void a_length_field_beyond_bit_15_is_placed_in_bytes(void **state)
{
	struct cr_pin_request r = { .reference = 1, .format = { .encoding = CR_PIN_ASCII, .min = 1, .max = 15, .block = 15,
				    .head_len = 4, .length_bits = 8, .length_at = 24 } };
	struct cr_ccid_pin pin;

	assert_int_equal(cr_ccid_pin_plan(&pin, &r, false, false), 0);
	assert_int_equal(pin.length, 0x13);
	r.format.length_at = 20;
	assert_int_equal(cr_ccid_pin_plan(&pin, &r, false, false), CR_E_INVALID);
}

static void modification_with_and_without_the_old_one(void **state)
{
	struct cr_pin_request r = { .format = cr_pin_format_padded(4, 8), .reference = 0x81 };

	expect_message(&r, true, false, "01 1E 82 08 00 00 08 08 04 03 02 00 09 04 00 00 00 00"
		       "00 24 00 81 10 FFFFFFFFFFFFFFFF FFFFFFFFFFFFFFFF");
	expect_message(&r, true, true, "01 1E 82 08 00 00 08 08 04 03 02 03 09 04 00 01 02 00 00 00"
		       "00 24 00 81 10 FFFFFFFFFFFFFFFF FFFFFFFFFFFFFFFF");
	r.new_only = true;
	expect_message(&r, true, false, "01 1E 82 08 00 00 00 08 04 01 02 00 09 04 00 00 00 00 00 24 01 81 08 FFFFFFFFFFFFFFFF");
	expect_message(&r, true, true, "01 1E 82 08 00 00 00 08 04 01 02 02 09 04 01 02 00 00 00 00 24 01 81 08 FFFFFFFFFFFFFFFF");
	r.new_only = false;
	r.format = cr_pin_format_iso9564_2(4, 12);
	expect_message(&r, true, false, "01 1E 89 47 04 00 08 0C 04 03 02 00 09 04 00 00 00 00"
		       "00 24 00 81 10 2FFFFFFFFFFFFFFF 2FFFFFFFFFFFFFFF");
}

static void the_block_s_prologue_takes_its_place(void **state)
{
	struct cr_pin_request r = { .format = cr_pin_format_padded(4, 8), .reference = 0x81 };
	uint8_t out[CR_CCID_PIN_MAX];
	struct cr_ccid_pin pin;

	assert_int_equal(cr_ccid_pin_plan(&pin, &r, false, false), 0);
	cr_ccid_pin_message(&pin, (const uint8_t *)"\x00\x40\x0D", out);
	assert_memory_equal(out + 12, "\x00\x40\x0D\x00\x20", 5);
}

static void requests_that_make_no_sense_are_refused(void **state)
{
	static const struct { const char *what; bool modify; struct cr_pin_request r; } bad[] = {
		{ "encoding", false, { .format = { .encoding = 3, .min = 4, .max = 8, .block = 8 } } },
		{ "no digit", false, { .format = { .encoding = CR_PIN_ASCII, .min = 0, .max = 8, .block = 8 } } },
		{ "least above most", false, { .format = { .encoding = CR_PIN_ASCII, .min = 8, .max = 4, .block = 8 } } },
		{ "too many digits", false, { .format = { .encoding = CR_PIN_BCD, .min = 4, .max = 16, .block = 8 } } },
		{ "more than the block", false, { .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 9, .block = 8 } } },
		{ "more BCD than the block", false, { .format = { .encoding = CR_PIN_BCD, .min = 4, .max = 9, .block = 4 } } },
		{ "block too long", false, { .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 8, .block = 16 } } },
		{ "head too long", false, { .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 8, .block = 8, .head_len = 16 } } },
		{ "head without a block", false, { .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 8, .head_len = 1 } } },
		{ "right of nothing", false, { .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 8, .right = true } } },
		{ "length without a head", false, { .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 8, .block = 8,
		  .length_bits = 8 } } },
		{ "length beyond the head", false, { .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 8, .block = 8,
		  .head_len = 1, .length_bits = 8, .length_at = 1 } } },
		{ "length too wide", false, { .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 8, .block = 8,
		  .head_len = 2, .length_bits = 9 } } },
		{ "length too narrow", false, { .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 8, .block = 8,
		  .head_len = 1, .length_bits = 3 } } },
		{ "place of no length", false, { .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 8, .block = 8,
		  .head_len = 1, .length_at = 4 } } },
		{ "protected", false, { .cla = 0x0C, .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 8, .block = 8 } } },
		{ "chained", false, { .cla = 0x10, .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 8, .block = 8 } } },
		{ "reference", false, { .reference = 0x20, .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 8, .block = 8 } } },
		{ "new alone to verify", false, { .new_only = true, .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 8, .block = 8 } } },
		{ "two without blocks", true, { .format = { .encoding = CR_PIN_ASCII, .min = 4, .max = 8 } } },
	};
	struct cr_ccid_pin pin;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (cr_ccid_pin_plan(&pin, &bad[i].r, bad[i].modify, false) != CR_E_INVALID)
			fail_msg("taken: %s", bad[i].what);
}

/* ---- PC/SC part 10 ---- */

static const char verify_structure[] = "1E 05 82 08 00 08 04 02 00 09 04 00 00 00 00 0D 00 00 00"
				       "00 20 00 81 08 FF FF FF FF FF FF FF FF";
static const char modify_structure[] = "1E 05 82 08 00 00 08 08 04 03 02 03 09 04 00 01 02 00 00 00 15 00 00 00"
				       "00 24 00 81 10 FFFFFFFFFFFFFFFF FFFFFFFFFFFFFFFF";

static void pcsc_s_structures_become_ccid_s(void **state)
{
	struct cr_pin_request r = { .format = cr_pin_format_padded(4, 8), .reference = 0x81 };
	uint8_t in[CR_CCID_PIN_MAX + 8], got[CR_CCID_PIN_MAX], want[CR_CCID_PIN_MAX];
	struct cr_ccid_pin pin, same;

	for (int modify = 0; modify < 2; modify++) {
		size_t n = hex(in, modify ? modify_structure : verify_structure);

		assert_int_equal(cr_ccid_pin_part10(&pin, in, n, modify), 0);
		assert_int_equal(cr_ccid_pin_plan(&same, &r, modify, modify), 0);
		n = cr_ccid_pin_message(&same, NULL, want);
		assert_int_equal(cr_ccid_pin_message(&pin, NULL, got), n);
		assert_memory_equal(got, want, n);
		assert_int_equal(cr_ccid_pin_entries(&pin), modify ? 3 : 1);
	}
}

static void pcsc_s_structures_that_lie_are_refused(void **state)
{
	static const struct { bool modify; unsigned int at; uint8_t value; } lies[] = {
		{ false, 15, 0x0C }, { false, 15, 0x0E }, { false, 16, 1 }, { false, 18, 0x80 }, { false, 8, 2 },
		{ true, 20, 0x14 }, { true, 20, 0x16 }, { true, 23, 1 }, { true, 9, 4 }, { true, 11, 4 },
	};
	uint8_t in[CR_CCID_PIN_MAX + 8];
	struct cr_ccid_pin pin;
	size_t n;

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		n = hex(in, lies[i].modify ? modify_structure : verify_structure);
		in[lies[i].at] = lies[i].value;
		if (cr_ccid_pin_part10(&pin, in, n, lies[i].modify) != CR_E_MALFORMED)
			fail_msg("taken: lie %zu", i);
	}
	for (int modify = 0; modify < 2; modify++) {
		n = hex(in, modify ? modify_structure : verify_structure);
		for (size_t len = 0; len < n; len++) {
			uint8_t *exact = malloc(len ? len : 1);	/* what is read beyond it a sanitizer tells */

			assert_non_null(exact);
			memcpy(exact, in, len);
			assert_int_equal(cr_ccid_pin_part10(&pin, exact, len, modify), CR_E_MALFORMED);
			free(exact);
		}
	}
	/* an APDU longer than any short one */
	memset(in, 0, sizeof(in));
	in[15] = 5;
	in[16] = 1;
	in[7] = 2;
	assert_int_equal(cr_ccid_pin_part10(&pin, in, 19 + 261, false), CR_E_MALFORMED);
	in[15] = 4;
	assert_int_equal(cr_ccid_pin_part10(&pin, in, 19 + 260, false), 0);
}

static void a_condition_that_crashes_firmware_is_mended(void **state)
{
	static const uint8_t odd[] = { 0, 8, 0xFF };
	uint8_t in[64];
	struct cr_ccid_pin pin;
	size_t n = hex(in, verify_structure);

	for (size_t i = 0; i < sizeof(odd); i++) {
		in[7] = odd[i];
		assert_int_equal(cr_ccid_pin_part10(&pin, in, n, false), 0);
		assert_int_equal(pin.validation, 2);
	}
	in[7] = 7;
	assert_int_equal(cr_ccid_pin_part10(&pin, in, n, false), 0);
	assert_int_equal(pin.validation, 7);
}

static void whatever_a_structure_holds_its_message_has_room(void **state)
{
	uint8_t in[CR_PART10_MODIFY + CR_CCID_PIN_APDU_MAX], out[CR_CCID_PIN_MAX + 8];
	unsigned int seed = 1, taken = 0;
	struct cr_ccid_pin pin;

	for (unsigned int round = 0; round < 20000; round++) {
		bool modify = round & 1;
		size_t head = modify ? CR_PART10_MODIFY : CR_PART10_VERIFY, apdu = round % (CR_CCID_PIN_APDU_MAX + 1), n;

		for (size_t i = 0; i < sizeof(in); i++) {
			seed = seed * 1103515245 + 12345;
			in[i] = seed >> 16;
		}
		if (modify)
			in[9] &= 3;
		in[modify ? 11 : 8] &= round & 2 ? 1 : 0xff;
		memset(in + head - 4, 0, 4);
		in[head - 4] = apdu;
		in[head - 3] = apdu >> 8;
		if (cr_ccid_pin_part10(&pin, in, head + apdu, modify))
			continue;
		taken++;
		memset(out, 0x5A, sizeof(out));
		n = cr_ccid_pin_message(&pin, NULL, out);
		assert_true(n <= CR_CCID_PIN_MAX);
		assert_memory_equal(out + n - apdu, in + head, apdu);
		for (size_t i = n; i < sizeof(out); i++)
			assert_int_equal(out[i], 0x5A);
	}
	assert_true(taken > 5000);
}

/* ---- readers that are otherwise ---- */

static void mended(uint16_t vendor, uint16_t product, bool modify, const char *want)
{
	const struct cr_pin_request r = { .format = cr_pin_format_plain(4, 8), .reference = 0x81, .new_only = modify };
	uint8_t out[CR_CCID_PIN_MAX], bytes[64];
	struct cr_ccid_pin pin;
	size_t n = hex(bytes, want);

	assert_int_equal(cr_ccid_pin_plan(&pin, &r, modify, true), 0);
	pin.validation = 7;
	cr_ccid_pin_mend(&pin, vendor, product);
	assert_int_equal(cr_ccid_pin_message(&pin, NULL, out), n);
	assert_memory_equal(out, bytes, n);
}

static void the_structure_is_as_each_reader_takes_it(void **state)
{
	mended(0x1209, 0xC1D0, false, "00 1E 82 00 00 08 04 07 01 0904 00 000000 00200081");
	mended(0x1209, 0xC1D0, true, "01 1E 82 00 00 00 00 08 04 01 07 02 0904 01 02 000000 00240181");
	mended(0x08E6, 0x3478, false, "00 1E 82 00 00 08 04 02 01 0904 00 000000 00200081");
	mended(0x08E6, 0x3478, true, "01 1E 82 00 00 00 00 08 04 01 02 02 0904 01 02 00 000000 00240181");
	mended(0x04E6, 0xE003, true, "01 1E 82 00 00 00 00 08 04 01 07 00 0904 00 00 00 000000 00240181");
	mended(0x046A, 0x0010, true, "01 1E 82 00 00 00 00 08 04 01 07 03 0904 01 02 00 000000 00240181");
	mended(0x413C, 0x2101, false, "00 1E 82 00 00 08 04 07 00 0904 00 000000 00200081");
	mended(0x413C, 0x2100, false, "00 1E 82 00 00 04 08 07 00 0904 00 000000 00200081");
}

static void keypads_that_are_none_or_tell_the_host_are_not_counted(void **state)
{
	static const struct { uint16_t vendor, product; } none[] = {
		{ 0x03F0, 0x0036 }, { 0x03F0, 0x1024 }, { 0x0BF8, 0x1017 }, { 0x0783, 0x0006 }, { 0x076B, 0x3A21 },
		{ 0x046A, 0x00A7 }, { 0x0BF8, 0x1024 },
	};

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		assert_int_equal(cr_ccid_pin_support(3, none[i].vendor, none[i].product), 0);
	assert_int_equal(cr_ccid_pin_support(3, 0x08E6, 0x3478), 3);
	assert_int_equal(cr_ccid_pin_support(1, 0x413C, 0x2100), 1);
	assert_int_equal(cr_ccid_pin_support(0, 0x1209, 0xC1D0), 0);
}

/* ---- what came of it ---- */

#define CARD	CR_CCID_PIN_BY_CARD
#define READER	CR_CCID_PIN_BY_READER
#define EITHER	CR_CCID_PIN_BY_EITHER

static void results_are_told_apart(void **state)
{
	static const struct {
		uint16_t sw;
		enum cr_ccid_pin_word word;
		enum cr_pin_outcome outcome;
		int tries;
		uint16_t told;
	} t[] = {
		{ 0x9000, EITHER, CR_PIN_OK, -1, 0x9000 },
		{ 0x63C2, EITHER, CR_PIN_WRONG, 2, 0x63C2 },
		{ 0x63CF, CARD, CR_PIN_WRONG, 15, 0x63CF },
		{ 0x6300, EITHER, CR_PIN_WRONG, -1, 0x6300 },
		{ 0x63C0, EITHER, CR_PIN_BLOCKED, 0, 0x63C0 },
		{ 0x6983, EITHER, CR_PIN_BLOCKED, 0, 0x6983 },
		{ 0x6400, READER, CR_PIN_TIMEOUT, -1, 0 },
		{ 0x6401, READER, CR_PIN_CANCELED, -1, 0 },
		{ 0x6402, READER, CR_PIN_MISMATCH, -1, 0 },
		{ 0x6403, READER, CR_PIN_LENGTH, -1, 0 },
		/* the card may have said it: then the command was sent */
		{ 0x6400, EITHER, CR_PIN_TIMEOUT, -1, 0x6400 },
		{ 0x6401, EITHER, CR_PIN_CANCELED, -1, 0x6401 },
		{ 0x6402, EITHER, CR_PIN_MISMATCH, -1, 0x6402 },
		{ 0x6403, EITHER, CR_PIN_LENGTH, -1, 0x6403 },
		{ 0x6404, EITHER, CR_PIN_REFUSED, -1, 0x6404 },
		/* the card's own word, in a block of its own */
		{ 0x6400, CARD, CR_PIN_REFUSED, -1, 0x6400 },
		{ 0x6401, CARD, CR_PIN_REFUSED, -1, 0x6401 },
		{ 0x6A88, EITHER, CR_PIN_REFUSED, -1, 0x6A88 },
		{ 0x6982, EITHER, CR_PIN_REFUSED, -1, 0x6982 },
		{ 0x6B80, EITHER, CR_PIN_REFUSED, -1, 0x6B80 },
		{ 0x0000, EITHER, CR_PIN_REFUSED, -1, 0 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct cr_pin_result r = cr_ccid_pin_result(t[i].sw, t[i].word);

		if (r.outcome != t[i].outcome || r.tries != t[i].tries || r.sw != t[i].told)
			fail_msg("%04X: %s, %d tries, sw %04X", t[i].sw, cr_pin_outcome_name(r.outcome), r.tries, r.sw);
	}
}

static void only_two_errors_are_the_user_s(void **state)
{
	uint16_t sw;

	for (unsigned int error = 0; error < 256; error++) {
		sw = 0;
		assert_int_equal(cr_ccid_pin_error(error, &sw), error == 0xF0 || error == 0xEF);
		assert_int_equal(sw, error == 0xF0 ? 0x6400 : error == 0xEF ? 0x6401 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verification_in_each_format),
		cmocka_unit_test(a_length_field_beyond_bit_15_is_placed_in_bytes),
		cmocka_unit_test(modification_with_and_without_the_old_one),
		cmocka_unit_test(the_block_s_prologue_takes_its_place),
		cmocka_unit_test(requests_that_make_no_sense_are_refused),
		cmocka_unit_test(pcsc_s_structures_become_ccid_s),
		cmocka_unit_test(pcsc_s_structures_that_lie_are_refused),
		cmocka_unit_test(a_condition_that_crashes_firmware_is_mended),
		cmocka_unit_test(whatever_a_structure_holds_its_message_has_room),
		cmocka_unit_test(the_structure_is_as_each_reader_takes_it),
		cmocka_unit_test(keypads_that_are_none_or_tell_the_host_are_not_counted),
		cmocka_unit_test(results_are_told_apart),
		cmocka_unit_test(only_two_errors_are_the_user_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
