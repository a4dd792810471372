// SPDX-License-Identifier: BSD-2-Clause
/* What "cardring doctor" finds, in folders made to be a machine: each finding, and that it is not found elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include "../../userspace/cli/host.c"
#undef DEVICES
#include "../../userspace/cli/blame.c"
#include "../../userspace/cli/doctor.c"
#include "hex.h"

#define RELEASE	"6.1.0-9-test"
#define HANDLER	PCSC_DROP_DIR "/ifd-cardring.bundle/Contents/Linux/libifdcardring.so"
#define NODE	"/dev/bus/usb/001/005"

static char root[] = "/tmp/cardring-doctor.XXXXXX";
static struct doctor d;

/* ---- a machine ---- */

static void make_folders(char *path)
{
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0755))
			assert_int_equal(errno, EEXIST);
		*p = '/';
	}
}

static void put_bytes(const char *path, const void *data, size_t len)
{
	char full[PATH_MAX];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	make_folders(full);
	f = fopen(full, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

static void link_to(const char *path, const char *target)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	make_folders(full);
	assert_int_equal(symlink(target, full), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int machine(void **state)
{
	strcpy(root + strlen(root) - 6, "XXXXXX");
	assert_non_null(mkdtemp(root));
	assert_int_equal(chmod(root, 0755), 0);
	memset(&d, 0, sizeof(d));
	d.root = root;
	d.release = RELEASE;
	return 0;
}

static int no_machine(void **state)
{
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The one finding since it was asked last. */
static const struct doctor_finding *finding(const char *name, enum doctor_result result, const char *text)
{
	const struct doctor_finding *f = &d.finding[0];

	assert_int_equal(d.n, 1);
	d.n = 0;
	assert_string_equal(f->name, name);
	if (f->result != result || !strstr(f->text, text))
		fail_msg("%s: %s", doctor_result_name(f->result), f->text);
	/* whoever is told that something is wrong is told what to do */
	assert_true(result == DOCTOR_OK || *f->remedy);
	return f;
}

static void says(const struct doctor_finding *f, const char *text)
{
	if (!strstr(f->remedy, text))
		fail_msg("%s", f->remedy);
}

/* ---- the module ---- */

static void module_is_loaded_or_where_it_is(void **state)
{
	doctor_module(&d);
	finding("module", DOCTOR_WARN, "not installed");
	put("/lib/modules/6.1.0-8-test/modules.dep", "kernel/a/b.ko:\nupdates/cardring.ko: kernel/a/b.ko\n");
	doctor_module(&d);
	finding("module", DOCTOR_WARN, "6.1.0-8-test");
	put("/lib/modules/" RELEASE "/modules.dep", "kernel/a/cardring_bench.ko:\nkernel/cardring.ko/x.ko:\n");
	doctor_module(&d);
	finding("module", DOCTOR_WARN, "6.1.0-8-test");
	put("/lib/modules/" RELEASE "/modules.dep", "updates/dkms/cardring.ko.xz:\n");
	doctor_module(&d);
	says(finding("module", DOCTOR_WARN, "not loaded"), "driver load");
	put("/sys/module/cardring/version", "1\n");
	doctor_module(&d);
	finding("module", DOCTOR_OK, "loaded");
	put("/sys/module/cardring/version", "2\n");
	doctor_module(&d);
	finding("module", DOCTOR_BAD, "interface 2");
}

static void unsigned_module_is_told_where_it_matters(void **state)
{
	static const char boot[] = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

	put("/lib/modules/" RELEASE "/modules.dep", "updates/cardring.ko:\n");
	put("/lib/modules/" RELEASE "/updates/cardring.ko", "not signed, and longer than the mark of what is");
	doctor_signature(&d);
	finding("signature", DOCTOR_OK, "without a signature");
	put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	doctor_signature(&d);
	finding("signature", DOCTOR_OK, "without a signature");
	put("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	doctor_signature(&d);
	says(finding("signature", DOCTOR_WARN, "locked down"), "mokutil");
	put_bytes(boot, "\6\0\0\0\1", 5);
	doctor_signature(&d);
	finding("signature", DOCTOR_WARN, "Secure Boot");
	put("/lib/modules/" RELEASE "/updates/cardring.ko", "code~Module signature appended~\n");
	doctor_signature(&d);
	finding("signature", DOCTOR_OK, "is signed");
	put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	put("/sys/module/module/parameters/sig_enforce", "Y\n");
	put("/lib/modules/" RELEASE "/updates/cardring.ko", "x");
	doctor_signature(&d);
	finding("signature", DOCTOR_WARN, "sig_enforce");
	put("/sys/module/cardring/version", "1\n");
	doctor_signature(&d);
	finding("signature", DOCTOR_OK, "took the module");
}

static void blacklist_is_found_where_it_stands(void **state)
{
	put("/etc/modprobe.d/a.conf", "# blacklist cardring\nblacklist cardring_not\nblacklist pn533_usb\noptions cardring tokens=1\n");
	put("/etc/modprobe.d/b.txt", "blacklist cardring\n");
	put("/proc/cmdline", "root=/dev/sda1 module_blacklist=nouveau quiet\n");
	doctor_blacklist(&d);
	finding("blacklist", DOCTOR_OK, "nothing");
	put("/proc/cmdline", "root=/dev/sda1 module_blacklist=nouveau,cardring quiet\n");
	doctor_blacklist(&d);
	finding("blacklist", DOCTOR_WARN, "command line");
	put("/usr/lib/modprobe.d/c.conf", "install cardring /bin/false\n");
	doctor_blacklist(&d);
	finding("blacklist", DOCTOR_WARN, "/usr/lib/modprobe.d/c.conf");
	put("/etc/modprobe.d/d.conf", "blacklist pcspkr\n  blacklist   cardring\n");
	doctor_blacklist(&d);
	finding("blacklist", DOCTOR_WARN, "/etc/modprobe.d/d.conf");
}

static void udev_rules_are_there_off_or_missing(void **state)
{
	doctor_udev(&d);
	finding("udev", DOCTOR_WARN, "not installed");
	put("/usr/lib/udev/rules.d/70-cardring.rules", "# rules\n");
	doctor_udev(&d);
	finding("udev", DOCTOR_WARN, "does not run");
	put("/run/udev/control", "");
	doctor_udev(&d);
	finding("udev", DOCTOR_OK, "/usr/lib/udev/rules.d");
	link_to("/etc/udev/rules.d/70-cardring.rules", "/dev/null");
	doctor_udev(&d);
	finding("udev", DOCTOR_WARN, "/etc/udev/rules.d/70-cardring.rules");
}

static void pcscd_without_our_handler_is_told_where_the_module_is(void **state)
{
	doctor_pcscd(&d);
	finding("pcscd", DOCTOR_OK, "does not run");
	put("/run/pcscd/pcscd.comm", "");
	doctor_pcscd(&d);
	finding("pcscd", DOCTOR_OK, "starts when a program asks");
	put("/proc/812/comm", "pcscd\n");
	doctor_pcscd(&d);
	finding("pcscd", DOCTOR_OK, "process 812");
	put("/lib/modules/" RELEASE "/modules.dep", "updates/cardring.ko:\n");
	doctor_pcscd(&d);
	says(finding("pcscd", DOCTOR_WARN, "once it is loaded"), "libpcsclite-dev");
	put("/sys/module/cardring/version", "1\n");
	doctor_pcscd(&d);
	finding("pcscd", DOCTOR_WARN, "without cardring's handler");
	put(HANDLER, "");
	doctor_pcscd(&d);
	finding("pcscd", DOCTOR_OK, "with cardring's handler");
}

/* ---- readers ---- */

#define USB	"/sys/bus/usb/devices/"
#define CONF	"12 01 0002 00 00 00 40 E608 3734 0001 01 02 00 01 09 02 5D00 02 01 00 80 32 "

static void plug_in(const char *class)
{
	put(USB "1-2/idVendor", "08e6\n");
	put(USB "1-2/idProduct", "3437\n");
	put(USB "1-2/product", "USB SmartCard Reader\n");
	put(USB "1-2/busnum", "1\n");
	put(USB "1-2/devnum", "5\n");
	put(USB "1-2/bConfigurationValue", "1\n");
	put(USB "1-2/bInterfaceClass", "00\n");		/* not an interface's name */
	put(USB "1-2:1.0/bInterfaceClass", class);
	put(NODE, "");
}

static void no_reader_is_told(void **state)
{
	doctor_readers(&d);
	finding("reader", DOCTOR_BAD, "no card reader");
	plug_in("03\n");
	doctor_readers(&d);
	finding("reader", DOCTOR_BAD, "no card reader");
}

static void reader_without_a_driver_is_libusbs(void **state)
{
	plug_in("0b\n");
	doctor_readers(&d);
	finding("reader", DOCTOR_OK, "USB SmartCard Reader, usb:1-2:1.0: used through libusb");
	put("/sys/module/cardring/version", "1\n");
	doctor_readers(&d);
	says(finding("reader", DOCTOR_WARN, "does not drive it"), "1-2:1.0");
}

static void readers_of_the_module_are_its(void **state)
{
	plug_in("0b\n");
	link_to(USB "1-2:1.0/driver", "../../../bus/usb/drivers/cardring");
	put(USB "1-2:1.0/cardring/cardring3/dev", "");
	put("/dev/cardring3", "");
	doctor_readers(&d);
	finding("reader", DOCTOR_OK, "/dev/cardring3");
}

static void reader_of_another_driver_is_told_with_the_remedy(void **state)
{
	plug_in("0b\n");
	link_to(USB "1-2:1.0/driver", "../../../bus/usb/drivers/pn533_usb");
	doctor_readers(&d);
	says(finding("reader", DOCTOR_BAD, "the kernel's driver pn533_usb"), "modprobe -r pn533_usb");
}

static void process_that_holds_a_reader_is_named(void **state)
{
	plug_in("0b\n");
	link_to(USB "1-2:1.0/driver", "../../../bus/usb/drivers/usbfs");
	put("/proc/77/comm", "bystander\n");
	link_to("/proc/77/fd/3", "/dev/bus/usb/001/004");
	put("/proc/4711/comm", "scdaemon\n");
	link_to("/proc/4711/fd/0", "/dev/null");
	link_to("/proc/4711/fd/9", NODE);
	doctor_readers(&d);
	says(finding("reader", DOCTOR_BAD, "scdaemon (process 4711)"), "gpgconf");
	put("/proc/4711/comm", "pcscd\n");
	doctor_readers(&d);
	says(finding("reader", DOCTOR_WARN, "pcscd (process 4711)"), "systemctl stop pcscd");
	assert_null(strstr(d.finding[0].remedy, "driver load"));
	put(HANDLER, "");
	doctor_readers(&d);
	says(finding("reader", DOCTOR_WARN, "pcscd (process 4711)"), "driver load");
	put("/proc/4711/comm", "vm\n");
	doctor_readers(&d);
	says(finding("reader", DOCTOR_BAD, "vm (process 4711)"), "End it");
}

static void process_that_is_not_seen_is_called_so(void **state)
{
	plug_in("0b\n");
	link_to(USB "1-2:1.0/driver", "../../../bus/usb/drivers/usbfs");
	doctor_readers(&d);
	finding("reader", DOCTOR_BAD, "may not see");
	put("/proc/812/comm", "pcscd\n");
	doctor_readers(&d);
	finding("reader", DOCTOR_WARN, "may not see, most likely pcscd (process 812)");
}

static void security_token_is_left_alone(void **state)
{
	uint8_t raw[300];

	plug_in("0b\n");
	put_bytes(USB "1-2/descriptors", raw, hex(raw, CONF
		  "09 04 00 00 02 0B 00 00 00 07 05 01 02 4000 00 07 05 82 02 4000 00 "
		  "09 04 01 00 02 03 00 00 00 07 05 05 03 4000 02 07 05 84 03 4000 02"));
	doctor_readers(&d);
	finding("reader", DOCTOR_OK, "security token");
}

static void reader_that_this_user_may_not_open_is_told(void **state)
{
	char full[PATH_MAX];

	if (geteuid())
		skip();		/* an owner may always give himself permission */
	plug_in("0b\n");
	snprintf(full, sizeof(full), "%s%s", root, NODE);
	assert_int_equal(chmod(full, 0600), 0);
	assert_int_equal(seteuid(65534), 0);
	doctor_readers(&d);
	assert_int_equal(seteuid(0), 0);
	says(finding("reader", DOCTOR_BAD, NODE), "udev rules installed?");
	put("/usr/lib/udev/rules.d/70-cardring.rules", "# rules\n");
	assert_int_equal(seteuid(65534), 0);
	doctor_readers(&d);
	assert_int_equal(seteuid(0), 0);
	says(finding("reader", DOCTOR_BAD, NODE), "plug it in again");
	put("/etc/udev/rules.d/70-cardring.rules", "");		/* switched off */
	assert_int_equal(seteuid(65534), 0);
	doctor_readers(&d);
	assert_int_equal(seteuid(0), 0);
	says(finding("reader", DOCTOR_BAD, NODE), "udev rules installed?");
	put(USB "1-2:1.3/bInterfaceClass", "03\n");		/* the rules leave such a one to root */
	assert_int_equal(seteuid(65534), 0);
	doctor_readers(&d);
	assert_int_equal(seteuid(0), 0);
	says(finding("reader", DOCTOR_BAD, NODE), "keyboard");
	assert_int_equal(chmod(full, 0660), 0);
	assert_int_equal(chown(full, 0, 46), 0);	/* plugdev, or whatever it is called here */
	assert_int_equal(seteuid(65534), 0);
	doctor_readers(&d);
	assert_int_equal(seteuid(0), 0);
	finding("reader", DOCTOR_BAD, NODE);
	assert_int_equal(chmod(full, 0666), 0);
	assert_int_equal(seteuid(65534), 0);
	doctor_readers(&d);
	assert_int_equal(seteuid(0), 0);
	finding("reader", DOCTOR_OK, "libusb");
}

/* ---- the rest ---- */

static void trusted_issuers_are_counted(void **state)
{
	static const char *const dirs[] = { "/trust", "/etc/cardring/trust" };

	doctor_trust(&d, dirs, 2);
	says(finding("trust", DOCTOR_WARN, "no issuing state"), "/etc/cardring/trust");
	put("/trust/none.cer", "not a certificate");
	doctor_trust(&d, dirs, 2);
	finding("trust", DOCTOR_WARN, "no issuing state");
}

static void backend_of_the_environment_is_told(void **state)
{
	doctor_environment(&d, NULL, true);
	finding("environment", DOCTOR_OK, "not set");
	doctor_environment(&d, "", true);
	finding("environment", DOCTOR_OK, "not set");
	doctor_environment(&d, "kernel", true);
	finding("environment", DOCTOR_WARN, "kernel");
	doctor_environment(&d, "smoke", false);
	finding("environment", DOCTOR_BAD, "no such backend");
}

static void card_could_be_read_where_a_slot_opens(void **state)
{
	struct cr_reader_info r[3] = {
		{ .error = CR_E_READER_BUSY }, { .token = 1 }, { .state = CARDRING_SLOT_EMPTY },
	};

	assert_false(doctor_card(&d, NULL, 0));
	finding("card", DOCTOR_BAD, "No card reader");
	assert_false(doctor_card(&d, NULL, CR_E_NO_DRIVER));
	finding("card", DOCTOR_BAD, "does not drive it");
	assert_false(doctor_card(&d, r, 2));
	finding("card", DOCTOR_BAD, "no card can be read");
	assert_true(doctor_card(&d, r, 3));
	finding("card", DOCTOR_OK, "could be read");
	r[2].state = CARDRING_SLOT_PRESENT;
	assert_true(doctor_card(&d, r, 3));
	finding("card", DOCTOR_OK, "with a card 1");
}

#define ON_A_MACHINE(test) cmocka_unit_test_setup_teardown(test, machine, no_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_MACHINE(module_is_loaded_or_where_it_is),
		ON_A_MACHINE(unsigned_module_is_told_where_it_matters),
		ON_A_MACHINE(blacklist_is_found_where_it_stands),
		ON_A_MACHINE(udev_rules_are_there_off_or_missing),
		ON_A_MACHINE(pcscd_without_our_handler_is_told_where_the_module_is),
		ON_A_MACHINE(no_reader_is_told),
		ON_A_MACHINE(reader_without_a_driver_is_libusbs),
		ON_A_MACHINE(readers_of_the_module_are_its),
		ON_A_MACHINE(reader_of_another_driver_is_told_with_the_remedy),
		ON_A_MACHINE(process_that_holds_a_reader_is_named),
		ON_A_MACHINE(process_that_is_not_seen_is_called_so),
		ON_A_MACHINE(security_token_is_left_alone),
		ON_A_MACHINE(reader_that_this_user_may_not_open_is_told),
		ON_A_MACHINE(trusted_issuers_are_counted),
		ON_A_MACHINE(backend_of_the_environment_is_told),
		ON_A_MACHINE(card_could_be_read_where_a_slot_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
