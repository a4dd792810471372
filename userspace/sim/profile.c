/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a card is: its folder. The files in it, and the keys of its profile, are described in cardring(1), PROFILES,
 * which names each key that set() knows.
 */
#include "simcard.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define MAX_LINE	512

/* ICAO 9303-3, 4.9 */
char sim_check_digit(const char *s, size_t len)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < len; i++) {
		static const unsigned int weight[] = { 7, 3, 1 };
		unsigned int v = isdigit((unsigned char)s[i]) ? (unsigned int)(s[i] - '0') :
				 isupper((unsigned char)s[i]) ? (unsigned int)(s[i] - 'A' + 10) : 0;

		sum += v * weight[i % 3];
	}
	return (char)('0' + sum % 10);
}

size_t sim_mrz_information(const char *mrz, char out[64])
{
	size_t len = strlen(mrz), n;

	if (len == 88 || len == 72) {		/* TD3, TD2: number, birth, expiry in the second line */
		const char *l = mrz + len / 2;

		n = 10;
		memcpy(out, l, n);
		if (len == 72 && l[9] == '<') {	/* ICAO 9303-6, 4.2.2: as for TD1 below */
			n = 9;
			for (const char *p = l + 28; p < l + 35 && *p != '<'; p++)
				out[n++] = *p;
		}
		memcpy(out + n, l + 13, 7);
		memcpy(out + n + 7, l + 21, 7);
		n += 14;
	} else if (len == 90) {			/* TD1 */
		const char *l = mrz + 30;

		n = 10;
		memcpy(out, mrz + 5, n);
		if (mrz[14] == '<') {		/* ICAO 9303-5, 4.2.2: a long number goes on in the optional data */
			n = 9;
			for (const char *p = mrz + 15; p < l && *p != '<'; p++)
				out[n++] = *p;
		}
		memcpy(out + n, l, 7);
		memcpy(out + n + 7, l + 8, 7);
		n += 14;
	} else {
		return 0;
	}
	return n;
}

static bool yes_no(const char *v, bool *out)
{
	*out = !strcmp(v, "yes");
	return *out || !strcmp(v, "no");
}

static bool number(const char *v, unsigned long max, unsigned long *out)
{
	char *end;

	if (!isdigit((unsigned char)*v))
		return false;
	*out = strtoul(v, &end, 10);
	return !*end && *out <= max;
}

static bool hex(const char *v, uint8_t *out, size_t max, size_t *len)
{
	size_t n = strlen(v);

	if (n % 2 || n / 2 > max || n < 4)
		return false;
	for (size_t i = 0; i < n; i += 2) {
		unsigned int b;

		if (!isxdigit((unsigned char)v[i]) || !isxdigit((unsigned char)v[i + 1]) ||
		    sscanf(v + i, "%2x", &b) != 1)
			return false;
		out[i / 2] = (uint8_t)b;
	}
	*len = n / 2;
	return true;
}

static bool text(const char *v, char *out, size_t size)
{
	return (size_t)snprintf(out, size, "%s", v) < size;
}

static bool access_list(struct sim_profile *p, char *v)
{
	char *save = NULL;

	for (char *w = strtok_r(v, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		if (!strcmp(w, "pace"))
			p->pace = true;
		else if (!strcmp(w, "bac"))
			p->bac = true;
		else
			return false;
	}
	return true;
}

static bool pace_line(struct sim_profile *p, const char *v)
{
	static const char *const mappings[] = { [SIM_GM] = "gm", [SIM_IM] = "im", [SIM_CAM] = "cam" };
	struct sim_pace_info *info = &p->pace_info[p->n_pace];
	char name[16], mapping[8] = "gm", own[24] = "";
	unsigned int m = 0;
	int n = 0;

	if (p->n_pace == SIM_MAX_PACE || sscanf(v, "%15s %u %7s %23s%n", name, &info->domain, mapping, own, &n) < 2 ||
	    (n && v[n]) || !sim_cipher_from_name(name, &info->cipher))
		return false;
	while (m < 3 && strcmp(mapping, mappings[m]) != 0)
		m++;
	if (m == 3 || info->domain > 255 || (!*own && !sim_domain_name(info->domain)))
		return false;
	info->mapping = (enum sim_mapping)m;
	snprintf(info->group, sizeof(info->group), "%s", *own ? own : sim_domain_name(info->domain));
	p->n_pace++;
	return sim_group_known(info->group) && sim_pace_arc(info->mapping, sim_domain_is_curve(info->group)) &&
	       (info->mapping != SIM_CAM || info->cipher != SIM_3DES);
}

/* "2 aes128": the key is in ca-2.pem */
static bool ca_other(struct sim_profile *p, const char *v)
{
	struct sim_ca_key *k = &p->ca_other[p->n_ca_other];
	char name[16];
	int n = 0;

	if (p->n_ca_other == SIM_MAX_CA || sscanf(v, "%d %15s%n", &k->id, name, &n) != 2 || v[n] || k->id < 0 ||
	    k->id > 0xffff || !sim_cipher_from_name(name, &k->cipher))
		return false;
	p->n_ca_other++;
	return true;
}

static bool aa_line(struct sim_profile *p, const char *v)
{
	static const char *const digests[] = { "sha1", "sha224", "sha256", "sha384", "sha512" };

	p->aa_trailer_bc = !strcmp(v, "bc");
	if (p->aa_trailer_bc)
		v = "sha1";
	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
		if (!strcmp(v, digests[i])) {
			snprintf(p->aa_digest, sizeof(p->aa_digest), "SHA%s", v + 3);
			return true;
		}
	}
	return false;
}

