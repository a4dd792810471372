// SPDX-License-Identifier: BSD-2-Clause
/* DG15 with an answer behind it: no signature over our number is found by chance. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "eid/aa.h"
#include "iso7816/tlv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cr_tlv dg;
	struct cr_aa *aa;
	bool other;

	if (cr_tlv_parse(data, size, &dg) || cr_aa_new(data, dg.total, NULL, &aa))
		return 0;
	cr_aa_verify(aa, data + dg.total, size - dg.total, "SHA256", &other);
	cr_aa_free(aa);
	return 0;
}
