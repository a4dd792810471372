/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of checks, their names, and how results combine. No I/O.
 *
 * Single checks are recorded by those who perform them; what combines them is computed from them.
 * TR-03135-1, 3.8: of several results the gravest counts, failed before aborted
 * before undetermined before successful before not supported; of protocols that serve one end (access, the
 * proof of the chip) a success counts first.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "checks.h"

enum kind {
	SINGLE = 0,
	GRAVEST,	/* combines, 3.8 */
	EITHER,		/* combines, 5.8.3 and 5.8.5: a success first */
};

struct node {
	const char *name;
	const char *guideline, *clause;		/* of the guideline; NULL: it has no such check */
	enum cr_check_id part_of;
	enum kind kind;
	bool optional;	/* counts only where it was performed; else undetermined where it was not */
};

static const struct node nodes[CR_CHECK_COUNT] = {
	[CR_CHECK_DOCUMENT] = { "document", "Checks", "5.5", CR_CHECK_COUNT, GRAVEST },
	[CR_CHECK_ELECTRONIC] = { "electronic", "ElectronicChecks", "5.8.1", CR_CHECK_DOCUMENT, GRAVEST },
	[CR_CHECK_APPLICATIONS] = {
		"applications", "SelectableApplicationsCheck", "5.8.2", CR_CHECK_ELECTRONIC, GRAVEST, true
	},
	[CR_CHECK_APPLICATION] = {
		"application", "SelectableApplicationCheck", "5.8.2.1", CR_CHECK_APPLICATIONS, SINGLE, true
	},
	[CR_CHECK_ACCESS] = { "access", "AccessProtocolsCheck", "5.8.3", CR_CHECK_ELECTRONIC, EITHER },
	[CR_CHECK_BAC] = { "access.bac", "BacCheck", "5.8.3.1", CR_CHECK_ACCESS, SINGLE, true },
	[CR_CHECK_PACE] = { "access.pace", "PaceCheck", "5.8.3.2", CR_CHECK_ACCESS, SINGLE, true },
	[CR_CHECK_PLAIN] = { "access.plain", "PlainCheck", "5.8.3.3", CR_CHECK_ACCESS, SINGLE, true },
	[CR_CHECK_FILES] = { "files", "MandatoryFilesCheck", "5.8.4", CR_CHECK_ELECTRONIC, GRAVEST },
	[CR_CHECK_FILES_THERE] = {
		"files.there", "AvailabilityCheck", "5.8.4.1", CR_CHECK_FILES, GRAVEST, true
	},
	[CR_CHECK_FILE_SOD] = {
		"files.sod", "FileAvailabilityCheck", "5.8.4.1.1", CR_CHECK_FILES_THERE, SINGLE, true
	},
	[CR_CHECK_FILE_DG1] = {
		"files.dg1", "FileAvailabilityCheck", "5.8.4.1.1", CR_CHECK_FILES_THERE, SINGLE, true
	},
	[CR_CHECK_FILE_DG2] = {
		"files.dg2", "FileAvailabilityCheck", "5.8.4.1.1", CR_CHECK_FILES_THERE, SINGLE, true
	},
	[CR_CHECK_SYNTAX] = { "syntax", "SyntaxCheck", "5.8.4.2", CR_CHECK_FILES, GRAVEST },
	[CR_CHECK_SOD_PARSE] = { "pa.sod", "EfSodCheck", "5.8.4.2.1", CR_CHECK_SYNTAX, GRAVEST },
	[CR_CHECK_SOD_HASH_LIST] = {
		"pa.sod.hashes", "DataGroupHashListCheck", "5.8.4.2.1.1", CR_CHECK_SOD_PARSE, SINGLE
	},
	[CR_CHECK_SOD_SIGNATURE_SECTION] = {
		"pa.sod.signature", "SignatureSectionCheck", "5.8.4.2.1.2", CR_CHECK_SOD_PARSE, SINGLE
	},
	[CR_CHECK_SOD_CERTIFICATE] = {
		"pa.sod.certificate", "DocumentSignerCertificateCheck", "5.8.4.2.1.3", CR_CHECK_SOD_PARSE, SINGLE, true
	},
	[CR_CHECK_COM] = { "com", "EfComCheck", "5.8.4.2.2", CR_CHECK_SYNTAX, GRAVEST, true },
	[CR_CHECK_COM_LDS_VERSION] = {
		"com.lds-version", "LdsVersionCheck", "5.8.4.2.2.1", CR_CHECK_COM, SINGLE, true
	},
	[CR_CHECK_COM_UNICODE_VERSION] = {
		"com.unicode-version", "UnicodeVersionCheck", "5.8.4.2.2.2", CR_CHECK_COM, SINGLE, true
	},
	[CR_CHECK_COM_LIST] = { "com.list", "DataGroupListCheck", "5.8.4.2.2.3", CR_CHECK_COM, SINGLE, true },
	[CR_CHECK_DG1] = { "dg1", "Dg1Check", "5.8.4.2.3", CR_CHECK_SYNTAX, GRAVEST, true },
	[CR_CHECK_MRZ_FIRST] = { "dg1.length", "LengthCheck", "5.6.1.2.1", CR_CHECK_DG1, SINGLE, true },
	[CR_CHECK_MRZ_FIRST + 1] = {
		"dg1.digit.composite", "CheckDigitCompositeCheck", "5.6.1.2.2", CR_CHECK_DG1, SINGLE, true
	},
	[CR_CHECK_MRZ_FIRST + 2] = {
		"dg1.digit.document-number", "CheckDigitDocumentNumberCheck", "5.6.1.2.3", CR_CHECK_DG1, SINGLE, true
	},
	[CR_CHECK_MRZ_FIRST + 3] = {
		"dg1.digit.date-of-expiry", "CheckDigitDateOfExpiryCheck", "5.6.1.2.4", CR_CHECK_DG1, SINGLE, true
	},
	[CR_CHECK_MRZ_FIRST + 4] = {
		"dg1.digit.date-of-birth", "CheckDigitDateOfBirthCheck", "5.6.1.2.5", CR_CHECK_DG1, SINGLE, true
	},
	[CR_CHECK_MRZ_FIRST + 5] = {
		"dg1.digit.optional-data", "CheckDigitOptionalDataCheck", "5.6.1.2.6", CR_CHECK_DG1, SINGLE, true
	},
	[CR_CHECK_MRZ_FIRST + 6] = {
		"dg1.issuer-nationality", "IssuerVsNationalityCheck", "5.6.1.2.7", CR_CHECK_DG1, SINGLE, true
	},
	[CR_CHECK_MRZ_FIRST + 7] = {
		"dg1.document-type", "DocumentTypeCheck", "5.6.1.2.8", CR_CHECK_DG1, SINGLE, true
	},
	[CR_CHECK_MRZ_FIRST + 8] = { "dg1.issuer", "IssuerCheck", "5.6.1.2.9", CR_CHECK_DG1, SINGLE, true },
	[CR_CHECK_MRZ_FIRST + 9] = {
		"dg1.nationality", "NationalityCheck", "5.6.1.2.10", CR_CHECK_DG1, SINGLE, true
	},
	[CR_CHECK_MRZ_FIRST + 10] = {
		"dg1.date-of-birth", "DateOfBirthCheck", "5.6.1.2.11", CR_CHECK_DG1, SINGLE, true
	},
	[CR_CHECK_MRZ_FIRST + 11] = {
		"dg1.date-of-expiry", "DateOfExpiryCheck", "5.6.1.2.12", CR_CHECK_DG1, SINGLE, true
	},
	[CR_CHECK_MRZ_FIRST + 12] = { "dg1.sex", "SexCheck", "5.6.1.2.13", CR_CHECK_DG1, SINGLE, true },
	[CR_CHECK_MRZ_FIRST + 13] = {
		"dg1.document-number", "DocumentNumberCheck", "5.6.1.2.14", CR_CHECK_DG1, SINGLE, true
	},
	[CR_CHECK_MRZ_FIRST + 14] = { "dg1.surname", "SurnameCheck", "5.6.1.2.15", CR_CHECK_DG1, SINGLE, true },
	[CR_CHECK_MRZ_FIRST + 15] = {
		"dg1.given-name", "GivenNameCheck", "5.6.1.2.16", CR_CHECK_DG1, SINGLE, true
	},
	[CR_CHECK_MRZ_FIRST + 16] = {
		"dg1.issuer-listed", "IssuerIcaoIncludedCheck", "5.6.1.2.17", CR_CHECK_DG1, SINGLE, true
	},
	[CR_CHECK_MRZ_FIRST + 17] = {
		"dg1.nationality-listed", "NationalityIcaoIncludedCheck", "5.6.1.2.18", CR_CHECK_DG1, SINGLE, true
	},
	[CR_CHECK_DG2] = { "dg2", "Dg2Check", "5.8.4.2.4", CR_CHECK_SYNTAX, GRAVEST, true },
	[CR_CHECK_DG2_HEADER] = {
		"dg2.header", "BiometricHeaderCheck", "5.8.4.2.4.1", CR_CHECK_DG2, SINGLE, true
	},
	[CR_CHECK_DG2_IMAGE] = { "dg2.image", "ImageCheck", "5.8.4.2.4.2", CR_CHECK_DG2, SINGLE, true },
	[CR_CHECK_CHIP_AUTHENTICATION] = {
		"chip-authentication", "AuthenticityCheck", "5.8.5", CR_CHECK_ELECTRONIC, EITHER
	},
	[CR_CHECK_AA] = {
		"chip-authentication.aa", "ActiveAuthCheck", "5.8.5.1", CR_CHECK_CHIP_AUTHENTICATION, SINGLE, true
	},
	[CR_CHECK_CA] = {
		"chip-authentication.ca", "ChipAuthCheck", "5.8.5.2", CR_CHECK_CHIP_AUTHENTICATION, SINGLE, true
	},
	[CR_CHECK_PACE_CAM] = {
		"chip-authentication.pace-cam", "PaceChipAuthMappingCheck", "5.8.5.3", CR_CHECK_CHIP_AUTHENTICATION, SINGLE, true
	},
	[CR_CHECK_SIGNATURES] = { "signatures", "SignatureCheck", "5.8.6", CR_CHECK_ELECTRONIC, GRAVEST },
	[CR_CHECK_SOD_SIGNATURE] = {
		"pa.signature", "SecurityFileCheck", "5.8.6.1", CR_CHECK_SIGNATURES, GRAVEST
	},
	[CR_CHECK_SOD_DIGEST] = {
		"pa.signature.digest", "DigestCheck", "5.8.6.1.1", CR_CHECK_SOD_SIGNATURE, SINGLE
	},
	[CR_CHECK_SOD_SIGNATURE_VALUE] = {
		"pa.signature.value", "SignatureValueCheck", "5.8.6.1.2", CR_CHECK_SOD_SIGNATURE, SINGLE
	},
	[CR_CHECK_CARD_SECURITY_SIGNATURE] = {
		"card-security.signature", "SecurityFileCheck", "5.8.6.1", CR_CHECK_SIGNATURES, GRAVEST, true
	},
	[CR_CHECK_CARD_SECURITY_DIGEST] = {
		"card-security.signature.digest", "DigestCheck", "5.8.6.1.1", CR_CHECK_CARD_SECURITY_SIGNATURE, SINGLE, true
	},
	[CR_CHECK_CARD_SECURITY_SIGNATURE_VALUE] = {
		"card-security.signature.value", "SignatureValueCheck", "5.8.6.1.2", CR_CHECK_CARD_SECURITY_SIGNATURE, SINGLE, true
	},
	[CR_CHECK_CERTIFICATES] = {
		"certificates", "IssuerCertificatesCheck", "5.8.7", CR_CHECK_ELECTRONIC, GRAVEST
	},
	[CR_CHECK_SOD_SIGNER] = { "pa.signer", "SecurityFileCheck", "5.8.7.1", CR_CHECK_CERTIFICATES, GRAVEST },
	[CR_CHECK_SIGNER_CHAIN] = {
		"pa.chain", "SignerSignatureCheck", "5.6.3.2.1", CR_CHECK_SOD_SIGNER, SINGLE
	},
	[CR_CHECK_SIGNER_VALIDITY] = { "pa.validity", NULL, NULL, CR_CHECK_SOD_SIGNER, GRAVEST },
	[CR_CHECK_SIGNER_VALIDITY_SIGNER] = {
		"pa.validity.signer", "SignerValidityPeriodCheck", "5.6.3.2.2", CR_CHECK_SIGNER_VALIDITY, SINGLE
	},
	[CR_CHECK_SIGNER_VALIDITY_ISSUER] = {
		"pa.validity.issuer", "CountrySignerValidityPeriodCheck", "5.6.3.2.3", CR_CHECK_SIGNER_VALIDITY, SINGLE
	},
	[CR_CHECK_SIGNER_TRUSTED] = {
		"pa.trusted", "SignerTrustedCheck", "5.6.3.2.4", CR_CHECK_SOD_SIGNER, SINGLE
	},
	[CR_CHECK_SIGNER_NOT_SELF_SIGNED] = {
		"pa.not-self-signed", "SignerNotSelfSignedCheck", "5.6.3.2.5", CR_CHECK_SOD_SIGNER, SINGLE, true
	},
	[CR_CHECK_SIGNER_SUBJECT] = {
		"pa.subject", "SignerSubjectDnCheck", "5.6.3.2.6", CR_CHECK_SOD_SIGNER, SINGLE, true
	},
	[CR_CHECK_SIGNER_ISSUER] = {
		"pa.issuer", "SignerIssuerDnCheck", "5.6.3.2.7", CR_CHECK_SOD_SIGNER, SINGLE, true
	},
	[CR_CHECK_CARD_SECURITY_SIGNER] = {
		"card-security.signer", "SecurityFileCheck", "5.8.7.1", CR_CHECK_CERTIFICATES, GRAVEST, true
	},
	[CR_CHECK_CARD_SECURITY_CHAIN] = {
		"card-security.chain", "SignerSignatureCheck", "5.6.3.2.1", CR_CHECK_CARD_SECURITY_SIGNER, SINGLE, true
	},
	[CR_CHECK_CARD_SECURITY_VALIDITY] = {
		"card-security.validity", NULL, NULL, CR_CHECK_CARD_SECURITY_SIGNER, GRAVEST, true
	},
	[CR_CHECK_CARD_SECURITY_VALIDITY_SIGNER] = {
		"card-security.validity.signer", "SignerValidityPeriodCheck", "5.6.3.2.2", CR_CHECK_CARD_SECURITY_VALIDITY, SINGLE, true
	},
	[CR_CHECK_CARD_SECURITY_VALIDITY_ISSUER] = {
		"card-security.validity.issuer", "CountrySignerValidityPeriodCheck", "5.6.3.2.3", CR_CHECK_CARD_SECURITY_VALIDITY, SINGLE, true
	},
	[CR_CHECK_CARD_SECURITY_TRUSTED] = {
		"card-security.trusted", "SignerTrustedCheck", "5.6.3.2.4", CR_CHECK_CARD_SECURITY_SIGNER, SINGLE, true
	},
	[CR_CHECK_CARD_SECURITY_NOT_SELF_SIGNED] = {
		"card-security.not-self-signed", "SignerNotSelfSignedCheck", "5.6.3.2.5", CR_CHECK_CARD_SECURITY_SIGNER, SINGLE, true
	},
	[CR_CHECK_CARD_SECURITY_SUBJECT] = {
		"card-security.subject", "SignerSubjectDnCheck", "5.6.3.2.6", CR_CHECK_CARD_SECURITY_SIGNER, SINGLE, true
	},
	[CR_CHECK_CARD_SECURITY_ISSUER] = {
		"card-security.issuer", "SignerIssuerDnCheck", "5.6.3.2.7", CR_CHECK_CARD_SECURITY_SIGNER, SINGLE, true
	},
	[CR_CHECK_INTEGRITY] = { "integrity", "IntegrityCheck", "5.8.8", CR_CHECK_ELECTRONIC, GRAVEST },
	[CR_CHECK_COM_SOD] = { "pa.com-sod", "EfSodVsEfComCheck", "5.8.8.1", CR_CHECK_INTEGRITY, SINGLE },
	[CR_CHECK_DG_HASHES] = {
		"pa.hashes", "DataGroupsIntegrityCheck", "5.8.8.2", CR_CHECK_INTEGRITY, SINGLE
	},
	[CR_CHECK_COUNTRY] = { "country", "IssuingCountryCheck", "5.8.9", CR_CHECK_ELECTRONIC, GRAVEST },
	[CR_CHECK_SIGNER_COUNTRY] = {
		"pa.country", "SignerCertificateCheck", "5.8.9.1", CR_CHECK_COUNTRY, GRAVEST
	},
	[CR_CHECK_COUNTRY_ISSUER_MRZ] = {
		"pa.country.issuer-mrz", "SignerIssuerDnVsMrzDataCheck", "5.6.2.2.1", CR_CHECK_SIGNER_COUNTRY, SINGLE
	},
	[CR_CHECK_COUNTRY_SUBJECT_MRZ] = {
		"pa.country.subject-mrz", "SignerSubjectDnVsMrzDataCheck", "5.6.2.2.2", CR_CHECK_SIGNER_COUNTRY, SINGLE, true
	},
	[CR_CHECK_COUNTRY_SUBJECT_ISSUER] = {
		"pa.country.subject-issuer", "SignerSubjectDnVsIssuerDnCheck", "5.6.2.2.3", CR_CHECK_SIGNER_COUNTRY, SINGLE, true
	},
	[CR_CHECK_COMBINED] = { "combined", "CombinedCheck", "5.10.1", CR_CHECK_DOCUMENT, GRAVEST },
	[CR_CHECK_DOCUMENT_VALIDITY] = {
		"document-validity", "DateOfExpiryCheck", "5.10.2", CR_CHECK_COMBINED, SINGLE
	},
	[CR_CHECK_SIGNER_EXPIRY] = {
		"signer-expiry", "MrzVsSignerExpiryCheck", "5.10.3", CR_CHECK_COMBINED, SINGLE, true
	},
	[CR_CHECK_PRINTED_ZONE] = {
		"printed-zone", "MrzVsDg1Check", "5.10.4", CR_CHECK_COMBINED, SINGLE, true
	},
	[CR_CHECK_TERMINAL_AUTHENTICATION] = {
		"terminal-authentication", NULL, "5.8.11", CR_CHECK_COUNT, SINGLE, true
	},
	[CR_CHECK_CARD_ACCESS_AUTHENTIC] = { "card-access-authentic", NULL, NULL, CR_CHECK_COUNT, SINGLE },
	[CR_CHECK_READ] = { "read", NULL, NULL, CR_CHECK_COUNT, SINGLE },
	[CR_CHECK_SIGNER_REVOCATION] = { "pa.revocation", NULL, NULL, CR_CHECK_COUNT, SINGLE },
	[CR_CHECK_SIGNING_TIME] = { "pa.signing-time", NULL, NULL, CR_CHECK_COUNT, SINGLE },
	[CR_CHECK_SIGNER_DOCUMENT_TYPE] = { "pa.document-type", NULL, NULL, CR_CHECK_COUNT, SINGLE },
	[CR_CHECK_DIGEST] = { "pa.digest", NULL, NULL, CR_CHECK_COUNT, SINGLE },
	[CR_CHECK_MRZ_CONSISTENT] = { "mrz", NULL, NULL, CR_CHECK_COUNT, SINGLE },
};

