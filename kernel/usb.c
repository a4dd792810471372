// SPDX-License-Identifier: GPL-2.0-only
/*
 * The USB side of a reader's life: found, asleep, reset, pulled out.
 *
 * Probing reads descriptors and nothing else: the first byte goes to a reader
 * when its node is opened. A reader is freed by the last of its users, its
 * URBs and buffers with it; disconnect() waits for none of them.
 */
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "reader.h"

static bool gather = true;
module_param(gather, bool, 0444);
MODULE_PARM_DESC(gather, "Send long commands from a program's buffer where the host controller can; else copy them");

static bool tokens;
module_param(tokens, bool, 0644);
MODULE_PARM_DESC(tokens, "Take security tokens (a reader beside FIDO's or a keyboard's interface) too; else only those of new_id");

static void buffer_free(u8 *buf, u32 size)
{
	if (!buf)
		return;
	memzero_explicit(buf, size);
	free_pages_exact(buf, size);
}

/* By the page: a little more than 64 KiB, as many readers want, takes 128 KiB of kmalloc(). */
static int buffer_alloc(u8 **buf, u32 size)
{
	*buf = alloc_pages_exact(size, GFP_KERNEL | __GFP_NOWARN);
	return *buf ? 0 : -ENOMEM;
}

static void reader_free(struct device *dev)
{
	struct cr_reader *r = container_of(dev, struct cr_reader, dev);
	unsigned int i;

	for (i = 0; i < r->desc.slots; i++) {
		usb_free_urb(r->slot[i].tx_urb);
		buffer_free(r->slot[i].tx_buf, r->desc.max_message);
	}
	usb_free_urb(r->intr_urb);
	kfree(r->intr_buf);
	usb_free_urb(r->rx.urb);
	buffer_free(r->rx.buf, r->rx.size);
	usb_put_dev(r->udev);
	ida_free(&cr_ida, r->index);
	kfree(r);
}

static const u8 *reader_find_class_desc(const struct usb_host_interface *alt)
{
	bool vendor = alt->desc.bInterfaceClass == USB_CLASS_VENDOR_SPEC;
	const u8 *raw = cr_desc_find(alt->extra, alt->extralen, vendor);
	int i;

	for (i = 0; !raw && i < alt->desc.bNumEndpoints; i++)
		raw = cr_desc_find(alt->endpoint[i].extra,
				   alt->endpoint[i].extralen, vendor);
	return raw;
}

static int reader_init_tx(struct cr_reader *r, struct cr_slot *s)
{
	s->tx_urb = usb_alloc_urb(0, GFP_KERNEL);
	if (!s->tx_urb)
		return -ENOMEM;
	usb_fill_bulk_urb(s->tx_urb, r->udev, r->pipe_out, NULL, 0,
			  cr_tx_complete, s);
	sg_init_table(s->tx_sg, ARRAY_SIZE(s->tx_sg));
	return 0;
}

static int reader_init_rx(struct cr_reader *r,
			  const struct usb_endpoint_descriptor *in)
{
	r->pipe_in = usb_rcvbulkpipe(r->udev, in->bEndpointAddress);
	r->packet = usb_endpoint_maxp(in);
	if (!r->packet)
		return -EINVAL;
	r->rx.size = roundup(r->desc.max_message, r->packet);
	r->rx.urb = usb_alloc_urb(0, GFP_KERNEL);
	if (!r->rx.urb)
		return -ENOMEM;
	usb_fill_bulk_urb(r->rx.urb, r->udev, r->pipe_in, NULL, 0,
			  cr_rx_complete, r);
	return 0;
}

static int reader_init_intr(struct cr_reader *r,
			    const struct usb_endpoint_descriptor *intr)
{
	u32 size = usb_endpoint_maxp(intr);

	if (!size)
		return 0;	/* of no use: ask instead */
	r->intr_urb = usb_alloc_urb(0, GFP_KERNEL);
	r->intr_buf = kmalloc(size, GFP_KERNEL);
	if (!r->intr_urb || !r->intr_buf)
		return -ENOMEM;
	usb_fill_int_urb(r->intr_urb, r->udev,
			 usb_rcvintpipe(r->udev, intr->bEndpointAddress),
			 r->intr_buf, size, cr_intr_complete, r,
			 intr->bInterval);
	return 0;
}

