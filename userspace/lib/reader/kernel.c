// SPDX-License-Identifier: BSD-2-Clause
/*
 * The backend of cardring.ko: readers are the devices of class cardring, their ring is the memory
 * that the module shares (uapi/cardring.h). Nothing here waits but in ioctl; what comes first is in wait.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <libudev.h>
#include "reader/backend.h"
#include "reader/wait.h"

struct kernel_ring {
	struct cr_ring ring;	/* first: programs hold this */
	int fd;
	size_t map_size;
	struct cr_wait wait;
};

static int call(int fd, unsigned long request, void *arg)
{
	int n;

	do
		n = ioctl(fd, request, arg);
	while (n < 0 && errno == EINTR && request != CARDRING_IOC_ENTER);
	return n < 0 ? -errno : n;
}

static int kernel_fd(cr_ring_t *ring)
{
	return ((struct kernel_ring *)ring)->fd;
}

static int kernel_enter(cr_ring_t *ring, unsigned int to_submit, unsigned int min_complete,
			int timeout_ms)
{
	struct cardring_enter enter = { .to_submit = to_submit, .min_complete = min_complete,
					.timeout_ms = timeout_ms };

	return call(kernel_fd(ring), CARDRING_IOC_ENTER, &enter);
}

/* Not tried again after a signal: a wait that the user ends must end. */
static int kernel_claim(cr_ring_t *ring, unsigned int slot, int timeout_ms)
{
	struct cardring_claim claim = { .slot = slot, .timeout_ms = timeout_ms };

	return ioctl(kernel_fd(ring), CARDRING_IOC_CLAIM, &claim) < 0 ? -errno : 0;
}

static int kernel_release(cr_ring_t *ring, unsigned int slot)
{
	struct cardring_claim claim = { .slot = slot };

	return call(kernel_fd(ring), CARDRING_IOC_RELEASE, &claim);
}

static int kernel_slot(cr_ring_t *ring, struct cardring_slot *slot)
{
	return call(kernel_fd(ring), CARDRING_IOC_SLOT, slot);
}

static void kernel_close(cr_ring_t *ring)
{
	struct kernel_ring *k = (struct kernel_ring *)ring;

	if (k->ring.hdr)
		munmap(k->ring.hdr, k->map_size);
	close(k->fd);
	free(k);
}

static const struct cr_ring_ops kernel_ops = {
	.enter = kernel_enter,
	.claim = kernel_claim,
	.release = kernel_release,
	.slot = kernel_slot,
	.fd = kernel_fd,
	.close = kernel_close,
};

static int open_error(int err)
{
	switch (err) {
	case EACCES:
	case EPERM:
		return CR_E_READER_DENIED;
	case ENOENT:
	case ENXIO:		/* a node whose driver is not there */
		return CR_E_NO_READER;
	case ENODEV:
		return CR_E_READER_GONE;
	case ENOMEM:
		return CR_E_NOMEM;
	case ENOTTY:
		return CR_E_NO_READER;	/* a device of another kind */
	}
	return CR_E_READER_FAILED;
}

static int node_open(const char *path, struct cardring_info *info)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), err;

	if (fd < 0)
		return open_error(errno);
	err = call(fd, CARDRING_IOC_INFO, info);
	if (err)
		err = open_error(-err);
	else if (info->abi != CARDRING_ABI_VERSION)
		err = CR_E_VERSION;
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int map(struct kernel_ring *k, const struct cr_ring_params *params)
{
	struct cardring_setup setup = { 0 };
	void *base;
	int err;

	if (params) {
		setup.entries = params->entries;
		setup.buffers = params->buffers;
		setup.buf_size = params->buf_size;
	}
	err = call(k->fd, CARDRING_IOC_SETUP, &setup);
	if (err)
		return err == -EINVAL ? CR_E_INVALID : open_error(-err);
	base = mmap(NULL, setup.map_size, PROT_READ | PROT_WRITE, MAP_SHARED, k->fd, 0);
	if (base == MAP_FAILED)
		return CR_E_NOMEM;
	k->map_size = setup.map_size;
	cr_ring_on(&k->ring, &kernel_ops, base);
	k->ring.wait = &k->wait;
	cr_wait_init(&k->wait);
	return 0;
}

static int kernel_open(const char *path, const struct cr_ring_params *params, cr_ring_t **ring,
		       struct cardring_info *info)
{
	struct cardring_info ignored;
	struct kernel_ring *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return CR_E_NOMEM;
	k->fd = node_open(path, info ? info : &ignored);
	if (k->fd < 0) {
		err = k->fd;
		free(k);
		return err;
	}
	err = map(k, params);
	if (err) {
		kernel_close(&k->ring);
		return err;
	}
	*ring = &k->ring;
	return 0;
}

