// SPDX-License-Identifier: BSD-2-Clause
/*
 * Units J, M and N: which certificates a chip takes, and what it keeps of them: the day, its trust points, another
 * algorithm. Names and days as in the plan's certificate sets (2.4); set N is "N" in a pair's name.
 */
#include "exam.h"

#include <stdio.h>
#include <string.h>

/* ---- J: no certificate that must be refused opens the way to the next one ---- */

static void j_chain(struct exam *x, long arg)
{
	struct cvc dv, is;

	if (!open_eac(x))
		return;
	dv = cvc_dv(x, "001", DV, MONTH);
	is = cvc_is(x, "001", IS, 14);
	show_chain(x, &dv, &is);
}

/* Set 1: the DV's certificate is refused, and the IS's after it. */
static void j_bad_dv(struct exam *x, long flaw)
{
	struct cvc dv, is;

	if (!open_eac(x))
		return;
	dv = cvc_dv(x, "001", DV, MONTH);
	is = cvc_is(x, "001", IS, 14);
	dv.flaw = (enum flaw)flaw;
	if (flaw == DAY_FROM)
		dv.to = CVCA_DAYS;
	set_dst(x, dv.car);
	if (!want(x, OK | SM))
		return;
	show(x, &dv);
	if (!want(x, NO | SM))
		return;
	set_dst(x, dv.chr);
	if (!want(x, OK | ERR | SM))
		return;
	show(x, &is);
	want(x, NO | SM);
}

/* J_2: the reference that is set is nobody's. */
static void j_bad_name(struct exam *x, long arg)
{
	struct cvc dv, is;
	char other[17];

	if (!open_eac(x))
		return;
	dv = cvc_dv(x, "001", DV, MONTH);
	is = cvc_is(x, "001", IS, 14);
	strcpy(other, x->car);
	other[strlen(other) - 1] ^= 1;
	set_dst(x, other);
	if (!want(x, OK | ERR | SM))
		return;
	show(x, &dv);
	if (!want(x, NO | SM))
		return;
	set_dst(x, dv.chr);
	if (!want(x, OK | ERR | SM))
		return;
	show(x, &is);
	want(x, NO | SM);
}

/* J_21: it ends before it begins. */
static void j_backwards(struct exam *x, long arg)
{
	struct cvc dv, is;

	if (!open_eac(x))
		return;
	dv = cvc_dv(x, "001", DV, 0);
	dv.from = 1;
	is = cvc_is(x, "001", IS, 14);
	set_dst(x, dv.car);
	if (!want(x, OK | SM))
		return;
	show(x, &dv);
	if (!want(x, NO | SM))
		return;
	set_dst(x, dv.chr);
	if (!want(x, OK | ERR | SM))
		return;
	show(x, &is);
	want(x, NO | SM);
}

/* J_22: keys of certificates do not outlive the session. */
static void j_forgotten(struct exam *x, long arg)
{
	struct cvc dv, is;

	if (!open_eac(x))
		return;
	dv = cvc_dv(x, "001", DV, MONTH);
	is = cvc_is(x, "001", IS, 14);
	set_dst(x, dv.car);
	if (!want(x, OK | SM))
		return;
	show(x, &dv);
	if (!want(x, OK | SM) || !open_ca(x))
		return;
	set_dst(x, dv.chr);
	if (!want(x, OK | ERR | SM))
		return;
	show(x, &is);
	want(x, NO | SM);
}

/* Set 12: a DV's certificate from a later day is refused, so that the day has not gone on: set 1 is still taken. */
enum { NAME = 1000, NO_NAME };
static void j_day_stays(struct exam *x, long arg)
{
	struct cvc late, dv;
	char name[17];

	if (!open_eac(x))
		return;
	late = cvc_dv(x, "012", DV, MONTH + 25);
	late.from = MONTH + 20;
	if (arg < NAME)
		late.flaw = (enum flaw)arg;
	strcpy(name, x->car);
	if (arg == NAME)
		name[strlen(name) - 1] ^= 1;
	if (arg != NO_NAME) {
		set_dst(x, name);
		if (!want(x, arg == NAME ? OK | ERR | SM : OK | SM))
			return;
	}
	show(x, &late);
	if (!want(x, NO | SM) || !open_eac(x))
		return;
	dv = cvc_dv(x, "001", DV, MONTH);
	set_dst(x, dv.car);
	if (!want(x, OK | SM))
		return;
	show(x, &dv);
	want(x, OK | SM);
}

