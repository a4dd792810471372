// SPDX-License-Identifier: BSD-2-Clause
/* EF.SOD; nothing is trusted, so nothing may be successful. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "eid/checks.h"
#include "eid/lds.h"
#include "trust/passive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t dg1[] = { 0x61, 0x00 };
	struct cr_file files[] = {
		{ .fid = CR_FID_SOD, .data = (uint8_t *)data, .len = size },
		{ .fid = CR_FID_DG(1), .data = dg1, .len = sizeof(dg1) },
	};
	struct cr_inspection insp = { .files = files, .n_files = 2 };

	if (cr_passive_authenticate(&insp, NULL, 1790000000) || insp.passive.status == CR_SUCCESSFUL)
		__builtin_trap();
	free(insp.checks);
	free(insp.listed);
	free(insp.passive.issuer);
	free(insp.passive.signer);
	free(insp.passive.digest);
	return 0;
}
