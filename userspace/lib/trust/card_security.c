// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <cardring/error.h>
#include "card_security.h"
#include "chain.h"
#include "sod.h"

#define ID_SECURITY_OBJECT	"0.4.0.127.0.7.3.2.1"

/* The CMS part of a security object, without what EF.SOD has in it. Clear in each case. */
static int parse(const uint8_t *data, size_t len, struct cr_sod *out)
{
	STACK_OF(CMS_SignerInfo) *signers;
	const unsigned char *p = data;
	ASN1_OCTET_STRING **content;
	char oid[64];

	memset(out, 0, sizeof(*out));
	out->cms = len <= 1 << 20 ? d2i_CMS_ContentInfo(NULL, &p, (long)len) : NULL;
	if (!out->cms || p != data + len ||
	    OBJ_obj2nid(CMS_get0_type(out->cms)) != NID_pkcs7_signed ||
	    OBJ_obj2txt(oid, sizeof(oid), CMS_get0_eContentType(out->cms), 1) <= 0 ||
	    strcmp(oid, ID_SECURITY_OBJECT) != 0)
		return CR_E_MALFORMED;
	content = CMS_get0_content(out->cms);
	signers = CMS_get0_SignerInfos(out->cms);
	if (!content || !*content || sk_CMS_SignerInfo_num(signers) != 1)
		return CR_E_MALFORMED;
	out->si = sk_CMS_SignerInfo_value(signers, 0);
	out->certs = CMS_get1_certs(out->cms);
	return 0;
}

int cr_card_security_infos(const uint8_t *data, size_t len, uint8_t **set, size_t *set_len)
{
	struct cr_sod cms;
	ASN1_OCTET_STRING *content;
	int err;

	ERR_set_mark();
	err = parse(data, len, &cms);
	*set = NULL;
	if (!err) {
		content = *CMS_get0_content(cms.cms);
		*set_len = (size_t)ASN1_STRING_length(content);
		*set = malloc(*set_len ? *set_len : 1);
		if (*set)
			memcpy(*set, ASN1_STRING_get0_data(content), *set_len);
		else
			err = CR_E_NOMEM;
	}
	cr_sod_clear(&cms);
	ERR_pop_to_mark();
	return err;
}

enum cr_result cr_card_security_verify(const uint8_t *data, size_t len, const cr_trust_t *trust,
				       time_t now, bool excused, bool alone, char *why)
{
	const enum cr_result failed = excused ? CR_UNDETERMINED : CR_FAILED;
	enum cr_result r = CR_UNDETERMINED;
	struct cr_chain chain;
	struct cr_sod cms;
	const char *detail = NULL;

	why[0] = '\0';
	ERR_set_mark();
	if (parse(data, len, &cms)) {
		detail = "it is malformed";
		r = failed;
	} else {
		switch (cr_sod_verify(&cms, trust, &detail)) {
		case 0:
			cr_chain_build(cms.signer, cms.certs, trust, now, &chain);
			r = chain.result == CR_FAILED || alone ? chain.result : CR_SUCCESSFUL;
			if (r == CR_SUCCESSFUL && alone &&
			    cr_chain_revocation(&chain, trust, now, chain.why) == CR_FAILED)
				r = CR_UNDETERMINED;
			if (r != CR_SUCCESSFUL)
				snprintf(why, 160, "EF.CardSecurity: %.120s", chain.why);
			break;
		case CR_E_CRYPTO:
			r = failed;
			break;
		}
	}
	if (detail)
		snprintf(why, 160, "EF.CardSecurity: %.120s", detail);
	cr_sod_clear(&cms);
	ERR_pop_to_mark();
	return r;
}
