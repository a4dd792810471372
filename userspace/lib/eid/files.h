/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading elementary files, ICAO 9303-10, 3.6: READ BINARY by short identifier, or SELECT and READ
 * BINARY; planned and sent as batches.
 */
#ifndef CR_EID_FILES_H
#define CR_EID_FILES_H

#include "eid/session.h"

/*
 * What no elementary file of a document is longer than; a card that says otherwise is not believed.
 */
#define CR_FILE_MAX	(1U << 20)

typedef void (*cr_file_progress)(void *arg, size_t got, size_t total);

struct cr_file_request {
	uint16_t fid;
	/*
	 * The file's first byte: it is read by its short identifier, the last five bits of fid, and
	 * another byte tells that the card took another file. 0: it is selected.
	 */
	uint8_t tag;
	size_t least;		/* no such file is shorter: so much is asked for at first */
	bool select_mf;		/* SELECT the master file before; what it answers does not matter */
	const uint8_t *aid;	/* SELECT this application before (without tag); NULL: none */
	size_t aid_len;
	cr_file_progress progress;
	void *progress_arg;
	/* out */
	uint8_t *data;		/* allocated: wipe and free */
	size_t len;
	uint16_t sw;		/* the status word that ended an attempt without success */
	uint16_t aid_sw; /* what SELECT of the application said; 0: not sent or not answered */
	bool again; /* the session was lost in a way that is not taken again: open the card anew */
};

/*
 * Reads a file to the end that its own first object has. Two batches for a file on a card that
 * takes what it is asked for; a card that does not is asked for less, and that is remembered in
 * s->block_max. A card that refuses a short identifier, or gives another file by it, has its files
 * selected; that is remembered in s->sfi, also where it lost the session.
 *
 * 0; CR_E_NOT_FOUND: no such file or application; CR_E_ACCESS_REFUSED: the card wants
 * authentication first; CR_E_CARD_STATUS: refused otherwise; CR_E_MALFORMED: the first bytes are no
 * object's header, or one longer than CR_FILE_MAX; CR_E_CARD_PROTOCOL: the file ends before its
 * object does; and the errors of cr_session_batch.
 */
int cr_file_read(struct cr_session *s, struct cr_file_request *r);

/*
 * Reads n files as one (ICAO 9303-10, 3.6: all by short identifier): a batch for the beginnings, which
 * tell the lengths, then as few batches as carry the rest of all. For cards that are known to take
 * short identifiers; for others nothing is done. What a card does not give this way is left, with
 * data NULL, to cr_file_read, which adapts to it.
 *
 * 0; or the error that lost the session: s->one_by_one then keeps it from being tried again.
 */
int cr_files_read_ahead(struct cr_session *s, struct cr_file_request *r, size_t n);

/* Whether err was the card's answer, and the session goes on. */
bool cr_file_refused(const struct cr_session *s, int err);

#endif
