// SPDX-License-Identifier: BSD-2-Clause
/*
 * A table of real readers. A line is a list ("@N<tab>1,2,3"), a comment, or an interface: fields by tabs, "-" where
 * there is nothing. The class descriptor is put together again to the byte; what the reader then does is what it
 * declares, but where that cannot be: then it does what such readers do, and says what it says.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include "drawer.h"
#include "usbip.h"
#include "vreader_int.h"

enum column {
	NAME, INTERFACE, VENDOR, PRODUCT, DEVICE, MANUFACTURER_NAME, PRODUCT_NAME, INTERFACE_NAME, CLASS, SUBCLASS,
	PROTOCOL, ENDPOINTS, DESC_TYPE, BCD_CCID, MAX_SLOT, VOLTAGE, PROTOCOLS, CLOCK, MAX_CLOCK, N_CLOCKS, CLOCKS,
	RATE, MAX_RATE, N_RATES, RATES, MAX_IFSD, SYNCH, MECHANICAL, FEATURES, MAX_MESSAGE, GET_RESPONSE, ENVELOPE,
	LCD, PIN, BUSY, LEVEL, ODDITIES, COLUMNS,
};

/* What is a number, and the largest that its field takes. A column that is none has 0. */
static const uint32_t bound[COLUMNS] = {
	[INTERFACE] = USBIP_MAX_INTERFACES - 1, [VENDOR] = 0xFFFF, [PRODUCT] = 0xFFFF, [DEVICE] = 0xFFFF,
	[CLASS] = 0xFF, [SUBCLASS] = 0xFF, [PROTOCOL] = 0xFF, [ENDPOINTS] = 3, [DESC_TYPE] = 0xFF, [BCD_CCID] = 0xFFFF,
	[MAX_SLOT] = VREADER_MAX_SLOTS - 1, [VOLTAGE] = 0xFF, [PROTOCOLS] = UINT32_MAX, [CLOCK] = UINT32_MAX,
	[MAX_CLOCK] = UINT32_MAX, [N_CLOCKS] = 0xFF, [RATE] = UINT32_MAX, [MAX_RATE] = UINT32_MAX, [N_RATES] = 0xFF,
	[MAX_IFSD] = UINT32_MAX, [SYNCH] = UINT32_MAX, [MECHANICAL] = UINT32_MAX, [FEATURES] = UINT32_MAX,
	[MAX_MESSAGE] = 1 << 20, [GET_RESPONSE] = 0xFF, [ENVELOPE] = 0xFF, [LCD] = 0xFFFF, [PIN] = 0xFF, [BUSY] = 0xFF,
};

static bool number(const char *s, char end, const char **after, uint32_t max, uint32_t *out)
{
	unsigned long long n;
	char *e;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	n = strtoull(s, &e, s[0] == '0' && s[1] == 'x' ? 16 : 10);
	if (errno || n > max || (*e && *e != end))
		return false;
	*out = (uint32_t)n;
	*after = *e ? e + 1 : e;
	return true;
}

static int add_list(struct drawer *d, const char *s)
{
	struct drawer_list l = { 0 }, *p;

	p = realloc(d->list, (d->n_lists + 1) * sizeof(*p));
	if (!p)
		return CR_E_NOMEM;
	d->list = p;
	l.value = malloc((strlen(s) / 2 + 1) * sizeof(*l.value));
	if (!l.value)
		return CR_E_NOMEM;
	p[d->n_lists++] = l;
	do {
		if (!number(s, ',', &s, UINT32_MAX, &l.value[l.n++]))
			return CR_E_MALFORMED;
	} while (*s);
	p[d->n_lists - 1] = l;
	return 0;
}

