/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Passive authentication: ICAO 9303-11, 5.1. No I/O.
 *
 * Each step records its check, and those after it go on as far as they can, so that whoever reads
 * the result sees everything that is wrong and not the first of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include "eid/checks.h"
#include "eid/lds.h"
#include "eid/rule.h"
#include "iso7816/tlv.h"
#include "cert.h"
#include "chain.h"
#include "cms.h"
#include "defectset.h"
#include "passive.h"
#include "passive_signer.h"
#include "sigalg.h"
#include "signer.h"
#include "sod.h"
#include "store.h"

static const struct cr_file *find(const struct cr_inspection *insp, uint16_t fid)
{
	size_t i;

	for (i = 0; i < insp->n_files; i++) {
		if (insp->files[i].fid == fid)
			return &insp->files[i];
	}
	return NULL;
}

static bool was_read(const struct cr_file *f)
{
	return f && f->data && !f->err;
}

static int hash(const EVP_MD *md, const struct cr_file *f, unsigned char *out)
{
	return EVP_Digest(f->data, f->len, out, NULL, md, NULL) == 1 ? CR_OK : CR_E_INTERNAL;
}

/* A group that is listed but was not read. */
static enum cr_dg_status unread_status(const struct cr_inspection *insp, int n,
				       const struct cr_file *f)
{
	if (!f && insp->need && !(insp->need & 1U << n))
		return CR_DG_UNWANTED;
	/* ISO/IEC 7816-4: 6982, security status not satisfied: behind extended access control. */
	return f && (f->sw == 0x6982 || f->err == CR_E_ACCESS_REFUSED) ? CR_DG_LOCKED
								       : CR_DG_UNREAD;
}

static void append_group(char *list, size_t size, int n)
{
	size_t len = strlen(list);

	snprintf(list + len, size - len, "%sDG%d", len ? ", " : "", n);
}

/* TR-03135-1, 5.8.8.2. */
static int check_hashes(struct cr_inspection *insp, const struct cr_sod *sod)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	const struct cr_file *f;
	char wrong[96] = "", unwanted[96] = "";
	int n, err;
	bool same;

	for (n = 1; n <= 16; n++) {
		f = find(insp, CR_FID_DG(n));
		if (!was_read(f)) {
			insp->passive.dg[n] = sod->hash[n] ? unread_status(insp, n, f) : CR_DG_ABSENT;
			if (insp->passive.dg[n] == CR_DG_UNWANTED)
				append_group(unwanted, sizeof(unwanted), n);
			continue;
		}
		if (!sod->hash[n]) {
			insp->passive.dg[n] = CR_RULE(dg_signed, false) ? CR_DG_MATCH : CR_DG_UNHASHED;
		} else {
			err = hash(sod->md, f, digest);
			if (err)
				return err;
			same = CR_RULE(dg_hash,
				       !CRYPTO_memcmp(digest, ASN1_STRING_get0_data(sod->hash[n]),
						      (size_t)EVP_MD_get_size(sod->md)));
			insp->passive.dg[n] = same ? CR_DG_MATCH : CR_DG_MISMATCH;
		}
		if (insp->passive.dg[n] != CR_DG_MATCH)
			append_group(wrong, sizeof(wrong), n);
	}
	if (*wrong)
		return cr_check_set(insp, CR_CHECK_DG_HASHES, CR_FAILED, "%s", wrong);
	/*
	 * The zone is mandatory (ICAO 9303-10, 4.7), and without it nobody knows whose document
	 * this is.
	 */
	if (insp->passive.dg[1] != CR_DG_MATCH)
		return cr_check_set(insp, CR_CHECK_DG_HASHES, CR_UNDETERMINED, "DG1 was not read");
	return cr_check_set(insp, CR_CHECK_DG_HASHES, CR_SUCCESSFUL,
			    *unwanted ? "not asked for: %s" : "%s", unwanted);
}

/*
 * TR-03135-1, 5.8.8.1. EF.COM is not signed, but mandatory (ICAO 9303-10, 4.6.1): that it could not be read
 * is in CR_CHECK_READ.
 */
