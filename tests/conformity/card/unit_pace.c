// SPDX-License-Identifier: BSD-2-Clause
/*
 * Unit P: PACE. One run of the protocol (ICAO 9303-11, 4.4; TR-03110-3, B.1) with one thing twisted in one step; the
 * card must refuse that step, and give nothing away after it. Generic mapping, and as far as the step that is twisted
 * the integrated one.
 */
#include "exam.h"

#include <string.h>
#include "twist.h"

enum step { AT_MSE = 1, AT_NONCE, AT_MAP, AT_AGREE, AT_TOKEN };

/* Beside the ephemeral key. */
enum {
	BY_CAN = NONE + 1, NO_PARAMETERS,
	/* MSE:Set AT */
	OID_TAG, OID_OTHER, OID_INSIDE_06, OID_AS_06, OID_NONE, OID_EMPTY, OID_LONG, OID_SHORT, OID_UNOFFERED,
	PWD_UNKNOWN, PWD_NONE, PWD_EMPTY, PWD_LENGTH, PWD_LONG, DOMAIN_UNKNOWN, DOMAIN_EMPTY,
	/* the dynamic authentication data */
	OUTER_TAG, OUTER_NONE, INNER_TAG, INNER_MORE, NO_DATA,
	CHAINING, BETWEEN, INSTEAD, AGAIN, OTHER_NONCE_SIZE,
	/* the token */
	TOKEN_WRONG, TOKEN_SHORT, TOKEN_LONG, TOKEN_BARE,
	/* after it */
	THEN_PLAIN, THEN_COUNTER, THEN_NO_BODY,
};

struct run {
	struct exam *x;
	enum step at;
	int twist;
	unsigned int mapping;
	struct group g;
	uint8_t nonce[16];
	struct elem base, theirs, own, map_theirs;
	uint8_t secret[520];
	struct blob oid;
};

#define STEP(s, t)	((long)(s) << 8 | (t))

static void put_oid(struct blob *b, unsigned int mapping, unsigned int cipher)
{
	put(b, "\x04\x00\x7f\x00\x07\x02\x02\x04", 8);
	put_byte(b, mapping);
	put_byte(b, cipher);
}

static int twist_at(const struct run *r, enum step at)
{
	return r->at == at ? r->twist : NONE;
}

static bool twisted(const struct run *r, enum step at, int t)
{
	return r->at == at && r->twist == t;
}

/* 80 identifier, 83 password, [84 parameters]. */
static void mse_data(const struct run *r, unsigned int password, struct blob *d)
{
	const struct kit_info *info = r->x->info;
	int t = twist_at(r, AT_MSE);
	struct blob oid = r->oid;

	if (t == OID_OTHER)
		oid.b[8] = 0x7e;
	if (t == OID_UNOFFERED)
		oid.b[9] = info->pace == C_AES256 ? C_AES192 : C_AES256;
	if (t == OID_LONG)
		put_byte(&oid, 0x02);
	if (t == OID_SHORT)
		oid.n--;
	if (t == OID_EMPTY)
		oid.n = 0;
	if (t == OID_INSIDE_06) {
		struct blob inner = oid;

		oid.n = 0;
		put_in(&oid, 0x06, &inner);
	}
	if (t != OID_NONE)
		put_in(d, t == OID_TAG ? 0x81 : t == OID_AS_06 ? 0x06 : 0x80, &oid);
	if (t == PWD_UNKNOWN)
		password = 0x7f;
	if (t == PWD_LENGTH)
		put(d, (const uint8_t[]){ 0x83, 0x03, (uint8_t)password }, 3);
	else if (t != PWD_NONE)
		put_do(d, 0x83, (const uint8_t[]){ (uint8_t)password, 0xff },
		       t == PWD_EMPTY ? 0 : t == PWD_LONG ? 2 : 1);
	if (t != NO_PARAMETERS && t != OID_NONE)
		put_do(d, 0x84, (const uint8_t[]){ t == DOMAIN_UNKNOWN ? 0xff : (uint8_t)info->domain },
		       t == DOMAIN_EMPTY ? 0 : 1);
}

