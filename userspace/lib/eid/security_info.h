/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SecurityInfos: EF.CardAccess and DG14 (ICAO 9303-11, 9.2; TR-03110-3, A.1.1). No I/O.
 */
#ifndef CR_EID_SECURITY_INFO_H
#define CR_EID_SECURITY_INFO_H

#include "eid/group.h"
#include "eid/pace_map.h"

struct cr_protocol_oid {		/* 0.4.0.127.0.7.2.2.x.y.z */
	uint8_t oid[10];		/* value, without tag and length */
	bool ecdh;			/* else DH */
	enum cr_cipher cipher;
};

struct cr_pace_info {
	struct cr_protocol_oid protocol;
	enum cr_mapping mapping;
	int version;
	int parameter_id;		/* -1: none */
	bool usable;			/* of a version that we speak, its parameters known */
	struct cr_domain domain;	/* if it is */
};

/* PACEDomainParameterInfo: parameters of the issuer's own for all infos of this kind and number. */
struct cr_pace_parameters {
	bool ecdh;
	enum cr_mapping mapping;
	int parameter_id;		/* -1: none */
	bool known;
	struct cr_domain domain;	/* if they are */
};

struct cr_ca_info {
	struct cr_protocol_oid protocol;
	int version;
	int key_id;			/* -1: none */
};

struct cr_ca_key {
	bool ecdh;
	int key_id;			/* -1: none */
	bool usable;			/* its parameters are known */
	struct cr_domain domain;
	uint8_t public_key[CR_ELEMENT_MAX];
	size_t len;
};

/* ChipAuthenticationDomainParameterInfo: of the key with this number, before that can be read (version 2). */
struct cr_ca_parameters {
	bool ecdh;
	int key_id;			/* -1: none */
	bool known;
	struct cr_domain domain;	/* if they are */
};

#define CR_PACE_MAX	32	/* a chip has one for each cipher, mapping and group that it offers */
#define CR_INFOS_MAX	8	/* of any other kind; keys are long, and these stand on the stack */
struct cr_security_infos {
	struct cr_pace_info pace[CR_PACE_MAX];
	struct cr_pace_parameters pace_parameters[CR_INFOS_MAX];
	struct cr_ca_info ca[CR_INFOS_MAX];
	struct cr_ca_parameters ca_parameters[CR_INFOS_MAX];
	struct cr_ca_key ca_key[CR_INFOS_MAX];
	size_t n_pace, n_pace_parameters, n_ca, n_ca_parameters, n_ca_key;
	bool terminal_authentication, active_authentication;
	bool terminal_2;		/* terminal authentication in version 2 */
	uint16_t cvca;			/* identifier of EF.CVCA, which terminal authentication begins with */
	uint8_t cvca_sfi;		/* its short identifier; 0: not told */
	const char *aa_digest;		/* of active authentication by ECDSA: "SHA256"; NULL: not told */
	bool aa_unknown;		/* its signature is told to be by an algorithm that none of those is */
	bool ca_unknown;		/* chip authentication, or a key for it, of a kind that we do not know */
	size_t unknown;			/* infos with object identifiers that we do not know */
};

/*
 * data: the SET OF SecurityInfo (EF.CardAccess as it is; DG14 without its 6E); explicit domain
 * parameters point into it, so it has to live as long as out. CR_E_MALFORMED: not DER of that form,
 * an info of a known kind that breaks its definition, or more than CR_PACE_MAX or CR_INFOS_MAX of a kind.
 */
int cr_security_infos_parse(const uint8_t *data, size_t len, struct cr_security_infos *out);
/* The SET inside of DG14 (6E). */
int cr_security_infos_dg14(const uint8_t *data, size_t len, const uint8_t **set, size_t *set_len);

/*
 * The PACE to take of those that a chip offers, or NULL: the longest key of the cipher; of these the
 * strongest group; of these chip authentication mapping, which proves the chip on the way, before
 * generic, before integrated. Where the card does not take it, before any password was tried, it is made
 * unusable and the next is asked for; never after a password was tried. *ambiguous: there is more than one set of domain parameters for PACE,
 * so that the one taken has to be named to the chip.
 */
const struct cr_pace_info *cr_security_infos_pace(const struct cr_security_infos *si,
						  bool *ambiguous);
/*
 * The strongest chip authentication that we speak: 0, CR_E_UNSUPPORTED (offered, not spoken) or
 * CR_E_NOT_FOUND. A public key without ChipAuthenticationInfo, be it one of an unknown kind, means 3DES
 * (TR-03110-3, A.1.1.2), where it is not the mapping's.
 */
int cr_security_infos_ca(const struct cr_security_infos *si, struct cr_ca_info *info,
			 const struct cr_ca_key **key);

/*
 * DG14 has PACE with chip authentication mapping, and a key without ChipAuthenticationInfo: that is the
 * mapping's, and no other chip authentication is offered.
 */
bool cr_security_infos_mapping_key(const struct cr_security_infos *si);
/*
 * The strongest chip authentication version 2, which the terminal has to know the parameters of before
 * the key, by what EF.CardAccess says: standardized ones alone, as nothing there is signed (TR-03110-3,
 * A.2.1.3). 0, CR_E_UNSUPPORTED (offered, not to be taken) or CR_E_NOT_FOUND.
 */
int cr_security_infos_ca2(const struct cr_security_infos *si, struct cr_ca_info *info,
			  struct cr_domain *domain);
/* The key for it, in EF.CardSecurity; NULL: none. */
const struct cr_ca_key *cr_security_infos_ca2_key(const struct cr_security_infos *si,
						  const struct cr_ca_info *info,
						  const struct cr_domain *domain);

/*
 * ICAO 9303-11, 9.2.11: what EF.CardAccess, which nothing signs, says of PACE must stand in DG14,
 * which is signed; and DG14 has it from there alone. Infos are compared byte for byte.
 */
enum cr_infos_agreement {
	CR_INFOS_AGREE = 0,
	CR_INFOS_SILENT,	/* DG14 says nothing of PACE */
	CR_INFOS_DIFFER,	/* EF.CardAccess has one that DG14 does not have */
	CR_INFOS_LEFT_OUT,	/* DG14 has one that EF.CardAccess does not have */
	CR_INFOS_MALFORMED,	/* one of the two, or more in it than a chip has use for */
};
/*
 * The same with the signed SET in EF.CardSecurity, which has all that EF.CardAccess says (TR-03110-3,
 * A.1.2.2): of chip and terminal authentication, too.
 */
enum cr_infos_agreement cr_security_infos_match(const uint8_t *access, size_t access_len,
						const uint8_t *set, size_t set_len);
enum cr_infos_agreement cr_security_infos_agree(const uint8_t *access, size_t access_len,
						const uint8_t *dg14_set, size_t set_len);

#endif
