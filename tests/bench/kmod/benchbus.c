// SPDX-License-Identifier: GPL-2.0-only
/*
 * benchbus.h says what it is. A host controller as cheap as one can be, so
 * that what is measured above it is the host's; vhci_hcd does the same with
 * two threads and a socket, which are half of a turnaround.
 *
 *   usbcore -> bus_enqueue() -> queued -> ioctl -> taken -> ioctl -> usbcore
 *
 * Only the device's thread, within its ioctl, gives URBs back, in the order of
 * the answers; and the end of its file those that are left. Of a device whose
 * thread is gone, while its process waits here for one of them, a worker does.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/usb.h>
#include <linux/usb/ch11.h>
#include <linux/usb/hcd.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "benchbus.h"

enum { CMD_SUBMIT = 1, CMD_UNLINK, RET_SUBMIT, RET_UNLINK };

struct usbip_header {
	__be32 command, seqnum, devid, in, ep;
	union {
		struct {
			__be32 flags, length, start_frame, packets, interval;
			u8 setup[8];
		} submit;
		struct {
			__be32 status, actual;
		} ret;
		__be32 unlink;	/* the number of what is to be unlinked */
		u8 room[28];
	};
};

/* An URB on its way. */
struct item {
	struct list_head node;		/* in queued, taken or ended */
	struct list_head unlink;	/* in unlinks, or in none */
	struct urb *urb;
	int status;			/* in ended */
	u32 seqnum, unlink_seqnum;
	bool taken;
	bool cancelled;			/* a taken one, with status */
};

#define LATE	HZ	/* a device that is there answers at once */

struct bus {
	struct mutex device;		/* one ioctl at a time */
	spinlock_t lock;		/* all below */
	bool open;			/* there is one device */
	struct list_head queued;	/* for the device, the oldest first */
	struct list_head taken;		/* it has them */
	struct list_head ended;		/* to be given back without it */
	struct list_head unlinks;	/* of taken, to be told to it */
	struct delayed_work late;	/* those that it did not unlink */
	wait_queue_head_t wake;		/* of these, for the device */
	u32 seqnum;
	u32 port;			/* wPortStatus, wPortChange << 16 */
};

static struct platform_device *platform;
static struct usb_hcd *the_hcd;

static struct bus *hcd_bus(struct usb_hcd *hcd)
{
	return (struct bus *)hcd->hcd_priv;
}

static void port_set(struct bus *bus, u32 set, u32 clear)
{
	unsigned long flags;

	spin_lock_irqsave(&bus->lock, flags);
	bus->port = (bus->port & ~clear) | set;
	spin_unlock_irqrestore(&bus->lock, flags);
}

/* ---- usbcore's side ---- */

/* A device behind a host controller has its address from that. */
static bool is_set_address(const struct urb *urb)
{
	const struct usb_ctrlrequest *r = (void *)urb->setup_packet;

	return usb_pipecontrol(urb->pipe) && !r->bRequestType &&
	       r->bRequest == USB_REQ_SET_ADDRESS;
}

static int bus_enqueue(struct usb_hcd *hcd, struct urb *urb, gfp_t mem)
{
	struct bus *bus = hcd_bus(hcd);
	unsigned long flags;
	struct item *item;
	int err;

	if (urb->transfer_buffer_length > BENCHBUS_IN - sizeof(struct usbip_header))
		return -EMSGSIZE;
	item = kzalloc(sizeof(*item), mem);
	if (!item)
		return -ENOMEM;
	item->urb = urb;
	INIT_LIST_HEAD(&item->unlink);
	spin_lock_irqsave(&bus->lock, flags);
	err = bus->port & USB_PORT_STAT_CONNECTION ?
		      usb_hcd_link_urb_to_ep(hcd, urb) : -ENODEV;
	if (err) {
		spin_unlock_irqrestore(&bus->lock, flags);
		kfree(item);
		return err;
	}
	urb->hcpriv = item;
	item->seqnum = ++bus->seqnum;
	list_add_tail(&item->node,
		      is_set_address(urb) ? &bus->ended : &bus->queued);
	spin_unlock_irqrestore(&bus->lock, flags);
	wake_up(&bus->wake);
	return 0;
}

