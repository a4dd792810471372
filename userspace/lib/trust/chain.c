/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chain: document signer, CSCA (ICAO 9303-12, 7.1). No I/O.
 *
 * Every certificate authority's certificate in the trust store is trusted as it is, also one that
 * another key signed (a link certificate: TR-03135-1, 5.6.3.2). The usual chain has two
 * certificates; a document may bring link certificates that lead from a newer CSCA to the trusted
 * one.
 *
 * States publish one key in several certificates: signed by itself, and links that end with the
 * older key that signed them (RFC 4210, 4.4). One path that is valid suffices (RFC 5280, 6.1), so
 * of all that verify the best is taken: see better().
 *
 * When no trusted key verifies the signer's certificate, this is what can be said (TR-03135-1,
 * 5.6.3.2 with its rule for searches by name):
 *
 * - no trusted issuer has the name or the key identifier that it states: unknown, undetermined;
 * - it states the key identifier of a trusted key: whoever signed it did not have that key: failed;
 * - it states the name of a trusted issuer and no key identifier, which every state puts there
 *   (9303-12, 7.1.1): all keys of that name are known here, and none of them signed it: failed;
 * - it states the name of a trusted issuer and the identifier of a key that is not here: an
 *   impostor, or a state that changed its key after the trust store was made. States keep their
 *   name then (of 252 CSCA keys that followed another of the same name in a master list of 2026,
 *   211 did within five years, most while the older one was still in use), so under last year's
 *   list every new genuine document looks like this. What tells them apart is the revocation list,
 *   which a state signs anew at least every 90 days, with its newest key (9303-12, 7.1.4, 4.2):
 *   where a list that is current at now is signed by a key that is trusted, and the certificate
 *   claims to be older than the list, the state had no other key: failed. Without such a list
 *   nothing contradicts it, and nothing may call its holder a forger: undetermined.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include "eid/rule.h"
#include "cert.h"
#include "sigalg.h"
#include "chain.h"
#include "signer_form.h"

/* Certificates of one document that are tried as issuer of another. */
#define MAX_TRIES	16

__attribute__((format(printf, 3, 4)))
static void end(struct cr_chain *c, enum cr_result r, const char *why, ...)
{
	va_list ap;

	c->result = r;
	va_start(ap, why);
	vsnprintf(c->why, sizeof(c->why), why, ap);
	va_end(ap);
}

