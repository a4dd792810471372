/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit LDS_C: the record of the face in DG2, ISO/IEC 19794-5. */
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include "conformity.h"

#define RECORD_HEADER	14	/* its length at 8 */
#define FACE_INFO	20	/* the block's length at 0, how many feature points at 4 */

/* What is in the object of this tag; false: it is not there. */
static bool inside(const uint8_t *p, size_t n, uint32_t tag, struct sim_tlv *out)
{
	for (; n && sim_ber_get(p, n, out); p += out->total, n -= out->total)
		if (out->tag == tag)
			return true;
	return false;
}

static void put32(uint8_t *p, size_t v)
{
	for (int i = 3; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

/* 5.6: behind the facial information, each type (1: of two dimensions), code of the point, x, y and two reserved. */
static void with_points(const struct sim_tlv *old, unsigned int n, struct sim_buf *out)
{
	size_t at = RECORD_HEADER + FACE_INFO;

	sim_buf_put(out, old->value, at);
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t point[8] = { 0x01, (uint8_t)(0xc0 + i + 1), 0, (uint8_t)(120 + 80 * i), 0, 200, 0, 0 };

		sim_buf_put(out, point, sizeof(point));
	}
	sim_buf_put(out, old->value + at, old->len - at);
	if (out->failed)
		return;
	put32(out->p + 8, out->len);
	put32(out->p + RECORD_HEADER, out->len - RECORD_HEADER);
	out->p[RECORD_HEADER + 5] = (uint8_t)n;
}

static int feature_points(struct conf_card *c, const char *arg)
{
	struct sim_buf *dg2 = &c->draft->dg[2], record = { 0 }, info = { 0 }, group = { 0 }, all = { 0 };
	struct sim_tlv file, groups, template, header, face;
	unsigned int n = (unsigned int)atoi(arg);

	if (n < 1 || n > 2 || !inside(dg2->p, dg2->len, 0x75, &file) || !inside(file.value, file.len, 0x7f61, &groups) ||
	    !inside(groups.value, groups.len, 0x7f60, &template) || !inside(template.value, template.len, 0xa1, &header) ||
	    !inside(template.value, template.len, 0x5f2e, &face) || face.len < RECORD_HEADER + FACE_INFO)
		return CR_E_NOT_FOUND;
	with_points(&face, n, &record);
	sim_ber_put(&info, 0xa1, header.value, header.len);
	sim_ber_wrap(&info, 0x5f2e, &record);
	sim_ber_int(&group, 1);
	sim_ber_wrap(&group, 0x7f60, &info);
	sim_ber_wrap(&all, 0x7f61, &group);
	sim_buf_free(dg2);
	sim_ber_wrap(dg2, 0x75, &all);
	return dg2->failed ? CR_E_NOMEM : 0;
}
CONF_GENERATOR(feature_points, "N: the face in DG2 has N feature points, 1 or 2", .groups = feature_points);
