// SPDX-License-Identifier: BSD-2-Clause
/* How a card is spoken to: at TPDU level protocol and rate are the host's affair (CCID 1.1, 3.2). */
#include <errno.h>
#include <string.h>
#include "ccid/pps.h"
#include "reader/backend.h"
#include "reader/card_int.h"

#define SETTLE_MS	5000
#define OVERHEAD	(3 + 2)	/* of a T=1 block */
#define OFFSET_FINDEX_DINDEX	10	/* CCID 1.1, 6.1.7 */

/* Card or reader will not have it; not: there is none any more. */
static bool refused(int err)
{
	return err == CR_E_CARD_MUTE || err == CR_E_CARD_PROTOCOL || err == CR_E_READER_FAILED ||
	       err == CR_E_READER_UNFIT || err == CR_E_UNSUPPORTED;
}

/* Sends len bytes of buffer 0; the answer is in buffer 1. */
static int run(cr_card_t *card, enum cardring_op op, size_t len, uint8_t param, struct cardring_cqe *cqe)
{
	const struct cardring_sqe sqe = { .opcode = op, .deadline_ms = SETTLE_MS, .tx_buf = 0,
					  .tx_len = (uint32_t)len, .rx_buf = 1, .param = { param } };
	int err = cr_card_run(card, &sqe, cqe);

	return err ? err : cr_cqe_error(cqe);
}

static int ask_reader(cr_card_t *card, struct cr_terms *terms)
{
	struct cardring_cqe cqe;
	int err = run(card, CARDRING_OP_GET_PARAMS, 0, 0, &cqe);

	if (err)
		return err;
	if (cqe.param > 1)
		return CR_E_READER_UNFIT;
	terms->protocol = cqe.param;
	return 0;
}

static int tell_card(cr_card_t *card, struct cr_terms *terms)
{
	struct cardring_cqe cqe;
	int err = run(card, CARDRING_OP_XFER, cr_pps_request(terms, cr_ring_payload(card->ring, 0)), 0, &cqe);

	return err ? err : cr_pps_confirm(terms, cr_ring_payload(card->ring, 1), cqe.bytes);
}

/* *rate: it is the rate that the reader will not have. */
static int tell_reader(cr_card_t *card, const struct cr_terms *terms, const struct cr_atr *atr, bool *rate)
{
	struct cardring_cqe cqe;
	int err = run(card, CARDRING_OP_SET_PARAMS,
		      cr_terms_parameters(terms, atr, cr_ring_payload(card->ring, 0)), terms->protocol, &cqe);

	*rate = err == CR_E_READER_FAILED && cqe.result == -EREMOTEIO && cqe.error == OFFSET_FINDEX_DINDEX;
	return err;
}

static int begin_t1(cr_card_t *card, const struct cr_atr *atr, const struct cr_reader_can *can)
{
	size_t room = cr_card_message_room(card);
	struct cr_t1_params params = { .ifsc = atr->ifsc, .crc = atr->crc };
	uint32_t khz = can->clock_khz ? can->clock_khz : 4000;

	if (room <= OVERHEAD)
		return CR_E_READER_UNFIT;
	room -= OVERHEAD;
	params.inf_max = room < CR_T1_IFS_MAX ? (uint8_t)room : CR_T1_IFS_MAX;
	if (!(can->features & CR_FEATURE_IFSD)) {
		params.ifsd = params.inf_max;
		if (can->max_ifsd && can->max_ifsd < params.ifsd)
			params.ifsd = (uint8_t)can->max_ifsd;
	}
	cr_t1_reset(&card->t1, &params);
	card->bwt_ms = (960U * 372 << (atr->bwi_cwi >> 4)) / khz + 1;	/* 7816-3, 11.4.3 */
	card->speak = CR_SPEAK_T1;
	return 0;
}

int cr_card_agree(cr_card_t *card, uint32_t *below)
{
	struct cr_reader_can can;
	struct cr_terms terms;
	struct cr_atr atr;
	bool rate = false;
	int malformed = cr_atr_parse(card->atr, card->atr_len, &atr), err;

	card->speak = CR_SPEAK_APDU;
	if (card->ring->ops->level)
		card->reader.dev.level = card->ring->ops->level(card->ring, card->reader.slot);
	card->capabilities = malformed ? 0 : cr_atr_capabilities(&atr);
	if (card->reader.dev.level == CARDRING_LEVEL_CHARACTER)
		return CR_E_READER_UNFIT;
	if (card->reader.dev.level != CARDRING_LEVEL_TPDU)
		return 0;
	if (malformed)
		return CR_E_CARD_PROTOCOL;
	cr_reader_can_parse(&can, card->reader.dev.descriptor, card->reader.dev.features);
	err = cr_terms_choose(&terms, &atr, &can, *below);
	if (!err && terms.ask_reader)
		err = ask_reader(card, &terms);
	if (!err && terms.pps)
		err = tell_card(card, &terms);
	if (!err && terms.tell_reader)
		err = tell_reader(card, &terms, &atr, &rate);
	if (err && *below && refused(err) && (terms.pps || terms.fi_di != CR_FI_DI_DEFAULT)) {
		/* by the card, or nobody knows by whom: then there is no use in trying other rates */
		*below = rate && !atr.specific && terms.fi_di != CR_FI_DI_DEFAULT ?
			 cr_fi_di_rate(terms.fi_di, can.clock_khz) : 0;
		return 1;
	}
	if (err)
		return err;
	if (terms.protocol)
		return begin_t1(card, &atr, &can);
	card->speak = CR_SPEAK_T0;
	return 0;
}
