/* SPDX-License-Identifier: BSD-2-Clause */
/* LDIF, RFC 2849. No I/O. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cardring/error.h>
#include "ldif.h"

bool cr_ldif_is(const uint8_t *data, size_t len)
{
	struct cr_ldif l;
	struct cr_ldif_value v;
	bool is = false;

	/* "version: 1" may come first */
	cr_ldif_begin(&l, data, len);
	while (cr_ldif_next(&l, &v) == 1) {
		is = v.begins;
		if (is || strcasecmp(v.name, "version"))
			break;
	}
	cr_ldif_end(&l);
	return is;
}

void cr_ldif_begin(struct cr_ldif *l, const uint8_t *data, size_t len)
{
	memset(l, 0, sizeof(*l));
	l->p = (const char *)data;
	l->next = 1;
	l->end = l->p + len;
}

void cr_ldif_end(struct cr_ldif *l)
{
	free(l->buf);
	memset(l, 0, sizeof(*l));
}

/* The physical line at p: its end, without CR and LF; *next is behind them. */
static const char *line_end(const char *p, const char *end, const char **next)
{
	const char *e = memchr(p, '\n', (size_t)(end - p));

	*next = e ? e + 1 : end;
	if (!e)
		e = end;
	return e > p && e[-1] == '\r' ? e - 1 : e;
}

/* The next line with its continuations joined, in l->buf. 1, 0 at the end, CR_E_NOMEM. */
static int unfold(struct cr_ldif *l, size_t *len)
{
	const char *p = l->p, *next, *e;
	size_t n = 0;

	if (p == l->end)
		return 0;
	l->line = l->next;
	do {
		e = line_end(p, l->end, &next);
		n += (size_t)(e - p);
		p = next;
	} while (p < l->end && *p == ' ');
	if (n > l->size) {
		free(l->buf);
		l->size = 0;
		l->buf = malloc(n);
		if (!l->buf)
			return CR_E_NOMEM;
		l->size = n;
	}
	*len = 0;
	do {
		e = line_end(l->p, l->end, &next);
		if (l->next > l->line)
			l->p++;			/* the space that says: continued */
		if (e > l->p)
			memcpy(l->buf + *len, l->p, (size_t)(e - l->p));
		*len += (size_t)(e - l->p);
		l->p = next;
		l->next++;
	} while (l->p < l->end && *l->p == ' ');
	return 1;
}

static int digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* In place: what it decodes to is shorter. False: it is not base64 (RFC 4648, 4). */
static bool base64(uint8_t *p, size_t n, size_t *len)
{
	uint32_t bits = 0;
	size_t i, out = 0, pad = 0;
	int d;

	while (n && p[n - 1] == ' ')
		n--;
	while (pad < 2 && pad < n && p[n - 1 - pad] == '=')
		pad++;
	if (n % 4)
		return false;
	for (i = 0; i < n - pad; i++) {
		d = digit(p[i]);
		if (d < 0)
			return false;
		bits = bits << 6 | (uint32_t)d;
		if (i % 4)
			p[out++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	*len = out;
	return true;
}

int cr_ldif_next(struct cr_ldif *l, struct cr_ldif_value *v)
{
	size_t len, n, at;
	int r;

	memset(v, 0, sizeof(*v));
	do {
		r = unfold(l, &len);
		if (r <= 0)
			return r;
	} while (!len || l->buf[0] == '#' || (len == 1 && l->buf[0] == '-'));
	for (n = 0; n < len && l->buf[n] != ':'; n++) {
		if (l->buf[n] <= ' ' || l->buf[n] >= 0x7f)
			return CR_E_MALFORMED;
	}
	if (n == len || !n)
		return CR_E_MALFORMED;
	for (at = 0; at < n && at < sizeof(v->name) - 1 && l->buf[at] != ';'; at++)
		v->name[at] = (char)l->buf[at];
	v->begins = !strcasecmp(v->name, "dn");
	at = n + 1;
	r = at < len ? l->buf[at] : 0;
	if (r == ':' || r == '<')
		at++;
	while (at < len && l->buf[at] == ' ')
		at++;
	v->len = len - at;
	if (r == ':')
		v->data = base64(l->buf + at, len - at, &v->len) ? l->buf + at : NULL;
	else if (r != '<')
		v->data = l->buf + at;
	return 1;
}
