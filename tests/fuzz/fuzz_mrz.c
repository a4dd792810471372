// SPDX-License-Identifier: BSD-2-Clause
/* The machine readable zone: what parses has a document number. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "eid/mrz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cr_mrz mrz;
	const char *why;

	if (!cr_mrz_parse((const char *)data, size, &mrz, &why) && !*mrz.document_number)
		__builtin_trap();
	return 0;
}
