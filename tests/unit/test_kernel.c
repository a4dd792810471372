// SPDX-License-Identifier: BSD-2-Clause
/* The module's nodes, over ioctls that are the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sys/ioctl.h>
#include <cardring/reader.h>

static uint32_t abi;

/* In place of the C library's. */
int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;

	assert_int_equal(request, CARDRING_IOC_INFO);
	va_start(ap, request);
	*va_arg(ap, struct cardring_info *) = (struct cardring_info){ .abi = abi };
	va_end(ap);
	return 0;
}

static void a_module_of_another_version_is_said_to_be_that(void **state)
{
	struct cardring_info info;
	cr_ring_t *ring;

	abi = CARDRING_ABI_VERSION + 1;
	assert_int_equal(cr_backend_kernel.open("/dev/null", NULL, &ring, &info), CR_E_VERSION);
	abi = CARDRING_ABI_VERSION - 1;
	assert_int_equal(cr_backend_kernel.open("/dev/null", NULL, &ring, &info), CR_E_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_module_of_another_version_is_said_to_be_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
