// SPDX-License-Identifier: BSD-2-Clause
/*
 * Units A, B, D, E, H, O, Q, S and T: files selected and read, and access to them before, within and after a session. A
 * case's argument is the file's identifier; in B and O the cases count through EF.COM, EF.SOD, EF.DG1 to EF.DG16.
 */
#include "exam.h"

#include <string.h>

#define COM	0x011e
#define SOD	0x011d
#define CVCA	0x011c

/* The first byte of each file. */
static unsigned int first_byte(unsigned int fid)
{
	static const uint8_t dgs[] = { 0, 0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d,
				       0x6e, 0x6f, 0x70 };

	return fid == COM ? 0x60 : fid == SOD ? 0x77 : fid == CVCA ? 0x42 : dgs[fid & 0x1f];
}

static bool begins(struct exam *x, unsigned int fid)
{
	return must(x, x->p.data.n >= 1 && x->p.data.b[0] == first_byte(fid), "not the file's first byte");
}

/* EF.DG3 and EF.DG4 are read in a session that terminal authentication has opened (TR-03105-3.2, 2.1). */
static bool open_for(struct exam *x, unsigned int fid)
{
	struct cvc dv, is;

	if (fid != 0x0103 && fid != 0x0104)
		return open_app(x);
	if (!open_eac(x))
		return false;
	dv = cvc_dv(x, "001", 0x83, MONTH);
	is = cvc_is(x, "001", 0x03, 14);
	if (!show_chain(x, &dv, &is))
		return false;
	set_at(x, is.chr);
	if (!want(x, OK | SM))
		return false;
	get_challenge(x);
	if (!want(x, OK | SM))
		return false;
	authenticate(x, is.key, false);
	return want(x, OK | SM);
}

/* The application, plain. */
static bool plain_app(struct exam *x)
{
	probe_reset(&x->p);
	select_app(x);
	return want(x, OK | PLAIN) && must(x, !x->p.data.n, "data in the answer");
}

static void a_select(struct exam *x, long arg)
{
	plain_app(x);
}

/* ---- B and O: before access, and after a plain command in a session ---- */

static void b_select(struct exam *x, long fid)
{
	if (!plain_app(x))
		return;
	select_ef(x, (unsigned int)fid);
	/* selected or not, it is not read */
	if (!want(x, OK | ERR | PLAIN) || !was_ok(x))
		return;
	read_at(x, 0, 1);
	want(x, ERR | PLAIN);
}

static void b_read(struct exam *x, long fid)
{
	if (!plain_app(x))
		return;
	read_sfi(x, fid & 0x1f, 0);
	if (want(x, ERR | PLAIN))
		must(x, x->p.sw == 0x6982, "not 6982");
}

static void plain_after(struct exam *x, unsigned int fid)
{
	read_sfi(x, fid & 0x1f, 6);
	if (!want(x, OK | SM) || !must(x, x->p.data.n == 6, "not six bytes"))
		return;
	probe_send(&x->p, 0x00, 0xb0, 0x00, 0x00, NULL, 0, 0);
	want(x, ERR | PLAIN);
}

static void after_session(struct exam *x, long arg)
{
	x->by = arg >> 16 ? BY_PACE : BY_BAC;
	if (open_for(x, (unsigned int)arg & 0xffff))
		plain_after(x, (unsigned int)arg & 0xffff);
}

/* EF.CardSecurity, beside the application (O_55 to O_58, S). */
static void security_select(struct exam *x, long arg)
{
	probe_reset(&x->p);
	select_ef(x, SOD);
	if (!want(x, OK | ERR | PLAIN) || !was_ok(x))
		return;
	read_at(x, 0, 1);
	want(x, ERR | PLAIN);
}

static void security_read(struct exam *x, long arg)
{
	probe_reset(&x->p);
	if (arg)
		read_odd(x, SOD & 0x1f, 3);
	else
		read_sfi(x, SOD & 0x1f, 1);
	want(x, ERR | PLAIN);
}

