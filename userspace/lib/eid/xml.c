/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include "xml.h"

static void add(struct cr_xml *x, const char *s, size_t n)
{
	size_t size = x->size ? x->size : 4096;
	char *text;

	while (size - x->len <= n && size < SIZE_MAX / 2)
		size *= 2;
	if (!x->failed && size != x->size) {
		text = size - x->len > n ? realloc(x->text, size) : NULL;
		x->failed = !text;
		if (text) {
			x->text = text;
			x->size = size;
		}
	}
	if (x->failed)
		return;
	memcpy(x->text + x->len, s, n);
	x->len += n;
	x->text[x->len] = '\0';
}

static void add_string(struct cr_xml *x, const char *s)
{
	add(x, s, strlen(s));
}

/* RFC 3629: the bytes of the character at s, and what it is; 0: it is none, or cut off. */
static size_t utf8(const unsigned char *s, uint32_t *c)
{
	size_t n = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	if (!n)
		return 0;
	*c = n == 1 ? s[0] : s[0] & (0xffU >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)	/* also where the text ends */
			return 0;
		*c = *c << 6 | (s[i] & 0x3f);
	}
	return *c < least[n] || (*c >= 0xd800 && *c <= 0xdfff) || *c > 0x10ffff ? 0 : n;
}

/* XML 1.0, 2.2; and the C1 controls, which it discourages and no name has. */
static bool is_char(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c < 0xfffe) || c >= 0x10000;
}

static void add_text(struct cr_xml *x, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c = 0;
	size_t n;

	for (; *p; p += n ? n : 1) {
		n = utf8(p, &c);
		if (!n || !is_char(c))
			add_string(x, "\xef\xbf\xbd");
		else if (c == '<')
			add_string(x, "&lt;");
		else if (c == '>')
			add_string(x, "&gt;");
		else if (c == '&')
			add_string(x, "&amp;");
		else if (c == '"')
			add_string(x, "&quot;");
		else if (c == '\t' || c == '\n' || c == '\r')	/* or a parser would make them spaces, or line ends */
			add_string(x, c == '\t' ? "&#9;" : c == '\n' ? "&#10;" : "&#13;");
		else
			add(x, (const char *)p, n);
	}
}

static void indent(struct cr_xml *x)
{
	for (unsigned int i = 0; i < x->depth; i++)
		add_string(x, "  ");
}

void cr_xml_begin(struct cr_xml *x, const char *name, const char *const *attributes)
{
	if (!x->len)
		add_string(x, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	indent(x);
	add_string(x, "<");
	add_string(x, name);
	for (; attributes && attributes[0]; attributes += 2) {
		if (!attributes[1])
			continue;
		add_string(x, " ");
		add_string(x, attributes[0]);
		add_string(x, "=\"");
		add_text(x, attributes[1]);
		add_string(x, "\"");
	}
	add_string(x, ">\n");
	x->depth++;
}

void cr_xml_end(struct cr_xml *x, const char *name)
{
	x->depth--;
	indent(x);
	add_string(x, "</");
	add_string(x, name);
	add_string(x, ">\n");
}

void cr_xml_element(struct cr_xml *x, const char *name, const char *value)
{
	if (!value)
		return;
	indent(x);
	add_string(x, "<");
	add_string(x, name);
	add_string(x, ">");
	add_text(x, value);
	add_string(x, "</");
	add_string(x, name);
	add_string(x, ">\n");
}