static int bus_dequeue(struct usb_hcd *hcd, struct urb *urb, int status)
{
	struct bus *bus = hcd_bus(hcd);
	unsigned long flags;
	struct item *item;
	int err;

	spin_lock_irqsave(&bus->lock, flags);
	err = usb_hcd_check_unlink_urb(hcd, urb, status);
	if (!err) {
		item = urb->hcpriv;
		item->status = status;
		item->cancelled = item->taken;
		if (item->taken)
			list_add_tail(&item->unlink, &bus->unlinks);
		else
			list_move_tail(&item->node, &bus->ended);
		schedule_delayed_work(&bus->late, LATE);
	}
	spin_unlock_irqrestore(&bus->lock, flags);
	wake_up(&bus->wake);
	return err;
}

static void give_back(struct usb_hcd *hcd, struct item *item, int status)
{
	struct bus *bus = hcd_bus(hcd);
	struct urb *urb = item->urb;
	unsigned long flags;

	spin_lock_irqsave(&bus->lock, flags);
	usb_hcd_unlink_urb_from_ep(hcd, urb);
	list_del(&item->node);
	list_del(&item->unlink);
	urb->hcpriv = NULL;
	spin_unlock_irqrestore(&bus->lock, flags);
	kfree(item);
	local_bh_disable();
	usb_hcd_giveback_urb(hcd, urb, status);
	local_bh_enable();
}

static int bus_start(struct usb_hcd *hcd)
{
	hcd->state = HC_STATE_RUNNING;
	hcd->uses_new_polling = 1;
	return 0;
}

static void bus_stop(struct usb_hcd *hcd)
{
}

static int bus_frame(struct usb_hcd *hcd)
{
	return 0;
}

/* USB 2.0, 11.12.4: bit 1 is port 1. */
static int bus_hub_status(struct usb_hcd *hcd, char *buf)
{
	u32 port = READ_ONCE(hcd_bus(hcd)->port);

	buf[0] = port >> 16 ? 2 : 0;
	return port >> 16 ? 1 : 0;
}

static void port_reset(struct bus *bus)
{
	unsigned long flags;

	spin_lock_irqsave(&bus->lock, flags);
	bus->port &= ~USB_PORT_STAT_SUSPEND;
	bus->port |= USB_PORT_STAT_C_RESET << 16;
	if (bus->port & USB_PORT_STAT_CONNECTION)
		bus->port |= USB_PORT_STAT_ENABLE | USB_PORT_STAT_HIGH_SPEED;
	spin_unlock_irqrestore(&bus->lock, flags);
}

static int bus_set_feature(struct bus *bus, u16 feature)
{
	switch (feature) {
	case USB_PORT_FEAT_POWER:
		port_set(bus, USB_PORT_STAT_POWER, 0);
		return 0;
	case USB_PORT_FEAT_RESET:
		port_reset(bus);
		return 0;
	case USB_PORT_FEAT_SUSPEND:
		port_set(bus, USB_PORT_STAT_SUSPEND, 0);
		return 0;
	}
	return -EPIPE;
}

static int bus_clear_feature(struct bus *bus, u16 feature)
{
	switch (feature) {
	case USB_PORT_FEAT_SUSPEND:
		port_set(bus, USB_PORT_STAT_C_SUSPEND << 16,
			 USB_PORT_STAT_SUSPEND);
		return 0;
	case USB_PORT_FEAT_ENABLE:
	case USB_PORT_FEAT_POWER:
	case USB_PORT_FEAT_C_CONNECTION:
	case USB_PORT_FEAT_C_ENABLE:
	case USB_PORT_FEAT_C_SUSPEND:
	case USB_PORT_FEAT_C_OVER_CURRENT:
	case USB_PORT_FEAT_C_RESET:
		port_set(bus, 0, 1U << feature);
		return 0;
	}
	return -EPIPE;
}

