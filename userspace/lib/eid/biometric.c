/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 7F61 { 02 01 n, 7F60 { A1 { header }, 5F2E record } ... }
 *
 * A record of ISO/IEC 39794 is an object itself and stands in the constructed 7F2E, inside of A1.
 * What kind a record is is told by its own first bytes; the header has to agree, but a portrait is there
 * to be looked at without it. No I/O.
 */
#include <string.h>
#include "eid/biometric.h"
#include "eid/lds.h"
#include "eid/rule.h"
#include "iso7816/tlv.h"

#define TAG_GROUP	0x7f61	/* biometric information group template */
#define TAG_COUNT	0x02
#define TAG_TEMPLATE	0x7f60
#define TAG_HEADER	0xa1
#define TAG_BIOMETRIC	0x81	/* the type: which feature */
#define TAG_SUBTYPE	0x82
#define TAG_OWNER	0x87
#define TAG_TYPE	0x88
#define TAG_BDB		0x5f2e	/* biometric data block, primitive */
#define TAG_BDB_CONS	0x7f2e	/* constructed */
#define TAG_STANDARD	0xa1	/* in the constructed one: data in a standard's format */

/* ISO/IEC 39794-4 to -6: finger, face and iris are [APPLICATION 4] to [APPLICATION 6]. */
static bool is_asn1(uint32_t tag)
{
	return tag >= 0x64 && tag <= 0x66;
}

static int asn1_record(const uint8_t *p, size_t n, struct cr_biometric *out)
{
	struct cr_tlv t, wrapped;

	if (cr_tlv_parse(p, n, &t))
		return CR_E_MALFORMED;
	if (t.tag == TAG_STANDARD && !cr_tlv_parse(t.val, t.len, &wrapped)) {
		p = t.val;
		t = wrapped;
	}
	if (!is_asn1(t.tag))
		return CR_E_MALFORMED;
	*out = (struct cr_biometric){ .record = p, .len = t.total, .asn1 = true };
	return 0;
}

static int data_block(const struct cr_tlv *template, struct cr_biometric *out)
{
	struct cr_tlv bdb;
	int err = cr_tlv_find(template->val, template->len, TAG_BDB, &bdb);
	bool constructed = err == CR_E_NOT_FOUND;

	if (constructed)
		err = cr_tlv_find(template->val, template->len, TAG_BDB_CONS, &bdb);
	if (err || !bdb.len)
		return CR_E_MALFORMED;
	*out = (struct cr_biometric){ .record = bdb.val, .len = bdb.len };
	if (!constructed)
		return is_asn1(bdb.val[0]) ? asn1_record(bdb.val, bdb.len, out) : 0;
	/* ISO/IEC 7816-11: objects inside; cards are also seen to put the record there bare. */
	if (bdb.val[0] == 'F' || bdb.val[0] == 'I' || !asn1_record(bdb.val, bdb.len, out))
		return 0;
	if (cr_tlv_find(bdb.val, bdb.len, TAG_BDB, &bdb))
		return CR_E_MALFORMED;
	*out = (struct cr_biometric){ .record = bdb.val, .len = bdb.len };
	return 0;
}

/* ICAO 9303-10, tables 49 and 56: 000fffss, the finger and the side; 0: no information. */
static bool is_subtype(unsigned int dg, const struct cr_tlv *t)
{
	return t->len == 1 && (t->val[0] & 3) <= 2 && t->val[0] >> 2 <= (dg == 3 ? 5 : 0);
}

/*
 * ISO/IEC JTC 1/SC 37's numbers: a face's image; a finger's; an iris's, rectilinear or polar; and those
 * of the drafts of ISO/IEC 19794, which older documents have.
 */
