// SPDX-License-Identifier: BSD-2-Clause
/* A file of the trust folder. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "trust/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cr_trust_t *t;
	int r;

	if (cr_trust_new(&t))
		__builtin_trap();
	r = cr_trust_add_bytes(t, data, size);
	if (r >= 0 && (size_t)r != cr_trust_count(t))
		__builtin_trap();
	cr_trust_free(t);
	return 0;
}
