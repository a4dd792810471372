// SPDX-License-Identifier: BSD-2-Clause
/* Who is in the way: the process that holds a reader, the driver that took it. */
#include <dirent.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

static bool first_line(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(out, (int)size, f);

	if (f)
		fclose(f);
	if (ok)
		out[strcspn(out, "\n")] = '\0';
	return ok && *out;
}

bool cli_process_name(int pid, char *out, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	return first_line(path, out, size);
}

bool cli_module_loaded(void)
{
	return !access("/sys/module/cardring", F_OK);
}

bool cli_other_driver(char *out, size_t size)
{
	static const char *const base = "/sys/bus/usb/devices";
	char path[512], link[512], class[8];
	DIR *d = opendir(base);
	struct dirent *e;
	bool found = false;
	ssize_t n;

	if (!d)
		return false;
	while (!found && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%.200s/bInterfaceClass", base, e->d_name);
		if (!first_line(path, class, sizeof(class)) || strcmp(class, "0b"))
			continue;
		snprintf(path, sizeof(path), "%s/%.200s/driver", base, e->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		snprintf(out, size, "%s", basename(link));
		found = strcmp(out, "cardring");
	}
	closedir(d);
	return found;
}
