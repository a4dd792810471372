/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of the virtual card: the library's terminal on one side, the card on the other, nothing in between. */
#ifndef SIMTERM_H
#define SIMTERM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "eid/bac.h"
#include "eid/ca.h"
#include "eid/pace.h"
#include "eid/security_info.h"
#include "sim.h"

struct term {
	struct sim_card *card;
	struct cr_sm sm;
	bool secure;
	uint8_t data[65538];	/* of the last answer, without status word, unprotected */
	size_t len;
	uint8_t raw[65538];	/* as it came */
	size_t raw_len;
};

static char simterm_dir[64];

/* The samples, made once a test program, in $CARDRING_SIM_DIR. */
static int simterm_setup(void **state)
{
	snprintf(simterm_dir, sizeof(simterm_dir), "/tmp/simtest.XXXXXX");
	if (!mkdtemp(simterm_dir) || sim_make(simterm_dir))
		return -1;
	return setenv("CARDRING_SIM_DIR", simterm_dir, 1);
}

static int simterm_teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", simterm_dir);
	return system(cmd) ? -1 : 0;
}

static inline struct term *term_new(const char *name)
{
	struct term *t = calloc(1, sizeof(*t));
	size_t n;

	assert_non_null(t);
	assert_int_equal(sim_card_load(name, &t->card), 0);
	assert_non_null(sim_card_power_on(t->card, false, &n));
	return t;
}

static inline void term_free(struct term *t)
{
	sim_card_free(t->card);
	free(t);
}

static inline uint16_t term_raw(struct term *t, const uint8_t *cmd, size_t len)
{
	t->raw_len = sim_card_apdu(t->card, cmd, len, t->raw, sizeof(t->raw));
	assert_true(t->raw_len >= 2);
	t->len = t->raw_len - 2;
	memcpy(t->data, t->raw, t->len);
	return (uint16_t)(t->raw[t->len] << 8 | t->raw[t->len + 1]);
}

static inline size_t term_hex(uint8_t *out, const char *s)
{
	size_t n = 0;

	while (*s) {
		unsigned int b;

		if (*s == ' ') {
			s++;
			continue;
		}
		assert_int_equal(sscanf(s, "%2x", &b), 1);
		out[n++] = (uint8_t)b;
		s += 2;
	}
	return n;
}

/* Plain, from hexadecimal. */
static inline uint16_t term_plain(struct term *t, const char *cmd)
{
	uint8_t c[1024];

	return term_raw(t, c, term_hex(c, cmd));
}

static inline uint16_t term_send(struct term *t, const struct cr_capdu *cmd)
{
	static uint8_t c[CR_CAPDU_MAX];
	struct cr_sm_exchange ex;
	size_t n = sizeof(c);
	uint16_t sw;

	if (!t->secure) {
		assert_int_equal(cr_capdu_build(cmd, c, &n), 0);
		return term_raw(t, c, n);
	}
	assert_int_equal(cr_sm_protect(&t->sm, cmd, c, &n, &ex), 0);
	sw = term_raw(t, c, n);
	if (t->raw_len == 2)
		return sw;		/* the card gave the session up */
	t->len = sizeof(t->data);
	assert_int_equal(cr_sm_unprotect(&t->sm, &ex, t->raw, t->raw_len, t->data, &t->len, &sw), 0);
	return sw;
}

/* In the session if there is one, from hexadecimal of a plain APDU. */
static inline uint16_t term_apdu(struct term *t, const char *cmd)
{
	uint8_t c[1024];
	struct cr_capdu a;

	assert_int_equal(cr_capdu_parse(c, term_hex(c, cmd), &a), 0);
	return term_send(t, &a);
}

#define SELECT_APP	"00A4040C07A0000002471001"

/* A whole PACE; the status word of the last answer. */
static inline uint16_t term_pace(struct term *t, const struct cr_secret *secret)
{
	struct cr_security_infos si;
	const struct cr_pace_info *info;
	struct cr_pace *pace;
	struct cr_capdu cmd;
	uint16_t sw = 0;
	bool ambiguous;
	int err;

	t->secure = false;
	if (term_plain(t, "00A4020C02011C") != 0x9000) {
		assert_int_equal(term_plain(t, SELECT_APP), 0x9000);
		assert_int_equal(term_plain(t, "00A4020C02011C"), 0x9000);
	}
	assert_int_equal(term_plain(t, "00B0000000"), 0x9000);
	assert_int_equal(cr_security_infos_parse(t->data, t->len, &si), 0);
	info = cr_security_infos_pace(&si, &ambiguous);
	assert_non_null(info);
	assert_int_equal(cr_pace_new(info, true, secret, NULL, &pace), 0);
	for (err = cr_pace_step(pace, NULL, 0, 0, &cmd); err == 1; err = cr_pace_step(pace, t->data, t->len, sw, &cmd))
		sw = term_send(t, &cmd);
	if (!err) {
		assert_int_equal(cr_pace_session(pace, &t->sm), 0);
		t->secure = true;
	} else {
		assert_int_not_equal(sw, 0x9000);
	}
	cr_pace_free(pace);
	return sw;
}

