/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformity suite: BSI TR-03105 part 5.1, the test plan of inspection systems.
 *
 * cases.tsv lists every case of the plan. UNIT.tsv says, for each case of a unit, which card it takes, and what has to
 * come of it; README.md explains the columns. runner.c has each made (card.c), inspected by the command itself, as
 * "cardring verify" (inspect.c), and judged (judge.c), each in a process of its own. Cards that no profile can describe
 * are made by generators: gen_*.c.
 */
#ifndef CARDRING_CONFORMITY_H
#define CARDRING_CONFORMITY_H

#include <stdbool.h>
#include <stddef.h>
#include "issue.h"
#include "tap.h"

/* ---- table.c ---- */

enum { CONF_ID, CONF_SOURCE, CONF_CONFIGURATION, CONF_DIFFERS, CONF_EXPECTED, CONF_TRACE, CONF_RULES, CONF_STANDING,
       CONF_NOTE, CONF_COLUMNS };

enum conf_expected { CONF_SUCCESSFUL, CONF_FAILED, CONF_EITHER };

struct conf_case {
	char *at[CONF_COLUMNS];		/* "" for "-" */
	char unit[16];
	enum conf_expected expected;
	bool not_applicable, deviates;
	const char *reason;		/* of those two */
	const char *unproved;		/* why no check can be switched off for it; NULL: rules says which, or it is no negative case */
	struct conf_case *next;		/* the next line of the same case */
	unsigned int line;		/* of all cases' */
};

struct conf_plan_case {			/* a line of cases.tsv */
	char id[20], source[16], expected[16];
	char unit[16];
	struct conf_case *row;		/* its lines; NULL: missing */
};

struct conf_plan {
	struct conf_plan_case *cases;	/* in the plan's order, deleted ones too */
	size_t n;
	size_t n_rows;			/* lines of all cases */
	unsigned int mistakes;		/* in the tables; each was told on stderr */
};
void conf_plan_load(const char *dir, struct conf_plan *out);	/* ends the program where there is none */

/* ---- card.c ---- */

#define CONF_HOLDERS	8

/* The card of a case in the making, and who inspects it. Generators change it. */
struct conf_card {
	const struct conf_case *kase;
	char dir[256];			/* of the case: card/, trust/, terminal/, args */
	struct sim_issuer_spec spec;	/* of the issuer; what is changed here before CONF_RECIPE's end is made so */
	struct sim_issuer issuer;
	struct sim_person person;
	char mrz[96];			/* in DG1, and what the chip's keys are derived from */
	char page[96];			/* printed: what the inspection system is given */
	struct sim_recipe recipe;
	char quirks[2048];		/* lines of the profile; conf_profile() adds one */
	/* [0] the chip's trust point; each is certified by the one before it, the last one is the terminal's. */
	struct sim_holder_spec holder_spec[CONF_HOLDERS];
	struct sim_holder holder[CONF_HOLDERS];
	size_t n_holders;
	bool no_terminal;		/* the inspection system has no certificates */
	bool no_trust, revoked;		/* it knows no issuer; the issuer's list has the signer */
	struct sim_draft *draft;	/* in groups and files: the card's files */
};
void conf_profile(struct conf_card *c, const char *key, const char *value);
/* Makes all that the case needs below c->dir; 0, or negative enum cr_error after saying what went wrong. */
int conf_card_make(const struct conf_case *kase, const char *dir);
/* Has the generators of the case stand behind the card, and its commands written to that file. */
void conf_card_tap(const struct conf_case *kase, const char *trace);
void conf_keys_in(const char *dir);
/* The issuer as c->spec says it, into c->issuer: of a generator that has to change it in CONF_RECIPE. */
int conf_issuer(struct conf_card *c);
/* A key of this kind (sim_key_new), made once a run; use tells apart those that must differ. The caller frees it; NULL. */
EVP_PKEY *conf_key(const char *kind, bool explicit_params, const char *use);

/* ---- generators: gen_*.c ---- */

/*
 * Named in the column "differs" as NAME or NAME:ARG (arg "" without one). Functions in the order they are called; each
 * returns 0 or a negative enum cr_error, each may be NULL. tap: tap.h; its arg is the const char * of ARG.
 */
struct conf_generator {
	const char *name, *text;
	int (*recipe)(struct conf_card *c, const char *arg);	/* before anything is made */
	int (*groups)(struct conf_card *c, const char *arg);	/* data groups are made (c->draft), not signed yet */
	int (*files)(struct conf_card *c, const char *arg);	/* all files are made and signed, not written yet */
	int (*folder)(struct conf_card *c, const char *arg);	/* all is written, trust/ and terminal/ too */
	struct sim_tap tap;
};

#define CONF_GENERATOR(id, what, ...) \
	static const struct conf_generator conf_generator_##id = { .name = #id, .text = what, __VA_ARGS__ }; \
	extern const struct conf_generator *const conf_generator_p_##id;	/* extern: a name that is there twice does not link */ \
	const struct conf_generator *const conf_generator_p_##id \
		__attribute__((section("conf_generators"), used)) = &conf_generator_##id

const struct conf_generator *conf_generator(const char *name, size_t len);

/* gen_edit.c: objects of a file by their paths, "77/30/A0"; false, or CR_E_NOT_FOUND: there is no such object. */
bool conf_object(const struct sim_buf *file, const char *path, struct sim_tlv *out);
int conf_object_put(struct sim_buf *file, const char *path, const void *value, size_t len);	/* its value */
int conf_object_swap(struct sim_buf *file, const char *path, const struct sim_buf *object);	/* all of it */

/* gen_sod.c: parts of EF.SOD that an edit names like a file; NULL: none. Once one was edited, what signs it is made anew. */
const char *conf_sod_part(const char *arg, const char **path);
int conf_sod_sign(struct conf_card *c, const char *arg);
void conf_generators_print(void);

/* ---- trace.c ---- */

/* A line a command: see README.md. */
void conf_trace_open(const char *path);
void conf_trace_command(const struct sim_card *card, const struct sim_apdu *cmd, bool protected, const struct sim_buf *data,
			uint16_t sw);
void conf_trace_refused(bool protected, const uint8_t *rsp, size_t len);
#define CONF_FIRST	".first"	/* behind a trace's name: that of the inspection before it */
/* Whether a rule compares two inspections of the card. */
bool conf_trace_wants_second(const char *rules);
/* Whether the rules of a case hold for a trace; why not, into why. */
bool conf_trace_check(const char *rules, const char *path, char *why, size_t size);

/* ---- inspect.c ---- */

struct conf_outcome {
	enum { CONF_OK, CONF_NOT_OK, CONF_BROKEN } kind;	/* successful, failed, or neither of them: no result */
	char text[400];			/* the verdict and its reasons, or the error */
	char objected[512];		/* names of the checks that said no, each once */
};
/*
 * In a process of its own: never returns. off: checks to take away, separated by spaces; "". usb: the card is in a reader
 * that the module drives (conf_serve), else in this process.
 */
void conf_inspect(const struct conf_case *kase, const char *dir, const char *off, bool usb) __attribute__((noreturn));
/* Puts the card into a virtual USB reader of this kernel; a process of its own too, to be ended by SIGTERM. */
void conf_serve(const struct conf_case *kase, const char *dir) __attribute__((noreturn));
/* What came of it; status: of waitpid(). */
void conf_outcome_read(const char *dir, bool off, int status, struct conf_outcome *out);

/* ---- rules.c ---- */

bool conf_rule_exists(const char *name, size_t len);
void conf_rules_print(void);
void conf_rules_off(const char *names, const char *log);	/* log: where those that said no are written */

#endif
