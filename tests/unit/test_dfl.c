// SPDX-License-Identifier: BSD-2-Clause
/* Defect lists: what is read of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>
#include "testdefect.h"
#include "trust/defect.h"

static void parse(const struct dfl *l, struct cr_dfl *out)
{
	struct cr_buf b;
	char why[160];

	cr_buf_init(&b);
	dfl_put(&b, l);
	if (cr_dfl_parse(b.data, b.len, out, why))
		fail_msg("%s", why);
	assert_string_equal(why, "");
	cr_buf_free(&b);
}

static void every_form_of_an_entry_is_read(void **state)
{
	const struct dfl_known known[] = {
		KNOWN("1.1", code3), { .oid = "1.3" }, { .oid = "2.2" }, KNOWN("2.1", groups), KNOWN("2.3", discrepancy),
	};
	struct dfl_entry entries[] = {
		{ .ds = ds, .known = known, .n = 5 },
		{ .ds = ds, .skid = true, .known = known, .n = 1 },
		{ .ds = ds, .hash = true, .known = known, .n = 1 },
	};
	struct dfl l = { .entries = entries, .n = 3 };
	const struct cr_known_defect *k;
	struct cr_dfl out;
	int form;

	(void)state;
	for (form = 0; form < 3; form++) {
		l.version = form > 0;
		l.implicit = form > 1;
		parse(&l, &out);
		assert_int_equal(out.n, 3);
		assert_int_equal(out.malformed, 0);
		assert_int_equal(out.all[0].n_known, 5);
		k = out.all[0].known;
		assert_int_equal(k[0].type, CR_KNOWN_CERT_REVOKED);
		assert_int_equal(k[0].category, CR_KNOWN_OF_AUTHENTICATION);
		assert_int_equal(k[0].code, 3);
		assert_string_equal(k[0].name, "id-CertRevoked");
		assert_string_equal(k[0].oid, ID_DEFECT_LIST ".1.1");
		assert_int_equal(k[1].type, CR_KNOWN_CHIP_AUTH_KEY_REVOKED);
		assert_int_equal(k[2].type, CR_KNOWN_SOD_INVALID);
		assert_int_equal(k[2].code, -1);
		assert_int_equal(k[3].groups, 1 << 2 | 1 << 11);
		assert_int_equal(k[4].groups, 1 << 15);
		for (size_t i = 0; i < 3; i++) {
			assert_true(cr_dfl_entry_is_of(&out, &out.all[i], ds, NULL));
			assert_false(cr_dfl_entry_is_of(&out, &out.all[i], other, NULL));
			assert_false(cr_dfl_entry_is_of(&out, &out.all[i], NULL, NULL));
		}
		cr_dfl_clear(&out);
	}
}

static void version_2_has_descriptions_and_entries_by_hash(void **state)
{
	const struct dfl_known known[] = { { .oid = "1.1", .parameter = code3, .len = 3, .description = "mass theft" } };
	struct dfl_entry entries[] = {
		{ .ds = ds, .nameless = true, .hash = true, .known = known, .n = 1, .description = "of 2026" },
	};
	struct dfl l = { .version = 1, .entries = entries, .n = 1 };
	struct cr_dfl out;

	(void)state;
	parse(&l, &out);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.all[0].known[0].code, 3);
	assert_string_equal(out.all[0].description, "of 2026");
	assert_true(cr_dfl_entry_is_of(&out, &out.all[0], ds, NULL));
	assert_false(cr_dfl_entry_is_of(&out, &out.all[0], other, NULL));
	cr_dfl_clear(&out);
	l.implicit = true;
	parse(&l, &out);
	assert_int_equal(out.all[0].known[0].type, CR_KNOWN_CERT_REVOKED);
	cr_dfl_clear(&out);
	/* what names nobody is no entry; nor is a description in version 1 */
	entries[0].hash = false;
	parse(&l, &out);
	assert_int_equal(out.n, 0);
	assert_int_equal(out.malformed, 1);
	cr_dfl_clear(&out);
	l.version = 0;
	entries[0].nameless = false;
	parse(&l, &out);
	assert_int_equal(out.malformed, 1);
	cr_dfl_clear(&out);
	/* a hash of an algorithm that is not known fits nobody */
	l.hash_nid = NID_md5;
	entries[0] = (struct dfl_entry){ .ds = ds, .hash = true, .known = known, .n = 1 };
	parse(&l, &out);
	assert_null(out.md);
	assert_int_equal(out.n, 0);	/* a version 1 defect has no description */
	cr_dfl_clear(&out);
	l.version = 1;
	parse(&l, &out);
	assert_int_equal(out.n, 1);
	assert_false(cr_dfl_entry_is_of(&out, &out.all[0], ds, NULL));
	cr_dfl_clear(&out);
}

