/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual card inside.
 *
 * card.c takes an APDU apart, takes secure messaging off it (card_sm.c), finds the command, and puts secure
 * messaging on the answer. The commands: card_fs.c (SELECT, READ BINARY), card_bac.c (GET CHALLENGE, EXTERNAL
 * AUTHENTICATE), card_pace.c and card_ca.c (MSE, GENERAL AUTHENTICATE), card_aa.c (INTERNAL AUTHENTICATE). profile.c reads what the card is from its
 * folder. Nothing here calls the library: two sides that share their code share their mistakes.
 */
#ifndef CARDRING_SIMCARD_H
#define CARDRING_SIMCARD_H

#include "ber.h"
#include "lax.h"
#include "sim.h"
#include "simcrypto.h"
#include "simcvc.h"
#include "simgroup.h"

#define SIM_MAX_FILES	32
#define SIM_MAX_FILE	(1U << 20)
#define SIM_MAX_PACE	4
#define SIM_MAX_CA	2	/* keys beside the first */
#define SIM_PIN_TRIES	3

/* Status words, ISO/IEC 7816-4, 5.6. */
enum {
	SW_OK			= 0x9000,
	SW_END_OF_FILE		= 0x6282,	/* fewer than Ne bytes */
	SW_AUTH_FAILED		= 0x6300,
	SW_TRIES		= 0x63c0,	/* and how many are left */
	SW_LENGTH		= 0x6700,
	SW_LAST_OF_CHAIN	= 0x6883,
	SW_CHAINING		= 0x6884,
	SW_SECURITY_STATUS	= 0x6982,
	SW_CONDITIONS		= 0x6985,
	SW_NO_CURRENT_EF	= 0x6986,
	SW_SM_MISSING		= 0x6987,
	SW_SM_INCORRECT		= 0x6988,
	SW_DATA			= 0x6a80,
	SW_NO_FUNCTION		= 0x6a81,
	SW_NO_FILE		= 0x6a82,
	SW_P1P2			= 0x6a86,
	SW_NO_REFERENCE		= 0x6a88,
	SW_OFFSET		= 0x6b00,
	SW_INS			= 0x6d00,
	SW_CLA			= 0x6e00,
	SW_INTERNAL		= 0x6f00,
};

struct sim_apdu {
	uint8_t cla, ins, p1, p2;
	const uint8_t *data;
	size_t lc;
	size_t le;		/* Ne, 1 to 65536; 0: no Le field */
	bool le_all;		/* Le is all zeroes: as much as there is */
	bool extended;
	bool le_implied;	/* T=0: the transport has no Le beside Lc: it may be there or not */
};

struct sim_file {
	uint16_t fid;
	bool under_mf;		/* beside the application: EF.CardSecurity, which has the identifier of EF.SOD */
	bool in_app;		/* within it: EF.CVCA, which has that of EF.CardAccess */
	uint8_t *data;
	size_t len;
};

struct sim_pace_info {
	enum sim_cipher cipher;
	enum sim_mapping mapping;
	unsigned int domain;
	char group[24];		/* OpenSSL's name of its parameters */
};

/* How the chip answers INTERNAL AUTHENTICATE: habits of real ones. */
enum sim_aa_habit {
	SIM_AA_WHOLE,		/* as it should */
	SIM_AA_ALL,		/* only to an extended Le of zero */
	SIM_AA_256,		/* nothing to that one; to Le of 256 */
	SIM_AA_CUT,		/* the first half, and 9000 */
};

/* A key of chip authentication beside the first. */
struct sim_ca_key {
	int id;
	enum sim_cipher cipher;
	struct sim_group group;
	BIGNUM *key;
};

enum sim_sfi {
	SIM_SFI_YES,
	SIM_SFI_PASSING,	/* gives the file, and does not make it the current one */
	SIM_SFI_OTHER,		/* gives EF.COM, or EF.CardAccess outside of the application, whichever is asked for */
	SIM_SFI_REFUSED,	/* with the status word sfi_sw */
};