static bool known(enum cr_check_id id)
{
	return (unsigned int)id < CR_CHECK_COUNT;
}

const char *cr_check_name(enum cr_check_id id)
{
	return known(id) ? nodes[id].name : "unknown";
}

const char *cr_check_guideline(enum cr_check_id id)
{
	return known(id) ? nodes[id].guideline : NULL;
}

const char *cr_check_clause(enum cr_check_id id)
{
	return known(id) ? nodes[id].clause : NULL;
}

enum cr_check_id cr_check_part_of(enum cr_check_id id)
{
	return known(id) ? nodes[id].part_of : CR_CHECK_COUNT;
}

bool cr_check_is_optional(enum cr_check_id id)
{
	return known(id) && nodes[id].optional;
}

bool cr_check_is_single(enum cr_check_id id)
{
	return known(id) && nodes[id].kind == SINGLE;
}

const char *cr_result_name(enum cr_result r)
{
	switch (r) {
	case CR_SUCCESSFUL:	return "successful";
	case CR_FAILED:		return "failed";
	case CR_UNDETERMINED:	return "undetermined";
	case CR_NOT_SUPPORTED:	return "not supported";
	case CR_ABORTED:	return "aborted";
	}
	return "undetermined";
}

/* ---- recorded ---- */

/* Which result stays when a check is recorded twice. */
static int badness(enum cr_result r)
{
	switch (r) {
	case CR_SUCCESSFUL:	return 0;
	case CR_NOT_SUPPORTED:	return 1;
	case CR_UNDETERMINED:	return 2;
	case CR_ABORTED:	return 3;
	case CR_FAILED:		return 4;
	}
	return 4;
}

