// SPDX-License-Identifier: BSD-2-Clause
/*
 * The library's words in the reader's language. Its reasons and details are msgids where they are
 * fixed; those put together from parts are taken apart again here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

const char *cli_check_label(const char *name)
{
	/* The sheet is for whoever has to decide: the rest of the tree is in --json and in the log. */
	static const struct { const char *name, *label; } labels[] = {
		{ "access", N_("Access to the chip") },
		{ "card-access-authentic", N_("Access parameters are signed") },
		{ "read", N_("Everything could be read") },
		{ "pa.sod", N_("Security object") },
		{ "pa.signature", N_("Signature over the data") },
		{ "pa.chain", N_("Signed for the issuing state") },
		{ "pa.validity", N_("Certificates are valid") },
		{ "pa.revocation", N_("Certificates are not revoked") },
		{ "pa.signing-time", N_("Signed while the key was in use") },
		{ "pa.document-type", N_("Signer is for such documents") },
		{ "pa.digest", N_("Digests are strong") },
		{ "pa.hashes", N_("Data are the signed ones") },
		{ "pa.com-sod", N_("Lists of the data agree") },
		{ "pa.country", N_("Signer is of the same state") },
		{ "printed-zone", N_("Printed zone is the chip's") },
		{ "mrz", N_("Data agree with each other") },
		{ "chip-authentication", N_("Chip is the original") },
		{ "document-validity", N_("Document has not expired") },
		{ "terminal-authentication", N_("Terminal was let in") },
	};

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (!strcmp(labels[i].name, name))
			return _(labels[i].label);
	return NULL;
}

static const struct { const char *name, *label; } item_labels[] = {
	{ "address", N_("Address") },
	{ "aid", N_("Identifier") },
	{ "application", N_("Application") },
	{ "capabilities", N_("Card capabilities") },
	{ "card_service", N_("Card services") },
	{ "custody", N_("Custody") },
	{ "date_of_birth", N_("Date of birth") },
	{ "date_of_issue", N_("Date of issue") },
	{ "endorsements", N_("Endorsements") },
	{ "eye", N_("Eye") },
	{ "format", N_("Format") },
	{ "full_name", N_("Full name") },
	{ "height", N_("Height") },
	{ "image", N_("Picture") },
	{ "image_front", N_("Picture of the front") },
	{ "image_rear", N_("Picture of the rear") },
	{ "issuing_authority", N_("Issuing authority") },
	{ "key", N_("Key") },
	{ "label", N_("Label") },
	{ "max_command", N_("Longest command") },
	{ "max_response", N_("Longest response") },
	{ "name", N_("Name") },
	{ "other_documents", N_("Other documents") },
	{ "other_names", N_("Other names") },
	{ "other_people", N_("Other people") },
	{ "permanent_address", N_("Permanent address") },
	{ "personal_number", N_("Personal number") },
	{ "personal_summary", N_("Personal summary") },
	{ "personalization_system", N_("Personalization system") },
	{ "personalized", N_("Personalized") },
	{ "place_of_birth", N_("Place of birth") },
	{ "position", N_("Finger") },
	{ "profession", N_("Profession") },
	{ "proof_of_citizenship", N_("Proof of citizenship") },
	{ "protocols", N_("Protocol") },
	{ "quality", N_("Quality") },
	{ "record", N_("Record") },
	{ "recorded", N_("Recorded") },
	{ "tax_exit_requirements", N_("Tax and exit requirements") },
	{ "telephone", N_("Telephone") },
	{ "title", N_("Title") },
	{ "width", N_("Width") },
};

const char *cli_item_label(const char *name)
{
	for (size_t i = 0; i < sizeof(item_labels) / sizeof(item_labels[0]); i++)
		if (!strcmp(item_labels[i].name, name))
			return _(item_labels[i].label);
	return name;
}

const char *cli_item_word(const struct cr_item *item)
{
	static const char *const of_few[] = { "application", "eye", "position" };

	for (size_t i = 0; i < sizeof(of_few) / sizeof(of_few[0]); i++)
		if (!strcmp(item->name, of_few[i]))
			return _(item->text);
	return item->text;
}

const char *cli_file_name(const struct cr_inspection *in, uint16_t fid)
{
	for (size_t i = 0; i < in->n_files; i++)
		if (in->files[i].fid == fid)
			return in->files[i].name;
	return "?";
}

const char *cli_file_title(uint16_t fid)
{
	switch (fid) {
	case 0x0102:	return _("Face (DG2)");
	case 0x0103:	return _("Fingers (DG3)");
	case 0x0104:	return _("Irises (DG4)");
	case 0x0105:	return _("Displayed portrait (DG5)");
	case 0x0107:	return _("Signature or usual mark (DG7)");
	case 0x010b:	return _("More of the holder (DG11)");
	case 0x010c:	return _("More of the document (DG12)");
	case 0x010e:	return _("Protocols of the chip (DG14)");
	case 0x010f:	return _("Key of active authentication (DG15)");
	case 0x0110:	return _("Persons to notify (DG16)");
	case 0x2f00:	return _("Applications of the card (EF.DIR)");
	case 0x2f01:	return _("The card (EF.ATR/INFO)");
	}
	return NULL;
}

/* Words of the library that xgettext does not find there: single ones, and what chain.c puts together. */
static const char *const words[] __attribute__((unused)) = {
	N_("successful"), N_("failed"), N_("undetermined"), N_("aborted"), N_("absent"), N_("match"),
	N_("mismatch"), N_("unread"), N_("locked"), N_("unhashed"), N_("Canceled."), N_("Done."),
	N_("unknown"), N_("advanced"), N_("standard"),
	N_("the signer's certificate is not valid yet"),
	N_("the signer's certificate has expired"),
	N_("the signer's certificate has a malformed validity"),
	N_("the issuer's certificate is not valid yet"),
	N_("the issuer's certificate has expired"),
	N_("the issuer's certificate has a malformed validity"),
};

/* msgids of the library that end in %s, which is a name. */
static const char *const with_name[] = {
	"no trusted issuer certificate for %s",
	"not asked for: %s",
	"the trusted certificates of this issuer are of other keys: %s",
};

/* format: a translation of a msgid with one %s, checked by msgfmt -c. */
static char *fill(const char *format, const char *value)
{
	const char *at = strstr(format, "%s");
	char *out = NULL;

	if (asprintf(&out, "%.*s%s%s", at ? (int)(at - format) : (int)strlen(format), format, at ? value : "",
		     at ? at + 2 : "") < 0)
		return NULL;
	return out;
}

/* Of what is told of this file; the rest is as of EF.SOD. */
static const char about[] = "EF.CardSecurity: ";

char *cli_detail_text(const char *detail)
{
	char *rest, *out;

	if (!strncmp(detail, about, sizeof(about) - 1)) {
		rest = cli_detail_text(detail + sizeof(about) - 1);
		if (!rest || asprintf(&out, "%s%s", about, rest) < 0)
			out = NULL;
		free(rest);
		return out;
	}
	for (size_t i = 0; i < sizeof(with_name) / sizeof(with_name[0]); i++) {
		size_t n = strlen(with_name[i]) - 2;

		if (!strncmp(detail, with_name[i], n))
			return fill(_(with_name[i]), detail + n);
	}
	return strdup(*detail ? _(detail) : "");
}

char *cli_reason_text(const struct cr_reason *r)
{
	char *detail = cli_detail_text(r->detail), *out = NULL;

	if (detail)
		out = fill(_(r->text), detail);
	free(detail);
	return out;
}
