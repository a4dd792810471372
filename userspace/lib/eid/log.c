/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log of an inspection, BSI TR-03135-1 (5.0.1), 6: its basic profile (TR-03135-2, 4.1.3.1), all results and
 * what is known of the document that is not about a person. No I/O.
 *
 * Elements, their names and namespaces are those that the guideline's text has (6.2, 6.4; the names of checks in
 * 5.5, 5.6, 5.8.1, 5.10.1; runMode in part 2, 4.1.1). What the text leaves to its schema files is as
 * tests/data/log/ has it. The checks of our own and the verdict are checks of the application (table 6.1), in a
 * namespace of ours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/rand.h>
#include "checks.h"
#include "xml.h"

#define NS(name)	"http://trdoccheck.bsi.bund.de/" name "/5"
#define NS_OWN		"urn:cardring:log:1"

/* Milliseconds are asked for: TR-03135-2, 4.1.6. */
static void duration(struct cr_xml *x, const char *name, int64_t ms)
{
	char text[32];

	snprintf(text, sizeof(text), "PT%lld.%03lldS", (long long)(ms / 1000), (long long)(ms % 1000));
	cr_xml_element(x, name, text);
}

static void moment(struct cr_xml *x, const char *name, int64_t ms)
{
	char text[64];
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	n = gmtime_r(&t, &tm) ? strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) : 0;
	snprintf(text + n, sizeof(text) - n, ".%03dZ", (int)(ms % 1000));
	cr_xml_element(x, name, n ? text : NULL);
}

static void overall(struct cr_xml *x, const char *ns, int64_t start, int64_t end)
{
	char name[16];

	snprintf(name, sizeof(name), "%s:Overall", ns);
	cr_xml_begin(x, name, NULL);
	moment(x, "base:StartTime", start);
	moment(x, "base:EndTime", end);
	duration(x, "base:Duration", end - start);
	cr_xml_end(x, name);
}

static void times(struct cr_xml *x, const char *ns, int64_t start, int64_t end)
{
	char name[24];

	snprintf(name, sizeof(name), "%s:TimeMeasurement", ns);
	cr_xml_begin(x, name, NULL);
	overall(x, ns, start, end);
	cr_xml_end(x, name);
}

/* TR-03135-3, 6.2.2: RFC 4122, version 4. */
static int transaction_id(struct cr_xml *x)
{
	unsigned char r[16];
	char text[40];

	if (RAND_bytes(r, sizeof(r)) != 1)
		return CR_E_INTERNAL;
	r[6] = (r[6] & 0x0f) | 0x40;
	r[8] = (r[8] & 0x3f) | 0x80;
	snprintf(text, sizeof(text), "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
		 r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
	cr_xml_element(x, "ct:TransactionID", text);
	return CR_OK;
}

/* ---- checks ---- */

static void result(struct cr_xml *x, const struct cr_check *c)
{
	cr_xml_element(x, "base:Result", cr_result_name(c->result));
	cr_xml_element(x, "base:ResultBeforeDefects", c->found == c->result ? NULL : cr_result_name(c->found));
	cr_xml_element(x, "base:Detail", c->combined || !c->detail[0] ? NULL : c->detail);
}

/* Of which file, where the guideline has one name for a check of several. */
static const char *file_of(const char *name)
{
	static const char *const files[][2] = {
		{ "files.sod", "EF.SOD" }, { "files.dg1", "EF.DG1" }, { "files.dg2", "EF.DG2" },
		{ "pa.signature", "EF.SOD" }, { "pa.signer", "EF.SOD" }, { "pa.country", "EF.SOD" },
		{ "card-security.signature", "EF.CardSecurity" }, { "card-security.signer", "EF.CardSecurity" },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!strcmp(files[i][0], name))
			return files[i][1];
	}
	return NULL;
}

/* 5.8.8.2.1: each group that was read. */
static void data_groups(struct cr_xml *x, const struct cr_inspection *insp)
{
	for (int i = 1; i <= 16; i++) {
		enum cr_dg_status s = insp->passive.dg[i];
		char number[8];
		const char *const attributes[] = { "runMode", "mandatory", "dataGroup", number, NULL };

		if (s != CR_DG_MATCH && s != CR_DG_MISMATCH && s != CR_DG_UNHASHED)
			continue;
		snprintf(number, sizeof(number), "%d", i);
		cr_xml_begin(x, "dce:DataGroupIntegrityCheck", attributes);
		cr_xml_element(x, "base:Result", cr_result_name(s == CR_DG_MATCH ? CR_SUCCESSFUL : CR_FAILED));
		cr_xml_end(x, "dce:DataGroupIntegrityCheck");
	}
}

