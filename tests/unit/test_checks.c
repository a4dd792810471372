// SPDX-License-Identifier: BSD-2-Clause
/* The table from results to the verdict, walked: each result of each check alone, and of every two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "eid/checks.h"

#define RESULTS	5

static void clear(struct cr_inspection *insp)
{
	free(insp->checks);
	free(insp->reasons);
	memset(insp, 0, sizeof(*insp));
}

static enum cr_verdict judge(struct cr_inspection *insp)
{
	size_t i;

	assert_int_equal(cr_checks_judge(insp), 0);
	assert_true(insp->verdict == CR_GENUINE || insp->n_reasons);
	for (i = 0; i < insp->n_reasons; i++) {
		const char *s = insp->reasons[i].text, *percent = strchr(s, '%');

		assert_non_null(insp->reasons[i].code);
		assert_true(!percent || (percent[1] == 's' && !strchr(percent + 1, '%')));
		assert_true(insp->reasons[i].detail[0]);
	}
	return insp->verdict;
}

/* All are successful but these two. */
static enum cr_verdict verdict_of(int a, enum cr_result ra, int b, enum cr_result rb)
{
	struct cr_inspection insp = { 0 };
	enum cr_verdict v;
	int id;

	for (id = 0; id < CR_CHECK_COUNT; id++)
		assert_int_equal(cr_check_set(&insp, id, id == a ? ra : id == b ? rb : CR_SUCCESSFUL, NULL), 0);
	v = judge(&insp);
	clear(&insp);
	return v;
}

static int rank(enum cr_verdict v)
{
	static const int ranks[] = {
		[CR_GENUINE] = 0, [CR_UNPROVEN] = 1, [CR_EXPIRED] = 2, [CR_REVOKED] = 3, [CR_CLONED] = 4, [CR_FORGED] = 5,
	};

	return ranks[v];
}

static void failures_have_their_verdicts(void **state)
{
	static const enum cr_verdict failed[CR_CHECK_COUNT] = {
		[CR_CHECK_ACCESS] = CR_UNPROVEN, [CR_CHECK_CARD_ACCESS_AUTHENTIC] = CR_FORGED,
		[CR_CHECK_READ] = CR_UNPROVEN, [CR_CHECK_SOD_PARSE] = CR_FORGED,
		[CR_CHECK_SOD_SIGNATURE] = CR_FORGED, [CR_CHECK_SIGNER_CHAIN] = CR_FORGED,
		[CR_CHECK_SIGNER_VALIDITY] = CR_EXPIRED, [CR_CHECK_SIGNER_REVOCATION] = CR_REVOKED,
		[CR_CHECK_SIGNING_TIME] = CR_UNPROVEN, [CR_CHECK_SIGNER_DOCUMENT_TYPE] = CR_UNPROVEN,
		[CR_CHECK_DIGEST] = CR_UNPROVEN,
		[CR_CHECK_DG_HASHES] = CR_FORGED, [CR_CHECK_COM_SOD] = CR_UNPROVEN,
		[CR_CHECK_MRZ_CONSISTENT] = CR_UNPROVEN, [CR_CHECK_CHIP_AUTHENTICATION] = CR_CLONED,
		[CR_CHECK_DOCUMENT_VALIDITY] = CR_EXPIRED, [CR_CHECK_TERMINAL_AUTHENTICATION] = CR_UNPROVEN,
	};
	int id;

	(void)state;
	assert_int_equal(verdict_of(-1, 0, -1, 0), CR_GENUINE);
	for (id = 0; id < CR_CHECK_COUNT; id++)
		assert_int_equal(verdict_of(id, CR_FAILED, -1, 0), failed[id]);
}

