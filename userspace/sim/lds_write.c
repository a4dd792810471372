/* SPDX-License-Identifier: BSD-2-Clause */
/* The logical data structure, written: ICAO 9303-10; DG13 as public decoders found it on Vietnamese cards. */
#include "issue.h"

#include <stdio.h>
#include <string.h>
#include <cardring/error.h>
#include "simcard.h"

static const uint8_t dg_tags[] = {
	0, 0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70,
};

static void fill(char *out, size_t width, const char *text)
{
	size_t n = strlen(text);

	memset(out, '<', width);
	memcpy(out, text, n < width ? n : width);
}

/* ICAO 9303-5, 4.2.2 */
void sim_mrz_td1(char out[91], const char *code, const char *state, const char *number, const char *optional,
		 const char *birth, char sex, const char *expiry, const char *nationality, const char *names)
{
	char *l2 = out + 30, all[64];

	fill(out, 90, "");
	out[90] = '\0';
	fill(out, 2, code);
	fill(out + 2, 3, state);
	fill(out + 5, 9, number);
	out[14] = sim_check_digit(out + 5, 9);
	fill(out + 15, 15, optional);
	fill(l2, 6, birth);
	l2[6] = sim_check_digit(l2, 6);
	l2[7] = sex;
	fill(l2 + 8, 6, expiry);
	l2[14] = sim_check_digit(l2 + 8, 6);
	fill(l2 + 15, 3, nationality);
	memcpy(all, out + 5, 25);
	memcpy(all + 25, l2, 7);
	memcpy(all + 32, l2 + 8, 7);
	memcpy(all + 39, l2 + 18, 11);
	l2[29] = sim_check_digit(all, 50);
	fill(out + 60, 30, names);
}

/* ICAO 9303-6, 4.2.2: a long number goes on in the optional data, its check digit behind it. */
void sim_mrz_td2(char out[73], const char *code, const char *state, const char *names, const char *number,
		 const char *nationality, const char *birth, char sex, const char *expiry)
{
	size_t n = strlen(number);
	char *l2 = out + 36, all[64];

	fill(out, 72, "");
	out[72] = '\0';
	fill(out, 2, code);
	fill(out + 2, 3, state);
	fill(out + 5, 31, names);
	fill(l2, 9, number);
	if (n > 9) {
		fill(l2 + 28, 7, number + 9);
		l2[28 + n - 9] = sim_check_digit(number, n);
	} else {
		l2[9] = sim_check_digit(l2, 9);
	}
	fill(l2 + 10, 3, nationality);
	fill(l2 + 13, 6, birth);
	l2[19] = sim_check_digit(l2 + 13, 6);
	l2[20] = sex;
	fill(l2 + 21, 6, expiry);
	l2[27] = sim_check_digit(l2 + 21, 6);
	memcpy(all, l2, 10);
	memcpy(all + 10, l2 + 13, 7);
	memcpy(all + 17, l2 + 21, 14);
	l2[35] = sim_check_digit(all, 31);
}

/* ICAO 9303-4, 4.2.2 */
void sim_mrz_td3(char out[89], const char *state, const char *names, const char *number, const char *nationality,
		 const char *birth, char sex, const char *expiry, const char *optional)
{
	char *l2 = out + 44, all[64];

	fill(out, 88, "");
	out[88] = '\0';
	out[0] = 'P';
	fill(out + 2, 3, state);
	fill(out + 5, 39, names);
	fill(l2, 9, number);
	l2[9] = sim_check_digit(l2, 9);
	fill(l2 + 10, 3, nationality);
	fill(l2 + 13, 6, birth);
	l2[19] = sim_check_digit(l2 + 13, 6);
	l2[20] = sex;
	fill(l2 + 21, 6, expiry);
	l2[27] = sim_check_digit(l2 + 21, 6);
	fill(l2 + 28, 14, optional);
	l2[42] = *optional ? sim_check_digit(l2 + 28, 14) : '<';
	memcpy(all, l2, 10);
	memcpy(all + 10, l2 + 13, 7);
	memcpy(all + 17, l2 + 21, 22);
	l2[43] = sim_check_digit(all, 39);
}

/* 4.6.1: LDS version 1.7, Unicode 4.0.0, the list of tags. */
void sim_write_com(uint32_t dgs, struct sim_buf *out)
{
	struct sim_buf in = { 0 }, list = { 0 };

	sim_ber_str(&in, 0x5f01, "0107");
	sim_ber_str(&in, 0x5f36, "040000");
	for (unsigned int n = 1; n <= 16; n++) {
		if (dgs >> n & 1)
			sim_buf_byte(&list, dg_tags[n]);
	}
	sim_ber_wrap(&in, 0x5c, &list);
	sim_ber_wrap(out, 0x60, &in);
}