static int check_com(struct cr_inspection *insp, const struct cr_sod *sod)
{
	const struct cr_file *com = find(insp, CR_FID_COM);
	uint32_t listed, hashed = 0;
	char why[128] = "";
	int n;

	if (!com || !com->data || com->err)
		return cr_check_set(insp, CR_CHECK_COM_SOD, CR_NOT_SUPPORTED,
				    "EF.COM was not read");
	if (cr_lds_com(com->data, com->len, &listed))
		return cr_check_set(insp, CR_CHECK_COM_SOD, CR_RULE(com_form, false) ? CR_SUCCESSFUL : CR_FAILED,
				    "EF.COM is malformed");
	for (n = 1; n <= 16; n++) {
		if (sod->hash[n])
			hashed |= 1u << n;
		if ((listed ^ hashed) & 1u << n)
			snprintf(why + strlen(why), sizeof(why) - strlen(why), "%sDG%d",
				 *why ? ", " : "", n);
	}
	return cr_check_set(insp, CR_CHECK_COM_SOD, CR_RULE(com_sod, !*why) ? CR_SUCCESSFUL : CR_FAILED, "%s", why);
}

/* RFC 5652, 11.3: signed, so the signer's own word. NULL: it says none. */
static const ASN1_TIME *signing_time(const struct cr_sod *sod)
{
	ASN1_OBJECT *type = OBJ_nid2obj(NID_pkcs9_signingTime);
	const ASN1_TIME *t = CMS_signed_get0_data_by_OBJ(sod->si, type, -3, V_ASN1_UTCTIME);

	return t ? t : CMS_signed_get0_data_by_OBJ(sod->si, type, -3, V_ASN1_GENERALIZEDTIME);
}

#define TIME_ZONES	86400L	/* issuers write their local time as if it were UTC */

/* From one time to another. */
static bool seconds(const ASN1_TIME *from, const ASN1_TIME *to, long *out)
{
	int days, rest;

	if (!ASN1_TIME_diff(&days, &rest, from, to))
		return false;
	*out = days * 86400L + rest;
	return true;
}

/*
 * ICAO 9303-12, 4.2: a signer's key signs for some months of the years that its certificate is
 * valid, and its certificate says which (privateKeyUsagePeriod). Whoever has an old key may write
 * any time: that is no proof, and its failure none of a forgery.
 */
static int check_signing_time(struct cr_inspection *insp, const struct cr_sod *sod)
{
	const enum cr_check_id id = CR_CHECK_SIGNING_TIME;
	const ASN1_TIME *at = signing_time(sod), *from, *to;
	PKEY_USAGE_PERIOD *use;
	long early, late;
	int err;

	if (!at)
		return cr_check_set(insp, id, CR_NOT_SUPPORTED, "EF.SOD names no signing time");
	use = X509_get_ext_d2i(sod->signer, NID_private_key_usage_period, NULL, NULL);
	from = use && use->notBefore ? use->notBefore : X509_get0_notBefore(sod->signer);
	to = use && use->notAfter ? use->notAfter : X509_get0_notAfter(sod->signer);
	if (!seconds(at, from, &early) || !seconds(to, at, &late))
		err = cr_check_set(insp, id, CR_UNDETERMINED, "a time is malformed");
	else if (early > TIME_ZONES)
		err = cr_check_set(insp, id, CR_FAILED,
				   "signed before the signer's key came into use");
	else if (late > TIME_ZONES)
		err = cr_check_set(insp, id, CR_FAILED,
				   "signed after the signer's key went out of use");
	else
		err = cr_check_set(insp, id, CR_SUCCESSFUL, NULL);
	PKEY_USAGE_PERIOD_free(use);
	return err;
}

/*
 * documentTypeList, ICAO 9303-12, 7.1.1.6: { version 0, SET OF PrintableString }, each as in a
 * machine readable zone; one letter stands for every type that begins with it. 1: code is listed;
 * 0: it is not; CR_E_NOT_FOUND: there is no list; CR_E_MALFORMED.
 */
