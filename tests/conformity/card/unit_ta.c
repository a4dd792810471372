// SPDX-License-Identifier: BSD-2-Clause
/* Units K and L: terminal authentication, and what it opens. */
#include "exam.h"

#include <string.h>

/* The chain of set 1, and MSE:Set AT for its terminal. */
static bool ready(struct exam *x, struct cvc *dv, struct cvc *is)
{
	if (!open_eac(x))
		return false;
	*dv = cvc_dv(x, "001", DV, MONTH);
	*is = cvc_is(x, "001", IS, 14);
	if (!show_chain(x, dv, is))
		return false;
	set_at(x, is->chr);
	return want(x, OK | SM);
}

static bool challenged(struct exam *x)
{
	get_challenge(x);
	return want(x, OK | SM) && must(x, x->challenge.n == 8, "a challenge that is not eight bytes");
}

/* A data group that is locked, by its short identifier. */
static void locked(struct exam *x, unsigned int dg)
{
	read_sfi(x, dg, 1);
	want(x, ERR | SM);
}

static void k_right(struct exam *x, long arg)
{
	struct cvc dv, is;

	if (!ready(x, &dv, &is) || !challenged(x))
		return;
	authenticate(x, is.key, false);
	want(x, OK | SM);
}

static void k_by(struct exam *x, long access)
{
	x->by = (enum access)access;
	k_right(x, 0);
}

/* K_2, K_5, K_6: MSE:Set AT for somebody who is no terminal. */
enum { NOBODY, A_DV, THE_CVCA };
static void k_other(struct exam *x, long who)
{
	EVP_PKEY *key = x->cvca;
	struct cvc dv, is;
	char name[17];

	if (!open_eac(x))
		return;
	dv = cvc_dv(x, "001", DV, MONTH);
	is = cvc_is(x, "001", IS, 14);
	strcpy(name, x->car);
	if (who == NOBODY) {
		if (!show_chain(x, &dv, &is))
			return;
		strcpy(name, is.chr);
		name[strlen(name) - 1] ^= 1;
		key = is.key;
	} else if (who == A_DV) {
		set_dst(x, dv.car);
		if (!want(x, OK | SM))
			return;
		show(x, &dv);
		if (!want(x, OK | SM))
			return;
		strcpy(name, dv.chr);
		key = dv.key;
	}
	set_at(x, name);
	if (!want(x, OK | ERR | SM))
		return;
	get_challenge(x);
	if (!want(x, OK | ERR | SM))
		return;
	authenticate(x, key, false);
	want(x, NO | SM);
}

/* K_4: the last step without secure messaging. */
static void k_plain(struct exam *x, long arg)
{
	struct blob m = { 0 }, sig = { 0 };
	struct cvc dv, is;

	if (!ready(x, &dv, &is) || !challenged(x))
		return;
	put(&m, x->chip_id.b, x->chip_id.n);
	put(&m, x->challenge.b, x->challenge.n);
	put(&m, x->terminal_id.b, x->terminal_id.n);
	sign(is.key, m.b, m.n, &sig);
	probe_send(&x->p, 0x00, 0x82, 0, 0, sig.b, sig.n, NO_LE);
	want(x, ERR | PLAIN);
}

static void k_class(struct exam *x, long arg)
{
	struct blob sig = { 0 };
	struct cvc dv, is;

	if (!ready(x, &dv, &is) || !challenged(x))
		return;
	sign(is.key, x->challenge.b, x->challenge.n, &sig);
	probe_send(&x->p, 0x8c, 0x82, 0, 0, sig.b, sig.n, NO_LE);
	if (!want(x, ERR) || x->p.plain)
		return;
	read_sfi(x, 0x1e, 1);
	want(x, OK | SM);
}

/* K_10: two challenges, and the first one is signed. */
static void k_first_of_two(struct exam *x, long arg)
{
	struct cvc dv, is;
	struct blob first;

	if (!ready(x, &dv, &is) || !challenged(x))
		return;
	first = x->challenge;
	get_challenge(x);
	if (!want(x, OK | ERR | SM) || !was_ok(x))
		return;
	x->challenge = first;
	authenticate(x, is.key, false);
	want(x, NO | SM);
}

