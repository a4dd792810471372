// SPDX-License-Identifier: BSD-2-Clause
/*
 * The checks: the tree, how results combine (TR-03135-1, 3.8), what known defects make of them (5.12.2), and the
 * table from results to the verdict, each walked whole against what is written here once more.
 */
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

static void set(struct cr_inspection *insp, int id, int r, const char *detail)
{
	if (cr_check_is_single((enum cr_check_id)id))
		assert_int_equal(cr_check_set(insp, (enum cr_check_id)id, (enum cr_result)r, "%s", detail), 0);
}

/* Protocols for one end: one of them is enough. */
static bool is_alternative(int id)
{
	enum cr_check_id top = cr_check_part_of((enum cr_check_id)id);

	return top == CR_CHECK_ACCESS || top == CR_CHECK_CHIP_AUTHENTICATION;
}

static bool in_place_of(int id, int other)
{
	return id != other && is_alternative(id) &&
	       cr_check_part_of((enum cr_check_id)id) == cr_check_part_of((enum cr_check_id)other);
}

/* All are successful but these two, which others do not stand in for; -1: none. */
static void set_all_but(struct cr_inspection *insp, int a, int ra, int b, int rb)
{
	for (int id = 0; id < CR_CHECK_COUNT; id++) {
		if (id == a || id == b)
			set(insp, id, id == a ? ra : rb, "");
		else if ((a < 0 || !in_place_of(id, a)) && (b < 0 || !in_place_of(id, b)))
			set(insp, id, CR_SUCCESSFUL, "");
	}
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

static enum cr_verdict verdict_of(int a, int ra, int b, int rb)
{
	struct cr_inspection insp = { 0 };
	enum cr_verdict v;

	set_all_but(&insp, a, ra, b, rb);
	v = judge(&insp);
	clear(&insp);
	return v;
}

/* ---- the tree ---- */

static void the_tree_is_one(void **state)
{
	(void)state;
	for (int id = 0; id < CR_CHECK_COUNT; id++) {
		enum cr_check_id i = (enum cr_check_id)id, top = cr_check_part_of(i);
		int parts = 0;

		assert_non_null(cr_check_name(i));
		assert_true(top == CR_CHECK_COUNT || top < i);	/* so that one pass backwards combines */
		assert_true(top == CR_CHECK_COUNT || !cr_check_is_single(top));
		assert_true(!cr_check_guideline(i) || cr_check_clause(i));
		for (int k = 0; k < CR_CHECK_COUNT; k++) {
			parts += cr_check_part_of((enum cr_check_id)k) == i;
			assert_true(k == id || strcmp(cr_check_name(i), cr_check_name((enum cr_check_id)k)));
		}
		assert_int_equal(parts > 0, !cr_check_is_single(i));
		if (!cr_check_is_single(i)) {
			struct cr_inspection insp = { 0 };

			assert_int_equal(cr_check_set(&insp, i, CR_FAILED, NULL), CR_E_INVALID);
			assert_int_equal(insp.n_checks, 0);
		}
	}
	assert_int_equal(cr_check_part_of(CR_CHECK_ELECTRONIC), CR_CHECK_DOCUMENT);
	assert_int_equal(cr_check_part_of(CR_CHECK_COMBINED), CR_CHECK_DOCUMENT);
}

/* Table 3.1: [a][b], in the order of enum cr_result. */
static const enum cr_result generic[RESULTS][RESULTS] = {
	[CR_SUCCESSFUL] = { CR_SUCCESSFUL, CR_FAILED, CR_UNDETERMINED, CR_SUCCESSFUL, CR_ABORTED },
	[CR_FAILED] = { CR_FAILED, CR_FAILED, CR_FAILED, CR_FAILED, CR_FAILED },
	[CR_UNDETERMINED] = { CR_UNDETERMINED, CR_FAILED, CR_UNDETERMINED, CR_UNDETERMINED, CR_ABORTED },
	[CR_NOT_SUPPORTED] = { CR_SUCCESSFUL, CR_FAILED, CR_UNDETERMINED, CR_NOT_SUPPORTED, CR_ABORTED },
	[CR_ABORTED] = { CR_ABORTED, CR_FAILED, CR_ABORTED, CR_ABORTED, CR_ABORTED },
};
/* Tables 5.83 and 5.102: either is enough. */
static const enum cr_result alternative[RESULTS][RESULTS] = {
	[CR_SUCCESSFUL] = { CR_SUCCESSFUL, CR_SUCCESSFUL, CR_SUCCESSFUL, CR_SUCCESSFUL, CR_SUCCESSFUL },
	[CR_FAILED] = { CR_SUCCESSFUL, CR_FAILED, CR_FAILED, CR_FAILED, CR_FAILED },
	[CR_UNDETERMINED] = { CR_SUCCESSFUL, CR_FAILED, CR_UNDETERMINED, CR_UNDETERMINED, CR_ABORTED },
	[CR_NOT_SUPPORTED] = { CR_SUCCESSFUL, CR_FAILED, CR_UNDETERMINED, CR_NOT_SUPPORTED, CR_ABORTED },
	[CR_ABORTED] = { CR_SUCCESSFUL, CR_FAILED, CR_ABORTED, CR_ABORTED, CR_ABORTED },
};

/* Of every two results of every two parts of every combined one, the others left out. */
static void results_combine_as_the_guideline_says(void **state)
{
	int pairs = 0;

	(void)state;
	for (int a = 0; a < CR_CHECK_COUNT; a++) {
		for (int b = a + 1; b < CR_CHECK_COUNT; b++) {
			enum cr_check_id top = cr_check_part_of((enum cr_check_id)a);

			if (!cr_check_is_single((enum cr_check_id)a) || !cr_check_is_single((enum cr_check_id)b) ||
			    top == CR_CHECK_COUNT || cr_check_part_of((enum cr_check_id)b) != top)
				continue;
			for (int k = 0; k < RESULTS * RESULTS; k++) {
				struct cr_inspection insp = { 0 };
				int ra = k / RESULTS, rb = k % RESULTS;
				enum cr_result want = is_alternative(a) ? alternative[ra][rb] : generic[ra][rb];

				for (int id = 0; id < CR_CHECK_COUNT; id++) {
					/* what has to be there, is, and says nothing */
					if (cr_check_part_of((enum cr_check_id)id) == top && id != a && id != b &&
					    !cr_check_is_optional((enum cr_check_id)id))
						set(&insp, id, CR_NOT_SUPPORTED, "");
				}
				set(&insp, a, ra, "");
				set(&insp, b, rb, "");
				if (top != CR_CHECK_SOD_SIGNER && top != CR_CHECK_CARD_SECURITY_SIGNER)
					assert_int_equal(cr_check_get(&insp, top), want);
				clear(&insp);
				pairs++;
			}
		}
	}
	assert_true(pairs > 200 * RESULTS);
}

/* What is in the tree and fails, fails the document; nothing else does. */
static void the_overall_result_is_of_all(void **state)
{
	struct cr_inspection insp = { 0 };

	(void)state;
	set_all_but(&insp, -1, 0, -1, 0);
	assert_int_equal(cr_check_get(&insp, CR_CHECK_DOCUMENT), CR_SUCCESSFUL);
	clear(&insp);
	for (int id = 0; id < CR_CHECK_COUNT; id++) {
		bool inside = false;

		for (enum cr_check_id i = (enum cr_check_id)id; i != CR_CHECK_COUNT; i = cr_check_part_of(i))
			inside |= i == CR_CHECK_DOCUMENT;
		if (!cr_check_is_single((enum cr_check_id)id))
			continue;
		for (int r = 0; r < RESULTS; r++) {
			enum cr_result want = generic[r][CR_SUCCESSFUL];

			set_all_but(&insp, id, r, -1, 0);
			assert_int_equal(cr_check_get(&insp, CR_CHECK_DOCUMENT), inside ? want : CR_SUCCESSFUL);
			clear(&insp);
		}
	}
}

static void what_was_not_performed_does_not_count_where_it_need_not_be(void **state)
{
	struct cr_inspection insp = { 0 };

	(void)state;
	assert_int_equal(cr_check_get(&insp, CR_CHECK_DOCUMENT), CR_UNDETERMINED);
	for (int left = 0; left < CR_CHECK_COUNT; left++) {
		enum cr_check_id id = (enum cr_check_id)left;
		bool counts = cr_check_part_of(id) != CR_CHECK_COUNT && !cr_check_is_optional(id);

		if (!cr_check_is_single(id))
			continue;
		for (int i = 0; i < CR_CHECK_COUNT; i++) {
			if (i != left)
				set(&insp, i, CR_SUCCESSFUL, "");
		}
		assert_int_equal(cr_check_get(&insp, id), CR_UNDETERMINED);
		assert_int_equal(cr_check_get(&insp, CR_CHECK_DOCUMENT), counts ? CR_UNDETERMINED : CR_SUCCESSFUL);
		clear(&insp);
	}
}

static void checks_are_listed_in_the_tree_s_order(void **state)
{
	struct cr_inspection insp = { 0 };
	int last = -1;

	(void)state;
	for (int id = CR_CHECK_COUNT - 1; id >= 0; id--)
		set(&insp, id, CR_SUCCESSFUL, id == CR_CHECK_SOD_DIGEST ? "said" : "");
	for (int times = 0; times < 2; times++) {
		assert_int_equal(cr_checks_complete(&insp), 0);
		assert_int_equal(insp.n_checks, CR_CHECK_COUNT);
	}
	for (size_t i = 0; i < insp.n_checks; i++) {
		const struct cr_check *c = &insp.checks[i];

		assert_string_equal(c->name, cr_check_name((enum cr_check_id)i));
		assert_int_equal(c->combined, !cr_check_is_single((enum cr_check_id)i));
		assert_true((int)i > last);
		last = (int)i;
		if (i == CR_CHECK_DOCUMENT || i == CR_CHECK_TERMINAL_AUTHENTICATION)
			assert_null(c->part_of);
		if (i == CR_CHECK_SOD_DIGEST)
			assert_string_equal(c->part_of, "pa.signature");
		/* a combined result says what its parts say */
		if (i == CR_CHECK_SOD_SIGNATURE || i == CR_CHECK_SIGNATURES || i == CR_CHECK_DOCUMENT)
			assert_string_equal(c->detail, "said");
	}
	clear(&insp);
	set(&insp, CR_CHECK_COM_SOD, CR_FAILED, "DG3");
	set(&insp, CR_CHECK_DG_HASHES, CR_SUCCESSFUL, "");
	assert_int_equal(cr_checks_complete(&insp), 0);
	assert_int_equal(insp.n_checks, 5);	/* document, electronic, integrity, and the two */
	assert_string_equal(insp.checks[0].detail, "DG3");
	clear(&insp);
}

/* ---- defects ---- */

static void defects_change_what_they_say_and_nothing_else(void **state)
{
	static const struct {
		enum cr_defect defect;
		enum cr_check_id id;
		enum cr_result found, to;
	} changes[] = {
		{ CR_DEFECT_SIGNER_REVOKED, CR_CHECK_SIGNER_TRUSTED, CR_SUCCESSFUL, CR_FAILED },
		{ CR_DEFECT_SIGNER_REVOKED, CR_CHECK_SIGNER_TRUSTED, CR_UNDETERMINED, CR_FAILED },
		{ CR_DEFECT_SIGNER_REVOKED, CR_CHECK_SIGNER_TRUSTED, CR_NOT_SUPPORTED, CR_FAILED },
		{ CR_DEFECT_SIGNER_REVOKED, CR_CHECK_SIGNER_TRUSTED, CR_ABORTED, CR_FAILED },
		{ CR_DEFECT_SIGNER_DOUBTED, CR_CHECK_SIGNER_TRUSTED, CR_SUCCESSFUL, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_DOUBTED, CR_CHECK_SIGNER_TRUSTED, CR_NOT_SUPPORTED, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_DOUBTED, CR_CHECK_SIGNER_TRUSTED, CR_ABORTED, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_MISCODED, CR_CHECK_SIGNER_CHAIN, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_MISCODED, CR_CHECK_SIGNER_CHAIN, CR_SUCCESSFUL, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_MISCODED, CR_CHECK_SIGNER_CHAIN, CR_NOT_SUPPORTED, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_MISCODED, CR_CHECK_SIGNER_CHAIN, CR_ABORTED, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_MISCODED, CR_CHECK_SIGNER_VALIDITY_SIGNER, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_MISCODED, CR_CHECK_SIGNER_VALIDITY_ISSUER, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_MISCODED, CR_CHECK_SIGNER_TRUSTED, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_MISCODED, CR_CHECK_SIGNER_NOT_SELF_SIGNED, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_MISCODED, CR_CHECK_SIGNER_SUBJECT, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_MISCODED, CR_CHECK_SIGNER_ISSUER, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_CA_KEYS_COMPROMISED, CR_CHECK_CA, CR_SUCCESSFUL, CR_FAILED },
		{ CR_DEFECT_CA_KEYS_COMPROMISED, CR_CHECK_CA, CR_UNDETERMINED, CR_FAILED },
		{ CR_DEFECT_CA_KEYS_COMPROMISED, CR_CHECK_CA, CR_ABORTED, CR_FAILED },
		{ CR_DEFECT_CA_KEYS_COMPROMISED, CR_CHECK_PACE_CAM, CR_SUCCESSFUL, CR_FAILED },
		{ CR_DEFECT_CA_KEYS_COMPROMISED, CR_CHECK_PACE_CAM, CR_UNDETERMINED, CR_FAILED },
		{ CR_DEFECT_CA_KEYS_COMPROMISED, CR_CHECK_PACE_CAM, CR_ABORTED, CR_FAILED },
		{ CR_DEFECT_AA_KEYS_COMPROMISED, CR_CHECK_AA, CR_SUCCESSFUL, CR_FAILED },
		{ CR_DEFECT_AA_KEYS_COMPROMISED, CR_CHECK_AA, CR_UNDETERMINED, CR_FAILED },
		{ CR_DEFECT_AA_KEYS_COMPROMISED, CR_CHECK_AA, CR_ABORTED, CR_FAILED },
		{ CR_DEFECT_CA_FAILURE, CR_CHECK_CA, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_AA_FAILURE, CR_CHECK_AA, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_PACE_CAM_FAILURE, CR_CHECK_PACE_CAM, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_VALIDITY, CR_CHECK_SIGNER_VALIDITY_SIGNER, CR_SUCCESSFUL, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_VALIDITY, CR_CHECK_SIGNER_VALIDITY_SIGNER, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_VALIDITY, CR_CHECK_SIGNER_VALIDITY_SIGNER, CR_NOT_SUPPORTED, CR_UNDETERMINED },
		{ CR_DEFECT_SIGNER_VALIDITY, CR_CHECK_SIGNER_VALIDITY_SIGNER, CR_ABORTED, CR_UNDETERMINED },
		{ CR_DEFECT_ISSUER_VALIDITY, CR_CHECK_SIGNER_VALIDITY_ISSUER, CR_SUCCESSFUL, CR_UNDETERMINED },
		{ CR_DEFECT_ISSUER_VALIDITY, CR_CHECK_SIGNER_VALIDITY_ISSUER, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_ISSUER_VALIDITY, CR_CHECK_SIGNER_VALIDITY_ISSUER, CR_NOT_SUPPORTED, CR_UNDETERMINED },
		{ CR_DEFECT_ISSUER_VALIDITY, CR_CHECK_SIGNER_VALIDITY_ISSUER, CR_ABORTED, CR_UNDETERMINED },
		{ CR_DEFECT_SOD_MALFORMED, CR_CHECK_SOD_DIGEST, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_SOD_MALFORMED, CR_CHECK_SOD_SIGNATURE_VALUE, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_CARD_SECURITY_MALFORMED, CR_CHECK_CARD_SECURITY_DIGEST, CR_FAILED, CR_UNDETERMINED },
		{ CR_DEFECT_CARD_SECURITY_MALFORMED, CR_CHECK_CARD_SECURITY_SIGNATURE_VALUE, CR_FAILED,
		  CR_UNDETERMINED },
		{ CR_DEFECT_COM_SOD, CR_CHECK_COM_SOD, CR_FAILED, CR_SUCCESSFUL },
	};
	size_t used = 0;

	(void)state;
	for (int d = -1; d < CR_DEFECT_COUNT; d++) {
		for (int id = 0; id < CR_CHECK_COUNT; id++) {
			for (int r = 0; r < RESULTS && cr_check_is_single((enum cr_check_id)id); r++) {
				struct cr_inspection insp = { .defects = d < 0 ? 0 : 1U << d };
				enum cr_result want = (enum cr_result)r;

				for (size_t k = 0; k < sizeof(changes) / sizeof(changes[0]); k++) {
					if ((int)changes[k].defect == d && (int)changes[k].id == id &&
					    (int)changes[k].found == r) {
						want = changes[k].to;
						used++;
					}
				}
				set(&insp, id, r, "");
				if (id == CR_CHECK_COM_SOD)
					set(&insp, CR_CHECK_DG_HASHES, CR_SUCCESSFUL, "");
				assert_int_equal(cr_check_get(&insp, (enum cr_check_id)id), want);
				assert_int_equal(cr_checks_complete(&insp), 0);
				assert_int_equal(cr_check_get(&insp, (enum cr_check_id)id), want);
				for (size_t i = 0; i < insp.n_checks; i++) {
					if (strcmp(insp.checks[i].name, cr_check_name((enum cr_check_id)id)) != 0)
						continue;
					assert_int_equal(insp.checks[i].found, r);
					assert_int_equal(insp.checks[i].result, want);
					assert_int_equal(insp.checks[i].defect != NULL, want != (enum cr_result)r);
				}
				clear(&insp);
			}
		}
	}
	assert_int_equal(used, sizeof(changes) / sizeof(changes[0]));
}

/* 5.12.2.2.3: successful as far as EF.SOD verifies the data. */
static void lists_may_differ_by_a_known_defect_where_the_data_are_the_signed_ones(void **state)
{
	struct cr_inspection insp = { 0 };

	(void)state;
	for (int hashes = 0; hashes < RESULTS; hashes++) {
		insp.defects = 1U << CR_DEFECT_COM_SOD;
		set(&insp, CR_CHECK_COM_SOD, CR_FAILED, "DG3");
		set(&insp, CR_CHECK_DG_HASHES, hashes, "");
		assert_int_equal(cr_check_get(&insp, CR_CHECK_COM_SOD),
				 hashes == CR_SUCCESSFUL ? CR_SUCCESSFUL : CR_UNDETERMINED);
		clear(&insp);
	}
}

static void defects_change_the_verdict_through_the_checks(void **state)
{
	struct cr_inspection insp = { .defects = 1U << CR_DEFECT_SOD_MALFORMED };

	(void)state;
	set_all_but(&insp, CR_CHECK_SOD_SIGNATURE_VALUE, CR_FAILED, -1, 0);
	assert_int_equal(judge(&insp), CR_UNPROVEN);
	/* said of the check, of what combines it, and as the reason */
	for (size_t i = 0; i < insp.n_checks; i++) {
		if (!strcmp(insp.checks[i].name, "pa.signature") || !strcmp(insp.checks[i].name, "pa.signature.value")) {
			assert_int_equal(insp.checks[i].found, CR_FAILED);
			assert_int_equal(insp.checks[i].result, CR_UNDETERMINED);
			assert_non_null(insp.checks[i].defect);
			assert_string_equal(insp.checks[i].defect, insp.reasons[0].detail);
		}
	}
	insp.defects = 0;	/* a newer list without it: nothing was lost */
	assert_int_equal(judge(&insp), CR_FORGED);
	clear(&insp);
}

/* ---- the verdict ---- */

static int rank(enum cr_verdict v)
{
	static const int ranks[] = {
		[CR_GENUINE] = 0, [CR_UNPROVEN] = 1, [CR_EXPIRED] = 2, [CR_REVOKED] = 3, [CR_CLONED] = 4, [CR_FORGED] = 5,
	};

	return ranks[v];
}

/*
 * What each single check says alone, by its result: failed, undetermined, not supported, aborted. G: nothing, or
 * nothing that keeps it from being genuine; g: that, but it is told; U, E, R, F, C. Those that are not here say
 * nothing.
 */
static const struct {
	enum cr_check_id id;
	const char *says;
} table[] = {
	{ CR_CHECK_BAC, "UUUU" }, { CR_CHECK_PACE, "UUUU" }, { CR_CHECK_PLAIN, "UUUU" },
	{ CR_CHECK_FILE_SOD, "UGGG" }, { CR_CHECK_FILE_DG1, "UGGG" }, { CR_CHECK_FILE_DG2, "UGGG" },
	{ CR_CHECK_SOD_HASH_LIST, "FUUU" }, { CR_CHECK_SOD_SIGNATURE_SECTION, "FUUU" },
	{ CR_CHECK_SOD_CERTIFICATE, "gGGG" },
	{ CR_CHECK_COM_LDS_VERSION, "UGGG" }, { CR_CHECK_COM_UNICODE_VERSION, "UGGG" }, { CR_CHECK_COM_LIST, "UGGG" },
	{ CR_CHECK_AA, "CUgU" }, { CR_CHECK_CA, "CUgU" }, { CR_CHECK_PACE_CAM, "CUgU" },
	{ CR_CHECK_SOD_DIGEST, "FUGU" }, { CR_CHECK_SOD_SIGNATURE_VALUE, "FUGU" },
	{ CR_CHECK_CARD_SECURITY_DIGEST, "CGGG" }, { CR_CHECK_CARD_SECURITY_SIGNATURE_VALUE, "CGGG" },
	{ CR_CHECK_SIGNER_CHAIN, "FUUU" },
	{ CR_CHECK_SIGNER_VALIDITY_SIGNER, "EUGU" }, { CR_CHECK_SIGNER_VALIDITY_ISSUER, "EUGU" },
	{ CR_CHECK_SIGNER_TRUSTED, "RUUU" }, { CR_CHECK_SIGNER_NOT_SELF_SIGNED, "UGGG" },
	{ CR_CHECK_SIGNER_SUBJECT, "gGGG" }, { CR_CHECK_SIGNER_ISSUER, "gGGG" },
	{ CR_CHECK_CARD_SECURITY_CHAIN, "CGGG" },
	{ CR_CHECK_CARD_SECURITY_VALIDITY_SIGNER, "EGGG" }, { CR_CHECK_CARD_SECURITY_VALIDITY_ISSUER, "EGGG" },
	{ CR_CHECK_CARD_SECURITY_TRUSTED, "RGGG" },
	{ CR_CHECK_COM_SOD, "UUGU" }, { CR_CHECK_DG_HASHES, "FUUU" },
	{ CR_CHECK_COUNTRY_ISSUER_MRZ, "FUUU" }, { CR_CHECK_COUNTRY_SUBJECT_MRZ, "UGGG" },
	{ CR_CHECK_COUNTRY_SUBJECT_ISSUER, "UGGG" },
	{ CR_CHECK_DOCUMENT_VALIDITY, "EUGU" }, { CR_CHECK_SIGNER_EXPIRY, "gGGG" }, { CR_CHECK_PRINTED_ZONE, "UgGG" },
	{ CR_CHECK_CARD_ACCESS_AUTHENTIC, "FUGU" }, { CR_CHECK_READ, "UUUU" },
	{ CR_CHECK_SIGNER_REVOCATION, "RggU" }, { CR_CHECK_SIGNING_TIME, "UUGU" },
	{ CR_CHECK_TERMINAL_AUTHENTICATION, "UGGU" },
	{ CR_CHECK_SIGNER_DOCUMENT_TYPE, "UUGU" }, { CR_CHECK_DIGEST, "UUgU" }, { CR_CHECK_MRZ_CONSISTENT, "UUGU" },
};

static char says(enum cr_check_id id, enum cr_result r)
{
	static const int at[RESULTS] = {
		[CR_FAILED] = 0, [CR_UNDETERMINED] = 1, [CR_NOT_SUPPORTED] = 2, [CR_ABORTED] = 3,
	};

	if (r == CR_SUCCESSFUL)
		return 'G';
	if (id >= CR_CHECK_MRZ_FIRST && id <= CR_CHECK_MRZ_LAST)
		return r == CR_FAILED ? 'g' : 'G';
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].id == id)
			return table[i].says[at[r]];
	}
	return 'G';
}