void sim_write_dg1(const char *mrz, struct sim_buf *out)
{
	struct sim_buf in = { 0 };

	sim_ber_str(&in, 0x5f1f, mrz);
	sim_ber_wrap(out, 0x61, &in);
}

/* ISO/IEC 19794-5:2005, 5: facial record header, one facial information and image information block, the image. */
static void face_record(const uint8_t *jpeg, size_t len, bool lie, struct sim_buf *b)
{
	sim_buf_put(b, "FAC", 4);
	sim_buf_put(b, "010", 4);
	sim_buf_be(b, 14 + 20 + 12 + len + (lie ? 0x01000000 : 0), 4);
	sim_buf_be(b, 1, 2);			/* images */
	sim_buf_be(b, 20 + 12 + len + (lie ? 0x7f000000 : 0), 4);
	sim_buf_be(b, lie ? 0xfff0 : 0, 2);	/* feature points */
	sim_buf_be(b, 0, 3);			/* sex, eyes, hair: not said */
	sim_buf_be(b, 0, 3);			/* features */
	sim_buf_be(b, 0, 2);			/* expression */
	sim_buf_be(b, 0, 6);			/* pose, its uncertainty */
	sim_buf_byte(b, 0x01);			/* full frontal */
	sim_buf_byte(b, len && jpeg[0] != 0xff);	/* JPEG, or JPEG 2000 */
	sim_buf_be(b, SIM_PORTRAIT_WIDTH, 2);
	sim_buf_be(b, SIM_PORTRAIT_HEIGHT, 2);
	sim_buf_byte(b, 0x01);			/* sRGB */
	sim_buf_byte(b, 0x02);			/* digital still camera */
	sim_buf_be(b, 0, 2);			/* device type */
	sim_buf_be(b, 0, 2);			/* quality */
	sim_buf_put(b, jpeg, len);
}

void sim_write_dg2(const uint8_t *jpeg, size_t len, bool lie, struct sim_buf *out)
{
	static const uint8_t header[] = {	/* ICAO 9303-10, table 40: biometric header template */
		0x80, 0x02, 0x01, 0x01,		/* version */
		0x81, 0x01, 0x02,		/* facial features */
		0x87, 0x02, 0x01, 0x01,		/* format owner: ISO/IEC JTC 1/SC 37 */
		0x88, 0x02, 0x00, 0x08,		/* format type: ISO/IEC 19794-5 */
	};
	struct sim_buf group = { 0 }, info = { 0 }, record = { 0 }, dg2 = { 0 };

	sim_ber_put(&info, 0xa1, header, sizeof(header));
	face_record(jpeg, len, lie, &record);
	sim_ber_wrap(&info, 0x5f2e, &record);
	sim_ber_int(&group, 1);
	sim_ber_wrap(&group, 0x7f60, &info);
	sim_ber_wrap(&dg2, 0x7f61, &group);
	sim_ber_wrap(out, 0x75, &dg2);
}

#define UTF8		0x0c
#define PRINTABLE	0x13

static void field(struct sim_buf *b, unsigned int n, uint32_t tag, const char *value)
{
	struct sim_buf f = { 0 };

	if (!value)
		return;
	sim_ber_int(&f, n);
	sim_ber_str(&f, tag, value);
	sim_ber_wrap(b, 0x30, &f);
}

static void name(struct sim_buf *b, const char *value)
{
	struct sim_buf s = { 0 };

	sim_ber_str(&s, UTF8, value);
	sim_ber_wrap(b, 0x30, &s);
}

void sim_write_dg13(const struct sim_person *p, struct sim_buf *out)
{
	struct sim_buf b = { 0 }, f = { 0 }, dg13 = { 0 };

	field(&b, 1, PRINTABLE, p->id_number);
	field(&b, 2, UTF8, p->full_name);
	field(&b, 3, PRINTABLE, p->date_of_birth);
	field(&b, 4, UTF8, p->sex);
	field(&b, 5, UTF8, p->nationality);
	field(&b, 6, UTF8, p->ethnic_group);
	field(&b, 7, UTF8, p->religion);
	field(&b, 8, UTF8, p->place_of_origin);
	field(&b, 9, UTF8, p->place_of_residence);
	field(&b, 10, UTF8, p->personal_identification);
	field(&b, 11, PRINTABLE, p->date_of_issue);
	field(&b, 12, UTF8, p->date_of_expiry);
	sim_ber_int(&f, 13);
	name(&f, p->father);
	name(&f, p->mother);
	sim_ber_wrap(&b, 0x30, &f);
	if (p->spouse) {
		sim_ber_int(&f, 14);
		name(&f, p->spouse);
		sim_ber_wrap(&b, 0x30, &f);
	}
	field(&b, 15, PRINTABLE, p->former_id_number);
	field(&b, 16, PRINTABLE, p->chip_number);
	sim_ber_wrap(&dg13, 0x30, &b);
	sim_ber_wrap(out, 0x6d, &dg13);
}

