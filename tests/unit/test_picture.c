// SPDX-License-Identifier: BSD-2-Clause
/* Portraits decoded, and pictures that mean harm. The PNG is read back by libpng, kitty's and the sixel stream here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jpeglib.h>
#include <openjpeg.h>
#include <png.h>
#include "issue.h"
#include "picture.h"

#define W	SIM_PORTRAIT_WIDTH
#define H	SIM_PORTRAIT_HEIGHT

/* A pixel of the samples' portraits that no noise hides: the shirt, the face, the background. */
static void looks_like_the_portrait(const struct picture *p)
{
	const uint8_t *background = p->pixels + (20 * W + 20) * 3, *face = p->pixels + (250 * W + 140) * 3;

	assert_int_equal(p->width, W);
	assert_int_equal(p->height, H);
	assert_int_equal(p->channels, 3);
	assert_in_range(background[0], 185, 220);
	assert_in_range(background[2], 210, 240);
	assert_true(face[0] > face[2] + 25);		/* skin is more red than blue */
}

static void jpeg_and_jpeg_2000_decode_to_the_same(void **state)
{
	struct picture a, b;
	uint8_t *jpeg, *jp2;
	size_t jpeg_len, jp2_len;
	long sum = 0;

	assert_true(sim_portrait(3, &jpeg, &jpeg_len));
	assert_true(sim_portrait_jp2(3, &jp2, &jp2_len));
	assert_in_range(jp2_len, 10000, 40000);
	assert_int_equal(picture_decode(jpeg, jpeg_len, &a), PICTURE_OK);
	assert_int_equal(picture_decode(jp2, jp2_len, &b), PICTURE_OK);
	looks_like_the_portrait(&a);
	looks_like_the_portrait(&b);
	assert_false(a.damaged);
	assert_int_equal(a.size, b.size);
	for (size_t i = 0; i < a.size; i++)
		sum += abs(a.pixels[i] - b.pixels[i]);
	assert_true(sum / (long)a.size < 8);
	picture_free(&a);
	picture_free(&b);
	assert_null(a.pixels);
	free(jpeg);
	free(jp2);
}

static void png_holds_the_pixels(void **state)
{
	for (unsigned int channels = 1; channels <= 3; channels += 2) {
		png_image image = { .version = PNG_IMAGE_VERSION };
		struct picture p = { 0 };
		uint8_t *png, back[5 * 3 * 3];
		size_t len;

		assert_int_equal(picture_new(&p, 5, 3, channels), PICTURE_OK);
		for (size_t i = 0; i < p.size; i++)
			p.pixels[i] = (uint8_t)(i * 17);
		assert_int_equal(picture_png(&p, &png, &len), PICTURE_OK);
		assert_true(png_image_begin_read_from_memory(&image, png, len));
		assert_int_equal(image.width, 5);
		assert_int_equal(image.height, 3);
		image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
		assert_true(png_image_finish_read(&image, NULL, back, 0, NULL));
		assert_memory_equal(back, p.pixels, p.size);
		picture_free(&p);
		free(png);
	}
}

/* ---- JPEG ---- */

static uint8_t *encode(int width, int height, J_COLOR_SPACE space, int components, bool progressive, size_t *len)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr err;
	uint8_t *out = NULL, *row = calloc(4, (size_t)width);
	unsigned long n = 0;

	c.err = jpeg_std_error(&err);
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, &out, &n);
	c.image_width = (JDIMENSION)width;
	c.image_height = (JDIMENSION)height;
	c.input_components = components;
	c.in_color_space = space;
	jpeg_set_defaults(&c);
	if (progressive)
		jpeg_simple_progression(&c);
	jpeg_start_compress(&c, TRUE);
	for (int y = 0; y < height; y++) {
		memset(row, y * 7, (size_t)(width * components));
		jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	free(row);
	*len = n;
	return out;
}

static void grey_and_progressive_portraits(void **state)
{
	struct picture p;
	uint8_t *jpeg;
	size_t len;

	jpeg = encode(33, 21, JCS_GRAYSCALE, 1, false, &len);
	assert_int_equal(picture_decode(jpeg, len, &p), PICTURE_OK);
	assert_int_equal(p.channels, 1);
	assert_int_equal(p.width, 33);
	picture_free(&p);
	free(jpeg);
	jpeg = encode(33, 21, JCS_RGB, 3, true, &len);
	assert_int_equal(picture_decode(jpeg, len, &p), PICTURE_OK);
	assert_int_equal(p.channels, 3);
	picture_free(&p);
	free(jpeg);
	jpeg = encode(33, 21, JCS_CMYK, 4, false, &len);
	assert_int_equal(picture_decode(jpeg, len, &p), PICTURE_UNSUPPORTED);
	picture_free(&p);
	free(jpeg);
}

