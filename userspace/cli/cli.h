/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cardring command. main.c picks the command, opts.c takes the options apart, cmd_*.c do the
 * work, out_*.c show it. Everything for the eyes of people goes through gettext.
 */
#ifndef CARDRING_CLI_H
#define CARDRING_CLI_H

#include <libintl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <cardring/eid.h>
#include <cardring/reader.h>
#include "host.h"
#include "picture.h"

#define _(s)	gettext(s)
#define N_(s)	s

#define CLI_VERSION	"0.1"

/* Exit codes: cardring.1 explains them. */
enum cli_exit {
	CLI_OK		= 0,	/* and genuine */
	CLI_ERROR	= 1,	/* usage or internal */
	CLI_NO_READER	= 3,
	CLI_NO_CARD	= 4,	/* or card or reader removed */
	CLI_REFUSED	= 5,
	CLI_UNPROVEN	= 10,
	CLI_EXPIRED	= 11,	/* or revoked */
	CLI_FORGED	= 12,
	CLI_CLONED	= 13,
	CLI_CANCELED	= 130,
};

struct cli_list {
	const char *at[16];
	size_t n;
};

struct cli {
	const struct cli_command *cmd;
	char **args;			/* what is no option */
	size_t n_args;

	bool json, help, version, trace, force;
	const char *lang, *reader, *backend, *out, *need, *portrait, *picture;
	struct cli_list trust, root;
	const char *from;		/* verify */
	const char *terminal, *terminal_key;	/* verify */
	const char *procedure, *log;
	long wait;			/* s */
	/* owned; wiped by cli_opts_free, as they are wiped in argv when they are taken */
	char *can, *id_number, *mrz, *pin, *puk, *doc, *dob, *exp;

	/* stat; 0: not given */
	long interval, count;		/* s */

	/* pin */
	const char *ref, *aid, *format, *digits, *pad;
	long block, timeout;		/* bytes, s; 0: not given */
	bool new_only;

	/* sim serve */
	const char *vscard, *as, *level, *serial, *timing;
	bool usbip, no_interrupt, pinpad;
	long slots, busy, readers, max_message, latency, protocol, vpcd;
};

/* Which options a command takes. */
enum {
	CLI_FOR_ALL	= 1u << 0,
	CLI_FOR_READER	= 1u << 1,
	CLI_FOR_CARD	= 1u << 2,
	CLI_FOR_SECRET	= 1u << 3,
	CLI_FOR_VERIFY	= 1u << 4,
	CLI_FOR_SERVE	= 1u << 5,
	CLI_FOR_STAT	= 1u << 6,
	CLI_FOR_LIST	= 1u << 7,
	CLI_FOR_PIN	= 1u << 8,
	CLI_FOR_DRIVER	= 1u << 9,
	CLI_FOR_TRUST	= 1u << 10,
};

struct cli_command {
	const char *name, *args;
	const char *summary;		/* msgid: one line */
	const char *text;		/* msgid: the help */
	const char *examples;		/* lines */
	unsigned int options;
	int (*run)(struct cli *c);
};
extern const struct cli_command cli_commands[];	/* ends with a NULL name */
const struct cli_command *cli_command(const char *name);

/* ---- opts.c ---- */

/* 0, or an exit code after saying what is wrong. */
int cli_opts_parse(struct cli *c, int argc, char **argv);
void cli_opts_free(struct cli *c);
void cli_opts_help(unsigned int options);
/* The nearest of the names (which ends with NULL), or NULL if none is near. */
const char *cli_nearest(const char *typed, const char *const *names);

/* ---- i18n.c ---- */

/* lang: "vi", "en", or NULL: what the environment says. False: there is no such language here. */
bool cli_i18n(const char *lang);

/* ---- help.c ---- */

/* cmd NULL: what there is */
int cli_help(const struct cli *c, const struct cli_command *cmd);

/* ---- fail.c: errors, in one place ---- */

/* Prints the sentence, or the JSON object with --json; returns exit. extra (may be NULL) is merged into the object; taken. */
__attribute__((format(printf, 5, 6)))
int cli_fail(const struct cli *c, int exit, const char *code, json_t *extra, const char *format, ...);
/* The same for a library's error, with what to do about it. reader may be NULL. */
int cli_fail_err(const struct cli *c, int err, const struct cr_reader_info *reader, json_t *extra);
/* Where cr_reader_list gave n <= 0: why there is no reader. extra as above. */
int cli_fail_no_reader(const struct cli *c, int n, json_t *extra);
/* What to do about an error of this reader's (may be NULL); "" where the error's sentence says it. */
void cli_remedy(const struct cli *c, char *out, size_t size, int err, const struct cr_reader_info *r);