static bool aa_habit(struct sim_profile *p, const char *v)
{
	static const char *const habits[] = { [SIM_AA_WHOLE] = "whole", [SIM_AA_ALL] = "all", [SIM_AA_256] = "256",
					      [SIM_AA_CUT] = "cut" };

	for (unsigned int i = 0; i < sizeof(habits) / sizeof(habits[0]); i++) {
		if (!strcmp(v, habits[i])) {
			p->aa_habit = (enum sim_aa_habit)i;
			return true;
		}
	}
	return false;
}

static bool digits(const char *v, char *out, size_t size)
{
	return strspn(v, "0123456789") == strlen(v) && text(v, out, size);
}

static bool sfi(struct sim_profile *p, const char *v)
{
	uint8_t sw[2];
	size_t n;

	if (!strcmp(v, "yes")) {
		p->sfi = SIM_SFI_YES;
	} else if (!strcmp(v, "passing")) {
		p->sfi = SIM_SFI_PASSING;
	} else if (!strcmp(v, "other")) {
		p->sfi = SIM_SFI_OTHER;
	} else {
		if (!hex(v, sw, sizeof(sw), &n) || n != 2 || sw[0] < 0x64 || sw[0] > 0x6f)
			return false;
		p->sfi = SIM_SFI_REFUSED;
		p->sfi_sw = (uint16_t)(sw[0] << 8 | sw[1]);
	}
	return true;
}

static bool set(struct sim_profile *p, const char *key, char *v)
{
	unsigned long n;
	bool b;

	if (!strcmp(key, "text"))
		return text(v, p->text, sizeof(p->text));
	if (!strcmp(key, "can"))
		return digits(v, p->can, sizeof(p->can));
	if (!strcmp(key, "pin"))
		return digits(v, p->pin, sizeof(p->pin));
	if (!strcmp(key, "puk"))
		return digits(v, p->puk, sizeof(p->puk));
	if (!strcmp(key, "aa"))
		return aa_line(p, v);
	if (!strcmp(key, "aa_answer"))
		return aa_habit(p, v);
	if (!strcmp(key, "mrz")) {
		char info[64];

		return text(v, p->mrz, sizeof(p->mrz)) && sim_mrz_information(p->mrz, info);
	}
	if (!strcmp(key, "access"))
		return access_list(p, v);
	if (!strcmp(key, "pace"))
		return pace_line(p, v);
	if (!strcmp(key, "ta")) {
		p->ta_1 = !strcmp(v, "1") || !strcmp(v, "1 2");
		p->ta_2 = !strcmp(v, "2") || !strcmp(v, "1 2");
		return p->ta_1 || p->ta_2;
	}
	if (!strcmp(key, "ca"))
		return p->ca = sim_cipher_from_name(v, &p->ca_cipher);
	if (!strcmp(key, "ca_key_id")) {
		if (!number(v, 0xffff, &n))
			return false;
		p->ca_key_id = (int)n;
		return true;
	}
	if (!strcmp(key, "ca_other"))
		return ca_other(p, v);
	if (!strcmp(key, "mf"))
		return yes_no(v, &p->mf);
	if (!strcmp(key, "extended"))
		return yes_no(v, &p->extended);
	if (!strcmp(key, "card_access")) {
		b = p->card_access_in_app = !strcmp(v, "app");
		return b || !strcmp(v, "mf");
	}
	if (!strcmp(key, "max_le")) {
		if (!number(v, 65536, &n) || !n)
			return false;
		p->max_le = (unsigned int)n;
		return true;
	}
	if (!strcmp(key, "le_beyond")) {
		p->le_beyond = !strcasecmp(v, "6b00") ? SW_OFFSET : SW_END_OF_FILE;
		return p->le_beyond == SW_OFFSET || !strcmp(v, "6282");
	}
	if (!strcmp(key, "sfi"))
		return sfi(p, v);
	if (!strcmp(key, "errors")) {
		b = p->plain_errors = !strcmp(v, "plain");
		return b || !strcmp(v, "protected");
	}
	if (!strcmp(key, "mf_files")) {
		b = p->mf_files_locked = !strcmp(v, "locked");
		return b || !strcmp(v, "open");
	}
	if (!strcmp(key, "biometrics")) {
		b = p->biometrics_open = !strcmp(v, "open");
		return b || !strcmp(v, "locked");
	}
	if (!strcmp(key, "atr"))
		return hex(v, p->atr, sizeof(p->atr), &p->atr_len);
	if (!strcmp(key, "atr_t0"))
		return hex(v, p->atr_t0, sizeof(p->atr_t0), &p->atr_t0_len);
	return false;
}

