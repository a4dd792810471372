// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
#include <cardring/error.h>
#include "eid/rule.h"
#include "eid/security_info.h"
#include "iso7816/tlv.h"

/* DER tags */
#define INTEGER		0x02
#define BIT_STRING	0x03
#define OCTET_STRING	0x04
#define OID		0x06
#define SEQUENCE	0x30
#define SET		0x31

/* bsi-de protocols smartcard: 0.4.0.127.0.7.2.2, then the kind */
static const uint8_t smartcard[] = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02 };
enum { KIND_PK = 1, KIND_TA = 2, KIND_CA = 3, KIND_PACE = 4 };
/* 2.23.136.1.1.5, id-icao-mrtd-security-aaProtocolObject */
static const uint8_t oid_aa[] = { 0x67, 0x81, 0x08, 0x01, 0x01, 0x05 };

/* infos of EF.CardAccess, DG14 or EF.CardSecurity that are compared: those of PACE, and with the other protocols' */
#define PACE_COMPARED_MAX	(CR_PACE_MAX + CR_INFOS_MAX)
#define COMPARED_MAX		(PACE_COMPARED_MAX + 3 * CR_INFOS_MAX)

static bool is_oid(const struct cr_tlv *t, const uint8_t *oid, size_t len)
{
	return t->tag == OID && t->len == len && !memcmp(t->val, oid, len);
}

/* A small non-negative INTEGER. */
static int small_integer(const struct cr_tlv *t, int *out)
{
	if (t->tag != INTEGER || !t->len || t->len > 3 || t->val[0] & 0x80)
		return CR_E_MALFORMED;
	*out = 0;
	for (size_t i = 0; i < t->len; i++)
		*out = *out << 8 | t->val[i];
	return 0;
}

/* What is left in a SEQUENCE: at most max elements. Their count, or CR_E_MALFORMED. */
static int elements(const uint8_t *p, size_t n, struct cr_tlv *out, int max)
{
	int r, count = 0;
	struct cr_tlv t;

	while ((r = cr_tlv_next(&p, &n, &t)) > 0) {
		if (count == max)
			return CR_E_MALFORMED;
		out[count++] = t;
	}
	return r < 0 ? CR_E_MALFORMED : count;
}

/* SEQUENCE { id-icao-mrtd-security-aaProtocolObject, version 1, signatureAlgorithm OID } */
static int aa_info(const struct cr_tlv *el, int count, struct cr_security_infos *si)
{
	/* TR-03111, 5.2.1: ecdsa-plain-signatures; X9.62 has names of its own for the same digests */
	static const uint8_t plain[] = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x01, 0x01, 0x04, 0x01 };
	static const uint8_t x962[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03 };
	static const uint8_t x962_sha1[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01 };
	static const char *const digests[] = { "SHA1", "SHA224", "SHA256", "SHA384", "SHA512" };
	const struct cr_tlv *alg = &el[2];
	int version, n = -1;

	if (count < 2 || small_integer(&el[1], &version))
		return CR_E_MALFORMED;
	si->active_authentication = true;
	if (count < 3 || alg->tag != OID)
		return 0;
	if (alg->len == sizeof(plain) + 1 && !memcmp(alg->val, plain, sizeof(plain)))
		n = alg->val[sizeof(plain)] - 1;
	else if (alg->len == sizeof(x962) + 1 && !memcmp(alg->val, x962, sizeof(x962)))
		n = alg->val[sizeof(x962)];
	else if (is_oid(alg, x962_sha1, sizeof(x962_sha1)))
		n = 0;
	if (n >= 0 && (size_t)n < sizeof(digests) / sizeof(*digests))
		si->aa_digest = digests[n];
	else
		si->aa_unknown = true;
	return 0;
}

