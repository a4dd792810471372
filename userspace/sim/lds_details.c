/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The data groups that few documents have, and the files beside the application, written: ICAO
 * 9303-10, 4.7.3 to 4.7.16 and 3.11; records of ISO/IEC 19794-4, 19794-6 and 39794-5.
 */
#include "issue.h"

#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>

#define FINGER	64	/* pixels, both ways */
#define IRIS_W	64
#define IRIS_H	48

/* ICAO 9303-10, table 40: version, biometric type, format owner (ISO/IEC JTC 1/SC 37) and type */
static void biometric_header(struct sim_buf *info, uint8_t type, uint16_t format)
{
	const uint8_t header[] = {
		0x80, 0x02, 0x01, 0x01, 0x81, 0x01, type, 0x87, 0x02, 0x01, 0x01,
		0x88, 0x02, (uint8_t)(format >> 8), (uint8_t)format,
	};

	sim_ber_put(info, 0xa1, header, sizeof(header));
}

/* 7F61 { 02 01 01, 7F60 { A1 header, record } }, which are freed */
static void biometric_group(uint32_t dg, uint32_t bdb, struct sim_buf *info, struct sim_buf *record,
			    struct sim_buf *out)
{
	struct sim_buf group = { 0 }, all = { 0 };

	sim_ber_wrap(info, bdb, record);
	sim_ber_int(&group, 1);
	sim_ber_wrap(&group, 0x7f60, info);
	sim_ber_wrap(&all, 0x7f61, &group);
	sim_ber_wrap(out, dg, &all);
}

/* Rings around a point: nobody's finger, nobody's eye. */
static uint8_t ring(int x, int y, int cx, int cy)
{
	int d = (x - cx) * (x - cx) + (y - cy) * (y - cy);

	return (uint8_t)(d / 24 % 2 ? 40 : 210);
}

void sim_write_dg3(struct sim_buf *out)
{
	static const uint8_t positions[] = { 2, 7 };	/* the index fingers */
	struct sim_buf info = { 0 }, r = { 0 };
	size_t image = 14 + FINGER * FINGER;

	biometric_header(&info, 0x08, 0x0007);
	sim_buf_put(&r, "FIR", 4);
	sim_buf_put(&r, "010", 4);
	sim_buf_be(&r, 32 + sizeof(positions) * image, 6);
	sim_buf_be(&r, 0, 2);			/* device */
	sim_buf_be(&r, 31, 2);			/* acquisition level */
	sim_buf_byte(&r, sizeof(positions));
	sim_buf_byte(&r, 1);			/* pixels per inch */
	for (int i = 0; i < 4; i++)
		sim_buf_be(&r, 500, 2);		/* scanned, kept; across, down */
	sim_buf_byte(&r, 8);			/* bits a pixel */
	sim_buf_byte(&r, 0);			/* not compressed */
	sim_buf_be(&r, 0, 2);
	for (size_t i = 0; i < sizeof(positions); i++) {
		sim_buf_be(&r, image, 4);
		sim_buf_byte(&r, positions[i]);
		sim_buf_be(&r, 0x0101, 2);	/* one view, the first */
		sim_buf_byte(&r, 80);		/* quality */
		sim_buf_byte(&r, 0);		/* live, plain */
		sim_buf_be(&r, FINGER, 2);
		sim_buf_be(&r, FINGER, 2);
		sim_buf_byte(&r, 0);
		for (int p = 0; p < FINGER * FINGER; p++)
			sim_buf_byte(&r, ring(p % FINGER, p / FINGER, 20 + 24 * (int)i, 30));
	}
	biometric_group(0x63, 0x5f2e, &info, &r, out);
}

void sim_write_dg4(struct sim_buf *out)
{
	struct sim_buf info = { 0 }, r = { 0 };
	size_t eye = 3 + 11 + IRIS_W * IRIS_H;

	biometric_header(&info, 0x10, 0x0009);
	sim_buf_put(&r, "IIR", 4);
	sim_buf_put(&r, "010", 4);
	sim_buf_be(&r, 45 + 2 * eye, 4);
	sim_buf_be(&r, 0, 2);			/* device */
	sim_buf_byte(&r, 2);			/* eyes */
	sim_buf_be(&r, 45, 2);
	sim_buf_be(&r, 0, 2);			/* orientation, scan, occlusions: not said */
	sim_buf_be(&r, 0, 2);			/* diameter */
	sim_buf_be(&r, 2, 2);			/* grey, not compressed */
	sim_buf_be(&r, IRIS_W, 2);
	sim_buf_be(&r, IRIS_H, 2);
	sim_buf_byte(&r, 8);
	sim_buf_byte(&r, 0);
	sim_buf_be(&r, 0, 8);
	sim_buf_be(&r, 0, 8);			/* the device's number */
	for (uint8_t side = 1; side <= 2; side++) {
		sim_buf_byte(&r, side);
		sim_buf_be(&r, 1, 2);
		sim_buf_be(&r, 1, 2);		/* the first image */
		sim_buf_byte(&r, 90);
		sim_buf_be(&r, 0, 4);
		sim_buf_be(&r, IRIS_W * IRIS_H, 4);
		for (int p = 0; p < IRIS_W * IRIS_H; p++)
			sim_buf_byte(&r, ring(p % IRIS_W, p / IRIS_W, 28 + 4 * side, 24));
	}
	biometric_group(0x76, 0x5f2e, &info, &r, out);
}

