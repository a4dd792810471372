/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks of "cardring doctor": what lies between this user and a card, each with what to do about it. */
#ifndef CARDRING_CLI_DOCTOR_H
#define CARDRING_CLI_DOCTOR_H

#include "cli.h"

enum doctor_result { DOCTOR_OK, DOCTOR_WARN, DOCTOR_BAD };

struct doctor_finding {
	const char *name;		/* stable English: "module", "udev", "reader", ... */
	enum doctor_result result;
	char text[256], remedy[512];	/* in the user's language; no remedy: "" */
};

#define DOCTOR_MAX	(CLI_MAX_INTERFACES + 32)

struct doctor {
	const char *root;		/* "": this machine; else the folder that stands for it */
	const char *release;		/* of the running kernel */
	struct doctor_finding finding[DOCTOR_MAX];
	size_t n;
};

/* Each adds one finding, doctor_readers one a reader. */
void doctor_module(struct doctor *d);		/* is it loaded, is it there for this kernel, which ABI does it speak? */
void doctor_signature(struct doctor *d);	/* does this kernel take it? */
void doctor_blacklist(struct doctor *d);	/* does a file or the command line keep it from being loaded? */
void doctor_udev(struct doctor *d);		/* are its rules there, and does udev run? */
void doctor_pcscd(struct doctor *d);	/* does PC/SC go on beside the module? */
void doctor_readers(struct doctor *d);		/* on the bus: who drives each, and may this user open it? */
void doctor_trust(struct doctor *d, const char *const *dirs, size_t n);
void doctor_environment(struct doctor *d, const char *backend, bool known);	/* CARDRING_BACKEND; may be NULL */
/* What a list of readers comes to (n negative: enum cr_error). Whether a card could be read. */
bool doctor_card(struct doctor *d, const struct cr_reader_info *list, int n);

const char *doctor_result_name(enum doctor_result r);	/* stable English */

#endif
