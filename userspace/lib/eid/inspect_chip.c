// SPDX-License-Identifier: BSD-2-Clause
/* Is the chip the one that the data were issued for? (ICAO 9303-11, 6) */
#include <stdlib.h>
#include <string.h>
#include "eid/checks.h"
#include "eid/chip.h"
#include "eid/inspect_int.h"
#include "eid/lds.h"
#include "trust/card_security.h"

static void check(struct inspector *in, enum cr_check_id id, enum cr_result result, const char *detail)
{
	cr_check_set(in->insp, id, result, "%s", detail);
}

static void compare_card_access(struct inspector *in, const uint8_t *set, size_t len)
{
	static const uint8_t nothing[] = { 0x31, 0x00 };	/* as without the file */
	const enum cr_check_id id = CR_CHECK_CARD_ACCESS_AUTHENTIC;
	const uint8_t *access = in->ca.data ? in->ca.data : nothing;
	size_t access_len = in->ca.data ? in->ca.len : sizeof(nothing);

	switch (cr_security_infos_agree(access, access_len, set, len)) {
	case CR_INFOS_AGREE:
		if (in->ca.data)
			cr_check_set(in->insp, id, CR_SUCCESSFUL, NULL);
		break;
	case CR_INFOS_DIFFER:
		cr_check_set(in->insp, id, CR_FAILED, "DG14 has other PACE parameters");
		break;
	case CR_INFOS_SILENT:
		cr_check_set(in->insp, id, CR_NOT_SUPPORTED, "DG14 says nothing of PACE");
		break;
	case CR_INFOS_LEFT_OUT:
		/* somebody in between may have, so that weaker protocols are taken */
		cr_check_set(in->insp, id, CR_UNDETERMINED,
			     "DG14 has PACE parameters that were left out of it");
		break;
	case CR_INFOS_MALFORMED:
		cr_check_set(in->insp, id, CR_UNDETERMINED, "EF.CardAccess or DG14 is malformed");
	}
}

/* The card is opened anew where its session did not outlive the proof. */
static int proved(struct inspector *in, enum cr_check_id id, const struct cr_chip_proof *proof)
{
	in->insp->chip_protocol = proof->protocol;
	check(in, id, proof->result, proof->detail);
	return proof->spoilt ? cr_inspector_reopen(in) : 0;
}

/* No chip authentication, for this reason. */
static int without_key(struct inspector *in, enum cr_result result, const char *why)
{
	check(in, CR_CHECK_CA, result, why);
	in->unproved = true;
	return 0;
}

/*
 * A bit that went wrong on the way accuses nobody: a chip that failed is opened anew and asked once
 * more, and is a copy if it fails again.
 */
static int authenticate_by_key(struct inspector *in, const struct cr_ca_info *info,
			       const struct cr_ca_key *key, struct cr_chip_proof *proof)
{
	struct cr_chip_proof first;
	int err = cr_chip_authenticate(&in->s, info, key, proof);

	if (err || proof->result != CR_FAILED || !proof->spoilt)
		return err;
	first = *proof;
	err = cr_inspector_reopen(in);
	if (!err)
		err = cr_chip_authenticate(&in->s, info, key, proof);
	if (!err && proof->result != CR_SUCCESSFUL) {
		first.spoilt = proof->spoilt;
		*proof = first;
	}
	return err;
}

static const char *mapping_name(enum cr_cipher c)
{
	static const char *const names[] = {
		[CR_3DES] = NULL, [CR_AES128] = "PACE-CAM AES-128", [CR_AES192] = "PACE-CAM AES-192",
		[CR_AES256] = "PACE-CAM AES-256",
	};

	return names[c];
}

/* What EF.CardSecurity says. *set is allocated, and what out points into. */
static int card_security(struct inspector *in, uint8_t **set, struct cr_security_infos *out)
{
	size_t len;
	int err = cr_card_security_infos(in->ca.security, in->ca.security_len, set, &len);

	if (!err)
		err = cr_security_infos_parse(*set, len, out);
	return err;
}

/*
 * The chip's data from PACE against its keys: once more with a new PACE where they do not fit. A chip
 * that shows none the second time has not failed twice.
 */
