/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DG3, the fingers (ISO/IEC 19794-4:2005, ISO/IEC 39794-4), and DG4, the irises (ISO/IEC
 * 19794-6:2005). No I/O.
 *
 * A record is a header, then a header and an image for each finger, or for each image of each eye;
 * every length is checked against the one around it. A record of ISO/IEC 39794-4 is BER:
 *
 *	64 { A0 version, A1 { 30 { A0 position, A1 impression, A2 format, 83 image, ... } ... } }
 *
 * where position, impression and format are each a choice of 80 code and A1 { 80 the code to take by
 * who does not know the extension }. Those of ISO/IEC 39794-6 are told and handed on whole: what is
 * public of it does not agree where in it the image stands.
 */
#include <string.h>
#include "eid/biometric.h"
#include "eid/lds.h"
#include "iso7816/tlv.h"
#include "eid/rule.h"

#define FINGER_RECORD	32	/* 19794-4, 7.1: "FIR\0" "010\0", length (6), device (2), level (2), images (1), ... */
#define FINGER_IMAGE	14	/* 7.2: length (4), position, views, view, quality, impression, width (2), height (2), - */
#define IRIS_RECORD	45	/* 19794-6, 6.4: "IIR\0" "010\0", length (4), device (2), eyes (1), header length (2), ... */
#define IRIS_EYE	3	/* 6.5.2: which eye (1), images (2) */
#define IRIS_IMAGE	11	/* 6.5.3: number (2), quality (1), rotation (2), its uncertainty (2), length (4) */

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static unsigned int be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static int add_image(struct cr_items *out, uint16_t fid, unsigned int instance, const uint8_t *p,
		     size_t n, const char *said)
{
	const char *type = cr_image_type(p, n);

	return cr_items_add_bytes(out, fid, instance, "image", p, n,
				  type ? type : said ? said : "application/octet-stream");
}

static int add_size(struct cr_items *out, uint16_t fid, unsigned int instance, unsigned int width,
		    unsigned int height)
{
	int err = cr_items_add_number(out, fid, instance, "width", width);

	return err ? err : cr_items_add_number(out, fid, instance, "height", height);
}

static int add_record(struct cr_items *out, uint16_t fid, unsigned int instance,
		      const struct cr_biometric *b, const char *format)
{
	int err = cr_items_add_word(out, fid, instance, "format", format);

	return err ? err : cr_items_add_bytes(out, fid, instance, "record", b->record, b->len,
					      "application/octet-stream");
}

/* 19794-4, table 3 and table 5 */
static const char *finger_name(unsigned int position)
{
	static const char *const names[] = {
		"unknown", "right thumb", "right index finger", "right middle finger",
		"right ring finger", "right little finger", "left thumb", "left index finger",
		"left middle finger", "left ring finger", "left little finger",
	};

	return position < sizeof(names) / sizeof(names[0]) ? names[position] : "several, or a palm";
}

static const char *finger_type(unsigned int compression)
{
	static const char *const types[] = {
		NULL, NULL, "image/x-wsq", "image/jpeg", "image/jp2", "image/png",
	};

	return compression < sizeof(types) / sizeof(types[0]) ? types[compression] : NULL;
}

static int finger(const uint8_t **p, size_t *left, unsigned int compression, unsigned int instance,
		  struct cr_items *out)
{
	const uint8_t *h = *p;
	uint32_t block;
	int err;

	if (*left < FINGER_IMAGE)
		return CR_E_MALFORMED;
	block = be32(h);
	if (block > *left || block <= FINGER_IMAGE)
		return CR_E_MALFORMED;
	err = cr_items_add_word(out, CR_FID_DG(3), instance, "format", "ISO/IEC 19794-4");
	if (!err)
		err = cr_items_add_word(out, CR_FID_DG(3), instance, "position", finger_name(h[4]));
	if (!err)
		err = cr_items_add_number(out, CR_FID_DG(3), instance, "quality", h[7]);
	if (!err)
		err = add_size(out, CR_FID_DG(3), instance, be16(h + 9), be16(h + 11));
	if (!err)
		err = add_image(out, CR_FID_DG(3), instance, h + FINGER_IMAGE, block - FINGER_IMAGE,
				finger_type(compression));
	*p += block;
	*left -= block;
	return err;
}

/* -1: it does not say. */
static int new_code(const struct cr_tlv *block, uint32_t tag)
{
	const uint32_t code[] = { tag, 0x80 }, fallback[] = { tag, 0xa1, 0x80 };
	struct cr_tlv t;

	if (cr_tlv_find_path(block->val, block->len, code, 2, &t) &&
	    cr_tlv_find_path(block->val, block->len, fallback, 3, &t))
		return -1;
	return t.len == 1 && !(t.val[0] & 0x80) ? t.val[0] : -1;
}

static int new_finger(const struct cr_tlv *block, unsigned int instance, struct cr_items *out)
{
	static const char *const types[] = {
		"image/x-portable-graymap", "image/x-wsq", "image/jp2", "image/jp2", "image/png",
	};
	int position = new_code(block, 0xa0), format = new_code(block, 0xa2), err;
	const int known = sizeof(types) / sizeof(types[0]);
	struct cr_tlv image;

	if (block->tag != 0x30 || position < 0 ||
	    cr_tlv_find(block->val, block->len, 0x83, &image) || !image.len)
		return CR_E_MALFORMED;
	err = cr_items_add_word(out, CR_FID_DG(3), instance, "format", "ISO/IEC 39794-4");
	if (!err)
		err = cr_items_add_word(out, CR_FID_DG(3), instance, "position",
					finger_name((unsigned int)position));
	if (!err)
		err = add_image(out, CR_FID_DG(3), instance, image.val, image.len,
				format >= 0 && format < known ? types[format] : NULL);
	return err;
}

