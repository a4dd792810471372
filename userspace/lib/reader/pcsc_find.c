// SPDX-License-Identifier: BSD-2-Clause
/*
 * The backend "pcsc": the readers that pcscd has. A reader's path is "pcsc:" and the name that pcscd gives it.
 *
 * Which USB device a reader is the driver under pcscd tells (SCARD_ATTR_CHANNEL_ID), to whoever connects to the reader
 * itself, without the card; not while another program has it for itself alone. Of another machine's pcscd nobody asks it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libudev.h>
#include "reader/backend.h"
#include "pcsc_int.h"

#define PREFIX		"pcsc:"
#define LOOK_MS		3000
#define MAX_PAYLOAD	65544	/* the longest APDU: header, Lc, data, Le */
#define NAMES_MAX	(64 * PCSC_NAME_MAX)

/* A look at what pcscd has; all of it happens in a thread of its own. */
struct look {
	const struct pcsc_api *api;
	int err;
	size_t n;
	struct cr_reader_info *list;
};

static void look_free(void *arg)
{
	struct look *l = arg;

	free(l->list);
	free(l);
}

/* ---- one reader ---- */

static void nothing_known(struct cardring_info *info, const char *name)
{
	*info = (struct cardring_info) {
		.abi = CARDRING_ABI_VERSION,
		.slots = 1, .busy_slots = 1,
		.level = CARDRING_LEVEL_EXTENDED_APDU, .features = (uint32_t)CARDRING_LEVEL_EXTENDED_APDU << 16,
		.max_payload = MAX_PAYLOAD, .max_message = MAX_PAYLOAD + CARDRING_HDR_ROOM,
		.has_interrupt = 1,
	};
	snprintf(info->name, sizeof(info->name), "%s", name);
}

static unsigned long attr(struct udev_device *dev, const char *name, int base)
{
	const char *s = udev_device_get_sysattr_value(dev, name);

	return s ? strtoul(s, NULL, base) : 0;
}

static void identify(struct udev_device *dev, struct cr_reader_info *r)
{
	const char *serial = udev_device_get_sysattr_value(dev, "serial");
	struct cardring_info *info = &r->dev;

	r->token = cr_usb_token(udev_device_get_sysname(dev));
	info->vendor = (uint16_t)attr(dev, "idVendor", 16);
	info->product = (uint16_t)attr(dev, "idProduct", 16);
	info->bcd_device = (uint16_t)attr(dev, "bcdDevice", 16);
	snprintf(info->serial, sizeof(info->serial), "%s", serial ? serial : "");
}

bool cr_pcsc_left(const struct cardring_info *info)
{
	char path[64];

	/* by its character device's numbers (Linux, Documentation/admin-guide/devices.txt: 189) */
	snprintf(path, sizeof(path), "/sys/dev/char/189:%u", (info->busnum - 1) * 128 + info->devnum - 1);
	return info->devnum && access(path, F_OK) && !access("/sys/dev/char", F_OK);
}

/* What the USB device at the reader's place says of itself. */
static void look_at_bus(struct cr_reader_info *r)
{
	struct udev *udev = udev_new();
	struct udev_enumerate *en = udev ? udev_enumerate_new(udev) : NULL;
	struct udev_list_entry *entry;
	char bus[12], address[12];

	snprintf(bus, sizeof(bus), "%u", r->dev.busnum);
	snprintf(address, sizeof(address), "%u", r->dev.devnum);
	if (en) {
		udev_enumerate_add_match_subsystem(en, "usb");
		udev_enumerate_add_match_sysattr(en, "busnum", bus);
		udev_enumerate_add_match_sysattr(en, "devnum", address);
		udev_enumerate_scan_devices(en);
		entry = udev_enumerate_get_list_entry(en);
		if (entry) {
			struct udev_device *dev = udev_device_new_from_syspath(udev, udev_list_entry_get_name(entry));

			if (dev)
				identify(dev, r);
			udev_device_unref(dev);
		}
		udev_enumerate_unref(en);
	}
	udev_unref(udev);
}

static void describe(const struct pcsc_api *api, long ctx, const char *name, struct cr_reader_info *r)
{
	unsigned long protocol, len = sizeof(uint32_t);
	uint32_t channel = 0;
	long card;

	nothing_known(&r->dev, name);
	if (cr_pcscd_elsewhere() || api->connect(ctx, name, PCSC_SHARE_DIRECT, 0, &card, &protocol))
		return;
	/* PC/SC part 3: DDDDCCCC; DDDD 0020 is USB, CCCC bus and address */
	if (!api->attrib(card, PCSC_ATTR_CHANNEL_ID, (unsigned char *)&channel, &len) && len == sizeof(channel) &&
	    channel >> 16 == 0x20) {
		r->dev.busnum = channel >> 8 & 0xff;
		r->dev.devnum = channel & 0xff;
	}
	api->disconnect(card, PCSC_LEAVE_CARD);
}

