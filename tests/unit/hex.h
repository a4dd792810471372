/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes of worked examples, written as the standards print them. After <cmocka.h>. */
#ifndef TEST_HEX_H
#define TEST_HEX_H

#include <stdio.h>

/* Blanks are passed over. Returns the bytes written. */
static inline size_t hex(uint8_t *out, const char *s)
{
	size_t n = 0;
	unsigned int b;

	for (; *s; s += 2) {
		while (*s == ' ')
			s++;
		if (!*s)
			break;
		if (!s[1] || sscanf(s, "%2x", &b) != 1)
			fail_msg("not hexadecimal: %s", s);
		out[n++] = (uint8_t)b;
	}
	return n;
}

static inline void assert_hex(const uint8_t *got, size_t len, const char *want)
{
	uint8_t w[512];

	assert_int_equal(hex(w, want), len);
	assert_memory_equal(got, w, len);
}

#endif