static int lists_document_type(X509 *signer, const char *code)
{
	ASN1_OBJECT *oid = OBJ_txt2obj("2.23.136.1.1.6.2", 1);
	int at = oid ? X509_get_ext_by_OBJ(signer, oid, -1) : -1, r;
	const ASN1_OCTET_STRING *value;
	struct cr_tlv seq, version, set, type;
	const uint8_t *p;
	size_t n;

	ASN1_OBJECT_free(oid);
	if (at < 0)
		return CR_E_NOT_FOUND;
	value = X509_EXTENSION_get_data(X509_get_ext(signer, at));
	if (cr_tlv_parse_all(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value),
			     &seq) || seq.tag != 0x30)
		return CR_E_MALFORMED;
	p = seq.val;
	n = seq.len;
	if (cr_tlv_next(&p, &n, &version) != 1 || version.tag != 0x02 ||
	    cr_tlv_next(&p, &n, &set) != 1 || set.tag != 0x31 || n)
		return CR_E_MALFORMED;
	while ((r = cr_tlv_next(&set.val, &set.len, &type)) == 1) {
		if (type.tag != 0x13 || type.len < 1 || type.len > 2)
			return CR_E_MALFORMED;
		/* "P<" for "P" */
		n = type.len == 2 && type.val[1] == '<' ? 1 : type.len;
		if (!strncmp(code, (const char *)type.val, n))
			return 1;
	}
	return r;
}

static int check_document_type(struct cr_inspection *insp, const struct cr_sod *sod, time_t now)
{
	const enum cr_check_id id = CR_CHECK_SIGNER_DOCUMENT_TYPE;
	const struct cr_file *dg1 = find(insp, CR_FID_DG(1));
	struct cr_document doc = { 0 };
	struct cr_holder holder = { 0 };
	int listed = lists_document_type(sod->signer, ""), err;

	if (listed == CR_E_NOT_FOUND)
		return cr_check_set(insp, id, CR_NOT_SUPPORTED,
				    "the signer's certificate has no list of document types");
	if (insp->passive.dg[1] != CR_DG_MATCH)
		return cr_check_set(insp, id, CR_UNDETERMINED, "DG1 was not read");
	err = cr_lds_dg1(dg1->data, dg1->len, now, &doc, &holder);
	if (!err && doc.code)
		listed = lists_document_type(sod->signer, doc.code);
	else
		listed = CR_E_INVALID;
	cr_lds_document_clear(&doc);
	cr_lds_holder_clear(&holder);
	if (err == CR_E_NOMEM)
		return err;
	if (listed == CR_E_INVALID)
		return cr_check_set(insp, id, CR_UNDETERMINED,
				    "the type of the document is not known");
	if (listed < 0)
		return cr_check_set(insp, id, CR_UNDETERMINED,
				    "the list of document types is malformed");
	return cr_check_set(insp, id, CR_RULE(signer_documents, listed) ? CR_SUCCESSFUL : CR_FAILED, "%s",
			    listed ? "" : "the document's type is not on its list");
}

/* SHA-1: a second text could have been made together with the first. What weighs most is said. */
static int check_digest(struct cr_inspection *insp, const struct cr_sod *sod)
{
	const X509_ALGOR *cert = NULL;
	X509_ALGOR *digest;
	const char *where;

	CMS_SignerInfo_get0_algs(sod->si, NULL, NULL, &digest, NULL);
	if (sod->signer)
		X509_get0_signature(NULL, &cert, sod->signer);
	if (EVP_MD_is_a(sod->md, "SHA1"))
		where = "SHA-1 over the data groups";
	else if (OBJ_obj2nid(digest->algorithm) == NID_sha1)
		where = "SHA-1 under the signature";
	else if (cert && cr_sigalg_digest(cert) == NID_sha1)
		where = "SHA-1 in the signer's certificate";
	else
		return cr_check_set(insp, CR_CHECK_DIGEST, CR_SUCCESSFUL, NULL);
	return cr_check_set(insp, CR_CHECK_DIGEST, CR_NOT_SUPPORTED, "%s", where);
}

/*
 * To a trusted issuer; TR-03135-1, 5.12.2.1.3: a certificate that a defect list puts in the place of
 * the signer's is trusted by itself, whoever signed it.
 */
