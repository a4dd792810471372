/* SPDX-License-Identifier: BSD-2-Clause */
/* Files: SELECT and READ BINARY (ICAO 9303-10, 3.6; ISO/IEC 7816-4, 11.1 and 11.2). */
#include "simcard.h"

#include <string.h>

static const uint8_t aid[] = { 0xa0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01 };

/* Files beside the application, under the master file: open to all. */
static bool under_mf(const struct sim_card *card, uint16_t fid)
{
	if (fid == 0x011c)
		return !card->prof.card_access_in_app;
	return fid == 0x2f00 || fid == 0x2f01;
}

static bool open_to_all(const struct sim_card *card, const struct sim_file *f)
{
	return !f->in_app && (f->fid == 0x011c || under_mf(card, f->fid));
}

static const struct sim_file *find(const struct sim_card *card, uint16_t fid)
{
	for (unsigned int i = 0; i < card->prof.n_files; i++) {
		const struct sim_file *f = &card->prof.files[i];

		if (f->fid == fid && (f->under_mf || (!f->in_app && under_mf(card, fid))) == !card->app)
			return f;
	}
	return NULL;
}

static const struct sim_file *find_sfi(const struct sim_card *card, uint8_t sfi)
{
	if (card->prof.sfi == SIM_SFI_OTHER)
		return find(card, card->app ? 0x011e : 0x011c);
	if (!card->app && sfi == 0x01)
		return find(card, 0x2f01);
	if (!card->app && sfi == 0x1e)
		return find(card, 0x2f00);
	return find(card, 0x0100 | sfi);
}

/*
 * DG3 and DG4 need terminal authentication (ICAO 9303-11, 7.1); but for chips that protect them like the
 * other groups. Those are open to all where the chip knows no access control.
 */
static uint16_t may_read(const struct sim_card *card, const struct sim_file *f)
{
	if (f->fid >= 0x2f00 && card->prof.mf_files_locked)
		return SW_SECURITY_STATUS;
	if (open_to_all(card, f))
		return SW_OK;
	if (!card->access && (card->prof.pace || card->prof.bac) && !sim_lax("access"))
		return SW_SECURITY_STATUS;
	if (f->under_mf && f->fid == 0x011d && card->prof.ta_2 && !card->ta.done)	/* TR-03110-3, A.1.2: as it may be */
		return SW_SECURITY_STATUS;
	if (card->prof.biometrics_open || sim_lax("biometrics"))
		return SW_OK;
	if ((f->fid == 0x0103 && !(card->rights & 1)) || (f->fid == 0x0104 && !(card->rights & 2)))
		return SW_SECURITY_STATUS;
	return SW_OK;
}

static void control_parameters(const struct sim_file *f, struct sim_buf *out)
{
	struct sim_buf fcp = { 0 }, v = { 0 };

	sim_buf_be(&v, f->len, 2);
	sim_ber_wrap(&fcp, 0x80, &v);
	sim_buf_be(&v, f->fid, 2);
	sim_ber_wrap(&fcp, 0x83, &v);
	sim_ber_wrap(out, 0x62, &fcp);
}

uint16_t sim_select(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out)
{
	const struct sim_file *f;
	bool mf = a->p1 == 0x00 && (!a->lc || (a->lc == 2 && a->data[0] == 0x3f && a->data[1] == 0x00));
	uint16_t sw;

	if (mf && !card->prof.mf)
		return SW_INS;
	if (a->p2 != 0x0c && a->p2 != 0x00 && a->p2 != 0x04)
		return SW_P1P2;
	/* ISO/IEC 7816-4, 11.1.1: with P2 = 0C no response data, so no Le; else there is some. */
	if (a->p2 == 0x0c ? a->le != 0 : !a->le && !a->le_implied)
		return SW_LENGTH;
	switch (a->p1) {
	case 0x00:
		if (!mf)
			return SW_P1P2;
		card->app = false;
		card->ef = NULL;
		return SW_OK;
	case 0x04:
		if (a->lc < 5 || a->lc > 16)
			return SW_LENGTH;
		if (a->lc != sizeof(aid) || memcmp(a->data, aid, sizeof(aid)))
			return SW_NO_FILE;
		card->app = true;
		card->ef = NULL;
		if (a->p2 != 0x0c) {
			struct sim_buf fci = { 0 };

			sim_ber_put(&fci, 0x84, aid, sizeof(aid));
			sim_ber_wrap(out, 0x6f, &fci);
		}
		return SW_OK;
	case 0x02:
		if (a->lc != 2)
			return sim_lax("no-file") ? SW_OK : SW_LENGTH;
		f = find(card, (uint16_t)(a->data[0] << 8 | a->data[1]));
		if (!f)
			return sim_lax("no-file") ? SW_OK : SW_NO_FILE;
		sw = may_read(card, f);
		if (sw != SW_OK)
			return sw;
		card->ef = f;
		if (a->p2 != 0x0c)
			control_parameters(f, out);
		return SW_OK;
	default:
		return SW_P1P2;
	}
}