static int check_mapping(struct inspector *in, const struct cr_security_infos *security,
			 const struct cr_security_infos *dg14, enum cr_mapped *mapped, bool *tied)
{
	int err;

	*mapped = cr_chip_mapped(&in->ca.cam, security, dg14, tied);
	if (*mapped != CR_MAPPED_FAILED)
		return 0;
	err = cr_inspector_reopen(in);
	if (!err)
		*mapped = cr_chip_mapped(&in->ca.cam, security, dg14, tied);
	return err;
}

/*
 * 1: PACE with chip authentication mapping has settled it; 0: it has not, and *open says why, where the
 * chip claimed to be proved by it or DG14 says that it can be: a copy may have refused it. EF.SOD says nothing of EF.CardSecurity, so that the key there may be
 * of any genuine chip, through which somebody has led PACE: it is the document's only if DG14 has it
 * too.
 */
static int by_mapping(struct inspector *in, const struct cr_security_infos *dg14, const char **open)
{
	struct cr_security_infos security;
	enum cr_mapped mapped = CR_MAPPED_NOTHING;
	uint8_t *set = NULL;
	bool tied = false;
	int err;

	*open = NULL;
	for (size_t i = 0; dg14 && i < dg14->n_pace; i++) {
		if (dg14->pace[i].mapping == CR_CAM)
			*open = "PACE was run without the proof of the chip that DG14 offers";
	}
	if (!in->ca.cam.data_len)
		return 0;
	*open = "PACE proved no key that could be read";
	if (!in->ca.security)
		return 0;
	/*
	 * Terminal authentication version 1 goes with the session of chip authentication alone; without EF.COM
	 * nobody knows yet whether there is something that it opens.
	 */
	if (in->opts->terminal && dg14 && dg14->n_ca &&
	    cr_inspector_need(in) & CR_EAC_GROUPS & (in->listed ? in->listed : CR_EAC_GROUPS))
		return 0;
	if (card_security(in, &set, &security)) {
		free(set);
		return 0;
	}
	err = check_mapping(in, &security, dg14, &mapped, &tied);
	free(set);
	if (err)
		return err;
	if (mapped == CR_MAPPED_FITS && !tied)
		*open = "the key that PACE proved is not in DG14";
	if (mapped == CR_MAPPED_NOTHING || (mapped == CR_MAPPED_FITS && !tied))
		return 0;
	in->mapped = mapped == CR_MAPPED_FITS;
	in->insp->procedure = CR_PROCEDURE_ADVANCED;
	in->insp->chip_protocol = mapping_name(in->s.sm.cipher);
	check(in, CR_CHECK_PACE_CAM, in->mapped ? CR_SUCCESSFUL : CR_FAILED,
	      in->mapped ? "" : "what the chip showed in PACE does not fit its key in EF.CardSecurity");
	return 1;
}

int cr_inspector_chip_judge(struct inspector *in)
{
	char why[160];
	enum cr_result r;

	if (!in->ca.security)
		return 0;
	r = cr_card_security_check(in->insp, in->ca.security, in->ca.security_len, in->opts->trust,
				   in->now, why);
	/* ICAO 9303-11, 4.4.3.3.3: the proof is by the keys in it */
	if (in->mapped && r != CR_SUCCESSFUL)
		check(in, CR_CHECK_PACE_CAM, r, why);
	return 0;
}

static void card_access_unchecked(struct inspector *in, enum cr_result r, const char *why)
{
	cr_check_set(in->insp, CR_CHECK_CARD_ACCESS_AUTHENTIC, r, "%s", why);
}

/*
 * PACE has not settled it. open: why, where it claimed to, so that the chip does offer a proof; NULL: it
 * claimed nothing.
 */
static void mapping_left_open(struct inspector *in, const char *open)
{
	check(in, CR_CHECK_PACE_CAM, open ? CR_UNDETERMINED : CR_NOT_SUPPORTED, open ? open : "");
}

