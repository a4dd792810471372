// SPDX-License-Identifier: BSD-2-Clause
/*
 * The inspection: access, EF.COM and EF.SOD, DG14, chip authentication, the rest, and the judgement
 * (the order of TR-03110-1, 3.1.1; ICAO 9303-11, 4.2 and 6).
 *
 * An exchange that fails loses the session. Where that may be because the card was asked for too
 * much at once, or by a short identifier, it is reset and opened again, and asked for less, or its
 * files are selected; so often at most as there are sizes and ways to try.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include "eid/blocks.h"
#include "eid/checks.h"
#include "eid/chip.h"
#include "eid/inspect_int.h"
#include "eid/items.h"
#include "eid/lds.h"
#include "eid/limits.h"
#include "eid/rule.h"
#include "eid/inspect.h"
#include "iso7816/sw.h"
#include "trust/passive.h"
#include "trust/sod.h"

#define REOPEN_MAX	6

static int card_batch(void *io, struct cr_apdu *apdus, size_t n, size_t *done)
{
	return cr_card_transmit_batch(io, apdus, n, done);
}

static int open_anew(struct inspector *in, const char **why)
{
	int err = cr_card_reset(in->card);

	cr_session_reset(&in->s);
	*why = NULL;
	return err ? err : cr_access_open(&in->s, in->opts->secret, &in->ca, &in->insp->access, why);
}

static int open_access(struct inspector *in)
{
	const char *why = NULL;
	int err = cr_access_open(&in->s, in->opts->secret, &in->ca, &in->insp->access, &why);

	/* lost to a short identifier, before any secret was tried */
	if (err && !cr_chip_fatal(err) && in->s.lost && !in->ca.looked && in->s.sfi == CR_SFI_REFUSED)
		err = open_anew(in, &why);
	/* lost in the general authentication procedure: once more with it, then without */
	for (unsigned int i = 0; i < 2 && err && !cr_chip_fatal(err) && in->s.lost && in->general.failures > i; i++)
		err = open_anew(in, &why);
	if (in->general.ta && !err) {
		in->rights = in->let_in = in->general.rights;
		in->insp->access.terminal = in->general.ta;
		in->insp->access.terminal_why = NULL;
	}
	if (err)
		cr_check_set(in->insp, CR_CHECK_ACCESS,
			     err == CR_E_ACCESS_REFUSED ? CR_FAILED : CR_ABORTED, "%s",
			     why ? why : cr_strerror(err));
	else if (!strcmp(in->insp->access.protocol, "none"))
		cr_check_set(in->insp, CR_CHECK_ACCESS, CR_NOT_SUPPORTED,
			     "the chip is open to everybody");
	else
		cr_check_set(in->insp, CR_CHECK_ACCESS, CR_SUCCESSFUL, "%s", why ? why : "");
	return err;
}

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

static struct cr_file *add_file(struct cr_inspection *insp, uint16_t fid)
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

/*
 * What the master file says of the card, before access control. Some cards have no such files, some
 * refuse them: that is noted and hinders nothing.
 */
static int read_card_files(struct inspector *in)
{
	static const uint16_t fids[] = { CR_FID_INFO, CR_FID_DIR };

	for (size_t i = 0; i < sizeof(fids) / sizeof(fids[0]); i++) {
		struct cr_file *f = add_file(in->insp, fids[i]);
		int err;

		if (!f)
			return CR_E_NOMEM;
		f->err = cr_card_file_read(&in->s, fids[i], &f->data, &f->len, &f->sw);
		if (f->err == CR_E_NOT_FOUND)
			in->insp->n_files--;
		if (!in->s.lost)
			continue;
		err = cr_chip_fatal(f->err) ? f->err : cr_card_reset(in->card);
		if (err)
			return err;
		cr_session_reset(&in->s);
	}
	return 0;
}

/* EF.ATR/INFO tells how long APDUs may be; it is read once, whatever it is read for. */
static int learn_limits(struct inspector *in)
{
	const struct cr_file *info;
	bool sound = true;
	int err;

	if (in->opts->need & CR_NEED_CARD) {
		err = read_card_files(in);
		info = cr_inspector_file(in->insp, CR_FID_INFO);
		if (!err && info) {
			cr_card_take_limits(in->card, info->data, info->len);
			sound = cr_limits_info_sound(info->data, info->len);
		}
	} else {
		err = cr_limits_learn(in->card, &sound);
	}
	if (!sound)
		in->malformed = "EF.ATR/INFO is malformed";
	return err;
}

