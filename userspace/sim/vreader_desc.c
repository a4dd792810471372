// SPDX-License-Identifier: BSD-2-Clause
/* The virtual reader's CCID class descriptor (CCID 1.1, 5.1). */
#include <string.h>
#include "vreader_int.h"

size_t vreader_class_desc(const struct vreader *v, uint8_t *buf, size_t size)
{
	const struct vreader_config *c = &v->cfg;
	uint8_t d[54] = { sizeof(d), 0x21, 0x10, 0x01 };	/* bLength, bDescriptorType, bcdCCID 1.10 */
	const uint8_t *from = c->class_desc ? c->class_desc : d;
	size_t len = c->class_desc ? c->class_desc_len : sizeof(d);

	d[4] = c->slots - 1;			/* bMaxSlotIndex */
	d[5] = c->voltage;
	put_le32(d + 6, c->protocols);
	put_le32(d + 10, c->nclocks ? c->clocks[0] : 4000);		/* dwDefaultClock, kHz */
	put_le32(d + 14, c->nclocks ? c->clocks[c->nclocks - 1] : 4000);
	d[18] = c->nclocks;
	put_le32(d + 19, c->nrates ? c->rates[0] : 10752);		/* dwDataRate, bit/s */
	put_le32(d + 23, c->nrates ? c->rates[c->nrates - 1] : 344086);
	d[27] = c->nrates;
	put_le32(d + 28, c->max_ifsd);
	put_le32(d + 32, 0);			/* dwSynchProtocols */
	put_le32(d + 36, c->mechanical);
	put_le32(d + 40, c->features | (uint32_t)c->level << 16);
	put_le32(d + 44, c->max_message);
	d[48] = d[49] = c->level == VREADER_TPDU ? 0 : 0xFF;		/* bClassGetResponse, bClassEnvelope: echo */
	d[50] = c->lcd_layout;
	d[51] = c->lcd_layout >> 8;
	d[52] = c->pin_support;
	d[53] = c->busy_slots_zero ? 0 : c->busy_slots;
	if (len > size)
		len = size;
	memcpy(buf, from, len);
	return len;
}
