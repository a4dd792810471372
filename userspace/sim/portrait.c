/* SPDX-License-Identifier: BSD-2-Clause */
/* A portrait of nobody: drawn with whole numbers, so it is the same everywhere, and as large as a real one. */
#include "issue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
#include <openjpeg.h>

#define W	SIM_PORTRAIT_WIDTH
#define H	SIM_PORTRAIT_HEIGHT

struct colour { int r, g, b; };

/* 0 to 1024 inside of an ellipse, by how deep; negative outside. */
static int inside(int x, int y, int cx, int cy, int rx, int ry)
{
	long dx = (long)(x - cx) * 1024 / rx, dy = (long)(y - cy) * 1024 / ry;

	return (int)(1024 - (dx * dx + dy * dy) / 1024);
}

static struct colour pixel(int x, int y, uint32_t seed)
{
	static const struct colour shirts[] = { { 60, 80, 120 }, { 120, 60, 60 }, { 70, 110, 80 }, { 90, 90, 95 } };
	struct colour c = { 200 + y / 16, 212 + y / 20, 225 };	/* background */
	const struct colour hair = { 35, 28, 26 }, skin = { 224, 182, 150 };
	int d;

	if (inside(x, y, W / 2, H + 10, 165, 130) > 0)
		c = shirts[seed % 4];
	if (inside(x, y, W / 2, 355, 42, 60) > 0)
		c = (struct colour){ 200, 160, 130 };
	if (inside(x, y, W / 2, 195, 112, 140) > 0)
		c = hair;
	d = inside(x, y, W / 2, 225, 92, 125);
	if (d > 0)
		c = (struct colour){ skin.r - 40 + d / 26, skin.g - 40 + d / 26, skin.b - 40 + d / 26 };
	if (d > 0 && y < 140 + (x - W / 2) * (x - W / 2) / 300)
		c = hair;
	for (int side = -1; side <= 1; side += 2) {
		if (inside(x, y, W / 2 + side * 38, 212, 17, 8) > 0)
			c = (struct colour){ 240, 240, 240 };
		if (inside(x, y, W / 2 + side * 38, 212, 7, 7) > 0)
			c = (struct colour){ 45, 30, 25 };
		if (inside(x, y, W / 2 + side * 38, 190, 22, 4) > 0)
			c = hair;
	}
	if (inside(x, y, W / 2, 250, 11, 16) > 0 && y > 245)
		c = (struct colour){ 196, 150, 122 };
	if (inside(x, y, W / 2, 292, 30, 8) > 0)
		c = (struct colour){ 176, 84, 80 };
	return c;
}

static uint8_t clamp(int v)
{
	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* One row with the grain of a sensor, without which a JPEG would be a third of its size. */
static void draw_row(int y, uint32_t seed, uint32_t *r, uint8_t *row)
{
	for (int x = 0; x < W; x++) {
		struct colour p = pixel(x, y, seed);
		int noise;

		*r = *r * 1664525u + 1013904223u;
		noise = (int)(*r >> 29) - 4;
		row[3 * x] = clamp(p.r + noise);
		row[3 * x + 1] = clamp(p.g + noise);
		row[3 * x + 2] = clamp(p.b + noise);
	}
}

bool sim_portrait(uint32_t seed, uint8_t **out, size_t *len)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr err;
	unsigned long n = 0;
	uint32_t r = seed * 2654435761u + 1;
	uint8_t *row = malloc(3 * W);

	*out = NULL;
	if (!row)
		return false;
	c.err = jpeg_std_error(&err);	/* its error_exit ends the program: the parameters are constants */
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, out, &n);
	c.image_width = W;
	c.image_height = H;
	c.input_components = 3;
	c.in_color_space = JCS_RGB;
	jpeg_set_defaults(&c);
	c.dct_method = JDCT_ISLOW;
	jpeg_set_quality(&c, 84, TRUE);
	jpeg_start_compress(&c, TRUE);
	for (int y = 0; y < H; y++) {
		draw_row(y, seed, &r, row);
		jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	free(row);
	*len = n;
	return *out != NULL;
}

