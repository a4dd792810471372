// SPDX-License-Identifier: BSD-2-Clause
/* CPUs and power supplies: what a machine can spare. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "supplies.h"
#include "reader/power.h"

static void a_laptop_is_on_battery_when_unplugged(void **state)
{
	static const struct { const char *online, *status; bool battery; } t[] = {
		{ "1", "Charging", false }, { "1", "Full", false }, { "0", "Discharging", true },
		{ "1", "Discharging", false },		/* a charger that is too weak, or a battery that is calibrated */
		{ "0", "Not charging", false }, { "0", "Full", false }, { "0", "Unknown", false },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		supplies_laptop(t[i].online, t[i].status);
		assert_int_equal(cr_on_battery(supplies), t[i].battery);
	}
}

static void usb_is_a_supply_too(void **state)
{
	supplies_laptop("0", "Discharging");
	supply("ucsi-source-psy-USBC000:001", "type", "USB");
	supply("ucsi-source-psy-USBC000:001", "online", "0");
	assert_true(cr_on_battery(supplies));
	supply("ucsi-source-psy-USBC000:001", "online", "1");
	assert_false(cr_on_battery(supplies));
	supply("ucsi-source-psy-USBC000:001", "online", "2");	/* programmable */
	assert_false(cr_on_battery(supplies));
}

static void a_battery_is_enough_to_tell(void **state)
{
	supplies_make();
	supply("BAT0", "type", "Battery");
	supply("BAT0", "status", "Full");
	supply("BAT1", "type", "Battery");
	supply("BAT1", "status", "Discharging");
	assert_true(cr_on_battery(supplies));
	supply("BAT1", "present", "0");
	assert_false(cr_on_battery(supplies));
}

static void a_mouse_does_not_run_the_machine(void **state)
{
	supplies_make();
	supply("hidpp_battery_0", "type", "Battery");
	supply("hidpp_battery_0", "scope", "Device");
	supply("hidpp_battery_0", "online", "1");
	supply("hidpp_battery_0", "status", "Discharging");
	assert_false(cr_on_battery(supplies));
	supply("hidpp_battery_0", "scope", "System");
	assert_true(cr_on_battery(supplies));
}

static void a_machine_that_tells_nothing_is_not_on_battery(void **state)
{
	assert_false(cr_on_battery("/nonexistent/power_supply"));
	supplies_make();
	assert_false(cr_on_battery(supplies));
	supply("odd", "uevent", "");			/* no type at all */
	assert_false(cr_on_battery(supplies));
	supply("AC", "type", "Mains");			/* nor whether it is on line */
	supply("AC", "online", "");
	supply("BAT0", "type", "Battery");
	supply("BAT0", "status", "");
	assert_false(cr_on_battery(supplies));
	supply("BAT0", "status", "Discharging and more than any text there is in this file");
	assert_false(cr_on_battery(supplies));
}

static void cpus_are_those_the_thread_may_use(void **state)
{
	cpu_set_t was, one;
	int cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
	assert_int_equal(cr_cpus_usable(), CPU_COUNT(&was));
	while (!CPU_ISSET(cpu, &was))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(cr_cpus_usable(), 1);
	assert_int_equal(sched_setaffinity(0, sizeof(was), &was), 0);
}

static int tidy(void **state)
{
	supplies_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_laptop_is_on_battery_when_unplugged),
		cmocka_unit_test(usb_is_a_supply_too),
		cmocka_unit_test(a_battery_is_enough_to_tell),
		cmocka_unit_test(a_mouse_does_not_run_the_machine),
		cmocka_unit_test(a_machine_that_tells_nothing_is_not_on_battery),
		cmocka_unit_test(cpus_are_those_the_thread_may_use),
	};

	return cmocka_run_group_tests(tests, NULL, tidy);
}
