// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which readers are left alone: those of security tokens, unless somebody asks for them; and that readers are taken
 * from the module and given to it by sysfs, with libusb serving what it does not have.
 */
#include <grp.h>
#include <sys/stat.h>
#include <cardring/card.h>
#include "node.h"

#define DRIVER	"/sys/bus/usb/drivers/cardring/"
#define TOKENS	"/sys/module/cardring/parameters/tokens"

static const struct vreader_config token_cfg = { .interface_number = 1, .beside = VREADER_BESIDE_FIDO };
static const struct vreader_config keyboard_cfg = { .interface_number = 1, .beside = VREADER_BESIDE_KEYBOARD };

/* 0 or -errno of a write to sysfs */
static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static void interface_of(const struct reader *rd, char *out, size_t size)
{
	snprintf(out, size, "%s:1.%u", rd->name, rd->interface);
}

/* The device is there before the second of its interfaces is. */
static void plug_token(struct reader *rd)
{
	uint64_t end = now_ms() + NODE_MS;
	char interface[64], path[128];

	plug_unbound(rd, &token_cfg, 1);
	rd->interface = 1;
	interface_of(rd, interface, sizeof(interface));
	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/bInterfaceClass", interface);
	while (access(path, F_OK)) {
		assert_true(now_ms() < end);
		sleep_ms(5);
	}
}

/* The list's entry of a reader on the bus; what is not there has no path. */
static struct cr_reader_info listed(const struct reader *rd)
{
	struct cr_reader_info *list, out = { 0 };
	char interface[64], path[80];
	int n = cr_reader_list(&list);

	assert_true(n >= 0);
	interface_of(rd, interface, sizeof(interface));
	snprintf(path, sizeof(path), "usb:%s", interface);
	for (int i = 0; i < n; i++) {
		if (!strcmp(list[i].path, path) ||
		    (rd->index >= 0 && !strcmp(list[i].backend, "kernel") && (int)list[i].dev.index == rd->index))
			out = list[i];
	}
	free(list);
	return out;
}

static void token_is_left_alone_and_keyboard_with_a_slot_is_not(void **state)
{
	struct reader token, keyboard;
	struct cr_reader_info r;
	uint64_t from = 0;

	plug_token(&token);
	plug_unbound(&keyboard, &keyboard_cfg, 1);
	keyboard.interface = 1;
	wait_bound(&keyboard);
	sleep_ms(100);
	assert_int_equal(node_index(token.name, 1), -1);
	r = listed(&token);
	assert_string_equal(r.backend, "usb");
	assert_true(r.token);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.state, CARDRING_SLOT_UNKNOWN);
	assert_int_equal(seen(&token, PC_GET_SLOT_STATUS, &from), 0);	/* not even asked */
	r = listed(&keyboard);
	assert_string_equal(r.backend, "kernel");
	assert_false(r.token);
	/* the reader is what is meant, and never the token, also where that is the only one */
	assert_int_equal(cr_reader_find(NULL, &r), 0);
	assert_string_equal(r.backend, "kernel");
	unplug(&keyboard);
	assert_int_equal(cr_reader_find(NULL, &r), CR_E_NO_READER);
	unplug(&token);
}

/* Owner's group and bits of a file: "plugdev 660" */
static void access_of(const char *path, char *out, size_t size)
{
	struct group *g;
	struct stat st;

	if (stat(path, &st))
		fail_msg("%s: %s", path, strerror(errno));
	g = getgrgid(st.st_gid);
	snprintf(out, size, "%s %o", g ? g->gr_name : "?", st.st_mode & 0777);
}

/* Whoever may open the device as a whole may take its keyboard from usbhid, and read what is typed. */
static void keyboards_device_is_not_given_to_the_readers_group(void **state)
{
	const struct vreader_config plain_cfg = { 0 };
	struct reader keyboard, token, plain;
	char node[32], raw[3][64], is[64];
	uint64_t end = now_ms() + NODE_MS;

	if (access("/run/udev/control", F_OK) || !getgrnam("plugdev"))
		skip();
	plug_unbound(&keyboard, &keyboard_cfg, 1);
	keyboard.interface = 1;
	wait_bound(&keyboard);
	plug_token(&token);
	plug(&plain, &plain_cfg);
	snprintf(raw[0], sizeof(raw[0]), "/dev/bus/usb/%03u/%03u", bus_number(&keyboard, "busnum"),
		 bus_number(&keyboard, "devnum"));
	snprintf(raw[1], sizeof(raw[1]), "/dev/bus/usb/%03u/%03u", bus_number(&token, "busnum"), bus_number(&token, "devnum"));
	snprintf(raw[2], sizeof(raw[2]), "/dev/bus/usb/%03u/%03u", bus_number(&plain, "busnum"), bus_number(&plain, "devnum"));
	for (unsigned int i = 0; i < 2; i++) {	/* what is at work for the last one is through with those before */
		snprintf(node, sizeof(node), "/dev/cardring%d", i ? keyboard.index : plain.index);
		do {
			sleep_ms(20);
			access_of(node, is, sizeof(is));
		} while (strcmp(is, "plugdev 660") && now_ms() < end);
		assert_string_equal(is, "plugdev 660");
	}
	access_of(raw[2], is, sizeof(is));
	assert_string_equal(is, "plugdev 660");
	for (unsigned int i = 0; i < 2; i++) {
		access_of(raw[i], is, sizeof(is));
		if (!strncmp(is, "plugdev", 7))
			fail_msg("%s: %s", i ? "token" : "keyboard", is);
	}
	unplug(&plain);
	unplug(&token);
	unplug(&keyboard);
}

