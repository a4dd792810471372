// SPDX-License-Identifier: BSD-2-Clause
/*
 * APDUs to ring entries and back. A batch goes in rounds: as many APDUs as buffers and ring take
 * are one linked chain, submitted and waited for by one ENTER; the next command of a chain leaves
 * without this program.
 *
 * At TPDU level an APDU may be two TPDUs, the second depending on what the card says to the first.
 * Where the length of the response is known beforehand (rsp_expect) both are queued, the first with
 * the status word that must come (61xx). Where the card says something else the chain breaks there,
 * and that APDU is brought to its end one TPDU at a time (exchange.c), as are those that are no chain in
 * the first place.
 */
#include <errno.h>
#include <string.h>
#include "iso7816/apdu.h"
#include "iso7816/sw.h"
#include "reader/backend.h"
#include "reader/card_int.h"

#define ROUND_MAX	64	/* entries in one chain */

/* One entry of a round. */
struct message {
	size_t apdu;		/* index in the batch */
	size_t len;		/* of the command */
	uint32_t rx;		/* buffer of the answer; CARDRING_NO_BUF: only a status word can come */
	bool answered;
	int err;		/* enum cr_error */
	uint16_t sw;
	size_t bytes;
};

struct round {
	cr_card_t *card;
	struct message message[ROUND_MAX];
	size_t n;
	bool broken;			/* the chain, at a status word: what is behind it was not sent */
	struct cr_t0 t0[ROUND_MAX];	/* by message: the state before its APDU's first */
	struct cardring_sqe *last;
	uint32_t next_buf, tx_buf;	/* commands share a buffer, side by side */
	size_t tx_used;
};

/* ---- sending ---- */

static void round_begin(struct round *r, cr_card_t *card)
{
	r->card = card;
	r->n = 0;
	r->broken = false;
	r->last = NULL;
	r->next_buf = 0;
	r->tx_buf = CARDRING_NO_BUF;
	r->tx_used = 0;
}

static bool new_tx(const struct round *r, size_t len)
{
	return r->tx_buf == CARDRING_NO_BUF ||
	       r->tx_used + len > cr_ring_payload_size(r->card->ring);
}

/* Entries that are free: what an ENTER has not taken is in the ring yet. */
static uint32_t unfilled(const cr_ring_t *ring)
{
	return ring->sq_entries - (ring->sq_tail - __atomic_load_n(&ring->hdr->sq_head, __ATOMIC_ACQUIRE));
}

/* Is there room for so many entries, of len bytes in all, and one buffer for the answer? */
static bool fits(const struct round *r, size_t entries, size_t len)
{
	const cr_ring_t *ring = r->card->ring;

	return r->n + entries <= ROUND_MAX && entries <= unfilled(ring) &&
	       r->next_buf + new_tx(r, len) + 1 <= ring->buffers &&
	       len <= cr_ring_payload_size(ring);
}

/* Adds an entry to the chain. 0, or CR_E_INTERNAL where the ring has none, room or not. */
static int add(struct round *r, size_t apdu, const uint8_t *cmd, size_t len, bool brings_data,
		uint16_t sw, uint16_t mask)
{
	struct message *m = &r->message[r->n];
	struct cardring_sqe *sqe = cr_ring_sqe(r->card->ring);

	if (!sqe)
		return CR_E_INTERNAL;
	if (new_tx(r, len)) {
		r->tx_buf = r->next_buf++;
		r->tx_used = 0;
	}
	*m = (struct message){ .apdu = apdu, .len = len,
			       .rx = brings_data ? r->next_buf++ : CARDRING_NO_BUF };
	memcpy(cr_ring_payload(r->card->ring, r->tx_buf) + r->tx_used, cmd, len);
	sqe->opcode = CARDRING_OP_XFER;
	sqe->slot = (uint8_t)r->card->reader.slot;
	sqe->flags = CARDRING_SQE_EXPECT_SW;
	sqe->sw = sw & mask;
	sqe->sw_mask = mask;
	sqe->deadline_ms = r->card->deadline_ms;
	sqe->user_data = r->card->first_id + r->n++;
	sqe->tx_buf = r->tx_buf;
	sqe->tx_off = (uint32_t)r->tx_used;
	sqe->tx_len = (uint32_t)len;
	sqe->rx_buf = m->rx;
	r->tx_used += len;
	if (r->last)
		r->last->flags |= CARDRING_SQE_LINK;
	r->last = sqe;
	return 0;
}

