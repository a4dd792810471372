// SPDX-License-Identifier: BSD-2-Clause
/* Which readers there are, by all backends, and which one the user means. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <libudev.h>
#include "reader/backend.h"

#define BACKENDS_MAX	8

static const struct cr_backend *backends[BACKENDS_MAX] = { &cr_backend_kernel, &cr_backend_usb, &cr_backend_pcsc };
static size_t n_backends = 3;
static const struct cr_backend *only;	/* cr_backend_use */
static bool asked;			/* of the environment */

int cr_backend_register(const struct cr_backend *backend)
{
	if (n_backends == BACKENDS_MAX)
		return CR_E_INVALID;
	backends[n_backends++] = backend;
	return 0;
}

int cr_backend_use(const char *name)
{
	asked = true;
	only = NULL;
	if (!name)
		return 0;
	for (size_t i = 0; i < n_backends; i++) {
		if (!strcmp(backends[i]->name, name))
			only = backends[i];
	}
	return only ? 0 : CR_E_INVALID;
}

static int ask_environment(void)
{
	const char *name = asked ? NULL : secure_getenv("CARDRING_BACKEND");
	int err;

	if (!name || !*name)
		return 0;
	err = cr_backend_use(name);
	asked = !err;		/* a backend of that name may be registered yet */
	return err;
}

const struct cr_backend *cr_backend_only(void)
{
	return only;
}

const struct cr_backend *cr_backend_of(const char *path)
{
	for (size_t i = 0; i < n_backends; i++) {
		if (backends[i]->owns(path))
			return backends[i];
	}
	return NULL;
}

int cr_ring_error(int err)
{
	switch (err) {
	case 0:
		return 0;
	case -ENODEV:
		return CR_E_READER_GONE;
	case -EBUSY:
		return CR_E_READER_BUSY;
	case -ENOMEDIUM:
		return CR_E_CARD_GONE;
	case -ENOMEM:
		return CR_E_NOMEM;
	case -EINTR:
	case -ECANCELED:
		return CR_E_CANCELED;
	case -ETIME:
	case -ETIMEDOUT:
		return CR_E_TIMEOUT;
	case -EPERM:
		return CR_E_READER_DENIED;
	case -EMSGSIZE:
		return CR_E_TOO_LONG;
	case -EOPNOTSUPP:
		return CR_E_UNSUPPORTED;
	case -EPROTO:
	case -EIO:
	case -EREMOTEIO:
	case -ESHUTDOWN:
		return CR_E_READER_FAILED;
	}
	return CR_E_INTERNAL;
}

/* A backend's readers behind *list; the array is asked for again where it was too short. */
static int append(const struct cr_backend *backend, struct cr_reader_info **list, size_t *n)
{
	size_t room = 32;

	for (;;) {
		struct cr_reader_info *grown = reallocarray(*list, *n + room, sizeof(*grown));
		int got;

		if (!grown)
			return CR_E_NOMEM;
		*list = grown;
		got = backend->list(grown + *n, room);
		if (got < 0)
			return got;
		if ((size_t)got <= room) {
			*n += (size_t)got;
			return 0;
		}
		room = (size_t)got + 8;
	}
}

static void append_text(struct cr_reader_info *r, const char *fmt, const char *text, unsigned int n)
{
	char more[96];
	size_t len = strlen(r->name), want;

	snprintf(more, sizeof(more), fmt, text, n);
	want = strlen(more);
	if (len + want >= sizeof(r->name))
		len = sizeof(r->name) - 1 - want;
	memcpy(r->name + len, more, want + 1);
}

/* How many readers of the list have the name of the one at i. */
static unsigned int namesakes(const struct cr_reader_info *list, size_t n, size_t i)
{
	unsigned int same = 0;

	for (size_t j = 0; j < n; j++)
		same += !strcmp(list[i].name, list[j].name);
	return same;
}

enum part { SERIAL, SLOT, PATH };

/* Puts a part behind each name that several readers have. */
static int distinguish(struct cr_reader_info *list, size_t n, enum part part)
{
	bool *mark = calloc(n ? n : 1, sizeof(*mark));

	if (!mark)
		return CR_E_NOMEM;
	for (size_t i = 0; i < n; i++)
		mark[i] = namesakes(list, n, i) > 1;
	for (size_t i = 0; i < n; i++) {
		if (!mark[i])
			continue;
		if (part == SERIAL && list[i].dev.serial[0])
			append_text(&list[i], " [%s]", list[i].dev.serial, 0);
		else if (part == SLOT && list[i].dev.slots > 1)
			append_text(&list[i], "%s slot %u", "", list[i].slot);
		else if (part == PATH)
			append_text(&list[i], " (%s)", list[i].path, 0);
	}
	free(mark);
	return 0;
}