static bool is(const struct cr_check *c, enum cr_check_id id)
{
	return c->name == cr_check_name(id);
}

/* Those that are a part of this one, each with its own; what the guideline has no name for is seen through. */
static void parts(struct cr_xml *x, const struct cr_inspection *insp, const char *ns, const char *of)
{
	for (size_t i = 0; i < insp->n_checks; i++) {
		const struct cr_check *c = &insp->checks[i];
		const char *const attributes[] = { "runMode", "mandatory", "file", file_of(c->name), NULL };
		char name[64];

		if (!c->part_of || strcmp(c->part_of, of) != 0)
			continue;
		snprintf(name, sizeof(name), "%s:%s", ns, c->guideline ? c->guideline : "");
		if (c->guideline) {
			cr_xml_begin(x, name, attributes);
			result(x, c);
		}
		parts(x, insp, ns, c->name);
		if (is(c, CR_CHECK_DG_HASHES))
			data_groups(x, insp);
		if (c->guideline)
			cr_xml_end(x, name);
	}
}

static const struct cr_check *find(const struct cr_inspection *insp, enum cr_check_id id)
{
	for (size_t i = 0; i < insp->n_checks; i++) {
		if (is(&insp->checks[i], id))
			return &insp->checks[i];
	}
	return NULL;
}

static void checks(struct cr_xml *x, const struct cr_inspection *insp, const char *ns, enum cr_check_id id)
{
	const struct cr_check *top = find(insp, id);
	char name[16];

	snprintf(name, sizeof(name), "%s:Checks", ns);
	cr_xml_begin(x, name, NULL);
	cr_xml_element(x, "base:Result", cr_result_name(top ? top->result : CR_ABORTED));
	if (top)
		parts(x, insp, ns, top->name);
	cr_xml_end(x, name);
}

/* ---- what is known of it ---- */

/* Of the document, and of no person: TR-03135-1, 6.3. */
static void component(struct cr_xml *x, const struct cr_inspection *insp)
{
	const struct cr_document *d = &insp->document;
	const struct cr_passive *p = &insp->passive;

	cr_xml_begin(x, "dce:ComponentInformation", NULL);
	cr_xml_element(x, "dce:DocumentType", d->code);
	cr_xml_element(x, "dce:Issuer", d->issuing_state);
	cr_xml_element(x, "dce:Format", d->type);
	cr_xml_element(x, "dce:DocumentSigner", p->signer);
	cr_xml_element(x, "dce:CountrySigner", p->issuer);
	cr_xml_element(x, "dce:DigestAlgorithm", p->digest);
	cr_xml_end(x, "dce:ComponentInformation");
}

/* 5.8.3.2 wants PACE's version, mode, algorithms and domain parameters. */
static void process(struct cr_xml *x, const struct cr_inspection *insp, const struct cr_log_about *about)
{
	const struct cr_access *a = &insp->access;
	const struct cr_check *ta = find(insp, CR_CHECK_TERMINAL_AUTHENTICATION);

	cr_xml_begin(x, "dce:ProcessInformation", NULL);
	cr_xml_element(x, "dce:DocumentReader", about->reader);
	cr_xml_element(x, "dce:InspectionProcedure", cr_procedure_name(insp->procedure));
	cr_xml_element(x, "dce:AccessProtocol", a->protocol);
	cr_xml_element(x, "dce:Password", a->password);
	if (a->protocol && !strcmp(a->protocol, "PACE")) {
		cr_xml_begin(x, "dce:Pace", NULL);
		cr_xml_element(x, "dce:Version", "2");
		cr_xml_element(x, "dce:Mode", a->mapping);
		cr_xml_element(x, "dce:SymmetricAlgorithm", a->cipher);
		cr_xml_element(x, "dce:DomainParameters", a->curve);
		cr_xml_end(x, "dce:Pace");
	}
	cr_xml_element(x, "dce:ChipAuthenticity", insp->chip_protocol);
	cr_xml_element(x, "dce:TerminalAuthentication", a->terminal);
	cr_xml_element(x, "dce:TerminalAuthenticationResult", ta ? cr_result_name(ta->result) : NULL);
	cr_xml_end(x, "dce:ProcessInformation");
}

