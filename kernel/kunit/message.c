// SPDX-License-Identifier: GPL-2.0-only
#include "suites.h"

#include "../message.c"

#define PACKET	64
#define LIMIT	320	/* of the longest message, a multiple of PACKET */

static void header_has_every_field_in_its_place(struct kunit *test)
{
	static const u8 param[3] = { 0x11, 0x22, 0x33 };
	static const u8 want[CR_HDR] = {
		0x6f, 0xef, 0xcd, 0xab, 0x89, 0x07, 0xfe, 0x11, 0x22, 0x33,
	};
	u8 raw[CR_HDR + 1];

	memset(raw, 0xa5, sizeof(raw));
	cr_header_build(raw, 0x6f, 0x89abcdef, 7, 0xfe, param);
	KUNIT_EXPECT_EQ(test, memcmp(raw, want, CR_HDR), 0);
	KUNIT_EXPECT_EQ(test, raw[CR_HDR], 0xa5);
}

static void header_without_param_has_zeros(struct kunit *test)
{
	u8 raw[CR_HDR];

	memset(raw, 0xa5, sizeof(raw));
	cr_header_build(raw, 0x65, 0, 0, 0, NULL);
	KUNIT_EXPECT_EQ(test, raw[7] | raw[8] | raw[9], 0);
}

static void header_is_parsed_field_by_field(struct kunit *test)
{
	static const u8 raw[CR_HDR] = {
		0x80, 0x04, 0x03, 0x02, 0x81, 5, 0xc8, 0x41, 0xfe, 0x09,
	};
	struct cr_header header;

	cr_header_parse(raw, &header);
	KUNIT_EXPECT_EQ(test, header.type, 0x80);
	KUNIT_EXPECT_EQ(test, header.len, 0x81020304U);
	KUNIT_EXPECT_EQ(test, header.slot, 5);
	KUNIT_EXPECT_EQ(test, header.seq, 0xc8);
	KUNIT_EXPECT_EQ(test, header.status, 0x41);
	KUNIT_EXPECT_EQ(test, header.error, 0xfe);
	KUNIT_EXPECT_EQ(test, header.param, 0x09);
	KUNIT_EXPECT_EQ(test, CR_STATUS_ICC(header.status), CR_ICC_INACTIVE);
	KUNIT_EXPECT_EQ(test, CR_STATUS_COMMAND(header.status),
			CR_COMMAND_FAILED);
}

static void opcode_beyond_the_last_is_none(struct kunit *test)
{
	unsigned int op;

	for (op = 0; op < CARDRING_OP__COUNT; op++)
		KUNIT_EXPECT_NOT_NULL(test, cr_command(op));
	for (; op <= 0xff; op++)
		KUNIT_EXPECT_NULL(test, cr_command(op));
}

static void messages_have_the_types_of_the_standard(struct kunit *test)
{
	/* CCID 1.1, tables 6.1-1 and 6.2-1 */
	static const u8 want[CARDRING_OP__COUNT][2] = {
		[CARDRING_OP_XFER] = { 0x6f, 0x80 },
		[CARDRING_OP_POWER_ON] = { 0x62, 0x80 },
		[CARDRING_OP_POWER_OFF] = { 0x63, 0x81 },
		[CARDRING_OP_SLOT_STATUS] = { 0x65, 0x81 },
		[CARDRING_OP_GET_PARAMS] = { 0x6c, 0x82 },
		[CARDRING_OP_RESET_PARAMS] = { 0x6d, 0x82 },
		[CARDRING_OP_SET_PARAMS] = { 0x61, 0x82 },
		[CARDRING_OP_SECURE] = { 0x69, 0x80 },
		[CARDRING_OP_ESCAPE] = { 0x6b, 0x83 },
		[CARDRING_OP_ICC_CLOCK] = { 0x6e, 0x81 },
		[CARDRING_OP_T0_APDU] = { 0x6a, 0x81 },
		[CARDRING_OP_MECHANICAL] = { 0x71, 0x81 },
		[CARDRING_OP_SET_RATE_CLOCK] = { 0x73, 0x84 },
	};
	unsigned int op;

	for (op = 0; op < CARDRING_OP__COUNT; op++) {
		KUNIT_EXPECT_EQ(test, cr_command(op)->type, want[op][0]);
		KUNIT_EXPECT_EQ(test, cr_command(op)->answer, want[op][1]);
		KUNIT_EXPECT_LE(test, cr_command(op)->params, 3);
	}
}

static void what_can_harm_a_reader_needs_privilege(struct kunit *test)
{
	unsigned int op;

	for (op = 0; op < CARDRING_OP__COUNT; op++)
		KUNIT_EXPECT_TRUE(test, cr_command(op)->needs_rawio ==
				  (op == CARDRING_OP_ESCAPE ||
				   op == CARDRING_OP_MECHANICAL));
}

static void what_reaches_a_card_needs_one(struct kunit *test)
{
	static const u8 without[] = {
		CARDRING_OP_NOP, CARDRING_OP_POWER_ON, CARDRING_OP_POWER_OFF,
		CARDRING_OP_SLOT_STATUS, CARDRING_OP_ESCAPE,
		CARDRING_OP_MECHANICAL, CARDRING_OP_ABORT,
	};
	unsigned int op;

	for (op = 0; op < CARDRING_OP__COUNT; op++)
		KUNIT_EXPECT_TRUE(test, cr_command(op)->needs_card ==
				  !memchr(without, op, sizeof(without)));
}

