// SPDX-License-Identifier: BSD-2-Clause
/*
 * The virtual reader's control pipe: standard requests and descriptors (USB 2.0, 9.4 and 9.6; USB 3.2, 9.6 for
 * SuperSpeed). Class requests go to the reader. SET_ADDRESS never comes: vhci_hcd answers it itself.
 *
 * USB/IP does not carry a port reset. The host configures the device anew after each, so SET_CONFIGURATION is
 * taken for one: cards lose their power.
 */
#include <string.h>
#include "usbip_int.h"

enum { STR_LANGUAGES, STR_MANUFACTURER, STR_PRODUCT, STR_SERIAL, STR_INTERFACE };

struct builder { uint8_t *p; size_t len, size; };

static void add(struct builder *b, const void *data, size_t len)
{
	if (len > b->size - b->len)
		len = b->size - b->len;
	memcpy(b->p + b->len, data, len);
	b->len += len;
}

static const struct vreader_config *config(const struct usbip_dev *d, unsigned int fn)
{
	return vreader_cfg(d->fn[fn].reader);
}

static bool super(const struct usbip_dev *d)
{
	return config(d, 0)->speed == VREADER_SUPER_SPEED;
}

/* 9.6.1, and 9.6.2 where qualifier: what the device would be at the other speed, the same */
static void device(const struct usbip_dev *d, struct builder *b, bool qualifier)
{
	const struct vreader_config *c = config(d, 0);
	uint8_t dev[18] = {
		18, 1, 0x00, super(d) ? 0x03 : 0x02, 0, 0, 0, super(d) ? 9 : 64, c->vid, c->vid >> 8, c->pid,
		c->pid >> 8, c->bcd_device, c->bcd_device >> 8, *c->manufacturer ? STR_MANUFACTURER : 0,
		*c->product ? STR_PRODUCT : 0, c->serial ? STR_SERIAL : 0, 1,
	};

	if (qualifier) {
		dev[0] = 10;
		dev[1] = 6;
		dev[8] = 1;
		dev[9] = 0;
	}
	add(b, dev, dev[0]);
}

static void endpoint(const struct usbip_dev *d, struct builder *b, unsigned int fn, enum vreader_ep ep)
{
	const struct vreader_config *c = config(d, fn);
	int n = usbip_ep_number(d, fn, ep);
	bool interrupt = ep == VREADER_INTERRUPT;
	unsigned int packet = interrupt ? 16 : c->bulk_packet;
	const uint8_t e[] = {
		7, 5, n | (ep == VREADER_BULK_OUT ? 0 : 0x80), interrupt ? 3 : 2, packet, packet >> 8,
		interrupt ? c->interrupt_interval : 0,
	};
	const uint8_t companion[] = { 6, 0x30, 0, 0, interrupt ? packet : 0, 0 };

	if (n < 0)
		return;
	add(b, e, sizeof(e));
	if (super(d))
		add(b, companion, sizeof(companion));
}

static unsigned int interfaces(const struct usbip_dev *d)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->functions; i++)
		n = d->fn[i].number >= n ? d->fn[i].number + 1u : n;
	return n;
}

/* An interface that is no reader's. HID 1.11, E.4 to E.6; its endpoints have the last number, which nobody asks. */
static void gap(struct builder *b, unsigned int number, enum vreader_beside what)
{
	bool fido = what == VREADER_BESIDE_FIDO;
	const uint8_t vendor[] = { 9, 4, number, 0, 0, 0xFF, 0, 0, 0 };
	const uint8_t hid[] = {
		9, 4, number, 0, fido ? 2 : 1, 3, !fido, !fido, 0,
		9, 0x21, 0x11, 0x01, 0, 1, 0x22, 34, 0,
		7, 5, 0x8F, 3, fido ? 64 : 8, 0, 5,
	};
	static const uint8_t out[] = { 7, 5, 0x0F, 3, 64, 0, 5 };

	if (what == VREADER_BESIDE_VENDOR) {
		add(b, vendor, sizeof(vendor));
		return;
	}
	add(b, hid, sizeof(hid));
	if (fido)
		add(b, out, sizeof(out));
}