/* USB 2.0, 11.24.2 */
static int bus_hub_control(struct usb_hcd *hcd, u16 type, u16 value, u16 index,
			   char *buf, u16 length)
{
	struct bus *bus = hcd_bus(hcd);
	struct usb_hub_descriptor *desc = (void *)buf;
	__le32 status;

	switch (type) {
	case ClearHubFeature:
	case SetHubFeature:
		return 0;
	case GetHubStatus:
		memset(buf, 0, 4);
		return 0;
	case GetHubDescriptor:
		memset(desc, 0, USB_DT_HUB_NONVAR_SIZE + 2);
		desc->bDescLength = USB_DT_HUB_NONVAR_SIZE + 2;
		desc->bDescriptorType = USB_DT_HUB;
		desc->bNbrPorts = 1;
		desc->wHubCharacteristics =
			cpu_to_le16(HUB_CHAR_INDV_PORT_LPSM |
				    HUB_CHAR_NO_OCPM);
		desc->u.hs.DeviceRemovable[1] = 0xff;	/* PortPwrCtrlMask */
		return 0;
	case GetPortStatus:
		if (index != 1)
			return -EPIPE;
		status = cpu_to_le32(READ_ONCE(bus->port));
		memcpy(buf, &status, sizeof(status));
		return 0;
	case SetPortFeature:
		return index == 1 ? bus_set_feature(bus, value) : -EPIPE;
	case ClearPortFeature:
		return index == 1 ? bus_clear_feature(bus, value) : -EPIPE;
	}
	return -EPIPE;
}

static const struct hc_driver bus_driver = {
	.description = "benchbus",
	.product_desc = "benchbus",
	.hcd_priv_size = sizeof(struct bus),
	.flags = HCD_USB2,
	.start = bus_start,
	.stop = bus_stop,
	.get_frame_number = bus_frame,
	.urb_enqueue = bus_enqueue,
	.urb_dequeue = bus_dequeue,
	.hub_status_data = bus_hub_status,
	.hub_control = bus_hub_control,
};

/* ---- the device's side ---- */

/* To or from the URB's memory, which may be a list; len is within it. */
static int copy_urb(struct urb *urb, u64 at, u32 len)
{
	void __user *user = u64_to_user_ptr(at);
	struct scatterlist *sg;
	unsigned long left = 0;
	int i;

	if (!urb->num_sgs)
		return (usb_urb_dir_in(urb) ?
			copy_from_user(urb->transfer_buffer, user, len) :
			copy_to_user(user, urb->transfer_buffer, len)) ?
			       -EFAULT : 0;
	for_each_sg(urb->sg, sg, urb->num_sgs, i) {
		u32 n = min(len, sg->length);

		left |= usb_urb_dir_in(urb) ?
				copy_from_user(sg_virt(sg), user, n) :
				copy_to_user(user, sg_virt(sg), n);
		user += n;
		len -= n;
	}
	return left ? -EFAULT : 0;
}

static struct item *find_taken(struct bus *bus, u32 seqnum, u32 unlink_seqnum)
{
	struct item *item, *found = NULL;

	spin_lock_irq(&bus->lock);
	list_for_each_entry(item, &bus->taken, node) {
		if (unlink_seqnum ? item->unlink_seqnum == unlink_seqnum :
				    item->seqnum == seqnum) {
			found = item;
			break;
		}
	}
	spin_unlock_irq(&bus->lock);
	return found;
}

/* One answer of the device. Its bytes, or -errno. */
static int answer(struct usb_hcd *hcd, u64 at, u32 len)
{
	struct bus *bus = hcd_bus(hcd);
	struct usbip_header h;
	struct item *item;
	u32 seqnum, actual, data;
	int status, err;

	if (len < sizeof(h))
		return -EPROTO;
	if (copy_from_user(&h, u64_to_user_ptr(at), sizeof(h)))
		return -EFAULT;
	seqnum = be32_to_cpu(h.seqnum);
	status = be32_to_cpu(h.ret.status);
	actual = be32_to_cpu(h.ret.actual);
	if (!seqnum)
		return -EPROTO;
	switch (be32_to_cpu(h.command)) {
	case RET_UNLINK:
		/* with 0 its answer has come before */
		item = status ? find_taken(bus, 0, seqnum) : NULL;
		if (item)
			give_back(hcd, item, status);
		return sizeof(h);
	case RET_SUBMIT:
		item = find_taken(bus, seqnum, 0);
		if (!item || actual > item->urb->transfer_buffer_length)
			return -EPROTO;
		data = usb_urb_dir_in(item->urb) ? actual : 0;
		if (len - sizeof(h) < data)
			return -EPROTO;
		err = data ? copy_urb(item->urb, at + sizeof(h), data) : 0;
		if (err)
			return err;
		item->urb->actual_length = actual;
		give_back(hcd, item, status);
		return sizeof(h) + data;
	}
	return -EPROTO;
}

static bool has_work(struct bus *bus)
{
	bool work;

	spin_lock_irq(&bus->lock);
	work = !list_empty(&bus->queued) || !list_empty(&bus->ended) ||
	       !list_empty(&bus->unlinks);
	spin_unlock_irq(&bus->lock);
	return work;
}

