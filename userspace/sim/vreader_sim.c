// SPDX-License-Identifier: BSD-2-Clause
/* The virtual identity card (sim.h) in a slot of the virtual reader. */
#include <stdlib.h>
#include <cardring/error.h>
#include "sim.h"
#include "vreader.h"

struct sim_vcard {
	struct vcard card;
	struct sim_card *sim;
	struct sim_t0 *t0;	/* NULL at APDU level */
};

static const uint8_t *sim_power_on(struct vcard *card, size_t *len)
{
	struct sim_vcard *s = (struct sim_vcard *)card;

	if (s->t0)
		sim_t0_reset(s->t0);
	return sim_card_power_on(s->sim, s->t0 != NULL, len);
}

static void sim_power_off(struct vcard *card)
{
	sim_card_power_off(((struct sim_vcard *)card)->sim);
}

static size_t sim_exchange(struct vcard *card, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size,
			   unsigned int *wait_ms)
{
	struct sim_vcard *s = (struct sim_vcard *)card;

	return s->t0 ? sim_t0_tpdu(s->t0, cmd, len, rsp, size) : sim_card_apdu(s->sim, cmd, len, rsp, size);
}

static struct card_work sim_work(const struct vcard *card)
{
	return sim_card_work(((const struct sim_vcard *)card)->sim);
}

static void sim_free(struct vcard *card)
{
	struct sim_vcard *s = (struct sim_vcard *)card;

	if (s->t0)
		sim_t0_free(s->t0);
	sim_card_free(s->sim);
	free(s);
}

struct vcard *vcard_sim_new(const char *name, enum vreader_level level, int *err)
{
	static const struct vcard_ops ops = { sim_power_on, sim_power_off, sim_exchange, sim_free, sim_work };
	struct sim_vcard *s = calloc(1, sizeof(*s));

	*err = CR_E_NOMEM;
	if (!s)
		return NULL;
	s->card.ops = &ops;
	*err = sim_card_load(name, &s->sim);
	if (*err) {
		free(s);
		return NULL;
	}
	if (level == VREADER_TPDU) {
		s->t0 = sim_t0_new(s->sim);
		if (!s->t0) {
			*err = CR_E_NOMEM;
			sim_card_free(s->sim);
			free(s);
			return NULL;
		}
	}
	return &s->card;
}
