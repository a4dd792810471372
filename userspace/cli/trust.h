/* SPDX-License-Identifier: BSD-2-Clause */
/* "cardring trust": cmd_trust.c changes the store, trust_list.c shows it, trust_check.c looks what is wrong with it. */
#ifndef CARDRING_CLI_TRUST_H
#define CARDRING_CLI_TRUST_H

#include "cli.h"
#include "trust/cert.h"
#include "trust/defectlist.h"
#include "trust/folder.h"

/* One certificate, revocation list or defect list of a store. */
struct cli_stored {
	char *file, *source, *subject, *issuer;
	struct cr_cert_info info;
	X509 *cert;		/* or */
	X509_CRL *crl;		/* or */
	struct cr_defect_list *list;
};

struct cli_store {
	const char *path;
	struct cr_folder folder;
	struct cli_stored *all;	/* by state, then by end of validity */
	size_t n;
	/* with an index: a state for each of its entries; without: names that hold nothing */
	enum cr_folder_state *states;
	char **bad;
	size_t n_bad;
};

/* Opens the folder that --trust names, and reads all of it. 0 or an exit code. Close it in each case. */
int cli_store_open(const struct cli *c, struct cli_store *s);
void cli_store_close(struct cli_store *s);
/* After cr_folder_open failed: says why. f may be NULL, unless it is malformed. */
int cli_store_fail(const struct cli *c, int err, const char *path, const struct cr_folder *f);

/* How many defects a list has, of all its entries. */
size_t cli_list_known(const struct cr_defect_list *list);
json_t *cli_stored_json(const struct cli_stored *x);
/* Does what was typed name it: its file, its fingerprint (eight digits or more), with states its state? */
bool cli_stored_is(const struct cli_stored *x, const char *typed, bool states);

int cli_trust_list(const struct cli *c);
int cli_trust_show(const struct cli *c);
int cli_trust_check(const struct cli *c);

#endif
