/* SPDX-License-Identifier: BSD-2-Clause */
/* A state of the test's own that issues cards, and terminals for them and for the samples of wirecard.h. */
#ifndef TEST_ACCESSRIG_H
#define TEST_ACCESSRIG_H

#include <sys/stat.h>
#include <openssl/pem.h>
#include "issue.h"
#include "wirecard.h"

static struct sim_issuer issuer;

/* A passport of PACE with chip authentication mapping, with a flaw. */
static inline void issue(const char *name, enum sim_flaw flaw, enum sim_cipher ca)
{
	char mrz[89];
	const struct sim_person who = { .mrz = mrz };
	const struct sim_recipe r = {
		.name = name, .text = name, .issuer = &issuer, .person = &who, .can = "112233", .n_pace = 2,
		.pace = { { SIM_AES256, 14, SIM_GM, NULL }, { SIM_AES256, 14, SIM_CAM, NULL } },
		.ca_key = "brainpoolP320r1", .ca = ca, .ca_key_id = 1, .portrait = 1, .flaw = flaw,
		.quirks = "pin = 246802\npuk = 0123456789\n",
	};

	sim_mrz_td3(mrz, "UTO", "ROWAN<<ALEX", "C7654321", "UTO", "900101", 'F', "380101", "");
	assert_int_equal(sim_issue(dir, &r), 0);
}

static inline void lose_security(struct cr_card *c)
{
	struct sim_profile *p = &c->sim->prof;

	for (unsigned int i = 0; i < p->n_files; i++) {
		if (p->files[i].under_mf)
			p->files[i].fid = 0x0fff;
	}
}

static inline const char *chip_detail(const struct cr_inspection *insp)
{
	for (size_t i = 0; i < insp->n_checks; i++) {
		if (!strcmp(insp->checks[i].name, cr_check_name(CR_CHECK_CHIP_AUTHENTICATION)))
			return insp->checks[i].detail;
	}
	return "";
}

static inline void write_bytes(const char *name, const struct sim_buf *b)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(b->p, 1, b->len, f), b->len);
	fclose(f);
}

static inline cr_terminal_t *terminal(const char *certs, const char *key)
{
	cr_terminal_t *t;
	char path[128];

	assert_int_equal(cr_terminal_new(&t), 0);
	snprintf(path, sizeof(path), "%s/%s", dir, certs);
	assert_int_equal(cr_terminal_add_certificates(t, path), 0);
	snprintf(path, sizeof(path), "%s/%s", dir, key);
	assert_int_equal(cr_terminal_set_key(t, path, NULL, NULL), 0);
	return t;
}

static inline struct cr_inspection *inspect_with(struct cr_card *c, const char *name, bool can, const cr_terminal_t *t)
{
	struct cr_inspection *insp;
	struct cr_secret secret;
	const struct cr_inspect_opts opts = { .secret = &secret, .trust = trust, .terminal = t, .verify = true };

	if (!c->sim)
		insert(c, name);
	secret_of(name, can, &secret);
	assert_int_equal(cr_inspect(c, &opts, &insp), 0);
	return insp;
}

static inline void write_key(const char *name, EVP_PKEY *key)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
}

/* Instead of the card's own; a name as long. */
static inline void set_authority(struct cr_card *c, const struct sim_holder *root)
{
	struct sim_profile *p = &c->sim->prof;

	sim_holder_clear(&p->cvca);
	p->cvca = *root;
	assert_int_equal(EVP_PKEY_up_ref(root->key), 1);
	memcpy(p->today, root->from, sizeof(p->today));
	for (unsigned int k = 0; k < p->n_files; k++) {
		if (p->files[k].in_app)
			memcpy(p->files[k].data + 2, root->name, strlen(root->name));
	}
}

static int begin(void **state)
{
	static const struct sim_issuer_spec spec = { "UT", "UTO", "Utopia (sample)", "Utopia 3", "P-256", "P-256", "SHA256",
						     "SHA256", false, false, "P", NULL, false };
	unsigned char *der = NULL;
	struct sim_buf crl = { 0 };
	char path[100];
	size_t skipped;
	FILE *f;
	int n;

	if (setup(state) || sim_issuer_new(&spec, -100000, -90000, &issuer))
		return -1;
	n = i2d_X509(issuer.csca, &der);
	snprintf(path, sizeof(path), "%s/own", dir);
	if (n <= 0 || mkdir(path, 0755) || sim_issuer_crl(&issuer, NULL, &crl))
		return -1;
	snprintf(path, sizeof(path), "%s/own/UTO-3.cer", dir);
	f = fopen(path, "w");
	if (!f || fwrite(der, 1, (size_t)n, f) != (size_t)n || fclose(f))
		return -1;
	snprintf(path, sizeof(path), "%s/own/UTO-3.crl", dir);
	f = fopen(path, "w");
	if (!f || fwrite(crl.p, 1, crl.len, f) != crl.len || fclose(f))
		return -1;
	OPENSSL_free(der);
	sim_buf_free(&crl);
	snprintf(path, sizeof(path), "%s/own", dir);
	return cr_trust_add_dir(trust, path, &skipped) > 0 ? 0 : -1;
}

static int end(void **state)
{
	sim_issuer_free(&issuer);
	return teardown(state);
}

#endif