/* Kept by their OIDs, and never for good news. */
static void what_is_not_known_is_kept(void **state)
{
	static const uint8_t text[] = { 0x0c, 1, 'x' }, big[] = { 0x0a, 5, 1, 2, 3, 4, 5 };
	const struct dfl_known known[] = {
		{ .oid = "1.99" }, { .oid = "2.7" }, { .oid = "3.9" }, { .oid = "4.5" }, { .oid = "5.1" },
		{ .oid = "1.2.3.4" }, KNOWN("1.1", text), { .oid = "1.1" }, KNOWN("1.6", big), KNOWN("2.5", text),
		KNOWN("1.2", text), KNOWN("2.4", text),
	};
	static const enum cr_known_category categories[] = {
		CR_KNOWN_OF_AUTHENTICATION, CR_KNOWN_OF_EPASSPORT, CR_KNOWN_OF_EID, CR_KNOWN_OF_DOCUMENT,
		CR_KNOWN_OF_NOTHING, CR_KNOWN_OF_NOTHING, CR_KNOWN_OF_AUTHENTICATION, CR_KNOWN_OF_AUTHENTICATION,
		CR_KNOWN_OF_AUTHENTICATION, CR_KNOWN_OF_EPASSPORT, CR_KNOWN_OF_AUTHENTICATION, CR_KNOWN_OF_EPASSPORT,
	};
	const struct dfl_entry e = { .ds = ds, .known = known, .n = 12 };
	const struct dfl l = { .entries = &e, .n = 1 };
	struct cr_dfl out;

	(void)state;
	parse(&l, &out);
	assert_int_equal(out.all[0].n_known, 12);
	for (size_t i = 0; i < 12; i++) {
		assert_int_equal(out.all[0].known[i].type, CR_KNOWN_NOT);
		assert_int_equal(out.all[0].known[i].category, categories[i]);
		assert_true(out.all[0].known[i].oid[0]);
		assert_int_equal(!out.all[0].known[i].name, i < 6);
	}
	assert_string_equal(out.all[0].known[5].oid, "1.2.3.4");
	cr_dfl_clear(&out);
}

static void a_malformed_entry_takes_no_other_with_it(void **state)
{
	const struct dfl_known known[] = { KNOWN("1.1", code3) }, many[] = {
		KNOWN("1.1", code3), KNOWN("1.1", code3), KNOWN("1.1", code3),
	};
	const struct dfl_entry entries[] = {
		{ .ds = ds, .known = known, .n = 0 }, { .ds = ds, .known = known, .n = 1 },
		{ .ds = ds, .known = many, .n = 3 }, { .ds = ds, .nameless = true, .known = known, .n = 1 },
	};
	const struct dfl l = { .entries = entries, .n = 4 };
	struct cr_dfl out;

	(void)state;
	parse(&l, &out);
	assert_int_equal(out.n, 2);
	assert_int_equal(out.malformed, 2);
	cr_dfl_clear(&out);
}

