// SPDX-License-Identifier: BSD-2-Clause
/* Domain parameters, by number and as AlgorithmIdentifiers have them: TR-03110-3, A.2.1. */
#include <string.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include "eid/group_int.h"

/* DER tags */
#define INTEGER		0x02
#define OID		0x06

/* Table 4 there; ICAO 9303-11, 9.5.1. The groups of prime fields are those of RFC 5114. */
static const struct cr_domain standardized[] = {
	{ .id = 0, .bits = 1024, .name = "modp1024-160" },
	{ .id = 1, .bits = 2048, .name = "modp2048-224" },
	{ .id = 2, .bits = 2048, .name = "modp2048-256" },
	{ .id = 8, .ec = true, .bits = 192, .nid = NID_X9_62_prime192v1, .name = "secp192r1" },
	{ .id = 9, .ec = true, .bits = 192, .nid = NID_brainpoolP192r1, .name = "brainpoolP192r1" },
	{ .id = 10, .ec = true, .bits = 224, .nid = NID_secp224r1, .name = "secp224r1" },
	{ .id = 11, .ec = true, .bits = 224, .nid = NID_brainpoolP224r1, .name = "brainpoolP224r1" },
	{ .id = 12, .ec = true, .bits = 256, .nid = NID_X9_62_prime256v1, .name = "secp256r1" },
	{ .id = 13, .ec = true, .bits = 256, .nid = NID_brainpoolP256r1, .name = "brainpoolP256r1" },
	{ .id = 14, .ec = true, .bits = 320, .nid = NID_brainpoolP320r1, .name = "brainpoolP320r1" },
	{ .id = 15, .ec = true, .bits = 384, .nid = NID_secp384r1, .name = "secp384r1" },
	{ .id = 16, .ec = true, .bits = 384, .nid = NID_brainpoolP384r1, .name = "brainpoolP384r1" },
	{ .id = 17, .ec = true, .bits = 512, .nid = NID_brainpoolP512r1, .name = "brainpoolP512r1" },
	{ .id = 18, .ec = true, .bits = 521, .nid = NID_secp521r1, .name = "secp521r1" },
};
#define N_STANDARDIZED	(sizeof(standardized) / sizeof(*standardized))

bool cr_domain_by_id(int id, struct cr_domain *out)
{
	for (size_t i = 0; i < N_STANDARDIZED; i++) {
		if (standardized[i].id == id) {
			*out = standardized[i];
			return true;
		}
	}
	return false;
}

/* What an AlgorithmIdentifier's algorithm can be. */
static const struct algorithm {
	enum { BY_NUMBER, CURVE, X942, PKCS3 } kind;
	uint8_t oid[9], len;
} algorithms[] = {
	{ BY_NUMBER, { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x01, 0x02 }, 7 },	/* standardizedDomainParameters */
	{ CURVE, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 }, 7 },	/* ecPublicKey */
	{ CURVE, { 0x2b, 0x81, 0x04, 0x01, 0x0c }, 5 },			/* ecDH */
	{ X942, { 0x2a, 0x86, 0x48, 0xce, 0x3e, 0x02, 0x01 }, 7 },	/* dhpublicnumber */
	{ PKCS3, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x03, 0x01 }, 9 },	/* dhKeyAgreement */
};

static const struct algorithm *algorithm_of(const struct cr_tlv *t)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++) {
		if (t->tag == OID && t->len == algorithms[i].len &&
		    !memcmp(t->val, algorithms[i].oid, t->len))
			return &algorithms[i];
	}
	return NULL;
}

static void explicit_set(const uint8_t *der, size_t len, bool ec, struct cr_domain *out)
{
	*out = (struct cr_domain){ .id = -1, .ec = ec, .der = der, .der_len = len,
				   .name = ec ? "explicit-EC" : "explicit-DH" };
}

/* OpenSSL recognises a curve by its numbers, generator included. */
static bool curve(const uint8_t *der, size_t len, struct cr_domain *out)
{
	const uint8_t *p = der;
	EC_GROUP *group;
	bool ok = false;
	int nid;

	ERR_set_mark();
	group = d2i_ECPKParameters(NULL, &p, (long)len);
	ERR_pop_to_mark();
	nid = group ? EC_GROUP_get_curve_name(group) : NID_undef;
	for (size_t i = 0; nid != NID_undef && i < N_STANDARDIZED && !ok; i++) {
		if (standardized[i].nid == nid) {
			*out = standardized[i];
			ok = true;
		}
	}
	if (group && !ok) {
		explicit_set(der, len, true, out);
		if (nid != NID_undef)
			out->name = OBJ_nid2sn(nid);
		out->bits = (unsigned int)EC_GROUP_get_degree(group);
		ok = true;
	}
	EC_GROUP_free(group);
	return ok;
}

static bool prime_field(const uint8_t *der, size_t len, bool pkcs3, struct cr_domain *out)
{
	struct dh_numbers n;

	if (!cr_dh_numbers(der, len, pkcs3, &n))
		return false;
	if (cr_domain_by_id(cr_dh_recognize(&n), out))
		return true;
	explicit_set(der, len, false, out);
	out->no_order = pkcs3;
	out->bits = 8 * (unsigned int)n.p_len;
	return true;
}

bool cr_domain_parse(const struct cr_tlv *algorithm, const struct cr_tlv *parameters,
		     struct cr_domain *out)
{
	const struct algorithm *a = algorithm_of(algorithm);
	const uint8_t *der = parameters->val - (parameters->total - parameters->len);

	if (!a)
		return false;
	switch (a->kind) {
	case BY_NUMBER:
		return parameters->tag == INTEGER && parameters->len == 1 &&
		       cr_domain_by_id(*parameters->val, out);
	case CURVE:
		return curve(der, parameters->total, out);
	case X942:
	case PKCS3:
		return prime_field(der, parameters->total, a->kind == PKCS3, out);
	}
	return false;
}

bool cr_domain_same(const struct cr_domain *a, const struct cr_domain *b)
{
	if (a->id != b->id || a->ec != b->ec)
		return false;
	return a->id >= 0 || (a->der_len == b->der_len && !memcmp(a->der, b->der, a->der_len));
}

unsigned int cr_domain_strength(const struct cr_domain *d)
{
	if (d->ec)
		return d->bits / 2;
	return d->bits < 2048 ? 80 : d->bits < 3072 ? 112 : 128;
}

size_t cr_domain_field_len(const struct cr_domain *d)
{
	return (d->bits + 7) / 8;
}

size_t cr_domain_element_len(const struct cr_domain *d)
{
	return d->ec ? 1 + 2 * cr_domain_field_len(d) : cr_domain_field_len(d);
}
