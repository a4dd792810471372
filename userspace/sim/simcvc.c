/* SPDX-License-Identifier: BSD-2-Clause */
#include "simcvc.h"

#include <stdio.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#define ID_TA	"0.4.0.127.0.7.2.2.2"
#define ID_IS	"0.4.0.127.0.7.3.1.2.1"

void sim_holder_clear(struct sim_holder *h)
{
	EVP_PKEY_free(h->key);
	memset(h, 0, sizeof(*h));
}

bool sim_is_id_is(const struct sim_tlv *oid)
{
	struct sim_buf id = { 0 };
	bool same;

	same = sim_ber_oid(&id, ID_IS, true) && oid->tag == 0x06 && oid->len == id.len &&
	       !memcmp(oid->value, id.p, id.len);
	sim_buf_free(&id);
	return same;
}

bool sim_holder_algorithm(const struct sim_holder *h, struct sim_buf *out)
{
	char oid[40];

	snprintf(oid, sizeof(oid), ID_TA ".%u.%u", h->kind, h->scheme);
	return sim_ber_oid(out, oid, true);
}

/* TR-03110-3, A.6.4: the digest by the last arc. */
static const char *digest_of(const struct sim_holder *h)
{
	static const char *const rsa[] = { NULL, "SHA1", "SHA256", "SHA1", "SHA256", "SHA512", "SHA512" };
	static const char *const ec[] = { NULL, "SHA1", "SHA224", "SHA256", "SHA384", "SHA512" };

	if (h->kind == 1)
		return h->scheme < 7 ? rsa[h->scheme] : NULL;
	return h->kind == 2 && h->scheme < 6 ? ec[h->scheme] : NULL;
}

static bool is_pss(const struct sim_holder *h)
{
	return h->kind == 1 && (h->scheme == 3 || h->scheme == 4 || h->scheme == 6);
}

static bool set_padding(const struct sim_holder *h, EVP_PKEY_CTX *ctx)
{
	return !is_pss(h) || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
			      EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0);
}

bool sim_holder_signed(const struct sim_holder *h, const uint8_t *data, size_t len, const uint8_t *sig, size_t sig_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	ECDSA_SIG *es = NULL;
	EVP_PKEY_CTX *pkey;
	int n = 0;
	bool ok;

	ok = ctx && digest_of(h) && EVP_DigestVerifyInit_ex(ctx, &pkey, digest_of(h), NULL, NULL, h->key, NULL) == 1 &&
	     set_padding(h, pkey);
	if (ok && h->kind == 2) {
		size_t half = ((size_t)EVP_PKEY_get_bits(h->key) + 7) / 8;
		BIGNUM *r, *s;

		ok = sig_len == 2 * half && (es = ECDSA_SIG_new()) && (r = BN_bin2bn(sig, (int)half, NULL)) &&
		     (s = BN_bin2bn(sig + half, (int)half, NULL)) && ECDSA_SIG_set0(es, r, s) &&
		     (n = i2d_ECDSA_SIG(es, &der)) > 0;
	}
	ok = ok && EVP_DigestVerify(ctx, der ? der : sig, der ? (size_t)n : sig_len, data, len) == 1;
	OPENSSL_free(der);
	ECDSA_SIG_free(es);
	EVP_MD_CTX_free(ctx);
	return ok;
}

/* ---- taken apart ---- */

static bool child(const struct sim_tlv *in, uint32_t tag, struct sim_tlv *out)
{
	for (size_t off = 0; off < in->len; off += out->total) {
		if (!sim_ber_get(in->value + off, in->len - off, out))
			return false;
		if (out->tag == tag)
			return true;
	}
	return false;
}

static bool name_in(const struct sim_tlv *t, char out[17])
{
	if (!t->len || t->len > 16 || memchr(t->value, 0, t->len))
		return false;
	memcpy(out, t->value, t->len);
	out[t->len] = '\0';
	return true;
}