/* Of a command that wants data these are no end: T=0 goes on (7816-3, 12.2). */
static bool goes_on(uint16_t sw)
{
	return sw >> 8 == CR_SW_MORE >> 8 || sw >> 8 == CR_SW_WRONG_LE >> 8;
}

/*
 * Adds an APDU at TPDU level. *end: no other may follow in this round, as what this one still needs
 * is known only when it was answered.
 */
static int add_t0(struct round *r, size_t i, struct cr_apdu *a, bool *end)
{
	uint8_t first[CR_T0_TPDU_MAX], second[CR_T0_TPDU_MAX];
	size_t n1, n2 = 0;
	uint8_t answer[2];
	struct cr_t0 t, next;
	uint16_t foreseen;
	int err = cr_t0_begin(&t, a->cmd, a->cmd_len, a->rsp, a->rsp_size);

	if (err)
		return err;
	t.most = cr_card_short_terms(r->card).response;
	n1 = cr_t0_tpdu(&t, first);
	foreseen = cr_t0_foresee(&t, a->rsp_expect, a->sw);
	*end = t.apdu.le && (a->sw_mask != 0xffff || !foreseen || goes_on(a->sw));
	next = t;
	answer[0] = (uint8_t)(foreseen >> 8);
	answer[1] = (uint8_t)foreseen;
	if (foreseen && t.apdu.lc && t.apdu.le && cr_t0_answer(&next, answer, 2) == 1)
		n2 = cr_t0_tpdu(&next, second);
	if (!fits(r, n2 ? 2 : 1, n1 + n2))
		return CR_E_TOO_LONG;
	r->t0[r->n] = t;
	err = add(r, i, first, n1, cr_t0_brings_data(&t), n2 ? foreseen : a->sw,
		  n2 ? 0xffff : *end ? 0 : a->sw_mask);
	if (!err && n2)
		err = add(r, i, second, n2, true, a->sw, a->sw_mask);
	explicit_bzero(first, sizeof(first));	/* may hold a PIN */
	return err;
}

/* Adds an APDU as it is, at APDU level. */
static int add_apdu(struct round *r, size_t i, struct cr_apdu *a)
{
	struct cr_capdu parsed;

	if (cr_capdu_parse(a->cmd, a->cmd_len, &parsed))
		return CR_E_MALFORMED;
	if (a->cmd_len > cr_card_message_room(r->card) || !fits(r, 1, a->cmd_len))
		return CR_E_TOO_LONG;
	return add(r, i, a->cmd, a->cmd_len, true, a->sw, a->sw_mask);
}

/* As many APDUs from i on as one round takes; at least one. */
static int plan(struct round *r, struct cr_apdu *apdus, size_t i, size_t n)
{
	bool end = false;
	int err = 0;

	for (; i < n && !end && !cr_exchange_alone(r->card, &apdus[i]); i++) {
		err = r->card->speak == CR_SPEAK_T0 ? add_t0(r, i, &apdus[i], &end) : add_apdu(r, i, &apdus[i]);
		if (err)
			break;
	}
	return r->n ? 0 : err;	/* what did not fit, or is wrong, is first in the next round */
}

static int note(void *arg, size_t i, const struct cardring_cqe *cqe)
{
	struct round *r = arg;
	struct message *m = &r->message[i];
	struct cr_exchange *ex = &r->card->exchange;

	m->answered = cqe->result >= 0 || cqe->result == -EBADMSG;
	m->err = m->answered ? 0 : cr_cqe_error(cqe);
	m->sw = cqe->sw;
	m->bytes = cqe->bytes;
	if (m->rx == CARDRING_NO_BUF)
		m->bytes = cqe->sw ? 2 : 0;
	if (m->answered && cqe->param)
		m->err = CR_E_TOO_LONG;		/* the reader holds back the rest (CCID 1.1, 6.2.1) */
	r->broken |= cqe->result == -EBADMSG;
	if (cqe->result == -ECANCELED)
		return r->broken ? 0 : m->err;	/* not sent, or ended by somebody else */
	ex->messages++;
	ex->bytes_sent += m->len;
	ex->bytes_received += m->answered ? m->bytes : 0;
	ex->us += cqe->time_us;
	return m->err;
}

/* ---- what came back ---- */