static int read_profile(const char *dir, struct sim_profile *p)
{
	char path[4096], line[MAX_LINE];
	unsigned int nr = 0;
	FILE *f;
	int err = 0;

	snprintf(path, sizeof(path), "%s/profile", dir);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT || errno == ENOTDIR ? CR_E_NOT_FOUND : CR_E_IO;
	while (!err && fgets(line, sizeof(line), f)) {
		char *key = line, *v, *end;

		nr++;
		if (!strchr(line, '\n') && !feof(f)) {
			err = CR_E_MALFORMED;	/* too long, or a NUL in it */
			break;
		}
		line[strcspn(line, "#\r\n")] = '\0';
		key += strspn(key, " \t");
		if (!*key)
			continue;
		v = strchr(key, '=');
		if (!v) {
			err = CR_E_MALFORMED;
			break;
		}
		for (end = v; end > key && isspace((unsigned char)end[-1]); end--)
			;
		*end = '\0';
		for (v++; isspace((unsigned char)*v); v++)
			;
		for (end = v + strlen(v); end > v && isspace((unsigned char)end[-1]); end--)
			;
		*end = '\0';
		if (!set(p, key, v))
			err = CR_E_MALFORMED;
	}
	if (!err && ferror(f))
		err = CR_E_IO;
	fclose(f);
	if (err == CR_E_MALFORMED)
		fprintf(stderr, "%s:%u: not a profile's line\n", path, nr);
	return err;
}

static int read_file(const char *path, uint8_t **data, size_t *len)
{
	struct stat st;
	FILE *f = fopen(path, "re");
	int err = CR_E_IO;

	if (!f)
		return CR_E_IO;
	if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode)) {
		if (st.st_size > SIM_MAX_FILE) {
			err = CR_E_TOO_LONG;
		} else {
			*len = (size_t)st.st_size;
			*data = malloc(*len ? *len : 1);
			if (!*data)
				err = CR_E_NOMEM;
			else if (fread(*data, 1, *len, f) == *len)
				err = 0;
		}
	}
	fclose(f);
	return err;
}

static int read_files(const char *dir, struct sim_profile *p)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int err = 0;

	if (!d)
		return CR_E_IO;
	while (!err && (e = readdir(d))) {
		struct sim_file *f = &p->files[p->n_files];
		char path[4096];
		unsigned int fid;
		int n = 0;

		if (sscanf(e->d_name, "%*1[EMD]F_%4x.bin%n", &fid, &n) != 1 || n != 11 || e->d_name[n])
			continue;
		if (p->n_files == SIM_MAX_FILES) {
			err = CR_E_TOO_LONG;
			break;
		}
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		f->fid = (uint16_t)fid;
		f->under_mf = *e->d_name == 'M';
		f->in_app = *e->d_name == 'D';
		err = read_file(path, &f->data, &f->len);
		if (f->data)
			p->n_files++;
		if (err)
			fprintf(stderr, "%s: cannot be read\n", path);
	}
	closedir(d);
	return err;
}

