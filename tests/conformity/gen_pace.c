/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit ISO7816_G: a chip that fails at PACE.
 *
 * Steps are those of ICAO 9303-11, 4.4.5: 1 the nonce, 2 mapping data, 3 ephemeral keys, 4 tokens; 0 is MSE:Set AT.
 */
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include "conformity.h"

#define DO_DYNAMIC	0x7c
#define DO_CAM_DATA	0x8a

/* PACE's are never protected; chip authentication's GENERAL AUTHENTICATE is. -1: none of its commands. */
static int step_of(const struct sim_apdu *a, bool protected)
{
	struct sim_tlv outer;

	if (protected)
		return -1;
	if (a->ins == 0x22 && a->p1 == 0xc1 && a->p2 == 0xa4)
		return 0;
	if (a->ins != 0x86 || !sim_ber_get(a->data, a->lc, &outer) || outer.tag != DO_DYNAMIC)
		return -1;
	if (!outer.len)
		return 1;
	return outer.value[0] >= 0x81 && outer.value[0] <= 0x85 ? 2 + (outer.value[0] - 0x81) / 2 : -1;
}

/* Whether it is the step that "N:..." begins with; *rest: what is behind the colon. */
static bool is_step(const char *arg, const struct sim_apdu *a, bool protected, const char **rest)
{
	char *end;
	long n = strtol(arg, &end, 10);

	*rest = *end == ':' ? end + 1 : end;
	return step_of(a, protected) == n;
}

/* Objects within 7C of the answer; they point into it. */
static unsigned int objects_of(const struct sim_buf *data, struct sim_tlv out[2])
{
	struct sim_tlv outer;
	unsigned int n = 0;

	if (!sim_ber_get(data->p, data->len, &outer))
		return 0;
	for (size_t at = 0; n < 2 && at < outer.len && sim_ber_get(outer.value + at, outer.len - at, &out[n]); n++)
		at += out[n].total;
	return n;
}

static void answer(struct sim_buf *data, struct sim_buf *objects)
{
	sim_buf_free(data);
	sim_ber_wrap(data, DO_DYNAMIC, objects);
}

/* ---- answers that are wrong as a whole ---- */

static void pace_status(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
			struct sim_buf *data, uint16_t *sw)
{
	const char *rest;

	if (is_step(arg, cmd, protected, &rest))
		*sw = (uint16_t)strtoul(rest, NULL, 16);
}
CONF_GENERATOR(pace_status, "N:XXXX: step N has this status word, and the right answer", .tap = { .after = pace_status });

static void pace_template(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
			  struct sim_buf *data, uint16_t *sw)
{
	const char *rest;

	if (is_step(arg, cmd, protected, &rest) && data->len)
		data->p[0] = 0x7d;
}
CONF_GENERATOR(pace_template, "N: step N's answer is in 7D instead of 7C", .tap = { .after = pace_template });

static void pace_tag(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
		     struct sim_buf *data, uint16_t *sw)
{
	struct sim_buf in = { 0 };
	struct sim_tlv t[2];
	const char *rest;

	if (!is_step(arg, cmd, protected, &rest) || objects_of(data, t) != 1)
		return;
	sim_ber_put(&in, (uint32_t)strtoul(rest, NULL, 16), t[0].value, t[0].len);
	answer(data, &in);
}
CONF_GENERATOR(pace_tag, "N:TAG: step N's object has this tag", .tap = { .after = pace_tag });

static void pace_answer(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
			struct sim_buf *data, uint16_t *sw)
{
	struct sim_buf in = { 0 };
	const char *rest;
	unsigned int v;

	if (!is_step(arg, cmd, protected, &rest) || *sw != SW_OK)
		return;
	for (; sscanf(rest, "%2x", &v) == 1; rest += 2)
		sim_buf_byte(&in, (uint8_t)v);
	answer(data, &in);
}
CONF_GENERATOR(pace_answer, "N:HEX: step N is answered with these objects; none", .tap = { .after = pace_answer });

static void pace_flip(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
		      struct sim_buf *data, uint16_t *sw)
{
	struct sim_tlv t[2];
	const char *rest;

	if (is_step(arg, cmd, protected, &rest) && objects_of(data, t))
		data->p[t[0].value - data->p] ^= 0x01;
}
CONF_GENERATOR(pace_flip, "N: a bit of step N's object is another", .tap = { .after = pace_flip });

/* ---- public keys that are none ---- */

static void point(const struct sim_tlv *key, const char *what, struct sim_buf *out)
{
	size_t field = (key->len - 1) / 2;

	sim_buf_put(out, key->value, key->len);
	if (!strcmp(what, "x"))
		out->p[field] ^= 0x01;
	else if (!strcmp(what, "y"))
		out->p[2 * field] ^= 0x01;
	else if (!strcmp(what, "zero"))
		memset(out->p + 1, 0, 2 * field);
	else if (!strcmp(what, "form"))
		out->p[0] = 0x05;
	else if (!strcmp(what, "compressed"))
		out->p[0] = 0x02 | (key->value[2 * field] & 0x01);
	else if (!strcmp(what, "infinity"))
		out->p[0] = 0x00;
	else if (!strcmp(what, "short"))
		out->len--;
	else if (!strcmp(what, "long"))
		sim_buf_byte(out, 0x00);
	else
		abort();
	if (!strcmp(what, "compressed"))
		out->len = 1 + field;
	if (!strcmp(what, "infinity"))
		out->len = 1;
}

