// SPDX-License-Identifier: BSD-2-Clause
/* The reader that several softrings share: slots, claims, cards coming and going. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "softring_int.h"

int cr_softreader_new(const struct cardring_info *dev, const struct cr_soft_ops *ops, void *arg,
		      cr_softreader_t **out)
{
	struct cr_softreader *reader;
	pthread_condattr_t attr;

	if (!dev->slots || dev->slots > CARDRING_MAX_SLOTS || !dev->max_payload)
		return CR_E_INVALID;
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return CR_E_NOMEM;
	reader->refs = 1;
	reader->dev = *dev;
	reader->ops = ops;
	reader->arg = arg;
	pthread_mutex_init(&reader->lock, NULL);
	pthread_mutex_init(&reader->exec_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&reader->changed, &attr);
	pthread_condattr_destroy(&attr);
	*out = reader;
	return 0;
}

void cr_softreader_unref_locked(struct cr_softreader *reader)
{
	unsigned int left = --reader->refs;

	pthread_mutex_unlock(&reader->lock);
	if (left)
		return;
	if (reader->ops->destroy)
		reader->ops->destroy(reader->arg);
	pthread_cond_destroy(&reader->changed);
	pthread_mutex_destroy(&reader->exec_lock);
	pthread_mutex_destroy(&reader->lock);
	free(reader);
}

void cr_softreader_unref(cr_softreader_t *reader)
{
	if (!reader)
		return;
	pthread_mutex_lock(&reader->lock);
	cr_softreader_unref_locked(reader);
}

int cr_soft_exec(struct cr_softreader *reader, struct cr_soft_cmd *cmd)
{
	int result;

	pthread_mutex_unlock(&reader->lock);
	pthread_mutex_lock(&reader->exec_lock);
	result = reader->ops->exec(reader->arg, cmd);
	pthread_mutex_unlock(&reader->exec_lock);
	pthread_mutex_lock(&reader->lock);
	return result;
}

void cr_soft_until(struct timespec *until, int timeout_ms)
{
	clock_gettime(CLOCK_MONOTONIC, until);
	until->tv_sec += timeout_ms / 1000;
	until->tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until->tv_nsec >= 1000000000) {
		until->tv_sec++;
		until->tv_nsec -= 1000000000;
	}
}

int cr_soft_wait(struct cr_softreader *reader, const struct timespec *until)
{
	if (!until)
		return pthread_cond_wait(&reader->changed, &reader->lock);
	return pthread_cond_timedwait(&reader->changed, &reader->lock, until);
}

int cr_soft_claim(cr_ring_t *ring, unsigned int slot, int timeout_ms)
{
	struct softring *r = (struct softring *)ring;
	struct cr_softreader *reader = r->reader;
	struct timespec until;
	int err = 0;

	if (slot >= reader->dev.slots || timeout_ms < -1)
		return -EINVAL;
	if (timeout_ms > 0)
		cr_soft_until(&until, timeout_ms);
	pthread_mutex_lock(&reader->lock);
	while (!err) {
		if (reader->gone) {
			err = -ENODEV;
		} else if (reader->slots[slot].owner == r) {
			err = -EALREADY;
		} else if (!reader->slots[slot].owner) {
			reader->slots[slot].owner = r;
			reader->slots[slot].stale = false;
			break;
		} else if (!timeout_ms ||
			   cr_soft_wait(reader, timeout_ms < 0 ? NULL : &until) == ETIMEDOUT) {
			err = -EBUSY;
		}
	}
	pthread_mutex_unlock(&reader->lock);
	return err;
}

void cr_soft_release_locked(struct softring *r, unsigned int slot)
{
	struct cr_softreader *reader = r->reader;
	struct soft_slot *s = &reader->slots[slot];
	struct cr_soft_cmd off = {
		.slot = slot, .op = CARDRING_OP_POWER_OFF, .deadline_ms = CARDRING_DEF_DEADLINE_MS,
	};

	if (s->powered && !reader->gone)	/* no session is left to the next holder */
		cr_soft_exec(reader, &off);
	s->powered = false;
	s->stale = false;
	s->owner = NULL;
	pthread_cond_broadcast(&reader->changed);
}

int cr_soft_release(cr_ring_t *ring, unsigned int slot)
{
	struct softring *r = (struct softring *)ring;
	int err = 0;

	if (slot >= r->reader->dev.slots)
		return -EINVAL;
	pthread_mutex_lock(&r->reader->lock);
	if (r->reader->slots[slot].owner == r)
		cr_soft_release_locked(r, slot);
	else
		err = -EACCES;
	pthread_mutex_unlock(&r->reader->lock);
	return err;
}

int cr_soft_slot(cr_ring_t *ring, struct cardring_slot *slot)
{
	struct softring *r = (struct softring *)ring;
	const struct soft_slot *s;
	int err = 0;

	if (slot->slot >= r->reader->dev.slots)
		return -EINVAL;
	pthread_mutex_lock(&r->reader->lock);
	s = &r->reader->slots[slot->slot];
	if (r->reader->gone)
		err = -ENODEV;
	slot->state = s->powered ? CARDRING_SLOT_POWERED :
		      s->present ? CARDRING_SLOT_PRESENT : CARDRING_SLOT_EMPTY;
	slot->owner_pid = s->owner ? getpid() : 0;
	slot->mine = s->owner == r;
	slot->generation = s->generation;
	pthread_mutex_unlock(&r->reader->lock);
	return err;
}

static void post_event(struct cr_softreader *reader, unsigned int slot, enum cardring_event event)
{
	struct softring *r;

	for (r = reader->rings; r; r = r->next)
		cr_memring_event(&r->mem, slot, event, 0);
	pthread_cond_broadcast(&reader->changed);
}

static void make_stale(struct soft_slot *s)
{
	s->powered = false;
	s->stale = s->owner != NULL;
	s->epoch++;
}

void cr_softreader_card(cr_softreader_t *reader, unsigned int slot, bool present)
{
	struct soft_slot *s;

	if (slot >= reader->dev.slots)
		return;
	pthread_mutex_lock(&reader->lock);
	s = &reader->slots[slot];
	if (!reader->gone && s->present != present) {
		s->present = present;
		if (present)
			s->generation++;
		else
			make_stale(s);
		post_event(reader, slot, present ? CARDRING_EVENT_CARD_IN : CARDRING_EVENT_CARD_OUT);
	}
	pthread_mutex_unlock(&reader->lock);
}

void cr_softreader_reset(cr_softreader_t *reader)
{
	unsigned int i;

	pthread_mutex_lock(&reader->lock);
	for (i = 0; i < reader->dev.slots; i++)
		make_stale(&reader->slots[i]);
	if (!reader->gone)
		post_event(reader, 0, CARDRING_EVENT_RESET);
	pthread_mutex_unlock(&reader->lock);
}

void cr_softreader_gone(cr_softreader_t *reader)
{
	unsigned int i;

	pthread_mutex_lock(&reader->lock);
	if (!reader->gone) {
		reader->gone = true;
		for (i = 0; i < reader->dev.slots; i++)
			make_stale(&reader->slots[i]);
		post_event(reader, 0, CARDRING_EVENT_GONE);
	}
	pthread_mutex_unlock(&reader->lock);
}