static int read_key(const char *dir, const char *name, EVP_PKEY **out)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return CR_E_IO;
	*out = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	if (!*out)
		fprintf(stderr, "%s: not a private key\n", path);
	return *out ? 0 : CR_E_MALFORMED;
}

static int read_cvca(const char *dir, struct sim_profile *p)
{
	struct sim_tlv cert;
	uint8_t *data = NULL;
	char path[4096];
	size_t len;
	int err;

	snprintf(path, sizeof(path), "%s/cvca.cv", dir);
	if (access(path, F_OK)) {
		p->ta_1 = p->ta_2 = false;
		return 0;
	}
	p->ta_1 |= !p->ta_2;
	err = read_file(path, &data, &len);
	if (!err && (!sim_ber_get(data, len, &cert) || cert.tag != 0x7f21 || cert.total != len ||
		     !sim_cvc_check(cert.value, cert.len, NULL, &p->cvca))) {
		fprintf(stderr, "%s: not an authority's own certificate\n", path);
		err = CR_E_MALFORMED;
	}
	memcpy(p->today, p->cvca.from, sizeof(p->today));
	free(data);
	return err;
}

static int read_ca_key(const char *dir, const char *name, struct sim_group *group, BIGNUM **secret)
{
	struct sim_element public_key;
	EVP_PKEY *key = NULL;
	int err = read_key(dir, name, &key);

	if (key && !sim_group_of_key(key, group, secret, &public_key)) {
		fprintf(stderr, "%s/%s: not a private key in a group with a name\n", dir, name);
		err = CR_E_MALFORMED;
	}
	EVP_PKEY_free(key);
	return err;
}

static int read_keys(const char *dir, struct sim_profile *p)
{
	bool wanted = p->ca;
	char name[24];
	int err = 0;

	for (unsigned int i = 0; i < p->n_pace; i++)
		wanted |= p->pace_info[i].mapping == SIM_CAM;
	if (wanted)
		err = read_ca_key(dir, "ca.pem", &p->ca_group, &p->ca_key);
	for (unsigned int i = 0; !err && i < p->n_ca_other; i++) {
		snprintf(name, sizeof(name), "ca-%d.pem", p->ca_other[i].id);
		err = read_ca_key(dir, name, &p->ca_other[i].group, &p->ca_other[i].key);
	}
	if (!err && p->aa_digest[0])
		err = read_key(dir, "aa.pem", &p->aa_key);
	if (!err && p->aa_key && !EVP_PKEY_is_a(p->aa_key, "RSA") && !EVP_PKEY_is_a(p->aa_key, "EC")) {
		fprintf(stderr, "%s/aa.pem: neither RSA nor an elliptic curve\n", dir);
		err = CR_E_MALFORMED;
	}
	return err;
}

/*
 * PC/SC part 3, 3.1.3.2.3: 3B 8n 80 01, historical bytes, check byte. The historical bytes: card capabilities
 * (ISO/IEC 7816-4, 12.1.1.9): selection by name, identifier and short identifier; chaining; extended lengths.
 */
static void default_atrs(struct sim_profile *p)
{
	const uint8_t hist[] = { 0x80, 0x73, 0x94, 0x21, p->extended ? 0xc0 : 0x80 };

	if (!p->atr_len) {
		uint8_t *a = p->atr, tck = 0;

		a[0] = 0x3b;
		a[1] = 0x80 | sizeof(hist);
		a[2] = 0x80;
		a[3] = 0x01;
		memcpy(a + 4, hist, sizeof(hist));
		for (size_t i = 1; i < 4 + sizeof(hist); i++)
			tck ^= a[i];
		a[4 + sizeof(hist)] = tck;
		p->atr_len = 5 + sizeof(hist);
	}
	if (!p->atr_t0_len) {	/* no interface bytes: T=0 alone, default rate, no TCK */
		p->atr_t0[0] = 0x3b;
		p->atr_t0[1] = sizeof(hist);
		memcpy(p->atr_t0 + 2, hist, sizeof(hist));
		p->atr_t0_len = 2 + sizeof(hist);
	}
}