static bool fits(u8 op, u8 type, u8 status, u32 len)
{
	const struct cr_header header = {
		.type = type, .status = status, .len = len,
	};

	return cr_answer_fits(cr_command(op), &header);
}

static void answer_is_of_the_commands_type(struct kunit *test)
{
	unsigned int type;

	for (type = 0; type <= 0xff; type++) {
		KUNIT_EXPECT_EQ(test, fits(CARDRING_OP_XFER, type, 0, 2),
				type == CR_RDR_DATA_BLOCK);
		KUNIT_EXPECT_EQ(test, fits(CARDRING_OP_ESCAPE, type, 0, 0),
				type == CR_RDR_ESCAPE);
	}
}

static void failure_may_be_a_bare_slot_status(struct kunit *test)
{
	/* bmCommandStatus 1: failed; 2: time extension; 0: all is well */
	KUNIT_EXPECT_TRUE(test, fits(CARDRING_OP_XFER, CR_RDR_SLOT_STATUS, 0x40, 0));
	KUNIT_EXPECT_TRUE(test, fits(CARDRING_OP_XFER, CR_RDR_SLOT_STATUS, 0x80, 0));
	KUNIT_EXPECT_FALSE(test, fits(CARDRING_OP_XFER, CR_RDR_SLOT_STATUS, 0, 0));
	KUNIT_EXPECT_FALSE(test, fits(CARDRING_OP_XFER, CR_RDR_SLOT_STATUS, 0x40, 1));
	KUNIT_EXPECT_FALSE(test, fits(CARDRING_OP_XFER, CR_RDR_PARAMETERS, 0x40, 0));
}

static void reserved_command_status_fits_nothing(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, fits(CARDRING_OP_XFER, CR_RDR_DATA_BLOCK, 0xc0, 2));
	KUNIT_EXPECT_FALSE(test, fits(CARDRING_OP_POWER_OFF, CR_RDR_SLOT_STATUS, 0xc0, 0));
}

static enum cr_progress progress(u32 have, u32 last, u32 len)
{
	return cr_progress(have, last, len, PACKET, LIMIT);
}

static void message_is_done_at_its_length(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, progress(10, 10, 0), CR_DONE);
	KUNIT_EXPECT_EQ(test, progress(12, 12, 2), CR_DONE);
	/* It fills its last packet. */
	KUNIT_EXPECT_EQ(test, progress(64, 64, 54), CR_DONE);
	KUNIT_EXPECT_EQ(test, progress(LIMIT, 64, LIMIT - CR_HDR), CR_DONE);
}

static void message_goes_on_after_full_packets(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, progress(64, 64, 55), CR_MORE);
	KUNIT_EXPECT_EQ(test, progress(192, 128, 300), CR_MORE);
}

static void message_that_ends_early_is_bad(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, progress(10, 10, 1), CR_BAD);
	KUNIT_EXPECT_EQ(test, progress(100, 36, 91), CR_BAD);
	/* An empty packet ends it too. */
	KUNIT_EXPECT_EQ(test, progress(64, 0, 55), CR_BAD);
}

static void message_that_is_longer_than_it_says_is_bad(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, progress(11, 11, 0), CR_BAD);
	KUNIT_EXPECT_EQ(test, progress(64, 64, 53), CR_BAD);
}

static void length_beyond_the_limit_is_bad(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, progress(64, 64, LIMIT - CR_HDR), CR_MORE);
	KUNIT_EXPECT_EQ(test, progress(64, 64, LIMIT - CR_HDR + 1), CR_BAD);
	/* 10 + dwLength would wrap to just what there is. */
	KUNIT_EXPECT_EQ(test, progress(64, 64, 54U - 0x80000000U), CR_BAD);
	KUNIT_EXPECT_EQ(test, progress(10, 10, 0xffffffffU), CR_BAD);
	KUNIT_EXPECT_EQ(test, progress(10, 10, 0xfffffff6U), CR_BAD);
}

static struct kunit_case message_cases[] = {
	KUNIT_CASE(header_has_every_field_in_its_place),
	KUNIT_CASE(header_without_param_has_zeros),
	KUNIT_CASE(header_is_parsed_field_by_field),
	KUNIT_CASE(opcode_beyond_the_last_is_none),
	KUNIT_CASE(messages_have_the_types_of_the_standard),
	KUNIT_CASE(what_can_harm_a_reader_needs_privilege),
	KUNIT_CASE(what_reaches_a_card_needs_one),
	KUNIT_CASE(answer_is_of_the_commands_type),
	KUNIT_CASE(failure_may_be_a_bare_slot_status),
	KUNIT_CASE(reserved_command_status_fits_nothing),
	KUNIT_CASE(message_is_done_at_its_length),
	KUNIT_CASE(message_goes_on_after_full_packets),
	KUNIT_CASE(message_that_ends_early_is_bad),
	KUNIT_CASE(message_that_is_longer_than_it_says_is_bad),
	KUNIT_CASE(length_beyond_the_limit_is_bad),
	{ }
};

struct kunit_suite cr_message_suite = {
	.name = "cardring-message",
	.test_cases = message_cases,
};
