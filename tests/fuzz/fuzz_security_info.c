// SPDX-License-Identifier: BSD-2-Clause
/* EF.CardAccess and DG14, the one compared with the other, and chip authentication begun with what they say. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "eid/ca.h"
#include "eid/security_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const uint8_t *set, size_t len)
{
	struct cr_security_infos si;
	const struct cr_ca_key *key;
	struct cr_ca_info info;
	struct cr_capdu cmd;
	struct cr_ca *ca;
	bool ambiguous;

	if (cr_security_infos_parse(set, len, &si))
		return;
	cr_security_infos_pace(&si, &ambiguous);
	if (cr_security_infos_ca(&si, &info, &key) || cr_ca_new(&info, key, NULL, &ca))
		return;
	if (cr_ca_step(ca, NULL, 0, 0, &cmd) != 1 || !cmd.lc)
		__builtin_trap();
	cr_ca_free(ca);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *set;
	size_t len, half = size / 2;

	use(data, size);
	if (!cr_security_infos_dg14(data, size, &set, &len))
		use(set, len);
	cr_security_infos_agree(data, half, data + half, size - half);
	cr_security_infos_agree(data, size, data, size);
	return 0;
}
