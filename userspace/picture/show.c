// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pictures in terminals. Kitty's protocol carries the PNG itself. Sixels are six rows of one colour at
 * a time; the colours are the 216 of a cube, between which an ordered pattern mixes.
 */
#include <stdlib.h>
#include <string.h>
#include "picture.h"

#define CHUNK	3072	/* bytes, 4096 characters: the most that the protocol takes at once */
#define LEVELS	6
#define COLOURS	(LEVELS * LEVELS * LEVELS)

static size_t base64(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *to = out;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
			     (i + 2 < n ? p[i + 2] : 0);

		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		*to++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*to++ = i + 2 < n ? digits[v & 63] : '=';
	}
	return (size_t)(to - out);
}

bool picture_kitty(FILE *to, const uint8_t *png, size_t len)
{
	char text[CHUNK / 3 * 4];
	size_t n;

	for (size_t at = 0; at < len; at += n) {
		n = len - at < CHUNK ? len - at : CHUNK;
		/* a=T: show it; f=100: PNG; q=2: the terminal answers nothing; m: more follows */
		fprintf(to, "\033_G%sm=%d;", at ? "" : "a=T,f=100,q=2,", at + n < len);
		fwrite(text, 1, base64(png + at, n, text), to);
		fputs("\033\\", to);
	}
	fputc('\n', to);
	explicit_bzero(text, sizeof(text));
	return !ferror(to);
}

/* Bayer's pattern: what of a colour step is to be added here before it is cut off, of 16. */
static int threshold(unsigned int x, unsigned int y)
{
	static const uint8_t pattern[4][4] = {
		{ 0, 8, 2, 10 }, { 12, 4, 14, 6 }, { 3, 11, 1, 9 }, { 15, 7, 13, 5 },
	};

	return pattern[y % 4][x % 4];
}

static uint8_t colour(const struct picture *p, unsigned int step, unsigned int x, unsigned int y)
{
	const uint8_t *at = p->pixels + ((size_t)y * step * p->width + (size_t)x * step) * p->channels;
	unsigned int c = 0;

	for (int i = 0; i < 3; i++) {
		unsigned int v = at[p->channels == 3 ? i : 0] * (LEVELS - 1);

		v = (v * 16 + (unsigned int)threshold(x, y) * 255) / (255 * 16);
		c = c * LEVELS + (v < LEVELS ? v : LEVELS - 1);
	}
	return (uint8_t)c;
}

static void run(FILE *to, char c, unsigned int n)
{
	if (n > 3)
		fprintf(to, "!%u%c", n, c);
	else
		while (n--)
			fputc(c, to);
}

/* One colour of a band: a bit for each of six rows, as a character from '?' on. */
static void write_colour(FILE *to, const uint8_t *band, unsigned int width, unsigned int rows, uint8_t c)
{
	unsigned int n = 0;
	char last = 0;

	fprintf(to, "#%u", c);
	for (unsigned int x = 0; x < width; x++) {
		unsigned int bits = 0;
		char now;

		for (unsigned int y = 0; y < rows; y++)
			bits |= (unsigned int)(band[y * width + x] == c) << y;
		now = (char)('?' + bits);
		if (n && now != last) {
			run(to, last, n);
			n = 0;
		}
		last = now;
		n++;
	}
	run(to, last, n);
	fputc('$', to);
}

bool picture_sixel(FILE *to, const struct picture *p, unsigned int max_height)
{
	unsigned int step = max_height ? (p->height + max_height - 1) / max_height : 1;
	unsigned int width = p->width / step, height = p->height / step;
	uint8_t *band = malloc((size_t)width * 6 + 1);
	bool used[COLOURS];

	if (!band || !width || !height) {
		free(band);
		return false;
	}
	fprintf(to, "\033P0;1q\"1;1;%u;%u", width, height);
	for (unsigned int c = 0; c < COLOURS; c++)
		fprintf(to, "#%u;2;%u;%u;%u", c, c / LEVELS / LEVELS * 20, c / LEVELS % LEVELS * 20,
			c % LEVELS * 20);
	for (unsigned int top = 0; top < height; top += 6) {
		unsigned int rows = height - top < 6 ? height - top : 6;

		memset(used, 0, sizeof(used));
		for (unsigned int y = 0; y < rows; y++)
			for (unsigned int x = 0; x < width; x++)
				used[band[y * width + x] = colour(p, step, x, top + y)] = true;
		for (unsigned int c = 0; c < COLOURS; c++)
			if (used[c])
				write_colour(to, band, width, rows, (uint8_t)c);
		fputc('-', to);
	}
	fputs("\033\\\n", to);
	explicit_bzero(band, (size_t)width * 6);
	free(band);
	return !ferror(to);
}
