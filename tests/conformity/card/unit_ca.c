// SPDX-License-Identifier: BSD-2-Clause
/*
 * Unit I: chip authentication (TR-03110-3, B.2) in one command, MSE:Set KAT, or in two, MSE:Set AT and GENERAL
 * AUTHENTICATE. After a refusal the old session goes on; after success only the new keys open it.
 */
#include "exam.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/x509.h>
#include "twist.h"

/* Beside the key. */
enum { OLD_KEYS = NONE + 1, TAG, NO_SESSION, PLAIN_COMMAND, WRONG_REFERENCE, AFTER_CAM };

/* The chip's static key, out of EF.DG14: after the identifier of ChipAuthenticationPublicKeyInfo stands the key. */
static bool chip_key(struct exam *x, const struct group *g, struct elem *out)
{
	static const uint8_t id[] = { 0x06, 0x09, 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x01 };
	struct blob dg14 = { 0 };
	const uint8_t *at;
	BIGNUM *pub = NULL;
	EVP_PKEY *key;
	bool ok;

	if (!read_file(x, 0x010e, &dg14))
		return false;
	at = memmem(dg14.b, dg14.n, id, sizeof(id));
	if (!must(x, at, "no key for chip authentication in EF.DG14"))
		return false;
	at += sizeof(id) + 1;
	key = d2i_PUBKEY(NULL, &at, (long)(dg14.b + dg14.n - at));
	if (!must(x, key, "EF.DG14's key cannot be read"))
		return false;
	if (g->ec) {
		ok = EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out->b, sizeof(out->b), &out->n);
	} else {
		ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PUB_KEY, &pub);
		if (ok)
			out->n = (size_t)BN_bn2bin(pub, out->b);
		BN_free(pub);
	}
	EVP_PKEY_free(key);
	return must(x, ok, "EF.DG14's key is of another kind");
}

static void put_reference(const struct exam *x, int t, struct blob *d)
{
	int id = x->info->ca_key_id;

	if (t == WRONG_REFERENCE)
		put_do(d, 0x84, "\x7e", 1);
	else if (id >= 0)
		put_do(d, 0x84, (const uint8_t[]){ (uint8_t)id }, 1);
}

/* What the last command of the protocol must be answered with; true where all is well and has been so far. */
static bool judge(struct exam *x, int t)
{
	switch (t) {
	case NONE: case OLD_KEYS: case SMALL_X: case LARGE_X: case SMALL_Y: case LARGE_Y: case AFTER_CAM:
		return want(x, OK | SM);
	case NO_SESSION: case PLAIN_COMMAND:
		want(x, ERR | PLAIN);
		return false;
	default:
		want(x, NO | SM);
		return false;
	}
}

/* 91 ephemeral key, [84 reference]. */
static bool by_kat(struct exam *x, int t, const struct elem *own)
{
	uint8_t cla = t == NO_SESSION || t == PLAIN_COMMAND ? 0x00 : 0x0c;
	struct blob d = { 0 };

	put_do(&d, t == TAG ? 0x93 : 0x91, own->b, own->n);
	put_reference(x, t, &d);
	probe_send(&x->p, cla, 0x22, 0x41, 0xa6, d.b, d.n, NO_LE);
	return judge(x, t);
}

/* 80 identifier, [84 reference]; 7C 80 ephemeral key. */
static bool by_at(struct exam *x, int t, bool ec, const struct elem *own)
{
	uint8_t cla = t == NO_SESSION || t == PLAIN_COMMAND ? 0x00 : 0x0c;
	const uint8_t oid[] = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x03, ec ? 2 : 1, (uint8_t)x->info->ca };
	struct blob d = { 0 }, in = { 0 };

	put_do(&d, 0x80, oid, sizeof(oid));
	put_reference(x, t, &d);
	probe_send(&x->p, cla, 0x22, 0x41, 0xa4, d.b, d.n, NO_LE);
	if (!want(x, t == WRONG_REFERENCE ? OK | NO | SM : cla ? OK | SM : OK | ERR | PLAIN))
		return false;
	d.n = 0;
	put_do(&in, t == TAG ? 0x81 : 0x80, own->b, own->n);
	put_in(&d, 0x7c, &in);
	probe_send(&x->p, cla, 0x86, 0, 0, d.b, d.n, 0);
	return judge(x, t);
}

static bool authenticate_chip(struct exam *x, int t)
{
	bool kat = x->info->ca == C_3DES, ok;
	struct elem theirs, base, own, e;
	uint8_t secret[520];
	struct group g;
	BIGNUM *k;

	group_open(&g, x->info->ca_group);
	ok = t == NO_SESSION || chip_key(x, &g, &theirs);
	elem_generator(&g, &base);
	k = our_pair(&g, &base, t, &own);
	ok = ok && (kat ? by_kat(x, t, &own) : by_at(x, t, g.ec, &own));
	if (ok && t != OLD_KEYS) {
		elem_times(&g, &theirs, k, &e);
		elem_secret(&g, &e, secret);
		probe_keys(&x->p, x->info->ca, secret, g.field, NULL);
		x->terminal_id.n = 0;
		elem_short(&g, &own, &x->terminal_id);
	}
	BN_clear_free(k);
	group_close(&g);
	return ok;
}

bool chip_authentication(struct exam *x)
{
	return authenticate_chip(x, NONE);
}

static void chip(struct exam *x, long arg)
{
	int t = (int)arg;

	if (t == NO_SESSION) {
		probe_reset(&x->p);
		select_app(x);
		if (!want(x, OK | PLAIN))
			return;
	} else if (t == AFTER_CAM) {
		probe_reset(&x->p);
		if (!open_pace(x, 1, 6))
			return;
		select_app(x);
		if (!want(x, OK | SM))
			return;
	} else if (!open_app(x)) {
		return;
	}
	authenticate_chip(x, t);
	if (x->failed)
		return;
	/* who is let in now: the new keys, the old ones, or nobody */
	read_sfi(x, 0x1e, 1);
	switch (t) {
	case OLD_KEYS: case NO_SESSION: case PLAIN_COMMAND:
		want(x, ERR | PLAIN);
		break;
	default:
		want(x, OK | SM);
	}
}

#define KAT(n, t)	{ "I_" #n, chip, t, KIT_TDES, true }
#define AT(n, t)	{ "I_" #n, chip, t, KIT_MAIN, true }

const struct asked unit_ca[] = {
	KAT(1, NONE), KAT(2, OLD_KEYS), KAT(3, OTHER_SIZE), KAT(4, NO_SESSION), KAT(5, PLAIN_COMMAND), KAT(6, TAG),
	KAT(7, ZERO_POINT), KAT(8, SMALL_X), KAT(9, LARGE_X), KAT(10, SMALL_Y), KAT(11, LARGE_Y),
	KAT(12, WRONG_REFERENCE),
	{ "I_13", chip, ABOVE_PRIME, KIT_DH_TDES, true }, KAT(14, OFF_CURVE),
	{ "I_15", chip, AFTER_CAM, KIT_CAM_TDES, false },
	AT(16, NONE), AT(17, OLD_KEYS), AT(18, OTHER_SIZE), AT(19, NO_SESSION), AT(20, PLAIN_COMMAND), AT(21, TAG),
	AT(22, ZERO_POINT), AT(23, SMALL_X), AT(24, LARGE_X), AT(25, SMALL_Y), AT(26, LARGE_Y), AT(27, WRONG_REFERENCE),
	{ "I_28", chip, ABOVE_PRIME, KIT_DH, true }, AT(29, OFF_CURVE), { "I_30", chip, AFTER_CAM, KIT_CAM, false },
	{ 0 }
};
