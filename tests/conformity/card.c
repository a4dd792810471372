/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card of a case: its configuration, what differs, what generators make of it; and who inspects it: issuers,
 * certificates, and the arguments that the command gets. All of it in a folder, for people to look into too.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <cardring/error.h>
#include <openssl/pem.h>
#include "conformity.h"

#define DAY	86400L

/* ---- keys ---- */

static char keys_dir[512];

void conf_keys_in(const char *dir)
{
	snprintf(keys_dir, sizeof(keys_dir), "%s", dir);
}

static EVP_PKEY *read_key(const char *path)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *key = NULL;

	if (f) {
		key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
	}
	return key;
}

/* Whoever comes first makes it; the others wait for it. */
EVP_PKEY *conf_key(const char *kind, bool explicit_params, const char *use)
{
	char path[800], name[128];
	EVP_PKEY *key = NULL;
	int lock;

	snprintf(name, sizeof(name), "%s-%s%s.pem", kind, use, explicit_params ? "-explicit" : "");
	snprintf(path, sizeof(path), "%s/%s.lock", keys_dir, name);
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX)) {
		perror(path);
		goto done;
	}
	snprintf(path, sizeof(path), "%s/%s", keys_dir, name);
	key = read_key(path);
	if (key)
		goto done;
	key = sim_key_new(kind, explicit_params);
	if (key && sim_write_key(keys_dir, name, key)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
done:
	if (lock >= 0)
		close(lock);
	return key;
}

/* ---- what differs ---- */

void conf_profile(struct conf_card *c, const char *key, const char *value)
{
	size_t n = strlen(c->quirks);

	snprintf(c->quirks + n, sizeof(c->quirks) - n, "%s = %s\n", key, value);
}

/* "3des/13/gm,aes128/13/cam" */
static bool pace_offers(struct conf_card *c, char *v)
{
	static const struct { const char *name; enum sim_mapping mapping; } mappings[] = {
		{ "gm", SIM_GM }, { "im", SIM_IM }, { "cam", SIM_CAM },
	};
	char *save = NULL;

	c->recipe.n_pace = 0;
	for (char *p = strtok_r(v, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		struct sim_pace_offer *o = &c->recipe.pace[c->recipe.n_pace];
		char cipher[16], mapping[8];
		size_t m = 0;

		if (c->recipe.n_pace == 4 || sscanf(p, "%15[^/]/%u/%7s", cipher, &o->domain, mapping) != 3 ||
		    !sim_cipher_from_name(cipher, &o->cipher))
			return false;
		while (m < 3 && strcmp(mappings[m].name, mapping))
			m++;
		if (m == 3)
			return false;
		o->mapping = mappings[m].mapping;
		o->own = NULL;
		c->recipe.n_pace++;
	}
	return true;
}

static bool yes_no(const char *v, bool *out)
{
	*out = !strcmp(v, "yes");
	return *out || !strcmp(v, "no");
}

static const char *or_null(const char *v)
{
	return strcmp(v, "none") ? v : NULL;
}

/* Of the card's recipe, its issuer or the inspection system; all other keys are the profile's. v outlives c. */
static bool set(struct conf_card *c, const char *key, char *v)
{
	struct { const char *key; const char **at; } texts[] = {
		{ "csca_key", &c->spec.csca_key }, { "ds_key", &c->spec.ds_key }, { "csca_md", &c->spec.csca_md },
		{ "ds_md", &c->spec.ds_md }, { "lds_md", &c->spec.lds_md }, { "country", &c->spec.country },
		{ "ca_key", &c->recipe.ca_key }, { "aa_key", &c->recipe.aa_key },
		{ "aa", &c->recipe.aa }, { "can", &c->recipe.can },
	};
	struct { const char *key; bool *at; } flags[] = {
		{ "pss", &c->spec.pss }, { "pkcs1_certs", &c->spec.pkcs1_certs },
		{ "explicit", &c->spec.explicit_params }, { "bac", &c->recipe.bac },
		{ "dg3", &c->recipe.dg3 }, { "dg4", &c->recipe.dg4 }, { "dg14", &c->recipe.dg14 }, { "jp2", &c->recipe.jp2 },
		{ "revoked", &c->revoked },
	};
	bool b;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(texts[i].key, key))
			return *texts[i].at = or_null(v), true;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(flags[i].key, key))
			return yes_no(v, flags[i].at);
	if (!strcmp(key, "terminal") || !strcmp(key, "trust")) {	/* what the inspection system has */
		if (!yes_no(v, &b))
			return false;
		*(*key == 't' && key[1] == 'e' ? &c->no_terminal : &c->no_trust) = !b;
		return true;
	}
	if (!strcmp(key, "pace"))
		return pace_offers(c, v);
	if (!strcmp(key, "ca"))
		return sim_cipher_from_name(v, &c->recipe.ca);
	if (!strcmp(key, "ca_key_id")) {
		c->recipe.ca_key_id = atoi(v);
		return true;
	}
	for (char *p = v; *p; p++)
		if (*p == '+')
			*p = ' ';
	conf_profile(c, key, v);
	return true;
}

