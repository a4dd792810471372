/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit ISO7816_E: authorities, document verifiers and terminals, their certificates, and a chip that they meet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include "conformity.h"

/* ---- who certifies whom ---- */

/* Outlives the card. */
static const char *keep(const char *s, size_t len)
{
	static char kept[32][32];
	static unsigned int n;

	if (n == 32 || len >= sizeof(kept[0]))
		return NULL;
	memcpy(kept[n], s, len);
	return kept[n++];
}

static bool set_field(struct sim_holder_spec *h, const char *field, size_t len)
{
	const char *v = memchr(field, '=', len);
	size_t key;

	if (!v)
		return false;
	key = (size_t)(v++ - field);
	if (key == 4 && !memcmp(field, "name", 4))
		return (h->name = keep(v, len - key - 1)) != NULL;
	if (key == 3 && !memcmp(field, "key", 3))
		return (h->key = keep(v, len - key - 1)) != NULL;
	if (key == 6 && !memcmp(field, "scheme", 6))
		h->scheme = (uint8_t)strtoul(v, NULL, 10);
	else if (key == 4 && !memcmp(field, "chat", 4))
		h->chat = (uint8_t)strtoul(v, NULL, 16);
	else if (key == 4 && !memcmp(field, "from", 4))
		h->from = strtol(v, NULL, 10);
	else if (key == 2 && !memcmp(field, "to", 2))
		h->to = strtol(v, NULL, 10);
	else
		return false;
	return true;
}

static int holder(struct conf_card *c, const char *arg)
{
	const char *fields = strchr(arg, '/');
	size_t first = 0, last = c->n_holders - 1;

	if (!fields)
		return CR_E_MALFORMED;
	if (*arg != '*')
		first = last = strtoul(arg, NULL, 10);
	for (size_t i = first; i <= last; i++) {
		for (const char *f = fields; *f; f += strcspn(f, ",")) {
			f++;
			if (i >= c->n_holders || !set_field(&c->holder_spec[i], f, strcspn(f, ",")))
				return CR_E_MALFORMED;
		}
	}
	return 0;
}
CONF_GENERATOR(holder, "N/FIELD=V,...: the Nth (0 the chip's trust point, *: each) has this name, key, scheme, chat, from, to",
	       .recipe = holder);

/* Before the document verifier: so that of two the one that is named first comes first. */
static int link_certificate(struct conf_card *c, const char *arg)
{
	size_t at = c->n_holders - 2;

	if (c->n_holders == CONF_HOLDERS)
		return CR_E_TOO_LONG;
	memmove(&c->holder_spec[at + 1], &c->holder_spec[at], 2 * sizeof(c->holder_spec[0]));
	c->holder_spec[at] = c->holder_spec[0];
	c->holder_spec[at].name = arg;
	c->n_holders++;
	return 0;
}
CONF_GENERATOR(link_certificate, "NAME: the authority has a successor of this name, whom it certifies; he certifies the rest",
	       .recipe = link_certificate);

static int chip_trusts(struct conf_card *c, const char *arg)
{
	size_t n = strtoul(arg, NULL, 10);

	if (n >= c->n_holders)
		return CR_E_INVALID;
	c->recipe.cvca = &c->holder[n];
	return 0;
}
CONF_GENERATOR(chip_trusts, "N: the chip's trust point, and in EF.CVCA, is the Nth holder instead", .recipe = chip_trusts);

/* ---- what the inspection system has of it ---- */

/* The Nth certificate (0: of holder 1) of its file, *at to *at + *len. */
static int certificates(const struct conf_card *c, const char *nth, struct sim_buf *all, size_t *at, size_t *len)
{
	size_t n = strtoul(nth, NULL, 10);
	struct sim_tlv t;

	sim_buf_free(all);
	for (size_t i = 1; i < c->n_holders; i++)
		if (!sim_cvc_issue(&c->holder[i], &c->holder[i - 1], all))
			return CR_E_CRYPTO;
	for (*at = 0; sim_ber_get(all->p + *at, all->len - *at, &t); *at += t.total) {
		*len = t.total;
		if (!n--)
			return 0;
	}
	return CR_E_NOT_FOUND;
}

static int write_certificates(const struct conf_card *c, struct sim_buf *all, int err)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/terminal/certificates.cvcert", c->dir);
	if (!err)
		err = sim_write_file(path, all->p, all->len, 0644);
	sim_buf_free(all);
	return err;
}

static int bad_certificate(struct conf_card *c, const char *arg)
{
	struct sim_buf all = { 0 };
	size_t at, len;
	int err = certificates(c, arg, &all, &at, &len);

	if (!err)
		all.p[at + len - 1] ^= 0x01;
	return write_certificates(c, &all, err);
}
CONF_GENERATOR(bad_certificate, "N: the Nth (0: the first) of the terminal's certificates has another last byte",
	       .folder = bad_certificate);

static int no_certificate(struct conf_card *c, const char *arg)
{
	struct sim_buf all = { 0 };
	size_t at, len;
	int err = certificates(c, arg, &all, &at, &len);

	if (!err) {
		memmove(all.p + at, all.p + at + len, all.len - at - len);
		all.len -= len;
	}
	return write_certificates(c, &all, err);
}
CONF_GENERATOR(no_certificate, "N: the inspection system lacks the Nth (0: the first) of the terminal's certificates",
	       .folder = no_certificate);

/* ---- the chip ---- */

static void ta_challenge(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
			 struct sim_buf *data, uint16_t *sw)
{
	size_t want = strtoul(arg, NULL, 10);

	if (cmd->ins != 0x84 || !protected)
		return;
	while (data->len < want && !data->failed)
		sim_buf_byte(data, 0xa5);
	data->len = want;
}
CONF_GENERATOR(ta_challenge, "N: GET CHALLENGE under secure messaging gives N bytes", .tap = { .after = ta_challenge });

/* The card is what the tap is of, and no constant. */
static uint16_t ta_document_number(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected)
{
	struct sim_card *own = (struct sim_card *)card;

	if (cmd->ins == 0x82 && protected && strlen(arg) <= sizeof(own->chip_id))
		memcpy(own->chip_id, arg, own->chip_id_len = strlen(arg));
	return 0;
}
CONF_GENERATOR(ta_document_number, "NUMBER, with its check digit: the chip takes itself for that one in terminal authentication",
	       .tap = { .before = ta_document_number });

static int details(struct conf_card *c, const char *arg)
{
	static const struct sim_details said = { .full_name = "MUSTERMANN<<ERIKA", .place_of_birth = "BERLIN",
						 .authority = "STADT KOELN", .date_of_issue = "20240101" };

	sim_buf_free(&c->draft->dg[11]);
	sim_buf_free(&c->draft->dg[12]);
	sim_write_dg11(&said, &c->draft->dg[11]);
	sim_write_dg12(&said, &c->draft->dg[12]);
	return 0;
}

/* To select and to read them, by identifier or short one. */
static uint16_t details_locked(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected)
{
	uint16_t fid = 0;

	if (!card->app || card->rights)
		return 0;
	if (cmd->ins == 0xa4 && cmd->p1 == 0x02 && cmd->lc == 2)
		fid = (uint16_t)(cmd->data[0] << 8 | cmd->data[1]);
	else if (cmd->ins == 0xb0 && cmd->p1 & 0x80)
		fid = 0x0100 | (cmd->p1 & 0x1f);
	return fid == 0x010b || fid == 0x010c ? 0x6982 : 0;
}
CONF_GENERATOR(locked_details, "there are DG11 and DG12, which only terminal authentication opens", .groups = details,
	       .tap = { .before = details_locked });