/* J_11 and M_1: an IS's certificate from a later day moves the day on where a domestic DV stands behind it. */
static void day_by_is(struct exam *x, long chat)
{
	const char *set = chat == DV ? "006" : "002";
	struct cvc dv, late, early;

	if (!open_eac(x))
		return;
	dv = cvc_dv(x, set, (uint8_t)chat, chat == DV ? 2 * MONTH : MONTH);
	late = cvc_is(x, set, IS, MONTH);
	late.from = 14;
	early = cvc_is(x, set, IS, 13);
	if (!show_chain(x, &dv, &late) || !open_eac(x))
		return;
	set_dst(x, dv.car);
	if (!want(x, OK | SM))
		return;
	show(x, &dv);
	if (!want(x, OK | SM))
		return;
	set_dst(x, dv.chr);
	if (!want(x, OK | SM))
		return;
	show(x, &early);
	want(x, chat == DV ? NO | SM : OK | SM);
}

/* J_12: a plain command closes the session. */
static void j_plain(struct exam *x, long arg)
{
	struct blob d = { 0 };
	struct cvc dv;

	if (!open_eac(x))
		return;
	put_do(&d, 0x83, x->car, strlen(x->car));
	probe_send(&x->p, 0x00, 0x22, 0x81, 0xb6, d.b, d.n, NO_LE);
	if (!want(x, OK | ERR | PLAIN))
		return;
	dv = cvc_dv(x, "001", DV, MONTH);
	show(x, &dv);
	if (!want(x, ERR | PLAIN) || !open_eac(x))
		return;
	set_dst(x, x->car);
	if (!want(x, OK | SM))
		return;
	cvc_make(&dv, &d);
	probe_send(&x->p, 0x00, 0x2a, 0x00, 0xbe, d.b, d.n, NO_LE);
	if (!want(x, ERR | PLAIN))
		return;
	set_dst(x, dv.chr);
	want(x, ERR | PLAIN);
}

/* J_13, J_15: a class that there is not; the answer comes as the card likes, and the session goes on with it or not. */
static void j_class(struct exam *x, long ins)
{
	struct blob d = { 0 };
	struct cvc dv;

	if (!open_eac(x))
		return;
	dv = cvc_dv(x, "001", DV, MONTH);
	if (ins == 0x2a) {
		set_dst(x, x->car);
		if (!want(x, OK | SM))
			return;
		cvc_make(&dv, &d);
	} else {
		put_do(&d, 0x83, x->car, strlen(x->car));
	}
	probe_send(&x->p, 0x8c, (uint8_t)ins, ins == 0x2a ? 0x00 : 0x81, ins == 0x2a ? 0xbe : 0xb6, d.b, d.n, NO_LE);
	if (!want(x, ERR) || x->p.plain)
		return;
	read_sfi(x, 0x1e, 1);
	want(x, OK | SM);
}

/* Sets 10 and 11: who may sign for whom. Roles one under the other, the last of which is refused. */
static void j_roles(struct exam *x, long roles)
{
	struct cvc c[3];
	unsigned int n = 0;
	char name[24];

	if (!open_eac(x))
		return;
	for (; roles >> (8 * n) & 0xff || n == 0; n++) {
		uint8_t chat = (uint8_t)(roles >> (8 * n));

		snprintf(name, sizeof(name), "roles %u", n);
		c[n] = (struct cvc){ .car = n ? c[n - 1].chr : x->car,
				     .chr = n == 0 ? "UTTESTUT00010" : n == 1 ? "UTTESTUT00011" : "UTTESTUT00012",
				     .chat = chat, .to = chat >> 6 == 3 ? CVCA_DAYS : chat >> 6 ? MONTH : 13,
				     .key = pair(x, name), .by = n ? c[n - 1].key : x->cvca,
				     .parameters = chat >> 6 == 3 };
	}
	for (unsigned int i = 0; i < n; i++) {
		bool last = i == n - 1;

		set_dst(x, c[i].car);
		if (!want(x, i == 2 ? OK | ERR | SM : OK | SM))
			return;
		show(x, &c[i]);
		if (!want(x, last ? NO | SM : OK | SM))
			return;
	}
}

/* Set 14: a shorter key below a longer one. */
static void j_short(struct exam *x, long dv_too)
{
	struct cvc dv, is;

	if (!open_eac(x))
		return;
	dv = cvc_dv(x, "014", DV, MONTH);
	is = cvc_is(x, "014", IS, 14);
	if (dv_too) {
		dv.key = is.by = pair(x, "DV 014 short");
	} else {
		is.key = pair(x, "IS 014 short");
	}
	dv.parameters = dv_too && !x->info->rsa;
	is.parameters = !dv_too && !x->info->rsa;
	set_dst(x, dv.car);
	if (!want(x, OK | SM))
		return;
	show(x, &dv);
	if (!want(x, dv_too ? NO | SM : OK | SM))
		return;
	set_dst(x, dv.chr);
	if (!want(x, dv_too ? OK | ERR | SM : OK | SM))
		return;
	show(x, &is);
	want(x, NO | SM);
}

