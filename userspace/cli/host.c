// SPDX-License-Identifier: BSD-2-Clause
/*
 * What this machine says of itself: processes, and readers on the USB bus. All of it is read below a root, "" being
 * this machine's.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "host.h"
#include "ccid/descriptor.h"
#include "reader/backend.h"

#ifndef PCSC_DROP_DIR
#define PCSC_DROP_DIR	"/usr/lib/pcsc/drivers"
#endif
#define DEVICES	"/sys/bus/usb/devices"

/* ---- small files ---- */

bool cli_read_line(const char *root, const char *path, char *out, size_t size)
{
	char full[PATH_MAX];
	FILE *f;
	bool ok;

	snprintf(full, sizeof(full), "%s%s", root, path);
	f = fopen(full, "re");
	ok = f && fgets(out, (int)size, f);
	if (f)
		fclose(f);
	if (ok)
		out[strcspn(out, "\n")] = '\0';
	return ok && *out;
}

bool cli_exists(const char *root, const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return !access(full, F_OK);
}

/* The first of the name counts; a link to /dev/null, or nothing in it, says that it is not wanted. */
bool cli_udev_rules(const char *root, char *path, size_t size, bool *rules)
{
	static const char *const dirs[] = { "/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d",
					    "/usr/lib/udev/rules.d", "/lib/udev/rules.d" };
	char full[PATH_MAX], first[8];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, size, "%s/70-cardring.rules", dirs[i]);
		snprintf(full, sizeof(full), "%s%s", root, path);
		if (faccessat(AT_FDCWD, full, F_OK, AT_SYMLINK_NOFOLLOW))
			continue;
		*rules = cli_read_line(root, path, first, sizeof(first));
		return true;
	}
	return false;
}

bool cli_has_handler(const char *root)
{
	return cli_exists(root, PCSC_DROP_DIR "/ifd-cardring.bundle/Contents/Linux/libifdcardring.so");
}

/* ---- processes ---- */

bool cli_process_name(const char *root, int pid, char *out, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	return cli_read_line(root, path, out, size);
}

bool cli_processes(const char *root, bool (*each)(void *arg, const char *root, int pid), void *arg)
{
	char path[PATH_MAX];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "%s/proc", root);
	d = opendir(path);
	while (d && !found && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			found = each(arg, root, atoi(e->d_name));
	if (d)
		closedir(d);
	return found;
}

bool cli_has_open(const char *root, int pid, const char *node)
{
	size_t len = strlen(node);
	char path[PATH_MAX], link[PATH_MAX];
	struct dirent *e;
	bool found = false;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "%s/proc/%d/fd", root, pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/proc/%d/fd/%.20s", root, pid, e->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = '\0';
		found = len && node[len - 1] == '*' ? !strncmp(link, node, len - 1) : !strcmp(link, node);
	}
	if (d)
		closedir(d);
	return found;
}

struct search { const char *what; int pid; };

static bool is_called(void *arg, const char *root, int pid)
{
	struct search *s = arg;
	char name[64];

	s->pid = pid;
	return cli_process_name(root, pid, name, sizeof(name)) && !strcmp(name, s->what);
}

int cli_process_called(const char *root, const char *name)
{
	struct search s = { .what = name };

	return cli_processes(root, is_called, &s) ? s.pid : 0;
}

static bool has_it_open(void *arg, const char *root, int pid)
{
	struct search *s = arg;

	s->pid = pid;
	return pid != getpid() && cli_has_open(root, pid, s->what);
}

int cli_process_with(const char *root, const char *node)
{
	struct search s = { .what = node };

	return cli_processes(root, has_it_open, &s) ? s.pid : 0;
}

/* ---- readers on the bus ---- */

static bool attr_of(const char *root, const char *device, const char *attr, char *out, size_t size)
{
	char path[512];

	snprintf(path, sizeof(path), DEVICES "/%.200s/%.60s", device, attr);
	return cli_read_line(root, path, out, size);
}

static unsigned int number(const char *root, const char *device, const char *attr, int base)
{
	char text[32];

	return attr_of(root, device, attr, text, sizeof(text)) ? (unsigned int)strtoul(text, NULL, base) : 0;
}

static void device_of(const char *interface, char *out, size_t size)
{
	snprintf(out, size, "%.*s", (int)strcspn(interface, ":"), interface);
}

static bool is_reader(const char *root, const char *interface)
{
	char dev[64];

	if (!strchr(interface, ':'))
		return false;
	device_of(interface, dev, sizeof(dev));
	return cr_ccid_class((uint8_t)number(root, interface, "bInterfaceClass", 16),
			     (uint16_t)number(root, dev, "idVendor", 16), (uint16_t)number(root, dev, "idProduct", 16));
}

static bool is_token(const char *root, const char *device)
{
	char path[PATH_MAX];
	uint8_t raw[8192];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s" DEVICES "/%s/descriptors", root, device);
	f = fopen(path, "re");
	n = f ? fread(raw, 1, sizeof(raw), f) : 0;
	if (f)
		fclose(f);
	return cr_ccid_token(raw, n, (uint8_t)number(root, device, "bConfigurationValue", 10));
}

bool cli_has_hid(const char *root, const char *interface)
{
	char dev[64], other[96];
	unsigned int configuration, i;

	device_of(interface, dev, sizeof(dev));
	configuration = number(root, dev, "bConfigurationValue", 10);
	for (i = 0; i < 32; i++) {
		snprintf(other, sizeof(other), "%s:%u.%u", dev, configuration, i);
		if (number(root, other, "bInterfaceClass", 16) == 3)
			return true;
	}
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strverscmp(((const struct cli_interface *)a)->name, ((const struct cli_interface *)b)->name);
}

void cli_interface(const char *root, const char *name, struct cli_interface *out)
{
	char dev[64], maker[80] = "", product[80] = "";

	*out = (struct cli_interface) { 0 };
	snprintf(out->name, sizeof(out->name), "%s", name);
	device_of(name, dev, sizeof(dev));
	attr_of(root, dev, "manufacturer", maker, sizeof(maker));
	attr_of(root, dev, "product", product, sizeof(product));
	snprintf(out->product, sizeof(out->product), "%s%s%s", maker, *maker && *product ? " " : "", product);
	snprintf(out->node, sizeof(out->node), "/dev/bus/usb/%03u/%03u", number(root, dev, "busnum", 10),
		 number(root, dev, "devnum", 10));
	out->vendor = (uint16_t)number(root, dev, "idVendor", 16);
	out->product_id = (uint16_t)number(root, dev, "idProduct", 16);
	out->token = is_token(root, dev);
	cr_usb_driver(root, name, out->driver, sizeof(out->driver));
}

size_t cli_interfaces(const char *root, struct cli_interface *out, size_t max)
{
	char path[PATH_MAX];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s" DEVICES, root);
	d = opendir(path);
	while (d && n < max && (e = readdir(d)))
		if (strlen(e->d_name) < sizeof(out->name) && is_reader(root, e->d_name))
			cli_interface(root, e->d_name, &out[n++]);
	if (d)
		closedir(d);
	qsort(out, n, sizeof(*out), by_name);
	return n;
}