/* One GENERAL AUTHENTICATE: tag 0: without anything in 7C. */
static void general(struct run *r, enum step at, unsigned int tag, const void *p, size_t n)
{
	int t = twist_at(r, at);
	bool chained = (at != AT_TOKEN) != (t == CHAINING);
	struct blob in = { 0 }, out = { 0 };

	if (tag && t == INNER_TAG)
		tag++;
	if (tag)
		put_do(&in, tag, p, n);
	if (t == INNER_MORE)
		put_do(&in, tag ? tag + 1 : 0x81, "\x01", 1);
	if (t == OUTER_NONE)
		put(&out, in.b, in.n);
	else if (t != NO_DATA)
		put_in(&out, t == OUTER_TAG ? 0x8c : 0x7c, &in);
	probe_send(&r->x->p, chained ? 0x10 : 0x00, 0x86, 0, 0, out.b, out.n, 0);
}

/* What the card answers in 7C under that tag. */
static bool answer(struct run *r, unsigned int tag, struct part *out)
{
	const struct blob *d = &r->x->p.data;
	struct part outer;

	return must(r->x, part_at(d->b, d->n, &outer) && outer.tag == 0x7c && outer.total == d->n &&
		    part_of(outer.p, outer.n, tag, out), "the data object that must be in 7C is not");
}

/* 4.4.3.3.1: G' = s * G + H. */
static bool map(struct run *r, const struct part *theirs, const BIGNUM *k)
{
	BIGNUM *s = BN_bin2bn(r->nonce, sizeof(r->nonce), NULL);
	struct elem h, sg;

	if (!must(r->x, theirs->n <= sizeof(h.b), "a public key too long"))
		return false;
	memcpy(r->map_theirs.b, theirs->p, theirs->n);
	r->map_theirs.n = theirs->n;
	elem_times(&r->g, &r->map_theirs, k, &h);
	elem_times(&r->g, &r->base, s, &sg);
	elem_and(&r->g, &sg, &h, &r->base);
	BN_clear_free(s);
	return true;
}

/* 4.4.3.4: over the identifier and the other side's key. */
static void token(const struct run *r, const struct elem *key, bool bare, uint8_t mac[8])
{
	enum cipher c = r->x->info->pace;
	struct blob in = { 0 }, m = { 0 };
	uint8_t k[32];

	put_in(&in, 0x06, &r->oid);
	put_do(&in, r->g.ec ? 0x86 : 0x84, key->b, key->n);
	if (bare)
		put(&m, in.b, in.n);
	else
		put_in(&m, 0x7f49, &in);
	if (c == C_3DES)
		pad(&m, 8);
	kdf(c, r->secret, r->g.field, 2, k);
	mac8(c, k, m.b, m.n, mac);
}

/* Nothing is open after an attempt that failed. */
static void nothing_open(struct exam *x)
{
	x->p.sm.on = false;
	select_app(x);
	if (!want(x, OK | ERR | PLAIN))
		return;
	read_sfi(x, 0x1e, 1);
	want(x, ERR | PLAIN);
}

/* The twist is in this step: it is refused, and the course is over. False: go on. */
static bool ends(struct run *r, enum step at)
{
	if (r->at != at || r->twist <= NO_PARAMETERS || (r->twist >= SMALL_X && r->twist <= LARGE_Y))
		return false;
	if (want(r->x, NO | PLAIN))
		nothing_open(r->x);
	return true;
}

static bool step_mse(struct run *r, unsigned int password)
{
	struct blob d = { 0 };

	mse_data(r, password, &d);
	probe_send(&r->x->p, 0x00, 0x22, 0xc1, 0xa4, d.b, d.n, NO_LE);
	if (r->at != AT_MSE || r->twist <= NO_PARAMETERS)
		return want(r->x, OK | PLAIN);
	if (want(r->x, NO | PLAIN)) {
		general(r, AT_NONCE, 0, NULL, 0);
		if (want(r->x, NO | PLAIN))
			nothing_open(r->x);
	}
	return false;
}