/* D.2.1.3: six digits, a byte each, that are a day of a year of this century. */
static bool date_in(const struct sim_tlv *t, char out[7])
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned int year, month, day;

	if (t->len != 6)
		return false;
	for (int i = 0; i < 6; i++) {
		if (t->value[i] > 9)
			return false;
		out[i] = (char)('0' + t->value[i]);
	}
	out[6] = '\0';
	year = t->value[0] * 10U + t->value[1];
	month = t->value[2] * 10U + t->value[3];
	day = t->value[4] * 10U + t->value[5];
	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && year % 4 == 0 ? 1U : 0U);
}

/* The curve whose prime and coefficient these are; its name into group. */
static bool find_group(const struct sim_tlv *key, char group[24])
{
	struct sim_tlv p, a;
	bool found = false;

	if (!child(key, 0x81, &p) || !child(key, 0x82, &a))
		return false;
	for (unsigned int id = 8; id <= 18 && !found; id++) {
		BIGNUM *bp = BN_bin2bn(p.value, (int)p.len, NULL), *ba = BN_bin2bn(a.value, (int)a.len, NULL), *ca = BN_new();
		struct sim_group g;

		found = sim_group_open(&g, sim_domain_name(id)) && bp && ba && ca && !BN_cmp(g.p, bp) &&
			EC_GROUP_get_curve(g.ec, NULL, ca, NULL, NULL) && !BN_cmp(ca, ba);
		if (found)
			snprintf(group, 24, "%s", sim_domain_name(id));
		sim_group_close(&g);
		BN_free(bp);
		BN_free(ba);
		BN_free(ca);
	}
	return found;
}

static EVP_PKEY *make_key(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *rsa_key(const struct sim_tlv *key)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	struct sim_tlv n, e;
	BIGNUM *bn = NULL, *be = NULL;
	EVP_PKEY *out = NULL;

	if (b && child(key, 0x81, &n) && child(key, 0x82, &e) && (bn = BN_bin2bn(n.value, (int)n.len, NULL)) &&
	    (be = BN_bin2bn(e.value, (int)e.len, NULL)) && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn) &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, be))
		out = make_key("RSA", OSSL_PARAM_BLD_to_param(b));
	BN_free(bn);
	BN_free(be);
	OSSL_PARAM_BLD_free(b);
	return out;
}

static EVP_PKEY *ec_key(const struct sim_tlv *key, const char *group)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY *out = NULL;
	struct sim_tlv q;

	if (b && child(key, 0x86, &q) && OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) &&
	    OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, q.value, q.len))
		out = make_key("EC", OSSL_PARAM_BLD_to_param(b));
	OSSL_PARAM_BLD_free(b);
	return out;
}

/* D.3: the identifier first, then what its algorithm has, in this order and nothing else. */
static bool in_order(const struct sim_tlv *key, uint32_t last)
{
	struct sim_tlv t;
	uint32_t before = 0;

	for (size_t off = 0; off < key->len; off += t.total) {
		if (!sim_ber_get(key->value + off, key->len - off, &t) ||
		    (off ? t.tag < 0x81 || t.tag > last || t.tag <= before : t.tag != 0x06))
			return false;
		before = off ? t.tag : 0;
	}
	return true;
}

/*
 * C.1: a curve's parameters stand in an authority's certificate, and are those of all below it; an RSA key below it is
 * not shorter. An authority's successor may have others.
 */
