// SPDX-License-Identifier: BSD-2-Clause
/*
 * The inspection: access, EF.COM, DG14 and the proofs, EF.SOD, the rest, and the judgement (TR-03110-1,
 * 2.4; ICAO 9303-11, 4.2 and 6).
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
#include "eid/checks.h"
#include "eid/chip.h"
#include "eid/inspect_int.h"
#include "eid/items.h"
#include "eid/lds.h"
#include "eid/limits.h"

#define REOPEN_MAX	6

static int card_batch(void *io, struct cr_apdu *apdus, size_t n, size_t *done)
{
	return cr_card_transmit_batch(io, apdus, n, done);
}

/*
 * TR-03135-1, 5.8.2 and 5.8.3: each protocol that was run; that a protocol was not needed says nothing of
 * whether the card has it.
 */
static void check_access(struct inspector *in, int err, const char *why)
{
	const enum cr_result failure = err == CR_E_ACCESS_REFUSED ? CR_FAILED : CR_ABORTED;
	const char *protocol = in->insp->access.protocol ? in->insp->access.protocol : "";
	bool pace = in->ca.pace && (err || strcmp(protocol, "PACE"));
	bool bac = in->ca.bac && err;
	bool plain = !err && !strcmp(protocol, "none");

	why = why ? why : err ? cr_strerror(err) : "";
	if (!err)
		cr_check_set(in->insp, CR_CHECK_APPLICATION, CR_SUCCESSFUL, NULL);
	else if (err == CR_E_UNSUPPORTED && in->ca.no_application)
		cr_check_set(in->insp, CR_CHECK_APPLICATION, CR_FAILED, "%s", why);
	if (in->ca.pace)
		cr_check_set(in->insp, CR_CHECK_PACE, !pace ? CR_SUCCESSFUL : in->ca.bac || plain ? CR_FAILED : failure,
			     "%s", pace ? why : "");
	else if (in->ca.looked && !in->ca.infos.n_pace)
		cr_check_set(in->insp, CR_CHECK_PACE, CR_NOT_SUPPORTED, NULL);
	if (in->ca.bac)
		cr_check_set(in->insp, CR_CHECK_BAC, bac ? failure : CR_SUCCESSFUL, "%s", bac ? why : "");
	if (plain)
		cr_check_set(in->insp, CR_CHECK_PLAIN, CR_SUCCESSFUL, "the chip is open to everybody");
	else if (err && !in->ca.pace && !in->ca.bac)
		cr_check_set(in->insp, CR_CHECK_PLAIN, failure, "%s", why);
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
	check_access(in, err, why);
	return err;
}

/*
 * What the master file says of the card, before access control. Some cards have no such files, some
 * refuse them: that is noted and hinders nothing.
 */
static int read_card_files(struct inspector *in)
{
	static const uint16_t fids[] = { CR_FID_INFO, CR_FID_DIR };

	for (size_t i = 0; i < sizeof(fids) / sizeof(fids[0]); i++) {
		struct cr_file *f = cr_inspector_add_file(in->insp, fids[i]);
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

	if (in->opts->terminal && in->opts->verify && in->opts->procedure != CR_PROCEDURE_STANDARD &&
	    cr_inspector_need(in) & CR_EAC_GROUPS) {
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

/*
 * What the terminal proves and is proved, before what it is for (TR-03110-1, 2.4). The advanced procedure:
 * chip authentication by DG14's key, then EF.SOD under its keys, active authentication, terminal
 * authentication. The standard one, where the chip has no such key or it is asked for: EF.SOD, active
 * authentication. What is signed is verified at the end, of everything at once.
 */
static int authenticate(struct inspector *in)
{
	/* EF.COM is not signed: DG14 is looked for whether it lists it or not */
	int err = cr_inspector_read(in, CR_FID_DG(14), !(in->listed & 1U << 14));

	if (!err)
		err = cr_inspector_chip(in);
	if (!err)
		err = cr_inspector_read_sod(in);
	if (!err)
		err = cr_inspector_chip_active(in);
	return err ? err : cr_inspector_terminal(in);
}

static int inspect(struct inspector *in)
{
	int err = start(in);

	if (!err)
		err = cr_inspector_read_com(in);
	if (!err)
		err = in->opts->verify ? authenticate(in) : cr_inspector_read_sod(in);
	if (!err)
		err = cr_inspector_read_groups(in);
	if (!err && in->opts->verify)
		err = cr_inspector_check_terminal(in);
	if (!err)
		err = cr_lds_understand(in->insp, in->now);
	return err || !in->opts->verify ? err : cr_inspector_judge(in);
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
	in.insp->procedure = CR_PROCEDURE_STANDARD;
	in.insp->need = opts->need;
	in.insp->chip_authentication = CR_UNDETERMINED;
	in.insp->passive.status = CR_UNDETERMINED;
	clock_gettime(CLOCK_MONOTONIC, &since);
	cr_card_exchange(card, &before);

	err = inspect(&in);
	if (err && cr_checks_complete(in.insp))
		err = CR_E_NOMEM;

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
	cr_inspector_forget(&in);
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
