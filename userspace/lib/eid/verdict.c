/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From results to the verdict. No I/O.
 *
 * One table says what each result of each check means, single or combined. The verdict is the worst
 * thing any check says; everything said is listed, the worst first. What speaks for a document is that
 * nothing speaks against it: a check that was never recorded counts as CR_UNDETERMINED, so `genuine`
 * needs every one of them that the table has a word on.
 *
 * The guideline's own overall result (CR_CHECK_DOCUMENT) is another thing: it knows one kind of failure,
 * and counts each deviation from a standard as one.
 *
 * forged	A hash, a signature or the chain contradicts, or the mandatory security object,
 *		read whole, is none: no state issues such a document.
 * cloned	The data stand, the chip does not prove itself.
 * revoked, expired
 *		By the issuer's list; by date, of the document or of its certificates (TR-03135-1,
 *		5.6.3.2, 5.10.2).
 * unproven	Something could not be finished, or is at odds in a way that genuine documents with
 *		known defects are too (TR-03135-1, 5.12: EF.COM against EF.SOD, malformed data
 *		groups): the state signed it, so it is not forged, and it is not what it should
 *		be, so not genuine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "checks.h"
#include "rule.h"

const char *cr_verdict_name(enum cr_verdict v)
{
	switch (v) {
	case CR_GENUINE:	return "genuine";
	case CR_UNPROVEN:	return "unproven";
	case CR_EXPIRED:	return "expired";
	case CR_REVOKED:	return "revoked";
	case CR_FORGED:		return "forged";
	case CR_CLONED:		return "cloned";
	}
	return "unproven";
}

const char *cr_procedure_name(enum cr_procedure p)
{
	switch (p) {
	case CR_PROCEDURE_ADVANCED:	return "advanced";
	case CR_PROCEDURE_STANDARD:	return "standard";
	case CR_PROCEDURE_GENERAL:	return "general";
	}
	return "standard";
}

const char *cr_dg_status_name(enum cr_dg_status s)
{
	switch (s) {
	case CR_DG_ABSENT:	return "absent";
	case CR_DG_MATCH:	return "match";
	case CR_DG_MISMATCH:	return "mismatch";
	case CR_DG_UNREAD:	return "unread";
	case CR_DG_LOCKED:	return "locked";
	case CR_DG_UNHASHED:	return "unhashed";
	case CR_DG_UNWANTED:	return "not asked for";
	}
	return "absent";
}

/* What one result of one check says. No code: nothing. */
struct meaning {
	enum cr_verdict verdict;
	const char *code, *text;
};

struct rule {
	struct meaning failed, undetermined, not_supported, aborted;
};

/* An unfinished check whose reason does not depend on how it was not finished. */
#define UNFINISHED(code, text) \
	.undetermined = { CR_UNPROVEN, code, text }, \
	.not_supported = { CR_UNPROVEN, code, text }, \
	.aborted = { CR_UNPROVEN, code, text }
#define UNFINISHED_BUT_OPTIONAL(code, text) \
	.undetermined = { CR_UNPROVEN, code, text }, \
	.aborted = { CR_UNPROVEN, code, text }

#define SOD_PARSE { \
	.failed = { CR_FORGED, "sod-malformed", "The security object is malformed: %s" }, \
	UNFINISHED("sod-unreadable", \
		   "The security object could not be read or is of an unknown kind: %s"), \
}
/* Seen on documents of states that are in no doubt: told, and no more. */
#define NAME_DEVIATES { \
	.failed = { CR_GENUINE, "signer-name-deviates", \
		    "A name in the signer's certificate is not as the standard has it: %s" }, \
}
#define OTHER_STATE { \
	.failed = { CR_UNPROVEN, "signer-of-other-state", \
		    "The signer's certificate names another state: %s" }, \
}
/* The chip's own keys, for its proof by PACE. A name that does not lead to a trusted issuer is said of EF.SOD. */
#define CARD_SECURITY { \
	.failed = { CR_CLONED, "card-security-not-signed", \
		    "The issuing state did not sign the keys that the chip shows: %s" }, \
}

