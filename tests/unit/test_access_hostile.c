// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a card, or somebody between, can do to PACE and chip authentication: a bit of any answer
 * turned, an answer cut, another card's answer, the counters out of step. None of it opens a session
 * or proves a chip.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <cardring/error.h>
#include "eid/chip.h"
#include "simsession.h"

/* One of each mapping and kind of group. */
static const struct sim_pace_offer offers[] = {
	{ SIM_AES128, 12, SIM_GM, NULL }, { SIM_3DES, 0, SIM_GM, NULL }, { SIM_AES256, 13, SIM_IM, NULL },
	{ SIM_AES192, 0, SIM_IM, NULL }, { SIM_AES128, 13, SIM_CAM, NULL },
};
#define N_OFFERS (sizeof(offers) / sizeof(*offers))
#define ANSWERS	5	/* in a run of PACE */

struct rig {
	struct simsession *x;
	struct sim_buf set;
	struct cr_security_infos infos;
	struct sim_element static_key;
	struct cr_secret secret;
};

static void rig_new(struct rig *r, const struct sim_pace_offer *offer)
{
	EVP_PKEY *key;

	memset(r, 0, sizeof(*r));
	r->x = simsession_new();
	simsession_offer(r->x, offer, &r->set, &r->infos);
	simsession_secret(&r->secret, CR_SECRET_CAN);
	if (offer->mapping == SIM_CAM) {
		key = sim_key_new(sim_domain_name(offer->domain), false);
		assert_true(sim_group_of_key(key, &r->x->card.prof.ca_group, &r->x->card.prof.ca_key,
					     &r->static_key));
		EVP_PKEY_free(key);
	}
}

static void rig_free(struct rig *r)
{
	sim_buf_free(&r->set);
	simsession_free(r->x);
}

/* Whether a run came through with anything but what the card meant. */
static bool fooled(struct rig *r)
{
	struct cr_cam cam;
	int err = simsession_pace(r->x, &r->infos, &r->secret, &cam);

	if (err)
		return cam.data_len != 0;
	if (r->static_key.len && cr_cam_verify(&cam, r->static_key.p, r->static_key.len))
		return false;	/* the session stands, the chip is not proved */
	return true;
}

/* Bit number place of the answer's data. */
static void flip(struct simsession *x, const struct cr_apdu *a, uint8_t *rsp, size_t *len)
{
	x->hit |= x->commands == x->at && x->place / 8 < *len - 2;
	if (x->commands == x->at && x->hit)
		rsp[x->place / 8] ^= 1 << x->place % 8;
}

/* So many bytes of it are left. */
static void cut(struct simsession *x, const struct cr_apdu *a, uint8_t *rsp, size_t *len)
{
	x->hit |= x->commands == x->at && x->place < *len - 2;
	if (x->commands == x->at && x->hit) {
		memmove(rsp + x->place, rsp + *len - 2, 2);
		*len = x->place + 2;
	}
}

/* Each place of each answer, so many at once. */
static void meddle_everywhere(void (*how)(struct simsession *, const struct cr_apdu *, uint8_t *, size_t *),
			      size_t step)
{
	for (size_t i = 0; i < N_OFFERS; i++) {
		struct rig r;

		rig_new(&r, &offers[i]);
		assert_int_equal(simsession_pace(r.x, &r.infos, &r.secret, NULL), 0);
		r.x->meddle = how;
		for (r.x->at = 2; r.x->at <= ANSWERS; r.x->at++) {
			for (r.x->place = 0; ; r.x->place += step) {
				bool in;

				simsession_reset(r.x);
				r.x->hit = false;
				in = fooled(&r);
				if (!r.x->hit)
					break;		/* past its end */
				/* with integrated mapping that one has nothing in it, whatever it is called */
				if (in && !(offers[i].mapping == SIM_IM && r.x->at == 3))
					fail_msg("offer %zu, answer %u, place %zu", i, r.x->at, r.x->place);
			}
			assert_true(r.x->place > 0);
		}
		rig_free(&r);
	}
}

static void no_bit_of_an_answer_can_be_turned(void **state)
{
	meddle_everywhere(flip, 7);
}

static void no_answer_can_be_cut(void **state)
{
	meddle_everywhere(cut, 1);
}

/* ---- Another card's answers ---- */

static struct simsession *other;