/* The invariant: genuine only where what proves it succeeded, and two findings are never better than one. */
static void genuine_needs_every_proof(void **state)
{
	static const enum cr_check_id proofs[] = {
		CR_CHECK_READ, CR_CHECK_SOD_PARSE, CR_CHECK_SOD_SIGNATURE, CR_CHECK_SIGNER_CHAIN,
		CR_CHECK_SIGNER_VALIDITY, CR_CHECK_DG_HASHES,
	};
	enum cr_verdict v, va, vb;
	int a, b, ra, rb;
	size_t i;

	(void)state;
	for (a = 0; a < CR_CHECK_COUNT; a++) {
		for (ra = 0; ra < RESULTS; ra++) {
			va = verdict_of(a, ra, -1, 0);
			if (ra == CR_FAILED || ra == CR_ABORTED)
				assert_int_not_equal(va, CR_GENUINE);
			if (ra == CR_UNDETERMINED && a != CR_CHECK_SIGNER_REVOCATION && a != CR_CHECK_TERMINAL_AUTHENTICATION)
				assert_int_equal(va, CR_UNPROVEN);
			if (ra == CR_ABORTED)
				assert_int_equal(va, CR_UNPROVEN);
			for (i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++) {
				if (a == (int)proofs[i] && ra != CR_SUCCESSFUL)
					assert_int_not_equal(va, CR_GENUINE);
			}
			for (b = 0; b < CR_CHECK_COUNT; b++) {
				for (rb = 0; rb < RESULTS && b != a; rb++) {
					v = verdict_of(a, ra, b, rb);
					vb = verdict_of(b, rb, -1, 0);
					assert_int_equal(rank(v), rank(va) > rank(vb) ? rank(va) : rank(vb));
				}
			}
		}
	}
}

static void what_was_not_checked_is_not_genuine(void **state)
{
	struct cr_inspection insp = { 0 };
	int id, left;

	(void)state;
	assert_int_equal(judge(&insp), CR_UNPROVEN);
	clear(&insp);
	for (left = 0; left < CR_CHECK_COUNT; left++) {
		for (id = 0; id < CR_CHECK_COUNT; id++) {
			if (id != left)
				cr_check_set(&insp, id, CR_SUCCESSFUL, NULL);
		}
		assert_int_equal(cr_check_get(&insp, left), CR_UNDETERMINED);
		assert_int_equal(judge(&insp), left == CR_CHECK_SIGNER_REVOCATION ||
				 left == CR_CHECK_TERMINAL_AUTHENTICATION ? CR_GENUINE : CR_UNPROVEN);
		clear(&insp);
	}
}

static void genuine_says_when_a_copy_is_not_excluded(void **state)
{
	struct cr_inspection insp = { 0 };
	int id, dg;

	(void)state;
	for (dg = 0; dg <= 16; dg++) {
		for (id = 0; id < CR_CHECK_COUNT; id++)
			cr_check_set(&insp, id, id == CR_CHECK_CHIP_AUTHENTICATION ? CR_NOT_SUPPORTED : CR_SUCCESSFUL, NULL);
		insp.passive.dg[dg] = CR_DG_UNREAD;
		/* the issuer signed a key for this chip, and the chip hides it */
		assert_int_equal(judge(&insp), dg == 14 || dg == 15 ? CR_UNPROVEN : CR_GENUINE);
		assert_string_equal(insp.reasons[insp.n_reasons - 1].code, "copy-not-excluded");
		clear(&insp);
	}
}

/* What was accepted in silence once: SHA-1 keeps no old document from being genuine, and is told. */
static void genuine_says_when_a_digest_is_weak(void **state)
{
	struct cr_inspection insp = { 0 };
	int id;

	(void)state;
	for (id = 0; id < CR_CHECK_COUNT; id++)
		cr_check_set(&insp, id, id == CR_CHECK_DIGEST ? CR_NOT_SUPPORTED : CR_SUCCESSFUL, "SHA-1");
	assert_int_equal(judge(&insp), CR_GENUINE);
	assert_int_equal(insp.n_reasons, 1);
	assert_string_equal(insp.reasons[0].code, "weak-digest");
	clear(&insp);
}

