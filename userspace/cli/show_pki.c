// SPDX-License-Identifier: BSD-2-Clause
/* Certificates, revocation lists and signed data, in full. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include "iso7816/tlv.h"
#include "show.h"
#include "trust.h"
#include "trust/cms.h"
#include "trust/masterlist.h"
#include "trust/sigalg.h"

#define MOST	10000	/* entries of one list that are shown */

/* In small letters, as the fingerprints are. */
static json_t *hex(const ASN1_STRING *s)
{
	size_t n = s ? (size_t)ASN1_STRING_length(s) : 0;
	char *text = s ? malloc(2 * n + 1) : NULL;
	json_t *j;

	if (!text)
		return json_null();
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		sprintf(text + 2 * i, "%02x", ASN1_STRING_get0_data(s)[i]);
	j = json_string(text);
	free(text);
	return j;
}

static json_t *oid(const ASN1_OBJECT *o)
{
	char text[96];

	return OBJ_obj2txt(text, sizeof(text), o, 0) > 0 ? json_string(text) : json_null();
}

static json_t *when(const ASN1_TIME *t)
{
	char text[24];
	struct tm tm;

	if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
		return json_null();
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

/* As OpenSSL prints it, on one line; in hexadecimal digits what it does not know. */
static json_t *extension_value(X509_EXTENSION *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	json_t *j = NULL;
	char *p, *text;
	long n;

	if (bio && X509V3_EXT_print(bio, e, X509V3_EXT_ERROR_UNKNOWN, 0) == 1 && (n = BIO_get_mem_data(bio, &p)) > 0) {
		text = strndup(p, (size_t)n);
		for (p = text; p && *p; p++)
			if (*p == '\n')
				*p = ' ';
		j = cli_json_string(text);
		free(text);
	}
	BIO_free(bio);
	return j ? j : hex(X509_EXTENSION_get_data(e));
}

static json_t *extensions(const STACK_OF(X509_EXTENSION) *all)
{
	json_t *list = json_array();

	for (int i = 0; i < sk_X509_EXTENSION_num(all); i++) {
		X509_EXTENSION *e = sk_X509_EXTENSION_value(all, i);

		json_array_append_new(list, json_pack("{s:o, s:b, s:o}", "name", oid(X509_EXTENSION_get_object(e)),
						      "critical", X509_EXTENSION_get_critical(e), "value",
						      extension_value(e)));
	}
	return list;
}

static json_t *describe(X509 *cert, X509_CRL *crl)
{
	struct cli_stored x = { .cert = cert, .crl = crl };
	json_t *j;

	if (cert)
		cr_cert_describe(cert, &x.info);
	else
		cr_crl_describe(crl, &x.info);
	x.subject = cert ? cr_name_text(X509_get_subject_name(cert)) : NULL;
	x.issuer = cr_name_text(cert ? X509_get_issuer_name(cert) : X509_CRL_get_issuer(crl));
	j = cli_stored_json(&x);
	json_object_del(j, "file");
	json_object_del(j, "source");
	free(x.subject);
	free(x.issuer);
	return j;
}

static json_t *certificate(X509 *cert)
{
	json_t *j = describe(cert, NULL);

	json_object_set_new(j, "extensions", extensions(X509_get0_extensions(cert)));
	return j;
}

json_t *cli_show_certificate(const uint8_t *data, size_t len)
{
	const unsigned char *p = data;
	X509 *cert = d2i_X509(NULL, &p, (long)len);
	json_t *j = NULL;

	if (cert && p == data + len) {
		j = json_pack("{s:s}", "type", "certificate");
		json_object_update_missing_new(j, certificate(cert));
	}
	X509_free(cert);
	ERR_clear_error();
	return j;
}

json_t *cli_show_crl(const uint8_t *data, size_t len)
{
	const unsigned char *p = data;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)len);
	const STACK_OF(X509_REVOKED) *all;
	json_t *j = NULL, *list;

	if (crl && p == data + len) {
		j = json_pack("{s:s}", "type", "revocation list");
		json_object_update_missing_new(j, describe(NULL, crl));
		list = json_array();
		all = X509_CRL_get_REVOKED(crl);
		for (int i = 0; i < sk_X509_REVOKED_num(all) && i < MOST; i++) {
			const X509_REVOKED *r = sk_X509_REVOKED_value(all, i);

			json_array_append_new(list, json_pack("{s:o, s:o}", "serial", hex(X509_REVOKED_get0_serialNumber(r)),
							      "date", when(X509_REVOKED_get0_revocationDate(r))));
		}
		json_object_set_new(j, "entries", list);
		json_object_set_new(j, "extensions", extensions(X509_CRL_get0_extensions(crl)));
	}
	X509_CRL_free(crl);
	ERR_clear_error();
	return j;
}

