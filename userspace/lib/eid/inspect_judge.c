// SPDX-License-Identifier: BSD-2-Clause
/* What was read and recorded, judged: passive authentication, and what the data say of each other and of today. */
#include <stdio.h>
#include <string.h>
#include "eid/checks.h"
#include "eid/inspect.h"
#include "eid/inspect_int.h"
#include "eid/lds.h"
#include "eid/lds_checks.h"
#include "eid/mrz_checks.h"
#include "eid/rule.h"
#include "iso7816/sw.h"
#include "trust/passive.h"

/*
 * What a record says counts as far as the files are there that it is about: the groups that the
 * issuer hashed, DG3 and DG4 apart, and DG14 or DG15, on which every proof of the chip stands (ICAO
 * 9303-11, 6). Whether they are the signed ones was just found out, and is said elsewhere.
 */
static int check_record(struct cr_inspection *insp)
{
	const enum cr_dg_status *dg = insp->passive.dg;
	char unread[100] = "", name[16];
	int err = 0;

	for (unsigned int n = 1; n <= 16; n++) {
		if (1U << n & CR_EAC_GROUPS || (dg[n] != CR_DG_UNREAD && dg[n] != CR_DG_LOCKED) ||
		    cr_inspector_file(insp, CR_FID_DG(n)))
			continue;
		snprintf(name, sizeof(name), "DG%u", n);
		sprintf(unread + strlen(unread), "%s%s", *unread ? ", " : "", name);
	}
	if (*unread)
		err = cr_check_set(insp, CR_CHECK_READ, CR_FAILED, "%s", unread);
	for (int id = CR_CHECK_AA; id <= CR_CHECK_PACE_CAM && !err; id++) {
		if (!cr_inspector_file(insp, CR_FID_DG(14)) && !cr_inspector_file(insp, CR_FID_DG(15)) &&
		    cr_check_get(insp, (enum cr_check_id)id) == CR_SUCCESSFUL)
			err = cr_check_set(insp, (enum cr_check_id)id, CR_UNDETERMINED,
					   "the data that the chip's proof stands on are not there");
	}
	return err;
}

/* TR-03135-1, 5.10.4: where it was given, as after a CAN there is none to compare with. */
static int check_printed_zone(struct inspector *in)
{
	const struct cr_secret *secret = in->opts->secret;
	const char *chip = in->insp->document.mrz, *what;
	enum cr_result r;

	if (!secret || !*secret->mrz || !chip)
		return 0;
	r = cr_mrz_compare(secret->mrz, chip, &what);
	if (r == CR_FAILED && CR_RULE(printed_zone, false))
		r = CR_SUCCESSFUL;	/* in the conformity suite alone */
	return cr_check_set(in->insp, CR_CHECK_PRINTED_ZONE, r, "%s", what ? what : "");
}

/* What the chip's proof stands on, where it does: so that it can be judged once more. */
static int keep_security(struct inspector *in)
{
	struct cr_file *f;

	if (!in->ca.security || (!in->mapped && !in->general.asked))
		return 0;
	f = cr_inspector_add_file(in->insp, CR_FID_SAVED_SECURITY);
	if (!f)
		return CR_E_NOMEM;
	f->sw = CR_SW_OK;
	f->data = in->ca.security;
	f->len = in->ca.security_len;
	in->ca.security = NULL;
	return 0;
}

int cr_inspector_judge(struct inspector *in)
{
	struct cr_inspection *insp = in->insp;
	int err = 0;

	if (in->card)
		err = cr_check_set(insp, CR_CHECK_READ,
				   CR_RULE(read_complete, !*in->unread) ? CR_SUCCESSFUL : CR_FAILED,
				   "%s", in->unread);
	if (!err)
		err = cr_passive_authenticate(insp, in->opts->trust, in->now);
	if (!err)
		err = in->card ? keep_security(in) : check_record(insp);
	if (!err)
		err = cr_inspector_chip_judge(in);
	if (!err)
		err = cr_lds_check_files(insp);
	if (!err)
		err = cr_lds_consistency(insp, in->now);
	if (!err && in->malformed)
		err = cr_check_set(insp, CR_CHECK_MRZ_CONSISTENT, CR_FAILED, "%s", in->malformed);
	if (!err)
		err = cr_lds_validity(insp, in->now);
	if (!err)
		err = check_printed_zone(in);
	if (!err)
		err = cr_checks_judge(insp);
	return err ? err : cr_defects_tell(insp);
}

int cr_inspect_again(struct cr_inspection *insp, const cr_trust_t *trust, time_t now)
{
	const struct cr_inspect_opts opts = { .trust = trust, .verify = true };
	struct inspector in = { .opts = &opts, .insp = insp, .now = now };
	int err = cr_lds_understand(insp, now);

	return err ? err : cr_inspector_judge(&in);
}