static const struct rule rules[CR_CHECK_COUNT] = {
	[CR_CHECK_ACCESS] = {
		.failed = { CR_UNPROVEN, "access-failed", "The chip refused access: %s" },
		UNFINISHED("access-unfinished",
					"Access to the chip was not finished: %s"),
	},
	[CR_CHECK_CARD_ACCESS_AUTHENTIC] = {
		/*
		 * ICAO 9303-11, 4.4: EF.CardAccess is not signed, DG14 repeats what it says and is.
		 */
		.failed = { CR_FORGED, "card-access-altered",
			    "EF.CardAccess says something else than the signed data: %s" },
		UNFINISHED_BUT_OPTIONAL("card-access-unproven",
					"EF.CardAccess could not be compared with the signed data: %s"),
	},
	[CR_CHECK_READ] = {
		.failed = { CR_UNPROVEN, "read-incomplete", "Not everything could be read: %s" },
		UNFINISHED("read-incomplete", "Not everything could be read: %s"),
	},
	[CR_CHECK_FILES_THERE] = {
		.failed = { CR_UNPROVEN, "file-missing", "A file that every document has is missing: %s" },
	},
	[CR_CHECK_SOD_HASH_LIST] = SOD_PARSE,
	[CR_CHECK_SOD_SIGNATURE_SECTION] = SOD_PARSE,
	/* The trust store may have it: the chain says whether it did. */
	[CR_CHECK_SOD_CERTIFICATE] = {
		.failed = { CR_GENUINE, "signer-certificate-left-out",
			    "The certificate of who signed the data is not on the chip: %s" },
	},
	/* Not signed, so it forges nothing; no document that is as it should be has it so. */
	[CR_CHECK_COM] = {
		.failed = { CR_UNPROVEN, "com-deviates", "EF.COM is not as the standard has it: %s" },
	},
	/* A wrong zone is in CR_CHECK_MRZ_CONSISTENT: this is what is merely not as ICAO 9303 has it. */
	[CR_CHECK_DG1] = {
		.failed = { CR_GENUINE, "zone-deviates",
			    "The machine readable zone is not as the standard has it: %s" },
	},
	[CR_CHECK_SOD_SIGNATURE] = {
		.failed = { CR_FORGED, "signature-wrong",
			    "The signature over the data is wrong: %s" },
		UNFINISHED("signature-unchecked",
			   "The signature over the data could not be checked: %s"),
	},
	[CR_CHECK_SIGNER_CHAIN] = {
		.failed = { CR_FORGED, "signer-not-authorized",
			    "The issuing state did not authorize who signed the data: %s" },
		UNFINISHED("issuer-unknown",
			   "Who signed the data could not be traced to a trusted issuer: %s"),
	},
	[CR_CHECK_SIGNER_VALIDITY] = {
		.failed = { CR_EXPIRED, "certificate-not-valid",
			    "A certificate is not valid today: %s" },
		UNFINISHED("certificate-validity-unknown",
			   "The certificates' validity could not be checked: %s"),
	},
	[CR_CHECK_SIGNER_REVOCATION] = {
		.failed = { CR_REVOKED, "signer-revoked", "The issuer revoked a certificate: %s" },
		/*
		 * A post that is offline has no list, and TR-03135-1 calls that undetermined. It
		 * keeps no document from being genuine, but whoever sees the verdict is told.
		 */
		.undetermined = { CR_GENUINE, "revocation-unknown",
				  "Whether the issuer revoked the certificates is not known: %s" },
		.not_supported = { CR_GENUINE, "revocation-unknown",
				   "Whether the issuer revoked the certificates is not known: %s" },
		.aborted = { CR_UNPROVEN, "revocation-aborted",
			     "Checking whether the certificates are revoked was not finished: %s" },
	},
	[CR_CHECK_SIGNER_TRUSTED] = {
		.failed = { CR_REVOKED, "signer-revoked", "The issuer revoked a certificate: %s" },
		UNFINISHED("issuer-unknown",
			   "Who signed the data could not be traced to a trusted issuer: %s"),
	},
	[CR_CHECK_SIGNER_NOT_SELF_SIGNED] = {
		.failed = { CR_UNPROVEN, "signer-self-signed",
			    "Nobody but the signer vouches for the signer: %s" },
	},
	[CR_CHECK_SIGNER_SUBJECT] = NAME_DEVIATES,
	[CR_CHECK_SIGNER_ISSUER] = NAME_DEVIATES,
	[CR_CHECK_CARD_SECURITY_SIGNATURE] = CARD_SECURITY,
	[CR_CHECK_CARD_SECURITY_CHAIN] = CARD_SECURITY,
	[CR_CHECK_CARD_SECURITY_VALIDITY] = {
		.failed = { CR_EXPIRED, "certificate-not-valid",
			    "A certificate is not valid today: %s" },
	},
	[CR_CHECK_CARD_SECURITY_TRUSTED] = {
		.failed = { CR_REVOKED, "signer-revoked", "The issuer revoked a certificate: %s" },
	},
	[CR_CHECK_COUNTRY_ISSUER_MRZ] = {
		/* Or the trust in one state would be the trust in all. */
		.failed = { CR_FORGED, "signer-not-authorized",
			    "The issuing state did not authorize who signed the data: %s" },
		UNFINISHED("issuer-unknown",
			   "Who signed the data could not be traced to a trusted issuer: %s"),
	},
	[CR_CHECK_COUNTRY_SUBJECT_MRZ] = OTHER_STATE,
	[CR_CHECK_COUNTRY_SUBJECT_ISSUER] = OTHER_STATE,
	[CR_CHECK_SIGNER_EXPIRY] = {
		.failed = { CR_GENUINE, "signer-expires-first",
			    "The signer's certificate ends before the document does: %s" },
	},
	[CR_CHECK_PRINTED_ZONE] = {
		/* Or whoever typed it made a mistake: so it is for a second look. */
		.failed = { CR_UNPROVEN, "printed-zone-differs",
			    "The printed machine readable zone is not that of the chip: %s" },
		.undetermined = { CR_GENUINE, "printed-zone-differs",
				  "The printed machine readable zone is not that of the chip: %s" },
	},
	[CR_CHECK_SIGNING_TIME] = {
		/*
		 * States have signed after the private key's usage period (9303-12, 4.2): the
		 * signature and the chain stand, so nobody forged it.
		 */
		.failed = { CR_UNPROVEN, "signed-outside-key-usage",
			    "The data were signed when the signer's key was not in use: %s" },
		/* Not supported: few objects have a signing time. */
		UNFINISHED_BUT_OPTIONAL("signing-time-unchecked",
					"Whether the signer's key was in use could not be checked: %s"),
	},
	[CR_CHECK_SIGNER_DOCUMENT_TYPE] = {
		/* As above: the state's own signer, of another kind of the state's documents. */
		.failed = { CR_UNPROVEN, "signer-for-other-documents",
			    "The issuer authorized the signer for other documents: %s" },
		/* Not supported: older signers have no list of types. */
		UNFINISHED_BUT_OPTIONAL("signer-documents-unchecked",
					"Whether the signer is for such documents could not be checked: %s"),
	},
	[CR_CHECK_DIGEST] = {
		.failed = { CR_UNPROVEN, "weak-digest",
			    "A digest is used whose collisions are known: %s" },
		UNFINISHED_BUT_OPTIONAL("digest-unchecked",
					"The strength of the digests could not be checked: %s"),
		/*
		 * 9303-12, 4.4 lets documents of before keep SHA-1, and nobody has ever found a
		 * second text to a given digest of it: genuine, but whoever sees the verdict is
		 * told.
		 */
		.not_supported = { CR_GENUINE, "weak-digest",
				   "A digest is used whose collisions are known: %s" },
	},
	[CR_CHECK_DG_HASHES] = {
		.failed = { CR_FORGED, "dg-hash-mismatch",
			    "Data on the chip are not what the issuer signed: %s" },
		UNFINISHED("dg-hashes-unchecked",
			   "The data could not be compared with what was signed: %s"),
	},
	[CR_CHECK_COM_SOD] = {
		.failed = { CR_UNPROVEN, "com-sod-differ",
			    "The chip's lists of its data differ: %s" },
		UNFINISHED_BUT_OPTIONAL("com-sod-unchecked",
					"The chip's lists of its data could not be compared: %s"),
	},
	[CR_CHECK_MRZ_CONSISTENT] = {
		.failed = { CR_UNPROVEN, "data-inconsistent",
			    "The data contradict each other: %s" },
		UNFINISHED_BUT_OPTIONAL("data-unchecked",
					"The data could not be compared with each other: %s"),
	},
	[CR_CHECK_CHIP_AUTHENTICATION] = {
		.failed = { CR_CLONED, "chip-authentication-failed",
			    "The chip could not prove that it is the one the data were issued for: %s" },
		.undetermined = { CR_UNPROVEN, "chip-unproven",
				  "Whether the chip is the original was not determined: %s" },
		.not_supported = { CR_GENUINE, "copy-not-excluded",
				   "The chip offers no way to prove itself: a copy cannot be told from it" },
		.aborted = { CR_UNPROVEN, "chip-unproven",
			     "Whether the chip is the original was not determined: %s" },
	},
	[CR_CHECK_DOCUMENT_VALIDITY] = {
		.failed = { CR_EXPIRED, "document-expired", "The document has expired" },
		UNFINISHED_BUT_OPTIONAL("expiry-unknown",
					"Whether the document has expired is not known: %s"),
	},
	[CR_CHECK_TERMINAL_AUTHENTICATION] = {
		/*
		 * Says nothing of the data that were read, but the document did not do all that it has
		 * to (TR-03105-5.1, ISO7816_E). Undetermined: no terminal that it would let in.
		 */
		.failed = { CR_UNPROVEN, "terminal-authentication-failed",
			    "The chip did not let the terminal read fingerprints or irises: %s" },
		.aborted = { CR_UNPROVEN, "terminal-authentication-failed",
			     "The chip did not let the terminal read fingerprints or irises: %s" },
	},
};