/* The last arc says the cipher: 1 3DES, 2 to 4 AES (A.1.1.1, A.1.1.2). */
static int protocol_oid(const struct cr_tlv *oid, struct cr_protocol_oid *out)
{
	uint8_t last = oid->val[9];

	if (last < 1 || last > 4)
		return CR_E_UNSUPPORTED;
	memcpy(out->oid, oid->val, sizeof(out->oid));
	out->cipher = (enum cr_cipher)(CR_3DES + last - 1);
	return 0;
}

/* SEQUENCE { protocol, version INTEGER, third INTEGER OPTIONAL } */
static int version_and_id(const struct cr_tlv *el, int count, int *version, int *id)
{
	int err;

	*id = -1;
	if (count < 2 || count > 3)
		return CR_E_MALFORMED;
	err = small_integer(&el[1], version);
	if (!err && count == 3)
		err = small_integer(&el[2], id);
	return err;
}

/* An AlgorithmIdentifier's domain parameters; *known: of a kind that we know. */
static int domain_of(const struct cr_tlv *identifier, bool *known, struct cr_domain *out)
{
	struct cr_tlv part[2];

	if (identifier->tag != SEQUENCE ||
	    elements(identifier->val, identifier->len, part, 2) != 2 || part[0].tag != OID)
		return CR_E_MALFORMED;
	*known = cr_domain_parse(&part[0], &part[1], out);
	return 0;
}

/* SEQUENCE { protocol, domainParameter AlgorithmIdentifier, parameterId INTEGER OPTIONAL } */
static int pace_parameters(const struct cr_tlv *el, int count, bool ecdh, enum cr_mapping mapping,
			   struct cr_security_infos *si)
{
	struct cr_pace_parameters p = { .ecdh = ecdh, .mapping = mapping, .parameter_id = -1 };
	int err;

	if (count < 2 || count > 3 || si->n_pace_parameters == CR_INFOS_MAX)
		return CR_E_MALFORMED;
	err = domain_of(&el[1], &p.known, &p.domain);
	if (!err && count == 3)
		err = small_integer(&el[2], &p.parameter_id);
	if (!err)
		si->pace_parameters[si->n_pace_parameters++] = p;
	return err;
}

static int pace_info(const struct cr_tlv *el, int count, struct cr_security_infos *si)
{
	/* the arc behind id-PACE: DH-GM, ECDH-GM, DH-IM, ECDH-IM, (not assigned), ECDH-CAM */
	static const struct {
		bool known, ecdh;
		enum cr_mapping mapping;
	} kinds[] = {
		[1] = { true, false, CR_GM }, [2] = { true, true, CR_GM },
		[3] = { true, false, CR_IM }, [4] = { true, true, CR_IM },
		[6] = { true, true, CR_CAM },
	};
	struct cr_pace_info info = { 0 };
	uint8_t arc = el[0].val[8];
	int err;

	if (arc >= sizeof(kinds) / sizeof(*kinds) || !kinds[arc].known) {
		si->unknown++;
		return 0;
	}
	if (el[0].len == 9) /* PACEDomainParameterInfo has no cipher in its identifier */
		return pace_parameters(el, count, kinds[arc].ecdh, kinds[arc].mapping, si);
	if (protocol_oid(&el[0], &info.protocol) ||
	    (kinds[arc].mapping == CR_CAM && info.protocol.cipher == CR_3DES)) {
		si->unknown++;
		return 0;
	}
	info.protocol.ecdh = kinds[arc].ecdh;
	info.mapping = kinds[arc].mapping;
	err = version_and_id(el, count, &info.version, &info.parameter_id);
	if (err || si->n_pace == CR_PACE_MAX)
		return CR_E_MALFORMED;
	si->pace[si->n_pace++] = info;
	return 0;
}

static int unknown_ca(struct cr_security_infos *si)
{
	si->unknown++;
	si->ca_unknown = true;
	return 0;
}