static void k_short_challenge(struct exam *x, long arg)
{
	struct cvc dv, is;

	if (!ready(x, &dv, &is))
		return;
	probe_send(&x->p, 0x0c, 0x84, 0, 0, NULL, 0, 7);
	if (!want(x, OK | ERR | SM) || !was_ok(x))
		return;
	x->challenge.n = 0;
	put(&x->challenge, x->p.data.b, x->p.data.n);
	authenticate(x, is.key, false);
	want(x, NO | SM);
}

/* K_14: no challenge; K_15: no MSE:Set AT; K_17: one with another tag. */
enum { NO_CHALLENGE, NO_SET_AT, OTHER_TAG };
static void k_missing(struct exam *x, long what)
{
	struct blob d = { 0 };
	struct cvc dv, is;

	if (!open_eac(x))
		return;
	dv = cvc_dv(x, "001", DV, MONTH);
	is = cvc_is(x, "001", IS, 14);
	if (!show_chain(x, &dv, &is))
		return;
	x->challenge.n = 0;
	if (what == NO_CHALLENGE) {
		set_at(x, is.chr);
		if (!want(x, OK | SM))
			return;
	} else if (what == OTHER_TAG) {
		put_do(&d, 0x84, is.chr, strlen(is.chr));
		probe_send(&x->p, 0x0c, 0x22, 0x81, 0xa4, d.b, d.n, NO_LE);
		if (!want(x, ERR | SM))
			return;
	}
	if (what != NO_CHALLENGE) {
		get_challenge(x);
		if (!want(x, OK | ERR | SM))
			return;
	}
	/* where there is no challenge the rest may be skipped; it is asked all the same: nothing may open */
	authenticate(x, is.key, false);
	if (want(x, NO | SM))
		locked(x, 3);
}

/* K_18: power off takes the rights away. */
static void k_reset(struct exam *x, long arg)
{
	k_right(x, 0);
	if (x->failed)
		return;
	read_sfi(x, 3, 1);
	if (want(x, OK | SM) && open_app(x))
		locked(x, 3);
}

/* K_19: passive and active authentication between chip and terminal authentication. */
static void k_between(struct exam *x, long arg)
{
	static const uint8_t nonce[8] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };
	struct blob file;
	struct cvc dv, is;

	if (!open_eac(x) || !read_file(x, 0x011d, &file) || !read_file(x, 0x010f, &file))
		return;
	probe_send(&x->p, 0x0c, 0x88, 0, 0, nonce, 8, 0);
	if (!want(x, OK | SM))
		return;
	dv = cvc_dv(x, "001", DV, MONTH);
	is = cvc_is(x, "001", IS, 14);
	if (!show_chain(x, &dv, &is))
		return;
	set_at(x, is.chr);
	if (!want(x, OK | SM) || !challenged(x))
		return;
	authenticate(x, is.key, false);
	want(x, OK | SM);
}

static void k_bad_signature(struct exam *x, long arg)
{
	struct cvc dv, is;

	x->by = BY_PACE;
	if (!ready(x, &dv, &is) || !challenged(x))
		return;
	authenticate(x, is.key, true);
	want(x, NO | SM);
}

/* ---- L ---- */

/* Rights of the DV and of the terminal, and the group that is asked for. */
#define RIGHTS(dv, is, dg)	((dv) | (is) << 4 | (dg) << 8)
static void l_rights(struct exam *x, long arg)
{
	uint8_t dv_rights = arg & 0xf, is_rights = arg >> 4 & 0xf;
	unsigned int dg = arg >> 8 & 0xf;
	struct cvc dv, is;

	if (!open_eac(x))
		return;
	dv = cvc_dv(x, "003", 0x80 | dv_rights, MONTH);
	is = cvc_is(x, "003", is_rights, MONTH);
	if (!show_chain(x, &dv, &is))
		return;
	set_at(x, is.chr);
	if (!want(x, OK | SM) || !challenged(x))
		return;
	authenticate(x, is.key, false);
	if (!want(x, OK | SM))
		return;
	read_sfi(x, dg, 1);
	if (!(dv_rights & is_rights & (dg == 3 ? 1 : 2)))
		want(x, ERR | SM);
	else if (want(x, OK | SM))
		must(x, x->p.data.n == 1 && x->p.data.b[0] == (dg == 3 ? 0x63 : 0x76), "not the group's first byte");
}