/* Where the frame header (SOF0 or SOF2) has height and width. */
static uint8_t *frame(uint8_t *jpeg, size_t len)
{
	for (size_t i = 0; i + 9 < len; i++)
		if (jpeg[i] == 0xff && (jpeg[i + 1] == 0xc0 || jpeg[i + 1] == 0xc2))
			return jpeg + i + 5;
	fail_msg("no frame header");
	return NULL;
}

static void a_jpeg_that_says_to_be_huge_is_not_decoded(void **state)
{
	static const struct { uint8_t h[2], w[2]; enum picture_error want; } all[] = {
		{ { 0xff, 0x00 }, { 0xff, 0x00 }, PICTURE_TOO_LARGE }, { { 0x10, 0x01 }, { 0x00, 0x01 }, PICTURE_TOO_LARGE },
		{ { 0x00, 0x01 }, { 0x10, 0x01 }, PICTURE_TOO_LARGE }, { { 0x10, 0x00 }, { 0x04, 0x01 }, PICTURE_TOO_LARGE },
		{ { 0x00, 0x15 }, { 0x00, 0x00 }, PICTURE_BROKEN }, { { 0x00, 0x00 }, { 0x00, 0x21 }, PICTURE_BROKEN },
	};
	struct picture p;
	size_t len;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		uint8_t *jpeg = encode(33, 21, JCS_RGB, 3, i & 1, &len), *f = frame(jpeg, len);

		memcpy(f, all[i].h, 2);
		memcpy(f + 2, all[i].w, 2);
		assert_int_equal(picture_decode(jpeg, len, &p), all[i].want);
		picture_free(&p);
		free(jpeg);
	}
}

/* Each scan is a visit to the whole picture, for a few bytes. */
static void a_jpeg_of_too_many_scans_is_given_up(void **state)
{
	size_t len, at, n = 0;
	uint8_t *jpeg = encode(1024, 1024, JCS_GRAYSCALE, 1, true, &len), *all;
	struct picture p;

	/* the last scan, again and again */
	for (at = len - 2; at && !(jpeg[at] == 0xff && jpeg[at + 1] == 0xda); at--)
		;
	assert_true(at > 0);
	all = malloc(len + 300 * (len - at));
	memcpy(all, jpeg, len - 2);
	n = len - 2;
	for (int i = 0; i < 300; i++) {
		memcpy(all + n, jpeg + at, len - 2 - at);
		n += len - 2 - at;
	}
	memcpy(all + n, jpeg + len - 2, 2);
	n += 2;
	assert_int_equal(picture_decode(all, n, &p), PICTURE_TOO_LARGE);
	picture_free(&p);
	free(all);
	free(jpeg);
}

static void a_jpeg_cut_short_is_damaged(void **state)
{
	struct picture p;
	uint8_t *jpeg;
	size_t len;

	assert_true(sim_portrait(3, &jpeg, &len));
	assert_int_equal(picture_decode(jpeg, len / 2, &p), PICTURE_OK);
	assert_true(p.damaged);
	picture_free(&p);
	assert_int_equal(picture_decode(jpeg, 100, &p), PICTURE_BROKEN);
	picture_free(&p);
	free(jpeg);
}

/* ---- JPEG 2000 ---- */

static uint8_t *portrait_jp2(size_t *len)
{
	uint8_t *jp2;

	assert_true(sim_portrait_jp2(3, &jp2, len));
	return jp2;
}