struct sim_profile {
	char name[32], text[128];
	char can[16], mrz[100], pin[16], puk[16];
	bool pace, bac, mf, card_access_in_app, extended;
	struct sim_pace_info pace_info[SIM_MAX_PACE];
	unsigned int n_pace;
	unsigned int max_le;	/* longest response data in one READ BINARY */
	uint16_t le_beyond;	/* READ BINARY with Le beyond the end: 6282 (with data) or 6B00 */
	enum sim_sfi sfi;
	uint16_t sfi_sw;
	bool mf_files_locked;	/* EF.DIR and EF.ATR/INFO are refused */
	bool biometrics_open;	/* DG3 and DG4 need no terminal authentication */
	bool plain_errors;	/* an error is answered without secure messaging, and ends it */
	bool ca;
	enum sim_cipher ca_cipher;
	struct sim_group ca_group;	/* of the key */
	BIGNUM *ca_key;
	int ca_key_id;		/* -1: none */
	struct sim_ca_key ca_other[SIM_MAX_CA];
	unsigned int n_ca_other;
	EVP_PKEY *aa_key;	/* NULL: no active authentication */
	char aa_digest[8];	/* "SHA256" */
	bool aa_trailer_bc;	/* RSA with SHA-1: trailer BC, which is the older form */
	enum sim_aa_habit aa_habit;
	struct sim_holder cvca;	/* key NULL: no terminal authentication */
	struct sim_holder cvca_before;	/* whose link certificate it came by; key NULL: none */
	bool ta_1, ta_2;	/* versions of terminal authentication, and with the second of chip authentication */
	char today[7];		/* YYMMDD; goes on by certificates */
	struct sim_file files[SIM_MAX_FILES];
	unsigned int n_files;
	uint8_t atr[33], atr_t0[33];
	size_t atr_len, atr_t0_len;
};

struct sim_sm {
	bool active;
	enum sim_cipher cipher;
	uint8_t enc[SIM_KEY_MAX], mac[SIM_KEY_MAX], ssc[SIM_BLOCK_MAX];
};

enum sim_pace_step { PACE_IDLE, PACE_NONCE, PACE_MAP, PACE_AGREE, PACE_TOKEN };

struct sim_pace {
	enum sim_pace_step step;	/* what the next GENERAL AUTHENTICATE must be */
	const struct sim_pace_info *info;
	char oid[32];
	uint8_t password;		/* 1 MRZ, 2 CAN, 3 PIN, 4 PUK */
	bool announced;			/* a terminal's template came along, which is the rights: */
	uint8_t chat;
	uint8_t nonce[32];
	size_t nonce_len;
	struct sim_group group;		/* with the new generator after mapping */
	BIGNUM *cam;			/* chip authentication data: mapping key over static key */
	struct sim_element own, theirs;	/* ephemeral public keys */
	uint8_t enc[SIM_KEY_MAX], mac[SIM_KEY_MAX];
};

struct sim_ta {
	bool announced;			/* PACE was run for version 2, */
	uint8_t chat;			/* with these rights */
	bool done;			/* version 2: let in, as soon as chip authentication has followed */
	uint8_t ephemeral[SIM_ELEMENT_MAX];	/* version 2: the key for that, compressed */
	size_t ephemeral_len;
	struct sim_buf auxiliary;	/* version 2: the object 67 */
	char dst[17];			/* whose key the next certificate is to be checked by */
	struct sim_holder last;		/* of the certificate that was taken last */
	uint8_t granted;
	bool set, challenged;
	uint8_t challenge[8];
};

struct sim_card {
	struct sim_profile prof;
	const struct sim_tap *tap;	/* tap.h; NULL */
	unsigned int failures;		/* wrong passwords in a row; outlives power */
	unsigned int pin_tries;		/* left; outlives power */

