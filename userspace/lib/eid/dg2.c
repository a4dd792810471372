/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DG2, the portrait: ICAO 9303-10, 4.7.2 around ISO/IEC 19794-5:2005, 5. No I/O.
 *
 * 75 { 7F61 { 02 01 n, 7F60 { A1 {...}, 5F2E or 7F2E } ... } }. The biometric data block is a
 * facial record: a header, then for each image its facial information, feature points, image
 * information and the image. Three lengths cover the same bytes (TLV, record, facial image block);
 * each is checked against the one around it.
 */
#include <string.h>
#include "iso7816/tlv.h"
#include "lds.h"

#define TAG_GROUP	0x7f61	/* biometric information group template */
#define TAG_COUNT	0x02
#define TAG_TEMPLATE	0x7f60
#define TAG_BDB		0x5f2e	/* biometric data block, primitive */
#define TAG_BDB_CONS	0x7f2e	/* constructed */

#define RECORD_HEADER	14	/* "FAC\0" "010\0", length of the record (4), images (2) */
#define FACE_INFO	20	/* length of the block (4), feature points (2), gender, eyes, ... */
#define FEATURE_POINT	8
#define IMAGE_INFO	12	/* face image type, data type, width, height, ... */
#define MAX_FACES	9	/* ICAO 9303-10, 4.7.2: instances 1 to 9 */

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* What the image is, by its own first bytes: the data type in the record is often wrong. */
static const char *image_type(const uint8_t *p, size_t n)
{
	static const uint8_t jp2[12] = {
		0, 0, 0, 0x0c, 'j', 'P', ' ', ' ', 0x0d, 0x0a, 0x87, 0x0a,
	};

	if (n > 3 && p[0] == 0xff && p[1] == 0xd8 && p[2] == 0xff)
		return "image/jpeg";
	if (n > sizeof(jp2) && !memcmp(p, jp2, sizeof(jp2)))
		return "image/jp2";
	/* A bare JPEG 2000 codestream (ISO/IEC 15444-1, A.4.1): SOC, then SIZ. */
	if (n > 4 && p[0] == 0xff && p[1] == 0x4f && p[2] == 0xff && p[3] == 0x51)
		return "image/jp2";
	return NULL;
}

static int first_image(const uint8_t *p, size_t n, const uint8_t **image, size_t *image_len,
		       const char **type)
{
	uint32_t record, block, points, images;
	size_t head;

	if (n < RECORD_HEADER + FACE_INFO + IMAGE_INFO || memcmp(p, "FAC", 4))
		return CR_E_MALFORMED;
	if (memcmp(p + 4, "010", 4) && memcmp(p + 4, "030", 4))
		return CR_E_MALFORMED;
	record = be32(p + 8);
	images = (uint32_t)p[12] << 8 | p[13];
	if (record > n || record < RECORD_HEADER + FACE_INFO + IMAGE_INFO || !images)
		return CR_E_MALFORMED;
	block = be32(p + RECORD_HEADER);
	points = (uint32_t)p[RECORD_HEADER + 4] << 8 | p[RECORD_HEADER + 5];
	head = FACE_INFO + (size_t)points * FEATURE_POINT + IMAGE_INFO;
	if (block > record - RECORD_HEADER || block <= head)
		return CR_E_MALFORMED;
	*image = p + RECORD_HEADER + head;
	*image_len = block - head;
	*type = image_type(*image, *image_len);
	return *type ? CR_OK : CR_E_MALFORMED;
}

int cr_lds_dg2(const uint8_t *data, size_t len, const uint8_t **image, size_t *image_len,
	       const char **type)
{
	struct cr_tlv dg, group, count, template, bdb;
	const uint8_t *p;
	size_t n;
	int err;

	*image = NULL;
	*image_len = 0;
	*type = NULL;
	err = cr_tlv_parse_all(data, len, &dg);
	if (err)
		return err;
	if (dg.tag != cr_lds_dg_tag(2))
		return CR_E_MALFORMED;
	err = cr_tlv_parse_all(dg.val, dg.len, &group);
	if (err)
		return err;
	if (group.tag != TAG_GROUP)
		return CR_E_MALFORMED;
	p = group.val;
	n = group.len;
	if (cr_tlv_next(&p, &n, &count) <= 0 || count.tag != TAG_COUNT || count.len != 1 ||
	    !count.val[0] || count.val[0] > MAX_FACES)
		return CR_E_MALFORMED;
	if (cr_tlv_next(&p, &n, &template) <= 0 || template.tag != TAG_TEMPLATE)
		return CR_E_MALFORMED;
	err = cr_tlv_find(template.val, template.len, TAG_BDB, &bdb);
	if (err == CR_E_NOT_FOUND) {
		err = cr_tlv_find(template.val, template.len, TAG_BDB_CONS, &bdb);
		/*
		 * ISO/IEC 7816-11: objects inside; cards are also seen to put the record there
		 * bare.
		 */
		if (!err && bdb.len && bdb.val[0] != 'F')
			err = cr_tlv_find(bdb.val, bdb.len, TAG_BDB, &bdb);
	}
	if (!err)
		err = first_image(bdb.val, bdb.len, image, image_len, type);
	if (err) {
		*image = NULL;
		*image_len = 0;
		*type = NULL;
	}
	return err == CR_E_NOT_FOUND ? CR_E_MALFORMED : err;
}