static void issuer_name(const X509 *cert, char *out, int size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (bio) {
		X509_NAME_print_ex(bio, X509_get_issuer_name(cert), 0, XN_FLAG_RFC2253);
		n = BIO_read(bio, out, size - 1);
	}
	out[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

/* ---- Names: what is taken of issuers whose certificates do not agree to the letter ---- */

static bool same_entry(X509_NAME_ENTRY *a, X509_NAME_ENTRY *b)
{
	X509_NAME *x, *y;
	bool same;

	if (OBJ_cmp(X509_NAME_ENTRY_get_object(a), X509_NAME_ENTRY_get_object(b)))
		return false;
	x = X509_NAME_new();
	y = X509_NAME_new();
	same = x && y && X509_NAME_add_entry(x, a, -1, 0) == 1 &&
	       X509_NAME_add_entry(y, b, -1, 0) == 1 && !X509_NAME_cmp(x, y);
	X509_NAME_free(x);
	X509_NAME_free(y);
	return same;
}

/* The same attributes, each once, in whatever order. */
static bool same_but_for_order(const X509_NAME *a, const X509_NAME *b)
{
	int n = X509_NAME_entry_count(a), i, k;
	uint32_t used = 0;

	if (n > 32 || n != X509_NAME_entry_count(b))
		return false;
	for (i = 0; i < n; i++) {
		for (k = 0; k < n; k++) {
			if (!(used & 1U << k) &&
			    same_entry(X509_NAME_get_entry(a, i), X509_NAME_get_entry(b, k)))
				break;
		}
		if (k == n)
			return false;
		used |= 1U << k;
	}
	return true;
}

/* Names of one issuer, whichever of its certificates and lists they are from. */
static bool same_issuer(const X509_NAME *a, const X509_NAME *b)
{
	return !X509_NAME_cmp(a, b) || same_but_for_order(a, b);
}

/*
 * X509_NAME_cmp() compares as RFC 5280, 7.1 says: string types, letter case and spaces make no
 * difference. What it took or did not take by that is said. NULL: the names are the same, byte by
 * byte.
 */
static const char *name_deviation(X509_NAME *issuer, X509_NAME *subject)
{
	const unsigned char *a, *b;
	size_t n, m;

	if (X509_NAME_cmp(issuer, subject))
		return "the issuer's name has its parts in another order";
	if (X509_NAME_get0_der(issuer, &a, &n) == 1 && X509_NAME_get0_der(subject, &b, &m) == 1 &&
	    (n != m || memcmp(a, b, n)))
		return "the issuer's name differs in letter case, spaces or string types";
	return NULL;
}

/*
 * A list with a critical extension says something that is not understood, except what RFC 5280 asks
 * for.
 */
static bool list_is_understood(X509_CRL *crl, bool *partial)
{
	X509_EXTENSION *e;
	int i, nid;

	*partial = false;
	for (i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		e = X509_CRL_get_ext(crl, i);
		nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));
		if (nid == NID_issuing_distribution_point || nid == NID_delta_crl)
			*partial = true;
		else if (X509_EXTENSION_get_critical(e) && nid != NID_authority_key_identifier &&
			 nid != NID_crl_number)
			return false;
	}
	return true;
}

bool cr_crl_is_complete(X509_CRL *crl)
{
	bool partial;

	return list_is_understood(crl, &partial) && !partial;
}

/*
 * Any trusted key of the issuer's name that may sign lists: they are by the CSCA's newest key
 * (9303-12, 7.1.4).
 */
bool cr_crl_is_trusted(X509_CRL *crl, const cr_trust_t *trust)
{
	X509 *ca;
	int i;

	for (i = 0; i < sk_X509_num(trust->certs); i++) {
		ca = sk_X509_value(trust->certs, i);
		if (same_issuer(X509_get_subject_name(ca), X509_CRL_get_issuer(crl)) &&
		    cr_cert_is_authority(ca, true) && X509_get_key_usage(ca) & KU_CRL_SIGN &&
		    X509_get0_pubkey(ca) && cr_crl_signed_by(crl, X509_get0_pubkey(ca)) == 1)
			return true;
	}
	return false;
}

/* At now; a list without nextUpdate, which 9303-12 does not allow, is never. */
static bool list_is_current(const X509_CRL *crl, time_t now)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

	return X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &now) < 0 && next &&
	       X509_cmp_time(next, &now) > 0;
}

/*
 * See above: the issuer's list of today is by a trusted key, and the certificate claims to be older
 * than it.
 */
static bool newest_key_is_trusted(const X509 *cert, const cr_trust_t *trust, time_t now)
{
	X509_CRL *crl;
	int i;

	for (i = 0; i < sk_X509_CRL_num(trust->crls); i++) {
		crl = sk_X509_CRL_value(trust->crls, i);
		if (same_issuer(X509_CRL_get_issuer(crl), X509_get_issuer_name(cert)) &&
		    list_is_current(crl, now) && cr_crl_is_complete(crl) &&
		    ASN1_TIME_compare(X509_get0_notBefore(cert),
				      X509_CRL_get0_lastUpdate(crl)) < 0 &&
		    cr_crl_is_trusted(crl, trust))
			return true;
	}
	return false;
}

/*
 * TR-03135-1, 5.6.3.2: the moment of checking lies in the validity of the signer's and the
 * issuer's certificates. States issue them to outlive the documents (9303-12, 4.2), so a document
 * that is valid has a valid chain; signingTime is not used: whoever could forge the signature could
 * forge the time.
 */
