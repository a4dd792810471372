/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DG5, the displayed portrait, and DG7, the displayed signature or usual mark: ICAO 9303-10, 4.7.5
 * and 4.7.7. No I/O.
 *
 *	65 { 02 01 n, 5F40 picture ... }	67 { 02 01 n, 5F43 picture ... }
 */
#include "eid/items.h"
#include "eid/lds.h"
#include "iso7816/tlv.h"

#define TAG_COUNT	0x02
#define TAG_PORTRAIT	0x5f40
#define TAG_SIGNATURE	0x5f43
#define MAX_PICTURES	9

int cr_items_pictures(uint16_t fid, const uint8_t *data, size_t len, struct cr_items *out)
{
	uint32_t tag = fid == CR_FID_DG(5) ? TAG_PORTRAIT : TAG_SIGNATURE;
	struct cr_tlv dg, count, t;
	unsigned int n = 0;
	const uint8_t *p;
	const char *type;
	size_t left;
	int r;

	if (cr_tlv_parse_all(data, len, &dg) || dg.tag != cr_lds_file_tag(fid))
		return CR_E_MALFORMED;
	p = dg.val;
	left = dg.len;
	if (cr_tlv_next(&p, &left, &count) <= 0 || count.tag != TAG_COUNT || count.len != 1 ||
	    !count.val[0] || count.val[0] > MAX_PICTURES)
		return CR_E_MALFORMED;
	while ((r = cr_tlv_next(&p, &left, &t)) > 0) {
		type = cr_image_type(t.val, t.len);
		if (t.tag != tag || !t.len || n == count.val[0])
			return CR_E_MALFORMED;
		r = cr_items_add_bytes(out, fid, ++n, "image", t.val, t.len,
				       type ? type : "application/octet-stream");
		if (r)
			return r;
	}
	return r || n != count.val[0] ? CR_E_MALFORMED : 0;
}
