// SPDX-License-Identifier: BSD-2-Clause
/*
 * JPEG 2000, by OpenJPEG. That allocates for each tile and component while it reads the header, so
 * the SIZ marker is found and judged here before it sees a byte; what later markers ask for (layers,
 * resolution levels) before it decodes. Palettes, which no portrait has, are not applied.
 */
#include <stdlib.h>
#include <string.h>
#include <openjpeg.h>
#include "picture.h"

#define MAX_COMPONENTS	4	/* one more than colours: some have an alpha channel */
#define MAX_TILES	64
#define MAX_LAYERS	64
#define MAX_LEVELS	12
#define MAX_SUBSAMPLING	4

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The codestream: the file, or its box "jp2c" (ISO/IEC 15444-1, I.5.4). */
static bool codestream(const uint8_t **p, size_t *n)
{
	uint32_t length;

	if (*n > 2 && (*p)[0] == 0xff && (*p)[1] == 0x4f)
		return true;
	while (*n >= 8) {
		length = be32(*p);
		if (!memcmp(*p + 4, "jp2c", 4)) {
			*p += 8;
			*n -= 8;
			return length == 0 || length >= 8;
		}
		if (length < 8 || length > *n)	/* 1 is for boxes of more than 4 GiB */
			return false;
		*p += length;
		*n -= length;
	}
	return false;
}

/* A.5.1 */
static enum picture_error judge_size(const uint8_t *p, size_t n)
{
	uint32_t x, y, x0, y0, tw, th, tx0, ty0;
	uint64_t tiles;
	unsigned int components;

	if (!codestream(&p, &n) || n < 2 + 2 + 38 || memcmp(p, "\xff\x4f\xff\x51", 4))
		return PICTURE_BROKEN;
	p += 8;		/* SOC, SIZ, its length, capabilities */
	x = be32(p);
	y = be32(p + 4);
	x0 = be32(p + 8);
	y0 = be32(p + 12);
	tw = be32(p + 16);
	th = be32(p + 20);
	tx0 = be32(p + 24);
	ty0 = be32(p + 28);
	components = (unsigned int)p[32] << 8 | p[33];
	if (x <= x0 || y <= y0 || !tw || !th || tx0 > x0 || ty0 > y0 || !components)
		return PICTURE_BROKEN;
	tiles = ((uint64_t)(x - tx0) + tw - 1) / tw * (((uint64_t)(y - ty0) + th - 1) / th);
	if (x - x0 > PICTURE_MAX_SIDE || y - y0 > PICTURE_MAX_SIDE ||
	    (uint64_t)(x - x0) * (y - y0) > PICTURE_MAX_PIXELS || tiles > MAX_TILES)
		return PICTURE_TOO_LARGE;
	return components > MAX_COMPONENTS ? PICTURE_UNSUPPORTED : PICTURE_OK;
}

/* ---- what it reads from ---- */

struct source {
	const uint8_t *data;
	size_t len, at;
};

static OPJ_SIZE_T source_read(void *to, OPJ_SIZE_T n, void *user)
{
	struct source *s = user;
	size_t left = s->len - s->at;

	if (!left)
		return (OPJ_SIZE_T)-1;
	if (n > left)
		n = left;
	memcpy(to, s->data + s->at, n);
	s->at += n;
	return n;
}

static OPJ_OFF_T source_skip(OPJ_OFF_T n, void *user)
{
	struct source *s = user;

	if (n < 0 || (uint64_t)n > s->len - s->at)
		return -1;
	s->at += (size_t)n;
	return n;
}

static OPJ_BOOL source_seek(OPJ_OFF_T to, void *user)
{
	struct source *s = user;

	if (to < 0 || (uint64_t)to > s->len)
		return OPJ_FALSE;
	s->at = (size_t)to;
	return OPJ_TRUE;
}

static void say_nothing(const char *text, void *user)
{
	(void)text;
	(void)user;
}

/* ---- what it is asked for ---- */

static enum picture_error judge_coding(opj_codec_t *codec)
{
	opj_codestream_info_v2_t *info = opj_get_cstr_info(codec);
	enum picture_error err = PICTURE_OK;

	if (!info)
		return PICTURE_NO_MEMORY;
	if (info->m_default_tile_info.numlayers > MAX_LAYERS)
		err = PICTURE_TOO_LARGE;
	for (OPJ_UINT32 i = 0; i < info->nbcomps && info->m_default_tile_info.tccp_info; i++) {
		if (info->m_default_tile_info.tccp_info[i].numresolutions > MAX_LEVELS)
			err = PICTURE_TOO_LARGE;
	}
	opj_destroy_cstr_info(&info);
	return err;
}

