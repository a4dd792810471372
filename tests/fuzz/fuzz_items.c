// SPDX-License-Identifier: BSD-2-Clause
/* Each file's parser on the same bytes; what it hands out lies in them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "eid/items.h"
#include "eid/lds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t fids[] = {
		CR_FID_DG(2), CR_FID_DG(3), CR_FID_DG(4), CR_FID_DG(5), CR_FID_DG(7), CR_FID_DG(11), CR_FID_DG(12),
		CR_FID_DG(14), CR_FID_DG(15), CR_FID_DG(16), CR_FID_DIR, CR_FID_INFO,
	};

	for (size_t k = 0; k < sizeof(fids) / sizeof(fids[0]); k++) {
		struct cr_items items = { 0 };

		if (cr_items_of_file(fids[k], data, size, &items) && items.n)
			__builtin_trap();
		for (size_t i = 0; i < items.n; i++) {
			const struct cr_item *it = &items.item[i];

			if (!it->text && (it->data < data || it->len > size || it->data + it->len > data + size))
				__builtin_trap();
		}
		cr_items_clear(&items);
	}
	return 0;
}