static void security_select_odd(struct exam *x, long arg)
{
	probe_reset(&x->p);
	select_ef(x, SOD);
	if (!want(x, OK | ERR | PLAIN))
		return;
	read_odd(x, 0, 3);
	want(x, ERR | PLAIN);
}

static void security_after(struct exam *x, long mapping)
{
	probe_reset(&x->p);
	if (open_pace(x, 1, (unsigned int)mapping))
		plain_after(x, SOD);
}

/* S_1 to S_4. arg: 1 selected first, 2 odd instruction */
static void security_in(struct exam *x, long arg)
{
	probe_reset(&x->p);
	if (!open_pace(x, 1, 6))
		return;
	if (arg & 1) {
		select_ef(x, SOD);
		if (!want(x, OK | SM))
			return;
	}
	if (arg & 2)
		read_odd(x, arg & 1 ? 0 : SOD & 0x1f, 3);
	else if (arg & 1)
		read_at(x, 0, 1);
	else
		read_sfi(x, SOD & 0x1f, 1);
	if (want(x, OK | SM))
		must(x, x->p.data.n && x->p.data.b[0] == (arg & 2 ? 0x53 : 0x30), "not a signed file's first byte");
}

/* ---- D and E: in a session ---- */

static void d_select(struct exam *x, long fid)
{
	if (!open_for(x, (unsigned int)fid))
		return;
	select_ef(x, (unsigned int)fid);
	if (!want(x, OK | SM))
		return;
	read_at(x, 0, 1);
	if (want(x, OK | SM))
		begins(x, (unsigned int)fid);
}

static void d_no_file(struct exam *x, long arg)
{
	if (!open_app(x))
		return;
	select_ef(x, 0x0202);
	want(x, ERR | SM);
}

static void e_read(struct exam *x, long fid)
{
	if (!open_for(x, (unsigned int)fid))
		return;
	read_sfi(x, fid & 0x1f, 1);
	if (want(x, OK | SM))
		begins(x, (unsigned int)fid);
}

enum { AT_START, BEYOND, LE_BEYOND };
static void e_current(struct exam *x, long arg)
{
	if (!open_app(x))
		return;
	select_ef(x, COM);
	if (!want(x, OK | SM))
		return;
	read_at(x, arg == BEYOND ? 0x7fff : 0, arg == LE_BEYOND ? 0xe0 : 1);
	if (!want(x, (arg == BEYOND ? ERR : arg == LE_BEYOND ? OK | W6282 | ERR : OK) | SM) || arg == BEYOND)
		return;
	if (x->p.sw < 0x6400 || was_ok(x))
		begins(x, COM);
}

/* ---- H: EF.DG3 and EF.DG4 before terminal authentication; EF.CVCA ---- */

enum how { BY_FID, BY_SFI, ODD_SFI, ODD_FID };
#define HOW(h, fid)	((h) << 16 | (fid))

static void read_how(struct exam *x, enum how how, unsigned int fid, int le)
{
	if (how == ODD_SFI || how == ODD_FID)
		read_odd(x, how == ODD_SFI ? fid & 0x1f : fid, le);
	else if (how == BY_SFI)
		read_sfi(x, fid & 0x1f, le);
	else
		read_at(x, 0, le);
}

static void h_locked(struct exam *x, long arg)
{
	enum how how = (enum how)(arg >> 16);

	if (!open_ca(x))
		return;
	if (how == BY_FID) {
		select_ef(x, arg & 0xffff);
		if (!want(x, OK | ERR | SM) || !was_ok(x))
			return;
	}
	read_how(x, how, arg & 0xffff, how == BY_FID || how == BY_SFI ? 1 : 7);
	want(x, ERR | SM);
}

static void h_closed(struct exam *x, long arg)
{
	enum how how = (enum how)arg;

	if (!plain_app(x))
		return;
	if (how == BY_FID) {
		select_ef(x, CVCA);
		if (!want(x, OK | ERR | PLAIN) || !was_ok(x))
			return;
	}
	read_how(x, how, CVCA, how == BY_FID || how == BY_SFI ? 1 : 7);
	want(x, ERR | PLAIN);
}

