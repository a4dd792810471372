// SPDX-License-Identifier: BSD-2-Clause
/* What the command makes of a portrait, and of a terminal's answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "../../userspace/cli/picture.c"

/* ---- what the rest of the command would do ---- */

static const char *written;

int cli_fail(const struct cli *c, int exit, const char *code, json_t *extra, const char *format, ...)
{
	return exit;
}

void cli_note(const char *format, ...)
{
}

void cli_fault(struct cli_fault *f, const char *code, const char *format, ...)
{
	f->code = code;
}

bool cli_tty_begin(int fd, unsigned int off, bool wait)
{
	return false;
}

void cli_tty_end(void)
{
}

int cli_write_check(const char *path)
{
	return 0;
}

int cli_write_file(const char *path, const uint8_t *data, size_t len)
{
	written = path;
	return 0;
}

/* ---- */

static void a_terminal_says_whether_it_has_sixels(void **state)
{
	assert_true(cli_answer_has_sixel("\033[?62;4;22c"));
	assert_true(cli_answer_has_sixel("\033[?4c"));
	assert_true(cli_answer_has_sixel("typed ahead\033[?65;1;9;4c"));
	assert_false(cli_answer_has_sixel("\033[?62;22c"));
	assert_false(cli_answer_has_sixel("\033[?64;41;14;44c"));
	assert_false(cli_answer_has_sixel("\033[?62;4"));	/* the end is missing */
	assert_false(cli_answer_has_sixel("4;4c"));
	assert_false(cli_answer_has_sixel(""));
}

static void a_bad_portrait_is_an_error_with_a_name_and_no_file(void **state)
{
	static const uint8_t gif[] = "GIF89a......", jpeg[] = { 0xff, 0xd8, 0xff, 0xd9, 0 };
	static const struct { const uint8_t *p; size_t n; const char *error; } all[] = {
		{ NULL, 0, "There is no portrait among what was read." },
		{ gif, sizeof(gif), "The portrait is neither JPEG nor JPEG 2000." },
		{ jpeg, sizeof(jpeg), "The portrait is broken: it does not decode." },
	};
	char face[] = "/tmp/cardring-face.XXXXXX";
	const struct cli c = { .portrait = face };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct cr_inspection in = { .portrait = all[i].p, .portrait_len = all[i].n };
		struct cli_portrait p = { 0 };
		struct cli_fault fault = { 0 };
		int fd;

		strcpy(face, "/tmp/cardring-face.XXXXXX");
		fd = mkstemp(face);	/* another person's */
		assert_true(fd >= 0);
		close(fd);
		cli_portrait_make(&c, &in, &p, &fault);
		assert_int_equal(access(face, F_OK), -1);
		assert_null(fault.code);
		assert_string_equal(p.error, all[i].error);
		assert_null(p.png);
		assert_null(written);
		cli_portrait_free(&p);
	}
}

static void ways_that_do_not_exist_are_refused(void **state)
{
	assert_int_equal(cli_picture_check(&(struct cli){ .picture = "sixel" }), 0);
	assert_int_equal(cli_picture_check(&(struct cli){ .picture = "ascii" }), CLI_ERROR);
	assert_int_equal(cli_picture_check(&(struct cli){ .picture = "auto", .json = true }), CLI_ERROR);
	assert_int_equal(cli_picture_check(&(struct cli){ .portrait = "x", .json = true }), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminal_says_whether_it_has_sixels),
		cmocka_unit_test(a_bad_portrait_is_an_error_with_a_name_and_no_file),
		cmocka_unit_test(ways_that_do_not_exist_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