/* ---- M: what stays ---- */

/* M_2: a DV's certificate moves the day on. */
static void m_day_by_dv(struct exam *x, long arg)
{
	struct cvc late, dv;

	if (!open_eac(x))
		return;
	dv = cvc_dv(x, "006", DV, 2 * MONTH);
	late = cvc_dv(x, "006", DV, CVCA_DAYS);
	late.from = 2 * MONTH + 5;
	set_dst(x, x->car);
	if (!want(x, OK | SM))
		return;
	show(x, &late);
	if (!want(x, OK | SM) || !open_eac(x))
		return;
	set_dst(x, x->car);
	if (!want(x, OK | SM))
		return;
	show(x, &dv);
	want(x, NO | SM);
}

/* A link from the authority that is known by name to the next one. */
static bool link_to(struct exam *x, const char *car, const char *by, const char *chr, const char *key, int from, int to)
{
	const struct cvc c = { .car = car, .chr = chr, .chat = CA, .from = CVCA_DAYS + from, .to = CVCA_DAYS + to,
			       .key = pair(x, key), .by = by ? pair(x, by) : x->cvca, .parameters = true };

	set_dst(x, car);
	if (!want(x, OK | SM))
		return false;
	show(x, &c);
	return want(x, OK | SM);
}

static bool dv_under(struct exam *x, const char *car, const char *by, int from, int to, unsigned int dst,
		     unsigned int kinds)
{
	struct cvc dv = cvc_dv(x, "007", DV, to);

	dv.car = car;
	dv.from = from;
	dv.by = by ? pair(x, by) : x->cvca;
	set_dst(x, car);
	if (!want(x, dst | SM))
		return false;
	show(x, &dv);
	return want(x, kinds | SM);
}

/* EF.CVCA: these two names, and zeroes up to 36 bytes (TR-03110-3, A.6.2.2). */
static bool trust_points(struct exam *x, const char *first, const char *second)
{
	struct blob file = { 0 };

	put_do(&file, 0x42, first, strlen(first));
	put_do(&file, 0x42, second, strlen(second));
	while (file.n < 36)
		put_byte(&file, 0);
	select_ef(x, 0x011c);
	if (!want(x, OK | SM))
		return false;
	read_at(x, 0, 36);
	return want(x, OK | SM) &&
	       must(x, x->p.data.n == 36 && !memcmp(x->p.data.b, file.b, 36), "EF.CVCA lacks a trust point");
}

static bool m3(struct exam *x)
{
	char old[17];

	if (!open_eac(x))
		return false;
	strcpy(old, x->car);
	if (!link_to(x, old, NULL, "UTTEST_LINKUT007", "CVCA 007", -1, 2 * MONTH) || !open_eac(x) ||
	    !trust_points(x, "UTTEST_LINKUT007", old))
		return false;
	/* the old one is still good, until the day goes past its end */
	return dv_under(x, old, NULL, 0, CVCA_DAYS, OK, OK) && open_eac(x) &&
	       dv_under(x, "UTTEST_LINKUT007", "CVCA 007", CVCA_DAYS + 1, CVCA_DAYS + MONTH, OK, OK) && open_eac(x) &&
	       dv_under(x, old, NULL, 0, CVCA_DAYS, OK | ERR, NO);
}

static bool m4(struct exam *x)
{
	return m3(x) && open_eac(x) &&
	       link_to(x, "UTTEST_LINKUT007", "CVCA 007", "UTTEST_LINKUT008", "CVCA 008", MONTH, 4 * MONTH) &&
	       link_to(x, "UTTEST_LINKUT008", "CVCA 008", "UTTESTCAUT009", "CVCA 009", 3 * MONTH, 6 * MONTH) &&
	       dv_under(x, "UTTESTCAUT009", "CVCA 009", CVCA_DAYS + 3 * MONTH, CVCA_DAYS + 4 * MONTH, OK, OK) &&
	       trust_points(x, "UTTESTCAUT009", "UTTEST_LINKUT008");
}

/* M_5: an authority does not sign for a terminal, be it a new one. */
static bool m5(struct exam *x)
{
	struct cvc is;

	if (!m4(x) || !open_eac(x) ||
	    !link_to(x, "UTTESTCAUT009", "CVCA 009", "UTTESTCAUT011", "CVCA 011", 5 * MONTH, 8 * MONTH))
		return false;
	is = cvc_is(x, "011", IS, CVCA_DAYS + 6 * MONTH);
	is.from = CVCA_DAYS + 5 * MONTH;
	is.car = "UTTESTCAUT011";
	is.by = pair(x, "CVCA 011");
	set_dst(x, is.car);
	if (!want(x, OK | SM))
		return false;
	show(x, &is);
	return want(x, NO | SM);
}

