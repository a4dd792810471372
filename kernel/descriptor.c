// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CCID class descriptor (CCID 1.1, 5.1): 54 bytes that say what a reader
 * can do. Most readers place it behind the interface descriptor, some behind
 * an endpoint's. It is the firmware's word and nothing more: every number is
 * bounded here, and nowhere else.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include <uapi/cardring.h>

#include "compat.h"
#include "descriptor.h"

/**
 * cr_desc_find - look for the class descriptor among a descriptor's extra bytes
 * @extra: concatenated descriptors, may be NULL
 * @len: their length in bytes
 * @vendor: the interface is of the vendor's class, where the type may be too
 *
 * Return: its first byte, CR_DESC_LEN bytes of it being there, or NULL.
 */
const u8 *cr_desc_find(const u8 *extra, int len, bool vendor)
{
	while (extra && len >= 2 && extra[0] >= 2 && extra[0] <= len) {
		if (extra[0] >= CR_DESC_LEN && extra[1] == CR_DESC_TYPE)
			return extra;
		if (vendor && extra[0] == CR_DESC_LEN &&
		    extra[1] == CR_DESC_TYPE_VENDOR)
			return extra;
		len -= extra[0];
		extra += extra[0];
	}
	return NULL;
}

/**
 * cr_desc_parse - check and bound a class descriptor
 * @raw: CR_DESC_LEN bytes
 * @desc: receives what is used of it
 *
 * Return: 0, or -EINVAL when no message fits the reader.
 */
int cr_desc_parse(const u8 *raw, struct cr_desc *desc)
{
	u32 message = get_unaligned_le32(raw + 44);

	if (message < CR_MESSAGE_MIN)
		return -EINVAL;

	memcpy(desc->raw, raw, CR_DESC_LEN);
	desc->slots = min_t(unsigned int, raw[4] + 1, CARDRING_MAX_SLOTS);
	/* Six firmwares of the 691 known say 0 and mean 1. */
	desc->busy_slots = clamp_t(unsigned int, raw[53], 1, desc->slots);
	/* One that names none it could choose means what every reader has. */
	desc->voltages = raw[5] & CR_VOLTAGES ?: CR_VOLTAGE_5V;
	desc->features = get_unaligned_le32(raw + 40);
	desc->level = (desc->features >> 16) & 7;
	desc->max_message = min_t(u32, message, CR_MESSAGE_MAX);
	desc->pin_support = raw[52];
	return 0;
}
