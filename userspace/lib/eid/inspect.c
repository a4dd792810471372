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
#include "eid/blocks.h"
#include "eid/checks.h"
#include "eid/chip.h"
#include "eid/inspect_int.h"
#include "eid/lds.h"
#include "eid/limits.h"
#include "iso7816/sw.h"
#include "trust/passive.h"

#define REOPEN_MAX	6
#define EAC_GROUPS CR_EAC_GROUPS

static int card_batch(void *io, struct cr_apdu *apdus, size_t n, size_t *done)
{
	return cr_card_transmit_batch(io, apdus, n, done);
}

static int open_access(struct inspector *in)
{
	const char *why = NULL;
	int err = cr_access_open(&in->s, in->opts->secret, &in->ca, &in->insp->access, &why);

	if (err && !cr_chip_fatal(err) && in->s.lost && !in->ca.looked &&
	    in->s.sfi == CR_SFI_REFUSED) {
		/* lost to a short identifier, before any secret was tried */
		err = cr_card_reset(in->card);
		cr_session_reset(&in->s);
		if (!err)
			err = cr_access_open(&in->s, in->opts->secret, &in->ca, &in->insp->access,
					     &why);
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

static int start(struct inspector *in)
{
	size_t max_cmd, max_rsp;
	int err;

	cr_card_limits(in->card, &max_cmd, &max_rsp);
	in->s.batch = card_batch;
	in->s.io = in->card;
	in->s.block_max = SIZE_MAX;
	err = cr_limits_learn(&in->s, max_rsp);
	return err ? err : open_access(in);
}

int cr_inspector_reopen(struct inspector *in)
{
	int err;

	if (in->reopened++ == REOPEN_MAX)
		return CR_E_CARD_PROTOCOL;
	err = cr_card_reset(in->card);
	if (err)
		return err;
	cr_session_reset(&in->s);
	return open_access(in);
}

struct report {
	const struct cr_inspect_opts *opts;
	const char *name;
};

static void progress(void *arg, size_t got, size_t total)
{
	const struct report *r = arg;

	r->opts->progress(r->opts->progress_arg, r->name, got, total);
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
	if (fid == CR_FID_COM)
		strcpy(f->name, "EF.COM");
	else if (fid == CR_FID_SOD)
		strcpy(f->name, "EF.SOD");
	else
		snprintf(f->name, sizeof(f->name), "DG%u", fid & 0xffU);
	return f;
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

int cr_inspector_read(struct inspector *in, uint16_t fid, bool may_be_absent)
{
	struct cr_file *f = add_file(in->insp, fid);
	struct cr_file_request r = { .fid = fid,
				     /* a file that is not there costs least by SELECT */
				     .tag = may_be_absent ? 0 : cr_lds_file_tag(fid),
				     .least = cr_lds_file_least(fid),
				     .progress = in->opts->progress ? progress : NULL };
	struct report report = { .opts = in->opts };
	int err, opened;
	bool again;

	if (!f)
		return CR_E_NOMEM;
	report.name = f->name;
	r.progress_arg = &report;
	do {
		err = cr_file_read(&in->s, &r);
		f->err = err;
		f->sw = r.sw;
		again = false;
		if (err && !cr_chip_fatal(err) && in->s.lost) {
			/*
			 * a wrong MAC on a successful answer is no matter of size, nor is a file
			 * that is not there
			 */
			again = r.again ||
				(!(err == CR_E_SM &&
				   (r.sw == CR_SW_OK || r.sw == CR_SW_FILE_NOT_FOUND)) &&
				 cr_block_shrink(&in->s));
			opened = cr_inspector_reopen(in);
			if (opened)
				return opened;
		}
	} while (again);
	f->data = r.data;
	f->len = r.len;
	if (err == CR_E_NOT_FOUND && may_be_absent)
		in->insp->n_files--;
	else if (err && strlen(in->unread) + sizeof(f->name) + 12 < sizeof(in->unread))
		sprintf(in->unread + strlen(in->unread), "%s%s (%04X)", *in->unread ? ", " : "",
			f->name, r.sw);
	return cr_chip_fatal(err) ? err : 0;
}

/* What EF.COM lists and the caller wants. Without EF.COM: each one that may be there. */
static int read_lists(struct inspector *in)
{
	const struct cr_file *com;
	int err = cr_inspector_read(in, CR_FID_COM, false);

	if (!err && (in->opts->verify || !in->opts->need))
		err = cr_inspector_read(in, CR_FID_SOD, false);
	if (err)
		return err;
	com = cr_inspector_file(in->insp, CR_FID_COM);
	if (!com || cr_lds_com(com->data, com->len, &in->listed))
		in->listed = 0x1fffe & ~EAC_GROUPS;
	in->dgs = in->opts->need ? in->listed & in->opts->need : in->listed;
	return 0;
}

/* ---- The rest, and the judgement ---- */

static int read_groups(struct inspector *in)
{
	const struct cr_file *com = cr_inspector_file(in->insp, CR_FID_COM);
	int err = 0;

	for (unsigned int n = 1; n <= 16 && !err; n++) {
		if (!(in->dgs & 1U << n) || was_tried(in->insp, CR_FID_DG(n)))
			continue;
		if (1U << n & EAC_GROUPS && !(in->rights & (n == 3 ? CR_CVC_READ_DG3 : CR_CVC_READ_DG4))) {
			/* not tried: a chip may count it against the terminal */
			struct cr_file *f = add_file(in->insp, CR_FID_DG(n));

			if (!f)
				return CR_E_NOMEM;
			f->err = CR_E_ACCESS_REFUSED;
		} else if (n != 14 || !in->opts->verify) {
			err = cr_inspector_read(in, CR_FID_DG(n), !com);
		}
	}
	return err;
}

static int understand(struct inspector *in)
{
	struct cr_inspection *insp = in->insp;
	const struct cr_file *f;
	int err = 0;

	/* what does not parse is left out here; cr_lds_consistency says so */
	f = cr_inspector_file(insp, CR_FID_DG(1));
	if (f)
		err = cr_lds_dg1(f->data, f->len, in->now, &insp->document, &insp->holder);
	f = cr_inspector_file(insp, CR_FID_DG(13));
	if (f && err != CR_E_NOMEM)
		err = cr_lds_dg13(f->data, f->len, &insp->document, &insp->holder);
	f = cr_inspector_file(insp, CR_FID_DG(2));
	if (f && err != CR_E_NOMEM)
		err = cr_lds_dg2(f->data, f->len, &insp->portrait, &insp->portrait_len,
				 &insp->portrait_type);
	return err == CR_E_NOMEM ? err : 0;
}

static int judge(struct inspector *in)
{
	struct cr_inspection *insp = in->insp;
	int err;

	err = cr_check_set(insp, CR_CHECK_READ, *in->unread ? CR_FAILED : CR_SUCCESSFUL, "%s",
			   in->unread);
	if (!err)
		err = cr_passive_authenticate(insp, in->opts->trust, in->now);
	if (!err)
		err = cr_inspector_chip_judge(in);
	if (!err)
		err = cr_lds_consistency(insp, in->now);
	if (!err)
		err = cr_lds_validity(insp, in->now);
	return err ? err : cr_checks_judge(insp);
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
		err = understand(in);
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
	cr_lds_document_clear(&insp->document);
	cr_lds_holder_clear(&insp->holder);
	free(insp->passive.issuer);
	free(insp->passive.signer);
	free(insp->passive.digest);
	free(insp->reasons);
	free(insp->checks);
	free(insp->files);
	OPENSSL_cleanse(insp, sizeof(*insp));
	free(insp);
}
