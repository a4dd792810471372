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
		{ "mrz", N_("Data agree with each other") },
		{ "chip-authentication", N_("Chip is the original") },
		{ "document-validity", N_("Document has not expired") },
	};

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (!strcmp(labels[i].name, name))
			return _(labels[i].label);
	return name;
}

/* Words of the library that xgettext does not find there: single ones, and what chain.c puts together. */
static const char *const words[] __attribute__((unused)) = {
	N_("successful"), N_("failed"), N_("undetermined"), N_("aborted"), N_("absent"), N_("match"),
	N_("mismatch"), N_("unread"), N_("locked"), N_("unhashed"), N_("Canceled."), N_("Done."),
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

char *cli_detail_text(const char *detail)
{
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
