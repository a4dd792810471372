/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a signer's certificate has to be. A document has one over EF.SOD, and may have one over
 * EF.CardSecurity: the same checks of either, each with its own place in the tree.
 */
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include "eid/lds.h"
#include "eid/rule.h"
#include "country.h"
#include "signer.h"

static enum cr_check_id of(enum cr_signed_file file, enum cr_check_id id)
{
	_Static_assert(CR_CHECK_CARD_SECURITY_ISSUER - CR_CHECK_CARD_SECURITY_CHAIN ==
		       CR_CHECK_SIGNER_ISSUER - CR_CHECK_SIGNER_CHAIN, "");
	return file == CR_SIGNED_SOD ? id : CR_CHECK_CARD_SECURITY_CHAIN + (id - CR_CHECK_SIGNER_CHAIN);
}

/* ICAO 9303-12, 7.1.1: a country of two letters and a common name, each once and not empty. */
static const char *name_deviates(const X509_NAME *name)
{
	char country[8] = "";
	int i = X509_NAME_get_index_by_NID(name, NID_countryName, -1);
	int cn = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

	if (i < 0)
		return "it has no country";
	X509_NAME_get_text_by_NID(name, NID_countryName, country, sizeof(country));
	if (X509_NAME_get_index_by_NID(name, NID_countryName, i) >= 0 || strlen(country) != 2 ||
	    strspn(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != 2)
		return "its country is not a code of two letters";
	if (cn < 0 || !ASN1_STRING_length(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, cn))))
		return "it has no common name";
	return NULL;
}

static int check_name(struct cr_inspection *insp, enum cr_check_id id, const X509_NAME *name)
{
	const char *why = name_deviates(name);

	return cr_check_set(insp, id, why ? CR_FAILED : CR_SUCCESSFUL, "%s", why ? why : "");
}

/* 5.6.3.2.4: by the trust store, and what an issuer has said since. Defect lists: eid/defects.c. */
static int check_trusted(struct cr_inspection *insp, enum cr_check_id id, const struct cr_chain *chain,
			 enum cr_result revocation)
{
	if (revocation == CR_FAILED)
		return cr_check_set(insp, id, CR_FAILED, "the issuer revoked it");
	if (chain->result != CR_SUCCESSFUL)
		return cr_check_set(insp, id, CR_UNDETERMINED, "%s", chain->why);
	return cr_check_set(insp, id, CR_SUCCESSFUL, NULL);
}

static int check_self_signed(struct cr_inspection *insp, enum cr_check_id id, const struct cr_chain *chain)
{
	EVP_PKEY *key = X509_get0_pubkey(chain->cert[0]);
	bool own;

	/* that of a defect list, 5.12.2.1.3 */
	if (chain->n == 1 && chain->anchored)
		return cr_check_set(insp, id, CR_NOT_SUPPORTED, "%s", chain->why);
	if (!key)
		return cr_check_set(insp, id, CR_UNDETERMINED, "the signer's key cannot be used");
	ERR_set_mark();
	own = X509_verify(chain->cert[0], key) == 1;
	ERR_pop_to_mark();
	return cr_check_set(insp, id, own ? CR_FAILED : CR_SUCCESSFUL, "%s",
			    own ? "its own key signed its certificate" : "");
}

int cr_signer_check(struct cr_inspection *insp, enum cr_signed_file file, const struct cr_chain *chain,
		    enum cr_result revocation, time_t now)
{
	X509 *signer = chain->cert[0];
	char why[160];
	enum cr_result r;
	int err;

	err = cr_check_set(insp, of(file, CR_CHECK_SIGNER_CHAIN), chain->result, "%s", chain->why);
	if (err)
		return err;
	r = cr_chain_signer_validity(chain, now, why);
	err = cr_check_set(insp, of(file, CR_CHECK_SIGNER_VALIDITY_SIGNER), r, "%s", why);
	if (err)
		return err;
	r = cr_chain_issuer_validity(chain, now, why);
	err = cr_check_set(insp, of(file, CR_CHECK_SIGNER_VALIDITY_ISSUER), r, "%s", why);
	if (!err)
		err = check_trusted(insp, of(file, CR_CHECK_SIGNER_TRUSTED), chain, revocation);
	if (!err)
		err = check_self_signed(insp, of(file, CR_CHECK_SIGNER_NOT_SELF_SIGNED), chain);
	if (!err)
		err = check_name(insp, of(file, CR_CHECK_SIGNER_SUBJECT), X509_get_subject_name(signer));
	if (!err)
		err = check_name(insp, of(file, CR_CHECK_SIGNER_ISSUER), X509_get_issuer_name(signer));
	return err;
}

/* ---- the country ---- */

/* A name has one country (9303-12, 7.1.1.1). False: none, or several. */
static bool country_of(const X509_NAME *name, char out[8])
{
	int i = X509_NAME_get_index_by_NID(name, NID_countryName, -1), len;

	if (i < 0 || X509_NAME_get_index_by_NID(name, NID_countryName, i) >= 0)
		return false;
	len = X509_NAME_get_text_by_NID(name, NID_countryName, out, 8);
	return len > 0 && (size_t)len == strlen(out);
}

/* How the state in this name is to the one in the zone. */
static enum cr_country_match compare_country(const char *state, const X509_NAME *name)
{
	char country[8];

