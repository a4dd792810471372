// SPDX-License-Identifier: BSD-2-Clause
/* Terminal authentication (TR-03110-3, B.3): certificates right and wrong, and its commands. */
#include "exam.h"

#include <stdio.h>
#include <string.h>
#include <openssl/core_names.h>

/* ---- certificates ---- */

static void put_number(struct blob *b, unsigned int tag, const BIGNUM *n, size_t len)
{
	uint8_t p[512];

	MUST(BN_bn2binpad(n, p, (int)len) == (int)len);
	put_do(b, tag, p, len);
}

/* D.3.3: 81 p, 82 a, 83 b, 84 G, 85 n; 86 Q stands between them and the cofactor 87. */
static void put_curve(struct blob *k, const EVP_PKEY *key)
{
	BIGNUM *a = BN_new(), *b = BN_new();
	struct elem e;
	struct group g;
	char name[64];

	MUST(EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof(name), NULL));
	group_open(&g, name);
	MUST(a && b && EC_GROUP_get_curve(g.ec, NULL, a, b, NULL));
	put_number(k, 0x81, g.p, g.field);
	put_number(k, 0x82, a, g.field);
	put_number(k, 0x83, b, g.field);
	elem_generator(&g, &e);
	put_do(k, 0x84, e.b, e.n);
	put_number(k, 0x85, g.q, (size_t)BN_num_bytes(g.q));
	BN_free(a);
	BN_free(b);
	group_close(&g);
}

static void put_public(const struct cvc *c, struct blob *out)
{
	/* id-TA-ECDSA-SHA-256, id-TA-RSA-v1-5-SHA-256 */
	bool rsa = is_rsa(c->key);
	uint8_t oid[] = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x02, rsa ? 1 : 2, rsa ? 2 : 3 };
	struct blob k = { 0 };
	BIGNUM *n = NULL, *e = NULL;
	uint8_t q[200];
	size_t len;

	if (c->flaw == KEY_OID)
		oid[8] = 5;
	if (c->flaw == KEY_OID_CA)
		oid[7] = 3;
	if (c->flaw != NO_KEY_OID)
		put_do(&k, 0x06, oid, sizeof(oid));
	if (rsa) {
		MUST(EVP_PKEY_get_bn_param(c->key, OSSL_PKEY_PARAM_RSA_N, &n) &&
		     EVP_PKEY_get_bn_param(c->key, OSSL_PKEY_PARAM_RSA_E, &e));
		if (c->flaw != NO_MODULUS)
			put_number(&k, 0x81, n, (size_t)BN_num_bytes(n));
		if (c->flaw != NO_EXPONENT)
			put_number(&k, 0x82, e, (size_t)BN_num_bytes(e));
		BN_free(n);
		BN_free(e);
	} else {
		if (c->parameters)
			put_curve(&k, c->key);
		MUST(EVP_PKEY_get_octet_string_param(c->key, OSSL_PKEY_PARAM_PUB_KEY, q, sizeof(q), &len));
		if (c->flaw != NO_POINT)
			put_do(&k, 0x86, q, len);
		if (c->parameters)
			put_do(&k, 0x87, "\x01", 1);
	}
	if (c->flaw == KEY_EXTRA)
		put_do(&k, 0x77, "\x01", 1);
	put_in(out, 0x7f49, &k);
}

static void put_day(struct blob *b, unsigned int tag, int days, bool bad_digits, bool bad_day)
{
	uint8_t d[6];

	card_day(days, d);
	if (bad_digits)
		memcpy(d, "\x0a\x0b\x0c\x0d\x0e\x0f", 6);
	if (bad_day) {
		d[4] = 3;
		d[5] = 2;
	}
	put_do(b, tag, d, 6);
}

static void put_body(const struct cvc *c, struct blob *out)
{
	uint8_t role[] = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x03, 0x01, 0x02, c->flaw == CHAT_OID ? 2 : 1 };
	struct blob in = { 0 }, chat = { 0 };

	put_do(&in, 0x5f29, "\x00", 1);
	put_do(&in, 0x42, c->car, strlen(c->car));
	put_public(c, &in);
	put_do(&in, 0x5f20, c->chr, strlen(c->chr));
	put_do(&chat, 0x06, role, sizeof(role));
	put_do(&chat, 0x53, &c->chat, 1);
	if (c->flaw != NO_CHAT)
		put_in(&in, 0x7f4c, &chat);
	if (c->flaw != NO_FROM)
		put_day(&in, 0x5f25, c->from, c->flaw == BCD_FROM, c->flaw == DAY_FROM);
	if (c->flaw != NO_TO)
		put_day(&in, 0x5f24, c->to, c->flaw == BCD_TO, c->flaw == DAY_TO);
	put_in(out, c->flaw == BODY_TAG ? 0x7f4f : 0x7f4e, &in);
}

static void spoil(enum flaw flaw, EVP_PKEY *by, struct blob *sig)
{
	BIGNUM *n = NULL;

	switch (flaw) {
	case SIG_LAST:
		sig->b[sig->n - 1]++;
		break;
	case SIG_CUT:
		sig->n--;
		break;
	case SIG_R0:
		memset(sig->b, 0, sig->n / 2);
		break;
	case SIG_S0:
		memset(sig->b + sig->n / 2, 0, sig->n / 2);
		break;
	case SIG_BIG:	/* the same modulo n, and above it, in as many bytes */
		MUST(EVP_PKEY_get_bn_param(by, OSSL_PKEY_PARAM_RSA_N, &n) && BN_add_word(n, 1));
		MUST(BN_bn2binpad(n, sig->b, (int)sig->n) > 0);
		BN_free(n);
		break;
	default:
		break;
	}
}