/* ISO/IEC 39794-5: 65 { A0 version, A1 { 30 { number, A1 { A0 { A0 { image, about it } } } } } } */
void sim_write_dg2_new(const uint8_t *image, size_t len, bool jp2, struct sim_buf *out)
{
	static const uint8_t version[] = { 0x80, 0x01, 0x03, 0x81, 0x02, 0x07, 0xe3 };	/* 3rd, 2019 */
	struct sim_buf info = { 0 }, b[6] = { { 0 } }, about = { 0 }, size = { 0 }, all = { 0 };
	const uint8_t format[] = { 0x80, 0x01, jp2 ? 3 : 2 };
	const uint8_t width[] = { SIM_PORTRAIT_WIDTH >> 8, SIM_PORTRAIT_WIDTH & 0xff };
	const uint8_t height[] = { SIM_PORTRAIT_HEIGHT >> 8, SIM_PORTRAIT_HEIGHT & 0xff };

	biometric_header(&info, 0x02, 0x0008);
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
	biometric_group(0x75, 0x7f2e, &info, &b[0], out);
}

void sim_write_picture(unsigned int dg, const uint8_t *jpeg, size_t len, struct sim_buf *out)
{
	struct sim_buf in = { 0 };

	sim_ber_int(&in, 1);
	sim_ber_put(&in, dg == 5 ? 0x5f40 : 0x5f43, jpeg, len);
	sim_ber_wrap(out, dg == 5 ? 0x65 : 0x67, &in);
}

struct named {
	uint16_t tag;
	const char *value;
};

/* 5C tags, then the objects. Others: as many of this tag in A0. */
static void details(uint32_t dg, const struct named *all, size_t n, uint16_t other_tag,
		    const char *const *others, struct sim_buf *out)
{
	struct sim_buf tags = { 0 }, in = { 0 }, more = { 0 };
	uint32_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (all[i].value)
			sim_buf_be(&tags, all[i].tag, 2);
	if (others[0])
		sim_buf_be(&tags, other_tag, 2);
	sim_ber_wrap(&in, 0x5c, &tags);
	for (size_t i = 0; i < n; i++)
		if (all[i].value)
			sim_ber_str(&in, all[i].tag, all[i].value);
	while (others[count])
		count++;
	if (count) {
		sim_ber_int(&more, count);
		for (uint32_t i = 0; i < count; i++)
			sim_ber_str(&more, other_tag, others[i]);
		sim_ber_wrap(&in, 0xa0, &more);
	}
	sim_ber_wrap(out, dg, &in);
}

void sim_write_dg11(const struct sim_details *d, struct sim_buf *out)
{
	const struct named all[] = {
		{ 0x5f0e, d->full_name }, { 0x5f10, d->personal_number }, { 0x5f2b, d->date_of_birth },
		{ 0x5f11, d->place_of_birth }, { 0x5f42, d->address }, { 0x5f12, d->telephone },
		{ 0x5f13, d->profession }, { 0x5f14, d->title }, { 0x5f15, d->summary },
		{ 0x5f17, d->other_documents }, { 0x5f18, d->custody },
	};

	details(0x6b, all, sizeof(all) / sizeof(all[0]), 0x5f0f, d->other_names, out);
}

void sim_write_dg12(const struct sim_details *d, struct sim_buf *out)
{
	const struct named all[] = {
		{ 0x5f19, d->authority }, { 0x5f26, d->date_of_issue }, { 0x5f1b, d->endorsements },
		{ 0x5f1c, d->tax }, { 0x5f55, d->personalized }, { 0x5f56, d->system },
	};

	details(0x6c, all, sizeof(all) / sizeof(all[0]), 0x5f1a, d->other_people, out);
}

void sim_write_dg16(const struct sim_details *d, struct sim_buf *out)
{
	struct sim_buf in = { 0 }, p = { 0 };
	uint32_t n = 0;

	while (n < 2 && d->notify[n].name)
		n++;
	sim_ber_int(&in, n);
	for (uint32_t i = 0; i < n; i++) {
		sim_ber_str(&p, 0x5f50, d->notify[i].recorded);
		sim_ber_str(&p, 0x5f51, d->notify[i].name);
		sim_ber_str(&p, 0x5f52, d->notify[i].telephone);
		sim_ber_str(&p, 0x5f53, d->notify[i].address);
		sim_ber_wrap(&in, 0xa1 + i, &p);
	}
	sim_ber_wrap(out, 0x70, &in);
}

void sim_write_raw(unsigned int dg, struct sim_buf *out)
{
	static const uint8_t tags[17] = {
		[6] = 0x66, [8] = 0x68, [9] = 0x69, [10] = 0x6a, [13] = 0x6d,
	};
	struct sim_buf in = { 0 };

	sim_ber_int(&in, 1);
	sim_ber_str(&in, 0x04, "what this state makes of it");
	sim_ber_wrap(out, tags[dg], &in);
}

void sim_write_dir(struct sim_buf *out)
{
	static const uint8_t aid[] = { 0xa0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01 };
	struct sim_buf app = { 0 };

	sim_ber_put(&app, 0x4f, aid, sizeof(aid));
	sim_ber_str(&app, 0x50, "eMRTD");
	sim_ber_wrap(out, 0x61, &app);
}

void sim_write_info(unsigned int max_command, unsigned int max_response, struct sim_buf *out)
{
	static const uint8_t capabilities[] = { 0x94, 0x21, 0xc0 };
	struct sim_buf in = { 0 };

	sim_ber_put(out, 0x47, capabilities, sizeof(capabilities));
	sim_ber_int(&in, max_command);
	sim_ber_int(&in, max_response);
	sim_ber_wrap(out, 0x7f66, &in);
}
