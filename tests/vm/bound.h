/* SPDX-License-Identifier: BSD-2-Clause */
/* The node that the module made for an interface: found in sysfs, waited for. Shared with tests/bench. */
#ifndef TESTS_VM_BOUND_H
#define TESTS_VM_BOUND_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

static inline uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static inline void sleep_ms(unsigned int ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* N of /dev/cardringN of an interface of a device ("9-1"); -1: none. */
static inline int node_index(const char *usb_name, unsigned int interface)
{
	char path[320];
	struct dirent *e;
	int index = -1;
	DIR *d;

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s:1.%u/cardring", usb_name, interface);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (sscanf(e->d_name, "cardring%d", &index) == 1)
			break;
	if (d)
		closedir(d);
	return index;
}

/* The same once its file is there, which the kernel makes a moment after the device; -1: not within ms. */
static inline int node_wait(const char *usb_name, unsigned int interface, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	char path[32];
	int index;

	while ((index = node_index(usb_name, interface)) < 0 ||
	       (snprintf(path, sizeof(path), "/dev/cardring%d", index), access(path, F_OK))) {
		if (now_ms() >= end)
			return -1;
		sleep_ms(2);
	}
	return index;
}

#endif
