/* SPDX-License-Identifier: BSD-2-Clause */
/* A card to order: from the recipe to its folder. */
#include "issue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/pem.h>
#include "simcard.h"

int sim_make_dir(const char *path)
{
	return mkdir(path, 0755) && errno != EEXIST ? CR_E_IO : 0;
}

int sim_write_file(const char *path, const void *data, size_t len, mode_t mode)
{
	char tmp[4200];
	int fd, err = CR_E_IO;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.new", path) >= sizeof(tmp))
		return CR_E_TOO_LONG;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return CR_E_IO;
	for (size_t off = 0; ; ) {
		ssize_t n = write(fd, (const char *)data + off, len - off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		off += (size_t)n;
		if (off == len) {
			err = 0;
			break;
		}
	}
	if (close(fd) || (!err && rename(tmp, path)))
		err = CR_E_IO;
	if (err)
		unlink(tmp);
	return err;
}

static void put_line(struct sim_buf *b, const char *text)
{
	sim_buf_put(b, text, strlen(text));
}

int sim_write_key(const char *dir, const char *name, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char path[4096], *pem;
	int err = CR_E_CRYPTO;
	long n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) && (n = BIO_get_mem_data(bio, &pem)) > 0)
		err = sim_write_file(path, pem, (size_t)n, 0600);
	BIO_free(bio);
	return err;
}

static int write_profile(const char *dir, const struct sim_recipe *r)
{
	static const char *const mappings[] = { [SIM_GM] = "gm", [SIM_IM] = "im", [SIM_CAM] = "cam" };
	struct sim_buf b = { 0 };
	char path[4096], line[256];
	int err;

	snprintf(line, sizeof(line), "text = %s\nmrz = %s\n", r->text, r->person->mrz);
	put_line(&b, "# Made by \"cardring sim make\"; \"man cardring\" explains the keys under PROFILES\n");
	put_line(&b, line);
	snprintf(line, sizeof(line), "access =%s%s\n", r->n_pace ? " pace" : "", r->bac ? " bac" : "");
	put_line(&b, line);
	if (r->can) {
		snprintf(line, sizeof(line), "can = %s\n", r->can);
		put_line(&b, line);
	}
	for (unsigned int i = 0; i < r->n_pace; i++) {
		const struct sim_pace_offer *o = &r->pace[i];

		snprintf(line, sizeof(line), "pace = %s %u %s%s%s\n", sim_cipher_name(o->cipher), o->domain,
			 mappings[o->mapping], o->own ? " " : "", o->own ? o->own : "");
		put_line(&b, line);
	}
	if (r->ca_key && r->ca) {
		snprintf(line, sizeof(line), "ca = %s\n", sim_cipher_name(r->ca));
		put_line(&b, line);
		if (r->ca_key_id >= 0) {
			snprintf(line, sizeof(line), "ca_key_id = %d\n", r->ca_key_id);
			put_line(&b, line);
		}
	}
	if (r->aa_key) {
		snprintf(line, sizeof(line), "aa = %s\n", r->aa);
		put_line(&b, line);
	}
	if (r->ta_2)
		put_line(&b, r->no_ta_1 ? "ta = 2\n" : "ta = 1 2\n");
	put_line(&b, r->quirks ? r->quirks : "");
	snprintf(path, sizeof(path), "%s/profile", dir);
	err = b.failed ? CR_E_NOMEM : sim_write_file(path, b.p, b.len, 0644);
	sim_buf_free(&b);
	return err;
}

/* A copy, and a chip that shows another's EF.CardSecurity, have other keys than the data say. */
static bool is_other(const struct sim_recipe *r)
{
	return r->flaw == SIM_CLONED || r->flaw == SIM_OTHERS_SECURITY;
}

static bool new_key(const char *kind, EVP_PKEY **out)
{
	*out = kind ? sim_key_new(kind, true) : NULL;
	return !kind || *out;
}

static int make_keys(struct sim_draft *d)
{
	const struct sim_recipe *r = d->recipe;

	return new_key(r->ca_key, &d->ca) && new_key(r->aa_key, &d->aa) &&
	       (!is_other(r) || (new_key(r->ca_key, &d->chip_ca) && new_key(r->aa_key, &d->chip_aa))) ? 0 : CR_E_CRYPTO;
}

static void clear_draft(struct sim_draft *d)
{
	struct sim_buf *const files[] = { &d->com, &d->sod, &d->card_access, &d->card_security, &d->cvca, &d->dir, &d->info };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		sim_buf_free(files[i]);
	for (unsigned int i = 0; i <= 16; i++)
		sim_buf_free(&d->dg[i]);
	EVP_PKEY_free(d->ca);
	EVP_PKEY_free(d->aa);
	EVP_PKEY_free(d->chip_ca);
	EVP_PKEY_free(d->chip_aa);
}

