// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
#include <cardring/error.h>
#include "ccid/t0.h"
#include "iso7816/sw.h"

int cr_t0_begin(struct cr_t0 *t, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	memset(t, 0, sizeof(*t));
	if (size < 2)
		return CR_E_TOO_LONG;
	if (cr_capdu_parse(cmd, len, &t->apdu))
		return CR_E_MALFORMED;
	if (t->apdu.lc > CR_APDU_MAX_SHORT_LC)
		return CR_E_TOO_LONG;
	t->rsp = rsp;
	t->size = size;
	t->left = t->apdu.le;
	t->most = CR_APDU_MAX_SHORT_LE;
	/* 12.2.1 to 12.2.4; Le of 256 and more is P3 = 0 */
	if (t->apdu.lc)
		t->p3 = (uint8_t)t->apdu.lc;
	else
		t->p3 = t->apdu.le < CR_APDU_MAX_SHORT_LE ? (uint8_t)t->apdu.le : 0;
	return 0;
}

size_t cr_t0_tpdu(const struct cr_t0 *t, uint8_t out[CR_T0_TPDU_MAX])
{
	const struct cr_capdu *a = &t->apdu;

	if (t->fetching) {
		const uint8_t header[5] = { cr_capdu_transport_class(a->cla), CR_INS_GET_RESPONSE, 0, 0, t->p3 };

		memcpy(out, header, sizeof(header));
		return sizeof(header);
	}
	out[0] = a->cla;
	out[1] = a->ins;
	out[2] = a->p1;
	out[3] = a->p2;
	out[4] = t->p3;
	if (a->lc)
		memcpy(out + 5, a->data, a->lc);
	return 5 + a->lc;
}

bool cr_t0_brings_data(const struct cr_t0 *t)
{
	return t->fetching || (!t->apdu.lc && t->apdu.le);
}

static int whole(struct cr_t0 *t, uint16_t sw)
{
	t->rsp[t->len] = (uint8_t)(sw >> 8);
	t->rsp[t->len + 1] = (uint8_t)sw;
	t->len += 2;
	return 0;
}

static int fetch(struct cr_t0 *t, size_t there)
{
	size_t n = there < t->left ? there : t->left;

	if (n > t->most)
		n = t->most;
	t->fetching = true;
	t->corrected = false;
	t->p3 = n < CR_APDU_MAX_SHORT_LE ? (uint8_t)n : 0;
	return 1;
}

static size_t counted(uint16_t sw)
{
	return sw & 0xff ? sw & 0xff : CR_APDU_MAX_SHORT_LE;
}

int cr_t0_answer(struct cr_t0 *t, const uint8_t *rsp, size_t len)
{
	bool was_asked = t->asked;
	size_t n;

	if (len < 2 || len > CR_T0_ANSWER_MAX)
		return CR_E_CARD_PROTOCOL;
	n = len - 2;
	t->sw = cr_rapdu_sw(rsp, len);
	t->asked = false;
	if (n && !cr_t0_brings_data(t))
		return CR_E_CARD_PROTOCOL;
	if (n > t->left)	/* 12.2.2: what goes beyond Ne is not for the application */
		n = t->left;
	if (t->len + n + 2 > t->size)
		return CR_E_TOO_LONG;
	if (n)
		memcpy(t->rsp + t->len, rsp, n);
	t->len += n;
	t->left -= n;

	if (t->sw >> 8 == CR_SW_WRONG_LE >> 8 && cr_t0_brings_data(t) && !n) {
		if (t->corrected)
			return CR_E_CARD_PROTOCOL;
		t->corrected = true;
		t->p3 = (uint8_t)t->sw;
		return 1;
	}
	if (t->sw >> 8 == CR_SW_MORE >> 8 && t->left) {
		if (t->fetching && !n)
			return CR_E_CARD_PROTOCOL;
		return fetch(t, counted(t->sw));
	}
	if (t->sw == CR_SW_OK && t->apdu.lc && t->left && !t->fetching) {
		/* 12.2.4, case 4S.2: done, and the card does not say how much there is */
		t->asked = true;
		return fetch(t, t->left);
	}
	if (was_asked && !n && t->sw != CR_SW_OK)
		return whole(t, t->sw = CR_SW_OK);	/* there is nothing: what it said first holds */
	return whole(t, t->sw);
}

uint16_t cr_t0_foresee(const struct cr_t0 *t, size_t rsp_len, uint16_t sw)
{
	size_t n = rsp_len < 2 ? 0 : rsp_len - 2;

	if (!t->apdu.lc || !t->apdu.le)
		return sw;	/* cases 1 to 3: one TPDU */
	if (!n || n > t->most || n > t->apdu.le)
		return 0;
	if (t->fetching)
		return sw;
	return (uint16_t)(CR_SW_MORE | (n & 0xff));
}