/* Offsets in SIZ, from the beginning of the codestream: Xsiz 8, Ysiz 12, XTsiz 24, YTsiz 28, Csiz 40. */
static void a_jpeg_2000_that_says_to_be_huge_is_not_decoded(void **state)
{
	static const struct { size_t at, n; const char *bytes; enum picture_error want; } all[] = {
		{ 8, 4, "\xff\xff\xff\xff", PICTURE_TOO_LARGE }, { 12, 4, "\x00\x00\x10\x01", PICTURE_TOO_LARGE },
		{ 24, 8, "\x00\x00\x00\x01\x00\x00\x00\x01", PICTURE_TOO_LARGE },	/* a tile for each pixel */
		{ 24, 4, "\x00\x00\x00\x00", PICTURE_BROKEN }, { 40, 2, "\x40\x00", PICTURE_UNSUPPORTED },
		{ 40, 2, "\x00\x00", PICTURE_BROKEN }, { 16, 4, "\x7f\xff\xff\xff", PICTURE_BROKEN },
		{ 8, 4, "\x00\x00\x00\x00", PICTURE_BROKEN },
	};
	struct picture p;
	size_t len;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		uint8_t *jp2 = portrait_jp2(&len);

		memcpy(jp2 + all[i].at, all[i].bytes, all[i].n);
		assert_int_equal(picture_decode(jp2, len, &p), all[i].want);
		assert_null(p.pixels);
		picture_free(&p);
		free(jp2);
	}
}

/* Where the COD marker is. */
static uint8_t *coding(uint8_t *jp2, size_t len)
{
	uint8_t *p = memmem(jp2, len, "\xff\x52", 2);

	assert_non_null(p);
	return p;
}

static void a_jpeg_2000_of_too_many_layers_is_not_decoded(void **state)
{
	struct picture p;
	size_t len;
	uint8_t *jp2 = portrait_jp2(&len);

	memcpy(coding(jp2, len) + 6, "\xff\xff", 2);
	assert_int_equal(picture_decode(jp2, len, &p), PICTURE_TOO_LARGE);
	picture_free(&p);
	memcpy(coding(jp2, len) + 6, "\x00\x01", 2);
	coding(jp2, len)[9] = 32;	/* decomposition levels */
	assert_int_equal(picture_decode(jp2, len, &p), PICTURE_TOO_LARGE);
	picture_free(&p);
	free(jp2);
}

/* One pixel a precinct, in the main header; and a tile that changes its coding by itself. */
static void a_jpeg_2000_of_too_many_parts_is_not_decoded(void **state)
{
	size_t len, at, cod_len;
	uint8_t *jp2 = portrait_jp2(&len), *cod = coding(jp2, len), *all = malloc(len + 200), *p;
	struct picture p1;
	uint8_t levels = cod[9], segment[64];

	/* COD with precincts: Scod's first bit, and a byte for each resolution level */
	cod_len = (size_t)cod[2] << 8 | cod[3];
	memcpy(segment, cod, 2 + cod_len);
	segment[4] |= 1;
	for (unsigned int i = 0; i <= levels; i++)
		segment[2 + cod_len + i] = i ? 0x11 : 0x00;
	segment[3] = (uint8_t)(cod_len + levels + 1);
	at = (size_t)(cod - jp2);
	memcpy(all, jp2, at);
	memcpy(all + at, segment, 2U + segment[3]);
	memcpy(all + at + 2 + segment[3], cod + 2 + cod_len, len - at - 2 - cod_len);
	assert_int_equal(picture_decode(all, len + levels + 1, &p1), PICTURE_TOO_LARGE);
	picture_free(&p1);

	/* the same COD, where only the tile-part has it */
	memcpy(all, jp2, len);
	p = memmem(all, len, "\xff\x90\x00\x0a", 4);
	assert_non_null(p);
	at = (size_t)(p - all) + 12;
	memcpy(all + at, segment, 2U + segment[3]);
	memcpy(all + at + 2 + segment[3], jp2 + at, len - at);
	assert_int_equal(picture_decode(all, len + 2 + segment[3], &p1), PICTURE_UNSUPPORTED);
	picture_free(&p1);
	free(all);
	free(jp2);
}

static void a_jpeg_2000_cut_short_is_broken(void **state)
{
	struct picture p;
	size_t len;
	uint8_t *jp2 = portrait_jp2(&len);

	for (size_t n = 5; n < len; n += n < 120 ? 1 : 1499) {
		uint8_t *exact = malloc(n);

		memcpy(exact, jp2, n);
		assert_int_equal(picture_decode(exact, n, &p), PICTURE_BROKEN);
		picture_free(&p);
		free(exact);
	}
	free(jp2);
}