/* Names come from the table and nowhere else. */
static struct cr_check *find(const struct cr_inspection *insp, enum cr_check_id id)
{
	for (size_t i = 0; i < insp->n_checks; i++) {
		if (insp->checks[i].name == nodes[id].name)
			return &insp->checks[i];
	}
	return NULL;
}

static void fill(struct cr_check *c, enum cr_check_id id)
{
	enum cr_check_id top = nodes[id].part_of;

	c->name = nodes[id].name;
	c->guideline = nodes[id].guideline;
	c->clause = nodes[id].clause;
	c->part_of = known(top) ? nodes[top].name : NULL;
	c->combined = nodes[id].kind != SINGLE;
}

int cr_check_set(struct cr_inspection *insp, enum cr_check_id id, enum cr_result result,
		 const char *detail, ...)
{
	struct cr_check *c, *all;
	va_list ap;

	if (!cr_check_is_single(id))
		return CR_E_INVALID;
	c = find(insp, id);
	if (c && badness(result) <= badness(c->found))
		return CR_OK;
	if (!c) {
		all = reallocarray(insp->checks, insp->n_checks + 1, sizeof(*all));
		if (!all)
			return CR_E_NOMEM;
		insp->checks = all;
		c = &all[insp->n_checks++];
		fill(c, id);
	}
	c->found = c->result = result;
	c->defect = NULL;
	c->detail[0] = '\0';
	if (detail) {
		va_start(ap, detail);
		vsnprintf(c->detail, sizeof(c->detail), detail, ap);
		va_end(ap);
	}
	return CR_OK;
}

