// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
#include <PCSC/wintypes.h>
#include <PCSC/reader.h>
#include <cardring/pin.h>
#include "ifd_control.h"
#include "iso7816/apdu.h"
#include "reader/card_int.h"
#include "reader/pin_int.h"

/* Codes of features are the handler's to choose. These are libccid's, for programs that do not ask. */
#define CODE(feature)	SCARD_CTL_CODE(0x330000 + (feature))

struct bytes {
	uint8_t *p;
	size_t n, room;
	int err;
};

static void put(struct bytes *b, uint64_t value, unsigned int n)
{
	if (b->n + n > b->room) {
		b->err = CR_E_TOO_LONG;
		return;
	}
	for (; n--; value >>= 8)
		b->p[b->n++] = (uint8_t)value;
}

/* 2.2: tag, length, and the code, highest byte first */
static void put_feature(struct bytes *b, uint8_t feature)
{
	put(b, feature, 1);
	put(b, 4, 1);
	for (unsigned int shift = 32; shift; shift -= 8)
		put(b, (CODE(feature) >> (shift - 8)) & 0xff, 1);
}

static void put_features(struct bytes *b, const struct cr_pinpad *pad)
{
	if (pad->verify)
		put_feature(b, FEATURE_VERIFY_PIN_DIRECT);
	if (pad->modify)
		put_feature(b, FEATURE_MODIFY_PIN_DIRECT);
	if (pad->verify || pad->modify)
		put_feature(b, FEATURE_IFD_PIN_PROPERTIES);
	put_feature(b, FEATURE_GET_TLV_PROPERTIES);
}

static uint16_t lcd_layout(const struct cr_pinpad *pad)
{
	return (uint16_t)(pad->lines << 8 | pad->columns);
}

/* Of bEntryValidationCondition a descriptor says nothing. No second timeout: CCID 1.1 has none. */
#define ANY_CONDITION	0x07

/* 2.5.5, PIN_PROPERTIES_STRUCTURE */
static void put_pin_properties(struct bytes *b, const struct cr_pinpad *pad)
{
	put(b, lcd_layout(pad), 2);
	put(b, ANY_CONDITION, 1);
	put(b, 0, 1);
}

static void put_property(struct bytes *b, uint8_t tag, uint8_t len, uint32_t value)
{
	put(b, tag, 1);
	put(b, len, 1);
	put(b, value, len);
}

/*
 * The most data in an APDU; 0: short ones alone. A reader that gives a long response in one message gives no more of it
 * than a card's buffer takes; else it is 7816-4's most.
 */
static uint32_t longest(const struct cardring_info *dev)
{
	struct cr_ring_params params;

	if (dev->level == CARDRING_LEVEL_TPDU)
		return CR_APDU_MAX_LE;
	if (dev->level != CARDRING_LEVEL_EXTENDED_APDU)
		return 0;
	cr_card_params(&cr_backend_kernel, dev, &params);
	return dev->max_payload > params.buf_size ? params.buf_size - 2 : CR_APDU_MAX_LE;
}

/* 2.6.14; numbers lowest byte first */
static void put_properties(struct bytes *b, const struct cr_reader_info *reader, const struct cr_pinpad *pad)
{
	put_property(b, PCSCv2_PART10_PROPERTY_wLcdLayout, 2, lcd_layout(pad));
	put_property(b, PCSCv2_PART10_PROPERTY_bEntryValidationCondition, 1, ANY_CONDITION);
	put_property(b, PCSCv2_PART10_PROPERTY_bTimeOut2, 1, 0);
	put_property(b, PCSCv2_PART10_PROPERTY_wLcdMaxCharacters, 2, pad->columns);
	put_property(b, PCSCv2_PART10_PROPERTY_wLcdMaxLines, 2, pad->lines);
	put_property(b, PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize, 4, longest(&reader->dev));
	put_property(b, PCSCv2_PART10_PROPERTY_wIdVendor, 2, reader->dev.vendor);
	put_property(b, PCSCv2_PART10_PROPERTY_wIdProduct, 2, reader->dev.product);
}

/* 2.5.2, 2.5.3: the answer is the card's, or a status word of the reader's own. */
static int pin(cr_card_t *card, bool modify, const uint8_t *in, size_t in_len, struct bytes *b)
{
	struct cr_ccid_pin structure;
	enum cr_ccid_pin_word word;
	uint16_t sw;
	int err = cr_ccid_pin_part10(&structure, in, in_len, modify);

	if (err)
		return err;
	if (!card)
		return CR_E_NO_CARD;
	if (b->room < 2)
		return CR_E_TOO_LONG;
	err = cr_card_pin_run(card, &structure, &sw, &word);
	if (err)
		return err;
	put(b, sw >> 8, 1);
	put(b, sw & 0xff, 1);
	return 0;
}

int ifd_control(const struct cr_reader_info *reader, cr_card_t *card, unsigned long code, const uint8_t *in,
		size_t in_len, uint8_t *out, size_t *out_len)
{
	struct bytes b = { .p = out, .room = *out_len };
	struct cr_pinpad pad;
	int err = 0;

	*out_len = 0;
	cr_reader_pinpad(reader, &pad);
	if (code == CM_IOCTL_GET_FEATURE_REQUEST)
		put_features(&b, &pad);
	else if (code == CODE(FEATURE_GET_TLV_PROPERTIES))
		put_properties(&b, reader, &pad);
	else if (code == CODE(FEATURE_IFD_PIN_PROPERTIES) && (pad.verify || pad.modify))
		put_pin_properties(&b, &pad);
	else if (code == CODE(FEATURE_VERIFY_PIN_DIRECT) && pad.verify)
		err = pin(card, false, in, in_len, &b);
	else if (code == CODE(FEATURE_MODIFY_PIN_DIRECT) && pad.modify)
		err = pin(card, true, in, in_len, &b);
	else
		return CR_E_NOT_FOUND;
	err = err ? err : b.err;
	*out_len = err ? 0 : b.n;
	return err;
}