static const struct meaning *meaning_of(enum cr_check_id id, enum cr_result r)
{
	const struct rule *rule = &rules[id];
	const struct meaning *m = NULL;

	switch (r) {
	case CR_SUCCESSFUL:	return NULL;
	case CR_FAILED:		m = &rule->failed; break;
	case CR_UNDETERMINED:	m = &rule->undetermined; break;
	case CR_NOT_SUPPORTED:	m = &rule->not_supported; break;
	case CR_ABORTED:	m = &rule->aborted; break;
	}
	return m && m->code ? m : NULL;
}

/* forged > cloned > revoked > expired > unproven > genuine */
static const enum cr_verdict order[] = {
	CR_FORGED, CR_CLONED, CR_REVOKED, CR_EXPIRED, CR_UNPROVEN, CR_GENUINE,
};

#define EXTRA_REASONS	3

struct judgement {
	struct { struct meaning m; char detail[160]; } said[CR_CHECK_COUNT + EXTRA_REASONS];
	size_t n;
};

static void say(struct judgement *j, const struct meaning *m, const char *detail)
{
	snprintf(j->said[j->n].detail, sizeof(j->said[j->n].detail), "%s", detail);
	j->said[j->n++].m = *m;
}

/* "DG2, DG13": the groups in this state; false if none is. */
static bool groups_in(const struct cr_inspection *insp, enum cr_dg_status s, char *out, size_t size)
{
	size_t n = 0;
	int i;

	out[0] = '\0';
	for (i = 1; i <= 16; i++) {
		if (insp->passive.dg[i] == s && n < size)
			n += (size_t)snprintf(out + n, size - n, "%sDG%d", n ? ", " : "", i);
	}
	return n;
}