/* ---- combined ---- */

struct standing {
	const struct cr_check *recorded;	/* single checks */
	bool performed;
	enum cr_result result;
	const char *defect;			/* why that is another one than was found; NULL */
	int gravity;				/* of the part that decides; -1: none counts */
};

static int gravity(enum kind kind, enum cr_result r)
{
	switch (r) {
	case CR_NOT_SUPPORTED:	return 0;
	case CR_SUCCESSFUL:	return kind == EITHER ? 5 : 1;
	case CR_UNDETERMINED:	return 2;
	case CR_ABORTED:	return 3;
	case CR_FAILED:		return 4;
	}
	return 4;
}

/* Each part comes after what it is a part of: backwards, all are known before they are combined. */
static void stand(const struct cr_inspection *insp, uint32_t defects, struct standing *s)
{
	const struct cr_check *hashes = find(insp, CR_CHECK_DG_HASHES);

	for (int i = 0; i < CR_CHECK_COUNT; i++)
		s[i] = (struct standing){ .result = CR_UNDETERMINED, .gravity = -1 };
	for (int i = CR_CHECK_COUNT - 1; i >= 0; i--) {
		const struct node *n = &nodes[i];
		struct standing *top = known(n->part_of) ? &s[n->part_of] : NULL;
		int g;

		if (n->kind == SINGLE) {
			s[i].recorded = find(insp, (enum cr_check_id)i);
			s[i].performed = s[i].recorded;
		}
		if (s[i].recorded)
			s[i].result = cr_defects_change(defects, (enum cr_check_id)i, s[i].recorded->found,
							hashes ? hashes->found : CR_UNDETERMINED, &s[i].defect);
		if (!top)
			continue;
		top->performed |= s[i].performed;
		g = gravity(nodes[n->part_of].kind, s[i].result);
		if ((n->optional && !s[i].performed) || g <= top->gravity)
			continue;
		top->gravity = g;
		top->result = s[i].result;
	}
}

