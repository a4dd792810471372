// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include <png.h>
#include "picture.h"

enum picture_error picture_new(struct picture *p, unsigned long width, unsigned long height,
			       unsigned int channels)
{
	if (!width || !height)
		return PICTURE_BROKEN;
	if (width > PICTURE_MAX_SIDE || height > PICTURE_MAX_SIDE ||
	    width * height > PICTURE_MAX_PIXELS)
		return PICTURE_TOO_LARGE;
	p->width = (unsigned int)width;
	p->height = (unsigned int)height;
	p->channels = channels;
	p->size = (size_t)width * height * channels;
	p->pixels = calloc(1, p->size);
	return p->pixels ? PICTURE_OK : PICTURE_NO_MEMORY;
}

void picture_free(struct picture *p)
{
	if (p->pixels)
		explicit_bzero(p->pixels, p->size);
	free(p->pixels);
	memset(p, 0, sizeof(*p));
}

enum picture_error picture_decode(const uint8_t *data, size_t len, struct picture *out)
{
	memset(out, 0, sizeof(*out));
	if (len > 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff)
		return picture_jpeg(data, len, out);
	if (len > 4 && data[0] == 0xff && data[1] == 0x4f && data[2] == 0xff && data[3] == 0x51)
		return picture_jp2(data, len, out);
	if (len > 12 && !memcmp(data, "\0\0\0\x0cjP  \r\n\x87\n", 12))
		return picture_jp2(data, len, out);
	return PICTURE_UNKNOWN;
}

enum picture_error picture_png(const struct picture *p, uint8_t **png, size_t *len)
{
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = p->width,
		.height = p->height,
		.format = p->channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB,
	};
	png_alloc_size_t size = 0;

	*png = NULL;
	*len = 0;
	/* once for the size, once for the bytes */
	if (!png_image_write_to_memory(&image, NULL, &size, 0, p->pixels, 0, NULL))
		return PICTURE_NO_MEMORY;
	*png = malloc(size);
	if (!*png)
		return PICTURE_NO_MEMORY;
	if (!png_image_write_to_memory(&image, *png, &size, 0, p->pixels, 0, NULL)) {
		free(*png);
		*png = NULL;
		return PICTURE_NO_MEMORY;
	}
	*len = size;
	return PICTURE_OK;
}