/* ChipAuthenticationDomainParameterInfo ::= SEQUENCE { protocol, domainParameter, keyId OPTIONAL } */
static int ca_parameters(const struct cr_tlv *el, int count, bool ecdh, struct cr_security_infos *si)
{
	struct cr_ca_parameters p = { .ecdh = ecdh, .key_id = -1 };
	int err;

	if (count < 2 || count > 3 || si->n_ca_parameters == CR_INFOS_MAX)
		return CR_E_MALFORMED;
	err = domain_of(&el[1], &p.known, &p.domain);
	if (!err && count == 3)
		err = small_integer(&el[2], &p.key_id);
	if (!err)
		si->ca_parameters[si->n_ca_parameters++] = p;
	return err;
}

static int ca_info(const struct cr_tlv *el, int count, struct cr_security_infos *si)
{
	struct cr_ca_info info = { 0 };
	uint8_t arc = el[0].val[8];
	int err;

	if (arc < 1 || arc > 2)
		return unknown_ca(si);
	if (el[0].len == 9)
		return ca_parameters(el, count, arc == 2, si);
	if (protocol_oid(&el[0], &info.protocol))
		return unknown_ca(si);
	info.protocol.ecdh = arc == 2;
	err = version_and_id(el, count, &info.version, &info.key_id);
	if (err || si->n_ca == CR_INFOS_MAX)
		return CR_E_MALFORMED;
	si->ca[si->n_ca++] = info;
	return 0;
}

/* BIT STRING: a point, or in a prime field a DER INTEGER. */
static int key_bits(const struct cr_tlv *bits, struct cr_ca_key *key)
{
	const uint8_t *p = bits->val + 1;
	size_t len = bits->len - 1;
	struct cr_tlv y;

	if (!key->domain.ec) {
		if (cr_tlv_parse_all(p, len, &y) || y.tag != INTEGER || !y.len || y.val[0] & 0x80)
			return CR_E_MALFORMED;
		for (p = y.val, len = y.len; len > 1 && !*p; p++)
			len--;
	}
	if (key->domain.ec ? len != cr_domain_element_len(&key->domain)
			   : len > cr_domain_element_len(&key->domain))
		return CR_E_MALFORMED;
	key->len = len;
	memcpy(key->public_key, p, len);
	return 0;
}

/* SubjectPublicKeyInfo ::= SEQUENCE { SEQUENCE { algorithm, parameters }, BIT STRING } */
static int public_key(const struct cr_tlv *spki, struct cr_ca_key *key)
{
	struct cr_tlv part[2];
	int err;

	if (spki->tag != SEQUENCE || elements(spki->val, spki->len, part, 2) != 2 ||
	    part[1].tag != BIT_STRING || part[1].len < 2 || part[1].val[0] != 0)
		return CR_E_MALFORMED;
	err = domain_of(&part[0], &key->usable, &key->domain);
	if (err || !key->usable)
		return err;
	key->usable = key->domain.ec == key->ecdh;
	return key->usable ? key_bits(&part[1], key) : 0;
}

/*
 * ChipAuthenticationPublicKeyInfo ::= SEQUENCE { id-PK-DH or -ECDH, SubjectPublicKeyInfo, keyId
 * OPTIONAL }
 */
static int ca_key(const struct cr_tlv *el, int count, struct cr_security_infos *si)
{
	struct cr_ca_key key = { .key_id = -1 };
	uint8_t arc = el[0].val[8];
	int err = 0;

	if (el[0].len != 9 || arc < 1 || arc > 2)
		return unknown_ca(si);
	if (count < 2 || count > 3 || si->n_ca_key == CR_INFOS_MAX)
		return CR_E_MALFORMED;
	key.ecdh = arc == 2;
	if (count == 3)
		err = small_integer(&el[2], &key.key_id);
	if (!err)
		err = public_key(&el[1], &key);
	if (!err)
		si->ca_key[si->n_ca_key++] = key;
	return err;
}