/* The answer to one command is that of another genuine card, with the same password, to the same command. */
static void swap(struct simsession *x, const struct cr_apdu *a, uint8_t *rsp, size_t *len)
{
	static uint8_t theirs[CR_RAPDU_MAX];
	size_t n = sim_card_apdu(&other->card, a->cmd, a->cmd_len, theirs, sizeof(theirs));

	if (x->commands == x->at) {
		memcpy(rsp, theirs, n);
		*len = n;
	}
}

static void no_answer_of_another_card_fits(void **state)
{
	for (size_t i = 0; i < N_OFFERS; i++) {
		struct rig r, o;

		rig_new(&r, &offers[i]);
		rig_new(&o, &offers[i]);
		other = o.x;
		r.x->meddle = swap;
		for (r.x->at = 2; r.x->at <= ANSWERS; r.x->at++) {
			simsession_reset(r.x);
			simsession_reset(o.x);
			/* with integrated mapping the answer to the second step is empty: any card's is the same */
			if (fooled(&r) && !(offers[i].mapping == SIM_IM && r.x->at == 3))
				fail_msg("offer %zu, answer %u", i, r.x->at);
		}
		rig_free(&r);
		rig_free(&o);
	}
}

/* ---- Counters out of step ---- */

static void a_counter_out_of_step_ends_the_session(void **state)
{
	for (size_t i = 0; i < N_OFFERS; i++) {
		for (int how = 0; how < 4; how++) {
			uint8_t *ssc;
			struct rig r;
			size_t last;

			rig_new(&r, &offers[i]);
			assert_int_equal(simsession_pace(r.x, &r.infos, &r.secret, NULL), 0);
			assert_int_equal(simsession_talk(r.x), 0);
			last = cr_cipher_block(r.x->s.sm.cipher) - 1;
			ssc = how < 2 ? r.x->s.sm.ssc : r.x->card.sm.ssc;
			ssc[last] += how & 1 ? 2 : -2;
			assert_int_equal(simsession_talk(r.x), CR_E_SM);
			assert_true(r.x->s.lost);
			/* and stays ended on both sides, whatever the counters are */
			ssc[last] -= how & 1 ? 2 : -2;
			assert_int_equal(simsession_talk(r.x), CR_E_INVALID);
			assert_false(r.x->card.sm.active);
			rig_free(&r);
		}
	}
}

/* A command or an answer that is heard once is not good a second time. */
static uint8_t heard[CR_RAPDU_MAX];
static size_t heard_len;

static void repeat(struct simsession *x, const struct cr_apdu *a, uint8_t *rsp, size_t *len)
{
	if (x->commands == x->at) {
		memcpy(heard, rsp, heard_len = *len);
	} else if (x->commands == x->at + 1) {
		memcpy(rsp, heard, heard_len);
		*len = heard_len;
	}
}

static void an_answer_is_not_good_twice(void **state)
{
	for (size_t i = 0; i < N_OFFERS; i++) {
		struct rig r;

		rig_new(&r, &offers[i]);
		assert_int_equal(simsession_pace(r.x, &r.infos, &r.secret, NULL), 0);
		r.x->meddle = repeat;
		r.x->at = r.x->commands + 1;
		assert_int_equal(simsession_talk(r.x), 0);
		assert_int_equal(simsession_talk(r.x), CR_E_SM);
		rig_free(&r);
	}
}

/* A session that another run of PACE agreed, with the same card and password, is another session. */
static void a_session_does_not_outlive_the_next(void **state)
{
	struct cr_sm old;
	struct rig r;

	rig_new(&r, &offers[0]);
	assert_int_equal(simsession_pace(r.x, &r.infos, &r.secret, NULL), 0);
	old = r.x->s.sm;
	simsession_reset(r.x);
	assert_int_equal(simsession_pace(r.x, &r.infos, &r.secret, NULL), 0);
	cr_session_secure(&r.x->s, &old);
	assert_int_equal(simsession_talk(r.x), CR_E_SM);
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_bit_of_an_answer_can_be_turned),
		cmocka_unit_test(no_answer_can_be_cut),
		cmocka_unit_test(no_answer_of_another_card_fits),
		cmocka_unit_test(a_counter_out_of_step_ends_the_session),
		cmocka_unit_test(an_answer_is_not_good_twice),
		cmocka_unit_test(a_session_does_not_outlive_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
