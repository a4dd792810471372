// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which readers are left alone: those of security tokens, unless somebody asks for them; and that readers are taken
 * from the module and given to it by sysfs, with libusb serving what it does not have.
 */
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

static void plug_token(struct reader *rd)
{
	plug_unbound(rd, &token_cfg, 1);
	rd->interface = 1;
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
