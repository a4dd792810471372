// SPDX-License-Identifier: BSD-2-Clause
/*
 * One reader, seen through two backends. What pcscd drives by libccid shows as busy over libusb; what it drives by our
 * IFD handler is the module's. Each is listed once: as the way that works.
 *
 * They are known for the same by their place on the bus. Where another PC/SC program has the reader for itself, its
 * place cannot be asked for: then by the serial number or the product's name in pcscd's name for it, and in the end by
 * there being one that pcscd holds and that is not accounted for.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "reader/backend.h"

static bool is_pcsc(const struct cr_reader_info *r)
{
	return !strcmp(r->backend, "pcsc");
}

static bool same_device(const struct cr_reader_info *a, const struct cr_reader_info *b)
{
	return a->dev.devnum && a->dev.busnum == b->dev.busnum && a->dev.devnum == b->dev.devnum;
}

/* May it be a reader that pcscd holds? Who holds it is not seen by everybody. */
static bool held_by_pcscd(const struct cr_reader_info *r)
{
	char path[64], comm[32] = "";
	FILE *f;

	if (is_pcsc(r) || !r->dev.devnum)
		return false;
	if (!r->owner_pid)
		return r->error == CR_E_READER_BUSY;
	snprintf(path, sizeof(path), "/proc/%d/comm", r->owner_pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(comm, sizeof(comm), f))
		comm[0] = '\0';
	fclose(f);
	return !strcmp(comm, "pcscd\n");
}

static bool accounted_for(const struct cr_reader_info *list, size_t n, const struct cr_reader_info *r)
{
	for (size_t i = 0; i < n; i++) {
		if (is_pcsc(&list[i]) && same_device(&list[i], r))
			return true;
	}
	return false;
}

/* How well a name of pcscd's fits a device: by serial number, by name, or not at all. */
static unsigned int fit(const char *name, const struct cardring_info *dev)
{
	if (*dev->serial && strstr(name, dev->serial))
		return 3;
	return *dev->name && strcasestr(name, dev->name) ? 2 : 1;
}

/* Gives a reader of pcscd's whose place is not known that of the device it must be. */
static void place(struct cr_reader_info *list, size_t n, struct cr_reader_info *r)
{
	const struct cr_reader_info *best = NULL;
	unsigned int score, most = 0;

	for (size_t i = 0; i < n; i++) {
		if (!held_by_pcscd(&list[i]) || accounted_for(list, n, &list[i]))
			continue;
		score = fit(r->name, &list[i].dev);
		if (score > most) {
			most = score;
			best = &list[i];
		}
	}
	if (!best)
		return;
	r->dev.busnum = best->dev.busnum;
	r->dev.devnum = best->dev.devnum;
	r->dev.vendor = best->dev.vendor;
	r->dev.product = best->dev.product;
	snprintf(r->dev.serial, sizeof(r->dev.serial), "%s", best->dev.serial);
}

/* Is the same reader there by a way that goes before this one? */
static bool is_double(const struct cr_reader_info *list, size_t n, const struct cr_reader_info *r)
{
	for (size_t i = 0; i < n; i++) {
		const struct cr_reader_info *o = &list[i];

		if (is_pcsc(o) == is_pcsc(r) || !same_device(o, r))
			continue;
		/* pcscd's way is the one where the other is barred; the module's is never */
		if (is_pcsc(r) ? !strcmp(o->backend, "kernel") || !o->error : r->error && strcmp(r->backend, "kernel"))
			return true;
	}
	return false;
}

/* Does libusb know it for a security token's? */
static bool token_over_usb(const struct cr_reader_info *list, size_t n, const struct cr_reader_info *r)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].token && !is_pcsc(&list[i]) && same_device(&list[i], r))
			return true;
	}
	return false;
}

size_t cr_reader_merge(struct cr_reader_info *list, size_t n)
{
	bool drop[n ? n : 1];
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_pcsc(&list[i]) && !list[i].dev.devnum && list[i].error && !cr_pcscd_elsewhere())
			place(list, n, &list[i]);
		if (is_pcsc(&list[i]) && token_over_usb(list, n, &list[i]))
			list[i].token = 1;
	}
	for (size_t i = 0; i < n; i++)
		drop[i] = is_double(list, n, &list[i]);
	for (size_t i = 0; i < n; i++) {
		if (!drop[i])
			list[left++] = list[i];
	}
	return left;
}