static int new_fingers(const struct cr_biometric *b, unsigned int *instance, struct cr_items *out)
{
	static const uint32_t path[] = { 0x64, 0xa1 };
	struct cr_tlv blocks, block;
	const uint8_t *p;
	size_t n;
	int r, err;

	if (cr_tlv_find_path(b->record, b->len, path, 2, &blocks) || !blocks.len)
		return CR_E_MALFORMED;
	p = blocks.val;
	n = blocks.len;
	while ((r = cr_tlv_next(&p, &n, &block)) == 1) {
		err = new_finger(&block, ++*instance, out);
		if (err)
			return err;
	}
	return r;
}

static int fingers(const struct cr_biometric *b, unsigned int *instance, struct cr_items *out)
{
	const uint8_t *p = b->record;
	uint64_t length;
	size_t left;
	int err = 0;

	if (b->asn1)
		return new_fingers(b, instance, out);
	if (b->len < FINGER_RECORD || !CR_RULE(finger_record, !memcmp(p, "FIR", 4)) || memcmp(p + 4, "010", 4))
		return CR_E_MALFORMED;
	length = (uint64_t)be16(p + 8) << 32 | be32(p + 10);
	if (length > b->len || length < FINGER_RECORD || !p[18])
		return CR_E_MALFORMED;
	left = (size_t)length - FINGER_RECORD;
	p += FINGER_RECORD;
	for (unsigned int i = 0; i < b->record[18] && !err; i++)
		err = finger(&p, &left, b->record[29], ++*instance, out);
	return err;
}

static int iris(const uint8_t **p, size_t *left, unsigned int eye, unsigned int instance,
		const uint8_t *record, struct cr_items *out)
{
	static const char *const eyes[] = { "unknown", "right eye", "left eye" };
	const uint8_t *h = *p;
	uint32_t length;
	int err;

	if (*left < IRIS_IMAGE)
		return CR_E_MALFORMED;
	length = be32(h + 7);
	if (!length || length > *left - IRIS_IMAGE)
		return CR_E_MALFORMED;
	err = cr_items_add_word(out, CR_FID_DG(4), instance, "format", "ISO/IEC 19794-6");
	if (!err)
		err = cr_items_add_word(out, CR_FID_DG(4), instance, "eye", eyes[eye < 3 ? eye : 0]);
	if (!err)
		err = cr_items_add_number(out, CR_FID_DG(4), instance, "quality", h[2]);
	if (!err)
		err = add_size(out, CR_FID_DG(4), instance, be16(record + 23), be16(record + 25));
	if (!err)
		err = add_image(out, CR_FID_DG(4), instance, h + IRIS_IMAGE, length, NULL);
	*p += IRIS_IMAGE + length;
	*left -= IRIS_IMAGE + length;
	return err;
}

static int irises(const struct cr_biometric *b, unsigned int *instance, struct cr_items *out)
{
	const uint8_t *p = b->record;
	unsigned int eye, images;
	uint32_t length;
	size_t left;
	int err = 0;

	if (b->asn1)
		return p[0] == 0x66 ? add_record(out, CR_FID_DG(4), ++*instance, b,
						 "ISO/IEC 39794-6") : CR_E_MALFORMED;
	if (b->len < IRIS_RECORD || !CR_RULE(iris_record, !memcmp(p, "IIR", 4)) || memcmp(p + 4, "010", 4))
		return CR_E_MALFORMED;
	length = be32(p + 8);
	if (length > b->len || length < IRIS_RECORD || !p[14] || be16(p + 15) != IRIS_RECORD)
		return CR_E_MALFORMED;
	left = length - IRIS_RECORD;
	p += IRIS_RECORD;
	for (unsigned int i = 0; i < b->record[14] && !err; i++) {
		if (left < IRIS_EYE)
			return CR_E_MALFORMED;
		eye = p[0];
		images = be16(p + 1);
		p += IRIS_EYE;
		left -= IRIS_EYE;
		for (; images && !err; images--)
			err = iris(&p, &left, eye, ++*instance, b->record, out);
	}
	return err;
}

static int each(unsigned int dg, const uint8_t *data, size_t len, struct cr_items *out,
		int (*use)(const struct cr_biometric *, unsigned int *, struct cr_items *))
{
	struct cr_biometric b[CR_BIOMETRIC_MAX];
	unsigned int instance = 0;
	size_t n;
	int err = cr_biometric_parse(dg, data, len, false, b, &n);

	for (size_t i = 0; !err && i < n; i++)
		err = use(&b[i], &instance, out);
	return err;
}

int cr_items_finger(const uint8_t *data, size_t len, struct cr_items *out)
{
	return each(3, data, len, out, fingers);
}

int cr_items_iris(const uint8_t *data, size_t len, struct cr_items *out)
{
	return each(4, data, len, out, irises);
}
