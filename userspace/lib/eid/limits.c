// SPDX-License-Identifier: BSD-2-Clause
#include <openssl/crypto.h>
#include "eid/limits.h"
#include "iso7816/sw.h"
#include "iso7816/tlv.h"

/* The second INTEGER of 7F66: longest R-APDU, status word included. */
size_t cr_limits_from_info(const uint8_t *data, size_t len)
{
	struct cr_tlv info, command, response;
	const uint8_t *p = data;
	size_t n = len, max = 0;
	int r;

	while ((r = cr_tlv_next_padded(&p, &n, &info)) > 0 && info.tag != 0x7f66)
		;
	if (r <= 0)
		return 0;
	p = info.val;
	n = info.len;
	if (cr_tlv_next(&p, &n, &command) <= 0 || command.tag != 0x02 ||
	    cr_tlv_next(&p, &n, &response) <= 0 || response.tag != 0x02 || !response.len ||
	    response.len > 4 || response.val[0] & 0x80)
		return 0;
	for (size_t i = 0; i < response.len; i++)
		max = max << 8 | response.val[i];
	return max > 2 + CR_APDU_MAX_SHORT_LE ? max - 2 : 0;
}

static int read_info(struct cr_session *s, uint8_t *data, size_t *len)
{
	static const uint8_t mf[] = { 0x3f, 0x00 }, info[] = { 0x2f, 0x01 };
	struct cr_message m[] = {
		{ .cmd = { .ins = 0xa4, .p1 = 0x00, .p2 = 0x0c, .data = mf, .lc = 2 },
		  .any_sw = true },
		{ .cmd = { .ins = 0xa4, .p1 = 0x02, .p2 = 0x0c, .data = info, .lc = 2 } },
		{ .cmd = { .ins = 0xb0, .le = CR_APDU_MAX_SHORT_LE }, .data = data, .size = *len },
	};
	size_t done;
	int err = cr_session_batch(s, m, 3, &done);

	*len = 0;
	if (!err && done == 3 && (m[2].sw == CR_SW_OK || m[2].sw == CR_SW_END_OF_FILE))
		*len = m[2].len;
	return err;
}

int cr_limits_learn(struct cr_session *s, size_t reader_max)
{
	uint8_t data[CR_APDU_MAX_SHORT_LE];
	size_t len = sizeof(data), max;
	int err;

	s->max_response = reader_max < CR_APDU_MAX_SHORT_LE ? reader_max : CR_APDU_MAX_SHORT_LE;
	if (reader_max <= CR_APDU_MAX_SHORT_LE)
		return 0;
	err = read_info(s, data, &len);
	if (err)
		return err;
	max = cr_limits_from_info(data, len);
	if (max)
		s->max_response = max < reader_max ? max : reader_max;
	return 0;
}
