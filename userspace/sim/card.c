/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dispatch. A command goes through these gates, in this order, as on a real chip: power, format of the APDU, class
 * byte, chaining, secure messaging, instruction, then the command's own checks (P1-P2, Lc and Le, state).
 *
 * Command chaining (ISO/IEC 7816-4, 5.3.3), which the historical bytes announce: the data of commands of class 10 and
 * one INS, P1 and P2 are those of the command of class 00 that ends them. GENERAL AUTHENTICATE alone is executed at
 * each link, as each is a step of its protocol. Plain commands only: none of these cards says how secure messaging would
 * go with it.
 *
 * Secure messaging (ICAO 9303-11, 9.8): while a session is open, a plain command, a wrong or missing data object or a
 * wrong MAC ends it: keys are gone, and with them access; the answer is plain. A command that is well protected but
 * refused is answered under secure messaging and the session goes on, unless the profile says that this chip, as many
 * do, ends it there too.
 */
#include "tap.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

/* ISO/IEC 7816-4, 5.1: the seven forms of a command APDU. */
uint16_t sim_apdu_parse(const uint8_t *cmd, size_t len, struct sim_apdu *out)
{
	const uint8_t *p = cmd + 4;
	size_t n, lc;

	memset(out, 0, sizeof(*out));
	if (len < 4)
		return SW_LENGTH;
	out->cla = cmd[0];
	out->ins = cmd[1];
	out->p1 = cmd[2];
	out->p2 = cmd[3];
	n = len - 4;
	if (n == 0)
		return SW_OK;
	if (n == 1) {
		out->le = p[0] ? p[0] : 256;
		out->le_all = !p[0];
		return SW_OK;
	}
	if (p[0]) {				/* short Lc */
		lc = p[0];
		if (n < 1 + lc || n > 2 + lc)
			return SW_LENGTH;
		out->data = p + 1;
		out->lc = lc;
		if (n == 2 + lc) {
			out->le = p[1 + lc] ? p[1 + lc] : 256;
			out->le_all = !p[1 + lc];
		}
		return SW_OK;
	}
	if (n < 3)
		return SW_LENGTH;
	out->extended = true;
	lc = (size_t)p[1] << 8 | p[2];
	if (n == 3) {
		out->le = lc ? lc : 65536;
		out->le_all = !lc;
		return SW_OK;
	}
	if (lc == 0 || (n != 3 + lc && n != 5 + lc))
		return SW_LENGTH;
	out->data = p + 3;
	out->lc = lc;
	if (n == 5 + lc) {
		size_t le = (size_t)p[3 + lc] << 8 | p[4 + lc];

		out->le = le ? le : 65536;
		out->le_all = !le;
	}
	return SW_OK;
}

void sim_card_session_end(struct sim_card *card)
{
	OPENSSL_cleanse(&card->sm, sizeof(card->sm));
	card->access = false;
	card->opened_by = 0;
	card->rights = 0;
	card->chip_id_len = card->terminal_id_len = 0;
	sim_ta_reset(card);
	card->chip_authenticated = false;
	card->ca_set = false;
	card->challenged = false;
	/* Files that were selected by the right of that session are not readable any more, but still selected. */
}

static const struct sim_tap *tap_of_cards;

void sim_tap_set(const struct sim_tap *tap)
{
	tap_of_cards = tap;
}

static void chain_end(struct sim_card *card)
{
	sim_buf_free(&card->chain);
	card->chained = false;
}

int sim_card_load(const char *name, struct sim_card **out)
{
	struct sim_card *card = calloc(1, sizeof(*card));
	int err;

	*out = NULL;
	if (!card)
		return CR_E_NOMEM;
	err = sim_profile_load(name, &card->prof);
	if (err) {
		free(card);
		return err;
	}
	card->pin_tries = SIM_PIN_TRIES;
	card->tap = tap_of_cards;
	*out = card;
	return 0;
}

void sim_card_free(struct sim_card *card)
{
	if (!card)
		return;
	sim_card_power_off(card);
	sim_profile_free(&card->prof);
	OPENSSL_cleanse(card, sizeof(*card));
	free(card);
}