static void h_open(struct exam *x, long arg)
{
	enum how how = (enum how)arg;
	bool odd = how == ODD_SFI || how == ODD_FID;

	if (!open_app(x))
		return;
	if (how == BY_FID) {
		select_ef(x, CVCA);
		if (!want(x, OK | SM))
			return;
	}
	read_how(x, how, CVCA, odd ? 38 : 36);
	if (!want(x, OK | SM))
		return;
	if (odd)
		must(x, x->p.data.n == 38 && x->p.data.b[0] == 0x53 && x->p.data.b[1] == 36, "not 36 bytes in 53");
	else if (must(x, x->p.data.n == 36, "not 36 bytes"))
		begins(x, CVCA);
}

/* ---- Q and T: files beside the application, open to all ---- */

static void q_read(struct exam *x, long arg)
{
	enum how how = (enum how)(arg >> 16);
	unsigned int fid = arg & 0xffff;

	probe_reset(&x->p);
	if (how == BY_FID || how == ODD_FID) {
		select_ef(x, fid);
		if (!want(x, OK | PLAIN))
			return;
	}
	if (how == BY_FID || how == BY_SFI)
		read_how(x, how, fid, 1);
	else
		probe_send(&x->p, 0x00, 0xb1, 0x00, how == ODD_FID ? 0 : fid & 0x1f, "\x54\x02\x00\x00", 4, 3);
	if (!want(x, OK | PLAIN))
		return;
	if (how == BY_FID || how == BY_SFI)
		must(x, x->p.data.n == 1, "not one byte");
	else
		must(x, x->p.data.n == 3 && x->p.data.b[0] == 0x53 && x->p.data.b[1] == 1, "not one byte in 53");
}

#define EACH(M) \
	M(1, COM) M(2, SOD) M(3, 0x0101) M(4, 0x0102) M(5, 0x0103) M(6, 0x0104) M(7, 0x0105) M(8, 0x0106) M(9, 0x0107) \
	M(10, 0x0108) M(11, 0x0109) M(12, 0x010a) M(13, 0x010b) M(14, 0x010c) M(15, 0x010d) M(16, 0x010e) \
	M(17, 0x010f) M(18, 0x0110)
#define EACH_READ(M) \
	M(19, COM) M(20, SOD) M(21, 0x0101) M(22, 0x0102) M(23, 0x0103) M(24, 0x0104) M(25, 0x0105) M(26, 0x0106) \
	M(27, 0x0107) M(28, 0x0108) M(29, 0x0109) M(30, 0x010a) M(31, 0x010b) M(32, 0x010c) M(33, 0x010d) \
	M(34, 0x010e) M(35, 0x010f) M(36, 0x0110)
#define EACH_AFTER(M) \
	M(37, COM) M(38, SOD) M(39, 0x0101) M(40, 0x0102) M(41, 0x0103) M(42, 0x0104) M(43, 0x0105) M(44, 0x0106) \
	M(45, 0x0107) M(46, 0x0108) M(47, 0x0109) M(48, 0x010a) M(49, 0x010b) M(50, 0x010c) M(51, 0x010d) \
	M(52, 0x010e) M(53, 0x010f) M(54, 0x0110)
#define EACH_DG(M) \
	M(6, SOD) M(7, 0x0101) M(8, 0x0102) M(9, 0x0103) M(10, 0x0104) M(11, 0x0105) M(12, 0x0106) M(13, 0x0107) \
	M(14, 0x0108) M(15, 0x0109) M(16, 0x010a) M(17, 0x010b) M(18, 0x010c) M(19, 0x010d) M(20, 0x010e) \
	M(21, 0x010f) M(22, 0x0110)