static void give_back_ended(struct usb_hcd *hcd)
{
	struct bus *bus = hcd_bus(hcd);
	struct item *item;

	for (;;) {
		spin_lock_irq(&bus->lock);
		item = list_first_entry_or_null(&bus->ended, struct item, node);
		spin_unlock_irq(&bus->lock);
		if (!item)
			return;
		give_back(hcd, item, item->status);
	}
}

static void give_back_late(struct work_struct *work)
{
	struct bus *bus = container_of(work, struct bus, late.work);
	struct item *item, *next;

	mutex_lock(&bus->device);
	spin_lock_irq(&bus->lock);
	list_for_each_entry_safe(item, next, &bus->taken, node)
		if (item->cancelled)
			list_move_tail(&item->node, &bus->ended);
	spin_unlock_irq(&bus->lock);
	give_back_ended(the_hcd);
	mutex_unlock(&bus->device);
}

/* One request of the host to the device. Its bytes, 0: none, or no room left. */
static int request(struct bus *bus, u64 at, u32 room)
{
	struct usbip_header h = { 0 };
	struct item *item = NULL, *gone;
	struct urb *urb;
	u32 len = 0;

	if (room < sizeof(h))
		return 0;
	spin_lock_irq(&bus->lock);
	gone = list_first_entry_or_null(&bus->unlinks, struct item, unlink);
	if (gone) {
		list_del_init(&gone->unlink);
		gone->unlink_seqnum = ++bus->seqnum;
		h.command = cpu_to_be32(CMD_UNLINK);
		h.seqnum = cpu_to_be32(gone->unlink_seqnum);
		h.unlink = cpu_to_be32(gone->seqnum);
	} else {
		item = list_first_entry_or_null(&bus->queued, struct item,
						node);
		if (item && usb_urb_dir_out(item->urb))
			len = item->urb->transfer_buffer_length;
		if (!item || len > room - sizeof(h)) {
			spin_unlock_irq(&bus->lock);
			return 0;
		}
		item->taken = true;
		list_move_tail(&item->node, &bus->taken);
	}
	spin_unlock_irq(&bus->lock);
	if (item) {
		urb = item->urb;
		h.command = cpu_to_be32(CMD_SUBMIT);
		h.seqnum = cpu_to_be32(item->seqnum);
		h.in = cpu_to_be32(usb_urb_dir_in(urb));
		h.ep = cpu_to_be32(usb_pipeendpoint(urb->pipe));
		h.submit.flags = cpu_to_be32(urb->transfer_flags);
		h.submit.length = cpu_to_be32(urb->transfer_buffer_length);
		h.submit.interval = cpu_to_be32(urb->interval);
		if (usb_pipecontrol(urb->pipe))
			memcpy(h.submit.setup, urb->setup_packet, 8);
		if (len && copy_urb(urb, at + sizeof(h), len))
			return -EFAULT;
	}
	if (copy_to_user(u64_to_user_ptr(at), &h, sizeof(h)))
		return -EFAULT;
	return sizeof(h) + len;
}

static int exchange(struct usb_hcd *hcd, struct benchbus_exchange *x)
{
	struct bus *bus = hcd_bus(hcd);
	long left;
	int n;

	if (x->in_size < BENCHBUS_IN)
		return -EINVAL;
	for (u32 done = 0; done < x->out_len; done += n) {
		n = answer(hcd, x->out + done, x->out_len - done);
		if (n < 0)
			return n;
	}
	x->in_len = 0;
	left = has_work(bus) ? 1 :
	       wait_event_interruptible_timeout(bus->wake, has_work(bus),
						msecs_to_jiffies(x->ms));
	if (left < 0)
		return -EINTR;
	give_back_ended(hcd);
	do {
		n = request(bus, x->in + x->in_len, x->in_size - x->in_len);
		if (n < 0)
			return n;
		x->in_len += n;
	} while (n);
	return 0;
}

static long bus_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct bus *bus = hcd_bus(the_hcd);
	struct benchbus_exchange x;
	int err;

	if (cmd == BENCHBUS_NUMBER)
		return put_user((u32)the_hcd->self.busnum, (u32 __user *)arg);
	if (cmd != BENCHBUS_EXCHANGE)
		return -ENOTTY;
	if (copy_from_user(&x, (void __user *)arg, sizeof(x)))
		return -EFAULT;
	mutex_lock(&bus->device);
	err = exchange(the_hcd, &x);
	mutex_unlock(&bus->device);
	if (!err && copy_to_user((void __user *)arg, &x, sizeof(x)))
		err = -EFAULT;
	return err;
}