/* ---- the same in JPEG 2000 ---- */

static OPJ_SIZE_T keep(void *data, OPJ_SIZE_T n, void *user)
{
	struct sim_buf *b = user;

	sim_buf_put(b, data, n);
	return b->failed ? (OPJ_SIZE_T)-1 : n;
}

static opj_image_t *new_image(unsigned int components, uint32_t w, uint32_t h)
{
	opj_image_cmptparm_t parm[3];
	opj_image_t *image;

	memset(parm, 0, sizeof(parm));
	for (unsigned int i = 0; i < components; i++) {
		parm[i].dx = parm[i].dy = 1;
		parm[i].w = w;
		parm[i].h = h;
		parm[i].prec = 8;
	}
	image = opj_image_create(components, parm, components == 1 ? OPJ_CLRSPC_GRAY : OPJ_CLRSPC_SRGB);
	if (image) {
		image->x1 = w;
		image->y1 = h;
	}
	return image;
}

static opj_image_t *draw(uint32_t seed)
{
	uint32_t r = seed * 2654435761u + 1;
	uint8_t row[3 * W];
	opj_image_t *image = new_image(3, W, H);

	if (!image)
		return NULL;
	for (int y = 0; y < H; y++) {
		draw_row(y, seed, &r, row);
		for (int x = 0; x < W; x++)
			for (int i = 0; i < 3; i++)
				image->comps[i].data[y * W + x] = row[3 * x + i];
	}
	return image;
}

/* What is written once lies in a row: the boxes before the codestream know their length in advance. */
static OPJ_BOOL seek(OPJ_OFF_T to, void *user)
{
	const struct sim_buf *b = user;

	return to == (OPJ_OFF_T)b->len;
}

/* Takes the image, which may be NULL. rate: how many times smaller than without compression. */
static bool encode(opj_image_t *image, float rate, struct sim_buf *out)
{
	opj_stream_t *stream = opj_stream_create(1 << 16, OPJ_FALSE);
	opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
	opj_cparameters_t p;
	bool ok = false;

	if (image && stream && codec) {
		opj_stream_set_user_data(stream, out, NULL);
		opj_stream_set_write_function(stream, keep);
		opj_stream_set_seek_function(stream, seek);
		opj_set_default_encoder_parameters(&p);
		p.tcp_numlayers = 1;
		p.cp_disto_alloc = 1;
		p.tcp_rates[0] = rate;
		p.irreversible = 1;
		p.tcp_mct = image->numcomps == 3;
		ok = opj_setup_encoder(codec, &p, image) && opj_start_compress(codec, image, stream) &&
		     opj_encode(codec, stream) && opj_end_compress(codec, stream) && !out->failed;
	}
	opj_destroy_codec(codec);
	if (stream)
		opj_stream_destroy(stream);
	opj_image_destroy(image);
	return ok;
}

bool sim_portrait_jp2(uint32_t seed, uint8_t **out, size_t *len)
{
	struct sim_buf b = { 0 };
	bool ok = encode(draw(seed), 26, &b);	/* about 20 KB */

	if (!ok)
		sim_buf_free(&b);
	*out = b.p;
	*len = b.len;
	return ok;
}

bool sim_jp2_grey(const uint8_t *pixels, unsigned int w, unsigned int h, struct sim_buf *out)
{
	opj_image_t *image = new_image(1, w, h);
	struct sim_buf b = { 0 };
	bool ok;

	for (size_t i = 0; image && i < (size_t)w * h; i++)
		image->comps[0].data[i] = pixels[i];
	ok = encode(image, 4, &b);
	if (ok)
		sim_buf_put(out, b.p, b.len);
	sim_buf_free(&b);
	return ok && !out->failed;
}
