// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "eid/session.h"
#include "iso7816/sw.h"

void cr_session_secure(struct cr_session *s, const struct cr_sm *sm)
{
	s->sm = *sm;
	s->secured = true;
}

void cr_session_reset(struct cr_session *s)
{
	cr_sm_wipe(&s->sm);
	s->secured = false;
	s->lost = false;
}

/* Everything that one batch needs, in one piece of memory. */
struct plan {
	struct cr_apdu *apdus;
	struct cr_sm_exchange *ex;
	uint8_t *bytes;
	size_t size;		/* of bytes */
};

static size_t command_room(const struct cr_session *s, const struct cr_message *m)
{
	return s->secured ? cr_sm_protected_max(m->cmd.lc) : cr_capdu_size(&m->cmd);
}

/*
 * A card may answer more than it was asked for: there is room for what an APDU of that form can
 * carry.
 */
static size_t response_room(const struct cr_session *s, const struct cr_message *m)
{
	size_t want = m->cmd.le > m->size ? m->cmd.le : m->size, n = want + 2;

	if (s->secured)
		n = cr_sm_response_len(&s->sm, m->cmd.ins & 1, want);
	return n < CR_APDU_MAX_SHORT_LE + 2 ? CR_APDU_MAX_SHORT_LE + 2 : n;
}

static void plan_free(struct plan *p)
{
	if (p->bytes)
		OPENSSL_cleanse(p->bytes, p->size);
	free(p->bytes);
	free(p->apdus);
	free(p->ex);
}

static int plan_make(struct cr_session *s, struct cr_message *m, size_t n, struct plan *p)
{
	uint8_t *at;
	int err = 0;

	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < n; i++)
		p->size += command_room(s, &m[i]) + response_room(s, &m[i]);
	p->apdus = calloc(n, sizeof(*p->apdus));
	p->ex = calloc(n, sizeof(*p->ex));
	p->bytes = malloc(p->size);
	if (!p->apdus || !p->ex || !p->bytes)
		return CR_E_NOMEM;
	at = p->bytes;
	for (size_t i = 0; i < n && !err; i++) {
		struct cr_apdu *a = &p->apdus[i];

		a->cmd = at;
		a->cmd_len = command_room(s, &m[i]);
		a->rsp = at + a->cmd_len;
		a->rsp_size = response_room(s, &m[i]);
		a->sw = CR_SW_OK;
		a->sw_mask = m[i].any_sw ? 0 : 0xffff;
		if (s->secured)
			err = cr_sm_protect(&s->sm, &m[i].cmd, at, &a->cmd_len, &p->ex[i]);
		else
			err = cr_capdu_build(&m[i].cmd, at, &a->cmd_len);
		if (m[i].exact)
			a->rsp_expect = s->secured ? cr_sm_response_len(&s->sm, m[i].cmd.ins & 1,
									m[i].size)
						   : m[i].size + 2;
		at = a->rsp + a->rsp_size;
	}
	return err;
}

static int take_plain(const struct cr_apdu *a, struct cr_message *m)
{
	if (a->rsp_len < 2)
		return CR_E_CARD_PROTOCOL;
	m->sw = cr_rapdu_sw(a->rsp, a->rsp_len);
	if (!m->cmd.le)
		return 0;	/* some cards answer SELECT with data that nobody asked for */
	if (a->rsp_len - 2 > m->size)
		return CR_E_TOO_LONG;
	m->len = a->rsp_len - 2;
	if (m->len)
		memcpy(m->data, a->rsp, m->len);
	return 0;
}

int cr_session_batch(struct cr_session *s, struct cr_message *m, size_t n, size_t *done)
{
	uint8_t ssc[sizeof(s->sm.ssc)];
	struct plan p;
	size_t answered = 0, i;
	int err;

	*done = 0;
	for (i = 0; i < n; i++) {
		m[i].len = 0;
		m[i].sw = 0;
	}
	if (s->lost)
		return CR_E_INVALID;
	memcpy(ssc, s->sm.ssc, sizeof(ssc));
	err = plan_make(s, m, n, &p);
	if (err) {
		memcpy(s->sm.ssc, ssc, sizeof(ssc));	/* nothing was sent */
		goto out;
	}
	err = s->batch(s->io, p.apdus, n, &answered);
	if (answered > n)
		answered = n;
	for (i = 0; i < answered; i++) {
		struct cr_apdu *a = &p.apdus[i];
		int bad;

		m[i].len = m[i].size;
		bad = s->secured ? cr_sm_unprotect(&s->sm, &p.ex[i], a->rsp, a->rsp_len, m[i].data,
						   &m[i].len, &m[i].sw)
				 : take_plain(a, &m[i]);
		*done = i + 1;
		if (bad) {
			m[i].len = 0;
			err = bad;
			break;
		}
	}
	if (err)
		s->lost = true;
	else if (s->secured && answered < n)
		cr_sm_rewind(&s->sm, &p.ex[answered]);
out:
	plan_free(&p);
	return err;
}

int cr_session_send(struct cr_session *s, const struct cr_capdu *cmd, uint8_t *data, size_t *len,
		    uint16_t *sw)
{
	struct cr_message m = { .cmd = *cmd, .data = data, .size = *len };
	size_t done;
	int err = cr_session_batch(s, &m, 1, &done);

	*len = m.len;
	*sw = m.sw;
	return err;
}
