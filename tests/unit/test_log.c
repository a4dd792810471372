// SPDX-License-Identifier: BSD-2-Clause
/* The guideline's log: well-formed and valid whatever is in it, and nothing about a person. (Its schema: tests/data/log.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "eid/checks.h"
#include "eid/xml.h"

static const struct cr_log_about about = { .start_ms = 1790000000123, .end_ms = 1790000001024, .version = "0", .reader = "A reader" };

/* By a parser that is not ours. schema: valid, too. */
static bool xmllint(const char *xml, size_t len, bool schema)
{
	FILE *p = popen(schema ? "xmllint --noout --schema tests/data/log/ct.xsd - 2>/dev/null" :
			"xmllint --noout - 2>/dev/null", "w");

	assert_non_null(p);
	fwrite(xml, 1, len, p);
	return !pclose(p);
}

static void clear(struct cr_inspection *insp)
{
	free(insp->checks);
	free(insp->reasons);
	memset(insp, 0, sizeof(*insp));
}

static void set(struct cr_inspection *insp, int id, enum cr_result r, const char *detail)
{
	if (cr_check_is_single((enum cr_check_id)id))
		assert_int_equal(cr_check_set(insp, (enum cr_check_id)id, r, "%s", detail), 0);
}

static char *log_of(struct cr_inspection *insp, const struct cr_log_about *a, size_t *len)
{
	char *xml;

	assert_int_equal(cr_inspection_log(insp, a, &xml, len), 0);
	assert_int_equal(strlen(xml), *len);
	return xml;
}

static void every_check_with_every_result_is_valid(void **state)
{
	(void)state;
	for (int r = CR_SUCCESSFUL; r <= CR_ABORTED; r++) {
		struct cr_inspection insp = { .access = { .protocol = "PACE", .mapping = "GM", .cipher = "AES-128" } };
		char *xml, want[64];
		size_t len;

		for (int id = 0; id < CR_CHECK_COUNT; id++)
			set(&insp, id, (enum cr_result)r, "why");
		for (int i = 1; i <= 16; i++)
			insp.passive.dg[i] = i & 1 ? CR_DG_MATCH : CR_DG_UNHASHED;
		assert_int_equal(cr_checks_judge(&insp), 0);
		xml = log_of(&insp, &about, &len);
		assert_true(xmllint(xml, len, true));
		/* each of the guideline's names is in it */
		for (int id = 0; id < CR_CHECK_COUNT; id++) {
			const char *name = cr_check_guideline((enum cr_check_id)id);

			if (!name || id == CR_CHECK_DOCUMENT || id == CR_CHECK_ELECTRONIC || id == CR_CHECK_COMBINED)
				continue;
			snprintf(want, sizeof(want), ":%s runMode=\"mandatory\"", name);
			assert_non_null(strstr(xml, want));
		}
		assert_non_null(strstr(xml, "<base:StartTime>2026-09-21T14:13:20.123Z</base:StartTime>"));
		assert_non_null(strstr(xml, "<base:Duration>PT0.901S</base:Duration>"));
		assert_true(!xmllint(xml, len - 2, false));	/* it would be seen */
		free(xml);
		clear(&insp);
	}
}

static void each_log_has_an_identifier_of_its_own(void **state)
{
	struct cr_inspection insp = { 0 };
	char *a, *b;
	size_t n;

	(void)state;
	a = log_of(&insp, &about, &n);
	b = log_of(&insp, &about, &n);
	assert_true(strcmp(a, b) != 0);
	/* nothing was reached: that is valid too, and aborted */
	assert_true(xmllint(a, n, true));
	assert_non_null(strstr(a, "<base:Result>aborted</base:Result>"));
	free(a);
	free(b);
}

static void defects_are_told_by_what_was_found(void **state)
{
	struct cr_inspection insp = { .defects = 1U << CR_DEFECT_CA_FAILURE };
	char *xml;
	size_t len;

	(void)state;
	for (int id = 0; id < CR_CHECK_COUNT; id++)
		set(&insp, id, id == CR_CHECK_CA ? CR_FAILED : CR_SUCCESSFUL, "");
	assert_int_equal(cr_checks_judge(&insp), 0);
	xml = log_of(&insp, &about, &len);
	assert_true(xmllint(xml, len, true));
	assert_non_null(strstr(xml, "<base:Result>undetermined</base:Result>\n"));
	assert_non_null(strstr(xml, "<base:ResultBeforeDefects>failed</base:ResultBeforeDefects>"));
	free(xml);
	clear(&insp);
}