/* The nonce out of the answer, decrypted by the password's key. */
static bool take_nonce(struct run *r, unsigned int password)
{
	const struct kit_info *info = r->x->info;
	struct part z;
	uint8_t key[32], h[20];
	char mrz[32];

	if (!answer(r, 0x80, &z) || !must(r->x, z.n == 16, "a nonce that is not sixteen bytes"))
		return false;
	memcpy(r->nonce, z.p, 16);
	digest("SHA1", mrz, mrz_information(r->x, mrz), h);
	if (password == 2)
		kdf(info->pace, info->can, strlen(info->can), 3, key);
	else
		kdf(info->pace, h, 20, 3, key);
	cbc(info->pace, false, key, NULL, r->nonce, 16);
	return true;
}

static bool step_nonce(struct run *r, unsigned int password)
{
	general(r, AT_NONCE, 0, NULL, 0);
	if (ends(r, AT_NONCE) || !want(r->x, OK | PLAIN) || !take_nonce(r, password))
		return false;
	if (r->twist != AGAIN)
		return true;
	/* The plan shows the second nonce answered; a chip may end the attempt at it as well. */
	general(r, AT_NONCE, 0, NULL, 0);
	if (!want(r->x, OK | ERR | PLAIN))
		return false;
	if (was_ok(r->x))
		return take_nonce(r, password);
	nothing_open(r->x);
	return false;
}

/* The chip's own doing, from one command to the next. */
static bool between(struct run *r, enum step at)
{
	if (!twisted(r, at, BETWEEN) && !twisted(r, at, INSTEAD))
		return true;
	probe_send(&r->x->p, 0x00, 0xb0, 0x9c, 0x00, NULL, 0, 1);
	if (!want(r->x, OK | ERR | PLAIN))
		return false;
	if (r->twist == INSTEAD)
		nothing_open(r->x);
	return r->twist != INSTEAD;
}

static bool step_map(struct run *r)
{
	struct part theirs;
	struct elem own;
	BIGNUM *k;
	bool ok;

	if (!between(r, AT_MAP))
		return false;
	if (r->mapping == 4) {		/* integrated: a nonce of our own */
		static const uint8_t t[17] = { 1 };

		general(r, AT_MAP, 0x81, t, twisted(r, AT_MAP, OTHER_NONCE_SIZE) ? 17 : 16);
		ends(r, AT_MAP);
		return false;
	}
	k = our_pair(&r->g, &r->base, twist_at(r, AT_MAP), &own);
	general(r, AT_MAP, 0x81, own.b, own.n);
	ok = !ends(r, AT_MAP) && want(r->x, OK | PLAIN) && answer(r, 0x82, &theirs) && map(r, &theirs, k);
	BN_clear_free(k);
	return ok;
}

static bool step_agree(struct run *r)
{
	struct part theirs;
	struct elem e;
	BIGNUM *k;
	bool ok;

	if (!between(r, AT_AGREE))
		return false;
	k = our_pair(&r->g, &r->base, twist_at(r, AT_AGREE), &r->own);
	general(r, AT_AGREE, 0x83, r->own.b, r->own.n);
	ok = !ends(r, AT_AGREE) && want(r->x, OK | PLAIN) && answer(r, 0x84, &theirs) &&
	     must(r->x, theirs.n <= sizeof(e.b), "a public key too long");
	if (ok) {
		memcpy(r->theirs.b, theirs.p, theirs.n);
		r->theirs.n = theirs.n;
		elem_times(&r->g, &r->theirs, k, &e);
		elem_secret(&r->g, &e, r->secret);
	}
	BN_clear_free(k);
	return ok;
}

static bool step_token(struct run *r)
{
	struct exam *x = r->x;
	uint8_t mac[9] = { 0 }, theirs[8];
	struct part p, more, outer;
	size_t n;

	if (!between(r, AT_TOKEN))
		return false;
	token(r, &r->theirs, twisted(r, AT_TOKEN, TOKEN_BARE), mac);
	if (twisted(r, AT_TOKEN, TOKEN_WRONG))
		mac[7] ^= 1;
	n = twisted(r, AT_TOKEN, TOKEN_SHORT) ? 7 : twisted(r, AT_TOKEN, TOKEN_LONG) ? 9 : 8;
	general(r, AT_TOKEN, 0x85, mac, n);
	if (ends(r, AT_TOKEN) || !want(x, OK | PLAIN) || !answer(r, 0x86, &p))
		return false;
	token(r, &r->own, false, theirs);
	part_at(x->p.data.b, x->p.data.n, &outer);
	/* 8A with chip authentication mapping, and with no other */
	if (!must(x, p.n == 8 && !memcmp(theirs, p.p, 8), "the chip's token is wrong") ||
	    !must(x, part_of(outer.p, outer.n, 0x8a, &more) == (r->mapping == 6), "8A, or none, against the mapping"))
		return false;
	probe_keys(&x->p, x->info->pace, r->secret, r->g.field, NULL);
	x->chip_id.n = 0;
	elem_short(&r->g, &r->theirs, &x->chip_id);
	return true;
}

