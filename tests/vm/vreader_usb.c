// SPDX-License-Identifier: BSD-2-Clause
/*
 * The virtual reader on a real kernel's USB bus (vhci_hcd loaded, root): enumeration, transfers through usbfs,
 * stalls, unlinking, interrupts, reset and unplugging, without any driver bound to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "usbip.h"

struct bus { struct vreader_usb *u; char name[32]; int fd; uint8_t seq; };

static int attr(const char *name, const char *file, char *out, size_t size)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/%s", name, file);
	f = fopen(path, "re");
	if (!f || !fgets(out, size, f))
		out[0] = 0;
	if (f)
		fclose(f);
	out[strcspn(out, "\n")] = 0;
	return out[0] != 0;
}

static void open_bus(struct bus *b, const struct vreader_config *c)
{
	char bus[8], dev[8], path[64];
	unsigned int interface = 0;
	struct usbdevfs_ioctl off = { .ifno = 0, .ioctl_code = USBDEVFS_DISCONNECT };

	memset(b, 0, sizeof(*b));
	b->u = vreader_attach(c);
	if (!b->u)
		print_error("attach: %s\n", strerror(errno));
	assert_non_null(b->u);
	if (vreader_usb_wait(b->u, b->name, sizeof(b->name), 10000) < 0)
		fail_msg("port %d: %s", vreader_usb_port(b->u),
			 vreader_usb_gone(b->u) ? "the kernel hung up" : "not enumerated");
	assert_true(attr(b->name, "busnum", bus, sizeof(bus)) && attr(b->name, "devnum", dev, sizeof(dev)));
	snprintf(path, sizeof(path), "/dev/bus/usb/%03d/%03d", atoi(bus), atoi(dev));
	for (int i = 0; (b->fd = open(path, O_RDWR | O_CLOEXEC)) < 0 && i < 100; i++)
		usleep(20000);
	assert_true(b->fd >= 0);
	ioctl(b->fd, USBDEVFS_IOCTL, &off);	/* a driver, if one was there */
	assert_int_equal(ioctl(b->fd, USBDEVFS_CLAIMINTERFACE, &interface), 0);
}

static void close_bus(struct bus *b)
{
	close(b->fd);
	vreader_detach(b->u);
}

static int bulk(struct bus *b, unsigned int ep, void *data, unsigned int len, unsigned int ms)
{
	struct usbdevfs_bulktransfer t = { .ep = ep, .len = len, .timeout = ms, .data = data };
	int n = ioctl(b->fd, USBDEVFS_BULK, &t);

	return n < 0 ? -errno : n;
}

static int command(struct bus *b, uint8_t type, const void *data, unsigned int len, uint8_t *rsp, unsigned int size)
{
	uint8_t msg[4096] = { type, len, len >> 8, len >> 16, 0, 0, ++b->seq };

	if (len)
		memcpy(msg + 10, data, len);
	assert_int_equal(bulk(b, 0x01, msg, 10 + len, 1000), 10 + len);
	return bulk(b, 0x82, rsp, size, 3000);
}

static void enumerates_with_its_descriptor(void **state)
{
	static const struct { enum vreader_speed speed; const char *mbps; } speeds[] = {
		{ VREADER_FULL_SPEED, "12" }, { VREADER_HIGH_SPEED, "480" }, { VREADER_SUPER_SPEED, "5000" },
	};
	char text[128], itf[48];

	for (size_t i = 0; i < 3; i++) {
		const struct vreader_config c = { .vid = 0x08E6, .pid = 0x3437, .speed = speeds[i].speed, .slots = 3,
						  .product = "Đầu đọc", .serial = "0042", .interface = "CCID" };
		struct bus b;

		open_bus(&b, &c);
		assert_true(attr(b.name, "idVendor", text, sizeof(text)));
		assert_string_equal(text, "08e6");
		assert_true(attr(b.name, "product", text, sizeof(text)));
		assert_string_equal(text, "Đầu đọc");
		assert_true(attr(b.name, "serial", text, sizeof(text)));
		assert_string_equal(text, "0042");
		assert_true(attr(b.name, "speed", text, sizeof(text)));
		assert_string_equal(text, speeds[i].mbps);
		snprintf(itf, sizeof(itf), "%s:1.0", b.name);
		assert_true(attr(itf, "bInterfaceClass", text, sizeof(text)));
		assert_string_equal(text, "0b");
		assert_true(attr(itf, "interface", text, sizeof(text)));
		assert_string_equal(text, "CCID");
		assert_true(attr(itf, "bNumEndpoints", text, sizeof(text)));
		assert_string_equal(text, "03");
		close_bus(&b);
	}
}