/* "-", "1,2,3" or "@N" */
static int find_list(struct drawer *d, const char *s, const uint32_t **value, unsigned int *n)
{
	uint32_t i = (uint32_t)d->n_lists;
	int err = 0;

	if (!strcmp(s, "-"))
		return 0;
	if (*s != '@')
		err = add_list(d, s);
	else if (!number(s + 1, 0, &s, (uint32_t)d->n_lists, &i) || !i--)
		err = CR_E_MALFORMED;
	if (err)
		return err;
	*value = d->list[i].value;
	*n = d->list[i].n;
	return 0;
}

/* CCID 1.1, table 5.1-1 */
static void class_descriptor(uint8_t *b, const uint32_t *v)
{
	b[0] = DRAWER_CLASS_DESC;
	b[1] = v[DESC_TYPE];
	b[2] = v[BCD_CCID];
	b[3] = v[BCD_CCID] >> 8;
	b[4] = v[MAX_SLOT];
	b[5] = v[VOLTAGE];
	put_le32(b + 6, v[PROTOCOLS]);
	put_le32(b + 10, v[CLOCK]);
	put_le32(b + 14, v[MAX_CLOCK]);
	b[18] = v[N_CLOCKS];
	put_le32(b + 19, v[RATE]);
	put_le32(b + 23, v[MAX_RATE]);
	b[27] = v[N_RATES];
	put_le32(b + 28, v[MAX_IFSD]);
	put_le32(b + 32, v[SYNCH]);
	put_le32(b + 36, v[MECHANICAL]);
	put_le32(b + 40, v[FEATURES]);
	put_le32(b + 44, v[MAX_MESSAGE]);
	b[48] = v[GET_RESPONSE];
	b[49] = v[ENVELOPE];
	b[50] = v[LCD];
	b[51] = v[LCD] >> 8;
	b[52] = v[PIN];
	b[53] = v[BUSY];
}

static const char *text(const char *s, const char *none)
{
	return strcmp(s, "-") ? s : none;
}

static int add_interface(struct drawer *d, char *const *f)
{
	struct drawer_interface *i = &d->interface[d->n];
	struct vreader_config *c = &i->config;
	uint32_t v[COLUMNS] = { 0 };
	const char *rest;
	int err;

	for (int k = 0; k < COLUMNS; k++)
		if (bound[k] && !number(f[k], 0, &rest, bound[k], &v[k]))
			return CR_E_MALFORMED;
	if (v[MAX_MESSAGE] < CCID_HDR || !*f[NAME])
		return CR_E_MALFORMED;
	i->name = f[NAME];
	class_descriptor(i->class_desc, v);
	*c = (struct vreader_config){
		.vid = v[VENDOR], .pid = v[PRODUCT], .bcd_device = v[DEVICE],
		.manufacturer = text(f[MANUFACTURER_NAME], ""), .product = text(f[PRODUCT_NAME], ""),
		.interface = text(f[INTERFACE_NAME], NULL),
		.interface_number = v[INTERFACE], .interface_class = v[CLASS],
		.interface_subclass = v[SUBCLASS], .interface_protocol = v[PROTOCOL],
		.no_bulk = v[ENDPOINTS] < 2, .no_interrupt = v[ENDPOINTS] == 0 || v[ENDPOINTS] == 2,
		.speed = VREADER_FULL_SPEED,	/* the dumps do not tell; such devices are */
		.as_declared = true,
		.slots = v[MAX_SLOT] + 1,
		.busy_slots = v[BUSY], .busy_slots_zero = !v[BUSY],
		.level = v[FEATURES] >> 16 & 7, .features = v[FEATURES] & ~0x70000u,
		.max_message = v[MAX_MESSAGE], .mechanical = v[MECHANICAL], .max_ifsd = v[MAX_IFSD],
		.pin_support = v[PIN], .lcd_layout = v[LCD],
		/* none at all is not what a reader with a card in it can mean: it then is 5 V, and both protocols */
		.voltage = v[VOLTAGE] & 7 ? v[VOLTAGE] & 7 : 1,
		.protocols = v[PROTOCOLS] & 3 ? v[PROTOCOLS] & 3 : 3,
		.class_desc_len = DRAWER_CLASS_DESC,
	};
	if (c->level != VREADER_CHARACTER && c->level != VREADER_TPDU && c->level != VREADER_SHORT &&
	    c->level != VREADER_EXTENDED)
		return CR_E_MALFORMED;
	err = find_list(d, f[CLOCKS], &c->clocks, &c->nclocks);
	if (!err)
		err = find_list(d, f[RATES], &c->rates, &c->nrates);
	if (!err)
		d->n++;
	return err;
}

