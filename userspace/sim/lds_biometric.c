/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fingers, irises and the newer faces, written: DG3, DG4 and DG2 of ICAO 9303-10, 4.7.2 to 4.7.4, with records of
 * ISO/IEC 19794-4, 39794-4, 19794-6 and 39794-5. Each finger and each eye has a template of its own (4.7.3.2.4).
 */
#include "issue.h"

#include <stdlib.h>
#include <string.h>

#define FINGER	64	/* pixels, both ways */
#define IRIS_W	64
#define IRIS_H	48

/* Tables 44, 47 and 54; the format is one of ISO/IEC JTC 1/SC 37. subtype -1: not said, as of a face. */
void sim_write_biometric_header(uint8_t type, int subtype, uint16_t format, struct sim_buf *out)
{
	static const uint8_t version[] = { 0x01, 0x01 }, owner[] = { 0x01, 0x01 };
	const uint8_t sub = (uint8_t)subtype, kind[] = { (uint8_t)(format >> 8), (uint8_t)format };
	struct sim_buf in = { 0 };

	sim_ber_put(&in, 0x80, version, sizeof(version));
	sim_ber_put(&in, 0x81, &type, 1);
	if (subtype >= 0)
		sim_ber_put(&in, 0x82, &sub, 1);
	sim_ber_put(&in, 0x87, owner, sizeof(owner));
	sim_ber_put(&in, 0x88, kind, sizeof(kind));
	sim_ber_wrap(out, 0xa1, &in);
}

/* Rings around a point: nobody's finger, nobody's eye. */
static uint8_t ring(int x, int y, int cx, int cy)
{
	int d = (x - cx) * (x - cx) + (y - cy) * (y - cy);

	return (uint8_t)(d / 24 % 2 ? 40 : 210);
}

static void draw(int w, int h, int cx, int cy, uint8_t *out)
{
	for (int p = 0; p < w * h; p++)
		out[p] = ring(p % w, p / w, cx, cy);
}

/*
 * WSQ, version 3.1: the tables, and a block of coefficients that has none, as every subband's quantizer is zero: an
 * even grey. Nothing here takes it apart again.
 */
static void write_wsq(unsigned int w, unsigned int h, struct sim_buf *out)
{
	/* the 9/7 filters: sign, decimal exponent, digits */
	static const struct { uint8_t sign, scale; uint32_t digits; } taps[] = {
		{ 0, 9, 852698679 }, { 0, 9, 377402856 }, { 1, 9, 110624404 }, { 1, 10, 238494650 },
		{ 0, 10, 378284555 }, { 0, 9, 788485616 }, { 1, 9, 418092273 }, { 1, 10, 406894176 },
		{ 0, 10, 645388826 },
	};

	sim_buf_be(out, 0xffa0, 2);		/* start of image */
	sim_buf_be(out, 0xffa4, 2);		/* transform table: low pass 9, high pass 7 */
	sim_buf_be(out, 4 + 6 * sizeof(taps) / sizeof(taps[0]), 2);
	sim_buf_be(out, 0x0907, 2);
	for (size_t i = 0; i < sizeof(taps) / sizeof(taps[0]); i++) {
		sim_buf_byte(out, taps[i].sign);
		sim_buf_byte(out, taps[i].scale);
		sim_buf_be(out, taps[i].digits, 4);
	}
	sim_buf_be(out, 0xffa5, 2);		/* quantization table: bin centre 0.44, 64 times bin and zero bin */
	sim_buf_be(out, 2 + 3 + 64 * 6, 2);
	sim_buf_be(out, 0x02002c, 3);
	for (int i = 0; i < 64 * 6; i++)
		sim_buf_byte(out, 0);
	sim_buf_be(out, 0xffa2, 2);		/* frame: black, white, size, middle, scale, encoder, software */
	sim_buf_be(out, 17, 2);
	sim_buf_be(out, 0x00ff, 2);
	sim_buf_be(out, h, 2);
	sim_buf_be(out, w, 2);
	sim_buf_be(out, 0x000080, 3);
	sim_buf_be(out, 0x000001, 3);
	sim_buf_byte(out, 0);
	sim_buf_be(out, 0, 2);
	sim_buf_be(out, 0xffa6, 2);		/* Huffman table 0: one code of one bit */
	sim_buf_be(out, 2 + 1 + 16 + 1, 2);
	sim_buf_be(out, 0x0001, 2);
	for (int i = 1; i < 16; i++)
		sim_buf_byte(out, 0);
	sim_buf_byte(out, 1);
	sim_buf_be(out, 0xffa3, 2);		/* block, by that table */
	sim_buf_be(out, 3, 2);
	sim_buf_byte(out, 0);
	sim_buf_be(out, 0xffa1, 2);		/* end of image */
}

