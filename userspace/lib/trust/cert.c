/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates and lists in words. No I/O. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <cardring/error.h>
#include "eid/lds_text.h"
#include "sigalg.h"
#include "cert.h"

static const char *const kind_names[CR_CERT_KINDS] = {
	[CR_CERT_CSCA] = "csca", [CR_CERT_LINK] = "link", [CR_CERT_SIGNER] = "signer",
	[CR_CERT_CRL] = "crl", [CR_CERT_DEFECTS] = "defects",
};

const char *cr_cert_kind_name(enum cr_cert_kind kind)
{
	return (unsigned int)kind < CR_CERT_KINDS ? kind_names[kind] : "";
}

int cr_cert_kind_find(const char *name)
{
	int i;

	for (i = 0; i < CR_CERT_KINDS; i++) {
		if (!strcmp(kind_names[i], name))
			return i;
	}
	return -1;
}

/* ---- What it may do ---- */

#define BSI_NPKD	"0.4.0.127.0.7.3.11."

/*
 * What the extended key usage lets it sign documents: ICAO 9303-12, 7.1.1 forbids document signers
 * to have one, and everything else that a CSCA certifies must: signers of lists, of stamps and of
 * seals (2.23.136.1.1.n; BSI TR-03129-2, 7.2 and 8.5: 0.4.0.127.0.7.3.11.n), and TLS. OTHER: it is one of those; UNKNOWN: for what nobody knows.
 */
enum cr_cert_purpose cr_cert_purpose(X509 *cert)
{
	EXTENDED_KEY_USAGE *eku = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	enum cr_cert_purpose r = eku ? CR_PURPOSE_UNKNOWN : CR_PURPOSE_DOCUMENTS;
	const ASN1_OBJECT *purpose;
	char oid[64];
	int i, nid;

	for (i = 0; i < sk_ASN1_OBJECT_num(eku) && r != CR_PURPOSE_OTHER; i++) {
		purpose = sk_ASN1_OBJECT_value(eku, i);
		nid = OBJ_obj2nid(purpose);
		OBJ_obj2txt(oid, sizeof(oid), purpose, 1);
		if (!strncmp(oid, "2.23.136.1.1.", 13) || !strncmp(oid, BSI_NPKD, sizeof(BSI_NPKD) - 1) ||
		    nid == NID_server_auth || nid == NID_client_auth)
			r = CR_PURPOSE_OTHER;
		else if (nid == NID_anyExtendedKeyUsage)
			r = CR_PURPOSE_DOCUMENTS;
	}
	EXTENDED_KEY_USAGE_free(eku);
	return r;
}

static bool has_purpose(X509 *cert, const char *wanted)
{
	EXTENDED_KEY_USAGE *eku = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	bool found = false;
	char oid[64];
	int i;

	for (i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
		OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(eku, i), 1);
		found |= !strcmp(oid, wanted);
	}
	EXTENDED_KEY_USAGE_free(eku);
	return found;
}

bool cr_cert_signs_master_lists(X509 *cert)
{
	return has_purpose(cert, "2.23.136.1.1.3");
}

bool cr_cert_signs_defect_lists(X509 *cert)
{
	return has_purpose(cert, BSI_NPKD "2.1.2");
}

/*
 * Two deviations of states whose documents are genuine:
 *
 * - basicConstraints is not there, keyUsage says keyCertSign (early ones);
 * - basicConstraints is there and does not say CA, keyUsage says keyCertSign (of the 588
 *   certificates of a master list of 2026: Cameroon, Italy, Luxembourg, Portugal, Turkey). That is
 *   only taken of one that is trusted: nobody else's word is against the certificate's own.
 */
bool cr_cert_is_authority(X509 *cert, bool trusted)
{
	int ca = X509_check_ca(cert);
	uint32_t flags = X509_get_extension_flags(cert);

	/* states have authorities of the same name for health certificates */
	if (!(X509_get_key_usage(cert) & KU_KEY_CERT_SIGN) ||
	    cr_cert_purpose(cert) == CR_PURPOSE_OTHER)
		return false;
	return ca == 1 || ca == 4 || (trusted && flags & EXFLAG_BCONS && flags & EXFLAG_KUSAGE);
}

int cr_cert_same_key_id(X509 *cert, X509 *issuer)
{
	const ASN1_OCTET_STRING *akid = X509_get0_authority_key_id(cert);
	const ASN1_OCTET_STRING *skid = X509_get0_subject_key_id(issuer);

	if (!akid || !skid)
		return -1;
	return !ASN1_OCTET_STRING_cmp(akid, skid);
}

static bool is_self_signed(X509 *cert)
{
	return !X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) &&
	       cr_cert_same_key_id(cert, cert) != 0 && X509_get0_pubkey(cert) &&
	       cr_x509_signed_by(cert, X509_get0_pubkey(cert)) == 1;
}

/* ---- What it is called ---- */

char *cr_name_text(const X509_NAME *of)
{
	/* only ASCII, the rest escaped, where its own letters may do harm on a terminal */
	static const unsigned long flags[] = {
		XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB, XN_FLAG_RFC2253,
	};
	char *name = NULL, *p;
	size_t i;
	long n;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]) && !name; i++) {
		BIO *bio = BIO_new(BIO_s_mem());

		if (bio && X509_NAME_print_ex(bio, of, 0, flags[i]) >= 0) {
			n = BIO_get_mem_data(bio, &p);
			cr_text_new((const uint8_t *)p, n > 0 ? (size_t)n : 0, &name);
		}
		BIO_free(bio);
	}
	return name;
}

