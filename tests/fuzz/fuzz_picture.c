// SPDX-License-Identifier: BSD-2-Clause
/* The portrait of a DG2, or what is none as a picture itself, decoded, and what came of it shown. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "eid/lds.h"
#include "picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *image;
	const char *type;
	struct picture p;
	uint8_t *png;
	size_t len;
	FILE *f;

	if (!cr_lds_dg2(data, size, &image, &len, &type)) {
		data = image;
		size = len;
	}
	if (!picture_decode(data, size, &p) && p.size < 1 << 18) {
		f = fopen("/dev/null", "we");
		if (f) {
			picture_sixel(f, &p, 100);
			if (!picture_png(&p, &png, &len))
				picture_kitty(f, png, len);
			free(png);
			fclose(f);
		}
	}
	picture_free(&p);
	return 0;
}