static uint16_t read_from(struct sim_card *card, const struct sim_file *f, size_t offset, size_t le, bool all,
			  const uint8_t **p, size_t *n)
{
	size_t left;

	if (offset >= f->len)
		return sim_lax("no-file") ? SW_OK : SW_OFFSET;
	left = f->len - offset;
	if (all && le > card->prof.max_le)
		le = card->prof.max_le;
	if (le > card->prof.max_le)
		return SW_LENGTH;
	*p = f->data + offset;
	*n = le < left ? le : left;
	card->work.file_bytes += *n;
	if (le > left && !all) {
		if (card->prof.le_beyond == SW_OFFSET)
			return SW_OFFSET;
		return SW_END_OF_FILE;
	}
	return SW_OK;
}

static uint16_t read_odd(struct sim_card *card, const struct sim_apdu *a, const struct sim_file *f,
			 struct sim_buf *out)
{
	struct sim_tlv t;
	const uint8_t *p = NULL;
	size_t offset = 0, n = 0, le = a->le, header;
	uint16_t sw;

	if (!a->lc || !sim_ber_get(a->data, a->lc, &t) || t.tag != 0x54 || t.total != a->lc || t.len < 1 || t.len > 4)
		return SW_DATA;
	for (size_t i = 0; i < t.len; i++)
		offset = offset << 8 | t.value[i];
	/* Ne counts the data object 53, header and all. */
	header = le > 0xffff ? 5 : le > 0x101 ? 4 : le > 0x81 ? 3 : 2;
	if (le <= header)
		return SW_LENGTH;
	sw = read_from(card, f, offset, le - header, a->le_all, &p, &n);
	if (sw == SW_OK || sw == SW_END_OF_FILE)
		sim_ber_put(out, 0x53, p, n);
	return sw;
}

uint16_t sim_read_binary(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out)
{
	const struct sim_file *f = card->ef;
	const uint8_t *p = NULL;
	size_t offset = 0, n = 0;
	bool odd = a->ins & 1;
	uint16_t fid = 0, sw;
	uint8_t sfi = 0;

	/*
	 * ISO/IEC 7816-4, 11.2.2: bit 8 of P1, or bits 5 to 1 of P2; 31 is no short identifier. With an odd INS, and
	 * any of the other eleven bits set, P1-P2 is a file identifier.
	 */
	if (odd && (a->p1 || (a->p2 & 0xe0))) {
		fid = (uint16_t)(a->p1 << 8 | a->p2);
	} else if (odd) {
		sfi = a->p2;
	} else if (a->p1 & 0x80) {
		if (a->p1 & 0x60)
			return SW_P1P2;
		sfi = a->p1 & 0x1f;
		if (!sfi)
			return SW_P1P2;
		offset = a->p2;
	} else {
		offset = (size_t)a->p1 << 8 | a->p2;
	}
	if (sfi == 0x1f)
		return SW_P1P2;
	if (sfi && card->prof.sfi == SIM_SFI_REFUSED)
		return card->prof.sfi_sw;
	if (!a->le || (!odd && a->lc))
		return SW_LENGTH;
	if (sfi || fid) {
		f = sfi ? find_sfi(card, sfi) : find(card, fid);
		if (!f)
			return SW_NO_FILE;
	}
	if (!f)
		return SW_NO_CURRENT_EF;
	sw = may_read(card, f);
	if (sw != SW_OK)
		return sw;
	if (!sfi || card->prof.sfi != SIM_SFI_PASSING)
		card->ef = f;
	if (odd)
		return read_odd(card, a, f, out);
	sw = read_from(card, f, offset, a->le, a->le_all, &p, &n);
	if (sw == SW_OK || sw == SW_END_OF_FILE)
		sim_buf_put(out, p, n);
	return sw;
}