static int parse_line(struct drawer *d, char *line)
{
	char *f[COLUMNS + 1];
	uint32_t number_of;
	const char *rest;
	int n = 0;

	if (!*line || *line == '#')
		return 0;
	while (n <= COLUMNS && line)
		f[n++] = strsep(&line, "\t");
	if (f[0][0] != '@')
		return n == COLUMNS ? add_interface(d, f) : CR_E_MALFORMED;
	/* lists are counted, and stand before the first interface, which may bring lists of its own */
	if (n != 2 || d->n || !number(f[0] + 1, 0, &rest, UINT32_MAX, &number_of) || number_of != d->n_lists + 1)
		return CR_E_MALFORMED;
	return add_list(d, f[1]);
}

static int parse(struct drawer *d, unsigned int *line)
{
	char *text_left = d->text, *p;
	size_t lines = 1;
	int err = 0;

	for (p = d->text; *p; p++)
		lines += *p == '\n';
	d->interface = calloc(lines, sizeof(*d->interface));
	if (!d->interface)
		return CR_E_NOMEM;
	for (*line = 0; !err && text_left; ++*line)
		err = parse_line(d, strsep(&text_left, "\n"));
	for (size_t i = 0; i < d->n; i++)
		d->interface[i].config.class_desc = d->interface[i].class_desc;
	for (size_t i = 0; !err && i < d->n; i += drawer_device(d, i))
		if (drawer_device(d, i) > USBIP_MAX_FUNCTIONS)
			err = CR_E_MALFORMED;
	return err;
}

static char *slurp(const char *file)
{
	size_t len = 0, room = 1 << 16;
	char *text_read = malloc(room), *p;
	FILE *f = fopen(file, "re");

	while (f && text_read) {
		len += fread(text_read + len, 1, room - 1 - len, f);
		if (len < room - 1)
			break;
		p = realloc(text_read, room *= 2);
		if (!p)
			free(text_read);
		text_read = p;
	}
	if (text_read && (!f || ferror(f))) {
		int err = errno;

		free(text_read);
		text_read = NULL;
		errno = err;
	}
	if (f)
		fclose(f);
	if (text_read)
		text_read[len] = 0;
	return text_read;
}

int drawer_load(const char *file, struct drawer **out, unsigned int *line)
{
	struct drawer *d = calloc(1, sizeof(*d));
	int err;

	*out = NULL;
	*line = 0;
	if (!d)
		return CR_E_NOMEM;
	d->text = slurp(file);
	err = !d->text ? errno == ENOMEM ? CR_E_NOMEM : CR_E_NOT_FOUND : parse(d, line);
	if (err) {
		drawer_free(d);
		return err;
	}
	*out = d;
	return 0;
}

void drawer_free(struct drawer *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n_lists; i++)
		free(d->list[i].value);
	free(d->list);
	free(d->interface);
	free(d->text);
	free(d);
}

unsigned int drawer_device(const struct drawer *d, size_t at)
{
	unsigned int n = 0;

	while (at + n < d->n && !strcmp(d->interface[at].name, d->interface[at + n].name))
		n++;
	return n;
}

size_t drawer_find(const struct drawer *d, const char *name)
{
	size_t i = 0;

	while (i < d->n && strcmp(d->interface[i].name, name))
		i++;
	return i;
}