/* w * h grey pixels in their encoding. */
static void write_image(enum sim_image kind, const uint8_t *pixels, unsigned int w, unsigned int h, struct sim_buf *out)
{
	switch (kind) {
	case SIM_RAW:
		sim_buf_put(out, pixels, (size_t)w * h);
		return;
	case SIM_WSQ:
		write_wsq(w, h, out);
		return;
	case SIM_JP2:
		if (!sim_jp2_grey(pixels, w, h, out))
			out->failed = true;
		return;
	}
}

/* 7F60 { A1 header, 5F2E record }, which are freed */
static void put_template(struct sim_buf *group, struct sim_buf *info, struct sim_buf *record)
{
	sim_ber_wrap(info, 0x5f2e, record);
	sim_ber_wrap(group, 0x7f60, info);
}

static void finger_record(uint8_t position, enum sim_image kind, const struct sim_buf *image, struct sim_buf *r)
{
	static const uint8_t compression[] = { [SIM_RAW] = 0, [SIM_WSQ] = 2, [SIM_JP2] = 4 };	/* table 3 */

	sim_buf_put(r, "FIR", 4);
	sim_buf_put(r, "010", 4);
	sim_buf_be(r, 32 + 14 + image->len, 6);
	sim_buf_be(r, 0, 2);			/* device */
	sim_buf_be(r, 31, 2);			/* acquisition level */
	sim_buf_byte(r, 1);			/* fingers */
	sim_buf_byte(r, 1);			/* pixels per inch */
	for (int i = 0; i < 4; i++)
		sim_buf_be(r, 500, 2);		/* scanned, kept; across, down */
	sim_buf_byte(r, 8);			/* bits a pixel */
	sim_buf_byte(r, compression[kind]);
	sim_buf_be(r, 0, 2);
	sim_buf_be(r, 14 + image->len, 4);
	sim_buf_byte(r, position);
	sim_buf_be(r, 0x0101, 2);		/* one view, the first */
	sim_buf_byte(r, 80);			/* quality */
	sim_buf_byte(r, 0);			/* live, plain */
	sim_buf_be(r, FINGER, 2);
	sim_buf_be(r, FINGER, 2);
	sim_buf_byte(r, 0);
	sim_buf_put(r, image->p, image->len);
	r->failed |= image->failed;
}

void sim_write_fingers(unsigned int n, enum sim_image kind, struct sim_buf *out)
{
	/* ISO/IEC 19794-4, table 5, and ICAO 9303-10, table 49: the index fingers, the thumbs */
	static const struct { uint8_t position, subtype; } fingers[] = {
		{ 2, 0x09 }, { 7, 0x0a }, { 1, 0x05 }, { 6, 0x06 },
	};
	struct sim_buf group = { 0 }, all = { 0 };
	uint8_t pixels[FINGER * FINGER];

	if (n > sizeof(fingers) / sizeof(fingers[0]))
		n = sizeof(fingers) / sizeof(fingers[0]);
	sim_ber_int(&group, n);
	for (unsigned int i = 0; i < n; i++) {
		struct sim_buf info = { 0 }, image = { 0 }, r = { 0 };

		draw(FINGER, FINGER, 20 + 24 * (int)(i % 2), 30 + 8 * (int)(i / 2), pixels);
		write_image(kind, pixels, FINGER, FINGER, &image);
		finger_record(fingers[i].position, kind, &image, &r);
		sim_buf_free(&image);
		sim_write_biometric_header(0x08, fingers[i].subtype, 0x0007, &info);
		put_template(&group, &info, &r);
	}
	sim_ber_wrap(&all, 0x7f61, &group);
	sim_ber_wrap(out, 0x63, &all);
}

