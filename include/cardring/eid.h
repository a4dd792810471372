/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Electronic identity: reading and verifying an ICAO 9303 document.
 */
#ifndef CARDRING_EID_H
#define CARDRING_EID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cardring/card.h>
#include <cardring/trust.h>

/* ---- The secret that opens the card ---- */

enum cr_secret_type { CR_SECRET_NONE = 0, CR_SECRET_CAN, CR_SECRET_MRZ, CR_SECRET_PIN, CR_SECRET_PUK };

/* From the document to PACE or BAC: what ICAO 9303-11, 4.3 and 4.4 derive keys from. Wipe after use. */
struct cr_secret {
	enum cr_secret_type type;
	char can[16];		/* digits; with a PIN: may be empty, and resumes a suspended one */
	char pin[16];		/* digits: PIN or PUK */
	char document_number[32]; /* as in the MRZ, without filler, without check digit */
	char date_of_birth[8];	/* YYMMDD */
	char date_of_expiry[8];	/* YYMMDD */
	char mrz[96];		/* the printed zone, where it was given whole: compared with the chip's; else empty */
};
/* Each checks what it is given: CR_E_INVALID, and *why (static English msgid) says what is wrong. why may be NULL. */
int cr_secret_from_can(struct cr_secret *out, const char *can, const char **why);		/* 6 digits */
/* The CAN of a Vietnamese card: the last six of the 12-digit identity number. */
int cr_secret_from_id_number(struct cr_secret *out, const char *id_number, const char **why);
/* The printed MRZ: 2x44 (TD3), 2x36 (TD2) or 3x30 (TD1), lines joined or split by white space; all check digits are checked. */
int cr_secret_from_mrz(struct cr_secret *out, const char *mrz, const char **why);
/*
 * The holder's own PIN, 5 or 6 digits; can, which may be NULL: only used, and then tried before it, if
 * the card says that the PIN was wrong before and has one try left.
 */
int cr_secret_from_pin(struct cr_secret *out, const char *pin, const char *can, const char **why);
int cr_secret_from_puk(struct cr_secret *out, const char *puk, const char **why);		/* 10 digits */
/* Dates YYMMDD or YYYY-MM-DD. */
int cr_secret_from_fields(struct cr_secret *out, const char *document_number, const char *date_of_birth,
			  const char *date_of_expiry, const char **why);

/* ---- What opens fingerprints and irises: an inspection system's own certificates and key ---- */

typedef struct cr_terminal cr_terminal_t;

int cr_terminal_new(cr_terminal_t **out);
void cr_terminal_free(cr_terminal_t *terminal);		/* NULL is fine */
/*
 * A file of card verifiable certificates, one after another: the terminal's, its document verifier's, and
 * the links between the authorities of the chips' state. 0; CR_E_IO; CR_E_MALFORMED; CR_E_UNSUPPORTED: of
 * another kind of terminal; CR_E_TOO_LONG: too many; CR_E_NOMEM.
 */
int cr_terminal_add_certificates(cr_terminal_t *terminal, const char *path);
/* Asks for the PIN of the token with this label: into pin, a string in size bytes. False: there is none to be had. */
typedef bool (*cr_pin_fn)(void *arg, const char *token, char *pin, size_t size);
/*
 * The private key, after the certificates: a file, or a PKCS#11 URI (RFC 7512: pkcs11:...), with the PIN from its
 * pin-source, or from ask (NULL: nobody to ask). 0; CR_E_IO: no key there, or no PIN's file; CR_E_NOT_FOUND: none of
 * the certificates is of this key. PKCS#11: CR_E_INVALID: a malformed URI, or one with the PIN in it;
 * CR_E_NO_SERVICE: no module is configured, or the one that it names cannot be loaded; CR_E_NO_CARD: no such token,
 * or not just one such key in it; CR_E_ACCESS_REFUSED: the PIN is wrong, or there was none; CR_E_PIN_BLOCKED.
 */
int cr_terminal_set_key(cr_terminal_t *terminal, const char *uri, cr_pin_fn ask, void *arg);

/* ---- The result ---- */

enum cr_verdict {
	CR_GENUINE = 0,		/* exit codes of the command: 0, */
	CR_UNPROVEN,		/* 10, */
	CR_EXPIRED,		/* 11, */
	CR_REVOKED,		/* 11, */
	CR_FORGED,		/* 12, */
	CR_CLONED,		/* 13 */
};
const char *cr_verdict_name(enum cr_verdict v);	/* "genuine", "unproven", ... */

/* BSI TR-03135-1, 3.6.2: the result of each check. */
enum cr_result {
	CR_SUCCESSFUL = 0,
	CR_FAILED,
	CR_UNDETERMINED,
	CR_NOT_SUPPORTED,
	CR_ABORTED,
};
const char *cr_result_name(enum cr_result r);	/* "successful", ... */

