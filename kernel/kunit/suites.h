/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CR_KUNIT_SUITES_H
#define CR_KUNIT_SUITES_H

#include <kunit/test.h>

extern struct kunit_suite cr_message_suite;
extern struct kunit_suite cr_descriptor_suite;
extern struct kunit_suite cr_ring_suite;
extern struct kunit_suite cr_arena_suite;
extern struct kunit_suite cr_histogram_suite;
extern struct kunit_suite cr_card_suite;

#endif /* CR_KUNIT_SUITES_H */
