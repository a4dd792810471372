// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the pieces that need no device: cardring_kunit.ko, built where
 * the kernel has KUnit. Each file includes the source it tests, so that
 * cardring.ko exports nothing for it.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "suites.h"

kunit_test_suites(&cr_message_suite, &cr_descriptor_suite, &cr_ring_suite,
		  &cr_arena_suite, &cr_histogram_suite, &cr_card_suite);

MODULE_DESCRIPTION("KUnit tests of cardring");
MODULE_LICENSE("GPL");
