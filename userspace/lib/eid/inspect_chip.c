// SPDX-License-Identifier: BSD-2-Clause
/* Is the chip the one that the data were issued for? (ICAO 9303-11, 6) */
#include <stdlib.h>
#include <string.h>
#include "eid/checks.h"
#include "eid/chip.h"
#include "eid/inspect_int.h"
#include "eid/lds.h"
#include "eid/rule.h"
#include "trust/card_security.h"

static void check(struct inspector *in, enum cr_check_id id, enum cr_result result, const char *detail)
{
	cr_check_set(in->insp, id, result, "%s", detail);
}

/*
 * By EF.CardSecurity, where that was read: in place of a DG14 that does not say (why), and for the general
 * authentication procedure, which went by what EF.CardAccess says of it (TR-03110-2, 2.3.4).
 */
static void signed_by_card_security(struct inspector *in, const char *why)
{
	const enum cr_check_id id = CR_CHECK_CARD_ACCESS_AUTHENTIC;
	enum cr_infos_agreement agreed = CR_INFOS_MALFORMED;
	uint8_t *set = NULL;
	char detail[160];
	size_t len;

	if (!in->ca.data || !in->ca.security) {
		if (why)
			cr_check_set(in->insp, id, CR_NOT_SUPPORTED, "%s", why);
		return;
	}
	if (cr_card_security_verify(NULL, in->ca.security, in->ca.security_len, in->opts->trust, in->now,
				    false, true, detail) != CR_SUCCESSFUL) {
		if (why)
			cr_check_set(in->insp, id, CR_UNDETERMINED, "%s", detail);
		return;
	}
	if (!cr_card_security_infos(in->ca.security, in->ca.security_len, &set, &len))
		agreed = cr_security_infos_match(in->ca.data, in->ca.len, set, len);
	free(set);
	if (agreed == CR_INFOS_AGREE)
		cr_check_set(in->insp, id, CR_SUCCESSFUL, NULL);
	else if (agreed == CR_INFOS_DIFFER || agreed == CR_INFOS_SILENT)
		cr_check_set(in->insp, id, CR_FAILED, "EF.CardSecurity has other parameters");
	else
		cr_check_set(in->insp, id, CR_UNDETERMINED, agreed == CR_INFOS_LEFT_OUT ?
			     "EF.CardSecurity has PACE parameters that were left out of it" :
			     "EF.CardAccess or EF.CardSecurity is malformed");
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
		signed_by_card_security(in, "DG14 says nothing of PACE");
		break;
	case CR_INFOS_LEFT_OUT:
		/* somebody in between may have, so that weaker protocols are taken */
		cr_check_set(in->insp, id, CR_UNDETERMINED,
			     "DG14 has PACE parameters that were left out of it");
		break;
	case CR_INFOS_MALFORMED:
		cr_check_set(in->insp, id, CR_RULE(card_access_form, false) ? CR_NOT_SUPPORTED : CR_UNDETERMINED,
			     "EF.CardAccess or DG14 is malformed");
	}
}

/*
 * ICAO 9303-10, 3.11.4: EF.CardSecurity, where there is one, contains the SecurityInfos of EF.CardAccess. That
 * they are not there accuses nobody, as DG14 may have them.
 */
static void compare_card_security(struct inspector *in)
{
	enum cr_infos_agreement a;
	uint8_t *set = NULL;
	size_t len;

	if (!in->ca.security || !in->ca.data ||
	    cr_card_security_infos(in->ca.security, in->ca.security_len, &set, &len))
		return;
	a = cr_security_infos_agree(in->ca.data, in->ca.len, set, len);
	if (!CR_RULE(card_security_agrees, a == CR_INFOS_AGREE || a == CR_INFOS_LEFT_OUT))
		cr_check_set(in->insp, CR_CHECK_CARD_ACCESS_AUTHENTIC, CR_UNDETERMINED,
			     "EF.CardSecurity does not repeat it");
	free(set);
}

/* The card is opened anew where its session did not outlive the proof. */
static int proved(struct inspector *in, enum cr_check_id id, const struct cr_chip_proof *proof)
{
	in->insp->chip_protocol = proof->protocol;
	check(in, id, proof->result, proof->detail);
	return proof->spoilt ? cr_inspector_reopen(in) : 0;
}