const uint8_t *sim_card_power_on(struct sim_card *card, bool t0_only, size_t *len)
{
	sim_card_power_off(card);
	card->powered = true;
	*len = t0_only ? card->prof.atr_t0_len : card->prof.atr_len;
	return t0_only ? card->prof.atr_t0 : card->prof.atr;
}

void sim_card_power_off(struct sim_card *card)
{
	sim_card_session_end(card);
	sim_pace_reset(card);
	chain_end(card);
	card->app = false;
	card->ef = NULL;
	card->powered = false;
}

/* MANAGE SECURITY ENVIRONMENT: P1-P2 says for which protocol. */
static uint16_t manage_security(struct sim_card *card, const struct sim_apdu *a, bool protected, struct sim_sm *next)
{
	if (a->le)	/* TR-03110-3, B.14.1: the command has no Le */
		return SW_LENGTH;
	if (!a->lc)
		return SW_LENGTH;
	if (a->p1 == 0xc1 && a->p2 == 0xa4)
		return sim_pace_set_at(card, a, protected);
	if (a->p1 == 0x81 && a->p2 == 0xb6)
		return sim_ta_set_dst(card, a, protected);
	if (a->p1 == 0x81 && a->p2 == 0xa4)
		return sim_ta_set_at(card, a, protected);
	if (a->p1 == 0x41 && (a->p2 == 0xa4 || a->p2 == 0xa6)) {
		if (!card->prof.ca)
			return SW_P1P2;
		if ((!protected || !card->access) && !sim_lax("ca-session"))
			return SW_SECURITY_STATUS;
		if (card->prof.ta_2 && !card->prof.ta_1 && !card->ta.done)
			return SW_SECURITY_STATUS;
		return a->p2 == 0xa4 ? sim_ca_set_at(card, a) : sim_ca_set_kat(card, a, next);
	}
	return SW_P1P2;
}

static uint16_t execute(struct sim_card *card, const struct sim_apdu *a, bool protected, struct sim_buf *out,
			struct sim_sm *next)
{
	/* What is interrupted by anything else must begin anew: PACE, chip authentication, BAC. */
	if (a->ins != 0x86 && !sim_lax("interrupted")) {
		sim_pace_reset(card);
		card->ca_set = false;
	}
	if (a->ins != 0x82)
		card->challenged = false;
	if (a->ins != 0x82 && !(protected && card->ta.announced))	/* version 2 keeps it (TR-03110-3, B.3) */
		card->ta.challenged = false;
	if (a->ins != 0x82 && a->ins != 0x84)
		card->ta.set = false;
	if (a->ins != 0x2a)
		card->ta.dst[0] = '\0';
	switch (a->ins) {
	case 0xa4:
		return sim_select(card, a, out);
	case 0xb0:
	case 0xb1:
		return sim_read_binary(card, a, out);
	case 0x84:
		if (sim_ta_wants_challenge(card, protected) || (sim_lax("ta-order") && card->chip_authenticated))
			return sim_ta_challenge(card, a, out);
		return card->prof.bac ? sim_get_challenge(card, a, out) : SW_INS;
	case 0x82:
		if (card->ta.set || (sim_lax("ta-order") && card->chip_authenticated))
			return sim_ta_authenticate(card, a);
		return card->prof.bac ? sim_external_authenticate(card, a, out, next) : SW_INS;
	case 0x2a:
		return sim_ta_verify(card, a, protected);
	case 0x88:
		return card->prof.aa_key ? sim_internal_authenticate(card, a, out) : SW_INS;
	case 0x22:
		if (!card->prof.pace && !card->prof.ca)
			return SW_INS;
		return manage_security(card, a, protected, next);
	case 0x86:
		if (!card->prof.pace && !card->prof.ca)
			return SW_INS;
		if (card->pace.step != PACE_IDLE)
			return sim_pace_authenticate(card, a, out, next);
		if (card->ca_set)
			return sim_ca_authenticate(card, a, out, next);
		return SW_CONDITIONS;
	default:
		return SW_INS;
	}
}