/* 9.6.3, 9.6.5, 9.6.6; CCID 1.1, 5.1: the class descriptor follows the interface's */
static void configuration(const struct usbip_dev *d, struct builder *b)
{
	uint8_t conf[9] = { 9, 2, 0, 0, interfaces(d), 1, 0, 0xA0, super(d) ? 13 : 50 };
	uint8_t class[256];

	add(b, conf, sizeof(conf));
	for (unsigned int i = 0; i < interfaces(d); i++) {
		if (usbip_function_of(d, i, d->functions) < 0)
			gap(b, i, config(d, 0)->beside);
	}
	for (unsigned int i = 0; i < d->functions; i++) {
		const struct vreader_config *c = config(d, i);
		const uint8_t interface[9] = {
			9, 4, d->fn[i].number, 0, (c->no_bulk ? 0 : 2) + !c->no_interrupt, c->interface_class,
			c->interface_subclass, c->interface_protocol, c->interface ? STR_INTERFACE + i : 0,
		};

		add(b, interface, sizeof(interface));
		add(b, class, vreader_class_desc(d->fn[i].reader, class, sizeof(class)));
		endpoint(d, b, i, VREADER_BULK_OUT);
		endpoint(d, b, i, VREADER_BULK_IN);
		endpoint(d, b, i, VREADER_INTERRUPT);
	}
	if (b->len >= 4) {
		b->p[2] = b->len;
		b->p[3] = b->len >> 8;
	}
}

/* 9.6.7; UTF-8 to UTF-16LE, the basic plane of it */
static bool string(const struct usbip_dev *d, struct builder *b, unsigned int index)
{
	const struct vreader_config *c = config(d, 0);
	const uint8_t languages[] = { 4, 3, 0x09, 0x04 };
	uint8_t out[254] = { 2, 3 };
	const char *s = NULL;

	if (index == STR_LANGUAGES) {
		add(b, languages, sizeof(languages));
		return true;
	}
	if (index == STR_MANUFACTURER)
		s = c->manufacturer;
	else if (index == STR_PRODUCT)
		s = c->product;
	else if (index == STR_SERIAL)
		s = c->serial;
	else if (index - STR_INTERFACE < d->functions)
		s = config(d, index - STR_INTERFACE)->interface;
	if (!s)
		return false;
	while (*s && out[0] <= sizeof(out) - 2) {
		unsigned int u = (uint8_t)*s++, more = u >= 0xF0 ? 3 : u >= 0xE0 ? 2 : u >= 0xC0 ? 1 : 0;

		u &= more ? 0x3F >> more : 0x7F;
		for (; more && (*s & 0xC0) == 0x80; more--)
			u = u << 6 | (*s++ & 0x3F);
		out[out[0]++] = u;
		out[out[0]++] = u >> 8;
	}
	add(b, out, out[0]);
	return true;
}

/* USB 3.2, 9.6.2 */
static void bos(struct builder *b)
{
	static const uint8_t data[] = {
		5, 0x0F, 22, 0, 2,
		7, 0x10, 2, 0, 0, 0, 0,				/* USB 2.0 extension: no LPM */
		10, 0x10, 3, 0, 0x0E, 0, 1, 10, 0xFF, 0x07,	/* SuperSpeed: full speed and up */
	};

	add(b, data, sizeof(data));
}

static int get_descriptor(struct usbip_dev *d, unsigned int value, uint8_t *data, size_t size)
{
	/* Built whole, then cut: wTotalLength counts all of it. */
	uint8_t buf[2048];
	struct builder b = { buf, 0, sizeof(buf) };

	switch (value >> 8) {
	case 1:
		device(d, &b, false);
		break;
	case 2:
		if (value & 0xFF)
			return -1;
		configuration(d, &b);
		break;
	case 3:
		if (!string(d, &b, value & 0xFF))
			return -1;
		break;
	case 6:		/* device qualifier: high-speed devices alone have one */
		if (config(d, 0)->speed != VREADER_HIGH_SPEED)
			return -1;
		device(d, &b, true);
		break;
	case 15:	/* BOS */
		if (!super(d))
			return -1;
		bos(&b);
		break;
	default:
		return -1;
	}
	if (b.len > size)
		b.len = size;
	memcpy(data, buf, b.len);
	return b.len;
}