static int start(struct inspector *in)
{
	struct cr_limits *l = &in->insp->limits;
	int err;

	if (in->opts->terminal && in->opts->verify && (!in->opts->need || in->opts->need & CR_EAC_GROUPS)) {
		in->general = (struct cr_general){ .terminal = in->opts->terminal, .trust = in->opts->trust,
						   .now = in->now };
		in->ca.general = &in->general;
	}
	in->s.batch = card_batch;
	in->s.io = in->card;
	in->s.block_max = SIZE_MAX;
	err = learn_limits(in);
	cr_card_limits(in->card, l);
	/* Longer answers only from a card that says how long: what chips do with more than they have room for differs. */
	in->s.max_response = l->told || l->message_response < CR_APDU_MAX_SHORT_LE ? l->message_response :
			     CR_APDU_MAX_SHORT_LE;
	in->s.max_signature = l->message_response;
	return err ? err : open_access(in);
}

int cr_inspector_reopen(struct inspector *in)
{
	int err;

	if (in->rights)
		in->insp->access.terminal_why = "The session that the terminal was let into was lost.";
	in->rights = 0;
	in->proof = (struct cr_chip_proof){ .result = CR_UNDETERMINED };
	in->insp->access.terminal = NULL;
	if (in->reopened++ == REOPEN_MAX)
		return CR_E_CARD_PROTOCOL;
	err = cr_card_reset(in->card);
	if (err)
		return err;
	cr_session_reset(&in->s);
	return open_access(in);
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

/* What it can of EF.SOD, if sod says so, and of these groups, in few batches, for cr_inspector_read to take. */
static int read_ahead(struct inspector *in, bool sod, uint32_t dgs)
{
	struct cr_file_request *first = in->ahead + in->n_ahead;
	size_t n = 0;
	int err;

	for (unsigned int i = sod ? 0 : 1; i <= 16 && in->n_ahead < CR_AHEAD_MAX; i++) {
		uint16_t fid = i ? CR_FID_DG(i) : CR_FID_SOD;
		struct inspector_report *report = &in->reports[in->n_ahead];

		if (i && !(dgs & ~CR_EAC_GROUPS & 1U << i))
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

static void forget_ahead(struct inspector *in)
{
	for (size_t i = 0; i < in->n_ahead; i++) {
		if (in->ahead[i].data)
			OPENSSL_cleanse(in->ahead[i].data, in->ahead[i].len);
		free(in->ahead[i].data);
	}
}

int cr_inspector_read(struct inspector *in, uint16_t fid, bool may_be_absent)
{
	struct cr_file *f = add_file(in->insp, fid);
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

/*
 * What EF.COM lists, and what EF.SOD has hashes of: nobody can take a group out of both. Without
 * EF.COM what EF.SOD has, without either each one that may be there.
 */
static int read_lists(struct inspector *in)
{
	uint32_t need = in->opts->need ? in->opts->need : CR_NEED_ALL;
	bool sod = in->opts->verify || (need & CR_NEED_ALL) == CR_NEED_ALL;
	const struct cr_file *com;
	int err = cr_inspector_read(in, CR_FID_COM, false);

	if (err)
		return err;
	com = cr_inspector_file(in->insp, CR_FID_COM);
	if (!com || cr_lds_com(com->data, com->len, &in->listed))
		in->listed = 0;
	/* to verify, the chip is proved before the rest is read */
	err = read_ahead(in, sod, in->opts->verify ? in->listed & 1U << 14 : in->listed & need);
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

/* ---- The rest, and the judgement ---- */

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
 * Without a terminal's certificates DG3 and DG4 are locked, and nobody wanted them; so with those that another
 * state gave. With those for this document it has failed, whatever else is true of the document: who inspects it
 * does not get the fingerprints that he is to compare.
 */
static int check_terminal(struct inspector *in)
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
	f = add_file(in->insp, CR_FID_DG(n));
	if (!f)
		return CR_E_NOMEM;
	f->err = CR_E_ACCESS_REFUSED;
	return 0;
}

static int read_groups(struct inspector *in)
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
		name_file(CR_FID_DG(n), name);
		sprintf(unread + strlen(unread), "%s%s", *unread ? ", " : "", name);
	}
	if (*unread)
		err = cr_check_set(insp, CR_CHECK_READ, CR_FAILED, "%s", unread);
	if (err || cr_inspector_file(insp, CR_FID_DG(14)) ||
	    cr_inspector_file(insp, CR_FID_DG(15)) ||
	    (insp->chip_authentication != CR_SUCCESSFUL &&
	     cr_check_get(insp, CR_CHECK_CHIP_AUTHENTICATION) != CR_SUCCESSFUL))
		return err;
	insp->chip_authentication = CR_UNDETERMINED;
	return cr_check_set(insp, CR_CHECK_CHIP_AUTHENTICATION, CR_UNDETERMINED,
			    "the data that the chip's proof stands on are not there");
}

/* What the chip's proof stands on, where it does: so that it can be judged once more. */
static int keep_security(struct inspector *in)
{
	struct cr_file *f;

	if (!in->ca.security || (!in->mapped && !in->general.asked))
		return 0;
	f = add_file(in->insp, CR_FID_SAVED_SECURITY);
	if (!f)
		return CR_E_NOMEM;
	f->sw = CR_SW_OK;
	f->data = in->ca.security;
	f->len = in->ca.security_len;
	in->ca.security = NULL;
	return 0;
}

static int judge(struct inspector *in)
{
	struct cr_inspection *insp = in->insp;
	int err = 0;

	if (in->card)
		err = cr_check_set(insp, CR_CHECK_READ,
				   CR_RULE(read_complete, !*in->unread) ? CR_SUCCESSFUL : CR_FAILED,
				   "%s", in->unread);
	if (!err && in->card)
		err = check_terminal(in);
	if (!err)
		err = cr_passive_authenticate(insp, in->opts->trust, in->now);
	if (!err)
		err = in->card ? keep_security(in) : check_record(insp);
	if (!err)
		err = cr_inspector_chip_judge(in);
	if (!err)
		err = cr_lds_consistency(insp, in->now);
	if (!err && in->malformed)
		err = cr_check_set(insp, CR_CHECK_MRZ_CONSISTENT, CR_FAILED, "%s", in->malformed);
	if (!err)
		err = cr_lds_validity(insp, in->now);
	if (!err)
		err = cr_checks_judge(insp);
	return err ? err : cr_defects_tell(insp);
}

static int inspect(struct inspector *in)
{
	int err = start(in);

	if (!err)
		err = read_lists(in);
	if (!err && in->opts->verify) {
		/* EF.COM is not signed: DG14 is looked for whether it lists it or not */
		err = cr_inspector_read(in, CR_FID_DG(14), !(in->listed & 1U << 14));
		if (!err)
			err = cr_inspector_chip(in);
		if (!err)
			err = cr_inspector_terminal(in);
	}
	if (!err)
		err = read_groups(in);
	if (!err)
		err = cr_lds_understand(in->insp, in->now);
	if (!err && in->opts->verify)
		err = judge(in);
	return err;
}

static unsigned int elapsed_ms(const struct timespec *since)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned int)((t.tv_sec - since->tv_sec) * 1000 +
			      (t.tv_nsec - since->tv_nsec) / 1000000);
}