static void build_chain(struct cr_sod *sod, const cr_trust_t *trust,
			const struct cr_defect_set *defects, time_t now, struct cr_chain *chain)
{
	const struct cr_known_defect *k = cr_defect_set_find(defects, CR_KNOWN_CERT_REPLACED);

	if (!k) {
		cr_chain_build(sod->signer, sod->certs, trust, now, chain);
		return;
	}
	*chain = (struct cr_chain){ .cert = { sod->signer }, .n = 1, .anchored = true,
				    .result = CR_SUCCESSFUL };
	snprintf(chain->why, sizeof(chain->why), "a defect list replaces the signer's certificate");
}

static int check_signer(struct cr_inspection *insp, struct cr_sod *sod, const cr_trust_t *trust,
			const struct cr_defect_set *defects, time_t now)
{
	const struct cr_known_defect *country = cr_defect_set_find(defects, CR_KNOWN_ISSUING_COUNTRY);
	struct cr_chain chain;
	enum cr_result r;
	char why[160];
	int err;

	build_chain(sod, trust, defects, now, &chain);
	insp->passive.signer = cr_name_text(X509_get_subject_name(sod->signer));
	if (!insp->passive.signer)
		return CR_E_NOMEM;
	if (chain.anchored && chain.n > 1) {
		insp->passive.issuer =
			cr_name_text(X509_get_subject_name(chain.cert[chain.n - 1]));
		if (!insp->passive.issuer)
			return CR_E_NOMEM;
	}
	r = cr_chain_revocation(&chain, trust, now, why);
	err = cr_check_set(insp, CR_CHECK_SIGNER_REVOCATION, r, "%s", why);
	if (!err)
		err = cr_signer_check(insp, CR_SIGNED_SOD, &chain, r, now);
	if (!err)
		err = cr_signer_check_country(insp, &chain, country ? country->country : NULL, now);
	if (!err)
		err = cr_signer_check_expiry(insp, sod->signer);
	if (!err)
		err = check_signing_time(insp, sod);
	return err ? err : check_document_type(insp, sod, now);
}

static int check_signature(struct cr_inspection *insp, struct cr_sod *sod, const cr_trust_t *trust, time_t now)
{
	struct cr_cms_checks apart;
	const char *why;
	int err = cr_sod_verify(sod, trust, now, &why);

	if (err == CR_E_NOMEM)
		return err;
	cr_cms_apart(sod->cms, sod->si, err, &apart);
	err = cr_check_set(insp, CR_CHECK_SOD_DIGEST, apart.digest, "%s",
			   apart.digest == CR_FAILED ? "the content is not what was signed" :
			   apart.digest == CR_UNDETERMINED ? why : "");
	if (err)
		return err;
	return cr_check_set(insp, CR_CHECK_SOD_SIGNATURE_VALUE, apart.signature, "%s",
			    apart.signature == CR_SUCCESSFUL ? "" : why);
}

/* Nothing after the security object can be checked without it: each says so. */
static int nothing_to_check(struct cr_inspection *insp)
{
	static const enum cr_check_id rest[] = {
		CR_CHECK_SOD_DIGEST, CR_CHECK_SOD_SIGNATURE_VALUE, CR_CHECK_SIGNER_CHAIN,
		CR_CHECK_SIGNER_VALIDITY_SIGNER, CR_CHECK_SIGNER_VALIDITY_ISSUER, CR_CHECK_SIGNER_TRUSTED,
		CR_CHECK_COUNTRY_ISSUER_MRZ, CR_CHECK_SIGNER_REVOCATION, CR_CHECK_SIGNING_TIME, CR_CHECK_SIGNER_DOCUMENT_TYPE,
		CR_CHECK_DIGEST, CR_CHECK_DG_HASHES, CR_CHECK_COM_SOD,
	};
	size_t i;
	int n, err = CR_OK;

	for (i = 0; i < sizeof(rest) / sizeof(rest[0]) && !err; i++)
		err = cr_check_set(insp, rest[i], CR_UNDETERMINED, "there is no security object");
	for (n = 1; n <= 16; n++)
		insp->passive.dg[n] = find(insp, CR_FID_DG(n)) ? CR_DG_UNREAD : CR_DG_ABSENT;
	return err;
}