/*
 * A check, or what several of them say together. userspace/lib/eid/checks.h has them all; the manual's
 * CHECKS explains them.
 */
struct cr_check {
	const char *name;	/* stable identifier, e.g. "pa.signature" */
	const char *guideline;	/* its name in BSI TR-03135-1 (5.0.1), e.g. "SecurityFileCheck"; NULL: of our own */
	const char *clause;	/* there, e.g. "5.8.6.1"; NULL */
	const char *part_of;	/* name of the combined result that it counts in; NULL: none */
	bool combined;		/* not performed: made of the results that are a part of it */
	enum cr_result result;
	char detail[160];	/* English; never personal data; may be empty */
	enum cr_result found;	/* what it was before a known defect changed it */
	const char *defect;	/* why that did: a msgid; NULL: none did */
};

/* What a defect list says of the documents of this signer (BSI TR-03129-2, 7). */
struct cr_listed_defect {
	const char *name;	/* "id-CertRevoked"; NULL: it is not known here */
	char oid[64];
	int code;		/* the guideline's status code; -1: none */
	uint32_t groups;	/* bit n: data group n */
	char country[4];	/* "": none */
	char *list;		/* who signed the list, RFC 2253; NULL: nobody */
	char fingerprint[65];	/* SHA-256 of the list's file */
	const char *state;	/* of the list: "signed", "unsigned", "expired", "revoked" */
	bool counts;		/* a list in this state may say that */
};

/* Why the verdict is what it is: text is a gettext msgid with at most one %s for detail. */
struct cr_reason {
	const char *code;	/* stable identifier, e.g. "dg-hash-mismatch" */
	const char *text;
	char detail[160];
};

/* How access was got. Static strings; NULL where not reached. */
struct cr_access {
	const char *protocol;	/* "PACE", "BAC", "none" */
	const char *mapping;	/* "GM", "IM", "CAM"; NULL for BAC */
	const char *cipher;	/* "AES-128", "AES-192", "AES-256", "3DES" */
	const char *curve;	/* "brainpoolP256r1", ...; "modp2048-256", ... where it is a prime field */
	const char *password;	/* "CAN", "MRZ", "PIN", "PUK" */
	unsigned int tries;	/* passwords tried on the chip */
	const char *terminal;	/* terminal authentication: "TA v1 ECDSA SHA-256"; NULL: not done */
	const char *terminal_why; /* why not, though there were certificates: a msgid; NULL */
};

enum cr_dg_status {
	CR_DG_ABSENT = 0, CR_DG_MATCH, CR_DG_MISMATCH, CR_DG_UNREAD, CR_DG_LOCKED, CR_DG_UNHASHED,
	CR_DG_UNWANTED,		/* on the card, and not asked for */
};
/* "absent", "match", "mismatch", "unread", "locked", "unhashed", "not asked for" */
const char *cr_dg_status_name(enum cr_dg_status s);

struct cr_passive {
	enum cr_result status;
	char *issuer;		/* subject of the CSCA certificate used, RFC 2253; NULL */
	char *signer;		/* subject of the document signer; NULL */
	char *digest;		/* "SHA-256"; NULL */
	enum cr_dg_status dg[17];	/* by data group number, 1 to 16 */
};

/* UTF-8, NULL where the card has none. Dates ISO 8601 (partial dates shorter: "1990", "1990-05"). */
struct cr_holder {
	char *id_number, *full_name, *date_of_birth, *sex, *nationality, *ethnic_group, *religion;
	char *place_of_origin, *place_of_residence, *personal_identification;
	char *father_name, *mother_name, *spouse_name, *former_id_number;
	char *primary_identifier, *secondary_identifier;	/* MRZ names, ASCII */
	bool names_cut;		/* those two fill their field to the end: there may be more of them */
};
struct cr_document {
	char *type;		/* "TD1", "TD2", "TD3" */
	char *code;		/* MRZ document code: "P", "ID", "I" */
	char *issuing_state;	/* MRZ code: "VNM" */
	char *number, *date_of_issue, *date_of_expiry;	/* date_of_expiry "unlimited" where the card says so */
	char *mrz;		/* as read, lines joined by \n */
};

struct cr_file {		/* one elementary file as read */
	uint16_t fid;
	char name[16];		/* "EF.COM", "EF.SOD", "DG1", ... */
	uint8_t *data;
	size_t len;
	int err;		/* enum cr_error if it could not be read */
	uint16_t sw;		/* the status word that said so */
	const char *note;	/* what is wrong with its content: a msgid; NULL */
};

