/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Issuing cards: the state (pki.c), the files (lds_*.c), a portrait (portrait.c), a card's folder (issue.c).
 * Tests that need a card of their own make it with these.
 */
#ifndef CARDRING_SIM_ISSUE_H
#define CARDRING_SIM_ISSUE_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include "ber.h"
#include "simcrypto.h"
#include "simcvc.h"

#define SIM_PORTRAIT_WIDTH	360
#define SIM_PORTRAIT_HEIGHT	480

/* JPEG of about 20 KB, freed by free(). */
bool sim_portrait(uint32_t seed, uint8_t **out, size_t *len);
/* The same as JPEG 2000. */
bool sim_portrait_jp2(uint32_t seed, uint8_t **out, size_t *len);
/* w * h grey pixels as JPEG 2000, put behind what out holds. */
bool sim_jp2_grey(const uint8_t *pixels, unsigned int w, unsigned int h, struct sim_buf *out);

/* ---- pki.c: ICAO 9303-12 ---- */

/* What a state signs with. Keys "P-256", "brainpoolP256r1", ..., "RSA-2048", "DSA-2048", ... */
struct sim_issuer_spec {
	const char *country;		/* "VN": in the subject; NULL: it has none */
	const char *state;		/* "VNM": alternative names */
	const char *organization, *name;
	const char *csca_key, *ds_key;
	const char *csca_md, *ds_md;	/* "SHA256", ...: the certificates' signatures; the SOD's, data groups' hashes */
	bool explicit_params;		/* EC keys carry the whole curve, as many states do */
	bool pss;			/* RSA signatures are RSASSA-PSS */
	const char *document_type;	/* "ID", "P": extension documentTypeList */
	const char *lds_md;		/* data groups' hashes; NULL: ds_md */
	bool pkcs1_certs;		/* although pss, certificates and lists have RSASSA-PKCS1-v1_5 */
};

struct sim_issuer {
	const struct sim_issuer_spec *spec;
	EVP_PKEY *csca_key, *ds_key;
	X509 *csca, *ds;
};

/* csca_from, ds_from: begin of validity, seconds from now (negative: past). 0, or negative enum cr_error. */
int sim_issuer_new(const struct sim_issuer_spec *spec, long csca_from, long ds_from, struct sim_issuer *out);
/* The same with keys that there are already, which are taken whatever comes; NULL: CR_E_CRYPTO. */
int sim_issuer_with(const struct sim_issuer_spec *spec, long csca_from, long ds_from, EVP_PKEY *csca_key, EVP_PKEY *ds_key,
		    struct sim_issuer *out);
/* Another document signer under the same CSCA (out->csca is shared by reference). */
int sim_issuer_signer(const struct sim_issuer *issuer, long ds_from, struct sim_issuer *out);
void sim_issuer_free(struct sim_issuer *issuer);
int sim_issuer_crl(const struct sim_issuer *issuer, const X509 *revoked, struct sim_buf *der);	/* revoked may be NULL */

/* A master list of these authorities (ICAO 9303-12, 9), by a signer of the issuer's that is made for it. */
int sim_master_list(const struct sim_issuer *issuer, X509 *const *certs, size_t n, struct sim_buf *out);

struct sim_dg {
	unsigned int number;
	const uint8_t *data;
	size_t len;
};
/* EF.SOD over the data groups (ICAO 9303-10, 4.6.2), tag 77 and all. */
int sim_sod(const struct sim_issuer *issuer, const struct sim_dg *dgs, size_t n, struct sim_buf *out);
/* EF.CardSecurity: SecurityInfos, signed (TR-03110-3, A.1.2.5). */
int sim_card_security(const struct sim_issuer *issuer, const struct sim_buf *infos, struct sim_buf *out);
/* A new key: a named curve, "RSA-2048", "DSA-2048", or a prime field's group, "dh_2048_256"; NULL. */
EVP_PKEY *sim_key_new(const char *kind, bool explicit_params);

/* ---- lds_write.c: ICAO 9303-10 ---- */

struct sim_person {
	const char *mrz;		/* lines joined */
	/* DG13 of Viet Nam; id_number NULL: no DG13 */
	const char *id_number, *full_name, *date_of_birth, *sex, *nationality, *ethnic_group, *religion;
	const char *place_of_origin, *place_of_residence, *personal_identification;
	const char *date_of_issue, *date_of_expiry, *father, *mother, *spouse, *former_id_number, *chip_number;
};

void sim_write_com(uint32_t dgs, struct sim_buf *out);	/* bit n: data group n */
void sim_write_dg1(const char *mrz, struct sim_buf *out);
/* ISO/IEC 19794-5 in CBEFF. lie: the record's own lengths claim more than there is. */
void sim_write_dg2(const uint8_t *jpeg, size_t len, bool lie, struct sim_buf *out);
void sim_write_dg13(const struct sim_person *p, struct sim_buf *out);

