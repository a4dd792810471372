/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual card and the wire to it, for whole inspections: the wire counts, listens, changes bytes,
 * and takes the card away. What reader and exchange level do to a card is not the matter here, so
 * that the library's cr_card is not linked.
 */
#ifndef TEST_WIRECARD_H
#define TEST_WIRECARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <cardring/eid.h>
#include "eid/checks.h"
#include "eid/lds.h"
#include "iso7816/apdu.h"
#include "simcard.h"

struct cr_card {
	struct sim_card *sim;
	struct cr_exchange ex;
	size_t max_response;	/* what the reader carries */
	size_t told;		/* what the card said */
	unsigned int gone_at;		/* command number at which the card is taken out; 0: never */
	unsigned int flip_at;		/* whose answer has a bit flipped */
	bool flipped;			/* and has had it */
	unsigned int silent_at;		/* which has no answer */
	size_t silent_above;		/* no answer to a READ BINARY whose answer is longer; 0: none */
	bool silent_to_sfi;		/* no answer to a READ BINARY by short identifier */
	uint8_t silent_once_to;		/* no answer to the first one by this one; 0: none */
	unsigned int resets, pace_runs, bac_runs, ca_runs, reads, selects, by_sfi;	/* selects: of files */
	unsigned int info_selects;	/* of EF.ATR/INFO */
	unsigned int read_batches;	/* with a READ BINARY in them */
	size_t longest_batch;
	bool wrong_expect;
	void (*on_reset)(struct cr_card *c);	/* what becomes of the card; NULL */
};

static char dir[] = "/tmp/cardring-inspect-XXXXXX";
static cr_trust_t *trust;

static bool by_sfi(const struct cr_apdu *a)
{
	return a->cmd[1] == 0xb0 && a->cmd[2] & 0x80;
}

static void listen(struct cr_card *c, const struct cr_apdu *a)
{
	c->pace_runs += a->cmd[1] == 0x22 && a->cmd[2] == 0xc1;
	c->bac_runs += a->cmd[1] == 0x82;
	c->ca_runs += a->cmd[1] == 0x22 && a->cmd[2] == 0x41;
	c->reads += (a->cmd[1] & 0xfe) == 0xb0;
	c->selects += a->cmd[1] == 0xa4 && a->cmd[2] == 0x02;
	c->info_selects += a->cmd_len >= 7 && a->cmd[1] == 0xa4 && a->cmd[5] == 0x2f && a->cmd[6] == 0x01;
	c->by_sfi += by_sfi(a);
}

int cr_card_transmit_batch(cr_card_t *c, struct cr_apdu *apdus, size_t n, size_t *done)
{
	static uint8_t rsp[CR_RAPDU_MAX];

	c->ex.enters++;
	c->read_batches += (apdus[n - 1].cmd[1] & 0xfe) == 0xb0;
	c->longest_batch = n > c->longest_batch ? n : c->longest_batch;
	for (*done = 0; *done < n;) {
		struct cr_apdu *a = &apdus[*done];
		size_t len;
		uint16_t sw;

		c->ex.commands++;
		if (c->ex.commands == c->gone_at)
			return CR_E_CARD_GONE;
		listen(c, a);
		if (c->ex.commands == c->silent_at)
			return CR_E_TIMEOUT;
		if (c->silent_to_sfi && by_sfi(a))
			return CR_E_TIMEOUT;
		if (c->silent_once_to && by_sfi(a) && (a->cmd[2] & 0x1f) == c->silent_once_to) {
			c->silent_once_to = 0;
			return CR_E_TIMEOUT;
		}
		len = sim_card_apdu(c->sim, a->cmd, a->cmd_len, rsp, sizeof(rsp));
		if (c->silent_above && (a->cmd[1] & 0xfe) == 0xb0 && len > c->silent_above)
			return CR_E_TIMEOUT;
		if (c->ex.commands == c->flip_at) {
			rsp[len / 2] ^= 0x10;
			c->flipped = true;
		}
		assert_true(len <= a->rsp_size);
		memcpy(a->rsp, rsp, len);
		a->rsp_len = len;
		sw = cr_rapdu_sw(rsp, len);
		if (a->rsp_expect && sw == 0x9000 && len != a->rsp_expect)
			c->wrong_expect = true;
		++*done;
		if ((sw & a->sw_mask) != (a->sw & a->sw_mask))
			break;
	}
	return 0;
}

int cr_card_reset(cr_card_t *c)
{
	size_t n;

	c->resets++;
	if (c->on_reset)
		c->on_reset(c);
	sim_card_power_on(c->sim, false, &n);
	return 0;
}

const uint8_t *cr_card_atr(const cr_card_t *c, size_t *len)
{
	*len = 0;
	return NULL;
}

