// SPDX-License-Identifier: GPL-2.0-only
/*
 * Security tokens: one device that is a card reader with a card in it, and a
 * HID device for FIDO or one-time passwords. Their own programs expect them
 * (browsers, GnuPG, PAM), so their CCID interface is left alone unless somebody
 * asks for it: the parameter "tokens", or the device's identity written to the
 * driver's new_id.
 *
 * FIDO's HID interface is known by its form (CTAP 2.1, 11.2.8.1): no boot
 * protocol, an interrupt endpoint each way, packets of 64 bytes. A keyboard
 * with a card slot has none such. Tokens without one are in
 * uapi/cardring_unusual.h; userspace/lib/ccid/descriptor.c holds the same rule.
 */
#include <linux/usb.h>

#include "reader.h"

#define FIDO_PACKET	64

static const struct usb_device_id token_ids[] = {
#define CARDRING_TOKEN(v, p) \
	{ .idVendor = (v), .idProduct = (p) },
#include <uapi/cardring_unusual.h>
};

static bool is_known_token(const struct usb_device_descriptor *dev)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(token_ids); i++) {
		const struct usb_device_id *id = &token_ids[i];

		if (le16_to_cpu(dev->idVendor) == id->idVendor &&
		    (!id->idProduct || le16_to_cpu(dev->idProduct) == id->idProduct))
			return true;
	}
	return false;
}

static bool is_fido(struct usb_host_interface *alt)
{
	struct usb_endpoint_descriptor *in, *out;

	return !alt->desc.bInterfaceSubClass && !alt->desc.bInterfaceProtocol &&
	       !usb_find_common_endpoints(alt, NULL, NULL, &in, &out) &&
	       usb_endpoint_maxp(in) == FIDO_PACKET &&
	       usb_endpoint_maxp(out) == FIDO_PACKET;
}

/**
 * cr_is_token - whether a device is a security token
 * @udev: the device, configured
 *
 * Return: true if its CCID interface is left alone without being asked for.
 */
bool cr_is_token(struct usb_device *udev)
{
	struct usb_host_config *config = udev->actconfig;
	bool hid = false;
	unsigned int i;

	for (i = 0; i < config->desc.bNumInterfaces; i++) {
		struct usb_interface_cache *cache = config->intf_cache[i];

		if (!cache->num_altsetting ||
		    cache->altsetting[0].desc.bInterfaceClass != USB_CLASS_HID)
			continue;
		if (is_fido(&cache->altsetting[0]))
			return true;
		hid = true;
	}
	return hid && is_known_token(&udev->descriptor);
}
