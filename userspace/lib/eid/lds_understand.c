/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the files of an inspection to what they say: each to its parser, and then who says best what
 * several say. A file that does not parse says nothing, and has a note. No I/O.
 */
#include <stdlib.h>
#include <string.h>
#include "eid/items.h"
#include "eid/lds.h"
#include "eid/lds_text.h"
#include "eid/rule.h"

/* The names stand here whole, as they are looked up in the catalogues of translations. */
static const char *malformed(uint16_t fid)
{
	switch (fid) {
	case CR_FID_COM:	return "EF.COM is malformed";
	case CR_FID_DIR:	return "EF.DIR is malformed";
	case CR_FID_INFO:	return "EF.ATR/INFO is malformed";
	case CR_FID_DG(1):	return "DG1 is malformed or a check digit is wrong";
	case CR_FID_DG(2):	return "DG2 is malformed or holds no portrait";
	case CR_FID_DG(3):	return "DG3 is malformed";
	case CR_FID_DG(4):	return "DG4 is malformed";
	case CR_FID_DG(5):	return "DG5 is malformed";
	case CR_FID_DG(7):	return "DG7 is malformed";
	case CR_FID_DG(11):	return "DG11 is malformed";
	case CR_FID_DG(12):	return "DG12 is malformed";
	case CR_FID_DG(13):	return "DG13 is malformed";
	case CR_FID_DG(14):	return "DG14 is malformed";
	case CR_FID_DG(15):	return "DG15 is malformed";
	case CR_FID_DG(16):	return "DG16 is malformed";
	}
	return "the file is malformed";
}

/* What the items do not hold. */
static int own_parser(struct cr_inspection *insp, const struct cr_file *f, time_t now)
{
	uint32_t dgs;

	switch (f->fid) {
	case CR_FID_COM:
		return cr_lds_com(f->data, f->len, &dgs);
	case CR_FID_DG(1):
		return cr_lds_dg1(f->data, f->len, now, &insp->document, &insp->holder);
	case CR_FID_DG(2):
		return cr_lds_dg2(f->data, f->len, &insp->portrait, &insp->portrait_len,
				  &insp->portrait_type);
	case CR_FID_DG(13):
		return 0;	/* when it is known whose DG13 it is */
	}
	return 0;
}

static const char *text_of(const struct cr_items *items, uint16_t fid, const char *name)
{
	for (size_t i = 0; i < items->n; i++) {
		if (items->item[i].fid == fid && !strcmp(items->item[i].name, name))
			return items->item[i].text;
	}
	return NULL;
}

/* An empty text says nothing, and a date that is known in part says less than a whole one. */
static int replace(char **to, const char *better, bool date)
{
	char *copy;

	if (!better || !*better || (date && *to && strlen(better) < strlen(*to)))
		return 0;
	copy = strdup(better);
	if (!copy)
		return CR_E_NOMEM;
	cr_text_set(to, copy);
	return 0;
}

/* DG11 and DG12: whole names in their own letters, and dates with their century. */
static int take_details(struct cr_inspection *insp, const struct cr_items *items)
{
	int err = replace(&insp->holder.full_name, text_of(items, CR_FID_DG(11), "full_name"), false);

	if (!err)
		err = replace(&insp->holder.date_of_birth,
			      text_of(items, CR_FID_DG(11), "date_of_birth"), true);
	if (!err)
		err = replace(&insp->document.date_of_issue,
			      text_of(items, CR_FID_DG(12), "date_of_issue"), true);
	return err;
}

static int take_dg13(struct cr_inspection *insp)
{
	int err = 0;

	for (size_t i = 0; i < insp->n_files && err != CR_E_NOMEM; i++) {
		struct cr_file *f = &insp->files[i];

		if (f->fid != CR_FID_DG(13) || !f->data)
			continue;
		err = cr_lds_dg13(f->data, f->len, &insp->document, &insp->holder);
		if (err == CR_E_MALFORMED)
			f->note = malformed(f->fid);
	}
	return err == CR_E_NOMEM ? err : 0;
}

int cr_lds_understand(struct cr_inspection *insp, time_t now)
{
	struct cr_items items = { 0 };
	int err = 0;

	for (size_t i = 0; i < insp->n_files && err != CR_E_NOMEM; i++) {
		struct cr_file *f = &insp->files[i];

		if (!f->data)
			continue;
		err = own_parser(insp, f, now);
		if (!err)
			err = cr_items_of_file(f->fid, f->data, f->len, &items);
		f->note = CR_RULE(file_form, err != CR_E_MALFORMED) ? NULL : malformed(f->fid);
	}
	err = err == CR_E_NOMEM ? err : take_details(insp, &items);
	insp->items = items.item;
	insp->n_items = items.n;
	return err ? err : take_dg13(insp);
}