/* 9.2.4: the algorithms of TR-03111 alone. Another identifier says that the signature is to be something else. */
static void check_algorithm(const struct cr_security_infos *dg14, struct cr_chip_proof *proof)
{
	if (proof->result != CR_SUCCESSFUL || strcmp(proof->protocol, "AA ECDSA") ||
	    CR_RULE(aa_algorithm, !dg14->aa_unknown))
		return;
	proof->result = CR_UNDETERMINED;
	proof->detail = "DG14 names a signature algorithm that is none";
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
	bool tied = false, other;
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
	/* DG14 has a key for just this, and the chip showed another one: the data are not this chip's */
	other = mapped == CR_MAPPED_FITS && !tied && dg14 && cr_security_infos_mapping_key(dg14);
	if (mapped == CR_MAPPED_FITS && !tied)
		*open = "the key that PACE proved is not in DG14";
	if (mapped == CR_MAPPED_NOTHING || (mapped == CR_MAPPED_FITS && !tied && !other))
		return 0;
	in->mapped = mapped == CR_MAPPED_FITS && !other;
	in->insp->procedure = CR_PROCEDURE_ADVANCED;
	in->insp->chip_protocol = mapping_name(in->s.sm.cipher);
	check(in, CR_CHECK_PACE_CAM, in->mapped ? CR_SUCCESSFUL : CR_FAILED, in->mapped ? "" : other ? *open :
	      "what the chip showed in PACE does not fit its key in EF.CardSecurity");
	return 1;
}

/*
 * Chip authentication version 2, in each session that was opened: the last one counts, if it went worse. It proves
 * what was read in its own sessions alone (general.c); the other proofs are by keys in DG14 and DG15, which EF.SOD has
 * hashes of, so that one of them stands for the document, in whichever session it was given.
 */
static void by_general(struct inspector *in)
{
	const struct cr_general *g = &in->general;
	bool beside = g->proof.result == CR_SUCCESSFUL && in->beside_general;

	in->by_general = true;
	in->insp->procedure = CR_PROCEDURE_GENERAL;
	in->insp->chip_protocol = g->proof.protocol;
	check(in, CR_CHECK_CA, beside ? CR_UNDETERMINED : g->proof.result,
	      beside ? "not all was read in sessions that the chip proved itself in" : g->detail);
}

/* It was the chip's proof from the beginning; or a chip that had another one, or none, failed in it afterwards. */
static bool is_by_general(const struct inspector *in)
{
	return in->card && in->general.asked && (in->by_general || in->general.proof.result == CR_FAILED);
}

/* Of a record: whether EF.CardSecurity has a key that the proof can have been by, and for PACE's mapping DG14 too. */
static const char *keyless(struct inspector *in, const struct cr_file *f, bool alone)
{
	const struct cr_file *file = cr_inspector_file(in->insp, CR_FID_DG(14));
	struct cr_security_infos security, dg14;
	const uint8_t *signed_set;
	uint8_t *set = NULL;
	bool parsed, tied = alone;
	size_t len;

	parsed = !cr_card_security_infos(f->data, f->len, &set, &len) &&
		 !cr_security_infos_parse(set, len, &security) && security.n_ca_key;
	if (parsed && !alone)
		tied = file && !cr_security_infos_dg14(file->data, file->len, &signed_set, &len) &&
		       !cr_security_infos_parse(signed_set, len, &dg14) && cr_chip_tied(&security, &dg14);
	free(set);
	return !parsed ? "PACE proved no key that could be read" : tied ? NULL : "the key that PACE proved is not in DG14";
}

int cr_inspector_chip_judge(struct inspector *in)
{
	const struct cr_file *f = cr_inspector_file(in->insp, CR_FID_SAVED_SECURITY);
	const char *open = NULL;
	enum cr_check_id id;
	char why[160];
	enum cr_result r;
	bool alone;

	if (is_by_general(in))
		by_general(in);
	if (in->card)
		in->insp->chip_proved = in->mapped || (in->by_general && cr_check_get(in->insp, CR_CHECK_CA) == CR_SUCCESSFUL);
	if (!in->insp->chip_proved)
		return 0;
	alone = in->insp->chip_protocol && !strncmp(in->insp->chip_protocol, "CA v2", 5);
	id = alone ? CR_CHECK_CA : CR_CHECK_PACE_CAM;
	if (!in->card)
		open = f ? keyless(in, f, alone) : "the data that the chip's proof stands on are not there";
	if (open) {
		check(in, id, CR_UNDETERMINED, open);
		return 0;
	}
	/* ICAO 9303-11, 4.4.3.3.3: the proof is by the keys in it */
	r = cr_card_security_verify(in->insp, f->data, f->len, in->opts->trust, in->now,
				    in->insp->defects & 1U << CR_DEFECT_CARD_SECURITY_MALFORMED, alone, why);
	check(in, id, r, r == CR_SUCCESSFUL ? "" : why);
	return 0;
}