static int set_configuration(struct usbip_dev *d, unsigned int value)
{
	if (value > 1)
		return -1;
	d->configuration = value;
	for (unsigned int i = 0; i < d->functions; i++)
		vreader_reset(d->fn[i].reader);
	return 0;
}

static int endpoint_halt(struct usbip_dev *d, unsigned int index, bool set)
{
	enum vreader_ep ep;
	unsigned int fn;

	if (!(index & 0x0F))
		return 0;	/* the control pipe: never halted for longer than a request */
	if (!usbip_ep_find(d, index, &fn, &ep))
		return -1;
	if (set)
		vreader_set_halt(d->fn[fn].reader, ep);
	else
		vreader_clear_halt(d->fn[fn].reader, ep);
	return 0;
}

static int standard_in(struct usbip_dev *d, unsigned int type, unsigned int request, unsigned int value,
		       unsigned int index, uint8_t *data, size_t size)
{
	uint8_t status[2] = { 0, 0 };
	enum vreader_ep ep;
	unsigned int fn;

	switch (request) {
	case 0:		/* GET_STATUS */
		if (type == 0)
			status[0] = d->remote_wakeup << 1;
		else if (type == 1 && index >= interfaces(d))
			return -1;
		else if (type == 2 && index & 0x0F && !usbip_ep_find(d, index, &fn, &ep))
			return -1;
		else if (type == 2 && index & 0x0F)
			status[0] = vreader_halted(d->fn[fn].reader, ep);
		memcpy(data, status, size < 2 ? size : 2);
		return size < 2 ? size : 2;
	case 6:		/* GET_DESCRIPTOR */
		return type == 0 ? get_descriptor(d, value, data, size) : -1;
	case 8:		/* GET_CONFIGURATION */
	case 10:	/* GET_INTERFACE */
		if (request == 10 && (type != 1 || !d->configuration || index >= interfaces(d)))
			return -1;
		if (size)
			data[0] = request == 8 ? d->configuration : 0;
		return size ? 1 : 0;
	default:
		return -1;
	}
}

static int standard_out(struct usbip_dev *d, unsigned int type, unsigned int request, unsigned int value,
			unsigned int index)
{
	int f;

	switch (request) {
	case 1:		/* CLEAR_FEATURE */
	case 3:		/* SET_FEATURE */
		if (type == 0 && value == 1)
			d->remote_wakeup = request == 3;
		else if (type == 2 && value == 0)
			return endpoint_halt(d, index, request == 3);
		else if (!super(d))	/* U1, U2, function suspend: nothing to do, but no error either */
			return -1;
		return 0;
	case 9:		/* SET_CONFIGURATION */
		return type == 0 ? set_configuration(d, value) : -1;
	case 11:	/* SET_INTERFACE: 9.4.10; it clears halts, as a configuration would */
		if (type != 1 || value || index >= interfaces(d))
			return -1;
		f = usbip_function_of(d, index, d->functions);
		for (int ep = 0; f >= 0 && ep < 3; ep++)
			vreader_clear_halt(d->fn[f].reader, ep);
		return 0;
	case 48:	/* SET_SEL */
	case 49:	/* SET_ISOCH_DELAY */
		return super(d) ? 0 : -1;
	default:
		return -1;
	}
}

int usbip_control(struct usbip_dev *d, const uint8_t s[8], const uint8_t *out, uint8_t *data, size_t size)
{
	unsigned int value = s[2] | s[3] << 8, index = s[4] | s[5] << 8, length = s[6] | s[7] << 8;
	int f = usbip_function_of(d, index & 0xFF, d->functions);

	if (vreader_ep0_stalls(d->fn[0].reader, s[0] == 0x80 && s[1] == 6 && s[3] == 1))
		return -1;
	if ((s[0] & 0x60) == 0x20) {
		if ((s[0] & 0x1F) != 1 || f < 0)
			return -1;
		return vreader_control(d->fn[f].reader, s[0], s[1], value, length, data, d->now);
	}
	if (s[0] & 0x60)
		return -1;
	if (s[0] & 0x80)
		return standard_in(d, s[0] & 0x1F, s[1], value, index, data, size);
	return standard_out(d, s[0] & 0x1F, s[1], value, index);
}