static bool pace(struct exam *x, enum step at, int twist, unsigned int mapping)
{
	struct run r = { .x = x, .at = at, .twist = twist, .mapping = mapping };
	unsigned int password = twist == BY_CAN ? 2 : 1;
	bool ok;

	group_open(&r.g, x->info->pace_group);
	elem_generator(&r.g, &r.base);
	put_oid(&r.oid, mapping, x->info->pace);
	ok = step_mse(&r, password) && step_nonce(&r, password);
	ok = ok && step_map(&r) && step_agree(&r) && step_token(&r);
	group_close(&r.g);
	return ok;
}

bool open_pace(struct exam *x, unsigned int password, unsigned int mapping)
{
	return pace(x, 0, password == 2 ? BY_CAN : NONE, mapping);
}

/* ---- the cases ---- */

static void refused(struct exam *x, long arg)
{
	probe_reset(&x->p);
	pace(x, (enum step)(arg >> 8 & 0xf), (int)(arg & 0xff), x->info->mapping);
}

/* Right to the end, and a file can be read. */
static void accepted(struct exam *x, long arg)
{
	unsigned int mapping = arg >> 16 ? (unsigned int)(arg >> 16) : x->info->mapping;

	probe_reset(&x->p);
	if (!pace(x, (enum step)(arg >> 8 & 0xf), (int)(arg & 0xff), mapping))
		return;
	select_app(x);
	if (!want(x, OK | SM))
		return;
	read_sfi(x, 0x1e, 1);
	if (want(x, OK | SM))
		must(x, x->p.data.n == 1 && x->p.data.b[0] == 0x60, "not the first byte of EF.COM");
}

static void with_each_mapping(struct exam *x, long arg)
{
	accepted(x, 2L << 16);
	if (!x->failed)
		accepted(x, 6L << 16);
}

static void then(struct exam *x, long arg)
{
	bool goes_on;

	probe_reset(&x->p);
	if (!open_pace(x, 1, x->info->mapping))
		return;
	if (arg != THEN_COUNTER) {
		select_app(x);
		if (!want(x, OK | SM))
			return;
	}
	switch (arg) {
	case THEN_PLAIN:
		probe_send(&x->p, 0x00, 0xb0, 0x81, 0x00, NULL, 0, 1);
		want(x, ERR | PLAIN);
		break;
	case THEN_COUNTER:
		x->p.tamper = BAD_COUNTER;
		select_app(x);
		if (!want(x, ERR | PLAIN) || !must(x, x->p.sw == 0x6988 || x->p.sw == 0x6982, "neither 6988 nor 6982"))
			return;
		read_sfi(x, 0x1e, 1);
		want(x, ERR | PLAIN);
		break;
	default:
		x->p.tamper = NO_BODY;
		select_ef(x, 0x011e);
		if (!want(x, ERR))
			return;
		/* the session goes on if the answer was in it, and only then */
		goes_on = !x->p.plain;
		read_sfi(x, 0x1e, 1);
		want(x, goes_on ? OK | SM : ERR | PLAIN);
	}
}

#define MAIN(n, s, t)	{ "P_" #n, refused, STEP(s, t), KIT_MAIN, false }
#define DH(n, s, t)	{ "P_" #n, refused, STEP(s, t), KIT_DH, false }
#define GOOD(n, s, t)	{ "P_" #n, accepted, STEP(s, t), KIT_MAIN, false }