static void look_at(const struct pcsc_api *api, long ctx, const char *name, struct cr_reader_info *r)
{
	struct pcsc_state state = { .reader = name };
	bool mine;

	memset(r, 0, sizeof(*r));
	snprintf(r->backend, sizeof(r->backend), "pcsc");
	snprintf(r->name, sizeof(r->name), "%s", name);
	snprintf(r->path, sizeof(r->path), PREFIX "%s", name);
	mine = cr_pcsc_mine(name, false, r);
	if (!mine)
		describe(api, ctx, name, r);
	if (r->dev.devnum)
		look_at_bus(r);
	if (mine)
		return;
	/* one that was unplugged while this process had it, and that pcscd has not let go yet */
	if (!r->dev.devnum)
		cr_pcsc_mine(name, true, r);
	if (api->status_change(ctx, 0, &state, 1))
		return;
	r->state = state.event & PCSC_STATE_PRESENT ? CARDRING_SLOT_PRESENT : CARDRING_SLOT_EMPTY;
	if (state.event & PCSC_STATE_EXCLUSIVE)
		r->error = CR_E_READER_BUSY;
}

/* ---- all of them ---- */

static void look(void *arg)
{
	char *names = malloc(NAMES_MAX), *name;
	unsigned long len = NAMES_MAX;
	struct look *l = arg;
	size_t room = 0;
	long ctx, rv;

	rv = names ? l->api->establish(2, NULL, NULL, &ctx) : PCSC_E_NO_MEMORY;
	if (rv) {
		l->err = cr_pcsc_error(rv);
		free(names);
		return;
	}
	rv = l->api->list(ctx, NULL, names, &len);
	if (rv && (rv & 0xffffffffL) != PCSC_E_NO_READERS_AVAILABLE)
		l->err = cr_pcsc_error(rv);
	/* names, each with a NUL, and one more behind them */
	for (name = names; !rv && !l->err && *name; name += strlen(name) + 1) {
		if (l->n == room) {
			struct cr_reader_info *grown = reallocarray(l->list, room += 16, sizeof(*grown));

			if (!grown) {
				l->err = CR_E_NOMEM;
				break;
			}
			l->list = grown;
		}
		look_at(l->api, ctx, name, &l->list[l->n]);
		l->n += !cr_pcsc_left(&l->list[l->n].dev);
	}
	l->api->release(ctx);
	free(names);
}

/* 0 or enum cr_error; *out is the caller's to look_free(). */
static int look_around(struct look **out)
{
	const struct pcsc_api *api = cr_pcsc();
	struct look *l;
	int err;

	*out = NULL;
	if (!api)
		return CR_E_NO_SERVICE;
	l = calloc(1, sizeof(*l));
	if (!l)
		return CR_E_NOMEM;
	l->api = api;
	if (!cr_pcsc_errand(look, look_free, l, LOOK_MS))
		return CR_E_NO_SERVICE;
	err = l->err;
	if (err)
		look_free(l);
	else
		*out = l;
	return err;
}

static int pcsc_list(struct cr_reader_info *out, size_t max)
{
	bool named = cr_backend_only() == &cr_backend_pcsc;
	struct look *l;
	size_t n;
	int err;

	/* who asks for everything gets what there is, and starts no daemon */
	if (!named && !cr_pcscd_runs())
		return 0;
	err = look_around(&l);
	if (err)
		return named ? err : 0;
	n = l->n;
	if (n && max)
		memcpy(out, l->list, (n < max ? n : max) * sizeof(*out));
	look_free(l);
	return (int)n;
}

static int pcsc_owns(const char *path)
{
	return !strncmp(path, PREFIX, strlen(PREFIX));
}

int cr_pcsc_resolve(const char *path, char name[PCSC_NAME_MAX], struct cardring_info *info)
{
	struct look *l;
	int err = look_around(&l);

	if (err)
		return err;
	err = CR_E_NO_READER;
	for (size_t i = 0; i < l->n && err; i++) {
		if (strcmp(l->list[i].path, path))
			continue;
		/* not of the path, which may be too short for it */
		snprintf(name, PCSC_NAME_MAX, "%.*s", PCSC_NAME_MAX - 1, l->list[i].name);
		*info = l->list[i].dev;
		err = 0;
	}
	look_free(l);
	return err;
}

static int pcsc_open(const char *path, const struct cr_ring_params *params, cr_ring_t **ring,
		     struct cardring_info *info)
{
	struct cardring_info dev;
	char name[PCSC_NAME_MAX];
	int err = cr_pcsc_resolve(path, name, &dev);

	if (!err)
		err = cr_pcsc_ring_new(name, &dev, params, ring);
	if (!err && info)
		*info = dev;
	return err;
}

const struct cr_backend cr_backend_pcsc = {
	.name = "pcsc",
	.list = pcsc_list,
	.owns = pcsc_owns,
	.open = pcsc_open,
	.whole_messages = 1,
};
