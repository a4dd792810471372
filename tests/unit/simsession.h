/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual card made in memory, without files, and a session with it: for the protocols alone. After
 * <cmocka.h>.
 */
#ifndef TEST_SIMSESSION_H
#define TEST_SIMSESSION_H

#include <stdlib.h>
#include <string.h>
#include "eid/access.h"
#include "eid/session.h"
#include "iso7816/apdu.h"
#include "issue.h"
#include "simcard.h"

struct simsession {
	struct sim_card card;
	struct cr_session s;
	unsigned int commands;
	/* changes the answer to a command on its way; NULL */
	void (*meddle)(struct simsession *x, const struct cr_apdu *a, uint8_t *rsp, size_t *len);
	unsigned int at;	/* for meddle: which command, */
	size_t place;		/* and where in its answer; */
	bool hit;		/* that it did */
};

static inline int simsession_batch(void *io, struct cr_apdu *apdus, size_t n, size_t *done)
{
	static uint8_t rsp[CR_RAPDU_MAX];
	struct simsession *x = io;

	for (*done = 0; *done < n;) {
		struct cr_apdu *a = &apdus[*done];
		uint16_t sw;
		size_t len;

		x->commands++;
		len = sim_card_apdu(&x->card, a->cmd, a->cmd_len, rsp, sizeof(rsp));
		if (x->meddle)
			x->meddle(x, a, rsp, &len);
		assert_true(len <= a->rsp_size);
		memcpy(a->rsp, rsp, len);
		a->rsp_len = len;
		sw = cr_rapdu_sw(rsp, len);
		++*done;
		if ((sw & a->sw_mask) != (a->sw & a->sw_mask))
			break;
	}
	return 0;
}

static inline struct simsession *simsession_new(void)
{
	struct simsession *x = calloc(1, sizeof(*x));

	assert_non_null(x);
	x->card.prof.extended = true;
	x->card.prof.mf = true;
	x->card.prof.max_le = 65536;
	x->card.prof.ca_key_id = -1;
	x->card.pin_tries = SIM_PIN_TRIES;
	x->card.powered = true;
	strcpy(x->card.prof.can, "123456");
	strcpy(x->card.prof.pin, "900150");
	strcpy(x->card.prof.puk, "9876543210");
	sim_mrz_td3(x->card.prof.mrz, "UTO", "X<<Y", "T22000129", "UTO", "640812", 'F', "101031", "");
	x->s.batch = simsession_batch;
	x->s.io = x;
	x->s.max_response = 65536;
	x->s.block_max = SIZE_MAX;
	return x;
}

static inline void simsession_free(struct simsession *x)
{
	cr_session_reset(&x->s);
	sim_card_power_off(&x->card);
	sim_profile_free(&x->card.prof);
	free(x);
}

/* Power off and on: what is volatile on both sides is gone. */
static inline void simsession_reset(struct simsession *x)
{
	sim_card_power_off(&x->card);
	x->card.powered = true;
	cr_session_reset(&x->s);
	x->commands = 0;
}

static inline void simsession_secret(struct cr_secret *out, enum cr_secret_type type)
{
	int err = CR_E_INVALID;

	switch (type) {
	case CR_SECRET_CAN:
		err = cr_secret_from_can(out, "123456", NULL);
		break;
	case CR_SECRET_MRZ:
		err = cr_secret_from_fields(out, "T22000129", "640812", "101031", NULL);
		break;
	case CR_SECRET_PIN:
		err = cr_secret_from_pin(out, "900150", NULL, NULL);
		break;
	case CR_SECRET_PUK:
		err = cr_secret_from_puk(out, "9876543210", NULL);
		break;
	case CR_SECRET_NONE:
		break;
	}
	assert_int_equal(err, 0);
}

/* The card offers this, and says so; *set is allocated, and what infos point into. */
static inline void simsession_offer(struct simsession *x, const struct sim_pace_offer *offer,
				    struct sim_buf *set, struct cr_security_infos *infos)
{
	const struct sim_security security = { .pace = offer, .n_pace = 1, .ca_key_id = -1 };
	struct sim_pace_info *info = &x->card.prof.pace_info[0];

	x->card.prof.pace = true;
	x->card.prof.n_pace = 1;
	info->cipher = offer->cipher;
	info->mapping = offer->mapping;
	info->domain = offer->domain;
	snprintf(info->group, sizeof(info->group), "%s",
		 offer->own ? offer->own : sim_domain_name(offer->domain));
	memset(set, 0, sizeof(*set));
	assert_int_equal(sim_write_security_infos(&security, set), 0);
	assert_int_equal(cr_security_infos_parse(set->p, set->len, infos), 0);
}

static inline int simsession_pace_step(void *state, const uint8_t *rsp, size_t len, uint16_t sw,
				       struct cr_capdu *cmd)
{
	return cr_pace_step(state, rsp, len, sw, cmd);
}

/* PACE by the best info; the session goes on under its keys. */
static inline int simsession_pace(struct simsession *x, const struct cr_security_infos *infos,
				  const struct cr_secret *secret, struct cr_cam *cam)
{
	const struct cr_pace_info *info;
	struct cr_pace *pace;
	struct cr_sm sm;
	bool ambiguous;
	int err;

	info = cr_security_infos_pace(infos, &ambiguous);
	if (!info)
		return CR_E_UNSUPPORTED;
	err = cr_pace_new(info, ambiguous, secret, NULL, &pace);
	if (err)
		return err;
	err = cr_protocol_run(&x->s, simsession_pace_step, pace);
	if (!err)
		err = cr_pace_session(pace, &sm);
	if (!err)
		cr_session_secure(&x->s, &sm);
	if (cam)
		cr_pace_cam(pace, cam);
	cr_pace_free(pace);
	return err;
}

/* Whether both sides have the same keys: a protected SELECT is answered under protection. */
static inline int simsession_talk(struct simsession *x)
{
	const struct cr_capdu cmd = { .ins = 0xa4, .p1 = 0x04, .p2 = 0x0c, .data = cr_emrtd_aid,
				      .lc = sizeof(cr_emrtd_aid) };
	size_t none = 0;
	uint16_t sw;
	int err = cr_session_send(&x->s, &cmd, NULL, &none, &sw);

	return err ? err : sw == 0x9000 ? 0 : CR_E_CARD_STATUS;
}

#endif