static bool key_in(const struct sim_tlv *key, const struct sim_holder *issuer, struct sim_holder *out)
{
	bool authority = !issuer || out->chat >> 6 == 3, ok;
	struct sim_buf prefix = { 0 };
	struct sim_tlv oid, p;

	ok = child(key, 0x06, &oid) && sim_ber_oid(&prefix, ID_TA, true) && oid.len == prefix.len + 2 &&
	     !memcmp(oid.value, prefix.p, prefix.len);
	if (ok) {
		out->kind = oid.value[oid.len - 2];
		out->scheme = oid.value[oid.len - 1];
	}
	sim_buf_free(&prefix);
	if (!ok || !digest_of(out) || !in_order(key, out->kind == 1 ? 0x82 : 0x87))
		return false;
	if (out->kind == 1)
		return (out->key = rsa_key(key)) != NULL &&
		       (authority || EVP_PKEY_get_bits(out->key) >= EVP_PKEY_get_bits(issuer->key));
	if (child(key, 0x81, &p)) {
		if (!authority || !find_group(key, out->group))
			return false;
	} else {
		if (!issuer || !*issuer->group)
			return false;
		memcpy(out->group, issuer->group, sizeof(out->group));
	}
	return (out->key = ec_key(key, out->group)) != NULL;
}

static bool body_in(const struct sim_tlv *body, const struct sim_holder *issuer, char authority[17], struct sim_holder *out)
{
	struct sim_tlv t, oid, v;
	bool ok;

	ok = child(body, 0x5f29, &t) && t.len == 1 && !*t.value && child(body, 0x42, &t) && name_in(&t, authority) &&
	     child(body, 0x5f20, &t) && name_in(&t, out->name) && child(body, 0x5f25, &t) && date_in(&t, out->from) &&
	     child(body, 0x5f24, &t) && date_in(&t, out->to) && strcmp(out->from, out->to) <= 0 &&
	     child(body, 0x7f4c, &t) && child(&t, 0x06, &oid) && child(&t, 0x53, &v) && v.len == 1 && sim_is_id_is(&oid);
	if (ok)
		out->chat = *v.value;
	return ok && child(body, 0x7f49, &t) && key_in(&t, issuer, out);
}

bool sim_cvc_check(const uint8_t *p, size_t len, const struct sim_holder *issuer, struct sim_holder *out)
{
	struct sim_tlv body, sig;
	char authority[17];
	bool ok;

	memset(out, 0, sizeof(*out));
	ok = sim_ber_get(p, len, &body) && body.tag == 0x7f4e && sim_ber_get(p + body.total, len - body.total, &sig) &&
	     sig.tag == 0x5f37 && body.total + sig.total == len && body_in(&body, issuer, authority, out) &&
	     !strcmp(authority, issuer ? issuer->name : out->name) &&
	     sim_holder_signed(issuer ? issuer : out, p, body.total, sig.value, sig.len);
	if (!ok)
		sim_holder_clear(out);
	return ok;
}

/* ---- put together ---- */

static void put_number(struct sim_buf *b, uint32_t tag, const BIGNUM *n, size_t len)
{
	uint8_t buf[512];

	if (!len)
		len = (size_t)BN_num_bytes(n);
	if (len <= sizeof(buf) && BN_bn2binpad(n, buf, (int)len) == (int)len)
		sim_ber_put(b, tag, buf, len);
	else
		b->failed = true;
}

static void put_date(struct sim_buf *b, uint32_t tag, const char *yymmdd)
{
	uint8_t d[6];

	for (int i = 0; i < 6; i++)
		d[i] = (uint8_t)(yymmdd[i] - '0');
	sim_ber_put(b, tag, d, 6);
}