static void answers_apdus_of_every_length(void **state)
{
	const struct vreader_config c = { .level = VREADER_EXTENDED };
	static uint8_t rsp[70000];
	struct bus b;
	int n;

	open_bus(&b, &c);
	n = command(&b, PC_ICC_POWER_ON, NULL, 0, rsp, sizeof(rsp));
	assert_true(n > 12 && rsp[0] == RDR_DATA_BLOCK && rsp[7] == 0 && rsp[10] == 0x3B);
	/* 500 and 502 bytes make messages of exactly one packet, and one more: both ends of a transfer */
	for (unsigned int le = 490; le < 520; le++) {
		const uint8_t apdu[] = { 0, 0xB0, 0, 0, 0, le >> 8, le };

		n = command(&b, PC_XFR_BLOCK, apdu, sizeof(apdu), rsp, sizeof(rsp));
		assert_int_equal(n, 10 + le + 2);
		for (unsigned int i = 0; i < le; i++)
			assert_int_equal(rsp[10 + i], vcard_echo_byte(i));
	}
	n = command(&b, PC_XFR_BLOCK, "\0\xB0\0\0\0\0", 7, rsp, sizeof(rsp));
	assert_int_equal(n, 10 + 32768 + 2);
	close_bus(&b);
}

static void stall_is_epipe_until_cleared(void **state)
{
	const struct vreader_config c = { 0 };
	unsigned int ep = 0x82;
	uint8_t rsp[600];
	struct bus b;

	open_bus(&b, &c);
	assert_true(command(&b, PC_ICC_POWER_ON, NULL, 0, rsp, sizeof(rsp)) > 0);
	assert_int_equal(vreader_usb_fault(b.u, "stallin"), 0);
	assert_int_equal(command(&b, PC_XFR_BLOCK, "\0\xA4\0\0", 4, rsp, sizeof(rsp)), -EPIPE);
	assert_int_equal(ioctl(b.fd, USBDEVFS_CLEAR_HALT, &ep), 0);
	assert_int_equal(command(&b, PC_XFR_BLOCK, "\0\xA4\0\0", 4, rsp, sizeof(rsp)), 12);
	assert_int_equal(vreader_usb_fault(b.u, "stallout"), 0);
	assert_int_equal(bulk(&b, 0x01, (uint8_t[10]){ PC_GET_SLOT_STATUS }, 10, 1000), -EPIPE);
	ep = 0x01;
	assert_int_equal(ioctl(b.fd, USBDEVFS_CLEAR_HALT, &ep), 0);
	assert_int_equal(command(&b, PC_GET_SLOT_STATUS, NULL, 0, rsp, sizeof(rsp)), 10);
	/* a packet that does not fit what is asked for */
	assert_int_equal(vreader_usb_fault(b.u, "sw value=0x9001"), 0);
	assert_int_equal(command(&b, PC_XFR_BLOCK, "\0\xB0\0\0\x20", 5, rsp, 20), -EOVERFLOW);
	close_bus(&b);
}

static void hung_command_is_unlinked_and_aborted(void **state)
{
	const struct vreader_config c = { 0 };
	struct usbdevfs_ctrltransfer abort_slot = { .bRequestType = 0x21, .bRequest = 1, .timeout = 1000 };
	uint8_t rsp[600];
	struct bus b;

	open_bus(&b, &c);
	command(&b, PC_ICC_POWER_ON, NULL, 0, rsp, sizeof(rsp));
	assert_int_equal(vreader_usb_fault(b.u, "hang"), 0);
	assert_int_equal(bulk(&b, 0x01, (uint8_t[14]){ PC_XFR_BLOCK, 4, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0xA4 }, 14, 1000), 14);
	assert_int_equal(bulk(&b, 0x82, rsp, sizeof(rsp), 100), -ETIMEDOUT);	/* CMD_UNLINK */
	abort_slot.wValue = 77 << 8;
	assert_int_equal(ioctl(b.fd, USBDEVFS_CONTROL, &abort_slot), 0);
	b.seq = 76;
	assert_int_equal(command(&b, PC_ABORT, NULL, 0, rsp, sizeof(rsp)), 10);
	assert_int_equal(rsp[0], RDR_SLOT_STATUS);
	assert_int_equal(rsp[6], 77);
	assert_int_equal(command(&b, PC_XFR_BLOCK, "\0\xA4\0\0", 4, rsp, sizeof(rsp)), 12);
	close_bus(&b);
}

