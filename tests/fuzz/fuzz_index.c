// SPDX-License-Identifier: BSD-2-Clause
/* The index of a trust store: what is taken comes out as it went in, and names no file outside of the folder. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "trust/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cr_index one, two;
	unsigned int line;
	char *text;
	size_t len, i;

	if (cr_index_parse((const char *)data, size, &one, &line))
		return 0;
	for (i = 0; i < one.n; i++) {
		if (strchr(one.e[i].file, '/') || one.e[i].file[0] == '.' || !cr_index_find(&one, one.e[i].file))
			__builtin_trap();
	}
	if (cr_index_format(&one, &text, &len) || cr_index_parse(text, len, &two, &line) || one.n != two.n)
		__builtin_trap();
	for (i = 0; i < one.n; i++) {
		if (strcmp(one.e[i].file, two.e[i].file) || strcmp(one.e[i].sha256, two.e[i].sha256) ||
		    strcmp(one.e[i].source, two.e[i].source))
			__builtin_trap();
	}
	free(text);
	cr_index_clear(&one);
	cr_index_clear(&two);
	return 0;
}