static const char *const hostile[] = {
	"<", "]]>", "&amp;", "\"'><x/>", "</base:Detail>", "<!--", "--", "\x01\x02\x1f", "\x7f", "\r\n\t", "\xff\xfe",
	"\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
	"\xe1\xbb", "\xc3", "\xc2\x85", "Nguy\xe1\xbb\x85n", "\xf0\x9f\x98\x80", "\x80", "%s%n",
};

/* Whatever a certificate, a card or a reader calls itself. */
static void hostile_names_are_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		char *name = strdup(hostile[i]), *xml;
		struct cr_log_about a = { .reader = name, .version = name };
		struct cr_inspection insp = {
			.access = { .protocol = "PACE", .mapping = "GM", .cipher = name, .curve = name, .password = name },
			.passive = { .issuer = name, .signer = name, .digest = name },
			.document = { .code = name, .issuing_state = name, .type = name },
			.chip_protocol = name,
		};
		size_t len;

		for (int id = 0; id < CR_CHECK_COUNT; id++)
			set(&insp, id, CR_UNDETERMINED, name);
		assert_int_equal(cr_checks_judge(&insp), 0);
		xml = log_of(&insp, &a, &len);
		assert_true(xmllint(xml, len, true));
		for (size_t k = 0; k < len; k++)
			assert_true((unsigned char)xml[k] >= 0x20 || xml[k] == '\n');
		free(xml);
		free(name);
		clear(&insp);
	}
}

/* What goes in as text comes out as the same text. */
static void text_survives(void **state)
{
	static const char text[] = "<a b=\"c\">&'\r\n\t Nguy\xe1\xbb\x85n \xf0\x9f\x98\x80]]>";
	struct cr_xml x = { 0 };
	char path[] = "/tmp/cardring-log.XXXXXX", command[200], back[200] = "";
	int fd = mkstemp(path);
	FILE *p;

	(void)state;
	cr_xml_element(&x, "t", NULL);
	assert_int_equal(x.len, 0);
	cr_xml_begin(&x, "r", (const char *const []){ "a", text, "none", NULL, NULL });
	cr_xml_element(&x, "t", text);
	cr_xml_end(&x, "r");
	assert_false(x.failed);
	assert_int_equal(write(fd, x.text, x.len), x.len);
	for (int i = 0; i < 2; i++) {
		snprintf(command, sizeof(command), "xmllint --xpath 'string(%s)' %s", i ? "/r/t" : "/r/@a", path);
		p = popen(command, "r");
		back[fread(back, 1, sizeof(back) - 1, p)] = '\0';
		assert_int_equal(pclose(p), 0);
		assert_int_equal(strncmp(back, text, strlen(text)), 0);
	}
	assert_null(strstr(x.text, "none"));
	close(fd);
	unlink(path);
	free(x.text);
}

/* Whose document it was, nobody learns. */
static void nothing_about_a_person_is_logged(void **state)
{
	struct cr_inspection insp = { 0 };
	char *holder[sizeof(struct cr_holder) / sizeof(char *)];
	struct cr_item item = { .fid = 0x010b, .name = "address", .text = (char *)"SECRET" };
	struct cr_file files[1] = { { .fid = 0x0101, .data = (uint8_t *)"SECRET", .len = 6 } };
	char *xml;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(holder) / sizeof(holder[0]); i++)
		holder[i] = (char *)"SECRET";
	memcpy(&insp.holder, holder, sizeof(holder));
	insp.document = (struct cr_document){ .number = (char *)"SECRET", .date_of_issue = (char *)"SECRET",
		.date_of_expiry = (char *)"SECRET", .mrz = (char *)"SECRET", .code = (char *)"P" };
	insp.items = &item;
	insp.n_items = 1;
	insp.files = files;
	insp.n_files = 1;
	insp.portrait = (const uint8_t *)"SECRET";
	insp.portrait_len = 6;
	for (int id = 0; id < CR_CHECK_COUNT; id++)
		set(&insp, id, CR_FAILED, "");
	assert_int_equal(cr_checks_judge(&insp), 0);
	xml = log_of(&insp, &about, &len);
	assert_null(strstr(xml, "SECRET"));
	assert_non_null(strstr(xml, "<dce:DocumentType>P</dce:DocumentType>"));
	free(xml);
	clear(&insp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_check_with_every_result_is_valid),
		cmocka_unit_test(each_log_has_an_identifier_of_its_own),
		cmocka_unit_test(defects_are_told_by_what_was_found),
		cmocka_unit_test(hostile_names_are_text),
		cmocka_unit_test(text_survives),
		cmocka_unit_test(nothing_about_a_person_is_logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
