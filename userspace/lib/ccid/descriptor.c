// SPDX-License-Identifier: BSD-2-Clause
#include <stdbool.h>
#include <string.h>
#include <cardring/error.h>
#include <uapi/cardring.h>
#include "ccid/descriptor.h"

/* USB 2.0, table 9-5; CCID 1.1, table 5.1-1 */
enum { DEVICE = 1, CONFIGURATION = 2, INTERFACE = 4, ENDPOINT = 5, CCID = 0x21, CCID_OF_VENDOR = 0xFF };
enum { BULK = 2, INTERRUPT = 3, IN = 0x80 };
enum { CLASS_HID = 3, FIDO_PACKET = 64 };

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

bool cr_ccid_class(uint8_t class, uint16_t vendor, uint16_t product)
{
	static const struct { uint16_t vendor, product; } readers[] = {
#define CARDRING_READER(v, p) { v, p },
#include <uapi/cardring_unusual.h>
	};

	for (size_t i = 0; class == CR_CCID_CLASS_VENDOR && i < sizeof(readers) / sizeof(readers[0]); i++)
		if (readers[i].vendor == vendor && readers[i].product == product)
			return true;
	return class == CR_CCID_CLASS;
}

int cr_ccid_desc_parse(const uint8_t *raw, struct cr_ccid_desc *out)
{
	uint32_t message = le32(raw + 44);
	unsigned int slots = raw[4] + 1u, busy = raw[53];

	if (message < CR_CCID_MESSAGE_MIN)
		return CR_E_UNSUPPORTED;
	if (slots > CARDRING_MAX_SLOTS)
		slots = CARDRING_MAX_SLOTS;
	*out = (struct cr_ccid_desc) {
		.slots = slots,
		.busy_slots = busy < 1 ? 1 : busy < slots ? busy : slots,
		/* one that names none it could choose means what every reader has */
		.voltages = raw[5] & CR_CCID_VOLTAGES ? raw[5] & CR_CCID_VOLTAGES : CR_CCID_5V,
		.features = le32(raw + 40),
		.level = raw[42] & 7,	/* dwFeatures, bits 16 to 18 */
		.max_message = message < CR_CCID_MESSAGE_MAX ? message : CR_CCID_MESSAGE_MAX,
		.pin_support = raw[CR_CCID_PIN_SUPPORT_AT],
	};
	memcpy(out->raw, raw, sizeof(out->raw));
	return 0;
}

/* The descriptors of one interface, as they are walked over. */
struct found {
	bool open;		/* they are being walked over */
	bool vendor;		/* of the vendor's class */
	const uint8_t *ccid;
	struct cr_ccid_interface itf;
};

static void endpoint(struct found *f, const uint8_t *d)
{
	uint8_t address = d[2], type = d[3] & 3;
	uint16_t packet = le16(d + 4) & 0x7FF;

	if (type == BULK && address & IN && !f->itf.in) {
		f->itf.in = address;
		f->itf.in_packet = packet;
	} else if (type == BULK && !(address & IN) && !f->itf.out) {
		f->itf.out = address;
	} else if (type == INTERRUPT && address & IN && !f->itf.interrupt && packet) {
		f->itf.interrupt = address;
		f->itf.interrupt_packet = packet;
	}
}

static int judge(const struct found *f, struct cr_ccid_interface *out)
{
	struct cr_ccid_interface itf = f->itf;

	if (!f->ccid || !itf.in || !itf.in_packet || !itf.out || cr_ccid_desc_parse(f->ccid, &itf.desc))
		return CR_E_UNSUPPORTED;
	*out = itf;
	return 0;
}

/* The interface that is walked over ends. Its verdict, or what there was before where it is none of ours. */
static int end_interface(struct found *f, int before, struct cr_ccid_interface *out)
{
	if (!f->open)
		return before;
	f->open = false;
	return judge(f, out);
}

int cr_ccid_interface_find(const uint8_t *d, size_t len, uint8_t configuration, int number,
			   struct cr_ccid_interface *out)
{
	struct found f = { 0 };
	uint16_t vendor = 0, product = 0;
	bool active = false;
	int result = CR_E_NOT_FOUND;

	for (; result && len >= 2 && d[0] >= 2 && d[0] <= len; len -= d[0], d += d[0]) {
		switch (d[1]) {
		case DEVICE:
		case CONFIGURATION:
			result = end_interface(&f, result, out);
			active = d[1] == CONFIGURATION && d[0] >= 9 && d[5] == configuration;
			if (d[1] == DEVICE && d[0] >= 12) {
				vendor = le16(d + 8);
				product = le16(d + 10);
			}
			break;
		case INTERFACE:
			result = end_interface(&f, result, out);
			if (!result || d[0] < 9)
				break;
			f = (struct found) { .itf.number = d[2], .vendor = d[5] == CR_CCID_CLASS_VENDOR };
			/* alternate setting 0, the one that is active unless somebody chose another */
			f.open = active && !d[3] && cr_ccid_class(d[5], vendor, product) && (number < 0 || number == d[2]);
			break;
		case ENDPOINT:
			if (f.open && d[0] >= 7)
				endpoint(&f, d);
			break;
		case CCID:	/* most readers have it behind the interface, some behind an endpoint */
			if (f.open && d[0] >= CR_CCID_DESC_LEN && !f.ccid)
				f.ccid = d;
			break;
		case CCID_OF_VENDOR:
			if (f.open && f.vendor && d[0] == CR_CCID_DESC_LEN && !f.ccid)
				f.ccid = d;
			break;
		}
	}
	return result ? end_interface(&f, result, out) : 0;
}

static bool known_token(uint16_t vendor, uint16_t product)
{
	static const struct { uint16_t vendor, product; } tokens[] = {
#define CARDRING_TOKEN(v, p) { v, p },
#include <uapi/cardring_unusual.h>
	};

	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
		if (tokens[i].vendor == vendor && (!tokens[i].product || tokens[i].product == product))
			return true;
	return false;
}

bool cr_ccid_token(const uint8_t *d, size_t len, uint8_t configuration)
{
	bool active = false, hid = false, fido = false, in = false, out = false, known = false;

	for (; len >= 2 && d[0] >= 2 && d[0] <= len; len -= d[0], d += d[0]) {
		if (d[1] == DEVICE && d[0] >= 12) {
			known = known_token(le16(d + 8), le16(d + 10));
		} else if (d[1] == CONFIGURATION) {
			active = d[0] >= 9 && d[5] == configuration;
			fido = false;
		} else if (d[1] == INTERFACE && d[0] >= 9) {
			bool here = active && !d[3] && d[5] == CLASS_HID;

			hid = hid || here;
			in = out = false;
			fido = here && !d[6] && !d[7];
		} else if (d[1] == ENDPOINT && d[0] >= 7 && fido && (d[3] & 3) == INTERRUPT && le16(d + 4) == FIDO_PACKET) {
			in = in || d[2] & IN;
			out = out || !(d[2] & IN);
			if (in && out)
				return true;
		}
	}
	return hid && known;
}