/* L_9, L_10: certificates and a challenge are not enough. */
static void l_unfinished(struct exam *x, long dg)
{
	struct cvc dv, is;

	if (ready(x, &dv, &is) && challenged(x))
		locked(x, (unsigned int)dg);
}

static void l_failed(struct exam *x, long dg)
{
	struct cvc dv, is;

	if (!ready(x, &dv, &is) || !challenged(x))
		return;
	authenticate(x, is.key, true);
	if (want(x, NO | SM))
		locked(x, (unsigned int)dg);
}

/* GET CHALLENGE, SELECT of the application or MSE:Set AT within the session: the beginning of another access. */
static bool begins_again(struct exam *x, enum access by)
{
	struct blob d = { 0 };

	if (by == BY_BAC) {
		select_app(x);
		if (!want(x, OK | ERR) || !was_ok(x))
			return false;
		probe_send(&x->p, 0x0c, 0x84, 0, 0, NULL, 0, 8);
	} else {
		put_do(&d, 0x80, (const uint8_t[]){ 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x04,
						    (uint8_t)x->info->mapping, (uint8_t)x->info->pace }, 10);
		put_do(&d, 0x83, "\x01", 1);
		put_do(&d, 0x84, (const uint8_t[]){ (uint8_t)x->info->domain }, 1);
		probe_send(&x->p, 0x0c, 0x22, 0xc1, 0xa4, d.b, d.n, NO_LE);
	}
	return want(x, OK | ERR) && was_ok(x);
}

/* L_13 to L_16: after all that, access anew within the session: refused, or it takes the rights away. */
#define TWICE(first, second)	((first) | (second) << 1)
static void l_again(struct exam *x, long arg)
{
	x->by = (enum access)(arg & 1);
	k_right(x, 0);
	if (x->failed)
		return;
	probe_send(&x->p, 0x0c, 0xa4, 0x00, 0x0c, NULL, 0, NO_LE);
	if (!want(x, OK | ERR) || !was_ok(x))
		return;
	/* a card that lets it begin would have to be asked to the end: none of ours does; one that did would show */
	must(x, !begins_again(x, (enum access)(arg >> 1)) || x->failed, "access begins anew within the session");
}

#define K(n, f, a)	{ "K_" #n, f, a, KIT_MAIN, true }
#define L(n, f, a)	{ "L_" #n, f, a, KIT_MAIN, true }

const struct asked unit_ta[] = {
	{ "K_1a", k_by, BY_BAC, KIT_MAIN, false }, { "K_1b", k_by, BY_PACE, KIT_MAIN, false }, K(2, k_other, NOBODY),
	K(4, k_plain, 0), K(5, k_other, A_DV), K(6, k_other, THE_CVCA), K(7, k_class, 0), K(10, k_first_of_two, 0),
	K(12, k_short_challenge, 0), K(14, k_missing, NO_CHALLENGE), K(15, k_missing, NO_SET_AT),
	K(17, k_missing, OTHER_TAG),
	K(18, k_reset, 0), K(19, k_between, 0), { "K_20", k_bad_signature, 0, KIT_MAIN, false },
	L(1, l_rights, RIGHTS(3, 1, 3)), L(2, l_rights, RIGHTS(3, 1, 4)), L(3, l_rights, RIGHTS(3, 2, 4)),
	L(4, l_rights, RIGHTS(3, 2, 3)), L(5, l_rights, RIGHTS(1, 3, 3)), L(6, l_rights, RIGHTS(1, 3, 4)),
	L(7, l_rights, RIGHTS(2, 3, 4)), L(8, l_rights, RIGHTS(2, 3, 3)), L(9, l_unfinished, 3), L(10, l_unfinished, 4),
	L(11, l_failed, 3), L(12, l_failed, 4),
	{ "L_13", l_again, TWICE(BY_BAC, BY_BAC), KIT_MAIN, false }, { "L_14", l_again, TWICE(BY_PACE, BY_PACE),
	KIT_MAIN, false },
	{ "L_15", l_again, TWICE(BY_PACE, BY_BAC), KIT_MAIN, false },
	{ "L_16", l_again, TWICE(BY_BAC, BY_PACE), KIT_MAIN, false },
	{ 0 }
};