/*
 * What the states of the data groups say that no check does. The first two repeat
 * CR_CHECK_DG_HASHES, should it not have looked.
 */
static void judge_groups(const struct cr_inspection *insp, struct judgement *j)
{
	static const struct meaning mismatch = {
		CR_FORGED, "dg-hash-mismatch",
		"Data on the chip are not what the issuer signed: %s" };
	static const struct meaning unhashed = {
		CR_FORGED, "dg-unsigned", "Data on the chip were never signed: %s" };
	static const struct meaning hidden = {
		CR_UNPROVEN, "chip-authentication-hidden",
		"The issuer gave this chip a way to prove itself, and the chip does not offer it: %s" };
	char list[160];
	int i;

	if (cr_check_get(insp, CR_CHECK_DG_HASHES) != CR_FAILED) {
		if (groups_in(insp, CR_DG_MISMATCH, list, sizeof(list)))
			say(j, &mismatch, list);
		if (groups_in(insp, CR_DG_UNHASHED, list, sizeof(list)))
			say(j, &unhashed, list);
	}
	/*
	 * A copy leaves out the files whose private keys it does not have (ICAO 9303-11, 6.1, 6.2).
	 */
	if (cr_check_get(insp, CR_CHECK_CHIP_AUTHENTICATION) != CR_NOT_SUPPORTED)
		return;
	for (i = 14; i <= 15; i++) {
		bool shown = insp->passive.dg[i] != CR_DG_UNREAD && insp->passive.dg[i] != CR_DG_LOCKED &&
			     insp->passive.dg[i] != CR_DG_UNWANTED;

		if (!CR_RULE(chip_proof_shown, shown)) {
			say(j, &hidden, i == 14 ? "DG14" : "DG15");
			return;
		}
	}
}

