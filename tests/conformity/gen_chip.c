/* SPDX-License-Identifier: BSD-2-Clause */
/* Units ISO7816_D and _F: a chip that fails at chip authentication or at active authentication, or has many keys for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include "conformity.h"

/* ---- DG14 ---- */

static struct sim_chip_key others[2];
static unsigned int n_others;

/* key NULL: the chip's as it is; key_id -1: its number as it is. */
static int dg14_anew(struct conf_card *c, EVP_PKEY *key, int key_id)
{
	struct sim_security security;

	sim_security_of(&c->recipe, key ? key : c->draft->ca, &security);
	if (key_id >= 0)
		security.ca_key_id = key_id;
	memcpy(security.more, others, sizeof(others));
	security.n_more = n_others;
	sim_buf_free(&c->draft->dg[14]);
	return sim_write_dg14(&security, &c->draft->dg[14]);
}

/* "2/aes128/P-256" */
static int other_recipe(struct conf_card *c, const char *arg)
{
	char cipher[16], kind[32], use[16], line[48];
	struct sim_chip_key *k = &others[n_others];

	if (n_others == 2 || sscanf(arg, "%d/%15[^/]/%31s", &k->id, cipher, kind) != 3 ||
	    !sim_cipher_from_name(cipher, &k->cipher))
		return CR_E_MALFORMED;
	snprintf(use, sizeof(use), "ca-%d", k->id);
	k->key = conf_key(kind, false, use);
	if (!k->key)
		return CR_E_CRYPTO;
	snprintf(line, sizeof(line), "%d %s", k->id, cipher);
	conf_profile(c, "ca_other", line);
	n_others++;
	return 0;
}

static int other_groups(struct conf_card *c, const char *arg)
{
	return dg14_anew(c, NULL, -1);
}

static int other_folder(struct conf_card *c, const char *arg)
{
	char dir[300], name[24];
	int err = 0;

	snprintf(dir, sizeof(dir), "%s/cards/card", c->dir);
	for (unsigned int i = 0; i < n_others && !err; i++) {
		snprintf(name, sizeof(name), "ca-%d.pem", others[i].id);
		err = sim_write_key(dir, name, others[i].key);
	}
	return err;
}
CONF_GENERATOR(ca_other, "N/CIPHER/KEY: the chip has another key of chip authentication, and DG14 offers it, by that number",
	       .recipe = other_recipe, .groups = other_groups, .folder = other_folder);

static int reference(struct conf_card *c, const char *arg)
{
	return dg14_anew(c, NULL, atoi(arg));
}
CONF_GENERATOR(ca_reference, "DG14 gives the chip's key this number, which is not the one that the chip knows it by",
	       .groups = reference);

/* The chip's own key stays as it is: a copy of it is written so. */
static int named_curve(struct conf_card *c, const char *arg)
{
	EVP_PKEY *key = EVP_PKEY_dup(c->draft->ca);
	int err = CR_E_CRYPTO;

	if (key && EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_GROUP))
		err = dg14_anew(c, key, -1);
	EVP_PKEY_free(key);
	return err;
}
CONF_GENERATOR(ca_named, "DG14 gives the name of the curve of the chip's key in place of the whole of it", .groups = named_curve);

static int others_key(struct conf_card *c, const char *arg)
{
	c->draft->chip_ca = conf_key(c->recipe.ca_key, false, "ca-of-another");
	return c->draft->chip_ca ? 0 : CR_E_CRYPTO;
}
CONF_GENERATOR(ca_of_another, "the chip has another private key than that of DG14's public one", .files = others_key);

/* ---- chip authentication ---- */

static bool sets_key(const struct sim_apdu *a)
{
	return a->ins == 0x22 && a->p1 == 0x41;
}

static void refusal(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected, struct sim_buf *data,
		    uint16_t *sw)
{
	if (sets_key(cmd) && *sw == SW_NO_REFERENCE)
		*sw = (uint16_t)strtoul(arg, NULL, 16);
}
CONF_GENERATOR(ca_refusal, "a reference of a key that the chip does not have is refused with this status word",
	       .tap = { .after = refusal });

static uint16_t pretence(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected)
{
	return sets_key(cmd) ? SW_OK : 0;
}
CONF_GENERATOR(ca_pretence, "MSE of chip authentication is answered with 9000, and nothing is done: the old keys go on",
	       .tap = { .before = pretence });

/* The session before, as it was behind the last answer under it. */
static struct sim_sm before_ca;

static void count_one(struct sim_sm *sm)
{
	for (size_t i = sim_block_len(sm->cipher); i-- > 0 && ++sm->ssc[i] == 0; )
		;
}

/* The command is taken under the new keys, its answer given under the old ones. */
static size_t old_keys(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected, uint8_t *rsp,
		       size_t len, size_t size)
{
	struct sim_buf none = { 0 }, out = { 0 };
	struct sim_card old = *card;
	uint16_t sw;

	if (!cmd || !protected || len < 2)
		return len;
	if (sets_key(cmd) || cmd->ins == 0x86) {
		before_ca = card->sm;
		before_ca.active &= card->chip_authenticated;
		return len;
	}
	if (!before_ca.active)
		return len;
	sw = (uint16_t)(rsp[len - 2] << 8 | rsp[len - 1]);
	count_one(&before_ca);
	old.sm = before_ca;
	before_ca.active = false;
	if (!sim_sm_wrap(&old, cmd, &none, sw, &out) || out.len + 2 > size)
		abort();
	memmove(rsp + out.len, rsp + len - 2, 2);
	memcpy(rsp, out.p, out.len);
	len = out.len + 2;
	sim_buf_free(&out);
	return len;
}
CONF_GENERATOR(ca_old_keys, "the answer to the first command behind chip authentication is under the keys before it",
	       .tap = { .leaving = old_keys });

/* ---- active authentication ---- */

/* s opened by the public key; *s anew by the private one. */
static bool raw_rsa(EVP_PKEY *key, bool open, uint8_t *s, size_t n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	uint8_t out[1024];
	size_t len = sizeof(out);
	bool ok = ctx && n <= len && (open ? EVP_PKEY_encrypt_init(ctx) : EVP_PKEY_decrypt_init(ctx)) > 0 &&
		  EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0 &&
		  (open ? EVP_PKEY_encrypt(ctx, out, &len, s, n) : EVP_PKEY_decrypt(ctx, out, &len, s, n)) > 0 && len == n;

	if (ok)
		memcpy(s, out, n);
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static void trailer(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected, struct sim_buf *data,
		    uint16_t *sw)
{
	unsigned int v = (unsigned int)strtoul(arg, NULL, 16);

	if (cmd->ins != 0x88 || data->len < 64)
		return;
	if (!raw_rsa(card->prof.aa_key, true, data->p, data->len))
		abort();
	if (v > 0xff)
		data->p[data->len - 2] = (uint8_t)(v >> 8);
	data->p[data->len - 1] = (uint8_t)v;
	if (!raw_rsa(card->prof.aa_key, false, data->p, data->len))
		abort();
}
CONF_GENERATOR(aa_trailer, "the last byte or two of what active authentication signs by RSA are these", .tap = { .after = trailer });