/* ICAO 9303-12, 7.1.1.1: two letters of ISO 3166-1, in capitals; some states' are small. */
static void put_state(X509_NAME *name, char out[4])
{
	int i = X509_NAME_get_index_by_NID(name, NID_countryName, -1), n, k;
	const ASN1_STRING *s;
	const unsigned char *p;

	out[0] = '\0';
	if (i < 0 || X509_NAME_get_index_by_NID(name, NID_countryName, i) >= 0)
		return;
	s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
	n = ASN1_STRING_length(s);
	p = ASN1_STRING_get0_data(s);
	if (n < 2 || n > 3)
		return;
	for (k = 0; k < n; k++) {
		if (!isascii(p[k]) || !isalpha(p[k])) {
			out[0] = '\0';
			return;
		}
		out[k] = (char)toupper(p[k]);
	}
	out[n] = '\0';
}

/* As much as there is room for. */
static void put_hex(const ASN1_STRING *s, char *out, size_t size)
{
	int n = s ? ASN1_STRING_length(s) : 0, i;

	out[0] = '\0';
	for (i = 0; i < n && 2 * (size_t)i + 3 <= size; i++)
		sprintf(out + 2 * i, "%02x", ASN1_STRING_get0_data(s)[i]);
}

static void put_digest(const unsigned char *md, char out[65])
{
	int i;

	for (i = 0; i < 32; i++)
		sprintf(out + 2 * i, "%02x", md[i]);
}

void cr_cert_put_time(const ASN1_TIME *t, char out[24])
{
	struct tm tm;

	out[0] = '\0';
	if (t && ASN1_TIME_to_tm(t, &tm) == 1)
		strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void put_key(X509 *cert, char *out, size_t size)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	char group[40] = "";

	if (!key)
		snprintf(out, size, "unusable");
	else if (EVP_PKEY_is_a(key, "EC") &&
		 EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1)
		snprintf(out, size, "EC %s", group);
	else
		snprintf(out, size, "%s %d", EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
}

static void put_signature(const X509_ALGOR *alg, char *out, size_t size)
{
	const ASN1_OBJECT *oid;

	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	OBJ_obj2txt(out, (int)size, oid, 0);
}

int cr_cert_describe(X509 *cert, struct cr_cert_info *out)
{
	const X509_ALGOR *alg;
	unsigned char md[EVP_MAX_MD_SIZE];

	memset(out, 0, sizeof(*out));
	if (X509_digest(cert, EVP_sha256(), md, NULL) != 1)
		return CR_E_NOMEM;
	put_digest(md, out->fingerprint);
	X509_check_purpose(cert, -1, 0);
	out->kind = !cr_cert_is_authority(cert, true) ? CR_CERT_SIGNER :
		    is_self_signed(cert) ? CR_CERT_CSCA : CR_CERT_LINK;
	put_state(X509_get_subject_name(cert), out->state);
	put_hex(X509_get0_serialNumber(cert), out->serial, sizeof(out->serial));
	put_hex(X509_get0_subject_key_id(cert), out->key_id, sizeof(out->key_id));
	cr_cert_put_time(X509_get0_notBefore(cert), out->from);
	cr_cert_put_time(X509_get0_notAfter(cert), out->until);
	put_key(cert, out->key, sizeof(out->key));
	X509_get0_signature(NULL, &alg, cert);
	put_signature(alg, out->signature, sizeof(out->signature));
	ERR_clear_error();
	return out->from[0] && out->until[0] ? CR_OK : CR_E_MALFORMED;
}

int cr_crl_describe(X509_CRL *crl, struct cr_cert_info *out)
{
	AUTHORITY_KEYID *akid = X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	const X509_ALGOR *alg;
	unsigned char md[EVP_MAX_MD_SIZE];
	int ok;

	memset(out, 0, sizeof(*out));
	out->kind = CR_CERT_CRL;
	ok = X509_CRL_digest(crl, EVP_sha256(), md, NULL);
	put_digest(md, out->fingerprint);
	put_state(X509_CRL_get_issuer(crl), out->state);
	put_hex(number, out->serial, sizeof(out->serial));
	put_hex(akid ? akid->keyid : NULL, out->key_id, sizeof(out->key_id));
	cr_cert_put_time(X509_CRL_get0_lastUpdate(crl), out->from);
	cr_cert_put_time(X509_CRL_get0_nextUpdate(crl), out->until);
	X509_CRL_get0_signature(crl, NULL, &alg);
	put_signature(alg, out->signature, sizeof(out->signature));
	AUTHORITY_KEYID_free(akid);
	ASN1_INTEGER_free(number);
	ERR_clear_error();
	return ok != 1 ? CR_E_NOMEM : out->from[0] ? CR_OK : CR_E_MALFORMED;
}

void cr_cert_file_name(const struct cr_cert_info *info, char out[80])
{
	const char *key = info->key_id[0] ? info->key_id : "nokeyid";

	if (info->kind == CR_CERT_DEFECTS)
		snprintf(out, 80, "%s-dfl-%.10s-%.12s.dfl", info->state[0] ? info->state : "unsigned",
			 info->from[0] ? info->from : "undated", info->fingerprint);
	else if (info->kind == CR_CERT_CRL)
		snprintf(out, 80, "%s-crl-%.16s-%.10s-%.12s.crl", info->state, key, info->from,
			 info->fingerprint);
	else
		snprintf(out, 80, "%s-%.16s-%.16s-%.12s.cer", info->state, key,
			 info->serial[0] ? info->serial : "0", info->fingerprint);
}