static enum cr_result validity(X509 *cert, const char *which, time_t now, char *why)
{
	int from = X509_cmp_time(X509_get0_notBefore(cert), &now);
	int to = X509_cmp_time(X509_get0_notAfter(cert), &now);

	if (!from || !to)
		snprintf(why, 160, "%s certificate has a malformed validity", which);
	else if (from > 0 || to < 0)
		snprintf(why, 160, "%s certificate %s", which, from > 0 ? "is not valid yet" : "has expired");
	else
		return CR_SUCCESSFUL;
	return CR_FAILED;
}

/* ---- Which of the trusted certificates of one key ---- */

/* It says that its own key signed it, and that did not. */
static bool is_damaged(X509 *ca)
{
	return !X509_NAME_cmp(X509_get_subject_name(ca), X509_get_issuer_name(ca)) &&
	       cr_cert_same_key_id(ca, ca) != 0 && cr_x509_signed_by(ca, X509_get0_pubkey(ca)) != 1;
}

static bool is_compromise(const X509_REVOKED *entry)
{
	ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
	long r = reason ? ASN1_ENUMERATED_get(reason) : CRL_REASON_UNSPECIFIED;

	ASN1_ENUMERATED_free(reason);
	return r == CRL_REASON_KEY_COMPROMISE || r == CRL_REASON_CA_COMPROMISE;
}

/* Whether a list of its issuer has it. *compromise: because others have its key, RFC 5280, 5.3.1. */
static bool is_revoked(X509 *ca, const cr_trust_t *trust, bool *compromise)
{
	bool partial, revoked = false;
	X509_REVOKED *entry;
	X509_CRL *crl;

	*compromise = false;
	for (int i = 0; i < sk_X509_CRL_num(trust->crls); i++) {
		crl = sk_X509_CRL_value(trust->crls, i);
		if (!same_issuer(X509_CRL_get_issuer(crl), X509_get_issuer_name(ca)) ||
		    X509_CRL_get0_by_serial(crl, &entry, X509_get0_serialNumber(ca)) != 1 ||
		    !list_is_understood(crl, &partial) || !cr_crl_is_trusted(crl, trust))
			continue;
		revoked = true;
		*compromise |= is_compromise(entry);
	}
	return revoked;
}

/*
 * How much speaks for it. A list revokes one certificate, and every one of its key only where it gives the reason
 * that others have the key (RFC 5280, 5.3.1); most lists give none (9303-12, table 10).
 */
static unsigned int merit(X509 *ca, const cr_trust_t *trust, time_t now)
{
	char why[160];
	bool compromise, revoked = is_revoked(ca, trust, &compromise);

	if (compromise)
		return 8;
	return (X509_get_extension_flags(ca) & EXFLAG_CRITICAL || is_damaged(ca) ? 0 : 4) + (revoked ? 0 : 2) +
	       (validity(ca, "", now, why) == CR_SUCCESSFUL);
}

/* Of two certificates of one key. Where they are equals, the one that ends later. */
static bool better(X509 *a, X509 *b, const cr_trust_t *trust, time_t now)
{
	unsigned int m = merit(a, trust, now), n = merit(b, trust, now);

	return m > n || (m == n && ASN1_TIME_compare(X509_get0_notAfter(a), X509_get0_notAfter(b)) == 1);
}

/* The trusted certificate that signed the chain's last one. */
static void anchor(struct cr_chain *c, X509 *ca)
{
	const char *deviation = name_deviation(X509_get_issuer_name(c->cert[c->n - 1]), X509_get_subject_name(ca));

	if (!deviation && X509_check_ca(ca) != 1)
		deviation = "the issuer's certificate does not say that it is one of an authority";
	c->cert[c->n++] = ca;
	c->anchored = true;
	end(c, CR_SUCCESSFUL, "%s", deviation ? deviation : "");
}

/*
 * Looks for the trusted issuer of the chain's last certificate. False: there is none, go on
 * looking.
 */