static void data_groups_alone_can_forge(void **state)
{
	struct cr_inspection insp = { 0 };
	int id, s;

	(void)state;
	for (s = CR_DG_ABSENT; s <= CR_DG_UNHASHED; s++) {
		for (id = 0; id < CR_CHECK_COUNT; id++)
			cr_check_set(&insp, id, CR_SUCCESSFUL, NULL);
		insp.passive.dg[13] = (enum cr_dg_status)s;
		assert_int_equal(judge(&insp), s == CR_DG_MISMATCH || s == CR_DG_UNHASHED ? CR_FORGED : CR_GENUINE);
		if (insp.n_reasons)
			assert_string_equal(insp.reasons[0].detail, "DG13");
		clear(&insp);
	}
}

static void reasons_are_listed_worst_first(void **state)
{
	struct cr_inspection insp = { 0 };
	int id;
	size_t i;

	(void)state;
	for (id = 0; id < CR_CHECK_COUNT; id++)
		cr_check_set(&insp, id, CR_FAILED, "x");
	assert_int_equal(judge(&insp), CR_FORGED);
	assert_int_equal(insp.n_reasons, CR_CHECK_COUNT);
	assert_string_equal(insp.reasons[0].code, "card-access-altered");
	for (i = 0; i < 5; i++)
		assert_string_not_equal(insp.reasons[i].code, "document-expired");
	assert_int_equal(judge(&insp), CR_FORGED);	/* judging twice changes nothing */
	assert_int_equal(insp.n_reasons, CR_CHECK_COUNT);
	clear(&insp);
}

static void a_worse_result_replaces(void **state)
{
	static const enum cr_result order[] = {
		CR_SUCCESSFUL, CR_NOT_SUPPORTED, CR_UNDETERMINED, CR_ABORTED, CR_FAILED,
	};
	struct cr_inspection insp = { 0 };
	char longer[400];
	int a, b;

	(void)state;
	for (a = 0; a < RESULTS; a++) {
		for (b = 0; b < RESULTS; b++) {
			cr_check_set(&insp, CR_CHECK_READ, order[a], "%s", "first");
			cr_check_set(&insp, CR_CHECK_READ, order[b], "%s", "second");
			assert_int_equal(insp.n_checks, 1);
			assert_int_equal(cr_check_get(&insp, CR_CHECK_READ), order[a > b ? a : b]);
			assert_string_equal(insp.checks[0].detail, b > a ? "second" : "first");
			assert_string_equal(insp.checks[0].name, "read");
			clear(&insp);
		}
	}
	memset(longer, 'x', sizeof(longer));
	longer[399] = 0;
	cr_check_set(&insp, CR_CHECK_READ, CR_FAILED, "%s", longer);
	assert_int_equal(strlen(insp.checks[0].detail), sizeof(insp.checks[0].detail) - 1);
	assert_int_equal(cr_check_set(&insp, CR_CHECK_COUNT, CR_FAILED, NULL), CR_E_INVALID);
	clear(&insp);
}

static void names_are_stable(void **state)
{
	int id;

	(void)state;
	assert_string_equal(cr_verdict_name(CR_GENUINE), "genuine");
	assert_string_equal(cr_verdict_name(CR_CLONED), "cloned");
	assert_string_equal(cr_result_name(CR_NOT_SUPPORTED), "not supported");
	assert_string_equal(cr_dg_status_name(CR_DG_LOCKED), "locked");
	assert_string_equal(cr_check_name(CR_CHECK_SOD_SIGNATURE), "pa.signature");
	assert_string_equal(cr_check_name(CR_CHECK_COUNT), "unknown");
	for (id = 0; id < CR_CHECK_COUNT; id++)
		assert_non_null(cr_check_name(id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_have_their_verdicts),
		cmocka_unit_test(genuine_needs_every_proof),
		cmocka_unit_test(what_was_not_checked_is_not_genuine),
		cmocka_unit_test(genuine_says_when_a_copy_is_not_excluded),
		cmocka_unit_test(genuine_says_when_a_digest_is_weak),
		cmocka_unit_test(data_groups_alone_can_forge),
		cmocka_unit_test(reasons_are_listed_worst_first),
		cmocka_unit_test(a_worse_result_replaces),
		cmocka_unit_test(names_are_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