/* D.3: 06 OID; RSA: 81 n, 82 e; curve: [81 p, 82 a, 83 b, 84 G, 85 n], 86 Q, [87 cofactor]. */
static bool put_key(const struct sim_holder *h, bool root, struct sim_buf *out)
{
	struct sim_buf k = { 0 };
	struct sim_group g = { 0 };
	BIGNUM *a = NULL, *b = NULL;
	uint8_t q[200];
	size_t len = 0;
	char oid[40];
	bool ok;

	snprintf(oid, sizeof(oid), ID_TA ".%u.%u", h->kind, h->scheme);
	sim_ber_oid(&k, oid, false);
	if (h->kind == 1) {
		ok = EVP_PKEY_get_bn_param(h->key, OSSL_PKEY_PARAM_RSA_N, &a) &&
		     EVP_PKEY_get_bn_param(h->key, OSSL_PKEY_PARAM_RSA_E, &b);
		if (ok) {
			put_number(&k, 0x81, a, 0);
			put_number(&k, 0x82, b, 0);
		}
	} else {
		ok = sim_group_open(&g, h->group) && (a = BN_new()) && (b = BN_new()) &&
		     EC_GROUP_get_curve(g.ec, NULL, a, b, NULL) &&
		     EVP_PKEY_get_octet_string_param(h->key, OSSL_PKEY_PARAM_PUB_KEY, q, sizeof(q), &len);
		if (ok && root) {
			put_number(&k, 0x81, g.p, g.field_len);
			put_number(&k, 0x82, a, g.field_len);
			put_number(&k, 0x83, b, g.field_len);
			sim_ber_put(&k, 0x84, g.generator.p, g.generator.len);
			put_number(&k, 0x85, g.order, 0);
		}
		sim_ber_put(&k, 0x86, q, len);
		if (ok && root)
			sim_ber_put(&k, 0x87, "\x01", 1);
		sim_group_close(&g);
	}
	BN_free(a);
	BN_free(b);
	sim_ber_wrap(out, 0x7f49, &k);
	return ok && !out->failed;
}

static bool put_signature(const struct sim_holder *h, const struct sim_buf *body, struct sim_buf *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[600], plain[600];
	size_t len = sizeof(sig);
	const uint8_t *p = sig;
	ECDSA_SIG *es = NULL;
	EVP_PKEY_CTX *pkey;
	bool ok;

	ok = ctx && EVP_DigestSignInit_ex(ctx, &pkey, digest_of(h), NULL, NULL, h->key, NULL) == 1 && set_padding(h, pkey) &&
	     EVP_DigestSign(ctx, sig, &len, body->p, body->len) == 1;
	if (ok && h->kind == 2) {
		size_t half = ((size_t)EVP_PKEY_get_bits(h->key) + 7) / 8;

		ok = (es = d2i_ECDSA_SIG(NULL, &p, (long)len)) &&
		     BN_bn2binpad(ECDSA_SIG_get0_r(es), plain, (int)half) > 0 &&
		     BN_bn2binpad(ECDSA_SIG_get0_s(es), plain + half, (int)half) > 0;
		memcpy(sig, plain, len = 2 * half);
	}
	if (ok)
		sim_ber_put(out, 0x5f37, sig, len);
	ECDSA_SIG_free(es);
	EVP_MD_CTX_free(ctx);
	return ok;
}

bool sim_cvc_issue(const struct sim_holder *h, const struct sim_holder *issuer, struct sim_buf *out)
{
	struct sim_buf in = { 0 }, template = { 0 }, body = { 0 }, cert = { 0 };
	bool ok;

	sim_ber_put(&in, 0x5f29, "\x00", 1);
	sim_ber_str(&in, 0x42, issuer->name);
	ok = put_key(h, issuer == h || h->chat >> 6 == 3, &in);
	sim_ber_str(&in, 0x5f20, h->name);
	sim_ber_oid(&template, ID_IS, false);
	sim_ber_put(&template, 0x53, &h->chat, 1);
	sim_ber_wrap(&in, 0x7f4c, &template);
	put_date(&in, 0x5f25, h->from);
	put_date(&in, 0x5f24, h->to);
	sim_ber_wrap(&body, 0x7f4e, &in);
	ok = ok && !body.failed;
	if (ok) {
		sim_buf_put(&cert, body.p, body.len);
		ok = put_signature(issuer, &body, &cert);
	}
	sim_ber_wrap(out, 0x7f21, &cert);
	sim_buf_free(&body);
	return ok && !out->failed;
}
