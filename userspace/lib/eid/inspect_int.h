/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An inspection on its way: inspect.c has the order; inspect_read.c reads, inspect_chip.c and
 * inspect_terminal.c prove, inspect_judge.c says what came of it.
 */
#ifndef CR_EID_INSPECT_INT_H
#define CR_EID_INSPECT_INT_H

#include "eid/access.h"
#include "eid/chip.h"
#include "eid/cvc.h"
#include "eid/files.h"
#include "eid/general.h"

#define CR_EAC_GROUPS	(1U << 3 | 1U << 4)	/* finger and iris: behind terminal authentication */
#define CR_AHEAD_MAX	17	/* EF.SOD and the data groups */

/* Whom progress is told, and of which file. */
struct inspector_report {
	const struct cr_inspect_opts *opts;
	char name[sizeof(((struct cr_file *)0)->name)];
};

struct inspector {
	cr_card_t *card;
	const struct cr_inspect_opts *opts;
	struct cr_inspection *insp;
	struct cr_session s;
	struct cr_card_access ca;
	struct cr_general general;	/* which takes the place of both authentications in version 1 */
	bool by_general;	/* it is what proves the chip, if anything does */
	bool beside_general;	/* a file was read in a session that it did not prove the chip in */
	time_t now;
	unsigned int reopened;
	struct cr_file_request ahead[CR_AHEAD_MAX];	/* read, and not taken yet */
	struct inspector_report reports[CR_AHEAD_MAX];	/* of them */
	size_t n_ahead;
	uint32_t listed;	/* in EF.COM; without it, what there may be */
	uint32_t hashed;	/* in EF.SOD */
	uint32_t wanted;	/* data groups to read, where they are there */
	char unread[100];	/* names of what could not be */
	struct cr_chip_proof proof;	/* of chip authentication, where that was run */
	uint16_t cvca;		/* EF.CVCA's identifier, by DG14 */
	uint8_t cvca_sfi;	/* and its short one; 0: DG14 tells none */
	uint8_t rights;		/* CR_CVC_READ_*: what terminal authentication has opened in this session */
	uint8_t let_in;		/* what it had opened, be it in a session that was lost */
	bool terminal_refused;	/* it was not let in, by the document's or its certificates' fault */
	bool unproved;		/* by any key: active authentication is left */
	const char *malformed;	/* of a file that is not signed: which, as a sentence */
	bool mapped;		/* PACE proved the chip, by a key that EF.CardSecurity and DG14 have */
};

/*
 * Reset and opened again, so often at most as there is something to try: then CR_E_CARD_PROTOCOL. What
 * chip and terminal authentication had opened is closed.
 */
int cr_inspector_reopen(struct inspector *in);
/*
 * Reads a file into insp->files. What the card refuses is noted in the entry, or the entry left out
 * where the file may be absent. Negative only if the inspection cannot go on.
 */
int cr_inspector_read(struct inspector *in, uint16_t fid, bool may_be_absent);
/* As asked for: CR_NEED_ALL for 0. */
uint32_t cr_inspector_need(const struct inspector *in);
/* A new entry for it, at the end; NULL: no memory. */
struct cr_file *cr_inspector_add_file(struct cr_inspection *insp, uint16_t fid);
/* EF.COM, into listed; EF.SOD, where it is to be read, into hashed and wanted; what is wanted and not read yet. */
int cr_inspector_read_com(struct inspector *in);
int cr_inspector_read_sod(struct inspector *in);
int cr_inspector_read_groups(struct inspector *in);
/* Wipes what was read ahead and nobody took. */
void cr_inspector_forget(struct inspector *in);
/* One that was read; NULL. */
const struct cr_file *cr_inspector_file(const struct cr_inspection *insp, uint16_t fid);

/*
 * Chip authentication mapping, else chip authentication; DG14 was read, if it is there. Then, with EF.SOD
 * read too, active authentication, where neither was to be had. Whichever the chip offers, in this order.
 */
int cr_inspector_chip(struct inspector *in);
int cr_inspector_chip_active(struct inspector *in);
/* Chip authentication by DG14's key for the session's sake, as it went before: no word of the chip. */
int cr_inspector_chip_again(struct inspector *in);
/*
 * After passive authentication: whether what the proof stands on, if that is EF.CardSecurity, is signed. Of a
 * record what the chip showed is believed, and no more.
 */
int cr_inspector_chip_judge(struct inspector *in);

/* Terminal authentication, where there are certificates for it and something that it opens. */
int cr_inspector_terminal(struct inspector *in);
/* Records what came of it. */
int cr_inspector_check_terminal(struct inspector *in);
/* Both authentications once more, in a session opened anew. in->rights: what came of it. */
int cr_inspector_let_in_again(struct inspector *in);

/* With all that was read and recorded: insp is judged. */
int cr_inspector_judge(struct inspector *in);

#endif
