// SPDX-License-Identifier: BSD-2-Clause
/*
 * Secure messaging: any bytes as a protected answer, and any bytes as data objects with a right MAC
 * behind them, as from a chip that has the keys and means harm.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include "eid/sm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mac_behind(const struct cr_sm *sm, const struct cr_sm_exchange *ex, uint8_t *rsp, size_t len)
{
	size_t block = cr_cipher_block(sm->cipher);
	uint8_t *buf = malloc(2 * block + len);
	size_t n = block;

	memcpy(buf, ex->ssc, block);
	memcpy(buf + n, rsp, len);
	if (len)
		n += cr_pad(buf + n, len, block);
	rsp[len] = 0x8e;
	rsp[len + 1] = CR_MAC_LEN;
	if (cr_mac(sm->cipher, sm->k_mac, buf, n, rsp + len + 2))
		__builtin_trap();
	free(buf);
	/* the status word of DO99, where one stands last */
	memcpy(rsp + len + 2 + CR_MAC_LEN, len >= 2 ? rsp + len - 2 : rsp, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[CR_KEY_MAX] = { 1, 2, 3, 4, 5 };
	const struct cr_capdu cmd = { .ins = size && data[0] & 4 ? 0xb1 : 0xb0, .le = 200 };
	struct cr_sm sm = { 0 };
	struct cr_sm_exchange ex;
	uint8_t command[300], *rsp, *out;
	size_t len = sizeof(command), room = size;
	uint16_t sw;

	if (!size)
		return 0;
	cr_sm_init(&sm, (enum cr_cipher)(data[0] & 3), key, key, NULL);
	if (cr_sm_protect(&sm, &cmd, command, &len, &ex))
		__builtin_trap();
	out = malloc(size);
	rsp = malloc(size + 12);
	if (!cr_sm_unprotect(&sm, &ex, data + 1, size - 1, out, &room, &sw))
		__builtin_trap();	/* nobody guesses a MAC */
	memcpy(rsp, data + 1, size - 1);
	mac_behind(&sm, &ex, rsp, size - 1);
	room = size;
	if (!cr_sm_unprotect(&sm, &ex, rsp, size - 1 + 12, out, &room, &sw) && room >= size)
		__builtin_trap();
	/* without room: nothing is written */
	room = 0;
	cr_sm_unprotect(&sm, &ex, rsp, size - 1 + 12, NULL, &room, &sw);
	free(out);
	free(rsp);
	return 0;
}