static char letter(const struct cr_inspection *insp)
{
	static const char letters[] = {
		[CR_UNPROVEN] = 'U', [CR_EXPIRED] = 'E', [CR_REVOKED] = 'R', [CR_FORGED] = 'F', [CR_CLONED] = 'C',
	};

	return insp->verdict == CR_GENUINE ? (insp->n_reasons ? 'g' : 'G') : letters[insp->verdict];
}

static void every_result_of_every_check_has_its_verdict(void **state)
{
	(void)state;
	assert_int_equal(verdict_of(-1, 0, -1, 0), CR_GENUINE);
	for (int id = 0; id < CR_CHECK_COUNT; id++) {
		for (int r = 0; r < RESULTS && cr_check_is_single((enum cr_check_id)id); r++) {
			struct cr_inspection insp = { 0 };

			set_all_but(&insp, id, r, -1, 0);
			judge(&insp);
			if (letter(&insp) != says((enum cr_check_id)id, (enum cr_result)r))
				fail_msg("%s, %s: %c, not %c", cr_check_name((enum cr_check_id)id),
					 cr_result_name((enum cr_result)r), letter(&insp),
					 says((enum cr_check_id)id, (enum cr_result)r));
			clear(&insp);
		}
	}
}

/* Two findings are never better than one, nor worse than the worse of them but where they are of one thing. */
static void two_findings_weigh_as_the_worse(void **state)
{
	enum cr_verdict v, va, vb;

	(void)state;
	for (int a = 0; a < CR_CHECK_COUNT; a++) {
		for (int b = a + 1; b < CR_CHECK_COUNT; b++) {
			if (!cr_check_is_single((enum cr_check_id)a) || !cr_check_is_single((enum cr_check_id)b) ||
			    in_place_of(a, b) || says((enum cr_check_id)a, CR_FAILED) == 'G' ||
			    says((enum cr_check_id)b, CR_FAILED) == 'G' ||
			    /* one zone */
			    (a > CR_CHECK_MRZ_FIRST && a <= CR_CHECK_MRZ_LAST) ||
			    (b > CR_CHECK_MRZ_FIRST && b <= CR_CHECK_MRZ_LAST))
				continue;
			for (int k = 0; k < RESULTS * RESULTS; k++) {
				va = verdict_of(a, k / RESULTS, -1, 0);
				vb = verdict_of(b, k % RESULTS, -1, 0);
				v = verdict_of(a, k / RESULTS, b, k % RESULTS);
				if (cr_check_part_of((enum cr_check_id)a) == cr_check_part_of((enum cr_check_id)b))
					assert_true(rank(v) >= rank(va) && rank(v) >= rank(vb));
				else
					assert_int_equal(rank(v), rank(va) > rank(vb) ? rank(va) : rank(vb));
			}
		}
	}
}

