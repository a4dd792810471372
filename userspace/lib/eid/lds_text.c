/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text inside of data groups: checked before anybody shows it, folded before anybody compares it.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include "lds_text.h"

/* One character, RFC 3629, 4. Bytes taken, or 0 where it is not well-formed. */
static size_t next_char(const uint8_t *p, size_t n, uint32_t *c)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;

	*c = 0;
	if (p[0] < 0x80) {
		*c = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		len = 2;
		*c = p[0] & 0x1f;
	} else if ((p[0] & 0xf0) == 0xe0) {
		len = 3;
		*c = p[0] & 0x0f;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		len = 4;
		*c = p[0] & 0x07;
	} else {
		return 0;
	}
	if (len > n)
		return 0;
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	if (*c < least[len] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return 0;
	return len;
}

/* Controls, and the characters that turn the direction of what follows: none is part of a name. */
static bool is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

int cr_text_new(const uint8_t *p, size_t len, char **out)
{
	size_t i = 0, n = 0, used;
	uint32_t c;
	char *s;

	*out = NULL;
	s = malloc(len + 1);
	if (!s)
		return CR_E_NOMEM;
	while (i < len) {
		used = next_char(p + i, len - i, &c);
		if (c == '\t' || c == '\n' || c == '\r')
			c = ' ';
		if (!used || is_harmful(c)) {
			explicit_bzero(s, n);
			free(s);
			return CR_E_MALFORMED;
		}
		if (c == ' ') {
			if (n)
				s[n++] = ' ';
		} else {
			memcpy(s + n, p + i, used);
			n += used;
		}
		i += used;
	}
	while (n && s[n - 1] == ' ')
		n--;
	s[n] = '\0';
	*out = s;
	return CR_OK;
}

/*
 * U+1EA0 to U+1EF9, the Vietnamese part of Latin Extended Additional, is in the order of base
 * letters.
 */
static char base_vietnamese(uint32_t c)
{
	if (c <= 0x1eb7)
		return 'a';
	if (c <= 0x1ec7)
		return 'e';
	if (c <= 0x1ecb)
		return 'i';
	if (c <= 0x1ee3)
		return 'o';
	return c <= 0x1ef1 ? 'u' : 'y';
}

/* 0: a combining mark, which falls away. */
static char base_letter(uint32_t c)
{
	/* U+00C0 to U+00DF; U+00E0 to U+00FF are their small letters in the same order. */
	static const char latin1[] = "aaaaaaaceeeeiiiidnooooo?ouuuuy??";

	if (c < 0x80)
		return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	if (c >= 0xc0 && c <= 0xff)
		return c == 0xff ? 'y' : latin1[(c - 0xc0) % 32];
	if (c >= 0x300 && c <= 0x36f)
		return '\0';
	if (c >= 0x1ea0 && c <= 0x1ef9)
		return base_vietnamese(c);
	switch (c) {
	case 0x102: case 0x103:
		return 'a';
	case 0x110: case 0x111:
		return 'd';
	case 0x128: case 0x129:
		return 'i';
	case 0x168: case 0x169: case 0x1af: case 0x1b0:
		return 'u';
	case 0x1a0: case 0x1a1:
		return 'o';
	default:
		return '?';
	}
}

void cr_text_fold(const char *text, char *out, size_t size)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t left = strlen(text), n = 0, used;
	uint32_t c;
	char b;

	while (left && n + 1 < size) {
		used = next_char(p, left, &c);
		if (!used)
			break;
		b = base_letter(c);
		if (b)
			out[n++] = b;
		p += used;
		left -= used;
	}
	out[n] = '\0';
}

void cr_text_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void cr_text_set(char **to, char *text)
{
	cr_text_free(*to);
	*to = text;
	if (text && !*text) {
		free(text);
		*to = NULL;
	}
}