/* Cut anywhere, changed anywhere, too long: an error with its reason, or a list. */
static void hostile_lists_are_bounded(void **state)
{
	const struct dfl_known known[] = { KNOWN("1.1", code3), KNOWN("2.1", groups), { .oid = "1.99" } };
	const struct dfl_entry entries[] = {
		{ .ds = ds, .hash = true, .known = known, .n = 3 }, { .ds = ds, .skid = true, .known = known, .n = 1 },
	};
	struct dfl l = { .entries = entries, .n = 2 };
	struct dfl_known *all = calloc(CR_DFL_ENTRY_MAX + 1, sizeof(*all));
	struct dfl_entry e = { .ds = ds, .known = all, .n = CR_DFL_ENTRY_MAX };
	struct cr_buf b;
	struct cr_dfl out;
	char why[160];
	uint8_t *copy;
	size_t n, i;

	(void)state;
	for (l.version = 0; l.version < 2; l.version++) {
		cr_buf_init(&b);
		dfl_put(&b, &l);
		for (n = 0; n < b.len; n++) {
			copy = malloc(n + 1);
			memcpy(copy, b.data, n);
			assert_int_equal(cr_dfl_parse(copy, n, &out, why), CR_E_MALFORMED);
			assert_true(why[0]);
			cr_dfl_clear(&out);
			free(copy);
		}
		for (n = 0; n < b.len; n++) {
			for (i = 0; i < 8; i++) {
				b.data[n] ^= (uint8_t)(1 << i);
				if (!cr_dfl_parse(b.data, b.len, &out, why))
					assert_true(out.n + out.malformed <= b.len);
				cr_dfl_clear(&out);
				b.data[n] ^= (uint8_t)(1 << i);
			}
		}
		cr_buf_free(&b);
	}
	l.version = 2;
	cr_buf_init(&b);
	dfl_put(&b, &l);
	assert_int_equal(cr_dfl_parse(b.data, b.len, &out, why), CR_E_UNSUPPORTED);
	assert_non_null(strstr(why, "unknown version"));
	cr_dfl_clear(&out);
	cr_buf_free(&b);
	/* the most that one entry may have, and one more */
	for (i = 0; i <= CR_DFL_ENTRY_MAX; i++)
		all[i] = (struct dfl_known){ .oid = "1.3" };
	l = (struct dfl){ .entries = &e, .n = 1 };
	for (; e.n <= CR_DFL_ENTRY_MAX + 1; e.n++) {
		cr_buf_init(&b);
		dfl_put(&b, &l);
		assert_int_equal(cr_dfl_parse(b.data, b.len, &out, why), e.n > CR_DFL_ENTRY_MAX ? CR_E_UNSUPPORTED : 0);
		cr_dfl_clear(&out);
		cr_buf_free(&b);
	}
	/* the most entries of a list, each of which is nothing, and one more */
	for (n = CR_DFL_MAX; n <= CR_DFL_MAX + 1; n++) {
		size_t seq, set;

		cr_buf_init(&b);
		seq = cr_tlv_begin(&b, 0x30);
		cr_tlv_put_u8(&b, 0x02, 0);
		cr_tlv_put(&b, 0x06, "\x2a\x03", 2);
		set = cr_tlv_begin(&b, 0x31);
		for (i = 0; i < n; i++)
			cr_buf_put(&b, "\x30\x00", 2);
		cr_tlv_end(&b, set);
		cr_tlv_end(&b, seq);
		assert_int_equal(cr_dfl_parse(b.data, b.len, &out, why), n > CR_DFL_MAX ? CR_E_UNSUPPORTED : 0);
		if (n == CR_DFL_MAX)
			assert_int_equal(out.malformed, CR_DFL_MAX);
		cr_dfl_clear(&out);
		cr_buf_free(&b);
	}
	/* objects in objects in objects: nothing recurses */
	cr_buf_init(&b);
	for (i = 0; i < 20000; i++)
		cr_buf_put(&b, "\x30\x80", 2);
	assert_int_equal(cr_dfl_parse(b.data, b.len, &out, why), CR_E_MALFORMED);
	cr_dfl_clear(&out);
	cr_buf_free(&b);
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_an_entry_is_read),
		cmocka_unit_test(version_2_has_descriptions_and_entries_by_hash),
		cmocka_unit_test(what_is_not_known_is_kept),
		cmocka_unit_test(a_malformed_entry_takes_no_other_with_it),
		cmocka_unit_test(hostile_lists_are_bounded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
