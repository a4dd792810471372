/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DG2, the face: records of ISO/IEC 19794-5:2005, 5, and of ISO/IEC 39794-5. No I/O.
 *
 * The older one is a header, then for each image its facial information, feature points, image
 * information and the image. Three lengths cover the same bytes (TLV, record, facial image block);
 * each is checked against the one around it. The newer one is BER:
 *
 *	65 { A0 version, A1 { 30 { 80 number, A1 { A0 { A0 { 80 image, A1 about it } } } } ... } }
 */
#include <string.h>
#include "eid/biometric.h"
#include "eid/lds.h"
#include "eid/rule.h"
#include "iso7816/tlv.h"

#define RECORD_HEADER	14	/* "FAC\0" "010\0", length of the record (4), images (2) */
#define FACE_INFO	20	/* length of the block (4), feature points (2), gender, eyes, ... */
#define FEATURE_POINT	8
#define IMAGE_INFO	12	/* face image type, data type, width, height, ... */

struct face {
	const uint8_t *image;
	size_t len;
	const char *type;
	unsigned int width, height;	/* 0: not said */
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static unsigned int be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

/* The images' blocks of a record: *p to *end, *images of them. */
static int old_record(const struct cr_biometric *b, const uint8_t **p, const uint8_t **end,
		      unsigned int *images)
{
	uint32_t record;

	if (b->len < RECORD_HEADER + FACE_INFO + IMAGE_INFO ||
	    !CR_RULE(face_record, !memcmp(b->record, "FAC", 4) &&
		     (!memcmp(b->record + 4, "010", 4) || !memcmp(b->record + 4, "030", 4))))
		return CR_E_MALFORMED;
	record = be32(b->record + 8);
	*images = be16(b->record + 12);
	if (record > b->len || record < RECORD_HEADER + FACE_INFO + IMAGE_INFO || !*images)
		return CR_E_MALFORMED;
	*p = b->record + RECORD_HEADER;
	*end = b->record + record;
	return 0;
}

static int old_face(const uint8_t **p, const uint8_t *end, struct face *f)
{
	size_t left = (size_t)(end - *p), head;
	const uint8_t *info;
	uint32_t block;

	if (left < FACE_INFO + IMAGE_INFO)
		return CR_E_MALFORMED;
	block = be32(*p);
	head = FACE_INFO + (size_t)be16(*p + 4) * FEATURE_POINT + IMAGE_INFO;
	if (block > left || block <= head)
		return CR_E_MALFORMED;
	info = *p + head - IMAGE_INFO;
	f->image = *p + head;
	f->len = block - head;
	f->width = be16(info + 2);
	f->height = be16(info + 4);
	/* by its own first bytes: the data type in the record is often wrong */
	f->type = cr_image_type(f->image, f->len);
	*p += block;
	return f->type ? 0 : CR_E_MALFORMED;
}

/* imageSizeBlock [7] { width [0], height [1] } */
static void new_size(const struct cr_tlv *about, struct face *f)
{
	static const uint32_t paths[2][2] = { { 0xa7, 0x80 }, { 0xa7, 0x81 } };
	unsigned int *const to[2] = { &f->width, &f->height };
	struct cr_tlv t;

	for (int i = 0; i < 2; i++) {
		if (cr_tlv_find_path(about->val, about->len, paths[i], 2, &t) || !t.len ||
		    t.len > 3 || t.val[0] & 0x80)
			continue;
		for (size_t k = 0; k < t.len; k++)
			*to[i] = *to[i] << 8 | t.val[k];
	}
}

/*
 * The CHOICEs imageRepresentation [1], base [0] and imageRepresentation2DBlock [0], then
 * representationData2D [0] and imageInformation2DBlock [1].
 */
static int new_face(const struct cr_tlv *representation, struct face *f)
{
	static const uint32_t image[] = { 0xa1, 0xa0, 0xa0, 0x80 }, about[] = { 0xa1, 0xa0, 0xa0, 0xa1 };
	struct cr_tlv t;

	if (representation->tag != 0x30 ||
	    cr_tlv_find_path(representation->val, representation->len, image, 4, &t))
		return CR_E_MALFORMED;
	f->image = t.val;
	f->len = t.len;
	f->type = cr_image_type(t.val, t.len);
	if (!cr_tlv_find_path(representation->val, representation->len, about, 4, &t))
		new_size(&t, f);
	return f->type ? 0 : CR_E_MALFORMED;
}

static int new_record(const struct cr_biometric *b, const uint8_t **p, size_t *n)
{
	static const uint32_t path[] = { 0x65, 0xa1 };
	struct cr_tlv blocks;

	if (cr_tlv_find_path(b->record, b->len, path, 2, &blocks) || !blocks.len)
		return CR_E_MALFORMED;
	*p = blocks.val;
	*n = blocks.len;
	return 0;
}

static int first_face(const struct cr_biometric *b, struct face *f)
{
	const uint8_t *p, *end;
	unsigned int images;
	struct cr_tlv t;
	size_t n;
	int err;

	if (b->asn1) {
		err = new_record(b, &p, &n);
		if (!err && cr_tlv_next(&p, &n, &t) <= 0)
			err = CR_E_MALFORMED;
		return err ? err : new_face(&t, f);
	}
	err = old_record(b, &p, &end, &images);
	return err ? err : old_face(&p, end, f);
}

int cr_lds_dg2(const uint8_t *data, size_t len, const uint8_t **image, size_t *image_len,
	       const char **type)
{
	struct cr_biometric b[CR_BIOMETRIC_MAX];
	struct face f = { 0 };
	size_t n;
	int err = cr_biometric_parse(2, data, len, true, b, &n);

	if (!err)
		err = n ? first_face(&b[0], &f) : CR_E_MALFORMED;
	*image = err ? NULL : f.image;
	*image_len = err ? 0 : f.len;
	*type = err ? NULL : f.type;
	return err;
}

/* Of ISO/IEC 19794-5: 00 is "unspecified"; FF is "other" or "unknown". */
static bool is_code(uint8_t v, uint8_t last)
{
	return v <= last || v == 0xff;
}

/* 5.5: gender, eyes, hair; 5.5.8 and 5.5.9: angles of the pose and their uncertainty, 181 steps. */
static bool information_fits(const uint8_t *info)
{
	for (int i = 0; i < 6; i++)
		if (info[14 + i] > 181)
			return false;
	return is_code(info[6], 3) && is_code(info[7], 7) && is_code(info[8], 9);
}

/* 5.7.1: basic, full frontal, token frontal. 5.7.2: JPEG, JPEG 2000. */
static bool image_fits(const uint8_t *info)
{
	return info[0] <= 2 && info[1] <= 1;
}

static const char *old_form(const struct cr_biometric *b)
{
	const uint8_t *p, *end, *block;
	unsigned int images;
	struct face f = { 0 };

	if (old_record(b, &p, &end, &images))
		return "DG2 is malformed or holds no portrait";
	while (images--) {
		block = p;
		if (old_face(&p, end, &f))
			return "DG2 is malformed or holds no portrait";
		if (!CR_RULE(face_information, information_fits(block)))
			return "DG2 says of the face what the standard does not know";
		if (!CR_RULE(face_image, image_fits(f.image - IMAGE_INFO)))
			return "DG2 says of its image what the standard does not know";
	}
	return NULL;
}

const char *cr_lds_dg2_objection(const uint8_t *data, size_t len)
{
	struct cr_biometric b[CR_BIOMETRIC_MAX];
	const char *why = NULL;
	size_t n;

	if (cr_biometric_parse(2, data, len, false, b, &n) || !n)
		return "DG2 is malformed or holds no portrait";
	for (size_t i = 0; i < n && !why; i++) {
		if (!b[i].header)
			why = "DG2's biometric header is not of a face's record";
		else if (!b[i].asn1)
			why = old_form(&b[i]);
	}
	return why;
}

static int add_face(struct cr_items *out, unsigned int instance, bool asn1, const struct face *f)
{
	int err = cr_items_add_word(out, CR_FID_DG(2), instance, "format",
				    asn1 ? "ISO/IEC 39794-5" : "ISO/IEC 19794-5");

	if (!err && f->width && f->height) {
		err = cr_items_add_number(out, CR_FID_DG(2), instance, "width", f->width);
		if (!err)
			err = cr_items_add_number(out, CR_FID_DG(2), instance, "height", f->height);
	}
	if (!err)
		err = cr_items_add_bytes(out, CR_FID_DG(2), instance, "image", f->image, f->len,
					 f->type);
	return err;
}

static int all_faces(const struct cr_biometric *b, unsigned int *instance, struct cr_items *out)
{
	const uint8_t *p, *end;
	unsigned int images;
	struct cr_tlv t;
	size_t n;
	int err, r;

	if (b->asn1) {
		err = new_record(b, &p, &n);
		while (!err && (r = cr_tlv_next(&p, &n, &t)) != 0) {
			struct face f = { 0 };

			err = r < 0 ? CR_E_MALFORMED : new_face(&t, &f);
			if (!err)
				err = add_face(out, ++*instance, true, &f);
		}
		return err;
	}
	err = old_record(b, &p, &end, &images);
	for (; !err && images; images--) {
		struct face f = { 0 };

		err = old_face(&p, end, &f);
		if (!err)
			err = add_face(out, ++*instance, false, &f);
	}
	return err;
}

int cr_items_face(const uint8_t *data, size_t len, struct cr_items *out)
{
	struct cr_biometric b[CR_BIOMETRIC_MAX];
	unsigned int instance = 0;
	size_t n;
	int err = cr_biometric_parse(2, data, len, false, b, &n);

	for (size_t i = 0; !err && i < n; i++)
		err = all_faces(&b[i], &instance, out);
	return err;
}