struct part {
	const struct conf_generator *g;
	const char *arg;
};

#define PARTS	16

/* Generators in the column "differs", into parts; its differences into c, where that is not NULL. text is cut, and outlives all. */
static int take_apart(struct conf_card *c, char *text, struct part parts[PARTS])
{
	char *save = NULL;
	int n = 0;

	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		size_t at = strcspn(w, ":=");
		char sign = w[at];

		w[at] = '\0';
		if (sign != '=') {
			if (n == PARTS)
				return CR_E_TOO_LONG;
			parts[n++] = (struct part){ conf_generator(w, at), sign ? w + at + 1 : "" };
		} else if (c && !set(c, w, w + at + 1)) {
			fprintf(stderr, "%s: not a difference: %s=%s\n", c->kase->at[CONF_ID], w, w + at + 1);
			return CR_E_MALFORMED;
		}
	}
	return n;
}

/* ---- the issuer ---- */

int conf_issuer(struct conf_card *c)
{
	long ds_from = -400 * DAY;
	struct sim_issuer *out = &c->issuer;

	c->recipe.issuer = out;
	return sim_issuer_with(&c->spec, -500 * DAY, ds_from, conf_key(c->spec.csca_key, c->spec.explicit_params, "csca"),
			       conf_key(c->spec.ds_key, c->spec.explicit_params, "ds"), out);
}

static int write_trust(const struct conf_card *c)
{
	struct sim_buf crl = { 0 };
	unsigned char *der = NULL;
	char path[512];
	int len, err;

	snprintf(path, sizeof(path), "%s/trust", c->dir);
	err = sim_make_dir(path);
	if (err || c->no_trust)
		return err;
	len = i2d_X509(c->issuer.csca, &der);
	snprintf(path, sizeof(path), "%s/trust/csca.cer", c->dir);
	err = len > 0 ? sim_write_file(path, der, (size_t)len, 0644) : CR_E_CRYPTO;
	OPENSSL_free(der);
	if (!err)
		err = sim_issuer_crl(&c->issuer, c->revoked ? c->issuer.ds : NULL, &crl);
	snprintf(path, sizeof(path), "%s/trust/csca.crl", c->dir);
	if (!err)
		err = sim_write_file(path, crl.p, crl.len, 0644);
	sim_buf_free(&crl);
	return err;
}

/* ---- the terminal ---- */

static int make_holders(struct conf_card *c)
{
	for (size_t i = 0; i < c->n_holders; i++) {
		int err = sim_holder_new(&c->holder_spec[i], &c->holder[i]);

		if (err)
			return err;
	}
	return 0;
}

