// SPDX-License-Identifier: BSD-2-Clause
/* CPUs and power supplies, as the kernel tells of them (sysfs: Documentation/ABI/testing/sysfs-class-power). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "reader/power.h"

#define CPUS_MAX	(1 << 16)

unsigned int cr_cpus_usable(void)
{
	unsigned int n = 0;

	/* EINVAL: the kernel is made for more CPUs than the set has room for */
	for (size_t cpus = CPU_SETSIZE; cpus <= CPUS_MAX && !n; cpus *= 2) {
		cpu_set_t *set = CPU_ALLOC(cpus);
		size_t size = CPU_ALLOC_SIZE(cpus);

		if (!set)
			return 1;
		if (!sched_getaffinity(0, size, set))
			n = (unsigned int)CPU_COUNT_S(size, set);
		else if (errno != EINVAL)
			n = 1;
		CPU_FREE(set);
	}
	return n ? n : 1;
}

/* An attribute's text without its newline; "" where it is not there. */
static void attribute(int supply, const char *name, char *text, size_t size)
{
	int fd = openat(supply, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	text[strcspn(text, "\n")] = 0;
}

enum supply { NOTHING, OUTSIDE, DISCHARGED };

static enum supply look(int supply)
{
	char text[32];

	attribute(supply, "type", text, sizeof(text));
	if (strcmp(text, "Battery")) {
		attribute(supply, "online", text, sizeof(text));
		return atoi(text) > 0 ? OUTSIDE : NOTHING;	/* USB has 2 for "programmable" */
	}
	attribute(supply, "scope", text, sizeof(text));
	if (!strcmp(text, "Device"))
		return NOTHING;		/* a mouse's */
	attribute(supply, "present", text, sizeof(text));
	if (!strcmp(text, "0"))
		return NOTHING;
	attribute(supply, "status", text, sizeof(text));
	return strcmp(text, "Discharging") ? NOTHING : DISCHARGED;
}

bool cr_on_battery(const char *supplies)
{
	bool outside = false, discharged = false;
	DIR *dir = opendir(supplies);
	const struct dirent *e;

	while (dir && !outside && (e = readdir(dir))) {
		int fd = e->d_name[0] == '.' ? -1 :
			 openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			continue;
		switch (look(fd)) {
		case OUTSIDE:
			outside = true;
			break;
		case DISCHARGED:
			discharged = true;
			break;
		case NOTHING:
			break;
		}
		close(fd);
	}
	if (dir)
		closedir(dir);
	return discharged && !outside;
}
