// SPDX-License-Identifier: BSD-2-Clause
/*
 * One APDU, one message at a time: where what is to be sent next depends on what came. Which message that is
 * the machines in ccid/ say.
 */
#include <errno.h>
#include <string.h>
#include "ccid/chain.h"
#include "ccid/shorten.h"
#include "iso7816/apdu.h"
#include "reader/backend.h"
#include "reader/card_int.h"

#define TX	CR_EXCHANGE_TX
#define RX	CR_EXCHANGE_RX

size_t cr_card_message_room(const cr_card_t *card)
{
	size_t room = cr_ring_payload_size(card->ring), payload = card->reader.dev.max_payload;

	return room < payload ? room : payload;
}

int cr_exchange_message(cr_card_t *card, enum cardring_op op, size_t len, uint8_t bwi, uint16_t level,
			uint64_t deadline, struct cardring_cqe *cqe)
{
	const struct cardring_sqe sqe = {
		.opcode = op, .tx_buf = CR_EXCHANGE_TX, .tx_len = (uint32_t)len, .rx_buf = CR_EXCHANGE_RX,
		.deadline_ms = deadline < CARDRING_MAX_DEADLINE_MS ? (uint32_t)deadline :
			       CARDRING_MAX_DEADLINE_MS,
		.param = { bwi, (uint8_t)level, (uint8_t)(level >> 8) },
	};
	struct cr_exchange *ex = &card->exchange;
	int err = cr_card_run(card, &sqe, cqe);

	if (err)
		return err;
	err = cr_cqe_error(cqe);
	ex->messages++;
	ex->bytes_sent += len;
	ex->bytes_received += err ? 0 : cqe->bytes;
	ex->us += cqe->time_us;
	return err;
}

static int message(cr_card_t *card, size_t len, uint8_t bwi, uint16_t level, struct cardring_cqe *cqe)
{
	return cr_exchange_message(card, CARDRING_OP_XFER, len, bwi, level,
				   card->deadline_ms + (uint64_t)bwi * card->bwt_ms, cqe);
}

/* ---- T=0 ---- */

int cr_exchange_t0(cr_card_t *card, struct cr_t0 *t)
{
	struct cardring_cqe cqe;
	int more = 1;

	while (more > 0) {
		size_t len = cr_t0_tpdu(t, cr_ring_payload(card->ring, TX));
		int err = message(card, len, 0, 0, &cqe);

		if (!err && cqe.param)
			err = CR_E_TOO_LONG;	/* the reader holds back the rest (CCID 1.1, 6.2.1) */
		if (err)
			return err;
		more = cr_t0_answer(t, cr_ring_payload(card->ring, RX), cqe.bytes);
	}
	return more;
}

/* ---- T=1 ---- */

bool cr_exchange_no_block(const struct cardring_cqe *cqe, int err)
{
	return cqe->result == -EREMOTEIO && (err == CR_E_CARD_MUTE || err == CR_E_CARD_PROTOCOL);
}

static int exchange_t1(cr_card_t *card, struct cr_apdu *a)
{
	struct cr_t1 *t = &card->t1;
	uint64_t us = 0, most = (uint64_t)card->deadline_ms * 1000 * CARDRING_EXTENSION_CAP;
	int more = cr_t1_begin(t, a->cmd, a->cmd_len, a->rsp, a->rsp_size);

	if (more)
		return more;
	do {
		struct cardring_cqe cqe;
		size_t len = cr_t1_block(t, cr_ring_payload(card->ring, TX));
		int err = message(card, len, cr_t1_bwi(t), 0, &cqe);

		us += cqe.time_us;
		if (!err)
			more = cr_t1_answer(t, cr_ring_payload(card->ring, RX), cqe.bytes);
		else if (cr_exchange_no_block(&cqe, err))
			more = cr_t1_no_answer(t, err);
		else
			return err;
		if (more > 0 && us > most)
			return CR_E_TIMEOUT;
	} while (more > 0);
	a->rsp_len = more ? 0 : t->len;
	return more;
}

/* ---- APDUs as shorter ones ---- */

struct cr_short_terms cr_card_short_terms(const cr_card_t *card)
{
	struct cr_limits l;

	cr_card_limits(card, &l);
	return (struct cr_short_terms) {
		.capabilities = card->capabilities, .t0 = card->speak == CR_SPEAK_T0,
		.command = l.message_command, .response = l.message_response,
	};
}

