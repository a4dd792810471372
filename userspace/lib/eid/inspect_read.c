// SPDX-License-Identifier: BSD-2-Clause
/*
 * The files of an inspection: which there are to read, in as few batches as it takes, and again where the
 * session was lost over one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include "eid/blocks.h"
#include "eid/checks.h"
#include "eid/inspect_int.h"
#include "eid/items.h"
#include "eid/lds.h"
#include "eid/rule.h"
#include "iso7816/sw.h"
#include "trust/sod.h"

static void name_file(uint16_t fid, char name[16])
{
	switch (fid) {
	case CR_FID_COM:	strcpy(name, "EF.COM"); break;
	case CR_FID_SOD:	strcpy(name, "EF.SOD"); break;
	case CR_FID_DIR:	strcpy(name, "EF.DIR"); break;
	case CR_FID_SAVED_SECURITY: strcpy(name, "EF.CardSecurity"); break;
	case CR_FID_INFO:	strcpy(name, "EF.ATR/INFO"); break;
	default:		snprintf(name, 16, "DG%u", fid & 0xffU);
	}
}

struct cr_file *cr_inspector_add_file(struct cr_inspection *insp, uint16_t fid)
{
	struct cr_file *files = reallocarray(insp->files, insp->n_files + 1, sizeof(*files)), *f;

	if (!files)
		return NULL;
	insp->files = files;
	f = &files[insp->n_files++];
	memset(f, 0, sizeof(*f));
	f->fid = fid;
	name_file(fid, f->name);
	return f;
}

static void progress(void *arg, size_t got, size_t total)
{
	struct inspector_report *r = arg;

	r->opts->progress(r->opts->progress_arg, r->name, got, total);
}

const struct cr_file *cr_inspector_file(const struct cr_inspection *insp, uint16_t fid)
{
	for (size_t i = 0; i < insp->n_files; i++) {
		if (insp->files[i].fid == fid && insp->files[i].data)
			return &insp->files[i];
	}
	return NULL;
}

/* Whether it was asked for, whatever came of it. */
static bool was_tried(const struct cr_inspection *insp, uint16_t fid)
{
	for (size_t i = 0; i < insp->n_files; i++) {
		if (insp->files[i].fid == fid)
			return true;
	}
	return false;
}

/* What terminal authentication has to open for it; 0: nothing. */
static uint8_t right_for(uint16_t fid)
{
	return fid == CR_FID_DG(3) ? CR_CVC_READ_DG3 : fid == CR_FID_DG(4) ? CR_CVC_READ_DG4 : 0;
}

static bool is_ahead(const struct inspector *in, uint16_t fid)
{
	for (size_t i = 0; i < in->n_ahead; i++) {
		if (in->ahead[i].fid == fid)
			return true;
	}
	return false;
}

/* Before the session changes: whether what was read in it is of a chip that general authentication has proved. */
static void note_session(struct inspector *in, const struct cr_file_request *r)
{
	if (r->data && in->general.proof.result != CR_SUCCESSFUL)
		in->beside_general = true;
}

/* What it can of EF.SOD, if sod says so, and of these groups, in few batches, for cr_inspector_read to take. */
static int read_ahead(struct inspector *in, bool sod, uint32_t dgs)
{
	struct cr_file_request *first = in->ahead + in->n_ahead;
	size_t n = 0;
	int err;

	for (unsigned int i = sod ? 0 : 1; i <= 16 && in->n_ahead < CR_AHEAD_MAX; i++) {
		uint16_t fid = i ? CR_FID_DG(i) : CR_FID_SOD;
		struct inspector_report *report = &in->reports[in->n_ahead];

		if ((i && !(dgs & ~CR_EAC_GROUPS & 1U << i)) || is_ahead(in, fid))
			continue;
		report->opts = in->opts;
		name_file(fid, report->name);
		in->ahead[in->n_ahead++] = (struct cr_file_request){
			.fid = fid,
			.tag = cr_lds_file_tag(fid),
			.least = cr_lds_file_least(fid),
			.progress = in->opts->progress ? progress : NULL,
			.progress_arg = report,
		};
		n++;
	}
	err = cr_files_read_ahead(&in->s, first, n);
	for (size_t i = 0; i < n; i++)
		note_session(in, &first[i]);
	return err && !cr_chip_fatal(err) && in->s.lost ? cr_inspector_reopen(in) : err;
}