#define B_SELECT(n, fid)	{ "B_" #n, b_select, fid, KIT_MAIN, false },
#define B_READ(n, fid)		{ "B_" #n, b_read, fid, KIT_MAIN, false },
#define B_AFTER(n, fid)		{ "B_" #n, after_session, fid, KIT_MAIN, false },
#define O_SELECT(n, fid)	{ "O_" #n, b_select, fid, KIT_MAIN, false },
#define O_READ(n, fid)		{ "O_" #n, b_read, fid, KIT_MAIN, false },
#define O_AFTER(n, fid)		{ "O_" #n, after_session, 0x10000 | (fid), KIT_MAIN, false },
#define D_SELECT(n, fid)	{ "D_" #n, d_select, fid, KIT_MAIN, true },
#define E_READ(n, fid)		{ "E_" #n, e_read, fid, KIT_MAIN, true },
#define H(n, f, a)		{ "H_" #n, f, a, KIT_MAIN, true }

const struct asked unit_files[] = {
	{ "A_1", a_select, 0, KIT_BAC, false }, { "A_2", a_select, 0, KIT_MAIN, false },
	{ "A_3", a_select, 0, KIT_CAM, false },
	EACH(B_SELECT) EACH_READ(B_READ) EACH_AFTER(B_AFTER)
	D_SELECT(1, COM) EACH_DG(D_SELECT) { "D_23", d_no_file, 0, KIT_MAIN, true },
	{ "E_1", e_current, AT_START, KIT_MAIN, true }, { "E_3", e_current, BEYOND, KIT_MAIN, true },
	{ "E_4", e_current, LE_BEYOND, KIT_MAIN, true }, E_READ(5, COM) EACH_DG(E_READ)
	H(1, h_locked, HOW(BY_FID, 0x0103)), H(2, h_locked, HOW(BY_FID, 0x0104)), H(3, h_locked, HOW(BY_SFI, 0x0103)),
	H(4, h_locked, HOW(BY_SFI, 0x0104)), H(5, h_locked, HOW(ODD_SFI, 0x0103)), H(6, h_locked, HOW(ODD_SFI, 0x0104)),
	{ "H_7", h_closed, BY_FID, KIT_MAIN, false }, { "H_8", h_closed, BY_SFI, KIT_MAIN, false },
	{ "H_9", h_closed, ODD_SFI, KIT_MAIN, false }, { "H_10", h_closed, ODD_FID, KIT_MAIN, false },
	H(11, h_locked, HOW(ODD_FID, 0x0103)), H(12, h_locked, HOW(ODD_FID, 0x0104)), H(13, h_open, BY_FID),
	H(14, h_open, BY_SFI), H(15, h_open, ODD_SFI), H(16, h_open, ODD_FID),
	EACH(O_SELECT) EACH_READ(O_READ) EACH_AFTER(O_AFTER)
	{ "O_55", security_select, 0, KIT_CAM, false }, { "O_56", security_read, 0, KIT_CAM, false },
	{ "O_57", security_after, 6, KIT_CAM, false }, { "O_58", security_after, 2, KIT_CAM, false },
	{ "Q_1", q_read, HOW(BY_FID, 0x011c), KIT_MAIN, false }, { "Q_2", q_read, HOW(BY_SFI, 0x011c),
	KIT_MAIN, false },
	{ "Q_3", q_read, HOW(ODD_FID, 0x011c), KIT_MAIN, false }, { "Q_4", q_read, HOW(ODD_SFI, 0x011c),
	KIT_MAIN, false },
	{ "S_1", security_in, 1, KIT_CAM, false }, { "S_2", security_in, 0, KIT_CAM, false },
	{ "S_3", security_in, 3, KIT_CAM, false }, { "S_4", security_in, 2, KIT_CAM, false },
	{ "S_5", security_select, 0, KIT_CAM, false }, { "S_6", security_read, 0, KIT_CAM, false },
	{ "S_7", security_select_odd, 0, KIT_CAM, false }, { "S_8", security_read, 1, KIT_CAM, false },
	{ "T_1", q_read, HOW(BY_FID, 0x2f01), KIT_MAIN, false }, { "T_2", q_read, HOW(BY_SFI, 0x2f01),
	KIT_MAIN, false },
	{ "T_3", q_read, HOW(ODD_FID, 0x2f01), KIT_MAIN, false }, { "T_4", q_read, HOW(ODD_SFI, 0x2f01),
	KIT_MAIN, false },
	{ 0 }
};
