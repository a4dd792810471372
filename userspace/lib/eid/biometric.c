/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 7F61 { 02 01 n, 7F60 { A1 { header }, 5F2E record } ... }
 *
 * A record of ISO/IEC 39794 is an object itself and stands in the constructed 7F2E, inside of A1.
 * What kind a record is is told by its own first bytes; of fingers and irises the header has to agree
 * (a face's is often wrong in the field). No I/O.
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
 * ISO/IEC JTC 1/SC 37's numbers: a finger's image; an iris's, rectilinear or polar; and those of the
 * drafts of ISO/IEC 19794, which older documents have.
 */
static bool is_type(unsigned int dg, bool asn1, const struct cr_tlv *t)
{
	static const uint16_t types[2][3] = { { 0x0007, 0x0401, 0x0401 }, { 0x0009, 0x000b, 0x0601 } };
	unsigned int type = t->len == 2 ? (unsigned int)t->val[0] << 8 | t->val[1] : 0;

	if (asn1)
		return t->len == 2;	/* editions of ISO/IEC 39794 have numbers of their own */
	for (int i = 0; i < 3; i++)
		if (types[dg - 3][i] == type)
			return true;
	return false;
}

/* ICAO 9303-10, tables 47 and 54: of a finger or an iris, these three are REQUIRED. */
static int check_header(unsigned int dg, const struct cr_tlv *template, bool asn1)
{
	static const uint8_t sc37[] = { 0x01, 0x01 };
	struct cr_tlv header, subtype, owner, type;
	int none_subtype, none_owner, none_type;

	if (cr_tlv_find(template->val, template->len, TAG_HEADER, &header))
		return CR_E_MALFORMED;
	none_subtype = cr_tlv_find(header.val, header.len, TAG_SUBTYPE, &subtype);
	none_owner = cr_tlv_find(header.val, header.len, TAG_OWNER, &owner);
	none_type = cr_tlv_find(header.val, header.len, TAG_TYPE, &type);
	if (!CR_RULE(biometric_subtype, !none_subtype && is_subtype(dg, &subtype)) ||
	    !CR_RULE(biometric_format_owner, !none_owner && owner.len == sizeof(sc37) &&
		     !memcmp(owner.val, sc37, sizeof(sc37))) ||
	    !CR_RULE(biometric_format_type, !none_type && is_type(dg, asn1, &type)))
		return CR_E_MALFORMED;
	return 0;
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
		if (!r && dg != 2)
			r = check_header(dg, &template, out[*n].asn1);
		if (r)
			return r;
		++*n;
		if (first)
			return 0;
	}
	return r || *n != count.val[0] ? CR_E_MALFORMED : 0;
}