static bool take_ahead(struct inspector *in, struct cr_file *f)
{
	for (size_t i = 0; i < in->n_ahead; i++) {
		struct cr_file_request *r = &in->ahead[i];

		if (r->fid != f->fid || !r->data)
			continue;
		f->data = r->data;
		f->len = r->len;
		f->sw = r->sw;
		r->data = NULL;
		return true;
	}
	return false;
}

void cr_inspector_forget(struct inspector *in)
{
	for (size_t i = 0; i < in->n_ahead; i++) {
		if (in->ahead[i].data)
			OPENSSL_cleanse(in->ahead[i].data, in->ahead[i].len);
		free(in->ahead[i].data);
	}
}

int cr_inspector_read(struct inspector *in, uint16_t fid, bool may_be_absent)
{
	struct cr_file *f = cr_inspector_add_file(in->insp, fid);
	struct cr_file_request r = { .fid = fid,
				     /* a file that is not there costs least by SELECT */
				     .tag = may_be_absent ? 0 : cr_lds_file_tag(fid),
				     .least = cr_lds_file_least(fid),
				     .progress = in->opts->progress ? progress : NULL };
	struct inspector_report report = { .opts = in->opts };
	int err, opened;
	bool again, locked;

	if (!f)
		return CR_E_NOMEM;
	if (take_ahead(in, f))
		return 0;
	memcpy(report.name, f->name, sizeof(report.name));
	r.progress_arg = &report;
	do {
		err = cr_file_read(&in->s, &r);
		note_session(in, &r);
		/* an answer, also where it ends the session */
		locked = right_for(fid) && r.sw == CR_SW_SECURITY_STATUS && !cr_chip_fatal(err);
		if (locked)
			err = CR_E_ACCESS_REFUSED;
		f->err = err;
		f->sw = r.sw;
		again = false;
		if (err && !cr_chip_fatal(err) && in->s.lost) {
			/*
			 * a wrong MAC on a successful answer is no matter of size, nor is a file
			 * that is not there
			 */
			again = !locked &&
				(r.again ||
				 (!(err == CR_E_SM &&
				    (r.sw == CR_SW_OK || r.sw == CR_SW_FILE_NOT_FOUND)) &&
				  cr_block_shrink(&in->s)));
			opened = cr_inspector_reopen(in);
			if (!opened && again && in->let_in & right_for(fid)) {
				/* as the terminal that was let in to it, or not at all */
				opened = cr_inspector_let_in_again(in);
				locked = !(in->rights & right_for(fid));
			}
			if (opened)
				return opened;
			if (locked) {
				err = f->err = CR_E_ACCESS_REFUSED;
				again = false;
			}
		}
	} while (again);
	f->data = r.data;
	f->len = r.len;
	if (err == CR_E_NOT_FOUND && may_be_absent)
		in->insp->n_files--;
	else if (err && !locked && strlen(in->unread) + sizeof(f->name) + 12 < sizeof(in->unread))
		sprintf(in->unread + strlen(in->unread), "%s%s (%04X)", *in->unread ? ", " : "",
			f->name, r.sw);
	return cr_chip_fatal(err) ? err : 0;
}

/* What EF.SOD has hashes of: signed or not is not the question here. */
static uint32_t listed_in_sod(const struct cr_file *f)
{
	uint32_t dgs = 0;
	struct cr_sod sod;
	const char *why;

	if (!f)
		return 0;
	ERR_set_mark();
	if (!cr_sod_parse(f->data, f->len, &sod, &why)) {
		for (unsigned int n = 1; n <= 16; n++)
			dgs |= sod.hash[n] ? 1U << n : 0;
	}
	cr_sod_clear(&sod);
	ERR_pop_to_mark();
	return dgs;
}

uint32_t cr_inspector_need(const struct inspector *in)
{
	return in->opts->need ? in->opts->need : CR_NEED_ALL;
}

/* EF.COM's list; without one, until EF.SOD tells, it lists nothing. */
int cr_inspector_read_com(struct inspector *in)
{
	const struct cr_file *com;
	int err = cr_inspector_read(in, CR_FID_COM, false);

	if (err)
		return err;
	com = cr_inspector_file(in->insp, CR_FID_COM);
	if (!com || cr_lds_com(com->data, com->len, &in->listed))
		in->listed = 0;
	return 0;
}

/*
 * What EF.COM lists, and what EF.SOD has hashes of: nobody can take a group out of both. Without
 * EF.COM what EF.SOD has, without either each one that may be there.
 */
