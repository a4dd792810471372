// SPDX-License-Identifier: BSD-2-Clause
/* The virtual identity card (sim.h) in a slot of the virtual reader. */
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include "contact.h"
#include "sim.h"
#include "vreader.h"

struct sim_vcard {
	struct vcard card;
	struct sim_card *sim;
	struct sim_t0 *t0;		/* NULL at APDU level */
	struct sim_contact *contact;	/* NULL: T=0 alone */
};

static const uint8_t *sim_power_on(struct vcard *card, size_t *len)
{
	struct sim_vcard *s = (struct sim_vcard *)card;
	const uint8_t *atr = sim_card_power_on(s->sim, s->t0 != NULL, len);

	if (s->t0)
		sim_t0_reset(s->t0);
	return s->contact ? sim_contact_reset(s->contact, len) : atr;
}

static void sim_power_off(struct vcard *card)
{
	sim_card_power_off(((struct sim_vcard *)card)->sim);
}

static size_t apdu(void *arg, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	return sim_card_apdu(((struct sim_vcard *)arg)->sim, cmd, len, rsp, size);
}

static size_t tpdu(void *arg, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	return sim_t0_tpdu(((struct sim_vcard *)arg)->t0, cmd, len, rsp, size);
}

static size_t sim_exchange(struct vcard *card, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size,
			   unsigned int *wait_ms)
{
	struct sim_vcard *s = (struct sim_vcard *)card;

	if (s->contact)
		return sim_contact_exchange(s->contact, cmd, len, rsp, size);
	return s->t0 ? tpdu(s, cmd, len, rsp, size) : apdu(s, cmd, len, rsp, size);
}

static struct card_work sim_work(const struct vcard *card)
{
	return sim_card_work(((const struct sim_vcard *)card)->sim);
}

static void sim_free(struct vcard *card)
{
	struct sim_vcard *s = (struct sim_vcard *)card;

	sim_contact_free(s->contact);
	sim_t0_free(s->t0);
	sim_card_free(s->sim);
	free(s);
}

static void sim_line(const struct vcard *card, unsigned int *protocol, uint8_t *fi_di)
{
	sim_contact_line(((const struct sim_vcard *)card)->contact, protocol, fi_di);
}

static struct vcard *make(const char *name, bool with_t0, const struct sim_contact_config *cfg, int *err)
{
	static const struct vcard_ops ops = { sim_power_on, sim_power_off, sim_exchange, sim_free, sim_work, NULL };
	static const struct vcard_ops contact_ops = { sim_power_on, sim_power_off, sim_exchange, sim_free, sim_work, sim_line };
	struct sim_vcard *s = calloc(1, sizeof(*s));

	*err = CR_E_NOMEM;
	if (!s)
		return NULL;
	s->card.ops = cfg ? &contact_ops : &ops;
	*err = sim_card_load(name, &s->sim);
	if (!*err && with_t0 && !(s->t0 = sim_t0_new(s->sim)))
		*err = CR_E_NOMEM;
	if (!*err && cfg) {
		const struct sim_contact_app app = { .apdu = apdu, .tpdu = tpdu, .arg = s };
		struct sim_contact_config c = *cfg;
		size_t len;
		const uint8_t *atr = sim_card_power_on(s->sim, true, &len);

		c.hist_len = atr[1] & 0x0F;	/* they are its end: T=0 alone has no TCK */
		memcpy(c.hist, atr + len - c.hist_len, c.hist_len);
		sim_card_power_off(s->sim);
		s->contact = sim_contact_new(&c, &app);
		if (!s->contact)
			*err = CR_E_NOMEM;
	}
	if (*err) {
		sim_free(&s->card);
		return NULL;
	}
	return &s->card;
}

struct vcard *vcard_sim_new(const char *name, enum vreader_level level, int *err)
{
	return make(name, level == VREADER_TPDU, NULL, err);
}

struct vcard *vcard_sim_contact_new(const char *name, const struct sim_contact_config *cfg, int *err)
{
	return make(name, true, cfg, err);
}
