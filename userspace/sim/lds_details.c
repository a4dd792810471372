/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The data groups that few documents have, and the files beside the application, written: ICAO
 * 9303-10, 4.7.5 to 4.7.16 and 3.11.
 */
#include "issue.h"

#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>

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