/*
 * TerminalAuthenticationInfo ::= SEQUENCE { OID, version INTEGER, efCVCA FileID OPTIONAL }; FileID ::=
 * SEQUENCE { fid OCTET STRING, sfid OCTET STRING OPTIONAL } (A.1.1.3)
 */
static int ta_info(const struct cr_tlv *el, int count, struct cr_security_infos *si)
{
	struct cr_tlv file[2];
	int version, n = 0;

	si->terminal_authentication = true;
	si->terminal_2 |= !small_integer(&el[1], &version) && version == 2;
	if (count > 2 && el[2].tag == SEQUENCE)
		n = elements(el[2].val, el[2].len, file, 2);
	if (n < 1 || file[0].tag != OCTET_STRING || file[0].len != 2)
		return 0;
	si->cvca = (uint16_t)(file[0].val[0] << 8 | file[0].val[1]);
	if (n == 2 && file[1].tag == OCTET_STRING && file[1].len == 1 && *file[1].val < 0x1f)
		si->cvca_sfi = *file[1].val;
	return 0;
}

static int one_info(const struct cr_tlv *info, struct cr_security_infos *si)
{
	struct cr_tlv el[4];
	int count;

	/* SecurityInfo ::= SEQUENCE { protocol OID, requiredData ANY, optionalData ANY OPTIONAL } */
	if (info->tag != SEQUENCE)
		return CR_E_MALFORMED;
	count = elements(info->val, info->len, el, 4);
	if (count < 2 || el[0].tag != OID)
		return CR_E_MALFORMED;
	if (is_oid(&el[0], oid_aa, sizeof(oid_aa)))
		return aa_info(el, count, si);
	if (el[0].len < 8 || memcmp(el[0].val, smartcard, sizeof(smartcard)))
		goto unknown;
	if (el[0].len < 9 || el[0].len > 10) {
		if (el[0].val[7] == KIND_PK || el[0].val[7] == KIND_CA)
			return unknown_ca(si);
		if (el[0].val[7] != KIND_TA || el[0].len > 10)
			goto unknown;
	}
	if (el[0].val[7] == KIND_TA)
		return ta_info(el, count, si);
	switch (el[0].val[7]) {
	case KIND_PK:
		return ca_key(el, count, si);
	case KIND_CA:
		return ca_info(el, count, si);
	case KIND_PACE:
		return pace_info(el, count, si);
	}
unknown:
	si->unknown++;
	return 0;
}

/*
 * Which parameters a PACEInfo means: those of the issuer's own with its number (or the first, where it
 * has none), else the standardized ones with it (TR-03110-3, A.1.1.1).
 */
static void find_domain(const struct cr_security_infos *si, struct cr_pace_info *info)
{
	for (size_t i = 0; i < si->n_pace_parameters && !info->usable; i++) {
		const struct cr_pace_parameters *p = &si->pace_parameters[i];

		if (!p->known || p->ecdh != info->protocol.ecdh || p->mapping != info->mapping ||
		    (info->parameter_id >= 0 && p->parameter_id != info->parameter_id))
			continue;
		info->usable = true;
		info->domain = p->domain;
	}
	if (!info->usable)
		info->usable = cr_domain_by_id(info->parameter_id, &info->domain);
	/* table 4: secp224r1 cannot be used with the integrated mapping */
	if (info->version != 2 || info->domain.ec != info->protocol.ecdh ||
	    (info->mapping == CR_IM && info->domain.id == 10))
		info->usable = false;
}

int cr_security_infos_parse(const uint8_t *data, size_t len, struct cr_security_infos *out)
{
	struct cr_tlv set, info;
	const uint8_t *p;
	size_t n;
	int r;

	memset(out, 0, sizeof(*out));
	out->cvca = 0x011c;	/* where it is not told (A.6.2.2) */
	if (cr_tlv_parse_all(data, len, &set) || set.tag != SET)
		return CR_E_MALFORMED;
	p = set.val;
	n = set.len;
	while ((r = cr_tlv_next(&p, &n, &info)) > 0) {
		r = one_info(&info, out);
		if (r)
			break;
	}
	if (!CR_RULE(security_infos_form, !r))
		return r;
	for (size_t i = 0; i < out->n_pace; i++)
		find_domain(out, &out->pace[i]);
	return 0;
}

