// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <cardring/error.h>
#include "card_security.h"
#include "chain.h"
#include "cms.h"
#include "signer.h"
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

/*
 * Whether its signer may sign it. Without a trusted issuer that is a question where nothing else speaks for what
 * it signed.
 */
static enum cr_result check_signer(struct cr_inspection *insp, struct cr_sod *cms, const cr_trust_t *trust,
				   time_t now, bool alone, char *why)
{
	struct cr_chain chain;
	enum cr_result revocation, r;
	char revoked[160];

	cr_chain_build(cms->signer, cms->certs, trust, now, &chain);
	revocation = cr_chain_revocation(&chain, trust, now, revoked);
	if (insp)
		cr_signer_check(insp, CR_SIGNED_CARD_SECURITY, &chain, revocation, now);
	r = chain.result == CR_FAILED || alone ? chain.result : CR_SUCCESSFUL;
	if (r != CR_SUCCESSFUL)
		snprintf(why, 160, "EF.CardSecurity: %.120s", chain.why);
	if (r == CR_SUCCESSFUL && alone && revocation == CR_FAILED) {
		snprintf(why, 160, "EF.CardSecurity: %.120s", revoked);
		r = CR_UNDETERMINED;
	}
	return r;
}

static void record(struct cr_inspection *insp, const struct cr_cms_checks *apart, const char *why)
{
	cr_check_set(insp, CR_CHECK_CARD_SECURITY_DIGEST, apart->digest, "%s",
		     apart->digest == CR_SUCCESSFUL ? "" : why);
	cr_check_set(insp, CR_CHECK_CARD_SECURITY_SIGNATURE_VALUE, apart->signature, "%s",
		     apart->signature == CR_SUCCESSFUL ? "" : why);
}

enum cr_result cr_card_security_verify(struct cr_inspection *insp, const uint8_t *data, size_t len,
				       const cr_trust_t *trust, time_t now, bool excused, bool alone, char *why)
{
	struct cr_cms_checks apart = { CR_FAILED, CR_FAILED };
	enum cr_result r = CR_FAILED, signer = CR_SUCCESSFUL;
	const char *detail = NULL;
	struct cr_sod cms;
	int err;

	why[0] = '\0';
	ERR_set_mark();
	if (parse(data, len, &cms)) {
		detail = "it is malformed";
	} else {
		err = cr_sod_verify(&cms, trust, now, &detail);
		cr_cms_apart(cms.cms, cms.si, err, &apart);
		r = !err ? CR_SUCCESSFUL : err == CR_E_CRYPTO ? CR_FAILED : CR_UNDETERMINED;
		if (cms.signer)
			signer = check_signer(insp, &cms, trust, now, alone, why);
	}
	if (detail)
		snprintf(why, 160, "EF.CardSecurity: %.120s", detail);
	if (insp)
		record(insp, &apart, why);
	cr_sod_clear(&cms);
	ERR_pop_to_mark();
	if (r == CR_FAILED && excused)
		r = CR_UNDETERMINED;
	return r == CR_SUCCESSFUL || signer == CR_FAILED ? signer : r;
}
