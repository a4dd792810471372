// SPDX-License-Identifier: BSD-2-Clause
/* A device's descriptors: whatever is believed of them is within its bounds. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <uapi/cardring.h>
#include "ccid/descriptor.h"
#include "ccid/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cr_ccid_interface itf;
	struct cr_ccid_header h;

	for (int number = -1; number < 3; number++) {
		if (cr_ccid_interface_find(data, size, 1, number, &itf))
			continue;
		if (!itf.desc.slots || itf.desc.slots > CARDRING_MAX_SLOTS || !itf.desc.busy_slots ||
		    itf.desc.busy_slots > itf.desc.slots || itf.desc.max_message < CR_CCID_MESSAGE_MIN ||
		    itf.desc.max_message > CR_CCID_MESSAGE_MAX || !itf.in_packet || !(itf.in & 0x80) || itf.out & 0x80)
			abort();
	}
	cr_ccid_token(data, size, 1);
	if (size < CR_CCID_HDR)
		return 0;
	cr_ccid_get_header(data, &h);
	/* what is called whole is as long as its header says, and no longer than is taken */
	if (cr_ccid_extent(size, size, h.len, 64, 4096) == CR_CCID_WHOLE && (size != CR_CCID_HDR + (size_t)h.len || size > 4096))
		abort();
	return 0;
}