/* The codestream in its boxes, and boxes that lie. */
static void a_jpeg_2000_in_its_boxes(void **state)
{
	static const uint8_t head[] = {
		0, 0, 0, 12, 'j', 'P', ' ', ' ', 0x0d, 0x0a, 0x87, 0x0a,
		0, 0, 0, 20, 'f', 't', 'y', 'p', 'j', 'p', '2', ' ', 0, 0, 0, 0, 'j', 'p', '2', ' ',
		0, 0, 0, 45, 'j', 'p', '2', 'h',
		0, 0, 0, 22, 'i', 'h', 'd', 'r', 0, 0, H >> 8, H & 0xff, 0, 0, W >> 8, W & 0xff, 0, 3, 7, 7, 0, 0,
		0, 0, 0, 15, 'c', 'o', 'l', 'r', 1, 0, 0, 0, 0, 0, 16,
		0, 0, 0, 0, 'j', 'p', '2', 'c',
	};
	size_t len;
	uint8_t *jp2 = portrait_jp2(&len), *all = malloc(sizeof(head) + len);
	struct picture p;

	memcpy(all, head, sizeof(head));
	memcpy(all + sizeof(head), jp2, len);
	assert_int_equal(picture_decode(all, sizeof(head) + len, &p), PICTURE_OK);
	looks_like_the_portrait(&p);
	picture_free(&p);
	for (size_t at = 12; at < 33; at += 20) {	/* lengths of ftyp and jp2h */
		for (int way = 0; way < 3; way++) {
			memcpy(all, head, sizeof(head));
			memcpy(all + at, way == 0 ? "\0\0\0\0" : way == 1 ? "\xff\xff\xff\xff" : "\0\0\0\x01", 4);
			assert_int_equal(picture_decode(all, sizeof(head) + len, &p), PICTURE_BROKEN);
			picture_free(&p);
		}
	}
	free(all);
	free(jp2);
}

static void no_mutation_crashes_or_lasts(void **state)
{
	uint32_t x = 7;

	for (int way = 0; way < 2; way++) {
		size_t len;
		uint8_t *good, *b;

		assert_true(way ? sim_portrait_jp2(1, &good, &len) : sim_portrait(1, &good, &len));
		b = malloc(len);
		for (int round = 0; round < 120; round++) {
			struct picture p;

			memcpy(b, good, len);
			for (int k = 0; k < 1 + round % 4; k++) {
				x = x * 1664525u + 1013904223u;
				b[(x >> 8) % (round % 2 ? 300 : len)] = (uint8_t)(x >> 24);
			}
			picture_decode(b, len, &p);
			picture_free(&p);
		}
		free(b);
		free(good);
	}
}

static void what_is_no_picture_is_none(void **state)
{
	struct picture p;

	assert_int_equal(picture_decode((const uint8_t *)"GIF89a......", 12, &p), PICTURE_UNKNOWN);
	assert_int_equal(picture_decode((const uint8_t *)"", 0, &p), PICTURE_UNKNOWN);
	assert_int_equal(picture_decode((const uint8_t *)"\xff\xd8", 2, &p), PICTURE_UNKNOWN);
	assert_int_equal(picture_decode((const uint8_t *)"\xff\xd8\xff\xd9", 4, &p), PICTURE_BROKEN);
	picture_free(&p);
}

/* ---- terminals ---- */

static size_t unbase64(const char *s, size_t n, uint8_t *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = 0;
	uint32_t v = 0;
	int bits = 0;

	for (size_t i = 0; i < n && s[i] != '='; i++) {
		const char *d = strchr(digits, s[i]);

		assert_non_null(d);
		v = v << 6 | (uint32_t)(d - digits);
		bits += 6;
		if (bits >= 8)
			out[len++] = (uint8_t)(v >> (bits -= 8));
	}
	return len;
}

static void kitty_gets_the_png_in_chunks(void **state)
{
	static const size_t lens[] = { 1, 2, 3, 3071, 3072, 3073, 9000 };
	uint8_t png[9000], back[9100];

	for (size_t i = 0; i < sizeof(png); i++)
		png[i] = (uint8_t)(i * 31 + i / 256);
	for (size_t k = 0; k < sizeof(lens) / sizeof(lens[0]); k++) {
		char *text, *p, *end;
		size_t size, n = 0;
		FILE *f = open_memstream(&text, &size);
		bool more = true;

		assert_true(picture_kitty(f, png, lens[k]));
		fclose(f);
		assert_int_equal(strncmp(text, "\033_Ga=T,f=100,", 13), 0);
		for (p = text; more; p = end + 2) {
			assert_int_equal(strncmp(p, "\033_G", 3), 0);
			assert_non_null(strstr(p, "m="));
			more = strstr(p, "m=")[2] == '1';
			p = strchr(p, ';') + 1;
			end = strchr(p, '\033');
			assert_non_null(end);
			assert_true(end - p <= 4096 && end[1] == '\\');
			n += unbase64(p, (size_t)(end - p), back + n);
		}
		assert_string_equal(p, "\n");
		assert_int_equal(n, lens[k]);
		assert_memory_equal(back, png, n);
		free(text);
	}
}

