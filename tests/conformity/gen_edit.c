/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file of the card, edited: an object in it is taken out, put anew, or another tag; the lengths around it follow, and
 * what is signed is signed so.
 *
 *	FILE/TAG/TAG...		the object, from the outermost one on: DG3/63/7F61/7F60.2/5F2E
 *
 * TAG.N is the Nth of them, TAG{HEX} the first that has these bytes in its value. FILE is DG1 ... DG16, COM, SOD,
 * CardAccess, CVCA, INFO, or CardSecurity, which stands for the SecurityInfos that are signed in it. Parts of EF.SOD
 * that are signed have names too (gen_sod.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include "conformity.h"

enum what { CUT, PUT, RETAG, ADD, PATCH, SWAP };

struct edit {
	enum what what;
	struct sim_buf value;	/* of PUT, ADD, SWAP (whole objects) and PATCH */
	uint32_t tag;		/* of RETAG */
	size_t at;		/* of PATCH: where in the value */
};

struct step {
	uint32_t tag;
	unsigned int nth;	/* 1: the first */
	struct sim_buf has;
};

/* Up to what is no hex digit. */
static const char *take_hex(const char *s, struct sim_buf *out)
{
	unsigned int v;

	while (sscanf(s, "%2x", &v) == 1) {
		sim_buf_byte(out, (uint8_t)v);
		s += 2;
	}
	return s;
}

/* "7F60.2", "30{0400}", behind the slash; the rest of the path. */
static const char *take_step(const char *s, struct step *out)
{
	char *end;

	*out = (struct step){ .tag = (uint32_t)strtoul(s, &end, 16), .nth = 1 };
	s = end;
	if (*s == '.') {
		out->nth = (unsigned int)strtoul(s + 1, &end, 10);
		s = end;
	} else if (*s == '{') {
		s = take_hex(s + 1, &out->has);
		s += *s == '}';
	}
	return s;
}

static void change(const struct sim_tlv *t, const struct edit *e, struct sim_buf *out)
{
	struct sim_buf v = { 0 };

	switch (e->what) {
	case CUT:
		return;
	case PUT:
		sim_ber_put(out, t->tag, e->value.p, e->value.len);
		return;
	case SWAP:
		sim_buf_put(out, e->value.p, e->value.len);
		return;
	case RETAG:
		sim_ber_put(out, e->tag, t->value, t->len);
		return;
	case ADD:
		sim_buf_put(&v, t->value, t->len);
		sim_buf_put(&v, e->value.p, e->value.len);
		break;
	case PATCH:
		sim_buf_put(&v, t->value, t->len);
		if (e->at + e->value.len > v.len)
			v.failed = true;
		else
			memcpy(v.p + e->at, e->value.p, e->value.len);
		break;
	}
	sim_ber_wrap(out, t->tag, &v);
}

/* The objects in p, of which the path's is changed, into out. False: there is no such object. */
static bool edit(const uint8_t *p, size_t n, const char *path, const struct edit *e, struct sim_buf *out)
{
	struct sim_buf in = { 0 };
	bool done = false;
	struct sim_tlv t;
	struct step s;

	path = take_step(path, &s);
	for (; n && sim_ber_get(p, n, &t); p += t.total, n -= t.total) {
		if (done || t.tag != s.tag || (s.has.len && !memmem(t.value, t.len, s.has.p, s.has.len)) || --s.nth) {
			sim_buf_put(out, p, t.total);
			continue;
		}
		done = true;
		if (*path != '/') {
			change(&t, e, out);
			continue;
		}
		done = edit(t.value, t.len, path + 1, e, &in);
		sim_ber_wrap(out, t.tag, &in);
	}
	sim_buf_free(&s.has);
	for (; n && !*p; n--)			/* a file that is larger than what is in it */
		sim_buf_byte(out, *p++);
	return done && !n && !out->failed;
}

bool conf_object(const struct sim_buf *file, const char *path, struct sim_tlv *out)
{
	const uint8_t *p = file->p;
	size_t n = file->len;
	struct step s;

	for (;;) {
		path = take_step(path, &s);
		for (; n && sim_ber_get(p, n, out); p += out->total, n -= out->total)
			if (out->tag == s.tag &&
			    (!s.has.len || memmem(out->value, out->len, s.has.p, s.has.len)) && !--s.nth)
				break;
		sim_buf_free(&s.has);
		if (s.nth)
			return false;
		if (*path != '/')
			return true;
		path++;
		p = out->value;
		n = out->len;
	}
}

static bool is_group(const char *arg)
{
	return !strncmp(arg, "DG", 2);
}

/* The file that arg begins with, and what is behind its name; NULL: none. */
static struct sim_buf *file_of(struct conf_card *c, const char *arg, const char **path)
{
	struct sim_draft *d = c->draft;
	const struct { const char *name; struct sim_buf *file; } names[] = {
		{ "COM", &d->com }, { "SOD", &d->sod }, { "CardAccess", &d->card_access }, { "CVCA", &d->cvca },
		{ "INFO", &d->info },
	};
	unsigned int n;
	int skip = 0;

	if (sscanf(arg, "DG%2u%n", &n, &skip) == 1 && n >= 1 && n <= 16) {
		*path = arg + skip;
		return &d->dg[n];
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strncmp(arg, names[i].name, strlen(names[i].name)))
			continue;
		*path = arg + strlen(names[i].name);
		return names[i].file;
	}
	return NULL;
}

static int replace(struct sim_buf *file, const char *arg, const char *path, const struct edit *e)
{
	struct sim_buf out = { 0 };

	if (*path != '/' || !edit(file->p, file->len, path + 1, e, &out)) {
		fprintf(stderr, "no such object: %s\n", arg);
		sim_buf_free(&out);
		return CR_E_NOT_FOUND;
	}
	sim_buf_free(file);
	*file = out;
	return 0;
}