/* What failed beside the result, which is told all the same: for the end. Several are told together. */
struct cli_fault {
	const char *code;	/* NULL: nothing */
	char *text;
};
__attribute__((format(printf, 3, 4)))
void cli_fault(struct cli_fault *f, const char *code, const char *format, ...);
void cli_fault_err(struct cli_fault *f, int err);
json_t *cli_fault_json(const struct cli_fault *f);	/* what "error" is */
/* Tells it instead of a result. CLI_ERROR; 0: there is nothing. */
int cli_fault_end(const struct cli *c, struct cli_fault *f);
void cli_fault_free(struct cli_fault *f);

const char *cli_error_code(int err);
int cli_error_exit(int err);
__attribute__((format(printf, 1, 2)))
void cli_note(const char *format, ...);	/* to stderr: not the result */

/* ---- blame.c: who is in the way ---- */

struct cli_blame {
	enum {
		CLI_BLAME_NOBODY,
		CLI_BLAME_PROCESS,
		CLI_BLAME_DRIVER,	/* of the kernel, but cardring.ko */
		CLI_BLAME_HIDDEN,	/* a process that this user may not see; pid and name: most likely that one, or 0 */
	} kind;
	int pid;
	char name[64];			/* of the process ("": not known) or the driver */
	bool by_module;			/* it holds a slot of a reader that cardring.ko drives */
};
/* Of a reader in a list: who holds it. */
void cli_blame_reader(const struct cr_reader_info *r, struct cli_blame *out);
void cli_blame_interface(const char *root, const struct cli_interface *i, struct cli_blame *out);
void cli_blame_process(const char *root, int pid, struct cli_blame *out);
/* The first reader on the bus that somebody has; false: nobody has any. */
bool cli_blame_any(struct cli_blame *out);
/* "pcscd (process 812)", and what to do about it; "" where there is nothing to say. */
void cli_blame_text(const struct cli_blame *b, char *out, size_t size);
void cli_blame_remedy(const char *root, const struct cli_blame *b, char *out, size_t size);
/* The device node that must open for this reader: its own, or for "usb:..." that of its USB device. */
void cli_reader_node(const struct cr_reader_info *r, char *out, size_t size);
/* What to do about a node that this user may not open. */
void cli_denied(const char *root, const char *node, char *out, size_t size);
bool cli_module_loaded(void);

/* ---- text.c: bytes of others on a terminal ---- */

/* A copy that a terminal shows and does not obey: control and direction characters, and what is not UTF-8, escaped. */
char *cli_clean(const char *s);
/* Columns on a terminal. */
size_t cli_width(const char *s);
size_t cli_columns(void);	/* of stdout; 0: not a terminal */
bool cli_color(void);
/* "  Label      value", the value from column on, wrapped on a terminal. */
void cli_row(const char *label, const char *value, size_t column);

/* ---- json.c ---- */

json_t *cli_json_string(const char *s);	/* null for NULL; cleaned where it is no UTF-8 */
json_t *cli_json_hex(const uint8_t *p, size_t n);
int cli_json_print(json_t *object);	/* takes it; 0 or CLI_ERROR */
json_t *cli_json_reader(const struct cr_reader_info *r, int index);	/* index < 0: none */
json_t *cli_json_blame(const struct cli_blame *b);	/* null: nobody */
json_t *cli_json_access(const struct cr_access *a);
json_t *cli_json_exchange(const struct cr_exchange *x, unsigned int ms);
json_t *cli_json_limits(const struct cr_limits *l);

/* ---- card.c: from options to a card that is powered ---- */

/* The backend that --backend or the environment names. 0, or an exit code after saying that there is no such one. */
int cli_choose_backend(const struct cli *c);
/* Uses the backend of that name alone from now on; false: there is none, and all are used. */
bool cli_use_backend(const char *name);
extern volatile int cli_canceled;	/* set by Ctrl-C and SIGTERM */
void cli_catch_signals(void);
/* 0, or an exit code after saying why. info is filled as far as known. */
int cli_card_open(const struct cli *c, struct cr_reader_info *info, cr_card_t **card);
/* What an error of an exchange really was: readers fail in many ways while they are pulled out. */
int cli_card_error(int err, const struct cr_reader_info *info);
/* "sim:..." readers exist only where they are asked for. */
bool cli_is_sim(const char *reader);
const char *cli_slot_state(const struct cr_reader_info *r);	/* stable English */
const char *cli_slot_state_text(const struct cr_reader_info *r);	/* for people */
const char *cli_level(unsigned int level);			/* stable English */

/* ---- tty.c ---- */

/*
 * Takes these local modes (ECHO, ICANON) from a terminal until cli_tty_end, or a signal comes; what was typed ahead is
 * dropped, or where wait is false kept, and reads do not wait. One terminal at a time. False: nothing was changed.
 */
bool cli_tty_begin(int fd, unsigned int off, bool wait);
void cli_tty_end(void);