int sim_profile_load(const char *name, struct sim_profile *out)
{
	char dir[3500];
	const char *base;
	size_t n;
	int err;

	memset(out, 0, sizeof(*out));
	out->mf = true;
	out->extended = true;
	out->le_beyond = SW_END_OF_FILE;
	out->ca_key_id = -1;
	out->max_le = 65536;
	if (strchr(name, '/')) {
		n = (size_t)snprintf(dir, sizeof(dir), "%s", name);
	} else {
		const char *root = sim_dir();

		if (!root || !*name || *name == '.')
			return CR_E_NOT_FOUND;
		n = (size_t)snprintf(dir, sizeof(dir), "%s/cards/%s", root, name);
	}
	if (n >= sizeof(dir))
		return CR_E_TOO_LONG;
	while (n > 1 && dir[n - 1] == '/')
		dir[--n] = '\0';
	base = strrchr(dir, '/');
	snprintf(out->name, sizeof(out->name), "%.31s", base ? base + 1 : dir);

	err = read_profile(dir, out);
	if (!err && (out->pace != (out->n_pace > 0) || (out->bac && !out->mrz[0]))) {
		fprintf(stderr, "%s/profile: access without what it needs\n", dir);
		err = CR_E_MALFORMED;
	}
	if (!err)
		err = read_files(dir, out);
	if (!err)
		err = read_keys(dir, out);
	if (!err)
		err = read_cvca(dir, out);
	if (!out->extended && out->max_le > 256)
		out->max_le = 256;
	default_atrs(out);
	if (err)
		sim_profile_free(out);
	return err;
}

void sim_profile_free(struct sim_profile *p)
{
	for (unsigned int i = 0; i < p->n_files; i++)
		free(p->files[i].data);
	BN_clear_free(p->ca_key);
	sim_group_close(&p->ca_group);
	for (unsigned int i = 0; i < p->n_ca_other; i++) {
		BN_clear_free(p->ca_other[i].key);
		sim_group_close(&p->ca_other[i].group);
	}
	sim_holder_clear(&p->cvca);
	sim_holder_clear(&p->cvca_before);
	EVP_PKEY_free(p->aa_key);
	memset(p, 0, sizeof(*p));
}

const char *sim_dir(void)
{
	static __thread char dir[3072];	/* cards are loaded by several threads */
	const char *env = getenv("CARDRING_SIM_DIR");
	char exe[3000], *slash;
	ssize_t n;

	if (env && *env)
		return access(env, R_OK | X_OK) ? NULL : env;
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	/* build/cardring; build/tests/x; build/tests/vm/x; PREFIX/bin/cardring */
	static const char *const places[] = { "%s/sim", "%s/../sim", "%s/../../sim", "%s/../share/cardring/sim" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char cards[3200];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(dir, sizeof(dir), places[i], exe);
#pragma GCC diagnostic pop
		snprintf(cards, sizeof(cards), "%s/cards", dir);
		if (!access(cards, R_OK | X_OK))
			return dir;
	}
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sim_sample *)a)->name, ((const struct sim_sample *)b)->name);
}

int sim_list(struct sim_sample **out)
{
	const char *root = sim_dir();
	struct sim_sample *list = NULL;
	char path[4096];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	*out = NULL;
	if (!root)
		return CR_E_NOT_FOUND;
	snprintf(path, sizeof(path), "%s/cards", root);
	d = opendir(path);
	if (!d)
		return CR_E_NOT_FOUND;
	while (n < 4096 && (e = readdir(d))) {
		struct sim_profile p = { 0 };
		struct sim_sample *more;

		if (e->d_name[0] == '.' || strlen(e->d_name) >= sizeof(list->name))
			continue;
		snprintf(path, sizeof(path), "%s/cards/%s", root, e->d_name);
		if (read_profile(path, &p))
			continue;
		more = realloc(list, (n + 1) * sizeof(*list));
		if (!more) {
			free(list);
			closedir(d);
			return CR_E_NOMEM;
		}
		list = more;
		memset(&list[n], 0, sizeof(*list));
		snprintf(list[n].name, sizeof(list[n].name), "%.31s", e->d_name);
		memcpy(list[n].text, p.text, sizeof(p.text));
		memcpy(list[n].can, p.can, sizeof(p.can));
		memcpy(list[n].mrz, p.mrz, sizeof(p.mrz));
		n++;
	}
	closedir(d);
	if (n)
		qsort(list, n, sizeof(*list), by_name);
	*out = list;
	return (int)n;
}
