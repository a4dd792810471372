// SPDX-License-Identifier: BSD-2-Clause
/*
 * JPEG 2000, by OpenJPEG. That allocates for each tile, component and precinct that a picture says it
 * has, so what its headers say is judged here before OpenJPEG sees a byte. A tile that changes its
 * coding by itself, which no encoder of portraits makes, is not taken; nor are palettes applied.
 */
#include <stdlib.h>
#include <string.h>
#include <openjpeg.h>
#include "picture.h"

#define MAX_COMPONENTS	4	/* one more than colours: some have an alpha channel */
#define MAX_TILES	64
#define MAX_LAYERS	64
#define MAX_LEVELS	12
#define MAX_PRECINCTS	(1U << 16)	/* of all components and levels: each costs half a kilobyte */
#define MAX_SUBSAMPLING	4

/* Markers, ISO/IEC 15444-1, A.2 */
#define SOT	0xff90
#define SOD	0xff93
#define EOC	0xffd9
#define COD	0xff52
#define COC	0xff53

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

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* What SIZ says. */
struct frame {
	uint32_t width, height;
	unsigned int components, tiles;
};

/*
 * SPcod or SPcoc (A.6.1, A.6.2): levels, code-blocks (2), style, transformation, and with own_precincts
 * a byte for each resolution level. Precincts: B.6.
 */
static enum picture_error judge_levels(const uint8_t *p, size_t n, bool own_precincts, const struct frame *f)
{
	unsigned int levels;
	uint64_t all = 0;

	if (n < 5)
		return PICTURE_BROKEN;
	levels = p[0];
	if (levels >= MAX_LEVELS)
		return PICTURE_TOO_LARGE;
	if (n < 5 + (own_precincts ? levels + 1 : 0))
		return PICTURE_BROKEN;
	for (unsigned int r = 0; r <= levels; r++) {
		unsigned int down = levels - r, log2 = own_precincts ? p[5 + r] : 0xff;
		uint64_t w = (f->width >> down) + 1, h = (f->height >> down) + 1;

		/* one more each way, in each tile: they need not begin where the picture does */
		all += ((w >> (log2 & 0x0f)) + 2) * ((h >> (log2 >> 4)) + 2) + 4 * f->tiles;
	}
	return all * f->components > MAX_PRECINCTS ? PICTURE_TOO_LARGE : PICTURE_OK;
}

/* COD (A.6.1) and COC (A.6.2), without the marker: the length comes first. */
static enum picture_error judge_coding(uint16_t marker, const uint8_t *p, const struct frame *f)
{
	size_t n = be16(p), own = marker == COD ? 2 : 3;	/* Scod; Ccoc is one byte here */

	if (n < own + 1 + (marker == COD ? 4 : 0))
		return PICTURE_BROKEN;
	if (marker == COC)
		return judge_levels(p + 4, n - 4, p[3] & 1, f);
	if (be16(p + 4) > MAX_LAYERS)
		return PICTURE_TOO_LARGE;
	return judge_levels(p + 7, n - 7, p[2] & 1, f);
}

/*
 * Over marker segments from *at on to the one that ends a header. f: of the main header, where the
 * coding is said.
 */
static enum picture_error skip_header(const uint8_t *p, size_t n, size_t *at, uint16_t end,
				      const struct frame *f)
{
	enum picture_error err = PICTURE_OK;
	uint16_t marker;

	while (!err && *at + 4 <= n) {
		marker = be16(p + *at);
		if (marker == end)
			return PICTURE_OK;
		if (marker < 0xff4f || (marker >= SOT && marker <= SOD) || marker == EOC ||
		    be16(p + *at + 2) < 2 || be16(p + *at + 2) > n - *at - 2)
			return PICTURE_BROKEN;
		if (marker == COD || marker == COC)
			err = f ? judge_coding(marker, p + *at + 2, f) : PICTURE_UNSUPPORTED;
		*at += 2 + (size_t)be16(p + *at + 2);
	}
	if (err)
		return err;
	return *at + 2 <= n && be16(p + *at) == end ? PICTURE_OK : PICTURE_BROKEN;
}

/* The main header, and that of each tile-part (A.4.2): its length leads to the next. */
static enum picture_error judge_headers(const uint8_t *p, size_t n, const struct frame *f)
{
	size_t at = 2, part, length;
	enum picture_error err = skip_header(p, n, &at, SOT, f);

	while (!err && at + 2 <= n && be16(p + at) != EOC) {
		if (be16(p + at) != SOT || n - at < 12 || be16(p + at + 2) != 10)
			return PICTURE_BROKEN;
		part = at;
		length = be32(p + at + 6);
		at += 12;
		err = skip_header(p, n, &at, SOD, NULL);
		if (err || !length)	/* 0: the last, until the end */
			return err;
		if (length < at + 2 - part || length > n - part)
			return PICTURE_BROKEN;
		at = part + length;
	}
	return err;
}

/* A.5.1 */
static enum picture_error judge(const uint8_t *p, size_t n)
{
	uint32_t x, y, x0, y0, tw, th, tx0, ty0;
	struct frame f;
	uint64_t tiles;

	if (!codestream(&p, &n) || n < 2 + 2 + 38 || memcmp(p, "\xff\x4f\xff\x51", 4))
		return PICTURE_BROKEN;
	x = be32(p + 8);	/* behind SOC, SIZ, its length and capabilities */
	y = be32(p + 12);
	x0 = be32(p + 16);
	y0 = be32(p + 20);
	tw = be32(p + 24);
	th = be32(p + 28);
	tx0 = be32(p + 32);
	ty0 = be32(p + 36);
	f.components = be16(p + 40);
	if (x <= x0 || y <= y0 || !tw || !th || tx0 > x0 || ty0 > y0 || !f.components)
		return PICTURE_BROKEN;
	f.width = x - x0;
	f.height = y - y0;
	tiles = ((uint64_t)(x - tx0) + tw - 1) / tw * (((uint64_t)(y - ty0) + th - 1) / th);
	if (f.width > PICTURE_MAX_SIDE || f.height > PICTURE_MAX_SIDE ||
	    (uint64_t)f.width * f.height > PICTURE_MAX_PIXELS || tiles > MAX_TILES)
		return PICTURE_TOO_LARGE;
	f.tiles = (unsigned int)tiles;
	return f.components > MAX_COMPONENTS ? PICTURE_UNSUPPORTED : judge_headers(p, n, &f);
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
	enum picture_error err = judge(data, len);
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