static void electronic(struct cr_xml *x, const struct cr_inspection *insp, const struct cr_log_about *about)
{
	int64_t chip = (int64_t)(insp->exchange.us / 1000);

	cr_xml_begin(x, "dce:ElectronicCheck", NULL);
	cr_xml_begin(x, "dce:TimeMeasurement", NULL);
	overall(x, "dce", about->start_ms, about->end_ms);
	duration(x, "dce:ProcessingDuration", insp->ms > chip ? insp->ms - chip : 0);
	duration(x, "dce:ElectronicComponentInteractionDuration", chip);
	cr_xml_end(x, "dce:TimeMeasurement");
	component(x, insp);
	process(x, insp, about);
	checks(x, insp, "dce", CR_CHECK_ELECTRONIC);
	cr_xml_end(x, "dce:ElectronicCheck");
}

static void combined(struct cr_xml *x, const struct cr_inspection *insp, const struct cr_log_about *about)
{
	cr_xml_begin(x, "dcc:CombinedCheck", NULL);
	times(x, "dcc", about->start_ms, about->end_ms);
	checks(x, insp, "dcc", CR_CHECK_COMBINED);
	cr_xml_end(x, "dcc:CombinedCheck");
}

static void of_our_own(struct cr_xml *x, const struct cr_inspection *insp)
{
	cr_xml_begin(x, "ct:ApplicationSpecificChecks", NULL);
	cr_xml_begin(x, "cardring:Inspection", NULL);
	cr_xml_element(x, "cardring:Verdict", cr_verdict_name(insp->verdict));
	for (size_t i = 0; i < insp->n_reasons; i++)
		cr_xml_element(x, "cardring:Reason", insp->reasons[i].code);
	for (size_t i = 0; i < insp->n_checks; i++) {
		const struct cr_check *c = &insp->checks[i];
		const char *const attributes[] = { "name", c->name, NULL };

		if (c->guideline || c->part_of)
			continue;
		cr_xml_begin(x, "cardring:Check", attributes);
		result(x, c);
		cr_xml_end(x, "cardring:Check");
	}
	cr_xml_end(x, "cardring:Inspection");
	cr_xml_end(x, "ct:ApplicationSpecificChecks");
}

int cr_inspection_log(const struct cr_inspection *insp, const struct cr_log_about *about, char **xml, size_t *len)
{
	static const char *const namespaces[] = {
		"xmlns:ct", NS("ct"), "xmlns:dc", NS("dc"), "xmlns:dce", NS("dce"), "xmlns:dcc", NS("dcc"),
		"xmlns:base", NS("base"), "xmlns:cardring", NS_OWN, NULL
	};
	const struct cr_check *all = find(insp, CR_CHECK_DOCUMENT);
	struct cr_xml x = { 0 };
	int err;

	cr_xml_begin(&x, "ct:CheckTransaction", namespaces);
	err = transaction_id(&x);
	cr_xml_begin(&x, "ct:SystemInformation", NULL);
	cr_xml_element(&x, "ct:Name", "cardring");
	cr_xml_element(&x, "ct:Version", about->version);
	cr_xml_end(&x, "ct:SystemInformation");
	times(&x, "ct", about->start_ms, about->end_ms);
	cr_xml_begin(&x, "ct:DocumentChecks", NULL);
	cr_xml_begin(&x, "dc:DocumentCheck", NULL);
	times(&x, "dc", about->start_ms, about->end_ms);
	cr_xml_begin(&x, "dc:Checks", NULL);
	cr_xml_element(&x, "base:Result", cr_result_name(all ? all->result : CR_ABORTED));
	electronic(&x, insp, about);
	if (find(insp, CR_CHECK_COMBINED))
		combined(&x, insp, about);
	cr_xml_end(&x, "dc:Checks");
	cr_xml_end(&x, "dc:DocumentCheck");
	cr_xml_end(&x, "ct:DocumentChecks");
	of_our_own(&x, insp);
	cr_xml_end(&x, "ct:CheckTransaction");
	if (x.failed && !err)
		err = CR_E_NOMEM;
	if (err)
		free(x.text);
	*xml = err ? NULL : x.text;
	*len = err ? 0 : x.len;
	return err;
}