static inline uint16_t term_pace_can(struct term *t, const char *can)
{
	struct cr_secret s;

	assert_int_equal(cr_secret_from_can(&s, can, NULL), 0);
	return term_pace(t, &s);
}

static inline uint16_t term_bac(struct term *t, const struct cr_secret *secret)
{
	struct cr_capdu cmd;
	struct cr_bac bac;
	uint16_t sw = 0;
	int err;

	t->secure = false;
	assert_int_equal(term_plain(t, SELECT_APP), 0x9000);
	assert_int_equal(cr_bac_init(&bac, secret, NULL), 0);
	for (err = cr_bac_step(&bac, NULL, 0, 0, &cmd); err == 1; err = cr_bac_step(&bac, t->data, t->len, sw, &cmd))
		sw = term_send(t, &cmd);
	if (!err) {
		t->sm = bac.sm;
		t->secure = true;
	}
	cr_bac_wipe(&bac);
	return sw;
}

/* Reads the file by B0 in the session, in blocks of 200. */
static inline size_t term_read(struct term *t, uint16_t fid, uint8_t *out, size_t size)
{
	const uint8_t id[2] = { fid >> 8, fid & 0xff };
	struct cr_capdu sel = { .ins = 0xa4, .p1 = 2, .p2 = 0x0c, .data = id, .lc = 2 };
	size_t n = 0;

	assert_int_equal(term_send(t, &sel), 0x9000);
	for (;;) {
		struct cr_capdu rd = { .ins = 0xb0, .p1 = (n >> 8) & 0x7f, .p2 = n & 0xff, .le = 200 };
		uint16_t sw = term_send(t, &rd);

		if (sw == 0x6b00)
			return n;
		assert_true(sw == 0x9000 || sw == 0x6282);
		assert_true(n + t->len <= size);
		memcpy(out + n, t->data, t->len);
		n += t->len;
		if (sw == 0x6282)
			return n;
	}
}

/* Chip authentication from DG14; 0 when all answers were 9000 (which proves nothing yet). */
static inline uint16_t term_ca(struct term *t)
{
	uint8_t dg14[2048];
	size_t n = 0, set_len;
	struct cr_capdu rd = { .ins = 0xb0, .p1 = 0x8e, .le = 256 };
	struct cr_security_infos si;
	const struct cr_ca_key *key;
	struct cr_ca_info info;
	const uint8_t *set;
	struct cr_capdu cmd;
	struct cr_ca *ca;
	uint16_t sw = 0;
	int err;

	rd.le = 200;
	assert_int_equal(term_send(t, &rd), 0x9000);
	memcpy(dg14, t->data, n = t->len);
	for (;;) {
		struct cr_capdu more = { .ins = 0xb0, .p1 = n >> 8, .p2 = n & 0xff, .le = 16 };

		sw = term_send(t, &more);
		if (sw != 0x9000 && sw != 0x6282)
			break;
		memcpy(dg14 + n, t->data, t->len);
		n += t->len;
	}
	if (sw == 0x6b00 && n < (size_t)(dg14[2] << 8 | dg14[3]) + 4) {	/* le_beyond = 6B00: byte by byte */
		struct cr_capdu one = { .ins = 0xb0, .le = 1 };

		for (;;) {
			one.p1 = n >> 8;
			one.p2 = n & 0xff;
			if (term_send(t, &one) != 0x9000)
				break;
			dg14[n++] = t->data[0];
		}
	}
	assert_int_equal(cr_security_infos_dg14(dg14, n, &set, &set_len), 0);
	assert_int_equal(cr_security_infos_parse(set, set_len, &si), 0);
	assert_int_equal(cr_security_infos_ca(&si, &info, &key), 0);
	assert_int_equal(cr_ca_new(&info, key, NULL, &ca), 0);
	sw = 0;
	for (err = cr_ca_step(ca, NULL, 0, 0, &cmd); err == 1; err = cr_ca_step(ca, t->data, t->len, sw, &cmd))
		sw = term_send(t, &cmd);
	if (!err)
		assert_int_equal(cr_ca_session(ca, &t->sm), 0);
	cr_ca_free(ca);
	return err ? sw : 0;
}

#endif
