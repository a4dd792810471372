// SPDX-License-Identifier: BSD-2-Clause
/* What is said where no reader is found, over lists of readers that are the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <cardring/reader.h>

static struct { int n, tokens; } has;

static int listed(struct cr_reader_info **out)
{
	*out = has.n > 0 ? calloc((size_t)has.n, sizeof(**out)) : NULL;
	for (int i = 0; i < has.tokens; i++)
		(*out)[i].token = 1;
	return has.n;
}

#undef fail	/* of cmocka */
#define cr_reader_list listed
#include "../../userspace/cli/fail.c"
#undef cr_reader_list
#include "../../userspace/cli/host.c"
#undef DEVICES
#include "../../userspace/cli/blame.c"
#include "../../userspace/cli/text.c"

json_t *cli_json_string(const char *s)
{
	return json_string(s);
}

int cli_json_print(json_t *object)
{
	json_decref(object);
	return 0;
}

void cli_progress_end(void)
{
}

static const char *pcscd_has_of(int n, int tokens)
{
	const struct cli c = { .backend = "pcsc" };
	static char said[512];

	has.n = n;
	has.tokens = tokens;
	cli_remedy(&c, said, sizeof(said), CR_E_NO_READER, NULL);
	return said;
}

static void what_pcscd_has_is_said(void **state)
{
	assert_string_equal(pcscd_has_of(0, 0), "pcscd has no reader.");
	assert_non_null(strstr(pcscd_has_of(1, 1), "only a security token"));
	assert_non_null(strstr(pcscd_has_of(2, 2), "only a security token"));
	/* another name was asked for */
	assert_string_equal(pcscd_has_of(1, 0), "");
	assert_string_equal(pcscd_has_of(2, 1), "");
	assert_string_equal(pcscd_has_of(CR_E_NO_SERVICE, 0), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_pcscd_has_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