int conf_object_put(struct sim_buf *file, const char *path, const void *value, size_t len)
{
	struct edit e = { .what = PUT };
	char with_slash[200];
	int err;

	snprintf(with_slash, sizeof(with_slash), "/%s", path);
	sim_buf_put(&e.value, value, len);
	err = replace(file, path, with_slash, &e);
	sim_buf_free(&e.value);
	return err;
}

int conf_object_swap(struct sim_buf *file, const char *path, const struct sim_buf *object)
{
	char with_slash[200];

	snprintf(with_slash, sizeof(with_slash), "/%s", path);
	return replace(file, path, with_slash, &(struct edit){ .what = SWAP, .value = *object });
}

/* The SecurityInfos as the recipe has them, edited once and again, and signed. */
static int replace_signed(struct conf_card *c, const char *arg, const struct edit *e)
{
	static struct sim_buf infos;
	struct sim_security s;
	int err = 0;

	if (!infos.len) {
		sim_security_of(&c->recipe, c->draft->ca, &s);
		err = sim_write_security_infos(&s, &infos);
	}
	if (!err)
		err = replace(&infos, arg, strchr(arg, '/'), e);
	sim_buf_free(&c->draft->card_security);
	return err ? err : sim_card_security(&c->issuer, &infos, &c->draft->card_security);
}

static int perform(struct conf_card *c, const char *arg, const struct edit *e)
{
	static const char security[] = "CardSecurity/";
	const char *path = "", *rest, *part;
	struct sim_buf *file;
	char inner[300];
	int err;

	if (!strncmp(arg, security, strlen(security)))
		return replace_signed(c, arg, e);
	part = conf_sod_part(arg, &rest);
	if (part) {
		snprintf(inner, sizeof(inner), "/%s/%s", part, rest);
		err = replace(&c->draft->sod, arg, inner, e);
		return err ? err : conf_sod_sign(c, arg);
	}
	file = file_of(c, arg, &path);
	return file ? replace(file, arg, path, e) : CR_E_NOT_FOUND;
}

/* What is behind "=". */
static const char *after_equals(const char *arg)
{
	const char *s = strchr(arg, '=');

	return s ? s + 1 : arg + strlen(arg);
}

static int with_value(struct conf_card *c, const char *arg, enum what what)
{
	struct edit e = { .what = what };
	const char *at = strchr(arg, '@');
	int err;

	if (at)
		e.at = strtoul(at + 1, NULL, 10);
	take_hex(after_equals(arg), &e.value);
	err = perform(c, arg, &e);
	sim_buf_free(&e.value);
	return err;
}

static int cut(struct conf_card *c, const char *arg)
{
	return perform(c, arg, &(struct edit){ .what = CUT });
}

static int put(struct conf_card *c, const char *arg)
{
	return with_value(c, arg, PUT);
}

static int retag(struct conf_card *c, const char *arg)
{
	return perform(c, arg, &(struct edit){ .what = RETAG, .tag = (uint32_t)strtoul(after_equals(arg), NULL, 16) });
}

static int add(struct conf_card *c, const char *arg)
{
	return with_value(c, arg, ADD);
}

static int patch(struct conf_card *c, const char *arg)
{
	return with_value(c, arg, PATCH);
}

/* FILE+N, FILE-N: the outermost length, in as many bytes as it has. */
static int length(struct conf_card *c, const char *arg)
{
	const char *path = "";
	struct sim_buf *b = file_of(c, arg, &path);
	size_t at = 1, bytes = 0;
	long long len = 0;

	if (!b || b->len < 2)
		return CR_E_NOT_FOUND;
	if (b->p[at] & 0x80)
		bytes = b->p[at++] & 0x7f;
	if (at + bytes > b->len || bytes > 4)
		return CR_E_MALFORMED;
	if (!bytes)
		len = b->p[at];
	for (size_t i = 0; i < bytes; i++)
		len = len << 8 | b->p[at + i];
	len += strtol(path, NULL, 10);
	if (len < 0 || len >> (bytes ? 8 * bytes : 7))
		return CR_E_TOO_LONG;
	if (!bytes)
		b->p[at] = (uint8_t)len;
	for (size_t i = bytes; i; i--, len >>= 8)
		b->p[at + i - 1] = (uint8_t)len;
	return 0;
}

/* Groups before they are signed, the other files when they are all there. */
#define STAGES(name, text) \
	static int name##_group(struct conf_card *c, const char *arg) { return is_group(arg) ? name(c, arg) : 0; } \
	static int name##_file(struct conf_card *c, const char *arg) { return is_group(arg) ? 0 : name(c, arg); } \
	CONF_GENERATOR(name, text, .groups = name##_group, .files = name##_file)

STAGES(cut, "FILE/TAG/...: this object is missing");
STAGES(put, "FILE/TAG/...=HEX: this object's value");
STAGES(retag, "FILE/TAG/...=TAG: this object has another tag");
STAGES(add, "FILE/TAG/...=HEX: one more object, the last in that one");
STAGES(patch, "FILE/TAG/...@N=HEX: bytes of this object's value, from its Nth (0) on");
STAGES(length, "FILE+N, FILE-N: the outermost length is wrong by N");

static int file(struct conf_card *c, const char *arg)
{
	const char *path;
	struct sim_buf *b = file_of(c, arg, &path);

	if (!b || *path != '=')
		return CR_E_NOT_FOUND;
	sim_buf_free(b);
	path = take_hex(path + 1, b);
	return *path ? CR_E_MALFORMED : 0;
}
STAGES(file, "FILE=HEX: all of the file");
