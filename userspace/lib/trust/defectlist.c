/* SPDX-License-Identifier: BSD-2-Clause */
/* Defect lists as files: see defectlist.h. No I/O. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <cardring/error.h>
#include "eid/lds_text.h"
#include "iso7816/tlv.h"
#include "cms.h"
#include "defectlist.h"
#include "signedlist.h"

#define ID_LIST_CONTENT_DESCRIPTION	"0.4.0.127.0.7.3.1.6"

static const struct cr_signed_list_kind kind = {
	.content_type = "0.4.0.127.0.7.3.1.5",
	.purpose = CR_CHAIN_DEFECT_LIST,
	.none = "it is not a signed defect list",
	.too_much = "the defect list has more than one signer, or too many certificates",
	.revoked = "a certificate that the defect list's signature stands on was revoked",
};

bool cr_defect_list_is_signed(const uint8_t *data, size_t len)
{
	return cr_signed_list_is(&kind, data, len);
}

/* { INTEGER, OBJECT IDENTIFIER, SET } to the end: nothing else that is imported begins so. */
bool cr_defect_list_is_plain(const uint8_t *data, size_t len)
{
	struct cr_tlv seq, t;
	const uint8_t *p;
	size_t n;

	if (len > CR_CMS_MAX || cr_tlv_parse_all(data, len, &seq) || seq.tag != 0x30)
		return false;
	p = seq.val;
	n = seq.len;
	return cr_tlv_next(&p, &n, &t) == 1 && t.tag == 0x02 && cr_tlv_next(&p, &n, &t) == 1 &&
	       t.tag == 0x06 && cr_tlv_next(&p, &n, &t) == 1 && t.tag == 0x31 && !n;
}

/* ---- Reading ---- */

/* Signed attributes that TR-03129 (1.10), C asks for; a list without them is taken. */
static int put_attributes(CMS_SignerInfo *si, struct cr_defect_list *l)
{
	ASN1_OBJECT *signed_at = OBJ_nid2obj(NID_pkcs9_signingTime);
	ASN1_OBJECT *about = OBJ_txt2obj(ID_LIST_CONTENT_DESCRIPTION, 1);
	const ASN1_TIME *t = CMS_signed_get0_data_by_OBJ(si, signed_at, -3, V_ASN1_UTCTIME);
	const ASN1_STRING *text;
	int err = about ? 0 : CR_E_NOMEM;

	if (!t)
		t = CMS_signed_get0_data_by_OBJ(si, signed_at, -3, V_ASN1_GENERALIZEDTIME);
	cr_cert_put_time(t, l->info.from);
	text = err ? NULL : CMS_signed_get0_data_by_OBJ(si, about, -3, V_ASN1_UTF8STRING);
	if (text && ASN1_STRING_length(text) <= 1024)
		err = cr_text_new(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text),
				  &l->description);
	ASN1_OBJECT_free(about);
	return err == CR_E_MALFORMED ? 0 : err;
}

static int read_signed(const uint8_t *data, size_t len, struct cr_defect_list *l, char *why)
{
	struct cr_signed_list list;
	struct cr_cert_info signer;
	int err = cr_signed_list_open(&kind, data, len, &list, why);

	if (!err)
		err = cr_dfl_parse(list.content, list.len, &l->dfl, why);
	if (!err) {
		l->cert = list.signer;
		l->embedded = list.embedded;
		list.signer = NULL;
		list.embedded = NULL;
		l->signer = cr_name_text(X509_get_subject_name(l->cert));
		l->issuer = cr_name_text(X509_get_issuer_name(l->cert));
		err = l->signer && l->issuer ? put_attributes(list.si, l) : CR_E_NOMEM;
	}
	if (!err && cr_cert_describe(l->cert, &signer) == CR_E_NOMEM)
		err = CR_E_NOMEM;
	if (!err) {
		memcpy(l->info.state, signer.state, sizeof(l->info.state));
		memcpy(l->info.key_id, signer.key_id, sizeof(l->info.key_id));
		memcpy(l->info.until, signer.until, sizeof(l->info.until));
		memcpy(l->info.key, signer.key, sizeof(l->info.key));
	}
	cr_signed_list_clear(&list);
	return err;
}