/* Serial numbers, then slots, and where both are the same, the paths. */
static int make_unique(struct cr_reader_info *list, size_t n)
{
	int err = distinguish(list, n, SERIAL);

	if (!err)
		err = distinguish(list, n, SLOT);
	return err ? err : distinguish(list, n, PATH);
}

int cr_reader_list(struct cr_reader_info **out)
{
	size_t n = 0;
	int err = ask_environment();

	*out = NULL;
	for (size_t i = 0; i < n_backends && !err; i++) {
		if (!only || only == backends[i])
			err = append(backends[i], out, &n);
	}
	n = err ? 0 : cr_reader_merge(*out, n);
	if (!err)
		err = make_unique(*out, n);
	if (err) {
		free(*out);
		*out = NULL;
		return err;
	}
	return (int)n;
}

/* Does the USB bus show a CCID interface (class 0B)? */
static bool ccid_on_usb(void)
{
	struct udev *udev = udev_new();
	struct udev_enumerate *en = udev ? udev_enumerate_new(udev) : NULL;
	bool found = false;

	if (en) {
		udev_enumerate_add_match_subsystem(en, "usb");
		udev_enumerate_add_match_sysattr(en, "bInterfaceClass", "0b");
		udev_enumerate_scan_devices(en);
		found = udev_enumerate_get_list_entry(en) != NULL;
		udev_enumerate_unref(en);
	}
	if (udev)
		udev_unref(udev);
	return found;
}

static bool by_name_only(const struct cr_reader_info *r)
{
	const struct cr_backend *b = cr_backend_of(r->path);

	return b && b->only_by_name && b != only;
}

static const struct cr_reader_info *pick_default(const struct cr_reader_info *list, size_t n)
{
	const struct cr_reader_info *first = NULL;

	/* a card first; then what can be opened; then what there is */
	for (size_t i = 0; i < n; i++) {
		if (by_name_only(&list[i]) || list[i].token)
			continue;
		if (list[i].state == CARDRING_SLOT_PRESENT || list[i].state == CARDRING_SLOT_POWERED)
			return &list[i];
		if (!first || (first->error && !list[i].error))
			first = &list[i];
	}
	return first;
}

static bool contains(const char *name, const char *part)
{
	size_t n = strlen(part);

	for (; *name; name++) {
		if (!strncasecmp(name, part, n))
			return true;
	}
	return false;
}

static const struct cr_reader_info *pick(const struct cr_reader_info *list, size_t n, const char *what)
{
	unsigned long index;
	char *end;

	if (!what)
		return pick_default(list, n);
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(list[i].path, what) || !strcmp(list[i].name, what))
			return &list[i];
	}
	if (!*what || cr_backend_of(what))
		return NULL;
	if (isdigit((unsigned char)*what)) {
		errno = 0;
		index = strtoul(what, &end, 10);
		if (!*end && !errno)
			return index < n ? &list[index] : NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (contains(list[i].name, what))
			return &list[i];
	}
	return NULL;
}

/* A path that no list has, for the backend to try ("sim:an?level=tpdu", a link to a node). */
static int unlisted(const char *path, struct cr_reader_info *out)
{
	const struct cr_backend *backend = cr_backend_of(path);

	memset(out, 0, sizeof(*out));
	if (!backend)
		return CR_E_NO_READER;
	if (strlen(path) >= sizeof(out->path))
		return CR_E_NO_READER;
	strcpy(out->path, path);
	snprintf(out->name, sizeof(out->name), "%s", path);
	snprintf(out->backend, sizeof(out->backend), "%s", backend->name);
	return 0;
}

int cr_reader_find(const char *what, struct cr_reader_info *out)
{
	const struct cr_reader_info *found;
	struct cr_reader_info *list;
	int n = cr_reader_list(&list), err = 0;
	bool real = false;

	if (n < 0)
		return n;
	found = pick(list, (size_t)n, what);
	for (int i = 0; i < n && !real; i++)
		real = !by_name_only(&list[i]);
	if (found)
		*out = *found;
	else
		err = what ? unlisted(what, out) : CR_E_NO_READER;
	free(list);
	if (err == CR_E_NO_READER && !real && only != &cr_backend_pcsc && ccid_on_usb())
		return CR_E_NO_DRIVER;
	return err;
}
