/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EF.SOD: 77 { ContentInfo { SignedData over an LDSSecurityObject } }.
 */
#include <string.h>
#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <cardring/error.h>
#include "eid/rule.h"
#include "iso7816/tlv.h"
#include "cms.h"
#include "sigalg.h"
#include "signerid.h"
#include "sod.h"
#include "sod_form.h"
#include "store.h"

#define TAG_SOD		0x77
#define MAX_CERTS	64	/* one is usual; each of them may cost a signature check */

/* ---- LDSSecurityObject, ICAO 9303-10, 4.6.2.3 ---- */

struct dg_hash {
	ASN1_INTEGER *number;
	ASN1_OCTET_STRING *value;
};

struct lds_version_info {
	ASN1_PRINTABLESTRING *lds, *unicode;
};

struct cr_lds_security_object {
	ASN1_INTEGER *version;
	X509_ALGOR *digest;
	STACK_OF(DG_HASH) *hashes;
	struct lds_version_info *info;
};

typedef struct dg_hash DG_HASH;
typedef struct lds_version_info LDS_VERSION_INFO;
typedef struct cr_lds_security_object LDS_SECURITY_OBJECT;

DEFINE_STACK_OF(DG_HASH)

ASN1_SEQUENCE(DG_HASH) = {
	ASN1_SIMPLE(DG_HASH, number, ASN1_INTEGER),
	ASN1_SIMPLE(DG_HASH, value, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(DG_HASH)

ASN1_SEQUENCE(LDS_VERSION_INFO) = {
	ASN1_SIMPLE(LDS_VERSION_INFO, lds, ASN1_PRINTABLESTRING),
	ASN1_SIMPLE(LDS_VERSION_INFO, unicode, ASN1_PRINTABLESTRING),
} static_ASN1_SEQUENCE_END(LDS_VERSION_INFO)

ASN1_SEQUENCE(LDS_SECURITY_OBJECT) = {
	ASN1_SIMPLE(LDS_SECURITY_OBJECT, version, ASN1_INTEGER),
	ASN1_SIMPLE(LDS_SECURITY_OBJECT, digest, X509_ALGOR),
	ASN1_SEQUENCE_OF(LDS_SECURITY_OBJECT, hashes, DG_HASH),
	ASN1_OPT(LDS_SECURITY_OBJECT, info, LDS_VERSION_INFO),
} static_ASN1_SEQUENCE_END(LDS_SECURITY_OBJECT)

static int parse_lds_object(struct cr_sod *sod, const ASN1_OCTET_STRING *content, const char **why)
{
	const unsigned char *p = ASN1_STRING_get0_data(content);
	const unsigned char *end = p + ASN1_STRING_length(content);
	int64_t version, number;
	const DG_HASH *h;
	int nid, i;

	sod->lds = (void *)ASN1_item_d2i(NULL, &p, end - p, ASN1_ITEM_rptr(LDS_SECURITY_OBJECT));
	if (!sod->lds || p != end) {
		*why = "the LDS security object does not parse";
		return CR_E_MALFORMED;
	}
	if (!ASN1_INTEGER_get_int64(&version, sod->lds->version) || version < 0) {
		*why = "the LDS security object's version is not a version";
		return CR_E_MALFORMED;
	}
	if (!CR_RULE(lds_version, version <= 1)) {
		*why = "the LDS security object is of an unknown version";
		return CR_E_UNSUPPORTED;
	}
	/* ICAO 9303-10, 4.6.2.1: the second one has the versions of the LDS and of Unicode, the first one none. */
	if (!CR_RULE(lds_version_info, (version == 1) == !!sod->lds->info))
		sod->flaw = "the LDS security object's version does not go with what is in it";
	nid = OBJ_obj2nid(sod->lds->digest->algorithm);
	sod->digest = cr_digest_name(nid);
	if (!sod->digest && CR_RULE(lds_digest, false))
		sod->digest = OBJ_nid2sn(nid);
	sod->md = sod->digest ? EVP_get_digestbynid(nid) : NULL;
	if (!sod->md) {
		*why = "the data groups' digest algorithm is not one of the SHA family";
		return CR_E_UNSUPPORTED;
	}
	*why = "the LDS security object's list of hashes is wrong";
	if (!sk_DG_HASH_num(sod->lds->hashes))
		return CR_E_MALFORMED;
	for (i = 0; i < sk_DG_HASH_num(sod->lds->hashes); i++) {
		h = sk_DG_HASH_value(sod->lds->hashes, i);
		if (!ASN1_INTEGER_get_int64(&number, h->number) || number < 1 || number > 16) {
			if (CR_RULE(lds_group_number, false))
				continue;
			return CR_E_MALFORMED;
		}
		if (sod->hash[number] || ASN1_STRING_length(h->value) != EVP_MD_get_size(sod->md))
			return CR_E_MALFORMED;
		sod->hash[number] = h->value;
	}
	*why = NULL;
	return CR_OK;
}

/* ---- SignedData ---- */

/* The type ICAO gave the content, and those that issuers used before or instead of it. */
static const struct {
	const char *oid, *deviation;
} content_types[] = {
	{ "2.23.136.1.1.1", NULL },
	{ "1.3.27.1.1.1", "content type 1.3.27.1.1.1 (early French and Belgian documents)" },
	{ "1.2.528.1.1006.1.20.1", "content type 1.2.528.1.1006.1.20.1 (early Dutch documents)" },
	{ "1.2.840.113549.1.7.1", "content type id-data (Chinese documents)" },
};

static bool is_content_type(struct cr_sod *sod)
{
	char oid[64];
	size_t i;

	if (OBJ_obj2txt(oid, sizeof(oid), CMS_get0_eContentType(sod->cms), 1) <= 0)
		return false;
	for (i = 0; i < sizeof(content_types) / sizeof(content_types[0]); i++) {
		if (!strcmp(oid, content_types[i].oid)) {
			sod->deviation = content_types[i].deviation;
			return true;
		}
	}
	return CR_RULE(sod_content_type, false);
}

static int parse_signed_data(struct cr_sod *sod, const uint8_t *data, size_t len, const char **why)
{
	STACK_OF(CMS_SignerInfo) *signers;
	ASN1_OCTET_STRING **content;

	sod->cms = cr_cms_parse(data, len);
	if (!sod->cms) {
		*why = "EF.SOD is not CMS signed data";
		return CR_E_MALFORMED;
	}
	if (!is_content_type(sod)) {
		*why = "the signed content is not of the type of an LDS security object";
		return CR_E_MALFORMED;
	}
	content = CMS_get0_content(sod->cms);
	if (!content || !*content) {
		*why = "EF.SOD has no content";
		return CR_E_MALFORMED;
	}
	signers = CMS_get0_SignerInfos(sod->cms);
	if (sk_CMS_SignerInfo_num(signers) < 1) {
		*why = "EF.SOD has no signer";
		return CR_E_MALFORMED;
	}
	/*
	 * ICAO 9303-10, 4.6.2.2 lets there be more; which of them would have to be right it does
	 * not say.
	 */
	if (sk_CMS_SignerInfo_num(signers) > 1) {
		*why = "EF.SOD has more than one signer";
		return CR_E_UNSUPPORTED;
	}
	sod->si = sk_CMS_SignerInfo_value(signers, 0);
	sod->certs = CMS_get1_certs(sod->cms);
	if (sk_X509_num(sod->certs) > MAX_CERTS) {
		*why = "EF.SOD has too many certificates";
		return CR_E_UNSUPPORTED;
	}
	sod->in_hash_list = true;
	return parse_lds_object(sod, *content, why);
}

int cr_sod_parse(const uint8_t *data, size_t len, struct cr_sod *sod, const char **why)
{
	struct cr_tlv t;
	int err;

	memset(sod, 0, sizeof(*sod));
	*why = NULL;
	if (cr_tlv_parse_all(data, len, &t) || !CR_RULE(sod_tag, t.tag == TAG_SOD)) {
		*why = "EF.SOD is not one object with tag 77";
		return CR_E_MALFORMED;
	}
	err = parse_signed_data(sod, t.val, t.len, why);
	if (!err && !sod->flaw) {
		sod->flaw = cr_sod_form(t.val, t.len);
		sod->in_hash_list = false;
	}
	ERR_clear_error();
	return err;
}

void cr_sod_clear(struct cr_sod *sod)
{
	X509_free(sod->signer);
	sk_X509_pop_free(sod->certs, X509_free);
	ASN1_item_free((void *)sod->lds, ASN1_ITEM_rptr(LDS_SECURITY_OBJECT));
	CMS_ContentInfo_free(sod->cms);
	memset(sod, 0, sizeof(*sod));
}

bool cr_sod_has_signer(const struct cr_sod *sod)
{
	for (int i = 0; i < sk_X509_num(sod->certs); i++) {
		if (!CMS_SignerInfo_cert_cmp(sod->si, sk_X509_value(sod->certs, i)))
			return true;
	}
	return false;
}

/* TR-03135-1, 5.8.6.1. */
void cr_sod_find_signer(struct cr_sod *sod, const cr_trust_t *trust, time_t now)
{
	X509 *signer = cr_cms_find_signer(sod->si, sod->certs, trust ? trust->certs : NULL);
	struct cr_signer_id id;

	if (signer) {
		X509_up_ref(signer);
	} else if (trust) {
		cr_signer_id_of(sod->si, &id);
		signer = cr_trust_find_signer(trust, &id, now);
	}
	sod->signer = signer;
}

int cr_sod_verify(struct cr_sod *sod, const cr_trust_t *trust, time_t now, const char **why)
{
	if (!sod->signer)
		cr_sod_find_signer(sod, trust, now);
	if (!sod->signer) {
		*why = "the signer's certificate is not there";
		return CR_E_NOT_FOUND;
	}
	return cr_cms_verify_by(sod->cms, sod->si, sod->signer, why);
}
