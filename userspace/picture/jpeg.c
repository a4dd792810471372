// SPDX-License-Identifier: BSD-2-Clause
/*
 * JPEG, by libjpeg. Its size and components are looked at before it decodes anything; a progressive
 * picture costs the more the more scans it has, so they are counted; memory is bounded by libjpeg
 * itself, which would rather fail than go on.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <jpeglib.h>
#include <jerror.h>
#include "picture.h"

#define MAX_SCANS	64	/* encoders make ten */
#define MAX_MEMORY	(64L << 20)

struct decoder {
	struct jpeg_decompress_struct c;
	struct jpeg_error_mgr errors;
	struct jpeg_progress_mgr progress;
	jmp_buf out;
	enum picture_error why;
};

static void give_up(j_common_ptr c)
{
	struct decoder *d = (struct decoder *)c;

	if (d->why == PICTURE_OK)
		d->why = c->err->msg_code == JERR_OUT_OF_MEMORY || c->err->msg_code == JERR_NO_BACKING_STORE ?
			 PICTURE_NO_MEMORY : PICTURE_BROKEN;
	longjmp(d->out, 1);
}

/* Warnings are counted and not printed: level -1 is one. */
static void note(j_common_ptr c, int level)
{
	if (level < 0)
		c->err->num_warnings++;
}

static void say_nothing(j_common_ptr c)
{
	(void)c;
}

static void count_scans(j_common_ptr c)
{
	struct decoder *d = (struct decoder *)c;

	if (d->c.input_scan_number <= MAX_SCANS)
		return;
	d->why = PICTURE_TOO_LARGE;
	longjmp(d->out, 1);
}

static enum picture_error decode(struct decoder *d, const uint8_t *data, size_t len, struct picture *out)
{
	struct jpeg_decompress_struct *c = &d->c;
	enum picture_error err;

	c->err = jpeg_std_error(&d->errors);
	d->errors.error_exit = give_up;
	d->errors.emit_message = note;
	d->errors.output_message = say_nothing;
	if (setjmp(d->out))
		return d->why;
	jpeg_create_decompress(c);
	c->mem->max_memory_to_use = MAX_MEMORY;
	d->progress.progress_monitor = count_scans;
	c->progress = &d->progress;
	jpeg_mem_src(c, data, len);
	jpeg_read_header(c, TRUE);
	if (c->num_components != 1 && c->num_components != 3)
		return PICTURE_UNSUPPORTED;
	err = picture_new(out, c->image_width, c->image_height, (unsigned int)c->num_components);
	if (err)
		return err;
	c->out_color_space = c->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
	c->dct_method = JDCT_ISLOW;
	jpeg_start_decompress(c);
	while (c->output_scanline < c->output_height) {
		JSAMPROW row = out->pixels + (size_t)c->output_scanline * out->width * out->channels;

		jpeg_read_scanlines(c, &row, 1);
	}
	jpeg_finish_decompress(c);
	out->damaged = c->err->num_warnings > 0;
	return PICTURE_OK;
}

enum picture_error picture_jpeg(const uint8_t *data, size_t len, struct picture *out)
{
	struct decoder *d = calloc(1, sizeof(*d));
	enum picture_error err;

	if (!d)
		return PICTURE_NO_MEMORY;
	err = decode(d, data, len, out);
	jpeg_destroy_decompress(&d->c);
	free(d);
	return err;
}
