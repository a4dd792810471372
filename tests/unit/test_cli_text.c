// SPDX-License-Identifier: BSD-2-Clause
/* What the command lets reach a terminal, and how wide it takes it to be. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "../../userspace/cli/text.c"

static void clean_is(const char *in, const char *out)
{
	char *got = cli_clean(in);

	assert_non_null(got);
	assert_string_equal(got, out);
	free(got);
}

static void text_of_people_is_left_alone(void **state)
{
	clean_is("", "");
	clean_is("Nguyễn Văn Ấn, Đặng, 中文, 👪", "Nguyễn Văn Ấn, Đặng, 中文, 👪");
}

static void what_a_terminal_obeys_is_escaped(void **state)
{
	clean_is("a\033[2Jb\r\n\tc\177", "a\\u001B[2Jb\\u000D\\u000A\\u0009c\\u007F");
	clean_is("\xc2\x9b" "31m", "\\u009B31m");		/* CSI in one character */
}

static void what_turns_the_text_around_is_escaped(void **state)
{
	clean_is("An\xe2\x80\xae" "nav", "An\\u202Enav");
	clean_is("\xe2\x81\xa6x\xe2\x81\xa9", "\\u2066x\\u2069");
}

static void what_is_no_utf8_is_escaped(void **state)
{
	clean_is("\xff" "a", "\\xFFa");
	clean_is("\xe1\xba", "\\xE1\\xBA");			/* cut short */
	clean_is("\xc0\x9b", "\\xC0\\x9B");			/* longer than need be: hides a control */
	clean_is("\xed\xa0\x80", "\\xED\\xA0\\x80");		/* a surrogate */
	clean_is("\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80");	/* beyond Unicode */
}

static void width_is_columns_not_bytes(void **state)
{
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	assert_int_equal(cli_width("Nơi thường trú"), 14);
	assert_int_equal(cli_width("Nguye\xcc\x82\xcc\x83n"), 6);	/* marks of their own (NFD) */
	assert_int_equal(cli_width("中文"), 4);
	assert_int_equal(cli_width("\xff"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_of_people_is_left_alone),
		cmocka_unit_test(what_a_terminal_obeys_is_escaped),
		cmocka_unit_test(what_turns_the_text_around_is_escaped),
		cmocka_unit_test(what_is_no_utf8_is_escaped),
		cmocka_unit_test(width_is_columns_not_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