/* Where the guideline has it that the document failed, it is genuine only with a word about it. */
static void genuine_and_failed_is_told(void **state)
{
	(void)state;
	for (int id = 0; id < CR_CHECK_COUNT; id++) {
		struct cr_inspection insp = { 0 };
		char c;

		set_all_but(&insp, id, CR_FAILED, -1, 0);
		judge(&insp);
		c = letter(&insp);
		/* those that only others tell of: of EF.COM, of DG2 and of EF.CardSecurity's certificate, and the application */
		if (cr_check_is_single((enum cr_check_id)id) && cr_check_get(&insp, CR_CHECK_DOCUMENT) == CR_FAILED &&
		    c == 'G' && id != CR_CHECK_APPLICATION && (id < CR_CHECK_COM || id > CR_CHECK_COM_LIST) &&
		    id != CR_CHECK_DG2_HEADER && id != CR_CHECK_DG2_IMAGE &&
		    (id < CR_CHECK_CARD_SECURITY_NOT_SELF_SIGNED || id > CR_CHECK_CARD_SECURITY_ISSUER))
			fail_msg("%s", cr_check_name((enum cr_check_id)id));
		clear(&insp);
	}
}

static void what_was_not_checked_is_not_genuine(void **state)
{
	struct cr_inspection insp = { 0 };

	(void)state;
	assert_int_equal(judge(&insp), CR_UNPROVEN);
	clear(&insp);
	for (int left = 0; left < CR_CHECK_COUNT; left++) {
		enum cr_check_id id = (enum cr_check_id)left;
		bool may_be = cr_check_is_optional(id) || id == CR_CHECK_SIGNER_REVOCATION;

		if (!cr_check_is_single(id))
			continue;
		for (int i = 0; i < CR_CHECK_COUNT; i++) {
			if (i != left)
				set(&insp, i, CR_SUCCESSFUL, "");
		}
		assert_int_equal(judge(&insp), may_be ? CR_GENUINE : CR_UNPROVEN);
		clear(&insp);
	}
}