/* One thing that a file says beside what is in holder and document. userspace/lib/eid/items.h lists them. */
struct cr_item {
	uint16_t fid;
	unsigned int instance;	/* 1 and on: of which person, finger, ... of several; else 0 */
	const char *name;	/* stable identifier, e.g. "place_of_birth" */
	char *text;		/* UTF-8; NULL where it is bytes */
	const uint8_t *data;	/* bytes, in the file's data; NULL with text */
	size_t len;
	const char *type;	/* of the bytes: "image/jpeg", ...; NULL: a text or date that is none */
	bool number;		/* text is a decimal number */
	bool list;		/* it may be there several times */
};

/*
 * BSI TR-03110-1, 2.4: how an inspection system opens and reads a document. Advanced, where the chip has a
 * key for it: chip authentication (or PACE with its mapping), EF.SOD, active authentication where the chip
 * was not proved yet, terminal authentication, data. Standard: EF.SOD, active authentication, data. General
 * (TR-03110-2, 2.3.4), in the place of the advanced one where there is a terminal and the chip offers it: PACE,
 * terminal and chip authentication version 2, EF.SOD, data.
 */
enum cr_procedure { CR_PROCEDURE_ADVANCED = 0, CR_PROCEDURE_STANDARD, CR_PROCEDURE_GENERAL };
const char *cr_procedure_name(enum cr_procedure p);	/* "advanced", "standard", "general" */

struct cr_inspection {
	enum cr_verdict verdict;
	enum cr_procedure procedure;	/* that was followed */
	struct cr_reason *reasons;
	size_t n_reasons;
	struct cr_check *checks;		/* each combined result before its parts */
	size_t n_checks;
	struct cr_access access;
	struct cr_passive passive;
	uint32_t defects;			/* those that change results: userspace/lib/eid/checks.h */
	struct cr_listed_defect *listed;	/* all that are known */
	size_t n_listed;
	enum cr_result chip_authentication;	/* CR_NOT_SUPPORTED: the card offers none */
	const char *chip_protocol;		/* "CA v1 ECDH AES-128"; NULL */
	bool chip_proved;			/* by a key in EF.CardSecurity, whether or not that is to be trusted */
	struct cr_holder holder;
	struct cr_document document;
	struct cr_file *files;
	size_t n_files;
	struct cr_item *items;			/* in the order of the files */
	size_t n_items;
	uint32_t need;				/* as asked for */
	const uint8_t *portrait;		/* into files' data; NULL */
	size_t portrait_len;
	const char *portrait_type;		/* "image/jpeg", "image/jp2" */
	struct cr_limits limits;		/* how long its APDUs may be in this reader */
	struct cr_exchange exchange;
	unsigned int ms;			/* the whole inspection */
};

#define CR_NEED_ALL		0x1fffeU
#define CR_NEED_IDENTITY	(1U << 1 | 1U << 11 | 1U << 12 | 1U << 13)
#define CR_NEED_PORTRAIT	(1U << 1 | 1U << 2)
#define CR_NEED_CARD		1U	/* EF.DIR and EF.ATR/INFO, beside the application */

struct cr_inspect_opts {
	const struct cr_secret *secret;	/* NULL: plain access only */
	const cr_trust_t *trust;	/* NULL: no issuer is trusted */
	const cr_terminal_t *terminal;	/* to verify; NULL: what wants one stays locked */
	time_t now;			/* 0: the clock */
	enum cr_procedure procedure;	/* standard, else the others as far as the chip supports them */
	bool verify;			/* false: read only (cardring read): no chip authentication, no verdict */
	/*
	 * Bit n: data group n; 0: all that the card lists and can be read. To verify, DG1 and what proves the
	 * chip are read whether asked for or not.
	 */
	uint32_t need;
	void (*progress)(void *arg, const char *file, size_t got, size_t total);
	void *progress_arg;
};

/*
 * Access control, reading, chip authentication, passive authentication, the verdict. 0 with *out set when the
 * document could be judged, whatever the verdict; a negative enum cr_error when it could not (no access, card
 * gone). On CR_E_ACCESS_REFUSED and such *out is set too, with access and exchange filled in.
 * The caller frees *out in each case (NULL is fine).
 */
int cr_inspect(cr_card_t *card, const struct cr_inspect_opts *opts, struct cr_inspection **out);
void cr_inspection_free(struct cr_inspection *insp);	/* wipes */

/* Who inspected, and when: milliseconds since 1970, UTC. Strings may be NULL. */
struct cr_log_about {
	int64_t start_ms, end_ms;
	const char *version;	/* of the program */
	const char *reader;	/* its name */
};
/*
 * The inspection as a log of BSI TR-03135-1, 6: XML, UTF-8, terminated, allocated (free it). All results, and
 * of the document what is not about its holder: kind, issuing state, certificates' names, protocols. insp may be
 * one that failed on the way: what was not reached is aborted. 0; CR_E_NOMEM; CR_E_INTERNAL: no random numbers.
 */
int cr_inspection_log(const struct cr_inspection *insp, const struct cr_log_about *about, char **xml, size_t *len);

#endif