void sim_security_of(const struct sim_recipe *r, EVP_PKEY *ca_key, struct sim_security *out)
{
	*out = (struct sim_security){ .pace = r->pace, .n_pace = r->n_pace, .ca_key = ca_key, .ca = r->ca,
				      .ca_key_id = ca_key ? r->ca_key_id : -1,
				      .ta = ca_key && r->cvca && !r->no_ta_1,
				      .aa_digest = r->aa_key && strncmp(r->aa_key, "RSA", 3) ? r->aa : NULL };
}

/* All groups beside those that each card has, and those with keys. */
static int make_details(const struct sim_recipe *r, struct sim_buf files[17])
{
	uint8_t *jpeg;
	size_t len;

	if (!sim_portrait(r->portrait, &jpeg, &len))
		return CR_E_NOMEM;
	sim_write_picture(5, jpeg, len, &files[5]);
	sim_write_picture(7, jpeg, len, &files[7]);
	free(jpeg);
	if (!sim_portrait_jp2(r->portrait, &jpeg, &len))
		return CR_E_NOMEM;
	sim_buf_free(&files[2]);
	sim_write_dg2_new(jpeg, len, true, &files[2]);
	free(jpeg);
	sim_write_dg3(&files[3]);
	sim_write_dg4(&files[4]);
	for (unsigned int n = 6; n <= 13; n++)
		if (n == 6 || (n >= 8 && n <= 10) || n == 13)
			sim_write_raw(n, &files[n]);
	sim_write_dg11(r->details, &files[11]);
	sim_write_dg12(r->details, &files[12]);
	sim_write_dg16(r->details, &files[16]);
	return 0;
}

/* The data groups of a recipe: dg[n] filled for each that the card has. */
static int make_groups(struct sim_draft *d)
{
	const struct sim_recipe *r = d->recipe;
	struct sim_buf *files = d->dg;
	struct sim_security security;
	uint8_t *face;
	size_t len;
	int err;

	sim_security_of(r, d->ca, &security);
	sim_write_dg1(r->person->mrz, &files[1]);
	if (!(r->jp2 ? sim_portrait_jp2 : sim_portrait)(r->portrait, &face, &len))
		return CR_E_NOMEM;
	sim_write_dg2(face, len, r->flaw == SIM_LYING, &files[2]);
	free(face);
	if (r->dg3)
		sim_write_fingers(2, r->fingers, &files[3]);
	if (r->dg4)
		sim_write_dg4(&files[4]);
	if (r->person->id_number)
		sim_write_dg13(r->person, &files[13]);
	if (r->flaw == SIM_BAD_TLV && files[13].len > 40)
		files[13].p[14] = 0x84;		/* the first string: its digits become a length */
	if (d->aa && sim_write_dg15(d->aa, &files[15]))
		return CR_E_CRYPTO;
	if (r->no_ta_1)		/* ICAO 9303-11 knows version 1 alone: the key stands in EF.CardSecurity */
		security.ca_key = NULL;
	if (d->ca || security.aa_digest || r->dg14) {
		err = sim_write_dg14(&security, &files[14]);
		if (err)
			return err;
	}
	return r->details ? make_details(r, files) : 0;
}

int sim_draft_sign(struct sim_draft *d)
{
	struct sim_dg dgs[16];
	uint32_t list = 0;
	size_t n = 0;

	for (unsigned int i = 1; i <= 16; i++) {
		if (d->dg[i].failed)
			return CR_E_NOMEM;
		if (!d->dg[i].len)
			continue;
		dgs[n++] = (struct sim_dg){ i, d->dg[i].p, d->dg[i].len };
		list |= 1u << i;
	}
	sim_buf_free(&d->com);
	sim_write_com(list, &d->com);
	sim_buf_free(&d->sod);
	if (d->recipe->flaw == SIM_BAD_SOD) {
		static const uint8_t junk[64] = { 0x30, 0x3e, 0x02, 0x01, 0x05, 0x30, 0x39, 0xff };

		sim_ber_put(&d->sod, 0x77, junk, sizeof(junk));
		return 0;
	}
	return sim_sod(d->recipe->issuer, dgs, n, &d->sod);
}

/* What EF.CardAccess and EF.CardSecurity say of version 2 of both authentications. */
static void second(struct sim_security *s, const struct sim_draft *d)
{
	if (!d->recipe->ta_2)
		return;
	s->ca_domain = d->ca;
	s->ca_key_id = d->recipe->ca_key_id;
	s->no_ca_1 = d->recipe->no_ta_1;
}

/* EF.CardSecurity, where PACE's mapping or chip authentication version 2 needs it. */
static int make_card_security(struct sim_draft *d)
{
	const struct sim_recipe *r = d->recipe;
	struct sim_security security;
	struct sim_buf infos = { 0 };
	bool mapping = false;
	uint8_t *at;
	int err;

	for (unsigned int i = 0; i < r->n_pace; i++)
		mapping |= r->pace[i].mapping == SIM_CAM;
	if (!mapping && !r->ta_2)
		return 0;
	sim_security_of(r, r->flaw == SIM_OTHERS_SECURITY ? d->chip_ca : d->ca, &security);
	second(&security, d);
	err = sim_write_security_infos(&security, &infos);
	if (!err)
		err = sim_card_security(r->issuer, &infos, &d->card_security);
	/* PACEInfo's version, which nothing looks at there */
	if (!err && r->flaw == SIM_UNSIGNED_SECURITY) {
		at = memmem(d->card_security.p, d->card_security.len, "\x02\x01\x02\x02\x01", 5);
		if (at)
			at[2] = 3;
		err = at ? 0 : CR_E_INTERNAL;
	}
	sim_buf_free(&infos);
	return err;
}

