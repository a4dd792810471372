// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include "eid/blocks.h"
#include "eid/limits.h"
#include "eid/rule.h"
#include "iso7816/sw.h"
#include "iso7816/tlv.h"
#include "reader/card_int.h"

#define INFO		0x2f01	/* EF.ATR/INFO */
#define CARD_FILE_MAX	4096

/* header, extended Lc and Le; status word */
enum { COMMAND_OVERHEAD = 9, RESPONSE_OVERHEAD = 2 };

/* A positive INTEGER, in four bytes at most. */
static bool is_count(const struct cr_tlv *t)
{
	return t->tag == 0x02 && t->len && t->len <= 4 && !(t->val[0] & 0x80);
}

/* A positive INTEGER that counts more bytes than a short APDU has: what is beyond the overhead, at most limit; 0: none. */
static size_t counted(const struct cr_tlv *t, size_t overhead, size_t short_max, size_t limit)
{
	size_t n = 0;

	if (!is_count(t))
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

bool cr_limits_info_sound(const uint8_t *data, size_t len)
{
	struct cr_tlv t, longest[2];
	bool announced = false;
	int r;

	while ((r = cr_tlv_next_padded(&data, &len, &t)) > 0) {
		if (t.tag == 0x47 && t.len == 3)
			announced = t.val[2] & 0x20;
		if (t.tag != 0x7f66)
			continue;
		for (int i = 0; i < 2; i++) {
			if (cr_tlv_next(&t.val, &t.len, &longest[i]) <= 0 || !is_count(&longest[i]))
				return CR_RULE(info_lengths, false);
		}
		return true;
	}
	/* what is no BER, or longer than what was read, says nothing either way */
	return r < 0 || !announced;
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

int cr_limits_read(struct cr_session *s, size_t *command, size_t *response, bool *sound)
{
	uint8_t data[CR_APDU_MAX_SHORT_LE];
	size_t len = sizeof(data);
	uint16_t sw;
	int err = read_first(s, INFO, data, &len, &sw);

	cr_limits_from_info(data, len, command, response);
	*sound = cr_limits_info_sound(data, len);
	return err;
}

static int batch(void *io, struct cr_apdu *apdus, size_t n, size_t *done)
{
	return cr_card_transmit_batch(io, apdus, n, done);
}

/* Do longer APDUs reach no card in this reader, whatever the card says? */
static bool short_anyway(const cr_card_t *card)
{
	struct cr_limits l;

	cr_card_limits(card, &l);
	return l.response <= CR_APDU_MAX_SHORT_LE &&
	       (l.response_by == CR_LIMIT_READER || l.response_by == CR_LIMIT_LEVEL);
}

int cr_limits_learn(cr_card_t *card, bool *sound)
{
	struct cr_session s = { .batch = batch, .io = card };
	size_t command, response;
	int err;

	*sound = true;
	if (short_anyway(card))
		return 0;
	err = cr_limits_read(&s, &command, &response, sound);
	if (!err && response)
		cr_card_told(card, command, response);
	return err;
}

int cr_card_learn_limits(cr_card_t *card)
{
	bool sound;

	return cr_limits_learn(card, &sound);
}

void cr_card_take_limits(cr_card_t *card, const uint8_t *info, size_t len)
{
	size_t command, response;

	if (!short_anyway(card) && cr_limits_from_info(info, len, &command, &response))
		cr_card_told(card, command, response);
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
