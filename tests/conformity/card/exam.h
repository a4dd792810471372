/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual card's exam: BSI TR-03105 part 3.2 v1.5.1 (units H, J to N) and the plan of ICAO that it stands on, "RF
 * Protocol and Application Test Standard for eMRTD, part 3" (the other units). Which cases there are and what each asks
 * is in cases.tsv; how each is asked is in unit_*.c. main.c puts the two together.
 */
#ifndef CARDEXAM_EXAM_H
#define CARDEXAM_EXAM_H

#include "probe.h"

/* The cards that are examined: issued for each run (cards.c). */
enum kit {
	KIT_MAIN,	/* BAC and PACE, chip and terminal authentication on curves, every data group */
	KIT_BAC,	/* BAC alone */
	KIT_TDES,	/* PACE and chip authentication with 3DES */
	KIT_DH,		/* PACE and chip authentication in prime fields */
	KIT_DH_TDES,	/* chip authentication in a prime field, with 3DES */
	KIT_IM,		/* PACE with integrated mapping */
	KIT_CAM,	/* PACE with generic and chip authentication mapping; no BAC */
	KIT_CAM_TDES,	/* PACE with chip authentication mapping; chip authentication with 3DES */
	KIT_RSA,	/* terminal and active authentication with RSA */
	KITS
};

struct kit_info {
	const char *name;
	enum cipher pace, ca;		/* 0: none */
	const char *pace_group, *ca_group;
	unsigned int domain, mapping;	/* mapping: the last arc but one of the PACE that is meant */
	int ca_key_id;			/* -1: none */
	bool rsa;			/* terminal authentication's keys */
	char mrz[89], can[8];
};

enum access { BY_BAC, BY_PACE };

struct exam {
	struct probe p;
	enum kit kit;
	const struct kit_info *info;
	enum access by;
	unsigned int step;
	bool failed;
	char why[200];

	EVP_PKEY *cvca;			/* the authority's key, with the private half */
	char car[17], car2[17];		/* from EF.CVCA */
	struct blob chip_id, terminal_id;	/* ID_PICC; the terminal's ephemeral key, compressed */
	struct blob challenge;
};

struct asked {
	const char *id;			/* without "ISO7816_" */
	void (*ask)(struct exam *x, long arg);
	long arg;
	enum kit kit;
	bool twice;			/* by BAC and by PACE, where the card has both */
};
extern const struct asked unit_files[], unit_bac[], unit_pace[], unit_ca[], unit_cvc[], unit_ta[], unit_aa[];

/* ---- cards.c ---- */

/* Issues them all below dir. */
void cards_issue(const char *dir);
void cards_drop(void);
const struct kit_info *card_info(enum kit kit);
EVP_PKEY *card_authority(enum kit kit);
/* YYMMDD, a digit a byte, so many days after the authority's certificate began; it ends after CVCA_DAYS. */
void card_day(int days, uint8_t out[6]);
#define CVCA_DAYS	90
#define MONTH		30

/* ---- exam.c ---- */

/* What an answer may be. "ISO checking error": 64xx to 6Fxx. SM, PLAIN: how it must come; neither: as it likes. */
enum {
	OK = 1, ERR = 2, W6300 = 4, W6282 = 8, SM = 16, PLAIN = 32,
	NO = ERR | W6300,
};
/* The next step's answer. False: the case has failed, and why is noted. */
bool want(struct exam *x, unsigned int kinds);
/* Anything else that must be so. */
bool must(struct exam *x, bool right, const char *what);
static inline bool was_ok(const struct exam *x)
{
	return x->p.sw == 0x9000;
}

/* Commands, each in secure messaging where there is a session. */
void select_app(struct exam *x);
void select_ef(struct exam *x, unsigned int fid);
void read_at(struct exam *x, unsigned int offset, int le);
void read_sfi(struct exam *x, unsigned int sfi, int le);
/* Odd instruction byte: P1-P2 as given, offset 0. */
void read_odd(struct exam *x, unsigned int p1p2, int le);
/* The whole of a file by its identifier. */
bool read_file(struct exam *x, unsigned int fid, struct blob *out);

/* ICAO 9303-11, 4.3. false: step for step through want(), and one was wrong. */
bool open_bac(struct exam *x);
void bac_keys(const struct exam *x, uint8_t enc[32], uint8_t mac[32]);
size_t mrz_information(const struct exam *x, char out[32]);
/* "Open ePassport Application": access by x->by, and the application selected. */
bool open_app(struct exam *x);
/* The same, and chip authentication. */
bool open_ca(struct exam *x);
/* The same, and the authority's names from EF.CVCA. */
bool open_eac(struct exam *x);

/* ---- unit_pace.c, unit_ca.c ---- */

bool open_pace(struct exam *x, unsigned int password, unsigned int mapping);
bool chip_authentication(struct exam *x);

/* ---- ta.c ---- */

enum flaw {
	FINE, NO_CHAT, NO_FROM, NO_TO, BCD_FROM, BCD_TO, DAY_FROM, DAY_TO, CHAT_OID, KEY_OID, KEY_OID_CA, NO_KEY_OID,
	NO_POINT, NO_MODULUS, NO_EXPONENT, KEY_EXTRA, BODY_TAG, BODY_LEN, NO_CERT_BODY, SIG_TAG, SIG_LEN, SIG_LAST,
	SIG_CUT, SIG_R0, SIG_S0, SIG_BIG, NO_SIG,
};
/* A card verifiable certificate (TR-03110-3, C.1, D.3): body and signature, side by side. */
struct cvc {
	const char *car, *chr;
	uint8_t chat;			/* C0 CVCA, 80 domestic DV, 40 foreign DV, 00 IS; 01 DG3, 02 DG4 */
	int from, to;			/* days; as card_day() */
	EVP_PKEY *key, *by;
	enum flaw flaw;
	bool parameters;		/* with the curve's */
};
/* chat; each with DG3 and DG4 */
#define DV	0x83	/* domestic */
#define FOREIGN	0x43
#define IS	0x03
#define CA	0xc3
void cvc_make(const struct cvc *c, struct blob *out);

/* Key pairs of the plan by number, of the card's kind; made when first asked for. */
EVP_PKEY *pair(struct exam *x, const char *name);
void pairs_drop(void);

void set_dst(struct exam *x, const char *name);
void show(struct exam *x, const struct cvc *c);
void set_at(struct exam *x, const char *name);
void get_challenge(struct exam *x);
/* EXTERNAL AUTHENTICATE with a signature by key over the challenge; spoilt: with its last byte changed. */
void authenticate(struct exam *x, EVP_PKEY *key, bool spoilt);
/* A DV's and an IS's certificate, all right: set 1, and with other rights. */
struct cvc cvc_dv(struct exam *x, const char *set, uint8_t chat, int to);
struct cvc cvc_is(struct exam *x, const char *set, uint8_t chat, int to);
/* MSE:Set DST, certificate, twice. */
bool show_chain(struct exam *x, const struct cvc *dv, const struct cvc *is);

#endif
