// SPDX-License-Identifier: BSD-2-Clause
/* What most cases begin with: answers judged, files read, the application opened. */
#include "exam.h"

#include <stdio.h>
#include <string.h>
#include <openssl/rand.h>

static const uint8_t aid[] = { 0xa0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01 };

static void describe(unsigned int kinds, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s%s%s", kinds & OK ? " 9000" : "", kinds & W6282 ? " 6282" : "",
		 kinds & W6300 ? " 6300" : "", kinds & ERR ? " error" : "",
		 kinds & SM ? " (protected)" : kinds & PLAIN ? " (plain)" : "");
}

bool must(struct exam *x, bool right, const char *what)
{
	if (!right && !x->failed) {
		x->failed = true;
		snprintf(x->why, sizeof(x->why), "step %u: %s", x->step, what);
	}
	return right;
}

bool want(struct exam *x, unsigned int kinds)
{
	const struct probe *p = &x->p;
	uint16_t sw = p->sw;
	bool right = (sw == 0x9000 && kinds & OK) || (sw == 0x6300 && kinds & W6300) ||
		     (sw == 0x6282 && kinds & W6282) || (sw >= 0x6400 && sw < 0x7000 && kinds & ERR);
	char plan[64], what[160];

	x->step++;
	describe(kinds, plan, sizeof(plan));
	if (p->unsound) {
		snprintf(what, sizeof(what), "got %04X in unsound secure messaging (%s), plan says%s", sw, p->unsound,
			 plan);
		return must(x, false, what);
	}
	if ((kinds & SM && p->plain) || (kinds & PLAIN && !p->plain))
		right = false;
	snprintf(what, sizeof(what), "got %04X %s, plan says%s", sw, p->plain ? "plain" : "protected", plan);
	return must(x, right, what);
}

static uint8_t cla(const struct exam *x)
{
	return x->p.sm.on ? 0x0c : 0x00;
}

void select_app(struct exam *x)
{
	probe_send(&x->p, cla(x), 0xa4, 0x04, 0x0c, aid, sizeof(aid), NO_LE);
}

void select_ef(struct exam *x, unsigned int fid)
{
	const uint8_t id[2] = { (uint8_t)(fid >> 8), (uint8_t)fid };

	probe_send(&x->p, cla(x), 0xa4, 0x02, 0x0c, id, 2, NO_LE);
}

void read_at(struct exam *x, unsigned int offset, int le)
{
	probe_send(&x->p, cla(x), 0xb0, (uint8_t)(offset >> 8), (uint8_t)offset, NULL, 0, le);
}

void read_sfi(struct exam *x, unsigned int sfi, int le)
{
	probe_send(&x->p, cla(x), 0xb0, (uint8_t)(0x80 | sfi), 0, NULL, 0, le);
}

void read_odd(struct exam *x, unsigned int p1p2, int le)
{
	static const uint8_t offset[] = { 0x54, 0x01, 0x00 };

	probe_send(&x->p, cla(x), 0xb1, (uint8_t)(p1p2 >> 8), (uint8_t)p1p2, offset, sizeof(offset), le);
}

bool read_file(struct exam *x, unsigned int fid, struct blob *out)
{
	out->n = 0;
	select_ef(x, fid);
	if (!want(x, OK | SM))
		return false;
	for (;;) {
		read_at(x, (unsigned int)out->n, 128);
		if (x->p.sw != 0x9000 && x->p.sw != 0x6282)
			return want(x, ERR | SM) && must(x, out->n, "an empty file");
		put(out, x->p.data.b, x->p.data.n);
		if (x->p.data.n < 128)
			return true;
	}
}

/* ---- basic access control ---- */

/* ICAO 9303-11, 9.7.2, of a passport's second line. */
size_t mrz_information(const struct exam *x, char out[32])
{
	const char *line = x->info->mrz + 44;

	memcpy(out, line, 10);
	memcpy(out + 10, line + 13, 7);
	memcpy(out + 17, line + 21, 7);
	return 24;
}

void bac_keys(const struct exam *x, uint8_t enc[32], uint8_t mac[32])
{
	uint8_t seed[20];
	char info[32];

	digest("SHA1", info, mrz_information(x, info), seed);
	kdf(C_3DES, seed, 16, 1, enc);
	kdf(C_3DES, seed, 16, 2, mac);
}

bool open_bac(struct exam *x)
{
	uint8_t enc[32], mac[32], token[40], own[32], ssc[8], seed[16], want_mac[8];
	struct blob m = { 0 };
	char info[32];

	select_app(x);
	if (!want(x, OK | PLAIN))
		return false;
	probe_send(&x->p, 0x00, 0x84, 0, 0, NULL, 0, 8);
	if (!want(x, OK | PLAIN) || !must(x, x->p.data.n == 8, "a challenge that is not eight bytes"))
		return false;
	bac_keys(x, enc, mac);
	/* S = RND.IFD | RND.IC | K.IFD */
	MUST(RAND_bytes(own, sizeof(own)) == 1);
	memcpy(own + 8, x->p.data.b, 8);
	memcpy(token, own, 32);
	cbc(C_3DES, true, enc, NULL, token, 32);
	put(&m, token, 32);
	pad(&m, 8);
	mac8(C_3DES, mac, m.b, m.n, token + 32);
	probe_send(&x->p, 0x00, 0x82, 0, 0, token, 40, 40);
	if (!want(x, OK | PLAIN) || !must(x, x->p.data.n == 40, "an answer that is not forty bytes"))
		return false;
	m.n = 0;
	put(&m, x->p.data.b, 32);
	pad(&m, 8);
	mac8(C_3DES, mac, m.b, m.n, want_mac);
	cbc(C_3DES, false, enc, NULL, x->p.data.b, 32);
	if (!must(x, !memcmp(want_mac, x->p.data.b + 32, 8) && !memcmp(x->p.data.b, own + 8, 8) &&
		  !memcmp(x->p.data.b + 8, own, 8), "the chip's own token is wrong"))
		return false;
	for (int i = 0; i < 16; i++)
		seed[i] = own[16 + i] ^ x->p.data.b[16 + i];
	memcpy(ssc, own + 12, 4);
	memcpy(ssc + 4, own + 4, 4);
	probe_keys(&x->p, C_3DES, seed, 16, ssc);
	x->chip_id.n = 0;
	mrz_information(x, info);
	put(&x->chip_id, info, 10);
	return true;
}

bool open_app(struct exam *x)
{
	probe_reset(&x->p);
	if (x->by == BY_BAC)
		return open_bac(x);
	if (!open_pace(x, 1, x->info->mapping))
		return false;
	select_app(x);
	return want(x, OK | SM);
}

bool open_ca(struct exam *x)
{
	return open_app(x) && chip_authentication(x);
}

bool open_eac(struct exam *x)
{
	struct blob file = { 0 };
	struct part name;

	if (!open_ca(x))
		return false;
	select_ef(x, 0x011c);
	if (!want(x, OK | SM))
		return false;
	read_at(x, 0, 36);
	if (!want(x, OK | SM))
		return false;
	put(&file, x->p.data.b, x->p.data.n);
	x->car[0] = x->car2[0] = '\0';
	if (!must(x, part_at(file.b, file.n, &name) && name.tag == 0x42 && name.n <= 16, "no authority in EF.CVCA"))
		return false;
	memcpy(x->car, name.p, name.n);
	x->car[name.n] = '\0';
	if (part_at(file.b + name.total, file.n - name.total, &name) && name.tag == 0x42 && name.n <= 16) {
		memcpy(x->car2, name.p, name.n);
		x->car2[name.n] = '\0';
	}
	return true;
}