void cvc_make(const struct cvc *c, struct blob *out)
{
	struct blob body = { 0 }, sig = { 0 };

	put_body(c, &body);
	sign(c->by, body.b, body.n, &sig);
	spoil(c->flaw, c->by, &sig);
	out->n = 0;
	if (c->flaw == BODY_LEN)	/* one more than there is: 7F4E 81 LL, 7F4E 82 LL LL */
		body.b[body.b[2] == 0x81 ? 3 : 4]++;
	if (c->flaw != NO_CERT_BODY)
		put(out, body.b, body.n);
	body.n = 0;
	put_in(&body, c->flaw == SIG_TAG ? 0x5f38 : 0x5f37, &sig);
	if (c->flaw == SIG_LEN)
		body.b[sig.n > 255 ? 4 : sig.n > 127 ? 3 : 2]++;
	if (c->flaw != NO_SIG)
		put(out, body.b, body.n);
}

/* ---- keys ---- */

static struct {
	char name[24];
	EVP_PKEY *key;
} pairs[64];

EVP_PKEY *pair(struct exam *x, const char *name)
{
	char full[24];
	size_t i;

	snprintf(full, sizeof(full), "%s %s", x->info->rsa ? "RSA" : "EC", name);
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]) && pairs[i].key; i++)
		if (!strcmp(pairs[i].name, full))
			return pairs[i].key;
	MUST(i < sizeof(pairs) / sizeof(pairs[0]));
	strcpy(pairs[i].name, full);
	/* "... short": as set 14 asks; "... RSA": as set 13 may */
	if (strstr(name, "short"))
		pairs[i].key = new_key(x->info->rsa ? "RSA-1024" : "secp224r1");
	else
		pairs[i].key = new_key(x->info->rsa || strstr(name, "RSA") ? "RSA-2048" : "brainpoolP256r1");
	return pairs[i].key;
}

void pairs_drop(void)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		EVP_PKEY_free(pairs[i].key);
}

/* ---- commands ---- */

static void name_command(struct exam *x, uint8_t p2, unsigned int tag, const char *name)
{
	struct blob d = { 0 };

	put_do(&d, tag, name, strlen(name));
	probe_send(&x->p, 0x0c, 0x22, 0x81, p2, d.b, d.n, NO_LE);
}

void set_dst(struct exam *x, const char *name)
{
	name_command(x, 0xb6, 0x83, name);
}

void set_at(struct exam *x, const char *name)
{
	name_command(x, 0xa4, 0x83, name);
}

void show(struct exam *x, const struct cvc *c)
{
	struct blob d;

	cvc_make(c, &d);
	probe_send(&x->p, 0x0c, 0x2a, 0x00, 0xbe, d.b, d.n, NO_LE);
}

void get_challenge(struct exam *x)
{
	probe_send(&x->p, 0x0c, 0x84, 0, 0, NULL, 0, 8);
	x->challenge.n = 0;
	put(&x->challenge, x->p.data.b, x->p.data.n);
}

void authenticate(struct exam *x, EVP_PKEY *key, bool spoilt)
{
	struct blob m = { 0 }, sig = { 0 };

	put(&m, x->chip_id.b, x->chip_id.n);
	put(&m, x->challenge.b, x->challenge.n);
	put(&m, x->terminal_id.b, x->terminal_id.n);
	sign(key, m.b, m.n, &sig);
	if (spoilt)
		sig.b[sig.n - 1]++;
	probe_send(&x->p, 0x0c, 0x82, 0, 0, sig.b, sig.n, NO_LE);
}

/* Names as the plan's: DETESTDVDE001. */
static const char *holder(const char *role, const char *set)
{
	static char names[8][17];
	static unsigned int k;

	k = (k + 1) % 8;
	snprintf(names[k], sizeof(names[k]), "UTTEST%sUT%.3s", role, set);
	return names[k];
}

struct cvc cvc_dv(struct exam *x, const char *set, uint8_t chat, int to)
{
	char name[24];

	snprintf(name, sizeof(name), "DV %s", set);
	return (struct cvc){ .car = x->car, .chr = holder("DV", set), .chat = chat, .to = to, .key = pair(x, name),
			     .by = x->cvca };
}

struct cvc cvc_is(struct exam *x, const char *set, uint8_t chat, int to)
{
	char name[24], by[24];

	snprintf(name, sizeof(name), "IS %s", set);
	snprintf(by, sizeof(by), "DV %s", set);
	return (struct cvc){ .car = holder("DV", set), .chr = holder("IS", set), .chat = chat, .to = to,
			     .key = pair(x, name), .by = pair(x, by) };
}

bool show_chain(struct exam *x, const struct cvc *dv, const struct cvc *is)
{
	set_dst(x, dv->car);
	if (!want(x, OK | SM))
		return false;
	show(x, dv);
	if (!want(x, OK | SM))
		return false;
	set_dst(x, dv->chr);
	if (!want(x, OK | SM))
		return false;
	show(x, is);
	return want(x, OK | SM);
}