/* A sixel stream back to pixels: "#n" picks a colour, "!n" repeats, '$' and '-' go back and down. */
static void draw_sixels(const char *p, unsigned int width, unsigned int height, uint8_t *rgb)
{
	unsigned int x = 0, y = 0, c = 0, n, pal[256][3] = { { 0 } }, r, g, b;
	int used;

	for (; *p != '\033'; p++) {
		n = 1;
		if (*p == '#') {
			if (sscanf(p, "#%u;2;%u;%u;%u%n", &c, &r, &g, &b, &used) == 4) {
				pal[c][0] = r, pal[c][1] = g, pal[c][2] = b;
			} else {
				assert_int_equal(sscanf(p, "#%u%n", &c, &used), 1);
			}
			p += used - 1;
			continue;
		}
		if (*p == '$' || *p == '-') {
			x = 0;
			y += *p == '-' ? 6 : 0;
			continue;
		}
		if (*p == '!') {
			assert_int_equal(sscanf(p, "!%u%n", &n, &used), 1);
			p += used;
		}
		assert_in_range(*p, '?', '~');
		for (; n--; x++) {
			assert_true(x < width);
			for (unsigned int k = 0; k < 6; k++) {
				if (!((*p - '?') >> k & 1))
					continue;
				assert_true(y + k < height);
				for (int i = 0; i < 3; i++)
					rgb[((y + k) * width + x) * 3 + (unsigned int)i] = (uint8_t)(pal[c][i] * 255 / 100);
			}
		}
	}
}

static void sixels_are_the_picture(void **state)
{
	struct picture p = { 0 };
	unsigned int w, h;
	char *text;
	size_t size, len;
	uint8_t *jpeg, *back;
	FILE *f;
	long sum[2] = { 0 };

	assert_true(sim_portrait(3, &jpeg, &len));
	assert_int_equal(picture_decode(jpeg, len, &p), PICTURE_OK);
	for (unsigned int max = 480; max >= 240; max -= 240) {
		f = open_memstream(&text, &size);
		assert_true(picture_sixel(f, &p, max));
		fclose(f);
		assert_int_equal(sscanf(text, "\033P0;1q\"1;1;%u;%u", &w, &h), 2);
		assert_int_equal(h, max);
		assert_int_equal(w, W * max / H);
		back = calloc(3, (size_t)w * h);
		draw_sixels(strchr(text, '#'), w, h, back);
		/* the pattern evens out: on the whole it is as bright as the picture */
		sum[0] = sum[1] = 0;
		for (size_t i = 0; i < (size_t)w * h * 3; i++)
			sum[1] += back[i];
		for (size_t i = 0; i < p.size; i++)
			sum[0] += p.pixels[i];
		assert_in_range(sum[1] / (long)(w * h * 3), sum[0] / (long)p.size - 12, sum[0] / (long)p.size + 12);
		free(back);
		free(text);
	}
	picture_free(&p);
	free(jpeg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jpeg_and_jpeg_2000_decode_to_the_same),
		cmocka_unit_test(png_holds_the_pixels),
		cmocka_unit_test(grey_and_progressive_portraits),
		cmocka_unit_test(a_jpeg_that_says_to_be_huge_is_not_decoded),
		cmocka_unit_test(a_jpeg_of_too_many_scans_is_given_up),
		cmocka_unit_test(a_jpeg_cut_short_is_damaged),
		cmocka_unit_test(a_jpeg_2000_that_says_to_be_huge_is_not_decoded),
		cmocka_unit_test(a_jpeg_2000_of_too_many_layers_is_not_decoded),
		cmocka_unit_test(a_jpeg_2000_of_too_many_parts_is_not_decoded),
		cmocka_unit_test(a_jpeg_2000_cut_short_is_broken),
		cmocka_unit_test(a_jpeg_2000_in_its_boxes),
		cmocka_unit_test(no_mutation_crashes_or_lasts),
		cmocka_unit_test(what_is_no_picture_is_none),
		cmocka_unit_test(kitty_gets_the_png_in_chunks),
		cmocka_unit_test(sixels_are_the_picture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