static int short_apdu(cr_card_t *card, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size, size_t *rsp_len)
{
	struct cardring_cqe cqe;
	struct cr_t0 t;
	int err;

	if (card->speak == CR_SPEAK_T0) {
		err = cr_t0_begin(&t, cmd, len, rsp, size);
		t.most = cr_card_short_terms(card).response;
		if (!err)
			err = cr_exchange_t0(card, &t);
		*rsp_len = err ? 0 : t.len;
		return err;
	}
	if (len > cr_card_message_room(card))
		return CR_E_TOO_LONG;
	memcpy(cr_ring_payload(card->ring, TX), cmd, len);
	err = message(card, len, 0, 0, &cqe);
	if (err)
		return err;
	if (cqe.param || cqe.bytes > size)
		return CR_E_TOO_LONG;
	memcpy(rsp, cr_ring_payload(card->ring, RX), cqe.bytes);
	*rsp_len = cqe.bytes;
	return 0;
}

static int exchange_short(cr_card_t *card, struct cr_apdu *a)
{
	uint8_t cmd[CR_SHORT_APDU_MAX], rsp[CR_APDU_MAX_SHORT_LE + 2];
	const struct cr_short_terms terms = cr_card_short_terms(card);
	struct cr_shorten s;
	size_t n;
	int more = cr_shorten_begin(&s, a->cmd, a->cmd_len, a->rsp, a->rsp_size, &terms);

	if (more)
		return more;
	do {
		more = short_apdu(card, cmd, cr_shorten_apdu(&s, cmd), rsp, sizeof(rsp), &n);
		if (!more)
			more = cr_shorten_answer(&s, rsp, n);
	} while (more > 0);
	explicit_bzero(cmd, sizeof(cmd));	/* may hold a PIN */
	explicit_bzero(rsp, sizeof(rsp));
	a->rsp_len = more ? 0 : s.len;
	return more;
}

/* ---- several messages of one APDU ---- */

static int exchange_chain(cr_card_t *card, struct cr_apdu *a)
{
	struct cr_ccid_chain c;
	int more = cr_ccid_chain_begin(&c, a->cmd, a->cmd_len, a->rsp, a->rsp_size, cr_card_message_room(card));

	if (more)
		return more;
	do {
		struct cardring_cqe cqe;
		const uint8_t *data;
		uint16_t level;
		size_t len = cr_ccid_chain_message(&c, &data, &level);
		int err;

		memcpy(cr_ring_payload(card->ring, TX), data, len);
		err = message(card, len, 0, level, &cqe);
		if (err)
			return err;
		more = cr_ccid_chain_answer(&c, cr_ring_payload(card->ring, RX), cqe.bytes, cqe.param);
	} while (more > 0);
	a->rsp_len = more ? 0 : c.len;
	return more;
}

/* ---- which ---- */

bool cr_exchange_alone(const cr_card_t *card, const struct cr_apdu *a)
{
	struct cr_short_terms terms;
	struct cr_capdu c;

	if (card->speak == CR_SPEAK_T1)
		return true;
	if (cr_capdu_parse(a->cmd, a->cmd_len, &c))
		return false;
	if (card->speak == CR_SPEAK_T0 || card->reader.dev.level != CARDRING_LEVEL_EXTENDED_APDU) {
		terms = cr_card_short_terms(card);
		return c.lc > terms.command || (terms.t0 ? !c.lc && c.le > terms.response : c.extended);
	}
	/* a response that the reader cannot give in one message, or a command that it cannot take in one */
	return a->cmd_len > cr_card_message_room(card) ||
	       (a->rsp_expect ? a->rsp_expect : c.le + 2) > card->reader.dev.max_payload;
}

int cr_exchange_apdu(cr_card_t *card, struct cr_apdu *a)
{
	struct cr_capdu c;

	if (cr_capdu_parse(a->cmd, a->cmd_len, &c))
		return CR_E_MALFORMED;
	if (card->speak == CR_SPEAK_T1)
		return exchange_t1(card, a);
	if (card->speak == CR_SPEAK_T0 || card->reader.dev.level != CARDRING_LEVEL_EXTENDED_APDU)
		return exchange_short(card, a);
	return exchange_chain(card, a);
}