static uint16_t run(struct sim_card *card, const struct sim_apdu *a, bool protected, struct sim_buf *out,
		    struct sim_sm *next)
{
	const struct sim_tap *tap = card->tap;
	uint16_t sw = tap && tap->before ? tap->before(tap->arg, card, a, protected) : 0;

	if (!sw)
		sw = execute(card, a, protected, out, next);
	if (tap && tap->after)
		tap->after(tap->arg, card, a, protected, out, &sw);
	return sw;
}

static size_t leave(struct sim_card *card, const struct sim_apdu *a, bool protected, uint8_t *rsp, size_t n, size_t size)
{
	const struct sim_tap *tap = card->tap;

	return tap && tap->leaving ? tap->leaving(tap->arg, card, a, protected, rsp, n, size) : n;
}

static size_t finish(const struct sim_buf *data, uint16_t sw, uint8_t *rsp, size_t size)
{
	size_t n = data ? data->len : 0;

	if (size < 2)
		return 0;
	if ((data && data->failed) || n > size - 2) {
		n = 0;
		sw = SW_INTERNAL;
	}
	if (n)
		memcpy(rsp, data->p, n);
	rsp[n] = sw >> 8;
	rsp[n + 1] = sw & 0xff;
	return n + 2;
}

/*
 * A command of class 10, or 00 where some of 10 came before it. SW_OK with *whole set: execute a, which has all data;
 * else the status word to answer with.
 */
static uint16_t gather(struct sim_card *card, struct sim_apdu *a, bool *whole)
{
	const uint8_t header[3] = { a->ins, a->p1, a->p2 };
	bool more = a->cla & 0x10;

	*whole = false;
	if (card->chained && memcmp(header, card->chain_header, 3) != 0)
		return SW_LAST_OF_CHAIN;
	if ((more && (!a->lc || (a->le && !a->le_implied))) || card->chain.len + a->lc > 65535)
		return SW_LENGTH;
	memcpy(card->chain_header, header, 3);
	card->chained = true;
	sim_buf_put(&card->chain, a->data, a->lc);
	if (card->chain.failed)
		return SW_INTERNAL;
	*whole = !more;
	if (*whole) {
		a->data = card->chain.p;
		a->lc = card->chain.len;
	}
	return SW_OK;
}

static size_t process_plain(struct sim_card *card, const struct sim_apdu *a, uint8_t *rsp, size_t size)
{
	struct sim_sm next = { 0 };
	struct sim_buf out = { 0 };
	uint16_t sw;
	size_t n;

	if (card->sm.active && !sim_lax("plain"))
		sim_card_session_end(card);
	sw = run(card, a, false, &out, &next);
	n = leave(card, a, false, rsp, finish(&out, sw, rsp, size), size);
	if (next.active) {
		card->sm = next;
		card->access = card->opened_by != 4;	/* the PUK opens no data */
	}
	OPENSSL_cleanse(&next, sizeof(next));
	sim_buf_free(&out);
	return n;
}

/* ISO/IEC 7816-4, 5.6: 62xx and 63xx are warnings. */
static bool is_error(uint16_t sw)
{
	return sw >= 0x6400 && sw < 0x7000;
}