int cr_inspect(cr_card_t *card, const struct cr_inspect_opts *opts, struct cr_inspection **out)
{
	struct inspector in = { .card = card,
				.opts = opts,
				.now = opts->now ? opts->now : time(NULL) };
	struct cr_exchange before, after;
	struct timespec since;
	int err;

	*out = in.insp = calloc(1, sizeof(*in.insp));
	if (!in.insp)
		return CR_E_NOMEM;
	in.insp->verdict = CR_UNPROVEN;
	in.insp->need = opts->need;
	in.insp->chip_authentication = CR_UNDETERMINED;
	in.insp->passive.status = CR_UNDETERMINED;
	clock_gettime(CLOCK_MONOTONIC, &since);
	cr_card_exchange(card, &before);

	err = inspect(&in);

	cr_card_exchange(card, &after);
	in.insp->exchange = (struct cr_exchange){
		.commands = after.commands - before.commands,
		.messages = after.messages - before.messages,
		.bytes_sent = after.bytes_sent - before.bytes_sent,
		.bytes_received = after.bytes_received - before.bytes_received,
		.enters = after.enters - before.enters,
		.us = after.us - before.us
	};
	in.insp->ms = elapsed_ms(&since);
	forget_ahead(&in);
	cr_session_reset(&in.s);
	cr_card_access_free(&in.ca);
	return err;
}

void cr_inspection_free(struct cr_inspection *insp)
{
	if (!insp)
		return;
	for (size_t i = 0; i < insp->n_files; i++) {
		if (insp->files[i].data)
			OPENSSL_cleanse(insp->files[i].data, insp->files[i].len);
		free(insp->files[i].data);
	}
	cr_items_clear(&(struct cr_items){ .item = insp->items, .n = insp->n_items });
	cr_lds_document_clear(&insp->document);
	cr_lds_holder_clear(&insp->holder);
	free(insp->passive.issuer);
	free(insp->passive.signer);
	free(insp->passive.digest);
	for (size_t i = 0; i < insp->n_listed; i++)
		free(insp->listed[i].list);
	free(insp->listed);
	free(insp->reasons);
	free(insp->checks);
	free(insp->files);
	OPENSSL_cleanse(insp, sizeof(*insp));
	free(insp);
}

int cr_inspect_again(struct cr_inspection *insp, const cr_trust_t *trust, time_t now)
{
	const struct cr_inspect_opts opts = { .trust = trust, .verify = true };
	struct inspector in = { .opts = &opts, .insp = insp, .now = now };
	int err = cr_lds_understand(insp, now);

	return err ? err : judge(&in);
}
