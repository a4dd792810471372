// SPDX-License-Identifier: BSD-2-Clause
/* LDIF: each value lies in what was read, and there is an end. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "trust/ldif.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cr_ldif_value v;
	struct cr_ldif l;
	size_t n = 0, i;
	unsigned int sum = 0;

	cr_ldif_is(data, size);
	cr_ldif_begin(&l, data, size);
	while (cr_ldif_next(&l, &v) == 1) {
		if (++n > size || v.len > size || strlen(v.name) >= sizeof(v.name))
			__builtin_trap();
		for (i = 0; v.data && i < v.len; i++)
			sum += v.data[i];
	}
	cr_ldif_end(&l);
	return sum == 1 && n == size;	/* never: but sum is used */
}
