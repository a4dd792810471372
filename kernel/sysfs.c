// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/class/cardring/cardringN: what the reader is, and what it has done.
 */
#include <linux/stringify.h>
#include <linux/sysfs.h>

#include "reader.h"

static struct cr_reader *to_reader(struct device *dev)
{
	return container_of(dev, struct cr_reader, dev);
}

/**
 * cr_serial - the reader's serial number
 * @r: the reader
 *
 * Return: iSerialNumber's string, empty if there is none.
 */
const char *cr_serial(const struct cr_reader *r)
{
	return r->udev->serial ?: "";
}

static ssize_t name_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%s\n", to_reader(dev)->name);
}
static DEVICE_ATTR_RO(name);

static ssize_t id_show(struct device *dev, struct device_attribute *attr,
		       char *buf)
{
	const struct usb_device_descriptor *usb =
		&to_reader(dev)->udev->descriptor;

	return sysfs_emit(buf, "%04x:%04x\n", le16_to_cpu(usb->idVendor),
			  le16_to_cpu(usb->idProduct));
}
static DEVICE_ATTR_RO(id);

static ssize_t serial_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%s\n", cr_serial(to_reader(dev)));
}
static DEVICE_ATTR_RO(serial);

static ssize_t level_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	switch (to_reader(dev)->desc.level) {
	case CARDRING_LEVEL_CHARACTER:
		return sysfs_emit(buf, "character\n");
	case CARDRING_LEVEL_TPDU:
		return sysfs_emit(buf, "tpdu\n");
	case CARDRING_LEVEL_SHORT_APDU:
		return sysfs_emit(buf, "short-apdu\n");
	case CARDRING_LEVEL_EXTENDED_APDU:
		return sysfs_emit(buf, "extended-apdu\n");
	default:
		return sysfs_emit(buf, "unknown\n");
	}
}
static DEVICE_ATTR_RO(level);

static ssize_t slots_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%u\n", to_reader(dev)->desc.slots);
}
static DEVICE_ATTR_RO(slots);

static ssize_t interface_number_show(struct device *dev,
				     struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", to_reader(dev)->interface_number);
}
static DEVICE_ATTR_RO(interface_number);

struct counter_attribute {
	struct device_attribute attr;
	size_t offset;		/* in struct cr_counters */
};

static ssize_t counter_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	size_t offset = container_of(attr, struct counter_attribute, attr)->offset;
	struct cr_reader *r = to_reader(dev);
	u64 value;

	spin_lock_irq(&r->lock);
	value = *(u64 *)((u8 *)&r->count + offset);
	spin_unlock_irq(&r->lock);
	return sysfs_emit(buf, "%llu\n", value);
}

#define CR_COUNTER(_name)						\
static struct counter_attribute counter_##_name = {			\
	.attr = {							\
		.attr = { .name = __stringify(_name), .mode = 0444 },	\
		.show = counter_show,					\
	},								\
	.offset = offsetof(struct cr_counters, _name),			\
}

CR_COUNTER(commands);
CR_COUNTER(bytes_tx);
CR_COUNTER(bytes_tx_copied);
CR_COUNTER(bytes_rx);
CR_COUNTER(bytes_copied);
CR_COUNTER(zero_copy);
CR_COUNTER(timeouts);
CR_COUNTER(errors);
CR_COUNTER(resets);
CR_COUNTER(strays);

static ssize_t answer_us_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return cr_histogram_emit(buf, &to_reader(dev)->count.answer_us);
}
static DEVICE_ATTR_RO(answer_us);

static ssize_t turnaround_us_show(struct device *dev,
				  struct device_attribute *attr, char *buf)
{
	return cr_histogram_emit(buf, &to_reader(dev)->count.turnaround_us);
}
static DEVICE_ATTR_RO(turnaround_us);

static struct attribute *cr_attrs[] = {
	&dev_attr_name.attr,
	&dev_attr_id.attr,
	&dev_attr_serial.attr,
	&dev_attr_level.attr,
	&dev_attr_slots.attr,
	&dev_attr_interface_number.attr,
	&counter_commands.attr.attr,
	&counter_bytes_tx.attr.attr,
	&counter_bytes_tx_copied.attr.attr,
	&counter_bytes_rx.attr.attr,
	&counter_bytes_copied.attr.attr,
	&counter_zero_copy.attr.attr,
	&counter_timeouts.attr.attr,
	&counter_errors.attr.attr,
	&counter_resets.attr.attr,
	&counter_strays.attr.attr,
	&dev_attr_answer_us.attr,
	&dev_attr_turnaround_us.attr,
	NULL
};

static const struct attribute_group cr_group = {
	.attrs = cr_attrs,
};

const struct attribute_group *cr_groups[] = { &cr_group, NULL };
