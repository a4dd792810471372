// SPDX-License-Identifier: BSD-2-Clause
#include "eid/limits.h"
#include "iso7816/sw.h"
#include "iso7816/tlv.h"
#include "reader/card_int.h"

/* header, extended Lc and Le; status word */
enum { COMMAND_OVERHEAD = 9, RESPONSE_OVERHEAD = 2 };

/* A positive INTEGER that counts more bytes than a short APDU has: what is beyond the overhead, at most limit; 0: none. */
static size_t counted(const struct cr_tlv *t, size_t overhead, size_t short_max, size_t limit)
{
	size_t n = 0;

	if (t->tag != 0x02 || !t->len || t->len > 4 || t->val[0] & 0x80)
		return 0;
	for (size_t i = 0; i < t->len; i++)
		n = n << 8 | t->val[i];
	if (n <= overhead + short_max)
		return 0;
	return n - overhead < limit ? n - overhead : limit;
}

/* 7F66 holds two: the longest C-APDU, the longest R-APDU. */
bool cr_limits_from_info(const uint8_t *data, size_t len, size_t *command, size_t *response)
{
	struct cr_tlv info, longest[2];
	const uint8_t *p = data;
	size_t n = len;
	int r;

	*command = *response = 0;
	while ((r = cr_tlv_next_padded(&p, &n, &info)) > 0 && info.tag != 0x7f66)
		;
	if (r <= 0)
		return false;
	p = info.val;
	n = info.len;
	if (cr_tlv_next(&p, &n, &longest[0]) <= 0 || cr_tlv_next(&p, &n, &longest[1]) <= 0)
		return false;
	*response = counted(&longest[1], RESPONSE_OVERHEAD, CR_APDU_MAX_SHORT_LE, CR_APDU_MAX_LE);
	if (!*response)
		return false;
	*command = counted(&longest[0], COMMAND_OVERHEAD, CR_APDU_MAX_SHORT_LC, CR_APDU_MAX_LC);
	if (!*command)
		*command = CR_APDU_MAX_SHORT_LC;
	return true;
}

int cr_limits_read(struct cr_session *s, size_t *command, size_t *response)
{
	static const uint8_t mf[] = { 0x3f, 0x00 }, info[] = { 0x2f, 0x01 };
	uint8_t data[CR_APDU_MAX_SHORT_LE];
	struct cr_message m[] = {
		{ .cmd = { .ins = 0xa4, .p1 = 0x00, .p2 = 0x0c, .data = mf, .lc = 2 },
		  .any_sw = true },
		{ .cmd = { .ins = 0xa4, .p1 = 0x02, .p2 = 0x0c, .data = info, .lc = 2 } },
		{ .cmd = { .ins = 0xb0, .le = CR_APDU_MAX_SHORT_LE }, .data = data, .size = sizeof(data) },
	};
	size_t done;
	int err = cr_session_batch(s, m, 3, &done);

	*command = *response = 0;
	if (!err && done == 3 && (m[2].sw == CR_SW_OK || m[2].sw == CR_SW_END_OF_FILE))
		cr_limits_from_info(data, m[2].len, command, response);
	return err;
}

static int batch(void *io, struct cr_apdu *apdus, size_t n, size_t *done)
{
	return cr_card_transmit_batch(io, apdus, n, done);
}

int cr_card_learn_limits(cr_card_t *card)
{
	struct cr_session s = { .batch = batch, .io = card };
	size_t command, response;
	struct cr_limits l;
	int err;

	cr_card_limits(card, &l);
	if (l.response_by == CR_LIMIT_READER || l.response_by == CR_LIMIT_LEVEL)
		return 0;	/* whatever the card says */
	err = cr_limits_read(&s, &command, &response);
	if (!err && response)
		cr_card_told(card, command, response);
	return err;
}