static void m_trust(struct exam *x, long arg)
{
	if (arg == 3)
		m3(x);
	else if (arg == 4)
		m4(x);
	else
		m5(x);
}

static void m_sanity(struct exam *x, long arg)
{
	if (!m5(x) || !open_app(x) || !trust_points(x, "UTTESTCAUT011", "UTTESTCAUT009"))
		return;
	read_at(x, 36, 1);
	want(x, ERR | SM);
}

/* N_1: the authority goes over from a curve to RSA. */
static void n_migration(struct exam *x, long arg)
{
	struct cvc dv, is;

	if (!m5(x) || !open_eac(x) ||
	    !link_to(x, "UTTESTCAUT011", "CVCA 011", "UTTESTCAUT013", "CVCA RSA", 7 * MONTH, 10 * MONTH))
		return;
	dv = cvc_dv(x, "013", DV, CVCA_DAYS + 8 * MONTH);
	is = cvc_is(x, "013", IS, CVCA_DAYS + 8 * MONTH);
	dv.from = is.from = CVCA_DAYS + 7 * MONTH;
	dv.car = "UTTESTCAUT013";
	dv.by = pair(x, "CVCA RSA");
	dv.key = is.by = pair(x, "DV RSA");
	is.key = pair(x, "IS RSA");
	show_chain(x, &dv, &is);
}

#define J(n, f, a)	{ "J_" #n, f, a, KIT_MAIN, true }
#define R(n, f, a)	{ "J_" #n, f, a, KIT_RSA, true }
#define ROLES(n, a, b, c) J(n, j_roles, (a) | (b) << 8 | (c) << 16)
/* A terminal without any right, so that the byte is no end of the list. */
#define T	0x03

const struct asked unit_cvc[] = {
	J(1, j_chain, 0), J(2, j_bad_name, 0), J(3, j_bad_dv, SIG_LAST), J(4, j_bad_dv, NO_SIG),
	J(5, j_bad_dv, NO_CERT_BODY),
	J(6, j_bad_dv, NO_CHAT), J(7, j_bad_dv, NO_FROM), J(8, j_bad_dv, NO_TO), J(9, j_bad_dv, BCD_FROM),
	J(10, j_bad_dv, BCD_TO), J(11, day_by_is, FOREIGN), J(12, j_plain, 0), J(13, j_class, 0x22),
	J(15, j_class, 0x2a),
	J(17, j_bad_dv, BODY_TAG), J(18, j_bad_dv, SIG_TAG), J(19, j_bad_dv, DAY_FROM), J(20, j_bad_dv, DAY_TO),
	J(21, j_backwards, 0), J(22, j_forgotten, 0), J(23, j_bad_dv, CHAT_OID), J(24, j_bad_dv, KEY_OID),
	J(25, j_day_stays, NAME), J(26, j_day_stays, BODY_TAG), J(27, j_day_stays, SIG_TAG),
	J(28, j_day_stays, BODY_LEN),
	J(29, j_day_stays, SIG_LEN), J(30, j_day_stays, SIG_LAST), J(31, j_day_stays, SIG_CUT),
	R(32, j_day_stays, SIG_BIG),
	J(33, j_day_stays, SIG_R0), J(34, j_day_stays, SIG_S0), J(35, j_day_stays, NO_NAME),
	J(36, j_day_stays, KEY_OID_CA),
	J(37, j_day_stays, NO_KEY_OID), J(38, j_day_stays, NO_POINT), R(39, j_day_stays, NO_MODULUS),
	R(40, j_day_stays, NO_EXPONENT), J(41, j_day_stays, KEY_EXTRA), ROLES(43, T, 0, 0), ROLES(44, DV, CA, 0),
	ROLES(45, FOREIGN, CA, 0), ROLES(46, DV, DV, 0), ROLES(47, DV, FOREIGN, 0), ROLES(48, FOREIGN, DV, 0),
	ROLES(49, FOREIGN, FOREIGN, 0), ROLES(50, DV, T, FOREIGN), ROLES(51, DV, T, DV), ROLES(52, DV, T, T),
	ROLES(53, DV, T, CA), J(55, j_short, 1), J(56, j_short, 0), R(55, j_short, 1), R(56, j_short, 0),
	{ "M_1", day_by_is, DV, KIT_MAIN, true }, { "M_2", m_day_by_dv, 0, KIT_MAIN, true },
	{ "M_3", m_trust, 3, KIT_MAIN, true }, { "M_4", m_trust, 4, KIT_MAIN, true },
	{ "M_5", m_trust, 5, KIT_MAIN, true },
	{ "M_6", m_sanity, 0, KIT_MAIN, true }, { "N_1", n_migration, 0, KIT_MAIN, true },
	{ 0 }
};
