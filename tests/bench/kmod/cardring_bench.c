// SPDX-License-Identifier: GPL-2.0-only
/*
 * The limit of a bus: a driver that does nothing but send one prepared READ
 * BINARY again from the completion handler of its answer. It knows no slots,
 * no deadlines, no programs; it only makes sure that the answers are right.
 *
 * Writing "BYTES COUNT" to /sys/kernel/debug/cardring_bench reads so many
 * bytes so many times, and returns when that is done; "= HEX" sends this one
 * command. Reading gives the last answer. One reader at a time.
 */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/usb.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#define HDR		10	/* CCID 1.1, 6 */
#define OUT_SIZE	32
#define CARD_FILE	32768	/* of the built-in test card */
#define CLASS_DESC	54	/* CCID 1.1, 5.1; dwMaxCCIDMessageLength at 44 */
#define MAX_MESSAGE	65554	/* of the longest extended answer */

struct bench {
	struct urb *in, *out;
	u8 *in_buf, *out_buf;
	struct dentry *file;
	struct mutex lock;		/* one writer at a time */
	struct completion done;
	atomic_t pending;		/* URBs of the command in flight */
	u32 left, answer;		/* commands; payload bytes, 0: any */
	u32 got;			/* payload bytes of the last answer */
	int err;
	bool powered, dead;
};

static void bench_send(struct bench *b);

/* One of the two URBs came back. */
static void bench_step(struct bench *b)
{
	if (!atomic_dec_and_test(&b->pending))
		return;
	if (READ_ONCE(b->err) || !--b->left)
		complete(&b->done);
	else
		bench_send(b);
}

static void bench_send(struct bench *b)
{
	int err;

	atomic_set(&b->pending, 2);
	b->out_buf[6]++;
	err = usb_submit_urb(b->out, GFP_ATOMIC);
	if (err) {
		WRITE_ONCE(b->err, err);
		bench_step(b);
	}
	err = usb_submit_urb(b->in, GFP_ATOMIC);
	if (err) {
		WRITE_ONCE(b->err, err);
		bench_step(b);
	}
}

static void bench_out_done(struct urb *urb)
{
	struct bench *b = urb->context;

	if (urb->status)
		WRITE_ONCE(b->err, urb->status);
	bench_step(b);
}

static void bench_in_done(struct urb *urb)
{
	struct bench *b = urb->context;
	u32 n = urb->actual_length;

	if (urb->status)
		WRITE_ONCE(b->err, urb->status);
	else if (n < HDR || get_unaligned_le32(b->in_buf + 1) != n - HDR ||
		 b->in_buf[6] != b->out_buf[6] || b->in_buf[7] & 0xc0)
		WRITE_ONCE(b->err, -EPROTO);
	else if (b->answer && (n != HDR + b->answer ||
			       get_unaligned_be16(b->in_buf + n - 2) != 0x9000))
		WRITE_ONCE(b->err, -EBADMSG);
	else
		b->got = n - HDR;
	bench_step(b);
}

/* Runs the prepared message @count times. */
static int bench_run(struct bench *b, u32 len, u32 answer, u32 count)
{
	long left;

	put_unaligned_le32(len, b->out_buf + 1);
	b->out->transfer_buffer_length = HDR + len;
	b->answer = answer;
	b->left = count;
	b->err = 0;
	reinit_completion(&b->done);
	bench_send(b);
	left = wait_for_completion_interruptible_timeout(&b->done, 60 * HZ);
	if (left > 0)
		return b->err;
	/* Poisoned URBs are refused, so that the chain ends wherever it is. */
	b->dead = true;
	usb_poison_urb(b->out);
	usb_poison_urb(b->in);
	return left ?: -ETIMEDOUT;
}

static int bench_power(struct bench *b)
{
	int err;

	if (b->powered)
		return 0;
	memset(b->out_buf, 0, OUT_SIZE);
	b->out_buf[0] = 0x62;	/* PC_to_RDR_IccPowerOn */
	err = bench_run(b, 0, 0, 1);
	b->powered = !err;
	return err;
}

static int bench_read(struct bench *b, u32 bytes, u32 count)
{
	u8 *apdu = b->out_buf + HDR;
	u32 len = 5;

	memset(b->out_buf, 0, OUT_SIZE);
	b->out_buf[0] = 0x6f;	/* PC_to_RDR_XfrBlock */
	apdu[1] = 0xb0;		/* ISO 7816-4: READ BINARY */
	apdu[4] = bytes;
	if (bytes > 255) {
		apdu[4] = 0;
		put_unaligned_be16(bytes, apdu + 5);
		len = 7;
	}
	return bench_run(b, len, bytes + 2, count);
}

