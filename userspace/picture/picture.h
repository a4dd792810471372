/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Portraits: JPEG and JPEG 2000 to pixels, pixels to PNG and to terminals. Beside libcardring, so that
 * the library needs no picture library; decoders are the code that hostile cards would aim at.
 *
 * Bounded before a decoder begins: PICTURE_MAX_PIXELS, and for JPEG 2000 components, tiles, layers
 * and resolution levels, for JPEG components and scans.
 */
#ifndef CARDRING_PICTURE_H
#define CARDRING_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PICTURE_MAX_SIDE	4096
#define PICTURE_MAX_PIXELS	(4U << 20)	/* ICAO 9303-9: portraits have less than one million */

enum picture_error {
	PICTURE_OK = 0,
	PICTURE_UNKNOWN,	/* neither JPEG nor JPEG 2000 */
	PICTURE_BROKEN,		/* does not decode */
	PICTURE_TOO_LARGE,	/* beyond the bounds above */
	PICTURE_UNSUPPORTED,	/* of a kind that no portrait is: CMYK, ... */
	PICTURE_NO_MEMORY,
};

struct picture {
	unsigned int width, height;
	unsigned int channels;	/* 1: grey; 3: red, green, blue */
	uint8_t *pixels;	/* height rows of width * channels bytes */
	size_t size;		/* of pixels */
	bool damaged;		/* parts of it had to be guessed */
};

/* *out is to be freed with picture_free in each case. */
enum picture_error picture_decode(const uint8_t *data, size_t len, struct picture *out);
void picture_free(struct picture *p);	/* wipes */

/* *png is allocated: wipe and free. */
enum picture_error picture_png(const struct picture *p, uint8_t **png, size_t *len);
/* The kitty graphics protocol, a PNG in base64. False: not written. */
bool picture_kitty(FILE *to, const uint8_t *png, size_t len);
/* Sixels in 216 colours, of at most max_height rows. False: not written. */
bool picture_sixel(FILE *to, const struct picture *p, unsigned int max_height);

/* ---- within: one decoder a file ---- */

enum picture_error picture_jpeg(const uint8_t *data, size_t len, struct picture *out);
enum picture_error picture_jp2(const uint8_t *data, size_t len, struct picture *out);
/* Checks the bounds, and makes room. */
enum picture_error picture_new(struct picture *p, unsigned long width, unsigned long height,
			       unsigned int channels);

#endif
