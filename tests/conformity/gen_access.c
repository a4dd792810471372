/* SPDX-License-Identifier: BSD-2-Clause */
/* Units ISO7816_A to _C: a chip that fails at selection, at basic access control, at secure messaging, at reading. */
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include "conformity.h"

static bool selects_application(const struct sim_apdu *a)
{
	return a->ins == 0xa4 && a->p1 == 0x04;
}

/* Whether a command is SELECT or READ BINARY of this file, named as in a trace. */
static bool is_of_file(const struct sim_card *card, const struct sim_apdu *a, const char *name)
{
	static const struct { const char *name; uint16_t fid; } files[] = {
		{ "COM", 0x011e }, { "SOD", 0x011d }, { "DG1", 0x0101 }, { "DG2", 0x0102 }, { "DG14", 0x010e }, { "DG15", 0x010f },
	};
	uint16_t fid = 0;

	if (!card->app)
		return false;
	if (a->ins == 0xa4 && a->p1 == 0x02 && a->lc == 2)
		fid = (uint16_t)(a->data[0] << 8 | a->data[1]);
	else if (a->ins == 0xb0 && a->p1 & 0x80)
		fid = 0x0100 | (a->p1 & 0x1f);
	else if ((a->ins | 1) == 0xb1 && card->ef)
		fid = card->ef->fid;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (!strcmp(files[i].name, name))
			return files[i].fid == fid;
	return false;
}

/* The first of "FILE:XXXX", and the status word. */
static uint16_t status_of(const char *arg, char file[8])
{
	const char *sw = strchr(arg, ':');
	size_t n = sw ? (size_t)(sw - arg) : 0;

	memcpy(file, arg, n < 7 ? n : 7);
	file[n < 7 ? n : 7] = '\0';
	return (uint16_t)strtoul(sw ? sw + 1 : arg, NULL, 16);
}

/* ---- selection ---- */

/* It is done all the same, so that nothing but the status word tells. */
static void application_status(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
			       struct sim_buf *data, uint16_t *sw)
{
	if (selects_application(cmd))
		*sw = (uint16_t)strtoul(arg, NULL, 16);
}
CONF_GENERATOR(application_status, "SELECT of the application is answered with this status word",
	       .tap = { .after = application_status });

static uint16_t file_status(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected)
{
	char file[8];
	uint16_t sw = status_of(arg, file);

	return is_of_file(card, cmd, file) ? sw : 0;
}
CONF_GENERATOR(file_status, "FILE:XXXX: to select or read this file is refused with that status word",
	       .tap = { .before = file_status });

/* ---- basic access control ---- */

static void bac_answer(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
		       struct sim_buf *data, uint16_t *sw)
{
	const char *what = arg;

	if (cmd->ins != 0x82 || data->len != 40)
		return;
	if (!strcmp(what, "mac"))
		data->p[39] ^= 0x01;
	else
		*sw = (uint16_t)strtoul(what, NULL, 16);
}
CONF_GENERATOR(bac_answer, "mac: the MAC of EXTERNAL AUTHENTICATE's answer is wrong; XXXX: its status word, the answer is right",
	       .tap = { .after = bac_answer });

/* As a chip with another RND.IFD: cryptogram wrong, MAC right. The chip's own keys are needed for that. */
static void bac_cryptogram(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
			   struct sim_buf *data, uint16_t *sw)
{
	uint8_t m[40] = { 0 }, seed[EVP_MAX_MD_SIZE], key[SIM_KEY_MAX];
	char info[64];
	size_t n = sim_mrz_information(card->prof.mrz, info);

	if (cmd->ins != 0x82 || data->len != 40)
		return;
	data->p[0] ^= 0x01;	/* RND.IC is garbled, a bit of RND.IFD is another; K.IC is right */
	memcpy(m, data->p, 32);
	m[32] = 0x80;
	if (!EVP_Digest(info, n, seed, NULL, EVP_sha1(), NULL) || !sim_kdf(SIM_3DES, seed, 16, 2, key) ||
	    !sim_mac(SIM_3DES, key, m, sizeof(m), data->p + 32))
		abort();
}
CONF_GENERATOR(bac_cryptogram, "the cryptogram of EXTERNAL AUTHENTICATE's answer is wrong, its MAC right",
	       .tap = { .after = bac_cryptogram });

/* ---- secure messaging ---- */

/* Without the data object of this tag; b: objects, one after another. */
static void drop_object(struct sim_buf *b, uint32_t tag)
{
	size_t at = 0;
	struct sim_tlv t;

	while (at < b->len && sim_ber_get(b->p + at, b->len - at, &t)) {
		if (t.tag == tag) {
			memmove(b->p + at, b->p + at + t.total, b->len - at - t.total);
			b->len -= t.total;
			return;
		}
		at += t.total;
	}
}

