/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CscaMasterList ::= SEQUENCE { version INTEGER (0), certList SET OF Certificate }, signed: ICAO
 * 9303-12, 9. No I/O.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <cardring/error.h>
#include "iso7816/tlv.h"
#include "cert.h"
#include "masterlist.h"
#include "signedlist.h"

static const struct cr_signed_list_kind kind = {
	.content_type = "2.23.136.1.1.2",
	.purpose = CR_CHAIN_MASTER_LIST,
	.none = "it is not a signed master list",
	.too_much = "the master list has more than one signer, or too many certificates",
	.revoked = "a certificate that the master list's signature stands on was revoked",
};

bool cr_master_list_is(const uint8_t *data, size_t len)
{
	return cr_signed_list_is(&kind, data, len);
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

int cr_master_list_verify(const uint8_t *data, size_t len, const cr_trust_t *roots, time_t now,
			  struct cr_master_list *out, char *why)
{
	struct cr_signed_list list;
	int err;

	memset(out, 0, sizeof(*out));
	err = cr_signed_list_open(&kind, data, len, &list, why);
	if (list.signer)
		out->signer = cr_name_text(X509_get_subject_name(list.signer));
	if (!err)
		err = cr_signed_list_authorize(&kind, &list, roots, now, why);
	/* only what was signed by whom it should is taken apart */
	if (!err)
		err = cr_master_list_parse(list.content, list.len, out, why);
	cr_signed_list_clear(&list);
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