static int write_terminal(const struct conf_card *c)
{
	struct sim_buf certs = { 0 };
	char path[512];
	int err;

	if (!c->recipe.cvca || c->no_terminal)
		return 0;
	snprintf(path, sizeof(path), "%s/terminal", c->dir);
	err = sim_make_dir(path);
	if (!err)
		err = sim_write_key(path, "key.pem", c->holder[c->n_holders - 1].key);
	for (size_t i = 1; i < c->n_holders; i++)
		if (!sim_cvc_issue(&c->holder[i], &c->holder[i - 1], &certs))
			err = CR_E_CRYPTO;
	snprintf(path, sizeof(path), "%s/terminal/certificates.cvcert", c->dir);
	if (!err)
		err = sim_write_file(path, certs.p, certs.len, 0644);
	sim_buf_free(&certs);
	return err;
}

/* ---- all of it ---- */

struct making {
	struct conf_card card;
	struct part parts[PARTS];
	int n;
};

#define EACH(m, stage) ({ \
	int e_ = 0; \
	for (int i_ = 0; i_ < (m)->n && !e_; i_++) \
		if ((m)->parts[i_].g->stage) \
			e_ = (m)->parts[i_].g->stage(&(m)->card, (m)->parts[i_].arg); \
	e_; })

static int alter(void *arg, enum sim_stage stage, struct sim_draft *draft)
{
	struct making *m = arg;

	m->card.draft = draft;
	return stage == SIM_GROUPS_MADE ? EACH(m, groups) : EACH(m, files);
}

static int configure(struct conf_card *c)
{
	static const struct { const char *plan, *name; } names[] = {
		{ "PLAIN", "cfg-plain" }, { "BAC", "cfg-bac" }, { "EAC", "cfg-eac" }, { "EACAA", "cfg-eac-aa" },
		{ "PACE", "cfg-pace" }, { "EACPACE", "cfg-eac-pace" },
	};
	const char *plan = c->kase->at[CONF_CONFIGURATION];

	c->spec = sim_configuration_issuer;
	c->n_holders = sizeof(sim_configuration_holders) / sizeof(sim_configuration_holders[0]);
	memcpy(c->holder_spec, sim_configuration_holders, sizeof(sim_configuration_holders));
	sim_configuration_mrz(c->mrz);
	c->person.mrz = c->mrz;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i].plan, plan) &&
		    sim_configuration(names[i].name, &c->issuer, &c->person, &c->holder[0], &c->recipe))
			return 0;
	fprintf(stderr, "%s: there is no configuration %s\n", c->kase->at[CONF_ID], plan);
	return CR_E_NOT_FOUND;
}

static int write_args(const struct conf_card *c)
{
	struct sim_buf b = { 0 };
	char path[512], text[2048];
	int err;

	snprintf(text, sizeof(text), "--mrz\n%s\n--trust\n%s/trust\n", c->page[0] ? c->page : c->mrz, c->dir);
	sim_buf_put(&b, text, strlen(text));
	if (c->recipe.cvca && !c->no_terminal) {
		snprintf(text, sizeof(text), "--terminal\n%s/terminal/certificates.cvcert\n--terminal-key\n%s/terminal/key.pem\n",
			 c->dir, c->dir);
		sim_buf_put(&b, text, strlen(text));
	}
	snprintf(path, sizeof(path), "%s/args", c->dir);
	err = sim_write_file(path, b.p, b.len, 0600);
	sim_buf_free(&b);
	return err;
}

/* A folder that is no card is a mistake of its table. */
static int load(const struct conf_card *c)
{
	struct sim_card *card;
	char path[512];
	int err;

	snprintf(path, sizeof(path), "%s/cards/card", c->dir);
	err = sim_card_load(path, &card);
	if (!err)
		sim_card_free(card);
	return err;
}