	/* volatile */
	bool powered;
	bool app;			/* the eMRTD application is selected */
	bool access;			/* PACE or BAC done in this session */
	uint8_t opened_by;		/* password of the session's PACE; 0: BAC */
	bool chip_authenticated;
	const struct sim_file *ef;
	struct sim_sm sm;
	struct sim_pace pace;
	bool challenged;
	uint8_t challenge[8];
	bool ca_set;
	const struct sim_ca_key *ca_other;	/* the key that it was set for; NULL: the first */
	struct sim_buf chain;		/* data of the commands chained so far */
	uint8_t chain_header[3];	/* their INS, P1, P2 */
	bool chained;
	/* ID_PICC and the terminal's key of chip authentication, compressed (TR-03110-3, A.2.2.3) */
	uint8_t chip_id[SIM_ELEMENT_MAX], terminal_id[SIM_ELEMENT_MAX];
	size_t chip_id_len, terminal_id_len;
	struct sim_ta ta;
	uint8_t rights;			/* what terminal authentication has opened: 1 DG3, 2 DG4 */

	struct card_work work;		/* of the command that runs */
};

/* profile.c */
int sim_profile_load(const char *name, struct sim_profile *out);
void sim_profile_free(struct sim_profile *prof);
/* Document number, dates and their check digits, as the keys are derived from them (ICAO 9303-11, 9.7.2); 0: no MRZ. */
size_t sim_mrz_information(const char *mrz, char out[64]);
char sim_check_digit(const char *s, size_t len);

/* card.c */
uint16_t sim_apdu_parse(const uint8_t *cmd, size_t len, struct sim_apdu *out);
size_t sim_card_process(struct sim_card *card, const struct sim_apdu *cmd, uint8_t *rsp, size_t size);
void sim_card_session_end(struct sim_card *card);

/* Each command: data into out, returns the status word. */
uint16_t sim_select(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out);
uint16_t sim_read_binary(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out);
uint16_t sim_get_challenge(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out);
uint16_t sim_external_authenticate(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out,
				   struct sim_sm *next);
uint16_t sim_pace_set_at(struct sim_card *card, const struct sim_apdu *a, bool protected);
/* next: filled, and active set, when the answer to this command is the last of the present session. */
uint16_t sim_pace_authenticate(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out,
			       struct sim_sm *next);
void sim_pace_reset(struct sim_card *card);
/* ICAO 9303-11, 4.4.3.4: MAC over a public key as a data object 7F49 { OID, 86 point or 84 number }. */
bool sim_token(enum sim_cipher cipher, const uint8_t *k_mac, const char *oid, const struct sim_group *g,
	       const struct sim_element *key, uint8_t mac[8], struct card_work *work);
uint16_t sim_ca_set_at(struct sim_card *card, const struct sim_apdu *a);
uint16_t sim_ca_set_kat(struct sim_card *card, const struct sim_apdu *a, struct sim_sm *next);
uint16_t sim_ca_authenticate(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out,
			     struct sim_sm *next);

uint16_t sim_ta_set_dst(struct sim_card *card, const struct sim_apdu *a, bool protected);
uint16_t sim_ta_verify(struct sim_card *card, const struct sim_apdu *a, bool protected);
uint16_t sim_ta_set_at(struct sim_card *card, const struct sim_apdu *a, bool protected);
uint16_t sim_ta_challenge(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out);
uint16_t sim_ta_authenticate(struct sim_card *card, const struct sim_apdu *a);
void sim_ta_reset(struct sim_card *card);
/* Whether GET CHALLENGE is for terminal authentication. */
bool sim_ta_wants_challenge(const struct sim_card *card, bool protected);
/* Whether chip authentication is to be that of version 2; wrong: not with this key. */
bool sim_ta_precedes(const struct sim_card *card);
uint16_t sim_internal_authenticate(struct sim_card *card, const struct sim_apdu *a, struct sim_buf *out);

/*
 * card_sm.c. Unwrap: the plain command into *out, its data into *data (the caller frees it); SW_OK, or the status word
 * that ends the session. Wrap: data and sw as response data objects to the plain cmd. work: what it costs is added.
 */
uint16_t sim_sm_unwrap(struct sim_sm *sm, const struct sim_apdu *in, struct sim_apdu *out, struct sim_buf *data,
		       struct card_work *work);
bool sim_sm_wrap(struct sim_card *card, const struct sim_apdu *cmd, const struct sim_buf *data, uint16_t sw,
		 struct sim_buf *out);

#endif