/*
 * ISO/IEC 39794-4: 64 { A0 version, A1 { 30 { A0 { 80 position }, A1 { 80 impression }, A2 { 80 format }, 83 image } } };
 * extended: each of the three by an extension's A1 { 80 fallback }
 */
static void finger_new(uint8_t position, enum sim_image kind, bool extended, const struct sim_buf *image, struct sim_buf *out)
{
	static const uint8_t version[] = { 0x80, 0x01, 0x03, 0x81, 0x02, 0x07, 0xe3 };	/* 3rd, 2019 */
	static const uint8_t format[] = { [SIM_RAW] = 0, [SIM_WSQ] = 1, [SIM_JP2] = 3 };
	const uint8_t codes[] = { position, 0, format[kind] };
	struct sim_buf block = { 0 }, blocks = { 0 }, record = { 0 }, standard = { 0 };

	for (uint32_t i = 0; i < sizeof(codes); i++) {
		struct sim_buf code = { 0 }, extension = { 0 };

		sim_ber_put(extended ? &extension : &code, 0x80, &codes[i], 1);
		if (extended)
			sim_ber_wrap(&code, 0xa1, &extension);
		sim_ber_wrap(&block, 0xa0 + i, &code);
	}
	sim_ber_put(&block, 0x83, image->p, image->len);
	sim_ber_wrap(&blocks, 0x30, &block);
	sim_ber_put(&record, 0xa0, version, sizeof(version));
	sim_ber_wrap(&record, 0xa1, &blocks);
	sim_ber_wrap(&standard, 0x64, &record);
	sim_ber_wrap(out, 0xa1, &standard);	/* data in a standard's format */
}

void sim_write_fingers_new(enum sim_image kind, bool extended, struct sim_buf *out)
{
	struct sim_buf group = { 0 }, all = { 0 };
	uint8_t pixels[FINGER * FINGER];

	sim_ber_int(&group, 2);
	for (uint8_t i = 0; i < 2; i++) {	/* the index fingers */
		struct sim_buf info = { 0 }, image = { 0 }, r = { 0 };

		draw(FINGER, FINGER, 20 + 24 * i, 30, pixels);
		write_image(kind, pixels, FINGER, FINGER, &image);
		finger_new(i ? 7 : 2, kind, extended, &image, &r);
		sim_buf_free(&image);
		sim_write_biometric_header(0x08, i ? 0x0a : 0x09, 0x0007, &info);
		sim_ber_wrap(&info, 0x7f2e, &r);
		sim_ber_wrap(&group, 0x7f60, &info);
	}
	sim_ber_wrap(&all, 0x7f61, &group);
	sim_ber_wrap(out, 0x63, &all);
}

static void iris_record(uint8_t side, enum sim_image kind, const struct sim_buf *image, struct sim_buf *r)
{
	sim_buf_put(r, "IIR", 4);
	sim_buf_put(r, "010", 4);
	sim_buf_be(r, 45 + 3 + 11 + image->len, 4);
	sim_buf_be(r, 0, 2);			/* device */
	sim_buf_byte(r, 1);			/* eyes */
	sim_buf_be(r, 45, 2);
	sim_buf_be(r, 0, 2);			/* orientation, scan, occlusions: not said */
	sim_buf_be(r, 0, 2);			/* diameter */
	sim_buf_be(r, kind == SIM_JP2 ? 14 : 2, 2);	/* grey: JPEG 2000, or not compressed */
	sim_buf_be(r, IRIS_W, 2);
	sim_buf_be(r, IRIS_H, 2);
	sim_buf_byte(r, 8);
	sim_buf_byte(r, 0);
	sim_buf_be(r, 0, 8);
	sim_buf_be(r, 0, 8);			/* the device's number */
	sim_buf_byte(r, side);
	sim_buf_be(r, 1, 2);
	sim_buf_be(r, 1, 2);			/* the first image */
	sim_buf_byte(r, 90);
	sim_buf_be(r, 0, 4);
	sim_buf_be(r, image->len, 4);
	sim_buf_put(r, image->p, image->len);
	r->failed |= image->failed;
}