	return country_of(name, country) ? cr_country_compare(state, country) : CR_COUNTRY_UNKNOWN;
}

/*
 * The worst over all authorities of the chain: each of them but the trusted one was named by the
 * one above it, which may be another state's.
 */
static enum cr_country_match chain_country(const char *state, const struct cr_chain *chain, const char *better)
{
	enum cr_country_match worst = CR_COUNTRY_SAME, m;
	int i;

	for (i = 0; !i || i + 1 < chain->n; i++) {
		m = !i && better ? cr_country_compare(state, better) :
		    compare_country(state, X509_get_issuer_name(chain->cert[i]));
		if (m == CR_COUNTRY_DIFFERENT)
			return m;
		if (m == CR_COUNTRY_UNKNOWN)
			worst = m;
	}
	return worst;
}

static int check_zone(struct cr_inspection *insp, const char *state, const struct cr_chain *chain, const char *better)
{
	enum cr_check_id id = CR_CHECK_COUNTRY_ISSUER_MRZ;
	int err;

	switch (state ? chain_country(state, chain, better) : CR_COUNTRY_UNKNOWN) {
	case CR_COUNTRY_SAME:
		err = cr_check_set(insp, id, CR_SUCCESSFUL, NULL);
		break;
	case CR_COUNTRY_DIFFERENT:
		err = cr_check_set(insp, id, CR_FAILED, "the document is of another state than its signer");
		break;
	default:
		err = cr_check_set(insp, id, CR_RULE(signer_country, false) ? CR_SUCCESSFUL : CR_UNDETERMINED,
				   "whether the signer is of the document's state cannot be said");
	}
	if (err || !state)
		return err;
	id = CR_CHECK_COUNTRY_SUBJECT_MRZ;
	switch (compare_country(state, X509_get_subject_name(chain->cert[0]))) {
	case CR_COUNTRY_SAME:
		return cr_check_set(insp, id, CR_SUCCESSFUL, NULL);
	case CR_COUNTRY_DIFFERENT:
		return cr_check_set(insp, id, CR_FAILED, "the signer's name is of another state");
	default:
		return cr_check_set(insp, id, CR_UNDETERMINED,
				    "whether the signer is of the document's state cannot be said");
	}
}

/* 5.6.2.2.3: identical, but certificates are seen to write them small. */
static int check_names(struct cr_inspection *insp, X509 *signer)
{
	enum cr_check_id id = CR_CHECK_COUNTRY_SUBJECT_ISSUER;
	char subject[8], issuer[8];

	if (!country_of(X509_get_subject_name(signer), subject) ||
	    !country_of(X509_get_issuer_name(signer), issuer))
		return cr_check_set(insp, id, CR_UNDETERMINED, "it has no country");
	return strcasecmp(subject, issuer) ?
	       cr_check_set(insp, id, CR_FAILED, "the signer's name is of another state than its issuer's") :
	       cr_check_set(insp, id, CR_SUCCESSFUL, NULL);
}

static const struct cr_file *signed_dg1(const struct cr_inspection *insp)
{
	for (size_t i = 0; insp->passive.dg[1] == CR_DG_MATCH && i < insp->n_files; i++) {
		if (insp->files[i].fid == CR_FID_DG(1))
			return &insp->files[i];
	}
	return NULL;
}

int cr_signer_check_country(struct cr_inspection *insp, const struct cr_chain *chain, const char *better, time_t now)
{
	const struct cr_file *dg1 = signed_dg1(insp);
	struct cr_document doc = { 0 };
	struct cr_holder holder = { 0 };
	int err = check_names(insp, chain->cert[0]);

	if (err)
		return err;
	/* of others nobody knows whom they sign for */
	if (chain->result != CR_SUCCESSFUL)
		return cr_check_set(insp, CR_CHECK_COUNTRY_ISSUER_MRZ, CR_UNDETERMINED, "%s", chain->why);
	if (!dg1)
		return cr_check_set(insp, CR_CHECK_COUNTRY_ISSUER_MRZ, CR_UNDETERMINED, "DG1 was not read");
	err = cr_lds_dg1(dg1->data, dg1->len, now, &doc, &holder);
	if (err != CR_E_NOMEM)
		err = check_zone(insp, err ? NULL : doc.issuing_state, chain, better);
	cr_lds_document_clear(&doc);
	cr_lds_holder_clear(&holder);
	return err;
}

/* ---- the day ---- */

int cr_signer_check_expiry(struct cr_inspection *insp, X509 *signer)
{
	const char *expiry = insp->document.date_of_expiry;
	enum cr_check_id id = CR_CHECK_SIGNER_EXPIRY;
	char until[16];
	struct tm tm;

	if (!signed_dg1(insp))
		return 0;
	if (!expiry || !strcmp(expiry, "unlimited"))
		return cr_check_set(insp, id, CR_NOT_SUPPORTED, "the document has no date of expiry");
	if (!ASN1_TIME_to_tm(X509_get0_notAfter(signer), &tm) || !strftime(until, sizeof(until), "%Y-%m-%d", &tm))
		return cr_check_set(insp, id, CR_FAILED, "the signer's certificate has a malformed validity");
	return strncmp(expiry, until, strlen(expiry)) > 0 ?
	       cr_check_set(insp, id, CR_FAILED, "%s", until) : cr_check_set(insp, id, CR_SUCCESSFUL, NULL);
}
