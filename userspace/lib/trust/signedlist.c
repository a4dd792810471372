/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists that states sign: what all kinds of them have in common. No I/O. */
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <cardring/error.h>
#include "cms.h"
#include "signedlist.h"

#define MAX_EMBEDDED	64

static bool is_of(const struct cr_signed_list_kind *kind, CMS_ContentInfo *cms)
{
	char oid[64];

	return OBJ_obj2txt(oid, sizeof(oid), CMS_get0_eContentType(cms), 1) > 0 &&
	       !strcmp(oid, kind->content_type);
}

bool cr_signed_list_is(const struct cr_signed_list_kind *kind, const uint8_t *data, size_t len)
{
	CMS_ContentInfo *cms = cr_cms_parse(data, len);
	bool is = cms && is_of(kind, cms);

	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return is;
}

static int open_list(const struct cr_signed_list_kind *kind, struct cr_signed_list *list, char *why)
{
	STACK_OF(CMS_SignerInfo) *signers = list->cms ? CMS_get0_SignerInfos(list->cms) : NULL;
	ASN1_OCTET_STRING **content = list->cms ? CMS_get0_content(list->cms) : NULL;
	const char *said = NULL;
	int err;

	if (!list->cms || !is_of(kind, list->cms) || !content || !*content ||
	    sk_CMS_SignerInfo_num(signers) < 1) {
		snprintf(why, 160, "%s", kind->none);
		return CR_E_MALFORMED;
	}
	list->embedded = CMS_get1_certs(list->cms);
	if (sk_CMS_SignerInfo_num(signers) > 1 || sk_X509_num(list->embedded) > MAX_EMBEDDED) {
		snprintf(why, 160, "%s", kind->too_much);
		return CR_E_UNSUPPORTED;
	}
	list->si = sk_CMS_SignerInfo_value(signers, 0);
	err = cr_cms_verify(list->cms, list->si, list->embedded, NULL, &list->signer, &said);
	if (err) {
		snprintf(why, 160, "%s", said ? said : "");
		return err;
	}
	list->content = ASN1_STRING_get0_data(*content);
	list->len = (size_t)ASN1_STRING_length(*content);
	return CR_OK;
}

int cr_signed_list_open(const struct cr_signed_list_kind *kind, const uint8_t *data, size_t len,
			struct cr_signed_list *out, char *why)
{
	int err;

	memset(out, 0, sizeof(*out));
	why[0] = '\0';
	out->cms = cr_cms_parse(data, len);
	err = open_list(kind, out, why);
	ERR_clear_error();
	return err;
}

int cr_signed_list_authorize(const struct cr_signed_list_kind *kind,
			     const struct cr_signed_list *list, const cr_trust_t *roots, time_t now,
			     char *why)
{
	struct cr_chain chain;

	cr_chain_build_for(kind->purpose, list->signer, list->embedded, roots, now, &chain);
	if (chain.result != CR_SUCCESSFUL) {
		snprintf(why, 160, "%s", chain.why);
		return chain.result == CR_FAILED ? CR_E_CRYPTO : CR_E_NOT_FOUND;
	}
	if (cr_chain_validity(&chain, now, why) != CR_SUCCESSFUL)
		return CR_E_CRYPTO;
	/* as with documents: without a list nobody is known to be revoked, and nobody refused */
	if (cr_chain_revocation(&chain, roots, now, why) == CR_FAILED) {
		snprintf(why, 160, "%s", kind->revoked);
		return CR_E_CRYPTO;
	}
	why[0] = '\0';
	return CR_OK;
}

void cr_signed_list_clear(struct cr_signed_list *list)
{
	X509_free(list->signer);
	sk_X509_pop_free(list->embedded, X509_free);
	CMS_ContentInfo_free(list->cms);
	memset(list, 0, sizeof(*list));
}
