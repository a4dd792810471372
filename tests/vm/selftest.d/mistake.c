// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that makes the mistake it is asked for, so that tests/vm/selftest can see whether the
 * debug kernel reports it and the rig fails on the report. Each ends with the module loaded.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *what = "";
module_param(what, charp, 0);

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spin);
static void *kept;

static void use_after_free(void)
{
	char *p = kmalloc(40, GFP_KERNEL);

	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	WRITE_ONCE(p[3], 1);
}

static void lock_order(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void sleep_in_atomic(void)
{
	spin_lock(&spin);
	kfree(kmalloc(40, GFP_KERNEL));
	spin_unlock(&spin);
}

static void leak(void)
{
	kept = kmalloc(1234, GFP_KERNEL);
	kept = NULL;
}

static int __init mistake_init(void)
{
	if (!strcmp(what, "uaf"))
		use_after_free();
	else if (!strcmp(what, "lockdep"))
		lock_order();
	else if (!strcmp(what, "atomic"))
		sleep_in_atomic();
	else if (!strcmp(what, "leak"))
		leak();
	else if (!strcmp(what, "warn"))
		WARN_ON(1);
	else if (*what)
		return -EINVAL;
	return 0;
}

static void __exit mistake_exit(void)
{
}

module_init(mistake_init);
module_exit(mistake_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Deliberate mistakes, to test that the test rig sees them");