static void card_changes_come_on_the_interrupt_endpoint(void **state)
{
	const struct vreader_config c = { .slots = 5 };
	uint8_t msg[8];
	struct bus b;

	open_bus(&b, &c);
	assert_int_equal(bulk(&b, 0x83, msg, sizeof(msg), 2000), 3);
	assert_memory_equal(msg, "\x50\xFF\x03", 3);
	assert_int_equal(bulk(&b, 0x83, msg, sizeof(msg), 50), -ETIMEDOUT);
	vreader_usb_fault(b.u, "remove slot=4");
	assert_int_equal(bulk(&b, 0x83, msg, sizeof(msg), 2000), 3);
	assert_memory_equal(msg, "\x50\x55\x02", 3);
	close_bus(&b);
}

static void reset_takes_the_cards_power(void **state)
{
	const struct vreader_config c = { 0 };
	uint8_t rsp[600];
	struct bus b;

	open_bus(&b, &c);
	command(&b, PC_ICC_POWER_ON, NULL, 0, rsp, sizeof(rsp));
	assert_int_equal(command(&b, PC_GET_SLOT_STATUS, NULL, 0, rsp, sizeof(rsp)), 10);
	assert_int_equal(rsp[7], 0);
	assert_int_equal(ioctl(b.fd, USBDEVFS_RESET), 0);
	assert_int_equal(command(&b, PC_GET_SLOT_STATUS, NULL, 0, rsp, sizeof(rsp)), 10);
	assert_int_equal(rsp[7], 1);
	/* and one that the reader does not survive */
	assert_int_equal(vreader_usb_fault(b.u, "failreset"), 0);
	assert_int_not_equal(ioctl(b.fd, USBDEVFS_RESET), 0);
	close_bus(&b);
}

static void unplug_ends_what_is_under_way(void **state)
{
	const struct vreader_config c = { 0 };
	uint8_t rsp[600];
	struct bus b;

	open_bus(&b, &c);
	command(&b, PC_ICC_POWER_ON, NULL, 0, rsp, sizeof(rsp));
	assert_int_equal(vreader_usb_fault(b.u, "unplug on=xfr"), 0);
	assert_true(command(&b, PC_XFR_BLOCK, "\0\xA4\0\0", 4, rsp, sizeof(rsp)) < 0);
	assert_true(vreader_usb_gone(b.u));
	close_bus(&b);
}

/* What a station needs: many readers at once, in one process. */
static void hundred_readers_at_once(void **state)
{
	enum { N = 100 };
	struct vreader_usb *u[N];
	struct timespec a, z;
	char name[32];

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < N; i++) {
		const struct vreader_config c = { .speed = i & 1 ? VREADER_FULL_SPEED : VREADER_HIGH_SPEED };

		u[i] = vreader_attach(&c);
		if (!u[i])
			print_error("reader %d: %s\n", i, strerror(errno));
		assert_non_null(u[i]);
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(vreader_usb_wait(u[i], name, sizeof(name), 60000), 0);
	clock_gettime(CLOCK_MONOTONIC, &z);
	print_message("%d readers enumerated in %.1f s\n", N,
		      z.tv_sec - a.tv_sec + (z.tv_nsec - a.tv_nsec) / 1e9);
	for (int i = 0; i < N; i++)
		vreader_usb_fault(u[i], "unplug");	/* all at once: waiting for each in turn is slow */
	for (int i = 0; i < N; i++)
		vreader_detach(u[i]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enumerates_with_its_descriptor),
		cmocka_unit_test(answers_apdus_of_every_length),
		cmocka_unit_test(stall_is_epipe_until_cleared),
		cmocka_unit_test(hung_command_is_unlinked_and_aborted),
		cmocka_unit_test(card_changes_come_on_the_interrupt_endpoint),
		cmocka_unit_test(reset_takes_the_cards_power),
		cmocka_unit_test(unplug_ends_what_is_under_way),
		cmocka_unit_test(hundred_readers_at_once),
	};

	if (access("/sys/devices/platform/vhci_hcd.0/status", R_OK)) {
		fprintf(stderr, "vreader_usb: vhci_hcd is not loaded\n");
		return 77;
	}
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
