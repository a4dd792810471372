// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node: open, ioctl, mmap, poll, close.
 *
 * An open file outlives its reader: once that is gone every call but poll and
 * the reading of memory says -ENODEV, and the last close frees what is left.
 * A mapping holds the file, so its pages stay for as long as they are seen.
 */
#include <linux/dma-mapping.h>
#include <linux/eventfd.h>
#include <linux/log2.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "reader.h"

#define FILE_SLOT_MS	1000	/* CARDRING_IOC_SLOT waits so long */

static int file_open(struct inode *inode, struct file *file)
{
	struct cr_reader *r = container_of(inode->i_cdev, struct cr_reader, cdev);
	struct cr_ctx *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL_ACCOUNT);
	int err;

	if (!ctx)
		return -ENOMEM;
	ctx->reader = r;
	mutex_init(&ctx->submit);
	INIT_LIST_HEAD(&ctx->node);
	INIT_LIST_HEAD(&ctx->free);
	init_waitqueue_head(&ctx->wait);
	init_waitqueue_head(&ctx->poll_wait);

	mutex_lock(&r->open_lock);
	err = r->gone ? -ENODEV : cr_buffers(r);
	if (!err)
		err = usb_autopm_get_interface(r->intf);
	if (!err && !r->opens++)
		cr_watch_start(r);
	mutex_unlock(&r->open_lock);
	if (err) {
		kfree(ctx);
		return err;
	}

	get_device(&r->dev);
	file->private_data = ctx;
	return stream_open(inode, file);
}

static void file_free_memory(struct cr_ctx *ctx)
{
	cr_arena_free(&ctx->arena);
	cr_ring_free(&ctx->ring);
	kvfree(ctx->reqs);
	ctx->reqs = NULL;
	if (ctx->mm) {
		account_locked_vm(ctx->mm, ctx->map_pages, false);
		mmdrop(ctx->mm);
		ctx->mm = NULL;
	}
}

static int file_release(struct inode *inode, struct file *file)
{
	struct cr_ctx *ctx = file->private_data;
	struct cr_reader *r = ctx->reader;

	cr_release_all(ctx);

	mutex_lock(&r->open_lock);
	if (!--r->opens)
		cr_watch_stop(r);
	if (!r->gone)
		usb_autopm_put_interface(r->intf);
	mutex_unlock(&r->open_lock);

	spin_lock_irq(&r->lock);
	list_del_init(&ctx->node);
	spin_unlock_irq(&r->lock);

	if (ctx->eventfd)
		eventfd_ctx_put(ctx->eventfd);
	file_free_memory(ctx);
	kfree(ctx);
	put_device(&r->dev);
	return 0;
}

