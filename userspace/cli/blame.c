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

static bool driver_of(const char *interface, char *out, size_t size)
{
	char path[512], link[512];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%.200s/driver", interface);
	n = readlink(path, link, sizeof(link) - 1);
	if (n <= 0)
		return false;
	link[n] = '\0';
	snprintf(out, size, "%s", basename(link));
	return true;
}

void cli_reader_node(const struct cr_reader_info *r, char *out, size_t size)
{
	if (!strncmp(r->path, "usb:", 4))
		snprintf(out, size, "/dev/bus/usb/%03u/%03u", r->dev.busnum, r->dev.devnum);
	else
		snprintf(out, size, "%s", r->path);
}

bool cli_reader_driver(const struct cr_reader_info *r, char *out, size_t size)
{
	return !strncmp(r->path, "usb:", 4) && driver_of(r->path + 4, out, size) && strcmp(out, "usbfs");
}

bool cli_other_driver(char *out, size_t size)
{
	static const char *const base = "/sys/bus/usb/devices";
	char path[512], class[8];
	DIR *d = opendir(base);
	struct dirent *e;
	bool found = false;

	if (!d)
		return false;
	while (!found && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%.200s/bInterfaceClass", base, e->d_name);
		if (!first_line(path, class, sizeof(class)) || strcmp(class, "0b"))
			continue;
		found = driver_of(e->d_name, out, size) && strcmp(out, "cardring");
	}
	closedir(d);
	return found;
}
