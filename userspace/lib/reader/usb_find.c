// SPDX-License-Identifier: BSD-2-Clause
/*
 * The backend "usb": readers whose interface no driver has, found in sysfs and spoken to through libusb. A reader's
 * path is "usb:" and its interface's name in sysfs ("usb:1-2:1.0"), or its device's ("usb:1-2": the first interface
 * of CCID's class that is of use).
 *
 * Nobody is thrown out: an interface that the module, another driver or another program has is listed as busy, with
 * the process that holds it where that can be seen. (One that cardring.ko drives is not listed: that backend does.)
 * A security token is listed, and not spoken to unless it is named.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "reader/backend.h"
#include "usb_int.h"

#define DEVICES		"/sys/bus/usb/devices"
#define PREFIX		"usb:"
#define BIND_TRIES	20	/* a module that is loaded has a new interface by then */
#define BIND_US		10000

/* ---- sysfs ---- */

/* Bytes of a file, NUL behind them; negative: there is none. */
static ssize_t slurp(const char *dir, const char *file, void *out, size_t size)
{
	char path[256], *p = out;
	size_t n = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), DEVICES "/%s/%s", dir, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while (n + 1 < size && (got = read(fd, p + n, size - 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	p[n] = '\0';
	return (ssize_t)n;
}

static bool text(const char *dir, const char *file, char *out, size_t size)
{
	out[0] = '\0';
	if (slurp(dir, file, out, size) < 0)
		return false;
	out[strcspn(out, "\n")] = '\0';
	return *out;
}

static unsigned long number(const char *dir, const char *file, int base)
{
	char s[32];

	return text(dir, file, s, sizeof(s)) ? strtoul(s, NULL, base) : 0;
}

/* enum usb_device_speed of Linux */
static uint32_t speed(const char *dir)
{
	switch (number(dir, "speed", 10)) {
	case 1:		return 1;	/* 1.5 */
	case 12:	return 2;
	case 480:	return 3;
	case 5000:	return 5;
	}
	return 6;
}

bool cr_usb_driver(const char *root, const char *name, char *driver, size_t size)
{
	char path[PATH_MAX], link[PATH_MAX];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), "%s" DEVICES "/%.200s/driver", root, name);
	n = readlink(path, link, sizeof(link) - 1);
	if (n <= 0)
		return false;
	link[n] = '\0';
	base = strrchr(link, '/');
	snprintf(driver, size, "%s", base ? base + 1 : link);
	return true;
}

bool cr_usb_module(void)
{
	return !access("/sys/bus/usb/drivers/cardring", F_OK);
}

static void describe(const char *dev, const struct cr_ccid_interface *itf, struct cardring_info *info)
{
	const struct cr_ccid_desc *d = &itf->desc;
	char maker[64], product[64];
	bool both;

	*info = (struct cardring_info) {
		.abi = CARDRING_ABI_VERSION,
		.vendor = (uint16_t)number(dev, "idVendor", 16),
		.product = (uint16_t)number(dev, "idProduct", 16),
		.bcd_device = (uint16_t)number(dev, "bcdDevice", 16),
		.interface_number = itf->number,
		.slots = d->slots, .busy_slots = d->busy_slots, .level = d->level,
		.max_message = d->max_message, .max_payload = d->max_message - CR_CCID_HDR,
		.features = d->features, .has_interrupt = itf->interrupt != 0,
		.speed = speed(dev),
		.busnum = (uint32_t)number(dev, "busnum", 10), .devnum = (uint32_t)number(dev, "devnum", 10),
	};
	memcpy(info->descriptor, d->raw, sizeof(info->descriptor));
	text(dev, "manufacturer", maker, sizeof(maker));
	text(dev, "product", product, sizeof(product));
	both = *maker && *product;
	if (*maker || *product)
		snprintf(info->name, sizeof(info->name), "%s%s%s", maker, both ? " " : "", product);
	else
		snprintf(info->name, sizeof(info->name), "CCID reader");
	text(dev, "serial", info->serial, sizeof(info->serial));
}