/* TR-03135-1, 5.8.4.2.1. */
static int check_syntax(struct cr_inspection *insp, enum cr_result around, enum cr_result hash_list,
			const char *why)
{
	int err = cr_check_set(insp, CR_CHECK_SOD_SIGNATURE_SECTION, around, "%s",
			       around == CR_SUCCESSFUL && hash_list != CR_SUCCESSFUL ? "" : why);

	return err ? err : cr_check_set(insp, CR_CHECK_SOD_HASH_LIST, hash_list, "%s",
					hash_list == CR_SUCCESSFUL ? "" : why);
}

/* Of a security object that parses. */
static int check_object(struct cr_inspection *insp, struct cr_sod *sod, const cr_trust_t *trust,
			time_t now)
{
	struct cr_defect_set defects;
	int err = cr_passive_find_signer(insp, sod, trust, now, &defects);

	if (!err)
		err = check_signature(insp, sod, trust, now);
	if (!err)
		err = check_digest(insp, sod);
	if (!err)
		err = check_hashes(insp, sod);
	if (!err)
		err = check_com(insp, sod);
	if (!err && sod->signer)
		err = check_signer(insp, sod, trust, &defects, now);
	cr_defect_set_clear(&defects);
	return err;
}

static int authenticate(struct cr_inspection *insp, const cr_trust_t *trust, time_t now)
{
	const struct cr_file *f = find(insp, CR_FID_SOD);
	struct cr_sod sod;
	enum cr_result r;
	const char *why;
	int err;

	if (!was_read(f)) {
		err = check_syntax(insp, CR_UNDETERMINED, CR_UNDETERMINED, "EF.SOD was not read");
		return err ? err : nothing_to_check(insp);
	}
	err = cr_sod_parse(f->data, f->len, &sod, &why);
	if (err) {
		/* Read whole and yet no security object: no state issues that. See verdict.c. */
		r = err == CR_E_MALFORMED ? CR_FAILED : CR_UNDETERMINED;
		err = check_syntax(insp, sod.in_hash_list ? CR_SUCCESSFUL : r, r, why ? why : "");
		cr_sod_clear(&sod);
		return err ? err : nothing_to_check(insp);
	}
	err = check_syntax(insp, sod.flaw && !sod.in_hash_list ? CR_UNDETERMINED : CR_SUCCESSFUL,
			   sod.flaw && sod.in_hash_list ? CR_UNDETERMINED : CR_SUCCESSFUL,
			   sod.flaw ? sod.flaw : sod.deviation ? sod.deviation : "");
	if (!err)
		err = cr_sod_has_signer(&sod) ?
		      cr_check_set(insp, CR_CHECK_SOD_CERTIFICATE, CR_SUCCESSFUL, NULL) :
		      cr_check_set(insp, CR_CHECK_SOD_CERTIFICATE, CR_FAILED,
				   "the signer's certificate is not there");
	insp->passive.digest = strdup(sod.digest);
	if (!err && !insp->passive.digest)
		err = CR_E_NOMEM;
	if (!err)
		err = check_object(insp, &sod, trust, now);
	cr_sod_clear(&sod);
	return err;
}

/*
 * Failed if one of them is; successful if all are; else undetermined. Revocation lists are not everywhere
 * (verdict.c), and a signer's certificate need not be on the chip to be known.
 */
static enum cr_result combine(const struct cr_inspection *insp)
{
	static const enum cr_check_id parts[] = {
		CR_CHECK_SOD_HASH_LIST, CR_CHECK_SOD_SIGNATURE_SECTION, CR_CHECK_SOD_SIGNATURE,
		CR_CHECK_SIGNER_CHAIN, CR_CHECK_SIGNER_VALIDITY, CR_CHECK_SIGNER_TRUSTED,
		CR_CHECK_COUNTRY_ISSUER_MRZ, CR_CHECK_DG_HASHES,
	};
	enum cr_result all = CR_SUCCESSFUL, r;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		r = cr_check_get(insp, parts[i]);
		if (r == CR_FAILED)
			return CR_FAILED;
		if (r != CR_SUCCESSFUL)
			all = CR_UNDETERMINED;
	}
	return all;
}

int cr_passive_authenticate(struct cr_inspection *insp, const cr_trust_t *trust, time_t now)
{
	int err;

	ERR_set_mark();
	err = authenticate(insp, trust, now);
	ERR_pop_to_mark();
	insp->passive.status = combine(insp);
	return err;
}