int cr_defect_list_read(const uint8_t *data, size_t len, struct cr_defect_list **out, char *why)
{
	struct cr_defect_list *l = calloc(1, sizeof(*l));
	unsigned char md[EVP_MAX_MD_SIZE];
	int err;

	*out = l;
	why[0] = '\0';
	if (!l)
		return CR_E_NOMEM;
	l->refs = 1;
	l->info.kind = CR_CERT_DEFECTS;
	l->der = malloc(len ? len : 1);
	if (!l->der || EVP_Digest(data, len, md, NULL, EVP_sha256(), NULL) != 1) {
		err = CR_E_NOMEM;
	} else {
		memcpy(l->der, data, len);
		l->len = len;
		for (size_t i = 0; i < 32; i++)
			sprintf(l->info.fingerprint + 2 * i, "%02x", md[i]);
		err = cr_defect_list_is_plain(data, len) ? cr_dfl_parse(data, len, &l->dfl, why) :
		      read_signed(data, len, l, why);
	}
	ERR_clear_error();
	if (err) {
		cr_defect_list_free(l);
		*out = NULL;
	}
	return err;
}

struct cr_defect_list *cr_defect_list_ref(struct cr_defect_list *list)
{
	list->refs++;
	return list;
}

void cr_defect_list_free(struct cr_defect_list *list)
{
	if (!list || --list->refs)
		return;
	cr_dfl_clear(&list->dfl);
	X509_free(list->cert);
	sk_X509_pop_free(list->embedded, X509_free);
	free(list->signer);
	free(list->issuer);
	free(list->description);
	free(list->der);
	free(list);
}

/* ---- Whose it is, and how good ---- */

static bool is_named(const struct cr_defect_list *list, const cr_trust_t *roots)
{
	for (int i = 0; i < sk_X509_num(roots->certs); i++) {
		if (!X509_cmp(sk_X509_value(roots->certs, i), list->cert))
			return true;
	}
	return false;
}

int cr_defect_list_authorize(const struct cr_defect_list *list, const cr_trust_t *roots, time_t now,
			     char *why)
{
	const struct cr_signed_list l = { .signer = list->cert, .embedded = list->embedded };
	const struct cr_chain alone = { .cert = { list->cert }, .n = 1, .anchored = true };
	int err;

	if (is_named(list, roots))
		err = cr_chain_validity(&alone, now, why) == CR_SUCCESSFUL ? 0 : CR_E_CRYPTO;
	else
		err = cr_signed_list_authorize(&kind, &l, roots, now, why);
	ERR_clear_error();
	return err;
}

enum cr_defect_list_state cr_defect_list_state(const struct cr_defect_list *list,
					       const cr_trust_t *trust, time_t now)
{
	const struct cr_chain alone = { .cert = { list->cert }, .n = 1, .anchored = true };
	struct cr_chain chain;
	char why[160];

	if (!list->cert)
		return CR_LIST_PLAIN;
	/* the store need not have the authority that it was taken by */
	cr_chain_build_for(CR_CHAIN_DEFECT_LIST, list->cert, list->embedded, trust, now, &chain);
	if (chain.result == CR_SUCCESSFUL &&
	    cr_chain_revocation(&chain, trust, now, why) == CR_FAILED)
		return CR_LIST_REVOKED;
	return cr_chain_validity(&alone, now, why) == CR_SUCCESSFUL ? CR_LIST_SIGNED
								    : CR_LIST_EXPIRED;
}

const char *cr_defect_list_state_name(enum cr_defect_list_state state)
{
	switch (state) {
	case CR_LIST_SIGNED:	return "signed";
	case CR_LIST_PLAIN:	return "unsigned";
	case CR_LIST_EXPIRED:	return "expired";
	case CR_LIST_REVOKED:	return "revoked";
	}
	return "";
}

bool cr_defect_list_counts(enum cr_defect_list_state state, enum cr_known_type type)
{
	switch (state) {
	case CR_LIST_SIGNED:
	case CR_LIST_PLAIN:
		return true;
	case CR_LIST_EXPIRED:
		return type == CR_KNOWN_NOT || type == CR_KNOWN_CERT_REVOKED ||
		       type == CR_KNOWN_CHIP_AUTH_KEY_REVOKED ||
		       type == CR_KNOWN_ACTIVE_AUTH_KEY_REVOKED;
	case CR_LIST_REVOKED:
		break;
	}
	return false;
}
