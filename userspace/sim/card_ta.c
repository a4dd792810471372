/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Terminal authentication, the card's side: TR-03110-3, B.3. Version 1 after chip authentication, in its session;
 * version 2 before it, in that of a PACE that announced it, and what it opens is open in the session of the chip
 * authentication that follows.
 *
 *   MSE:Set DST, PSO:Verify Certificate   a certificate by the key of one that is known: the chip's own authority, or
 *                                         the certificate before
 *   MSE:Set AT, GET CHALLENGE, EXTERNAL AUTHENTICATE   the terminal's signature; version 2: the challenge may come first
 *
 * The card has no clock: the latest day that a certificate began on is its today (C.1.1). An authority's successor
 * becomes a trust point beside it, and EF.CVCA names both (A.6.2.2); the older one is good until its own end. Day and
 * trust points outlive power.
 */
#include "simcard.h"

#include <stdio.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

void sim_ta_reset(struct sim_card *card)
{
	if (sim_lax("cvc-stays"))
		return;
	sim_holder_clear(&card->ta.last);
	sim_buf_free(&card->ta.auxiliary);
	memset(&card->ta, 0, sizeof(card->ta));
}

static bool version_2(const struct sim_card *card)
{
	return card->prof.ta_2 && card->ta.announced && !card->chip_authenticated;
}

/* TR-03110-2, 3.3.2: version 2 once in a session. */
static uint16_t allowed(const struct sim_card *card, bool protected)
{
	if (!card->prof.cvca.key)
		return SW_P1P2;
	if (!protected || card->ta.done)
		return SW_SECURITY_STATUS;
	return version_2(card) || (card->prof.ta_1 && card->chip_authenticated) ? SW_OK : SW_SECURITY_STATUS;
}

bool sim_ta_wants_challenge(const struct sim_card *card, bool protected)
{
	return card->ta.set || (protected && card->prof.cvca.key && version_2(card) && !card->ta.done);
}

bool sim_ta_precedes(const struct sim_card *card)
{
	return card->ta.done && !card->chip_authenticated;
}

/* One object 83, a name; NULL: something else. */
static bool reference(const struct sim_apdu *a, char out[17])
{
	struct sim_tlv t;

	if (!sim_ber_get(a->data, a->lc, &t) || t.tag != 0x83 || t.total != a->lc || !t.len || t.len > 16)
		return false;
	memcpy(out, t.value, t.len);
	out[t.len] = '\0';
	return true;
}

static const struct sim_holder *known(const struct sim_card *card, const char *name)
{
	const struct sim_holder *before = &card->prof.cvca_before;

	if (!strcmp(name, card->prof.cvca.name))
		return &card->prof.cvca;
	if (before->key && !strcmp(name, before->name))
		return strcmp(before->to, card->prof.today) < 0 && !sim_lax("cvc-day") ? NULL : before;
	return card->ta.last.key && !strcmp(name, card->ta.last.name) ? &card->ta.last : NULL;
}

uint16_t sim_ta_set_dst(struct sim_card *card, const struct sim_apdu *a, bool protected)
{
	uint16_t sw = allowed(card, protected);

	card->ta.dst[0] = '\0';
	if (sw != SW_OK)
		return sw;
	if (!reference(a, card->ta.dst))
		return SW_DATA;
	if (!known(card, card->ta.dst)) {
		card->ta.dst[0] = '\0';
		return SW_NO_REFERENCE;
	}
	return SW_OK;
}

/* C.1.2: an authority signs for authorities and document verifiers, these for terminals. */
static bool may_sign(const struct sim_holder *by, const struct sim_holder *h)
{
	unsigned int above = by->chat >> 6, below = h->chat >> 6;

	if (sim_lax("cvc-role"))
		return true;

	return above == 3 ? below != 0 : above != 0 && below == 0;
}

/* C.1.1: whoever it is, but for a terminal of a foreign document verifier's. */
static bool moves_day(const struct sim_holder *by, const struct sim_holder *h)
{
	return h->chat >> 6 != 0 || by->chat >> 6 == 2 || sim_lax("foreign-day");
}

static void name_trust_points(struct sim_card *card)
{
	const struct sim_profile *prof = &card->prof;
	struct sim_buf b = { 0 };

	sim_ber_str(&b, 0x42, prof->cvca.name);
	if (prof->cvca_before.key)
		sim_ber_str(&b, 0x42, prof->cvca_before.name);
	for (unsigned int i = 0; i < prof->n_files; i++) {
		const struct sim_file *f = &prof->files[i];

		if (f->fid != 0x011c || !f->in_app || b.failed || b.len > f->len)
			continue;
		memset(f->data, 0, f->len);
		memcpy(f->data, b.p, b.len);
	}
	sim_buf_free(&b);
}

/* A link certificate's holder, of which the card keeps a copy, comes first; who was first is second. */
static void trust(struct sim_card *card, const struct sim_holder *h)
{
	struct sim_profile *prof = &card->prof;

	if (!strcmp(h->name, prof->cvca.name) || !strcmp(h->name, prof->cvca_before.name))
		return;
	sim_holder_clear(&prof->cvca_before);
	prof->cvca_before = prof->cvca;
	prof->cvca = *h;
	EVP_PKEY_up_ref(prof->cvca.key);
	name_trust_points(card);
}