void sim_write_eyes(enum sim_image kind, struct sim_buf *out)
{
	struct sim_buf group = { 0 }, all = { 0 };
	uint8_t pixels[IRIS_W * IRIS_H];

	sim_ber_int(&group, 2);
	for (uint8_t side = 1; side <= 2; side++) {	/* in the record as in the header: right, left */
		struct sim_buf info = { 0 }, image = { 0 }, r = { 0 };

		draw(IRIS_W, IRIS_H, 28 + 4 * side, 24, pixels);
		write_image(kind, pixels, IRIS_W, IRIS_H, &image);
		iris_record(side, kind, &image, &r);
		sim_buf_free(&image);
		sim_write_biometric_header(0x10, side, 0x0009, &info);
		put_template(&group, &info, &r);
	}
	sim_ber_wrap(&all, 0x7f61, &group);
	sim_ber_wrap(out, 0x76, &all);
}

void sim_write_dg3(struct sim_buf *out)
{
	sim_write_fingers(2, SIM_RAW, out);
}

void sim_write_dg4(struct sim_buf *out)
{
	sim_write_eyes(SIM_RAW, out);
}

/* ISO/IEC 39794-5: 65 { A0 version, A1 { 30 { number, A1 { A0 { A0 { image, about it } } } } } } */
void sim_write_dg2_new(const uint8_t *image, size_t len, bool jp2, struct sim_buf *out)
{
	static const uint8_t version[] = { 0x80, 0x01, 0x03, 0x81, 0x02, 0x07, 0xe3 };	/* 3rd, 2019 */
	struct sim_buf info = { 0 }, b[6] = { { 0 } }, about = { 0 }, size = { 0 }, all = { 0 };
	const uint8_t format[] = { 0x80, 0x01, jp2 ? 3 : 2 };
	const uint8_t width[] = { SIM_PORTRAIT_WIDTH >> 8, SIM_PORTRAIT_WIDTH & 0xff };
	const uint8_t height[] = { SIM_PORTRAIT_HEIGHT >> 8, SIM_PORTRAIT_HEIGHT & 0xff };

	sim_write_biometric_header(0x02, -1, 0x0008, &info);
	sim_ber_put(&about, 0xa0, format, sizeof(format));
	sim_ber_put(&size, 0x80, width, 2);
	sim_ber_put(&size, 0x81, height, 2);
	sim_ber_wrap(&about, 0xa7, &size);
	sim_ber_put(&b[0], 0x80, image, len);
	sim_ber_wrap(&b[0], 0xa1, &about);
	sim_ber_wrap(&b[1], 0xa0, &b[0]);	/* imageRepresentation2DBlock */
	sim_ber_wrap(&b[2], 0xa0, &b[1]);	/* base */
	sim_ber_put(&b[3], 0x80, "\x01", 1);	/* representationId */
	sim_ber_wrap(&b[3], 0xa1, &b[2]);
	sim_ber_wrap(&b[4], 0x30, &b[3]);
	sim_ber_put(&b[5], 0xa0, version, sizeof(version));
	sim_ber_wrap(&b[5], 0xa1, &b[4]);
	sim_ber_wrap(&all, 0x65, &b[5]);
	sim_ber_wrap(&b[0], 0xa1, &all);	/* data in a standard's format */
	sim_ber_wrap(&info, 0x7f2e, &b[0]);
	sim_ber_int(&b[1], 1);
	sim_ber_wrap(&b[1], 0x7f60, &info);
	sim_ber_wrap(&b[2], 0x7f61, &b[1]);
	sim_ber_wrap(out, 0x75, &b[2]);
}