static int reader_init_endpoints(struct cr_reader *r,
				 struct usb_host_interface *alt)
{
	struct usb_endpoint_descriptor *in, *out, *intr;
	unsigned int i;
	int err;

	if (usb_find_common_endpoints(alt, &in, &out, NULL, NULL))
		return -ENODEV;
	err = reader_init_rx(r, in);
	if (err)
		return err;
	r->pipe_out = usb_sndbulkpipe(r->udev, out->bEndpointAddress);
	r->gather = gather && r->udev->bus->no_sg_constraint &&
		    r->udev->bus->sg_tablesize >= ARRAY_SIZE(r->slot[0].tx_sg);
	for (i = 0; i < r->desc.slots; i++) {
		err = reader_init_tx(r, &r->slot[i]);
		if (err)
			return err;
	}
	if (usb_find_int_in_endpoint(alt, &intr))
		return 0;
	return reader_init_intr(r, intr);
}

/**
 * cr_buffers - memory for messages, before a reader is used for the first time
 * @r: the reader; cr_reader.open_lock is held
 *
 * It stays until the reader goes: one that nobody opens needs none.
 *
 * Return: 0 or -ENOMEM, which the next call may mend.
 */
int cr_buffers(struct cr_reader *r)
{
	unsigned int i;
	int err = 0;

	if (!r->rx.buf)
		err = buffer_alloc(&r->rx.buf, r->rx.size);
	for (i = 0; !err && i < r->desc.slots; i++) {
		struct cr_slot *s = &r->slot[i];

		/* a second file's opening leaves alone what may be in flight */
		if (s->tx_buf)
			continue;
		err = buffer_alloc(&s->tx_buf, r->desc.max_message);
		if (!err)
			sg_set_buf(&s->tx_sg[0], s->tx_buf, CR_HDR);
	}
	return err;
}

static void reader_set_name(struct cr_reader *r)
{
	const struct usb_device *udev = r->udev;

	if (udev->manufacturer || udev->product)
		snprintf(r->name, sizeof(r->name), "%s%s%s",
			 udev->manufacturer ?: "",
			 udev->manufacturer && udev->product ? " " : "",
			 udev->product ?: "");
	else
		strscpy(r->name, "CCID reader", sizeof(r->name));
}

/* A reader with a number and a reference; what fails later puts that. */
static struct cr_reader *reader_new(struct usb_interface *intf,
				    const struct cr_desc *desc)
{
	struct cr_reader *r;
	unsigned int i;

	r = kzalloc(struct_size(r, slot, desc->slots), GFP_KERNEL);
	if (!r)
		return ERR_PTR(-ENOMEM);
	r->index = ida_alloc_max(&cr_ida, CR_MINORS - 1, GFP_KERNEL);
	if (r->index < 0) {
		int err = r->index;

		kfree(r);
		return ERR_PTR(err);
	}

	r->desc = *desc;
	r->udev = usb_get_dev(interface_to_usbdev(intf));
	r->intf = intf;
	r->interface_number = intf->cur_altsetting->desc.bInterfaceNumber;
	mutex_init(&r->open_lock);
	spin_lock_init(&r->lock);
	INIT_LIST_HEAD(&r->ctxs);
	init_waitqueue_head(&r->idle);
	INIT_DELAYED_WORK(&r->recover, cr_recover_work);
	INIT_DELAYED_WORK(&r->poll, cr_poll_work);
	INIT_DELAYED_WORK(&r->intr_retry, cr_intr_retry);
	for (i = 0; i < desc->slots; i++)
		cr_slot_init(r, i);
	reader_set_name(r);

	device_initialize(&r->dev);
	r->dev.class = cr_class;
	r->dev.parent = &intf->dev;
	r->dev.groups = cr_groups;
	r->dev.release = reader_free;
	r->dev.devt = MKDEV(MAJOR(cr_devt), MINOR(cr_devt) + r->index);
	return r;
}