static void card_access_unchecked(struct inspector *in, enum cr_result r, const char *why)
{
	cr_check_set(in->insp, CR_CHECK_CARD_ACCESS_AUTHENTIC, r, "%s", why);
}

/* open: why what the chip claims of itself is not known to be so; NULL: it claims nothing. */
static enum cr_result unless_claimed(const char *open)
{
	return CR_RULE(chip_claim_settled, !open) ? CR_NOT_SUPPORTED : CR_UNDETERMINED;
}

/* PACE has not settled it. open: why, where it claimed to, so that the chip does offer a proof. */
static void mapping_left_open(struct inspector *in, const char *open)
{
	check(in, CR_CHECK_PACE_CAM, unless_claimed(open), open ? open : "");
}

/* Nothing is signed that it could be done by. */
static int keyless_chip(struct inspector *in, const char *why)
{
	const char *open = NULL;
	struct cr_domain domain;
	struct cr_ca_info info;

	if (cr_security_infos_ca2(&in->ca.infos, &info, &domain) != CR_E_NOT_FOUND)
		open = "the chip proves itself to inspection systems alone";
	return without_key(in, unless_claimed(open), open ? open : why);
}

/* What EF.CardAccess says, where no DG14 says it. */
static void check_card_access(struct inspector *in, const struct cr_file *dg14)
{
	if (!in->ca.data)
		card_access_unchecked(in, CR_NOT_SUPPORTED, "no EF.CardAccess");
	else if (!dg14 && (in->listed | in->hashed) & 1U << 14)
		card_access_unchecked(in, CR_UNDETERMINED, "no DG14 to compare with");
	else if (!dg14)
		signed_by_card_security(in, "no DG14 to compare with");
	compare_card_security(in);
}

int cr_inspector_chip_active(struct inspector *in)
{
	const struct cr_file *dg14 = cr_inspector_file(in->insp, CR_FID_DG(14)), *dg15;
	const char *digest = NULL;
	struct cr_security_infos infos;
	struct cr_chip_proof proof;
	const uint8_t *set;
	bool known;
	size_t len;
	int err;

	check_card_access(in, dg14);
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
	known = dg14 && !cr_security_infos_dg14(dg14->data, dg14->len, &set, &len) &&
		!cr_security_infos_parse(set, len, &infos);
	if (known)
		digest = infos.aa_digest;
	err = cr_chip_active(&in->s, dg15->data, dg15->len, digest, &proof);
	if (!err && known)
		check_algorithm(&infos, &proof);
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

	if (!dg14 && in->general.asked) {
		by_general(in);
		return 0;
	}
	if (!dg14) {
		err = by_mapping(in, NULL, &open);
		if (err)
			return err < 0 ? err : 0;
		mapping_left_open(in, open);
		return keyless_chip(in, "no DG14");
	}
	if (cr_security_infos_dg14(dg14->data, dg14->len, &set, &len) ||
	    cr_security_infos_parse(set, len, &infos)) {
		if (in->ca.data)
			card_access_unchecked(in, CR_UNDETERMINED, "DG14 is malformed");
		check(in, CR_CHECK_CA, CR_RULE(dg14_form, false) ? CR_NOT_SUPPORTED : CR_UNDETERMINED,
		      "DG14 is malformed");
		return 0;
	}
	compare_card_access(in, set, len);
	if (in->general.asked)
		signed_by_card_security(in, NULL);
	in->cvca = infos.cvca;
	in->cvca_sfi = infos.cvca_sfi;
	if (in->general.asked) {
		by_general(in);
		return 0;
	}
	err = by_mapping(in, &infos, &open);
	if (err)
		return err < 0 ? err : 0;
	mapping_left_open(in, open);
	err = cr_security_infos_ca(&infos, &info, &key);
	if (err == CR_E_NOT_FOUND)
		return keyless_chip(in, "DG14 has no key for it");
	if (err)
		return without_key(in, CR_RULE(ca_known, false) ? CR_NOT_SUPPORTED : CR_UNDETERMINED,
				   "the chip's algorithm for it is not known here");
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