/* p is the prime. RFC 2631, 2.1.5: between 2 and p - 1, and of order q. */
static void number(const struct sim_tlv *key, const BIGNUM *p, const char *what, struct sim_buf *out)
{
	BIGNUM *n = BN_new(), *y = BN_bin2bn(key->value, (int)key->len, NULL);
	uint8_t v[SIM_ELEMENT_MAX + 1];

	if (!n || !y)
		abort();
	if (!strcmp(what, "one"))
		BN_one(n);
	else if (!strcmp(what, "two"))		/* not of order q in any of the standardized groups */
		BN_set_word(n, 2);
	else if (!strcmp(what, "order-2") ? !BN_sub(n, p, BN_value_one()) :
		 !strcmp(what, "order-2q") ? !BN_sub(n, p, y) :
		 !strcmp(what, "prime") ? !BN_copy(n, p) :
		 !strcmp(what, "beyond") ? !BN_add(n, p, y) : strcmp(what, "zero"))
		abort();
	sim_buf_put(out, v, (size_t)BN_bn2bin(n, v));
	if (!out->len)
		sim_buf_byte(out, 0x00);
	BN_free(n);
	BN_free(y);
}

static void pace_key(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
		     struct sim_buf *data, uint16_t *sw)
{
	struct sim_buf key = { 0 }, in = { 0 };
	struct sim_tlv t[2];
	const char *what;

	if (!is_step(arg, cmd, protected, &what) || *sw != SW_OK || objects_of(data, t) != 1)
		return;
	if (card->pace.group.ec)
		point(&t[0], what, &key);
	else
		number(&t[0], card->pace.group.p, what, &key);
	sim_ber_wrap(&in, t[0].tag, &key);
	answer(data, &in);
}
CONF_GENERATOR(pace_key, "N:WHAT: step N's public key is none. Points: x, y, zero, form, compressed, infinity, short, long; "
	       "numbers: zero, one, two, order-2, order-2q, prime, beyond", .tap = { .after = pace_key });

/* ICAO 9303-11, 4.4.1: what comes of one's own key the chip can answer without any password. */
static void pace_reflect(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
			 struct sim_buf *data, uint16_t *sw)
{
	int step = step_of(cmd, protected);
	struct sim_tlv outer, t;
	struct sim_buf in = { 0 };

	if (step < 3 || !sim_ber_get(cmd->data, cmd->lc, &outer) || !sim_ber_get(outer.value, outer.len, &t))
		return;
	sim_ber_put(&in, t.tag + 1, t.value, t.len);
	answer(data, &in);
	*sw = SW_OK;
}
CONF_GENERATOR(pace_reflect, "ephemeral key and token are the terminal's own", .tap = { .after = pace_reflect });

/* ---- chip authentication mapping ---- */

static void pace_cam(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
		     struct sim_buf *data, uint16_t *sw)
{
	const char *what = arg;
	struct sim_buf in = { 0 }, inner = { 0 };
	struct sim_tlv t[2];
	uint8_t cam[512];
	size_t len;

	if (step_of(cmd, protected) != 4 || *sw != SW_OK || objects_of(data, t) != 2 || t[1].len > sizeof(cam))
		return;
	len = t[1].len;
	memcpy(cam, t[1].value, len);
	sim_ber_put(&in, t[0].tag, t[0].value, t[0].len);
	if (!strcmp(what, "untagged")) {
		sim_buf_put(&in, cam, len);
	} else if (!strcmp(what, "integer")) {
		sim_ber_put(&inner, 0x02, cam, len);
		sim_ber_wrap(&in, DO_CAM_DATA, &inner);
	} else if (!strcmp(what, "wrong")) {
		cam[0] ^= 0x01;		/* the padding, in another block, is right */
		sim_ber_put(&in, DO_CAM_DATA, cam, len);
	} else if (!strcmp(what, "tag")) {
		sim_ber_put(&in, 0x8b, cam, len);
	} else if (!strcmp(what, "empty")) {
		sim_ber_put(&in, DO_CAM_DATA, NULL, 0);
	} else {
		abort();
	}
	answer(data, &in);
}
CONF_GENERATOR(pace_cam, "the encrypted chip authentication data: untagged, in an integer, wrong, with tag 8B (tag), empty",
	       .tap = { .after = pace_cam });

static void pace_cam_unasked(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
			     struct sim_buf *data, uint16_t *sw)
{
	static const uint8_t cam[48] = { 0x5a };
	struct sim_buf in = { 0 };
	struct sim_tlv t[2];

	if (step_of(cmd, protected) != 4 || *sw != SW_OK || objects_of(data, t) != 1)
		return;
	sim_ber_put(&in, t[0].tag, t[0].value, t[0].len);
	sim_ber_put(&in, DO_CAM_DATA, cam, sizeof(cam));
	answer(data, &in);
}
CONF_GENERATOR(pace_cam_unasked, "chip authentication data come with a mapping that has none",
	       .tap = { .after = pace_cam_unasked });

/* Of another chip, in the same group. */
static int card_security_key(struct conf_card *c, const char *arg)
{
	EVP_PKEY *other = conf_key(c->recipe.ca_key, true, "other-chip");
	struct sim_buf infos = { 0 };
	struct sim_security s;
	int err;

	if (!other)
		return CR_E_CRYPTO;
	sim_security_of(&c->recipe, other, &s);
	err = sim_write_security_infos(&s, &infos);
	sim_buf_free(&c->draft->card_security);
	if (!err)
		err = sim_card_security(&c->issuer, &infos, &c->draft->card_security);
	sim_buf_free(&infos);
	EVP_PKEY_free(other);
	return err;
}
CONF_GENERATOR(card_security_key, "EF.CardSecurity has the key of another chip", .files = card_security_key);
