// SPDX-License-Identifier: BSD-2-Clause
/* Every data group parser on the same bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "eid/lds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cr_document doc = { 0 };
	struct cr_holder holder = { 0 };
	const uint8_t *image;
	const char *type;
	uint32_t dgs;
	size_t len;

	cr_lds_com(data, size, &dgs);
	cr_lds_dg13(data, size, &doc, &holder);
	cr_lds_dg1(data, size, 1790000000, &doc, &holder);
	if (!cr_lds_dg2(data, size, &image, &len, &type) && (image < data || image + len > data + size))
		__builtin_trap();
	cr_lds_document_clear(&doc);
	cr_lds_holder_clear(&holder);
	return 0;
}
