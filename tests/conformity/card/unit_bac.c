// SPDX-License-Identifier: BSD-2-Clause
/* Unit C: basic access control, and the errors of secure messaging after it. */
#include "exam.h"

#include <string.h>
#include <openssl/rand.h>

static bool challenge(struct exam *x, uint8_t out[8])
{
	probe_send(&x->p, 0x00, 0x84, 0, 0, NULL, 0, 8);
	if (!want(x, OK | PLAIN) || !must(x, x->p.data.n == 8, "a challenge that is not eight bytes"))
		return false;
	memcpy(out, x->p.data.b, 8);
	return true;
}

static bool selected(struct exam *x)
{
	probe_reset(&x->p);
	select_app(x);
	return want(x, OK | PLAIN);
}

/* EXTERNAL AUTHENTICATE over that challenge. */
static void token(struct exam *x, const uint8_t rnd[8], bool other_keys, bool bad_mac)
{
	uint8_t enc[32], mac[32], t[40];
	struct blob m = { 0 };

	bac_keys(x, enc, mac);
	if (other_keys) {
		enc[1] ^= 2;
		mac[1] ^= 2;
	}
	MUST(RAND_bytes(t, 32) == 1);
	memcpy(t + 8, rnd, 8);
	cbc(C_3DES, true, enc, NULL, t, 32);
	put(&m, t, 32);
	pad(&m, 8);
	mac8(C_3DES, mac, m.b, m.n, t + 32);
	if (bad_mac)
		t[39] ^= 1;
	probe_send(&x->p, 0x00, 0x82, 0, 0, t, 40, 40);
}

static void c_challenges(struct exam *x, long arg)
{
	uint8_t a[8], b[8];

	if (selected(x) && challenge(x, a) && challenge(x, b))
		must(x, memcmp(a, b, 8) != 0, "the same challenge twice");
}

static void c_right(struct exam *x, long arg)
{
	probe_reset(&x->p);
	open_bac(x);
}

static void c_other_keys(struct exam *x, long arg)
{
	uint8_t rnd[8];

	if (!selected(x) || !challenge(x, rnd))
		return;
	token(x, rnd, true, false);
	want(x, NO | PLAIN);
}

static void c_bad_mac(struct exam *x, long arg)
{
	uint8_t rnd[8];

	if (!selected(x) || !challenge(x, rnd))
		return;
	token(x, rnd, false, true);
	want(x, NO | PLAIN);
}

/* C_4: without a challenge, and with one that is over. */
static void c_challenge_over(struct exam *x, long arg)
{
	uint8_t rnd[8] = { 0 }, later[8];

	if (!selected(x))
		return;
	token(x, rnd, false, false);
	if (!want(x, NO | PLAIN) || !challenge(x, rnd) || !challenge(x, later))
		return;
	token(x, rnd, false, false);
	want(x, NO | PLAIN);
}

/* C_8 to C_11: what answers look like; the sound form itself is judged by want(). arg: 1 selected first, 2 odd */
static void c_answers(struct exam *x, long arg)
{
	if (!open_app(x))
		return;
	if (arg & 1) {
		select_ef(x, 0x011e);
		if (!want(x, OK | SM) || !must(x, !x->p.data.n, "data in SELECT's answer"))
			return;
	}
	if (arg & 2)
		read_odd(x, arg & 1 ? 0 : 0x1e, 6);
	else if (arg & 1)
		read_at(x, 0, 6);
	else
		read_sfi(x, 0x1e, 6);
	if (want(x, OK | SM))
		must(x, x->p.data.n == 6 && x->p.data.b[0] == (arg & 2 ? 0x53 : 0x60), "not what was read");
}

/* C_12 to C_18: an error of secure messaging is answered plain, and ends the session. */
static void c_errors(struct exam *x, long arg)
{
	bool select = arg & 0x100;
	unsigned int tamper = arg & 0xff;

	if (!open_app(x))
		return;
	x->p.tamper = tamper;
	if (select)
		select_ef(x, 0x011e);
	else
		read_sfi(x, 0x1e, 6);
	if (!want(x, ERR | PLAIN) || (tamper != NO_MAC &&
	    !must(x, x->p.sw == 0x6988 || x->p.sw == 0x6982, "neither 6988 nor 6982")))
		return;
	read_sfi(x, 0x1e, 6);
	want(x, ERR | PLAIN);
}

/* C_16: a plain SELECT is taken or not, and the session is over with it. */
static void c_plain(struct exam *x, long arg)
{
	if (!open_app(x))
		return;
	probe_send(&x->p, 0x00, 0xa4, 0x02, 0x0c, "\x01\x1e", 2, NO_LE);
	if (!want(x, OK | ERR | PLAIN))
		return;
	read_sfi(x, 0x1e, 6);
	want(x, ERR | PLAIN);
}

#define C(n, f, a)	{ "C_" #n, f, a, KIT_MAIN, false }

const struct asked unit_bac[] = {
	C(1, c_challenges, 0), C(2, c_right, 0), C(3, c_other_keys, 0), C(4, c_challenge_over, 0), C(6, c_bad_mac, 0),
	C(8, c_answers, 0), C(9, c_answers, 2), C(10, c_answers, 1), C(11, c_answers, 3),
	C(12, c_errors, 0x100 | NO_MAC),
	C(13, c_errors, 0x100 | BAD_MAC), C(14, c_errors, 0x100 | BAD_COUNTER), C(16, c_plain, 0),
	C(17, c_errors, NO_MAC),
	C(18, c_errors, BAD_MAC),
	{ 0 }
};