static long file_info(struct cr_ctx *ctx, void __user *arg)
{
	struct cr_reader *r = ctx->reader;
	const struct usb_device_descriptor *usb = &r->udev->descriptor;
	struct cardring_info info = {
		.abi = CARDRING_ABI_VERSION,
		.index = r->index,
		.vendor = le16_to_cpu(usb->idVendor),
		.product = le16_to_cpu(usb->idProduct),
		.bcd_device = le16_to_cpu(usb->bcdDevice),
		.interface_number = r->interface_number,
		.slots = r->desc.slots,
		.busy_slots = r->desc.busy_slots,
		.level = r->desc.level,
		.max_message = r->desc.max_message,
		.max_payload = r->desc.max_message - CR_HDR,
		.features = r->desc.features,
		.has_interrupt = !!r->intr_urb,
		.speed = r->udev->speed,
		.busnum = r->udev->bus->busnum,
		.devnum = r->udev->devnum,
	};

	BUILD_BUG_ON(sizeof(info) != 320);
	memcpy(info.descriptor, r->desc.raw, sizeof(info.descriptor));
	strscpy(info.name, r->name, sizeof(info.name));
	strscpy(info.serial, cr_serial(r), sizeof(info.serial));
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

/* What SETUP asks for, with defaults and within limits. */
static int setup_bound(const struct cr_reader *r, struct cardring_setup *setup,
		       u32 *stride)
{
	u32 align = dma_get_cache_alignment();
	u32 payload = r->desc.max_message - CR_HDR;

	if (setup->flags || memchr_inv(setup->resv, 0, sizeof(setup->resv)))
		return -EINVAL;
	if (!setup->entries)
		setup->entries = CARDRING_DEF_ENTRIES;
	if (!setup->buffers)
		setup->buffers = CARDRING_DEF_BUFFERS;
	if (!setup->buf_size)
		setup->buf_size = min_t(u32, payload, SZ_4K - CR_HDR);
	if (setup->entries > CARDRING_MAX_ENTRIES ||
	    setup->buffers > CARDRING_MAX_BUFFERS ||
	    setup->buf_size > CR_MESSAGE_MAX - CR_HDR)
		return -EINVAL;

	setup->entries = roundup_pow_of_two(setup->entries);
	*stride = cr_arena_stride(setup->buf_size, r->packet, align);
	if (cr_arena_bytes(setup->buffers, *stride) > CR_ARENA_MAX)
		return -ENOMEM;
	setup->buf_size = *stride - CR_HDR;
	setup->map_size = cr_ring_bytes(setup->entries) +
			  cr_arena_bytes(setup->buffers, *stride);
	return 0;
}

static int setup_charge(struct cr_ctx *ctx, u64 bytes)
{
	int err;

	ctx->map_pages = bytes >> PAGE_SHIFT;
	err = account_locked_vm(current->mm, ctx->map_pages, true);
	if (err)
		return err;
	ctx->mm = current->mm;
	mmgrab(ctx->mm);
	return 0;
}

static int setup_requests(struct cr_ctx *ctx)
{
	u32 i;

	ctx->reqs = kvcalloc(ctx->ring.cq_entries, sizeof(*ctx->reqs),
			     GFP_KERNEL_ACCOUNT);
	if (!ctx->reqs)
		return -ENOMEM;
	for (i = 0; i < ctx->ring.cq_entries; i++) {
		ctx->reqs[i].ctx = ctx;
		list_add_tail(&ctx->reqs[i].node, &ctx->free);
	}
	return 0;
}

/* All of it, or, with an error, nothing. */
static int setup_memory(struct cr_ctx *ctx, const struct cardring_setup *setup,
			u32 stride)
{
	struct cr_ring *ring = &ctx->ring;
	int err;

	err = setup_charge(ctx, setup->map_size);
	if (err)
		return err;
	err = cr_ring_alloc(ring, setup->entries) ?:
	      cr_arena_alloc(&ctx->arena, setup->buffers, stride) ?:
	      setup_requests(ctx);
	if (err) {
		file_free_memory(ctx);
		return err;
	}
	ring->hdr->arena_off = ring->bytes;
	ring->hdr->buffers = setup->buffers;
	ring->hdr->buf_stride = stride;
	return 0;
}

/* From here on the file gets events. */
static int setup_publish(struct cr_ctx *ctx)
{
	struct cr_reader *r = ctx->reader;
	int err = 0;

	spin_lock_irq(&r->lock);
	if (r->gone)
		err = -ENODEV;
	else
		list_add_tail(&ctx->node, &r->ctxs);
	spin_unlock_irq(&r->lock);
	if (!err)
		/* Pairs with file_ready(). */
		smp_store_release(&ctx->ready, true);
	return err;
}

static bool file_ready(const struct cr_ctx *ctx)
{
	/* Pairs with setup_publish(). */
	return smp_load_acquire(&ctx->ready);
}

static long file_setup(struct cr_ctx *ctx, void __user *arg)
{
	struct cardring_setup setup;
	u32 stride;
	int err;

	if (copy_from_user(&setup, arg, sizeof(setup)))
		return -EFAULT;
	err = setup_bound(ctx->reader, &setup, &stride);
	if (err)
		return err;

	if (mutex_lock_interruptible(&ctx->submit))
		return -EINTR;
	err = -EBUSY;
	if (!ctx->ready) {
		err = setup_memory(ctx, &setup, stride);
		/* A caller that cannot learn the size has not set up anything. */
		if (!err && copy_to_user(arg, &setup, sizeof(setup)))
			err = -EFAULT;
		if (!err)
			err = setup_publish(ctx);
		if (err) {
			INIT_LIST_HEAD(&ctx->free);
			file_free_memory(ctx);
		}
	}
	mutex_unlock(&ctx->submit);
	return err;
}

static long file_enter(struct cr_ctx *ctx, void __user *arg)
{
	struct cardring_enter enter;

	if (copy_from_user(&enter, arg, sizeof(enter)))
		return -EFAULT;
	if (enter.flags || enter.timeout_ms < -1 || !file_ready(ctx))
		return -EINVAL;
	return cr_enter(ctx, &enter);
}

static long file_claim(struct cr_ctx *ctx, unsigned int cmd, void __user *arg)
{
	struct cardring_claim claim;

	if (copy_from_user(&claim, arg, sizeof(claim)))
		return -EFAULT;
	if (claim.flags || claim.resv)
		return -EINVAL;
	if (cmd == CARDRING_IOC_RELEASE)
		return cr_release(ctx, claim.slot);
	if (claim.timeout_ms < -1)
		return -EINVAL;
	return cr_claim(ctx, &claim);
}

static bool slot_learned(struct cr_slot *s)
{
	bool learned;

	spin_lock_irq(&s->reader->lock);
	learned = !s->learning || s->reader->gone;
	spin_unlock_irq(&s->reader->lock);
	return learned;
}

static long file_slot(struct cr_ctx *ctx, void __user *arg)
{
	struct cr_reader *r = ctx->reader;
	struct cardring_slot slot;
	struct cr_slot *s;
	long left;
	u32 index;

	if (copy_from_user(&slot, arg, sizeof(slot)))
		return -EFAULT;
	index = slot.slot;
	s = cr_slot_get(r, index);
	if (!s)
		return -EINVAL;
	left = wait_event_interruptible_timeout(r->idle, slot_learned(s),
						msecs_to_jiffies(FILE_SLOT_MS));
	if (left < 0)
		return -EINTR;

	memset(&slot, 0, sizeof(slot));
	slot.slot = index;
	spin_lock_irq(&r->lock);
	slot.state = s->state;
	slot.generation = s->generation;
	slot.mine = s->owner == ctx;
	/* Of one that has ended the number may be another's by now. */
	if (s->owner && pid_has_task(s->owner_pid, PIDTYPE_TGID))
		slot.owner_pid = pid_vnr(s->owner_pid);
	spin_unlock_irq(&r->lock);
	return copy_to_user(arg, &slot, sizeof(slot)) ? -EFAULT : 0;
}

static long file_eventfd(struct cr_ctx *ctx, void __user *arg)
{
	struct eventfd_ctx *eventfd = NULL;
	struct cardring_eventfd set;

	if (copy_from_user(&set, arg, sizeof(set)))
		return -EFAULT;
	if (set.flags || set.fd < -1)
		return -EINVAL;
	if (set.fd >= 0) {
		eventfd = eventfd_ctx_fdget(set.fd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
	}

	spin_lock_irq(&ctx->reader->lock);
	swap(ctx->eventfd, eventfd);
	spin_unlock_irq(&ctx->reader->lock);
	if (eventfd)
		eventfd_ctx_put(eventfd);
	return 0;
}

static bool file_gone(struct cr_reader *r)
{
	bool gone;

	spin_lock_irq(&r->lock);
	gone = r->gone;
	spin_unlock_irq(&r->lock);
	return gone;
}

static long file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct cr_ctx *ctx = file->private_data;
	void __user *user = (void __user *)arg;

	/* ENTER looks itself: completions may be left to wait for. */
	if (cmd == CARDRING_IOC_ENTER)
		return file_enter(ctx, user);
	if (file_gone(ctx->reader))
		return -ENODEV;

	switch (cmd) {
	case CARDRING_IOC_INFO:
		return file_info(ctx, user);
	case CARDRING_IOC_SETUP:
		return file_setup(ctx, user);
	case CARDRING_IOC_CLAIM:
	case CARDRING_IOC_RELEASE:
		return file_claim(ctx, cmd, user);
	case CARDRING_IOC_SLOT:
		return file_slot(ctx, user);
	case CARDRING_IOC_EVENTFD:
		return file_eventfd(ctx, user);
	default:
		return -ENOTTY;
	}
}

static int file_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct cr_ctx *ctx = file->private_data;
	int err;

	if (!file_ready(ctx))
		return -EINVAL;
	if (vma->vm_pgoff || !(vma->vm_flags & VM_SHARED) ||
	    vma_pages(vma) != ctx->map_pages)
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;

	cr_vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTDUMP, VM_MAYEXEC);
	err = cr_ring_map(&ctx->ring, vma);
	if (err)
		return err;
	return cr_arena_map(&ctx->arena, vma, vma->vm_start + ctx->ring.bytes);
}

static __poll_t file_poll(struct file *file, poll_table *table)
{
	struct cr_ctx *ctx = file->private_data;
	struct cr_reader *r = ctx->reader;
	__poll_t mask = 0;

	poll_wait(file, &ctx->poll_wait, table);
	/* Without rings it is not among cr_reader.ctxs, which are told. */
	if (!file_ready(ctx))
		poll_wait(file, &r->idle, table);
	spin_lock_irq(&r->lock);
	if (file_ready(ctx)) {
		cr_flush_events(ctx);
		if (cr_ring_unread(&ctx->ring))
			mask |= EPOLLIN | EPOLLRDNORM;
	}
	if (r->gone)
		mask |= EPOLLHUP | EPOLLERR;
	spin_unlock_irq(&r->lock);
	return mask;
}

const struct file_operations cr_fops = {
	.owner = THIS_MODULE,
	.open = file_open,
	.release = file_release,
	.unlocked_ioctl = file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = file_mmap,
	.poll = file_poll,
};