static int bus_open(struct inode *inode, struct file *file)
{
	struct bus *bus = hcd_bus(the_hcd);
	bool was;

	spin_lock_irq(&bus->lock);
	was = bus->open;
	bus->open = true;
	spin_unlock_irq(&bus->lock);
	if (was)
		return -EBUSY;
	port_set(bus, USB_PORT_STAT_CONNECTION |
		 USB_PORT_STAT_C_CONNECTION << 16, 0);
	usb_hcd_poll_rh_status(the_hcd);
	return 0;
}

/* The device is unplugged: what it still had ends, and nothing new comes. */
static int bus_release(struct inode *inode, struct file *file)
{
	struct bus *bus = hcd_bus(the_hcd);
	struct item *item;

	spin_lock_irq(&bus->lock);
	bus->port &= ~(USB_PORT_STAT_CONNECTION | USB_PORT_STAT_ENABLE |
		       USB_PORT_STAT_HIGH_SPEED | USB_PORT_STAT_SUSPEND);
	bus->port |= USB_PORT_STAT_C_CONNECTION << 16;
	list_for_each_entry(item, &bus->queued, node)
		item->status = -ESHUTDOWN;
	list_for_each_entry(item, &bus->taken, node)
		item->status = -ESHUTDOWN;
	list_splice_tail_init(&bus->queued, &bus->ended);
	list_splice_tail_init(&bus->taken, &bus->ended);
	spin_unlock_irq(&bus->lock);
	mutex_lock(&bus->device);
	give_back_ended(the_hcd);
	mutex_unlock(&bus->device);
	usb_hcd_poll_rh_status(the_hcd);
	spin_lock_irq(&bus->lock);
	bus->open = false;
	spin_unlock_irq(&bus->lock);
	return 0;
}

static const struct file_operations bus_fops = {
	.owner = THIS_MODULE,
	.open = bus_open,
	.release = bus_release,
	.unlocked_ioctl = bus_ioctl,
};

static struct miscdevice bus_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "benchbus",
	.fops = &bus_fops,
	.mode = 0600,
};

static int __init bus_probe(struct platform_device *pdev)
{
	struct bus *bus;
	int err;

	the_hcd = usb_create_hcd(&bus_driver, &pdev->dev, "benchbus");
	if (!the_hcd)
		return -ENOMEM;
	the_hcd->has_tt = 1;
	the_hcd->self.sg_tablesize = 32;
	the_hcd->self.no_sg_constraint = 1;
	bus = hcd_bus(the_hcd);
	mutex_init(&bus->device);
	spin_lock_init(&bus->lock);
	INIT_LIST_HEAD(&bus->queued);
	INIT_LIST_HEAD(&bus->taken);
	INIT_LIST_HEAD(&bus->ended);
	INIT_LIST_HEAD(&bus->unlinks);
	INIT_DELAYED_WORK(&bus->late, give_back_late);
	init_waitqueue_head(&bus->wake);
	err = usb_add_hcd(the_hcd, 0, 0);
	if (err)
		goto no_add;
	err = misc_register(&bus_misc);
	if (err)
		goto no_misc;
	return 0;

no_misc:
	usb_remove_hcd(the_hcd);
no_add:
	usb_put_hcd(the_hcd);
	return err;
}

/* usbcore asks for the name of the controller's driver. */
static struct platform_driver bus_platform = {
	.driver = {
		.name = "benchbus",
		.suppress_bind_attrs = true,
	},
};

static int __init bus_init(void)
{
	platform = platform_create_bundle(&bus_platform, bus_probe, NULL, 0,
					  NULL, 0);
	return PTR_ERR_OR_ZERO(platform);
}

static void __exit bus_exit(void)
{
	misc_deregister(&bus_misc);
	usb_remove_hcd(the_hcd);
	cancel_delayed_work_sync(&hcd_bus(the_hcd)->late);
	usb_put_hcd(the_hcd);
	platform_device_unregister(platform);
	platform_driver_unregister(&bus_platform);
}

module_init(bus_init);
module_exit(bus_exit);

MODULE_DESCRIPTION("cardring: a USB bus that costs next to nothing, to measure hosts at");
MODULE_LICENSE("GPL");
