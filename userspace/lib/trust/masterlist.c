/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CscaMasterList ::= SEQUENCE { version INTEGER (0), certList SET OF Certificate }, signed: ICAO
 * 9303-12, 9. No I/O.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <cardring/error.h>
#include "iso7816/tlv.h"
#include "cert.h"
#include "chain.h"
#include "cms.h"
#include "masterlist.h"

#define MAX_EMBEDDED	64

static bool is_master_list(CMS_ContentInfo *cms)
{
	char oid[64];

	return OBJ_obj2txt(oid, sizeof(oid), CMS_get0_eContentType(cms), 1) > 0 &&
	       !strcmp(oid, "2.23.136.1.1.2");
}

bool cr_master_list_is(const uint8_t *data, size_t len)
{
	CMS_ContentInfo *cms = cr_cms_parse(data, len);
	bool is = cms && is_master_list(cms);

	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return is;
}

/* One that does not parse takes no other with it: lists have had them. */
static int parse_certs(const uint8_t *p, size_t n, struct cr_master_list *out, char *why)
{
	const unsigned char *der;
	struct cr_tlv t;
	X509 *cert;
	int r;

	out->certs = sk_X509_new_null();
	if (!out->certs)
		return CR_E_NOMEM;
	while ((r = cr_tlv_next(&p, &n, &t)) == 1) {
		if (sk_X509_num(out->certs) + (int)out->malformed >= CR_MASTER_LIST_MAX) {
			snprintf(why, 160, "the master list has too many certificates");
			return CR_E_UNSUPPORTED;
		}
		der = t.val + t.len - t.total;
		cert = d2i_X509(NULL, &der, (long)t.total);
		if (!cert || der != t.val + t.len) {
			X509_free(cert);
			ERR_clear_error();
			out->malformed++;
		} else if (!sk_X509_push(out->certs, cert)) {
			X509_free(cert);
			return CR_E_NOMEM;
		}
	}
	if (r < 0)
		snprintf(why, 160, "the master list's set of certificates is malformed");
	return r;
}

int cr_master_list_parse(const uint8_t *data, size_t len, struct cr_master_list *out, char *why)
{
	struct cr_tlv seq, version, set;
	const uint8_t *p;
	size_t n;

	snprintf(why, 160, "the content of the master list is malformed");
	if (cr_tlv_parse_all(data, len, &seq) || seq.tag != 0x30)
		return CR_E_MALFORMED;
	p = seq.val;
	n = seq.len;
	if (cr_tlv_next(&p, &n, &version) != 1 || version.tag != 0x02 || !version.len ||
	    cr_tlv_next(&p, &n, &set) != 1 || set.tag != 0x31 || n)
		return CR_E_MALFORMED;
	if (version.len != 1 || version.val[0]) {
		snprintf(why, 160, "the master list is of an unknown version");
		return CR_E_UNSUPPORTED;
	}
	return parse_certs(set.val, set.len, out, why);
}

static int check_signer(X509 *signer, STACK_OF(X509) *embedded, const cr_trust_t *roots, time_t now,
			char *why)
{
	struct cr_chain chain;

	cr_chain_build_for(CR_CHAIN_MASTER_LIST, signer, embedded, roots, now, &chain);
	if (chain.result != CR_SUCCESSFUL) {
		snprintf(why, 160, "%s", chain.why);
		return chain.result == CR_FAILED ? CR_E_CRYPTO : CR_E_NOT_FOUND;
	}
	if (cr_chain_validity(&chain, now, why) != CR_SUCCESSFUL)
		return CR_E_CRYPTO;
	/* as with documents: without a list nobody is known to be revoked, and nobody refused */
	if (cr_chain_revocation(&chain, roots, now, why) == CR_FAILED) {
		snprintf(why, 160,
			 "a certificate that the master list's signature stands on was revoked");
		return CR_E_CRYPTO;
	}
	return CR_OK;
}

static int verify(CMS_ContentInfo *cms, STACK_OF(X509) *embedded, const cr_trust_t *roots,
		  time_t now, struct cr_master_list *out, char *why)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
	ASN1_OCTET_STRING **content = CMS_get0_content(cms);
	const char *said = NULL;
	X509 *signer = NULL;
	int err;

	if (!is_master_list(cms) || !content || !*content || sk_CMS_SignerInfo_num(signers) < 1) {
		snprintf(why, 160, "it is not a signed master list");
		return CR_E_MALFORMED;
	}
	if (sk_CMS_SignerInfo_num(signers) > 1 || sk_X509_num(embedded) > MAX_EMBEDDED) {
		snprintf(why, 160,
			 "the master list has more than one signer, or too many certificates");
		return CR_E_UNSUPPORTED;
	}
	err = cr_cms_verify(cms, sk_CMS_SignerInfo_value(signers, 0), embedded, NULL, &signer,
			    &said);
	if (signer)
		out->signer = cr_name_text(X509_get_subject_name(signer));
	if (err)
		snprintf(why, 160, "%s", said ? said : "");
	else
		err = check_signer(signer, embedded, roots, now, why);
	X509_free(signer);
	/* only what was signed by whom it should is taken apart */
	return err ? err : cr_master_list_parse(ASN1_STRING_get0_data(*content),
						 (size_t)ASN1_STRING_length(*content), out, why);
}

int cr_master_list_verify(const uint8_t *data, size_t len, const cr_trust_t *roots, time_t now,
			  struct cr_master_list *out, char *why)
{
	STACK_OF(X509) *embedded;
	CMS_ContentInfo *cms;
	int err;

	memset(out, 0, sizeof(*out));
	why[0] = '\0';
	cms = cr_cms_parse(data, len);
	if (!cms) {
		snprintf(why, 160, "it is not a signed master list");
		ERR_clear_error();
		return CR_E_MALFORMED;
	}
	embedded = CMS_get1_certs(cms);
	err = verify(cms, embedded, roots, now, out, why);
	sk_X509_pop_free(embedded, X509_free);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	if (!err)
		why[0] = '\0';
	return err;
}

void cr_master_list_clear(struct cr_master_list *list)
{
	sk_X509_pop_free(list->certs, X509_free);
	free(list->signer);
	memset(list, 0, sizeof(*list));
}
