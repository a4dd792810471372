// SPDX-License-Identifier: BSD-2-Clause
/* Text for a terminal: widths as it shows them, and nothing in it that it would obey. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>
#include "cli.h"

/* One character of UTF-8 (RFC 3629): its bytes; 0: not UTF-8. *cp: the code point. */
static size_t decode(const unsigned char *s, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;

	if (n < 2) {
		*cp = s[0];
		return n;
	}
	*cp = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (s[i] & 0x3f);
	}
	if (*cp < least[n] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp < 0xe000))
		return 0;
	return n;
}

/* Controls; and what turns the order of the text around, by which a name can be made to look like another. */
static bool obeyed(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c || cp == 0x200e || cp == 0x200f ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

char *cli_clean(const char *s)
{
	char *out = malloc(8 * strlen(s) + 1), *p = out;
	uint32_t cp;
	size_t n;

	if (!out)
		return NULL;
	while (*s) {
		n = decode((const unsigned char *)s, &cp);
		if (!n) {
			p += sprintf(p, "\\x%02X", (unsigned char)*s++);
			continue;
		}
		if (obeyed(cp)) {
			p += sprintf(p, "\\u%04X", (unsigned int)cp);
		} else {
			memcpy(p, s, n);
			p += n;
		}
		s += n;
	}
	*p = '\0';
	return out;
}

size_t cli_width(const char *s)
{
	size_t n, w = 0;
	uint32_t cp;
	int cols;

	while (*s) {
		n = decode((const unsigned char *)s, &cp);
		cols = n ? wcwidth((wchar_t)cp) : 1;
		w += cols > 0 ? (size_t)cols : 0;
		s += n ? n : 1;
	}
	return w;
}

size_t cli_columns(void)
{
	struct winsize ws;

	if (!isatty(STDOUT_FILENO))
		return 0;
	return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) && ws.ws_col >= 40 ? ws.ws_col : 80;
}

/* https://no-color.org */
bool cli_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb");
}

static void pad(size_t n)
{
	printf("%*s", (int)n, "");
}

void cli_row(const char *label, const char *value, size_t column)
{
	char *l = cli_clean(label), *v = cli_clean(value), *word, *save = NULL;
	size_t most = cli_columns(), at, w;

	if (!l || !v)
		goto out;
	w = cli_width(l) + 2;
	printf("  %s", l);
	if (*l && w + 1 > column) {
		printf("\n");
		w = 0;
	}
	pad(column - w);
	at = column;
	for (word = strtok_r(v, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		w = cli_width(word);
		if (at > column && most && at + 1 + w > most) {
			printf("\n");
			pad(column);
			at = column;
		} else if (at > column) {
			printf(" ");
			at++;
		}
		printf("%s", word);
		at += w;
	}
	printf("\n");
out:
	free(l);
	free(v);
}