/* What is beside the data groups and their signature. */
static int make_files(struct sim_draft *d)
{
	const struct sim_recipe *r = d->recipe;
	struct sim_security security;
	int err = 0;

	if (r->n_pace) {
		sim_security_of(r, NULL, &security);
		security.aa_digest = NULL;
		second(&security, d);
		err = sim_write_security_infos(&security, &d->card_access);
	}
	if (r->details) {
		sim_write_dir(&d->dir);
		sim_write_info(2048, 8194, &d->info);
	}
	if (r->cvca && !r->no_ta_1)
		sim_write_cvca(r->cvca->name, &d->cvca);
	return err ? err : make_card_security(d);
}

/* After signing. */
static void spoil(struct sim_draft *d)
{
	if (d->recipe->flaw == SIM_FORGED)	/* a letter of the name: no check digit speaks for it */
		d->dg[1].p[d->dg[1].len - 30 + 12] ^= 0x03;
	if (d->recipe->flaw == SIM_TRUNCATED)
		d->dg[2].len = d->dg[2].len / 3;
}

static int write_ef(const char *dir, const char *kind, unsigned int fid, const struct sim_buf *b)
{
	char path[4096];

	if (b->failed)
		return CR_E_NOMEM;
	if (!b->len)
		return 0;
	snprintf(path, sizeof(path), "%s/%s_%04X.bin", dir, kind, fid);
	return sim_write_file(path, b->p, b->len, 0644);
}

/* Whose certificates the chip goes by. */
static int write_authority(const char *dir, const struct sim_recipe *r)
{
	struct sim_buf cert = { 0 };
	char path[4096];
	int err;

	if (!r->cvca)
		return 0;
	snprintf(path, sizeof(path), "%s/cvca.cv", dir);
	err = sim_cvc_issue(r->cvca, r->cvca, &cert) ? sim_write_file(path, cert.p, cert.len, 0644) : CR_E_CRYPTO;
	sim_buf_free(&cert);
	return err;
}

static int write_draft(const char *dir, const struct sim_draft *d)
{
	int err = 0;

	if (d->ca)
		err = sim_write_key(dir, "ca.pem", d->chip_ca ? d->chip_ca : d->ca);
	if (!err && d->aa)
		err = sim_write_key(dir, "aa.pem", d->chip_aa ? d->chip_aa : d->aa);
	for (unsigned int i = 1; !err && i <= 16; i++)
		err = write_ef(dir, "EF", 0x0100 + i, &d->dg[i]);
	if (!err)
		err = write_ef(dir, "EF", 0x011e, &d->com);
	if (!err)
		err = write_ef(dir, "EF", 0x011d, &d->sod);
	if (!err)
		err = write_ef(dir, "EF", 0x011c, &d->card_access);
	if (!err)
		err = write_ef(dir, "EF", 0x2f00, &d->dir);
	if (!err)
		err = write_ef(dir, "EF", 0x2f01, &d->info);
	if (!err)
		err = write_ef(dir, "MF", 0x011d, &d->card_security);
	if (!err)
		err = write_ef(dir, "DF", 0x011c, &d->cvca);
	if (!err)
		err = write_authority(dir, d->recipe);
	return err ? err : write_profile(dir, d->recipe);
}

static int alter(struct sim_draft *d, enum sim_stage stage)
{
	return d->recipe->alter ? d->recipe->alter(d->recipe->alter_arg, stage, d) : 0;
}

int sim_issue(const char *root, const struct sim_recipe *r)
{
	struct sim_draft d = { .recipe = r };
	char dir[3500];
	int err;

	if ((size_t)snprintf(dir, sizeof(dir), "%s/cards", root) >= sizeof(dir))
		return CR_E_TOO_LONG;
	err = sim_make_dir(dir);
	if ((size_t)snprintf(dir, sizeof(dir), "%s/cards/%s", root, r->name) >= sizeof(dir))
		return CR_E_TOO_LONG;
	if (!err)
		err = sim_make_dir(dir);
	if (!err)
		err = make_keys(&d);
	if (!err)
		err = make_groups(&d);
	if (!err)
		err = alter(&d, SIM_GROUPS_MADE);
	if (!err)
		err = sim_draft_sign(&d);
	if (!err)
		err = make_files(&d);
	if (!err)
		spoil(&d);
	if (!err)
		err = alter(&d, SIM_FILES_MADE);
	if (!err)
		err = write_draft(dir, &d);
	clear_draft(&d);
	return err;
}