/* ---- signed data ---- */

/* LDSSecurityObject: ICAO 9303-10, 4.6.2.3. */
static json_t *lds_object(const uint8_t *data, size_t len)
{
	struct cr_tlv seq, version, alg, hashes, one, number, value, info;
	json_t *j, *groups = json_object();
	char name[12];
	const uint8_t *p, *q;
	size_t n, m;

	if (cr_tlv_parse_all(data, len, &seq) || seq.tag != 0x30)
		goto bad;
	p = seq.val;
	n = seq.len;
	if (cr_tlv_next(&p, &n, &version) != 1 || version.tag != 2 || version.len != 1 ||
	    cr_tlv_next(&p, &n, &alg) != 1 || cr_tlv_next(&p, &n, &hashes) != 1)
		goto bad;
	while (cr_tlv_next(&hashes.val, &hashes.len, &one) == 1) {
		q = one.val;
		m = one.len;
		if (cr_tlv_next(&q, &m, &number) != 1 || number.len != 1 || cr_tlv_next(&q, &m, &value) != 1)
			goto bad;
		snprintf(name, sizeof(name), "%u", number.val[0]);
		json_object_set_new(groups, name, cli_json_hex(value.val, value.len));
	}
	j = json_pack("{s:i, s:O}", "version", version.val[0], "hashes", groups);
	if (cr_tlv_next(&p, &n, &info) == 1) {
		q = info.val;
		m = info.len;
		if (cr_tlv_next(&q, &m, &one) == 1)
			json_object_set_new(j, "lds_version", json_stringn((const char *)one.val, one.len));
		if (cr_tlv_next(&q, &m, &one) == 1)
			json_object_set_new(j, "unicode_version", json_stringn((const char *)one.val, one.len));
	}
	json_decref(groups);
	return j;
bad:
	json_decref(groups);
	return NULL;
}

static json_t *master_list(const uint8_t *data, size_t len)
{
	struct cr_master_list list = { 0 };
	json_t *all = NULL;
	char why[160];

	if (!cr_master_list_parse(data, len, &list, why)) {
		all = json_array();
		for (int i = 0; i < sk_X509_num(list.certs); i++)
			json_array_append_new(all, describe(sk_X509_value(list.certs, i), NULL));
	}
	cr_master_list_clear(&list);
	return all;
}

static json_t *known_defects(const struct cr_dfl_entry *e)
{
	json_t *list = json_array(), *j, *groups;

	for (size_t i = 0; i < e->n_known; i++) {
		const struct cr_known_defect *k = &e->known[i];

		groups = json_array();
		for (int n = 1; n <= 31; n++)
			if (k->groups & 1U << n)
				json_array_append_new(groups, json_integer(n));
		j = json_pack("{s:o, s:s, s:b, s:o, s:o}", "name", cli_json_string(k->name), "oid", k->oid, "understood",
			      k->type != CR_KNOWN_NOT, "code", k->code < 0 ? json_null() : json_integer(k->code),
			      "data_groups", groups);
		json_object_set_new(j, "country", cli_json_string(k->country[0] ? k->country : NULL));
		json_object_set_new(j, "replacement", k->replacement ? describe(k->replacement, NULL) : json_null());
		json_array_append_new(list, j);
	}
	return list;
}

/* DefectList: BSI TR-03129-2, 7. */
static json_t *defect_list(const uint8_t *data, size_t len)
{
	json_t *all = NULL, *j;
	struct cr_dfl list;
	char why[160], *name;

	if (!cr_dfl_parse(data, len, &list, why)) {
		all = json_array();
		for (size_t i = 0; i < list.n && i < MOST; i++) {
			const struct cr_dfl_entry *e = &list.all[i];

			name = e->signer.issuer ? cr_name_text(e->signer.issuer) : NULL;
			j = json_pack("{s:o, s:o, s:o, s:o}", "issuer", cli_json_string(name), "serial",
				      hex(e->signer.serial), "key_id", hex(e->signer.key_id), "hash",
				      e->hash ? cli_json_hex(e->hash, e->hash_len) : json_null());
			free(name);
			json_object_set_new(j, "description", cli_json_string(e->description));
			json_object_set_new(j, "defects", known_defects(e));
			json_array_append_new(all, j);
		}
	}
	cr_dfl_clear(&list);
	return all;
}

