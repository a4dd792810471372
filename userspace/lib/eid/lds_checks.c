/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mandatory files: EF.SOD, DG1 and DG2 (ICAO 9303-10, 4.6 and 4.7). So is EF.COM (4.6.1), though EF.SOD tells the
 * same: where it is not there, CR_CHECK_READ has failed over it.
 */
#include "iso7816/sw.h"
#include "iso7816/tlv.h"
#include "checks.h"
#include "lds.h"
#include "lds_checks.h"
#include "mrz_checks.h"
#include "rule.h"

static const struct cr_file *find(const struct cr_inspection *insp, uint16_t fid)
{
	for (size_t i = 0; i < insp->n_files; i++) {
		if (insp->files[i].fid == fid)
			return &insp->files[i];
	}
	return NULL;
}

/* 5.8.4.1.1: there, whether or not it could be read whole. */
static int check_there(struct cr_inspection *insp, enum cr_check_id id, uint16_t fid, const char *name)
{
	const struct cr_file *f = find(insp, fid);

	if (!CR_RULE(file_there, f && (f->data || (f->sw != CR_SW_FILE_NOT_FOUND && f->err != CR_E_NOT_FOUND))))
		return cr_check_set(insp, id, CR_FAILED, "%s", name);
	if (f && !f->data && f->err != CR_E_ACCESS_REFUSED && !CR_RULE_OFF(file_there))
		return cr_check_set(insp, id, CR_ABORTED, "%s", name);
	return cr_check_set(insp, id, CR_SUCCESSFUL, NULL);
}

static int check_that(struct cr_inspection *insp, enum cr_check_id id, bool well)
{
	return cr_check_set(insp, id, well ? CR_SUCCESSFUL : CR_FAILED, NULL);
}

static int check_com(struct cr_inspection *insp, const struct cr_file *com)
{
	struct cr_com_checks c;
	uint32_t dgs;
	int err;

	cr_lds_com_check(com->data, com->len, &dgs, &c);
	err = check_that(insp, CR_CHECK_COM_LDS_VERSION, CR_RULE(com_lds_version, c.lds));
	if (!err)
		err = check_that(insp, CR_CHECK_COM_UNICODE_VERSION, CR_RULE(com_unicode_version, c.unicode));
	return err ? err : check_that(insp, CR_CHECK_COM_LIST, CR_RULE(com_list, c.list));
}

static int check_dg2(struct cr_inspection *insp, const struct cr_file *dg2)
{
	const uint8_t *image;
	const char *type;
	size_t len;
	int err = check_that(insp, CR_CHECK_DG2_HEADER, cr_lds_dg2_has_header(dg2->data, dg2->len));

	return err ? err : check_that(insp, CR_CHECK_DG2_IMAGE,
				      !cr_lds_dg2(dg2->data, dg2->len, &image, &len, &type) && len);
}

/* The zone as it is, whether or not it can be taken whole (dg1.c). */
static int check_dg1(struct cr_inspection *insp, const struct cr_file *dg1)
{
	static const uint32_t path[] = { 0x61, 0x5f1f };
	enum cr_result r[CR_MRZ_CHECKS] = { CR_FAILED };
	struct cr_tlv zone;
	size_t n = 1;
	int err = 0;

	_Static_assert(CR_CHECK_MRZ_LAST - CR_CHECK_MRZ_FIRST + 1 == CR_MRZ_CHECKS, "");
	if (!cr_tlv_find_path(dg1->data, dg1->len, path, 2, &zone))
		n = cr_mrz_check((const char *)zone.val, zone.len, r);
	for (size_t i = 0; i < n && !err; i++)
		err = cr_check_set(insp, (enum cr_check_id)(CR_CHECK_MRZ_FIRST + i), r[i], NULL);
	return err;
}

int cr_lds_check_files(struct cr_inspection *insp)
{
	const struct cr_file *com = find(insp, CR_FID_COM), *dg1 = find(insp, CR_FID_DG(1));
	const struct cr_file *dg2 = find(insp, CR_FID_DG(2));
	int err = check_there(insp, CR_CHECK_FILE_SOD, CR_FID_SOD, "EF.SOD");

	if (!err)
		err = check_there(insp, CR_CHECK_FILE_DG1, CR_FID_DG(1), "DG1");
	if (!err && (!insp->need || insp->need & 1U << 2))
		err = check_there(insp, CR_CHECK_FILE_DG2, CR_FID_DG(2), "DG2");
	if (!err && com && com->data)
		err = check_com(insp, com);
	if (!err && dg1 && dg1->data)
		err = check_dg1(insp, dg1);
	if (!err && dg2 && dg2->data)
		err = check_dg2(insp, dg2);
	return err;
}