static void traced(const cr_card_t *card, const struct cr_apdu *a, int err)
{
	if (card->trace)
		card->trace(card->trace_arg, a->cmd, a->cmd_len, a->rsp, err ? 0 : a->rsp_len, err);
}

static const uint8_t *answer_of(const struct round *r, const struct message *m, uint8_t sw[2])
{
	if (m->rx != CARDRING_NO_BUF)
		return cr_ring_payload(r->card->ring, m->rx);
	sw[0] = (uint8_t)(m->sw >> 8);
	sw[1] = (uint8_t)m->sw;
	return sw;
}

/* The messages of one APDU, from *k on, at TPDU level. */
static int finish_t0(struct round *r, size_t *k, struct cr_apdu *a)
{
	struct cr_t0 *t = &r->t0[*k];
	size_t apdu = r->message[*k].apdu;
	uint8_t sw[2];
	int more = 1;

	for (; more > 0 && *k < r->n && r->message[*k].apdu == apdu; ++*k) {
		struct message *m = &r->message[*k];

		if (m->err == CR_E_CANCELED && r->broken)
			break;		/* the one before had another answer than was foreseen */
		if (m->err)
			return m->err;
		more = cr_t0_answer(t, answer_of(r, m, sw), m->bytes);
	}
	if (more > 0)
		more = cr_exchange_t0(r->card, t);
	a->rsp_len = more ? 0 : t->len;
	return more;
}

static int finish_apdu(struct round *r, size_t *k, struct cr_apdu *a)
{
	struct message *m = &r->message[(*k)++];

	if (m->err)
		return m->err;
	if (m->bytes > a->rsp_size)
		return CR_E_TOO_LONG;
	if (m->bytes < 2)
		return CR_E_CARD_PROTOCOL;
	memcpy(a->rsp, cr_ring_payload(r->card->ring, m->rx), m->bytes);
	a->rsp_len = m->bytes;
	return 0;
}

static bool as_wanted(const struct cr_apdu *a)
{
	return (cr_rapdu_sw(a->rsp, a->rsp_len) & a->sw_mask) == (a->sw & a->sw_mask);
}

/* Takes the answers of a round. *go_on: each was what was wanted. */
static int finish(struct round *r, struct cr_apdu *apdus, size_t *done, bool *go_on)
{
	size_t n = r->n, k = 0;

	*go_on = true;
	while (k < n && *go_on) {
		struct message *m = &r->message[k];
		struct cr_apdu *a = &apdus[m->apdu];
		int err;

		if (m->err == CR_E_CANCELED && r->broken)
			break;		/* the next round's, if there is one */
		r->card->exchange.commands++;
		err = r->card->speak == CR_SPEAK_T0 ? finish_t0(r, &k, a) : finish_apdu(r, &k, a);
		traced(r->card, a, err);
		if (err)
			return err;
		++*done;
		*go_on = as_wanted(a);
	}
	return 0;
}

static int alone(cr_card_t *card, struct cr_apdu *a, size_t *done, bool *go_on)
{
	int err = cr_exchange_apdu(card, a);

	card->exchange.commands++;
	traced(card, a, err);
	if (err)
		return err;
	++*done;
	*go_on = as_wanted(a);
	return 0;
}

int cr_card_transmit_batch(cr_card_t *card, struct cr_apdu *apdus, size_t n, size_t *done)
{
	struct round r;
	bool go_on = true;
	int err = 0;

	*done = 0;
	for (size_t i = 0; i < n; i++)
		apdus[i].rsp_len = 0;
	while (*done < n && go_on && !err) {
		if (cr_exchange_alone(card, &apdus[*done])) {
			err = alone(card, &apdus[*done], done, &go_on);
			continue;
		}
		round_begin(&r, card);
		err = plan(&r, apdus, *done, n);
		if (!err) {
			int failed = cr_card_reap(card, r.n, note, &r);

			err = finish(&r, apdus, done, &go_on);
			err = err ? err : failed;
		}
	}
	return err;
}

int cr_card_transmit(cr_card_t *card, const uint8_t *cmd, size_t cmd_len, uint8_t *rsp, size_t *rsp_len)
{
	struct cr_apdu a = { .cmd = cmd, .cmd_len = cmd_len, .rsp = rsp, .rsp_size = *rsp_len };
	size_t done;
	int err = cr_card_transmit_batch(card, &a, 1, &done);

	*rsp_len = err ? 0 : a.rsp_len;
	return err;
}