json_t *cli_show_defect_list(const uint8_t *data, size_t len)
{
	json_t *list = cr_defect_list_is_plain(data, len) ? defect_list(data, len) : NULL;

	return list ? json_pack("{s:s, s:b, s:o}", "type", "defect list", "signed", 0, "defect_list", list) : NULL;
}

static json_t *signer(CMS_SignerInfo *si)
{
	X509_NAME *issuer = NULL;
	ASN1_INTEGER *serial = NULL;
	ASN1_OCTET_STRING *key_id = NULL;
	X509_ALGOR *digest, *sig;
	const ASN1_OBJECT *obj;
	const ASN1_TIME *t;
	char *name;
	json_t *j = json_object();

	CMS_SignerInfo_get0_signer_id(si, &key_id, &issuer, &serial);
	name = issuer ? cr_name_text(issuer) : NULL;
	json_object_set_new(j, "issuer", cli_json_string(name));
	json_object_set_new(j, "serial", hex(serial));
	json_object_set_new(j, "key_id", hex(key_id));
	free(name);
	CMS_SignerInfo_get0_algs(si, NULL, NULL, &digest, &sig);
	X509_ALGOR_get0(&obj, NULL, NULL, digest);
	json_object_set_new(j, "digest", oid(obj));
	X509_ALGOR_get0(&obj, NULL, NULL, sig);
	json_object_set_new(j, "signature", oid(obj));
	t = CMS_signed_get0_data_by_OBJ(si, OBJ_nid2obj(NID_pkcs9_signingTime), -3, V_ASN1_UTCTIME);
	if (!t)
		t = CMS_signed_get0_data_by_OBJ(si, OBJ_nid2obj(NID_pkcs9_signingTime), -3, V_ASN1_GENERALIZEDTIME);
	json_object_set_new(j, "signing_time", when(t));
	return j;
}

/* What stands in it, as far as its kind is known. */
static void content(json_t *j, CMS_ContentInfo *cms)
{
	ASN1_OCTET_STRING **os = CMS_get0_content(cms);
	const uint8_t *p;
	json_t *c;
	size_t n;

	if (!os || !*os)
		return;
	p = ASN1_STRING_get0_data(*os);
	n = (size_t)ASN1_STRING_length(*os);
	json_object_set_new(j, "content_length", json_integer((json_int_t)n));
	c = lds_object(p, n);
	if (c)
		json_object_set_new(j, "security_object", c);
	else if ((c = master_list(p, n)))
		json_object_set_new(j, "master_list", c);
	else if ((c = defect_list(p, n)))
		json_object_set_new(j, "defect_list", c);
	else if ((c = cli_show_security_infos(p, n)))
		json_object_set_new(j, "security_infos", c);
}

json_t *cli_show_signed(const uint8_t *data, size_t len)
{
	CMS_ContentInfo *cms = cr_cms_parse(data, len);
	STACK_OF(CMS_SignerInfo) *signers;
	STACK_OF(X509) *certs;
	json_t *j = NULL, *list;

	if (cms) {
		j = json_pack("{s:s, s:o}", "type", "signed data", "content_type", oid(CMS_get0_eContentType(cms)));
		list = json_array();
		signers = CMS_get0_SignerInfos(cms);
		for (int i = 0; i < sk_CMS_SignerInfo_num(signers) && i < MOST; i++)
			json_array_append_new(list, signer(sk_CMS_SignerInfo_value(signers, i)));
		json_object_set_new(j, "signers", list);
		list = json_array();
		certs = CMS_get1_certs(cms);
		for (int i = 0; i < sk_X509_num(certs) && i < MOST; i++)
			json_array_append_new(list, certificate(sk_X509_value(certs, i)));
		json_object_set_new(j, "certificates", list);
		sk_X509_pop_free(certs, X509_free);
		content(j, cms);
	}
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return j;
}
