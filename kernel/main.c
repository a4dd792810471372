// SPDX-License-Identifier: GPL-2.0-only
/*
 * cardring: USB smart-card readers (CCID) for programs, through rings.
 *
 *   program            enter.c    slot.c     exec.c     bulk.c      reader
 *   submission ring --> check --> queue --> message --> bulk-out --> card
 *   completion ring <------------ finish <-- result <-- bulk-in  <---/
 *                                   ^            recover.c ends what hangs
 *                                   |            watch.c, card.c: who is there
 *                                   '- next of a chain, without a wake-up
 *
 * include/uapi/cardring.h is the contract with programs; reader.h names the
 * structures and their locks. The module moves CCID messages and keeps what
 * must be atomic or privileged. It knows no T=1 and no identity card.
 */
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/stringify.h>

#include "reader.h"

struct workqueue_struct *cr_wq;
struct class *cr_class;
dev_t cr_devt;
DEFINE_IDA(cr_ida);

static int __init cr_init(void)
{
	int err = -ENOMEM;

	cr_wq = alloc_workqueue("cardring", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!cr_wq)
		return err;
	cr_class = cr_class_create("cardring");
	if (IS_ERR(cr_class)) {
		err = PTR_ERR(cr_class);
		goto destroy_wq;
	}
	err = alloc_chrdev_region(&cr_devt, 0, CR_MINORS, "cardring");
	if (err)
		goto destroy_class;
	err = usb_register(&cr_usb_driver);
	if (err)
		goto free_region;
	return 0;

free_region:
	unregister_chrdev_region(cr_devt, CR_MINORS);
destroy_class:
	class_destroy(cr_class);
destroy_wq:
	destroy_workqueue(cr_wq);
	return err;
}
module_init(cr_init);

static void __exit cr_exit(void)
{
	usb_deregister(&cr_usb_driver);
	unregister_chrdev_region(cr_devt, CR_MINORS);
	class_destroy(cr_class);
	destroy_workqueue(cr_wq);
	ida_destroy(&cr_ida);
}
module_exit(cr_exit);

MODULE_DESCRIPTION("USB smart-card readers (CCID) through shared rings");
MODULE_VERSION(__stringify(CARDRING_ABI_VERSION));
MODULE_LICENSE("GPL");
