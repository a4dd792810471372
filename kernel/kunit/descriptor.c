// SPDX-License-Identifier: GPL-2.0-only
#include "suites.h"

#include "../descriptor.c"
#include "../message.h"

/* A class descriptor of exactly its length, so that KASAN watches its end. */
static u8 *make_desc(struct kunit *test)
{
	u8 *raw = kunit_kzalloc(test, CR_DESC_LEN, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, raw);
	raw[0] = CR_DESC_LEN;
	raw[1] = CR_DESC_TYPE;
	put_unaligned_le32(271, raw + 44);
	raw[53] = 1;
	return raw;
}

static u8 *make_bytes(struct kunit *test, const u8 *from, size_t len)
{
	u8 *bytes = kunit_kmalloc(test, len, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	memcpy(bytes, from, len);
	return bytes;
}

static void finds_the_class_descriptor(struct kunit *test)
{
	u8 *raw = make_desc(test);
	u8 *extra = kunit_kzalloc(test, 7 + CR_DESC_LEN, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, extra);
	KUNIT_EXPECT_PTR_EQ(test, cr_desc_find(raw, CR_DESC_LEN, false), (const u8 *)raw);
	/* Behind another one. */
	extra[0] = 7;
	extra[1] = 0x0b;
	memcpy(extra + 7, raw, CR_DESC_LEN);
	KUNIT_EXPECT_PTR_EQ(test, cr_desc_find(extra, 7 + CR_DESC_LEN, false),
			    (const u8 *)extra + 7);
}

static void finds_none_where_none_is_whole(struct kunit *test)
{
	u8 *raw = make_desc(test);
	int len;

	KUNIT_EXPECT_NULL(test, cr_desc_find(NULL, 0, false));
	for (len = 0; len < CR_DESC_LEN; len++)
		KUNIT_EXPECT_NULL(test, cr_desc_find(make_bytes(test, raw, len ?: 1), len, false));
	/* Whole, and saying of itself that it is shorter. */
	raw[0] = CR_DESC_LEN - 1;
	KUNIT_EXPECT_NULL(test, cr_desc_find(raw, CR_DESC_LEN, false));
	raw[0] = CR_DESC_LEN;
	raw[1] = 0x24;
	KUNIT_EXPECT_NULL(test, cr_desc_find(raw, CR_DESC_LEN, false));
}

/* Readers with an interface of the vendor's class may give the descriptor a type of that class. */
static void vendor_type_counts_on_the_vendors_class(struct kunit *test)
{
	u8 *raw = make_desc(test);

	KUNIT_EXPECT_PTR_EQ(test, cr_desc_find(raw, CR_DESC_LEN, true), (const u8 *)raw);
	raw[1] = CR_DESC_TYPE_VENDOR;
	KUNIT_EXPECT_PTR_EQ(test, cr_desc_find(raw, CR_DESC_LEN, true), (const u8 *)raw);
	KUNIT_EXPECT_NULL(test, cr_desc_find(raw, CR_DESC_LEN, false));
	KUNIT_EXPECT_NULL(test, cr_desc_find(raw, CR_DESC_LEN - 1, true));
	/* Of another length it is another thing of the vendor's. */
	raw[0] = CR_DESC_LEN - 1;
	KUNIT_EXPECT_NULL(test, cr_desc_find(raw, CR_DESC_LEN, true));
}

static void hostile_lengths_end_the_search(struct kunit *test)
{
	static const u8 zero[] = { 0, 0x21, 0, 0 };
	static const u8 one[] = { 1, 0x21, 0, 0 };
	static const u8 beyond[] = { 0xff, 0x21, 0, 0 };
	static const u8 last_byte[] = { 3, 0x0b, 0, 54 };

	KUNIT_EXPECT_NULL(test, cr_desc_find(make_bytes(test, zero, 4), 4, false));
	KUNIT_EXPECT_NULL(test, cr_desc_find(make_bytes(test, one, 4), 4, false));
	KUNIT_EXPECT_NULL(test, cr_desc_find(make_bytes(test, beyond, 4), 4, false));
	KUNIT_EXPECT_NULL(test, cr_desc_find(make_bytes(test, last_byte, 4), 4, false));
	KUNIT_EXPECT_NULL(test, cr_desc_find(zero, -1, false));
}

static void slots_are_bounded(struct kunit *test)
{
	u8 *raw = make_desc(test);
	struct cr_desc desc;
	unsigned int i;

	for (i = 0; i <= 0xff; i++) {
		raw[4] = i;
		raw[53] = 0xff;
		KUNIT_ASSERT_EQ(test, cr_desc_parse(raw, &desc), 0);
		KUNIT_EXPECT_EQ(test, desc.slots, min(i + 1, 32U));
		KUNIT_EXPECT_EQ(test, desc.busy_slots, desc.slots);
	}
}

static void no_busy_slot_means_one(struct kunit *test)
{
	u8 *raw = make_desc(test);
	struct cr_desc desc;

	raw[4] = 3;
	raw[53] = 0;
	KUNIT_ASSERT_EQ(test, cr_desc_parse(raw, &desc), 0);
	KUNIT_EXPECT_EQ(test, desc.busy_slots, 1U);
	raw[53] = 2;
	KUNIT_ASSERT_EQ(test, cr_desc_parse(raw, &desc), 0);
	KUNIT_EXPECT_EQ(test, desc.busy_slots, 2U);
}

static int parse_message(u8 *raw, u32 message, struct cr_desc *desc)
{
	put_unaligned_le32(message, raw + 44);
	return cr_desc_parse(raw, desc);
}

static void message_length_is_bounded(struct kunit *test)
{
	u8 *raw = make_desc(test);
	struct cr_desc desc;

	KUNIT_EXPECT_EQ(test, parse_message(raw, 0, &desc), -EINVAL);
	KUNIT_EXPECT_EQ(test, parse_message(raw, CR_HDR, &desc), -EINVAL);
	KUNIT_EXPECT_EQ(test, parse_message(raw, CR_MESSAGE_MIN - 1, &desc), -EINVAL);
	KUNIT_EXPECT_EQ(test, parse_message(raw, CR_MESSAGE_MIN, &desc), 0);
	KUNIT_EXPECT_EQ(test, desc.max_message, (u32)CR_MESSAGE_MIN);
	KUNIT_EXPECT_EQ(test, parse_message(raw, 65554, &desc), 0);
	KUNIT_EXPECT_EQ(test, desc.max_message, 65554U);
	KUNIT_EXPECT_EQ(test, parse_message(raw, 0xffffffff, &desc), 0);
	KUNIT_EXPECT_EQ(test, desc.max_message, (u32)CR_MESSAGE_MAX);
}

static void features_and_level_are_as_declared(struct kunit *test)
{
	u8 *raw = make_desc(test);
	struct cr_desc desc;

	raw[5] = CR_VOLTAGE_5V | CR_VOLTAGE_1V8;
	raw[52] = 3;
	put_unaligned_le32(0x000404b2, raw + 40);
	KUNIT_ASSERT_EQ(test, cr_desc_parse(raw, &desc), 0);
	KUNIT_EXPECT_EQ(test, desc.features, 0x000404b2U);
	KUNIT_EXPECT_EQ(test, desc.level, (u32)CARDRING_LEVEL_EXTENDED_APDU);
	KUNIT_EXPECT_EQ(test, desc.voltages, 5);
	KUNIT_EXPECT_EQ(test, desc.pin_support, 3);
	KUNIT_EXPECT_EQ(test, memcmp(desc.raw, raw, CR_DESC_LEN), 0);
	put_unaligned_le32(0xffffffff, raw + 40);
	KUNIT_ASSERT_EQ(test, cr_desc_parse(raw, &desc), 0);
	KUNIT_EXPECT_EQ(test, desc.level, 7U);
}

static void no_voltage_means_five(struct kunit *test)
{
	u8 *raw = make_desc(test);
	struct cr_desc desc;

	raw[5] = 0;
	KUNIT_ASSERT_EQ(test, cr_desc_parse(raw, &desc), 0);
	KUNIT_EXPECT_EQ(test, desc.voltages, CR_VOLTAGE_5V);
	raw[5] = 0xf8;
	KUNIT_ASSERT_EQ(test, cr_desc_parse(raw, &desc), 0);
	KUNIT_EXPECT_EQ(test, desc.voltages, CR_VOLTAGE_5V);
}

static struct kunit_case descriptor_cases[] = {
	KUNIT_CASE(finds_the_class_descriptor),
	KUNIT_CASE(finds_none_where_none_is_whole),
	KUNIT_CASE(vendor_type_counts_on_the_vendors_class),
	KUNIT_CASE(hostile_lengths_end_the_search),
	KUNIT_CASE(slots_are_bounded),
	KUNIT_CASE(no_busy_slot_means_one),
	KUNIT_CASE(message_length_is_bounded),
	KUNIT_CASE(features_and_level_are_as_declared),
	KUNIT_CASE(no_voltage_means_five),
	{ }
};

struct kunit_suite cr_descriptor_suite = {
	.name = "cardring-descriptor",
	.test_cases = descriptor_cases,
};