#define ID_OURS		1	/* not from new_id, by which somebody asks for a device */

static int reader_probe(struct usb_interface *intf, const struct usb_device_id *id)
{
	const u8 *raw = reader_find_class_desc(intf->cur_altsetting);
	struct cr_desc desc;
	struct cr_reader *r;
	int err;

	if (!tokens && id->driver_info == ID_OURS &&
	    cr_is_token(interface_to_usbdev(intf))) {
		dev_info(&intf->dev, "a security token: left to its programs\n");
		return -ENODEV;
	}
	if (!raw || cr_desc_parse(raw, &desc)) {
		dev_info(&intf->dev, "no usable CCID class descriptor\n");
		return -ENODEV;
	}
	r = reader_new(intf, &desc);
	if (IS_ERR(r))
		return PTR_ERR(r);

	err = dev_set_name(&r->dev, "cardring%d", r->index);
	if (err)
		goto put;
	err = reader_init_endpoints(r, intf->cur_altsetting);
	if (err)
		goto put;

	usb_set_intfdata(intf, r);
	cdev_init(&r->cdev, &cr_fops);
	r->cdev.owner = THIS_MODULE;
	err = cdev_device_add(&r->cdev, &r->dev);
	if (err)
		goto put;
	return 0;

put:
	usb_set_intfdata(intf, NULL);
	put_device(&r->dev);
	return err;
}

static void reader_disconnect(struct usb_interface *intf)
{
	struct cr_reader *r = usb_get_intfdata(intf);

	cdev_device_del(&r->cdev, &r->dev);
	mutex_lock(&r->open_lock);
	cr_gone(r);
	r->intf = NULL;
	mutex_unlock(&r->open_lock);
	put_device(&r->dev);
}

static int reader_suspend(struct usb_interface *intf, pm_message_t message)
{
	struct cr_reader *r = usb_get_intfdata(intf);
	bool busy;

	spin_lock_irq(&r->lock);
	busy = r->busy;
	spin_unlock_irq(&r->lock);
	if (PMSG_IS_AUTO(message) && busy)
		return -EBUSY;
	cr_quiesce(r);
	return 0;
}

static int reader_resume(struct usb_interface *intf)
{
	cr_restart(usb_get_intfdata(intf), true);
	return 0;
}

static int reader_pre_reset(struct usb_interface *intf)
{
	cr_quiesce(usb_get_intfdata(intf));
	return 0;
}

static int reader_post_reset(struct usb_interface *intf)
{
	struct cr_reader *r = usb_get_intfdata(intf);

	spin_lock_irq(&r->lock);
	r->count.resets++;
	spin_unlock_irq(&r->lock);
	cr_restart(r, false);
	return 0;
}

static const struct usb_device_id reader_ids[] = {
	{
		.match_flags = USB_DEVICE_ID_MATCH_INT_CLASS,
		.bInterfaceClass = USB_CLASS_CSCID,
		.driver_info = ID_OURS,
	},
#define CARDRING_READER(v, p) { \
	USB_DEVICE_INTERFACE_CLASS(v, p, USB_CLASS_VENDOR_SPEC), \
	.driver_info = ID_OURS },
#include <uapi/cardring_unusual.h>
	{ }
};
MODULE_DEVICE_TABLE(usb, reader_ids);

struct usb_driver cr_usb_driver = {
	.name = "cardring",
	.probe = reader_probe,
	.disconnect = reader_disconnect,
	.suspend = reader_suspend,
	.resume = reader_resume,
	.reset_resume = reader_resume,
	.pre_reset = reader_pre_reset,
	.post_reset = reader_post_reset,
	.id_table = reader_ids,
	.supports_autosuspend = 1,
};
