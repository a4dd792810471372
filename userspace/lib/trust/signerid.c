/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <openssl/err.h>
#include <cardring/error.h>
#include "iso7816/tlv.h"
#include "signerid.h"

bool cr_signer_id_is_empty(const struct cr_signer_id *id)
{
	return !id->serial && !id->key_id;
}

/* IssuerAndSerialNumber: what is between its tag and its end. */
static int parse_issuer_and_serial(const uint8_t *val, size_t len, struct cr_signer_id *out)
{
	const unsigned char *p = val, *end = val + len;

	out->issuer = d2i_X509_NAME(NULL, &p, (long)len);
	out->serial = out->issuer ? d2i_ASN1_INTEGER(NULL, &p, end - p) : NULL;
	return out->serial && p == end ? 0 : CR_E_MALFORMED;
}

int cr_signer_id_parse(uint32_t tag, const uint8_t *val, size_t len, struct cr_signer_id *out)
{
	struct cr_tlv inner;
	int err = CR_E_MALFORMED;

	memset(out, 0, sizeof(*out));
	ERR_set_mark();
	if (tag == 0x30)
		err = parse_issuer_and_serial(val, len, out);
	/* RFC 5652 tags implicitly, and the guideline's module says nothing: both are taken */
	if (tag == 0xa0 && !cr_tlv_parse_all(val, len, &inner) && inner.tag == 0x04) {
		tag = 0x80;
		val = inner.val;
		len = inner.len;
	}
	if (tag == 0x80 && len && len <= 64) {
		out->key_id = ASN1_OCTET_STRING_new();
		err = out->key_id && ASN1_OCTET_STRING_set(out->key_id, val, (int)len) ? 0 :
		      CR_E_NOMEM;
	}
	ERR_pop_to_mark();
	if (err)
		cr_signer_id_clear(out);
	return err;
}

void cr_signer_id_of(CMS_SignerInfo *si, struct cr_signer_id *out)
{
	memset(out, 0, sizeof(*out));
	CMS_SignerInfo_get0_signer_id(si, &out->key_id, &out->issuer, &out->serial);
}

bool cr_signer_id_same(const struct cr_signer_id *a, const struct cr_signer_id *b)
{
	if (a->serial && b->serial)
		return !ASN1_INTEGER_cmp(a->serial, b->serial) && !X509_NAME_cmp(a->issuer, b->issuer);
	return a->key_id && b->key_id && !ASN1_OCTET_STRING_cmp(a->key_id, b->key_id);
}

bool cr_signer_id_names(const struct cr_signer_id *id, X509 *cert)
{
	const struct cr_signer_id of = {
		.issuer = X509_get_issuer_name(cert),
		.serial = X509_get_serialNumber(cert),
		.key_id = (ASN1_OCTET_STRING *)X509_get0_subject_key_id(cert),
	};

	return cr_signer_id_same(id, &of);
}

void cr_signer_id_clear(struct cr_signer_id *id)
{
	X509_NAME_free(id->issuer);
	ASN1_INTEGER_free(id->serial);
	ASN1_OCTET_STRING_free(id->key_id);
	memset(id, 0, sizeof(*id));
}