static bool find_trusted(struct cr_chain *c, const cr_trust_t *trust, time_t now)
{
	bool impostor = false, renamed = false, unsupported = false, other_key = false;
	X509 *cert = c->cert[c->n - 1], *best = NULL, *ca;
	int i, by_name, by_key, ok;

	for (i = 0; trust && i < sk_X509_num(trust->certs); i++) {
		ca = sk_X509_value(trust->certs, i);
		by_name = !X509_NAME_cmp(X509_get_subject_name(ca), X509_get_issuer_name(cert));
		by_key = cr_cert_same_key_id(cert, ca);
		if ((!by_name && by_key != 1) || !cr_cert_is_authority(ca, true) ||
		    !X509_get0_pubkey(ca))
			continue;
		ok = cr_x509_signed_by(cert, X509_get0_pubkey(ca));
		if (ok == 1 && CR_RULE(issuer_name, same_issuer(X509_get_subject_name(ca),
							X509_get_issuer_name(cert)))) {
			if (!best || better(ca, best, trust, now))
				best = ca;
			continue;
		}
		if (ok < 0)
			unsupported = true;
		else if (ok == 1)
			renamed = true;
		else if (by_key == 1 || !X509_get0_authority_key_id(cert))
			impostor = true;
		else
			other_key = true;
	}
	ERR_clear_error();
	if (best)
		anchor(c, best);
	else if (unsupported)
		end(c, CR_UNDETERMINED,
		    "a certificate's signature algorithm is not one that documents may use");
	else if (impostor)
		end(c, CR_FAILED,
		    "the signer claims a trusted issuer whose key did not sign its certificate");
	else if (renamed)
		end(c, CR_UNDETERMINED,
		    "a trusted key signed the certificate under another issuer's name");
	else if (other_key)
		c->claims_name = true;	/* perhaps a link certificate leads there */
	return best || unsupported || impostor || renamed;
}

/* The next certificate up among those that the document brought: verified, but not trusted. */
static X509 *find_embedded(const struct cr_chain *c, STACK_OF(X509) *embedded)
{
	X509 *cert = c->cert[c->n - 1], *ca;
	int i, k, tries = 0;

	for (i = 0; i < sk_X509_num(embedded) && tries < MAX_TRIES; i++) {
		ca = sk_X509_value(embedded, i);
		for (k = 0; k < c->n; k++) {
			if (!X509_cmp(c->cert[k], ca))
				break;
		}
		if (k < c->n ||
		    X509_NAME_cmp(X509_get_subject_name(ca), X509_get_issuer_name(cert)) ||
		    !cr_cert_is_authority(ca, false) || !X509_get0_pubkey(ca))
			continue;
		tries++;
		if (cr_x509_signed_by(cert, X509_get0_pubkey(ca)) == 1)
			return ca;
	}
	return NULL;
}

/* What is wrong with the signer's certificate for that purpose; NULL: nothing. */
static const char *check_purpose(X509 *cert, enum cr_chain_purpose purpose)
{
	if (purpose == CR_CHAIN_MASTER_LIST)
		return cr_cert_signs_master_lists(cert) ? NULL :
		       "the signer's certificate is not for master lists";
	if (purpose == CR_CHAIN_DEFECT_LIST)
		return cr_cert_signs_defect_lists(cert) ? NULL :
		       "the signer's certificate is not for defect lists";
	return cr_cert_purpose(cert) == CR_PURPOSE_OTHER ?
	       "the signer's certificate is not for documents" : NULL;
}