static size_t process_protected(struct sim_card *card, const struct sim_apdu *a, uint8_t *rsp, size_t size)
{
	struct sim_buf data = { 0 }, out = { 0 }, wrapped = { 0 };
	struct sim_sm next = { 0 };
	struct sim_apdu plain;
	uint16_t sw;
	size_t n;

	if (!card->sm.active) {
		sim_pace_reset(card);
		return leave(card, NULL, true, rsp, finish(NULL, SW_SM_INCORRECT, rsp, size), size);
	}
	sw = sim_sm_unwrap(&card->sm, a, &plain, &data, &card->work);
	if (sw != SW_OK) {
		if (!sim_lax("session"))
			sim_card_session_end(card);
		n = leave(card, NULL, true, rsp, finish(NULL, sw, rsp, size), size);
		goto done;
	}
	sw = run(card, &plain, true, &out, &next);
	if (card->prof.plain_errors && is_error(sw))
		goto plain_error;
	if (!sim_sm_wrap(card, &plain, &out, sw, &wrapped)) {
		n = finish(NULL, SW_INTERNAL, rsp, size);
		goto done;
	}
	if (wrapped.len > a->le) {
		/* What the command's own Le cannot take is not sent: say so, under protection. */
		struct sim_buf none = { 0 };

		for (size_t i = sim_block_len(card->sm.cipher); i-- > 0 && card->sm.ssc[i]-- == 0; )
			;
		sim_buf_free(&wrapped);
		sw = SW_LENGTH;
		if (card->prof.plain_errors)
			goto plain_error;
		if (!sim_sm_wrap(card, &plain, &none, sw, &wrapped)) {
			n = finish(NULL, SW_INTERNAL, rsp, size);
			goto done;
		}
	}
	n = leave(card, &plain, true, rsp, finish(&wrapped, sw, rsp, size), size);
	/* ICAO 9303-11, 6.2: the answer was the last one under the old keys */
	if (next.active && !sim_lax("old-keys"))
		card->sm = next;
	goto done;
plain_error:
	sim_card_session_end(card);
	n = leave(card, &plain, true, rsp, finish(NULL, sw, rsp, size), size);
done:
	OPENSSL_cleanse(&next, sizeof(next));
	sim_buf_free(&data);
	sim_buf_free(&out);
	sim_buf_free(&wrapped);
	return n;
}

/* Plain it is, whatever else: a session does not outlive it. */
static size_t refuse(struct sim_card *card, uint16_t sw, uint8_t *rsp, size_t size)
{
	sim_card_session_end(card);
	sim_pace_reset(card);
	chain_end(card);
	return leave(card, NULL, false, rsp, finish(NULL, sw, rsp, size), size);
}

static size_t process_chained(struct sim_card *card, const struct sim_apdu *a, uint8_t *rsp, size_t size)
{
	struct sim_apdu all = *a;
	bool whole;
	uint16_t sw;
	size_t n;

	if (!card->chained && (!(a->cla & 0x10) || a->ins == 0x86))
		return process_plain(card, a, rsp, size);
	sw = gather(card, &all, &whole);
	if (sw != SW_OK)
		return refuse(card, sw, rsp, size);
	if (whole) {
		n = process_plain(card, &all, rsp, size);
		chain_end(card);
		return n;
	}
	/* nothing was executed, but what a plain command ends has ended */
	sim_card_session_end(card);
	sim_pace_reset(card);
	return finish(NULL, SW_OK, rsp, size);
}

size_t sim_card_process(struct sim_card *card, const struct sim_apdu *a, uint8_t *rsp, size_t size)
{
	memset(&card->work, 0, sizeof(card->work));
	if (!card->powered)
		return 0;
	if (a->extended && !card->prof.extended)
		return refuse(card, SW_LENGTH, rsp, size);
	switch (a->cla) {
	case 0x00:
	case 0x10:
		return process_chained(card, a, rsp, size);
	case 0x1c:
		if (a->ins != 0x86)	/* a step of PACE in a session; all else is one command there */
			return refuse(card, SW_CHAINING, rsp, size);
		/* fall through */
	case 0x0c:
		if (card->chained)
			return refuse(card, SW_LAST_OF_CHAIN, rsp, size);
		return process_protected(card, a, rsp, size);
	default:
		if (sim_lax("class"))
			return process_protected(card, a, rsp, size);
		return refuse(card, SW_CLA, rsp, size);
	}
}

size_t sim_card_apdu(struct sim_card *card, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	struct sim_apdu a;
	uint16_t sw;

	memset(&card->work, 0, sizeof(card->work));
	if (!card->powered)
		return 0;
	sw = sim_apdu_parse(cmd, len, &a);
	if (sw != SW_OK)
		return refuse(card, sw, rsp, size);
	return sim_card_process(card, &a, rsp, size);
}

struct card_work sim_card_work(const struct sim_card *card)
{
	return card->work;
}
