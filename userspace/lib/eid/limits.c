// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include "eid/blocks.h"
#include "eid/limits.h"
#include "iso7816/sw.h"
#include "iso7816/tlv.h"

#define INFO		0x2f01	/* EF.ATR/INFO */
#define CARD_FILE_MAX	4096

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

/* SELECT the master file, SELECT the file, and as much as one short READ BINARY gives. */
static int read_first(struct cr_session *s, uint16_t fid, uint8_t *data, size_t *len, uint16_t *sw)
{
	static const uint8_t mf[] = { 0x3f, 0x00 };
	const uint8_t id[] = { (uint8_t)(fid >> 8), (uint8_t)fid };
	struct cr_message m[] = {
		{ .cmd = { .ins = 0xa4, .p1 = 0x00, .p2 = 0x0c, .data = mf, .lc = 2 },
		  .any_sw = true },
		{ .cmd = { .ins = 0xa4, .p1 = 0x02, .p2 = 0x0c, .data = id, .lc = 2 } },
		{ .cmd = { .ins = 0xb0, .le = CR_APDU_MAX_SHORT_LE }, .data = data, .size = *len },
	};
	size_t done;
	int err = cr_session_batch(s, m, 3, &done);

	*len = 0;
	*sw = done ? m[done - 1].sw : 0;
	if (!err && done == 3 && (m[2].sw == CR_SW_OK || m[2].sw == CR_SW_END_OF_FILE))
		*len = m[2].len;
	return err;
}

int cr_card_file_read(struct cr_session *s, uint16_t fid, uint8_t **data, size_t *len, uint16_t *sw)
{
	size_t part = CR_APDU_MAX_SHORT_LE;
	uint8_t *p = malloc(CARD_FILE_MAX);
	struct cr_capdu cmd = { .ins = 0xb0, .le = CR_APDU_MAX_SHORT_LE };
	int err;

	*data = NULL;
	*len = 0;
	*sw = 0;
	if (!p)
		return CR_E_NOMEM;
	err = read_first(s, fid, p, &part, sw);
	if (!err && !part)
		err = *sw == CR_SW_OK ? CR_E_NOT_FOUND : cr_read_error(*sw);
	*len = part;
	/* full answers go on: 6282, 6B00 or a short one is the end */
	while (!err && part == CR_APDU_MAX_SHORT_LE && *sw == CR_SW_OK) {
		if (CARD_FILE_MAX - *len < CR_APDU_MAX_SHORT_LE) {
			err = CR_E_TOO_LONG;
			break;
		}
		cmd.p1 = (uint8_t)(*len >> 8);
		cmd.p2 = (uint8_t)*len;
		part = CR_APDU_MAX_SHORT_LE;
		err = cr_session_send(s, &cmd, p + *len, &part, sw);
		if (!err)
			*len += part;
	}
	if (!err) {
		*data = p;
		return 0;
	}
	*len = 0;
	free(p);
	return err;
}

int cr_limits_learn(struct cr_session *s, size_t reader_max)
{
	uint8_t data[CR_APDU_MAX_SHORT_LE];
	size_t len = sizeof(data), max;
	uint16_t sw;
	int err;

	s->max_response = reader_max < CR_APDU_MAX_SHORT_LE ? reader_max : CR_APDU_MAX_SHORT_LE;
	if (reader_max <= CR_APDU_MAX_SHORT_LE)
		return 0;
	err = read_first(s, INFO, data, &len, &sw);
	if (err)
		return err;
	max = cr_limits_from_info(data, len);
	if (max)
		s->max_response = max < reader_max ? max : reader_max;
	return 0;
}