/* "1-2:1.0": the device's name, and the interface's number; -1 where none is named. */
static bool split(const char *name, char *dev, size_t size, int *interface)
{
	size_t n = strcspn(name, ":");
	unsigned int conf, itf;
	int end = 0;

	if (!n || n >= size || strspn(name, "0123456789-.:") != strlen(name))
		return false;
	memcpy(dev, name, n);
	dev[n] = '\0';
	*interface = -1;
	if (!name[n])
		return true;
	if (sscanf(name + n, ":%3u.%3u%n", &conf, &itf, &end) != 2 || name[n + (size_t)end])
		return false;
	*interface = (int)itf;
	return itf < 256;
}

/* All of a device's, for the caller to free; NULL: no memory. *n negative: no such device. */
static uint8_t *descriptors(const char *dev, ssize_t *n, uint8_t *configuration)
{
	enum { MOST = 65536 };
	uint8_t *raw = malloc(MOST);

	if (!raw)
		return NULL;
	*n = slurp(dev, "descriptors", raw, MOST);
	*configuration = (uint8_t)number(dev, "bConfigurationValue", 10);
	return raw;
}

bool cr_usb_token(const char *name)
{
	const char *all = secure_getenv("CARDRING_TOKENS");
	uint8_t configuration, *raw;
	char dev[32];
	int number_of;
	bool token;
	ssize_t n;

	if ((all && !strcmp(all, "1")) || !split(name, dev, sizeof(dev), &number_of))
		return false;
	raw = descriptors(dev, &n, &configuration);
	token = raw && n > 0 && cr_ccid_token(raw, (size_t)n, configuration);
	free(raw);
	return token;
}

int cr_usb_resolve(const char *path, char *name, size_t size, struct cr_ccid_interface *itf,
		   struct cardring_info *info)
{
	uint8_t configuration, *raw;
	char dev[32];
	int wanted, err;
	ssize_t n;

	if (strncmp(path, PREFIX, strlen(PREFIX)) || !split(path + strlen(PREFIX), dev, sizeof(dev), &wanted))
		return CR_E_NO_READER;
	raw = descriptors(dev, &n, &configuration);
	if (!raw)
		return CR_E_NOMEM;
	err = n < 0 ? CR_E_NO_READER : cr_ccid_interface_find(raw, (size_t)n, configuration, wanted, itf);
	free(raw);
	if (err)
		return err == CR_E_NOT_FOUND ? CR_E_NO_READER : err;
	describe(dev, itf, info);
	if ((size_t)snprintf(name, size, "%s:%u.%u", dev, configuration, itf->number) >= size)
		return CR_E_NO_READER;
	return info->devnum ? 0 : CR_E_READER_GONE;
}

/* ---- who holds it ---- */

void cr_usb_node(const struct cardring_info *info, char *out, size_t size)
{
	snprintf(out, size, "/dev/bus/usb/%03u/%03u", info->busnum, info->devnum);
}

static bool has_open(const char *pid, const char *node)
{
	char path[320], link[64];
	struct dirent *e;
	bool found = false;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, e->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = '\0';
		found = !strcmp(link, node);
	}
	if (d)
		closedir(d);
	return found;
}

/* The process that has a device's usbfs node open; 0: none that is seen. */
static int holder(const struct cardring_info *info)
{
	struct dirent *e;
	char node[64];
	int pid = 0;
	DIR *d = opendir("/proc");

	cr_usb_node(info, node, sizeof(node));
	while (d && !pid && (e = readdir(d))) {
		if (e->d_name[0] > '0' && e->d_name[0] <= '9' && has_open(e->d_name, node))
			pid = atoi(e->d_name);
	}
	if (d)
		closedir(d);
	return pid;
}

/* ---- the backend ---- */

static int usb_open(const char *path, const struct cr_ring_params *params, cr_ring_t **ring,
		    struct cardring_info *info)
{
	struct usb_reader *r;
	int err = cr_usb_open(path, &r);

	if (err)
		return err;
	err = cr_usb_ring_new(r, params, ring);
	if (err) {
		cr_usb_close(r);
		return err;
	}
	if (info)
		*info = r->info;
	return 0;
}