struct sim_pace_offer {
	enum sim_cipher cipher;
	unsigned int domain;
	enum sim_mapping mapping;
	const char *own;		/* OpenSSL's name of parameters of the issuer's own; NULL: standardized ones */
};
/* What SecurityInfos can say. */
struct sim_security {
	const struct sim_pace_offer *pace;
	unsigned int n_pace;		/* at most 4 */
	EVP_PKEY *ca_key;		/* NULL: no chip authentication */
	enum sim_cipher ca;		/* 0: the key alone */
	int ca_key_id;			/* -1: none */
	struct sim_chip_key {		/* more keys than that; at most 2 */
		EVP_PKEY *key;
		enum sim_cipher cipher;
		int id;
	} more[2];
	unsigned int n_more;
	bool ta;			/* terminal authentication, version 1 */
	bool no_ca_1;			/* the key is not for version 1 of chip authentication */
	EVP_PKEY *ca_domain;		/* version 2 of both: a key with the parameters; NULL: not */
	const char *aa_digest;		/* of ECDSA: "sha256"; NULL: no info about active authentication */
};
int sim_write_security_infos(const struct sim_security *s, struct sim_buf *out);
int sim_write_dg14(const struct sim_security *s, struct sim_buf *out);
int sim_write_dg15(EVP_PKEY *key, struct sim_buf *out);
/* MRZ lines with check digits right. number at most 9 characters (TD2: 15); dates YYMMDD. */
void sim_mrz_td1(char out[91], const char *code, const char *state, const char *number, const char *optional,
		 const char *birth, char sex, const char *expiry, const char *nationality, const char *names);
void sim_mrz_td3(char out[89], const char *state, const char *names, const char *number, const char *nationality,
		 const char *birth, char sex, const char *expiry, const char *optional);

void sim_mrz_td2(char out[73], const char *code, const char *state, const char *names, const char *number,
		 const char *nationality, const char *birth, char sex, const char *expiry);

/* ---- lds_biometric.c ---- */

enum sim_image { SIM_RAW, SIM_WSQ, SIM_JP2 };
void sim_write_fingers(unsigned int n, enum sim_image kind, struct sim_buf *out);	/* DG3, ISO/IEC 19794-4; n at most 4 */
void sim_write_fingers_new(enum sim_image kind, bool extended, struct sim_buf *out);	/* DG3, ISO/IEC 39794-4 */
void sim_write_eyes(enum sim_image kind, struct sim_buf *out);	/* DG4, ISO/IEC 19794-6 */
void sim_write_dg3(struct sim_buf *out);	/* two fingers, not compressed */
void sim_write_dg4(struct sim_buf *out);	/* two eyes, not compressed */
void sim_write_dg2_new(const uint8_t *image, size_t len, bool jp2, struct sim_buf *out);	/* ISO/IEC 39794-5 */
/* A1 (ICAO 9303-10, 4.7.2 to 4.7.4). type 02 face, 08 finger, 10 iris; subtype -1: none. */
void sim_write_biometric_header(uint8_t type, int subtype, uint16_t format, struct sim_buf *out);

/* ---- lds_details.c: what few documents have ---- */

/* NULL where it is not said; dates ccyymmdd. */
struct sim_details {
	/* DG11 */
	const char *full_name, *personal_number, *date_of_birth, *place_of_birth, *address, *telephone, *profession;
	const char *title, *summary, *other_documents, *custody;
	const char *other_names[3];	/* ends with NULL */
	/* DG12 */
	const char *authority, *date_of_issue, *endorsements, *tax, *personalized, *system;
	const char *other_people[3];
	/* DG16 */
	struct { const char *recorded, *name, *telephone, *address; } notify[2];
};
void sim_write_picture(unsigned int dg, const uint8_t *jpeg, size_t len, struct sim_buf *out);	/* DG5, DG7 */
void sim_write_dg11(const struct sim_details *d, struct sim_buf *out);
void sim_write_dg12(const struct sim_details *d, struct sim_buf *out);
void sim_write_dg16(const struct sim_details *d, struct sim_buf *out);
void sim_write_raw(unsigned int dg, struct sim_buf *out);	/* DG6, DG8 to DG10, DG13: what no standard defines */
void sim_write_dir(struct sim_buf *out);
void sim_write_info(unsigned int max_command, unsigned int max_response, struct sim_buf *out);

/* ---- terminals.c: TR-03110-3, C ---- */

struct sim_holder_spec {
	const char *name;		/* country, mnemonic, number: "UTCVCA00001" */
	const char *key;		/* OpenSSL's name of a curve, or "RSA-2048" */
	uint8_t scheme;			/* last arc of id-TA-ECDSA or id-TA-RSA: the digest */
	uint8_t chat;			/* C0 CVCA, 80 or 40 DV, 00 terminal; 01 reads DG3, 02 DG4 */
	long from, to;			/* validity, days from now */
};
int sim_holder_new(const struct sim_holder_spec *spec, struct sim_holder *out);
void sim_write_cvca(const char *name, struct sim_buf *out);	/* EF.CVCA */
void sim_day(char out[7], long from_now);	/* YYMMDD */