static void genuine_says_when_a_copy_is_not_excluded(void **state)
{
	struct cr_inspection insp = { 0 };

	(void)state;
	for (int dg = 0; dg <= 16; dg++) {
		set_all_but(&insp, CR_CHECK_CA, CR_NOT_SUPPORTED, CR_CHECK_AA, CR_NOT_SUPPORTED);
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

	(void)state;
	set_all_but(&insp, CR_CHECK_DIGEST, CR_NOT_SUPPORTED, -1, 0);
	assert_int_equal(judge(&insp), CR_GENUINE);
	assert_int_equal(insp.n_reasons, 1);
	assert_string_equal(insp.reasons[0].code, "weak-digest");
	clear(&insp);
}

static void data_groups_alone_can_forge(void **state)
{
	struct cr_inspection insp = { 0 };

	(void)state;
	for (int s = CR_DG_ABSENT; s <= CR_DG_UNHASHED; s++) {
		set_all_but(&insp, -1, 0, -1, 0);
		insp.passive.dg[13] = (enum cr_dg_status)s;
		assert_int_equal(judge(&insp), s == CR_DG_MISMATCH || s == CR_DG_UNHASHED ? CR_FORGED : CR_GENUINE);
		if (insp.n_reasons)
			assert_string_equal(insp.reasons[0].detail, "DG13");
		clear(&insp);
	}
}

static void reasons_are_listed_worst_first_and_once(void **state)
{
	struct cr_inspection insp = { 0 };
	size_t n = 0;

	(void)state;
	for (int id = 0; id < CR_CHECK_COUNT; id++)
		set(&insp, id, CR_FAILED, "x");
	for (int times = 0; times < 2; times++) {	/* judging twice changes nothing */
		assert_int_equal(judge(&insp), CR_FORGED);
		assert_true(!n || insp.n_reasons == n);
		n = insp.n_reasons;
		for (size_t i = 0; i < n; i++) {
			for (size_t k = 0; k < i; k++)
				assert_true(strcmp(insp.reasons[i].code, insp.reasons[k].code) != 0);
		}
	}
	assert_string_equal(insp.reasons[0].code, "sod-malformed");
	for (size_t i = 0; i < 5; i++)
		assert_string_not_equal(insp.reasons[i].code, "document-expired");
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
	/* scripts know these */
	static const char *const old[] = {
		"access", "card-access-authentic", "read", "pa.sod", "pa.signature", "pa.chain", "pa.validity",
		"pa.revocation", "pa.signing-time", "pa.document-type", "pa.digest", "pa.hashes", "pa.com-sod", "mrz",
		"chip-authentication", "document-validity",
	};

	(void)state;
	assert_string_equal(cr_verdict_name(CR_GENUINE), "genuine");
	assert_string_equal(cr_verdict_name(CR_CLONED), "cloned");
	assert_string_equal(cr_result_name(CR_NOT_SUPPORTED), "not supported");
	assert_string_equal(cr_dg_status_name(CR_DG_LOCKED), "locked");
	assert_string_equal(cr_check_name(CR_CHECK_COUNT), "unknown");
	assert_null(cr_check_guideline(CR_CHECK_COUNT));
	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++) {
		int id = 0;

		while (id < CR_CHECK_COUNT && strcmp(cr_check_name((enum cr_check_id)id), old[i]) != 0)
			id++;
		assert_true(id < CR_CHECK_COUNT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tree_is_one),
		cmocka_unit_test(results_combine_as_the_guideline_says),
		cmocka_unit_test(the_overall_result_is_of_all),
		cmocka_unit_test(what_was_not_performed_does_not_count_where_it_need_not_be),
		cmocka_unit_test(checks_are_listed_in_the_tree_s_order),
		cmocka_unit_test(defects_change_what_they_say_and_nothing_else),
		cmocka_unit_test(lists_may_differ_by_a_known_defect_where_the_data_are_the_signed_ones),
		cmocka_unit_test(defects_change_the_verdict_through_the_checks),
		cmocka_unit_test(every_result_of_every_check_has_its_verdict),
		cmocka_unit_test(two_findings_weigh_as_the_worse),
		cmocka_unit_test(genuine_and_failed_is_told),
		cmocka_unit_test(what_was_not_checked_is_not_genuine),
		cmocka_unit_test(genuine_says_when_a_copy_is_not_excluded),
		cmocka_unit_test(genuine_says_when_a_digest_is_weak),
		cmocka_unit_test(data_groups_alone_can_forge),
		cmocka_unit_test(reasons_are_listed_worst_first_and_once),
		cmocka_unit_test(a_worse_result_replaces),
		cmocka_unit_test(names_are_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