void cr_card_exchange(const cr_card_t *c, struct cr_exchange *out)
{
	*out = c->ex;
}

void cr_card_limits(const cr_card_t *c, struct cr_limits *out)
{
	size_t n = c->told && c->told < c->max_response ? c->told : c->max_response;

	*out = (struct cr_limits) {
		.command = n > 256 ? 65535 : 255, .response = n, .message_command = n > 256 ? 65535 : 255,
		.message_response = n, .response_by = c->max_response > 256 ? CR_LIMIT_NONE : CR_LIMIT_LEVEL,
		.told = c->told != 0,
	};
}

/* of reader/card_int.h, which has another struct cr_card */
void cr_card_told(cr_card_t *c, size_t command, size_t response);
void cr_card_told(cr_card_t *c, size_t command, size_t response)
{
	assert_true(command > 255 && command <= 65535);
	c->told = response;
}

static inline const struct sim_sample *sample(const char *name)
{
	static struct sim_sample *all;
	static int n;

	if (!all)
		n = sim_list(&all);
	for (int i = 0; i < n; i++)
		if (!strcmp(all[i].name, name))
			return &all[i];
	fail_msg("no sample %s", name);
	return NULL;
}

static inline void insert(struct cr_card *c, const char *name)
{
	size_t n;

	memset(c, 0, sizeof(*c));
	c->max_response = 256;
	assert_int_equal(sim_card_load(name, &c->sim), 0);
	sim_card_power_on(c->sim, false, &n);
}

/*
 * Takes the file off the card: EF.CardAccess from beside the application; the one of that identifier
 * in it is EF.CVCA.
 */
static inline void lose(struct cr_card *c, uint16_t fid)
{
	struct sim_profile *p = &c->sim->prof;

	for (unsigned int i = 0; i < p->n_files; i++) {
		if (p->files[i].fid != fid || (fid == 0x011c && p->files[i].in_app))
			continue;
		free(p->files[i].data);
		p->files[i] = p->files[--p->n_files];
		return;
	}
	fail_msg("no file %04X", fid);
}

/* EF.COM lists these groups and no others. */
static inline void list(struct cr_card *c, const char *tags)
{
	struct sim_profile *p = &c->sim->prof;
	size_t n = strlen(tags);

	for (unsigned int i = 0; i < p->n_files; i++) {
		if (p->files[i].fid != CR_FID_COM)
			continue;
		/* the list is the last object: shorter, it is the same file with two other lengths */
		p->files[i].data[1] = (uint8_t)(0x12 + n);
		p->files[i].data[0x13] = (uint8_t)n;
		memcpy(p->files[i].data + 0x14, tags, n);
		assert_true(0x14 + n <= p->files[i].len);
		p->files[i].len = 0x14 + n;
	}
}

/* Bytes of a file on the card; 0: not there. */
static inline size_t length(const struct cr_card *c, uint16_t fid)
{
	const struct sim_profile *p = &c->sim->prof;

	for (unsigned int i = 0; i < p->n_files; i++)
		if (p->files[i].fid == fid)
			return p->files[i].len;
	return 0;
}

static inline void secret_of(const char *name, bool can, struct cr_secret *secret)
{
	const struct sim_sample *s = sample(name);

	if (can && s->can[0])
		assert_int_equal(cr_secret_from_can(secret, s->can, NULL), 0);
	else
		assert_int_equal(cr_secret_from_mrz(secret, s->mrz, NULL), 0);
}

static inline int verify(struct cr_card *c, const struct cr_secret *secret, struct cr_inspection **insp)
{
	const struct cr_inspect_opts opts = { .secret = secret, .trust = trust, .verify = true };
	int err = cr_inspect(c, &opts, insp);

	assert_non_null(*insp);
	assert_false(c->wrong_expect);
	return err;
}

static inline const struct cr_file *file(const struct cr_inspection *insp, uint16_t fid)
{
	for (size_t i = 0; i < insp->n_files; i++)
		if (insp->files[i].fid == fid)
			return &insp->files[i];
	return NULL;
}

static inline const struct cr_check *check(const struct cr_inspection *insp, const char *name)
{
	for (size_t i = 0; i < insp->n_checks; i++)
		if (!strcmp(insp->checks[i].name, name))
			return &insp->checks[i];
	return NULL;
}

static int setup(void **state)
{
	char path[100];
	size_t skipped;

	if (!mkdtemp(dir) || setenv("CARDRING_SIM_DIR", dir, 1) || sim_make(dir) || cr_trust_new(&trust))
		return -1;
	snprintf(path, sizeof(path), "%s/trust", dir);
	return cr_trust_add_dir(trust, path, &skipped) > 0 ? 0 : -1;
}

static int teardown(void **state)
{
	char cmd[100];

	cr_trust_free(trust);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

#endif