/* ---- issue.c ---- */

enum sim_flaw {
	SIM_SOUND = 0,
	SIM_FORGED,		/* a byte of DG1 changed after signing */
	SIM_CLONED,		/* the chip has another chip or active authentication key */
	SIM_BAD_SOD,		/* EF.SOD is no CMS */
	SIM_TRUNCATED,		/* EF.DG2 ends before its header says */
	SIM_BAD_TLV,		/* DG13's fields do not nest; the hash is right */
	SIM_OTHERS_SECURITY,	/* EF.CardSecurity, and its key, are of another genuine card */
	SIM_UNSIGNED_SECURITY,	/* a byte of EF.CardSecurity changed after signing */
	SIM_LYING,		/* lengths within DG2's record lie; the hash is right */
};

enum sim_stage {
	SIM_GROUPS_MADE,	/* the data groups, not signed yet */
	SIM_FILES_MADE,		/* all files, signed, not written yet */
};

struct sim_draft;

struct sim_recipe {
	const char *name, *text;	/* text: one line */
	const struct sim_issuer *issuer;
	const struct sim_person *person;
	const char *can;		/* NULL: none */
	bool bac;
	unsigned int n_pace;		/* 0: no PACE */
	struct sim_pace_offer pace[4];
	const char *ca_key;		/* kind of key (sim_key_new); NULL: no chip authentication */
	enum sim_cipher ca;		/* 0: the key is for PACE's mapping alone */
	int ca_key_id;			/* -1: none */
	const char *aa_key;		/* kind of key; NULL: no active authentication */
	const char *aa;			/* as in a profile: "sha256", "bc" */
	const struct sim_holder *cvca;	/* authority of terminals; NULL: no terminal authentication */
	bool ta_2, no_ta_1;		/* in version 2; in version 2 alone */
	bool dg3, dg4;			/* fingerprints, irises, which only terminal authentication opens */
	enum sim_image fingers;		/* their encoding */
	bool dg14;			/* also where it has nothing but PACE's parameters to say */
	bool jp2;			/* the portrait as JPEG 2000 */
	const struct sim_details *details;	/* every group there is, biometrics open; NULL: few */
	uint32_t portrait;
	enum sim_flaw flaw;
	const char *quirks;		/* more lines of the profile; NULL */
	/* Called twice, for cards that are not what a recipe can say. 0, or a negative enum cr_error, which ends it. NULL: none. */
	int (*alter)(void *arg, enum sim_stage stage, struct sim_draft *draft);
	void *alter_arg;
};
/* Writes the folder dir/cards/NAME; dir must exist. 0, or negative enum cr_error. */
int sim_issue(const char *dir, const struct sim_recipe *recipe);

/* A card in the making: each file as it will be written; an empty one will not be there. */
struct sim_draft {
	const struct sim_recipe *recipe;
	struct sim_buf dg[17];		/* by number */
	struct sim_buf com, sod, card_access, card_security, cvca, dir, info;
	EVP_PKEY *ca, *aa;		/* as the data say; NULL: none. Of the draft, which frees them */
	EVP_PKEY *chip_ca, *chip_aa;	/* as the chip has instead of those; NULL: the same */
};
/* EF.COM and EF.SOD anew, of the data groups as they are now. */
int sim_draft_sign(struct sim_draft *draft);
/* What the recipe has its SecurityInfos say; ca_key NULL: nothing of chip authentication. */
void sim_security_of(const struct sim_recipe *recipe, EVP_PKEY *ca_key, struct sim_security *out);

/* ---- configurations.c: BSI TR-03105 part 5.1, chapter 4 ---- */

extern const struct sim_issuer_spec sim_configuration_issuer;
extern const struct sim_holder_spec sim_configuration_holders[3];	/* authority, its verifier of documents, terminal */
void sim_configuration_mrz(char out[89]);
const char *sim_configuration_name(unsigned int i);	/* NULL: there are no more */
/*
 * name: "cfg-plain", "cfg-bac", "cfg-eac", "cfg-eac-aa", "cfg-pace", "cfg-eac-pace"; false: none of them. What out points to
 * is the caller's. cvca: of those that have extended access control.
 */
bool sim_configuration(const char *name, const struct sim_issuer *issuer, const struct sim_person *person,
		       const struct sim_holder *cvca, struct sim_recipe *out);

/* ---- folders ---- */

int sim_make_dir(const char *path);	/* or it is there */
/* Whole or not at all: a reader of the folder sees the old file or the new one. */
int sim_write_file(const char *path, const void *data, size_t len, mode_t mode);
int sim_write_key(const char *dir, const char *name, EVP_PKEY *key);	/* PEM, for the owner alone */

#endif
