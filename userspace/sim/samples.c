/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sample cards: invented people of Viet Nam and of Utopia, and the issuers that vouch for them. Each make has new
 * keys, thrown away but for the chips' own, and dates counted from now.
 */
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

#define DAY	86400L
#define YEAR	(365L * DAY)

static int make_dir(const char *path)
{
	return mkdir(path, 0755) && errno != EEXIST ? CR_E_IO : 0;
}

/* Whole or not at all: a reader of the folder sees the old file or the new one. */
static int write_file(const char *path, const void *data, size_t len, mode_t mode)
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

/* Frees b. */
static int write_ef(const char *dir, unsigned int fid, struct sim_buf *b)
{
	char path[4096];
	int err;

	if (b->failed) {
		err = CR_E_NOMEM;
	} else {
		snprintf(path, sizeof(path), "%s/EF_%04X.bin", dir, fid);
		err = write_file(path, b->p, b->len, 0644);
	}
	sim_buf_free(b);
	return err;
}

static void put_line(struct sim_buf *b, const char *text)
{
	sim_buf_put(b, text, strlen(text));
}

static int write_key(const char *dir, const char *name, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char path[4096], *pem;
	int err = CR_E_CRYPTO;
	long n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) && (n = BIO_get_mem_data(bio, &pem)) > 0)
		err = write_file(path, pem, (size_t)n, 0600);
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
	err = b.failed ? CR_E_NOMEM : write_file(path, b.p, b.len, 0644);
	sim_buf_free(&b);
	return err;
}

/* The keys of a chip, and for a copy those that it has instead. */
struct chip_keys {
	EVP_PKEY *ca, *aa, *other_ca, *other_aa;
};

static void free_keys(struct chip_keys *k)
{
	EVP_PKEY_free(k->ca);
	EVP_PKEY_free(k->aa);
	EVP_PKEY_free(k->other_ca);
	EVP_PKEY_free(k->other_aa);
}

static bool new_key(const char *kind, EVP_PKEY **out)
{
	*out = kind ? sim_key_new(kind, true) : NULL;
	return !kind || *out;
}

static int make_keys(const struct sim_recipe *r, struct chip_keys *k)
{
	bool copy = r->flaw == SIM_CLONED || r->flaw == SIM_OTHERS_SECURITY;

	return new_key(r->ca_key, &k->ca) && new_key(r->aa_key, &k->aa) &&
	       (!copy || (new_key(r->ca_key, &k->other_ca) && new_key(r->aa_key, &k->other_aa))) ? 0 : CR_E_CRYPTO;
}