int cr_security_infos_dg14(const uint8_t *data, size_t len, const uint8_t **set, size_t *set_len)
{
	struct cr_tlv dg;

	if (cr_tlv_parse_all(data, len, &dg) || dg.tag != 0x6e)
		return CR_E_MALFORMED;
	*set = dg.val;
	*set_len = dg.len;
	return 0;
}

#define KINDS(kind)	(1U << (kind))

/* The infos of these kinds in a SET: how many, or CR_E_MALFORMED, also for more than max. */
static int infos_of(const uint8_t *data, size_t len, unsigned int kinds, struct cr_tlv *out, int max)
{
	struct cr_tlv set, info, oid;
	const uint8_t *p;
	int r, count = 0;
	size_t n;

	if (cr_tlv_parse_all(data, len, &set) || set.tag != SET)
		return CR_E_MALFORMED;
	p = set.val;
	n = set.len;
	while ((r = cr_tlv_next(&p, &n, &info)) > 0) {
		if (info.tag != SEQUENCE || cr_tlv_parse(info.val, info.len, &oid) ||
		    oid.tag != OID)
			return CR_E_MALFORMED;
		if (oid.len < 8 || memcmp(oid.val, smartcard, sizeof(smartcard)) || oid.val[7] > KIND_PACE ||
		    !(kinds & KINDS(oid.val[7])) || (oid.val[7] == KIND_PACE && oid.len < 9))
			continue;
		if (count == max)
			return CR_E_MALFORMED;
		out[count++] = info;
	}
	return r ? r : count;
}

/* Whether each of a is one of b, byte for byte. */
static bool all_in(const struct cr_tlv *a, int n_a, const struct cr_tlv *b, int n_b)
{
	int i, k;

	for (i = 0; i < n_a; i++) {
		for (k = 0; k < n_b; k++)
			if (a[i].len == b[k].len && !memcmp(a[i].val, b[k].val, a[i].len))
				break;
		if (k == n_b)
			return false;
	}
	return true;
}

enum cr_infos_agreement cr_security_infos_match(const uint8_t *access, size_t access_len,
						const uint8_t *set, size_t set_len)
{
	const unsigned int all = KINDS(KIND_PACE) | KINDS(KIND_CA) | KINDS(KIND_TA);
	struct cr_tlv a[COMPARED_MAX], s[COMPARED_MAX];
	int n_a = infos_of(access, access_len, all, a, COMPARED_MAX);
	int n_s = infos_of(set, set_len, all, s, COMPARED_MAX);

	if (n_a < 0 || n_s < 0)
		return CR_INFOS_MALFORMED;
	return all_in(a, n_a, s, n_s) ? cr_security_infos_agree(access, access_len, set, set_len) : CR_INFOS_DIFFER;
}

enum cr_infos_agreement cr_security_infos_agree(const uint8_t *access, size_t access_len,
						const uint8_t *dg14_set, size_t set_len)
{
	struct cr_tlv a[PACE_COMPARED_MAX], d[PACE_COMPARED_MAX];
	int n_a = infos_of(access, access_len, KINDS(KIND_PACE), a, PACE_COMPARED_MAX);
	int n_d = infos_of(dg14_set, set_len, KINDS(KIND_PACE), d, PACE_COMPARED_MAX);

	if (n_a < 0 || n_d < 0)
		return CR_INFOS_MALFORMED;
	if (n_a && !n_d)
		return CR_INFOS_SILENT;
	if (!all_in(a, n_a, d, n_d))
		return CR_INFOS_DIFFER;
	return all_in(d, n_d, a, n_a) ? CR_INFOS_AGREE : CR_INFOS_LEFT_OUT;
}
