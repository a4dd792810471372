// SPDX-License-Identifier: GPL-2.0-only
#include "suites.h"

/* Of the rest of the module, what card.c calls. */
#define CR_TRACE_H
static void trace_cardring_event(int reader, u8 slot, u8 event)
{
}

#include "../card.c"

void cr_flush_events(struct cr_ctx *ctx)
{
}

void cr_set_deadline(struct cr_slot *s, unsigned long deadline)
{
}

void cr_purge(struct cr_slot *s, int err)
{
}

/* What the reader answers when it is asked. */
static void card_said(struct cr_slot *s, u8 icc)
{
	spin_lock_irq(&s->reader->lock);
	cr_card_status(s, CARDRING_OP_SLOT_STATUS, icc);
	spin_unlock_irq(&s->reader->lock);
}

static void card_reset(struct cr_slot *s, bool slept)
{
	spin_lock_irq(&s->reader->lock);
	cr_card_unknown(s);
	if (slept)
		cr_card_slept(s);
	spin_unlock_irq(&s->reader->lock);
}

static void card_found_after_sleep_may_be_another(struct kunit *test)
{
	struct cr_reader *r = kunit_kzalloc(test, struct_size(r, slot, 1),
					    GFP_KERNEL);
	struct cr_slot *s;

	KUNIT_ASSERT_NOT_NULL(test, r);
	spin_lock_init(&r->lock);
	INIT_LIST_HEAD(&r->ctxs);
	r->desc.slots = 1;
	s = &r->slot[0];
	s->reader = r;

	card_said(s, CR_ICC_INACTIVE);
	KUNIT_EXPECT_EQ(test, s->generation, 1ULL);
	/* only its power was lost, and the reader would have told of more */
	card_reset(s, false);
	card_said(s, CR_ICC_INACTIVE);
	KUNIT_EXPECT_EQ(test, s->generation, 1ULL);

	card_reset(s, true);
	card_said(s, CR_ICC_INACTIVE);
	KUNIT_EXPECT_EQ(test, s->generation, 2ULL);
	card_reset(s, false);
	card_said(s, CR_ICC_INACTIVE);
	KUNIT_EXPECT_EQ(test, s->generation, 2ULL);

	/* it was taken out, and one put in later: one, not two */
	card_reset(s, true);
	card_said(s, CR_ICC_ABSENT);
	KUNIT_EXPECT_EQ(test, s->generation, 2ULL);
	card_said(s, CR_ICC_INACTIVE);
	KUNIT_EXPECT_EQ(test, s->generation, 3ULL);
}

static void card_swapped_while_powering_may_be_powered(struct kunit *test)
{
	struct cr_reader *r = kunit_kzalloc(test, struct_size(r, slot, 1),
					    GFP_KERNEL);
	struct cr_req req = { .op = CARDRING_OP_POWER_ON };
	struct cr_slot *s;

	KUNIT_ASSERT_NOT_NULL(test, r);
	spin_lock_init(&r->lock);
	INIT_LIST_HEAD(&r->ctxs);
	r->desc.slots = 1;
	s = &r->slot[0];
	s->reader = r;
	card_said(s, CR_ICC_INACTIVE);

	s->powered = true;
	s->cur = &req;
	s->phase = CR_COMMAND;
	spin_lock_irq(&r->lock);
	cr_card_present(s, false, true);
	cr_card_present(s, true, true);
	spin_unlock_irq(&r->lock);
	KUNIT_EXPECT_TRUE(test, s->powered);

	/* the answer itself says that there is none */
	s->notified = false;
	spin_lock_irq(&r->lock);
	cr_card_status(s, CARDRING_OP_POWER_ON, CR_ICC_ABSENT);
	spin_unlock_irq(&r->lock);
	KUNIT_EXPECT_FALSE(test, s->powered);
}

static struct kunit_case card_cases[] = {
	KUNIT_CASE(card_found_after_sleep_may_be_another),
	KUNIT_CASE(card_swapped_while_powering_may_be_powered),
	{ }
};

struct kunit_suite cr_card_suite = {
	.name = "cardring-card",
	.test_cases = card_cases,
};