static struct sim_security security_of(const struct sim_recipe *r, EVP_PKEY *ca_key)
{
	return (struct sim_security){ .pace = r->pace, .n_pace = r->n_pace, .ca_key = ca_key, .ca = r->ca,
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

/* The data groups of a recipe: files[n] filled for each that the card has. */
static int make_groups(const struct sim_recipe *r, const struct chip_keys *k, struct sim_buf files[17])
{
	struct sim_security security = security_of(r, k->ca);
	uint8_t *jpeg;
	size_t len;
	int err;

	sim_write_dg1(r->person->mrz, &files[1]);
	if (!sim_portrait(r->portrait, &jpeg, &len))
		return CR_E_NOMEM;
	sim_write_dg2(jpeg, len, r->flaw == SIM_LYING, &files[2]);
	free(jpeg);
	if (r->dg3)
		sim_write_dg3(&files[3]);
	if (r->person->id_number)
		sim_write_dg13(r->person, &files[13]);
	if (r->flaw == SIM_BAD_TLV && files[13].len > 40)
		files[13].p[14] = 0x84;		/* the first string: its digits become a length */
	if (k->aa && sim_write_dg15(k->aa, &files[15]))
		return CR_E_CRYPTO;
	if (r->no_ta_1)		/* ICAO 9303-11 knows version 1 alone: the key stands in EF.CardSecurity */
		security.ca_key = NULL;
	if (k->ca || security.aa_digest) {
		err = sim_write_dg14(&security, &files[14]);
		if (err)
			return err;
	}
	return r->details ? make_details(r, files) : 0;
}

static int write_card_files(const char *dir)
{
	struct sim_buf b = { 0 };
	int err;

	sim_write_dir(&b);
	err = write_ef(dir, 0x2f00, &b);
	sim_write_info(2048, 8194, &b);
	return err ? err : write_ef(dir, 0x2f01, &b);
}

static int sign_groups(const struct sim_recipe *r, const struct sim_buf files[17], struct sim_buf *sod, uint32_t *list)
{
	struct sim_dg dgs[16];
	size_t n = 0;

	*list = 0;
	for (unsigned int i = 1; i <= 16; i++) {
		if (files[i].failed)
			return CR_E_NOMEM;
		if (!files[i].len)
			continue;
		dgs[n++] = (struct sim_dg){ i, files[i].p, files[i].len };
		*list |= 1u << i;
	}
	if (r->flaw == SIM_BAD_SOD) {
		static const uint8_t junk[64] = { 0x30, 0x3e, 0x02, 0x01, 0x05, 0x30, 0x39, 0xff };

		sim_ber_put(sod, 0x77, junk, sizeof(junk));
		return 0;
	}
	return sim_sod(r->issuer, dgs, n, sod);
}

/* What EF.CardAccess and EF.CardSecurity say of version 2 of both authentications. */
static void second(struct sim_security *s, const struct sim_recipe *r, const struct chip_keys *k)
{
	if (!r->ta_2)
		return;
	s->ca_domain = k->ca;
	s->ca_key_id = r->ca_key_id;
	s->no_ca_1 = r->no_ta_1;
}

/* EF.CardSecurity, where PACE's mapping or chip authentication version 2 needs it. */
static int write_card_security(const char *dir, const struct sim_recipe *r, const struct chip_keys *k)
{
	bool other = r->flaw == SIM_OTHERS_SECURITY, mapping = false;
	struct sim_security security = security_of(r, other ? k->other_ca : k->ca);
	struct sim_buf infos = { 0 }, file = { 0 };
	char path[4096];
	uint8_t *at;
	int err;

	for (unsigned int i = 0; i < r->n_pace; i++)
		mapping |= r->pace[i].mapping == SIM_CAM;
	if (!mapping && !r->ta_2)
		return 0;
	second(&security, r, k);
	err = sim_write_security_infos(&security, &infos);
	if (!err)
		err = sim_card_security(r->issuer, &infos, &file);
	/* PACEInfo's version, which nothing looks at there */
	if (!err && r->flaw == SIM_UNSIGNED_SECURITY) {
		at = memmem(file.p, file.len, "\x02\x01\x02\x02\x01", 5);
		if (at)
			at[2] = 3;
		err = at ? 0 : CR_E_INTERNAL;
	}
	snprintf(path, sizeof(path), "%s/MF_011D.bin", dir);
	if (!err)
		err = write_file(path, file.p, file.len, 0644);
	sim_buf_free(&infos);
	sim_buf_free(&file);
	return err;
}

/* Whose certificates the chip goes by. */
static int write_authority(const char *dir, const struct sim_recipe *r)
{
	struct sim_buf cert = { 0 }, file = { 0 };
	char path[4096];
	int err;

	if (!r->cvca)
		return 0;
	sim_write_cvca(r->cvca->name, &file);
	snprintf(path, sizeof(path), "%s/cvca.cv", dir);
	err = sim_cvc_issue(r->cvca, r->cvca, &cert) ? write_file(path, cert.p, cert.len, 0644) : CR_E_CRYPTO;
	snprintf(path, sizeof(path), "%s/DF_011C.bin", dir);
	if (!err && !r->no_ta_1)
		err = write_file(path, file.p, file.len, 0644);
	sim_buf_free(&cert);
	sim_buf_free(&file);
	return err;
}

int sim_issue(const char *root, const struct sim_recipe *r)
{
	struct sim_buf files[17] = { { 0 } }, sod = { 0 }, b = { 0 };
	struct chip_keys keys = { 0 };
	uint32_t list = 0;
	char dir[3500];
	int err;

	if ((size_t)snprintf(dir, sizeof(dir), "%s/cards", root) >= sizeof(dir))
		return CR_E_TOO_LONG;
	err = make_dir(dir);
	if ((size_t)snprintf(dir, sizeof(dir), "%s/cards/%s", root, r->name) >= sizeof(dir))
		return CR_E_TOO_LONG;
	if (!err)
		err = make_dir(dir);
	if (!err)
		err = make_keys(r, &keys);
	if (!err)
		err = make_groups(r, &keys, files);
	if (!err)
		err = sign_groups(r, files, &sod, &list);
	if (err)
		goto done;

	if (r->flaw == SIM_FORGED)	/* a letter of the name: no check digit speaks for it */
		files[1].p[files[1].len - 30 + 12] ^= 0x03;
	if (r->flaw == SIM_TRUNCATED)
		files[2].len = files[2].len / 3;
	if (keys.ca)
		err = write_key(dir, "ca.pem", keys.other_ca ? keys.other_ca : keys.ca);
	if (!err && keys.aa)
		err = write_key(dir, "aa.pem", keys.other_aa ? keys.other_aa : keys.aa);
	for (unsigned int i = 1; !err && i <= 16; i++) {
		if (files[i].len)
			err = write_ef(dir, 0x0100 + i, &files[i]);
	}
	sim_write_com(list, &b);
	if (!err)
		err = write_ef(dir, 0x011e, &b);
	if (!err)
		err = write_ef(dir, 0x011d, &sod);
	if (!err && r->n_pace) {
		struct sim_security security = security_of(r, NULL);

		security.aa_digest = NULL;
		second(&security, r, &keys);
		err = sim_write_security_infos(&security, &b);
		if (!err)
			err = write_ef(dir, 0x011c, &b);
	}
	if (!err && r->details)
		err = write_card_files(dir);
	if (!err)
		err = write_card_security(dir, r, &keys);
	if (!err)
		err = write_authority(dir, r);
	if (!err)
		err = write_profile(dir, r);
done:
	for (unsigned int i = 0; i <= 16; i++)
		sim_buf_free(&files[i]);
	sim_buf_free(&sod);
	sim_buf_free(&b);
	free_keys(&keys);
	return err;
}

/* ---- who ---- */

static const struct sim_issuer_spec vnm = {
	"VN", "VNM", "cardring sample state", "Viet Nam (sample)", "P-384", "P-256", "SHA384", "SHA256", false, false, "ID",
};
static const struct sim_issuer_spec stranger = {	/* in nobody's list of issuers */
	"VN", "VNM", "cardring sample of no state", "Nobody (sample)", "P-384", "P-256", "SHA384", "SHA256", false,
	false, "ID",
};
static const struct sim_issuer_spec uto = {
	"UT", "UTO", "Utopia (sample)", "Utopia", "RSA-2048", "RSA-2048", "SHA256", "SHA256", false, false, "P",
};
static const struct sim_issuer_spec uto_card = {
	"UT", "UTO", "Utopia (sample)", "Utopia", "RSA-2048", "RSA-2048", "SHA256", "SHA256", false, false, "I",
};
static const struct sim_issuer_spec uto_new = {		/* what else there is in the field */
	"UT", "UTO", "Utopia (sample)", "Utopia 2", "brainpoolP384r1", "brainpoolP256r1", "SHA384", "SHA384", true,
	false, "P",
};

struct dates {
	char yymmdd[8], slashed[16];
};

static void date(struct dates *d, long days_from_now)
{
	time_t t = time(NULL) + days_from_now * DAY;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(d->yymmdd, sizeof(d->yymmdd), "%y%m%d", &tm);
	strftime(d->slashed, sizeof(d->slashed), "%d/%m/%Y", &tm);
}

/* The document number is the last nine digits of the identity number, which is whole in the optional data. */
static void vn_mrz(char out[91], const char *id, const char *birth, char sex, const char *expiry, const char *names)
{
	sim_mrz_td1(out, "ID", "VNM", id + 3, id, birth, sex, expiry, "VNM", names);
}

static int write_cert(const char *dir, const char *name, const X509 *x)
{
	unsigned char *der = NULL;
	char path[4096];
	int len = i2d_X509(x, &der), err;

	if (len <= 0)
		return CR_E_CRYPTO;
	snprintf(path, sizeof(path), "%s/trust/%s.cer", dir, name);
	err = write_file(path, der, (size_t)len, 0644);
	OPENSSL_free(der);
	return err;
}

static int write_trust(const char *dir, const char *name, const struct sim_issuer *issuer, const X509 *revoked)
{
	struct sim_buf crl = { 0 };
	char path[4096];
	int err = write_cert(dir, name, issuer->csca);

	if (!err)
		err = sim_issuer_crl(issuer, revoked, &crl);
	snprintf(path, sizeof(path), "%s/trust/%s.crl", dir, name);
	if (!err)
		err = write_file(path, crl.p, crl.len, 0644);
	sim_buf_free(&crl);
	return err;
}

enum { VN_NOW, VN_THEN, VN_REVOKED, VN_ROGUE, VN_STRANGER, UT_OLD, UT_CARD, UT_NEW, ISSUERS };

static int make_issuers(struct sim_issuer issuers[ISSUERS])
{
	int err = sim_issuer_new(&vnm, -2 * YEAR, -1 * YEAR, &issuers[VN_NOW]);

	/* The key before this one, under the same name: every state renews its CSCA. */
	if (!err)
		err = sim_issuer_new(&vnm, -11 * YEAR, -9 * YEAR - 180 * DAY, &issuers[VN_THEN]);
	if (!err)
		err = sim_issuer_signer(&issuers[VN_NOW], -1 * YEAR, &issuers[VN_REVOKED]);
	if (!err)
		err = sim_issuer_new(&vnm, -2 * YEAR, -1 * YEAR, &issuers[VN_ROGUE]);
	if (!err)
		err = sim_issuer_new(&stranger, -2 * YEAR, -1 * YEAR, &issuers[VN_STRANGER]);
	if (!err)
		err = sim_issuer_new(&uto, -4 * YEAR, -3 * YEAR, &issuers[UT_OLD]);
	if (!err) {		/* the same authority's signer of cards */
		struct sim_issuer cards = issuers[UT_OLD];

		cards.spec = &uto_card;
		err = sim_issuer_signer(&cards, -3 * YEAR, &issuers[UT_CARD]);
	}
	if (!err)
		err = sim_issuer_new(&uto_new, -2 * YEAR, -1 * YEAR, &issuers[UT_NEW]);
	return err;
}

/* Whom chips let read fingerprints. Of Viet Nam's, no terminal's key leaves the state. */
struct authorities {
	struct sim_holder uto, vnm;
};

/* A terminal that may read Utopia's fingerprints: DIR/terminal/certificates.cvcert, key.pem. */
static int make_terminal(const char *dir, struct authorities *cvca)
{
	static const struct sim_holder_spec vn = { "VNCVCA00001", "brainpoolP256r1", 3, 0xc3, -900, 2000 };
	static const struct sim_holder_spec specs[] = {
		{ "UTCVCA00001", "brainpoolP256r1", 3, 0xc3, -900, 2000 },
		{ "UTDVSAMPLE00001", "brainpoolP256r1", 3, 0x83, -300, 1000 },
		{ "UTISSAMPLE00001", "brainpoolP256r1", 3, 0x01, -30, 300 },
	};
	struct sim_holder dv = { .name = "" }, is = { .name = "" };
	struct sim_buf certs = { 0 };
	char path[3600], sub[3500];
	int err = sim_holder_new(&vn, &cvca->vnm);

	if (!err)
		err = sim_holder_new(&specs[0], &cvca->uto);
	if (!err)
		err = sim_holder_new(&specs[1], &dv);
	if (!err)
		err = sim_holder_new(&specs[2], &is);
	if (!err && (!sim_cvc_issue(&dv, &cvca->uto, &certs) || !sim_cvc_issue(&is, &dv, &certs)))
		err = CR_E_CRYPTO;
	snprintf(sub, sizeof(sub), "%s/terminal", dir);
	if (!err)
		err = make_dir(sub);
	snprintf(path, sizeof(path), "%s/certificates.cvcert", sub);
	if (!err)
		err = write_file(path, certs.p, certs.len, 0644);
	if (!err)
		err = write_key(sub, "key.pem", is.key);
	sim_buf_free(&certs);
	sim_holder_clear(&dv);
	sim_holder_clear(&is);
	return err;
}

static int make_cards(const char *dir, const struct sim_issuer issuers[ISSUERS], const struct authorities *cvca)
{
	struct dates issued, valid, issued_then, past;
	char an_mrz[91], rogue_mrz[91], past_mrz[91], old_mrz[91], bac_mrz[89], eac_mrz[89];
	char full_mrz[89], td2_mrz[73];
	int err = 0;

	date(&issued, -300);
	date(&valid, 8 * 365 + 100);
	date(&issued_then, -9 * 365 - 120);
	date(&past, -30);
	vn_mrz(an_mrz, "001090123456", "900517", 'M', valid.yymmdd, "NGUYEN<<VAN<AN");
	vn_mrz(rogue_mrz, "001090123456", "900517", 'M', valid.yymmdd, "NGUYEN<<VAN<BINH");
	vn_mrz(past_mrz, "079185004321", "851202", 'F', past.yymmdd, "TRAN<<THI<BINH");
	vn_mrz(old_mrz, "048092007654", "921130", 'M', valid.yymmdd, "LE<<HOANG<CUONG");
	sim_mrz_td3(bac_mrz, "UTO", "LINDQVIST<<EMMA<SOFIA", "U7654321A", "UTO", "740812", 'F', valid.yymmdd,
		    "ZE184226B");
	sim_mrz_td3(eac_mrz, "UTO", "OKONKWO<<TOMAS", "X12345678", "UTO", "881103", 'M', valid.yymmdd, "");

	/* a name that fills its field, a birth whose day nobody knows, a sex not said, a number of twelve characters */
	sim_mrz_td2(td2_mrz, "I", "UTO", "PAPADOPOULOU<WINTERSTEIN<<ALEXA", "X98765432101", "XXA", "6107<<", '<',
		    valid.yymmdd);
	/* born a hundred years before the zone's two digits may be read as now */
	sim_mrz_td3(full_mrz, "UTO", "ARKENSTONE<<LUCIA", "F24681357", "UTO", "250309", 'F', valid.yymmdd, "");

	const struct sim_person an = {
		.mrz = an_mrz, .id_number = "001090123456", .full_name = "Nguyễn Văn An",
		.date_of_birth = "17/05/1990", .sex = "Nam", .nationality = "Việt Nam", .ethnic_group = "Kinh",
		.religion = "Không", .place_of_origin = "Xã Thử Nghiệm, Huyện Ví Dụ, Tỉnh Nam Định",
		.place_of_residence = "Số nhà 12, ngách 34, ngõ 567 đường Nguyễn Văn Ví Dụ, tổ dân phố số 8, "
				      "Phường Thẻ Mẫu, Quận Thử Nghiệm, Thành phố Hà Nội",
		.personal_identification = "Nốt ruồi cách 2 cm dưới sau đuôi mắt trái",
		.date_of_issue = issued.slashed, .date_of_expiry = valid.slashed, .father = "Nguyễn Văn Bảo",
		.mother = "Phạm Thị Chi", .spouse = "Lê Thị Dung", .former_id_number = "012345678",
		.chip_number = "0123456789012345",
	};
	const struct sim_person expired = {
		.mrz = past_mrz, .id_number = "079185004321", .full_name = "Trần Thị Bình",
		.date_of_birth = "02/12/1985", .sex = "Nữ", .nationality = "Việt Nam", .ethnic_group = "Hoa",
		.religion = "Phật giáo", .place_of_origin = "Phường Ví Dụ, Thành phố Cần Thơ",
		.place_of_residence = "Số 90 đường Thẻ Mẫu, Phường Thử Nghiệm, Thành phố Hồ Chí Minh",
		.personal_identification = "Sẹo chấm cách 1 cm trên sau cánh mũi phải",
		.date_of_issue = issued_then.slashed, .date_of_expiry = past.slashed, .father = "Trần Văn Giang",
		.mother = "Huỳnh Thị Hà", .chip_number = "0123456789054321",
	};
	const struct sim_person old = {
		.mrz = old_mrz, .id_number = "048092007654", .full_name = "Lê Hoàng Cường",
		.date_of_birth = "30/11/1992", .sex = "Nam", .nationality = "Việt Nam", .ethnic_group = "Tày",
		.religion = "Không", .place_of_origin = "Xã Ví Dụ, Tỉnh Quảng Nam",
		.place_of_residence = "Thôn Thẻ Mẫu, Xã Thử Nghiệm, Thành phố Đà Nẵng",
		.personal_identification = "Không", .date_of_issue = issued.slashed,
		.date_of_expiry = valid.slashed, .father = "Lê Văn Khoa", .mother = "Võ Thị Lan",
		.chip_number = "0123456789076543",
	};
	struct sim_person rogue = an;
	const struct sim_person bac = { .mrz = bac_mrz }, eac = { .mrz = eac_mrz };
	const struct sim_person full = { .mrz = full_mrz }, td2 = { .mrz = td2_mrz };
	const struct sim_details details = {
		.full_name = "ÄRKENSTÖNE<<LUCÍA<MARÍA", .personal_number = "19250309-1234",
		.date_of_birth = "19250309", .place_of_birth = "VALE<NORTHSHIRE<UTOPIA",
		.address = "12 SAMPLE LANE<VALE<NORTHSHIRE", .telephone = "1-555-0100",
		.profession = "TRAVEL<AGENT", .title = "DR", .summary = "INVENTED PERSON",
		.other_documents = "A1234567<B7654321", .custody = "NONE",
		.other_names = { "LUKE<<LUCIA", "ARKENSTONE<<LULU" },
		.authority = "OFFICE OF SAMPLES<VALE", .date_of_issue = "20250110",
		.endorsements = "NOT VALID FOR TRAVEL", .tax = "NONE", .personalized = "20250109103000",
		.system = "SYSTEM 0042", .other_people = { "ARKENSTONE<<BRENDA<P" },
		.notify = {
			{ "20250110", "ARKENSTONE<<CARLOS<R", "15550101", "12 SAMPLE LANE<VALE<NORTHSHIRE" },
			{ "20250111", "BRØNN<<MARY<J", "15550102", "49 EXAMPLE ROAD<SEASIDE<SOUTHSHIRE" },
		},
	};

	rogue.mrz = rogue_mrz;
	rogue.full_name = "Nguyễn Văn Bình";

#define BP "brainpoolP256r1"
#define VN(nm, tx, who, is, curve, face, ...) { .name = nm, .text = tx, .issuer = &issuers[is], .person = &(who), \
	.n_pace = 1, .pace = { { SIM_AES128, 13, SIM_GM, NULL } }, .ca = SIM_AES128, .ca_key = curve, .ca_key_id = -1, \
	.portrait = face, .quirks = "mf = no\n", .can = (who).id_number + 6, __VA_ARGS__ }
	const struct sim_recipe recipes[] = {
		VN("an", "Viet Nam, citizen card: genuine", an, VN_NOW, BP, 1),
		VN("cccd", "Viet Nam, citizen card: locked fingerprints, chip and active authentication", an, VN_NOW, BP, 1,
		   .dg3 = true, .cvca = &cvca->vnm, .aa_key = "P-256", .aa = "sha256"),
		VN("old", "Viet Nam, citizen card without chip authentication", old, VN_NOW, NULL, 3),
		VN("forged", "as an, one letter of the name changed after signing", an, VN_NOW, BP, 1, .flaw = SIM_FORGED),
		VN("resigned", "as an, another name, signed by an unknown issuer", rogue, VN_STRANGER, BP, 1),
		VN("impostor", "as an, another name, signed by somebody who took the issuer's name", rogue, VN_ROGUE, BP, 1),
		VN("cloned", "as an, all data copied to a chip without the key", an, VN_NOW, BP, 1, .flaw = SIM_CLONED),
		VN("expired", "Viet Nam, citizen card past its date", expired, VN_THEN, BP, 2),
		VN("revoked", "as an, signed by a document signer since revoked", an, VN_REVOKED, BP, 1),
		VN("badsod", "as an, EF.SOD holds no signature at all", an, VN_NOW, BP, 1, .flaw = SIM_BAD_SOD),
		VN("truncated", "as an, the portrait's file ends too early", an, VN_NOW, BP, 1, .flaw = SIM_TRUNCATED),
		VN("badtlv", "as an, malformed DG13, properly signed", an, VN_NOW, BP, 1, .flaw = SIM_BAD_TLV),
		VN("lying", "as an, lengths inside the portrait's record lie, properly signed", an, VN_NOW, BP, 1,
		   .flaw = SIM_LYING),
		{ .name = "bac", .text = "Utopia, older passport: basic access control, short APDUs", .issuer = &issuers[UT_OLD],
		  .person = &bac, .bac = true, .ca_key_id = -1, .portrait = 4, .quirks = "extended = no\n" },
		{ .name = "eac", .text = "Utopia, passport: PACE AES-256, locked fingerprints, reads of at most 223 bytes",
		  .issuer = &issuers[UT_NEW], .person = &eac, .can = "314159", .bac = true, .n_pace = 1,
		  .pace = { { SIM_AES256, 16, SIM_GM, NULL } }, .ca = SIM_AES256, .ca_key = "brainpoolP384r1",
		  .ca_key_id = 2, .dg3 = true, .cvca = &cvca->uto,
		  .portrait = 5, .quirks = "max_le = 223\nle_beyond = 6B00\n" },
		{ .name = "eac2", .text = "Utopia, passport: locked fingerprints, both versions of extended access control",
		  .issuer = &issuers[UT_NEW], .person = &eac, .can = "314159", .n_pace = 1,
		  .pace = { { SIM_AES128, 13, SIM_GM, NULL } }, .ca = SIM_AES128, .ca_key = BP, .ca_key_id = 1, .dg3 = true,
		  .cvca = &cvca->uto, .ta_2 = true, .portrait = 5 },
		{ .name = "tdes", .text = "Utopia, passport: PACE and chip authentication with 3DES",
		  .issuer = &issuers[UT_OLD], .person = &eac, .can = "314159", .bac = true, .n_pace = 1,
		  .pace = { { SIM_3DES, 12, SIM_GM, NULL } }, .ca = SIM_3DES, .ca_key = "P-256", .ca_key_id = -1,
		  .portrait = 5,
		  .quirks = "card_access = app\n" },
		{ .name = "cam", .text = "Utopia, passport: PACE with chip authentication mapping", .issuer = &issuers[UT_NEW],
		  .person = &eac, .can = "271828", .n_pace = 2,
		  .pace = { { SIM_AES128, 13, SIM_GM, NULL }, { SIM_AES128, 13, SIM_CAM, NULL } }, .ca = SIM_AES128,
		  .ca_key = BP, .ca_key_id = -1, .portrait = 5, .quirks = "pin = 141421\npuk = 1732050807\n" },
		{ .name = "aa", .text = "Utopia, older passport: basic access control, active authentication",
		  .issuer = &issuers[UT_OLD], .person = &bac, .bac = true, .ca_key_id = -1, .aa_key = "RSA-1024", .aa = "bc",
		  .portrait = 4, .quirks = "extended = no\n" },
		{ .name = "full", .text = "Utopia, passport with every data group, biometrics open",
		  .issuer = &issuers[UT_OLD], .person = &full, .can = "271828", .bac = true, .n_pace = 1,
		  .pace = { { SIM_AES128, 13, SIM_GM, NULL } }, .ca = SIM_AES128, .ca_key = BP, .ca_key_id = -1,
		  .aa_key = "P-256", .aa = "sha256", .portrait = 6, .details = &details,
		  .quirks = "biometrics = open\n" },
		{ .name = "td2", .text = "Utopia, card of the middle size: long number, name cut, birth known in part",
		  .issuer = &issuers[UT_CARD], .person = &td2, .can = "161803", .bac = true, .n_pace = 1,
		  .pace = { { SIM_AES128, 12, SIM_GM, NULL } }, .ca_key_id = -1, .portrait = 7 },
	};
#undef VN
#undef BP

	for (size_t i = 0; !err && i < sizeof(recipes) / sizeof(recipes[0]); i++)
		err = sim_issue(dir, &recipes[i]);
	return err;
}

int sim_make(const char *dir)
{
	struct sim_issuer issuers[ISSUERS] = { { 0 } };
	struct authorities cvca = { .uto = { .name = "" } };
	char trust[3500];
	int err;

	if ((size_t)snprintf(trust, sizeof(trust), "%s/trust", dir) >= sizeof(trust))
		return CR_E_TOO_LONG;
	err = make_dir(dir);
	if (!err)
		err = make_dir(trust);
	if (!err)
		err = make_issuers(issuers);
	if (!err)
		err = make_terminal(dir, &cvca);
	if (!err)
		err = make_cards(dir, issuers, &cvca);
	if (!err)
		err = write_trust(dir, "VNM-1", &issuers[VN_THEN], NULL);
	if (!err)
		err = write_trust(dir, "VNM-2", &issuers[VN_NOW], issuers[VN_REVOKED].ds);
	if (!err)
		err = write_trust(dir, "UTO-1", &issuers[UT_OLD], NULL);
	if (!err)
		err = write_trust(dir, "UTO-2", &issuers[UT_NEW], NULL);
	for (int i = 0; i < ISSUERS; i++)
		sim_issuer_free(&issuers[i]);
	sim_holder_clear(&cvca.uto);
	sim_holder_clear(&cvca.vnm);
	return err;
}