#define ID_PACE		"0.4.0.127.0.7.2.2.4"
#define ID_CA		"0.4.0.127.0.7.2.2.3"
#define ID_PK		"0.4.0.127.0.7.2.2.1"
#define ID_TA		"0.4.0.127.0.7.2.2.2"
#define ID_AA		"2.23.136.1.1.5"
#define ID_ECDSA_PLAIN	"0.4.0.127.0.7.1.1.4.1"	/* TR-03111, 5.2.1 */

#define ID_STANDARDIZED	"0.4.0.127.0.7.1.2"	/* TR-03110-3, A.2.1.1 */

#define MAX_INFOS	16

/* PACEInfo, and PACEDomainParameterInfo where the parameters are the issuer's own. False: no such parameters. */
static bool pace_offer(const struct sim_pace_offer *o, struct sim_buf *info, struct sim_buf *parameters)
{
	const char *name = o->own ? o->own : sim_domain_name(o->domain);
	struct sim_buf in = { 0 };
	struct sim_group g;
	char oid[40];
	bool ok;
	int arc;

	ok = name && sim_group_open(&g, name);
	if (!ok)
		return false;
	arc = sim_pace_arc(o->mapping, g.ec != NULL);
	snprintf(oid, sizeof(oid), ID_PACE ".%d.%d", arc, o->cipher);
	sim_ber_oid(&in, oid, false);
	sim_ber_int(&in, 2);
	sim_ber_int(&in, o->domain);
	sim_ber_wrap(info, 0x30, &in);
	if (o->own) {
		snprintf(oid, sizeof(oid), ID_PACE ".%d", arc);
		sim_ber_oid(&in, oid, false);
		ok = sim_group_write(&g, &in);
		sim_ber_int(&in, o->domain);
		sim_ber_wrap(parameters, 0x30, &in);
	}
	sim_group_close(&g);
	return ok && arc;
}

static void ca_info(const struct sim_security *s, unsigned int version, bool ec, struct sim_buf *out)
{
	struct sim_buf in = { 0 };
	char oid[40];

	snprintf(oid, sizeof(oid), ID_CA ".%d.%d", ec ? 2 : 1, s->ca);
	sim_ber_oid(&in, oid, false);
	sim_ber_int(&in, version);
	if (s->ca_key_id >= 0)
		sim_ber_int(&in, (uint32_t)s->ca_key_id);
	sim_ber_wrap(out, 0x30, &in);
}

static bool chip_key(const struct sim_security *s, struct sim_buf *key, struct sim_buf *info)
{
	int len = 0, kind = EVP_PKEY_is_a(s->ca_key, "EC") ? 2 : 1;
	unsigned char *spki = NULL;
	struct sim_buf in = { 0 };
	char oid[40];

	len = i2d_PUBKEY(s->ca_key, &spki);
	if (len <= 0)
		return false;
	snprintf(oid, sizeof(oid), ID_PK ".%d", kind);
	sim_ber_oid(&in, oid, false);
	sim_buf_put(&in, spki, (size_t)len);
	OPENSSL_free(spki);
	if (s->ca_key_id >= 0)
		sim_ber_int(&in, (uint32_t)s->ca_key_id);
	sim_ber_wrap(key, 0x30, &in);
	if (s->ca && !s->no_ca_1)
		ca_info(s, 1, EVP_PKEY_is_a(s->ca_key, "EC"), info);
	return true;
}

/* ChipAuthenticationInfo of version 2 and ChipAuthenticationDomainParameterInfo. */
static bool ca_second(const struct sim_security *s, struct sim_buf *info, struct sim_buf *parameters)
{
	struct sim_buf in = { 0 }, identifier = { 0 };
	struct sim_element key;
	struct sim_group g;
	BIGNUM *x = NULL;
	char oid[40];
	bool found = false;

	if (!sim_group_of_key(s->ca_domain, &g, &x, &key))
		return false;
	BN_clear_free(x);
	snprintf(oid, sizeof(oid), ID_CA ".%d", g.ec ? 2 : 1);
	sim_ber_oid(&in, oid, false);
	sim_ber_oid(&identifier, ID_STANDARDIZED, false);
	for (unsigned int id = 0; id <= 18 && !found; id++) {
		struct sim_group other;

		if (!sim_domain_name(id) || !sim_group_open(&other, sim_domain_name(id)))
			continue;
		found = !!g.ec == !!other.ec && !BN_cmp(g.p, other.p) && g.generator.len == other.generator.len &&
			!memcmp(g.generator.p, other.generator.p, g.generator.len);
		sim_group_close(&other);
		if (found)
			sim_ber_int(&identifier, id);
	}
	sim_ber_wrap(&in, 0x30, &identifier);
	if (s->ca_key_id >= 0)
		sim_ber_int(&in, (uint32_t)s->ca_key_id);
	sim_ber_wrap(parameters, 0x30, &in);
	ca_info(s, 2, g.ec != NULL, info);
	sim_group_close(&g);
	return found;
}