int cr_inspector_read_sod(struct inspector *in)
{
	uint32_t need = cr_inspector_need(in);
	bool sod = in->opts->verify || (need & CR_NEED_ALL) == CR_NEED_ALL;
	int err = 0;

	/* in one batch with the groups, where nothing is to be proved any more before they are read */
	if (!in->opts->verify || (!in->unproved && !in->opts->terminal))
		err = read_ahead(in, sod, in->listed & (in->opts->verify ? (need | 1U << 1) & ~(1U << 14) : need));
	if (!err && sod)
		err = cr_inspector_read(in, CR_FID_SOD, false);
	if (err)
		return err;
	in->hashed = listed_in_sod(cr_inspector_file(in->insp, CR_FID_SOD));
	if (!in->listed)
		in->listed = in->hashed ? in->hashed : CR_NEED_ALL & ~CR_EAC_GROUPS;
	in->wanted = need & CR_NEED_ALL;
	/* ICAO 9303-10, 4.7: without DG1 nobody knows whose document it is; DG14 tells what DG3 and DG4 want */
	if (in->opts->verify)
		in->wanted |= 1U << 1;
	if (in->wanted & CR_EAC_GROUPS)
		in->wanted |= 1U << 14;
	in->wanted &= in->listed | in->hashed;
	return 0;
}

/* Whether DG3 and DG4 want terminal authentication; where that is not known, too. */
static bool announces_ta(const struct inspector *in)
{
	const struct cr_file *dg14 = cr_inspector_file(in->insp, CR_FID_DG(14));
	struct cr_security_infos infos;
	const uint8_t *set;
	size_t len;

	if (!dg14)
		return (in->listed | in->hashed) & 1U << 14;
	return cr_security_infos_dg14(dg14->data, dg14->len, &set, &len) ||
	       cr_security_infos_parse(set, len, &infos) || infos.terminal_authentication;
}

/*
 * TR-03135-1, 5.8.11. Without a terminal's certificates DG3 and DG4 are locked, and nobody wanted them; so with
 * those that another state gave. With those for this document it has failed, whatever else is true of the
 * document: who inspects it does not get the fingerprints that he is to compare.
 */
int cr_inspector_check_terminal(struct inspector *in)
{
	const struct cr_access *a = &in->insp->access;
	enum cr_result result = CR_UNDETERMINED;

	if (!in->opts->terminal || !(in->wanted & CR_EAC_GROUPS))
		return 0;
	if (a->terminal)
		result = CR_SUCCESSFUL;
	else if (!in->general.announced && !announces_ta(in))
		result = CR_NOT_SUPPORTED;
	else if (!CR_RULE(terminal_let_in, !in->terminal_refused))
		result = CR_FAILED;
	return cr_check_set(in->insp, CR_CHECK_TERMINAL_AUTHENTICATION, result, "%s",
			    a->terminal_why && !a->terminal ? a->terminal_why : "");
}

/*
 * DG3 and DG4 that no terminal authentication has opened, last: a chip that wants it is not asked for
 * them, as it may count that against the terminal. Others may give them, and are asked once.
 */
static int read_eac_group(struct inspector *in, unsigned int n)
{
	const uint8_t right = right_for(CR_FID_DG(n));
	struct cr_file *f;
	int err = in->let_in & right & ~in->rights ? cr_inspector_let_in_again(in) : 0;

	if (err)
		return err;
	if (in->rights & right || !announces_ta(in))
		return cr_inspector_read(in, CR_FID_DG(n), false);
	f = cr_inspector_add_file(in->insp, CR_FID_DG(n));
	if (!f)
		return CR_E_NOMEM;
	f->err = CR_E_ACCESS_REFUSED;
	return 0;
}

int cr_inspector_read_groups(struct inspector *in)
{
	const struct cr_file *com = cr_inspector_file(in->insp, CR_FID_COM);
	uint32_t sure = com && in->opts->verify ? in->wanted & in->listed & ~(1U << 14) : 0;
	int err = 0;

	for (unsigned int n = 1; n <= 16; n++)
		sure &= was_tried(in->insp, CR_FID_DG(n)) ? ~(1U << n) : UINT32_MAX;
	err = read_ahead(in, false, sure);
	for (unsigned int n = 1; n <= 16 && !err; n++) {
		if (!(in->wanted & 1U << n) || 1U << n & CR_EAC_GROUPS ||
		    was_tried(in->insp, CR_FID_DG(n)) || (n == 14 && in->opts->verify))
			continue;
		err = cr_inspector_read(in, CR_FID_DG(n), !com || !(in->listed & 1U << n));
	}
	for (unsigned int n = 3; n <= 4 && !err; n++) {
		if (in->wanted & 1U << n && !was_tried(in->insp, CR_FID_DG(n)))
			err = read_eac_group(in, n);
	}
	return err;
}