static void token_that_is_named_is_opened(void **state)
{
	struct cr_reader_info r;
	struct reader token;
	char path[80];
	cr_card_t *card;

	plug_token(&token);
	snprintf(path, sizeof(path), "usb:%s:1.1", token.name);
	assert_int_equal(cr_reader_find(path, &r), 0);
	assert_int_equal(cr_card_open(&r, 0, 10000, &card), 0);
	cr_card_close(card);
	unplug(&token);
}

static void environment_makes_tokens_readers(void **state)
{
	struct cr_reader_info r;
	struct reader token;

	plug_token(&token);
	assert_int_equal(setenv("CARDRING_TOKENS", "1", 1), 0);
	r = listed(&token);
	assert_false(r.token);
	assert_int_equal(r.state, CARDRING_SLOT_PRESENT);
	assert_int_equal(cr_reader_find(NULL, &r), 0);
	setenv("CARDRING_TOKENS", "0", 1);
	assert_true(listed(&token).token);
	unsetenv("CARDRING_TOKENS");
	unplug(&token);
}

static void parameter_makes_the_module_take_tokens(void **state)
{
	char interface[64];
	struct reader token;

	plug_token(&token);
	interface_of(&token, interface, sizeof(interface));
	assert_true(put(DRIVER "bind", interface) < 0);
	assert_int_equal(put(TOKENS, "1"), 0);
	assert_int_equal(put(DRIVER "bind", interface), 0);
	wait_bound(&token);
	assert_string_equal(listed(&token).backend, "kernel");
	assert_int_equal(put(TOKENS, "0"), 0);
	unplug(&token);
}

/* By its identity, one device among all is asked for. */
static void new_id_makes_the_module_take_this_token(void **state)
{
	struct reader token;

	plug_token(&token);
	assert_int_equal(put(DRIVER "new_id", "1209 c1d0 0b"), 0);
	wait_bound(&token);
	assert_int_equal(put(DRIVER "remove_id", "1209 c1d0"), 0);
	unplug(&token);
	plug_token(&token);
	sleep_ms(200);
	assert_int_equal(node_index(token.name, 1), -1);
	unplug(&token);
}

static void reader_is_unbound_and_bound_by_sysfs(void **state)
{
	const struct vreader_config cfg = { 0 };
	char interface[64];
	struct cr_reader_info r;
	struct reader rd;
	cr_card_t *card;

	plug(&rd, &cfg);
	interface_of(&rd, interface, sizeof(interface));
	assert_int_equal(put(DRIVER "unbind", interface), 0);
	rd.index = node_index(rd.name, 0);
	assert_int_equal(rd.index, -1);
	r = listed(&rd);
	assert_string_equal(r.backend, "usb");
	assert_int_equal(r.error, 0);
	assert_int_equal(cr_card_open(&r, 0, 10000, &card), 0);
	cr_card_close(card);
	/* whoever took it from the module meant it */
	sleep_ms(200);
	assert_int_equal(node_index(rd.name, 0), -1);
	assert_int_equal(put(DRIVER "bind", interface), 0);
	wait_bound(&rd);
	r = listed(&rd);
	assert_string_equal(r.backend, "kernel");
	assert_int_equal(cr_card_open(&r, 0, 10000, &card), 0);
	cr_card_close(card);
	unplug(&rd);
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		NODE_TEST(token_is_left_alone_and_keyboard_with_a_slot_is_not),
		NODE_TEST(keyboards_device_is_not_given_to_the_readers_group),
		NODE_TEST(token_that_is_named_is_opened),
		NODE_TEST(environment_makes_tokens_readers),
		NODE_TEST(parameter_makes_the_module_take_tokens),
		NODE_TEST(new_id_makes_the_module_take_this_token),
		NODE_TEST(reader_is_unbound_and_bound_by_sysfs),
	};

	return cmocka_run_group_tests(t, NULL, NULL);
}

int main(int argc, char **argv)
{
	return node_main("token", argc, argv, tests);
}
