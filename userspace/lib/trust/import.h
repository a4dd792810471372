/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the files that states and the ICAO PKD give out to what a trust store takes of them. No I/O.
 *
 * What is trusted, and by whose word:
 *
 * - an authority (CSCA) in a file of its own: whoever runs the command names it;
 * - the authorities in a master list: its signer, who leads to a root that the user names. A root
 *   is needed each time: were the authorities in the store enough, each state could name the
 *   authorities of all others;
 * - an authority in an LDIF, which nobody signed: nobody's; it is left out;
 * - signers of documents and revocation lists: an authority in the store signed them;
 * - a defect list: its signer, who leads to a root, or is one. For the same reason as with master
 *   lists: it speaks of the documents of all states. One that nobody signed, in a file of its own:
 *   whoever runs the command names it.
 */
#ifndef CR_TRUST_IMPORT_H
#define CR_TRUST_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include "cert.h"
#include "defectlist.h"
#include "index.h"
#include "store.h"

#define CR_IMPORT_MAX	(1 << 28)	/* bytes of a file: the PKD's LDIF has 80 million */

struct cr_import_found {
	X509 *cert;		/* or */
	X509_CRL *crl;		/* or */
	struct cr_defect_list *list;
	bool vouched;		/* by the user or by a master list */
	size_t source;
};

struct cr_import_skip {
	char *what;		/* a name, or where in the file */
	char why[160];		/* English, a msgid */
	size_t source;
};

struct cr_import_add {
	char file[80];
	struct cr_cert_info info;
	unsigned char *der;
	int len;
	char *name;
	size_t source;
};

struct cr_import {
	const cr_trust_t *roots;
	time_t now;
	char **sources;			/* the files' names, as they go into the index */
	size_t n_sources;
	struct cr_import_found *found;
	size_t n_found;
	/* ---- the result ---- */
	struct cr_import_skip *skips;	/* what is left out, and why */
	size_t n_skips;
	struct cr_import_add *add;	/* what is new */
	size_t n_add;
	size_t *drop;			/* of the index: what newer lists replace; ascending */
	size_t n_drop;
	size_t known;			/* what is there already */
	size_t lists;			/* master lists whose signature is right */
	char why[160];			/* why a file was refused: English, a msgid */
};

/* roots: authorities that the user names; may be empty. They stay the caller's. */
void cr_import_init(struct cr_import *im, const cr_trust_t *roots, time_t now);
/*
 * The whole of a file: DER or PEM of certificates, revocation, master and defect lists; LDIF. 0, or an
 * error: the file is refused as a whole, im->why says why, and the import should end.
 */
int cr_import_file(struct cr_import *im, const char *source, const uint8_t *data, size_t len);
/*
 * Judges what was found against what is in the store: fills add, drop, known and more skips. index
 * as it is on the disk, store: its certificates and lists. 0, CR_E_NOMEM or CR_E_TOO_LONG.
 */
int cr_import_finish(struct cr_import *im, const struct cr_index *index, const cr_trust_t *store);
void cr_import_clear(struct cr_import *im);

#endif
