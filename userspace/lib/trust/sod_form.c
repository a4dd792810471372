/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSSL looks at no version and takes any digest for the list. They are read where they stand; what is not in DER, as
 * early documents were not, has been parsed already and is not looked at again.
 */
#include "sod_form.h"

#include <stdbool.h>
#include <string.h>
#include <openssl/asn1.h>
#include <openssl/objects.h>
#include "eid/rule.h"
#include "iso7816/tlv.h"
#include "sigalg.h"

#define INTEGER		0x02
#define OID		0x06
#define SEQUENCE	0x30
#define SET		0x31
#define CONTEXT_0	0xa0
#define CONTEXT_1	0xa1

/* The next object, where it has that tag. */
static bool take(struct cr_tlv *in, uint32_t tag, struct cr_tlv *out)
{
	return cr_tlv_next(&in->val, &in->len, out) == 1 && out->tag == tag;
}

static int small(const struct cr_tlv *integer)
{
	return integer->len == 1 && integer->val[0] < 0x80 ? integer->val[0] : -1;
}

static bool is_digest(struct cr_tlv algorithm)
{
	unsigned char der[2 + 64] = { OID };
	const unsigned char *p = der;
	struct cr_tlv oid;
	ASN1_OBJECT *obj;
	bool known;

	if (!take(&algorithm, OID, &oid) || oid.len > sizeof(der) - 2)
		return false;
	der[1] = (unsigned char)oid.len;
	memcpy(der + 2, oid.val, oid.len);
	obj = d2i_ASN1_OBJECT(NULL, &p, (long)oid.len + 2);
	known = obj && cr_digest_name(OBJ_obj2nid(obj));
	ASN1_OBJECT_free(obj);
	return known;
}

static bool are_digests(struct cr_tlv set)
{
	struct cr_tlv algorithm;
	int r;

	while ((r = cr_tlv_next(&set.val, &set.len, &algorithm)) == 1) {
		if (algorithm.tag != SEQUENCE || !is_digest(algorithm))
			return false;
	}
	return !r;
}

/* RFC 5652, 5.3: 1 with issuerAndSerialNumber, 3 with subjectKeyIdentifier. */
static bool is_signer_version(struct cr_tlv signers)
{
	struct cr_tlv signer, version, sid;

	if (!take(&signers, SEQUENCE, &signer) || !take(&signer, INTEGER, &version) ||
	    cr_tlv_next(&signer.val, &signer.len, &sid) != 1)
		return true;
	return small(&version) == (sid.tag == SEQUENCE ? 1 : 3);
}

/* RFC 5652, 5.1: version 1 is that of id-data, which some documents have for an LDS security object. */
static bool is_version(const struct cr_tlv *version, struct cr_tlv encapsulated)
{
	static const uint8_t id_data[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01 };
	struct cr_tlv type;

	return small(version) == 3 || (small(version) == 1 && take(&encapsulated, OID, &type) &&
				       type.len == sizeof(id_data) && !memcmp(type.val, id_data, type.len));
}

const char *cr_sod_form(const uint8_t *cms, size_t len)
{
	struct cr_tlv info, type, explicit, data, version, digests, encapsulated, rest;

	if (cr_tlv_parse_all(cms, len, &info) || info.tag != SEQUENCE || !take(&info, OID, &type) ||
	    !take(&info, CONTEXT_0, &explicit) || !take(&explicit, SEQUENCE, &data) ||
	    !take(&data, INTEGER, &version) || !take(&data, SET, &digests) || !take(&data, SEQUENCE, &encapsulated))
		return NULL;
	if (!CR_RULE(sod_version, is_version(&version, encapsulated)))
		return "the signed data's version is not 3";
	if (!CR_RULE(sod_digests, are_digests(digests)))
		return "a digest algorithm of the signed data is not one of the SHA family";
	do {
		if (cr_tlv_next(&data.val, &data.len, &rest) != 1)
			return NULL;
	} while (rest.tag == CONTEXT_0 || rest.tag == CONTEXT_1);
	if (!CR_RULE(signer_info_version, is_signer_version(rest)))
		return "the signer info's version does not go with how it names the signer";
	return NULL;
}