static void ta_info(unsigned int version, struct sim_buf *out)
{
	struct sim_buf in = { 0 };

	sim_ber_oid(&in, ID_TA, false);
	sim_ber_int(&in, version);
	sim_ber_wrap(out, 0x30, &in);
}

/* ActiveAuthenticationInfo: only elliptic curves need it, to name the digest (9.2.8). */
static void aa_info(const char *digest, struct sim_buf *info)
{
	static const char *const digests[] = { "sha1", "sha224", "sha256", "sha384", "sha512" };
	struct sim_buf in = { 0 };
	char oid[40];

	for (unsigned int i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
		if (strcmp(digest, digests[i]) != 0)
			continue;
		snprintf(oid, sizeof(oid), ID_ECDSA_PLAIN ".%u", i + 1);
		sim_ber_oid(&in, ID_AA, false);
		sim_ber_int(&in, 1);
		sim_ber_oid(&in, oid, false);
		sim_ber_wrap(info, 0x30, &in);
	}
}

/* ICAO 9303-11, 9.2. DER: a SET OF is in the order of its elements' bytes. */
int sim_write_security_infos(const struct sim_security *s, struct sim_buf *out)
{
	struct sim_buf set[MAX_INFOS] = { { 0 } }, all = { 0 };
	unsigned int n = 0;
	bool ok = true;

	for (unsigned int i = 0; i < s->n_pace && n + 2 <= MAX_INFOS; i++, n += 2)
		ok = ok && pace_offer(&s->pace[i], &set[n], &set[n + 1]);
	if (s->ca_key && n + 2 <= MAX_INFOS) {
		ok = ok && chip_key(s, &set[n], &set[n + 1]);
		n += 2;
	}
	for (unsigned int i = 0; i < s->n_more && n + 2 <= MAX_INFOS; i++, n += 2) {
		struct sim_security one = { .ca_key = s->more[i].key, .ca = s->more[i].cipher,
					    .ca_key_id = s->more[i].id };

		ok = ok && chip_key(&one, &set[n], &set[n + 1]);
	}
	if (s->ca_domain && n + 3 <= MAX_INFOS) {
		ok = ok && ca_second(s, &set[n], &set[n + 1]);
		ta_info(2, &set[n + 2]);
		n += 3;
	}
	if (s->ta && n < MAX_INFOS)
		ta_info(1, &set[n++]);
	if (s->aa_digest && n < MAX_INFOS)
		aa_info(s->aa_digest, &set[n++]);
	for (unsigned int i = 0; i < n; i++) {		/* the smallest first, n times; empty ones put nothing */
		unsigned int least = i;

		for (unsigned int k = i + 1; k < n; k++) {
			size_t m = set[k].len < set[least].len ? set[k].len : set[least].len;
			int d = m ? memcmp(set[k].p, set[least].p, m) : 0;

			if (d < 0 || (d == 0 && set[k].len < set[least].len))
				least = k;
		}
		struct sim_buf t = set[i];

		set[i] = set[least];
		set[least] = t;
		if (set[i].len)
			sim_buf_put(&all, set[i].p, set[i].len);
		all.failed |= set[i].failed;
		sim_buf_free(&set[i]);
	}
	sim_ber_wrap(out, 0x31, &all);
	return ok && !out->failed ? 0 : CR_E_CRYPTO;
}

int sim_write_dg14(const struct sim_security *s, struct sim_buf *out)
{
	struct sim_buf in = { 0 };
	int err = sim_write_security_infos(s, &in);

	sim_ber_wrap(out, 0x6e, &in);
	return err;
}

int sim_write_dg15(EVP_PKEY *key, struct sim_buf *out)
{
	unsigned char *spki = NULL;
	int len = i2d_PUBKEY(key, &spki);

	if (len <= 0)
		return CR_E_CRYPTO;
	sim_ber_put(out, 0x6f, spki, (size_t)len);
	OPENSSL_free(spki);
	return 0;
}