/* What is wrong with it; NULL: nothing. */
static const char *check_extensions(X509 *cert, bool is_signer, enum cr_chain_purpose purpose)
{
	uint32_t flags = X509_get_extension_flags(cert);

	if (flags & EXFLAG_CRITICAL)
		return "a certificate has a critical extension that is not known";
	/* X509_get_key_usage() says UINT32_MAX where the extension is not there. */
	if (is_signer && !CR_RULE(signer_key_usage, X509_get_key_usage(cert) & KU_DIGITAL_SIGNATURE))
		return "the signer's certificate is not for signatures";
	if (is_signer && (flags & EXFLAG_CA))
		return "the signer's certificate is that of an authority";
	if (is_signer && check_purpose(cert, purpose))
		return check_purpose(cert, purpose);
	/* A trusted certificate is trusted as it is, whatever else OpenSSL dislikes in it. */
	if (is_signer && (flags & EXFLAG_INVALID))
		return "the signer's certificate has a malformed extension";
	return NULL;
}

/* There is no way up from the chain's last certificate. */
static void end_unanchored(struct cr_chain *c, const cr_trust_t *trust, time_t now)
{
	X509 *last = c->cert[c->n - 1];
	char name[110];

	if (c->claims_name && newest_key_is_trusted(last, trust, now)) {
		end(c, CR_FAILED,
		    "the signer claims a trusted issuer that had no other key than those known");
		return;
	}
	issuer_name(last, name, sizeof(name));
	end(c, CR_UNDETERMINED,
	    c->claims_name ? "the trusted certificates of this issuer are of other keys: %s"
			   : "no trusted issuer certificate for %s",
	    name);
}

static bool same_part(X509_NAME *a, X509_NAME *b, int nid)
{
	int i = X509_NAME_get_index_by_NID(a, nid, -1), k = X509_NAME_get_index_by_NID(b, nid, -1);

	return i >= 0 && k >= 0 && same_entry(X509_NAME_get_entry(a, i), X509_NAME_get_entry(b, k));
}

/*
 * pathLenConstraint, RFC 5280, 4.2.1.9: it counts the authorities below. A CSCA has 0 (9303-12,
 * 7.1.1), and yet a link certificate stands below it: that is the same authority with a new key, of
 * the same state and organization, and does not count.
 */
static bool is_too_long(const struct cr_chain *c)
{
	X509_NAME *subject, *issuer;
	int i, below = 0;
	long most;

	for (i = 2; i < c->n; i++) {
		subject = X509_get_subject_name(c->cert[i - 1]);
		issuer = X509_get_subject_name(c->cert[i]);
		if (!same_part(subject, issuer, NID_countryName) ||
		    !same_part(subject, issuer, NID_organizationName))
			below++;
		most = X509_get_pathlen(c->cert[i]);
		if (most >= 0 && below > most)
			return true;
	}
	return false;
}

void cr_chain_build(X509 *signer, STACK_OF(X509) *embedded, const cr_trust_t *trust, time_t now,
		    struct cr_chain *c)
{
	cr_chain_build_for(CR_CHAIN_DOCUMENT, signer, embedded, trust, now, c);
}

void cr_chain_build_for(enum cr_chain_purpose purpose, X509 *signer, STACK_OF(X509) *embedded,
			const cr_trust_t *trust, time_t now, struct cr_chain *c)
{
	const char *bad;
	X509 *next;
	int i;

	memset(c, 0, sizeof(*c));
	c->cert[c->n++] = signer;
	X509_check_purpose(signer, -1, 0);
	while (!find_trusted(c, trust, now)) {
		next = c->n < CR_CHAIN_MAX - 1 ? find_embedded(c, embedded) : NULL;
		if (!next) {
			end_unanchored(c, trust, now);
			break;
		}
		c->cert[c->n++] = next;
		c->claims_name = false;
	}
	ERR_clear_error();
	for (i = 0; i < c->n && c->result != CR_FAILED; i++) {
		bad = check_extensions(c->cert[i], i == 0, purpose);
		if (bad)
			end(c, CR_FAILED, "%s", bad);
	}
	if (c->result == CR_SUCCESSFUL && is_too_long(c))
		end(c, CR_FAILED, "an authority stands below one that allows none below itself");
	bad = purpose == CR_CHAIN_DOCUMENT ? cr_signer_form(signer) : NULL;
	if (c->result == CR_SUCCESSFUL && bad)
		end(c, CR_UNDETERMINED, "%s", bad);
	if (c->result == CR_SUCCESSFUL && purpose == CR_CHAIN_DOCUMENT &&
	    cr_cert_purpose(signer) != CR_PURPOSE_DOCUMENTS)
		end(c, CR_UNDETERMINED, "the signer's certificate is for other purposes");
	/* Damage to a file of the trust store is no evidence against the document. */
	next = c->cert[c->n - 1];
	if (c->result == CR_SUCCESSFUL && is_damaged(next))
		end(c, CR_UNDETERMINED, "the trusted issuer's own certificate is damaged");
}

