// SPDX-License-Identifier: BSD-2-Clause
/* One reader seen through two backends is listed once, the way that works. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <cmocka.h>
#include "reader/backend.h"

static struct cr_reader_info list[8];
static size_t n;

static struct cr_reader_info *add(const char *backend, uint32_t devnum, int error)
{
	struct cr_reader_info *r = &list[n++];

	memset(r, 0, sizeof(*r));
	snprintf(r->backend, sizeof(r->backend), "%s", backend);
	r->dev.busnum = devnum ? 1 : 0;
	r->dev.devnum = devnum;
	r->error = error;
	return r;
}

static void only(const char *backends)
{
	char left[64] = "";

	n = cr_reader_merge(list, n);
	for (size_t i = 0; i < n; i++) {
		strcat(left, i ? " " : "");
		strcat(left, list[i].backend);
	}
	assert_string_equal(left, backends);
}

static int begin(void **state)
{
	n = 0;
	return 0;
}

static void what_pcscd_has_is_used_through_it(void **state)
{
	add("usb", 5, CR_E_READER_BUSY);
	add("usb", 6, 0);
	add("pcsc", 5, 0);
	only("usb pcsc");
	assert_int_equal(list[0].dev.devnum, 6);
}

static void what_the_module_has_is_used_through_it(void **state)
{
	add("kernel", 5, 0);
	add("kernel", 5, 0);		/* two slots */
	add("pcsc", 5, 0);
	add("pcsc", 5, CR_E_READER_BUSY);
	only("kernel kernel");
}

static void what_nobody_holds_over_usb_is_used_so(void **state)
{
	add("usb", 5, 0);
	add("pcsc", 5, 0);		/* pcscd has not noticed yet */
	only("usb");
}

static void each_slot_that_pcscd_has_is_there(void **state)
{
	add("usb", 5, CR_E_READER_BUSY);
	add("usb", 5, CR_E_READER_BUSY);
	add("pcsc", 5, 0);
	add("pcsc", 5, 0);
	only("pcsc pcsc");
}

static void readers_at_other_places_are_others(void **state)
{
	add("kernel", 4, 0);
	add("usb", 5, CR_E_READER_BUSY);
	add("pcsc", 7, 0);
	add("pcsc", 0, 0);		/* on no bus */
	only("kernel usb pcsc pcsc");
}

/* Whose place pcscd does not tell, because another program has it for itself. */
static void busy_reader_is_known_by_serial_then_by_name(void **state)
{
	struct cr_reader_info *a, *b, *c;

	a = add("usb", 5, CR_E_READER_BUSY);
	strcpy(a->dev.name, "Maker Reader");
	strcpy(a->dev.serial, "0001");
	b = add("usb", 6, CR_E_READER_BUSY);
	strcpy(b->dev.name, "Maker Reader");
	strcpy(b->dev.serial, "0002");
	c = add("usb", 7, CR_E_READER_BUSY);
	strcpy(c->dev.name, "Other");
	strcpy(add("pcsc", 0, CR_E_READER_BUSY)->name, "Other 02 00");
	strcpy(add("pcsc", 0, CR_E_READER_BUSY)->name, "Maker Reader (0002) 00 00");
	strcpy(add("pcsc", 0, CR_E_READER_BUSY)->name, "Maker Reader (0001) 01 00");
	only("pcsc pcsc pcsc");
	assert_int_equal(list[0].dev.devnum, 7);
	assert_int_equal(list[1].dev.devnum, 6);
	assert_int_equal(list[2].dev.devnum, 5);
}

static void busy_reader_is_the_one_that_is_left(void **state)
{
	add("usb", 5, CR_E_READER_BUSY);
	add("usb", 6, CR_E_READER_BUSY);
	add("pcsc", 5, 0);
	strcpy(add("pcsc", 0, CR_E_READER_BUSY)->name, "by a name of the driver's own 01 00");
	only("pcsc pcsc");
	assert_int_equal(list[1].dev.devnum, 6);
}

static void busy_reader_of_no_bus_stays(void **state)
{
	add("usb", 5, CR_E_READER_BUSY);
	add("pcsc", 5, 0);
	add("pcsc", 0, CR_E_READER_BUSY);
	only("pcsc pcsc");
	assert_int_equal(list[1].dev.devnum, 0);
}

/* libusb knows what it is, and pcscd's way to it is the one that stays. */
static void a_token_stays_one_that_nobody_named(void **state)
{
	add("usb", 5, CR_E_READER_BUSY)->token = 1;
	add("usb", 6, CR_E_READER_BUSY)->token = 1;
	add("usb", 7, CR_E_READER_BUSY);
	add("pcsc", 5, 0);
	add("pcsc", 7, 0);
	add("pcsc", 0, CR_E_READER_BUSY);
	only("pcsc pcsc pcsc");
	assert_int_equal(list[0].token, 1);
	assert_int_equal(list[1].token, 0);
	assert_int_equal(list[2].dev.devnum, 6);
	assert_int_equal(list[2].token, 1);
}

static void busy_reader_of_another_machine_is_none_of_this(void **state)
{
	add("usb", 5, CR_E_READER_BUSY);
	add("pcsc", 0, CR_E_READER_BUSY);
	setenv("PCSCLITE_CSOCK_NAME", "/run/there/pcscd.comm", 1);
	only("usb pcsc");
	unsetenv("PCSCLITE_CSOCK_NAME");
	assert_int_equal(list[1].dev.devnum, 0);
}

static void reader_that_somebody_else_holds_is_not_pcscds(void **state)
{
	add("usb", 5, CR_E_READER_BUSY)->owner_pid = getpid();
	add("pcsc", 0, CR_E_READER_BUSY);
	only("usb pcsc");
}

static void busy_reader_of_the_module_that_pcscd_has_claimed(void **state)
{
	char name[16];

	prctl(PR_GET_NAME, name);
	prctl(PR_SET_NAME, "pcscd");
	add("kernel", 5, 0)->owner_pid = getpid();
	add("pcsc", 0, CR_E_READER_BUSY);
	only("kernel");
	prctl(PR_SET_NAME, name);
}

static void nothing_is_nothing(void **state)
{
	assert_int_equal(cr_reader_merge(NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_pcscd_has_is_used_through_it, begin),
		cmocka_unit_test_setup(what_the_module_has_is_used_through_it, begin),
		cmocka_unit_test_setup(what_nobody_holds_over_usb_is_used_so, begin),
		cmocka_unit_test_setup(each_slot_that_pcscd_has_is_there, begin),
		cmocka_unit_test_setup(readers_at_other_places_are_others, begin),
		cmocka_unit_test_setup(busy_reader_is_known_by_serial_then_by_name, begin),
		cmocka_unit_test_setup(busy_reader_is_the_one_that_is_left, begin),
		cmocka_unit_test_setup(busy_reader_of_no_bus_stays, begin),
		cmocka_unit_test_setup(a_token_stays_one_that_nobody_named, begin),
		cmocka_unit_test_setup(busy_reader_of_another_machine_is_none_of_this, begin),
		cmocka_unit_test_setup(reader_that_somebody_else_holds_is_not_pcscds, begin),
		cmocka_unit_test_setup(busy_reader_of_the_module_that_pcscd_has_claimed, begin),
		cmocka_unit_test_setup(nothing_is_nothing, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
