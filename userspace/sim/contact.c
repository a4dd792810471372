// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include "contact.h"
#include "t0_long.h"

struct sim_contact {
	struct sim_contact_config cfg;
	struct sim_contact_app app;
	struct sim_t1 *t1;
	struct sim_t0_long *t0;	/* NULL where the application has its own */
	bool fresh;		/* nothing was said since the ATR */
	unsigned int protocol;
	uint8_t fi_di;
	uint8_t atr[33];
	size_t atr_len;
};

/* 8.2: TS, T0, TA1, TD1, TA2, TD2, TA3 (IFSC), TB3 (BWI, CWI), TC3 (epilogue), historical bytes, TCK */
static void make_atr(struct sim_contact *c)
{
	const struct sim_contact_config *f = &c->cfg;
	uint8_t *a = c->atr, tck = 0;
	size_t n = 0;

	a[n++] = 0x3B;
	a[n++] = 0x80 | (f->ta1 ? 0x10 : 0) | f->hist_len;
	if (f->ta1)
		a[n++] = f->ta1;
	a[n++] = 0x80 | (f->specific ? 0x10 : 0) | !f->t0_too;
	if (f->specific)
		a[n++] = 0x01;
	a[n++] = 0x30 | (f->t1.crc ? 0x40 : 0) | 1;
	a[n++] = f->t1.ifsc ? f->t1.ifsc : 254;
	a[n++] = 0x45;
	if (f->t1.crc)
		a[n++] = 0x01;
	memcpy(a + n, f->hist, f->hist_len);
	n += f->hist_len;
	for (size_t i = 1; i < n; i++)
		tck ^= a[i];
	a[n++] = tck;
	c->atr_len = n;
}

struct sim_contact *sim_contact_new(const struct sim_contact_config *cfg, const struct sim_contact_app *app)
{
	struct sim_contact *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->cfg = *cfg;
	if (c->cfg.hist_len > sizeof(c->cfg.hist))
		c->cfg.hist_len = sizeof(c->cfg.hist);
	c->app = *app;
	c->t1 = sim_t1_new(&cfg->t1, app->apdu, app->arg);
	if (c->t1 && !app->tpdu)
		c->t0 = sim_t0_long_new(app->apdu, app->arg, cfg->chaining, cfg->envelope);
	if (!c->t1 || (!app->tpdu && !c->t0)) {
		sim_contact_free(c);
		return NULL;
	}
	make_atr(c);
	return c;
}

void sim_contact_free(struct sim_contact *c)
{
	if (!c)
		return;
	sim_t1_free(c->t1);
	sim_t0_long_free(c->t0);
	free(c);
}

const uint8_t *sim_contact_reset(struct sim_contact *c, size_t *len)
{
	sim_t1_reset(c->t1);
	if (c->t0)
		sim_t0_long_reset(c->t0);
	c->fresh = true;
	c->protocol = c->cfg.t0_too && !c->cfg.specific ? 0 : 1;
	c->fi_di = c->cfg.specific && c->cfg.ta1 ? c->cfg.ta1 : 0x11;
	*len = c->atr_len;
	return c->atr;
}

/* 9: a request that is not right is not answered. */
static size_t pps(struct sim_contact *c, const uint8_t *in, size_t len, uint8_t *out)
{
	bool rate = len > 1 && in[1] & 0x10;
	uint8_t pck = 0;

	for (size_t i = 0; i < len; i++)
		pck ^= in[i];
	if (c->cfg.pps_mute || c->cfg.specific || len != (rate ? 4 : 3) || pck || (in[1] & 0xE0) ||
	    (in[1] & 0x0F) > 1 || ((in[1] & 0x0F) == 0 && !c->cfg.t0_too))
		return 0;
	/* the default; else its own F, and a D from 1 to its own (up to 64 table 8 rises with its code) */
	if (rate && in[2] != 0x11 && ((in[2] & 0xF0) != (c->cfg.ta1 & 0xF0) || !(in[2] & 0x0F) ||
				      (in[2] & 0x0F) > (c->cfg.ta1 & 0x0F)))
		return 0;
	c->protocol = in[1] & 0x0F;
	if (rate && c->cfg.pps_default_rate) {
		out[0] = 0xFF;
		out[1] = in[1] & 0x0F;
		out[2] = 0xFF ^ out[1];
		return 3;
	}
	if (rate)
		c->fi_di = in[2];
	memcpy(out, in, len);
	return len;
}

size_t sim_contact_exchange(struct sim_contact *c, const uint8_t *in, size_t len, uint8_t *out, size_t size)
{
	bool fresh = c->fresh;

	c->fresh = false;
	if (size < SIM_T1_BLOCK_MAX)
		return 0;
	if (fresh && len && in[0] == 0xFF)
		return pps(c, in, len, out);
	if (c->protocol)
		return sim_t1_block(c->t1, in, len, out);
	if (c->t0)
		return sim_t0_long_tpdu(c->t0, in, len, out, size);
	return c->app.tpdu(c->app.arg, in, len, out, size);
}

void sim_contact_line(const struct sim_contact *c, unsigned int *protocol, uint8_t *fi_di)
{
	*protocol = c->protocol;
	*fi_di = c->fi_di;
}