enum cr_result cr_chain_signer_validity(const struct cr_chain *c, time_t now, char *why)
{
	why[0] = '\0';
	return validity(c->cert[0], "the signer's", now, why);
}

enum cr_result cr_chain_issuer_validity(const struct cr_chain *c, time_t now, char *why)
{
	why[0] = '\0';
	for (int i = 1; i < c->n; i++) {
		if (validity(c->cert[i], "the issuer's", now, why) == CR_FAILED)
			return CR_FAILED;
	}
	if (!c->anchored) {
		snprintf(why, 160, "the issuer's certificate is not known");
		return CR_UNDETERMINED;
	}
	return CR_SUCCESSFUL;
}

enum cr_result cr_chain_validity(const struct cr_chain *c, time_t now, char *why)
{
	return cr_chain_signer_validity(c, now, why) == CR_FAILED ? CR_FAILED :
	       cr_chain_issuer_validity(c, now, why);
}

/*
 * One certificate in one list of its issuer. SUCCESSFUL: it is not there, and the list is complete
 * and of today. By its number: OpenSSL's search by certificate compares the issuers' names once
 * more, and in their order.
 */
static enum cr_result look_up(X509 *cert, X509_CRL *crl, time_t now, bool partial)
{
	X509_REVOKED *entry = NULL;
	int r;

	r = X509_CRL_get0_by_serial(crl, &entry, X509_get0_serialNumber(cert));
	if (!CR_RULE(not_revoked, r != 1))
		return CR_FAILED;
	/* 2: removed from an earlier list. */
	return partial || !list_is_current(crl, now) ? CR_UNDETERMINED : CR_SUCCESSFUL;
}

enum cr_result cr_chain_revocation(const struct cr_chain *c, const cr_trust_t *trust, time_t now,
				   char *why)
{
	bool partial, old = false, current = false;
	enum cr_result r;
	X509_CRL *crl;
	int i, k;

	why[0] = '\0';
	for (i = 0; c->anchored && i < sk_X509_CRL_num(trust->crls); i++) {
		crl = sk_X509_CRL_value(trust->crls, i);
		for (k = 0; k < c->n; k++) {
			if (same_issuer(X509_CRL_get_issuer(crl),
					X509_get_issuer_name(c->cert[k])))
				break;
		}
		if (k == c->n || !list_is_understood(crl, &partial) ||
		    !cr_crl_is_trusted(crl, trust))
			continue;
		for (; k < c->n; k++) {
			if (!same_issuer(X509_CRL_get_issuer(crl),
					 X509_get_issuer_name(c->cert[k])))
				continue;
			r = look_up(c->cert[k], crl, now, partial);
			if (r == CR_FAILED) {
				snprintf(why, 160, "%s", k ? "the issuer's" : "the signer's");
				return CR_FAILED;
			}
			if (!k && r == CR_SUCCESSFUL)
				current = true;
			else if (!k)
				old = true;
		}
	}
	ERR_clear_error();
	if (current)
		return CR_SUCCESSFUL;
	snprintf(why, 160, "%s", !c->anchored ? "the issuer is not known" :
		 old ? "the issuer's revocation list is out of date" :
		 "there is no revocation list of the issuer");
	return CR_UNDETERMINED;
}