uint16_t sim_ta_verify(struct sim_card *card, const struct sim_apdu *a, bool protected)
{
	const struct sim_holder *by;
	struct sim_holder h;
	uint16_t sw = allowed(card, protected);

	if (sw != SW_OK)
		return sw == SW_P1P2 ? SW_INS : sw;
	if (a->p1 || a->p2 != 0xbe)
		return SW_P1P2;
	if (!a->lc || a->le)
		return SW_LENGTH;
	by = *card->ta.dst ? known(card, card->ta.dst) : sim_lax("dst") ? &card->prof.cvca : NULL;
	card->ta.dst[0] = '\0';
	if (!by)
		return SW_CONDITIONS;
	if (!sim_cvc_check(a->data, a->lc, by, &h))
		return sim_lax("cvc") ? SW_OK : SW_AUTH_FAILED;
	if (!may_sign(by, &h) || (strcmp(h.to, card->prof.today) < 0 && !sim_lax("cvc-day"))) {
		sim_holder_clear(&h);
		return SW_AUTH_FAILED;
	}
	/* 3.5.3: what all of the chain grant */
	card->ta.granted = (by->chat >> 6 == 3 ? by->chat : card->ta.granted) & h.chat & 0x3f;
	if (sim_lax("rights"))
		card->ta.granted = h.chat & 0x3f;
	if (moves_day(by, &h) && strcmp(h.from, card->prof.today) > 0)
		memcpy(card->prof.today, h.from, sizeof(card->prof.today));
	sim_holder_clear(&card->ta.last);
	card->ta.last = h;
	if (h.chat >> 6 == 3)
		trust(card, &h);
	return SW_OK;
}

/* B.14.1: 80 algorithm, 83 name, [67 auxiliary data], 91 compressed key. */
static bool reference_2(struct sim_card *card, const struct sim_apdu *a, char name[17], struct sim_buf *oid)
{
	static const uint32_t order[] = { 0x80, 0x83, 0x67, 0x91 };
	struct sim_ta *ta = &card->ta;
	unsigned int next = 0;
	struct sim_tlv t;

	sim_buf_free(&ta->auxiliary);
	ta->ephemeral_len = 0;
	*name = '\0';
	for (size_t off = 0; off < a->lc; off += t.total) {
		if (!sim_ber_get(a->data + off, a->lc - off, &t) || !t.len)
			return false;
		if (next == 2 && t.tag != order[next])		/* 67 may be left out */
			next++;
		if (next == 4 || t.tag != order[next++])
			return false;
		if (t.tag == 0x80)
			sim_buf_put(oid, t.value, t.len);
		else if (t.tag == 0x67)
			sim_buf_put(&ta->auxiliary, a->data + off, t.total);
		else if (t.tag == 0x83 ? t.len > 16 : t.len > sizeof(ta->ephemeral))
			return false;
		else if (t.tag == 0x83)
			snprintf(name, 17, "%.*s", (int)t.len, (const char *)t.value);
		else
			memcpy(ta->ephemeral, t.value, ta->ephemeral_len = t.len);
	}
	return oid->len && *name && ta->ephemeral_len == (card->prof.ca_group.ec ? card->prof.ca_group.field_len : 20);
}

uint16_t sim_ta_set_at(struct sim_card *card, const struct sim_apdu *a, bool protected)
{
	uint16_t sw = allowed(card, protected);
	struct sim_buf oid = { 0 }, own = { 0 };
	bool second = version_2(card), ok;
	char name[17];

	card->ta.set = false;
	if (sw != SW_OK)
		return sw;
	if (sim_lax("ta-order")) {
		card->ta.set = true;
		return SW_OK;
	}
	ok = second ? reference_2(card, a, name, &oid) : reference(a, name);
	if (ok && second && card->ta.last.key)
		ok = sim_holder_algorithm(&card->ta.last, &own) && own.len == oid.len && !memcmp(own.p, oid.p, oid.len);
	sim_buf_free(&oid);
	sim_buf_free(&own);
	if (!ok)
		return SW_DATA;
	if (!card->ta.last.key || card->ta.last.chat >> 6 || strcmp(name, card->ta.last.name) != 0)
		return SW_NO_REFERENCE;
	card->ta.set = true;
	return SW_OK;
}

uint16_t sim_ta_challenge(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out)
{
	if (a->p1 || a->p2)
		return SW_P1P2;
	if (a->lc || (a->le != 8 && !sim_lax("ta-order")))
		return SW_LENGTH;
	if (RAND_bytes(card->ta.challenge, 8) != 1)
		return SW_INTERNAL;
	card->work.random_bytes += 8;
	card->ta.challenged = true;
	sim_buf_put(out, card->ta.challenge, 8);
	return SW_OK;
}

uint16_t sim_ta_authenticate(struct sim_card *card, const struct sim_apdu *a)
{
	struct sim_buf m = { 0 };
	bool second = version_2(card), ok;

	if (a->p1 || a->p2)
		return SW_P1P2;
	if (!a->lc || a->le)
		return SW_LENGTH;
	if (!card->ta.challenged && !sim_lax("ta-order"))
		return SW_CONDITIONS;
	sim_buf_put(&m, card->chip_id, card->chip_id_len);
	sim_buf_put(&m, card->ta.challenge, 8);
	if (second) {
		sim_buf_put(&m, card->ta.ephemeral, card->ta.ephemeral_len);
		sim_buf_put(&m, card->ta.auxiliary.p, card->ta.auxiliary.len);
	} else {
		sim_buf_put(&m, card->terminal_id, card->terminal_id_len);
	}
	ok = (!m.failed && sim_holder_signed(&card->ta.last, m.p, m.len, a->data, a->lc)) || sim_lax("ta-signature");
	sim_buf_free(&m);
	card->ta.set = card->ta.challenged = false;	/* good for one try */
	if (!ok)
		return SW_AUTH_FAILED;
	if (second) {
		card->ta.done = true;
		card->ta.granted &= card->ta.chat;
	} else {
		card->rights = card->ta.granted;
	}
	return SW_OK;
}
