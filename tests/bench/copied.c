// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the module says that it copied, for tests/bench/copies to hold against a probe on the copy itself. One
 * owner: every answer can go straight into its buffer. Two, of a slot each of a reader that takes two commands at
 * once: an answer may be for either, and has to be copied.
 *
 *   copied OWNERS COMMANDS
 *
 * One line of JSON. Needs root, vhci_hcd and cardring.ko loaded.
 */
#include "many.h"

static unsigned long long counter(const char *name)
{
	unsigned long long n;
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/cardring/%s/%s", strrchr(node[0], '/') + 1, name);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%llu", &n) != 1)
		die("%s cannot be read", path);
	fclose(f);
	return n;
}

int main(int argc, char **argv)
{
	unsigned int owners = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	const struct vreader_config cfg = { .level = VREADER_EXTENDED, .slots = owners, .busy_slots = owners };
	unsigned int commands = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct driven d[2] = { { .slot = 0 }, { .slot = 1 } };

	if (!owners || owners > 2 || !commands)
		die("usage: copied 1|2 COMMANDS");
	card_file_fill();
	reader[0] = vreader_attach(&cfg);
	if (!reader[0])
		die("attach: %s", strerror(errno));
	if (vreader_usb_wait(reader[0], usb_name[0], sizeof(usb_name[0]), 20000))
		die("the reader was not enumerated");
	wait_for_node(0);
	for (unsigned int i = 0; i < owners; i++)
		driven_open(&d[i], node[0], epoll);
	for (unsigned int n = 0; n < commands; n += BATCH)
		round_trip(&d[n / BATCH % owners]);
	printf("{\"owners\": %u, \"commands\": %llu, \"received\": %llu, \"copied\": %llu, \"flagged\": %llu}\n", owners,
	       counter("commands"), counter("bytes_rx"), counter("bytes_copied"),
	       (unsigned long long)(d[0].copied + d[1].copied));
	for (unsigned int i = 0; i < owners; i++)
		cr_ring_close(d[i].ring);
	detach_all();
	return 0;
}