static int kernel_owns(const char *path)
{
	return !strncmp(path, "/dev/", 5);
}

static unsigned long attr(struct udev_device *dev, const char *name, int base)
{
	const char *s = udev_device_get_sysattr_value(dev, name);

	return s ? strtoul(s, NULL, base) : 0;
}

/* What sysfs tells of a reader whose node does not open. */
static void describe(struct udev_device *dev, struct cardring_info *info)
{
	static const struct { const char *name; enum cardring_level level; } levels[] = {
		{ "tpdu", CARDRING_LEVEL_TPDU },
		{ "short-apdu", CARDRING_LEVEL_SHORT_APDU },
		{ "extended-apdu", CARDRING_LEVEL_EXTENDED_APDU },
	};
	const char *name = udev_device_get_sysattr_value(dev, "name");
	const char *serial = udev_device_get_sysattr_value(dev, "serial");
	const char *id = udev_device_get_sysattr_value(dev, "id");
	const char *level = udev_device_get_sysattr_value(dev, "level");
	unsigned int vendor, product;

	memset(info, 0, sizeof(*info));
	info->index = (uint32_t)strtoul(udev_device_get_sysnum(dev) ? udev_device_get_sysnum(dev) : "0",
					NULL, 10);
	snprintf(info->name, sizeof(info->name), "%s", name ? name : "");
	snprintf(info->serial, sizeof(info->serial), "%s", serial ? serial : "");
	info->slots = (uint32_t)attr(dev, "slots", 10);
	info->interface_number = (uint8_t)attr(dev, "interface_number", 10);
	if (id && sscanf(id, "%x:%x", &vendor, &product) == 2) {
		info->vendor = (uint16_t)vendor;
		info->product = (uint16_t)product;
	}
	for (size_t i = 0; level && i < sizeof(levels) / sizeof(*levels); i++) {
		if (!strcmp(level, levels[i].name))
			info->level = levels[i].level;
	}
}

/* One entry a slot, as far as there is room; how many there are. */
static size_t add(struct udev_device *dev, struct cr_reader_info *out, size_t room)
{
	const char *path = udev_device_get_devnode(dev);
	struct cr_reader_info r = { .backend = "kernel" };
	unsigned int slots, i;
	int fd;

	if (!path || (size_t)snprintf(r.path, sizeof(r.path), "%s", path) >= sizeof(r.path))
		return 0;
	fd = node_open(path, &r.dev);
	if (fd == CR_E_READER_GONE || fd == CR_E_NO_READER)
		return 0;
	if (fd < 0) {
		r.error = fd;
		describe(dev, &r.dev);
	}
	slots = r.dev.slots ? r.dev.slots : 1;
	for (i = 0; i < slots; i++) {
		struct cardring_slot slot = { .slot = i };

		r.slot = i;
		r.state = CARDRING_SLOT_UNKNOWN;
		r.owner_pid = 0;
		if (fd >= 0 && !call(fd, CARDRING_IOC_SLOT, &slot)) {
			r.state = slot.state;
			r.owner_pid = slot.owner_pid;
		}
		snprintf(r.name, sizeof(r.name), "%s", r.dev.name);
		if (i < room)
			out[i] = r;
	}
	if (fd >= 0)
		close(fd);
	return slots;
}

static int by_index(const void *a, const void *b)
{
	const struct cr_reader_info *x = a, *y = b;

	if (x->dev.index != y->dev.index)
		return x->dev.index < y->dev.index ? -1 : 1;
	return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static int kernel_list(struct cr_reader_info *out, size_t max)
{
	struct udev_list_entry *entry;
	struct udev_enumerate *en;
	struct udev *udev = udev_new();
	size_t n = 0;

	if (!udev)
		return CR_E_NOMEM;
	en = udev_enumerate_new(udev);
	if (!en) {
		udev_unref(udev);
		return CR_E_NOMEM;
	}
	udev_enumerate_add_match_subsystem(en, "cardring");
	udev_enumerate_scan_devices(en);
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(en)) {
		const char *syspath = udev_list_entry_get_name(entry);
		struct udev_device *dev = udev_device_new_from_syspath(udev, syspath);

		if (!dev)
			continue;	/* just unplugged */
		n += add(dev, n < max ? out + n : NULL, n < max ? max - n : 0);
		udev_device_unref(dev);
	}
	udev_enumerate_unref(en);
	udev_unref(udev);
	qsort(out, n < max ? n : max, sizeof(*out), by_index);
	return (int)n;
}

const struct cr_backend cr_backend_kernel = {
	.name = "kernel",
	.list = kernel_list,
	.owns = kernel_owns,
	.open = kernel_open,
};