const struct asked unit_pace[] = {
	GOOD(1, 0, NONE), GOOD(2, 0, BY_CAN), { "P_3", then, THEN_PLAIN, KIT_MAIN, false },
	MAIN(5, AT_MSE, OID_TAG), MAIN(6, AT_MSE, OID_OTHER), MAIN(7, AT_MSE, OID_INSIDE_06),
	MAIN(8, AT_MSE, PWD_UNKNOWN),
	MAIN(9, AT_MSE, DOMAIN_UNKNOWN), MAIN(11, AT_NONCE, OUTER_TAG), MAIN(12, AT_NONCE, NO_DATA),
	MAIN(13, AT_NONCE, INNER_MORE), GOOD(14, 0, AGAIN), MAIN(15, AT_MAP, OUTER_TAG), MAIN(16, AT_MAP, OUTER_NONE),
	MAIN(17, AT_MAP, INNER_TAG), MAIN(19, AT_AGREE, OUTER_TAG), MAIN(20, AT_AGREE, OUTER_NONE),
	MAIN(21, AT_AGREE, INNER_TAG), MAIN(22, AT_AGREE, INNER_MORE), MAIN(23, AT_AGREE, OTHER_SIZE),
	MAIN(24, AT_AGREE, ZERO_POINT), GOOD(25, AT_AGREE, SMALL_X), GOOD(26, AT_AGREE, LARGE_X),
	GOOD(27, AT_AGREE, SMALL_Y), GOOD(28, AT_AGREE, LARGE_Y), DH(29, AT_AGREE, ABOVE_PRIME),
	MAIN(30, AT_AGREE, OFF_CURVE), MAIN(31, AT_TOKEN, OUTER_TAG), MAIN(32, AT_TOKEN, OUTER_NONE),
	MAIN(33, AT_TOKEN, INNER_TAG), MAIN(34, AT_TOKEN, INNER_MORE), MAIN(35, AT_TOKEN, TOKEN_WRONG),
	MAIN(36, AT_TOKEN, TOKEN_SHORT), MAIN(41, AT_MAP, OTHER_SIZE), MAIN(42, AT_MAP, ZERO_POINT),
	GOOD(43, AT_MAP, SMALL_X), GOOD(44, AT_MAP, LARGE_X), GOOD(45, AT_MAP, SMALL_Y), GOOD(46, AT_MAP, LARGE_Y),
	DH(47, AT_MAP, ABOVE_PRIME), DH(48, AT_MAP, ZERO_NUMBER), MAIN(49, AT_MAP, OFF_CURVE),
	MAIN(50, AT_MAP, BAD_FORM),
	{ "P_51", refused, STEP(AT_MAP, OTHER_NONCE_SIZE), KIT_IM, false }, MAIN(52, AT_AGREE, BAD_FORM),
	DH(53, AT_AGREE, ZERO_NUMBER), MAIN(54, AT_NONCE, CHAINING), MAIN(55, AT_MAP, CHAINING),
	MAIN(56, AT_AGREE, CHAINING), MAIN(57, AT_TOKEN, CHAINING), MAIN(58, AT_TOKEN, INSTEAD),
	MAIN(59, AT_MAP, BETWEEN),
	MAIN(60, AT_AGREE, BETWEEN), MAIN(61, AT_TOKEN, BETWEEN), MAIN(62, AT_TOKEN, TOKEN_BARE),
	MAIN(64, AT_MSE, OID_NONE), MAIN(65, AT_MSE, OID_EMPTY), MAIN(66, AT_MSE, OID_LONG),
	MAIN(67, AT_MSE, OID_SHORT),
	MAIN(68, AT_MSE, OID_UNOFFERED), MAIN(69, AT_MSE, PWD_NONE), MAIN(70, AT_MSE, PWD_EMPTY),
	MAIN(71, AT_MSE, PWD_LENGTH), MAIN(72, AT_MSE, PWD_LONG), GOOD(73, 0, NONE), GOOD(74, AT_MSE, NO_PARAMETERS),
	MAIN(75, AT_MSE, DOMAIN_EMPTY), MAIN(76, AT_TOKEN, TOKEN_LONG), MAIN(77, AT_MSE, OID_AS_06),
	{ "P_78", with_each_mapping, 0, KIT_CAM, false }, { "P_79", then, THEN_COUNTER, KIT_MAIN, false },
	{ "P_80", then, THEN_NO_BODY, KIT_MAIN, false },
	{ 0 }
};
