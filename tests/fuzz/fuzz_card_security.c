// SPDX-License-Identifier: BSD-2-Clause
/* EF.CardSecurity: what it says, used, and its signature. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "eid/chip.h"
#include "trust/card_security.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cr_cam cam = { .data = { 1 }, .data_len = 1, .mapping_key = { 4 }, .mapping_key_len = 65 };
	struct cr_inspection insp = { 0 };
	struct cr_security_infos infos;
	uint8_t *set;
	size_t len;
	char why[160];
	bool tied;

	if (!cr_domain_by_id(13, &cam.domain))
		__builtin_trap();
	if (!cr_card_security_infos(data, size, &set, &len) &&
	    !cr_security_infos_parse(set, len, &infos) && cr_chip_mapped(&cam, &infos, &infos, &tied) == CR_MAPPED_FITS)
		__builtin_trap();	/* a point that is none proves nothing */
	free(set);
	cr_card_security_verify(&insp, data, size, NULL, 1790000000, size && data[0] & 1, size && data[0] & 2, why);
	free(insp.checks);
	return 0;
}