enum cr_result cr_check_get(const struct cr_inspection *insp, enum cr_check_id id)
{
	struct standing s[CR_CHECK_COUNT];

	stand(insp, insp->defects, s);
	return known(id) ? s[id].result : CR_UNDETERMINED;
}

/* Itself, or the first part with the same result that has something to say. */
static enum cr_check_id spokesman(const struct standing *s, enum cr_check_id id)
{
	enum cr_check_id of = id, part;

	if (s[id].recorded)
		return id;
	for (int i = 0; i < CR_CHECK_COUNT; i++) {
		if (nodes[i].part_of != id || !s[i].performed || s[i].result != s[id].result)
			continue;
		part = spokesman(s, (enum cr_check_id)i);
		of = part;
		if (s[part].recorded && (s[part].defect || *s[part].recorded->detail))
			break;
	}
	return of;
}

int cr_checks_complete(struct cr_inspection *insp)
{
	struct cr_check *all = calloc(CR_CHECK_COUNT, sizeof(*all)), *c;
	struct standing s[CR_CHECK_COUNT], before[CR_CHECK_COUNT];
	const struct standing *of;
	size_t n = 0;

	if (!all)
		return CR_E_NOMEM;
	stand(insp, 0, before);
	stand(insp, insp->defects, s);
	for (int i = 0; i < CR_CHECK_COUNT; i++) {
		if (!s[i].performed)
			continue;
		c = &all[n++];
		fill(c, (enum cr_check_id)i);
		c->result = s[i].result;
		c->found = before[i].result;
		of = &s[spokesman(s, (enum cr_check_id)i)];
		c->defect = c->found == c->result ? NULL : of->defect;
		snprintf(c->detail, sizeof(c->detail), "%s", of->recorded ? of->recorded->detail : "");
	}
	free(insp->checks);
	insp->checks = all;
	insp->n_checks = n;
	return CR_OK;
}
