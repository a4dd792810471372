// SPDX-License-Identifier: BSD-2-Clause
/* Card verifiable certificates side by side, their chain, and EF.CVCA. */
#include <stddef.h>
#include <stdint.h>
#include "eid/cvc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cr_cvc_name names[2];
	struct cr_cvc certs[16];
	size_t n = 0, at = 0, total, chain[CR_CVC_CHAIN_MAX], len;

	while (n < 16 && at < size && !cr_cvc_parse(data + at, size - at, &certs[n], &total)) {
		if (!total || total > size - at || certs[n].key < data + at || !certs[n].key_len ||
		    certs[n].key + certs[n].key_len > data + at + total ||
		    certs[n].signature + certs[n].signature_len != data + at + total)
			__builtin_trap();
		at += total;
		n++;
	}
	for (size_t i = 0; i < n; i++) {
		len = cr_cvc_chain(certs, n, i, &certs[0].authority, 1, chain);
		if (len > CR_CVC_CHAIN_MAX || (len && chain[len - 1] != i))
			__builtin_trap();
	}
	cr_cvca_parse(data, size, names);
	return 0;
}