static enum picture_error judge_components(const opj_image_t *image)
{
	for (OPJ_UINT32 i = 0; i < image->numcomps; i++) {
		const opj_image_comp_t *c = &image->comps[i];

		if (!c->dx || !c->dy || c->dx > MAX_SUBSAMPLING || c->dy > MAX_SUBSAMPLING ||
		    !c->prec || c->prec > 16)
			return PICTURE_UNSUPPORTED;
	}
	return PICTURE_OK;
}

/* ---- its samples to ours ---- */

/* 0 to 255 */
static int sample(const opj_image_comp_t *c, unsigned int x, unsigned int y)
{
	unsigned int cx = x / c->dx, cy = y / c->dy;
	long v;

	if (cx >= c->w)
		cx = c->w - 1;
	if (cy >= c->h)
		cy = c->h - 1;
	v = c->data[(size_t)cy * c->w + cx];
	if (c->sgnd)
		v += 1L << (c->prec - 1);
	if (c->prec > 8)
		v >>= c->prec - 8;
	else
		v = v * 255 / ((1L << c->prec) - 1);
	return v < 0 ? 0 : v > 255 ? 255 : (int)v;
}

static uint8_t clamp(int v)
{
	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* ISO/IEC 15444-1, I.5.3.3: sYCC is the one other colour space of JP2; by 1/1024. */
static void to_rgb(int y, int cb, int cr, uint8_t *out)
{
	cb -= 128;
	cr -= 128;
	out[0] = clamp(y + (1436 * cr) / 1024);
	out[1] = clamp(y - (352 * cb + 731 * cr) / 1024);
	out[2] = clamp(y + (1815 * cb) / 1024);
}

static enum picture_error take(const opj_image_t *image, struct picture *out)
{
	unsigned int channels = image->numcomps >= 3 ? 3 : 1;
	bool ycc;
	enum picture_error err;
	uint8_t *p;

	for (unsigned int i = 0; i < channels; i++)
		if (!image->comps[i].data || !image->comps[i].w || !image->comps[i].h)
			return PICTURE_BROKEN;
	err = picture_new(out, image->x1 - image->x0, image->y1 - image->y0, channels);
	if (err)
		return err;
	ycc = channels == 3 && (image->color_space == OPJ_CLRSPC_SYCC ||
				image->comps[1].dx != image->comps[0].dx);
	p = out->pixels;
	for (unsigned int y = 0; y < out->height; y++) {
		for (unsigned int x = 0; x < out->width; x++, p += channels) {
			int v[3] = { 0 };

			for (unsigned int i = 0; i < channels; i++)
				v[i] = sample(&image->comps[i], x, y);
			if (ycc)
				to_rgb(v[0], v[1], v[2], p);
			else
				for (unsigned int i = 0; i < channels; i++)
					p[i] = (uint8_t)v[i];
		}
	}
	return PICTURE_OK;
}

static enum picture_error decode(opj_codec_t *codec, opj_stream_t *stream, struct picture *out)
{
	opj_dparameters_t parameters;
	opj_image_t *image = NULL;
	enum picture_error err = PICTURE_BROKEN;

	opj_set_default_decoder_parameters(&parameters);
	parameters.flags |= OPJ_DPARAMETERS_IGNORE_PCLR_CMAP_CDEF_FLAG;
	opj_set_info_handler(codec, say_nothing, NULL);
	opj_set_warning_handler(codec, say_nothing, NULL);
	opj_set_error_handler(codec, say_nothing, NULL);
	if (!opj_setup_decoder(codec, &parameters) || !opj_read_header(stream, codec, &image))
		goto out;
	err = judge_coding(codec);
	if (!err)
		err = judge_components(image);
	if (!err)
		err = opj_decode(codec, stream, image) ? take(image, out) : PICTURE_BROKEN;
out:
	opj_image_destroy(image);
	return err;
}

enum picture_error picture_jp2(const uint8_t *data, size_t len, struct picture *out)
{
	struct source source = { .data = data, .len = len };
	enum picture_error err = judge_size(data, len);
	opj_stream_t *stream;
	opj_codec_t *codec;

	if (err)
		return err;
	stream = opj_stream_create(1 << 16, OPJ_TRUE);
	codec = opj_create_decompress(data[0] == 0xff ? OPJ_CODEC_J2K : OPJ_CODEC_JP2);
	err = PICTURE_NO_MEMORY;
	if (stream && codec) {
		opj_stream_set_user_data(stream, &source, NULL);
		opj_stream_set_user_data_length(stream, len);
		opj_stream_set_read_function(stream, source_read);
		opj_stream_set_skip_function(stream, source_skip);
		opj_stream_set_seek_function(stream, source_seek);
		err = decode(codec, stream, out);
	}
	if (stream)
		opj_stream_destroy(stream);
	opj_destroy_codec(codec);
	return err;
}