static bool is_read_of(const struct sim_card *card, const struct sim_apdu *a, const char *file)
{
	return (a->ins | 1) == 0xb1 && is_of_file(card, a, file);
}

/* Answers to READ BINARY of DG1. */
static void sm_without(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, struct sim_buf *objects)
{
	uint32_t tag = (uint32_t)strtoul(arg, NULL, 16);

	if (tag != 0x8e && is_read_of(card, cmd, "DG1"))
		drop_object(objects, tag);
}

static size_t sm_without_mac(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
			     uint8_t *rsp, size_t len, size_t size)
{
	if (strtoul(arg, NULL, 16) != 0x8e || !cmd || !protected || len < 12 || !is_read_of(card, cmd, "DG1"))
		return len;
	memmove(rsp + len - 12, rsp + len - 2, 2);	/* 8E 08 MAC, before the status word */
	return len - 10;
}
CONF_GENERATOR(sm_without, "protected answers to READ BINARY of DG1 lack this data object: 87, 99 (the MAC is right), 8E",
	       .tap = { .objects = sm_without, .leaving = sm_without_mac });

static size_t sm_bad_mac(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected, uint8_t *rsp,
			 size_t len, size_t size)
{
	if (cmd && protected && len > 12 && is_read_of(card, cmd, "DG1"))
		rsp[len - 3] ^= 0x01;
	return len;
}
CONF_GENERATOR(sm_bad_mac, "protected answers to READ BINARY of DG1 have a wrong MAC", .tap = { .leaving = sm_bad_mac });

/* The middle of DG2's blocks: pixels, so that the hash alone tells. */
static void sm_bad_cryptogram(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, struct sim_buf *objects)
{
	if (objects->len > 100 && is_read_of(card, cmd, "DG2"))
		objects->p[objects->len / 2] ^= 0x01;
}
CONF_GENERATOR(sm_bad_cryptogram, "protected answers to READ BINARY of DG2 have a wrong cryptogram, and its MAC",
	       .tap = { .objects = sm_bad_cryptogram });

static size_t sm_plain_error(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
			     uint8_t *rsp, size_t len, size_t size)
{
	unsigned long sw = strtoul(arg, NULL, 16);

	if (!cmd || !protected || !is_read_of(card, cmd, "DG1"))
		return len;
	rsp[0] = (uint8_t)(sw >> 8);
	rsp[1] = (uint8_t)sw;
	return 2;
}
CONF_GENERATOR(sm_plain_error, "READ BINARY of DG1 under secure messaging is answered with this status word alone",
	       .tap = { .leaving = sm_plain_error });

/* ---- reading ---- */

/* A portrait of this many bytes: the picture, and zeroes that its format ignores behind its end. */
static int portrait_size(struct conf_card *c, const char *arg)
{
	size_t want = strtoul(arg, NULL, 10), len;
	uint8_t *face, *all;

	if (!sim_portrait_jp2(c->recipe.portrait, &face, &len))
		return CR_E_NOMEM;
	all = calloc(1, want ? want : 1);
	if (!all)
		abort();
	memcpy(all, face, len < want ? len : want);
	sim_buf_free(&c->draft->dg[2]);
	sim_write_dg2(all, want, false, &c->draft->dg[2]);
	free(face);
	free(all);
	return 0;
}
CONF_GENERATOR(portrait_size, "the image in DG2 has this many bytes", .groups = portrait_size);

/* The outermost length, which has two bytes here. */
static int dg2_length(struct conf_card *c, const char *arg)
{
	struct sim_buf *b = &c->draft->dg[2];
	long len;

	if (b->len < 4 || b->p[1] != 0x82)
		return CR_E_INTERNAL;
	len = (b->p[2] << 8 | b->p[3]) + strtol(arg, NULL, 10);
	b->p[2] = (uint8_t)(len >> 8);
	b->p[3] = (uint8_t)len;
	return 0;
}
CONF_GENERATOR(dg2_length, "DG2 says that it is longer (-N: shorter) by so many bytes, and is signed so", .groups = dg2_length);

/* ISO/IEC 7816-4, 5.6: 6Cxx, wrong Le, and the right one. */
static uint16_t eof_6c(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected)
{
	size_t offset = (size_t)cmd->p1 << 8 | cmd->p2;

	if (cmd->ins != 0xb0 || cmd->p1 & 0x80 || !card->ef || cmd->le_all || offset >= card->ef->len ||
	    cmd->le <= card->ef->len - offset || card->ef->len - offset > 255)
		return 0;
	return (uint16_t)(0x6c00 | (card->ef->len - offset));
}
CONF_GENERATOR(eof_6c, "READ BINARY beyond the end of a file is answered with 6Cxx", .tap = { .before = eof_6c });