/* ---- secret.c ---- */

/* The secret that the options name, or the terminal is asked for (type NONE: neither). 0 or an exit code. */
/* A token's PIN from whoever sits at the terminal, not shown: as cr_pin_fn. */
bool cli_ask_pin(void *arg, const char *token, char *pin, size_t size);
int cli_secret(const struct cli *c, struct cr_secret *out);

/* ---- inspect_out_*.c ---- */

void cli_progress(void *arg, const char *file, size_t got, size_t total);
void cli_progress_end(void);
/* r NULL: not from a reader, but from files. */
json_t *cli_inspection_json(const struct cr_inspection *in, const struct cr_reader_info *r, bool verify);
void cli_inspection_text(const struct cr_inspection *in, const struct cr_reader_info *r, bool verify);
void cli_holder_text(const struct cr_inspection *in);
const char *cli_check_label(const char *name);	/* NULL: not for the sheet */
/* What an item of a file is called, and the word in it where it is one of a few. */
const char *cli_item_label(const char *name);
const char *cli_item_word(const struct cr_item *item);
/* "DG11", ...; static or in in */
const char *cli_file_name(const struct cr_inspection *in, uint16_t fid);
/* What a file is about, for a heading: of those that have items. */
const char *cli_file_title(uint16_t fid);
/* A reason or a check's detail in the reader's language; for the caller to free. */
char *cli_reason_text(const struct cr_reason *r);
char *cli_detail_text(const char *detail);

/* ---- need.c ---- */

/* --need: as of struct cr_inspect_opts. 0 or an exit code after saying what is wrong. */
int cli_need(const struct cli *c, uint32_t *need);

/* ---- picture.c: --portrait and --picture ---- */

struct cli_portrait {
	struct picture picture;
	uint8_t *png;
	size_t png_len;
	const char *error;	/* msgid: why there is none; NULL */
	const char *written;	/* the PNG's file; NULL */
};
/* Whether the options go together. 0 or an exit code after saying what is wrong. */
int cli_picture_check(const struct cli *c);
/* Before there is a portrait: that it can be written. 0 or an exit code. */
int cli_portrait_prepare(const struct cli *c);
/* The portrait as PNG, where options want it, and into its file, which is gone where error says why there is none. */
void cli_portrait_make(const struct cli *c, const struct cr_inspection *in, struct cli_portrait *p, struct cli_fault *fault);
void cli_portrait_json(const struct cli_portrait *p, json_t *inspection);
void cli_portrait_show(const struct cli *c, const struct cli_portrait *p);
void cli_portrait_free(struct cli_portrait *p);
bool cli_answer_has_sixel(const char *answer);	/* of a terminal, to DA1 */

/* ---- save.c: --out ---- */

/* Whole or not at all, for the owner alone, and never through a link that lies there. 0, or -1 and errno. */
int cli_write_file(const char *path, const uint8_t *data, size_t len);
/* The same, but what is there already stays: -1, EEXIST. */
int cli_write_new_file(const char *path, const uint8_t *data, size_t len);
/* Beforehand, as far as it can be known: that it could. 0, or -1 and errno. */
int cli_write_check(const char *path);
/* --log. Before there is anything to log: that it can be written; then it is. in and reader may be NULL. */
int cli_log_prepare(const struct cli *c);
void cli_log_write(const struct cli *c, const struct cr_inspection *in, const char *reader, struct cli_fault *fault);

struct cli_saved { char *names[64]; size_t n; };
/* Makes the folder. 0 or an exit code. */
int cli_save_prepare(const struct cli *c, bool *made);
/* False: nothing is left, and fault says why. */
bool cli_save(const struct cli *c, const struct cr_inspection *in, struct cli_saved *saved, struct cli_fault *fault);
void cli_saved_free(struct cli_saved *saved);

/* ---- record.c: what is known of a card later ---- */

#define CLI_RECORD	"inspection.json"

char *cli_record_text(const struct cr_inspection *in);	/* for the caller to free; NULL: no memory */
/*
 * What --out wrote into that folder, to be judged again. *in's texts are *record's: free in before it. 0, or an exit code
 * after saying why; both are the caller's in each case.
 */
int cli_record_load(const struct cli *c, const char *path, struct cr_inspection **in, json_t **record);

/* ---- the commands ---- */

int cmd_list(struct cli *c);
int cmd_monitor(struct cli *c);
int cmd_stat(struct cli *c);
int cmd_read(struct cli *c);
int cmd_verify(struct cli *c);
int cmd_apdu(struct cli *c);
int cmd_pin(struct cli *c);
int cmd_driver(struct cli *c);
int cmd_doctor(struct cli *c);
int cmd_sim(struct cli *c);
int cmd_show(struct cli *c);
int cmd_trust(struct cli *c);
int cmd_help(struct cli *c);

#endif