static int make(struct making *m, char *differs)
{
	struct conf_card *c = &m->card;
	int err = configure(c);

	if (err)
		return err;
	m->n = take_apart(c, differs, m->parts);
	if (m->n < 0)
		return m->n;
	c->recipe.name = "card";
	c->recipe.text = c->kase->at[CONF_ID];
	c->recipe.quirks = c->quirks;
	c->recipe.alter = alter;
	c->recipe.alter_arg = m;
	err = EACH(m, recipe);
	if (!err && !c->issuer.ds)
		err = conf_issuer(c);
	if (!err)
		err = make_holders(c);
	if (!err)
		err = sim_issue(c->dir, &c->recipe);
	if (!err)
		err = write_trust(c);
	if (!err)
		err = write_terminal(c);
	if (!err)
		err = write_args(c);
	if (!err)
		err = EACH(m, folder);
	return err ? err : load(c);
}

int conf_card_make(const struct conf_case *kase, const char *dir)
{
	struct making m = { .card = { .kase = kase } };
	char *differs = strdup(kase->at[CONF_DIFFERS]);
	int err = sim_make_dir(dir);

	if (!differs)
		abort();
	snprintf(m.card.dir, sizeof(m.card.dir), "%s", dir);
	if (!err)
		err = make(&m, differs);
	if (err)
		fprintf(stderr, "%s: the card could not be made: %s\n", kase->at[CONF_ID], cr_strerror(err));
	sim_issuer_free(&m.card.issuer);
	for (size_t i = 0; i < CONF_HOLDERS; i++)
		sim_holder_clear(&m.card.holder[i]);
	free(differs);
	return err;
}

/* ---- behind the card ---- */

static struct {
	struct part parts[PARTS];
	int n;
} tapped;

static uint16_t before(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected)
{
	uint16_t sw = 0;

	for (int i = 0; i < tapped.n && !sw; i++)
		if (tapped.parts[i].g->tap.before)
			sw = tapped.parts[i].g->tap.before((void *)tapped.parts[i].arg, card, cmd, protected);
	return sw;
}

static void after(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected, struct sim_buf *data,
		  uint16_t *sw)
{
	for (int i = 0; i < tapped.n; i++)
		if (tapped.parts[i].g->tap.after)
			tapped.parts[i].g->tap.after((void *)tapped.parts[i].arg, card, cmd, protected, data, sw);
	conf_trace_command(card, cmd, protected, data, *sw);
}

static void objects(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, struct sim_buf *all)
{
	for (int i = 0; i < tapped.n; i++)
		if (tapped.parts[i].g->tap.objects)
			tapped.parts[i].g->tap.objects((void *)tapped.parts[i].arg, card, cmd, all);
}

static size_t leaving(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected, uint8_t *rsp,
		      size_t len, size_t size)
{
	for (int i = 0; i < tapped.n; i++)
		if (tapped.parts[i].g->tap.leaving)
			len = tapped.parts[i].g->tap.leaving((void *)tapped.parts[i].arg, card, cmd, protected, rsp, len, size);
	if (!cmd)
		conf_trace_refused(protected, rsp, len);
	return len;
}

void conf_card_tap(const struct conf_case *kase, const char *trace)
{
	static const struct sim_tap tap = { .before = before, .after = after, .objects = objects, .leaving = leaving };
	char *differs = strdup(kase->at[CONF_DIFFERS]);	/* to the process's end */

	if (!differs)
		abort();
	tapped.n = take_apart(NULL, differs, tapped.parts);
	conf_trace_open(trace);
	sim_tap_set(&tap);
}

/* ---- generators ---- */

extern const struct conf_generator *const __start_conf_generators[], *const __stop_conf_generators[];

const struct conf_generator *conf_generator(const char *name, size_t len)
{
	for (const struct conf_generator *const *g = __start_conf_generators; g < __stop_conf_generators; g++)
		if (strlen((*g)->name) == len && !memcmp((*g)->name, name, len))
			return *g;
	return NULL;
}

void conf_generators_print(void)
{
	for (const struct conf_generator *const *g = __start_conf_generators; g < __stop_conf_generators; g++)
		printf("%-28s %s\n", (*g)->name, (*g)->text);
}
