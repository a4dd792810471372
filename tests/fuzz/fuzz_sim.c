// SPDX-License-Identifier: BSD-2-Clause
/* The virtual card: commands, each a byte of length and so many bytes. Nothing is read without a right. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "simcard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t locked_file[] = { 0x61, 0x09, 'n', 'o', 't', ' ', 'f', 'o', 'r', ' ', 'u' };
static uint8_t free_file[] = { 0x31, 0x00 };

static struct sim_card card(uint8_t kind)
{
	struct sim_card c = { .prof = {
		.can = "123456",
		.mrz = "I<UTOD231458907<<<<<<<<<<<<<<<" "7408122F1204159UTO<<<<<<<<<<<6"
		       "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
		.pace = kind & 1, .bac = kind & 2, .mf = kind & 4, .extended = kind & 8,
		.card_access_in_app = kind & 16, .pace_info = { { .cipher = SIM_AES128, .domain = 13, .group = "brainpoolP256r1" } }, .n_pace = kind & 1,
		.max_le = kind & 32 ? 16 : 65536, .le_beyond = SW_END_OF_FILE, .ca_key_id = -1,
		.files = { { .fid = 0x0101, .data = locked_file, .len = sizeof(locked_file) },
			   { .fid = 0x011c, .data = free_file, .len = sizeof(free_file) } }, .n_files = 2,
		.atr_len = 2, .atr_t0_len = 2,
	} };

	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t rsp[65538];
	struct sim_card c;
	struct sim_t0 *t0;
	size_t len, n;

	if (size < 2)
		return 0;
	c = card(data[0]);
	t0 = data[1] & 1 ? sim_t0_new(&c) : NULL;
	sim_card_power_on(&c, t0, &n);
	for (data += 2, size -= 2; size; data += len, size -= len) {
		len = *data++;
		size--;
		if (len > size)
			len = size;
		n = t0 ? sim_t0_tpdu(t0, data, len, rsp, sizeof(rsp)) : sim_card_apdu(&c, data, len, rsp, sizeof(rsp));
		if (n < 2 || memmem(rsp, n, locked_file + 2, sizeof(locked_file) - 2))
			__builtin_trap();
	}
	sim_card_power_off(&c);
	sim_t0_free(t0);
	return 0;
}