/*
 * What is open of a signer that was traced to a trusted issuer: whatever it is, it is not that. NULL: it was not
 * traced, or this is another check.
 */
static const struct meaning *open_of_traced(const struct cr_inspection *insp, enum cr_check_id id)
{
	static const struct meaning form = {
		CR_UNPROVEN, "signer-form",
		"Who signed the data was traced to a trusted issuer, but by certificates that are not as the standard has them: %s" };
	static const struct meaning doubted = {
		CR_UNPROVEN, "signer-doubted",
		"Who signed the data was traced to a trusted issuer, but is in doubt: %s" };
	static const struct meaning state = {
		CR_UNPROVEN, "signer-state-unchecked",
		"The signer's state could not be compared with the document's: %s" };
	bool proven = cr_check_get(insp, CR_CHECK_SIGNER_CHAIN) == CR_SUCCESSFUL;

	if (!proven && !insp->passive.issuer)
		return NULL;
	switch (id) {
	case CR_CHECK_SIGNER_CHAIN:		return &form;
	case CR_CHECK_SIGNER_TRUSTED:		return proven ? &doubted : &form;
	case CR_CHECK_COUNTRY_ISSUER_MRZ:	return proven ? &state : &form;
	default:				return NULL;
	}
}

/* What was said once, in the same words, is not said again of another check. */
static bool is_said(const struct judgement *j, const struct meaning *m)
{
	for (size_t i = 0; i < j->n; i++) {
		if (!strcmp(j->said[i].m.code, m->code) && j->said[i].m.verdict == m->verdict)
			return true;
	}
	return false;
}

static void judge_check(const struct cr_inspection *insp, const struct cr_check *c, enum cr_check_id id,
			enum cr_result result, struct judgement *j)
{
	const struct meaning *m = meaning_of(id, result), *traced;

	traced = m && result != CR_FAILED ? open_of_traced(insp, id) : NULL;
	m = traced ? traced : m;
	if (!m || is_said(j, m) || (!c && cr_check_is_optional(id)))
		return;
	if (!c)
		say(j, m, "not checked");
	else
		say(j, m, c->defect ? c->defect : c->detail[0] ? c->detail : cr_result_name(result));
}

static int list_reasons(struct cr_inspection *insp, const struct judgement *j)
{
	struct cr_reason *r;

	free(insp->reasons);
	insp->n_reasons = 0;
	insp->reasons = calloc(j->n + 1, sizeof(*insp->reasons));
	if (!insp->reasons)
		return CR_E_NOMEM;
	insp->verdict = CR_GENUINE;
	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
		for (size_t i = 0; i < j->n; i++) {
			if (j->said[i].m.verdict != order[k])
				continue;
			if (!insp->n_reasons)
				insp->verdict = order[k];
			r = &insp->reasons[insp->n_reasons++];
			r->code = j->said[i].m.code;
			r->text = j->said[i].m.text;
			memcpy(r->detail, j->said[i].detail, sizeof(r->detail));
		}
	}
	return CR_OK;
}

int cr_checks_judge(struct cr_inspection *insp)
{
	struct judgement j = { .n = 0 };
	size_t at = 0;
	int err = cr_checks_complete(insp);

	if (err)
		return err;
	insp->chip_authentication = cr_check_get(insp, CR_CHECK_CHIP_AUTHENTICATION);
	/* the checks are in the order of their numbers */
	for (int id = 0; id < CR_CHECK_COUNT; id++) {
		const struct cr_check *c = at < insp->n_checks &&
			insp->checks[at].name == cr_check_name((enum cr_check_id)id) ? &insp->checks[at++] : NULL;

		judge_check(insp, c, (enum cr_check_id)id, c ? c->result : CR_UNDETERMINED, &j);
	}
	judge_groups(insp, &j);
	return list_reasons(insp, &j);
}