static bool is_type(unsigned int dg, bool asn1, const struct cr_tlv *t)
{
	static const uint16_t types[3][3] = {
		{ 0x0008, 0x0501, 0x0501 }, { 0x0007, 0x0401, 0x0401 }, { 0x0009, 0x000b, 0x0601 },
	};
	unsigned int type = t->len == 2 ? (unsigned int)t->val[0] << 8 | t->val[1] : 0;

	if (asn1)
		return t->len == 2;	/* editions of ISO/IEC 39794 have numbers of their own */
	for (int i = 0; i < 3; i++)
		if (types[dg - 2][i] == type)
			return true;
	return false;
}

/* ISO/IEC 19785-3: one byte, in some documents after zeros. */
static bool is_feature(unsigned int dg, const struct cr_tlv *t)
{
	static const uint8_t features[] = { 0x02, 0x08, 0x10 };	/* face, finger, iris */

	for (size_t i = 0; i + 1 < t->len; i++)
		if (t->val[i])
			return false;
	return t->len && t->len <= 3 && t->val[t->len - 1] == features[dg - 2];
}

/*
 * ICAO 9303-10, tables 39, 47 and 54: who owns the format and its type are REQUIRED, the subtype of
 * fingers and irises; the feature is not, but there is only one that it can be.
 */
static bool header_fits(unsigned int dg, const struct cr_tlv *template, bool asn1)
{
	static const uint8_t sc37[] = { 0x01, 0x01 };
	struct cr_tlv header, feature, subtype, owner, type;
	int none_feature, none_subtype, none_owner, none_type;

	if (cr_tlv_find(template->val, template->len, TAG_HEADER, &header))
		return false;
	none_feature = cr_tlv_find(header.val, header.len, TAG_BIOMETRIC, &feature);
	none_subtype = cr_tlv_find(header.val, header.len, TAG_SUBTYPE, &subtype);
	none_owner = cr_tlv_find(header.val, header.len, TAG_OWNER, &owner);
	none_type = cr_tlv_find(header.val, header.len, TAG_TYPE, &type);
	return CR_RULE(biometric_feature, none_feature || is_feature(dg, &feature)) &&
	       CR_RULE(biometric_subtype, dg == 2 || (!none_subtype && is_subtype(dg, &subtype))) &&
	       CR_RULE(biometric_format_owner, !none_owner && owner.len == sizeof(sc37) &&
		       !memcmp(owner.val, sc37, sizeof(sc37))) &&
	       CR_RULE(biometric_format_type, !none_type && is_type(dg, asn1, &type));
}

int cr_biometric_parse(unsigned int dg, const uint8_t *data, size_t len, bool first,
		       struct cr_biometric out[CR_BIOMETRIC_MAX], size_t *n)
{
	struct cr_tlv file, group, count, template;
	const uint8_t *p;
	size_t left;
	int r;

	*n = 0;
	if (cr_tlv_parse_all(data, len, &file) || file.tag != cr_lds_dg_tag(dg) ||
	    cr_tlv_parse_all(file.val, file.len, &group) || group.tag != TAG_GROUP)
		return CR_E_MALFORMED;
	p = group.val;
	left = group.len;
	if (cr_tlv_next(&p, &left, &count) <= 0 || count.tag != TAG_COUNT || count.len != 1 ||
	    count.val[0] > CR_BIOMETRIC_MAX)
		return CR_E_MALFORMED;
	/* ICAO 9303-10, 4.7.3: none, and then 53 with random bytes may follow; a face there is. */
	if (!count.val[0])
		return dg == 2 ? CR_E_MALFORMED : 0;
	while ((r = cr_tlv_next(&p, &left, &template)) > 0) {
		if (template.tag != TAG_TEMPLATE || *n == count.val[0])
			return CR_E_MALFORMED;
		r = data_block(&template, &out[*n]);
		if (r)
			return r;
		out[*n].header = header_fits(dg, &template, out[*n].asn1);
		if (dg != 2 && !out[*n].header)
			return CR_E_MALFORMED;
		++*n;
		if (first)
			return 0;
	}
	return r || *n != count.val[0] ? CR_E_MALFORMED : 0;
}