int cr_inspector_chip_active(struct inspector *in)
{
	const struct cr_file *dg14 = cr_inspector_file(in->insp, CR_FID_DG(14)), *dg15;
	const char *digest = NULL;
	struct cr_security_infos infos;
	struct cr_chip_proof proof;
	const uint8_t *set;
	size_t len;
	int err;

	if (!in->ca.data)
		card_access_unchecked(in, CR_NOT_SUPPORTED, "no EF.CardAccess");
	else if (!dg14)
		card_access_unchecked(in, (in->listed | in->hashed) & 1U << 14 ? CR_UNDETERMINED : CR_NOT_SUPPORTED,
				      "no DG14 to compare with");
	if (!in->unproved)
		return 0;
	if (!((in->listed | in->hashed) & 1U << 15)) {
		check(in, CR_CHECK_AA, CR_NOT_SUPPORTED, "");
		return 0;
	}
	err = cr_inspector_read(in, CR_FID_DG(15), false);
	if (err)
		return err;
	dg14 = cr_inspector_file(in->insp, CR_FID_DG(14));	/* the list of files has grown */
	dg15 = cr_inspector_file(in->insp, CR_FID_DG(15));
	if (!dg15) {
		check(in, CR_CHECK_AA, CR_UNDETERMINED, "DG15 could not be read");
		return 0;
	}
	if (dg14 && !cr_security_infos_dg14(dg14->data, dg14->len, &set, &len) &&
	    !cr_security_infos_parse(set, len, &infos))
		digest = infos.aa_digest;
	err = cr_chip_active(&in->s, dg15->data, dg15->len, digest, &proof);
	return err ? err : proved(in, CR_CHECK_AA, &proof);
}

int cr_inspector_chip(struct inspector *in)
{
	const struct cr_file *dg14 = cr_inspector_file(in->insp, CR_FID_DG(14));
	struct cr_security_infos infos;
	struct cr_chip_proof proof;
	const struct cr_ca_key *key;
	struct cr_ca_info info;
	const uint8_t *set;
	const char *open;
	size_t len;
	int err;

	if (!dg14) {
		err = by_mapping(in, NULL, &open);
		if (err)
			return err < 0 ? err : 0;
		mapping_left_open(in, open);
		return without_key(in, CR_NOT_SUPPORTED, "no DG14");
	}
	if (cr_security_infos_dg14(dg14->data, dg14->len, &set, &len) ||
	    cr_security_infos_parse(set, len, &infos)) {
		if (in->ca.data)
			card_access_unchecked(in, CR_UNDETERMINED, "DG14 is malformed");
		check(in, CR_CHECK_CA, CR_UNDETERMINED, "DG14 is malformed");
		return 0;
	}
	compare_card_access(in, set, len);
	in->cvca = infos.cvca;
	err = by_mapping(in, &infos, &open);
	if (err)
		return err < 0 ? err : 0;
	mapping_left_open(in, open);
	err = cr_security_infos_ca(&infos, &info, &key);
	if (err == CR_E_NOT_FOUND)
		return without_key(in, CR_NOT_SUPPORTED, "DG14 has no key for it");
	if (err)
		return without_key(in, CR_UNDETERMINED, "the chip's algorithm for it is not known here");
	if (in->opts->procedure == CR_PROCEDURE_STANDARD)
		return without_key(in, CR_UNDETERMINED, "the standard inspection procedure was asked for");
	if (!in->s.secured)
		return without_key(in, CR_UNDETERMINED, "it needs PACE or BAC first");
	in->insp->procedure = CR_PROCEDURE_ADVANCED;
	err = authenticate_by_key(in, &info, key, &proof);
	if (!err && proof.result == CR_SUCCESSFUL)
		in->proof = proof;
	return err ? err : proved(in, CR_CHECK_CA, &proof);
}

int cr_inspector_chip_again(struct inspector *in)
{
	const struct cr_file *dg14 = cr_inspector_file(in->insp, CR_FID_DG(14));
	struct cr_security_infos infos;
	struct cr_chip_proof proof;
	const struct cr_ca_key *key;
	struct cr_ca_info info;
	const uint8_t *set;
	size_t len;
	int err;

	if (!dg14 || cr_security_infos_dg14(dg14->data, dg14->len, &set, &len) ||
	    cr_security_infos_parse(set, len, &infos) || cr_security_infos_ca(&infos, &info, &key))
		return 0;
	err = cr_chip_authenticate(&in->s, &info, key, &proof);
	if (!err && proof.result == CR_SUCCESSFUL)
		in->proof = proof;
	return !err && proof.spoilt ? cr_inspector_reopen(in) : err;
}