static int usb_owns(const char *path)
{
	return !strncmp(path, PREFIX, strlen(PREFIX));
}

/* What is in the slots of a reader that nobody has. */
static int ask(const char *path, struct cardring_slot *slots, unsigned int n)
{
	const struct cr_ring_params small = { .entries = 1, .buffers = 1, .buf_size = 64 };
	cr_ring_t *ring;
	int err = usb_open(path, &small, &ring, NULL);

	if (err)
		return err;
	for (unsigned int i = 0; i < n; i++) {
		slots[i].slot = i;
		if (ring->ops->slot(ring, &slots[i]))
			slots[i].state = CARDRING_SLOT_UNKNOWN;
	}
	cr_ring_close(ring);
	return 0;
}

/* The module is about to take what was just plugged in: nobody is faster than it. */
static bool taken(const char *name, char *driver, size_t size)
{
	bool any = cr_usb_driver("", name, driver, size);

	for (unsigned int i = 0; !any && i < BIND_TRIES && cr_usb_module(); i++) {
		usleep(BIND_US);
		any = cr_usb_driver("", name, driver, size);
	}
	return any;
}

/* One entry a slot, as far as there is room; how many there are. */
static size_t add(const char *interface, struct cr_reader_info *out, size_t room)
{
	struct cardring_slot slots[CARDRING_MAX_SLOTS] = { 0 };
	struct cr_reader_info r = { .backend = "usb" };
	struct cr_ccid_interface itf;
	char name[64], driver[32];
	int pid = 0;

	snprintf(r.path, sizeof(r.path), PREFIX "%.100s", interface);
	if (cr_usb_resolve(r.path, name, sizeof(name), &itf, &r.dev))
		return 0;
	r.token = cr_usb_token(interface);
	if (cr_usb_peek(name, slots, CARDRING_MAX_SLOTS)) {
		/* this process has it */
	} else if (r.token ? cr_usb_driver("", name, driver, sizeof(driver)) : taken(name, driver, sizeof(driver))) {
		if (!strcmp(driver, "cardring"))
			return 0;
		r.error = CR_E_READER_BUSY;
		pid = strcmp(driver, "usbfs") ? 0 : holder(&r.dev);
	} else if (!r.token) {
		r.error = ask(r.path, slots, r.dev.slots);
		if (r.error == CR_E_READER_GONE || r.error == CR_E_NO_READER)
			return 0;
	}
	snprintf(r.name, sizeof(r.name), "%s", r.dev.name);
	for (unsigned int i = 0; i < r.dev.slots && i < room; i++) {
		r.slot = i;
		r.state = slots[i].state;
		r.owner_pid = r.error ? pid : slots[i].owner_pid;
		out[i] = r;
	}
	return r.dev.slots;
}

static int by_place(const void *a, const void *b)
{
	const struct cr_reader_info *x = a, *y = b;
	int order = strverscmp(x->path, y->path);

	return order ? order : x->slot < y->slot ? -1 : x->slot > y->slot;
}

/* By what sysfs says of it. */
static bool is_reader(const char *interface)
{
	char dev[32];
	int number_of;

	return split(interface, dev, sizeof(dev), &number_of) && number_of >= 0 &&
	       cr_ccid_class((uint8_t)number(interface, "bInterfaceClass", 16), (uint16_t)number(dev, "idVendor", 16),
			     (uint16_t)number(dev, "idProduct", 16));
}

static int usb_list(struct cr_reader_info *out, size_t max)
{
	struct dirent *e;
	size_t n = 0;
	DIR *d = opendir(DEVICES);

	while (d && (e = readdir(d))) {
		if (is_reader(e->d_name))
			n += add(e->d_name, n < max ? out + n : NULL, n < max ? max - n : 0);
	}
	if (d)
		closedir(d);
	qsort(out, n < max ? n : max, sizeof(*out), by_place);
	return (int)n;
}

const struct cr_backend cr_backend_usb = {
	.name = "usb",
	.list = usb_list,
	.owns = usb_owns,
	.open = usb_open,
};
