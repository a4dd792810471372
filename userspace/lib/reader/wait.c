// SPDX-License-Identifier: BSD-2-Clause
/*
 * Waiting for completions. They are seen in memory without a system call; so where one is about to come, looking for
 * it is cheaper than to sleep and be woken up. Whether to look is for the policy to say (spin.h). Entries are taken in
 * ENTER only: to look, it is called first without waiting, and again to sleep if nothing came; where nothing is looked
 * for, one call does both.
 */
#include <errno.h>
#include <stdbool.h>
#include <time.h>
#include "reader/power.h"
#include "reader/wait.h"

#define DEFAULT_NS	50000		/* about what a sleep and a wake-up cost, out of idle states too */
#define LOOKS		64		/* between two looks at the clock */
#define CHECK_NS	10000000000U	/* how long a machine that had something to spare is taken for that */
#define REST		10000		/* waits for which one that had not is left in peace, without a clock even */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__arm__) && __ARM_ARCH >= 7)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

void cr_wait_init(struct cr_wait *w)
{
	*w = (struct cr_wait){ .how = CR_SPIN_AUTO, .supplies = CR_POWER_SUPPLIES };
	cr_spin_init(&w->policy, DEFAULT_NS);
}

int cr_ring_set_spin(cr_ring_t *ring, enum cr_spin how, unsigned int max_us)
{
	if ((how != CR_SPIN_AUTO && how != CR_SPIN_OFF && how != CR_SPIN_ON) || max_us > CR_SPIN_MAX_US)
		return -EINVAL;
	if (!ring->wait)
		return 0;
	ring->wait->how = how;
	ring->wait->checked_ns = 0;
	ring->wait->rest = 0;
	cr_spin_init(&ring->wait->policy, max_us ? max_us * 1000ULL : DEFAULT_NS);
	return 0;
}

static int enter(cr_ring_t *ring, unsigned int to_submit, unsigned int min_complete, int timeout_ms)
{
	ring->enters++;
	return ring->ops->enter(ring, to_submit, min_complete, timeout_ms);
}

static bool there(const cr_ring_t *ring, uint32_t want)
{
	/* Pairs with the backend's release of cq_tail, as in cr_ring_peek. */
	return __atomic_load_n(&ring->hdr->cq_tail, __ATOMIC_ACQUIRE) - ring->cq_head >= want;
}

/* Until so many completions are unread, or it is end_ns. */
static bool spin(const cr_ring_t *ring, uint32_t want, uint64_t end_ns)
{
	do {
		for (unsigned int i = 0; i < LOOKS; i++) {
			if (there(ring, want))
				return true;
			relax();
		}
	} while (now_ns() < end_ns);
	return false;
}

/* Files are read for it: asked only once the policy would spin, and then every 10 s or 10,000 waits. */
static bool machine_has_to_spare(struct cr_wait *w, uint64_t now)
{
	if (w->checked_ns && now - w->checked_ns < CHECK_NS)
		return true;
	if (cr_cpus_usable() > 1 && !cr_on_battery(w->supplies)) {
		w->checked_ns = now;
		return true;
	}
	w->checked_ns = 0;
	w->rest = REST;
	return false;
}

static uint64_t budget(struct cr_wait *w, uint64_t now)
{
	uint64_t ns;

	if (w->how == CR_SPIN_ON)
		return w->policy.max_ns;
	ns = cr_spin_budget(&w->policy);
	return ns && machine_has_to_spare(w, now) ? ns : 0;
}

static int sleep_at_once(cr_ring_t *ring, unsigned int to_submit, unsigned int min_complete, int timeout_ms,
			 uint64_t begin)
{
	int rc = enter(ring, to_submit, min_complete, timeout_ms);

	if (rc >= 0 || rc == -ETIME)	/* else it was no wait */
		cr_spin_slept(&ring->wait->policy, now_ns() - begin);
	return rc;
}

static int spin_then_sleep(cr_ring_t *ring, unsigned int to_submit, unsigned int min_complete, int timeout_ms,
			   uint64_t budget_ns)
{
	uint32_t want = min_complete < ring->cq_entries ? min_complete : ring->cq_entries;
	struct cr_spin_policy *policy = &ring->wait->policy;
	uint64_t begin, spun;
	int taken = 0, rc;

	if (to_submit) {
		taken = enter(ring, to_submit, 0, 0);
		if (taken == -EAGAIN)	/* which it says when min_complete are there, not before */
			return enter(ring, to_submit, min_complete, timeout_ms);
		if (taken < 0)
			return taken;
	}
	if (there(ring, want))
		return taken;		/* nothing was waited for, and nothing is learnt */
	begin = now_ns();
	if (timeout_ms > 0 && budget_ns > (uint64_t)timeout_ms * 1000000)
		budget_ns = (uint64_t)timeout_ms * 1000000;
	if (spin(ring, want, begin + budget_ns)) {
		cr_spin_hit(policy, now_ns() - begin);
		return taken;
	}
	spun = now_ns() - begin;
	if (timeout_ms > 0)		/* rather too late than too early; 0 would not be a wait that runs out */
		timeout_ms = spun / 1000000 < (uint64_t)timeout_ms ? timeout_ms - (int)(spun / 1000000) : 1;
	rc = enter(ring, 0, min_complete, timeout_ms);
	cr_spin_missed(policy, spun, now_ns() - begin);
	return taken ? taken : rc;	/* as ENTER has it */
}

int cr_wait_enter(cr_ring_t *ring, unsigned int to_submit, unsigned int min_complete, int timeout_ms)
{
	struct cr_wait *w = ring->wait;
	uint64_t begin, budget_ns;

	/* What is stalled goes on in ENTER only, however many completions there are. */
	if (!w || w->how == CR_SPIN_OFF || !min_complete || !timeout_ms || timeout_ms < -1 ||
	    __atomic_load_n(&ring->hdr->cq_stalled, __ATOMIC_RELAXED))
		return enter(ring, to_submit, min_complete, timeout_ms);
	if (w->rest) {
		w->rest--;
		return enter(ring, to_submit, min_complete, timeout_ms);
	}
	begin = now_ns();
	budget_ns = budget(w, begin);
	if (!budget_ns)
		return sleep_at_once(ring, to_submit, min_complete, timeout_ms, begin);
	return spin_then_sleep(ring, to_submit, min_complete, timeout_ms, budget_ns);
}