static int bench_once(struct bench *b, const char *hex)
{
	size_t len = strlen(hex) / 2;

	if (!len || len > OUT_SIZE - HDR)
		return -EINVAL;
	memset(b->out_buf, 0, OUT_SIZE);
	b->out_buf[0] = 0x6f;
	if (hex2bin(b->out_buf + HDR, hex, len))
		return -EINVAL;
	return bench_run(b, len, 0, 1);
}

static ssize_t bench_write(struct file *file, const char __user *from,
			   size_t size, loff_t *pos)
{
	struct bench *b = file->private_data;
	u32 bytes, count;
	char text[64];
	int err;

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, size))
		return -EFAULT;
	text[size] = 0;
	if (strncmp(text, "= ", 2) &&
	    (sscanf(text, "%u %u", &bytes, &count) != 2 || !count || !bytes ||
	     bytes > CARD_FILE))
		return -EINVAL;
	mutex_lock(&b->lock);
	err = b->dead ? -EIO : bench_power(b);
	if (!err)
		err = text[0] == '=' ? bench_once(b, text + 2) :
				       bench_read(b, bytes, count);
	mutex_unlock(&b->lock);
	return err ?: size;
}

static ssize_t bench_show(struct file *file, char __user *to, size_t size,
			  loff_t *pos)
{
	struct bench *b = file->private_data;
	ssize_t n;

	mutex_lock(&b->lock);
	n = simple_read_from_buffer(to, size, pos, b->in_buf + HDR, b->got);
	mutex_unlock(&b->lock);
	return n;
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = bench_show,
	.write = bench_write,
};

static void bench_free(struct bench *b)
{
	usb_free_urb(b->in);
	usb_free_urb(b->out);
	kfree(b->in_buf);
	kfree(b->out_buf);
	kfree(b);
}

static int bench_probe(struct usb_interface *intf, const struct usb_device_id *id)
{
	struct usb_device *udev = interface_to_usbdev(intf);
	struct usb_endpoint_descriptor *in, *out;
	u32 in_size;
	struct bench *b;
	int err;

	if (intf->cur_altsetting->extralen < CLASS_DESC)
		return -ENODEV;
	err = usb_find_common_endpoints(intf->cur_altsetting, &in, &out, NULL,
					NULL);
	if (err)
		return err;
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	mutex_init(&b->lock);
	init_completion(&b->done);
	b->in = usb_alloc_urb(0, GFP_KERNEL);
	b->out = usb_alloc_urb(0, GFP_KERNEL);
	/* What the reader says, as in a driver that does something, up to whole packets. */
	in_size = get_unaligned_le32(intf->cur_altsetting->extra + 44);
	in_size = roundup(clamp_t(u32, in_size, HDR, MAX_MESSAGE),
			  usb_endpoint_maxp(in));
	b->in_buf = kmalloc(in_size, GFP_KERNEL);
	b->out_buf = kzalloc(OUT_SIZE, GFP_KERNEL);
	if (!b->in || !b->out || !b->in_buf || !b->out_buf) {
		bench_free(b);
		return -ENOMEM;
	}
	usb_fill_bulk_urb(b->out, udev,
			  usb_sndbulkpipe(udev, out->bEndpointAddress),
			  b->out_buf, 0, bench_out_done, b);
	usb_fill_bulk_urb(b->in, udev,
			  usb_rcvbulkpipe(udev, in->bEndpointAddress),
			  b->in_buf, in_size, bench_in_done, b);
	usb_set_intfdata(intf, b);
	b->file = debugfs_create_file("cardring_bench", 0600, NULL, b,
				      &bench_fops);
	return 0;
}

static void bench_disconnect(struct usb_interface *intf)
{
	struct bench *b = usb_get_intfdata(intf);

	/* Ends a writer's run, for whom the removal of the file waits. */
	usb_poison_urb(b->out);
	usb_poison_urb(b->in);
	debugfs_remove(b->file);
	bench_free(b);
}

/* The pair that tests/bench gives its readers, and QEMU's own; libccid knows both. */
static const struct usb_device_id bench_ids[] = {
	{ USB_DEVICE(0x04e6, 0x5790) },
	{ USB_DEVICE(0x08e6, 0x4433) },
	{ }
};

static struct usb_driver bench_driver = {
	.name = "cardring_bench",
	.probe = bench_probe,
	.disconnect = bench_disconnect,
	.id_table = bench_ids,
};
module_usb_driver(bench_driver);

MODULE_DESCRIPTION("cardring: measures what no host can be faster than");
MODULE_LICENSE("GPL");
